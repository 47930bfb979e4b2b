/**
 * distance: exact Euclidean distances on labelled volumes, and sizes by balls.
 *
 * Distances are between cell centres, squared, in units of exset_distance_unit() squared: whole numbers, exact below
 * 2^24, where the voxels are cubes. Nothing beyond the outer faces counts: the volume is a window into a larger
 * structure. Masked cells (phase 0) are outside of the window, too: neither phase nor obstacle.
 */
#ifndef EXSET_DISTANCE_H
#define EXSET_DISTANCE_H

#include "exset/volume.h"

/** Length in micrometres of the unit of distances: the shortest edge of a voxel. Local. */
double exset_distance_unit(const exset_grid_t *grid);

/**
 * Squared distance from every cell to the nearest cell of a phase, 0 in the phase itself, INFINITY where the volume has
 * none of it. squared[nz_local][ny][nx]. One pass along each axis, the last one in slabs normal to y: searches of bounded
 * length, and lower envelopes of parabolas (Felzenszwalb and Huttenlocher 2012, Meijster et al. 2000) where they would be
 * long: work linear in the number of cells. Takes as much memory as squared on more than one rank. The same for any number of ranks. Collective. Errors: EXSET_ERR_RUN (memory), EXSET_ERR_LOCAL (MPI).
 */
int exset_distance_phase(exset_ctx_t *ctx, const exset_volume_t *volume, int phase, float *squared);

/* Called on all ranks after the distances to each phase are known: squared as above. It may be collective; an error code of any rank
 * ends the work. */
typedef int (*exset_distance_fn)(void *user, int phase, const float *squared);
/**
 * Squared distance from every cell to the nearest cell of any other phase (masked cells: 0; a volume of one phase:
 * INFINITY): inside[nz_local][ny][nx]. visit (NULL: none) sees the distances to each phase on the way. Collective.
 * Errors: as exset_distance_phase, and those of visit.
 */
int exset_distance_inside(exset_ctx_t *ctx, const exset_volume_t *volume, float *inside,
                          exset_distance_fn visit, void *user);

/**
 * Union of balls: cover(x) = the largest squared[c] over all cells c with |x - c|^2 < squared[c], and at least
 * squared[x]; 0 where no ball reaches. With squared = distances inside phases this is the local thickness, by which the
 * continuous phase-size distribution follows (Hildebrand and Ruegsegger 1997); exact, no steps of radius.
 * squared, cover: [nz_local][ny][nx], not the same array; entries of squared are >= 0. Balls of distances inside phases
 * hold no cell of another phase, but masked ones. Balls within that of a neighbour, and directions in which a neighbour's
 * ball does as well, are passed over: plateaus cost little (doc/theory/morphology.md). The same for any number of ranks.
 * Collective. Errors: EXSET_ERR_RUN (memory), EXSET_ERR_LOCAL (MPI).
 */
int exset_ball_cover(exset_ctx_t *ctx, const exset_grid_t *grid, const float *squared,
                     float *cover);

/** Radius in micrometres of the ball that a squared distance to the next phase stands for: half a voxel edge less than
 *  the distance, for the interface lies between the centres. Local. */
double exset_distance_radius(const exset_grid_t *grid, float squared);

#endif
