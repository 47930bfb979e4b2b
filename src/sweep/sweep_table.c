/* The table: a row for each sample, from the results of its realisations. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/sweep.h"
#include "exset/table.h"

/* ---- rows --------------------------------------------------------------------------------------- */

/* Place of a figure, or the number of figures. Names are shared by all units: pointers tell. `near`: where to look first. */
static int figure_place(const char *const *figure, int n, const char *name, int near) {
  if (near < n && strcmp(figure[near], name) == 0) return near;
  int i = 0;
  while (i < n && strcmp(figure[i], name) != 0) i++;
  return i;
}

static int add_figures(exset_ctx_t *ctx, const exset_unit_t *unit, exset_sweep_table_t *table) {
  for (int i = 0; i < unit->n; i++) {
    const int n = table->n_figures;
    if (figure_place((const char *const *)table->figure, n, unit->name[i], i) < n) continue;
    char **grown = realloc(table->figure, (size_t)(n + 1) * sizeof *grown);
    if (grown) table->figure = grown;
    char *copy = grown ? strdup(unit->name[i]) : NULL;
    if (!copy) return exset_fail(ctx, EXSET_ERR_RUN, "out of memory for the table");
    grown[table->n_figures++] = copy;
  }
  return EXSET_OK;
}

/* Is the row there, and what do its units say? */
typedef struct {
  int64_t done, failed;
  const char *message;
} state_t;

static state_t state_of(const exset_samples_t *samples, const exset_results_t *results, int64_t i) {
  state_t state = {0, 0, ""};
  for (int64_t r = 1; r <= samples->realisations; r++) {
    const exset_unit_t *unit =
        exset_results_find(results, exset_digest_unit(samples->digest[i], r));
    if (!unit) continue;
    if (!unit->done && state.failed == 0) state.message = unit->message;
    state.done += unit->done;
    state.failed += !unit->done;
  }
  return state;
}

static void mean_and_sd(int64_t n, const double *value, double *mean, double *sd) {
  double sum = 0, squares = 0;
  int64_t finite = 0;
  for (int64_t i = 0; i < n; i++)
    if (isfinite(value[i])) {
      sum += value[i];
      finite++;
    }
  *mean = finite > 0 ? sum / (double)finite : NAN;
  for (int64_t i = 0; i < n; i++)
    if (isfinite(value[i])) squares += (value[i] - *mean) * (value[i] - *mean);
  *sd = finite > 1 ? sqrt(squares / (double)(finite - 1)) : NAN;
}

/* Figures of a row. value: scratch [n_figures][realisations]. */
static void fill_row(const exset_samples_t *samples, const exset_results_t *results, int64_t row,
                     double *value, exset_sweep_table_t *table) {
  const int64_t most = samples->realisations, n = table->n_figures;
  int64_t done = 0;
  for (int64_t i = 0; i < n * most; i++) value[i] = NAN;
  for (int64_t r = 1; r <= most; r++) {
    const exset_digest_t id = exset_digest_unit(samples->digest[table->sample[row]], r);
    const exset_unit_t *unit = exset_results_find(results, id);
    if (!unit || !unit->done) continue;
    table->row_seconds[row] += unit->seconds;
    for (int k = 0; k < unit->n; k++) {
      const int f = figure_place((const char *const *)table->figure, (int)n, unit->name[k], k);
      if (f < n) value[f * most + done] = unit->value[k];
    }
    done++;
  }
  for (int64_t f = 0; f < n; f++)
    mean_and_sd(done, &value[f * most], &table->mean[row * n + f], &table->sd[row * n + f]);
}

static int allocate(exset_ctx_t *ctx, int64_t n, exset_sweep_table_t *table) {
  EXSET_TRY(exset_alloc(ctx, n, sizeof *table->sample, &table->sample));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *table->done, &table->done));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *table->realisations, &table->realisations));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *table->row_seconds, &table->row_seconds));
  return exset_alloc(ctx, n, sizeof *table->message, &table->message);
}

static void add_row(int64_t sample, bool done, int64_t realisations, const char *message,
                    exset_sweep_table_t *table) {
  const int64_t row = table->n_rows++;
  table->sample[row] = sample;
  table->done[row] = done;
  table->realisations[row] = realisations;
  table->message[row] = message;
  table->n_done += done;
  table->n_failed += !done;
}

static int find_rows(exset_ctx_t *ctx, const exset_samples_t *samples,
                     const exset_results_t *results, exset_sweep_table_t *table) {
  for (int64_t i = 0; i < samples->n; i++) {
    if (samples->failure[i]) {
      add_row(i, false, 0, samples->failure[i], table);
      continue;
    }
    const state_t state = state_of(samples, results, i);
    table->units_done += state.done;
    table->units_failed += state.failed;
    table->units_missing += samples->realisations - state.done - state.failed;
    if (state.done + state.failed < samples->realisations) continue;
    add_row(i, state.failed == 0, state.done, state.message, table);
    for (int64_t r = 1; r <= samples->realisations; r++) {
      const exset_unit_t *unit =
          exset_results_find(results, exset_digest_unit(samples->digest[i], r));
      if (unit->done) EXSET_TRY(add_figures(ctx, unit, table));
    }
  }
  return EXSET_OK;
}

static int compare_digests(const void *a, const void *b) {
  const exset_digest_t *x = a, *y = b;
  for (int i = 0; i < 2; i++)
    if (x->word[i] != y->word[i]) return x->word[i] < y->word[i] ? -1 : 1;
  return 0;
}

/* Units that belong to samples, equal samples counted once; seconds becomes their mean time. */
static int count_stale(exset_ctx_t *ctx, const exset_samples_t *samples,
                       const exset_results_t *results, exset_sweep_table_t *table) {
  exset_digest_t *digest;
  EXSET_TRY(exset_alloc(ctx, samples->n, sizeof *digest, &digest));
  int64_t n = 0, used = 0, timed = 0;
  for (int64_t i = 0; i < samples->n; i++)
    if (!samples->failure[i]) digest[n++] = samples->digest[i];
  qsort(digest, (size_t)n, sizeof *digest, compare_digests);
  double seconds = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i > 0 && compare_digests(&digest[i - 1], &digest[i]) == 0) continue;
    for (int64_t r = 1; r <= samples->realisations; r++) {
      const exset_unit_t *unit = exset_results_find(results, exset_digest_unit(digest[i], r));
      if (!unit) continue;
      used++;
      timed += unit->done;
      seconds += unit->done ? unit->seconds : 0;
    }
  }
  free(digest);
  table->stale = exset_results_units(results) - used;
  table->seconds = timed > 0 ? seconds / (double)timed : NAN;
  return EXSET_OK;
}

int exset_sweep_table(exset_ctx_t *ctx, const exset_samples_t *samples,
                      const exset_results_t *results, exset_sweep_table_t *table) {
  double *value = NULL;
  memset(table, 0, sizeof *table);
  int err = allocate(ctx, samples->n, table);
  if (!err) err = find_rows(ctx, samples, results, table);
  if (!err) err = count_stale(ctx, samples, results, table);
  const int64_t n = table->n_figures;
  if (!err) err = exset_alloc(ctx, exset_mul3(table->n_rows, n, 1), sizeof(double), &table->mean);
  if (!err) err = exset_alloc(ctx, exset_mul3(table->n_rows, n, 1), sizeof(double), &table->sd);
  if (!err) err = exset_alloc(ctx, exset_mul3(n, samples->realisations, 1), sizeof(double), &value);
  for (int64_t row = 0; !err && row < table->n_rows; row++)
    if (!samples->failure[table->sample[row]]) fill_row(samples, results, row, value, table);
    else
      for (int64_t f = 0; f < n; f++) table->mean[row * n + f] = table->sd[row * n + f] = NAN;
  free(value);
  return err ? EXSET_ERR_RUN : EXSET_OK;
}

void exset_sweep_table_clear(exset_sweep_table_t *table) {
  for (int i = 0; i < table->n_figures; i++) free(table->figure[i]);
  free(table->figure);
  free(table->sample);
  free(table->done);
  free(table->realisations);
  free(table->mean);
  free(table->sd);
  free(table->row_seconds);
  free(table->message);
  memset(table, 0, sizeof *table);
}

/* ---- CSV ---------------------------------------------------------------------------------------- */

static void put_number(FILE *out, double value) {
  char text[EXSET_NUMBER_TEXT] = "nan"; /* of either sign */
  if (!isnan(value)) exset_number_text(value, text);
  fprintf(out, ",%s", text);
}

static void put_header(FILE *out, const exset_samples_t *samples,
                       const exset_sweep_table_t *table) {
  fputs("sample,status,realisations", out);
  for (int k = 0; k < samples->n_keys; k++) fprintf(out, ",%s", samples->key[k]);
  for (int f = 0; f < table->n_figures; f++)
    fprintf(out, ",%s,%s_sd", table->figure[f], table->figure[f]);
  fputs(",seconds,seed,message\n", out);
}

static void put_row(FILE *out, const exset_samples_t *samples, const exset_sweep_table_t *table,
                    int64_t row) {
  const int64_t i = table->sample[row], n = table->n_figures;
  fprintf(out, "%" PRId64 ",%s,%" PRId64, i + 1, table->done[row] ? "done" : "failed",
          table->realisations[row]);
  for (int k = 0; k < samples->n_keys; k++)
    put_number(out, samples->value[i * samples->n_keys + k]);
  for (int64_t f = 0; f < n; f++) {
    put_number(out, table->mean[row * n + f]);
    put_number(out, table->sd[row * n + f]);
  }
  fprintf(out, ",%.6g,%" PRIu64 ",", table->row_seconds[row], samples->seed[i]);
  exset_table_put_text(out, table->message[row]);
  fputc('\n', out);
}

char *exset_sweep_table_csv(const exset_samples_t *samples, const exset_sweep_table_t *table) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  put_header(out, samples, table);
  for (int64_t row = 0; row < table->n_rows; row++) put_row(out, samples, table, row);
  const bool failed = ferror(out);
  if (fclose(out) == 0 && !failed) return text;
  free(text);
  return NULL;
}

/* ---- HDF5 --------------------------------------------------------------------------------------- */

/* Columns of one archive. */
typedef struct {
  exset_archive_t *archive;
  int64_t n;
  double *column; /* scratch [n] */
} sheet_t;

static int put_column(const sheet_t *sheet, const char *name, const char *ending) {
  char *path = NULL;
  if (asprintf(&path, "table/%s%s", name, ending) < 0) return EXSET_ERR_RUN;
  const int err =
      exset_archive_put(sheet->archive, path, EXSET_ARCHIVE_DOUBLE, 1, &sheet->n, sheet->column);
  free(path);
  return err;
}

static int put_matrix(const sheet_t *sheet, const double *value, const int64_t *row_of,
                      int64_t width, int64_t column, const char *name, const char *ending) {
  for (int64_t r = 0; r < sheet->n; r++)
    sheet->column[r] = value[(row_of ? row_of[r] : r) * width + column];
  return put_column(sheet, name, ending);
}

static int put_counts(const sheet_t *sheet, const exset_samples_t *samples,
                      const exset_sweep_table_t *table) {
  for (int64_t r = 0; r < sheet->n; r++) sheet->column[r] = (double)(table->sample[r] + 1);
  EXSET_TRY(put_column(sheet, "sample", ""));
  for (int64_t r = 0; r < sheet->n; r++) sheet->column[r] = table->done[r];
  EXSET_TRY(put_column(sheet, "status", ""));
  EXSET_TRY(
      exset_archive_describe(sheet->archive, "table/status", "description", "1: done, 0: failed"));
  for (int64_t r = 0; r < sheet->n; r++) sheet->column[r] = (double)table->realisations[r];
  EXSET_TRY(put_column(sheet, "realisations", ""));
  for (int64_t r = 0; r < sheet->n; r++) sheet->column[r] = (double)samples->seed[table->sample[r]];
  EXSET_TRY(put_column(sheet, "seed", ""));
  EXSET_TRY(put_matrix(sheet, table->row_seconds, NULL, 1, 0, "seconds", ""));
  return exset_archive_describe(sheet->archive, "table/seconds", "unit", "s");
}

/* A line for each row. */
static int put_messages(exset_ctx_t *ctx, const sheet_t *sheet, const exset_sweep_table_t *table) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return exset_fail(ctx, EXSET_ERR_RUN, "out of memory for the table");
  for (int64_t r = 0; r < sheet->n; r++) fprintf(out, "%s\n", table->message[r]);
  const bool failed = ferror(out);
  const int err = fclose(out) == 0 && !failed
                      ? exset_archive_put_text(sheet->archive, "table/message", text)
                      : exset_fail(ctx, EXSET_ERR_RUN, "out of memory for the table");
  free(text);
  return err;
}

static int put_all(exset_ctx_t *ctx, const exset_samples_t *samples,
                   const exset_sweep_table_t *table, const sheet_t *sheet) {
  EXSET_TRY(put_counts(sheet, samples, table));
  for (int k = 0; k < samples->n_keys; k++)
    EXSET_TRY(
        put_matrix(sheet, samples->value, table->sample, samples->n_keys, k, samples->key[k], ""));
  for (int f = 0; f < table->n_figures; f++) {
    const int64_t n = table->n_figures;
    EXSET_TRY(put_matrix(sheet, table->mean, NULL, n, f, table->figure[f], ""));
    EXSET_TRY(put_matrix(sheet, table->sd, NULL, n, f, table->figure[f], "_sd"));
  }
  return put_messages(ctx, sheet, table);
}

int exset_sweep_table_put(exset_ctx_t *ctx, const exset_samples_t *samples,
                          const exset_sweep_table_t *table, exset_archive_t *archive) {
  sheet_t sheet = {.archive = archive, .n = table->n_rows};
  if (exset_alloc(ctx, sheet.n, sizeof(double), &sheet.column)) return EXSET_ERR_RUN;
  const int err = put_all(ctx, samples, table, &sheet);
  free(sheet.column);
  return err;
}
