/* test: np="1" time=30 */
/* Serial transforms against the defining sum, in place and not, one to three dimensions; good sizes. */
#include "exset/fft_serial.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

static double value_at(int64_t i) {
  return sin(0.7 * (double)i) + 0.3 * (double)(i % 5);
}

/* Modes by the defining sum, then back; dims 1..3 given as n[3] with leading ones. */
static void check_transform(exset_ctx_t *ctx, int n_dims, const int64_t n[3], int flags) {
  const double pi = acos(-1);
  const int64_t *size = n + (3 - n_dims);
  exset_fft_serial_t *plan;
  MUST(ctx, exset_fft_serial_create(ctx, n_dims, size, flags, &plan));
  const bool in_place = flags & EXSET_FFT_SERIAL_IN_PLACE;
  const int64_t half = n[2] / 2 + 1, stride = in_place ? 2 * half : n[2],
                cells = n[0] * n[1] * n[2];
  CHECK(exset_fft_serial_modes(plan) == n[0] * n[1] * half);
  CHECK(exset_fft_serial_reals(plan) == n[0] * n[1] * stride);
  double complex *modes;
  double *real;
  MUST(ctx, exset_alloc(ctx, exset_fft_serial_modes(plan), sizeof *modes, &modes));
  MUST(ctx, exset_alloc(ctx, exset_fft_serial_reals(plan), sizeof *real, &real));
  double *in = in_place ? (double *)modes : real;
  for (int64_t r = 0; r < n[0] * n[1]; r++)
    for (int64_t x = 0; x < n[2]; x++) in[r * stride + x] = value_at(r * n[2] + x);
  exset_fft_serial_forward(plan, in, modes);
  double worst = 0;
  for (int64_t k = 0; k < n[0] * n[1] * half; k++) {
    const int64_t kz = k / half / n[1], ky = k / half % n[1], kx = k % half;
    double complex sum = 0;
    for (int64_t i = 0; i < cells; i++) {
      const int64_t z = i / n[2] / n[1], y = i / n[2] % n[1], x = i % n[2];
      const double turn = (double)(kz * z) / (double)n[0] + (double)(ky * y) / (double)n[1] +
                          (double)(kx * x) / (double)n[2];
      sum += value_at(i) * cexp(-2 * pi * I * turn);
    }
    worst = fmax(worst, cabs(sum - modes[k]));
  }
  CHECK_NEAR(worst, 0, 1e-11 * (double)cells);
  exset_fft_serial_inverse(plan, modes, in);
  worst = 0;
  for (int64_t r = 0; r < n[0] * n[1]; r++)
    for (int64_t x = 0; x < n[2]; x++)
      worst = fmax(worst, fabs(in[r * stride + x] / (double)cells - value_at(r * n[2] + x)));
  CHECK_NEAR(worst, 0, 1e-13);
  exset_fft_serial_destroy(&plan);
  CHECK(plan == NULL);
  free(modes);
  free(real);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t one[3] = {1, 1, 9}, two[3] = {1, 6, 8}, odd[3] = {1, 5, 7}, three[3] = {3, 4, 6};
  for (int flags = 0; flags < 4; flags++) {
    check_transform(ctx, 1, one, flags);
    check_transform(ctx, 2, two, flags);
    check_transform(ctx, 2, odd, flags);
    check_transform(ctx, 3, three, flags);
  }
  CHECK(exset_fft_good_size(1) == 1);
  CHECK(exset_fft_good_size(11) == 12);
  CHECK(exset_fft_good_size(4097) == 4116);
  CHECK(exset_fft_good_size(720) == 720);
  return test_end(ctx);
}
