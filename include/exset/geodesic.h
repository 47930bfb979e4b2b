/**
 * geodesic: shortest and widest paths within phases of distributed volumes, from outer faces.
 *
 * Fronts move from cell to cell within a phase; all phases at once, for they never meet. Masked cells (phase 0) are not
 * entered. Opposite outer faces are not joined.
 */
#ifndef EXSET_GEODESIC_H
#define EXSET_GEODESIC_H

#include "exset/volume.h"

/**
 * Length in micrometres of the shortest path within the cell's phase from each cell to the last plane along axis:
 * steps to the 26 neighbours, each as long as the distance of the centres (1, sqrt 2, sqrt 3 voxels of a cubic
 * lattice); INFINITY where there is no path. length[nz_local][ny][nx]. Buckets as wide as the shortest step, worked off
 * by all ranks together, so that each cell is settled once (Dijkstra; Dial 1969).
 * The same for any number of ranks. Collective. Errors: EXSET_ERR_RUN (memory), EXSET_ERR_LOCAL (MPI).
 */
int exset_geodesic_length(exset_ctx_t *ctx, const exset_volume_t *volume, int axis, float *length);

/**
 * Widest paths: for each cell the largest value w such that a path of cells with squared >= w, joined through faces within
 * the phase, leads to it from an outer face normal to axis (the low one, or the high one). Cells that none leads to: 0.
 * With squared = distances inside phases (distance.h) a ball of that radius can be pushed to the cell from the face:
 * exset_ball_cover of the result is simulated mercury intrusion (Muench and Holzer 2008).
 * squared, widest: [nz_local][ny][nx]. Collective. Errors: EXSET_ERR_RUN (memory), EXSET_ERR_LOCAL (MPI).
 */
int exset_geodesic_widest(exset_ctx_t *ctx, const exset_volume_t *volume, int axis, bool high,
                          const float *squared, float *widest);

#endif
