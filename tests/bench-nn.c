/*
 * Speed of a training step of a discriminator: input 3 x 64 x 64, four convolutions 4/2/1 with WIDTH, 2, 4, 8 WIDTH feature
 * maps, leaky ReLU, a dense output; batch 16. A step is forward and backward to the weights for 16 real and 16 generated images,
 * Adam, and forward and backward to the images for the 16 generated ones. One rank works.
 *
 * Arguments: widths (default 16 64), or "spectral" before them. Prints "step WIDTH SECONDS", the best of a time of about 2 s, and where it
 * goes; tests/bench-nn-torch.py compares it with PyTorch.
 */
#include "exset/nn.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { BATCH = 16, CHANNELS = 3, EDGE = 64, PIXELS = CHANNELS * EDGE * EDGE, PARTS = 4 };
static const char *const part_name[PARTS] = {"forward", "backward to weights", "Adam",
                                             "backward to images"};

/* Processor time, not wall time: everything here is one thread that never waits, and other jobs may be about. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the peak of one core: independent fused multiply-adds ------------------------------------ */

#ifdef __x86_64__
#define PEAK(name, isa, vector, lanes, set, fma)                                    \
  __attribute__((target(isa))) static double name(int64_t rounds, float *keep) {    \
    vector a[12];                                                                   \
    const vector b = set(0.999f), c = set(0.001f);                                  \
    for (int j = 0; j < 12; j++) a[j] = set((float)j);                              \
    for (int64_t i = 0; i < rounds; i++) {                                          \
      _Pragma("GCC unroll 12") for (int j = 0; j < 12; j++) a[j] = fma(a[j], b, c); \
    }                                                                               \
    for (int j = 1; j < 12; j++) a[0] = fma(a[j], b, a[0]);                         \
    memcpy(keep, &a[0], sizeof *keep);                                              \
    return 2.0 * lanes * 12 * (double)rounds;                                       \
  }
PEAK(peak_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps)
PEAK(peak_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps)
#endif

/* Floating-point operations per second, 0 where there is no loop for this processor. */
static double peak_rate(void) {
  double best = 0;
#ifdef __x86_64__
  for (int r = 0; r < 5; r++) {
    float keep = 0;
    double flops = 0;
    const double start = now();
    if (__builtin_cpu_supports("avx512f")) flops = peak_avx512(10000000, &keep);
    else if (__builtin_cpu_supports("avx2")) flops = peak_avx2(10000000, &keep);
    best = fmax(best, flops / (now() - start) + 1e-30 * (double)keep);
  }
#endif
  return best;
}

/* ---- a training step -------------------------------------------------------------------------- */

typedef struct {
  exset_nn_t *nn;
  float *real, *fake, *d_image;
  double seconds[PARTS];
} bench_t;

static void make_network(exset_ctx_t *ctx, int width, bool spectral, bench_t *b) {
  exset_nn_layer_t layer[9];
  const int input[3] = {CHANNELS, EDGE, EDGE};
  for (int i = 0; i < 4; i++) {
    layer[2 * i] = (exset_nn_layer_t){EXSET_NN_CONV, width << i, 4, 2, 1, 0, spectral};
    layer[2 * i + 1] = (exset_nn_layer_t){EXSET_NN_LEAKY_RELU, 0, 0, 0, 0, 0.2, false};
  }
  layer[8] = (exset_nn_layer_t){EXSET_NN_DENSE, 1, 0, 0, 0, 0, spectral};
  MUST(ctx, exset_nn_create(ctx, input, BATCH, 9, layer, 1, 0, &b->nn));
  MUST(ctx, exset_alloc(ctx, BATCH * PIXELS, sizeof(float), &b->real));
  MUST(ctx, exset_alloc(ctx, BATCH * PIXELS, sizeof(float), &b->fake));
  MUST(ctx, exset_alloc(ctx, BATCH * PIXELS, sizeof(float), &b->d_image));
  for (int i = 0; i < BATCH * PIXELS; i++) {
    b->real[i] = sinf(0.1f * (float)i) > 0;
    b->fake[i] = sinf(0.13f * (float)i) > 0;
  }
}

static void clear_network(bench_t *b) {
  exset_nn_destroy(&b->nn);
  free(b->real);
  free(b->fake);
  free(b->d_image);
}

static void forward(exset_ctx_t *ctx, bench_t *b, const float *image, double target, float *d) {
  float score[BATCH];
  const double start = now();
  MUST(ctx, exset_nn_forward(b->nn, image, true, score));
  exset_nn_loss_bce(BATCH, score, target, d);
  b->seconds[0] += now() - start;
}

static void step(exset_ctx_t *ctx, bench_t *b) {
  float d[BATCH];
  double start = now();
  exset_nn_zero(b->nn);
  b->seconds[2] += now() - start;
  for (int fake = 0; fake < 2; fake++) {
    forward(ctx, b, fake ? b->fake : b->real, !fake, d);
    start = now();
    MUST(ctx, exset_nn_backward(b->nn, d, true, NULL));
    b->seconds[1] += now() - start;
  }
  start = now();
  MUST(ctx, exset_nn_adam(b->nn, 2e-4, 0.5, 0.999));
  b->seconds[2] += now() - start;
  forward(ctx, b, b->fake, 1, d);
  start = now();
  MUST(ctx, exset_nn_backward(b->nn, d, false, b->d_image));
  b->seconds[3] += now() - start;
}

static double total(const bench_t *b) {
  double sum = 0;
  for (int k = 0; k < PARTS; k++) sum += b->seconds[k];
  return sum;
}

/* Forward passes' operations in a step: three forward, two to the weights, and three to what comes in; of the latter, the first
 * layer's only once. */
static double step_flops(const bench_t *b, int width) {
  const double pass = exset_nn_flops(b->nn);
  const double first = 2.0 * BATCH * (EDGE / 2) * (EDGE / 2) * width * CHANNELS * 16;
  return 8 * pass - 2 * first;
}

static void bench_width(exset_ctx_t *ctx, int width, bool spectral, double peak) {
  bench_t b = {0};
  double best[PARTS] = {0}, least = 1e30;
  make_network(ctx, width, spectral, &b);
  for (int i = 0; i < 3; i++) step(ctx, &b);
  for (const double start = now(); now() - start < 2;) {
    memset(b.seconds, 0, sizeof b.seconds);
    step(ctx, &b);
    if (total(&b) >= least) continue;
    least = total(&b);
    memcpy(best, b.seconds, sizeof best);
  }
  const double rate = step_flops(&b, width) / least;
  printf("  base width %d%s: %.2f ms for a step, %.1f GFLOP/s", width, spectral ? ", spectral" : "",
         1e3 * least, 1e-9 * rate);
  if (peak > 0) printf(", %.0f %% of %.0f GFLOP/s", 100 * rate / peak, 1e-9 * peak);
  printf("\n   ");
  for (int k = 0; k < PARTS; k++)
    printf(" %s %.2f ms%s", part_name[k], 1e3 * best[k], k < PARTS - 1 ? "," : "\n");
  printf("step %d %.6f\n", width, least);
  clear_network(&b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  if (ctx->rank == 0) {
    const bool spectral = argc > 1 && strcmp(argv[1], "spectral") == 0;
    const int first = spectral ? 2 : 1;
    const double peak = peak_rate();
    for (int i = first; i < argc; i++) bench_width(ctx, atoi(argv[i]), spectral, peak);
    if (first == argc) {
      bench_width(ctx, 16, spectral, peak);
      bench_width(ctx, 64, spectral, peak);
    }
  }
  MPI_Barrier(ctx->comm);
  return test_end(ctx);
}
