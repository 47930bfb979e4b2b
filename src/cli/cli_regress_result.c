/* exset regress: results as a table for people. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli_regress.h"

/* ---- rows ----------------------------------------------------------------------------------------- */

static void print_out(const exset_ctx_t *ctx, int64_t n, const char *why) {
  if (n > 0) exset_print(ctx, "  left out: %lld row%s: %s\n", (long long)n, n == 1 ? "" : "s", why);
}

void regress_print_rows(const exset_ctx_t *ctx, const regress_plan_t *plan,
                        const exset_regress_rows_t *rows) {
  const exset_regress_selection_t *s = &plan->selection;
  char why[200];
  exset_print(ctx, "%s of %s: %lld row%s of %d of %lld samples\n", s->target, plan->input,
              (long long)rows->data.n_rows, rows->data.n_rows == 1 ? "" : "s", rows->data.n_samples,
              (long long)rows->samples);
  print_out(ctx, rows->out[EXSET_REGRESS_OUT_FAILED], "status is not \"done\"");
  snprintf(why, sizeof why, "%.80s is missing", s->target);
  print_out(ctx, rows->out[EXSET_REGRESS_OUT_TARGET], why);
  snprintf(why, sizeof why, "%.80s is not positive (no path)", s->target);
  print_out(ctx, rows->out[EXSET_REGRESS_OUT_ZERO], why);
  snprintf(why, sizeof why, "barely percolating, percolating_fraction < %g (-regress_percolation)",
           s->percolation);
  print_out(ctx, rows->out[EXSET_REGRESS_OUT_BARELY], why);
  for (int j = 0; j < s->n_predictors; j++) {
    snprintf(why, sizeof why, "%.80s is missing or not positive", s->predictor[j]);
    print_out(ctx, rows->out[EXSET_REGRESS_OUT_PREDICTOR + j], why);
  }
  if (!rows->percolation_known && s->percolation > 0)
    exset_print(ctx,
                "  no columns percolating_fraction: barely percolating phases are not left out\n");
}

/* ---- laws ----------------------------------------------------------------------------------------- */

const char *regress_fit_name(const regress_law_t *law) {
  static const char *const name[] = {"log", "absolute", "relative"};
  return law->form->published ? "published" : name[law->method];
}

/* "k, a and c" of those involved. */
static void involved_text(const regress_law_t *law, size_t size, char *text) {
  int total = 0, seen = 0;
  size_t used = 0;
  text[0] = '\0';
  for (int p = 0; p < law->fit.n_parameters; p++) total += law->fit.involved[p];
  for (int p = 0; p < law->fit.n_parameters; p++) {
    if (!law->fit.involved[p]) continue;
    const char *join = seen == 0 ? "" : seen == total - 1 ? " and " : ", ";
    seen++;
    if (used < size)
      used += (size_t)snprintf(text + used, size - used, "%s%s", join,
                               exset_regress_parameter(law->form, p));
  }
}

void regress_remark(const regress_law_t *law, size_t size, char *text) {
  char names[160];
  const exset_regress_fit_t *fit = &law->fit;
  text[0] = '\0';
  if (fit->n_parameters == 0) return;
  involved_text(law, sizeof names, names);
  switch (fit->status) {
    case EXSET_REGRESS_TOO_FEW:
      snprintf(text, size, "too few rows: %d parameter%s more than %d", fit->n_parameters,
               fit->n_parameters == 1 ? " needs" : "s need", fit->n_parameters);
      return;
    case EXSET_REGRESS_COLLINEAR:
      snprintf(text, size,
               "the predictors do not tell %s apart (condition number %.2g): leave some out", names,
               fit->condition);
      return;
    case EXSET_REGRESS_DIVERGED:
      snprintf(text, size, "the iteration did not converge");
      return;
    case EXSET_REGRESS_DONE:
      break;
  }
  if (fit->condition > EXSET_REGRESS_CONDITION_WARN)
    snprintf(
        text, size,
        "collinear predictors, condition number %.3g: %s vary together, and single values mean "
        "little",
        fit->condition, names);
  else if (!isfinite(fit->low[0])) snprintf(text, size, "too few samples for intervals");
}

/* "-" where there is none. */
static const char *number(const char *format, double value, char text[24]) {
  if (isfinite(value)) snprintf(text, 24, format, value);
  else snprintf(text, 24, "-");
  return text;
}

/* As the formula has it: a1, a2, ... for the exponents of predictors, which are named by their columns elsewhere. */
static void symbol(const regress_law_t *law, int p, char text[EXSET_REGRESS_NAME]) {
  const bool powers = strcmp(law->form->name, "predictors") == 0 && p > 0;
  if (powers) snprintf(text, EXSET_REGRESS_NAME, "a%d", p);
  else snprintf(text, EXSET_REGRESS_NAME, "%s", exset_regress_parameter(law->form, p));
}

static void print_parameters(const exset_ctx_t *ctx, const regress_law_t *law) {
  const exset_regress_fit_t *fit = &law->fit;
  char name[EXSET_REGRESS_NAME], low[24], high[24], remark[300];
  exset_print(ctx, "    %s", law->form->formula);
  for (int p = 0; fit->status == EXSET_REGRESS_DONE && p < fit->n_parameters; p++) {
    symbol(law, p, name);
    exset_print(ctx, "%s %s = %.4g [%s, %s]", p == 0 ? ":" : ",", name, fit->value[p],
                number("%.4g", fit->low[p], low), number("%.4g", fit->high[p], high));
  }
  exset_print(ctx, "\n");
  regress_remark(law, sizeof remark, remark);
  if (remark[0]) exset_print(ctx, "    note: %s\n", remark);
}

static void print_law(const exset_ctx_t *ctx, const regress_law_t *law) {
  const exset_regress_quality_t *q = &law->quality, *v = &law->validation;
  char text[7][24];
  exset_print(ctx, "%-16s %-9s %8s %8s %8s %10s   %8s %8s %10s\n", law->form->name,
              regress_fit_name(law), number("%.4f", q->r2, text[0]),
              number("%.4f", q->r2_log, text[1]), number("%.2f", 100 * q->mape, text[2]),
              number("%.4g", q->rmse, text[3]), number("%.4f", v->r2, text[4]),
              number("%.2f", 100 * v->mape, text[5]), number("%.4g", v->rmse, text[6]));
  print_parameters(ctx, law);
}

static void print_group(const exset_ctx_t *ctx, const regress_group_t *group) {
  exset_print(ctx, "\n%s: %lld rows of %d samples", group->label,
              (long long)group->rows.data.n_rows, group->rows.data.n_samples);
  if (group->n_folds > 0) exset_print(ctx, "; cross-validated by sample, %d folds", group->n_folds);
  exset_print(
      ctx,
      "\nform             fit             R2   R2 log   MAPE %%       RMSE      CV R2  CV MAPE "
      "   CV RMSE\n");
  for (int l = 0; l < group->n_laws; l++) print_law(ctx, &group->law[l]);
}

void regress_result_print(const exset_ctx_t *ctx, const regress_plan_t *plan,
                          const regress_result_t *result) {
  exset_print(ctx, "95 %% intervals: %s\n",
              plan->by_sample
                  ? "by leaving out one sample at a time (rows of a sample depend on each other)"
                  : "as if all rows were independent");
  for (int g = 0; g < result->n_groups; g++) print_group(ctx, &result->group[g]);
}
