/* Private to the program: the plan of exset regress, and its results as table, JSON and CSV. */
#ifndef EXSET_CLI_REGRESS_H
#define EXSET_CLI_REGRESS_H

#include "cli.h"
#include "exset/regress.h"

enum {
  REGRESS_MAX_FORMS = 20,
  REGRESS_MAX_GROUPS = 1 + 16 + 3,
  REGRESS_GROUP_POOLED = 0, /* places in the list of -regress_groups */
  REGRESS_GROUP_PHASE,
  REGRESS_GROUP_AXIS
};
static const char regress_axis_name[3] = {'z', 'y', 'x'};

typedef struct {
  const char *input;
  char *csv_path;
  exset_table_t table;
  exset_regress_selection_t selection; /* figures: borrowed or in own_name */
  int n_own;
  char *own_name[EXSET_REGRESS_MAX_PREDICTORS];
  int n_forms;
  exset_regress_form_t form[REGRESS_MAX_FORMS]; /* over the predictors of selection */
  bool group[3];                                /* REGRESS_GROUP_* */
  exset_regress_method_t residuals;             /* of the second fit */
  bool by_sample, dry_run;
  int64_t folds, seed;
} regress_plan_t;

/* One fit of one form, or a published law. */
typedef struct {
  const exset_regress_form_t *form;
  exset_regress_method_t method; /* no meaning for published laws */
  exset_regress_fit_t fit;
  exset_regress_quality_t quality, validation; /* in the sample, and cross-validated */
  double *prediction;                          /* [n_rows], NaN: no fit */
} regress_law_t;

typedef struct {
  int phase, axis; /* 0 and -1: all */
  char label[16];  /* "pooled", "phase 2", "axis z" */
  exset_regress_rows_t rows;
  int n_folds, *fold; /* 0: no cross-validation */
  int n_laws;
  regress_law_t law[2 * REGRESS_MAX_FORMS];
} regress_group_t;

typedef struct {
  exset_regress_rows_t rows; /* all, with what is left out */
  int n_groups;
  regress_group_t group[REGRESS_MAX_GROUPS];
} regress_result_t;

/* ---- cli_regress_plan.c ---- */

/**
 * Keys and the table. Collective. Errors: EXSET_ERR_INPUT, and those of exset_regress_table_read. Clear with regress_plan_clear,
 * also after errors.
 */
int regress_plan_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                      regress_plan_t *plan);
void regress_plan_clear(regress_plan_t *plan);

/* ---- cli_regress_result.c ---- */

/** "log", "absolute", "relative", or "published". Local. */
const char *regress_fit_name(const regress_law_t *law);
/** Which rows there are and which are left out. Local. */
void regress_print_rows(const exset_ctx_t *ctx, const regress_plan_t *plan,
                        const exset_regress_rows_t *rows);
/** Table for people. Local. */
void regress_result_print(const exset_ctx_t *ctx, const regress_plan_t *plan,
                          const regress_result_t *result);
/** What is to be said of a law for people, "" if nothing. Local. */
void regress_remark(const regress_law_t *law, size_t size, char *text);

/* ---- cli_regress_files.c ---- */

/** Results for scripts, as documented in doc/formats.md. Local. */
cJSON *regress_result_json(const exset_ctx_t *ctx, const regress_plan_t *plan,
                           const regress_result_t *result);
/** Predicted beside simulated values: new string, NULL: out of memory. Local. */
char *regress_result_csv(const regress_plan_t *plan, const regress_result_t *result);

#endif
