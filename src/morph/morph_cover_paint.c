/* Balls painted row by row. */
#include "exset/simd.h"
#include "morph_cover_impl.h"
#include "morph_distance_impl.h"

#include <math.h>

enum { CHUNK = 8 };

/* Part of a slab in which one thread paints. */
typedef struct {
  const exset_grid_t *grid;
  const cover_metric_t *metric;
  int64_t from, to;   /* its planes in the whole volume */
  float *cover, *end; /* of the whole slab */
} canvas_t;

/* A ball with its place in the volume. */
typedef struct {
  int64_t z, y, x;
  float squared;
  uint32_t directions;
} placed_t;

/* The most steps along x of a ball in a row at squared distances y and z, by search. */
static int64_t find_half(const cover_metric_t *m, float squared, float y, float z, int64_t most) {
  const double guess =
      sqrt(fmax(0, (double)squared - (double)y - (double)z) / (double)m->weight[2]);
  int64_t d = guess < (double)most ? (int64_t)guess : most;
  while (d > 0 && !((distance_of_steps(m->weight[2], (float)d) + y) + z < squared)) d--;
  while (d < most && (distance_of_steps(m->weight[2], (float)(d + 1)) + y) + z < squared) d++;
  return d;
}

static inline int64_t half_of(const cover_metric_t *m, float squared, float y, float z,
                              int64_t most) {
  const float left = squared - y - z;
  if (!m->half || !(left >= 0 && left < COVER_HALF - 1)) /* below 0: rounding, beyond 2^24 */
    return find_half(m, squared, y, z, most);
  const int whole = (int)left;
  return m->half[whole + ((float)whole < left)]; /* d^2 < left where d^2 < the next whole number */
}

/* row[0 .. n - 1] = max with value, in whole chunks: beyond n nothing changes, but it is written. */
static inline void raise_row(float *row, int64_t n, float value, const float *end) {
  if (end - row < n + CHUNK) {
    for (int64_t i = 0; i < n; i++) row[i] = row[i] > value ? row[i] : value;
    return;
  }
  for (int32_t left = (int32_t)n; left > 0; left -= CHUNK, row += CHUNK) {
#pragma omp simd
    for (int32_t i = 0; i < CHUNK; i++) {
      const float larger = row[i] > value ? row[i] : value;
      row[i] = i < left ? larger : row[i];
    }
  }
}

/* Rows of a plane to one side of the centre (side -1, 0, 1 along y), z: squared distance of the plane. bits: directions
 * along x. */
EXSET_CLONES_UNJAMMED static void paint_rows(const canvas_t *c, const placed_t *ball, float *row,
                                             int side, float z, uint32_t bits) {
  const int64_t nx = c->grid->n[2], ny = c->grid->n[1];
  const int64_t x = ball->x, y = ball->y;
  const int64_t low = bits & 1 ? x : 0, high = bits & 4 ? nx - 1 - x : 0;
  const int64_t last = side < 0 ? y : side > 0 ? ny - 1 - y : 0;
  for (int64_t d = side != 0; d <= last; d++) {
    const float dy = distance_of_steps(c->metric->weight[1], (float)d);
    if (!(dy + z < ball->squared)) return;
    const int64_t half = half_of(c->metric, ball->squared, dy, z, nx);
    const int64_t left = half < low ? half : low, right = half < high ? half : high;
    raise_row(row + side * d * nx - left, left + right + 1, ball->squared, c->end);
  }
}

/* Planes to one side of the centre (side -1, 0, 1 along z). bits: directions along y and x. */
static void paint_planes(const canvas_t *c, const placed_t *ball, int side, uint32_t bits) {
  const int64_t nx = c->grid->n[2], plane = c->grid->n[1] * nx, at = ball->z;
  int64_t first = side != 0, last = 0; /* steps from the centre to the canvas, and to its end */
  if (side > 0) {
    first = c->from - at > 1 ? c->from - at : 1;
    last = c->to - 1 - at;
  } else if (side < 0) {
    first = at - (c->to - 1) > 1 ? at - (c->to - 1) : 1;
    last = at - c->from;
  } else if (at < c->from || at >= c->to) {
    return;
  }
  for (int64_t d = first; d <= last; d++) {
    const float z = distance_of_steps(c->metric->weight[0], (float)d);
    if (!(z < ball->squared)) return;
    float *row = c->cover + (at + side * d - c->grid->z0) * plane + ball->y * nx + ball->x;
    for (int y = -1; y <= 1; y++)
      if (bits >> 3 * (y + 1) & 7) paint_rows(c, ball, row, y, z, bits >> 3 * (y + 1) & 7);
  }
}

static void paint_ball(const canvas_t *c, const cover_ball_t *ball) {
  const int64_t nx = c->grid->n[2], ny = c->grid->n[1], row = ball->place / nx;
  const placed_t placed = {row / ny, row % ny, ball->place - row * nx, ball->squared,
                           ball->directions};
  for (int side = -1; side <= 1; side++)
    if (ball->directions >> 9 * (side + 1) & 511)
      paint_planes(c, &placed, side, ball->directions >> 9 * (side + 1) & 511);
}

int64_t cover_reach(const cover_metric_t *m, const exset_grid_t *grid, float squared) {
  int64_t d = (int64_t)fmin(sqrt((double)squared / (double)m->weight[0]), (double)grid->n[0]);
  while (d > 0 && !(distance_of_steps(m->weight[0], (float)d) < squared)) d--;
  return d;
}

void cover_paint(exset_ctx_t *ctx, const exset_grid_t *grid, const cover_metric_t *metric,
                 const cover_ball_t *ball, int64_t n, float *cover) {
  const int threads = ctx->threads;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; t++) {
    const int64_t from = grid->z0 + grid->nz_local * t / threads;
    const canvas_t canvas = {grid,  metric,
                             from,  grid->z0 + grid->nz_local * (t + 1) / threads,
                             cover, cover + exset_grid_cells_local(grid)};
    for (int64_t k = 0; k < n; k++) paint_ball(&canvas, &ball[k]);
  }
}
