/* exset generate: twins of a model. */
#include "cli_inputs.h"
#include "cli_provenance.h"
#include "exset/label.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_LABELS, OUTPUT_FIELDS, OUTPUT_NONE }; /* order of the key's choices */
static const char default_name[] = "twin.vtkhdf";

typedef struct {
  exset_model_t model;
  exset_grid_t grid;
  int64_t seed, realisations;
  int output;
  bool measure;
  int process_grid[2]; /* 0: chosen */
  char *wisdom; /* file, or NULL */
  char *path;   /* main output */
  int n_arrays; /* fields written beside the labels */
  exset_cellarray_t array[EXSET_MAX_FIELDS];
  char array_name[EXSET_MAX_FIELDS][24];
} plan_t;

typedef struct {
  double fraction[EXSET_MAX_FIELDS + 1];
  uint64_t checksum;
  exset_seconds_t seconds;
} result_t;

/* ---- what to do -------------------------------------------------------------------------------- */

static int read_grid(exset_ctx_t *ctx, const exset_config_t *config, exset_grid_t *grid) {
  int64_t size[3];
  double voxel[3];
  int n;
  EXSET_TRY(exset_config_int_list(config, "size", 3, size, &n));
  if (n == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-size is needed: voxels nz,ny,nx, or one number");
  if (n == 2)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-size has 2 values; allowed: 1 or 3 (nz,ny,nx)");
  if (n == 1) size[1] = size[2] = size[0];
  EXSET_TRY(cli_voxel(ctx, config, voxel));
  for (int a = 0; a < 3; a++)
    if (voxel[a] == 0) voxel[a] = 1;
  return exset_grid_init(ctx, size, voxel, grid);
}

static int read_process_grid(exset_ctx_t *ctx, const exset_config_t *config, int grid[2]) {
  int64_t value[2];
  int n;
  EXSET_TRY(exset_config_int_list(config, "fft_grid", 2, value, &n));
  if (n == 1)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-fft_grid has 1 value; allowed: 2 (P,Q with P Q ranks)");
  for (int i = 0; i < n; i++) grid[i] = (int)value[i];
  return EXSET_OK;
}

static int plan_read(exset_ctx_t *ctx, const exset_config_t *config, plan_t *plan) {
  int effort;
  EXSET_TRY(cli_model_read(ctx, config, false, &plan->model));
  EXSET_TRY(read_grid(ctx, config, &plan->grid));
  EXSET_TRY(exset_config_int(config, "seed", &plan->seed));
  EXSET_TRY(exset_config_int(config, "realisations", &plan->realisations));
  EXSET_TRY(exset_config_choice(config, "output", &plan->output));
  EXSET_TRY(exset_config_choice(config, "fft_plan", &effort));
  plan->measure = effort == 1;
  EXSET_TRY(read_process_grid(ctx, config, plan->process_grid));
  plan->wisdom = exset_config_string_item(config, "fft_wisdom", 0);
  plan->path = cli_path(config, default_name, NULL);
  if (!plan->path) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  if (plan->output == OUTPUT_FIELDS) plan->n_arrays = plan->model.n_fields;
  for (int f = 0; f < plan->n_arrays; f++) {
    snprintf(plan->array_name[f], sizeof plan->array_name[f], "field%d", f + 1);
    plan->array[f] = (exset_cellarray_t){plan->array_name[f], "1",
                                         "random field whose excursion set is the phase", 1, NULL};
  }
  return EXSET_OK;
}

static void plan_clear(plan_t *plan) {
  exset_model_clear(&plan->model);
  free(plan->wisdom);
  free(plan->path);
}

static exset_sampler_options_t sampler_options(const plan_t *plan) {
  return (exset_sampler_options_t){{plan->process_grid[0], plan->process_grid[1]}, plan->measure};
}

static int64_t largest_prime(int64_t n) {
  int64_t largest = 1;
  for (int64_t p = 2; p * p <= n; p++)
    for (; n % p == 0; n /= p) largest = p;
  return n > 1 ? n : largest;
}

static void warn_of_sizes(const exset_ctx_t *ctx, const exset_grid_t *grid) {
  enum { LARGEST_FAST = 13 };
  if (ctx->size > grid->n[EXSET_AXIS_Z])
    exset_warn(ctx, "%d ranks share %" PRId64 " planes along z: some have nothing to do", ctx->size,
               grid->n[EXSET_AXIS_Z]);
  for (int axis = 0; axis < 3; axis++) {
    const int64_t n = grid->n[axis], prime = largest_prime(n);
    if (prime <= LARGEST_FAST || (axis > 0 && n == grid->n[axis - 1])) continue;
    int64_t below = n, above = n;
    while (largest_prime(below) > LARGEST_FAST) below--;
    while (largest_prime(above) > LARGEST_FAST) above++;
    exset_warn(ctx,
               "size %" PRId64 " has the prime factor %" PRId64
               ", which makes transforms slow; %" PRId64 " and %" PRId64 " are fast",
               n, prime, below, above);
  }
}

/* Is the grid fine enough and the box large enough for the model? */
static void warn_of_model(const exset_ctx_t *ctx, const plan_t *plan) {
  const exset_grid_t *grid = &plan->grid;
  enum { LENGTHS = 10 };
  static const char axis_name[3] = {'z', 'y', 'x'};
  for (int f = 0; f < plan->model.n_fields; f++) {
    const exset_spectrum_t *spectrum = &plan->model.field[f].spectrum;
    const double lost = exset_spectrum_lost(spectrum, grid->voxel);
    if (lost > 0.01)
      exset_warn(
          ctx,
          "field %d: %.3g %% of the spectrum lies beyond what voxels of %g,%g,%g um can hold; "
          "use smaller voxels",
          f + 1, 100 * lost, grid->voxel[0], grid->voxel[1], grid->voxel[2]);
    double xy, z;
    exset_spectrum_lengths(spectrum, &xy, &z);
    for (int axis = 0; axis < 3; axis++) {
      const double edge = (double)grid->n[axis] * grid->voxel[axis];
      const double length = axis == EXSET_AXIS_Z ? z : xy;
      if (edge < LENGTHS * length)
        exset_warn(
            ctx,
            "field %d: the box is %.4g um along %c, less than %d correlation lengths (%.4g um); "
            "one twin will differ from the next",
            f + 1, edge, axis_name[axis], LENGTHS, length);
    }
  }
}

/* Bytes that the busiest rank will hold. */
static int estimate_memory(exset_ctx_t *ctx, const plan_t *plan, exset_label_memory_t *m) {
  const exset_sampler_options_t options = sampler_options(plan);
  EXSET_TRY(exset_label_memory(ctx, &plan->grid, &plan->model, &options, plan->n_arrays > 0, m));
  return EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, m, sizeof *m / sizeof(double), MPI_DOUBLE,
                                      MPI_MAX, ctx->comm));
}

static int check_grid(exset_ctx_t *ctx, const plan_t *plan) {
  const exset_sampler_options_t options = sampler_options(plan);
  const exset_transform_options_t transform = exset_sampler_transform(&plan->grid, &options);
  exset_transform_layout_t layout;
  return exset_transform_layout(ctx, &transform, &layout);
}

static int print_plan(exset_ctx_t *ctx, const plan_t *plan) {
  const exset_grid_t *g = &plan->grid;
  exset_label_memory_t m;
  EXSET_TRY(estimate_memory(ctx, plan, &m));
  int transforms = 0;
  for (int f = 0; f < plan->model.n_fields; f++) transforms += plan->model.field[f].dof;
  exset_print(ctx,
              "grid        %" PRId64 " x %" PRId64 " x %" PRId64
              " voxels (z, y, x) of %g x %g x %g um\n",
              g->n[0], g->n[1], g->n[2], g->voxel[0], g->voxel[1], g->voxel[2]);
  exset_print(ctx, "box         %g x %g x %g um\n", (double)g->n[0] * g->voxel[0],
              (double)g->n[1] * g->voxel[1], (double)g->n[2] * g->voxel[2]);
  exset_print(
      ctx, "transforms  %d of this size for each of %" PRId64 " realisations, single precision\n",
      transforms, plan->realisations);
  exset_print(
      ctx,
      "memory      %.3g GB on the busiest of %d ranks: transform %.3g, scratch %.3g, labels %.3g, "
      "fields %.3g, sums of squares %.3g, first field %.3g\n",
      (m.transform + m.scratch + m.labels + m.fields + m.sums + m.first) / 1e9, ctx->size,
      m.transform / 1e9, m.scratch / 1e9, m.labels / 1e9, m.fields / 1e9, m.sums / 1e9,
      m.first / 1e9);
  return EXSET_OK;
}

/* ---- one realisation --------------------------------------------------------------------------- */

/* "twin.vtkhdf" to "twin-0001.vtkhdf" where there are several; new string. */
static char *numbered_path(const plan_t *plan, int64_t number) {
  if (plan->realisations == 1) return strdup(plan->path);
  const char *slash = strrchr(plan->path, '/'), *dot = strrchr(plan->path, '.');
  if (!dot || (slash && dot < slash)) dot = plan->path + strlen(plan->path);
  char *path = NULL;
  const int stem = (int)(dot - plan->path);
  return asprintf(&path, "%.*s-%04" PRId64 "%s", stem, plan->path, number, dot) < 0 ? NULL : path;
}

static int set_number(exset_ctx_t *ctx, cli_provenance_t *p, const char *name, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%" PRId64, value);
  return cli_provenance_set(ctx, p, name, text);
}

static int write_twin(exset_ctx_t *ctx, const plan_t *plan, int64_t number, const char *path,
                      cli_provenance_t *provenance, const exset_volume_t *volume) {
  EXSET_TRY(set_number(ctx, provenance, "realisation", number));
  exset_info(ctx, "writing %s", path);
  return exset_volume_write(ctx, path, volume, provenance->n, provenance->attribute, plan->n_arrays,
                            plan->array);
}

static int make_twin(exset_ctx_t *ctx, const plan_t *plan, int64_t number, exset_sampler_t *sampler,
                     float *const *fields, cli_provenance_t *provenance, exset_volume_t *volume,
                     result_t *result) {
  exset_seconds_t *s = &result->seconds;
  EXSET_TRY(exset_label_volume(ctx, sampler, &plan->model, (uint64_t)plan->seed,
                               (uint64_t)(number - 1), volume->phase,
                               plan->n_arrays ? fields : NULL, s));
  EXSET_TRY(exset_volume_fractions(ctx, volume, result->fraction));
  EXSET_TRY(exset_volume_checksum(ctx, volume, &result->checksum));
  if (plan->output != OUTPUT_NONE) {
    const double start = MPI_Wtime();
    char *path = numbered_path(plan, number);
    const int err = path ? write_twin(ctx, plan, number, path, provenance, volume)
                         : exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
    free(path);
    EXSET_TRY(err);
    s->write = MPI_Wtime() - start;
  }
  double seconds[4] = {s->noise, s->fft, s->threshold, s->write};
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, seconds, 4, MPI_DOUBLE, MPI_MAX, ctx->comm)));
  *s = (exset_seconds_t){s->plan, seconds[0], seconds[1], seconds[2], seconds[3]};
  return EXSET_OK;
}

static int make_twins(exset_ctx_t *ctx, plan_t *plan, exset_sampler_t *sampler,
                      cli_provenance_t *provenance, result_t *result) {
  exset_volume_t volume = {0};
  float *fields[EXSET_MAX_FIELDS] = {NULL};
  int err;
  EXSET_TRY_GOTO(err, done, exset_volume_init(ctx, &plan->grid, plan->model.n_fields + 1, &volume));
  for (int f = 0; f < plan->n_arrays; f++) {
    EXSET_TRY_GOTO(
        err, done,
        exset_alloc_all(ctx, exset_grid_cells_local(&plan->grid), sizeof(float), &fields[f]));
    plan->array[f].value = fields[f];
  }
  const double start = MPI_Wtime();
  for (int64_t r = 1; r <= plan->realisations; r++) {
    EXSET_TRY_GOTO(err, done,
                   make_twin(ctx, plan, r, sampler, fields, provenance, &volume, &result[r - 1]));
    if (plan->realisations > 1)
      exset_info(ctx, "realisation %" PRId64 " of %" PRId64 " done, %.0f s left", r,
                 plan->realisations,
                 (MPI_Wtime() - start) / (double)r * (double)(plan->realisations - r));
  }
done:
  for (int f = 0; f < plan->n_arrays; f++) free(fields[f]);
  exset_volume_clear(&volume);
  return err;
}

/* ---- results ------------------------------------------------------------------------------------- */

static cJSON *json_seconds(const exset_seconds_t *s) {
  cJSON *seconds = cJSON_CreateObject();
  cJSON_AddNumberToObject(seconds, "plan", s->plan);
  cJSON_AddNumberToObject(seconds, "noise", s->noise);
  cJSON_AddNumberToObject(seconds, "fft", s->fft);
  cJSON_AddNumberToObject(seconds, "threshold", s->threshold);
  cJSON_AddNumberToObject(seconds, "write", s->write);
  return seconds;
}

static void json_result(cJSON *object, const plan_t *plan, const result_t *result) {
  char checksum[32];
  snprintf(checksum, sizeof checksum, "%016" PRIx64, result->checksum);
  cJSON_AddItemToObject(object, "volume_fractions",
                        cli_json_reals(plan->model.n_fields + 1, result->fraction));
  cJSON_AddStringToObject(object, "checksum", checksum);
  cJSON_AddItemToObject(object, "seconds", json_seconds(&result->seconds));
}

/* Means over the realisations; checksums are added up. */
static result_t mean_result(const plan_t *plan, const result_t *result) {
  const double share = 1 / (double)plan->realisations;
  result_t mean = {{0}, 0, {result[0].seconds.plan, 0, 0, 0, 0}};
  for (int64_t r = 0; r < plan->realisations; r++) {
    const exset_seconds_t *s = &result[r].seconds;
    for (int p = 0; p <= plan->model.n_fields; p++)
      mean.fraction[p] += share * result[r].fraction[p];
    mean.checksum += result[r].checksum;
    mean.seconds.noise += share * s->noise;
    mean.seconds.fft += share * s->fft;
    mean.seconds.threshold += share * s->threshold;
    mean.seconds.write += share * s->write;
  }
  return mean;
}

static void print_results(const exset_ctx_t *ctx, const plan_t *plan, const result_t *mean,
                          const double *expected) {
  exset_print(ctx, "phase  fraction   model\n");
  for (int p = 0; p <= plan->model.n_fields; p++)
    exset_print(ctx, "%5d  %.6f  %.6f\n", p + 1, mean->fraction[p], expected[p]);
  const exset_seconds_t *s = &mean->seconds;
  exset_print(ctx, "seconds%s: plan %.3f, noise %.3f, fft %.3f, threshold %.3f, write %.3f\n",
              plan->realisations > 1 ? " (means)" : "", s->plan, s->noise, s->fft, s->threshold,
              s->write);
  exset_print(ctx, "checksum %016" PRIx64 "\n", mean->checksum);
}

static cJSON *json_results(const exset_ctx_t *ctx, const plan_t *plan, const result_t *result,
                           const result_t *mean, const double *expected, const double peak[2]) {
  const double size[3] = {(double)plan->grid.n[0], (double)plan->grid.n[1],
                          (double)plan->grid.n[2]};
  cJSON *root = cJSON_CreateObject();
  cJSON_AddItemToObject(root, "size", cli_json_reals(3, size));
  cJSON_AddItemToObject(root, "voxel_size", cli_json_reals(3, plan->grid.voxel));
  cJSON_AddNumberToObject(root, "ranks", ctx->size);
  json_result(root, plan, mean);
  cJSON_AddItemToObject(root, "model_fractions",
                        cli_json_reals(plan->model.n_fields + 1, expected));
  cJSON_AddNumberToObject(root, "peak_bytes", peak[0]);
  cJSON_AddNumberToObject(root, "peak_bytes_total", peak[1]);
  if (plan->realisations == 1) return root;
  cJSON *list = cJSON_AddArrayToObject(root, "realisations");
  for (int64_t r = 0; list && r < plan->realisations; r++) {
    cJSON *item = cJSON_CreateObject();
    char *path = numbered_path(plan, r + 1);
    cJSON_AddNumberToObject(item, "realisation", (double)(r + 1));
    if (path && plan->output != OUTPUT_NONE) cJSON_AddStringToObject(item, "file", path);
    free(path);
    json_result(item, plan, &result[r]);
    cJSON_AddItemToArray(list, item);
  }
  return root;
}

static int report(exset_ctx_t *ctx, const exset_config_t *config, const plan_t *plan,
                  const result_t *result) {
  double expected[EXSET_MAX_FIELDS + 1];
  double peak[2] = {(double)exset_peak_bytes(), (double)exset_peak_bytes()}; /* largest, sum */
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &peak[0], 1, MPI_DOUBLE, MPI_MAX, ctx->comm)));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &peak[1], 1, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  const result_t mean = mean_result(plan, result);
  exset_model_fractions(&plan->model, expected);
  print_results(ctx, plan, &mean, expected);
  return cli_json_write(ctx, config, default_name,
                        json_results(ctx, plan, result, &mean, expected, peak));
}

/* ---- the command --------------------------------------------------------------------------------- */

/* What could go wrong with the output goes wrong now. */
static int check_output(exset_ctx_t *ctx, const exset_config_t *config, const plan_t *plan) {
  if (plan->output != OUTPUT_NONE) {
    EXSET_TRY(exset_volume_write_check(ctx, plan->path, plan->n_arrays, plan->array));
    EXSET_TRY(cli_output_check(ctx, config, plan->path));
  }
  EXSET_TRY(cli_json_check(ctx, config, default_name));
  return plan->wisdom ? exset_outfile_check(ctx, plan->wisdom) : EXSET_OK;
}

static int provenance_of(exset_ctx_t *ctx, const exset_config_t *config, const plan_t *plan,
                         cli_provenance_t *provenance) {
  EXSET_TRY(cli_provenance_create(ctx, config, "generate", provenance));
  char *text = cli_model_text(&plan->model);
  int err = cli_provenance_set(ctx, provenance, "model", text);
  free(text);
  if (!err) err = set_number(ctx, provenance, "seed", plan->seed);
  return err;
}

static int make_sampler(exset_ctx_t *ctx, const plan_t *plan, exset_sampler_t **sampler,
                        double *seconds) {
  const double start = MPI_Wtime();
  if (plan->wisdom) EXSET_TRY(exset_transform_wisdom_load(ctx, plan->wisdom));
  const exset_sampler_options_t options = sampler_options(plan);
  EXSET_TRY(exset_sampler_create(ctx, &plan->grid, &options, sampler));
  if (plan->wisdom) EXSET_TRY(exset_transform_wisdom_save(ctx, plan->wisdom));
  *seconds = MPI_Wtime() - start;
  return EXSET_OK;
}

static int run_plan(exset_ctx_t *ctx, const exset_config_t *config, plan_t *plan) {
  exset_sampler_t *sampler = NULL;
  result_t *result = NULL;
  cli_provenance_t provenance = {0};
  double seconds;
  int err;
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, provenance_of(ctx, config, plan, &provenance)));
  EXSET_TRY_GOTO(err, done, exset_alloc_all(ctx, plan->realisations, sizeof *result, &result));
  EXSET_TRY_GOTO(err, done, make_sampler(ctx, plan, &sampler, &seconds));
  for (int64_t r = 0; r < plan->realisations; r++) result[r].seconds.plan = seconds;
  EXSET_TRY_GOTO(err, done, make_twins(ctx, plan, sampler, &provenance, result));
  EXSET_TRY_GOTO(err, done, report(ctx, config, plan, result));
done:
  free(result);
  exset_sampler_destroy(&sampler);
  cli_provenance_clear(&provenance);
  return err;
}

int exset_cli_generate(exset_ctx_t *ctx, exset_config_t *config) {
  plan_t plan;
  memset(&plan, 0, sizeof plan);
  bool dry_run = false;
  int err = exset_agree(ctx, plan_read(ctx, config, &plan));
  if (!err) err = exset_config_bool(config, "dry_run", &dry_run);
  if (!err) err = check_output(ctx, config, &plan);
  if (!err) err = exset_agree(ctx, check_grid(ctx, &plan)); /* mistakes come before warnings */
  if (!err) {
    if (!exset_config_given(config, "voxel_size"))
      exset_warn(ctx, "no -voxel_size: voxels of 1 um are assumed");
    warn_of_sizes(ctx, &plan.grid);
    if (ctx->rank == 0) warn_of_model(ctx, &plan);
    if (dry_run || ctx->verbosity > 1) err = print_plan(ctx, &plan);
  }
  if (!err && !dry_run) err = run_plan(ctx, config, &plan);
  plan_clear(&plan);
  return err;
}
