/* Inside the volume module: pieces of slabs, formats. */
#ifndef EXSET_VOLUME_IMPL_H
#define EXSET_VOLUME_IMPL_H

#include "exset/volume.h"

/* MPI-IO and HDF5 move at most 2 GiB in one call on many systems: slabs go in pieces. */
#define EXSET_PIECE_BYTES (INT64_C(1) << 30)

/* Planes [z, z + nz) of this rank's slab, rows [y, y + ny) of each; whole planes where possible. */
typedef struct {
  int64_t z, nz, y, ny;
} exset_piece_t;

/** Number of pieces, the same on all ranks (ranks with fewer planes get empty pieces, nz = 0), so that
 *  every rank makes as many collective calls. Local. */
int64_t exset_pieces(const exset_ctx_t *ctx, const exset_grid_t *grid, int64_t cell_bytes,
                     int64_t limit);
exset_piece_t exset_piece(const exset_grid_t *grid, int64_t cell_bytes, int64_t limit, int64_t i);
/** Cells of a piece, and its first cell in the slab. Local. */
static inline int64_t exset_piece_cells(const exset_grid_t *grid, const exset_piece_t *p) {
  return p->nz * p->ny * grid->n[2];
}
static inline int64_t exset_piece_start(const exset_grid_t *grid, const exset_piece_t *p) {
  return (p->z * grid->n[1] + p->y) * grid->n[2];
}

/* What a file says of its volume. */
typedef struct {
  int64_t n[3];
  double voxel[3], origin[3]; /* voxel 0: not said */
  int n_phases;               /* > 0: the file holds phases already; 0: gray values */
  int gray_bytes;             /* raw: 1 or 2 */
  char dataset[512];          /* HDF5 */
} exset_volume_head_t;

/* Heads: local, called by rank 0 alone. Values: this rank's slab [nz_local][ny][nx]. */
int exset_volume_tiff_head(exset_ctx_t *ctx, const char *path, exset_volume_head_t *head);
/** Local: every rank reads its own pages. */
int exset_volume_tiff_gray(exset_ctx_t *ctx, const char *path, const exset_grid_t *grid,
                           uint16_t *value);
/** Collective. */
int exset_volume_tiff_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume);

/**
 * Ask the file system for room for so many bytes, so that a full disk or quota is noticed before the data are written. File
 * systems that cannot tell are believed to have room. Local. Errors: EXSET_ERR_RUN.
 */
int exset_volume_reserve(exset_ctx_t *ctx, const char *temp, int64_t bytes);

int exset_volume_raw_head(exset_ctx_t *ctx, const char *path, const int64_t size[3], int64_t bytes,
                          exset_volume_head_t *head);
/** Collective. */
int exset_volume_raw_gray(exset_ctx_t *ctx, const char *path, const exset_grid_t *grid,
                          int gray_bytes, uint16_t *value);
int exset_volume_raw_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume);

int exset_volume_hdf5_head(exset_ctx_t *ctx, const char *path, const char *dataset,
                           exset_volume_head_t *head);
/** Collective. One of gray and phase is wanted, the other NULL; phases are stored as bytes. */
int exset_volume_hdf5_values(exset_ctx_t *ctx, const char *path, const exset_volume_head_t *head,
                             const exset_grid_t *grid, uint16_t *gray, uint8_t *phase);
/** Collective. */
int exset_volume_hdf5_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume,
                            int n_attributes, const exset_attribute_t *attributes, int n_arrays,
                            const exset_cellarray_t *arrays);

#endif
