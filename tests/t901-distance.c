/* test: np="1 2 3 5" time=60 */
/* Distances to phases and inside phases against all pairs of cells: random volumes with masks, voxels of any shape, absent phases,
 * long columns (lower envelopes), fewer planes than ranks. */
#include "test_distance.h"

typedef struct {
  float **expected; /* [n_phases] */
  int64_t cells, wrong;
  int calls;
} visit_t;

static int visit(void *user, int phase, const float *squared) {
  visit_t *v = user;
  v->calls++;
  for (int64_t i = 0; i < v->cells; i++) v->wrong += squared[i] != v->expected[phase - 1][i];
  return v->calls == phase ? EXSET_OK : EXSET_ERR_RUN;
}

static void check_inside(exset_ctx_t *ctx, const exset_volume_t *v, const uint8_t *all,
                         float **distances) {
  const int64_t cells = exset_grid_cells_local(&v->grid);
  visit_t seen = {.expected = distances, .cells = cells};
  float *inside = malloc((size_t)cells * sizeof *inside + 1);
  int64_t wrong = 0;
  MUST(ctx, exset_distance_inside(ctx, v, inside, visit, &seen));
  CHECK(seen.calls == v->n_phases && seen.wrong == 0);
  MUST(ctx, exset_distance_inside(ctx, v, inside, NULL, NULL));
  for (int64_t i = 0; i < cells; i++) {
    const int own = all[test_first(&v->grid) + i];
    float expected = own ? INFINITY : 0;
    for (int p = 1; p <= v->n_phases; p++)
      if (p != own) expected = fminf(expected, distances[p - 1][i]);
    wrong += inside[i] != expected;
  }
  CHECK_MSG(wrong == 0, "%lld distances inside phases differ", (long long)wrong);
  free(inside);
}

static void check_volume(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3], int n_phases,
                         const uint8_t *all) {
  exset_volume_t v;
  float *distances[4];
  test_volume(ctx, n, voxel, n_phases, all, &v);
  const int64_t cells = exset_grid_cells_local(&v.grid);
  float *squared = malloc((size_t)cells * sizeof *squared + 1);
  for (int p = 1; p <= n_phases; p++) {
    int64_t wrong = 0;
    distances[p - 1] = test_distances(&v.grid, all, p);
    MUST(ctx, exset_distance_phase(ctx, &v, p, squared));
    for (int64_t i = 0; i < cells; i++) wrong += squared[i] != distances[p - 1][i];
    CHECK_MSG(wrong == 0, "%lld of %lld distances to phase %d differ", (long long)wrong,
              (long long)cells, p);
  }
  check_inside(ctx, &v, all, distances);
  for (int p = 0; p < n_phases; p++) free(distances[p]);
  free(squared);
  exset_volume_clear(&v);
}

static void check_random(exset_ctx_t *ctx) {
  const int64_t sizes[][3] = {{17, 13, 11}, {20, 5, 34}, {4, 15, 40}, {1, 30, 30},
                              {30, 1, 33},  {25, 21, 1}, {1, 1, 1},   {3, 2, 65}};
  const double voxels[][3] = {{1, 1, 1}, {0.3, 0.3, 0.3}, {2.5, 1, 1}, {0.7, 1.1, 0.9}};
  uint64_t state = 5;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    for (size_t k = 0; k < sizeof voxels / sizeof voxels[0]; k++) {
      const int n_phases = 2 + (int)(i + k) % 2;
      uint8_t *all = test_phases(sizes[i], n_phases, 1 + (int)(i + 2 * k) % 5, k % 2, &state);
      check_volume(ctx, sizes[i], voxels[k], n_phases, all);
      free(all);
    }
}

/* Phase 2 is absent; phase 1 alone; nothing but masked cells. */
static void check_absent(exset_ctx_t *ctx) {
  const int64_t n[3] = {6, 7, 8};
  const double voxel[3] = {1, 1, 1};
  uint64_t state = 3;
  uint8_t *all = test_phases(n, 2, 2, true, &state);
  for (int64_t i = 0; i < 6 * 7 * 8; i++)
    if (all[i] == 2) all[i] = 3;
  check_volume(ctx, n, voxel, 3, all);
  for (int64_t i = 0; i < 6 * 7 * 8; i++) all[i] = 1;
  check_volume(ctx, n, voxel, 2, all);
  for (int64_t i = 0; i < 6 * 7 * 8; i++) all[i] = 0;
  check_volume(ctx, n, voxel, 1, all);
  free(all);
}

/* Few cells of phase 1 in a long volume, all others phase 2: far more steps than a search takes. */
static void check_long(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3], int seeds) {
  const int64_t cells = n[0] * n[1] * n[2];
  uint8_t *all = malloc((size_t)cells);
  uint64_t state = (uint64_t)cells + (uint64_t)seeds;
  for (int64_t i = 0; i < cells; i++) all[i] = 2;
  for (int s = 0; s < seeds; s++) all[test_draw(&state, (unsigned)cells)] = 1;
  exset_volume_t v;
  test_volume(ctx, n, voxel, 2, all, &v);
  const int64_t local = exset_grid_cells_local(&v.grid);
  float *squared = malloc((size_t)local * sizeof *squared + 1);
  float *expected = test_distances(&v.grid, all, 1);
  const float error = voxel[0] == voxel[1] ? 0 : 4e-7F; /* of an envelope: one of two parabolas */
  int64_t wrong = 0;
  MUST(ctx, exset_distance_phase(ctx, &v, 1, squared));
  for (int64_t i = 0; i < local; i++)
    wrong += !(fabsf(squared[i] - expected[i]) <= error * expected[i]);
  CHECK_MSG(wrong == 0, "%lld distances in a long volume differ", (long long)wrong);
  free(expected);
  free(squared);
  free(all);
  exset_volume_clear(&v);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t tall[3] = {6000, 2, 3}, wide[3] = {2, 6000, 5}, row[3] = {2, 2, 6000};
  const double cubes[3] = {0.1, 0.1, 0.1}, bricks[3] = {1.3, 1, 1.7};
  check_random(ctx);
  check_absent(ctx);
  for (int seeds = 1; seeds <= 7; seeds += 3) {
    check_long(ctx, tall, cubes, seeds);
    check_long(ctx, wide, cubes, seeds);
    check_long(ctx, row, cubes, seeds);
    check_long(ctx, tall, bricks, seeds);
  }
  return test_end(ctx);
}
