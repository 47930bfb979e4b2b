/* test: np="1 2 3 5" time=60 */
/*
 * What holds for every box between electrodes: turned and reflected boxes, mirrored doubling, other units; more
 * conductivity never conducts less, sigma_eff is concave and between Wiener's bounds. Random anisotropic boxes.
 */
#include <math.h>

#include "test_conduct_naive.h"
#include "test_conduct_network.h"

/* Each conductance is rounded to single precision, differently in each of two boxes: 2 x 6e-8, and the solver. */
static const double tolerance = 1.3e-7;

enum { PHASES = 4 };
typedef struct {
  box_t b;
  double sigma[PHASES];
  exset_conduct_run_t run[3];
} case_t;

static void solve(exset_ctx_t *ctx, const box_t *b, const double *sigma,
                  exset_conduct_run_t run[3]) {
  box_solve(ctx, b, EXSET_BOUNDARY_ELECTRODES, sigma, 1e-11, run);
}

/* Cells are drawn in blocks, which are longer in one direction than in others; one phase insulates. */
static case_t draw(exset_ctx_t *ctx, uint64_t *state) {
  int64_t n[3], block[3];
  double voxel[3];
  case_t c = {.sigma = {0}};
  for (int a = 0; a < 3; a++) {
    n[a] = 5 + box_draw_int(state, 9);
    voxel[a] = box_draw_real(state, 0.5, 2);
    block[a] = 1 + box_draw_int(state, 3);
  }
  for (int p = 0; p < PHASES; p++) c.sigma[p] = pow(10, box_draw_real(state, -1.5, 1.5));
  c.sigma[box_draw_int(state, PHASES)] = 0;
  c.b = box_create(n, voxel, PHASES);
  const uint64_t seed = box_draw(state);
  for (int64_t i = 0; i < box_cells(&c.b); i++) {
    const int64_t at[3] = {i / (n[1] * n[2]), i / n[2] % n[1], i % n[2]};
    uint64_t h = seed;
    for (int a = 0; a < 3; a++) h = (h ^ (uint64_t)(at[a] / block[a])) * 0x9E3779B97F4A7C15u;
    c.b.phase[i] = (uint8_t)(1 + box_draw_int(&h, PHASES));
  }
  solve(ctx, &c.b, c.sigma, c.run);
  return c;
}

/* All six orders of the axes, each with random reflections. */
static void check_turned(exset_ctx_t *ctx, const case_t *c, uint64_t *state) {
  static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (int k = 0; k < 6; k++) {
    box_axis_t axes[3] = {{0}};
    for (int a = 0; a < 3; a++) {
      axes[a].from = orders[k][a];
      axes[a].flip = k == 0 || box_draw_int(state, 2);
    }
    box_t turned = box_turn(&c->b, axes);
    exset_conduct_run_t run[3];
    solve(ctx, &turned, c->sigma, run);
    for (int a = 0; a < 3; a++) {
      const exset_conduct_run_t *same = &c->run[axes[a].from];
      CHECK_NEAR(run[a].sigma_eff, same->sigma_eff, tolerance * same->sigma_eff);
      CHECK(run[a].unknowns == same->unknowns && run[a].clusters == same->clusters);
    }
    box_free(&turned);
  }
}

/* A box beside its mirror image is twice the same in parallel, behind it twice the same in series. */
static void check_mirrored(exset_ctx_t *ctx, const case_t *c) {
  for (int axis = 0; axis < 3; axis++) {
    box_axis_t axes[3] = {{.from = 0}, {.from = 1}, {.from = 2}};
    axes[axis].copies = 2;
    axes[axis].mirror = true;
    box_t twice = box_turn(&c->b, axes);
    exset_conduct_run_t run[3];
    solve(ctx, &twice, c->sigma, run);
    for (int a = 0; a < 3; a++) {
      CHECK_NEAR(run[a].sigma_eff, c->run[a].sigma_eff, tolerance * c->run[a].sigma_eff);
      CHECK(run[a].unknowns == 2 * c->run[a].unknowns);
    }
    box_free(&twice);
  }
}

/* In other units of conductivity and of length. */
static void check_units(exset_ctx_t *ctx, case_t *c) {
  exset_conduct_run_t run[3];
  double sigma[PHASES], voxel[3];
  for (int p = 0; p < PHASES; p++) sigma[p] = 3e9 * c->sigma[p];
  for (int a = 0; a < 3; a++) voxel[a] = c->b.voxel[a], c->b.voxel[a] *= 7e-5;
  solve(ctx, &c->b, sigma, run);
  for (int a = 0; a < 3; a++) {
    c->b.voxel[a] = voxel[a];
    CHECK_NEAR(run[a].sigma_eff / 3e9, c->run[a].sigma_eff, tolerance * c->run[a].sigma_eff);
  }
}

/*
 * sigma_eff is the least power of all potentials, a least of functions that grow with each sigma and are concave in them:
 * so is it. k times more of one phase gives 1 to k times as much; of all phases, k times. In the middle
 * between two sets of conductivities it is at least the mean.
 */
static void check_monotony(exset_ctx_t *ctx, const case_t *c) {
  exset_conduct_run_t more[3], middle[3];
  for (int p = 0; p < PHASES; p++) {
    double sigma[PHASES], between[PHASES];
    for (int q = 0; q < PHASES; q++) {
      sigma[q] = c->sigma[q] * (q == p ? 3 : 1);
      between[q] = 0.5 * (sigma[q] + c->sigma[q]);
    }
    solve(ctx, &c->b, sigma, more);
    solve(ctx, &c->b, between, middle);
    for (int a = 0; a < 3; a++) {
      const double old = c->run[a].sigma_eff, slack = tolerance * old;
      CHECK(more[a].sigma_eff >= old - slack && more[a].sigma_eff <= 3 * (old + slack));
      CHECK(middle[a].sigma_eff >= 0.5 * (old + more[a].sigma_eff) - 2 * slack);
    }
  }
  double sigma[PHASES]; /* the insulator conducts a little */
  for (int q = 0; q < PHASES; q++) sigma[q] = c->sigma[q] > 0 ? c->sigma[q] : 1e-3;
  solve(ctx, &c->b, sigma, more);
  for (int a = 0; a < 3; a++) CHECK(more[a].sigma_eff > c->run[a].sigma_eff);
}

static void check_bounds(exset_ctx_t *ctx, const case_t *c) {
  double mean = 0, resistance = 0, *s = box_sigma(&c->b, c->sigma);
  const double cells = (double)box_cells(&c->b);
  for (int64_t i = 0; i < box_cells(&c->b); i++)
    mean += s[i] / cells, resistance += 1 / s[i] / cells;
  exset_volume_t v = box_volume(ctx, &c->b);
  exset_conduct_bounds_t bounds;
  exset_conduct_t *conduct;
  MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, c->sigma, &conduct));
  exset_conduct_bounds(conduct, &bounds);
  CHECK_NEAR(bounds.wiener_high, mean, 1e-12 * mean);
  CHECK_NEAR(bounds.wiener_low, 1 / resistance, 1e-12 * mean);
  CHECK(bounds.hs_low >= bounds.wiener_low && bounds.hs_high <= bounds.wiener_high);
  CHECK(bounds.hs_low <= bounds.hs_high);
  for (int a = 0; a < 3; a++)
    CHECK(c->run[a].sigma_eff <= mean * (1 + tolerance) &&
          c->run[a].sigma_eff >= (1 - tolerance) / resistance);
  exset_conduct_destroy(&conduct);
  free(v.phase);
  free(s);
}

/* The same for every number of ranks: the plain solver knows none. */
static void check_naive(const case_t *c) {
  double *s = box_sigma(&c->b, c->sigma);
  for (int a = 0; a < 3; a++) {
    const double expected = naive_cells(c->b.n, c->b.voxel, s, a);
    CHECK_NEAR(c->run[a].sigma_eff, expected, tolerance * expected);
  }
  free(s);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  uint64_t state = 616;
  for (int k = 0; k < (ctx->size == 1 ? 6 : 1); k++) {
    case_t c = draw(ctx, &state);
    check_turned(ctx, &c, &state);
    check_mirrored(ctx, &c);
    check_units(ctx, &c);
    check_monotony(ctx, &c);
    check_bounds(ctx, &c);
    check_naive(&c);
    box_free(&c.b);
  }
  exset_config_destroy(&config);
  return test_end(ctx);
}
