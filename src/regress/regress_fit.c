/* Fits of laws: parameters with intervals. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "regress_impl.h"

void exset_regress_data_clear(exset_regress_data_t *data) {
  free(data->target);
  free(data->predictor);
  free(data->sample);
  memset(data, 0, sizeof *data);
}

void exset_regress_predict(const exset_regress_data_t *data, const exset_regress_form_t *form,
                           const double *value, double *prediction) {
  for (int64_t i = 0; i < data->n_rows; i++) {
    int p = 0;
    double log_y = form->free_k ? log(value[p++]) : 0;
    for (int j = 0; j < form->n_factors; j++) {
      const exset_regress_factor_t *f = &form->factor[j];
      const double a = f->free ? value[p++] : f->value;
      log_y += f->sign * a * log(data->predictor[i * data->n_predictors + f->predictor]);
    }
    prediction[i] = exp(log_y);
  }
}

/* ---- results -------------------------------------------------------------------------------------- */

/* From theta and its standard deviations; all but k enter as they are. */
static void set_values(const exset_regress_form_t *form, const double *theta, const double *sd,
                       double confidence, exset_regress_fit_t *fit) {
  const double t =
      fit->degrees > 0 ? gsl_cdf_tdist_Pinv(0.5 + 0.5 * confidence, fit->degrees) : NAN;
  for (int p = 0; p < fit->n_parameters; p++) {
    fit->value[p] = theta[p];
    fit->sd[p] = sd[p];
    fit->low[p] = theta[p] - t * sd[p];
    fit->high[p] = theta[p] + t * sd[p];
  }
  if (!form->free_k) return;
  fit->value[0] = exp(theta[0]);
  fit->sd[0] = fit->value[0] * sd[0];
  fit->low[0] = exp(fit->low[0]);
  fit->high[0] = exp(fit->high[0]);
}

/* Parameters that the direction of the smallest singular value mixes: larger than a third of its largest component. */
static void set_involved(const regress_svd_t *svd, exset_regress_fit_t *fit) {
  double largest = 0;
  const int last = svd->k - 1;
  fit->condition = svd->condition;
  for (int p = 0; p < svd->k; p++) largest = fmax(largest, fabs(svd->v[p][last]));
  for (int p = 0; p < svd->k; p++)
    fit->involved[p] = svd->scale[p] == 0 || fabs(svd->v[p][last]) > largest / 3;
}

static void fail_fit(exset_regress_status_t status, exset_regress_fit_t *fit) {
  fit->status = status;
  for (int p = 0; p < fit->n_parameters; p++)
    fit->value[p] = fit->sd[p] = fit->low[p] = fit->high[p] = NAN;
}

/* ---- fitting -------------------------------------------------------------------------------------- */

/* Least squares of the logarithms: theta from the singular values of the design. */
static int solve_log(exset_ctx_t *ctx, const regress_design_t *design, const regress_svd_t *svd,
                     const double *target, double *theta) {
  double *b, ub[EXSET_REGRESS_MAX_PARAMETERS];
  EXSET_TRY(exset_alloc(ctx, design->n, sizeof(double), &b));
  for (int64_t i = 0; i < design->n; i++) b[i] = log(target[i]) - design->offset[i];
  regress_svd_project(svd, b, ub);
  regress_svd_back(svd, ub, theta);
  free(b);
  return EXSET_OK;
}

/* Intervals from the linearisation at theta. */
static int finish(exset_ctx_t *ctx, const exset_regress_data_t *data,
                  const exset_regress_form_t *form, const exset_regress_options_t *options,
                  const regress_design_t *design, const double *theta, exset_regress_fit_t *fit) {
  double *residual = NULL, *derivative = NULL, sd[EXSET_REGRESS_MAX_PARAMETERS];
  regress_svd_t svd = {0};
  int err;
  EXSET_TRY_GOTO(err, done, exset_alloc(ctx, design->n, sizeof(double), &residual));
  EXSET_TRY_GOTO(
      err, done,
      exset_alloc(ctx, exset_mul3(design->n, design->k, 1), sizeof(double), &derivative));
  regress_residuals(design, data->target, options->method, theta, residual, derivative);
  EXSET_TRY_GOTO(err, done, regress_svd_create(ctx, design->n, design->k, derivative, &svd));
  if (!(svd.condition <= EXSET_REGRESS_CONDITION_MOST)) {
    fail_fit(EXSET_REGRESS_COLLINEAR, fit);
    goto done;
  }
  EXSET_TRY_GOTO(err, done,
                 regress_scatter(ctx, &svd, data, residual, options->by_sample, sd, &fit->degrees));
  set_values(form, theta, sd, options->confidence, fit);
done:
  regress_svd_clear(&svd);
  free(derivative);
  free(residual);
  return err;
}

static int fit_design(exset_ctx_t *ctx, const exset_regress_data_t *data,
                      const exset_regress_form_t *form, const exset_regress_options_t *options,
                      const regress_design_t *design, exset_regress_fit_t *fit) {
  double theta[EXSET_REGRESS_MAX_PARAMETERS];
  bool converged = true;
  regress_svd_t svd;
  int err;
  EXSET_TRY_GOTO(err, done, regress_svd_create(ctx, design->n, design->k, design->x, &svd));
  set_involved(&svd, fit);
  if (!(svd.condition <= EXSET_REGRESS_CONDITION_MOST)) {
    fail_fit(EXSET_REGRESS_COLLINEAR, fit);
    goto done;
  }
  EXSET_TRY_GOTO(err, done, solve_log(ctx, design, &svd, data->target, theta));
  if (options->method != EXSET_REGRESS_LOG)
    EXSET_TRY_GOTO(err, done,
                   regress_nonlinear(ctx, design, data->target, options->method, theta,
                                     &fit->iterations, &converged));
  if (converged) err = finish(ctx, data, form, options, design, theta, fit);
  else fail_fit(EXSET_REGRESS_DIVERGED, fit);
done:
  regress_svd_clear(&svd);
  return err;
}

int exset_regress_fit(exset_ctx_t *ctx, const exset_regress_data_t *data,
                      const exset_regress_form_t *form, const exset_regress_options_t *options,
                      exset_regress_fit_t *fit) {
  memset(fit, 0, sizeof *fit);
  fit->n_parameters = exset_regress_parameters(form);
  if (fit->n_parameters == 0) return EXSET_OK;
  if (data->n_rows <= fit->n_parameters) {
    fail_fit(EXSET_REGRESS_TOO_FEW, fit);
    return EXSET_OK;
  }
  regress_design_t design;
  int err = regress_design_create(ctx, data, form, &design);
  if (!err) err = fit_design(ctx, data, form, options, &design, fit);
  regress_design_clear(&design);
  return err;
}
