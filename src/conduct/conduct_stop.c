/* When the iteration ends: see "When to stop" in doc/theory/conductivity.md. */
#include "conduct_stop.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const double deep = 1e-7; /* norms this small beside the first may be rounding errors */

/* ---- measuring ------------------------------------------------------------------------------ */

static PetscErrorCode measure(conduct_stop_t *stop, Vec x) {
  conduct_measure_t *m = &stop->m;
  exset_ctx_t *ctx = stop->s->ctx;
  const double *black;
  PetscFunctionBeginUser;
  PetscCheck(!exset_agree(ctx, conduct_linear_black(stop->s, stop->l, x, &black)), ctx->comm,
             PETSC_ERR_LIB, "%s", ctx->message);
  const int err = conduct_measure(stop->s, black, m);
  const int released = conduct_linear_release(stop->s, stop->l, x, &black);
  PetscCheck(!err && !released, PETSC_COMM_SELF, PETSC_ERR_LIB, "%s", ctx->message);
  stop->mismatch = fmax(fabs(m->in - m->power), fabs(m->out - m->power)) / m->power;
  stop->checked = stop->norm;
  PetscFunctionReturn(0);
}

/* |b - A x| */
static PetscErrorCode measure_residual(conduct_stop_t *stop, Vec x) {
  Vec r;
  PetscFunctionBeginUser;
  PetscCall(VecDuplicate(stop->l->b, &r));
  PetscCall(MatMult(stop->l->mat, x, r));
  PetscCall(VecAYPX(r, -1, stop->l->b));
  PetscCall(VecNorm(r, NORM_2, &stop->residual));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(0);
}

/* The residual as the iteration carries it along: rounding errors part it from b - A x. */
static PetscErrorCode carried_residual(KSP ksp, double *norm) {
  Vec r;
  PetscFunctionBeginUser;
  PetscCall(KSPBuildResidual(ksp, NULL, NULL, &r));
  PetscCall(VecNorm(r, NORM_2, norm));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(0);
}

/* ---- the energy that is left ---------------------------------------------------------------- */

static PetscErrorCode add_ritz(conduct_stop_t *stop) {
  conduct_ritz_t *ritz = stop->ritz;
  PetscReal high, low;
  PetscFunctionBeginUser;
  if (stop->tried == stop->it) PetscFunctionReturn(0);
  stop->tried = stop->it;
  PetscCall(KSPComputeExtremeSingularValues(stop->ksp, &high, &low));
  if (!(low > 1e-13 * high)) PetscFunctionReturn(0); /* a trace of rounding errors */
  for (int i = CONDUCT_STOP_RITZ - 1; i > 0; i--) ritz[i] = ritz[i - 1];
  ritz[0] = (conduct_ritz_t){stop->it, low};
  PetscFunctionReturn(0);
}

/* By what the least Ritz value fell in the last two iterations or more. */
static double fall_of_ritz(const conduct_stop_t *stop) {
  const conduct_ritz_t *ritz = stop->ritz;
  if (stop->it < 2) return 10;
  int i = 0;
  while (i < CONDUCT_STOP_RITZ - 1 && ritz[i].it > stop->it - 2 && ritz[i + 1].value > 0) i++;
  return fmax(ritz[i].value / ritz[0].value, 1);
}

/*
 * norm^2 / (lambda weight) bounds the energy that is left when lambda is not above the least eigenvalue of the
 * preconditioned operator. Ritz values come down to it: a factor makes up for the rest.
 */
static void bound_energy(conduct_stop_t *stop) {
  const double factor = 4, square = stop->norm * stop->norm;
  if (square == 0) stop->left = 0;
  else if (stop->ritz[0].value > 0)
    stop->left = factor * fall_of_ritz(stop) * square / (stop->weight * stop->ritz[0].value);
  else stop->left = 1e8 * square; /* the start: no multigrid is that bad */
}

static double energy_error(const conduct_stop_t *stop) {
  return stop->m.per_energy * stop->left / stop->m.power;
}

/* From the last measurement and the norm now. */
static double error_now(const conduct_stop_t *stop) {
  return fmax(energy_error(stop), stop->mismatch * stop->mismatch);
}

double conduct_stop_error(const conduct_stop_t *stop) {
  if (!stop->energy) return NAN;
  return error_now(stop) + 4 * DBL_EPSILON * sqrt((double)stop->s->unknowns); /* of the sums */
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void count(conduct_stop_t *stop, PetscInt it, double norm) {
  if (it == 0) {
    stop->first = norm;
    stop->weight = 1;
    stop->tried = 0;
    stop->due = INFINITY;
    stop->lack = stop->checked = INFINITY;
    for (int i = 0; i < CONDUCT_STOP_RITZ; i++) stop->ritz[i] = (conduct_ritz_t){0};
  } else {
    const double ratio = norm / stop->norm;
    stop->weight = 1 + stop->weight * ratio * ratio;
  }
  if (it == 0 || norm < 0.5 * stop->least) {
    stop->least = norm;
    stop->least_it = it;
  }
  stop->it = it;
  stop->norm = norm;
  stop->last[it % CONDUCT_STOP_NORMS] = norm;
}

/* Seconds left: the energy is to fall to what keeps the mismatch small as well. */
static void show_progress(conduct_stop_t *stop) {
  const double now = MPI_Wtime(), interval = 5, fallen = stop->first / stop->norm;
  if (now - stop->shown < interval) return;
  stop->shown = now;
  exset_ctx_t *ctx = stop->s->ctx;
  if (!stop->energy) {
    exset_info(ctx, "conduct: iteration %d, residual %.1e of the first", (int)stop->it, 1 / fallen);
    return;
  }
  double ahead = energy_error(stop) / fmin(stop->rtol, 100 * stop->rtol * stop->rtol);
  if (stop->due < INFINITY) ahead = stop->norm / stop->due * stop->norm / stop->due;
  const double left = log(ahead) / (2 * log(fallen)) * (now - stop->started);
  if (fallen > 1 && isfinite(left))
    exset_info(ctx, "conduct: iteration %d, error of sigma_eff %.1e of %.1e, about %.0f s left",
               (int)stop->it, error_now(stop), stop->rtol, fmax(left, 0));
  else
    exset_info(ctx, "conduct: iteration %d, error of sigma_eff %.1e of %.1e", (int)stop->it,
               error_now(stop), stop->rtol);
}

/* Small norms that fall no more: a singular operator with rounding errors ends so. */
static bool stands_still(const conduct_stop_t *stop) {
  const PetscInt rest = stop->it - stop->least_it;
  return stop->least <= deep * stop->first && rest > 100 && rest > stop->least_it;
}

/* Nothing more to gain: what the iteration carries along as residual has parted from b - A x. */
static PetscErrorCode see_limit(conduct_stop_t *stop, Vec x) {
  double carried = 0;
  PetscFunctionBeginUser;
  if (stop->norm > deep * stop->first) PetscFunctionReturn(0);
  PetscCall(measure_residual(stop, x));
  if (stop->norm > 0) PetscCall(carried_residual(stop->ksp, &carried));
  stop->limited = stop->residual >= 10 * carried;
  PetscFunctionReturn(0);
}

/* The energy is small enough: is all else? The next measurement is due when the norm has fallen as far as it lacks. */
static PetscErrorCode check_energy(conduct_stop_t *stop, KSPConvergedReason *reason) {
  double carried;
  Vec x;
  PetscFunctionBeginUser;
  if (stop->goal > 0) {
    PetscCall(carried_residual(stop->ksp, &carried));
    stop->due = stop->norm * stop->goal / carried;
    if (carried > stop->goal) PetscFunctionReturn(0);
  }
  PetscCall(KSPBuildSolution(stop->ksp, NULL, &x));
  PetscCall(measure(stop, x));
  stop->lack = fmax(stop->mismatch / (10 * stop->rtol), sqrt(error_now(stop) / stop->rtol));
  if (stop->lack <= 1 && stop->goal > 0) {
    PetscCall(measure_residual(stop, x));
    stop->lack = stop->residual / stop->goal;
  }
  if (stop->lack <= 1) *reason = KSP_CONVERGED_RTOL;
  else PetscCall(see_limit(stop, x));
  if (stop->limited) *reason = KSP_CONVERGED_ATOL;
  stop->due = stop->norm * fmin(1, 2 / stop->lack);
  PetscFunctionReturn(0);
}

static PetscErrorCode test_energy(KSP ksp, PetscInt it, PetscReal norm, KSPConvergedReason *reason,
                                  void *user) {
  conduct_stop_t *stop = user;
  Vec x;
  PetscFunctionBeginUser;
  *reason = isfinite(norm) ? KSP_CONVERGED_ITERATING : KSP_DIVERGED_NANORINF;
  count(stop, it, norm);
  if (*reason) PetscFunctionReturn(0);
  if (it == 0) { /* the power, to begin with */
    PetscCall(KSPBuildSolution(ksp, NULL, &x));
    PetscCall(measure(stop, x));
  }
  /* Ritz values cost it^2: not at each iteration, but whenever they decide */
  if ((double)it >= 1.1 * (double)stop->tried) PetscCall(add_ritz(stop));
  bound_energy(stop);
  if (norm <= stop->due && energy_error(stop) <= stop->rtol) {
    PetscCall(add_ritz(stop));
    bound_energy(stop);
    if (energy_error(stop) <= stop->rtol) PetscCall(check_energy(stop, reason));
  }
  if (!*reason && stands_still(stop)) *reason = KSP_DIVERGED_BREAKDOWN;
  show_progress(stop);
  PetscFunctionReturn(0);
}

/* Other methods: residual and mismatch alone. */
static PetscErrorCode check_residual(conduct_stop_t *stop, KSPConvergedReason *reason) {
  const double checked = stop->checked, lack = stop->lack;
  Vec x;
  PetscFunctionBeginUser;
  PetscCall(KSPBuildSolution(stop->ksp, NULL, &x));
  PetscCall(measure(stop, x));
  PetscCall(measure_residual(stop, x));
  stop->lack = fmax(stop->residual / stop->goal, stop->mismatch / (10 * stop->rtol));
  stop->limited =
      stop->norm < deep * stop->first && stop->norm < 0.1 * checked && stop->lack > 0.5 * lack;
  if (stop->lack <= 1) *reason = KSP_CONVERGED_RTOL;
  else if (stop->limited) *reason = KSP_CONVERGED_ATOL;
  stop->due = stop->norm * fmax(fmin(0.7, 2 / stop->lack), 0.01);
  PetscFunctionReturn(0);
}

static PetscErrorCode test_residual(KSP ksp, PetscInt it, PetscReal norm,
                                    KSPConvergedReason *reason, void *user) {
  conduct_stop_t *stop = user;
  PetscReal diverged;
  PetscFunctionBeginUser;
  count(stop, it, norm);
  if (it == 0) stop->due = stop->norm_b > 0 ? norm * fmin(stop->goal / stop->norm_b, 1) : norm;
  PetscCall(KSPGetTolerances(ksp, NULL, NULL, &diverged, NULL));
  *reason = !isfinite(norm)                 ? KSP_DIVERGED_NANORINF
            : norm > diverged * stop->first ? KSP_DIVERGED_DTOL
                                            : KSP_CONVERGED_ITERATING;
  if (!*reason && norm <= stop->due) PetscCall(check_residual(stop, reason));
  if (!*reason && stands_still(stop)) *reason = KSP_DIVERGED_BREAKDOWN;
  show_progress(stop);
  PetscFunctionReturn(0);
}

/* ---- begin and end -------------------------------------------------------------------------- */

PetscErrorCode conduct_stop_begin(conduct_system_t *s, const conduct_linear_t *l, KSP ksp,
                                  double rtol, conduct_stop_t *stop) {
  PetscReal residual, absolute;
  PetscBool cg;
  KSPNormType norm;
  PetscFunctionBeginUser;
  *stop = (conduct_stop_t){.s = s, .l = l, .ksp = ksp, .rtol = rtol};
  stop->started = stop->shown = MPI_Wtime();
  stop->left = stop->residual = NAN;
  PetscCall(VecNorm(l->b, NORM_2, &stop->norm_b));
  PetscCall(KSPGetTolerances(ksp, &residual, &absolute, NULL, NULL));
  stop->goal = fmax(residual * stop->norm_b, absolute);
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp, KSPCG, &cg));
  PetscCall(KSPGetNormType(ksp, &norm));
  stop->energy = cg && norm == KSP_NORM_NATURAL;
  if (!stop->energy) {
    const double usual = fmax(0.01 * rtol, 1e-12) * stop->norm_b;
    stop->goal = stop->goal > 0 ? fmin(stop->goal, usual) : usual;
  }
  PetscCall(KSPSetConvergenceTest(ksp, stop->energy ? test_energy : test_residual, stop, NULL));
  PetscFunctionReturn(0);
}

/* Methods that test nothing (preonly) are judged by what they leave. */
static void judge_end(conduct_stop_t *stop, KSPConvergedReason *reason) {
  const bool broken = *reason == KSP_DIVERGED_INDEFINITE_PC ||
                      *reason == KSP_DIVERGED_INDEFINITE_MAT || *reason == KSP_DIVERGED_BREAKDOWN;
  bool limited = broken && stop->least <= deep * stop->first;
  if (!stop->energy && *reason > 0 && !stop->limited &&
      (stop->residual > 1.01 * stop->goal || stop->mismatch > 10 * stop->rtol)) {
    limited = stop->residual <= 1e-11 * stop->norm_b;
    if (!limited) *reason = KSP_DIVERGED_ITS;
  }
  if (!limited) return;
  stop->limited = true;
  if (broken) *reason = KSP_CONVERGED_ATOL;
}

PetscErrorCode conduct_stop_end(conduct_stop_t *stop, Vec x, KSPConvergedReason *reason) {
  double carried;
  PetscFunctionBeginUser;
  PetscCall(measure(stop, x));
  PetscCall(measure_residual(stop, x));
  judge_end(stop, reason);
  if (!stop->energy) PetscFunctionReturn(0);
  PetscCall(carried_residual(stop->ksp, &carried));
  const double gap = stop->residual / carried;
  if (carried > 0 && gap > 2) stop->left *= gap * gap;
  PetscFunctionReturn(0);
}

void conduct_stop_history(const conduct_stop_t *stop, char *text, size_t size) {
  const int n = CONDUCT_STOP_NORMS, shown = stop->it < n ? (int)stop->it + 1 : n;
  size_t used = 0;
  if (size > 0) text[0] = 0;
  for (int i = shown - 1; i >= 0 && used < size; i--) {
    const double norm = stop->last[(stop->it - i) % n];
    const int wrote = snprintf(text + used, size - used, "%s%.2e", used ? ", " : "",
                               stop->first > 0 ? norm / stop->first : norm);
    used += wrote > 0 ? (size_t)wrote : 0;
  }
}
