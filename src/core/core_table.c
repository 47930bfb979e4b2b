/* CSV tables: fields are cut out of one text in place, or written. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "exset/table.h"

/* ---- fields --------------------------------------------------------------------------------------- */

/* What reading has come to. */
typedef struct {
  exset_ctx_t *ctx;
  const char *path;
  char *at, *end; /* next character, end of the text (a NUL stands there) */
  int64_t line;   /* of `at`, from 1 */
} reader_t;

typedef struct {
  char *text; /* ended by a NUL */
  bool last;  /* of its line */
} field_t;

static int damaged(const reader_t *reader, int64_t line, const char *what) {
  return exset_fail(reader->ctx, EXSET_ERR_INPUT, "cannot read table %s, line %lld: %s",
                    reader->path, (long long)line, what);
}

/* Pass over what ends a field: a comma, a line end, the end of the text. The field may be cut off before. */
static int end_field(reader_t *reader, field_t *field, char *cut) {
  char *at = reader->at;
  if (at < reader->end && *at == '\r' && at + 1 < reader->end && at[1] == '\n') at++;
  field->last = at == reader->end || *at == '\n';
  if (!field->last && *at != ',')
    return damaged(
        reader, reader->line,
        *at == '\r' ? "a carriage return without a line feed" : "text behind a closing quote");
  if (at < reader->end && *at == '\n') reader->line++;
  reader->at = at < reader->end ? at + 1 : at;
  *cut = '\0';
  return EXSET_OK;
}

/* A field in quotes; doubled ones become one. */
static int quoted_field(reader_t *reader, field_t *field) {
  const int64_t first = reader->line;
  char *to = ++reader->at;
  field->text = to;
  for (; reader->at < reader->end; reader->at++) {
    if (*reader->at == '"' && *++reader->at != '"') return end_field(reader, field, to);
    if (*reader->at == '\n') reader->line++;
    *to++ = *reader->at;
  }
  return damaged(reader, first, "a quote is opened and not closed");
}

static int next_field(reader_t *reader, field_t *field) {
  if (reader->at < reader->end && *reader->at == '"') return quoted_field(reader, field);
  while (*reader->at == ' ' || *reader->at == '\t') reader->at++;
  field->text = reader->at;
  while (reader->at < reader->end && !strchr(",\r\n", *reader->at)) {
    if (*reader->at == '"') return damaged(reader, reader->line, "a quote within a field");
    reader->at++;
  }
  char *cut = reader->at;
  while (cut > field->text && (cut[-1] == ' ' || cut[-1] == '\t')) cut--;
  return end_field(reader, field, cut);
}

/* Empty lines and comments. */
static void skip_lines(reader_t *reader) {
  for (;;) {
    if (*reader->at == '#') reader->at += strcspn(reader->at, "\n");
    if (*reader->at == '\r' && reader->at[1] == '\n') reader->at++;
    if (*reader->at != '\n') return;
    reader->line++;
    reader->at++;
  }
}

/* ---- rows ----------------------------------------------------------------------------------------- */

static int read_head(reader_t *reader, exset_table_t *table) {
  field_t field = {.last = false};
  int64_t most = 1;
  for (const char *c = reader->at; c < reader->end; c++) most += *c == ',';
  if (most > INT_MAX) return damaged(reader, 1, "too many fields");
  EXSET_TRY(exset_alloc(reader->ctx, most, sizeof *table->name, &table->name));
  skip_lines(reader);
  const int64_t line = reader->line;
  if (reader->at == reader->end) return damaged(reader, line, "it is empty");
  while (!field.last) {
    EXSET_TRY(next_field(reader, &field));
    if (!field.text[0]) return damaged(reader, line, "a column without a name");
    if (exset_table_column(table, field.text) >= 0)
      return exset_fail(reader->ctx, EXSET_ERR_INPUT,
                        "cannot read table %s, line %lld: two columns are named \"%.60s\"",
                        reader->path, (long long)line, field.text);
    table->name[table->n_columns++] = field.text;
  }
  return EXSET_OK;
}

static int read_row(reader_t *reader, exset_table_t *table) {
  char **cell = table->cell + table->n_rows * table->n_columns;
  const int64_t line = reader->line;
  field_t field = {.last = false};
  int n = 0;
  for (; !field.last; n++) {
    EXSET_TRY(next_field(reader, &field));
    if (n < table->n_columns) cell[n] = field.text;
  }
  if (n != table->n_columns)
    return exset_fail(reader->ctx, EXSET_ERR_INPUT,
                      "cannot read table %s, line %lld: it has %d field%s, the head has %d",
                      reader->path, (long long)line, n, n == 1 ? "" : "s", table->n_columns);
  table->line[table->n_rows++] = line;
  return EXSET_OK;
}

static int read_rows(reader_t *reader, exset_table_t *table) {
  int64_t most = 1; /* rows: lines that are left */
  for (const char *c = reader->at; c < reader->end; c++) most += *c == '\n';
  EXSET_TRY(exset_alloc(reader->ctx, exset_mul3(most, table->n_columns, 1), sizeof *table->cell,
                        &table->cell));
  EXSET_TRY(exset_alloc(reader->ctx, most, sizeof *table->line, &table->line));
  for (skip_lines(reader); reader->at < reader->end; skip_lines(reader))
    EXSET_TRY(read_row(reader, table));
  return table->n_rows > 0
             ? EXSET_OK
             : exset_fail(reader->ctx, EXSET_ERR_INPUT,
                          "cannot read table %s: it has a head and no rows", reader->path);
}

int exset_table_parse(exset_ctx_t *ctx, const char *path, const char *text, int64_t length,
                      exset_table_t *table) {
  static const char mark[] = "\xEF\xBB\xBF"; /* byte order mark of UTF-8 */
  memset(table, 0, sizeof *table);
  EXSET_TRY(exset_alloc(ctx, (int64_t)strlen(path) + 1, 1, &table->path));
  strcpy(table->path, path);
  EXSET_TRY(exset_alloc(ctx, length + 1, 1, &table->text));
  memcpy(table->text, text, (size_t)length);
  reader_t reader = {ctx, table->path, table->text, table->text + length, 1};
  const char *nul = memchr(text, '\0', (size_t)length);
  if (nul) {
    for (const char *c = text; c < nul; c++) reader.line += *c == '\n';
    return damaged(&reader, reader.line, "a zero byte: not a text");
  }
  if (length >= 3 && memcmp(reader.at, mark, 3) == 0) reader.at += 3;
  EXSET_TRY(read_head(&reader, table));
  return read_rows(&reader, table);
}

void exset_table_clear(exset_table_t *table) {
  free(table->path);
  free(table->name);
  free(table->cell);
  free(table->line);
  free(table->text);
  memset(table, 0, sizeof *table);
}

/* ---- files ---------------------------------------------------------------------------------------- */

static int cannot_read(exset_ctx_t *ctx, const char *path, const char *why) {
  return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read table %s: %s", path, why);
}

/* All of a file, to be freed; a NUL follows. */
static int load(exset_ctx_t *ctx, const char *path, char **text, int64_t *length) {
  struct stat info;
  FILE *file = fopen(path, "rb");
  if (!file) return cannot_read(ctx, path, strerror(errno));
  int err = EXSET_OK;
  if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode))
    err = cannot_read(ctx, path, "not a file");
  *length = err ? 0 : (int64_t)info.st_size;
  if (!err) err = exset_alloc(ctx, *length + 1, 1, text);
  if (!err && fread(*text, 1, (size_t)*length, file) != (size_t)*length)
    err = cannot_read(ctx, path, "it cannot be read to its end");
  fclose(file);
  return err;
}

int exset_table_share(exset_ctx_t *ctx, const char *path, const char *text, int64_t length,
                      exset_table_t *table) {
  char *copy = NULL;
  int err;
  memset(table, 0, sizeof *table);
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 && length > INT_MAX
                                 ? cannot_read(ctx, path, "larger than 2 GiB")
                                 : EXSET_OK));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&length, 1, MPI_INT64_T, 0, ctx->comm)));
  EXSET_TRY(exset_alloc_all(ctx, length + 1, 1, &copy));
  if (ctx->rank == 0) memcpy(copy, text, (size_t)length);
  EXSET_TRY_GOTO(err, done, EXSET_MPI(ctx, MPI_Bcast(copy, (int)length, MPI_CHAR, 0, ctx->comm)));
  err = exset_agree(ctx, exset_table_parse(ctx, path, copy, length, table));
done:
  free(copy);
  return err;
}

int exset_table_read(exset_ctx_t *ctx, const char *path, exset_table_t *table) {
  char *text = NULL;
  int64_t length = 0;
  memset(table, 0, sizeof *table);
  int err = exset_agree(ctx, ctx->rank == 0 ? load(ctx, path, &text, &length) : EXSET_OK);
  if (!err) err = exset_table_share(ctx, path, text, length, table);
  free(text);
  return err;
}

/* ---- looking up ----------------------------------------------------------------------------------- */

int exset_table_column(const exset_table_t *table, const char *name) {
  for (int c = 0; c < table->n_columns; c++)
    if (strcmp(table->name[c], name) == 0) return c;
  return -1;
}

const char *exset_table_cell(const exset_table_t *table, int64_t row, int column) {
  return table->cell[row * table->n_columns + column];
}

int exset_table_number(exset_ctx_t *ctx, const exset_table_t *table, int64_t row, int column,
                       double *value) {
  const char *text = exset_table_cell(table, row, column);
  char *end;
  while (isspace((unsigned char)*text)) text++;
  *value = NAN;
  if (!text[0] || strcasecmp(text, "null") == 0) return EXSET_OK;
  *value = strtod(text, &end);
  const bool any = end != text;
  while (isspace((unsigned char)*end)) end++;
  if (any && !*end) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "table %s, line %lld, column %s: \"%.60s\" is not a number", table->path,
                    (long long)table->line[row], table->name[column], text);
}

/* ---- writing -------------------------------------------------------------------------------------- */

void exset_table_put_text(FILE *out, const char *text) {
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"') fputc('"', out);
    fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
  }
  fputc('"', out);
}
