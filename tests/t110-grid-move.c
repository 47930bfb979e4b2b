/* test: np="1 2 3 5" time=30 */
/* Planes between slab cuts: padded along z with other strides, shrunk back, and reversed over the ranks. */
#include "exset/grid.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, ROW_BYTES = 5 };

static unsigned char byte_at(int64_t z, int64_t row, int64_t i) {
  return (unsigned char)(1 + (z * 31 + row * 7 + i) % 250);
}

static exset_planes_t make(exset_ctx_t *ctx, int64_t z0, int64_t nz, int64_t row_stride,
                           int64_t plane_stride) {
  exset_planes_t planes = {NULL, z0, nz, row_stride, plane_stride};
  MUST(ctx, exset_alloc(ctx, nz * plane_stride, 1, &planes.data));
  return planes;
}

/* Every byte: the source's where a source plane exists and inside rows, 0 elsewhere. */
static void check(const exset_planes_t *planes, int64_t source_planes) {
  const unsigned char *data = planes->data;
  int64_t wrong = 0;
  for (int64_t z = 0; z < planes->nz; z++)
    for (int64_t b = 0; b < planes->plane_stride; b++) {
      const int64_t row = b / planes->row_stride, i = b % planes->row_stride;
      const bool inside = row < ROWS && i < ROW_BYTES && planes->z0 + z < source_planes;
      wrong += data[z * planes->plane_stride + b] != (inside ? byte_at(planes->z0 + z, row, i) : 0);
    }
  CHECK(wrong == 0);
}

static void fill(exset_planes_t *planes) {
  unsigned char *data = planes->data;
  for (int64_t z = 0; z < planes->nz; z++)
    for (int64_t row = 0; row < ROWS; row++)
      for (int64_t i = 0; i < ROW_BYTES; i++)
        data[z * planes->plane_stride + row * planes->row_stride + i] =
            byte_at(planes->z0 + z, row, i);
}

static void check_move(exset_ctx_t *ctx, int64_t nz_from, int64_t nz_to, bool reversed) {
  const double voxel[3] = {1, 1, 1};
  const int64_t n_from[3] = {nz_from, 1, 1}, n_to[3] = {nz_to, 1, 1};
  exset_grid_t g_from, g_to;
  MUST(ctx, exset_grid_init(ctx, n_from, voxel, &g_from));
  MUST(ctx, exset_grid_init(ctx, n_to, voxel, &g_to));
  int64_t z0, nz;
  exset_grid_slab(ctx, &g_to, reversed ? ctx->size - 1 - ctx->rank : ctx->rank, &z0, &nz);
  exset_planes_t from = make(ctx, g_from.z0, g_from.nz_local, 6, 20);
  exset_planes_t to = make(ctx, z0, nz, 9, 40);
  fill(&from);
  MUST(ctx, exset_grid_move_planes(ctx, &from, &to, ROWS, ROW_BYTES));
  check(&to, nz_from);
  free(from.data);
  free(to.data);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int64_t nz = 1; nz < 9; nz++)
    for (int reversed = 0; reversed < 2; reversed++) {
      check_move(ctx, nz, nz, reversed);
      check_move(ctx, nz, nz + 5, reversed);
      check_move(ctx, nz + 7, nz, reversed);
    }
  return test_end(ctx);
}
