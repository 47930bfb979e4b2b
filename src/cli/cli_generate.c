/* exset generate: twins of a model. */
#include "cli_generate.h"
#include "cli_inputs.h"
#include "exset/phase.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_name[] = "twin.vtkhdf";

/* ---- what to do -------------------------------------------------------------------------------- */

static int read_process_grid(exset_ctx_t *ctx, const exset_config_t *config, int grid[2]) {
  int64_t value[2];
  int n;
  EXSET_TRY(exset_config_int_list(config, "fft_grid", 2, value, &n));
  if (n == 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-fft_grid has 1 value; allowed: 2 (P,Q with P Q ranks)");
  for (int i = 0; i < n; i++) grid[i] = (int)value[i];
  return EXSET_OK;
}

/* With a machine to plan for the process grid is meant for it. */
static int read_planned(exset_ctx_t *ctx, const exset_config_t *config, generate_plan_t *plan) {
  generate_planned_t *planned = &plan->planned;
  int64_t ranks, threads;
  bool dry_run;
  EXSET_TRY(exset_config_int(config, "plan_nodes", &planned->nodes));
  EXSET_TRY(exset_config_int(config, "plan_ranks", &ranks));
  EXSET_TRY(exset_config_int(config, "plan_threads", &threads));
  EXSET_TRY(exset_config_real(config, "plan_network", &planned->network));
  EXSET_TRY(exset_config_real(config, "plan_files", &planned->files));
  EXSET_TRY(exset_config_bool(config, "dry_run", &dry_run));
  if (planned->nodes > 0 && !dry_run)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-plan_nodes %" PRId64 " plans for another machine: it needs -dry_run",
                      planned->nodes);
  if (planned->nodes == 0 && dry_run &&
      (exset_config_given(config, "plan_ranks") || exset_config_given(config, "plan_threads")))
    exset_warn(ctx, "-plan_ranks and -plan_threads say nothing without -plan_nodes");
  planned->ranks = (int)ranks;
  planned->threads = (int)threads;
  planned->network *= 1e9 / 8;
  planned->files *= 1e9;
  if (planned->nodes == 0) return EXSET_OK;
  planned->sampler = plan->sampler;
  plan->sampler.grid[0] = plan->sampler.grid[1] = 0;
  return EXSET_OK;
}

static int plan_read(exset_ctx_t *ctx, const exset_config_t *config, generate_plan_t *plan) {
  int effort;
  int64_t groups;
  if (exset_config_inputs(config) > 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "\"%.100s\" is not a case file: generate takes .yaml files and -key value",
                      exset_config_input(config, 0));
  EXSET_TRY(cli_model_read(ctx, config, false, &plan->model));
  EXSET_TRY(cli_grid(ctx, config, &plan->grid));
  EXSET_TRY(exset_config_int(config, "seed", &plan->seed));
  EXSET_TRY(exset_config_int(config, "realisations", &plan->realisations));
  EXSET_TRY(exset_config_int(config, "realisation_groups", &groups));
  plan->n_groups = (int)groups;
  EXSET_TRY(exset_config_choice(config, "output", &plan->output));
  EXSET_TRY(exset_config_choice(config, "fft_plan", &effort));
  plan->sampler.measure = effort == 1;
  EXSET_TRY(read_process_grid(ctx, config, plan->sampler.grid));
  EXSET_TRY(read_planned(ctx, config, plan));
  plan->wisdom = exset_config_string_item(config, "fft_wisdom", 0);
  plan->path = cli_path(config, default_name, NULL);
  if (!plan->path) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  if (plan->output == GENERATE_FIELDS) plan->n_arrays = plan->model.n_fields;
  for (int f = 0; f < plan->n_arrays; f++) {
    snprintf(plan->array_name[f], sizeof plan->array_name[f], "field%d", f + 1);
    plan->array[f] = (exset_cellarray_t){plan->array_name[f], "1",
                                         "random field whose excursion set is the phase", 1, NULL};
  }
  return cli_volume_extras(config, plan->n_arrays, plan->array, &plan->extras);
}

static void plan_clear(generate_plan_t *plan) {
  exset_model_clear(&plan->model);
  free(plan->wisdom);
  free(plan->path);
}

static int64_t largest_prime(int64_t n) {
  int64_t largest = 1;
  for (int64_t p = 2; p * p <= n; p++)
    for (; n % p == 0; n /= p) largest = p;
  return n > 1 ? n : largest;
}

static void warn_of_size(const exset_ctx_t *ctx, int64_t n) {
  enum { LARGEST_FAST = 13 };
  const int64_t prime = largest_prime(n);
  if (prime <= LARGEST_FAST) return;
  int64_t below = n, above = n;
  while (largest_prime(below) > LARGEST_FAST) below--;
  while (largest_prime(above) > LARGEST_FAST) above++;
  exset_warn(ctx,
             "size %" PRId64 " has the prime factor %" PRId64
             ", which makes transforms slow; %" PRId64 " and %" PRId64 " are fast",
             n, prime, below, above);
}

/* Each size once. */
static void warn_of_sizes(const exset_ctx_t *ctx, const int64_t n[3]) {
  warn_of_size(ctx, n[0]);
  if (n[1] != n[0]) warn_of_size(ctx, n[1]);
  if (n[2] != n[1] && n[2] != n[0]) warn_of_size(ctx, n[2]);
}

static void warn_of_ranks(const exset_ctx_t *ctx, const exset_transform_layout_t *l) {
  const int64_t rows = l->rows[0] + l->rows[1];
  if (l->p > l->planes || l->q > rows)
    exset_warn(ctx,
               "%d ranks share %" PRId64 " planes along z and %" PRId64
               " rows of each as %d x %d: some have nothing to do",
               l->p * l->q, l->planes, rows, l->p, l->q);
}

/* Threads that share a processor take turns. */
static void warn_of_threads(const exset_ctx_t *ctx) {
  const int n = ctx->threads, processors = exset_processors();
  if (processors > 0 && n > processors)
    exset_warn(ctx,
               "OMP_NUM_THREADS is %d, but a rank may run on %d processor%s only; mpirun --map-by "
               "slot:PE=%d --bind-to core or srun --cpus-per-task=%d give it more",
               n, processors, processors == 1 ? "" : "s", n, n);
}

/* Is the grid fine enough and the box large enough for the model? */
static void warn_of_model(const exset_ctx_t *ctx, const generate_plan_t *plan) {
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

/* ---- results ------------------------------------------------------------------------------------- */

static cJSON *json_seconds(const generate_result_t *result) {
  const exset_seconds_t *s = &result->seconds;
  cJSON *seconds = cJSON_CreateObject();
  cJSON_AddNumberToObject(seconds, "plan", s->plan);
  cJSON_AddNumberToObject(seconds, "noise", s->noise);
  cJSON_AddNumberToObject(seconds, "fft", s->fft);
  cJSON_AddNumberToObject(seconds, "threshold", s->threshold);
  cJSON_AddNumberToObject(seconds, "figures", result->figures);
  cJSON_AddNumberToObject(seconds, "write", s->write);
  return seconds;
}

static void json_result(cJSON *object, const generate_plan_t *plan,
                        const generate_result_t *result) {
  char checksum[32];
  snprintf(checksum, sizeof checksum, "%016" PRIx64, result->checksum);
  cJSON_AddItemToObject(object, "volume_fractions",
                        cli_json_reals(plan->model.n_fields + 1, result->fraction));
  cJSON_AddStringToObject(object, "checksum", checksum);
  cJSON_AddItemToObject(object, "seconds", json_seconds(result));
}

/* Means over the realisations; checksums are added up. */
static generate_result_t mean_result(const generate_plan_t *plan, const generate_result_t *result) {
  const double share = 1 / (double)plan->realisations;
  generate_result_t mean = {.checksum = 0};
  for (int64_t r = 0; r < plan->realisations; r++) {
    const exset_seconds_t *s = &result[r].seconds;
    for (int p = 0; p <= plan->model.n_fields; p++)
      mean.fraction[p] += share * result[r].fraction[p];
    mean.checksum += result[r].checksum;
    mean.seconds.plan = fmax(mean.seconds.plan, s->plan);
    mean.seconds.noise += share * s->noise;
    mean.seconds.fft += share * s->fft;
    mean.seconds.threshold += share * s->threshold;
    mean.seconds.write += share * s->write;
    mean.figures += share * result[r].figures;
  }
  return mean;
}

static void print_results(const exset_ctx_t *ctx, const generate_plan_t *plan,
                          const generate_result_t *mean, const double *expected) {
  exset_print(ctx, "phase  fraction   model\n");
  for (int p = 0; p <= plan->model.n_fields; p++)
    exset_print(ctx, "%5d  %.6f  %.6f\n", p + 1, mean->fraction[p], expected[p]);
  const exset_seconds_t *s = &mean->seconds;
  exset_print(ctx,
              "seconds%s: plan %.3f, noise %.3f, fft %.3f, threshold %.3f, figures %.3f, write "
              "%.3f\n",
              plan->realisations > 1 ? " (means)" : "", s->plan, s->noise, s->fft, s->threshold,
              mean->figures, s->write);
  exset_print(ctx, "checksum %016" PRIx64 "\n", mean->checksum);
}

static cJSON *json_results(const exset_ctx_t *ctx, const generate_plan_t *plan,
                           const generate_result_t *result, const generate_result_t *mean,
                           const double *expected, const double peak[2]) {
  const double size[3] = {(double)plan->grid.n[0], (double)plan->grid.n[1],
                          (double)plan->grid.n[2]};
  const double process_grid[2] = {plan->process_grid[0], plan->process_grid[1]};
  cJSON *root = cJSON_CreateObject();
  cJSON_AddItemToObject(root, "size", cli_json_reals(3, size));
  cJSON_AddItemToObject(root, "voxel_size", cli_json_reals(3, plan->grid.voxel));
  cJSON_AddNumberToObject(root, "ranks", ctx->size);
  cJSON_AddNumberToObject(root, "threads", ctx->threads);
  cJSON_AddNumberToObject(root, "groups", plan->n_groups);
  cJSON_AddItemToObject(root, "process_grid", cli_json_reals(2, process_grid));
  json_result(root, plan, mean);
  cJSON_AddItemToObject(root, "model_fractions",
                        cli_json_reals(plan->model.n_fields + 1, expected));
  cJSON_AddNumberToObject(root, "peak_bytes", peak[0]);
  cJSON_AddNumberToObject(root, "peak_bytes_total", peak[1]);
  if (plan->realisations == 1) return root;
  cJSON *list = cJSON_AddArrayToObject(root, "realisations");
  for (int64_t r = 0; list && r < plan->realisations; r++) {
    cJSON *item = cJSON_CreateObject();
    char *path = generate_path(plan, r + 1);
    cJSON_AddNumberToObject(item, "realisation", (double)(r + 1));
    if (path && plan->output != GENERATE_NONE) cJSON_AddStringToObject(item, "file", path);
    free(path);
    json_result(item, plan, &result[r]);
    cJSON_AddItemToArray(list, item);
  }
  return root;
}

static int report(exset_ctx_t *ctx, const exset_config_t *config, const generate_plan_t *plan,
                  const generate_result_t *result) {
  double expected[EXSET_MAX_FIELDS + 1];
  double peak[2] = {(double)exset_peak_bytes(), (double)exset_peak_bytes()}; /* largest, sum */
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &peak[0], 1, MPI_DOUBLE, MPI_MAX, ctx->comm)));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &peak[1], 1, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  const generate_result_t mean = mean_result(plan, result);
  exset_model_fractions(&plan->model, expected);
  print_results(ctx, plan, &mean, expected);
  return cli_json_write(ctx, config, default_name,
                        json_results(ctx, plan, result, &mean, expected, peak));
}

/* ---- the command --------------------------------------------------------------------------------- */

/* What could go wrong with the output goes wrong now. */
static int check_output(exset_ctx_t *ctx, const exset_config_t *config,
                        const generate_plan_t *plan) {
  if (plan->output != GENERATE_NONE) {
    EXSET_TRY(exset_volume_write_check(ctx, plan->path, &plan->extras));
    EXSET_TRY(cli_output_check(ctx, config, plan->path));
  }
  EXSET_TRY(cli_json_check(ctx, config, default_name));
  return plan->wisdom ? exset_outfile_check(ctx, plan->wisdom) : EXSET_OK;
}

static int run_plan(exset_ctx_t *ctx, exset_ctx_t *group, const exset_config_t *config,
                    const generate_plan_t *plan) {
  generate_result_t *result;
  EXSET_TRY(exset_alloc_all(ctx, plan->realisations, sizeof *result, &result));
  int err = generate_run(ctx, group, config, plan, result);
  if (!err) err = report(ctx, config, plan, result);
  free(result);
  return err;
}

static int lay_out(exset_ctx_t *group, const generate_plan_t *plan,
                   exset_transform_layout_t *layout) {
  const exset_transform_options_t transform = exset_sampler_transform(&plan->grid, &plan->sampler);
  return exset_transform_layout(group, &transform, layout);
}

/* The plan as cut over the groups of ranks. */
static int settle(exset_ctx_t *ctx, const exset_config_t *config, generate_plan_t *plan,
                  bool dry_run, exset_ctx_t **group) {
  exset_transform_layout_t layout = {.p = 0};
  EXSET_TRY(generate_choose_groups(ctx, plan, dry_run));
  EXSET_TRY(exset_ctx_split(ctx, plan->n_groups, group));
  int err = exset_grid_init(*group, plan->grid.n, plan->grid.voxel, &plan->grid);
  if (!err) err = lay_out(*group, plan, &layout);
  if (err == EXSET_ERR_INPUT && dry_run) { /* here; on other machines it may do */
    if (ctx->rank == 0) exset_warn(ctx, "%s", (*group)->message);
    (*group)->message[0] = '\0';
    layout = (exset_transform_layout_t){.p = 0};
    err = EXSET_OK;
  }
  EXSET_TRY(exset_agree_groups(ctx, *group, err)); /* mistakes come before warnings */
  plan->process_grid[0] = layout.p;
  plan->process_grid[1] = layout.q;
  if (!exset_config_given(config, "voxel_size"))
    exset_warn(ctx, "no -voxel_size: voxels of 1 um are assumed");
  if (ctx->rank == 0) {
    warn_of_sizes(ctx, plan->grid.n);
    warn_of_ranks(ctx, &layout);
    warn_of_threads(ctx);
    warn_of_model(ctx, plan);
  }
  return EXSET_OK;
}

int exset_cli_generate(exset_ctx_t *ctx, exset_config_t *config) {
  generate_plan_t plan;
  exset_ctx_t *group = NULL;
  memset(&plan, 0, sizeof plan);
  bool dry_run = false;
  int err = exset_agree(ctx, plan_read(ctx, config, &plan));
  if (!err) err = exset_config_bool(config, "dry_run", &dry_run);
  if (!err) err = check_output(ctx, config, &plan);
  if (!err) err = settle(ctx, config, &plan, dry_run, &group);
  if (!err && (dry_run || ctx->verbosity > 1)) err = generate_print_plan(ctx, group, &plan);
  if (!err && !dry_run) err = run_plan(ctx, group, config, &plan);
  if (err < 0) return err; /* this rank alone: nothing collective may follow */
  exset_ctx_destroy(&group);
  plan_clear(&plan);
  return err;
}
