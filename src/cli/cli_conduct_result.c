/* exset conduct: results as a table for people and as JSON for scripts. */
#include <math.h>
#include <stdio.h>

#include "cli_conduct.h"

static const exset_conduct_run_t *runs_of(const conduct_plan_t *plan,
                                          const conduct_result_t *result, int set) {
  return result->run + set * plan->n_axes;
}

static const char *boundary_name(const conduct_plan_t *plan) {
  return plan->boundary == EXSET_BOUNDARY_PERIODIC ? "periodic" : "electrodes";
}

/* ---- table ---------------------------------------------------------------------------------------- */

/* "-" for what does not exist: the exponent where all cells conduct, an error that is not known. */
static const char *number(int digits, double value, char text[16]) {
  if (isfinite(value)) snprintf(text, 16, "%.*g", digits, value);
  else snprintf(text, 16, "-");
  return text;
}

static void print_run(const exset_ctx_t *ctx, const exset_conduct_run_t *run) {
  const char axis = conduct_axis_name[run->axis];
  if (run->percolating_fraction == 0) {
    exset_print(ctx, "%4c  no path through conducting phases: sigma_eff = 0\n", axis);
    return;
  }
  char bruggeman[16], error[16], mismatch[16];
  exset_print(ctx, "%4c  %11.6g  %9.5g  %10.5g  %9s  %11.5f  %8s  %8s  %10d  %7.2f\n", axis,
              run->sigma_eff, run->m_factor, run->tortuosity_factor,
              number(4, run->bruggeman, bruggeman), run->percolating_fraction,
              number(2, run->error, error), number(2, run->mismatch, mismatch), run->iterations,
              run->seconds_setup + run->seconds_solve);
}

static bool same_removed(const exset_conduct_run_t *a, const exset_conduct_run_t *b) {
  return a->clusters_removed == b->clusters_removed && a->percolating_share == b->percolating_share;
}

/* What is left out, a line for all axes with the same figures. */
static void print_removed(const exset_ctx_t *ctx, const conduct_plan_t *plan,
                          const exset_conduct_run_t *run) {
  for (int a = 0; a < plan->n_axes; a++) {
    char axes[3 * CONDUCT_MAX_AXES + 1] = "";
    size_t used = 0;
    bool first = run[a].clusters_removed > 0;
    for (int k = 0; k < a; k++) first = first && !same_removed(&run[k], &run[a]);
    for (int k = a; first && k < plan->n_axes; k++)
      if (same_removed(&run[k], &run[a]))
        used += (size_t)snprintf(axes + used, sizeof axes - used, "%s%c", used > 0 ? ", " : "",
                                 conduct_axis_name[run[k].axis]);
    if (first)
      exset_print(ctx,
                  "along %s: %lld of %lld clusters, %.3g %% of the conducting cells, carry no "
                  "current and are left out\n",
                  axes, (long long)run[a].clusters_removed, (long long)run[a].clusters,
                  100 * (1 - run[a].percolating_share));
  }
}

/* For electrodes the table has it all. */
static void print_tensor(const exset_ctx_t *ctx, const conduct_plan_t *plan,
                         const exset_conduct_run_t *run) {
  conduct_tensor_t t;
  if (!conduct_tensor(plan, run, &t) || !isfinite(t.defect)) return;
  exset_print(ctx, "tensor (x, y, z), symmetric to %.1e:\n", t.defect);
  for (int r = 0; r < 3; r++)
    exset_print(ctx, "      %11.6g  %11.6g  %11.6g\n", t.value[r][0], t.value[r][1], t.value[r][2]);
  exset_print(ctx, "principal values and directions (x, y, z):\n");
  for (int i = 0; i < 3; i++)
    exset_print(ctx, "      %11.6g  along %7.4f %7.4f %7.4f\n", t.principal[i], t.direction[i][0],
                t.direction[i][1], t.direction[i][2]);
}

static void print_set(const exset_ctx_t *ctx, const conduct_plan_t *plan,
                      const conduct_result_t *result, int set) {
  const exset_conduct_run_t *run = runs_of(plan, result, set);
  const exset_conduct_bounds_t *b = &result->bounds[set];
  if (plan->n_sets > 1)
    exset_print(ctx, "%sset %d of %d\n", set > 0 ? "\n" : "", set + 1, plan->n_sets);
  exset_print(ctx, "phase  fraction  sigma\n");
  for (int p = 0; p < plan->n_phases; p++)
    exset_print(ctx, "%5d  %.6f  %g\n", p + 1, result->fraction[p], conduct_sigma_of(plan, set)[p]);
  exset_print(
      ctx,
      "axis    sigma_eff   M-factor  tortuosity  Bruggeman  percolating     error  mismatch "
      " iterations  seconds\n");
  for (int a = 0; a < plan->n_axes; a++) print_run(ctx, &run[a]);
  print_removed(ctx, plan, run);
  print_tensor(ctx, plan, run);
  exset_print(ctx, "bounds: Wiener %.6g to %.6g, Hashin-Shtrikman %.6g to %.6g\n", b->wiener_low,
              b->wiener_high, b->hs_low, b->hs_high);
}

void conduct_result_print(const exset_ctx_t *ctx, const conduct_plan_t *plan,
                          const conduct_result_t *result) {
  for (int set = 0; set < plan->n_sets; set++) print_set(ctx, plan, result, set);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static void add_integer(cJSON *object, const char *name, int64_t value) {
  cJSON_AddNumberToObject(object, name, (double)value);
}

/* Lists along axes are in the order x, y, z, as in the tensor. NaN and infinity become null. */
static cJSON *json_run(const exset_conduct_run_t *run, int n_phases, const double *sigma) {
  const char axis[2] = {conduct_axis_name[run->axis], 0};
  const double current[3] = {run->current[EXSET_AXIS_X], run->current[EXSET_AXIS_Y],
                             run->current[EXSET_AXIS_Z]};
  cJSON *object = cJSON_CreateObject(), *seconds;
  cJSON_AddStringToObject(object, "axis", axis);
  cJSON_AddItemToObject(object, "sigma", cli_json_reals(n_phases, sigma));
  cJSON_AddNumberToObject(object, "sigma_eff", run->sigma_eff);
  cJSON_AddItemToObject(object, "current", cli_json_reals(3, current));
  cJSON_AddNumberToObject(object, "m_factor", run->m_factor);
  cJSON_AddNumberToObject(object, "tortuosity_factor", run->tortuosity_factor);
  cJSON_AddNumberToObject(object, "bruggeman", run->bruggeman);
  cJSON_AddNumberToObject(object, "flux_in", run->flux_in);
  cJSON_AddNumberToObject(object, "flux_out", run->flux_out);
  cJSON_AddNumberToObject(object, "error", run->error);
  cJSON_AddNumberToObject(object, "mismatch", run->mismatch);
  cJSON_AddNumberToObject(object, "conducting_fraction", run->conducting_fraction);
  cJSON_AddNumberToObject(object, "percolating_fraction", run->percolating_fraction);
  cJSON_AddNumberToObject(object, "percolating_share", run->percolating_share);
  cJSON_AddNumberToObject(object, "contact_low", run->contact_low);
  cJSON_AddNumberToObject(object, "contact_high", run->contact_high);
  add_integer(object, "clusters", run->clusters);
  add_integer(object, "clusters_removed", run->clusters_removed);
  add_integer(object, "unknowns", run->unknowns);
  add_integer(object, "iterations", run->iterations);
  cJSON_AddNumberToObject(object, "residual", run->residual);
  cJSON_AddStringToObject(object, "preconditioner", run->preconditioner);
  seconds = cJSON_AddObjectToObject(object, "seconds");
  cJSON_AddNumberToObject(seconds, "setup", run->seconds_setup);
  cJSON_AddNumberToObject(seconds, "solve", run->seconds_solve);
  return object;
}

static cJSON *json_rows(const double row[3][3]) {
  cJSON *rows = cJSON_CreateArray();
  for (int i = 0; i < 3; i++) cJSON_AddItemToArray(rows, cli_json_reals(3, row[i]));
  return rows;
}

/* null: fewer than three axes; null in the tensor, or for its principal values: electrodes do not tell. */
static void add_tensor(cJSON *object, const conduct_plan_t *plan, const exset_conduct_run_t *run) {
  conduct_tensor_t t;
  const bool known = conduct_tensor(plan, run, &t);
  const bool full = known && isfinite(t.defect);
  cJSON_AddItemToObject(object, "tensor", known ? json_rows(t.value) : cJSON_CreateNull());
  cJSON_AddNumberToObject(object, "symmetry_defect", t.defect);
  cJSON_AddItemToObject(object, "principal_values",
                        full ? cli_json_reals(3, t.principal) : cJSON_CreateNull());
  cJSON_AddItemToObject(object, "principal_directions",
                        full ? json_rows(t.direction) : cJSON_CreateNull());
}

static cJSON *json_bounds(const exset_conduct_bounds_t *bounds) {
  cJSON *object = cJSON_CreateObject();
  cJSON_AddNumberToObject(object, "wiener_low", bounds->wiener_low);
  cJSON_AddNumberToObject(object, "wiener_high", bounds->wiener_high);
  cJSON_AddNumberToObject(object, "hashin_shtrikman_low", bounds->hs_low);
  cJSON_AddNumberToObject(object, "hashin_shtrikman_high", bounds->hs_high);
  return object;
}

/* Tensor and bounds of one set. */
static void json_set(cJSON *object, const conduct_plan_t *plan, const conduct_result_t *result,
                     int set) {
  cJSON_AddItemToObject(object, "sigma",
                        cli_json_reals(plan->n_phases, conduct_sigma_of(plan, set)));
  add_tensor(object, plan, runs_of(plan, result, set));
  cJSON_AddItemToObject(object, "bounds", json_bounds(&result->bounds[set]));
}

static cJSON *json_sets(const conduct_plan_t *plan, const conduct_result_t *result) {
  cJSON *sets = cJSON_CreateArray();
  for (int set = 0; set < plan->n_sets; set++) {
    cJSON *item = cJSON_CreateObject();
    json_set(item, plan, result, set);
    cJSON_AddItemToArray(sets, item);
  }
  return sets;
}

cJSON *conduct_result_json(const exset_ctx_t *ctx, const conduct_plan_t *plan,
                           const conduct_result_t *result) {
  const exset_grid_t *grid = &plan->whole.grid;
  const double size[3] = {(double)grid->n[0], (double)grid->n[1], (double)grid->n[2]};
  cJSON *root = cJSON_CreateObject();
  cJSON_AddItemToObject(root, "size", cli_json_reals(3, size));
  cJSON_AddItemToObject(root, "voxel_size", cli_json_reals(3, grid->voxel));
  cJSON_AddItemToObject(root, "volume_fractions", cli_json_reals(plan->n_phases, result->fraction));
  cJSON_AddStringToObject(root, "boundary", boundary_name(plan));
  cJSON *runs = cJSON_AddArrayToObject(root, "runs");
  for (int k = 0; k < conduct_solves(plan); k++)
    cJSON_AddItemToArray(
        runs, json_run(&result->run[k], plan->n_phases, conduct_sigma_of(plan, k / plan->n_axes)));
  json_set(root, plan, result, 0);
  if (plan->n_sets > 1) cJSON_AddItemToObject(root, "sets", json_sets(plan, result));
  cJSON *seconds = cJSON_AddObjectToObject(root, "seconds");
  cJSON_AddNumberToObject(seconds, "read", result->seconds_read);
  cJSON_AddNumberToObject(seconds, "total", MPI_Wtime() - ctx->start);
  cJSON_AddNumberToObject(root, "peak_bytes", (double)exset_peak_bytes());
  cJSON_AddNumberToObject(root, "ranks", ctx->size);
  return root;
}
