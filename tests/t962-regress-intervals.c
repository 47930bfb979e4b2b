/* test: np="1" time=60 */
/*
 * Intervals: in 400 tables of a known law with noise, 95 % intervals hold each parameter as often as they say, within three
 * standard deviations of the binomial law. Rows with a share of the sample's own noise need intervals by samples: those by rows are
 * too narrow then. Standard deviations by samples are those of brute force, fits that leave out one sample after the other.
 */
#include "test_regress.h"

enum { DRAWS = 400 };
static const double truth[4] = {1.1, 1.15, 0.37, 4.39};

/* Of the noise's variance, `shared` belongs to the sample. absolute: added to the target. */
static void draw_target(noise_t *noise, double shared, bool absolute, exset_regress_data_t *data) {
  double common = 0;
  for (int64_t i = 0; i < data->n_rows; i++) {
    if (i == 0 || data->sample[i] != data->sample[i - 1]) common = noise_normal(noise);
    const double u = sqrt(shared) * common + sqrt(1 - shared) * noise_normal(noise);
    const double m = law(data, i, truth);
    data->target[i] = absolute ? m + 0.004 * u : m * exp(0.15 * u);
    if (data->target[i] <= 0) data->target[i] = 1e-6; /* of 5 standard deviations: hardly ever */
  }
}

/* Share of the draws whose interval holds the truth, for each parameter. */
static void coverage(exset_ctx_t *ctx, noise_t *noise, int n_each, double shared,
                     const exset_regress_options_t *options, double share[4]) {
  exset_regress_form_t form;
  exset_regress_data_t data;
  exset_regress_fit_t fit;
  exset_regress_form_named("power", &form);
  memset(share, 0, 4 * sizeof *share);
  for (int d = 0; d < DRAWS; d++) {
    make_data(ctx, noise, 60, n_each, &data);
    draw_target(noise, shared, options->method == EXSET_REGRESS_ABSOLUTE, &data);
    MUST(ctx, exset_regress_fit(ctx, &data, &form, options, &fit));
    CHECK(fit.status == EXSET_REGRESS_DONE);
    for (int p = 0; p < 4; p++)
      share[p] += (fit.low[p] <= truth[p] && truth[p] <= fit.high[p]) / (double)DRAWS;
    exset_regress_data_clear(&data);
  }
}

static void check_coverage(exset_ctx_t *ctx, noise_t *noise) {
  const double margin = 3 * sqrt(0.95 * 0.05 / DRAWS); /* 0.033 */
  const struct {
    int n_each;
    double shared;
    exset_regress_options_t options;
  } cases[] = {{1, 0, {EXSET_REGRESS_LOG, false, 0.95}},
               {1, 0, {EXSET_REGRESS_LOG, true, 0.95}},
               {3, 0.7, {EXSET_REGRESS_LOG, true, 0.95}},
               {3, 0.7, {EXSET_REGRESS_ABSOLUTE, true, 0.95}},
               {1, 0, {EXSET_REGRESS_ABSOLUTE, false, 0.95}}};
  double share[4];
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    coverage(ctx, noise, cases[c].n_each, cases[c].shared, &cases[c].options, share);
    for (int p = 0; p < 4; p++)
      CHECK_MSG(fabs(share[p] - 0.95) <= margin, "case %zu, parameter %d: %.4f of the intervals", c,
                p, share[p]);
  }
  const exset_regress_options_t by_rows = {EXSET_REGRESS_LOG, false, 0.95};
  coverage(ctx, noise, 3, 0.9, &by_rows, share); /* eps is the same for all rows of a sample */
  CHECK_MSG(share[1] < 0.95 - 2 * margin, "intervals by rows hold a in %.4f", share[1]);
}

/* Leave out one sample after the other: exact for the log-linear fit. */
static void check_jackknife(exset_ctx_t *ctx, noise_t *noise) {
  enum { N = 25 };
  const exset_regress_options_t options = {EXSET_REGRESS_LOG, true, 0.95};
  exset_regress_form_t form;
  exset_regress_data_t data, part;
  exset_regress_fit_t all, one;
  double sum[4] = {0};
  int fold[N], from = 0;
  exset_regress_form_named("power", &form);
  make_data(ctx, noise, N, 3, &data);
  make_data(ctx, noise, N, 3, &part);
  draw_target(noise, 0.5, false, &data);
  MUST(ctx, exset_regress_fit(ctx, &data, &form, &options, &all));
  for (int g = 0; g < N; g++) {
    part.n_rows = 0;
    for (int64_t i = 0; i < data.n_rows; i++) {
      if (data.sample[i] == g) continue;
      memcpy(part.predictor + 3 * part.n_rows, data.predictor + 3 * i, 3 * sizeof(double));
      part.sample[part.n_rows] = data.sample[i] - (data.sample[i] > g);
      part.target[part.n_rows++] = data.target[i];
    }
    part.n_samples = N - 1;
    MUST(ctx, exset_regress_fit(ctx, &part, &form, &options, &one));
    for (int p = 0; p < 4; p++) {
      const double move = p == 0 ? log(one.value[p] / all.value[p]) : one.value[p] - all.value[p];
      sum[p] += move * move;
    }
  }
  for (int p = 0; p < 4; p++)
    CHECK_NEAR(all.sd[p] / (p == 0 ? all.value[0] : 1), sqrt(sum[p] * (N - 1) / N), 1e-10);
  CHECK_NEAR(all.high[1] - all.value[1], 2.0638985616 * all.sd[1], 1e-8); /* t, 24 degrees */
  CHECK(all.degrees == 24);

  /* cross-validation that leaves out one sample at a time predicts as these fits do */
  CHECK(exset_regress_folds(ctx, 1, 1000, N, fold) == N);
  double *prediction;
  MUST(ctx, exset_alloc(ctx, data.n_rows, sizeof(double), &prediction));
  MUST(ctx, exset_regress_cross_validate(ctx, &data, &form, &options, N, fold, prediction));
  part.n_rows = 0;
  for (int64_t i = 3; i < data.n_rows; i++) { /* without sample 0 */
    memcpy(part.predictor + 3 * part.n_rows, data.predictor + 3 * i, 3 * sizeof(double));
    part.target[part.n_rows++] = data.target[i];
  }
  MUST(ctx, exset_regress_fit(ctx, &part, &form, &options, &one));
  for (; from < 3; from++) CHECK_NEAR(prediction[from], law(&data, from, one.value), 1e-12);
  free(prediction);

  /* samples that alone tell a parameter: no interval, rather than a wrong one */
  for (int64_t i = 0; i < data.n_rows; i++)
    data.predictor[3 * i + 1] = data.sample[i] == 4 ? 0.3 + 0.1 * (double)i / N : 0.5;
  MUST(ctx, exset_regress_fit(ctx, &data, &form, &options, &all));
  CHECK(all.status == EXSET_REGRESS_DONE && isfinite(all.value[2]) && isnan(all.low[2]));
  exset_regress_data_clear(&data);
  exset_regress_data_clear(&part);
}

/* Folds: all sizes but for one equal, other seeds give others, the same seed the same. */
static void check_folds(exset_ctx_t *ctx) {
  enum { N = 103 };
  int fold[N], again[N], other[N], count[10] = {0}, moved = 0;
  CHECK(exset_regress_folds(ctx, 7, 10, N, fold) == 10);
  CHECK(exset_regress_folds(ctx, 7, 10, N, again) == 10);
  CHECK(exset_regress_folds(ctx, 8, 10, N, other) == 10);
  for (int i = 0; i < N; i++) {
    CHECK(fold[i] >= 0 && fold[i] < 10 && fold[i] == again[i]);
    count[fold[i]]++;
    moved += fold[i] != other[i];
  }
  for (int f = 0; f < 10; f++) CHECK(count[f] == 10 || count[f] == 11);
  CHECK_MSG(moved > N / 2, "%d of %d samples in another fold", moved, N);
  CHECK(exset_regress_folds(ctx, 7, 0, N, fold) == 0 &&
        exset_regress_folds(ctx, 7, 5, 1, fold) == 0);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  noise_t noise = {987654321};
  check_coverage(ctx, &noise);
  check_jackknife(ctx, &noise);
  check_folds(ctx);
  return test_end(ctx);
}
