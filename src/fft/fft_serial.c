/* Serial double-precision real transforms by FFTW. */
#include "exset/fft_serial.h"

#include <fftw3.h>
#include <limits.h>
#include <stdlib.h>

struct exset_fft_serial_s {
  int64_t reals, modes;
  bool in_place;
  fftw_plan forward, inverse;
};

static int make_plans(exset_ctx_t *ctx, int n_dims, const int *n, unsigned effort,
                      exset_fft_serial_t *plan) {
  double complex *modes = NULL;
  double *real = NULL;
  int err;
  EXSET_TRY_GOTO(err, done, exset_alloc(ctx, plan->modes, sizeof *modes, &modes));
  if (plan->in_place) real = (double *)modes;
  else EXSET_TRY_GOTO(err, done, exset_alloc(ctx, plan->reals, sizeof *real, &real));
  plan->forward = fftw_plan_dft_r2c(n_dims, n, real, modes, effort);
  plan->inverse = fftw_plan_dft_c2r(n_dims, n, modes, real, effort);
  if (!plan->forward || !plan->inverse)
    err = exset_fail(ctx, EXSET_ERR_LOCAL,
                     "FFTW found no plan for a serial transform (first size %d)", n[0]);
done:
  if (!plan->in_place) free(real);
  free(modes);
  return err;
}

int exset_fft_serial_create(exset_ctx_t *ctx, int n_dims, const int64_t *n, int flags,
                            exset_fft_serial_t **plan_out) {
  *plan_out = NULL;
  int sizes[3];
  int64_t rows = 1; /* all dimensions but the last */
  for (int a = 0; a < n_dims; a++) {
    if (n_dims > 3 || n[a] < 1 || n[a] > INT_MAX)
      return exset_fail(ctx, EXSET_ERR_LOCAL, "no serial transform of size %lld in %d dimensions",
                        (long long)n[a], n_dims);
    sizes[a] = (int)n[a];
    if (a < n_dims - 1) rows *= n[a];
  }
  exset_fft_serial_t *plan;
  EXSET_TRY(exset_alloc(ctx, 1, sizeof *plan, &plan));
  const int64_t last = n[n_dims - 1];
  plan->in_place = flags & EXSET_FFT_SERIAL_IN_PLACE;
  plan->modes = rows * (last / 2 + 1);
  plan->reals = plan->in_place ? 2 * plan->modes : rows * last;
  *plan_out = plan;
  const unsigned effort = flags & EXSET_FFT_SERIAL_MEASURE ? FFTW_MEASURE : FFTW_ESTIMATE;
  const int err = make_plans(ctx, n_dims, sizes, effort, plan);
  if (err) exset_fft_serial_destroy(plan_out);
  return err;
}

int exset_fft_serial_destroy(exset_fft_serial_t **plan) {
  if (!*plan) return EXSET_OK;
  if ((*plan)->forward) fftw_destroy_plan((*plan)->forward);
  if ((*plan)->inverse) fftw_destroy_plan((*plan)->inverse);
  free(*plan);
  *plan = NULL;
  return EXSET_OK;
}

int64_t exset_fft_serial_reals(const exset_fft_serial_t *plan) {
  return plan->reals;
}

int64_t exset_fft_serial_modes(const exset_fft_serial_t *plan) {
  return plan->modes;
}

void exset_fft_serial_forward(const exset_fft_serial_t *plan, double *real, double complex *modes) {
  fftw_execute_dft_r2c(plan->forward, real, modes);
}

void exset_fft_serial_inverse(const exset_fft_serial_t *plan, double complex *modes, double *real) {
  fftw_execute_dft_c2r(plan->inverse, modes, real);
}

int64_t exset_fft_good_size(int64_t n) {
  static const int primes[] = {2, 3, 5, 7};
  for (int64_t size = n > 1 ? n : 1;; size++) {
    int64_t rest = size;
    for (int p = 0; p < 4; p++)
      while (rest % primes[p] == 0) rest /= primes[p];
    if (rest == 1) return size;
  }
}
