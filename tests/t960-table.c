/* test: np="1 3" time=20 */
/* CSV tables: quotes, line ends, empty fields; damaged ones are refused with their line, on all ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/table.h"
#include "test.h"

static int parse(exset_ctx_t *ctx, const char *text, exset_table_t *table) {
  ctx->message[0] = '\0';
  return exset_table_parse(ctx, "t.csv", text, (int64_t)strlen(text), table);
}

static void check_cells(exset_ctx_t *ctx) {
  exset_table_t t;
  double value;
  MUST(ctx, parse(ctx,
                  "\xEF\xBB\xBFsample,\"a, \"\"b\"\"\",c\r\n"
                  "1,\"line\nbreak\",-1.5e-3\r\n\n"
                  "# a remark, with \"quotes\n2,, NaN \n3 ,\"\",0x10",
                  &t));
  CHECK(t.n_columns == 3 && t.n_rows == 3);
  CHECK(strcmp(t.name[0], "sample") == 0 && strcmp(t.name[1], "a, \"b\"") == 0);
  CHECK(exset_table_column(&t, "c") == 2 && exset_table_column(&t, "d") == -1);
  CHECK(strcmp(exset_table_cell(&t, 0, 1), "line\nbreak") == 0);
  CHECK(strcmp(exset_table_cell(&t, 2, 1), "") == 0);
  CHECK(strcmp(exset_table_cell(&t, 2, 0), "3") == 0);
  CHECK(t.line[0] == 2 && t.line[1] == 6 && t.line[2] == 7);
  MUST(ctx, exset_table_number(ctx, &t, 0, 2, &value));
  CHECK(value == -1.5e-3);
  MUST(ctx, exset_table_number(ctx, &t, 1, 1, &value));
  CHECK(isnan(value));
  MUST(ctx, exset_table_number(ctx, &t, 1, 2, &value));
  CHECK(isnan(value));
  CHECK(exset_table_number(ctx, &t, 0, 1, &value) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, "line 2, column a, \"b\"") != NULL, "%s", ctx->message);
  exset_table_clear(&t);
}

/* Texts come back as they were, but for line ends. */
static void check_written(exset_ctx_t *ctx) {
  static const char *const texts[] = {"plain", "a, b", "say \"no\"", "two\nlines", ""};
  enum { N = sizeof texts / sizeof *texts };
  char *text = NULL;
  size_t size;
  exset_table_t t;
  FILE *out = open_memstream(&text, &size);
  CHECK(out);
  fputs("a,b,c,d,e\n", out);
  for (int i = 0; i < N; i++) {
    if (i > 0) fputc(',', out);
    exset_table_put_text(out, texts[i]);
  }
  CHECK(fclose(out) == 0 && strncmp(text, "a,b,c,d,e\nplain,\"a, b\",", 23) == 0);
  MUST(ctx, parse(ctx, text, &t));
  for (int i = 0; i < N; i++)
    CHECK_MSG(strcmp(exset_table_cell(&t, 0, i), i == 3 ? "two lines" : texts[i]) == 0, "%s",
              exset_table_cell(&t, 0, i));
  exset_table_clear(&t);
  free(text);
}

static void check_damaged(exset_ctx_t *ctx, const char *text, const char *words) {
  exset_table_t t;
  CHECK_MSG(parse(ctx, text, &t) == EXSET_ERR_INPUT, "accepted: %s", text);
  CHECK_MSG(strstr(ctx->message, words) != NULL, "\"%s\" is not in \"%s\"", words, ctx->message);
  exset_table_clear(&t);
  ctx->message[0] = '\0';
}

static void write_file(const exset_ctx_t *ctx, const char *path) {
  if (ctx->rank != 0) return;
  FILE *file = fopen(path, "w");
  CHECK(file && fputs("sample,x\n1,0.1\n2,0.2\n", file) >= 0 && fclose(file) == 0);
}

static void check_files(exset_ctx_t *ctx) {
  char path[600], missing[600];
  exset_table_t t;
  double value;
  snprintf(path, sizeof path, "%s/t960-%d.csv", test_tmp(), ctx->size);
  snprintf(missing, sizeof missing, "%s/none.csv", test_tmp());
  write_file(ctx, path);
  MUST(ctx, exset_table_read(ctx, path, &t));
  CHECK(t.n_rows == 2 && t.n_columns == 2);
  MUST(ctx, exset_table_number(ctx, &t, 1, 1, &value));
  CHECK(value == 0.2);
  exset_table_clear(&t);
  CHECK(exset_table_read(ctx, missing, &t) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, "No such file") != NULL, "%s", ctx->message);
  exset_table_clear(&t);
  ctx->message[0] = '\0';
  CHECK(exset_table_read(ctx, test_tmp(), &t) == EXSET_ERR_INPUT);
  exset_table_clear(&t);
  ctx->message[0] = '\0';
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_cells(ctx);
  check_written(ctx);
  check_damaged(ctx, "", "empty");
  check_damaged(ctx, "\n\n", "empty");
  check_damaged(ctx, "a,b\n", "no rows");
  check_damaged(ctx, "# a,b\r\n#", "empty");
  check_damaged(ctx, "a,b\n1,2\n3\n", "line 3: it has 1 field, the head has 2");
  check_damaged(ctx, "a,b\n1,2\n3,4,5", "line 3: it has 3 fields, the head has 2");
  check_damaged(ctx, "a,a\n1,2\n", "two columns are named \"a\"");
  check_damaged(ctx, "a,\n1,2\n", "line 1: a column without a name");
  check_damaged(ctx, "a\n\"1\n2\n", "line 2: a quote is opened and not closed");
  check_damaged(ctx, "a\n1\"2\n", "line 2: a quote within a field");
  check_damaged(ctx, "a\n\"1\"2\n", "line 2: text behind a closing quote");
  check_damaged(ctx, "a\r1\r", "carriage return");
  exset_table_t t;
  CHECK(exset_table_parse(ctx, "t.csv", "a\n1\n\0\n", 6, &t) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, "line 3: a zero byte") != NULL, "%s", ctx->message);
  exset_table_clear(&t);
  ctx->message[0] = '\0';
  check_files(ctx);
  return test_end(ctx);
}
