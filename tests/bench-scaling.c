/*
 * The performance model of generation (exset/cost.h, doc/scaling.md): fit of its constants, test of its predictions, tables.
 *
 *   mpirun -n 1 build/tests/bench-scaling           constants of one core, fitted to cubes and to long boxes
 *   mpirun -n 2 build/tests/bench-scaling           exchange and memory of processes that share a node; twins against the model
 *   build/tests/bench-scaling table                 predictions for a cluster (no measurement)
 *
 * Prints "constant NAME VALUE" and "ratio NAME VALUE BOUND": measured over predicted seconds of a twin, noise to checksum,
 * with the constants of exset_machine_default and, of this machine, those of sweep and shared.
 */
#include "exset/cost.h"
#include "exset/volume.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Three phases: a chi-square field with two components, a Gaussian one. */
static exset_model_t three_phases(void) {
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 2;
  for (int f = 0; f < 2; f++) {
    model.field[f].type = f == 0 ? EXSET_FIELD_CHI_SQUARE : EXSET_FIELD_GAUSSIAN;
    model.field[f].dof = f == 0 ? 2 : 1;
    model.field[f].fraction = 0.4;
    model.field[f].spectrum.n_terms = 1;
    model.field[f].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1.0, 8.0, 8.0, 1.5, 0.2};
  }
  return model;
}

static int64_t cells_of(const int64_t n[3]) {
  return n[0] * n[1] * n[2];
}

/* ---- one grid ------------------------------------------------------------------------------------ */

/* Seconds, each the best of several twins; largest of the ranks. */
typedef struct {
  double prepare, noise, fft, row, figures, total;
} times_t;

static void keep_least(const times_t *now, times_t *best) {
  best->prepare = fmin(best->prepare, now->prepare);
  best->noise = fmin(best->noise, now->noise);
  best->fft = fmin(best->fft, now->fft);
  best->row = fmin(best->row, now->row);
  best->figures = fmin(best->figures, now->figures);
  best->total = fmin(best->total, now->total);
}

/*
 * One process with one thread works all the time: its processor time is what the work takes on a free core, whatever else
 * runs. Elapsed times are scaled to it; several ranks or threads wait, so that theirs are taken as they are.
 */
typedef struct {
  double elapsed, processor;
} clock_state_t;

static clock_state_t now_of(void) {
  return (clock_state_t){MPI_Wtime(), (double)clock() / CLOCKS_PER_SEC};
}

static double scale_since(const exset_ctx_t *ctx, clock_state_t start) {
  const clock_state_t now = now_of();
  const double processor = now.processor - start.processor;
  if (ctx->size > 1 || ctx->threads > 1 || processor <= 0) return 1;
  return fmin(processor / (now.elapsed - start.elapsed), 1);
}

static double normalise(exset_ctx_t *ctx, const exset_grid_t *grid, const exset_model_t *model) {
  exset_amplitude_t *amplitude;
  const clock_state_t start = now_of();
  for (int f = 0; f < model->n_fields; f++) {
    MUST(ctx,
         exset_amplitude_create(ctx, grid->n, grid->voxel, &model->field[f].spectrum, &amplitude));
    exset_amplitude_destroy(&amplitude);
  }
  const double elapsed = MPI_Wtime() - start.elapsed;
  return elapsed * scale_since(ctx, start);
}

static times_t one_twin(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_model_t *model,
                        uint64_t realisation, exset_volume_t *volume) {
  exset_seconds_t s = {0, 0, 0, 0, 0};
  double fraction[3];
  uint64_t checksum;
  times_t now = {.prepare = normalise(ctx, &volume->grid, model)};
  MPI_Barrier(ctx->comm);
  const clock_state_t start = now_of();
  MUST(ctx, exset_label_volume(ctx, sampler, model, 1, realisation, volume->phase, NULL, &s));
  const double made = MPI_Wtime();
  MUST(ctx, exset_volume_fractions(ctx, volume, fraction));
  MUST(ctx, exset_volume_checksum(ctx, volume, &checksum));
  const double done = MPI_Wtime(), scale = scale_since(ctx, start);
  now.figures = (done - made) * scale;
  now.total = (done - start.elapsed) * scale;
  now.noise = s.noise * scale - now.prepare;
  now.fft = s.fft * scale;
  now.row = s.threshold * scale;
  MPI_Allreduce(MPI_IN_PLACE, &now, sizeof now / sizeof(double), MPI_DOUBLE, MPI_MAX, ctx->comm);
  return now;
}

/* Voxels are not alike along x and y, which would halve the normalisation. */
static void make_grid(exset_ctx_t *ctx, const int64_t n[3], exset_grid_t *grid) {
  const double voxel[3] = {1, 1, 1.01};
  MUST(ctx, exset_grid_init(ctx, n, voxel, grid));
}

static times_t measure(exset_ctx_t *ctx, const int64_t n[3], int repeats) {
  const exset_model_t model = three_phases();
  exset_grid_t grid;
  exset_sampler_t *sampler;
  exset_volume_t volume;
  times_t best = {1e30, 1e30, 1e30, 1e30, 1e30, 1e30};
  make_grid(ctx, n, &grid);
  MUST(ctx, exset_sampler_create(ctx, &grid, NULL, &sampler));
  MUST(ctx, exset_volume_init(ctx, &grid, 3, &volume));
  for (int r = 0; r < repeats; r++) {
    const times_t now = one_twin(ctx, sampler, &model, (uint64_t)r, &volume);
    keep_least(&now, &best);
  }
  exset_volume_clear(&volume);
  exset_sampler_destroy(&sampler);
  return best;
}

/* ---- constants of a core --------------------------------------------------------------------------- */

static exset_cost_t predict(exset_ctx_t *ctx, const int64_t n[3], const exset_machine_t *machine) {
  const exset_model_t model = three_phases();
  exset_grid_t grid;
  exset_cost_t cost;
  make_grid(ctx, n, &grid);
  MUST(ctx, exset_cost_twin(ctx, &grid, &model, NULL, -1, machine, &cost));
  return cost;
}

/* What each constant is multiplied with: the cost of a machine for which they are 1. */
static exset_cost_t factors(exset_ctx_t *ctx, const int64_t n[3]) {
  exset_machine_t m;
  exset_machine_default(&m);
  m.fft = m.noise = m.row = m.figures = 1;
  m.amplitude = 0;
  return predict(ctx, n, &m);
}

static double normalised_modes(exset_ctx_t *ctx, const int64_t n[3]) {
  exset_machine_t m;
  exset_machine_default(&m);
  m.noise = 0;
  m.amplitude = 1;
  return predict(ctx, n, &m).noise;
}

enum { MOST_GRIDS = 16 };
typedef struct {
  int n;
  int64_t size[MOST_GRIDS][3];
} grids_t;

/* Cubes; and boxes whose columns and rows are as long as in large cubes. */
static grids_t grids_for_fit(void) {
  const int64_t cube[] = {128, 192, 256, 320, 384}, edge[] = {2048, 4096, 8192};
  grids_t g = {0, {{0}}};
  for (size_t i = 0; i < sizeof cube / sizeof *cube; i++, g.n++)
    for (int a = 0; a < 3; a++) g.size[g.n][a] = cube[i];
  for (size_t i = 0; i < sizeof edge / sizeof *edge; i++)
    for (int axis = 0; axis < 3; axis++, g.n++)
      for (int a = 0; a < 3; a++) g.size[g.n][a] = a == axis ? edge[i] : 64;
  return g;
}

static void print_constant(const exset_ctx_t *ctx, const char *name, double value,
                           const char *unit) {
  if (ctx->rank == 0) printf("constant %-10s %.3g %s\n", name, value, unit);
}

/* The transform's rate is the geometric mean over the grids; other constants are ratios of sums. */
static void fit_core(exset_ctx_t *ctx) {
  enum { REPEATS = 5 };
  const grids_t g = grids_for_fit();
  times_t sum = {0};
  exset_cost_t factor = {0};
  double log_rate = 0, quadrant = 0;
  for (int i = 0; i < g.n; i++) {
    const int64_t *n = g.size[i];
    const times_t t = measure(ctx, n, REPEATS);
    const exset_cost_t f = factors(ctx, n);
    log_rate += log(f.fft / t.fft) / g.n;
    sum.prepare += t.prepare;
    sum.noise += t.noise;
    sum.row += t.row;
    sum.figures += t.figures;
    factor.noise += f.noise;
    factor.row += f.row;
    factor.figures += f.figures;
    quadrant += normalised_modes(ctx, n);
    printf(
        "  %5lld x %5lld x %5lld: transform %.1f GFLOP/s, noise %.2f ns, rows %.2f ns, figures "
        "%.2f ns\n",
        (long long)n[0], (long long)n[1], (long long)n[2], 1e-9 * f.fft / t.fft,
        1e9 * t.noise / f.noise, 1e9 * t.row / f.row, 1e9 * t.figures / f.figures);
  }
  print_constant(ctx, "fft", exp(log_rate), "flop/s");
  print_constant(ctx, "noise", sum.noise / factor.noise, "s for each mode");
  print_constant(ctx, "amplitude", sum.prepare / quadrant, "s for each mode of a normalisation");
  print_constant(ctx, "row", sum.row / factor.row, "s for each voxel and component");
  print_constant(ctx, "figures", sum.figures / factor.figures, "s for each voxel");
}

/* ---- what processes share ---------------------------------------------------------------------------- */

/* Bytes/s that all ranks together read and write (with the lines that writing fetches), copying at the same time. */
static double measure_sweep(exset_ctx_t *ctx) {
  const int64_t n = 1 << 24; /* doubles: 128 MB */
  double *from, *to, best = 1e30;
  MUST(ctx, exset_alloc_all(ctx, n, sizeof *from, &from));
  MUST(ctx, exset_alloc_all(ctx, n, sizeof *to, &to));
  for (int r = 0; r < 5; r++) {
    MPI_Barrier(ctx->comm);
    const double start = MPI_Wtime();
    for (int64_t i = 0; i < n; i++) to[i] = from[i] + (double)r;
    MPI_Barrier(ctx->comm);
    best = fmin(best, MPI_Wtime() - start);
  }
  CHECK(to[n - 1] == 4);
  free(from);
  free(to);
  return 3 * 8 * (double)n * ctx->size / best;
}

/* Seconds of an all-to-all with blocks of so many bytes. */
static double exchange_seconds(exset_ctx_t *ctx, int bytes, int repeats) {
  char *send, *receive;
  double best = 1e30;
  MUST(ctx, exset_alloc_all(ctx, (int64_t)bytes * ctx->size, 1, &send));
  MUST(ctx, exset_alloc_all(ctx, (int64_t)bytes * ctx->size, 1, &receive));
  for (int r = 0; r < repeats; r++) {
    MPI_Request request;
    MPI_Barrier(ctx->comm);
    const double start = MPI_Wtime();
    MUST(ctx, EXSET_MPI(ctx, MPI_Ialltoall(send, bytes, MPI_BYTE, receive, bytes, MPI_BYTE,
                                           ctx->comm, &request)));
    MUST(ctx, EXSET_MPI(ctx, MPI_Wait(&request, MPI_STATUS_IGNORE)));
    best = fmin(best, MPI_Wtime() - start);
  }
  free(send);
  free(receive);
  return best;
}

static void measure_shared(exset_ctx_t *ctx, exset_machine_t *m) {
  const double others = ctx->size - 1;
  m->sweep = measure_sweep(ctx);
  print_constant(ctx, "sweep", m->sweep, "byte/s, all ranks");
  if (ctx->size == 1) return;
  m->message = exchange_seconds(ctx, 8, 200) / others;
  for (int bytes = 1 << 15; bytes <= 1 << 21; bytes *= 4) {
    const double rate = bytes * others / exchange_seconds(ctx, bytes, 30);
    if (ctx->rank == 0)
      printf("  blocks of %d kB: %.2f GB/s sent by a rank\n", bytes >> 10, rate / 1e9);
    if (bytes == 1 << 19) m->shared = rate;
  }
  print_constant(ctx, "shared", m->shared, "byte/s of a rank");
  print_constant(ctx, "message", m->message, "s");
}

static void compare(exset_ctx_t *ctx, const int64_t n[3], const exset_machine_t *machine) {
  const times_t t = measure(ctx, n, 5);
  const exset_cost_t c = predict(ctx, n, machine);
  if (ctx->rank > 0) return;
  printf(
      "  %lld x %lld x %lld on %d ranks: %.3f s; model %.3f: noise %.3f fft %.3f rows %.3f memory "
      "%.3f shared %.3f figures "
      "%.3f\n",
      (long long)n[0], (long long)n[1], (long long)n[2], ctx->size, t.total, c.total, c.noise,
      c.fft, c.row, c.memory, c.shared, c.figures);
  printf("ratio generate/model-%lldx%lldx%lld %.2f 1.5\n", (long long)n[0], (long long)n[1],
         (long long)n[2], t.total / c.total);
}

/* ---- predictions ------------------------------------------------------------------------------------- */

/* The quickest of some ways to use the 64 cores of a node. */
static exset_cost_t best_use(exset_ctx_t *ctx, const int64_t n[3], int64_t nodes,
                             exset_machine_t *m) {
  const int use[] = {64, 16, 4, 2};
  exset_cost_t best = {.total = INFINITY};
  for (size_t i = 0; i < sizeof use / sizeof *use; i++) {
    const exset_model_t model = three_phases();
    exset_machine_t now;
    exset_grid_t grid;
    exset_cost_t cost;
    exset_machine_default(&now);
    now.nodes = nodes;
    now.ranks = use[i];
    now.threads = 64 / use[i];
    make_grid(ctx, n, &grid);
    ctx->message[0] = '\0';
    if (exset_cost_twin(ctx, &grid, &model, NULL, 0, &now, &cost)) continue; /* too few ranks */
    if (cost.total - cost.write >= best.total - best.write) continue;
    best = cost;
    *m = now;
  }
  return best;
}

static void print_table(exset_ctx_t *ctx, int64_t edge) {
  const int64_t n[3] = {edge, edge, edge};
  const double node_bytes = 256e9;
  printf("\n%lld^3, %.0f GB of labels\n\n", (long long)edge, 1e-9 * (double)cells_of(n));
  printf(
      "| nodes | ranks x threads | P x Q | GB a node | work | memory | on node | network | "
      "messages | figures | twin | "
      "write |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (int64_t nodes = 1; nodes <= 4096; nodes *= 2) {
    exset_machine_t m = {0};
    const exset_cost_t c = best_use(ctx, n, nodes, &m);
    if (!(c.total < INFINITY) || c.rank_bytes * m.ranks > node_bytes) continue;
    printf(
        "| %lld | %d x %d | %d x %d | %.3g | %.3g | %.3g | %.3g | %.3g | %.3g | %.3g | **%.3g** | "
        "%.3g |\n",
        (long long)nodes, m.ranks, m.threads, c.p, c.q, 1e-9 * c.rank_bytes * m.ranks,
        c.noise + c.fft + c.row, c.memory, c.shared, c.network, c.message, c.figures,
        c.total - c.write, c.write);
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_machine_t machine;
  exset_machine_default(&machine);
  if (argc > 1 && strcmp(argv[1], "table") == 0) {
    CHECK(ctx->size == 1);
    for (int64_t edge = 2048; edge <= 8192; edge *= 2) print_table(ctx, edge);
    return test_end(ctx);
  }
  machine.ranks = ctx->size;
  machine.threads = ctx->threads;
  if (ctx->size == 1) fit_core(ctx);
  measure_shared(ctx, &machine);
  const int64_t grid[][3] = {{192, 192, 192}, {256, 256, 256}, {400, 400, 400}, {128, 1024, 256}};
  for (size_t i = 0; i < sizeof grid / sizeof *grid; i++) compare(ctx, grid[i], &machine);
  return test_end(ctx);
}
