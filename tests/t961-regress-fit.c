/* test: np="1" time=30 */
/* Laws without noise are found exactly, by all methods; published ones give hand-computed values; what cannot be fitted says so. */
#include "test_regress.h"

static const double truth[4] = {1.3, 1.15, 0.37, 4.39};

static void fit(exset_ctx_t *ctx, const exset_regress_data_t *data, const char *name,
                exset_regress_method_t method, exset_regress_fit_t *result) {
  exset_regress_form_t form;
  const exset_regress_options_t options = {method, true, 0.95};
  CHECK(exset_regress_form_named(name, &form));
  MUST(ctx, exset_regress_fit(ctx, data, &form, &options, result));
}

static void set_target(exset_regress_data_t *data, const double p[4]) {
  for (int64_t i = 0; i < data->n_rows; i++) data->target[i] = law(data, i, p);
}

static void check_exact(exset_ctx_t *ctx, exset_regress_data_t *data) {
  exset_regress_fit_t r;
  for (int m = EXSET_REGRESS_LOG; m <= EXSET_REGRESS_RELATIVE; m++) {
    set_target(data, truth);
    fit(ctx, data, "power", m, &r);
    CHECK_MSG(r.status == EXSET_REGRESS_DONE, "method %d: status %d", m, r.status);
    CHECK(r.n_parameters == 4);
    for (int p = 0; p < 4; p++) {
      CHECK_NEAR(r.value[p], truth[p], 1e-9);
      CHECK(r.sd[p] < 1e-9 && r.low[p] <= r.value[p] && r.high[p] >= r.value[p]);
    }
    const double one[4] = {1, 1, 0.36, 5.17}; /* k and a given */
    set_target(data, one);
    fit(ctx, data, "stenzel_beta", m, &r);
    CHECK(r.status == EXSET_REGRESS_DONE && r.n_parameters == 2);
    CHECK_NEAR(r.value[0], 0.36, 1e-9);
    CHECK_NEAR(r.value[1], 5.17, 1e-9);
  }
}

/* Sums of squares: of logarithms, absolute, relative. */
static void add_errors(const exset_regress_data_t *data, const double *prediction, double s[3]) {
  s[0] = s[1] = s[2] = 0;
  for (int64_t i = 0; i < data->n_rows; i++) {
    s[0] += pow(log(prediction[i] / data->target[i]), 2);
    s[1] += pow(prediction[i] - data->target[i], 2);
    s[2] += pow(prediction[i] / data->target[i] - 1, 2);
  }
}

/* The relative and the absolute error weigh noise differently, and each fit is the best in its own measure. */
static void check_optimal(exset_ctx_t *ctx, noise_t *noise, exset_regress_data_t *data) {
  exset_regress_form_t form;
  double sum[3][3] = {{0}}, least[3] = {INFINITY, INFINITY, INFINITY}, *prediction;
  exset_regress_fit_t r;
  MUST(ctx, exset_alloc(ctx, data->n_rows, sizeof(double), &prediction));
  for (int64_t i = 0; i < data->n_rows; i++)
    data->target[i] = law(data, i, truth) * exp(0.2 * noise_normal(noise));
  exset_regress_form_named("power", &form);
  for (int m = 0; m < 3; m++) {
    fit(ctx, data, "power", m, &r);
    CHECK(r.status == EXSET_REGRESS_DONE);
    for (int step = -4; step <= 4; step++) { /* the optimum, and 1 % aside in each parameter */
      double value[4], s[3];
      for (int p = 0; p < 4; p++)
        value[p] = r.value[p] * (abs(step) == p + 1 ? 1 + copysign(0.01, step) : 1);
      exset_regress_predict(data, &form, value, prediction);
      add_errors(data, prediction, s);
      if (step == 0) memcpy(sum[m], s, sizeof s);
      else least[m] = fmin(least[m], s[m]);
    }
    CHECK_MSG(least[m] > sum[m][m], "method %d: %.9g beside the optimum %.9g", m, least[m],
              sum[m][m]);
  }
  for (int m = 0; m < 3; m++)
    for (int other = 0; other < 3; other++)
      if (other != m)
        CHECK_MSG(sum[m][m] < sum[other][m], "measure %d: fit %d is better", m, other);
  free(prediction);
}

/* Much noise and predictors over decades: the absolute and the relative optimum are far from where they start, and are reached. */
static void check_rough(exset_ctx_t *ctx, noise_t *noise) {
  int most = 0;
  for (int draw = 0; draw < 40; draw++) {
    exset_regress_data_t data;
    exset_regress_fit_t r;
    make_data(ctx, noise, 30, 1, &data);
    for (int64_t i = 0; i < data.n_rows; i++) {
      data.predictor[3 * i + 1] = pow(10, -6 * noise_uniform(noise));
      data.target[i] = law(&data, i, truth) * exp(1.0 * noise_normal(noise));
    }
    for (int m = EXSET_REGRESS_ABSOLUTE; m <= EXSET_REGRESS_RELATIVE; m++) {
      fit(ctx, &data, "power", m, &r);
      CHECK_MSG(r.status == EXSET_REGRESS_DONE, "draw %d, method %d: status %d after %d", draw, m,
                r.status, r.iterations);
      most = r.iterations > most ? r.iterations : most;
    }
    exset_regress_data_clear(&data);
  }
  CHECK_MSG(most > 10, "the fits began at their ends: %d iterations at most", most);
}

static void check_published(void) {
  const struct {
    const char *name;
    double value;
  } known[] = {
      {"stenzel2016", 0.0715451}, /* 0.317 0.275^0.36 / 1.219^5.17 */
      {"stenzel2016_eps", 0.0693769},
      {"bruggeman", 0.1784797},
      {"tau2", 0.2133300},
  };
  double x[3] = {0.317, 0.275, 1.219}, m;
  const exset_regress_data_t data = {.n_rows = 1, .n_predictors = 3, .predictor = x};
  exset_regress_form_t form;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    CHECK(exset_regress_form_named(known[i].name, &form) && form.published);
    CHECK(exset_regress_parameters(&form) == 0);
    exset_regress_predict(&data, &form, NULL, &m);
    CHECK_NEAR(m, known[i].value, 1e-6);
  }
  int n = 0;
  for (const char *name; (name = exset_regress_form_name(n)) != NULL; n++)
    CHECK_MSG(exset_regress_form_named(name, &form) && strcmp(form.name, name) == 0, "%s", name);
  CHECK(n == 12 && !exset_regress_form_name(-1));
  CHECK(!exset_regress_form_named("none", &form));
}

static void check_refused(exset_ctx_t *ctx, exset_regress_data_t *data) {
  exset_regress_fit_t r;
  const int64_t n = data->n_rows;
  set_target(data, truth);
  data->n_rows = 4; /* as many as parameters */
  fit(ctx, data, "power", EXSET_REGRESS_LOG, &r);
  CHECK(r.status == EXSET_REGRESS_TOO_FEW && isnan(r.value[0]));
  data->n_rows = n;
  for (int64_t i = 0; i < n; i++) /* tau = eps^-0.3 exactly */
    data->predictor[3 * i + 2] = pow(data->predictor[3 * i], -0.3);
  fit(ctx, data, "power", EXSET_REGRESS_ABSOLUTE, &r);
  CHECK(r.status == EXSET_REGRESS_COLLINEAR && isnan(r.value[1]) && r.condition > 1e8);
  CHECK(!r.involved[0] && r.involved[1] && !r.involved[2] && r.involved[3]);
  for (int64_t i = 0; i < n; i++) data->predictor[3 * i + 2] *= 1 + 1e-3 * (double)(i % 7);
  set_target(data, truth);
  fit(ctx, data, "power", EXSET_REGRESS_LOG, &r);
  CHECK(r.status == EXSET_REGRESS_DONE && r.condition > EXSET_REGRESS_CONDITION_WARN);
  CHECK(r.involved[1] && r.involved[3]);
  for (int64_t i = 0; i < n; i++) data->predictor[3 * i + 2] = 1; /* its logarithm is 0 */
  fit(ctx, data, "power1", EXSET_REGRESS_LOG, &r);
  CHECK(r.status == EXSET_REGRESS_COLLINEAR && r.involved[2]);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  noise_t noise = {20260101};
  exset_regress_data_t data;
  make_data(ctx, &noise, 40, 3, &data);
  check_exact(ctx, &data);
  check_optimal(ctx, &noise, &data);
  check_rough(ctx, &noise);
  check_published();
  check_refused(ctx, &data);
  exset_regress_data_clear(&data);
  return test_end(ctx);
}
