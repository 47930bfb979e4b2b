/* What ranks tell rank 0 about components, and what rank 0 answers. */
#include <stdlib.h>

#include "morph_components_impl.h"

/* ---- notes ------------------------------------------------------------------------------------- */

static int compare_notes(const void *a, const void *b) {
  const note_t *x = a, *y = b;
  if (x->name != y->name) return x->name < y->name ? -1 : 1;
  if (x->other != y->other) return x->other < y->other ? -1 : 1;
  return (x->what > y->what) - (x->what < y->what);
}

void notes_unique(notes_t *notes) {
  if (notes->n == 0) return;
  qsort(notes->item, (size_t)notes->n, sizeof *notes->item, compare_notes);
  int64_t kept = 1;
  for (int64_t i = 1; i < notes->n; i++)
    if (compare_notes(&notes->item[kept - 1], &notes->item[i]))
      notes->item[kept++] = notes->item[i];
  notes->n = kept;
}

/* A full list loses its duplicates, and grows where these were few. */
static int make_room(exset_ctx_t *ctx, notes_t *notes) {
  notes_unique(notes);
  if (notes->n < notes->capacity / 2) return EXSET_OK;
  const int64_t capacity = 2 * notes->capacity + 1024;
  note_t *item = realloc(notes->item, (size_t)capacity * sizeof *item);
  if (!item)
    return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory on rank %d: %lld components that meet",
                      ctx->rank, (long long)capacity);
  notes->item = item;
  notes->capacity = capacity;
  return EXSET_OK;
}

int notes_add(exset_ctx_t *ctx, notes_t *notes, note_t note) {
  if (notes->n > 0 && compare_notes(&notes->item[notes->n - 1], &note) == 0) return EXSET_OK;
  if (notes->n == notes->capacity) EXSET_TRY(make_room(ctx, notes));
  notes->item[notes->n++] = note;
  return EXSET_OK;
}

/* Where the notes of each rank go; all of them on rank 0. */
static int plan_gather(exset_ctx_t *ctx, int64_t n, int *count, int *place, notes_t *all) {
  int64_t total = 0;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(&n, &total, 1, MPI_INT64_T, MPI_SUM, ctx->comm)));
  if (total > NOTES_MOST)
    return exset_fail(ctx, EXSET_ERR_RUN, "%lld components meet at outer faces: at most %d",
                      (long long)total, NOTES_MOST);
  const int own = (int)n;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Gather(&own, 1, MPI_INT, count, 1, MPI_INT, 0, ctx->comm)));
  for (int r = 1; ctx->rank == 0 && r < ctx->size; r++) place[r] = place[r - 1] + count[r - 1];
  all->n = all->capacity = ctx->rank == 0 ? total : 0;
  return exset_alloc_unset_all(ctx, all->n, sizeof *all->item, &all->item);
}

static int gather(exset_ctx_t *ctx, const notes_t *notes, int *count, int *place, notes_t *all) {
  MPI_Datatype note;
  EXSET_TRY(plan_gather(ctx, notes->n, count, place, all));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous(3, MPI_INT64_T, &note)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_commit(&note)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Gatherv(notes->item, (int)notes->n, note, all->item, count, place,
                                       note, 0, ctx->comm)));
  return EXSET_MPI(ctx, MPI_Type_free(&note));
}

int notes_gather(exset_ctx_t *ctx, const notes_t *notes, notes_t *all) {
  int *count = NULL, *place = NULL;
  int err = exset_alloc(ctx, ctx->size, sizeof *count, &count);
  if (!err) err = exset_alloc(ctx, ctx->size, sizeof *place, &place);
  err = exset_agree(ctx, err);
  if (!err) err = gather(ctx, notes, count, place, all);
  free(count);
  free(place);
  return err;
}

/* ---- answers ----------------------------------------------------------------------------------- */

int answer_share(exset_ctx_t *ctx, answer_t *answer) {
  int err = EXSET_OK;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&answer->n, 1, MPI_INT64_T, 0, ctx->comm)));
  if (ctx->rank != 0) {
    err = exset_alloc_unset(ctx, answer->n, sizeof *answer->name, &answer->name);
    if (!err) err = exset_alloc_unset(ctx, answer->n, 1, &answer->bits);
  }
  EXSET_TRY(exset_agree(ctx, err));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(answer->name, (int)answer->n, MPI_INT64_T, 0, ctx->comm)));
  return EXSET_MPI(ctx, MPI_Bcast(answer->bits, (int)answer->n, MPI_BYTE, 0, ctx->comm));
}

void answer_clear(answer_t *answer) {
  free(answer->name);
  free(answer->bits);
  *answer = (answer_t){0};
}

int name_compare(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int64_t name_find(const int64_t *list, int64_t n, int64_t name) {
  const int64_t *found = n > 0 ? bsearch(&name, list, (size_t)n, sizeof *list, name_compare) : NULL;
  return found ? found - list : -1;
}

uint8_t answer_bits(const answer_t *answer, int64_t name) {
  const int64_t i = name_find(answer->name, answer->n, name);
  return i < 0 ? 0 : answer->bits[i];
}
