/* Coverage functions of sections: bins of lags, pooling. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "coverage_impl.h"

void exset_coverage_clear(exset_coverage_t *coverage) {
  free(coverage->h_r);
  free(coverage->h_z);
  free(coverage->pairs);
  free(coverage->c);
  memset(coverage, 0, sizeof *coverage);
}

static int allocate(exset_ctx_t *ctx, int n_phases, exset_lags_t lags, int64_t n_lags,
                    exset_coverage_t *coverage) {
  memset(coverage, 0, sizeof *coverage);
  coverage->n_phases = n_phases;
  coverage->lags = lags;
  coverage->n_lags = n_lags;
  int err = exset_alloc(ctx, n_lags, sizeof(double), &coverage->h_r);
  if (!err) err = exset_alloc(ctx, n_lags, sizeof(double), &coverage->h_z);
  if (!err) err = exset_alloc(ctx, n_lags, sizeof(double), &coverage->pairs);
  if (!err)
    err = exset_alloc(ctx, exset_mul3(n_phases, n_phases, n_lags), sizeof(double), &coverage->c);
  if (err) exset_coverage_clear(coverage);
  return err;
}

int coverage_init(exset_ctx_t *ctx, int n_phases, const lagbins_t *bins,
                  exset_coverage_t *coverage) {
  return allocate(ctx, n_phases, bins->lags, bins->n_r * bins->n_z, coverage);
}

/* Pair sum of phases i <= j (from 0) of bin `lag`; the last phase is the window without the others. */
static double phase_sum(int n, int64_t n_lags, const double *sum, int64_t lag, int i, int j) {
  if (j < n - 1) return sum[basis_pair(n, i, j) * n_lags + lag];
  double value = sum[basis_pair(n, i, n - 1) * n_lags + lag];
  if (i < n - 1) {
    for (int b = 0; b < n - 1; b++) value -= sum[basis_pair(n, i, b) * n_lags + lag];
    return value;
  }
  for (int a = 0; a < n - 1; a++) {
    value -= 2 * sum[basis_pair(n, a, n - 1) * n_lags + lag];
    for (int b = 0; b < n - 1; b++) value += sum[basis_pair(n, a, b) * n_lags + lag];
  }
  return value;
}

void coverage_finish(const lagbins_t *bins, const double *sum, const double *sum_r,
                     exset_coverage_t *coverage) {
  const int n = coverage->n_phases;
  const int64_t n_lags = coverage->n_lags;
  for (int64_t lag = 0; lag < n_lags; lag++) {
    const double both = sum[basis_pair(n, n - 1, n - 1) * n_lags + lag]; /* h and -h */
    coverage->pairs[lag] = both / 2;
    coverage->h_z[lag] = (double)(lag / bins->n_r) * bins->width_z;
    coverage->h_r[lag] = both > 0 ? sum_r[lag] / both : (double)(lag % bins->n_r) * bins->width_r;
    for (int i = 0; i < n; i++)
      for (int j = i; j < n; j++) {
        const double c = both > 0 ? phase_sum(n, n_lags, sum, lag, i, j) / both : 0;
        coverage->c[exset_coverage_index(coverage, i, j) + lag] = c;
        coverage->c[exset_coverage_index(coverage, j, i) + lag] = c;
      }
  }
}

/* ---- sections ------------------------------------------------------------------------------------ */

static lagbins_t section_bins(const exset_section_t *section, const double pixel[2], double width,
                              double max_lag, exset_lags_t lags) {
  const bool split = lags == EXSET_LAGS_RZ && section->orient != EXSET_ORIENT_XY;
  lagbins_t bins = {lags, 0, 1, split ? pixel[1] : width, split ? pixel[0] : 0};
  bins.n_r = lagbin_count(max_lag, bins.width_r);
  if (split) bins.n_z = lagbin_count(max_lag, bins.width_z);
  return bins;
}

/*
 * Sums of one section as integers, so that they add up the same in any order: sum[basis_pairs + 1][n_lags].
 * The last row is the sum of S_ww (|h| / width - bin) in units of 2^-18.
 */
enum { FRACTION_BITS = 18 };

static void bin_counts(const lagbins_t *bins, int n, const double pixel[2], const int64_t m[2],
                       const int64_t *count, int64_t *sum) {
  const int64_t width = 2 * m[1] + 1, lags = (m[0] + 1) * width, n_lags = bins->n_r * bins->n_z;
  const int64_t pairs = basis_pairs(n), *window = count + (pairs - 1) * lags;
  int64_t *rest = sum + pairs * n_lags;
  for (int64_t h0 = 0; h0 <= m[0]; h0++) {
    for (int64_t h1 = h0 == 0 ? 0 : -m[1]; h1 <= m[1]; h1++) { /* one half of the lag space */
      const double x = (double)h1 * pixel[1];
      const double r = bins->n_z > 1 ? fabs(x) : hypot(x, (double)h0 * pixel[0]);
      const int64_t bin_r = lagbin_r(bins, r), bin = (bins->n_z > 1 ? h0 * bins->n_r : 0) + bin_r;
      if (bin_r >= bins->n_r) continue;
      const int64_t at = h0 * width + h1 + m[1];
      for (int64_t p = 0; p < pairs; p++) sum[p * n_lags + bin] += count[p * lags + at];
      const double off = r / bins->width_r - (double)bin_r;
      rest[bin] += window[at] * llround(ldexp(off, FRACTION_BITS));
    }
  }
}

/* Largest lags of a section, cells. */
static void section_reach(const exset_section_t *section, const double pixel[2],
                          const lagbins_t *bins, int64_t m[2]) {
  const bool split = bins->n_z > 1;
  m[0] = split ? bins->n_z - 1 : lagbin_reach(bins, pixel[0]);
  m[1] = split ? bins->n_r - 1 : lagbin_reach(bins, pixel[1]);
  if (m[0] > section->rows - 1) m[0] = section->rows - 1;
  if (m[1] > section->cols - 1) m[1] = section->cols - 1;
}

/* This worker's share of one section, added to sum. */
static int add_section(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                       const double pixel[2], const lagbins_t *bins, share_t *share, int64_t *sum) {
  int64_t m[2];
  section_reach(section, pixel, bins, m);
  int64_t *count;
  EXSET_TRY(exset_alloc(ctx, exset_mul3(basis_pairs(n_phases), m[0] + 1, 2 * m[1] + 1),
                        sizeof *count, &count));
  bool worked;
  const int err = section_counts(ctx, section, n_phases, m, share, count, &worked);
  if (!err && worked) bin_counts(bins, n_phases, pixel, m, count, sum);
  free(count);
  return err;
}

static int64_t sum_size(int n_phases, const lagbins_t *bins) {
  return exset_mul3(basis_pairs(n_phases) + 1, bins->n_r, bins->n_z);
}

static int finish_section(exset_ctx_t *ctx, int n_phases, const lagbins_t *bins, const int64_t *sum,
                          exset_coverage_t *coverage) {
  const int64_t pairs = basis_pairs(n_phases), n_lags = bins->n_r * bins->n_z;
  double *real;
  EXSET_TRY(exset_alloc(ctx, sum_size(n_phases, bins), sizeof *real, &real));
  for (int64_t i = 0; i < pairs * n_lags; i++) real[i] = (double)sum[i];
  double *sum_r = real + pairs * n_lags;
  for (int64_t lag = 0; lag < n_lags; lag++)
    sum_r[lag] = bins->width_r * ((double)(lag % bins->n_r) * real[(pairs - 1) * n_lags + lag] +
                                  ldexp((double)sum[pairs * n_lags + lag], -FRACTION_BITS));
  const int err = coverage_init(ctx, n_phases, bins, coverage);
  if (!err) coverage_finish(bins, real, sum_r, coverage);
  free(real);
  return err;
}

void exset_coverage_section_plan(const exset_section_t *section, int n_phases,
                                 const double pixel[2], double max_lag, exset_lags_t lags,
                                 exset_coverage_plan_t *plan) {
  const lagbins_t bins = section_bins(section, pixel, fmax(pixel[0], pixel[1]), max_lag, lags);
  int64_t m[2];
  section_reach(section, pixel, &bins, m);
  section_plan(section, n_phases, m, plan);
}

int exset_coverage_section(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                           const double pixel[2], double max_lag, exset_lags_t lags,
                           exset_coverage_t *coverage) {
  const lagbins_t bins = section_bins(section, pixel, fmax(pixel[0], pixel[1]), max_lag, lags);
  share_t share = {0, 1, 0};
  int64_t *sum;
  EXSET_TRY(exset_alloc(ctx, sum_size(n_phases, &bins), sizeof *sum, &sum));
  int err = add_section(ctx, section, n_phases, pixel, &bins, &share, sum);
  if (!err) err = finish_section(ctx, n_phases, &bins, sum, coverage);
  free(sum);
  return err;
}

static void pixel_of(const exset_section_t *section, const double voxel[3], double pixel[2]) {
  pixel[0] = voxel[section->orient == EXSET_ORIENT_XY ? EXSET_AXIS_Y : EXSET_AXIS_Z];
  pixel[1] = voxel[section->orient == EXSET_ORIENT_YZ ? EXSET_AXIS_Y : EXSET_AXIS_X];
}

/* Sum over the ranks, in blocks whose size fits MPI's int. */
static int sum_ranks(exset_ctx_t *ctx, int64_t n, int64_t *value) {
  for (int64_t i = 0; i < n; i += INT_MAX) {
    const int count = (int)(n - i < INT_MAX ? n - i : INT_MAX);
    EXSET_TRY(EXSET_MPI(
        ctx, MPI_Allreduce(MPI_IN_PLACE, value + i, count, MPI_INT64_T, MPI_SUM, ctx->comm)));
  }
  return EXSET_OK;
}

int exset_coverage_sections(exset_ctx_t *ctx, const exset_sections_t *sections,
                            const double voxel[3], double max_lag, exset_lags_t lags,
                            exset_coverage_t *part) {
  double width = 0; /* one for all sections, so that radial estimates can be pooled */
  int64_t total = 0;
  for (int i = 0; i < sections->n; i++) {
    double pixel[2];
    pixel_of(&sections->section[i], voxel, pixel);
    width = fmax(width, fmax(pixel[0], pixel[1]));
    memset(&part[i], 0, sizeof part[i]);
  }
  lagbins_t *bins = NULL;
  int64_t *sum = NULL, *own;
  share_t share = {ctx->rank, ctx->size, 0};
  int err;
  EXSET_TRY_GOTO(err, done, exset_alloc(ctx, sections->n, sizeof *bins, &bins));
  for (int i = 0; i < sections->n; i++) {
    double pixel[2];
    pixel_of(&sections->section[i], voxel, pixel);
    bins[i] = section_bins(&sections->section[i], pixel, width, max_lag, lags);
    total += sum_size(sections->n_phases, &bins[i]);
  }
  EXSET_TRY_GOTO(err, done, exset_alloc(ctx, total, sizeof *sum, &sum));
  own = sum;
  for (int i = 0; i < sections->n && !err; i++) {
    double pixel[2];
    pixel_of(&sections->section[i], voxel, pixel);
    err = add_section(ctx, &sections->section[i], sections->n_phases, pixel, &bins[i], &share, own);
    own += sum_size(sections->n_phases, &bins[i]);
  }
done:
  err = exset_agree(ctx, err);
  if (!err) err = sum_ranks(ctx, total, sum);
  own = sum;
  for (int i = 0; i < sections->n && !err; i++) {
    err = finish_section(ctx, sections->n_phases, &bins[i], own, &part[i]);
    own += sum_size(sections->n_phases, &bins[i]);
  }
  if (err >= 0) err = exset_agree(ctx, err);
  for (int i = 0; i < sections->n && err; i++) exset_coverage_clear(&part[i]);
  free(sum);
  free(bins);
  return err;
}

/* ---- pooling ------------------------------------------------------------------------------------- */

int exset_coverage_pool(exset_ctx_t *ctx, int n, const exset_coverage_t *part, int skip,
                        exset_coverage_t *pooled) {
  const exset_coverage_t *first = &part[skip == 0 && n > 1 ? 1 : 0];
  const int64_t n_lags = first->n_lags, n_c = (int64_t)first->n_phases * first->n_phases;
  for (int s = 0; s < n; s++)
    if (s != skip && (part[s].n_lags != n_lags || part[s].n_phases != first->n_phases ||
                      part[s].lags != first->lags))
      return exset_fail(ctx, EXSET_ERR_LOCAL, "coverage functions with different lags or phases");
  EXSET_TRY(allocate(ctx, first->n_phases, first->lags, n_lags, pooled));
  for (int64_t lag = 0; lag < n_lags; lag++) {
    double pairs = 0;
    for (int s = 0; s < n; s++)
      if (s != skip) pairs += part[s].pairs[lag];
    pooled->pairs[lag] = pairs;
    pooled->h_r[lag] = pairs > 0 ? 0 : first->h_r[lag];
    pooled->h_z[lag] = first->h_z[lag];
    for (int s = 0; s < n && pairs > 0; s++) {
      if (s == skip) continue;
      const double weight = part[s].pairs[lag] / pairs;
      pooled->h_r[lag] += weight * part[s].h_r[lag];
      for (int64_t p = 0; p < n_c; p++)
        pooled->c[p * n_lags + lag] += weight * part[s].c[p * n_lags + lag];
    }
  }
  return EXSET_OK;
}
