/* test: np="1 2 3 5" time=60 */
/*
 * What holds for every periodic box: the tensor is symmetric and positive, turns with the box, and does not change with
 * shifts and repetition; other units, monotony, Wiener's bounds. Beside its mirror images along all axes a box conducts as
 * between electrodes. Random anisotropic boxes, also against the plain solver.
 */
#include <math.h>
#include <stdio.h>

#include "test_conduct_naive.h"
#include "test_conduct_tensor.h"

/* Each conductance is rounded to single precision, differently in each of two boxes: 2 x 6e-8, and the solver. */
static const double tolerance = 1.3e-7;

enum { PHASES = 4 };
typedef struct {
  box_t b;
  double sigma[PHASES];
  tensor_t t;
} case_t;

static tensor_t solve(exset_ctx_t *ctx, const box_t *b, const double *sigma) {
  return tensor_solve(ctx, b, sigma, 1e-12);
}

/* Slanting streaks of two to four cells; one phase may insulate. Odd and even sizes. */
static case_t draw(exset_ctx_t *ctx, uint64_t *state) {
  int64_t n[3];
  double voxel[3];
  case_t c = {.sigma = {0}};
  for (int a = 0; a < 3; a++) {
    n[a] = 4 + box_draw_int(state, 6);
    voxel[a] = box_draw_real(state, 0.5, 2);
  }
  for (int p = 0; p < PHASES; p++) c.sigma[p] = pow(10, box_draw_real(state, -1.5, 1.5));
  c.sigma[box_draw_int(state, PHASES)] *= (double)box_draw_int(state, 2);
  c.b = box_create(n, voxel, PHASES);
  const uint64_t seed = box_draw(state);
  for (int64_t i = 0; i < box_cells(&c.b); i++) {
    const int64_t at[3] = {i / (n[1] * n[2]), i / n[2] % n[1], i % n[2]};
    uint64_t h = seed + (uint64_t)((at[0] + at[1]) % n[1] / 2 * 100 + (at[2] + at[1]) % n[2] / 3);
    const uint64_t grain = box_draw(&h);
    uint64_t own = seed ^ (uint64_t)i;
    const uint64_t noise = box_draw(&own);
    c.b.phase[i] = (uint8_t)(1 + (noise % 4 ? grain : noise / 4) % PHASES);
  }
  c.t = solve(ctx, &c.b, c.sigma);
  return c;
}

static void check_positive(const case_t *c) {
  const tensor_t zero = {{{0}}};
  for (int a = 0; a < 3; a++)
    for (int k = 0; k < a; k++)
      CHECK_NEAR(c->t.at[a][k], c->t.at[k][a], 1e-8 * tensor_size(&c->t, a, k));
  CHECK(tensor_at_least(&c->t, &zero, tolerance));
}

static void check_naive(const case_t *c) {
  double *s = box_sigma(&c->b, c->sigma);
  tensor_t expected;
  naive_tensor(c->b.n, c->b.voxel, s, expected.at);
  CHECK_TENSOR(&c->t, &expected, tolerance);
  free(s);
}

/* All six orders of the axes, with random reflections: T'_ac = +-T_(from a)(from c), - if one of the two is reflected. */
static void check_turned(exset_ctx_t *ctx, const case_t *c, uint64_t *state) {
  static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (int k = 0; k < 6; k++) {
    box_axis_t axes[3] = {{0}};
    tensor_t expected;
    for (int a = 0; a < 3; a++) {
      axes[a].from = orders[k][a];
      axes[a].flip = box_draw_int(state, 2) == 1;
    }
    for (int a = 0; a < 3; a++)
      for (int b = 0; b < 3; b++)
        expected.at[a][b] =
            c->t.at[axes[a].from][axes[b].from] * (axes[a].flip == axes[b].flip ? 1 : -1);
    box_t turned = box_turn(&c->b, axes);
    const tensor_t t = solve(ctx, &turned, c->sigma);
    CHECK_TENSOR(&t, &expected, tolerance);
    box_free(&turned);
  }
}

/* Shifted along all axes; repeated along one. */
static void check_moved(exset_ctx_t *ctx, const case_t *c, uint64_t *state) {
  box_axis_t shift[3] = {{.from = 0}, {.from = 1}, {.from = 2}};
  for (int a = 0; a < 3; a++) shift[a].shift = 1 + box_draw_int(state, c->b.n[a] - 1);
  box_t moved = box_turn(&c->b, shift);
  const tensor_t t = solve(ctx, &moved, c->sigma);
  CHECK_TENSOR(&t, &c->t, tolerance);
  box_free(&moved);
  for (int axis = 0; axis < 3; axis++) {
    box_axis_t copies[3] = {{.from = 0}, {.from = 1}, {.from = 2}};
    copies[axis].copies = 2 + (axis == 2);
    box_t twice = box_turn(&c->b, copies);
    const tensor_t same = solve(ctx, &twice, c->sigma);
    CHECK_TENSOR(&same, &c->t, tolerance);
    box_free(&twice);
  }
}

/*
 * With its mirror images along all three axes a box is periodic, and by symmetry the mirror planes across the mean gradient
 * have a constant potential, no current crosses the others: the diagonal is what electrodes give, the rest 0.
 */
static void check_mirrored(exset_ctx_t *ctx, const case_t *c) {
  box_axis_t axes[3] = {{.from = 0}, {.from = 1}, {.from = 2}};
  for (int a = 0; a < 3; a++) axes[a].copies = 2, axes[a].mirror = true;
  box_t mirrored = box_turn(&c->b, axes);
  const tensor_t t = solve(ctx, &mirrored, c->sigma);
  exset_conduct_run_t run[3];
  box_solve(ctx, &c->b, EXSET_BOUNDARY_ELECTRODES, c->sigma, 1e-12, run);
  tensor_t expected = {{{0}}};
  for (int a = 0; a < 3; a++) expected.at[a][a] = run[a].sigma_eff;
  CHECK_TENSOR(&t, &expected, tolerance);
  box_free(&mirrored);
}

static void check_units(exset_ctx_t *ctx, const case_t *c) {
  double sigma[PHASES];
  box_t b = c->b;
  for (int p = 0; p < PHASES; p++) sigma[p] = 3e9 * c->sigma[p];
  for (int a = 0; a < 3; a++) b.voxel[a] *= 7e-5;
  tensor_t t = solve(ctx, &b, sigma);
  for (int a = 0; a < 3; a++)
    for (int k = 0; k < 3; k++) t.at[a][k] /= 3e9;
  CHECK_TENSOR(&t, &c->t, tolerance);
}

/* E.T.E is the least power: it grows with each conductivity, at most by the same factor, and is concave. All E. */
static void check_monotony(exset_ctx_t *ctx, const case_t *c) {
  for (int p = 0; p < PHASES; p++) {
    double sigma[PHASES], between[PHASES];
    for (int q = 0; q < PHASES; q++) {
      sigma[q] = c->sigma[q] * (q == p ? 3 : 1);
      between[q] = 0.5 * (sigma[q] + c->sigma[q]);
    }
    const tensor_t more = solve(ctx, &c->b, sigma), middle = solve(ctx, &c->b, between);
    tensor_t three, mean;
    for (int a = 0; a < 3; a++)
      for (int k = 0; k < 3; k++) {
        three.at[a][k] = 3 * c->t.at[a][k];
        mean.at[a][k] = 0.5 * (c->t.at[a][k] + more.at[a][k]);
      }
    CHECK(tensor_at_least(&more, &c->t, 4 * tolerance));
    CHECK(tensor_at_least(&three, &more, 4 * tolerance));
    CHECK(tensor_at_least(&middle, &mean, 4 * tolerance));
  }
}

/* Between harmonic and arithmetic mean in every direction. */
static void check_wiener(const case_t *c) {
  double mean = 0, resistance = 0, *s = box_sigma(&c->b, c->sigma);
  const double cells = (double)box_cells(&c->b);
  for (int64_t i = 0; i < box_cells(&c->b); i++)
    mean += s[i] / cells, resistance += 1 / s[i] / cells;
  tensor_t low = {{{0}}}, high = {{{0}}};
  for (int a = 0; a < 3; a++) low.at[a][a] = 1 / resistance, high.at[a][a] = mean;
  CHECK(tensor_at_least(&c->t, &low, tolerance));
  CHECK(tensor_at_least(&high, &c->t, tolerance));
  free(s);
}

/*
 * Fields of one column: the mean of the current density is the column; the potential, put into the faces' conductances, gives it
 * too; both are there in the cells that carry current, and only there.
 */
static void check_fields(exset_ctx_t *ctx, const case_t *c, int axis) {
  exset_volume_t v = box_volume(ctx, &c->b);
  const int64_t cells = exset_grid_cells_local(&v.grid), all = box_cells(&c->b);
  const int64_t first = v.grid.z0 * c->b.n[1] * c->b.n[2];
  const exset_conduct_options_t options = {.rtol = 1e-12};
  double *s = box_sigma(&c->b, c->sigma), *potential = case_alloc(all, sizeof *potential);
  float *u, *j;
  exset_conduct_t *conduct;
  exset_conduct_run_t run;
  MUST(ctx, exset_alloc(ctx, cells, sizeof *u, &u));
  MUST(ctx, exset_alloc(ctx, 3 * cells, sizeof *j, &j));
  MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_PERIODIC, c->sigma, &conduct));
  MUST(ctx, case_quietly(conduct, axis, &options, u, j, &run));
  double mean[3] = {0}, expected[3];
  int64_t solved = 0, wrong = 0;
  for (int64_t i = 0; i < cells; i++) {
    for (int a = 0; a < 3; a++) mean[a] += j[3 * i + 2 - a] / (double)all;
    wrong += isnan(u[i]) && (j[3 * i] != 0 || j[3 * i + 1] != 0 || j[3 * i + 2] != 0);
    if (isnan(u[i])) s[first + i] = 0; /* carries nothing */
    else solved++, potential[first + i] = u[i];
  }
  MPI_Allreduce(MPI_IN_PLACE, mean, 3, MPI_DOUBLE, MPI_SUM, ctx->comm);
  MPI_Allreduce(MPI_IN_PLACE, &solved, 1, MPI_INT64_T, MPI_SUM, ctx->comm);
  MPI_Allreduce(MPI_IN_PLACE, s, (int)all, MPI_DOUBLE, MPI_MIN, ctx->comm);
  MPI_Allreduce(MPI_IN_PLACE, potential, (int)all, MPI_DOUBLE, MPI_SUM, ctx->comm);
  const naive_t naive = {c->b.n, c->b.voxel, s, axis};
  naive_mean_current(&naive, potential, expected);
  CHECK(wrong == 0 && (solved == run.unknowns || run.sigma_eff == 0));
  for (int a = 0; a < 3; a++) {
    const double slack = 1e-5 * run.sigma_eff + 1e-5 * tensor_size(&c->t, a, axis);
    CHECK_NEAR(mean[a], run.current[a], slack);
    CHECK_NEAR(expected[a], run.current[a], slack);
  }
  exset_conduct_destroy(&conduct);
  free(v.phase);
  free(s), free(potential), free(u), free(j);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  uint64_t state = 632;
  for (int k = 0; k < (ctx->size == 1 ? 6 : 2); k++) {
    case_t c = draw(ctx, &state);
    check_positive(&c);
    check_naive(&c);
    check_turned(ctx, &c, &state);
    check_moved(ctx, &c, &state);
    check_mirrored(ctx, &c);
    check_units(ctx, &c);
    check_monotony(ctx, &c);
    check_wiener(&c);
    for (int axis = 0; axis < 3; axis++) check_fields(ctx, &c, axis);
    box_free(&c.b);
  }
  exset_config_destroy(&config);
  return test_end(ctx);
}
