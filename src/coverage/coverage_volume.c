/*
 * Coverage functions of distributed volumes: one forward transform for each phase but the last (and
 * the window, where pairs with it are not known), one inverse for each pair of those; bins summed over the ranks.
 *
 * Periodic: correlations on the volume's own grid. Otherwise the volume is put into a grid padded by the
 * largest lag, so that nothing wraps round, and sums are divided by the number of pairs. The pairs of a
 * window without masked cells are a product of three lengths; those of a phase with the window need a transform
 * of the window, unless the volume is periodic.
 */
#include <stdlib.h>
#include <string.h>

#include "coverage_impl.h"
#include "exset/fft.h"
#include "exset/fft_serial.h"

typedef struct {
  exset_ctx_t *ctx;
  const exset_volume_t *volume;
  bool periodic, masked, window; /* window: its indicator is transformed */
  int n_phases, n_fft;
  int64_t m[3]; /* largest lags, cells */
  lagbins_t bins;
  uint8_t *moved; /* planes of the padded grid's slab that hold cells, or NULL: the volume's own */
  int64_t nz_filled;   /* their number */
  exset_fft_t *fft;    /* scratch: one indicator, then one correlation */
  float **spectrum;    /* [n_fft] */
  double *sum, *sum_r; /* [basis_pairs][n_lags], [n_lags]: as coverage_finish takes them */
} job_t;

static void job_clear(job_t *job) {
  exset_fft_destroy(&job->fft);
  for (int a = 0; job->spectrum && a < job->n_fft; a++) free(job->spectrum[a]);
  free(job->spectrum);
  free(job->moved);
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
  job->window = masked || !job->periodic;
  job->n_fft = job->n_phases - 1 + job->window;
  return EXSET_OK;
}

/* Bins, and the largest lag along each axis: half the box when periodic, the box less a cell otherwise. */
static void set_bins(job_t *job, double max_lag, exset_lags_t lags) {
  const double *voxel = job->volume->grid.voxel;
  const bool split = lags == EXSET_LAGS_RZ;
  const double width_xy = fmax(voxel[EXSET_AXIS_Y], voxel[EXSET_AXIS_X]);
  lagbins_t bins = {lags, 0, 1, split ? width_xy : fmax(width_xy, voxel[EXSET_AXIS_Z]),
                    split ? voxel[EXSET_AXIS_Z] : 0};
  bins.n_r = lagbin_count(max_lag, bins.width_r);
  if (split) bins.n_z = lagbin_count(max_lag, bins.width_z);
  job->bins = bins;
  for (int a = 0; a < 3; a++) {
    const int64_t n = job->volume->grid.n[a], most = job->periodic ? n / 2 : n - 1;
    const bool along_z = split && a == EXSET_AXIS_Z;
    job->m[a] = along_z ? bins.n_z - 1 : lagbin_reach(&bins, voxel[a]);
    if (job->m[a] > most) job->m[a] = most;
  }
}

/* The volume's planes as the padded grid is cut. */
static int move_to_padded(job_t *job) {
  const exset_grid_t *grid = &job->volume->grid;
  const exset_fft_layout_t *shape = exset_fft_shape(job->fft);
  const int64_t plane = grid->n[1] * grid->n[2];
  const int64_t end =
      shape->z0 + shape->nz_local < grid->n[0] ? shape->z0 + shape->nz_local : grid->n[0];
  job->nz_filled = end > shape->z0 ? end - shape->z0 : 0;
  EXSET_TRY(exset_alloc_all(job->ctx, job->nz_filled * plane, 1, &job->moved));
  const exset_planes_t from = {job->volume->phase, grid->z0, grid->nz_local, grid->n[2], plane};
  exset_planes_t to = {job->moved, shape->z0, job->nz_filled, grid->n[2], plane};
  return exset_grid_move_planes(job->ctx, &from, &to, grid->n[1], grid->n[2]);
}

static void transform_size(const job_t *job, int64_t size[3]) {
  for (int a = 0; a < 3; a++) {
    const int64_t n = job->volume->grid.n[a];
    size[a] = job->periodic ? n : exset_fft_good_size(n + job->m[a]);
  }
}

static int set_transforms(job_t *job) {
  int64_t size[3];
  transform_size(job, size);
  EXSET_TRY(exset_fft_create(
      job->ctx, size, EXSET_FFT_FORWARD | EXSET_FFT_BACKWARD | EXSET_FFT_TRANSPOSED, &job->fft));
  const exset_fft_layout_t *shape = exset_fft_shape(job->fft);
  int err = exset_alloc(job->ctx, job->n_fft, sizeof *job->spectrum, &job->spectrum);
  for (int a = 0; a < job->n_fft && !err; a++)
    err = exset_alloc(job->ctx, shape->buffer_bytes, 1, &job->spectrum[a]);
  const int64_t n_lags = job->bins.n_r * job->bins.n_z;
  if (!err)
    err = exset_alloc(job->ctx, (basis_pairs(job->n_phases) + 1) * n_lags, sizeof *job->sum,
                      &job->sum);
  EXSET_TRY(exset_agree(job->ctx, err));
  job->sum_r = job->sum + basis_pairs(job->n_phases) * n_lags;
  job->nz_filled = job->volume->grid.nz_local;
  return job->periodic ? EXSET_OK : move_to_padded(job);
}

/* ---- transforms ---------------------------------------------------------------------------------- */

/* Indicator a (n_phases - 1: the window) to its spectrum. */
static void transform_set(job_t *job, int a) {
  const exset_fft_layout_t *shape = exset_fft_shape(job->fft);
  const int64_t *n = job->volume->grid.n;
  const uint8_t *phase = job->moved ? job->moved : job->volume->phase;
  float *data = exset_fft_data(job->fft);
  memset(data, 0, (size_t)shape->buffer_bytes);
  for (int64_t z = 0; z < job->nz_filled; z++)
    for (int64_t y = 0; y < n[1]; y++) {
      const uint8_t *in = phase + (z * n[1] + y) * n[2];
      float *out = data + (z * shape->n[1] + y) * shape->row;
      if (a < job->n_phases - 1)
        for (int64_t x = 0; x < n[2]; x++) out[x] = in[x] == a + 1;
      else
        for (int64_t x = 0; x < n[2]; x++) out[x] = in[x] != 0;
    }
  exset_fft_forward(job->fft);
  memcpy(job->spectrum[a], data, (size_t)shape->buffer_bytes);
}

/* Symmetrised correlation of sets a and b into the scratch buffer: [nz_local][n_y][row]. */
static void correlate(job_t *job, int a, int b) {
  const exset_fft_layout_t *shape = exset_fft_shape(job->fft);
  const int64_t modes = shape->ny_local * shape->n[0] * shape->modes_x;
  const float *u = job->spectrum[a], *v = job->spectrum[b];
  float *out = exset_fft_data(job->fft);
  for (int64_t k = 0; k < 2 * modes; k += 2) { /* even part of conj(u) v: real */
    out[k] = u[k] * v[k] + u[k + 1] * v[k + 1];
    out[k + 1] = 0;
  }
  exset_fft_backward(job->fft);
}

/* ---- bins ---------------------------------------------------------------------------------------- */

/*
 * Call for each row of lags of this rank within reach: h_x from -m to m, with the bins of |h_x| = 0 .. m
 * (-1: beyond) and the scratch row. Both h and -h occur, so sums come out as those of S_ab over one half;
 * lag 0 occurs once and counts twice.
 */
typedef void (*row_visit_t)(job_t *job, const int64_t h[2], const int64_t *bin, const double *r,
                            const float *row, double *sum);

/* Lag of index i on an axis of n, or false when it exceeds m; index n/2 of a periodic axis is lag n/2. */
static bool lag_of(int64_t i, int64_t n, int64_t m, int64_t *h) {
  *h = 2 * i <= n ? i : i - n;
  return llabs(*h) <= m;
}

static void visit_rows(job_t *job, row_visit_t visit, int64_t *bin, double *r, double *sum) {
  const exset_fft_layout_t *shape = exset_fft_shape(job->fft);
  const double *voxel = job->volume->grid.voxel;
  const lagbins_t *bins = &job->bins;
  const bool split = bins->n_z > 1;
  for (int64_t z = 0; z < shape->nz_local; z++) {
    int64_t h[2];
    if (!lag_of(shape->z0 + z, shape->n[0], job->m[0], &h[0])) continue;
    for (int64_t y = 0; y < shape->n[1]; y++) {
      if (!lag_of(y, shape->n[1], job->m[1], &h[1])) continue;
      const double h_y = (double)h[1] * voxel[1], h_z = split ? 0 : (double)h[0] * voxel[0];
      for (int64_t x = 0; x <= job->m[2]; x++) {
        const double h_x = (double)x * voxel[2];
        r[x] = sqrt(h_x * h_x + h_y * h_y + h_z * h_z);
        bin[x] = lagbin_r(bins, r[x]);
        if (bin[x] >= bins->n_r) bin[x] = -1;
        else if (split) bin[x] += llabs(h[0]) * bins->n_r;
      }
      const float *row = exset_fft_data(job->fft) + (z * shape->n[1] + y) * shape->row;
      visit(job, h, bin, r, row, sum);
    }
  }
}

/* Times a lag h_x >= 0 occurs as +h_x and -h_x on the grid; lag 0 of all axes counts twice. */
static double times(const job_t *job, const int64_t h[2], int64_t x) {
  if (x == 0) return h[0] == 0 && h[1] == 0 ? 2 : 1;
  return job->periodic && 2 * x == job->volume->grid.n[2] ? 1 : 2;
}

/* The correlation is a count, or half of one: rounding undoes the transform's as long as that is below
 * 1/4 (volumes up to some 10^5 cells), and does no harm beyond. Exact halves for |value| < 2^50. */
static double to_half(double value) {
  const double magic = 0x1.8p51;
  return (value + magic) - magic;
}

static double grid_scale(const job_t *job) {
  const int64_t *n = exset_fft_shape(job->fft)->n;
  return 1.0 / (double)n[0] / (double)n[1] / (double)n[2];
}

static void add_correlation(job_t *job, const int64_t h[2], const int64_t *bin, const double *r,
                            const float *row, double *sum) {
  (void)r;
  const int64_t n_x = exset_fft_shape(job->fft)->n[2];
  const double scale = grid_scale(job);
  for (int64_t x = 0; x <= job->m[2]; x++) {
    if (bin[x] < 0) continue;
    const double times_x = times(job, h, x), value = to_half((double)row[x] * scale);
    if (times_x == 2 && x > 0) sum[bin[x]] += value + to_half((double)row[n_x - x] * scale);
    else sum[bin[x]] += times_x * value;
  }
}

/* Pairs of an unmasked window, exactly. */
static double window_pairs(const job_t *job, const int64_t h[2], int64_t x) {
  const int64_t *n = job->volume->grid.n;
  if (job->periodic) return (double)n[0] * (double)n[1] * (double)n[2];
  return (double)(n[0] - llabs(h[0])) * (double)(n[1] - llabs(h[1])) * (double)(n[2] - x);
}

static void add_window(job_t *job, const int64_t h[2], const int64_t *bin, const double *r,
                       const float *row, double *sum) {
  const double scale = grid_scale(job);
  for (int64_t x = 0; x <= job->m[2]; x++) {
    if (bin[x] < 0) continue;
    const double pairs = job->masked ? to_half((double)row[x] * scale) : window_pairs(job, h, x);
    sum[bin[x]] += times(job, h, x) * pairs;
    job->sum_r[bin[x]] += times(job, h, x) * pairs * r[x];
  }
}

static int bin_all(job_t *job) {
  const int n = job->n_phases, last = n - 1;
  const int64_t n_lags = job->bins.n_r * job->bins.n_z;
  int64_t *bin = NULL;
  double *r = NULL;
  int err = exset_alloc(job->ctx, job->m[2] + 1, sizeof *bin, &bin);
  if (!err) err = exset_alloc(job->ctx, job->m[2] + 1, sizeof *r, &r);
  EXSET_TRY_GOTO(err, done, exset_agree(job->ctx, err));
  for (int a = 0; a < n; a++)
    for (int b = a; b < n; b++) {
      double *sum = job->sum + basis_pair(n, a, b) * n_lags;
      if (a == last) {
        if (job->masked) correlate(job, last, last);
        visit_rows(job, add_window, bin, r, sum);
      } else if (b < last || job->window) {
        correlate(job, a, b);
        visit_rows(job, add_correlation, bin, r, sum);
      }
    }
done:
  free(bin);
  free(r);
  return err;
}

/* Periodic without masked cells: every cell of a phase has a partner at every lag. */
static int fill_periodic_window(job_t *job) {
  const int n = job->n_phases;
  const int64_t n_lags = job->bins.n_r * job->bins.n_z;
  double fraction[EXSET_MAX_PHASES];
  EXSET_TRY(exset_volume_fractions(job->ctx, job->volume, fraction));
  const double *window = job->sum + basis_pair(n, n - 1, n - 1) * n_lags;
  for (int a = 0; a < n - 1; a++)
    for (int64_t i = 0; i < n_lags; i++)
      job->sum[basis_pair(n, a, n - 1) * n_lags + i] = fraction[a] * window[i];
  return EXSET_OK;
}

static int run(job_t *job) {
  EXSET_TRY(set_transforms(job));
  for (int a = 0; a < job->n_fft; a++) transform_set(job, a);
  EXSET_TRY(bin_all(job));
  const int64_t count = (basis_pairs(job->n_phases) + 1) * job->bins.n_r * job->bins.n_z;
  for (int64_t i = 0, block = 1 << 24; i < count; i += block)
    EXSET_TRY(EXSET_MPI(job->ctx, MPI_Allreduce(MPI_IN_PLACE, job->sum + i,
                                                (int)(count - i < block ? count - i : block),
                                                MPI_DOUBLE, MPI_SUM, job->ctx->comm)));
  return job->window ? EXSET_OK : fill_periodic_window(job);
}

int exset_coverage_volume(exset_ctx_t *ctx, const exset_volume_t *volume, bool periodic,
                          double max_lag, exset_lags_t lags, exset_coverage_t *coverage) {
  memset(coverage, 0, sizeof *coverage);
  job_t job = {.ctx = ctx, .volume = volume, .periodic = periodic, .n_phases = volume->n_phases};
  EXSET_TRY(find_masked(&job));
  set_bins(&job, max_lag, lags);
  int err = run(&job);
  if (!err) err = exset_agree(ctx, coverage_init(ctx, job.n_phases, &job.bins, coverage));
  if (!err) coverage_finish(&job.bins, job.sum, job.sum_r, coverage);
  job_clear(&job);
  return err;
}

int exset_coverage_volume_plan(exset_ctx_t *ctx, const exset_volume_t *volume, bool periodic,
                               double max_lag, exset_lags_t lags, exset_coverage_plan_t *plan) {
  job_t job = {.ctx = ctx, .volume = volume, .periodic = periodic, .n_phases = volume->n_phases};
  exset_fft_layout_t layout;
  EXSET_TRY(find_masked(&job));
  set_bins(&job, max_lag, lags);
  *plan = (exset_coverage_plan_t){{0}, 1, 0};
  transform_size(&job, plan->size);
  EXSET_TRY(exset_fft_layout(ctx, plan->size, &layout));
  const double cells = (double)volume->grid.n[1] * (double)volume->grid.n[2];
  plan->bytes = (double)layout.buffer_bytes * (job.n_fft + 1) +
                (periodic ? 0 : cells * (double)layout.nz_local);
  return EXSET_MPI(ctx,
                   MPI_Allreduce(MPI_IN_PLACE, &plan->bytes, 1, MPI_DOUBLE, MPI_MAX, ctx->comm));
}
