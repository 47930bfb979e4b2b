/* test: np="1 3" time=30 */
/* Real sections: pages, sizes, labels and the fractions stated with the data. */
#include "exset/image.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fractions(const exset_sections_t *s, double *fraction) {
  int64_t count[EXSET_MAX_PHASES + 1] = {0}, n = 0;
  for (int i = 0; i < s->n; i++) {
    const int64_t cells = s->section[i].rows * s->section[i].cols;
    for (int64_t c = 0; c < cells; c++) count[s->section[i].phase[c]]++;
    n += cells;
  }
  n -= count[0];
  for (int p = 0; p < s->n_phases; p++) fraction[p] = (double)count[p + 1] / (double)n;
}

/* The file transposed is the file with rows and columns exchanged. */
static void check_transposed(exset_ctx_t *ctx, const char *path) {
  exset_labels_t labels = {0};
  exset_sections_t a = {0}, b = {0};
  MUST(ctx, exset_sections_read(ctx, path, EXSET_ORIENT_YZ, false, &labels, &a));
  MUST(ctx, exset_sections_read(ctx, path, EXSET_ORIENT_YZ, true, &labels, &b));
  CHECK(a.n == b.n && a.section[0].rows == b.section[0].cols);
  int64_t wrong = 0;
  for (int64_t r = 0; r < a.section[0].rows; r++)
    for (int64_t c = 0; c < a.section[0].cols; c++)
      wrong += a.section[0].phase[r * a.section[0].cols + c] !=
               b.section[0].phase[c * b.section[0].cols + r];
  CHECK(wrong == 0);
  exset_sections_clear(&a);
  exset_sections_clear(&b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  if (!test_data("electrode/sections_xy.tif")) return test_skip(ctx, "no ../shared/data");
  exset_labels_t labels = {0};
  exset_sections_t sections = {0};
  double fraction[EXSET_MAX_PHASES];
  MUST(ctx, exset_sections_read(ctx, test_data("electrode/sections_xy.tif"), EXSET_ORIENT_XY, false,
                                &labels, &sections));
  CHECK(sections.n == 8 && sections.n_phases == 3);
  CHECK(labels.n_labels == 3 && labels.label[0] == 0 && labels.label[1] == 85 &&
        labels.label[2] == 170);
  for (int i = 0; i < sections.n; i++)
    CHECK(sections.section[i].rows == 256 && sections.section[i].cols == 256 &&
          sections.section[i].orient == EXSET_ORIENT_XY);
  fractions(&sections, fraction);
  /* 0.450, 0.400, 0.150 is said of the whole 3D image; eight sections of it differ a little */
  CHECK_NEAR(fraction[0], 0.450, 0.02);
  CHECK_NEAR(fraction[1], 0.400, 0.02);
  CHECK_NEAR(fraction[2], 0.150, 0.02);

  /* a second file is appended */
  MUST(ctx, exset_sections_read(ctx, test_data("electrode/sections_yz.tif"), EXSET_ORIENT_YZ, false,
                                &labels, &sections));
  CHECK(sections.n == 16 && sections.section[8].orient == EXSET_ORIENT_YZ);
  exset_sections_clear(&sections);

  /* the order of the labels is the order of the phases; cracks are left out */
  exset_labels_t cracked = {.n_labels = 2, .label = {170, 85}, .n_masked = 1, .masked = {255}};
  MUST(ctx, exset_sections_read(ctx, test_data("sofc/section_large.tif"), EXSET_ORIENT_XY, false,
                                &cracked, &sections));
  CHECK(sections.n == 1 && sections.section[0].rows == 896 && sections.section[0].cols == 1024);
  int64_t masked = 0;
  for (int64_t c = 0; c < 896 * 1024; c++) masked += sections.section[0].phase[c] == 0;
  CHECK_NEAR((double)masked / (896 * 1024), 0.009, 0.0005);
  exset_sections_clear(&sections);

  check_transposed(ctx, test_data("electrode/sections_yz.tif"));
  return test_end(ctx);
}
