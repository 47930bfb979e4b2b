/* Results of calibrate: JSON and the table for people. */
#include "cli_calibrate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *cli_calibrate_remark(const exset_calibration_t *result) {
  if (result->misfit_exceeds)
    return "the model class does not describe these sections fully: a coverage function's misfit "
           "is "
           "more than twice its sampling error";
  for (int f = 0; f < result->n_phases; f++)
    if (isnan(result->sampling[f]))
      return "a single section of an orientation: the sampling error is unknown, the misfit cannot "
             "be "
             "judged";
  return "every coverage function is met within twice its sampling error";
}

/* ---- JSON ---- */

/* {"11": .., "12": ..}: one number for each pair i <= j. */
static void add_pairs(cJSON *parent, const char *name, int n, const double *value, bool square) {
  cJSON *object = cJSON_AddObjectToObject(parent, name);
  for (int i = 0; i < n; i++) {
    for (int j = i; j < n; j++) {
      char key[24];
      snprintf(key, sizeof key, "%d%d", i + 1, j + 1);
      const double v = value[i * n + j];
      cJSON_AddNumberToObject(object, key, square ? v * v : v);
    }
  }
}

static void add_functions(cJSON *block, const char *name, int n, int64_t n_lags,
                          const double *value) {
  cJSON *object = cJSON_AddObjectToObject(block, name);
  for (int i = 0; i < n; i++) {
    for (int j = i; j < n; j++) {
      char key[24];
      snprintf(key, sizeof key, "%d%d", i + 1, j + 1);
      cJSON_AddItemToObject(object, key,
                            cli_json_reals(n_lags, value + (int64_t)(i * n + j) * n_lags));
    }
  }
}

static cJSON *coverage_blocks(const exset_calibration_t *result) {
  cJSON *blocks = cJSON_CreateArray();
  for (int b = 0; b < result->n_curves; b++) {
    const exset_calibrate_curve_t *curve = &result->curve[b];
    cJSON *block = cJSON_CreateObject();
    cJSON_AddItemToArray(blocks, block);
    cJSON_AddStringToObject(block, "orientation", curve->orientation);
    cJSON_AddItemToObject(block, "h_r", cli_json_reals(curve->n_lags, curve->h_r));
    cJSON_AddItemToObject(block, "h_z", cli_json_reals(curve->n_lags, curve->h_z));
    add_functions(block, "data", result->n_phases, curve->n_lags, curve->data);
    add_functions(block, "standard_error", result->n_phases, curve->n_lags, curve->data_se);
    add_functions(block, "model", result->n_phases, curve->n_lags, curve->model);
  }
  return blocks;
}

static void add_parameters(cJSON *json, const exset_calibration_t *result) {
  cJSON *value = cJSON_AddObjectToObject(json, "parameters");
  cJSON *sd = cJSON_AddObjectToObject(json, "parameters_sd");
  cJSON *fixed = cJSON_AddArrayToObject(json, "parameters_fixed");
  cJSON *bound = cJSON_AddArrayToObject(json, "parameters_at_bound");
  for (int i = 0; i < result->n_parameters; i++) {
    const exset_parameter_t *p = &result->parameter[i];
    cJSON_AddNumberToObject(value, p->name, p->value);
    cJSON_AddNumberToObject(sd, p->name, p->sd); /* NaN is written as null */
    if (p->fixed) cJSON_AddItemToArray(fixed, cJSON_CreateString(p->name));
    if (p->at_bound) cJSON_AddItemToArray(bound, cJSON_CreateString(p->name));
  }
}

cJSON *cli_calibrate_json(const exset_calibration_t *result, const char *method,
                          const char *evaluator, bool cylindrical, double seconds) {
  const int n = result->n_phases;
  cJSON *json = cJSON_CreateObject();
  if (!json) return NULL;
  cJSON_AddStringToObject(json, "method", method);
  cJSON_AddStringToObject(json, "evaluator", evaluator);
  cJSON_AddStringToObject(json, "symmetry", cylindrical ? "cylindrical" : "isotropic");
  cJSON_AddNumberToObject(json, "loss", result->loss);
  add_parameters(json, result);
  cJSON_AddNumberToObject(json, "iterations", result->iterations);
  cJSON_AddNumberToObject(json, "evaluations", result->evaluations);
  cJSON_AddNumberToObject(json, "seconds", seconds);
  cJSON *parts = cJSON_AddObjectToObject(json, "seconds_parts");
  cJSON_AddNumberToObject(parts, "coverage", result->seconds_data);
  cJSON_AddNumberToObject(parts, "descent", result->seconds_fit);
  cJSON_AddNumberToObject(parts, "uncertainty", result->seconds_sd);
  add_pairs(json, "loss_ij", n, result->misfit, true);
  add_pairs(json, "misfit_ij", n, result->misfit, false);
  add_pairs(json, "sampling_error_ij", n, result->sampling, false);
  cJSON_AddBoolToObject(json, "misfit_exceeds_sampling_error", result->misfit_exceeds);
  cJSON_AddStringToObject(json, "remark", cli_calibrate_remark(result));
  cJSON *fractions = cJSON_AddObjectToObject(json, "volume_fractions");
  cJSON_AddItemToObject(fractions, "data", cli_json_reals(n, result->fraction_data));
  cJSON_AddItemToObject(fractions, "ci95", cli_json_reals(n, result->fraction_ci95));
  cJSON_AddItemToObject(fractions, "model", cli_json_reals(n, result->fraction_model));
  cJSON_AddNumberToObject(json, "max_lag", result->max_lag);
  const double grid[3] = {(double)result->grid[0], (double)result->grid[1],
                          (double)result->grid[2]};
  cJSON_AddItemToObject(json, "grid", cli_json_reals(3, grid));
  cJSON_AddItemToObject(json, "starts", cli_json_reals(result->n_starts, result->start_loss));
  cJSON_AddItemToObject(json, "history", cli_json_reals(result->n_history, result->history));
  cJSON_AddItemToObject(json, "coverage", coverage_blocks(result));
  return json;
}

/* ---- table ---- */

void cli_calibrate_print_parameters(const exset_ctx_t *ctx, const exset_calibration_t *result) {
  bool knots = false;
  exset_print(ctx, "\n%-24s %12s %12s\n", "parameter", "value", "sd");
  for (int i = 0; i < result->n_parameters; i++) {
    const exset_parameter_t *p = &result->parameter[i];
    char sd[32] = "-";
    if (strstr(p->name, "_knots_")) {
      knots = true;
      continue;
    }
    if (!isnan(p->sd)) snprintf(sd, sizeof sd, "%.2g", p->sd);
    exset_print(ctx, "%-24s %12.5g %12s%s\n", p->name, p->value, p->fixed ? "fixed" : sd,
                p->at_bound ? "  at its bound" : "");
  }
  if (knots) exset_print(ctx, "spline coefficients: see the model file\n");
}

void cli_calibrate_print_fit(const exset_ctx_t *ctx, const exset_calibration_t *result) {
  const int n = result->n_phases;
  exset_print(ctx, "\n%-8s %10s %10s %10s\n", "phase", "data", "+- 95 %", "model");
  for (int i = 0; i < n; i++)
    exset_print(ctx, "%-8d %10.4f %10.4f %10.4f\n", i + 1, result->fraction_data[i],
                result->fraction_ci95[i], result->fraction_model[i]);
  exset_print(ctx, "\n%-8s %12s %16s\n", "C_ij", "misfit (RMS)", "sampling error");
  for (int i = 0; i < n; i++)
    for (int j = i; j < n; j++) {
      const double misfit = result->misfit[i * n + j], error = result->sampling[i * n + j];
      char text[32] = "-";
      if (!isnan(error)) snprintf(text, sizeof text, "%.2e", error);
      exset_print(ctx, "%d%-7d %12.2e %16s%s\n", i + 1, j + 1, misfit, text,
                  misfit > 2 * error ? "  misfit exceeds it" : "");
    }
}

void cli_calibrate_print(const exset_ctx_t *ctx, const exset_calibration_t *result) {
  cli_calibrate_print_parameters(ctx, result);
  cli_calibrate_print_fit(ctx, result);
  double low = INFINITY, high = 0;
  for (int s = 0; s < result->n_starts; s++) {
    low = fmin(low, result->start_loss[s]);
    high = fmax(high, result->start_loss[s]);
  }
  exset_print(ctx, "\nloss %.4g after %d iterations; %d start%s ended between %.4g and %.4g\n",
              result->loss, result->iterations, result->n_starts, result->n_starts > 1 ? "s" : "",
              low, high);
  exset_print(ctx, "%s\n", cli_calibrate_remark(result));
}
