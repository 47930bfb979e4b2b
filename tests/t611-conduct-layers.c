/* test: np="1 2 3 5" time=60 */
/* Random layers and random columns between electrodes: means of conductivities and of resistivities, exact on any voxels. */
#include <math.h>

#include "test_conduct_box.h"

/* Conductances are kept in single precision, see t617. */
static const double tolerance = 1e-7;

/* Layers of random phases first .. 4 across one axis. */
static box_t draw_layers(int normal, int first, uint64_t *state) {
  int64_t n[3];
  double voxel[3];
  uint8_t layer[32];
  for (int a = 0; a < 3; a++) {
    n[a] = 1 + box_draw_int(state, a == normal ? 32 : 7);
    voxel[a] = box_draw_real(state, 0.3, 3);
  }
  for (int k = 0; k < 32; k++) layer[k] = (uint8_t)(first + box_draw_int(state, 5 - first));
  box_t b = box_create(n, voxel, 4);
  const int64_t stride[3] = {n[1] * n[2], n[2], 1};
  for (int64_t i = 0; i < box_cells(&b); i++) b.phase[i] = layer[i / stride[normal] % n[normal]];
  return b;
}

/* Mean of sigma and its inverse, 0 where a layer insulates, of cells first, first + step, ... */
static double mean(const double *s, int64_t first, int64_t step, int64_t n) {
  double sum = 0;
  for (int64_t k = 0; k < n; k++) sum += s[first + k * step] / (double)n;
  return sum;
}
static double series(const double *s, int64_t first, int64_t step, int64_t n) {
  double sum = 0;
  for (int64_t k = 0; k < n; k++) sum += 1 / s[first + k * step] / (double)n;
  return 1 / sum; /* 1 / infinity = 0 */
}

/* Along each axis; the bounds of Wiener are the two means. */
static void check_means(exset_ctx_t *ctx, const box_t *b, int normal, const double *sigma) {
  const int64_t stride[3] = {b->n[1] * b->n[2], b->n[2], 1};
  double *s = box_sigma(b, sigma);
  const double across = series(s, 0, stride[normal], b->n[normal]);
  const double along = mean(s, 0, stride[normal], b->n[normal]);
  exset_conduct_run_t run[3];
  box_solve(ctx, b, EXSET_BOUNDARY_ELECTRODES, sigma, 1e-12, run);
  for (int a = 0; a < 3; a++) {
    const double exact = a == normal ? across : along;
    CHECK_NEAR(run[a].sigma_eff, exact, tolerance * exact);
    CHECK_NEAR(run[a].flux_in, exact, tolerance * exact);
    CHECK_NEAR(run[a].flux_out, exact, tolerance * exact);
    if (along > 0)
      CHECK_NEAR(run[a].m_factor, run[a].conducting_fraction * exact / along, tolerance);
  }
  exset_volume_t v = box_volume(ctx, b);
  exset_conduct_bounds_t bounds;
  exset_conduct_t *c;
  MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  exset_conduct_bounds(c, &bounds);
  CHECK_NEAR(bounds.wiener_low, across, 1e-12 * across);
  CHECK_NEAR(bounds.wiener_high, along, 1e-12 * along);
  exset_conduct_destroy(&c);
  free(v.phase);
  free(s);
}

/* u at the middle of layer k is what lies between it and the high electrode, as part of the whole resistance. */
static void check_potential(exset_ctx_t *ctx, const box_t *b, int normal, const double *sigma) {
  const int64_t stride[3] = {b->n[1] * b->n[2], b->n[2], 1};
  double *s = box_sigma(b, sigma);
  exset_volume_t v = box_volume(ctx, b);
  const int64_t cells = exset_grid_cells_local(&v.grid), first = v.grid.z0 * stride[0];
  const exset_conduct_options_t options = {.rtol = 1e-12};
  const double across = series(s, 0, stride[normal], b->n[normal]);
  float *u, *j;
  exset_conduct_t *c;
  exset_conduct_run_t run;
  MUST(ctx, exset_alloc(ctx, cells, sizeof *u, &u));
  MUST(ctx, exset_alloc(ctx, 3 * cells, sizeof *j, &j));
  MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  MUST(ctx, case_quietly(c, normal, &options, u, j, &run));
  double worst_u = 0, worst_j = 0;
  for (int64_t i = 0; i < cells; i++) {
    const int64_t at = (first + i) / stride[normal] % b->n[normal];
    double left = 0.5 / s[first + i];
    for (int64_t k = at + 1; k < b->n[normal]; k++) left += 1 / s[k * stride[normal]];
    worst_u = fmax(worst_u, fabs(u[i] - left * across / (double)b->n[normal]));
    for (int a = 0; a < 3; a++) /* components x, y, z */
      worst_j = fmax(worst_j, fabs(j[3 * i + a] / across - (2 - a == normal)));
  }
  CHECK_MSG(worst_u < 1e-5 && worst_j < 1e-5, "potential off by %.2g, current by %.2g", worst_u,
            worst_j);
  exset_conduct_destroy(&c);
  free(v.phase);
  free(u), free(j), free(s);
}

/* Columns of random layers along an axis; those next to each other are insulated. Parallel resistances in series. */
static void check_columns(exset_ctx_t *ctx, int axis, uint64_t *state) {
  const double sigma[4] = {2, 1e-3, 0.7, 30}, voxel[3] = {0.5, 1.5, 0.8};
  const int64_t n[3] = {6, 5, 8};
  const int64_t stride[3] = {n[1] * n[2], n[2], 1};
  box_t b = box_create(n, voxel, 4);
  box_fill(&b, 1, state);
  double exact = 0;
  for (int64_t i = 0; i < box_cells(&b); i++) {
    int64_t across = 0;
    for (int a = 0; a < 3; a++) across += a == axis ? 0 : i / stride[a] % n[a];
    if (across % 2) b.phase[i] = 0;
  }
  double *s = box_sigma(&b, sigma);
  for (int64_t i = 0; i < box_cells(&b); i++)
    if (i / stride[axis] % n[axis] == 0)
      exact += series(s, i, stride[axis], n[axis]) / ((double)box_cells(&b) / (double)n[axis]);
  free(s);
  exset_conduct_run_t run[3];
  box_solve(ctx, &b, EXSET_BOUNDARY_ELECTRODES, sigma, 1e-12, run);
  CHECK_NEAR(run[axis].sigma_eff, exact, tolerance * exact);
  for (int a = 0; a < 3; a++) CHECK(a == axis || run[a].sigma_eff == 0);
  CHECK(run[axis].clusters == (box_cells(&b) / n[axis] + 1) / 2);
  box_free(&b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  const double conducting[4] = {1, 3e-3, 40, 0.2}, insulating[4] = {1, 0, 2, 0.01};
  uint64_t state = 611;
  for (int k = 0; k < 12; k++) {
    box_t b = draw_layers(k % 3, 1, &state), masked = draw_layers(k % 3, 0, &state);
    check_means(ctx, &b, k % 3, conducting);
    check_means(ctx, &b, k % 3, insulating);
    check_potential(ctx, &b, k % 3, conducting);
    check_means(ctx, &masked, k % 3, conducting);
    box_free(&b);
    box_free(&masked);
    check_columns(ctx, k % 3, &state);
  }
  exset_config_destroy(&config);
  return test_end(ctx);
}
