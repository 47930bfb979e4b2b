/*
 * Tables that make no network: the error names the layer. Initial weights: their spread, the same on all ranks and for all batches, others
 * for other seeds and networks. Spectral normalisation: sigma of the weights in use is 1. Threads: OpenMP's number stays as it was.
 * test: np="1 2"
 */
#include "test.h"
#include "test_nn_naive.h"

#include <dlfcn.h>
#include <stdio.h>

#define CONV(channels, kernel, stride, pad) \
  { EXSET_NN_CONV, channels, kernel, stride, pad, 0, false }
#define DENSE(channels) \
  { EXSET_NN_DENSE, channels, 0, 0, 0, 0, false }
#define RELU(slope) \
  { EXSET_NN_LEAKY_RELU, 0, 0, 0, 0, slope, false }

#define MEAN \
  { EXSET_NN_MEAN, 0, 0, 0, 0, 0, false }

typedef struct {
  int input[3], batch, n_layers;
  exset_nn_layer_t layer[4];
  const char *text;
} refused_t;

static const refused_t refused[] = {
    {{3, 8, 8}, 2, 0, {DENSE(1)}, "network of 0 layers, allowed are 1 to 32"},
    {{3, 8, 8}, 2, 33, {DENSE(1)}, "network of 33 layers"},
    {{3, 8, 0}, 2, 1, {DENSE(1)}, "input of 3 channels, 8 x 0 pixels"},
    {{3, 8, 8}, 0, 1, {DENSE(1)}, "batch of 0 images"},
    {{3, 8, 8}, 2, 1, {CONV(4, 3, 1, 1)}, "layer 1: the last must be dense"},
    {{3, 8, 8}, 2, 2, {DENSE(1), RELU(0.2)}, "layer 2: the last must be dense"},
    {{3, 8, 8}, 2, 2, {RELU(0.2), DENSE(1)}, "layer 1: a leaky ReLU has to follow"},
    {{3, 8, 8}, 2, 4, {DENSE(2), RELU(0.2), RELU(0.2), DENSE(1)}, "layer 3: a leaky ReLU has to"},
    {{3, 8, 8}, 2, 3, {DENSE(2), RELU(-0.2), DENSE(1)}, "layer 2: slope -0.2"},
    {{3, 8, 8}, 2, 3, {DENSE(2), CONV(2, 1, 1, 0), DENSE(1)}, "layer 2: a convolution cannot"},
    {{3, 8, 8}, 2, 3, {DENSE(2), MEAN, DENSE(1)}, "layer 2: a mean has to follow"},
    {{3, 8, 8}, 2, 4, {CONV(2, 1, 1, 0), MEAN, MEAN, DENSE(1)}, "layer 3: a mean has to follow"},
    {{3, 8, 8}, 2, 2, {CONV(0, 3, 1, 1), DENSE(1)}, "layer 1: 0 channels"},
    {{3, 8, 8}, 2, 2, {CONV(4, 0, 1, 0), DENSE(1)}, "layer 1: kernel 0"},
    {{3, 8, 8}, 2, 2, {CONV(4, 3, 0, 0), DENSE(1)}, "layer 1: stride 0"},
    {{3, 8, 8}, 2, 2, {CONV(4, 3, 1, 3), DENSE(1)}, "layer 1: padding 3, allowed are 0 to 2"},
    {{3, 8, 6},
     2,
     4,
     {CONV(4, 4, 2, 1), CONV(4, 4, 2, 1), CONV(4, 4, 1, 0), DENSE(1)},
     "layer 3: kernel 4 is larger than its input of 2 x 1 pixels with padding 0"},
    {{3, 8, 8}, 2, 2, {CONV(4, 3, 1, 1), DENSE(0)}, "layer 2: 0 outputs"},
    {{3, 8, 8}, 2, 1, {{(exset_nn_kind_t)9, 1, 0, 0, 0, 0, false}}, "no layer of kind 9"},
};

static void check_refused(exset_ctx_t *ctx) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    const refused_t *r = &refused[i];
    exset_nn_t *nn = (exset_nn_t *)ctx;
    CHECK(exset_nn_create(ctx, r->input, r->batch, r->n_layers, r->layer, 1, 0, &nn) ==
          EXSET_ERR_INPUT);
    CHECK(nn == NULL);
    CHECK_MSG(strstr(ctx->message, r->text) != NULL, "\"%s\" is not in \"%s\"", r->text,
              ctx->message);
    ctx->message[0] = '\0';
  }
}

static const exset_nn_layer_t table[] = {CONV(24, 5, 2, 1), RELU(0.2), CONV(40, 3, 1, 1), DENSE(2)};
static const int input[3] = {3, 21, 18};
enum { LAYERS = 4, FIRST = 24 * 3 * 25, SECOND = 40 * 24 * 9 };

static float *initial(exset_ctx_t *ctx, int batch, uint64_t seed, uint32_t network) {
  exset_nn_t *nn;
  float *value;
  MUST(ctx, exset_nn_create(ctx, input, batch, LAYERS, table, seed, network, &nn));
  MUST(ctx, exset_alloc(ctx, exset_nn_parameters(nn), sizeof *value, &value));
  MUST(ctx, exset_nn_get(nn, value));
  exset_nn_destroy(&nn);
  return value;
}

/* Mean 0 and the given standard deviation within 5 standard errors, and not the numbers of before. */
static void check_spread(const float *value, int64_t n, double sd) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += (double)value[i];
    squares += (double)value[i] * (double)value[i];
  }
  CHECK_NEAR(sum / (double)n, 0, 5 * sd / sqrt((double)n));
  CHECK_NEAR(sqrt(squares / (double)n), sd, 5 * sd / sqrt(2 * (double)n));
}

static void check_initial(exset_ctx_t *ctx) {
  float *value = initial(ctx, 2, 7, 0), *same = initial(ctx, 5, 7, 0);
  float *seed = initial(ctx, 2, 8, 0), *network = initial(ctx, 2, 7, 1);
  const int64_t third = FIRST + 24 + SECOND + 40;
  const size_t bytes = (size_t)third * sizeof *value;
  check_spread(value, FIRST, sqrt(2 / (1.04 * 75)));
  check_spread(value + FIRST + 24, SECOND, sqrt(1.0 / 216)); /* no activation follows */
  for (int i = 0; i < 24; i++) CHECK(value[FIRST + i] == 0);
  CHECK(memcmp(value, same, bytes) == 0);
  CHECK(memcmp(value, seed, 64) != 0 && memcmp(value, network, 64) != 0);
  CHECK(memcmp(value + 4, value + FIRST + 24 + 4, 64) != 0);
  memcpy(same, value, bytes);
  MPI_Bcast(same, (int)third, MPI_FLOAT, 0, ctx->comm);
  CHECK(memcmp(value, same, bytes) == 0);
  free(value);
  free(same);
  free(seed);
  free(network);
}

/* One dense layer without bias at work on unit vectors gives its weights: they are W / sigma. */
static void check_spectral(exset_ctx_t *ctx) {
  enum { ROWS = 6, COLS = 20 };
  const exset_nn_layer_t layer = {EXSET_NN_DENSE, ROWS, 0, 0, 0, 0, true};
  const int shape[3] = {5, 2, 2};
  exset_nn_t *nn;
  float image[COLS * COLS] = {0}, score[COLS * ROWS], value[ROWS * COLS + ROWS];
  double used[ROWS * COLS], own[ROWS * COLS];
  for (int i = 0; i < COLS; i++) image[i * COLS + i] = 1;
  MUST(ctx, exset_nn_create(ctx, shape, COLS, 1, &layer, 4, 0, &nn));
  for (int i = 0; i < 300; i++) MUST(ctx, exset_nn_forward(nn, image, true, score));
  MUST(ctx, exset_nn_get(nn, value));
  for (int i = 0; i < ROWS * COLS; i++) {
    used[i] = (double)score[i % COLS * ROWS + i / COLS];
    own[i] = (double)value[i];
  }
  const double sigma = twin_sigma(ROWS, COLS, own);
  CHECK_NEAR(twin_sigma(ROWS, COLS, used), 1, 1e-5);
  for (int i = 0; i < ROWS * COLS; i++) CHECK_NEAR(used[i], own[i] / sigma, 1e-5);
  exset_nn_destroy(&nn);
}

/* Weights that are all 0 have no singular vectors: the bias is left. */
static void check_spectral_zero(exset_ctx_t *ctx) {
  const exset_nn_layer_t layer = {EXSET_NN_DENSE, 2, 0, 0, 0, 0, true};
  const int shape[3] = {1, 1, 3};
  const float value[8] = {0, 0, 0, 0, 0, 0, 0.5f, -2}, image[3] = {1, 2, 3}, d[2] = {1, 1};
  exset_nn_t *nn;
  float score[2], d_image[3];
  MUST(ctx, exset_nn_create(ctx, shape, 1, 1, &layer, 4, 0, &nn));
  MUST(ctx, exset_nn_set(nn, value));
  for (int update = 0; update < 2; update++) {
    MUST(ctx, exset_nn_forward(nn, image, update, score));
    CHECK(score[0] == 0.5f && score[1] == -2);
  }
  MUST(ctx, exset_nn_backward(nn, d, true, d_image));
  for (int i = 0; i < 3; i++) CHECK(d_image[i] == 0);
  exset_nn_destroy(&nn);
}

static void check_state(exset_ctx_t *ctx) {
  exset_nn_t *nn;
  float image[1 * 3 * 21 * 18] = {0}, score[2], d[2] = {1, 1};
  MUST(ctx, exset_nn_create(ctx, input, 1, LAYERS, table, 1, 0, &nn));
  CHECK(exset_nn_outputs(nn) == 2);
  /* 10 x 8 pixels behind the first layer, the same behind the second */
  CHECK_NEAR(exset_nn_flops(nn), 2.0 * (FIRST * 80 + SECOND * 80 + 2 * 40 * 80), 0);
  CHECK(exset_nn_backward(nn, d, true, NULL) == EXSET_ERR_LOCAL);
  ctx->message[0] = '\0';
  MUST(ctx, exset_nn_forward(nn, image, true, score));
  MUST(ctx, exset_nn_backward(nn, d, true, NULL));
  MUST(ctx, exset_nn_adam(nn, 1e-3, 0.9, 0.999));
  CHECK(exset_nn_backward(nn, d, true, NULL) == EXSET_ERR_LOCAL);
  ctx->message[0] = '\0';
  exset_nn_destroy(&nn);
  exset_nn_destroy(&nn);
  CHECK(strncmp(exset_nn_version(), "2.", 2) == 0);
}

/* OpenMP's own number of threads, if there is OpenMP, is the caller's affair before and after. */
static void check_threads(exset_ctx_t *ctx) {
  int (*get)(void) = NULL;
  void (*set)(int) = NULL;
  *(void **)&get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
  *(void **)&set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (!get || !set) return;
  set(3);
  free(initial(ctx, 2, 7, 0));
  CHECK(get() == 3);
  check_state(ctx);
  CHECK(get() == 3);
  set(1);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_refused(ctx);
  check_initial(ctx);
  check_spectral(ctx);
  check_spectral_zero(ctx);
  check_state(ctx);
  check_threads(ctx);
  return test_end(ctx);
}
