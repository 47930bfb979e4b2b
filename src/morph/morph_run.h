/* Inside exset_morph: its steps, and what they share. */
#ifndef EXSET_MORPH_RUN_H
#define EXSET_MORPH_RUN_H

#include "exset/morph.h"

typedef struct {
  exset_ctx_t *ctx;
  const exset_volume_t *volume;
  const exset_morph_options_t *options;
  exset_morph_t *morph;
  int n_present;          /* phases that have cells */
  double work, work_done; /* of all steps, of those done: for the time left */
  double start;
} morph_run_t;

/** A step: one group, along one axis where it has axes. Collective. */
typedef int (*morph_step_fn)(morph_run_t *run, int axis);

/* ---- morph_fraction.c ---- */

/** Volume fractions and their 95 % intervals from the integral range. Collective. */
int morph_fraction(morph_run_t *run, int axis);
/** Largest lag of the coverage functions first tried, and then where they have not decayed, micrometres. Local. */
double morph_fraction_lag(const exset_grid_t *grid, int attempt);

#endif
