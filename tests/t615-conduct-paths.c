/* test: np="1 2 3 5" time=60 */
/*
 * Paths one cell wide through an insulator, whose resistance is a sum: a serpentine, a dead end, a ring; plates between
 * layers of columns. Tortuosity and M-factor, Bruggeman's exponent, clusters, potential and current on the way.
 */
#include <math.h>

#include "test_conduct_box.h"

/* Conductances are kept in single precision, see t617. */
static const double tolerance = 1e-7;
static const double sigma[3] = {4, 0.3, 0};
static const double voxel[3] = {0.8, 1.5, 1.1};

/* A path under way through a box: where it is, and its resistance from the middle of the first cell on. */
typedef struct {
  box_t *b;
  int64_t at[3];
  double resistance;
} path_t;

static uint8_t *cell(const path_t *p) {
  return &p->b->phase[(p->at[0] * p->b->n[1] + p->at[1]) * p->b->n[2] + p->at[2]];
}

/* Half the resistance of the cell along an axis. */
static double half(const path_t *p, int axis) {
  const double *h = p->b->voxel;
  return 0.5 * h[axis] * h[axis] / (h[0] * h[1] * h[2] * sigma[*cell(p) - 1]);
}

static path_t begin(box_t *b, int64_t z, int64_t y, int64_t x, uint8_t phase) {
  path_t p = {.b = b, .at = {z, y, x}};
  *cell(&p) = phase;
  return p;
}

/* Go on by steps > 0 or < 0 cells; those already there keep their phase. */
static void go(path_t *p, int axis, int64_t steps, uint8_t phase) {
  for (; steps != 0; steps -= steps > 0 ? 1 : -1) {
    p->resistance += half(p, axis);
    p->at[axis] += steps > 0 ? 1 : -1;
    if (*cell(p) == 3) *cell(p) = phase;
    p->resistance += half(p, axis);
  }
}

static box_t insulator(int64_t nz, int64_t ny, int64_t nx) {
  const int64_t n[3] = {nz, ny, nx};
  box_t b = box_create(n, voxel, 3);
  for (int64_t i = 0; i < box_cells(&b); i++) b.phase[i] = 3;
  return b;
}

/* sigma_eff along z of a resistance between the electrodes. */
static double effective(const box_t *b, double resistance) {
  const double length = (double)b->n[0] * voxel[0];
  return length / ((double)(b->n[1] * b->n[2]) * voxel[1] * voxel[2] * resistance);
}

static int64_t count(const box_t *b, uint8_t phase) {
  int64_t sum = 0;
  for (int64_t i = 0; i < box_cells(b); i++) sum += b->phase[i] == phase;
  return sum;
}

/* All figures of the run along z: `ways` of the clusters lead from electrode to electrode, one cell wide, with `unknowns` cells. */
static void check_run(exset_ctx_t *ctx, const box_t *b, double resistance, int64_t unknowns,
                      int64_t clusters, int64_t ways) {
  const double all = (double)box_cells(b), exact = effective(b, resistance);
  const double one = (double)count(b, 1), two = (double)count(b, 2);
  const double fraction = (one + two) / all;
  const double m = exact / ((one * sigma[0] + two * sigma[1]) / (one + two));
  exset_conduct_run_t run[3];
  box_solve(ctx, b, EXSET_BOUNDARY_ELECTRODES, sigma, 1e-12, run);
  CHECK_NEAR(run[0].sigma_eff, exact, tolerance * exact);
  CHECK_NEAR(run[0].flux_in, exact, tolerance * exact);
  CHECK_NEAR(run[0].flux_out, exact, tolerance * exact);
  CHECK(run[0].unknowns == unknowns && run[0].clusters == clusters);
  CHECK(run[0].clusters_removed == clusters - ways);
  const double face = (double)(b->n[1] * b->n[2]);
  CHECK_NEAR(run[0].contact_low, (double)ways / face, 1e-14);
  CHECK_NEAR(run[0].contact_high, (double)ways / face, 1e-14);
  CHECK_NEAR(run[0].conducting_fraction, fraction, 1e-14);
  CHECK_NEAR(run[0].percolating_fraction, (double)unknowns / all, 1e-14);
  CHECK_NEAR(run[0].percolating_share, (double)unknowns / (one + two), 1e-14);
  CHECK_NEAR(run[0].m_factor, m, tolerance * m);
  CHECK_NEAR(run[0].tortuosity_factor, fraction / m, tolerance * fraction / m);
  CHECK_NEAR(run[0].bruggeman, log(m) / log(fraction), tolerance);
  for (int a = 1; a < 3; a++)
    CHECK(run[a].sigma_eff == 0 && run[a].iterations == 0 && run[a].clusters_removed == clusters);
  for (int a = 1; a < 3; a++) CHECK(isinf(run[a].tortuosity_factor) && isinf(run[a].bruggeman));
}

/* Forth and back along x: for cubes of one conductivity the tortuosity factor is (length / direct length)^2. */
static void check_serpentine(exset_ctx_t *ctx, uint8_t turn) {
  box_t b = insulator(14, 3, 9);
  path_t p = begin(&b, 0, 1, 1, 1);
  const double in = half(&p, EXSET_AXIS_Z);
  go(&p, EXSET_AXIS_Z, 1, 1);
  for (int k = 0; k < 6; k++) {
    go(&p, EXSET_AXIS_X, k % 2 ? -6 : 6, 1);
    go(&p, EXSET_AXIS_Z, 2, turn);
  }
  check_run(ctx, &b, in + p.resistance + half(&p, EXSET_AXIS_Z), 2 + 6 * 8, 1, 1);
  for (int a = 0; a < 3; a++) b.voxel[a] = 1;
  if (turn == 1) {
    exset_conduct_run_t run[3];
    box_solve(ctx, &b, EXSET_BOUNDARY_ELECTRODES, sigma, 1e-12, run);
    CHECK_NEAR(run[0].tortuosity_factor, pow(50.0 / 14, 2), 1e-5);
  }
  box_free(&b);
}

/* A ring: two arms of different lengths and phases between a way in and a way out. */
static void check_ring(exset_ctx_t *ctx) {
  box_t b = insulator(10, 6, 7);
  path_t in = begin(&b, 0, 2, 3, 1);
  const double low = half(&in, EXSET_AXIS_Z);
  go(&in, EXSET_AXIS_Z, 2, 2);
  path_t left = in, right = in, out;
  left.resistance = right.resistance = 0;
  go(&left, EXSET_AXIS_X, -2, 1);
  go(&left, EXSET_AXIS_Z, 4, 2);
  go(&left, EXSET_AXIS_X, 2, 1);
  go(&right, EXSET_AXIS_X, 2, 2);
  go(&right, EXSET_AXIS_Y, 2, 1);
  go(&right, EXSET_AXIS_Z, 4, 1);
  go(&right, EXSET_AXIS_Y, -2, 2);
  go(&right, EXSET_AXIS_X, -2, 2);
  out = left;
  out.resistance = 0;
  go(&out, EXSET_AXIS_Z, 3, 1);
  const double arms = 1 / (1 / left.resistance + 1 / right.resistance);
  const double resistance = low + in.resistance + arms + out.resistance + half(&out, EXSET_AXIS_Z);
  const int64_t cells = count(&b, 1) + count(&b, 2);
  CHECK(cells == 3 + 7 + 11 + 4);
  check_run(ctx, &b, resistance, cells, 1, 1);
  /* A second way beside it, in parallel. */
  path_t beside = begin(&b, 0, 5, 0, 2);
  go(&beside, EXSET_AXIS_Z, 9, 1);
  path_t ends = begin(&b, 0, 5, 0, 2);
  const double second = beside.resistance + half(&beside, EXSET_AXIS_Z) + half(&ends, EXSET_AXIS_Z);
  check_run(ctx, &b, 1 / (1 / resistance + 1 / second), cells + 10, 2, 2);
  box_free(&b);
}

/* A straight way with a branch into a cave: no current goes there, and its potential is that of the branching cell. */
static void check_dead_end(exset_ctx_t *ctx) {
  box_t b = insulator(9, 5, 8);
  path_t way = begin(&b, 0, 1, 1, 1), blind;
  double resistance = half(&way, EXSET_AXIS_Z);
  go(&way, EXSET_AXIS_Z, 3, 1);
  blind = way;
  const double part = resistance + way.resistance;
  go(&way, EXSET_AXIS_Z, 5, 1);
  resistance += way.resistance + half(&way, EXSET_AXIS_Z);
  go(&blind, EXSET_AXIS_X, 5, 2);
  go(&blind, EXSET_AXIS_Y, 2, 1);
  go(&blind, EXSET_AXIS_Z, 2, 1);
  path_t low = begin(&b, 0, 4, 4, 1), island = begin(&b, 4, 4, 1, 1); /* touch one, and none */
  go(&low, EXSET_AXIS_Z, 4, 1);
  (void)island;
  check_run(ctx, &b, resistance, 9 + 9, 3, 1);
  exset_volume_t v = box_volume(ctx, &b);
  exset_conduct_t *c;
  exset_conduct_run_t run;
  const exset_conduct_options_t options = {.rtol = 1e-12};
  const int64_t cells = exset_grid_cells_local(&v.grid), plane = b.n[1] * b.n[2];
  float *u, *j;
  MUST(ctx, exset_alloc(ctx, cells, sizeof *u, &u));
  MUST(ctx, exset_alloc(ctx, 3 * cells, sizeof *j, &j));
  MUST(ctx, exset_conduct_create(ctx, &v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  MUST(ctx, case_quietly(c, EXSET_AXIS_Z, &options, u, j, &run));
  const double density = effective(&b, resistance) * (double)plane; /* all through one cell */
  for (int64_t i = 0; i < cells; i++) {
    const int64_t y = i / b.n[2] % b.n[1], x = i % b.n[2];
    const double size = fabs(j[3 * i]) + fabs(j[3 * i + 1]) + fabs(j[3 * i + 2]);
    const bool on_way = y == 1 && x == 1;
    const bool solved = v.phase[i] != 3 && y != 4;
    CHECK(isnan(u[i]) == !solved);
    if (on_way) CHECK_NEAR(j[3 * i + 2], density, 1e-5 * density);
    if (!on_way) CHECK_NEAR(size, 0, 1e-5 * density);
    if (solved && !on_way) CHECK_NEAR(u[i], 1 - part / resistance, 1e-5);
  }
  exset_conduct_destroy(&c);
  free(v.phase);
  free(u), free(j);
  box_free(&b);
}

/*
 * Layers of random columns between plates that conduct 10^4 times better: means of sigma within the layers, in series. The
 * plates are equipotential to about 10^-4.
 */
static void check_plates(exset_ctx_t *ctx) {
  const double values[3] = {1, 0.2, 1e4};
  const int64_t n[3] = {12, 7, 6};
  box_t b = box_create(n, voxel, 3);
  uint64_t state = 615;
  double resistance = 0; /* of layers of one cell, area and conductivity 1 */
  for (int64_t z = 0; z < n[0]; z++) {
    double mean = 0;
    for (int64_t k = 0; k < n[1] * n[2]; k++) {
      const uint8_t phase = z % 2 ? 3 : (uint8_t)(1 + box_draw_int(&state, 2));
      b.phase[z * n[1] * n[2] + k] = phase;
      mean += values[phase - 1] / (double)(n[1] * n[2]);
    }
    resistance += 1 / mean;
  }
  exset_conduct_run_t run[3];
  box_solve(ctx, &b, EXSET_BOUNDARY_ELECTRODES, values, 1e-12, run);
  CHECK_NEAR(run[0].sigma_eff, (double)n[0] / resistance, 3e-4 * run[0].sigma_eff);
  box_free(&b);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  check_serpentine(ctx, 1);
  check_serpentine(ctx, 2);
  check_ring(ctx);
  check_dead_end(ctx);
  check_plates(ctx);
  exset_config_destroy(&config);
  return test_end(ctx);
}
