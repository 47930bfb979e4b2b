/* Private to validate. */
#ifndef EXSET_VALIDATE_IMPL_H
#define EXSET_VALIDATE_IMPL_H

#include "exset/validate.h"

/* validate_clusters.c: clusters, largest and spanning shares. Local. Errors: EXSET_ERR_LOCAL. */
int section_clusters(exset_ctx_t *ctx, const exset_section_t *section, const double pixel[2],
                     exset_section_figures_t *figures);

/* ---- sections of one kind ---------------------------------------------------------------------- */

typedef enum {
  FIGURE_FRACTION,
  FIGURE_BOUNDARY,
  FIGURE_BOUNDARY_PAIR,
  FIGURE_CHORD_0, /* down the columns */
  FIGURE_CHORD_1,
  FIGURE_CLUSTERS,
  FIGURE_LARGEST,
  FIGURE_SPANNING
} figure_t;

/* A figure that is one number for each section. */
typedef struct {
  figure_t figure;
  int phase, other;
} scalar_t;

enum { MAX_LINES = 2 };

/*
 * Data and model. What was found for a section is a record of numbers, each with the weight it has in a mean over sections:
 *   scalars: [n_scalars] values, [n_scalars] weights;
 *   for each line of lags: [n_lags] numbers of pixel pairs, [n_lags] lags, then [n_lags] values of each C_ij, i <= j;
 *   chords by length: [2][n_phases][EXSET_CHORD_BINS] numbers.
 */
typedef struct {
  exset_ctx_t *ctx;
  const exset_model_t *model;
  exset_validate_options_t options; /* all set */
  bool contains_z;
  int n_phases;
  const char *orientation;
  double pixel[2];
  int n_sections, realisations;
  exset_section_t *section; /* pixels are borrowed */
  int64_t window[2];        /* largest section */
  int64_t box[3];           /* z, y, x */
  int n_scalars;
  scalar_t *scalar;
  int n_lines;
  const char *line_name[MAX_LINES];
  int64_t n_lags[MAX_LINES];
  int64_t record;      /* numbers in a record */
  double *data, *draw; /* records of the sections and of the realisations */
} kind_t;

static inline int pair_count(int n_phases) {
  return n_phases * (n_phases + 1) / 2;
}
/* Place of C_ij, i <= j, in a record's line. */
static inline int pair_place(int n_phases, int i, int j) {
  return i * n_phases - i * (i - 1) / 2 + j - i;
}
/* Beginnings in a record. */
int64_t kind_line(const kind_t *kind, int line);
int64_t kind_chords(const kind_t *kind, int direction, int phase);
/* "x", "y", "z" or "r": an axis of the sections. */
const char *kind_axis(const kind_t *kind, int direction);

/* validate_kind.c: the sections of a kind (n_sections 0: there are none), sizes and lists. Local. Errors: EXSET_ERR_LOCAL. */
int kind_create(exset_ctx_t *ctx, const exset_sections_t *sections, const exset_model_t *model,
                const exset_validate_options_t *options, bool contains_z, kind_t *kind);
void kind_clear(kind_t *kind);
/* validate_draw.c: all records, on every rank. Collective. Errors: EXSET_ERR_RUN, EXSET_ERR_INPUT. */
int kind_records(kind_t *kind);
/* Sections for the picture, on rank 0. Local. Errors: EXSET_ERR_LOCAL. */
int kind_picture(const kind_t *kind, exset_validate_picture_t *picture);

/* How far correlations of the model reach: across z and along z, micrometres. Oscillations of rings and the resolution of
 * spline spectra count. */
void model_reach(const exset_model_t *model, double *xy, double *z);
/* A number of cells that suits transforms, even. */
int64_t box_size(double cells);

/* ---- results ----------------------------------------------------------------------------------- */

/* validate_score.c: append rows and curves of a kind. Local. Errors: EXSET_ERR_LOCAL. */
int score_kind(const kind_t *kind, uint32_t number, exset_validation_t *validation);
/* Empty row with z set from its numbers. */
int add_row(exset_ctx_t *ctx, exset_validation_t *validation, exset_validate_row_t row);
/* A curve of n points, zeroed: borrowed until the next one. */
int add_curve(exset_ctx_t *ctx, exset_validation_t *validation, const char *figure,
              const char *orientation, const char *direction, int64_t n,
              exset_validate_curve_t **curve);

/* validate_reference.c: coverage functions of a volume. Collective. Errors: EXSET_ERR_INPUT, EXSET_ERR_RUN. */
int score_reference(exset_ctx_t *ctx, const exset_volume_t *reference, const exset_model_t *model,
                    const exset_validate_options_t *options, exset_validation_t *validation);

#endif
