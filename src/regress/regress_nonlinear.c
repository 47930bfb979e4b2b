/* Least squares of the target itself, or of its relative error: Levenberg and Marquardt's method of GSL. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "regress_impl.h"

typedef struct {
  const regress_design_t *design;
  const double *target;
  exset_regress_method_t method;
} problem_t;

/* A step that goes too far is refused for its large residuals, as long as their squares are finite. */
#define MOST_LOG 200.0

/* ---- residuals ------------------------------------------------------------------------------------ */

void regress_residuals(const regress_design_t *design, const double *target,
                       exset_regress_method_t method, const double *theta, double *residual,
                       double *derivative) {
  for (int64_t i = 0; i < design->n; i++) {
    const double *x = design->x + i * design->k;
    double log_y = design->offset[i], factor = 1;
    for (int c = 0; c < design->k; c++) log_y += x[c] * theta[c];
    if (method == EXSET_REGRESS_LOG) {
      residual[i] = log_y - log(target[i]);
    } else {
      const double unit = method == EXSET_REGRESS_RELATIVE ? target[i] : 1;
      factor = exp(fmin(log_y, MOST_LOG)) / unit;
      residual[i] = factor - target[i] / unit;
    }
    for (int c = 0; derivative && c < design->k; c++) derivative[i * design->k + c] = factor * x[c];
  }
}

static void copy_in(const gsl_vector *v, double *x) {
  for (size_t c = 0; c < v->size; c++) x[c] = gsl_vector_get(v, c);
}

/* GSL's matrices and vectors of its workspace are contiguous. */
static int residual_of(const gsl_vector *theta, void *user, gsl_vector *f) {
  const problem_t *p = user;
  double x[EXSET_REGRESS_MAX_PARAMETERS];
  copy_in(theta, x);
  if (f->stride != 1) return GSL_EINVAL;
  regress_residuals(p->design, p->target, p->method, x, f->data, NULL);
  for (size_t i = 0; i < f->size; i++)
    if (!isfinite(f->data[i])) return GSL_ERANGE;
  return GSL_SUCCESS;
}

static int derivative_of(const gsl_vector *theta, void *user, gsl_matrix *j) {
  const problem_t *p = user;
  double x[EXSET_REGRESS_MAX_PARAMETERS];
  gsl_vector *f = j->tda == j->size2 ? gsl_vector_alloc(j->size1) : NULL;
  if (!f) return GSL_ENOMEM;
  copy_in(theta, x);
  regress_residuals(p->design, p->target, p->method, x, f->data, j->data);
  gsl_vector_free(f);
  return GSL_SUCCESS;
}

/* ---- the iteration -------------------------------------------------------------------------------- */

/* At a minimum the residuals are orthogonal to all columns of their derivatives, or nothing beside the target's own rounding. */
static bool at_minimum(const gsl_multifit_nlinear_workspace *work, const problem_t *problem) {
  const gsl_vector *f = gsl_multifit_nlinear_residual(work);
  const gsl_matrix *j = gsl_multifit_nlinear_jac(work);
  double ff = 0, yy = 0, worst = 0;
  for (size_t i = 0; i < f->size; i++) {
    ff += pow(gsl_vector_get(f, i), 2);
    yy += problem->method == EXSET_REGRESS_RELATIVE ? 1 : pow(problem->target[i], 2);
  }
  for (size_t c = 0; c < j->size2; c++) {
    double fj = 0, jj = 0;
    for (size_t i = 0; i < f->size; i++) {
      fj += gsl_vector_get(f, i) * gsl_matrix_get(j, i, c);
      jj += pow(gsl_matrix_get(j, i, c), 2);
    }
    worst = fmax(worst, fabs(fj) / sqrt(jj));
  }
  return isfinite(ff) && isfinite(worst) && (ff <= 1e-24 * yy || worst <= 1e-6 * sqrt(ff));
}

static int iterate(exset_ctx_t *ctx, gsl_multifit_nlinear_workspace *work, problem_t *problem,
                   double *theta, int *iterations, bool *converged) {
  enum { MOST_ITERATIONS = 500 };
  int info = 0;
  gsl_vector_view start = gsl_vector_view_array(theta, (size_t)problem->design->k);
  gsl_multifit_nlinear_fdf fdf = {.f = residual_of,
                                  .df = derivative_of,
                                  .n = (size_t)problem->design->n,
                                  .p = (size_t)problem->design->k,
                                  .params = problem};
  *converged = false;
  int status = gsl_multifit_nlinear_init(&start.vector, &fdf, work);
  if (status == GSL_ENOMEM) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory for a fit");
  if (status) return EXSET_OK; /* no finite residuals to begin with */
  status = gsl_multifit_nlinear_driver(MOST_ITERATIONS, 1e-13, 1e-13, 0, NULL, NULL, &info, work);
  if (status == GSL_ENOMEM) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory for a fit");
  *iterations = (int)gsl_multifit_nlinear_niter(work);
  *converged = at_minimum(work, problem); /* "no progress" is what a start at the minimum gives */
  copy_in(gsl_multifit_nlinear_position(work), theta);
  return EXSET_OK;
}

int regress_nonlinear(exset_ctx_t *ctx, const regress_design_t *design, const double *target,
                      exset_regress_method_t method, double *theta, int *iterations,
                      bool *converged) {
  problem_t problem = {design, target, method};
  gsl_multifit_nlinear_parameters settings = gsl_multifit_nlinear_default_parameters();
  settings.solver = gsl_multifit_nlinear_solver_svd;
  gsl_error_handler_t *handler = gsl_set_error_handler_off();
  gsl_multifit_nlinear_workspace *work = gsl_multifit_nlinear_alloc(
      gsl_multifit_nlinear_trust, &settings, (size_t)design->n, (size_t)design->k);
  const int err = work ? iterate(ctx, work, &problem, theta, iterations, converged)
                       : exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory for a fit");
  gsl_multifit_nlinear_free(work);
  gsl_set_error_handler(handler);
  return err;
}
