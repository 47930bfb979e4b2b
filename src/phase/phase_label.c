/* Labels from fields: thresholds, as rows come, one field after the other. */
#include "exset/label.h"
#include "exset/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ------------------------------------------------------------------------------------------ */

/* What a field makes of a cell that has no phase yet: `label` in the set {x >= level} or {x <= level}, `rest` outside
 * (0: left for later fields). */
typedef struct {
  float level;
  bool below, first; /* first: no cell has a phase, whatever the array holds */
  uint8_t label, rest;
} rule_t;

EXSET_CLONES static void label_row(int64_t n, rule_t rule, const float *restrict x,
                                   uint8_t *restrict phase) {
  const float level = rule.level;
  const uint8_t in = rule.label, out = rule.rest;
  if (rule.first && rule.below)
    for (int64_t i = 0; i < n; i++) phase[i] = x[i] <= level ? in : out;
  else if (rule.first)
    for (int64_t i = 0; i < n; i++) phase[i] = x[i] >= level ? in : out;
  else if (rule.below)
    for (int64_t i = 0; i < n; i++) {
      const uint8_t own = x[i] <= level ? in : out;
      phase[i] = phase[i] ? phase[i] : own;
    }
  else
    for (int64_t i = 0; i < n; i++) {
      const uint8_t own = x[i] >= level ? in : out;
      phase[i] = phase[i] ? phase[i] : own;
    }
}

/* x <- (x + c first) / sqrt(1 + c^2) */
EXSET_CLONES static void couple_row(int64_t n, float c, float scale, const float *restrict first,
                                    float *restrict x) {
  for (int64_t i = 0; i < n; i++) x[i] = scale * (x[i] + c * first[i]);
}

/* ---- fields ---------------------------------------------------------------------------------------- */

/* Arrays are this rank's share of the sampler. */
typedef struct {
  const exset_sampler_t *sampler;
  float *first;   /* the first field, while others are coupled to it, or NULL */
  uint8_t *phase; /* so far */
  float *keep;    /* receives the field, or NULL */
  float coupling;
  bool is_first;
  rule_t rule;
} labelling_t;

static void copy_row(int64_t n, const float *row, float *to) {
  memcpy(to, row, (size_t)n * sizeof *to);
}

static void label_rows(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                       int64_t stride) {
  const labelling_t *l = user;
  (void)thread;
  const int64_t n = exset_sampler_shape(l->sampler)->n[EXSET_AXIS_X];
  const float c = l->coupling, scale = (float)(1 / sqrt(1 + (double)c * (double)c));
  for (int64_t i = 0; i < count; i++) {
    const int64_t place = exset_sampler_place(l->sampler, z, y) + i * n;
    float *x = row + i * stride;
    if (l->first && l->is_first) copy_row(n, x, l->first + place);
    if (c != 0) couple_row(n, c, scale, l->first + place, x);
    if (l->keep) copy_row(n, x, l->keep + place);
    label_row(n, l->rule, x, l->phase + place);
  }
}

static rule_t rule_of(const exset_model_t *model, int f) {
  const exset_field_t *field = &model->field[f];
  const bool last = f == model->n_fields - 1;
  return (rule_t){(float)exset_field_threshold(field), field->below, f == 0, (uint8_t)(f + 1),
                  last ? (uint8_t)(f + 2) : 0};
}

static void progress(exset_ctx_t *ctx, const exset_model_t *model, int f, double elapsed) {
  const double patience = 5; /* seconds before progress is worth a line */
  int done = 0, all = 0;     /* Gaussian components */
  for (int i = 0; i < model->n_fields; i++) all += model->field[i].dof;
  for (int i = 0; i <= f; i++) done += model->field[i].dof;
  if (elapsed > patience && f < model->n_fields - 1)
    exset_info(ctx, "field %d of %d done, %.0f s left for this realisation", f + 1, model->n_fields,
               elapsed / done * (all - done));
}

/* Label all fields in the sampler's shares; fields[f], if any, are slabs. */
static int label_fields(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_model_t *model,
                        uint64_t seed, uint64_t realisation, labelling_t *l, float *const *fields,
                        float *moved, exset_seconds_t *seconds) {
  const double start = MPI_Wtime();
  for (int f = 0; f < model->n_fields; f++) {
    float *slab = fields ? fields[f] : NULL;
    l->keep = slab && moved ? moved : slab;
    l->rule = rule_of(model, f);
    l->is_first = f == 0;
    l->coupling = f > 0 ? (float)model->field[f].coupling : 0;
    const exset_draw_t draw = {seed, realisation, (uint32_t)f};
    EXSET_TRY(exset_sampler_field(ctx, sampler, &model->field[f], draw, label_rows, l, seconds));
    if (slab && moved) EXSET_TRY(exset_sampler_to_slabs(ctx, sampler, sizeof *slab, moved, slab));
    progress(ctx, model, f, MPI_Wtime() - start);
  }
  return EXSET_OK;
}

static bool any_kept(const exset_model_t *model, float *const *fields) {
  for (int f = 0; fields && f < model->n_fields; f++)
    if (fields[f]) return true;
  return false;
}

int exset_label_volume(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_model_t *model,
                       uint64_t seed, uint64_t realisation, uint8_t *phase, float *const *fields,
                       exset_seconds_t *seconds) {
  const int64_t cells = exset_sampler_cells(sampler);
  const bool slabs = exset_sampler_in_slabs(sampler);
  labelling_t l = {.sampler = sampler, .phase = slabs ? phase : NULL};
  float *moved = NULL;
  int err;
  EXSET_TRY(exset_model_check_coupling(ctx, model));
  if (exset_model_coupled(model))
    EXSET_TRY_GOTO(err, done, exset_alloc_unset_all(ctx, cells, sizeof *l.first, &l.first));
  if (!slabs) EXSET_TRY_GOTO(err, done, exset_alloc_unset_all(ctx, cells, 1, &l.phase));
  if (!slabs && any_kept(model, fields))
    EXSET_TRY_GOTO(err, done, exset_alloc_unset_all(ctx, cells, sizeof *moved, &moved));
  EXSET_TRY_GOTO(err, done,
                 label_fields(ctx, sampler, model, seed, realisation, &l, fields, moved, seconds));
  if (!slabs) err = exset_sampler_to_slabs(ctx, sampler, 1, l.phase, phase);
done:
  if (!slabs) free(l.phase);
  free(l.first);
  free(moved);
  return err;
}

/* ---- memory ---------------------------------------------------------------------------------------- */

int exset_label_memory(exset_ctx_t *ctx, const exset_grid_t *grid, const exset_model_t *model,
                       const exset_sampler_options_t *options, bool keep_fields,
                       exset_label_memory_t *m) {
  const exset_transform_options_t t = exset_sampler_transform(grid, options);
  exset_transform_layout_t l;
  EXSET_TRY(exset_transform_layout(ctx, &t, &l));
  bool sums = false;
  for (int f = 0; f < model->n_fields; f++)
    sums |= model->field[f].type == EXSET_FIELD_CHI_SQUARE && model->field[f].dof > 1;
  const double share = (double)l.nz_local * (double)l.rows_local * (double)l.n[EXSET_AXIS_X];
  const double slab = (double)exset_grid_cells_local(grid), real = sizeof(float);
  *m = (exset_label_memory_t){
      .transform = (double)l.buffer_bytes,
      .scratch = (double)l.scratch_bytes,
      .labels = slab + (l.q > 1 ? share : 0),
      .sums = sums ? real * share : 0,
      .first = exset_model_coupled(model) ? real * share : 0,
      .fields = keep_fields ? real * (slab * model->n_fields + (l.q > 1 ? share : 0)) : 0};
  return EXSET_OK;
}
