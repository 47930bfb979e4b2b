/**
 * surface: areas of interfaces, lengths of three-phase boundaries and chords of labelled volumes, by stereology.
 *
 * All are estimates for the structure that the voxels sample, not for the staircase of voxel faces, which is 3/2 times
 * too large on average. Pairs of cells of which one is masked (phase 0) or beyond an outer face do not count.
 */
#ifndef EXSET_SURFACE_H
#define EXSET_SURFACE_H

#include "exset/histogram.h"
#include "exset/volume.h"

/**
 * Area of the interface between phases i and j per volume, 1/um: area[n_phases][n_phases], symmetric, diagonal 0. The row sums
 * are the specific surface areas. Crofton: S_V = 2 sum_d w_d P_L(d) over the 13 directions d to the 26 neighbours,
 * P_L: changes from i to j or back per length of line, w_d: share of direction d in the sphere (solid angle of the
 * directions nearest to it; Ohser and Muecklich 2000), for the voxel's shape. Directions without a pair of cells that
 * counts (volumes of one plane) are left out; NaN where there is no pair at all.
 * The same for any number of ranks. Needs two planes for each thread. Collective. Errors: EXSET_ERR_RUN (memory),
 * EXSET_ERR_LOCAL (MPI).
 */
int exset_surface_areas(exset_ctx_t *ctx, const exset_volume_t *volume, double *area);

/** Number of triples of phases i < j < k; 0 for fewer than three phases. Local. */
int exset_surface_triples(int n_phases);
/**
 * Length per volume, 1/um^2, of the lines on which three phases meet: length[0] all of them, length[1 + t] those of
 * triple t in lexical order. Squares of four cells in the three lattice planes show where a line passes, and which way (the
 * cyclic order of the phases); their sum over a small window is the vector between the ends of the line in it, and
 * the length is the mean of its absolute value over all windows, divided by its known mean on straight lines. Windows are
 * 2 sqrt(longest edge of a voxel / edge) blocks of 2 x 2 x 2 cells wide: lines of the same triple that are closer
 * together, in opposite directions, cancel. Blocks with a masked cell do not count; NaN where there is no other block (0 for
 * fewer than three phases). Errors of a few per cent where distances of interfaces are 10 voxels or more and edges of voxels
 * differ by factors up to 3 (doc/theory/morphology.md).
 * The same for any number of ranks. Work grows with the number of triples. Collective. Errors: as above.
 */
int exset_surface_lines(exset_ctx_t *ctx, const exset_volume_t *volume, double *length);

/**
 * Chords along one axis: lengths, in voxels along it, of the runs of cells of each phase; runs that an outer face or a masked cell
 * cuts off do not count. chords[n_phases]: bins of width 1 that start at 0 (a run of n cells is in bin n). Along z the cells are
 * turned: a second and, for the while, third copy of them. lines: lengths of the lines of cells that are not masked, along the
 * whole axis or between masked cells; bins as those of chords. Collective. Ownership: clear each, and lines, with
 * exset_histogram_clear. Errors: as above; nothing to clear then.
 */
int exset_surface_chords(exset_ctx_t *ctx, const exset_volume_t *volume, int axis,
                         exset_histogram_t *chords, exset_histogram_t *lines);
/**
 * Mean chord of a phase in voxels; NaN: no chord. Long runs are cut off more often than short ones: a line of n cells has n - k - 1
 * places for a whole run of k, so the count of runs of k cells is divided by the number of places in all lines. Of runs too long
 * for any line nothing is known. Local.
 */
double exset_surface_chord_mean(const exset_histogram_t *chords, const exset_histogram_t *lines);

#endif
