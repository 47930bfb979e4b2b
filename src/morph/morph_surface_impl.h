/* Inside the stereology of volumes: directions of a lattice, padded planes of cells. */
#ifndef EXSET_SURFACE_IMPL_H
#define EXSET_SURFACE_IMPL_H

#include "exset/surface.h"

/* Steps (z, y, x) to half of the 26 neighbours of a cell; the other half are their opposites. */
enum { SURFACE_DIRECTIONS = 13 };
extern const int surface_step[SURFACE_DIRECTIONS][3];
/* Length of each step, for edges z, y, x of a cell. Local. */
void surface_lengths(const double edge[3], double length[SURFACE_DIRECTIONS]);
/* Share of each direction and its opposite in the sphere: solid angle of the directions nearest to it. Exact but for
 * rounding. Local. */
void surface_weights(const double edge[3], double weight[SURFACE_DIRECTIONS]);

/*
 * A plane of cells with a border of zeros, so that steps beyond a face meet masked cells: row y begins at
 * start + y stride, and the zero that follows it also precedes the next one.
 */
typedef struct {
  int64_t ny, nx, stride, start, size;
} surface_plane_t;

surface_plane_t surface_plane(const exset_grid_t *grid);
/* Copy a plane into a padded one whose border is zero. code: phase p as bit p - 1 (at most 8 phases), else as it is. Local. */
void surface_pad(const surface_plane_t *plane, const uint8_t *phase, int n_phases, bool code,
                 uint8_t *padded);
/* Up to depth planes above this rank's slab, whatever slabs they come from: above[*count][ny][nx]. Free above, also after an
 * error. Collective. */
int surface_planes_above(exset_ctx_t *ctx, const exset_volume_t *volume, int64_t depth,
                         uint8_t **above, int64_t *count);

#endif
