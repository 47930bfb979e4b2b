/* exset coverage: two-point coverage functions and phase fractions of sections or a volume. */
#include "exset/coverage.h"
#include "exset/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cli_inputs.h"

static const char default_name[] = "coverage.json";
static const char *const orient_name[] = {"xy", "xz", "yz"}; /* order of exset_orient_t */

typedef struct {
  exset_lags_t lags;
  double max_lag; /* 0: not given */
  bool volume, periodic, dry_run;
} settings_t;

/* Estimate of the sections of one orientation, or of a volume. */
typedef struct {
  const char *name;
  int n_sections;
  exset_coverage_t coverage;
  double window; /* unmasked cells */
  double ci95[EXSET_MAX_PHASES];
} group_t;

typedef struct {
  int n_phases, n_groups;
  group_t group[3];
  exset_coverage_t pooled; /* shown at the top */
  double fraction[EXSET_MAX_PHASES], ci95[EXSET_MAX_PHASES];
  double seconds_read, seconds_coverage;
} result_t;

/* ---- what to do ---------------------------------------------------------------------------------- */

static int read_settings(exset_ctx_t *ctx, const exset_config_t *config, settings_t *s) {
  int lags;
  EXSET_TRY(exset_config_choice(config, "coverage_lags", &lags));
  s->lags = lags ? EXSET_LAGS_RZ : EXSET_LAGS_RADIAL;
  if (exset_config_given(config, "max_lag"))
    EXSET_TRY(exset_config_real(config, "max_lag", &s->max_lag));
  EXSET_TRY(exset_config_bool(config, "coverage_volume", &s->volume));
  EXSET_TRY(exset_config_bool(config, "periodic", &s->periodic));
  EXSET_TRY(exset_config_bool(config, "dry_run", &s->dry_run));
  const int n = exset_config_inputs(config);
  for (int i = 0; i < n; i++) {
    bool volume;
    EXSET_TRY(cli_is_volume(ctx, config, exset_config_input(config, i), &volume));
    s->volume |= volume;
  }
  if (s->volume && n != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%d inputs, a volume among them; allowed: one volume, or sections alone", n);
  if (s->periodic && !s->volume)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-periodic is for volumes; sections are cut-outs and not periodic");
  return EXSET_OK;
}

/* Default: a quarter of the shortest edge, at most so many cells. longest: what a lag may reach. */
static int choose_max_lag(exset_ctx_t *ctx, settings_t *s, double shortest, double longest,
                          double cell) {
  enum { MOST_CELLS = 200 };
  if (s->max_lag == 0) s->max_lag = fmax(cell, fmin(shortest / 4, MOST_CELLS * cell));
  if (s->max_lag <= longest) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT, "-max_lag is %g um; the data allow up to %g um",
                    s->max_lag, longest);
}

static void set_intervals(exset_ctx_t *ctx, group_t *g, int dimension, const double pixel[3]) {
  const exset_coverage_t *c = &g->coverage;
  char late[128] = "";
  int n_late = 0;
  for (int i = 0; i < c->n_phases; i++) {
    const double p = c->c[exset_coverage_index(c, i, i)];
    double dof;
    bool decayed = true;
    g->ci95[i] = exset_coverage_fraction_ci95(c, i, dimension, pixel, g->window);
    if (p > 0 && p < 1)
      exset_coverage_integral_range(c, i, dimension, pixel, g->window, &dof, &decayed);
    const size_t used = strlen(late);
    if (decayed) continue;
    snprintf(late + used, sizeof late - used, "%s%d", n_late > 0 ? ", " : "", i + 1);
    n_late++;
  }
  if (n_late > 0)
    exset_warn(ctx,
               "%s: the coverage functions of phase%s %s have not decayed within the lags used; "
               "their intervals may be too narrow: use a larger -max_lag or larger images",
               g->name, n_late == 1 ? "" : "s", late);
}

/* Fractions over all groups, and their intervals: the groups are independent. */
static void pool_fractions(result_t *r) {
  double window = 0;
  for (int g = 0; g < r->n_groups; g++) window += r->group[g].window;
  for (int i = 0; i < r->n_phases; i++) {
    double square = 0;
    r->fraction[i] = 0;
    for (int g = 0; g < r->n_groups; g++) {
      const group_t *group = &r->group[g];
      const double share = group->window / window;
      r->fraction[i] += share * group->coverage.c[exset_coverage_index(&group->coverage, i, i)];
      square += share * share * group->ci95[i] * group->ci95[i];
    }
    r->ci95[i] = sqrt(square);
  }
}

static void result_clear(result_t *r) {
  for (int g = 0; g < r->n_groups; g++) exset_coverage_clear(&r->group[g].coverage);
  exset_coverage_clear(&r->pooled);
}

/* ---- sections ------------------------------------------------------------------------------------ */

static int sections_max_lag(exset_ctx_t *ctx, settings_t *s, const exset_sections_t *sections,
                            const double voxel[3]) {
  double shortest = INFINITY, longest = 0, cell = 0;
  for (int i = 0; i < sections->n; i++) {
    double pixel[2];
    cli_section_pixel(voxel, sections->section[i].orient, pixel);
    const double edge[2] = {(double)sections->section[i].rows * pixel[0],
                            (double)sections->section[i].cols * pixel[1]};
    shortest = fmin(shortest, fmin(edge[0], edge[1]));
    longest = fmax(longest, fmax(edge[0], edge[1]));
    cell = fmax(cell, fmax(pixel[0], pixel[1]));
  }
  return choose_max_lag(ctx, s, shortest, longest, cell);
}

static void plan_sections(exset_ctx_t *ctx, const settings_t *s, const exset_sections_t *sections,
                          const double voxel[3]) {
  double most = 0;
  for (int i = 0; i < sections->n; i++) {
    const exset_section_t *section = &sections->section[i];
    double pixel[2];
    exset_coverage_plan_t plan;
    cli_section_pixel(voxel, section->orient, pixel);
    exset_coverage_section_plan(section, sections->n_phases, pixel, s->max_lag, s->lags, &plan);
    most = fmax(most, plan.bytes);
    exset_print(ctx,
                "section %d   %s, %" PRId64 " x %" PRId64 " pixels of %g x %g um: %" PRId64
                " tiles, transforms of %" PRId64 " x %" PRId64 "\n",
                i + 1, orient_name[section->orient], section->rows, section->cols, pixel[0],
                pixel[1], plan.tiles, plan.size[1], plan.size[2]);
  }
  exset_print(ctx, "lags        up to %g um\nmemory      %.3g GB a rank beside the images\n",
              s->max_lag, most / 1e9);
}

static int pool_group(exset_ctx_t *ctx, const exset_sections_t *sections,
                      const exset_coverage_t *part, exset_orient_t orient, const double voxel[3],
                      group_t *g) {
  exset_coverage_t *list;
  EXSET_TRY(exset_alloc(ctx, sections->n, sizeof *list, &list));
  g->name = orient_name[orient];
  for (int i = 0; i < sections->n; i++) {
    if (sections->section[i].orient != orient) continue;
    list[g->n_sections++] = part[i];
    g->window += part[i].pairs[0];
  }
  const int err = exset_coverage_pool(ctx, g->n_sections, list, -1, &g->coverage);
  free(list);
  EXSET_TRY(err);
  double pixel[3] = {0};
  cli_section_pixel(voxel, orient, pixel);
  set_intervals(ctx, g, 2, pixel);
  return EXSET_OK;
}

/* The top of the results: radial lags of all sections; rz lags of those that contain z. */
static int pool_top(exset_ctx_t *ctx, const settings_t *s, result_t *r) {
  exset_coverage_t list[3];
  int n = 0;
  for (int g = 0; g < r->n_groups; g++)
    if (s->lags == EXSET_LAGS_RADIAL || r->n_groups == 1 || strcmp(r->group[g].name, "xy") != 0)
      list[n++] = r->group[g].coverage;
  if (n == 2 && list[0].n_lags != list[1].n_lags)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "xz and yz sections need equal -voxel_size along x and y with "
                      "-coverage_lags rz");
  return exset_coverage_pool(ctx, n, list, -1, &r->pooled);
}

static int run_sections(exset_ctx_t *ctx, const settings_t *s, const exset_sections_t *sections,
                        const double voxel[3], result_t *r) {
  exset_coverage_t *part;
  const double start = MPI_Wtime();
  EXSET_TRY(exset_alloc_all(ctx, sections->n, sizeof *part, &part));
  int err = exset_coverage_sections(ctx, sections, voxel, s->max_lag, s->lags, part);
  for (int o = 0; o < 3 && !err; o++)
    for (int i = 0; i < sections->n; i++) {
      if (sections->section[i].orient != (exset_orient_t)o) continue;
      err = pool_group(ctx, sections, part, (exset_orient_t)o, voxel, &r->group[r->n_groups++]);
      break;
    }
  if (!err) err = pool_top(ctx, s, r);
  err = exset_agree(ctx, err);
  r->seconds_coverage = MPI_Wtime() - start;
  for (int i = 0; i < sections->n; i++) exset_coverage_clear(&part[i]);
  free(part);
  return err;
}

static int do_sections(exset_ctx_t *ctx, const exset_config_t *config, settings_t *s, result_t *r) {
  exset_labels_t labels;
  exset_sections_t sections = {0};
  double voxel[3];
  int err;
  const double start = MPI_Wtime();
  EXSET_TRY(cli_labels(ctx, config, &labels));
  EXSET_TRY(cli_voxel(ctx, config, voxel));
  EXSET_TRY_GOTO(err, done, cli_sections_inputs(ctx, config, &labels, &sections));
  if (!exset_config_given(config, "voxel_size"))
    exset_warn(ctx, "no -voxel_size: pixels of 1 um are assumed");
  for (int a = 0; a < 3; a++)
    if (voxel[a] == 0) voxel[a] = 1;
  r->seconds_read = MPI_Wtime() - start;
  r->n_phases = sections.n_phases;
  EXSET_TRY_GOTO(err, done, sections_max_lag(ctx, s, &sections, voxel));
  if (s->dry_run) plan_sections(ctx, s, &sections, voxel);
  else err = run_sections(ctx, s, &sections, voxel, r);
done:
  exset_sections_clear(&sections);
  return err;
}

/* ---- volumes ------------------------------------------------------------------------------------- */

/* What does not fit is refused before it is allocated. */
static int check_memory(exset_ctx_t *ctx, const settings_t *s, const exset_coverage_plan_t *plan) {
  exset_memory_fit_t fit;
  char text[384];
  EXSET_TRY(exset_memory_fit(ctx, plan->bytes, &fit));
  if (fit.needed <= fit.available) return EXSET_OK;
  snprintf(text, sizeof text,
           "coverage up to -max_lag %g um needs %.3g GB in %d process%s, and %.3g GB %s",
           s->max_lag, fit.needed / 1e9, fit.processes, fit.processes == 1 ? "" : "es",
           fit.available / 1e9, fit.limit);
  if (!s->dry_run)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%s; use more nodes or shorter lags", text);
  exset_warn(ctx, "%s: it cannot be made here", text);
  return EXSET_OK;
}

static void print_plan(exset_ctx_t *ctx, const settings_t *s, const exset_grid_t *g,
                       const exset_coverage_plan_t *plan) {
  exset_print(ctx,
              "volume      %" PRId64 " x %" PRId64 " x %" PRId64
              " voxels (z, y, x) of %g x %g x %g um%s\n",
              g->n[0], g->n[1], g->n[2], g->voxel[0], g->voxel[1], g->voxel[2],
              s->periodic ? ", periodic" : "");
  exset_print(ctx,
              "transforms  %" PRId64 " x %" PRId64 " x %" PRId64
              ", single precision\nlags        up to %g um\n",
              plan->size[0], plan->size[1], plan->size[2], s->max_lag);
  exset_print(
      ctx,
      "memory      %.3g GB on the busiest of %d ranks beside the volume; with it %.2f bytes "
      "for each voxel\n",
      plan->bytes / 1e9, ctx->size, plan->voxel_bytes + 1);
}

static int run_volume(exset_ctx_t *ctx, const settings_t *s, const exset_volume_t *volume,
                      result_t *r) {
  group_t *g = &r->group[r->n_groups++];
  const double start = MPI_Wtime();
  g->name = "volume";
  EXSET_TRY(exset_coverage_volume(ctx, volume, s->periodic, s->max_lag, s->lags, &g->coverage));
  g->window = g->coverage.pairs[0];
  set_intervals(ctx, g, 3, volume->grid.voxel);
  r->seconds_coverage = MPI_Wtime() - start;
  return exset_agree(ctx, exset_coverage_pool(ctx, 1, &g->coverage, -1, &r->pooled));
}

static int do_volume(exset_ctx_t *ctx, const exset_config_t *config, settings_t *s, result_t *r) {
  exset_volume_options_t options;
  exset_volume_t volume = {0};
  const double start = MPI_Wtime();
  EXSET_TRY(cli_volume_options(ctx, config, &options));
  EXSET_TRY(exset_volume_read(ctx, exset_config_input(config, 0), &options, &volume));
  r->seconds_read = MPI_Wtime() - start;
  r->n_phases = volume.n_phases;
  double shortest = INFINITY, longest = 0, cell = 0;
  for (int a = 0; a < 3; a++) {
    const double edge = (double)volume.grid.n[a] * volume.grid.voxel[a];
    shortest = fmin(shortest, edge);
    longest = fmax(longest, s->periodic ? edge / 2 : edge);
    cell = fmax(cell, volume.grid.voxel[a]);
  }
  exset_coverage_plan_t plan;
  int err = choose_max_lag(ctx, s, shortest, longest, cell);
  if (!err) err = exset_coverage_volume_plan(ctx, &volume, s->periodic, s->max_lag, s->lags, &plan);
  if (!err && s->dry_run) print_plan(ctx, s, &volume.grid, &plan);
  if (!err) err = check_memory(ctx, s, &plan);
  if (!err && !s->dry_run) err = run_volume(ctx, s, &volume, r);
  exset_volume_clear(&volume);
  return err;
}

/* ---- results ------------------------------------------------------------------------------------- */

static void pair_name(int n_phases, int i, int j, char name[32]) {
  snprintf(name, 32, n_phases < 10 ? "%d%d" : "%d,%d", i + 1, j + 1);
}

/* Lags without pairs hold no estimate: null. */
static cJSON *json_values(const exset_coverage_t *c, const double *value) {
  cJSON *list = cJSON_CreateArray();
  for (int64_t lag = 0; list && lag < c->n_lags; lag++)
    cJSON_AddItemToArray(list, cJSON_CreateNumber(c->pairs[lag] > 0 ? value[lag] : NAN));
  return list;
}

static cJSON *json_lags(const exset_coverage_t *c) {
  if (c->lags == EXSET_LAGS_RADIAL) return cli_json_reals(c->n_lags, c->h_r);
  cJSON *list = cJSON_CreateArray();
  for (int64_t lag = 0; list && lag < c->n_lags; lag++) {
    const double h[2] = {c->h_r[lag], c->h_z[lag]};
    cJSON_AddItemToArray(list, cli_json_reals(2, h));
  }
  return list;
}

static void json_coverage(cJSON *object, const exset_coverage_t *c) {
  cJSON_AddItemToObject(object, "lags", json_lags(c));
  cJSON *pairs = cJSON_AddObjectToObject(object, "coverage");
  for (int i = 0; i < c->n_phases; i++)
    for (int j = i; j < c->n_phases; j++) {
      char name[32];
      pair_name(c->n_phases, i, j, name);
      cJSON_AddItemToObject(pairs, name, json_values(c, c->c + exset_coverage_index(c, i, j)));
    }
  cJSON_AddItemToObject(object, "pairs", cli_json_reals(c->n_lags, c->pairs));
}

static void json_group(cJSON *object, const group_t *g) {
  const exset_coverage_t *c = &g->coverage;
  cJSON *fractions = cJSON_AddArrayToObject(object, "volume_fractions");
  for (int i = 0; i < c->n_phases; i++)
    cJSON_AddItemToArray(fractions, cJSON_CreateNumber(c->c[exset_coverage_index(c, i, i)]));
  cJSON_AddItemToObject(object, "volume_fractions_ci95", cli_json_reals(c->n_phases, g->ci95));
  cJSON_AddNumberToObject(object, "sections", g->n_sections);
  cJSON_AddNumberToObject(object, "cells", g->window);
  json_coverage(object, c);
}

static cJSON *json_results(const settings_t *s, const result_t *r) {
  cJSON *root = cJSON_CreateObject();
  cJSON_AddItemToObject(root, "volume_fractions", cli_json_reals(r->n_phases, r->fraction));
  cJSON_AddItemToObject(root, "volume_fractions_ci95", cli_json_reals(r->n_phases, r->ci95));
  cJSON_AddStringToObject(root, "source", s->volume ? "volume" : "sections");
  cJSON_AddStringToObject(root, "lags_kind", s->lags == EXSET_LAGS_RZ ? "rz" : "radial");
  cJSON_AddNumberToObject(root, "max_lag", s->max_lag);
  json_coverage(root, &r->pooled);
  if (!s->volume) {
    cJSON *groups = cJSON_AddObjectToObject(root, "orientations");
    for (int g = 0; g < r->n_groups; g++)
      json_group(cJSON_AddObjectToObject(groups, r->group[g].name), &r->group[g]);
  }
  cJSON *seconds = cJSON_AddObjectToObject(root, "seconds");
  cJSON_AddNumberToObject(seconds, "read", r->seconds_read);
  cJSON_AddNumberToObject(seconds, "coverage", r->seconds_coverage);
  return root;
}

/* A few rows of the table along r (h_z = 0): lags growing by a constant factor. */
static void print_curves(const exset_ctx_t *ctx, const exset_coverage_t *c) {
  enum { ROWS = 10, MOST_COLUMNS = 6 };
  int64_t n_r = 1;
  while (n_r < c->n_lags && c->h_z[n_r] == 0) n_r++;
  const bool all = c->n_phases * (c->n_phases + 1) / 2 <= MOST_COLUMNS;
  exset_print(ctx, "%s", "  lag/um");
  for (int i = 0; i < c->n_phases; i++)
    for (int j = i; j < (all ? c->n_phases : i + 1); j++) {
      char name[32];
      pair_name(c->n_phases, i, j, name);
      exset_print(ctx, "     C_%-3s", name);
    }
  exset_print(ctx, "\n");
  int64_t last = -1;
  for (int row = 0; row < ROWS; row++) {
    const int64_t lag =
        row == 0 ? 0 : llround(pow((double)(n_r - 1), (double)(row - 1) / (double)(ROWS - 2)));
    if (lag == last || lag >= n_r || !(c->pairs[lag] > 0)) continue;
    last = lag;
    exset_print(ctx, "%8.4g", c->h_r[lag]);
    for (int i = 0; i < c->n_phases; i++)
      for (int j = i; j < (all ? c->n_phases : i + 1); j++)
        exset_print(ctx, "  %8.5f", c->c[exset_coverage_index(c, i, j) + lag]);
    exset_print(ctx, "\n");
  }
}

static void print_results(const exset_ctx_t *ctx, const result_t *r) {
  exset_print(ctx, "phase  fraction   +- (95 %%)");
  for (int g = 0; g < r->n_groups && r->n_groups > 1; g++)
    exset_print(ctx, "   %s: fraction   +-", r->group[g].name);
  exset_print(ctx, "\n");
  for (int i = 0; i < r->n_phases; i++) {
    exset_print(ctx, "%5d  %.6f  %.6f", i + 1, r->fraction[i], r->ci95[i]);
    for (int g = 0; g < r->n_groups && r->n_groups > 1; g++) {
      const exset_coverage_t *c = &r->group[g].coverage;
      exset_print(ctx, "     %.6f  %.6f", c->c[exset_coverage_index(c, i, i)], r->group[g].ci95[i]);
    }
    exset_print(ctx, "\n");
  }
  exset_print(ctx, "\ncoverage functions%s\n",
              r->pooled.lags == EXSET_LAGS_RZ ? " across z (h_z = 0)" : "");
  print_curves(ctx, &r->pooled);
}

int exset_cli_coverage(exset_ctx_t *ctx, exset_config_t *config) {
  settings_t s = {0};
  result_t r = {0};
  EXSET_TRY(read_settings(ctx, config, &s));
  char *path = cli_path(config, default_name, ".json");
  int err = cli_json_check(ctx, config, default_name);
  if (!err) err = s.volume ? do_volume(ctx, config, &s, &r) : do_sections(ctx, config, &s, &r);
  if (!err && !s.dry_run) {
    pool_fractions(&r);
    print_results(ctx, &r);
    err = cli_json_write(ctx, config, default_name, json_results(&s, &r));
    if (!err) exset_info(ctx, "wrote %s", path);
  }
  result_clear(&r);
  free(path);
  return err;
}
