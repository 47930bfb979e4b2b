/* exset regress: results as JSON, predicted and simulated values as CSV. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_regress.h"

/* ---- JSON ----------------------------------------------------------------------------------------- */

static void add_quality(cJSON *object, const exset_regress_quality_t *q) {
  cJSON_AddNumberToObject(object, "r2", q->r2);
  cJSON_AddNumberToObject(object, "r2_log", q->r2_log);
  cJSON_AddNumberToObject(object, "mape", q->mape);
  cJSON_AddNumberToObject(object, "rmse", q->rmse);
}

static void add_parameters(cJSON *object, const regress_law_t *law) {
  cJSON *value = cJSON_AddObjectToObject(object, "parameters");
  cJSON *sd = cJSON_AddObjectToObject(object, "parameters_sd");
  cJSON *interval = cJSON_AddObjectToObject(object, "parameters_ci95");
  for (int p = 0; p < law->fit.n_parameters; p++) {
    const char *name = exset_regress_parameter(law->form, p);
    const double ends[2] = {law->fit.low[p], law->fit.high[p]};
    cJSON_AddNumberToObject(value, name, law->fit.value[p]);
    cJSON_AddNumberToObject(sd, name, law->fit.sd[p]);
    cJSON_AddItemToObject(interval, name, cli_json_reals(2, ends));
  }
}

static cJSON *json_law(const regress_law_t *law) {
  static const char *const status[] = {"done", "too_few", "collinear", "diverged"};
  char remark[300];
  cJSON *object = cJSON_CreateObject();
  cJSON_AddStringToObject(object, "form", law->form->name);
  cJSON_AddStringToObject(object, "formula", law->form->formula);
  cJSON_AddStringToObject(object, "fit", regress_fit_name(law));
  cJSON_AddStringToObject(object, "status", status[law->fit.status]);
  add_parameters(object, law);
  add_quality(object, &law->quality);
  if (!law->form->published) {
    add_quality(cJSON_AddObjectToObject(object, "cross_validation"), &law->validation);
    cJSON_AddNumberToObject(object, "degrees_of_freedom", law->fit.degrees);
    cJSON_AddNumberToObject(object, "condition_number", law->fit.condition);
    cJSON_AddNumberToObject(object, "iterations", law->fit.iterations);
  }
  regress_remark(law, sizeof remark, remark);
  cJSON_AddStringToObject(object, "remark", remark);
  return object;
}

static cJSON *json_group(const regress_group_t *group) {
  cJSON *object = cJSON_CreateObject();
  const char axis[2] = {group->axis < 0 ? '\0' : regress_axis_name[group->axis], '\0'};
  cJSON_AddStringToObject(object, "group", group->label);
  cJSON_AddItemToObject(object, "phase",
                        group->phase > 0 ? cJSON_CreateNumber(group->phase) : cJSON_CreateNull());
  cJSON_AddItemToObject(object, "axis", axis[0] ? cJSON_CreateString(axis) : cJSON_CreateNull());
  cJSON_AddNumberToObject(object, "rows", (double)group->rows.data.n_rows);
  cJSON_AddNumberToObject(object, "samples", group->rows.data.n_samples);
  cJSON_AddNumberToObject(object, "folds", group->n_folds);
  cJSON *fits = cJSON_AddArrayToObject(object, "fits");
  for (int l = 0; l < group->n_laws; l++) cJSON_AddItemToArray(fits, json_law(&group->law[l]));
  return object;
}

static cJSON *json_left_out(const regress_plan_t *plan, const exset_regress_rows_t *rows) {
  static const char *const why[] = {"failed", "target_missing", "no_path", "barely_percolating"};
  cJSON *object = cJSON_CreateObject();
  for (int i = 0; i < EXSET_REGRESS_OUT_PREDICTOR; i++)
    cJSON_AddNumberToObject(object, why[i], (double)rows->out[i]);
  for (int j = 0; j < plan->selection.n_predictors; j++)
    cJSON_AddNumberToObject(object, plan->selection.predictor[j],
                            (double)rows->out[EXSET_REGRESS_OUT_PREDICTOR + j]);
  return object;
}

cJSON *regress_result_json(const exset_ctx_t *ctx, const regress_plan_t *plan,
                           const regress_result_t *result) {
  cJSON *root = cJSON_CreateObject();
  cJSON_AddStringToObject(root, "target", plan->selection.target);
  cJSON *predictors = cJSON_AddArrayToObject(root, "predictors");
  for (int j = 0; j < plan->selection.n_predictors; j++)
    cJSON_AddItemToArray(predictors, cJSON_CreateString(plan->selection.predictor[j]));
  cJSON_AddNumberToObject(root, "samples", (double)result->rows.samples);
  cJSON_AddNumberToObject(root, "rows", (double)result->rows.data.n_rows);
  cJSON_AddItemToObject(root, "left_out", json_left_out(plan, &result->rows));
  cJSON_AddStringToObject(root, "intervals", plan->by_sample ? "sample" : "rows");
  cJSON_AddStringToObject(root, "csv", plan->csv_path);
  cJSON *groups = cJSON_AddArrayToObject(root, "groups");
  for (int g = 0; g < result->n_groups; g++)
    cJSON_AddItemToArray(groups, json_group(&result->group[g]));
  cJSON_AddNumberToObject(cJSON_AddObjectToObject(root, "seconds"), "total",
                          MPI_Wtime() - ctx->start);
  return root;
}

/* ---- CSV ------------------------------------------------------------------------------------------ */

/* Empty for NaN. */
static void put_number(FILE *out, double value) {
  if (isfinite(value)) fprintf(out, ",%.17g", value);
  else fputc(',', out);
}

static void put_head(FILE *out, const regress_plan_t *plan, const regress_group_t *group) {
  fputs("group,sample,phase,axis,fold,", out);
  exset_table_put_text(out, plan->selection.target);
  for (int j = 0; j < plan->selection.n_predictors; j++) {
    fputc(',', out);
    exset_table_put_text(out, plan->selection.predictor[j]);
  }
  for (int l = 0; l < group->n_laws; l++)
    if (group->law[l].form->published) fprintf(out, ",%s", group->law[l].form->name);
    else fprintf(out, ",%s_%s", group->law[l].form->name, regress_fit_name(&group->law[l]));
  fputc('\n', out);
}

static void put_row(FILE *out, const regress_plan_t *plan, const regress_group_t *group,
                    int64_t i) {
  const exset_regress_rows_t *rows = &group->rows;
  const int column = exset_table_column(&plan->table, "sample"), k = rows->data.n_predictors;
  fprintf(out, "%s,", group->label);
  if (column >= 0) exset_table_put_text(out, exset_table_cell(&plan->table, rows->row[i], column));
  else fprintf(out, "%lld", (long long)rows->row[i] + 1);
  fputc(',', out);
  if (rows->phase[i] > 0) fprintf(out, "%d", rows->phase[i]);
  fputc(',', out);
  if (rows->axis[i] >= 0) fputc(regress_axis_name[rows->axis[i]], out);
  fputc(',', out);
  if (group->n_folds > 0) fprintf(out, "%d", group->fold[rows->data.sample[i]] + 1);
  put_number(out, rows->data.target[i]);
  for (int j = 0; j < k; j++) put_number(out, rows->data.predictor[i * k + j]);
  for (int l = 0; l < group->n_laws; l++) put_number(out, group->law[l].prediction[i]);
  fputc('\n', out);
}

char *regress_result_csv(const regress_plan_t *plan, const regress_result_t *result) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  put_head(out, plan, &result->group[0]);
  for (int g = 0; g < result->n_groups; g++)
    for (int64_t i = 0; i < result->group[g].rows.data.n_rows; i++)
      put_row(out, plan, &result->group[g], i);
  const bool bad = ferror(out) != 0;
  if (fclose(out) == 0 && !bad) return text;
  free(text);
  return NULL;
}
