/* Tables of sweeps: CSV, or HDF5 with a data set for each column, which becomes CSV. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/archive.h"
#include "exset/regress.h"

/* ---- columns of HDF5 ------------------------------------------------------------------------------ */

typedef struct {
  exset_ctx_t *ctx;
  const char *path;
  exset_archive_t *archive;
  int n_columns;
  int64_t n_rows; /* -1: not known yet */
  char **name;
  double **value;
} columns_t;

static int damaged(const columns_t *c, const char *name, const char *what) {
  return exset_fail(c->ctx, EXSET_ERR_INPUT, "cannot read table %s: /table/%.80s %s", c->path, name,
                    what);
}

/* Read one column into the last place. */
static int read_column(columns_t *c, const char *name, const char *path, int64_t n) {
  const int last = c->n_columns;
  char **names = realloc(c->name, sizeof *names * ((size_t)last + 1));
  if (names) c->name = names;
  double **values = realloc(c->value, sizeof *values * ((size_t)last + 1));
  if (values) c->value = values;
  char *own = names && values ? strdup(name) : NULL;
  if (!own) return exset_fail(c->ctx, EXSET_ERR_RUN, "out of memory for the table");
  c->name[last] = own;
  c->value[last] = NULL;
  c->n_columns++;
  EXSET_TRY(exset_alloc(c->ctx, n, sizeof(double), &c->value[last]));
  return exset_archive_get(c->archive, path, EXSET_ARCHIVE_DOUBLE, n, c->value[last]);
}

/* A member of /table: columns are of one dimension; texts, such as messages, are passed over. */
static int visit(void *user, const char *name) {
  columns_t *c = user;
  char *path = NULL;
  int64_t dims[4];
  int n_dims;
  if (asprintf(&path, "table/%s", name) < 0)
    return exset_fail(c->ctx, EXSET_ERR_RUN, "out of memory for the table");
  int err = exset_archive_shape(c->archive, path, &n_dims, dims);
  if (!err && n_dims == 1) {
    if (c->n_rows < 0) c->n_rows = dims[0];
    if (strpbrk(name, ",\"\r\n#")) err = damaged(c, name, "is not a name of a column");
    if (!err && dims[0] != c->n_rows)
      err = damaged(c, name, "has another number of rows than the rest");
    if (!err) err = read_column(c, name, path, dims[0]);
  }
  free(path);
  return err;
}

/* ---- as CSV --------------------------------------------------------------------------------------- */

static void put_row(FILE *out, const columns_t *c, int64_t row) {
  for (int i = 0; i < c->n_columns; i++) {
    const double value = c->value[i][row];
    if (i > 0) fputc(',', out);
    if (strcmp(c->name[i], "status") == 0) fputs(value == 1 ? "done" : "failed", out);
    else if (isfinite(value)) fprintf(out, "%.17g", value);
  }
  fputc('\n', out);
}

static char *csv_of(const columns_t *c, size_t *length) {
  char *text = NULL;
  FILE *out = open_memstream(&text, length);
  if (!out) return NULL;
  for (int i = 0; i < c->n_columns; i++) fprintf(out, "%s%s", i > 0 ? "," : "", c->name[i]);
  fputc('\n', out);
  for (int64_t row = 0; row < c->n_rows; row++) put_row(out, c, row);
  const bool bad = ferror(out) != 0;
  if (fclose(out) == 0 && !bad) return text;
  free(text);
  return NULL;
}

static void clear(columns_t *c) {
  for (int i = 0; i < c->n_columns; i++) {
    free(c->name[i]);
    free(c->value[i]);
  }
  free(c->name);
  free(c->value);
}

/* On one rank. */
static int load(exset_ctx_t *ctx, const char *path, char **text, size_t *length) {
  columns_t c = {.ctx = ctx, .path = path, .n_rows = -1};
  int err;
  EXSET_TRY_GOTO(err, done, exset_archive_open(ctx, path, &c.archive));
  EXSET_TRY_GOTO(err, done, exset_archive_list(c.archive, "table", visit, &c));
  if (c.n_columns == 0)
    EXSET_TRY_GOTO(err, done,
                   exset_fail(ctx, EXSET_ERR_INPUT,
                              "cannot read table %s: there are no columns in /table", path));
  *text = csv_of(&c, length);
  if (!*text) err = exset_fail(ctx, EXSET_ERR_RUN, "out of memory for the table");
done:
  clear(&c);
  const int err_close = exset_archive_close(&c.archive);
  return err ? err : err_close;
}

/* ---- either --------------------------------------------------------------------------------------- */

static bool is_hdf5(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0);
}

static int read_hdf5(exset_ctx_t *ctx, const char *path, exset_table_t *table) {
  char *text = NULL;
  size_t size = 0;
  int err;
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? load(ctx, path, &text, &size) : EXSET_OK));
  err = exset_table_share(ctx, path, text, (int64_t)size, table);
  free(text);
  return err;
}

int exset_regress_table_read(exset_ctx_t *ctx, const char *path, exset_table_t *table) {
  memset(table, 0, sizeof *table);
  return is_hdf5(path) ? read_hdf5(ctx, path, table) : exset_table_read(ctx, path, table);
}
