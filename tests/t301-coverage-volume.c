/* test: np="1 2 3 5" time=60 */
/*
 * Coverage of distributed volumes against counting all pairs: periodic or not, masked or not, radial and (h_r, h_z), with
 * one thread and two; and a larger volume against the same on one rank and thread, to the last bit.
 */
#include "exset/coverage.h"
#include "test.h"
#include "test_coverage_naive.h"

#include <stdlib.h>

typedef struct {
  int64_t n[3];
  double voxel[3], max_lag;
  bool periodic, split;
} case_t;

/* A lag of a periodic box stands for itself and its images: keep one, -n/2 < h <= n/2. */
static int64_t place(const void *user, const int64_t h[3], double *r) {
  const case_t *k = user;
  double d[3];
  for (int a = 0; a < 3; a++) {
    if (k->periodic && (2 * h[a] > k->n[a] || 2 * h[a] <= -k->n[a])) return -1;
    d[a] = fabs((double)h[a]) * k->voxel[a];
  }
  const double flat = sqrt(d[1] * d[1] + d[2] * d[2]), wide = fmax(k->voxel[1], k->voxel[2]);
  const double width = k->split ? wide : fmax(wide, k->voxel[0]);
  *r = k->split ? flat : sqrt(flat * flat + d[0] * d[0]);
  int64_t bin = (int64_t)floor(*r / width + 0.5);
  const int64_t n_r = (int64_t)(k->max_lag / width + 1e-9) + 1;
  if (bin == 0 && *r > 0) bin = 1;
  if (bin >= n_r || (k->split && d[0] > k->max_lag + 1e-9)) return -1;
  return k->split ? llabs(h[0]) * n_r + bin : bin;
}

static void check_volume(exset_ctx_t *ctx, const case_t *k, int n, bool masked) {
  exset_grid_t grid;
  exset_volume_t volume;
  uint8_t *whole;
  const int64_t plane = k->n[1] * k->n[2], cells = k->n[0] * plane;
  MUST(ctx, exset_grid_init(ctx, k->n, k->voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, n, &volume));
  MUST(ctx, exset_alloc(ctx, cells, 1, &whole));
  uint64_t state = 11;
  for (int64_t i = 0; i < cells; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    whole[i] = (uint8_t)(1 + (state >> 40) % (uint64_t)n);
    if (masked && i % 5 == 2) whole[i] = 0;
  }
  if (grid.nz_local > 0)
    memcpy(volume.phase, whole + grid.z0 * plane, (size_t)(grid.nz_local * plane));
  exset_coverage_t c;
  MUST(ctx, exset_coverage_volume(ctx, &volume, k->periodic, k->max_lag,
                                  k->split ? EXSET_LAGS_RZ : EXSET_LAGS_RADIAL, &c));
  naive_bin_t *bin;
  MUST(ctx, exset_alloc(ctx, c.n_lags, sizeof *bin, &bin));
  int64_t m[3];
  for (int a = 0; a < 3; a++) {
    const int64_t reach = (int64_t)(1.5 * k->max_lag / k->voxel[a]) + 2;
    const int64_t most = k->periodic ? k->n[a] / 2 : k->n[a] - 1;
    m[a] = reach < most ? reach : most;
  }
  naive_coverage(k->n, whole, m, k->periodic, place, k, bin);
  double worst = 0, worst_r = 0;
  for (int64_t b = 0; b < c.n_lags; b++) {
    const double pairs = bin[b].pairs;
    CHECK_NEAR(c.pairs[b], b ? pairs / 2 : pairs, 0);
    if (pairs > 0) worst_r = fmax(worst_r, fabs(c.h_r[b] - bin[b].r / pairs));
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const double expected = pairs > 0 ? (bin[b].c[i][j] + bin[b].c[j][i]) / 2 / pairs : 0;
        worst = fmax(worst, fabs(c.c[exset_coverage_index(&c, i, j) + b] - expected));
      }
  }
  CHECK_NEAR(worst, 0, 1e-14);                           /* counts are rounded */
  CHECK_NEAR(worst_r, 0, 1e-12 + 1e-14 * (double)cells); /* long sums, here */
  CHECK(c.h_r[0] == 0 && c.h_z[0] == 0);
  exset_coverage_clear(&c);
  exset_volume_clear(&volume);
  free(whole);
  free(bin);
}

/* ---- ranks and threads ---------------------------------------------------------------------------- */

/* Slabs of a volume of blobs, some cells of it masked. */
static void make_blobs(exset_ctx_t *ctx, const int64_t n[3], bool masked, exset_volume_t *volume) {
  const double voxel[3] = {0.5, 0.4, 0.4};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 3, volume));
  for (int64_t i = 0; i < exset_grid_cells_local(&grid); i++) {
    const double x = (double)(i % n[2]), y = (double)(i / n[2] % n[1]);
    const double z = (double)(grid.z0 + i / n[2] / n[1]);
    const double wave = sin(0.41 * x + 2 * sin(0.13 * z)) + sin(0.37 * y) + sin(0.5 * z + 0.1 * x);
    volume->phase[i] = masked && wave < -1.9 ? 0 : wave > 0.8 ? 1 : wave > -0.5 ? 2 : 3;
  }
}

static void check_same(exset_ctx_t *ctx, exset_ctx_t *alone, int bits) {
  const int64_t n[3] = {45, 32, 50};
  const bool masked = bits & 1, periodic = bits & 2;
  const exset_lags_t lags = bits & 4 ? EXSET_LAGS_RZ : EXSET_LAGS_RADIAL;
  exset_volume_t part, whole;
  exset_coverage_t c, expected;
  make_blobs(ctx, n, masked, &part);
  make_blobs(alone, n, masked, &whole);
  MUST(ctx, exset_coverage_volume(ctx, &part, periodic, 7, lags, &c));
  MUST(ctx, exset_coverage_volume(alone, &whole, periodic, 7, lags, &expected));
  CHECK(c.n_lags == expected.n_lags);
  const size_t size = (size_t)c.n_lags * sizeof(double);
  CHECK(memcmp(c.c, expected.c, 9 * size) == 0);
  CHECK(memcmp(c.pairs, expected.pairs, size) == 0);
  if (!masked) CHECK(memcmp(c.h_r, expected.h_r, size) == 0);
  for (int64_t i = 0; i < c.n_lags; i++) CHECK_NEAR(c.h_r[i], expected.h_r[i], 1e-12);
  for (int i = 0; i < 3; i++) { /* lag 0: fractions */
    double fraction[3];
    MUST(ctx, exset_volume_fractions(ctx, &part, fraction));
    CHECK_NEAR(c.c[exset_coverage_index(&c, i, i)], fraction[i], 1e-15);
  }
  exset_coverage_clear(&c);
  exset_coverage_clear(&expected);
  exset_volume_clear(&part);
  exset_volume_clear(&whole);
}

/* Two, but hardly ever for many ranks: threads of more than the cores that wait for each other take long. */
static int threads(const exset_ctx_t *ctx, bool always) {
  return ctx->size <= 2 || always ? 2 : 1;
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv), *alone;
  static const struct {
    int64_t n[3];
    double voxel[3], max_lag;
  } boxes[] = {{{8, 6, 7}, {1, 1, 1}, 3},         {{3, 9, 10}, {0.5, 0.25, 0.25}, 1.3},
               {{7, 8, 4}, {0.1, 0.2, 0.3}, 2.0}, {{1, 8, 8}, {1, 1, 1}, 9},
               {{2, 3, 37}, {1, 1, 0.5}, 8},      {{34, 3, 2}, {0.5, 1, 1}, 40},
               {{5, 1, 21}, {1, 2, 0.7}, 6},      {{32, 25, 40}, {1, 1, 1}, 2}};
  MUST(ctx, exset_ctx_create(MPI_COMM_SELF, &alone));
  alone->threads = 1;
  for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
    for (int bits = 0; bits < 8; bits++) {
      case_t k = {{0}, {0}, boxes[i].max_lag, bits & 1, bits & 2};
      ctx->threads = threads(ctx, i == 0 && bits == 1);
      memcpy(k.n, boxes[i].n, sizeof k.n);
      memcpy(k.voxel, boxes[i].voxel, sizeof k.voxel);
      check_volume(ctx, &k, 2 + bits % 3, bits & 4);
    }
  for (int bits = 0; bits < 8; bits++) {
    ctx->threads = threads(ctx, bits == 4);
    check_same(ctx, alone, bits);
  }
  MUST(ctx, exset_ctx_destroy(&alone));
  return test_end(ctx);
}
