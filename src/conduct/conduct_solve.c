/* Solving for one direction: PETSc's KSP on the operator or the matrix, and the figures of a run. */
#include "conduct_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/config.h"

#define PREFIX "conduct_"

/* Progress of one solve. */
typedef struct {
  exset_ctx_t *ctx;
  double start, last; /* seconds */
  double first, goal; /* residual norms */
} progress_t;

static PetscErrorCode show_progress(KSP ksp, PetscInt it, PetscReal norm, void *user) {
  progress_t *p = user;
  const double now = MPI_Wtime(), interval = 5;
  PetscFunctionBeginUser;
  (void)ksp;
  if (it == 0) p->first = norm;
  if (now - p->last < interval) PetscFunctionReturn(0);
  p->last = now;
  if (norm < p->first && p->goal > 0) {
    const double left = log(norm / p->goal) / log(p->first / norm) * (now - p->start);
    exset_info(p->ctx, "conduct: iteration %d, residual %.2e of %.2e, about %.0f s left", (int)it,
               norm, p->goal, fmax(left, 0));
  } else {
    exset_info(p->ctx, "conduct: iteration %d, residual %.2e", (int)it, norm);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode set_up(conduct_system_t *s, conduct_linear_t *l, const char *pc_type,
                             double rtol, KSP *ksp) {
  PC pc;
  PetscFunctionBeginUser;
  PetscCall(KSPCreate(s->ctx->comm, ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, PREFIX));
  PetscCall(KSPSetType(*ksp, KSPCG));
  PetscCall(KSPSetNormType(*ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetTolerances(*ksp, rtol, 0, 1e300, 10000));
  PetscCall(KSPSetInitialGuessNonzero(*ksp, PETSC_TRUE));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, pc_type));
  PetscCall(KSPSetOperators(*ksp, l->mat, l->mat));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscCall(KSPSetUp(*ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode iterate(conduct_system_t *s, conduct_linear_t *l, KSP ksp,
                              exset_conduct_run_t *run, KSPConvergedReason *reason) {
  PetscReal norm, norm_b, rtol;
  PetscInt iterations;
  Vec r;
  PetscFunctionBeginUser;
  PetscCall(conduct_linear_guess(s, l));
  PetscCall(VecNorm(l->b, NORM_2, &norm_b));
  PetscCall(KSPGetTolerances(ksp, &rtol, NULL, NULL, NULL));
  progress_t progress = {.ctx = s->ctx, .goal = rtol * norm_b};
  progress.start = progress.last = MPI_Wtime();
  PetscCall(KSPMonitorSet(ksp, show_progress, &progress, NULL));
  PetscCall(KSPSolve(ksp, l->b, l->x));
  PetscCall(KSPGetConvergedReason(ksp, reason));
  PetscCall(KSPGetIterationNumber(ksp, &iterations));
  run->iterations = (int)iterations;
  if (*reason ==
      KSP_DIVERGED_INDEFINITE_PC) { /* an estimate was too low: go on from here without */
    bool changed;
    PC pc;
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(conduct_pc_single(pc, &changed));
    if (changed) {
      PetscCall(KSPSolve(ksp, l->b, l->x));
      PetscCall(KSPGetConvergedReason(ksp, reason));
      PetscCall(KSPGetIterationNumber(ksp, &iterations));
      run->iterations += (int)iterations;
    }
  }
  PetscCall(KSPMonitorCancel(ksp));
  PetscCall(VecDuplicate(l->b, &r)); /* the true residual */
  PetscCall(MatMult(l->mat, l->x, r));
  PetscCall(VecAXPY(r, -1, l->b));
  PetscCall(VecNorm(r, NORM_2, &norm));
  PetscCall(VecDestroy(&r));
  run->residual = norm / norm_b;
  PetscFunctionReturn(0);
}

/* Fields for output from black cells. Collective. */
static int write_fields(exset_conduct_t *c, conduct_system_t *s, const double *x, float *potential,
                        float *current) {
  double *u = NULL;
  if (!potential && !current) return EXSET_OK;
  EXSET_TRY(exset_alloc_all(c->ctx, exset_mul3(s->nz, s->plane, 1), sizeof *u, &u));
  int err = exset_agree(c->ctx, conduct_recover(s, x, u));
  if (!err) err = conduct_fields(c, s, u, potential, current);
  free(u);
  return err;
}

static int evaluate(exset_conduct_t *c, conduct_system_t *s, conduct_linear_t *l, float *potential,
                    float *current, exset_conduct_run_t *run) {
  conduct_measure_t m;
  const double *x;
  EXSET_TRY(exset_agree(c->ctx, conduct_linear_black(s, l, l->x, &x)));
  int err = conduct_measure(s, x, &m);
  if (!err) err = write_fields(c, s, x, potential, current);
  const int released = conduct_linear_release(s, l, l->x, &x);
  if (err || released) return err ? err : released;
  run->sigma_eff = c->sigma_max * m.power;
  run->flux_in = c->sigma_max * m.in;
  run->flux_out = c->sigma_max * m.out;
  for (int a = 0; a < 3; a++) run->current[a] = s->periodic ? c->sigma_max * m.current[a] : NAN;
  run->current[s->axis] = run->sigma_eff;
  return EXSET_OK;
}

/* Which preconditioner the options ask for, and whether it works without a matrix. Collective. */
static int choose(exset_conduct_t *c, const conduct_system_t *s, const char *wanted, char *type,
                  size_t size, bool *matrix_free) {
  PetscBool given = PETSC_FALSE;
  exset_ctx_t *ctx = c->ctx;
  EXSET_TRY(EXSET_PETSC(ctx, conduct_pc_register()));
  EXSET_TRY(EXSET_PETSC(ctx, PetscOptionsGetString(NULL, PREFIX, "-pc_type", type, size, &given)));
  if (!given) snprintf(type, size, "%s", wanted ? wanted : CONDUCT_VOXELMG);
  *matrix_free = strcmp(type, CONDUCT_VOXELMG) == 0;
  PetscErrorCode (*create)(PC) = NULL;
  EXSET_TRY(EXSET_PETSC(ctx, PetscFunctionListFind(PCList, type, &create)));
  if (!create)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-conduct_pc_type %s is not known: %s or one of PETSc's (hypre, gamg, ml, "
                      "bjacobi, icc, jacobi, none ...)",
                      type, CONDUCT_VOXELMG);
  const int64_t rows = *matrix_free ? exset_grid_cells(&s->grid) / 2 : s->unknowns;
  if (rows > PETSC_MAX_INT)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%lld unknowns exceed PETSc's %d-bit integers: build with a PETSc configured "
                      "--with-64-bit-indices",
                      (long long)rows, (int)(8 * sizeof(PetscInt)));
  return EXSET_OK;
}

static int solve_system(exset_conduct_t *c, conduct_system_t *s, conduct_linear_t *l, KSP *ksp,
                        const exset_conduct_options_t *options, exset_conduct_run_t *run) {
  exset_ctx_t *ctx = c->ctx;
  bool matrix_free;
  KSPConvergedReason reason;
  const double start = MPI_Wtime(), rtol = options->rtol > 0 ? options->rtol : 1e-6;
  EXSET_TRY(choose(c, s, options->pc_type, run->preconditioner, sizeof run->preconditioner,
                   &matrix_free));
  EXSET_TRY(
      EXSET_PETSC(ctx, matrix_free ? conduct_linear_shell(s, l) : conduct_linear_assemble(s, l)));
  EXSET_TRY(EXSET_PETSC_OPTIONS(ctx, set_up(s, l, run->preconditioner, rtol, ksp)));
  const double ready = MPI_Wtime();
  EXSET_TRY(EXSET_PETSC_OPTIONS(ctx, iterate(s, l, *ksp, run, &reason)));
  run->seconds_setup += ready - start;
  run->seconds_solve = MPI_Wtime() - ready;
  if (reason < 0)
    return exset_fail(
        ctx, EXSET_ERR_RUN,
        "no convergence along %c after %d iterations (%s): residual %.2e; try another "
        "-conduct_pc_type or a larger -conduct_rtol",
        "zyx"[s->axis], run -> iterations, KSPConvergedReasons[reason], run -> residual);
  return EXSET_OK;
}

/* Figures that follow from sigma_eff. */
static void finish(const exset_conduct_t *c, exset_conduct_run_t *run) {
  if (c->conducting > 0) run->m_factor = run->sigma_eff / (c->sigma_max * c->mean);
  const double fraction = run->conducting_fraction;
  run->tortuosity_factor = run->m_factor > 0 ? fraction / run->m_factor : INFINITY;
  run->bruggeman = fraction > 0 && fraction < 1 ? log(run->m_factor) / log(fraction) : NAN;
  if (run->sigma_eff > 0)
    run->mismatch =
        fmax(fabs(run->flux_in - run->sigma_eff), fabs(run->flux_out - run->sigma_eff)) /
        run->sigma_eff;
  run->error = run->mismatch;
}

/* Warn when the result cannot be right to the accuracy asked for. */
static void judge(const exset_conduct_t *c, const exset_conduct_run_t *run) {
  exset_conduct_bounds_t bounds;
  exset_conduct_bounds(c, &bounds);
  const double slack = 1e-5;
  if (run->sigma_eff > bounds.wiener_high * (1 + slack) ||
      run->sigma_eff < bounds.wiener_low * (1 - slack))
    exset_warn(c->ctx, "sigma_eff %g along %c lies outside the Wiener bounds %g to %g",
               run->sigma_eff, "zyx"[run->axis], bounds.wiener_low, bounds.wiener_high);
  const double mismatch = fabs(run->flux_in - run->flux_out) / run->sigma_eff;
  if (mismatch > 1e-3)
    exset_warn(c->ctx, "currents at the two ends along %c differ by %.2g %%: lower -conduct_rtol",
               "zyx"[run->axis], 100 * mismatch);
}

static void no_path(const exset_conduct_t *c, float *potential, float *current) {
  const int64_t cells = exset_grid_cells_local(&c->volume->grid);
  for (int64_t i = 0; potential && i < cells; i++) potential[i] = NAN;
  for (int64_t i = 0; current && i < 3 * cells; i++) current[i] = 0;
}

int exset_conduct_solve(exset_conduct_t *c, int axis, const exset_conduct_options_t *options,
                        float *potential, float *current, exset_conduct_run_t *run) {
  exset_ctx_t *ctx = c->ctx;
  conduct_system_t s;
  conduct_linear_t linear = {0};
  KSP ksp = NULL;
  const double start = MPI_Wtime();
  *run = (exset_conduct_run_t){.axis = axis, .conducting_fraction = c->conducting};
  EXSET_TRY(conduct_system_create(c, axis, &s));
  for (int a = 0; a < 3; a++) run->current[a] = s.periodic || a == axis ? 0 : NAN;
  run->unknowns = s.unknowns;
  run->percolating_fraction = (double)s.percolating / (double)exset_grid_cells(&c->volume->grid);
  run->contact_low = s.contact[FACE_LOW];
  run->contact_high = s.contact[FACE_HIGH];
  run->clusters = c->clusters;
  run->clusters_removed = c->clusters - c->clusters_kept[axis];
  if (c->conducting > 0) run->percolating_share = run->percolating_fraction / c->conducting;
  run->seconds_setup = MPI_Wtime() - start;
  int err = EXSET_OK;
  if (s.percolating == 0) {
    no_path(c, potential, current);
  } else {
    err = solve_system(c, &s, &linear, &ksp, options, run);
    if (!err) err = evaluate(c, &s, &linear, potential, current, run);
    if (!err) judge(c, run);
  }
  if (err < 0) return err; /* this rank alone: nothing collective may follow */
  finish(c, run);
  const int closed = EXSET_PETSC(ctx, KSPDestroy(&ksp));
  const int cleared = EXSET_PETSC(ctx, conduct_linear_clear(&linear));
  conduct_system_clear(&s);
  return err ? err : closed ? closed : cleared;
}
