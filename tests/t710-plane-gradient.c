/* test: np="1" time=120 */
/*
 * Derivatives of a loss of soft phases by every number of a model, against finite differences of fourth order: Gaussian
 * and chi-square fields, sums of terms, splines, coupling, sets below, each of the three orientations, odd, prime and
 * non-square grids of anisotropic voxels. Two realisations are collected at a time.
 */
#include "test_plane.h"

enum { SLOTS = 2 };
static const double temperature = 0.4;

/* Mean over cells of random linear, quadratic and cubic terms of a cell's phases and its neighbour's. */
static double loss_of(int64_t count, uint64_t salt, const double *phase, double *d_phase) {
  double loss = 0;
  memset(d_phase, 0, (size_t)count * sizeof *d_phase);
  for (int64_t i = 0; i < count; i++) {
    const uint64_t draw = salt + 4 * (uint64_t)i;
    const double a = plane_random(draw), b = plane_random(draw + 1), c = plane_random(draw + 2);
    const double p = phase[i], next = phase[(i + 1) % count];
    loss += a * p + b * p * next + c * p * p * p;
    d_phase[i] += a + b * next + 3 * c * p * p;
    d_phase[(i + 1) % count] += b * p;
  }
  return loss;
}

typedef struct {
  exset_ctx_t *ctx;
  exset_plane_t *plane;
  int64_t count; /* of a realisation's phases */
  double *phase, *d_phase;
} case_t;

/* Loss of two realisations; with gradient: collected. */
static double evaluate(case_t *c, const exset_model_t *model, exset_model_t *grad) {
  double loss = 0;
  MUST(c->ctx, exset_plane_model(c->plane, model));
  for (int s = 0; s < SLOTS; s++)
    MUST(c->ctx, exset_plane_draw(c->plane, s, 7, (uint64_t)s, c->phase + s * c->count));
  for (int s = 0; s < SLOTS; s++) {
    loss += loss_of(c->count, (uint64_t)s << 32, c->phase + s * c->count, c->d_phase);
    if (grad) MUST(c->ctx, exset_plane_backward(c->plane, s, c->d_phase));
  }
  if (grad) MUST(c->ctx, exset_plane_gradient(c->plane, grad));
  return loss;
}

static double difference(case_t *c, const exset_model_t *model, double *value) {
  const double x = *value, h = 2e-4 * fabs(x);
  double f[4];
  static const int step[4] = {-2, -1, 1, 2};
  for (int i = 0; i < 4; i++) {
    *value = x + step[i] * h;
    f[i] = evaluate(c, model, NULL);
  }
  *value = x;
  return (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h);
}

/* Relative to the derivative, or to the usual size of terms where it happens to be small. */
static void check_model(exset_ctx_t *ctx, exset_model_t *model, const int64_t n[3], int normal) {
  static const double voxel[3] = {0.8, 0.5, 0.7};
  case_t c = {.ctx = ctx};
  exset_model_t grad;
  plane_number_t list[400];
  int64_t rows, cols;
  int n_phases;
  MUST(ctx, exset_plane_create(ctx, model, n, voxel, normal, SLOTS, &c.plane));
  exset_plane_shape(c.plane, &rows, &cols, &n_phases);
  c.count = rows * cols * n_phases;
  MUST(ctx, exset_alloc(ctx, SLOTS * c.count, sizeof(double), &c.phase));
  MUST(ctx, exset_alloc(ctx, c.count, sizeof(double), &c.d_phase));
  exset_plane_threshold(c.plane, EXSET_THRESHOLD_SOFT, temperature);
  plane_zero_gradient(ctx, model, &grad);
  const int count = plane_numbers(model, &grad, list);
  evaluate(&c, model, &grad);
  for (int i = 0; i < count; i++) {
    const double expected = difference(&c, model, list[i].value), value = *list[i].grad;
    const double small = 1e-7 / fabs(*list[i].value);
    CHECK_MSG(fabs(value - expected) <= 1e-5 * fabs(expected) + small,
              "normal %d of %dx%dx%d, %s = %g: %.10g, by differences %.10g", normal, (int)n[0],
              (int)n[1], (int)n[2], list[i].name, *list[i].value, value, expected);
  }
  exset_model_clear(&grad);
  free(c.phase);
  free(c.d_phase);
  MUST(ctx, exset_plane_destroy(&c.plane));
}

static void check_everywhere(exset_ctx_t *ctx, exset_model_t *model) {
  static const int64_t n[2][3] = {{17, 24, 19}, {20, 15, 28}};
  for (int normal = 0; normal < 3; normal++) check_model(ctx, model, n[normal % 2], normal);
  check_model(ctx, model, n[1], 0);
}

/* Gradients must add to what the caller's model holds, and the collection is empty afterwards. */
static void check_collection(exset_ctx_t *ctx) {
  static const int64_t n[3] = {8, 8, 8};
  static const double voxel[3] = {1, 1, 1};
  exset_model_t model = {.n_fields = 1, .field = {plane_field_of(0, false, 0.4)}}, grad;
  plane_use_terms(&model.field[0], 0, 1, 0);
  case_t c = {.ctx = ctx, .count = 2 * 64};
  double phase[SLOTS * 2 * 64], d_phase[2 * 64];
  c.phase = phase;
  c.d_phase = d_phase;
  MUST(ctx, exset_plane_create(ctx, &model, n, voxel, 0, SLOTS, &c.plane));
  plane_zero_gradient(ctx, &model, &grad);
  evaluate(&c, &model, &grad);
  const double once = grad.field[0].fraction;
  CHECK(once != 0);
  MUST(ctx, exset_plane_gradient(c.plane, &grad));
  CHECK(grad.field[0].fraction == once);
  evaluate(&c, &model, &grad);
  CHECK_NEAR(grad.field[0].fraction, 2 * once, 1e-12 * fabs(once));
  exset_model_clear(&grad);
  MUST(ctx, exset_plane_destroy(&c.plane));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int dof = 0; dof <= 3; dof++) {
    exset_model_t model = {.n_fields = 2};
    model.field[0] = plane_field_of(0, dof % 2 == 1, 0.35);
    model.field[1] = plane_field_of(dof, dof > 1, 0.6);
    plane_use_terms(&model.field[0], dof, 1, 0);
    plane_use_terms(&model.field[1], dof + 1, dof == 2 ? 3 : 1, 0.05);
    check_everywhere(ctx, &model);
  }
  exset_model_t coupled = {.n_fields = 3}; /* the last depends on the first, the second does not */
  for (int f = 0; f < 3; f++) {
    coupled.field[f] = plane_field_of(0, f == 2, 0.3 + 0.1 * f);
    plane_use_terms(&coupled.field[f], f, 2, 0.03);
  }
  coupled.field[2].coupling = -0.7;
  check_everywhere(ctx, &coupled);
  exset_model_t splines = {.n_fields = 2};
  splines.field[0] = plane_field_of(0, false, 0.45);
  splines.field[1] = plane_field_of(2, false, 0.3);
  plane_use_knots(ctx, &splines.field[0], 9, 0);
  plane_use_knots(ctx, &splines.field[1], 5, 4);
  check_everywhere(ctx, &splines);
  exset_model_clear(&splines);
  check_collection(ctx);
  return test_end(ctx);
}
