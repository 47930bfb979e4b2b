/* After the fit: misfit against sampling error, curves for the report, the parameters' jackknife. */
#include "calibrate_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Mean of the other sections, from the sums over all. */
static double without(double total, double sum, double weight, double value) {
  return total > weight ? (sum - weight * value) / (total - weight) : value;
}

/*
 * Standard errors by the delete-one jackknife over m sections: value[s][n_functions * n] with weights
 * weight[s][n] (pairs). se[n_functions * n]; NaN for a single section, 0 where only one has pairs.
 */
static void jackknife(int m, int n_functions, int64_t n, const double *const *weight,
                      const double *const *value, double *se) {
  for (int64_t k = 0; k < n_functions * n; k++) {
    double total = 0, sum = 0, mean = 0, squares = 0;
    for (int s = 0; s < m; s++) {
      total += weight[s][k % n];
      sum += weight[s][k % n] * value[s][k];
    }
    for (int s = 0; s < m; s++) mean += without(total, sum, weight[s][k % n], value[s][k]) / m;
    for (int s = 0; s < m; s++)
      squares += pow(without(total, sum, weight[s][k % n], value[s][k]) - mean, 2);
    se[k] = m > 1 ? sqrt((m - 1.0) / m * squares) : NAN;
  }
}

/* ---- curves ---- */

/* Data, standard error and model of one group in one direction; arrays are the caller's. */
typedef struct {
  double *lag, *data, *se, *model; /* [capacity], [(n_functions + 1) * capacity] x 3 */
  double *scratch;                 /* [n_sections][(n_functions + 1) * capacity] */
  const double **weight, **value;  /* [n_sections] */
} ray_t;

static int ray_create(exset_ctx_t *ctx, const group_t *group, int n_functions, ray_t *ray) {
  const int64_t capacity = curve_capacity(group), all = (n_functions + 1) * capacity;
  *ray = (ray_t){0};
  EXSET_TRY(exset_alloc(ctx, capacity, sizeof(double), &ray->lag));
  EXSET_TRY(exset_alloc(ctx, all, sizeof(double), &ray->data));
  EXSET_TRY(exset_alloc(ctx, all, sizeof(double), &ray->se));
  EXSET_TRY(exset_alloc(ctx, all, sizeof(double), &ray->model));
  EXSET_TRY(exset_alloc(ctx, group->n_sections * all, sizeof(double), &ray->scratch));
  EXSET_TRY(exset_alloc(ctx, group->n_sections, sizeof *ray->weight, &ray->weight));
  return exset_alloc(ctx, group->n_sections, sizeof *ray->value, &ray->value);
}

static void ray_clear(ray_t *ray) {
  double *arrays[] = {ray->lag, ray->data, ray->se, ray->model, ray->scratch};
  for (int i = 0; i < 5; i++) free(arrays[i]);
  free(ray->weight);
  free(ray->value);
}

static int64_t ray_fill(const group_t *group, double max_lag, along_t along, int n_functions,
                        const double *model, ray_t *ray) {
  const int64_t all = (n_functions + 1) * curve_capacity(group);
  const double *pairs = group->pooled.pairs;
  int64_t n = 0;
  for (int s = 0; s < group->n_sections; s++) {
    double *curve = ray->scratch + s * all;
    const exset_coverage_t *c = &group->section[s];
    n = curve_average(group, max_lag, along, c->pairs, n_functions, c->c, ray->lag, curve);
    ray->value[s] = curve;
    ray->weight[s] = curve + n_functions * n;
  }
  jackknife(group->n_sections, n_functions, n, ray->weight, ray->value, ray->se);
  curve_average(group, max_lag, along, pairs, n_functions, model, ray->lag, ray->model);
  return curve_average(group, max_lag, along, pairs, n_functions, group->pooled.c, ray->lag,
                       ray->data);
}

/* Append lags [first, n) of a ray to the curve, whose arrays have room for `room` lags. */
static void append(exset_calibrate_curve_t *curve, int64_t room, int n_functions, int64_t first,
                   int64_t n, bool along_z, const ray_t *ray) {
  for (int64_t k = first; k < n; k++) {
    const int64_t at = curve->n_lags++;
    curve->h_r[at] = along_z ? 0 : ray->lag[k];
    curve->h_z[at] = along_z ? ray->lag[k] : 0;
    for (int f = 0; f < n_functions; f++) {
      curve->data[f * room + at] = ray->data[f * n + k];
      curve->data_se[f * room + at] = ray->se[f * n + k];
      curve->model[f * room + at] = ray->model[f * n + k];
    }
  }
}

/* Close the gaps between functions once the number of lags is known. */
static void compact(double *value, int n_functions, int64_t room, int64_t n) {
  for (int f = 1; f < n_functions; f++)
    memmove(value + f * n, value + f * room, (size_t)n * sizeof *value);
}

static int describe_curve(exset_ctx_t *ctx, const data_t *data, const group_t *group,
                          bool cylindrical, const double *model, exset_calibrate_curve_t *curve) {
  const int n_functions = data->n_phases * data->n_phases;
  const int64_t room = 2 * curve_capacity(group);
  curve->orientation = group->orientation;
  EXSET_TRY(exset_alloc(ctx, room, sizeof(double), &curve->h_r));
  EXSET_TRY(exset_alloc(ctx, room, sizeof(double), &curve->h_z));
  EXSET_TRY(exset_alloc(ctx, n_functions * room, sizeof(double), &curve->data));
  EXSET_TRY(exset_alloc(ctx, n_functions * room, sizeof(double), &curve->data_se));
  EXSET_TRY(exset_alloc(ctx, n_functions * room, sizeof(double), &curve->model));
  ray_t ray;
  int err = ray_create(ctx, group, n_functions, &ray);
  if (!err && (group->kind == PLANES_XY || !cylindrical)) {
    const int64_t n = ray_fill(group, data->max_lag, ALONG_RADIAL, n_functions, model, &ray);
    append(curve, room, n_functions, 0, n, false, &ray);
  } else if (!err) {
    const int64_t n_r = ray_fill(group, data->max_lag, ALONG_COLS, n_functions, model, &ray);
    append(curve, room, n_functions, 0, n_r, false, &ray);
    const int64_t n_z = ray_fill(group, data->max_lag, ALONG_ROWS, n_functions, model, &ray);
    append(curve, room, n_functions, 1, n_z, true, &ray); /* lag 0 is there already */
  }
  compact(curve->data, n_functions, room, curve->n_lags);
  compact(curve->data_se, n_functions, room, curve->n_lags);
  compact(curve->model, n_functions, room, curve->n_lags);
  ray_clear(&ray);
  return err;
}

/* ---- misfit, fractions ---- */

/* Add one group's squared misfit and sampling error, weighted by pairs, to sums over all groups. */
static int add_misfit(exset_ctx_t *ctx, const data_t *data, const group_t *group,
                      const double *model, double *misfit, double *sampling, double *total) {
  const int n_functions = data->n_phases * data->n_phases;
  const int64_t n = group->size[0] * group->size[1];
  double *se = NULL;
  const double **weight = NULL, **value = NULL;
  int err = exset_alloc(ctx, n_functions * n, sizeof *se, &se);
  if (!err) err = exset_alloc(ctx, group->n_sections, sizeof *weight, &weight);
  if (!err) err = exset_alloc(ctx, group->n_sections, sizeof *value, &value);
  for (int s = 0; !err && s < group->n_sections; s++) {
    weight[s] = group->section[s].pairs;
    value[s] = group->section[s].c;
  }
  if (!err) jackknife(group->n_sections, n_functions, n, weight, value, se);
  for (int64_t k = 0; !err && k < n; k++) {
    const double h = hypot((double)(k / group->size[1]) * group->pixel[0],
                           (double)(k % group->size[1]) * group->pixel[1]);
    if (h > data->max_lag * (1 + 1e-9)) continue;
    const double pairs = group->pooled.pairs[k];
    *total += pairs;
    for (int f = 0; f < n_functions; f++) {
      const double r = group->pooled.c[f * n + k] - model[f * n + k];
      misfit[f] += pairs * r * r;
      sampling[f] += pairs * se[f * n + k] * se[f * n + k];
    }
  }
  free(se);
  free(weight);
  free(value);
  return err;
}

static void finish_misfit(int n, double total, exset_calibration_t *result) {
  for (int f = 0; f < n * n; f++) {
    result->misfit[f] = sqrt(result->misfit[f] / total);
    result->sampling[f] = sqrt(result->sampling[f] / total);
    if (result->misfit[f] > 2 * result->sampling[f])
      result->misfit_exceeds = true; /* not for NaN */
  }
}

/* Fractions of the data over all groups, weighted by area, with 95 % half-widths by the integral range. */
static void describe_fractions(const data_t *data, exset_calibration_t *result) {
  double window = 0;
  for (int g = 0; g < MAX_GROUPS; g++) window += data->group[g].window;
  for (int i = 0; i < data->n_phases; i++) {
    double square = 0;
    result->fraction_data[i] = 0;
    for (int g = 0; g < MAX_GROUPS; g++) {
      const group_t *group = &data->group[g];
      if (group->n_sections == 0) continue;
      const double share = group->window / window;
      const double pixel[3] = {group->pixel[0], group->pixel[0], group->pixel[1]};
      const double ci = exset_coverage_fraction_ci95(&group->pooled, i, 2, pixel, group->window);
      square += share * share * ci * ci;
      result->fraction_data[i] +=
          share * group->pooled.c[exset_coverage_index(&group->pooled, i, i)];
    }
    result->fraction_ci95[i] = sqrt(square);
  }
}

int result_describe(exset_ctx_t *ctx, const data_t *data, bool cylindrical, fit_t *fit,
                    exset_calibration_t *result) {
  double total = 0;
  for (int p = 0; p < fit->n_planes; p++) {
    const group_t *group = fit->plane[p].group;
    double *model;
    EXSET_TRY(
        exset_alloc(ctx, (int64_t)data->n_phases * data->n_phases * group->size[0] * group->size[1],
                    sizeof *model, &model));
    int err = fit_model_coverage(fit, p, model);
    if (!err) err = add_misfit(ctx, data, group, model, result->misfit, result->sampling, &total);
    if (!err)
      err =
          describe_curve(ctx, data, group, cylindrical, model, &result->curve[result->n_curves++]);
    free(model);
    EXSET_TRY(err);
  }
  finish_misfit(data->n_phases, total, result);
  describe_fractions(data, result);
  exset_model_fractions(&fit->model, result->fraction_model);
  memcpy(result->grid, fit->grid, sizeof result->grid);
  return EXSET_OK;
}

/* ---- parameters ---- */

int result_parameters(const fit_t *fit, exset_calibration_t *result) {
  EXSET_TRY(exset_alloc(fit->ctx, fit->n_params, sizeof *result->parameter, &result->parameter));
  result->n_parameters = fit->n_params;
  for (int i = 0; i < fit->n_params; i++) {
    const free_t *param = &fit->param[i];
    exset_parameter_t *out = &result->parameter[i];
    memcpy(out->name, param->name, sizeof out->name);
    out->value = *param->value;
    out->sd = NAN;
    out->low = param->low;
    out->high = param->high;
    out->fixed = param->fixed;
    if (param->fixed) continue;
    if (out->value <= param->low + 1e-6 * fabs(param->low)) out->at_bound = -1;
    if (out->value >= param->high - 1e-6 * fabs(param->high)) out->at_bound = 1;
  }
  return EXSET_OK;
}

void result_warn_of_bounds(const exset_ctx_t *ctx, const exset_calibration_t *result) {
  for (int i = 0; i < result->n_parameters; i++) {
    const exset_parameter_t *p = &result->parameter[i];
    if (p->at_bound == 0 || strstr(p->name, "_knots_")) continue;
    exset_warn(ctx, "%s ended at its %s bound, %g: the data ask for more, or do not determine it",
               p->name, p->at_bound < 0 ? "lower" : "upper", p->value);
  }
}

int result_take_model(const fit_t *fit, exset_model_t *model) {
  exset_model_clear(model);
  return exset_model_copy(fit->ctx, &fit->model, model);
}

/* ---- jackknife of the parameters ---- */

/* Calibrate without each section in turn, from the optimum: value[task][n_free]. Tasks are shared out over the ranks. */
static int leave_out(const data_t *data, fit_t *fit, int max_iterations, const double *optimum,
                     double *value) {
  exset_ctx_t *ctx = fit->ctx;
  double *history, *theta;
  descent_t descent = {.capacity = max_iterations + 2};
  EXSET_TRY(exset_alloc(ctx, descent.capacity, sizeof *history, &history));
  EXSET_TRY(exset_alloc(ctx, fit->n_free, sizeof *theta, &theta));
  descent.history = history;
  int err = EXSET_OK, task = 0;
  for (int g = 0; !err && g < MAX_GROUPS; g++) {
    for (int s = 0; !err && s < data->group[g].n_sections; s++, task++) {
      if (task % ctx->size != ctx->rank) continue;
      descent.n_history = 0;
      memcpy(theta, optimum, (size_t)fit->n_free * sizeof *theta);
      err = fit_set_data(fit, data, g, s);
      if (!err) err = fit_minimise(fit, max_iterations, theta, &descent);
      for (int i = 0; i < fit->n_free; i++)
        value[(int64_t)task * fit->n_free + i] = *fit->param[fit->free_index[i]].value;
    }
  }
  free(history);
  free(theta);
  return err;
}

int uncertainty(exset_ctx_t *ctx, const data_t *data, fit_t *fit, int max_iterations,
                exset_calibration_t *result) {
  int tasks = 0;
  for (int g = 0; g < MAX_GROUPS; g++) {
    const int n = data->group[g].n_sections;
    if (n == 1 || n == 2) return EXSET_OK; /* too few to say */
    tasks += n;
  }
  double *optimum, *value;
  EXSET_TRY(exset_alloc_all(ctx, fit->n_free, sizeof *optimum, &optimum));
  EXSET_TRY(exset_alloc_all(ctx, (int64_t)tasks * fit->n_free, sizeof *value, &value));
  fit_get_theta(fit, optimum);
  int err = exset_agree(ctx, leave_out(data, fit, max_iterations, optimum, value));
  if (!err)
    err = EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, value, tasks * fit->n_free, MPI_DOUBLE,
                                       MPI_SUM, ctx->comm));
  for (int i = 0; !err && i < fit->n_free; i++) {
    double variance = 0;
    const double *v = value + i;
    for (int g = 0; g < MAX_GROUPS; g++) {
      const int n = data->group[g].n_sections;
      double mean = 0, squares = 0;
      for (int s = 0; s < n; s++) mean += v[(int64_t)s * fit->n_free] / n;
      for (int s = 0; s < n; s++) squares += pow(v[(int64_t)s * fit->n_free] - mean, 2);
      if (n > 0) variance += (n - 1.0) / n * squares;
      v += (int64_t)n * fit->n_free;
    }
    exset_parameter_t *parameter = &result->parameter[fit->free_index[i]];
    if (!parameter->at_bound) parameter->sd = sqrt(variance); /* held by the bound: says nothing */
  }
  if (!err) fit_set_theta(fit, optimum);
  if (!err) err = exset_agree(ctx, fit_set_data(fit, data, 0, -1));
  free(optimum);
  free(value);
  return err;
}
