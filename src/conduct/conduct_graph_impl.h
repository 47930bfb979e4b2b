/* Inside the graph multigrid: see conduct_graph.h. */
#ifndef EXSET_CONDUCT_GRAPH_IMPL_H
#define EXSET_CONDUCT_GRAPH_IMPL_H

#include "conduct_graph.h"

enum { GRAPH_DOWN = 0, GRAPH_UP = 1 };

/* What was chosen by measurement, see doc/performance.md. */
typedef struct {
  double shrinks;       /* a level must, to this part of its nodes, or weak edges join too */
  int first_sweeps;     /* before and after the coarse correction of the finest level */
  int sweeps;           /* the same below */
  int64_t merge_nodes;  /* fewer in all are worked on by one rank */
  int64_t direct_nodes; /* no more on one rank are solved for exactly, */
  double updates;       /* unless that takes more steps for each edge */
} graph_options_t;
/* So few nodes are merged on one rank, and solved for exactly, in any case. */
enum { GRAPH_TINY = 64 };
graph_options_t graph_defaults(void);

/* ---- exchange with the neighbouring ranks ---------------------------------------------------- */

/* What goes to and comes from either side. */
typedef struct {
  int rank[2]; /* MPI_PROC_NULL: none */
  int64_t n_send[2], n_recv[2];
  const void *send[2];
  void *recv[2];
} graph_swap_t;

/* An exchange that has begun. */
typedef struct {
  int n;
  MPI_Request request[4];
} graph_wait_t;

/* Collective over the neighbours; the data must not be touched in between. */
int graph_swap_begin(exset_ctx_t *ctx, MPI_Datatype type, const graph_swap_t *s, graph_wait_t *w);
int graph_swap_end(exset_ctx_t *ctx, graph_wait_t *w);
/* Both. */
int graph_swap(exset_ctx_t *ctx, MPI_Datatype type, const graph_swap_t *s);
/* Without data: ranks and numbers of a graph's rim. */
graph_swap_t graph_rim(const conduct_graph_t *g);
/* Values that belong to nodes of this rank and its ghosts, [n + n_below + n_above]: fill in those of the ghosts. buffer: of
 * n_down + n_up items. */
int graph_fill_ghosts(exset_ctx_t *ctx, const conduct_graph_t *g, MPI_Datatype type, size_t item,
                      void *values, void *buffer);

/* ---- merging ---------------------------------------------------------------------------------- */

/* Ranks whose nodes are put together on one of them, the leader, in the order of ranks. */
typedef struct {
  int leader;      /* this rank itself where nothing is merged */
  int members;     /* on the leader, itself included; 1 elsewhere */
  int *rank;       /* on the leader: [members] */
  int64_t *offset; /* on the leader: [members + 1], where each one's nodes begin */
  bool merged;     /* this rank is in a group of several */
} graph_group_t;

/* Merge thin or small graphs; g becomes that of the group on its leader, empty on the other members. Collective. */
int graph_merge(exset_ctx_t *ctx, const graph_options_t *o, conduct_graph_t *g,
                graph_group_t *group);
void graph_group_clear(graph_group_t *group);

/* ---- coarsening ------------------------------------------------------------------------------- */

/* The next coarser graph, not merged, and the coarse node of each node, [n + 1] with coarse->n for the one that does not
 * exist. Collective. */
int graph_coarsen(exset_ctx_t *ctx, const graph_options_t *o, const conduct_graph_t *g,
                  conduct_graph_t *coarse, int32_t **node);

/* ---- one level as the cycle needs it ---------------------------------------------------------- */

enum { GRAPH_LANES = 8 };
/* Rows without ghosts as neighbours, to be worked on while ghosts are on their way, and with. */
enum { GRAPH_INNER, GRAPH_RIM, GRAPH_KINDS };

/*
 * Nodes of one colour that have no neighbours of that colour: their order does not matter. Chunks of GRAPH_LANES rows of
 * about equal length: entry k of row l of a chunk at its start + k * GRAPH_LANES + l; entries that are lacking lead to node n,
 * which is 0, and rows that are lacking are that node.
 */
typedef struct {
  int64_t chunks, entries;
  int32_t *width;     /* [chunks] entries of each row */
  int32_t *row;       /* [chunks][GRAPH_LANES] nodes */
  float *inverse, *e; /* of them: 1 / diagonal, conductance to the electrodes */
  int32_t *col;
  float *g;
} graph_rows_t;

/* The other nodes of one colour, worked on one after the other. They may have ghosts as neighbours. */
typedef struct {
  int64_t n;
  int64_t *ptr;
  int32_t *row, *col;
  float *g, *inverse, *e;
} graph_tail_t;

/* Ghosts of one side: those of colour 0 first. */
typedef struct {
  int rank;
  int64_t n_send[2], n_recv[2]; /* of each colour */
  int64_t first;                /* place of the first ghost in x */
  uint32_t *send;               /* [n_send[0] + n_send[1]] */
  bool same;                    /* edges to it join nodes of one colour */
} graph_side_t;

/*
 * The coarsest level. Row r of the factor is that of node order[r]: what goes to its neighbours when it is eliminated. In
 * components without electrode the last node is held at 0; mean values are taken off b before and off x after.
 */
typedef struct {
  int64_t n; /* 0: not solved exactly */
  int32_t *order, *col;
  int64_t *ptr; /* [n + 1] */
  double *factor;
  double *inverse; /* [n]: 1 / diagonal, 0: held */
  double *work;    /* [n] */
  int32_t *part;   /* [n] component without electrode, or -1 */
  int32_t parts;
  double *mean; /* [2][parts]: mean values, numbers of nodes */
} graph_direct_t;

/*
 * Arrays of nodes are followed by one of a node that does not exist and then by the ghosts: [n + 1 + n_ghost]. Where
 * graphs are merged, part_x and part_b are those of this rank's own nodes, [part_n + 1], else x and b themselves.
 */
typedef struct {
  int64_t part_n, n, n_ghost;
  int64_t nodes; /* of all ranks */
  graph_group_t group;
  graph_side_t side[2];
  float *buffer;                     /* of what is sent */
  graph_wait_t wait;                 /* for ghosts of x */
  graph_rows_t rows[2][GRAPH_KINDS]; /* of each colour */
  graph_tail_t tail[2];
  graph_direct_t direct;
  float *x, *b, *part_x, *part_b;
  int32_t *coarse; /* [n + 1]: node of the next level's part */
} graph_level_t;

/* Put the ghosts in the order of colours, and make what the cycle needs but coarse. colour: [n + ghosts]. Collective. */
int graph_order_ghosts(exset_ctx_t *ctx, conduct_graph_t *g, graph_level_t *l, uint8_t **colour);
int graph_level_build(exset_ctx_t *ctx, conduct_graph_t *g, uint8_t *colour, graph_level_t *l);
/* Factor of a graph without ghosts; d->n stays 0 when that takes more than `most` updates of edges. Local. */
int graph_direct_build(exset_ctx_t *ctx, const conduct_graph_t *g, double most, graph_direct_t *d);
void graph_direct_solve(const graph_direct_t *d, const float *b, float *x);
void graph_direct_clear(graph_direct_t *d);
void graph_level_clear(graph_level_t *l);
int64_t graph_level_bytes(const graph_level_t *l);

/* ---- all levels ------------------------------------------------------------------------------- */

struct conduct_graph_mg_s {
  exset_ctx_t *ctx;
  graph_options_t options;
  int n_levels;
  graph_level_t *level;
};

/* conduct_graph_mg_create with other options. */
int graph_create(exset_ctx_t *ctx, const graph_options_t *o, conduct_graph_t *finest,
                 conduct_graph_mg_t **mg);

#endif
