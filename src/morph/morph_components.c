/* Connected components: those of each slab, then their names across slab faces; which outer faces they touch. */
#include <stdlib.h>
#include <string.h>

#include "morph_components_impl.h"

int exset_components_label(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                           exset_components_t *c) {
  *c = (exset_components_t){0};
  int err = exset_agree(ctx, components_label_slab(ctx, grid, cell_class, c));
  if (!err) err = components_join(ctx, grid, cell_class, c);
  if (!err) err = exset_components_count(ctx, c, NULL, &c->n_global);
  if (err) exset_components_clear(c);
  return err;
}

void exset_components_clear(exset_components_t *c) {
  free(c->piece);
  free(c->name);
  *c = (exset_components_t){0};
}

int exset_components_count(exset_ctx_t *ctx, const exset_components_t *c, const uint8_t *keep_piece,
                           int64_t *kept) {
  *kept = 0;
  for (int64_t k = 1; k <= c->n_local; k++) {
    const bool begins_here = c->name[k] >= c->first && c->piece[c->name[k] - c->first] == k;
    *kept += begins_here && (!keep_piece || keep_piece[k]);
  }
  return EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, kept, 1, MPI_INT64_T, MPI_SUM, ctx->comm));
}

/* ---- outer faces ------------------------------------------------------------------------------- */

/* Mark the pieces in this slab that have cells in the outer faces. */
static void touch_slab(const exset_grid_t *grid, const uint8_t *cell_class,
                       const exset_components_t *c, int axis, uint8_t *touches) {
  const int64_t n[3] = {grid->nz_local, grid->n[1], grid->n[2]};
  const int64_t stride[3] = {n[1] * n[2], n[2], 1};
  const int a = (axis + 1) % 3, b = (axis + 2) % 3;
  const bool low = axis != EXSET_AXIS_Z || grid->z0 == 0;
  const bool high = axis != EXSET_AXIS_Z || grid->z0 + grid->nz_local == grid->n[0];
  memset(touches, 0, (size_t)c->n_local + 1);
  if (n[0] == 0) return;
  for (int64_t i = 0; i < n[a]; i++)
    for (int64_t j = 0; j < n[b]; j++) {
      const int64_t k = i * stride[a] + j * stride[b], end = k + (n[axis] - 1) * stride[axis];
      if (low && cell_class[k]) touches[c->piece[k]] |= EXSET_TOUCHES_LOW;
      if (high && cell_class[end]) touches[c->piece[end]] |= EXSET_TOUCHES_HIGH;
    }
}

/* Mark the pieces that may go on in a neighbouring slab. */
static void mark_shared(const exset_grid_t *grid, const exset_components_t *c, uint8_t *shared) {
  const int64_t plane = grid->n[1] * grid->n[2], cells = grid->nz_local * plane;
  if (cells == 0) return;
  const bool below = grid->z0 > 0, above = grid->z0 + grid->nz_local < grid->n[0];
  for (int64_t i = 0; below && i < plane; i++) shared[c->piece[i]] = 1;
  for (int64_t i = cells - plane; above && i < cells; i++) shared[c->piece[i]] = 1;
  shared[0] = 0;
}

/* On rank 0: all that is known of each component. */
static int touch_answer(exset_ctx_t *ctx, notes_t *all, answer_t *answer) {
  notes_unique(all);
  EXSET_TRY(exset_alloc(ctx, all->n, sizeof *answer->name, &answer->name));
  EXSET_TRY(exset_alloc(ctx, all->n, 1, &answer->bits));
  for (int64_t i = 0; i < all->n; i++) {
    if (i == 0 || all->item[i].name != all->item[i - 1].name)
      answer->name[answer->n++] = all->item[i].name;
    answer->bits[answer->n - 1] |= (uint8_t)all->item[i].what;
  }
  return EXSET_OK;
}

/* What other slabs know of the shared pieces. */
static int touch_elsewhere(exset_ctx_t *ctx, const exset_components_t *c, const uint8_t *shared,
                           uint8_t *touches) {
  notes_t own = {0}, all = {0};
  answer_t answer = {0};
  int err = EXSET_OK;
  for (int64_t k = 1; !err && k <= c->n_local; k++)
    if (shared[k] && touches[k]) err = notes_add(ctx, &own, (note_t){c->name[k], 0, touches[k]});
  notes_unique(&own);
  err = exset_agree(ctx, err);
  if (!err) err = notes_gather(ctx, &own, &all);
  if (!err) err = exset_agree(ctx, ctx->rank == 0 ? touch_answer(ctx, &all, &answer) : EXSET_OK);
  if (!err) err = answer_share(ctx, &answer);
  for (int64_t k = 1; !err && k <= c->n_local; k++)
    if (shared[k]) touches[k] |= answer_bits(&answer, c->name[k]);
  free(own.item);
  free(all.item);
  answer_clear(&answer);
  return err;
}

int exset_components_touch(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                           const exset_components_t *components, int axis, uint8_t *touches) {
  uint8_t *shared = NULL;
  EXSET_TRY(exset_alloc_all(ctx, components->n_local + 1, 1, &shared));
  touch_slab(grid, cell_class, components, axis, touches);
  mark_shared(grid, components, shared);
  const int err = touch_elsewhere(ctx, components, shared, touches);
  free(shared);
  return err;
}
