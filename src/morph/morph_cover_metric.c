/* Squares of lengths for unions of balls. */
#include "morph_cover_impl.h"
#include "morph_distance_impl.h"

#include <math.h>
#include <stdlib.h>

/* Squares below this have entries in the tables of balls that hold others. */
static const int64_t CONTAINS_MAX = 4096;

static int fill_half(exset_ctx_t *ctx, cover_metric_t *m) {
  EXSET_TRY(exset_alloc(ctx, COVER_HALF, sizeof *m->half, &m->half));
  int64_t d = 0;
  for (int64_t k = 1; k < COVER_HALF; k++) {
    if ((d + 1) * (d + 1) < k) d++;
    m->half[k] = (uint8_t)d;
  }
  return EXSET_OK;
}

static void raise_to(float *entry, int64_t value) {
  if (*entry < (float)value) *entry = (float)value;
}

/* Cells at offsets (a, b, c), a >= b >= c >= 0, and their images: the farthest of them from a neighbour of the centre. */
static void fill_contains(int64_t n, float *const contains[3]) {
  for (int64_t a = 0; a * a < n; a++)
    for (int64_t b = 0; b <= a; b++)
      for (int64_t c = 0; c <= b && a * a + b * b + c * c < n - 1; c++) {
        const int64_t q = a * a + b * b + c * c; /* in balls of squares q + 1 and more */
        raise_to(&contains[0][q + 1], q + 1 + 2 * a + 1);
        raise_to(&contains[1][q + 1], q + 2 + 2 * (a + b) + 1);
        raise_to(&contains[2][q + 1], q + 3 + 2 * (a + b + c) + 1);
      }
  for (int k = 0; k < 3; k++)
    for (int64_t s = 1; s < n; s++)
      contains[k][s] = s < n - 1 ? fmaxf(contains[k][s], contains[k][s - 1]) : INFINITY;
}

int cover_metric_init(exset_ctx_t *ctx, const exset_grid_t *grid, float largest,
                      cover_metric_t *m) {
  distance_weights(grid, m->weight);
  m->least = fminf(m->weight[0], fminf(m->weight[1], m->weight[2]));
  if (m->weight[0] != 1 || m->weight[1] != 1 || m->weight[2] != 1) return EXSET_OK;
  EXSET_TRY(fill_half(ctx, m));
  m->n_contains = largest < (float)CONTAINS_MAX ? (int64_t)largest + 2 : CONTAINS_MAX + 2;
  for (int k = 0; k < 3; k++)
    EXSET_TRY(exset_alloc(ctx, m->n_contains, sizeof **m->contains, &m->contains[k]));
  fill_contains(m->n_contains, m->contains);
  return EXSET_OK;
}

void cover_metric_clear(cover_metric_t *m) {
  free(m->half);
  for (int k = 0; k < 3; k++) free(m->contains[k]);
}
