/* test: np="1" time=120 */
/*
 * Straight-through thresholds. Their phases are hard; their derivatives are those defined: hard indicators in the products,
 * a kernel of width T for the indicator's own derivative, which is rebuilt here from fields found back from soft phases and
 * from differences of those fields. And in the mean over realisations they are right: for a small T the derivative of a
 * phase fraction and of a pair probability come out as the closed forms say. Means must lie within 4.5 standard errors (from
 * their spread) and a bias of order T^2: with fewer than 30 such checks a correct program fails with probability 2e-4,
 * once for all as seeds are fixed.
 */
#include "test_plane.h"

static const double voxel[3] = {0.8, 0.5, 0.7};

/* ---- by definition ---- */

typedef struct {
  exset_ctx_t *ctx;
  exset_plane_t *plane;
  exset_model_t *model;
  int64_t cells;
  double *phase;
} case_t;

/* u = +-(X - l)/spread of all fields of realisation 3. */
static void fields(case_t *c, double *u) {
  exset_plane_threshold(c->plane, EXSET_THRESHOLD_SOFT, 1);
  MUST(c->ctx, exset_plane_model(c->plane, c->model));
  MUST(c->ctx, exset_plane_draw(c->plane, 0, 11, 3, c->phase));
  plane_fields(c->model, c->cells, c->phase, u);
}

/* dL/du by the definition, from d_phase. */
static void by_definition(const case_t *c, double temperature, const double *d_phase,
                          const double *u, double *d_u) {
  const int n = c->model->n_fields;
  for (int64_t i = 0; i < c->cells; i++) {
    for (int f = 0; f < n; f++) {
      double rest = 1, d_h; /* phase_f = rest h_f, the later ones rest (1 - h_f) ... */
      for (int b = 0; b < f; b++) rest *= u[b * c->cells + i] < 0;
      d_h = rest * d_phase[f * c->cells + i];
      for (int p = f + 1; p <= n; p++) {
        double later = rest;
        for (int b = f + 1; b < p; b++) later *= u[b * c->cells + i] < 0;
        if (p < n) later *= u[p * c->cells + i] >= 0;
        d_h -= later * d_phase[p * c->cells + i];
      }
      const double s = 1 / (1 + exp(-u[f * c->cells + i] / temperature));
      d_u[f * c->cells + i] = d_h * s * (1 - s) / temperature;
    }
  }
}

static void check_hard(const case_t *c, const double *u) {
  int wrong = 0;
  for (int64_t i = 0; i < c->cells; i++) {
    int phase = 0;
    while (phase < c->model->n_fields && u[phase * c->cells + i] < 0) phase++;
    for (int p = 0; p <= c->model->n_fields; p++)
      wrong += c->phase[p * c->cells + i] != (p == phase ? 1.0 : 0.0);
  }
  CHECK(wrong == 0);
}

static void check_definition(exset_ctx_t *ctx, exset_model_t *model, int normal,
                             double temperature) {
  static const int64_t n[3] = {14, 21, 18};
  case_t c = {.ctx = ctx, .model = model};
  exset_model_t grad;
  plane_number_t list[400];
  int64_t rows, cols;
  int n_phases;
  MUST(ctx, exset_plane_create(ctx, model, n, voxel, normal, 1, &c.plane));
  exset_plane_shape(c.plane, &rows, &cols, &n_phases);
  c.cells = rows * cols;
  const int64_t all = c.cells * n_phases;
  double *work;
  MUST(ctx, exset_alloc(ctx, 6 * all, sizeof *work, &work));
  c.phase = work + 5 * all;
  double *u = work, *d_u = work + all, *up = work + 2 * all, *down = work + 3 * all;
  double *d_phase = work + 4 * all;
  for (int64_t i = 0; i < all; i++) d_phase[i] = plane_random((uint64_t)i);
  fields(&c, u);
  by_definition(&c, temperature, d_phase, u, d_u);
  exset_plane_threshold(c.plane, EXSET_THRESHOLD_STRAIGHT_THROUGH, temperature);
  MUST(ctx, exset_plane_draw(c.plane, 0, 11, 3, c.phase));
  check_hard(&c, u);
  plane_zero_gradient(ctx, model, &grad);
  MUST(ctx, exset_plane_backward(c.plane, 0, d_phase));
  MUST(ctx, exset_plane_gradient(c.plane, &grad));
  const int count = plane_numbers(model, &grad, list);
  for (int i = 0; i < count; i++) {
    const double x = *list[i].value, h = 1e-5 * fabs(x);
    *list[i].value = x + h;
    fields(&c, up);
    *list[i].value = x - h;
    fields(&c, down);
    *list[i].value = x;
    double expected = 0;
    for (int64_t k = 0; k < c.cells * model->n_fields; k++)
      expected += d_u[k] * (up[k] - down[k]) / (2 * h);
    CHECK_MSG(fabs(*list[i].grad - expected) <= 1e-5 * fabs(expected) + 1e-6 / fabs(x),
              "normal %d, T %g, %s: %.9g, by definition %.9g", normal, temperature, list[i].name,
              *list[i].grad, expected);
  }
  free(work);
  exset_model_clear(&grad);
  MUST(ctx, exset_plane_destroy(&c.plane));
}

/* ---- in the mean ---- */

enum { REALISATIONS = 400, EDGE = 48 };
static const double small = 0.06; /* T */

/* The plane's own C_11 at a lag, periodic, and its derivatives by the phases. */
static void pair_loss(int64_t rows, int64_t cols, const int64_t lag[2], const double *phase,
                      double *d_phase) {
  const int64_t cells = rows * cols;
  memset(d_phase, 0, (size_t)(2 * cells) * sizeof *d_phase);
  for (int64_t i = 0; i < cells; i++) {
    const int64_t j = (i / cols + lag[0]) % rows * cols + (i % cols + lag[1]) % cols;
    d_phase[i] += phase[j] / (double)cells;
    d_phase[j] += phase[i] / (double)cells;
  }
}

/* rho at a lag, from the projected spectrum. */
static double correlation(exset_ctx_t *ctx, const exset_spectrum_t *s, const int64_t n[3],
                          int normal, const int64_t lag[2]) {
  exset_projection_t *p;
  int64_t rows, cols;
  const double *multiplicity;
  double *s2, sum = 0;
  MUST(ctx, exset_projection_create(ctx, n, voxel, normal, &p));
  exset_projection_shape(p, &rows, &cols, &multiplicity);
  MUST(ctx, exset_alloc(ctx, rows * cols, sizeof *s2, &s2));
  MUST(ctx, exset_projection_apply(p, s, s2));
  for (int64_t k = 0; k < rows * cols; k++)
    sum += multiplicity[k] * s2[k] * cos(2 * M_PI * (double)(k / cols * lag[0]) / EDGE) *
           cos(2 * M_PI * (double)(k % cols * lag[1]) / EDGE);
  free(s2);
  MUST(ctx, exset_projection_destroy(&p));
  return sum;
}

/* Closed forms of dC_11/d fraction and dC_11/d length_xy. */
static void closed_forms(exset_ctx_t *ctx, exset_model_t *model, const int64_t n[3], int normal,
                         const int64_t lag[2], double expected[2]) {
  exset_pair_t *pair;
  exset_spectrum_t *s = &model->field[0].spectrum;
  const double length = s->term[0].length_xy, h = 1e-4 * length;
  const double rho = correlation(ctx, s, n, normal, lag);
  double value, d_rho;
  MUST(ctx, exset_pair_create(ctx, &model->field[0], &pair));
  exset_pair_eval(pair, rho, &value, &d_rho, &expected[0]);
  MUST(ctx, exset_pair_destroy(&pair));
  s->term[0].length_xy = length + h;
  const double up = correlation(ctx, s, n, normal, lag);
  s->term[0].length_xy = length - h;
  expected[1] = d_rho * (up - correlation(ctx, s, n, normal, lag)) / (2 * h);
  s->term[0].length_xy = length;
}

static void check_means(exset_ctx_t *ctx, int dof, bool below, int normal) {
  static const int64_t n[3] = {EDGE, EDGE, EDGE}, lag[2] = {1, 2};
  static const int64_t cells = (int64_t)EDGE * EDGE;
  exset_model_t model = {.n_fields = 1, .field = {plane_field_of(dof, below, 0.4)}}, grad;
  plane_use_terms(&model.field[0], 0, 1, 0);
  exset_plane_t *plane;
  double *phase, *d_phase, expected[2];
  plane_mean_t fraction = {0}, by_fraction = {0}, by_length = {0};
  MUST(ctx, exset_plane_create(ctx, &model, n, voxel, normal, 1, &plane));
  MUST(ctx, exset_alloc(ctx, 2 * cells, sizeof *phase, &phase));
  MUST(ctx, exset_alloc(ctx, 2 * cells, sizeof *d_phase, &d_phase));
  exset_plane_threshold(plane, EXSET_THRESHOLD_STRAIGHT_THROUGH, small);
  for (int r = 0; r < REALISATIONS; r++) {
    MUST(ctx, exset_plane_draw(plane, 0, 5, (uint64_t)r, phase));
    for (int64_t i = 0; i < 2 * cells; i++) d_phase[i] = i < cells ? 1.0 / (double)cells : 0;
    plane_zero_gradient(ctx, &model, &grad);
    MUST(ctx, exset_plane_backward(plane, 0, d_phase));
    MUST(ctx, exset_plane_gradient(plane, &grad));
    plane_count(&fraction, grad.field[0].fraction);
    exset_model_clear(&grad);
    pair_loss(EDGE, EDGE, lag, phase, d_phase);
    plane_zero_gradient(ctx, &model, &grad);
    MUST(ctx, exset_plane_backward(plane, 0, d_phase));
    MUST(ctx, exset_plane_gradient(plane, &grad));
    plane_count(&by_fraction, grad.field[0].fraction);
    plane_count(&by_length, grad.field[0].spectrum.term[0].length_xy);
    exset_model_clear(&grad);
  }
  closed_forms(ctx, &model, n, normal, lag, expected);
  CHECK(fabs(expected[1]) > 0.02); /* something to find */
  plane_check_mean(&fraction, 1, small * small, "d fraction, dof", dof);
  plane_check_mean(&by_fraction, expected[0], small * small * expected[0], "dC_11/dp, dof", dof);
  plane_check_mean(&by_length, expected[1], 4 * small * small * fabs(expected[1]),
                   "dC_11/dlength_xy, dof", dof);
  free(phase);
  free(d_phase);
  MUST(ctx, exset_plane_destroy(&plane));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int dof = 0; dof <= 3; dof++) {
    exset_model_t model = {.n_fields = 3};
    for (int f = 0; f < 3; f++) {
      model.field[f] = plane_field_of(f == 2 ? dof : 0, f == 1 || dof == 3, 0.3 + 0.1 * f);
      plane_use_terms(&model.field[f], f, 1 + f % 2, 0.02);
    }
    model.field[1].coupling = 0.6;
    check_definition(ctx, &model, dof % 3, 0.2);
    check_definition(ctx, &model, (dof + 1) % 3, 1.5);
  }
  check_means(ctx, 0, false, 0);
  check_means(ctx, 0, true, 1);
  check_means(ctx, 2, false, 2);
  check_means(ctx, 3, true, 0);
  return test_end(ctx);
}
