/* Descriptors of volumes: which steps are needed, their order, their times. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/surface.h"
#include "morph_impl.h"
#include "morph_run.h"

static const char axis_letter[3] = {'z', 'y', 'x'};

/* Work: seconds of one core for 10^6 cells, measured, for the time left; what it is for the run at hand follows from what is done. */
typedef struct {
  exset_morph_group_t group;
  const char *what;
  bool along; /* one for each axis */
  double work;
  morph_step_fn run;
} step_t;

/* ---- steps of few lines ------------------------------------------------------------------------- */

static int connect(morph_run_t *run, int axis) {
  bool axes[3];
  (void)axis;
  for (int a = 0; a < 3; a++) axes[a] = run->options->axis[a] && run->volume->grid.n[a] > 1;
  return morph_connect(run->ctx, run->volume, axes, run->morph->phase);
}

static int areas(morph_run_t *run, int axis) {
  const int n = run->volume->n_phases;
  (void)axis;
  EXSET_TRY(exset_surface_areas(run->ctx, run->volume, run->morph->interface_area));
  for (int i = 0; i < n; i++) {
    if (!run->present[i]) continue;
    run->morph->phase[i].specific_surface_area = 0;
    for (int j = 0; j < n; j++)
      run->morph->phase[i].specific_surface_area += run->morph->interface_area[i * n + j];
  }
  return EXSET_OK;
}

static int lines(morph_run_t *run, int axis) {
  (void)axis;
  return exset_surface_lines(run->ctx, run->volume, run->morph->boundary_length);
}

static int chords(morph_run_t *run, int axis) {
  exset_histogram_t found[EXSET_MAX_PHASES] = {{0}}, whole = {0};
  EXSET_TRY(exset_surface_chords(run->ctx, run->volume, axis, found, &whole));
  for (int p = 0; p < run->volume->n_phases; p++) {
    run->morph->phase[p].chord[axis] = found[p];
    run->morph->phase[p].chord_mean[axis] =
        exset_surface_chord_mean(&found[p], &whole) * run->volume->grid.voxel[axis];
  }
  exset_histogram_clear(&whole);
  return EXSET_OK;
}

static const step_t steps[] = {
    {EXSET_MORPH_FRACTION, "volume fractions", false, 0.15, morph_fraction},
    {EXSET_MORPH_SURFACE, "interface areas", false, 0.01, areas},
    {EXSET_MORPH_LINES, "three-phase boundaries", false, 0.02, lines},
    {EXSET_MORPH_CHORD, "chords", true, 0.01, chords},
    {EXSET_MORPH_PERCOLATION, "percolation", false, 0.03, connect},
    {EXSET_MORPH_TORTUOSITY, "geodesic tortuosity", true, 0.26, morph_tortuosity},
    {EXSET_MORPH_SIZE, "distances", false, 0.1, morph_inside},
    {EXSET_MORPH_SIZE, "phase sizes", false, 0.1, morph_size},
    {EXSET_MORPH_INTRUSION, "intrusion", true, 0.6, morph_intrusion},
    {EXSET_MORPH_CONTACT, "contact distances", false, 0.1, morph_contact},
};
enum { N_STEPS = sizeof steps / sizeof *steps };

const char *exset_morph_group_name(exset_morph_group_t group) {
  static const char *const name[EXSET_MORPH_GROUPS] = {"fraction",    "surface",    "lines",
                                                       "percolation", "tortuosity", "size",
                                                       "intrusion",   "chord",      "contact"};
  return group < EXSET_MORPH_GROUPS ? name[group] : "";
}

/* ---- memory of the results ---------------------------------------------------------------------- */

static void set_nan(double value[3]) {
  for (int a = 0; a < 3; a++) value[a] = NAN;
}

static void phase_init(exset_morph_phase_t *phase) {
  memset(phase, 0, sizeof *phase);
  phase->volume_fraction = phase->volume_fraction_ci95 = phase->specific_surface_area = NAN;
  phase->r_max = phase->contact_mean = NAN;
  set_nan(phase->percolating_fraction);
  set_nan(phase->dead_end_fraction);
  set_nan(phase->isolated_fraction);
  set_nan(phase->geodesic_tortuosity);
  set_nan(phase->geodesic_tortuosity_sd);
  set_nan(phase->geodesic_reach);
  set_nan(phase->r_min);
  set_nan(phase->constrictivity);
  set_nan(phase->chord_mean);
}

static void phase_clear(exset_morph_phase_t *phase) {
  exset_histogram_t *axes[] = {phase->tortuosity, phase->intrusion, phase->chord};
  for (int k = 0; k < 3; k++)
    for (int a = 0; a < 3; a++) exset_histogram_clear(&axes[k][a]);
  exset_histogram_clear(&phase->size);
  exset_histogram_clear(&phase->contact);
}

void exset_morph_clear(exset_morph_t *morph) {
  for (int p = 0; morph->phase && p < morph->n_phases; p++) phase_clear(&morph->phase[p]);
  free(morph->phase);
  free(morph->interface_area);
  free(morph->boundary_length);
  memset(morph, 0, sizeof *morph);
}

static int morph_init(exset_ctx_t *ctx, int n, exset_morph_t *morph) {
  const int triples = 1 + exset_surface_triples(n);
  memset(morph, 0, sizeof *morph);
  morph->n_phases = n;
  EXSET_TRY(exset_alloc(ctx, n, sizeof *morph->phase, &morph->phase));
  EXSET_TRY(exset_alloc(ctx, (int64_t)n * n, sizeof(double), &morph->interface_area));
  EXSET_TRY(exset_alloc(ctx, triples, sizeof(double), &morph->boundary_length));
  for (int p = 0; p < n; p++) phase_init(&morph->phase[p]);
  for (int i = 0; i < n * n; i++) morph->interface_area[i] = NAN;
  for (int i = 0; i < triples; i++) morph->boundary_length[i] = NAN;
  return EXSET_OK;
}

/* ---- steps -------------------------------------------------------------------------------------- */

/* Is there something to do? Nothing is defined along an axis with one cell, no distance where there is one phase. Contact distances are
 * found on the way of those inside phases. */
static bool is_due(const morph_run_t *run, const step_t *step, int axis) {
  const bool balls = step->group == EXSET_MORPH_SIZE || step->group == EXSET_MORPH_INTRUSION ||
                     step->group == EXSET_MORPH_CONTACT;
  if (!exset_morph_computed(run->options, step->group) || (balls && run->n_present < 2))
    return false;
  if (step->group == EXSET_MORPH_CONTACT && exset_morph_computed(run->options, EXSET_MORPH_SIZE))
    return false;
  if (!step->along) return axis == 0;
  return run->options->axis[axis] && run->volume->grid.n[axis] > 1;
}

static void report(const morph_run_t *run, const step_t *step, int axis, double seconds) {
  const double now = MPI_Wtime() - run->start;
  const double left = now * (run->work / run->work_done - 1);
  char along[16] = "", rest[48] = "";
  if (step->along) snprintf(along, sizeof along, " along %c", axis_letter[axis]);
  if (left > 90) snprintf(rest, sizeof rest, "; about %.0f min left", left / 60);
  else if (left > 5) snprintf(rest, sizeof rest, "; about %.0f s left", left);
  exset_info(run->ctx, "morph: %s%s, %.2f s%s", step->what, along, seconds, rest);
}

static int run_steps(morph_run_t *run) {
  for (int s = 0; s < N_STEPS; s++)
    for (int a = 0; a < 3; a++)
      if (is_due(run, &steps[s], a)) run->work += steps[s].work;
  for (int s = 0; s < N_STEPS; s++)
    for (int a = 0; a < 3; a++) {
      if (!is_due(run, &steps[s], a)) continue;
      const double start = MPI_Wtime();
      EXSET_TRY(steps[s].run(run, a));
      run->morph->seconds[steps[s].group] += MPI_Wtime() - start;
      run->work_done += steps[s].work;
      report(run, &steps[s], a, MPI_Wtime() - start);
    }
  return EXSET_OK;
}

int exset_morph(exset_ctx_t *ctx, const exset_volume_t *volume,
                const exset_morph_options_t *options, exset_morph_t *morph) {
  double fraction[EXSET_MAX_PHASES];
  morph_run_t run = {
      .ctx = ctx, .volume = volume, .options = options, .morph = morph, .start = MPI_Wtime()};
  EXSET_TRY(exset_agree(ctx, morph_init(ctx, volume->n_phases, morph)));
  EXSET_TRY(exset_volume_fractions(ctx, volume, fraction));
  for (int p = 0; p < volume->n_phases; p++) {
    run.present[p] = fraction[p] > 0;
    run.n_present += run.present[p];
  }
  if (run.n_present == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the volume has no cell that is not masked: there is nothing to describe");
  const int err = run_steps(&run);
  if (exset_morph_computed(options, EXSET_MORPH_SIZE)) {
    morph->seconds[EXSET_MORPH_SIZE] -= run.seconds_contact;
    morph->seconds[EXSET_MORPH_CONTACT] += run.seconds_contact;
  }
  free(run.inside);
  free(run.knots);
  return err;
}
