/* Inside the components of distributed volumes. */
#ifndef EXSET_COMPONENTS_IMPL_H
#define EXSET_COMPONENTS_IMPL_H

#include "exset/components.h"

/* Pieces of this rank's slab alone, named after their first cells. Local. */
int components_label_slab(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                          exset_components_t *c);
/* Names across slab faces. Collective. */
int components_join(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                    exset_components_t *c);

/* What a rank has seen of one or two components. */
typedef struct {
  int64_t name, other, what;
} note_t;

typedef struct {
  note_t *item;
  int64_t n, capacity;
} notes_t;

/* Add a note, unless it is the same as the last one. Local. */
int notes_add(exset_ctx_t *ctx, notes_t *notes, note_t note);
/* Sort by name, other, what; keep each note once. Local. */
void notes_unique(notes_t *notes);
/* The notes of all ranks, on rank 0: at most NOTES_MOST, because MPI counts in int and a note has two names. Collective. */
enum { NOTES_MOST = INT32_MAX / 2 };
int notes_gather(exset_ctx_t *ctx, const notes_t *notes, notes_t *all);

/* What rank 0 has found out about some components. */
typedef struct {
  int64_t n;
  int64_t *name; /* [n], ascending */
  uint8_t *bits; /* [n] */
} answer_t;

/* From rank 0 to all, who get their own copies. Collective. */
int answer_share(exset_ctx_t *ctx, answer_t *answer);
void answer_clear(answer_t *answer);
/* Index of a name in an ascending list, or -1; its bits, or 0. Local. */
int64_t name_find(const int64_t *list, int64_t n, int64_t name);
uint8_t answer_bits(const answer_t *answer, int64_t name);
int name_compare(const void *a, const void *b); /* of int64_t, for qsort */

#endif
