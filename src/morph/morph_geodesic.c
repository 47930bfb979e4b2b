/* Shortest paths: each cell is settled in the bucket of its length. */
#include <math.h>
#include <stdlib.h>

#include "morph_geodesic_impl.h"

/* Above the links of a cell stands how its present value came: the number of the step, STEP_NONE at the start and across
 * slab faces, SETTLED when it has been passed on. */
enum { STEPS = 27, STEP_NONE = LINK_SELF, SETTLED = 31 };
static const uint32_t links_all = (1u << LINK_BITS) - 1;

typedef struct {
  int64_t offset[STEPS];
  float length[STEPS];    /* in units of the shortest edge */
  uint32_t onward[STEPS]; /* where to go on after a step */
  const exset_grid_t *grid;
  uint32_t *link; /* [cells] */
  float *value;   /* [cells + 2 plane] */
} paths_t;

/* After a step from p to u only cells that are no neighbours of p have to be tried: the others were reached from p by a
 * way that is shorter by 0.58 edges at least (two edges of a right angle against its diagonal), or p left them out for
 * the same reason. That is more than the rounding of lengths below 2^22 edges. */
static const float round_limit = 4194304;

static uint32_t steps_onward(const int first[3]) {
  uint32_t onward = 0;
  for (int k = 0; k < STEPS; k++) {
    const int d[3] = {k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1};
    bool near = true;
    for (int a = 0; a < 3; a++) near = near && abs(first[a] + d[a]) <= 1;
    if (!near) onward |= 1u << k;
  }
  return onward;
}

static float set_steps(paths_t *paths) {
  const exset_grid_t *grid = paths->grid;
  const double *h = grid->voxel, unit = fmin(h[0], fmin(h[1], h[2]));
  float longest = 0;
  for (int k = 0; k < STEPS; k++) {
    const int d[3] = {k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1};
    double square = 0;
    for (int a = 0; a < 3; a++) square += pow(d[a] * (h[a] / unit), 2);
    paths->length[k] = (float)sqrt(square);
    paths->offset[k] = (d[0] * grid->n[1] + d[1]) * grid->n[2] + d[2];
    paths->onward[k] = k == STEP_NONE ? links_all : steps_onward(d);
    longest = fmaxf(longest, paths->length[k]);
  }
  return longest;
}

static void mark(paths_t *paths, const front_t *front, int64_t cell, uint32_t step) {
  uint32_t *link = &paths->link[cell - front->plane];
  *link = (*link & links_all) | step << LINK_BITS;
}

/* The cell has a path of this length. */
static inline void arrive(paths_t *paths, front_t *front, int64_t cell, float value,
                          uint32_t step) {
  paths->value[cell] = value;
  if (front_inside(front, cell)) {
    mark(paths, front, cell, step);
    front_push(front, cell, (int64_t)value);
  } else {
    front_send(front, cell, value);
  }
}

static inline void settle(paths_t *paths, front_t *front, int64_t cell) {
  const uint32_t link = paths->link[cell - front->plane], step = link >> LINK_BITS;
  const float value = paths->value[cell];
  if (step == SETTLED || (int64_t)value != front->bucket) return;
  mark(paths, front, cell, SETTLED);
  uint32_t ways = link & (value < round_limit ? paths->onward[step] : links_all);
  for (; ways; ways &= ways - 1) {
    const int k = __builtin_ctz(ways);
    const int64_t other = cell + paths->offset[k];
    const float longer = value + paths->length[k];
    if (longer < paths->value[other]) arrive(paths, front, other, longer, (uint32_t)k);
  }
}

/* Have the neighbours of a cell, in 9 rows, read into the cache. */
static inline void fetch(const paths_t *paths, const front_t *front, int64_t cell) {
  const float *value = paths->value + cell;
  __builtin_prefetch(paths->link + cell - front->plane);
  for (int k = 1; k < STEPS; k += 3) __builtin_prefetch(value + paths->offset[k]);
}

/* The list grows on the way only where an edge is lost in the rounding of the lengths. */
static void settle_bucket(paths_t *paths, front_t *front) {
  enum { AHEAD = 8 };
  cells_t *list = front_slot(front, front->bucket);
  for (int64_t i = 0; i < list->n; i++) {
    if (i + AHEAD < list->n) fetch(paths, front, list->cell[i + AHEAD]);
    settle(paths, front, list->cell[i]);
  }
  list->n = 0;
}

static void take_arrivals(paths_t *paths, front_t *front) {
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < front->in[side].n; i++) {
      const int64_t cell = front_cell(front, side, i);
      const float value = front->in[side].item[i].value;
      if (value < paths->value[cell]) arrive(paths, front, cell, value, STEP_NONE);
    }
}

/* Cells of the last plane along axis, y or x unless there is one slab only. */
static void start(paths_t *paths, front_t *front, const uint8_t *phase, int axis) {
  const int64_t *n = paths->grid->n, nz = paths->grid->nz_local;
  for (int64_t z = 0; z < nz; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = axis == EXSET_AXIS_X ? n[2] - 1 : 0; x < n[2]; x++) {
        const int64_t i = (z * n[1] + y) * n[2] + x;
        const bool last[3] = {paths->grid->z0 + z == n[0] - 1, y == n[1] - 1, x == n[2] - 1};
        if (last[axis] && phase[i]) arrive(paths, front, i + front->plane, 0, STEP_NONE);
      }
}

/* Buckets of voxels that are nearly cubes hold cells one and all. */
static void set_stride(front_t *front) {
  enum { STRIDE = 8, NEARLY_CUBES = 16 };
  const bool dense = front->slots <= NEARLY_CUBES && front->bucket < (int64_t)round_limit - STRIDE;
  front->stride = dense ? STRIDE : 1;
}

static int find_paths(paths_t *paths, front_t *front, const uint8_t *phase, int axis) {
  const int64_t cells = front->cells + 2 * front->plane;
  EXSET_TRY(links_get(front->ctx, paths->grid, phase, paths->link));
  for (int64_t i = 0; i < cells; i++) paths->value[i] = INFINITY;
  start(paths, front, phase, axis);
  EXSET_TRY(front_next(front));
  while (front->bucket >= 0) {
    set_stride(front);
    settle_bucket(paths, front);
    EXSET_TRY(front_exchange(front, paths->value));
    take_arrivals(paths, front);
    EXSET_TRY(front_next(front));
  }
  return EXSET_OK;
}

static int length_in_slabs(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase,
                           int axis, float *length) {
  paths_t paths = {.grid = grid};
  front_t front;
  const float longest = set_steps(&paths);
  int err = front_init(ctx, grid, (int64_t)longest + 2, &front);
  if (!err) err = exset_alloc_unset(ctx, front.cells, sizeof *paths.link, &paths.link);
  if (!err)
    err = exset_alloc_unset(ctx, front.cells + 2 * front.plane, sizeof *paths.value, &paths.value);
  err = exset_agree(ctx, err);
  if (!err) err = find_paths(&paths, &front, phase, axis);
  const double unit = fmin(grid->voxel[0], fmin(grid->voxel[1], grid->voxel[2]));
  for (int64_t i = 0; !err && i < front.cells; i++)
    length[i] = (float)(unit * paths.value[front.plane + i]);
  front_clear(&front);
  free(paths.link);
  free(paths.value);
  return err;
}

/* Along z the fronts would pass from slab to slab: slabs normal to y have them all at once. */
static int length_turned(exset_ctx_t *ctx, const exset_volume_t *volume, float *length) {
  exset_grid_t turned;
  uint8_t *phase = NULL;
  float *values = NULL;
  EXSET_TRY(exset_grid_turned(ctx, &volume->grid, &turned));
  const int64_t cells = exset_grid_cells_local(&turned);
  int err = exset_alloc_unset(ctx, cells, 1, &phase);
  if (!err) err = exset_alloc_unset(ctx, cells, sizeof *values, &values);
  err = exset_agree(ctx, err);
  if (!err) err = exset_grid_turn(ctx, &volume->grid, 1, volume->phase, &turned, phase);
  if (!err) err = length_in_slabs(ctx, &turned, phase, EXSET_AXIS_Y, values);
  if (!err) err = exset_grid_turn(ctx, &turned, sizeof *values, values, &volume->grid, length);
  free(phase);
  free(values);
  return err;
}

int exset_geodesic_length(exset_ctx_t *ctx, const exset_volume_t *volume, int axis, float *length) {
  if (axis == EXSET_AXIS_Z && ctx->size > 1) return length_turned(ctx, volume, length);
  return length_in_slabs(ctx, &volume->grid, volume->phase, axis, length);
}
