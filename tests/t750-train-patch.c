/* test: np="1" time=60 */
/* Patches: only places without masked pixels and all of them equally often; symmetries; crops of periodic sections and their adjoint. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../src/calibrate/calibrate_train_impl.h"
#include "test.h"

enum { ROWS = 13, COLS = 17, PATCH = 4, PHASES = 3 };

/* Sections whose pixels tell where they are: phase by a hash, some masked. */
static void make_section(exset_ctx_t *ctx, int64_t rows, int64_t cols, exset_orient_t orient,
                         unsigned seed, exset_section_t *section) {
  *section = (exset_section_t){.rows = rows, .cols = cols, .orient = orient};
  MUST(ctx, exset_alloc(ctx, rows * cols, 1, &section->phase));
  for (int64_t k = 0; k < rows * cols; k++) {
    seed = seed * 1664525u + 1013904223u;
    section->phase[k] = (uint8_t)(1 + (seed >> 16) % PHASES);
  }
}

static bool admissible(const exset_section_t *section, int64_t row, int64_t col) {
  if (row + PATCH > section->rows || col + PATCH > section->cols) return false;
  for (int64_t i = 0; i < PATCH; i++)
    for (int64_t j = 0; j < PATCH; j++)
      if (section->phase[(row + i) * section->cols + col + j] == 0) return false;
  return true;
}

/* The eight symmetries as quarter turns and a reflection, written differently from the code: 2 x 2 matrices about the centre. */
static int find_symmetry(const exset_section_t *section, int64_t row, int64_t col,
                         const uint8_t *label, int *matches) {
  static const int matrix[8][4] = {{1, 0, 0, 1}, {-1, 0, 0, 1}, {1, 0, 0, -1}, {-1, 0, 0, -1},
                                   {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, -1, 0}, {0, -1, -1, 0}};
  int found = -1;
  *matches = 0;
  for (int g = 0; g < 8; g++) {
    bool same = true;
    for (int i = 0; i < PATCH; i++) {
      for (int j = 0; j < PATCH; j++) {
        const int y = 2 * i - PATCH + 1, x = 2 * j - PATCH + 1;
        const int a = (matrix[g][0] * y + matrix[g][1] * x + PATCH - 1) / 2;
        const int b = (matrix[g][2] * y + matrix[g][3] * x + PATCH - 1) / 2;
        same &= label[i * PATCH + j] == section->phase[(row + a) * section->cols + col + b];
      }
    }
    if (same) found = g;
    *matches += same;
  }
  return found;
}

static void check_image(const crops_t *crops, exset_rng_key_t key, uint32_t number,
                        const uint8_t *label) {
  float image[PHASES * PATCH * PATCH];
  crops_image(crops, key, number, image);
  for (int k = 0; k < PATCH * PATCH; k++)
    for (int f = 0; f < PHASES; f++)
      CHECK(image[f * PATCH * PATCH + k] == (label[k] == f + 1 ? 1.0f : 0.0f));
}

/* Chi-square statistic of counts that should be equal. */
static double chi_square(int n, const int *count, double mean) {
  double sum = 0;
  for (int k = 0; k < n; k++) sum += (count[k] - mean) * (count[k] - mean) / mean;
  return sum;
}

static void check_crops(exset_ctx_t *ctx, exset_sections_t *sections, unsigned kinds,
                        int n_symmetries) {
  enum { DRAWS = 60000 };
  crops_t crops;
  MUST(ctx, crops_create(ctx, sections, kinds, PATCH, n_symmetries, &crops));
  int n_places = 0, count[4 * ROWS * COLS] = {0}, turned[8] = {0}, n_turned = 0;
  for (int s = 0; s < sections->n; s++) {
    const exset_section_t *section = &sections->section[s];
    if (!(kinds >> (section->orient == EXSET_ORIENT_XY ? PLANES_XY : PLANES_Z) & 1)) continue;
    for (int64_t k = 0; k < section->rows * section->cols; k++)
      n_places += admissible(section, k / section->cols, k % section->cols);
  }
  CHECK_MSG(crops.n_places == n_places, "%d places, counted %d", (int)crops.n_places, n_places);
  const exset_rng_key_t key = patch_key(5, 7, 0);
  for (uint32_t d = 0; d < DRAWS; d++) {
    place_t place;
    uint8_t label[PATCH * PATCH];
    int matches;
    crops_place(&crops, key, d, &place);
    const int s = (int)(place.section - sections->section);
    if (!admissible(place.section, place.row, place.col)) CHECK(false);
    count[s * ROWS * COLS + place.row * COLS + place.col]++;
    if (d >= 4000) continue;
    crops_labels(&crops, &place, label);
    const int g = find_symmetry(place.section, place.row, place.col, label, &matches);
    CHECK(matches > 0);
    if (matches != 1) continue; /* a patch with symmetries of its own */
    turned[g]++;
    n_turned++;
    if (d < 50) check_image(&crops, key, d, label);
  }
  int dense[4 * ROWS * COLS], n = 0;
  for (int k = 0; k < 4 * ROWS * COLS; k++)
    if (admissible(&sections->section[k / (ROWS * COLS)], k % (ROWS * COLS) / COLS, k % COLS) &&
        count[k] > 0)
      dense[n++] = count[k];
  CHECK(n == n_places);
  const double x = chi_square(n, dense, (double)DRAWS / n_places);
  CHECK_MSG(x < n - 1 + 4 * sqrt(2.0 * n), "places: chi-square %g of %d", x, n);
  /* all eight, or those that exchange no rows and columns */
  const double y = chi_square(n_symmetries, turned, (double)n_turned / n_symmetries);
  CHECK_MSG(y < 30, "symmetries: chi-square %g of %d", y, n_symmetries);
  crops_clear(&crops);
}

static void check_micrographs(exset_ctx_t *ctx) {
  exset_section_t section[4];
  exset_sections_t sections = {.n = 4, .n_phases = PHASES, .section = section};
  make_section(ctx, ROWS, COLS, EXSET_ORIENT_XY, 1, &section[0]);
  make_section(ctx, ROWS, COLS, EXSET_ORIENT_XZ, 2, &section[1]);
  make_section(ctx, ROWS, COLS, EXSET_ORIENT_XY, 3, &section[2]);
  make_section(ctx, ROWS, COLS, EXSET_ORIENT_YZ, 4, &section[3]);
  section[0].phase[3 * COLS + 7] = section[0].phase[9 * COLS + 8] = 0;
  section[1].phase[0] = section[1].phase[ROWS * COLS - 1] = 0;
  for (int j = 0; j < COLS; j++) section[3].phase[6 * COLS + j] = 0; /* a crack from edge to edge */
  check_crops(ctx, &sections, 1u << PLANES_XY, SYMMETRIES_ALL);
  check_crops(ctx, &sections, 1u << PLANES_Z, SYMMETRIES_FLIPS);
  check_crops(ctx, &sections, 1u << PLANES_XY | 1u << PLANES_Z, SYMMETRIES_ALL);
  for (int64_t k = 0; k < ROWS * COLS; k++)
    section[1].phase[k] = section[3].phase[k] = k % COLS % PATCH ? section[1].phase[k] : 0;
  crops_t none;
  MUST(ctx, crops_create(ctx, &sections, 1u << PLANES_Z, PATCH, SYMMETRIES_FLIPS, &none));
  CHECK(none.n_places == 0);
  crops_clear(&none);
  for (int s = 0; s < 4; s++) free(section[s].phase);
}

/* ---- model sections ---- */

static double uniform(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(*state >> 11) / 9007199254740992.0 - 0.5;
}

/* <image of x, y> = <x, adjoint of y> for all crops of a section; crops do not overlap. */
static void check_tiling(exset_ctx_t *ctx, int64_t rows, int64_t cols, int n_symmetries) {
  const tiling_t tiling = tiling_create(rows, cols, PATCH, PHASES, n_symmetries);
  const int64_t plane = rows * cols;
  double *x, *back;
  float image[PHASES * PATCH * PATCH], y[PHASES * PATCH * PATCH];
  uint8_t *label, patch[PATCH * PATCH];
  uint64_t state = 11;
  MUST(ctx, exset_alloc(ctx, PHASES * plane, sizeof *x, &x));
  MUST(ctx, exset_alloc(ctx, PHASES * plane, sizeof *back, &back));
  MUST(ctx, exset_alloc(ctx, plane, 1, &label));
  CHECK(tiling.n_crops == rows / PATCH * (cols / PATCH));
  for (int64_t k = 0; k < plane; k++) label[k] = (uint8_t)(1 + k % 251);
  for (uint32_t section = 0; section < 20; section++) {
    double left = 0, right = 0;
    const exset_rng_key_t key = patch_key(3, 1, 1);
    for (int64_t k = 0; k < PHASES * plane; k++) x[k] = (float)uniform(&state);
    memset(back, 0, (size_t)(PHASES * plane) * sizeof *back);
    uint8_t used[4096] = {0};
    for (int c = 0; c < tiling.n_crops; c++) {
      const crop_t crop = tiling_crop(&tiling, key, section, c);
      CHECK(crop.symmetry >= 0 && crop.symmetry < n_symmetries);
      tiling_image(&tiling, &crop, x, image);
      for (int k = 0; k < PHASES * PATCH * PATCH; k++) {
        y[k] = (float)uniform(&state);
        left += (double)image[k] * y[k];
      }
      tiling_adjoint(&tiling, &crop, y, back);
      tiling_labels(&tiling, &crop, label, patch);
      for (int k = 0; k < PATCH * PATCH; k++) { /* the pixel that the label names */
        bool found = false;
        for (int64_t p = patch[k] - 1; p < plane; p += 251)
          if (image[k] == (float)x[p] && !used[p]) {
            used[p] = 1;
            found = true;
            break;
          }
        CHECK_MSG(found, "section %u, crop %d, pixel %d: not a pixel of its own", section, c, k);
      }
    }
    for (int64_t k = 0; k < PHASES * plane; k++) right += x[k] * back[k];
    CHECK_NEAR(left, right, 1e-9);
  }
  free(x);
  free(back);
  free(label);
}

/* Draws are functions of step, class, number: another step or class gives other places, the same gives the same. */
static void check_keys(exset_ctx_t *ctx) {
  exset_section_t section;
  exset_sections_t sections = {.n = 1, .n_phases = PHASES, .section = &section};
  crops_t crops;
  make_section(ctx, 200, 300, EXSET_ORIENT_XY, 9, &section);
  MUST(ctx, crops_create(ctx, &sections, 1u << PLANES_XY, PATCH, SYMMETRIES_ALL, &crops));
  CHECK(crops.n_places == (200 - PATCH + 1) * (300 - PATCH + 1));
  int same = 0;
  for (uint32_t d = 0; d < 100; d++) {
    place_t a, b, step, view, seed;
    crops_place(&crops, patch_key(1, 2, 0), d, &a);
    crops_place(&crops, patch_key(1, 2, 0), d, &b);
    crops_place(&crops, patch_key(1, 3, 0), d, &step);
    crops_place(&crops, patch_key(1, 2, 1), d, &view);
    crops_place(&crops, patch_key(2, 2, 0), d, &seed);
    CHECK(a.row == b.row && a.col == b.col && a.symmetry == b.symmetry);
    same += a.row == step.row && a.col == step.col;
    same += a.row == view.row && a.col == view.col;
    same += a.row == seed.row && a.col == seed.col;
  }
  CHECK(same <= 2);
  crops_clear(&crops);
  free(section.phase);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_micrographs(ctx);
  check_tiling(ctx, 12, 16, SYMMETRIES_ALL);
  check_tiling(ctx, 15, 10, SYMMETRIES_FLIPS);
  check_tiling(ctx, PATCH, PATCH, SYMMETRIES_ALL);
  check_keys(ctx);
  return test_end(ctx);
}
