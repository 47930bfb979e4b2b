/**
 * transform: distributed 3D real transforms in single precision that stream: modes are asked for where they enter, a few
 * columns at a time, and real rows are handed over while they are in the cache.
 *
 * The ranks form a process grid of P x Q, rank = p Q + q. Modes are columns along k_z: rank (p, q) has those
 * of k_y = p, p + P, ... and k_x in its block of [0, nx/2]. Real numbers are rows along x: rank (p, q) has the planes z of
 * block p and, of each plane, the rows y of block q. With Q = 1 (slabs) these are whole planes, cut as by
 * exset_grid_init; with Q > 1 (pencils) more ranks than planes have work.
 *
 *   synthesis  X(r) = sum_k F(k) exp(+i k r)        analysis  F(k) = sum_r X(r) exp(-i k r)
 *
 * The sums run over the whole grid; k_x < 0 is implied by F(-k) = conj F(k). Not normalised: one after the other multiplies by the
 * number of cells. The results have the same bits for every process grid and number of threads, as long as the numbers
 * put in have, and the plans are the same: estimated ones, on processors of one kind.
 *
 * Memory: one buffer of 4 bytes for each cell held (the modes after their transform along z), which the ranks exchange
 * without a further copy, and a few planes for each rank. Work is shared by ctx->threads threads; callbacks are called by all
 * of them at the same time, for different columns or rows, with thread = 0 .. threads - 1.
 */
#ifndef EXSET_TRANSFORM_H
#define EXSET_TRANSFORM_H

#include "exset/core.h"

/* Columns and rows go in tiles of at most so many. */
enum { EXSET_TILE = 16 };

/* What to make. Zero-initialise for the defaults. */
typedef struct {
  int64_t n[3]; /* grid: z, y, x */
  int64_t
      planes; /* planes held, z < planes: others count as 0 (analysis) or are not made (synthesis). 0: all */
  int64_t rows
      [2]; /* rows held of each plane, y < rows[0] and y >= ny - rows[1], likewise. {0, 0}: all */
  int grid[2];  /* process grid P, Q with P Q = number of ranks. 0: chosen */
  bool measure; /* time several algorithms while planning, instead of guessing */
} exset_transform_options_t;

/* Who holds what. */
typedef struct {
  int64_t n[3];
  int p, q, my_p, my_q; /* process grid, and this rank's place in it */
  int64_t planes, z0,
      nz_local; /* planes held by all, and by this rank: z0 .. z0 + nz_local - 1 (z0 = planes: none) */
  int64_t rows[2]; /* as in the options */
  int64_t row0,
      rows_local;   /* this rank's rows: entries of the list of rows held (see exset_transform_y) */
  int64_t ky_local; /* number of this rank's k_y = my_p + i p */
  int64_t kx0, kx_local; /* this rank's k_x */
  int64_t buffer_bytes;  /* of the buffer */
  int64_t scratch_bytes; /* of planes and tiles, all threads */
  int64_t
      exchanges[2]; /* of a transform: among ranks of equal q (0: P = 1), of equal p (0: Q = 1) */
} exset_transform_layout_t;

/* y of entry i of the list of rows held. */
static inline int64_t exset_transform_y(const exset_transform_layout_t *l, int64_t i) {
  return i < l->rows[0] ? i : l->n[EXSET_AXIS_Y] - l->rows[0] - l->rows[1] + i;
}

typedef struct exset_transform_s exset_transform_t;

/* Fill (or look at) the columns (k_x .. k_x + count - 1, k_y): number k_z of column j is the pair
 * column[j stride + 2 k_z], column[j stride + 2 k_z + 1]; k_y and k_z are array indices in [0, n). */
typedef void (*exset_columns_fn)(void *user, int thread, int64_t ky, int64_t kx, int64_t count,
                                 float *column, int64_t stride);
/* Take (or fill) the rows y .. y + count - 1 of plane z: nx numbers each, stride apart. Rows may be spoilt. */
typedef void (*exset_rows_fn)(void *user, int thread, int64_t z, int64_t y, int64_t count,
                              float *row, int64_t stride);

/* Wall-clock seconds of this rank, added up: in the callbacks for columns and for rows (mean over its threads),
 * waiting for data of other ranks, and in all else. */
typedef struct {
  double columns, rows, exchange, fft;
} exset_transform_seconds_t;

/**
 * The layout that a transform would have. Local.
 * Errors: EXSET_ERR_INPUT (process grid that is not one, sizes too large for so few ranks).
 */
int exset_transform_layout(exset_ctx_t *ctx, const exset_transform_options_t *options,
                           exset_transform_layout_t *layout);
/** Plan, and allocate the buffer. Collective. Errors: as above; EXSET_ERR_RUN (memory, no plan). */
int exset_transform_create(exset_ctx_t *ctx, const exset_transform_options_t *options,
                           exset_transform_t **transform);
/** Free all (NULL is fine) and null the handle. Collective. */
void exset_transform_destroy(exset_transform_t **transform);
/** Borrowed. Local. */
const exset_transform_layout_t *exset_transform_shape(const exset_transform_t *transform);

/** Modes to rows: calls fill for each column of this rank once, then take for each of its rows once.
 *  seconds may be NULL. Collective. Errors: EXSET_ERR_LOCAL (MPI). */
int exset_transform_synthesis(exset_ctx_t *ctx, exset_transform_t *transform, exset_columns_fn fill,
                              exset_rows_fn take, void *user, exset_transform_seconds_t *seconds);
/** Rows to modes, which stay in the transform until the next call: exset_transform_columns has them. Calls give
 *  for each row of this rank once. Collective. Errors: EXSET_ERR_LOCAL (MPI). */
int exset_transform_analysis(exset_ctx_t *ctx, exset_transform_t *transform, exset_rows_fn give,
                             void *user, exset_transform_seconds_t *seconds);
/**
 * Modes of the last analysis: columns of this rank as in exset_columns_fn, of one tile: k_x - kx0 a multiple of EXSET_TILE,
 * count <= EXSET_TILE. Costs a transform along z. column: EXSET_TILE columns at the distance exset_transform_stride, aligned
 * to 64 bytes. Local; called by thread `thread`, which may be a callback's of another transform.
 */
void exset_transform_columns(exset_transform_t *transform, int thread, int64_t ky, int64_t kx,
                             int64_t count, float *column);
/** Distance of the columns of a tile, in floats: the one that callbacks see and exset_transform_columns uses. Local. */
int64_t exset_transform_stride(const exset_transform_t *transform);

/**
 * Planning experience ("wisdom"), kept in a text file for later runs of the same sizes. Collective.
 * load: a missing file is fine. Errors: EXSET_ERR_INPUT (load: not a wisdom file), EXSET_ERR_RUN (save).
 */
int exset_transform_wisdom_load(exset_ctx_t *ctx, const char *path);
int exset_transform_wisdom_save(exset_ctx_t *ctx, const char *path);
/** Name and version of the library behind the 1D transforms. Local, static text. */
const char *exset_transform_library(void);

#endif
