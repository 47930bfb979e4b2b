/* test: np="1" time=60 */
/* Equal bits (test_bits.h): AVX2, also where AVX-512 is there and the library takes that. */
#ifdef __x86_64__
#define EXSET_CLONES __attribute__((target("avx2")))
#endif
#include "test_bits.h"

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
#ifdef __x86_64__
  if (!__builtin_cpu_supports("avx2")) return test_skip(ctx, "no AVX2");
#else
  return test_skip(ctx, "not x86-64");
#endif
  check_modes();
  check_amplitudes(ctx);
  return test_end(ctx);
}
