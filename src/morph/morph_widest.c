/* Widest paths: fronts in the order of falling widths. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/simd.h"
#include "morph_geodesic_impl.h"

enum { FACES = 6, MANTISSA_BITS = 23, SHARE_BITS = 6 };

typedef struct {
  const exset_grid_t *grid;
  const uint8_t *phase;
  const float *squared; /* [cells] */
  float *beside[2];     /* [plane]: squared in the planes below and above the slab */
  uint8_t *
      link; /* [cells]: bit for each face with a cell of equal phase behind it, in the order of offset */
  float *value; /* [cells + 2 plane] */
  int64_t offset[FACES];
  uint32_t widest; /* bits of the largest value of squared on any rank */
} widths_t;

/* ---- buckets ----------------------------------------------------------------------------------- */

/* Floats > 0 have the order of their bits: 2^SHARE_BITS buckets for each factor of 2, the widest first. Paths of one bucket may
 * still better each other. */
static int64_t bucket_of(const widths_t *widths, float value) {
  const int shift = MANTISSA_BITS - SHARE_BITS;
  return (int64_t)(widths->widest >> shift) - (int64_t)(exset_float_bits(value) >> shift);
}

/* The number of buckets that there are. */
static int find_range(exset_ctx_t *ctx, widths_t *widths, int64_t cells, int64_t *buckets) {
  float range[2] = {0, -INFINITY}, all[2]; /* largest, negative of the least that is > 0 */
  for (int64_t i = 0; i < cells; i++) {
    const float value = widths->squared[i] > 0 ? widths->squared[i] : 0;
    if (value > range[0]) range[0] = value;
    if (value > 0 && -value > range[1]) range[1] = -value;
  }
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(range, all, 2, MPI_FLOAT, MPI_MAX, ctx->comm)));
  widths->widest = exset_float_bits(all[0]);
  *buckets = all[0] > 0 ? bucket_of(widths, -all[1]) + 1 : 1;
  return EXSET_OK;
}

/* ---- neighbours -------------------------------------------------------------------------------- */

static void compare(const uint8_t *restrict row, const uint8_t *restrict other, int64_t n,
                    uint8_t bit, uint8_t *restrict link) {
  for (int64_t x = 0; x < n; x++)
    link[x] = (uint8_t)(link[x] | (((row[x] == other[x]) & (row[x] != 0)) ? bit : 0));
}

static void link_plane(widths_t *widths, const sides_t *sides, int64_t z) {
  const int64_t nx = widths->grid->n[2], plane = widths->grid->n[1] * nx;
  const uint8_t *here = widths->phase + z * plane;
  const uint8_t *below = z > 0 ? here - plane : sides->side[0];
  const uint8_t *above = z < widths->grid->nz_local - 1 ? here + plane : sides->side[1];
  uint8_t *link = widths->link + z * plane;
  memset(link, 0, (size_t)plane);
  compare(here, below, plane, 1, link);
  compare(here, above, plane, 2, link);
  compare(here + nx, here, plane - nx, 4, link + nx);
  compare(here, here + nx, plane - nx, 8, link);
  for (int64_t r = 0; r < plane; r += nx) {
    compare(here + r + 1, here + r, nx - 1, 16, link + r + 1);
    compare(here + r, here + r + 1, nx - 1, 32, link + r);
  }
}

static int find_links(exset_ctx_t *ctx, widths_t *widths) {
  const exset_grid_t *grid = widths->grid;
  const int64_t plane = grid->n[1] * grid->n[2];
  const int64_t top = grid->nz_local > 0 ? (grid->nz_local - 1) * plane : 0;
  sides_t sides;
  int err = sides_get(ctx, grid, widths->phase, &sides);
  for (int64_t z = 0; !err && z < grid->nz_local; z++) link_plane(widths, &sides, z);
  sides_clear(&sides);
  EXSET_TRY(err);
  return exset_grid_halo(ctx, grid, (size_t)plane * sizeof(float), widths->squared,
                         widths->squared + top, widths->beside[0], widths->beside[1], false);
}

/* ---- fronts ------------------------------------------------------------------------------------ */

static inline void arrive(widths_t *widths, front_t *front, int64_t cell, float value) {
  widths->value[cell] = value;
  if (front_inside(front, cell)) front_push(front, cell, bucket_of(widths, value));
  else front_send(front, cell, value);
}

/* How wide a path may become in a cell that has one already. */
static inline float squared_at(const widths_t *widths, const front_t *front, int64_t cell) {
  const int64_t i = cell - front->plane;
  if (i < 0) return widths->beside[0][cell];
  return i < front->cells ? widths->squared[i] : widths->beside[1][i - front->cells];
}

/* A cell that has a path of a later bucket has it from the bucket at work or an earlier one, so that it is as wide as the
 * cell itself allows: only paths of this bucket can still be bettered, by those that were found later. */
static inline void settle(widths_t *widths, front_t *front, int64_t cell) {
  const float value = widths->value[cell];
  if (bucket_of(widths, value) != front->bucket) return; /* has been settled in an earlier one */
  for (uint32_t ways = widths->link[cell - front->plane]; ways; ways &= ways - 1) {
    const int64_t other = cell + widths->offset[__builtin_ctz(ways)];
    const float present = widths->value[other];
    float most = -present;
    if (present >= value) continue;
    if (present >= 0) {
      if (bucket_of(widths, present) != front->bucket) continue;
      most = squared_at(widths, front, other);
    }
    const float width = most < value ? most : value;
    if (width > present) arrive(widths, front, other, width);
  }
}

/* Have the neighbours of a cell read into the cache. */
static inline void fetch(const widths_t *widths, const front_t *front, int64_t cell) {
  const float *value = widths->value + cell;
  __builtin_prefetch(widths->link + cell - front->plane);
  __builtin_prefetch(value);
  for (int k = 0; k < 4; k++) __builtin_prefetch(value + widths->offset[k]);
}

/* Forget the first cells of a list once they are half of a long one. */
static void shorten(cells_t *list, int64_t *done) {
  enum { LONG = 16384 };
  if (*done < LONG || 2 * *done < list->n) return;
  list->n -= *done;
  memmove(list->cell, list->cell + *done, (size_t)list->n * sizeof *list->cell);
  *done = 0;
}

/* The list grows on the way, for most steps stay in the bucket. Its memory is given back: the bucket is done, but for arrivals. */
static void settle_bucket(widths_t *widths, front_t *front) {
  enum { AHEAD = 8 };
  cells_t *list = front_slot(front, front->bucket);
  for (int64_t i = 0; i < list->n; shorten(list, &i)) {
    if (i + AHEAD < list->n) fetch(widths, front, list->cell[i + AHEAD]);
    settle(widths, front, list->cell[i++]);
  }
  free(list->cell);
  *list = (cells_t){NULL, 0, 0};
}

static void take_arrivals(widths_t *widths, front_t *front) {
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < front->in[side].n; i++) {
      const int64_t cell = front_cell(front, side, i);
      const float value = front->in[side].item[i].value;
      if (value > widths->value[cell]) arrive(widths, front, cell, value);
    }
}

/* Cells of the low or the high outer face. */
static void start(widths_t *widths, front_t *front, int axis, bool high) {
  const int64_t *n = widths->grid->n;
  for (int64_t i = 0; i < front->cells; i++) {
    const int64_t at[3] = {widths->grid->z0 + i / front->plane, i / n[2] % n[1], i % n[2]};
    const bool outer = at[axis] == (high ? n[axis] - 1 : 0);
    if (outer && widths->phase[i] && widths->squared[i] > 0)
      arrive(widths, front, i + front->plane, widths->squared[i]);
  }
}

/* No negative value but in cells with squared > 0, and -0 < 0 is false: paths of no width are none. */
static void set_unreached(widths_t *widths, const front_t *front) {
  float *below = widths->value, *value = below + front->plane, *above = value + front->cells;
  for (int64_t i = 0; i < front->cells; i++) value[i] = -widths->squared[i];
  for (int64_t i = 0; i < front->plane; i++) {
    below[i] = -widths->beside[0][i];
    above[i] = -widths->beside[1][i];
  }
}

static int find_paths(widths_t *widths, front_t *front, int axis, bool high) {
  EXSET_TRY(find_links(front->ctx, widths));
  set_unreached(widths, front);
  start(widths, front, axis, high);
  EXSET_TRY(front_next(front));
  while (front->bucket >= 0) {
    settle_bucket(widths, front);
    EXSET_TRY(front_exchange(front, widths->value));
    take_arrivals(widths, front);
    EXSET_TRY(front_next(front));
  }
  return EXSET_OK;
}

static int widths_alloc(widths_t *widths, const front_t *front) {
  exset_ctx_t *ctx = front->ctx;
  for (int side = 0; side < 2; side++)
    EXSET_TRY(exset_alloc(ctx, front->plane, sizeof(float), &widths->beside[side]));
  EXSET_TRY(exset_alloc_unset(ctx, front->cells, 1, &widths->link));
  return exset_alloc_unset(ctx, front->cells + 2 * front->plane, sizeof(float), &widths->value);
}

/* A volume and the values of its cells, and from where paths come. */
typedef struct {
  const exset_grid_t *grid;
  const uint8_t *phase;
  const float *squared;
  int axis;
  bool high;
} task_t;

static int widest_in_slabs(exset_ctx_t *ctx, const task_t *task, float *widest) {
  const exset_grid_t *grid = task->grid;
  const int64_t nx = grid->n[2], plane = grid->n[1] * nx;
  widths_t widths = {.grid = grid,
                     .phase = task->phase,
                     .squared = task->squared,
                     .offset = {-plane, plane, -nx, nx, -1, 1}};
  front_t front;
  int64_t buckets;
  EXSET_TRY(find_range(ctx, &widths, exset_grid_cells_local(grid), &buckets));
  int err = front_init(ctx, grid, buckets, &front);
  if (!err) err = widths_alloc(&widths, &front);
  err = exset_agree(ctx, err);
  if (!err) err = find_paths(&widths, &front, task->axis, task->high);
  for (int64_t i = 0; !err && i < front.cells; i++)
    widest[i] = widths.value[plane + i] > 0 ? widths.value[plane + i] : 0;
  front_clear(&front);
  for (int side = 0; side < 2; side++) free(widths.beside[side]);
  free(widths.link);
  free(widths.value);
  return err;
}

/* As for shortest paths: fronts along z have all ranks at work in slabs normal to y. */
typedef struct {
  uint8_t *phase;
  float *squared, *widest;
} turned_t;

static int turned_alloc(exset_ctx_t *ctx, int64_t cells, turned_t *t) {
  EXSET_TRY(exset_alloc_unset(ctx, cells, 1, &t->phase));
  EXSET_TRY(exset_alloc_unset(ctx, cells, sizeof *t->squared, &t->squared));
  return exset_alloc_unset(ctx, cells, sizeof *t->widest, &t->widest);
}

static int widest_turned(exset_ctx_t *ctx, const task_t *task, float *widest) {
  exset_grid_t grid;
  turned_t t = {NULL, NULL, NULL};
  EXSET_TRY(exset_grid_turned(ctx, task->grid, &grid));
  int err = exset_agree(ctx, turned_alloc(ctx, exset_grid_cells_local(&grid), &t));
  if (!err) err = exset_grid_turn(ctx, task->grid, 1, task->phase, &grid, t.phase);
  if (!err) err = exset_grid_turn(ctx, task->grid, sizeof(float), task->squared, &grid, t.squared);
  const task_t turned = {&grid, t.phase, t.squared, EXSET_AXIS_Y, task->high};
  if (!err) err = widest_in_slabs(ctx, &turned, t.widest);
  if (!err) err = exset_grid_turn(ctx, &grid, sizeof(float), t.widest, task->grid, widest);
  free(t.phase);
  free(t.squared);
  free(t.widest);
  return err;
}

int exset_geodesic_widest(exset_ctx_t *ctx, const exset_volume_t *volume, int axis, bool high,
                          const float *squared, float *widest) {
  const task_t task = {&volume->grid, volume->phase, squared, axis, high};
  if (axis == EXSET_AXIS_Z && ctx->size > 1) return widest_turned(ctx, &task, widest);
  return widest_in_slabs(ctx, &task, widest);
}
