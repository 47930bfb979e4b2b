/* test: np="1 3" time=120 */
/* The model's gradient through the whole chain (spectrum, field, thresholds, crop, network) against differences of the loss. */
#include <math.h>
#include <string.h>

#include "../src/calibrate/calibrate_train_impl.h"
#include "test_train.h"

/* What is compared: a sum of a step and the place of its gradient, how far theta moves, in how many steps, how near it should be. */
typedef struct {
  sum_t loss;
  bool coverage;
  double h;
  int pairs;
  double tolerance;
} probe_t;

/* The loss has a kink wherever a LeakyReLU turns, and the rounding of single precision: slopes are fitted. */
static const probe_t adversarial = {SUM_LOSS_MODEL, false, 1e-4, 6, 0.02};
/* Smooth, in double precision. */
static const probe_t covered = {SUM_LOSS_COVERAGE, true, 1e-4, 1, 1e-5};

/* A loss of a fixed step at theta; its gradient is then in run->packed. */
static double loss_at(group_run_t *run, member_t *member, const probe_t *probe,
                      const double *theta) {
  memcpy(member->theta, theta, (size_t)member->n * sizeof *theta);
  MUST(run->ctx, step_run(run, member));
  return run->packed[2 * member->n + probe->loss];
}

/* Slope of a line through several pairs of points. */
static double slope_at(group_run_t *run, member_t *member, const probe_t *probe, double *theta,
                       int i) {
  const double at = theta[i];
  double product = 0, square = 0;
  for (int k = 1; k <= probe->pairs; k++) {
    theta[i] = at + probe->h * k;
    const double up = loss_at(run, member, probe, theta);
    theta[i] = at - probe->h * k;
    product += k * (up - loss_at(run, member, probe, theta));
    square += 2 * probe->h * k * k;
  }
  theta[i] = at;
  return product / square;
}

static void compare(group_run_t *run, member_t *member, const probe_t *probe, const char *label) {
  const int n = member->n;
  double theta[64], gradient[64], norm = 0;
  memcpy(theta, member->theta, (size_t)n * sizeof *theta);
  loss_at(run, member, probe, theta);
  memcpy(gradient, run->packed + (probe->coverage ? n : 0), (size_t)n * sizeof *gradient);
  for (int i = 0; i < n; i++) norm = fmax(norm, fabs(gradient[i]));
  CHECK_MSG(norm > 1e-3, "%s: gradient is only %g", label, norm);
  for (int i = 0; i < n; i++) {
    const double difference = slope_at(run, member, probe, theta, i);
    CHECK_MSG(fabs(gradient[i] - difference) <= probe->tolerance * norm,
              "%s, %s: %.6g, by differences %.6g", label,
              run->fit.param[run->fit.free_index[i]].name, gradient[i], difference);
  }
  memcpy(member->theta, theta, (size_t)n * sizeof *theta);
}

static void check(exset_ctx_t *ctx, const char *label, const exset_sections_t *sections,
                  const exset_calibrate_options_t *options, const exset_train_options_t *train,
                  const exset_model_t *model, int n_free) {
  data_t data;
  group_run_t run;
  member_t member;
  MUST(ctx, data_create(ctx, sections, options->voxel, options->max_lag, &data));
  MUST(ctx, group_run_create(ctx, sections, &data, options, train, model, &run));
  MUST(ctx, member_create(&run, 0, &member));
  MUST(ctx, group_run_networks(&run, member.seed));
  CHECK_MSG(run.fit.n_free == n_free, "%s: %d free parameters, expected %d", label, run.fit.n_free,
            n_free);
  if (has_networks(train)) compare(&run, &member, &adversarial, label);
  if (has_coverage(train)) compare(&run, &member, &covered, label);
  member_clear(&member);
  group_run_clear(&run);
  data_clear(&data);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_model_t model = train_model(0.6);
  exset_sections_t xy = {0}, both = {0};
  train_sections(ctx, &model, 64, EXSET_AXIS_Z, 2, 1, &xy);
  train_sections(ctx, &model, 64, EXSET_AXIS_Z, 2, 1, &both);
  train_sections(ctx, &model, 64, EXSET_AXIS_Y, 2, 2, &both);

  exset_calibrate_options_t options = train_defaults;
  exset_train_options_t train = train_options(EXSET_METHOD_ADVERSARIAL);
  train.threshold = EXSET_THRESHOLD_SOFT;
  train.temperature = train.temperature_end = 0.4;
  train.rate_network = 0; /* the discriminator stays as it is */
  train.batch = 42;       /* not a multiple of the crops of a section */
  exset_model_t start = train_model(1);
  start.field[0].fraction = 0.5;
  start.field[1].spectrum.term[0].length_xy = start.field[1].spectrum.term[0].length_z = 5;
  check(ctx, "isotropic", &xy, &options, &train, &start, 5);
  check(ctx, "isotropic, all planes", &both, &options, &train, &start, 5);
  train.score = EXSET_SCORE_HINGE;
  check(ctx, "hinge", &xy, &options, &train, &start, 5);
  train.score = EXSET_SCORE_BCE;

  options.cylindrical = true;
  train.method = EXSET_METHOD_COMBINED;
  check(ctx, "cylindrical, closed forms", &both, &options, &train, &start, 7);
  train.evaluator = EXSET_EVALUATOR_SAMPLED;
  check(ctx, "cylindrical, sampled", &both, &options, &train, &start, 7);
  train.method = EXSET_METHOD_COVERAGE;
  options.cylindrical = false;

  check(ctx, "isotropic, sampled from all planes", &both, &options, &train, &start, 5);
  start.field[1].type = EXSET_FIELD_GAUSSIAN; /* one coats the other */
  start.field[1].dof = 1;
  start.field[1].coupling = 0.7;
  start.field[0].spectrum.nugget = 0.1;
  train.method = EXSET_METHOD_COMBINED;
  check(ctx, "coupling", &xy, &options, &train, &start, 7);

  double knots[8] = {1, 0.9, 0.7, 0.4, 0.2, 0.1, 0.05, 0.02};
  start.field[0].spectrum = (exset_spectrum_t){.knots_r = 8, .knots_max_r = 1.2, .knots = knots};
  check(ctx, "splines", &xy, &options, &train, &start, 1 + 8 + 4);
  exset_sections_clear(&xy);
  exset_sections_clear(&both);
  return test_end(ctx);
}
