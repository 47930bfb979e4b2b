/* test: np="1" time=120 */
/*
 * Sections drawn have the distribution of sections through 3D realisations: covariances of their fields equal those summed
 * from densities over the 3D grid (the naive way), coverage functions of their labels equal the closed forms, in each
 * orientation, for models with their own length along z; coupled fields have the right correlation. Estimates are means over
 * independent realisations; each must lie within 4.5 standard errors (from their spread) of the closed value: with about
 * 200 checks a correct program fails with probability 1.4e-3, once for all as seeds are fixed.
 */
#include "exset/coverage.h"
#include "test_plane.h"

enum { REALISATIONS = 300, LAGS = 6, CELLS_MAX = 40 * 40 };
static const int64_t n[3] = {30, 27, 40};
static const double voxel[3] = {0.8, 0.7, 0.5};
static const int64_t lag[LAGS][2] = {{0, 0}, {0, 1}, {1, 0}, {2, 1}, {0, 4}, {4, 2}};

static double density(const exset_spectrum_t *s, int term, const double k[3]) {
  const double kr2 = k[EXSET_AXIS_X] * k[EXSET_AXIS_X] + k[EXSET_AXIS_Y] * k[EXSET_AXIS_Y];
  const double kz2 = k[EXSET_AXIS_Z] * k[EXSET_AXIS_Z];
  return term < 0 ? exset_knots_density(s, sqrt(kr2), sqrt(kz2))
                  : exp(exset_term_log_density(&s->term[term], kr2, kz2));
}

/* Adds share times the correlations of one term (or the splines, term -1). */
static void add_term(const exset_spectrum_t *s, int term, double share, int row, int col,
                     double *rho) {
  double all = 0, sum[LAGS] = {0};
  for (int64_t m = 0; m < n[0] * n[1] * n[2]; m++) {
    const int64_t i[3] = {m / (n[1] * n[2]), m / n[2] % n[1], m % n[2]};
    double k[3];
    for (int d = 0; d < 3; d++) k[d] = exset_wavenumber(i[d], n[d], voxel[d]);
    const double f = density(s, term, k);
    all += f;
    for (int l = 0; l < LAGS; l++)
      sum[l] += f * cos(k[row] * voxel[row] * (double)lag[l][0] +
                        k[col] * voxel[col] * (double)lag[l][1]);
  }
  for (int l = 0; l < LAGS; l++) rho[l] += share * sum[l] / all;
}

static void correlations(const exset_spectrum_t *s, int normal, double *rho) {
  const int row = normal == EXSET_AXIS_Z ? EXSET_AXIS_Y : EXSET_AXIS_Z;
  const int col = normal == EXSET_AXIS_X ? EXSET_AXIS_Y : EXSET_AXIS_X;
  double weights = 0;
  memset(rho, 0, LAGS * sizeof *rho);
  rho[0] = s->nugget;
  if (s->knots_r > 0) add_term(s, -1, 1 - s->nugget, row, col, rho);
  for (int t = 0; t < s->n_terms; t++) weights += s->term[t].weight;
  for (int t = 0; t < s->n_terms; t++)
    add_term(s, t, (1 - s->nugget) * s->term[t].weight / weights, row, col, rho);
}

typedef struct {
  int64_t rows, cols;
  int n_phases;
  plane_mean_t covariance[EXSET_MAX_FIELDS][LAGS], cross;
  plane_mean_t coverage[9][LAGS];
} means_t;

static int64_t neighbour(const means_t *m, int64_t i, const int64_t h[2]) {
  return (i / m->cols + h[0]) % m->rows * m->cols + (i % m->cols + h[1]) % m->cols;
}

static void count_fields(means_t *m, const exset_model_t *model, const double *u) {
  const int64_t cells = m->rows * m->cols;
  double *x[2], sum = 0;
  for (int f = 0; f < 2; f++) {
    const exset_field_t *field = &model->field[f];
    const double level = exset_field_threshold(field);
    const double spread = field->type == EXSET_FIELD_GAUSSIAN ? 1 : sqrt(2.0 * field->dof);
    x[f] = malloc((size_t)cells * sizeof(double));
    for (int64_t i = 0; i < cells; i++)
      x[f][i] = level + (field->below ? -spread : spread) * u[f * cells + i];
    for (int l = 0; l < LAGS; l++) {
      double product = 0;
      for (int64_t i = 0; i < cells; i++) product += x[f][i] * x[f][neighbour(m, i, lag[l])];
      plane_count(&m->covariance[f][l], product / (double)cells);
    }
  }
  for (int64_t i = 0; i < cells; i++) sum += x[0][i] * x[1][i];
  plane_count(&m->cross, sum / (double)cells);
  free(x[0]);
  free(x[1]);
}

static void count_labels(means_t *m, const uint8_t *label) {
  const int64_t cells = m->rows * m->cols;
  for (int l = 0; l < LAGS; l++) {
    double count[9] = {0};
    for (int64_t i = 0; i < cells; i++)
      count[(label[i] - 1) * m->n_phases + label[neighbour(m, i, lag[l])] - 1]++;
    for (int c = 0; c < 9; c++) plane_count(&m->coverage[c][l], count[c] / (double)cells);
  }
}

static void check_coverage(exset_ctx_t *ctx, const means_t *m, const exset_model_t *model,
                           const double *rho) {
  exset_pair_t *pair[2];
  double c[9 * LAGS], fraction[2];
  for (int f = 0; f < 2; f++) {
    MUST(ctx, exset_pair_create(ctx, &model->field[f], &pair[f]));
    fraction[f] = model->field[f].fraction;
  }
  exset_coverage_model(2, pair, fraction, LAGS, rho, c);
  for (int f = 0; f < 2; f++) MUST(ctx, exset_pair_destroy(&pair[f]));
  for (int k = 0; k < 9; k++)
    for (int l = 0; l < LAGS; l++)
      plane_check_mean(&m->coverage[k][l], c[k * LAGS + l], 1e-9, "coverage, 10 function + lag",
                       10 * k + l);
}

static void check_fields(const means_t *m, const exset_model_t *model, const double *rho) {
  const double c = model->field[1].coupling;
  for (int f = 0; f < 2; f++)
    for (int l = 0; l < LAGS; l++) {
      const exset_field_t *field = &model->field[f];
      const double r = rho[f * LAGS + l], dof = field->dof;
      double expected = f == 0 ? r : (r + c * c * rho[l]) / (1 + c * c);
      if (field->type == EXSET_FIELD_CHI_SQUARE) expected = dof * dof + 2 * dof * r * r;
      plane_check_mean(&m->covariance[f][l], expected, 1e-9, "covariance, 10 field + lag",
                       10 * f + l);
    }
  const double mean = model->field[1].type == EXSET_FIELD_GAUSSIAN ? c / sqrt(1 + c * c) : 0;
  plane_check_mean(&m->cross, mean, 1e-9, "correlation of the fields, component 1 and", 2);
}

static void check_model(exset_ctx_t *ctx, const exset_model_t *model, int normal) {
  static double phase[3 * CELLS_MAX], u[2 * CELLS_MAX];
  static uint8_t label[CELLS_MAX];
  means_t m = {0};
  exset_plane_t *plane;
  double rho[2 * LAGS];
  MUST(ctx, exset_plane_create(ctx, model, n, voxel, normal, 1, &plane));
  exset_plane_shape(plane, &m.rows, &m.cols, &m.n_phases);
  CHECK(m.rows == n[normal == EXSET_AXIS_Z ? EXSET_AXIS_Y : EXSET_AXIS_Z]);
  CHECK(m.cols == n[normal == EXSET_AXIS_X ? EXSET_AXIS_Y : EXSET_AXIS_X]);
  CHECK(m.n_phases == 3);
  exset_plane_threshold(plane, EXSET_THRESHOLD_SOFT, 1);
  for (int r = 0; r < REALISATIONS; r++) {
    MUST(ctx, exset_plane_draw(plane, 0, 99, (uint64_t)r, phase));
    plane_fields(model, m.rows * m.cols, phase, u);
    count_fields(&m, model, u);
    MUST(ctx, exset_plane_labels(plane, 99, (uint64_t)r, label));
    count_labels(&m, label);
  }
  for (int f = 0; f < 2; f++) correlations(&model->field[f].spectrum, normal, rho + f * LAGS);
  check_fields(&m, model, rho);
  if (model->field[1].coupling == 0) check_coverage(ctx, &m, model, rho);
  MUST(ctx, exset_plane_destroy(&plane));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int normal = 0; normal < 3; normal++) {
    exset_model_t model = {.n_fields = 2};
    model.field[0] = plane_field_of(0, false, 0.4);
    model.field[1] = plane_field_of(normal, normal == 2, 0.3);
    plane_use_terms(&model.field[0], 0, 2, 0);
    plane_use_terms(&model.field[1], 2, 1, 0.1);
    if (normal == 0) model.field[1].coupling = 0.8;
    check_model(ctx, &model, normal);
    if (normal == 0) model.field[1].coupling = 0;
    else plane_use_knots(ctx, &model.field[1], 6, 5);
    check_model(ctx, &model, normal);
    exset_model_clear(&model);
  }
  return test_end(ctx);
}
