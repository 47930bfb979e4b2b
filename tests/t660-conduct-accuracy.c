/* test: np="1 3" time=120 */
/* Stopping: the estimated error of sigma_eff against the truth, the accuracy asked for, other methods, limits. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "../src/conduct/conduct_stop.h"
#include "test_conduct.h"

static const double cube[3] = {1, 1, 1};

/* ---- random structures ---------------------------------------------------------------------- */

static struct {
  int64_t seed;
  int kind;        /* 0: single cells, 1: blobs, 2: bars and plates */
  double below[2]; /* phase 1 below the first, phase 3 above the second */
} dice;

static double cell(int64_t z, int64_t y, int64_t x) {
  return case_random(z + 1000 * (dice.seed % 977), y, x + 77 * dice.seed, 100000) / 1e5;
}

static int phase_of(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)n;
  double v = 0;
  if (dice.kind == 0) v = cell(z, y, x);
  else if (dice.kind == 2) v = 0.6 * cell(z / 5, y, x / 3) + 0.4 * cell(z, y / 7, x);
  else
    for (int k = 0; k < 8; k++) v += 0.25 * (cell(z + k / 4, y + k / 2 % 2, x + k % 2) - 0.25);
  return v < dice.below[0] ? 1 : v < dice.below[1] ? 2 : 3;
}

typedef struct {
  int64_t n[3];
  double voxel[3], sigma[3], rtol;
  int axis;
  exset_boundary_t boundary;
} case_t;

/* Case number k; contrasts up to 1/weakest, or an insulator. */
static case_t throw_dice(int64_t k, double weakest) {
  int64_t draw = 0;
#define DRAW(n) case_random(k, ++draw, 5, (n))
  case_t c = {.voxel = {1, 1, 1}, .sigma = {1, 0, 0}};
  for (int a = 0; a < 3; a++) c.n[a] = 2 + DRAW(14);
  const int thin = DRAW(9) - 1, thickness = DRAW(3), longer = DRAW(12) - 1;
  if (thin < 3) c.n[thin] = thickness;
  if (longer < 3) c.n[longer] += 50;
  if (DRAW(3) == 1) c.voxel[0] = 3, c.voxel[1] = 0.5;
  dice.seed = k;
  dice.kind = DRAW(3) - 1;
  dice.below[0] = 0.15 + 0.5 * DRAW(1000) / 1000.0;
  dice.below[1] = dice.below[0] + (1 - dice.below[0]) * DRAW(1000) / 1000.0;
  for (int p = 1; p < 3; p++) c.sigma[p] = DRAW(4) == 1 ? 0 : pow(weakest, DRAW(100) / 100.0);
  c.axis = DRAW(3) - 1;
  c.rtol = pow(10, -1 - DRAW(7));
  if (DRAW(2) == 1) c.boundary = EXSET_BOUNDARY_PERIODIC;
#undef DRAW
  return c;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct {
  int solved, below, broken;  /* cases; estimate below the error; error above what was asked for */
  double least, median, high; /* estimate / error: smallest, median, at 95 % */
  double worst;               /* error / asked for */
} tally_t;

/* Errors below rest are left to rounding. */
static tally_t tally(exset_ctx_t *ctx, int cases, double weakest, const char *pc_type) {
  const double rest = 1e-12;
  double ratio[512];
  tally_t t = {0};
  for (int k = 0; k < cases; k++) {
    const case_t a = throw_dice(k, weakest);
    exset_volume_t v = case_volume(ctx, a.n, a.voxel, 3, phase_of);
    exset_conduct_t *c;
    exset_conduct_run_t run, truth;
    const exset_conduct_options_t asked = {.rtol = a.rtol, .pc_type = pc_type},
                                  most = {.rtol = 1e-12, .pc_type = pc_type};
    MUST(ctx, exset_conduct_create(ctx, &v, a.boundary, a.sigma, &c));
    MUST(ctx, exset_conduct_solve(c, a.axis, &asked, NULL, NULL, &run));
    MUST(ctx, exset_conduct_solve(c, a.axis, &most, NULL, NULL, &truth));
    exset_conduct_destroy(&c);
    free(v.phase);
    if (truth.sigma_eff == 0) continue;
    const double error = run.sigma_eff / truth.sigma_eff - 1;
    CHECK(run.error >= 0 && run.error <= 1.01 * a.rtol && run.mismatch <= 10 * a.rtol);
    CHECK_MSG(error > -rest, "case %d: %.17g below %.17g", k, run.sigma_eff, truth.sigma_eff);
    t.worst = fmax(t.worst, error / a.rtol);
    t.broken += error > a.rtol;
    t.below += run.error + rest < error;
    ratio[t.solved++] = (run.error + rest) / (fmax(error, 0) + rest);
  }
  qsort(ratio, (size_t)t.solved, sizeof *ratio, compare);
  t.least = ratio[0];
  t.median = ratio[t.solved / 2];
  t.high = ratio[t.solved * 95 / 100];
  if (getenv("EXSET_TEST_SHOW"))
    exset_print(ctx,
                "%s, contrast %g: %d cases, below %d, broken %d, estimate/error %.2g, median %.2g, "
                "95 %% %.3g, error/asked %.2g\n",
                pc_type, 1 / weakest, t.solved, t.below, t.broken, t.least, t.median, t.high,
                t.worst);
  return t;
}

/*
 * Contrasts up to 100 and insulators: the estimate is an upper bound, the asked accuracy is kept. 0 of n cases outside: at
 * 95 % confidence fewer than 3 / n of such cases are. Stronger contrasts hide small eigenvalues for long.
 */
static void check_estimate(exset_ctx_t *ctx) {
  const int part = ctx->size > 1 ? 4 : 1; /* the same cases, fewer of them */
  tally_t t = tally(ctx, 200 / part, 0.01, "voxelmg");
  CHECK_MSG(t.solved >= 150 / part, "%d cases", t.solved);
  CHECK_MSG(t.below == 0 && t.broken == 0, "%d below, %d broken", t.below, t.broken);
  CHECK_MSG(t.median < 15 && t.high < 40, "too high: %g, %g", t.median, t.high);
  t = tally(ctx, 60 / part, 0.01, "bjacobi");
  CHECK_MSG(t.below <= 1 && t.least > 0.3 && t.broken == 0, "%d below, %g", t.below, t.least);
  t = tally(ctx, 80 / part, 1e-6, "voxelmg");
  CHECK_MSG(t.below <= 0.1 * t.solved && t.broken <= 0.04 * t.solved && t.worst < 10,
            "%d below, %d broken, up to %g", t.below, t.broken, t.worst);
}

/* ---- what it rests on ------------------------------------------------------------------------ */

/* A vector of random numbers on black cells with an unknown. */
static void randomise(exset_ctx_t *ctx, const conduct_system_t *s, Vec e) {
  PetscScalar *value;
  MUST(ctx, VecSetRandom(e, NULL));
  MUST(ctx, VecGetArray(e, &value));
  for (int64_t i = 0; i < s->nz * s->packed; i++)
    if (isinf(s->d[BLACK][i])) value[i] = 0;
  MUST(ctx, VecRestoreArray(e, &value));
}

/* power(x + e) = power(x) + per_energy e' S e around the solution x. */
static void check_energy(exset_ctx_t *ctx, const exset_volume_t *v, exset_boundary_t boundary,
                         const double *sigma, int axis) {
  exset_conduct_t *c;
  conduct_system_t s;
  conduct_linear_t l = {0};
  conduct_stop_t stop;
  KSPConvergedReason reason;
  PetscReal energy;
  KSP ksp;
  PC pc;
  Vec e, se;
  MUST(ctx, exset_conduct_create(ctx, v, boundary, sigma, &c));
  MUST(ctx, conduct_system_create(c, axis, &s));
  MUST(ctx, conduct_linear_shell(&s, &l));
  MUST(ctx, KSPCreate(ctx->comm, &ksp));
  MUST(ctx, KSPSetType(ksp, KSPCG));
  MUST(ctx, KSPSetNormType(ksp, KSP_NORM_NATURAL));
  MUST(ctx, KSPSetComputeEigenvalues(ksp, PETSC_TRUE));
  MUST(ctx, KSPSetTolerances(ksp, 0, 0, PETSC_DEFAULT, 1000));
  MUST(ctx, KSPGetPC(ksp, &pc));
  MUST(ctx, PCSetType(pc, PCNONE));
  MUST(ctx, KSPSetOperators(ksp, l.mat, l.mat));
  MUST(ctx, KSPSetUp(ksp));
  MUST(ctx, conduct_stop_begin(&s, &l, ksp, 1e-11, &stop));
  MUST(ctx, KSPSolve(ksp, l.b, l.x));
  MUST(ctx, KSPGetConvergedReason(ksp, &reason));
  CHECK(reason > 0);
  MUST(ctx, conduct_stop_end(&stop, l.x, &reason));
  const double least = stop.m.power;
  MUST(ctx, VecDuplicate(l.x, &e));
  MUST(ctx, VecDuplicate(l.x, &se));
  randomise(ctx, &s, e);
  MUST(ctx, MatMult(l.mat, e, se));
  MUST(ctx, VecDot(e, se, &energy));
  MUST(ctx, VecAXPY(l.x, 1, e));
  MUST(ctx, conduct_stop_end(&stop, l.x, &reason));
  CHECK_NEAR(stop.m.power - least, stop.m.per_energy * energy, 1e-9 * stop.m.power);
  CHECK(stop.m.power > 1.1 * least);
  VecDestroy(&e), VecDestroy(&se), KSPDestroy(&ksp);
  MUST(ctx, conduct_linear_clear(&l));
  conduct_system_clear(&s);
  exset_conduct_destroy(&c);
}

/* ---- other methods, demands, limits ---------------------------------------------------------- */

static void set(exset_ctx_t *ctx, const char *name, const char *value) {
  MUST(ctx, PetscOptionsSetValue(NULL, name, value));
}
static void unset(exset_ctx_t *ctx, const char *name) {
  MUST(ctx, PetscOptionsClearValue(NULL, name));
}

/* No energy without conjugate gradients: residual and mismatch decide. */
static void check_methods(exset_ctx_t *ctx, exset_conduct_t *c, double truth) {
  static const char *const method[][2] = {{"gmres", "bjacobi"}, {"minres", "jacobi"},
                                          {"fcg", "voxelmg"},   {"richardson", "voxelmg"},
                                          {"cr", "bjacobi"},    {"preonly", "redundant"}};
  exset_conduct_run_t run;
  for (size_t k = 0; k < sizeof method / sizeof *method; k++)
    for (double rtol = 1e-3; rtol > 1e-8; rtol *= 1e-2) {
      const exset_conduct_options_t options = {.rtol = rtol, .pc_type = method[k][1]};
      set(ctx, "-conduct_ksp_type", method[k][0]);
      MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Y, &options, NULL, NULL, &run));
      CHECK_MSG(fabs(run.sigma_eff / truth - 1) <= rtol, "%s: %.9g instead of %.9g", method[k][0],
                run.sigma_eff, truth);
      CHECK_MSG(isnan(run.error) && run.residual <= 0.01 * rtol && run.mismatch <= 10 * rtol,
                "%s: error %g, residual %g, mismatch %g", method[k][0], run.error, run.residual,
                run.mismatch);
    }
  set(ctx, "-conduct_ksp_type", "preonly"); /* no solver at all */
  const exset_conduct_options_t none = {.pc_type = "jacobi"};
  CHECK(exset_conduct_solve(c, EXSET_AXIS_Y, &none, NULL, NULL, &run) == EXSET_ERR_RUN);
  ctx->message[0] = 0;
  unset(ctx, "-conduct_ksp_type");
  set(ctx, "-conduct_ksp_norm_type", "unpreconditioned");
  const exset_conduct_options_t defaults = {0};
  MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Y, &defaults, NULL, NULL, &run));
  CHECK(isnan(run.error) && run.residual <= 1e-6 && run.mismatch <= 1e-3);
  unset(ctx, "-conduct_ksp_norm_type");
}

/* -conduct_ksp_rtol asks for a residual besides; without it none is asked for. */
static void check_demand(exset_ctx_t *ctx, exset_conduct_t *c) {
  const exset_conduct_options_t options = {.rtol = 1e-3};
  exset_conduct_run_t plain, more;
  MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Y, &options, NULL, NULL, &plain));
  set(ctx, "-conduct_ksp_rtol", "1e-9");
  MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Y, &options, NULL, NULL, &more));
  unset(ctx, "-conduct_ksp_rtol");
  CHECK(plain.residual > 1e-7 && more.residual <= 1e-9);
  CHECK(more.iterations > plain.iterations && more.error < plain.error);
}

/* stderr of rank 0 into a file while something runs. */
static int divert(const exset_ctx_t *ctx, const char *path) {
  if (ctx->rank > 0) return -1;
  const int kept = dup(2);
  CHECK(freopen(path, "w", stderr) != NULL);
  return kept;
}
static bool said(const exset_ctx_t *ctx, const char *path, int kept, const char *words) {
  char text[4096];
  if (ctx->rank > 0) return true;
  fflush(stderr);
  dup2(kept, 2);
  close(kept);
  FILE *f = fopen(path, "r");
  const size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
  text[n] = 0;
  if (f) fclose(f);
  return strstr(text, words) != NULL;
}

/* More digits than double precision has: an end all the same, with a warning. */
static void check_limit(exset_ctx_t *ctx, exset_conduct_t *c, double truth) {
  static const char *const method[][2] = {
      {"cg", "voxelmg"}, {"cg", "jacobi"}, {"gmres", "bjacobi"}, {"preonly", "redundant"}};
  char path[512];
  snprintf(path, sizeof path, "%s/limit", test_tmp());
  for (size_t k = 0; k < sizeof method / sizeof *method; k++) {
    const exset_conduct_options_t options = {.rtol = 1e-18, .pc_type = method[k][1]};
    exset_conduct_run_t run;
    set(ctx, "-conduct_ksp_type", method[k][0]);
    const int kept = divert(ctx, path);
    const int err = exset_conduct_solve(c, EXSET_AXIS_Y, &options, NULL, NULL, &run);
    const bool warned = said(ctx, path, kept, "rounding errors");
    CHECK_MSG(err == EXSET_OK && warned, "%s: %d, %s", method[k][0], err, ctx->message);
    ctx->message[0] = 0;
    CHECK_MSG(run.iterations < 500, "%s: %d iterations", method[k][0], run.iterations);
    CHECK_NEAR(run.sigma_eff, truth, 1e-10 * truth);
    CHECK_MSG(run.mismatch < 1e-9, "%s: %g", method[k][0], run.mismatch);
    if (k < 2) CHECK(run.error > 0 && run.error < 1e-12);
  }
  unset(ctx, "-conduct_ksp_type");
}

/* Out of iterations: how far it came, and what to try. */
static void check_failure(exset_ctx_t *ctx, exset_conduct_t *c, double truth) {
  static const char *const words[] = {"no convergence along y after 6 iterations",
                                      "DIVERGED_ITS",
                                      "error of sigma_eff about ",
                                      "mismatch of the currents",
                                      "residual",
                                      "the last ones",
                                      "-conduct_ksp_max_it",
                                      "-conduct_rtol",
                                      "-conduct_pc_type"};
  const exset_conduct_options_t options = {.rtol = 1e-9, .pc_type = "jacobi"};
  exset_conduct_run_t run;
  set(ctx, "-conduct_ksp_max_it", "6");
  CHECK(exset_conduct_solve(c, EXSET_AXIS_Y, &options, NULL, NULL, &run) == EXSET_ERR_RUN);
  unset(ctx, "-conduct_ksp_max_it");
  for (size_t k = 0; k < sizeof words / sizeof *words; k++)
    CHECK_MSG(strstr(ctx->message, words[k]), "no '%s' in: %s", words[k], ctx->message);
  CHECK(strchr(ctx->message, '\n') == NULL);
  CHECK_MSG(run.iterations == 6 && run.error >= run.sigma_eff / truth - 1, "%g, in truth %g",
            run.error, run.sigma_eff / truth - 1);
  ctx->message[0] = 0;
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static int columns(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)z, (void)y, (void)n;
  return 1 + (int)(x % 2);
}

/* Layers are outside the bounds of isotropic structures; along them the first guess is the solution. */
static void check_bounds(exset_ctx_t *ctx) {
  const int64_t n[3] = {8, 6, 10};
  const double sigma[2] = {1, 0.05};
  char path[512];
  snprintf(path, sizeof path, "%s/bounds", test_tmp());
  for (int axis = 0; axis < 3; axis++) {
    const exset_conduct_options_t options = {.rtol = 1e-6};
    exset_volume_t v = case_volume(ctx, n, cube, 2, columns);
    exset_conduct_t *c;
    exset_conduct_run_t run;
    MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
    const int kept = divert(ctx, path);
    MUST(ctx, exset_conduct_solve(c, axis, &options, NULL, NULL, &run));
    CHECK(said(ctx, path, kept, "outside the Hashin-Shtrikman bounds"));
    CHECK_NEAR(run.sigma_eff, axis == EXSET_AXIS_X ? 2 / (1 + 20.0) : 0.525, 1e-7);
    CHECK(axis == EXSET_AXIS_X || (run.iterations == 0 && run.error < 1e-12));
    exset_conduct_destroy(&c);
    free(v.phase);
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  const int64_t n[3] = {14, 17, 12};
  const double voxel[3] = {1, 0.7, 1.6}, sigma[3] = {1, 0.05, 0}, equal[3] = {3, 3, 0};
  const exset_conduct_options_t most = {.rtol = 1e-12};
  exset_conduct_t *c;
  exset_conduct_run_t truth;
  check_estimate(ctx);
  throw_dice(3, 1);
  dice.kind = 1, dice.below[0] = 0.5, dice.below[1] = 0.7;
  exset_volume_t v = case_volume(ctx, n, voxel, 3, phase_of);
  MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Y, &most, NULL, NULL, &truth));
  check_energy(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, EXSET_AXIS_Y);
  check_energy(ctx, &v, EXSET_BOUNDARY_PERIODIC, sigma, EXSET_AXIS_Y);
  check_energy(ctx, &v, EXSET_BOUNDARY_ELECTRODES, equal, EXSET_AXIS_Z);
  check_methods(ctx, c, truth.sigma_eff);
  check_demand(ctx, c);
  check_limit(ctx, c, truth.sigma_eff);
  check_failure(ctx, c, truth.sigma_eff);
  exset_conduct_destroy(&c);
  free(v.phase);
  check_bounds(ctx);
  exset_config_destroy(&config);
  return test_end(ctx);
}
