/*
 * Coverage functions of distributed volumes from autocorrelations of sets of phases: one at a time is analysed, and the
 * squares of its modes go straight into the synthesis of its autocorrelation, whose rows are binned while they are in
 * the cache. With A_s(h) the autocorrelation of set s (even in h), S_ab(h) = N_ab(h) + N_ab(-h) is
 *   S_aa = 2 A_a,   S_ab = A_{a or b} - A_a - A_b,   S_aw = A_w + A_a - A_{w less a}.
 * So one analysis is held, and no more transforms are synthesised than there are pairs.
 *
 * Periodic: on the volume's own grid. Otherwise on a grid padded by the largest lag, so that nothing wraps round, and
 * sums are divided by the number of pairs. Only planes and rows that hold cells are analysed, only those of the lags
 * h_z >= 0 are synthesised. Pairs with a window w without masked cells are counted (coverage_lags.c, coverage_box.c).
 */
#include <stdlib.h>
#include <string.h>

#include "coverage_impl.h"
#include "exset/fft_serial.h"
#include "exset/simd.h"
#include "exset/transform.h"

/* Cells of labels p or q; rest: all others (masked ones have label 0). */
typedef struct {
  uint8_t p, q;
  bool rest;
} set_t;

/* One thread's sums and a row of lags. */
typedef struct {
  int64_t cells;     /* of the set */
  double *sum;       /* [n_lags], or with sums of r [2][n_lags] */
  double *r, *value; /* [m_x + 1] */
  int32_t *bin;      /* [m_x + 1] */
} __attribute__((aligned(64))) worker_t;

typedef struct {
  exset_ctx_t *ctx;
  const exset_volume_t *volume;
  int n_phases;
  bool masked;
  volume_lags_t lags;
  int64_t size[3]; /* of the transforms */
  double scale;    /* one over its cells */
  exset_transform_t *analysis, *synthesis;
  worker_t *worker;
  set_t set;           /* the present one */
  int64_t cells;       /* in it */
  double mean;         /* of its autocorrelation, over the transform's grid */
  bool add_r;          /* sums of r are wanted */
  double *sum, *sum_r; /* [basis_pairs][n_lags], [n_lags]: as coverage_finish takes them */
} job_t;

static int64_t count_lags(const job_t *job) {
  return job->lags.bins.n_r * job->lags.bins.n_z;
}

static void job_clear(job_t *job) {
  exset_transform_destroy(&job->analysis);
  exset_transform_destroy(&job->synthesis);
  for (int t = 0; job->worker && t < job->ctx->threads; t++) {
    free(job->worker[t].sum);
    free(job->worker[t].r);
    free(job->worker[t].value);
    free(job->worker[t].bin);
  }
  free(job->worker);
  free(job->sum);
}

/* ---- set-up -------------------------------------------------------------------------------------- */

static int find_masked(job_t *job) {
  int masked = 0;
  const int64_t cells = exset_grid_cells_local(&job->volume->grid);
  if (cells > 0) masked = memchr(job->volume->phase, 0, (size_t)cells) != NULL;
  EXSET_TRY(EXSET_MPI(job->ctx,
                      MPI_Allreduce(MPI_IN_PLACE, &masked, 1, MPI_INT, MPI_MAX, job->ctx->comm)));
  job->masked = masked;
  return EXSET_OK;
}

static int job_init(exset_ctx_t *ctx, const exset_volume_t *volume, bool periodic, double max_lag,
                    exset_lags_t lags, job_t *job) {
  memset(job, 0, sizeof *job);
  job->ctx = ctx;
  job->volume = volume;
  job->n_phases = volume->n_phases;
  job->lags = volume_lags(&volume->grid, periodic, max_lag, lags);
  for (int a = 0; a < 3; a++) {
    const int64_t n = volume->grid.n[a];
    job->size[a] = periodic ? n : exset_fft_good_size(n + job->lags.m[a]);
  }
  job->scale = 1.0 / (double)job->size[0] / (double)job->size[1] / (double)job->size[2];
  return find_masked(job);
}

/* Slabs, so that rows lie where the volume's do and columns where those of the other transform do. */
static exset_transform_options_t analysis_options(const job_t *job) {
  exset_transform_options_t o = {.grid = {job->ctx->size, 1}};
  memcpy(o.n, job->size, sizeof o.n);
  o.planes = job->lags.n[EXSET_AXIS_Z];
  o.rows[0] = job->lags.n[EXSET_AXIS_Y];
  return o;
}

/* Lags h_z = 0 .. m_z and h_y = -m_y .. m_y. */
static exset_transform_options_t synthesis_options(const job_t *job) {
  exset_transform_options_t o = {.grid = {job->ctx->size, 1}};
  memcpy(o.n, job->size, sizeof o.n);
  o.planes = job->lags.m[EXSET_AXIS_Z] + 1;
  o.rows[0] = job->lags.m[EXSET_AXIS_Y] + 1;
  o.rows[1] = o.rows[0] - 1;
  if (o.rows[0] + o.rows[1] > job->size[EXSET_AXIS_Y]) /* half a period is one lag */
    o.rows[1] = job->size[EXSET_AXIS_Y] - o.rows[0];
  return o;
}

static int set_workers(job_t *job) {
  const int64_t width = job->lags.m[EXSET_AXIS_X] + 1;
  EXSET_TRY(exset_alloc(job->ctx, job->ctx->threads, sizeof *job->worker, &job->worker));
  for (int t = 0; t < job->ctx->threads; t++) {
    worker_t *w = &job->worker[t];
    EXSET_TRY(exset_alloc(job->ctx, (1 + job->masked) * count_lags(job), sizeof *w->sum, &w->sum));
    EXSET_TRY(exset_alloc(job->ctx, width, sizeof *w->r, &w->r));
    EXSET_TRY(exset_alloc(job->ctx, width, sizeof *w->value, &w->value));
    EXSET_TRY(exset_alloc(job->ctx, width, sizeof *w->bin, &w->bin));
  }
  return EXSET_OK;
}

static int set_up(job_t *job) {
  const int64_t pairs = basis_pairs(job->n_phases), n_lags = count_lags(job);
  int err = set_workers(job);
  if (!err) err = exset_alloc(job->ctx, (pairs + 1) * n_lags, sizeof *job->sum, &job->sum);
  EXSET_TRY(exset_agree(job->ctx, err));
  job->sum_r = job->sum + pairs * n_lags;
  const exset_transform_options_t analysis = analysis_options(job),
                                  synthesis = synthesis_options(job);
  EXSET_TRY(exset_transform_create(job->ctx, &analysis, &job->analysis));
  return exset_transform_create(job->ctx, &synthesis, &job->synthesis);
}

/* ---- transforms ---------------------------------------------------------------------------------- */

/* The indicator of a set; returns its number of cells. */
EXSET_CLONES static int32_t indicator(int64_t n, const uint8_t *label, const set_t *set,
                                      float *out) {
  const uint8_t p = set->p, q = set->q, rest = set->rest;
  int32_t cells = 0;
  for (int64_t x = 0; x < n; x++) {
    const int32_t inside = (label[x] == p || label[x] == q) ^ rest;
    cells += inside;
    out[x] = (float)inside;
  }
  return cells;
}

static void give_rows(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                      int64_t stride) {
  job_t *job = user;
  const int64_t *n = job->lags.n, padding = job->size[EXSET_AXIS_X] - n[2];
  const uint8_t *label = job->volume->phase + ((z - job->volume->grid.z0) * n[1] + y) * n[2];
  for (int64_t i = 0; i < count; i++) {
    job->worker[thread].cells += indicator(n[2], label + i * n[2], &job->set, row + i * stride);
    memset(row + i * stride + n[2], 0, (size_t)padding * sizeof *row);
  }
}

EXSET_CLONES static void square(int64_t n, float *mode) {
  for (int64_t k = 0; k < 2 * n; k += 2) {
    mode[k] = mode[k] * mode[k] + mode[k + 1] * mode[k + 1];
    mode[k + 1] = 0;
  }
}

/* |F|^2. The mean, larger than all the rest, is added to the sums in double precision instead. */
static void fill_columns(void *user, int thread, int64_t ky, int64_t kx, int64_t count,
                         float *column, int64_t stride) {
  job_t *job = user;
  exset_transform_columns(job->analysis, thread, ky, kx, count, column);
  for (int64_t j = 0; j < count; j++) square(job->size[EXSET_AXIS_Z], column + j * stride);
  if (ky == 0 && kx == 0) column[0] = 0;
}

/* ---- bins ---------------------------------------------------------------------------------------- */

/* An autocorrelation is a count: rounding undoes the transform's errors as long as they are below 1/2 (volumes up
 * to some 10^6 cells), and does no harm beyond. For |value| < 2^51. */
EXSET_INLINE double to_count(double value) {
  const double magic = 0x1.8p52;
  return (value + magic) - magic;
}

/* value[x] = times the sum of the counts at h_x = x and -x; near: row from 0, far: from the row's end. */
EXSET_CLONES static void fold(int64_t count, const float *near, const float *far, double scale,
                              double mean, double times, double *value) {
  value[0] = times * to_count((double)near[0] * scale + mean);
  for (int64_t x = 1; x < count; x++)
    value[x] = times * (to_count((double)near[x] * scale + mean) +
                        to_count((double)far[-x] * scale + mean));
}

/* Both h and -h count, lag 0 (the number of cells) twice, so that sums are those of S over one half of the lags. */
static void add_row(const job_t *job, worker_t *w, int64_t h_z, int64_t h_y, const float *row) {
  const volume_lags_t *lags = &job->lags;
  const int64_t n_x = job->size[EXSET_AXIS_X];
  const int64_t count = volume_lags_row(lags, h_z, h_y, w->r, w->bin);
  if (count == 0) return;
  const double times = volume_lags_signs(lags, EXSET_AXIS_Z, h_z);
  fold(count, row, row + n_x, job->scale, job->mean, times, w->value);
  if (volume_lags_signs(lags, EXSET_AXIS_X, count - 1) == 1 && count > 1) w->value[count - 1] /= 2;
  if (h_z == 0 && h_y == 0) w->value[0] = 2 * (double)job->cells;
  double *sum = w->sum + volume_lags_offset(lags, h_z);
  for (int64_t x = 0; x < count; x++) sum[w->bin[x]] += w->value[x];
  if (!job->add_r) return;
  sum += count_lags(job);
  for (int64_t x = 0; x < count; x++) sum[w->bin[x]] += w->value[x] * w->r[x];
}

static void take_rows(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                      int64_t stride) {
  const job_t *job = user;
  const int64_t n_y = job->size[EXSET_AXIS_Y];
  for (int64_t i = 0; i < count; i++) {
    const int64_t h_y = 2 * (y + i) <= n_y ? y + i : n_y - y - i;
    add_row(job, &job->worker[thread], z, h_y, row + i * stride);
  }
}

/* Adds up the threads' sums, and clears them. */
static void collect(job_t *job, double *sum) {
  const int64_t n_lags = count_lags(job);
  for (int t = 0; t < job->ctx->threads; t++) {
    double *own = job->worker[t].sum;
    for (int64_t i = 0; i < n_lags; i++) sum[i] += own[i];
    for (int64_t i = 0; i < n_lags && job->add_r; i++) job->sum_r[i] += own[n_lags + i];
    memset(own, 0, (size_t)((1 + job->masked) * n_lags) * sizeof *own);
  }
}

/* ---- sets ---------------------------------------------------------------------------------------- */

/* Sums of this rank for 2 A of a set. */
static int add_set(job_t *job, set_t set, double *sum) {
  job->set = set;
  job->add_r = set.rest && set.p == set.q;
  for (int t = 0; t < job->ctx->threads; t++) job->worker[t].cells = 0;
  EXSET_TRY(exset_transform_analysis(job->ctx, job->analysis, give_rows, job, NULL));
  job->cells = 0;
  for (int t = 0; t < job->ctx->threads; t++) job->cells += job->worker[t].cells;
  EXSET_TRY(EXSET_MPI(
      job->ctx, MPI_Allreduce(MPI_IN_PLACE, &job->cells, 1, MPI_INT64_T, MPI_SUM, job->ctx->comm)));
  job->mean = (double)job->cells * (double)job->cells * job->scale;
  EXSET_TRY(
      exset_transform_synthesis(job->ctx, job->synthesis, fill_columns, take_rows, job, NULL));
  collect(job, sum);
  return EXSET_OK;
}

/* Sets in the places of the pairs that they give: a alone, a or b, w less a, w. */
static int add_sets(job_t *job) {
  const int n = job->n_phases, last = n - 1;
  for (int a = 0; a < n; a++)
    for (int b = a; b < n; b++) {
      set_t set = {(uint8_t)(a + 1), (uint8_t)(b + 1), false};
      if (b == last) set = (set_t){a < last ? (uint8_t)(a + 1) : 0, 0, true};
      double *sum = job->sum + basis_pair(n, a, b) * count_lags(job);
      if (b < last || job->masked) EXSET_TRY(add_set(job, set, sum));
    }
  exset_transform_destroy(&job->analysis); /* for their memory */
  exset_transform_destroy(&job->synthesis);
  return EXSET_OK;
}

/* Pairs of the phases with a window without masked cells, if they are not the same for all lags. */
static int add_boxes(job_t *job) {
  const int last = job->n_phases - 1;
  for (int a = 0; a < last && !job->masked && !job->lags.periodic; a++)
    EXSET_TRY(volume_box_pairs(job->ctx, &job->lags, job->volume, a,
                               job->sum + basis_pair(last + 1, a, last) * count_lags(job)));
  return EXSET_OK;
}

static int sum_ranks(job_t *job) {
  const int64_t n = (basis_pairs(job->n_phases) + 1) * count_lags(job), block = 1 << 24;
  for (int64_t i = 0; i < n; i += block)
    EXSET_TRY(EXSET_MPI(
        job->ctx, MPI_Allreduce(MPI_IN_PLACE, job->sum + i, (int)(n - i < block ? n - i : block),
                                MPI_DOUBLE, MPI_SUM, job->ctx->comm)));
  return EXSET_OK;
}

/* From autocorrelations to S: c = (c - a - b) / 2. */
static void take_parts(int64_t n_lags, const double *a, const double *b, double *c) {
  for (int64_t i = 0; i < n_lags; i++) c[i] = (c[i] - a[i] - b[i]) / 2;
}

static void separate(job_t *job) {
  const int n = job->n_phases, last = n - 1;
  const int64_t n_lags = count_lags(job);
  double *window = job->sum + basis_pair(n, last, last) * n_lags;
  for (int a = 0; a < last; a++) {
    double *own = job->sum + basis_pair(n, a, a) * n_lags;
    for (int b = a + 1; b < last; b++)
      take_parts(n_lags, own, job->sum + basis_pair(n, b, b) * n_lags,
                 job->sum + basis_pair(n, a, b) * n_lags);
    double *rest = job->sum + basis_pair(n, a, last) * n_lags;
    for (int64_t i = 0; i < n_lags && job->masked; i++)
      rest[i] = (window[i] + own[i] - rest[i]) / 2;
  }
}

/* Periodic without masked cells: every cell of a phase has a partner at every lag. */
static void fill_periodic_window(job_t *job) {
  const int n = job->n_phases;
  const int64_t n_lags = count_lags(job), *size = job->lags.n;
  const double cells = (double)size[0] * (double)size[1] * (double)size[2];
  const double *window = job->sum + basis_pair(n, n - 1, n - 1) * n_lags;
  for (int a = 0; a < n - 1; a++) {
    const double own = job->sum[basis_pair(n, a, a) * n_lags] / 2; /* at lag 0 */
    for (int64_t i = 0; i < n_lags; i++)
      job->sum[basis_pair(n, a, n - 1) * n_lags + i] = own * (window[i] / cells);
  }
}

static int run(job_t *job) {
  const int n = job->n_phases;
  EXSET_TRY(set_up(job));
  EXSET_TRY(add_sets(job));
  EXSET_TRY(add_boxes(job));
  EXSET_TRY(sum_ranks(job));
  separate(job);
  if (job->masked) return EXSET_OK;
  EXSET_TRY(volume_window_pairs(
      job->ctx, &job->lags, job->sum + basis_pair(n, n - 1, n - 1) * count_lags(job), job->sum_r));
  if (job->lags.periodic) fill_periodic_window(job);
  return EXSET_OK;
}

int exset_coverage_volume(exset_ctx_t *ctx, const exset_volume_t *volume, bool periodic,
                          double max_lag, exset_lags_t lags, exset_coverage_t *coverage) {
  memset(coverage, 0, sizeof *coverage);
  job_t job;
  EXSET_TRY(job_init(ctx, volume, periodic, max_lag, lags, &job));
  int err = run(&job);
  if (!err) err = exset_agree(ctx, coverage_init(ctx, job.n_phases, &job.lags.bins, coverage));
  if (!err) coverage_finish(&job.lags.bins, job.sum, job.sum_r, coverage);
  job_clear(&job);
  return err;
}

/* Bytes of this rank: transforms, then counts of the box; sums and results. */
static int count_bytes(const job_t *job, double *bytes) {
  exset_ctx_t *ctx = job->ctx;
  const exset_transform_options_t options[2] = {analysis_options(job), synthesis_options(job)};
  double transforms = 0;
  for (int i = 0; i < 2; i++) {
    exset_transform_layout_t layout;
    EXSET_TRY(exset_agree(ctx, exset_transform_layout(ctx, &options[i], &layout)));
    transforms += (double)(layout.buffer_bytes + layout.scratch_bytes);
  }
  const bool counts = !job->masked && !job->lags.periodic;
  const double box = counts ? volume_box_bytes(ctx, job->volume) : 0;
  const int64_t phases = job->n_phases, result = phases * phases + 3;
  const int64_t sums = basis_pairs(job->n_phases) + 1 + ctx->threads * (1 + job->masked) + result;
  *bytes = fmax(transforms, box) + (double)sums * (double)count_lags(job) * sizeof(double);
  return EXSET_OK;
}

int exset_coverage_volume_plan(exset_ctx_t *ctx, const exset_volume_t *volume, bool periodic,
                               double max_lag, exset_lags_t lags, exset_coverage_plan_t *plan) {
  job_t job;
  double bytes;
  EXSET_TRY(job_init(ctx, volume, periodic, max_lag, lags, &job));
  EXSET_TRY(count_bytes(&job, &bytes));
  *plan = (exset_coverage_plan_t){{0}, 1, bytes, bytes / (double)exset_grid_cells(&volume->grid)};
  memcpy(plan->size, job.size, sizeof plan->size);
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &plan->bytes, 1, MPI_DOUBLE, MPI_MAX, ctx->comm)));
  return EXSET_MPI(
      ctx, MPI_Allreduce(MPI_IN_PLACE, &plan->voxel_bytes, 1, MPI_DOUBLE, MPI_SUM, ctx->comm));
}
