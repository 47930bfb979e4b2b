/*
 * Algebraic multigrid on distributed weighted graphs whose nodes are pieces of blocks of cells: the levels of the
 * voxel multigrid below the finest one, in single precision.
 *
 * Equations: sum_j g_ij (x_i - x_j) + e_i x_i = b_i with g_ij = g_ji > 0, e_i >= 0. Components of the graph without any
 * e > 0 are allowed; their b then adds up to 0 but for rounding, and any constant may be added to x there.
 */
#ifndef EXSET_CONDUCT_GRAPH_H
#define EXSET_CONDUCT_GRAPH_H

#include "conduct_impl.h"

/*
 * A graph, distributed over ranks in the order of z. Nodes of this rank: 0..n-1. Neighbours on the ranks
 * `down` and `up` (MPI_PROC_NULL: none; the graph may be a ring, and down == up == this rank or down == up then is possible) are
 * numbered n..n+n_below-1 and n+n_below..n+n_below+n_above-1. send_down lists the nodes that `down` has as its
 * ghosts above, in its order; send_up likewise. Edges are stored at both ends with equal g.
 * Every node is a connected part of one block of cells; blocks form a grid of block_n, and edges join nodes of the same block
 * or of blocks that are neighbours through a face (modulo block_n in a periodic direction).
 */
typedef struct {
  int64_t n, n_below, n_above;
  int down, up;
  int64_t *ptr;   /* [n + 1] */
  uint32_t *col;  /* [ptr[n]] */
  float *g;       /* [ptr[n]] */
  float *e;       /* [n] */
  int32_t *block; /* [n][3]: z, y, x of the node's block in the whole grid of blocks */
  float *size;    /* [n]: cells of the node (any unit) */
  int64_t n_down, n_up;
  uint32_t *send_down, *send_up; /* [n_down], [n_up] */
  int64_t block_n[3];            /* blocks of the whole grid */
  bool periodic;                 /* in all directions */
} conduct_graph_t;

void conduct_graph_clear(conduct_graph_t *graph);

typedef struct conduct_graph_mg_s conduct_graph_mg_t;

/**
 * Build the levels below and including `finest`, whose arrays are taken over (graph is zeroed, also in case of an error).
 * A rank may have no nodes; `down` and `up` are then MPI_PROC_NULL or ranks that exchange nothing with it.
 * Collective. Errors: EXSET_ERR_RUN (memory, library failure).
 */
int conduct_graph_mg_create(exset_ctx_t *ctx, conduct_graph_t *finest, conduct_graph_mg_t **mg);
int conduct_graph_mg_destroy(conduct_graph_mg_t **mg);
/** Right-hand side and solution of the finest level, [n + 1]: one more for nodes that do not exist; x[n] = 0 always. Local. */
float *conduct_graph_mg_b(conduct_graph_mg_t *mg);
float *conduct_graph_mg_x(conduct_graph_mg_t *mg);
/** x = B b, B symmetric positive definite (semidefinite where components lack any e > 0), linear, the same in every call;
 *  b is destroyed. Collective. */
int conduct_graph_mg_apply(conduct_graph_mg_t *mg);
/** Repeat no level from now on: slower, but positive definite without any estimate. Was any repeated? Local. */
bool conduct_graph_mg_single(conduct_graph_mg_t *mg);
/** Bytes held, levels, nodes of level k over all ranks (0-based, from the finest). Local / collective where said. */
int64_t conduct_graph_mg_bytes(const conduct_graph_mg_t *mg);
int conduct_graph_mg_levels(const conduct_graph_mg_t *mg);

#endif
