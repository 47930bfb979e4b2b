/* exset sweep: one realisation of a sample, made in memory and measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_sweep.h"

/* ---- figures -------------------------------------------------------------------------------------- */

/* One more figure; a name that is there already keeps its value. Local, the same on all ranks. */
static int add_figure(void *user, const char *name, double value) {
  sweep_worker_t *w = user;
  for (int i = 0; i < w->n; i++)
    if (strcmp(w->name[i], name) == 0) return EXSET_OK;
  if (w->n == w->room) {
    const int room = 2 * w->room + 64;
    char **names = realloc(w->name, sizeof *names * (size_t)room);
    if (names) w->name = names;
    double *values = realloc(w->value, sizeof *values * (size_t)room);
    if (values) w->value = values;
    if (!names || !values) return exset_fail(w->ctx, EXSET_ERR_LOCAL, "out of memory");
    w->room = room;
  }
  w->name[w->n] = strdup(name);
  if (!w->name[w->n]) return exset_fail(w->ctx, EXSET_ERR_LOCAL, "out of memory");
  w->value[w->n++] = value;
  return EXSET_OK;
}

static void clear_figures(sweep_worker_t *w) {
  for (int i = 0; i < w->n; i++) free(w->name[i]);
  w->n = 0;
}

/* ---- the twin ------------------------------------------------------------------------------------- */

static bool same_grid(const exset_grid_t *a, const exset_grid_t *b) {
  for (int i = 0; i < 3; i++)
    if (a->n[i] != b->n[i] || a->voxel[i] != b->voxel[i]) return false;
  return true;
}

/* The sampler and the volume of the last unit do for the same box. */
static int prepare(sweep_worker_t *w, const exset_grid_t *grid, int n_phases) {
  if (w->sampler && !same_grid(&w->volume.grid, grid)) {
    exset_sampler_destroy(&w->sampler);
    exset_volume_clear(&w->volume);
  }
  if (!w->sampler) {
    EXSET_TRY(exset_sampler_create(w->ctx, grid, NULL, &w->sampler));
    const int err = exset_volume_init(w->ctx, grid, n_phases, &w->volume);
    if (err) exset_sampler_destroy(&w->sampler);
    EXSET_TRY(err);
  }
  w->volume.n_phases = n_phases;
  return EXSET_OK;
}

static int make_twin(sweep_worker_t *w, int64_t sample, int64_t realisation) {
  exset_model_t model = {0};
  exset_grid_t grid;
  int err = cli_model_read(w->ctx, w->plan->config, false, &model);
  if (!err) err = cli_grid(w->ctx, w->plan->config, &grid);
  err = exset_agree(w->ctx, err);
  if (!err) err = prepare(w, &grid, model.n_fields + 1);
  if (!err)
    err = exset_label_volume(w->ctx, w->sampler, &model, w->plan->seed[sample],
                             (uint64_t)(realisation - 1), w->volume.phase, NULL, NULL);
  exset_model_clear(&model);
  return err;
}

/* ---- measures ------------------------------------------------------------------------------------- */

static int measure_fractions(sweep_worker_t *w) {
  double fraction[EXSET_MAX_FIELDS + 1];
  char name[64];
  EXSET_TRY(exset_volume_fractions(w->ctx, &w->volume, fraction));
  int err = EXSET_OK;
  for (int p = 0; !err && p < w->volume.n_phases; p++) {
    snprintf(name, sizeof name, "phase%d_volume_fraction", p + 1);
    err = add_figure(w, name, fraction[p]);
  }
  return exset_agree(w->ctx, err);
}

static int measure_descriptors(sweep_worker_t *w) {
  exset_morph_t morph = {0};
  int err = exset_morph(w->ctx, &w->volume, &w->plan->morph, &morph);
  if (!err) err = exset_agree(w->ctx, exset_morph_figures(&morph, &w->plan->morph, add_figure, w));
  exset_morph_clear(&morph);
  return err;
}

/* The only phase that conducts in a set, from 1; 0: there are several. */
static int only_phase(const conduct_plan_t *plan, int set) {
  int phase = 0;
  for (int p = 0; p < plan->n_phases; p++)
    if (conduct_sigma_of(plan, set)[p] > 0) {
      if (phase > 0) return 0;
      phase = p + 1;
    }
  return phase;
}

/* "phase2", of a set in which that phase alone conducts, the first of these; else "set3". */
static void set_name(const conduct_plan_t *plan, int set, size_t size, char *name) {
  const int phase = only_phase(plan, set);
  bool first = phase > 0;
  for (int other = 0; other < set; other++) first = first && only_phase(plan, other) != phase;
  if (first) snprintf(name, size, "phase%d", phase);
  else snprintf(name, size, "set%d", set + 1);
}

static int add_run(sweep_worker_t *w, const char *set, const exset_conduct_run_t *run) {
  const char letter = conduct_axis_name[run->axis];
  const struct {
    const char *name;
    double value;
  } figure[] = {{"sigma_eff", run->sigma_eff},
                {"m_factor", run->m_factor},
                {"tortuosity_factor", run->tortuosity_factor}};
  for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s_%s_%c", set, figure[i].name, letter);
    EXSET_TRY(add_figure(w, name, figure[i].value));
  }
  return EXSET_OK;
}

/* Names in the order of the sets. */
static int add_runs(sweep_worker_t *w, const exset_conduct_run_t *run) {
  const conduct_plan_t *plan = &w->plan->conduct;
  for (int set = 0; set < plan->n_sets; set++) {
    char name[32];
    set_name(plan, set, sizeof name, name);
    for (int a = 0; a < plan->n_axes; a++)
      EXSET_TRY(add_run(w, name, &run[set * plan->n_axes + a]));
  }
  return EXSET_OK;
}

static int solve_set(const conduct_plan_t *plan, int set, exset_conduct_t *conduct,
                     exset_conduct_run_t *run) {
  for (int a = 0; a < plan->n_axes; a++)
    EXSET_TRY(exset_conduct_solve(conduct, plan->axis[a], &plan->options, NULL, NULL,
                                  &run[set * plan->n_axes + a]));
  return EXSET_OK;
}

static int solve_sets(sweep_worker_t *w, const int *order, exset_conduct_run_t *run) {
  const conduct_plan_t *plan = &w->plan->conduct;
  exset_conduct_t *conduct = NULL;
  int err = EXSET_OK;
  for (int k = 0; !err && k < plan->n_sets; k++) {
    const double *sigma = conduct_sigma_of(plan, order[k]);
    err = conduct ? exset_conduct_change(conduct, sigma)
                  : exset_conduct_create(w->ctx, &w->volume, plan->boundary, sigma, &conduct);
    if (!err) err = solve_set(plan, order[k], conduct, run);
  }
  const int err_end = err < 0 ? EXSET_OK : exset_conduct_destroy(&conduct);
  return err ? err : err_end;
}

static int measure_conductivities(sweep_worker_t *w) {
  const conduct_plan_t *plan = &w->plan->conduct;
  exset_conduct_run_t *run = NULL;
  int *order = NULL;
  int err = exset_alloc(w->ctx, conduct_solves(plan), sizeof *run, &run);
  if (!err) err = exset_alloc(w->ctx, plan->n_sets, sizeof *order, &order);
  err = exset_agree(w->ctx, err);
  if (!err) conduct_order_sets(plan, order);
  if (!err) err = solve_sets(w, order, run);
  if (!err) err = exset_agree(w->ctx, add_runs(w, run));
  free(order);
  free(run);
  return err;
}

/* ---- a unit --------------------------------------------------------------------------------------- */

int sweep_unit(sweep_worker_t *w, int64_t sample, int64_t realisation) {
  const int mark = exset_config_mark(w->plan->config);
  clear_figures(w);
  int err = exset_agree(w->ctx, sweep_apply(w->plan, sample));
  if (!err) err = make_twin(w, sample, realisation);
  exset_config_rewind(w->plan->config, mark);
  if (!err) err = measure_fractions(w);
  if (!err && w->plan->describing) err = measure_descriptors(w);
  if (!err && w->plan->solving) err = measure_conductivities(w);
  return err;
}

void sweep_worker_clear(sweep_worker_t *w) {
  clear_figures(w);
  free(w->name);
  free(w->value);
  exset_sampler_destroy(&w->sampler);
  exset_volume_clear(&w->volume);
}
