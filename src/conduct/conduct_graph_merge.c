/* Exchange between neighbouring ranks, and merging of thin or small graphs on fewer ranks. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "conduct_graph_impl.h"

enum { TAG_DOWN = 41, TAG_UP, TAG_SIZES, TAG_DATA };

/* ---- neighbours ------------------------------------------------------------------------------- */

int graph_swap_begin(exset_ctx_t *ctx, MPI_Datatype type, const graph_swap_t *s, graph_wait_t *w) {
  const int send_tag[2] = {TAG_DOWN, TAG_UP}, recv_tag[2] = {TAG_UP, TAG_DOWN};
  w->n = 0;
  for (int d = 0; d < 2; d++)
    if (s->rank[d] != MPI_PROC_NULL && s->n_recv[d] > 0)
      EXSET_TRY(EXSET_MPI(ctx, MPI_Irecv(s->recv[d], (int)s->n_recv[d], type, s->rank[d],
                                         recv_tag[d], ctx->comm, &w->request[w->n++])));
  for (int d = 0; d < 2; d++)
    if (s->rank[d] != MPI_PROC_NULL && s->n_send[d] > 0)
      EXSET_TRY(EXSET_MPI(ctx, MPI_Isend(s->send[d], (int)s->n_send[d], type, s->rank[d],
                                         send_tag[d], ctx->comm, &w->request[w->n++])));
  return EXSET_OK;
}

int graph_swap_end(exset_ctx_t *ctx, graph_wait_t *w) {
  const int n = w->n;
  w->n = 0;
  return n == 0 ? EXSET_OK : EXSET_MPI(ctx, MPI_Waitall(n, w->request, MPI_STATUSES_IGNORE));
}

int graph_swap(exset_ctx_t *ctx, MPI_Datatype type, const graph_swap_t *s) {
  graph_wait_t wait;
  EXSET_TRY(graph_swap_begin(ctx, type, s, &wait));
  return graph_swap_end(ctx, &wait);
}

graph_swap_t graph_rim(const conduct_graph_t *g) {
  return (graph_swap_t){
      .rank = {g->down, g->up}, .n_send = {g->n_down, g->n_up}, .n_recv = {g->n_below, g->n_above}};
}

int graph_fill_ghosts(exset_ctx_t *ctx, const conduct_graph_t *g, MPI_Datatype type, size_t item,
                      void *values, void *buffer) {
  const uint32_t *list[2] = {g->send_down, g->send_up};
  const int64_t count[2] = {g->n_down, g->n_up};
  char *v = values, *to = buffer, *ghost = v + (size_t)g->n * item;
  graph_swap_t swap = graph_rim(g);
  for (int d = 0; d < 2; d++) {
    swap.send[d] = to;
    for (int64_t k = 0; k < count[d]; k++, to += item) memcpy(to, v + list[d][k] * item, item);
  }
  swap.recv[GRAPH_DOWN] = ghost;
  swap.recv[GRAPH_UP] = ghost + (size_t)g->n_below * item;
  return graph_swap(ctx, type, &swap);
}

/* ---- who merges ------------------------------------------------------------------------------- */

void graph_group_clear(graph_group_t *group) {
  free(group->rank);
  free(group->offset);
  *group = (graph_group_t){0};
}

static int64_t block_planes(const conduct_graph_t *g) {
  uint64_t low = UINT64_MAX, high = 0;
  for (int64_t i = 0; i < g->n; i++) {
    const uint64_t z = g->block[i] >> 2 * CONDUCT_GRAPH_BITS;
    low = z < low ? z : low;
    high = z > high ? z : high;
  }
  return g->n > 0 ? (int64_t)(high - low) + 1 : 0;
}

/* Ranks with nodes that are merged: all when the graph is small (fewer nodes), two where a slab is thin. shape: [ranks][2] nodes, planes. */
static int group_size(int64_t small, int ranks, const int64_t *shape) {
  int64_t nodes = 0, holders = 0;
  bool thin = false;
  for (int r = 0; r < ranks; r++) {
    nodes += shape[2 * r];
    holders += shape[2 * r] > 0;
    thin |= shape[2 * r] > 0 && shape[2 * r + 1] < 2;
  }
  if (holders < 2) return 1;
  if (nodes < small) return (int)holders;
  return thin ? 2 : 1;
}

/* leader: [ranks], of each one's group. */
static void choose_leaders(int64_t small, int ranks, const int64_t *shape, int *leader) {
  const int size = group_size(small, ranks, shape);
  int place = 0, current = 0;
  for (int r = 0; r < ranks; r++) {
    leader[r] = r;
    if (shape[2 * r] == 0) continue;
    if (place++ % size == 0) current = r;
    leader[r] = current;
  }
}

static int make_group(exset_ctx_t *ctx, const int64_t *shape, const int *leader,
                      graph_group_t *group) {
  *group = (graph_group_t){.leader = leader[ctx->rank], .members = 0};
  for (int r = 0; r < ctx->size; r++) group->members += leader[r] == ctx->rank;
  if (group->members == 0) group->members = 1;
  EXSET_TRY(exset_alloc(ctx, group->members, sizeof *group->rank, &group->rank));
  EXSET_TRY(exset_alloc(ctx, group->members + 1, sizeof *group->offset, &group->offset));
  group->rank[0] = ctx->rank;
  int m = 0;
  for (int r = 0; r < ctx->size; r++) {
    if (leader[r] != ctx->rank) continue;
    group->rank[m] = r;
    group->offset[m + 1] = group->offset[m] + shape[2 * r];
    m++;
  }
  group->merged = group->leader != ctx->rank || group->members > 1;
  return EXSET_OK;
}

/* ---- collecting on the leader ----------------------------------------------------------------- */

typedef struct {
  int64_t edges, n_ghost[2], n_send[2], neighbour[2];
} sizes_t;
enum { SIZES = sizeof(sizes_t) / sizeof(int64_t) };

/* The leader's view of all members. */
typedef struct {
  sizes_t *size;       /* [members] */
  uint32_t **send[2];  /* [members] lists of what goes down and up, of their own nodes */
  int64_t *edge;       /* [members + 1] where their edges begin */
  conduct_graph_t all; /* result */
  int outer[2];        /* member whose ghosts of a side remain, or -1 */
} merge_t;

static sizes_t sizes_of(const conduct_graph_t *g) {
  return (sizes_t){.edges = g->n > 0 ? g->ptr[g->n] : 0,
                   .n_ghost = {g->n_below, g->n_above},
                   .n_send = {g->n_down, g->n_up},
                   .neighbour = {g->down, g->up}};
}

static int send_items(exset_ctx_t *ctx, const void *data, int64_t n, MPI_Datatype type, size_t item,
                      int to) {
  for (int64_t k = 0; k < n; k += INT_MAX / 2) {
    const int count = n - k < INT_MAX / 2 ? (int)(n - k) : INT_MAX / 2;
    EXSET_TRY(EXSET_MPI(ctx, MPI_Send((const char *)data + (size_t)k * item, count, type, to,
                                      TAG_DATA, ctx->comm)));
  }
  return EXSET_OK;
}

static int receive_items(exset_ctx_t *ctx, void *data, int64_t n, MPI_Datatype type, size_t item,
                         int from) {
  for (int64_t k = 0; k < n; k += INT_MAX / 2) {
    const int count = n - k < INT_MAX / 2 ? (int)(n - k) : INT_MAX / 2;
    EXSET_TRY(EXSET_MPI(ctx, MPI_Recv((char *)data + (size_t)k * item, count, type, from, TAG_DATA,
                                      ctx->comm, MPI_STATUS_IGNORE)));
  }
  return EXSET_OK;
}

static int send_graph(exset_ctx_t *ctx, const conduct_graph_t *g, int to) {
  const int64_t edges = g->ptr[g->n];
  EXSET_TRY(send_items(ctx, g->ptr + 1, g->n, MPI_INT64_T, sizeof *g->ptr, to));
  EXSET_TRY(send_items(ctx, g->col, edges, MPI_UINT32_T, sizeof *g->col, to));
  EXSET_TRY(send_items(ctx, g->g, edges, MPI_FLOAT, sizeof *g->g, to));
  EXSET_TRY(send_items(ctx, g->e, g->n, MPI_FLOAT, sizeof *g->e, to));
  EXSET_TRY(send_items(ctx, g->block, g->n, MPI_UINT64_T, sizeof *g->block, to));
  EXSET_TRY(send_items(ctx, g->send_down, g->n_down, MPI_UINT32_T, sizeof *g->send_down, to));
  return send_items(ctx, g->send_up, g->n_up, MPI_UINT32_T, sizeof *g->send_up, to);
}

/* Member m's arrays to their places in those of all. */
static int receive_graph(exset_ctx_t *ctx, merge_t *w, const graph_group_t *group, int m) {
  conduct_graph_t *a = &w->all;
  const int from = group->rank[m];
  const int64_t at = group->offset[m], n = group->offset[m + 1] - at, edge = w->edge[m];
  const sizes_t *s = &w->size[m];
  EXSET_TRY(receive_items(ctx, a->ptr + at + 1, n, MPI_INT64_T, sizeof *a->ptr, from));
  EXSET_TRY(receive_items(ctx, a->col + edge, s->edges, MPI_UINT32_T, sizeof *a->col, from));
  EXSET_TRY(receive_items(ctx, a->g + edge, s->edges, MPI_FLOAT, sizeof *a->g, from));
  EXSET_TRY(receive_items(ctx, a->e + at, n, MPI_FLOAT, sizeof *a->e, from));
  EXSET_TRY(receive_items(ctx, a->block + at, n, MPI_UINT64_T, sizeof *a->block, from));
  for (int d = 0; d < 2; d++)
    EXSET_TRY(
        receive_items(ctx, w->send[d][m], s->n_send[d], MPI_UINT32_T, sizeof(uint32_t), from));
  return EXSET_OK;
}

/* Lists of no items may be NULL, which memcpy must not be given. */
static void copy(void *to, const void *from, size_t bytes) {
  if (bytes > 0) memcpy(to, from, bytes);
}

static void copy_own(merge_t *w, const conduct_graph_t *g) {
  conduct_graph_t *a = &w->all;
  const size_t n = (size_t)g->n, edges = (size_t)g->ptr[g->n];
  memcpy(a->ptr, g->ptr, (n + 1) * sizeof *a->ptr);
  memcpy(a->col, g->col, edges * sizeof *a->col);
  memcpy(a->g, g->g, edges * sizeof *a->g);
  memcpy(a->e, g->e, n * sizeof *a->e);
  memcpy(a->block, g->block, n * sizeof *a->block);
  copy(w->send[0][0], g->send_down, (size_t)g->n_down * sizeof(uint32_t));
  copy(w->send[1][0], g->send_up, (size_t)g->n_up * sizeof(uint32_t));
}

static int member_of(const graph_group_t *group, int64_t rank) {
  for (int m = 0; m < group->members; m++)
    if (group->rank[m] == rank) return m;
  return -1;
}

/* The one member whose ghosts of a side are nodes of other groups. */
static void find_outer(const graph_group_t *group, merge_t *w) {
  for (int d = 0; d < 2; d++) {
    w->outer[d] = -1;
    for (int m = 0; m < group->members; m++)
      if (w->size[m].n_ghost[d] > 0 && member_of(group, w->size[m].neighbour[d]) < 0)
        w->outer[d] = m;
  }
}

static int alloc_merge(exset_ctx_t *ctx, const graph_group_t *group, merge_t *w) {
  conduct_graph_t *a = &w->all;
  const int members = group->members;
  EXSET_TRY(exset_alloc(ctx, members + 1, sizeof *w->edge, &w->edge));
  for (int m = 0; m < members; m++) w->edge[m + 1] = w->edge[m] + w->size[m].edges;
  for (int d = 0; d < 2; d++) {
    EXSET_TRY(exset_alloc(ctx, members, sizeof *w->send[d], &w->send[d]));
    for (int m = 0; m < members; m++)
      EXSET_TRY(exset_alloc(ctx, w->size[m].n_send[d], sizeof(uint32_t), &w->send[d][m]));
  }
  a->n = group->offset[members];
  EXSET_TRY(exset_alloc(ctx, a->n + 1, sizeof *a->ptr, &a->ptr));
  EXSET_TRY(exset_alloc_unset(ctx, w->edge[members], sizeof *a->col, &a->col));
  EXSET_TRY(exset_alloc_unset(ctx, w->edge[members], sizeof *a->g, &a->g));
  EXSET_TRY(exset_alloc_unset(ctx, a->n, sizeof *a->e, &a->e));
  EXSET_TRY(exset_alloc_unset(ctx, a->n, sizeof *a->block, &a->block));
  find_outer(group, w);
  const int64_t down = w->outer[0] < 0 ? 0 : w->size[w->outer[0]].n_send[0];
  const int64_t up = w->outer[1] < 0 ? 0 : w->size[w->outer[1]].n_send[1];
  EXSET_TRY(exset_alloc(ctx, down, sizeof *a->send_down, &a->send_down));
  return exset_alloc(ctx, up, sizeof *a->send_up, &a->send_up);
}

static void free_merge(int members, merge_t *w) {
  for (int d = 0; d < 2; d++) {
    for (int m = 0; m < members && w->send[d]; m++) free(w->send[d][m]);
    free(w->send[d]);
  }
  free(w->size);
  free(w->edge);
  conduct_graph_clear(&w->all);
}

/* Number of member m's neighbour `col` in the graph of all. */
static uint32_t common_number(const merge_t *w, const graph_group_t *group, int m, int64_t col) {
  const int64_t n = group->offset[m + 1] - group->offset[m];
  if (col < n) return (uint32_t)(group->offset[m] + col);
  const sizes_t *s = &w->size[m];
  const int d = col - n >= s->n_ghost[GRAPH_DOWN];
  const int64_t k = col - n - (d ? s->n_ghost[GRAPH_DOWN] : 0);
  const int other = member_of(group, s->neighbour[d]);
  if (other >= 0) return (uint32_t)(group->offset[other] + w->send[1 - d][other][k]);
  return (uint32_t)(w->all.n + (d ? w->all.n_below : 0) + k);
}

/* Numbers of all nodes and ghosts in the graph of all; rim towards other groups. leader: [ranks]. */
static void number_all(const graph_group_t *group, const int *leader, merge_t *w) {
  conduct_graph_t *a = &w->all;
  int64_t *n_ghost[2] = {&a->n_below, &a->n_above}, *n_send[2] = {&a->n_down, &a->n_up};
  uint32_t *send[2] = {a->send_down, a->send_up};
  int *rank[2] = {&a->down, &a->up};
  for (int d = 0; d < 2; d++) {
    const int m = w->outer[d];
    *rank[d] = m < 0 ? MPI_PROC_NULL : leader[w->size[m].neighbour[d]];
    *n_ghost[d] = m < 0 ? 0 : w->size[m].n_ghost[d];
    *n_send[d] = m < 0 ? 0 : w->size[m].n_send[d];
    for (int64_t k = 0; k < *n_send[d]; k++)
      send[d][k] = (uint32_t)(group->offset[m] + w->send[d][m][k]);
  }
  for (int m = 0; m < group->members; m++) {
    for (int64_t i = group->offset[m]; i < group->offset[m + 1]; i++) a->ptr[i + 1] += w->edge[m];
    for (int64_t k = w->edge[m]; k < w->edge[m + 1]; k++)
      a->col[k] = common_number(w, group, m, a->col[k]);
  }
}

/* What a leader does. */
static int collect(exset_ctx_t *ctx, conduct_graph_t *g, const graph_group_t *group,
                   const int *leader, merge_t *w) {
  copy_own(w, g);
  for (int m = 1; m < group->members; m++) EXSET_TRY(receive_graph(ctx, w, group, m));
  number_all(group, leader, w);
  conduct_graph_clear(g);
  *g = w->all;
  w->all = (conduct_graph_t){0};
  return EXSET_OK;
}

static int exchange_sizes(exset_ctx_t *ctx, const conduct_graph_t *g, const graph_group_t *group,
                          sizes_t *size) {
  size[0] = sizes_of(g);
  if (group->leader != ctx->rank)
    return EXSET_MPI(ctx, MPI_Send(size, SIZES, MPI_INT64_T, group->leader, TAG_SIZES, ctx->comm));
  for (int m = 1; m < group->members; m++)
    EXSET_TRY(EXSET_MPI(ctx, MPI_Recv(&size[m], SIZES, MPI_INT64_T, group->rank[m], TAG_SIZES,
                                      ctx->comm, MPI_STATUS_IGNORE)));
  return EXSET_OK;
}

/* The neighbours of a graph that stays as it is may merge. */
static void follow_neighbours(conduct_graph_t *g, const int *leader) {
  if (g->down != MPI_PROC_NULL) g->down = leader[g->down];
  if (g->up != MPI_PROC_NULL) g->up = leader[g->up];
}

/* Neighbours that nothing is exchanged with are none. */
static void forget_neighbours(conduct_graph_t *g) {
  if (g->n_below == 0 && g->n_down == 0) g->down = MPI_PROC_NULL;
  if (g->n_above == 0 && g->n_up == 0) g->up = MPI_PROC_NULL;
}

static int merge(exset_ctx_t *ctx, const graph_options_t *o, conduct_graph_t *g,
                 graph_group_t *group, int64_t *shape, int *leader) {
  merge_t w = {0};
  shape[2 * ctx->rank] = g->n;
  shape[2 * ctx->rank + 1] = block_planes(g);
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, shape, 2, MPI_INT64_T, ctx->comm)));
  const int64_t small = o->merge_nodes > GRAPH_TINY ? o->merge_nodes : GRAPH_TINY + 1;
  choose_leaders(small, ctx->size, shape, leader);
  forget_neighbours(g);
  EXSET_TRY(exset_agree(ctx, make_group(ctx, shape, leader, group)));
  EXSET_TRY(exset_alloc_all(ctx, group->members, sizeof *w.size, &w.size));
  const bool leads = group->leader == ctx->rank, ring = g->down == ctx->rank || g->up == ctx->rank;
  int err = exchange_sizes(ctx, g, group, w.size);
  if (!err)
    err = exset_agree(ctx, leads && (group->merged || ring) ? alloc_merge(ctx, group, &w) : 0);
  if (!err && leads && !group->merged && !ring) follow_neighbours(g, leader);
  if (!err && leads && (group->merged || ring)) err = collect(ctx, g, group, leader, &w);
  if (!err && !leads) {
    err = send_graph(ctx, g, group->leader);
    conduct_graph_clear(g);
  }
  free_merge(group->members, &w);
  return err;
}

int graph_merge(exset_ctx_t *ctx, const graph_options_t *o, conduct_graph_t *g,
                graph_group_t *group) {
  int64_t *shape = NULL;
  int *leader = NULL;
  int err = exset_alloc(ctx, 2 * (int64_t)ctx->size, sizeof *shape, &shape);
  if (!err) err = exset_alloc(ctx, ctx->size, sizeof *leader, &leader);
  err = exset_agree(ctx, err);
  if (!err) err = merge(ctx, o, g, group, shape, leader);
  free(shape);
  free(leader);
  return err;
}
