/* Sizes by balls: local thickness, simulated mercury intrusion, contact distances. */
#include <math.h>
#include <stdlib.h>

#include "exset/distance.h"
#include "exset/geodesic.h"
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

int morph_inside(morph_run_t *run, int axis) {
  const exset_volume_t *v = run->volume;
  const int64_t cells = exset_grid_cells_local(&v->grid);
  (void)axis;
  EXSET_TRY(exset_alloc_unset_all(run->ctx, cells, sizeof *run->inside, &run->inside));
  EXSET_TRY(exset_distance_inside(run->ctx, v, run->inside, contact_of, run));
  EXSET_TRY(morph_tally_keys(run, run->inside, &run->n_keys));
  EXSET_TRY(
      exset_alloc_all(run->ctx, 2 * run->n_keys * v->n_phases, sizeof *run->knots, &run->knots));
  run->count = run->knots + run->n_keys * v->n_phases;
  return morph_tally_own(run, run->inside, run->n_keys, run->knots);
}

/* ---- radii ---------------------------------------------------------------------------------------- */

static double total(int64_t n, const int64_t *count) {
  int64_t sum = 0;
  for (int64_t k = 0; k < n; k++) sum += count[k];
  return (double)sum;
}

/*
 * Radius at which the share of cells with at least this radius falls to one half, linear between the radii that balls of the
 * phase have (knots: the same ones for all curves of a phase, so that one that lies below another falls to one half first); 0:
 * the share is below from the beginning.
 */
static double half_radius(const morph_run_t *run, int phase, double all) {
  const int64_t *knots = run->knots + phase * run->n_keys,
                *count = run->count + phase * run->n_keys;
  double left = total(run->n_keys, count), share = 0, radius = 0;
  for (int64_t k = 0; k < run->n_keys; k++) {
    if (knots[k] > 0) {
      const double next = left / all, at = morph_key_radius(&run->volume->grid, k);
      if (next < 0.5)
        return radius == 0 ? 0 : radius + (share - 0.5) / (share - next) * (at - radius);
      share = next;
      radius = at;
    }
    left -= (double)count[k];
  }
  return radius;
}

int morph_size(morph_run_t *run, int axis) {
  const exset_volume_t *v = run->volume;
  float *cover = NULL;
  (void)axis;
  EXSET_TRY(
      exset_alloc_unset_all(run->ctx, exset_grid_cells_local(&v->grid), sizeof *cover, &cover));
  int err = exset_ball_cover(run->ctx, &v->grid, run->inside, cover);
  if (!err) err = morph_tally_own(run, cover, run->n_keys, run->count);
  free(cover);
  for (int p = 0; p < v->n_phases && !err; p++) {
    const int64_t *knots = run->knots + p * run->n_keys;
    if (!run->present[p]) continue;
    run->morph->phase[p].r_max = half_radius(run, p, total(run->n_keys, knots));
    err = morph_tally_histogram(run, run->n_keys, run->count + p * run->n_keys, 1,
                                &run->morph->phase[p].size);
  }
  return err;
}

/* Cells filled from one face, added to the count. */
static int fill_from(morph_run_t *run, int axis, bool high, float *widest, float *cover,
                     int64_t *count) {
  const int64_t n = run->n_keys * run->volume->n_phases;
  EXSET_TRY(exset_geodesic_widest(run->ctx, run->volume, axis, high, run->inside, widest));
  EXSET_TRY(exset_ball_cover(run->ctx, &run->volume->grid, widest, cover));
  EXSET_TRY(morph_tally_own(run, cover, run->n_keys, count));
  for (int64_t k = 0; k < n; k++) run->count[k] += count[k];
  return EXSET_OK;
}

static int intrude(morph_run_t *run, int axis) {
  const int64_t cells = exset_grid_cells_local(&run->volume->grid);
  const int64_t n = run->n_keys * run->volume->n_phases;
  float *widest = NULL, *cover = NULL;
  int64_t *count = NULL;
  int err = exset_alloc_unset(run->ctx, cells, sizeof *widest, &widest);
  if (!err) err = exset_alloc_unset(run->ctx, cells, sizeof *cover, &cover);
  if (!err) err = exset_alloc(run->ctx, n, sizeof *count, &count);
  err = exset_agree(run->ctx, err);
  for (int64_t k = 0; k < n; k++) run->count[k] = 0;
  for (int high = 0; high < 2 && !err; high++)
    err = fill_from(run, axis, high, widest, cover, count);
  free(widest);
  free(cover);
  free(count);
  return err;
}

int morph_intrusion(morph_run_t *run, int axis) {
  EXSET_TRY(intrude(run, axis));
  for (int p = 0; p < run->volume->n_phases; p++) {
    exset_morph_phase_t *phase = &run->morph->phase[p];
    if (!run->present[p]) continue;
    phase->r_min[axis] = half_radius(run, p, 2 * total(run->n_keys, run->knots + p * run->n_keys));
    phase->constrictivity[axis] = pow(phase->r_min[axis] / phase->r_max, 2);
    EXSET_TRY(morph_tally_histogram(run, run->n_keys, run->count + p * run->n_keys, 0.5,
                                    &phase->intrusion[axis]));
  }
  return EXSET_OK;
}
