/*
 * Algebraic multigrid on distributed weighted graphs whose nodes are pieces of blocks of cells: the levels of the
 * voxel multigrid below the finest one, in single precision.
 *
 * Equations: sum_j g_ij (x_i - x_j) + e_i x_i = b_i with g_ij = g_ji > 0, e_i >= 0. Components of the graph without any
 * e > 0 are allowed; their b then adds up to 0 but for rounding, and any constant may be added to x there.
 *
 * B makes two steps x += C (b - A x) from x = 0 on each level, C: sweeps, coarse correction, mirrored sweeps. Coarse
 * conductances are at least 1 / 1.9 of the sums of fine ones, so that the eigenvalues of C A are in (0, 1.9] when those of the
 * coarse B A are in (0, 1]; those of B A, 1 - (1 - lambda)^2, then are so as well. Level by level: B is positive definite, and
 * its largest eigenvalue is at most 1, for any graph.
 */
#ifndef EXSET_CONDUCT_GRAPH_H
#define EXSET_CONDUCT_GRAPH_H

#include "exset/core.h"

/*
 * A graph, distributed over ranks in the order of z. Nodes of this rank: 0..n-1, best in the order of their blocks
 * (z, y, x). Neighbours on the ranks `down` and `up` (MPI_PROC_NULL: none; the graph may be a ring, and down == up == this
 * rank or down == up then is possible) are numbered n..n+n_below-1 and n+n_below..n+n_below+n_above-1. send_down
 * lists the nodes that `down` has as its ghosts above, in its order; send_up likewise. Edges are stored at both ends with
 * equal g; one that occurs twice counts twice, one from a node to itself counts nothing.
 * Every node is a connected part of one block of cells; edges join nodes of the same block or of blocks that are neighbours
 * through a face (also round a periodic box); edges between ranks run along z.
 */
typedef struct {
  int64_t n, n_below, n_above;
  int down, up;
  int64_t *ptr;    /* [n + 1] */
  uint32_t *col;   /* [ptr[n]] */
  float *g;        /* [ptr[n]] */
  float *e;        /* [n] */
  uint64_t *block; /* [n]: the node's block in the whole grid of blocks, conduct_graph_block */
  int64_t n_down, n_up;
  uint32_t *send_down, *send_up; /* [n_down], [n_up] */
} conduct_graph_t;

/* Coordinates of a block, each below 2^21, in one number. */
enum { CONDUCT_GRAPH_BITS = 21 };
static inline uint64_t conduct_graph_block(int64_t z, int64_t y, int64_t x) {
  return (uint64_t)z << 2 * CONDUCT_GRAPH_BITS | (uint64_t)y << CONDUCT_GRAPH_BITS | (uint64_t)x;
}

/*
 * From nodes to pieces of them, on the finest level and on graphs. Edges below CONDUCT_STRONG of the strongest at either end do not
 * make a piece. A face between pieces is in series with half of either, relative to the face's resistance: what is inside along the
 * axis, CONDUCT_HALF at most, nothing where nothing leads on. That coarse conductances are at least CONDUCT_LEAST of what the fine
 * ones add up to makes the multigrid positive definite (doc/theory/conductivity.md).
 */
#define CONDUCT_STRONG 0.1
#define CONDUCT_HALF 0.45
#define CONDUCT_LEAST (1 / (1 + 2 * CONDUCT_HALF))
static inline double conduct_half(double face, double inside) {
  if (inside <= 0) return 0;
  return 0.5 * face < CONDUCT_HALF * inside ? 0.5 * face / inside : CONDUCT_HALF;
}

/* Free the arrays (all by malloc or exset_alloc) and zero the struct. */
void conduct_graph_clear(conduct_graph_t *graph);

typedef struct conduct_graph_mg_s conduct_graph_mg_t;

/**
 * Build the levels below and including `finest`, whose arrays are taken over (graph is zeroed, also in case of an error).
 * A rank may have no nodes; `down` and `up` are then MPI_PROC_NULL or ranks that exchange nothing with it.
 * Collective. Errors: EXSET_ERR_RUN (memory, library failure).
 */
int conduct_graph_mg_create(exset_ctx_t *ctx, conduct_graph_t *finest, conduct_graph_mg_t **mg);
/** Free (NULL is fine). Local. */
int conduct_graph_mg_destroy(conduct_graph_mg_t **mg);
/** Right-hand side and solution of the finest level in the order of its nodes, [n + 1]: one more for nodes that do not exist,
 *  b[n] is not read and x[n] is always 0. Local. */
float *conduct_graph_mg_b(conduct_graph_mg_t *mg);
float *conduct_graph_mg_x(conduct_graph_mg_t *mg);
/** x = B b, B symmetric positive definite (semidefinite where components lack any e > 0), linear, the same in every call;
 *  b may be changed. Collective. */
int conduct_graph_mg_apply(conduct_graph_mg_t *mg);
/** Bytes held on this rank; number of levels; nodes of level k (0: the finest) over all ranks. Local. */
int64_t conduct_graph_mg_bytes(const conduct_graph_mg_t *mg);
int conduct_graph_mg_levels(const conduct_graph_mg_t *mg);
int64_t conduct_graph_mg_nodes(const conduct_graph_mg_t *mg, int k);

#endif
