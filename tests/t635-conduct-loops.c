/* test: np="1 2 3 5" time=60 */
/*
 * Closed ways one cell wide through periodic insulators: one of resistance R that winds by w (lengths along z, y, x) round a
 * box of volume V conducts w w^T / (R V), one that does not wind nothing. Clusters that are left out, and branches of others.
 */
#include <stdio.h>
#include <string.h>

#include "test_conduct_clusters.h"
#include "test_conduct_network.h"
#include "test_conduct_tensor.h"

/* Conductances are kept in single precision, see t617. */
static const double tolerance = 1e-7;
static const double sigma[3] = {4, 0.3, 0};

typedef struct {
  box_t *b;
  int64_t at[3];
  double resistance, way[3];
} loop_t;

static uint8_t *cell(const loop_t *l) {
  return &l->b->phase[(l->at[0] * l->b->n[1] + l->at[1]) * l->b->n[2] + l->at[2]];
}

static double half(const loop_t *l, int axis) {
  const double *h = l->b->voxel;
  return 0.5 * h[axis] * h[axis] / (h[0] * h[1] * h[2] * sigma[*cell(l) - 1]);
}

static box_t insulator(int64_t nz, int64_t ny, int64_t nx) {
  const int64_t n[3] = {nz, ny, nx};
  const double voxel[3] = {0.8, 1.5, 1.1};
  box_t b = box_create(n, voxel, 3);
  memset(b.phase, 3, (size_t)box_cells(&b));
  return b;
}

/* From a cell on by the steps "z+4 y-2 ...", cells being of phases 1 and 2 in turn. */
static loop_t walk(box_t *b, int64_t z, int64_t y, int64_t x, const char *steps) {
  loop_t l = {.b = b, .at = {z, y, x}};
  if (*cell(&l) == 3) *cell(&l) = 1;
  for (const char *s = steps; *s; s++) {
    char name;
    int count, read;
    if (sscanf(s, " %c%d%n", &name, &count, &read) != 2) break;
    const int axis = name == 'z' ? 0 : name == 'y' ? 1 : 2, d = count > 0 ? 1 : -1;
    for (int k = 0; k != count; k += d) {
      const uint8_t phase = (uint8_t)(*cell(&l) == 1 ? 2 : 1);
      l.resistance += half(&l, axis);
      l.way[axis] += d * b->voxel[axis];
      l.at[axis] = (l.at[axis] + d + b->n[axis]) % b->n[axis];
      if (*cell(&l) == 3) *cell(&l) = phase;
      l.resistance += half(&l, axis);
    }
    s += read - 1;
  }
  return l;
}

static void add(const loop_t *l, tensor_t *t) {
  const box_t *b = l->b;
  const double volume = (double)box_cells(b) * b->voxel[0] * b->voxel[1] * b->voxel[2];
  for (int a = 0; a < 3; a++)
    for (int c = 0; c < 3; c++) t->at[a][c] += l->way[a] * l->way[c] / (l->resistance * volume);
}

/* Tensor and clusters; the closed form also against elimination, which finds ways that touch by mistake. */
static void check_box(exset_ctx_t *ctx, box_t *b, const tensor_t *expected) {
  tensor_t direct;
  network_periodic(b, sigma, direct.at);
  CHECK_TENSOR(&direct, expected, 1e-12);
  const tensor_t t = tensor_solve(ctx, b, sigma, 1e-12);
  CHECK_TENSOR(&t, expected, tolerance);
  const clusters_t k = clusters_of(b, sigma, true);
  exset_conduct_run_t run[3];
  box_solve(ctx, b, EXSET_BOUNDARY_PERIODIC, sigma, 0, run);
  for (int a = 0; a < 3; a++) {
    CHECK(run[a].clusters == k.all && run[a].clusters_removed == k.all - k.kept[a]);
    CHECK(k.cells[a] == 0 || run[a].unknowns == k.kept_cells[a]);
    CHECK((run[a].sigma_eff > 0) == (expected->at[a][a] > 0));
    if (expected->at[a][a] == 0) /* exactly */
      CHECK(run[a].current[0] == 0 && run[a].current[1] == 0 && run[a].current[2] == 0);
  }
  box_free(b);
}

/* One way each, from (1, 1, 1). */
static void check_single(exset_ctx_t *ctx) {
  static const struct {
    int64_t n[3];
    const char *steps;
    int winds[3];
  } cases[] = {
      {{8, 4, 5}, "z8", {1, 0, 0}},
      {{4, 7, 5}, "y7", {0, 1, 0}},
      {{4, 4, 9}, "x-9", {0, 0, -1}},
      {{9, 4, 9}, "z4 x3 z5 x-3", {1, 0, 0}},
      {{8, 9, 4}, "z4 y5 z4 y4", {1, 1, 0}},
      {{8, 4, 9}, "z4 x-5 z4 x-4", {1, 0, -1}},
      {{8, 9, 10}, "z4 y5 x5 z4 y4 x5", {1, 1, 1}},
      {{8, 9, 3}, "z4 y2 z4 y3 z4 y2 z4 y2", {2, 1, 0}},
      {{9, 8, 7}, "z3 y4 z-3 y-4", {0, 0, 0}},
      {{9, 8, 7}, "z5 y3 x2 z-5 x-2 y-3", {0, 0, 0}},
      {{6, 7, 5}, "z-3 x2 z3 x-2", {0, 0, 0}}, /* through an outer face and back */
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    box_t b = insulator(cases[k].n[0], cases[k].n[1], cases[k].n[2]);
    const loop_t l = walk(&b, 1, 1, 1, cases[k].steps);
    for (int a = 0; a < 3; a++) {
      const double length = (double)b.n[a] * b.voxel[a];
      CHECK_NEAR(l.way[a], cases[k].winds[a] * length, 1e-12);
    }
    tensor_t expected = {{{0}}};
    for (int a = 0; a < 3; a++) CHECK(l.at[a] == 1);
    if (cases[k].winds[0] || cases[k].winds[1] || cases[k].winds[2]) add(&l, &expected);
    check_box(ctx, &b, &expected);
  }
}

/* Two that wind, of which one has blind branches; one that does not; single cells. The tensors add up. */
static void check_several(exset_ctx_t *ctx) {
  box_t b = insulator(9, 11, 8);
  tensor_t expected = {{{0}}};
  loop_t l = walk(&b, 0, 1, 1, "z4 y5 z5 y6");
  add(&l, &expected);
  walk(&b, 2, 1, 1, "x2 y3 x-1");
  l = walk(&b, 7, 9, 5, "y-11");
  add(&l, &expected);
  walk(&b, 1, 7, 5, "y2 x2 y-2 x-2");
  walk(&b, 6, 3, 3, "");
  check_box(ctx, &b, &expected);
}

/* A ring of two arms in a way that winds; two ways that cross: currents of one mean gradient along two axes. */
static void check_crossing(exset_ctx_t *ctx) {
  box_t b = insulator(8, 9, 7);
  tensor_t expected = {{{0}}};
  const loop_t in = walk(&b, 0, 2, 2, "z2"), left = walk(&b, 2, 2, 2, "y3 z3 y-3");
  const loop_t right = walk(&b, 2, 2, 2, "x3 z3 x-3"), out = walk(&b, 5, 2, 2, "z3");
  loop_t whole = out;
  whole.resistance += in.resistance + 1 / (1 / left.resistance + 1 / right.resistance);
  whole.way[0] = (double)b.n[0] * b.voxel[0];
  add(&whole, &expected);
  check_box(ctx, &b, &expected);
  b = insulator(8, 9, 7);
  expected = (tensor_t){{{0}}};
  const loop_t z = walk(&b, 0, 2, 2, "z8"), y = walk(&b, 0, 2, 2, "y9");
  add(&z, &expected); /* by symmetry no potential differs at the crossing */
  add(&y, &expected);
  check_box(ctx, &b, &expected);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  check_single(ctx);
  check_several(ctx);
  check_crossing(ctx);
  exset_config_destroy(&config);
  return test_end(ctx);
}
