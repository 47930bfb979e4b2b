/*
 * Speed of coverage estimates against the bare transforms they need, in one run. Prints "ratio NAME VALUE BOUND".
 * - section: 4096 x 4096 pixels, three phases, lags to 200 pixels, on one rank; against the transforms of the
 *   image padded by that lag as a whole: one forward for two of the phases, one inverse for each of their three pairs;
 * - volume: 512^3 periodic (an argument gives another edge), three phases, lags to a quarter and to a half of the box, on all
 *   ranks; against two forward and three inverse transforms of that size by FFTW-MPI, transposed modes, estimated plans.
 *   Bytes: of all state, labels included.
 */
#include "exset/coverage.h"
#include "exset/fft_serial.h"
#include "test.h"

#include <fftw3-mpi.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PHASES = 3, FORWARD = 2, INVERSE = 3, REPEATS = 3, TURNS = 5 };

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

/* Best seconds of a forward and of an inverse transform: plain FFTW-MPI. */
static void bare_transforms(exset_ctx_t *ctx, int64_t edge, double seconds[2]) {
  const int64_t modes = edge / 2 + 1;
  ptrdiff_t nz, z0, ny, y0;
  fftwf_mpi_init();
  const ptrdiff_t size =
      fftwf_mpi_local_size_3d_transposed(edge, edge, modes, ctx->comm, &nz, &z0, &ny, &y0);
  float *data;
  MUST(ctx, exset_alloc(ctx, 2 * size, sizeof *data, &data));
  fftwf_complex *mode = (fftwf_complex *)data;
  fftwf_plan plan[2] = {fftwf_mpi_plan_dft_r2c_3d(edge, edge, edge, data, mode, ctx->comm,
                                                  FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_OUT),
                        fftwf_mpi_plan_dft_c2r_3d(edge, edge, edge, mode, data, ctx->comm,
                                                  FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_IN)};
  for (ptrdiff_t i = 0; i < 2 * size; i++) data[i] = (float)(i % 3 == 0);
  for (int r = 0; r < REPEATS; r++)
    for (int k = 0; k < 2; k++) {
      MPI_Barrier(ctx->comm);
      const double start = MPI_Wtime();
      fftwf_execute(plan[k]);
      MPI_Barrier(ctx->comm);
      seconds[k] = fmin(seconds[k], MPI_Wtime() - start);
      const float scale = (float)(1.0 / ((double)edge * (double)edge * (double)edge));
      for (ptrdiff_t i = 0; i < 2 * size && k == 1; i++) data[i] *= scale;
    }
  for (int k = 0; k < 2; k++) fftwf_destroy_plan(plan[k]);
  free(data);
}

static double estimate(exset_ctx_t *ctx, const exset_volume_t *volume, double max_lag) {
  exset_coverage_t coverage;
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  MUST(ctx, exset_coverage_volume(ctx, volume, true, max_lag, EXSET_LAGS_RADIAL, &coverage));
  MPI_Barrier(ctx->comm);
  const double seconds = MPI_Wtime() - start;
  exset_coverage_clear(&coverage);
  return seconds;
}

static void bench_volume(exset_ctx_t *ctx, int64_t edge) {
  const int64_t n[3] = {edge, edge, edge};
  const double voxel[3] = {1, 1, 1}, lag[2] = {(double)(edge / 4), (double)(edge / 2)};
  exset_grid_t grid;
  exset_volume_t volume;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, PHASES, &volume));
  for (int64_t i = 0; i < exset_grid_cells_local(&grid); i++)
    volume.phase[i] = phase_at(grid.z0 + i / edge / edge, i / edge % edge, i % edge);
  double bare[2] = {1e30, 1e30}, total[2] = {1e30, 1e30};
  for (int turn = 0; turn < TURNS; turn++) {
    bare_transforms(ctx, edge, bare);
    for (int k = 0; k < 2; k++) total[k] = fmin(total[k], estimate(ctx, &volume, lag[k]));
  }
  const double sum = FORWARD * bare[0] + INVERSE * bare[1];
  for (int k = 0; k < 2; k++) {
    exset_coverage_plan_t plan;
    MUST(ctx, exset_coverage_volume_plan(ctx, &volume, true, lag[k], EXSET_LAGS_RADIAL, &plan));
    if (ctx->rank > 0) continue;
    printf(
        "  volume %lld^3, lags to %g, %d ranks: %.3f s, %.2f bytes a voxel; transforms: forward "
        "%.3f s, inverse %.3f s, sum %.3f s\n",
        (long long)edge, lag[k], ctx->size, total[k], plan.voxel_bytes + 1, bare[0], bare[1], sum);
    printf("ratio coverage/volume-%s-box %.2f 1.5\n", k == 0 ? "quarter" : "half", total[k] / sum);
  }
  exset_volume_clear(&volume);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t edge = argc > 1 ? atoll(argv[1]) : 512;
  if (ctx->rank == 0) bench_section(ctx);
  MPI_Barrier(ctx->comm);
  bench_volume(ctx, edge > 1 ? edge : 512);
  return test_end(ctx);
}
