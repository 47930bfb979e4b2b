/* test: np="1 2 3 5" time=60 */
/* Percolating, dead-end and isolated shares: against a flood fill on random volumes with masked cells, and shapes whose shares
 * are known. */
#include "../src/morph/morph_impl.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 6 }; /* phases */

static unsigned draw(uint64_t *state, unsigned below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*state >> 33) % below;
}

/* Cells of the cluster of seed; faces: bit 2 a + side for the outer faces that it touches. */
static int64_t flood(const int64_t n[3], const uint8_t *all, uint8_t *seen, int64_t *stack,
                     int64_t seed, unsigned *faces) {
  const int64_t stride[3] = {n[1] * n[2], n[2], 1};
  int64_t depth = 0, count = 0;
  *faces = 0;
  seen[seed] = 1;
  stack[depth++] = seed;
  while (depth > 0) {
    const int64_t i = stack[--depth];
    count++;
    for (int a = 0; a < 3; a++)
      for (int side = 0; side < 2; side++) {
        const int64_t at = i / stride[a] % n[a], k = i + (side ? stride[a] : -stride[a]);
        if (at == (side ? n[a] - 1 : 0)) {
          *faces |= 1u << (2 * a + side);
          continue;
        }
        if (all[k] != all[seed] || seen[k]) continue;
        seen[k] = 1;
        stack[depth++] = k;
      }
  }
  return count;
}

/* expected[phase][axis][0: none, 1: one, 2: both]: cells */
static void naive(const int64_t n[3], const uint8_t *all, int64_t expected[MOST][3][3]) {
  const int64_t cells = n[0] * n[1] * n[2];
  uint8_t *seen = calloc((size_t)cells, 1);
  int64_t *stack = malloc((size_t)cells * sizeof *stack);
  memset(expected, 0, MOST * sizeof *expected);
  for (int64_t i = 0; i < cells; i++) {
    if (!all[i] || seen[i]) continue;
    unsigned faces;
    const int64_t count = flood(n, all, seen, stack, i, &faces);
    for (int a = 0; a < 3; a++) {
      const unsigned two = faces >> (2 * a) & 3;
      expected[all[i] - 1][a][two == 3 ? 2 : two > 0] += count;
    }
  }
  free(seen);
  free(stack);
}

static void check_share(double share, int64_t cells, int64_t all, bool asked) {
  if (asked && all > 0) CHECK_NEAR(share, (double)cells / (double)all, 1e-15);
  else CHECK_MSG(isnan(share), "share %g, expected NaN", share);
}

static void check_volume(exset_ctx_t *ctx, const int64_t n[3], uint8_t *all, int n_phases,
                         const bool axis[3]) {
  int64_t expected[MOST][3][3];
  naive(n, all, expected);
  exset_volume_t v = {.n_phases = n_phases};
  exset_morph_phase_t phase[MOST];
  const double voxel[3] = {1, 1, 1};
  MUST(ctx, exset_grid_init(ctx, n, voxel, &v.grid));
  v.phase = all + v.grid.z0 * n[1] * n[2];
  MUST(ctx, morph_connect(ctx, &v, axis, phase));
  for (int p = 0; p < n_phases; p++)
    for (int a = 0; a < 3; a++) {
      const int64_t *e = expected[p][a], sum = e[0] + e[1] + e[2];
      check_share(phase[p].isolated_fraction[a], e[0], sum, axis[a]);
      check_share(phase[p].dead_end_fraction[a], e[1], sum, axis[a]);
      check_share(phase[p].percolating_fraction[a], e[2], sum, axis[a]);
    }
}

/* Random phases 1..phases and masked cells. */
static void check_random(exset_ctx_t *ctx, const int64_t n[3], unsigned phases, unsigned masked,
                         uint64_t seed) {
  const int64_t cells = n[0] * n[1] * n[2];
  const bool all_axes[3] = {true, true, true}, one[3] = {false, seed % 2 == 0, seed % 2 == 1};
  uint8_t *all = malloc((size_t)cells);
  uint64_t state = seed;
  for (int64_t i = 0; i < cells; i++) {
    const unsigned value = draw(&state, 8 * phases + masked);
    all[i] = (uint8_t)(value < masked ? 0 : 1 + (value - masked) / 8);
  }
  check_volume(ctx, n, all, (int)phases, all_axes);
  check_volume(ctx, n, all, (int)phases + 1, one); /* one phase more than there is */
  free(all);
}

/* A bar through all planes, a stub at the first plane, a box inside, the rest of another phase. */
static void check_shapes(exset_ctx_t *ctx) {
  enum { N = 12 };
  const int64_t n[3] = {N, N, N};
  const bool z[3] = {true, false, false};
  uint8_t all[N][N][N];
  memset(all, 2, sizeof all);
  for (int k = 0; k < N; k++) all[k][2][2] = 1; /* 12 cells */
  for (int k = 0; k < 5; k++) all[k][6][6] = 1; /* 5 */
  for (int k = 4; k < 7; k++) all[k][9][8] = 1; /* 3 */
  exset_volume_t v = {.n_phases = 2};
  exset_morph_phase_t phase[2];
  const double voxel[3] = {1, 1, 1};
  MUST(ctx, exset_grid_init(ctx, n, voxel, &v.grid));
  v.phase = &all[0][0][0] + v.grid.z0 * N * N;
  MUST(ctx, morph_connect(ctx, &v, z, phase));
  CHECK_NEAR(phase[0].percolating_fraction[0], 12.0 / 20, 1e-15);
  CHECK_NEAR(phase[0].dead_end_fraction[0], 5.0 / 20, 1e-15);
  CHECK_NEAR(phase[0].isolated_fraction[0], 3.0 / 20, 1e-15);
  CHECK_NEAR(phase[1].percolating_fraction[0], 1, 0);
  CHECK_NEAR(phase[1].dead_end_fraction[0] + phase[1].isolated_fraction[0], 0, 0);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t sizes[][3] = {{20, 20, 20}, {4, 9, 31}, {1, 7, 5}, {13, 1, 6}, {6, 5, 1}};
  check_shapes(ctx);
  for (unsigned phases = 1; phases < MOST; phases++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      check_random(ctx, sizes[s], phases, 0, 10 * s + phases);
      check_random(ctx, sizes[s], phases, 6 * phases, 100 + 10 * s + phases);
    }
  return test_end(ctx);
}
