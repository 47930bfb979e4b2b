/*
 * Where the time of an iteration of `exset conduct` goes, against the memory's bandwidth in the same run: bytes
 * that have to move at least once, seconds that this takes at the rate of a triad on all ranks, seconds measured. Arguments: a
 * volume of three phases, or an edge in voxels (overlapping spheres, their shells, the rest), then sets of conductivities,
 * one number for each phase; default: 128, each phase alone, all with a contrast. Along z.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/conduct/conduct_graph_impl.h"
#include "../src/conduct/conduct_mg.h"
#include "test_conduct.h"

enum { TURNS = 7 };

/* ---- a structure ---------------------------------------------------------------------------------- */

static double draw(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) * 0x1p-53;
}

/* Spheres of radius 8 to 12 cells, centres anywhere; a shell of 2 cells. */
static void fill(exset_volume_t *v) {
  const int64_t n = v->grid.n[0];
  for (int64_t i = 0; i < exset_grid_cells_local(&v->grid); i++) v->phase[i] = 3;
  const int64_t spheres = (int64_t)(0.65 * (double)(n * n * n) / 4200);
  uint64_t state = 42;
  for (int64_t k = 0; k < spheres; k++) {
    double c[3], r = 8 + 4 * draw(&state);
    for (int a = 0; a < 3; a++) c[a] = draw(&state) * (double)n;
    const double out = r + 2;
    for (int64_t z = (int64_t)fmax(c[0] - out, (double)v->grid.z0);
         z <= c[0] + out && z < v->grid.z0 + v->grid.nz_local; z++)
      for (int64_t y = (int64_t)fmax(c[1] - out, 0); y <= c[1] + out && y < n; y++)
        for (int64_t x = (int64_t)fmax(c[2] - out, 0); x <= c[2] + out && x < n; x++) {
          const double dz = (double)z - c[0], dy = (double)y - c[1], dx = (double)x - c[2];
          const double d = sqrt(dz * dz + dy * dy + dx * dx);
          uint8_t *phase = &v->phase[((z - v->grid.z0) * n + y) * n + x];
          if (d < r) *phase = 1;
          else if (d < out && *phase == 3) *phase = 2;
        }
  }
}

static void volume(exset_ctx_t *ctx, const char *argument, exset_volume_t *v) {
  const int64_t size = atoll(argument), n[3] = {size, size, size};
  const exset_volume_options_t options = {0};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  if (size > 0) {
    MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
    MUST(ctx, exset_volume_init(ctx, &grid, 3, v));
    fill(v);
  } else {
    MUST(ctx, exset_volume_read(ctx, argument, &options, v));
  }
}

/* ---- bytes ---------------------------------------------------------------------------------------- */

/* Of all ranks. */
static double sum(exset_ctx_t *ctx, double value) {
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  return value;
}

/* Diagonals of both colours, conductances of the red cells' faces where they are stored; each once. */
static double coefficients(const conduct_system_t *s, bool exact) {
  double bytes = s->g[0] ? 6 * sizeof(float) : 0;
  for (int c = 0; c < 2; c++) bytes += exact && s->dd[c] ? sizeof(double) : sizeof(float);
  return bytes * (double)(s->nz * s->packed);
}

/* S x: x, the product, coefficients. */
static double operator_bytes(const conduct_system_t *s) {
  return 2 * sizeof(double) * (double)(s->nz * s->packed) + coefficients(s, true);
}

/* Down: r, coefficients, parents, right-hand side of the nodes; up: the same with their solution, and z. */
static double finest_bytes(const conduct_system_t *s, int64_t nodes) {
  const double packed = (double)(s->nz * s->packed);
  return (3 * sizeof(double) + 2 * sizeof(uint32_t)) * packed + 2 * coefficients(s, false) +
         3 * sizeof(float) * (double)nodes;
}

/* Of one cycle: rows of nodes (number, inverse, b, x read and written) and edges (number, conductance) in each half
 * sweep but the first, which needs no edges; residuals of one colour; restriction and prolongation. */
static double level_bytes(const graph_level_t *l, int sweeps) {
  double edges = 0, nodes = 0;
  for (int c = 0; c < 2; c++) {
    const graph_tail_t *tail = &l->tail[c];
    double own = tail->ptr ? (double)tail->ptr[tail->n] : 0, rows = (double)tail->n;
    for (int kind = 0; kind < GRAPH_KINDS; kind++) {
      own += (double)l->rows[c][kind].entries;
      rows += (double)(l->rows[c][kind].chunks * GRAPH_LANES);
    }
    edges +=
        2.0 * sweeps * own; /* with the residual of colour 0 in place of its first half sweep */
    nodes += (2.0 * sweeps + (c == 0)) * rows;
  }
  return 2 * sizeof(float) * edges + 5 * sizeof(float) * nodes + 3 * sizeof(float) * (double)l->n;
}

/* Every level goes through two cycles for each one of the level above. */
static double graph_bytes(const conduct_graph_mg_t *mg) {
  double bytes = 0, times = 2;
  for (int k = 0; k < mg->n_levels - 1; k++, times *= 2)
    bytes +=
        times * level_bytes(&mg->level[k], k == 0 ? mg->options.first_sweeps : mg->options.sweeps);
  return bytes;
}

/* Conjugate gradients on numbers of black cells: p'w, z'r and r'r, x += a p, r -= a w, p = z + b p. */
static double vector_bytes(const conduct_system_t *s) {
  return 14 * sizeof(double) * (double)(s->nz * s->packed);
}

/* ---- seconds -------------------------------------------------------------------------------------- */

typedef struct {
  exset_ctx_t *ctx;
  conduct_system_t s;
  conduct_mg_t *mg;
  conduct_graph_mg_t *graph;
  Vec r, z, p; /* packed black cells */
  double *a, *b, *c;
  int64_t n; /* of a, b, c */
} parts_t;

static void triad(parts_t *t) {
  double *restrict a = t->a;
  const double *restrict b = t->b, *restrict c = t->c;
  for (int64_t i = 0; i < t->n; i++) a[i] = b[i] + 0.5 * c[i];
}

static void apply(parts_t *t, bool cycle) {
  const PetscScalar *r;
  PetscScalar *z;
  MUST(t->ctx, EXSET_PETSC(t->ctx, VecGetArrayRead(t->r, &r)));
  MUST(t->ctx, EXSET_PETSC(t->ctx, VecGetArray(t->z, &z)));
  MUST(t->ctx, cycle ? conduct_mg_apply(t->mg, r, z) : conduct_apply(&t->s, r, z));
  MUST(t->ctx, EXSET_PETSC(t->ctx, VecRestoreArray(t->z, &z)));
  MUST(t->ctx, EXSET_PETSC(t->ctx, VecRestoreArrayRead(t->r, &r)));
}

static void multiply(parts_t *t) {
  apply(t, false);
}

static void cycle(parts_t *t) {
  apply(t, true);
}

static void graph(parts_t *t) {
  MUST(t->ctx, conduct_graph_mg_apply(t->graph));
}

static PetscErrorCode vector_work(parts_t *t) {
  PetscScalar dot;
  PetscReal norm;
  PetscFunctionBeginUser;
  PetscCall(VecTDot(t->p, t->z, &dot));
  PetscCall(VecAXPY(t->z, 1e-9, t->p));
  PetscCall(VecAXPY(t->r, -1e-9, t->z));
  PetscCall(VecNorm(t->r, NORM_2, &norm));
  PetscCall(VecTDot(t->r, t->z, &dot));
  PetscCall(VecAYPX(t->p, 1e-9, t->z));
  PetscFunctionReturn(0);
}

static void vectors(parts_t *t) {
  MUST(t->ctx, EXSET_PETSC(t->ctx, vector_work(t)));
}

static double best(parts_t *t, void (*action)(parts_t *)) {
  double least = INFINITY;
  for (int turn = 0; turn < TURNS; turn++) {
    MUST(t->ctx, EXSET_MPI(t->ctx, MPI_Barrier(t->ctx->comm)));
    const double start = MPI_Wtime();
    action(t);
    MUST(t->ctx, EXSET_MPI(t->ctx, MPI_Barrier(t->ctx->comm)));
    least = fmin(least, MPI_Wtime() - start);
  }
  return least;
}

static PetscErrorCode make_vectors(parts_t *t) {
  const PetscInt n = (PetscInt)(t->s.nz * t->s.packed);
  PetscScalar *r;
  PetscFunctionBeginUser;
  PetscCall(VecCreateMPI(t->ctx->comm, n, PETSC_DETERMINE, &t->r));
  PetscCall(VecDuplicate(t->r, &t->z));
  PetscCall(VecDuplicate(t->r, &t->p));
  PetscCall(VecGetArrayWrite(t->r, &r));
  uint64_t state = 7 + (uint64_t)t->ctx->rank;
  for (PetscInt i = 0; i < n; i++) r[i] = t->s.d[BLACK][i] < INFINITY ? draw(&state) - 0.5 : 0;
  PetscCall(VecRestoreArrayWrite(t->r, &r));
  PetscFunctionReturn(0);
}

/* ---- a table for one set of conductivities -------------------------------------------------------- */

static void row(const parts_t *t, const char *what, double bytes, double rate, double seconds) {
  const double voxels = (double)exset_grid_cells(&t->s.grid);
  exset_print(t->ctx, "| %s | %.1f | %.2f | %.2f | %.2f |\n", what, bytes / voxels,
              1e3 * bytes / rate, 1e3 * seconds, seconds * rate / bytes);
}

static void levels(const parts_t *t) {
  exset_print(t->ctx, "\nLevels: %lld unknowns in %lld cells; nodes", (long long)t->s.unknowns,
              (long long)exset_grid_cells(&t->s.grid));
  for (int k = 0; k < conduct_graph_mg_levels(t->graph); k++)
    exset_print(t->ctx, " %lld", (long long)conduct_graph_mg_nodes(t->graph, k));
  exset_print(
      t->ctx, "; %.1f bytes per voxel of the graphs\n",
      sum(t->ctx, (double)conduct_graph_mg_bytes(t->graph)) / (double)exset_grid_cells(&t->s.grid));
}

/* Seconds of one iteration of a whole solve. */
static double iteration(exset_conduct_t *c, int *iterations) {
  double least = INFINITY;
  for (int turn = 0; turn < 3; turn++) {
    exset_conduct_run_t run;
    const exset_conduct_options_t options = {0};
    MUST(c->ctx, exset_conduct_solve(c, EXSET_AXIS_Z, &options, NULL, NULL, &run));
    least = fmin(least, run.seconds_solve / run.iterations);
    *iterations = run.iterations;
  }
  return least;
}

static void report(parts_t *t, exset_conduct_t *c, const double *sigma) {
  const double op = sum(t->ctx, operator_bytes(&t->s)), vec = sum(t->ctx, vector_bytes(&t->s));
  const double below = sum(t->ctx, graph_bytes(t->graph));
  const double finest = sum(t->ctx, finest_bytes(&t->s, t->graph->level[0].part_n));
  const double rate = sum(t->ctx, 3.0 * sizeof *t->a * (double)t->n) / best(t, triad);
  const double s_op = best(t, multiply), s_cycle = best(t, cycle), s_graph = best(t, graph);
  const double s_vec = best(t, vectors);
  int iterations;
  const double s_all = iteration(c, &iterations);
  levels(t);
  exset_print(t->ctx,
              "\n| sigma %g, %g, %g | bytes per voxel | ms at %.1f GB/s | ms | times as long |\n"
              "|---|---|---|---|---|\n",
              sigma[0], sigma[1], sigma[2], 1e-9 * rate);
  row(t, "operator", op, rate, s_op);
  row(t, "finest level", finest, rate, s_cycle - s_graph);
  row(t, "graph levels", below, rate, s_graph);
  row(t, "**cycle**", finest + below, rate, s_cycle);
  row(t, "vectors", vec, rate, s_vec);
  char what[64];
  snprintf(what, sizeof what, "**iteration**, of %d", iterations);
  row(t, what, op + finest + below + vec, rate, s_all);
  exset_print(t->ctx, "ratio conduct-cycle-%g-%g-%g %.2f 2\n", sigma[0], sigma[1], sigma[2],
              s_cycle * rate / (finest + below));
  exset_print(t->ctx, "ratio conduct-iteration-%g-%g-%g %.2f 2\n", sigma[0], sigma[1], sigma[2],
              s_all * rate / (op + finest + below + vec));
}

static void measure(exset_ctx_t *ctx, const exset_volume_t *v, const double *sigma) {
  parts_t t = {.ctx = ctx};
  exset_conduct_t *c;
  MUST(ctx, exset_conduct_create(ctx, v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  MUST(ctx, conduct_system_create(c, EXSET_AXIS_Z, &t.s));
  if (t.s.unknowns > 0) {
    MUST(ctx, conduct_mg_create(&t.s, &t.mg));
    t.graph = (conduct_graph_mg_t *)conduct_mg_graph(t.mg);
    MUST(ctx, EXSET_PETSC(ctx, make_vectors(&t)));
    t.n = t.s.nz * t.s.packed; /* the size of the vectors */
    double **arrays[] = {&t.a, &t.b, &t.c};
    for (int k = 0; k < 3; k++) MUST(ctx, exset_alloc(ctx, t.n, sizeof(double), arrays[k]));
    report(&t, c, sigma);
    free(t.a), free(t.b), free(t.c);
    Vec *vec[] = {&t.r, &t.z, &t.p};
    for (int k = 0; k < 3; k++) MUST(ctx, EXSET_PETSC(ctx, VecDestroy(vec[k])));
    conduct_mg_destroy(&t.mg);
  }
  conduct_system_clear(&t.s);
  exset_conduct_destroy(&c);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  exset_volume_t v = {0};
  double sets[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {100, 10, 1}};
  volume(ctx, argc > 1 ? argv[1] : "128", &v);
  for (int k = 0; k < (argc > 2 ? argc - 2 : 4); k++) {
    if (argc > 2)
      CHECK(sscanf(argv[k + 2], "%lf,%lf,%lf", &sets[0][0], &sets[0][1], &sets[0][2]) == 3);
    measure(ctx, &v, sets[argc > 2 ? 0 : k]);
  }
  exset_volume_clear(&v);
  exset_config_destroy(&config);
  return test_end(ctx);
}
