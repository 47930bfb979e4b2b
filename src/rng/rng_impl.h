/* Parts of the generator that its files share, inline: one round of Philox, and Box-Muller from two words. */
#ifndef EXSET_RNG_IMPL_H
#define EXSET_RNG_IMPL_H

#include "exset/rng.h"
#include "exset/simd.h"

#include <math.h>

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

#endif
