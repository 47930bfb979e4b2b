/*
 * Inside the streaming transform: who holds what, and where numbers lie while they are on their way.
 *
 * Synthesis: for a group of k_y, each rank fills columns along z, transforms them and scatters them by planes into a block
 * for each rank of its "column" (ranks that share a block of k_x); one all-to-all puts them where they stay, in the
 * buffer. Then, for a group of planes, columns along y are gathered from the buffer, transformed, and scattered by rows
 * into a block for each rank of its "row" (ranks that share a block of planes); after a second all-to-all, none with
 * Q = 1, rows are put together, transformed, and handed over. Analysis is the same backwards.
 *
 * Blocks, in complex numbers, block_x being the widest block of k_x:
 *   synthesis  z against k_y   [rank p][k_y of group][block_z planes][width]
 *   analysis   k_y against z   [rank p][planes of group][slots of k_y][width]
 *   both       y against k_x   [rank q][planes of group][block_y rows][lead]
 * width is kx_local and lead is block_x, both rounded up to whole cache lines: unaligned lines take twice as long.
 */
#ifndef EXSET_TRANSFORM_IMPL_H
#define EXSET_TRANSFORM_IMPL_H

#include <fftw3.h>

#include "exset/transform.h"

typedef float complex_t[2];

/* Blocks of the layout, the same on all ranks. */
typedef struct {
  int64_t modes_x;          /* nx/2 + 1 */
  int64_t slots;            /* most k_y of a rank */
  int64_t z, y, x;          /* planes, rows, k_x of a block */
  int64_t lead;             /* x rounded up to cache lines */
  int64_t group_y, group_z; /* k_y, planes that travel together */
} blocks_t;

/* One thread's tiles, and the time it spent in callbacks. */
typedef struct {
  complex_t *tile[2];
  double columns, rows;
} __attribute__((aligned(64))) worker_t;

struct exset_transform_s {
  exset_transform_layout_t l;
  blocks_t block;
  int threads;
  MPI_Comm column, row; /* ranks of equal q (z against k_y), of equal p (y against k_x) */
  int64_t distance;     /* complex numbers from column to column of a tile */
  int64_t width;        /* kx_local rounded up to cache lines */
  fftwf_plan forward[3], backward[3]; /* one transform along z, y, x, from tile to tile */
  worker_t *worker;
  complex_t *buffer;
  complex_t *column_plane[2];           /* on their way in `column`, two groups in turn */
  complex_t *row_plane[2], *row_got[2]; /* on their way in `row`; with Q = 1 the same */
  int64_t *mode_place; /* [ny] place of k_y in the buffer after the exchange, plane 0 (synthesis) */
  int64_t *plane_place; /* [planes] place of z in the buffer, slot 0 (analysis) */
};

/* ---- loops over tiles (transform_tile.c), all local ------------------------------------------------ */

/** Columns to lines: line i of to gets number i of the columns; lines are `lead` numbers apart. */
void transform_scatter(int64_t columns, int64_t distance, const complex_t *from, int64_t lines,
                       int64_t lead, complex_t *to);
/** Lines to columns: the reverse, line i being from[place[i]] (in numbers). */
void transform_gather(int64_t columns, int64_t distance, int64_t lines, const int64_t *place,
                      const complex_t *from, complex_t *to);
/** Lines apart by `lead` numbers to columns. */
void transform_gather_lines(int64_t columns, int64_t distance, int64_t lines, int64_t lead,
                            const complex_t *from, complex_t *to);
/** Numbers first, first + every, ... (below end) of the columns to lines, one after the other. */
void transform_scatter_every(int64_t columns, int64_t distance, const complex_t *from,
                             int64_t first, int64_t every, int64_t end, int64_t lead,
                             complex_t *to);
/** Two Hermitian half rows a, b (first..first+n-1 of n_x/2 + 1) into the spectrum of a + i b, n_x numbers. */
void transform_pair(int64_t n_x, int64_t first, int64_t n, const complex_t *a, const complex_t *b,
                    complex_t *pair);
/** The reverse: from the spectrum of two real rows the part first..first+n-1 of each. */
void transform_unpair(int64_t n_x, int64_t first, int64_t n, const complex_t *pair, complex_t *a,
                      complex_t *b);
/** Numbers of two real rows as complex ones, and back. b may be NULL: zeros, and not stored. */
void transform_join(int64_t n, const float *a, const float *b, complex_t *pair);
void transform_split(int64_t n, const complex_t *pair, float *a, float *b);

/* ---- blocks (transform.c) ---------------------------------------------------------------------------- */

/* k_x of block q. */
static inline int64_t transform_kx0(const blocks_t *b, int q) {
  return b->x * q < b->modes_x ? b->x * q : b->modes_x;
}
static inline int64_t transform_kx_count(const blocks_t *b, int q) {
  return transform_kx0(b, q + 1) - transform_kx0(b, q);
}
static inline int64_t transform_min(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- groups (transform_group.c) ------------------------------------------------------------------------ */

/* Planes or k_y that travel together: first .. first + n - 1 of this rank's. */
typedef struct {
  int64_t first, n;
} group_t;
static inline group_t transform_group(int64_t first, int64_t most, int64_t all) {
  return (group_t){first, transform_min(most, all - first)};
}

/* A tile of columns: k_x kx .. kx + n - 1, counted from this rank's first. */
typedef struct {
  int64_t kx, n;
} tile_t;
static inline tile_t transform_tile(const exset_transform_t *t, int64_t i) {
  return (tile_t){i * EXSET_TILE, transform_min(EXSET_TILE, t->l.kx_local - i * EXSET_TILE)};
}
static inline int64_t transform_tiles(const exset_transform_t *t) {
  return (t->l.kx_local + EXSET_TILE - 1) / EXSET_TILE;
}
/** Transform the first n columns of tile 0 into tile 1. Local. */
void transform_columns(const exset_transform_t *t, const worker_t *w, fftwf_plan plan, int64_t n);

/** Add a run's times, and clear the workers'. seconds may be NULL. Local. */
void transform_add_seconds(exset_transform_t *t, double total, double exchange,
                           exset_transform_seconds_t *seconds);

/* Rows that lie side by side, both on the grid and in the exchanged planes. */
typedef struct {
  int64_t entry, y, n; /* the first one's entry in the list of rows held, its y; their number */
} row_run_t;
/** The run that begins at an entry and ends before `end`, a change of block, or the end of the list. Local. */
row_run_t transform_row_run(const exset_transform_t *t, int64_t entry, int64_t end);
/** How many of the `left` rows from an entry on go through one transform: pairs begin at even entries, where blocks and batches
 *  begin as well, so that a row has the same partner, and the same rounding, on every process grid. Local. */
static inline int transform_rows_at_once(int64_t entry, int64_t left) {
  return entry % 2 == 0 && left > 1 ? 2 : 1;
}
/** Place of a row in the exchanged planes: entry of the list, plane `of` of the group (before the exchange all
 *  blocks are this rank's modes, after it this rank's rows). Local. */
static inline int64_t transform_row_place(const exset_transform_t *t, int q, group_t group,
                                          int64_t of, int64_t row) {
  return ((q * group.n + of) * t->block.y + row) * t->block.lead;
}

/* Floats from row to row while rows are in the hands of callbacks, and where the first one is. */
static inline int64_t transform_row_stride(const exset_transform_t *t) {
  return t->distance;
}
static inline float *transform_rows(const exset_transform_t *t, const worker_t *w) {
  return (float *)(w->tile[1] + 2 * t->distance);
}
/* Batches of at most EXSET_TILE rows of this rank's. */
static inline int64_t transform_batches(const exset_transform_t *t) {
  return (t->l.rows_local + EXSET_TILE - 1) / EXSET_TILE;
}

/** Wisdom of rank 0 to all (transform_wisdom.c). Collective. Errors: EXSET_ERR_RUN. */
int transform_share_wisdom(exset_ctx_t *ctx);

/* ---- exchanges (transform_exchange.c) ----------------------------------------------------------------- */

/* An all-to-all on its way, while the next group is worked on. */
typedef struct {
  exset_ctx_t *ctx;
  MPI_Comm comm;
  MPI_Request request;
  double seconds; /* waited */
  int err;        /* of the first failure */
} exchange_t;

/** No exchange yet. Local. */
exchange_t transform_exchange_none(exset_ctx_t *ctx, MPI_Comm comm);
/** Wait for the exchange before, and start one of `block` numbers with each rank. */
void transform_exchange(exchange_t *e, int64_t block, const complex_t *send, complex_t *receive);
/** Wait for the last exchange; its error. */
int transform_exchange_end(exchange_t *e);
/** Let MPI work on the exchange: called now and then, by the thread that called MPI_Init. */
void transform_exchange_progress(exchange_t *e);

#endif
