/**
 * validate: a model against sections it was, or was not, calibrated to, on figures that calibration does not use, with error bands from
 * realisations.
 */
#ifndef EXSET_VALIDATE_H
#define EXSET_VALIDATE_H

#include "exset/coverage.h"

/* Two-dimensional descriptors of one section, each phase. Lengths in micrometres. */
typedef struct {
  int n_phases;
  double fraction[EXSET_MAX_PHASES];
  double boundary
      [EXSET_MAX_PHASES]; /* specific boundary length, 1/um: Crofton's formula, 4 directions */
  double chord_mean
      [2]
      [EXSET_MAX_PHASES]; /* mean chord along rows' direction (down the columns) and along columns; chords that
                                             touch the frame or a mask are left out */
  int n_chord_bins;
  double chord_bin; /* width */
  double *chord[2]; /* [n_phases][n_chord_bins] densities by length, 1/um, last bin: longer */
  double clusters[EXSET_MAX_PHASES]; /* 4-connected clusters by area, 1/um^2 */
  double largest[EXSET_MAX_PHASES];  /* share of the phase's area in its largest cluster */
  double spanning
      [EXSET_MAX_PHASES]; /* share of the phase's area in clusters that touch two opposite edges */
} exset_section_figures_t;

/** Descriptors of a section; pixel: rows, columns in micrometres; masked pixels are left out. Local. Errors: EXSET_ERR_LOCAL. */
int exset_section_figures(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                          const double pixel[2], exset_section_figures_t *figures);
void exset_section_figures_clear(exset_section_figures_t *figures);

#endif
