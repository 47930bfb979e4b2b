/* test: np="1 2 3 5" time=60 */
/* Chords along each axis: runs of cells one by one on random volumes with masked cells; laminates; cells drawn one by one,
 * whose runs have a geometric distribution. */
#include "test_surface.h"

#include <string.h>

enum { MOST = 5, LONGEST = 70 };

/* Run lengths on one line of cells, by looking for the ends of the run of each cell that begins one; count[MOST]: places. */
static void line_naive(const uint8_t *line, int64_t n, int64_t stride, int64_t (*count)[LONGEST]) {
  for (int64_t k = 1; k < LONGEST; k++) /* places for runs of k cells, one by one */
    for (int64_t i = 1; i + k < n; i++) {
      bool whole = true;
      for (int64_t j = i - 1; j <= i + k; j++) whole = whole && line[j * stride] != 0;
      count[MOST][k] += whole;
    }
  for (int64_t i = 1; i < n; i++) {
    const uint8_t p = line[i * stride], before = line[(i - 1) * stride];
    if (p == 0 || before == 0 || before == p) continue;
    int64_t end = i;
    while (end < n && line[end * stride] == p) end++;
    if (end < n && line[end * stride] != 0) count[p - 1][end - i]++;
  }
}

static void chords_naive(const int64_t n[3], const uint8_t *all, int axis,
                         int64_t (*count)[LONGEST]) {
  const int64_t stride[3] = {n[1] * n[2], n[2], 1};
  const int b = (axis + 1) % 3, c = (axis + 2) % 3;
  memset(count, 0, (MOST + 1) * sizeof *count);
  for (int64_t i = 0; i < n[b]; i++)
    for (int64_t j = 0; j < n[c]; j++)
      line_naive(all + i * stride[b] + j * stride[c], n[axis], stride[axis], count);
}

static void check_mean(const exset_histogram_t *chords, const exset_histogram_t *lines,
                       const int64_t *count, const int64_t *places) {
  double runs = 0, cells = 0;
  for (int64_t k = 1; k < LONGEST; k++) {
    if (count[k] == 0) continue;
    runs += (double)count[k] / (double)places[k];
    cells += (double)(k * count[k]) / (double)places[k];
  }
  const double mean = exset_surface_chord_mean(chords, lines);
  if (runs == 0) CHECK(isnan(mean));
  else CHECK_NEAR(mean, cells / runs, 1e-12 * cells / runs);
}

static void check_volume(exset_ctx_t *ctx, const int64_t n[3], int phases, uint8_t *all) {
  const double voxel[3] = {0.5, 0.25, 1};
  const exset_volume_t v = surface_view(ctx, n, voxel, phases, all);
  exset_histogram_t chords[MOST], lines;
  int64_t expected[MOST + 1][LONGEST];
  for (int axis = 0; axis < 3; axis++) {
    chords_naive(n, all, axis, expected);
    MUST(ctx, exset_surface_chords(ctx, &v, axis, chords, &lines));
    int wrong = 0;
    for (int p = 0; p < phases; p++) {
      wrong += chords[p].width != 1 || chords[p].n > LONGEST;
      for (int64_t i = 0; i < LONGEST; i++)
        wrong += (i < chords[p].n ? chords[p].count[i] : 0) != (double)expected[p][i];
      check_mean(&chords[p], &lines, expected[p], expected[MOST]);
      exset_histogram_clear(&chords[p]);
    }
    exset_histogram_clear(&lines);
    CHECK_MSG(wrong == 0, "axis %d, %d phases, %lld x %lld x %lld: %d bins differ", axis, phases,
              (long long)n[0], (long long)n[1], (long long)n[2], wrong);
  }
}

static void check_random(exset_ctx_t *ctx) {
  const int64_t sizes[5][3] = {{20, 21, 22}, {3, 40, 60}, {60, 3, 8}, {1, 8, 9}, {9, 1, 1}};
  for (int s = 0; s < 5; s++)
    for (unsigned phases = 1; phases <= MOST; phases++)
      for (unsigned block = 1; block <= 3; block++) {
        const unsigned masked_of = block == 2 ? 0 : 7;
        uint8_t *all = surface_random(sizes[s], phases, masked_of, block, 11 * phases + block);
        check_volume(ctx, sizes[s], (int)phases, all);
        free(all);
      }
}

/* Layers normal to an axis, 3 cells of phase 1 and 7 of phase 2 in turn: all runs but those at the outer faces. */
static void check_laminate(exset_ctx_t *ctx, int axis) {
  enum { N = 30 };
  const int64_t n[3] = {N, N, N};
  const double voxel[3] = {1, 1, 1};
  static uint8_t all[N][N][N];
  for (int z = 0; z < N; z++)
    for (int y = 0; y < N; y++)
      for (int x = 0; x < N; x++) {
        const int at[3] = {z, y, x};
        all[z][y][x] = at[axis] % 10 < 3 ? 1 : 2;
      }
  const exset_volume_t v = surface_view(ctx, n, voxel, 2, &all[0][0][0]);
  exset_histogram_t chords[2], lines;
  for (int along = 0; along < 3; along++) {
    MUST(ctx, exset_surface_chords(ctx, &v, along, chords, &lines));
    for (int p = 0; p < 2; p++) {
      CHECK_NEAR(exset_histogram_total(&chords[p]), along == axis ? 2.0 * N * N : 0, 0);
      if (along == axis)
        CHECK_NEAR(exset_surface_chord_mean(&chords[p], &lines), p == 0 ? 3 : 7, 1e-12);
      exset_histogram_clear(&chords[p]);
    }
    exset_histogram_clear(&lines);
  }
}

/*
 * Independent cells, phase 1 with probability p: a run of phase 1 has k cells with probability (1 - p) p^(k - 1), mean
 * 1 / (1 - p). In a line of n cells runs of k cells that are not cut off number (n - k - 1) p^k (1 - p)^2 in the mean:
 * their counts within 5 standard deviations, at most those of independent counts.
 */
static void check_geometric(exset_ctx_t *ctx, double p) {
  enum { N = 64 };
  const int64_t n[3] = {N, N, N};
  const double voxel[3] = {1, 1, 1};
  uint8_t *all = malloc(N * N * N);
  uint64_t state = 17;
  for (int64_t i = 0; i < N * N * N; i++) all[i] = surface_uniform(&state) < p ? 1 : 2;
  const exset_volume_t v = surface_view(ctx, n, voxel, 2, all);
  exset_histogram_t chords[2], lines;
  for (int axis = 0; axis < 3; axis++) {
    MUST(ctx, exset_surface_chords(ctx, &v, axis, chords, &lines));
    for (int64_t k = 1; k < 8; k++) {
      const double expected = (double)(N * N * (N - k - 1)) * pow(p, (double)k) * pow(1 - p, 2);
      CHECK_NEAR(chords[0].count[k], expected, 5 * sqrt(expected));
    }
    exset_histogram_clear(&chords[0]);
    exset_histogram_clear(&chords[1]);
    exset_histogram_clear(&lines);
  }
  free(all);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_random(ctx);
  for (int axis = 0; axis < 3; axis++) check_laminate(ctx, axis);
  check_geometric(ctx, 0.5);
  check_geometric(ctx, 0.8);
  return test_end(ctx);
}
