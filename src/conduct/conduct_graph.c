/* The cycle of the graph multigrid: two-colour Gauss-Seidel before, its mirror image after the coarse correction. */
#include <stdlib.h>
#include <string.h>

#include "conduct_graph_impl.h"
#include "conduct_simd.h"

/* ---- kernels ---------------------------------------------------------------------------------- */

/* x = b / d. */
CONDUCT_SIMD static void first_rows(const graph_rows_t *r, const float *b, float *x) {
  for (int64_t k = 0; k < r->chunks * GRAPH_LANES; k++) x[r->row[k]] = r->inverse[k] * b[r->row[k]];
}

/* One number for each row of a chunk. */
typedef float lanes_t __attribute__((vector_size(4 * GRAPH_LANES), aligned(4), may_alias));

/* Scattered numbers: single loads, which are about as fast as the processors' own gathering and never slow. */
#define PICK(x, at)                                                                              \
  ((lanes_t){(x)[(at)[0]], (x)[(at)[1]], (x)[(at)[2]], (x)[(at)[3]], (x)[(at)[4]], (x)[(at)[5]], \
             (x)[(at)[6]], (x)[(at)[7]]})

/* x of these rows from their neighbours'. */
CONDUCT_SIMD static void relax_rows(const graph_rows_t *r, const float *b, float *x) {
  const int32_t *col = r->col;
  const float *g = r->g;
  for (int64_t c = 0; c < r->chunks; c++) {
    const int32_t *row = r->row + c * GRAPH_LANES;
    lanes_t sum = PICK(b, row);
    for (int32_t k = r->width[c]; k > 0; k--, col += GRAPH_LANES, g += GRAPH_LANES)
      sum += *(const lanes_t *)g * PICK(x, col);
    sum *= *(const lanes_t *)(r->inverse + c * GRAPH_LANES);
    for (int i = 0; i < GRAPH_LANES; i++) x[row[i]] = sum[i];
  }
}

/* to[place[i]] += residual of node i; differences first, so that strong conductances do not drown weak ones. */
CONDUCT_SIMD static void restrict_rows(const graph_rows_t *r, const float *b, const float *x,
                                       const int32_t *place, float *to) {
  const int32_t *col = r->col;
  const float *g = r->g;
  for (int64_t c = 0; c < r->chunks; c++) {
    const int32_t *row = r->row + c * GRAPH_LANES;
    const lanes_t own = PICK(x, row);
    lanes_t sum = PICK(b, row) - *(const lanes_t *)(r->e + c * GRAPH_LANES) * own;
    for (int32_t k = r->width[c]; k > 0; k--, col += GRAPH_LANES, g += GRAPH_LANES)
      sum += *(const lanes_t *)g * (PICK(x, col) - own);
    for (int i = 0; i < GRAPH_LANES; i++) to[place[row[i]]] += sum[i];
  }
}

static void relax_row(const graph_tail_t *t, int64_t r, const float *b, float *x) {
  float sum = b[t->row[r]];
  for (int64_t k = t->ptr[r]; k < t->ptr[r + 1]; k++) sum += t->g[k] * x[t->col[k]];
  x[t->row[r]] = t->inverse[r] * sum;
}

static void relax_tail(const graph_tail_t *t, bool backward, const float *b, float *x) {
  if (backward)
    for (int64_t r = t->n - 1; r >= 0; r--) relax_row(t, r, b, x);
  else
    for (int64_t r = 0; r < t->n; r++) relax_row(t, r, b, x);
}

static void restrict_tail(const graph_tail_t *t, const float *b, const float *x,
                          const int32_t *place, float *to) {
  for (int64_t r = 0; r < t->n; r++) {
    const float own = x[t->row[r]];
    float sum = b[t->row[r]] - t->e[r] * own;
    for (int64_t k = t->ptr[r]; k < t->ptr[r + 1]; k++) sum += t->g[k] * (x[t->col[k]] - own);
    to[place[t->row[r]]] += sum;
  }
}

CONDUCT_SIMD static void prolong(int64_t n, const int32_t *place, const float *from, float *x) {
  for (int64_t i = 0; i < n; i++) x[i] += from[place[i]];
}

/* ---- exchange --------------------------------------------------------------------------------- */

/* What is sent to the neighbours: values of one colour; only where edges join nodes of one colour; colour 0, and 1 there. */
typedef enum { ONE, SAME, CORRECTED } exchange_t;

static int exchange_begin(exset_ctx_t *ctx, graph_level_t *l, int colour, exchange_t what) {
  graph_swap_t swap = {.rank = {MPI_PROC_NULL, MPI_PROC_NULL}};
  float *to = l->buffer;
  for (int d = 0; d < 2; d++) {
    const graph_side_t *s = &l->side[d];
    if (what == SAME && !s->same) continue;
    const bool both = what == CORRECTED && s->same;
    const int64_t begin = colour == 0 ? 0 : s->n_send[0];
    swap.rank[d] = s->rank;
    swap.n_send[d] = both ? s->n_send[0] + s->n_send[1] : s->n_send[colour];
    swap.n_recv[d] = both ? s->n_recv[0] + s->n_recv[1] : s->n_recv[colour];
    swap.send[d] = to;
    swap.recv[d] = l->x + s->first + (colour == 0 ? 0 : s->n_recv[0]);
    for (int64_t k = begin; k < begin + swap.n_send[d]; k++) *to++ = l->x[s->send[k]];
  }
  return graph_swap_begin(ctx, MPI_FLOAT, &swap, &l->wait);
}

/* Parts of b to the leader, or those of x back. */
static int move_parts(exset_ctx_t *ctx, const graph_level_t *l, bool to_leader) {
  enum { TAG = 45 };
  const graph_group_t *group = &l->group;
  if (!group->merged) return EXSET_OK;
  float *part = to_leader ? l->part_b : l->part_x, *all = to_leader ? l->b : l->x;
  const int n = (int)l->part_n;
  if (group->leader != ctx->rank)
    return EXSET_MPI(ctx, to_leader ? MPI_Send(part, n, MPI_FLOAT, group->leader, TAG, ctx->comm)
                                    : MPI_Recv(part, n, MPI_FLOAT, group->leader, TAG, ctx->comm,
                                               MPI_STATUS_IGNORE));
  if (to_leader) memcpy(all, part, (size_t)n * sizeof *all);
  else memcpy(part, all, (size_t)n * sizeof *all);
  for (int m = 1; m < group->members; m++) {
    float *at = all + group->offset[m];
    const int count = (int)(group->offset[m + 1] - group->offset[m]);
    EXSET_TRY(EXSET_MPI(
        ctx, to_leader
                 ? MPI_Recv(at, count, MPI_FLOAT, group->rank[m], TAG, ctx->comm, MPI_STATUS_IGNORE)
                 : MPI_Send(at, count, MPI_FLOAT, group->rank[m], TAG, ctx->comm)));
  }
  return EXSET_OK;
}

/* ---- the cycle -------------------------------------------------------------------------------- */

/* Ghosts may be on their way when it begins, and those of the colour are when it ends, unless it is the last one. */
static int half_sweep(exset_ctx_t *ctx, graph_level_t *l, int colour, bool backward, bool last) {
  relax_rows(&l->rows[colour][GRAPH_INNER], l->b, l->x);
  EXSET_TRY(graph_swap_end(ctx, &l->wait));
  relax_rows(&l->rows[colour][GRAPH_RIM], l->b, l->x);
  relax_tail(&l->tail[colour], backward, l->b, l->x);
  return last ? EXSET_OK : exchange_begin(ctx, l, colour, ONE);
}

/* From x = 0. */
static int first_half_sweep(exset_ctx_t *ctx, graph_level_t *l) {
  memset(l->x, 0, (size_t)(l->n + 1 + l->n_ghost) * sizeof *l->x);
  for (int kind = 0; kind < GRAPH_KINDS; kind++) first_rows(&l->rows[0][kind], l->b, l->x);
  relax_tail(&l->tail[0], false, l->b, l->x);
  return exchange_begin(ctx, l, 0, ONE);
}

/* After a cycle, whose last half sweep had the same colour: the rows without neighbours of it would not change. */
static int next_half_sweep(exset_ctx_t *ctx, graph_level_t *l) {
  EXSET_TRY(exchange_begin(ctx, l, 0, SAME));
  EXSET_TRY(graph_swap_end(ctx, &l->wait));
  relax_tail(&l->tail[0], false, l->b, l->x);
  return exchange_begin(ctx, l, 0, ONE);
}

/* Right-hand side of the coarse level; the rows swept last have no residual. */
static int restrict_residual(exset_ctx_t *ctx, graph_level_t *l, const graph_level_t *coarse) {
  float *to = coarse->part_b;
  memset(to, 0, (size_t)(coarse->part_n + 1) * sizeof *to);
  restrict_rows(&l->rows[0][GRAPH_INNER], l->b, l->x, l->coarse, to);
  EXSET_TRY(graph_swap_end(ctx, &l->wait));
  restrict_rows(&l->rows[0][GRAPH_RIM], l->b, l->x, l->coarse, to);
  for (int c = 0; c < 2; c++) restrict_tail(&l->tail[c], l->b, l->x, l->coarse, to);
  return EXSET_OK;
}

static int solve_level(const conduct_graph_mg_t *mg, int k);

/* x = C b, one cycle from level k downwards, or x += C (b - A x). Ranks with nodes of this level. */
static int cycle(const conduct_graph_mg_t *mg, int k, bool zero) {
  exset_ctx_t *ctx = mg->ctx;
  graph_level_t *l = &mg->level[k], *coarse = l + 1;
  const int sweeps = k == 0 ? mg->options.first_sweeps : mg->options.sweeps;
  l->b[l->n] = 0;
  for (int sweep = 0; sweep < sweeps; sweep++) {
    EXSET_TRY(sweep > 0 ? half_sweep(ctx, l, 0, false, false)
              : zero    ? first_half_sweep(ctx, l)
                        : next_half_sweep(ctx, l));
    EXSET_TRY(half_sweep(ctx, l, 1, false, false));
  }
  EXSET_TRY(restrict_residual(ctx, l, coarse));
  EXSET_TRY(move_parts(ctx, coarse, true));
  EXSET_TRY(solve_level(mg, k + 1));
  EXSET_TRY(move_parts(ctx, coarse, false));
  prolong(l->n, l->coarse, coarse->part_x, l->x);
  EXSET_TRY(exchange_begin(ctx, l, 0, CORRECTED));
  for (int sweep = 0; sweep < sweeps; sweep++) {
    EXSET_TRY(half_sweep(ctx, l, 1, true, false));
    EXSET_TRY(half_sweep(ctx, l, 0, true, sweep == sweeps - 1));
  }
  return EXSET_OK;
}

/* The coarsest level: solved exactly, or no node has a neighbour. */
static void solve_coarsest(const graph_level_t *l) {
  if (l->direct.n > 0) {
    graph_direct_solve(&l->direct, l->b, l->x);
    return;
  }
  l->b[l->n] = 0;
  for (int c = 0; c < 2; c++)
    for (int kind = 0; kind < GRAPH_KINDS; kind++) first_rows(&l->rows[c][kind], l->b, l->x);
}

/* x = B b: two steps x += C (b - A x) from x = 0, C: one cycle. */
static int solve_level(const conduct_graph_mg_t *mg, int k) {
  const graph_level_t *l = &mg->level[k];
  if (l->n == 0) return EXSET_OK;
  if (k == mg->n_levels - 1) {
    solve_coarsest(l);
    return EXSET_OK;
  }
  EXSET_TRY(cycle(mg, k, true));
  return cycle(mg, k, false);
}

int conduct_graph_mg_apply(conduct_graph_mg_t *mg) {
  const graph_level_t *l = mg->level;
  if (l->part_n == 0) return EXSET_OK;
  EXSET_TRY(move_parts(mg->ctx, l, true));
  EXSET_TRY(solve_level(mg, 0));
  return move_parts(mg->ctx, l, false);
}

/* ---- what the cycle works on ------------------------------------------------------------------ */

float *conduct_graph_mg_b(conduct_graph_mg_t *mg) {
  return mg->level[0].part_b;
}

float *conduct_graph_mg_x(conduct_graph_mg_t *mg) {
  return mg->level[0].part_x;
}

int conduct_graph_mg_levels(const conduct_graph_mg_t *mg) {
  return mg->n_levels;
}

int64_t conduct_graph_mg_nodes(const conduct_graph_mg_t *mg, int k) {
  return mg->level[k].nodes;
}

int64_t conduct_graph_mg_bytes(const conduct_graph_mg_t *mg) {
  int64_t bytes = 0;
  for (int k = 0; k < mg->n_levels; k++) bytes += graph_level_bytes(&mg->level[k]);
  return bytes;
}
