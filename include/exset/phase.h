/**
 * phase: excursion sets, thresholds, pair probabilities of a set, labels.
 */
#ifndef EXSET_PHASE_H
#define EXSET_PHASE_H

#include "exset/field.h"

/** Threshold l with P(X >= l) = fraction (P(X <= l) = fraction with below): the quantile of the standard
 *  normal or of the chi-square distribution with dof degrees of freedom. Local. */
double exset_field_threshold(const exset_field_t *field);

/** Density of the field's marginal distribution at x. Local. */
double exset_field_density(const exset_field_t *field, double x);

/** Volume fractions of the phases, fraction[n_fields + 1], from the fields' set fractions. Without
 *  coupling: fraction_i = p_i prod_{j<i} (1 - p_j). Local. */
void exset_model_fractions(const exset_model_t *model, double *fraction);

/** Is a field coupled to the first one? Local. */
bool exset_model_coupled(const exset_model_t *model);
/** Coupling is between Gaussian fields. Local. Errors: EXSET_ERR_INPUT. */
int exset_model_check_coupling(exset_ctx_t *ctx, const exset_model_t *model);

/**
 * Pair probability L(rho) = P(o in A, h in A) of the set A of one field, when the Gaussian
 * components have correlation rho, as a table with interpolation; exact derivatives.
 */
typedef struct exset_pair_s exset_pair_t;
/** Local. Uses type, dof, below and fraction. Errors: EXSET_ERR_LOCAL (memory, quadrature). */
int exset_pair_create(exset_ctx_t *ctx, const exset_field_t *field, exset_pair_t **pair);
int exset_pair_destroy(exset_pair_t **pair);
/** L and its derivatives with respect to rho (in [-1, 1]) and to the set's fraction. dL/drho is infinite
 *  at |rho| = 1 and is then given as its value at |rho| = 1 - 1e-12. Absolute error of L below 1e-9. Local. */
void exset_pair_eval(const exset_pair_t *pair, double rho, double *value, double *d_rho,
                     double *d_fraction);

#endif
