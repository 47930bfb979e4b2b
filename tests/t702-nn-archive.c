/*
 * Archives: a network that is saved, loaded and trained further is bit for bit the one that was not interrupted; a file of another network
 * is refused. Parameters set and got are the same.
 * test: np="1"
 */
#include "exset/nn.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3, CHANNELS = 2, ROWS = 12, COLS = 10, PIXELS = CHANNELS * ROWS * COLS, LAYERS = 6 };
static const int input[3] = {CHANNELS, ROWS, COLS};
static const exset_nn_layer_t table[LAYERS] = {
    {EXSET_NN_CONV, 5, 4, 2, 1, 0, true},   {EXSET_NN_LEAKY_RELU, 0, 0, 0, 0, 0.2, false},
    {EXSET_NN_CONV, 17, 3, 1, 1, 0, false}, {EXSET_NN_LEAKY_RELU, 0, 0, 0, 0, 0.2, false},
    {EXSET_NN_DENSE, 4, 0, 0, 0, 0, true},  {EXSET_NN_DENSE, 1, 0, 0, 0, 0, false},
};

static void train(exset_ctx_t *ctx, exset_nn_t *nn, int first, int steps) {
  for (int t = first; t < first + steps; t++) {
    float image[BATCH * PIXELS], score[BATCH], d[BATCH];
    for (int i = 0; i < BATCH * PIXELS; i++) image[i] = (float)sin(0.1 * i * (t + 1));
    exset_nn_zero(nn);
    MUST(ctx, exset_nn_forward(nn, image, true, score));
    exset_nn_loss_bce(BATCH, score, t % 2, d);
    MUST(ctx, exset_nn_backward(nn, d, true, NULL));
    MUST(ctx, exset_nn_adam(nn, 1e-2, 0.5, 0.999));
  }
}

static float *parameters(exset_ctx_t *ctx, exset_nn_t *nn) {
  float *value;
  MUST(ctx, exset_alloc(ctx, exset_nn_parameters(nn), sizeof *value, &value));
  MUST(ctx, exset_nn_get(nn, value));
  return value;
}

static bool equal(exset_ctx_t *ctx, exset_nn_t *a, exset_nn_t *b) {
  float *p = parameters(ctx, a), *q = parameters(ctx, b);
  const size_t bytes = (size_t)exset_nn_parameters(a) * sizeof *p;
  const bool same = memcmp(p, q, bytes) == 0;
  free(p);
  free(q);
  return same;
}

static void score_of(exset_ctx_t *ctx, exset_nn_t *nn, bool update, float *score) {
  float image[BATCH * PIXELS];
  for (int i = 0; i < BATCH * PIXELS; i++) image[i] = (float)cos(0.3 * i);
  MUST(ctx, exset_nn_forward(nn, image, update, score));
}

static void check_continuation(exset_ctx_t *ctx, const char *path) {
  exset_nn_t *nn, *again;
  exset_archive_t *archive;
  float score[BATCH], score_again[BATCH];
  MUST(ctx, exset_nn_create(ctx, input, BATCH, LAYERS, table, 11, 0, &nn));
  MUST(ctx, exset_nn_create(ctx, input, BATCH, LAYERS, table, 99, 1, &again));
  train(ctx, nn, 0, 3);
  CHECK(!equal(ctx, nn, again));
  MUST(ctx, exset_archive_create(ctx, path, &archive));
  MUST(ctx, exset_nn_save(nn, archive, "network/xy"));
  MUST(ctx, exset_archive_commit(&archive));
  train(ctx, again, 5, 2); /* moments and step count of its own, to be replaced */
  MUST(ctx, exset_archive_open(ctx, path, &archive));
  MUST(ctx, exset_nn_load(again, archive, "network/xy"));
  MUST(ctx, exset_archive_close(&archive));
  CHECK(equal(ctx, nn, again));
  score_of(ctx, nn, false, score);
  score_of(ctx, again, false, score_again);
  CHECK(memcmp(score, score_again, sizeof score) == 0);
  train(ctx, nn, 3, 3);
  train(ctx, again, 3, 3);
  CHECK(equal(ctx, nn, again));
  score_of(ctx, nn, true, score);
  score_of(ctx, again, true, score_again);
  CHECK(memcmp(score, score_again, sizeof score) == 0);
  exset_nn_destroy(&nn);
  exset_nn_destroy(&again);
}

/* Another batch may have another inner layout; the numbers are the same, and so are the scores. */
static void check_batch(exset_ctx_t *ctx, const char *path) {
  exset_nn_t *nn, *one;
  exset_archive_t *archive;
  float image[BATCH * PIXELS], score[BATCH], single;
  MUST(ctx, exset_nn_create(ctx, input, BATCH, LAYERS, table, 1, 0, &nn));
  MUST(ctx, exset_nn_create(ctx, input, 1, LAYERS, table, 1, 0, &one));
  CHECK(equal(ctx, nn, one));
  MUST(ctx, exset_archive_open(ctx, path, &archive));
  MUST(ctx, exset_nn_load(nn, archive, "network/xy"));
  MUST(ctx, exset_nn_load(one, archive, "network/xy"));
  MUST(ctx, exset_archive_close(&archive));
  CHECK(equal(ctx, nn, one));
  for (int i = 0; i < BATCH * PIXELS; i++) image[i] = (float)cos(0.3 * i);
  MUST(ctx, exset_nn_forward(nn, image, false, score));
  for (int b = 0; b < BATCH; b++) {
    MUST(ctx, exset_nn_forward(one, image + b * PIXELS, false, &single));
    CHECK_NEAR((double)single, (double)score[b], 1e-5);
  }
  float *p = parameters(ctx, nn);
  for (int64_t i = 0; i < exset_nn_parameters(nn); i++) p[i] = (float)i;
  MUST(ctx, exset_nn_set(nn, p));
  MUST(ctx, exset_nn_set(one, p));
  free(p);
  CHECK(equal(ctx, nn, one));
  p = parameters(ctx, nn);
  for (int64_t i = 0; i < exset_nn_parameters(nn); i++) CHECK(p[i] == (float)i);
  free(p);
  exset_nn_destroy(&nn);
  exset_nn_destroy(&one);
}

/* The load fails with this text; the context is good for more. */
static void check_refused(exset_ctx_t *ctx, const char *path, int n_layers, const int shape[3],
                          const exset_nn_layer_t *layer, const char *name, const char *text) {
  exset_nn_t *nn;
  exset_archive_t *archive;
  MUST(ctx, exset_nn_create(ctx, shape, BATCH, n_layers, layer, 1, 0, &nn));
  MUST(ctx, exset_archive_open(ctx, path, &archive));
  CHECK(exset_nn_load(nn, archive, name) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, text) != NULL, "\"%s\" is not in \"%s\"", text, ctx->message);
  ctx->message[0] = '\0';
  exset_archive_close(&archive);
  exset_nn_destroy(&nn);
}

static void check_errors(exset_ctx_t *ctx, const char *path) {
  exset_nn_layer_t other[LAYERS];
  const int wide[3] = {CHANNELS, ROWS, COLS + 2};
  check_refused(ctx, path, LAYERS, input, table, "elsewhere", "elsewhere");
  check_refused(ctx, path, LAYERS, wide, table, "network/xy", "12 x 10 pixels, not 2, 12 x 12");
  check_refused(ctx, path, 1, input, &table[5], "network/xy", "of 6 layers, wanted is one of 1");
  memcpy(other, table, sizeof other);
  other[3].slope = 0.1;
  check_refused(ctx, path, LAYERS, input, other, "network/xy", "another layer 4");
  other[2].spectral = true;
  check_refused(ctx, path, LAYERS, input, other, "network/xy", "another layer 3");
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  char path[4096];
  snprintf(path, sizeof path, "%s/network_%d.h5", test_tmp(), ctx->rank);
  check_continuation(ctx, path);
  check_batch(ctx, path);
  check_errors(ctx, path);
  return test_end(ctx);
}
