/* TIFF pages in: strips or tiles, any compression libtiff knows. 8-bit stacks out. */
#include "image_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

/* libtiff's first error message; its warnings are dropped. */
typedef struct {
  char text[256];
} tiff_log_t;

static int keep_error(TIFF *tiff, void *user, const char *where, const char *format, va_list args) {
  (void)tiff;
  (void)where;
  tiff_log_t *log = user;
  if (!log->text[0]) {
    vsnprintf(log->text, sizeof log->text, format, args);
    for (char *c = log->text; *c; c++)
      if (*c == '\n') *c = ' ';
  }
  return 1; /* handled: nothing goes to stderr */
}

static int drop_warning(TIFF *tiff, void *user, const char *where, const char *format,
                        va_list args) {
  (void)tiff;
  (void)user;
  (void)where;
  (void)format;
  (void)args;
  return 1;
}

static TIFF *open_tiff(const char *path, const char *mode, tiff_log_t *log) {
  log->text[0] = 0;
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (!options) return NULL;
  TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, log);
  TIFFOpenOptionsSetWarningHandlerExtR(options, drop_warning, NULL);
  TIFF *tiff = TIFFOpenExt(path, mode, options);
  TIFFOpenOptionsFree(options);
  return tiff;
}

static int damaged(exset_ctx_t *ctx, const char *path, int64_t page, const tiff_log_t *log) {
  return exset_fail(ctx, EXSET_ERR_INPUT, "%s is damaged or truncated at page %lld%s%s", path,
                    (long long)(page + 1), log->text[0] ? ": " : "", log->text);
}

/* ---- what a page holds ---------------------------------------------------------------------- */

typedef struct {
  uint32_t rows, cols;
  uint16_t bits, channels, photometric, format, planar;
  const uint16_t *palette; /* 2^bits gray values of a gray palette, in libtiff's memory, or NULL */
} page_t;

static const uint16_t *gray_palette(TIFF *tiff, int bits) {
  uint16_t *red, *green, *blue;
  if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue)) return NULL;
  const size_t bytes = sizeof *red << bits;
  return memcmp(red, green, bytes) == 0 && memcmp(red, blue, bytes) == 0 ? red : NULL;
}

static int check_page(exset_ctx_t *ctx, const char *path, const page_t *p) {
  if (p->rows < 1 || p->cols < 1)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%s is damaged: its size is missing", path);
  if (p->format != SAMPLEFORMAT_UINT && p->format != SAMPLEFORMAT_VOID)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s has %d-bit %s samples; allowed: 8- or 16-bit unsigned gray values", path,
                      p->bits, p->format == SAMPLEFORMAT_INT ? "signed" : "floating-point");
  if (p->bits != 1 && p->bits != 2 && p->bits != 4 && p->bits != 8 && p->bits != 16)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s has %d-bit samples; allowed: 8- or 16-bit unsigned gray values", path,
                      p->bits);
  const bool gray = p->photometric == PHOTOMETRIC_MINISBLACK ||
                    p->photometric == PHOTOMETRIC_MINISWHITE ||
                    p->photometric == PHOTOMETRIC_PALETTE;
  const bool fits = gray ? p->channels == 1 || (p->channels == 2 && p->bits >= 8)
                         : p->photometric == PHOTOMETRIC_RGB && p->bits >= 8 &&
                               (p->channels == 3 || p->channels == 4);
  if (!fits || (p->channels > 1 && p->planar != PLANARCONFIG_CONTIG))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s is not a gray image (%d samples a pixel, photometric code %d); allowed: "
                      "gray values, one for each phase",
                      path, p->channels, p->photometric);
  return EXSET_OK;
}

static int read_page_info(exset_ctx_t *ctx, const char *path, TIFF *tiff, page_t *p) {
  memset(p, 0, sizeof *p);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &p->rows);
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &p->cols);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &p->bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &p->channels);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &p->format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &p->planar);
  if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &p->photometric))
    p->photometric = PHOTOMETRIC_MINISBLACK;
  EXSET_TRY(check_page(ctx, path, p));
  if (p->photometric == PHOTOMETRIC_PALETTE) p->palette = gray_palette(tiff, p->bits);
  return EXSET_OK;
}

/* ImageJ stores stacks beyond 4 GB as one page and a remark: reading one page would be wrong. */
static int check_imagej(exset_ctx_t *ctx, const char *path, TIFF *tiff) {
  const char *text = NULL;
  if (!TIFFGetField(tiff, TIFFTAG_IMAGEDESCRIPTION, &text) || !text ||
      strncmp(text, "ImageJ=", 7) != 0)
    return EXSET_OK;
  const char *images = strstr(text, "\nimages=");
  if (!images || atoll(images + 8) < 2) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "%s holds %lld ImageJ images without page directories; save it as BigTIFF, as "
                    "raw or in parts",
                    path, atoll(images + 8));
}

static uint64_t number_of(const uint8_t *bytes, int n, bool big_endian) {
  uint64_t value = 0;
  for (int i = 0; i < n; i++) value = value << 8 | bytes[big_endian ? i : n - 1 - i];
  return value;
}

/* Is the link at the end of the directory at offset `at` within the file? libtiff takes a link that is cut off for
 * the last page's, which would hide the loss of the pages behind it. */
static bool link_is_whole(const char *path, TIFF *tiff, uint64_t at) {
  const bool big = TIFFIsBigTIFF(tiff);
  const int count_size = big ? 8 : 2, entry_size = big ? 20 : 12, link_size = big ? 8 : 4;
  uint8_t bytes[8];
  FILE *file = fopen(path, "rb");
  bool ok = file && fseeko(file, (off_t)at, SEEK_SET) == 0 &&
            fread(bytes, 1, (size_t)count_size, file) == (size_t)count_size;
  if (ok) {
    const uint64_t entries = number_of(bytes, count_size, TIFFIsBigEndian(tiff));
    ok = fseeko(file, (off_t)entries * entry_size, SEEK_CUR) == 0 &&
         fread(bytes, 1, (size_t)link_size, file) == (size_t)link_size;
  }
  if (file) fclose(file);
  return ok;
}

static int info_of(exset_ctx_t *ctx, const char *path, TIFF *tiff, tiff_log_t *log,
                   exset_image_info_t *info) {
  page_t first, page;
  EXSET_TRY(read_page_info(ctx, path, tiff, &first));
  EXSET_TRY(TIFFLastDirectory(tiff) ? check_imagej(ctx, path, tiff) : EXSET_OK);
  int64_t pages = 1;
  uint64_t last = TIFFCurrentDirOffset(tiff);
  for (; TIFFReadDirectory(tiff); pages++) {
    last = TIFFCurrentDirOffset(tiff);
    EXSET_TRY(read_page_info(ctx, path, tiff, &page));
    if (page.rows != first.rows || page.cols != first.cols)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "%s has pages of different sizes: page 1 has %u x %u pixels, page %lld has "
                        "%u x %u (rows x columns)",
                        path, first.rows, first.cols, (long long)(pages + 1), page.rows, page.cols);
  }
  if (log->text[0] || !link_is_whole(path, tiff, last)) return damaged(ctx, path, pages, log);
  info->pages = pages;
  info->rows = first.rows;
  info->cols = first.cols;
  info->bits = first.bits > 8 ? 16 : 8;
  return EXSET_OK;
}

int exset_image_tiff_info(exset_ctx_t *ctx, const char *path, exset_image_info_t *info) {
  tiff_log_t log;
  TIFF *tiff = open_tiff(path, "r", &log);
  if (!tiff) return damaged(ctx, path, 0, &log);
  const int err = info_of(ctx, path, tiff, &log, info);
  TIFFClose(tiff);
  return err;
}

/* ---- pixels --------------------------------------------------------------------------------- */

/* Samples of one row of packed bytes (libtiff has put 16-bit samples into native order). */
static void unpack(const uint8_t *packed, int bits, int64_t n, uint16_t *sample) {
  if (bits == 16) {
    memcpy(sample, packed, (size_t)n * 2);
  } else if (bits == 8) {
    for (int64_t i = 0; i < n; i++) sample[i] = packed[i];
  } else {
    const int per_byte = 8 / bits, mask = (1 << bits) - 1;
    for (int64_t i = 0; i < n; i++)
      sample[i] = (uint16_t)(packed[i / per_byte] >> (8 - bits * (int)(i % per_byte + 1)) & mask);
  }
}

/* Stored values to gray values: inverted scales, palettes, 1 to 4 bits spread to 0..255. */
static void to_values(const page_t *p, int64_t n, uint16_t *value) {
  const unsigned max = (1u << p->bits) - 1, scale = p->bits < 8 ? 255 / max : 1;
  if (p->photometric == PHOTOMETRIC_PALETTE) {
    if (p->palette)
      for (int64_t i = 0; i < n; i++)
        value[i] = p->bits > 8 ? p->palette[value[i]] : p->palette[value[i]] >> 8;
    return;
  }
  const bool inverted = p->photometric == PHOTOMETRIC_MINISWHITE;
  for (int64_t i = 0; i < n; i++)
    value[i] = (uint16_t)(scale * (inverted ? max - value[i] : value[i]));
}

typedef struct {
  exset_ctx_t *ctx;
  const char *path;
  const page_t *page;
  uint8_t *packed;  /* one strip or tile */
  uint16_t *sample; /* one row of it, all channels */
} decode_t;

static int decode_row(decode_t *d, const uint8_t *packed, int64_t n, uint16_t *value) {
  const page_t *p = d->page;
  unpack(packed, p->bits, n * p->channels, d->sample);
  EXSET_TRY(
      exset_image_to_gray(d->ctx, d->path, n, p->channels, (1u << p->bits) - 1, d->sample, value));
  to_values(p, n, value);
  return EXSET_OK;
}

/* EXSET_ERR_LOCAL stands for damage seen by libtiff. */
static int read_strips(decode_t *d, TIFF *tiff, uint16_t *value) {
  const page_t *p = d->page;
  const tmsize_t row_bytes = TIFFScanlineSize(tiff);
  uint32_t per_strip = 0;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &per_strip);
  if (per_strip < 1) return EXSET_ERR_LOCAL;
  for (uint32_t row = 0; row < p->rows;) {
    const uint32_t n = p->rows - row < per_strip ? p->rows - row : per_strip;
    const tmsize_t bytes = row_bytes * (tmsize_t)n;
    if (TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, row, 0), d->packed, bytes) != bytes)
      return EXSET_ERR_LOCAL;
    for (uint32_t r = 0; r < n; r++, row++)
      EXSET_TRY(decode_row(d, d->packed + row_bytes * (tmsize_t)r, p->cols,
                           value + (int64_t)row * p->cols));
  }
  return EXSET_OK;
}

static int read_tiles(decode_t *d, TIFF *tiff, uint16_t *value) {
  const page_t *p = d->page;
  uint32_t high = 0, wide = 0;
  TIFFGetField(tiff, TIFFTAG_TILELENGTH, &high);
  TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &wide);
  if (high < 1 || wide < 1) return EXSET_ERR_LOCAL;
  const tmsize_t row_bytes = TIFFTileRowSize(tiff), bytes = TIFFTileSize(tiff);
  for (uint64_t row = 0; row < p->rows; row += high) {
    for (uint64_t col = 0; col < p->cols; col += wide) {
      const uint32_t tile = TIFFComputeTile(tiff, (uint32_t)col, (uint32_t)row, 0, 0);
      if (TIFFReadEncodedTile(tiff, tile, d->packed, bytes) != bytes) return EXSET_ERR_LOCAL;
      const uint64_t n = p->cols - col < wide ? p->cols - col : wide;
      for (uint64_t r = 0; r < high && row + r < p->rows; r++)
        EXSET_TRY(decode_row(d, d->packed + row_bytes * (tmsize_t)r, (int64_t)n,
                             value + (row + r) * p->cols + col));
    }
  }
  return EXSET_OK;
}

static int read_page(exset_ctx_t *ctx, const char *path, TIFF *tiff, const page_t *page,
                     uint16_t *value) {
  const bool tiled = TIFFIsTiled(tiff) != 0;
  const tmsize_t bytes = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  const tmsize_t row_bytes = tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
  if (bytes <= 0 || row_bytes <= 0) return EXSET_ERR_LOCAL;
  decode_t d = {.ctx = ctx, .path = path, .page = page};
  int err = exset_alloc(ctx, bytes, 1, &d.packed);
  if (!err) err = exset_alloc(ctx, row_bytes, 8 * sizeof *d.sample, &d.sample);
  if (err) err = EXSET_ERR_RUN;
  if (!err) err = tiled ? read_tiles(&d, tiff, value) : read_strips(&d, tiff, value);
  free(d.packed);
  free(d.sample);
  return err;
}

static int read_all(exset_ctx_t *ctx, const char *path, TIFF *tiff, int64_t first, int64_t count,
                    uint16_t *value) {
  page_t page = {0}, start = {0};
  for (int64_t i = 0; i < count; i++) {
    if (i > 0 ? !TIFFReadDirectory(tiff) : first > 0 && !TIFFSetDirectory(tiff, (tdir_t)first))
      return EXSET_ERR_LOCAL;
    EXSET_TRY(read_page_info(ctx, path, tiff, &page));
    if (i == 0) start = page;
    if (page.rows != start.rows || page.cols != start.cols) return EXSET_ERR_LOCAL;
    EXSET_TRY(read_page(ctx, path, tiff, &page, value + i * (int64_t)page.rows * page.cols));
  }
  return EXSET_OK;
}

int exset_image_tiff_read(exset_ctx_t *ctx, const char *path, int64_t first, int64_t count,
                          uint16_t *value) {
  tiff_log_t log;
  TIFF *tiff = open_tiff(path, "r", &log);
  if (!tiff) return damaged(ctx, path, first, &log);
  int err = read_all(ctx, path, tiff, first, count, value);
  if (err == EXSET_ERR_LOCAL) err = damaged(ctx, path, TIFFCurrentDirectory(tiff), &log);
  TIFFClose(tiff);
  return err;
}

/* ---- writing -------------------------------------------------------------------------------- */

struct exset_tiff_writer_s {
  TIFF *tiff;
  tiff_log_t log;
  int64_t rows, cols;
  char *path;
};

static int write_failed(exset_ctx_t *ctx, const exset_tiff_writer_t *w) {
  return exset_fail(ctx, EXSET_ERR_RUN, "cannot write %s%s%s", w->path, w->log.text[0] ? ": " : "",
                    w->log.text);
}

int exset_tiff_writer_create(exset_ctx_t *ctx, const char *path, int64_t pages, int64_t rows,
                             int64_t cols, exset_tiff_writer_t **writer) {
  *writer = NULL;
  if (rows > INT32_MAX || cols > INT32_MAX)
    return exset_fail(ctx, EXSET_ERR_INPUT, "pages of %lld x %lld pixels exceed what TIFF holds",
                      (long long)rows, (long long)cols);
  exset_tiff_writer_t *w = calloc(1, sizeof *w);
  if (!w || !(w->path = strdup(path))) {
    free(w);
    return exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
  }
  w->rows = rows;
  w->cols = cols;
  const double classic_limit = 4.0e9; /* bytes; offsets of classic TIFF have 32 bits */
  const double bytes = (double)pages * ((double)rows * (double)cols + 1024);
  w->tiff = open_tiff(path, bytes > classic_limit ? "w8" : "w", &w->log);
  if (w->tiff) {
    *writer = w;
    return EXSET_OK;
  }
  const int err = write_failed(ctx, w);
  free(w->path);
  free(w);
  return err;
}

int exset_tiff_writer_page(exset_ctx_t *ctx, exset_tiff_writer_t *w, const uint8_t *value) {
  TIFF *t = w->tiff;
  const int64_t strip_bytes = 1 << 20;
  const int64_t per_strip = w->cols < strip_bytes ? strip_bytes / w->cols : 1;
  bool ok = TIFFSetField(t, TIFFTAG_IMAGELENGTH, (uint32_t)w->rows) &&
            TIFFSetField(t, TIFFTAG_IMAGEWIDTH, (uint32_t)w->cols) &&
            TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 8) &&
            TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 1) &&
            TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK) &&
            TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
            TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_NONE) &&
            TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, (uint32_t)per_strip);
  for (int64_t row = 0; ok && row < w->rows; row += per_strip) {
    const int64_t n = w->rows - row < per_strip ? w->rows - row : per_strip;
    const tmsize_t bytes = n * w->cols;
    /* libtiff takes a pointer to non-const, but leaves 8-bit data as they are */
    ok = TIFFWriteEncodedStrip(t, TIFFComputeStrip(t, (uint32_t)row, 0),
                               (void *)(uintptr_t)(value + row * w->cols), bytes) == bytes;
  }
  return ok && TIFFWriteDirectory(t) ? EXSET_OK : write_failed(ctx, w);
}

int exset_tiff_writer_close(exset_ctx_t *ctx, exset_tiff_writer_t **writer) {
  exset_tiff_writer_t *w = *writer;
  if (!w) return EXSET_OK;
  TIFFClose(w->tiff); /* every page has been written by TIFFWriteDirectory; errors are logged */
  const int err = w->log.text[0] ? write_failed(ctx, w) : EXSET_OK;
  free(w->path);
  free(w);
  *writer = NULL;
  return err;
}
