/* test: np="1" time=30 */
/* Every kind of gray TIFF and PNG gives back the values that were stored; files are made byte by byte. */
#include "exset/image.h"
#include "test.h"
#include "test_image.h"

enum { ROWS = 37, COLS = 45, PAGES = 3, N = PAGES * ROWS * COLS * 4 };

static uint16_t *samples(unsigned max) {
  uint16_t *s = malloc(N * sizeof *s);
  uint32_t state = 12345;
  for (int i = 0; i < N; i++) {
    state = state * 1664525u + 1013904223u;
    s[i] = (uint16_t)((state >> 8) % (max + 1));
  }
  return s;
}

/* The file's values are expected[pages][ROWS][COLS]; also when read in two parts. */
static void check_file(exset_ctx_t *ctx, const char *path, int pages, const uint16_t *expected,
                       const char *what) {
  exset_image_info_t info;
  MUST(ctx, exset_image_info(ctx, path, &info));
  CHECK_MSG(info.pages == pages && info.rows == ROWS && info.cols == COLS, "size of %s", what);
  uint16_t *value = malloc(N * sizeof *value);
  MUST(ctx, exset_image_read_pages(ctx, path, 0, pages, value));
  const size_t page = ROWS * COLS * sizeof *value;
  CHECK_MSG(memcmp(value, expected, (size_t)pages * page) == 0, "values of %s", what);
  if (pages > 1) {
    memset(value, 0, N * sizeof *value);
    MUST(ctx, exset_image_read_pages(ctx, path, 1, pages - 1, value));
    CHECK_MSG(memcmp(value, expected + ROWS * COLS, (size_t)(pages - 1) * page) == 0,
              "later pages of %s", what);
  }
  free(value);
}

/* All layouts of one kind of pixel. expand: from stored sample to gray value. */
static void check_layouts(exset_ctx_t *ctx, tiff_spec_t s, const uint16_t *sample,
                          const uint16_t *expected) {
  char path[1100], what[100];
  snprintf(path, sizeof path, "%s/layout.tif", test_tmp());
  const struct { int strip_rows, tile; } layout[] = {{0, 0}, {1, 0}, {5, 0}, {0, 16}, {0, 64}};
  for (int l = 0; l < 5; l++)
    for (int big = 0; big < 2; big++)
      for (int packed = 0; packed < 2; packed++) {
        s.rows = ROWS;
        s.cols = COLS;
        s.strip_rows = layout[l].strip_rows;
        s.tile = layout[l].tile;
        s.big_endian = big;
        s.packbits = packed;
        snprintf(what, sizeof what, "%d bits x %d, layout %d, order %d, packed %d", s.bits,
                 s.channels, l, big, packed);
        make_tiff(path, &s, sample);
        check_file(ctx, path, s.pages ? s.pages : 1, expected, what);
      }
}

static void check_gray_tiff(exset_ctx_t *ctx) {
  for (int bits = 1; bits <= 16; bits *= 2) {
    const unsigned max = (1u << bits) - 1, scale = bits < 8 ? 255 / max : 1;
    uint16_t *sample = samples(max), *expected = malloc(N * sizeof *expected);
    for (int i = 0; i < N; i++) expected[i] = (uint16_t)(sample[i] * scale);
    check_layouts(ctx, (tiff_spec_t){.bits = bits, .pages = PAGES}, sample, expected);
    for (int i = 0; i < N; i++) expected[i] = (uint16_t)((max - sample[i]) * scale);
    check_layouts(ctx, (tiff_spec_t){.bits = bits, .pages = PAGES, .min_is_white = 1}, sample,
                  expected);
    if (bits <=
        8) { /* a palette of grays spread evenly over 0..65535, of which the high byte counts */
      for (int i = 0; i < N; i++) expected[i] = (uint16_t)(sample[i] * (65535 / max) >> 8);
      check_layouts(ctx, (tiff_spec_t){.bits = bits, .pages = PAGES, .palette = 1}, sample,
                    expected);
      check_layouts(ctx, (tiff_spec_t){.bits = bits, .pages = PAGES, .palette = 2}, sample, sample);
    }
    free(sample);
    free(expected);
  }
}

/* Channels are equal, alpha is opaque. */
static void check_channels(exset_ctx_t *ctx) {
  char path[1100];
  snprintf(path, sizeof path, "%s/channels.png", test_tmp());
  for (int bits = 8; bits <= 16; bits *= 2)
    for (int channels = 1; channels <= 4; channels++) {
      const unsigned max = (1u << bits) - 1;
      uint16_t *gray = samples(max), *sample = malloc(N * sizeof *sample);
      for (int i = 0; i < ROWS * COLS; i++)
        for (int c = 0; c < channels; c++)
          sample[i * channels + c] =
              channels % 2 == 0 && c == channels - 1 ? (uint16_t)max : gray[i];
      const tiff_spec_t s = {.bits = bits, .channels = channels, .rgb = channels > 2};
      check_layouts(ctx, s, sample, gray);
      const int type[] = {0, 0, 4, 2, 6};
      make_png(path, ROWS, COLS, bits, type[channels], sample, 0, NULL);
      check_file(ctx, path, 1, gray, "PNG with channels");
      free(gray);
      free(sample);
    }
}

static void check_small_png(exset_ctx_t *ctx) {
  char path[1100];
  snprintf(path, sizeof path, "%s/small.png", test_tmp());
  unsigned char grays[256][3], colours[256][3];
  for (int i = 0; i < 256; i++) {
    grays[i][0] = grays[i][1] = grays[i][2] = (unsigned char)(255 - i);
    memcpy(colours[i], grays[i], 3);
    colours[i][1] = (unsigned char)i;
  }
  for (int bits = 1; bits <= 8; bits *= 2) {
    const unsigned max = (1u << bits) - 1, scale = 255 / max;
    uint16_t *sample = samples(max), *expected = malloc(N * sizeof *expected);
    for (int i = 0; i < N; i++) expected[i] = (uint16_t)(sample[i] * scale);
    make_png(path, ROWS, COLS, bits, 0, sample, 0, NULL);
    check_file(ctx, path, 1, expected, "gray PNG");
    for (int i = 0; i < N; i++) expected[i] = (uint16_t)(255 - sample[i]);
    make_png(path, ROWS, COLS, bits, 3, sample, (int)max + 1, grays[0]);
    check_file(ctx, path, 1, expected, "PNG with gray palette");
    make_png(path, ROWS, COLS, bits, 3, sample, (int)max + 1, colours[0]);
    check_file(ctx, path, 1, sample, "PNG with colour palette");
    free(sample);
    free(expected);
  }
}

/* What this module writes, it reads. */
static void check_written(exset_ctx_t *ctx) {
  char path[1100];
  uint16_t *sample = samples(255);
  uint8_t *byte = malloc(N);
  for (int i = 0; i < N; i++) byte[i] = (uint8_t)sample[i];
  snprintf(path, sizeof path, "%s/written.png", test_tmp());
  MUST(ctx, exset_image_write_png(ctx, path, ROWS, COLS, byte));
  check_file(ctx, path, 1, sample, "written PNG");
  snprintf(path, sizeof path, "%s/written.tif", test_tmp());
  for (int big = 0; big < 2; big++) { /* a claim of very many pages makes it BigTIFF */
    exset_tiff_writer_t *writer;
    MUST(ctx,
         exset_tiff_writer_create(ctx, path, big ? INT64_C(1) << 40 : PAGES, ROWS, COLS, &writer));
    for (int p = 0; p < PAGES; p++)
      MUST(ctx, exset_tiff_writer_page(ctx, writer, byte + p * ROWS * COLS));
    MUST(ctx, exset_tiff_writer_close(ctx, &writer));
    CHECK(writer == NULL);
    check_file(ctx, path, PAGES, sample, big ? "written BigTIFF" : "written TIFF");
  }
  free(sample);
  free(byte);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  if (ctx->rank == 0) { /* all functions are local */
    check_gray_tiff(ctx);
    check_channels(ctx);
    check_small_png(ctx);
    check_written(ctx);
  }
  return test_end(ctx);
}
