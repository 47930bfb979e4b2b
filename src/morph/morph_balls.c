/* Sizes by balls: local thickness, simulated mercury intrusion, contact distances. */
#include <math.h>
#include <stdlib.h>

#include "exset/distance.h"
#include "morph_run.h"

/* ---- distances ---------------------------------------------------------------------------------- */

/* Contact distances of one phase, of cells outside it. */
static int contact_of(void *user, int phase, const float *squared) {
  morph_run_t *run = user;
  exset_morph_phase_t *result = &run->morph->phase[phase - 1];
  const double start = MPI_Wtime();
  int64_t n_keys, *count = NULL;
  double sum = 0, cells = 0;
  if (!run->present[phase - 1] || !exset_morph_computed(run->options, EXSET_MORPH_CONTACT))
    return EXSET_OK;
  EXSET_TRY(morph_tally_keys(run, squared, &n_keys));
  EXSET_TRY(exset_alloc_all(run->ctx, n_keys, sizeof *count, &count));
  int err = morph_tally_others(run, phase, squared, n_keys, count);
  for (int64_t k = 0; k < n_keys && !err; k++) {
    if (count[k] == 0) continue;
    sum += (double)count[k] * morph_key_radius(&run->volume->grid, k);
    cells += (double)count[k];
  }
  result->contact_mean = sum / cells;
  if (!err) err = morph_tally_histogram(run, n_keys, count, 1, &result->contact);
  free(count);
  run->seconds_contact += MPI_Wtime() - start;
  return err;
}

int morph_contact(morph_run_t *run, int axis) {
  const int64_t cells = exset_grid_cells_local(&run->volume->grid);
  float *squared = NULL;
  int err = EXSET_OK;
  (void)axis;
  EXSET_TRY(exset_alloc_unset_all(run->ctx, cells, sizeof *squared, &squared));
  for (int p = 0; p < run->volume->n_phases && !err; p++) {
    if (!run->present[p]) continue;
    err = exset_distance_phase(run->ctx, run->volume, p + 1, squared);
    if (!err) err = contact_of(run, p + 1, squared);
  }
  free(squared);
  return err;
}
