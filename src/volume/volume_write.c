/* Writing: format by ending, temporary name, commit. */
#include "volume_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef enum { FORMAT_NONE, FORMAT_HDF5, FORMAT_TIFF, FORMAT_RAW } format_t;

static format_t format_of(const char *path) {
  const struct {
    const char *ending;
    format_t format;
  } table[] = {{".vtkhdf", FORMAT_HDF5}, {".hdf", FORMAT_HDF5},  {".h5", FORMAT_HDF5},
               {".tif", FORMAT_TIFF},    {".tiff", FORMAT_TIFF}, {".raw", FORMAT_RAW}};
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < sizeof table / sizeof *table; i++)
    if (strcasecmp(dot, table[i].ending) == 0) return table[i].format;
  return FORMAT_NONE;
}

static int check_arrays(exset_ctx_t *ctx, const char *path, format_t format, int n_arrays,
                        const exset_cellarray_t *arrays) {
  if (n_arrays > 0 && format != FORMAT_HDF5)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s cannot hold cell arrays (%s); use the ending .vtkhdf", path,
                      arrays[0].name);
  for (int i = 0; i < n_arrays; i++) {
    const exset_cellarray_t *a = &arrays[i];
    if (!a->name[0] || strchr(a->name, '/') || strcmp(a->name, "phase") == 0)
      return exset_fail(ctx, EXSET_ERR_INPUT, "a cell array cannot be named \"%s\"", a->name);
    if (a->components != 1 && a->components != 3)
      return exset_fail(ctx, EXSET_ERR_INPUT, "cell array %s has %d components; allowed: 1, 3",
                        a->name, a->components);
  }
  return EXSET_OK;
}

static int check_format(exset_ctx_t *ctx, const char *path, format_t *format) {
  *format = format_of(path);
  if (*format != FORMAT_NONE) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "cannot tell the format of %s; allowed endings: .vtkhdf, .hdf, .h5, .tif, "
                    ".tiff, .raw",
                    path);
}

int exset_volume_write_check(exset_ctx_t *ctx, const char *path, int n_arrays,
                             const exset_cellarray_t *arrays) {
  format_t format;
  EXSET_TRY(check_format(ctx, path, &format));
  EXSET_TRY(check_arrays(ctx, path, format, n_arrays, arrays));
  return exset_outfile_check(ctx, path);
}

/* Message and code for a system call that left errno `why`; other reasons than lack of room do not count. */
static int no_room(exset_ctx_t *ctx, const char *temp, int64_t bytes, int why) {
  if (why != ENOSPC && why != EDQUOT && why != EFBIG) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_RUN, "cannot write %s (%.4g GB): %s", temp, (double)bytes / 1e9,
                    strerror(why));
}

int exset_volume_reserve(exset_ctx_t *ctx, const char *temp, int64_t bytes) {
  const int fd = open(temp, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return EXSET_OK;
  const int why = fallocate(fd, 0, 0, bytes) != 0 ? errno : 0;
  close(fd);
  return no_room(ctx, temp, bytes, why);
}

/* May a file be so large, and is there room for its first few blocks? The file is empty afterwards. */
static int try_size(exset_ctx_t *ctx, const char *temp, int64_t bytes) {
  const int64_t first = 1 << 16;
  const int fd = open(temp, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return EXSET_OK;
  int why = ftruncate(fd, bytes) != 0 ? errno : 0;
  if (!why) why = fallocate(fd, 0, 0, first) != 0 ? errno : 0;
  const bool emptied = ftruncate(fd, 0) == 0;
  close(fd);
  EXSET_TRY(no_room(ctx, temp, bytes, why));
  return emptied ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "cannot write %s", temp);
}

/* What is written, to hand it on in one piece. */
typedef struct {
  const exset_volume_t *volume;
  int n_attributes, n_arrays;
  const exset_attribute_t *attributes;
  const exset_cellarray_t *arrays;
} content_t;

static int write_format(exset_ctx_t *ctx, const char *temp, format_t format, const content_t *c) {
  int64_t cell_bytes = 1;
  for (int i = 0; i < c->n_arrays; i++)
    cell_bytes += c->arrays[i].components * (int64_t)sizeof(float);
  const int64_t bytes = exset_grid_cells(&c->volume->grid) * cell_bytes;
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? try_size(ctx, temp, bytes) : EXSET_OK));
  if (format == FORMAT_TIFF) return exset_volume_tiff_write(ctx, temp, c->volume);
  if (format == FORMAT_RAW) return exset_volume_raw_write(ctx, temp, c->volume);
  return exset_volume_hdf5_write(ctx, temp, c->volume, c->n_attributes, c->attributes, c->n_arrays,
                                 c->arrays);
}

int exset_volume_write(exset_ctx_t *ctx, const char *path, const exset_volume_t *volume,
                       int n_attributes, const exset_attribute_t *attributes, int n_arrays,
                       const exset_cellarray_t *arrays) {
  const content_t content = {volume, n_attributes, n_arrays, attributes, arrays};
  format_t format;
  EXSET_TRY(check_format(ctx, path, &format));
  EXSET_TRY(check_arrays(ctx, path, format, n_arrays, arrays));
  char temp[4096];
  EXSET_TRY(exset_outfile_open(ctx, path, temp, sizeof temp));
  int err = exset_agree(ctx, write_format(ctx, temp, format, &content));
  if (!err) err = exset_outfile_commit(ctx, path);
  if (err) exset_outfile_discard(ctx, path);
  return err;
}
