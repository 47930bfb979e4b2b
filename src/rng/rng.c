/*
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) and Box-Muller normals, in loops that compilers turn into vector
 * code. Compiled with -ffp-contract=off: equal bits on every instruction set.
 */
#include "rng_impl.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

EXSET_INLINE int round_up(int n) {
  return (n + EXSET_RNG_QUANTUM - 1) & ~(EXSET_RNG_QUANTUM - 1);
}

static void words_plain(uint32_t k0, uint32_t k1, int n, exset_rng_batch_t *batch) {
  uint32_t *restrict a = batch->word[0], *restrict b = batch->word[1];
  uint32_t *restrict c = batch->word[2], *restrict d = batch->word[3];
  for (int i = 0; i < n; i++) {
    const counter_t x = philox10((counter_t){a[i], b[i], c[i], d[i]}, k0, k1);
    a[i] = x.a;
    b[i] = x.b;
    c[i] = x.c;
    d[i] = x.d;
  }
}

/*
 * The same with vectors of 64-bit lanes: compilers do not find the instruction that multiplies their lower halves. The
 * upper halves hold leftovers that no product sees and that the last conversion drops.
 */
#ifdef __x86_64__
#define WIDE_WORDS(name, isa, lanes, multiply, vector)                                            \
  __attribute__((target(isa))) static void name(uint32_t k0, uint32_t k1, int n,                  \
                                                exset_rng_batch_t *batch) {                       \
    typedef uint64_t wide_t __attribute__((vector_size(8 * lanes)));                              \
    typedef uint32_t narrow_t __attribute__((vector_size(4 * lanes)));                            \
    const wide_t m0 = (wide_t){0} + 0xD2511F53u, m1 = (wide_t){0} + 0xCD9E8D57u;                  \
    for (int i = 0; i < n; i += lanes) {                                                          \
      narrow_t *const word[4] = {(narrow_t *)&batch->word[0][i], (narrow_t *)&batch->word[1][i],  \
                                 (narrow_t *)&batch->word[2][i], (narrow_t *)&batch->word[3][i]}; \
      wide_t a = __builtin_convertvector(*word[0], wide_t);                                       \
      wide_t b = __builtin_convertvector(*word[1], wide_t);                                       \
      wide_t c = __builtin_convertvector(*word[2], wide_t);                                       \
      wide_t d = __builtin_convertvector(*word[3], wide_t);                                       \
      for (uint32_t r = 0; r < 10; r++) {                                                         \
        const wide_t p = (wide_t)multiply((vector)a, (vector)m0);                                 \
        const wide_t q = (wide_t)multiply((vector)c, (vector)m1);                                 \
        a = (q >> 32) ^ b ^ (k0 + r * 0x9E3779B9u);                                               \
        b = q;                                                                                    \
        c = (p >> 32) ^ d ^ (k1 + r * 0xBB67AE85u);                                               \
        d = p;                                                                                    \
      }                                                                                           \
      *word[0] = __builtin_convertvector(a, narrow_t);                                            \
      *word[1] = __builtin_convertvector(b, narrow_t);                                            \
      *word[2] = __builtin_convertvector(c, narrow_t);                                            \
      *word[3] = __builtin_convertvector(d, narrow_t);                                            \
    }                                                                                             \
  }
WIDE_WORDS(words_avx2, "avx2", 4, _mm256_mul_epu32, __m256i)
WIDE_WORDS(words_avx512, "avx512f", 8, _mm512_mul_epu32, __m512i)
#endif

void exset_rng_words(exset_rng_key_t key, int n, exset_rng_batch_t *batch) {
  const uint32_t k0 = key.word[0], k1 = key.word[1];
  n = round_up(n);
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) words_avx512(k0, k1, n, batch);
  else if (__builtin_cpu_supports("avx2")) words_avx2(k0, k1, n, batch);
  else words_plain(k0, k1, n, batch);
#else
  words_plain(k0, k1, n, batch);
#endif
}

void exset_rng_one(exset_rng_key_t key, const uint32_t counter[4], uint32_t word[4]) {
  const counter_t x = philox10((counter_t){counter[0], counter[1], counter[2], counter[3]},
                               key.word[0], key.word[1]);
  word[0] = x.a;
  word[1] = x.b;
  word[2] = x.c;
  word[3] = x.d;
}

exset_rng_key_t exset_rng_key(uint64_t seed, exset_stream_t stream, uint64_t index, uint32_t part) {
  const exset_rng_key_t by_seed = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), part, (uint32_t)stream};
  uint32_t word[4];
  exset_rng_one(by_seed, counter, word);
  return (exset_rng_key_t){{word[0], word[1]}};
}

EXSET_CLONES void exset_rng_normals(int n, const exset_rng_batch_t *words,
                                    exset_normal_batch_t *normals) {
  const int end = round_up(n);
  for (int pair = 0; pair < 4; pair += 2) {
    const uint32_t *restrict w = words->word[pair], *restrict v = words->word[pair + 1];
    float *restrict re = normals->value[pair], *restrict im = normals->value[pair + 1];
    for (int i = 0; i < end; i++) {
      const float radius = sqrtf(minus_log(w[i]));
      float s, c;
      turn(v[i], &s, &c);
      re[i] = radius * c;
      im[i] = radius * s;
    }
  }
}
