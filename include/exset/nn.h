/**
 * nn: small convolutional networks on the CPU (oneDNN): forward, backward, losses, Adam.
 *
 * A network is a table of layers. Arrays that enter and leave are canonical, float, x fastest: images
 * [batch][channels][rows][cols], scores [batch][outputs]; inside, oneDNN's blocked layouts are kept from layer to
 * layer and from step to step. Parameters, gradients and Adam's moments are three flat arrays in that inner layout, equal on all ranks
 * that create the same network with the same batch; padding in them is 0 and stays 0. Each rank runs on one thread.
 */
#ifndef EXSET_NN_H
#define EXSET_NN_H

#include "exset/archive.h"

#define EXSET_NN_MAX_LAYERS 32

typedef enum {
  EXSET_NN_CONV,  /* channels, kernel, stride, pad < kernel; with bias; not after a dense layer */
  EXSET_NN_DENSE, /* inner product of everything before: channels = outputs; with bias */
  EXSET_NN_LEAKY_RELU, /* x for x > 0, slope * x else, slope >= 0; right behind one of the others */
  EXSET_NN_MEAN, /* mean over rows and columns of each channel (global average pooling); behind a
                    convolution or its leaky ReLU */
} exset_nn_kind_t;

typedef struct {
  exset_nn_kind_t kind;
  int channels, kernel, stride, pad;
  double slope;
  bool
      spectral; /* conv, dense: weights divided by their largest singular value (power iteration, one
                    step for each forward pass in training; Miyato et al. 2018) */
} exset_nn_layer_t;

typedef struct exset_nn_s exset_nn_t;

/**
 * Build a network for batches of `batch` >= 1 images of input = channels, rows, cols; the last layer must be dense.
 * Initial weights are normal with standard deviation sqrt(2 / ((1 + slope^2) fan_in)) (He et al. 2015, slope of the
 * activation that follows, 1 for the last), biases 0, drawn from (seed, EXSET_STREAM_NETWORK, index = network, part = place in the
 * table, from 0) by their canonical index: they depend neither on batch nor on the ranks. Local.
 * Errors: EXSET_ERR_INPUT (sizes that do not fit: names the layer), EXSET_ERR_LOCAL (memory, oneDNN).
 */
int exset_nn_create(exset_ctx_t *ctx, const int input[3], int batch, int n_layers,
                    const exset_nn_layer_t *layer, uint64_t seed, uint32_t network,
                    exset_nn_t **nn);
int exset_nn_destroy(exset_nn_t **nn);

/** Outputs for each image, numbers in the flat parameter array (with padding), floating-point operations of one forward pass. Local. */
int exset_nn_outputs(const exset_nn_t *nn);
int64_t exset_nn_size(const exset_nn_t *nn);
double exset_nn_flops(const exset_nn_t *nn);

/** Scores of a batch. Keeps what backward needs. update: take a step of the power iterations. Local. Errors: EXSET_ERR_LOCAL. */
int exset_nn_forward(exset_nn_t *nn, const float *image, bool update, float *score);
/**
 * Backward pass of the last forward; it may be called again, but not after the parameters have changed. weights: add dLoss/dweights to the gradient array; d_image: NULL,
 * or gets dLoss/dimage. Local. Errors: EXSET_ERR_LOCAL.
 */
int exset_nn_backward(exset_nn_t *nn, const float *d_score, bool weights, float *d_image);

/** The flat gradient, for a sum over ranks: ask for it after the backward pass. Borrowed. exset_nn_zero sets it to 0. Local. */
float *exset_nn_gradient(exset_nn_t *nn);
void exset_nn_zero(exset_nn_t *nn);
/** One step of Adam (Kingma & Ba 2015, with bias correction) by the gradient array. Local. Errors: EXSET_ERR_LOCAL. */
int exset_nn_adam(exset_nn_t *nn, double rate, double beta1, double beta2);

/**
 * Parameters in canonical order (layer by layer: weights [out][in][kernel][kernel], then biases), as many as
 * exset_nn_parameters says; get and set, for tests and tools. set keeps the moments. Local. Errors: EXSET_ERR_LOCAL.
 */
int64_t exset_nn_parameters(const exset_nn_t *nn);
int exset_nn_get(exset_nn_t *nn, float *value);
int exset_nn_get_gradient(exset_nn_t *nn, float *value);
int exset_nn_set(exset_nn_t *nn, const float *value);

/**
 * Save everything a run needs to go on exactly (parameters, moments, step count, vectors of the power iterations), in
 * canonical order under <name>/..., and load it into a network of the same table (any batch). Local.
 * Errors: EXSET_ERR_INPUT (load: missing, other layers), EXSET_ERR_LOCAL.
 */
int exset_nn_save(exset_nn_t *nn, exset_archive_t *archive, const char *name);
int exset_nn_load(exset_nn_t *nn, exset_archive_t *archive, const char *name);

/**
 * Losses of n scores (logits) in real/fake decisions: sum over the scores, and its derivative d_score[n]. Local.
 * bce: binary cross-entropy with a target in [0, 1], softplus(s) - target s, stable for any s.
 * hinge: max(0, 1 - sign * s), sign = 1 for real, -1 for fake. (The generator's hinge loss is -s.)
 */
double exset_nn_loss_bce(int n, const float *score, double target, float *d_score);
double exset_nn_loss_hinge(int n, const float *score, double sign, float *d_score);

/** Version of the library behind this module. Local, static text. */
const char *exset_nn_version(void);

#endif
