/* test: np="1" time=20 */
/* Thresholds and phase fractions, also with coupling, against closed forms and brute force. */
#include "exset/phase.h"
#include "test.h"

#include <math.h>

static double upper_tail(double l) {
  return 0.5 * erfc(l / sqrt(2));
}

static void check_thresholds(void) {
  for (int i = 1; i < 1000; i++) {
    const double p = i / 1000.0;
    exset_field_t field = {.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = p};
    CHECK_NEAR(upper_tail(exset_field_threshold(&field)), p, 1e-14);
    const double above = exset_field_threshold(&field);
    field.below = true;
    CHECK_NEAR(exset_field_threshold(&field), -above, 1e-12 * (1 + fabs(above)));
    field.type = EXSET_FIELD_CHI_SQUARE;
    field.below = false;
    CHECK_NEAR(2 * upper_tail(sqrt(exset_field_threshold(&field))), p, 1e-13);
    field.dof = 2; /* exponential */
    CHECK_NEAR(exset_field_threshold(&field), -2 * log(p), 1e-12 * fmax(1, -2 * log(p)));
    field.dof = 6; /* Erlang: Q = e^-x (1 + x + x^2/2), x = u/2 */
    const double x = exset_field_threshold(&field) / 2;
    CHECK_NEAR(exp(-x) * (1 + x + x * x / 2), p, 1e-13);
    field.below = true;
    const double y = exset_field_threshold(&field) / 2;
    CHECK_NEAR(1 - exp(-y) * (1 + y + y * y / 2), p, 1e-13);
  }
  exset_field_t tiny = {.type = EXSET_FIELD_CHI_SQUARE, .dof = 2, .fraction = 1e-12};
  CHECK_NEAR(exset_field_threshold(&tiny), -2 * log(1e-12), 1e-9);
}

/* Three coupled fields by a plain sum over a fine grid of (X_1, Y_2), Y_3 in closed form. */
static void coupled_naive(const exset_model_t *model, double *fraction) {
  double l[3];
  for (int a = 0; a < 3; a++) {
    l[a] = exset_field_threshold(&model->field[a]);
    fraction[a] = 0;
  }
  fraction[3] = 0;
  const double c2 = model->field[1].coupling, c3 = model->field[2].coupling;
  const int n = 2000;
  const double h = 16.0 / n;
  for (int i = 0; i < n; i++) {
    const double x = -8 + (i + 0.5) * h, wx = h * exp(-x * x / 2) / sqrt(2 * M_PI);
    const double in1 = (model->field[0].below ? x <= l[0] : x >= l[0]) ? 1 : 0;
    const double in3 = upper_tail(l[2] * sqrt(1 + c3 * c3) - c3 * x);
    double in2 = 0;
    for (int j = 0; j < n; j++) {
      const double y = -8 + (j + 0.5) * h, wy = h * exp(-y * y / 2) / sqrt(2 * M_PI);
      const double x2 = (y + c2 * x) / sqrt(1 + c2 * c2);
      if (model->field[1].below ? x2 <= l[1] : x2 >= l[1]) in2 += wy;
    }
    fraction[0] += wx * in1;
    fraction[1] += wx * (1 - in1) * in2;
    fraction[2] += wx * (1 - in1) * (1 - in2) * in3;
    fraction[3] += wx * (1 - in1) * (1 - in2) * (1 - in3);
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_thresholds();

  exset_model_t model = {.n_fields = 3};
  const double p[3] = {0.4, 0.3, 0.55};
  for (int a = 0; a < 3; a++)
    model.field[a] = (exset_field_t){.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = p[a]};
  double fraction[4], naive[4];
  exset_model_fractions(&model, fraction);
  CHECK_NEAR(fraction[0], 0.4, 1e-15);
  CHECK_NEAR(fraction[1], 0.6 * 0.3, 1e-15);
  CHECK_NEAR(fraction[2], 0.6 * 0.7 * 0.55, 1e-15);
  CHECK_NEAR(fraction[3], 0.6 * 0.7 * 0.45, 1e-15);

  for (int below = 0; below < 4; below++) {
    model.field[0].below = below & 1;
    model.field[1].below = below & 2;
    model.field[1].coupling = 0.8;
    model.field[2].coupling = -2.5;
    exset_model_fractions(&model, fraction);
    coupled_naive(&model, naive);
    for (int i = 0; i < 4; i++) CHECK_NEAR(fraction[i], naive[i], 2e-3); /* the sum's cell size */
    CHECK_NEAR(fraction[0] + fraction[1] + fraction[2] + fraction[3], 1, 1e-12);
    CHECK_NEAR(fraction[0], 0.4, 1e-12);
  }
  /* two equal halves: P(X_1 < 0, X_2 >= 0) = 1/4 - asin(kappa)/(2 pi) */
  model = (exset_model_t){.n_fields = 2};
  for (int a = 0; a < 2; a++)
    model.field[a] = (exset_field_t){.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = 0.5};
  for (double c = -8; c < 9; c += 2) {
    model.field[1].coupling = c;
    exset_model_fractions(&model, fraction);
    CHECK_NEAR(fraction[1], 0.25 - asin(c / sqrt(1 + c * c)) / (2 * M_PI), 1e-10);
  }
  return test_end(ctx);
}
