/* Slabs along z and halo planes. */
#include "exset/grid.h"

#include <math.h>

static int64_t block_size(const exset_ctx_t *ctx, const exset_grid_t *grid) {
  return (grid->n[0] + ctx->size - 1) / ctx->size;
}

void exset_grid_slab(const exset_ctx_t *ctx, const exset_grid_t *grid, int rank, int64_t *z0,
                     int64_t *nz) {
  const int64_t block = block_size(ctx, grid), begin = block * rank;
  *z0 = begin < grid->n[0] ? begin : grid->n[0];
  *nz = grid->n[0] - *z0 < block ? grid->n[0] - *z0 : block;
}

int exset_grid_owner(const exset_ctx_t *ctx, const exset_grid_t *grid, int64_t z) {
  return (int)(z / block_size(ctx, grid));
}

int exset_grid_init(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3],
                    exset_grid_t *grid) {
  for (int a = 0; a < 3; a++) {
    if (n[a] < 1)
      return exset_fail(ctx, EXSET_ERR_INPUT, "grid size %lld is not allowed: at least 1",
                        (long long)n[a]);
    grid->n[a] = n[a];
    grid->voxel[a] = voxel[a];
  }
  const double most_ratio = 1e6, low = fmin(voxel[0], fmin(voxel[1], voxel[2]));
  for (int a = 0; a < 3; a++)
    if (!(voxel[a] > 0) || isinf(voxel[a]) || voxel[a] > most_ratio * low)
      return exset_fail(
          ctx, EXSET_ERR_INPUT,
          "voxels of %g,%g,%g um are not allowed: edges are positive and finite, none "
          "more than %g times another",
          voxel[0], voxel[1], voxel[2], most_ratio);
  const int64_t cells = exset_mul3(n[0], n[1], n[2]);
  if (cells < 0 || cells > (INT64_C(1) << 62))
    return exset_fail(ctx, EXSET_ERR_INPUT, "grid size %lld,%lld,%lld exceeds 2^62 cells",
                      (long long)n[0], (long long)n[1], (long long)n[2]);
  exset_grid_slab(ctx, grid, ctx->rank, &grid->z0, &grid->nz_local);
  return EXSET_OK;
}

int64_t exset_grid_cells(const exset_grid_t *grid) {
  return grid->n[0] * grid->n[1] * grid->n[2];
}

int64_t exset_grid_cells_local(const exset_grid_t *grid) {
  return grid->nz_local * grid->n[1] * grid->n[2];
}

/* Neighbour that holds plane z, or MPI_PROC_NULL beyond an open end. */
static int plane_neighbour(const exset_ctx_t *ctx, const exset_grid_t *grid, int64_t z,
                           bool periodic) {
  if (z >= 0 && z < grid->n[0]) return exset_grid_owner(ctx, grid, z);
  if (!periodic) return MPI_PROC_NULL;
  return exset_grid_owner(ctx, grid, z < 0 ? grid->n[0] - 1 : 0);
}

int exset_grid_halo(exset_ctx_t *ctx, const exset_grid_t *grid, size_t plane_bytes,
                    const void *first, const void *last, void *below, void *above, bool periodic) {
  if (grid->nz_local == 0) return EXSET_OK;
  const int down = plane_neighbour(ctx, grid, grid->z0 - 1, periodic);
  const int up = plane_neighbour(ctx, grid, grid->z0 + grid->nz_local, periodic);
  enum { TAG_UP = 1, TAG_DOWN = 2 };
  MPI_Datatype plane; /* keeps the count an int for planes beyond 2 GiB */
  const size_t chunk = 4096;
  const int chunks = (int)(plane_bytes / chunk), rest = (int)(plane_bytes % chunk);
  int lengths[2] = {chunks, rest};
  MPI_Datatype block, types[2];
  MPI_Aint places[2] = {0, (MPI_Aint)(plane_bytes - (size_t)rest)};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous((int)chunk, MPI_BYTE, &block)));
  types[0] = block;
  types[1] = MPI_BYTE;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_create_struct(2, lengths, places, types, &plane)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_commit(&plane)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Sendrecv(last, 1, plane, up, TAG_UP, below, 1, plane, down, TAG_UP,
                                        ctx->comm, MPI_STATUS_IGNORE)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Sendrecv(first, 1, plane, down, TAG_DOWN, above, 1, plane, up,
                                        TAG_DOWN, ctx->comm, MPI_STATUS_IGNORE)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_free(&block)));
  return EXSET_MPI(ctx, MPI_Type_free(&plane));
}
