/*
 * Speed of generation against the bare transform, in one run: 512^3 on 2 ranks by default (argument: edge in
 * voxels). Ratio: time of the two-phase Gaussian twin, noise to labels in memory, to that of one bare
 * complex-to-real FFT in the same layout with the same plan effort. Prints "ratio NAME VALUE BOUND".
 */
#include "exset/fft.h"
#include "exset/label.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Best of several transforms of a buffer of ordinary numbers. */
static double bare_transform(exset_ctx_t *ctx, const int64_t n[3], int flags, double *plan) {
  enum { REPEATS = 3 };
  exset_fft_t *fft;
  double start = MPI_Wtime(), best = 1e30;
  MUST(ctx, exset_fft_create(ctx, n, EXSET_FFT_BACKWARD | flags, &fft));
  *plan = MPI_Wtime() - start;
  float *data = exset_fft_data(fft);
  const int64_t count = exset_fft_shape(fft)->buffer_bytes / (int64_t)sizeof *data;
  for (int r = 0; r < REPEATS; r++) {
    for (int64_t i = 0; i < count; i++) data[i] = (float)(i % 1021) - 510.0f;
    MPI_Barrier(ctx->comm);
    start = MPI_Wtime();
    exset_fft_backward(fft);
    MPI_Barrier(ctx->comm);
    const double seconds = MPI_Wtime() - start;
    if (seconds < best) best = seconds;
  }
  exset_fft_destroy(&fft);
  return best;
}

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

static double twin(exset_ctx_t *ctx, const exset_grid_t *grid, bool measure,
                   exset_seconds_t *seconds) {
  enum { REPEATS = 3 };
  const exset_model_t model = two_phase_model();
  exset_sampler_t *sampler;
  uint8_t *phase;
  double best = 1e30;
  const double planned = MPI_Wtime();
  MUST(ctx, exset_sampler_create(ctx, grid, measure, &sampler));
  const double plan = MPI_Wtime() - planned;
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(grid), 1, &phase));
  for (int r = 0; r < REPEATS; r++) {
    exset_seconds_t now = {0, 0, 0, 0, 0};
    MPI_Barrier(ctx->comm);
    const double start = MPI_Wtime();
    MUST(ctx, exset_label_volume(ctx, sampler, &model, 1, (uint64_t)r, phase, NULL, &now));
    MPI_Barrier(ctx->comm);
    const double total = MPI_Wtime() - start;
    if (ctx->rank == 0)
      printf("  twin %d: %.3f s (noise %.3f, fft %.3f, threshold %.3f)\n", r, total, now.noise,
             now.fft, now.threshold);
    if (total < best) {
      best = total;
      *seconds = now;
    }
  }
  seconds->plan = plan;
  free(phase);
  exset_sampler_destroy(&sampler);
  return best;
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t edge = argc > 1 ? atoll(argv[1]) : 512, n[3] = {edge, edge, edge};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  for (int effort = 0; effort <= EXSET_FFT_MEASURE; effort += EXSET_FFT_MEASURE) {
    const char *name = effort ? "measured" : "estimated";
    double plan, plan_plain;
    exset_seconds_t s = {0, 0, 0, 0, 0};
    const double bare = bare_transform(ctx, n, EXSET_FFT_TRANSPOSED | effort, &plan);
    const double plain = bare_transform(ctx, n, effort, &plan_plain);
    const double total = twin(ctx, &grid, effort != 0, &s);
    if (ctx->rank > 0) continue;
    printf("%lld^3, %d ranks, %s plans\n", (long long)edge, ctx->size, name);
    printf("  c2r transposed %.3f s (plan %.3f s), not transposed %.3f s (plan %.3f s)\n", bare,
           plan, plain, plan_plain);
    printf("  twin %.3f s: noise %.3f fft %.3f threshold %.3f\n", total, s.noise, s.fft,
           s.threshold);
    printf("ratio generate/c2r-%s %.2f 3\n", name, total / bare);
    if (!effort) printf("ratio generate/c2r-plain-%s %.2f 3\n", name, total / plain);
  }
  return test_end(ctx);
}
