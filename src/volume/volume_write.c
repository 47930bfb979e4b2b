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

static int check_extras(exset_ctx_t *ctx, const char *path, format_t format,
                        const exset_volume_extras_t *extras) {
  if (extras->n_arrays > 0 && format != FORMAT_HDF5)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s cannot hold cell arrays (%s); use the ending .vtkhdf", path,
                      extras->arrays[0].name);
  if (extras->compression != EXSET_COMPRESSION_NONE && format != FORMAT_HDF5)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%s cannot be compressed; use the ending .vtkhdf",
                      path);
  for (int i = 0; i < extras->n_arrays; i++) {
    const exset_cellarray_t *a = &extras->arrays[i];
    if (!a->name[0] || strchr(a->name, '/') || strcmp(a->name, "phase") == 0)
      return exset_fail(ctx, EXSET_ERR_INPUT, "a cell array cannot be named \"%s\"", a->name);
    if (a->components != 1 && a->components != 3)
      return exset_fail(ctx, EXSET_ERR_INPUT, "cell array %s has %d components; allowed: 1, 3",
                        a->name, a->components);
  }
  MPI_Info info;
  EXSET_TRY(exset_volume_hints(ctx, extras->hints, &info));
  exset_volume_hints_free(&info);
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

int exset_volume_write_check(exset_ctx_t *ctx, const char *path,
                             const exset_volume_extras_t *extras) {
  format_t format;
  EXSET_TRY(check_format(ctx, path, &format));
  EXSET_TRY(check_extras(ctx, path, format, extras));
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

/* A file that MPI creates: hints such as the number of stripes take effect on new files only. */
static int create_hinted(exset_ctx_t *ctx, const char *temp, const char *hints) {
  if (!hints || !hints[0]) return EXSET_OK;
  MPI_Info info;
  MPI_File file;
  EXSET_TRY(exset_volume_hints(ctx, hints, &info));
  const bool ok = unlink(temp) == 0 &&
                  MPI_File_open(MPI_COMM_SELF, temp, MPI_MODE_CREATE | MPI_MODE_WRONLY, info,
                                &file) == MPI_SUCCESS &&
                  MPI_File_close(&file) == MPI_SUCCESS;
  exset_volume_hints_free(&info);
  return ok ? EXSET_OK
            : exset_fail(ctx, EXSET_ERR_RUN, "MPI cannot create %s with the hints %s", temp, hints);
}

/* How many bytes will be written is not known beforehand of compressed phases: 0. */
static int64_t bytes_of(const exset_volume_t *volume, const exset_volume_extras_t *extras) {
  int64_t cell = extras->compression == EXSET_COMPRESSION_NONE;
  for (int i = 0; i < extras->n_arrays; i++)
    cell += extras->arrays[i].components * (int64_t)sizeof(float);
  return exset_grid_cells(&volume->grid) * cell;
}

static int write_format(exset_ctx_t *ctx, const char *temp, format_t format,
                        const exset_volume_t *volume, const exset_volume_extras_t *extras) {
  int err = EXSET_OK;
  if (ctx->rank == 0) {
    err = create_hinted(ctx, temp, extras->hints);
    if (!err) err = try_size(ctx, temp, bytes_of(volume, extras));
  }
  EXSET_TRY(exset_agree(ctx, err));
  if (format == FORMAT_TIFF) return exset_volume_tiff_write(ctx, temp, volume);
  if (format == FORMAT_RAW) return exset_volume_raw_write(ctx, temp, volume, extras->hints);
  return exset_volume_hdf5_write(ctx, temp, volume, extras);
}

int exset_volume_write(exset_ctx_t *ctx, const char *path, const exset_volume_t *volume,
                       const exset_volume_extras_t *extras) {
  const exset_volume_extras_t none = {.compression = EXSET_COMPRESSION_NONE};
  format_t format;
  if (!extras) extras = &none;
  EXSET_TRY(check_format(ctx, path, &format));
  EXSET_TRY(check_extras(ctx, path, format, extras));
  char temp[4096];
  EXSET_TRY(exset_outfile_open(ctx, path, temp, sizeof temp));
  int err = exset_agree(ctx, write_format(ctx, temp, format, volume, extras));
  if (!err) err = exset_outfile_commit(ctx, path);
  if (err) exset_outfile_discard(ctx, path);
  return err;
}
