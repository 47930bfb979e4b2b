/* exset calibrate: sections in, calibrated model out. */
#include "cli_calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_train.h"

enum { MAX_FIXED = 256 };
static const char default_name[] = "model.yaml";

/* The case: what is calibrated to what. */
typedef struct {
  exset_sections_t sections;
  exset_model_t model;
  exset_calibrate_options_t options;
  cli_train_t train;
  char *fixed[MAX_FIXED];
  char *path; /* of the model */
} job_t;

static void clear_job(job_t *job) {
  exset_sections_clear(&job->sections);
  exset_model_clear(&job->model);
  for (int i = 0; i < job->options.n_fixed; i++) free(job->fixed[i]);
  cli_train_clear(&job->train);
  free(job->path);
}

/* Isotropic or cylindrical: as asked, else by the planes at hand. */
static int read_symmetry(const exset_config_t *config, job_t *job) {
  if (exset_config_given(config, "calibrate_symmetry")) {
    int choice;
    EXSET_TRY(exset_config_choice(config, "calibrate_symmetry", &choice));
    job->options.cylindrical = choice == 1;
    return EXSET_OK;
  }
  bool xy = false, z = false;
  for (int s = 0; s < job->sections.n; s++) {
    const bool is_xy = job->sections.section[s].orient == EXSET_ORIENT_XY;
    xy |= is_xy;
    z |= !is_xy;
  }
  job->options.cylindrical = xy && z;
  return EXSET_OK;
}

static int read_options(exset_ctx_t *ctx, const exset_config_t *config, job_t *job) {
  exset_calibrate_options_t *o = &job->options;
  int64_t starts, seed, iterations;
  bool uncertainty;
  EXSET_TRY(cli_voxel(ctx, config, o->voxel));
  for (int d = 0; d < 3; d++)
    if (o->voxel[d] == 0) o->voxel[d] = 1;
  if (exset_config_given(config, "max_lag"))
    EXSET_TRY(exset_config_real(config, "max_lag", &o->max_lag));
  EXSET_TRY(exset_config_int(config, "calibrate_starts", &starts));
  EXSET_TRY(exset_config_int(config, "calibrate_iterations", &iterations));
  EXSET_TRY(exset_config_int(config, "seed", &seed));
  EXSET_TRY(exset_config_real(config, "calibrate_smoothness", &o->smoothness));
  EXSET_TRY(exset_config_bool(config, "calibrate_uncertainty", &uncertainty));
  o->starts = (int)starts;
  o->max_iterations = (int)iterations;
  o->seed = (uint64_t)seed;
  o->no_uncertainty = !uncertainty;
  while (o->n_fixed < MAX_FIXED) {
    char *name = exset_config_string_item(config, "calibrate_fix", o->n_fixed);
    if (!name) break;
    job->fixed[o->n_fixed++] = name;
  }
  o->fixed = (const char *const *)job->fixed;
  return EXSET_OK;
}

/* Nothing else may stand on the command line, and the model's file must not be that of the results. */
static int check_usage(exset_ctx_t *ctx, const exset_config_t *config, job_t *job) {
  if (exset_config_inputs(config) > 0)
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "calibrate takes no input \"%s\": sections are named by sections_xy, sections_xz, "
        "sections_yz",
        exset_config_input(config, 0));
  job->path = cli_path(config, default_name, NULL);
  if (!job->path) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  const size_t n = strlen(job->path);
  if (n > 5 && strcmp(job->path + n - 5, ".json") == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-o is %s: name the model's file, model.yaml; results go beside it as .json",
                      job->path);
  EXSET_TRY(cli_json_check(ctx, config, default_name));
  return cli_output_check(ctx, config, job->path);
}

/* An isotropic model has one length: say so where another was given. */
static void warn_of_length_z(const exset_ctx_t *ctx, const job_t *job) {
  for (int a = 0; a < job->model.n_fields && !job->options.cylindrical; a++) {
    const exset_spectrum_t *s = &job->model.field[a].spectrum;
    for (int t = 0; t < s->n_terms; t++) {
      if (s->term[t].length_z == s->term[t].length_xy) continue;
      exset_warn(ctx, "field%d_length_z is not used: the model is isotropic (calibrate_symmetry)",
                 a + 1);
      break;
    }
  }
}

/* Closed forms need neither members nor realisations, and have no checkpoints. */
static void warn_of_training(const exset_ctx_t *ctx, const exset_config_t *config,
                             const cli_train_t *train) {
  if (train->options.ensemble > 1 && exset_config_given(config, "ensemble"))
    exset_warn(ctx,
               "ensemble %d is not used: method coverage in closed form has starts "
               "(calibrate_starts) instead",
               train->options.ensemble);
  if (train->options.restart)
    exset_warn(ctx, "train_restart is not used: method coverage in closed form has no checkpoints");
}

/* Do data, model and settings fit together? */
static int check_job(exset_ctx_t *ctx, const exset_config_t *config, const job_t *job) {
  if (!cli_train_wanted(&job->train)) {
    warn_of_training(ctx, config, &job->train);
    return exset_calibrate_check(ctx, &job->sections, &job->options, &job->model);
  }
  EXSET_TRY(exset_agree(ctx, exset_train_check(ctx, &job->sections, &job->options,
                                               &job->train.options, &job->model)));
  return cli_train_check_files(ctx, config, default_name, &job->train);
}

static int read_job(exset_ctx_t *ctx, const exset_config_t *config, job_t *job) {
  exset_labels_t labels;
  EXSET_TRY(check_usage(ctx, config, job));
  EXSET_TRY(read_options(ctx, config, job));
  EXSET_TRY(cli_train_read(ctx, config, default_name, &job->train));
  const bool given = cli_train_wanted(&job->train) && job->train.options.start_given;
  EXSET_TRY(cli_model_read(ctx, config, !given, &job->model));
  EXSET_TRY(cli_labels(ctx, config, &labels));
  EXSET_TRY(cli_sections_keys(ctx, config, &labels, &job->sections));
  EXSET_TRY(read_symmetry(config, job));
  EXSET_TRY(check_job(ctx, config, job));
  if (!exset_config_given(config, "voxel_size"))
    exset_warn(ctx, "no voxel_size: pixels of 1 um are assumed");
  warn_of_length_z(ctx, job);
  return EXSET_OK;
}

/* What a training ran on, for the head of model.yaml. */
static void describe_training(FILE *out, const exset_train_options_t *options,
                              const exset_training_t *training) {
  const exset_train_member_t *chosen = &training->member[training->chosen];
  fprintf(out, "# Threshold %s, %d steps, member %d of %d", cli_train_threshold(options),
          chosen->steps, training->chosen + 1, training->n_members);
  if (!isnan(chosen->accuracy)) fprintf(out, ", discriminator's accuracy %.3f", chosen->accuracy);
  fputs(".\n", out);
}

/* model.yaml: where it comes from, then the numbers. New string; NULL: out of memory. */
static char *model_file(const exset_config_t *config, const job_t *job,
                        const exset_calibration_t *result, const exset_training_t *training) {
  const exset_train_options_t *o = &job->train.options;
  char *numbers = cli_model_text(&job->model), *text = NULL;
  size_t size = 0;
  FILE *out = numbers ? open_memstream(&text, &size) : NULL;
  if (!out) {
    free(numbers);
    return NULL;
  }
  fprintf(out, "# Model calibrated by exset %s: method %s, evaluator %s.\n", cli_git_state(),
          cli_train_method(o), cli_train_evaluator(o));
  if (training) describe_training(out, o, training);
  for (int i = 0; exset_config_case(config, i); i++)
    fprintf(out, "# Case: %s\n", exset_config_case(config, i));
  fprintf(out, "# Loss %.6g after %d iterations; lags up to %g um.\n# %s.\n", result->loss,
          result->iterations, result->max_lag, cli_calibrate_remark(result));
  fprintf(out,
          "# Lengths in micrometres. Standard deviations and all settings: the .json beside this "
          "file.\n");
  fputs(numbers, out);
  free(numbers);
  const bool failed = ferror(out);
  if (fclose(out) != 0 || failed) {
    free(text);
    return NULL;
  }
  return text;
}

static cJSON *results_json(const job_t *job, const exset_calibration_t *result,
                           const exset_training_t *training, double seconds) {
  const exset_train_options_t *o = &job->train.options;
  cJSON *json = cli_calibrate_json(result, cli_train_method(o), cli_train_evaluator(o),
                                   job->options.cylindrical, seconds);
  if (!json || !training || cli_train_json(json, &job->train, result, training)) return json;
  cJSON_Delete(json);
  return NULL;
}

/* training: NULL for closed forms. */
static int write_results(exset_ctx_t *ctx, const exset_config_t *config, job_t *job,
                         const exset_calibration_t *result, const exset_training_t *training,
                         double seconds) {
  char *text = model_file(config, job, result, training);
  int err = exset_agree(ctx, text ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory"));
  if (!err) err = exset_outfile_text(ctx, job->path, text);
  free(text);
  EXSET_TRY(err);
  if (training)
    EXSET_TRY(
        cli_train_pictures(ctx, config, default_name, result->n_phases, training, &job->train));
  return cli_json_write(ctx, config, default_name, results_json(job, result, training, seconds));
}

static void print_plan(const exset_ctx_t *ctx, const job_t *job) {
  int planes[3] = {0};
  for (int s = 0; s < job->sections.n; s++) planes[job->sections.section[s].orient]++;
  exset_print(ctx, "%d sections (xy %d, xz %d, yz %d), %d phases, %d fields, %s model, %d starts\n",
              job->sections.n, planes[0], planes[1], planes[2], job->sections.n_phases,
              job->model.n_fields, job->options.cylindrical ? "cylindrical" : "isotropic",
              job->options.starts);
}

/* Closed forms. */
static int run_analytic(exset_ctx_t *ctx, const exset_config_t *config, job_t *job, double begin) {
  exset_calibration_t result = {0};
  int err = exset_calibrate_coverage(ctx, &job->sections, &job->options, &job->model, &result);
  if (!err) cli_calibrate_print(ctx, &result);
  if (!err) err = write_results(ctx, config, job, &result, NULL, MPI_Wtime() - begin);
  exset_calibration_clear(&result);
  return err;
}

/* Realisations. */
static int run_training(exset_ctx_t *ctx, const exset_config_t *config, job_t *job, double begin) {
  exset_calibration_t result = {0};
  exset_training_t training = {0};
  int err = exset_calibrate_train(ctx, &job->sections, &job->options, &job->train.options,
                                  &job->model, &result, &training);
  if (!err) cli_train_print(ctx, &result, &training);
  if (!err) err = write_results(ctx, config, job, &result, &training, MPI_Wtime() - begin);
  exset_training_clear(&training);
  exset_calibration_clear(&result);
  return err;
}

int exset_cli_calibrate(exset_ctx_t *ctx, exset_config_t *config) {
  const double begin = MPI_Wtime();
  job_t job = {0};
  bool dry_run = false;
  int err = exset_config_bool(config, "dry_run", &dry_run);
  if (!err) err = exset_agree(ctx, read_job(ctx, config, &job));
  const bool train = !err && cli_train_wanted(&job.train);
  if (!err) print_plan(ctx, &job);
  if (train) cli_train_plan(ctx, &job.sections, &job.options, &job.train.options);
  if (!err && !dry_run)
    err = train ? run_training(ctx, config, &job, begin) : run_analytic(ctx, config, &job, begin);
  if (!err && !dry_run) exset_print(ctx, "model written to %s\n", job.path);
  clear_job(&job);
  return err;
}
