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

/* Squares of lengths in units, and tables of whole numbers where voxels are cubes. Zero-initialise. */
typedef struct {
  float weight[3];    /* squared edges: z, y, x */
  float least;        /* of them: balls of no more hold their centre alone */
  uint8_t *half;      /* [COVER_HALF]: the most steps d with d^2 < k; NULL: not cubes */
  int64_t n_contains; /* entries of contains; 0: not cubes */
  float *contains
      [3]; /* the least square of the ball round a neighbour (by face, edge, corner) that holds this one's cells */
} cover_metric_t;
enum { COVER_HALF = 65536 };

/* largest: of the squares of the balls. Local. */
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
