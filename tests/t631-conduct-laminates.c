/* test: np="1 2 3 5" time=60 */
/*
 * Layers in periodic boxes, along the axes and along diagonals of the lattice: full tensors against closed forms that are
 * exact for the voxels, and against R diag(series, parallel, parallel) R^T with its order of convergence.
 */
#include <stdio.h>

#include "test_conduct_network.h"
#include "test_conduct_tensor.h"

/* Conductances are kept in single precision, see t617. */
static const double tolerance = 1e-7;
enum { PERIOD_MAX = 64, PHASES = 4 };
static const double sigma[PHASES] = {1, 0.02, 30, 0.4};

/* Cell (z, y, x) lies in layer k = (m . (z, y, x)) mod period, of phase layer[k]. */
typedef struct {
  int m[3];
  int64_t period;
  uint8_t layer[PERIOD_MAX];
} laminate_t;

static double layer_sigma(const laminate_t *l, int64_t k) {
  return sigma[l->layer[(k % l->period + l->period) % l->period] - 1];
}

/* As many periods as fit about 12 cells along the axes that the normal has a part of, few cells along the others. */
static box_t laminate_box(const laminate_t *l, const double voxel[3]) {
  int64_t n[3];
  for (int a = 0; a < 3; a++) n[a] = l->m[a] ? l->period * (l->period < 7 ? 2 : 1) : 2 + a;
  box_t b = box_create(n, voxel, PHASES);
  for (int64_t i = 0; i < box_cells(&b); i++) {
    const int64_t k =
        l->m[0] * (i / (n[1] * n[2])) + l->m[1] * (i / n[2] % n[1]) + l->m[2] * (i % n[2]);
    b.phase[i] = l->layer[(k % l->period + l->period) % l->period];
  }
  return b;
}

/*
 * Normals whose m are 0, 1 or -1: u depends on k alone, and each cell is joined with layers k - 1 and k + 1 only. With s_k the
 * conductivity of the faces between layers k and k + 1 (harmonic means), the unit normal n ~ m_a / voxel_a, and P the
 * projection on the axes with m_a != 0:
 * T = n n^T / mean(1 / s_k) + mean(s_k) (P - n n^T) + mean(sigma) (1 - P),
 * where mean(1 / s_k) = mean(1 / sigma), so that only the second term is not exact for the continuum.
 */
static tensor_t closed_form(const laminate_t *l, const double voxel[3], bool continuum) {
  double resistance = 0, mean = 0, face = 0, normal[3], norm = 0;
  for (int64_t k = 0; k < l->period; k++) {
    const double s = layer_sigma(l, k), next = layer_sigma(l, k + 1);
    resistance += 1 / s / (double)l->period;
    mean += s / (double)l->period;
    face += network_face(s, next) / (double)l->period;
  }
  for (int a = 0; a < 3; a++) normal[a] = l->m[a] / voxel[a], norm += normal[a] * normal[a];
  tensor_t t;
  for (int a = 0; a < 3; a++)
    for (int c = 0; c < 3; c++) {
      const double nn = normal[a] * normal[c] / norm, across = (a == c) - nn;
      t.at[a][c] = nn / resistance + (l->m[a] && l->m[c] && !continuum ? face : mean) * across;
    }
  return t;
}

/* Any normal: one cell of each layer and its faces, solved by elimination. */
static tensor_t ring_form(const laminate_t *l, const double voxel[3]) {
  network_t net = network_create(l->period);
  for (int64_t k = 0; k < l->period; k++)
    for (int a = 0; a < 3; a++) {
      const int64_t to = ((k + l->m[a]) % l->period + l->period) % l->period;
      double w[3] = {0};
      w[a] = voxel[a];
      network_add(&net, k, to,
                  network_face(layer_sigma(l, k), layer_sigma(l, to)) / (voxel[a] * voxel[a]), w);
    }
  network_reduce(&net, 0);
  tensor_t t;
  for (int a = 0; a < 3; a++)
    for (int c = 0; c < 3; c++) t.at[a][c] = net.power[a][c] / (double)l->period;
  network_free(&net);
  return t;
}

static tensor_t solve(exset_ctx_t *ctx, const laminate_t *l, const double voxel[3]) {
  box_t b = laminate_box(l, voxel);
  const tensor_t t = tensor_solve(ctx, &b, sigma, 1e-12);
  box_free(&b);
  return t;
}

/* Random layers of all phases on voxels that are no cubes. */
static void check_random(exset_ctx_t *ctx, uint64_t *state) {
  static const int normals[][3] = {{1, 0, 0}, {0, 1, 0},  {0, 0, 1},  {1, 1, 0},
                                   {1, 0, 1}, {0, 1, 1},  {1, -1, 0}, {0, 1, -1},
                                   {1, 1, 1}, {1, -1, 1}, {1, 1, -1}};
  for (size_t k = 0; k < sizeof normals / sizeof *normals; k++) {
    laminate_t l = {.period = 2 + box_draw_int(state, 9)};
    double voxel[3];
    for (int a = 0; a < 3; a++) l.m[a] = normals[k][a], voxel[a] = box_draw_real(state, 0.5, 2);
    for (int64_t i = 0; i < l.period; i++) l.layer[i] = (uint8_t)(1 + box_draw_int(state, PHASES));
    const tensor_t exact = closed_form(&l, voxel, false), ring = ring_form(&l, voxel);
    CHECK_TENSOR(&ring, &exact, 1e-12);
    const tensor_t t = solve(ctx, &l, voxel);
    CHECK_TENSOR(&t, &exact, tolerance);
  }
}

/* Steeper normals join layers that are no neighbours. */
static void check_steep(exset_ctx_t *ctx, uint64_t *state) {
  static const int normals[][3] = {{2, 1, 0}, {0, 1, -2}, {1, 2, 3}};
  const double voxel[3] = {1.2, 0.7, 1};
  for (size_t k = 0; k < sizeof normals / sizeof *normals; k++) {
    laminate_t l = {.period = 7 + (int64_t)k};
    for (int a = 0; a < 3; a++) l.m[a] = normals[k][a];
    for (int64_t i = 0; i < l.period; i++) l.layer[i] = (uint8_t)(1 + box_draw_int(state, PHASES));
    const tensor_t ring = ring_form(&l, voxel), t = solve(ctx, &l, voxel);
    CHECK_TENSOR(&t, &ring, tolerance);
  }
}

/*
 * Two layers of equal thickness: of the tensor in the frame of the normal, the series value comes out exactly for m of 0 and
 * 1 on every grid, the parallel one lacks (2 / period) ((s1 + s2) / 2 - harmonic mean), order 1. For (2, 1, 0) all
 * entries converge with order 1: the error halves within 5 % from 16 to 32 layers.
 */
static void check_order(exset_ctx_t *ctx, const int m[3]) {
  const double voxel[3] = {1, 1, 1};
  const bool steep = m[0] * m[0] > 1;
  double last = 0;
  for (int64_t period = 8; period <= 32; period *= 2) {
    laminate_t l = {.m = {m[0], m[1], m[2]}, .period = period};
    for (int64_t i = 0; i < period; i++) l.layer[i] = 2 * i < period ? 1 : 4;
    const tensor_t t = solve(ctx, &l, voxel), exact = closed_form(&l, voxel, true);
    const double lost = 2.0 / (double)period * (0.7 - 0.8 / 1.4),
                 norm = m[0] * m[0] + m[1] * m[1] + m[2] * m[2];
    const double error = exact.at[0][0] - t.at[0][0];
    CHECK(error > 0);
    if (!steep) {
      CHECK_NEAR(error, lost * (1 - m[0] * m[0] / norm), 1e-7);
      double series = 0; /* n.T.n */
      for (int a = 0; a < 3; a++)
        for (int c = 0; c < 3; c++) series += m[a] * t.at[a][c] * m[c] / norm;
      CHECK_NEAR(series, 0.8 / 1.4, 1e-7);
    } else if (last > 0) {
      CHECK_NEAR(last / error, 2, period == 32 ? 0.1 : 0.3);
    }
    last = error;
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  uint64_t state = 631;
  check_random(ctx, &state);
  check_steep(ctx, &state);
  check_order(ctx, (int[3]){1, 1, 0});
  check_order(ctx, (int[3]){2, 1, 0});
  exset_config_destroy(&config);
  return test_end(ctx);
}
