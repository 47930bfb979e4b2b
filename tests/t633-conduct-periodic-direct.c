/* test: np="1 2 3 5" time=60 */
/*
 * Thousands of small random periodic boxes against direct solutions, which hold for every contrast: tensors, and which
 * components wind round the box.
 * Arguments: number of cases, decades (conductivities 10^-decades to 10^decades), first seed.
 */
#include "test_conduct_direct.h"
#include "test_conduct_tensor.h"

/* See t617. */
static const double tolerance = 0x1p-24 + 1e-8;

static void check_case(exset_ctx_t *ctx, uint64_t seed, double decades) {
  direct_case_t c = direct_draw(seed, EXSET_BOUNDARY_PERIODIC, decades);
  tensor_t exact, t;
  exset_conduct_run_t run[3];
  direct_exact(&c, exact.at);
  const double error = direct_error(ctx, &c, 1e-12, (const double(*)[3])exact.at, run);
  CHECK_MSG(error <= tolerance, "seed %llu: error %.3g", (unsigned long long)seed, error);
  if (error <= tolerance) {
    direct_check_clusters(&c, run, seed);
    for (int column = 0; column < 3; column++)
      for (int row = 0; row < 3; row++) t.at[row][column] = run[column].current[row];
    const double whole = tensor_difference(&t, &exact);
    CHECK_MSG(whole <= 1e-6, "seed %llu: tensors differ by %.3g", (unsigned long long)seed, whole);
  } else {
    direct_report(ctx, &c, 1e-12, tolerance);
  }
  box_free(&c.b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  const long count = argc > 1 ? atol(argv[1]) : ctx->size == 1 ? 2000 : 300 / ctx->size;
  const long first = argc > 3 ? atol(argv[3]) : ctx->size;
  for (long k = 0; k < count; k++)
    check_case(ctx, (uint64_t)(first + 8 * k), argc > 2 ? atof(argv[2]) : (double)(k % 3));
  exset_config_destroy(&config);
  return test_end(ctx);
}
