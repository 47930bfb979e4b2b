/* Components of conducting cells of a whole box by flood fill, and which of them percolate. */
#ifndef EXSET_TEST_CONDUCT_CLUSTERS_H
#define EXSET_TEST_CONDUCT_CLUSTERS_H

#include "test_conduct_box.h"

/*
 * Components and conducting cells; components that are kept (they percolate; periodic: along any axis) and their cells;
 * along each axis: components that percolate along it, their cells and those on the outer faces.
 */
typedef struct {
  int64_t all, conducting, kept[3], kept_cells[3];
  int64_t percolating[3], cells[3], low[3], high[3];
} clusters_t;

typedef struct {
  const box_t *b;
  const double *s;
  bool periodic;
  int64_t *queue;      /* cells found, in this order; the component's begin at first */
  int64_t (*turns)[3]; /* how often the way to a cell has wound round the box */
  bool *seen;
} clusters_flood_t;

/* Neighbours of cell i; winds[a]: a closed way winds round the box along a. */
static inline void clusters_visit(clusters_flood_t *f, int64_t i, int64_t *found, bool winds[3]) {
  const int64_t *n = f->b->n, stride[3] = {n[1] * n[2], n[2], 1};
  for (int a = 0; a < 3; a++)
    for (int d = -1; d <= 1; d += 2) {
      const int64_t at = i / stride[a] % n[a], turn = at + d < 0 ? -1 : at + d == n[a] ? 1 : 0;
      const int64_t k = i + stride[a] * (d - turn * n[a]);
      if ((turn && !f->periodic) || !(f->s[k] > 0)) continue;
      int64_t turns[3];
      for (int c = 0; c < 3; c++) turns[c] = f->turns[i][c] + (c == a ? turn : 0);
      for (int c = 0; c < 3; c++) {
        if (!f->seen[k]) f->turns[k][c] = turns[c];
        if (f->turns[k][c] != turns[c]) winds[c] = true;
      }
      if (!f->seen[k]) f->seen[f->queue[(*found)++] = k] = true;
    }
}

/* The component of a cell. */
static inline void clusters_flood(clusters_flood_t *f, int64_t cell, clusters_t *out) {
  const int64_t *n = f->b->n, stride[3] = {n[1] * n[2], n[2], 1};
  int64_t found = 0, low[3] = {0}, high[3] = {0};
  bool winds[3] = {false};
  f->seen[f->queue[found++] = cell] = true;
  for (int c = 0; c < 3; c++) f->turns[cell][c] = 0;
  for (int64_t next = 0; next < found; next++) {
    const int64_t i = f->queue[next];
    clusters_visit(f, i, &found, winds);
    for (int a = 0; a < 3; a++) {
      low[a] += i / stride[a] % n[a] == 0;
      high[a] += i / stride[a] % n[a] == n[a] - 1;
    }
  }
  out->all++;
  out->conducting += found;
  for (int a = 0; a < 3; a++) {
    const bool percolates = f->periodic ? winds[a] : low[a] > 0 && high[a] > 0;
    if (percolates || (f->periodic && (winds[0] || winds[1] || winds[2]))) {
      out->kept[a]++;
      out->kept_cells[a] += found;
    }
    if (!percolates) continue;
    out->percolating[a]++;
    out->cells[a] += found;
    out->low[a] += low[a];
    out->high[a] += high[a];
  }
}

/** Percolating: touches both outer faces; periodic: winds round the box along the axis. */
static inline clusters_t clusters_of(const box_t *b, const double *sigma, bool periodic) {
  const int64_t cells = box_cells(b);
  clusters_t out = {0};
  double *s = box_sigma(b, sigma);
  clusters_flood_t f = {b,
                        s,
                        periodic,
                        case_alloc(cells, sizeof(int64_t)),
                        case_alloc(cells, sizeof(int64_t[3])),
                        case_alloc(cells, 1)};
  for (int64_t i = 0; i < cells; i++)
    if (s[i] > 0 && !f.seen[i]) clusters_flood(&f, i, &out);
  free(f.queue);
  free(f.turns);
  free(f.seen);
  free(s);
  return out;
}

#endif
