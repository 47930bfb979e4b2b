/* test: np="1 2 3 5" time=60 */
/* Laminates, checkerboard, channel, spheres, no path: closed forms. */
#include <math.h>
#include <string.h>

#include "test_conduct.h"

static const double cube[3] = {1, 1, 1};

static int layers_z(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)y, (void)x, (void)n;
  return z % 3 == 0 ? 1 : 2;
}
static int layers_y(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)z, (void)x, (void)n;
  return y % 3 == 0 ? 1 : 2;
}
static int layers_x(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)z, (void)y, (void)n;
  return x % 3 == 0 ? 1 : 2;
}

/* Layers across and along the current: harmonic and arithmetic means, exact on voxels of any shape. */
static void check_laminates(exset_ctx_t *ctx) {
  const case_phase_t layers[3] = {layers_z, layers_y, layers_x};
  const double sigma[2] = {7, 0.2}, voxel[3] = {0.5, 2, 1.25};
  const int64_t n[3] = {9, 12, 6};
  const double series = 1 / (1 / (3 * 7.0) + 2 / (3 * 0.2)), parallel = (7 + 2 * 0.2) / 3;
  for (int normal = 0; normal < 3; normal++)
    for (int axis = 0; axis < 3; axis++) {
      const double exact = axis == normal ? series : parallel;
      exset_conduct_run_t run = case_run(ctx, n, voxel, 2, layers[normal], sigma, axis, 1e-9);
      CHECK_NEAR(run.sigma_eff, exact,
                 1e-6 * exact); /* conductances are kept in single precision */
      CHECK_NEAR(run.flux_in, exact, 1e-6 * exact);
      CHECK_NEAR(run.flux_out, exact, 1e-6 * exact);
      CHECK_NEAR(run.m_factor, exact / parallel, 1e-6);
      CHECK(run.percolating_fraction == 1 && run.conducting_fraction == 1);
      run = case_run(ctx, n, cube, 2, layers[normal], sigma, axis, 1e-9);
      CHECK_NEAR(run.sigma_eff, exact, 1e-6 * exact);
    }
}

static int uniform(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)z, (void)y, (void)x, (void)n;
  return 1;
}

static void check_uniform(exset_ctx_t *ctx) {
  const double sigma[1] = {3e-7}, voxel[3] = {0.1, 0.4, 0.2};
  const int64_t sizes[][3] = {{1, 1, 1}, {1, 5, 7}, {13, 1, 1}, {2, 3, 1}, {17, 16, 31}};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    for (int axis = 0; axis < 3; axis++) {
      const exset_conduct_run_t run = case_run(ctx, sizes[k], voxel, 1, uniform, sigma, axis, 1e-9);
      CHECK_NEAR(run.sigma_eff, 3e-7, 3e-13);
      CHECK_NEAR(run.tortuosity_factor, 1, 1e-6);
    }
}

/* Squares of 1/8 of the width: 4 x 4 periods. */
static int checkerboard(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)z;
  return (y * 8 / n[1] + x * 8 / n[2]) % 2 ? 1 : 2;
}

/* sqrt(s1 s2) in two dimensions: the error falls with the voxel size (the corners are singular). */
static void check_checkerboard(exset_ctx_t *ctx) {
  const double sigma[2] = {4, 1};
  double error[3];
  for (int level = 0; level < 3; level++) {
    const int64_t n[3] = {3, 32 << level, 32 << level};
    error[level] = case_run(ctx, n, cube, 2, checkerboard, sigma, EXSET_AXIS_X, 1e-8).sigma_eff - 2;
    CHECK_NEAR(error[level], 0, 0.1 / (1 << level));
  }
  CHECK_MSG(fabs(error[1]) < 0.75 * fabs(error[0]) && fabs(error[2]) < 0.75 * fabs(error[1]),
            "errors %g %g %g do not fall", error[0], error[1], error[2]);
}

/* A channel of 2 x 3 cells along z, a blind one beside it, an island. */
static int channel(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  if (y >= 2 && y < 4 && x >= 1 && x < 4) return 2;
  if (y == 6 && x == 6 && z < n[0] - 1) return 2;
  if (y == 8 && x == 3 && z == 4) return 2;
  return 1;
}

static void check_channel(exset_ctx_t *ctx) {
  const double sigma[2] = {0, 5};
  const int64_t n[3] = {10, 9, 8};
  exset_conduct_run_t run = case_run(ctx, n, cube, 2, channel, sigma, EXSET_AXIS_Z, 1e-9);
  const double all = 10 * 9 * 8;
  CHECK_NEAR(run.sigma_eff, 5 * 60 / all, 1e-6);
  CHECK_NEAR(run.percolating_fraction, 60 / all, 1e-12);
  CHECK_NEAR(run.conducting_fraction, 70 / all, 1e-12);
  CHECK_NEAR(run.percolating_share, 60.0 / 70, 1e-12);
  CHECK_NEAR(run.m_factor, 60 / all, 1e-6);
  CHECK_NEAR(run.tortuosity_factor, 70.0 / 60, 1e-6);
  CHECK(run.unknowns == 60);
  run = case_run(ctx, n, cube, 2, channel, sigma, EXSET_AXIS_X, 1e-9); /* no path */
  CHECK(run.sigma_eff == 0 && run.m_factor == 0 && isinf(run.tortuosity_factor));
  CHECK(run.percolating_fraction == 0 && run.unknowns == 0 && run.iterations == 0);
}

/* An insulating sphere of volume fraction 0.1 in the middle: a simple cubic array by mirror symmetry. */
static int sphere(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  const double c = 0.5 * (double)n[0] - 0.5, radius = cbrt(0.1 * 3 / (4 * M_PI)) * (double)n[0];
  const double dz = (double)z - c, dy = (double)y - c, dx = (double)x - c;
  return dz * dz + dy * dy + dx * dx < radius * radius ? 2 : 1;
}

/*
 * Rayleigh's series with its next term (McPhedran and McKenzie 1978): f of insulating spheres,
 * sigma = 1 - 3 f / (2 + f - 0.392 f^(10/3)). The staircase surface makes a sphere look larger by a part of a
 * voxel: an error of about 0.3 / n, which extrapolation to voxels of size 0 takes away.
 */
static void check_sphere(exset_ctx_t *ctx) {
  const double sigma[2] = {1, 0};
  double error[2];
  for (int k = 0; k < 2; k++) {
    const int64_t size = 36 << k, n[3] = {size, size, size};
    const exset_conduct_run_t run = case_run(ctx, n, cube, 2, sphere, sigma, EXSET_AXIS_Y, 1e-7);
    const double f = 1 - run.conducting_fraction;
    error[k] = run.sigma_eff - (1 - 3 * f / (2 + f - 0.392 * pow(f, 10.0 / 3)));
    CHECK_NEAR(f, 0.1, 3e-3);
    CHECK_NEAR(error[k], 0, 0.4 / (double)size);
    CHECK(run.percolating_share == 1);
  }
  CHECK_NEAR(2 * error[1] - error[0], 0, 2e-3);
}

static void check_mistakes(exset_ctx_t *ctx) {
  const int64_t n[3] = {2, 2, 2};
  exset_volume_t v = case_volume(ctx, n, cube, 2, layers_x);
  const double bad[][2] = {{-1, 1}, {NAN, 1}, {INFINITY, 1}, {0, 0}, {1, 1e-30}};
  exset_conduct_t *c;
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    ctx->message[0] = 0;
    CHECK(exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, bad[k], &c) == EXSET_ERR_INPUT);
    CHECK(c == NULL && strlen(ctx->message) > 20);
  }
  ctx->message[0] = 0;
  free(v.phase);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  check_laminates(ctx);
  check_uniform(ctx);
  check_checkerboard(ctx);
  check_channel(ctx);
  check_sphere(ctx);
  check_mistakes(ctx);
  exset_config_destroy(&config);
  return test_end(ctx);
}
