/* Whole labelled boxes for the conduct tests, the same on every rank: random ones, turned, mirrored, moved, repeated. */
#ifndef EXSET_TEST_CONDUCT_BOX_H
#define EXSET_TEST_CONDUCT_BOX_H

#include "test_conduct.h"

typedef struct {
  int64_t n[3]; /* z, y, x */
  double voxel[3];
  int n_phases;
  uint8_t *phase; /* [n[0]][n[1]][n[2]], 0: masked */
} box_t;

static inline int64_t box_cells(const box_t *b) {
  return b->n[0] * b->n[1] * b->n[2];
}

static inline box_t box_create(const int64_t n[3], const double voxel[3], int n_phases) {
  box_t b = {.n_phases = n_phases};
  for (int a = 0; a < 3; a++) b.n[a] = n[a], b.voxel[a] = voxel[a];
  b.phase = case_alloc(box_cells(&b), 1);
  return b;
}

/** Cells phase(z, y, x). */
static inline box_t box_of(const int64_t n[3], const double voxel[3], int n_phases,
                           case_phase_t phase) {
  box_t b = box_create(n, voxel, n_phases);
  for (int64_t i = 0; i < box_cells(&b); i++)
    b.phase[i] = (uint8_t)phase(i / (n[1] * n[2]), i / n[2] % n[1], i % n[2], n);
  return b;
}

static inline void box_free(box_t *b) {
  free(b->phase);
  *b = (box_t){0};
}

/* Random numbers: splitmix64. */
static inline uint64_t box_draw(uint64_t *state) {
  uint64_t h = *state += 0x9E3779B97F4A7C15u;
  h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
  h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
  return h ^ (h >> 31);
}
/** 0 .. n - 1. */
static inline int64_t box_draw_int(uint64_t *state, int64_t n) {
  return (int64_t)((box_draw(state) >> 11) % (uint64_t)n);
}
/** In [low, high). */
static inline double box_draw_real(uint64_t *state, double low, double high) {
  return low + (high - low) * (double)(box_draw(state) >> 11) * 0x1p-53;
}

/** Random phases first .. n_phases (first 0: some cells masked), each cell for itself. */
static inline void box_fill(box_t *b, int first, uint64_t *state) {
  for (int64_t i = 0; i < box_cells(b); i++)
    b->phase[i] = (uint8_t)(first + box_draw_int(state, b->n_phases + 1 - first));
}

/** Conductivity of each cell. */
static inline double *box_sigma(const box_t *b, const double *sigma) {
  double *s = case_alloc(box_cells(b), sizeof *s);
  for (int64_t i = 0; i < box_cells(b); i++) s[i] = b->phase[i] ? sigma[b->phase[i] - 1] : 0;
  return s;
}

/* How one axis of a box is made from an axis of another box. */
typedef struct {
  int from;      /* axis of the other box */
  int64_t shift; /* cyclic */
  int copies;    /* side by side; 0: one */
  bool flip;     /* in reverse order */
  bool mirror;   /* every second copy is in reverse order */
} box_axis_t;

static inline int64_t box_source(const box_axis_t *axis, int64_t at, int64_t n) {
  const int64_t copy = at / n;
  int64_t i = at % n;
  if (axis->flip != (axis->mirror && copy % 2 == 1)) i = n - 1 - i;
  return (i + axis->shift) % n;
}

/** A box whose axes are made from those of b. */
static inline box_t box_turn(const box_t *b, const box_axis_t axes[3]) {
  const int64_t stride[3] = {b->n[1] * b->n[2], b->n[2], 1};
  int64_t n[3];
  double voxel[3];
  for (int a = 0; a < 3; a++) {
    n[a] = b->n[axes[a].from] * (axes[a].copies ? axes[a].copies : 1);
    voxel[a] = b->voxel[axes[a].from];
  }
  box_t out = box_create(n, voxel, b->n_phases);
  for (int64_t i = 0; i < box_cells(&out); i++) {
    const int64_t at[3] = {i / (n[1] * n[2]), i / n[2] % n[1], i % n[2]};
    int64_t k = 0;
    for (int a = 0; a < 3; a++)
      k += stride[axes[a].from] * box_source(&axes[a], at[a], b->n[axes[a].from]);
    out.phase[i] = b->phase[k];
  }
  return out;
}

/** This rank's slab. Free with exset_volume_clear. */
static inline exset_volume_t box_volume(exset_ctx_t *ctx, const box_t *b) {
  exset_volume_t v = {.n_phases = b->n_phases};
  MUST(ctx, exset_grid_init(ctx, b->n, b->voxel, &v.grid));
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(&v.grid), 1, &v.phase));
  const int64_t first = v.grid.z0 * b->n[1] * b->n[2];
  for (int64_t i = 0; i < exset_grid_cells_local(&v.grid); i++) v.phase[i] = b->phase[first + i];
  return v;
}

/** Solve along the axes first to last; run[3]. */
static inline void box_solve(exset_ctx_t *ctx, const box_t *b, exset_boundary_t boundary,
                             const double *sigma, double rtol, exset_conduct_run_t run[3]) {
  exset_volume_t v = box_volume(ctx, b);
  exset_conduct_t *c;
  const exset_conduct_options_t options = {.rtol = rtol};
  MUST(ctx, exset_conduct_create(ctx, &v, boundary, sigma, &c));
  for (int axis = 0; axis < 3; axis++)
    MUST(ctx, case_quietly(c, axis, &options, NULL, NULL, &run[axis]));
  exset_conduct_destroy(&c);
  free(v.phase);
}

#endif
