/* Solving for one direction: PETSc's KSP on the operator or the matrix, and the figures of a run. */
#include "conduct_stop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/config.h"

#define PREFIX "conduct_"

/* Conjugate gradients in the natural norm, unless options say otherwise: the energy needs both. */
static PetscErrorCode set_up(conduct_system_t *s, conduct_linear_t *l, const char *pc_type,
                             KSP *ksp) {
  PetscBool cg, direct, norm_given;
  PC pc;
  PetscFunctionBeginUser;
  PetscCall(KSPCreate(s->ctx->comm, ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, PREFIX));
  PetscCall(KSPSetType(*ksp, KSPCG));
  PetscCall(KSPSetTolerances(*ksp, 0, 0, 1e300, 10000)); /* no demands, see conduct_stop.h */
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, pc_type));
  PetscCall(KSPSetOperators(*ksp, l->mat, l->mat));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscCall(PetscObjectTypeCompare((PetscObject)*ksp, KSPCG, &cg));
  PetscCall(PetscObjectTypeCompare((PetscObject)*ksp, KSPPREONLY, &direct));
  PetscCall(PetscOptionsHasName(NULL, PREFIX, "-ksp_norm_type", &norm_given));
  if (cg && !norm_given) PetscCall(KSPSetNormType(*ksp, KSP_NORM_NATURAL));
  PetscCall(KSPSetComputeEigenvalues(*ksp, cg));
  PetscCall(KSPSetInitialGuessNonzero(*ksp, direct ? PETSC_FALSE : PETSC_TRUE));
  PetscCall(KSPSetUp(*ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode iterate(conduct_linear_t *l, conduct_stop_t *stop, exset_conduct_run_t *run,
                              KSPConvergedReason *reason) {
  PetscInt iterations;
  KSP ksp = stop->ksp;
  PetscFunctionBeginUser;
  PetscCall(KSPSolve(ksp, l->b, l->x));
  PetscCall(KSPGetConvergedReason(ksp, reason));
  PetscCall(KSPGetIterationNumber(ksp, &iterations));
  run->iterations = (int)iterations;
  PetscCall(conduct_stop_end(stop, l->x, reason));
  PetscFunctionReturn(0);
}

/* Fields for output from the solution. Collective. */
static int write_fields(exset_conduct_t *c, conduct_system_t *s, const conduct_linear_t *l,
                        float *potential, float *current) {
  const double *black = NULL;
  double *u = NULL;
  if (!potential && !current) return EXSET_OK;
  EXSET_TRY(exset_alloc_all(c->ctx, exset_mul3(s->nz, s->plane, 1), sizeof *u, &u));
  int err = exset_agree(c->ctx, conduct_linear_black(s, l, l->x, &black));
  if (!err) err = conduct_recover(s, black, u);
  if (!err) err = conduct_fields(c, s, u, potential, current);
  const int released = conduct_linear_release(s, l, l->x, &black);
  free(u);
  return err ? err : released;
}

/* Figures of the solution that the iteration ended with. */
static void take_figures(const exset_conduct_t *c, const conduct_stop_t *stop,
                         exset_conduct_run_t *run) {
  const conduct_measure_t *m = &stop->m;
  run->sigma_eff = c->sigma_max * m->power;
  run->flux_in = c->sigma_max * m->in;
  run->flux_out = c->sigma_max * m->out;
  for (int a = 0; a < 3; a++)
    run->current[a] = stop->s->periodic ? c->sigma_max * m->current[a] : NAN;
  run->current[run->axis] = run->sigma_eff;
  run->mismatch = stop->mismatch;
  run->error = conduct_stop_error(stop);
  run->residual = stop->norm_b > 0 ? stop->residual / stop->norm_b : 0;
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

/* No convergence: how far it came, and what to try. */
static int give_up(const conduct_stop_t *stop, const exset_conduct_run_t *run,
                   KSPConvergedReason reason) {
  char error[48] = "", norms[128];
  conduct_stop_history(stop, norms, sizeof norms);
  if (isfinite(run->error))
    snprintf(error, sizeof error, "error of sigma_eff about %.1e, ", run->error);
  return exset_fail(
      stop->s->ctx, EXSET_ERR_RUN,
      "no convergence along %c after %d iterations (%s): %smismatch of the currents %.1e, residual "
      "%.1e (the last ones, of the first: %s); asked for: %g; try a larger -conduct_rtol or "
      "-conduct_ksp_max_it, or another -conduct_pc_type",
      "zyx"[run->axis], run -> iterations, KSPConvergedReasons[reason], error, run -> mismatch,
      run -> residual, norms, stop -> rtol);
}

/* A solver from scratch. Collective. */
static int solver_create(exset_conduct_t *c, int axis, conduct_solver_t **solver) {
  EXSET_TRY(exset_alloc_all(c->ctx, 1, sizeof **solver, solver));
  const int err = conduct_system_create(c, axis, &(*solver)->s);
  if (!err) return EXSET_OK;
  free(*solver);
  *solver = NULL;
  return err;
}

int conduct_solver_destroy(exset_ctx_t *ctx, conduct_solver_t **solver) {
  conduct_solver_t *p = *solver;
  if (!p) return EXSET_OK;
  const int closed = EXSET_PETSC(ctx, KSPDestroy(&p->ksp));
  const int cleared = EXSET_PETSC(ctx, conduct_linear_clear(&p->linear));
  conduct_system_clear(&p->s);
  free(p);
  *solver = NULL;
  return closed ? closed : cleared;
}

/* Periodic problems differ in the right-hand side alone: what was set up for another axis is taken again. Collective. */
static int solver_take(exset_conduct_t *c, int axis, conduct_solver_t **solver) {
  *solver = c->kept;
  c->kept = NULL;
  if (!*solver) return solver_create(c, axis, solver);
  return conduct_system_turn(c, axis, &(*solver)->s);
}

/* Matrix and preconditioner, unless they are there, and the right-hand side. Collective. */
static int prepare(exset_conduct_t *c, conduct_solver_t *p, const char *wanted) {
  exset_ctx_t *ctx = c->ctx;
  bool matrix_free;
  char type[sizeof p->type];
  EXSET_TRY(choose(c, &p->s, wanted, type, sizeof type, &matrix_free));
  if (p->ksp && strcmp(type, p->type) == 0)
    return EXSET_PETSC(ctx, conduct_linear_rhs(&p->s, &p->linear));
  EXSET_TRY(EXSET_PETSC(ctx, KSPDestroy(&p->ksp)));
  EXSET_TRY(EXSET_PETSC(ctx, conduct_linear_clear(&p->linear)));
  snprintf(p->type, sizeof p->type, "%s", type);
  EXSET_TRY(EXSET_PETSC(ctx, matrix_free ? conduct_linear_shell(&p->s, &p->linear)
                                         : conduct_linear_assemble(&p->s, &p->linear)));
  return EXSET_PETSC_OPTIONS(ctx, set_up(&p->s, &p->linear, type, &p->ksp));
}

static int solve_system(exset_conduct_t *c, conduct_solver_t *p,
                        const exset_conduct_options_t *options, conduct_stop_t *stop,
                        exset_conduct_run_t *run) {
  exset_ctx_t *ctx = c->ctx;
  KSPConvergedReason reason;
  const double start = MPI_Wtime(), rtol = options->rtol > 0 ? options->rtol : 1e-4;
  EXSET_TRY(prepare(c, p, options->pc_type));
  snprintf(run->preconditioner, sizeof run->preconditioner, "%s", p->type);
  EXSET_TRY(EXSET_PETSC(ctx, conduct_linear_guess(&p->s, &p->linear)));
  EXSET_TRY(EXSET_PETSC(ctx, conduct_stop_begin(&p->s, &p->linear, p->ksp, rtol, stop)));
  const double ready = MPI_Wtime();
  EXSET_TRY(EXSET_PETSC_OPTIONS(ctx, iterate(&p->linear, stop, run, &reason)));
  run->seconds_setup += ready - start;
  run->seconds_solve = MPI_Wtime() - ready;
  take_figures(c, stop, run);
  return reason < 0 ? give_up(stop, run, reason) : EXSET_OK;
}

/* Figures that follow from sigma_eff. */
static void finish(const exset_conduct_t *c, exset_conduct_run_t *run) {
  if (c->conducting > 0) run->m_factor = run->sigma_eff / (c->sigma_max * c->mean);
  const double fraction = run->conducting_fraction;
  run->tortuosity_factor = run->m_factor > 0 ? fraction / run->m_factor : INFINITY;
  run->bruggeman = fraction > 0 && fraction < 1 ? log(run->m_factor) / log(fraction) : NAN;
}

/* Warn when the result is not what was asked for, or cannot be right. */
static void judge(const exset_conduct_t *c, const conduct_stop_t *stop,
                  const exset_conduct_run_t *run) {
  const char axis = "zyx"[run->axis];
  const double sigma = run->sigma_eff, hs_slack = 0.05;
  const double slack = 1e-6 + (isfinite(run->error) ? run->error : run->mismatch);
  exset_conduct_bounds_t b;
  exset_conduct_bounds(c, &b);
  if (stop->limited)
    exset_warn(c->ctx,
               "along %c rounding errors end the iteration before -conduct_rtol %g is kept: "
               "mismatch of the currents %.1e, residual %.1e",
               axis, stop->rtol, run->mismatch, run->residual);
  if (sigma > b.wiener_high * (1 + slack) || sigma < b.wiener_low * (1 - slack))
    exset_warn(c->ctx, "sigma_eff %g along %c lies outside the Wiener bounds %g to %g", sigma, axis,
               b.wiener_low, b.wiener_high);
  else if (sigma > b.hs_high * (1 + hs_slack) || sigma < b.hs_low * (1 - hs_slack))
    exset_warn(
        c->ctx,
        "sigma_eff %g along %c lies outside the Hashin-Shtrikman bounds %g to %g of isotropic "
        "structures",
        sigma, axis, b.hs_low, b.hs_high);
}

static void no_path(const exset_conduct_t *c, float *potential, float *current) {
  const int64_t cells = exset_grid_cells_local(&c->volume->grid);
  for (int64_t i = 0; potential && i < cells; i++) potential[i] = NAN;
  for (int64_t i = 0; current && i < 3 * cells; i++) current[i] = 0;
}

/* What is known of a run before anything is solved. */
static void describe(const exset_conduct_t *c, const conduct_system_t *s,
                     exset_conduct_run_t *run) {
  for (int a = 0; a < 3; a++) run->current[a] = s->periodic || a == s->axis ? 0 : NAN;
  run->unknowns = s->unknowns;
  run->percolating_fraction = (double)s->percolating / (double)exset_grid_cells(&c->volume->grid);
  run->contact_low = s->contact[FACE_LOW];
  run->contact_high = s->contact[FACE_HIGH];
  run->clusters = c->clusters;
  run->clusters_removed = c->clusters - c->clusters_kept[s->axis];
  if (c->conducting > 0) run->percolating_share = run->percolating_fraction / c->conducting;
}

int exset_conduct_solve(exset_conduct_t *c, int axis, const exset_conduct_options_t *options,
                        float *potential, float *current, exset_conduct_run_t *run) {
  conduct_solver_t *p = NULL;
  conduct_stop_t stop = {0};
  const double start = MPI_Wtime();
  *run = (exset_conduct_run_t){.axis = axis, .conducting_fraction = c->conducting};
  EXSET_TRY(solver_take(c, axis, &p));
  describe(c, &p->s, run);
  run->seconds_setup = MPI_Wtime() - start;
  int err = EXSET_OK;
  if (p->s.percolating == 0) {
    no_path(c, potential, current);
  } else {
    err = solve_system(c, p, options, &stop, run);
    if (!err) err = write_fields(c, &p->s, &p->linear, potential, current);
    if (!err) judge(c, &stop, run);
  }
  if (err < 0) return err; /* this rank alone: nothing collective may follow */
  finish(c, run);
  if (!err && p->s.periodic) {
    c->kept = p;
    return EXSET_OK;
  }
  const int cleared = conduct_solver_destroy(c->ctx, &p);
  return err ? err : cleared;
}
