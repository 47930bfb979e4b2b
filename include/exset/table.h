/**
 * table: CSV tables with a head, as sweeps write them: small, read whole by one rank and known to all.
 *
 * CSV as in RFC 4180: fields parted by commas, one head line with a name for each column, every row with as many fields. A field in
 * double quotes may hold commas, line ends and doubled quotes. Lines end with LF or CRLF. Passed over are blanks around fields without
 * quotes, a byte order mark of UTF-8, empty lines, and lines that begin with #. Anything else is a damaged table, and said so
 * with its line.
 */
#ifndef EXSET_TABLE_H
#define EXSET_TABLE_H

#include <stdio.h>

#include "exset/core.h"

typedef struct {
  char *path; /* of the file, for messages */
  int n_columns;
  int64_t n_rows;
  char **name;   /* [n_columns], distinct, none empty */
  char **cell;   /* [n_rows][n_columns], "" where empty */
  int64_t *line; /* [n_rows]: line of the file on which the row begins, from 1 */
  char *text;    /* holds names and cells */
} exset_table_t;

/**
 * Read a CSV file: rank 0 reads, all have the table. Collective. Clear with exset_table_clear, also after errors.
 * Errors: EXSET_ERR_INPUT (missing, damaged: the line is named; no rows), EXSET_ERR_RUN (memory), EXSET_ERR_LOCAL (MPI).
 */
int exset_table_read(exset_ctx_t *ctx, const char *path, exset_table_t *table);
/**
 * The same from a text of `length` bytes on rank 0, read by other means. Collective. Errors: as exset_table_read.
 */
int exset_table_share(exset_ctx_t *ctx, const char *path, const char *text, int64_t length,
                      exset_table_t *table);
/**
 * The same from a text of `length` bytes; path is for messages only. Local. Clear with exset_table_clear, also after errors.
 * Errors: EXSET_ERR_INPUT, EXSET_ERR_LOCAL (memory).
 */
int exset_table_parse(exset_ctx_t *ctx, const char *path, const char *text, int64_t length,
                      exset_table_t *table);
/** Free what it holds. Local. */
void exset_table_clear(exset_table_t *table);

/** Number of a column from 0, or -1. Local. */
int exset_table_column(const exset_table_t *table, const char *name);
/** A field as text. Local, borrowed. */
const char *exset_table_cell(const exset_table_t *table, int64_t row, int column);
/**
 * A field as a number: NaN where it is empty, "nan" or "null". Local.
 * Errors: EXSET_ERR_INPUT (not a number: column and line are named).
 */
int exset_table_number(exset_ctx_t *ctx, const exset_table_t *table, int64_t row, int column,
                       double *value);

/**
 * Write a text as a field, in quotes where it needs them; line ends become blanks, so that each row stays a line. Local.
 * Errors: as ferror(out) tells.
 */
void exset_table_put_text(FILE *out, const char *text);

#endif
