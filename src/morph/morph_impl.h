/* Inside the descriptors of volumes. */
#ifndef EXSET_MORPH_IMPL_H
#define EXSET_MORPH_IMPL_H

#include "exset/morph.h"

/**
 * Shares of each phase's cells in clusters (cells joined through faces) that touch both, one or none of the two outer
 * faces normal to the axes asked for (axis[3]: z, y, x): percolating_fraction, dead_end_fraction and isolated_fraction
 * of phase[n_phases], which sum to 1. All three are NaN for axes not asked for and for phases without cells. One
 * labelling for all phases; 4 bytes for each cell and, for each piece of a cluster, 18 bytes. Collective; the same for
 * any number of ranks. Errors: EXSET_ERR_RUN (memory; see components.h), EXSET_ERR_LOCAL (MPI).
 */
int morph_connect(exset_ctx_t *ctx, const exset_volume_t *volume, const bool axis[3],
                  exset_morph_phase_t *phase);

#endif
