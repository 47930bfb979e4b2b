/* exset sweep: the loop over units of work. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli_sweep.h"
#include "exset/signal.h"

/* Least seconds between two reports of all tasks; and of these and tables, how many times what they take themselves. */
#define REPORT_SECONDS 2.0
#define FAILURE_SECONDS 60.0 /* after one that failed */
enum { REPORT_TIMES = 20, TABLE_TIMES = 50 };

/* A rank's part in the run. */
typedef struct {
  exset_ctx_t *ctx, *group;
  const sweep_plan_t *plan;
  exset_results_t *results; /* on rank 0 */
  const int64_t *item;
  exset_queue_t *queue;
  exset_journal_t *journal; /* on the first rank of the group */
  sweep_worker_t worker;
  sweep_done_t done;                     /* of this group */
  double start, next_report, next_table; /* on rank 0: not before */
} run_t;

/* ---- reports on rank 0 ---------------------------------------------------------------------------- */

/* each: seconds for a realisation of this group, the time between them included. */
static void tell_progress(const run_t *run, const exset_sweep_table_t *table) {
  const sweep_plan_t *plan = run->plan;
  const double workers = (double)plan->n_groups * (double)plan->n_tasks;
  const double each = (MPI_Wtime() - run->start) / (double)run->done.units;
  const int64_t left = llround(each * ceil((double)table->units_missing / workers));
  exset_info(run->ctx,
             "sample %" PRId64 " of %" PRId64 ", %" PRId64 " failed, %.2g s each, %02" PRId64
             ":%02" PRId64 ":%02" PRId64 " left",
             table->n_rows, plan->design.n, table->n_failed, each * (double)plan->realisations,
             left / 3600, left / 60 % 60, left % 60);
}

static int report(run_t *run) {
  exset_sweep_table_t table = {0};
  const double start = MPI_Wtime();
  int err = exset_results_read(run->results, run->plan->folder);
  if (!err) err = exset_sweep_table(run->ctx, &run->plan->samples, run->results, &table);
  if (!err) tell_progress(run, &table);
  exset_sweep_table_clear(&table);
  const double now = MPI_Wtime();
  run->next_report =
      now + fmax(REPORT_SECONDS * (double)run->plan->n_tasks, REPORT_TIMES * (now - start));
  return err;
}

/* Has another task just written the table? */
static bool table_is_new(const sweep_plan_t *plan) {
  struct stat info;
  return plan->n_tasks > 1 && stat(plan->csv, &info) == 0 &&
         difftime(time(NULL), info.st_mtime) < plan->interval;
}

/* Not now, when another process is or was at it. */
static int renew_table(run_t *run) {
  exset_sweep_table_t table;
  const double start = MPI_Wtime();
  const int lock = sweep_lock(run->plan, false);
  int err = EXSET_OK;
  if ((lock >= 0 || (lock == -2 && run->plan->n_tasks == 1)) && !table_is_new(run->plan)) {
    err = sweep_write_table(run->ctx, run->plan, run->results, &table);
    exset_sweep_table_clear(&table);
  }
  if (lock >= 0) close(lock);
  const double now = MPI_Wtime();
  run->next_table = now + fmax(run->plan->interval, TABLE_TIMES * (now - start));
  return err;
}

/* What the journals hold is safe: a report or a table that fails is told, and the work goes on. On rank 0. */
static void report_and_renew(run_t *run) {
  exset_ctx_t *ctx = run->ctx;
  char text[sizeof ctx->message];
  int err = MPI_Wtime() >= run->next_report ? report(run) : EXSET_OK;
  if (!err && MPI_Wtime() >= run->next_table) err = renew_table(run);
  if (!err) return;
  sweep_take_message(ctx, ctx, sizeof text, text);
  exset_warn(ctx, "%s; the sweep goes on", text);
  run->next_report = run->next_table = MPI_Wtime() + FAILURE_SECONDS;
}

/* ---- units ---------------------------------------------------------------------------------------- */

static int journal_unit(run_t *run, const exset_unit_t *unit) {
  if (run->journal) EXSET_TRY(exset_journal_add(run->journal, unit));
  if (run->ctx->rank == 0) report_and_renew(run);
  return EXSET_OK;
}

static int run_unit(run_t *run, int64_t item) {
  const sweep_plan_t *plan = run->plan;
  const int64_t sample = item / plan->realisations, realisation = item % plan->realisations + 1;
  char message[sizeof run->ctx->message] = "";
  const double start = MPI_Wtime();
  int err = sweep_unit(&run->worker, sample, realisation);
  if (err < 0) return err;
  sweep_take_message(run->group, run->ctx, sizeof message, message);
  const exset_unit_t unit = {.id = exset_digest_unit(plan->digest[sample], realisation),
                             .realisation = realisation,
                             .done = !err,
                             .seconds = MPI_Wtime() - start,
                             .message = err ? message : "",
                             .n = err ? 0 : run->worker.n,
                             .name = (const char *const *)run->worker.name,
                             .value = run->worker.value};
  run->done.units += 1;
  run->done.failed += !unit.done;
  err = journal_unit(run, &unit);
  if (err) exset_fail(run->group, err, "%s", run->ctx->message);
  return exset_agree(run->group, err);
}

/* Has any rank of the group been asked to end? Then all groups end. */
static int look_for_signal(run_t *run) {
  exset_ctx_t *group = run->group;
  run->done.signal = exset_signal_seen();
  EXSET_TRY(EXSET_MPI(
      group, MPI_Allreduce(MPI_IN_PLACE, &run->done.signal, 1, MPI_INT, MPI_MAX, group->comm)));
  return run->done.signal && group->rank == 0 ? exset_queue_stop(run->queue) : EXSET_OK;
}

static int run_units(run_t *run) {
  for (;;) {
    int64_t place;
    EXSET_TRY(look_for_signal(run));
    if (run->done.signal) return EXSET_OK;
    EXSET_TRY(exset_queue_next(run->queue, run->group, &place));
    if (place < 0) return EXSET_OK;
    EXSET_TRY(run_unit(run, run->item[place]));
  }
}

/* ---- start and end -------------------------------------------------------------------------------- */

static int open_journal(run_t *run) {
  char comment[256], date[64] = "";
  const time_t now = time(NULL);
  struct tm utc;
  bool locked;
  if (run->group->rank != 0) return EXSET_OK;
  if (gmtime_r(&now, &utc)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  snprintf(comment, sizeof comment, "exset sweep %s, %s, group of %d rank%s", cli_git_state(), date,
           run->group->size, run->group->size == 1 ? "" : "s");
  const int number = exset_group_of(run->ctx, run->plan->n_groups, run->ctx->rank);
  EXSET_TRY(exset_journal_open(run->ctx, run->plan->folder, run->plan->task, number, comment,
                               &run->journal, &locked));
  if (!locked)
    exset_warn(run->ctx,
               "the file system of %s knows no locks: see that no two runs with the same "
               "-sweep_task work there at once",
               run->plan->folder);
  return EXSET_OK;
}

static int begin(run_t *run, int64_t n) {
  exset_ctx_t *ctx = run->ctx;
  EXSET_TRY(exset_ctx_split(ctx, run->plan->n_groups, &run->group));
  if (ctx->verbosity < 2) run->group->verbosity = 0; /* no progress within a unit */
  run->worker = (sweep_worker_t){.ctx = run->group, .all = ctx, .plan = run->plan};
  run->next_report = MPI_Wtime() + REPORT_SECONDS;
  run->next_table = MPI_Wtime() + run->plan->interval;
  EXSET_TRY(exset_journal_folder(ctx, run->plan->folder));
  EXSET_TRY(exset_agree(ctx, open_journal(run)));
  return exset_queue_create(ctx, run->plan->n_groups, n, &run->queue);
}

/* Sums over the groups. */
static int total(const run_t *run, sweep_done_t *done) {
  const bool first = run->group->rank == 0;
  int64_t sum[2] = {first ? run->done.units : 0, first ? run->done.failed : 0};
  done->signal = run->done.signal;
  EXSET_TRY(EXSET_MPI(run->ctx,
                      MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_INT64_T, MPI_SUM, run->ctx->comm)));
  EXSET_TRY(EXSET_MPI(
      run->ctx, MPI_Allreduce(MPI_IN_PLACE, &done->signal, 1, MPI_INT, MPI_MAX, run->ctx->comm)));
  done->units = sum[0];
  done->failed = sum[1];
  done->seconds = MPI_Wtime() - run->start;
  return EXSET_OK;
}

static int work(run_t *run, sweep_done_t *done) {
  exset_ctx_t *ctx = run->ctx;
  exset_signal_t signals;
  run->start = MPI_Wtime();
  EXSET_TRY(exset_agree(ctx, exset_signal_watch(ctx, &signals)));
  int err = run_units(run);
  if (err > 0 && run->group->rank == 0 && exset_queue_stop(run->queue)) err = EXSET_ERR_LOCAL;
  if (err < 0) return exset_fail(ctx, err, "%s", run->group->message); /* this rank alone */
  err = exset_agree_groups(ctx, run->group, err);
  exset_signal_restore(&signals);
  return err ? err : total(run, done);
}

int sweep_run(exset_ctx_t *ctx, const sweep_plan_t *plan, exset_results_t *results, int64_t n,
              const int64_t *item, sweep_done_t *done) {
  run_t run = {.ctx = ctx, .plan = plan, .results = results, .item = item};
  int err = begin(&run, n);
  if (!err) err = work(&run, done);
  if (err < 0) return err;
  sweep_worker_clear(&run.worker);
  exset_journal_close(&run.journal);
  const int err_end = exset_queue_destroy(&run.queue);
  exset_ctx_destroy(&run.group);
  return err ? err : err_end;
}
