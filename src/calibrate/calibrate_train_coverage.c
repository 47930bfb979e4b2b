/* The coverage term of a training step, and how it is weighed against the adversarial one. */
#include <math.h>
#include <stdlib.h>

#include "calibrate_train_impl.h"

enum { SLOPE_DRAWS = 8 };
static const double slope_step = 0.1; /* log, logit or linear units: 10 % */

int coverage_term(group_run_t *run, const member_t *member, const double *theta, double *loss,
                  double *gradient) {
  (void)member;
  *loss = 0;
  return run->ctx->rank == 0 ? fit_loss(&run->fit, theta, loss, gradient) : EXSET_OK;
}

/* Every number up or down by the step. */
static void displace(exset_rng_key_t key, int n, const double *theta, double sign, double *moved) {
  for (int i = 0; i < n; i++) {
    const uint32_t counter[4] = {(uint32_t)i, 0, 0, 0};
    uint32_t word[4];
    exset_rng_one(key, counter, word);
    moved[i] = theta[i] + (word[0] & 1 ? sign : -sign) * slope_step;
  }
}

/* Mean square of half the difference of the gradients on both sides of theta; scratch[3 * n]. */
static int slope_square(group_run_t *run, const member_t *member, int number, double *scratch,
                        double *square) {
  const int n = run->fit.n_free;
  const exset_rng_key_t key =
      exset_rng_key(member->seed, EXSET_STREAM_START, (uint64_t)number, START_PART_SLOPE);
  double *moved = scratch, *up = scratch + n, *down = scratch + 2 * n, loss;
  displace(key, n, member->theta, 1, moved);
  int err = coverage_term(run, member, moved, &loss, up);
  displace(key, n, member->theta, -1, moved);
  const int other = coverage_term(run, member, moved, &loss, down);
  if (!err) err = other;
  for (int i = 0; i < n; i++) *square += (up[i] - down[i]) * (up[i] - down[i]) / (4.0 * n);
  return err;
}

/*
 * The change of the gradient, not the gradient itself, at displaced points: at the optimum both are the same, and far
 * from it the change still tells how large the gradient is when the optimum is 10 % away.
 */
int coverage_slope(group_run_t *run, const member_t *member, double *slope) {
  double *scratch, sum = 0;
  EXSET_TRY(exset_alloc_all(run->ctx, 3 * run->fit.n_free, sizeof *scratch, &scratch));
  int err = EXSET_OK;
  for (int k = 0; k < SLOPE_DRAWS; k++) {
    const int failed = slope_square(run, member, k, scratch, &sum);
    if (!err) err = failed;
  }
  free(scratch);
  EXSET_TRY(exset_agree(run->ctx, err));
  *slope = sqrt(sum / SLOPE_DRAWS);
  return EXSET_MPI(run->ctx, MPI_Bcast(slope, 1, MPI_DOUBLE, 0, run->ctx->comm));
}

int coverage_loss(group_run_t *run, const member_t *member, const double *theta, double *loss) {
  (void)member;
  fit_set_theta(&run->fit, theta);
  EXSET_TRY(exset_agree(run->ctx, fit_plain_loss(&run->fit, loss)));
  return EXSET_MPI(run->ctx, MPI_Bcast(loss, 1, MPI_DOUBLE, 0, run->ctx->comm));
}
