/* How well laws predict: figures, folds, cross-validation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/regress.h"
#include "exset/rng.h"

/* ---- figures -------------------------------------------------------------------------------------- */

void exset_regress_quality(int64_t n, const double *target, const double *prediction,
                           exset_regress_quality_t *quality) {
  double mean = 0, mean_log = 0, total = 0, total_log = 0, error = 0, error_log = 0, relative = 0;
  for (int64_t i = 0; i < n; i++) {
    mean += target[i] / (double)n;
    mean_log += log(target[i]) / (double)n;
  }
  for (int64_t i = 0; i < n; i++) {
    total += pow(target[i] - mean, 2);
    total_log += pow(log(target[i]) - mean_log, 2);
    error += pow(prediction[i] - target[i], 2);
    error_log += pow(log(prediction[i] / target[i]), 2);
    relative += fabs(prediction[i] / target[i] - 1);
  }
  *quality = (exset_regress_quality_t){.r2 = total > 0 ? 1 - error / total : NAN,
                                       .r2_log = total_log > 0 ? 1 - error_log / total_log : NAN,
                                       .mape = relative / (double)n,
                                       .rmse = sqrt(error / (double)n)};
}

/* ---- folds ---------------------------------------------------------------------------------------- */

typedef struct {
  uint32_t word[2];
  int sample;
} draw_t;

static int compare_draws(const void *a, const void *b) {
  const draw_t *p = a, *q = b;
  for (int w = 0; w < 2; w++)
    if (p->word[w] != q->word[w]) return p->word[w] < q->word[w] ? -1 : 1;
  return (p->sample > q->sample) - (p->sample < q->sample);
}

/* Two random words for each sample: a counter each. */
static void draw(uint64_t seed, int n, draw_t *list) {
  enum { PART = 0xF01D };
  const exset_rng_key_t key = exset_rng_key(seed, EXSET_STREAM_CHOICE, 0, PART);
  exset_rng_batch_t batch;
  for (int first = 0; first < n; first += EXSET_RNG_BATCH) {
    memset(&batch, 0, sizeof batch);
    for (int i = 0; i < EXSET_RNG_BATCH; i++) batch.word[0][i] = (uint32_t)(first + i);
    exset_rng_words(key, EXSET_RNG_BATCH, &batch);
    for (int i = 0; i < EXSET_RNG_BATCH && first + i < n; i++)
      list[first + i] = (draw_t){{batch.word[0][i], batch.word[1][i]}, first + i};
  }
}

int exset_regress_folds(exset_ctx_t *ctx, uint64_t seed, int n_folds, int n_samples, int *fold) {
  draw_t *list;
  if (n_folds < 2 || n_samples < 2) return 0;
  if (n_folds > n_samples) n_folds = n_samples;
  EXSET_TRY(exset_alloc(ctx, n_samples, sizeof *list, &list));
  draw(seed, n_samples, list);
  qsort(list, (size_t)n_samples, sizeof *list, compare_draws);
  for (int i = 0; i < n_samples; i++) fold[list[i].sample] = i % n_folds;
  free(list);
  return n_folds;
}

/* ---- cross-validation ----------------------------------------------------------------------------- */

static int allocate(exset_ctx_t *ctx, int64_t n, int n_predictors, exset_regress_data_t *data) {
  memset(data, 0, sizeof *data);
  data->n_predictors = n_predictors;
  EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &data->target));
  EXSET_TRY(exset_alloc(ctx, exset_mul3(n, n_predictors, 1), sizeof(double), &data->predictor));
  return exset_alloc(ctx, n, sizeof(int), &data->sample);
}

/* The rows within a fold, or those of all others, samples keeping their numbers. */
static void take(const exset_regress_data_t *all, const int *fold, int number, bool within,
                 exset_regress_data_t *part) {
  const int k = all->n_predictors;
  part->n_rows = 0;
  part->n_samples = all->n_samples;
  for (int64_t i = 0; i < all->n_rows; i++) {
    if ((fold[all->sample[i]] == number) != within) continue;
    const int64_t to = part->n_rows++;
    part->target[to] = all->target[i];
    part->sample[to] = all->sample[i];
    memcpy(part->predictor + to * k, all->predictor + i * k, sizeof(double) * (size_t)k);
  }
}

/* What the folds share. part and value have room for all rows. */
typedef struct {
  const exset_regress_data_t *data;
  const exset_regress_form_t *form;
  const exset_regress_options_t *options;
  const int *fold;
  exset_regress_data_t part;
  double *value;
} validation_t;

/* Fit to all folds but one, predict that one. */
static int one_fold(exset_ctx_t *ctx, validation_t *v, int number, double *prediction) {
  exset_regress_fit_t fit;
  int64_t from = 0;
  take(v->data, v->fold, number, false, &v->part);
  EXSET_TRY(exset_regress_fit(ctx, &v->part, v->form, v->options, &fit));
  const bool done = fit.status == EXSET_REGRESS_DONE;
  take(v->data, v->fold, number, true, &v->part);
  if (done) exset_regress_predict(&v->part, v->form, fit.value, v->value);
  for (int64_t i = 0; i < v->data->n_rows; i++)
    if (v->fold[v->data->sample[i]] == number) prediction[i] = done ? v->value[from++] : NAN;
  return EXSET_OK;
}

int exset_regress_cross_validate(exset_ctx_t *ctx, const exset_regress_data_t *data,
                                 const exset_regress_form_t *form,
                                 const exset_regress_options_t *options, int n_folds,
                                 const int *fold, double *prediction) {
  exset_regress_options_t quick = *options;
  validation_t v = {.data = data, .form = form, .options = &quick, .fold = fold};
  int err;
  quick.by_sample = false; /* intervals are not wanted */
  EXSET_TRY_GOTO(err, done, allocate(ctx, data->n_rows, data->n_predictors, &v.part));
  EXSET_TRY_GOTO(err, done, exset_alloc(ctx, data->n_rows, sizeof(double), &v.value));
  for (int f = 0; f < n_folds; f++) EXSET_TRY_GOTO(err, done, one_fold(ctx, &v, f, prediction));
done:
  free(v.value);
  exset_regress_data_clear(&v.part);
  return err;
}
