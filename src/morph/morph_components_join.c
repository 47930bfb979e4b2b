/* Names across slab faces, in two sweeps over the slabs: one up, which joins what is connected through the slabs below, and
 * one down, which tells each slab the names that came out above it. */
#include <stdlib.h>

#include "morph_components_impl.h"

/* The set of a piece, as the neighbour is told: its name, and the first link whose piece is in the same set. */
typedef struct {
  int64_t name, first;
} set_t;

/* A face of the slab: which pieces below it (`name` of a note) meet which ones above it (`other`). Both ranks make the same
 * list in the same order, so that sets travel without keys. */
typedef struct {
  int rank; /* neighbour, or MPI_PROC_NULL */
  notes_t links;
  set_t *set; /* [links.n] of the piece on the sender's side */
} face_t;

/* Sets of pieces that are connected through this slab and those below. The root is the first piece; its name is that of
 * the set. */
typedef struct {
  face_t low, high;
  uint32_t *parent; /* [n_local + 1] */
  int32_t *first;   /* [n_local + 1] of roots: their first link at the high face, or -1 */
} joint_t;

static void face_clear(face_t *face) {
  free(face->links.item);
  free(face->set);
}

static void joint_clear(joint_t *j) {
  face_clear(&j->low);
  face_clear(&j->high);
  free(j->parent);
  free(j->first);
}

/* ---- links ------------------------------------------------------------------------------------- */

/* The planes next to the slab. */
typedef struct {
  uint32_t *piece_below, *piece_above;
  uint8_t *class_below, *class_above;
} planes_t;

static int planes_alloc(exset_ctx_t *ctx, int64_t plane, planes_t *p) {
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *p->piece_below, &p->piece_below));
  EXSET_TRY(exset_alloc(ctx, plane, sizeof *p->piece_above, &p->piece_above));
  EXSET_TRY(exset_alloc(ctx, plane, 1, &p->class_below));
  return exset_alloc(ctx, plane, 1, &p->class_above);
}

static void planes_clear(planes_t *p) {
  free(p->piece_below);
  free(p->piece_above);
  free(p->class_below);
  free(p->class_above);
}

/* A plane of cells on one side of a face. */
typedef struct {
  const uint32_t *piece;
  const uint8_t *cell_class;
} side_t;

static int link_sides(exset_ctx_t *ctx, int64_t plane, side_t below, side_t above, face_t *face) {
  for (int64_t i = 0; i < plane; i++)
    if (below.cell_class[i] && below.cell_class[i] == above.cell_class[i])
      EXSET_TRY(notes_add(ctx, &face->links, (note_t){below.piece[i], above.piece[i], 0}));
  notes_unique(&face->links);
  if (face->links.n > NOTES_MOST)
    return exset_fail(ctx, EXSET_ERR_RUN, "%lld components meet at a slab face: at most %d",
                      (long long)face->links.n, NOTES_MOST);
  return exset_alloc(ctx, face->links.n, sizeof *face->set, &face->set);
}

static int link_faces(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                      const exset_components_t *c, const planes_t *p, joint_t *j) {
  const int64_t plane = grid->n[1] * grid->n[2], end = grid->z0 + grid->nz_local;
  const int64_t top = grid->nz_local > 0 ? (grid->nz_local - 1) * plane : 0;
  const bool below = grid->nz_local > 0 && grid->z0 > 0;
  const bool above = grid->nz_local > 0 && end < grid->n[0];
  j->low.rank = below ? ctx->rank - 1 : MPI_PROC_NULL;
  j->high.rank = above ? ctx->rank + 1 : MPI_PROC_NULL;
  EXSET_TRY(exset_grid_halo(ctx, grid, (size_t)plane, cell_class, cell_class + top, p->class_below,
                            p->class_above, false));
  EXSET_TRY(exset_grid_halo(ctx, grid, (size_t)plane * sizeof(uint32_t), c->piece, c->piece + top,
                            p->piece_below, p->piece_above, false));
  const side_t lower = {p->piece_below, p->class_below}, first = {c->piece, cell_class};
  const side_t last = {c->piece + top, cell_class + top}, upper = {p->piece_above, p->class_above};
  int err = EXSET_OK;
  if (below) err = link_sides(ctx, plane, lower, first, &j->low);
  if (above && !err) err = link_sides(ctx, plane, last, upper, &j->high);
  return exset_agree(ctx, err);
}

static int joint_init(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                      const exset_components_t *c, joint_t *j) {
  planes_t planes = {NULL, NULL, NULL, NULL};
  int err = planes_alloc(ctx, grid->n[1] * grid->n[2], &planes);
  if (!err) err = exset_alloc_unset(ctx, c->n_local + 1, sizeof *j->parent, &j->parent);
  if (!err) err = exset_alloc_unset(ctx, c->n_local + 1, sizeof *j->first, &j->first);
  err = exset_agree(ctx, err);
  for (int64_t k = 0; !err && k <= c->n_local; k++) {
    j->parent[k] = (uint32_t)k;
    j->first[k] = -1;
  }
  if (!err) err = link_faces(ctx, grid, cell_class, c, &planes, j);
  planes_clear(&planes);
  return err;
}

/* ---- sweeps ------------------------------------------------------------------------------------ */

static uint32_t root_of(joint_t *j, int64_t piece) {
  uint32_t k = (uint32_t)piece;
  while (j->parent[k] != k) {
    j->parent[k] = j->parent[j->parent[k]];
    k = j->parent[k];
  }
  return k;
}

/* A set of the slabs below reaches two pieces, which may be the same: one set, named after the first cell of all. */
static void join_pieces(joint_t *j, int64_t *name, int64_t a, int64_t b, int64_t below) {
  a = root_of(j, a);
  b = root_of(j, b);
  const int64_t root = a < b ? a : b;
  j->parent[a] = j->parent[b] = (uint32_t)root;
  const int64_t other = name[a] < name[b] ? name[a] : name[b];
  name[root] = other < below ? other : below;
}

static int send_sets(exset_ctx_t *ctx, const face_t *face, int tag) {
  return EXSET_MPI(
      ctx, MPI_Send(face->set, (int)(2 * face->links.n), MPI_INT64_T, face->rank, tag, ctx->comm));
}

static int receive_sets(exset_ctx_t *ctx, face_t *face, int tag) {
  return EXSET_MPI(ctx, MPI_Recv(face->set, (int)(2 * face->links.n), MPI_INT64_T, face->rank, tag,
                                 ctx->comm, MPI_STATUS_IGNORE));
}

enum { TAG_UP = 1, TAG_DOWN = 2 };

static int sweep_up(exset_ctx_t *ctx, joint_t *j, int64_t *name) {
  const note_t *low = j->low.links.item, *high = j->high.links.item;
  EXSET_TRY(receive_sets(ctx, &j->low, TAG_UP));
  for (int64_t i = 0; i < j->low.links.n; i++)
    join_pieces(j, name, low[i].other, low[j->low.set[i].first].other, j->low.set[i].name);
  for (int64_t i = 0; i < j->high.links.n; i++) {
    const uint32_t root = root_of(j, high[i].name);
    if (j->first[root] < 0) j->first[root] = (int32_t)i;
    j->high.set[i] = (set_t){name[root], j->first[root]};
  }
  return send_sets(ctx, &j->high, TAG_UP);
}

static int sweep_down(exset_ctx_t *ctx, joint_t *j, int64_t *name) {
  const note_t *low = j->low.links.item, *high = j->high.links.item;
  EXSET_TRY(receive_sets(ctx, &j->high, TAG_DOWN));
  for (int64_t i = 0; i < j->high.links.n; i++)
    name[root_of(j, high[i].name)] = j->high.set[i].name;
  for (int64_t i = 0; i < j->low.links.n; i++) j->low.set[i].name = name[root_of(j, low[i].other)];
  return send_sets(ctx, &j->low, TAG_DOWN);
}

int components_join(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                    exset_components_t *c) {
  joint_t j = {0};
  int err = joint_init(ctx, grid, cell_class, c, &j);
  if (!err) err = sweep_up(ctx, &j, c->name);
  if (!err) err = sweep_down(ctx, &j, c->name);
  for (int64_t k = 1; !err && k <= c->n_local; k++) c->name[k] = c->name[root_of(&j, k)];
  joint_clear(&j);
  return err;
}
