/* The problem of a volume: phases to conductivities, bounds of what conducts, components. */
#include "conduct_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int check_sigma(exset_ctx_t *ctx, int n_phases, const double *sigma, double *max) {
  double low = INFINITY, high = 0;
  for (int p = 0; p < n_phases; p++) {
    if (!(sigma[p] >= 0) || isinf(sigma[p]))
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "conductivity %g of phase %d is not allowed: finite and at least 0",
                        sigma[p], p + 1);
    if (sigma[p] > 0) low = fmin(low, sigma[p]);
    high = fmax(high, sigma[p]);
  }
  if (high == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "all conductivities are 0: at least one phase must conduct");
  if (low < 1e-15 * high)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "conductivities %g and %g differ by more than a factor 10^15: take the lower "
                      "one as 0",
                      low, high);
  *max = high;
  return EXSET_OK;
}

/* Mask of conducting cells, CONDUCTS, and fractions of the phases; checks that phases are in range. Collective. */
static int classify(exset_ctx_t *ctx, exset_conduct_t *c) {
  const exset_volume_t *v = c->volume;
  const int64_t cells = exset_grid_cells_local(&v->grid);
  int64_t count[257] = {0};
  c->conducting = 0;
  for (int64_t i = 0; i < cells; i++) count[v->phase[i]]++;
  for (int p = v->n_phases + 1; p < 256; p++) count[256] += count[p];
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, count, 257, MPI_INT64_T, MPI_SUM, ctx->comm)));
  if (count[256])
    return exset_fail(ctx, EXSET_ERR_INPUT, "the volume holds %lld cells of phases beyond %d",
                      (long long)count[256], v->n_phases);
  const double all = (double)exset_grid_cells(&v->grid);
  for (int p = 0; p <= v->n_phases; p++) {
    c->fraction[p] = (double)count[p] / all;
    if (c->sigma[p] > 0) c->conducting += c->fraction[p];
  }
  for (int64_t i = 0; i < cells; i++) c->mask[i] = c->sigma[v->phase[i]] > 0 ? CONDUCTS : 0;
  return EXSET_OK;
}

/* Axes along which the components of pieces percolate: CURRENT << axis. Collective. */
static int judge_pieces(exset_conduct_t *c, const exset_components_t *components, uint8_t *piece) {
  exset_ctx_t *ctx = c->ctx;
  const exset_grid_t *grid = &c->volume->grid;
  const int64_t n = components->n_local + 1;
  if (c->boundary == EXSET_BOUNDARY_PERIODIC) {
    int64_t winding;
    EXSET_TRY(exset_components_wind(ctx, grid, c->mask, components, piece, &c->clusters, &winding));
    for (int a = 0; a < 3; a++) c->clusters_kept[a] = winding;
    for (int64_t k = 0; k < n; k++) piece[k] = (uint8_t)(piece[k] * CURRENT);
    return EXSET_OK;
  }
  uint8_t *touches;
  EXSET_TRY(exset_alloc_all(ctx, n, 1, &touches));
  int err = EXSET_OK;
  c->clusters = components->n_global;
  for (int axis = 0; axis < 3 && !err; axis++) {
    err = exset_components_touch(ctx, grid, c->mask, components, axis, touches);
    for (int64_t k = 0; k < n; k++) {
      touches[k] = touches[k] == (EXSET_TOUCHES_LOW | EXSET_TOUCHES_HIGH);
      piece[k] = (uint8_t)(piece[k] | touches[k] * (CURRENT << axis));
    }
    if (!err) err = exset_components_count(ctx, components, touches, &c->clusters_kept[axis]);
  }
  free(touches);
  return err;
}

/* Which cells percolate along which axes. Collective. */
static int percolate(exset_conduct_t *c) {
  exset_components_t components;
  uint8_t *piece = NULL;
  const int64_t cells = exset_grid_cells_local(&c->volume->grid);
  EXSET_TRY(exset_components_label(c->ctx, &c->volume->grid, c->mask, &components));
  int err = exset_alloc_all(c->ctx, components.n_local + 1, 1, &piece);
  if (!err) err = judge_pieces(c, &components, piece);
  for (int64_t i = 0; !err && i < cells; i++)
    c->mask[i] = (uint8_t)(c->mask[i] | piece[components.piece[i]]);
  free(piece);
  exset_components_clear(&components);
  return err;
}

/* Do the same phases conduct as before? */
static bool same_phases(const exset_conduct_t *c, const double *sigma) {
  for (int p = 1; p <= c->volume->n_phases; p++)
    if ((c->sigma[p] > 0) != (sigma[p - 1] > 0)) return false;
  return true;
}

int exset_conduct_change(exset_conduct_t *c, const double *sigma) {
  const int n_phases = c->volume->n_phases;
  double max = 0;
  EXSET_TRY(check_sigma(c->ctx, n_phases, sigma, &max));
  EXSET_TRY(conduct_solver_destroy(c->ctx, &c->kept));
  const bool labelled = c->labelled && same_phases(c, sigma);
  c->labelled = labelled; /* until it is so again */
  c->sigma_max = max;
  for (int p = 1; p <= n_phases; p++) c->sigma[p] = sigma[p - 1] / max;
  if (!labelled) EXSET_TRY(classify(c->ctx, c));
  c->mean = 0;
  for (int p = 1; p <= n_phases; p++) c->mean += c->fraction[p] * c->sigma[p];
  if (c->conducting > 0) c->mean /= c->conducting;
  if (!labelled) EXSET_TRY(percolate(c));
  c->labelled = true;
  return EXSET_OK;
}

int exset_conduct_create(exset_ctx_t *ctx, const exset_volume_t *volume, exset_boundary_t boundary,
                         const double *sigma, exset_conduct_t **conduct) {
  *conduct = NULL;
  exset_conduct_t *c = NULL;
  int err = exset_alloc(ctx, 1, sizeof *c, &c);
  if (!err) err = exset_alloc(ctx, volume->n_phases + 1, sizeof *c->sigma, &c->sigma);
  if (!err) err = exset_alloc(ctx, volume->n_phases + 1, sizeof *c->fraction, &c->fraction);
  if (!err) err = exset_alloc(ctx, exset_grid_cells_local(&volume->grid), 1, &c->mask);
  EXSET_TRY_GOTO(err, fail, exset_agree(ctx, err));
  c->ctx = ctx;
  c->volume = volume;
  c->boundary = boundary;
  EXSET_TRY_GOTO(err, fail, exset_conduct_change(c, sigma));
  *conduct = c;
  return EXSET_OK;
fail:
  exset_conduct_destroy(&c);
  return err;
}

int exset_conduct_destroy(exset_conduct_t **conduct) {
  exset_conduct_t *c = *conduct;
  if (!c) return EXSET_OK;
  const int err = conduct_solver_destroy(c->ctx, &c->kept);
  free(c->sigma);
  free(c->fraction);
  free(c->mask);
  free(c);
  *conduct = NULL;
  return err;
}
