/*
 * Pairs of a phase with the whole box, exactly, without transforms. A cell x has a partner x + h in a box of n cells for
 * each axis with 0 <= x_a + h_a < n_a, so the sum over the 8 signs of h is the sum over the cells of the phase of
 *   product over the axes of g_a,   g_a = [x_a < n_a - |h_a|] + [x_a >= |h_a|].
 * Sums over the cells before (or behind) a place come from running sums: along x in each row, along y in each plane, along z
 * with one plane of counts, which is handed on from rank to rank by a scan.
 */
#include <stdlib.h>
#include <string.h>

#include "coverage_impl.h"
#include "exset/simd.h"

typedef struct {
  exset_ctx_t *ctx;
  const volume_lags_t *lags;
  const exset_volume_t *volume;
  uint8_t label;
} job_t;

/* What one thread needs; planes are [n_y][n_x]. */
typedef struct {
  int64_t z0, z1; /* its planes */
  int32_t *before,
      *behind; /* number of cells of the phase below the plane and from it upwards, for each (y, x) */
  int64_t *prefix, *column; /* [n_x + 1], [n_x] */
  int64_t *row, *low,
      *high; /* [m_x + 1]: sum_x g_x of a row; summed over the rows before and from there on */
  double *r, *sum; /* [m_x + 1], [n_lags] */
  int32_t *bin;    /* [m_x + 1] */
} part_t;

static void part_clear(part_t *p) {
  free(p->before);
  free(p->behind);
  free(p->prefix);
  free(p->column);
  free(p->row);
  free(p->low);
  free(p->high);
  free(p->r);
  free(p->sum);
  free(p->bin);
}

static int part_init(const job_t *job, part_t *p) {
  const int64_t plane = job->lags->n[1] * job->lags->n[2], n_x = job->lags->n[2];
  const int64_t width = job->lags->m[2] + 1, n_lags = job->lags->bins.n_r * job->lags->bins.n_z;
  exset_ctx_t *ctx = job->ctx;
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *p->before, &p->before));
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *p->behind, &p->behind));
  EXSET_TRY(exset_alloc(ctx, n_x + 1, sizeof *p->prefix, &p->prefix));
  EXSET_TRY(exset_alloc(ctx, n_x, sizeof *p->column, &p->column));
  EXSET_TRY(exset_alloc(ctx, width, sizeof *p->row, &p->row));
  EXSET_TRY(exset_alloc(ctx, width, sizeof *p->low, &p->low));
  EXSET_TRY(exset_alloc(ctx, width, sizeof *p->high, &p->high));
  EXSET_TRY(exset_alloc(ctx, width, sizeof *p->r, &p->r));
  EXSET_TRY(exset_alloc(ctx, n_lags, sizeof *p->sum, &p->sum));
  return exset_alloc(ctx, width, sizeof *p->bin, &p->bin);
}

/* ---- one plane of counts ----------------------------------------------------------------------------- */

EXSET_CLONES static void count_plane(int64_t n, const uint8_t *phase, uint8_t label,
                                     int32_t *before, int32_t *behind) {
  for (int64_t i = 0; i < n; i++) {
    const int32_t here = phase[i] == label;
    before[i] += here;
    behind[i] -= here;
  }
}

/* row[h] = sum over x of value[x] g_x(h). */
static void row_sums(int64_t n, int64_t width, const int64_t *prefix, int64_t *row) {
  for (int64_t h = 0; h < width; h++) row[h] = prefix[n - h] + prefix[n] - prefix[h];
}

static void prefix_counts(int64_t n, const int32_t *value, int64_t *prefix) {
  for (int64_t x = 0; x < n; x++) prefix[x + 1] = prefix[x] + value[x];
}

/* Adds value[h_x], the sum over the signs, at the lags of (h_z, h_y). */
static void bin_row(const job_t *job, part_t *p, int64_t h_z, int64_t h_y, const int64_t *value) {
  const int64_t count = volume_lags_row(job->lags, h_z, h_y, p->r, p->bin);
  double *sum = p->sum + volume_lags_offset(job->lags, h_z);
  const double half = h_y == 0 ? 0.5 : 1; /* lags 0 have one sign */
  if (count > 0) sum[p->bin[0]] += 0.5 * half * (double)value[0];
  if (count > 0 && h_z == 0 && h_y == 0) sum[0] += 0.5 * half * (double)value[0]; /* lag 0 twice */
  for (int64_t x = 1; x < count; x++) sum[p->bin[x]] += half * (double)value[x];
}

/* Adds the sum over y and x of the counts times g_y g_x to the lags with |h_z|. */
static void bin_plane(const job_t *job, part_t *p, int64_t h_z, const int32_t *counts) {
  const int64_t *n = job->lags->n, *m = job->lags->m, width = m[2] + 1;
  memset(p->column, 0, (size_t)n[2] * sizeof *p->column);
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t x = 0; x < n[2]; x++) p->column[x] += counts[y * n[2] + x];
  for (int64_t x = 0; x < n[2]; x++) p->prefix[x + 1] = p->prefix[x] + p->column[x];
  row_sums(n[2], width, p->prefix, p->high);
  memset(p->low, 0, (size_t)width * sizeof *p->low);
  bin_row(job, p, h_z, 0, p->high); /* g_y = 2 at h_y = 0: once here, once below */
  for (int64_t y = 0; y < n[1]; y++) {
    if (y <= m[1]) bin_row(job, p, h_z, y, p->high);
    if (y > 0 && n[1] - y <= m[1]) bin_row(job, p, h_z, n[1] - y, p->low);
    prefix_counts(n[2], counts + y * n[2], p->prefix);
    row_sums(n[2], width, p->prefix, p->row);
    for (int64_t h = 0; h < width; h++) p->low[h] += p->row[h];
    for (int64_t h = 0; h < width; h++) p->high[h] -= p->row[h];
  }
}

/* ---- all planes -------------------------------------------------------------------------------------- */

static void count_part(const job_t *job, part_t *p) {
  const int64_t plane = job->lags->n[1] * job->lags->n[2];
  for (int64_t z = p->z0; z < p->z1; z++)
    count_plane(plane, job->volume->phase + z * plane, job->label, p->before, p->behind);
}

static void bin_part(const job_t *job, part_t *p) {
  const int64_t plane = job->lags->n[1] * job->lags->n[2], m = job->lags->m[0];
  const int64_t n_z = job->lags->n[0], z0 = job->volume->grid.z0;
  for (int64_t z = z0 + p->z0; z < z0 + p->z1; z++) {
    if (z <= m) bin_plane(job, p, z, p->behind);
    if (z > 0 && n_z - z <= m) bin_plane(job, p, n_z - z, p->before);
    count_plane(plane, job->volume->phase + (z - z0) * plane, job->label, p->before, p->behind);
  }
}

/* From each part's own counts (in before) to those below its first plane, and from there upwards. total, base: planes. */
static int scan_parts(const job_t *job, int parts, part_t *part, int32_t *total, int32_t *base) {
  exset_ctx_t *ctx = job->ctx;
  const int64_t plane = job->lags->n[1] * job->lags->n[2], block = (int64_t)1 << 24;
  for (int t = 0; t < parts; t++)
    for (int64_t i = 0; i < plane; i++) total[i] += part[t].before[i];
  for (int64_t i = 0; i < plane; i += block) {
    const int count = (int)(plane - i < block ? plane - i : block);
    EXSET_TRY(
        EXSET_MPI(ctx, MPI_Exscan(total + i, base + i, count, MPI_INT32_T, MPI_SUM, ctx->comm)));
    EXSET_TRY(EXSET_MPI(
        ctx, MPI_Allreduce(MPI_IN_PLACE, total + i, count, MPI_INT32_T, MPI_SUM, ctx->comm)));
  }
  if (ctx->rank == 0)
    memset(base, 0, (size_t)plane * sizeof *base); /* left undefined by the scan */
  for (int t = 0; t < parts; t++)
    for (int64_t i = 0; i < plane; i++) {
      const int32_t own = part[t].before[i];
      part[t].before[i] = base[i];
      part[t].behind[i] = total[i] - base[i];
      base[i] += own;
    }
  return EXSET_OK;
}

static int run(const job_t *job, int parts, part_t *part, int32_t *total, int32_t *base,
               double *sum) {
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int t = 0; t < parts; t++) count_part(job, &part[t]);
  EXSET_TRY(scan_parts(job, parts, part, total, base));
#pragma omp parallel for num_threads(parts) schedule(static, 1)
  for (int t = 0; t < parts; t++) bin_part(job, &part[t]);
  const int64_t n_lags = job->lags->bins.n_r * job->lags->bins.n_z;
  for (int t = 0; t < parts; t++)
    for (int64_t i = 0; i < n_lags; i++) sum[i] += part[t].sum[i];
  return EXSET_OK;
}

/* Threads with planes. */
static int count_parts(const exset_ctx_t *ctx, const exset_volume_t *volume) {
  const int64_t planes = volume->grid.nz_local;
  return planes >= ctx->threads ? ctx->threads : planes > 0 ? (int)planes : 1;
}

double volume_box_bytes(const exset_ctx_t *ctx, const exset_volume_t *volume) {
  const double plane = (double)volume->grid.n[1] * (double)volume->grid.n[2];
  return 2 * (1 + count_parts(ctx, volume)) * plane * sizeof(int32_t);
}

int volume_box_pairs(exset_ctx_t *ctx, const volume_lags_t *lags, const exset_volume_t *volume,
                     int a, double *sum) {
  const job_t job = {ctx, lags, volume, (uint8_t)(a + 1)};
  const int64_t plane = lags->n[1] * lags->n[2], planes = volume->grid.nz_local;
  const int parts = count_parts(ctx, volume);
  part_t *part;
  int32_t *total = NULL;
  EXSET_TRY(exset_alloc_all(ctx, parts, sizeof *part, &part));
  int err = exset_alloc(ctx, 2 * plane, sizeof *total, &total);
  for (int t = 0; t < parts && !err; t++) {
    part[t].z0 = planes * t / parts;
    part[t].z1 = planes * (t + 1) / parts;
    err = part_init(&job, &part[t]);
  }
  err = exset_agree(ctx, err);
  if (!err) err = run(&job, parts, part, total, total + plane, sum);
  for (int t = 0; t < parts; t++) part_clear(&part[t]);
  free(part);
  free(total);
  return err;
}
