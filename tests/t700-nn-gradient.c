/*
 * Networks against a naive twin in double precision: scores, and gradients by weights, biases and images against the
 * twin's central differences, for every kind of layer, odd sizes and channel numbers that fill no vector.
 * test: np="1" time=120
 */
#include "test.h"
#include "test_nn_naive.h"

#include <stdio.h>

#define CONV(channels, kernel, stride, pad, spectral) \
  { EXSET_NN_CONV, channels, kernel, stride, pad, 0, spectral }
#define DENSE(channels, spectral) \
  { EXSET_NN_DENSE, channels, 0, 0, 0, 0, spectral }
#define RELU(slope) \
  { EXSET_NN_LEAKY_RELU, 0, 0, 0, 0, slope, false }

#define MEAN \
  { EXSET_NN_MEAN, 0, 0, 0, 0, 0, false }

typedef struct {
  const char *name;
  int input[3], batch, n_layers;
  exset_nn_layer_t layer[9];
} case_t;

static const case_t cases[] = {
    {"dense alone", {3, 5, 4}, 3, 1, {DENSE(2, false)}},
    {"dense, spectral", {3, 5, 4}, 3, 1, {DENSE(4, true)}},
    {"dense, dense", {1, 1, 7}, 4, 3, {DENSE(5, false), RELU(0.1), DENSE(3, false)}},
    {"3/1/1, 1 channel", {1, 9, 7}, 2, 3, {CONV(3, 3, 1, 1, false), RELU(0.2), DENSE(1, false)}},
    {"3/1/1, 3 to 5 channels",
     {3, 7, 9},
     2,
     3,
     {CONV(5, 3, 1, 1, false), RELU(0), DENSE(1, false)}},
    {"1/1/0, 16 to 17", {16, 4, 5}, 2, 3, {CONV(17, 1, 1, 0, false), RELU(0.2), DENSE(2, false)}},
    {"no activation", {5, 8, 6}, 2, 2, {CONV(16, 4, 2, 1, false), DENSE(1, false)}},
    {"5/3/0 then 3/1/1, 17 channels",
     {3, 17, 14},
     2,
     5,
     {CONV(16, 5, 3, 0, false), RELU(0.2), CONV(17, 3, 1, 1, false), RELU(0.3), DENSE(1, false)}},
    {"4/2/1 twice",
     {3, 16, 20},
     2,
     5,
     {CONV(16, 4, 2, 1, false), RELU(0.2), CONV(32, 4, 2, 1, false), RELU(0.2), DENSE(1, false)}},
    {"4/2/1 twice, 5 and 17 channels, spectral",
     {1, 11, 16},
     3,
     5,
     {CONV(5, 4, 2, 1, true), RELU(0.2), CONV(17, 4, 2, 1, true), RELU(0.2), DENSE(1, true)}},
    {"mean behind a convolution, 5 channels",
     {2, 9, 7},
     3,
     3,
     {CONV(5, 3, 1, 1, false), MEAN, DENSE(2, false)}},
    {"mean behind an activation, 4/2/1 twice, spectral in part",
     {3, 16, 20},
     2,
     6,
     {CONV(16, 4, 2, 1, false), RELU(0.2), CONV(17, 4, 2, 1, true), RELU(0.2), MEAN,
      DENSE(1, true)}},
    {"few pixels, 16 and 17 channels, spectral",
     {16, 9, 8},
     3,
     6,
     {CONV(17, 4, 2, 1, true), RELU(0.2), CONV(5, 3, 1, 1, true), RELU(0.1), MEAN,
      DENSE(2, false)}},
    {"3/1/1 and 5/3/0, spectral in part",
     {2, 13, 10},
     1,
     6,
     {CONV(16, 3, 1, 1, true), RELU(0.2), CONV(16, 5, 3, 0, false), DENSE(6, true), RELU(0.2),
      DENSE(1, false)}},
};

/* Numbers in (-1, 1) that repeat nowhere. */
static double noise(int64_t i) {
  const double x = sin(12.9898 * (double)(i + 1)) * 43758.5453;
  return 2 * (x - floor(x)) - 1;
}

/* Everything of a case: single precision for the network, double for its twin. */
typedef struct {
  twin_t twin;
  int64_t n_parameters, n_image, n_score;
  double *parameter, *image, *score, *d_score, *shifted;
  float *f_parameter, *f_image, *f_score, *f_d_score, *gradient, *d_image;
} work_t;

static void make_work(exset_ctx_t *ctx, const case_t *c, work_t *w) {
  w->twin = (twin_t){{c->input[0], c->input[1], c->input[2]}, c->batch, c->n_layers, c->layer};
  w->n_parameters = twin_parameters(&w->twin);
  w->n_image = c->batch * twin_count(c->input);
  w->n_score = (int64_t)c->batch * c->layer[c->n_layers - 1].channels;
  MUST(ctx, exset_alloc(ctx, w->n_parameters, sizeof(double), &w->parameter));
  MUST(ctx, exset_alloc(ctx, w->n_image, sizeof(double), &w->image));
  MUST(ctx, exset_alloc(ctx, w->n_score, sizeof(double), &w->score));
  MUST(ctx, exset_alloc(ctx, w->n_score, sizeof(double), &w->d_score));
  MUST(ctx, exset_alloc(ctx, w->n_score, sizeof(double), &w->shifted));
  MUST(ctx, exset_alloc(ctx, w->n_parameters, sizeof(float), &w->f_parameter));
  MUST(ctx, exset_alloc(ctx, w->n_image, sizeof(float), &w->f_image));
  MUST(ctx, exset_alloc(ctx, w->n_score, sizeof(float), &w->f_score));
  MUST(ctx, exset_alloc(ctx, w->n_score, sizeof(float), &w->f_d_score));
  MUST(ctx, exset_alloc(ctx, w->n_parameters, sizeof(float), &w->gradient));
  MUST(ctx, exset_alloc(ctx, w->n_image, sizeof(float), &w->d_image));
}

static void clear_work(work_t *w) {
  void *all[] = {w->parameter, w->image,   w->score,     w->d_score,  w->shifted, w->f_parameter,
                 w->f_image,   w->f_score, w->f_d_score, w->gradient, w->d_image};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Parameters of the network with its biases, which begin as 0, moved. */
static void fill(exset_ctx_t *ctx, exset_nn_t *nn, work_t *w) {
  MUST(ctx, exset_nn_get(nn, w->f_parameter));
  for (int64_t i = 0; i < w->n_parameters; i++)
    w->f_parameter[i] = (float)(1.1 * (double)w->f_parameter[i] + 0.05 * noise(1000 + i));
  for (int64_t i = 0; i < w->n_image; i++) w->f_image[i] = (float)noise(i);
  for (int64_t i = 0; i < w->n_score; i++) w->f_d_score[i] = (float)noise(77 + i);
  for (int64_t i = 0; i < w->n_parameters; i++) w->parameter[i] = (double)w->f_parameter[i];
  for (int64_t i = 0; i < w->n_image; i++) w->image[i] = (double)w->f_image[i];
  for (int64_t i = 0; i < w->n_score; i++) w->d_score[i] = (double)w->f_d_score[i];
  MUST(ctx, exset_nn_set(nn, w->f_parameter));
}

static double twin_loss(work_t *w) {
  twin_forward(&w->twin, w->parameter, w->image, w->shifted);
  double loss = 0;
  for (int64_t i = 0; i < w->n_score; i++) loss += w->d_score[i] * w->shifted[i];
  return loss;
}

/*
 * Differences over two widths: where they disagree, an activation turns within them and says nothing.
 * Compared at some 60 places, relative to the largest of all gradients.
 */
static void check_gradient(work_t *w, const char *name, const char *what, double *x, int64_t n,
                           const float *gradient) {
  double most = 0, worst = 0;
  int compared = 0, tried = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs((double)gradient[i]));
  const int64_t stride = n / 61 + 1;
  for (int64_t i = 0; i < n; i += stride, tried++) {
    const double at = x[i];
    double slope[2];
    for (int k = 0; k < 2; k++) {
      const double h = k ? 5e-7 : 1e-6;
      x[i] = at + h;
      const double above = twin_loss(w);
      x[i] = at - h;
      slope[k] = (above - twin_loss(w)) / (2 * h);
    }
    x[i] = at;
    if (fabs(slope[0] - slope[1]) > 1e-6 * most) continue;
    worst = fmax(worst, fabs(slope[1] - (double)gradient[i]) / most);
    compared++;
  }
  CHECK_MSG(compared > tried * 3 / 4, "%s: only %d of %d places of the %s gradient compared", name,
            compared, tried, what);
  CHECK_MSG(worst < 2e-5 && most > 0, "%s: gradient by %s off by %g of its largest, %g", name, what,
            worst, most);
}

/* The weights' gradient is added, the images' is written; without weights nothing is added. */
static void check_accumulation(exset_ctx_t *ctx, const char *name, exset_nn_t *nn, work_t *w) {
  double worst = 0, most = 0;
  float *twice = malloc((size_t)w->n_parameters * sizeof *twice);
  MUST(ctx, exset_nn_backward(nn, w->f_d_score, true, NULL));
  MUST(ctx, exset_nn_backward(nn, w->f_d_score, false, w->d_image));
  MUST(ctx, exset_nn_get_gradient(nn, twice));
  for (int64_t i = 0; i < w->n_parameters; i++) {
    worst = fmax(worst, fabs((double)twice[i] - 2 * (double)w->gradient[i]));
    most = fmax(most, fabs((double)w->gradient[i]));
  }
  CHECK_MSG(worst <= 1e-6 * most, "%s: adding the gradient twice is off by %g", name, worst);
  exset_nn_zero(nn);
  MUST(ctx, exset_nn_get_gradient(nn, twice));
  worst = 0;
  for (int64_t i = 0; i < w->n_parameters; i++) worst = fmax(worst, fabs((double)twice[i]));
  CHECK_MSG(worst == 0, "%s: gradient not zeroed", name);
  free(twice);
}

static void check_case(exset_ctx_t *ctx, const case_t *c) {
  exset_nn_t *nn;
  work_t w;
  make_work(ctx, c, &w);
  MUST(ctx, exset_nn_create(ctx, c->input, c->batch, c->n_layers, c->layer, 5, 0, &nn));
  CHECK(exset_nn_parameters(nn) == w.n_parameters);
  CHECK(exset_nn_size(nn) >= w.n_parameters);
  CHECK(exset_nn_outputs(nn) == c->layer[c->n_layers - 1].channels);
  fill(ctx, nn, &w);
  /* the vectors of spectral normalisation arrive at the singular ones */
  for (int i = 0; i < 400; i++) MUST(ctx, exset_nn_forward(nn, w.f_image, true, w.f_score));
  MUST(ctx, exset_nn_forward(nn, w.f_image, false, w.f_score));
  twin_forward(&w.twin, w.parameter, w.image, w.score);
  double most = 0, worst = 0;
  for (int64_t i = 0; i < w.n_score; i++) {
    most = fmax(most, fabs(w.score[i]));
    worst = fmax(worst, fabs(w.score[i] - (double)w.f_score[i]));
  }
  CHECK_MSG(worst < 1e-5 * most, "%s: scores off by %g of %g", c->name, worst, most);
  exset_nn_zero(nn);
  MUST(ctx, exset_nn_backward(nn, w.f_d_score, true, w.d_image));
  MUST(ctx, exset_nn_get_gradient(nn, w.gradient));
  check_gradient(&w, c->name, "parameters", w.parameter, w.n_parameters, w.gradient);
  check_gradient(&w, c->name, "images", w.image, w.n_image, w.d_image);
  check_accumulation(ctx, c->name, nn, &w);
  exset_nn_destroy(&nn);
  clear_work(&w);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(ctx, &cases[i]);
  return test_end(ctx);
}
