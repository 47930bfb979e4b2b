/* test: np="1 3" time=180 */
/* A measured three-phase electrode against reference values (TauFactor and double-precision conjugate gradients). */
#include "test_conduct.h"

/* Six significant digits; z, y, x. */
static const double expected[3][3] = {
    {0.105245, 0.144345, 0.085425}, {0.012927, 0.033128, 0.037784}, {0.143283, 0.181477, 0.093215}};
static const double percolating[3] = {0.37095, 0.20113, 0.38572};

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const char *path = test_data("sofc/stack.tif");
  if (!path) return test_skip(ctx, "sofc/stack.tif is not at hand");
  exset_config_t *config = case_begin(ctx);
  const exset_volume_options_t options = {0};
  const exset_conduct_options_t tight = {.rtol = 1e-7}; /* six digits */
  exset_volume_t v;
  MUST(ctx, exset_volume_read(ctx, path, &options, &v));
  for (int phase = 0; phase < 3; phase++) {
    const double sigma[3] = {phase == 0, phase == 1, phase == 2};
    exset_conduct_t *c;
    exset_conduct_run_t run;
    MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
    for (int axis = 0; axis < 3; axis++) {
      MUST(ctx, exset_conduct_solve(c, axis, &tight, NULL, NULL, &run));
      CHECK_NEAR(run.sigma_eff, expected[phase][axis], 1.5e-6);
      CHECK_NEAR(run.percolating_fraction, percolating[phase], 1e-5);
      CHECK_NEAR(run.flux_in, run.flux_out, 1e-3 * run.sigma_eff);
      CHECK_MSG(run.iterations < 80, "%d iterations", run.iterations);
    }
    exset_conduct_destroy(&c);
  }
  /* Strong contrast beside an insulator; hypre's BoomerAMG finds 0.01305844 to a residual of 1e-9. */
  const double sigma[3] = {1e-4, 1, 0};
  const exset_conduct_run_t run = case_solve(ctx, &v, sigma, EXSET_AXIS_Z, 1e-7);
  CHECK_NEAR(run.sigma_eff, 0.01305844, 1.5e-8);
  exset_volume_clear(&v);
  exset_config_destroy(&config);
  return test_end(ctx);
}
