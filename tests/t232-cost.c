/*
 * test: np="1 2 3" time=20
 * Performance model of a twin: limits in closed form, memory, planned machines.
 */
#include "exset/cost.h"
#include "test.h"

#include <math.h>
#include <string.h>

static exset_model_t model_of(int dof) {
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 1;
  exset_field_t *field = &model.field[0];
  field->type = dof > 1 ? EXSET_FIELD_CHI_SQUARE : EXSET_FIELD_GAUSSIAN;
  field->dof = dof;
  field->fraction = 0.4;
  field->spectrum.n_terms = 1;
  field->spectrum.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1.0, 8.0, 8.0, 1.5, 0.2};
  return model;
}

static exset_machine_t machine_of(int64_t nodes, int ranks, int threads) {
  exset_machine_t m;
  exset_machine_default(&m);
  m.nodes = nodes;
  m.ranks = ranks;
  m.threads = threads;
  m.message = 0;
  return m;
}

static exset_cost_t cost_of(exset_ctx_t *ctx, const int64_t n[3], int dof, const int *process_grid,
                            const exset_machine_t *machine) {
  const double voxel[3] = {0.5, 1, 2};
  const exset_model_t model = model_of(dof);
  exset_sampler_options_t options = {{0, 0}, false};
  if (process_grid) memcpy(options.grid, process_grid, sizeof options.grid);
  exset_grid_t grid;
  exset_cost_t cost;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_cost_twin(ctx, &grid, &model, &options, -1, machine, &cost));
  return cost;
}

/* One rank of one thread: sums of flops and passes by hand; nothing is sent. */
static void test_serial(exset_ctx_t *ctx) {
  const int64_t n[3] = {64, 128, 32};
  exset_machine_t m = machine_of(1, 1, 1);
  m.noise = m.amplitude = m.row = m.figures = 0;
  m.fft = 1;
  m.sweep = INFINITY;
  const exset_cost_t c = cost_of(ctx, n, 1, NULL, &m);
  const double modes = 64 * 128 * 17, voxels = 64 * 128 * 32;
  CHECK_NEAR(c.total, 5 * (modes * 6 + modes * 7 + 0.5 * voxels * 5), 1e-6);
  CHECK(c.p == 1 && c.q == 1 && c.messages == 0 && c.network_bytes == 0 && c.shared == 0);
  const exset_cost_t three = cost_of(ctx, n, 3, NULL, &m);
  CHECK_NEAR(three.total, 3 * c.total, 1e-6);
  m.sweep = 1; /* buffer written, fetched, read: 24 bytes for each mode; labels: 2 for each voxel */
  CHECK_NEAR(cost_of(ctx, n, 1, NULL, &m).memory, 24 * modes + 2 * voxels, 1e-6);
  CHECK_NEAR(cost_of(ctx, n, 3, NULL, &m).memory, 3 * 24 * modes + (3 * 8 + 2) * voxels, 1e-6);
}

/* Work falls as 1 / cores, by ranks as by threads, as long as all divide the sizes. */
static void test_cores(exset_ctx_t *ctx) {
  const int64_t n[3] = {1024, 1024, 1024};
  exset_machine_t one = machine_of(1, 1, 1);
  one.amplitude = 0; /* ny/2 + 1 planes do not divide evenly */
  const exset_cost_t serial = cost_of(ctx, n, 2, NULL, &one);
  for (int cores = 2; cores <= 1024; cores *= 4) {
    exset_machine_t m = one;
    m.ranks = cores;
    const exset_cost_t ranks = cost_of(ctx, n, 2, NULL, &m);
    const double work = serial.noise + serial.fft + serial.row;
    CHECK_NEAR((ranks.noise + ranks.fft + ranks.row) * cores / work, 1, 1e-12);
    CHECK_NEAR(ranks.figures * cores / serial.figures, 1, 1e-12);
    CHECK_NEAR(ranks.memory / serial.memory, 1, 1e-12); /* of a node: not with its cores */
    m.ranks = 1;
    m.threads = cores;
    const exset_cost_t threads = cost_of(ctx, n, 2, NULL, &m);
    CHECK_NEAR((threads.noise + threads.fft + threads.row) * cores / work, 1, 1e-12);
    m.nodes = cores;
    m.threads = 1;
    const exset_cost_t nodes = cost_of(ctx, n, 2, NULL, &m);
    CHECK_NEAR(nodes.memory * cores / serial.memory, 1, 1e-12);
  }
}

/*
 * Slabs: what leaves a node is 1 - 1/nodes of its modes, once; pencils: rows stay on the node where Q divides its ranks,
 * and of the planes 1 - 1/nodes leaves again. On one node nothing does.
 */
static void test_exchange(exset_ctx_t *ctx) {
  const int64_t n[3] = {512, 512, 510};
  const double modes = 512.0 * 512 * 256;
  for (int nodes = 1; nodes <= 8; nodes *= 2)
    for (int q = 1; q <= 4; q *= 2) {
      const int ranks = 4, all = nodes * ranks, process_grid[2] = {all / q, q};
      const exset_machine_t m = machine_of(nodes, ranks, 1);
      const exset_cost_t c = cost_of(ctx, n, 1, process_grid, &m);
      CHECK(c.p == all / q && c.q == q);
      const double leaves = 8 * modes / nodes * (1 - 1.0 / nodes);
      CHECK_MSG(fabs(c.network_bytes - leaves) <= 1e-9 * modes, "%d nodes, Q = %d: %g, not %g",
                nodes, q, c.network_bytes, leaves);
      CHECK_NEAR(c.network, leaves / m.network, 1e-12);
      const double near_p = ranks / q; /* of the bytes of a rank, to others on its node */
      double stays = 8 * modes / all * (near_p - 1) / c.p + 8 * modes / all * (q - 1) / q;
      if (q > 1) stays += 512.0 * 512 * 510 / all * (q - 1) / q; /* labels, to slabs */
      CHECK_NEAR(c.shared * m.shared / stays, 1, 1e-9);
    }
  /* Q = 1: no exchange of rows, and P - 1 messages for each group of k_y */
  const int slabs[2] = {8, 1}, rows[2] = {1, 8};
  const exset_machine_t m = machine_of(8, 1, 1);
  const exset_cost_t c = cost_of(ctx, n, 1, slabs, &m), r = cost_of(ctx, n, 1, rows, &m);
  CHECK(fmod(c.messages, 7) == 0 && c.messages >= 7);
  CHECK_NEAR(c.message_bytes * c.messages, 8 * modes / 8 * 7 / 8, 1);
  CHECK(r.p == 1 && r.q == 8 && fmod(r.messages, 7) == 0);
}

/* Memory is that of the transform and of the arrays, for the first rank of the planned run, however many ranks run here. */
static void test_memory(exset_ctx_t *ctx) {
  const int64_t n[3] = {1000, 700, 600};
  const double voxel[3] = {1, 1, 1};
  for (int dof = 1; dof <= 2; dof++)
    for (int ranks = 1; ranks <= 2048; ranks *= 8) {
      const exset_machine_t m = machine_of(1, ranks, 1);
      const exset_cost_t c = cost_of(ctx, n, dof, NULL, &m);
      exset_ctx_t place = {.comm = MPI_COMM_NULL, .size = ranks, .threads = 1};
      exset_grid_t grid;
      exset_transform_layout_t l;
      MUST(ctx, exset_grid_init(&place, n, voxel, &grid));
      const exset_transform_options_t t = exset_sampler_transform(&grid, NULL);
      MUST(ctx, exset_transform_layout(&place, &t, &l));
      const double share = (double)(l.nz_local * l.rows_local * n[2]);
      const double labels = (double)exset_grid_cells_local(&grid) + (l.q > 1 ? share : 0);
      const double expected =
          (double)(l.buffer_bytes + l.scratch_bytes) + labels + (dof > 1 ? 4 * share : 0);
      CHECK_NEAR(c.rank_bytes, expected, 0.5);
    }
}

/* More nodes never cost more memory each, nor, without latency, more time; and what cannot be is refused. */
static void test_scaling(exset_ctx_t *ctx) {
  const int64_t n[3] = {2048, 4096, 1024};
  double before = INFINITY, bytes = INFINITY;
  for (int64_t nodes = 2; nodes <= 128; nodes *= 2) {
    const exset_machine_t m = machine_of(nodes, 16, 1);
    const exset_cost_t c = cost_of(ctx, n, 2, NULL, &m);
    CHECK_MSG(c.total < before && c.rank_bytes < bytes, "%d nodes: %g s, %g bytes", (int)nodes,
              c.total, c.rank_bytes);
    before = c.total;
    bytes = c.rank_bytes;
  }
  const exset_machine_t m = machine_of(INT64_C(1) << 40, 1, 1);
  const exset_model_t model = model_of(1);
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  exset_cost_t cost;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  CHECK(exset_cost_twin(ctx, &grid, &model, NULL, 0, &m, &cost) == EXSET_ERR_INPUT);
  ctx->message[0] = '\0';
  const exset_machine_t most = machine_of(1 << 18, 4000, 1); /* far more ranks than columns */
  MUST(ctx, exset_cost_twin(ctx, &grid, &model, NULL, 0, &most, &cost));
  CHECK_MSG(cost.rank_bytes > 0 && cost.total > 0 && cost.total < INFINITY, "%g bytes, %g s",
            cost.rank_bytes, cost.total);
}

/* Process grids of large runs: rows stay on the nodes, so that data cross the network once; threads do not change that. */
static void test_grids(exset_ctx_t *ctx) {
  const int64_t n[3] = {8192, 8192, 8192}, flat[3] = {4096, 2048, 1024};
  const struct {
    const int64_t *n;
    int64_t nodes;
    int ranks, threads;
  } run[] = {{n, 512, 64, 1}, {n, 4096, 64, 1}, {n, 256, 4, 16}, {flat, 64, 4, 16}};
  for (size_t i = 0; i < sizeof run / sizeof *run; i++) {
    const exset_machine_t m = machine_of(run[i].nodes, run[i].ranks, run[i].threads);
    const exset_cost_t c = cost_of(ctx, run[i].n, 1, NULL, &m);
    const double cells = (double)run[i].n[0] * (double)run[i].n[1] * (double)run[i].n[2];
    CHECK_MSG(c.p > 1 && c.q <= run[i].ranks, "%d nodes, %d ranks: %d x %d", (int)m.nodes, m.ranks,
              c.p, c.q);
    CHECK_MSG(c.network_bytes * (double)m.nodes < 4.1 * cells, "%g bytes leave nodes for %g cells",
              c.network_bytes * (double)m.nodes, cells);
  }
}

static void test_files(exset_ctx_t *ctx) {
  const int64_t n[3] = {100, 200, 300};
  const double voxel[3] = {1, 1, 1}, cells = 6e6;
  const exset_model_t model = model_of(1);
  exset_machine_t m = machine_of(1, 1, 1);
  exset_grid_t grid;
  exset_cost_t cost;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  m.files_node = 1;
  m.files = 10;
  MUST(ctx, exset_cost_twin(ctx, &grid, &model, NULL, 0, &m, &cost));
  CHECK_NEAR(cost.write, cells, 1e-6);
  m.nodes = 100;
  MUST(ctx, exset_cost_twin(ctx, &grid, &model, NULL, 1, &m, &cost));
  CHECK_NEAR(cost.write, 5 * cells / 10, 1e-6);
  MUST(ctx, exset_cost_twin(ctx, &grid, &model, NULL, -1, &m, &cost));
  CHECK(cost.write == 0);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  test_serial(ctx);
  test_cores(ctx);
  test_exchange(ctx);
  test_memory(ctx);
  test_scaling(ctx);
  test_grids(ctx);
  test_files(ctx);
  return test_end(ctx);
}
