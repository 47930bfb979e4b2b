/* From the table of layers to stages with their shapes. */
#include "nn_impl.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { MOST = 65536 /* channels, rows, cols, kernel: products of four fit an int64_t */ };

static int refuse(exset_nn_t *nn, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int refuse(exset_nn_t *nn, int number, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return exset_fail(nn->ctx, EXSET_ERR_INPUT, "network, layer %d: %s", number, text);
}

static int check_channels(exset_nn_t *nn, const nn_stage_t *stage) {
  const int channels = stage->layer.channels;
  if (channels < 1 || channels > MOST)
    return refuse(nn, stage->number, "%d %s, allowed are 1 to %d", channels,
                  stage->layer.kind == EXSET_NN_CONV ? "channels" : "outputs", MOST);
  return EXSET_OK;
}

static int conv_numbers(exset_nn_t *nn, const nn_stage_t *stage) {
  const exset_nn_layer_t *layer = &stage->layer;
  if (layer->kernel < 1 || layer->kernel > MOST)
    return refuse(nn, stage->number, "kernel %d, allowed are 1 to %d", layer->kernel, MOST);
  if (layer->stride < 1 || layer->stride > MOST)
    return refuse(nn, stage->number, "stride %d, allowed are 1 to %d", layer->stride, MOST);
  if (layer->pad < 0 || layer->pad >= layer->kernel)
    return refuse(nn, stage->number, "padding %d, allowed are 0 to %d for kernel %d", layer->pad,
                  layer->kernel - 1, layer->kernel);
  return EXSET_OK;
}

static int conv_shape(exset_nn_t *nn, nn_stage_t *stage) {
  const exset_nn_layer_t *layer = &stage->layer;
  EXSET_TRY(conv_numbers(nn, stage));
  stage->out[0] = layer->channels;
  for (int a = 1; a < 3; a++) {
    const int room = stage->in[a] + 2 * layer->pad - layer->kernel;
    if (room < 0)
      return refuse(nn, stage->number,
                    "kernel %d is larger than its input of %d x %d pixels with padding %d",
                    layer->kernel, stage->in[1], stage->in[2], layer->pad);
    stage->out[a] = room / layer->stride + 1;
  }
  stage->n_weights =
      (int64_t)layer->channels * stage->in[0] * ((int64_t)layer->kernel * layer->kernel);
  return EXSET_OK;
}

static int dense_shape(exset_nn_t *nn, nn_stage_t *stage) {
  stage->out[0] = stage->layer.channels;
  stage->out[1] = stage->out[2] = 1;
  const int64_t inputs = exset_mul3(stage->in[0], stage->in[1], stage->in[2]);
  stage->n_weights = exset_mul3(stage->out[0], inputs, 1);
  if (stage->n_weights < 0 || stage->n_weights > INT64_MAX / 64)
    return refuse(nn, stage->number, "%d outputs of %lld inputs are too many weights",
                  stage->out[0], (long long)inputs);
  return EXSET_OK;
}

static int add_stage(exset_nn_t *nn, int number, const exset_nn_layer_t *layer) {
  const nn_stage_t *last = nn->n_stages > 0 ? &nn->stage[nn->n_stages - 1] : NULL;
  nn_stage_t *stage = &nn->stage[nn->n_stages];
  stage->layer = *layer;
  stage->number = number;
  for (int a = 0; a < 3; a++) {
    stage->in[a] = last ? last->out[a] : nn->input[a];
    if (a > 0 && last && last->mean) stage->in[a] = 1;
  }
  EXSET_TRY(check_channels(nn, stage));
  if (layer->kind == EXSET_NN_DENSE) EXSET_TRY(dense_shape(nn, stage));
  else if (last && last->layer.kind == EXSET_NN_DENSE)
    return refuse(nn, number, "a convolution cannot follow a dense layer");
  else EXSET_TRY(conv_shape(nn, stage));
  stage->n_parameters = stage->n_weights + stage->out[0];
  stage->at_canonical = nn->n_parameters;
  nn->n_parameters += stage->n_parameters;
  nn->n_stages++;
  return EXSET_OK;
}

static int add_activation(exset_nn_t *nn, int number, const exset_nn_layer_t *layer) {
  nn_stage_t *stage = nn->n_stages > 0 ? &nn->stage[nn->n_stages - 1] : NULL;
  if (!stage || stage->active || stage->mean)
    return refuse(nn, number, "a leaky ReLU has to follow a convolution or a dense layer");
  if (!(layer->slope >= 0) || !isfinite(layer->slope))
    return refuse(nn, number, "slope %g, must not be negative", layer->slope);
  stage->active = true;
  stage->slope = (float)layer->slope;
  return EXSET_OK;
}

static int add_mean(exset_nn_t *nn, int number) {
  nn_stage_t *stage = nn->n_stages > 0 ? &nn->stage[nn->n_stages - 1] : NULL;
  if (!stage || stage->mean || stage->layer.kind == EXSET_NN_DENSE)
    return refuse(nn, number, "a mean has to follow a convolution or its leaky ReLU");
  stage->mean = true;
  return EXSET_OK;
}

static int add_layer(exset_nn_t *nn, int number, const exset_nn_layer_t *layer) {
  switch (layer->kind) {
    case EXSET_NN_CONV:
    case EXSET_NN_DENSE:
      return add_stage(nn, number, layer);
    case EXSET_NN_LEAKY_RELU:
      return add_activation(nn, number, layer);
    case EXSET_NN_MEAN:
      return add_mean(nn, number);
  }
  return refuse(nn, number, "there is no layer of kind %d", (int)layer->kind);
}

int nn_table_check(exset_nn_t *nn) {
  for (int a = 0; a < 3; a++)
    if (nn->input[a] < 1 || nn->input[a] > MOST)
      return exset_fail(nn->ctx, EXSET_ERR_INPUT,
                        "network: input of %d channels, %d x %d pixels; each must be 1 to %d",
                        nn->input[0], nn->input[1], nn->input[2], MOST);
  if (nn->batch < 1 || nn->batch > MOST)
    return exset_fail(nn->ctx, EXSET_ERR_INPUT, "network: batch of %d images, allowed are 1 to %d",
                      nn->batch, MOST);
  for (int i = 0; i < nn->n_layers; i++) EXSET_TRY(add_layer(nn, i + 1, &nn->layer[i]));
  const exset_nn_layer_t *last = &nn->layer[nn->n_layers - 1];
  if (last->kind != EXSET_NN_DENSE) return refuse(nn, nn->n_layers, "the last must be dense");
  return EXSET_OK;
}
