/*
 * Noise along a column of modes: Philox where three of the four counter words are the same for all, Box-Muller, and the
 * product with an amplitude. Same words and normals as in rng.c, bit for bit.
 *
 * With the third word alone different, half of the products of the first two rounds are common to the column:
 * tail_t has the state after them as far as it is.
 */
#include "rng_impl.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { RUN = EXSET_RNG_RUN };

typedef struct {
  uint32_t word[4][RUN] __attribute__((aligned(64)));
} run_t;

/* After two rounds on (a, b, c, d): a = low(c m1) ^ a2, b = b2, c = high(p) ^ c2, d = low(p), with
 * p = m0 (high(c m1) ^ a1). k: key words of all rounds. 32-bit numbers, as wide as the lanes they are used with. */
typedef struct {
  uint64_t a1, a2, b2, c2;
  uint64_t k0[10], k1[10];
} common_t;

static common_t common_part(exset_rng_key_t key, const uint32_t word[3]) {
  common_t x;
  for (uint32_t r = 0; r < 10; r++) {
    x.k0[r] = (uint32_t)(key.word[0] + r * 0x9E3779B9u);
    x.k1[r] = (uint32_t)(key.word[1] + r * 0xBB67AE85u);
  }
  const uint64_t p = (uint64_t)word[0] * 0xD2511F53u;
  const uint64_t c1 = (p >> 32) ^ word[2] ^ x.k1[0], q = c1 * 0xCD9E8D57u;
  x.a1 = word[1] ^ x.k0[0];
  x.a2 = (q >> 32) ^ x.k0[1];
  x.b2 = (uint32_t)q;
  x.c2 = (uint32_t)p ^ x.k1[1];
  return x;
}

static void run_plain(const common_t *x, int n, const uint32_t *third, run_t *run) {
  uint32_t *restrict a = run->word[0], *restrict b = run->word[1];
  uint32_t *restrict c = run->word[2], *restrict d = run->word[3];
  for (int i = 0; i < n; i++) {
    const uint64_t q = (uint64_t)third[i] * 0xCD9E8D57u;
    const uint64_t p = (uint64_t)((uint32_t)(q >> 32) ^ (uint32_t)x->a1) * 0xD2511F53u;
    counter_t s = {(uint32_t)(q ^ x->a2), (uint32_t)x->b2, (uint32_t)((p >> 32) ^ x->c2),
                   (uint32_t)p};
    for (int r = 2; r < 10; r++) s = philox_round(s, (uint32_t)x->k0[r], (uint32_t)x->k1[r]);
    a[i] = s.a;
    b[i] = s.b;
    c[i] = s.c;
    d[i] = s.d;
  }
}

/*
 * The same with vectors of 64-bit lanes: compilers do not find the instruction that multiplies their lower halves. The
 * upper halves hold leftovers that no product sees and that the last conversion drops. Two vectors at a time hide
 * the latency of the products.
 */
#ifdef __x86_64__
#define WIDE_RUN(name, isa, lanes, multiply, vector)                                             \
  __attribute__((target(isa))) static void name(const common_t *x, int n, const uint32_t *third, \
                                                run_t *run) {                                    \
    typedef uint64_t wide_t __attribute__((vector_size(8 * lanes)));                             \
    typedef uint32_t narrow_t __attribute__((vector_size(4 * lanes), aligned(4)));               \
    const wide_t m0 = (wide_t){0} + 0xD2511F53u, m1 = (wide_t){0} + 0xCD9E8D57u;                 \
    for (int i = 0; i < n; i += 2 * lanes) {                                                     \
      wide_t a[2], b[2], c[2], d[2];                                                             \
      for (int u = 0; u < 2; u++) {                                                              \
        const wide_t kz =                                                                        \
            __builtin_convertvector(*(const narrow_t *)&third[i + u * lanes], wide_t);           \
        const wide_t q = (wide_t)multiply((vector)kz, (vector)m1);                               \
        const wide_t a1 = (q >> 32) ^ x->a1;                                                     \
        const wide_t p = (wide_t)multiply((vector)a1, (vector)m0);                               \
        a[u] = q ^ x->a2;                                                                        \
        b[u] = (wide_t){0} + x->b2;                                                              \
        c[u] = (p >> 32) ^ x->c2;                                                                \
        d[u] = p;                                                                                \
      }                                                                                          \
      for (int r = 2; r < 10; r++)                                                               \
        for (int u = 0; u < 2; u++) {                                                            \
          const wide_t p = (wide_t)multiply((vector)a[u], (vector)m0);                           \
          const wide_t q = (wide_t)multiply((vector)c[u], (vector)m1);                           \
          a[u] = (q >> 32) ^ b[u] ^ x->k0[r];                                                    \
          b[u] = q;                                                                              \
          c[u] = (p >> 32) ^ d[u] ^ x->k1[r];                                                    \
          d[u] = p;                                                                              \
        }                                                                                        \
      for (int u = 0; u < 2; u++) {                                                              \
        *(narrow_t *)&run->word[0][i + u * lanes] = __builtin_convertvector(a[u], narrow_t);     \
        *(narrow_t *)&run->word[1][i + u * lanes] = __builtin_convertvector(b[u], narrow_t);     \
        *(narrow_t *)&run->word[2][i + u * lanes] = __builtin_convertvector(c[u], narrow_t);     \
        *(narrow_t *)&run->word[3][i + u * lanes] = __builtin_convertvector(d[u], narrow_t);     \
      }                                                                                          \
    }                                                                                            \
  }
WIDE_RUN(run_avx2, "avx2", 4, _mm256_mul_epu32, __m256i)
WIDE_RUN(run_avx512, "avx512f", 8, _mm512_mul_epu32, __m512i)
#endif

static void run_words(const common_t *x, int n, const uint32_t *third, run_t *run) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) run_avx512(x, n, third, run);
  else if (__builtin_cpu_supports("avx2")) run_avx2(x, n, third, run);
  else run_plain(x, n, third, run);
#else
  run_plain(x, n, third, run);
#endif
}

EXSET_CLONES static void run_modes(int n, const uint32_t *restrict w, const uint32_t *restrict v,
                                   const float *restrict amplitude, float *restrict out) {
  for (int i = 0; i < n; i++) {
    const float radius = sqrtf(minus_log(w[i]));
    float s, c;
    turn(v[i], &s, &c);
    out[2 * i] = amplitude[i] * (radius * c);
    out[2 * i + 1] = amplitude[i] * (radius * s);
  }
}

void exset_rng_modes(exset_rng_key_t key, const uint32_t word[3], int n, const uint32_t *third,
                     const float *const amplitude[2], float *const out[2]) {
  const common_t x = common_part(key, word);
  const int whole = n & ~(EXSET_RNG_QUANTUM - 1), rest = n - whole;
  run_t run;
  run_words(&x, n, third, &run);
  for (int c = 0; c < 2; c++) {
    if (!out[c]) continue;
    run_modes(whole, run.word[2 * c], run.word[2 * c + 1], amplitude[c], out[c]);
    if (rest > 0) {
      float last[2 * EXSET_RNG_QUANTUM];
      run_modes(EXSET_RNG_QUANTUM, run.word[2 * c] + whole, run.word[2 * c + 1] + whole,
                amplitude[c] + whole, last);
      memcpy(out[c] + 2 * whole, last, (size_t)rest * 2 * sizeof *last);
    }
  }
}
