/**
 * volume: labelled 3D volumes on disk: VTKHDF ImageData (read, write), HDF5, TIFF stacks, raw.
 */
#ifndef EXSET_VOLUME_H
#define EXSET_VOLUME_H

#include "exset/grid.h"
#include "exset/image.h"

/* A distributed volume of phases. */
typedef struct {
  exset_grid_t grid;
  double origin[3]; /* z, y, x, micrometres */
  int n_phases;
  uint8_t *phase; /* [nz_local][ny][nx]: 1..n_phases, 0 = masked */
} exset_volume_t;

/* How to read a file that does not say it all itself. Zero-initialise for the defaults. */
typedef struct {
  exset_labels_t labels; /* gray values to phases; empty: the values found, ascending */
  double voxel[3];       /* z, y, x in micrometres; 0: from the file, or 1 where it says nothing */
  const char *dataset;   /* HDF5 data set; NULL: VTKHDF cell data "phase" */
  /* nz, ny, nx of a raw file (8 bit; 16-bit little endian when the file is twice as long) */
  int64_t raw_size[3];
  /* z, y, x: first cell and the one after the last, counted from 0 in the file; all 0: whole */
  int64_t box[3][2];
  const char *hints; /* MPI-IO hints, "name=value,name=value"; NULL: none */
} exset_volume_options_t;

/**
 * Read a volume; options may be NULL. The format is told by content (HDF5, TIFF) or, with raw_size set, taken as raw.
 * Each rank reads its own planes. Collective.
 * A data set of bytes with the attribute n_phases (VTKHDF written by exset) holds phases already: labels are then not
 * applied unless given. Spacing and origin are read from VTKHDF; other files have origin 0.
 * With a box the volume is that part of the file, cut into slabs over the ranks, its origin moved accordingly. Read are
 * the rows of the box (raw, HDF5), the chunks that it touches (HDF5 in chunks) or its pages (TIFF). Of a file of gray
 * values a part needs labels, which need not all occur.
 * Errors: EXSET_ERR_INPUT (missing, truncated, wrong type or size, unlisted value, label that does
 * not occur; raw size that does not fit the file; box outside the file; hints; more than the memory left); EXSET_ERR_RUN
 * (file system).
 * Ownership: clear the volume with exset_volume_clear.
 */
int exset_volume_read(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                      exset_volume_t *volume);
/** What exset_volume_read would give, without the cells: grid (of the box), origin, n_phases (0: the file holds gray values, or
 *  values to be masked, and no labels are given), phase NULL. Collective. Errors as above, but those of the cells. */
int exset_volume_look(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                      exset_volume_t *volume);
/** Allocate the local slab of a volume of the given grid, phases 0. Collective. */
int exset_volume_init(exset_ctx_t *ctx, const exset_grid_t *grid, int n_phases,
                      exset_volume_t *volume);
void exset_volume_clear(exset_volume_t *volume);
/** Fraction of each phase among the unmasked cells, fraction[n_phases]. Collective. */
int exset_volume_fractions(exset_ctx_t *ctx, const exset_volume_t *volume, double *fraction);
/**
 * Checksum of the labels that does not depend on the number of ranks: sum over the words of 8 cells of each row of a hash of
 * (the word's place, its labels) modulo 2^64. Collective.
 */
int exset_volume_checksum(exset_ctx_t *ctx, const exset_volume_t *volume, uint64_t *checksum);

/* Name and text of one attribute on the file's VTKHDF group: provenance. */
typedef struct {
  const char *name, *text;
} exset_attribute_t;

/**
 * The text of such an attribute, a new string; NULL where the file has none of that name, or is no VTKHDF. Local. Errors:
 * EXSET_ERR_INPUT (missing or damaged file), EXSET_ERR_RUN (memory).
 */
int exset_volume_attribute(exset_ctx_t *ctx, const char *path, const char *name, char **text);

/* A further cell array, float, this rank's slab: [nz_local][ny][nx] or, with 3 components (x, y, z), [..][3]. */
typedef struct {
  const char *name;
  const char *unit;        /* stored as attribute "unit" */
  const char *description; /* stored as attribute "description" */
  int components;          /* 1 or 3 */
  const float *value;
} exset_cellarray_t;

typedef enum { EXSET_COMPRESSION_NONE, EXSET_COMPRESSION_GZIP } exset_compression_t;

/* What a file holds besides the phases, and how. Zero-initialise for phases alone, as they are in memory. */
typedef struct {
  int n_attributes;
  const exset_attribute_t *attributes;
  int n_arrays;
  const exset_cellarray_t *arrays;
  exset_compression_t compression; /* of the phases (VTKHDF only); arrays are never compressed */
  const char *hints;               /* MPI-IO hints, "name=value,name=value"; NULL: none */
} exset_volume_extras_t;

/**
 * Write a volume, atomically; extras may be NULL. The format follows the ending: .vtkhdf / .hdf / .h5 (VTKHDF
 * ImageData, all ranks at once), .tif / .tiff (stack of pages along z), .raw (8 bit).
 * Attributes and cell arrays are for VTKHDF only (EXSET_ERR_INPUT otherwise, for cell arrays). Attributes are strings of
 * any length, those of rank 0 are stored; names and number of the arrays, compression and hints are equal on all ranks.
 * Room for the file is asked for first: a full disk is noticed before anything is written. Compressed phases are held in
 * memory until the last rank has compressed its slab.
 * Collective. Errors: EXSET_ERR_INPUT (ending, folder, compression, hints), EXSET_ERR_RUN.
 */
int exset_volume_write(exset_ctx_t *ctx, const char *path, const exset_volume_t *volume,
                       const exset_volume_extras_t *extras);
/** The errors that exset_volume_write would give for this path and these extras (values of arrays may be NULL), before
 *  any work is done. Collective. Errors: EXSET_ERR_INPUT. */
int exset_volume_write_check(exset_ctx_t *ctx, const char *path,
                             const exset_volume_extras_t *extras);

#endif
