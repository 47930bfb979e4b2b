/* test: np="1 2 3" time=60 */
/*
 * Two-dimensional media between electrodes. Checkerboard: sqrt(s1 s2) (Keller 1964, Dykhne 1970), reached with the order that
 * the singular corners set. Any medium: conductance of the network times that of its dual is 1, exactly.
 */
#include <math.h>

#include "test_conduct_network.h"

static const double cube[3] = {1, 1, 1};

/* 2 x 2 squares; mirrored at the outer faces, which is what electrodes and insulation do, a checkerboard. */
static int squares(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)z;
  return (2 * y / n[1] + 2 * x / n[2]) % 2 ? 1 : 2;
}

/*
 * At a corner u - u0 ~ r^lambda, lambda = (4 / pi) atan(sqrt(s2 / s1)) for s2 < s1, so that the power within the
 * distance of a voxel h, which no grid resolves, is ~ h^(2 lambda): order 1.57, 1.18, 0.78 for contrasts 2, 4, 10.
 * It is found to 0.03 on these grids, and always sigma_eff < sqrt(s1 s2). Extrapolation with this order
 * leaves less than 2e-4.
 */
static void check_checkerboard(exset_ctx_t *ctx, double contrast) {
  const double sigma[2] = {contrast, 1}, exchanged[2] = {1, contrast};
  const double order = 8 / M_PI * atan(sqrt(1 / contrast));
  double error[3];
  for (int k = 0; k < 3; k++) {
    const int64_t n[3] = {1, 32 << k, 32 << k};
    const double value = case_run(ctx, n, cube, 2, squares, sigma, EXSET_AXIS_X, 1e-8).sigma_eff;
    error[k] = value / sqrt(contrast) - 1;
    CHECK_MSG(error[k] < 0, "contrast %g: error %g", contrast, error[k]);
    if (k == 0) {
      const double other =
          case_run(ctx, n, cube, 2, squares, exchanged, EXSET_AXIS_Y, 1e-8).sigma_eff;
      CHECK_NEAR(other, value, 2e-7 * value); /* the same board turned */
    }
  }
  CHECK_NEAR(log2(error[0] / error[1]), order, 0.03);
  CHECK_NEAR(log2(error[1] / error[2]), order, 0.02);
  CHECK_NEAR(error[2] + (error[2] - error[1]) / (exp2(order) - 1), 0, 2e-4);
}

/* Squares drawn out along the third axis: the same across it, the mean along it. */
static void check_columns(exset_ctx_t *ctx) {
  const int64_t flat[3] = {1, 24, 24}, thick[3] = {6, 24, 24};
  const double sigma[2] = {10, 1}, voxel[3] = {2, 0.5, 0.5};
  const double plane = case_run(ctx, flat, cube, 2, squares, sigma, EXSET_AXIS_Y, 1e-9).sigma_eff;
  for (int axis = 0; axis < 3; axis++) {
    const double exact = axis == EXSET_AXIS_Z ? 5.5 : plane;
    CHECK_NEAR(case_run(ctx, thick, voxel, 2, squares, sigma, axis, 1e-9).sigma_eff, exact,
               2e-7 * exact);
  }
}

/*
 * Of a plane of cells with a current along x: the dual has a node for each mesh, (ny + 1) x (nx + 1) of them, those of
 * the lowest row being one terminal, those of the uppermost the other, and the inverse of each conductance
 * across. Its conductance is the inverse of the first one's.
 */
static double dual_conductance(const box_t *b, const double *s) {
  const int64_t ny = b->n[1], nx = b->n[2];
  const double across_x = b->voxel[0] * b->voxel[1] / b->voxel[2], w[3] = {0};
  const double across_y = b->voxel[0] * b->voxel[2] / b->voxel[1];
  network_t net = network_create(2 + (ny - 1) * (nx + 1));
  for (int64_t y = 0; y < ny; y++)
    for (int64_t x = 0; x <= nx; x++) {
      const int64_t cell = y * nx + x, mesh = 2 + (y - 1) * (nx + 1) + x;
      const int64_t below = y == 0 ? 0 : mesh, above = y == ny - 1 ? 1 : mesh + nx + 1;
      const double g = x == 0    ? 2 * s[cell]
                       : x == nx ? 2 * s[cell - 1]
                                 : network_face(s[cell - 1], s[cell]);
      network_add(&net, below, above, 1 / (across_x * g), w);
      if (y > 0 && x < nx)
        network_add(&net, mesh, mesh + 1, 1 / (across_y * network_face(s[cell - nx], s[cell])), w);
    }
  network_reduce(&net, 2);
  const double g = net.edge[1].g;
  network_free(&net);
  return g;
}

static void check_dual(exset_ctx_t *ctx, uint64_t *state) {
  const int64_t n[3] = {1, 2 + box_draw_int(state, 12), 1 + box_draw_int(state, 12)};
  const double voxel[3] = {0.7, box_draw_real(state, 0.5, 2), box_draw_real(state, 0.5, 2)};
  double sigma[4];
  for (int p = 0; p < 4; p++) sigma[p] = pow(10, box_draw_real(state, -1.5, 1.5));
  box_t b = box_create(n, voxel, 4);
  box_fill(&b, 1, state);
  double *s = box_sigma(&b, sigma);
  exset_conduct_run_t run[3];
  box_solve(ctx, &b, EXSET_BOUNDARY_ELECTRODES, sigma, 1e-12, run);
  const double area_by_length = voxel[0] * voxel[1] * (double)n[1] / (voxel[2] * (double)n[2]);
  CHECK_NEAR(run[EXSET_AXIS_X].sigma_eff * area_by_length * dual_conductance(&b, s), 1, 1e-7);
  free(s);
  box_free(&b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  check_checkerboard(ctx, 2);
  check_checkerboard(ctx, 4);
  check_checkerboard(ctx, 10);
  check_columns(ctx);
  uint64_t state = 612;
  for (int k = 0; k < 50; k++) check_dual(ctx, &state);
  exset_config_destroy(&config);
  return test_end(ctx);
}
