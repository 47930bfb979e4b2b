/* test: np="1 2 3 5" time=30 */
/* Slabs cover the grid once; halo planes carry their neighbours' planes, also with empty slabs; rows move between cuts. */
#include "exset/grid.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_halo(exset_ctx_t *ctx, int64_t nz, bool periodic) {
  const int64_t n[3] = {nz, 3, 5};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  const size_t plane = 9001; /* not a multiple of any block */
  unsigned char *data, *below, *above;
  MUST(ctx, exset_alloc(ctx, grid.nz_local + 1, plane, &data));
  MUST(ctx, exset_alloc(ctx, 1, plane, &below));
  MUST(ctx, exset_alloc(ctx, 1, plane, &above));
  for (int64_t z = 0; z < grid.nz_local; z++)
    memset(data + (size_t)z * plane, (int)(grid.z0 + z + 1), plane);
  const size_t top = (size_t)(grid.nz_local > 0 ? grid.nz_local - 1 : 0) * plane;
  MUST(ctx, exset_grid_halo(ctx, &grid, plane, data, data + top, below, above, periodic));
  if (grid.nz_local > 0) {
    const int64_t z1 = grid.z0 + grid.nz_local;
    const int under = grid.z0 > 0 ? (int)grid.z0 : periodic ? (int)nz : 0;
    const int over = z1 < nz ? (int)z1 + 1 : periodic ? 1 : 0;
    CHECK(below[0] == under && below[plane - 1] == under);
    CHECK(above[0] == over && above[plane - 1] == over);
  }
  int64_t planes = grid.nz_local;
  MPI_Allreduce(MPI_IN_PLACE, &planes, 1, MPI_INT64_T, MPI_SUM, ctx->comm);
  CHECK(planes == nz);
  for (int64_t z = grid.z0; z < grid.z0 + grid.nz_local; z++)
    CHECK(exset_grid_owner(ctx, &grid, z) == ctx->rank);
  free(data);
  free(below);
  free(above);
}

/* Rows from one cut to another, of uneven blocks of planes and rows; a size that one rank cannot send fails on all. */
static void check_move(exset_ctx_t *ctx) {
  enum { NZ = 7, NY = 6, BYTES = 5 };
  const int64_t size = ctx->size, r = ctx->rank, z = NZ * r / size, z1 = NZ * (r + 1) / size;
  const int64_t y = NY * r / size, y1 = NY * (r + 1) / size;
  const exset_rows_t from = {0, NZ, y, y1 - y}, to = {z, z1 - z, 0, NY};
  unsigned char *data, *out;
  MUST(ctx, exset_alloc(ctx, NZ * NY, BYTES, &data));
  MUST(ctx, exset_alloc(ctx, NZ * NY, BYTES, &out));
  for (int64_t i = 0; i < from.nz; i++)
    for (int64_t j = 0; j < from.ny; j++)
      memset(data + (i * from.ny + j) * BYTES, (int)(i * NY + y + j), BYTES);
  MUST(ctx, exset_grid_move_rows(ctx, BYTES, from, data, to, out));
  int wrong = 0;
  for (int64_t i = 0; i < to.nz * NY * BYTES; i++) wrong += out[i] != z * NY + i / BYTES;
  CHECK_MSG(wrong == 0, "%d of the moved bytes are wrong", wrong);
  const int64_t most = INT64_C(1) << 32;
  CHECK(exset_grid_move_rows(ctx, r == 0 ? most : BYTES, from, data, to, out) == EXSET_ERR_RUN);
  ctx->message[0] = 0;
  free(data);
  free(out);
}

/* Turned, each cell is where its coordinates say; turned again, the grid is the first one. */
static void check_turn(exset_ctx_t *ctx) {
  const int64_t n[3] = {7, 4, 3};
  const double voxel[3] = {1, 2, 3};
  exset_grid_t grid, turned, back;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_grid_turned(ctx, &grid, &turned));
  MUST(ctx, exset_grid_turned(ctx, &turned, &back));
  CHECK(turned.n[0] == 4 && turned.n[1] == 7 && turned.voxel[0] == 2 && turned.voxel[1] == 1);
  int32_t *in, *out, *again;
  const int64_t cells = exset_grid_cells_local(&grid), here = exset_grid_cells_local(&turned);
  MUST(ctx, exset_alloc(ctx, cells, sizeof *in, &in));
  MUST(ctx, exset_alloc(ctx, here, sizeof *out, &out));
  MUST(ctx, exset_alloc(ctx, cells, sizeof *again, &again));
  for (int64_t i = 0; i < cells; i++) in[i] = (int32_t)(grid.z0 * 12 + i);
  MUST(ctx, exset_grid_turn(ctx, &grid, sizeof *in, in, &turned, out));
  int wrong = 0;
  for (int64_t i = 0; i < here; i++) {
    const int64_t y = turned.z0 + i / 21, z = i / 3 % 7;
    wrong += out[i] != (z * 4 + y) * 3 + i % 3;
  }
  CHECK_MSG(wrong == 0, "%d cells are not in their place", wrong);
  MUST(ctx, exset_grid_turn(ctx, &turned, sizeof *in, out, &back, again));
  CHECK(memcmp(in, again, (size_t)cells * sizeof *in) == 0);
  free(in);
  free(out);
  free(again);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int64_t nz = 1; nz < 12; nz++) {
    check_halo(ctx, nz, false);
    check_halo(ctx, nz, true);
  }
  check_move(ctx);
  check_turn(ctx);
  const int64_t huge[3] = {INT64_C(1) << 40, INT64_C(1) << 40, 2}, bad[3] = {4, 0, 4};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  CHECK(exset_grid_init(ctx, huge, voxel, &grid) == EXSET_ERR_INPUT);
  CHECK(exset_grid_init(ctx, bad, voxel, &grid) == EXSET_ERR_INPUT);
  const int64_t n[3] = {2, 2, 2};
  const double voxels[][3] = {{0, 1, 1}, {1, -1, 1}, {1, 1, NAN}, {INFINITY, 1, 1}, {1, 1e-4, 1e3}};
  for (size_t k = 0; k < sizeof voxels / sizeof *voxels; k++)
    CHECK(exset_grid_init(ctx, n, voxels[k], &grid) == EXSET_ERR_INPUT);
  return test_end(ctx);
}
