/* test: np="1 2 3 5" time=120 */
/*
 * Graph multigrid as preconditioner, on lattices of cells that every rank holds as a whole: symmetric, positive, linear,
 * repeatable; conjugate gradients with it converge in few iterations to the solution without it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/conduct/conduct_graph_impl.h"
#include "exset/grid.h"
#include "test.h"

/* Cells with conductivity sigma (0: none); axis: of the electrodes at both ends, or -1: periodic. Blocks: 2^shift cells wide. */
typedef struct {
  int64_t n[3], cells, active;
  int axis, shift;
  bool usual; /* options of the program; else levels are merged late and go down to few nodes */
  float *sigma;
  exset_grid_t grid;
  int64_t edges, *end[2]; /* all conductances between cells, once each: see list_edges */
  float *g, *e;
} lattice_t;

static uint64_t state;
static double uniform(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 33) * 0x1p-31;
}

static void make_lattice(exset_ctx_t *ctx, lattice_t *l) {
  const double voxel[3] = {1, 1, 1};
  MUST(ctx, exset_grid_init(ctx, l->n, voxel, &l->grid));
  l->cells = l->n[0] * l->n[1] * l->n[2];
  l->sigma = calloc((size_t)l->cells, sizeof *l->sigma);
}

/* ---- the naive side --------------------------------------------------------------------------- */

/* The neighbour of a cell along an axis, or -1. */
static int64_t neighbour(const lattice_t *l, int64_t i, int a, int step) {
  const int64_t stride[3] = {l->n[1] * l->n[2], l->n[2], 1};
  const int64_t at = i / stride[a] % l->n[a], to = at + step;
  if (to >= 0 && to < l->n[a]) return i + step * stride[a];
  return l->axis < 0 ? i + ((to + l->n[a]) % l->n[a] - at) * stride[a] : -1;
}

static float conductance(const lattice_t *l, int64_t i, int64_t j) {
  if (j < 0 || j == i || l->sigma[i] == 0 || l->sigma[j] == 0) return 0;
  return 2 / (1 / l->sigma[i] + 1 / l->sigma[j]);
}

static float electrode(const lattice_t *l, int64_t i) {
  if (l->axis < 0 || l->sigma[i] == 0) return 0;
  float e = 0;
  for (int step = -1; step <= 1; step += 2)
    if (neighbour(l, i, l->axis, step) < 0) e += 2 * l->sigma[i];
  return e;
}

/* Leave out what no electrode reaches; in a periodic box, nothing. */
static void remove_floating(lattice_t *l) {
  if (l->axis < 0) return;
  int64_t *stack = malloc((size_t)l->cells * sizeof *stack), depth = 0;
  char *reached = calloc((size_t)l->cells, 1);
  for (int64_t i = 0; i < l->cells; i++)
    if (electrode(l, i) > 0) {
      reached[i] = 1;
      stack[depth++] = i;
    }
  while (depth > 0) {
    const int64_t i = stack[--depth];
    for (int k = 0; k < 6; k++) {
      const int64_t j = neighbour(l, i, k / 2, k % 2 ? 1 : -1);
      if (conductance(l, i, j) == 0 || reached[j]) continue;
      reached[j] = 1;
      stack[depth++] = j;
    }
  }
  for (int64_t i = 0; i < l->cells; i++)
    if (!reached[i]) l->sigma[i] = 0;
  free(stack);
  free(reached);
}

static void list_edges(lattice_t *l) {
  for (int k = 0; k < 2; k++) l->end[k] = malloc((size_t)l->cells * 3 * sizeof *l->end[k]);
  l->g = malloc((size_t)l->cells * 3 * sizeof *l->g);
  l->e = malloc((size_t)l->cells * sizeof *l->e);
  for (int64_t i = 0; i < l->cells; i++) {
    l->e[i] = electrode(l, i);
    for (int a = 0; a < 3; a++) {
      const int64_t j = neighbour(l, i, a, 1);
      if (conductance(l, i, j) == 0) continue;
      l->end[0][l->edges] = i;
      l->end[1][l->edges] = j;
      l->g[l->edges++] = conductance(l, i, j);
    }
  }
}

static void clear_lattice(lattice_t *l) {
  free(l->sigma);
  free(l->end[0]);
  free(l->end[1]);
  free(l->g);
  free(l->e);
}

static void apply_naive(const lattice_t *l, const double *x, double *y) {
  for (int64_t i = 0; i < l->cells; i++) y[i] = l->e[i] * x[i];
  for (int64_t k = 0; k < l->edges; k++) {
    const int64_t i = l->end[0][k], j = l->end[1][k];
    y[i] += l->g[k] * (x[i] - x[j]);
    y[j] += l->g[k] * (x[j] - x[i]);
  }
}

static double dot(const lattice_t *l, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < l->cells; i++) sum += a[i] * b[i];
  return sum;
}

/* ---- the graph of this rank's slab ------------------------------------------------------------ */

/* Number of a cell on this rank among its own, in the plane below or in the one above; number: [cells], -1. */
typedef struct {
  int64_t *own, *below, *above;
} numbers_t;

static void number_nodes(const lattice_t *l, numbers_t *t, conduct_graph_t *g) {
  const int64_t plane = l->n[1] * l->n[2], first = l->grid.z0 * plane;
  const int64_t end = first + l->grid.nz_local * plane;
  for (int64_t i = 0; i < l->cells; i++) t->own[i] = t->below[i] = t->above[i] = -1;
  for (int64_t i = first; i < end; i++)
    if (l->sigma[i] > 0) t->own[i] = g->n++;
  g->send_down = calloc((size_t)plane, sizeof *g->send_down);
  g->send_up = calloc((size_t)plane, sizeof *g->send_up);
  if (l->grid.nz_local == 0 || l->n[0] == 1) return;
  for (int64_t i = first; i < first + plane; i++) {
    const int64_t j = neighbour(l, i, 0, -1);
    if (conductance(l, i, j) == 0) continue;
    g->send_down[g->n_down++] = (uint32_t)t->own[i];
    t->below[j] = g->n_below++;
  }
  for (int64_t i = end - plane; i < end; i++) {
    const int64_t j = neighbour(l, i, 0, 1);
    if (conductance(l, i, j) == 0) continue;
    g->send_up[g->n_up++] = (uint32_t)t->own[i];
    t->above[j] = g->n_above++;
  }
}

static void find_neighbours(exset_ctx_t *ctx, const lattice_t *l, conduct_graph_t *g) {
  const int64_t z0 = l->grid.z0, end = z0 + l->grid.nz_local, nz = l->n[0];
  g->down = g->up = MPI_PROC_NULL;
  if (l->grid.nz_local == 0) return;
  if (z0 > 0 || l->axis < 0) g->down = exset_grid_owner(ctx, &l->grid, (z0 + nz - 1) % nz);
  if (end < nz || l->axis < 0) g->up = exset_grid_owner(ctx, &l->grid, end % nz);
}

static conduct_graph_t make_graph(exset_ctx_t *ctx, const lattice_t *l, numbers_t *t) {
  const int64_t plane = l->n[1] * l->n[2];
  conduct_graph_t g = {0};
  number_nodes(l, t, &g);
  find_neighbours(ctx, l, &g);
  g.ptr = calloc((size_t)g.n + 1, sizeof *g.ptr);
  g.col = calloc((size_t)g.n * 6 + 1, sizeof *g.col);
  g.g = calloc((size_t)g.n * 6 + 1, sizeof *g.g);
  g.e = calloc((size_t)g.n + 1, sizeof *g.e);
  g.block = calloc((size_t)g.n + 1, sizeof *g.block);
  int64_t edges = 0;
  for (int64_t i = 0; i < l->cells; i++) {
    const int64_t k = t->own[i], z = i / plane;
    if (k < 0) continue;
    g.block[k] = conduct_graph_block(z >> l->shift, i / l->n[2] % l->n[1] >> l->shift,
                                     i % l->n[2] >> l->shift);
    g.e[k] = electrode(l, i);
    for (int d = 0; d < 6; d++) {
      const int64_t j = neighbour(l, i, d / 2, d % 2 ? 1 : -1);
      if (conductance(l, i, j) == 0) continue;
      const bool leaves =
          d < 2 && l->n[0] > 1 && z == (d == 0 ? l->grid.z0 : l->grid.z0 + l->grid.nz_local - 1);
      g.col[edges] = (uint32_t)(!leaves  ? t->own[j]
                                : d == 0 ? g.n + t->below[j]
                                         : g.n + g.n_below + t->above[j]);
      g.g[edges++] = conductance(l, i, j);
    }
    g.ptr[k + 1] = edges;
  }
  return g;
}

/* The multigrid and where each cell's value is. */
typedef struct {
  exset_ctx_t *ctx;
  const lattice_t *l;
  conduct_graph_mg_t *mg;
  int64_t *own, n;
} solver_t;

static solver_t make_solver(exset_ctx_t *ctx, lattice_t *l) {
  const size_t bytes = (size_t)l->cells * sizeof(int64_t);
  numbers_t t = {malloc(bytes), malloc(bytes), malloc(bytes)};
  l->active = 0;
  for (int64_t i = 0; i < l->cells; i++) l->active += l->sigma[i] > 0;
  conduct_graph_t g = make_graph(ctx, l, &t);
  solver_t s = {.ctx = ctx, .l = l, .own = t.own, .n = g.n};
  graph_options_t options = graph_defaults();
  if (!l->usual) options.merge_nodes = 0;
  if (!l->usual) options.direct_nodes = 60;
  MUST(ctx, graph_create(ctx, &options, &g, &s.mg));
  CHECK(g.n == 0 && !g.ptr && !g.block);
  CHECK(conduct_graph_mg_nodes(s.mg, 0) == l->active);
  CHECK(conduct_graph_mg_bytes(s.mg) > 0 || g.n == 0);
  free(t.below);
  free(t.above);
  return s;
}

static void clear_solver(solver_t *s) {
  CHECK(conduct_graph_mg_destroy(&s->mg) == EXSET_OK && !s->mg);
  free(s->own);
}

/* z = B r for values of all cells, on all ranks. */
static void precondition(const solver_t *s, const double *r, double *z) {
  float *b = conduct_graph_mg_b(s->mg), *x = conduct_graph_mg_x(s->mg);
  for (int64_t i = 0; i < s->l->cells; i++)
    if (s->own[i] >= 0) b[s->own[i]] = (float)r[i];
  b[s->n] = NAN; /* is not read */
  MUST(s->ctx, conduct_graph_mg_apply(s->mg));
  CHECK(x[s->n] == 0);
  for (int64_t i = 0; i < s->l->cells; i++) z[i] = s->own[i] >= 0 ? x[s->own[i]] : 0;
  MUST(s->ctx, EXSET_MPI(s->ctx, MPI_Allreduce(MPI_IN_PLACE, z, (int)s->l->cells, MPI_DOUBLE,
                                               MPI_SUM, s->ctx->comm)));
}

/* ---- checks ----------------------------------------------------------------------------------- */

/* Conjugate gradients from x = 0, with the multigrid or without (s NULL): iterations until |r| <= tolerance |b|. */
static int solve(const lattice_t *l, const solver_t *s, const double *b, double tolerance,
                 double *x) {
  enum { LIMIT = 5000 };
  const size_t bytes = (size_t)l->cells * sizeof(double);
  double *r = malloc(bytes), *z = malloc(bytes), *p = calloc(1, bytes), *q = malloc(bytes);
  double before = 0;
  int iteration = 0;
  memset(x, 0, bytes);
  memcpy(r, b, bytes);
  for (; iteration < LIMIT && dot(l, r, r) > tolerance * tolerance * dot(l, b, b); iteration++) {
    if (s) precondition(s, r, z);
    else memcpy(z, r, bytes);
    const double rz = dot(l, r, z), beta = before > 0 ? rz / before : 0;
    before = rz;
    for (int64_t i = 0; i < l->cells; i++) p[i] = z[i] + beta * p[i];
    apply_naive(l, p, q);
    const double alpha = rz / dot(l, p, q);
    for (int64_t i = 0; i < l->cells; i++) x[i] += alpha * p[i];
    for (int64_t i = 0; i < l->cells; i++) r[i] -= alpha * q[i];
  }
  free(r);
  free(z);
  free(p);
  free(q);
  return iteration;
}

/* A right-hand side A y for random y: it adds up to 0 in components without electrodes. */
static void random_side(const lattice_t *l, double *b) {
  double *y = calloc((size_t)l->cells, sizeof *y);
  for (int64_t i = 0; i < l->cells; i++) y[i] = l->sigma[i] > 0 ? uniform() - 0.5 : 0;
  apply_naive(l, y, b);
  free(y);
}

/* Of the operator B alone: symmetric, positive, linear, the same in every call. */
static void check_operator(const solver_t *s, double *u, double *v) {
  const lattice_t *l = s->l;
  const size_t bytes = (size_t)l->cells * sizeof(double);
  double *bu = malloc(bytes), *bv = malloc(bytes), *w = malloc(bytes), *bw = malloc(bytes);
  random_side(l, u);
  random_side(l, v);
  precondition(s, u, bu);
  precondition(s, v, bv);
  const double uu = dot(l, u, bu), vv = dot(l, v, bv);
  CHECK(uu > 0 && vv > 0);
  CHECK_NEAR(dot(l, u, bv), dot(l, v, bu), 1e-5 * sqrt(uu * vv));
  for (int64_t i = 0; i < l->cells; i++) w[i] = u[i] - 3 * v[i];
  precondition(s, w, bw);
  for (int64_t i = 0; i < l->cells; i++) bw[i] -= bu[i] - 3 * bv[i];
  apply_naive(l, bw, w);
  const double off = sqrt(dot(l, bw, w) / (uu + 9 * vv));
  CHECK_MSG(off <= 2e-5, "not linear: %g", off);
  precondition(s, u, w);
  CHECK(memcmp(w, bu, bytes) == 0);
  free(bu);
  free(bv);
  free(w);
  free(bw);
}

/* Constants of components without electrodes do not count: compare by energy. */
static void compare(const lattice_t *l, const double *x, const double *y, double tolerance) {
  const size_t bytes = (size_t)l->cells * sizeof(double);
  double *d = calloc(1, bytes), *a = calloc(1, bytes);
  apply_naive(l, y, a);
  const double scale = dot(l, y, a);
  for (int64_t i = 0; i < l->cells; i++) d[i] = x[i] - y[i];
  apply_naive(l, d, a);
  const double off = dot(l, d, a);
  CHECK_MSG(off <= tolerance * tolerance * scale, "solution differs by %g", sqrt(off / scale));
  free(d);
  free(a);
}

static void check_lattice(exset_ctx_t *ctx, lattice_t *l, const char *what, int limit, bool naive) {
  remove_floating(l);
  list_edges(l);
  const size_t bytes = (size_t)l->cells * sizeof(double);
  double *b = malloc(bytes), *x = malloc(bytes), *y = malloc(bytes);
  solver_t s = make_solver(ctx, l);
  check_operator(&s, b, x);
  const int iterations = solve(l, &s, b, 1e-7, x);
  CHECK_MSG(iterations <= limit, "%s: %d iterations, allowed %d", what, iterations, limit);
  if (getenv("TEST_VERBOSE")) exset_print(ctx, "%s: %d iterations\n", what, iterations);
  if (naive) {
    solve(l, NULL, b, 1e-10, y);
    compare(l, x, y, 1e-4);
  }
  clear_solver(&s);
  free(b);
  free(x);
  free(y);
  clear_lattice(l);
}

/* Cells at random: a share that conducts, of these a share with conductivity 1, the others with `other`. */
static void check_random(exset_ctx_t *ctx, lattice_t l, double share, double one, double other,
                         int limit, bool naive) {
  char what[100];
  snprintf(what, sizeof what, "random %lldx%lldx%lld axis %d shift %d share %g other %g",
           (long long)l.n[0], (long long)l.n[1], (long long)l.n[2], l.axis, l.shift, share, other);
  state = (uint64_t)(l.n[0] * 100 + l.axis * 10 + l.shift);
  make_lattice(ctx, &l);
  for (int64_t i = 0; i < l.cells; i++)
    l.sigma[i] = uniform() >= share ? 0 : uniform() < one ? 1 : (float)other;
  check_lattice(ctx, &l, what, limit, naive);
}

static void check_uniform(exset_ctx_t *ctx, lattice_t l, int limit) {
  make_lattice(ctx, &l);
  for (int64_t i = 0; i < l.cells; i++) l.sigma[i] = 1;
  check_lattice(ctx, &l, "uniform", limit, false);
}

/* Nothing conducts between planes 3 and n - 3: ranks between them have no nodes. */
static void check_gap(exset_ctx_t *ctx, lattice_t l, int limit) {
  make_lattice(ctx, &l);
  for (int64_t i = 0; i < l.cells; i++) {
    const int64_t z = i / (l.n[1] * l.n[2]);
    l.sigma[i] = z < 3 || z >= l.n[0] - 3;
  }
  check_lattice(ctx, &l, "gap", limit, true);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int axis = -1; axis < 3; axis++)
    for (int shift = 0; shift < 2; shift++) {
      lattice_t half = {.n = {13, 10, 11}, .axis = axis, .shift = shift};
      check_random(ctx, half, 0.5, 1, 1, 22, true);
      lattice_t two = {.n = {16, 9, 12}, .axis = axis, .shift = shift};
      check_random(ctx, two, 0.9, 0.5, 1e-6, 30, true);
    }
  for (int64_t nz = 1; nz <= 3; nz++)
    check_random(ctx, (lattice_t){.n = {nz, 8, 9}, .axis = -1}, 0.7, 1, 1, 9, true);
  check_random(ctx, (lattice_t){.n = {4, 8, 9}, .axis = 1}, 0.6, 1, 1, 9, true);
  check_gap(ctx, (lattice_t){.n = {20, 9, 9}, .axis = 1}, 8);
  check_gap(ctx, (lattice_t){.n = {20, 9, 9}, .axis = -1}, 8);
  check_random(ctx, (lattice_t){.n = {13, 10, 11}, .axis = -1, .usual = true}, 0.5, 1, 1, 2, true);
  check_random(ctx, (lattice_t){.n = {13, 10, 11}, .axis = 1, .usual = true}, 0.5, 1, 1, 2, true);
  check_uniform(ctx, (lattice_t){.n = {48, 48, 48}, .axis = 0, .usual = true}, 8);
  check_uniform(ctx, (lattice_t){.n = {40, 31, 33}, .axis = -1}, 8);
  /* just above the percolation threshold 0.3116 */
  check_random(ctx, (lattice_t){.n = {40, 40, 40}, .axis = 0}, 0.33, 1, 1, 20, false);
  return test_end(ctx);
}
