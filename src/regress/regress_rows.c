/* Rows of a table: samples, phases and axes that a law is fitted to. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/config.h"
#include "exset/regress.h"

enum { MAX_PHASE = 16, NAME = 256 };
static const char axis_letter[3] = {'z', 'y', 'x'};

/* ---- columns -------------------------------------------------------------------------------------- */

/* "phase2_m_factor_z"; phase 0 and axis -1 leave their part out. */
static void column_name(const char *figure, int phase, int axis, char name[NAME]) {
  char head[24] = "", tail[3] = "";
  if (phase > 0) snprintf(head, sizeof head, "phase%d_", phase);
  if (axis >= 0) snprintf(tail, sizeof tail, "_%c", axis_letter[axis]);
  snprintf(name, NAME, "%s%s%s", head, figure, tail);
}

static int column_at(const exset_table_t *table, const char *figure, int phase, int axis) {
  char name[NAME];
  column_name(figure, phase, axis, name);
  return exset_table_column(table, name);
}

/* That of the phase and axis, or of a coarser kind; -1: none. */
static int column_of(const exset_table_t *table, const char *figure, int phase, int axis) {
  int column = column_at(table, figure, phase, axis);
  if (column < 0) column = column_at(table, figure, phase, -1);
  if (column < 0) column = column_at(table, figure, 0, axis);
  return column < 0 ? column_at(table, figure, 0, -1) : column;
}

/* The figure of a column: without phase and axis. */
static void figure_of(const char *column, char figure[NAME]) {
  int head = 0;
  (void)sscanf(column, "phase%*d_%n", &head);
  snprintf(figure, NAME, "%s", column + head);
  const size_t n = strlen(figure);
  if (n > 2 && figure[n - 2] == '_' && strchr("xyz", figure[n - 1])) figure[n - 2] = '\0';
}

/* The figure whose name is nearest; false: none is near. */
static bool nearest_figure(const exset_table_t *table, const char *name, char nearest[NAME]) {
  char figure[NAME];
  nearest[0] = '\0';
  for (int c = 0; c < table->n_columns; c++) {
    const char *const words[2] = {nearest, figure};
    figure_of(table->name[c], figure);
    if (exset_config_nearest(name, 2, words) == figure) strcpy(nearest, figure);
  }
  return nearest[0] != '\0';
}

static int no_column(exset_ctx_t *ctx, const exset_table_t *table, const char *name) {
  char figure[NAME];
  const char *nearest =
      exset_config_nearest(name, table->n_columns, (const char *const *)table->name);
  if (!nearest && nearest_figure(table, name, figure)) nearest = figure;
  return exset_fail(ctx, EXSET_ERR_INPUT, "table %s has no column %.80s%s%s", table->path, name,
                    nearest ? "; the nearest is " : "", nearest ? nearest : "");
}

bool exset_regress_has(const exset_table_t *table, const char *figure) {
  for (int phase = 0; phase <= MAX_PHASE; phase++)
    for (int axis = -1; axis < 3; axis++)
      if (column_at(table, figure, phase, axis) >= 0) return true;
  return false;
}

/* ---- kinds of rows -------------------------------------------------------------------------------- */

/* One combination of phase and axis, with its columns. */
typedef struct {
  int phase, axis; /* 0, -1: none */
  int target, percolating, predictor[EXSET_REGRESS_MAX_PREDICTORS];
} kind_t;

typedef struct {
  int n;
  kind_t kind[(MAX_PHASE + 1) * 4];
} kinds_t;

/* May rows of this phase and axis be wanted? A target without phase or axis (0, -1) is not parted by them. */
static bool is_chosen(const exset_regress_selection_t *s, int phase, int axis) {
  bool by_phase = s->n_phases == 0, by_axis = s->n_axes == 0;
  for (int i = 0; i < s->n_phases; i++) by_phase = by_phase || s->phase[i] == phase;
  for (int i = 0; i < s->n_axes; i++) by_axis = by_axis || s->axis[i] == axis;
  return by_phase && by_axis;
}

/* Columns of the target of this depth: with phase, with axis. */
static void find_targets(const exset_table_t *table, const exset_regress_selection_t *s,
                         bool phases, bool axes, kinds_t *kinds) {
  for (int phase = phases; phase <= (phases ? MAX_PHASE : 0); phase++)
    for (int i = 0; i < (axes ? 3 : 1); i++) {
      const int axis = axes ? EXSET_AXIS_X - i : -1; /* x, y, z */
      const int column = column_at(table, s->target, phase, axis);
      if (column >= 0 && is_chosen(s, phases ? phase : s->phase[0], axes ? axis : s->axis[0]))
        kinds->kind[kinds->n++] = (kind_t){.phase = phase, .axis = axis, .target = column};
    }
}

/* What was asked for by number and letter must be there. */
static int check_asked(exset_ctx_t *ctx, const exset_table_t *table,
                       const exset_regress_selection_t *s, const kinds_t *kinds) {
  const bool phases = kinds->kind[0].phase > 0, axes = kinds->kind[0].axis >= 0;
  char name[NAME];
  for (int p = 0; p < (phases ? s->n_phases : 0) || p == 0; p++)
    for (int a = 0; a < (axes ? s->n_axes : 0) || a == 0; a++) {
      const int phase = phases && s->n_phases > 0 ? s->phase[p] : 0;
      const int axis = axes && s->n_axes > 0 ? s->axis[a] : -1;
      bool found = false;
      for (int k = 0; k < kinds->n; k++)
        found = found || ((phase == 0 || kinds->kind[k].phase == phase) &&
                          (axis < 0 || kinds->kind[k].axis == axis));
      if (found) continue;
      column_name(s->target, phase > 0 ? phase : kinds->kind[0].phase,
                  axis >= 0 ? axis : kinds->kind[0].axis, name);
      return no_column(ctx, table, name);
    }
  return EXSET_OK;
}

/* The target's columns: by phase and axis, by phase, by axis, one. */
static int find_kinds(exset_ctx_t *ctx, const exset_table_t *table,
                      const exset_regress_selection_t *s, kinds_t *kinds) {
  char name[NAME];
  kinds->n = 0;
  for (int depth = 3; depth >= 0 && kinds->n == 0; depth--)
    find_targets(table, s, depth == 3 || depth == 2, depth == 3 || depth == 1, kinds);
  if (kinds->n > 0) return check_asked(ctx, table, s, kinds);
  const bool known = exset_regress_has(table, s->target);
  column_name(s->target, s->n_phases > 0 ? s->phase[0] : known, s->n_axes > 0 ? s->axis[0] : -1,
              name);
  return no_column(ctx, table, name);
}

static int find_predictors(exset_ctx_t *ctx, const exset_table_t *table,
                           const exset_regress_selection_t *s, kind_t *kind) {
  char name[NAME];
  kind->percolating = column_at(table, "percolating_fraction", kind->phase, kind->axis);
  for (int j = 0; j < s->n_predictors; j++) {
    kind->predictor[j] = column_of(table, s->predictor[j], kind->phase, kind->axis);
    if (kind->predictor[j] >= 0) continue;
    const bool plain = !exset_regress_has(table, s->predictor[j]);
    column_name(s->predictor[j], plain ? 0 : kind->phase, plain ? -1 : kind->axis, name);
    return no_column(ctx, table, name);
  }
  return EXSET_OK;
}

/* ---- rows ----------------------------------------------------------------------------------------- */

static int allocate(exset_ctx_t *ctx, int64_t n, int n_predictors, exset_regress_rows_t *rows) {
  rows->data.n_predictors = n_predictors;
  EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &rows->data.target));
  EXSET_TRY(
      exset_alloc(ctx, exset_mul3(n, n_predictors, 1), sizeof(double), &rows->data.predictor));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(int), &rows->data.sample));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(int64_t), &rows->row));
  EXSET_TRY(exset_alloc(ctx, n, sizeof(int), &rows->phase));
  return exset_alloc(ctx, n, sizeof(int), &rows->axis);
}

/* The place for one more row, or its reason to be left out, EXSET_REGRESS_OUT_*; -1: it is in. */
static int judge(exset_ctx_t *ctx, const exset_table_t *table, const exset_regress_selection_t *s,
                 int64_t row, const kind_t *kind, exset_regress_data_t *data, int *verdict) {
  double target, share = 1, *x = data->predictor + data->n_rows * data->n_predictors;
  EXSET_TRY(exset_table_number(ctx, table, row, kind->target, &target));
  if (kind->percolating >= 0)
    EXSET_TRY(exset_table_number(ctx, table, row, kind->percolating, &share));
  for (int j = 0; j < s->n_predictors; j++)
    EXSET_TRY(exset_table_number(ctx, table, row, kind->predictor[j], &x[j]));
  data->target[data->n_rows] = target;
  *verdict = -1;
  for (int j = s->n_predictors - 1; j >= 0; j--)
    if (!(isfinite(x[j]) && x[j] > 0)) *verdict = EXSET_REGRESS_OUT_PREDICTOR + j;
  if (share < s->percolation) *verdict = EXSET_REGRESS_OUT_BARELY;
  if (target <= 0) *verdict = EXSET_REGRESS_OUT_ZERO;
  if (!isfinite(target)) *verdict = EXSET_REGRESS_OUT_TARGET;
  return EXSET_OK;
}

static bool is_done(const exset_table_t *table, int64_t row) {
  const int status = exset_table_column(table, "status");
  return status < 0 || strcmp(exset_table_cell(table, row, status), "done") == 0;
}

/* A table of failures has no columns of figures: say so first. */
static int check_done(exset_ctx_t *ctx, const exset_table_t *table) {
  for (int64_t row = 0; row < table->n_rows; row++)
    if (is_done(table, row)) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "table %s: none of %lld sample%s is done; its column message tells why",
                    table->path, (long long)table->n_rows, table->n_rows == 1 ? "" : "s");
}

/* All kinds of one sample. */
static int add_sample(exset_ctx_t *ctx, const exset_table_t *table,
                      const exset_regress_selection_t *s, const kinds_t *kinds, int64_t row,
                      exset_regress_rows_t *rows) {
  const int64_t before = rows->data.n_rows;
  if (!is_done(table, row)) {
    rows->out[EXSET_REGRESS_OUT_FAILED] += kinds->n;
    return EXSET_OK;
  }
  for (int k = 0; k < kinds->n; k++) {
    int verdict;
    EXSET_TRY(judge(ctx, table, s, row, &kinds->kind[k], &rows->data, &verdict));
    if (verdict >= 0) {
      rows->out[verdict]++;
      continue;
    }
    const int64_t i = rows->data.n_rows++;
    rows->data.sample[i] = rows->data.n_samples;
    rows->row[i] = row;
    rows->phase[i] = kinds->kind[k].phase;
    rows->axis[i] = kinds->kind[k].axis;
  }
  rows->data.n_samples += rows->data.n_rows > before;
  return EXSET_OK;
}

int exset_regress_rows(exset_ctx_t *ctx, const exset_table_t *table,
                       const exset_regress_selection_t *selection, exset_regress_rows_t *rows) {
  kinds_t kinds;
  memset(rows, 0, sizeof *rows);
  rows->samples = table->n_rows;
  EXSET_TRY(check_done(ctx, table));
  EXSET_TRY(find_kinds(ctx, table, selection, &kinds));
  for (int k = 0; k < kinds.n; k++) {
    EXSET_TRY(find_predictors(ctx, table, selection, &kinds.kind[k]));
    rows->percolation_known = rows->percolation_known || kinds.kind[k].percolating >= 0;
  }
  EXSET_TRY(
      allocate(ctx, exset_mul3(table->n_rows, kinds.n, 1) + 1, selection->n_predictors, rows));
  for (int64_t row = 0; row < table->n_rows; row++)
    EXSET_TRY(add_sample(ctx, table, selection, &kinds, row, rows));
  return EXSET_OK;
}

int exset_regress_rows_of(exset_ctx_t *ctx, const exset_regress_rows_t *all, int phase, int axis,
                          exset_regress_rows_t *part) {
  const int k = all->data.n_predictors;
  exset_regress_data_t *to = &part->data;
  int64_t last = -1;
  memset(part, 0, sizeof *part);
  part->samples = all->samples;
  part->percolation_known = all->percolation_known;
  EXSET_TRY(allocate(ctx, all->data.n_rows, k, part));
  for (int64_t i = 0; i < all->data.n_rows; i++) {
    if ((phase > 0 && all->phase[i] != phase) || (axis >= 0 && all->axis[i] != axis)) continue;
    const int64_t n = to->n_rows++;
    to->n_samples += all->row[i] != last;
    last = all->row[i];
    to->sample[n] = to->n_samples - 1;
    to->target[n] = all->data.target[i];
    memcpy(to->predictor + n * k, all->data.predictor + i * k, sizeof(double) * (size_t)k);
    part->row[n] = all->row[i];
    part->phase[n] = all->phase[i];
    part->axis[n] = all->axis[i];
  }
  return EXSET_OK;
}

void exset_regress_rows_clear(exset_regress_rows_t *rows) {
  exset_regress_data_clear(&rows->data);
  free(rows->row);
  free(rows->phase);
  free(rows->axis);
  memset(rows, 0, sizeof *rows);
}
