/* TIFF stacks: one page for each plane along z. */
#include "volume_impl.h"

#include <stdlib.h>

int exset_volume_tiff_head(exset_ctx_t *ctx, const char *path, exset_volume_head_t *head) {
  exset_image_info_t info;
  EXSET_TRY(exset_image_info(ctx, path, &info));
  head->n[0] = info.pages;
  head->n[1] = info.rows;
  head->n[2] = info.cols;
  return EXSET_OK;
}

/* Pages by the dozen: opening a file anew for each would search it from the beginning. */
static int read_part(exset_ctx_t *ctx, const exset_volume_source_t *source, uint16_t *value) {
  const int64_t *n = source->head->n, page = n[1] * n[2], limit = INT64_C(32) << 20;
  const int64_t step[2] = {page < limit ? limit / page : 1, n[1]};
  uint16_t *pages;
  int err = EXSET_OK;
  EXSET_TRY(exset_alloc(ctx, page * (step[0] < n[0] ? step[0] : n[0]), sizeof *pages, &pages));
  exset_piece_t p = {0};
  while (!err && (p = exset_piece_next(source, step, &p)).nz > 0) {
    err = exset_image_read_pages(ctx, source->path, source->first[0] + source->grid->z0 + p.z, p.nz,
                                 pages);
    for (int64_t z = 0; !err && z < p.nz; z++) {
      const exset_piece_t one = {.z = p.z + z, .nz = 1, .ny = source->grid->n[1]};
      exset_piece_columns(source, &one, sizeof *pages, pages + z * page + source->first[1] * n[2],
                          value);
    }
  }
  free(pages);
  return err;
}

int exset_volume_tiff_gray(exset_ctx_t *ctx, const exset_volume_source_t *source, uint16_t *value) {
  const exset_grid_t *g = source->grid;
  if (g->n[1] < source->head->n[1] || g->n[2] < source->head->n[2])
    return read_part(ctx, source, value);
  return exset_image_read_pages(ctx, source->path, source->first[0] + g->z0, g->nz_local, value);
}

enum { TAG_PLANE = 11 };

static const int64_t chunk = INT64_C(1) << 30; /* counts stay within int */

/* Synchronous: planes wait with their owners, not in the writer's memory. */
static int send_plane(exset_ctx_t *ctx, const uint8_t *plane, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += chunk) {
    const int n = (int)(bytes - i < chunk ? bytes - i : chunk);
    EXSET_TRY(EXSET_MPI(ctx, MPI_Ssend(plane + i, n, MPI_BYTE, 0, TAG_PLANE, ctx->comm)));
  }
  return EXSET_OK;
}

static int receive_plane(exset_ctx_t *ctx, int owner, uint8_t *plane, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += chunk) {
    const int n = (int)(bytes - i < chunk ? bytes - i : chunk);
    EXSET_TRY(EXSET_MPI(
        ctx, MPI_Recv(plane + i, n, MPI_BYTE, owner, TAG_PLANE, ctx->comm, MPI_STATUS_IGNORE)));
  }
  return EXSET_OK;
}

/* Rank 0 receives all planes in order even when writing has failed: nobody waits for ever. */
static int write_planes(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume,
                        uint8_t *buffer) {
  const exset_grid_t *g = &volume->grid;
  const int64_t plane = g->n[1] * g->n[2];
  exset_tiff_writer_t *writer;
  int err = exset_tiff_writer_create(ctx, temp, g->n[0], g->n[1], g->n[2], &writer);
  for (int64_t z = 0; z < g->n[0]; z++) {
    const int owner = exset_grid_owner(ctx, g, z);
    if (owner != 0) EXSET_TRY(receive_plane(ctx, owner, buffer, plane));
    const uint8_t *data = owner == 0 ? volume->phase + z * plane : buffer;
    if (!err) err = exset_tiff_writer_page(ctx, writer, data);
  }
  const int closed = exset_tiff_writer_close(ctx, &writer);
  return err ? err : closed;
}

int exset_volume_tiff_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume) {
  const exset_grid_t *g = &volume->grid;
  const int64_t plane = g->n[1] * g->n[2];
  uint8_t *buffer = NULL;
  EXSET_TRY(exset_alloc_all(ctx, ctx->rank == 0 ? plane : 0, 1, &buffer));
  int err = EXSET_OK;
  if (ctx->rank == 0) err = write_planes(ctx, temp, volume, buffer);
  else
    for (int64_t z = 0; !err && z < g->nz_local; z++)
      err = send_plane(ctx, volume->phase + z * plane, plane);
  free(buffer);
  return exset_agree(ctx, err);
}
