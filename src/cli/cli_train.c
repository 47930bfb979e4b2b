/* Training with realisations: keys, files, plan. */
#include "cli_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_train_wanted(const cli_train_t *train) {
  return train->options.method != EXSET_METHOD_COVERAGE ||
         train->options.evaluator != EXSET_EVALUATOR_ANALYTIC;
}

const char *cli_train_method(const exset_train_options_t *options) {
  static const char *const words[] = {"coverage", "adversarial", "combined"};
  return words[options->method];
}

const char *cli_train_evaluator(const exset_train_options_t *options) {
  return options->evaluator == EXSET_EVALUATOR_SAMPLED ? "sampled" : "analytic";
}

const char *cli_train_threshold(const exset_train_options_t *options) {
  return options->threshold == EXSET_THRESHOLD_SOFT ? "soft" : "straight_through";
}

/* ---- keys ---- */

/* Keys with an integer each; the range of the table fits an int. */
static int read_integers(const exset_config_t *config, exset_train_options_t *o) {
  const struct {
    const char *name;
    int *value;
  } keys[] = {
      {"train_steps", &o->steps},
      {"train_patch", &o->patch},
      {"train_warm_up", &o->warm_up},
      {"train_batch", &o->batch},
      {"train_width", &o->width},
      {"train_layers", &o->layers},
      {"train_checkpoint", &o->checkpoint_steps},
      {"train_window", &o->window},
      {"ensemble", &o->ensemble},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    int64_t value;
    EXSET_TRY(exset_config_int(config, keys[i].name, &value));
    *keys[i].value = (int)value;
  }
  return EXSET_OK;
}

static int read_reals(const exset_config_t *config, exset_train_options_t *o) {
  const struct {
    const char *name;
    double *value;
  } keys[] = {
      {"train_weight", &o->weight},
      {"train_smoothing", &o->smoothing},
      {"train_rate_network", &o->rate_network},
      {"train_rate_model", &o->rate_model},
      {"train_rate_end", &o->rate_end},
      {"train_average", &o->average},
      {"train_tolerance", &o->tolerance},
      {"train_scatter", &o->scatter},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    EXSET_TRY(exset_config_real(config, keys[i].name, keys[i].value));
  double temperature[2];
  int n;
  EXSET_TRY(exset_config_real_list(config, "train_temperature", 2, temperature, &n));
  o->temperature = temperature[0];
  o->temperature_end = temperature[n - 1];
  return EXSET_OK;
}

static int read_choices(const exset_config_t *config, exset_train_options_t *o) {
  int method, evaluator, start, threshold, score;
  EXSET_TRY(exset_config_choice(config, "method", &method));
  EXSET_TRY(exset_config_choice(config, "evaluator", &evaluator));
  EXSET_TRY(exset_config_choice(config, "train_start", &start));
  EXSET_TRY(exset_config_choice(config, "train_threshold", &threshold));
  EXSET_TRY(exset_config_choice(config, "train_score", &score));
  o->method = (exset_method_t)method;
  o->evaluator = (exset_evaluator_t)evaluator;
  o->start_given = start == 1;
  o->threshold = (exset_threshold_t)threshold;
  o->score = (exset_score_t)score;
  return EXSET_OK;
}

static int name_files(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                      cli_train_t *train) {
  train->history = cli_path(config, default_name, "_history.h5");
  train->checkpoint = cli_path(config, default_name, "_checkpoint.h5");
  if (!train->history || !train->checkpoint)
    return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  train->options.history = train->history;
  train->options.checkpoint = train->options.checkpoint_steps > 0 ? train->checkpoint : NULL;
  return EXSET_OK;
}

int cli_train_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                   cli_train_t *train) {
  exset_train_options_t *o = &train->options;
  EXSET_TRY(read_choices(config, o));
  EXSET_TRY(read_integers(config, o));
  EXSET_TRY(read_reals(config, o));
  EXSET_TRY(exset_config_bool(config, "train_spectral", &o->spectral));
  EXSET_TRY(exset_config_bool(config, "train_restart", &o->restart));
  if (exset_config_given(config, "train_box"))
    EXSET_TRY(exset_config_int(config, "train_box", &o->box));
  if (o->restart && o->checkpoint_steps == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "train_restart needs checkpoints, and train_checkpoint is 0: give the steps "
                      "from one to the next");
  return name_files(ctx, config, default_name, train);
}

void cli_train_clear(cli_train_t *train) {
  free(train->checkpoint);
  free(train->history);
  free(train->picture[0]);
  free(train->picture[1]);
  *train = (cli_train_t){0};
}

/* ---- files ---- */

/* Is there a checkpoint younger than the results? Then its run has not come to its results. */
static bool is_unfinished(const char *checkpoint, const char *results) {
  struct stat c, r;
  if (stat(checkpoint, &c) != 0) return false;
  if (stat(results, &r) != 0) return true;
  return c.st_mtim.tv_sec != r.st_mtim.tv_sec ? c.st_mtim.tv_sec > r.st_mtim.tv_sec
                                              : c.st_mtim.tv_nsec > r.st_mtim.tv_nsec;
}

/* An unfinished run may stand for hours of work: it is not written over. */
static int check_unfinished(exset_ctx_t *ctx, const cli_train_t *train, const char *results) {
  int err = results ? EXSET_OK : exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  for (int m = 0; !err && m < train->options.ensemble; m++) {
    char *path = exset_train_checkpoint_path(&train->options, m);
    if (!path) err = exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
    else if (is_unfinished(path, results))
      err = exset_fail(ctx, EXSET_ERR_INPUT,
                       "%s is the checkpoint of an unfinished run: -train_restart goes on from it; "
                       "remove it to begin anew",
                       path);
    free(path);
  }
  return err;
}

/* A restart that finds nothing to go on from says so: the file may have another name than meant. */
static void tell_of_new_start(exset_ctx_t *ctx, const cli_train_t *train) {
  for (int m = 0; m < train->options.ensemble; m++) {
    char *path = exset_train_checkpoint_path(&train->options, m);
    const bool there = path && access(path, F_OK) == 0;
    free(path);
    if (there) return;
  }
  exset_info(ctx, "train_restart: there is no checkpoint %s: training begins at its first step",
             train->checkpoint);
}

int cli_train_check_files(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                          const cli_train_t *train) {
  const exset_train_options_t *o = &train->options;
  if (o->checkpoint && !o->restart) {
    char *results = cli_path(config, default_name, ".json");
    const int err =
        exset_agree(ctx, ctx->rank == 0 ? check_unfinished(ctx, train, results) : EXSET_OK);
    free(results);
    EXSET_TRY(err);
  }
  if (o->restart && ctx->rank == 0) tell_of_new_start(ctx, train);
  EXSET_TRY(cli_output_check(ctx, config, train->history));
  return o->checkpoint ? cli_output_check(ctx, config, train->checkpoint) : EXSET_OK;
}

/* ---- plan ---- */

static void plan_networks(const exset_ctx_t *ctx, const exset_train_options_t *o,
                          const exset_train_plan_t *plan) {
  const int n = plan->n_classes;
  exset_print(ctx, "%d discriminator%s%s: %d convolutions, %d to %d feature maps, %.0f weights%s\n",
              n, n > 1 ? "s" : "", n > 1 ? " (x-y planes, planes containing z)" : "", o->layers,
              o->width, o->width << (o->layers - 1), plan->weights, n > 1 ? " each" : "");
  exset_print(ctx,
              "patches of %d x %d pixels, %d real and %d of the model in a step; about %.0f MB\n",
              o->patch, o->patch, o->batch, o->batch, plan->bytes / 1e6);
}

/* Ranks that would only wait are worth a word. */
static void plan_ranks(const exset_ctx_t *ctx, const exset_train_options_t *o,
                       const exset_train_plan_t *plan) {
  const int groups = o->ensemble < ctx->size ? o->ensemble : ctx->size, ranks = ctx->size / groups;
  if (plan->n_classes == 0 || ranks <= plan->most_ranks) return;
  exset_warn(ctx,
             "%d ranks for each member: a batch of %d is cut from at most %d sections, so that no "
             "more than %d ranks have work; a larger train_batch or ensemble uses more",
             ranks, o->batch, plan->most_ranks, plan->most_ranks);
}

void cli_train_plan(const exset_ctx_t *ctx, const exset_sections_t *sections,
                    const exset_calibrate_options_t *options, const exset_train_options_t *o) {
  exset_train_plan_t plan;
  exset_train_plan(sections, options, o, &plan);
  exset_print(ctx, "method %s, evaluator %s, thresholds %s at %g", cli_train_method(o),
              cli_train_evaluator(o), cli_train_threshold(o), o->temperature);
  if (o->temperature_end != o->temperature) exset_print(ctx, " to %g", o->temperature_end);
  exset_print(ctx, ": %d steps from %s", o->steps,
              o->start_given ? "the parameters given" : "the coverage optimum");
  if (o->ensemble > 1)
    exset_print(ctx, ", %d members, %d at a time", o->ensemble,
                o->ensemble < ctx->size ? o->ensemble : ctx->size);
  exset_print(ctx, "\n");
  if (plan.n_classes > 0) plan_networks(ctx, o, &plan);
  plan_ranks(ctx, o, &plan);
}
