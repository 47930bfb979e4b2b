/* test: np="1 3" time=60 */
/*
 * Simple, body-centred and face-centred cubic arrays of spheres between electrodes on an eighth of the cube, whose outer
 * faces are mirror planes, against Rayleigh's method.
 */
#include <math.h>

#include "test_conduct_box.h"

enum { SC, BCC, FCC };

/*
 * sigma_eff / sigma of the matrix and its derivative by the volume fraction f: Rayleigh's multipole method as in
 * McPhedran & McKenzie (Proc. R. Soc. A 359, 45, 1978) and McKenzie, McPhedran & Derrick (ibid. 362, 211, 1978), worked out
 * anew for this test with all azimuthal orders up to 23 and lattice sums by Ewald's method; digits shown are those that
 * orders 15 and 23 share. Sangani & Acrivos' series (Proc. R. Soc. A 386, 263, 1983) for SC and BCC agrees to its order.
 * ratio: conductivity of spheres / matrix.
 */
static const struct {
  int lattice;
  double ratio, f, exact, slope;
} cases[] = {
    {SC, 0, 0.15, 0.790526, -1.303},     {SC, 0, 0.3, 0.605661, -1.176},
    {SC, 10, 0.15, 1.380885, 2.875},     {SC, 10, 0.3, 1.887740, 4.031},
    {SC, 1e+06, 0.15, 1.530886, 4.199},  {SC, 1e+06, 0.3, 2.332878, 6.982},
    {BCC, 0, 0.15, 0.790678, -1.299},    {BCC, 0, 0.4, 0.498465, -1.059},
    {BCC, 10, 0.15, 1.380351, 2.859},    {BCC, 10, 0.4, 2.297032, 4.758},
    {BCC, 1e+06, 0.15, 1.529579, 4.158}, {BCC, 1e+06, 0.4, 3.035128, 8.897},
    {FCC, 0, 0.15, 0.790685, -1.298},    {FCC, 0, 0.4, 0.498813, -1.056},
    {FCC, 10, 0.15, 1.380325, 2.858},    {FCC, 10, 0.4, 2.293309, 4.704},
    {FCC, 1e+06, 0.15, 1.529515, 4.156}, {FCC, 1e+06, 0.4, 3.023009, 8.701},
};

/* Spheres at corners of the box; edges half of the cube's, which holds 1, 2, 4 spheres. Returns their fraction. */
static double eighth(int lattice, double f, int64_t size, box_t *b) {
  static const int corner[4][3] = {{0, 0, 0}, {0, 1, 1}, {1, 0, 1}, {1, 1, 0}};
  static const int centre[2][3] = {{0, 0, 0}, {1, 1, 1}};
  const int count = 1 << lattice;
  const int64_t n[3] = {size, size, size};
  const double voxel[3] = {1, 1, 1}, edge = (double)size;
  const double radius = 2 * edge * cbrt(3 * f / (4 * M_PI * count));
  int64_t inside = 0;
  *b = box_create(n, voxel, 2);
  for (int64_t i = 0; i < box_cells(b); i++) {
    const int64_t at[3] = {i / (size * size), i / size % size, i % size};
    b->phase[i] = 1;
    for (int k = 0; k < count; k++) {
      const int *c = lattice == BCC ? centre[k] : corner[k];
      double square = 0;
      for (int a = 0; a < 3; a++) square += pow((double)at[a] + 0.5 - c[a] * edge, 2);
      if (square < radius * radius) b->phase[i] = 2;
    }
    inside += b->phase[i] == 2;
  }
  return (double)inside / (double)box_cells(b);
}

/* Relative error, with what the voxels' volume fraction differs by taken off. */
static double error_of(exset_ctx_t *ctx, size_t k, int64_t size) {
  const double sigma[2] = {1, cases[k].ratio};
  box_t b;
  const double f = eighth(cases[k].lattice, cases[k].f, size, &b);
  exset_volume_t v = box_volume(ctx, &b);
  const exset_conduct_run_t run = case_solve(ctx, &v, sigma, (int)(k % 3), 1e-7);
  CHECK(run.percolating_share == 1);
  free(v.phase);
  box_free(&b);
  return run.sigma_eff / (cases[k].exact + cases[k].slope * (f - cases[k].f)) - 1;
}

/* The line error * size = first + left * size nearest to several: coefficient of first order, and what is left at voxel size 0. */
static void fit(int n, const double *size, const double *error, double *first, double *left) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (int k = 0; k < n; k++) x += size[k] / n, y += error[k] * size[k] / n;
  for (int k = 0; k < n; k++) {
    xx += (size[k] - x) * (size[k] - x);
    xy += (size[k] - x) * (error[k] * size[k] - y);
  }
  *left = xy / xx;
  *first = y - x * *left;
}

/*
 * The staircase shifts the sphere's surface by a part of a voxel: an error of first order, about -0.2 to -1 over
 * the size for insulators, positive for conductors of 10^6 and small between (two parts nearly cancel at 10). How the
 * surface cuts the voxels differs from grid to grid, by up to 20 % of the error, so that a line through
 * five grids is extrapolated. It ends within 0.2, 0.3, 0.6 % of the exact value for ratios 0, 10, 10^6; the gaps between
 * spheres of f = 0.4 are 5 to 12 voxels wide.
 */
static void check_spheres(exset_ctx_t *ctx, size_t k) {
  enum { GRIDS = 5 };
  const double size[GRIDS] = {18, 24, 30, 38, 46}, ratio = cases[k].ratio;
  double error[GRIDS], first, left;
  for (int j = 0; j < GRIDS; j++) error[j] = error_of(ctx, k, (int64_t)size[j]);
  fit(GRIDS, size, error, &first, &left);
  CHECK_MSG(fabs(left) < (ratio > 10  ? 6e-3
                          : ratio > 0 ? 3e-3
                                      : 2e-3),
            "lattice %d, ratio %g, fraction %g: error %.2g + %.2g / size", cases[k].lattice, ratio,
            cases[k].f, left, first);
  for (int j = 0; j < GRIDS; j++) {
    const double low = ratio == 0 ? -1.1 : ratio == 10 ? -0.1 : 0.05;
    const double high = ratio == 0 ? -0.2 : ratio == 10 ? 0.1 : 0.4;
    CHECK_MSG(error[j] * size[j] > low && error[j] * size[j] < high,
              "lattice %d, ratio %g, fraction %g: error %.3g at %g cells", cases[k].lattice, ratio,
              cases[k].f, error[j], size[j]);
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) check_spheres(ctx, k);
  exset_config_destroy(&config);
  return test_end(ctx);
}
