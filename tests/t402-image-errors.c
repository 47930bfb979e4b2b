/* test: np="1 3" time=60 */
/* Each mistake with an image gives EXSET_ERR_INPUT and one clear line on every rank, and nothing on stderr. */
#include "exset/image.h"
#include "test.h"
#include "test_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 12, COLS = 10, N = 4 * ROWS * COLS * 4 };

static const char *file(const char *name) {
  static char path[1100];
  snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
  return path;
}

/* Reading fails with every one of the words (separated by |) in a single line, the same on all ranks. */
static void expect(exset_ctx_t *ctx, const char *path, exset_labels_t labels, const char *words) {
  exset_sections_t sections = {0};
  MPI_Barrier(ctx->comm);
  const int err = exset_sections_read(ctx, path, EXSET_ORIENT_XY, false, &labels, &sections);
  CHECK_MSG(err == EXSET_ERR_INPUT, "code %d for %s: %s", err, path, ctx->message);
  CHECK_MSG(sections.n == 0 && !sections.section, "no sections from %s", path);
  CHECK_MSG(!strchr(ctx->message, '\n'), "one line: %s", ctx->message);
  char list[256];
  snprintf(list, sizeof list, "%s", words);
  for (char *rest = NULL, *word = strtok_r(list, "|", &rest); word;
       word = strtok_r(NULL, "|", &rest))
    CHECK_MSG(strstr(ctx->message, word), "\"%s\" is in \"%s\"", word, ctx->message);
  ctx->message[0] = 0;
  MPI_Barrier(ctx->comm);
}

static const exset_labels_t any = {0};

/* Rank 0 makes the file, all ranks read it. */
static void expect_tiff(exset_ctx_t *ctx, const tiff_spec_t *spec, const uint16_t *sample,
                        exset_labels_t labels, const char *words) {
  if (ctx->rank == 0) make_tiff(file("bad.tif"), spec, sample);
  expect(ctx, file("bad.tif"), labels, words);
}

static void check_paths(exset_ctx_t *ctx) {
  expect(ctx, file("absent.tif"), any, "absent.tif|No such file");
  expect(ctx, test_tmp(), any, "folder");
  if (ctx->rank == 0) fclose(fopen(file("empty.tif"), "wb"));
  expect(ctx, file("empty.tif"), any, "empty.tif|empty");
  if (ctx->rank == 0) {
    FILE *text = fopen(file("text.png"), "wb");
    fputs("no image at all\n", text);
    fclose(text);
  }
  expect(ctx, file("text.png"), any, "text.png|neither TIFF nor PNG");
}

static void check_kinds(exset_ctx_t *ctx, const uint16_t *sample) {
  const tiff_spec_t base = {.rows = ROWS, .cols = COLS, .bits = 8};
  tiff_spec_t s = base;
  s.format = 3;
  s.bits = 16;
  expect_tiff(ctx, &s, sample, any, "bad.tif|16-bit floating-point|allowed");
  s.format = 2;
  expect_tiff(ctx, &s, sample, any, "signed|allowed");
  s.format = 0;
  s.bits = 32;
  expect_tiff(ctx, &s, sample, any, "32-bit|allowed");
  s = base;
  s.channels = 3;
  s.rgb = 1;
  expect_tiff(ctx, &s, sample, any, "bad.tif|colour");
  s = base;
  s.channels = 2;
  expect_tiff(ctx, &s, sample, any, "transparent");
  s = base;
  s.pages = 3;
  s.grow = 1;
  expect_tiff(ctx, &s, sample, any, "different sizes|12 x 10|page 2|13 x 10");
  s = base;
  s.rows = 1;
  expect_tiff(ctx, &s, sample, any, "1 x 10|at least 2 x 2");
  s = base;
  s.cols = 1;
  expect_tiff(ctx, &s, sample, any, "12 x 1|at least 2 x 2");
  if (ctx->rank == 0) make_png(file("colour.png"), ROWS, COLS, 8, 2, sample, 0, NULL);
  expect(ctx, file("colour.png"), any, "colour.png|colour|red, green, blue 0, 85, 170");
  if (ctx->rank == 0) make_png(file("alpha.png"), ROWS, COLS, 8, 4, sample, 0, NULL);
  expect(ctx, file("alpha.png"), any, "alpha.png|transparent");
}

static void check_labels(exset_ctx_t *ctx, const uint16_t *sample) {
  const tiff_spec_t s = {.rows = ROWS, .cols = COLS, .bits = 8};
  exset_labels_t absent = {.n_labels = 4, .label = {0, 85, 170, 200}};
  exset_sections_t sections = {0};
  if (ctx->rank == 0) make_tiff(file("bad.tif"), &s, sample);
  MUST(ctx, exset_sections_read(ctx, file("bad.tif"), EXSET_ORIENT_XY, false, &absent, &sections));
  CHECK(exset_sections_check(ctx, &absent, &sections) == EXSET_ERR_INPUT);
  CHECK(strstr(ctx->message, "label 200 does not occur in any of the 1 sections"));
  ctx->message[0] = 0;
  absent.n_labels = 3;
  CHECK(exset_sections_check(ctx, &absent, &sections) == EXSET_OK);
  exset_sections_clear(&sections);
  const exset_labels_t unlisted = {.n_labels = 2, .label = {0, 170}};
  expect_tiff(ctx, &s, sample, unlisted,
              "bad.tif|gray value 85|labels 0, 170|found are 0, 85, 170");
  const exset_labels_t twice = {.n_labels = 3, .label = {0, 85, 85}};
  expect_tiff(ctx, &s, sample, twice, "label 85|twice");
  const exset_labels_t both = {.n_labels = 2, .label = {0, 85}, .n_masked = 1, .masked = {85}};
  expect_tiff(ctx, &s, sample, both, "label 85|twice");
  const exset_labels_t range = {.n_labels = 2, .label = {0, 65536}};
  expect_tiff(ctx, &s, sample, range, "label 65536|0 to 65535");
  const exset_labels_t negative = {.n_labels = 2, .label = {-1, 85}};
  expect_tiff(ctx, &s, sample, negative, "label -1|0 to 65535");
  const exset_labels_t all_masked = {.n_masked = 3, .masked = {0, 85, 170}};
  expect_tiff(ctx, &s, sample, all_masked, "masked values only");
  const exset_labels_t single = {.n_masked = 2, .masked = {0, 85}};
  expect_tiff(ctx, &s, sample, single, "gray value 170 is the only phase|at least 2");
  uint16_t many[N];
  for (int i = 0; i < N; i++) many[i] = (uint16_t)(i % 100);
  expect_tiff(ctx, &s, many, any, "100 gray values|16 phases|segmented");
}

/* Wherever the file is cut, nothing of it is accepted and nothing crashes. */
static void check_truncated(exset_ctx_t *ctx, const uint16_t *sample) {
  for (int tiled = 0; tiled < 2; tiled++)
    for (int packed = 0; packed < 2; packed++) {
      const tiff_spec_t s = {.rows = ROWS,
                             .cols = COLS,
                             .bits = 8,
                             .pages = 3,
                             .strip_rows = 5,
                             .tile = tiled ? 16 : 0,
                             .packbits = packed};
      long size = 0;
      if (ctx->rank == 0) size = (long)make_tiff(file("cut.tif"), &s, sample);
      MPI_Bcast(&size, 1, MPI_LONG, 0, ctx->comm);
      for (long keep = size - 1; keep > 8; keep -= keep > size - 8 ? 1 : size / 23) {
        if (ctx->rank == 0) CHECK(truncate(file("cut.tif"), keep) == 0);
        expect(ctx, file("cut.tif"), any, "cut.tif|damaged or truncated");
      }
    }
  long size = 0;
  if (ctx->rank == 0) size = (long)make_png(file("cut.png"), ROWS, COLS, 8, 0, sample, 0, NULL);
  MPI_Bcast(&size, 1, MPI_LONG, 0, ctx->comm);
  for (long keep = size - 1; keep > 8; keep -= size / 23) {
    if (ctx->rank == 0) CHECK(truncate(file("cut.png"), keep) == 0);
    expect(ctx, file("cut.png"), any, "cut.png|damaged or truncated");
  }
  if (ctx->rank == 0) { /* one wrong byte among the pixels */
    make_png(file("flip.png"), ROWS, COLS, 8, 0, sample, 0, NULL);
    FILE *f = fopen(file("flip.png"), "r+b");
    fseek(f, 70, SEEK_SET);
    fputc(77, f);
    fclose(f);
  }
  expect(ctx, file("flip.png"), any, "flip.png|damaged");
}

static void check_writing(exset_ctx_t *ctx) {
  const uint8_t value[4] = {0, 1, 2, 3};
  exset_tiff_writer_t *writer;
  CHECK(exset_image_write_png(ctx, file("no/folder.png"), 2, 2, value) == EXSET_ERR_INPUT);
  ctx->message[0] = 0;
  CHECK(exset_tiff_writer_create(ctx, file("no/folder.tif"), 1, 2, 2, &writer) != EXSET_OK);
  CHECK(strstr(ctx->message, "folder.tif") && !writer);
  ctx->message[0] = 0;
  /* a full disk: either the page or the closing reports it */
  int err = exset_tiff_writer_create(ctx, "/dev/full", 1, 2, 2, &writer);
  if (!err) {
    err = exset_tiff_writer_page(ctx, writer, value);
    const int closed = exset_tiff_writer_close(ctx, &writer);
    err = err ? err : closed;
  }
  CHECK(err == EXSET_ERR_RUN && strstr(ctx->message, "/dev/full"));
  ctx->message[0] = 0;
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  char name[32];
  snprintf(name, sizeof name, "stderr.%d", ctx->rank);
  fflush(stderr);
  const int shown = dup(2), hidden = open(file(name), O_CREAT | O_TRUNC | O_RDWR, 0600);
  CHECK(dup2(hidden, 2) == 2);
  uint16_t sample[N];
  for (int i = 0; i < N; i++) sample[i] = (uint16_t)(i % 3 * 85);
  check_paths(ctx);
  check_kinds(ctx, sample);
  check_labels(ctx, sample);
  check_truncated(ctx, sample);
  check_writing(ctx);
  fflush(stderr);
  CHECK(dup2(shown, 2) == 2);
  struct stat info;
  CHECK(fstat(hidden, &info) == 0);
  CHECK_MSG(info.st_size == 0, "nothing on stderr; see %s", file(name));
  if (info.st_size > 0) {
    char text[4000] = "";
    CHECK(pread(hidden, text, sizeof text - 1, 0) > 0);
    fprintf(stderr, "%s\n", text);
  }
  return test_end(ctx);
}
