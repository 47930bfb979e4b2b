/* test: np="1" time=60 */
/*
 * A realisation depends on model, seed, index and orientation only, not on slots or the order of calls; noise is a
 * function of the mode, so that a larger box repeats it; labels are those of hard phases; what cannot be done is refused.
 */
#include "exset/fft_serial.h"
#include "test_plane.h"

static const double voxel[3] = {0.8, 0.5, 0.7};
static const int64_t n[3] = {18, 23, 20};
enum { ROWS = 18, COLS = 20, CELLS = ROWS * COLS, PHASES = 3 }; /* normal y */

static exset_model_t make_model(void) {
  exset_model_t model = {.n_fields = 2};
  model.field[0] = plane_field_of(0, false, 0.4);
  model.field[1] = plane_field_of(2, true, 0.3);
  plane_use_terms(&model.field[0], 0, 1, 0);
  plane_use_terms(&model.field[1], 1, 2, 0.05);
  return model;
}

static exset_plane_t *make_plane(exset_ctx_t *ctx, const exset_model_t *model, int normal,
                                 int slots) {
  exset_plane_t *plane;
  MUST(ctx, exset_plane_create(ctx, model, n, voxel, normal, slots, &plane));
  exset_plane_threshold(plane, EXSET_THRESHOLD_SOFT, 0.3);
  return plane;
}

static bool same(const double *a, const double *b) {
  return memcmp(a, b, PHASES * CELLS * sizeof *a) == 0;
}

static void check_draws(exset_ctx_t *ctx) {
  static double first[PHASES * CELLS], other[PHASES * CELLS];
  exset_model_t model = make_model();
  exset_plane_t *one = make_plane(ctx, &model, EXSET_AXIS_Y, 1);
  exset_plane_t *many = make_plane(ctx, &model, EXSET_AXIS_Y, 3);
  uint8_t label[CELLS];
  MUST(ctx, exset_plane_draw(one, 0, 1, 5, first));
  for (int s = 2; s >= 0; s--) MUST(ctx, exset_plane_draw(many, s, 1, (uint64_t)s, other));
  MUST(ctx, exset_plane_labels(many, 3, 8, label));
  MUST(ctx, exset_plane_draw(many, 2, 1, 5, other));
  CHECK(same(first, other));
  MUST(ctx, exset_plane_draw(many, 2, 1, 6, other));
  CHECK(!same(first, other));
  MUST(ctx, exset_plane_draw(many, 2, 2, 5, other));
  CHECK(!same(first, other));
  MUST(ctx, exset_plane_draw(many, 2, 1, 5 + ((uint64_t)1 << 40), other));
  CHECK(!same(first, other));
  MUST(ctx, exset_plane_model(many, &model));
  MUST(ctx, exset_plane_draw(many, 1, 1, 5, other));
  CHECK(same(first, other));
  MUST(ctx, exset_plane_destroy(&one));
  MUST(ctx, exset_plane_destroy(&many));
}

/* Correlation of the first fields' soft indicators of two realisations. */
static double likeness(const double *a, const double *b) {
  double ab = 0, aa = 0, bb = 0, ma = 0, mb = 0;
  for (int i = 0; i < CELLS; i++) {
    ma += a[i] / CELLS;
    mb += b[i] / CELLS;
  }
  for (int i = 0; i < CELLS; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / sqrt(aa * bb);
}

/* White noise: the correlation of two independent sections has standard deviation 1 / sqrt(cells - 1); with 4.5 of them 200
 * checks fail with probability 1.4e-3. Orientations, too, are independent. */
static void check_independence(exset_ctx_t *ctx) {
  enum { N = 20 };
  static double draw[N + 1][PHASES * CELLS];
  exset_model_t model = make_model();
  static const int64_t cube[3] = {ROWS, COLS, COLS};
  exset_plane_t *plane, *turned;
  model.field[0].spectrum.nugget = 1 - 1e-9;
  MUST(ctx, exset_plane_create(ctx, &model, cube, voxel, EXSET_AXIS_Y, 1, &plane));
  MUST(ctx, exset_plane_create(ctx, &model, cube, voxel, EXSET_AXIS_X, 1, &turned));
  exset_plane_threshold(plane, EXSET_THRESHOLD_SOFT, 1);
  exset_plane_threshold(turned, EXSET_THRESHOLD_SOFT, 1);
  for (int i = 0; i < N; i++) MUST(ctx, exset_plane_draw(plane, 0, 1, (uint64_t)i, draw[i]));
  MUST(ctx, exset_plane_draw(turned, 0, 1, 0, draw[N]));
  for (int i = 0; i <= N; i++)
    for (int j = 0; j < i; j++) {
      const double r = likeness(draw[i], draw[j]);
      CHECK_MSG(fabs(r) < 4.5 / sqrt(CELLS - 1.0), "sections %d and %d: correlation %g", i, j, r);
    }
  MUST(ctx, exset_plane_destroy(&plane));
  MUST(ctx, exset_plane_destroy(&turned));
}

/* A white field, and its modes found back from soft phases. */
typedef struct {
  exset_plane_t *plane;
  exset_fft_serial_t *fft;
  exset_model_t model;
  int64_t cells, n_modes;
  double *phase, *real;
  double complex *modes;
} white_t;

static void white_create(exset_ctx_t *ctx, const int64_t size[2], white_t *w) {
  const int64_t box[3] = {size[0], 4, size[1]};
  *w = (white_t){.model = {.n_fields = 1, .field = {plane_field_of(0, false, 0.5)}}};
  plane_use_terms(&w->model.field[0], 1, 1, 1 - 1e-15);
  w->cells = size[0] * size[1];
  w->n_modes = size[0] * (size[1] / 2 + 1);
  MUST(ctx, exset_plane_create(ctx, &w->model, box, voxel, EXSET_AXIS_Y, 1, &w->plane));
  MUST(ctx, exset_fft_serial_create(ctx, 2, size, 0, &w->fft));
  MUST(ctx, exset_alloc(ctx, 2 * w->cells, sizeof *w->phase, &w->phase));
  MUST(ctx, exset_alloc(ctx, w->cells, sizeof *w->real, &w->real));
  MUST(ctx, exset_alloc(ctx, w->n_modes, sizeof *w->modes, &w->modes));
  exset_plane_threshold(w->plane, EXSET_THRESHOLD_SOFT, 1);
}

static void white_draw(exset_ctx_t *ctx, white_t *w, uint64_t index) {
  MUST(ctx, exset_plane_draw(w->plane, 0, 1, index, w->phase));
  plane_fields(&w->model, w->cells, w->phase, w->real);
  exset_fft_serial_forward(w->fft, w->real, w->modes);
  for (int64_t k = 0; k < w->n_modes; k++) w->modes[k] /= sqrt((double)w->cells);
}

static void white_clear(exset_ctx_t *ctx, white_t *w) {
  free(w->phase);
  free(w->real);
  free(w->modes);
  MUST(ctx, exset_fft_serial_destroy(&w->fft));
  MUST(ctx, exset_plane_destroy(&w->plane));
}

/* The modes that a small and a large box share, away from the small one's highest. */
static void check_modes(exset_ctx_t *ctx) {
  static const int64_t size[2][2] = {{7, 8}, {20, 150}};
  white_t w[2];
  for (int b = 0; b < 2; b++) {
    white_create(ctx, size[b], &w[b]);
    white_draw(ctx, &w[b], 0);
  }
  for (int64_t i = -3; i <= 3; i++)
    for (int64_t j = 0; j <= 3; j++) {
      const double complex x = w[0].modes[(i + 7) % 7 * 5 + j];
      const double complex y = w[1].modes[(i + 20) % 20 * 76 + j];
      CHECK_MSG(cabs(x - y) < 1e-6, "mode %d, %d: %g%+gi and %g%+gi", (int)i, (int)j, creal(x),
                cimag(x), creal(y), cimag(y));
    }
  for (int b = 0; b < 2; b++) white_clear(ctx, &w[b]);
}

/* E |W|^2 = 1 in every mode, those that are their own mirror images included: means over realisations within 4.5 standard
 * errors from their spread, 45 checks. */
static void check_power(exset_ctx_t *ctx) {
  static const int64_t size[2][2] = {{6, 8}, {5, 5}};
  for (int b = 0; b < 2; b++) {
    white_t w;
    plane_mean_t power[30] = {{0}};
    white_create(ctx, size[b], &w);
    for (int r = 0; r < 2000; r++) {
      white_draw(ctx, &w, (uint64_t)r);
      for (int64_t k = 0; k < w.n_modes; k++)
        plane_count(&power[k], creal(w.modes[k] * conj(w.modes[k])));
    }
    for (int k = 0; k < w.n_modes; k++) plane_check_mean(&power[k], 1, 0, "power of mode", k);
    white_clear(ctx, &w);
  }
}

static void check_labels(exset_ctx_t *ctx) {
  static double phase[PHASES * CELLS];
  static uint8_t label[CELLS];
  exset_model_t model = make_model();
  exset_plane_t *plane = make_plane(ctx, &model, EXSET_AXIS_Y, 1);
  exset_plane_threshold(plane, EXSET_THRESHOLD_STRAIGHT_THROUGH, 0.2);
  int wrong = 0, met[PHASES] = {0};
  MUST(ctx, exset_plane_draw(plane, 0, 4, 9, phase));
  MUST(ctx, exset_plane_labels(plane, 4, 9, label));
  for (int i = 0; i < CELLS; i++)
    for (int p = 0; p < PHASES; p++) {
      wrong += phase[p * CELLS + i] != (label[i] == p + 1 ? 1.0 : 0.0);
      met[p] += label[i] == p + 1;
    }
  CHECK(wrong == 0);
  for (int p = 0; p < PHASES; p++) CHECK(met[p] > 0);
  MUST(ctx, exset_plane_destroy(&plane));
}

/* Extreme softness and hardness stay finite, and phases sum to 1. */
static void check_extremes(exset_ctx_t *ctx) {
  static double phase[PHASES * CELLS];
  static const double temperature[3] = {1e-6, 0.3, 1e6};
  exset_model_t model = make_model(), grad;
  exset_plane_t *plane = make_plane(ctx, &model, EXSET_AXIS_Y, 1);
  for (int t = 0; t < 3; t++) {
    double worst = 0;
    exset_plane_threshold(plane, EXSET_THRESHOLD_SOFT, temperature[t]);
    MUST(ctx, exset_plane_draw(plane, 0, 4, 9, phase));
    for (int i = 0; i < CELLS; i++)
      worst = fmax(worst, fabs(phase[i] + phase[CELLS + i] + phase[2 * CELLS + i] - 1));
    CHECK_NEAR(worst, 0, 1e-15);
    plane_zero_gradient(ctx, &model, &grad);
    MUST(ctx, exset_plane_backward(plane, 0, phase));
    MUST(ctx, exset_plane_gradient(plane, &grad));
    CHECK(isfinite(grad.field[0].fraction + grad.field[1].spectrum.term[0].length_xy));
    exset_model_clear(&grad);
  }
  MUST(ctx, exset_plane_destroy(&plane));
  CHECK(plane == NULL);
  MUST(ctx, exset_plane_destroy(&plane));
}

static void expect(exset_ctx_t *ctx, int code, int expected, const char *text) {
  CHECK_MSG(code == expected, "code %d, expected %d", code, expected);
  CHECK_MSG(strstr(ctx->message, text) != NULL, "message: %s", ctx->message);
  ctx->message[0] = 0;
}

static void check_errors(exset_ctx_t *ctx) {
  static double phase[PHASES * CELLS];
  exset_model_t model = make_model();
  exset_plane_t *plane;
  model.field[1].coupling = 0.5;
  expect(ctx, exset_plane_create(ctx, &model, n, voxel, 0, 1, &plane), EXSET_ERR_INPUT,
         "coupling needs Gaussian fields");
  CHECK(plane == NULL);
  model.field[1].coupling = 0;
  plane = make_plane(ctx, &model, EXSET_AXIS_Y, 2);
  expect(ctx, exset_plane_draw(plane, 2, 1, 1, phase), EXSET_ERR_LOCAL, "slot 2");
  expect(ctx, exset_plane_backward(plane, 0, phase), EXSET_ERR_LOCAL, "no realisation");
  MUST(ctx, exset_plane_draw(plane, 0, 1, 1, phase));
  MUST(ctx, exset_plane_model(plane, &model));
  expect(ctx, exset_plane_backward(plane, 0, phase), EXSET_ERR_LOCAL, "no realisation");
  model.field[1].dof = 3;
  expect(ctx, exset_plane_model(plane, &model), EXSET_ERR_LOCAL, "shape");
  model.field[1].dof = 2;
  model.field[0].spectrum.n_terms = 2;
  expect(ctx, exset_plane_model(plane, &model), EXSET_ERR_LOCAL, "shape");
  MUST(ctx, exset_plane_destroy(&plane));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_draws(ctx);
  check_independence(ctx);
  check_modes(ctx);
  check_power(ctx);
  check_labels(ctx);
  check_extremes(ctx);
  check_errors(ctx);
  return test_end(ctx);
}
