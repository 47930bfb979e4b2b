/* exset sweep: the table, and summaries. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cli_sweep.h"

/* ---- the table's files ---------------------------------------------------------------------------- */

int sweep_lock(const sweep_plan_t *plan, bool wait) {
  enum { TRIES = 1200 };
  const struct timespec pause = {.tv_nsec = 100000000};
  char *path = NULL;
  if (asprintf(&path, "%s/table.lock", plan->folder) < 0) return -2;
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  free(path);
  if (fd < 0) return -2;
  for (int i = 0; i < TRIES; i++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    const bool busy = errno == EWOULDBLOCK || errno == EINTR;
    if (!busy || !wait) {
      close(fd);
      return busy ? -1 : -2;
    }
    nanosleep(&pause, NULL);
  }
  close(fd);
  return -1;
}

static int put_text(exset_archive_t *archive, const char *name, cJSON *tree) {
  char *text = tree ? cJSON_Print(tree) : NULL;
  const int err = text ? exset_archive_put_text(archive, name, text) : EXSET_ERR_RUN;
  cJSON_free(text);
  cJSON_Delete(tree);
  return err;
}

static int write_h5(exset_ctx_t *alone, const sweep_plan_t *plan,
                    const exset_sweep_table_t *table) {
  exset_archive_t *archive;
  EXSET_TRY(exset_archive_create(alone, plan->h5, &archive));
  int err = exset_sweep_table_put(alone, &plan->samples, table, archive);
  if (!err) err = put_text(archive, "parameters", cli_json_used(plan->config));
  if (!err) err = put_text(archive, "versions", cli_versions());
  if (!err) return exset_archive_commit(&archive);
  exset_archive_close(&archive);
  return err;
}

static int write_csv(exset_ctx_t *alone, const sweep_plan_t *plan,
                     const exset_sweep_table_t *table) {
  char *text = exset_sweep_table_csv(&plan->samples, table);
  const int err = text ? exset_outfile_text(alone, plan->csv, text)
                       : exset_fail(alone, EXSET_ERR_RUN, "out of memory for the table");
  free(text);
  return err;
}

int sweep_write_table(exset_ctx_t *ctx, const sweep_plan_t *plan, exset_results_t *results,
                      exset_sweep_table_t *table) {
  exset_ctx_t *alone;
  memset(table, 0, sizeof *table);
  if (exset_ctx_create(MPI_COMM_SELF, &alone))
    return exset_fail(ctx, EXSET_ERR_RUN, "cannot set up the writer of the table");
  int err = exset_results_read(results, plan->folder);
  if (!err) err = exset_sweep_table(ctx, &plan->samples, results, table);
  if (!err) err = write_csv(alone, plan, table);
  if (!err) err = write_h5(alone, plan, table);
  if (err) exset_fail(ctx, EXSET_ERR_RUN, "%s", alone->message);
  exset_ctx_destroy(&alone);
  return err ? EXSET_ERR_RUN : EXSET_OK;
}

/* ---- for people ----------------------------------------------------------------------------------- */

static void print_failures(const exset_ctx_t *ctx, const exset_sweep_table_t *table) {
  enum { MOST = 5 };
  int64_t shown = 0;
  for (int64_t r = 0; r < table->n_rows && shown < MOST; r++) {
    if (table->done[r]) continue;
    exset_print(ctx, "%s sample %" PRId64 ": %s\n", shown == 0 ? "failed      " : "            ",
                table->sample[r] + 1, table->message[r]);
    shown++;
  }
  if (table->n_failed > shown)
    exset_print(ctx, "             and %" PRId64 " more: see column message of the table\n",
                table->n_failed - shown);
}

void sweep_print(const exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_results_t *results,
                 const exset_sweep_table_t *table, const sweep_done_t *done) {
  const int64_t damaged = exset_results_damaged(results),
                repeated = exset_results_repeated(results);
  exset_print(ctx,
              "samples      %" PRId64 " of %" PRId64 " done, %" PRId64 " failed, %" PRId64
              " missing\n",
              table->n_done, plan->design.n, table->n_failed, plan->design.n - table->n_rows);
  print_failures(ctx, table);
  if (table->units_missing > 0)
    exset_print(ctx, "missing      %" PRId64 " realisation%s: run the same command again%s\n",
                table->units_missing, table->units_missing == 1 ? "" : "s",
                plan->n_tasks > 1 ? ", or wait for the other tasks" : "");
  if (table->stale > 0)
    exset_print(ctx, "left aside   %" PRId64 " realisation%s of another case in %s\n", table->stale,
                table->stale == 1 ? "" : "s", plan->folder);
  if (damaged > 0)
    exset_print(ctx, "torn         %" PRId64 " line%s of the journals, not used\n", damaged,
                damaged == 1 ? "" : "s");
  if (repeated > 0)
    exset_print(ctx, "repeated     %" PRId64 " realisation%s made more than once\n", repeated,
                repeated == 1 ? "" : "s");
  exset_print(ctx,
              "made         %" PRId64 " realisation%s now, by %d group%s of ranks, in %.3g s\n",
              done->units, done->units == 1 ? "" : "s", plan->n_groups,
              plan->n_groups == 1 ? "" : "s", done->seconds);
  exset_print(ctx, "table        %s and .h5\n", plan->csv);
}

/* ---- for scripts ---------------------------------------------------------------------------------- */

static void add_integer(cJSON *object, const char *name, int64_t value) {
  cJSON_AddNumberToObject(object, name, (double)value);
}

static cJSON *json_parameters(const sweep_plan_t *plan) {
  cJSON *list = cJSON_CreateArray();
  for (int k = 0; k < plan->n_keys; k++) {
    cJSON *item = cJSON_CreateObject();
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < plan->design.n; i++) {
      low = fmin(low, plan->value[i * plan->n_keys + k]);
      high = fmax(high, plan->value[i * plan->n_keys + k]);
    }
    cJSON_AddStringToObject(item, "key", plan->key[k].name);
    add_integer(item, "parameter", plan->key[k].parameter + 1);
    cJSON_AddNumberToObject(item, "lowest", low);
    cJSON_AddNumberToObject(item, "highest", high);
    cJSON_AddItemToArray(list, item);
  }
  return list;
}

static cJSON *json_failures(const exset_sweep_table_t *table) {
  cJSON *list = cJSON_CreateArray();
  for (int64_t r = 0; r < table->n_rows; r++) {
    if (table->done[r]) continue;
    cJSON *item = cJSON_CreateObject();
    add_integer(item, "sample", table->sample[r] + 1);
    cJSON_AddStringToObject(item, "message", table->message[r]);
    cJSON_AddItemToArray(list, item);
  }
  return list;
}

static void add_counts(cJSON *root, const sweep_plan_t *plan, const exset_results_t *results,
                       const exset_sweep_table_t *table) {
  add_integer(root, "samples", plan->design.n);
  add_integer(root, "realisations", plan->realisations);
  add_integer(root, "done", table->n_done);
  add_integer(root, "failed", table->n_failed);
  add_integer(root, "missing", plan->design.n - table->n_rows);
  add_integer(root, "units_done", table->units_done);
  add_integer(root, "units_failed", table->units_failed);
  add_integer(root, "units_missing", table->units_missing);
  add_integer(root, "units_stale", table->stale);
  add_integer(root, "units_repeated", exset_results_repeated(results));
  add_integer(root, "lines_damaged", exset_results_damaged(results));
}

cJSON *sweep_json(const exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_results_t *results,
                  const exset_sweep_table_t *table, const sweep_done_t *done) {
  cJSON *root = cJSON_CreateObject(), *figures;
  add_counts(root, plan, results, table);
  cJSON_AddItemToObject(root, "parameters", json_parameters(plan));
  figures = cJSON_AddArrayToObject(root, "figures");
  for (int f = 0; f < table->n_figures; f++)
    cJSON_AddItemToArray(figures, cJSON_CreateString(table->figure[f]));
  cJSON_AddItemToObject(root, "failures", json_failures(table));
  cJSON_AddStringToObject(root, "table", plan->csv);
  cJSON_AddStringToObject(root, "archive", plan->h5);
  cJSON_AddStringToObject(root, "journals", plan->folder);
  add_integer(root, "task", plan->task);
  add_integer(root, "tasks", plan->n_tasks);
  add_integer(root, "ranks", ctx->size);
  add_integer(root, "groups", plan->n_groups);
  add_integer(root, "units_now", done->units);
  cJSON *seconds = cJSON_AddObjectToObject(root, "seconds");
  cJSON_AddNumberToObject(seconds, "unit", table->seconds);
  cJSON_AddNumberToObject(seconds, "work", done->seconds);
  cJSON_AddNumberToObject(seconds, "total", MPI_Wtime() - ctx->start);
  cJSON_AddNumberToObject(root, "peak_bytes", (double)exset_peak_bytes());
  return root;
}
