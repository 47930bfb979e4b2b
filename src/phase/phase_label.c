/* Labels from fields: thresholds, row by row, one field after the other. */
#include "exset/label.h"
#include "exset/simd.h"

#include <math.h>
#include <stdlib.h>

/* Cells without a phase (0) that lie in the set get `label`; the others `rest` (0: left for later fields). */
EXSET_CLONES static void label_above(int64_t n, const float *restrict x, float threshold,
                                     uint8_t label, uint8_t rest, uint8_t *restrict phase) {
  for (int64_t i = 0; i < n; i++) {
    const uint8_t own = x[i] >= threshold ? label : rest;
    phase[i] = phase[i] ? phase[i] : own;
  }
}

EXSET_CLONES static void label_below(int64_t n, const float *restrict x, float threshold,
                                     uint8_t label, uint8_t rest, uint8_t *restrict phase) {
  for (int64_t i = 0; i < n; i++) {
    const uint8_t own = x[i] <= threshold ? label : rest;
    phase[i] = phase[i] ? phase[i] : own;
  }
}

/* x <- (x + c first) / sqrt(1 + c^2) */
EXSET_CLONES static void couple(int64_t n, float c, float scale, const float *restrict first,
                                float *restrict x) {
  for (int64_t i = 0; i < n; i++) x[i] = scale * (x[i] + c * first[i]);
}

/* Couple the field in the buffer to the first one. first: without padding. */
static void couple_rows(exset_sampler_t *sampler, double c, const float *first) {
  const exset_grid_t *grid = exset_sampler_grid(sampler);
  const int64_t nx = grid->n[EXSET_AXIS_X], rows = grid->nz_local * grid->n[EXSET_AXIS_Y];
  int64_t row;
  float *data = exset_sampler_real(sampler, &row);
  for (int64_t r = 0; r < rows; r++)
    couple(nx, (float)c, (float)(1 / sqrt(1 + c * c)), first + r * nx, data + r * row);
}

static void threshold_rows(exset_sampler_t *sampler, const exset_field_t *field, int label,
                           bool last, uint8_t *phase) {
  const exset_grid_t *grid = exset_sampler_grid(sampler);
  const int64_t nx = grid->n[EXSET_AXIS_X], rows = grid->nz_local * grid->n[EXSET_AXIS_Y];
  const float level = (float)exset_field_threshold(field);
  const uint8_t rest = last ? (uint8_t)(label + 1) : 0;
  int64_t row;
  const float *data = exset_sampler_real(sampler, &row);
  for (int64_t r = 0; r < rows; r++)
    if (field->below) label_below(nx, data + r * row, level, (uint8_t)label, rest, phase + r * nx);
    else label_above(nx, data + r * row, level, (uint8_t)label, rest, phase + r * nx);
}

static int draw_and_label(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_model_t *model,
                          exset_draw_t draw, float *first, uint8_t *phase, float *keep,
                          exset_seconds_t *seconds) {
  const int f = (int)draw.field;
  const exset_field_t *field = &model->field[f];
  EXSET_TRY(exset_sampler_field(ctx, sampler, field, draw, seconds));
  const double start = MPI_Wtime();
  if (f == 0 && first) exset_sampler_copy(sampler, first);
  if (f > 0 && field->coupling != 0) couple_rows(sampler, field->coupling, first);
  if (keep) exset_sampler_copy(sampler, keep);
  threshold_rows(sampler, field, f + 1, f == model->n_fields - 1, phase);
  if (seconds) seconds->threshold += MPI_Wtime() - start;
  return EXSET_OK;
}

int exset_label_volume(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_model_t *model,
                       uint64_t seed, uint64_t realisation, uint8_t *phase, float *const *fields,
                       exset_seconds_t *seconds) {
  const int64_t cells = exset_grid_cells_local(exset_sampler_grid(sampler));
  float *first = NULL;
  EXSET_TRY(exset_model_check_coupling(ctx, model));
  if (exset_model_coupled(model)) EXSET_TRY(exset_alloc_all(ctx, cells, sizeof *first, &first));
  for (int64_t i = 0; i < cells; i++) phase[i] = 0;
  int err = EXSET_OK;
  const double start = MPI_Wtime(), patience = 5; /* seconds before progress is worth a line */
  int done = 0, all = 0;                          /* Gaussian components */
  for (int f = 0; f < model->n_fields; f++) all += model->field[f].dof;
  for (int f = 0; f < model->n_fields && !err; f++) {
    err = draw_and_label(ctx, sampler, model, (exset_draw_t){seed, realisation, (uint32_t)f}, first,
                         phase, fields ? fields[f] : NULL, seconds);
    done += model->field[f].dof;
    const double elapsed = MPI_Wtime() - start;
    if (elapsed > patience && f < model->n_fields - 1)
      exset_info(ctx, "field %d of %d done, %.0f s left for this realisation", f + 1,
                 model->n_fields, elapsed / done * (all - done));
  }
  free(first);
  return err;
}
