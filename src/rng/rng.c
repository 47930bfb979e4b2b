/*
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) and Box-Muller normals, in loops that compilers turn into vector
 * code. Compiled with -ffp-contract=off: equal bits on every instruction set.
 */
#include "exset/rng.h"
#include "exset/simd.h"

#include <math.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

typedef struct {
  uint32_t a, b, c, d;
} counter_t;

EXSET_INLINE counter_t philox_round(counter_t x, uint32_t k0, uint32_t k1) {
  const uint64_t p = (uint64_t)x.a * 0xD2511F53u, q = (uint64_t)x.c * 0xCD9E8D57u;
  return (counter_t){(uint32_t)(q >> 32) ^ x.b ^ k0, (uint32_t)q, (uint32_t)(p >> 32) ^ x.d ^ k1,
                     (uint32_t)p};
}

EXSET_INLINE counter_t philox10(counter_t x, uint32_t k0, uint32_t k1) {
#define ROUND(r) x = philox_round(x, k0 + (r)*0x9E3779B9u, k1 + (r)*0xBB67AE85u)
  ROUND(0);
  ROUND(1);
  ROUND(2);
  ROUND(3);
  ROUND(4);
  ROUND(5);
  ROUND(6);
  ROUND(7);
  ROUND(8);
  ROUND(9);
#undef ROUND
  return x;
}

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

/* -log u for u = (w' + 1/2) / 2^31, w' the upper 31 bits of w. */
EXSET_INLINE float minus_log(uint32_t w) {
  return -exset_logf(((float)(int32_t)(w >> 1) + 0.5f) * 0x1p-31f);
}

/* sin and cos of 2 pi w / 2^32: the nearest quarter turn in the two upper bits, the rest in [-pi/4, pi/4]. */
EXSET_INLINE void turn(uint32_t w, float *sine, float *cosine) {
  const uint32_t quarter = (w + 0x20000000u) >> 30;
  const float x = (float)(int32_t)(w - (quarter << 30)) * (float)(M_PI_2 * 0x1p-30), x2 = x * x;
  float s = -1.9515295891e-4f;
  s = s * x2 + 8.3321608736e-3f;
  s = s * x2 - 1.6666654611e-1f;
  s = s * x2 * x + x;
  float c = 2.443315711809948e-5f;
  c = c * x2 - 1.388731625493765e-3f;
  c = c * x2 + 4.166664568298827e-2f;
  c = c * x2 * x2 - 0.5f * x2 + 1.0f;
  const uint32_t swap = 0u - (quarter & 1u), sb = exset_float_bits(s), cb = exset_float_bits(c);
  const uint32_t sign_s = (quarter & 2u) << 30, sign_c = ((quarter + 1u) & 2u) << 30;
  *sine = exset_bits_float(((sb & ~swap) | (cb & swap)) ^ sign_s);
  *cosine = exset_bits_float(((cb & ~swap) | (sb & swap)) ^ sign_c);
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
