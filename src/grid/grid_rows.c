/* Rows from one cut of a grid into boxes to another. */
#include "exset/grid.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int64_t end_of(int64_t start, int64_t n, int64_t other_start, int64_t other_n) {
  const int64_t end = start + n, other = other_start + other_n;
  return end < other ? end : other;
}

static exset_rows_t overlap(exset_rows_t a, exset_rows_t b) {
  exset_rows_t both = {a.z0 > b.z0 ? a.z0 : b.z0, 0, a.y0 > b.y0 ? a.y0 : b.y0, 0};
  both.nz = end_of(a.z0, a.nz, b.z0, b.nz) - both.z0;
  both.ny = end_of(a.y0, a.ny, b.y0, b.ny) - both.y0;
  if (both.nz <= 0 || both.ny <= 0) both.nz = both.ny = 0;
  return both;
}

/* The part of a box as a datatype that begins at the box's data; a byte, not to be sent, where it is empty. */
static int part_type(exset_ctx_t *ctx, exset_rows_t box, exset_rows_t part, MPI_Datatype row,
                     int64_t row_bytes, MPI_Datatype *type, int *count) {
  *count = part.nz > 0;
  if (*count == 0) return EXSET_MPI(ctx, MPI_Type_dup(MPI_BYTE, type));
  MPI_Datatype plane, planes;
  const MPI_Aint plane_bytes = (MPI_Aint)(box.ny * row_bytes);
  const MPI_Aint start = (MPI_Aint)(((part.z0 - box.z0) * box.ny + part.y0 - box.y0) * row_bytes);
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous((int)part.ny, row, &plane)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_create_hvector((int)part.nz, 1, plane_bytes, plane, &planes)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_create_hindexed_block(1, 1, &start, planes, type)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_commit(type)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_free(&plane)));
  return EXSET_MPI(ctx, MPI_Type_free(&planes));
}

/* One entry for each rank. */
typedef struct {
  exset_rows_t (*box)[2]; /* of all ranks: from, to */
  int *count[2], *place;  /* places are all 0: datatypes have them */
  MPI_Datatype *type[2];  /* sent, received */
} plan_t;

static void plan_clear(plan_t *p) {
  for (int way = 0; way < 2; way++) {
    free(p->count[way]);
    free(p->type[way]);
  }
  free(p->place);
  free(p->box);
}

static int plan_alloc(exset_ctx_t *ctx, plan_t *p) {
  EXSET_TRY(exset_alloc(ctx, ctx->size, sizeof *p->box, &p->box));
  EXSET_TRY(exset_alloc(ctx, ctx->size, sizeof(int), &p->place));
  for (int way = 0; way < 2; way++) {
    EXSET_TRY(exset_alloc(ctx, ctx->size, sizeof(int), &p->count[way]));
    EXSET_TRY(exset_alloc(ctx, ctx->size, sizeof(MPI_Datatype), &p->type[way]));
  }
  return EXSET_OK;
}

static int move(exset_ctx_t *ctx, plan_t *p, int64_t row_bytes, exset_rows_t own[2],
                const void *data, void *out) {
  MPI_Datatype row;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allgather(own, 2 * sizeof own[0], MPI_BYTE, p->box,
                                         2 * sizeof own[0], MPI_BYTE, ctx->comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous((int)row_bytes, MPI_BYTE, &row)));
  for (int way = 0; way < 2; way++)
    for (int r = 0; r < ctx->size; r++)
      EXSET_TRY(part_type(ctx, own[way], overlap(own[way], p->box[r][!way]), row, row_bytes,
                          &p->type[way][r], &p->count[way][r]));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Alltoallw(data, p->count[0], p->place, p->type[0], out, p->count[1],
                                         p->place, p->type[1], ctx->comm)));
  for (int way = 0; way < 2; way++)
    for (int r = 0; r < ctx->size; r++) EXSET_TRY(EXSET_MPI(ctx, MPI_Type_free(&p->type[way][r])));
  return EXSET_MPI(ctx, MPI_Type_free(&row));
}

/* MPI counts planes, rows and bytes of a row in an int each. */
static int check_counts(exset_ctx_t *ctx, int64_t row_bytes, const exset_rows_t own[2]) {
  for (int way = 0; way < 2; way++)
    if (row_bytes > INT_MAX || own[way].nz > INT_MAX || own[way].ny > INT_MAX)
      return exset_fail(ctx, EXSET_ERR_RUN, "cannot move %lld planes of %lld rows of %lld bytes",
                        (long long)own[way].nz, (long long)own[way].ny, (long long)row_bytes);
  return EXSET_OK;
}

int exset_grid_move_rows(exset_ctx_t *ctx, int64_t row_bytes, exset_rows_t from, const void *data,
                         exset_rows_t to, void *out) {
  exset_rows_t own[2] = {from, to};
  plan_t plan = {NULL, {NULL, NULL}, NULL, {NULL, NULL}};
  int err = check_counts(ctx, row_bytes, own);
  if (!err) err = plan_alloc(ctx, &plan);
  err = exset_agree(ctx, err);
  if (!err) err = move(ctx, &plan, row_bytes, own, data, out);
  plan_clear(&plan);
  return err;
}

int exset_grid_turned(exset_ctx_t *ctx, const exset_grid_t *grid, exset_grid_t *turned) {
  const int64_t n[3] = {grid->n[1], grid->n[0], grid->n[2]};
  const double voxel[3] = {grid->voxel[1], grid->voxel[0], grid->voxel[2]};
  return exset_grid_init(ctx, n, voxel, turned);
}

int exset_grid_turn(exset_ctx_t *ctx, const exset_grid_t *grid, int64_t cell_bytes, const void *in,
                    const exset_grid_t *turned, void *out) {
  const int64_t nz = grid->n[0], ny = turned->nz_local, row = grid->n[2] * cell_bytes;
  const exset_rows_t from = {grid->z0, grid->nz_local, 0, grid->n[1]};
  const exset_rows_t to = {0, nz, turned->z0, ny};
  char *rows; /* [nz][ny] */
  EXSET_TRY(exset_alloc_unset_all(ctx, exset_mul3(nz, ny, row), 1, &rows));
  const int err = exset_grid_move_rows(ctx, row, from, in, to, rows);
  for (int64_t y = 0; !err && y < ny; y++)
    for (int64_t z = 0; z < nz; z++)
      memcpy((char *)out + (y * nz + z) * row, rows + (z * ny + y) * row, (size_t)row);
  free(rows);
  return err;
}
