/* test: np="1 2 3 5" time=60 */
/*
 * Amplitudes in single precision against sums and densities in double precision, for all families, sums of terms,
 * nuggets and knots; the variance over all modes is 1; independence of the number of ranks.
 */
#include "exset/sample.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double term_density(const exset_term_t *term, double kx, double ky, double kz) {
  return exp(exset_term_log_density(term, kx * kx + ky * ky, kz * kz) -
             exset_term_log_density(term, 0.01, 0.01));
}

/* Naive: part t of the spectrum (t < n_terms, or -1: knots) at array indices, unnormalised. */
static double part_density(const exset_spectrum_t *s, int t, const int64_t n[3],
                           const double voxel[3], int64_t z, int64_t y, int64_t x) {
  const double kz = exset_wavenumber(z, n[0], voxel[0]), ky = exset_wavenumber(y, n[1], voxel[1]);
  const double kx = exset_wavenumber(x, n[2], voxel[2]);
  if (t >= 0) return term_density(&s->term[t], kx, ky, kz);
  return exset_knots_density(s, sqrt(kx * kx + ky * ky), fabs(kz));
}

static double part_sum(const exset_spectrum_t *s, int t, const int64_t n[3],
                       const double voxel[3]) {
  double sum = 0;
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) sum += part_density(s, t, n, voxel, z, y, x);
  return sum;
}

/* largest relative error of S, with the rounding of large exponents allowed for */
static void check_spectrum(exset_ctx_t *ctx, const char *name, const exset_spectrum_t *s,
                           const int64_t n[3], const double voxel[3]) {
  exset_amplitude_t *amplitude;
  MUST(ctx, exset_amplitude_create(ctx, n, voxel, s, &amplitude));
  const int first = s->knots_r > 0 ? -1 : 0;
  double sums[EXSET_MAX_TERMS + 1], weights = 0, total = 0, worst = 0, largest = 0;
  for (int t = first; t < s->n_terms; t++) sums[t + 1] = part_sum(s, t, n, voxel);
  for (int t = 0; t < s->n_terms; t++) weights += s->term[t].weight;
  const double modes = (double)n[0] * (double)n[1] * (double)n[2];
  float *column;
  MUST(ctx, exset_alloc(ctx, exset_amplitude_column_size(amplitude), sizeof *column, &column));
  for (int pass = 0; pass < 2; pass++) /* the first finds the largest value */
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x <= n[2] / 2; x++) {
        exset_amplitude_column(amplitude, x, y, column);
        for (int64_t z = 0; z < n[0]; z++) {
          double expected = s->nugget / modes;
          if (first < 0)
            expected += (1 - s->nugget) * part_density(s, -1, n, voxel, z, y, x) / sums[0];
          for (int t = 0; t < s->n_terms; t++)
            expected += (1 - s->nugget) * s->term[t].weight / weights *
                        part_density(s, t, n, voxel, z, y, x) / sums[t + 1];
          const double a = column[z <= n[0] / 2 ? z : n[0] - z], root = sqrt(expected);
          largest = fmax(largest, root);
          if (pass == 0) continue;
          total += a * a * (x > 0 && 2 * x < n[2] ? 2 : 1);
          const double exponent = expected > 0 ? fabs(log(expected)) : 0;
          /* splines are differences of larger numbers; ends of splines and 1e-19 are zero for all purposes */
          const double allowed =
              root * (3e-7 + 1.5e-7 * exponent) + 2e-19 +
              (first < 0 ? largest * 1e-6 + 3e-4 * largest * (root < 1e-3 * largest) : 0);
          worst = fmax(worst, fabs(a - root) / allowed);
        }
      }
  CHECK_MSG(worst <= 1, "%s: amplitudes differ by %g of what is allowed", name, worst);
  /* between the modes of the thin ring exponents are differences of numbers near 1000 */
  CHECK_NEAR(total, 1, s->term[0].width == 0.02 ? 1e-5 : 1e-6);
  free(column);
  exset_amplitude_destroy(&amplitude);
}

/* Every rank alone, with three threads, gets the same bits as all ranks together. */
static void check_ranks(exset_ctx_t *ctx, const exset_spectrum_t *s, const int64_t n[3],
                        const double voxel[3]) {
  exset_ctx_t *alone;
  MUST(ctx, exset_ctx_create(MPI_COMM_SELF, &alone));
  alone->threads = 3;
  exset_amplitude_t *together, *single;
  float *a, *b;
  MUST(ctx, exset_amplitude_create(ctx, n, voxel, s, &together));
  MUST(ctx, exset_amplitude_create(alone, n, voxel, s, &single));
  const int64_t size = exset_amplitude_column_size(single);
  MUST(ctx, exset_alloc(ctx, size, sizeof *a, &a));
  MUST(ctx, exset_alloc(ctx, size, sizeof *b, &b));
  int differ = 0;
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t x = 0; x <= n[2] / 2; x++) {
      exset_amplitude_column(together, x, y, a);
      exset_amplitude_column(single, x, y, b);
      differ += memcmp(a, b, (size_t)(n[0] / 2 + 1) * sizeof *a) != 0;
    }
  CHECK(differ == 0);
  free(a);
  free(b);
  exset_amplitude_destroy(&together);
  exset_amplitude_destroy(&single);
  exset_ctx_destroy(&alone);
}

static exset_spectrum_t of_terms(int n, exset_term_t a, exset_term_t b, double nugget) {
  exset_spectrum_t s;
  memset(&s, 0, sizeof s);
  s.n_terms = n;
  s.term[0] = a;
  s.term[1] = b;
  s.nugget = nugget;
  return s;
}

static void check_all(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3]) {
  const exset_term_t gauss = {EXSET_FAMILY_GAUSSIAN, 2, 1.1, 0.7, 0, 0};
  const exset_term_t matern = {EXSET_FAMILY_MATERN, 1, 1.5, 2.5, 0.8, 0};
  const exset_term_t smooth = {EXSET_FAMILY_MATERN, 1, 0.9, 0.9, 20, 0};
  const exset_term_t ring = {EXSET_FAMILY_RING, 0.5, 0.8, 0.6, 0, 0.25};
  const exset_term_t thin = {EXSET_FAMILY_RING, 1, 0.05, 0.05, 0, 0.02}; /* between the modes */
  const exset_term_t rough = {EXSET_FAMILY_MATERN, 1, 40, 40, 0.3, 0};
  const exset_spectrum_t list[] = {of_terms(1, gauss, gauss, 0),    of_terms(1, matern, gauss, 0),
                                   of_terms(1, smooth, gauss, 0),   of_terms(1, ring, gauss, 0),
                                   of_terms(1, rough, gauss, 0),    of_terms(1, gauss, gauss, 0.1),
                                   of_terms(2, matern, ring, 0.03), of_terms(2, gauss, ring, 0),
                                   of_terms(1, thin, gauss, 0),     of_terms(0, gauss, gauss, 1)};
  static const char *const name[] = {
      "gaussian",     "matern", "smooth matern",          "ring",
      "rough matern", "nugget", "matern + ring + nugget", "gaussian + ring",
      "thin ring",    "white"};
  for (int i = 0; i < 10; i++) check_spectrum(ctx, name[i], &list[i], n, voxel);
  check_ranks(ctx, &list[6], n, voxel);

  double knots[8 * 6];
  for (int i = 0; i < 48; i++) knots[i] = 0.2 + fabs(sin(3.1 * i)) * exp(-0.05 * i);
  exset_spectrum_t s = of_terms(0, gauss, gauss, 0);
  s.knots_r = 8;
  s.knots_max_r = 4;
  s.knots = knots;
  check_spectrum(ctx, "knots", &s, n, voxel);
  s.knots_z = 6;
  s.knots_max_z = 6;
  s.nugget = 0.05;
  check_spectrum(ctx, "knots in (k_r, k_z)", &s, n, voxel);
  check_ranks(ctx, &s, n, voxel);
}

static void check_extent(void) {
  const double voxel[3] = {0.5, 0.5, 0.5};
  exset_spectrum_t s =
      of_terms(1, (exset_term_t){EXSET_FAMILY_GAUSSIAN, 1, 1, 1, 0, 0}, (exset_term_t){0}, 0);
  /* separable: q^2/4 has variance 2 along each axis */
  CHECK_NEAR(exset_spectrum_lost(&s, voxel), 1 - pow(erf(M_PI / 0.5 / 2), 3), 1e-5);
  const double coarse[3] = {1.5, 1.2, 1};
  const double inside = erf(M_PI / 1.5 / 2) * erf(M_PI / 1.2 / 2) * erf(M_PI / 1 / 2);
  CHECK_NEAR(exset_spectrum_lost(&s, coarse), 1 - inside, 2e-3);
  /* exponential covariance: beyond the sphere |q| = Q the share is 1 - 2/pi (atan Q' - Q'/(1 + Q'^2)), Q' = Q
   * for S ~ (1 + q^2)^-2; the cube of half edge Q lies between the spheres Q and sqrt(3) Q */
  s.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1, 10, 10, 0.5, 0};
  const double Q = 10 * M_PI / 0.5, lost = exset_spectrum_lost(&s, voxel);
  const double at_q = 1 - 2 / M_PI * (atan(Q) - Q / (1 + Q * Q));
  const double far = sqrt(3) * Q, at_far = 1 - 2 / M_PI * (atan(far) - far / (1 + far * far));
  CHECK_MSG(lost > at_far * 0.9 && lost < at_q, "lost %g, between %g and %g", lost, at_far, at_q);
  double xy, z, knots[32];
  for (int i = 0; i < 32; i++) knots[i] = exp(-pow(i * 8.0 / 31, 2) / 4);
  s = of_terms(0, s.term[0], s.term[0], 0);
  s.knots = knots;
  s.knots_r = 32;
  s.knots_max_r = 8;
  exset_spectrum_lengths(&s, &xy, &z); /* splines widen the Gaussian a little */
  CHECK_NEAR(xy, 1, 0.05);
  CHECK_NEAR(z, 1, 0.05);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_all(ctx, (const int64_t[3]){6, 10, 40}, (const double[3]){0.5, 0.4, 0.2});
  check_all(ctx, (const int64_t[3]){7, 9, 15}, (const double[3]){0.3, 0.4, 0.5});
  check_all(ctx, (const int64_t[3]){5, 12, 12},
            (const double[3]){0.3, 0.4, 0.4}); /* x and y alike */
  check_all(ctx, (const int64_t[3]){4, 9, 9}, (const double[3]){0.6, 0.4, 0.4});
  check_all(ctx, (const int64_t[3]){1100, 2, 3}, (const double[3]){0.1, 0.4, 0.5});
  if (ctx->rank == 0) check_extent();
  return test_end(ctx);
}
