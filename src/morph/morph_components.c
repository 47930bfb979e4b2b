/* Connected components: union-find in each slab, then values spread over slab faces until they rest. */
#include "exset/components.h"

#include <stdlib.h>
#include <string.h>

/* Disjoint sets of labels; the root of a set is its smallest label. */
typedef struct {
  uint32_t *parent;
  int64_t n, capacity;
} forest_t;

static int forest_add(exset_ctx_t *ctx, forest_t *forest, uint32_t *label) {
  if (forest->n == forest->capacity) {
    if (forest->n > UINT32_MAX / 2)
      return exset_fail(ctx, EXSET_ERR_RUN,
                        "about 2^32 connected pieces in the slab of rank %d: use more ranks",
                        ctx->rank);
    const int64_t capacity = 2 * forest->capacity + 1024;
    uint32_t *parent = realloc(forest->parent, (size_t)capacity * sizeof *parent);
    if (!parent) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory on rank %d", ctx->rank);
    forest->parent = parent;
    forest->capacity = capacity;
  }
  *label = (uint32_t)forest->n++;
  forest->parent[*label] = *label;
  return EXSET_OK;
}

static uint32_t forest_root(forest_t *forest, uint32_t label) {
  uint32_t *parent = forest->parent;
  while (parent[label] != label) {
    parent[label] = parent[parent[label]];
    label = parent[label];
  }
  return label;
}

static uint32_t forest_join(forest_t *forest, uint32_t a, uint32_t b) {
  a = forest_root(forest, a);
  b = forest_root(forest, b);
  if (a < b) return forest->parent[b] = a;
  return forest->parent[a] = b;
}

/* First pass: provisional labels, each cell joined with its lower neighbours. */
static int label_slab(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                      uint32_t *label, forest_t *forest) {
  const int64_t nx = grid->n[2], plane = grid->n[1] * nx;
  uint32_t none;
  EXSET_TRY(forest_add(ctx, forest, &none));
  int64_t i = 0;
  for (int64_t z = 0; z < grid->nz_local; z++)
    for (int64_t y = 0; y < grid->n[1]; y++)
      for (int64_t x = 0; x < nx; x++, i++) {
        const uint8_t c = cell_class[i];
        if (!c) continue;
        uint32_t l = 0;
        if (x > 0 && cell_class[i - 1] == c) l = label[i - 1];
        if (y > 0 && cell_class[i - nx] == c) {
          const uint32_t m = label[i - nx];
          l = l == 0 || l == m ? m : forest_join(forest, l, m);
        }
        if (z > 0 && cell_class[i - plane] == c) {
          const uint32_t m = label[i - plane];
          l = l == 0 || l == m ? m : forest_join(forest, l, m);
        }
        if (l == 0) EXSET_TRY(forest_add(ctx, forest, &l));
        label[i] = l;
      }
  return EXSET_OK;
}

/* Second pass: pieces 1..n_local in order of their first cells, named after them. */
static int number_pieces(exset_ctx_t *ctx, const exset_grid_t *grid, forest_t *forest,
                         exset_components_t *c) {
  int64_t roots = 0;
  for (int64_t l = 1; l < forest->n; l++) roots += forest->parent[l] == l;
  EXSET_TRY(exset_alloc(ctx, roots + 1, sizeof *c->name, &c->name));
  uint32_t *number = forest->parent; /* roots come before the other labels of their set */
  for (int64_t l = 1; l < forest->n; l++)
    number[l] = number[l] == l ? (uint32_t)++c->n_local : number[number[l]];
  const int64_t cells = exset_grid_cells_local(grid), first = grid->z0 * grid->n[1] * grid->n[2];
  for (int64_t i = 0; i < cells; i++) {
    if (!c->piece[i]) continue;
    c->piece[i] = number[c->piece[i]];
    if (!c->name[c->piece[i]]) c->name[c->piece[i]] = first + i + 1;
  }
  return EXSET_OK;
}

/* Values of pieces, and how two values that meet across a slab face combine. */
typedef enum { SPREAD_MIN, SPREAD_OR } spread_t;

static bool combine(spread_t how, int64_t *value, int64_t other) {
  const int64_t old = *value;
  *value = how == SPREAD_OR ? old | other : other < old ? other : old;
  return *value != old;
}

typedef struct { /* planes at the two faces of the slab, ours and the neighbours' */
  int64_t *first, *last, *below, *above;
  uint8_t *class_below, *class_above;
} faces_t;

static void faces_clear(faces_t *f) {
  free(f->first);
  free(f->last);
  free(f->below);
  free(f->above);
  free(f->class_below);
  free(f->class_above);
}

static int faces_alloc(exset_ctx_t *ctx, int64_t plane, faces_t *f) {
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *f->first, &f->first));
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *f->last, &f->last));
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *f->below, &f->below));
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *f->above, &f->above));
  EXSET_TRY(exset_alloc(ctx, plane, 1, &f->class_below));
  return exset_alloc(ctx, plane, 1, &f->class_above);
}

/* Combine the values over slab faces until nothing changes on any rank. */
static int spread_rounds(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                         const exset_components_t *c, spread_t how, int64_t *value, faces_t *f) {
  const int64_t plane = grid->n[1] * grid->n[2];
  const int64_t top = grid->nz_local > 0 ? (grid->nz_local - 1) * plane : 0;
  const uint32_t *piece_low = c->piece, *piece_high = c->piece + top;
  EXSET_TRY(exset_grid_halo(ctx, grid, (size_t)plane, cell_class, cell_class + top, f->class_below,
                            f->class_above, false));
  for (int changed = 1; changed;) {
    changed = 0;
    for (int64_t i = 0; grid->nz_local > 0 && i < plane; i++) {
      f->first[i] = value[piece_low[i]];
      f->last[i] = value[piece_high[i]];
    }
    EXSET_TRY(exset_grid_halo(ctx, grid, (size_t)plane * sizeof(int64_t), f->first, f->last,
                              f->below, f->above, false));
    for (int64_t i = 0; grid->nz_local > 0 && i < plane; i++) {
      if (piece_low[i] && f->class_below[i] == cell_class[i])
        changed |= combine(how, &value[piece_low[i]], f->below[i]);
      if (piece_high[i] && f->class_above[i] == cell_class[top + i])
        changed |= combine(how, &value[piece_high[i]], f->above[i]);
    }
    EXSET_TRY(
        EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &changed, 1, MPI_INT, MPI_LOR, ctx->comm)));
  }
  return EXSET_OK;
}

static int spread(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                  const exset_components_t *c, spread_t how, int64_t *value) {
  faces_t faces = {0};
  int err = exset_agree(ctx, faces_alloc(ctx, grid->n[1] * grid->n[2], &faces));
  if (!err) err = spread_rounds(ctx, grid, cell_class, c, how, value, &faces);
  faces_clear(&faces);
  return err;
}

int exset_components_label(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                           exset_components_t *c) {
  *c = (exset_components_t){0};
  forest_t forest = {0};
  int64_t *own = NULL; /* names before they spread */
  int err = exset_alloc(ctx, exset_grid_cells_local(grid), sizeof *c->piece, &c->piece);
  if (!err) err = label_slab(ctx, grid, cell_class, c->piece, &forest);
  if (!err) err = number_pieces(ctx, grid, &forest, c);
  free(forest.parent);
  if (!err) err = exset_alloc(ctx, c->n_local + 1, sizeof *own, &own);
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, err));
  memcpy(own, c->name, (size_t)(c->n_local + 1) * sizeof *own);
  EXSET_TRY_GOTO(err, done, spread(ctx, grid, cell_class, c, SPREAD_MIN, c->name));
  for (int64_t k = 1; k <= c->n_local; k++) c->n_global += c->name[k] == own[k];
  err =
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &c->n_global, 1, MPI_INT64_T, MPI_SUM, ctx->comm));
done:
  free(own);
  if (err) exset_components_clear(c);
  return err;
}

void exset_components_clear(exset_components_t *c) {
  free(c->piece);
  free(c->name);
  *c = (exset_components_t){0};
}

/* Mark the pieces in this slab that have cells in the outer faces. */
static void touch_slab(const exset_grid_t *grid, const exset_components_t *c, int axis,
                       int64_t *value) {
  const int64_t n[3] = {grid->nz_local, grid->n[1], grid->n[2]};
  const int64_t stride[3] = {n[1] * n[2], n[2], 1};
  const int a = (axis + 1) % 3, b = (axis + 2) % 3;
  const bool low = axis != EXSET_AXIS_Z || grid->z0 == 0;
  const bool high = axis != EXSET_AXIS_Z || grid->z0 + grid->nz_local == grid->n[0];
  if (n[0] == 0) return;
  for (int64_t i = 0; i < n[a]; i++)
    for (int64_t j = 0; j < n[b]; j++) {
      const int64_t k = i * stride[a] + j * stride[b];
      if (low) value[c->piece[k]] |= EXSET_TOUCHES_LOW;
      if (high) value[c->piece[k + (n[axis] - 1) * stride[axis]]] |= EXSET_TOUCHES_HIGH;
    }
}

int exset_components_touch(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                           const exset_components_t *components, int axis, uint8_t *touches) {
  int64_t *value = NULL;
  EXSET_TRY(exset_alloc_all(ctx, components->n_local + 1, sizeof *value, &value));
  touch_slab(grid, components, axis, value);
  value[0] = 0;
  const int err = spread(ctx, grid, cell_class, components, SPREAD_OR, value);
  for (int64_t k = 0; k <= components->n_local; k++) touches[k] = (uint8_t)value[k];
  free(value);
  return err;
}
