/* test: np="1 2 3 5" time=60 */
/*
 * Thousands of small random boxes between electrodes against direct solutions, which hold for every contrast.
 * Arguments: number of cases, decades (conductivities 10^-decades to 10^decades), first seed.
 */
#include "test_conduct_direct.h"

/*
 * Conductances are kept in single precision. Each is off by at most 2^-24 of itself, so that sigma_eff, which grows
 * with each and by k when all grow by k, is off by no more: 6e-8. The rest is for the solver.
 */
static const double tolerance = 0x1p-24 + 1e-8;

static void check_case(exset_ctx_t *ctx, uint64_t seed, double decades) {
  direct_case_t c = direct_draw(seed, EXSET_BOUNDARY_ELECTRODES, decades);
  double tensor[3][3];
  exset_conduct_run_t run[3];
  direct_exact(&c, tensor);
  const double error = direct_error(ctx, &c, 1e-12, (const double(*)[3])tensor, run);
  CHECK_MSG(error <= tolerance, "seed %llu: error %.3g", (unsigned long long)seed, error);
  if (error <= tolerance) {
    direct_check_clusters(&c, run, seed);
    for (int a = 0; a < 3; a++) {
      CHECK_NEAR(run[a].flux_in, run[a].sigma_eff, 1e-6 * run[a].sigma_eff);
      CHECK_NEAR(run[a].flux_out, run[a].sigma_eff, 1e-6 * run[a].sigma_eff);
      CHECK(run[a].current[a] == run[a].sigma_eff && isnan(run[a].current[(a + 1) % 3]));
    }
  } else {
    direct_report(ctx, &c, 1e-12, tolerance);
  }
  box_free(&c.b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  const long count = argc > 1 ? atol(argv[1]) : ctx->size == 1 ? 3000 : 300 / ctx->size;
  const long first = argc > 3 ? atol(argv[3]) : ctx->size;
  for (long k = 0; k < count; k++)
    check_case(ctx, (uint64_t)(first + 8 * k), argc > 2 ? atof(argv[2]) : (double)(k % 5));
  exset_config_destroy(&config);
  return test_end(ctx);
}
