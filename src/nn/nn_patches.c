/*
 * Convolutions with few output pixels as inner products over the patches they see: one row for each output pixel of
 * each image, [kernel][kernel][in]. Direct kernels work along a row of output pixels; with four of them they reach 60 % of
 * the speed of the matrix product over all images (doc/performance.md).
 */
#include "nn_impl.h"

#include <string.h>

bool nn_patches_fit(const nn_stage_t *stage) {
  enum { FEW_PIXELS = 4, CHANNELS = 16 }; /* channels: what is copied at once */
  return stage->layer.kind == EXSET_NN_CONV && stage->out[2] <= FEW_PIXELS &&
         stage->in[0] >= CHANNELS;
}

/* Channels fastest. */
static int channels_last(exset_nn_t *nn, const dnnl_dims_t dims, nn_tensor_t *tensor) {
  return EXSET_DNN(nn->ctx,
                   dnnl_memory_desc_init_by_tag(&tensor->desc, 4, dims, dnnl_f32, dnnl_nhwc));
}

static int64_t rows_of(const exset_nn_t *nn, const nn_stage_t *stage) {
  return (int64_t)nn->batch * stage->out[1] * stage->out[2];
}

int nn_patches_plan(exset_nn_t *nn, nn_stage_t *stage) {
  nn_patches_t *p = &stage->patches;
  const int64_t kernel = stage->layer.kernel;
  const dnnl_dims_t source = {nn->batch, stage->in[0], stage->in[1], stage->in[2]};
  const dnnl_dims_t rows = {rows_of(nn, stage), stage->in[0], kernel, kernel};
  const dnnl_dims_t value = {nn->batch, stage->out[0], stage->out[1], stage->out[2]};
  const dnnl_dims_t view = {rows[0], stage->out[0]};
  EXSET_TRY(channels_last(nn, source, &p->source));
  EXSET_TRY(channels_last(nn, rows, &p->rows));
  EXSET_TRY(channels_last(nn, value, &stage->value));
  EXSET_TRY(nn_layout(nn, 2, view, false, &p->value));
  p->d_source.desc = p->source.desc;
  p->d_rows.desc = p->rows.desc;
  p->d_value.desc = p->value.desc;
  return EXSET_OK;
}

int nn_patches_build(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                     const nn_tensor_t *d_source) {
  nn_patches_t *p = &stage->patches;
  nn_tensor_t *own[] = {&p->source, &p->d_source, &p->rows, &p->d_rows};
  for (int i = 0; i < 4; i++) EXSET_TRY(nn_memory(nn, DNNL_MEMORY_ALLOCATE, own[i]));
  EXSET_TRY(nn_memory(nn, nn_data(&stage->value), &p->value));
  EXSET_TRY(nn_memory(nn, nn_data(&stage->d_value), &p->d_value));
  EXSET_TRY(nn_op_reorder(nn, source, &p->source, &p->fetch));
  return nn_op_reorder(nn, &p->d_source, d_source, &p->store);
}

void nn_patches_clear(nn_patches_t *p) {
  nn_tensor_t *tensor[] = {&p->source, &p->d_source, &p->rows, &p->d_rows, &p->value, &p->d_value};
  for (int i = 0; i < 6; i++) nn_tensor_clear(tensor[i]);
  nn_op_clear(&p->fetch);
  nn_op_clear(&p->store);
}

/* Where in its image a place of a patch lies: -1 in the padding, else its offset in numbers. */
static int64_t place(const nn_stage_t *stage, int row, int col, int i, int j) {
  const int y = row * stage->layer.stride - stage->layer.pad + i;
  const int x = col * stage->layer.stride - stage->layer.pad + j;
  if (y < 0 || y >= stage->in[1] || x < 0 || x >= stage->in[2]) return -1;
  return ((int64_t)y * stage->in[2] + x) * stage->in[0];
}

/* Channels at one place of a patch, to or from the image. */
typedef void move_t(int64_t channels, float *patch, float *image);

static void copy_in(int64_t channels, float *patch, float *image) {
  if (image) memcpy(patch, image, (size_t)channels * sizeof *patch);
  else memset(patch, 0, (size_t)channels * sizeof *patch);
}

static void add_out(int64_t channels, float *patch, float *image) {
  if (image) nn_add(channels, patch, image);
}

static void each_place(const nn_stage_t *stage, move_t *move, float *image, float **patch) {
  const int kernel = stage->layer.kernel;
  for (int row = 0; row < stage->out[1]; row++)
    for (int col = 0; col < stage->out[2]; col++)
      for (int i = 0; i < kernel; i++)
        for (int j = 0; j < kernel; j++, *patch += stage->in[0]) {
          const int64_t at = place(stage, row, col, i, j);
          move(stage->in[0], *patch, at < 0 ? NULL : image + at);
        }
}

static void each_image(const exset_nn_t *nn, const nn_stage_t *stage, move_t *move, float *image,
                       float *patch) {
  const int64_t numbers = (int64_t)stage->in[0] * stage->in[1] * stage->in[2];
  for (int b = 0; b < nn->batch; b++) each_place(stage, move, image + b * numbers, &patch);
}

int nn_patches_gather(exset_nn_t *nn, nn_stage_t *stage) {
  nn_patches_t *p = &stage->patches;
  EXSET_TRY(nn_op_run(nn, &p->fetch));
  each_image(nn, stage, copy_in, nn_data(&p->source), nn_data(&p->rows));
  return EXSET_OK;
}

int nn_patches_scatter(exset_nn_t *nn, nn_stage_t *stage) {
  nn_patches_t *p = &stage->patches;
  float *image = nn_data(&p->d_source);
  memset(image, 0, dnnl_memory_desc_get_size(&p->d_source.desc));
  each_image(nn, stage, add_out, image, nn_data(&p->d_rows));
  return nn_op_run(nn, &p->store);
}
