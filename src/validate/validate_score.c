/*
 * Scores: pooled figures of the data against those of the realisations, in units of the scatter to be expected when the model is
 * right.
 *
 * A pooled figure is sum w v / sum w over sections. With Var v = kappa / w, as for means over independent areas,
 * Var(data - model) = kappa (1 / sum of w over data + 1 / sum of w over realisations); kappa comes from the scatter of both about
 * their own means: mostly the realisations', but a figure that few of them have does not get a band of next to nothing.
 * Distances between curves are scored by what they are between random choices (with replacement) of realisations.
 */
#include "validate_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/rng.h"

enum { RESAMPLES = 256 };
static const double negligible = 1e-9; /* relative: rounding */

/* ---- rows and curves -------------------------------------------------------------------------- */

/* A figure without scatter is either the same or far away. */
static double standardise(double data, double model, double sd) {
  if (isnan(data) || isnan(model)) return NAN;
  const double noise = negligible * fmax(fabs(data), fabs(model)), off = data - model;
  if (fabs(off) <= noise) return 0;
  if (sd <= noise) return copysign(EXSET_VALIDATE_NO_SCATTER, off);
  return off / sd;
}

int add_row(exset_ctx_t *ctx, exset_validation_t *v, exset_validate_row_t row) {
  exset_validate_row_t *grown = realloc(v->row, sizeof *grown * (size_t)(v->n_rows + 1));
  if (!grown) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  v->row = grown;
  row.z = standardise(row.data, row.model, row.sd);
  grown[v->n_rows++] = row;
  return EXSET_OK;
}

int add_curve(exset_ctx_t *ctx, exset_validation_t *v, const char *figure, const char *orientation,
              const char *direction, int64_t n, exset_validate_curve_t **curve) {
  exset_validate_curve_t *grown = realloc(v->curve, sizeof *grown * (size_t)(v->n_curves + 1));
  if (!grown) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  v->curve = grown;
  *curve = &grown[v->n_curves++];
  **curve = (exset_validate_curve_t){
      .figure = figure, .orientation = orientation, .direction = direction, .other = -1, .n = n};
  double **array[] = {&(*curve)->x, &(*curve)->data, &(*curve)->model, &(*curve)->sd};
  for (int k = 0; k < 4; k++) EXSET_TRY(exset_alloc(ctx, n, sizeof(double), array[k]));
  return EXSET_OK;
}

/* ---- pools ------------------------------------------------------------------------------------ */

/* Sections pooled; times: how often each counts, NULL: once. */
typedef struct {
  const double *record;
  int64_t size; /* of a record */
  int count;
  const double *times;
} pool_t;

static pool_t pool_data(const kind_t *kind) {
  return (pool_t){kind->data, kind->record, kind->n_sections, NULL};
}

static pool_t pool_draws(const kind_t *kind) {
  return (pool_t){kind->draw, kind->record, kind->realisations, NULL};
}

/* Where n values and their weights lie in a record. */
typedef struct {
  int64_t weight, value, n;
} span_t;

/* Weighted means; NaN where nothing has a weight. sum: of the weights. */
static void pool_means(const pool_t *pool, span_t span, double *mean, double *sum) {
  memset(mean, 0, (size_t)span.n * sizeof *mean);
  memset(sum, 0, (size_t)span.n * sizeof *sum);
  for (int s = 0; s < pool->count; s++) {
    const double times = pool->times ? pool->times[s] : 1;
    const double *weight = pool->record + s * pool->size + span.weight;
    const double *value = pool->record + s * pool->size + span.value;
    if (times == 0) continue;
    for (int64_t k = 0; k < span.n; k++) {
      sum[k] += times * weight[k];
      mean[k] += times * weight[k] * value[k];
    }
  }
  for (int64_t k = 0; k < span.n; k++) mean[k] /= sum[k];
}

/* Squares for kappa of a figure, from the sections that have it; adds their number less one to dof. */
static double scatter(const pool_t *pool, span_t span, int64_t k, double mean, int *dof) {
  double square = 0;
  int count = 0;
  for (int s = 0; s < pool->count; s++) {
    const double weight = pool->record[s * pool->size + span.weight + k];
    const double off = pool->record[s * pool->size + span.value + k] - mean;
    if (!(weight > 0)) continue;
    square += weight * off * off;
    count++;
  }
  *dof += count > 0 ? count - 1 : 0;
  return square;
}

/* Pooled data and model of a span and the scatter of their difference. */
typedef struct {
  double *data, *model, *sd;
} compared_t;

static int compare(const kind_t *kind, span_t span, compared_t c) {
  const pool_t data = pool_data(kind), draws = pool_draws(kind);
  double *sum;
  EXSET_TRY(exset_alloc(kind->ctx, 2 * span.n, sizeof *sum, &sum));
  pool_means(&data, span, c.data, sum);
  pool_means(&draws, span, c.model, sum + span.n);
  for (int64_t k = 0; k < span.n; k++) {
    int dof = 0;
    const double square =
        scatter(&data, span, k, c.data[k], &dof) + scatter(&draws, span, k, c.model[k], &dof);
    const double kappa = dof > 0 ? square / dof : 0;
    c.sd[k] = sqrt(kappa * (1 / sum[k] + 1 / sum[span.n + k]));
  }
  free(sum);
  return EXSET_OK;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static void name_scalar(const kind_t *kind, figure_t figure, char name[40]) {
  static const char *const names[] = {"fraction",   "boundary", "boundary",        "chord_mean",
                                      "chord_mean", "clusters", "largest_cluster", "spanning"};
  const bool chord = figure == FIGURE_CHORD_0 || figure == FIGURE_CHORD_1;
  snprintf(name, 40, "%s%s%s", names[figure], chord ? "_" : "",
           chord ? kind_axis(kind, figure == FIGURE_CHORD_1) : "");
}

static int score_scalars(const kind_t *kind, exset_validation_t *v) {
  const int n = kind->n_scalars;
  double *value;
  EXSET_TRY(exset_alloc(kind->ctx, 3 * n, sizeof *value, &value));
  int err = compare(kind, (span_t){n, 0, n}, (compared_t){value, value + n, value + 2 * n});
  for (int k = 0; k < n && !err; k++) {
    exset_validate_row_t row = {.orientation = kind->orientation,
                                .phase = kind->scalar[k].phase,
                                .other = kind->scalar[k].other,
                                .data = value[k],
                                .model = value[n + k],
                                .sd = value[2 * n + k]};
    name_scalar(kind, kind->scalar[k].figure, row.figure);
    err = add_row(kind->ctx, v, row);
  }
  free(value);
  return err;
}

/* ---- distances -------------------------------------------------------------------------------- */

/* Two pooled curves and how far apart they are. */
typedef struct {
  const kind_t *kind;
  bool
      chords; /* largest difference of cumulative distributions; else root mean square in units of sd */
  span_t span;
  const double *sd;
  double *data, *model, *sum; /* [n]: pooled */
} distance_t;

/* Cumulative distribution of numbers of chords by length; NaN without chords. */
static void pool_chords(const pool_t *pool, span_t span, double *cumulative) {
  memset(cumulative, 0, (size_t)span.n * sizeof *cumulative);
  for (int s = 0; s < pool->count; s++) {
    const double times = pool->times ? pool->times[s] : 1;
    const double *number = pool->record + s * pool->size + span.value;
    for (int64_t k = 0; k < span.n; k++) cumulative[k] += times * number[k];
  }
  for (int64_t k = 1; k < span.n; k++) cumulative[k] += cumulative[k - 1];
  const double all = cumulative[span.n - 1];
  for (int64_t k = 0; k < span.n; k++) cumulative[k] /= all;
}

static void pool_curve(const distance_t *d, const pool_t *pool, double *curve) {
  if (d->chords) pool_chords(pool, d->span, curve);
  else pool_means(pool, d->span, curve, d->sum);
}

static double measure(const distance_t *d, const pool_t *data, const pool_t *model) {
  double largest = 0, square = 0;
  int count = 0;
  pool_curve(d, data, d->data);
  pool_curve(d, model, d->model);
  for (int64_t k = 0; k < d->span.n; k++) {
    const double off = d->data[k] - d->model[k];
    if (isnan(off) && d->chords) return NAN;
    largest = fmax(largest, fabs(off));
    if (d->chords || k == 0 || !(d->sd[k] > 0) || isnan(off)) continue; /* lag 0: the fraction */
    square += off * off / (d->sd[k] * d->sd[k]);
    count++;
  }
  if (d->chords) return largest;
  return count > 0 ? sqrt(square / count) : NAN;
}

/* How often each of count realisations is met in n random choices. */
static void resample(const kind_t *kind, uint64_t number, uint32_t part, int n, double *times) {
  const int count = kind->realisations;
  const exset_rng_key_t key = exset_rng_key(kind->options.seed, EXSET_STREAM_CHOICE, number, part);
  memset(times, 0, (size_t)count * sizeof *times);
  for (int j = 0; j < n; j++) {
    const uint32_t counter[4] = {(uint32_t)j, 0, 0, 0};
    uint32_t word[4];
    exset_rng_one(key, counter, word);
    times[(int64_t)(exset_rng_uniform(word[0]) * count)]++;
  }
}

/* Random choices as many as there are sections, and as many as there are realisations: [RESAMPLES][2][realisations]. */
static int make_choices(const kind_t *kind, uint32_t number, double **times) {
  const int64_t m = kind->realisations;
  EXSET_TRY(exset_alloc(kind->ctx, exset_mul3(RESAMPLES, 2, m), sizeof **times, times));
  for (int b = 0; b < RESAMPLES; b++) {
    resample(kind, (uint64_t)b, 2 * number, kind->n_sections, *times + 2 * b * m);
    resample(kind, (uint64_t)b, 2 * number + 1, (int)m, *times + (2 * b + 1) * m);
  }
  return EXSET_OK;
}

/* Distances between the choices: mean and standard deviation; square[n]: sums of squared differences. */
static void measure_choices(const distance_t *d, const double *times, exset_validate_row_t *row,
                            double *square) {
  const int64_t m = d->kind->realisations;
  pool_t data = pool_draws(d->kind), model = data;
  double sum = 0, sum2 = 0;
  int count = 0;
  for (int b = 0; b < RESAMPLES; b++) {
    data.times = times + 2 * b * m;
    model.times = times + (2 * b + 1) * m;
    const double distance = measure(d, &data, &model);
    if (isnan(distance)) continue;
    sum += distance;
    sum2 += distance * distance;
    count++;
    for (int64_t k = 0; k < d->span.n; k++) square[k] += pow(d->data[k] - d->model[k], 2);
  }
  row->model = count > 1 ? sum / count : NAN;
  row->sd = count > 1 ? sqrt(fmax(sum2 / count - row->model * row->model, 0)) : NAN;
  for (int64_t k = 0; k < d->span.n; k++) square[k] = count > 1 ? square[k] / count : NAN;
}

/* The row of a distance whose curve has been laid out; the curve's sd is used by coverage and set for chords. */
static int score_distance(distance_t *d, const double *times, exset_validate_row_t row,
                          exset_validation_t *v) {
  exset_validate_curve_t *curve = &v->curve[v->n_curves - 1];
  double *work;
  EXSET_TRY(exset_alloc(d->kind->ctx, 4 * d->span.n, sizeof *work, &work));
  double *square = work + 3 * d->span.n;
  d->data = work;
  d->model = work + d->span.n;
  d->sum = work + 2 * d->span.n;
  d->sd = curve->sd;
  const pool_t data = pool_data(d->kind), model = pool_draws(d->kind);
  measure_choices(d, times, &row, square);
  row.data = measure(d, &data, &model);
  double sum = 0;
  for (int64_t k = 0; k < curve->n; k++) {
    curve->data[k] = d->data[k];
    curve->model[k] = d->model[k];
    if (d->chords) curve->sd[k] = sqrt(square[k]);
    sum += pow(d->data[k] - d->model[k], 2);
  }
  curve->rms = curve->n > 0 ? sqrt(sum / (double)curve->n) : 0;
  free(work);
  return add_row(d->kind->ctx, v, row);
}

/* ---- coverage functions ----------------------------------------------------------------------- */

static int score_pair(const kind_t *kind, int line, int i, int j, const double *times,
                      exset_validation_t *v) {
  const int64_t n = kind->n_lags[line], base = kind_line(kind, line);
  const span_t span = {base, base + (2 + pair_place(kind->n_phases, i, j)) * n, n};
  exset_validate_curve_t *curve;
  EXSET_TRY(
      add_curve(kind->ctx, v, "coverage", kind->orientation, kind->line_name[line], n, &curve));
  curve->phase = i;
  curve->other = j;
  const pool_t data = pool_data(kind);
  pool_means(&data, (span_t){base, base + n, n}, curve->x, curve->sd);
  EXSET_TRY(compare(kind, span, (compared_t){curve->data, curve->model, curve->sd}));
  exset_validate_row_t row = {.orientation = kind->orientation, .phase = i, .other = j};
  if (kind->n_lines == 1) snprintf(row.figure, sizeof row.figure, "coverage");
  else snprintf(row.figure, sizeof row.figure, "coverage_%s", kind->line_name[line]);
  distance_t distance = {.kind = kind, .span = span};
  return score_distance(&distance, times, row, v);
}

static int score_coverage(const kind_t *kind, const double *times, exset_validation_t *v) {
  for (int line = 0; line < kind->n_lines; line++)
    for (int i = 0; i < kind->n_phases; i++)
      for (int j = i; j < kind->n_phases; j++) EXSET_TRY(score_pair(kind, line, i, j, times, v));
  return EXSET_OK;
}

/* ---- chords ----------------------------------------------------------------------------------- */

/* Bins up to the longest chord of data or model. */
static int64_t longest_chord(const kind_t *kind, int64_t at) {
  int64_t n = 1;
  for (int s = 0; s < kind->n_sections + kind->realisations; s++) {
    const double *number = s < kind->n_sections
                               ? kind->data + s * kind->record
                               : kind->draw + (s - kind->n_sections) * kind->record;
    for (int64_t b = EXSET_CHORD_BINS; b > n; b--) {
      if (number[at + b - 1] == 0) continue;
      n = b;
      break;
    }
  }
  return n;
}

static int score_chords(const kind_t *kind, const double *times, exset_validation_t *v) {
  for (int d = 0; d < 2; d++)
    for (int i = 0; i < kind->n_phases; i++) {
      const int64_t at = kind_chords(kind, d, i), n = longest_chord(kind, at);
      exset_validate_curve_t *curve;
      EXSET_TRY(
          add_curve(kind->ctx, v, "chords", kind->orientation, kind_axis(kind, d), n, &curve));
      curve->phase = i;
      for (int64_t b = 0; b < n; b++) curve->x[b] = (double)(b + 1) * kind->pixel[d];
      exset_validate_row_t row = {.orientation = kind->orientation, .phase = i, .other = -1};
      snprintf(row.figure, sizeof row.figure, "chord_distribution_%s", kind_axis(kind, d));
      distance_t distance = {.kind = kind, .chords = true, .span = {at, at, n}};
      EXSET_TRY(score_distance(&distance, times, row, v));
    }
  return EXSET_OK;
}

int score_kind(const kind_t *kind, uint32_t number, exset_validation_t *validation) {
  double *times;
  EXSET_TRY(score_scalars(kind, validation));
  EXSET_TRY(make_choices(kind, number, &times));
  int err = score_coverage(kind, times, validation);
  if (!err) err = score_chords(kind, times, validation);
  free(times);
  return err;
}
