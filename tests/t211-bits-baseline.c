/* test: np="1" time=60 */
/* Equal bits (test_bits.h): the baseline of the compiler's flags. */
#define EXSET_CLONES
#include "test_bits.h"

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_modes();
  check_amplitudes(ctx);
  return test_end(ctx);
}
