/* exset generate: what a plan needs, on how many groups of ranks it runs. */
#include "cli_generate.h"
#include "exset/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static double total(const exset_label_memory_t *m) {
  return m->transform + m->scratch + m->labels + m->fields + m->sums + m->first;
}

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
  return exset_memory_fit(ctx, total(&m), fit);
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
  EXSET_TRY(exset_transform_layout(&copy, &options, &l));
  exset_print(ctx, "ranks       process grid %d x %d, %d thread%s each\n", l.p, l.q, group->threads,
              group->threads == 1 ? "" : "s");
  if (plan->realisations > 1)
    exset_print(ctx, "groups      %d of %d rank%s, which take the realisations in turn\n",
                plan->n_groups, group->size, group->size == 1 ? "" : "s");
  exset_print(
      ctx,
      "memory      %.3g GB on the busiest of %d ranks: transform %.3g, scratch %.3g, labels %.3g, "
      "fields %.3g, sums of squares %.3g, first field %.3g\n",
      total(&m) / 1e9, group->size, m.transform / 1e9, m.scratch / 1e9, m.labels / 1e9,
      m.fields / 1e9, m.sums / 1e9, m.first / 1e9);
  return EXSET_OK;
}
