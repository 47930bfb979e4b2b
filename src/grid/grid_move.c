/* Planes from one slab cut to another. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "exset/grid.h"

typedef struct {
  int64_t z0, z1;
} range_t;

static range_t overlap(range_t a, range_t b) {
  const range_t both = {a.z0 > b.z0 ? a.z0 : b.z0, a.z1 < b.z1 ? a.z1 : b.z1};
  return both;
}

static char *plane_at(const exset_planes_t *planes, int64_t z) {
  return (char *)planes->data + (z - planes->z0) * planes->plane_stride;
}

static void copy_own(const exset_planes_t *from, const exset_planes_t *to, range_t both,
                     int64_t rows, int64_t row_bytes) {
  for (int64_t z = both.z0; z < both.z1; z++)
    for (int64_t r = 0; r < rows; r++)
      memcpy(plane_at(to, z) + r * to->row_stride, plane_at(from, z) + r * from->row_stride,
             (size_t)row_bytes);
}

/* A plane of rows at their distances; several of them in one message stay a count of planes, so
 * that counts fit an int whatever the bytes. */
static int plane_type(exset_ctx_t *ctx, const exset_planes_t *planes, int64_t rows,
                      int64_t row_bytes, MPI_Datatype *type) {
  MPI_Datatype row, plane;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous((int)row_bytes, MPI_BYTE, &row)));
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Type_create_hvector((int)rows, 1, (MPI_Aint)planes->row_stride, row, &plane)));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Type_create_resized(plane, 0, (MPI_Aint)planes->plane_stride, type)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_commit(type)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_free(&plane)));
  return EXSET_MPI(ctx, MPI_Type_free(&row));
}

/* Start all messages; cuts[rank] = {source range, destination range}. */
static int exchange(exset_ctx_t *ctx, const exset_planes_t *from, const exset_planes_t *to,
                    range_t (*cuts)[2], MPI_Datatype from_type, MPI_Datatype to_type,
                    MPI_Request *requests) {
  enum { TAG = 3 };
  int n = 0;
  for (int rank = 0; rank < ctx->size; rank++) {
    if (rank == ctx->rank) continue;
    const range_t in = overlap(cuts[rank][0], cuts[ctx->rank][1]);
    const range_t out = overlap(cuts[ctx->rank][0], cuts[rank][1]);
    if (in.z0 < in.z1)
      EXSET_TRY(EXSET_MPI(ctx, MPI_Irecv(plane_at(to, in.z0), (int)(in.z1 - in.z0), to_type, rank,
                                         TAG, ctx->comm, &requests[n++])));
    if (out.z0 < out.z1)
      EXSET_TRY(EXSET_MPI(ctx, MPI_Isend(plane_at(from, out.z0), (int)(out.z1 - out.z0), from_type,
                                         rank, TAG, ctx->comm, &requests[n++])));
  }
  return EXSET_MPI(ctx, MPI_Waitall(n, requests, MPI_STATUSES_IGNORE));
}

int exset_grid_move_planes(exset_ctx_t *ctx, const exset_planes_t *from, exset_planes_t *to,
                           int64_t rows, int64_t row_bytes) {
  if (rows > INT_MAX || row_bytes > INT_MAX || from->nz > INT_MAX || to->nz > INT_MAX)
    return exset_fail(ctx, EXSET_ERR_LOCAL, "cannot move planes of %lld rows of %lld bytes",
                      (long long)rows, (long long)row_bytes);
  range_t(*cuts)[2] = NULL;
  MPI_Request *requests = NULL;
  MPI_Datatype from_type = MPI_DATATYPE_NULL, to_type = MPI_DATATYPE_NULL;
  const range_t mine[2] = {{from->z0, from->z0 + from->nz}, {to->z0, to->z0 + to->nz}};
  int err;
  EXSET_TRY_GOTO(err, done, exset_alloc(ctx, ctx->size, sizeof *cuts, &cuts));
  EXSET_TRY_GOTO(err, done, exset_alloc(ctx, 2 * (int64_t)ctx->size, sizeof *requests, &requests));
  EXSET_TRY_GOTO(err, done,
                 EXSET_MPI(ctx, MPI_Allgather(mine, sizeof mine, MPI_BYTE, cuts, sizeof mine,
                                              MPI_BYTE, ctx->comm)));
  EXSET_TRY_GOTO(err, done, plane_type(ctx, from, rows, row_bytes, &from_type));
  EXSET_TRY_GOTO(err, done, plane_type(ctx, to, rows, row_bytes, &to_type));
  copy_own(from, to, overlap(mine[0], mine[1]), rows, row_bytes);
  EXSET_TRY_GOTO(err, done, exchange(ctx, from, to, cuts, from_type, to_type, requests));
  EXSET_TRY_GOTO(err, done, EXSET_MPI(ctx, MPI_Type_free(&from_type)));
  EXSET_TRY_GOTO(err, done, EXSET_MPI(ctx, MPI_Type_free(&to_type)));
done:
  free(requests);
  free(cuts);
  return err;
}
