/* exset generate: what a plan needs, on how many groups of ranks it runs. */
#include "cli_generate.h"
#include "exset/cost.h"
#include "exset/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* What a rank of so many that make a twin together will take. Local. */
static int rank_memory_of(exset_ctx_t *place, const generate_plan_t *plan,
                          exset_label_memory_t *m) {
  exset_grid_t grid;
  EXSET_TRY(exset_grid_init(place, plan->grid.n, plan->grid.voxel, &grid));
  return exset_label_memory(place, &grid, &plan->model, &plan->sampler, plan->n_arrays > 0, m);
}

/* The same; where the transform does not allow a size on so few ranks, as a share of what more ranks would take. Local. */
static int rank_memory(exset_ctx_t *ctx, const generate_plan_t *plan, int ranks, int rank,
                       exset_label_memory_t *m) {
  exset_ctx_t place = {.comm = MPI_COMM_NULL, .rank = rank, .size = ranks, .threads = ctx->threads};
  int err = rank_memory_of(&place, plan, m);
  if (!err) return EXSET_OK;
  const exset_ctx_t here = place;
  for (int more = 2; err && plan->sampler.grid[0] == 0 && more <= 1 << 16; more *= 2) {
    if (ranks > INT32_MAX / more) break;
    place = (exset_ctx_t){.comm = MPI_COMM_NULL, .size = ranks * more, .threads = ctx->threads};
    err = rank_memory_of(&place, plan, m);
    m->transform *= more;
    m->scratch *= more;
    m->labels *= more;
    m->fields *= more;
    m->sums *= more;
    m->first *= more;
  }
  return err ? exset_fail(ctx, err, "%s", here.message) : EXSET_OK;
}

/* ---- groups -------------------------------------------------------------------------------------- */

/* Does a twin fit each of so many groups? */
static int try_groups(exset_ctx_t *ctx, const generate_plan_t *plan, int n_groups,
                      exset_memory_fit_t *fit) {
  const int ranks = ctx->size / n_groups;
  exset_label_memory_t m;
  EXSET_TRY(exset_agree(ctx, rank_memory(ctx, plan, ranks, ctx->rank % ranks, &m)));
  return exset_memory_fit(ctx, exset_label_bytes(&m), fit);
}

/* Rank-rounds spent over those needed: 1 when no group is ever without work. */
static double idle_factor(int64_t realisations, int n_groups) {
  const int64_t rounds = (realisations + n_groups - 1) / n_groups;
  return (double)(rounds * n_groups) / (double)realisations;
}

static int choose(exset_ctx_t *ctx, generate_plan_t *plan, exset_memory_fit_t *fit) {
  const double most_idle = 1.25;
  const int *grid = plan->sampler.grid;
  for (int n = ctx->size; n > 1; n--) {
    if (ctx->size % n != 0 || n > plan->realisations) continue;
    if (grid[0] > 0 && (int64_t)grid[0] * grid[1] * n != ctx->size) continue;
    if (idle_factor(plan->realisations, n) > most_idle) continue;
    EXSET_TRY(try_groups(ctx, plan, n, fit));
    plan->n_groups = n;
    if (fit->needed <= fit->available) return EXSET_OK;
  }
  plan->n_groups = 1;
  return try_groups(ctx, plan, 1, fit);
}

static int take_given(exset_ctx_t *ctx, const generate_plan_t *plan, exset_memory_fit_t *fit) {
  if (ctx->size % plan->n_groups != 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-realisation_groups %d does not divide the number of ranks, %d",
                      plan->n_groups, ctx->size);
  const int *grid = plan->sampler.grid;
  if (grid[0] > 0 && (int64_t)grid[0] * grid[1] != ctx->size / plan->n_groups)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-fft_grid %d,%d is not allowed: P Q ranks, but a group has %d of %d",
                      grid[0], grid[1], ctx->size / plan->n_groups, ctx->size);
  if (plan->n_groups > plan->realisations)
    exset_warn(ctx, "%d of %d groups of ranks have no realisation to make",
               plan->n_groups - (int)plan->realisations, plan->n_groups);
  return try_groups(ctx, plan, plan->n_groups, fit);
}

static void bytes_in_words(double bytes, size_t size, char *text) {
  static const char *const unit[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  int u = 0;
  for (bytes /= 1e3; bytes >= 999.5 && u < 5; u++) bytes /= 1e3;
  snprintf(text, size, "%.3g %s", bytes, unit[u]);
}

int generate_choose_groups(exset_ctx_t *ctx, generate_plan_t *plan, bool dry_run) {
  exset_memory_fit_t fit;
  EXSET_TRY(plan->n_groups > 0 ? take_given(ctx, plan, &fit) : choose(ctx, plan, &fit));
  if (fit.needed <= fit.available) return EXSET_OK;
  char needed[32], available[32], text[512];
  const int64_t *n = plan->grid.n;
  bytes_in_words(fit.needed, sizeof needed, needed);
  bytes_in_words(fit.available, sizeof available, available);
  snprintf(text, sizeof text,
           "size %" PRId64 ",%" PRId64 ",%" PRId64 " needs %s in %d process%s, and %s %s", n[0],
           n[1], n[2], needed, fit.processes, fit.processes == 1 ? "" : "es", available, fit.limit);
  if (!dry_run)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%s; use more nodes or a smaller size", text);
  exset_warn(ctx, "%s: it cannot be made here", text);
  return EXSET_OK;
}

/* ---- the plan in words --------------------------------------------------------------------------- */

/*
 * Resident memory that comes on top of the arrays, of each process: MPI's first exchanges and FFTW's plans; the file
 * library and its buffers. Measured, Open MPI 4.1, HDF5 1.10.
 */
static double later_bytes(const generate_plan_t *plan) {
  const double transforms = 8e6, files = 5e6, arrays = 4e6;
  if (plan->output == GENERATE_NONE) return transforms;
  return transforms + files + (plan->n_arrays > 0 ? arrays : 0);
}

/* Compressed labels of a rank are held until all ranks have theirs: a tenth of them, with most models. */
static double compressed_bytes(const exset_ctx_t *group, const generate_plan_t *plan) {
  const double share = 0.1;
  if (plan->output == GENERATE_NONE || plan->extras.compression == EXSET_COMPRESSION_NONE) return 0;
  return share * (double)exset_grid_cells(&plan->grid) / group->size;
}

/* m: of the busiest rank. */
static int print_memory(exset_ctx_t *ctx, const exset_ctx_t *group, const generate_plan_t *plan,
                        const exset_label_memory_t *m) {
  exset_label_memory_t own;
  EXSET_TRY(exset_agree(ctx, rank_memory(ctx, plan, group->size, group->rank, &own)));
  const double process = (double)exset_memory_resident() + later_bytes(plan);
  const bool works = exset_group_of(ctx, plan->n_groups, ctx->rank) < plan->realisations;
  const double twin = exset_label_bytes(&own) + compressed_bytes(group, plan);
  double sum[2] = {(works ? twin : 0) + process, process};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  exset_print(
      ctx,
      "memory      %.3g GB on the busiest of %d rank%s: transform %.3g, scratch %.3g, labels %.3g, "
      "fields %.3g, sums of squares %.3g, first field %.3g\n",
      exset_label_bytes(m) / 1e9, group->size, group->size == 1 ? "" : "s", m->transform / 1e9,
      m->scratch / 1e9, m->labels / 1e9, m->fields / 1e9, m->sums / 1e9, m->first / 1e9);
  exset_print(ctx, "peak        %.4g GB in %d process%s, %.3g of it libraries\n", sum[0] / 1e9,
              ctx->size, ctx->size == 1 ? "" : "es", sum[1] / 1e9);
  return EXSET_OK;
}

/* ---- the time in words ------------------------------------------------------------------------- */

static int files_of(const generate_plan_t *plan) {
  return plan->output == GENERATE_NONE ? -1 : plan->n_arrays;
}

static void print_cost(const exset_ctx_t *ctx, const char *word, const exset_cost_t *c) {
  exset_print(
      ctx,
      "%-11s about %.3g s for a twin: noise %.2g, transforms %.2g, rows %.2g, exchange %.2g, "
      "figures %.2g, writing %.2g\n",
      word, c->total, c->noise, c->fft, c->row, c->shared + c->network + c->message, c->figures,
      c->write);
  if (c->memory > c->noise + c->fft + c->row)
    exset_print(ctx, "            bound by memory: noise, transforms and rows take %.2g s\n",
                c->memory);
}

/* Nodes that the ranks are on. */
static int count_nodes(exset_ctx_t *ctx, int *nodes) {
  MPI_Comm node;
  int rank;
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Comm_split_type(ctx->comm, MPI_COMM_TYPE_SHARED, ctx->rank, MPI_INFO_NULL, &node)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_rank(node, &rank)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_free(&node)));
  *nodes = rank == 0;
  return EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, nodes, 1, MPI_INT, MPI_SUM, ctx->comm));
}

static void machine_of(const generate_plan_t *plan, int64_t nodes, int ranks, int threads,
                       exset_machine_t *machine) {
  exset_machine_default(machine);
  machine->nodes = nodes;
  machine->ranks = ranks;
  machine->threads = threads;
  machine->network = machine->network_share * plan->planned.network;
  machine->files = plan->planned.files;
}

/* Of a group; sizes that need more ranks have no estimate. Groups of several nodes are cut as evenly as ranks are. */
static int print_time_here(exset_ctx_t *ctx, const exset_ctx_t *group,
                           const generate_plan_t *plan) {
  int all_nodes;
  EXSET_TRY(count_nodes(ctx, &all_nodes));
  if (ctx->rank > 0) return EXSET_OK;
  int nodes = all_nodes / plan->n_groups > 1 ? all_nodes / plan->n_groups : 1;
  while (group->size % nodes) nodes--;
  exset_machine_t machine;
  exset_cost_t cost;
  exset_ctx_t quiet = {.comm = MPI_COMM_NULL};
  machine_of(plan, nodes, group->size / nodes, ctx->threads, &machine);
  if (!exset_cost_twin(&quiet, &plan->grid, &plan->model, &plan->sampler, files_of(plan), &machine,
                       &cost))
    print_cost(ctx, "time", &cost);
  return EXSET_OK;
}

/* Local, the same on all ranks. */
static int print_planned(exset_ctx_t *ctx, const generate_plan_t *plan) {
  const generate_planned_t *p = &plan->planned;
  exset_machine_t machine;
  exset_cost_t c;
  machine_of(plan, p->nodes, p->ranks, p->threads, &machine);
  EXSET_TRY(
      exset_cost_twin(ctx, &plan->grid, &plan->model, &p->sampler, files_of(plan), &machine, &c));
  if (c.p > plan->grid.n[EXSET_AXIS_Z] || c.q > plan->grid.n[EXSET_AXIS_Y])
    exset_warn(ctx,
               "planned are %d x %d ranks for %" PRId64 " planes and %" PRId64
               " rows of each: some have nothing to do",
               c.p, c.q, plan->grid.n[EXSET_AXIS_Z], plan->grid.n[EXSET_AXIS_Y]);
  exset_print(ctx,
              "planned     %" PRId64
              " node%s, %d rank%s each, %d thread%s each: process grid %d x %d, "
              "%.4g GB on a node and %.3g of libraries\n",
              p->nodes, p->nodes == 1 ? "" : "s", p->ranks, p->ranks == 1 ? "" : "s", p->threads,
              p->threads == 1 ? "" : "s", c.p, c.q, c.rank_bytes * p->ranks / 1e9, p->ranks * 0.05);
  print_cost(ctx, "", &c);
  if (c.messages > 0)
    exset_print(ctx,
                "            a node sends %.3g GB, a rank %.3g messages of %.3g kB on average\n",
                c.network_bytes / 1e9, c.messages, c.message_bytes / 1e3);
  return EXSET_OK;
}

int generate_print_plan(exset_ctx_t *ctx, const exset_ctx_t *group, const generate_plan_t *plan) {
  const exset_grid_t *g = &plan->grid;
  exset_label_memory_t m;
  EXSET_TRY(rank_memory(ctx, plan, group->size, 0, &m)); /* no rank has more than the first */
  int transforms = 0;
  for (int f = 0; f < plan->model.n_fields; f++) transforms += plan->model.field[f].dof;
  exset_print(ctx,
              "grid        %" PRId64 " x %" PRId64 " x %" PRId64
              " voxels (z, y, x) of %g x %g x %g um\n",
              g->n[0], g->n[1], g->n[2], g->voxel[0], g->voxel[1], g->voxel[2]);
  exset_print(ctx, "box         %g x %g x %g um\n", (double)g->n[0] * g->voxel[0],
              (double)g->n[1] * g->voxel[1], (double)g->n[2] * g->voxel[2]);
  exset_print(
      ctx, "transforms  %d of this size for each of %" PRId64 " realisations, single precision\n",
      transforms, plan->realisations);
  const exset_transform_options_t options = exset_sampler_transform(g, &plan->sampler);
  exset_transform_layout_t l;
  exset_ctx_t copy = *group; /* a message would stay in it */
  if (!exset_transform_layout(&copy, &options, &l))
    exset_print(ctx, "ranks       process grid %d x %d, %d thread%s each\n", l.p, l.q,
                group->threads, group->threads == 1 ? "" : "s");
  if (plan->realisations > 1)
    exset_print(ctx, "groups      %d of %d rank%s, which take the realisations in turn\n",
                plan->n_groups, group->size, group->size == 1 ? "" : "s");
  EXSET_TRY(print_memory(ctx, group, plan, &m));
  EXSET_TRY(print_time_here(ctx, group, plan));
  return plan->planned.nodes > 0 ? print_planned(ctx, plan) : EXSET_OK;
}
