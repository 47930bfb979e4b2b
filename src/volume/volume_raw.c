/* Raw files, 8 or 16 bit (little endian), by MPI-IO. */
#include "volume_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
  if (code == MPI_SUCCESS && strcmp(verb, "write") == 0)
    snprintf(text, sizeof text, "not all bytes were taken: no space left on device, or over quota");
  if (code != MPI_SUCCESS) MPI_Error_string(code, text, &length);
  return exset_fail(ctx, EXSET_ERR_RUN, "cannot %s %s: %s", verb, path, text);
}

int exset_volume_raw_move(exset_ctx_t *ctx, const char *path, MPI_File file, bool reading,
                          int64_t at, int64_t bytes, void *data) {
  char *p = data;
  for (int64_t done = 0, n; done < bytes; done += n) {
    n = bytes - done < EXSET_PIECE_BYTES ? bytes - done : EXSET_PIECE_BYTES;
    MPI_Status status;
    int moved = 0;
    int code = reading ? MPI_File_read_at(file, at + done, p + done, (int)n, MPI_BYTE, &status)
                       : MPI_File_write_at(file, at + done, p + done, (int)n, MPI_BYTE, &status);
    if (code == MPI_SUCCESS) code = MPI_Get_count(&status, MPI_BYTE, &moved);
    if (code != MPI_SUCCESS || moved != n)
      return io_failed(ctx, reading ? "read" : "write", path, code);
  }
  return EXSET_OK;
}

int exset_volume_reach(exset_ctx_t *ctx, const char *path, bool reading) {
  const int fd = open(path, (reading ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
  int err = EXSET_OK;
  if (fd < 0)
    err = exset_fail(ctx, reading ? EXSET_ERR_INPUT : EXSET_ERR_RUN,
                     "cannot %s %s on rank %d: %s; every node must see the file",
                     reading ? "read" : "write", path, ctx->rank, strerror(errno));
  else close(fd);
  return exset_agree(ctx, err);
}

int exset_volume_raw_open(exset_ctx_t *ctx, const char *path, int mode, MPI_Info info,
                          MPI_File *file) {
  EXSET_TRY(exset_volume_reach(ctx, path, mode & MPI_MODE_RDONLY));
  const int code = MPI_File_open(ctx->comm, path, mode, info, file);
  if (code == MPI_SUCCESS) return exset_agree(ctx, EXSET_OK);
  return exset_agree(ctx, io_failed(ctx, mode & MPI_MODE_RDONLY ? "read" : "write", path, code));
}

int exset_volume_raw_close(exset_ctx_t *ctx, const char *path, MPI_File *file, int err) {
  const int code = MPI_File_close(file);
  if (!err && code != MPI_SUCCESS) err = io_failed(ctx, "close", path, code);
  return exset_agree(ctx, err);
}

static int open_hinted(exset_ctx_t *ctx, const char *path, int mode, const char *hints,
                       MPI_File *file) {
  MPI_Info info;
  EXSET_TRY(exset_agree(ctx, exset_volume_hints(ctx, hints, &info)));
  const int err = exset_volume_raw_open(ctx, path, mode, info, file);
  exset_volume_hints_free(&info);
  return err;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Bytes to 16-bit values; value and bytes may overlap when the bytes are the upper part of the array. */
static void widen(int64_t n, int gray_bytes, const uint8_t *bytes, uint16_t *value) {
  for (int64_t i = 0; i < n; i++)
    value[i] = gray_bytes == 1 ? bytes[i] : (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
}

/* Whole planes: one range of the file. */
static int read_planes(exset_ctx_t *ctx, const exset_volume_source_t *s, MPI_File file,
                       uint16_t *value) {
  const int gray = s->head->gray_bytes;
  const int64_t n = exset_grid_cells_local(s->grid);
  const int64_t at = (s->first[0] + s->grid->z0) * s->grid->n[1] * s->grid->n[2] * gray;
  uint8_t *bytes = (uint8_t *)value + n * (2 - gray);
  EXSET_TRY(exset_volume_raw_move(ctx, s->path, file, true, at, n * gray, bytes));
  widen(n, gray, bytes, value);
  return EXSET_OK;
}

/* Whole rows of each plane, of which the box's columns are kept. */
static int read_rows(exset_ctx_t *ctx, const exset_volume_source_t *s, MPI_File file,
                     uint16_t *value) {
  const int gray = s->head->gray_bytes;
  const int64_t *n = s->head->n, limit = INT64_C(4) << 20;
  const int64_t step[2] = {1, n[2] < limit ? limit / n[2] : 1};
  uint16_t *rows;
  EXSET_TRY(exset_alloc(ctx, n[2] * (step[1] < n[1] ? step[1] : n[1]), sizeof *rows, &rows));
  int err = EXSET_OK;
  exset_piece_t p = {0};
  while (!err && (p = exset_piece_next(s, step, &p)).nz > 0) {
    const int64_t z = s->first[0] + s->grid->z0 + p.z, y = s->first[1] + p.y;
    const int64_t cells = p.ny * n[2], at = (z * n[1] + y) * n[2] * gray;
    uint8_t *bytes = (uint8_t *)rows + cells * (2 - gray);
    err = exset_volume_raw_move(ctx, s->path, file, true, at, cells * gray, bytes);
    if (!err) widen(cells, gray, bytes, rows);
    if (!err) exset_piece_columns(s, &p, sizeof *rows, rows, value);
  }
  free(rows);
  return err;
}

int exset_volume_raw_gray(exset_ctx_t *ctx, const exset_volume_source_t *source, uint16_t *value) {
  const int64_t *n = source->head->n, *box = source->grid->n;
  MPI_File file;
  EXSET_TRY(open_hinted(ctx, source->path, MPI_MODE_RDONLY, source->hints, &file));
  int err = box[1] == n[1] && box[2] == n[2] ? read_planes(ctx, source, file, value)
                                             : read_rows(ctx, source, file, value);
  return exset_volume_raw_close(ctx, source->path, &file, err);
}

/* ---- writing -------------------------------------------------------------------------------- */

int exset_volume_raw_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume,
                           const char *hints) {
  const exset_grid_t *g = &volume->grid;
  MPI_File file;
  int err = EXSET_OK;
  if (ctx->rank == 0) err = exset_volume_reserve(ctx, temp, exset_grid_cells(g));
  EXSET_TRY(exset_agree(ctx, err));
  EXSET_TRY(open_hinted(ctx, temp, MPI_MODE_WRONLY, hints, &file));
  const int code = MPI_File_set_size(file, exset_grid_cells(g));
  err = exset_agree(ctx, code == MPI_SUCCESS ? EXSET_OK : io_failed(ctx, "write", temp, code));
  if (!err)
    err = exset_volume_raw_move(ctx, temp, file, false, g->z0 * g->n[1] * g->n[2],
                                exset_grid_cells_local(g), volume->phase);
  return exset_volume_raw_close(ctx, temp, &file, err);
}
