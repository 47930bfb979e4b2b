/* Volumes from a function of the cell, and their conductivity, for the conduct tests. */
#ifndef EXSET_TEST_CONDUCT_CASE_H
#define EXSET_TEST_CONDUCT_CASE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exset/conduct.h"
#include "exset/config.h"
#include "test.h"

/** Start PETSc; end with exset_config_destroy. */
static inline exset_config_t *case_begin(exset_ctx_t *ctx) {
  exset_config_t *config;
  MUST(ctx, exset_config_create(ctx, "conduct", 0, NULL, &config));
  return config;
}

/** Zeroed. */
static inline void *case_alloc(int64_t count, size_t size) {
  void *array = count >= 0 ? calloc((size_t)count + 1, size) : NULL;
  if (!array) abort();
  return array;
}

/**
 * exset_conduct_solve without its warnings, which random boxes give by the hundred: they would run into the line that the runner
 * looks for. Errors are in the context's message.
 */
static inline int case_quietly(exset_conduct_t *c, int axis, const exset_conduct_options_t *options,
                               float *potential, float *current, exset_conduct_run_t *run) {
  fflush(stderr);
  const int kept = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
  if (kept < 0 || null < 0) abort();
  dup2(null, STDERR_FILENO);
  const int err = exset_conduct_solve(c, axis, options, potential, current, run);
  fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(null);
  return err;
}

typedef int (*case_phase_t)(int64_t z, int64_t y, int64_t x, const int64_t n[3]);

static inline exset_volume_t case_volume(exset_ctx_t *ctx, const int64_t n[3],
                                         const double voxel[3], int n_phases, case_phase_t phase) {
  exset_volume_t v = {.n_phases = n_phases};
  MUST(ctx, exset_grid_init(ctx, n, voxel, &v.grid));
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(&v.grid), 1, &v.phase));
  int64_t i = 0;
  for (int64_t z = v.grid.z0; z < v.grid.z0 + v.grid.nz_local; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) v.phase[i++] = (uint8_t)phase(z, y, x, n);
  return v;
}

static inline exset_conduct_run_t case_solve(exset_ctx_t *ctx, const exset_volume_t *v,
                                             const double *sigma, int axis, double rtol) {
  exset_conduct_t *c;
  exset_conduct_run_t run;
  const exset_conduct_options_t options = {.rtol = rtol};
  MUST(ctx, exset_conduct_create(ctx, v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  MUST(ctx, case_quietly(c, axis, &options, NULL, NULL, &run));
  exset_conduct_destroy(&c);
  return run;
}

/** As case_volume and case_solve. */
static inline exset_conduct_run_t case_run(exset_ctx_t *ctx, const int64_t n[3],
                                           const double voxel[3], int n_phases, case_phase_t phase,
                                           const double *sigma, int axis, double rtol) {
  exset_volume_t v = case_volume(ctx, n, voxel, n_phases, phase);
  const exset_conduct_run_t run = case_solve(ctx, &v, sigma, axis, rtol);
  free(v.phase);
  return run;
}

/** Random phase 1..n_phases of a cell, the same for any number of ranks. */
static inline int case_random(int64_t z, int64_t y, int64_t x, int n_phases) {
  uint64_t h = (uint64_t)z * 0x9E3779B97F4A7C15u ^ (uint64_t)y * 0xC2B2AE3D27D4EB4Fu ^
               (uint64_t)(x + 1) * 0x165667B19E3779F9u;
  h = (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9u;
  h = (h ^ (h >> 32)) * 0x94D049BB133111EBu;
  return 1 + (int)((h >> 33) % (uint64_t)n_phases);
}

#endif
