/* The next coarser graph: connected pieces of blocks of 2 x 2 x 2 blocks, and conductances between them. */
#include <stdlib.h>

#include "conduct_graph_impl.h"

/* What the construction of one level passes on. */
typedef struct {
  const graph_options_t *options;
  const conduct_graph_t *fine;
  int doublings;     /* of the blocks' edges */
  int32_t *node;     /* [n + 1 + ghosts]: coarse node; ghosts follow node n */
  double *inside[3]; /* conductance inside coarse nodes along each axis; z: also of coarse ghosts */
  int64_t *first;    /* [coarse n + 1]: where the members of each begin */
  uint32_t *member;  /* [n] */
  int64_t crossing;  /* at least the edges between coarse nodes */
} join_t;

/* The block of 2^doublings times the edge that holds a block. */
static uint64_t parent_of(uint64_t block, int doublings) {
  const uint64_t low = ((uint64_t)1 << (CONDUCT_GRAPH_BITS - doublings)) - 1;
  return block >> doublings & (low << 2 * CONDUCT_GRAPH_BITS | low << CONDUCT_GRAPH_BITS | low);
}

/* Axis along which two blocks differ; z where they are the same. */
static int axis_between(uint64_t a, uint64_t b) {
  const uint64_t d = a ^ b, x = ((uint64_t)1 << CONDUCT_GRAPH_BITS) - 1;
  if (d & x) return EXSET_AXIS_X;
  return d & x << CONDUCT_GRAPH_BITS ? EXSET_AXIS_Y : EXSET_AXIS_Z;
}

static uint32_t root_of(uint32_t *above, uint32_t i) {
  while (above[i] != i) i = above[i] = above[above[i]];
  return i;
}

static void largest_edges(const conduct_graph_t *g, float *largest) {
  for (int64_t i = 0; i < g->n; i++) {
    float m = 0;
    for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++) m = g->g[k] > m ? g->g[k] : m;
    largest[i] = m;
  }
}

/* Join nodes of one parent block along strong edges; the coarse nodes are numbered by their first node. joined: edges. */
static int64_t join(join_t *j, float strong, const float *largest, uint32_t *above,
                    int64_t *joined) {
  const conduct_graph_t *g = j->fine;
  const int doublings = j->doublings;
  int32_t *node = j->node;
  *joined = 0;
  for (int64_t i = 0; i < g->n; i++) above[i] = (uint32_t)i;
  for (int64_t i = 0; i < g->n; i++) {
    const uint64_t parent = parent_of(g->block[i], doublings);
    for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++) {
      const int64_t other = g->col[k];
      if (other >= i || parent_of(g->block[other], doublings) != parent) continue;
      if (g->g[k] < strong * largest[i] || g->g[k] < strong * largest[other]) continue;
      ++*joined;
      const uint32_t a = root_of(above, (uint32_t)i), b = root_of(above, (uint32_t)other);
      above[a > b ? a : b] = a > b ? b : a;
    }
  }
  int32_t n = 0;
  for (int64_t i = 0; i < g->n; i++) {
    const uint32_t root = root_of(above, (uint32_t)i);
    node[i] = root == i ? n++ : node[root];
  }
  return n;
}

/* Are all nodes of one block of 2^doublings? Local. */
static bool one_parent(const conduct_graph_t *g, int doublings) {
  for (int64_t i = 0; i < g->n; i++)
    if (parent_of(g->block[i], doublings)) return false;
  return true;
}

/*
 * Blocks of twice the edge, or of more where weak edges keep that from making fewer nodes; when even the whole box as one
 * block does not, weak edges join too. n: nodes of this rank. Collective.
 */
static int join_enough(exset_ctx_t *ctx, join_t *j, const float *largest, uint32_t *above,
                       int64_t *n, int64_t *joined) {
  const conduct_graph_t *g = j->fine;
  const graph_options_t *o = j->options;
  for (j->doublings = 1;; j->doublings++) {
    *n = join(j, (float)CONDUCT_STRONG, largest, above, joined);
    int64_t sum[3] = {g->n, *n, !one_parent(g, j->doublings)};
    EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 3, MPI_INT64_T, MPI_SUM, ctx->comm)));
    if ((double)sum[1] <= o->shrinks * (double)sum[0]) return EXSET_OK;
    if (sum[2] == 0 || j->doublings == CONDUCT_GRAPH_BITS - 1) break;
  }
  *n = join(j, 0, largest, above, joined);
  return EXSET_OK;
}

/* Nodes of the coarse graph. Collective. */
static int coarse_nodes(exset_ctx_t *ctx, join_t *j, conduct_graph_t *c) {
  const conduct_graph_t *g = j->fine;
  float *largest = NULL;
  uint32_t *above = NULL;
  int64_t joined = 0;
  int err = exset_alloc_unset(ctx, g->n, sizeof *largest, &largest);
  if (!err) err = exset_alloc_unset(ctx, g->n, sizeof *above, &above);
  err = exset_agree(ctx, err);
  if (!err) {
    largest_edges(g, largest);
    err = join_enough(ctx, j, largest, above, &c->n, &joined);
    j->node[g->n] = (int32_t)c->n;
    j->crossing = (g->n > 0 ? g->ptr[g->n] : 0) - 2 * joined;
  }
  free(largest);
  free(above);
  return err;
}

/* Coarse nodes that a neighbour has as ghosts, each once; place[k]: that of the fine ghost k among them. */
static int64_t coarse_rim(int64_t n, const uint32_t *fine, const int32_t *node, int32_t *mark,
                          uint32_t *rim, int32_t *place) {
  int64_t count = 0;
  for (int64_t k = 0; k < n; k++) {
    const int32_t c = node[fine[k]];
    if (mark[c] < 0) {
      mark[c] = (int32_t)count;
      rim[count++] = (uint32_t)c;
    }
    place[k] = mark[c];
  }
  for (int64_t k = 0; k < count; k++) mark[rim[k]] = -1;
  return count;
}

/* Coarse ghosts: both sides number them by the first fine one. mark: [coarse n], -1. Collective. */
static int coarse_ghosts(exset_ctx_t *ctx, const conduct_graph_t *g, conduct_graph_t *c,
                         int32_t *node, int32_t *mark) {
  int32_t *place = NULL, *ghost = node + g->n + 1;
  int err = exset_alloc_unset(ctx, g->n_down + g->n_up, sizeof *place, &place);
  if (!err) err = exset_alloc_unset(ctx, g->n_down, sizeof *c->send_down, &c->send_down);
  if (!err) err = exset_alloc_unset(ctx, g->n_up, sizeof *c->send_up, &c->send_up);
  err = exset_agree(ctx, err);
  if (!err) {
    c->n_down = coarse_rim(g->n_down, g->send_down, node, mark, c->send_down, place);
    c->n_up = coarse_rim(g->n_up, g->send_up, node, mark, c->send_up, place + g->n_down);
    graph_swap_t swap = graph_rim(g);
    swap.send[GRAPH_DOWN] = place;
    swap.send[GRAPH_UP] = place + g->n_down;
    swap.recv[GRAPH_DOWN] = ghost;
    swap.recv[GRAPH_UP] = ghost + g->n_below;
    err = graph_swap(ctx, MPI_INT32_T, &swap);
  }
  free(place);
  EXSET_TRY(err);
  for (int64_t k = 0; k < g->n_below; k++)
    if (ghost[k] >= c->n_below) c->n_below = ghost[k] + 1;
  for (int64_t k = g->n_below; k < g->n_below + g->n_above; k++)
    if (ghost[k] >= c->n_above) c->n_above = ghost[k] + 1;
  for (int64_t k = 0; k < g->n_below; k++) ghost[k] += (int32_t)c->n;
  for (int64_t k = g->n_below; k < g->n_below + g->n_above; k++)
    ghost[k] += (int32_t)(c->n + c->n_below);
  return EXSET_OK;
}

/* Members of coarse nodes, in their order. */
static void list_members(join_t *j, int64_t n_coarse) {
  for (int64_t i = 0; i < j->fine->n; i++) j->first[j->node[i] + 1]++;
  for (int64_t c = 0; c < n_coarse; c++) j->first[c + 1] += j->first[c];
  for (int64_t i = 0; i < j->fine->n; i++) j->member[j->first[j->node[i]]++] = (uint32_t)i;
  for (int64_t c = n_coarse; c > 0; c--) j->first[c] = j->first[c - 1];
  j->first[0] = 0;
}

static int64_t coarse_end(const join_t *j, int64_t k) {
  const int64_t col = j->fine->col[k];
  return j->node[col + (col >= j->fine->n)];
}

/* Most edges of the members of one coarse node. */
static int64_t longest_list(const join_t *j, int64_t n_coarse) {
  int64_t longest = 0;
  for (int64_t a = 0; a < n_coarse; a++) {
    int64_t edges = 0;
    for (int64_t m = j->first[a]; m < j->first[a + 1]; m++)
      edges += j->fine->ptr[j->member[m] + 1] - j->fine->ptr[j->member[m]];
    longest = edges > longest ? edges : longest;
  }
  return longest;
}

/* Block and conductance to the electrodes of a coarse node. */
static void coarse_node(const join_t *j, conduct_graph_t *c, int64_t a) {
  double e = 0;
  for (int64_t m = j->first[a]; m < j->first[a + 1]; m++) e += j->fine->e[j->member[m]];
  c->block[a] = parent_of(j->fine->block[j->member[j->first[a]]], j->doublings);
  c->e[a] = (float)(CONDUCT_LEAST * e);
}

/*
 * Coarse nodes, what conducts inside them, and the conductance between them, added up. Sums of floats in double precision are
 * exact but for huge contrasts: both ends of an edge agree.
 */
static void add_up(const join_t *j, conduct_graph_t *c, int64_t *seen, double *sum) {
  const conduct_graph_t *g = j->fine;
  int64_t end = 0;
  for (int64_t b = 0; b < c->n + c->n_below + c->n_above; b++) seen[b] = -1;
  for (int64_t a = 0; a < c->n; a++) {
    const int64_t start = end;
    coarse_node(j, c, a);
    for (int64_t m = j->first[a]; m < j->first[a + 1]; m++) {
      const int64_t i = j->member[m];
      for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++) {
        const int64_t b = coarse_end(j, k);
        if (b == a) {
          if (g->col[k] < i)
            j->inside[axis_between(g->block[i], g->block[g->col[k]])][a] += g->g[k];
          continue;
        }
        if (seen[b] < start) {
          sum[end - start] = 0;
          c->col[end] = (uint32_t)b;
          seen[b] = end++;
        }
        sum[seen[b] - start] += g->g[k];
      }
    }
    for (int64_t k = start; k < end; k++) c->g[k] = (float)sum[k - start];
    c->ptr[a + 1] = end;
  }
}

/* What is between two pieces in series with halves of them. */
static void add_halves(const join_t *j, conduct_graph_t *c) {
  for (int64_t a = 0; a < c->n; a++)
    for (int64_t k = c->ptr[a]; k < c->ptr[a + 1]; k++) {
      const int64_t b = c->col[k];
      const int axis = b < c->n ? axis_between(c->block[a], c->block[b]) : EXSET_AXIS_Z;
      const double across = c->g[k];
      const double halves =
          conduct_half(across, j->inside[axis][a]) + conduct_half(across, j->inside[axis][b]);
      c->g[k] = (float)(across / (1 + halves));
    }
}

static void shrink(void *array_in, size_t bytes) {
  void **array = array_in, *smaller = realloc(*array, bytes ? bytes : 1);
  if (smaller) *array = smaller;
}

/* Everything of the coarse graph but its nodes' numbers. Collective. */
static int coarse_graph(exset_ctx_t *ctx, join_t *j, conduct_graph_t *c, int64_t *seen,
                        void *buffer) {
  double *sum = NULL;
  list_members(j, c->n);
  int err = exset_alloc_unset(ctx, j->crossing, sizeof *c->col, &c->col);
  if (!err) err = exset_alloc_unset(ctx, j->crossing, sizeof *c->g, &c->g);
  if (!err) err = exset_alloc_unset(ctx, longest_list(j, c->n), sizeof *sum, &sum);
  err = exset_agree(ctx, err);
  if (!err) add_up(j, c, seen, sum);
  free(sum);
  EXSET_TRY(err);
  EXSET_TRY(graph_fill_ghosts(ctx, c, MPI_DOUBLE, sizeof(double), j->inside[EXSET_AXIS_Z], buffer));
  add_halves(j, c);
  shrink(&c->col, (size_t)c->ptr[c->n] * sizeof *c->col);
  shrink(&c->g, (size_t)c->ptr[c->n] * sizeof *c->g);
  return EXSET_OK;
}

static int coarsen(exset_ctx_t *ctx, join_t *j, conduct_graph_t *c) {
  const conduct_graph_t *g = j->fine;
  int64_t *seen = NULL;
  int32_t *mark = NULL;
  double *buffer = NULL;
  EXSET_TRY(
      exset_alloc_unset_all(ctx, g->n + 1 + g->n_below + g->n_above, sizeof *j->node, &j->node));
  EXSET_TRY(coarse_nodes(ctx, j, c));
  EXSET_TRY(exset_alloc_unset_all(ctx, c->n, sizeof *mark, &mark));
  for (int64_t a = 0; a < c->n; a++) mark[a] = -1;
  c->down = g->down;
  c->up = g->up;
  int err = coarse_ghosts(ctx, g, c, j->node, mark);
  free(mark);
  EXSET_TRY(err);
  const int64_t all = c->n + c->n_below + c->n_above;
  for (int a = 0; a < 3 && !err; a++)
    err = exset_alloc(ctx, a == EXSET_AXIS_Z ? all : c->n, sizeof(double), &j->inside[a]);
  if (!err) err = exset_alloc(ctx, c->n + 1, sizeof *j->first, &j->first);
  if (!err) err = exset_alloc_unset(ctx, g->n, sizeof *j->member, &j->member);
  if (!err) err = exset_alloc_unset(ctx, all, sizeof *seen, &seen);
  if (!err) err = exset_alloc_unset(ctx, c->n_down + c->n_up, sizeof *buffer, &buffer);
  if (!err) err = exset_alloc(ctx, c->n + 1, sizeof *c->ptr, &c->ptr);
  if (!err) err = exset_alloc_unset(ctx, c->n, sizeof *c->e, &c->e);
  if (!err) err = exset_alloc_unset(ctx, c->n, sizeof *c->block, &c->block);
  err = exset_agree(ctx, err);
  if (!err) err = coarse_graph(ctx, j, c, seen, buffer);
  free(seen);
  free(buffer);
  return err;
}

int graph_coarsen(exset_ctx_t *ctx, const graph_options_t *o, const conduct_graph_t *g,
                  conduct_graph_t *coarse, int32_t **node) {
  join_t j = {.options = o, .fine = g};
  *coarse = (conduct_graph_t){.down = MPI_PROC_NULL, .up = MPI_PROC_NULL};
  const int err = coarsen(ctx, &j, coarse);
  for (int a = 0; a < 3; a++) free(j.inside[a]);
  free(j.first);
  free(j.member);
  *node = j.node;
  return err;
}
