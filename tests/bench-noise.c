/*
 * Speed of amplitudes and Hermitian noise: nanoseconds for each mode of a grid of 512^3 (argument: edge in voxels), in
 * tiles as the transform asks for them, for all families of spectra; and seconds of the normalisation.
 */
#include "exset/sample.h"
#include "exset/transform.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLANES = 32, REPEATS = 20 };

static exset_spectrum_t of_term(exset_family_t family, double nugget) {
  exset_spectrum_t s;
  memset(&s, 0, sizeof s);
  s.n_terms = 1;
  s.term[0] = (exset_term_t){family, 1, 8, 8, 1.5, 0.2};
  s.nugget = nugget;
  return s;
}

/* Seconds of noise and amplitudes, or (column NULL) of amplitudes alone, for all modes of one plane. */
static double fill_plane(const exset_amplitude_t *a, const int64_t n[3], int64_t ky, float *column,
                         int64_t stride, float *scratch) {
  const double start = MPI_Wtime();
  if (column)
    for (int64_t kx = 0; kx <= n[2] / 2; kx += EXSET_TILE) {
      const int64_t left = n[2] / 2 + 1 - kx, count = left < EXSET_TILE ? left : EXSET_TILE;
      exset_modes_fill(a, (exset_draw_t){1, 0, 0}, 0, ky, kx, count, column, stride, scratch);
    }
  else
    for (int64_t kx = 0; kx <= n[2] / 2; kx++) exset_amplitude_column(a, kx, ky, scratch);
  return MPI_Wtime() - start;
}

/* Nanoseconds for each mode, from the best of several runs for each of some planes. */
static double for_each_mode(const exset_amplitude_t *a, const int64_t n[3], float *column,
                            int64_t stride, float *scratch) {
  double sum = 0;
  for (int64_t p = 0; p < PLANES; p++) {
    double best = 1e30;
    for (int r = 0; r < REPEATS; r++)
      best = fmin(best, fill_plane(a, n, p * n[1] / PLANES, column, stride, scratch));
    sum += best;
  }
  return 1e9 * sum / ((double)PLANES * (double)n[0] * (double)(n[2] / 2 + 1));
}

static void run(exset_ctx_t *ctx, const int64_t n[3], const char *name,
                const exset_spectrum_t *spectrum) {
  const double voxel[3] = {1, 1, 1};
  const int64_t stride = 2 * n[0] + 32;
  double create = 1e30;
  float *column, *scratch;
  exset_amplitude_t *a = NULL;
  MUST(ctx, exset_alloc(ctx, EXSET_TILE * stride, sizeof *column, &column));
  for (int r = 0; r < 5; r++) {
    exset_amplitude_destroy(&a);
    MPI_Barrier(ctx->comm);
    const double start = MPI_Wtime();
    MUST(ctx, exset_amplitude_create(ctx, n, voxel, spectrum, &a));
    create = fmin(create, MPI_Wtime() - start);
  }
  MUST(ctx, exset_alloc(ctx, 2 * exset_amplitude_column_size(a), sizeof *scratch, &scratch));
  const double fill = for_each_mode(a, n, column, stride, scratch);
  const double amplitude = for_each_mode(a, n, NULL, 0, scratch);
  if (ctx->rank == 0)
    printf("  %-24s %6.2f ns for each mode, of which amplitude %5.2f; normalisation %.4f s\n", name,
           fill, amplitude, create);
  exset_amplitude_destroy(&a);
  free(column);
  free(scratch);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t edge = argc > 1 ? atoll(argv[1]) : 512, n[3] = {edge, edge, edge};
  double coefficient[16 * 16];
  for (int i = 0; i < 256; i++) coefficient[i] = 1.0 / (1 + i % 16 + i / 16);
  exset_spectrum_t s = of_term(EXSET_FAMILY_GAUSSIAN, 0);
  run(ctx, n, "gaussian", &s);
  s = of_term(EXSET_FAMILY_MATERN, 0);
  run(ctx, n, "matern", &s);
  s = of_term(EXSET_FAMILY_RING, 0);
  run(ctx, n, "ring", &s);
  s.n_terms = 2;
  s.term[1] = of_term(EXSET_FAMILY_MATERN, 0).term[0];
  s.nugget = 0.05;
  run(ctx, n, "ring + matern + nugget", &s);
  s.n_terms = 0;
  run(ctx, n, "white", &s);
  s.knots = coefficient;
  s.knots_r = 16;
  s.knots_max_r = 2;
  run(ctx, n, "knots", &s);
  s.knots_z = 16;
  s.knots_max_z = 2;
  run(ctx, n, "knots in (k_r, k_z)", &s);
  return test_end(ctx);
}
