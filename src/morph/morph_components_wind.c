/* Which components wind round a periodic box: links across the outer faces, solved on rank 0. */
#include "exset/components.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A cell of component `high` in the upper face of an axis neighbours one of `low` in the lower face. */
typedef struct {
  int64_t high, low, axis;
} link_t;

typedef struct {
  link_t *item;
  int64_t n, capacity;
} links_t;

static int compare_int64(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int compare_links(const void *a, const void *b) {
  const link_t *x = a, *y = b;
  if (x->axis != y->axis) return x->axis < y->axis ? -1 : 1;
  if (x->high != y->high) return x->high < y->high ? -1 : 1;
  return (x->low > y->low) - (x->low < y->low);
}

/* ---- links of one rank ------------------------------------------------------------------------- */

static void links_unique(links_t *links) {
  if (links->n == 0) return;
  qsort(links->item, (size_t)links->n, sizeof *links->item, compare_links);
  int64_t kept = 1;
  for (int64_t i = 1; i < links->n; i++)
    if (compare_links(&links->item[kept - 1], &links->item[i]))
      links->item[kept++] = links->item[i];
  links->n = kept;
}

/* A full list loses its duplicates, and grows where these were few. */
static int links_make_room(exset_ctx_t *ctx, links_t *links) {
  links_unique(links);
  if (links->n < links->capacity / 2) return EXSET_OK;
  const int64_t capacity = 2 * links->capacity + 1024;
  link_t *item = realloc(links->item, (size_t)capacity * sizeof *item);
  if (!item) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory on rank %d", ctx->rank);
  links->item = item;
  links->capacity = capacity;
  return EXSET_OK;
}

static int links_add(exset_ctx_t *ctx, links_t *links, link_t link) {
  if (links->n > 0 && compare_links(&links->item[links->n - 1], &link) == 0) return EXSET_OK;
  if (links->n == links->capacity) EXSET_TRY(links_make_room(ctx, links));
  links->item[links->n++] = link;
  return EXSET_OK;
}

/* Faces normal to y or x: both are in this slab. */
static int link_in_slab(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                        const exset_components_t *c, int axis, links_t *links) {
  const int64_t *n = grid->n, stride[3] = {n[1] * n[2], n[2], 1};
  const int along = axis == EXSET_AXIS_Y ? EXSET_AXIS_X : EXSET_AXIS_Y;
  for (int64_t z = 0; z < grid->nz_local; z++)
    for (int64_t i = 0; i < n[along]; i++) {
      const int64_t low = z * stride[0] + i * stride[along];
      const int64_t high = low + (n[axis] - 1) * stride[axis];
      if (!cell_class[low] || cell_class[low] != cell_class[high]) continue;
      const link_t link = {c->name[c->piece[high]], c->name[c->piece[low]], axis};
      EXSET_TRY(links_add(ctx, links, link));
    }
  return EXSET_OK;
}

/* A row of the highest plane of the volume. */
typedef struct {
  int64_t *name;
  uint8_t *cell_class;
} row_t;

/* Row y of the highest plane travels from the rank that has it to rank 0, which has the lowest one. */
static int fetch_row(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                     const exset_components_t *c, int64_t y, row_t *row) {
  enum { TAG_NAMES = 1, TAG_CLASSES = 2 };
  const int64_t nx = grid->n[2], first = ((grid->nz_local - 1) * grid->n[1] + y) * nx;
  const int last = exset_grid_owner(ctx, grid, grid->n[0] - 1);
  for (int64_t x = 0; ctx->rank == last && x < nx; x++) {
    row->name[x] = c->name[c->piece[first + x]];
    row->cell_class[x] = cell_class[first + x];
  }
  if (last == 0) return EXSET_OK;
  if (ctx->rank == last) {
    EXSET_TRY(EXSET_MPI(ctx, MPI_Send(row->name, (int)nx, MPI_INT64_T, 0, TAG_NAMES, ctx->comm)));
    return EXSET_MPI(ctx, MPI_Send(row->cell_class, (int)nx, MPI_BYTE, 0, TAG_CLASSES, ctx->comm));
  }
  EXSET_TRY(EXSET_MPI(ctx, MPI_Recv(row->name, (int)nx, MPI_INT64_T, last, TAG_NAMES, ctx->comm,
                                    MPI_STATUS_IGNORE)));
  return EXSET_MPI(ctx, MPI_Recv(row->cell_class, (int)nx, MPI_BYTE, last, TAG_CLASSES, ctx->comm,
                                 MPI_STATUS_IGNORE));
}

/* Faces normal to z, row by row; only rank 0 and the one with the highest plane take part. A rank whose list cannot grow
 * goes on receiving. */
static int link_ends(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                     const exset_components_t *c, row_t *row, links_t *links) {
  const int64_t nx = grid->n[2];
  if (ctx->rank != 0 && ctx->rank != exset_grid_owner(ctx, grid, grid->n[0] - 1)) return EXSET_OK;
  int err = EXSET_OK;
  for (int64_t y = 0; y < grid->n[1]; y++) {
    EXSET_TRY(fetch_row(ctx, grid, cell_class, c, y, row));
    for (int64_t x = 0, low = y * nx; ctx->rank == 0 && !err && x < nx; x++, low++) {
      if (!cell_class[low] || cell_class[low] != row->cell_class[x]) continue;
      const link_t link = {row->name[x], c->name[c->piece[low]], EXSET_AXIS_Z};
      err = links_add(ctx, links, link);
    }
  }
  return err;
}

/* All links that this rank can tell of, each once. Collective. */
static int links_find(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                      const exset_components_t *c, links_t *links) {
  row_t row = {NULL, NULL};
  int err = EXSET_OK;
  if (grid->n[2] > INT_MAX)
    return exset_fail(ctx, EXSET_ERR_RUN, "rows of %lld cells are too long for MPI",
                      (long long)grid->n[2]);
  err = exset_alloc(ctx, grid->n[2], sizeof *row.name, &row.name);
  if (!err) err = exset_alloc(ctx, grid->n[2], 1, &row.cell_class);
  err = exset_agree(ctx, err);
  if (!err) err = link_ends(ctx, grid, cell_class, c, &row, links);
  for (int axis = EXSET_AXIS_Y; !err && axis <= EXSET_AXIS_X; axis++)
    err = link_in_slab(ctx, grid, cell_class, c, axis, links);
  free(row.name);
  free(row.cell_class);
  links_unique(links);
  return exset_agree(ctx, err);
}

/* ---- all links on rank 0 ----------------------------------------------------------------------- */

/* Where the links of each rank go; all of them on rank 0. Collective. */
static int plan_gather(exset_ctx_t *ctx, int64_t n, int *count, int *place, links_t *all) {
  const int most = INT_MAX / 2; /* MPI counts in int, and there are up to two names in each link */
  int64_t total = 0;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(&n, &total, 1, MPI_INT64_T, MPI_SUM, ctx->comm)));
  if (total > most)
    return exset_fail(ctx, EXSET_ERR_RUN,
                      "%lld links between components across the outer faces: at most %d",
                      (long long)total, most);
  const int own = (int)n;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Gather(&own, 1, MPI_INT, count, 1, MPI_INT, 0, ctx->comm)));
  for (int r = 1; ctx->rank == 0 && r < ctx->size; r++) place[r] = place[r - 1] + count[r - 1];
  all->n = all->capacity = ctx->rank == 0 ? total : 0;
  return exset_alloc_unset_all(ctx, all->n, sizeof *all->item, &all->item);
}

static int gather(exset_ctx_t *ctx, const links_t *links, int *count, int *place, links_t *all) {
  MPI_Datatype link;
  EXSET_TRY(plan_gather(ctx, links->n, count, place, all));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous(3, MPI_INT64_T, &link)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_commit(&link)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Gatherv(links->item, (int)links->n, link, all->item, count, place,
                                       link, 0, ctx->comm)));
  return EXSET_MPI(ctx, MPI_Type_free(&link));
}

static int links_gather(exset_ctx_t *ctx, const links_t *links, links_t *all) {
  int *count = NULL, *place = NULL;
  int err = exset_alloc(ctx, ctx->size, sizeof *count, &count);
  if (!err) err = exset_alloc(ctx, ctx->size, sizeof *place, &place);
  err = exset_agree(ctx, err);
  if (!err) err = gather(ctx, links, count, place, all);
  free(count);
  free(place);
  return err;
}

/* ---- sets of components with displacements ----------------------------------------------------- */

/* Disjoint sets of components. Unrolled, a component stands `shift` boxes away from its parent in the tree. */
typedef struct {
  int64_t n;
  int64_t *name; /* ascending */
  int64_t *parent, *size;
  int64_t (*shift)[3];
  uint8_t *winds; /* of roots: axes of all closed paths */
  int64_t joined; /* joins that made one set of two */
} sets_t;

static void sets_clear(sets_t *s) {
  free(s->name);
  free(s->parent);
  free(s->size);
  free(s->shift);
  free(s->winds);
}

/* Each name of the links is a set of its own. */
static int sets_init(exset_ctx_t *ctx, const links_t *links, sets_t *s) {
  EXSET_TRY(exset_alloc(ctx, 2 * links->n, sizeof *s->name, &s->name));
  for (int64_t i = 0; i < links->n; i++) {
    s->name[2 * i] = links->item[i].high;
    s->name[2 * i + 1] = links->item[i].low;
  }
  qsort(s->name, (size_t)(2 * links->n), sizeof *s->name, compare_int64);
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

/* Index of a name in an ascending list, or -1. */
static int64_t find_name(const int64_t *list, int64_t n, int64_t name) {
  const int64_t *found =
      n > 0 ? bsearch(&name, list, (size_t)n, sizeof *list, compare_int64) : NULL;
  return found ? found - list : -1;
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
static void sets_join(sets_t *s, const link_t *link) {
  int64_t from[3], to[3], apart[3]; /* apart: from the root at `high` to the one at `low` */
  int64_t high = sets_root(s, find_name(s->name, s->n, link->high), from);
  int64_t low = sets_root(s, find_name(s->name, s->n, link->low), to);
  for (int a = 0; a < 3; a++) apart[a] = from[a] + (link->axis == a) - to[a];
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
  s->joined++;
}

/* ---- answers ----------------------------------------------------------------------------------- */

/* Names of the components that wind, ascending, and along which axes: the same on all ranks. */
typedef struct {
  int64_t n, joined, sets; /* names; as in sets_t; periodic components that wind */
  int64_t *name;
  uint8_t *winds;
} answer_t;

/* Solve on rank 0. */
static int solve(exset_ctx_t *ctx, const links_t *links, sets_t *s, answer_t *answer) {
  int64_t away[3];
  EXSET_TRY(sets_init(ctx, links, s));
  for (int64_t i = 0; i < links->n; i++) sets_join(s, &links->item[i]);
  answer->joined = s->joined;
  for (int64_t i = 0; i < s->n; i++) {
    answer->n += s->winds[sets_root(s, i, away)] != 0;
    answer->sets += s->parent[i] == i && s->winds[i];
  }
  return EXSET_OK;
}

static void answer_fill(const sets_t *s, answer_t *answer) {
  int64_t away[3];
  for (int64_t i = 0, n = 0; i < s->n; i++) {
    const uint8_t winds = s->winds[sets_root(s, i, away)];
    if (!winds) continue;
    answer->name[n] = s->name[i];
    answer->winds[n++] = winds;
  }
}

/* links: all of them, on rank 0. Collective. */
static int answer_find(exset_ctx_t *ctx, const links_t *links, answer_t *answer) {
  sets_t sets = {0};
  int err = EXSET_OK;
  if (ctx->rank == 0) err = solve(ctx, links, &sets, answer);
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, err));
  int64_t head[3] = {answer->n, answer->joined, answer->sets};
  EXSET_TRY_GOTO(err, done, EXSET_MPI(ctx, MPI_Bcast(head, 3, MPI_INT64_T, 0, ctx->comm)));
  *answer = (answer_t){.n = head[0], .joined = head[1], .sets = head[2]};
  err = exset_alloc(ctx, answer->n, sizeof *answer->name, &answer->name);
  if (!err) err = exset_alloc(ctx, answer->n, 1, &answer->winds);
  EXSET_TRY_GOTO(err, done, exset_agree(ctx, err));
  if (ctx->rank == 0) answer_fill(&sets, answer);
  EXSET_TRY_GOTO(
      err, done,
      EXSET_MPI(ctx, MPI_Bcast(answer->name, (int)answer->n, MPI_INT64_T, 0, ctx->comm)));
  err = EXSET_MPI(ctx, MPI_Bcast(answer->winds, (int)answer->n, MPI_BYTE, 0, ctx->comm));
done:
  sets_clear(&sets);
  return err;
}

int exset_components_wind(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                          const exset_components_t *components, uint8_t *winds, int64_t *n_periodic,
                          int64_t *n_winding) {
  links_t own = {0}, all = {0};
  answer_t answer = {0};
  int err;
  EXSET_TRY_GOTO(err, done, links_find(ctx, grid, cell_class, components, &own));
  EXSET_TRY_GOTO(err, done, links_gather(ctx, &own, &all));
  EXSET_TRY_GOTO(err, done, answer_find(ctx, &all, &answer));
  for (int64_t k = 0; k <= components->n_local; k++) {
    const int64_t i = find_name(answer.name, answer.n, components->name[k]);
    winds[k] = i < 0 ? 0 : answer.winds[i];
  }
  *n_periodic = components->n_global - answer.joined;
  *n_winding = answer.sets;
done:
  free(own.item);
  free(all.item);
  free(answer.name);
  free(answer.winds);
  return err;
}
