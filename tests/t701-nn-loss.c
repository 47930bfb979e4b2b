/*
 * Losses: closed forms, extreme scores, derivatives by differences; Adam against the formula in double precision.
 * test: np="1"
 */
#include "exset/nn.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

static void check_bce(void) {
  const float score[] = {0, 100, -100, 3, -0.5F};
  float d[5];
  CHECK_NEAR(exset_nn_loss_bce(1, score, 0.3, d), log(2), 1e-15);
  CHECK_NEAR((double)d[0], 0.5 - 0.3, 1e-7);
  for (int k = 0; k < 2; k++) {
    const double target = k ? 0.9 : 0;
    CHECK_NEAR(exset_nn_loss_bce(1, score + 1, target, d), 100 - 100 * target, 1e-12);
    CHECK_NEAR((double)d[0], 1 - target, 1e-7);
    CHECK_NEAR(exset_nn_loss_bce(1, score + 2, target, d), 100 * target, 1e-12);
    CHECK_NEAR((double)d[0], -target, 1e-7);
  }
  /* a sum over the scores */
  double sum = 0;
  for (int i = 0; i < 5; i++) sum += exset_nn_loss_bce(1, score + i, 0.25, d);
  CHECK_NEAR(exset_nn_loss_bce(5, score, 0.25, d), sum, 1e-12);
  CHECK_NEAR((double)d[3], 1 / (1 + exp(-3)) - 0.25, 1e-7);
  CHECK_NEAR((double)d[4], 1 / (1 + exp(0.5)) - 0.25, 1e-7);
  /* scores that a float barely holds, and the smallest loss, which is not cancelled away */
  const float huge[] = {3e38F, -3e38F, 80};
  CHECK(isfinite(exset_nn_loss_bce(2, huge, 0.5, d)) && isfinite(d[0]) && isfinite(d[1]));
  const float sure = -80;
  CHECK_NEAR(exset_nn_loss_bce(1, &sure, 0, d), exp(-80), 1e-15 * exp(-80));
}

static void check_hinge(void) {
  const float score[] = {0, 0.5F, 100, -100, 1.5F};
  float d[5];
  CHECK_NEAR(exset_nn_loss_hinge(5, score, 1, d), 1 + 0.5 + 0 + 101 + 0, 1e-12);
  CHECK(d[0] == -1 && d[1] == -1 && d[2] == 0 && d[3] == -1 && d[4] == 0);
  CHECK_NEAR(exset_nn_loss_hinge(5, score, -1, d), 1 + 1.5 + 101 + 0 + 2.5, 1e-12);
  CHECK(d[0] == 1 && d[1] == 1 && d[2] == 1 && d[3] == 0 && d[4] == 1);
}

/* The derivative against differences of the loss itself, between the kinks. */
static void check_differences(void) {
  for (int i = -20; i <= 20; i++) {
    const float s = 0.37F * (float)i + 0.1F, h = 1.0F / 1024, below = s - h, above = s + h;
    float d, ignored;
    const double width = (double)above - (double)below;
    exset_nn_loss_bce(1, &s, 0.9, &d);
    double slope = (exset_nn_loss_bce(1, &above, 0.9, &ignored) -
                    exset_nn_loss_bce(1, &below, 0.9, &ignored)) /
                   width;
    CHECK_NEAR((double)d, slope, 1e-6);
    for (int sign = -1; sign <= 1; sign += 2) {
      exset_nn_loss_hinge(1, &s, sign, &d);
      slope = (exset_nn_loss_hinge(1, &above, sign, &ignored) -
               exset_nn_loss_hinge(1, &below, sign, &ignored)) /
              width;
      CHECK_NEAR((double)d, slope, 1e-6);
    }
  }
}

enum { STEPS = 7, N = 3 * 5 + 3 };

/* Gradients of very different sizes, some of them 0, put into the flat array by a backward pass: for one dense layer on one image
 * dLoss/dweight = d_score x. */
static void check_adam(exset_ctx_t *ctx, double rate, double beta1, double beta2) {
  const exset_nn_layer_t layer = {EXSET_NN_DENSE, 3, 0, 0, 0, 0, false};
  const int input[3] = {5, 1, 1};
  exset_nn_t *nn;
  double p[N], m[N] = {0}, v[N] = {0};
  float value[N], g[N];
  MUST(ctx, exset_nn_create(ctx, input, 1, 1, &layer, 3, 0, &nn));
  CHECK(exset_nn_parameters(nn) == N);
  MUST(ctx, exset_nn_get(nn, value));
  for (int i = 0; i < N; i++) p[i] = (double)value[i];
  for (int t = 1; t <= STEPS; t++) {
    float x[5], score[3], d[3];
    for (int i = 0; i < 5; i++) x[i] = i == 2 ? 0 : (float)(sin(t + 2.0 * i) * pow(10, i - 3));
    for (int i = 0; i < 3; i++) d[i] = (float)cos(3.0 * t + i);
    exset_nn_zero(nn);
    MUST(ctx, exset_nn_forward(nn, x, true, score));
    MUST(ctx, exset_nn_backward(nn, d, true, NULL));
    MUST(ctx, exset_nn_get_gradient(nn, g));
    for (int i = 0; i < N; i++) {
      const double gi = i < 15 ? (double)d[i / 5] * (double)x[i % 5] : (double)d[i - 15];
      CHECK_NEAR((double)g[i], gi, 1e-6 * fabs(gi));
      m[i] = beta1 * m[i] + (1 - beta1) * gi;
      v[i] = beta2 * v[i] + (1 - beta2) * gi * gi;
      p[i] -= rate * (m[i] / (1 - pow(beta1, t))) / (sqrt(v[i] / (1 - pow(beta2, t))) + 1e-8);
    }
    MUST(ctx, exset_nn_adam(nn, rate, beta1, beta2));
  }
  MUST(ctx, exset_nn_get(nn, value));
  for (int i = 0; i < N; i++) CHECK_NEAR((double)value[i], p[i], 2e-4 * rate + 1e-6 * fabs(p[i]));
  exset_nn_destroy(&nn);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_bce();
  check_hinge();
  check_differences();
  check_adam(ctx, 1e-2, 0.9, 0.999);
  check_adam(ctx, 2e-3, 0.5, 0.99);
  check_adam(ctx, 0.1, 0, 0.9);
  return test_end(ctx);
}
