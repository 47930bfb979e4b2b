/*
 * Compressed phases: every rank deflates the chunks of its slab, rank 0 learns the sizes and lays the file out, every
 * rank writes its chunks to their places. HDF5 1.10's own filters in collective writing would first make room for
 * the chunks uncompressed, and tell every rank about every chunk.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "volume_hdf5.h"

/* ---- shape ---------------------------------------------------------------------------------- */

/* Cells of a chunk, one byte each. */
static const int64_t chunk_cells = INT64_C(1) << 20;

static int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/* The fewest equal parts of n of at most `most` cells each: cells of a part. */
static int64_t part(int64_t n, int64_t most) {
  return divide_up(n, divide_up(n, most < 1 ? 1 : most));
}

/* The largest divisor of n that is at most `most`. */
static int64_t divisor(int64_t n, int64_t most) {
  int64_t d = n < most ? n : most;
  while (n % d != 0) d--;
  return d;
}

static int64_t root(int64_t n) {
  int64_t r = 1;
  while ((r + 1) * (r + 1) <= n) r++;
  return r;
}

/* Slabs are blocks of equal height but for the last: planes that divide the block keep each chunk within one slab. Blocks
 * rather than plates: planes across any axis, and boxes, touch few of them. */
static void shape(exset_ctx_t *ctx, const exset_grid_t *grid, exset_h5_chunks_t *c) {
  enum { MOST_PLANES = 64 };
  int64_t z0, block;
  exset_grid_slab(ctx, grid, 0, &z0, &block);
  c->size[0] = divisor(block, MOST_PLANES);
  c->size[2] = part(grid->n[2], root(chunk_cells / c->size[0]));
  c->size[1] = part(grid->n[1], chunk_cells / c->size[0] / c->size[2]);
  for (int a = 0; a < 3; a++) c->count[a] = divide_up(grid->n[a], c->size[a]);
  const int64_t layer = c->count[1] * c->count[2];
  c->n = divide_up(grid->nz_local, c->size[0]) * layer;
}

/* ---- compression ---------------------------------------------------------------------------- */

/* Cells of chunk i of this rank, 0 beyond the volume. */
static void gather(const exset_h5_chunks_t *c, const exset_grid_t *g, const uint8_t *phase,
                   int64_t i, uint8_t *cells) {
  const int64_t at[3] = {i / (c->count[1] * c->count[2]) * c->size[0],
                         i / c->count[2] % c->count[1] * c->size[1], i % c->count[2] * c->size[2]};
  const int64_t end[3] = {g->nz_local, g->n[1], g->n[2]};
  int64_t n[3];
  for (int a = 0; a < 3; a++) n[a] = end[a] - at[a] < c->size[a] ? end[a] - at[a] : c->size[a];
  if (n[0] * n[1] * n[2] < exset_mul3(c->size[0], c->size[1], c->size[2]))
    memset(cells, 0, (size_t)exset_mul3(c->size[0], c->size[1], c->size[2]));
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      memcpy(cells + (z * c->size[1] + y) * c->size[2],
             phase + ((at[0] + z) * g->n[1] + at[1] + y) * g->n[2] + at[2], (size_t)n[2]);
}

static bool make_room(exset_h5_chunks_t *c, int64_t *room, int64_t bytes) {
  if (c->used + bytes <= *room) return true;
  const int64_t more = *room + *room / 2 + 4 * bytes;
  uint8_t *data = realloc(c->data, (size_t)more);
  if (!data) return false;
  c->data = data;
  *room = more;
  return true;
}

static int no_memory(exset_ctx_t *ctx) {
  return exset_fail(ctx, EXSET_ERR_LOCAL,
                    "out of memory on rank %d for compressed labels; use more nodes, or "
                    "-compression none",
                    ctx->rank);
}

static int deflate_chunks(exset_ctx_t *ctx, z_stream *stream, const exset_grid_t *grid,
                          const uint8_t *phase, uint8_t *cells, exset_h5_chunks_t *c) {
  const uint32_t bytes = (uint32_t)(c->size[0] * c->size[1] * c->size[2]);
  int64_t room = 0;
  for (int64_t i = 0; i < c->n; i++) {
    const uint32_t bound = (uint32_t)deflateBound(stream, bytes);
    if (!make_room(c, &room, bound)) return no_memory(ctx);
    gather(c, grid, phase, i, cells);
    stream->next_in = cells;
    stream->avail_in = bytes;
    stream->next_out = c->data + c->used;
    stream->avail_out = bound;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END || deflateReset(stream) != Z_OK)
      return exset_fail(ctx, EXSET_ERR_LOCAL, "zlib cannot compress");
    c->bytes[i] = bound - stream->avail_out;
    c->used += c->bytes[i];
  }
  return EXSET_OK;
}

/* Runs alone (Z_RLE): of labels that is faster and smaller than the low levels of the search for repetitions. */
static int compress_slab(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase,
                         exset_h5_chunks_t *c) {
  enum { WINDOW_BITS = 15, MEMORY_LEVEL = 9 };
  uint8_t *cells = NULL;
  z_stream stream = {0};
  EXSET_TRY(exset_alloc(ctx, c->n, sizeof *c->bytes, &c->bytes));
  EXSET_TRY(exset_alloc(ctx, exset_mul3(c->size[0], c->size[1], c->size[2]), 1, &cells));
  int err = EXSET_OK;
  if (deflateInit2(&stream, 1, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_RLE) != Z_OK)
    err = no_memory(ctx);
  else {
    err = deflate_chunks(ctx, &stream, grid, phase, cells, c);
    deflateEnd(&stream);
  }
  free(cells);
  return err;
}

int exset_h5_chunks_make(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase,
                         exset_h5_chunks_t *chunks) {
  memset(chunks, 0, sizeof *chunks);
  shape(ctx, grid, chunks);
  return exset_agree(ctx, compress_slab(ctx, grid, phase, chunks));
}

void exset_h5_chunks_clear(exset_h5_chunks_t *chunks) {
  free(chunks->bytes);
  free(chunks->data);
  memset(chunks, 0, sizeof *chunks);
}

/* ---- places --------------------------------------------------------------------------------- */

/* Chunks of each rank and those before it, on rank 0. */
static int counts(exset_ctx_t *ctx, const exset_h5_chunks_t *chunks, int **count, int **before) {
  const int own = (int)chunks->n; /* of a mebibyte each: 2^31 are 2 PiB on one rank */
  *count = *before = NULL;
  EXSET_TRY(
      exset_alloc_all(ctx, ctx->rank == 0 ? 2 * (int64_t)ctx->size : 0, sizeof **count, count));
  if (ctx->rank == 0) *before = *count + ctx->size;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Gather(&own, 1, MPI_INT, *count, 1, MPI_INT, 0, ctx->comm)));
  for (int r = 1; ctx->rank == 0 && r < ctx->size; r++)
    (*before)[r] = (*before)[r - 1] + (*count)[r - 1];
  return EXSET_OK;
}

int exset_h5_chunks_sizes(exset_ctx_t *ctx, const exset_h5_chunks_t *chunks, uint32_t **bytes) {
  const int64_t all = exset_mul3(chunks->count[0], chunks->count[1], chunks->count[2]);
  int *count = NULL, *before = NULL;
  *bytes = NULL;
  int err = EXSET_OK;
  if (ctx->rank == 0) {
    if (all > INT32_MAX)
      err = exset_fail(ctx, EXSET_ERR_RUN, "too many chunks (%lld) to compress", (long long)all);
    else err = exset_alloc(ctx, all, sizeof **bytes, bytes);
  }
  err = exset_agree(ctx, err);
  if (!err) err = counts(ctx, chunks, &count, &before);
  if (!err)
    err = EXSET_MPI(ctx, MPI_Gatherv(chunks->bytes, (int)chunks->n, MPI_UINT32_T, *bytes, count,
                                     before, MPI_UINT32_T, 0, ctx->comm));
  free(count);
  return err;
}

/* Chunks that follow each other in the file go in one piece. */
static int write_runs(exset_ctx_t *ctx, const char *path, MPI_File file, const exset_h5_chunks_t *c,
                      const int64_t *address) {
  int64_t done = 0;
  for (int64_t i = 0, next; i < c->n; i = next) {
    int64_t bytes = c->bytes[i];
    for (next = i + 1; next < c->n && address[next] == address[i] + bytes; next++)
      bytes += c->bytes[next];
    EXSET_TRY(exset_volume_raw_move(ctx, path, file, false, address[i], bytes, c->data + done));
    done += bytes;
  }
  return EXSET_OK;
}

int exset_h5_chunks_write(exset_ctx_t *ctx, const char *path, MPI_Info info,
                          const exset_h5_chunks_t *chunks, const int64_t *address) {
  int64_t *own = NULL;
  int *count = NULL, *before = NULL;
  MPI_File file;
  int err = exset_alloc_all(ctx, chunks->n, sizeof *own, &own);
  if (!err) err = counts(ctx, chunks, &count, &before);
  if (!err)
    err = EXSET_MPI(ctx, MPI_Scatterv(address, count, before, MPI_INT64_T, own, (int)chunks->n,
                                      MPI_INT64_T, 0, ctx->comm));
  if (!err) err = exset_volume_raw_open(ctx, path, MPI_MODE_WRONLY, info, &file);
  if (!err) {
    err = write_runs(ctx, path, file, chunks, own);
    err = exset_volume_raw_close(ctx, path, &file, err);
  }
  free(count);
  free(own);
  return err;
}
