/**
 * image: segmented micrographs in (TIFF, PNG; 8 and 16 bit), pictures out (PNG).
 */
#ifndef EXSET_IMAGE_H
#define EXSET_IMAGE_H

#include "exset/core.h"

typedef enum { EXSET_ORIENT_XY, EXSET_ORIENT_XZ, EXSET_ORIENT_YZ } exset_orient_t;

/* Gray values of the phases, in phase order: phase i+1 has gray value label[i].
 * n_labels = 0: the values found, in ascending order, are the phases. */
#define EXSET_MAX_PHASES 16
typedef struct {
  int n_labels;
  int label[EXSET_MAX_PHASES];
  int n_masked; /* gray values that mark pixels to be left out (cracks, frame) */
  int masked[EXSET_MAX_PHASES];
} exset_labels_t;

/* One segmented section. In planes that contain z (xz, yz) rows run along z: columns along x or y. */
typedef struct {
  int64_t rows, cols;
  uint8_t *phase; /* [rows][cols]: 1..n_phases, 0 = masked */
  exset_orient_t orient;
} exset_section_t;

typedef struct {
  int n;        /* number of sections */
  int n_phases; /* the same for all: the number of labels */
  exset_section_t *section;
} exset_sections_t;

/* What a file is, told by its first bytes. */
typedef enum {
  EXSET_FILE_OTHER,
  EXSET_FILE_TIFF,
  EXSET_FILE_PNG,
  EXSET_FILE_HDF5
} exset_file_kind_t;
/** Kind and size in bytes (NULL: not wanted) of a file. Local. Errors (this rank only): EXSET_ERR_INPUT when it is
 *  missing, a folder, unreadable or empty; EXSET_ERR_RUN when reading fails. */
int exset_file_kind(exset_ctx_t *ctx, const char *path, exset_file_kind_t *kind, int64_t *bytes);

/*
 * Raw pages as found in a file, before labels are mapped. Values are gray values with black = 0: scales stored
 * inverted (TIFF min-is-white) are turned round; 1, 2 and 4 bits are spread over 0..255 (so 1-bit images hold 0 and
 * 255); a palette of grays gives its gray values, a palette with colours gives the palette's indices; RGB is accepted
 * where the three channels are equal; an alpha channel must be opaque.
 */
typedef struct {
  int64_t pages, rows, cols;
  int bits; /* 8 or 16 */
} exset_image_info_t;

/** Number, size and depth of the pages of a TIFF or PNG (told apart by content, not by name).
 *  Local. Errors (this rank only): EXSET_ERR_INPUT when the file is missing, truncated, not an image, colour, float,
 *  or its pages differ in size. */
int exset_image_info(exset_ctx_t *ctx, const char *path, exset_image_info_t *info);
/** Read pages [first, first + count) as 16-bit gray values into value[count][rows][cols].
 *  Local. Errors (this rank only): EXSET_ERR_INPUT (truncated or damaged). */
int exset_image_read_pages(exset_ctx_t *ctx, const char *path, int64_t first, int64_t count,
                           uint16_t *value);

/** Check the list itself: at most EXSET_MAX_PHASES, each value once, 0..65535. Local. Errors: EXSET_ERR_INPUT. */
int exset_labels_check(exset_ctx_t *ctx, const exset_labels_t *labels);
/**
 * Fill an empty list with the values seen[65536] of a whole file, without the masked ones, in ascending order; check that
 * every label was seen. Local. Errors: EXSET_ERR_INPUT: more than EXSET_MAX_PHASES values; a label that does not occur.
 */
int exset_labels_complete(exset_ctx_t *ctx, exset_labels_t *labels, const uint8_t *seen,
                          const char *path);
/**
 * Map n gray values to phases 1..n_labels, 0 for masked. Local.
 * seen[v] of 65536 is set for each value met (NULL: not wanted).
 * Errors: EXSET_ERR_INPUT naming the first value that is neither a label nor masked.
 */
int exset_labels_map(exset_ctx_t *ctx, const exset_labels_t *labels, int64_t n,
                     const uint16_t *value, uint8_t *phase, uint8_t *seen, const char *path);

/**
 * Read all pages of one file as sections and append them to sections (zero-initialised before the
 * first call). Collective: rank 0 reads, every rank gets all sections. At least 2 phases, 2 x 2 pixels.
 * transpose: the file has z along its columns (planes containing z only).
 * labels: an empty list is filled from the values found; then it is the list for later files too.
 * A rare phase may be absent from a file. Errors: EXSET_ERR_INPUT: see above; an unlisted value.
 */
int exset_sections_read(exset_ctx_t *ctx, const char *path, exset_orient_t orient, bool transpose,
                        exset_labels_t *labels, exset_sections_t *sections);
/** Check, after the last file, that every label occurs in some section. Local, the same on all ranks.
 *  Errors: EXSET_ERR_INPUT naming the first that does not. */
int exset_sections_check(exset_ctx_t *ctx, const exset_labels_t *labels,
                         const exset_sections_t *sections);
void exset_sections_clear(exset_sections_t *sections);

/** Write an 8-bit gray PNG, value[rows][cols], atomically. Local: the caller's rank writes. */
int exset_image_write_png(exset_ctx_t *ctx, const char *path, int64_t rows, int64_t cols,
                          const uint8_t *value);
/** The same with a palette, colour[n_colours][3] (red, green, blue; at most 256); value holds indices. Local. */
int exset_image_write_png_colours(exset_ctx_t *ctx, const char *path, int64_t rows, int64_t cols,
                                  const uint8_t *value, int n_colours, const uint8_t (*colour)[3]);
/** Write a multi-page 8-bit TIFF, uncompressed, page by page (used for stacks by the volume module); not atomic: give a
 *  temporary name. BigTIFF when the pages exceed 4 GB. Local. Errors: EXSET_ERR_INPUT (size), EXSET_ERR_RUN (writing). */
typedef struct exset_tiff_writer_s exset_tiff_writer_t;
int exset_tiff_writer_create(exset_ctx_t *ctx, const char *path, int64_t pages, int64_t rows,
                             int64_t cols, exset_tiff_writer_t **writer);
int exset_tiff_writer_page(exset_ctx_t *ctx, exset_tiff_writer_t *writer, const uint8_t *value);
int exset_tiff_writer_close(exset_ctx_t *ctx, exset_tiff_writer_t **writer);

#endif
