/* exset validate: a model against sections and, where there is one, a volume. */
#include "cli_validate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"

static const char default_name[] = "validate.json";
/* endings of the pictures' names, by kind of sections */
static const char *const picture_ending[EXSET_VALIDATE_KINDS] = {"_sections_xy.png",
                                                                 "_sections_z.png"};

typedef struct {
  exset_model_t model;
  exset_sections_t sections;
  bool has_reference;
  exset_volume_t reference;
  exset_validate_options_t options;
} job_t;

static void clear_job(job_t *job) {
  exset_model_clear(&job->model);
  exset_sections_clear(&job->sections);
  exset_volume_clear(&job->reference);
}

static int read_options(exset_ctx_t *ctx, const exset_config_t *config,
                        exset_validate_options_t *options) {
  int64_t realisations = 0, twins, seed;
  EXSET_TRY(cli_voxel(ctx, config, options->voxel));
  for (int a = 0; a < 3; a++)
    if (options->voxel[a] == 0) options->voxel[a] = 1;
  if (exset_config_given(config, "max_lag"))
    EXSET_TRY(exset_config_real(config, "max_lag", &options->max_lag));
  if (exset_config_given(config, "validate_realisations"))
    EXSET_TRY(exset_config_int(config, "validate_realisations", &realisations));
  EXSET_TRY(exset_config_int(config, "validate_twins", &twins));
  EXSET_TRY(exset_config_int(config, "seed", &seed));
  options->realisations = (int)realisations;
  options->twins = (int)twins;
  options->seed = (uint64_t)seed;
  return EXSET_OK;
}

/* Voxels and labels are those of the sections: VTKHDF files have their own. */
static int read_reference(exset_ctx_t *ctx, const exset_config_t *config, const char *path,
                          exset_volume_t *volume) {
  exset_volume_options_t options;
  bool hdf5;
  EXSET_TRY(cli_volume_options(ctx, config, &options));
  EXSET_TRY(cli_is_volume(ctx, config, path, &hdf5));
  if (hdf5 && options.raw_size[0] == 0 && !options.dataset)
    options = (exset_volume_options_t){.dataset = NULL};
  return exset_volume_read(ctx, path, &options, volume);
}

static int check_outputs(exset_ctx_t *ctx, const exset_config_t *config) {
  EXSET_TRY(cli_json_check(ctx, config, default_name));
  for (int kind = 0; kind < EXSET_VALIDATE_KINDS; kind++) {
    char *path = cli_path(config, default_name, picture_ending[kind]);
    int err = exset_agree(ctx, path ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory"));
    if (!err) err = cli_output_check(ctx, config, path);
    free(path);
    EXSET_TRY(err);
  }
  return EXSET_OK;
}

static int read_job(exset_ctx_t *ctx, const exset_config_t *config, job_t *job) {
  exset_labels_t labels;
  EXSET_TRY(check_outputs(ctx, config));
  EXSET_TRY(read_options(ctx, config, &job->options));
  EXSET_TRY(cli_model_read(ctx, config, false, &job->model));
  EXSET_TRY(cli_labels(ctx, config, &labels));
  EXSET_TRY(cli_sections_data(ctx, config, &labels, &job->sections));
  EXSET_TRY(exset_validate_check(ctx, &job->sections, &job->model, &job->options));
  if (!exset_config_given(config, "voxel_size"))
    exset_warn(ctx, "no voxel_size: pixels of 1 um are assumed");
  char *path = exset_config_string_item(config, "reference", 0);
  if (!path) return EXSET_OK;
  const int err = read_reference(ctx, config, path, &job->reference);
  job->has_reference = !err;
  free(path);
  return err;
}

static void print_plan(const exset_ctx_t *ctx, const job_t *job) {
  int planes[3] = {0};
  for (int s = 0; s < job->sections.n; s++) planes[job->sections.section[s].orient]++;
  exset_print(ctx, "%d sections (xy %d, xz %d, yz %d), %d phases", job->sections.n, planes[0],
              planes[1], planes[2], job->sections.n_phases);
  const int64_t *n = job->reference.grid.n;
  if (job->has_reference)
    exset_print(ctx, ", reference volume of %" PRId64 " x %" PRId64 " x %" PRId64 " voxels", n[0],
                n[1], n[2]);
  exset_print(ctx, "\n");
}

static int write_pictures(exset_ctx_t *ctx, const exset_config_t *config,
                          const exset_validation_t *v) {
  for (int kind = 0; kind < EXSET_VALIDATE_KINDS; kind++) {
    if (!v->orientation[kind]) continue;
    char *path = cli_path(config, default_name, picture_ending[kind]);
    int err = path ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
    if (!err && ctx->rank == 0)
      err = cli_validate_picture(ctx, path, v->n_phases, &v->picture[kind]);
    free(path);
    EXSET_TRY(exset_agree(ctx, err));
  }
  return EXSET_OK;
}

int exset_cli_validate(exset_ctx_t *ctx, exset_config_t *config) {
  job_t job = {.has_reference = false};
  exset_validation_t v = {0};
  bool dry_run = false;
  int err = exset_config_bool(config, "dry_run", &dry_run);
  if (!err) err = exset_agree(ctx, read_job(ctx, config, &job));
  if (!err) print_plan(ctx, &job);
  if (!err && !dry_run) {
    err = exset_validate(ctx, &job.sections, job.has_reference ? &job.reference : NULL, &job.model,
                         &job.options, &v);
    if (!err) cli_validate_print(ctx, &v);
    if (!err) err = write_pictures(ctx, config, &v);
    if (!err) err = cli_json_write(ctx, config, default_name, cli_validate_json(&v));
  }
  exset_validation_clear(&v);
  clear_job(&job);
  return err;
}
