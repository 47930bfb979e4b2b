/* Data of sections that fit no model exactly, for the calibrate tests. */
#ifndef EXSET_TEST_CALIBRATE_H
#define EXSET_TEST_CALIBRATE_H

#include "../src/calibrate/calibrate_impl.h"
#include "test.h"

#include <math.h>

enum { SIZE = 9 }; /* lags along each direction */

/* Data that fit no model exactly: smooth functions of the lag on a product grid. */
static inline void make_group(exset_ctx_t *ctx, int kind, int n_phases, const double voxel[3],
                              group_t *group) {
  *group = (group_t){.kind = kind, .n_sections = 1, .size = {SIZE, SIZE - 1}, .extent = 40};
  group->pixel[0] = kind == PLANES_XY ? voxel[1] : voxel[0];
  group->pixel[1] = voxel[2];
  exset_coverage_t *c = &group->pooled;
  const int64_t n = group->size[0] * group->size[1];
  *c = (exset_coverage_t){.n_phases = n_phases, .lags = EXSET_LAGS_RZ, .n_lags = n};
  MUST(ctx, exset_alloc(ctx, n, sizeof(double), &c->h_r));
  MUST(ctx, exset_alloc(ctx, n, sizeof(double), &c->h_z));
  MUST(ctx, exset_alloc(ctx, n, sizeof(double), &c->pairs));
  MUST(ctx, exset_alloc(ctx, n_phases * n_phases * n, sizeof(double), &c->c));
  for (int64_t k = 0; k < n; k++) {
    c->h_z[k] = (double)(k / group->size[1]) * group->pixel[0];
    c->h_r[k] = (double)(k % group->size[1]) * group->pixel[1];
    c->pairs[k] = 1000 - (double)k;
    const double h = hypot(c->h_r[k], 1.3 * c->h_z[k]), f = 1.0 / n_phases;
    for (int i = 0; i < n_phases; i++)
      for (int j = 0; j < n_phases; j++)
        c->c[(i * n_phases + j) * n + k] = f * f + (i == j ? 0.2 : -0.1) * exp(-h / (1 + 0.4 * i));
  }
}

#endif
