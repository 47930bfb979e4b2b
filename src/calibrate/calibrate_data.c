/* The data's side: coverage functions of all sections on product lags, and curves for people. */
#include "calibrate_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAG_PIXELS = 256 }; /* most pixels of a largest lag found from the data */

/* Sections of one kind in the order given. */
static bool belongs(const exset_section_t *section, int kind) {
  return (section->orient == EXSET_ORIENT_XY) == (kind == PLANES_XY);
}

static void pixel_size(const double voxel[3], int kind, double pixel[2]) {
  pixel[0] = kind == PLANES_XY ? voxel[EXSET_AXIS_Y] : voxel[EXSET_AXIS_Z];
  pixel[1] = voxel[EXSET_AXIS_X];
}

static int estimate_sections(exset_ctx_t *ctx, const exset_sections_t *sections,
                             const double pixel[2], double max_lag, exset_lags_t lags,
                             exset_coverage_t *part) {
  const double grid[3] = {pixel[0], pixel[0], pixel[1]};
  return exset_coverage_sections(ctx, sections, grid, max_lag, lags, part);
}

/*
 * Coverage of the sections of one kind, part[n]. They are presented to the estimator as x-z sections with the kind's pixel
 * size: those have the lags of the pixel grid, without bins, whatever their orientation. Collective.
 */
static int estimate(exset_ctx_t *ctx, const exset_sections_t *sections, const double voxel[3],
                    int kind, double max_lag, exset_lags_t lags, int *n, exset_coverage_t *part) {
  exset_sections_t of_kind = {.n_phases = sections->n_phases};
  EXSET_TRY(exset_alloc_all(ctx, sections->n, sizeof *of_kind.section, &of_kind.section));
  for (int s = 0; s < sections->n; s++) {
    if (!belongs(&sections->section[s], kind)) continue;
    of_kind.section[of_kind.n] = sections->section[s];
    of_kind.section[of_kind.n++].orient = EXSET_ORIENT_XZ;
  }
  double pixel[2];
  pixel_size(voxel, kind, pixel);
  int err = EXSET_OK;
  if (of_kind.n > 0) err = estimate_sections(ctx, &of_kind, pixel, max_lag, lags, part);
  *n = of_kind.n;
  free(of_kind.section);
  return err;
}

/* Lag at which the slowest phase's autocovariance has fallen to 5 %, pooled over the sections; or the last lag. */
static double decay_lag(const exset_coverage_t *pooled) {
  double decay = 0;
  for (int i = 0; i < pooled->n_phases; i++) {
    const double *c = pooled->c + exset_coverage_index(pooled, i, i);
    int64_t lag = 0;
    while (lag < pooled->n_lags - 1 && c[lag] - c[0] * c[0] > 0.05 * (c[0] - c[0] * c[0])) lag++;
    decay = fmax(decay, pooled->h_r[lag]);
  }
  return decay;
}

/* Largest lag from the data: twice the length of decay, at least 8 pixels, at most `limit` and LAG_PIXELS. */
static int find_max_lag(exset_ctx_t *ctx, const exset_sections_t *sections, const double voxel[3],
                        double limit, double *max_lag) {
  exset_coverage_t *part;
  EXSET_TRY(exset_alloc_all(ctx, sections->n, sizeof *part, &part));
  double longest = 0;
  int err = EXSET_OK;
  for (int kind = 0; !err && kind < MAX_GROUPS; kind++) {
    exset_coverage_t pooled = {0};
    int n = 0;
    err = estimate(ctx, sections, voxel, kind, limit, EXSET_LAGS_RADIAL, &n, part);
    if (!err && n > 0) err = exset_agree(ctx, exset_coverage_pool(ctx, n, part, -1, &pooled));
    if (!err && n > 0) longest = fmax(longest, decay_lag(&pooled));
    exset_coverage_clear(&pooled);
    for (int s = 0; s < sections->n; s++) exset_coverage_clear(&part[s]);
  }
  free(part);
  *max_lag = fmax(2 * longest, 8 * fmax(voxel[EXSET_AXIS_Z], voxel[EXSET_AXIS_X]));
  *max_lag = fmin(*max_lag, limit);
  const double most = LAG_PIXELS * fmin(voxel[EXSET_AXIS_Z], voxel[EXSET_AXIS_X]);
  if (!err && *max_lag > most) {
    exset_warn(ctx,
               "lags end at %g um, not at %g um: structures that are hundreds of pixels large are "
               "calibrated as well and faster from coarser images",
               most, *max_lag);
    *max_lag = most;
  }
  return err;
}

/* Smallest edge of all sections, micrometres. */
static double smallest_edge(const exset_sections_t *sections, const double voxel[3]) {
  double edge = INFINITY;
  for (int s = 0; s < sections->n; s++) {
    const exset_section_t *section = &sections->section[s];
    double pixel[2];
    pixel_size(voxel, belongs(section, PLANES_XY) ? PLANES_XY : PLANES_Z, pixel);
    edge = fmin(edge, fmin((double)section->rows * pixel[0], (double)section->cols * pixel[1]));
  }
  return edge;
}

/* Names, sizes and number of lags of a group. */
static void describe_group(const exset_sections_t *sections, int kind, group_t *group) {
  static const char *const names[] = {"", "xy", "xz", "", "yz", "", "xz and yz"};
  int met = 0;
  for (int s = 0; s < sections->n; s++) {
    const exset_section_t *section = &sections->section[s];
    if (!belongs(section, kind)) continue;
    met |= 1 << section->orient; /* xy 1, xz 2, yz 4 */
    group->extent = fmax(group->extent, fmax((double)section->rows * group->pixel[0],
                                             (double)section->cols * group->pixel[1]));
    for (int64_t i = 0; i < section->rows * section->cols; i++)
      group->window += section->phase[i] != 0;
  }
  group->orientation = names[met];
  const exset_coverage_t *c = &group->pooled;
  while (group->size[1] < c->n_lags && c->h_z[group->size[1]] == 0) group->size[1]++;
  group->size[0] = c->n_lags / group->size[1];
}

static int create_group(exset_ctx_t *ctx, const exset_sections_t *sections, const double voxel[3],
                        int kind, double max_lag, group_t *group) {
  group->kind = kind;
  pixel_size(voxel, kind, group->pixel);
  EXSET_TRY(exset_alloc_all(ctx, sections->n, sizeof *group->section, &group->section));
  EXSET_TRY(estimate(ctx, sections, voxel, kind, max_lag, EXSET_LAGS_RZ, &group->n_sections,
                     group->section));
  if (group->n_sections == 0) return EXSET_OK;
  EXSET_TRY(exset_agree(
      ctx, exset_coverage_pool(ctx, group->n_sections, group->section, -1, &group->pooled)));
  describe_group(sections, kind, group);
  return EXSET_OK;
}

int data_create(exset_ctx_t *ctx, const exset_sections_t *sections, const double voxel[3],
                double max_lag, data_t *data) {
  *data = (data_t){.n_phases = sections->n_phases};
  const double edge = smallest_edge(sections, voxel),
               pixel = fmax(voxel[EXSET_AXIS_Z], voxel[EXSET_AXIS_X]);
  if (edge < 16 * pixel)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the smallest section is %g um wide: at least 16 pixels are needed", edge);
  if (max_lag > edge / 2 || (max_lag > 0 && max_lag < 4 * pixel))
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "max_lag is %g um: allowed is from 4 pixels, %g um, to half the smallest section, %g um",
        max_lag, 4 * pixel, edge / 2);
  if (max_lag == 0) EXSET_TRY(find_max_lag(ctx, sections, voxel, edge / 4, &max_lag));
  data->max_lag = max_lag;
  for (int kind = 0; kind < MAX_GROUPS; kind++)
    EXSET_TRY(create_group(ctx, sections, voxel, kind, max_lag, &data->group[kind]));
  return EXSET_OK;
}

int data_pool(exset_ctx_t *ctx, const exset_sections_t *sections, const double pixel[2],
              double max_lag, exset_coverage_t *pooled) {
  exset_coverage_t *part;
  EXSET_TRY(exset_alloc_all(ctx, sections->n, sizeof *part, &part));
  int err = estimate_sections(ctx, sections, pixel, max_lag, EXSET_LAGS_RZ, part);
  if (!err) err = exset_agree(ctx, exset_coverage_pool(ctx, sections->n, part, -1, pooled));
  for (int s = 0; s < sections->n; s++) exset_coverage_clear(&part[s]);
  free(part);
  return err;
}

void data_clear(data_t *data) {
  for (int kind = 0; kind < MAX_GROUPS; kind++) {
    group_t *group = &data->group[kind];
    for (int s = 0; s < group->n_sections; s++) exset_coverage_clear(&group->section[s]);
    exset_coverage_clear(&group->pooled);
    free(group->section);
  }
  *data = (data_t){0};
}

/* ---- curves ---- */

int64_t curve_capacity(const group_t *group) {
  return (group->size[0] > group->size[1] ? group->size[0] : group->size[1]) + 1;
}

/* Bin of a product lag, or -1. */
static int64_t curve_bin(const group_t *group, along_t along, int64_t row, int64_t col, double *h) {
  const double y = (double)row * group->pixel[0], x = (double)col * group->pixel[1];
  *h = hypot(y, x);
  if (along == ALONG_ROWS) return col == 0 ? row : -1;
  if (along == ALONG_COLS) return row == 0 ? col : -1;
  return llround(*h / fmax(group->pixel[0], group->pixel[1]));
}

int64_t curve_average(const group_t *group, double max_lag, along_t along, const double *pairs,
                      int n_functions, const double *c, double *lag, double *curve) {
  const int64_t n = group->size[0] * group->size[1];
  const double step = along == ALONG_ROWS   ? group->pixel[0]
                      : along == ALONG_COLS ? group->pixel[1]
                                            : fmax(group->pixel[0], group->pixel[1]);
  const int64_t bins = (int64_t)floor(max_lag / step + 1e-9) + 1;
  memset(lag, 0, (size_t)bins * sizeof *lag);
  memset(curve, 0, (size_t)(n_functions * bins) * sizeof *curve);
  double *weight = curve + n_functions * bins; /* the row after the last function */
  memset(weight, 0, (size_t)bins * sizeof *weight);
  for (int64_t k = 0; k < n; k++) {
    double h;
    const int64_t b = curve_bin(group, along, k / group->size[1], k % group->size[1], &h);
    if (b < 0 || b >= bins) continue;
    weight[b] += pairs[k];
    lag[b] += pairs[k] * h;
    for (int f = 0; f < n_functions; f++) curve[f * bins + b] += pairs[k] * c[f * n + k];
  }
  for (int64_t b = 0; b < bins; b++) {
    if (weight[b] == 0) continue;
    lag[b] /= weight[b];
    for (int f = 0; f < n_functions; f++) curve[f * bins + b] /= weight[b];
  }
  return bins;
}
