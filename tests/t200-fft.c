/* test: np="1 2 3 5" time=60 */
/* Distributed transforms against a naive DFT: odd, even and flat boxes, plain and transposed spectra, empty slabs. */
#include "exset/fft.h"
#include "exset/grid.h"
#include "test.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>

/* The test signal: any function of the cell. */
static double signal_at(int64_t z, int64_t y, int64_t x) {
  return sin(1.7 * (double)z + 0.3 * (double)(y * y) + 2.9 * (double)x) + 0.25 * (double)(x == y);
}

static double complex naive_mode(const int64_t n[3], int64_t kz, int64_t ky, int64_t kx) {
  double complex sum = 0;
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++)
        sum += signal_at(z, y, x) *
               cexp(-2 * M_PI * I *
                    ((double)(kz * z) / (double)n[0] + (double)(ky * y) / (double)n[1] +
                     (double)(kx * x) / (double)n[2]));
  return sum;
}

static void check_box(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx, int flags) {
  const int64_t n[3] = {nz, ny, nx};
  const bool transposed = flags & EXSET_FFT_TRANSPOSED;
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  exset_fft_t *fft;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_fft_create(ctx, n, EXSET_FFT_FORWARD | EXSET_FFT_BACKWARD | flags, &fft));
  const exset_fft_layout_t *l = exset_fft_shape(fft);
  CHECK(l->z0 == grid.z0 && l->nz_local == grid.nz_local);
  float *data = exset_fft_data(fft);
  for (int64_t z = 0; z < l->nz_local; z++)
    for (int64_t y = 0; y < ny; y++)
      for (int64_t x = 0; x < nx; x++)
        data[(z * ny + y) * l->row + x] = (float)signal_at(l->z0 + z, y, x);
  exset_fft_forward(fft);
  const double cells = (double)(nz * ny * nx), tolerance = 2e-6 * cells;
  double worst = 0;
  for (int64_t a = 0; a < (transposed ? l->ny_local : l->nz_local); a++)
    for (int64_t b = 0; b < (transposed ? nz : ny); b++)
      for (int64_t kx = 0; kx < l->modes_x; kx++) {
        const int64_t kz = transposed ? b : l->z0 + a, ky = transposed ? l->y0 + a : b;
        const float *mode = data + 2 * ((a * (transposed ? nz : ny) + b) * l->modes_x + kx);
        const double complex expected = naive_mode(n, kz, ky, kx);
        worst = fmax(worst, cabs(mode[0] + I * (double)mode[1] - expected));
      }
  CHECK_MSG(worst <= tolerance, "%lldx%lldx%lld forward: error %g", (long long)nz, (long long)ny,
            (long long)nx, worst);
  exset_fft_backward(fft);
  worst = 0;
  for (int64_t z = 0; z < l->nz_local; z++)
    for (int64_t y = 0; y < ny; y++)
      for (int64_t x = 0; x < nx; x++)
        worst =
            fmax(worst, fabs(data[(z * ny + y) * l->row + x] / cells - signal_at(l->z0 + z, y, x)));
  CHECK_MSG(worst <= 2e-6, "%lldx%lldx%lld back: error %g", (long long)nz, (long long)ny,
            (long long)nx, worst);
  exset_fft_destroy(&fft);
  CHECK(fft == NULL);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t box[][3] = {{4, 6, 8}, {5, 3, 7}, {3, 7, 4}, {1, 8, 5}, {7, 1, 2}, {2, 2, 1}};
  for (size_t i = 0; i < sizeof box / sizeof *box; i++)
    for (int flags = 0; flags <= EXSET_FFT_TRANSPOSED; flags += EXSET_FFT_TRANSPOSED) {
      check_box(ctx, box[i][0], box[i][1], box[i][2], flags);
      if (i < 2) check_box(ctx, box[i][0], box[i][1], box[i][2], flags | EXSET_FFT_MEASURE);
    }
  /* blocks beyond MPI's int counts are refused before any work */
  const int64_t huge[3] = {3000, 3000, 3000};
  exset_fft_layout_t layout;
  if (ctx->size == 2) CHECK(exset_fft_layout(ctx, huge, &layout) == EXSET_ERR_INPUT);
  return test_end(ctx);
}
