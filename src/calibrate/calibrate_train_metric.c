/*
 * The metric of the coverage term: from its gradient to the displacement of theta from the coverage optimum. Where the
 * closed forms hold, the inverse of the loss's Hessian, so that directions which the coverage functions determine poorly (a length
 * against its smoothness) are pulled back as firmly as the others; the adversarial gradient's noise would carry them
 * away otherwise.
 */
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate_train_impl.h"

enum { MOST_NUMBERS = 1024 };          /* beyond, a full matrix is too much */
static const double difference = 1e-3; /* half the width of the differences, log or logit units */
static const double flattest = 1e-4;   /* least curvature, relative to the largest */

/* Column i: central difference of the gradient; up, down: [n] scratch. */
static int hessian_column(fit_t *fit, int i, double *theta, double *up, double *down,
                          double *column) {
  const double at = theta[i];
  double loss;
  theta[i] = at + difference;
  int err = fit_loss(fit, theta, &loss, up);
  theta[i] = at - difference;
  if (!err) err = fit_loss(fit, theta, &loss, down);
  theta[i] = at;
  for (int k = 0; k < fit->n_free; k++) column[k] = (up[k] - down[k]) / (2 * difference);
  return err;
}

/* hessian[n][n], its columns shared out over the ranks; scratch[3 * n]. */
static int hessian(group_run_t *run, const member_t *member, double *scratch, double *matrix) {
  const exset_ctx_t *ctx = run->ctx;
  const int n = member->n;
  int err = EXSET_OK;
  memset(matrix, 0, (size_t)n * (size_t)n * sizeof *matrix);
  memcpy(scratch, member->theta, (size_t)n * sizeof *scratch);
  for (int i = ctx->rank; !err && i < n; i += ctx->size)
    err =
        hessian_column(&run->fit, i, scratch, scratch + n, scratch + 2 * n, matrix + (size_t)i * n);
  EXSET_TRY(exset_agree(run->ctx, err));
  return EXSET_MPI(run->ctx,
                   MPI_Allreduce(MPI_IN_PLACE, matrix, n * n, MPI_DOUBLE, MPI_SUM, ctx->comm));
}

/* Eigenvectors of the symmetric part of matrix[n][n], in the columns of vector[n][n], and eigenvalue[n]. */
static int decompose(exset_ctx_t *ctx, int n, double *matrix, double *eigenvalue, double *vector) {
  gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc((size_t)n);
  if (!work) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++)
      matrix[i * n + j] = matrix[j * n + i] = (matrix[i * n + j] + matrix[j * n + i]) / 2;
  gsl_matrix_view a = gsl_matrix_view_array(matrix, (size_t)n, (size_t)n);
  gsl_matrix_view v = gsl_matrix_view_array(vector, (size_t)n, (size_t)n);
  gsl_vector_view e = gsl_vector_view_array(eigenvalue, (size_t)n);
  const int status = gsl_eigen_symmv(&a.matrix, &e.vector, &v.matrix, work);
  gsl_eigen_symmv_free(work);
  return status ? exset_fail(ctx, EXSET_ERR_LOCAL, "eigenvalues: %s", gsl_strerror(status))
                : EXSET_OK;
}

/* Inverse with the eigenvalues' sizes, none below the flattest: a descent direction also where the loss is not convex. */
static void invert(int n, const double *vector, const double *eigenvalue, double *inverse) {
  double most = 0;
  for (int k = 0; k < n; k++) most = fmax(most, fabs(eigenvalue[k]));
  memset(inverse, 0, (size_t)n * (size_t)n * sizeof *inverse);
  for (int k = 0; k < n && most > 0; k++) {
    const double by = 1 / fmax(fabs(eigenvalue[k]), flattest * most);
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) inverse[i * n + j] += by * vector[i * n + k] * vector[j * n + k];
  }
}

/* Found by the first rank for all: libraries may round differently elsewhere. */
static int inverse_hessian(group_run_t *run, const member_t *member, double *metric) {
  exset_ctx_t *ctx = run->ctx;
  const int n = member->n;
  const int64_t square = (int64_t)n * n;
  double *matrix;
  EXSET_TRY(exset_alloc_all(ctx, 2 * square + 4 * n, sizeof *matrix, &matrix));
  double *vector = matrix + square, *eigenvalue = vector + square;
  int err = hessian(run, member, eigenvalue + n, matrix);
  if (!err && ctx->rank == 0) {
    err = decompose(ctx, n, matrix, eigenvalue, vector);
    if (!err) invert(n, vector, eigenvalue, metric);
  }
  free(matrix);
  EXSET_TRY(exset_agree(ctx, err));
  return EXSET_MPI(ctx, MPI_Bcast(metric, n * n, MPI_DOUBLE, 0, ctx->comm));
}

/* Each number on its own, from how its gradient changes over 10 % of theta. */
static int inverse_slopes(group_run_t *run, const member_t *member, double *metric) {
  const int n = member->n;
  double *slope;
  EXSET_TRY(exset_alloc_all(run->ctx, n, sizeof *slope, &slope));
  const int err = term_slope(run, member, slope);
  memset(metric, 0, (size_t)n * (size_t)n * sizeof *metric);
  for (int i = 0; i < n; i++)
    metric[(size_t)i * (n + 1)] = slope[i] > 0 ? SLOPE_STEP / slope[i] : 0;
  free(slope);
  return err;
}

int term_metric(group_run_t *run, const member_t *member, double *metric) {
  if (exset_model_coupled(&run->fit.model) || member->n > MOST_NUMBERS)
    return inverse_slopes(run, member, metric);
  return inverse_hessian(run, member, metric);
}
