/* One level: its rows in the order and form in which the cycle works on them; the coarsest one's factors. */
#include <stdlib.h>
#include <string.h>

#include "conduct_graph_impl.h"

enum {
  WINDOW = 1024,
  LONGEST = 64
}; /* rows sorted by length at a time; longer ones count as that */

/* ---- ghosts in the order of colours ----------------------------------------------------------- */

static uint8_t colour_of(uint64_t block) {
  return (block ^ block >> CONDUCT_GRAPH_BITS ^ block >> 2 * CONDUCT_GRAPH_BITS) & 1;
}

/* New places of a list's items, those of colour 0 first. */
static void partition(int64_t n, const uint8_t *colour, int64_t *place, int64_t count[2]) {
  count[0] = count[1] = 0;
  for (int64_t k = 0; k < n; k++) count[colour[k]]++;
  int64_t next[2] = {0, count[0]};
  for (int64_t k = 0; k < n; k++) place[k] = next[colour[k]]++;
}

static int side_of(exset_ctx_t *ctx, const conduct_graph_t *g, int d, const uint8_t *send_colour,
                   int64_t *place, graph_side_t *side) {
  const int64_t n = d ? g->n_up : g->n_down;
  const uint32_t *list = d ? g->send_up : g->send_down;
  side->rank = d ? g->up : g->down;
  side->first = g->n + 1 + (d ? g->n_below : 0);
  EXSET_TRY(exset_alloc(ctx, n, sizeof *side->send, &side->send));
  partition(n, send_colour, place, side->n_send);
  for (int64_t k = 0; k < n; k++) side->send[place[k]] = list[k];
  return EXSET_OK;
}

/* colour: of nodes, and of ghosts in their old order, which becomes the new one. place: [ghosts]. */
static void renumber_ghosts(conduct_graph_t *g, graph_level_t *l, uint8_t *colour, int64_t *place) {
  const int64_t ghosts = g->n_below + g->n_above;
  partition(g->n_below, colour + g->n, place, l->side[GRAPH_DOWN].n_recv);
  partition(g->n_above, colour + g->n + g->n_below, place + g->n_below, l->side[GRAPH_UP].n_recv);
  for (int64_t k = g->n_below; k < ghosts; k++) place[k] += g->n_below;
  for (int64_t k = 0; k < g->ptr[g->n] && ghosts > 0; k++)
    if (g->col[k] >= g->n) g->col[k] = (uint32_t)(g->n + place[g->col[k] - g->n]);
  int64_t at = g->n;
  for (int d = 0; d < 2; d++)
    for (int c = 0; c < 2; c++)
      for (int64_t k = 0; k < l->side[d].n_recv[c]; k++) colour[at++] = (uint8_t)c;
  for (int d = 0; d < 2; d++) {
    uint32_t *list = d ? g->send_up : g->send_down;
    const int64_t n = d ? g->n_up : g->n_down;
    for (int64_t k = 0; k < n; k++) list[k] = l->side[d].send[k];
  }
}

int graph_order_ghosts(exset_ctx_t *ctx, conduct_graph_t *g, graph_level_t *l,
                       uint8_t **colour_out) {
  const int64_t ghosts = g->n_below + g->n_above, sent = g->n_down + g->n_up;
  uint8_t *colour = NULL, *buffer = NULL;
  int64_t *place = NULL;
  int err = EXSET_OK;
  if (g->n + ghosts >= INT32_MAX)
    err = exset_fail(ctx, EXSET_ERR_RUN,
                     "more than 2^31 pieces of the conducting phase on one rank: use more ranks");
  if (!err) err = exset_alloc_unset(ctx, g->n + ghosts, 1, &colour);
  if (!err) err = exset_alloc_unset(ctx, sent, 1, &buffer);
  if (!err) err = exset_alloc_unset(ctx, ghosts > sent ? ghosts : sent, sizeof *place, &place);
  err = exset_agree(ctx, err);
  if (!err) {
    for (int64_t i = 0; i < g->n; i++) colour[i] = colour_of(g->block[i]);
    err = graph_fill_ghosts(ctx, g, MPI_UINT8_T, 1, colour, buffer);
  }
  if (!err) {
    err = side_of(ctx, g, GRAPH_DOWN, buffer, place, &l->side[GRAPH_DOWN]);
    if (!err) err = side_of(ctx, g, GRAPH_UP, buffer + g->n_down, place, &l->side[GRAPH_UP]);
    err = exset_agree(ctx, err);
  }
  if (!err && g->n > 0) renumber_ghosts(g, l, colour, place);
  free(buffer);
  free(place);
  *colour_out = colour;
  return err;
}

/* ---- rows ------------------------------------------------------------------------------------- */

static int64_t length_of(const conduct_graph_t *g, int64_t i) {
  return g->ptr[i + 1] - g->ptr[i];
}

/* Column of a neighbour in arrays that have a node that does not exist after node n - 1. */
static int32_t column(const conduct_graph_t *g, uint32_t col) {
  return (int32_t)(col + (col >= g->n));
}

enum { TAIL = GRAPH_KINDS };

/* Where a node belongs. side: of the level, to mark those with edges that join nodes of one colour. */
static uint8_t kind_of(const conduct_graph_t *g, const uint8_t *colour, int64_t i,
                       graph_side_t *side) {
  uint8_t kind = GRAPH_INNER;
  for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++) {
    const int64_t j = g->col[k];
    if (j >= g->n && kind == GRAPH_INNER) kind = GRAPH_RIM;
    if (colour[j] != colour[i] || j == i) continue;
    kind = TAIL;
    if (j >= g->n) side[j - g->n >= g->n_below].same = true;
  }
  return kind;
}

/* Conductance of a row to nodes of its colour on other ranks. */
static double same_elsewhere(const conduct_graph_t *g, const uint8_t *colour, int64_t i) {
  double sum = 0;
  for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++)
    if (g->col[k] >= g->n && colour[g->col[k]] == colour[i]) sum += g->g[k];
  return sum;
}

/* 1 / (diagonal + extra), 0 for nodes without any conductance. */
static float inverse_of(const conduct_graph_t *g, int64_t i, double extra) {
  double sum = g->e[i] + extra;
  for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++) sum += g->col[k] == i ? 0 : g->g[k];
  return sum > 0 ? (float)(1 / sum) : 0;
}

/* Sort nodes by the number of their edges, longest first, a window at a time: `to` gets node[0..n). */
static void sort_window(const conduct_graph_t *g, int64_t n, const int32_t *node, int32_t *to) {
  int64_t next[LONGEST + 2] = {0};
  for (int64_t k = 0; k < n; k++) {
    const int64_t length = length_of(g, node[k]);
    next[LONGEST + 1 - (length < LONGEST ? length : LONGEST)]++;
  }
  for (int b = 0; b <= LONGEST; b++) next[b + 1] += next[b];
  for (int64_t k = n - 1; k >= 0; k--) {
    const int64_t length = length_of(g, node[k]);
    to[--next[LONGEST + 1 - (length < LONGEST ? length : LONGEST)]] = node[k];
  }
}

static int alloc_rows(exset_ctx_t *ctx, const conduct_graph_t *g, graph_rows_t *r) {
  const int64_t rows = r->chunks * GRAPH_LANES;
  EXSET_TRY(exset_alloc_unset(ctx, r->chunks, sizeof *r->width, &r->width));
  r->entries = 0;
  for (int64_t c = 0; c < r->chunks; c++) {
    int64_t width = 0;
    for (int64_t k = c * GRAPH_LANES; k < (c + 1) * GRAPH_LANES; k++)
      if (r->row[k] < g->n && length_of(g, r->row[k]) > width) width = length_of(g, r->row[k]);
    r->width[c] = (int32_t)width;
    r->entries += width * GRAPH_LANES;
  }
  EXSET_TRY(exset_alloc_unset(ctx, rows, sizeof *r->inverse, &r->inverse));
  EXSET_TRY(exset_alloc_unset(ctx, rows, sizeof *r->e, &r->e));
  EXSET_TRY(exset_alloc_unset(ctx, r->entries, sizeof *r->col, &r->col));
  return exset_alloc_unset(ctx, r->entries, sizeof *r->g, &r->g);
}

static void fill_rows(const conduct_graph_t *g, graph_rows_t *r) {
  int32_t *col = r->col;
  float *value = r->g;
  for (int64_t c = 0; c < r->chunks; c++) {
    const int64_t width = r->width[c];
    for (int64_t lane = 0; lane < GRAPH_LANES; lane++) {
      const int64_t at = c * GRAPH_LANES + lane, i = r->row[at];
      const int64_t start = i < g->n ? g->ptr[i] : 0, n = i < g->n ? length_of(g, i) : 0;
      r->e[at] = i < g->n ? g->e[i] : 0;
      r->inverse[at] = i < g->n ? inverse_of(g, i, 0) : 0;
      for (int64_t k = 0; k < width; k++) {
        const bool real = k < n && g->col[start + k] != i;
        col[k * GRAPH_LANES + lane] = real ? column(g, g->col[start + k]) : (int32_t)g->n;
        value[k * GRAPH_LANES + lane] = real ? g->g[start + k] : 0;
      }
    }
    col += width * GRAPH_LANES;
    value += width * GRAPH_LANES;
  }
}

/* list: the nodes, n of them. */
static int make_rows(exset_ctx_t *ctx, const conduct_graph_t *g, int64_t n, const int32_t *list,
                     graph_rows_t *r) {
  r->chunks = (n + GRAPH_LANES - 1) / GRAPH_LANES;
  EXSET_TRY(exset_alloc_unset(ctx, r->chunks * GRAPH_LANES, sizeof *r->row, &r->row));
  for (int64_t k = 0; k < n; k += WINDOW)
    sort_window(g, n - k < WINDOW ? n - k : WINDOW, list + k, r->row + k);
  for (int64_t k = n; k < r->chunks * GRAPH_LANES; k++) r->row[k] = (int32_t)g->n;
  EXSET_TRY(alloc_rows(ctx, g, r));
  fill_rows(g, r);
  return EXSET_OK;
}

static int make_tail(exset_ctx_t *ctx, const conduct_graph_t *g, int64_t n, const int32_t *list,
                     const uint8_t *colour, graph_tail_t *t) {
  int64_t entries = n; /* one more in each row */
  for (int64_t k = 0; k < n; k++) entries += length_of(g, list[k]);
  t->n = n;
  EXSET_TRY(exset_alloc(ctx, n + 1, sizeof *t->ptr, &t->ptr));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *t->row, &t->row));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *t->inverse, &t->inverse));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *t->e, &t->e));
  EXSET_TRY(exset_alloc(ctx, entries, sizeof *t->col, &t->col));
  EXSET_TRY(exset_alloc(ctx, entries, sizeof *t->g, &t->g));
  int64_t end = 0;
  for (int64_t r = 0; r < n; r++) {
    const int64_t i = list[r];
    /* Nodes of the colour on another rank are swept at the same time: half of their conductance on the
     * diagonal, as an edge to the node itself, keeps the sweeps convergent. */
    const float extra = (float)(0.5 * same_elsewhere(g, colour, i));
    t->row[r] = (int32_t)i;
    t->e[r] = g->e[i];
    t->inverse[r] = inverse_of(g, i, extra);
    for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++) {
      if (g->col[k] == i) continue;
      t->col[end] = column(g, g->col[k]);
      t->g[end++] = g->g[k];
    }
    if (extra > 0) {
      t->col[end] = (int32_t)i;
      t->g[end++] = extra;
    }
    t->ptr[r + 1] = end;
  }
  return EXSET_OK;
}

/* Nodes of a colour and kind. */
static int64_t list_nodes(const conduct_graph_t *g, const uint8_t *colour, const uint8_t *kind,
                          int which_colour, int which_kind, int32_t *list) {
  int64_t n = 0;
  for (int64_t i = 0; i < g->n; i++)
    if (colour[i] == which_colour && kind[i] == which_kind) list[n++] = (int32_t)i;
  return n;
}

static int colour_rows(exset_ctx_t *ctx, const conduct_graph_t *g, const uint8_t *colour,
                       graph_level_t *l) {
  int32_t *list = NULL;
  uint8_t *kind = NULL;
  int err = exset_alloc_unset(ctx, g->n, sizeof *list, &list);
  if (!err) err = exset_alloc_unset(ctx, g->n, sizeof *kind, &kind);
  for (int64_t i = 0; i < g->n && !err; i++) kind[i] = kind_of(g, colour, i, l->side);
  for (int c = 0; c < 2; c++) {
    for (int which = 0; which < GRAPH_KINDS && !err; which++) {
      const int64_t n = list_nodes(g, colour, kind, c, which, list);
      err = make_rows(ctx, g, n, list, &l->rows[c][which]);
    }
    if (err) break;
    const int64_t n = list_nodes(g, colour, kind, c, TAIL, list);
    err = make_tail(ctx, g, n, list, colour, &l->tail[c]);
  }
  free(list);
  free(kind);
  return err;
}

static int vectors(exset_ctx_t *ctx, const conduct_graph_t *g, graph_level_t *l) {
  const int64_t sent = g->n_down + g->n_up;
  l->n = g->n;
  l->n_ghost = g->n_below + g->n_above;
  EXSET_TRY(exset_alloc(ctx, l->n + 1 + l->n_ghost, sizeof *l->x, &l->x));
  EXSET_TRY(exset_alloc(ctx, l->n + 1, sizeof *l->b, &l->b));
  EXSET_TRY(exset_alloc_unset(ctx, sent, sizeof *l->buffer, &l->buffer));
  if (!l->group.merged) {
    l->part_x = l->x;
    l->part_b = l->b;
    return EXSET_OK;
  }
  EXSET_TRY(exset_alloc(ctx, l->part_n + 1, sizeof *l->part_x, &l->part_x));
  return exset_alloc(ctx, l->part_n + 1, sizeof *l->part_b, &l->part_b);
}

int graph_level_build(exset_ctx_t *ctx, conduct_graph_t *g, uint8_t *colour, graph_level_t *l) {
  int err = vectors(ctx, g, l);
  if (!err && l->direct.n == 0) err = colour_rows(ctx, g, colour, l);
  return exset_agree(ctx, err);
}

void graph_level_clear(graph_level_t *l) {
  for (int c = 0; c < 2; c++) {
    for (int which = 0; which < GRAPH_KINDS; which++) {
      graph_rows_t *r = &l->rows[c][which];
      void *rows[] = {r->width, r->row, r->inverse, r->e, r->col, r->g};
      for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) free(rows[k]);
    }
    graph_tail_t *t = &l->tail[c];
    void *tail[] = {t->ptr, t->row, t->inverse, t->e, t->col, t->g};
    for (size_t k = 0; k < sizeof tail / sizeof *tail; k++) free(tail[k]);
    free(l->side[c].send);
  }
  if (l->part_x != l->x) free(l->part_x);
  if (l->part_b != l->b) free(l->part_b);
  void *arrays[] = {l->x, l->b, l->buffer, l->coarse};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) free(arrays[k]);
  graph_direct_clear(&l->direct);
  graph_group_clear(&l->group);
  *l = (graph_level_t){0};
}

int64_t graph_level_bytes(const graph_level_t *l) {
  int64_t bytes = 12 * l->n + 4 * l->n_ghost;
  if (l->group.merged) bytes += 8 * l->part_n;
  for (int c = 0; c < 2; c++) {
    for (int which = 0; which < GRAPH_KINDS; which++) {
      const graph_rows_t *r = &l->rows[c][which];
      bytes += (4 + 12 * GRAPH_LANES) * r->chunks + 8 * r->entries;
    }
    if (l->tail[c].ptr) bytes += 20 * l->tail[c].n + 8 * l->tail[c].ptr[l->tail[c].n];
    bytes += 8 * (l->side[c].n_send[0] + l->side[c].n_send[1]);
  }
  const graph_direct_t *d = &l->direct;
  return d->n == 0 ? bytes : bytes + 36 * d->n + 12 * d->ptr[d->n] + 16 * d->parts;
}
