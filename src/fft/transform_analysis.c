/* Rows to modes, group by group: synthesis backwards. */
#include "transform_impl.h"

#include <string.h>

typedef struct {
  exset_transform_t *t;
  exset_rows_fn give;
  void *user;
  exchange_t column, row;
} run_t;

/* ---- rows to columns along y --------------------------------------------------------------------------- */

/* Rows `row` and, if there are two, row + 1 of this rank, to the blocks of k_x. */
static void start_pair(const exset_transform_t *t, const worker_t *w, group_t group, int64_t of,
                       int64_t row, bool two, const float *in, complex_t *to) {
  const int64_t n_x = t->l.n[EXSET_AXIS_X];
  complex_t *spare = w->tile[0] + t->distance; /* for the row that is not there */
  transform_join(n_x, in, two ? in + transform_row_stride(t) : NULL, w->tile[0]);
  fftwf_execute_dft(t->forward[EXSET_AXIS_X], w->tile[0], w->tile[1]);
  for (int q = 0; q < t->l.q; q++) {
    complex_t *a = to + transform_row_place(t, q, group, of, row);
    transform_unpair(n_x, transform_kx0(&t->block, q), transform_kx_count(&t->block, q), w->tile[1],
                     a, two ? a + t->block.lead : spare);
  }
}

static void give_run(const run_t *run, int thread, group_t group, int64_t of, row_run_t r,
                     complex_t *to) {
  const exset_transform_t *t = run->t;
  worker_t *w = &t->worker[thread];
  float *row = transform_rows(t, w);
  const double start = MPI_Wtime();
  run->give(run->user, thread, t->l.z0 + group.first + of, r.y, r.n, row, transform_row_stride(t));
  w->rows += MPI_Wtime() - start;
  for (int64_t i = 0, n; i < r.n; i += n) {
    n = transform_rows_at_once(r.entry + i, r.n - i);
    start_pair(t, w, group, of, r.entry - t->l.row0 + i, n == 2, row + i * transform_row_stride(t),
               to);
  }
}

static void give_batch(const run_t *run, int thread, group_t group, int64_t of, int64_t batch,
                       complex_t *to) {
  const exset_transform_t *t = run->t;
  if (group.first + of >= t->l.nz_local) return;
  const int64_t begin = batch * EXSET_TILE;
  const int64_t end = t->l.row0 + transform_min(begin + EXSET_TILE, t->l.rows_local);
  row_run_t r;
  for (int64_t entry = t->l.row0 + begin; entry < end; entry += r.n) {
    r = transform_row_run(t, entry, end);
    give_run(run, thread, group, of, r, to);
  }
}

/* ---- columns along y to k_y ---------------------------------------------------------------------------- */

/* Columns along y of a tile into tile 0; rows that are not held are 0. */
static void gather_rows(const exset_transform_t *t, const worker_t *w, tile_t tile, group_t group,
                        int64_t of, const complex_t *from) {
  const int64_t *rows = t->l.rows, all = rows[0] + rows[1], n_y = t->l.n[EXSET_AXIS_Y];
  const int64_t gap = n_y - all;
  for (int64_t j = 0; gap > 0 && j < tile.n; j++)
    memset(w->tile[0] + j * t->distance + rows[0], 0, (size_t)gap * sizeof(complex_t));
  row_run_t r;
  for (int64_t entry = 0; entry < all; entry += r.n) {
    r = transform_row_run(t, entry, all);
    const int q = (int)(entry / t->block.y);
    const int64_t place = transform_row_place(t, q, group, of, entry - q * t->block.y);
    transform_gather_lines(tile.n, t->distance, r.n, t->block.lead, from + place + tile.kx,
                           w->tile[0] + r.y);
  }
}

/* Plane `of` of the group: from rows to the blocks of k_y. */
static void rows_to_modes(const exset_transform_t *t, const worker_t *w, group_t group, int64_t of,
                          tile_t tile, const complex_t *from, complex_t *to) {
  if (group.first + of >= t->l.nz_local) return;
  const int64_t n_y = t->l.n[EXSET_AXIS_Y], width = t->width, slots = t->block.slots;
  gather_rows(t, w, tile, group, of, from);
  transform_columns(t, w, t->forward[EXSET_AXIS_Y], tile.n);
  for (int p = 0; p < t->l.p; p++)
    transform_scatter_every(tile.n, t->distance, w->tile[1], p, t->l.p, n_y, width,
                            to + (p * group.n + of) * slots * width + tile.kx);
}

static void give_group(run_t *run, group_t group, complex_t *to) {
  const int64_t batches = transform_batches(run->t);
#pragma omp parallel for schedule(dynamic) num_threads(run->t->threads)
  for (int64_t i = 0; i < group.n * batches; i++) {
    const int thread = exset_thread();
    give_batch(run, thread, group, i / batches, i % batches, to);
    if (thread == 0) transform_exchange_progress(&run->row);
    if (thread == 0) transform_exchange_progress(&run->column);
  }
}

/* Planes whose rows are complete: transform along y, and send off. */
static void send_group(run_t *run, group_t group, int turn, const complex_t *from) {
  const exset_transform_t *t = run->t;
  const int64_t tiles = transform_tiles(t), block = t->block.slots * t->width;
  complex_t *stay = t->buffer + group.first * t->l.p * block;
  complex_t *to = t->l.p > 1 ? t->column_plane[turn] : stay;
#pragma omp parallel for schedule(dynamic) num_threads(t->threads)
  for (int64_t i = 0; i < group.n * tiles; i++) {
    const int thread = exset_thread();
    rows_to_modes(t, &t->worker[thread], group, i / tiles, transform_tile(t, i % tiles), from, to);
    if (thread == 0) transform_exchange_progress(&run->column);
  }
  if (t->l.p > 1) transform_exchange(&run->column, group.n * block, to, stay);
}

/* With Q > 1 rows are given while those before are on their way. */
static int give_all(run_t *run) {
  const exset_transform_t *t = run->t;
  group_t group, before = {0, 0};
  int turn = 0;
  for (int64_t first = 0; first < t->block.z; first += group.n, turn = !turn) {
    group = transform_group(first, t->block.group_z, t->block.z);
    complex_t *to = t->row_plane[t->l.q > 1 ? turn : 0];
    give_group(run, group, to);
    if (t->l.q == 1) {
      send_group(run, group, turn, to);
    } else {
      transform_exchange(&run->row, group.n * t->block.y * t->block.lead, to, t->row_got[turn]);
      if (before.n > 0) send_group(run, before, turn, t->row_got[!turn]);
      before = group;
    }
    if (run->row.err) return run->row.err;
    if (run->column.err) return run->column.err;
  }
  EXSET_TRY(transform_exchange_end(&run->row));
  if (before.n > 0) send_group(run, before, turn, t->row_got[!turn]);
  return transform_exchange_end(&run->column);
}

int exset_transform_analysis(exset_ctx_t *ctx, exset_transform_t *t, exset_rows_fn give, void *user,
                             exset_transform_seconds_t *seconds) {
  run_t run = {.t = t, .give = give, .user = user};
  run.column = transform_exchange_none(ctx, t->column);
  run.row = transform_exchange_none(ctx, t->row);
  const double start = MPI_Wtime();
  EXSET_TRY(give_all(&run));
  transform_add_seconds(t, MPI_Wtime() - start, run.column.seconds + run.row.seconds, seconds);
  return EXSET_OK;
}

void exset_transform_columns(exset_transform_t *t, int thread, int64_t ky, int64_t kx,
                             int64_t count, float *column) {
  const worker_t *w = &t->worker[thread];
  const int64_t planes = t->l.planes, n_z = t->l.n[EXSET_AXIS_Z], slot = ky / t->l.p;
  const complex_t *from = t->buffer + slot * t->width + kx - t->l.kx0;
  transform_gather(count, t->distance, planes, t->plane_place, from, w->tile[0]);
  for (int64_t j = 0; j < count; j++) {
    complex_t *own = w->tile[0] + j * t->distance;
    if (planes < n_z) memset(own + planes, 0, (size_t)(n_z - planes) * sizeof *own);
    fftwf_execute_dft(t->forward[EXSET_AXIS_Z], own, (complex_t *)column + j * t->distance);
  }
}
