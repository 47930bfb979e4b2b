/* exset sweep: what to do, from the keys. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_sweep.h"

void sweep_take_message(exset_ctx_t *ctx, exset_ctx_t *other, size_t size, char *text) {
  snprintf(text, size, "%s", ctx->message[0] ? ctx->message : other->message);
  ctx->message[0] = other->message[0] = '\0';
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
  if (!plan->folder || !plan->csv || !plan->h5)
    return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  return sweep_read_parameters(ctx, plan);
}

int sweep_plan_read(exset_ctx_t *ctx, exset_config_t *config, const char *default_name,
                    sweep_plan_t *plan) {
  memset(plan, 0, sizeof *plan);
  plan->config = config;
  EXSET_TRY(exset_agree(ctx, read_keys(ctx, default_name, plan)));
  EXSET_TRY(read_task(ctx, plan));
  EXSET_TRY(sweep_make_design(ctx, plan));
  return exset_agree(ctx, sweep_resolve(ctx, plan));
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
