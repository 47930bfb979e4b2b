/* File kinds; dispatch to the formats; samples to gray values. */
#include "image_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static exset_file_kind_t kind_of(const unsigned char *head, size_t length) {
  if (length >= 8 && memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0) return EXSET_FILE_PNG;
  if (length >= 8 && memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0) return EXSET_FILE_HDF5;
  if (length >= 4 && (memcmp(head, "II*\0", 4) == 0 || memcmp(head, "MM\0*", 4) == 0 ||
                      memcmp(head, "II+\0", 4) == 0 || memcmp(head, "MM\0+", 4) == 0))
    return EXSET_FILE_TIFF;
  return EXSET_FILE_OTHER;
}

int exset_file_kind(exset_ctx_t *ctx, const char *path, exset_file_kind_t *kind, int64_t *bytes) {
  struct stat info;
  if (stat(path, &info) != 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read %s: %s", path, strerror(errno));
  if (S_ISDIR(info.st_mode))
    return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read %s: it is a folder", path);
  FILE *file = fopen(path, "rb");
  if (!file) return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read %s: %s", path, strerror(errno));
  unsigned char head[8];
  const size_t length = fread(head, 1, sizeof head, file);
  const bool failed = ferror(file) != 0;
  if (fclose(file) != 0 || failed)
    return exset_fail(ctx, EXSET_ERR_RUN, "cannot read %s: %s", path, strerror(errno));
  if (length == 0) return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read %s: it is empty", path);
  *kind = kind_of(head, length);
  if (bytes) *bytes = info.st_size;
  return EXSET_OK;
}

/* TIFF or PNG, or the reason why not. */
static int image_kind(exset_ctx_t *ctx, const char *path, exset_file_kind_t *kind) {
  EXSET_TRY(exset_file_kind(ctx, path, kind, NULL));
  if (*kind == EXSET_FILE_TIFF || *kind == EXSET_FILE_PNG) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "cannot read %s as an image: it is %s; allowed: TIFF, PNG", path,
                    *kind == EXSET_FILE_HDF5 ? "an HDF5 file" : "neither TIFF nor PNG");
}

int exset_image_info(exset_ctx_t *ctx, const char *path, exset_image_info_t *info) {
  exset_file_kind_t kind;
  EXSET_TRY(image_kind(ctx, path, &kind));
  return kind == EXSET_FILE_TIFF ? exset_image_tiff_info(ctx, path, info)
                                 : exset_image_png_info(ctx, path, info);
}

int exset_image_read_pages(exset_ctx_t *ctx, const char *path, int64_t first, int64_t count,
                           uint16_t *value) {
  if (count == 0) return EXSET_OK;
  exset_file_kind_t kind;
  EXSET_TRY(image_kind(ctx, path, &kind));
  if (kind == EXSET_FILE_TIFF) return exset_image_tiff_read(ctx, path, first, count, value);
  if (first != 0 || count != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%s has one page, not %lld", path,
                      (long long)(first + count));
  return exset_image_png_read(ctx, path, value);
}

int exset_image_to_gray(exset_ctx_t *ctx, const char *path, int64_t n, int channels, unsigned max,
                        const uint16_t *sample, uint16_t *gray) {
  const int colours = channels < 3 ? 1 : 3;
  for (int64_t i = 0; i < n; i++) {
    const uint16_t *s = sample + i * channels;
    if (colours == 3 && (s[0] != s[1] || s[0] != s[2]))
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "%s is a colour image (a pixel has red, green, blue %d, %d, %d); allowed: "
                        "gray values, one for each phase",
                        path, s[0], s[1], s[2]);
    if (channels > colours && s[colours] != max)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "%s has transparent pixels; allowed: opaque gray values", path);
    gray[i] = s[0];
  }
  return EXSET_OK;
}
