/* The primitives of a stage: convolution or inner product, with its activation. */
#include "nn_impl.h"

#include <string.h>

typedef union {
  dnnl_convolution_desc_t conv;
  dnnl_inner_product_desc_t dense;
} op_desc_t;

/* Layouts that a primitive is asked for; the same names serve for gradients. */
typedef struct {
  nn_tensor_t source, weights, bias, value;
} wish_t;

/* ---- descriptors ----------------------------------------------------------------------------- */

/* By a convolution primitive; else by an inner product. */
static bool is_direct(const nn_stage_t *stage) {
  return stage->layer.kind == EXSET_NN_CONV && !stage->by_patches;
}

/* The value as the primitives see it. */
static const nn_tensor_t *value_of(const nn_stage_t *stage) {
  return stage->by_patches ? &stage->patches.value : &stage->value;
}

static const nn_tensor_t *d_value_of(const nn_stage_t *stage) {
  return stage->by_patches ? &stage->patches.d_value : &stage->d_value;
}

static int describe_conv(exset_nn_t *nn, const nn_stage_t *stage, dnnl_prop_kind_t kind,
                         const wish_t *w, dnnl_convolution_desc_t *desc) {
  const dnnl_alg_kind_t direct = dnnl_convolution_direct;
  const dnnl_dims_t stride = {stage->layer.stride, stage->layer.stride};
  const dnnl_dims_t pad = {stage->layer.pad, stage->layer.pad};
  dnnl_status_t status;
  if (kind == dnnl_forward_training)
    status =
        dnnl_convolution_forward_desc_init(desc, kind, direct, &w->source.desc, &w->weights.desc,
                                           &w->bias.desc, &w->value.desc, stride, pad, pad);
  else if (kind == dnnl_backward_weights)
    status = dnnl_convolution_backward_weights_desc_init(desc, direct, &w->source.desc,
                                                         &w->weights.desc, &w->bias.desc,
                                                         &w->value.desc, stride, pad, pad);
  else
    status = dnnl_convolution_backward_data_desc_init(
        desc, direct, &w->source.desc, &w->weights.desc, &w->value.desc, stride, pad, pad);
  return EXSET_DNN(nn->ctx, status);
}

static int describe_dense(exset_nn_t *nn, dnnl_prop_kind_t kind, const wish_t *w,
                          dnnl_inner_product_desc_t *desc) {
  dnnl_status_t status;
  if (kind == dnnl_forward_training)
    status = dnnl_inner_product_forward_desc_init(desc, kind, &w->source.desc, &w->weights.desc,
                                                  &w->bias.desc, &w->value.desc);
  else if (kind == dnnl_backward_weights)
    status = dnnl_inner_product_backward_weights_desc_init(desc, &w->source.desc, &w->weights.desc,
                                                           &w->bias.desc, &w->value.desc);
  else
    status = dnnl_inner_product_backward_data_desc_init(desc, &w->source.desc, &w->weights.desc,
                                                        &w->value.desc);
  return EXSET_DNN(nn->ctx, status);
}

static int describe(exset_nn_t *nn, const nn_stage_t *stage, dnnl_prop_kind_t kind,
                    const wish_t *wish, op_desc_t *desc) {
  if (is_direct(stage)) return describe_conv(nn, stage, kind, wish, &desc->conv);
  return describe_dense(nn, kind, wish, &desc->dense);
}

/* The activation as the last operation of the forward primitive. */
static int fused_activation(exset_nn_t *nn, const nn_stage_t *stage, dnnl_primitive_attr_t *attr) {
  dnnl_post_ops_t ops = NULL;
  EXSET_TRY(EXSET_DNN(nn->ctx, dnnl_primitive_attr_create(attr)));
  if (!stage->active) return EXSET_OK;
  int err = EXSET_DNN(nn->ctx, dnnl_post_ops_create(&ops));
  if (err) return err;
  err = EXSET_DNN(nn->ctx,
                  dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, stage->slope, 0.0f));
  if (!err) err = EXSET_DNN(nn->ctx, dnnl_primitive_attr_set_post_ops(*attr, ops));
  dnnl_post_ops_destroy(ops);
  return err;
}

/*
 * ---- layouts -----------------------------------------------------------------------------------
 *
 * Every primitive is asked for with any layout: for channels that fill its vectors the library then keeps to one from
 * convolution to convolution. Forcing the layout of the stage before can lead to its reference implementation, a hundred times
 * slower (16-blocked input of 6 channels to 12). What differs is reordered.
 */

static int any_layout(exset_nn_t *nn, nn_tensor_t *tensor) {
  return nn_layout(nn, tensor->desc.ndims, tensor->desc.dims, true, tensor);
}

/* After a dense layer there are no pixels left. */
static int weights_dims(const nn_stage_t *stage, const nn_tensor_t *source, int64_t dims[4]) {
  const bool conv = stage->layer.kind == EXSET_NN_CONV;
  dims[0] = stage->out[0];
  dims[1] = stage->in[0];
  dims[2] = conv ? stage->layer.kernel : stage->in[1];
  dims[3] = conv ? stage->layer.kernel : stage->in[2];
  return source->desc.ndims;
}

static int forward_wish(exset_nn_t *nn, const nn_stage_t *stage, const nn_tensor_t *source,
                        wish_t *wish) {
  const int64_t value[4] = {nn->batch, stage->out[0], stage->out[1], stage->out[2]};
  int64_t weights[4];
  const int n_dims = weights_dims(stage, source, weights);
  wish->source = *source;
  wish->value = *value_of(stage);
  if (!stage->by_patches) {
    EXSET_TRY(any_layout(nn, &wish->source));
    EXSET_TRY(nn_layout(nn, is_direct(stage) ? 4 : 2, value, is_direct(stage), &wish->value));
  }
  EXSET_TRY(nn_layout(nn, n_dims, weights, true, &wish->weights));
  return nn_layout(nn, 1, &value[1], false, &wish->bias);
}

/* The mean over all rows and columns: pooling with a window as large as the image. */
static int describe_average(exset_nn_t *nn, const nn_stage_t *stage, dnnl_primitive_desc_t *pd) {
  const dnnl_dims_t window = {stage->out[1], stage->out[2]}, none = {0, 0};
  dnnl_pooling_desc_t desc;
  EXSET_TRY(EXSET_DNN(
      nn->ctx, dnnl_pooling_forward_desc_init(&desc, dnnl_forward_training,
                                              dnnl_pooling_avg_exclude_padding, &stage->value.desc,
                                              &stage->average.desc, window, window, none, none)));
  return EXSET_DNN(nn->ctx, dnnl_primitive_desc_create(pd, &desc, NULL, nn->engine, NULL));
}

/* In the layout that goes with the value's: the library has kernels for equal ones alone, and else falls back on its
 * reference implementation, with which the mean takes longer than the convolutions. */
static int average_layout(exset_nn_t *nn, nn_stage_t *stage) {
  const int64_t average[4] = {nn->batch, stage->out[0], 1, 1};
  dnnl_primitive_desc_t pd = NULL;
  EXSET_TRY(nn_layout(nn, 4, average, true, &stage->average));
  EXSET_TRY(describe_average(nn, stage, &pd));
  const int err = nn_wanted(nn, pd, dnnl_query_dst_md, &stage->average);
  dnnl_primitive_desc_destroy(pd);
  stage->d_average.desc = stage->average.desc;
  return err;
}

static int forward_layouts(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                           const_dnnl_primitive_desc_t pd) {
  int64_t dims[4];
  const int n_dims = weights_dims(stage, source, dims);
  EXSET_TRY(nn_layout(nn, n_dims, dims, false, &stage->canonical));
  EXSET_TRY(nn_wanted(nn, pd, dnnl_query_weights_md, &stage->weights));
  if (!stage->by_patches) EXSET_TRY(nn_wanted(nn, pd, dnnl_query_dst_md, &stage->value));
  stage->flat.desc = stage->d_weights.desc = stage->g_weights.desc = stage->weights.desc;
  stage->d_value.desc = stage->value.desc;
  if (stage->mean) EXSET_TRY(average_layout(nn, stage));
  stage->padded = (int64_t)(dnnl_memory_desc_get_size(&stage->weights.desc) / sizeof(float));
  return EXSET_OK;
}

int nn_stage_plan(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                  dnnl_primitive_desc_t *hint) {
  wish_t wish;
  op_desc_t desc;
  dnnl_primitive_attr_t attr = NULL;
  int err;
  stage->by_patches = nn_patches_fit(stage);
  if (stage->by_patches) {
    EXSET_TRY(nn_patches_plan(nn, stage));
    source = &stage->patches.rows;
  }
  EXSET_TRY(forward_wish(nn, stage, source, &wish));
  stage->bias.desc = stage->d_bias.desc = stage->g_bias.desc = wish.bias.desc;
  EXSET_TRY(describe(nn, stage, dnnl_forward_training, &wish, &desc));
  EXSET_TRY_GOTO(err, done, fused_activation(nn, stage, &attr));
  EXSET_TRY_GOTO(
      err, done,
      EXSET_DNN(nn->ctx, dnnl_primitive_desc_create(hint, &desc, attr, nn->engine, NULL)));
  err = forward_layouts(nn, stage, source, *hint);
done:
  if (attr) dnnl_primitive_attr_destroy(attr);
  return err;
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* An argument that main reads: as it is, or reordered into a copy of the pass. */
static int reads(exset_nn_t *nn, nn_pass_t *pass, int slot, int which, dnnl_query_t query,
                 const nn_tensor_t *tensor) {
  nn_tensor_t *own = &pass->own[slot];
  const_dnnl_primitive_desc_t pd = NULL;
  EXSET_TRY(EXSET_DNN(nn->ctx, dnnl_primitive_get_primitive_desc(pass->main.primitive, &pd)));
  EXSET_TRY(nn_wanted(nn, pd, query, own));
  if (!nn_same(own, tensor)) {
    EXSET_TRY(nn_memory(nn, DNNL_MEMORY_ALLOCATE, own));
    EXSET_TRY(nn_op_reorder(nn, tensor, own, &pass->before[slot]));
    tensor = own;
  }
  nn_op_argument(&pass->main, which, tensor);
  return EXSET_OK;
}

/* The one that main writes: in place, or reordered afterwards. */
static int writes(exset_nn_t *nn, nn_pass_t *pass, int which, dnnl_query_t query,
                  const nn_tensor_t *tensor) {
  nn_tensor_t *own = &pass->own[2];
  const_dnnl_primitive_desc_t pd = NULL;
  EXSET_TRY(EXSET_DNN(nn->ctx, dnnl_primitive_get_primitive_desc(pass->main.primitive, &pd)));
  EXSET_TRY(nn_wanted(nn, pd, query, own));
  if (!nn_same(own, tensor)) {
    EXSET_TRY(nn_memory(nn, DNNL_MEMORY_ALLOCATE, own));
    EXSET_TRY(nn_op_reorder(nn, own, tensor, &pass->after));
    tensor = own;
  }
  nn_op_argument(&pass->main, which, tensor);
  return EXSET_OK;
}

static int build_forward(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                         const_dnnl_primitive_desc_t pd) {
  nn_pass_t *pass = &stage->forward;
  EXSET_TRY(nn_op_create(nn, pd, &pass->main));
  EXSET_TRY(reads(nn, pass, 0, DNNL_ARG_SRC, dnnl_query_src_md, source));
  nn_op_argument(&pass->main, DNNL_ARG_WEIGHTS, &stage->weights);
  nn_op_argument(&pass->main, DNNL_ARG_BIAS, &stage->bias);
  nn_op_argument(&pass->main, DNNL_ARG_DST, value_of(stage));
  return EXSET_OK;
}

static int create_main(exset_nn_t *nn, nn_stage_t *stage, dnnl_prop_kind_t kind, const wish_t *wish,
                       const_dnnl_primitive_desc_t hint, nn_op_t *op) {
  op_desc_t desc;
  dnnl_primitive_desc_t pd = NULL;
  EXSET_TRY(describe(nn, stage, kind, wish, &desc));
  EXSET_TRY(EXSET_DNN(nn->ctx, dnnl_primitive_desc_create(&pd, &desc, NULL, nn->engine, hint)));
  const int err = nn_op_create(nn, pd, op);
  dnnl_primitive_desc_destroy(pd);
  return err;
}

/* Inner products over patches take everything as it is. */
static int backward_wish(exset_nn_t *nn, const nn_stage_t *stage, wish_t *wish) {
  if (stage->by_patches) return EXSET_OK;
  EXSET_TRY(any_layout(nn, &wish->source));
  EXSET_TRY(any_layout(nn, &wish->weights));
  return any_layout(nn, &wish->value);
}

static int build_by_weights(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                            const_dnnl_primitive_desc_t hint) {
  nn_pass_t *pass = &stage->by_weights;
  wish_t wish = {*source, stage->weights, stage->bias, *value_of(stage)};
  EXSET_TRY(backward_wish(nn, stage, &wish));
  EXSET_TRY(create_main(nn, stage, dnnl_backward_weights, &wish, hint, &pass->main));
  EXSET_TRY(reads(nn, pass, 0, DNNL_ARG_SRC, dnnl_query_src_md, source));
  EXSET_TRY(reads(nn, pass, 1, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, d_value_of(stage)));
  EXSET_TRY(writes(nn, pass, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, &stage->d_weights));
  nn_op_argument(&pass->main, DNNL_ARG_DIFF_BIAS, &stage->d_bias);
  return EXSET_OK;
}

static int build_by_data(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *d_source,
                         const_dnnl_primitive_desc_t hint) {
  nn_pass_t *pass = &stage->by_data;
  wish_t wish = {*d_source, stage->weights, stage->bias, *value_of(stage)};
  EXSET_TRY(backward_wish(nn, stage, &wish));
  EXSET_TRY(create_main(nn, stage, dnnl_backward_data, &wish, hint, &pass->main));
  EXSET_TRY(reads(nn, pass, 0, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, &stage->weights));
  EXSET_TRY(reads(nn, pass, 1, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, d_value_of(stage)));
  return writes(nn, pass, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, d_source);
}

/* Backward through the activation, in place; by its output, which has the sign of its input. */
static int build_activation(exset_nn_t *nn, nn_stage_t *stage) {
  const dnnl_alg_kind_t kind = dnnl_eltwise_relu_use_dst_for_bwd;
  dnnl_eltwise_desc_t forward, backward;
  dnnl_primitive_desc_t hint = NULL, pd = NULL;
  nn_op_t *op = &stage->activation;
  int err;
  EXSET_TRY(
      EXSET_DNN(nn->ctx, dnnl_eltwise_forward_desc_init(&forward, dnnl_forward_training, kind,
                                                        &stage->value.desc, stage->slope, 0.0f)));
  EXSET_TRY(
      EXSET_DNN(nn->ctx, dnnl_eltwise_backward_desc_init(&backward, kind, &stage->d_value.desc,
                                                         &stage->value.desc, stage->slope, 0.0f)));
  EXSET_TRY(
      EXSET_DNN(nn->ctx, dnnl_primitive_desc_create(&hint, &forward, NULL, nn->engine, NULL)));
  err = EXSET_DNN(nn->ctx, dnnl_primitive_desc_create(&pd, &backward, NULL, nn->engine, hint));
  dnnl_primitive_desc_destroy(hint);
  if (err) return err;
  err = nn_op_create(nn, pd, op);
  dnnl_primitive_desc_destroy(pd);
  if (err) return err;
  nn_op_argument(op, DNNL_ARG_DST, &stage->value);
  nn_op_argument(op, DNNL_ARG_DIFF_DST, &stage->d_value);
  nn_op_argument(op, DNNL_ARG_DIFF_SRC, &stage->d_value);
  return EXSET_OK;
}

static int describe_average_backward(exset_nn_t *nn, const nn_stage_t *stage,
                                     const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd) {
  const dnnl_dims_t window = {stage->out[1], stage->out[2]}, none = {0, 0};
  dnnl_pooling_desc_t desc;
  EXSET_TRY(EXSET_DNN(nn->ctx, dnnl_pooling_backward_desc_init(
                                   &desc, dnnl_pooling_avg_exclude_padding, &stage->d_value.desc,
                                   &stage->d_average.desc, window, window, none, none)));
  return EXSET_DNN(nn->ctx, dnnl_primitive_desc_create(pd, &desc, NULL, nn->engine, hint));
}

static int build_average(exset_nn_t *nn, nn_stage_t *stage) {
  dnnl_primitive_desc_t hint = NULL, pd = NULL;
  EXSET_TRY(nn_memory(nn, DNNL_MEMORY_ALLOCATE, &stage->average));
  EXSET_TRY(nn_memory(nn, DNNL_MEMORY_ALLOCATE, &stage->d_average));
  int err = describe_average(nn, stage, &hint);
  if (!err) err = describe_average_backward(nn, stage, hint, &pd);
  if (!err) err = nn_op_create(nn, hint, &stage->average_forward);
  if (!err) err = nn_op_create(nn, pd, &stage->average_backward);
  if (hint) dnnl_primitive_desc_destroy(hint);
  if (pd) dnnl_primitive_desc_destroy(pd);
  if (err) return err;
  nn_op_argument(&stage->average_forward, DNNL_ARG_SRC, &stage->value);
  nn_op_argument(&stage->average_forward, DNNL_ARG_DST, &stage->average);
  nn_op_argument(&stage->average_backward, DNNL_ARG_DIFF_DST, &stage->d_average);
  nn_op_argument(&stage->average_backward, DNNL_ARG_DIFF_SRC, &stage->d_value);
  return EXSET_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int make_memories(exset_nn_t *nn, nn_stage_t *stage) {
  float *weights = stage->layer.spectral ? nn->effective : nn->parameter;
  EXSET_TRY(nn_memory(nn, DNNL_MEMORY_NONE, &stage->canonical));
  EXSET_TRY(nn_memory(nn, DNNL_MEMORY_NONE, &stage->flat));
  EXSET_TRY(nn_memory(nn, weights + stage->at_weights, &stage->weights));
  EXSET_TRY(nn_memory(nn, nn->parameter + stage->at_bias, &stage->bias));
  EXSET_TRY(nn_memory(nn, nn->scratch, &stage->d_weights));
  EXSET_TRY(nn_memory(nn, nn->scratch + nn_round_up(stage->padded), &stage->d_bias));
  EXSET_TRY(nn_memory(nn, nn->gradient + stage->at_weights, &stage->g_weights));
  EXSET_TRY(nn_memory(nn, nn->gradient + stage->at_bias, &stage->g_bias));
  EXSET_TRY(nn_memory(nn, DNNL_MEMORY_ALLOCATE, &stage->value));
  return nn_memory(nn, DNNL_MEMORY_ALLOCATE, &stage->d_value);
}

int nn_stage_build(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                   const nn_tensor_t *d_source, const_dnnl_primitive_desc_t hint) {
  EXSET_TRY(make_memories(nn, stage));
  if (stage->by_patches) {
    EXSET_TRY(nn_patches_build(nn, stage, source, d_source));
    source = &stage->patches.rows;
    d_source = &stage->patches.d_rows;
  }
  EXSET_TRY(build_forward(nn, stage, source, hint));
  const nn_tensor_t *used = stage->forward.own[0].memory ? &stage->forward.own[0] : source;
  EXSET_TRY(build_by_weights(nn, stage, used, hint));
  EXSET_TRY(build_by_data(nn, stage, d_source, hint));
  if (stage->active) EXSET_TRY(build_activation(nn, stage));
  if (stage->mean) EXSET_TRY(build_average(nn, stage));
  EXSET_TRY(nn_op_reorder(nn, &stage->canonical, &stage->flat, &stage->pack));
  return nn_op_reorder(nn, &stage->flat, &stage->canonical, &stage->unpack);
}

static void pass_clear(nn_pass_t *pass) {
  for (int i = 0; i < 2; i++) nn_op_clear(&pass->before[i]);
  nn_op_clear(&pass->main);
  nn_op_clear(&pass->after);
  for (int i = 0; i < 3; i++) nn_tensor_clear(&pass->own[i]);
}

void nn_stage_clear(nn_stage_t *stage) {
  nn_tensor_t *tensor[] = {&stage->canonical, &stage->flat,    &stage->weights,
                           &stage->bias,      &stage->value,   &stage->d_value,
                           &stage->d_weights, &stage->d_bias,  &stage->g_weights,
                           &stage->g_bias,    &stage->average, &stage->d_average};
  nn_patches_clear(&stage->patches);
  pass_clear(&stage->forward);
  pass_clear(&stage->by_weights);
  pass_clear(&stage->by_data);
  nn_op_clear(&stage->activation);
  nn_op_clear(&stage->average_forward);
  nn_op_clear(&stage->average_backward);
  nn_op_clear(&stage->pack);
  nn_op_clear(&stage->unpack);
  for (size_t i = 0; i < sizeof tensor / sizeof *tensor; i++) nn_tensor_clear(tensor[i]);
}

/* ---- running --------------------------------------------------------------------------------- */

int nn_stage_forward(exset_nn_t *nn, nn_stage_t *stage) {
  if (stage->by_patches) EXSET_TRY(nn_patches_gather(nn, stage));
  EXSET_TRY(nn_op_run(nn, &stage->forward.before[0]));
  EXSET_TRY(nn_op_run(nn, &stage->forward.main));
  return nn_op_run(nn, &stage->average_forward);
}

/* The pass with its results at g_... instead of d_... */
static int run_into_gradient(exset_nn_t *nn, nn_stage_t *stage) {
  const nn_pass_t *pass = &stage->by_weights;
  const nn_tensor_t *place[] = {&stage->d_weights, &stage->d_bias};
  const nn_tensor_t *other[] = {&stage->g_weights, &stage->g_bias};
  EXSET_TRY(nn_op_run_with(nn, &pass->main, place, other, 2));
  return nn_op_run_with(nn, &pass->after, place, other, 2);
}

static int run_and_add(exset_nn_t *nn, nn_stage_t *stage) {
  const nn_pass_t *pass = &stage->by_weights;
  EXSET_TRY(nn_op_run(nn, &pass->main));
  EXSET_TRY(nn_op_run(nn, &pass->after));
  if (stage->layer.spectral) EXSET_TRY(nn_spectral_gradient(nn, stage));
  nn_add(stage->padded, nn->scratch, nn->gradient + stage->at_weights);
  nn_add(stage->out[0], nn->scratch + nn_round_up(stage->padded), nn->gradient + stage->at_bias);
  return EXSET_OK;
}

int nn_stage_by_weights(exset_nn_t *nn, nn_stage_t *stage, bool clean) {
  EXSET_TRY(nn_op_run(nn, &stage->by_weights.before[0]));
  EXSET_TRY(nn_op_run(nn, &stage->by_weights.before[1]));
  if (clean && !stage->layer.spectral) return run_into_gradient(nn, stage);
  return run_and_add(nn, stage);
}

int nn_stage_by_data(exset_nn_t *nn, nn_stage_t *stage) {
  const nn_pass_t *pass = &stage->by_data;
  if (stage->by_data_stale) EXSET_TRY(nn_op_run(nn, &pass->before[0]));
  stage->by_data_stale = false;
  EXSET_TRY(nn_op_run(nn, &pass->before[1]));
  EXSET_TRY(nn_op_run(nn, &pass->main));
  EXSET_TRY(nn_op_run(nn, &pass->after));
  return stage->by_patches ? nn_patches_scatter(nn, stage) : EXSET_OK;
}

int nn_weights_unpack(exset_nn_t *nn, nn_stage_t *stage, const float *flat, float *canonical) {
  EXSET_TRY(nn_point(nn, &stage->flat, flat));
  EXSET_TRY(nn_point(nn, &stage->canonical, canonical));
  return nn_op_run(nn, &stage->unpack);
}

int nn_weights_pack(exset_nn_t *nn, nn_stage_t *stage, const float *canonical, float *flat) {
  EXSET_TRY(nn_point(nn, &stage->canonical, canonical));
  EXSET_TRY(nn_point(nn, &stage->flat, flat));
  return nn_op_run(nn, &stage->pack);
}
