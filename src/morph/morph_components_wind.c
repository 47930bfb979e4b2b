/* Which components wind round a periodic box: links across the outer faces, solved on rank 0. */
#include <stdlib.h>
#include <string.h>

#include "morph_components_impl.h"

/* ---- links: a cell of component `name` in the upper face of axis `what` neighbours one of `other` in the lower face ---- */

/* Faces normal to y or x: both are in this slab. */
static int link_in_slab(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                        const exset_components_t *c, int axis, notes_t *links) {
  const int64_t *n = grid->n, stride[3] = {n[1] * n[2], n[2], 1};
  const int along = axis == EXSET_AXIS_Y ? EXSET_AXIS_X : EXSET_AXIS_Y;
  for (int64_t z = 0; z < grid->nz_local; z++)
    for (int64_t i = 0; i < n[along]; i++) {
      const int64_t low = z * stride[0] + i * stride[along];
      const int64_t high = low + (n[axis] - 1) * stride[axis];
      if (!cell_class[low] || cell_class[low] != cell_class[high]) continue;
      const note_t link = {c->name[c->piece[high]], c->name[c->piece[low]], axis};
      EXSET_TRY(notes_add(ctx, links, link));
    }
  return EXSET_OK;
}

enum { CELLS = 1 << 16 }; /* of a plane, in one message */
typedef struct {
  int64_t name[CELLS];
  uint8_t cell_class[CELLS];
} part_t;

/* Cells first .. first + n - 1 of the highest plane travel from the rank that has it to rank 0, which has the lowest one. */
static int fetch_part(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                      const exset_components_t *c, int64_t first, int n, part_t *part) {
  enum { TAG_NAMES = 1, TAG_CLASSES = 2 };
  const int last = exset_grid_owner(ctx, grid, grid->n[0] - 1);
  if (ctx->rank == last) {
    const int64_t begin = (grid->nz_local - 1) * grid->n[1] * grid->n[2] + first;
    for (int i = 0; i < n; i++) part->name[i] = c->name[c->piece[begin + i]];
    memcpy(part->cell_class, cell_class + begin, (size_t)n);
  }
  if (last == 0) return EXSET_OK;
  if (ctx->rank == last) {
    EXSET_TRY(EXSET_MPI(ctx, MPI_Send(part->name, n, MPI_INT64_T, 0, TAG_NAMES, ctx->comm)));
    return EXSET_MPI(ctx, MPI_Send(part->cell_class, n, MPI_BYTE, 0, TAG_CLASSES, ctx->comm));
  }
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Recv(part->name, n, MPI_INT64_T, last, TAG_NAMES, ctx->comm, MPI_STATUS_IGNORE)));
  return EXSET_MPI(ctx, MPI_Recv(part->cell_class, n, MPI_BYTE, last, TAG_CLASSES, ctx->comm,
                                 MPI_STATUS_IGNORE));
}

/* Faces normal to z, part by part; only rank 0 and the one with the highest plane take part. A rank whose list cannot grow
 * goes on receiving. */
static int link_ends(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                     const exset_components_t *c, part_t *part, notes_t *links) {
  const int64_t plane = grid->n[1] * grid->n[2];
  if (ctx->rank != 0 && ctx->rank != exset_grid_owner(ctx, grid, grid->n[0] - 1)) return EXSET_OK;
  int err = EXSET_OK;
  for (int64_t first = 0; first < plane; first += CELLS) {
    const int n = plane - first < CELLS ? (int)(plane - first) : CELLS;
    EXSET_TRY(fetch_part(ctx, grid, cell_class, c, first, n, part));
    for (int i = 0; ctx->rank == 0 && !err && i < n; i++) {
      const int64_t low = first + i;
      if (!cell_class[low] || cell_class[low] != part->cell_class[i]) continue;
      const note_t link = {part->name[i], c->name[c->piece[low]], EXSET_AXIS_Z};
      err = notes_add(ctx, links, link);
    }
  }
  return err;
}

/* All links that this rank can tell of, each once. Collective. */
static int links_find(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                      const exset_components_t *c, notes_t *links) {
  part_t *part;
  EXSET_TRY(exset_alloc_unset_all(ctx, 1, sizeof *part, &part));
  int err = link_ends(ctx, grid, cell_class, c, part, links);
  free(part);
  for (int axis = EXSET_AXIS_Y; !err && axis <= EXSET_AXIS_X; axis++)
    err = link_in_slab(ctx, grid, cell_class, c, axis, links);
  notes_unique(links);
  return exset_agree(ctx, err);
}

/* ---- sets of components with displacements ----------------------------------------------------- */

/* Disjoint sets of components. Unrolled, a component stands `shift` boxes away from its parent in the tree. */
typedef struct {
  int64_t n;
  int64_t *name; /* ascending */
  int64_t *parent, *size;
  int64_t (*shift)[3];
  uint8_t *winds; /* of roots: axes of all closed paths */
} sets_t;

static void sets_clear(sets_t *s) {
  free(s->name);
  free(s->parent);
  free(s->size);
  free(s->shift);
  free(s->winds);
}

/* Each name of the links is a set of its own. */
static int sets_init(exset_ctx_t *ctx, const notes_t *links, sets_t *s) {
  EXSET_TRY(exset_alloc(ctx, 2 * links->n, sizeof *s->name, &s->name));
  for (int64_t i = 0; i < links->n; i++) {
    s->name[2 * i] = links->item[i].name;
    s->name[2 * i + 1] = links->item[i].other;
  }
  qsort(s->name, (size_t)(2 * links->n), sizeof *s->name, name_compare);
  for (int64_t i = 0; i < 2 * links->n; i++)
    if (i == 0 || s->name[i] != s->name[s->n - 1]) s->name[s->n++] = s->name[i];
  EXSET_TRY(exset_alloc(ctx, s->n, sizeof *s->parent, &s->parent));
  EXSET_TRY(exset_alloc(ctx, s->n, sizeof *s->size, &s->size));
  EXSET_TRY(exset_alloc(ctx, s->n, sizeof *s->shift, &s->shift));
  EXSET_TRY(exset_alloc(ctx, s->n, 1, &s->winds));
  for (int64_t i = 0; i < s->n; i++) {
    s->parent[i] = i;
    s->size[i] = 1;
  }
  return EXSET_OK;
}

/* Root of a member, and how far the member stands from it. Paths are short: small sets go below large ones. */
static int64_t sets_root(const sets_t *s, int64_t i, int64_t away[3]) {
  memset(away, 0, 3 * sizeof *away);
  for (; s->parent[i] != i; i = s->parent[i])
    for (int a = 0; a < 3; a++) away[a] += s->shift[i][a];
  return i;
}

/* Of a link between two members of one set, the path through the set and back over the link is closed: it winds along
 * the axes along which it does not come back to the same box. */
static void sets_join(sets_t *s, const note_t *link) {
  int64_t from[3], to[3], apart[3]; /* apart: from the root at `high` to the one at `low` */
  int64_t high = sets_root(s, name_find(s->name, s->n, link->name), from);
  int64_t low = sets_root(s, name_find(s->name, s->n, link->other), to);
  for (int a = 0; a < 3; a++) apart[a] = from[a] + (link->what == a) - to[a];
  if (high == low) {
    for (int a = 0; a < 3; a++) s->winds[high] |= (uint8_t)((apart[a] != 0) << a);
    return;
  }
  const bool swap = s->size[high] < s->size[low];
  const int64_t root = swap ? low : high, child = swap ? high : low;
  for (int a = 0; a < 3; a++) s->shift[child][a] = swap ? -apart[a] : apart[a];
  s->parent[child] = root;
  s->size[root] += s->size[child];
  s->winds[root] |= s->winds[child];
}

/* ---- solution on rank 0 ------------------------------------------------------------------------ */

static int sets_solve(exset_ctx_t *ctx, const notes_t *links, sets_t *s) {
  EXSET_TRY(sets_init(ctx, links, s));
  for (int64_t i = 0; i < links->n; i++) sets_join(s, &links->item[i]);
  return EXSET_OK;
}

/* The components that wind; how many joins there were, and how many of the joined components wind. */
static int sets_answer(exset_ctx_t *ctx, const sets_t *s, answer_t *answer, int64_t count[2]) {
  int64_t away[3];
  EXSET_TRY(exset_alloc(ctx, s->n, sizeof *answer->name, &answer->name));
  EXSET_TRY(exset_alloc(ctx, s->n, 1, &answer->bits));
  for (int64_t i = 0; i < s->n; i++) {
    const int64_t root = sets_root(s, i, away);
    count[0] += root != i;
    count[1] += root == i && s->winds[i];
    if (!s->winds[root]) continue;
    answer->name[answer->n] = s->name[i];
    answer->bits[answer->n++] = s->winds[root];
  }
  return EXSET_OK;
}

/* links: all of them, on rank 0. Collective. */
static int solve(exset_ctx_t *ctx, const notes_t *links, answer_t *answer, int64_t count[2]) {
  sets_t sets = {0};
  int err = EXSET_OK;
  if (ctx->rank == 0) err = sets_solve(ctx, links, &sets);
  if (ctx->rank == 0 && !err) err = sets_answer(ctx, &sets, answer, count);
  sets_clear(&sets);
  err = exset_agree(ctx, err);
  if (!err) err = answer_share(ctx, answer);
  if (!err) err = EXSET_MPI(ctx, MPI_Bcast(count, 2, MPI_INT64_T, 0, ctx->comm));
  return err;
}

int exset_components_wind(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                          const exset_components_t *components, uint8_t *winds, int64_t *n_periodic,
                          int64_t *n_winding) {
  notes_t own = {0}, all = {0};
  answer_t answer = {0};
  int64_t count[2] = {0, 0};
  int err = links_find(ctx, grid, cell_class, components, &own);
  if (!err) err = notes_gather(ctx, &own, &all);
  if (!err) err = solve(ctx, &all, &answer, count);
  for (int64_t k = 0; !err && k <= components->n_local; k++)
    winds[k] = answer_bits(&answer, components->name[k]);
  *n_periodic = components->n_global - count[0];
  *n_winding = count[1];
  free(own.item);
  free(all.item);
  answer_clear(&answer);
  return err;
}
