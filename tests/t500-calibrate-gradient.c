/* test: np="1" time=60 */
/* The calibration loss's gradient by theta against central differences: all families, kinds of field, symmetries, splines. */
#include "test_calibrate.h"

#include <math.h>
#include <stdlib.h>

static exset_model_t make_model(int n_fields, bool cylindrical) {
  exset_model_t model = {.n_fields = n_fields};
  for (int a = 0; a < n_fields; a++) {
    exset_field_t *field = &model.field[a];
    *field = (exset_field_t){.type = a % 2 ? EXSET_FIELD_CHI_SQUARE : EXSET_FIELD_GAUSSIAN,
                             .dof = a % 2 ? 2 : 1,
                             .below = a == 2,
                             .fraction = 0.35 + 0.1 * a};
    field->spectrum.n_terms = 1;
    field->spectrum.term[0] = (exset_term_t){.family = (exset_family_t)(a % 3),
                                             .weight = 1,
                                             .length_xy = 1.4,
                                             .length_z = cylindrical ? 1.1 : 1.4,
                                             .nu = 1.2,
                                             .width = 0.4};
  }
  return model;
}

static void check(exset_ctx_t *ctx, int kinds, bool cylindrical, exset_model_t *model,
                  int n_params) {
  const double voxel[3] = {0.5, 0.4, 0.4};
  data_t data = {.n_phases = model->n_fields + 1, .max_lag = 3};
  for (int kind = 0; kind < MAX_GROUPS; kind++)
    if (kinds >> kind & 1) make_group(ctx, kind, data.n_phases, voxel, &data.group[kind]);
  const exset_calibrate_options_t options = {
      .voxel = {voxel[0], voxel[1], voxel[2]}, .cylindrical = cylindrical, .smoothness = 1e-3};
  fit_t fit;
  MUST(ctx, fit_create(ctx, &data, model, &options, true, &fit));
  CHECK_MSG(fit.n_free == n_params, "%d free parameters, expected %d", fit.n_free, n_params);
  double theta[200], gradient[200], loss, up, down;
  fit_get_theta(&fit, theta);
  MUST(ctx, fit_loss(&fit, theta, &loss, gradient));
  double norm = 0;
  for (int i = 0; i < fit.n_free; i++) norm = fmax(norm, fabs(gradient[i]));
  CHECK(norm > 1e-3);
  for (int i = 0; i < fit.n_free; i++) {
    const double h = 1e-4, at = theta[i];
    double slope[2];
    for (int k = 0; k < 2; k++) { /* two steps: Richardson's extrapolation */
      theta[i] = at + h * (k + 1);
      MUST(ctx, fit_loss(&fit, theta, &up, NULL));
      theta[i] = at - h * (k + 1);
      MUST(ctx, fit_loss(&fit, theta, &down, NULL));
      slope[k] = (up - down) / (2 * h * (k + 1));
    }
    theta[i] = at;
    const double difference = (4 * slope[0] - slope[1]) / 3;
    CHECK_MSG(fabs(gradient[i] - difference) <= 1e-6 * norm,
              "%s (kinds %d, cylindrical %d): %.12g, by differences %.12g",
              fit.param[fit.free_index[i]].name, kinds, cylindrical, gradient[i], difference);
  }
  fit_clear(&fit);
  for (int kind = 0; kind < MAX_GROUPS; kind++) exset_coverage_clear(&data.group[kind].pooled);
}

/* The correlation of a narrow ring on the calibration grid against its integral over all wavenumbers, at lags up to
 * twice that of decay to 5 %. */
static void check_ring_grid(exset_ctx_t *ctx) {
  const double voxel[3] = {0.5, 0.5, 0.5}, width = 0.1;
  data_t data = {.n_phases = 2, .max_lag = 6};
  make_group(ctx, PLANES_XY, 2, voxel, &data.group[PLANES_XY]);
  exset_model_t model = make_model(1, false);
  model.field[0].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_RING, 1, 1, 1, 1, width};
  const exset_calibrate_options_t options = {.voxel = {0.5, 0.5, 0.5}};
  fit_t fit;
  double theta[8], loss;
  MUST(ctx, fit_create(ctx, &data, &model, &options, true, &fit));
  fit_get_theta(&fit, theta);
  MUST(ctx, fit_loss(&fit, theta, &loss, NULL));
  const plane_t *plane = &fit.plane[0];
  for (int64_t l = 0; l < plane->n_lags; l++) {
    const int64_t k = plane->lag[l];
    const double h =
        hypot(data.group[PLANES_XY].pooled.h_r[k], data.group[PLANES_XY].pooled.h_z[k]);
    double sum = 0, rho = 0;
    for (int i = 1; i < 4000; i++) { /* k up to 10 widths beyond the ring */
      const double q = i * 5e-4, s = q * q * exp(-(q - 1) * (q - 1) / (2 * width * width));
      sum += s;
      rho += h > 0 ? s * sin(q * h) / (q * h) : s;
    }
    CHECK_NEAR(plane->rho[l], rho / sum, 1e-3);
  }
  fit_clear(&fit);
  exset_coverage_clear(&data.group[PLANES_XY].pooled);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);

  exset_model_t model = make_model(1, false);
  check(ctx, 1, false, &model, 2);
  model = make_model(2, false); /* gaussian; chi-square matern */
  check(ctx, 1, false, &model, 2 + 2 + 1);
  check(ctx, 3, false, &model, 2 + 2 + 1);
  model = make_model(3, true); /* and a ring, set below */
  check(ctx, 3, true, &model, 3 + 3 + 1 + 3 + 1);
  check(ctx, 2, true, &model, 3 + 3 + 1 + 3 + 1);

  /* sums of terms with a nugget */
  model = make_model(2, true);
  for (int a = 0; a < 2; a++) {
    exset_spectrum_t *s = &model.field[a].spectrum;
    s->nugget = 0.1;
    s->n_terms = 2;
    s->term[1] = (exset_term_t){.family = EXSET_FAMILY_RING,
                                .weight = 0.7,
                                .length_xy = 0.6,
                                .length_z = 0.8,
                                .nu = 1,
                                .width = 0.3};
  }
  check(ctx, 3, true, &model, (1 + 2 + 4 + 1) + (1 + 3 + 4 + 1));

  /* splines: isotropic in one field, cylindrical in the other */
  model = make_model(2, true);
  double knots[2][30];
  for (int a = 0; a < 2; a++) {
    exset_spectrum_t *s = &model.field[a].spectrum;
    *s = (exset_spectrum_t){.knots_r = a ? 6 : 12,
                            .knots_z = a ? 5 : 0,
                            .knots_max_r = 6,
                            .knots_max_z = 5,
                            .knots = knots[a]};
    for (int j = 0; j < 30; j++) knots[a][j] = exp(-0.2 * j) * (1 + 0.1 * sin(j));
  }
  check(ctx, 3, true, &model, 2 + 12 + 30);
  check_ring_grid(ctx);
  return test_end(ctx);
}
