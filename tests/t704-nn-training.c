/*
 * A small network learns to tell two textures from each other (stripes along either axis, at random places), with each loss, with and
 * without spectral normalisation; the images' gradient points to the other class.
 * test: np="1" time=60
 */
#include "exset/nn.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 8, EDGE = 16, PIXELS = EDGE * EDGE, STEPS = 120 };

typedef struct {
  exset_nn_t *nn;
  bool hinge;
  float image[BATCH * PIXELS], score[BATCH], d[BATCH], d_image[BATCH * PIXELS];
} task_t;

/* Stripes of width 2 to 4 along rows (real) or columns, of any phase. */
static void texture(task_t *t, bool real, int step) {
  for (int b = 0; b < BATCH; b++) {
    const double phase = 1.7 * b + 0.61 * step, wave = 0.8 + 0.5 * sin(3.3 * b + step);
    for (int i = 0; i < PIXELS; i++)
      t->image[b * PIXELS + i] = sin(wave * (real ? i / EDGE : i % EDGE) + phase) > 0 ? 1.0F : 0.0F;
  }
}

/* Forward pass and loss, taking the images for what they are. */
static double loss(exset_ctx_t *ctx, task_t *t, bool real, int step, bool update) {
  texture(t, real, step);
  MUST(ctx, exset_nn_forward(t->nn, t->image, update, t->score));
  return t->hinge ? exset_nn_loss_hinge(BATCH, t->score, real ? 1 : -1, t->d)
                  : exset_nn_loss_bce(BATCH, t->score, real, t->d);
}

static void check_images(exset_ctx_t *ctx, task_t *t) {
  const double before = loss(ctx, t, false, 5003, false);
  double scale = 0;
  for (int b = 0; b < BATCH; b++) t->d[b] = -1; /* the generator's side: a higher score */
  MUST(ctx, exset_nn_backward(t->nn, t->d, false, t->d_image));
  for (int i = 0; i < BATCH * PIXELS; i++) scale = fmax(scale, fabs((double)t->d_image[i]));
  CHECK(scale > 0);
  double sum = 0, moved = 0;
  for (int b = 0; b < BATCH; b++) sum += (double)t->score[b];
  for (int i = 0; i < BATCH * PIXELS; i++) t->image[i] -= (float)(0.05 / scale) * t->d_image[i];
  MUST(ctx, exset_nn_forward(t->nn, t->image, false, t->score));
  for (int b = 0; b < BATCH; b++) moved += (double)t->score[b];
  CHECK_MSG(moved > sum, "scores %g do not rise along their gradient from %g (loss %g)", moved, sum,
            before);
}

static void check_task(exset_ctx_t *ctx, bool hinge, bool spectral) {
  const exset_nn_layer_t table[] = {{EXSET_NN_CONV, 6, 4, 2, 1, 0, spectral},
                                    {EXSET_NN_LEAKY_RELU, 0, 0, 0, 0, 0.2, false},
                                    {EXSET_NN_CONV, 12, 4, 2, 1, 0, spectral},
                                    {EXSET_NN_LEAKY_RELU, 0, 0, 0, 0, 0.2, false},
                                    {EXSET_NN_DENSE, 1, 0, 0, 0, 0, spectral}};
  const int input[3] = {1, EDGE, EDGE};
  task_t *t;
  double first = 0, last = 0;
  int right = 0;
  MUST(ctx, exset_alloc(ctx, 1, sizeof *t, &t));
  t->hinge = hinge;
  MUST(ctx, exset_nn_create(ctx, input, BATCH, 5, table, 2, 0, &t->nn));
  for (int step = 0; step < STEPS; step++) {
    double sum = 0;
    exset_nn_zero(t->nn);
    for (int real = 0; real < 2; real++) {
      sum += loss(ctx, t, real, step, true);
      MUST(ctx, exset_nn_backward(t->nn, t->d, true, NULL));
    }
    MUST(ctx, exset_nn_adam(t->nn, 3e-3, 0.5, 0.999));
    if (step < 10) first += sum;
    if (step >= STEPS - 10) last += sum;
  }
  /* images it has not seen */
  for (int real = 0; real < 2; real++) {
    loss(ctx, t, real, 5000 + real, false);
    for (int b = 0; b < BATCH; b++) right += (t->score[b] > 0) == (real == 1);
  }
  CHECK_MSG(last < 0.3 * first, "%s%s: loss %g, at the beginning %g", hinge ? "hinge" : "bce",
            spectral ? ", spectral" : "", last, first);
  CHECK_MSG(right >= 2 * BATCH - 1, "only %d of %d images told right", right, 2 * BATCH);
  check_images(ctx, t);
  exset_nn_destroy(&t->nn);
  free(t);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int k = 0; k < 4; k++) check_task(ctx, k & 1, k & 2);
  return test_end(ctx);
}
