/* Parameter samples from a CSV file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/sweep.h"
#include "exset/table.h"

static int take_names(exset_ctx_t *ctx, const exset_table_t *table, char ***names) {
  EXSET_TRY(exset_alloc(ctx, table->n_columns, sizeof **names, names));
  for (int c = 0; c < table->n_columns; c++) {
    (*names)[c] = strdup(table->name[c]);
    if (!(*names)[c]) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  }
  return EXSET_OK;
}

/* All cells must be finite numbers. */
static int take_values(exset_ctx_t *ctx, const exset_table_t *table, exset_design_t *design) {
  const int n = table->n_columns;
  if (table->n_rows > EXSET_DESIGN_SAMPLES)
    return exset_fail(ctx, EXSET_ERR_INPUT, "table %s has %lld rows: allowed are at most %d",
                      table->path, (long long)table->n_rows, EXSET_DESIGN_SAMPLES);
  EXSET_TRY(exset_alloc(ctx, exset_mul3(table->n_rows, n, 1), sizeof(double), &design->value));
  for (int64_t row = 0; row < table->n_rows; row++)
    for (int c = 0; c < n; c++) {
      double *value = &design->value[row * n + c];
      EXSET_TRY(exset_table_number(ctx, table, row, c, value));
      if (!isfinite(*value))
        return exset_fail(ctx, EXSET_ERR_INPUT,
                          "table %s, line %lld, column %s: \"%.60s\" is not a finite number",
                          table->path, (long long)table->line[row], table->name[c],
                          exset_table_cell(table, row, c));
    }
  design->n = table->n_rows;
  return EXSET_OK;
}

int exset_design_table(exset_ctx_t *ctx, const char *path, exset_design_t *design, char ***names) {
  exset_table_t table;
  *design = (exset_design_t){0};
  *names = NULL;
  int err = exset_table_read(ctx, path, &table);
  if (!err) {
    err = take_names(ctx, &table, names);
    design->n_factors = *names ? table.n_columns : 0;
    if (!err) err = take_values(ctx, &table, design);
    err = exset_agree(ctx, err);
  }
  exset_table_clear(&table);
  return err;
}
