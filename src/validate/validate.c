/* Validation: checks, kinds of sections one after the other, the reference volume, the total. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "validate_impl.h"

enum { LEAST_PIXELS = 16 };

void exset_validation_clear(exset_validation_t *validation) {
  for (int i = 0; i < validation->n_curves; i++) {
    exset_validate_curve_t *curve = &validation->curve[i];
    double *arrays[] = {curve->x, curve->data, curve->model, curve->sd};
    for (int k = 0; k < 4; k++) free(arrays[k]);
  }
  for (int kind = 0; kind < EXSET_VALIDATE_KINDS; kind++) {
    free(validation->picture[kind].data);
    free(validation->picture[kind].model);
  }
  free(validation->row);
  free(validation->curve);
  *validation = (exset_validation_t){0};
}

/* ---- checks ----------------------------------------------------------------------------------- */

/* Smallest edge of all sections in micrometres, and in pixels. */
static double smallest_edge(const exset_sections_t *sections, const double voxel[3],
                            int64_t *pixels) {
  double edge = INFINITY;
  *pixels = INT64_MAX;
  for (int s = 0; s < sections->n; s++) {
    const exset_section_t *section = &sections->section[s];
    const double pixel = voxel[section->orient == EXSET_ORIENT_XY ? EXSET_AXIS_Y : EXSET_AXIS_Z];
    edge = fmin(edge,
                fmin((double)section->rows * pixel, (double)section->cols * voxel[EXSET_AXIS_X]));
    if (section->rows < *pixels) *pixels = section->rows;
    if (section->cols < *pixels) *pixels = section->cols;
  }
  return edge;
}

/* A mask that covers a section leaves nothing to compare. */
static int check_masks(exset_ctx_t *ctx, const exset_sections_t *sections) {
  for (int s = 0; s < sections->n; s++) {
    const exset_section_t *section = &sections->section[s];
    int64_t i = 0;
    while (i < section->rows * section->cols && section->phase[i] == 0) i++;
    if (i == section->rows * section->cols)
      return exset_fail(ctx, EXSET_ERR_INPUT, "section %d is masked all over", s + 1);
  }
  return EXSET_OK;
}

int exset_validate_check(exset_ctx_t *ctx, const exset_sections_t *sections,
                         const exset_model_t *model, const exset_validate_options_t *options) {
  const double *voxel = options->voxel;
  if (sections->n_phases != model->n_fields + 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the model has %d phases (fields and the rest), the sections have %d",
                      model->n_fields + 1, sections->n_phases);
  if (fabs(voxel[EXSET_AXIS_X] - voxel[EXSET_AXIS_Y]) > 1e-9 * voxel[EXSET_AXIS_X])
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "voxel_size is %g along y and %g along x: validate needs them equal",
                      voxel[EXSET_AXIS_Y], voxel[EXSET_AXIS_X]);
  int64_t pixels;
  const double edge = smallest_edge(sections, voxel, &pixels);
  if (pixels < LEAST_PIXELS)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the smallest section is %lld pixels wide: at least %d are needed",
                      (long long)pixels, LEAST_PIXELS);
  if (options->max_lag > edge / 2)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "max_lag is %g um: allowed is up to half the smallest section, %g um",
                      options->max_lag, edge / 2);
  EXSET_TRY(exset_model_check_coupling(ctx, model));
  return check_masks(ctx, sections);
}

/* ---- options ---------------------------------------------------------------------------------- */

static bool contain_z(const exset_sections_t *sections) {
  for (int s = 0; s < sections->n; s++)
    if (sections->section[s].orient != EXSET_ORIENT_XY) return true;
  return false;
}

/* Sections in x-y have no voxel edge along z: that of x. Lags: four lengths of the model, where the sections hold them. */
static exset_validate_options_t settle(const exset_sections_t *sections, const exset_model_t *model,
                                       const exset_validate_options_t *given) {
  enum { LEAST_LAGS = 8, LENGTHS = 4 };
  exset_validate_options_t options = *given;
  double *voxel = options.voxel, xy, z;
  if (!contain_z(sections)) voxel[EXSET_AXIS_Z] = voxel[EXSET_AXIS_X];
  if (options.max_lag > 0) return options;
  int64_t pixels;
  const double edge = smallest_edge(sections, voxel, &pixels);
  model_reach(model, &xy, &z);
  const double wanted = fmax(LENGTHS * fmax(xy, contain_z(sections) ? z : 0),
                             LEAST_LAGS * fmax(voxel[EXSET_AXIS_Z], voxel[EXSET_AXIS_X]));
  options.max_lag = fmin(wanted, edge / 4);
  return options;
}

/* ---- the run ---------------------------------------------------------------------------------- */

static void describe_kind(const kind_t *kind, int number, exset_validation_t *v) {
  v->orientation[number] = kind->orientation;
  v->n_sections[number] = kind->n_sections;
  v->realisations[number] = kind->realisations;
  v->box[number][0] = kind->box[kind->contains_z ? EXSET_AXIS_Z : EXSET_AXIS_Y];
  v->box[number][1] = kind->box[EXSET_AXIS_X];
}

static int run_kind(exset_ctx_t *ctx, const exset_sections_t *sections, const exset_model_t *model,
                    const exset_validate_options_t *options, int number, exset_validation_t *v) {
  kind_t kind;
  int err = exset_agree(ctx, kind_create(ctx, sections, model, options, number == 1, &kind));
  if (!err && kind.n_sections > 0) {
    describe_kind(&kind, number, v);
    exset_info(ctx, "%s: %d sections, %d realisations in boxes of %lld x %lld pixels",
               kind.orientation, kind.n_sections, kind.realisations, (long long)v->box[number][0],
               (long long)v->box[number][1]);
    err = kind_records(&kind);
    if (!err) err = score_kind(&kind, (uint32_t)number, v);
    if (!err && ctx->rank == 0) err = kind_picture(&kind, &v->picture[number]);
    err = exset_agree(ctx, err);
  }
  kind_clear(&kind);
  return err;
}

/* By chance 1 in 20 is beyond 2 standard deviations that are themselves estimates. */
static void add_up(exset_validation_t *v) {
  double square = 0;
  v->largest = -1;
  for (int i = 0; i < v->n_rows; i++) {
    const double z = v->row[i].z;
    if (isnan(z)) continue;
    v->n_scored++;
    v->n_beyond += fabs(z) > 2;
    square += z * z;
    if (v->largest < 0 || fabs(z) > fabs(v->row[v->largest].z)) v->largest = i;
  }
  v->rms_z = v->n_scored > 0 ? sqrt(square / v->n_scored) : NAN;
  v->expected_beyond = 0.05 * v->n_scored;
}

int exset_validate(exset_ctx_t *ctx, const exset_sections_t *sections,
                   const exset_volume_t *reference, const exset_model_t *model,
                   const exset_validate_options_t *given, exset_validation_t *validation) {
  *validation = (exset_validation_t){.n_phases = sections->n_phases};
  EXSET_TRY(exset_validate_check(ctx, sections, model, given));
  const exset_validate_options_t options = settle(sections, model, given);
  validation->max_lag = options.max_lag;
  const double start = MPI_Wtime();
  int err = EXSET_OK;
  for (int number = 0; number < EXSET_VALIDATE_KINDS && !err; number++)
    err = run_kind(ctx, sections, model, &options, number, validation);
  validation->seconds_sections = MPI_Wtime() - start;
  if (!err && reference) err = score_reference(ctx, reference, model, &options, validation);
  validation->seconds_reference = MPI_Wtime() - start - validation->seconds_sections;
  if (err) exset_validation_clear(validation);
  else add_up(validation);
  return err;
}
