/**
 * archive: small named arrays in an HDF5 file, read and written by one rank: checkpoints, histories, networks.
 *
 * Names are paths, "network/weights"; groups are made as needed. Arrays have 0 to 4 dimensions, the last fastest.
 */
#ifndef EXSET_ARCHIVE_H
#define EXSET_ARCHIVE_H

#include "exset/core.h"

typedef enum {
  EXSET_ARCHIVE_INT64,
  EXSET_ARCHIVE_FLOAT,
  EXSET_ARCHIVE_DOUBLE,
  EXSET_ARCHIVE_UINT8
} exset_archive_type_t;

typedef struct exset_archive_s exset_archive_t;

/**
 * Begin a new file at <path>.part. Local: for one rank alone. The file appears under its name only by
 * exset_archive_commit (flushed to disk, renamed); close without commit removes it. After a failed put there is no commit.
 * Until then it is held in memory.
 * Errors (this rank only): EXSET_ERR_INPUT (folder missing or read-only), EXSET_ERR_RUN (file system, memory).
 */
int exset_archive_create(exset_ctx_t *ctx, const char *path, exset_archive_t **archive);
/** Open an existing file for reading. Local. Errors (this rank only): EXSET_ERR_INPUT (missing, not HDF5, damaged). */
int exset_archive_open(exset_ctx_t *ctx, const char *path, exset_archive_t **archive);
/** Finish a new file; frees the archive, also on failure. Local. Errors (this rank only): EXSET_ERR_RUN. */
int exset_archive_commit(exset_archive_t **archive);
/** End reading, or throw a new file away. NULL is fine. Local. Errors (this rank only): EXSET_ERR_RUN. */
int exset_archive_close(exset_archive_t **archive);

/** Write an array of n_dims sizes dims[]. Local. Errors (this rank only): EXSET_ERR_RUN. */
int exset_archive_put(exset_archive_t *archive, const char *name, exset_archive_type_t type,
                      int n_dims, const int64_t *dims, const void *data);
/** Write a text as a string data set. Local. Errors (this rank only): EXSET_ERR_RUN. */
int exset_archive_put_text(exset_archive_t *archive, const char *name, const char *text);
/** A unit or description for people on an array written before. Local. Errors (this rank only): EXSET_ERR_RUN. */
int exset_archive_describe(exset_archive_t *archive, const char *name, const char *attribute,
                           const char *text);

/** Is there such an array or text? Local. */
bool exset_archive_has(exset_archive_t *archive, const char *name);
/** Call visit with the name of each member of a group, in alphabetical order. Local.
 *  Errors (this rank only): EXSET_ERR_INPUT (no such group), those of visit, which end it. */
typedef int (*exset_archive_visit_t)(void *user, const char *name);
int exset_archive_list(exset_archive_t *archive, const char *group, exset_archive_visit_t visit,
                       void *user);
/** Number of dimensions and sizes dims[4] of an array. Local. Errors (this rank only): EXSET_ERR_INPUT (missing). */
int exset_archive_shape(exset_archive_t *archive, const char *name, int *n_dims, int64_t dims[4]);
/** Read an array that must have count items in all, of the same type or a smaller one of its kind. Local.
 *  Errors (this rank only): EXSET_ERR_INPUT (missing, another size or kind of numbers). */
int exset_archive_get(exset_archive_t *archive, const char *name, exset_archive_type_t type,
                      int64_t count, void *data);
/** Read a text: new string, to be freed. Local. Errors (this rank only): EXSET_ERR_INPUT (missing, not a text). */
int exset_archive_get_text(exset_archive_t *archive, const char *name, char **text);

#endif
