/* Memory of the descriptors. */
#include <math.h>

#include "exset/fft_serial.h"
#include "morph_run.h"

/* Messages under way, tables. */
#define OVERHEAD 16e6

/* Transforms of the coverage functions, at the longest lags (coverage_volume.c): one set's modes and those of its autocorrelation, in
 * single precision, over padded rows and columns; then counts of boxes. */
static double fraction_bytes(const exset_ctx_t *ctx, const exset_grid_t *grid) {
  const double lag = morph_fraction_lag(grid, 1);
  double padded[3], lags[3], width = 0;
  for (int a = 0; a < 3; a++) width = fmax(width, grid->voxel[a]);
  for (int a = 0; a < 3; a++) {
    lags[a] = fmin((double)grid->n[a] - 1, floor((lag + width) / grid->voxel[a]));
    padded[a] = (double)exset_fft_good_size(grid->n[a] + (int64_t)lags[a]);
  }
  const double planes = ceil((double)grid->n[0] / ctx->size) + ceil((lags[0] + 1) / ctx->size);
  const double modes = sizeof(float) * planes * (padded[1] + ctx->size) * (padded[2] + 16);
  const double boxes = 8.0 * (1 + ctx->threads) * (double)grid->n[1] * (double)grid->n[2];
  return 1.1 * fmax(modes, boxes) + OVERHEAD;
}

/*
 * Of each cell of the slab, measured at 1 to 8 ranks on structures of some voxels' size; white noise takes no more. Tortuosity and intrusion along z work in
 * slabs normal to y, in which all of the slab is there twice. The lists of the fronts grow as they need.
 */
static double cell_bytes(const exset_morph_options_t *options) {
  static const double each[EXSET_MORPH_GROUPS] = {
      [EXSET_MORPH_SURFACE] = 4,     [EXSET_MORPH_LINES] = 4,   [EXSET_MORPH_PERCOLATION] = 18,
      [EXSET_MORPH_TORTUOSITY] = 28, [EXSET_MORPH_SIZE] = 22,   [EXSET_MORPH_INTRUSION] = 56,
      [EXSET_MORPH_CHORD] = 6,       [EXSET_MORPH_CONTACT] = 16};
  double most = 0;
  for (int g = 0; g < EXSET_MORPH_GROUPS; g++)
    if (exset_morph_computed(options, (exset_morph_group_t)g)) most = fmax(most, each[g]);
  return most;
}

double exset_morph_bytes(const exset_ctx_t *ctx, const exset_grid_t *grid,
                         const exset_morph_options_t *options) {
  const double cells = (double)exset_grid_cells_local(grid);
  const double planes = 2 * (double)(grid->n[1] * grid->n[2]); /* next to the slab */
  double most = cell_bytes(options) * (cells + planes) + OVERHEAD;
  if (options->group[EXSET_MORPH_FRACTION]) most = fmax(most, fraction_bytes(ctx, grid));
  return most;
}
