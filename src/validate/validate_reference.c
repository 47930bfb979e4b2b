/*
 * Coverage functions of a reference volume against the model's, at lags (h_r, h_z): closed forms, or the mean over periodic twins for
 * models with coupling. The twins give the bands: kappa of a lag as in validate_score.c, weights being numbers of pairs.
 * A C_ij is scored by its root mean square distance over lags in units of the bands, against the same for each twin with
 * the bands of the others.
 */
#include "validate_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/fft_serial.h"
#include "exset/label.h"

enum { LEAST_CELLS = 16 };

typedef struct {
  exset_ctx_t *ctx;
  const exset_model_t *model;
  const exset_volume_t *volume;
  int n_phases;
  double voxel[3], max_lag;
  int64_t n_lags, n_r, n_z;
  exset_coverage_t data;
  int n_twins;
  exset_coverage_t *twin;
  bool coupled;
  double *closed; /* layout of the estimates; NULL with coupling */
} study_t;

/* ---- closed forms ----------------------------------------------------------------------------- */

/* Correlation of a field at the lags (h_z, h_x) of a plane, cells of the volume: rho[n_z][columns], from its projected spectrum. */
static int plane_correlation(const study_t *s, exset_projection_t *projection,
                             const exset_fft_serial_t *fft, const int64_t n[2], int64_t columns,
                             const exset_spectrum_t *spectrum, double *rho) {
  const int64_t row_modes = n[1] / 2 + 1;
  double *s2 = NULL, *real = NULL;
  double complex *modes = NULL;
  int err = exset_alloc(s->ctx, (n[0] / 2 + 1) * row_modes, sizeof *s2, &s2);
  if (!err) err = exset_alloc(s->ctx, n[0] * n[1], sizeof *real, &real);
  if (!err) err = exset_alloc(s->ctx, n[0] * row_modes, sizeof *modes, &modes);
  if (!err) err = exset_projection_apply(projection, spectrum, s2);
  if (!err) {
    for (int64_t i = 0; i < n[0]; i++)
      for (int64_t j = 0; j < row_modes; j++)
        modes[i * row_modes + j] = s2[(i <= n[0] / 2 ? i : n[0] - i) * row_modes + j];
    exset_fft_serial_inverse(fft, modes, real);
    for (int64_t i = 0; i < s->n_z; i++)
      for (int64_t j = 0; j < columns; j++)
        rho[i * columns + j] = fmax(-1, fmin(1, real[i * n[1] + j]));
    rho[0] = 1;
  }
  free(s2);
  free(real);
  free(modes);
  return err;
}

/* rho[n_fields][n_z][columns] in a box that holds the lags and the model's reach. */
static int correlations(const study_t *s, int64_t columns, double *rho) {
  double xy, z;
  model_reach(s->model, &xy, &z);
  const int64_t across = box_size(fmax(64, 2 * (double)columns + 10 * xy / s->voxel[2]));
  const int64_t n[2] = {box_size(fmax(64, 2 * (double)s->n_z + 10 * z / s->voxel[0])), across};
  const int64_t box[3] = {n[0], across, across};
  exset_projection_t *projection = NULL;
  exset_fft_serial_t *fft = NULL;
  int err = exset_projection_create(s->ctx, box, s->voxel, EXSET_AXIS_Y, &projection);
  if (!err) err = exset_fft_serial_create(s->ctx, 2, n, EXSET_FFT_SERIAL_ESTIMATE, &fft);
  for (int f = 0; f < s->model->n_fields && !err; f++)
    err = plane_correlation(s, projection, fft, n, columns, &s->model->field[f].spectrum,
                            rho + f * s->n_z * columns);
  exset_fft_serial_destroy(&fft);
  exset_projection_destroy(&projection);
  return err;
}

/* C of all pairs at the lags of the plane, [n_phases * n_phases][n_z][columns]. */
static int plane_coverage(const study_t *s, int64_t columns, double *c) {
  const int n_fields = s->model->n_fields;
  exset_pair_t *pair[EXSET_MAX_FIELDS] = {NULL};
  double fraction[EXSET_MAX_FIELDS], *rho = NULL;
  int err = exset_alloc(s->ctx, exset_mul3(n_fields, s->n_z, columns), sizeof *rho, &rho);
  if (!err) err = correlations(s, columns, rho);
  for (int f = 0; f < n_fields && !err; f++) {
    fraction[f] = s->model->field[f].fraction;
    err = exset_pair_create(s->ctx, &s->model->field[f], &pair[f]);
  }
  if (!err) exset_coverage_model(n_fields, pair, fraction, s->n_z * columns, rho, c);
  for (int f = 0; f < n_fields; f++) exset_pair_destroy(&pair[f]);
  free(rho);
  return err;
}

/* Cubic interpolation in a row of values at 0, 1, 2, ..., n - 1; lag 0 may be a kink: not used beyond it. */
static double interpolate(const double *value, int64_t n, double at) {
  if (at == 0) return value[0];
  int64_t first = (int64_t)at - 1;
  if (first > n - 4) first = n - 4;
  if (first < 1) first = 1;
  double sum = 0;
  for (int i = 0; i < 4; i++) {
    double factor = 1;
    for (int j = 0; j < 4; j++)
      if (j != i) factor *= (at - (double)(first + j)) / (double)(i - j);
    sum += factor * value[first + i];
  }
  return sum;
}

/* Lags (h_y, h_x) >= 0 of a bin along r, with the share of the pairs that each has. */
typedef struct {
  int64_t bin;
  double at, weight;
} step_t;

static int64_t list_steps(const study_t *s, step_t *step) {
  const int64_t *n = s->volume->grid.n;
  int64_t count = 0;
  for (int64_t y = 0; y <= s->n_r && y < n[1]; y++)
    for (int64_t x = 0; x <= s->n_r && x < n[2]; x++) {
      const double at = hypot((double)y, (double)x);
      const int64_t bin = (int64_t)(at + 0.5);
      const double weight = (double)((y ? 2 : 1) * (x ? 2 : 1)) * (double)((n[1] - y) * (n[2] - x));
      if (bin < s->n_r) step[count++] = (step_t){bin, at, weight};
    }
  return count;
}

/* Means over the bins of one row (one h_z). */
static void average_row(const study_t *s, int64_t n_steps, const step_t *step, int64_t columns,
                        const double *row, double *sum, double *mean) {
  memset(sum, 0, (size_t)s->n_r * sizeof *sum);
  memset(mean, 0, (size_t)s->n_r * sizeof *mean);
  for (int64_t k = 0; k < n_steps; k++) {
    sum[step[k].bin] += step[k].weight;
    mean[step[k].bin] += step[k].weight * interpolate(row, columns, step[k].at);
  }
  for (int64_t b = 0; b < s->n_r; b++) mean[b] = sum[b] > 0 ? mean[b] / sum[b] : row[b];
}

static int make_closed(study_t *s) {
  const int64_t columns = s->n_r + 4, functions = (int64_t)s->n_phases * s->n_phases;
  double *c = NULL, *sum = NULL;
  step_t *step = NULL;
  EXSET_TRY(exset_alloc(s->ctx, functions * s->n_lags, sizeof(double), &s->closed));
  int err = exset_alloc(s->ctx, exset_mul3(functions, s->n_z, columns), sizeof *c, &c);
  if (!err) err = exset_alloc(s->ctx, s->n_r, sizeof *sum, &sum);
  if (!err) err = exset_alloc(s->ctx, (s->n_r + 1) * (s->n_r + 1), sizeof *step, &step);
  if (!err) err = plane_coverage(s, columns, c);
  if (!err) {
    const int64_t n_steps = list_steps(s, step);
    for (int64_t row = 0; row < functions * s->n_z; row++)
      average_row(s, n_steps, step, columns, c + row * columns, sum, s->closed + row * s->n_r);
  }
  free(c);
  free(sum);
  free(step);
  return err;
}

/* ---- volumes ---------------------------------------------------------------------------------- */

/* Ten correlation lengths, within what is done in a minute. */
static int twin_grid(const study_t *s, exset_grid_t *grid) {
  enum { LEAST = 64, MOST = 160, LENGTHS = 10 };
  double xy, z;
  int64_t n[3];
  model_reach(s->model, &xy, &z);
  for (int a = 0; a < 3; a++) {
    const double length = a == EXSET_AXIS_Z ? z : xy;
    const double cells = fmin(fmax(LENGTHS * length / s->voxel[a], LEAST), MOST);
    n[a] = box_size(fmax(cells, 2 * s->max_lag / s->voxel[a] + 4));
  }
  return exset_grid_init(s->ctx, n, s->voxel, grid);
}

static int make_twins(study_t *s, uint64_t seed, int64_t size[3]) {
  exset_grid_t grid;
  exset_sampler_t *sampler = NULL;
  exset_volume_t volume = {0};
  EXSET_TRY(twin_grid(s, &grid));
  memcpy(size, grid.n, sizeof grid.n);
  int err = exset_sampler_create(s->ctx, &grid, NULL, &sampler);
  if (!err) err = exset_volume_init(s->ctx, &grid, s->n_phases, &volume);
  for (int t = 0; t < s->n_twins && !err; t++) {
    err =
        exset_label_volume(s->ctx, sampler, s->model, seed, (uint64_t)t, volume.phase, NULL, NULL);
    if (!err)
      err = exset_coverage_volume(s->ctx, &volume, true, s->max_lag, EXSET_LAGS_RZ, &s->twin[t]);
  }
  exset_volume_clear(&volume);
  exset_sampler_destroy(&sampler);
  return err;
}

/* ---- scores ----------------------------------------------------------------------------------- */

/* Mean of the twins at a value's place, and kappa, without twin `skip` (-1: all). weight: sum of their pairs. */
static double twin_mean(const study_t *s, int skip, int64_t at, int64_t lag, double *weight,
                        double *kappa) {
  double sum = 0, square = 0;
  int count = 0;
  *weight = 0;
  for (int t = 0; t < s->n_twins; t++) {
    if (t == skip) continue;
    *weight += s->twin[t].pairs[lag];
    sum += s->twin[t].c[at];
    count++;
  }
  const double mean = sum / count; /* all have the same pairs */
  for (int t = 0; t < s->n_twins; t++)
    if (t != skip) square += s->twin[t].pairs[lag] * pow(s->twin[t].c[at] - mean, 2);
  *kappa = square / (count - 1);
  return mean;
}

/* The model's value, and the scatter about it of an estimate from so many pairs. */
static double model_value(const study_t *s, int skip, int64_t at, int64_t lag, double pairs,
                          double *sd) {
  double weight, kappa;
  const double mean = twin_mean(s, skip, at, lag, &weight, &kappa);
  *sd = sqrt(kappa * (1 / pairs + (s->coupled ? 1 / weight : 0)));
  return s->coupled ? mean : s->closed[at];
}

/* Root mean square over lags of an estimate's distance in units of the bands; skip: it is this twin's. */
static double measure(const study_t *s, const exset_coverage_t *c, int skip, int64_t first) {
  double square = 0;
  int64_t count = 0;
  for (int64_t lag = 1; lag < s->n_lags; lag++) {
    double sd;
    const double pairs = c->pairs[lag];
    if (!(pairs > 0)) continue;
    const double off = c->c[first + lag] - model_value(s, skip, first + lag, lag, pairs, &sd);
    if (!(sd > 0)) continue;
    square += off * off / (sd * sd);
    count++;
  }
  return count > 0 ? sqrt(square / (double)count) : NAN;
}

static int score_function(const study_t *s, int i, int j, exset_validation_t *v) {
  const int64_t first = exset_coverage_index(&s->data, i, j);
  double sum = 0, sum2 = 0;
  for (int t = 0; t < s->n_twins; t++) {
    const double distance = measure(s, &s->twin[t], t, first);
    sum += distance;
    sum2 += distance * distance;
  }
  exset_validate_row_t row = {
      .figure = "coverage_3d", .orientation = "volume", .phase = i, .other = j};
  row.data = measure(s, &s->data, -1, first);
  row.model = sum / s->n_twins;
  row.sd = sqrt(fmax(sum2 - sum * row.model, 0) / (s->n_twins - 1));
  return add_row(s->ctx, v, row);
}

static int score_fraction(const study_t *s, int i, exset_validation_t *v) {
  const int64_t at = exset_coverage_index(&s->data, i, i);
  exset_validate_row_t row = {
      .figure = "fraction", .orientation = "volume", .phase = i, .other = -1};
  row.data = s->data.c[at];
  row.model = model_value(s, -1, at, 0, s->data.pairs[0], &row.sd);
  return add_row(s->ctx, v, row);
}

/* Lags across z, or along it. */
static int add_line(const study_t *s, int i, int j, bool along_z, exset_validation_t *v) {
  const int64_t n = along_z ? s->n_z : s->n_r, step = along_z ? s->n_r : 1;
  const int64_t first = exset_coverage_index(&s->data, i, j);
  exset_validate_curve_t *curve;
  EXSET_TRY(add_curve(s->ctx, v, "coverage", "volume", along_z ? "z" : "r", n, &curve));
  curve->phase = i;
  curve->other = j;
  double square = 0;
  for (int64_t k = 0; k < n; k++) {
    const int64_t lag = k * step;
    curve->x[k] = along_z ? s->data.h_z[lag] : s->data.h_r[lag];
    curve->data[k] = s->data.c[first + lag];
    curve->model[k] =
        model_value(s, -1, first + lag, lag, fmax(s->data.pairs[lag], 1), &curve->sd[k]);
    square += pow(curve->data[k] - curve->model[k], 2);
  }
  curve->rms = sqrt(square / (double)n);
  return EXSET_OK;
}

static int score_all(const study_t *s, exset_validation_t *v) {
  for (int i = 0; i < s->n_phases; i++) EXSET_TRY(score_fraction(s, i, v));
  for (int i = 0; i < s->n_phases; i++)
    for (int j = i; j < s->n_phases; j++) {
      EXSET_TRY(score_function(s, i, j, v));
      for (int along_z = 0; along_z < 2; along_z++) EXSET_TRY(add_line(s, i, j, along_z, v));
    }
  return EXSET_OK;
}

/* ---- the study -------------------------------------------------------------------------------- */

static int check_reference(exset_ctx_t *ctx, const exset_volume_t *volume,
                           const exset_model_t *model) {
  const exset_grid_t *g = &volume->grid;
  if (volume->n_phases != model->n_fields + 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the model has %d phases (fields and the rest), the reference volume has %d",
                      model->n_fields + 1, volume->n_phases);
  if (fabs(g->voxel[EXSET_AXIS_X] - g->voxel[EXSET_AXIS_Y]) > 1e-9 * g->voxel[EXSET_AXIS_X])
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "voxels of the reference volume are %g um along y and %g along x: validate "
                      "needs them equal",
                      g->voxel[EXSET_AXIS_Y], g->voxel[EXSET_AXIS_X]);
  for (int a = 0; a < 3; a++)
    if (g->n[a] < LEAST_CELLS)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "the reference volume is %lld cells wide: at least %d are needed",
                        (long long)g->n[a], LEAST_CELLS);
  return EXSET_OK;
}

static void choose_lags(study_t *s, double wanted) {
  const exset_grid_t *g = &s->volume->grid;
  s->max_lag = wanted;
  for (int a = 0; a < 3; a++) s->max_lag = fmin(s->max_lag, (double)(g->n[a] / 4) * g->voxel[a]);
  s->max_lag = fmax(s->max_lag, 4 * fmax(g->voxel[0], g->voxel[2])); /* what interpolation needs */
}

static void clear_study(study_t *s) {
  exset_coverage_clear(&s->data);
  for (int t = 0; s->twin && t < s->n_twins; t++) exset_coverage_clear(&s->twin[t]);
  free(s->twin);
  free(s->closed);
}

static int run_study(study_t *s, uint64_t seed, exset_validation_t *v) {
  EXSET_TRY(exset_alloc_all(s->ctx, s->n_twins, sizeof *s->twin, &s->twin));
  EXSET_TRY(exset_coverage_volume(s->ctx, s->volume, false, s->max_lag, EXSET_LAGS_RZ, &s->data));
  s->n_lags = s->data.n_lags;
  s->n_r = 1;
  while (s->n_r < s->n_lags && s->data.h_z[s->n_r] == 0) s->n_r++;
  s->n_z = s->n_lags / s->n_r;
  EXSET_TRY(make_twins(s, seed, v->twin));
  EXSET_TRY(exset_agree(s->ctx, s->coupled ? EXSET_OK : make_closed(s)));
  return exset_agree(s->ctx, score_all(s, v));
}

int score_reference(exset_ctx_t *ctx, const exset_volume_t *reference, const exset_model_t *model,
                    const exset_validate_options_t *options, exset_validation_t *validation) {
  EXSET_TRY(check_reference(ctx, reference, model));
  study_t s = {.ctx = ctx,
               .model = model,
               .volume = reference,
               .n_phases = reference->n_phases,
               .n_twins = options->twins,
               .coupled = exset_model_coupled(model)};
  memcpy(s.voxel, reference->grid.voxel, sizeof s.voxel);
  choose_lags(&s, options->max_lag);
  exset_info(ctx, "reference volume: lags up to %g um, %d twins", s.max_lag, s.n_twins);
  const int err = run_study(&s, options->seed, validation);
  clear_study(&s);
  return err;
}
