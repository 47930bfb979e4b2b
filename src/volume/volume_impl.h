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
  int64_t chunk[3];           /* HDF5 in chunks; 0: contiguous */
} exset_volume_head_t;

/* What is read: the file's cells from `first` on are those of the grid, which has the size of the box. */
typedef struct {
  const char *path;
  const exset_volume_head_t *head;
  const exset_grid_t *grid;
  int64_t first[3];
  const char *hints;
} exset_volume_source_t;

/**
 * Pieces of this rank's slab for reading, one after the other: of at most step[0] planes and step[1] rows, ending at multiples of
 * those in the file. Starts from a zeroed piece; nz = 0 after the last. Local: ranks have pieces of their own.
 */
exset_piece_t exset_piece_next(const exset_volume_source_t *source, const int64_t step[2],
                               const exset_piece_t *last);
/** The piece's columns [first, first + n) of rows of `row` cells in a buffer, each of so many bytes, to their places in the slab.
 *  Local. */
void exset_piece_columns(const exset_volume_source_t *source, const exset_piece_t *piece,
                         int64_t cell_bytes, const void *rows, void *slab);

/** Hints to an MPI_Info to be freed, MPI_INFO_NULL where there are none. Local, the same on all ranks. Errors: EXSET_ERR_INPUT
 *  (not name=value), EXSET_ERR_LOCAL. */
int exset_volume_hints(exset_ctx_t *ctx, const char *hints, MPI_Info *info);
void exset_volume_hints_free(MPI_Info *info);

/* Heads: local, called by rank 0 alone. Values: this rank's slab [nz_local][ny][nx]. */
int exset_volume_tiff_head(exset_ctx_t *ctx, const char *path, exset_volume_head_t *head);
/** Local: every rank reads its own pages. */
int exset_volume_tiff_gray(exset_ctx_t *ctx, const exset_volume_source_t *source, uint16_t *value);
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
int exset_volume_raw_gray(exset_ctx_t *ctx, const exset_volume_source_t *source, uint16_t *value);
int exset_volume_raw_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume,
                           const char *hints);
/**
 * Can every rank open the file? To be asked before all open it together: a rank that fails then, as on a node that does not see
 * the file, would leave the others waiting for it. Collective. Errors: EXSET_ERR_INPUT (reading), EXSET_ERR_RUN.
 */
int exset_volume_reach(exset_ctx_t *ctx, const char *path, bool reading);
/** Open a file by all ranks; close it, agreeing on an error met before. Collective. Errors: EXSET_ERR_RUN. */
int exset_volume_raw_open(exset_ctx_t *ctx, const char *path, int mode, MPI_Info info,
                          MPI_File *file);
int exset_volume_raw_close(exset_ctx_t *ctx, const char *path, MPI_File *file, int err);
/** Move bytes [at, at + bytes) of a file, any number. Not by MPI's collective calls: Open MPI's aggregate ranges that are
 *  contiguous already, and report success on a full disk. Local. Errors: EXSET_ERR_RUN. */
int exset_volume_raw_move(exset_ctx_t *ctx, const char *path, MPI_File file, bool reading,
                          int64_t at, int64_t bytes, void *data);

int exset_volume_hdf5_head(exset_ctx_t *ctx, const char *path, const char *dataset,
                           exset_volume_head_t *head);
/** As exset_volume_attribute, of an HDF5 file. Local. */
int exset_volume_hdf5_attribute(exset_ctx_t *ctx, const char *path, const char *name, char **text);
/** Collective. Any integers as gray values. */
int exset_volume_hdf5_gray(exset_ctx_t *ctx, const exset_volume_source_t *source, uint16_t *value);
/** Collective. Phases are stored as bytes; most gets the largest on any rank. */
int exset_volume_hdf5_phases(exset_ctx_t *ctx, const exset_volume_source_t *source, uint8_t *phase,
                             int *most);
/** Collective. */
int exset_volume_hdf5_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume,
                            const exset_volume_extras_t *extras);

#endif
