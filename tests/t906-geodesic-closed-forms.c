/* test: np="1 2 3 5" time=60 */
/* Lengths of shortest paths that are known: empty boxes, channels along diagonals, lattices whose cells meet at edges or corners
 * alone, a wall with one hole, a serpentine that crosses all slabs again and again. */
#include "test_paths.h"

/* A structure that is described along its axis: coordinates u along it, v and w across. */
typedef struct {
  box_t box;
  int axis;
} case_t;

static void place(const case_t *c, int64_t i, int64_t u[3]) {
  for (int a = 0; a < 3; a++) u[a] = box_at(&c->box, i, (c->axis + a) % 3);
}

static case_t case_create(int axis, int64_t along, int64_t across, int64_t high, double voxel) {
  case_t c = {.axis = axis};
  int64_t n[3];
  n[axis] = along;
  n[(axis + 1) % 3] = across;
  n[(axis + 2) % 3] = high;
  box_init(&c.box, n, voxel);
  return c;
}

/* Expected length in voxels, in units of an edge; negative: nothing is said about this cell. */
typedef double (*length_fn)(const int64_t n[3], const int64_t u[3]);
/* Phase of a cell, n: cells along u, v, w. */
typedef uint8_t (*phase_fn)(const int64_t n[3], const int64_t u[3]);

/* Lengths are rounded at each step; 3000 voxels in 3200 steps come out 2e-6 off. */
static const double tolerance = 3e-6;

static void check_case(exset_ctx_t *ctx, case_t c, phase_fn phase, length_fn expected) {
  const int64_t n[3] = {c.box.n[c.axis], c.box.n[(c.axis + 1) % 3], c.box.n[(c.axis + 2) % 3]};
  int64_t u[3];
  for (int64_t i = 0; i < box_cells(&c.box); i++) {
    place(&c, i, u);
    c.box.phase[i] = phase(n, u);
  }
  const exset_volume_t volume = box_volume(ctx, &c.box);
  const int64_t cells = exset_grid_cells_local(&volume.grid);
  float *length = malloc((size_t)(cells + 1) * sizeof *length);
  MUST(ctx, exset_geodesic_length(ctx, &volume, c.axis, length));
  int64_t wrong = 0;
  for (int64_t i = 0; i < cells; i++) {
    place(&c, box_first(&volume) + i, u);
    const double length_here = expected(n, u) * c.box.voxel[0];
    if (length_here >= 0 && isfinite(length_here))
      wrong += !(fabs(length[i] - length_here) <= tolerance * length_here);
    else if (length_here > 0) wrong += length[i] < INFINITY;
  }
  CHECK_MSG(wrong == 0, "axis %d: %lld of %lld lengths are not as known", c.axis, (long long)wrong,
            (long long)cells);
  free(length);
  free(c.box.phase);
}

static uint8_t all_one(const int64_t n[3], const int64_t u[3]) {
  return (uint8_t)(n[0] > 0 && u[0] >= 0);
}

static double straight(const int64_t n[3], const int64_t u[3]) {
  return (double)(n[0] - 1 - u[0]);
}

/* A channel one cell wide along the diagonal of u and v, in a matrix of phase 2 at w = 0 and masked cells at w = 1. */
static uint8_t inclined(const int64_t n[3], const int64_t u[3]) {
  if (u[2] > 0) return 0;
  return u[0] == u[1] && n[0] > 0 ? 1 : 2;
}

static double inclined_length(const int64_t n[3], const int64_t u[3]) {
  if (u[2] > 0) return INFINITY;
  return u[0] == u[1] ? sqrt(2) * straight(n, u) : -1;
}

/* Cells of even and of odd sum of coordinates: each set meets at edges. */
static uint8_t checkerboard(const int64_t n[3], const int64_t u[3]) {
  return (uint8_t)(1 + (n[0] > 0 && (u[0] + u[1] + u[2]) % 2));
}

static double by_edges(const int64_t n[3], const int64_t u[3]) {
  return sqrt(2) * straight(n, u);
}

/* Cells with coordinates all even or all odd: they meet at corners. */
static uint8_t centred(const int64_t n[3], const int64_t u[3]) {
  return (uint8_t)(1 + (n[0] > 0 && (u[0] % 2 != u[1] % 2 || u[0] % 2 != u[2] % 2)));
}

static double by_corners(const int64_t n[3], const int64_t u[3]) {
  const int64_t i[3] = {u[0], u[1], u[2]};
  return centred(n, i) == 1 ? sqrt(3) * straight(n, u) : -1;
}

/* A wall in the middle with a hole of one cell. */
static uint8_t wall(const int64_t n[3], const int64_t u[3]) {
  return u[0] == n[0] / 2 && (u[1] != n[1] / 3 || u[2] != n[2] / 2) ? 2 : 1;
}

static int ascending(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static double wall_length(const int64_t n[3], const int64_t u[3]) {
  if (wall(n, u) == 2) return INFINITY; /* in the wall, which does not reach the last plane */
  if (u[0] >= n[0] / 2) return straight(n, u);
  int64_t d[3] = {n[0] / 2 - u[0], llabs(n[1] / 3 - u[1]), llabs(n[2] / 2 - u[2])};
  qsort(d, 3, sizeof d[0], ascending);
  const double to_hole = sqrt(3) * (double)d[0] + sqrt(2) * (double)(d[1] - d[0]);
  return to_hole + (double)(d[2] - d[1]) + (double)(n[0] - 1 - n[0] / 2);
}

/* Corridors along v at even u, joined at alternating ends. */
static uint8_t serpentine(const int64_t n[3], const int64_t u[3]) {
  if (u[0] % 2 == 0) return 1;
  return u[1] == (u[0] / 2 % 2 ? 0 : n[1] - 1) ? 1 : 2;
}

/* Known at the joints: from one to the next two steps round the corners and a corridor less its ends. */
static double serpentine_length(const int64_t n[3], const int64_t u[3]) {
  if (u[0] % 2 == 0 || serpentine(n, u) != 1) return -1;
  const int64_t joints = (n[0] - 2 - u[0]) / 2;
  return 1 + (double)joints * (2 * sqrt(2) + (double)(n[1] - 3));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int axis = 0; axis < 3; axis++) {
    check_case(ctx, case_create(axis, 17, 6, 5, 1), all_one, straight);
    check_case(ctx, case_create(axis, 1, 3, 4, 1), all_one, straight);
    check_case(ctx, case_create(axis, 40, 40, 2, 0.05), inclined, inclined_length);
    check_case(ctx, case_create(axis, 31, 4, 7, 1), checkerboard, by_edges);
    check_case(ctx, case_create(axis, 28, 8, 6, 0.3), centred, by_corners);
    check_case(ctx, case_create(axis, 21, 25, 19, 1), wall, wall_length);
    check_case(ctx, case_create(axis, 161, 40, 1, 1), serpentine, serpentine_length);
    check_case(ctx, case_create(axis, 33, 9, 2, 1), serpentine, serpentine_length);
  }
  return test_end(ctx);
}
