/* PNG in and out. libpng reports errors by longjmp: all that must survive it is in png_job_t. */
#include "image_impl.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  exset_ctx_t *ctx;
  const char *path;
  FILE *file;
  png_structp png;
  png_infop info;
  png_bytep data; /* all rows, packed as libpng gives them */
  png_bytepp row;
  uint16_t *sample; /* one row, all channels */
  exset_image_info_t size;
  int bits, channels;
  bool mapped; /* the palette holds grays only: apply it */
  uint16_t palette[256];
  char text[256];
} png_job_t;

static void keep_error(png_structp png, png_const_charp text) {
  png_job_t *job = png_get_error_ptr(png);
  snprintf(job->text, sizeof job->text, "%s", text);
  png_longjmp(png, 1);
}

static void drop_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static int open_read(png_job_t *job) {
  job->file = fopen(job->path, "rb");
  if (!job->file)
    return exset_fail(job->ctx, EXSET_ERR_INPUT, "cannot read %s: %s", job->path, strerror(errno));
  job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, keep_error, drop_warning);
  if (job->png) job->info = png_create_info_struct(job->png);
  return job->info ? EXSET_OK : exset_fail(job->ctx, EXSET_ERR_RUN, "out of memory (libpng)");
}

static void close_read(png_job_t *job) {
  if (job->png) png_destroy_read_struct(&job->png, &job->info, NULL);
  if (job->file) fclose(job->file);
  free(job->data);
  free(job->row);
  free(job->sample);
}

static int damaged(png_job_t *job) {
  return exset_fail(job->ctx, EXSET_ERR_INPUT, "%s is damaged or truncated: %s", job->path,
                    job->text);
}

/* Gray palettes give gray values; coloured ones leave the indices as values. */
static void read_palette(png_job_t *job) {
  png_colorp colour = NULL;
  int n = 0;
  job->mapped = png_get_PLTE(job->png, job->info, &colour, &n) != 0;
  for (int i = 0; job->mapped && i < n; i++) {
    job->mapped = colour[i].red == colour[i].green && colour[i].red == colour[i].blue;
    job->palette[i] = colour[i].red;
  }
}

/* Header, and the form in which rows will come. Jumps on libpng's errors. */
static void read_header(png_job_t *job) {
  png_init_io(job->png, job->file);
  png_read_info(job->png, job->info);
  job->size.pages = 1;
  job->size.rows = png_get_image_height(job->png, job->info);
  job->size.cols = png_get_image_width(job->png, job->info);
  const int depth = png_get_bit_depth(job->png, job->info);
  job->bits = job->size.bits = depth > 8 ? 16 : 8;
  job->channels = png_get_channels(job->png, job->info);
  if (png_get_color_type(job->png, job->info) == PNG_COLOR_TYPE_PALETTE) {
    png_set_packing(job->png);
    read_palette(job);
  } else if (depth < 8) {
    png_set_expand_gray_1_2_4_to_8(job->png);
  }
}

static int read_info(png_job_t *job) {
  if (setjmp(png_jmpbuf(job->png))) return damaged(job);
  read_header(job);
  return EXSET_OK;
}

int exset_image_png_info(exset_ctx_t *ctx, const char *path, exset_image_info_t *info) {
  png_job_t job = {.ctx = ctx, .path = path};
  int err = open_read(&job);
  if (!err) err = read_info(&job);
  close_read(&job);
  *info = job.size;
  return err;
}

/* All rows into job->data: interlaced files need the whole image. */
static int read_rows(png_job_t *job) {
  if (setjmp(png_jmpbuf(job->png))) return damaged(job);
  read_header(job);
  png_set_interlace_handling(job->png);
  png_read_update_info(job->png, job->info);
  const size_t row_bytes = png_get_rowbytes(job->png, job->info);
  if (exset_alloc(job->ctx, job->size.rows, row_bytes, &job->data) ||
      exset_alloc(job->ctx, job->size.rows, sizeof *job->row, &job->row) ||
      exset_alloc(job->ctx, job->size.cols * job->channels, sizeof *job->sample, &job->sample))
    return EXSET_ERR_RUN;
  for (int64_t r = 0; r < job->size.rows; r++) job->row[r] = job->data + (size_t)r * row_bytes;
  png_read_image(job->png, job->row);
  png_read_end(job->png, NULL);
  return EXSET_OK;
}

static int convert_row(png_job_t *job, const uint8_t *packed, uint16_t *value) {
  const int64_t n = job->size.cols * job->channels;
  for (int64_t i = 0; i < n; i++)
    job->sample[i] =
        job->bits == 16 ? (uint16_t)(packed[2 * i] << 8 | packed[2 * i + 1]) : packed[i];
  EXSET_TRY(exset_image_to_gray(job->ctx, job->path, job->size.cols, job->channels,
                                (1u << job->bits) - 1, job->sample, value));
  if (job->mapped)
    for (int64_t i = 0; i < job->size.cols; i++) value[i] = job->palette[value[i]];
  return EXSET_OK;
}

int exset_image_png_read(exset_ctx_t *ctx, const char *path, uint16_t *value) {
  png_job_t job = {.ctx = ctx, .path = path};
  int err = open_read(&job);
  if (!err) err = read_rows(&job);
  for (int64_t r = 0; !err && r < job.size.rows; r++)
    err = convert_row(&job, job.row[r], value + r * job.size.cols);
  close_read(&job);
  return err;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* What is written; n_colours 0: gray values. */
typedef struct {
  int64_t rows, cols;
  const uint8_t *value;
  int n_colours;
  const uint8_t (*colour)[3];
} picture_t;

static void set_palette(png_job_t *job, const picture_t *p) {
  png_color palette[PNG_MAX_PALETTE_LENGTH];
  for (int i = 0; i < p->n_colours; i++)
    palette[i] = (png_color){p->colour[i][0], p->colour[i][1], p->colour[i][2]};
  png_set_PLTE(job->png, job->info, palette, p->n_colours);
}

static int write_rows(png_job_t *job, const picture_t *p) {
  if (setjmp(png_jmpbuf(job->png)))
    return exset_fail(job->ctx, EXSET_ERR_RUN, "cannot write %s: %s", job->path, job->text);
  png_init_io(job->png, job->file);
  png_set_IHDR(job->png, job->info, (png_uint_32)p->cols, (png_uint_32)p->rows, 8,
               p->n_colours ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (p->n_colours) set_palette(job, p);
  png_write_info(job->png, job->info);
  for (int64_t r = 0; r < p->rows; r++) png_write_row(job->png, p->value + r * p->cols);
  png_write_end(job->png, NULL);
  return EXSET_OK;
}

static int write_file(png_job_t *job, const picture_t *p) {
  job->file = fopen(job->path, "wb");
  if (!job->file)
    return exset_fail(job->ctx, EXSET_ERR_INPUT, "cannot write %s: %s", job->path, strerror(errno));
  job->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, job, keep_error, drop_warning);
  if (job->png) job->info = png_create_info_struct(job->png);
  int err = job->info ? write_rows(job, p)
                      : exset_fail(job->ctx, EXSET_ERR_RUN, "out of memory (libpng)");
  if (job->png) png_destroy_write_struct(&job->png, &job->info);
  bool ok = fflush(job->file) == 0 && fsync(fileno(job->file)) == 0;
  ok &= fclose(job->file) == 0;
  if (!err && !ok)
    err = exset_fail(job->ctx, EXSET_ERR_RUN, "cannot write %s: %s", job->path, strerror(errno));
  return err;
}

static int write_picture(exset_ctx_t *ctx, const char *path, const picture_t *p) {
  char temp[4096];
  const int length = snprintf(temp, sizeof temp, "%s.part", path);
  if (length < 0 || (size_t)length >= sizeof temp)
    return exset_fail(ctx, EXSET_ERR_INPUT, "output path is too long: \"%.60s\"", path);
  if (p->rows > INT32_MAX || p->cols > INT32_MAX)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%lld x %lld pixels exceed what PNG holds",
                      (long long)p->rows, (long long)p->cols);
  png_job_t job = {.ctx = ctx, .path = temp};
  int err = write_file(&job, p);
  if (!err && rename(temp, path) != 0)
    err = exset_fail(ctx, EXSET_ERR_RUN, "cannot finish %s: %s", path, strerror(errno));
  if (err && job.file) unlink(temp);
  return err;
}

int exset_image_write_png(exset_ctx_t *ctx, const char *path, int64_t rows, int64_t cols,
                          const uint8_t *value) {
  const picture_t picture = {rows, cols, value, 0, NULL};
  return write_picture(ctx, path, &picture);
}

int exset_image_write_png_colours(exset_ctx_t *ctx, const char *path, int64_t rows, int64_t cols,
                                  const uint8_t *value, int n_colours, const uint8_t (*colour)[3]) {
  const picture_t picture = {rows, cols, value, n_colours, colour};
  return write_picture(ctx, path, &picture);
}
