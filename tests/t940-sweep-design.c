/* Designs of sweeps: factorial, Latin hypercubes, Sobol sequences against GSL, tables. test: np="1 3" time=30 */
#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/sweep.h"
#include "test.h"

static const double letters[] = {1, 2, 5}, pair[] = {-1, 1};

static void check_factorial(exset_ctx_t *ctx) {
  const exset_factor_t factor[] = {{.n_values = 3, .values = letters},
                                   {.n_values = 2, .values = pair}};
  const double expected[6][2] = {{1, -1}, {1, 1}, {2, -1}, {2, 1}, {5, -1}, {5, 1}};
  exset_design_t d;
  MUST(ctx, exset_design_factorial(ctx, 2, factor, &d));
  CHECK(d.n == 6 && d.n_factors == 2 && memcmp(d.value, expected, sizeof expected) == 0);
  exset_design_clear(&d);
  exset_factor_t many[40];
  for (int f = 0; f < 40; f++) many[f] = factor[0]; /* 3^40 is more than 2^63 */
  CHECK(exset_design_factorial(ctx, 40, many, &d) == EXSET_ERR_INPUT);
  exset_design_clear(&d);
  CHECK(strstr(ctx->message, "allowed are 1 to 10000000"));
  ctx->message[0] = '\0';
  CHECK(exset_design_factorial(ctx, 1, (exset_factor_t[]){{.low = 0, .high = 1}}, &d) ==
        EXSET_ERR_INPUT);
  ctx->message[0] = '\0';
}

static double closest(const exset_design_t *d) {
  double least = INFINITY;
  for (int64_t i = 0; i < d->n; i++)
    for (int64_t j = 0; j < i; j++) {
      double sum = 0;
      for (int f = 0; f < d->n_factors; f++)
        sum += pow(d->value[i * d->n_factors + f] - d->value[j * d->n_factors + f], 2);
      least = fmin(least, sqrt(sum));
    }
  return least;
}

/* Each of the n shares of each range holds one sample. */
static void check_latin(exset_ctx_t *ctx) {
  enum { N = 37, FACTORS = 3 };
  const exset_factor_t factor[FACTORS] = {
      {.low = 2, .high = 4}, {.low = 0.01, .high = 10, .log = true}, {.low = -1, .high = 0}};
  exset_design_t d, again, other;
  MUST(ctx, exset_design_latin_hypercube(ctx, FACTORS, factor, N, 5, 1, &d));
  for (int f = 0; f < FACTORS; f++) {
    int count[N] = {0};
    for (int i = 0; i < N; i++) {
      const double v = d.value[i * FACTORS + f], low = factor[f].low, high = factor[f].high;
      const double u = factor[f].log ? log(v / low) / log(high / low) : (v - low) / (high - low);
      CHECK(u >= 0 && u < 1);
      count[(int)(u * N)]++;
    }
    for (int i = 0; i < N; i++)
      CHECK_MSG(count[i] == 1, "share %d of factor %d: %d", i, f, count[i]);
  }
  MUST(ctx, exset_design_latin_hypercube(ctx, FACTORS, factor, N, 5, 1, &again));
  MUST(ctx, exset_design_latin_hypercube(ctx, FACTORS, factor, N, 6, 1, &other));
  CHECK(memcmp(d.value, again.value, N * FACTORS * sizeof(double)) == 0);
  CHECK(memcmp(d.value, other.value, N * FACTORS * sizeof(double)) != 0);
  exset_design_clear(&d);
  exset_design_clear(&again);
  exset_design_clear(&other);
  const exset_factor_t unit[2] = {{.low = 0, .high = 1}, {.low = 0, .high = 1}};
  for (uint64_t seed = 1; seed <= 5; seed++) { /* maximin: the plain one is the first candidate */
    MUST(ctx, exset_design_latin_hypercube(ctx, 2, unit, 20, seed, 1, &d));
    MUST(ctx, exset_design_latin_hypercube(ctx, 2, unit, 20, seed, 200, &other));
    CHECK_MSG(closest(&other) > closest(&d), "closest %g, plain %g", closest(&other), closest(&d));
    CHECK_MSG(closest(&other) > 0.1, "closest %g", closest(&other));
    exset_design_clear(&d);
    exset_design_clear(&other);
  }
}

/* A factor of values: each of them is chosen as often. */
static void check_values(exset_ctx_t *ctx) {
  const exset_factor_t factor[2] = {{.n_values = 3, .values = letters}, {.low = 0, .high = 1}};
  exset_design_t d;
  int count[3] = {0};
  MUST(ctx, exset_design_latin_hypercube(ctx, 2, factor, 30, 0, 1, &d));
  for (int i = 0; i < 30; i++)
    for (int k = 0; k < 3; k++) count[k] += d.value[2 * i] == letters[k];
  CHECK(count[0] == 10 && count[1] == 10 && count[2] == 10);
  exset_design_clear(&d);
}

static void check_sobol(exset_ctx_t *ctx) {
  enum { N = 63, FACTORS = 5 };
  exset_factor_t factor[EXSET_SOBOL_FACTORS + 1];
  for (int f = 0; f <= EXSET_SOBOL_FACTORS; f++) factor[f] = (exset_factor_t){.low = 0, .high = 1};
  exset_design_t d, longer, shifted;
  MUST(ctx, exset_design_sobol(ctx, FACTORS, factor, N, 0, &d));
  MUST(ctx, exset_design_sobol(ctx, FACTORS, factor, 2 * N, 0, &longer));
  MUST(ctx, exset_design_sobol(ctx, FACTORS, factor, N, 9, &shifted));
  gsl_qrng *q = gsl_qrng_alloc(gsl_qrng_sobol, FACTORS);
  for (int i = 0; i < N; i++) {
    double x[FACTORS];
    gsl_qrng_get(q, x);
    CHECK_MSG(memcmp(x, &d.value[i * FACTORS], sizeof x) == 0, "point %d: %g %g", i, x[0], x[1]);
  }
  gsl_qrng_free(q);
  CHECK(d.value[0] == 0.5); /* the origin is left out */
  CHECK(memcmp(d.value, longer.value, N * FACTORS * sizeof(double)) == 0);
  int moved = 0;
  for (int f = 0; f < FACTORS;
       f++) { /* 63 of the 64 points of a net: at most one of 64 shares is empty */
    int count[64] = {0}, filled = 0;
    for (int i = 0; i < N; i++) {
      const double u = shifted.value[i * FACTORS + f];
      CHECK(u > 0 && u < 1);
      count[(int)(64 * u)]++;
      moved += u != d.value[i * FACTORS + f];
    }
    for (int i = 0; i < 64; i++) filled += count[i] == 1;
    CHECK_MSG(filled == 63, "factor %d: %d shares of 64 have one point", f, filled);
  }
  CHECK(moved == N * FACTORS);
  exset_design_clear(&d);
  exset_design_clear(&longer);
  exset_design_clear(&shifted);
  MUST(ctx, exset_design_sobol(ctx, EXSET_SOBOL_FACTORS, factor, 3, 0, &d));
  exset_design_clear(&d);
  CHECK(exset_design_sobol(ctx, EXSET_SOBOL_FACTORS + 1, factor, 3, 0, &d) == EXSET_ERR_INPUT);
  ctx->message[0] = '\0';
  CHECK(exset_design_sobol(ctx, 2, factor, 0, 0, &d) == EXSET_ERR_INPUT);
  ctx->message[0] = '\0';
}

/* ---- tables --------------------------------------------------------------------------------------- */

static int read_text(exset_ctx_t *ctx, const char *text, exset_design_t *d, char ***names) {
  char path[4096];
  snprintf(path, sizeof path, "%s/table.csv", test_tmp());
  MUST(ctx, exset_outfile_text(ctx, path, text));
  return exset_design_table(ctx, path, d, names);
}

static void clear(exset_design_t *d, char ***names) {
  for (int i = 0; *names && i < d->n_factors; i++) free((*names)[i]);
  free(*names);
  exset_design_clear(d);
}

static void refuse(exset_ctx_t *ctx, const char *text, const char *words) {
  exset_design_t d;
  char **names;
  CHECK(read_text(ctx, text, &d, &names) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, words) != NULL, "message \"%s\" without \"%s\"", ctx->message,
            words);
  ctx->message[0] = '\0';
  clear(&d, &names);
}

static void check_table(exset_ctx_t *ctx) {
  exset_design_t d;
  char **names;
  MUST(ctx,
       read_text(ctx,
                 "\xef\xbb\xbf# made by hand\n field1_fraction , size\r\n0.25,32\r\n\n1e-1, 48 \n",
                 &d, &names));
  CHECK(d.n == 2 && d.n_factors == 2 && strcmp(names[0], "field1_fraction") == 0 &&
        strcmp(names[1], "size") == 0);
  CHECK(d.value[0] == 0.25 && d.value[1] == 32 && d.value[2] == 0.1 && d.value[3] == 48);
  clear(&d, &names);
  refuse(ctx, "a,b\n1,2\n3\n", "line 3: it has 1 field, the head has 2");
  refuse(ctx, "a,b\n1,2,3\n", "line 2: it has 3 fields, the head has 2");
  refuse(ctx, "a,b\n1,2x\n", "line 2, column b: \"2x\" is not a number");
  refuse(ctx, "a,b\n1,inf\n", "\"inf\" is not a finite number");
  refuse(ctx, "a,a\n1,2\n", "two columns are named \"a\"");
  refuse(ctx, "a,\n1,2\n", "a column without a name");
  refuse(ctx, "a,b\n", "a head and no rows");
  refuse(ctx, "", "it is empty");
  CHECK(exset_design_table(ctx, "/nowhere/table.csv", &d, &names) == EXSET_ERR_INPUT);
  ctx->message[0] = '\0';
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_factorial(ctx);
  check_latin(ctx);
  check_values(ctx);
  check_sobol(ctx);
  check_table(ctx);
  return test_end(ctx);
}
