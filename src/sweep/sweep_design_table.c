/* Parameter samples from a CSV file. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/sweep.h"

/* ---- on rank 0 ----------------------------------------------------------------------------------- */

typedef struct {
  exset_ctx_t *ctx;
  const char *path;
  int64_t line; /* from 1 */
} place_t;

static int fail_at(const place_t *place, const char *what, const char *item) {
  return exset_fail(place->ctx, EXSET_ERR_INPUT, "%s, line %lld: %s%.60s", place->path,
                    (long long)place->line, what, item);
}

/* Cut the next field, blanks around it left out, from text; NULL after the last one. */
static char *next_field(char **text) {
  char *field = *text;
  if (!field) return NULL;
  char *comma = strchr(field, ',');
  *text = comma ? comma + 1 : NULL;
  char *end = comma ? comma : field + strlen(field);
  while (end > field && isspace((unsigned char)end[-1])) end--;
  *end = '\0';
  while (isspace((unsigned char)*field)) field++;
  return field;
}

static int read_names(const place_t *place, char *text, int *n, char ***names) {
  for (char *field; (field = next_field(&text));) {
    if (!field[0]) return fail_at(place, "a column has no name", "");
    for (int i = 0; i < *n; i++)
      if (strcmp((*names)[i], field) == 0) return fail_at(place, "two columns named ", field);
    char **grown = realloc(*names, sizeof *grown * (size_t)(*n + 1));
    if (grown) *names = grown;
    char *copy = grown ? strdup(field) : NULL;
    if (!copy) return exset_fail(place->ctx, EXSET_ERR_RUN, "out of memory");
    grown[(*n)++] = copy;
  }
  return EXSET_OK;
}

static int read_row(const place_t *place, char *text, exset_design_t *design, int64_t *room) {
  const int n = design->n_factors;
  if (design->n == EXSET_DESIGN_SAMPLES) return fail_at(place, "more than 10000000 rows", "");
  if (design->n == *room) {
    *room = 2 * *room + 64;
    double *grown = realloc(design->value, (size_t)*room * (size_t)n * sizeof *grown);
    if (!grown) return exset_fail(place->ctx, EXSET_ERR_RUN, "out of memory");
    design->value = grown;
  }
  double *row = &design->value[design->n++ * n];
  int i = 0;
  for (char *field, *end; (field = next_field(&text)); i++) {
    const double value = strtod(field, &end);
    if (end == field || *end || !isfinite(value)) return fail_at(place, "not a number: ", field);
    if (i < n) row[i] = value;
  }
  return i == n ? EXSET_OK : fail_at(place, "not as many fields as the header has", "");
}

/* The line behind the mark with which spreadsheets begin a file. */
static char *unmarked(char *line, int64_t number) {
  return number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0 ? line + 3 : line;
}

static int read_file(exset_ctx_t *ctx, const char *path, FILE *file, exset_design_t *design,
                     char ***names) {
  place_t place = {ctx, path, 0};
  char *line = NULL;
  size_t size = 0;
  int64_t room = 0;
  int err = EXSET_OK;
  while (!err && getline(&line, &size, file) >= 0) {
    place.line++;
    char *text = unmarked(line, place.line);
    const char first = text[strspn(text, " \t\r\n")];
    if (first == '\0' || first == '#') continue;
    if (design->n_factors == 0) err = read_names(&place, text, &design->n_factors, names);
    else err = read_row(&place, text, design, &room);
  }
  free(line);
  if (!err && ferror(file)) err = exset_fail(ctx, EXSET_ERR_INPUT, "cannot read %s", path);
  if (!err && design->n == 0)
    err = exset_fail(ctx, EXSET_ERR_INPUT, "%s has no samples: a header and rows of numbers", path);
  return err;
}

static int read_root(exset_ctx_t *ctx, const char *path, exset_design_t *design, char ***names) {
  FILE *file = fopen(path, "r");
  if (!file)
    return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read the table %s: %s", path, strerror(errno));
  const int err = read_file(ctx, path, file, design, names);
  fclose(file);
  return err;
}

/* ---- to all ranks ------------------------------------------------------------------------------- */

static int share_names(exset_ctx_t *ctx, int n, char ***names) {
  if (ctx->rank != 0) EXSET_TRY(exset_alloc(ctx, n, sizeof **names, names));
  for (int i = 0; i < n; i++) {
    int length = ctx->rank == 0 ? (int)strlen((*names)[i]) + 1 : 0;
    EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&length, 1, MPI_INT, 0, ctx->comm)));
    if (ctx->rank != 0) EXSET_TRY(exset_alloc(ctx, length, 1, &(*names)[i]));
    EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast((*names)[i], length, MPI_CHAR, 0, ctx->comm)));
  }
  return EXSET_OK;
}

static int share(exset_ctx_t *ctx, exset_design_t *design, char ***names) {
  int64_t size[2] = {design->n, design->n_factors};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(size, 2, MPI_INT64_T, 0, ctx->comm)));
  design->n = size[0];
  design->n_factors = (int)size[1];
  int err = EXSET_OK;
  if (ctx->rank != 0)
    err = exset_alloc(ctx, exset_mul3(size[0], size[1], 1), sizeof *design->value, &design->value);
  EXSET_TRY(exset_agree(ctx, err));
  for (int64_t i = 0; i < design->n; i++)
    EXSET_TRY(EXSET_MPI(
        ctx, MPI_Bcast(&design->value[i * size[1]], design->n_factors, MPI_DOUBLE, 0, ctx->comm)));
  return share_names(ctx, design->n_factors, names);
}

int exset_design_table(exset_ctx_t *ctx, const char *path, exset_design_t *design, char ***names) {
  *design = (exset_design_t){0};
  *names = NULL;
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? read_root(ctx, path, design, names) : EXSET_OK));
  return share(ctx, design, names);
}
