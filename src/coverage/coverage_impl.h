/* Private to the coverage module: lag bins and pair sums. */
#ifndef EXSET_COVERAGE_IMPL_H
#define EXSET_COVERAGE_IMPL_H

#include <math.h>

#include "exset/coverage.h"

/* Bins [n_z][n_r] of lags; bin (0, 0) holds lag 0 alone. */
typedef struct {
  exset_lags_t lags;
  int64_t n_r, n_z;
  double width_r, width_z; /* micrometres */
} lagbins_t;

/* Place along r of a distance r >= 0. */
static inline int64_t lagbin_r(const lagbins_t *bins, double r) {
  const int64_t bin = (int64_t)(r / bins->width_r + 0.5);
  return bin > 0 || r == 0 ? bin : 1;
}

/* Number of steps of the given length whose bins along r exist all the way. */
static inline int64_t lagbin_reach(const lagbins_t *bins, double step) {
  return (int64_t)(((double)bins->n_r - 0.5) * bins->width_r / step * (1 - 1e-12));
}

/* Bins of one cell up to max_lag (micrometres): n cells. */
static inline int64_t lagbin_count(double max_lag, double width) {
  return (int64_t)(max_lag / width * (1 + 1e-12)) + 1;
}

/*
 * Pair sums are kept for the basis of n indicators: those of phases 1 .. n-1, then the window (all phases).
 * For indicators a <= b and a lag h: S_ab(h) = N_ab(h) + N_ab(-h), N_ab(h) the number of pairs
 * (x in a, x + h in b); a bin holds the sum over its lags in one half of the lag space.
 */
static inline int64_t basis_pairs(int n) {
  return (int64_t)n * (n + 1) / 2;
}
static inline int64_t basis_pair(int n, int a, int b) {
  return a <= b ? (int64_t)a * (2 * n - a + 1) / 2 + (b - a) : basis_pair(n, b, a);
}

/* Empty estimate on the bins, zeroed. Local. */
int coverage_init(exset_ctx_t *ctx, int n_phases, const lagbins_t *bins,
                  exset_coverage_t *coverage);
/* Fill from sum[basis_pairs][n_lags] and sum_r[n_lags], the sum of S_ww |h_r| (micrometres). Local. */
void coverage_finish(const lagbins_t *bins, const double *sum, const double *sum_r,
                     exset_coverage_t *coverage);

/*
 * Pair sums of a section at all lags h_0 in [0, m[0]], h_1 in [-m[1], m[1]] (rows, columns; m < size):
 * adds this worker's share to count[basis_pairs][m[0] + 1][2 m[1] + 1]. The work comes in tiles,
 * numbered on from *tile, which is advanced; tiles whose number modulo workers is worker are done.
 * Sums over the workers are exact. *worked tells whether this worker had a share. Local.
 */
typedef struct {
  int worker, workers;
  int64_t tile;
} share_t;
int section_counts(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                   const int64_t m[2], share_t *share, int64_t *count, bool *worked);

/* Frame, tiles and memory of section_counts. */
void section_plan(const exset_section_t *section, int n_phases, const int64_t m[2],
                  exset_coverage_plan_t *plan);

/* ---- volumes: lags (coverage_lags.c) and pairs with a box (coverage_box.c) ------------------------------ */

/* The lags of a volume: |h_a| <= m[a] cells and within the bins. */
typedef struct {
  lagbins_t bins;
  bool periodic;
  int64_t n[3], m[3];
  double voxel[3];
} volume_lags_t;

volume_lags_t volume_lags(const exset_grid_t *grid, bool periodic, double max_lag,
                          exset_lags_t lags);
/* First bin of the lags with |h_z|. */
static inline int64_t volume_lags_offset(const volume_lags_t *lags, int64_t h_z) {
  return lags->bins.n_z > 1 ? h_z * lags->bins.n_r : 0;
}
/* Lags (h_z, h_y, h_x), h_z and h_y >= 0, of h_x = 0 .. count - 1 have a bin: r[h_x], and bin[h_x] from the offset of h_z.
 * Returns count <= m[2] + 1, the length of the arrays. Local. */
int64_t volume_lags_row(const volume_lags_t *lags, int64_t h_z, int64_t h_y, double *r,
                        int32_t *bin);
/* Number of different lags +-h along an axis: 2, or 1 for 0 and half a period. */
static inline int volume_lags_signs(const volume_lags_t *lags, int axis, int64_t h) {
  return h == 0 || (lags->periodic && 2 * h == lags->n[axis]) ? 1 : 2;
}
/* Adds S_ww and S_ww |h_r| of a volume without masked cells to sum and sum_r, all ranks' the same. Collective. */
int volume_window_pairs(exset_ctx_t *ctx, const volume_lags_t *lags, double *sum, double *sum_r);
/* Adds this rank's part of S_aw of phase a (from 0) and a box of cells, not periodic, none masked. Collective. */
int volume_box_pairs(exset_ctx_t *ctx, const volume_lags_t *lags, const exset_volume_t *volume,
                     int a, double *sum);
/* Memory it takes on this rank. Local. */
double volume_box_bytes(const exset_ctx_t *ctx, const exset_volume_t *volume);

#endif
