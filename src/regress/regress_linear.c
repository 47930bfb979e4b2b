/* Design matrices, singular values, and the scatter of parameters by leaving out samples. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "regress_impl.h"

enum { MOST = EXSET_REGRESS_MAX_PARAMETERS };

/* ---- design --------------------------------------------------------------------------------------- */

int regress_design_create(exset_ctx_t *ctx, const exset_regress_data_t *data,
                          const exset_regress_form_t *form, regress_design_t *design) {
  *design = (regress_design_t){.n = data->n_rows, .k = exset_regress_parameters(form)};
  EXSET_TRY(exset_alloc(ctx, exset_mul3(design->n, design->k, 1), sizeof(double), &design->x));
  EXSET_TRY(exset_alloc(ctx, design->n, sizeof(double), &design->offset));
  for (int64_t i = 0; i < design->n; i++) {
    double *x = design->x + i * design->k;
    if (form->free_k) *x++ = 1;
    for (int j = 0; j < form->n_factors; j++) {
      const exset_regress_factor_t *f = &form->factor[j];
      const double value = f->sign * log(data->predictor[i * data->n_predictors + f->predictor]);
      if (f->free) *x++ = value;
      else design->offset[i] += f->value * value;
    }
  }
  return EXSET_OK;
}

void regress_design_clear(regress_design_t *design) {
  free(design->x);
  free(design->offset);
  memset(design, 0, sizeof *design);
}

/* ---- singular values ------------------------------------------------------------------------------ */

/* Columns to unit length. False: one is 0. */
static bool scale_columns(const double *matrix, regress_svd_t *svd) {
  bool all = true;
  for (int c = 0; c < svd->k; c++) {
    double sum = 0;
    for (int64_t i = 0; i < svd->n; i++) sum += matrix[i * svd->k + c] * matrix[i * svd->k + c];
    svd->scale[c] = sqrt(sum);
    all = all && svd->scale[c] > 0 && isfinite(svd->scale[c]);
  }
  for (int64_t i = 0; all && i < svd->n; i++)
    for (int c = 0; c < svd->k; c++)
      svd->u[i * svd->k + c] = matrix[i * svd->k + c] / svd->scale[c];
  return all;
}

/* One-sided Jacobi, which is accurate for small singular values, too. */
static int decompose(exset_ctx_t *ctx, regress_svd_t *svd) {
  double v[MOST * MOST];
  gsl_matrix_view u = gsl_matrix_view_array(svd->u, (size_t)svd->n, (size_t)svd->k);
  gsl_matrix_view right = gsl_matrix_view_array(v, (size_t)svd->k, (size_t)svd->k);
  gsl_vector_view s = gsl_vector_view_array(svd->s, (size_t)svd->k);
  gsl_error_handler_t *handler = gsl_set_error_handler_off();
  const int status = gsl_linalg_SV_decomp_jacobi(&u.matrix, &right.matrix, &s.vector);
  gsl_set_error_handler(handler);
  if (status) return exset_fail(ctx, EXSET_ERR_LOCAL, "singular values: %s", gsl_strerror(status));
  for (int r = 0; r < svd->k; r++)
    memcpy(svd->v[r], v + r * svd->k, sizeof(double) * (size_t)svd->k);
  const double least = svd->s[svd->k - 1];
  svd->condition = least > 0 ? svd->s[0] / least : INFINITY;
  return EXSET_OK;
}

int regress_svd_create(exset_ctx_t *ctx, int64_t n, int k, const double *matrix,
                       regress_svd_t *svd) {
  memset(svd, 0, sizeof *svd);
  svd->n = n;
  svd->k = k;
  svd->condition = INFINITY;
  EXSET_TRY(exset_alloc(ctx, exset_mul3(n, k, 1), sizeof(double), &svd->u));
  return scale_columns(matrix, svd) ? decompose(ctx, svd) : EXSET_OK;
}

void regress_svd_clear(regress_svd_t *svd) {
  free(svd->u);
  svd->u = NULL;
}

void regress_svd_project(const regress_svd_t *svd, const double *b, double *ub) {
  for (int c = 0; c < svd->k; c++) ub[c] = 0;
  for (int64_t i = 0; i < svd->n; i++)
    for (int c = 0; c < svd->k; c++) ub[c] += svd->u[i * svd->k + c] * b[i];
}

void regress_svd_back(const regress_svd_t *svd, const double *ub, double *x) {
  for (int r = 0; r < svd->k; r++) {
    x[r] = 0;
    for (int c = 0; c < svd->k; c++) x[r] += svd->v[r][c] * ub[c] / svd->s[c];
    x[r] /= svd->scale[r];
  }
}

/* ---- scatter of parameters ------------------------------------------------------------------------ */

/* Independent rows of equal scatter: s^2 (A'A)^-1. */
static void scatter_by_rows(const regress_svd_t *svd, const double *residual, double *sd,
                            double *degrees) {
  double sum = 0;
  *degrees = (double)(svd->n - svd->k);
  for (int64_t i = 0; i < svd->n; i++) sum += residual[i] * residual[i];
  for (int r = 0; r < svd->k; r++) {
    double inverse = 0;
    for (int c = 0; c < svd->k; c++) inverse += pow(svd->v[r][c] / svd->s[c], 2);
    sd[r] = sqrt(sum / *degrees * inverse) / svd->scale[r];
  }
}

/* Of each sample g: I - U_g'U_g and U_g'r_g. */
typedef struct {
  double rest[MOST * MOST], pull[MOST];
} share_t;

static void add_shares(const regress_svd_t *svd, const exset_regress_data_t *data,
                       const double *residual, share_t *share) {
  const int k = svd->k;
  for (int g = 0; g < data->n_samples; g++)
    for (int c = 0; c < k; c++) share[g].rest[c * k + c] = 1;
  for (int64_t i = 0; i < svd->n; i++) {
    const double *u = svd->u + i * k;
    share_t *s = &share[data->sample[i]];
    for (int r = 0; r < k; r++) {
      s->pull[r] += u[r] * residual[i];
      for (int c = 0; c < k; c++) s->rest[r * k + c] -= u[r] * u[c];
    }
  }
}

/*
 * What leaving out a sample moves, U'-coordinates: pull becomes rest^-1 pull. False: the others leave a parameter open, rest is
 * singular.
 */
static bool leave_out(share_t *share, int k) {
  gsl_matrix_view a = gsl_matrix_view_array(share->rest, (size_t)k, (size_t)k);
  gsl_vector_view x = gsl_vector_view_array(share->pull, (size_t)k);
  if (gsl_linalg_cholesky_decomp1(&a.matrix)) return false;
  for (int c = 0; c < k; c++)
    if (share->rest[c * k + c] < 1e-5) return false; /* of a diagonal of the root, at most 1 */
  return gsl_linalg_cholesky_svx(&a.matrix, &x.vector) == GSL_SUCCESS;
}

/*
 * theta - theta without sample g = (A'A)^-1 A_g' (I - H_gg)^-1 r_g = D^-1 V S^-1 (I - U_g'U_g)^-1 U_g'r_g; the variance is
 * (G - 1) / G times the sum of its squares.
 */
static int scatter_by_sample(exset_ctx_t *ctx, const regress_svd_t *svd,
                             const exset_regress_data_t *data, const double *residual, double *sd,
                             double *degrees) {
  const int n = data->n_samples, k = svd->k;
  share_t *share = NULL;
  bool known = n > 1;
  EXSET_TRY(exset_alloc(ctx, n, sizeof *share, &share));
  add_shares(svd, data, residual, share);
  for (int r = 0; r < k; r++) sd[r] = 0;
  gsl_error_handler_t *handler = gsl_set_error_handler_off();
  for (int g = 0; known && g < n; g++) {
    double move[MOST];
    known = leave_out(&share[g], k);
    if (known) regress_svd_back(svd, share[g].pull, move);
    for (int r = 0; known && r < k; r++) sd[r] += move[r] * move[r];
  }
  gsl_set_error_handler(handler);
  for (int r = 0; r < k; r++) sd[r] = known ? sqrt(sd[r] * (n - 1.0) / n) : NAN;
  *degrees = n - 1;
  free(share);
  return EXSET_OK;
}

int regress_scatter(exset_ctx_t *ctx, const regress_svd_t *svd, const exset_regress_data_t *data,
                    const double *residual, bool by_sample, double *sd, double *degrees) {
  if (by_sample) return scatter_by_sample(ctx, svd, data, residual, sd, degrees);
  scatter_by_rows(svd, residual, sd, degrees);
  return EXSET_OK;
}
