/* test: np="1 2 3 5" time=60 */
/* Connected components against a flood fill of the whole volume, on random cells, boxes and a snake through all slabs; counts
 * of chosen components. */
#include "exset/components.h"
#include "test.h"

#include <stdlib.h>

/* Components of the whole volume by flood fill: name of each cell as in exset_components_t. */
static int64_t flood_fill(const int64_t n[3], const uint8_t *cell_class, int64_t *name) {
  const int64_t cells = n[0] * n[1] * n[2], stride[3] = {n[1] * n[2], n[2], 1};
  int64_t *stack = malloc((size_t)cells * sizeof *stack), count = 0;
  for (int64_t i = 0; i < cells; i++) name[i] = 0;
  for (int64_t seed = 0; seed < cells; seed++) {
    if (!cell_class[seed] || name[seed]) continue;
    int64_t depth = 0;
    count++;
    stack[depth++] = seed;
    name[seed] = seed + 1;
    while (depth > 0) {
      const int64_t i = stack[--depth];
      const int64_t at[3] = {i / stride[0], i / stride[1] % n[1], i % n[2]};
      for (int a = 0; a < 3; a++)
        for (int d = -1; d <= 1; d += 2) {
          const int64_t k = i + d * stride[a];
          if (at[a] + d < 0 || at[a] + d >= n[a] || cell_class[k] != cell_class[seed] || name[k])
            continue;
          name[k] = seed + 1;
          stack[depth++] = k;
        }
    }
  }
  free(stack);
  return count;
}

static void check_touch(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *all,
                        const int64_t *name, const exset_components_t *c) {
  const int64_t *n = grid->n, cells = exset_grid_cells(grid), first = grid->z0 * n[1] * n[2];
  const int64_t stride[3] = {n[1] * n[2], n[2], 1};
  uint8_t *expected = malloc((size_t)cells + 1), *touches = calloc((size_t)c->n_local + 1, 1);
  for (int axis = 0; axis < 3; axis++) {
    for (int64_t i = 0; i <= cells; i++) expected[i] = 0;
    for (int64_t i = 0; i < cells; i++) {
      const int64_t at = i / stride[axis] % n[axis];
      if (name[i] && at == 0) expected[name[i]] |= EXSET_TOUCHES_LOW;
      if (name[i] && at == n[axis] - 1) expected[name[i]] |= EXSET_TOUCHES_HIGH;
    }
    MUST(ctx, exset_components_touch(ctx, grid, all + first, c, axis, touches));
    int64_t wrong = touches[0] != 0;
    for (int64_t k = 1; k <= c->n_local; k++) wrong += touches[k] != expected[c->name[k]];
    CHECK_MSG(wrong == 0, "axis %d: %lld pieces touch other faces", axis, (long long)wrong);
  }
  free(expected);
  free(touches);
}

/* Components kept by a rule on their names, and all of them. */
static void check_count(exset_ctx_t *ctx, const int64_t cells, const int64_t *name,
                        const exset_components_t *c) {
  uint8_t *keep = calloc((size_t)c->n_local + 1, 1);
  for (int64_t modulus = 1; modulus <= 3; modulus++) {
    int64_t expected = 0, kept = -1;
    for (int64_t i = 0; i < cells; i++) expected += name[i] == i + 1 && name[i] % modulus == 0;
    for (int64_t k = 1; k <= c->n_local; k++) keep[k] = c->name[k] % modulus == 0;
    MUST(ctx, exset_components_count(ctx, c, keep, &kept));
    CHECK_MSG(kept == expected, "%lld components kept, expected %lld", (long long)kept,
              (long long)expected);
    if (modulus > 1) continue;
    MUST(ctx, exset_components_count(ctx, c, NULL, &kept));
    CHECK_MSG(kept == expected, "%lld components, expected %lld", (long long)kept,
              (long long)expected);
  }
  free(keep);
}

static void check_volume(exset_ctx_t *ctx, const int64_t n[3], const uint8_t *all) {
  const int64_t cells = n[0] * n[1] * n[2];
  const double voxel[3] = {1, 1, 1};
  int64_t *name = malloc((size_t)cells * sizeof *name);
  const int64_t count = flood_fill(n, all, name);
  exset_grid_t grid;
  exset_components_t c;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  const int64_t first = grid.z0 * n[1] * n[2];
  MUST(ctx, exset_components_label(ctx, &grid, all + first, &c));
  CHECK_MSG(c.n_global == count, "%lld components, expected %lld", (long long)c.n_global,
            (long long)count);
  int64_t wrong = 0;
  for (int64_t i = 0; i < exset_grid_cells_local(&grid); i++)
    wrong += c.name[c.piece[i]] != name[first + i];
  CHECK_MSG(wrong == 0, "%lld cells with another name", (long long)wrong);
  check_touch(ctx, &grid, all, name, &c);
  check_count(ctx, cells, name, &c);
  exset_components_clear(&c);
  free(name);
}

static unsigned draw(uint64_t *state, unsigned below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*state >> 33) % below;
}

/* Random classes 0..classes, the same on all ranks. */
static void check_random(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx, unsigned classes,
                         unsigned zeros, uint64_t seed) {
  const int64_t n[3] = {nz, ny, nx}, cells = nz * ny * nx;
  uint8_t *all = malloc((size_t)cells + 1);
  uint64_t state = seed;
  for (int64_t i = 0; i < cells; i++) {
    const unsigned value = draw(&state, classes + zeros);
    all[i] = value < zeros ? 0 : (uint8_t)(value - zeros + 1);
  }
  check_volume(ctx, n, all);
  free(all);
}

/* Many small volumes: slabs of few planes, and most pieces at slab faces. */
static void check_small(exset_ctx_t *ctx, int volumes) {
  uint64_t state = 8;
  for (int k = 0; k < volumes; k++) {
    const int64_t nz = 1 + draw(&state, 11), ny = 1 + draw(&state, 8), nx = 1 + draw(&state, 8);
    const unsigned classes = 1 + draw(&state, 2), zeros = draw(&state, 3);
    check_random(ctx, nz, ny, nx, classes, zeros, 100 + (uint64_t)k);
  }
}

/* Boxes of one class each, which make long runs of all lengths. */
static void check_boxes(exset_ctx_t *ctx, int boxes) {
  enum { NZ = 12, NY = 14, NX = 83 };
  const int64_t n[3] = {NZ, NY, NX};
  uint8_t *all = calloc(NZ * NY * NX, 1);
  uint64_t state = 9;
  for (int k = 0; k < boxes; k++) {
    const unsigned z = draw(&state, NZ), y = draw(&state, NY), x = draw(&state, NX);
    const unsigned dz = draw(&state, 5), dy = draw(&state, 5), dx = draw(&state, 60);
    const uint8_t value = (uint8_t)draw(&state, 4);
    for (unsigned i = 0; i < NZ * NY * NX; i++)
      if (i / (NY * NX) - z <= dz && i / NX % NY - y <= dy && i % NX - x <= dx) all[i] = value;
  }
  check_volume(ctx, n, all);
  free(all);
}

/* One path that crosses all planes again and again: the longest way for names to spread. */
static void check_snake(exset_ctx_t *ctx, int64_t nz, int64_t nx) {
  const int64_t n[3] = {nz, 1, nx}, cells = nz * nx;
  uint8_t *all = calloc((size_t)cells, 1);
  for (int64_t x = 0; x < nx; x += 2)
    for (int64_t z = 0; z < nz; z++) all[z * nx + x] = 1;
  for (int64_t x = 1; x < nx; x += 2) all[(x / 2 % 2 ? 0 : nz - 1) * nx + x] = 1;
  check_volume(ctx, n, all);
  free(all);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_random(ctx, 20, 17, 23, 1, 1, 1);
  check_random(ctx, 20, 17, 23, 1, 2, 2); /* near the percolation threshold 0.31 */
  check_random(ctx, 13, 11, 9, 3, 1, 3);
  check_random(ctx, 3, 8, 8, 2, 1, 4); /* fewer planes than ranks */
  check_random(ctx, 1, 16, 16, 1, 1, 5);
  check_random(ctx, 7, 1, 1, 1, 1, 6);
  check_random(ctx, 4, 5, 6, 1, 0, 7);
  check_small(ctx, 200);
  check_boxes(ctx, 60);
  check_boxes(ctx, 300);
  check_snake(ctx, 11, 21);
  check_snake(ctx, 4, 9);
  return test_end(ctx);
}
