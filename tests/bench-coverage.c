/*
 * Speed of coverage estimates against the bare transforms they need, in one run. Prints "ratio NAME VALUE BOUND".
 * - section: 4096 x 4096 pixels, three phases, lags to 200 pixels, on one rank; against the transforms of the
 *   image padded by that lag as a whole: one forward for two of the phases, one inverse for each of their three pairs;
 * - volume: 256^3 periodic, three phases, lags to 64, on all ranks; against two forward and three inverse
 *   transforms of that size.
 */
#include "exset/coverage.h"
#include "exset/fft.h"
#include "exset/fft_serial.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PHASES = 3, FORWARD = 2, INVERSE = 3, REPEATS = 3 };

static uint8_t phase_at(int64_t z, int64_t y, int64_t x) {
  const double wave = sin(0.11 * (double)x + 3 * sin(0.013 * (double)y)) +
                      sin(0.09 * (double)y + 2 * sin(0.017 * (double)x)) + sin(0.1 * (double)z);
  return wave > 0.7 ? 1 : wave > -0.4 ? 2 : 3;
}

static void bench_section(exset_ctx_t *ctx) {
  enum { EDGE = 4096, LAG = 200 };
  exset_section_t section = {EDGE, EDGE, NULL, EXSET_ORIENT_XY};
  MUST(ctx, exset_alloc(ctx, (int64_t)EDGE * EDGE, 1, &section.phase));
  for (int64_t i = 0; i < (int64_t)EDGE * EDGE; i++)
    section.phase[i] = phase_at(0, i / EDGE, i % EDGE);
  const int64_t padded = exset_fft_good_size(EDGE + LAG), size[2] = {padded, padded};
  exset_fft_serial_t *plan;
  double complex *modes;
  MUST(ctx, exset_fft_serial_create(ctx, 2, size, EXSET_FFT_SERIAL_IN_PLACE, &plan));
  MUST(ctx, exset_alloc(ctx, exset_fft_serial_modes(plan), sizeof *modes, &modes));
  double forward = 1e30, inverse = 1e30, total = 1e30;
  for (int r = 0; r < REPEATS; r++) {
    double *real = (double *)modes;
    for (int64_t i = 0; i < exset_fft_serial_reals(plan); i++) real[i] = (double)(i % 3 == 0);
    double start = MPI_Wtime();
    exset_fft_serial_forward(plan, real, modes);
    forward = fmin(forward, MPI_Wtime() - start);
    start = MPI_Wtime();
    exset_fft_serial_inverse(plan, modes, real);
    inverse = fmin(inverse, MPI_Wtime() - start);
  }
  exset_fft_serial_destroy(&plan);
  free(modes);
  const double pixel[2] = {1, 1};
  for (int r = 0; r < REPEATS; r++) {
    exset_coverage_t coverage;
    const double start = MPI_Wtime();
    MUST(ctx,
         exset_coverage_section(ctx, &section, PHASES, pixel, LAG, EXSET_LAGS_RADIAL, &coverage));
    total = fmin(total, MPI_Wtime() - start);
    exset_coverage_clear(&coverage);
  }
  free(section.phase);
  const double bare = FORWARD * forward + INVERSE * inverse;
  printf(
      "  section %d^2: %.3f s; transforms of %lld^2: forward %.3f s, inverse %.3f s, sum %.3f s\n",
      EDGE, total, (long long)padded, forward, inverse, bare);
  printf("ratio coverage/section-transforms %.2f 2\n", total / bare);
}

static void bench_volume(exset_ctx_t *ctx) {
  enum { EDGE = 256, LAG = 64 };
  const int64_t n[3] = {EDGE, EDGE, EDGE};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  exset_volume_t volume;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, PHASES, &volume));
  for (int64_t i = 0; i < exset_grid_cells_local(&grid); i++)
    volume.phase[i] = phase_at(grid.z0 + i / EDGE / EDGE, i / EDGE % EDGE, i % EDGE);
  exset_fft_t *fft;
  MUST(ctx, exset_fft_create(ctx, n, EXSET_FFT_FORWARD | EXSET_FFT_BACKWARD | EXSET_FFT_TRANSPOSED,
                             &fft));
  float *data = exset_fft_data(fft);
  const int64_t count = exset_fft_shape(fft)->buffer_bytes / (int64_t)sizeof *data;
  double forward = 1e30, inverse = 1e30, total = 1e30;
  for (int r = 0; r < REPEATS; r++) {
    for (int64_t i = 0; i < count; i++) data[i] = (float)(i % 3 == 0);
    MPI_Barrier(ctx->comm);
    double start = MPI_Wtime();
    exset_fft_forward(fft);
    MPI_Barrier(ctx->comm);
    forward = fmin(forward, MPI_Wtime() - start);
    start = MPI_Wtime();
    exset_fft_backward(fft);
    MPI_Barrier(ctx->comm);
    inverse = fmin(inverse, MPI_Wtime() - start);
  }
  exset_fft_destroy(&fft);
  for (int r = 0; r < REPEATS; r++) {
    exset_coverage_t coverage;
    MPI_Barrier(ctx->comm);
    const double start = MPI_Wtime();
    MUST(ctx, exset_coverage_volume(ctx, &volume, true, LAG, EXSET_LAGS_RADIAL, &coverage));
    MPI_Barrier(ctx->comm);
    total = fmin(total, MPI_Wtime() - start);
    exset_coverage_clear(&coverage);
  }
  exset_volume_clear(&volume);
  if (ctx->rank > 0) return;
  const double bare = FORWARD * forward + INVERSE * inverse;
  printf(
      "  volume %d^3, %d ranks: %.3f s; transforms: forward %.3f s, inverse %.3f s, sum %.3f s\n",
      EDGE, ctx->size, total, forward, inverse, bare);
  printf("ratio coverage/volume-transforms %.2f 3\n", total / bare);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  if (ctx->rank == 0) bench_section(ctx);
  MPI_Barrier(ctx->comm);
  bench_volume(ctx);
  return test_end(ctx);
}
