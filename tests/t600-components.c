/* test: np="1 2 3 5" time=60 */
/* Connected components against a flood fill of the whole volume, on random cells and on a snake through all slabs. */
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
  exset_components_clear(&c);
  free(name);
}

/* Random classes 0..classes-1, the same on all ranks. */
static void check_random(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx, unsigned classes,
                         unsigned zeros, uint64_t seed) {
  const int64_t n[3] = {nz, ny, nx}, cells = nz * ny * nx;
  uint8_t *all = malloc((size_t)cells + 1);
  uint64_t state = seed;
  for (int64_t i = 0; i < cells; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const unsigned draw = (unsigned)(state >> 33) % (classes + zeros);
    all[i] = draw < zeros ? 0 : (uint8_t)(draw - zeros + 1);
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
  check_snake(ctx, 11, 21);
  check_snake(ctx, 4, 9);
  return test_end(ctx);
}
