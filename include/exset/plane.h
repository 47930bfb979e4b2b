/**
 * plane: differentiable realisations of planar sections of a model, in double precision, on one rank.
 *
 * A section of a periodic box is drawn from the projected spectrum (section theorem): for each Gaussian component
 * Z = sum_k a(k) W(k) exp(i k r), a = sqrt(S_2), W Hermitian white noise held fixed under differentiation. Then
 * X = Z, sum of Z_i^2, or (Z + c X_1)/sqrt(1 + c^2); set indicators h = 1{X >= l} (or <= with below) or
 * s = sigmoid((X - l)/(T spread)), spread the field's standard deviation (1; sqrt(2 dof) for chi-square), signs turned with below; and phases
 * phase_1 = h_1, phase_2 = (1 - h_1) h_2, ..., the rest last, so that they sum to 1.
 */
#ifndef EXSET_PLANE_H
#define EXSET_PLANE_H

#include "exset/phase.h"

/* How phases depend on X: soft: s, and its derivative. straight_through: h in the phases and in the products, the
 * derivative of h with respect to X is that of s (a kernel of width T about the threshold). */
typedef enum { EXSET_THRESHOLD_STRAIGHT_THROUGH, EXSET_THRESHOLD_SOFT } exset_threshold_t;

typedef struct exset_plane_s exset_plane_t;

/**
 * Sections normal to the axis `normal` (see exset_projection_create: rows and columns) of periodic boxes of n cells, voxel
 * micrometres (z, y, x), for models shaped like `model` (kinds of fields, dof, below, terms, knots; its numbers may change later). slots: how many
 * realisations are kept at a time for differentiation. Local. Errors: EXSET_ERR_LOCAL (memory),
 * EXSET_ERR_INPUT (coupling to or of a chi-square field).
 */
int exset_plane_create(exset_ctx_t *ctx, const exset_model_t *model, const int64_t n[3],
                       const double voxel[3], int normal, int slots, exset_plane_t **plane);
int exset_plane_destroy(exset_plane_t **plane);
/** Rows and columns of the sections, phases (fields + 1). Local. */
void exset_plane_shape(const exset_plane_t *plane, int64_t *rows, int64_t *cols, int *n_phases);

/** Take the numbers of a model of the same shape, and set the derivatives collected to 0; the slots are empty then. Local.
 *  Errors: EXSET_ERR_LOCAL (memory, another shape). */
int exset_plane_model(exset_plane_t *plane, const exset_model_t *model);
/** Sharpness T > 0 of the thresholds and their mode, for the draws that follow. Local. */
void exset_plane_threshold(exset_plane_t *plane, exset_threshold_t mode, double temperature);
/**
 * Draw realisation `index` into a slot: a pure function of (model, seed, index), from EXSET_STREAM_SECTION with the plane's normal
 * as a part of the key. phase[n_phases][rows][cols]: values in [0, 1] that sum to 1 (0 or 1 with straight_through). Local. Errors: EXSET_ERR_LOCAL.
 */
int exset_plane_draw(exset_plane_t *plane, int slot, uint64_t seed, uint64_t index, double *phase);
/** The same as labels 1..n_phases, [rows][cols], nothing kept for differentiation. Local. */
int exset_plane_labels(exset_plane_t *plane, uint64_t seed, uint64_t index, uint8_t *label);
/**
 * Add the derivatives of a loss given those with respect to a slot's phases, d_phase[n_phases][rows][cols], to the plane's
 * collection (by mode, threshold and coupling). Local. Errors: EXSET_ERR_LOCAL (an empty slot).
 */
int exset_plane_backward(exset_plane_t *plane, int slot, const double *d_phase);
/**
 * Bring the collection to the model's numbers: adds to grad (shape of the model) the derivatives with respect to fraction,
 * coupling, lengths, nu, width, weights, nugget and knots of each field; the collection is then 0. Local. Errors: EXSET_ERR_LOCAL.
 */
int exset_plane_gradient(exset_plane_t *plane, exset_model_t *grad);

#endif
