/**
 * simd: helpers for loops that compilers turn into vector code: a marker that compiles a function once
 * for each instruction set, and exp and log as inline expressions without branches.
 *
 * Files that must give equal bits on every instruction set are compiled with -ffp-contract=off
 * (see EXACT in the Makefile); every operation used here is then the same everywhere.
 */
#ifndef EXSET_SIMD_H
#define EXSET_SIMD_H

#include <stdint.h>
#include <string.h>

/* One copy for each instruction set, chosen when the program starts; the sanitizers start too late for that,
 * and older clang cannot link it. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(EXSET_NO_CLONES) && \
    !defined(EXSET_CLONES)
#if defined(__clang__)
#if __clang_major__ >= 18 && !__has_feature(address_sanitizer)
#define EXSET_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#elif !defined(__SANITIZE_ADDRESS__)
#define EXSET_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef EXSET_CLONES
#define EXSET_CLONES
#endif
/* The same where gcc would jam a loop into the one around it, instead of making vector code of it. */
#if defined(__GNUC__) && !defined(__clang__)
#define EXSET_CLONES_UNJAMMED EXSET_CLONES __attribute__((optimize("no-loop-unroll-and-jam")))
#else
#define EXSET_CLONES_UNJAMMED EXSET_CLONES
#endif
#define EXSET_INLINE static inline __attribute__((always_inline))

/* The bits of a float, and the float of bits. Local. */
EXSET_INLINE uint32_t exset_float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
EXSET_INLINE float exset_bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* log x for normal x > 0; relative error about 1e-7. Polynomial: Cephes, logf. Local. */
EXSET_INLINE float exset_logf(float x) {
  /* x = 2^e m with m in [sqrt(1/2), sqrt 2) */
  const uint32_t bits = exset_float_bits(x);
  const int32_t e = (int32_t)(bits - 0x3F3504F3u) >> 23;
  const float f = exset_bits_float(bits - ((uint32_t)e << 23)) - 1.0f, f2 = f * f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float tail = f * f2 * p - 0.5f * f2 + (float)e * -2.12194440e-4f;
  return (tail + f) + (float)e * 0.693359375f;
}

/* log(1 + x) for x >= 0; relative error about 1e-7: the rounding of 1 + x is put right. Local. */
EXSET_INLINE float exset_log1pf(float x) {
  const float u = 1.0f + x;
  return exset_logf(u) + (x - (u - 1.0f)) / u;
}

/* exp x for -87 <= x <= 88; relative error about 1e-7. Polynomial: Cephes, expf. Local. */
EXSET_INLINE float exset_expf(float x) {
  const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
  const float n = (x * 1.44269504088896341f + shift) - shift;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  return p * exset_bits_float((uint32_t)((int32_t)n + 127) << 23);
}

/* exp x in double precision for |x| <= 708, beyond that the value there; relative error about 2e-16. Local. */
EXSET_INLINE double exset_exp(double x) {
  x = x > -708.0 ? x : -708.0;
  x = x < 708.0 ? x : 708.0;
  const double shift =
      0x1.8p52; /* adding it rounds to an integer, which is then in the lower bits */
  const double shifted = x * 1.4426950408889634 + shift, n = shifted - shift;
  const double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33; /* in +-log(2)/2 */
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * (r * r * r) + (0.5 * r * r + r) + 1.0;
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023u) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

#endif
