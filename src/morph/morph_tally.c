/*
 * How many cells have which squared distance. Keys are the leading bits of single-precision numbers: whole numbers up to
 * 2^13 (radii up to 90 voxels of a cubic lattice) are apart, beyond that squares that differ by less than 2.5e-4 of them may be one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/distance.h"
#include "exset/simd.h"
#include "morph_run.h"

enum { KEY_SHIFT = 11, KEY_OF_ONE = 0x3f800000 >> KEY_SHIFT };

/* Squared distances are 0, or at least 1: that to a neighbour along the shortest edge. */
static int64_t key_of(float squared) {
  const int64_t key = (int64_t)(exset_float_bits(squared) >> KEY_SHIFT) - KEY_OF_ONE;
  return key > 0 ? key : 0;
}

double morph_key_radius(const exset_grid_t *grid, int64_t key) {
  return exset_distance_radius(grid, exset_bits_float((uint32_t)(key + KEY_OF_ONE) << KEY_SHIFT));
}

int morph_tally_keys(morph_run_t *run, const float *squared, int64_t *n_keys) {
  const int64_t cells = exset_grid_cells_local(&run->volume->grid);
  float most = 0;
  for (int64_t i = 0; i < cells; i++)
    if (run->volume->phase[i] && squared[i] > most) most = squared[i];
  *n_keys = key_of(most) + 1;
  return EXSET_MPI(run->ctx,
                   MPI_Allreduce(MPI_IN_PLACE, n_keys, 1, MPI_INT64_T, MPI_MAX, run->ctx->comm));
}

static int add_up(exset_ctx_t *ctx, int64_t n, int64_t *count) {
  return EXSET_MPI(ctx,
                   MPI_Allreduce(MPI_IN_PLACE, count, (int)n, MPI_INT64_T, MPI_SUM, ctx->comm));
}

int morph_tally_own(morph_run_t *run, const float *squared, int64_t n_keys, int64_t *count) {
  const exset_volume_t *v = run->volume;
  const int64_t cells = exset_grid_cells_local(&v->grid), n = n_keys * v->n_phases;
  memset(count, 0, (size_t)n * sizeof *count);
  for (int64_t i = 0; i < cells; i++)
    if (v->phase[i] && squared[i] > 0) count[(v->phase[i] - 1) * n_keys + key_of(squared[i])]++;
  return add_up(run->ctx, n, count);
}

int morph_tally_others(morph_run_t *run, int phase, const float *squared, int64_t n_keys,
                       int64_t *count) {
  const exset_volume_t *v = run->volume;
  const int64_t cells = exset_grid_cells_local(&v->grid);
  memset(count, 0, (size_t)n_keys * sizeof *count);
  for (int64_t i = 0; i < cells; i++)
    if (v->phase[i] && v->phase[i] != phase) count[key_of(squared[i])]++;
  return add_up(run->ctx, n_keys, count);
}

/* Bins as wide as half the shortest edge, on whose edges the radii along the axes of a cubic lattice lie: these are in the bin above. */
int morph_tally_histogram(morph_run_t *run, int64_t n_keys, const int64_t *count, double weight,
                          exset_histogram_t *histogram) {
  const exset_grid_t *grid = &run->volume->grid;
  const double width = exset_distance_unit(grid) / 2, edge = 1e-6;
  const double most = morph_key_radius(grid, n_keys - 1);
  EXSET_TRY(exset_agree(
      run->ctx,
      exset_histogram_init(run->ctx, width, (int64_t)(most / width + edge) + 1, histogram)));
  for (int64_t k = 0; k < n_keys; k++)
    if (count[k] > 0)
      histogram->count[(int64_t)(morph_key_radius(grid, k) / width + edge)] +=
          weight * (double)count[k];
  return EXSET_OK;
}
