/*
 * One step of training. The realisations are drawn once; the discriminators see micrographs and realisations and are
 * moved; the same realisations then pass through the moved discriminators, and the gradient runs back through the
 * network, the crops and the realisation to the model's numbers.
 *
 * A rank that fails goes on taking part in the reductions, with nothing to add, and says so in the last one: no rank is left
 * waiting.
 */
#include <math.h>
#include <string.h>

#include "calibrate_train_impl.h"
#include "exset/signal.h"

double step_temperature(const exset_train_options_t *train, int step) {
  const double part = train->steps > 1 ? (double)step / (train->steps - 1) : 0;
  return train->temperature * pow(train->temperature_end / train->temperature, part);
}

double step_rate(const exset_train_options_t *train, int step) {
  const double part = train->steps > 1 ? (double)step / (train->steps - 1) : 0;
  return train->rate_end + (1 - train->rate_end) * (1 + cos(M_PI * part)) / 2;
}

static double *sums_of(const group_run_t *run) {
  return run->packed + 2 * run->fit.n_free;
}

/* Number of images, within a section of this rank, of its share of the batch. */
static int crops_of(const view_t *view, int section) {
  const int left = view->n_patches - section * view->tiling.n_crops;
  return left < 0 ? 0 : left < view->tiling.n_crops ? left : view->tiling.n_crops;
}

static int64_t image_size(const view_t *view) {
  return (int64_t)view->tiling.n_phases * view->tiling.patch * view->tiling.patch;
}

int step_count(const group_run_t *run, const tiling_t *tiling) {
  const int least = needs_sampled(run->train, &run->fit.model) && has_coverage(run->train) ? 2 : 1;
  const int count = (run->train->batch + tiling->n_crops - 1) / tiling->n_crops;
  return count > least ? count : least;
}

uint64_t step_sections(const group_run_t *run, const view_t *view, int step) {
  return (uint64_t)step * (uint64_t)step_count(run, &view->tiling);
}

/* ---- images ---- */

static void cut_fakes(const member_t *member, view_t *view, int section, const double *phase) {
  const exset_rng_key_t key = patch_key(member->seed, member->step, view->number);
  for (int i = 0; i < crops_of(view, section); i++) {
    const crop_t crop =
        tiling_crop(&view->tiling, key, (uint32_t)(view->first_section + section), i);
    tiling_image(&view->tiling, &crop, phase,
                 view->fake + (section * view->tiling.n_crops + i) * image_size(view));
  }
}

int step_draw(group_run_t *run, const member_t *member, view_t *view, bool images) {
  const uint64_t first = step_sections(run, view, member->step) + (uint64_t)view->first_section;
  EXSET_TRY(exset_plane_model(view->plane, &run->fit.model));
  exset_plane_threshold(view->plane, run->train->threshold,
                        step_temperature(run->train, member->step));
  for (int s = 0; s < view->n_sections; s++) {
    double *phase = view_phase(view, s);
    EXSET_TRY(exset_plane_draw(view->plane, s, member->seed, first + (uint64_t)s, phase));
    if (images) cut_fakes(member, view, s, phase);
  }
  return EXSET_OK;
}

static void draw_reals(const member_t *member, view_t *view) {
  const exset_rng_key_t key = patch_key(member->seed, member->step, view->number);
  for (int i = 0; i < view->n_patches; i++)
    crops_image(&view->crops, key, (uint32_t)(view->first_patch + i),
                view->real + i * image_size(view));
}

/* ---- losses ---- */

/* Derivatives of a mean over the whole batch; images that only fill up the network's batch have none. */
static void scale_scores(view_t *view, double scale) {
  for (int i = 0; i < view->n_patches; i++) view->d_score[i] *= (float)scale;
  for (int i = view->n_patches; i < view->capacity; i++) view->d_score[i] = 0;
}

/* Share of the scores with the sign that is right. */
static double count_right(const view_t *view, double sign, double scale) {
  int right = 0;
  for (int i = 0; i < view->n_patches; i++) right += sign * view->score[i] > 0;
  return right * scale;
}

/* Loss of real (sign 1) or fake (-1) patches in the discriminator's eyes, and the gradient of its weights. */
static int judge(group_run_t *run, view_t *view, int sign) {
  const exset_train_options_t *train = run->train;
  const int n = view->n_patches;
  const double scale = 1.0 / ((double)train->batch * run->n_views);
  double *sums = sums_of(run), loss;
  EXSET_TRY(
      exset_nn_forward(view->network, sign > 0 ? view->real : view->fake, sign > 0, view->score));
  if (train->score == EXSET_SCORE_HINGE)
    loss = exset_nn_loss_hinge(n, view->score, sign, view->d_score);
  else loss = exset_nn_loss_bce(n, view->score, sign > 0 ? 1 - train->smoothing : 0, view->d_score);
  sums[SUM_LOSS_NETWORK] += loss * scale / 2;
  sums[sign > 0 ? SUM_RIGHT_REAL : SUM_RIGHT_FAKE] += count_right(view, sign, scale);
  scale_scores(view, scale / 2);
  run->flops += 3 * exset_nn_flops(view->network);
  return exset_nn_backward(view->network, view->d_score, true, NULL);
}

/* The model's loss: its patches should pass for real ones. d_image gets the gradient. */
static int persuade(group_run_t *run, view_t *view) {
  const int n = view->n_patches;
  const double scale = 1.0 / ((double)run->train->batch * run->n_views);
  double loss = 0;
  EXSET_TRY(exset_nn_forward(view->network, view->fake, true, view->score));
  if (run->train->score == EXSET_SCORE_HINGE) {
    for (int i = 0; i < n; i++) {
      loss -= view->score[i];
      view->d_score[i] = -1;
    }
  } else {
    loss = exset_nn_loss_bce(n, view->score, 1, view->d_score);
  }
  sums_of(run)[SUM_LOSS_MODEL] += loss * scale;
  scale_scores(view, scale);
  run->flops += 2 * exset_nn_flops(view->network);
  return exset_nn_backward(view->network, view->d_score, false, view->d_image);
}

/* From the images back to the model's numbers: adds to run->fit.grad. */
static int return_gradient(group_run_t *run, const member_t *member, view_t *view) {
  const tiling_t *tiling = &view->tiling;
  const exset_rng_key_t key = patch_key(member->seed, member->step, view->number);
  const size_t size = (size_t)(tiling->n_phases * tiling->rows * tiling->cols);
  for (int s = 0; s < view->n_sections; s++) {
    memset(view->d_phase, 0, size * sizeof *view->d_phase);
    for (int i = 0; i < crops_of(view, s); i++) {
      const crop_t crop = tiling_crop(tiling, key, (uint32_t)(view->first_section + s), i);
      tiling_adjoint(tiling, &crop, view->d_image + (s * tiling->n_crops + i) * image_size(view),
                     view->d_phase);
    }
    EXSET_TRY(exset_plane_backward(view->plane, s, view->d_phase));
  }
  return exset_plane_gradient(view->plane, &run->fit.grad);
}

/* ---- the parts of a step, with their times ---- */

/* Realisations, images, and the gradient of the discriminator's weights on this rank. */
static int discriminate(group_run_t *run, const member_t *member, view_t *view) {
  const double begin = MPI_Wtime();
  EXSET_TRY(step_draw(run, member, view, view->network != NULL));
  const double drawn = MPI_Wtime();
  run->seconds_realise += drawn - begin;
  if (!view->network) return EXSET_OK;
  draw_reals(member, view);
  exset_nn_zero(view->network);
  if (view->n_patches == 0) return EXSET_OK;
  EXSET_TRY(judge(run, view, 1));
  EXSET_TRY(judge(run, view, -1));
  run->seconds_network += MPI_Wtime() - drawn;
  return EXSET_OK;
}

/* Begin to sum the weights' gradients over the ranks. */
static int start_reduction(group_run_t *run, view_t *view) {
  if (!view->network) return EXSET_OK;
  return EXSET_MPI(run->ctx, MPI_Iallreduce(MPI_IN_PLACE, exset_nn_gradient(view->network),
                                            (int)exset_nn_size(view->network), MPI_FLOAT, MPI_SUM,
                                            run->ctx->comm, &view->reduction));
}

static int finish_reduction(group_run_t *run, view_t *view) {
  const double begin = MPI_Wtime();
  EXSET_TRY(EXSET_MPI(run->ctx, MPI_Wait(&view->reduction, MPI_STATUS_IGNORE)));
  run->seconds_reduce += MPI_Wtime() - begin;
  return EXSET_OK;
}

/* Move the discriminator, and show it the same realisations again. */
static int learn(group_run_t *run, const member_t *member, view_t *view) {
  const double begin = MPI_Wtime();
  if (!view->network) return EXSET_OK;
  const double rate = run->train->rate_network * step_rate(run->train, member->step);
  EXSET_TRY(exset_nn_adam(view->network, rate, 0.5, 0.999));
  if (view->n_patches == 0) return EXSET_OK;
  EXSET_TRY(persuade(run, view));
  const double scored = MPI_Wtime();
  run->seconds_network += scored - begin;
  EXSET_TRY(return_gradient(run, member, view));
  run->seconds_realise += MPI_Wtime() - scored;
  return EXSET_OK;
}

/* The coverage term's loss, and with closed forms its gradient, while the weights' gradients are summed. */
static int cover(group_run_t *run, const member_t *member) {
  const double begin = MPI_Wtime();
  if (!has_coverage(run->train)) return EXSET_OK;
  const int err =
      term_begin(run, member, sums_of(run) + SUM_LOSS_COVERAGE, run->packed + run->fit.n_free);
  run->seconds_coverage += MPI_Wtime() - begin;
  return err;
}

/* Gradients by theta: the adversarial one, collected by `learn`, and that of the coverage term. */
static int gradients(group_run_t *run) {
  const double begin = MPI_Wtime();
  if (has_networks(run->train)) fit_theta_gradient(&run->fit, 1, run->packed);
  if (!has_coverage(run->train)) return EXSET_OK;
  EXSET_TRY(term_finish(run, sums_of(run) + SUM_LOSS_COVERAGE, run->packed + run->fit.n_free));
  run->seconds_coverage += MPI_Wtime() - begin;
  return EXSET_OK;
}

/* One sum over the ranks of everything but the weights' gradients. */
static int reduce(group_run_t *run, int err) {
  const double begin = MPI_Wtime();
  double *sums = sums_of(run);
  const int n = 2 * run->fit.n_free + N_SUMS;
  if (err) memset(run->packed, 0, (size_t)n * sizeof *run->packed);
  sums[SUM_ERRORS] = err != EXSET_OK;
  sums[SUM_SIGNALS] = exset_signal_seen() != 0;
  EXSET_TRY(EXSET_MPI(
      run->ctx, MPI_Allreduce(MPI_IN_PLACE, run->packed, n, MPI_DOUBLE, MPI_SUM, run->ctx->comm)));
  run->seconds_reduce += MPI_Wtime() - begin;
  return sums[SUM_ERRORS] > 0 ? exset_agree(run->ctx, err) : EXSET_OK;
}

int step_run(group_run_t *run, const member_t *member) {
  int err = EXSET_OK;
  memset(run->packed, 0, (size_t)(2 * run->fit.n_free + N_SUMS) * sizeof *run->packed);
  fit_set_theta(&run->fit, member->theta);
  for (int c = 0; c < run->n_views; c++) {
    if (!err) err = discriminate(run, member, &run->view[c]);
    EXSET_TRY(start_reduction(run, &run->view[c]));
  }
  const int failed =
      cover(run, member); /* meanwhile; collective: entered whatever happened before */
  if (!err) err = failed;
  fit_zero_gradient(&run->fit);
  for (int c = 0; c < run->n_views; c++) {
    EXSET_TRY(finish_reduction(run, &run->view[c]));
    if (!err) err = learn(run, member, &run->view[c]);
  }
  if (!err) err = gradients(run);
  return reduce(run, err);
}
