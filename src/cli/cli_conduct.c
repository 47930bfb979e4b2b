/* exset conduct: effective conductivity of a volume. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_conduct.h"
#include "cli_inputs.h"
#include "cli_provenance.h"

static const char default_name[] = "conduct.json";

/* Potential and current density of all solves, in the user's order. */
typedef struct {
  int n;                    /* 2 solves */
  exset_cellarray_t *array; /* [n], names and values owned */
} fields_t;

/* ---- fields ------------------------------------------------------------------------------------- */

static char *array_name(const conduct_plan_t *plan, const char *what, int set, int axis) {
  char *name = NULL;
  const char letter = conduct_axis_name[axis];
  const int length = plan->n_sets > 1 ? asprintf(&name, "%s_set%d_%c", what, set + 1, letter)
                                      : asprintf(&name, "%s_%c", what, letter);
  return length < 0 ? NULL : name;
}

/* Room for the fields of one solve. Collective. */
static int add_fields(exset_ctx_t *ctx, const conduct_plan_t *plan, int set, int axis,
                      exset_cellarray_t *array, float **potential, float **current) {
  const int64_t cells = exset_grid_cells_local(&plan->whole.grid);
  array[0] = (exset_cellarray_t){array_name(plan, "potential", set, axis), "1",
                                 "potential, 1 at the low face and 0 at the high face; NaN where "
                                 "no current flows",
                                 1, NULL};
  if (plan->boundary == EXSET_BOUNDARY_PERIODIC) {
    array[0].unit = "um";
    array[0].description =
        "potential for a mean gradient of 1, without its linear part; NaN where "
        "no current flows";
  }
  array[1] = (exset_cellarray_t){
      array_name(plan, "current_density", set, axis), "unit of conduct_sigma",
      "current density for a mean gradient of 1; its mean is sigma_eff", 3, NULL};
  int err = exset_alloc(ctx, cells, sizeof(float), potential);
  if (!err) err = exset_alloc(ctx, exset_mul3(cells, 3, 1), sizeof(float), current);
  array[0].value = *potential;
  array[1].value = *current;
  if (!err && (!array[0].name || !array[1].name))
    err = exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  return exset_agree(ctx, err);
}

static int write_fields(exset_ctx_t *ctx, const exset_config_t *config, const conduct_plan_t *plan,
                        const exset_volume_t *volume, const fields_t *fields) {
  cli_provenance_t provenance;
  exset_volume_extras_t extras;
  EXSET_TRY(cli_volume_extras(config, fields->n, fields->array, &extras));
  int err = exset_agree(ctx, cli_provenance_create(ctx, config, "conduct", &provenance));
  if (!err) err = cli_provenance_source(ctx, &provenance, plan->input);
  extras.n_attributes = provenance.n;
  extras.attributes = provenance.attribute;
  exset_info(ctx, "writing %s", plan->fields_path);
  if (!err) err = exset_volume_write(ctx, plan->fields_path, volume, &extras);
  cli_provenance_clear(&provenance);
  return err;
}

/* ---- solving ------------------------------------------------------------------------------------ */

static int solve_set(exset_ctx_t *ctx, const conduct_plan_t *plan, int set,
                     exset_conduct_t *conduct, conduct_result_t *result, fields_t *fields) {
  for (int a = 0; a < plan->n_axes; a++) {
    const int number = set * plan->n_axes + a, axis = plan->axis[a];
    float *potential = NULL, *current = NULL;
    if (plan->fields)
      EXSET_TRY(add_fields(ctx, plan, set, axis, &fields->array[2 * number], &potential, &current));
    if (plan->n_sets > 1)
      exset_info(ctx, "conduct: solving set %d of %d along %c", set + 1, plan->n_sets,
                 conduct_axis_name[axis]);
    else exset_info(ctx, "conduct: solving along %c", conduct_axis_name[axis]);
    EXSET_TRY(exset_conduct_solve(conduct, axis, &plan->options, potential, current,
                                  &result->run[number]));
  }
  return EXSET_OK;
}

static int solve_sets(exset_ctx_t *ctx, const conduct_plan_t *plan, const exset_volume_t *volume,
                      const int *order, conduct_result_t *result, fields_t *fields) {
  exset_conduct_t *conduct = NULL;
  int err = EXSET_OK;
  for (int k = 0; k < plan->n_sets; k++) {
    const double *sigma = conduct_sigma_of(plan, order[k]);
    EXSET_TRY_GOTO(err, done,
                   conduct ? exset_conduct_change(conduct, sigma)
                           : exset_conduct_create(ctx, volume, plan->boundary, sigma, &conduct));
    exset_conduct_bounds(conduct, &result->bounds[order[k]]);
    EXSET_TRY_GOTO(err, done, solve_set(ctx, plan, order[k], conduct, result, fields));
  }
done:
  exset_conduct_destroy(&conduct);
  return err;
}

/* ---- the command -------------------------------------------------------------------------------- */

static void clear(conduct_result_t *result, fields_t *fields) {
  for (int k = 0; k < fields->n; k++) {
    free((void *)fields->array[k].name);
    free((void *)fields->array[k].value);
  }
  free(fields->array);
  free(result->fraction);
  free(result->run);
  free(result->bounds);
}

static int allocate(exset_ctx_t *ctx, const conduct_plan_t *plan, conduct_result_t *result,
                    fields_t *fields, int **order) {
  const int n = conduct_solves(plan);
  EXSET_TRY(exset_alloc(ctx, plan->n_phases, sizeof(double), &result->fraction));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *result->run, &result->run));
  EXSET_TRY(exset_alloc(ctx, plan->n_sets, sizeof *result->bounds, &result->bounds));
  EXSET_TRY(exset_alloc(ctx, plan->n_sets, sizeof **order, order));
  EXSET_TRY(exset_alloc(ctx, 2 * (int64_t)n, sizeof *fields->array, &fields->array));
  fields->n = 2 * n;
  return EXSET_OK;
}

static int run_volume(exset_ctx_t *ctx, const exset_config_t *config, const conduct_plan_t *plan,
                      const exset_volume_t *volume, double seconds_read) {
  conduct_result_t result = {.seconds_read = seconds_read};
  fields_t fields = {0};
  int *order = NULL, err;
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, allocate(ctx, plan, &result, &fields, &order)));
  conduct_order_sets(plan, order);
  EXSET_TRY_GOTO(err, done, exset_volume_fractions(ctx, volume, result.fraction));
  EXSET_TRY_GOTO(err, done, solve_sets(ctx, plan, volume, order, &result, &fields));
  conduct_result_print(ctx, plan, &result);
  if (plan->fields) EXSET_TRY_GOTO(err, done, write_fields(ctx, config, plan, volume, &fields));
  err = cli_json_write(ctx, config, default_name, conduct_result_json(ctx, plan, &result));
done:
  free(order);
  clear(&result, &fields);
  return err;
}

/* What could go wrong with the output goes wrong now. Collective. */
static int check_output(exset_ctx_t *ctx, const exset_config_t *config,
                        const conduct_plan_t *plan) {
  EXSET_TRY(cli_json_check(ctx, config, default_name));
  return plan->fields ? cli_output_check(ctx, config, plan->fields_path) : EXSET_OK;
}

static void warn_section(const exset_ctx_t *ctx, const conduct_plan_t *plan) {
  for (int a = 0; a < 3; a++)
    if (plan->whole.grid.n[a] == 1)
      exset_warn(ctx,
                 "%s is one voxel thick along %c: this is the conductivity of a section, in which "
                 "fewer paths connect than in the volume it comes from",
                 plan->input, conduct_axis_name[a]);
}

static int run_plan(exset_ctx_t *ctx, const exset_config_t *config, conduct_plan_t *plan) {
  exset_volume_t volume = {0};
  const double start = MPI_Wtime();
  int err;
  EXSET_TRY_GOTO(err, done, conduct_plan_memory(ctx, plan));
  EXSET_TRY_GOTO(err, done, exset_volume_read(ctx, plan->input, &plan->reading, &volume));
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, conduct_plan_sets(ctx, plan, volume.n_phases)));
  if (ctx->verbosity > 1) EXSET_TRY_GOTO(err, done, conduct_plan_print(ctx, plan));
  err = run_volume(ctx, config, plan, &volume, MPI_Wtime() - start);
done:
  exset_volume_clear(&volume);
  return err;
}

int exset_cli_conduct(exset_ctx_t *ctx, exset_config_t *config) {
  conduct_plan_t plan;
  int err;
  EXSET_TRY_GOTO(err, done, conduct_plan_read(ctx, config, default_name, &plan));
  EXSET_TRY_GOTO(err, done, check_output(ctx, config, &plan));
  warn_section(ctx, &plan);
  err = plan.dry_run ? conduct_plan_print(ctx, &plan) : run_plan(ctx, config, &plan);
done:
  conduct_plan_clear(&plan);
  return err;
}
