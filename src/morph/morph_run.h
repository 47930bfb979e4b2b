/* Inside exset_morph: its steps, and what they share. */
#ifndef EXSET_MORPH_RUN_H
#define EXSET_MORPH_RUN_H

#include "exset/morph.h"

typedef struct {
  exset_ctx_t *ctx;
  const exset_volume_t *volume;
  const exset_morph_options_t *options;
  exset_morph_t *morph;
  bool present[EXSET_MAX_PHASES]; /* has cells */
  int n_present;                  /* phases that have cells */
  double work, work_done;         /* of all steps, of those done: for the time left */
  double seconds_contact;         /* of contact distances on the way of others */
  /* Balls: squared distances inside phases, and cells of each phase by keys of squared distances (morph_tally.c). */
  float *inside;  /* [cells of the slab] */
  int64_t n_keys; /* of the distances inside */
  int64_t *knots,
      *count; /* [n_phases][n_keys]: of the distances themselves, of the cover at hand; one block */
  double start;
} morph_run_t;

/** A step: one group, along one axis where it has axes. Collective. */
typedef int (*morph_step_fn)(morph_run_t *run, int axis);

/* ---- morph_fraction.c ---- */

/** Volume fractions and their 95 % intervals from the integral range. Collective. */
int morph_fraction(morph_run_t *run, int axis);
/** Largest lag of the coverage functions first tried, and then where they have not decayed, micrometres. Local. */
double morph_fraction_lag(const exset_grid_t *grid, int attempt);

/* ---- morph_paths.c ---- */

/** Geodesic tortuosity along an axis of two cells or more. Collective. */
int morph_tortuosity(morph_run_t *run, int axis);

/* ---- morph_tally.c: cells by squared distance, 0 left out; the same for any number of ranks ---- */

/** Radius in micrometres that a key stands for. Local. */
double morph_key_radius(const exset_grid_t *grid, int64_t key);
/** Number of keys that the squared distances need, of cells that are not masked. Collective. */
int morph_tally_keys(morph_run_t *run, const float *squared, int64_t *n_keys);
/** Cells of each phase: count[n_phases][n_keys]. Collective. */
int morph_tally_own(morph_run_t *run, const float *squared, int64_t n_keys, int64_t *count);
/** Cells outside a phase: count[n_keys]. Collective. */
int morph_tally_others(morph_run_t *run, int phase, const float *squared, int64_t n_keys,
                       int64_t *count);
/** Histogram of the radii, um, counts times weight. Collective. */
int morph_tally_histogram(morph_run_t *run, int64_t n_keys, const int64_t *count, double weight,
                          exset_histogram_t *histogram);

/* ---- morph_balls.c: for volumes with two phases or more ---- */

/** Distances inside phases, and contact distances on the way if wanted. Collective. */
int morph_inside(morph_run_t *run, int axis);
/** Contact distances alone. Collective. */
int morph_contact(morph_run_t *run, int axis);
/** Local thickness; after morph_inside. Collective. */
int morph_size(morph_run_t *run, int axis);
/** Intrusion along an axis; after morph_size. Collective. */
int morph_intrusion(morph_run_t *run, int axis);

#endif
