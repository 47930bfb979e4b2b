/*
 * Speed and memory of generation against bare transforms, in one run: 512^3 by default (argument: edge in voxels). A
 * three-phase twin, one Gaussian field and one chi-square field of two components, noise to labels in memory, against
 * bare complex-to-real transforms of FFTW-MPI of the same size (transposed input, estimated plans), which take turns with
 * it; the best of each counts. Prints "ratio NAME VALUE BOUND".
 */
#include "exset/label.h"
#include "test.h"

#include <fftw3-mpi.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 5, TRANSFORMS = 3 };

static exset_model_t three_phases(void) {
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 2;
  model.field[0] = (exset_field_t){EXSET_FIELD_GAUSSIAN, 1, false, 0.4, 0, {0}};
  model.field[1] = (exset_field_t){EXSET_FIELD_CHI_SQUARE, 2, false, 0.5, 0, {0}};
  for (int f = 0; f < 2; f++) {
    model.field[f].spectrum.n_terms = 1;
    model.field[f].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1, 8, 8, 1.5, 0.2};
  }
  return model;
}

/* ---- the yardstick ----------------------------------------------------------------------------------- */

typedef struct {
  float *data;
  ptrdiff_t count; /* floats */
  fftwf_plan plan;
  double best;
} bare_t;

static void bare_create(exset_ctx_t *ctx, const int64_t n[3], bare_t *b) {
  ptrdiff_t nz, z0, ny, y0;
  b->count = 2 * fftwf_mpi_local_size_3d_transposed(n[0], n[1], n[2] / 2 + 1, ctx->comm, &nz, &z0,
                                                    &ny, &y0);
  MUST(ctx, exset_alloc_unset(ctx, b->count, sizeof(float), &b->data));
  b->plan = fftwf_mpi_plan_dft_c2r_3d(n[0], n[1], n[2], (fftwf_complex *)b->data, b->data,
                                      ctx->comm, FFTW_ESTIMATE | FFTW_MPI_TRANSPOSED_IN);
  b->best = INFINITY;
}

static void bare_run(exset_ctx_t *ctx, bare_t *b) {
  for (ptrdiff_t i = 0; i < b->count; i++) b->data[i] = (float)(i % 1021) - 510.0f;
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  fftwf_execute(b->plan);
  MPI_Barrier(ctx->comm);
  b->best = fmin(b->best, MPI_Wtime() - start);
}

static void bare_destroy(bare_t *b) {
  fftwf_destroy_plan(b->plan);
  free(b->data);
}

/* ---- the streaming transform alone --------------------------------------------------------------------- */

static void fill_numbers(void *user, int thread, int64_t ky, int64_t kx, int64_t count,
                         float *column, int64_t stride) {
  (void)user, (void)thread, (void)ky, (void)kx, (void)count, (void)column, (void)stride;
}

static void look_away(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                      int64_t stride) {
  (void)user, (void)thread, (void)z, (void)y, (void)count, (void)row, (void)stride;
}

static double transform_run(exset_ctx_t *ctx, const int64_t n[3], double *exchange) {
  const exset_transform_options_t options = {.n = {n[0], n[1], n[2]}};
  exset_transform_t *t;
  double best = INFINITY;
  MUST(ctx, exset_transform_create(ctx, &options, &t));
  for (int turn = 0; turn < 2; turn++) {
    MPI_Barrier(ctx->comm);
    const double start = MPI_Wtime();
    exset_transform_seconds_t seconds = {0, 0, 0, 0};
    MUST(ctx, exset_transform_synthesis(ctx, t, fill_numbers, look_away, NULL, &seconds));
    MPI_Barrier(ctx->comm);
    if (MPI_Wtime() - start < best) *exchange = seconds.exchange;
    best = fmin(best, MPI_Wtime() - start);
  }
  exset_transform_destroy(&t);
  return best;
}

/* ---- twins ------------------------------------------------------------------------------------------- */

typedef struct {
  exset_sampler_t *sampler;
  uint8_t *phase;
  double best;
  exset_seconds_t seconds; /* of the best */
} twin_t;

static void twin_run(exset_ctx_t *ctx, const exset_model_t *model, uint64_t realisation,
                     twin_t *t) {
  exset_seconds_t now = {0, 0, 0, 0, 0};
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  MUST(ctx, exset_label_volume(ctx, t->sampler, model, 1, realisation, t->phase, NULL, &now));
  MPI_Barrier(ctx->comm);
  const double total = MPI_Wtime() - start;
  if (total >= t->best) return;
  t->best = total;
  t->seconds = now;
}

static double sum_peaks(exset_ctx_t *ctx) {
  double bytes = (double)exset_peak_bytes();
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  return bytes;
}

static void report(const exset_ctx_t *ctx, const exset_grid_t *grid, const bare_t *bare,
                   const twin_t *t, double transform, double exchange, double bytes) {
  const double other = t->seconds.noise + t->seconds.threshold;
  if (ctx->rank > 0) return;
  printf("%lld^3, %d ranks, %d threads each\n", (long long)grid->n[0], ctx->size, ctx->threads);
  printf(
      "  c2r of FFTW-MPI, transposed input %.3f s; streaming transform alone %.3f s, %.3f of it "
      "exchange\n",
      bare->best, transform, exchange);
  printf("  twin, %d transforms: %.3f s: noise %.3f, transforms %.3f, squares and labels %.3f\n",
         TRANSFORMS, t->best, t->seconds.noise, t->seconds.fft, t->seconds.threshold);
  printf("ratio generate/c2r %.2f 1.6\n", t->best / (TRANSFORMS * bare->best));
  printf("ratio noise+labels/c2r %.2f 0.5\n", other / (TRANSFORMS * bare->best));
  printf("ratio transform/c2r %.2f 1\n", transform / bare->best);
  printf("ratio bytes/voxel %.2f 10\n", bytes / (double)exset_grid_cells(grid));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t edge = argc > 1 ? atoll(argv[1]) : 512, n[3] = {edge, edge, edge};
  const double voxel[3] = {1, 1, 1};
  const exset_model_t model = three_phases();
  exset_grid_t grid;
  bare_t bare;
  twin_t twin = {NULL, NULL, INFINITY, {0, 0, 0, 0, 0}};
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_sampler_create(ctx, &grid, NULL, &twin.sampler));
  MUST(ctx, exset_alloc_unset(ctx, exset_grid_cells_local(&grid), 1, &twin.phase));
  twin_run(ctx, &model, 0, &twin); /* touches the memory; its peak is the twin's alone */
  const double bytes = sum_peaks(ctx);
  twin.best = INFINITY;
  fftwf_mpi_init();
  bare_create(ctx, n, &bare);
  for (int turn = 0; turn < TURNS; turn++) {
    bare_run(ctx, &bare);
    twin_run(ctx, &model, (uint64_t)turn, &twin);
  }
  exset_sampler_destroy(&twin.sampler);
  double exchange = 0;
  const double transform = transform_run(ctx, n, &exchange);
  report(ctx, &grid, &bare, &twin, transform, exchange, bytes);
  bare_destroy(&bare);
  free(twin.phase);
  return test_end(ctx);
}
