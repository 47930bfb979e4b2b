/**
 * field: spectra of Gaussian fields, their projection on sections, realisations on grids.
 *
 * Lengths are in micrometres, wavenumbers in radians per micrometre. A spectrum S is a function of
 * (k_r, k_z), k_r^2 = k_x^2 + k_y^2; on a grid it is normalised so that the field's variance, the sum of S over
 * all modes of the grid, is exactly 1 (design: each term and the nugget own a share of the variance).
 */
#ifndef EXSET_FIELD_H
#define EXSET_FIELD_H

#include "exset/grid.h"

#define EXSET_MAX_FIELDS 8
#define EXSET_MAX_TERMS 8

typedef enum {
  EXSET_FAMILY_GAUSSIAN, /* log f = -q^2/4: covariance exp(-(h/l)^2) */
  EXSET_FAMILY_MATERN,   /* log f = -(nu + 3/2) log(2 nu + q^2) */
  EXSET_FAMILY_RING,     /* log f = -(q - 1)^2 / (2 width^2) */
} exset_family_t;        /* q = |(l_xy k_x, l_xy k_y, l_z k_z)| */

typedef struct {
  exset_family_t family;
  double weight;              /* share of the variance, relative to the other terms, > 0 */
  double length_xy, length_z; /* micrometres, > 0 */
  double nu;                  /* smoothness (matern), > 0 */
  double width;               /* relative width (ring), > 0 */
} exset_term_t;

/* A low-parametric spectrum (n_terms > 0, no knots) or a high-parametric one (knots, n_terms = 0).
 * Knots: S = sum_j c_j B_j, cubic B-splines with equally spaced centres from 0 to knots_max,
 * continued evenly to negative k, 0 beyond the last spline. knots_z = 0: isotropic, splines in |k|; else
 * tensor products, coefficient [r][z], z fastest. Only the ratios of the coefficients matter. */
typedef struct {
  int n_terms;
  exset_term_t term[EXSET_MAX_TERMS];
  double nugget;                   /* white share of the variance, in [0, 1) */
  int knots_r, knots_z;            /* number of splines; knots_r = 0: low-parametric */
  double knots_max_r, knots_max_z; /* centre of the last spline, rad/um */
  double *knots;                   /* coefficients >= 0, owned by the spectrum */
} exset_spectrum_t;

typedef enum { EXSET_FIELD_GAUSSIAN, EXSET_FIELD_CHI_SQUARE } exset_field_type_t;

typedef struct {
  exset_field_type_t type;
  int dof;         /* chi-square: degrees of freedom >= 1 (1 for Gaussian) */
  bool below;      /* the set is {X <= threshold} instead of {X >= threshold} */
  double fraction; /* P(point in the set), in (0, 1) */
  double coupling; /* c of (X + c X_1)/sqrt(1 + c^2); Gaussian fields after the first */
  exset_spectrum_t spectrum;
} exset_field_t;

typedef struct {
  int n_fields; /* phases - 1 */
  exset_field_t field[EXSET_MAX_FIELDS];
} exset_model_t;

/** Deep copy; the target must be zeroed or cleared. Errors: EXSET_ERR_LOCAL. Local. */
int exset_model_copy(exset_ctx_t *ctx, const exset_model_t *from, exset_model_t *to);
void exset_model_clear(exset_model_t *model);
/** Number of spline coefficients: knots_r * max(knots_z, 1), 0 for a low-parametric spectrum. Local. */
int exset_spectrum_knots(const exset_spectrum_t *spectrum);

/** log of a term's unnormalised density at k_r^2, k_z^2 (formulas above). Local. */
double exset_term_log_density(const exset_term_t *term, double kr2, double kz2);
/** Unnormalised density of a knots spectrum at k_r, k_z >= 0. Local. */
double exset_knots_density(const exset_spectrum_t *spectrum, double kr, double kz);
/**
 * The splines that are non-zero at k >= 0 on an axis of n centres ending at k_max: at most 4
 * indices (index[i] in [0, n)) and values; returns how many. Mirrored splines are folded in. Local.
 */
int exset_knots_basis(int n, double k_max, double k, int index[4], double value[4]);

/** Signed index of array index i of n: those above n/2 are negative. Local. */
static inline int64_t exset_signed_index(int64_t i, int64_t n) {
  return i <= n / 2 ? i : i - n;
}
/** Signed wavenumber of index i of n with spacing 2 pi / (n voxel): indices above n/2 are negative. Local. */
double exset_wavenumber(int64_t i, int64_t n, double voxel);

/**
 * Projection of spectra on the wavenumbers of a planar section of a periodic grid (section
 * theorem): S_2(k_1, k_2) = sum of S over the index along the normal. Only the quadrant k >= 0 is
 * kept, [n_1/2 + 1][n_2/2 + 1] (rows: the slower of the two array dimensions); its values times
 * the multiplicities sum to 1. Serial, double precision, deterministic.
 */
typedef struct exset_projection_s exset_projection_t;
/** normal: EXSET_AXIS_Z gives sections in x-y (rows y, columns x), EXSET_AXIS_Y in x-z (rows z, columns x),
 *  EXSET_AXIS_X in y-z (rows z, columns y). Local. Errors: EXSET_ERR_LOCAL (memory). */
int exset_projection_create(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3], int normal,
                            exset_projection_t **projection);
int exset_projection_destroy(exset_projection_t **projection);
/** rows, columns of the quadrant, and how often each of its modes occurs in the full plane
 *  (multiplicity[rows][cols], borrowed). Local. */
void exset_projection_shape(const exset_projection_t *projection, int64_t *rows, int64_t *cols,
                            const double **multiplicity);
/** s2[rows][cols] of a spectrum. Local. Errors: EXSET_ERR_LOCAL (memory). */
int exset_projection_apply(exset_projection_t *projection, const exset_spectrum_t *spectrum,
                           double *s2);
/**
 * Adjoint of apply at the given spectrum: adds to grad the derivatives of a loss with respect to each
 * number of the spectrum (lengths, nu, width, weights, nugget, knots), given its derivatives with respect to
 * s2[rows][cols]. grad has the shape of spectrum (same terms, same knots, own coefficients). Local.
 */
int exset_projection_adjoint(exset_projection_t *projection, const exset_spectrum_t *spectrum,
                             const double *loss_s2, exset_spectrum_t *grad);

#endif
