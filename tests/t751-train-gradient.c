/* test: np="1 3" time=60 */
/*
 * The model's gradient through the whole chain (spectrum, field, thresholds, crop, network) against differences of the loss. For the
 * differences a naive twin in double precision takes the network's place: single precision hides small changes. The coverage
 * term is in double precision anyway.
 */
#include <math.h>
#include <string.h>

#include "../src/calibrate/calibrate_train_impl.h"
#include "test_nn_naive.h"
#include "test_train.h"

enum { MOST_THETA = 64 };

typedef struct {
  group_run_t *run;
  member_t *member;
  const char *label;
} case_t;

/* A loss as a function of member->theta, over all ranks. */
typedef double loss_t(const case_t *c);

/* ---- the twin --------------------------------------------------------------------------------- */

static double twin_score_loss(const exset_train_options_t *train, double score) {
  return train->score == EXSET_SCORE_HINGE ? -score : log1p(exp(-fabs(score))) - fmin(score, 0);
}

static int64_t patch_numbers(const tiling_t *t) {
  return (int64_t)t->n_phases * t->patch * t->patch;
}

/* A patch of a section in double precision: that of its rounded values, and that of what rounding took away. */
static void twin_cut(const view_t *view, const crop_t *crop, const double *phase, double *image) {
  const tiling_t *t = &view->tiling;
  const int64_t n = t->n_phases * t->rows * t->cols, n_image = patch_numbers(t);
  double *lost = malloc((size_t)n * sizeof *lost);
  float *part = malloc((size_t)n_image * sizeof *part);
  for (int64_t i = 0; i < n; i++) lost[i] = phase[i] - (double)(float)phase[i];
  tiling_image(t, crop, phase, part);
  for (int64_t i = 0; i < n_image; i++) image[i] = (double)part[i];
  tiling_image(t, crop, lost, part);
  for (int64_t i = 0; i < n_image; i++) image[i] += (double)part[i];
  free(lost);
  free(part);
}

/* This rank's patches of the model in a step. */
static void twin_images(const case_t *c, view_t *view, double *image) {
  const group_run_t *run = c->run;
  const member_t *member = c->member;
  const tiling_t *t = &view->tiling;
  const exset_rng_key_t key = patch_key(member->seed, member->step, view->number);
  const uint64_t before = step_sections(run, view, member->step);
  double *phase = malloc((size_t)(t->n_phases * t->rows * t->cols) * sizeof *phase);
  MUST(run->ctx, exset_plane_model(view->plane, &run->fit.model));
  exset_plane_threshold(view->plane, run->train->threshold, run->train->temperature);
  for (int i = 0; i < view->n_patches; i++, image += patch_numbers(t)) {
    const uint32_t section = (uint32_t)(view->first_section + i / t->n_crops);
    const crop_t crop = tiling_crop(t, key, section, i % t->n_crops);
    MUST(run->ctx, exset_plane_draw(view->plane, 0, member->seed, before + section, phase));
    twin_cut(view, &crop, phase, image);
  }
  free(phase);
}

/* Parameters of a discriminator; to be freed. */
static double *twin_copy(exset_ctx_t *ctx, exset_nn_t *network) {
  const int64_t n = exset_nn_parameters(network);
  float *from = malloc((size_t)n * sizeof *from);
  double *parameter = malloc((size_t)n * sizeof *parameter);
  MUST(ctx, exset_nn_get(network, from));
  for (int64_t i = 0; i < n; i++) parameter[i] = (double)from[i];
  free(from);
  return parameter;
}

/* Sum over this rank's patches of the model in the eyes of a discriminator. */
static double twin_view_loss(const case_t *c, view_t *view) {
  const exset_train_options_t *train = c->run->train;
  const int n = view->n_patches;
  exset_nn_layer_t layer[EXSET_NN_MAX_LAYERS];
  const int n_layers = network_layers(train, layer);
  const twin_t twin = {{view->tiling.n_phases, train->patch, train->patch}, n, n_layers, layer};
  double *parameter = twin_copy(c->run->ctx, view->network), loss = 0;
  double *image = malloc((size_t)(n * twin_count(twin.input) + n) * sizeof *image);
  double *score = image + n * twin_count(twin.input);
  twin_images(c, view, image);
  twin_forward(&twin, parameter, image, score);
  for (int i = 0; i < n; i++) loss += twin_score_loss(train, score[i]);
  free(parameter);
  free(image);
  return loss;
}

static double adversarial_loss(const case_t *c) {
  group_run_t *run = c->run;
  double sum = 0;
  fit_set_theta(&run->fit, c->member->theta);
  for (int k = 0; k < run->n_views; k++) sum += twin_view_loss(c, &run->view[k]);
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, run->ctx->comm);
  return sum / (run->train->batch * run->n_views);
}

static double coverage_loss(const case_t *c) {
  MUST(c->run->ctx, step_run(c->run, c->member));
  return c->run->packed[2 * c->member->n + SUM_LOSS_COVERAGE];
}

/* ---- comparison ------------------------------------------------------------------------------- */

static double slope(const case_t *c, loss_t *loss, double h, int i) {
  double *theta = c->member->theta;
  const double at = theta[i];
  theta[i] = at + h;
  const double up = loss(c);
  theta[i] = at - h;
  const double down = loss(c);
  theta[i] = at;
  return (up - down) / (2 * h);
}

static void compare(const case_t *c, loss_t *loss, double h, double tolerance,
                    const double *gradient) {
  const fit_t *fit = &c->run->fit;
  const int n = c->member->n;
  double norm = 0;
  for (int i = 0; i < n; i++) norm = fmax(norm, fabs(gradient[i]));
  CHECK_MSG(norm > 1e-3, "%s: gradient is only %g", c->label, norm);
  for (int i = 0; i < n; i++) {
    const double difference = slope(c, loss, h, i);
    CHECK_MSG(fabs(gradient[i] - difference) <= tolerance * norm,
              "%s, %s: %.6g, by differences %.6g (largest %.3g)", c->label,
              fit->param[fit->free_index[i]].name, gradient[i], difference, norm);
  }
}

/* Loss and gradient of a step against the twin's, and those of the coverage term. */
static void check_step(const case_t *c) {
  const exset_train_options_t *train = c->run->train;
  const int n = c->member->n;
  double packed[2 * MOST_THETA + N_SUMS];
  MUST(c->run->ctx, step_run(c->run, c->member));
  memcpy(packed, c->run->packed, (size_t)(2 * n + N_SUMS) * sizeof *packed);
  if (has_networks(train)) {
    CHECK_NEAR(packed[2 * n + SUM_LOSS_MODEL], adversarial_loss(c), 1e-5);
    compare(c, adversarial_loss, 1e-6, 2e-4, packed); /* hardly a LeakyReLU turns within 1e-6 */
  }
  if (has_coverage(train)) compare(c, coverage_loss, 1e-4, 1e-5, packed + n);
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
  CHECK(n_free <= MOST_THETA);
  check_step(&(case_t){&run, &member, label});
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
  train.width = 4;
  train.batch = 10; /* not a multiple of the crops of a section */
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
