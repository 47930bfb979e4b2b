/* test: np="1" time=60 */
/* Figures of a section against counting pixel by pixel, and boundary lengths against closed forms: half planes, discs,
 * excursion sets of Gaussian fields. */
#include "exset/validate.h"
#include "test.h"
#include "test_sections.h"

#include <string.h>

static exset_section_t new_section(exset_ctx_t *ctx, int64_t rows, int64_t cols) {
  exset_section_t s = {.rows = rows, .cols = cols, .orient = EXSET_ORIENT_XY};
  MUST(ctx, exset_alloc(ctx, rows * cols, 1, &s.phase));
  return s;
}

/* ---- counting --------------------------------------------------------------------------------- */

/* Random phases in blocks, some masked: chords and clusters of many sizes. */
static exset_section_t random_section(exset_ctx_t *ctx, int64_t rows, int64_t cols, int n_phases,
                                      int block, uint64_t seed) {
  exset_section_t s = new_section(ctx, rows, cols);
  uint64_t state = seed;
  const int64_t across = cols / block + 1, down = rows / block + 1;
  uint8_t *coarse;
  MUST(ctx, exset_alloc(ctx, across * down, 1, &coarse));
  for (int64_t i = 0; i < across * down; i++)
    coarse[i] =
        (uint8_t)(test_uniform(&state) < 0.06 ? 0
                                              : 1 + (int)(test_uniform(&state) * n_phases * 0.999));
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < cols; c++)
      s.phase[r * cols + c] = block < 100 && test_uniform(&state) < 0.1
                                  ? (uint8_t)(1 + (int)(test_uniform(&state) * n_phases * 0.999))
                                  : coarse[r / block * across + c / block];
  free(coarse);
  return s;
}

static int at(const exset_section_t *s, int64_t r, int64_t c) {
  return r < 0 || c < 0 || r >= s->rows || c >= s->cols ? 0 : s->phase[r * s->cols + c];
}

/* Crossings by length along one direction, between phases a and b. */
static double count_crossings(const exset_section_t *s, const double pixel[2], int dr, int dc,
                              int a, int b) {
  double crossings = 0, pairs = 0;
  for (int64_t r = 0; r < s->rows; r++)
    for (int64_t c = 0; c < s->cols; c++) {
      const int p = at(s, r, c), q = at(s, r + dr, c + dc);
      pairs += p > 0 && q > 0;
      crossings += (p == a && q == b) || (p == b && q == a);
    }
  return crossings / (pairs * hypot(dr * pixel[0], dc * pixel[1]));
}

static double naive_boundary(const exset_section_t *s, const double pixel[2], int a, int b) {
  const double phi = atan(pixel[0] / pixel[1]);
  return 0.5 * (phi * count_crossings(s, pixel, 0, 1, a, b) +
                (M_PI_2 - phi) * count_crossings(s, pixel, 1, 0, a, b) +
                M_PI / 4 * count_crossings(s, pixel, 1, 1, a, b) +
                M_PI / 4 * count_crossings(s, pixel, 1, -1, a, b));
}

/* Chords of exactly `length` pixels along (dr, dc), from their first pixels. */
static int64_t naive_chords(const exset_section_t *s, int phase, int dr, int dc, int64_t length) {
  int64_t count = 0;
  for (int64_t r = 0; r < s->rows; r++)
    for (int64_t c = 0; c < s->cols; c++) {
      const int before = at(s, r - dr, c - dc), after = at(s, r + dr * length, c + dc * length);
      bool run = before > 0 && before != phase && after > 0 && after != phase;
      for (int64_t k = 0; run && k < length; k++) run = at(s, r + dr * k, c + dc * k) == phase;
      count += run;
    }
  return count;
}

/* The cluster of a pixel by flooding: its size; marks it; edges: 1 top, 2 bottom, 4 left, 8 right. */
static int64_t flood(const exset_section_t *s, int64_t start, uint8_t *seen, int64_t *stack,
                     int *edges) {
  static const int step[4][2] = {{0, 1}, {1, 0}, {0, -1}, {-1, 0}};
  int64_t n = 0, size = 0;
  *edges = 0;
  seen[start] = 1;
  stack[n++] = start;
  while (n > 0) {
    const int64_t i = stack[--n], r = i / s->cols, c = i % s->cols;
    size++;
    *edges |= (r == 0) | (r == s->rows - 1) << 1 | (c == 0) << 2 | (c == s->cols - 1) << 3;
    for (int d = 0; d < 4; d++) {
      const int64_t r2 = r + step[d][0], c2 = c + step[d][1], j = r2 * s->cols + c2;
      if (at(s, r2, c2) != s->phase[start] || seen[j]) continue;
      seen[j] = 1;
      stack[n++] = j;
    }
  }
  return size;
}

static void check_clusters(exset_ctx_t *ctx, const exset_section_t *s, const double pixel[2],
                           const exset_section_figures_t *f) {
  const int64_t n = s->rows * s->cols;
  int64_t *stack, number[16] = {0}, total[16] = {0}, largest[16] = {0}, spanning[16] = {0}, all = 0;
  uint8_t *seen;
  MUST(ctx, exset_alloc(ctx, n, sizeof *stack, &stack));
  MUST(ctx, exset_alloc(ctx, n, 1, &seen));
  for (int64_t i = 0; i < n; i++) {
    if (seen[i] || s->phase[i] == 0) continue;
    int edges;
    const int p = s->phase[i] - 1;
    const int64_t size = flood(s, i, seen, stack, &edges);
    number[p]++;
    total[p] += size;
    all += size;
    if (size > largest[p]) largest[p] = size;
    if ((edges & 3) == 3 || (edges & 12) == 12) spanning[p] += size;
  }
  for (int p = 0; p < f->n_phases; p++) {
    CHECK_NEAR(f->clusters[p], (double)number[p] / ((double)all * pixel[0] * pixel[1]), 1e-12);
    if (total[p] == 0) {
      CHECK(isnan(f->largest[p]) && isnan(f->spanning[p]));
      continue;
    }
    CHECK_NEAR(f->largest[p], (double)largest[p] / (double)total[p], 1e-14);
    CHECK_NEAR(f->spanning[p], (double)spanning[p] / (double)total[p], 1e-14);
  }
  free(stack);
  free(seen);
}

static void check_chords(const exset_section_t *s, const double pixel[2],
                         const exset_section_figures_t *f) {
  for (int d = 0; d < 2; d++) {
    CHECK(f->chord_bin[d] == pixel[d]);
    for (int p = 0; p < f->n_phases; p++) {
      int64_t count = 0, length = 0, wrong = 0, longer = 0;
      for (int64_t k = 1; k <= s->rows + s->cols; k++) {
        const int64_t chords = naive_chords(s, p + 1, d == 0, d == 1, k);
        count += chords;
        length += k * chords;
        if (k < EXSET_CHORD_BINS) wrong += f->chord[d][p * EXSET_CHORD_BINS + k - 1] != chords;
        else longer += chords;
      }
      wrong += f->chord[d][p * EXSET_CHORD_BINS + EXSET_CHORD_BINS - 1] != longer;
      CHECK_MSG(wrong == 0, "%lld bins of phase %d differ", (long long)wrong, p + 1);
      CHECK(f->chord_count[d][p] == count);
      if (count == 0) CHECK(isnan(f->chord_mean[d][p]));
      else CHECK_NEAR(f->chord_mean[d][p], pixel[d] * (double)length / (double)count, 1e-12);
    }
  }
}

static void check_counting(exset_ctx_t *ctx, int64_t rows, int64_t cols, int n_phases, int block,
                           const double pixel[2]) {
  exset_section_t s = random_section(ctx, rows, cols, n_phases, block, (uint64_t)(rows + cols));
  exset_section_figures_t f;
  MUST(ctx, exset_section_figures(ctx, &s, n_phases, pixel, &f));
  int64_t count[17] = {0};
  for (int64_t i = 0; i < rows * cols; i++) count[s.phase[i]]++;
  CHECK(f.pixels == rows * cols - count[0]);
  for (int a = 0; a < n_phases; a++) {
    double sum = 0;
    CHECK_NEAR(f.fraction[a], (double)count[a + 1] / (double)f.pixels, 1e-14);
    for (int b = 0; b < n_phases; b++) {
      const double expected = a == b ? 0 : naive_boundary(&s, pixel, a + 1, b + 1);
      CHECK_NEAR(f.boundary_pair[a][b], expected, 1e-12);
      sum += expected;
    }
    CHECK_NEAR(f.boundary[a], sum, 1e-12);
  }
  check_chords(&s, pixel, &f);
  check_clusters(ctx, &s, pixel, &f);
  exset_section_figures_clear(&f);
  CHECK(f.chord[0] == NULL);
  free(s.phase);
}

/* One phase alone, with a mask or without: nothing is divided by zero. */
static void check_uniform(exset_ctx_t *ctx) {
  const double pixel[2] = {0.5, 0.25};
  exset_section_t s = new_section(ctx, 20, 30);
  exset_section_figures_t f;
  memset(s.phase, 2, 20 * 30);
  MUST(ctx, exset_section_figures(ctx, &s, 3, pixel, &f));
  CHECK(f.fraction[1] == 1 && f.fraction[0] == 0 && f.boundary[1] == 0);
  CHECK(f.largest[1] == 1 && f.spanning[1] == 1 && isnan(f.largest[0]));
  CHECK(isnan(f.chord_mean[0][1]) && f.chord_count[1][1] == 0);
  CHECK_NEAR(f.clusters[1], 1 / (20 * 30 * 0.125), 1e-14);
  exset_section_figures_clear(&f);
  memset(s.phase, 0, 20 * 30);
  MUST(ctx, exset_section_figures(ctx, &s, 3, pixel, &f));
  CHECK(f.pixels == 0 && f.boundary[1] == 0 && f.clusters[1] == 0 && f.fraction[1] == 0);
  exset_section_figures_clear(&f);
  free(s.phase);
}

/* ---- closed forms ----------------------------------------------------------------------------- */

/* A straight boundary through the middle with its normal at angle psi: four directions see it (pi/2) sum of shares
 * |cos(direction - psi)| times its length, 0.948 to 1.026 of it for square pixels. */
static void check_half_plane(exset_ctx_t *ctx, double psi, const double pixel[2]) {
  enum { N = 500 };
  const int64_t rows = N, cols = llround(N * pixel[0] / pixel[1]); /* a square */
  const double edge = N * pixel[0], phi = atan2(pixel[0], pixel[1]);
  exset_section_t s = new_section(ctx, rows, cols);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < cols; c++) {
      const double y = ((double)r + 0.5) * pixel[0] - edge / 2,
                   x = ((double)c + 0.5) * pixel[1] - edge / 2;
      s.phase[r * cols + c] = x * cos(psi) + y * sin(psi) < 1e-6 ? 1 : 2;
    }
  exset_section_figures_t f;
  MUST(ctx, exset_section_figures(ctx, &s, 2, pixel, &f));
  const double exact =
      1 / fmax(fabs(cos(psi)), fabs(sin(psi))) / edge; /* length in the square by area */
  const double seen = 0.5 * (phi * fabs(cos(psi)) + (M_PI_2 - phi) * fabs(sin(psi)) +
                             M_PI / 4 * (fabs(cos(phi - psi)) + fabs(cos(phi + psi))));
  CHECK_NEAR(f.boundary[0] / exact, seen, 0.01);
  CHECK_MSG(fabs(seen - 1) < (pixel[0] == pixel[1] ? 0.055 : 0.13), "%g at %g", seen, psi);
  exset_section_figures_clear(&f);
  free(s.phase);
}

/* A disc shows its boundary at every angle: no bias whatever the pixel's shape. */
static void check_disc(exset_ctx_t *ctx, const double pixel[2]) {
  enum { N = 600 };
  const double radius = 0.37 * N * pixel[0], middle[2] = {N * pixel[0] / 2 + 0.1, N * pixel[1] / 2};
  exset_section_t s = new_section(ctx, N, N);
  for (int64_t r = 0; r < N; r++)
    for (int64_t c = 0; c < N; c++)
      s.phase[r * N + c] =
          hypot((double)r * pixel[0] - middle[0], (double)c * pixel[1] - middle[1]) < radius ? 2
                                                                                             : 1;
  exset_section_figures_t f;
  MUST(ctx, exset_section_figures(ctx, &s, 2, pixel, &f));
  CHECK_NEAR(f.boundary_pair[0][1] * N * N * pixel[0] * pixel[1] / (2 * M_PI * radius), 1, 0.01);
  CHECK(f.largest[1] == 1 && f.spanning[1] == 0 && f.spanning[0] == 1);
  exset_section_figures_clear(&f);
  free(s.phase);
}

/* Expected boundary of {Z >= l} on pixels: crossings 2 (p - L(rho(h))) / h along each direction. */
static double expected_boundary(exset_ctx_t *ctx, const exset_field_t *field, double length) {
  exset_pair_t *pair;
  double value, by_rho, by_p, sum = 0;
  MUST(ctx, exset_pair_create(ctx, field, &pair));
  for (int d = 0; d < 2; d++) { /* edges and diagonals, half of the angles each */
    const double h = d ? M_SQRT2 : 1;
    exset_pair_eval(pair, exp(-h * h / (length * length)), &value, &by_rho, &by_p);
    sum += 0.5 * 2 * (field->fraction - value) / h;
  }
  exset_pair_destroy(&pair);
  return M_PI_2 * sum;
}

static void check_gaussian(exset_ctx_t *ctx, double fraction) {
  enum { SECTIONS = 8, N = 512 };
  const double length = 12, pixel[2] = {1, 1}, voxel[3] = {1, 1, 1};
  exset_model_t model = {.n_fields = 1};
  model.field[0] = (exset_field_t){.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = fraction};
  model.field[0].spectrum.n_terms = 1;
  model.field[0].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_GAUSSIAN, 1, length, length, 1, 1};
  exset_sections_t sections = {0};
  test_sections(ctx, &model, N, voxel, EXSET_ORIENT_XY, SECTIONS, 77, &sections);
  double sum = 0, square = 0;
  for (int s = 0; s < SECTIONS; s++) {
    exset_section_figures_t f;
    MUST(ctx, exset_section_figures(ctx, &sections.section[s], 2, pixel, &f));
    sum += f.boundary[0];
    square += f.boundary[0] * f.boundary[0];
    exset_section_figures_clear(&f);
  }
  const double mean = sum / SECTIONS, se = sqrt((square / SECTIONS - mean * mean) / (SECTIONS - 1));
  const double l = exset_field_threshold(&model.field[0]);
  const double rice =
      0.5 * sqrt(2) / length * exp(-l * l / 2); /* sqrt(-rho''(0)) = sqrt(2) / length */
  const double expected = expected_boundary(ctx, &model.field[0], length);
  CHECK_MSG(se < 0.02 * mean, "standard error %g of %g", se, mean);
  CHECK_NEAR(mean, expected, 4.5 * se); /* 7 degrees of freedom: 0.3 % */
  CHECK_NEAR(expected / rice, 1, 0.01);
  exset_sections_clear(&sections);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const double square[2] = {0.5, 0.5}, flat[2] = {0.2, 0.4}, tall[2] = {0.3, 0.1};
  check_counting(ctx, 40, 57, 3, 4, square);
  check_counting(ctx, 61, 33, 2, 7, flat);
  check_counting(ctx, 2, 3, 2, 1, square);
  check_counting(ctx, 2, 40, 4, 2, tall);
  check_counting(ctx, 12, 700, 3, 300, tall); /* chords longer than the bins */
  check_uniform(ctx);
  for (int k = 0; k < 9; k++) {
    check_half_plane(ctx, 0.02 + k * M_PI / 9, square);
    check_half_plane(ctx, 0.02 + k * M_PI / 9, flat);
    check_half_plane(ctx, 0.02 + k * M_PI / 9, tall);
  }
  check_half_plane(ctx, 0, square);
  check_half_plane(ctx, M_PI / 4, square);
  check_disc(ctx, square);
  check_disc(ctx, flat);
  check_gaussian(ctx, 0.5);
  check_gaussian(ctx, 0.2);
  return test_end(ctx);
}
