/* test: np="1 2 3 5" time=60 */
/* Operator against the assembled matrix, multigrid symmetric and positive, all preconditioners alike, fields. */
#include <math.h>
#include <string.h>

#include "../src/conduct/conduct_mg.h"
#include "test_conduct_naive.h"

static const double voxel[3] = {1, 0.7, 1.6}, sigma[3] = {1, 0.05, 0};

/* Blobs of three phases: averages of random cells over 2 x 2 x 2 cells, cut in three. */
static int blobs(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)n;
  double sum = 0;
  for (int k = 0; k < 8; k++) sum += case_random(z + k / 4, y + k / 2 % 2, x + k % 2, 1000);
  return sum > 4100 ? 1 : sum > 3000 ? 2 : 3;
}

/* A vector on the black cells that does not depend on the ranks; which: several. */
static double *random_vector(exset_ctx_t *ctx, const conduct_system_t *s, int which) {
  const int64_t n = s->nz * s->packed;
  double *v;
  MUST(ctx, exset_alloc(ctx, n, sizeof *v, &v));
  for (int64_t i = 0; i < n; i++)
    if (s->d[BLACK][i] < INFINITY)
      v[i] = case_random(s->grid.z0 * s->packed + i, which, 7, 2001) / 1000.0 - 1.001;
  return v;
}

static double dot(exset_ctx_t *ctx, int64_t n, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, ctx->comm);
  return sum;
}

/* x' M y = y' M x and x' M x > 0 for the multigrid, x' S y = y' S x for the operator. */
static void check_symmetry(exset_ctx_t *ctx, conduct_system_t *s) {
  const int64_t n = s->nz * s->packed;
  conduct_mg_t *mg;
  MUST(ctx, conduct_mg_create(s, &mg));
  double *a = random_vector(ctx, s, 1), *b = random_vector(ctx, s, 2);
  double *ma = random_vector(ctx, s, 3), *mb = random_vector(ctx, s, 4);
  MUST(ctx, conduct_mg_apply(mg, a, ma));
  MUST(ctx, conduct_mg_apply(mg, b, mb));
  const double aa = dot(ctx, n, a, ma), bb = dot(ctx, n, b, mb);
  CHECK(aa > 0 && bb > 0);
  CHECK_NEAR(dot(ctx, n, a, mb), dot(ctx, n, b, ma),
             2e-6 * sqrt(aa * bb)); /* single precision inside */
  double *twice =
      random_vector(ctx, s, 5); /* linear: M (a + b) = M a + M b, no memory of the last call */
  for (int64_t i = 0; i < n; i++) b[i] += a[i];
  MUST(ctx, conduct_mg_apply(mg, b, twice));
  for (int64_t i = 0; i < n; i++) twice[i] -= ma[i] + mb[i];
  CHECK_NEAR(sqrt(dot(ctx, n, twice, twice) / dot(ctx, n, ma, ma)), 0, 5e-5);
  MUST(ctx, conduct_apply(s, a, ma));
  MUST(ctx, conduct_apply(s, b, mb));
  const double energy = dot(ctx, n, a, ma);
  CHECK_NEAR(dot(ctx, n, a, mb), dot(ctx, n, b, ma), 1e-12 * energy);
  CHECK(energy > 0);
  conduct_mg_destroy(&mg);
  free(a), free(b), free(ma), free(mb), free(twice);
}

/* Active cells of u in their order. */
static void compress(const conduct_system_t *s, const double *u, double *v) {
  for (int64_t i = 0; i < s->nz * s->plane; i++)
    if (s->code[i]) *v++ = u[i];
}

/* A u - b of the assembled matrix is S x - b_S on black cells and 0 on red ones, when u is recovered from x. */
static void check_matrix(exset_ctx_t *ctx, conduct_system_t *s) {
  const int64_t cells = s->nz * s->plane;
  conduct_linear_t l = {0};
  double *u, *sx, *x = random_vector(ctx, s, 1), *b = random_vector(ctx, s, 2);
  PetscScalar *pu;
  const PetscScalar *pr;
  MUST(ctx, exset_alloc(ctx, cells, sizeof *u, &u));
  MUST(ctx, exset_alloc(ctx, s->nz * s->packed, sizeof *sx, &sx));
  MUST(ctx, conduct_linear_assemble(s, &l));
  MUST(ctx, conduct_recover(s, x, u));
  MUST(ctx, conduct_apply(s, x, sx));
  MUST(ctx, conduct_right_hand_side(s, b));
  VecGetArrayWrite(l.x, &pu);
  compress(s, u, pu);
  VecRestoreArrayWrite(l.x, &pu);
  Vec r;
  VecDuplicate(l.b, &r);
  MUST(ctx, MatMult(l.mat, l.x, r));
  MUST(ctx, VecAXPY(r, -1, l.b));
  VecGetArrayRead(r, &pr);
  double worst = 0;
  int64_t k = 0;
  for (int64_t i = 0; i < cells; i++) {
    if (!s->code[i]) continue;
    const int64_t z = i / s->plane, y = i / s->nx % s->ny, column = i % s->nx;
    const int64_t at = z * s->packed + y * s->half + column / 2;
    const bool black = (s->grid.z0 + z + y + column) % 2;
    worst = fmax(worst, fabs(pr[k++] - (black ? sx[at] - b[at] : 0)));
  }
  VecRestoreArrayRead(r, &pr);
  CHECK_NEAR(worst, 0, 1e-12);
  VecDestroy(&r);
  MUST(ctx, conduct_linear_clear(&l));
  free(u), free(sx), free(x), free(b);
}

static void check_system(exset_ctx_t *ctx, const exset_volume_t *v, exset_boundary_t boundary,
                         const double *values, int axis) {
  exset_conduct_t *c;
  conduct_system_t s;
  MUST(ctx, exset_conduct_create(ctx, v, boundary, values, &c));
  MUST(ctx, conduct_system_create(c, axis, &s));
  CHECK(s.unknowns > 0);
  check_symmetry(ctx, &s);
  check_matrix(ctx, &s);
  conduct_system_clear(&s);
  exset_conduct_destroy(&c);
}

/* Every preconditioner finds what the naive solver finds. */
static void check_solvers(exset_ctx_t *ctx, const exset_volume_t *v, int axis, double expected) {
  static const char *const types[] = {"voxelmg", "hypre", "gamg", "bjacobi", "none"};
  exset_conduct_t *c;
  exset_conduct_run_t run;
  MUST(ctx, exset_conduct_create(ctx, v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
    const exset_conduct_options_t options = {.rtol = 1e-8, .pc_type = types[k]};
    MUST(ctx, exset_conduct_solve(c, axis, &options, NULL, NULL, &run));
    CHECK_MSG(fabs(run.sigma_eff - expected) <= 1e-6 * expected, "%s, axis %d: %.9g, expected %.9g",
              types[k], axis, run.sigma_eff, expected);
    CHECK(strcmp(run.preconditioner, types[k]) == 0);
    CHECK(fabs(run.flux_in - run.flux_out) < 1e-3 * run.sigma_eff);
    CHECK(run.mismatch < 1e-7);
  }
  const exset_conduct_options_t wrong = {.pc_type = "nosuch"};
  CHECK(exset_conduct_solve(c, axis, &wrong, NULL, NULL, &run) == EXSET_ERR_INPUT);
  ctx->message[0] = 0;
  exset_conduct_destroy(&c);
}

/* Potential between 1 and 0; the mean of the current density along the axis is sigma_eff, across it 0. */
static void check_fields(exset_ctx_t *ctx, const exset_volume_t *v, int axis) {
  const int64_t cells = exset_grid_cells_local(&v->grid);
  const exset_conduct_options_t options = {.rtol = 1e-8};
  float *potential, *current;
  exset_conduct_t *c;
  exset_conduct_run_t run;
  MUST(ctx, exset_alloc(ctx, cells, sizeof *potential, &potential));
  MUST(ctx, exset_alloc(ctx, 3 * cells, sizeof *current, &current));
  MUST(ctx, exset_conduct_create(ctx, v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  MUST(ctx, exset_conduct_solve(c, axis, &options, potential, current, &run));
  double sum[4] = {0};
  int64_t wrong = 0;
  for (int64_t i = 0; i < cells; i++) {
    for (int k = 0; k < 3; k++) sum[k] += current[3 * i + k];
    const bool still = current[3 * i] == 0 && current[3 * i + 1] == 0 && current[3 * i + 2] == 0;
    if (isnan(potential[i])) {
      wrong += !still;
    } else {
      sum[3]++;
      wrong += potential[i] < -1e-5 || potential[i] > 1 + 1e-5 || v->phase[i] == 3;
    }
  }
  MPI_Allreduce(MPI_IN_PLACE, sum, 4, MPI_DOUBLE, MPI_SUM, ctx->comm);
  CHECK(wrong == 0);
  CHECK(sum[3] == (double)run.unknowns);
  CHECK_NEAR(sum[2 - axis] / (double)exset_grid_cells(&v->grid), run.sigma_eff,
             1e-4 * run.sigma_eff);
  exset_conduct_destroy(&c);
  free(potential), free(current);
}

/* Thin slabs of large planes: levels are merged two ranks at a time. */
static void check_thin(exset_ctx_t *ctx) {
  const int64_t n[3] = {11, 166, 170};
  exset_volume_t v = case_volume(ctx, n, voxel, 3, blobs);
  exset_conduct_t *c;
  conduct_system_t s;
  exset_conduct_run_t run, other;
  const exset_conduct_options_t options = {.rtol = 1e-7};
  const exset_conduct_options_t plain = {.rtol = 1e-7, .pc_type = "bjacobi"};
  MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  MUST(ctx, conduct_system_create(c, EXSET_AXIS_Z, &s));
  check_symmetry(ctx, &s);
  conduct_system_clear(&s);
  MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Z, &options, NULL, NULL, &run));
  MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Z, &plain, NULL, NULL, &other));
  CHECK_NEAR(run.sigma_eff, other.sigma_eff, 1e-6 * other.sigma_eff);
  CHECK_MSG(run.iterations < 40, "%d iterations", run.iterations);
  exset_conduct_destroy(&c);
  free(v.phase);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  const int64_t sizes[][3] = {{24, 20, 22}, {13, 17, 19}, {3, 16, 9}};
  for (int k = 0; k < 3; k++) {
    exset_volume_t v = case_volume(ctx, sizes[k], voxel, 3, blobs);
    for (int axis = 0; axis < 3; axis++) {
      const double equal[3] = {2, 2, 0};
      check_system(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, axis);
      check_system(ctx, &v, EXSET_BOUNDARY_ELECTRODES, equal, axis);
      check_system(ctx, &v, EXSET_BOUNDARY_PERIODIC, sigma, axis);
      check_system(ctx, &v, EXSET_BOUNDARY_PERIODIC, equal, axis);
      check_solvers(ctx, &v, axis, naive_conductivity(sizes[k], voxel, blobs, sigma, axis));
      check_fields(ctx, &v, axis);
    }
    free(v.phase);
  }
  check_thin(ctx);
  exset_config_destroy(&config);
  return test_end(ctx);
}
