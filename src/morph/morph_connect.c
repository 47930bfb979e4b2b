/* Percolating, dead-end and isolated shares of the phases. */
#include <math.h>
#include <stdlib.h>

#include "exset/components.h"
#include "morph_impl.h"

/* What is known of each piece of a cluster in this slab. */
typedef struct {
  int64_t *cells;           /* [n_local + 1] */
  uint8_t *phase, *touches; /* [n_local + 1] */
  int64_t *sum;             /* [n_phases][4]: cells by the faces that their clusters touch */
} pieces_t;

static void pieces_clear(pieces_t *p) {
  free(p->cells);
  free(p->phase);
  free(p->touches);
  free(p->sum);
}

static int pieces_alloc(exset_ctx_t *ctx, int64_t n_local, int n_phases, pieces_t *p) {
  EXSET_TRY(exset_alloc(ctx, n_local + 1, sizeof *p->cells, &p->cells));
  EXSET_TRY(exset_alloc(ctx, n_local + 1, 1, &p->phase));
  EXSET_TRY(exset_alloc(ctx, n_local + 1, 1, &p->touches));
  return exset_alloc(ctx, 4 * n_phases, sizeof *p->sum, &p->sum);
}

static void pieces_count(const exset_volume_t *v, const exset_components_t *c, pieces_t *p) {
  const int64_t cells = exset_grid_cells_local(&v->grid);
  for (int64_t i = 0, end; i < cells; i = end) {
    const uint32_t piece = c->piece[i];
    for (end = i + 1; end < cells && c->piece[end] == piece;) end++;
    p->cells[piece] += end - i;
    p->phase[piece] = v->phase[i];
  }
}

/* Shares along one axis. Collective. */
static int shares(exset_ctx_t *ctx, const exset_volume_t *v, const exset_components_t *c, int axis,
                  pieces_t *p, exset_morph_phase_t *phase) {
  const int n = 4 * v->n_phases;
  EXSET_TRY(exset_components_touch(ctx, &v->grid, v->phase, c, axis, p->touches));
  for (int i = 0; i < n; i++) p->sum[i] = 0;
  for (int64_t k = 1; k <= c->n_local; k++)
    p->sum[4 * (p->phase[k] - 1) + p->touches[k]] += p->cells[k];
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, p->sum, n, MPI_INT64_T, MPI_SUM, ctx->comm)));
  for (int i = 0; i < v->n_phases; i++) {
    const int64_t *sum = p->sum + 4 * i, one = sum[EXSET_TOUCHES_LOW] + sum[EXSET_TOUCHES_HIGH];
    const int64_t both = sum[EXSET_TOUCHES_LOW | EXSET_TOUCHES_HIGH];
    const double all = (double)(sum[0] + one + both); /* 0: all shares are 0 / 0 = NaN */
    phase[i].percolating_fraction[axis] = (double)both / all;
    phase[i].dead_end_fraction[axis] = (double)one / all;
    phase[i].isolated_fraction[axis] = (double)sum[0] / all;
  }
  return EXSET_OK;
}

int morph_connect(exset_ctx_t *ctx, const exset_volume_t *v, const bool axis[3],
                  exset_morph_phase_t *phase) {
  exset_components_t c;
  pieces_t p = {0};
  EXSET_TRY(exset_components_label(ctx, &v->grid, v->phase, &c));
  int err = exset_agree(ctx, pieces_alloc(ctx, c.n_local, v->n_phases, &p));
  if (!err) pieces_count(v, &c, &p);
  for (int a = 0; a < 3 && !err; a++) {
    for (int i = 0; i < v->n_phases; i++)
      phase[i].percolating_fraction[a] = phase[i].dead_end_fraction[a] =
          phase[i].isolated_fraction[a] = NAN;
    if (axis[a]) err = shares(ctx, v, &c, a, &p, phase);
  }
  pieces_clear(&p);
  exset_components_clear(&c);
  return err;
}
