/* Fronts of cells: lists of the cells in each bucket, exchange between neighbouring slabs. */
#include <limits.h>
#include <stdlib.h>

#include "morph_geodesic_impl.h"

int front_init(exset_ctx_t *ctx, const exset_grid_t *grid, int64_t buckets, front_t *front) {
  const int64_t end = grid->z0 + grid->nz_local;
  *front = (front_t){.ctx = ctx, .arrival = MPI_DATATYPE_NULL};
  front->plane = grid->n[1] * grid->n[2];
  front->cells = front->plane * grid->nz_local;
  front->rank[0] = grid->nz_local > 0 && grid->z0 > 0 ? ctx->rank - 1 : MPI_PROC_NULL;
  front->rank[1] = grid->nz_local > 0 && end < grid->n[0] ? ctx->rank + 1 : MPI_PROC_NULL;
  front->slots = front->stride = 1;
  while (front->slots < buckets) front->slots *= 2;
  if (front->plane > INT_MAX)
    return exset_fail(ctx, EXSET_ERR_RUN, "paths in planes of %lld cells: at most %d are allowed",
                      (long long)front->plane, INT_MAX);
  for (int side = 0; side < 2; side++)
    if (front->rank[side] != MPI_PROC_NULL)
      EXSET_TRY(exset_alloc_unset(ctx, front->plane, sizeof(arrival_t), &front->in[side].item));
  EXSET_TRY(exset_alloc(ctx, front->slots, sizeof *front->slot, &front->slot));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous(sizeof(arrival_t), MPI_BYTE, &front->arrival)));
  return EXSET_MPI(ctx, MPI_Type_commit(&front->arrival));
}

void front_clear(front_t *front) {
  if (front->slot)
    for (int64_t k = 0; k < front->slots; k++) free(front->slot[k].cell);
  free(front->slot);
  for (int side = 0; side < 2; side++) {
    free(front->out[side].item);
    free(front->in[side].item);
  }
  if (front->ctx && front->arrival != MPI_DATATYPE_NULL) MPI_Type_free(&front->arrival);
}

/* Twice as much memory, or the old one when there is no more of it. */
static void *grow(front_t *front, void *old, int64_t *capacity, size_t size) {
  const int64_t most = *capacity > 0 ? 2 * *capacity : 64;
  void *item = realloc(old, (size_t)most * size);
  if (item) *capacity = most;
  else
    front->err = exset_fail(front->ctx, EXSET_ERR_LOCAL, "no memory for a front of %lld cells",
                            (long long)most);
  return item ? item : old;
}

bool front_grow_cells(front_t *front, cells_t *list) {
  list->cell = grow(front, list->cell, &list->capacity, sizeof *list->cell);
  return list->n < list->capacity;
}

bool front_grow_arrivals(front_t *front, arrivals_t *list) {
  list->item = grow(front, list->item, &list->capacity, sizeof *list->item);
  return list->n < list->capacity;
}

/* Leave out what has been bettered since, so that each cell remains once at most; none at all after a failure, which all ranks are
 * about to learn. */
static void keep_best(const front_t *front, const float *halo, arrivals_t *list) {
  int64_t kept = 0;
  for (int64_t i = 0; i < list->n; i++)
    if (list->item[i].value == halo[list->item[i].cell]) list->item[kept++] = list->item[i];
  list->n = front->err ? 0 : kept;
}

/* What the neighbour on one side has sent, if there is one: a plane of cells at most. */
static int receive(front_t *front, int side) {
  exset_ctx_t *ctx = front->ctx;
  arrivals_t *in = &front->in[side];
  const int rank = front->rank[side], tag = !side;
  int n = 0;
  MPI_Status status;
  in->n = 0;
  if (rank == MPI_PROC_NULL) return EXSET_OK;
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Recv(in->item, (int)front->plane, front->arrival, rank, tag, ctx->comm, &status)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Get_count(&status, front->arrival, &n)));
  in->n = n;
  return EXSET_OK;
}

int front_exchange(front_t *front, const float *value) {
  exset_ctx_t *ctx = front->ctx;
  MPI_Request request[2];
  keep_best(front, value, &front->out[0]);
  keep_best(front, value + front->plane + front->cells, &front->out[1]);
  for (int to = 0; to < 2; to++) {
    const arrivals_t *out = &front->out[to];
    EXSET_TRY(EXSET_MPI(ctx, MPI_Isend(out->item, (int)out->n, front->arrival, front->rank[to], to,
                                       ctx->comm, &request[to])));
  }
  for (int side = 0; side < 2; side++) EXSET_TRY(receive(front, side));
  for (int to = 0; to < 2; to++) front->out[to].n = 0;
  return EXSET_MPI(ctx, MPI_Waitall(2, request, MPI_STATUSES_IGNORE));
}

int front_next(front_t *front) {
  if (front->bucket >= 0 && front->bucket + 1 < front->known) {
    front->bucket++;
    return EXSET_OK;
  }
  int64_t state[2] = {INT64_MAX, front->err ? 0 : 1}, least[2];
  for (int64_t k = 0; k < front->slots && state[0] == INT64_MAX; k++)
    if (front_slot(front, front->bucket + k)->n > 0) state[0] = front->bucket + k;
  EXSET_TRY(EXSET_MPI(front->ctx,
                      MPI_Allreduce(state, least, 2, MPI_INT64_T, MPI_MIN, front->ctx->comm)));
  if (!least[1]) return exset_agree(front->ctx, front->err);
  front->bucket = least[0] < INT64_MAX ? least[0] : -1;
  front->known = front->bucket + front->stride;
  return EXSET_OK;
}
