/* Parameter samples: full factorial, Latin hypercubes, Sobol sequences. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/rng.h"
#include "exset/sweep.h"

static int allocate(exset_ctx_t *ctx, int64_t n, int n_factors, exset_design_t *design) {
  *design = (exset_design_t){.n = n, .n_factors = n_factors};
  if (n < 1 || n > EXSET_DESIGN_SAMPLES)
    return exset_fail(ctx, EXSET_ERR_INPUT, "the design has %lld samples: allowed are 1 to %d",
                      (long long)n, EXSET_DESIGN_SAMPLES);
  return exset_alloc(ctx, exset_mul3(n, n_factors, 1), sizeof *design->value, &design->value);
}

void exset_design_clear(exset_design_t *design) {
  free(design->value);
  *design = (exset_design_t){0};
}

/* The value at u of a factor's range: in [0, 1), or 1 by rounding. */
static double at(const exset_factor_t *factor, double u) {
  if (factor->n_values > 0) {
    const int i = (int)(u * factor->n_values);
    return factor->values[i < factor->n_values ? i : factor->n_values - 1];
  }
  if (factor->log) return factor->low * pow(factor->high / factor->low, u);
  return factor->low + u * (factor->high - factor->low);
}

int exset_design_factorial(exset_ctx_t *ctx, int n_factors, const exset_factor_t *factor,
                           exset_design_t *design) {
  int64_t n = 1;
  *design = (exset_design_t){0};
  for (int f = 0; f < n_factors; f++) {
    if (factor[f].n_values < 1)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "a factorial design needs values for each parameter; parameter %d has none",
                        f + 1);
    n = exset_mul3(n, factor[f].n_values, 1);
    if (n < 0 || n > EXSET_DESIGN_SAMPLES) n = EXSET_DESIGN_SAMPLES + 1LL;
  }
  EXSET_TRY(allocate(ctx, n, n_factors, design));
  for (int64_t i = 0; i < n; i++) {
    int64_t rest = i;
    for (int f = n_factors - 1; f >= 0; f--) {
      design->value[i * n_factors + f] = factor[f].values[rest % factor[f].n_values];
      rest /= factor[f].n_values;
    }
  }
  return EXSET_OK;
}

/* ---- Latin hypercubes --------------------------------------------------------------------------- */

/* One of the hypercubes that a seed gives: u[n][n_factors]. order: scratch for n numbers. */
static void hypercube(int64_t n, int n_factors, uint64_t seed, int candidate, int64_t *order,
                      double *u) {
  for (int f = 0; f < n_factors; f++) {
    const exset_rng_key_t key =
        exset_rng_key(seed, EXSET_STREAM_DESIGN, (uint64_t)candidate, (uint32_t)f);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i >= 0; i--) {
      uint32_t word[4];
      exset_rng_one(key, (const uint32_t[4]){(uint32_t)i, 0, 0, 0}, word);
      const int64_t other = (int64_t)(exset_rng_uniform(word[0]) * (double)(i + 1));
      const int64_t share = order[other];
      order[other] = order[i];
      order[i] = share; /* settled: later swaps are below */
      u[i * n_factors + f] = ((double)share + exset_rng_uniform(word[1])) / (double)n;
    }
  }
}

/* Square of the least distance of two samples; infinite for a single one. */
static double closest(int64_t n, int n_factors, const double *u) {
  double least = INFINITY;
  for (int64_t i = 1; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      double sum = 0;
      for (int f = 0; f < n_factors; f++) {
        const double d = u[i * n_factors + f] - u[j * n_factors + f];
        sum += d * d;
      }
      least = fmin(least, sum);
    }
  return least;
}

/* Comparing all pairs of many samples takes too long. */
static int affordable(int64_t n, int n_factors, int candidates) {
  const double most = 4e8 / ((double)n * (double)n * n_factors);
  return most < 1 ? 1 : most < candidates ? (int)most : candidates;
}

int exset_design_latin_hypercube(exset_ctx_t *ctx, int n_factors, const exset_factor_t *factor,
                                 int64_t n, uint64_t seed, int candidates, exset_design_t *design) {
  double *u = NULL, best = -1;
  int64_t *order = NULL;
  EXSET_TRY(allocate(ctx, n, n_factors, design));
  int err = exset_alloc(ctx, exset_mul3(n, n_factors, 1), sizeof *u, &u);
  if (!err) err = exset_alloc(ctx, n, sizeof *order, &order);
  const int tried = affordable(n, n_factors, candidates);
  for (int c = 0; !err && c < tried; c++) {
    hypercube(n, n_factors, seed, c, order, u);
    const double least = tried > 1 ? closest(n, n_factors, u) : 0;
    if (least <= best) continue;
    best = least;
    memcpy(design->value, u, (size_t)n * (size_t)n_factors * sizeof *u);
  }
  for (int64_t i = 0; !err && i < n * n_factors; i++)
    design->value[i] = at(&factor[i % n_factors], design->value[i]);
  free(order);
  free(u);
  return err;
}

/* ---- Sobol ------------------------------------------------------------------------------------- */

/* Random shift of the binary digits (xor), as many as GSL's points have: the shifted points are as evenly spread. */
static double shifted(double u, uint64_t seed, int f) {
  enum { DIGITS = 30 };
  if (seed == 0) return u;
  uint32_t word[4];
  const exset_rng_key_t key = exset_rng_key(seed, EXSET_STREAM_DESIGN, UINT32_MAX, (uint32_t)f);
  exset_rng_one(key, (const uint32_t[4]){0}, word);
  const uint32_t digits = (uint32_t)ldexp(u, DIGITS) ^ (word[0] >> (32 - DIGITS));
  return ldexp((double)digits + 0.5, -DIGITS);
}

int exset_design_sobol(exset_ctx_t *ctx, int n_factors, const exset_factor_t *factor, int64_t n,
                       uint64_t seed, exset_design_t *design) {
  *design = (exset_design_t){0};
  if (n_factors > EXSET_SOBOL_FACTORS)
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "a Sobol design of %d parameters: allowed are 1 to %d; latin_hypercube has no "
        "such limit",
        n_factors, EXSET_SOBOL_FACTORS);
  EXSET_TRY(allocate(ctx, n, n_factors, design));
  gsl_error_handler_t *before = gsl_set_error_handler_off();
  gsl_qrng *sequence = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)n_factors);
  int err = sequence ? EXSET_OK : exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory for a sequence");
  for (int64_t i = 0; !err && i < n; i++) {
    double *value = &design->value[i * n_factors];
    const int code = gsl_qrng_get(sequence, value);
    if (code) err = exset_fail(ctx, EXSET_ERR_LOCAL, "GSL: %s", gsl_strerror(code));
    for (int f = 0; f < n_factors; f++) value[f] = at(&factor[f], shifted(value[f], seed, f));
  }
  gsl_qrng_free(sequence);
  gsl_set_error_handler(before);
  return err;
}
