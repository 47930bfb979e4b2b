/* test: np="2" time=120 */
/*
 * Statistics of 10^9 normal variates (argument: another number, and print all figures), drawn as columns of modes are: moments
 * to the sixth, tails to 5 sigma, radii and angles of the complex variates, and independence: within a draw, of neighbouring
 * counters, and of other seeds, purposes, realisations, fields and components.
 *
 * Bounds: 5 standard errors of the true distribution in double precision, or where fewer than 1000 events are expected a
 * Poisson probability of 2.9e-7 on either side. About 60 figures: a correct generator fails with a probability of 4e-5, once for all,
 * as the seed is fixed. Sums are vector code: single precision within a run, double precision beyond.
 */
#include "exset/rng.h"
#include "exset/simd.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define DRAWS 5e6
#else
#define DRAWS 1e9
#endif

enum {
  LANES = 16,
  FLOATS = 2 * EXSET_RNG_RUN, /* of one column of a run: (re, im) */
  POWERS = 5,                 /* 1, 2, 3, 4, 6 */
  TAILS = 5,
  RADII = 5,
  HARMONICS = 8,
  BINS = 64,
  OTHERS = 8,
  EVERY_OTHER = 32,    /* other streams: for every 32nd run */
  EVERY_HARMONIC = 16, /* angles: for every 16th */
  EVERY_BIN = 512
};
static const double RADIUS[RADII] = {1, 4, 9, 16, 20}; /* |w|^2 beyond, E |w|^2 = 1 */

/* Sums over all draws, and how many terms they have. */
typedef struct {
  double normals, power[POWERS], tail[TAILS];
  double modes, radius[RADII], within[2];
  double pairs, partner[2], crossed[2], neighbours, neighbour[2];
  double others, other[OTHERS][2];
  double angles, cosine[HARMONICS], sine[HARMONICS];
  double binned, bin[BINS];
} sums_t;

/* ---- sums of a column of a run ------------------------------------------------------------------ */

static void flush(int n, float lane[][LANES], double *sum) {
  for (int s = 0; s < n; s++)
    for (int j = 0; j < LANES; j++) sum[s] += (double)lane[s][j];
}

EXSET_CLONES static void add_powers(const float *restrict x, float lane[restrict POWERS][LANES]) {
  for (int i = 0; i < FLOATS; i += LANES)
    for (int j = 0; j < LANES; j++) {
      const float v = x[i + j], v2 = v * v, v3 = v2 * v;
      lane[0][j] += v;
      lane[1][j] += v2;
      lane[2][j] += v3;
      lane[3][j] += v2 * v2;
      lane[4][j] += v3 * v3;
    }
}

EXSET_CLONES static void add_tails(const float *restrict x, float lane[restrict TAILS][LANES]) {
  for (int i = 0; i < FLOATS; i += LANES)
    for (int j = 0; j < LANES; j++) {
      const float v = fabsf(x[i + j]);
      lane[0][j] += v > 1 ? 1.0f : 0.0f;
      lane[1][j] += v > 2 ? 1.0f : 0.0f;
      lane[2][j] += v > 3 ? 1.0f : 0.0f;
      lane[3][j] += v > 4 ? 1.0f : 0.0f;
      lane[4][j] += v > 5 ? 1.0f : 0.0f;
    }
}

/* Radii beyond RADIUS; products of real and imaginary part, and of their squares less 1. */
EXSET_CLONES static void add_radii(const float *restrict x, float lane[restrict RADII + 2][LANES]) {
  for (int i = 0; i < FLOATS; i += 2 * LANES)
    for (int j = 0; j < LANES; j++) {
      const float re = x[i + 2 * j], im = x[i + 2 * j + 1], r = 0.5f * (re * re + im * im);
      lane[0][j] += r > 1 ? 1.0f : 0.0f;
      lane[1][j] += r > 4 ? 1.0f : 0.0f;
      lane[2][j] += r > 9 ? 1.0f : 0.0f;
      lane[3][j] += r > 16 ? 1.0f : 0.0f;
      lane[4][j] += r > 20 ? 1.0f : 0.0f;
      lane[5][j] += re * im;
      lane[6][j] += (re * re - 1) * (im * im - 1);
    }
}

/* Products of two columns, and of their squares less 1. */
typedef float lanes_t __attribute__((vector_size(LANES * sizeof(float))));

EXSET_CLONES static void add_products(int n, const float *x, const float *y, float lane[2][LANES]) {
  lanes_t product = {0}, squares = {0};
  for (int i = 0; i < n; i += LANES) {
    lanes_t a, b;
    memcpy(&a, x + i, sizeof a);
    memcpy(&b, y + i, sizeof b);
    product += a * b;
    squares += (a * a - 1) * (b * b - 1);
  }
  memcpy(lane[0], &product, sizeof product);
  memcpy(lane[1], &squares, sizeof squares);
}

/* cos and sin of multiples of the angle. */
EXSET_CLONES static void add_angles(const float *restrict x, float c[restrict HARMONICS][LANES],
                                    float s[restrict HARMONICS][LANES]) {
  for (int i = 0; i < FLOATS; i += 2 * LANES)
    for (int j = 0; j < LANES; j++) {
      const float re = x[i + 2 * j], im = x[i + 2 * j + 1];
      const float scale = 1 / sqrtf(re * re + im * im + 1e-30f);
      const float c1 = re * scale, s1 = im * scale;
      float cm = c1, sm = s1;
      for (int m = 0; m < HARMONICS; m++) {
        c[m][j] += cm;
        s[m][j] += sm;
        const float next = cm * c1 - sm * s1;
        sm = cm * s1 + sm * c1;
        cm = next;
      }
    }
}

static void add_bins(const float *x, double *bin) {
  for (int i = 0; i < EXSET_RNG_RUN; i++) {
    const double turn = atan2(x[2 * i + 1], x[2 * i]) / (2 * M_PI);
    bin[(int)floor(BINS * (turn - floor(turn))) % BINS]++;
  }
}

/* ---- runs --------------------------------------------------------------------------------------- */

/* Columns of unit normals: words 0, 1 and 2, 3 of the counters (word, kz). */
static void draw(exset_rng_key_t key, const uint32_t word[3], float column[2][FLOATS]) {
  uint32_t kz[EXSET_RNG_RUN];
  float scale[EXSET_RNG_RUN];
  for (int i = 0; i < EXSET_RNG_RUN; i++) {
    kz[i] = (uint32_t)(i - EXSET_RNG_RUN / 2);
    scale[i] = (float)M_SQRT2;
  }
  exset_rng_modes(key, word, EXSET_RNG_RUN, kz, (const float *[2]){scale, scale},
                  (float *[2]){column[0], column[1]});
}

static void product(int n, const float *x, const float *y, double sum[2]) {
  float lane[2][LANES];
  add_products(n, x, y, lane);
  flush(2, lane, sum);
}

static exset_rng_key_t own_key(void) {
  return exset_rng_key(20240607, EXSET_STREAM_VOLUME, 5, 1);
}

/* The draws that one would fear to be like those of the run. */
static void add_others(const uint32_t word[3], const float column[2][FLOATS], sums_t *s) {
  const exset_rng_key_t key[OTHERS] = {exset_rng_key(20240608, EXSET_STREAM_VOLUME, 5, 1),
                                       exset_rng_key(20240607, EXSET_STREAM_SECTION, 5, 1),
                                       exset_rng_key(20240607, EXSET_STREAM_VOLUME, 6, 1),
                                       exset_rng_key(20240607, EXSET_STREAM_VOLUME, 5, 2),
                                       own_key(),
                                       own_key(),
                                       own_key(),
                                       own_key()};
  for (int o = 0; o < OTHERS; o++) {
    const uint32_t step[3] = {o == 4, o == 5 ? 1 : o == 6 ? -2 * word[1] - 1 : 0, o == 7};
    const uint32_t changed[3] = {word[0] + step[0], word[1] + step[1], word[2] + step[2]};
    float other[2][FLOATS];
    draw(key[o], changed, other);
    for (int c = 0; c < 2; c++) product(FLOATS, column[c], other[c], s->other[o]);
  }
  s->others += 2 * FLOATS;
}

static void add_run(int64_t r, sums_t *s) {
  const uint32_t word[3] = {(uint32_t)(r % 1024), (uint32_t)(r / 1024), 0};
  float column[2][FLOATS] __attribute__((aligned(64)));
  draw(own_key(), word, column);
  for (int c = 0; c < 2; c++) {
    float power[POWERS][LANES] = {{0}}, tail[TAILS][LANES] = {{0}};
    float radius[RADII + 2][LANES] = {{0}};
    add_powers(column[c], power);
    add_tails(column[c], tail);
    add_radii(column[c], radius);
    flush(POWERS, power, s->power);
    flush(TAILS, tail, s->tail);
    flush(RADII, radius, s->radius);
    flush(2, radius + RADII, s->within);
    product(FLOATS - LANES, column[c], column[c] + 2, s->neighbour);
  }
  product(FLOATS, column[0], column[1], s->partner);
  product(FLOATS - LANES, column[0], column[1] + 1, s->crossed);
  s->normals += 2 * FLOATS;
  s->modes += FLOATS;
  s->pairs += FLOATS;
  s->neighbours += 2 * (FLOATS - LANES);
  if (r % EVERY_OTHER == 0) add_others(word, column, s);
  for (int c = 0; c < 2 && r % EVERY_HARMONIC == 0; c++) {
    float cosine[HARMONICS][LANES] = {{0}}, sine[HARMONICS][LANES] = {{0}};
    add_angles(column[c], cosine, sine);
    flush(HARMONICS, cosine, s->cosine);
    flush(HARMONICS, sine, s->sine);
    s->angles += EXSET_RNG_RUN;
  }
  for (int c = 0; c < 2 && r % EVERY_BIN == 0; c++) {
    add_bins(column[c], s->bin);
    s->binned += EXSET_RNG_RUN;
  }
}

/* ---- bounds --------------------------------------------------------------------------------------- */

static bool print;

/* A mean over n independent terms, whose true mean and standard deviation are known. */
static void check_mean(const char *what, double sum, double n, double mean, double deviation) {
  const double errors = (sum / n - mean) / (deviation / sqrt(n));
  if (print) printf("  %-44s %12.8f, %+6.2f standard errors\n", what, sum / n, errors);
  CHECK_MSG(fabs(errors) <= 5, "%s: mean %.9g of %g, %+.2f standard errors from %g", what, sum / n,
            n, errors, mean);
}

/* P(X <= k) of a Poisson variate. */
static double poisson_below(double k, double mean) {
  double sum = 0;
  for (double i = 0; i <= k; i++) sum += exp(i * log(mean) - mean - lgamma(i + 1));
  return sum;
}

static void check_count(const char *what, double count, double n, double p) {
  if (n * p >= 1000) {
    check_mean(what, count, n, p, sqrt(p * (1 - p)));
    return;
  }
  const double below = poisson_below(count, n * p), above = 1 - poisson_below(count - 1, n * p);
  if (print) printf("  %-44s %12.0f, expected %.2f\n", what, count, n * p);
  CHECK_MSG(below > 2.9e-7 && above > 2.9e-7, "%s: %g events, expected %g", what, count, n * p);
}

static void check_sums(const sums_t *s) {
  static const char *const power[POWERS] = {"mean", "variance", "third moment", "fourth moment",
                                            "sixth moment"};
  static const double mean[POWERS] = {0, 1, 0, 3, 15}, square[POWERS] = {1, 3, 15, 105, 10395};
  static const char *const other[OTHERS] = {"seed",     "purpose", "realisation",  "field",
                                            "k_x pair", "k_y",     "k_y mirrored", "component"};
  char what[64];
  for (int i = 0; i < POWERS; i++)
    check_mean(power[i], s->power[i], s->normals, mean[i], sqrt(square[i] - mean[i] * mean[i]));
  for (int i = 0; i < TAILS; i++) {
    snprintf(what, sizeof what, "beyond %d sigma", i + 1);
    check_count(what, s->tail[i], s->normals, erfc((i + 1) / M_SQRT2));
  }
  for (int i = 0; i < RADII; i++) {
    snprintf(what, sizeof what, "|w|^2 beyond %g", RADIUS[i]);
    check_count(what, s->radius[i], s->modes, exp(-RADIUS[i]));
  }
  /* products of independent unit normals have deviation 1, of their squares less 1 deviation 2 */
  check_mean("real and imaginary part", s->within[0], s->modes, 0, 1);
  check_mean("their squares", s->within[1], s->modes, 0, 2);
  check_mean("words 0, 1 and 2, 3", s->partner[0], s->pairs, 0, 1);
  check_mean("their squares", s->partner[1], s->pairs, 0, 2);
  check_mean("words 0, 1 and 2, 3, crossed", s->crossed[0], s->neighbours / 2, 0, 1);
  check_mean("their squares", s->crossed[1], s->neighbours / 2, 0, 2);
  check_mean("neighbours in k_z", s->neighbour[0], s->neighbours, 0, 1);
  check_mean("their squares", s->neighbour[1], s->neighbours, 0, 2);
  for (int o = 0; o < OTHERS; o++) {
    snprintf(what, sizeof what, "other %s", other[o]);
    check_mean(what, s->other[o][0], s->others, 0, 1);
    snprintf(what, sizeof what, "other %s, squares", other[o]);
    check_mean(what, s->other[o][1], s->others, 0, 2);
  }
  for (int m = 0; m < HARMONICS; m++) {
    snprintf(what, sizeof what, "angle, cos %d", m + 1);
    check_mean(what, s->cosine[m], s->angles, 0, M_SQRT1_2);
    snprintf(what, sizeof what, "angle, sin %d", m + 1);
    check_mean(what, s->sine[m], s->angles, 0, M_SQRT1_2);
  }
  double chi2 = 0;
  for (int b = 0; b < BINS; b++) chi2 += pow(s->bin[b] - s->binned / BINS, 2) / (s->binned / BINS);
  if (print) printf("  chi-square of %d sectors %.1f\n", BINS, chi2);
  CHECK_MSG(fabs(chi2 - (BINS - 1)) <= 5 * sqrt(2 * (BINS - 1)), "chi-square of %d sectors: %g",
            BINS, chi2);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const double draws = argc > 1 ? atof(argv[1]) : DRAWS;
  const int64_t runs = (int64_t)ceil(draws / (2 * FLOATS));
  sums_t s;
  memset(&s, 0, sizeof s);
  const double start = MPI_Wtime();
  for (int64_t r = ctx->rank; r < runs; r += ctx->size) add_run(r, &s);
  const int count = (int)(sizeof s / sizeof(double));
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &s, count, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  print = argc > 1 && ctx->rank == 0;
  if (print) printf("%.4g normals, %.1f s\n", s.normals, MPI_Wtime() - start);
  CHECK(s.normals >= draws);
  check_sums(&s);
  return test_end(ctx);
}
