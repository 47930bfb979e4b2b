/* Volume fractions, and how sure they are. */
#include <math.h>

#include "exset/coverage.h"
#include "morph_run.h"

enum { ATTEMPTS = 2, MOST_CELLS = 200 };

/* A quarter of the longest edge, then a half: the sum over lags ends long before where the structure is fine. */
double morph_fraction_lag(const exset_grid_t *grid, int attempt) {
  double longest = 0, cell = 0;
  for (int a = 0; a < 3; a++) {
    longest = fmax(longest, (double)grid->n[a] * grid->voxel[a]);
    cell = fmax(cell, grid->voxel[a]);
  }
  return fmax(cell, fmin(longest / (attempt == 0 ? 4 : 2), MOST_CELLS * cell));
}

/* True when all coverage functions have decayed within the lags. */
static bool intervals(const morph_run_t *run, const exset_coverage_t *c) {
  const double *voxel = run->volume->grid.voxel, window = c->pairs[0];
  bool all = true;
  for (int i = 0; i < c->n_phases; i++) {
    exset_morph_phase_t *phase = &run->morph->phase[i];
    const double p = c->c[exset_coverage_index(c, i, i)];
    double dof;
    bool decayed = true;
    phase->volume_fraction_ci95 = exset_coverage_fraction_ci95(c, i, 3, voxel, window);
    if (phase->volume_fraction_ci95 == 0) phase->volume_fraction_ci95 = NAN; /* too few lags */
    if (p > 0 && p < 1) exset_coverage_integral_range(c, i, 3, voxel, window, &dof, &decayed);
    phase->ci95_narrow = !decayed;
    all = all && decayed;
  }
  return all;
}

int morph_fraction(morph_run_t *run, int axis) {
  (void)axis;
  double fraction[EXSET_MAX_PHASES];
  bool done = false;
  EXSET_TRY(exset_volume_fractions(run->ctx, run->volume, fraction));
  for (int p = 0; p < run->volume->n_phases; p++)
    run->morph->phase[p].volume_fraction = fraction[p];
  for (int attempt = 0; !done && attempt < ATTEMPTS; attempt++) {
    exset_coverage_t coverage;
    const double lag = morph_fraction_lag(&run->volume->grid, attempt);
    EXSET_TRY(
        exset_coverage_volume(run->ctx, run->volume, false, lag, EXSET_LAGS_RADIAL, &coverage));
    done = intervals(run, &coverage);
    exset_coverage_clear(&coverage);
  }
  return EXSET_OK;
}
