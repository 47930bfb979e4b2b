/* exset conduct: effective conductivity of a volume. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_provenance.h"
#include "exset/conduct.h"

enum { MAX_VALUES = 256, MAX_AXES = 3 };
static const char default_name[] = "conduct.json";
static const char axis_name[3] = {'z', 'y', 'x'};

typedef struct {
  const char *input;
  int n_values; /* of sigma: a multiple of the number of phases */
  double sigma[MAX_VALUES];
  int n_axes, axis[MAX_AXES];
  bool fields, dry_run;
  exset_conduct_options_t options;
  char *fields_path; /* NULL: none */
} plan_t;

typedef struct {
  double read;                    /* seconds */
  double *fraction;               /* [n_phases] */
  exset_conduct_run_t *run;       /* [n_sets][n_axes] */
  exset_conduct_bounds_t *bounds; /* [n_sets] */
  exset_cellarray_t *array;       /* [2 n_sets n_axes], names and values owned */
  int n_arrays;
} result_t;

/* ---- what to do -------------------------------------------------------------------------------- */

static int read_axes(exset_ctx_t *ctx, const exset_config_t *config, plan_t *plan) {
  int choice[MAX_AXES + 1], n;
  EXSET_TRY(exset_config_choice_list(config, "conduct_axis", MAX_AXES, choice, &n));
  for (int i = 0; i < n; i++) {
    if (choice[i] == 3) { /* all */
      if (n > 1)
        return exset_fail(ctx, EXSET_ERR_INPUT,
                          "-conduct_axis: all stands alone, or list some of x,y,z");
      plan->n_axes = 3;
      for (int a = 0; a < 3; a++) plan->axis[a] = EXSET_AXIS_X - a; /* x, y, z */
      return EXSET_OK;
    }
    plan->axis[plan->n_axes++] = EXSET_AXIS_X - choice[i];
    for (int k = 0; k < i; k++)
      if (choice[k] == choice[i])
        return exset_fail(ctx, EXSET_ERR_INPUT, "-conduct_axis names %c twice",
                          axis_name[EXSET_AXIS_X - choice[i]]);
  }
  return EXSET_OK;
}

static int plan_read(exset_ctx_t *ctx, const exset_config_t *config, plan_t *plan) {
  if (exset_config_inputs(config) != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%d inputs given; one volume is needed: exset conduct twin.vtkhdf "
                      "-conduct_sigma 1,0,0",
                      exset_config_inputs(config));
  plan->input = exset_config_input(config, 0);
  EXSET_TRY(
      exset_config_real_list(config, "conduct_sigma", MAX_VALUES, plan->sigma, &plan->n_values));
  if (plan->n_values == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-conduct_sigma is needed: a conductivity for each phase, 0 for insulators");
  EXSET_TRY(read_axes(ctx, config, plan));
  EXSET_TRY(exset_config_real(config, "conduct_rtol", &plan->options.rtol));
  EXSET_TRY(exset_config_bool(config, "conduct_fields", &plan->fields));
  EXSET_TRY(exset_config_bool(config, "dry_run", &plan->dry_run));
  if (!plan->fields) return EXSET_OK;
  plan->fields_path = cli_path(config, default_name, ".vtkhdf");
  return plan->fields_path ? EXSET_OK : exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
}

/* What could go wrong with the output goes wrong now. Collective. */
static int check_output(exset_ctx_t *ctx, const exset_config_t *config, const plan_t *plan) {
  EXSET_TRY(cli_json_check(ctx, config, default_name));
  return plan->fields ? cli_output_check(ctx, config, plan->fields_path) : EXSET_OK;
}

static int check_sets(exset_ctx_t *ctx, const plan_t *plan, const exset_volume_t *volume) {
  if (plan->n_values % volume->n_phases == 0) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "-conduct_sigma has %d values; the volume has %d phases: %d values are needed, "
                    "or a multiple of %d for several sets",
                    plan->n_values, volume->n_phases, volume->n_phases, volume->n_phases);
}

/* ---- solving ------------------------------------------------------------------------------------- */

static char *array_name(const char *what, int n_sets, int set, int axis) {
  char *name = NULL;
  const int length = n_sets > 1 ? asprintf(&name, "%s_set%d_%c", what, set + 1, axis_name[axis])
                                : asprintf(&name, "%s_%c", what, axis_name[axis]);
  return length < 0 ? NULL : name;
}

/* Room for the fields of one run. Collective. */
static int add_arrays(exset_ctx_t *ctx, const exset_volume_t *volume, int n_sets, int set, int axis,
                      result_t *result, float **potential, float **current) {
  const int64_t cells = exset_grid_cells_local(&volume->grid);
  exset_cellarray_t *array = &result->array[result->n_arrays];
  result->n_arrays += 2;
  array[0] =
      (exset_cellarray_t){array_name("potential", n_sets, set, axis), "1",
                          "potential, 1 at the low face and 0 at the high face; NaN where no "
                          "current flows",
                          1, NULL};
  array[1] = (exset_cellarray_t){
      array_name("current_density", n_sets, set, axis), "unit of conduct_sigma",
      "current density for a mean gradient of 1; its mean is sigma_eff", 3, NULL};
  int err = exset_alloc(ctx, cells, sizeof(float), potential);
  if (!err) err = exset_alloc(ctx, exset_mul3(cells, 3, 1), sizeof(float), current);
  array[0].value = *potential;
  array[1].value = *current;
  if (!err && (!array[0].name || !array[1].name))
    err = exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  return exset_agree(ctx, err);
}

static int solve_set(exset_ctx_t *ctx, const plan_t *plan, const exset_volume_t *volume, int set,
                     result_t *result) {
  const int n_sets = plan->n_values / volume->n_phases;
  exset_conduct_t *conduct = NULL;
  int err = EXSET_OK;
  EXSET_TRY(exset_conduct_create(ctx, volume, EXSET_BOUNDARY_ELECTRODES, plan->sigma + set * volume->n_phases, &conduct));
  exset_conduct_bounds(conduct, &result->bounds[set]);
  for (int a = 0; a < plan->n_axes; a++) {
    const int number = set * plan->n_axes + a, axis = plan->axis[a];
    float *potential = NULL, *current = NULL;
    if (plan->fields)
      EXSET_TRY_GOTO(err, done,
                     add_arrays(ctx, volume, n_sets, set, axis, result, &potential, &current));
    exset_info(ctx, "conduct: solving along %c (%d of %d)", axis_name[axis], number + 1,
               n_sets * plan->n_axes);
    EXSET_TRY_GOTO(err, done,
                   exset_conduct_solve(conduct, axis, &plan->options, potential, current,
                                       &result->run[number]));
  }
done:
  exset_conduct_destroy(&conduct);
  return err;
}

static int write_fields(exset_ctx_t *ctx, const exset_config_t *config, const plan_t *plan,
                        const exset_volume_t *volume, const result_t *result) {
  cli_provenance_t provenance;
  exset_volume_extras_t extras;
  EXSET_TRY(cli_volume_extras(config, result->n_arrays, result->array, &extras));
  int err = exset_agree(ctx, cli_provenance_create(ctx, config, "conduct", &provenance));
  if (!err) err = cli_provenance_source(ctx, &provenance, plan->input);
  extras.n_attributes = provenance.n;
  extras.attributes = provenance.attribute;
  exset_info(ctx, "writing %s", plan->fields_path);
  if (!err) err = exset_volume_write(ctx, plan->fields_path, volume, &extras);
  cli_provenance_clear(&provenance);
  return err;
}

/* ---- results ------------------------------------------------------------------------------------- */

static void print_run(const exset_ctx_t *ctx, const exset_conduct_run_t *run) {
  const char axis = axis_name[run->axis];
  if (run->unknowns == 0) {
    exset_print(ctx, "%4c  no path through conducting phases: sigma_eff = 0\n", axis);
    return;
  }
  exset_print(ctx, "%4c  %11.6g  %9.6f  %10.5g  %11.5f  %8.1e  %10d  %7.2f\n", axis, run->sigma_eff,
              run->m_factor, run->tortuosity_factor, run->percolating_fraction,
              fabs(run->flux_in - run->flux_out) / run->sigma_eff, run->iterations,
              run->seconds_setup + run->seconds_solve);
}

static void print_results(const exset_ctx_t *ctx, const plan_t *plan, const exset_volume_t *volume,
                          const result_t *result) {
  const int n_phases = volume->n_phases;
  for (int set = 0; set < plan->n_values / n_phases; set++) {
    const exset_conduct_bounds_t *b = &result->bounds[set];
    exset_print(ctx, "phase  fraction  sigma\n");
    for (int p = 0; p < n_phases; p++)
      exset_print(ctx, "%5d  %.6f  %g\n", p + 1, result->fraction[p],
                  plan->sigma[set * n_phases + p]);
    exset_print(ctx,
                "axis    sigma_eff   M-factor  tortuosity  percolating  mismatch  iterations  "
                "seconds\n");
    for (int a = 0; a < plan->n_axes; a++) print_run(ctx, &result->run[set * plan->n_axes + a]);
    exset_print(ctx, "bounds: Wiener %.6g to %.6g, Hashin-Shtrikman %.6g to %.6g\n", b->wiener_low,
                b->wiener_high, b->hs_low, b->hs_high);
  }
}

static cJSON *json_run(const exset_conduct_run_t *run, int n_phases, const double *sigma) {
  const char axis[2] = {axis_name[run->axis], 0};
  cJSON *object = cJSON_CreateObject(), *seconds;
  cJSON_AddStringToObject(object, "axis", axis);
  cJSON_AddItemToObject(object, "sigma", cli_json_reals(n_phases, sigma));
  cJSON_AddNumberToObject(object, "sigma_eff", run->sigma_eff);
  cJSON_AddNumberToObject(object, "m_factor", run->m_factor);
  cJSON_AddNumberToObject(object, "tortuosity_factor", run->tortuosity_factor); /* inf: null */
  cJSON_AddNumberToObject(object, "flux_in", run->flux_in);
  cJSON_AddNumberToObject(object, "flux_out", run->flux_out);
  cJSON_AddNumberToObject(object, "conducting_fraction", run->conducting_fraction);
  cJSON_AddNumberToObject(object, "percolating_fraction", run->percolating_fraction);
  cJSON_AddNumberToObject(object, "percolating_share", run->percolating_share);
  cJSON_AddNumberToObject(object, "unknowns", (double)run->unknowns);
  cJSON_AddNumberToObject(object, "iterations", run->iterations);
  cJSON_AddNumberToObject(object, "residual", run->residual);
  cJSON_AddStringToObject(object, "preconditioner", run->preconditioner);
  seconds = cJSON_AddObjectToObject(object, "seconds");
  cJSON_AddNumberToObject(seconds, "setup", run->seconds_setup);
  cJSON_AddNumberToObject(seconds, "solve", run->seconds_solve);
  return object;
}

/* Rows and columns x, y, z; null where electrodes do not tell. With fewer than three axes: null. */
static cJSON *json_tensor(const plan_t *plan, const exset_conduct_run_t *run) {
  if (plan->n_axes < 3) return cJSON_CreateNull();
  cJSON *tensor = cJSON_CreateArray();
  for (int row = 0; row < 3; row++) {
    double value[3] = {NAN, NAN, NAN};
    for (int a = 0; a < 3; a++)
      if (plan->axis[a] == EXSET_AXIS_X - row) value[row] = run[a].sigma_eff;
    cJSON_AddItemToArray(tensor, cli_json_reals(3, value));
  }
  return tensor;
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
static void json_set(cJSON *object, const plan_t *plan, int n_phases, const result_t *result,
                     int set) {
  cJSON_AddItemToObject(object, "sigma", cli_json_reals(n_phases, plan->sigma + set * n_phases));
  cJSON_AddItemToObject(object, "tensor", json_tensor(plan, result->run + set * plan->n_axes));
  cJSON_AddItemToObject(object, "bounds", json_bounds(&result->bounds[set]));
}

static cJSON *json_results(const exset_ctx_t *ctx, const plan_t *plan, const exset_volume_t *volume,
                           const result_t *result) {
  const int n_phases = volume->n_phases, n_sets = plan->n_values / n_phases;
  const int64_t *n = volume->grid.n;
  const double size[3] = {(double)n[0], (double)n[1], (double)n[2]};
  cJSON *root = cJSON_CreateObject();
  cJSON_AddItemToObject(root, "size", cli_json_reals(3, size));
  cJSON_AddItemToObject(root, "voxel_size", cli_json_reals(3, volume->grid.voxel));
  cJSON_AddItemToObject(root, "volume_fractions", cli_json_reals(n_phases, result->fraction));
  cJSON_AddStringToObject(root, "boundary", "electrodes");
  cJSON *runs = cJSON_AddArrayToObject(root, "runs");
  for (int k = 0; k < n_sets * plan->n_axes; k++)
    cJSON_AddItemToArray(
        runs, json_run(&result->run[k], n_phases, plan->sigma + k / plan->n_axes * n_phases));
  json_set(root, plan, n_phases, result, 0);
  if (n_sets > 1) {
    cJSON *sets = cJSON_AddArrayToObject(root, "sets");
    for (int set = 0; set < n_sets; set++) {
      cJSON *item = cJSON_CreateObject();
      json_set(item, plan, n_phases, result, set);
      cJSON_AddItemToArray(sets, item);
    }
  }
  cJSON *seconds = cJSON_AddObjectToObject(root, "seconds");
  cJSON_AddNumberToObject(seconds, "read", result->read);
  cJSON_AddNumberToObject(seconds, "total", MPI_Wtime() - ctx->start);
  cJSON_AddNumberToObject(root, "peak_bytes", (double)exset_peak_bytes());
  cJSON_AddNumberToObject(root, "ranks", ctx->size);
  return root;
}

/* ---- the command --------------------------------------------------------------------------------- */

static void result_clear(result_t *result) {
  for (int k = 0; k < result->n_arrays; k++) {
    free((void *)result->array[k].name);
    free((void *)result->array[k].value);
  }
  free(result->array);
  free(result->fraction);
  free(result->run);
  free(result->bounds);
}

static int result_alloc(exset_ctx_t *ctx, int n_phases, int n_sets, int n_axes, result_t *result) {
  EXSET_TRY(exset_alloc(ctx, n_phases, sizeof(double), &result->fraction));
  EXSET_TRY(exset_alloc(ctx, n_sets * n_axes, sizeof *result->run, &result->run));
  EXSET_TRY(exset_alloc(ctx, n_sets, sizeof *result->bounds, &result->bounds));
  return exset_alloc(ctx, 2 * n_sets * n_axes, sizeof *result->array, &result->array);
}

/* Memory for the busiest rank, measured per cell of the default solver: see doc/performance.md. */
static void print_plan(const exset_ctx_t *ctx, const plan_t *plan, const exset_volume_t *volume) {
  const int64_t *n = volume->grid.n, block = (n[0] + ctx->size - 1) / ctx->size;
  const int n_runs = plan->n_values / volume->n_phases * plan->n_axes;
  const double per_cell = 100 + (plan->fields ? 16.0 * n_runs : 0);
  exset_print(ctx, "%lld x %lld x %lld voxels (z, y, x), %d phases, %d ranks\n", (long long)n[0],
              (long long)n[1], (long long)n[2], volume->n_phases, ctx->size);
  exset_print(ctx, "%d solves, about %.3g GB for the busiest rank\n", n_runs,
              per_cell * (double)block * (double)n[1] * (double)n[2] / 1e9);
}

static int run_volume(exset_ctx_t *ctx, const exset_config_t *config, const plan_t *plan,
                      const exset_volume_t *volume, double seconds_read) {
  const int n_sets = plan->n_values / volume->n_phases;
  result_t result = {.read = seconds_read};
  int err = result_alloc(ctx, volume->n_phases, n_sets, plan->n_axes, &result);
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, err));
  EXSET_TRY_GOTO(err, done, exset_volume_fractions(ctx, volume, result.fraction));
  for (int set = 0; set < n_sets; set++)
    EXSET_TRY_GOTO(err, done, solve_set(ctx, plan, volume, set, &result));
  print_results(ctx, plan, volume, &result);
  if (plan->fields) EXSET_TRY_GOTO(err, done, write_fields(ctx, config, plan, volume, &result));
  err = cli_json_write(ctx, config, default_name, json_results(ctx, plan, volume, &result));
done:
  result_clear(&result);
  return err;
}

int exset_cli_conduct(exset_ctx_t *ctx, exset_config_t *config) {
  plan_t plan;
  memset(&plan, 0, sizeof plan);
  exset_volume_t volume = {0};
  exset_volume_options_t options;
  const double start = MPI_Wtime();
  int err;
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, plan_read(ctx, config, &plan)));
  EXSET_TRY_GOTO(err, done, cli_volume_options(ctx, config, &options));
  EXSET_TRY_GOTO(err, done, check_output(ctx, config, &plan));
  EXSET_TRY_GOTO(err, done, exset_volume_read(ctx, plan.input, &options, &volume));
  EXSET_TRY_GOTO(err, done, check_sets(ctx, &plan, &volume));
  if (plan.dry_run || ctx->verbosity > 1) print_plan(ctx, &plan, &volume);
  if (!plan.dry_run) err = run_volume(ctx, config, &plan, &volume, MPI_Wtime() - start);
done:
  exset_volume_clear(&volume);
  free(plan.fields_path);
  return err;
}
