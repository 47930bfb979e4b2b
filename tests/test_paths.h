/* Oracles and volumes for the tests of shortest and widest paths. Every rank holds the whole volume. */
#ifndef EXSET_TEST_PATHS_H
#define EXSET_TEST_PATHS_H

#include "exset/geodesic.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  int64_t n[3];
  double voxel[3];
  uint8_t *phase; /* [nz][ny][nx] */
} box_t;

static inline unsigned draw(uint64_t *state, unsigned below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*state >> 33) % below;
}

static inline int64_t box_cells(const box_t *box) {
  return box->n[0] * box->n[1] * box->n[2];
}

static inline void box_init(box_t *box, const int64_t n[3], double voxel) {
  *box = (box_t){{n[0], n[1], n[2]}, {voxel, voxel, voxel}, NULL};
  box->phase = calloc((size_t)box_cells(box), 1);
}

/* Coordinate of a cell along axis a. */
static inline int64_t box_at(const box_t *box, int64_t i, int a) {
  const int64_t stride[3] = {box->n[1] * box->n[2], box->n[2], 1};
  return i / stride[a] % box->n[a];
}

/* Phases 1..phases and masked cells in the given proportion. */
static inline void box_random(box_t *box, unsigned phases, unsigned masked, uint64_t *state) {
  for (int64_t i = 0; i < box_cells(box); i++) {
    const unsigned value = draw(state, phases + masked);
    box->phase[i] = value < phases ? (uint8_t)(value + 1) : 0;
  }
}

/* This rank's slab as a volume, which shares the phases. */
static inline exset_volume_t box_volume(exset_ctx_t *ctx, const box_t *box) {
  exset_volume_t volume = {.n_phases = 4};
  MUST(ctx, exset_grid_init(ctx, box->n, box->voxel, &volume.grid));
  const int64_t plane = box->n[1] * box->n[2];
  volume.phase = box->phase + (volume.grid.nz_local > 0 ? volume.grid.z0 * plane : 0);
  return volume;
}

/* Number of the first cell of this rank's slab. */
static inline int64_t box_first(const exset_volume_t *volume) {
  return volume->grid.z0 * volume->grid.n[1] * volume->grid.n[2];
}

/* Neighbour k = 0..26 of cell i in the same phase, or -1. */
static inline int64_t box_neighbour(const box_t *box, int64_t i, int k) {
  const int d[3] = {k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1};
  for (int a = 0; a < 3; a++) {
    const int64_t at = box_at(box, i, a) + d[a];
    if (at < 0 || at >= box->n[a]) return -1;
  }
  const int64_t other = i + (d[0] * box->n[1] + d[1]) * box->n[2] + d[2];
  return box->phase[i] && box->phase[i] == box->phase[other] ? other : -1;
}

#endif
