/* Tables of samples of known laws, drawn from a generator of the test's own. */
#ifndef EXSET_TEST_REGRESS_H
#define EXSET_TEST_REGRESS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/regress.h"
#include "test.h"

/* Marsaglia's xorshift, and normal variates by Box and Muller. */
typedef struct {
  uint64_t state;
} noise_t;

static inline double noise_uniform(noise_t *noise) {
  uint64_t x = noise->state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  noise->state = x;
  return ((double)(x >> 11) + 0.5) / 9007199254740992.0;
}

static inline double noise_normal(noise_t *noise) {
  const double u = noise_uniform(noise);
  return sqrt(-2 * log(u)) * cos(6.283185307179586 * noise_uniform(noise));
}

/* n_samples samples with n_each rows: eps, beta, tau within the ranges of real materials, partly shared by the rows of a sample. */
static inline void make_data(exset_ctx_t *ctx, noise_t *noise, int n_samples, int n_each,
                             exset_regress_data_t *data) {
  memset(data, 0, sizeof *data);
  data->n_rows = (int64_t)n_samples * n_each;
  data->n_samples = n_samples;
  data->n_predictors = 3;
  MUST(ctx, exset_alloc(ctx, data->n_rows, sizeof(double), &data->target));
  MUST(ctx, exset_alloc(ctx, 3 * data->n_rows, sizeof(double), &data->predictor));
  MUST(ctx, exset_alloc(ctx, data->n_rows, sizeof(int), &data->sample));
  for (int s = 0; s < n_samples; s++) {
    const double eps = 0.15 + 0.6 * noise_uniform(noise);
    for (int e = 0; e < n_each; e++) {
      const int64_t i = (int64_t)s * n_each + e;
      data->sample[i] = s;
      data->predictor[3 * i] = eps;
      data->predictor[3 * i + 1] = 0.1 + 0.7 * noise_uniform(noise);
      data->predictor[3 * i + 2] = 1 + 0.5 * noise_uniform(noise);
    }
  }
}

static inline double law(const exset_regress_data_t *data, int64_t row, const double p[4]) {
  const double *x = data->predictor + 3 * row;
  return p[0] * pow(x[0], p[1]) * pow(x[1], p[2]) / pow(x[2], p[3]);
}

#endif
