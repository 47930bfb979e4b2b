/* Helpers of the tests of stereology: whole volumes held by every rank. */
#ifndef EXSET_TEST_SURFACE_H
#define EXSET_TEST_SURFACE_H

#include "exset/surface.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned surface_draw(uint64_t *state, unsigned below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*state >> 33) % below;
}

/* Uniform in (0, 1). */
static inline double surface_uniform(uint64_t *state) {
  return (surface_draw(state, 1u << 30) + 0.5) / (1u << 30);
}

/* This rank's part of a whole volume, which stays the owner of the cells. */
static inline exset_volume_t surface_view(exset_ctx_t *ctx, const int64_t n[3],
                                          const double voxel[3], int n_phases, uint8_t *all) {
  exset_volume_t v = {.n_phases = n_phases};
  MUST(ctx, exset_grid_init(ctx, n, voxel, &v.grid));
  v.phase = all + v.grid.z0 * n[1] * n[2];
  return v;
}

/* The same whole volume on one rank, for results that must be equal bit by bit. Destroy alone. */
static inline exset_volume_t surface_alone(exset_ctx_t *ctx, const exset_volume_t *v, uint8_t *all,
                                           exset_ctx_t **alone) {
  MUST(ctx, exset_ctx_create(MPI_COMM_SELF, alone));
  return surface_view(*alone, v->grid.n, v->grid.voxel, v->n_phases, all);
}

/* Cells of random phases in blocks of 1, 2 or 3 cells: one in masked_of is masked (0: none). */
static inline uint8_t *surface_random(const int64_t n[3], unsigned phases, unsigned masked_of,
                                      unsigned block, uint64_t seed) {
  uint8_t *all = malloc((size_t)(n[0] * n[1] * n[2]));
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) {
        uint64_t state = seed;
        const int64_t at[3] = {z / block, y / block, x / block};
        for (int k = 0; k < 3; k++)
          state = (state + (uint64_t)at[k] + 1) * 6364136223846793005u + 1442695040888963407u;
        for (int k = 0; k < 4; k++) surface_draw(&state, 2);
        const bool masked = masked_of > 0 && surface_draw(&state, masked_of) == 0;
        all[(z * n[1] + y) * n[2] + x] = (uint8_t)(masked ? 0 : 1 + surface_draw(&state, phases));
      }
  return all;
}

#endif
