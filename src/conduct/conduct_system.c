/* The linear system of one direction: percolating cells, their classes, conductances of faces. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conduct_graph.h"
#include "conduct_impl.h"

int conduct_alloc_slab(exset_ctx_t *ctx, int64_t nz, int64_t plane, int64_t halo, size_t item,
                       void *pointer_out) {
  char *base;
  EXSET_TRY(exset_alloc(ctx, exset_mul3(nz + 2 * halo, plane, 1), item, &base));
  base += (size_t)(halo * plane) * item;
  memcpy(pointer_out, &base, sizeof base);
  return EXSET_OK;
}

void conduct_free_slab(void *pointer, int64_t plane, int64_t halo, size_t item) {
  if (pointer) free((char *)pointer - (size_t)(halo * plane) * item);
}

enum { TAG_UP = 11, TAG_DOWN = 12 };

/* `up` gets last, `down` gets first. */
static int exchange(const conduct_system_t *s, MPI_Datatype type, int n, const void *first,
                    const void *last, void *below, void *above) {
  exset_ctx_t *ctx = s->ctx;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Sendrecv(last, n, type, s->up, TAG_UP, below, n, type, s->down,
                                        TAG_UP, ctx->comm, MPI_STATUS_IGNORE)));
  return EXSET_MPI(ctx, MPI_Sendrecv(first, n, type, s->down, TAG_DOWN, above, n, type, s->up,
                                     TAG_DOWN, ctx->comm, MPI_STATUS_IGNORE));
}

int conduct_halo(const conduct_system_t *s, MPI_Datatype type, int64_t n, const void *first,
                 const void *last, void *below, void *above) {
  if (s->nz == 0) return EXSET_OK;
  if (!s->thin) return exchange(s, type, (int)(2 * n), first, last, below, above);
  int item;
  EXSET_TRY(EXSET_MPI(s->ctx, MPI_Type_size(type, &item)));
  const int64_t bytes = n * item;
  const bool single = s->nz == 1;
  const char *low = first, *high = (const char *)last + (single ? 0 : bytes);
  char *near_below = (char *)below + bytes, *near_above = above;
  EXSET_TRY(exchange(s, type, (int)n, low, high, near_below, near_above));
  /* then those behind: of a single plane's other neighbour */
  low = single ? near_above : (const char *)first + bytes;
  high = single ? near_below : (const char *)last;
  return exchange(s, type, (int)n, low, high, below, near_above + bytes);
}

/* ---- grid and neighbours ---------------------------------------------------------------------- */

static int neighbours(conduct_system_t *s) {
  exset_ctx_t *ctx = s->ctx;
  const exset_grid_t *g = &s->grid;
  const int last = exset_grid_owner(ctx, g, g->n[0] - 1);
  s->down = s->up = MPI_PROC_NULL;
  if (s->nz > 0) {
    s->down = g->z0 > 0 ? ctx->rank - 1 : s->periodic ? last : MPI_PROC_NULL;
    s->up = ctx->rank < last ? ctx->rank + 1 : s->periodic ? 0 : MPI_PROC_NULL;
  }
  int thin = s->nz == 1;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &thin, 1, MPI_INT, MPI_LOR, ctx->comm)));
  s->thin = thin;
  return EXSET_OK;
}

/* MPI counts two planes in int; the coordinates of blocks are below 2^CONDUCT_GRAPH_BITS. */
static int check_size(exset_ctx_t *ctx, const int64_t n[3]) {
  for (int a = 0; a < 3; a++)
    if (n[a] > (int64_t)1 << CONDUCT_GRAPH_BITS)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "%lld cells along %c are too many: at most 2^21 (periodic: 2^20 if odd)",
                        (long long)n[a], "zyx"[a]);
  if (n[1] * n[2] > INT32_MAX / 2)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "planes of %lld x %lld cells are too large: below 2^30 cells are allowed",
                      (long long)n[1], (long long)n[2]);
  return EXSET_OK;
}

/* The volume's grid, doubled along axes with an odd number of cells when periodic. Collective. */
static int system_grid(const exset_conduct_t *conduct, int axis, conduct_system_t *s) {
  exset_ctx_t *ctx = conduct->ctx;
  const exset_grid_t *volume = &conduct->volume->grid;
  const double *h = volume->voxel, unit = cbrt(h[0] * h[1] * h[2]);
  int64_t n[3];
  *s = (conduct_system_t){.ctx = ctx, .axis = axis};
  s->periodic = conduct->boundary == EXSET_BOUNDARY_PERIODIC;
  for (int a = 0; a < 3; a++) {
    n[a] = volume->n[a] * (s->periodic && volume->n[a] % 2 ? 2 : 1);
    s->edge[a] = h[0] == h[1] && h[1] == h[2] ? 1 : h[a] / unit;
  }
  EXSET_TRY(check_size(ctx, n));
  EXSET_TRY(exset_grid_init(ctx, n, h, &s->grid));
  s->nz = s->grid.nz_local;
  s->ny = n[1];
  s->nx = n[2];
  s->plane = s->ny * s->nx;
  return neighbours(s);
}

/* ---- classes ----------------------------------------------------------------------------------- */

/* Number the distinct conductivities; class_of[n_phases + 1]. */
static int classes(const exset_conduct_t *conduct, conduct_system_t *s, uint8_t *class_of,
                   double *sigma) {
  s->n_classes = 1;
  for (int p = 1; p <= conduct->volume->n_phases; p++) {
    const double value = conduct->sigma[p];
    int c = 1;
    if (!(value > 0)) continue;
    while (c < s->n_classes && sigma[c] != value) c++;
    sigma[c] = value;
    class_of[p] = (uint8_t)c;
    if (c == s->n_classes) s->n_classes++;
  }
  return exset_alloc(s->ctx, exset_mul3(3, s->n_classes, s->n_classes), sizeof *s->table,
                     &s->table);
}

static int conductances(conduct_system_t *s, const double *sigma) {
  const int n = s->n_classes;
  EXSET_TRY(exset_alloc(s->ctx, n, sizeof *s->electrode, &s->electrode));
  for (int a = 0; a < 3; a++) {
    const double geometry = 1 / (s->edge[a] * s->edge[a]); /* area / edge, the cell's volume is 1 */
    for (int i = 1; i < n; i++)
      for (int j = 1; j < n; j++)
        s->table[(a * n + i) * n + j] = geometry * 2 / (1 / sigma[i] + 1 / sigma[j]);
    for (int i = 1; i < n && a == s->axis && !s->periodic; i++)
      s->electrode[i] = (float)(2 * geometry * sigma[i]);
  }
  /* kept as the sweeps use them: single precision */
  for (int k = 0; k < 3 * n * n; k++) s->table[k] = (float)s->table[k];
  return EXSET_OK;
}

/* ---- percolation ------------------------------------------------------------------------------- */

/* Cells that carry current along the axis: their number, the outer faces that they cover. Collective. */
static int count_current(const exset_conduct_t *conduct, conduct_system_t *s) {
  const exset_grid_t *v = &conduct->volume->grid;
  const int64_t n = v->n[s->axis], step[3] = {v->n[1] * v->n[2], v->n[2], 1};
  const int64_t first = v->z0 * step[0], cells = exset_grid_cells_local(v);
  const uint8_t along = (uint8_t)(CURRENT << s->axis);
  int64_t count[3] = {0}; /* all, at the low and at the high face */
  for (int64_t i = 0; i < cells; i++) {
    if (!(conduct->mask[i] & along)) continue;
    const int64_t at = (first + i) / step[s->axis] % n;
    count[0]++;
    count[1] += at == 0;
    count[2] += at == n - 1;
  }
  EXSET_TRY(
      EXSET_MPI(s->ctx, MPI_Allreduce(MPI_IN_PLACE, count, 3, MPI_INT64_T, MPI_SUM, s->ctx->comm)));
  const double face = (double)exset_grid_cells(v) / (double)n;
  s->percolating = count[0];
  for (int side = 0; side < 2; side++) s->contact[side] = (double)count[1 + side] / face;
  return EXSET_OK;
}

/* Classes of the volume's cells that are solved for: those that carry current along the axis, or along any when periodic, because
 * the system is the same for all. Collective. */
static int percolate(const exset_conduct_t *conduct, conduct_system_t *s, const uint8_t *class_of,
                     uint8_t *code) {
  const exset_volume_t *v = conduct->volume;
  const int64_t cells = exset_grid_cells_local(&v->grid);
  const uint8_t kept = (uint8_t)(s->periodic ? ANY_CURRENT : CURRENT << s->axis);
  for (int64_t i = 0; i < cells; i++) {
    if (!(conduct->mask[i] & kept)) continue;
    code[i] = class_of[v->phase[i]];
    s->unknowns++;
  }
  return EXSET_MPI(
      s->ctx, MPI_Allreduce(MPI_IN_PLACE, &s->unknowns, 1, MPI_INT64_T, MPI_SUM, s->ctx->comm));
}

/* ---- from the volume to the system --------------------------------------------------------------- */

/* Rows of the volume to the system's slabs: once, and once more where z is doubled. Collective. */
static int move_planes(const exset_conduct_t *conduct, conduct_system_t *s, const uint8_t *code) {
  const exset_grid_t *v = &conduct->volume->grid, *g = &s->grid;
  const exset_rows_t from = {v->z0, v->nz_local, 0, v->n[1]};
  const int64_t copies = g->n[0] / v->n[0], row = v->n[2], plane = v->n[1] * row;
  uint8_t *out = NULL;
  EXSET_TRY(exset_alloc_all(s->ctx, s->nz * plane, 1, &out));
  int err = EXSET_OK;
  for (int64_t k = 0; k < copies && !err; k++) {
    const int64_t low = k * v->n[0], end = g->z0 + s->nz;
    const int64_t z0 = g->z0 > low ? g->z0 : low, z1 = end < low + v->n[0] ? end : low + v->n[0];
    const bool some = z0 < z1;
    const exset_rows_t to = {some ? z0 - low : 0, some ? z1 - z0 : 0, 0, v->n[1]};
    err =
        exset_grid_move_rows(s->ctx, row, from, code, to, out + (some ? (z0 - g->z0) * plane : 0));
  }
  for (int64_t z = 0; !err && z < s->nz; z++)
    for (int64_t y = 0; y < s->ny; y++)
      for (int64_t x = 0; x < s->nx; x += row)
        memcpy(s->code + z * s->plane + y * s->nx + x, out + z * plane + y % v->n[1] * row,
               (size_t)row);
  free(out);
  return err;
}

/* Codes of the system with their halo. Collective. */
static int fill_codes(const exset_conduct_t *conduct, conduct_system_t *s, const uint8_t *code) {
  const exset_grid_t *v = &conduct->volume->grid;
  const int64_t last = s->nz > 1 ? s->nz - 2 : 0;
  if (exset_grid_cells(&s->grid) > exset_grid_cells(v)) EXSET_TRY(move_planes(conduct, s, code));
  else memcpy(s->code, code, (size_t)(s->nz * s->plane));
  return conduct_halo(s, MPI_BYTE, s->plane, s->code, s->code + last * s->plane,
                      s->code - CONDUCT_HALO * s->plane, s->code + s->nz * s->plane);
}

static int build(const exset_conduct_t *conduct, conduct_system_t *s) {
  double sigma[256] = {0};
  uint8_t class_of[256] = {0}, *code = NULL;
  int err = classes(conduct, s, class_of, sigma);
  if (!err) err = conductances(s, sigma);
  if (!err) err = conduct_alloc_slab(s->ctx, s->nz, s->plane, CONDUCT_HALO, 1, &s->code);
  if (!err) err = exset_alloc(s->ctx, s->nx, 1, &s->none);
  if (!err) err = exset_alloc(s->ctx, exset_grid_cells_local(&conduct->volume->grid), 1, &code);
  err = exset_agree(s->ctx, err);
  if (!err) err = percolate(conduct, s, class_of, code);
  if (!err && s->unknowns > 0) err = fill_codes(conduct, s, code);
  free(code);
  if (!err && s->unknowns > 0) err = exset_agree(s->ctx, conduct_pack(s));
  return err;
}

int conduct_system_create(const exset_conduct_t *conduct, int axis, conduct_system_t *s) {
  EXSET_TRY(system_grid(conduct, axis, s));
  int err = count_current(conduct, s);
  if (!err) err = build(conduct, s);
  if (err) conduct_system_clear(s);
  return err;
}

int conduct_system_turn(const exset_conduct_t *conduct, int axis, conduct_system_t *s) {
  s->axis = axis;
  return count_current(conduct, s);
}

void conduct_system_clear(conduct_system_t *s) {
  const int64_t padded = (s->ny + 2) * (s->half + 2);
  conduct_free_slab(s->code, s->plane, CONDUCT_HALO, 1);
  for (int c = 0; c < 2; c++) {
    conduct_free_slab(s->d[c], s->packed, 1, sizeof(float));
    conduct_free_slab(s->dd[c], s->packed, 1, sizeof(double));
  }
  for (int f = 0; f < 6; f++) conduct_free_slab(s->g[f], padded, 1, sizeof(float));
  free(s->none);
  free(s->table);
  free(s->electrode);
  *s = (conduct_system_t){0};
}
