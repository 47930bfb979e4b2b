/* Raw files, 8 or 16 bit (little endian), by MPI-IO. */
#include "volume_impl.h"

#include <stdlib.h>

int exset_volume_raw_head(exset_ctx_t *ctx, const char *path, const int64_t size[3], int64_t bytes,
                          exset_volume_head_t *head) {
  for (int a = 0; a < 3; a++) {
    if (size[a] < 1)
      return exset_fail(ctx, EXSET_ERR_INPUT, "raw size %lld,%lld,%lld: sizes are at least 1",
                        (long long)size[0], (long long)size[1], (long long)size[2]);
    head->n[a] = size[a];
  }
  const int64_t cells = exset_mul3(size[0], size[1], size[2]);
  head->gray_bytes = cells > 0 && bytes == cells ? 1 : 2;
  if (cells > 0 && bytes % head->gray_bytes == 0 && bytes / head->gray_bytes == cells)
    return EXSET_OK;
  return exset_fail(
      ctx, EXSET_ERR_INPUT,
      "%s has %lld bytes; raw size %lld,%lld,%lld needs %.0f (8 bit) or %.0f (16 bit)", path,
      (long long)bytes, (long long)size[0], (long long)size[1], (long long)size[2],
      (double)size[0] * (double)size[1] * (double)size[2],
      2 * (double)size[0] * (double)size[1] * (double)size[2]);
}

static int io_failed(exset_ctx_t *ctx, const char *verb, const char *path, int code) {
  char text[MPI_MAX_ERROR_STRING] = "fewer bytes than expected";
  int length = 0;
  if (code != MPI_SUCCESS) MPI_Error_string(code, text, &length);
  return exset_fail(ctx, EXSET_ERR_RUN, "cannot %s %s: %s", verb, path, text);
}

static int whole(int code, MPI_Status *status, int64_t bytes) {
  int n = 0;
  if (code == MPI_SUCCESS && MPI_Get_count(status, MPI_BYTE, &n) != MPI_SUCCESS) n = -1;
  return code == MPI_SUCCESS && n == bytes;
}

/* All pieces of the slab at its place in the file. Not by collective calls: Open MPI's aggregate pieces that are
 * contiguous already, and report success on a full disk. */
static int transfer(exset_ctx_t *ctx, const char *path, MPI_File file, const exset_grid_t *grid,
                    int64_t cell_bytes, uint8_t *data, bool reading) {
  int err = EXSET_OK;
  const int64_t count = exset_pieces(ctx, grid, cell_bytes, EXSET_PIECE_BYTES);
  for (int64_t i = 0; i < count; i++) {
    const exset_piece_t p = exset_piece(grid, cell_bytes, EXSET_PIECE_BYTES, i);
    const int64_t bytes = exset_piece_cells(grid, &p) * cell_bytes;
    const int64_t start = exset_piece_start(grid, &p) * cell_bytes;
    const MPI_Offset at = grid->z0 * grid->n[1] * grid->n[2] * cell_bytes + start;
    MPI_Status status;
    const int code = reading
                         ? MPI_File_read_at(file, at, data + start, (int)bytes, MPI_BYTE, &status)
                         : MPI_File_write_at(file, at, data + start, (int)bytes, MPI_BYTE, &status);
    if (!err && !whole(code, &status, bytes))
      err = io_failed(ctx, reading ? "read" : "write", path, code);
  }
  return err;
}

int exset_volume_raw_gray(exset_ctx_t *ctx, const char *path, const exset_grid_t *grid,
                          int gray_bytes, uint16_t *value) {
  MPI_File file;
  int code = MPI_File_open(ctx->comm, path, MPI_MODE_RDONLY, MPI_INFO_NULL, &file);
  EXSET_TRY(exset_agree(ctx, code == MPI_SUCCESS ? EXSET_OK : io_failed(ctx, "read", path, code)));
  /* bytes arrive in the upper part of the array, so that widening can go upwards in place */
  const int64_t n = exset_grid_cells_local(grid);
  uint8_t *bytes = (uint8_t *)value + n * (2 - gray_bytes);
  int err = transfer(ctx, path, file, grid, gray_bytes, bytes, true);
  code = MPI_File_close(&file);
  if (!err && code != MPI_SUCCESS) err = io_failed(ctx, "read", path, code);
  for (int64_t i = 0; i < n; i++)
    value[i] = gray_bytes == 1 ? bytes[i] : (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
  return exset_agree(ctx, err);
}

int exset_volume_raw_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume) {
  MPI_File file;
  int err = EXSET_OK;
  if (ctx->rank == 0) err = exset_volume_reserve(ctx, temp, exset_grid_cells(&volume->grid));
  EXSET_TRY(exset_agree(ctx, err));
  int code = MPI_File_open(ctx->comm, temp, MPI_MODE_WRONLY, MPI_INFO_NULL, &file);
  EXSET_TRY(exset_agree(ctx, code == MPI_SUCCESS ? EXSET_OK : io_failed(ctx, "write", temp, code)));
  code = MPI_File_set_size(file, exset_grid_cells(&volume->grid));
  err = code == MPI_SUCCESS ? EXSET_OK : io_failed(ctx, "write", temp, code);
  err = exset_agree(ctx, err);
  if (!err) err = transfer(ctx, temp, file, &volume->grid, 1, volume->phase, false);
  code = MPI_File_close(&file);
  if (!err && code != MPI_SUCCESS) err = io_failed(ctx, "write", temp, code);
  return exset_agree(ctx, err);
}
