/* Planes: set-up, the numbers of the model in use, and the derivatives by them. */
#include "plane_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- checks ---- */

static bool same_spectrum(const exset_spectrum_t *a, const exset_spectrum_t *b) {
  if (a->n_terms != b->n_terms || a->knots_r != b->knots_r || a->knots_z != b->knots_z)
    return false;
  for (int t = 0; t < a->n_terms; t++)
    if (a->term[t].family != b->term[t].family) return false;
  return true;
}

static bool same_shape(const exset_model_t *a, const exset_model_t *b) {
  if (a->n_fields != b->n_fields) return false;
  for (int f = 0; f < a->n_fields; f++) {
    const exset_field_t *x = &a->field[f], *y = &b->field[f];
    if (x->type != y->type || x->dof != y->dof || x->below != y->below) return false;
    if (!same_spectrum(&x->spectrum, &y->spectrum)) return false;
  }
  return true;
}

/* ---- set-up ---- */

/* Kinds of the fields, and places of their components. */
static void lay_out(exset_plane_t *plane) {
  plane->n_fields = plane->model.n_fields;
  for (int f = 0; f < plane->n_fields; f++) {
    const exset_field_t *from = &plane->model.field[f];
    plane_field_t *field = &plane->field[f];
    field->squared = from->type == EXSET_FIELD_CHI_SQUARE;
    field->below = from->below;
    field->first = plane->n_components;
    field->components = field->squared ? from->dof : 1;
    field->spread = field->squared ? sqrt(2.0 * from->dof) : 1;
    plane->n_components += field->components;
  }
}

static int make_field(exset_plane_t *plane, const int64_t n[3], const double voxel[3],
                      plane_field_t *field) {
  EXSET_TRY(exset_projection_create(plane->ctx, n, voxel, plane->normal, &field->projection));
  EXSET_TRY(exset_alloc(plane->ctx, plane->quadrant, sizeof(double), &field->amplitude));
  return exset_alloc(plane->ctx, plane->quadrant, sizeof(double), &field->d_amplitude);
}

static int make_slot(const exset_plane_t *plane, plane_slot_t *slot) {
  EXSET_TRY(exset_alloc(plane->ctx, plane->n_components * plane->rows * plane->row_modes,
                        2 * sizeof(float), &slot->noise));
  return exset_alloc(plane->ctx, plane->n_components * plane->stride, sizeof(double), &slot->z);
}

static int make_scratch(exset_plane_t *plane) {
  const int64_t size[2] = {plane->rows, plane->cols}, quadrant = plane->quadrant;
  exset_ctx_t *ctx = plane->ctx;
  /* plans by estimate: the same rounding in every run */
  EXSET_TRY(exset_fft_serial_create(ctx, 2, size, EXSET_FFT_SERIAL_ESTIMATE, &plane->fft));
  EXSET_TRY(exset_alloc(ctx, plane->rows * plane->row_modes, sizeof *plane->modes, &plane->modes));
  EXSET_TRY(exset_alloc(ctx, plane->n_fields * plane->stride, sizeof(double), &plane->d_x));
  return exset_alloc(ctx, plane->cells > quadrant ? plane->cells : quadrant, sizeof(double),
                     &plane->work);
}

static int setup(exset_plane_t *plane, const exset_model_t *model, const int64_t n[3],
                 const double voxel[3]) {
  EXSET_TRY(exset_model_copy(plane->ctx, model, &plane->model));
  lay_out(plane);
  plane->rows = n[plane->normal == EXSET_AXIS_Z ? EXSET_AXIS_Y : EXSET_AXIS_Z];
  plane->cols = n[plane->normal == EXSET_AXIS_X ? EXSET_AXIS_Y : EXSET_AXIS_X];
  plane->cells = plane->rows * plane->cols;
  plane->stride = (plane->cells + 7) / 8 * 8;
  plane->row_modes = plane->cols / 2 + 1;
  plane->quadrant = (plane->rows / 2 + 1) * plane->row_modes;
  for (int f = 0; f < plane->n_fields; f++)
    EXSET_TRY(make_field(plane, n, voxel, &plane->field[f]));
  EXSET_TRY(exset_alloc(plane->ctx, plane->n_slots + 1, sizeof *plane->slot, &plane->slot));
  for (int s = 0; s <= plane->n_slots; s++) EXSET_TRY(make_slot(plane, &plane->slot[s]));
  EXSET_TRY(make_scratch(plane));
  return exset_plane_model(plane, model);
}

int exset_plane_create(exset_ctx_t *ctx, const exset_model_t *model, const int64_t n[3],
                       const double voxel[3], int normal, int slots, exset_plane_t **plane) {
  *plane = NULL;
  EXSET_TRY(exset_model_check_coupling(ctx, model));
  EXSET_TRY(exset_alloc(ctx, 1, sizeof **plane, plane));
  (*plane)->ctx = ctx;
  (*plane)->normal = normal;
  (*plane)->n_slots = slots;
  exset_plane_threshold(*plane, EXSET_THRESHOLD_STRAIGHT_THROUGH, 0.2);
  const int err = setup(*plane, model, n, voxel);
  if (err) exset_plane_destroy(plane);
  return err;
}

int exset_plane_destroy(exset_plane_t **plane_pointer) {
  exset_plane_t *plane = *plane_pointer;
  if (!plane) return EXSET_OK;
  for (int f = 0; f < plane->n_fields; f++) {
    exset_projection_destroy(&plane->field[f].projection);
    free(plane->field[f].amplitude);
    free(plane->field[f].d_amplitude);
  }
  for (int s = 0; plane->slot && s <= plane->n_slots; s++) {
    free(plane->slot[s].noise);
    free(plane->slot[s].z);
  }
  free(plane->slot);
  exset_fft_serial_destroy(&plane->fft);
  free(plane->modes);
  free(plane->d_x);
  free(plane->work);
  exset_model_clear(&plane->model);
  free(plane);
  *plane_pointer = NULL;
  return EXSET_OK;
}

void exset_plane_shape(const exset_plane_t *plane, int64_t *rows, int64_t *cols, int *n_phases) {
  *rows = plane->rows;
  *cols = plane->cols;
  *n_phases = plane->n_fields + 1;
}

void exset_plane_threshold(exset_plane_t *plane, exset_threshold_t mode, double temperature) {
  plane->mode = mode;
  plane->temperature = temperature;
}

/* ---- numbers of the model ---- */

static void forget(exset_plane_t *plane) {
  for (int f = 0; f < plane->n_fields; f++) {
    plane_field_t *field = &plane->field[f];
    memset(field->d_amplitude, 0, (size_t)plane->quadrant * sizeof(double));
    field->d_level = field->d_coupling = 0;
  }
}

int exset_plane_model(exset_plane_t *plane, const exset_model_t *model) {
  if (!same_shape(&plane->model, model))
    return exset_fail(plane->ctx, EXSET_ERR_LOCAL,
                      "a plane takes models of the shape it was made for only");
  if (exset_model_check_coupling(plane->ctx, model)) return EXSET_ERR_LOCAL;
  if (model != &plane->model) {
    exset_model_clear(&plane->model);
    EXSET_TRY(exset_model_copy(plane->ctx, model, &plane->model));
  }
  for (int f = 0; f < plane->n_fields; f++) {
    const exset_field_t *from = &plane->model.field[f];
    plane_field_t *field = &plane->field[f];
    field->coupling = f > 0 ? from->coupling : 0;
    field->level = exset_field_threshold(from);
    EXSET_TRY(exset_projection_apply(field->projection, &from->spectrum, field->amplitude));
    for (int64_t k = 0; k < plane->quadrant; k++) field->amplitude[k] = sqrt(field->amplitude[k]);
  }
  for (int s = 0; s < plane->n_slots; s++) plane->slot[s].drawn = false;
  forget(plane);
  return EXSET_OK;
}

/*
 * By S_2 of the quadrant: dL/dS_2 = dL/da / (2 a). The columns between the first and the last stand for two of the full
 * plane. Modes too weak to be seen beside the strongest in double precision are left out: their S_2 may be 0.
 */
static void by_spectrum(const exset_plane_t *plane, const plane_field_t *field, double *d_s2) {
  double highest = 0;
  for (int64_t k = 0; k < plane->quadrant; k++) highest = fmax(highest, field->amplitude[k]);
  for (int64_t k = 0; k < plane->quadrant; k++) {
    const int64_t col = k % plane->row_modes;
    const bool single = col == 0 || 2 * col == plane->cols;
    const double a = field->amplitude[k];
    d_s2[k] = a > 1e-15 * highest ? (single ? 0.5 : 1.0) * field->d_amplitude[k] / a : 0;
  }
}

int exset_plane_gradient(exset_plane_t *plane, exset_model_t *grad) {
  for (int f = 0; f < plane->n_fields; f++) {
    const exset_field_t *model = &plane->model.field[f];
    const plane_field_t *field = &plane->field[f];
    by_spectrum(plane, field, plane->work);
    EXSET_TRY(exset_projection_adjoint(field->projection, &model->spectrum, plane->work,
                                       &grad->field[f].spectrum));
    /* P(X >= l) = fraction, or P(X <= l) with below */
    const double level_by_fraction =
        (model->below ? 1 : -1) / exset_field_density(model, field->level);
    grad->field[f].fraction += field->d_level * level_by_fraction;
    grad->field[f].coupling += field->d_coupling;
  }
  forget(plane);
  return EXSET_OK;
}
