/*
 * Equal bits on every instruction set: the sources of words, normals, modes and amplitudes once more, for the one instruction
 * set that EXSET_CLONES names, beside the library's, which takes the best of this machine. The Makefile gives the
 * including files the same flags as the sources.
 */
#ifndef EXSET_TEST_BITS_H
#define EXSET_TEST_BITS_H

#include "exset/sample.h"
#include "test.h"

#define exset_rng_words own_words
#define exset_rng_normals own_normals
#define exset_rng_one own_one
#define exset_rng_key own_key
#define exset_rng_modes own_modes
#define exset_amplitude_create own_create
#define exset_amplitude_destroy own_destroy
#define exset_amplitude_column own_column
#define exset_amplitude_column_size own_column_size
#define exset_amplitude_cells own_cells
void own_destroy(exset_amplitude_t **a);
#include "../src/rng/rng.c"
#include "../src/rng/rng_modes.c"
#include "../src/field/field_amplitude.c"
#undef exset_rng_words
#undef exset_rng_normals
#undef exset_rng_one
#undef exset_rng_key
#undef exset_rng_modes
#undef exset_amplitude_create
#undef exset_amplitude_destroy
#undef exset_amplitude_column
#undef exset_amplitude_column_size
#undef exset_amplitude_cells

/* Words along columns by each of the ways to make them, and the numbers made of them. */
static void check_modes(void) {
  const exset_rng_key_t key = {{0x13198a2eu, 0x03707344u}};
  static uint32_t third[RUN];
  static float amplitude[2][RUN], first[2][2 * RUN], second[2][2 * RUN];
  const float *const a[2] = {amplitude[0], amplitude[1]};
  int words = 0, modes = 0, normals = 0;
  for (uint32_t salt = 0; salt < 3000; salt++) {
    const uint32_t word[3] = {salt, (uint32_t)-17 - salt, salt % 5};
    exset_rng_batch_t batch;
    exset_normal_batch_t z, own;
    run_t run, other;
    for (int i = 0; i < RUN; i++) {
      third[i] = (uint32_t)(i - 100) * (salt % 3 ? 1 : 2654435761u);
      amplitude[0][i] = 0.1f + (float)i;
      amplitude[1][i] = 1 / (0.1f + (float)i);
    }
    const common_t x = common_part(key, word);
    run_words(&x, RUN, third, &run);
    run_plain(&x, RUN, third, &other);
    words += memcmp(&run, &other, sizeof run) != 0;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
      run_avx2(&x, RUN, third, &other);
      words += memcmp(&run, &other, sizeof run) != 0;
    }
#endif
    for (int i = 0; i < EXSET_RNG_BATCH; i++) {
      batch.word[0][i] = word[0];
      batch.word[1][i] = word[1];
      batch.word[2][i] = third[i];
      batch.word[3][i] = word[2];
    }
    exset_rng_words(key, EXSET_RNG_BATCH, &batch);
    for (int w = 0; w < 4; w++)
      words += memcmp(batch.word[w], run.word[w], sizeof batch.word[w]) != 0;
    exset_rng_normals(EXSET_RNG_BATCH, &batch, &z);
    own_normals(EXSET_RNG_BATCH, &batch, &own);
    normals += memcmp(&z, &own, sizeof z) != 0;
    exset_rng_modes(key, word, RUN, third, a, (float *[2]){first[0], first[1]});
    own_modes(key, word, RUN, third, a, (float *[2]){second[0], second[1]});
    modes += memcmp(first, second, sizeof first) != 0;
  }
  CHECK(words == 0);
  CHECK(normals == 0);
  CHECK(modes == 0);
}

static void check_amplitude(exset_ctx_t *ctx, const exset_spectrum_t *spectrum) {
  const int64_t n[3] = {150, 20, 36};
  const double voxel[3] = {0.3, 0.4, 0.5};
  exset_amplitude_t *a, *b;
  float *first, *second;
  MUST(ctx, exset_amplitude_create(ctx, n, voxel, spectrum, &a));
  MUST(ctx, own_create(ctx, n, voxel, spectrum, &b));
  const int64_t size = exset_amplitude_column_size(a);
  MUST(ctx, exset_alloc(ctx, size, sizeof *first, &first));
  MUST(ctx, exset_alloc(ctx, size, sizeof *second, &second));
  int differ = 0;
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t x = 0; x <= n[2] / 2; x++) {
      exset_amplitude_column(a, x, y, first);
      own_column(b, x, y, second);
      differ += memcmp(first, second, (size_t)(n[0] / 2 + 1) * sizeof *first) != 0;
    }
  CHECK_MSG(differ == 0, "%d columns of amplitudes differ", differ);
  free(first);
  free(second);
  exset_amplitude_destroy(&a);
  own_destroy(&b);
}

static void check_amplitudes(exset_ctx_t *ctx) {
  double knots[60];
  for (int i = 0; i < 60; i++) knots[i] = 1 + sin(i);
  exset_spectrum_t s;
  memset(&s, 0, sizeof s);
  s.n_terms = 1;
  for (int family = 0; family < 3; family++) {
    s.term[0] = (exset_term_t){(exset_family_t)family, 1, 1.3, 0.9, 1.7, 0.3};
    check_amplitude(ctx, &s);
    s.term[family] = s.term[0];
  }
  s.n_terms = 3;
  s.nugget = 0.07;
  check_amplitude(ctx, &s);
  s.n_terms = 0;
  s.knots = knots;
  s.knots_r = 10;
  s.knots_max_r = 5;
  check_amplitude(ctx, &s);
  s.knots_z = 6;
  s.knots_max_z = 4;
  check_amplitude(ctx, &s);
}

#endif
