/* Private to regress: linear algebra of the fits. All of it is local. */
#ifndef EXSET_REGRESS_IMPL_H
#define EXSET_REGRESS_IMPL_H

#include "exset/regress.h"

/* log prediction = x theta + offset; theta: log k where it is free, then the free exponents as they stand in the law, sign left out. */
typedef struct {
  int64_t n;
  int k;
  double *x;      /* [n][k] */
  double *offset; /* [n] */
} regress_design_t;

/* Errors: EXSET_ERR_LOCAL. Clear also after errors. */
int regress_design_create(exset_ctx_t *ctx, const exset_regress_data_t *data,
                          const exset_regress_form_t *form, regress_design_t *design);
void regress_design_clear(regress_design_t *design);

/* A = U S V' D: columns of A scaled to unit length (D) before. */
typedef struct {
  int64_t n;
  int k;
  double *u;                                  /* [n][k], orthonormal columns */
  double scale[EXSET_REGRESS_MAX_PARAMETERS]; /* D */
  double s[EXSET_REGRESS_MAX_PARAMETERS];     /* falling */
  double v[EXSET_REGRESS_MAX_PARAMETERS][EXSET_REGRESS_MAX_PARAMETERS]; /* [row][column] */
  double condition; /* INFINITY: a column is 0, or none is left */
} regress_svd_t;

/* Of a matrix [n][k], n >= k. Errors: EXSET_ERR_LOCAL. Clear also after errors. */
int regress_svd_create(exset_ctx_t *ctx, int64_t n, int k, const double *matrix,
                       regress_svd_t *svd);
void regress_svd_clear(regress_svd_t *svd);
/* Least squares from U'b: x[k] = D^-1 V S^-1 (U'b). */
void regress_svd_back(const regress_svd_t *svd, const double *ub, double *x);
/* U'b. */
void regress_svd_project(const regress_svd_t *svd, const double *b, double *ub);

/*
 * Standard deviations of theta and the degrees of freedom, from the residuals of a fit whose linearisation is svd. NaN: unknown.
 * Errors: EXSET_ERR_LOCAL.
 */
int regress_scatter(exset_ctx_t *ctx, const regress_svd_t *svd, const exset_regress_data_t *data,
                    const double *residual, bool by_sample, double *sd, double *degrees);

/* Least squares of the residuals of the method from theta on. False in *converged: nothing found. Errors: EXSET_ERR_LOCAL. */
int regress_nonlinear(exset_ctx_t *ctx, const regress_design_t *design, const double *target,
                      exset_regress_method_t method, double *theta, int *iterations,
                      bool *converged);
/* Residuals [n] and their derivatives [n][k] by theta (NULL: not wanted). */
void regress_residuals(const regress_design_t *design, const double *target,
                       exset_regress_method_t method, const double *theta, double *residual,
                       double *derivative);

#endif
