/**
 * validate: a model against sections it was, or was not, calibrated to, on figures that calibration does not use, with
 * error bands from realisations. Theory: doc/theory/validation.md.
 */
#ifndef EXSET_VALIDATE_H
#define EXSET_VALIDATE_H

#include "exset/coverage.h"

/* ---- figures of one section ------------------------------------------------------------------ */

enum { EXSET_CHORD_BINS = 256 };

/* Two-dimensional descriptors of one section, each phase. Lengths in micrometres. Directions: 0 down the columns (along the
 * rows' axis), 1 along the columns' axis. Clear with exset_section_figures_clear. */
typedef struct {
  int n_phases;
  int64_t pixels; /* unmasked */
  double fraction[EXSET_MAX_PHASES];
  /* specific boundary length, 1/um: Crofton's formula, 4 directions; of a phase, and between two phases */
  double boundary[EXSET_MAX_PHASES];
  double boundary_pair[EXSET_MAX_PHASES][EXSET_MAX_PHASES];
  /* chords that touch neither the frame nor a mask: mean (NaN where there is none), number, and numbers by length:
   * chord[direction][phase][b] of b + 1 pixels of chord_bin[direction]; last bin: longer, too */
  double chord_mean[2][EXSET_MAX_PHASES];
  int64_t chord_count[2][EXSET_MAX_PHASES];
  double chord_bin[2];
  int64_t *chord[2];
  double clusters[EXSET_MAX_PHASES]; /* 4-connected clusters by area, 1/um^2 */
  /* shares of the phase's area, NaN where it is absent: in its largest cluster; in clusters that touch opposite edges */
  double largest[EXSET_MAX_PHASES], spanning[EXSET_MAX_PHASES];
} exset_section_figures_t;

/** Descriptors of a section; pixel: rows, columns in micrometres; masked pixels are left out. Local. Errors: EXSET_ERR_LOCAL. */
int exset_section_figures(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                          const double pixel[2], exset_section_figures_t *figures);
void exset_section_figures_clear(exset_section_figures_t *figures);

/* ---- model against data ---------------------------------------------------------------------- */

typedef struct {
  double voxel[3];  /* pixel edges of the sections in micrometres: z, y, x; y = x */
  double max_lag;   /* of the coverage functions, micrometres; 0: from section and model */
  int realisations; /* sections of the model for each kind of sections, >= 4; 0: 32 or more */
  int twins;        /* volumes of the model for the bands of a reference volume, >= 4 */
  uint64_t seed;
} exset_validate_options_t;

/* One figure: data against the model's mean. sd: expected scatter of (data - model) when the model is right. */
typedef struct {
  char figure[40];
  const char *orientation; /* "xy", "xz", "yz", "xz and yz", "volume" */
  int phase, other;        /* from 0; other: second of a pair, or -1 */
  double data, model, sd;
  double z; /* (data - model) / sd, NaN where the data or the model have no such figure */
} exset_validate_row_t;
#define EXSET_VALIDATE_NO_SCATTER 99.0 /* |z| where data and model differ, but sd is 0 */

/* Figures over a lag or length, for plots. */
typedef struct {
  const char *figure;      /* "coverage", "chords" */
  const char *orientation; /* as above */
  const char *direction;   /* "radial", "r", "z"; of chords "x", "y", "z", "r" */
  int phase, other;
  int64_t n;
  double *x;                 /* [n] micrometres */
  double *data, *model, *sd; /* [n]; chords: cumulative distribution */
  double rms;                /* root mean square of data - model */
} exset_validate_curve_t;

/* Sections for a picture: data and model with the same windows and masks. */
typedef struct {
  int n;
  int64_t rows, cols;
  uint8_t *data, *model; /* [n][rows][cols] labels, 0 masked */
} exset_validate_picture_t;

enum { EXSET_VALIDATE_KINDS = 2 }; /* sections in x-y; sections containing z */

/* Result; clear with exset_validation_clear. Equal on all ranks but for the pictures, which rank 0 alone has. */
typedef struct {
  int n_phases;
  int n_rows, n_curves;
  exset_validate_row_t *row;
  exset_validate_curve_t *curve;
  const char *orientation[EXSET_VALIDATE_KINDS]; /* NULL: no such sections */
  int n_sections[EXSET_VALIDATE_KINDS], realisations[EXSET_VALIDATE_KINDS];
  int64_t box[EXSET_VALIDATE_KINDS][2]; /* pixels of the periodic boxes the windows are cut from */
  exset_validate_picture_t picture[EXSET_VALIDATE_KINDS];
  double max_lag;
  int64_t twin[3]; /* cells of the twins; 0: no reference volume */
  /* over the rows that have a z: their number, its root mean square, |z| > 2: how many, and how many by chance */
  int n_scored, n_beyond, largest; /* largest: row of the largest |z|, -1: none */
  double rms_z, expected_beyond;
  double seconds_sections, seconds_reference;
} exset_validation_t;

/**
 * Compare a model with sections, and with a reference volume where there is one (NULL: none).
 * Realisation r of a kind of sections takes window and mask of its section r modulo n and is drawn from (seed, r).
 * Collective; every rank passes the same arguments; the result does not depend on the number of ranks (the reference volume's
 * up to rounding of single precision).
 * Errors: EXSET_ERR_INPUT (see exset_validate_check; a volume too small), EXSET_ERR_RUN (memory, transforms).
 */
int exset_validate(exset_ctx_t *ctx, const exset_sections_t *sections,
                   const exset_volume_t *reference, const exset_model_t *model,
                   const exset_validate_options_t *options, exset_validation_t *validation);
/** Do sections, model and options fit together? Local, the same on all ranks. Errors: EXSET_ERR_INPUT. */
int exset_validate_check(exset_ctx_t *ctx, const exset_sections_t *sections,
                         const exset_model_t *model, const exset_validate_options_t *options);
void exset_validation_clear(exset_validation_t *validation);

#endif
