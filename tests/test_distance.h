/* Naive distances and unions of balls on whole volumes, for the tests of exset/distance.h. */
#ifndef EXSET_TEST_DISTANCE_H
#define EXSET_TEST_DISTANCE_H

#include "exset/distance.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

static inline unsigned test_draw(uint64_t *state, unsigned below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*state >> 33) % below;
}

/* Squared edges in units, as the library has them. */
static inline void test_weights(const exset_grid_t *g, float w[3]) {
  for (int a = 0; a < 3; a++) {
    const double edge = g->voxel[a] / exset_distance_unit(g);
    w[a] = (float)(edge * edge);
  }
}

/* Between cells i and k of the whole volume, in the library's order of operations. */
static inline float test_squared(const exset_grid_t *g, const float w[3], int64_t i, int64_t k) {
  const int64_t nx = g->n[2], ny = g->n[1];
  const float x = (float)(i % nx - k % nx), y = (float)(i / nx % ny - k / nx % ny),
              z = (float)(i / nx / ny - k / nx / ny);
  return (w[2] * (x * x) + w[1] * (y * y)) + w[0] * (z * z);
}

/* Cells before this rank's slab. */
static inline int64_t test_first(const exset_grid_t *g) {
  return g->z0 * g->n[1] * g->n[2];
}

/* From each cell of the slab to the nearest cell of the phase in the whole volume. */
static inline float *test_distances(const exset_grid_t *g, const uint8_t *all, int phase) {
  const int64_t cells = exset_grid_cells_local(g), first = test_first(g);
  float w[3], *squared = malloc((size_t)cells * sizeof *squared + 1);
  test_weights(g, w);
  for (int64_t i = 0; i < cells; i++) squared[i] = INFINITY;
  for (int64_t k = 0; k < exset_grid_cells(g); k++)
    if (all[k] == phase)
      for (int64_t i = 0; i < cells; i++)
        squared[i] = fminf(squared[i], test_squared(g, w, first + i, k));
  return squared;
}

/* Union of the balls of all centres of the whole volume, in the slab. */
static inline float *test_cover(const exset_grid_t *g, const float *all) {
  const int64_t cells = exset_grid_cells_local(g), first = test_first(g);
  float w[3], *cover = malloc((size_t)cells * sizeof *cover + 1);
  test_weights(g, w);
  for (int64_t i = 0; i < cells; i++) cover[i] = all[first + i];
  for (int64_t c = 0; c < exset_grid_cells(g); c++)
    for (int64_t i = 0; all[c] > 0 && i < cells; i++)
      if (all[c] > cover[i] && test_squared(g, w, first + i, c) < all[c]) cover[i] = all[c];
  return cover;
}

/* A volume whose slab is this rank's part of all. */
static inline void test_volume(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3],
                               int n_phases, const uint8_t *all, exset_volume_t *v) {
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, n_phases, v));
  for (int64_t i = 0; i < exset_grid_cells_local(&grid); i++)
    v->phase[i] = all[test_first(&grid) + i];
}

/* Random phases 1 .. n_phases in blocks of some cells, masked ones (0) where asked for; equal on all ranks. */
static inline uint8_t *test_phases(const int64_t n[3], int n_phases, int block, bool masked,
                                   uint64_t *state) {
  const int64_t cells = n[0] * n[1] * n[2];
  uint8_t *all = malloc((size_t)cells), *draws = malloc((size_t)cells);
  for (int64_t i = 0; i < cells; i++)
    draws[i] =
        (uint8_t)(masked && test_draw(state, 4) == 0 ? 0
                                                     : 1 + test_draw(state, (unsigned)n_phases));
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++)
        all[(z * n[1] + y) * n[2] + x] = draws[((z / block) * n[1] + y / block) * n[2] + x / block];
  free(draws);
  return all;
}

#endif
