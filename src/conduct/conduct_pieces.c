/* The first aggregates: connected pieces of blocks of 2 x 2 x 2 cells, and the graph they form. */
#include <stdlib.h>
#include <string.h>

#include "conduct_mg.h"

#define NO_PIECE UINT32_MAX

/* Pieces of a block: their number, and which one each cell belongs to. */
typedef struct {
  uint8_t n, of[8];
} pieces_t;

typedef struct {
  const conduct_system_t *s;
  conduct_graph_t *graph;
  bool *strong;              /* [3][n_classes][n_classes] */
  bool all_strong;           /* between conducting cells */
  pieces_t by_cells[256];    /* then: for each set of conducting cells */
  uint32_t *piece;           /* [nz][ny][nx] with halo: node of each cell */
  float *inside[3];          /* [nodes]: sum of the conductances along z, y, x inside a piece */
  float *ghost;              /* [ghosts]: the same along z of the neighbours' nodes */
  int64_t capacity, edges;   /* of node arrays; of edge arrays */
  int64_t blocks[3], block0; /* of this rank; number of its first layer of blocks */
} build_t;

/* Cells of a block in the order z, y, x: position and class; class 0 outside the box. */
typedef struct {
  int64_t z, y, x; /* of the first cell */
  uint8_t code[8];
  uint32_t piece[8];
} block_t;

static int64_t block_cell(const conduct_system_t *s, const block_t *b, int k) {
  return (b->z + (k >> 2)) * s->plane + (b->y + (k >> 1 & 1)) * s->nx + b->x + (k & 1);
}

static bool block_read(const build_t *t, int64_t bz, int64_t by, int64_t bx, block_t *b) {
  const conduct_system_t *s = t->s;
  bool some = false;
  *b = (block_t){.z = 2 * bz, .y = 2 * by, .x = 2 * bx};
  for (int k = 0; k < 8; k++) {
    const bool here =
        b->z + (k >> 2) < s->nz && b->y + (k >> 1 & 1) < s->ny && b->x + (k & 1) < s->nx;
    b->code[k] = here ? s->code[block_cell(s, b, k)] : 0;
    some |= b->code[k] != 0;
  }
  return some;
}

/* The twelve pairs of neighbours in a block: the second cell is the first one plus 4, 2 or 1 along z, y, x. */
static const uint8_t pair_first[3][4] = {{0, 1, 2, 3}, {0, 1, 4, 5}, {0, 2, 4, 6}};
static const uint8_t pair_step[3] = {4, 2, 1};

static void find_strong(build_t *t) {
  const conduct_system_t *s = t->s;
  const int n = s->n_classes;
  t->all_strong = true;
  for (int i = 1; i < n; i++)
    for (int j = 1; j < n; j++) {
      double most = 0;
      for (int a = 0; a < 3; a++) {
        const double own = conduct_g(s, a, (uint8_t)i, (uint8_t)i);
        const double other = conduct_g(s, a, (uint8_t)j, (uint8_t)j);
        most = own > most ? own : most;
        most = other > most ? other : most;
      }
      for (int a = 0; a < 3; a++) {
        const bool strong = conduct_g(s, a, (uint8_t)i, (uint8_t)j) >= CONDUCT_STRONG * most;
        t->strong[(a * n + i) * n + j] = strong;
        t->all_strong &= strong;
      }
    }
}

/* Pieces of cells of these classes. */
static pieces_t find_pieces(const build_t *t, const uint8_t code[8]) {
  const int n = t->s->n_classes;
  uint8_t root[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  pieces_t p = {0, {0}};
  for (int a = 0; a < 3; a++)
    for (int pair = 0; pair < 4; pair++) {
      const int i = pair_first[a][pair], j = i + pair_step[a];
      if (!code[i] || !code[j] || !t->strong[(a * n + code[i]) * n + code[j]]) continue;
      const uint8_t low = root[i] < root[j] ? root[i] : root[j];
      const uint8_t high = root[i] < root[j] ? root[j] : root[i];
      for (int k = 0; k < 8; k++)
        if (root[k] == high) root[k] = low;
    }
  for (int k = 0; k < 8; k++)
    if (code[k]) p.of[k] = root[k] == k ? p.n++ : p.of[root[k]];
  return p;
}

/* Where all conducting cells couple strongly only the set of them matters. */
static void find_all_pieces(build_t *t) {
  for (int set = 0; set < 256; set++) {
    uint8_t code[8];
    for (int k = 0; k < 8; k++) code[k] = set >> k & 1;
    t->by_cells[set] = find_pieces(t, code);
  }
}

/* Number the pieces of a block from 0 on; their number. */
static int block_pieces(const build_t *t, block_t *b) {
  int set = 0;
  for (int k = 0; k < 8; k++) set |= (b->code[k] != 0) << k;
  const pieces_t p = t->all_strong ? t->by_cells[set] : find_pieces(t, b->code);
  for (int k = 0; k < 8; k++) b->piece[k] = b->code[k] ? p.of[k] : NO_PIECE;
  return p.n;
}

static int grow(exset_ctx_t *ctx, int64_t count, size_t item, void *pointer) {
  void *old, *more;
  memcpy(&old, pointer, sizeof old);
  more = realloc(old, (size_t)count * item);
  if (!more) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory on rank %d", ctx->rank);
  memcpy(pointer, &more, sizeof more);
  return EXSET_OK;
}

/* Nodes and ghosts of a level are numbered in int32_t, one more stands for what does not exist. */
static int check_number(const build_t *t, int64_t nodes) {
  if (nodes < INT32_MAX) return EXSET_OK;
  return exset_fail(t->s->ctx, EXSET_ERR_RUN,
                    "2^31 pieces in the slab of rank %d and beside it: use more ranks",
                    t->s->ctx->rank);
}

static int add_nodes(build_t *t, int n) {
  conduct_graph_t *g = t->graph;
  exset_ctx_t *ctx = t->s->ctx;
  EXSET_TRY(check_number(t, g->n + n));
  if (g->n + n >= t->capacity) { /* some even where there are none */
    t->capacity = t->capacity + t->capacity / 2 + 1024;
    for (int a = 0; a < 3; a++)
      EXSET_TRY(grow(ctx, t->capacity, sizeof *t->inside[a], &t->inside[a]));
    EXSET_TRY(grow(ctx, t->capacity, sizeof *g->e, &g->e));
    EXSET_TRY(grow(ctx, t->capacity, sizeof *g->block, &g->block));
  }
  for (int k = 0; k < n; k++, g->n++) {
    for (int a = 0; a < 3; a++) t->inside[a][g->n] = 0;
    g->e[g->n] = 0;
  }
  return EXSET_OK;
}

/* Nodes of one block: what is inside them, what leads from them to electrodes. */
static int block_nodes(build_t *t, block_t *b, uint64_t number) {
  const conduct_system_t *s = t->s;
  conduct_graph_t *g = t->graph;
  const int64_t first = g->n;
  EXSET_TRY(add_nodes(t, block_pieces(t, b)));
  for (int64_t k = first; k < g->n; k++) g->block[k] = number;
  for (int k = 0; k < 8; k++) {
    if (b->piece[k] == NO_PIECE) continue;
    b->piece[k] += (uint32_t)first;
    t->piece[block_cell(s, b, k)] = b->piece[k];
    for (int side = 0; side < 2 && !s->periodic; side++) /* twice as far from a coarse centre */
      g->e[b->piece[k]] +=
          (float)(CONDUCT_LEAST * conduct_electrode(s, side, b->z + (k >> 2), b->y + (k >> 1 & 1),
                                                    b->x + (k & 1), b->code[k]));
  }
  for (int a = 0; a < 3; a++)
    for (int p = 0; p < 4; p++) {
      const int i = pair_first[a][p], j = i + pair_step[a];
      if (b->piece[i] != NO_PIECE && b->piece[i] == b->piece[j])
        t->inside[a][b->piece[i]] += (float)conduct_g(s, a, b->code[i], b->code[j]);
    }
  return EXSET_OK;
}

static int all_nodes(build_t *t) {
  block_t b;
  EXSET_TRY(add_nodes(t, 0));
  for (int64_t bz = 0; bz < t->blocks[0]; bz++)
    for (int64_t by = 0; by < t->blocks[1]; by++)
      for (int64_t bx = 0; bx < t->blocks[2]; bx++)
        if (block_read(t, bz, by, bx, &b))
          EXSET_TRY(block_nodes(t, &b, conduct_graph_block(t->block0 + bz, by, bx)));
  return EXSET_OK;
}

/* ---- neighbouring slabs ------------------------------------------------------------------------ */

/* Nodes of a plane that have a neighbour across the slab's face, in the order of their first cells: list [n], and their numbers in
 * it take the place of the plane's when renumber is set, after `base`. */
static int face_nodes(const build_t *t, uint32_t *plane, const uint8_t *code, const uint8_t *across,
                      int64_t base, bool renumber, uint32_t **list, int64_t *n) {
  const conduct_system_t *s = t->s;
  uint32_t low = NO_PIECE, high = 0, *number = NULL;
  for (int64_t i = 0; i < s->plane; i++) {
    if (!code[i] || !across[i]) continue;
    low = plane[i] < low ? plane[i] : low;
    high = plane[i] > high ? plane[i] : high;
  }
  *n = 0;
  if (low == NO_PIECE) return EXSET_OK;
  EXSET_TRY(exset_alloc(s->ctx, (int64_t)high - low + 1, sizeof *number, &number));
  const int err = exset_alloc(s->ctx, (int64_t)high - low + 1, sizeof **list, list);
  for (int64_t i = 0; !err && i < s->plane; i++) {
    if (!code[i] || !across[i]) continue;
    uint32_t *own = &number[plane[i] - low];
    if (*own == 0) {
      (*list)[(*n)++] = plane[i];
      *own = (uint32_t)*n;
    }
    if (renumber) plane[i] = (uint32_t)(base + *own - 1);
  }
  free(number);
  return err;
}

/* Ghosts and lists of what is sent. The planes beside the slab get the ghosts' numbers. */
static int link_slabs(build_t *t) {
  const conduct_system_t *s = t->s;
  conduct_graph_t *g = t->graph;
  const int64_t end = s->nz * s->plane, top = end - s->plane;
  uint32_t *list = NULL;
  g->down = g->up = MPI_PROC_NULL;
  if (s->nz == 0 || s->down == s->ctx->rank) return EXSET_OK; /* a ring of one: nodes of its own */
  g->down = s->down;
  g->up = s->up;
  EXSET_TRY(
      face_nodes(t, t->piece, s->code, s->code - s->plane, 0, false, &g->send_down, &g->n_down));
  EXSET_TRY(
      face_nodes(t, t->piece + top, s->code + top, s->code + end, 0, false, &g->send_up, &g->n_up));
  int err = face_nodes(t, t->piece - s->plane, s->code - s->plane, s->code, g->n, true, &list,
                       &g->n_below);
  free(list);
  list = NULL;
  if (!err)
    err = face_nodes(t, t->piece + end, s->code + end, s->code + top, g->n + g->n_below, true,
                     &list, &g->n_above);
  free(list);
  return err ? err : check_number(t, g->n + g->n_below + g->n_above);
}

/* What is inside the ghosts along z. */
static int exchange_inside(build_t *t) {
  enum { TAG_UP = 41, TAG_DOWN = 42 };
  const conduct_graph_t *g = t->graph;
  exset_ctx_t *ctx = t->s->ctx;
  float *down = NULL, *up = NULL;
  int err = exset_alloc(ctx, g->n_below + g->n_above, sizeof *t->ghost, &t->ghost);
  if (!err) err = exset_alloc(ctx, g->n_down, sizeof *down, &down);
  if (!err) err = exset_alloc(ctx, g->n_up, sizeof *up, &up);
  err = exset_agree(ctx, err);
  for (int64_t k = 0; !err && k < g->n_down; k++) down[k] = t->inside[0][g->send_down[k]];
  for (int64_t k = 0; !err && k < g->n_up; k++) up[k] = t->inside[0][g->send_up[k]];
  if (!err)
    err = EXSET_MPI(
        ctx, MPI_Sendrecv(up, (int)g->n_up, MPI_FLOAT, g->up, TAG_UP, t->ghost, (int)g->n_below,
                          MPI_FLOAT, g->down, TAG_UP, ctx->comm, MPI_STATUS_IGNORE));
  if (!err)
    err = EXSET_MPI(ctx, MPI_Sendrecv(down, (int)g->n_down, MPI_FLOAT, g->down, TAG_DOWN,
                                      t->ghost + g->n_below, (int)g->n_above, MPI_FLOAT, g->up,
                                      TAG_DOWN, ctx->comm, MPI_STATUS_IGNORE));
  free(down);
  free(up);
  return err;
}

/* ---- edges -------------------------------------------------------------------------------------- */

/* Edges of one piece while they are collected: at most three faces of each of eight cells. */
typedef struct {
  int n;
  uint32_t to[24];
  uint8_t axis[24];
  double g[24];
} edges_t;

static void collect(edges_t *e, uint32_t to, int axis, double g) {
  int k = 0;
  while (k < e->n && e->to[k] != to) k++;
  if (k == e->n) {
    e->to[e->n] = to;
    e->axis[e->n] = (uint8_t)axis;
    e->g[e->n++] = 0;
  }
  if (axis < e->axis[k]) e->axis[k] = (uint8_t)axis; /* the same one from both ends */
  e->g[k] += g;
}

static int store(build_t *t, uint32_t from, const edges_t *e) {
  conduct_graph_t *g = t->graph;
  exset_ctx_t *ctx = t->s->ctx;
  int64_t k = g->ptr[from];
  if (k + e->n >= t->edges) {
    t->edges = t->edges + t->edges / 2 + 1024;
    EXSET_TRY(grow(ctx, t->edges, sizeof *g->col, &g->col));
    EXSET_TRY(grow(ctx, t->edges, sizeof *g->g, &g->g));
  }
  for (int i = 0; i < e->n; i++, k++) {
    const int a = e->axis[i];
    const uint32_t to = e->to[i];
    const double other = to < g->n ? t->inside[a][to] : t->ghost[to - g->n];
    const double halves = conduct_half(e->g[i], t->inside[a][from]) + conduct_half(e->g[i], other);
    g->col[k] = to;
    g->g[k] = (float)(e->g[i] / (1 + halves));
  }
  g->ptr[from + 1] = k;
  return EXSET_OK;
}

/* Faces of one cell that lead to other pieces. */
static void cell_edges(const build_t *t, int64_t z, int64_t y, int64_t x, edges_t *e) {
  const conduct_system_t *s = t->s;
  const int64_t k = z * s->plane + y * s->nx + x;
  const int64_t wrap[3] = {0, s->periodic ? s->plane : 0, s->periodic ? s->nx : 0};
  const int64_t to[6] = {k - s->plane,
                         k + s->plane,
                         y > 0 ? k - s->nx : k - s->nx + wrap[1],
                         y < s->ny - 1 ? k + s->nx : k + s->nx - wrap[1],
                         x > 0 ? k - 1 : k - 1 + wrap[2],
                         x < s->nx - 1 ? k + 1 : k + 1 - wrap[2]};
  const bool outside[6] = {false, false, y == 0, y == s->ny - 1, x == 0, x == s->nx - 1};
  /* inside a block only weak edges lead to other pieces */
  const bool inside[6] = {z % 2, z % 2 == 0 && z < s->nz - 1, y % 2, y % 2 == 0 && y < s->ny - 1,
                          x % 2, x % 2 == 0 && x < s->nx - 1};
  for (int f = 0; f < 6; f++) {
    if ((outside[f] && !s->periodic) || (inside[f] && t->all_strong)) continue;
    if (!s->code[to[f]] || t->piece[to[f]] == t->piece[k]) continue;
    collect(e, t->piece[to[f]], f / 2, conduct_g(s, f / 2, s->code[k], s->code[to[f]]));
  }
}

static int block_edges(build_t *t, block_t *b, int64_t *node) {
  const int n = block_pieces(t, b);
  for (int piece = 0; piece < n; piece++, (*node)++) {
    edges_t e;
    e.n = 0;
    for (int k = 0; k < 8; k++)
      if (b->piece[k] == (uint32_t)piece)
        cell_edges(t, b->z + (k >> 2), b->y + (k >> 1 & 1), b->x + (k & 1), &e);
    EXSET_TRY(store(t, (uint32_t)*node, &e));
  }
  return EXSET_OK;
}

static int all_edges(build_t *t) {
  block_t b;
  int64_t node = 0;
  EXSET_TRY(exset_alloc(t->s->ctx, t->graph->n + 1, sizeof *t->graph->ptr, &t->graph->ptr));
  for (int64_t bz = 0; bz < t->blocks[0]; bz++)
    for (int64_t by = 0; by < t->blocks[1]; by++)
      for (int64_t bx = 0; bx < t->blocks[2]; bx++)
        if (block_read(t, bz, by, bx, &b)) EXSET_TRY(block_edges(t, &b, &node));
  return EXSET_OK;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static int black_parents(const build_t *t, uint32_t **parent) {
  const conduct_system_t *s = t->s;
  EXSET_TRY(exset_alloc(s->ctx, s->nz * s->packed, sizeof **parent, parent));
  for (int64_t z = 0; z < s->nz; z++)
    for (int64_t y = 0; y < s->ny; y++) {
      const int shift = conduct_shift(s, z, y, BLACK);
      const uint32_t *piece = t->piece + z * s->plane + y * s->nx;
      uint32_t *row = *parent + z * s->packed + y * s->half;
      for (int64_t i = 0; i < s->half; i++) {
        const int64_t x = 2 * i + shift;
        row[i] = x < s->nx && piece[x] != NO_PIECE ? piece[x] : (uint32_t)t->graph->n;
      }
    }
  return EXSET_OK;
}

static int prepare(build_t *t) {
  const conduct_system_t *s = t->s;
  const int64_t layers = (s->nz + 1) / 2;
  t->blocks[0] = layers;
  t->blocks[1] = (s->ny + 1) / 2;
  t->blocks[2] = (s->nx + 1) / 2;
  int err = exset_alloc(s->ctx, exset_mul3(3, s->n_classes, s->n_classes), 1, &t->strong);
  if (!err)
    err = conduct_alloc_slab(s->ctx, s->nz, s->plane, CONDUCT_HALO, sizeof *t->piece, &t->piece);
  EXSET_TRY(exset_agree(s->ctx, err));
  memset(t->piece - CONDUCT_HALO * s->plane, 0xff,
         (size_t)((s->nz + 2 * CONDUCT_HALO) * s->plane) * sizeof *t->piece);
  find_strong(t);
  if (t->all_strong) find_all_pieces(t);
  EXSET_TRY(
      EXSET_MPI(s->ctx, MPI_Exscan(&layers, &t->block0, 1, MPI_INT64_T, MPI_SUM, s->ctx->comm)));
  if (s->ctx->rank == 0) t->block0 = 0;
  return EXSET_OK;
}

static int build(build_t *t, uint32_t **parent) {
  const conduct_system_t *s = t->s;
  const int64_t last = s->nz > 1 ? s->nz - 2 : 0;
  EXSET_TRY(prepare(t));
  EXSET_TRY(exset_agree(s->ctx, all_nodes(t)));
  EXSET_TRY(conduct_halo(s, MPI_UINT32_T, s->plane, t->piece, t->piece + last * s->plane,
                         t->piece - CONDUCT_HALO * s->plane, t->piece + s->nz * s->plane));
  EXSET_TRY(exset_agree(s->ctx, link_slabs(t)));
  EXSET_TRY(exchange_inside(t));
  int err = all_edges(t);
  if (!err) err = black_parents(t, parent);
  return exset_agree(s->ctx, err);
}

int conduct_pieces(const conduct_system_t *s, conduct_graph_t *graph, uint32_t **parent) {
  build_t t = {.s = s, .graph = graph};
  *graph = (conduct_graph_t){0};
  const int err = build(&t, parent);
  free(t.strong);
  conduct_free_slab(t.piece, s->plane, CONDUCT_HALO, sizeof *t.piece);
  for (int a = 0; a < 3; a++) free(t.inside[a]);
  free(t.ghost);
  if (err) conduct_graph_clear(graph);
  return err;
}
