/* Shared inside the plane module. */
#ifndef EXSET_PLANE_IMPL_H
#define EXSET_PLANE_IMPL_H

#include "exset/fft_serial.h"
#include "exset/plane.h"
#include "exset/rng.h"

/* One field: its numbers in use and what has been collected for their derivatives. */
typedef struct {
  bool squared, below;
  int first, components; /* places of its Gaussian components among all */
  double coupling, level;
  double spread;       /* standard deviation of the field */
  double *amplitude;   /* a[quadrant rows][modes of a row] */
  double *d_amplitude; /* the same shape: by a of one column of the full plane's two */
  double d_level, d_coupling;
  exset_projection_t *projection; /* own one: it keeps the spline matrix */
} plane_field_t;

/* A realisation, with what its differentiation needs. The noise is kept, in the single precision it comes in: it takes half
 * of z's memory, and drawing it again would take three quarters of a transform's time. */
typedef struct {
  bool drawn;
  exset_threshold_t mode;
  double temperature;
  float *noise; /* W[components][rows][modes of a row], pairs (re, im) */
  double *z;    /* Gaussian components[components][stride] */
} plane_slot_t;

struct exset_plane_s {
  exset_ctx_t *ctx;
  exset_model_t model;
  int normal;
  int64_t rows, cols, cells;
  int64_t stride;    /* from one field to the next: cells, rounded up to what transforms want */
  int64_t row_modes; /* modes of a row: cols / 2 + 1, as many as the quadrant has */
  int64_t quadrant;  /* modes of the quadrant */
  int n_fields, n_components;
  plane_field_t field[EXSET_MAX_FIELDS];
  int n_slots;
  plane_slot_t *slot; /* [n_slots + 1], the last for labels */
  exset_fft_serial_t *fft;
  double complex *modes; /* scratch: [rows][row_modes] */
  double *d_x;           /* scratch: [n_fields][stride] */
  double *work;          /* scratch: [cells], of the quadrant at least */
  exset_threshold_t mode;
  double temperature;
};

/* Row of the quadrant that holds the amplitudes of row i. */
static inline int64_t plane_quadrant_row(const exset_plane_t *plane, int64_t i) {
  return i <= plane->rows / 2 ? i : plane->rows - i;
}

/** Hermitian white noise W[rows][row_modes], pairs (re, im), E|W|^2 = 1, of one component (plane_noise.c). Local. */
void plane_noise(const exset_plane_t *plane, exset_rng_key_t key, uint32_t component, float *noise);

/** Noise and Gaussian components of a realisation (plane_draw.c). Local. */
void plane_realise(exset_plane_t *plane, plane_slot_t *slot, uint64_t seed, uint64_t index);

/** Phases of a realisation (plane_phase.c), and labels from hard thresholds. Local. */
void plane_phases(const exset_plane_t *plane, const plane_slot_t *slot, double *phase);
void plane_phase_labels(const exset_plane_t *plane, const plane_slot_t *slot, uint8_t *label);
/** Derivatives by the fields before coupling, plane->d_x, from those by the phases; collects those by levels and
 *  couplings. Local. */
void plane_phases_adjoint(exset_plane_t *plane, const plane_slot_t *slot, const double *d_phase);

#endif
