/* test: np="1 2 3 5" time=60 */
/*
 * Coverage of sections against counting all pairs: masked or not, square and oblong pixels, radial and
 * (h_r, h_z) lags, lags beyond the image, several tiles; work shared by the ranks gives the same bits; pooling.
 */
#include "exset/coverage.h"
#include "test.h"
#include "test_coverage_naive.h"

#include <stdlib.h>

typedef struct {
  double pixel[2], max_lag;
  bool split;
} case_t;

/* The rule of the header, written independently: |h| / pixel rounded, or (|h_x|, |h_z|) in pixels. */
static int64_t place(const void *user, const int64_t h[3], double *r) {
  const case_t *k = user;
  const double z = fabs((double)h[1]) * k->pixel[0], x = fabs((double)h[2]) * k->pixel[1];
  if (k->split) {
    const int64_t n_x = (int64_t)(k->max_lag / k->pixel[1] + 1e-9) + 1;
    *r = x;
    if (z > k->max_lag + 1e-9 || x > k->max_lag + 1e-9) return -1;
    return llabs(h[1]) * n_x + llabs(h[2]);
  }
  const double width = fmax(k->pixel[0], k->pixel[1]);
  *r = sqrt(x * x + z * z);
  int64_t bin = (int64_t)floor(*r / width + 0.5);
  if (bin == 0 && *r > 0) bin = 1;
  return bin <= (int64_t)(k->max_lag / width + 1e-9) ? bin : -1;
}

static exset_section_t random_section(exset_ctx_t *ctx, int64_t rows, int64_t cols, int n_phases,
                                      bool masked, exset_orient_t orient, unsigned seed) {
  exset_section_t s = {rows, cols, NULL, orient};
  MUST(ctx, exset_alloc(ctx, rows * cols, 1, &s.phase));
  uint64_t state = seed;
  for (int64_t i = 0; i < rows * cols; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const double u = (double)(state >> 33) / 2147483648.0 + 0.2 * sin(0.3 * (double)(i % cols));
    const int low = masked && i % 7 < 5 ? 0 : 1;
    int p = (int)floor(u * n_phases) + low;
    s.phase[i] = (uint8_t)(p < low ? low : p > n_phases ? n_phases : p);
  }
  return s;
}

static void check_section(exset_ctx_t *ctx, const exset_section_t *s, int n, const case_t *k) {
  const exset_lags_t lags = k->split ? EXSET_LAGS_RZ : EXSET_LAGS_RADIAL;
  exset_coverage_t c;
  MUST(ctx, exset_coverage_section(ctx, s, n, k->pixel, k->max_lag, lags, &c));
  naive_bin_t *bin;
  MUST(ctx, exset_alloc(ctx, c.n_lags, sizeof *bin, &bin));
  const int64_t size[3] = {1, s->rows, s->cols};
  const int64_t m[3] = {0, (int64_t)(k->max_lag / k->pixel[0]) + 3,
                        (int64_t)(k->max_lag / k->pixel[1]) + 3};
  naive_coverage(size, s->phase, m, 0, place, k, bin);
  double worst = 0, worst_r = 0;
  for (int64_t b = 0; b < c.n_lags; b++) {
    const double pairs = bin[b].pairs;
    CHECK_MSG(c.pairs[b] == (b ? pairs / 2 : pairs), "pairs of bin %d: %g, counted %g", (int)b,
              c.pairs[b], pairs);
    if (pairs > 0) worst_r = fmax(worst_r, fabs(c.h_r[b] - bin[b].r / pairs));
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const double expected = pairs > 0 ? (bin[b].c[i][j] + bin[b].c[j][i]) / 2 / pairs : 0;
        worst = fmax(worst, fabs(c.c[exset_coverage_index(&c, i, j) + b] - expected));
      }
  }
  CHECK_NEAR(worst, 0, 1e-14);
  CHECK_NEAR(worst_r, 0, 1e-5 * fmax(k->pixel[0], k->pixel[1]));
  CHECK(c.h_r[0] == 0 && c.h_z[0] == 0);
  exset_coverage_clear(&c);
  free(bin);
}

static bool equal(const exset_coverage_t *a, const exset_coverage_t *b) {
  const size_t lags = (size_t)a->n_lags * sizeof(double);
  return a->n_lags == b->n_lags && memcmp(a->h_r, b->h_r, lags) == 0 &&
         memcmp(a->pairs, b->pairs, lags) == 0 &&
         memcmp(a->c, b->c, lags * (size_t)(a->n_phases * a->n_phases)) == 0;
}

/* Shared work gives the bits of one rank's; pooling is the mean weighted by pairs. */
static void check_sections(exset_ctx_t *ctx) {
  enum { N = 4 };
  const double voxel[3] = {0.5, 0.5, 0.5};
  exset_section_t s[N];
  for (int i = 0; i < N; i++)
    s[i] = random_section(ctx, 260 - 60 * i, 190 + 10 * i, 3, i % 2,
                          i < 2 ? EXSET_ORIENT_XY : EXSET_ORIENT_XZ, 7u + (unsigned)i);
  const exset_sections_t sections = {N, 3, s};
  for (int lags = 0; lags < 2; lags++) {
    exset_coverage_t part[N], alone;
    MUST(ctx, exset_coverage_sections(ctx, &sections, voxel, 6, (exset_lags_t)lags, part));
    for (int i = 0; i < N; i++) {
      MUST(ctx, exset_coverage_section(ctx, &s[i], 3, voxel, 6, (exset_lags_t)lags, &alone));
      CHECK(equal(&part[i], &alone));
      exset_coverage_clear(&alone);
    }
    exset_coverage_t pool, less;
    MUST(ctx, exset_coverage_pool(ctx, 2, part, -1, &pool));
    MUST(ctx, exset_coverage_pool(ctx, 2, part, 0, &less));
    CHECK(less.c[5] == part[1].c[5] && less.pairs[5] == part[1].pairs[5]);
    const double sum = part[0].pairs[3] + part[1].pairs[3];
    CHECK(pool.pairs[3] == sum);
    CHECK_NEAR(pool.c[3], (part[0].pairs[3] * part[0].c[3] + part[1].pairs[3] * part[1].c[3]) / sum,
               1e-15);
    exset_coverage_clear(&pool);
    exset_coverage_clear(&less);
    for (int i = 0; i < N; i++) exset_coverage_clear(&part[i]);
  }
  for (int i = 0; i < N; i++) free(s[i].phase);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  static const case_t cases[] = {{{1, 1}, 5, false},       {{0.3, 0.2}, 1.7, false},
                                 {{0.1, 0.4}, 2.0, false}, {{0.1, 0.1}, 0.7, true},
                                 {{0.2, 0.3}, 1.8, true},  {{1, 1}, 30, false},
                                 {{1, 1}, 30, true}};
  if (ctx->rank == 0)
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
      for (int masked = 0; masked < 2; masked++)
        for (int n = 2; n <= 4; n++) {
          exset_section_t s = random_section(ctx, 17 + n, 21, n, masked, EXSET_ORIENT_XZ, 3);
          check_section(ctx, &s, n, &cases[k]);
          free(s.phase);
          if (k > 1 || n != 3) continue;
          s = random_section(ctx, 301, 230, n, masked, EXSET_ORIENT_XY, 5); /* several tiles */
          check_section(ctx, &s, n, &cases[k]);
          free(s.phase);
        }
  check_sections(ctx);
  return test_end(ctx);
}
