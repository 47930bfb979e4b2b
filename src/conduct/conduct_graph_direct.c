/*
 * The coarsest level, solved exactly by one rank. A node is eliminated by joining its neighbours with each other (star to
 * mesh): the sparse L D L' of the matrix, in the order of minimum degree, without any cancellation.
 */
#include <math.h>
#include <stdlib.h>

#include "conduct_graph_impl.h"

/* Neighbours of one node that are not eliminated yet. */
typedef struct {
  int32_t n, capacity;
  int32_t *node;
  double *g;
} star_t;

/* Nodes by the number of their neighbours: doubly linked lists, -1: end. */
typedef struct {
  int32_t *first; /* [n] by degree */
  int32_t *next, *before;
  int32_t least;
} queue_t;

typedef struct {
  int32_t n;
  star_t *star;
  double *e;
  queue_t queue;
  int32_t *place; /* [n] -1 but while a star is worked on */
} elimination_t;

/* ---- queue ------------------------------------------------------------------------------------ */

static void enqueue(queue_t *q, int32_t i, int32_t degree) {
  q->next[i] = q->first[degree];
  q->before[i] = -1;
  if (q->first[degree] >= 0) q->before[q->first[degree]] = i;
  q->first[degree] = i;
  if (degree < q->least) q->least = degree;
}

static void dequeue(queue_t *q, int32_t i, int32_t degree) {
  if (q->before[i] >= 0) q->next[q->before[i]] = q->next[i];
  else q->first[degree] = q->next[i];
  if (q->next[i] >= 0) q->before[q->next[i]] = q->before[i];
}

/* A node with fewest neighbours; there is one. */
static int32_t least_node(queue_t *q) {
  while (q->first[q->least] < 0) q->least++;
  return q->first[q->least];
}

/* ---- stars ------------------------------------------------------------------------------------ */

static int grow(exset_ctx_t *ctx, star_t *s, int32_t capacity) {
  int32_t *node = NULL;
  double *g = NULL;
  int err = exset_alloc(ctx, capacity, sizeof *node, &node);
  if (!err) err = exset_alloc(ctx, capacity, sizeof *g, &g);
  for (int32_t k = 0; k < s->n && !err; k++) {
    node[k] = s->node[k];
    g[k] = s->g[k];
  }
  if (err) {
    free(node);
    free(g);
    return err;
  }
  free(s->node);
  free(s->g);
  s->node = node;
  s->g = g;
  s->capacity = capacity;
  return EXSET_OK;
}

static void remove_node(star_t *s, int32_t node) {
  int32_t k = 0;
  while (s->node[k] != node) k++;
  s->n--;
  s->node[k] = s->node[s->n];
  s->g[k] = s->g[s->n];
}

/* Join neighbour number `which` of an eliminated star to the others. scale: 1 / its diagonal. */
static int join_others(exset_ctx_t *ctx, elimination_t *w, const star_t *gone, int32_t which,
                       double scale) {
  const int32_t i = gone->node[which];
  star_t *s = &w->star[i];
  if (s->n + gone->n > s->capacity) EXSET_TRY(grow(ctx, s, 2 * (s->n + gone->n)));
  for (int32_t k = 0; k < s->n; k++) w->place[s->node[k]] = k;
  const double own = gone->g[which] * scale;
  for (int32_t k = 0; k < gone->n; k++) {
    const int32_t j = gone->node[k];
    if (j == i) continue;
    if (w->place[j] < 0) {
      w->place[j] = s->n;
      s->node[s->n] = j;
      s->g[s->n++] = 0;
    }
    s->g[w->place[j]] += own * gone->g[k];
  }
  for (int32_t k = 0; k < s->n; k++) w->place[s->node[k]] = -1;
  return EXSET_OK;
}

static int eliminate(exset_ctx_t *ctx, elimination_t *w, int32_t i, double scale) {
  star_t *gone = &w->star[i];
  dequeue(&w->queue, i, gone->n);
  for (int32_t k = 0; k < gone->n; k++) {
    const int32_t j = gone->node[k];
    const int32_t degree = w->star[j].n;
    remove_node(&w->star[j], i);
    EXSET_TRY(join_others(ctx, w, gone, k, scale));
    w->e[j] += gone->g[k] * scale * w->e[i];
    dequeue(&w->queue, j, degree);
    enqueue(&w->queue, j, w->star[j].n);
  }
  return EXSET_OK;
}

static void free_star(star_t *s) {
  free(s->node);
  free(s->g);
  *s = (star_t){0};
}

/* ---- factor ----------------------------------------------------------------------------------- */

void graph_direct_clear(graph_direct_t *d) {
  void *arrays[] = {d->order, d->inverse, d->ptr, d->col, d->factor, d->work, d->part, d->mean};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) free(arrays[k]);
  *d = (graph_direct_t){0};
}

static double diagonal(const star_t *s, double e) {
  for (int32_t k = 0; k < s->n; k++) e += s->g[k];
  return e;
}

/* Eliminate all nodes, or stop (d->n = 0) where that is going to take more than `most` updates of edges. */
static int factorise(exset_ctx_t *ctx, elimination_t *w, double most, graph_direct_t *d) {
  double updates = 0;
  int64_t end = 0;
  for (int32_t r = 0; r < w->n; r++) {
    const int32_t i = least_node(&w->queue);
    const star_t *s = &w->star[i];
    const double sum = diagonal(s, w->e[i]), scale = sum > 0 ? 1 / sum : 0;
    const double square = (double)s->n * s->n, left = w->n - r - s->n;
    if (updates + left * square > most) return EXSET_OK; /* the others have as many neighbours */
    updates += square;
    d->order[r] = i;
    d->inverse[r] = scale;
    for (int32_t k = 0; k < s->n; k++) {
      d->col[end] = s->node[k];
      d->factor[end++] = s->g[k] * scale;
    }
    d->ptr[r + 1] = end;
    EXSET_TRY(eliminate(ctx, w, i, scale));
    free_star(&w->star[i]);
  }
  d->n = w->n;
  return EXSET_OK;
}

/* Components without electrode: each ends with a node that has neither neighbours nor conductance. */
static int find_parts(exset_ctx_t *ctx, graph_direct_t *d) {
  for (int64_t r = d->n - 1; r >= 0; r--) {
    const int64_t k = d->ptr[r];
    d->part[d->order[r]] = k < d->ptr[r + 1]    ? d->part[d->col[k]]
                           : d->inverse[r] == 0 ? d->parts++
                                                : -1;
  }
  EXSET_TRY(exset_alloc(ctx, 2 * (int64_t)d->parts, sizeof *d->mean, &d->mean));
  for (int64_t i = 0; i < d->n; i++)
    if (d->part[i] >= 0) d->mean[d->parts + d->part[i]]++;
  return EXSET_OK;
}

static int start(exset_ctx_t *ctx, const conduct_graph_t *g, elimination_t *w) {
  EXSET_TRY(exset_alloc(ctx, w->n, sizeof *w->star, &w->star));
  EXSET_TRY(exset_alloc(ctx, w->n, sizeof *w->e, &w->e));
  EXSET_TRY(exset_alloc(ctx, w->n, sizeof *w->place, &w->place));
  EXSET_TRY(exset_alloc(ctx, w->n, sizeof(int32_t), &w->queue.first));
  EXSET_TRY(exset_alloc(ctx, w->n, sizeof(int32_t), &w->queue.next));
  EXSET_TRY(exset_alloc(ctx, w->n, sizeof(int32_t), &w->queue.before));
  for (int32_t i = 0; i < w->n; i++) w->place[i] = w->queue.first[i] = -1;
  for (int32_t i = 0; i < w->n; i++) {
    star_t *s = &w->star[i];
    EXSET_TRY(grow(ctx, s, (int32_t)(g->ptr[i + 1] - g->ptr[i]) + 1));
    for (int64_t k = g->ptr[i]; k < g->ptr[i + 1]; k++) {
      const int32_t j = (int32_t)g->col[k];
      if (j == i) continue;
      if (w->place[j] < 0) {
        w->place[j] = s->n;
        s->node[s->n] = j;
        s->g[s->n++] = 0;
      }
      s->g[w->place[j]] += g->g[k];
    }
    for (int32_t k = 0; k < s->n; k++) w->place[s->node[k]] = -1;
    w->e[i] = g->e[i];
    enqueue(&w->queue, i, s->n);
  }
  return EXSET_OK;
}

int graph_direct_build(exset_ctx_t *ctx, const conduct_graph_t *g, double most, graph_direct_t *d) {
  const int64_t entries =
      (int64_t)sqrt(most * (double)g->n) + 1; /* sum of n numbers from that of their squares */
  elimination_t w = {.n = (int32_t)g->n};
  int err = start(ctx, g, &w);
  if (!err) err = exset_alloc(ctx, w.n, sizeof *d->order, &d->order);
  if (!err) err = exset_alloc(ctx, w.n, sizeof *d->inverse, &d->inverse);
  if (!err) err = exset_alloc(ctx, w.n + 1, sizeof *d->ptr, &d->ptr);
  if (!err) err = exset_alloc_unset(ctx, entries, sizeof *d->col, &d->col);
  if (!err) err = exset_alloc_unset(ctx, entries, sizeof *d->factor, &d->factor);
  if (!err) err = exset_alloc(ctx, w.n, sizeof *d->work, &d->work);
  if (!err) err = exset_alloc(ctx, w.n, sizeof *d->part, &d->part);
  if (!err) err = factorise(ctx, &w, most, d);
  if (!err) err = find_parts(ctx, d);
  for (int32_t i = 0; i < w.n && w.star; i++) free_star(&w.star[i]);
  void *arrays[] = {w.star, w.e, w.place, w.queue.first, w.queue.next, w.queue.before};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) free(arrays[k]);
  if (d->n == 0) graph_direct_clear(d);
  return err;
}

/* Take its mean off v in each component without electrode. */
static void take_means(const graph_direct_t *d, double *v) {
  if (d->parts == 0) return;
  for (int32_t p = 0; p < d->parts; p++) d->mean[p] = 0;
  for (int64_t i = 0; i < d->n; i++)
    if (d->part[i] >= 0) d->mean[d->part[i]] += v[i];
  for (int32_t p = 0; p < d->parts; p++) d->mean[p] /= d->mean[d->parts + p];
  for (int64_t i = 0; i < d->n; i++)
    if (d->part[i] >= 0) v[i] -= d->mean[d->part[i]];
}

void graph_direct_solve(const graph_direct_t *d, const float *b, float *x) {
  double *w = d->work;
  for (int64_t i = 0; i < d->n; i++) w[i] = b[i];
  take_means(d, w);
  for (int64_t r = 0; r < d->n; r++) {
    const double v = w[d->order[r]];
    for (int64_t k = d->ptr[r]; k < d->ptr[r + 1]; k++) w[d->col[k]] += d->factor[k] * v;
  }
  for (int64_t r = d->n - 1; r >= 0; r--) {
    double v = w[d->order[r]] * d->inverse[r];
    for (int64_t k = d->ptr[r]; k < d->ptr[r + 1]; k++) v += d->factor[k] * w[d->col[k]];
    w[d->order[r]] = v;
  }
  take_means(d, w);
  for (int64_t i = 0; i < d->n; i++) x[i] = (float)w[i];
}
