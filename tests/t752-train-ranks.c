/* test: np="1 2 3" time=180 */
/*
 * A trajectory does not depend on the number of ranks, nor on being interrupted. Compared in soft mode: with hard phases
 * the first pixel that rounding moves across a threshold makes the next steps differ visibly.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "exset/config.h"
#include "test_train.h"

typedef struct {
  exset_sections_t sections;
  exset_calibrate_options_t options;
  exset_model_t start;
} case_t;

typedef struct {
  exset_calibration_t result;
  exset_training_t training;
} outcome_t;

static case_t make_case(exset_ctx_t *ctx, bool cylindrical) {
  case_t c = {.options = train_defaults};
  const exset_model_t known = train_model(cylindrical ? 0.6 : 1);
  train_sections(ctx, &known, 64, EXSET_AXIS_Z, 4, 1, &c.sections);
  if (cylindrical) train_sections(ctx, &known, 64, EXSET_AXIS_Y, 4, 2, &c.sections);
  c.options.cylindrical = cylindrical;
  c.start = train_model(1);
  c.start.field[0].fraction = 0.5;
  c.start.field[0].spectrum.term[0].length_xy = c.start.field[0].spectrum.term[0].length_z = 5;
  return c;
}

static outcome_t run(exset_ctx_t *ctx, const case_t *c, const exset_train_options_t *train) {
  outcome_t out;
  exset_model_t model = c->start;
  MUST(ctx, exset_calibrate_train(ctx, &c->sections, &c->options, train, &model, &out.result,
                                  &out.training));
  CHECK(model.field[0].fraction == out.result.parameter[0].value);
  return out;
}

static void clear(outcome_t *out) {
  exset_calibration_clear(&out->result);
  exset_training_clear(&out->training);
}

static void near(double a, double b, double tolerance, const char *what) {
  CHECK_MSG((isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fmax(fabs(b), 1e-3),
            "%s: %.10g and %.10g", what, a, b);
}

/* Traces, results, members of two runs of the same case. */
static void compare(const outcome_t *a, const outcome_t *b, double tolerance) {
  const exset_train_trace_t *s = &a->training.trace, *t = &b->training.trace;
  CHECK(s->n == t->n && s->n > 0 && s->n_parameters == t->n_parameters);
  for (int k = 0; k < s->n && k < t->n; k++) {
    near(s->loss_network[k], t->loss_network[k], tolerance, "loss_network");
    near(s->loss_model[k], t->loss_model[k], tolerance, "loss_model");
    near(s->loss_coverage[k], t->loss_coverage[k], tolerance, "loss_coverage");
    near(s->accuracy_real[k], t->accuracy_real[k], 1e-9, "accuracy_real");
    near(s->accuracy_fake[k], t->accuracy_fake[k], 1e-9, "accuracy_fake");
  }
  for (int k = 0; k < s->n * s->n_parameters; k++)
    near(s->value[k], t->value[k], tolerance, "value");
  CHECK(a->training.n_members == b->training.n_members);
  CHECK(a->training.chosen == b->training.chosen);
  for (int m = 0; m < a->training.n_members; m++) {
    const exset_train_member_t *x = &a->training.member[m], *y = &b->training.member[m];
    CHECK(x->seed == y->seed && x->steps == y->steps && x->end == y->end);
    near(x->loss_coverage, y->loss_coverage, tolerance, "loss of a member");
    for (int i = 0; i < a->training.n_parameters; i++)
      near(x->value[i], y->value[i], tolerance, "member");
  }
  for (int i = 0; i < a->result.n_parameters; i++) {
    near(a->result.parameter[i].value, b->result.parameter[i].value, tolerance, "parameter");
    near(a->result.parameter[i].sd, b->result.parameter[i].sd, 100 * tolerance, "sd");
  }
}

/* The same numbers on every rank, to the last bit. */
static void check_equal(exset_ctx_t *ctx, const outcome_t *out) {
  for (int i = 0; i < out->result.n_parameters; i++) {
    double low = out->result.parameter[i].value, high = low;
    MPI_Allreduce(MPI_IN_PLACE, &low, 1, MPI_DOUBLE, MPI_MIN, ctx->comm);
    MPI_Allreduce(MPI_IN_PLACE, &high, 1, MPI_DOUBLE, MPI_MAX, ctx->comm);
    CHECK(low == high);
  }
  int sum = 0, first;
  for (int k = 0; k < out->training.n_shown * 32 * 32; k++)
    sum += k % 97 * (out->training.real[0][k] + 3 * out->training.fake[0][k]);
  first = sum;
  MPI_Bcast(&first, 1, MPI_INT, 0, ctx->comm);
  CHECK(first == sum);
}

/* All ranks against the first alone. */
static void check_ranks(exset_ctx_t *ctx, const case_t *c, const exset_train_options_t *train) {
  outcome_t many = run(ctx, c, train);
  check_equal(ctx, &many);
  CHECK(many.training.n_shown > 0);
  for (int k = 0; k < many.training.n_shown * 32 * 32; k++)
    if (many.training.fake[0][k] < 1 || many.training.fake[0][k] > 3) CHECK(false);
  if (ctx->size > 1 && ctx->rank == 0) {
    exset_ctx_t *self;
    MUST(ctx, exset_ctx_create(MPI_COMM_SELF, &self));
    self->verbosity = 0;
    outcome_t one = run(self, c, train);
    compare(&many, &one, 1e-5);
    clear(&one);
    exset_ctx_destroy(&self);
  }
  clear(&many);
}

static const char *file(char *path, size_t size, const char *name) {
  snprintf(path, size, "%s/%s", test_tmp(), name);
  return path;
}

/* 20 steps at once, and 10 steps twice. */
static void check_restart(exset_ctx_t *ctx, const case_t *c, exset_train_options_t train) {
  char first[512], second[512];
  train.steps = 20;
  train.average = 0.6; /* reaches back before the interruption */
  train.checkpoint = file(first, sizeof first, "whole.h5");
  outcome_t whole = run(ctx, c, &train);
  train.checkpoint = file(second, sizeof second, "pieces.h5");
  train.steps = 10;
  outcome_t half = run(ctx, c, &train);
  train.steps = 20;
  train.restart = true;
  outcome_t pieces = run(ctx, c, &train);
  CHECK(half.training.trace.n == 10 && pieces.training.trace.n == 20);
  compare(&pieces, &whole, 1e-6);
  outcome_t again = run(ctx, c, &train); /* finished: nothing is left to do */
  compare(&again, &pieces, 1e-12);
  CHECK(again.training.flops == 0);
  clear(&half);
  clear(&pieces);
  clear(&again);
  clear(&whole);

  exset_ctx_t *other; /* errors stay in a context */
  exset_model_t model = c->start;
  outcome_t none;
  MUST(ctx, exset_ctx_create(ctx->comm, &other));
  other->verbosity = 0;
  train.batch++;
  CHECK(exset_calibrate_train(other, &c->sections, &c->options, &train, &model, &none.result,
                              &none.training) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(other->message, "belongs to another case"), "%s", other->message);
  exset_ctx_destroy(&other);
}

/* ---- signals ---- */

/* Not before somebody watches for it: on a busy machine data and networks take their time. */
static void raise_signal(int number) {
  struct sigaction usr1;
  (void)number;
  sigaction(SIGUSR1, NULL, &usr1);
  if (usr1.sa_handler != SIG_DFL) raise(SIGUSR1);
}

/* SIGUSR1 after a moment, on the last rank alone: all stop after the same step, with a checkpoint, and go on from there. */
static void check_signal(exset_ctx_t *ctx, const case_t *c, exset_train_options_t train) {
  char path[512], whole_path[512];
  struct sigaction action = {.sa_handler = raise_signal}, usr1;
  const struct itimerval moments = {.it_value = {.tv_usec = 300000},
                                    .it_interval = {.tv_usec = 100000}},
                         none = {0};
  exset_model_t model = c->start;
  exset_ctx_t *other;
  outcome_t stopped;
  train.steps = 100000;
  train.checkpoint = file(path, sizeof path, "signal.h5");
  MUST(ctx, exset_ctx_create(ctx->comm, &other));
  other->verbosity = 0;
  sigaction(SIGALRM, &action, NULL);
  if (ctx->rank == ctx->size - 1) setitimer(ITIMER_REAL, &moments, NULL);
  const int err = exset_calibrate_train(other, &c->sections, &c->options, &train, &model,
                                        &stopped.result, &stopped.training);
  setitimer(ITIMER_REAL, &none, NULL);
  CHECK(err == EXSET_ERR_RUN);
  CHECK_MSG(strstr(other->message, "stopped by a signal after step"), "%s", other->message);
  int step = 0;
  const char *number = strstr(other->message, "step ");
  if (number) step = (int)strtol(number + 5, NULL, 10);
  CHECK(step > 0 && step < 100000 && access(path, R_OK) == 0);
  exset_ctx_destroy(&other);
  sigaction(SIGUSR1, NULL, &usr1);
  CHECK(usr1.sa_handler == SIG_DFL);

  train.steps = step + 5;
  train.restart = true;
  outcome_t resumed = run(ctx, c, &train);
  train.restart = false;
  train.checkpoint = file(whole_path, sizeof whole_path, "unbroken.h5");
  outcome_t whole = run(ctx, c, &train);
  CHECK(resumed.training.trace.n == step + 5);
  compare(&resumed, &whole, 1e-4);
  clear(&resumed);
  clear(&whole);
}

/* ---- ensembles ---- */

static void check_ensemble(exset_ctx_t *ctx, const case_t *c, exset_train_options_t train) {
  char path[512];
  train.ensemble = 3;
  train.scatter = 0.2;
  train.steps = 6;
  train.history = file(path, sizeof path, "history.h5");
  outcome_t out = run(ctx, c, &train);
  const exset_training_t *t = &out.training;
  CHECK(t->n_members == 3 && access(path, R_OK) == 0);
  for (int i = 0; i < t->n_parameters; i++) {
    double mean = 0, squares = 0;
    for (int m = 0; m < 3; m++) mean += t->member[m].value[i] / 3;
    for (int m = 0; m < 3; m++) squares += pow(t->member[m].value[i] - mean, 2);
    near(t->mean[i], mean, 1e-12, "mean");
    near(t->spread[i], sqrt(squares / 2), 1e-9, "spread");
    CHECK(t->spread[i] > 0.01 * mean);
    CHECK(out.result.parameter[i].sd == t->spread[i]);
  }
  for (int m = 0; m < 3; m++) {
    CHECK(t->member[m].seed == c->options.seed + (uint64_t)m);
    CHECK(t->member[m].loss_coverage >= t->member[t->chosen].loss_coverage);
  }
  CHECK(out.result.loss == t->member[t->chosen].loss_coverage);
  clear(&out);
  train.history = NULL;
  check_ranks(ctx, c, &train);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config;
  MUST(ctx, exset_config_create(ctx, "calibrate", 0, NULL, &config)); /* starts PETSc */
  ctx->verbosity = 0;
  case_t plain = make_case(ctx, false), cylindrical = make_case(ctx, true);
  exset_train_options_t train = train_options(EXSET_METHOD_ADVERSARIAL);
  train.threshold = EXSET_THRESHOLD_SOFT;
  train.temperature = 0.4;
  train.smoothing = 0.1;
  train.rate_end = 1;
  train.batch = 7; /* two sections: shares of 4 and 3, or 4, 3 and 0 */
  check_ranks(ctx, &plain, &train);
  train.spectral = true;
  train.method = EXSET_METHOD_COMBINED;
  check_ranks(ctx, &cylindrical, &train);
  case_t coupled = plain; /* coverage functions of realisations */
  coupled.start.field[1].type = EXSET_FIELD_GAUSSIAN;
  coupled.start.field[1].dof = 1;
  coupled.start.field[1].coupling = 0.5;
  train.evaluator = EXSET_EVALUATOR_SAMPLED;
  check_ranks(ctx, &coupled, &train);
  train.evaluator = EXSET_EVALUATOR_ANALYTIC;
  train.temperature = 0.2; /* equal at both ends: schedules do not depend on the number of steps */
  check_restart(ctx, &cylindrical, train);
  check_signal(ctx, &plain, train);
  check_ensemble(ctx, &plain, train);
  exset_sections_clear(&plain.sections);
  exset_sections_clear(&cylindrical.sections);
  exset_config_destroy(&config);
  return test_end(ctx);
}
