/* Unions of balls: which centres matter, and painting. */
#ifndef EXSET_MORPH_COVER_IMPL_H
#define EXSET_MORPH_COVER_IMPL_H

#include "exset/grid.h"

/* A ball |x - c|^2 < squared, of which the cells in some directions matter: bit 9 (z + 1) + 3 (y + 1) + (x + 1) for the
 * cells x with signs z, y, x of x - c. */
typedef struct {
  int64_t place; /* of the centre in the whole volume: (z ny + y) nx + x */
  float squared;
  uint32_t directions;
} cover_ball_t;

/* Zero-initialise; free item. */
typedef struct {
  cover_ball_t *item; /* [n]; room for more */
  int64_t n, room;
} cover_balls_t;

/* Squares of lengths in units, and tables over them. Zero-initialise. */
typedef struct {
  float weight[3]; /* squared edges: z, y, x */
  float least;     /* of them: balls of no more hold their centre alone */
  uint8_t *half;   /* [COVER_HALF]: the most steps d with d^2 < k; NULL: not cubes */
  double width;    /* of bins of squares: bin b is for squares in ((b - 1) width, b width] */
  int64_t n_bins;
  /* [COVER_STEPS][n_bins]: balls of larger squares round the neighbour by steps z, y, x (number 16 z + 4 y + x, up to 3 each)
   * hold all cells of the ball of a square of the bin. */
  float *held;
} cover_metric_t;
enum { COVER_HALF = 65536, COVER_STEPS = 64 };

/* largest: of the finite squares of the balls. Local. */
int cover_metric_init(exset_ctx_t *ctx, const exset_grid_t *grid, float largest,
                      cover_metric_t *metric);
void cover_metric_clear(cover_metric_t *metric);

/* Balls of this rank's slab that matter, in order of place. below, above: the planes next to it, NULL where there is none.
 * Local; errors: EXSET_ERR_LOCAL (memory). */
int cover_find(exset_ctx_t *ctx, const exset_grid_t *grid, const cover_metric_t *metric,
               const float *squared, const float *below, const float *above, cover_balls_t *balls);

/* The most steps along z that the ball reaches. Local. */
int64_t cover_reach(const cover_metric_t *metric, const exset_grid_t *grid, float squared);
/* Maximum of the cells of this rank's slab and the balls that hold them. Local. */
void cover_paint(exset_ctx_t *ctx, const exset_grid_t *grid, const cover_metric_t *metric,
                 const cover_ball_t *ball, int64_t n, float *cover);

#endif
