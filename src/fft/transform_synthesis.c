/* Modes to rows, group by group (see transform_impl.h for the way the numbers take). */
#include "transform_impl.h"

typedef struct {
  exset_transform_t *t;
  exset_columns_fn fill;
  exset_rows_fn take;
  void *user;
  exchange_t column, row;
} run_t;

/* ---- columns along z to planes --------------------------------------------------------------------- */

/* Columns in tile 1, of k_y number `of` of the group, to the blocks of planes. */
static void scatter_planes(const exset_transform_t *t, const worker_t *w, tile_t tile,
                           group_t group, int64_t of, complex_t *to) {
  const int64_t width = t->width, block = t->block.z;
  for (int p = 0; p < t->l.p && p * block < t->l.planes; p++)
    transform_scatter(tile.n, t->distance, w->tile[1] + p * block,
                      transform_min(block, t->l.planes - p * block), width,
                      to + (p * group.n + of) * block * width + tile.kx);
}

static void fill_tile(const run_t *run, int thread, group_t group, int64_t of, tile_t tile,
                      complex_t *to) {
  const exset_transform_t *t = run->t;
  worker_t *w = &t->worker[thread];
  const int64_t ky = (group.first + of) * t->l.p + t->l.my_p;
  if (ky >= t->l.n[EXSET_AXIS_Y]) return;
  const double start = MPI_Wtime();
  run->fill(run->user, thread, ky, t->l.kx0 + tile.kx, tile.n, (float *)w->tile[0],
            exset_transform_stride(t));
  w->columns += MPI_Wtime() - start;
  transform_columns(t, w, t->backward[EXSET_AXIS_Z], tile.n);
  scatter_planes(t, w, tile, group, of, to);
}

static int fill_all(run_t *run) {
  const exset_transform_t *t = run->t;
  const int64_t tiles = transform_tiles(t), block = t->block.z * t->width;
  group_t group;
  int turn = 0;
  for (int64_t first = 0; first < t->block.slots; first += group.n, turn = !turn) {
    group = transform_group(first, t->block.group_y, t->block.slots);
    complex_t *stay = t->buffer + first * t->l.p * block;
    complex_t *to = t->l.p > 1 ? t->column_plane[turn] : stay;
#pragma omp parallel for schedule(dynamic) num_threads(t->threads)
    for (int64_t i = 0; i < group.n * tiles; i++) {
      const int thread = exset_thread();
      fill_tile(run, thread, group, i / tiles, transform_tile(t, i % tiles), to);
      if (thread == 0) transform_exchange_progress(&run->column);
    }
    if (t->l.p > 1) transform_exchange(&run->column, group.n * block, to, stay);
    if (run->column.err) break;
  }
  return transform_exchange_end(&run->column);
}

/* ---- columns along y to rows ------------------------------------------------------------------------- */

static void modes_to_rows(const exset_transform_t *t, const worker_t *w, group_t group, int64_t of,
                          tile_t tile, complex_t *to) {
  const int64_t z = group.first + of, all = t->l.rows[0] + t->l.rows[1];
  if (z >= t->l.nz_local) return;
  const complex_t *from = t->buffer + z * t->width + tile.kx;
  transform_gather(tile.n, t->distance, t->l.n[EXSET_AXIS_Y], t->mode_place, from, w->tile[0]);
  transform_columns(t, w, t->backward[EXSET_AXIS_Y], tile.n);
  row_run_t r;
  for (int64_t entry = 0; entry < all; entry += r.n) {
    r = transform_row_run(t, entry, all);
    const int q = (int)(entry / t->block.y);
    const int64_t place = transform_row_place(t, q, group, of, entry - q * t->block.y);
    transform_scatter(tile.n, t->distance, w->tile[1] + r.y, r.n, t->block.lead,
                      to + place + tile.kx);
  }
}

/* Rows `row` and, if there are two, row + 1 of this rank. */
static void finish_pair(const exset_transform_t *t, const worker_t *w, group_t group, int64_t of,
                        int64_t row, bool two, const complex_t *from, float *out) {
  const int64_t n_x = t->l.n[EXSET_AXIS_X];
  for (int q = 0; q < t->l.q; q++) {
    const complex_t *a = from + transform_row_place(t, q, group, of, row);
    transform_pair(n_x, transform_kx0(&t->block, q), transform_kx_count(&t->block, q), a,
                   two ? a + t->block.lead : a, w->tile[0]);
  }
  fftwf_execute_dft(t->backward[EXSET_AXIS_X], w->tile[0], w->tile[1]);
  transform_split(n_x, w->tile[1], out, two ? out + transform_row_stride(t) : NULL);
}

static void take_run(const run_t *run, int thread, group_t group, int64_t of, row_run_t r,
                     const complex_t *from) {
  const exset_transform_t *t = run->t;
  worker_t *w = &t->worker[thread];
  float *row = transform_rows(t, w);
  for (int64_t i = 0, n; i < r.n; i += n) {
    n = transform_rows_at_once(r.entry + i, r.n - i);
    finish_pair(t, w, group, of, r.entry - t->l.row0 + i, n == 2, from,
                row + i * transform_row_stride(t));
  }
  const double start = MPI_Wtime();
  run->take(run->user, thread, t->l.z0 + group.first + of, r.y, r.n, row, transform_row_stride(t));
  w->rows += MPI_Wtime() - start;
}

static void take_batch(const run_t *run, int thread, group_t group, int64_t of, int64_t batch,
                       const complex_t *from) {
  const exset_transform_t *t = run->t;
  if (group.first + of >= t->l.nz_local) return;
  const int64_t begin = batch * EXSET_TILE;
  const int64_t end = t->l.row0 + transform_min(begin + EXSET_TILE, t->l.rows_local);
  row_run_t r;
  for (int64_t entry = t->l.row0 + begin; entry < end; entry += r.n) {
    r = transform_row_run(t, entry, end);
    take_run(run, thread, group, of, r, from);
  }
}

static void gather_group(run_t *run, group_t group, complex_t *to) {
  const exset_transform_t *t = run->t;
  const int64_t tiles = transform_tiles(t);
#pragma omp parallel for schedule(dynamic) num_threads(t->threads)
  for (int64_t i = 0; i < group.n * tiles; i++) {
    const int thread = exset_thread();
    modes_to_rows(t, &t->worker[thread], group, i / tiles, transform_tile(t, i % tiles), to);
    if (thread == 0) transform_exchange_progress(&run->row);
  }
}

static void take_group(run_t *run, group_t group, const complex_t *from) {
  const int64_t batches = transform_batches(run->t);
#pragma omp parallel for schedule(dynamic) num_threads(run->t->threads)
  for (int64_t i = 0; i < group.n * batches; i++) {
    const int thread = exset_thread();
    take_batch(run, thread, group, i / batches, i % batches, from);
    if (thread == 0) transform_exchange_progress(&run->row);
  }
}

/* With Q > 1 a group is gathered while the one before is on its way. */
static int take_all(run_t *run) {
  const exset_transform_t *t = run->t;
  group_t group, before = {0, 0};
  int turn = 0;
  for (int64_t first = 0; first < t->block.z; first += group.n, turn = !turn) {
    group = transform_group(first, t->block.group_z, t->block.z);
    complex_t *to = t->row_plane[t->l.q > 1 ? turn : 0];
    gather_group(run, group, to);
    if (t->l.q == 1) {
      take_group(run, group, to);
      continue;
    }
    transform_exchange(&run->row, group.n * t->block.y * t->block.lead, to, t->row_got[turn]);
    if (run->row.err) return run->row.err;
    take_group(run, before, t->row_got[!turn]);
    before = group;
  }
  EXSET_TRY(transform_exchange_end(&run->row));
  take_group(run, before, t->row_got[!turn]);
  return EXSET_OK;
}

int exset_transform_synthesis(exset_ctx_t *ctx, exset_transform_t *t, exset_columns_fn fill,
                              exset_rows_fn take, void *user, exset_transform_seconds_t *seconds) {
  run_t run = {.t = t, .fill = fill, .take = take, .user = user};
  run.column = transform_exchange_none(ctx, t->column);
  run.row = transform_exchange_none(ctx, t->row);
  const double start = MPI_Wtime();
  EXSET_TRY(fill_all(&run));
  EXSET_TRY(take_all(&run));
  transform_add_seconds(t, MPI_Wtime() - start, run.column.seconds + run.row.seconds, seconds);
  return EXSET_OK;
}
