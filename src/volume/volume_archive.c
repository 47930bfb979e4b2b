/*
 * Archives: named arrays in an HDF5 file of one rank. Output files are the whole context's affair elsewhere; here
 * the rank has a context of its own, whose messages are handed to the caller's.
 *
 * A new file grows in memory (HDF5's core driver) and is written in one piece by commit: HDF5 cannot get rid of a
 * file whose last blocks do not reach a full disk, and crashes when the program ends.
 */
#include "exset/archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "volume_hdf5.h"

enum { MAX_DIMS = 4, PATH_SIZE = 4096 };

struct exset_archive_s {
  exset_ctx_t *ctx;   /* the caller's */
  exset_ctx_t *alone; /* this rank's */
  char *path;         /* final name */
  hid_t file;
  bool writing;
  bool failed; /* something could not be written: no commit */
};

/* Hand the text of this rank's own context to the caller's. */
static int pass_on(exset_ctx_t *ctx, exset_ctx_t *alone, int code) {
  if (code) exset_fail(ctx, code, "%s", alone->message);
  alone->message[0] = '\0';
  return code;
}

/* ---- messages ------------------------------------------------------------------------------- */

static int fail(exset_archive_t *archive, const char *name, int code) {
  char what[PATH_SIZE];
  snprintf(what, sizeof what, "%.200s in %s", name, archive->path);
  const exset_h5_job_t job = {.ctx = archive->ctx, .path = what, .reading = !archive->writing};
  archive->failed = true;
  return exset_h5_fail(&job, code);
}

static int fail_input(exset_archive_t *archive, const char *name, const char *why) {
  return exset_fail(archive->ctx, EXSET_ERR_INPUT, "cannot read %.200s in %s: %s", name,
                    archive->path, why);
}

/* ---- types ---------------------------------------------------------------------------------- */

static hid_t file_type(exset_archive_type_t type) {
  switch (type) {
    case EXSET_ARCHIVE_INT64:
      return H5T_STD_I64LE;
    case EXSET_ARCHIVE_FLOAT:
      return H5T_IEEE_F32LE;
    case EXSET_ARCHIVE_DOUBLE:
      return H5T_IEEE_F64LE;
    case EXSET_ARCHIVE_UINT8:
      return H5T_STD_U8LE;
  }
  return -1;
}

static hid_t memory_type(exset_archive_type_t type) {
  switch (type) {
    case EXSET_ARCHIVE_INT64:
      return H5T_NATIVE_INT64;
    case EXSET_ARCHIVE_FLOAT:
      return H5T_NATIVE_FLOAT;
    case EXSET_ARCHIVE_DOUBLE:
      return H5T_NATIVE_DOUBLE;
    case EXSET_ARCHIVE_UINT8:
      return H5T_NATIVE_UINT8;
  }
  return -1;
}

/* A string of fixed length, its end included, in UTF-8; or a negative number. */
static hid_t text_type(size_t length) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && H5Tset_size(type, length + 1) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
    return type;
  exset_h5_close(type);
  return -1;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Write a new data set. HDF5's reason of a failure is recorded before anything is closed. */
static int put_dataset(exset_archive_t *archive, const char *name, hid_t stored, hid_t memory,
                       hid_t space, const void *data) {
  const hid_t link = H5Pcreate(H5P_LINK_CREATE);
  hid_t dataset = -1;
  if (link >= 0 && space >= 0 && H5Pset_create_intermediate_group(link, 1) >= 0)
    dataset = H5Dcreate2(archive->file, name, stored, space, link, H5P_DEFAULT, H5P_DEFAULT);
  int err = EXSET_OK;
  if (dataset < 0 || H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
    err = fail(archive, name, EXSET_ERR_RUN);
  bool closed = exset_h5_close(dataset);
  closed = exset_h5_close(link) && closed;
  return closed || err ? err : fail(archive, name, EXSET_ERR_RUN);
}

static int put_attribute(exset_archive_t *archive, const char *name, const char *attribute,
                         hid_t type, hid_t space, const char *text) {
  hid_t id = -1;
  if (type >= 0 && space >= 0)
    id = H5Acreate_by_name(archive->file, name, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT,
                           H5P_DEFAULT);
  int err = EXSET_OK;
  if (id < 0 || H5Awrite(id, type, text) < 0) err = fail(archive, name, EXSET_ERR_RUN);
  return exset_h5_close(id) || err ? err : fail(archive, name, EXSET_ERR_RUN);
}

int exset_archive_put(exset_archive_t *archive, const char *name, exset_archive_type_t type,
                      int n_dims, const int64_t *dims, const void *data) {
  hsize_t size[MAX_DIMS] = {0};
  if (n_dims < 0 || n_dims > MAX_DIMS) {
    archive->failed = true;
    return exset_fail(archive->ctx, EXSET_ERR_RUN,
                      "cannot write %.200s in %s: %d dimensions, allowed are 0 to %d", name,
                      archive->path, n_dims, MAX_DIMS);
  }
  for (int d = 0; d < n_dims; d++) size[d] = (hsize_t)dims[d];
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  const hid_t space = n_dims == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(n_dims, size, NULL);
  int err = put_dataset(archive, name, file_type(type), memory_type(type), space, data);
  if (!exset_h5_close(space) && !err) err = fail(archive, name, EXSET_ERR_RUN);
  exset_h5_quiet_end(&quiet);
  return err;
}

int exset_archive_put_text(exset_archive_t *archive, const char *name, const char *text) {
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  const hid_t type = text_type(strlen(text)), space = H5Screate(H5S_SCALAR);
  int err = put_dataset(archive, name, type, type, space, text);
  const bool closed = exset_h5_close(type);
  if (!(exset_h5_close(space) && closed) && !err) err = fail(archive, name, EXSET_ERR_RUN);
  exset_h5_quiet_end(&quiet);
  return err;
}

int exset_archive_describe(exset_archive_t *archive, const char *name, const char *attribute,
                           const char *text) {
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  const hid_t type = text_type(strlen(text)), space = H5Screate(H5S_SCALAR);
  int err = put_attribute(archive, name, attribute, type, space, text);
  const bool closed = exset_h5_close(type);
  if (!(exset_h5_close(space) && closed) && !err) err = fail(archive, name, EXSET_ERR_RUN);
  exset_h5_quiet_end(&quiet);
  return err;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* An open data set with its type and space. */
typedef struct {
  hid_t dataset, type, space;
  int n_dims;
  int64_t dims[MAX_DIMS], count;
} entry_t;

static bool close_entry(const entry_t *entry) {
  bool ok = exset_h5_close(entry->space);
  ok = exset_h5_close(entry->type) && ok;
  return exset_h5_close(entry->dataset) && ok;
}

static int entry_shape(exset_archive_t *archive, const char *name, entry_t *entry) {
  hsize_t size[MAX_DIMS] = {0};
  entry->n_dims = H5Sget_simple_extent_ndims(entry->space);
  if (entry->n_dims < 0) return fail(archive, name, EXSET_ERR_INPUT);
  if (entry->n_dims > MAX_DIMS) return fail_input(archive, name, "it has more than 4 dimensions");
  if (H5Sget_simple_extent_dims(entry->space, size, NULL) < 0)
    return fail(archive, name, EXSET_ERR_INPUT);
  entry->count = 1;
  for (int d = 0; d < entry->n_dims; d++) {
    entry->dims[d] = (int64_t)size[d];
    entry->count *= entry->dims[d];
  }
  return EXSET_OK;
}

static int open_entry(exset_archive_t *archive, const char *name, entry_t *entry) {
  memset(entry, 0, sizeof *entry);
  entry->type = entry->space = -1;
  entry->dataset = H5Dopen2(archive->file, name, H5P_DEFAULT);
  if (entry->dataset >= 0) entry->type = H5Dget_type(entry->dataset);
  if (entry->type >= 0) entry->space = H5Dget_space(entry->dataset);
  int err = entry->space >= 0 ? EXSET_OK : fail(archive, name, EXSET_ERR_INPUT);
  if (!err) err = entry_shape(archive, name, entry);
  if (err) close_entry(entry);
  return err;
}

static int end_entry(exset_archive_t *archive, const char *name, const entry_t *entry, int err) {
  if (!close_entry(entry) && !err) err = fail(archive, name, EXSET_ERR_INPUT);
  return err;
}

/* Numbers of the same kind that lose nothing. */
static bool fits(hid_t stored, hid_t wanted) {
  return H5Tget_class(stored) == H5Tget_class(wanted) && H5Tget_size(stored) <= H5Tget_size(wanted);
}

static int read_numbers(exset_archive_t *archive, const char *name, const entry_t *entry,
                        hid_t type, int64_t count, void *data) {
  if (!fits(entry->type, type)) return fail_input(archive, name, "it has another type of numbers");
  if (entry->count != count)
    return exset_fail(archive->ctx, EXSET_ERR_INPUT,
                      "cannot read %.200s in %s: it has %lld numbers, not %lld", name,
                      archive->path, (long long)entry->count, (long long)count);
  if (H5Dread(entry->dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0) return EXSET_OK;
  return fail(archive, name, EXSET_ERR_INPUT);
}

static int read_text(exset_archive_t *archive, const char *name, const entry_t *entry,
                     char **text) {
  if (H5Tget_class(entry->type) != H5T_STRING || H5Tis_variable_str(entry->type) != 0 ||
      entry->n_dims > 0)
    return fail_input(archive, name, "it is not a text of fixed length");
  char *buffer;
  EXSET_TRY(exset_alloc(archive->ctx, (int64_t)H5Tget_size(entry->type) + 1, 1, &buffer));
  if (H5Dread(entry->dataset, entry->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) < 0) {
    free(buffer);
    return fail(archive, name, EXSET_ERR_INPUT);
  }
  *text = buffer;
  return EXSET_OK;
}

bool exset_archive_has(exset_archive_t *archive, const char *name) {
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  const hid_t dataset = H5Dopen2(archive->file, name, H5P_DEFAULT);
  const bool found = dataset >= 0 && exset_h5_close(dataset);
  exset_h5_quiet_end(&quiet);
  return found;
}

/* Member i of a group; a new string. */
static int member_name(exset_archive_t *archive, const char *group, hid_t id, hsize_t i,
                       char **name) {
  const ssize_t length =
      H5Lget_name_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);
  if (length < 0) return fail(archive, group, EXSET_ERR_INPUT);
  EXSET_TRY(exset_alloc(archive->ctx, length + 1, 1, name));
  if (H5Lget_name_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_INC, i, *name, (size_t)length + 1,
                         H5P_DEFAULT) == length)
    return EXSET_OK;
  return fail(archive, group, EXSET_ERR_INPUT);
}

int exset_archive_list(exset_archive_t *archive, const char *group, exset_archive_visit_t visit,
                       void *user) {
  H5G_info_t info = {.nlinks = 0};
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  const hid_t id = H5Gopen2(archive->file, group, H5P_DEFAULT);
  int err =
      id >= 0 && H5Gget_info(id, &info) >= 0 ? EXSET_OK : fail(archive, group, EXSET_ERR_INPUT);
  for (hsize_t i = 0; !err && i < info.nlinks; i++) {
    char *name = NULL;
    err = member_name(archive, group, id, i, &name);
    if (!err) err = visit(user, name);
    free(name);
  }
  if (!exset_h5_close(id) && !err) err = fail(archive, group, EXSET_ERR_INPUT);
  exset_h5_quiet_end(&quiet);
  return err;
}

int exset_archive_shape(exset_archive_t *archive, const char *name, int *n_dims, int64_t dims[4]) {
  exset_h5_quiet_t quiet;
  entry_t entry;
  exset_h5_quiet_begin(&quiet);
  int err = open_entry(archive, name, &entry);
  if (!err) err = end_entry(archive, name, &entry, EXSET_OK);
  exset_h5_quiet_end(&quiet);
  if (err) return err;
  *n_dims = entry.n_dims;
  memcpy(dims, entry.dims, sizeof entry.dims);
  return EXSET_OK;
}

int exset_archive_get(exset_archive_t *archive, const char *name, exset_archive_type_t type,
                      int64_t count, void *data) {
  exset_h5_quiet_t quiet;
  entry_t entry;
  exset_h5_quiet_begin(&quiet);
  int err = open_entry(archive, name, &entry);
  if (!err) {
    err = read_numbers(archive, name, &entry, memory_type(type), count, data);
    err = end_entry(archive, name, &entry, err);
  }
  exset_h5_quiet_end(&quiet);
  return err;
}

int exset_archive_get_text(exset_archive_t *archive, const char *name, char **text) {
  exset_h5_quiet_t quiet;
  entry_t entry;
  *text = NULL;
  exset_h5_quiet_begin(&quiet);
  int err = open_entry(archive, name, &entry);
  if (!err) {
    err = read_text(archive, name, &entry, text);
    err = end_entry(archive, name, &entry, err);
  }
  exset_h5_quiet_end(&quiet);
  return err;
}

/* ---- files ---------------------------------------------------------------------------------- */

static void free_archive(exset_archive_t **archive) {
  exset_ctx_destroy(&(*archive)->alone);
  free((*archive)->path);
  free(*archive);
  *archive = NULL;
}

static int new_archive(exset_ctx_t *ctx, const char *path, bool writing,
                       exset_archive_t **archive) {
  *archive = NULL;
  exset_archive_t *a;
  EXSET_TRY(exset_alloc(ctx, 1, sizeof *a, &a));
  a->ctx = ctx;
  a->writing = writing;
  a->file = -1;
  *archive = a;
  const size_t length = strlen(path) + 1;
  int err = exset_alloc(ctx, (int64_t)length, 1, &a->path);
  if (!err) {
    memcpy(a->path, path, length);
    err = exset_ctx_create(MPI_COMM_SELF, &a->alone);
  }
  if (err) free_archive(archive);
  return err;
}

/* Open for reading on disk, create in memory. */
static hid_t open_id(const exset_archive_t *archive, const char *path, hid_t access) {
  enum { GROWTH = 1 << 20 };
  if (!archive->writing) return H5Fopen(path, H5F_ACC_RDONLY, access);
  if (H5Pset_fapl_core(access, GROWTH, false) < 0) return -1;
  return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
}

static int open_file(exset_archive_t *archive, const char *path) {
  const exset_h5_job_t job = {.ctx = archive->ctx, .path = path, .reading = !archive->writing};
  const int code = archive->writing ? EXSET_ERR_RUN : EXSET_ERR_INPUT;
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  const hid_t access = exset_h5_access(&job);
  if (access >= 0) archive->file = open_id(archive, path, access);
  int err = archive->file >= 0 ? EXSET_OK : exset_h5_fail(&job, code);
  if (!exset_h5_close(access) && !err) err = exset_h5_fail(&job, code);
  exset_h5_quiet_end(&quiet);
  return err;
}

int exset_archive_create(exset_ctx_t *ctx, const char *path, exset_archive_t **archive) {
  char temp[PATH_SIZE];
  EXSET_TRY(new_archive(ctx, path, true, archive));
  exset_ctx_t *alone = (*archive)->alone;
  int err = pass_on(ctx, alone, exset_outfile_open(alone, path, temp, sizeof temp));
  if (!err) {
    err = open_file(*archive, temp);
    if (err) exset_outfile_discard(alone, path);
  }
  if (err) free_archive(archive);
  return err;
}

static int check_hdf5(exset_ctx_t *ctx, const char *path) {
  exset_file_kind_t kind;
  int64_t bytes;
  EXSET_TRY(exset_file_kind(ctx, path, &kind, &bytes));
  if (kind == EXSET_FILE_HDF5) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read %s: it is not an HDF5 file", path);
}

int exset_archive_open(exset_ctx_t *ctx, const char *path, exset_archive_t **archive) {
  *archive = NULL;
  EXSET_TRY(check_hdf5(ctx, path));
  EXSET_TRY(new_archive(ctx, path, false, archive));
  const int err = open_file(*archive, path);
  if (err) free_archive(archive);
  return err;
}

static int close_file(exset_archive_t *archive) {
  const exset_h5_job_t job = {
      .ctx = archive->ctx, .path = archive->path, .reading = !archive->writing};
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  const int err = exset_h5_close(archive->file) ? EXSET_OK : exset_h5_fail(&job, EXSET_ERR_RUN);
  exset_h5_quiet_end(&quiet);
  archive->file = -1;
  return err;
}

/* The bytes of the file as they shall be on disk. */
static int copy_image(exset_archive_t *archive, int64_t *size, char **image) {
  const exset_h5_job_t job = {.ctx = archive->ctx, .path = archive->path};
  if (H5Fflush(archive->file, H5F_SCOPE_GLOBAL) < 0) return exset_h5_fail(&job, EXSET_ERR_RUN);
  *size = H5Fget_file_image(archive->file, NULL, 0);
  if (*size < 0) return exset_h5_fail(&job, EXSET_ERR_RUN);
  EXSET_TRY(exset_alloc(archive->ctx, *size, 1, image));
  if (H5Fget_file_image(archive->file, *image, (size_t)*size) == *size) return EXSET_OK;
  return exset_h5_fail(&job, EXSET_ERR_RUN);
}

static int write_bytes(exset_ctx_t *ctx, const char *path, int64_t size, const char *bytes) {
  FILE *file = fopen(path, "wb");
  bool ok = file && fwrite(bytes, 1, (size_t)size, file) == (size_t)size;
  int why = errno;
  if (file && fclose(file) != 0 && ok) { /* a full disk shows here */
    ok = false;
    why = errno;
  }
  if (ok) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_RUN, "cannot write %s: %s", path, strerror(why));
}

static int write_file(exset_archive_t *archive) {
  char temp[PATH_SIZE], *image = NULL;
  int64_t size = 0;
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  int err = copy_image(archive, &size, &image);
  exset_h5_quiet_end(&quiet);
  const int close_err = close_file(archive);
  err = err ? err : close_err;
  snprintf(temp, sizeof temp, "%s.part", archive->path);
  if (!err) err = write_bytes(archive->ctx, temp, size, image);
  free(image);
  if (err) return err;
  return pass_on(archive->ctx, archive->alone, exset_outfile_commit(archive->alone, archive->path));
}

int exset_archive_commit(exset_archive_t **archive) {
  exset_archive_t *a = *archive;
  int err = EXSET_OK;
  if (a->failed || !a->writing)
    err = exset_fail(a->ctx, EXSET_ERR_RUN, "cannot finish %s: it is not complete", a->path);
  if (!err) err = write_file(a);
  if (!err) free_archive(archive);
  else exset_archive_close(archive);
  return err;
}

int exset_archive_close(exset_archive_t **archive) {
  if (!*archive) return EXSET_OK;
  const bool writing = (*archive)->writing;
  int err = close_file(*archive);
  if (writing) {
    exset_outfile_discard((*archive)->alone, (*archive)->path);
    err = EXSET_OK; /* what is not wanted need not be complete */
  }
  free_archive(archive);
  return err;
}
