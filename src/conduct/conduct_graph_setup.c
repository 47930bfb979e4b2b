/* The levels of the graph multigrid, from the finest to the coarsest. */
#include <stdlib.h>

#include "conduct_graph_impl.h"

enum { MAX_LEVELS = 64 };

graph_options_t graph_defaults(void) {
  return (graph_options_t){.shrinks = 0.7,
                           .sweeps = 2,
                           .first_sweeps = 1,
                           .merge_nodes = 5000,
                           .direct_nodes = 30000,
                           .updates = 30};
}

void conduct_graph_clear(conduct_graph_t *g) {
  void *arrays[] = {g->ptr, g->col, g->g, g->e, g->block, g->send_down, g->send_up};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) free(arrays[k]);
  *g = (conduct_graph_t){.down = MPI_PROC_NULL, .up = MPI_PROC_NULL};
}

/* Solve a small graph exactly if one rank holds it as a whole; sum: nodes, edges of all ranks. Collective. */
static int try_direct(const conduct_graph_mg_t *mg, const conduct_graph_t *g, const int64_t sum[2],
                      graph_direct_t *d) {
  exset_ctx_t *ctx = mg->ctx;
  const graph_options_t *o = &mg->options;
  if (sum[0] == 0 || sum[0] > o->direct_nodes) return EXSET_OK;
  const double all = (double)mg->level[0].nodes / ctx->size;
  double most = o->updates * (double)sum[1];
  if (most < all) most = all;
  if (most < GRAPH_TINY * GRAPH_TINY * GRAPH_TINY) most = GRAPH_TINY * GRAPH_TINY * GRAPH_TINY;
  return exset_agree(ctx, g->n == sum[0] ? graph_direct_build(ctx, g, most, d) : EXSET_OK);
}

/* Work arrays of level k from its graph, and the graph of the next one, or last: there is none. Collective. */
static int make_level(conduct_graph_mg_t *mg, int k, conduct_graph_t *g, conduct_graph_t *coarse,
                      bool *last) {
  exset_ctx_t *ctx = mg->ctx;
  graph_level_t *l = &mg->level[k];
  uint8_t *colour = NULL;
  l->part_n = g->n;
  EXSET_TRY(graph_merge(ctx, &mg->options, g, &l->group));
  int64_t sum[2] = {g->n, g->n > 0 ? g->ptr[g->n] : 0};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_INT64_T, MPI_SUM, ctx->comm)));
  l->nodes = sum[0];
  EXSET_TRY(try_direct(mg, g, sum, &l->direct));
  int64_t direct = l->direct.n;
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &direct, 1, MPI_INT64_T, MPI_MAX, ctx->comm)));
  *last = direct > 0 || sum[1] == 0 || k == MAX_LEVELS - 1;
  int err = graph_order_ghosts(ctx, g, l, &colour);
  if (!err && !*last) err = graph_coarsen(ctx, &mg->options, g, coarse, &l->coarse);
  if (!err) err = graph_level_build(ctx, g, colour, l);
  free(colour);
  conduct_graph_clear(g);
  return err;
}

static int build(conduct_graph_mg_t *mg, conduct_graph_t *fine) {
  conduct_graph_t coarse = {.down = MPI_PROC_NULL, .up = MPI_PROC_NULL};
  for (bool last = false; !last;) {
    mg->n_levels++;
    const int err = make_level(mg, mg->n_levels - 1, fine, &coarse, &last);
    if (err) {
      conduct_graph_clear(&coarse);
      return err;
    }
    *fine = coarse;
    coarse = (conduct_graph_t){.down = MPI_PROC_NULL, .up = MPI_PROC_NULL};
  }
  return EXSET_OK;
}

int graph_create(exset_ctx_t *ctx, const graph_options_t *o, conduct_graph_t *finest,
                 conduct_graph_mg_t **mg_out) {
  conduct_graph_mg_t *mg = NULL;
  int err = exset_alloc(ctx, 1, sizeof *mg, &mg);
  if (!err) err = exset_alloc(ctx, MAX_LEVELS, sizeof *mg->level, &mg->level);
  err = exset_agree(ctx, err);
  if (mg) mg->ctx = ctx;
  if (mg) mg->options = *o;
  if (!err) err = build(mg, finest);
  conduct_graph_clear(finest);
  if (err) conduct_graph_mg_destroy(&mg);
  *mg_out = mg;
  return err;
}

int conduct_graph_mg_create(exset_ctx_t *ctx, conduct_graph_t *finest, conduct_graph_mg_t **mg) {
  const graph_options_t options = graph_defaults();
  return graph_create(ctx, &options, finest, mg);
}

int conduct_graph_mg_destroy(conduct_graph_mg_t **mg_in) {
  conduct_graph_mg_t *mg = *mg_in;
  if (!mg) return EXSET_OK;
  for (int k = 0; k < mg->n_levels; k++) graph_level_clear(&mg->level[k]);
  free(mg->level);
  free(mg);
  *mg_in = NULL;
  return EXSET_OK;
}
