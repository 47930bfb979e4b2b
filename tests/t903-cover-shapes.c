/* test: np="1 2 3 5" time=60 */
/* Local thickness of shapes: slabs are as thick as they are wide, balls and cylinders have their radius throughout; and the same
 * as one rank has it, in a larger random volume. */
#include "test_distance.h"

static const int64_t SIZE[3] = {31, 33, 35};

typedef bool (*shape_t)(const double at[3], const double *size);

/* Voxels whose centre lies between two planes: size[0] along axis size[1], from size[2] on. */
static bool in_slab(const double at[3], const double *size) {
  const double along = at[(int)size[1]] - size[2];
  return along > 0 && along < size[0];
}
/* size: radius, and the centre. */
static bool in_ball(const double at[3], const double *size) {
  const double z = at[0] - size[1], y = at[1] - size[2], x = at[2] - size[3];
  return z * z + y * y + x * x < size[0] * size[0];
}
/* size: radius, axis, and the centre. */
static bool in_cylinder(const double at[3], const double *size) {
  double square = 0;
  for (int a = 0; a < 3; a++)
    if (a != (int)size[1]) square += (at[a] - size[2 + a]) * (at[a] - size[2 + a]);
  return square < size[0] * size[0];
}

/* Least, mean and largest radius in phase 1, which is the shape. */
typedef struct {
  double least, mean, largest;
} radii_t;

static radii_t radii_of(exset_ctx_t *ctx, const exset_volume_t *v, const float *cover) {
  double sums[2] = {0, 0}, ends[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < exset_grid_cells_local(&v->grid); i++) {
    if (v->phase[i] != 1) continue;
    const double r = exset_distance_radius(&v->grid, cover[i]);
    sums[0] += 1;
    sums[1] += r;
    ends[0] = fmax(ends[0], r);
    ends[1] = fmax(ends[1], -r);
  }
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, ends, 2, MPI_DOUBLE, MPI_MAX, ctx->comm)));
  return (radii_t){-ends[1], sums[1] / sums[0], ends[0]};
}

static radii_t measure(exset_ctx_t *ctx, shape_t shape, const double *size) {
  const double voxel[3] = {0.5, 0.5, 0.5};
  exset_grid_t grid;
  exset_volume_t v;
  MUST(ctx, exset_grid_init(ctx, SIZE, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 2, &v));
  const int64_t cells = exset_grid_cells_local(&grid);
  for (int64_t i = 0; i < cells; i++) {
    const int64_t k = test_first(&grid) + i;
    const double at[3] = {(double)(k / SIZE[2] / SIZE[1]), (double)(k / SIZE[2] % SIZE[1]),
                          (double)(k % SIZE[2])};
    v.phase[i] = shape(at, size) ? 1 : 2;
  }
  float *inside = malloc((size_t)cells * sizeof *inside + 1);
  float *cover = malloc((size_t)cells * sizeof *cover + 1);
  MUST(ctx, exset_distance_inside(ctx, &v, inside, NULL, NULL));
  MUST(ctx, exset_ball_cover(ctx, &grid, inside, cover));
  const radii_t r = radii_of(ctx, &v, cover);
  free(inside);
  free(cover);
  exset_volume_clear(&v);
  return (radii_t){r.least / 0.5, r.mean / 0.5, r.largest / 0.5}; /* in voxels */
}

/* Walls on both sides: the distance of the middle is (w + 1) / 2, or w / 2 where the middle is a face. */
static void check_slabs(exset_ctx_t *ctx) {
  for (int axis = 0; axis < 3; axis++)
    for (int width = 1; width <= 20; width += 1 + width / 4) {
      const double size[] = {width, axis, 3.5}, expected = width / 2 + width % 2 - 0.5;
      const radii_t r = measure(ctx, in_slab, size);
      CHECK_NEAR(r.least, expected, 1e-6);
      CHECK_NEAR(r.largest, expected, 1e-6);
      CHECK_NEAR(r.mean, width / 2.0, 0.5 + 1e-6);
    }
}

/* Centred in a cell all cells of a shape lie in the ball round the centre. */
static void check_round(exset_ctx_t *ctx) {
  for (double radius = 4.5; radius < 13; radius += 2.1) {
    const double size[] = {radius, 15, 16, 17};
    const radii_t r = measure(ctx, in_ball, size);
    CHECK_NEAR(r.least, r.largest, 0);
    CHECK_NEAR(r.mean, radius - 0.5, 0.2); /* the next cell outside is less than 0.2 farther away */
    for (int axis = 0; axis < 3; axis++) {
      const double round[] = {radius, axis, 15, 16, 17};
      const radii_t c = measure(ctx, in_cylinder, round);
      CHECK_NEAR(c.least, c.largest, 0);
      CHECK_NEAR(c.mean, radius - 0.25, 0.26); /* circles have less cells round them */
    }
  }
}

/* Anywhere on the grid: the largest ball round a cell's centre is smaller by up to the distance of that from the true one. */
static void check_shifted(exset_ctx_t *ctx) {
  uint64_t state = 21;
  double error = 0, mean = 0;
  for (int k = 0; k < 20; k++) {
    const double size[] = {6 + 0.25 * k, 15 + test_draw(&state, 100) / 100.0,
                           16 + test_draw(&state, 100) / 100.0,
                           17 + test_draw(&state, 100) / 100.0};
    const radii_t r = measure(ctx, in_ball, size);
    error = fmax(error, fabs(r.mean - size[0]));
    mean += (r.mean - size[0]) / 20;
  }
  CHECK_MSG(error < 1.3 && fabs(mean) < 1.05, "balls: error %.3f, mean %.3f", error, mean);
}

/* All of a random volume, by one rank and by all. */
static void check_ranks(exset_ctx_t *ctx) {
  const int64_t n[3] = {37, 41, 43}, cells = 37 * 41 * 43;
  const double voxel[3] = {1, 1, 1};
  uint64_t state = 4;
  uint8_t *all = test_phases(n, 2, 9, false, &state);
  float *result[2];
  exset_ctx_t *own;
  MUST(ctx, exset_ctx_split(ctx, ctx->size, &own));
  exset_volume_t v[2];
  for (int k = 0; k < 2; k++) {
    exset_ctx_t *by = k == 0 ? ctx : own;
    test_volume(by, n, voxel, 2, all, &v[k]);
    float *inside = malloc((size_t)cells * sizeof *inside);
    result[k] = malloc((size_t)cells * sizeof **result);
    MUST(by, exset_distance_inside(by, &v[k], inside, NULL, NULL));
    MUST(by, exset_ball_cover(by, &v[k].grid, inside, result[k]));
    free(inside);
  }
  int64_t wrong = 0;
  for (int64_t i = 0; i < exset_grid_cells_local(&v[0].grid); i++)
    wrong += result[0][i] != result[1][test_first(&v[0].grid) + i];
  CHECK_MSG(wrong == 0, "%lld cells differ from those of one rank", (long long)wrong);
  for (int k = 0; k < 2; k++) {
    exset_volume_clear(&v[k]);
    free(result[k]);
  }
  free(all);
  MUST(ctx, exset_ctx_destroy(&own));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_slabs(ctx);
  check_round(ctx);
  check_shifted(ctx);
  check_ranks(ctx);
  return test_end(ctx);
}
