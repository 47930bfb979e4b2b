/* One descent with PETSc TAO on this rank: bounded quasi-Newton. Options: -calibrate_tao_... */
#include "calibrate_impl.h"

#include <math.h>
#include <petsctao.h>

#include "exset/config.h"

static PetscErrorCode objective(Tao tao, Vec x, PetscReal *loss, Vec gradient, void *user) {
  fit_t *fit = user;
  const PetscScalar *theta;
  PetscScalar *g;
  (void)tao;
  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(x, &theta));
  PetscCall(VecGetArray(gradient, &g));
  fit->error = fit_loss(fit, theta, loss, g);
  PetscCall(VecRestoreArray(gradient, &g));
  PetscCall(VecRestoreArrayRead(x, &theta));
  PetscFunctionReturn(fit->error ? PETSC_ERR_LIB : 0);
}

/* Record the loss; stop when it has hardly fallen over several iterations. */
static PetscErrorCode test_convergence(Tao tao, void *user) {
  descent_t *descent = user;
  PetscInt iteration;
  PetscReal loss, gnorm;
  TaoConvergedReason reason;
  enum { BACK = 10 };
  PetscFunctionBeginUser;
  PetscCall(TaoGetSolutionStatus(tao, &iteration, &loss, &gnorm, NULL, NULL, &reason));
  if (iteration >= descent->n_history && iteration < descent->capacity)
    descent->history[descent->n_history++] = loss;
  PetscCall(TaoDefaultConvergenceTest(tao, NULL));
  const int n = descent->n_history;
  if (n > BACK && descent->history[n - 1 - BACK] - loss < 1e-5 * loss)
    PetscCall(TaoSetConvergedReason(tao, TAO_CONVERGED_USER));
  PetscFunctionReturn(0);
}

static PetscErrorCode set_bounds(const fit_t *fit, Tao tao, Vec low, Vec high) {
  PetscScalar *l, *h;
  PetscFunctionBeginUser;
  PetscCall(VecGetArray(low, &l));
  PetscCall(VecGetArray(high, &h));
  for (int i = 0; i < fit->n_free; i++) {
    const free_t *param = &fit->param[fit->free_index[i]];
    l[i] = free_to_theta(param, param->low);
    h[i] = free_to_theta(param, param->high);
  }
  PetscCall(VecRestoreArray(low, &l));
  PetscCall(VecRestoreArray(high, &h));
  PetscCall(TaoSetVariableBounds(tao, low, high));
  PetscFunctionReturn(0);
}

static PetscErrorCode minimise(fit_t *fit, int max_iterations, double *theta, descent_t *descent) {
  Tao tao;
  Vec x, low, high;
  const PetscScalar *solution;
  TaoConvergedReason reason;
  PetscInt iterations;
  PetscReal loss;
  PetscFunctionBeginUser;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, fit->n_free, &x));
  PetscCall(VecDuplicate(x, &low));
  PetscCall(VecDuplicate(x, &high));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &tao));
  PetscCall(TaoSetType(tao, TAOBLMVM));
  PetscCall(TaoSetOptionsPrefix(tao, "calibrate_"));
  PetscCall(TaoSetTolerances(tao, 1e-9, 0, 0));
  PetscCall(TaoSetMaximumIterations(tao, max_iterations));
  PetscCall(TaoSetObjectiveAndGradient(tao, NULL, objective, fit));
  PetscCall(TaoSetConvergenceTest(tao, test_convergence, descent));
  PetscCall(set_bounds(fit, tao, low, high));
  PetscScalar *start;
  PetscCall(VecGetArray(x, &start));
  for (int i = 0; i < fit->n_free; i++) start[i] = theta[i];
  PetscCall(VecRestoreArray(x, &start));
  PetscCall(TaoSetSolution(tao, x));
  PetscCall(TaoSetFromOptions(tao));
  PetscCall(TaoSolve(tao));
  PetscCall(TaoGetSolutionStatus(tao, &iterations, &loss, NULL, NULL, NULL, &reason));
  PetscCall(VecGetArrayRead(x, &solution));
  for (int i = 0; i < fit->n_free; i++) theta[i] = solution[i];
  PetscCall(VecRestoreArrayRead(x, &solution));
  descent->loss = loss;
  descent->iterations = (int)iterations;
  descent->converged = reason > 0;
  PetscCall(TaoDestroy(&tao));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&low));
  PetscCall(VecDestroy(&high));
  PetscFunctionReturn(0);
}

int fit_minimise(fit_t *fit, int max_iterations, double *theta, descent_t *descent) {
  fit->error = EXSET_OK;
  const int err = EXSET_PETSC_OPTIONS(fit->ctx, minimise(fit, max_iterations, theta, descent));
  if (err) return err;
  fit_set_theta(fit, theta);
  return EXSET_OK;
}
