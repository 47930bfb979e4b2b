/* exset sweep: how many ranks make a twin together, and the plan in words. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli_sweep.h"
#include "exset/memory.h"

/* Resident memory that comes on top of the arrays, of each process: MPI's first exchanges, FFTW's plans, PETSc. */
#define LATER_BYTES 12e6

/* ---- memory --------------------------------------------------------------------------------------- */

/* What a rank of a group of so many takes for the largest box: the sampler, which stays, and the larger of what
 * generation and measures take. Local. Errors: EXSET_ERR_INPUT (transforms do not allow that few ranks). */
static int rank_bytes(const exset_ctx_t *ctx, const sweep_plan_t *plan, int ranks, int rank,
                      double *bytes) {
  exset_ctx_t place = {.comm = MPI_COMM_NULL, .rank = rank, .size = ranks, .threads = ctx->threads};
  const exset_grid_t *box = &plan->conduct.whole.grid;
  exset_grid_t grid;
  exset_label_memory_t m;
  exset_model_t model = {.n_fields = plan->n_fields}; /* the dearest: chi-square, coupled */
  for (int f = 0; f < model.n_fields; f++)
    model.field[f] = (exset_field_t){.type = EXSET_FIELD_CHI_SQUARE, .dof = 2};
  EXSET_TRY(exset_grid_init(&place, box->n, box->voxel, &grid));
  EXSET_TRY(exset_label_memory(&place, &grid, &model, NULL, false, &m));
  const double solver = plan->solving ? conduct_bytes(&plan->conduct, grid.nz_local) : 0;
  const double descriptors = plan->describing ? exset_morph_bytes(&place, &grid, &plan->morph) : 0;
  const double sampler = m.transform + m.scratch + m.sums;
  *bytes = sampler + fmax(exset_label_bytes(&m) - sampler, m.labels + fmax(solver, descriptors));
  return EXSET_OK;
}

/* Does the largest box fit in so many groups at once? */
static int try_groups(exset_ctx_t *ctx, const sweep_plan_t *plan, int n_groups, double *bytes,
                      exset_memory_fit_t *fit) {
  const int group = exset_group_of(ctx, n_groups, ctx->rank);
  const int first = exset_group_first(ctx, n_groups, group);
  const int next = exset_group_first(ctx, n_groups, group + 1);
  int impossible = rank_bytes(ctx, plan, next - first, ctx->rank - first, bytes) != EXSET_OK;
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &impossible, 1, MPI_INT, MPI_MAX, ctx->comm)));
  if (impossible) *bytes = 0;
  EXSET_TRY(exset_memory_fit(ctx, *bytes, fit));
  if (impossible) fit->needed = INFINITY;
  return EXSET_OK;
}

/* As many groups as fit; where there are hundreds, nearly as many: each try is collective. */
static int choose(exset_ctx_t *ctx, sweep_plan_t *plan, exset_memory_fit_t *fit) {
  enum { STEPS = 64 };
  double bytes;
  const int64_t units = (plan->design.n * plan->realisations - 1) / plan->n_tasks + 1;
  int n = units < ctx->size ? (int)units : ctx->size;
  for (;; n -= (n - 1) / STEPS + 1) {
    plan->n_groups = n;
    EXSET_TRY(try_groups(ctx, plan, n, &bytes, fit));
    if (n == 1 || fit->needed <= fit->available) return EXSET_OK;
  }
}

int sweep_choose_groups(exset_ctx_t *ctx, sweep_plan_t *plan) {
  int64_t ranks;
  double bytes;
  exset_memory_fit_t fit;
  plan->n_groups = 1;
  if (plan->merge) return EXSET_OK; /* no twin is made: it may be done on a small machine */
  EXSET_TRY(exset_config_int(plan->config, "sweep_ranks", &ranks));
  if (ranks > ctx->size)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-sweep_ranks is %" PRId64 ": there are %d", ranks,
                      ctx->size);
  if (ranks > 0) {
    plan->n_groups = ctx->size / (int)ranks;
    EXSET_TRY(try_groups(ctx, plan, plan->n_groups, &bytes, &fit));
  } else {
    EXSET_TRY(choose(ctx, plan, &fit));
  }
  if (fit.needed <= fit.available) return EXSET_OK;
  const int64_t *n = plan->conduct.whole.grid.n;
  char text[512];
  snprintf(text, sizeof text,
           "size %" PRId64 ",%" PRId64 ",%" PRId64
           " needs %.3g GB in %d process%s, and %.3g GB %s: take more ranks for each group "
           "(-sweep_ranks), more nodes, or a smaller size",
           n[0], n[1], n[2], fit.needed / 1e9, fit.processes, fit.processes == 1 ? "" : "es",
           fit.available / 1e9, fit.limit);
  if (!plan->dry_run) return exset_fail(ctx, EXSET_ERR_INPUT, "%s", text);
  exset_warn(ctx, "%s", text);
  return EXSET_OK;
}

/* ---- the plan in words ---------------------------------------------------------------------------- */

static void print_samples(const exset_ctx_t *ctx, const sweep_plan_t *plan) {
  static const char *const design[] = {"table", "full factorial", "Latin hypercube", "Sobol"};
  int64_t impossible = 0;
  for (int64_t i = 0; i < plan->design.n; i++) impossible += plan->failure[i] != NULL;
  exset_print(ctx, "samples      %" PRId64 " (%s), %" PRId64 " realisation%s of each\n",
              plan->design.n, design[plan->design_kind], plan->realisations,
              plan->realisations == 1 ? "" : "s");
  if (impossible > 0)
    exset_print(ctx, "             %" PRId64 " cannot be made: they will be recorded as failed\n",
                impossible);
  for (int k = 0; k < plan->n_keys; k++) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < plan->design.n; i++) {
      low = fmin(low, plan->value[i * plan->n_keys + k]);
      high = fmax(high, plan->value[i * plan->n_keys + k]);
    }
    exset_print(ctx, "%s %s: %.6g to %.6g\n", k == 0 ? "parameters  " : "            ",
                plan->key[k].name, low, high);
  }
}

static void print_time(const exset_ctx_t *ctx, const sweep_plan_t *plan,
                       const exset_sweep_table_t *table) {
  const int64_t all = table->units_done + table->units_failed + table->units_missing;
  exset_print(ctx,
              "units        %" PRId64 " of %" PRId64 " done, %" PRId64 " failed, %" PRId64
              " missing%s\n",
              table->units_done, all, table->units_failed, table->units_missing,
              plan->n_tasks > 1 ? " (of all tasks)" : "");
  if (table->stale > 0)
    exset_print(ctx, "             %" PRId64 " in %s belong to another case: not used\n",
                table->stale, plan->folder);
  if (isnan(table->seconds)) return;
  const double workers = (double)plan->n_groups * (double)plan->n_tasks;
  exset_print(ctx, "time         %.3g s for each unit until now, about %.0f s left\n",
              table->seconds, table->seconds * ceil((double)table->units_missing / workers));
}

int sweep_print_plan(exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_sweep_table_t *table) {
  const exset_grid_t *box = &plan->conduct.whole.grid;
  const int64_t *n = box->n;
  double bytes;
  exset_memory_fit_t fit;
  EXSET_TRY(try_groups(ctx, plan, plan->n_groups, &bytes, &fit));
  bytes += LATER_BYTES + (double)exset_memory_resident();
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPI_DOUBLE, MPI_MAX, ctx->comm)));
  print_samples(ctx, plan);
  exset_print(ctx,
              "box          %" PRId64 " x %" PRId64 " x %" PRId64
              " voxels of %g x %g x %g um (z, y, x), the largest\n",
              n[0], n[1], n[2], box->voxel[0], box->voxel[1], box->voxel[2]);
  const int least = ctx->size / plan->n_groups;
  exset_print(ctx, "groups       %d of %d rank%s%s", plan->n_groups, least, least == 1 ? "" : "s",
              ctx->size % plan->n_groups ? " and more" : "");
  if (plan->n_tasks > 1)
    exset_print(ctx, ", task %" PRId64 " of %" PRId64 " (from 0)", plan->task, plan->n_tasks);
  exset_print(ctx, "\n");
  exset_print(ctx, "memory       at most about %.3g MB on each rank\n", bytes / 1e6);
  if (ctx->rank == 0) print_time(ctx, plan, table);
  exset_print(ctx, "output       %s and .h5, journals in %s\n", plan->csv, plan->folder);
  return EXSET_OK;
}
