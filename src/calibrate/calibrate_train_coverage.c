/* The coverage term of a training step, and how it is weighed against the adversarial one. */
#include <math.h>
#include <stdlib.h>

#include "calibrate_train_impl.h"

enum { SLOPE_DRAWS = 8 };

/* ---- the term ---- */

/* The closed forms are evaluated by the first rank alone: all the others would take as long for the same numbers. */
int term_begin(group_run_t *run, const member_t *member, double *loss, double *gradient) {
  const bool first = run->ctx->rank == 0;
  if (!run->sampled) return first ? fit_loss(&run->fit, member->theta, loss, gradient) : EXSET_OK;
  double sum = 0;
  const int err = sampled_collect(run, &sum);
  if (first) *loss = sum;
  return err;
}

/* Realisations: every rank returns its own; the first adds the penalty on rough splines. */
int term_finish(group_run_t *run, double *loss, double *gradient) {
  if (!run->sampled) return EXSET_OK;
  fit_zero_gradient(&run->fit);
  EXSET_TRY(sampled_return(run));
  if (run->ctx->rank == 0) *loss += fit_penalty(&run->fit, run->fit.smoothness);
  fit_theta_gradient(&run->fit, 1, gradient);
  return EXSET_OK;
}

/* ---- how steep it is ---- */

/* Every number up or down by the step. */
static void displace(exset_rng_key_t key, int n, const double *theta, double sign, double *moved) {
  for (int i = 0; i < n; i++) {
    const uint32_t counter[4] = {(uint32_t)i, 0, 0, 0};
    uint32_t word[4];
    exset_rng_one(key, counter, word);
    moved[i] = theta[i] + (word[0] & 1 ? sign : -sign) * SLOPE_STEP;
  }
}

/* The gradient at another theta than the member's, with the realisations of its step, summed over the ranks. */
static int gradient_at(group_run_t *run, const member_t *member, double *theta, double *gradient) {
  member_t moved = *member;
  double loss;
  int err = EXSET_OK;
  moved.theta = theta;
  fit_set_theta(&run->fit, theta);
  for (int i = 0; i < member->n; i++) gradient[i] = 0;
  for (int c = 0; run->sampled && !err && c < run->n_views; c++)
    err = step_draw(run, &moved, &run->view[c], false);
  const int failed = term_begin(run, &moved, &loss, gradient);
  if (!err) err = failed;
  if (!err) err = term_finish(run, &loss, gradient);
  EXSET_TRY(exset_agree(run->ctx, err));
  return EXSET_MPI(run->ctx, MPI_Allreduce(MPI_IN_PLACE, gradient, member->n, MPI_DOUBLE, MPI_SUM,
                                           run->ctx->comm));
}

/* Adds the squares of half the differences of the gradients on both sides of theta; scratch[3 * n]. */
static int add_squares(group_run_t *run, const member_t *member, int number, double *scratch,
                       double *square) {
  const int n = member->n;
  const exset_rng_key_t key =
      exset_rng_key(member->seed, EXSET_STREAM_START, (uint64_t)number, START_PART_SLOPE);
  double *moved = scratch, *up = scratch + n, *down = scratch + 2 * n;
  displace(key, n, member->theta, 1, moved);
  EXSET_TRY(gradient_at(run, member, moved, up));
  displace(key, n, member->theta, -1, moved);
  EXSET_TRY(gradient_at(run, member, moved, down));
  for (int i = 0; i < n; i++) square[i] += (up[i] - down[i]) * (up[i] - down[i]) / 4;
  return EXSET_OK;
}

/*
 * The change of the gradient, not the gradient itself, at displaced points: at the optimum both are the same, and far
 * from it the change still tells how large the gradient is when the optimum is 10 % away.
 */
int term_slope(group_run_t *run, const member_t *member, double *slope) {
  const int n = member->n;
  double *scratch;
  EXSET_TRY(exset_alloc_all(run->ctx, 3 * n, sizeof *scratch, &scratch));
  int err = EXSET_OK;
  for (int i = 0; i < n; i++) slope[i] = 0;
  for (int k = 0; !err && k < SLOPE_DRAWS; k++) err = add_squares(run, member, k, scratch, slope);
  free(scratch);
  for (int i = 0; i < n; i++) slope[i] = sqrt(slope[i] / SLOPE_DRAWS);
  return err;
}

/* ---- the loss at the end ---- */

int term_loss(group_run_t *run, const double *theta, double *loss) {
  fit_set_theta(&run->fit, theta);
  if (exset_model_coupled(&run->fit.model)) {
    EXSET_TRY(sampled_plain_loss(run, loss));
    *loss *= run->fit.unit;
    return EXSET_OK;
  }
  EXSET_TRY(exset_agree(run->ctx, fit_plain_loss(&run->fit, loss)));
  return EXSET_MPI(run->ctx, MPI_Bcast(loss, 1, MPI_DOUBLE, 0, run->ctx->comm));
}
