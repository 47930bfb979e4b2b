/* exset sweep: what each sample comes to: its values, its seed, its model and box, its identity. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_sweep.h"

static int no_memory(exset_ctx_t *ctx) {
  return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
}

/* ---- samples -------------------------------------------------------------------------------------- */

/* A value of a key as it would be typed. */
static void put_value(FILE *out, const sweep_key_t *key, double value) {
  char text[EXSET_NUMBER_TEXT];
  if (key->integer && fabs(value) < 9e18) snprintf(text, sizeof text, "%lld", llround(value));
  else exset_number_text(value, text);
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

int sweep_resolve(exset_ctx_t *ctx, sweep_plan_t *plan) {
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
