/* exset sweep: virtual materials testing over samples of parameters. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_sweep.h"

static const char default_name[] = "sweep.csv";

/* ---- what is left to do --------------------------------------------------------------------------- */

typedef struct {
  exset_digest_t id;
  int64_t item;
} pending_t;

static int by_identity(const void *a, const void *b) {
  const pending_t *x = a, *y = b;
  for (int i = 0; i < 2; i++)
    if (x->id.word[i] != y->id.word[i]) return x->id.word[i] < y->id.word[i] ? -1 : 1;
  return x->item < y->item ? -1 : x->item > y->item;
}

static int by_item(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

/* This task's units that are to be made, equal ones once, in their order; on rank 0. */
static int find_pending(exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_results_t *results,
                        int64_t *n_out, int64_t **item_out) {
  const int64_t most = plan->design.n * plan->realisations;
  pending_t *pending;
  int64_t n = 0, kept = 0, *item;
  EXSET_TRY(exset_alloc(ctx, most, sizeof *pending, &pending));
  int err = exset_alloc(ctx, most, sizeof *item, &item);
  for (int64_t i = 0; !err && i < most; i++) {
    const int64_t sample = i / plan->realisations;
    if (plan->failure[sample]) continue;
    pending[n++] =
        (pending_t){exset_digest_unit(plan->digest[sample], i % plan->realisations + 1), i};
  }
  qsort(pending, (size_t)n, sizeof *pending, by_identity);
  for (int64_t i = 0; !err && i < n; i++) {
    const exset_unit_t *unit = exset_results_find(results, pending[i].id);
    const bool again = i > 0 && memcmp(&pending[i - 1].id, &pending[i].id, sizeof pending->id) == 0;
    const bool finished = unit && (unit->done || !plan->retry);
    if (!again && !finished && pending[i].item % plan->n_tasks == plan->task)
      item[kept++] = pending[i].item;
  }
  free(pending);
  if (err) return err;
  qsort(item, (size_t)kept, sizeof *item, by_item);
  *n_out = kept;
  *item_out = item;
  return EXSET_OK;
}

/* The same on all ranks. */
static int share_pending(exset_ctx_t *ctx, int64_t *n, int64_t **item) {
  enum { PIECE = 1 << 20 };
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(n, 1, MPI_INT64_T, 0, ctx->comm)));
  EXSET_TRY(
      exset_agree(ctx, ctx->rank == 0 ? EXSET_OK : exset_alloc(ctx, *n, sizeof **item, item)));
  for (int64_t i = 0; i < *n; i += PIECE) {
    const int count = (int)(*n - i < PIECE ? *n - i : PIECE);
    EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(*item + i, count, MPI_INT64_T, 0, ctx->comm)));
  }
  return EXSET_OK;
}

/* ---- the end -------------------------------------------------------------------------------------- */

/* Table and JSON, under one lock: the last of several tasks writes what all have done. Collective. */
static int finish(exset_ctx_t *ctx, const sweep_plan_t *plan, exset_results_t *results,
                  const sweep_done_t *done) {
  exset_sweep_table_t table = {0};
  int lock = ctx->rank == 0 ? sweep_lock(plan, true) : -1, err = EXSET_OK;
  int writing = lock >= 0 || (lock == -2 && (plan->n_tasks == 1 || plan->merge));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&writing, 1, MPI_INT, 0, ctx->comm)));
  if (!writing) {
    exset_warn(ctx,
               "the table is not written: %s; exset sweep -merge makes it from what is finished",
               lock == -2 ? "its file system knows no locks, and other tasks may write it"
                          : "another process has held its lock for two minutes");
    return EXSET_OK;
  }
  if (ctx->rank == 0) err = sweep_write_table(ctx, plan, results, &table);
  err = exset_agree(ctx, err);
  if (!err && ctx->rank == 0) sweep_print(ctx, plan, results, &table, done);
  if (!err)
    err = cli_json_write(
        ctx, plan->config, default_name,
        ctx->rank == 0 ? sweep_json(ctx, plan, results, &table, done) : cJSON_CreateObject());
  if (!err && table.n_failed > 0)
    exset_warn(ctx, "%" PRId64 " of %" PRId64 " samples failed: column message of %s tells why",
               table.n_failed, plan->design.n, plan->csv);
  exset_sweep_table_clear(&table);
  if (lock >= 0) close(lock);
  return err;
}

static int stopped(exset_ctx_t *ctx, const sweep_done_t *done) {
  return exset_fail(ctx, EXSET_ERR_RUN,
                    "stopped by signal %d after %" PRId64
                    " realisations; run the same command again to go on",
                    done->signal, done->units);
}

/* ---- the command ---------------------------------------------------------------------------------- */

/* On rank 0. */
static int check_inputs(exset_ctx_t *ctx, const exset_config_t *config, const sweep_plan_t *plan) {
  if (plan->merge && access(plan->folder, R_OK | X_OK) != 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "cannot merge: there is no folder %s with journals",
                      plan->folder);
  if (plan->design_kind != SWEEP_TABLE) return EXSET_OK;
  char *table = exset_config_string_item(config, "sweep_table", 0);
  char *in = table ? realpath(table, NULL) : NULL, *out = realpath(plan->csv, NULL);
  const bool same = in && out && strcmp(in, out) == 0;
  free(table);
  free(in);
  free(out);
  if (!same) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "the output would replace the table of samples %s: choose another -o",
                    plan->csv);
}

/* What could go wrong with the output goes wrong now. Collective. */
static int check_output(exset_ctx_t *ctx, const exset_config_t *config, const sweep_plan_t *plan) {
  EXSET_TRY(cli_json_check(ctx, config, default_name));
  EXSET_TRY(cli_output_check(ctx, config, plan->csv));
  EXSET_TRY(cli_output_check(ctx, config, plan->h5));
  return exset_agree(ctx, ctx->rank == 0 ? check_inputs(ctx, config, plan) : EXSET_OK);
}

/* Collective. */
static int print_plan(exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_results_t *results) {
  exset_sweep_table_t table = {0};
  int err = EXSET_OK;
  if (ctx->rank == 0) err = exset_sweep_table(ctx, &plan->samples, results, &table);
  err = exset_agree(ctx, err);
  if (!err) err = sweep_print_plan(ctx, plan, &table);
  exset_sweep_table_clear(&table);
  return err;
}

static int run(exset_ctx_t *ctx, const sweep_plan_t *plan, exset_results_t *results) {
  sweep_done_t done = {0};
  int64_t n = 0, *item = NULL;
  int err = EXSET_OK;
  if (!plan->merge) {
    if (ctx->rank == 0) err = find_pending(ctx, plan, results, &n, &item);
    err = exset_agree(ctx, err);
    if (!err) err = share_pending(ctx, &n, &item);
    if (!err) exset_info(ctx, "sweep: %" PRId64 " realisations to make", n);
    if (!err) err = sweep_run(ctx, plan, results, n, item, &done);
    if (err >= 0) free(item);
  }
  if (!err) err = finish(ctx, plan, results, &done);
  return !err && done.units < n ? stopped(ctx, &done) : err;
}

int exset_cli_sweep(exset_ctx_t *ctx, exset_config_t *config) {
  sweep_plan_t plan;
  exset_results_t *results = NULL;
  int err = sweep_plan_read(ctx, config, default_name, &plan);
  if (!err) err = check_output(ctx, config, &plan);
  if (!err) err = sweep_choose_groups(ctx, &plan);
  if (!err) {
    if (ctx->rank == 0) err = exset_results_create(ctx, &results);
    if (ctx->rank == 0 && !err) err = exset_results_read(results, plan.folder);
    err = exset_agree(ctx, err);
  }
  if (!err && !plan.merge && plan.n_small > 0)
    exset_warn(ctx,
               "in %" PRId64 " of %" PRId64
               " samples the box is less than %d correlation lengths: their realisations scatter",
               plan.n_small, plan.design.n, SWEEP_LENGTHS);
  if (!err && (plan.dry_run || ctx->verbosity > 1)) err = print_plan(ctx, &plan, results);
  if (!err && !plan.dry_run) err = run(ctx, &plan, results);
  if (err < 0) return err; /* this rank alone: nothing collective may follow */
  exset_results_destroy(&results);
  sweep_plan_clear(&plan);
  return err;
}
