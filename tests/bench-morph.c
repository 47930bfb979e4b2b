/*
 * Speed of distances and of unions of balls against a sweep of memory in the same run: three phases of random fields, edge 256
 * by default on 2 ranks (arguments: edge and wavelength in voxels, height of a voxel / width). The processor time of all ranks, best of several turns. Prints
 * "ratio NAME VALUE BOUND (...)": time / time to copy a float for each voxel.
 */
#include "exset/distance.h"
#include "exset/geodesic.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TURNS = 3, WAVES = 24 };

static double draw(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) / 9007199254740992.0;
}

/* Plane waves: their sum is almost normal. */
static void add_wave(const exset_grid_t *g, const double k[3], double arg, float *field) {
  const int64_t ny = g->n[1], nx = g->n[2];
  for (int64_t row = 0; row < g->nz_local * ny; row++) {
    const double start = arg + k[0] * (double)(g->z0 + row / ny) + k[1] * (double)(row % ny);
    double c = cos(start), s = sin(start);
    for (int64_t x = 0; x < nx; x++) {
      const double next = c * cos(k[2]) - s * sin(k[2]);
      field[row * nx + x] += (float)c;
      s = s * cos(k[2]) + c * sin(k[2]);
      c = next;
    }
  }
}

static void fill(exset_ctx_t *ctx, exset_volume_t *v, double wavelength, uint64_t seed) {
  const int64_t cells = exset_grid_cells_local(&v->grid);
  float *field;
  for (int phase = 1; phase < 3; phase++) {
    MUST(ctx, exset_alloc(ctx, cells, sizeof *field, &field));
    for (int wave = 0; wave < WAVES; wave++) {
      const double up = 2 * draw(&seed) - 1, turn = 2 * M_PI * draw(&seed),
                   flat = sqrt(1 - up * up);
      const double wavenumber = 2 * M_PI / wavelength * (0.7 + 0.6 * draw(&seed));
      const double k[3] = {wavenumber * up * v->grid.voxel[0], wavenumber * flat * cos(turn),
                           wavenumber * flat * sin(turn)};
      add_wave(&v->grid, k, 2 * M_PI * draw(&seed), field);
    }
    for (int64_t i = 0; i < cells; i++)
      if (!v->phase[i] && field[i] > 0.2 * sqrt(WAVES / 2.0)) v->phase[i] = (uint8_t)phase;
    free(field);
  }
  for (int64_t i = 0; i < cells; i++)
    if (!v->phase[i]) v->phase[i] = 3;
}

static double processor_seconds(exset_ctx_t *ctx) {
  struct rusage used;
  CHECK(getrusage(RUSAGE_SELF, &used) == 0);
  double own = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &own, 1, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  return own;
}

typedef struct {
  exset_ctx_t *ctx;
  exset_volume_t volume;
  float *inside, *limited, *out; /* limited: squares of widest paths through the volume */
  int64_t cells;
} bench_t;

static void copy(bench_t *b) {
  memcpy(b->out, b->inside, (size_t)b->cells * sizeof *b->out);
}
static void distance_phase(bench_t *b) {
  MUST(b->ctx, exset_distance_phase(b->ctx, &b->volume, 1, b->out));
}
static void distance_inside(bench_t *b) {
  MUST(b->ctx, exset_distance_inside(b->ctx, &b->volume, b->inside, NULL, NULL));
}
static void cover(bench_t *b) {
  MUST(b->ctx, exset_ball_cover(b->ctx, &b->volume.grid, b->inside, b->out));
}
static void cover_intrusion(bench_t *b) {
  MUST(b->ctx, exset_ball_cover(b->ctx, &b->volume.grid, b->limited, b->out));
}

typedef struct {
  double processor, wall;
} times_t;

static times_t best(bench_t *b, void (*work)(bench_t *)) {
  times_t least = {INFINITY, INFINITY};
  for (int turn = 0; turn < TURNS; turn++) {
    const double processor = processor_seconds(b->ctx), wall = MPI_Wtime();
    work(b);
    least.processor = fmin(least.processor, processor_seconds(b->ctx) - processor);
    least.wall = fmin(least.wall, MPI_Wtime() - wall);
  }
  return least;
}

static void report(bench_t *b, const char *name, double bound, times_t sweep,
                   void (*work)(bench_t *)) {
  const times_t t = best(b, work);
  exset_print(b->ctx,
              "ratio morph-%s %.1f %.0f (%lld^3, %d ranks: %.3f s processor, %.3f s wall)\n", name,
              t.processor / sweep.processor, bound, (long long)b->volume.grid.n[0], b->ctx->size,
              t.processor, t.wall);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t edge = argc > 1 ? atoll(argv[1]) : 256, n[3] = {edge, edge, edge};
  const double wavelength = argc > 2 ? atof(argv[2]) : 40;
  const double voxel[3] = {argc > 3 ? atof(argv[3]) : 1, 1, 1};
  bench_t b = {.ctx = ctx};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 3, &b.volume));
  b.cells = exset_grid_cells_local(&grid);
  MUST(ctx, exset_alloc(ctx, b.cells, sizeof *b.inside, &b.inside));
  MUST(ctx, exset_alloc(ctx, b.cells, sizeof *b.limited, &b.limited));
  MUST(ctx, exset_alloc(ctx, b.cells, sizeof *b.out, &b.out));
  fill(ctx, &b.volume, wavelength, 1);
  const times_t sweep = best(&b, copy);
  report(&b, "distance-phase", 15, sweep, distance_phase);
  report(&b, "distance-inside", 50, sweep, distance_inside);
  double mean = 0, most = 0;
  for (int64_t i = 0; i < b.cells; i++) {
    mean += sqrt((double)b.inside[i]);
    most = fmax(most, (double)b.inside[i]);
  }
  exset_print(ctx, "distances: mean %.2f, largest %.2f\n", mean / (double)b.cells, sqrt(most));
  report(&b, "cover", 250, sweep, cover);
  MUST(ctx, exset_geodesic_widest(ctx, &b.volume, 0, false, b.inside, b.limited));
  report(&b, "cover-intrusion", 120, sweep, cover_intrusion);
  free(b.inside);
  free(b.limited);
  free(b.out);
  exset_volume_clear(&b.volume);
  return test_end(ctx);
}
