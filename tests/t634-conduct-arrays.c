/* test: np="1 3" time=60 */
/*
 * Periodic boxes of checkerboards, of cylinders on a square lattice that is turned against the voxels, of cubic arrays of
 * spheres that lie anywhere on the voxels; the dual of plane periodic media.
 */
#include <stdio.h>

#include "test_conduct_network.h"
#include "test_conduct_tensor.h"

static const double cube[3] = {1, 1, 1};

static int squares(int64_t z, int64_t y, int64_t x, const int64_t n[3]) {
  (void)z;
  return (2 * y / n[1] + 2 * x / n[2]) % 2 ? 1 : 2;
}

static tensor_t solve(exset_ctx_t *ctx, const int64_t n[3], case_phase_t phase,
                      const double *sigma) {
  box_t b = box_of(n, cube, 2, phase);
  const tensor_t t = tensor_solve(ctx, &b, sigma, 1e-10);
  box_free(&b);
  return t;
}

/*
 * Squares of one cell: every face joins the two phases, a uniform network of their harmonic mean. Larger ones: half of the
 * box between electrodes in t612, which is the quarter of mirror images. Beside 4 layers of it along z: the mean.
 */
static void check_checkerboard(exset_ctx_t *ctx, double contrast) {
  const double sigma[2] = {contrast, 1}, exchanged[2] = {1, contrast};
  const int64_t least[3] = {1, 2, 2}, n[3] = {4, 32, 32}, half[3] = {1, 16, 16};
  const double harmonic = 2 * contrast / (contrast + 1), mean = 0.5 * (contrast + 1);
  tensor_t expected = {{{mean, 0, 0}, {0, harmonic, 0}, {0, 0, harmonic}}};
  tensor_t t = solve(ctx, least, squares, sigma);
  CHECK_TENSOR(&t, &expected, 1e-7);
  t = solve(ctx, n, squares, sigma);
  expected.at[1][1] = expected.at[2][2] =
      case_run(ctx, half, cube, 2, squares, sigma, EXSET_AXIS_Y, 1e-10).sigma_eff;
  CHECK_TENSOR(&t, &expected, 2e-7);
  t = solve(ctx, n, squares, exchanged); /* the same board, shifted */
  CHECK_TENSOR(&t, &expected, 2e-7);
}

/*
 * Plane networks: the dual has a node at each corner of cells, and the inverse of each conductance across the face between
 * two of them. Its tensor is T / det T (Keller 1964, Mendelson 1975), exactly.
 */
static void check_dual(exset_ctx_t *ctx, uint64_t *state) {
  const int64_t n[3] = {1, 2 + box_draw_int(state, 10), 2 + box_draw_int(state, 10)};
  const double voxel[3] = {1, box_draw_real(state, 0.5, 2), box_draw_real(state, 0.5, 2)};
  double sigma[4];
  for (int p = 0; p < 4; p++) sigma[p] = pow(10, box_draw_real(state, -1.5, 1.5));
  box_t b = box_create(n, voxel, 4);
  box_fill(&b, 1, state);
  double *s = box_sigma(&b, sigma);
  network_t net = network_create(box_cells(&b));
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t x = 0; x < n[2]; x++) { /* corner: the one above the cell in y and x */
      const int64_t i = y * n[2] + x, up = (y + 1) % n[1], on = (x + 1) % n[2];
      const double along_x[3] = {0, 0, voxel[2]}, along_y[3] = {0, voxel[1], 0};
      /* face between (y, on) and (up, on): from this corner to the next one along x */
      const double gy = network_face(s[y * n[2] + on], s[up * n[2] + on]) * voxel[2] / voxel[1];
      const double gx = network_face(s[up * n[2] + x], s[up * n[2] + on]) * voxel[1] / voxel[2];
      network_add(&net, i, y * n[2] + on, 1 / gy, along_x);
      network_add(&net, i, up * n[2] + x, 1 / gx, along_y);
    }
  network_reduce(&net, 0);
  const tensor_t t = tensor_solve(ctx, &b, sigma, 1e-12);
  const double det = t.at[1][1] * t.at[2][2] - t.at[1][2] * t.at[2][1];
  const double area = (double)box_cells(&b) * voxel[1] * voxel[2];
  for (int a = 1; a < 3; a++)
    for (int c = 1; c < 3; c++)
      CHECK_NEAR(net.power[a][c] / area * det, t.at[a][c], 1e-6 * tensor_size(&t, a, c));
  network_free(&net);
  free(s);
  box_free(&b);
}

/*
 * Square lattice of cylinders with edges (p, q) and (-q, p) in a box of p^2 + q^2 of them: isotropic, and the same as for
 * (1, 0), whatever the angle. Perrins, McKenzie & McPhedran 1979 as in t614; the voxels leave 2 / (cells per
 * edge of the lattice).
 */
static void check_cylinders(exset_ctx_t *ctx, int p, int q, double ratio) {
  const int count = p * p + q * q;
  const int64_t size = 120, n[3] = {1, size, size};
  const double sigma[2] = {1, ratio}, edge = (double)size / sqrt(count),
               radius = edge * sqrt(0.4 / M_PI);
  box_t b = box_create(n, cube, 2);
  int64_t inside = 0;
  for (int64_t i = 0; i < size * size; i++) {
    const double y = (double)(i / size) + 0.2, x = (double)(i % size) + 0.7; /* any origin */
    double v = (p * y + q * x) / (edge * sqrt(count)), w = (p * x - q * y) / (edge * sqrt(count));
    v -= round(v), w -= round(w);
    b.phase[i] = (v * v + w * w) * edge * edge < radius * radius ? 2 : 1;
    inside += b.phase[i] == 2;
  }
  const double f = (double)inside / (double)(size * size), r = (1 + ratio) / (1 - ratio),
               f4 = pow(f, 4);
  const double exact =
      1 -
      2 * f / (r + f - 0.305827 * f4 * r / (r * r - 1.402958 * f4 * f4) - 0.013362 * f4 * f4 / r);
  const tensor_t t = tensor_solve(ctx, &b, sigma, 1e-8);
  for (int a = 1; a < 3; a++) {
    CHECK_NEAR(t.at[a][a], exact, 2 / edge * exact);
    CHECK_NEAR(t.at[a][3 - a], 0, 0.4 / edge * exact);
  }
  CHECK_NEAR(t.at[1][1], t.at[2][2], 0.4 / edge * exact);
  box_free(&b);
}

/* A cube with 1, 2 or 4 spheres of radius r at its corner, in its middle, in the middles of its faces. */
static double spheres(int count, double f, int64_t size, box_t *b) {
  static const double at[3][4][3] = {
      {{0}}, {{0}, {0.5, 0.5, 0.5}}, {{0}, {0, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 0.5, 0}}};
  const int64_t n[3] = {size, size, size};
  const double radius = cbrt(3 * f / (4 * M_PI * count));
  int64_t inside = 0;
  *b = box_create(n, cube, 2);
  for (int64_t i = 0; i < box_cells(b); i++) {
    const int64_t cell[3] = {i / (size * size), i / size % size, i % size};
    b->phase[i] = 1;
    for (int k = 0; k < count; k++) {
      double square = 0;
      for (int a = 0; a < 3; a++) {
        double d = ((double)cell[a] + 0.3 * a) / (double)size - at[count / 2][k][a];
        d -= round(d);
        square += d * d;
      }
      if (square < radius * radius) b->phase[i] = 2;
    }
    inside += b->phase[i] == 2;
  }
  return (double)inside / (double)box_cells(b);
}

/* Values and derivatives by f as in t613. */
static void check_spheres(exset_ctx_t *ctx, int count, double f, double ratio, double exact,
                          double slope) {
  const double sigma[2] = {1, ratio};
  box_t b;
  exact += slope * (spheres(count, f, 40, &b) - f);
  const tensor_t t = tensor_solve(ctx, &b, sigma, 1e-7);
  for (int a = 0; a < 3; a++) {
    CHECK_NEAR(t.at[a][a], exact, (ratio == 10 ? 0.2 : 1) / 20 * exact);
    for (int c = 0; c < a; c++) CHECK_NEAR(t.at[a][c], 0, 2e-3 * exact);
    CHECK_NEAR(t.at[a][a], t.at[0][0], 4e-3 * exact);
  }
  box_free(&b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  uint64_t state = 634;
  check_checkerboard(ctx, 2);
  check_checkerboard(ctx, 10);
  for (int k = 0; k < 30; k++) check_dual(ctx, &state);
  for (int k = 0; k < 3; k++) {
    const double ratios[3] = {0, 10, 1e4};
    check_cylinders(ctx, 1, 0, ratios[k]);
    check_cylinders(ctx, 1, 1, ratios[k]);
    check_cylinders(ctx, 2, 1, ratios[k]);
  }
  check_spheres(ctx, 1, 0.3, 0, 0.605661, -1.176);
  check_spheres(ctx, 2, 0.4, 10, 2.297032, 4.758);
  check_spheres(ctx, 4, 0.15, 1e6, 1.529515, 4.156);
  exset_config_destroy(&config);
  return test_end(ctx);
}
