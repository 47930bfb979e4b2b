/* test: np="1 3" time=60 */
/*
 * The metric of the coverage term: from differences of the gradient it finds the displacement of theta, along every number and
 * along flat directions as well, the same on all ranks. With coupling it takes each number on its own.
 */
#include <math.h>
#include <string.h>

#include "../src/calibrate/calibrate_train_impl.h"
#include "exset/config.h"
#include "test_train.h"

static const double step = 0.003;

/* Half the difference of the coverage gradients at theta + d and theta - d. */
static void half_difference(group_run_t *run, const double *theta, const double *d, double *half) {
  fit_t *fit = &run->fit;
  const int n = fit->n_free;
  double loss, moved[64], down[64];
  for (int i = 0; i < n; i++) moved[i] = theta[i] + d[i];
  MUST(run->ctx, fit_loss(fit, moved, &loss, half));
  for (int i = 0; i < n; i++) moved[i] = theta[i] - d[i];
  MUST(run->ctx, fit_loss(fit, moved, &loss, down));
  for (int i = 0; i < n; i++) half[i] = (half[i] - down[i]) / 2;
}

static void check_displacement(group_run_t *run, const member_t *member, const double *d,
                               double tolerance) {
  const int n = member->n;
  double half[64], size = 0;
  half_difference(run, member->theta, d, half);
  for (int i = 0; i < n; i++) size = fmax(size, fabs(d[i]));
  for (int i = 0; i < n; i++) {
    double found = 0;
    for (int k = 0; k < n; k++) found += member->metric[i * n + k] * half[k];
    CHECK_NEAR(found, d[i], tolerance * size);
  }
}

static void check_equal(const exset_ctx_t *ctx, int n, const double *value) {
  double *low = malloc((size_t)n * sizeof *low), *high = malloc((size_t)n * sizeof *high);
  MPI_Allreduce(value, low, n, MPI_DOUBLE, MPI_MIN, ctx->comm);
  MPI_Allreduce(value, high, n, MPI_DOUBLE, MPI_MAX, ctx->comm);
  for (int i = 0; i < n; i++) CHECK(low[i] == high[i]);
  free(low);
  free(high);
}

/* At the coverage optimum, where the loss is convex. */
static void check_inverse(group_run_t *run, const member_t *member, double tolerance) {
  const int n = member->n;
  for (int i = 0; i < n; i++) {
    double d[64] = {0};
    d[i] = step;
    check_displacement(run, member, d, tolerance);
    for (int k = 0; k < n; k++) /* exact up to the order of sums */
      CHECK_NEAR(
          member->metric[i * n + k], member->metric[k * n + i],
          1e-12 * fabs(member->metric[i * (n + 1)]) + 1e-12 * fabs(member->metric[k * (n + 1)]));
  }
  const double all[64] = {step, -step, step, step,
                          -step}; /* of fraction, length, fraction, length, nu */
  check_displacement(run, member, all, tolerance);
}

static void check_diagonal(const member_t *member) {
  for (int i = 0; i < member->n; i++)
    for (int k = 0; k < member->n; k++)
      CHECK(i == k ? member->metric[i * member->n + k] > 0
                   : member->metric[i * member->n + k] == 0);
}

/* With nu free its valley, where the length makes up for it, is as flat as the metric's least curvature. */
static void check(exset_ctx_t *ctx, const exset_sections_t *sections, bool nu_free,
                  const exset_model_t *model) {
  static const char *const held[] = {"field2_nu"};
  exset_calibrate_options_t options = train_defaults;
  exset_train_options_t train = train_options(EXSET_METHOD_COMBINED);
  data_t data;
  group_run_t run;
  member_t member;
  options.fixed = held;
  options.n_fixed = nu_free ? 0 : 1;
  if (exset_model_coupled(model)) train.evaluator = EXSET_EVALUATOR_SAMPLED;
  MUST(ctx, data_create(ctx, sections, train_defaults.voxel, train_defaults.max_lag, &data));
  MUST(ctx, group_run_create(ctx, sections, &data, &options, &train, model, &run));
  MUST(ctx, member_create(&run, 0, &member));
  MUST(ctx, term_metric(&run, &member, member.metric));
  check_equal(ctx, member.n * member.n, member.metric);
  if (exset_model_coupled(model)) check_diagonal(&member);
  else check_inverse(&run, &member, nu_free ? 0.4 : 0.03);
  member_clear(&member);
  group_run_clear(&run);
  data_clear(&data);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config;
  MUST(ctx, exset_config_create(ctx, "calibrate", 0, NULL, &config)); /* starts PETSc */
  exset_model_t model = train_model(1);
  exset_sections_t sections = {0};
  exset_calibration_t result;
  train_sections(ctx, &model, 128, EXSET_AXIS_Z, 2, 1, &sections);
  MUST(ctx, exset_calibrate_coverage(ctx, &sections, &train_defaults, &model, &result));
  check(ctx, &sections, false, &model);
  check(ctx, &sections, true, &model);
  model.field[1].type = EXSET_FIELD_GAUSSIAN;
  model.field[1].dof = 1;
  model.field[1].coupling = 0.7;
  check(ctx, &sections, true, &model);
  exset_calibration_clear(&result);
  exset_sections_clear(&sections);
  exset_config_destroy(&config);
  return test_end(ctx);
}
