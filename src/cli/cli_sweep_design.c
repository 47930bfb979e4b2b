/* exset sweep: keys that samples set, and what values they take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_sweep.h"

enum { NAME_SIZE = 64, MAX_VALUES = 4096, MAX_PARAMETERS = 1000 };

static int no_memory(exset_ctx_t *ctx) {
  return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
}

/* ---- keys that samples set ------------------------------------------------------------------------ */

/* Samples vary the model and its box: what makes a twin, and is a number. */
static int check_key(exset_ctx_t *ctx, const exset_config_t *config, const char *name,
                     const exset_key_t **key) {
  EXSET_TRY(exset_config_key(config, name, key));
  const bool box = strcmp(name, "size") == 0 || strcmp(name, "voxel_size") == 0;
  if (!box && strncmp(name, "field", 5) != 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-%s cannot be varied: allowed are keys of the model (field1_...), size and "
                      "voxel_size",
                      name);
  if ((*key)->type == EXSET_KEY_INT || (*key)->type == EXSET_KEY_REAL) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT, "-%s cannot be varied: it is not a number", name);
}

/* The case's own values of a key, to be multiplied. */
static int read_base(exset_ctx_t *ctx, const exset_config_t *config, const exset_key_t *key,
                     sweep_key_t *varied) {
  const int most = key->max_values;
  int64_t *integer = NULL;
  EXSET_TRY(exset_alloc(ctx, most, sizeof *varied->base, &varied->base));
  int err = EXSET_OK;
  if (key->type == EXSET_KEY_REAL) {
    err = exset_config_real_list(config, varied->name, most, varied->base, &varied->n_base);
  } else {
    err = exset_alloc(ctx, most, sizeof *integer, &integer);
    if (!err) err = exset_config_int_list(config, varied->name, most, integer, &varied->n_base);
    for (int i = 0; !err && i < varied->n_base; i++) varied->base[i] = (double)integer[i];
    free(integer);
  }
  if (err || varied->n_base > 0) return err;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "-%s is to be varied relative to the case, which does not give it",
                    varied->name);
}

static int add_key(exset_ctx_t *ctx, sweep_plan_t *plan, const char *name, int parameter,
                   bool relative) {
  const exset_key_t *key;
  EXSET_TRY(check_key(ctx, plan->config, name, &key));
  for (int k = 0; k < plan->n_keys; k++)
    if (strcmp(plan->key[k].name, name) == 0)
      return exset_fail(ctx, EXSET_ERR_INPUT, "-%s is varied twice", name);
  sweep_key_t *grown = realloc(plan->key, sizeof *grown * (size_t)(plan->n_keys + 1));
  if (!grown) return no_memory(ctx);
  plan->key = grown;
  sweep_key_t *varied = &grown[plan->n_keys++];
  *varied = (sweep_key_t){strdup(name), parameter, key->type == EXSET_KEY_INT, 0, NULL};
  if (!varied->name) return no_memory(ctx);
  return relative ? read_base(ctx, plan->config, key, varied) : EXSET_OK;
}

/* ---- parameters ----------------------------------------------------------------------------------- */

static const char *key_name(char name[NAME_SIZE], int number, const char *what) {
  snprintf(name, NAME_SIZE, "sweep_parameter%d_%s", number, what);
  return name;
}

static int read_values(exset_ctx_t *ctx, const exset_config_t *config, int number,
                       exset_factor_t *factor) {
  char name[NAME_SIZE];
  double *values;
  EXSET_TRY(exset_alloc(ctx, MAX_VALUES, sizeof *values, &values));
  factor->values = values;
  return exset_config_real_list(config, key_name(name, number, "values"), MAX_VALUES, values,
                                &factor->n_values);
}

static int read_range(exset_ctx_t *ctx, const exset_config_t *config, int number,
                      exset_factor_t *factor) {
  char name[NAME_SIZE];
  double range[2];
  int n, scale;
  EXSET_TRY(exset_config_choice(config, key_name(name, number, "scale"), &scale));
  EXSET_TRY(exset_config_real_list(config, key_name(name, number, "range"), 2, range, &n));
  if (n != 2)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s has %d value%s; allowed: 2 (lowest,highest)", name,
                      n, n == 1 ? "" : "s");
  factor->low = range[0];
  factor->high = range[1];
  factor->log = scale == 1;
  if (range[0] > range[1])
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s is %g,%g: the lowest value comes first", name,
                      range[0], range[1]);
  if (factor->log && range[0] <= 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s is %g,%g: on a log scale both must be positive",
                      name, range[0], range[1]);
  return EXSET_OK;
}

static int read_parameter(exset_ctx_t *ctx, sweep_plan_t *plan, int number) {
  const exset_config_t *config = plan->config;
  exset_factor_t *factor = &plan->factor[number - 1];
  char name[NAME_SIZE];
  bool relative;
  const bool values = exset_config_given(config, key_name(name, number, "values"));
  const bool range = exset_config_given(config, key_name(name, number, "range"));
  EXSET_TRY(exset_config_bool(config, key_name(name, number, "relative"), &relative));
  if (!exset_config_given(config, key_name(name, number, "key")))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-%s is needed: parameters are numbered 1, 2, ... without gaps, each with a "
                      "key",
                      name);
  if (values == range)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "parameter %d has %s: it needs -sweep_parameter%d_range or "
                      "-sweep_parameter%d_values",
                      number, values ? "both a range and values" : "neither a range nor values",
                      number, number);
  EXSET_TRY(values ? read_values(ctx, config, number, factor)
                   : read_range(ctx, config, number, factor));
  for (int i = 0;; i++) {
    char *key = exset_config_string_item(config, key_name(name, number, "key"), i);
    if (!key) return EXSET_OK;
    const int err = add_key(ctx, plan, key, number - 1, relative);
    free(key);
    EXSET_TRY(err);
  }
}

/* Highest number of a parameter that has any key given. */
static int count_visit(void *user, const exset_key_t *key, const char *name, const char *value) {
  (void)key, (void)value;
  int number, *highest = user;
  if (sscanf(name, "sweep_parameter%d_", &number) == 1 && number > *highest) *highest = number;
  return EXSET_OK;
}

int sweep_read_parameters(exset_ctx_t *ctx, sweep_plan_t *plan) {
  int n = 0;
  EXSET_TRY(exset_config_used(plan->config, count_visit, &n));
  if (plan->design_kind == SWEEP_TABLE && n > 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-sweep_design table takes its parameters from -sweep_table, not from "
                      "sweep_parameter%d_...",
                      n);
  if (plan->design_kind != SWEEP_TABLE && (n < 1 || n > MAX_PARAMETERS))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the sweep has %d parameters (keys sweep_parameter1_key, "
                      "sweep_parameter1_range, ...): allowed are 1 to %d",
                      n, MAX_PARAMETERS);
  plan->n_parameters = n;
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plan->factor, &plan->factor));
  for (int i = 0; i < n; i++) EXSET_TRY(read_parameter(ctx, plan, i + 1));
  return EXSET_OK;
}

/* ---- the design ----------------------------------------------------------------------------------- */

/* Collective. */
static int read_table(exset_ctx_t *ctx, sweep_plan_t *plan) {
  char *path = exset_config_string_item(plan->config, "sweep_table", 0), **names = NULL;
  if (!path)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-sweep_table is needed: a CSV file with a header of keys and a row for each "
                      "sample");
  int err = exset_design_table(ctx, path, &plan->design, &names);
  for (int i = 0; !err && i < plan->design.n_factors; i++)
    err = add_key(ctx, plan, names[i], i, false);
  for (int i = 0; names && i < plan->design.n_factors; i++) free(names[i]);
  free(names);
  free(path);
  return exset_agree(ctx, err);
}

static int make_design(exset_ctx_t *ctx, sweep_plan_t *plan) {
  const exset_config_t *config = plan->config;
  const int n_factors = plan->n_parameters;
  int64_t n, seed, candidates;
  if (plan->design_kind == SWEEP_FACTORIAL) {
    if (exset_config_given(config, "sweep_samples"))
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "-sweep_samples is not for factorial designs: they have all combinations "
                        "of the parameters' values");
    return exset_design_factorial(ctx, n_factors, plan->factor, &plan->design);
  }
  EXSET_TRY(exset_config_int(config, "sweep_samples", &n));
  EXSET_TRY(exset_config_int(config, "sweep_seed", &seed));
  EXSET_TRY(exset_config_int(config, "sweep_candidates", &candidates));
  if (plan->design_kind == SWEEP_SOBOL)
    return exset_design_sobol(ctx, n_factors, plan->factor, n, (uint64_t)seed, &plan->design);
  return exset_design_latin_hypercube(ctx, n_factors, plan->factor, n, (uint64_t)seed,
                                      (int)candidates, &plan->design);
}

int sweep_make_design(exset_ctx_t *ctx, sweep_plan_t *plan) {
  if (plan->design_kind == SWEEP_TABLE) return read_table(ctx, plan);
  return exset_agree(ctx, make_design(ctx, plan));
}
