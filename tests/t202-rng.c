/* test: np="1" time=60 */
/*
 * The generator: equal to Random123 bit for bit, equal on every instruction set and at every place in a batch;
 * normal variates against double precision; moments, tails, independence of streams and neighbours.
 * Statistical bounds are 5 standard errors: a fixed seed passes or fails for good.
 */
#include "exset/rng.h"
#include "test.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

/* The same source once more: its parts for single instruction sets, and normals for the plain one only (the Makefile gives this file the same flags). */
#define EXSET_NO_CLONES
#define exset_rng_words plain_words
#define exset_rng_normals plain_normals
#define exset_rng_one plain_one
#define exset_rng_key plain_key
#include "../src/rng/rng.c"
#undef exset_rng_words
#undef exset_rng_normals
#undef exset_rng_one
#undef exset_rng_key

static void counters(uint32_t salt, exset_rng_batch_t *batch) {
  for (int i = 0; i < EXSET_RNG_BATCH; i++) {
    batch->word[0][i] = (uint32_t)i;
    batch->word[1][i] = salt * 2654435761u;
    batch->word[2][i] = (uint32_t) - (int)salt;
    batch->word[3][i] = i % 3 == 0 ? 0xffffffffu : salt;
  }
}

static void check_bits(void) {
  const exset_rng_key_t key = {{0xdeadbeefu, 0x01234567u}};
  int wrong_words = 0, wrong_one = 0, wrong_plain = 0, wrong_normals = 0, wrong_place = 0;
  for (uint32_t salt = 0; salt < 2000; salt++) {
    exset_rng_batch_t in, out, plain;
    exset_normal_batch_t normals, plain_z;
    counters(salt, &in);
    plain = out = in;
    exset_rng_words(key, EXSET_RNG_BATCH, &out);
    words_plain(key.word[0], key.word[1], EXSET_RNG_BATCH, &plain);
    wrong_plain += memcmp(&plain, &out, sizeof out) != 0;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
      plain = in;
      words_avx2(key.word[0], key.word[1], EXSET_RNG_BATCH, &plain);
      wrong_plain += memcmp(&plain, &out, sizeof out) != 0;
    }
#endif
    for (int i = 0; i < EXSET_RNG_BATCH; i++) {
      const philox4x32_ctr_t c = {{in.word[0][i], in.word[1][i], in.word[2][i], in.word[3][i]}};
      const philox4x32_key_t k = {{key.word[0], key.word[1]}};
      const philox4x32_ctr_t r = philox4x32(c, k);
      uint32_t one[4];
      exset_rng_one(key, c.v, one);
      wrong_one += memcmp(one, r.v, sizeof one) != 0;
      for (int w = 0; w < 4; w++) wrong_words += out.word[w][i] != r.v[w];
    }
    exset_rng_normals(EXSET_RNG_BATCH, &out, &normals);
    plain_normals(EXSET_RNG_BATCH, &out, &plain_z);
    wrong_normals += memcmp(&normals, &plain_z, sizeof normals) != 0;
    /* a shorter batch with the counters turned round gives each counter the same numbers */
    exset_rng_batch_t turned;
    exset_normal_batch_t turned_z;
    memset(&turned, 0, sizeof turned);
    for (int i = 0; i < 7; i++)
      for (int w = 0; w < 4; w++) turned.word[w][i] = in.word[w][EXSET_RNG_BATCH - 1 - i];
    exset_rng_words(key, 7, &turned);
    exset_rng_normals(7, &turned, &turned_z);
    for (int i = 0; i < 7; i++)
      for (int v = 0; v < 4; v++)
        wrong_place += turned_z.value[v][i] != normals.value[v][EXSET_RNG_BATCH - 1 - i];
  }
  CHECK(wrong_words == 0);
  CHECK(wrong_one == 0);
  CHECK(wrong_plain == 0);
  CHECK(wrong_normals == 0);
  CHECK(wrong_place == 0);
}

/* Columns of modes are words and normals of single counters times amplitudes, to the bit; nothing beyond is written. */
static void check_modes(void) {
  enum { MOST = EXSET_RNG_RUN };
  const exset_rng_key_t key = {{0x89abcdefu, 0x3c6ef372u}};
  const uint32_t word[3] = {0xfffffff0u, 77, 3};
  static uint32_t third[MOST];
  static float amplitude[2][MOST], column[2][2 * MOST + 1];
  const float *const a[2] = {amplitude[0], amplitude[1]};
  int wrong = 0, touched = 0;
  for (int i = 0; i < MOST; i++) {
    third[i] = i % 2 ? (uint32_t)-i : (uint32_t)i * 2654435761u;
    amplitude[0][i] = 1.0f + 0.01f * (float)i;
    amplitude[1][i] = 0.3f * (float)(i % 7);
  }
  for (int n = 1; n <= MOST; n += n < 40 ? 1 : 9)
    for (int which = 1; which <= 3; which++) { /* either column, or both */
      float *const out[2] = {which & 1 ? column[0] : NULL, which & 2 ? column[1] : NULL};
      column[0][2 * n] = column[1][2 * n] = 77;
      exset_rng_modes(key, word, n, third, a, out);
      touched += column[0][2 * n] != 77 || column[1][2 * n] != 77;
      for (int i = 0; i < n; i++) {
        exset_rng_batch_t words;
        exset_normal_batch_t z;
        memset(&words, 0, sizeof words);
        words.word[0][0] = word[0];
        words.word[1][0] = word[1];
        words.word[2][0] = third[i];
        words.word[3][0] = word[2];
        exset_rng_words(key, 1, &words);
        exset_rng_normals(1, &words, &z);
        for (int v = 0; v < 4; v++) {
          const float expected = amplitude[v / 2][i] * z.value[v][0];
          if (out[v / 2]) wrong += memcmp(&out[v / 2][2 * i + v % 2], &expected, 4) != 0;
        }
      }
    }
  CHECK(wrong == 0);
  CHECK(touched == 0);
}

/* Against the formulas in double precision, at ordinary and extreme words. */
static void check_formula(void) {
  static const uint32_t word[] = {0,           1,           2,           0x7fffffffu,
                                  0x80000000u, 0xffffffffu, 0xfffffffeu, 0x20000000u,
                                  0x1fffffffu, 0x3fffffffu, 0x40000000u, 0xc0000000u,
                                  0x12345678u, 0xe0000000u, 0xdfffffffu, 0x9abcdef0u};
  double worst = 0;
  for (int a = 0; a < 16; a++)
    for (int b = 0; b < 16; b++) {
      exset_rng_batch_t words;
      exset_normal_batch_t z;
      memset(&words, 0, sizeof words);
      words.word[0][0] = word[a];
      words.word[1][0] = word[b];
      exset_rng_normals(1, &words, &z);
      const double u = fmin((floor(word[a] / 2.0) + 0.5) * 0x1p-31, 1);
      const double r = sqrt(-log(u)), angle = 2 * M_PI * word[b] * 0x1p-32;
      /* near u = 1 the radius, about 0, is only known to sqrt(2^-24) */
      const double allowed = r < 1e-3 ? 3.5e-4 : 5e-7;
      worst = fmax(worst, fabs(z.value[0][0] - r * cos(angle)) / allowed);
      worst = fmax(worst, fabs(z.value[1][0] - r * sin(angle)) / allowed);
      CHECK(isfinite(z.value[0][0]) && isfinite(z.value[1][0]));
    }
  CHECK_MSG(worst <= 1, "normals differ from the formula by %g of what is allowed", worst);
}

/* Moments and tails of 4 * 64 * batches normals, and correlations between a stream and others. */
static void check_statistics(void) {
  enum { BATCHES = 20000, LANES = EXSET_RNG_BATCH, SHIFTS = 7 };
  const double count = 4.0 * LANES * BATCHES;
  double sum[5] = {0}, beyond[3] = {0}, cross[SHIFTS] = {0};
  const exset_rng_key_t key = exset_rng_key(7, EXSET_STREAM_VOLUME, 0, 0);
  const exset_rng_key_t other[4] = {
      exset_rng_key(8, EXSET_STREAM_VOLUME, 0, 0), exset_rng_key(7, EXSET_STREAM_SECTION, 0, 0),
      exset_rng_key(7, EXSET_STREAM_VOLUME, 1, 0), exset_rng_key(7, EXSET_STREAM_VOLUME, 0, 1)};
  static const double level[3] = {1, 3, 4.5};
  for (int b = 0; b < BATCHES; b++) {
    exset_rng_batch_t words;
    exset_normal_batch_t z, y;
    for (int s = -1; s < 4; s++) {
      for (int i = 0; i < LANES; i++) {
        words.word[0][i] = (uint32_t)i;
        words.word[1][i] = (uint32_t)b;
        words.word[2][i] = words.word[3][i] = 0;
      }
      exset_rng_words(s < 0 ? key : other[s], LANES, &words);
      exset_rng_normals(LANES, &words, s < 0 ? &z : &y);
      if (s < 0) continue;
      for (int v = 0; v < 4; v++)
        for (int i = 0; i < LANES; i++) cross[s] += 2.0 * z.value[v][i] * y.value[v][i];
    }
    for (int v = 0; v < 4; v++)
      for (int i = 0; i < LANES; i++) {
        const double x = M_SQRT2 * z.value[v][i];
        double power = 1;
        for (int p = 1; p < 5; p++) sum[p] += power *= x;
        for (int l = 0; l < 3; l++) beyond[l] += fabs(x) > level[l];
        cross[4] += x * M_SQRT2 * z.value[v][(i + 1) % LANES]; /* neighbouring counters */
        cross[5] += x * M_SQRT2 * z.value[(v + 1) % 4][i];     /* values of one counter */
        cross[6] += x * x * 2 * pow(z.value[(v + 1) % 4][i], 2) - 1;
      }
  }
  const double se = 5 / sqrt(count);
  CHECK_NEAR(sum[1] / count, 0, se);
  CHECK_NEAR(sum[2] / count, 1, se * sqrt(2));
  CHECK_NEAR(sum[3] / count, 0, se * sqrt(15));
  CHECK_NEAR(sum[4] / count, 3, se * sqrt(96));
  for (int l = 0; l < 3; l++) {
    const double p = erfc(level[l] / M_SQRT2);
    CHECK_NEAR(beyond[l] / count, p, se * sqrt(p * (1 - p)));
  }
  for (int s = 0; s < 6; s++) CHECK_NEAR(cross[s] / count, 0, se);
  CHECK_NEAR(cross[6] / count, 0, se * sqrt(8) * 1.5);
}

/* Purposes, realisations and fields all have keys of their own. */
static void check_keys(void) {
  enum { MANY = 4096 };
  static exset_rng_key_t key[MANY];
  int n = 0, equal = 0;
  for (uint64_t seed = 0; seed < 4; seed++)
    for (int stream = 1; stream < EXSET_STREAM_END; stream++)
      for (uint64_t index = 0; index < 16; index++)
        for (uint32_t part = 0; part < 8; part++)
          if (n < MANY) key[n++] = exset_rng_key(seed << 32 | seed, stream, index << 30, part);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++) equal += memcmp(&key[i], &key[j], sizeof key[0]) == 0;
  CHECK(n == 4 * (EXSET_STREAM_END - 1) * 16 * 8);
  CHECK(equal == 0);
}

/* exp in double precision, used by other modules: relative error, and limits that stay finite. */
static void check_exponential(void) {
  double worst = 0;
  for (int i = -70000; i <= 70000; i++) {
    const double x = 0.0101 * i + 1e-4 * sin(i);
    const long double expected = expl((long double)x);
    worst = fmax(worst, (double)fabsl((exset_exp(x) - expected) / expected));
  }
  CHECK_MSG(worst < 4.5e-16, "relative error of exp: %g", worst);
  CHECK(exset_exp(0) == 1);
  CHECK(exset_exp(1e300) == exset_exp(708) && isfinite(exset_exp(708)));
  CHECK(exset_exp(-1e300) == exset_exp(-708) && exset_exp(-708) > 0);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_exponential();
  check_bits();
  check_modes();
  check_formula();
  check_statistics();
  check_keys();
  return test_end(ctx);
}
