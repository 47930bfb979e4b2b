/* Realisations: noise times amplitude, transformed; and backwards from fields to amplitudes. */
#include "exset/simd.h"
#include "plane_impl.h"

/* modes = a W of one row */
EXSET_CLONES static void colour(int64_t n, const double *restrict a, const float *restrict w,
                                double *restrict modes) {
  for (int64_t k = 0; k < n; k++) {
    modes[2 * k] = a[k] * w[2 * k];
    modes[2 * k + 1] = a[k] * w[2 * k + 1];
  }
}

/* d_a += Re(conj(g) W) of one row */
EXSET_CLONES static void collect(int64_t n, const float *restrict w, const double *restrict g,
                                 double *restrict d_a) {
  for (int64_t k = 0; k < n; k++) d_a[k] += g[2 * k] * w[2 * k] + g[2 * k + 1] * w[2 * k + 1];
}

EXSET_CLONES static void twice_product(int64_t n, const double *restrict a,
                                       const double *restrict b, double *restrict out) {
  for (int64_t i = 0; i < n; i++) out[i] = 2 * a[i] * b[i];
}

static float *noise_of(const exset_plane_t *plane, const plane_slot_t *slot, int component) {
  return slot->noise + 2 * component * plane->rows * plane->row_modes;
}

void plane_realise(exset_plane_t *plane, plane_slot_t *slot, uint64_t seed, uint64_t index) {
  const int64_t n = plane->row_modes;
  for (int f = 0; f < plane->n_fields; f++) {
    const plane_field_t *field = &plane->field[f];
    const uint32_t part = (uint32_t)plane->normal * EXSET_MAX_FIELDS + (uint32_t)f;
    const exset_rng_key_t key = exset_rng_key(seed, EXSET_STREAM_SECTION, index, part);
    for (int c = 0; c < field->components; c++) {
      float *noise = noise_of(plane, slot, field->first + c);
      plane_noise(plane, key, (uint32_t)c, noise);
      for (int64_t i = 0; i < plane->rows; i++)
        colour(n, field->amplitude + plane_quadrant_row(plane, i) * n, noise + 2 * i * n,
               (double *)(plane->modes + i * n));
      exset_fft_serial_inverse(plane->fft, plane->modes,
                               slot->z + (field->first + c) * plane->stride);
    }
  }
}

static void collect_component(exset_plane_t *plane, plane_field_t *field, const float *noise,
                              double *d_z) {
  const int64_t n = plane->row_modes;
  exset_fft_serial_forward(plane->fft, d_z, plane->modes);
  for (int64_t i = 0; i < plane->rows; i++)
    collect(n, noise + 2 * i * n, (const double *)(plane->modes + i * n),
            field->d_amplitude + plane_quadrant_row(plane, i) * n);
}

static int find_slot(const exset_plane_t *plane, int slot) {
  if (slot >= 0 && slot < plane->n_slots) return EXSET_OK;
  return exset_fail(plane->ctx, EXSET_ERR_LOCAL, "slot %d of a plane: it has slots 0 to %d", slot,
                    plane->n_slots - 1);
}

int exset_plane_draw(exset_plane_t *plane, int slot_number, uint64_t seed, uint64_t index,
                     double *phase) {
  EXSET_TRY(find_slot(plane, slot_number));
  plane_slot_t *slot = &plane->slot[slot_number];
  plane_realise(plane, slot, seed, index);
  slot->drawn = true;
  slot->mode = plane->mode;
  slot->temperature = plane->temperature;
  plane_phases(plane, slot, phase);
  return EXSET_OK;
}

int exset_plane_labels(exset_plane_t *plane, uint64_t seed, uint64_t index, uint8_t *label) {
  plane_slot_t *slot = &plane->slot[plane->n_slots];
  plane_realise(plane, slot, seed, index);
  plane_phase_labels(plane, slot, label);
  return EXSET_OK;
}

int exset_plane_backward(exset_plane_t *plane, int slot_number, const double *d_phase) {
  EXSET_TRY(find_slot(plane, slot_number));
  const plane_slot_t *slot = &plane->slot[slot_number];
  if (!slot->drawn)
    return exset_fail(plane->ctx, EXSET_ERR_LOCAL,
                      "slot %d of a plane holds no realisation of its model", slot_number);
  plane_phases_adjoint(plane, slot, d_phase);
  for (int f = 0; f < plane->n_fields; f++) {
    plane_field_t *field = &plane->field[f];
    double *d_x = plane->d_x + f * plane->stride;
    for (int c = field->first; c < field->first + field->components; c++) {
      if (field->squared)
        twice_product(plane->cells, slot->z + c * plane->stride, d_x, plane->work);
      collect_component(plane, field, noise_of(plane, slot, c), field->squared ? plane->work : d_x);
    }
  }
  return EXSET_OK;
}
