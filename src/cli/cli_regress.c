/* exset regress: laws between structure and properties, fitted to the table of a sweep. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_regress.h"

static const char default_name[] = "regress.json";

/* ---- one law -------------------------------------------------------------------------------------- */

/* Figures of the folds' predictions. Local. */
static int validate(exset_ctx_t *ctx, const regress_group_t *group,
                    const exset_regress_options_t *options, regress_law_t *law) {
  const exset_regress_data_t *data = &group->rows.data;
  double *prediction;
  law->validation = (exset_regress_quality_t){NAN, NAN, NAN, NAN};
  if (group->n_folds == 0 || law->form->published) return EXSET_OK;
  EXSET_TRY(exset_alloc(ctx, data->n_rows, sizeof(double), &prediction));
  const int err = exset_regress_cross_validate(ctx, data, law->form, options, group->n_folds,
                                               group->fold, prediction);
  if (!err) exset_regress_quality(data->n_rows, data->target, prediction, &law->validation);
  free(prediction);
  return err;
}

static int run_law(exset_ctx_t *ctx, const regress_plan_t *plan, const regress_group_t *group,
                   regress_law_t *law) {
  const exset_regress_options_t options = {law->method, plan->by_sample, 0.95};
  const exset_regress_data_t *data = &group->rows.data;
  EXSET_TRY(exset_regress_fit(ctx, data, law->form, &options, &law->fit));
  EXSET_TRY(exset_alloc(ctx, data->n_rows, sizeof(double), &law->prediction));
  if (law->fit.status == EXSET_REGRESS_DONE)
    exset_regress_predict(data, law->form, law->fit.value, law->prediction);
  else
    for (int64_t i = 0; i < data->n_rows; i++) law->prediction[i] = NAN;
  exset_regress_quality(data->n_rows, data->target, law->prediction, &law->quality);
  return validate(ctx, group, &options, law);
}

/* ---- groups --------------------------------------------------------------------------------------- */

static int run_group(exset_ctx_t *ctx, const regress_plan_t *plan, regress_group_t *group) {
  const int n = group->rows.data.n_samples;
  const int folds = plan->folds > n ? n : (int)plan->folds;
  EXSET_TRY(exset_alloc(ctx, n, sizeof *group->fold, &group->fold));
  group->n_folds = exset_regress_folds(ctx, (uint64_t)plan->seed, folds, n, group->fold);
  if (group->n_folds < 0) return group->n_folds;
  for (int f = 0; f < plan->n_forms; f++)
    for (int m = 0; m < (plan->form[f].published ? 1 : 2); m++) {
      regress_law_t *law = &group->law[group->n_laws++];
      law->form = &plan->form[f];
      law->method = m == 0 ? EXSET_REGRESS_LOG : plan->residuals;
      EXSET_TRY(run_law(ctx, plan, group, law));
    }
  return EXSET_OK;
}

/* A group of rows, unless it would be empty. */
static int add_group(exset_ctx_t *ctx, const char *label, int phase, int axis,
                     regress_result_t *result) {
  regress_group_t *group = &result->group[result->n_groups++];
  group->phase = phase;
  group->axis = axis;
  snprintf(group->label, sizeof group->label, "%s", label);
  EXSET_TRY(exset_regress_rows_of(ctx, &result->rows, phase, axis, &group->rows));
  if (group->rows.data.n_rows > 0) return EXSET_OK;
  exset_regress_rows_clear(&group->rows);
  result->n_groups--;
  return EXSET_OK;
}

static int make_groups(exset_ctx_t *ctx, const regress_plan_t *plan, regress_result_t *result) {
  char label[16];
  if (plan->group[REGRESS_GROUP_POOLED]) EXSET_TRY(add_group(ctx, "pooled", 0, -1, result));
  for (int phase = 1; plan->group[REGRESS_GROUP_PHASE] && phase <= 16; phase++) {
    snprintf(label, sizeof label, "phase %d", phase);
    EXSET_TRY(add_group(ctx, label, phase, -1, result));
  }
  for (int axis = EXSET_AXIS_X; plan->group[REGRESS_GROUP_AXIS] && axis >= 0; axis--) {
    snprintf(label, sizeof label, "axis %c", regress_axis_name[axis]);
    EXSET_TRY(add_group(ctx, label, 0, axis, result));
  }
  return result->n_groups > 0 ? EXSET_OK : add_group(ctx, "pooled", 0, -1, result);
}

/* Something must have come of the fits. */
static int check_fits(exset_ctx_t *ctx, const regress_plan_t *plan,
                      const regress_result_t *result) {
  char remark[300];
  for (int g = 0; g < result->n_groups; g++)
    for (int l = 0; l < result->group[g].n_laws; l++)
      if (!result->group[g].law[l].form->published &&
          result->group[g].law[l].fit.status == EXSET_REGRESS_DONE)
        return EXSET_OK;
  const regress_group_t *first = &result->group[0];
  regress_remark(&first->law[0], sizeof remark, remark);
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "nothing can be fitted to %s: form %s, %lld usable row%s of %d sample%s: %s",
                    plan->input, first->law[0].form->name, (long long)first->rows.data.n_rows,
                    first->rows.data.n_rows == 1 ? "" : "s", first->rows.data.n_samples,
                    first->rows.data.n_samples == 1 ? "" : "s", remark);
}

static int run_groups(exset_ctx_t *ctx, const regress_plan_t *plan, regress_result_t *result) {
  EXSET_TRY(make_groups(ctx, plan, result));
  for (int g = 0; g < result->n_groups; g++) EXSET_TRY(run_group(ctx, plan, &result->group[g]));
  return check_fits(ctx, plan, result);
}

/* ---- the command ---------------------------------------------------------------------------------- */

static void clear(regress_result_t *result) {
  for (int g = 0; g < result->n_groups; g++) {
    regress_group_t *group = &result->group[g];
    for (int l = 0; l < group->n_laws; l++) free(group->law[l].prediction);
    free(group->fold);
    exset_regress_rows_clear(&group->rows);
  }
  exset_regress_rows_clear(&result->rows);
  free(result);
}

static int make_rows(exset_ctx_t *ctx, const regress_plan_t *plan, exset_regress_rows_t *rows) {
  EXSET_TRY(exset_regress_rows(ctx, &plan->table, &plan->selection, rows));
  if (rows->data.n_rows > 0) return EXSET_OK;
  regress_print_rows(ctx, plan, rows);
  return exset_fail(ctx, EXSET_ERR_INPUT, "no row of %s can be used: all %lld sample%s left out",
                    plan->input, (long long)rows->samples, rows->samples == 1 ? " is" : "s are");
}

static int write_files(exset_ctx_t *ctx, const exset_config_t *config, const regress_plan_t *plan,
                       const regress_result_t *result) {
  char *text = regress_result_csv(plan, result);
  int err = exset_agree(
      ctx, text ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory for the results"));
  if (!err) err = exset_outfile_text(ctx, plan->csv_path, text);
  free(text);
  if (err) return err;
  return cli_json_write(ctx, config, default_name, regress_result_json(ctx, plan, result));
}

static int run_plan(exset_ctx_t *ctx, const exset_config_t *config, const regress_plan_t *plan) {
  regress_result_t *result;
  EXSET_TRY(exset_alloc_all(ctx, 1, sizeof *result, &result));
  int err = exset_agree(ctx, make_rows(ctx, plan, &result->rows));
  if (!err) regress_print_rows(ctx, plan, &result->rows);
  if (!err && !plan->dry_run) {
    err = exset_agree(ctx, run_groups(ctx, plan, result));
    if (!err) regress_result_print(ctx, plan, result);
    if (!err) err = write_files(ctx, config, plan, result);
  }
  clear(result);
  return err;
}

int exset_cli_regress(exset_ctx_t *ctx, exset_config_t *config) {
  regress_plan_t plan;
  int err;
  EXSET_TRY_GOTO(err, done, regress_plan_read(ctx, config, default_name, &plan));
  EXSET_TRY_GOTO(err, done, cli_json_check(ctx, config, default_name));
  EXSET_TRY_GOTO(err, done, cli_output_check(ctx, config, plan.csv_path));
  err = run_plan(ctx, config, &plan);
done:
  regress_plan_clear(&plan);
  return err;
}
