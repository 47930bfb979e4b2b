/* test: np="1 3" time=180 */
/* Sections of known models give their parameters back: isotropic, cylindrical, splines; misfit is noticed; any number of ranks. */
#include "exset/calibrate.h"
#include "exset/config.h"
#include "test_sections.h"

static exset_model_t known_model(double z1, double z2) {
  exset_model_t model = {.n_fields = 2};
  model.field[0] = (exset_field_t){.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = 0.40};
  model.field[1] = (exset_field_t){.type = EXSET_FIELD_CHI_SQUARE, .dof = 2, .fraction = 0.30};
  model.field[0].spectrum.n_terms = model.field[1].spectrum.n_terms = 1;
  model.field[0].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_GAUSSIAN, 1, 8, z1, 1, 1};
  model.field[1].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1, 5, z2, 1.5, 1};
  return model;
}

/* Types and families only: numbers are for calibrate to find. */
static exset_model_t open_model(const exset_model_t *known) {
  exset_model_t model = *known;
  for (int a = 0; a < model.n_fields; a++) {
    exset_term_t *term = &model.field[a].spectrum.term[0];
    model.field[a].fraction = 0;
    *term = (exset_term_t){.family = term->family};
  }
  return model;
}

static const exset_calibrate_options_t defaults = {
    .voxel = {1, 1, 1}, .starts = 2, .seed = 3, .max_iterations = 2000, .smoothness = 1e-3};

/* The same optimum on every rank, and on one rank as on many. */
static void check_equal(exset_ctx_t *ctx, double value) {
  double low = value, high = value;
  MPI_Allreduce(MPI_IN_PLACE, &low, 1, MPI_DOUBLE, MPI_MIN, ctx->comm);
  MPI_Allreduce(MPI_IN_PLACE, &high, 1, MPI_DOUBLE, MPI_MAX, ctx->comm);
  CHECK(low == high);
}

static void check_terms(const exset_model_t *found, const exset_model_t *known) {
  for (int a = 0; a < known->n_fields; a++) {
    const exset_term_t *t = &found->field[a].spectrum.term[0],
                       *k = &known->field[a].spectrum.term[0];
    CHECK_NEAR(t->length_xy, k->length_xy, 0.05 * k->length_xy);
    CHECK_NEAR(t->length_z, k->length_z, 0.05 * k->length_z);
    CHECK_NEAR(found->field[a].fraction, known->field[a].fraction, 0.01);
    if (k->family == EXSET_FAMILY_MATERN) CHECK_NEAR(t->nu, k->nu, 0.3);
  }
}

/* The same optimum as on one rank, to the last bit. */
static void check_single(exset_ctx_t *ctx, const exset_sections_t *sections,
                         const exset_model_t *known, const exset_calibrate_options_t *options,
                         const exset_calibration_t *many) {
  exset_ctx_t *self;
  exset_calibration_t one;
  exset_model_t model = open_model(known);
  MUST(ctx, exset_ctx_create(MPI_COMM_SELF, &self));
  self->verbosity = 0;
  MUST(self, exset_calibrate_coverage(self, sections, options, &model, &one));
  CHECK(one.loss == many->loss);
  for (int i = 0; i < one.n_parameters; i++) {
    CHECK(one.parameter[i].value == many->parameter[i].value);
    CHECK(one.parameter[i].sd == many->parameter[i].sd);
  }
  exset_calibration_clear(&one);
  exset_ctx_destroy(&self);
}

/* One field measured in um with a voxel of 0.1, so that lengths and voxels are told apart. */
static void check_isotropic(exset_ctx_t *ctx, const exset_sections_t *sections,
                            const exset_model_t *known) {
  exset_model_t model = open_model(known);
  exset_calibrate_options_t options = defaults;
  options.voxel[EXSET_AXIS_Y] = options.voxel[EXSET_AXIS_X] = 0.1;
  options.voxel[EXSET_AXIS_Z] = 3; /* distance of the sections: of no account to x-y planes */
  exset_calibration_t result;
  MUST(ctx, exset_calibrate_coverage(ctx, sections, &options, &model, &result));
  if (ctx->size > 1 && ctx->rank == 0) check_single(ctx, sections, known, &options, &result);
  exset_model_t scaled = *known;
  for (int a = 0; a < 2; a++) {
    scaled.field[a].spectrum.term[0].length_xy *= 0.1;
    scaled.field[a].spectrum.term[0].length_z *= 0.1;
  }
  check_terms(&model, &scaled);
  CHECK(result.n_parameters == 5);
  for (int i = 0; i < result.n_parameters; i++) {
    const exset_parameter_t *p = &result.parameter[i];
    CHECK(p->at_bound == 0 && !p->fixed);
    CHECK(p->sd > 0 && p->sd < 0.1 * p->value); /* 16 sections determine all five */
    check_equal(ctx, p->value);
    check_equal(ctx, p->sd);
  }
  CHECK(!result.misfit_exceeds);
  CHECK(result.loss > 0 && result.loss < 1e-5);
  CHECK(result.n_history > 3 && result.history[result.n_history - 1] <= result.history[0]);
  CHECK_NEAR(result.start_loss[0], result.start_loss[1], 1e-4 * result.loss);
  CHECK(result.n_curves == 1 && result.curve[0].n_lags > 20);
  for (int64_t k = 0; k < result.curve[0].n_lags;
       k++) { /* model within 5 standard errors of the data */
    const exset_calibrate_curve_t *c = &result.curve[0];
    CHECK_NEAR(c->model[k], c->data[k], 5 * c->data_se[k]);
  }
  exset_calibration_clear(&result);
}

static void check_fixed(exset_ctx_t *ctx, const exset_sections_t *sections,
                        const exset_model_t *known) {
  exset_model_t model = open_model(known);
  model.field[1].spectrum.term[0].nu = 0.6;
  const char *const fixed[] = {"field2_nu"}, *const wrong[] = {"field2_mu"};
  exset_calibrate_options_t options = defaults;
  exset_calibration_t result;
  options.fixed = fixed;
  options.n_fixed = 1;
  options.starts = 1;
  options.no_uncertainty = true;
  MUST(ctx, exset_calibrate_coverage(ctx, sections, &options, &model, &result));
  CHECK(model.field[1].spectrum.term[0].nu == 0.6);
  CHECK(model.field[1].spectrum.term[0].length_xy > 1.2 * 5); /* rougher, hence longer */
  exset_calibration_clear(&result);
  options.fixed = wrong;
  exset_model_t other = open_model(known);
  CHECK(exset_calibrate_coverage(ctx, sections, &options, &other, &result) == EXSET_ERR_INPUT);
}

/* A ring-shaped spectrum is not described by a Gaussian covariance: said so. */
static void check_misfit(exset_ctx_t *ctx) {
  exset_model_t ring = {.n_fields = 1};
  ring.field[0] = (exset_field_t){.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = 0.4};
  ring.field[0].spectrum.n_terms = 1;
  ring.field[0].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_RING, 1, 4, 4, 1, 0.2};
  exset_sections_t sections = {0};
  const double voxel[3] = {1, 1, 1};
  test_sections(ctx, &ring, 256, voxel, EXSET_ORIENT_XY, 6, 5, &sections);
  exset_calibrate_options_t options = defaults;
  options.no_uncertainty = true;
  exset_calibration_t result;
  exset_model_t model = open_model(&ring);
  model.field[0].spectrum.term[0].family = EXSET_FAMILY_GAUSSIAN;
  MUST(ctx, exset_calibrate_coverage(ctx, &sections, &options, &model, &result));
  CHECK(result.misfit_exceeds);
  exset_calibration_clear(&result);
  model = open_model(&ring);
  MUST(ctx, exset_calibrate_coverage(ctx, &sections, &options, &model, &result));
  CHECK(!result.misfit_exceeds);
  CHECK_NEAR(model.field[0].spectrum.term[0].length_xy, 4, 0.2);
  CHECK_NEAR(model.field[0].spectrum.term[0].width, 0.2, 0.04);
  exset_calibration_clear(&result);
  exset_sections_clear(&sections);
}

static void check_cylindrical(exset_ctx_t *ctx) {
  const exset_model_t known = known_model(5, 7);
  const double voxel[3] = {1, 1, 1};
  exset_sections_t sections = {0};
  test_sections(ctx, &known, 512, voxel, EXSET_ORIENT_XY, 6, 1, &sections);
  test_sections(ctx, &known, 512, voxel, EXSET_ORIENT_XZ, 6, 77, &sections);
  exset_calibrate_options_t options = defaults;
  options.cylindrical = true;
  options.no_uncertainty = true;
  exset_model_t model = open_model(&known);
  exset_calibration_t result;
  MUST(ctx, exset_calibrate_coverage(ctx, &sections, &options, &model, &result));
  check_terms(&model, &known);
  CHECK(result.n_curves == 2);
  CHECK(!result.misfit_exceeds);
  exset_calibration_clear(&result);
  exset_sections_clear(&sections);
}

/* Covariances of two spectra along x of a 128^3 grid. */
static double covariance_error(exset_ctx_t *ctx, const exset_spectrum_t *a,
                               const exset_spectrum_t *b) {
  const int64_t n[3] = {128, 128, 128};
  const double voxel[3] = {1, 1, 1};
  exset_projection_t *projection;
  int64_t rows, cols;
  const double *multiplicity;
  MUST(ctx, exset_projection_create(ctx, n, voxel, EXSET_AXIS_Z, &projection));
  exset_projection_shape(projection, &rows, &cols, &multiplicity);
  double *s[2], worst = 0;
  const exset_spectrum_t *spectrum[2] = {a, b};
  for (int k = 0; k < 2; k++) {
    MUST(ctx, exset_alloc(ctx, rows * cols, sizeof(double), &s[k]));
    MUST(ctx, exset_projection_apply(projection, spectrum[k], s[k]));
  }
  for (int h = 0; h < 30; h++) {
    double difference = 0;
    for (int64_t m = 0; m < rows * cols; m++)
      difference +=
          multiplicity[m] * (s[0][m] - s[1][m]) * cos(2 * M_PI * (double)(m % cols * h) / 128);
    worst = fmax(worst, fabs(difference));
  }
  free(s[0]);
  free(s[1]);
  exset_projection_destroy(&projection);
  return worst;
}

static void check_splines(exset_ctx_t *ctx, const exset_sections_t *sections,
                          const exset_model_t *known) {
  exset_model_t model = open_model(known);
  for (int a = 0; a < 2; a++) model.field[a].spectrum = (exset_spectrum_t){0};
  exset_calibration_t result;
  MUST(ctx, exset_calibrate_coverage(ctx, sections, &defaults, &model, &result));
  CHECK(result.n_parameters == 2 * (1 + 32));
  CHECK(isnan(result.parameter[0].sd));
  CHECK(!result.misfit_exceeds);
  for (int a = 0; a < 2; a++) {
    CHECK_NEAR(model.field[a].fraction, known->field[a].fraction, 0.01);
    const double error = covariance_error(ctx, &model.field[a].spectrum, &known->field[a].spectrum);
    CHECK_NEAR(error, 0, 0.02);
  }
  check_equal(ctx, model.field[1].spectrum.knots[5]);
  exset_calibration_clear(&result);
  exset_model_clear(&model);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config;
  MUST(ctx, exset_config_create(ctx, "calibrate", 0, NULL, &config)); /* starts PETSc */
  const exset_model_t known = known_model(8, 5);
  const double voxel[3] = {1, 1, 1};
  exset_sections_t sections = {0};
  test_sections(ctx, &known, 512, voxel, EXSET_ORIENT_XY, 16, 1, &sections);
  check_isotropic(ctx, &sections, &known);
  check_fixed(ctx, &sections, &known);
  check_splines(ctx, &sections, &known);
  exset_sections_clear(&sections);
  check_cylindrical(ctx);
  check_misfit(ctx);
  exset_config_destroy(&config);
  return test_end(ctx);
}
