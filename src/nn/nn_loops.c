/* Loops over flat arrays, and Adam. */
#include "nn_impl.h"

#include "exset/simd.h"

#include <math.h>

enum { PARTS = 16 };

EXSET_CLONES void nn_add(int64_t n, const float *restrict from, float *restrict to) {
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

EXSET_CLONES void nn_axpy(int64_t n, float a, const float *restrict x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

EXSET_CLONES void nn_scale(int64_t n, float a, const float *x, float *y) {
  for (int64_t i = 0; i < n; i++) y[i] = a * x[i];
}

EXSET_CLONES float nn_dot(int64_t n, const float *x, const float *y) {
  float part[PARTS] = {0};
  const int64_t whole = n / PARTS * PARTS;
  for (int64_t i = 0; i < whole; i += PARTS)
    for (int j = 0; j < PARTS; j++) part[j] += x[i + j] * y[i + j];
  double sum = 0;
  for (int j = 0; j < PARTS; j++) sum += (double)part[j];
  for (int64_t i = whole; i < n; i++) sum += (double)x[i] * (double)y[i];
  return (float)sum;
}

typedef struct {
  float rate, beta1, beta2; /* rate and the root of the second moment with their bias corrections */
  float root_scale;
} adam_t;

/* Padding has gradient 0, and stays 0. */
EXSET_CLONES static void adam_loop(int64_t n, adam_t a, const float *restrict gradient,
                                   float *restrict moment1, float *restrict moment2,
                                   float *restrict parameter) {
  for (int64_t i = 0; i < n; i++) {
    const float g = gradient[i];
    const float m = a.beta1 * moment1[i] + (1.0f - a.beta1) * g;
    const float v = a.beta2 * moment2[i] + (1.0f - a.beta2) * (g * g);
    moment1[i] = m;
    moment2[i] = v;
    parameter[i] -= a.rate * m / (sqrtf(v) * a.root_scale + 1e-8f);
  }
}

int exset_nn_adam(exset_nn_t *nn, double rate, double beta1, double beta2) {
  nn->steps++;
  const double t = (double)nn->steps;
  const adam_t adam = {(float)(rate / (1 - pow(beta1, t))), (float)beta1, (float)beta2,
                       (float)(1 / sqrt(1 - pow(beta2, t)))};
  adam_loop(nn->size, adam, nn->gradient, nn->moment1, nn->moment2, nn->parameter);
  nn_parameters_changed(nn);
  return EXSET_OK;
}
