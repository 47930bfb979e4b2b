/**
 * label: phases of a realisation of a model on a distributed grid.
 */
#ifndef EXSET_LABEL_H
#define EXSET_LABEL_H

#include "exset/phase.h"
#include "exset/sample.h"

/**
 * Draw the phases of one realisation of a model into phase[nz_local][ny][nx], 1..n_fields + 1: the first field
 * whose set holds the cell, n_fields + 1 where none does. Fields are drawn one after the other and labelled as their
 * rows come; the first one is kept only while later ones are coupled to it.
 * fields: NULL, or n_fields arrays [nz_local][ny][nx] that receive the fields (coupling applied); items may
 * be NULL. seconds: NULL, or noise, fft and threshold times are added.
 * Collective. Errors: EXSET_ERR_INPUT (coupling to or of a chi-square field, knots that are 0 on this grid), EXSET_ERR_RUN
 * (memory), EXSET_ERR_LOCAL (MPI).
 */
int exset_label_volume(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_model_t *model,
                       uint64_t seed, uint64_t realisation, uint8_t *phase, float *const *fields,
                       exset_seconds_t *seconds);

/* Bytes that one rank holds while exset_label_volume runs. */
typedef struct {
  double transform, scratch; /* the sampler's */
  double labels, fields;     /* the caller's arrays, and their copies on the way to slabs */
  double sums;               /* of squared components */
  double first;              /* the field that others are coupled to */
} exset_label_memory_t;
/* All of it. */
static inline double exset_label_bytes(const exset_label_memory_t *m) {
  return m->transform + m->scratch + m->labels + m->fields + m->sums + m->first;
}
/** keep_fields: all fields are asked for. Local. Errors: EXSET_ERR_INPUT (as exset_transform_layout). */
int exset_label_memory(exset_ctx_t *ctx, const exset_grid_t *grid, const exset_model_t *model,
                       const exset_sampler_options_t *options, bool keep_fields,
                       exset_label_memory_t *memory);

#endif
