/**
 * grid: regular grids cut into slabs along z, halo planes.
 *
 * The cut is into blocks of ceil(nz / ranks) planes, so that trailing ranks
 * may hold a short slab or none (nz_local = 0). Arrays are [z][y][x], x fastest, without padding.
 */
#ifndef EXSET_GRID_H
#define EXSET_GRID_H

#include "exset/core.h"

typedef struct {
  int64_t n[3];     /* cells of the whole grid: z, y, x */
  double voxel[3];  /* edge lengths of a cell in micrometres: z, y, x */
  int64_t z0;       /* first plane of this rank (= n[0] for ranks without planes) */
  int64_t nz_local; /* planes of this rank, may be 0 */
} exset_grid_t;

/**
 * Cut a grid over the ranks of ctx. Local (same arguments everywhere).
 * Errors: EXSET_ERR_INPUT when a size is < 1, the number of cells exceeds 2^62, a voxel edge is not positive and finite,
 * or one is more than 10^6 times another.
 */
int exset_grid_init(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3],
                    exset_grid_t *grid);
/** Rank that owns plane z, and the first plane and plane count of any rank. Local. */
int exset_grid_owner(const exset_ctx_t *ctx, const exset_grid_t *grid, int64_t z);
void exset_grid_slab(const exset_ctx_t *ctx, const exset_grid_t *grid, int rank, int64_t *z0,
                     int64_t *nz);
/** Cells in this rank's slab. Local. */
int64_t exset_grid_cells_local(const exset_grid_t *grid);
/** Cells in the whole grid. Local. */
int64_t exset_grid_cells(const exset_grid_t *grid);

/**
 * Exchange one plane with each neighbouring slab.
 *
 * Collective. first and last: this rank's lowest and highest plane, plane_bytes each (ignored for
 * an empty slab). below receives plane z0-1, above plane z0+nz_local; where there is none (outer
 * faces when not periodic, or an empty slab) the buffer is left as it was.
 * Errors: EXSET_ERR_LOCAL (MPI).
 */
int exset_grid_halo(exset_ctx_t *ctx, const exset_grid_t *grid, size_t plane_bytes,
                    const void *first, const void *last, void *below, void *above, bool periodic);

/* A box of whole rows of a grid, held by one rank as [nz][ny] rows without gaps; any of its sizes may be 0. */
typedef struct {
  int64_t z0, nz, y0, ny;
} exset_rows_t;
/**
 * Move rows of row_bytes from boxes that hold each row once to boxes of another cut. from, to: this rank's boxes, with
 * their data. Collective. Errors: EXSET_ERR_RUN (memory, 2^31 rows or bytes of a row), EXSET_ERR_LOCAL (MPI).
 */
int exset_grid_move_rows(exset_ctx_t *ctx, int64_t row_bytes, exset_rows_t from, const void *data,
                         exset_rows_t to, void *out);

/**
 * The same cells in slabs normal to y: turned has the sizes and edges of z and y exchanged (first dimension y), out is
 * its slab [ny_local][nz][nx], in the slab [nz_local][ny][nx] of grid, cell_bytes for each cell. Turning the turned grid
 * gives the first one back. Collective. Errors: as exset_grid_move_rows.
 */
int exset_grid_turn(exset_ctx_t *ctx, const exset_grid_t *grid, int64_t cell_bytes, const void *in,
                    const exset_grid_t *turned, void *out);
/** The turned grid, for the size of its slab. Local. Errors: as exset_grid_init. */
int exset_grid_turned(exset_ctx_t *ctx, const exset_grid_t *grid, exset_grid_t *turned);

#endif
