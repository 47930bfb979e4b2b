/* exset morph: geometric descriptors of a volume. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_morph.h"
#include "exset/memory.h"

static const char default_name[] = "morph.json";
static const char axis_name[3] = {'z', 'y', 'x'};

/* ---- keys ----------------------------------------------------------------------------------------- */

static int read_groups(exset_ctx_t *ctx, const exset_config_t *config,
                       exset_morph_options_t *options) {
  int choice[EXSET_MORPH_GROUPS + 1], n;
  EXSET_TRY(
      exset_config_choice_list(config, "morph_descriptors", EXSET_MORPH_GROUPS + 1, choice, &n));
  for (int i = 0; i < n; i++) {
    if (choice[i] == EXSET_MORPH_GROUPS) { /* all */
      if (n > 1)
        return exset_fail(ctx, EXSET_ERR_INPUT,
                          "-morph_descriptors: all stands alone, or list some of the others");
      for (int g = 0; g < EXSET_MORPH_GROUPS; g++) options->group[g] = true;
      return EXSET_OK;
    }
    if (options->group[choice[i]]) /* the key's choices are in the order of the groups */
      return exset_fail(ctx, EXSET_ERR_INPUT, "-morph_descriptors names %s twice",
                        exset_morph_group_name((exset_morph_group_t)choice[i]));
    options->group[choice[i]] = true;
  }
  return EXSET_OK;
}

int cli_morph_options(exset_ctx_t *ctx, const exset_config_t *config,
                      exset_morph_options_t *options) {
  int axis[3], n;
  *options = (exset_morph_options_t){0};
  EXSET_TRY(read_groups(ctx, config, options));
  EXSET_TRY(cli_axes(ctx, config, "morph_axis", axis, &n));
  for (int i = 0; i < n; i++) options->axis[axis[i]] = true;
  return EXSET_OK;
}

static int read_keys(exset_ctx_t *ctx, const exset_config_t *config, morph_plan_t *plan) {
  if (exset_config_inputs(config) != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%d inputs given; one volume is needed: exset morph twin.vtkhdf",
                      exset_config_inputs(config));
  plan->input = exset_config_input(config, 0);
  EXSET_TRY(cli_volume_options(ctx, config, &plan->reading));
  EXSET_TRY(cli_morph_options(ctx, config, &plan->options));
  return exset_config_bool(config, "dry_run", &plan->dry_run);
}

/* ---- plan ----------------------------------------------------------------------------------------- */

static void print_list(const exset_ctx_t *ctx, const exset_morph_options_t *options) {
  char text[256] = "";
  size_t used = 0;
  for (int g = 0; g < EXSET_MORPH_GROUPS; g++)
    if (exset_morph_computed(options, (exset_morph_group_t)g))
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "",
                               exset_morph_group_name((exset_morph_group_t)g));
  exset_print(ctx, "descriptors %s\n", text);
  used = 0;
  for (int a = EXSET_AXIS_X; a >= EXSET_AXIS_Z; a--)
    if (options->axis[a])
      used +=
          (size_t)snprintf(text + used, sizeof text - used, "%s%c", used ? ", " : "", axis_name[a]);
  exset_print(ctx, "axes        %s\n", text);
}

static int print_plan(exset_ctx_t *ctx, const morph_plan_t *plan) {
  const exset_grid_t *grid = &plan->whole.grid; /* no rank has more planes than rank 0 */
  const double own = exset_morph_bytes(ctx, grid, &plan->options);
  const double volume = (double)exset_grid_cells_local(grid);
  exset_memory_fit_t fit;
  EXSET_TRY(exset_memory_fit(ctx, own + volume, &fit));
  cli_volume_print(ctx, plan->input, grid);
  print_list(ctx, &plan->options);
  exset_print(
      ctx, "memory      at most about %.3g GB on the busiest of %d rank%s, the volume included\n",
      (own + volume) / 1e9, ctx->size, ctx->size == 1 ? "" : "s");
  if (isfinite(fit.available))
    exset_print(ctx, "            %.3g GB %s%s\n", fit.available / 1e9, fit.limit,
                fit.needed > fit.available ? ": too little" : "");
  return EXSET_OK;
}

static int check_memory(exset_ctx_t *ctx, const morph_plan_t *plan) {
  const exset_grid_t *grid = &plan->whole.grid;
  const double bytes =
      exset_morph_bytes(ctx, grid, &plan->options) + (double)exset_grid_cells_local(grid);
  exset_memory_fit_t fit;
  EXSET_TRY(exset_memory_fit(ctx, bytes, &fit));
  if (fit.needed > fit.available)
    exset_warn(ctx, "up to %.3g GB may be needed in %d process%s, and %.3g GB %s", fit.needed / 1e9,
               fit.processes, fit.processes == 1 ? "" : "es", fit.available / 1e9, fit.limit);
  return EXSET_OK;
}

static bool has(const morph_plan_t *plan, exset_morph_group_t group) {
  return exset_morph_computed(&plan->options, group);
}

/* What sections do not tell. */
static void warn_section(const exset_ctx_t *ctx, const morph_plan_t *plan) {
  const bool along = has(plan, EXSET_MORPH_PERCOLATION) || has(plan, EXSET_MORPH_TORTUOSITY) ||
                     has(plan, EXSET_MORPH_INTRUSION) || has(plan, EXSET_MORPH_CHORD);
  for (int a = 0; a < 3; a++) {
    char none[40] = "";
    if (plan->whole.grid.n[a] > 1) continue;
    if (along && plan->options.axis[a])
      snprintf(none, sizeof none, "; there are none along %c", axis_name[a]);
    exset_warn(ctx,
               "%s is one voxel thick along %c: sizes, contact distances and paths are those of a "
               "section, not of the volume it comes from%s",
               plan->input, axis_name[a], none);
  }
}

/* ---- the command ---------------------------------------------------------------------------------- */

static cJSON *results(const exset_ctx_t *ctx, const morph_plan_t *plan, const exset_morph_t *morph,
                      double seconds_read) {
  cJSON *root = morph_result_json(&plan->options, &plan->whole.grid, morph);
  cJSON *seconds = cJSON_AddObjectToObject(root, "seconds");
  cJSON_AddNumberToObject(seconds, "read", seconds_read);
  for (int g = 0; g < EXSET_MORPH_GROUPS; g++)
    if (has(plan, (exset_morph_group_t)g))
      cJSON_AddNumberToObject(seconds, exset_morph_group_name((exset_morph_group_t)g),
                              morph->seconds[g]);
  cJSON_AddNumberToObject(seconds, "total", MPI_Wtime() - ctx->start);
  cJSON_AddNumberToObject(root, "peak_bytes", (double)exset_peak_bytes());
  cJSON_AddNumberToObject(root, "ranks", ctx->size);
  return root;
}

static void warn_intervals(const exset_ctx_t *ctx, const exset_morph_t *morph) {
  char text[64] = "";
  size_t used = 0;
  int n = 0;
  for (int p = 0; p < morph->n_phases; p++)
    if (morph->phase[p].ci95_narrow)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", n++ > 0 ? ", " : "", p + 1);
  if (n > 0)
    exset_warn(
        ctx,
        "the coverage functions of phase%s %s have not decayed within half of the volume: the "
        "intervals of their fractions may be too narrow",
        n == 1 ? "" : "s", text);
}

static int run(exset_ctx_t *ctx, const exset_config_t *config, const morph_plan_t *plan) {
  exset_volume_t volume = {0};
  exset_morph_t morph = {0};
  const double start = MPI_Wtime();
  int err;
  EXSET_TRY_GOTO(err, done, check_memory(ctx, plan));
  EXSET_TRY_GOTO(err, done, exset_volume_read(ctx, plan->input, &plan->reading, &volume));
  const double seconds = MPI_Wtime() - start;
  if (ctx->verbosity > 1) EXSET_TRY_GOTO(err, done, print_plan(ctx, plan));
  EXSET_TRY_GOTO(err, done, exset_morph(ctx, &volume, &plan->options, &morph));
  warn_intervals(ctx, &morph);
  morph_result_print(ctx, &plan->options, &morph);
  err = cli_json_write(ctx, config, default_name, results(ctx, plan, &morph, seconds));
done:
  exset_morph_clear(&morph);
  exset_volume_clear(&volume);
  return err;
}

int exset_cli_morph(exset_ctx_t *ctx, exset_config_t *config) {
  morph_plan_t plan = {0};
  int err;
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, read_keys(ctx, config, &plan)));
  EXSET_TRY_GOTO(err, done, exset_volume_look(ctx, plan.input, &plan.reading, &plan.whole));
  EXSET_TRY_GOTO(err, done, cli_json_check(ctx, config, default_name));
  warn_section(ctx, &plan);
  err = plan.dry_run ? print_plan(ctx, &plan) : run(ctx, config, &plan);
done:
  exset_volume_clear(&plan.whole);
  return err;
}
