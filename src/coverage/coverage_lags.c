/* Lags of volumes: their bins, row by row of the grid of lags, and the pairs of a window without masked cells. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "coverage_impl.h"
#include "exset/simd.h"

/* Up to half the box when periodic, to the box less a cell otherwise. */
volume_lags_t volume_lags(const exset_grid_t *grid, bool periodic, double max_lag,
                          exset_lags_t lags) {
  const double *voxel = grid->voxel;
  const bool split = lags == EXSET_LAGS_RZ;
  const double width_xy = fmax(voxel[EXSET_AXIS_Y], voxel[EXSET_AXIS_X]);
  volume_lags_t l = {.periodic = periodic};
  l.bins = (lagbins_t){lags, 0, 1, split ? width_xy : fmax(width_xy, voxel[EXSET_AXIS_Z]),
                       split ? voxel[EXSET_AXIS_Z] : 0};
  l.bins.n_r = lagbin_count(max_lag, l.bins.width_r);
  if (split) l.bins.n_z = lagbin_count(max_lag, l.bins.width_z);
  for (int a = 0; a < 3; a++) {
    const int64_t most = periodic ? grid->n[a] / 2 : grid->n[a] - 1;
    const bool along_z = split && a == EXSET_AXIS_Z;
    l.n[a] = grid->n[a];
    l.voxel[a] = voxel[a];
    l.m[a] = along_z ? l.bins.n_z - 1 : lagbin_reach(&l.bins, voxel[a]);
    if (l.m[a] > most) l.m[a] = most;
  }
  return l;
}

/* lagbin_r of the distances sqrt((x step)^2 + rest). */
EXSET_CLONES static void row_bins(int64_t count, double step, double rest, double width, double *r,
                                  int32_t *bin) {
  for (int64_t x = 0; x < count; x++) {
    const double h = (double)x * step;
    r[x] = sqrt(h * h + rest);
    const int32_t b = (int32_t)(r[x] / width + 0.5), least = r[x] > 0;
    bin[x] = b > least ? b : least;
  }
}

int64_t volume_lags_row(const volume_lags_t *lags, int64_t h_z, int64_t h_y, double *r,
                        int32_t *bin) {
  const lagbins_t *bins = &lags->bins;
  const double y = (double)h_y * lags->voxel[EXSET_AXIS_Y], step = lags->voxel[EXSET_AXIS_X];
  const double z = bins->n_z > 1 ? 0 : (double)h_z * lags->voxel[EXSET_AXIS_Z];
  const double rest = y * y + z * z, reach = (double)bins->n_r * bins->width_r;
  if (rest > reach * reach) return 0;
  int64_t count = (int64_t)(sqrt(reach * reach - rest) / step) + 1;
  if (count > lags->m[EXSET_AXIS_X]) count = lags->m[EXSET_AXIS_X];
  count++;
  row_bins(count, step, rest, bins->width_r, r, bin);
  while (count > 0 && bin[count - 1] >= bins->n_r) count--;
  return count;
}

/* ---- pairs of a window without masked cells ---------------------------------------------------------- */

/* Cells of an axis that have a partner at lag h, for h and -h together where they differ. */
static double axis_pairs(const volume_lags_t *lags, int axis, int64_t h) {
  return (double)((lags->n[axis] - (lags->periodic ? 0 : h)) * volume_lags_signs(lags, axis, h));
}

/* Sums over the lags +-h_z: pairs[n_r] and pairs_r[n_r]. */
static void plane_pairs(const volume_lags_t *lags, int64_t h_z, double *r, int32_t *bin,
                        double *pairs, double *pairs_r) {
  for (int64_t h_y = 0; h_y <= lags->m[EXSET_AXIS_Y]; h_y++) {
    const int64_t count = volume_lags_row(lags, h_z, h_y, r, bin);
    const double yz = axis_pairs(lags, EXSET_AXIS_Z, h_z) * axis_pairs(lags, EXSET_AXIS_Y, h_y);
    for (int64_t x = 0; x < count; x++) {
      const double p = yz * axis_pairs(lags, EXSET_AXIS_X, x);
      pairs[bin[x]] += p;
      pairs_r[bin[x]] += p * r[x];
    }
    if (h_z == 0 && h_y == 0) pairs[0] += yz * axis_pairs(lags, EXSET_AXIS_X, 0); /* lag 0 twice */
  }
}

/* Planes first .. first + count - 1 that are this rank's, of every thread its own; table[count][2][n_r]. */
static int planes_pairs(exset_ctx_t *ctx, const volume_lags_t *lags, int64_t first, int64_t count,
                        double *table) {
  const int64_t n_r = lags->bins.n_r, width = lags->m[EXSET_AXIS_X] + 1;
  double *r;
  int32_t *bin = NULL;
  int err = exset_alloc(ctx, ctx->threads * width, sizeof *r, &r);
  if (!err) err = exset_alloc(ctx, ctx->threads * width, sizeof *bin, &bin);
  if (!err) {
#pragma omp parallel for num_threads(ctx->threads) schedule(static, 1)
    for (int t = 0; t < ctx->threads; t++)
      for (int64_t i = ctx->rank + (int64_t)t * ctx->size; i < count;
           i += (int64_t)ctx->threads * ctx->size)
        plane_pairs(lags, first + i, r + t * width, bin + t * width, table + 2 * i * n_r,
                    table + (2 * i + 1) * n_r);
  }
  free(r);
  free(bin);
  return exset_agree(ctx, err);
}

/* Planes are shared out in chunks and summed in order, so that sums do not depend on the ranks. */
int volume_window_pairs(exset_ctx_t *ctx, const volume_lags_t *lags, double *sum, double *sum_r) {
  const int64_t n_r = lags->bins.n_r, planes = lags->m[EXSET_AXIS_Z] + 1;
  int64_t chunk = ((int64_t)1 << 20) / n_r + 1;
  if (chunk > planes) chunk = planes;
  if (exset_mul3(2, chunk, n_r) > INT_MAX)
    return exset_fail(ctx, EXSET_ERR_INPUT, "more than 2^30 lags along r");
  double *table;
  EXSET_TRY(exset_alloc_all(ctx, 2 * chunk * n_r, sizeof *table, &table));
  int err = EXSET_OK;
  for (int64_t first = 0; first < planes && !err; first += chunk) {
    const int64_t count = planes - first < chunk ? planes - first : chunk;
    memset(table, 0, (size_t)(2 * chunk * n_r) * sizeof *table);
    err = planes_pairs(ctx, lags, first, count, table);
    if (!err)
      err = EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, table, (int)(2 * count * n_r), MPI_DOUBLE,
                                         MPI_SUM, ctx->comm));
    for (int64_t i = 0; i < count && !err; i++) {
      const int64_t to = volume_lags_offset(lags, first + i);
      for (int64_t b = 0; b < n_r; b++) {
        sum[to + b] += table[2 * i * n_r + b];
        sum_r[to + b] += table[(2 * i + 1) * n_r + b];
      }
    }
  }
  free(table);
  return err;
}
