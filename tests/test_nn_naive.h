/* Networks the plain way, in double precision: the forward pass with loops over everything, gradients by differences. */
#ifndef EXSET_TEST_NN_NAIVE_H
#define EXSET_TEST_NN_NAIVE_H

#include "exset/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int input[3], batch, n_layers;
  const exset_nn_layer_t *layer;
} twin_t;

static inline int64_t twin_count(const int shape[3]) {
  return (int64_t)shape[0] * shape[1] * shape[2];
}

static inline bool twin_weighted(const exset_nn_layer_t *layer) {
  return layer->kind == EXSET_NN_CONV || layer->kind == EXSET_NN_DENSE;
}

/* Shape behind a layer. */
static inline void twin_shape(const exset_nn_layer_t *layer, const int in[3], int out[3]) {
  for (int a = 0; a < 3; a++) out[a] = in[a];
  if (layer->kind == EXSET_NN_MEAN) out[1] = out[2] = 1;
  if (!twin_weighted(layer)) return;
  out[0] = layer->channels;
  for (int a = 1; a < 3; a++)
    out[a] = layer->kind == EXSET_NN_DENSE
                 ? 1
                 : (in[a] + 2 * layer->pad - layer->kernel) / layer->stride + 1;
}

/* Weights as a matrix [rows][cols]. */
static inline int64_t twin_cols(const exset_nn_layer_t *layer, const int in[3]) {
  if (layer->kind == EXSET_NN_DENSE) return twin_count(in);
  return (int64_t)in[0] * layer->kernel * layer->kernel;
}

static inline int64_t twin_parameters(const twin_t *t) {
  int in[3] = {t->input[0], t->input[1], t->input[2]}, out[3];
  int64_t n = 0;
  for (int i = 0; i < t->n_layers; i++) {
    twin_shape(&t->layer[i], in, out);
    if (twin_weighted(&t->layer[i])) n += t->layer[i].channels * (twin_cols(&t->layer[i], in) + 1);
    memcpy(in, out, sizeof in);
  }
  return n;
}

/* Largest singular value by the power iteration until it stands. */
static inline double twin_sigma(int64_t rows, int64_t cols, const double *w) {
  double *u = calloc((size_t)(rows + cols), sizeof *u), *v = u + rows, sigma = 0;
  for (int64_t r = 0; r < rows; r++) u[r] = 1 + 0.3 * sin(1.7 * (double)r);
  for (int it = 0; it < 3000; it++) {
    double norm = 0, norm_v = 0;
    for (int64_t c = 0; c < cols; c++) {
      v[c] = 0;
      for (int64_t r = 0; r < rows; r++) v[c] += w[r * cols + c] * u[r];
      norm_v += v[c] * v[c];
    }
    for (int64_t r = 0; r < rows; r++) {
      u[r] = 0;
      for (int64_t c = 0; c < cols; c++) u[r] += w[r * cols + c] * v[c] / sqrt(norm_v);
      norm += u[r] * u[r];
    }
    for (int64_t r = 0; r < rows; r++) u[r] /= sqrt(norm);
    const double before = sigma;
    sigma = sqrt(norm);
    if (fabs(sigma - before) < 1e-14 * sigma) break;
  }
  free(u);
  return sigma;
}

/* One output of a convolution without bias. */
static inline double twin_conv_at(const exset_nn_layer_t *layer, const int in[3], const double *w,
                                  const double *x, int row, int col) {
  double sum = 0;
  for (int c = 0; c < in[0]; c++)
    for (int i = 0; i < layer->kernel; i++)
      for (int j = 0; j < layer->kernel; j++) {
        const int y = row * layer->stride - layer->pad + i;
        const int z = col * layer->stride - layer->pad + j;
        if (y < 0 || y >= in[1] || z < 0 || z >= in[2]) continue;
        sum += w[(c * layer->kernel + i) * layer->kernel + j] *
               x[((int64_t)c * in[1] + y) * in[2] + z];
      }
  return sum;
}

/* One image through one layer; w: its weights and biases. */
static inline void twin_layer(const exset_nn_layer_t *layer, const int in[3], const int out[3],
                              const double *w, double sigma, const double *x, double *y) {
  const int64_t cols = twin_cols(layer, in);
  if (layer->kind == EXSET_NN_LEAKY_RELU) {
    for (int64_t i = 0; i < twin_count(in); i++) y[i] = x[i] > 0 ? x[i] : layer->slope * x[i];
    return;
  }
  if (layer->kind == EXSET_NN_MEAN) {
    const int64_t pixels = (int64_t)in[1] * in[2];
    for (int c = 0; c < in[0]; c++) {
      y[c] = 0;
      for (int64_t i = 0; i < pixels; i++) y[c] += x[c * pixels + i] / (double)pixels;
    }
    return;
  }
  for (int o = 0; o < out[0]; o++)
    for (int r = 0; r < out[1]; r++)
      for (int c = 0; c < out[2]; c++) {
        double sum = 0;
        if (layer->kind == EXSET_NN_CONV) sum = twin_conv_at(layer, in, w + o * cols, x, r, c);
        else
          for (int64_t i = 0; i < cols; i++) sum += w[o * cols + i] * x[i];
        y[((int64_t)o * out[1] + r) * out[2] + c] = sum / sigma + w[out[0] * cols + o];
      }
}

/** Scores of all images. Local. */
static inline void twin_forward(const twin_t *t, const double *parameter, const double *image,
                                double *score) {
  enum { MOST = 1 << 14 }; /* numbers between two layers of the tests */
  double sigma[EXSET_NN_MAX_LAYERS];
  double *x = calloc(2 * MOST, sizeof *x), *y = x + MOST, *work = x;
  for (int b = 0; b < t->batch; b++) {
    int in[3] = {t->input[0], t->input[1], t->input[2]}, out[3];
    const double *w = parameter;
    memcpy(x, image + b * twin_count(in), (size_t)twin_count(in) * sizeof *x);
    for (int i = 0; i < t->n_layers; i++) {
      const exset_nn_layer_t *layer = &t->layer[i];
      twin_shape(layer, in, out);
      const bool weighted = twin_weighted(layer);
      const int64_t cols = twin_cols(layer, in);
      if (twin_count(in) > MOST || twin_count(out) > MOST) abort();
      if (b == 0) sigma[i] = weighted && layer->spectral ? twin_sigma(out[0], cols, w) : 1;
      twin_layer(layer, in, out, w, sigma[i], x, y);
      if (weighted) w += out[0] * (cols + 1);
      double *swap = x;
      x = y;
      y = swap;
      memcpy(in, out, sizeof in);
    }
    memcpy(score + (int64_t)b * in[0], x, (size_t)in[0] * sizeof *score);
  }
  free(work);
}

#endif
