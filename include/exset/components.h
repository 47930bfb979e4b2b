/**
 * components: connected components of distributed volumes (cells joined through faces).
 */
#ifndef EXSET_COMPONENTS_H
#define EXSET_COMPONENTS_H

#include "exset/grid.h"

/* Components with cells in this rank's slab; number 0 stands for "outside". */
typedef struct {
  int64_t n_local; /* pieces in this slab; a component may enter a slab in several pieces */
  uint32_t *piece; /* [nz_local][ny][nx]: 0 outside, else 1..n_local */
  int64_t *
      name; /* [n_local + 1]: the component of a piece: 1 + index of its first cell in the whole volume, */
            /* index (z * ny + y) * nx + x; the same for any number of ranks; name[0] = 0 */
  int64_t first;    /* what the component would be named that begins with the slab's first cell */
  int64_t n_global; /* components of the whole volume */
} exset_components_t;

/**
 * Label the components: neighbours through a face belong together when their classes are equal and
 * not 0. No wrap at the outer faces.
 *
 * Collective. class[nz_local][ny][nx]. Union-find on runs of cells along x in each slab; then the pairs of pieces that meet
 * across slab faces are found, and sets of them pass from slab to slab, once up and once down. The result does not depend
 * on the number of ranks.
 * Ownership: clear with exset_components_clear. Errors: EXSET_ERR_RUN (memory; 2^32 runs in a slab; 2^30 pairs of
 * pieces at a slab face), EXSET_ERR_LOCAL (MPI).
 */
int exset_components_label(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                           exset_components_t *components);
/** Local. */
void exset_components_clear(exset_components_t *components);

/**
 * Number of components of the whole volume with keep_piece[piece] != 0, each counted once; keep_piece[n_local + 1] is
 * the same for all pieces of a component, NULL keeps all. Collective. Errors: EXSET_ERR_LOCAL (MPI).
 */
int exset_components_count(exset_ctx_t *ctx, const exset_components_t *components,
                           const uint8_t *keep_piece, int64_t *kept);

enum { EXSET_TOUCHES_LOW = 1, EXSET_TOUCHES_HIGH = 2 };
/**
 * Which of the two outer faces normal to axis each component touches anywhere in the volume:
 * touches[n_local + 1] gets a sum of the values above for each piece.
 * Collective. cell_class as for the labelling. Pieces in the first and last planes of slabs are compared on rank 0.
 * Errors: EXSET_ERR_RUN (memory; 2^30 such pieces at the outer faces), EXSET_ERR_LOCAL (MPI).
 */
int exset_components_touch(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                           const exset_components_t *components, int axis, uint8_t *touches);

/**
 * Along which axes components wind round a box whose opposite outer faces are joined (periodic in all directions): a
 * component winds along an axis when it has a closed path that crosses the box along that axis, in the net, at least
 * once. A path that winds along a diagonal counts for each of its axes, one that leaves through a face and comes back
 * through the same for none. On periodic media only such components carry a mean current.
 *
 * components: as exset_components_label left them, that is, without wrap; several of them may be one component of the
 * periodic box. Cells on opposite faces are neighbours under the same rule: equal classes, not 0.
 * winds[n_local + 1]: sum of 1 << axis for each piece, the same for all pieces of a periodic component; winds[0] = 0.
 * n_periodic: components of the periodic box; n_winding: those that wind along any axis. Both of the whole volume.
 *
 * Collective. Pairs of names that meet across the outer faces (each once for each rank) are gathered on rank 0 and
 * solved there by union-find with displacements; the winding names are sent to all. The result does not depend on the
 * number of ranks. Errors: EXSET_ERR_RUN (memory; 2^30 pairs), EXSET_ERR_LOCAL (MPI).
 */
int exset_components_wind(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                          const exset_components_t *components, uint8_t *winds, int64_t *n_periodic,
                          int64_t *n_winding);

#endif
