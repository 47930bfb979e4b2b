/* test: np="1" time=60 */
/*
 * Intervals of phase fractions. The integral range of closed forms; then sections of known Gaussian
 * excursion sets, windows of 128 x 128 cut from tori of twice the edge: how many 95 % intervals hold the true
 * fraction? N = 600: a true 95 % gives 92.5 % to 97.5 % with probability 0.995. The rule is on the safe side for
 * an oscillating structure, so no upper bound there.
 */
#include "exset/coverage.h"
#include "exset/fft_serial.h"
#include "exset/rng.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 128, TORUS = 256, SECTIONS = 600 };

/* ---- closed forms ---- */

/* C = p^2 + (p - p^2) exp(-(h_r/l_r)^2 - (h_z/l_z)^2) in a huge window: N(h) = |W|. */
static void check_closed(bool rz, int dimension, double l_r, double l_z, double expected) {
  enum { N = 64 };
  static double h_r[N * N], h_z[N * N], pairs[N * N], c[N * N];
  const double p = 0.3, pi = acos(-1), window = 1e12;
  exset_coverage_t cov = {
      1, rz ? EXSET_LAGS_RZ : EXSET_LAGS_RADIAL, rz ? N * N : N, h_r, h_z, pairs, c};
  for (int i = 0; i < (rz ? N * N : N); i++) {
    const double r = i % N, z = rz ? i / N : 0;
    h_r[i] = r;
    h_z[i] = z;
    c[i] = p * p + (p - p * p) * exp(-(r / l_r) * (r / l_r) - (z / l_z) * (z / l_z));
    if (rz) /* section: lags +-h_r, +-h_z; volume: a ring in h_r, +-h_z */
      pairs[i] = window * (dimension == 2 ? (r > 0 ? 2 : 1) : (r > 0 ? 2 * pi * r : 1)) *
                 (z > 0 ? 1 : 0.5);
    else pairs[i] = window * (dimension == 2 ? pi * r : 2 * pi * r * r);
  }
  pairs[0] = window;
  const double pixel[3] = {1, 1, 1};
  double dof;
  bool decayed;
  const double range =
      exset_coverage_integral_range(&cov, 0, dimension, pixel, window, &dof, &decayed);
  CHECK_NEAR(range / expected, 1, 0.02);
}

/* ---- simulation ---- */

typedef struct {
  const char *name;
  int family; /* 0: Gaussian, 1: Matern 1/2 (exponential), 2: ring */
  double l_rows, l_cols, fraction;
  exset_lags_t lags;
  double low, high;
} case_t;

static double density(const case_t *k, double q2) {
  if (k->family == 0) return exp(-q2 / 4);
  if (k->family == 1) return pow(1 + q2, -1.5);
  return exp(-(sqrt(q2) - 1) * (sqrt(q2) - 1) / (2 * 0.2 * 0.2));
}

/* Amplitudes of the modes of r2c layout, so that the variance is 1. */
static void fill_amplitude(const case_t *k, double *amplitude) {
  const double step = 2 * acos(-1) / TORUS;
  double sum = 0;
  const int half = TORUS / 2 + 1;
  for (int i = 0; i < TORUS; i++)
    for (int j = 0; j < half; j++) {
      const double u = (i <= TORUS / 2 ? i : i - TORUS) * step * k->l_rows,
                   v = j * step * k->l_cols;
      const double s = density(k, u * u + v * v);
      sum += s * (j == 0 || j == TORUS / 2 ? 1 : 2);
      amplitude[i * half + j] = s;
    }
  for (int m = 0; m < TORUS * half; m++) amplitude[m] = sqrt(amplitude[m] / sum);
}

/* One section; columns 0 and TORUS/2 get their Hermitian symmetry by the inverse transform taking the real part. */
static void simulate(const exset_fft_serial_t *plan, const double *amplitude, uint64_t seed,
                     double threshold, double complex *modes, double *field, uint8_t *phase) {
  const int half = TORUS / 2 + 1, count = TORUS * half;
  const exset_rng_key_t key = exset_rng_key(seed, EXSET_STREAM_SECTION, 0, 0);
  exset_rng_batch_t words;
  exset_normal_batch_t normals;
  for (int first = 0; first < count; first += EXSET_RNG_BATCH) {
    for (int i = 0; i < EXSET_RNG_BATCH; i++) {
      words.word[0][i] = (uint32_t)(first + i);
      words.word[1][i] = words.word[2][i] = words.word[3][i] = 0;
    }
    exset_rng_words(key, EXSET_RNG_BATCH, &words);
    exset_rng_normals(EXSET_RNG_BATCH, &words, &normals);
    for (int i = 0; i < EXSET_RNG_BATCH && first + i < count; i++)
      modes[first + i] =
          amplitude[first + i] * ((double)normals.value[0][i] + I * (double)normals.value[1][i]);
  }
  for (int j = 0; j < half; j += TORUS / 2) /* self-conjugate columns */
    for (int i = 0; i <= TORUS / 2; i++) {
      const int mirror = (TORUS - i) % TORUS;
      if (mirror == i) modes[i * half + j] = sqrt(2) * creal(modes[i * half + j]);
      else modes[mirror * half + j] = conj(modes[i * half + j]);
    }
  exset_fft_serial_inverse(plan, modes, field);
  for (int r = 0; r < WINDOW; r++)
    for (int c = 0; c < WINDOW; c++)
      phase[r * WINDOW + c] = field[r * TORUS + c] >= threshold ? 1 : 2;
}

static void check_case(exset_ctx_t *ctx, const case_t *k) {
  const int64_t size[2] = {TORUS, TORUS};
  exset_fft_serial_t *plan;
  double *amplitude, *field;
  double complex *modes;
  exset_section_t s = {WINDOW, WINDOW, NULL, EXSET_ORIENT_XZ};
  MUST(ctx, exset_fft_serial_create(ctx, 2, size, EXSET_FFT_SERIAL_ESTIMATE, &plan));
  MUST(ctx, exset_alloc(ctx, exset_fft_serial_modes(plan), sizeof *amplitude, &amplitude));
  MUST(ctx, exset_alloc(ctx, exset_fft_serial_modes(plan), sizeof *modes, &modes));
  MUST(ctx, exset_alloc(ctx, exset_fft_serial_reals(plan), sizeof *field, &field));
  MUST(ctx, exset_alloc(ctx, WINDOW * WINDOW, 1, &s.phase));
  fill_amplitude(k, amplitude);
  exset_field_t gaussian = {0};
  gaussian.type = EXSET_FIELD_GAUSSIAN;
  gaussian.dof = 1;
  gaussian.fraction = k->fraction;
  const double threshold = exset_field_threshold(&gaussian), pixel[3] = {1, 1, 1};
  int hits = 0;
  double square = 0, width = 0;
  for (int i = 0; i < SECTIONS; i++) {
    exset_coverage_t c;
    simulate(plan, amplitude, (uint64_t)i, threshold, modes, field, s.phase);
    MUST(ctx, exset_coverage_section(ctx, &s, 2, pixel, WINDOW / 2 - 4, k->lags, &c));
    const double off = c.c[0] - k->fraction;
    const double half = exset_coverage_fraction_ci95(&c, 0, 2, pixel, WINDOW * WINDOW);
    hits += fabs(off) <= half;
    square += off * off / SECTIONS;
    width += half / SECTIONS;
    exset_coverage_clear(&c);
  }
  const double share = (double)hits / SECTIONS;
  printf("  %-22s %.3f of the intervals hold the fraction; mean half-width %.4f, 1.96 sd %.4f\n",
         k->name, share, width, 1.96 * sqrt(square));
  CHECK_MSG(share >= k->low && share <= k->high, "%s: %.3f outside [%g, %g]", k->name, share,
            k->low, k->high);
  CHECK(width < 3.5 * sqrt(square) || k->family == 2); /* not bought by needless width */
  free(amplitude);
  free(modes);
  free(field);
  free(s.phase);
  exset_fft_serial_destroy(&plan);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const double pi = acos(-1);
  check_closed(false, 2, 6, 6, pi * 36);
  check_closed(false, 3, 6, 6, pow(pi, 1.5) * 216);
  check_closed(true, 2, 9, 4, pi * 36);
  check_closed(true, 3, 9, 4, pow(pi, 1.5) * 324);
  static const case_t cases[] = {
      {"Gaussian", 0, 5, 5, 0.3, EXSET_LAGS_RADIAL, 0.925, 0.975},
      {"exponential", 1, 4, 4, 0.5, EXSET_LAGS_RADIAL, 0.925, 0.975},
      {"anisotropic, rz lags", 0, 3, 8, 0.2, EXSET_LAGS_RZ, 0.925, 0.975},
      {"ring", 2, 3, 3, 0.3, EXSET_LAGS_RADIAL, 0.95, 1},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) check_case(ctx, &cases[k]);
  return test_end(ctx);
}
