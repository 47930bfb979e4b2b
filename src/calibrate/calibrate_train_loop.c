/* The training of one member: steps, schedules, averages, when to stop. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate_train_impl.h"
#include "exset/signal.h"

enum { PATIENCE = 50 };          /* steps at a bound, or without a phase, before that is the end */
enum { PERFECT_PATIENCE = 200 }; /* steps without a mistake of the discriminator before a warning */
static const double perfect = 0.99, rare_phase = 1e-3;
static const double progress_seconds = 5;
static const double farthest = 0.5; /* displacement that the coverage term acts on */
static const double memory = 0.99;  /* of the running mean of squared adversarial gradients */

/* ---- members ---- */

/* The first member begins at the start, the others are scattered about it. */
static void member_start(const group_run_t *run, member_t *member) {
  const exset_rng_key_t key = exset_rng_key(run->options->seed, EXSET_STREAM_START,
                                            (uint64_t)member->index, START_PART_MEMBER);
  memcpy(member->theta, run->start, (size_t)member->n * sizeof *member->theta);
  if (member->index > 0 && run->train->scatter > 0)
    fit_scatter(&run->fit, key, run->train->scatter, member->theta);
}

int member_create(const group_run_t *run, int index, member_t *member) {
  exset_ctx_t *ctx = run->ctx;
  const int n = run->fit.n_free;
  *member = (member_t){.index = index,
                       .seed = run->options->seed + (uint64_t)index,
                       .end = MEMBER_RUNS,
                       .n = n,
                       .n_metric = is_combined(run->train) ? (int64_t)n * n : 0,
                       .n_columns = TRACE_THETA + n};
  EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &member->theta));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &member->result));
  EXSET_TRY(exset_alloc(ctx, member->n_metric, sizeof(double), &member->metric));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &member->adversarial));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &member->m));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &member->v));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(int64_t), &member->at_bound));
  EXSET_TRY(
      exset_alloc(ctx, run->train->steps * member->n_columns, sizeof(double), &member->trace));
  member_start(run, member);
  return EXSET_OK;
}

void member_clear(member_t *member) {
  free(member->theta);
  free(member->metric);
  free(member->adversarial);
  free(member->m);
  free(member->v);
  free(member->at_bound);
  free(member->trace);
  free(member->result);
  *member = (member_t){0};
}

/* Mean of theta after the steps [first, end). */
static void mean_theta(const member_t *member, int first, int end, double *theta) {
  for (int i = 0; i < member->n; i++) {
    double sum = 0;
    for (int k = first; k < end; k++) sum += member->trace[k * member->n_columns + TRACE_THETA + i];
    theta[i] = sum / (end - first);
  }
}

/* Steps before theta moves. */
static int warm_up_steps(const exset_train_options_t *train) {
  return has_networks(train) ? train->warm_up : 0;
}

/* Steps that theta has made; negative while the discriminator warms up. */
static int moves_made(const group_run_t *run, const member_t *member) {
  return member->step - warm_up_steps(run->train);
}

void member_result(const group_run_t *run, const member_t *member, double *theta) {
  const int moved = moves_made(run, member);
  const int share = moved > 0 ? (int)lround(run->train->average * moved) : 0;
  memcpy(theta, member->theta, (size_t)member->n * sizeof *theta);
  if (share > 0) mean_theta(member, member->step - share, member->step, theta);
}

/* ---- theta's step ---- */

/* How far the coverage functions want number i to go back. From afar they may err, and should not drown the
 * discriminator. */
static double displacement(const member_t *member, const double *coverage, int i) {
  double sum = 0;
  for (int k = 0; k < member->n; k++)
    sum += member->metric[(size_t)i * member->n + k] * coverage[k];
  return fmax(-farthest, fmin(sum, farthest));
}

/* Root of the running mean square of number i's adversarial gradient. */
static double adversarial_size(member_t *member, int i, double gradient, int made) {
  member->adversarial[i] = memory * member->adversarial[i] + (1 - memory) * gradient * gradient;
  return sqrt(member->adversarial[i] / (1 - pow(memory, made + 1)));
}

/* The gradient of the method, in the place of the adversarial one. The coverage term is as large as the
 * adversarial gradient when theta is SLOPE_STEP away from the coverage optimum. */
static void combine(const group_run_t *run, member_t *member) {
  double *g = run->packed;
  const double *coverage = g + member->n;
  const int made = moves_made(run, member);
  for (int i = 0; i < member->n; i++) {
    if (run->train->method == EXSET_METHOD_COVERAGE) g[i] = coverage[i];
    if (!is_combined(run->train)) continue;
    g[i] += run->train->weight * adversarial_size(member, i, g[i], made) *
            displacement(member, coverage, i) / SLOPE_STEP;
  }
}

/* Adam, inside the bounds. The long memory of the second moment makes the steps shrink
 * with the gradient: with a short one they keep their size, and theta circles about the optimum. */
static void move_theta(const group_run_t *run, member_t *member) {
  const double beta1 = 0.5, beta2 = 0.999, tiny = 1e-8;
  const int made = moves_made(run, member);
  const double rate = run->train->rate_model * step_rate(run->train, member->step);
  const double bias1 = 1 - pow(beta1, made + 1), bias2 = 1 - pow(beta2, made + 1);
  for (int i = 0; i < member->n; i++) {
    const double g = run->packed[i];
    member->m[i] = beta1 * member->m[i] + (1 - beta1) * g;
    member->v[i] = beta2 * member->v[i] + (1 - beta2) * g * g;
    member->theta[i] -= rate * (member->m[i] / bias1) / (sqrt(member->v[i] / bias2) + tiny);
  }
  fit_clip(&run->fit, member->theta);
}

static void record(const group_run_t *run, member_t *member) {
  const exset_train_options_t *train = run->train;
  const double *sums = run->packed + 2 * member->n;
  double *row = member->trace + member->step * member->n_columns;
  const bool networks = has_networks(train);
  row[TRACE_LOSS_NETWORK] = networks ? sums[SUM_LOSS_NETWORK] : NAN;
  row[TRACE_LOSS_MODEL] = networks ? sums[SUM_LOSS_MODEL] : NAN;
  row[TRACE_LOSS_COVERAGE] = has_coverage(train) ? sums[SUM_LOSS_COVERAGE] * run->fit.unit : NAN;
  row[TRACE_ACCURACY_REAL] = networks ? sums[SUM_RIGHT_REAL] : NAN;
  row[TRACE_ACCURACY_FAKE] = networks ? sums[SUM_RIGHT_FAKE] : NAN;
  memcpy(row + TRACE_THETA, member->theta, (size_t)member->n * sizeof *row);
}

/* ---- what can go wrong ---- */

__attribute__((format(printf, 3, 4))) static void diverged(const group_run_t *run, member_t *member,
                                                           const char *format, ...) {
  va_list args;
  const int used =
      snprintf(member->reason, sizeof member->reason, "at step %d: ", member->step + 1);
  va_start(args, format);
  vsnprintf(member->reason + used, sizeof member->reason - (size_t)used, format, args);
  va_end(args);
  member->end = EXSET_TRAIN_DIVERGED;
  exset_warn(run->ctx, "training of member %d diverged %s", member->index + 1, member->reason);
}

/* Numbers that are not finite end the member before they reach theta. */
static void check_finite(const group_run_t *run, member_t *member) {
  const double *sums = run->packed + 2 * member->n;
  if (!isfinite(sums[SUM_LOSS_NETWORK]) || !isfinite(sums[SUM_LOSS_MODEL])) {
    diverged(run, member, "the discriminator's scores are not finite");
    return;
  }
  for (int i = 0; i < 2 * member->n; i++) {
    if (isfinite(run->packed[i])) continue;
    diverged(run, member, "the derivative by %s is not finite",
             run->fit.param[run->fit.free_index[i % member->n]].name);
    return;
  }
  if (!isfinite(sums[SUM_LOSS_COVERAGE])) diverged(run, member, "the coverage loss is not finite");
}

/* Fractions and lengths have no business at their bounds; other numbers may: nu of a smooth field, a nugget of none. */
static bool must_be_inside(const char *name) {
  return strstr(name, "_fraction") || strstr(name, "_length_");
}

static void check_bounds(const group_run_t *run, member_t *member) {
  for (int i = 0; i < member->n; i++) {
    const free_t *param = &run->fit.param[run->fit.free_index[i]];
    const double theta = member->theta[i];
    const bool low = theta <= free_to_theta(param, param->low),
               high = theta >= free_to_theta(param, param->high);
    member->at_bound[i] = low || high ? member->at_bound[i] + 1 : 0;
    if (member->at_bound[i] != PATIENCE + 1 || strstr(param->name, "_knots_")) continue;
    const double bound = low ? param->low : param->high;
    if (must_be_inside(param->name)) {
      diverged(run, member, "%s has been at its bound, %g, for %d steps", param->name, bound,
               PATIENCE);
      return;
    }
    exset_warn(run->ctx, "member %d: %s has been at its bound, %g, for %d steps", member->index + 1,
               param->name, bound, PATIENCE);
  }
}

/* A phase that the data have must not vanish. */
static void check_phases(group_run_t *run, member_t *member) {
  double model[EXSET_MAX_PHASES], data[EXSET_MAX_PHASES];
  fit_set_theta(&run->fit, member->theta);
  exset_model_fractions(&run->fit.model, model);
  start_fractions(run->data, data);
  int gone = -1;
  for (int i = 0; i < run->fit.n_phases; i++)
    if (model[i] < fmin(rare_phase, data[i] / 10)) gone = i;
  member->n_rare = gone >= 0 ? member->n_rare + 1 : 0;
  if (member->n_rare > PATIENCE)
    diverged(run, member, "phase %d has had a fraction of at most %.2g for %d steps (data: %.3g)",
             gone + 1, model[gone], PATIENCE, data[gone]);
}

static void check_accuracy(const group_run_t *run, member_t *member) {
  const double *sums = run->packed + 2 * member->n;
  if (!has_networks(run->train)) return;
  const bool right = sums[SUM_RIGHT_REAL] > perfect && sums[SUM_RIGHT_FAKE] > perfect;
  if (member->n_perfect > PERFECT_PATIENCE) return; /* said before */
  member->n_perfect = right ? member->n_perfect + 1 : 0;
  if (member->n_perfect > PERFECT_PATIENCE)
    exset_warn(run->ctx,
               "member %d: the discriminator has told sections from micrographs without a mistake "
               "for %d steps (step %d): its gradient says little; lower train_rate_network, raise "
               "train_rate_model, or another model",
               member->index + 1, PERFECT_PATIENCE, member->step + 1);
}

/* ---- ends ---- */

/* Has no number's mean over the last window moved by more than the tolerance against the window before? */
static bool is_flat(const group_run_t *run, const member_t *member, double *scratch) {
  const int window = run->train->window, step = member->step;
  if (run->train->tolerance <= 0 || step % window != 0 ||
      step < 2 * window + warm_up_steps(run->train))
    return false;
  double *last = scratch, *before = scratch + member->n;
  mean_theta(member, step - window, step, last);
  mean_theta(member, step - 2 * window, step - window, before);
  for (int i = 0; i < member->n; i++)
    if (fabs(last[i] - before[i]) > run->train->tolerance) return false;
  return true;
}

static int interrupted(const group_run_t *run, const member_t *member) {
  if (!run->train->checkpoint)
    return exset_fail(
        run->ctx, EXSET_ERR_RUN,
        "stopped by a signal after step %d of %d; there is no checkpoint (train_checkpoint)",
        member->step, run->train->steps);
  return exset_fail(run->ctx, EXSET_ERR_RUN,
                    "stopped by a signal after step %d of %d; go on with the same command and "
                    "-train_restart",
                    member->step, run->train->steps);
}

/* ---- progress ---- */

static void append_parameters(const group_run_t *run, char *line, size_t size) {
  enum { SHOWN = 10 };
  int shown = 0;
  for (int i = 0; i < run->fit.n_free && shown < SHOWN; i++) {
    const free_t *param = &run->fit.param[run->fit.free_index[i]];
    if (strstr(param->name, "_knots_")) continue;
    const size_t used = strlen(line);
    snprintf(line + used, size - used, " %s %.4g", param->name, *param->value);
    shown++;
  }
}

/* Numbers of the last step, parameters, time left. */
static void progress(group_run_t *run, const member_t *member, double seconds_left) {
  const double *row = member->trace + (member->step - 1) * member->n_columns;
  char line[768] = "";
  if (run->train->ensemble > 1) snprintf(line, sizeof line, "member %d, ", member->index + 1);
  snprintf(line + strlen(line), sizeof line - strlen(line), "step %d of %d:", member->step,
           run->train->steps);
  if (has_networks(run->train))
    snprintf(line + strlen(line), sizeof line - strlen(line),
             " loss %.3f model %.3f accuracy %.2f %.2f", row[TRACE_LOSS_NETWORK],
             row[TRACE_LOSS_MODEL], row[TRACE_ACCURACY_REAL], row[TRACE_ACCURACY_FAKE]);
  if (has_coverage(run->train))
    snprintf(line + strlen(line), sizeof line - strlen(line), " coverage %.3g",
             row[TRACE_LOSS_COVERAGE]);
  fit_set_theta(&run->fit, member->theta);
  append_parameters(run, line, sizeof line);
  exset_info(run->ctx, "%s; %.0f s left", line, seconds_left);
}

/* ---- the loop ---- */

typedef struct {
  double begin, shown; /* times */
  int first;           /* step */
} pace_t;

static void tell(group_run_t *run, const member_t *member, pace_t *clock) {
  const double now = MPI_Wtime();
  const int made = member->step - clock->first, left = run->train->steps - member->step;
  if (now - clock->shown < progress_seconds) return;
  clock->shown = now;
  progress(run, member, (now - clock->begin) / made * left);
}

/* Anew after as many steps as it takes gradients: it follows theta, and costs two of them for each step. */
static int refresh_metric(group_run_t *run, member_t *member) {
  const int made = moves_made(run, member), every = member->n > 20 ? member->n : 20;
  if (!is_combined(run->train) || made < 0 || made % every != 0) return EXSET_OK;
  return term_metric(run, member, member->metric);
}

/* One step of everything; the member may have ended by it. */
static int advance(group_run_t *run, member_t *member, double *scratch) {
  EXSET_TRY(refresh_metric(run, member));
  EXSET_TRY(step_run(run, member));
  check_finite(run, member);
  if (member->end != MEMBER_RUNS) return EXSET_OK;
  const bool moves = moves_made(run, member) >= 0;
  if (moves) {
    combine(run, member);
    move_theta(run, member);
  }
  record(run, member);
  if (moves) check_bounds(run, member);
  if (moves && member->end == MEMBER_RUNS) check_phases(run, member);
  check_accuracy(run, member);
  member->step++;
  if (member->end != MEMBER_RUNS) return EXSET_OK;
  if (member->step == run->train->steps) member->end = EXSET_TRAIN_STEPS;
  if (is_flat(run, member, scratch)) member->end = EXSET_TRAIN_FLAT;
  return EXSET_OK;
}

static int loop(group_run_t *run, member_t *member, double *scratch) {
  const int every = run->train->checkpoint_steps;
  pace_t clock = {MPI_Wtime(), MPI_Wtime(), member->step};
  while (member->end == MEMBER_RUNS) {
    EXSET_TRY(advance(run, member, scratch));
    const bool stop = run->packed[2 * member->n + SUM_SIGNALS] > 0;
    if (stop || member->end != MEMBER_RUNS || (every > 0 && member->step % every == 0))
      EXSET_TRY(checkpoint_write(run, member));
    if (stop) return interrupted(run, member);
    tell(run, member, &clock);
  }
  return EXSET_OK;
}

/* A member that ended because its steps were used up goes on where more are allowed now. */
static void reopen(const group_run_t *run, member_t *member) {
  if (member->end == EXSET_TRAIN_STEPS && member->step < run->train->steps)
    member->end = MEMBER_RUNS;
}

int member_train(group_run_t *run, member_t *member) {
  double *scratch;
  EXSET_TRY(exset_agree(run->ctx, group_run_networks(run, member->seed)));
  if (run->train->restart) EXSET_TRY(checkpoint_read(run, member));
  reopen(run, member);
  EXSET_TRY(exset_alloc_all(run->ctx, 2 * member->n, sizeof *scratch, &scratch));
  const int err = loop(run, member, scratch);
  free(scratch);
  return err;
}
