/* Passes of the distance transform along one axis. */
#ifndef EXSET_MORPH_DISTANCE_IMPL_H
#define EXSET_MORPH_DISTANCE_IMPL_H

#include "exset/grid.h"

/* Squared edges of a voxel in units of the shortest one: z, y, x. */
void distance_weights(const exset_grid_t *grid, float weight[3]);
/* Squared length of d steps. Everywhere in this order of operations: results are the same to the last bit. */
static inline float distance_of_steps(float weight, float d) {
  return weight * (d * d);
}

/* Cells of adjacent columns that are worked on together: whole cache lines. */
enum { DISTANCE_LANES = 32 };

/* What one thread needs for a pass over columns of m cells. Zero-initialise. */
typedef struct {
  float *column;   /* [m][DISTANCE_LANES] */
  double *border;  /* [m + 1]: where parabola k of the lower envelope begins */
  int64_t *vertex; /* [m]: its vertex */
} distance_work_t;

/* Local. */
int distance_work_init(exset_ctx_t *ctx, int64_t m, distance_work_t *work);
void distance_work_clear(distance_work_t *work);

/* f(k) -> min over j of f(j) + weight (k - j)^2, k, j = 0 .. m - 1, in place, along lanes adjacent columns of m cells stride
 * apart. Local. */
void distance_columns(float *first, int64_t lanes, int64_t m, int64_t stride, float weight,
                      distance_work_t *work);

#endif
