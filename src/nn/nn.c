/* Networks: creation, forward and backward passes. */
#include "nn_impl.h"

#include <stdlib.h>
#include <string.h>

/* ---- creation -------------------------------------------------------------------------------- */

static int make_engine(exset_nn_t *nn) {
  EXSET_TRY(EXSET_DNN(nn->ctx, dnnl_engine_create(&nn->engine, dnnl_cpu, 0)));
  return EXSET_DNN(nn->ctx, dnnl_stream_create(&nn->stream, nn->engine, dnnl_stream_default_flags));
}

static int make_images(exset_nn_t *nn) {
  const int64_t dims[4] = {nn->batch, nn->input[0], nn->input[1], nn->input[2]};
  EXSET_TRY(nn_layout(nn, 4, dims, false, &nn->image));
  nn->d_image.desc = nn->image.desc;
  EXSET_TRY(nn_memory(nn, DNNL_MEMORY_ALLOCATE, &nn->image));
  return nn_memory(nn, DNNL_MEMORY_NONE, &nn->d_image);
}

static const nn_tensor_t *source_of(const exset_nn_t *nn, int s) {
  return s > 0 ? nn_stage_output(&nn->stage[s - 1]) : &nn->image;
}

/* Layouts of all stages; then every stage has its place in the flat arrays: weights, bias. */
static int plan(exset_nn_t *nn, dnnl_primitive_desc_t *hint) {
  for (int s = 0; s < nn->n_stages; s++) {
    nn_stage_t *stage = &nn->stage[s];
    EXSET_TRY(nn_stage_plan(nn, stage, source_of(nn, s), &hint[s]));
    const int64_t weights = nn_round_up(stage->padded), bias = nn_round_up(stage->out[0]);
    stage->at_weights = nn->size;
    stage->at_bias = nn->size + weights;
    nn->size += weights + bias;
    if (nn->scratch_size < weights + bias) nn->scratch_size = weights + bias;
  }
  return EXSET_OK;
}

static int make_spectral(exset_nn_t *nn, nn_stage_t *stage) {
  nn_spectral_t *s = &stage->spectral;
  s->rows = stage->out[0];
  s->cols = stage->n_weights / s->rows;
  EXSET_TRY(exset_alloc(nn->ctx, s->rows, sizeof *s->u, &s->u));
  EXSET_TRY(exset_alloc(nn->ctx, s->cols, sizeof *s->v, &s->v));
  if (nn->effective) return EXSET_OK;
  return exset_alloc(nn->ctx, nn->size, sizeof *nn->effective, &nn->effective);
}

static int make_arrays(exset_nn_t *nn) {
  exset_ctx_t *ctx = nn->ctx;
  int64_t most = 0;
  EXSET_TRY(exset_alloc(ctx, nn->size, sizeof(float), &nn->parameter));
  EXSET_TRY(exset_alloc(ctx, nn->size, sizeof(float), &nn->gradient));
  EXSET_TRY(exset_alloc(ctx, nn->size, sizeof(float), &nn->moment1));
  EXSET_TRY(exset_alloc(ctx, nn->size, sizeof(float), &nn->moment2));
  EXSET_TRY(exset_alloc(ctx, 2 * nn->scratch_size, sizeof(float), &nn->scratch));
  for (int s = 0; s < nn->n_stages; s++) {
    nn_stage_t *stage = &nn->stage[s];
    if (most < stage->n_weights) most = stage->n_weights;
    if (stage->layer.spectral) EXSET_TRY(make_spectral(nn, stage));
  }
  return exset_alloc(ctx, most, sizeof(float), &nn->canonical);
}

static int build(exset_nn_t *nn, const dnnl_primitive_desc_t *hint) {
  for (int s = 0; s < nn->n_stages; s++) {
    const nn_tensor_t *d_source = s > 0 ? nn_stage_d_output(&nn->stage[s - 1]) : &nn->d_image;
    EXSET_TRY(nn_stage_build(nn, &nn->stage[s], source_of(nn, s), d_source, hint[s]));
  }
  return EXSET_OK;
}

static int set_up(exset_nn_t *nn) {
  dnnl_primitive_desc_t hint[EXSET_NN_MAX_LAYERS] = {NULL};
  int err;
  EXSET_TRY(nn_table_check(nn));
  EXSET_TRY(make_engine(nn));
  EXSET_TRY(make_images(nn));
  EXSET_TRY_GOTO(err, done, plan(nn, hint));
  EXSET_TRY_GOTO(err, done, make_arrays(nn));
  err = build(nn, hint);
done:
  for (int s = 0; s < nn->n_stages; s++)
    if (hint[s]) dnnl_primitive_desc_destroy(hint[s]);
  return err;
}

int exset_nn_create(exset_ctx_t *ctx, const int input[3], int batch, int n_layers,
                    const exset_nn_layer_t *layer, uint64_t seed, uint32_t network,
                    exset_nn_t **nn_out) {
  exset_nn_t *nn;
  *nn_out = NULL;
  if (n_layers < 1 || n_layers > EXSET_NN_MAX_LAYERS)
    return exset_fail(ctx, EXSET_ERR_INPUT, "network of %d layers, allowed are 1 to %d", n_layers,
                      EXSET_NN_MAX_LAYERS);
  EXSET_TRY(exset_alloc(ctx, 1, sizeof *nn, &nn));
  nn->ctx = ctx;
  nn->batch = batch;
  nn->n_layers = n_layers;
  memcpy(nn->input, input, sizeof nn->input);
  memcpy(nn->layer, layer, (size_t)n_layers * sizeof *layer);
  const int threads = nn_threads_one();
  int err = set_up(nn);
  if (!err) err = nn_initialise(nn, seed, network);
  nn_threads_restore(threads);
  if (err) exset_nn_destroy(&nn);
  *nn_out = nn;
  return err;
}

static void clear_stages(exset_nn_t *nn) {
  for (int s = 0; s < nn->n_stages; s++) {
    nn_stage_clear(&nn->stage[s]);
    free(nn->stage[s].spectral.u);
    free(nn->stage[s].spectral.v);
  }
}

int exset_nn_destroy(exset_nn_t **nn_at) {
  exset_nn_t *nn = *nn_at;
  if (!nn) return EXSET_OK;
  clear_stages(nn);
  nn_tensor_clear(&nn->image);
  nn_tensor_clear(&nn->d_image);
  if (nn->stream) dnnl_stream_destroy(nn->stream);
  if (nn->engine) dnnl_engine_destroy(nn->engine);
  float *array[] = {nn->parameter, nn->gradient, nn->moment1,  nn->moment2,
                    nn->effective, nn->scratch,  nn->canonical};
  for (size_t i = 0; i < sizeof array / sizeof *array; i++) free(array[i]);
  free(nn);
  *nn_at = NULL;
  return EXSET_OK;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

int exset_nn_outputs(const exset_nn_t *nn) {
  return nn->stage[nn->n_stages - 1].out[0];
}

int64_t exset_nn_size(const exset_nn_t *nn) {
  return nn->size;
}

int64_t exset_nn_parameters(const exset_nn_t *nn) {
  return nn->n_parameters;
}

double exset_nn_flops(const exset_nn_t *nn) {
  double flops = 0;
  for (int s = 0; s < nn->n_stages; s++)
    flops += 2.0 * (double)nn->stage[s].n_weights * nn->stage[s].out[1] * nn->stage[s].out[2];
  return flops * nn->batch;
}

float *exset_nn_gradient(exset_nn_t *nn) {
  nn->clean = false; /* the caller may write to it */
  return nn->gradient;
}

void exset_nn_zero(exset_nn_t *nn) {
  memset(nn->gradient, 0, (size_t)nn->size * sizeof *nn->gradient);
  nn->clean = true;
}

void nn_parameters_changed(exset_nn_t *nn) {
  nn->stale = true;
  nn->ready = false;
  for (int s = 0; s < nn->n_stages; s++) nn->stage[s].by_data_stale = true;
}

/* ---- passes ---------------------------------------------------------------------------------- */

static size_t tensor_bytes(const nn_tensor_t *tensor) {
  return dnnl_memory_desc_get_size(&tensor->desc);
}

static int run_forward(exset_nn_t *nn, bool update) {
  EXSET_TRY(nn_spectral_update(nn, update));
  for (int s = 0; s < nn->n_stages; s++) EXSET_TRY(nn_stage_forward(nn, &nn->stage[s]));
  nn->ready = true;
  return EXSET_OK;
}

int exset_nn_forward(exset_nn_t *nn, const float *image, bool update, float *score) {
  const nn_tensor_t *value = &nn->stage[nn->n_stages - 1].value;
  memcpy(nn_data(&nn->image), image, tensor_bytes(&nn->image));
  const int threads = nn_threads_one();
  const int err = run_forward(nn, update);
  nn_threads_restore(threads);
  if (err) return err;
  memcpy(score, nn_data(value), tensor_bytes(value));
  return EXSET_OK;
}

static int run_backward(exset_nn_t *nn, bool weights, bool images) {
  for (int s = nn->n_stages - 1; s >= 0; s--) {
    nn_stage_t *stage = &nn->stage[s];
    EXSET_TRY(nn_op_run(nn, &stage->average_backward));
    EXSET_TRY(nn_op_run(nn, &stage->activation));
    if (weights) EXSET_TRY(nn_stage_by_weights(nn, stage, nn->clean));
    if (s > 0 || images) EXSET_TRY(nn_stage_by_data(nn, stage));
  }
  if (weights) nn->clean = false;
  return EXSET_OK;
}

int exset_nn_backward(exset_nn_t *nn, const float *d_score, bool weights, float *d_image) {
  const nn_tensor_t *d_value = &nn->stage[nn->n_stages - 1].d_value;
  if (!nn->ready)
    return exset_fail(nn->ctx, EXSET_ERR_LOCAL,
                      "network: backward pass without a forward pass with the same parameters");
  memcpy(nn_data(d_value), d_score, tensor_bytes(d_value));
  if (d_image) EXSET_TRY(nn_point(nn, &nn->d_image, d_image));
  const int threads = nn_threads_one();
  const int err = run_backward(nn, weights, d_image != NULL);
  nn_threads_restore(threads);
  return err;
}
