/* test: np="1 2 3 5" time=60 */
/* Widest paths against flood fills of the cells above each threshold: random phases and values, whole and arbitrary, all axes and
 * both sides, slabs of one plane, ranks without planes. */
#include "test_paths.h"

static int descending(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x < y) - (x > y);
}

/* Faces of the 3 x 3 x 3 neighbours. */
static bool is_face(int k) {
  return abs(k / 9 - 1) + abs(k / 3 % 3 - 1) + abs(k % 3 - 1) == 1;
}

/* Give threshold to all cells that are reached for the first time by cells of at least it. */
static void flood(const box_t *box, const float *squared, float threshold, int64_t seed,
                  float *widest, int64_t *stack) {
  int64_t depth = 0;
  if (squared[seed] < threshold || widest[seed] > 0 || !box->phase[seed]) return;
  widest[seed] = threshold;
  stack[depth++] = seed;
  while (depth > 0) {
    const int64_t i = stack[--depth];
    for (int k = 0; k < 27; k++) {
      const int64_t other = is_face(k) ? box_neighbour(box, i, k) : -1;
      if (other < 0 || squared[other] < threshold || widest[other] > 0) continue;
      widest[other] = threshold;
      stack[depth++] = other;
    }
  }
}

/* Floods of falling thresholds must begin again from all cells that are reached already. */
static void naive(const box_t *box, int axis, bool high, const float *squared, float *widest) {
  const int64_t cells = box_cells(box), face = high ? box->n[axis] - 1 : 0;
  float *level = malloc((size_t)cells * sizeof *level);
  int64_t *stack = malloc((size_t)cells * sizeof *stack);
  for (int64_t i = 0; i < cells; i++) {
    level[i] = squared[i];
    widest[i] = 0;
  }
  qsort(level, (size_t)cells, sizeof *level, descending);
  for (int64_t l = 0; l < cells && level[l] > 0; l++) {
    if (l > 0 && level[l] == level[l - 1]) continue;
    for (int64_t i = 0; i < cells; i++) {
      if (box_at(box, i, axis) == face) flood(box, squared, level[l], i, widest, stack);
      if (widest[i] <= level[l]) continue;
      for (int k = 0; k < 27; k++)
        if (is_face(k) && box_neighbour(box, i, k) >= 0)
          flood(box, squared, level[l], box_neighbour(box, i, k), widest, stack);
    }
  }
  free(level);
  free(stack);
}

static void check_side(exset_ctx_t *ctx, const box_t *box, int axis, bool high,
                       const float *squared) {
  const exset_volume_t volume = box_volume(ctx, box);
  const int64_t local = exset_grid_cells_local(&volume.grid), first = box_first(&volume);
  float *expected = malloc((size_t)box_cells(box) * sizeof *expected);
  float *widest = malloc((size_t)(local + 1) * sizeof *widest);
  naive(box, axis, high, squared, expected);
  MUST(ctx, exset_geodesic_widest(ctx, &volume, axis, high, local > 0 ? squared + first : squared,
                                  widest));
  int64_t wrong = 0;
  for (int64_t i = 0; i < local; i++) wrong += widest[i] != expected[first + i];
  CHECK_MSG(wrong == 0, "axis %d of %lld,%lld,%lld, %s face: %lld widths differ", axis,
            (long long)box->n[0], (long long)box->n[1], (long long)box->n[2], high ? "high" : "low",
            (long long)wrong);
  free(expected);
  free(widest);
}

/* Values: levels > 0: 1..levels; 0: arbitrary numbers over many orders of magnitude; -1: close to each other; -2: among them 0 and
 * infinity. */
static float draw_value(int levels, uint64_t *state) {
  if (levels > 0) return (float)(1 + draw(state, (unsigned)levels));
  const float number = (float)draw(state, 1000003) / 1000003;
  if (levels == 0) return expf(20 * number);
  if (levels == -1) return 1 + number / 1000;
  return number < 0.1f ? 0 : number > 0.6f ? INFINITY : number;
}

static void check_random(exset_ctx_t *ctx, const int64_t n[3], unsigned phases, unsigned masked,
                         int levels, uint64_t seed) {
  box_t box;
  box_init(&box, n, 1);
  box_random(&box, phases, masked, &seed);
  float *squared = malloc((size_t)box_cells(&box) * sizeof *squared);
  for (int64_t i = 0; i < box_cells(&box); i++)
    squared[i] = box.phase[i] ? draw_value(levels, &seed) : 0;
  for (int axis = 0; axis < 3; axis++)
    for (int high = 0; high < 2; high++) check_side(ctx, &box, axis, high, squared);
  free(squared);
  free(box.phase);
}

static void check_small(exset_ctx_t *ctx, int volumes) {
  uint64_t state = 6;
  for (int v = 0; v < volumes; v++) {
    int64_t n[3];
    for (int a = 0; a < 3; a++) n[a] = 1 + draw(&state, 7);
    const int levels = v % 5 < 4 ? -(v % 5) % 3 : 20;
    check_random(ctx, n, 1 + draw(&state, 3), draw(&state, 2), levels, (uint64_t)(2000 + v));
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t cube[3] = {14, 13, 15}, flat[3] = {2, 11, 10}, plate[3] = {13, 1, 12};
  const int64_t block[3] = {9, 8, 8};
  check_random(ctx, cube, 1, 0, 40, 1);
  check_random(ctx, cube, 1, 1, 12, 2);
  check_random(ctx, cube, 2, 0, 100, 3);
  check_random(ctx, block, 1, 0, 0, 4);
  check_random(ctx, block, 1, 0, -1, 5);
  check_random(ctx, block, 2, 0, -2, 6);
  check_random(ctx, flat, 1, 0, -1, 7); /* fewer planes than ranks */
  check_random(ctx, plate, 1, 0, 0, 8);
  check_small(ctx, 40);
  return test_end(ctx);
}
