/* test: np="1 2 3 5" time=60 */
/* Components of a periodic box: which ones wind round it, against a flood fill that unrolls the box, on random cells and on
 * shapes whose winding is known wherever they lie in the box. */
#include "exset/components.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Z = 1 << EXSET_AXIS_Z, Y = 1 << EXSET_AXIS_Y, X = 1 << EXSET_AXIS_X };

/* What is known of a box: components, winding ones, and the winding of each cell (0 outside). */
typedef struct {
  int64_t n_periodic, n_winding;
  uint8_t *winds;
} oracle_t;

/* ---- the oracle: flood fill with unrolled positions -------------------------------------------- */

typedef struct {
  int64_t n[3];
  const uint8_t *cell_class;
  int64_t (*box)[3]; /* of the unrolled box in which a cell was met first */
  int64_t *component, *stack;
} fill_t;

/* Fill one component; returns its winding. */
static uint8_t fill_one(fill_t *f, int64_t seed, int64_t number) {
  const int64_t stride[3] = {f->n[1] * f->n[2], f->n[2], 1};
  uint8_t winds = 0;
  int64_t depth = 0;
  f->component[seed] = number;
  f->stack[depth++] = seed;
  while (depth > 0) {
    const int64_t i = f->stack[--depth];
    for (int side = 0; side < 6; side++) {
      const int a = side / 2, step = side % 2 ? 1 : -1;
      const int64_t at = i / stride[a] % f->n[a], to = (at + step + f->n[a]) % f->n[a];
      const int64_t k = i + (to - at) * stride[a];
      int64_t box[3] = {f->box[i][0], f->box[i][1], f->box[i][2]};
      box[a] += at + step < 0 ? -1 : at + step >= f->n[a] ? 1 : 0;
      if (f->cell_class[k] != f->cell_class[seed]) continue;
      if (!f->component[k]) {
        f->component[k] = number;
        memcpy(f->box[k], box, sizeof box);
        f->stack[depth++] = k;
      }
      for (int b = 0; b < 3; b++) winds |= (uint8_t)((f->box[k][b] != box[b]) << b);
    }
  }
  return winds;
}

static void oracle_find(const int64_t n[3], const uint8_t *cell_class, oracle_t *o) {
  const int64_t cells = n[0] * n[1] * n[2];
  fill_t f = {{n[0], n[1], n[2]}, cell_class, NULL, NULL, NULL};
  f.box = calloc((size_t)cells, sizeof *f.box);
  f.component = calloc((size_t)cells, sizeof *f.component);
  f.stack = malloc((size_t)cells * sizeof *f.stack);
  uint8_t *of_component = calloc((size_t)cells + 1, 1);
  *o = (oracle_t){0, 0, calloc((size_t)cells, 1)};
  for (int64_t i = 0; i < cells; i++) {
    if (!cell_class[i] || f.component[i]) continue;
    o->n_periodic++;
    of_component[o->n_periodic] = fill_one(&f, i, o->n_periodic);
    o->n_winding += of_component[o->n_periodic] != 0;
  }
  for (int64_t i = 0; i < cells; i++) o->winds[i] = of_component[f.component[i]];
  free(of_component);
  free(f.component);
  free(f.stack);
  free(f.box);
}

/* ---- comparison -------------------------------------------------------------------------------- */

static void check_box(exset_ctx_t *ctx, const char *what, const int64_t n[3], const uint8_t *all,
                      const oracle_t *expected) {
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  exset_components_t c;
  int64_t n_periodic = -1, n_winding = -1, wrong = 0;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  const int64_t first = grid.z0 * n[1] * n[2];
  MUST(ctx, exset_components_label(ctx, &grid, all + first, &c));
  uint8_t *winds = malloc((size_t)c.n_local + 1);
  memset(winds, 255, (size_t)c.n_local + 1);
  MUST(ctx, exset_components_wind(ctx, &grid, all + first, &c, winds, &n_periodic, &n_winding));
  for (int64_t i = 0; i < exset_grid_cells_local(&grid); i++)
    wrong += winds[c.piece[i]] != expected->winds[first + i];
  CHECK_MSG(wrong == 0 && winds[0] == 0, "%s: %lld cells wind otherwise", what, (long long)wrong);
  CHECK_MSG(n_periodic == expected->n_periodic && n_winding == expected->n_winding,
            "%s: %lld components, %lld wind; expected %lld and %lld", what, (long long)n_periodic,
            (long long)n_winding, (long long)expected->n_periodic, (long long)expected->n_winding);
  free(winds);
  exset_components_clear(&c);
}

/* ---- random boxes ------------------------------------------------------------------------------ */

static unsigned draw(uint64_t *state, unsigned below) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(*state >> 33) % below;
}

/* Sizes 1 .. 9, 1 to 3 classes, from few cells to all of them; the same on all ranks. */
static void check_random(exset_ctx_t *ctx, int boxes) {
  uint64_t state = 1;
  int64_t seen[8] = {0}; /* cells of each winding */
  for (int box = 0; box < boxes; box++) {
    uint8_t all[9 * 9 * 9];
    const int64_t n[3] = {1 + draw(&state, 9), 1 + draw(&state, 9), 1 + draw(&state, 9)};
    const unsigned classes = 1 + draw(&state, 3), zeros = draw(&state, 10);
    for (int64_t i = 0; i < n[0] * n[1] * n[2]; i++)
      all[i] = (uint8_t)(draw(&state, 10) < zeros ? 0 : 1 + draw(&state, classes));
    char what[64];
    snprintf(what, sizeof what, "box %d of %dx%dx%d", box, (int)n[0], (int)n[1], (int)n[2]);
    oracle_t oracle;
    oracle_find(n, all, &oracle);
    check_box(ctx, what, n, all, &oracle);
    for (int64_t i = 0; i < n[0] * n[1] * n[2]; i++) seen[oracle.winds[i]]++;
    free(oracle.winds);
  }
  for (int w = 0; w < 8; w++) CHECK_MSG(seen[w] > 0, "no cells of winding %d were tried", w);
}

/* ---- shapes ------------------------------------------------------------------------------------ */

enum { N = 12 }; /* edge of the box */

typedef struct {
  uint8_t all[N * N * N];
  int64_t at[3]; /* where the shape is moved to */
} shape_t;

static void put(shape_t *s, int64_t z, int64_t y, int64_t x, uint8_t value) {
  const int64_t cell[3] = {(z + s->at[0]) % N, (y + s->at[1]) % N, (x + s->at[2]) % N};
  s->all[(cell[0] * N + cell[1]) * N + cell[2]] = value;
}

static void put_slab(shape_t *s) {
  for (int i = 0; i < N * N; i++) put(s, 5, i / N, i % N, 1);
}
static void put_rod_z(shape_t *s) {
  for (int i = 0; i < N; i++) put(s, i, 5, 7, 1);
}
static void put_rod_y(shape_t *s) {
  for (int i = 0; i < N; i++) put(s, 3, i, 7, 1);
}
static void put_rod_x(shape_t *s) {
  for (int i = 0; i < N; i++) put(s, 3, 5, i, 1);
}
/* one path that winds along z and y at once, and along neither alone */
static void put_stairs(shape_t *s) {
  for (int i = 0; i < N; i++) {
    put(s, i, i, 4, 1);
    put(s, i, i + 1, 4, 1);
  }
}
/* the same along all axes */
static void put_diagonal(shape_t *s) {
  for (int i = 0; i < N; i++) {
    put(s, i, i, i, 1);
    put(s, i, i, i + 1, 1);
    put(s, i, i + 1, i + 1, 1);
  }
}
/* closes after three turns along z and one along x */
static void put_steep(shape_t *s) {
  for (int i = 0; i < 3 * N; i++) {
    put(s, i, 2, i / 3, 1);
    put(s, i, 2, (i + 1) / 3, 1);
  }
}
/* goes round an edge of 12 cells while it climbs: winds along z alone, also where the edge crosses outer faces */
static void put_helix(shape_t *s) {
  static const int edge[N][2] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 3}, {2, 3},
                                 {3, 3}, {3, 2}, {3, 1}, {3, 0}, {2, 0}, {1, 0}};
  for (int i = 0; i < N; i++) {
    put(s, i, edge[i][0], edge[i][1], 1);
    put(s, i, edge[(i + 1) % N][0], edge[(i + 1) % N][1], 1);
  }
}
/* a rod with a wall of another class across it, and one of two classes side by side */
static void put_cut_rod(shape_t *s) {
  put_rod_x(s);
  put(s, 3, 5, 8, 2);
}
static void put_two_rods(shape_t *s) {
  for (int i = 0; i < N; i++) {
    put(s, i, 5, 7, 1);
    put(s, i, 5, 8, 2);
  }
}
static void put_ring(shape_t *s) {
  for (int i = 0; i < 6; i++) {
    put(s, i, 0, 3, 1);
    put(s, i, 5, 3, 1);
    put(s, 0, i, 3, 1);
    put(s, 5, i, 3, 1);
  }
}
static void put_islands(shape_t *s) {
  put(s, 0, 0, 0, 1);
  put(s, 1, 0, 0, 1);
  put(s, 4, 4, 4, 1);
  put(s, 5, 5, 5, 1);
  put(s, 8, 8, 8, 2);
}
/* rods along all axes that meet: the winding of a component is that of all its paths */
static void put_cross(shape_t *s) {
  put_rod_z(s);
  put_rod_y(s);
  put_rod_x(s);
}

static void check_shapes(exset_ctx_t *ctx) {
  static const struct {
    const char *name;
    void (*put)(shape_t *);
    int64_t n_periodic, n_winding;
    uint8_t winds;
  } shapes[] = {{"slab", put_slab, 1, 1, Y | X},      {"rod along z", put_rod_z, 1, 1, Z},
                {"rod along y", put_rod_y, 1, 1, Y},  {"rod along x", put_rod_x, 1, 1, X},
                {"stairs", put_stairs, 1, 1, Z | Y},  {"diagonal", put_diagonal, 1, 1, Z | Y | X},
                {"steep", put_steep, 1, 1, Z | X},    {"helix", put_helix, 1, 1, Z},
                {"cut rod", put_cut_rod, 2, 0, 0},    {"two rods", put_two_rods, 2, 2, Z},
                {"ring", put_ring, 1, 0, 0},          {"islands", put_islands, 4, 0, 0},
                {"cross", put_cross, 1, 1, Z | Y | X}};
  const int64_t n[3] = {N, N, N};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
    for (int move = 0; move < 6; move++) {
      shape_t s = {{0}, {7 * move % N, 5 * move % N, 11 * move % N}};
      uint8_t winds[N * N * N];
      shapes[k].put(&s);
      for (int i = 0; i < N * N * N; i++) winds[i] = s.all[i] ? shapes[k].winds : 0;
      const oracle_t expected = {shapes[k].n_periodic, shapes[k].n_winding, winds};
      check_box(ctx, shapes[k].name, n, s.all, &expected);
    }
}

/* Planes that travel in several messages: a rod at the end of the plane winds, one at its beginning is cut. */
static void check_wide(exset_ctx_t *ctx) {
  enum { NZ = 3, NY = 257, NX = 263 };
  const int64_t n[3] = {NZ, NY, NX}, plane = NY * NX;
  uint8_t *all = calloc((size_t)(NZ * plane), 1), *winds = calloc((size_t)(NZ * plane), 1);
  for (int64_t z = 0; z < NZ; z++) {
    all[z * plane] = z != 1;
    all[z * plane + plane - 3] = 1;
    winds[z * plane + plane - 3] = Z;
  }
  const oracle_t expected = {2, 1, winds};
  check_box(ctx, "wide box", n, all, &expected);
  free(all);
  free(winds);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_random(ctx, 400);
  check_shapes(ctx);
  check_wide(ctx);
  return test_end(ctx);
}
