/* test: np="1 2 3 5" time=60 */
/* Unions of balls against all balls painted one by one, bit by bit: distances inside random phases, limited ones (plateaus), any
 * numbers, voxels of any shape, balls through many slabs. */
#include "test_distance.h"

/* squared: of the whole volume. */
static void check_cover(exset_ctx_t *ctx, const exset_grid_t *g, const float *squared,
                        const char *what) {
  const int64_t cells = exset_grid_cells_local(g);
  float *cover = malloc((size_t)cells * sizeof *cover + 1);
  float *expected = test_cover(g, squared);
  int64_t wrong = 0, raised = 0;
  MUST(ctx, exset_ball_cover(ctx, g, squared + test_first(g), cover));
  for (int64_t i = 0; i < cells; i++) {
    wrong += cover[i] != expected[i];
    raised += cover[i] > squared[test_first(g) + i];
  }
  CHECK_MSG(wrong == 0, "%s, %lld x %lld x %lld: %lld of %lld cells differ (%lld raised)", what,
            (long long)g->n[0], (long long)g->n[1], (long long)g->n[2], (long long)wrong,
            (long long)cells, (long long)raised);
  free(cover);
  free(expected);
}

/* Distances inside random phases, of the whole volume. */
static float *inside_of_all(exset_ctx_t *ctx, const exset_grid_t *g, const uint8_t *all) {
  const int64_t cells = exset_grid_cells(g);
  exset_ctx_t *own;
  exset_volume_t v;
  float *inside = malloc((size_t)cells * sizeof *inside);
  MUST(ctx, exset_ctx_split(ctx, ctx->size, &own));
  test_volume(own, g->n, g->voxel, 3, all, &v);
  MUST(own, exset_distance_inside(own, &v, inside, NULL, NULL));
  exset_volume_clear(&v);
  MUST(ctx, exset_ctx_destroy(&own));
  return inside;
}

static void check_case(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3], int block,
                       uint64_t *state) {
  exset_grid_t g;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &g));
  uint8_t *all = test_phases(n, 3, block, test_draw(state, 2), state);
  float *squared = inside_of_all(ctx, &g, all);
  const float limit = (float)(2 + test_draw(state, 12));
  check_cover(ctx, &g, squared, "distances");
  for (int64_t i = 0; i < exset_grid_cells(&g); i++) squared[i] = fminf(squared[i], limit);
  check_cover(ctx, &g, squared, "limited");
  for (int64_t i = 0; i < exset_grid_cells(&g); i++)
    squared[i] = test_draw(state, 5) ? squared[i] : 0;
  check_cover(ctx, &g, squared, "holes");
  for (int64_t i = 0; i < exset_grid_cells(&g); i++)
    squared[i] = test_draw(state, 12) ? 0 : (float)test_draw(state, 120) * 0.1F;
  check_cover(ctx, &g, squared, "numbers");
  free(squared);
  free(all);
}

static void check_random(exset_ctx_t *ctx) {
  const int64_t sizes[][3] = {{11, 10, 13}, {17, 6, 15}, {4, 11, 30}, {1, 20, 31},
                              {30, 1, 23},  {25, 21, 1}, {1, 1, 1},   {3, 2, 65}};
  const double voxels[][3] = {{1, 1, 1}, {2.5, 1, 1}, {0.7, 1.1, 0.9}, {0.2, 0.2, 0.2}};
  uint64_t state = 11;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    for (size_t k = 0; k < sizeof voxels / sizeof voxels[0]; k++)
      check_case(ctx, sizes[i], voxels[k], 1 + (int)(3 * i + 2 * k) % 8, &state);
}

/* One obstacle in a corner or in the middle: balls as large as the volume. */
static void check_large(exset_ctx_t *ctx, const double voxel[3]) {
  const int64_t n[3] = {21, 7, 16}, cells = 21 * 7 * 16;
  exset_grid_t g;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &g));
  uint8_t *all = malloc((size_t)cells);
  for (int place = 0; place < 3; place++) {
    for (int64_t i = 0; i < cells; i++) all[i] = 2;
    all[place == 0 ? 0 : place == 1 ? cells / 2 : cells - 1] = 1;
    float *squared = inside_of_all(ctx, &g, all);
    check_cover(ctx, &g, squared, "one obstacle");
    for (int64_t i = 0; i < cells; i++) squared[i] *= 1000;
    check_cover(ctx, &g, squared, "huge");
    free(squared);
  }
  free(all);
}

/* Every cell the same, and a ball in each cell of a plane that all others need. */
static void check_flat(exset_ctx_t *ctx) {
  const int64_t n[3] = {17, 6, 5}, cells = 17 * 6 * 5;
  const double voxel[3] = {1, 1, 1};
  exset_grid_t g;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &g));
  float squared[17 * 6 * 5];
  for (int64_t i = 0; i < cells; i++) squared[i] = 9;
  check_cover(ctx, &g, squared, "flat");
  for (int64_t i = 0; i < cells; i++) squared[i] = i / 30 == 8 ? 300 : 0;
  check_cover(ctx, &g, squared, "plane");
  for (int64_t i = 0; i < cells; i++) squared[i] = 0;
  check_cover(ctx, &g, squared, "nothing");
  for (int64_t i = 0; i < cells; i++) squared[i] = i == 77 ? INFINITY : 1;
  check_cover(ctx, &g, squared, "infinite");
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const double cubes[3] = {1, 1, 1}, bricks[3] = {0.7, 1.3, 1};
  check_random(ctx);
  check_large(ctx, cubes);
  check_large(ctx, bricks);
  check_flat(ctx);
  return test_end(ctx);
}
