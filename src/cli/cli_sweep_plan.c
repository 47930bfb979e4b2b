/* exset sweep: what to do, from the keys. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_sweep.h"

enum { NAME_SIZE = 64, MAX_VALUES = 4096, MAX_PARAMETERS = 1000 };

static int no_memory(exset_ctx_t *ctx) {
  return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
}

void sweep_take_message(exset_ctx_t *ctx, exset_ctx_t *other, size_t size, char *text) {
  snprintf(text, size, "%s", ctx->message[0] ? ctx->message : other->message);
  ctx->message[0] = other->message[0] = '\0';
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

static int read_parameters(exset_ctx_t *ctx, sweep_plan_t *plan) {
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

/* ---- samples -------------------------------------------------------------------------------------- */

/* Values of a key for a value of the design, as they would be typed: the shortest texts of full precision. */
static void put_value(FILE *out, const sweep_key_t *key, double value) {
  char text[32];
  if (key->integer && fabs(value) < 9e18) {
    fprintf(out, "%lld", llround(value));
    return;
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  fputs(text, out);
}

/* New string, NULL: out of memory. */
static char *key_text(const sweep_key_t *key, double value) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  if (key->n_base == 0) put_value(out, key, value);
  for (int i = 0; i < key->n_base; i++) {
    if (i > 0) fputc(',', out);
    put_value(out, key, key->base[i] * value);
  }
  const bool failed = ferror(out);
  if (fclose(out) == 0 && !failed) return text;
  free(text);
  return NULL;
}

int sweep_apply(const sweep_plan_t *plan, int64_t sample) {
  for (int k = 0; k < plan->n_keys; k++) {
    const sweep_key_t *key = &plan->key[k];
    char *text =
        key_text(key, plan->design.value[sample * plan->design.n_factors + key->parameter]);
    const int err = text ? exset_config_set(plan->config, key->name, text) : EXSET_ERR_LOCAL;
    free(text);
    EXSET_TRY(err);
  }
  return EXSET_OK;
}

/* The values in force, of lists the first. */
static void note_values(const sweep_plan_t *plan, int64_t sample) {
  for (int k = 0; k < plan->n_keys; k++) {
    const sweep_key_t *key = &plan->key[k];
    const double given = plan->design.value[sample * plan->design.n_factors + key->parameter];
    const double value = key->n_base > 0 ? key->base[0] * given : given;
    plan->value[sample * plan->n_keys + k] = key->integer ? round(value) : value;
  }
}

/*
 * Seed of a sample's noise: of the case for all; or also of the sample's values, whatever the order of keys and samples. 48
 * bits, which JSON, HDF5 and -seed hold exactly.
 */
static uint64_t seed_of(const sweep_plan_t *plan, int64_t sample) {
  uint64_t sum = 0;
  char text[128];
  if (plan->noise == SWEEP_COMMON) return (uint64_t)plan->base_seed;
  for (int k = 0; k < plan->n_keys; k++) {
    snprintf(text, sizeof text, "%" PRId64 " %.60s=%.17g", plan->base_seed, plan->key[k].name,
             plan->value[sample * plan->n_keys + k]);
    sum += exset_digest(text).word[0];
  }
  return sum & ((UINT64_C(1) << 48) - 1);
}

/* What a unit measures, and its version: to be raised when other code gives other figures for the same case. */
static void put_measures(FILE *out, const sweep_plan_t *plan) {
  const conduct_plan_t *conduct = &plan->conduct;
  fputs("unit 1\n", out);
  for (int g = 0; plan->describing && g < EXSET_MORPH_GROUPS; g++)
    if (exset_morph_computed(&plan->morph, (exset_morph_group_t)g))
      fprintf(out, "morph %s\n", exset_morph_group_name((exset_morph_group_t)g));
  for (int a = 0; plan->describing && a < 3; a++)
    if (plan->morph.axis[a]) fprintf(out, "morph axis %d\n", a);
  if (!plan->solving) return;
  fprintf(out, "conduct %d %.17g\n", (int)conduct->boundary, conduct->options.rtol);
  for (int a = 0; a < conduct->n_axes; a++) fprintf(out, "axis %d\n", conduct->axis[a]);
  for (int i = 0; i < conduct->n_sets * conduct->n_phases; i++)
    fprintf(out, "sigma %.17g\n", conduct->sigma[i]);
}

/* Everything that determines the results of a sample, for its identity. */
static int digest_of(exset_ctx_t *ctx, const sweep_plan_t *plan, int64_t sample,
                     const exset_model_t *model, const exset_grid_t *grid) {
  char *text = NULL, *yaml = cli_model_text(model);
  size_t size = 0;
  FILE *out = yaml ? open_memstream(&text, &size) : NULL;
  if (out) {
    put_measures(out, plan);
    for (int a = 0; a < 3; a++) fprintf(out, "%" PRId64 " %.17g\n", grid->n[a], grid->voxel[a]);
    fprintf(out, "seed %" PRIu64 "\n%s", plan->seed[sample], yaml);
  }
  const bool whole = out && !ferror(out) && fclose(out) == 0;
  if (whole) plan->digest[sample] = exset_digest(text);
  free(text);
  free(yaml);
  return whole ? EXSET_OK : no_memory(ctx);
}

/* A box of few correlation lengths: one realisation differs from the next. */
static bool is_small(const exset_model_t *model, const exset_grid_t *grid) {
  bool is = false;
  for (int f = 0; f < model->n_fields; f++) {
    double xy, z;
    exset_spectrum_lengths(&model->field[f].spectrum, &xy, &z);
    for (int a = 0; a < 3; a++)
      is = is || (double)grid->n[a] * grid->voxel[a] < SWEEP_LENGTHS * (a == EXSET_AXIS_Z ? z : xy);
  }
  return is;
}

/* Model and box of the case as it is now. The largest box is kept. */
static int resolve_model(exset_ctx_t *ctx, sweep_plan_t *plan, int64_t sample,
                         exset_model_t *model) {
  exset_grid_t grid, *largest = &plan->conduct.whole.grid;
  EXSET_TRY(cli_model_read(ctx, plan->config, false, model));
  EXSET_TRY(cli_grid(ctx, plan->config, &grid));
  for (int f = 0; f < model->n_fields; f++)
    if (model->field[f].coupling != 0 && model->field[0].type != EXSET_FIELD_GAUSSIAN)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "-field%d_coupling is %g: a field can be coupled to a Gaussian field1 only",
                        f + 1, model->field[f].coupling);
  if (exset_grid_cells(&grid) > exset_grid_cells(largest)) *largest = grid;
  if (model->n_fields > plan->n_fields) plan->n_fields = model->n_fields;
  plan->n_small += is_small(model, &grid);
  if (plan->solving &&
      (plan->conduct.n_sets == 0 || plan->conduct.n_phases != model->n_fields + 1)) {
    plan->conduct.n_sets = 0; /* also after an error */
    EXSET_TRY(conduct_plan_sets(ctx, &plan->conduct, model->n_fields + 1));
  }
  return digest_of(ctx, plan, sample, model, &grid);
}

/* EXSET_OK also for a sample that cannot be made. */
static int resolve(exset_ctx_t *ctx, sweep_plan_t *plan, int64_t sample) {
  char text[sizeof ctx->message];
  exset_model_t model = {0};
  const int mark = exset_config_mark(plan->config);
  note_values(plan, sample);
  plan->seed[sample] = seed_of(plan, sample);
  int err = sweep_apply(plan, sample);
  if (!err) err = resolve_model(ctx, plan, sample, &model);
  exset_model_clear(&model);
  exset_config_rewind(plan->config, mark);
  if (err <= 0) return err;
  sweep_take_message(ctx, ctx, sizeof text, text);
  plan->failure[sample] = strdup(text);
  return plan->failure[sample] ? EXSET_OK : no_memory(ctx);
}

static int resolve_all(exset_ctx_t *ctx, sweep_plan_t *plan) {
  const int64_t n = plan->design.n;
  int64_t failed = 0;
  EXSET_TRY(exset_alloc(ctx, exset_mul3(n, plan->n_keys, 1), sizeof(double), &plan->value));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plan->seed, &plan->seed));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plan->failure, &plan->failure));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plan->digest, &plan->digest));
  EXSET_TRY(exset_alloc(ctx, plan->n_keys, sizeof *plan->key_name, &plan->key_name));
  for (int k = 0; k < plan->n_keys; k++) plan->key_name[k] = plan->key[k].name;
  plan->samples = (exset_samples_t){.n = n,
                                    .realisations = plan->realisations,
                                    .n_keys = plan->n_keys,
                                    .key = plan->key_name,
                                    .value = plan->value,
                                    .seed = plan->seed,
                                    .failure = (const char *const *)plan->failure,
                                    .digest = plan->digest};
  for (int64_t i = 0; i < n; i++) {
    EXSET_TRY(resolve(ctx, plan, i));
    failed += plan->failure[i] != NULL;
  }
  if (failed < n) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT, "%s%s", plan->failure[0],
                    n > 1 ? " (and no other sample can be made)" : "");
}

/* ---- tasks ---------------------------------------------------------------------------------------- */

/* An integer of the environment on rank 0, or missing. */
static int64_t environment(const char *name, int64_t missing) {
  const char *text = getenv(name);
  char *end;
  if (!text || !text[0]) return missing;
  const long long value = strtoll(text, &end, 10);
  return *end || value < 0 ? missing : value;
}

/* A SLURM job array's task: the same for all ranks, whatever their nodes were told. */
static int environment_task(exset_ctx_t *ctx, int64_t task[2]) {
  const int64_t id = environment("SLURM_ARRAY_TASK_ID", -1);
  const int64_t step = environment("SLURM_ARRAY_TASK_STEP", 1);
  task[0] = 0;
  task[1] = 1;
  if (id >= 0) {
    task[0] = (id - environment("SLURM_ARRAY_TASK_MIN", 0)) / (step > 0 ? step : 1);
    task[1] = environment("SLURM_ARRAY_TASK_COUNT", 1);
  }
  return EXSET_MPI(ctx, MPI_Bcast(task, 2, MPI_INT64_T, 0, ctx->comm));
}

static int read_task(exset_ctx_t *ctx, sweep_plan_t *plan) {
  const exset_config_t *config = plan->config;
  const bool task = exset_config_given(config, "sweep_task");
  const bool tasks = exset_config_given(config, "sweep_tasks");
  int64_t value[2] = {0, 1};
  if (task && !tasks)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-sweep_task needs -sweep_tasks, their number");
  if (task) EXSET_TRY(exset_config_int(config, "sweep_task", &value[0]));
  if (tasks) EXSET_TRY(exset_config_int(config, "sweep_tasks", &value[1]));
  if (!tasks) EXSET_TRY(environment_task(ctx, value));
  if (tasks && !task && value[1] > 1 && !plan->merge && !plan->dry_run)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-sweep_tasks needs -sweep_task, a number from 0");
  plan->task = value[0];
  plan->n_tasks = value[1];
  if (plan->task < plan->n_tasks) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "task %" PRId64 " of %" PRId64 ": allowed are 0 to %" PRId64
                    "; -sweep_task and -sweep_tasks go before the "
                    "variables SLURM_ARRAY_TASK_...",
                    plan->task, plan->n_tasks, plan->n_tasks - 1);
}

/* ---- all ------------------------------------------------------------------------------------------ */

static int read_keys(exset_ctx_t *ctx, const char *default_name, sweep_plan_t *plan) {
  exset_config_t *config = plan->config;
  bool merge;
  if (exset_config_inputs(config) > 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "\"%.100s\" is not a case file: sweep takes .yaml files and -key value",
                      exset_config_input(config, 0));
  EXSET_TRY(exset_config_choice(config, "sweep_design", &plan->design_kind));
  EXSET_TRY(exset_config_choice(config, "sweep_noise", &plan->noise));
  EXSET_TRY(exset_config_int(config, "seed", &plan->base_seed));
  EXSET_TRY(exset_config_int(config, "realisations", &plan->realisations));
  EXSET_TRY(exset_config_bool(config, "merge", &merge));
  EXSET_TRY(exset_config_bool(config, "sweep_merge", &plan->merge));
  plan->merge = plan->merge || merge;
  EXSET_TRY(exset_config_bool(config, "sweep_retry", &plan->retry));
  EXSET_TRY(exset_config_real(config, "sweep_interval", &plan->interval));
  EXSET_TRY(exset_config_bool(config, "dry_run", &plan->dry_run));
  plan->solving =
      exset_config_given(config, "conduct_sigma") || exset_config_given(config, "conduct_phases");
  if (plan->solving) EXSET_TRY(conduct_plan_problem(ctx, config, &plan->conduct));
  plan->describing = exset_config_given(config, "morph_descriptors");
  if (plan->describing) EXSET_TRY(cli_morph_options(ctx, config, &plan->morph));
  plan->folder = cli_path(config, default_name, ".units");
  plan->csv = cli_path(config, default_name, ".csv");
  plan->h5 = cli_path(config, default_name, ".h5");
  if (!plan->folder || !plan->csv || !plan->h5) return no_memory(ctx);
  return read_parameters(ctx, plan);
}

int sweep_plan_read(exset_ctx_t *ctx, exset_config_t *config, const char *default_name,
                    sweep_plan_t *plan) {
  memset(plan, 0, sizeof *plan);
  plan->config = config;
  EXSET_TRY(exset_agree(ctx, read_keys(ctx, default_name, plan)));
  EXSET_TRY(read_task(ctx, plan));
  if (plan->design_kind == SWEEP_TABLE) EXSET_TRY(read_table(ctx, plan));
  else EXSET_TRY(exset_agree(ctx, make_design(ctx, plan)));
  return exset_agree(ctx, resolve_all(ctx, plan));
}

void sweep_plan_clear(sweep_plan_t *plan) {
  for (int i = 0; plan->factor && i < plan->n_parameters; i++) free((void *)plan->factor[i].values);
  for (int k = 0; k < plan->n_keys; k++) {
    free(plan->key[k].name);
    free(plan->key[k].base);
  }
  for (int64_t i = 0; plan->failure && i < plan->design.n; i++) free(plan->failure[i]);
  free(plan->factor);
  free(plan->key);
  free(plan->key_name);
  free(plan->value);
  free(plan->seed);
  free(plan->failure);
  free(plan->digest);
  exset_design_clear(&plan->design);
  conduct_plan_clear(&plan->conduct);
  free(plan->folder);
  free(plan->csv);
  free(plan->h5);
}
