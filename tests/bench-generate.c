/*
 * Speed of generation against the bare transform, in one run: 512^3 on 2 ranks by default (argument: edge in
 * voxels). Ratio: time of the two-phase Gaussian twin, noise to labels in memory, to that of one bare
 * complex-to-real FFT in the same layout with the same plan effort. Prints "ratio NAME VALUE BOUND".
 */
#include "exset/fft.h"
#include "exset/label.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static exset_model_t two_phase_model(void) {
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 1;
  model.field[0].type = EXSET_FIELD_GAUSSIAN;
  model.field[0].dof = 1;
  model.field[0].fraction = 0.4;
  model.field[0].spectrum.n_terms = 1;
  model.field[0].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1.0, 8.0, 8.0, 1.5, 0.2};
  return model;
}

typedef struct {
  exset_fft_t *fft;
  double plan, best; /* seconds */
} bare_t;

static void bare_create(exset_ctx_t *ctx, const int64_t n[3], int flags, bare_t *bare) {
  const double start = MPI_Wtime();
  MUST(ctx, exset_fft_create(ctx, n, EXSET_FFT_BACKWARD | flags, &bare->fft));
  bare->plan = MPI_Wtime() - start;
  bare->best = 1e30;
}

/* One transform of a buffer of ordinary numbers. */
static void bare_run(exset_ctx_t *ctx, bare_t *bare) {
  float *data = exset_fft_data(bare->fft);
  const int64_t count = exset_fft_shape(bare->fft)->buffer_bytes / (int64_t)sizeof *data;
  for (int64_t i = 0; i < count; i++) data[i] = (float)(i % 1021) - 510.0f;
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  exset_fft_backward(bare->fft);
  MPI_Barrier(ctx->comm);
  bare->best = fmin(bare->best, MPI_Wtime() - start);
}

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
  if (ctx->rank == 0)
    printf("  twin %d: %.3f s (noise %.3f, fft %.3f, threshold %.3f)\n", (int)realisation, total,
           now.noise, now.fft, now.threshold);
  if (total >= t->best) return;
  t->best = total;
  t->seconds = now;
}

/* Bare transforms and twins take turns, so that other load on the machine meets both; the best of each counts. */
static void compare(exset_ctx_t *ctx, const exset_grid_t *grid, bool measure) {
  enum { REPEATS = 5 };
  const int effort = measure ? EXSET_FFT_MEASURE : 0;
  const char *name = measure ? "measured" : "estimated";
  const exset_model_t model = two_phase_model();
  bare_t bare, plain = {NULL, 0, 0};
  twin_t twin = {NULL, NULL, 1e30, {0, 0, 0, 0, 0}};
  bare_create(ctx, grid->n, EXSET_FFT_TRANSPOSED | effort, &bare);
  if (!measure) bare_create(ctx, grid->n, 0, &plain);
  MUST(ctx, exset_sampler_create(ctx, grid, measure, &twin.sampler));
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(grid), 1, &twin.phase));
  for (int r = 0; r < REPEATS; r++) {
    bare_run(ctx, &bare);
    twin_run(ctx, &model, (uint64_t)r, &twin);
    if (r < 2 && !measure) bare_run(ctx, &plain);
  }
  if (ctx->rank == 0) {
    printf("%lld^3, %d ranks, %s plans\n", (long long)grid->n[0], ctx->size, name);
    printf("  c2r transposed %.3f s (plan %.3f s)\n", bare.best, bare.plan);
    if (!measure) printf("  c2r not transposed %.3f s (plan %.3f s)\n", plain.best, plain.plan);
    printf("  twin %.3f s: noise %.3f fft %.3f threshold %.3f\n", twin.best, twin.seconds.noise,
           twin.seconds.fft, twin.seconds.threshold);
    printf("ratio generate/c2r-%s %.2f 3\n", name, twin.best / bare.best);
  }
  exset_fft_destroy(&bare.fft);
  exset_fft_destroy(&plain.fft);
  exset_sampler_destroy(&twin.sampler);
  free(twin.phase);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t edge = argc > 1 ? atoll(argv[1]) : 512, n[3] = {edge, edge, edge};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  compare(ctx, &grid, false);
  compare(ctx, &grid, true);
  return test_end(ctx);
}
