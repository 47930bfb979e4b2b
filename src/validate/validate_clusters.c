/* Clusters of a section: pixels of one phase joined through their edges. Union-find. */
#include "validate_impl.h"

#include <math.h>
#include <stdlib.h>

enum { TOP = 1, BOTTOM = 2, LEFT = 4, RIGHT = 8 };

typedef struct {
  int64_t *parent; /* of each pixel; roots are their own and the first pixel of their cluster */
  int64_t *size;   /* of roots */
  uint8_t *edges;  /* of roots: which edges of the section they touch */
} forest_t;

static int64_t find_root(int64_t *parent, int64_t i) {
  while (parent[i] != i) {
    parent[i] = parent[parent[i]];
    i = parent[i];
  }
  return i;
}

static void join(int64_t *parent, int64_t a, int64_t b) {
  const int64_t root_a = find_root(parent, a), root_b = find_root(parent, b);
  if (root_a < root_b) parent[root_b] = root_a;
  else parent[root_a] = root_b;
}

static void join_all(const exset_section_t *s, int64_t *parent) {
  for (int64_t r = 0; r < s->rows; r++)
    for (int64_t c = 0; c < s->cols; c++) {
      const int64_t i = r * s->cols + c;
      parent[i] = i;
      if (c > 0 && s->phase[i - 1] == s->phase[i]) parent[i] = find_root(parent, i - 1);
      if (r > 0 && s->phase[i - s->cols] == s->phase[i]) join(parent, i, i - s->cols);
    }
}

static void measure(const exset_section_t *s, forest_t *forest) {
  for (int64_t r = 0; r < s->rows; r++)
    for (int64_t c = 0; c < s->cols; c++) {
      const int64_t root = find_root(forest->parent, r * s->cols + c);
      forest->size[root]++;
      forest->edges[root] |= (uint8_t)((r == 0 ? TOP : 0) | (r == s->rows - 1 ? BOTTOM : 0) |
                                       (c == 0 ? LEFT : 0) | (c == s->cols - 1 ? RIGHT : 0));
    }
}

static bool spans(uint8_t edges) {
  return (edges & (TOP | BOTTOM)) == (TOP | BOTTOM) || (edges & (LEFT | RIGHT)) == (LEFT | RIGHT);
}

static void summarise(const exset_section_t *s, const forest_t *forest, const double pixel[2],
                      exset_section_figures_t *f) {
  int64_t number[EXSET_MAX_PHASES] = {0}, total[EXSET_MAX_PHASES] = {0};
  int64_t largest[EXSET_MAX_PHASES] = {0}, spanning[EXSET_MAX_PHASES] = {0}, unmasked = 0;
  for (int64_t i = 0; i < s->rows * s->cols; i++) {
    const int64_t size = forest->size[i];
    if (size == 0 || s->phase[i] == 0) continue;
    const int p = s->phase[i] - 1;
    number[p]++;
    total[p] += size;
    unmasked += size;
    if (size > largest[p]) largest[p] = size;
    if (spans(forest->edges[i])) spanning[p] += size;
  }
  const double area = (double)unmasked * pixel[0] * pixel[1];
  for (int p = 0; p < f->n_phases; p++) {
    const double all = total[p] > 0 ? (double)total[p] : NAN;
    f->clusters[p] = area > 0 ? (double)number[p] / area : 0;
    f->largest[p] = (double)largest[p] / all;
    f->spanning[p] = (double)spanning[p] / all;
  }
}

int section_clusters(exset_ctx_t *ctx, const exset_section_t *section, const double pixel[2],
                     exset_section_figures_t *figures) {
  const int64_t n = section->rows * section->cols;
  forest_t forest = {NULL, NULL, NULL};
  int err = exset_alloc(ctx, n, sizeof *forest.parent, &forest.parent);
  if (!err) err = exset_alloc(ctx, n, sizeof *forest.size, &forest.size);
  if (!err) err = exset_alloc(ctx, n, sizeof *forest.edges, &forest.edges);
  if (!err) {
    join_all(section, forest.parent);
    measure(section, &forest);
    summarise(section, &forest, pixel, figures);
  }
  free(forest.parent);
  free(forest.size);
  free(forest.edges);
  return err;
}
