/* test: np="1 2 3 5" time=30 */
/* Slabs go to files in pieces: every cell once, none larger than the limit unless a row is, as many on every rank. */
#include "../src/volume/volume_impl.h"
#include "test.h"

#include <stdlib.h>

static void check_pieces(exset_ctx_t *ctx, const int64_t n[3], int64_t cell, int64_t limit) {
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  const int64_t count = exset_pieces(ctx, &grid, cell, limit),
                cells = exset_grid_cells_local(&grid);
  int64_t most = count, least = count, covered = 0;
  MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT64_T, MPI_MAX, ctx->comm);
  MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_INT64_T, MPI_MIN, ctx->comm);
  CHECK(most == least && count >= 1);
  char *seen;
  MUST(ctx, exset_alloc(ctx, cells, 1, &seen));
  for (int64_t i = 0; i < count; i++) {
    const exset_piece_t p = exset_piece(&grid, cell, limit, i);
    const int64_t start = exset_piece_start(&grid, &p), length = exset_piece_cells(&grid, &p);
    CHECK(length * cell <= limit || (p.nz == 1 && p.ny == 1));
    CHECK(length == 0 || (start >= 0 && start + length <= cells));
    for (int64_t c = start; c < start + length; c++) covered += !seen[c], seen[c]++;
    /* a piece is one contiguous range of the slab */
    CHECK(p.nz <= 1 || (p.y == 0 && p.ny == n[1]));
  }
  CHECK(covered == cells);
  for (int64_t c = 0; c < cells; c++) CHECK(seen[c] == 1);
  free(seen);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t n[][3] = {{7, 3, 5}, {1, 4, 4}, {12, 1, 9}, {5, 6, 1}};
  for (int i = 0; i < 4; i++)
    for (int64_t cell = 1; cell <= 12; cell += 11)
      for (int64_t limit = 1; limit < 300; limit += 7) check_pieces(ctx, n[i], cell, limit);
  /* what a rank of a 8192^3 volume writes on 16 ranks: 32 pieces of 1 GiB */
  const exset_grid_t huge = {.n = {8192, 8192, 8192}, .nz_local = 512};
  for (int64_t i = 0; i < 32; i++) {
    const exset_piece_t p = exset_piece(&huge, 1, EXSET_PIECE_BYTES, i);
    CHECK(exset_piece_cells(&huge, &p) == EXSET_PIECE_BYTES);
    CHECK(exset_piece_start(&huge, &p) == i * EXSET_PIECE_BYTES);
  }
  return test_end(ctx);
}
