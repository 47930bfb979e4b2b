/* Calibration by training: the start, the members of the ensemble on groups of ranks, the result. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate_train_impl.h"
#include "exset/signal.h"

/* ---- where training starts ---- */

/* The same options without names of couplings, which the closed forms do not know. fixed: room for all names. */
static exset_calibrate_options_t without_couplings(const exset_calibrate_options_t *options,
                                                   const char **fixed) {
  exset_calibrate_options_t out = *options;
  out.fixed = fixed;
  out.n_fixed = 0;
  for (int i = 0; i < options->n_fixed; i++)
    if (!strstr(options->fixed[i], "_coupling")) fixed[out.n_fixed++] = options->fixed[i];
  return out;
}

/* Give field a its coupling and the set fraction with which its phase keeps its volume. A start with a wrong volume would
 * mend it by the coupling, which is quick, and end in an optimum of weak coupling. */
static void couple(exset_model_t *model, int a, double coupling) {
  double target[EXSET_MAX_PHASES], now[EXSET_MAX_PHASES], low = 0, high = 1;
  double *fraction = &model->field[a].fraction;
  exset_model_fractions(model, target);
  model->field[a].coupling = coupling;
  for (int i = 0; i < 50; i++) {
    *fraction = 0.5 * (low + high);
    exset_model_fractions(model, now);
    if (now[a] < target[a]) low = *fraction;
    else high = *fraction;
  }
}

static void couple_fields(const exset_calibrate_options_t *options, const exset_model_t *model,
                          exset_model_t *start) {
  char name[32];
  for (int a = 1; a < start->n_fields; a++) {
    if (model->field[a].coupling == 0) continue;
    snprintf(name, sizeof name, "field%d_fraction", a + 1);
    bool held = false;
    for (int i = 0; i < options->n_fixed; i++) held |= strcmp(options->fixed[i], name) == 0;
    if (held) start->field[a].coupling = model->field[a].coupling;
    else couple(start, a, model->field[a].coupling);
  }
}

/* The optimum by closed forms. Couplings are left out of it, and are in the start as they were given. */
static int coverage_start(exset_ctx_t *ctx, const data_t *data,
                          const exset_calibrate_options_t *options, const exset_model_t *model,
                          exset_model_t *start) {
  exset_model_t uncoupled = {0};
  exset_calibration_t result = {0};
  fit_t fit = {0};
  const char **fixed = NULL;
  int err = exset_alloc(ctx, options->n_fixed, sizeof *fixed, &fixed);
  if (!err) err = exset_model_copy(ctx, model, &uncoupled);
  for (int a = 0; a < uncoupled.n_fields; a++) uncoupled.field[a].coupling = 0;
  err = exset_agree(ctx, err);
  const exset_calibrate_options_t plain = without_couplings(options, fixed);
  if (!err) err = optimum_find(ctx, data, &plain, &uncoupled, &fit, &result);
  if (!err) err = exset_agree(ctx, exset_model_copy(ctx, &fit.model, start));
  if (!err) couple_fields(options, model, start);
  exset_model_clear(&uncoupled);
  exset_calibration_clear(&result);
  fit_clear(&fit);
  free(fixed);
  return err;
}

static int find_start(exset_ctx_t *ctx, const data_t *data,
                      const exset_calibrate_options_t *options, bool given,
                      const exset_model_t *model, exset_model_t *start) {
  if (!given) return coverage_start(ctx, data, options, model, start);
  int err = exset_model_copy(ctx, model, start);
  if (!err) err = start_fill(ctx, data, options, start);
  return exset_agree(ctx, err);
}

/* ---- members on groups of ranks, which take them in turn ---- */

/* Train a member; its result and the loss there, on all ranks of the group. */
static int train_member(group_run_t *run, member_t *member) {
  EXSET_TRY(member_train(run, member));
  member_result(run, member, member->result);
  return term_loss(run, member->result, &member->loss);
}

/* A checkpoint of another case is an error before hours of work, not after them. */
static int check_members(const group_run_t *run, int group, int n_groups, const member_t *member) {
  for (int m = group; m < run->train->ensemble; m += n_groups)
    EXSET_TRY(checkpoint_check(run, &member[m]));
  return EXSET_OK;
}

static int train_members(group_run_t *run, int group, int n_groups, member_t *member) {
  for (int m = group; m < run->train->ensemble; m += n_groups)
    EXSET_TRY(train_member(run, &member[m]));
  return EXSET_OK;
}

/* A member's end, result and trace, from the group that trained it to all. */
static int share_member(exset_ctx_t *ctx, int root, member_t *member) {
  int state[] = {member->step, member->end};
  const MPI_Comm comm = ctx->comm;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(state, 2, MPI_INT, root, comm)));
  member->step = state[0];
  member->end = state[1];
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(member->reason, EXSET_TRAIN_REASON, MPI_CHAR, root, comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&member->loss, 1, MPI_DOUBLE, root, comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(member->result, member->n, MPI_DOUBLE, root, comm)));
  MPI_Datatype row;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous((int)member->n_columns, MPI_DOUBLE, &row)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_commit(&row)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(member->trace, member->step, row, root, comm)));
  return EXSET_MPI(ctx, MPI_Type_free(&row));
}

static int create_members(group_run_t *run, member_t **member) {
  EXSET_TRY(exset_alloc(run->ctx, run->train->ensemble, sizeof **member, member));
  for (int m = 0; m < run->train->ensemble; m++) EXSET_TRY(member_create(run, m, &(*member)[m]));
  return EXSET_OK;
}

static void clear_members(int n, member_t *member) {
  for (int m = 0; member && m < n; m++) member_clear(&member[m]);
  free(member);
}

/* Train all members; every rank then knows all of them. */
static int ensemble(exset_ctx_t *ctx, group_run_t *run, int n_groups, member_t **member) {
  exset_signal_t signals;
  const int group = exset_group_of(ctx, n_groups, ctx->rank);
  EXSET_TRY(exset_agree_groups(ctx, run->ctx, create_members(run, member)));
  EXSET_TRY(exset_agree_groups(ctx, run->ctx, check_members(run, group, n_groups, *member)));
  EXSET_TRY(exset_agree(ctx, exset_signal_watch(ctx, &signals)));
  int err = exset_agree_groups(ctx, run->ctx, train_members(run, group, n_groups, *member));
  exset_signal_restore(&signals);
  for (int m = 0; !err && m < run->train->ensemble; m++)
    err = share_member(ctx, exset_group_first(ctx, n_groups, m % n_groups), &(*member)[m]);
  return err;
}

/* ---- results ---- */

/* Times and counts of the first rank, on all. */
static int share_times(exset_ctx_t *ctx, const group_run_t *run, exset_calibration_t *result,
                       exset_training_t *training) {
  double number[] = {run->seconds_realise, run->seconds_network, run->seconds_coverage,
                     run->seconds_reduce,  run->flops,           run->fit.evaluations};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(number, 6, MPI_DOUBLE, 0, ctx->comm)));
  training->seconds_realise = number[0];
  training->seconds_network = number[1];
  training->seconds_coverage = number[2];
  training->seconds_reduce = number[3];
  training->flops = number[4];
  result->evaluations = (int)number[5];
  return EXSET_OK;
}

static int finish(exset_ctx_t *ctx, group_run_t *run, const member_t *member, exset_model_t *model,
                  exset_calibration_t *result, exset_training_t *training) {
  const int n = run->train->ensemble;
  training->n_members = n;
  int err = training_members(run, member, training);
  EXSET_TRY(exset_agree_groups(ctx, run->ctx, err));
  const member_t *chosen = &member[training->chosen];
  err = training_losses(run, chosen, result);
  if (!err) err = training_describe(run, chosen, result, training);
  EXSET_TRY(exset_agree_groups(ctx, run->ctx, err));
  EXSET_TRY(share_times(ctx, run, result, training));
  if (run->train->history && ctx->rank == 0) err = history_write(run, n, member, training->chosen);
  EXSET_TRY(exset_agree_groups(ctx, run->ctx, err));
  fit_set_theta(&run->fit, chosen->result);
  EXSET_TRY(exset_agree_groups(ctx, run->ctx, result_take_model(&run->fit, model)));
  result_warn_of_bounds(ctx, result);
  return EXSET_OK;
}

/* The ensemble from a start to the result. */
static int train_from(exset_ctx_t *ctx, exset_ctx_t *group, const exset_sections_t *sections,
                      const data_t *data, const exset_calibrate_options_t *options,
                      const exset_train_options_t *train, int n_groups, const exset_model_t *start,
                      exset_model_t *model, exset_calibration_t *result,
                      exset_training_t *training) {
  group_run_t run;
  member_t *member = NULL;
  int err = group_run_create(group, sections, data, options, train, start, &run);
  err = exset_agree_groups(ctx, group, err);
  if (!err) err = ensemble(ctx, &run, n_groups, &member);
  if (!err) err = finish(ctx, &run, member, model, result, training);
  clear_members(train->ensemble, member);
  group_run_clear(&run);
  return err;
}

/* The model from which training starts is found by all ranks together, then they part. */
static int train_data(exset_ctx_t *ctx, const exset_sections_t *sections, const data_t *data,
                      const exset_calibrate_options_t *options, const exset_train_options_t *train,
                      exset_model_t *model, exset_calibration_t *result,
                      exset_training_t *training) {
  const int n_groups = train->ensemble < ctx->size ? train->ensemble : ctx->size;
  const double begin = MPI_Wtime();
  exset_model_t start = {0};
  exset_ctx_t *group = NULL;
  int err = find_start(ctx, data, options, train->start_given, model, &start);
  result->seconds_fit = MPI_Wtime() - begin;
  if (!err) err = exset_ctx_split(ctx, n_groups, &group);
  if (!err)
    err = train_from(ctx, group, sections, data, options, train, n_groups, &start, model, result,
                     training);
  training->seconds = MPI_Wtime() - begin - result->seconds_fit;
  exset_model_clear(&start);
  exset_ctx_destroy(&group);
  return err;
}

int exset_calibrate_train(exset_ctx_t *ctx, const exset_sections_t *sections,
                          const exset_calibrate_options_t *given,
                          const exset_train_options_t *train, exset_model_t *model,
                          exset_calibration_t *result, exset_training_t *training) {
  const exset_calibrate_options_t options = case_settle_voxel(sections, given);
  const double begin = MPI_Wtime();
  data_t data = {0};
  *result = (exset_calibration_t){.n_phases = sections->n_phases};
  *training = (exset_training_t){0};
  EXSET_TRY(exset_agree(ctx, exset_train_check(ctx, sections, given, train, model)));
  int err = data_create(ctx, sections, options.voxel, options.max_lag, &data);
  result->max_lag = data.max_lag;
  result->seconds_data = MPI_Wtime() - begin;
  if (!err) err = train_data(ctx, sections, &data, &options, train, model, result, training);
  data_clear(&data);
  if (!err) return EXSET_OK;
  exset_calibration_clear(result);
  exset_training_clear(training);
  return err;
}
