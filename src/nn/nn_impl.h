/* Inside of nn: networks as stages of oneDNN primitives. */
#ifndef EXSET_NN_IMPL_H
#define EXSET_NN_IMPL_H

#include "exset/nn.h"

#include <dnnl.h>

#if DNNL_VERSION_MAJOR != 2
#error "exset needs oneDNN 2.x, 2.6 or later: oneDNN 3 has no operation descriptors (see README.md)"
#endif

enum { NN_ALIGN = 16 /* floats: slices of the flat arrays begin at multiples of 64 bytes */ };

/* A layout and, once made, the memory behind it. */
typedef struct {
  dnnl_memory_desc_t desc;
  dnnl_memory_t memory;
} nn_tensor_t;

/* A primitive with its arguments; primitive NULL: nothing to do. */
typedef struct {
  dnnl_primitive_t primitive;
  int n;
  dnnl_exec_arg_t arg[6];
} nn_op_t;

/* One pass of a stage: its main primitive between reorders for what comes in another layout than the primitive
 * wants (which the choice of layouts avoids wherever it can). */
typedef struct {
  nn_op_t before[2], main, after;
  nn_tensor_t own[3]; /* where the reorders before put their results, and where main puts its own */
} nn_pass_t;

/* Vectors and canonical weights of spectral normalisation; u, v: unit, of length rows and cols. */
typedef struct {
  int64_t rows, cols;
  float *u, *v;
  float sigma;
} nn_spectral_t;

/* A convolution as an inner product: its source and patches, channels fastest; views of the stage's value. */
typedef struct {
  nn_tensor_t source, d_source; /* [image][row][col][in] */
  nn_tensor_t rows, d_rows;     /* [image, output row, col][kernel][kernel][in] */
  nn_tensor_t value, d_value;   /* [image, output row, col][out] */
  nn_op_t fetch, store;         /* from the stage before, and back to it */
} nn_patches_t;

/* A convolution or inner product, and the activation behind it, if any. */
typedef struct {
  exset_nn_layer_t layer;
  int number;  /* in the table */
  bool active; /* a leaky ReLU follows: part of the forward primitive; */
  float slope; /* its slope */
  bool mean;   /* and then the mean over rows and columns */
  int in[3], out[3];
  int64_t n_weights, n_parameters; /* canonical */
  int64_t at_weights, padded,
      at_bias;                    /* in the flat arrays; padded: numbers of the weights there */
  int64_t at_canonical;           /* in the canonical order */
  nn_tensor_t canonical;          /* weights [out][in][kernel][kernel]; memory without data */
  nn_tensor_t flat;               /* weights in the inner layout; memory without data */
  nn_tensor_t weights, bias;      /* what the primitives use */
  nn_tensor_t value, d_value;     /* output, behind the activation; and its gradient */
  nn_tensor_t average, d_average; /* behind the mean, if any; and its gradient */
  nn_tensor_t d_weights, d_bias;  /* of one backward pass, in the scratch array */
  nn_tensor_t g_weights, g_bias;  /* the sum over the passes, in the gradient array */
  nn_pass_t forward, by_weights, by_data;
  nn_op_t activation, average_forward, average_backward, pack, unpack;
  bool by_data_stale; /* by_data's own copy of the weights is older than they are */
  bool by_patches;
  nn_patches_t patches;
  nn_spectral_t spectral;
} nn_stage_t;

struct exset_nn_s {
  exset_ctx_t *ctx;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  int batch, input[3];
  int n_layers;
  exset_nn_layer_t layer[EXSET_NN_MAX_LAYERS];
  int n_stages;
  nn_stage_t stage[EXSET_NN_MAX_LAYERS];
  nn_tensor_t image, d_image; /* canonical; d_image: memory without data */
  int64_t size, n_parameters;
  float *parameter, *gradient, *moment1, *moment2;
  float
      *effective; /* weights over sigma in the inner layout; NULL without spectral normalisation */
  float *
      scratch; /* twice the weights and bias of one stage, inner layout: d_weights and d_bias; work */
  float *canonical; /* weights of one stage, canonical */
  int64_t scratch_size;
  int64_t steps; /* of Adam */
  bool stale;    /* parameters have changed since effective was computed */
  bool clean;    /* the gradient array is 0: the next backward pass writes it instead of adding */
  bool ready;    /* forward has run with the present parameters: backward may */
};

/* Checked oneDNN call: an int error code to be used with EXSET_TRY or EXSET_TRY_GOTO. */
#define EXSET_DNN(ctx, call) nn_check((ctx), (call), __FILE__, __LINE__)
int nn_check(exset_ctx_t *ctx, dnnl_status_t status, const char *file, int line);

/**
 * oneDNN on one thread: nn_threads_one sets the number of OpenMP threads to 1 and returns what it was, for
 * nn_threads_restore. Around everything that creates or runs primitives.
 */
int nn_threads_one(void);
void nn_threads_restore(int threads);

static inline bool nn_same(const nn_tensor_t *a, const nn_tensor_t *b) {
  return dnnl_memory_desc_equal(&a->desc, &b->desc);
}
static inline int64_t nn_round_up(int64_t count) {
  return (count + NN_ALIGN - 1) / NN_ALIGN * NN_ALIGN;
}

/* Layouts: dims of images [batch][shape], any or plain. */
int nn_layout(exset_nn_t *nn, int n_dims, const int64_t *dims, bool any, nn_tensor_t *tensor);
/* Memory at data, or DNNL_MEMORY_ALLOCATE, or DNNL_MEMORY_NONE. */
int nn_memory(exset_nn_t *nn, void *data, nn_tensor_t *tensor);
float *nn_data(const nn_tensor_t *tensor);
int nn_point(exset_nn_t *nn, nn_tensor_t *tensor, const float *data);
/* The layout that a primitive wants for what; primitive from its descriptor. */
int nn_wanted(exset_nn_t *nn, const_dnnl_primitive_desc_t pd, dnnl_query_t what,
              nn_tensor_t *tensor);
int nn_op_create(exset_nn_t *nn, const_dnnl_primitive_desc_t pd, nn_op_t *op);
void nn_op_argument(nn_op_t *op, int which, const nn_tensor_t *tensor);
int nn_op_reorder(exset_nn_t *nn, const nn_tensor_t *from, const nn_tensor_t *to, nn_op_t *op);
int nn_op_run(exset_nn_t *nn, const nn_op_t *op);
/* As nn_op_run with another tensor in the place of one that the operation was made with. */
int nn_op_run_with(exset_nn_t *nn, const nn_op_t *op, const nn_tensor_t *place[],
                   const nn_tensor_t *other[], int n);
void nn_op_clear(nn_op_t *op);
void nn_tensor_clear(nn_tensor_t *tensor);

/* Sizes from the table: stages with their shapes. Errors: EXSET_ERR_INPUT. */
int nn_table_check(exset_nn_t *nn);
/* Primitives: forward (layouts follow from them), then, with the flat arrays there, the rest. */
int nn_stage_plan(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                  dnnl_primitive_desc_t *hint);
int nn_stage_build(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                   const nn_tensor_t *d_source, const_dnnl_primitive_desc_t hint);
void nn_stage_clear(nn_stage_t *stage);
/* What the next stage reads, and its gradient. */
static inline const nn_tensor_t *nn_stage_output(const nn_stage_t *stage) {
  return stage->mean ? &stage->average : &stage->value;
}
static inline const nn_tensor_t *nn_stage_d_output(const nn_stage_t *stage) {
  return stage->mean ? &stage->d_average : &stage->d_value;
}
int nn_stage_forward(exset_nn_t *nn, nn_stage_t *stage);
int nn_stage_by_weights(exset_nn_t *nn, nn_stage_t *stage, bool clean);
int nn_stage_by_data(exset_nn_t *nn, nn_stage_t *stage);

/* Convolutions as inner products: is it worth it; layouts, primitives, and what goes before and after those of the stage. */
bool nn_patches_fit(const nn_stage_t *stage);
int nn_patches_plan(exset_nn_t *nn, nn_stage_t *stage);
int nn_patches_build(exset_nn_t *nn, nn_stage_t *stage, const nn_tensor_t *source,
                     const nn_tensor_t *d_source);
void nn_patches_clear(nn_patches_t *p);
int nn_patches_gather(exset_nn_t *nn, nn_stage_t *stage);
int nn_patches_scatter(exset_nn_t *nn, nn_stage_t *stage);

/* A stage's weights between the inner layout and canonical order. */
int nn_weights_unpack(exset_nn_t *nn, nn_stage_t *stage, const float *flat, float *canonical);
int nn_weights_pack(exset_nn_t *nn, nn_stage_t *stage, const float *canonical, float *flat);

/* After any change of the parameters. */
void nn_parameters_changed(exset_nn_t *nn);

/* Initial parameters and spectral vectors. */
int nn_initialise(exset_nn_t *nn, uint64_t seed, uint32_t network);

/* Effective weights of all spectral stages: a power iteration first if asked for. */
int nn_spectral_update(exset_nn_t *nn, bool iterate);
/* d_weights (of the effective weights) becomes the gradient by the weights themselves. */
int nn_spectral_gradient(exset_nn_t *nn, nn_stage_t *stage);

/* Loops. Sums are in 16 parts, in the same order on every instruction set. */
void nn_add(int64_t n, const float *from, float *to);
void nn_axpy(int64_t n, float a, const float *x, float *y);
void nn_scale(int64_t n, float a, const float *x, float *y);
float nn_dot(int64_t n, const float *x, const float *y);

#endif
