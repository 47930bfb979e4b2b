/* exset regress: what to fit, from the keys and the table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_regress.h"

static const char *const named_figure[EXSET_REGRESS_NAMED] = {"volume_fraction", "constrictivity",
                                                              "geodesic_tortuosity"};
static const char *const default_form[] = {"power", "power1", "stenzel_beta", "eps_tau", "eps"};
enum { N_DEFAULT = sizeof default_form / sizeof *default_form };

/* ---- keys ----------------------------------------------------------------------------------------- */

static int read_phases_and_axes(exset_ctx_t *ctx, const exset_config_t *config,
                                exset_regress_selection_t *s) {
  int64_t phase[16];
  int axis[3];
  EXSET_TRY(exset_config_int_list(config, "regress_phase", 16, phase, &s->n_phases));
  EXSET_TRY(exset_config_choice_list(config, "regress_axis", 3, axis, &s->n_axes));
  for (int i = 0; i < s->n_phases; i++) {
    s->phase[i] = (int)phase[i];
    for (int k = 0; k < i; k++)
      if (s->phase[k] == s->phase[i])
        return exset_fail(ctx, EXSET_ERR_INPUT, "-regress_phase names %d twice", s->phase[i]);
  }
  for (int i = 0; i < s->n_axes; i++) {
    s->axis[i] = EXSET_AXIS_X - axis[i];
    for (int k = 0; k < i; k++)
      if (s->axis[k] == s->axis[i])
        return exset_fail(ctx, EXSET_ERR_INPUT, "-regress_axis names %c twice",
                          regress_axis_name[s->axis[i]]);
  }
  return EXSET_OK;
}

static int read_predictors(exset_ctx_t *ctx, const exset_config_t *config, regress_plan_t *plan) {
  if (!exset_config_given(config, "regress_predictors")) return EXSET_OK;
  for (int i = 0; i < EXSET_REGRESS_MAX_PREDICTORS; i++) {
    char *name = exset_config_string_item(config, "regress_predictors", i);
    if (!name) break;
    plan->own_name[plan->n_own++] = name;
    if (!name[0] || strlen(name) >= EXSET_REGRESS_NAME)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "-regress_predictors has \"%.70s\": allowed are names of 1 to %d bytes",
                        name, EXSET_REGRESS_NAME - 1);
    for (int k = 0; k < i; k++)
      if (strcmp(plan->own_name[k], name) == 0)
        return exset_fail(ctx, EXSET_ERR_INPUT, "-regress_predictors names %s twice", name);
  }
  return EXSET_OK;
}

static int read_groups(const exset_config_t *config, regress_plan_t *plan) {
  int choice[3], n;
  EXSET_TRY(exset_config_choice_list(config, "regress_groups", 3, choice, &n));
  for (int i = 0; i < n; i++) plan->group[choice[i]] = true;
  return EXSET_OK;
}

static int read_keys(exset_ctx_t *ctx, const exset_config_t *config, regress_plan_t *plan) {
  int residuals, intervals;
  if (exset_config_inputs(config) != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%d inputs given; one table is needed: exset regress sweep.csv",
                      exset_config_inputs(config));
  plan->input = exset_config_input(config, 0);
  EXSET_TRY(exset_config_string(config, "regress_target", &plan->selection.target));
  EXSET_TRY(read_phases_and_axes(ctx, config, &plan->selection));
  EXSET_TRY(read_predictors(ctx, config, plan));
  EXSET_TRY(read_groups(config, plan));
  EXSET_TRY(exset_config_real(config, "regress_percolation", &plan->selection.percolation));
  EXSET_TRY(exset_config_choice(config, "regress_residuals", &residuals));
  EXSET_TRY(exset_config_choice(config, "regress_intervals", &intervals));
  EXSET_TRY(exset_config_int(config, "regress_folds", &plan->folds));
  EXSET_TRY(exset_config_int(config, "regress_seed", &plan->seed));
  EXSET_TRY(exset_config_bool(config, "dry_run", &plan->dry_run));
  plan->residuals = residuals == 0 ? EXSET_REGRESS_ABSOLUTE : EXSET_REGRESS_RELATIVE;
  plan->by_sample = intervals == 0;
  return EXSET_OK;
}

/* ---- forms ---------------------------------------------------------------------------------------- */

/* Are there columns for all figures of a named form? */
static bool has_figures(const exset_table_t *table, const exset_regress_form_t *form) {
  for (int p = 0; p < EXSET_REGRESS_NAMED; p++)
    if (exset_regress_uses(form, p) && !exset_regress_has(table, named_figure[p])) return false;
  return true;
}

/* Number of a figure in the selection, where it is added if need be; -1: no room. */
static int predictor_number(exset_regress_selection_t *s, const char *figure) {
  for (int j = 0; j < s->n_predictors; j++)
    if (strcmp(s->predictor[j], figure) == 0) return j;
  if (s->n_predictors == EXSET_REGRESS_MAX_PREDICTORS) return -1;
  s->predictor[s->n_predictors] = figure;
  return s->n_predictors++;
}

/* Take a form whose predictors are numbered as in `figure`. False: there is no room for its predictors, the plan is as it was. */
static bool add_form(regress_plan_t *plan, const exset_regress_form_t *form,
                     const char *const *figure) {
  exset_regress_selection_t selection = plan->selection;
  exset_regress_form_t *to = &plan->form[plan->n_forms];
  *to = *form;
  for (int j = 0; j < to->n_factors; j++) {
    exset_regress_factor_t *f = &to->factor[j];
    f->predictor = predictor_number(&selection, figure[f->predictor]);
    if (f->predictor < 0) return false;
  }
  plan->selection = selection;
  plan->n_forms++;
  return true;
}

/* Forms asked for by name; "predictors" is the one of -regress_predictors. */
static int add_asked(exset_ctx_t *ctx, const exset_config_t *config, regress_plan_t *plan) {
  exset_regress_form_t form;
  for (int i = 0;; i++) {
    char *name = exset_config_string_item(config, "regress_form", i);
    if (!name) return EXSET_OK;
    bool twice = false;
    for (int k = 0; k < plan->n_forms; k++) twice = twice || !strcmp(plan->form[k].name, name);
    const bool own = strcmp(name, "predictors") == 0;
    if (own) exset_regress_form_powers(plan->n_own, (const char *const *)plan->own_name, &form);
    else exset_regress_form_named(name, &form);
    free(name);
    if (twice) return exset_fail(ctx, EXSET_ERR_INPUT, "-regress_form names %s twice", form.name);
    if (own && plan->n_own == 0)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "-regress_form predictors needs -regress_predictors, names of columns");
    if (!add_form(plan, &form, own ? (const char *const *)plan->own_name : named_figure))
      return exset_fail(ctx, EXSET_ERR_INPUT, "too many predictors: allowed are %d in all",
                        EXSET_REGRESS_MAX_PREDICTORS);
  }
}

/* Those whose figures are in the table; eps in any case, so that a message tells what is missing. */
static void add_defaults(const exset_ctx_t *ctx, regress_plan_t *plan) {
  exset_regress_form_t form;
  for (int i = 0; i < N_DEFAULT; i++) {
    exset_regress_form_named(default_form[i], &form);
    if (i == N_DEFAULT - 1 || has_figures(&plan->table, &form))
      (void)add_form(plan, &form, named_figure);
    else exset_info(ctx, "regress: no columns for form %s (%s)", form.name, form.formula);
  }
}

static int read_forms(exset_ctx_t *ctx, const exset_config_t *config, regress_plan_t *plan) {
  exset_regress_form_t form;
  bool published;
  EXSET_TRY(exset_config_bool(config, "regress_published", &published));
  if (exset_config_given(config, "regress_form")) {
    EXSET_TRY(add_asked(ctx, config, plan));
  } else if (plan->n_own > 0) {
    exset_regress_form_powers(plan->n_own, (const char *const *)plan->own_name, &form);
    (void)add_form(plan, &form, (const char *const *)plan->own_name);
  } else {
    add_defaults(ctx, plan);
  }
  if (strcmp(plan->selection.target, "m_factor") != 0) published = false;
  const char *name;
  for (int i = 0; published && (name = exset_regress_form_name(i)) != NULL; i++)
    if (exset_regress_form_named(name, &form) && form.published && has_figures(&plan->table, &form))
      (void)add_form(plan, &form, named_figure);
  return EXSET_OK;
}

int regress_plan_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                      regress_plan_t *plan) {
  memset(plan, 0, sizeof *plan);
  EXSET_TRY(exset_agree(ctx, read_keys(ctx, config, plan)));
  plan->csv_path = cli_path(config, default_name, ".csv");
  EXSET_TRY(exset_agree(
      ctx, plan->csv_path ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory")));
  EXSET_TRY(exset_regress_table_read(ctx, plan->input, &plan->table));
  return exset_agree(ctx, read_forms(ctx, config, plan));
}

void regress_plan_clear(regress_plan_t *plan) {
  for (int i = 0; i < plan->n_own; i++) free(plan->own_name[i]);
  exset_table_clear(&plan->table);
  free(plan->csv_path);
  memset(plan, 0, sizeof *plan);
}
