/* Results of validate: JSON, the table, a remark in words, pictures. */
#include "cli_validate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "2"; of pairs "12", or "1,12" where there are 10 phases or more. */
static const char *phase_name(int n_phases, int phase, int other, char name[32]) {
  if (other < 0) snprintf(name, 32, "%d", phase + 1);
  else snprintf(name, 32, n_phases < 10 ? "%d%d" : "%d,%d", phase + 1, other + 1);
  return name;
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static cJSON *json_row(const exset_validation_t *v, const exset_validate_row_t *row) {
  char name[32];
  cJSON *object = cJSON_CreateObject();
  cJSON_AddStringToObject(object, "figure", row->figure);
  cJSON_AddStringToObject(object, "phase", phase_name(v->n_phases, row->phase, row->other, name));
  cJSON_AddStringToObject(object, "orientation", row->orientation);
  cJSON_AddNumberToObject(object, "data", row->data);
  cJSON_AddNumberToObject(object, "model", row->model);
  cJSON_AddNumberToObject(object, "sd", row->sd);
  cJSON_AddNumberToObject(object, "z", row->z);
  return object;
}

static cJSON *json_curve(const exset_validation_t *v, const exset_validate_curve_t *curve) {
  char name[32];
  cJSON *object = cJSON_CreateObject();
  cJSON_AddStringToObject(object, "figure", curve->figure);
  cJSON_AddStringToObject(object, "phase",
                          phase_name(v->n_phases, curve->phase, curve->other, name));
  cJSON_AddStringToObject(object, "orientation", curve->orientation);
  cJSON_AddStringToObject(object, "direction", curve->direction);
  cJSON_AddNumberToObject(object, "rms", curve->rms);
  cJSON_AddItemToObject(object, "lengths", cli_json_reals(curve->n, curve->x));
  cJSON_AddItemToObject(object, "data", cli_json_reals(curve->n, curve->data));
  cJSON_AddItemToObject(object, "model", cli_json_reals(curve->n, curve->model));
  cJSON_AddItemToObject(object, "sd", cli_json_reals(curve->n, curve->sd));
  return object;
}

static void json_kinds(cJSON *root, const exset_validation_t *v) {
  cJSON *kinds = cJSON_AddArrayToObject(root, "sections");
  for (int k = 0; k < EXSET_VALIDATE_KINDS; k++) {
    if (!v->orientation[k]) continue;
    const double box[2] = {(double)v->box[k][0], (double)v->box[k][1]};
    cJSON *kind = cJSON_CreateObject();
    cJSON_AddStringToObject(kind, "orientation", v->orientation[k]);
    cJSON_AddNumberToObject(kind, "sections", v->n_sections[k]);
    cJSON_AddNumberToObject(kind, "realisations", v->realisations[k]);
    cJSON_AddItemToObject(kind, "box", cli_json_reals(2, box));
    cJSON_AddItemToArray(kinds, kind);
  }
}

static void json_total(cJSON *root, const exset_validation_t *v) {
  cJSON *total = cJSON_AddObjectToObject(root, "total");
  cJSON_AddNumberToObject(total, "rows", v->n_scored);
  cJSON_AddNumberToObject(total, "rms_z", v->rms_z);
  cJSON_AddNumberToObject(total, "beyond_2", v->n_beyond);
  cJSON_AddNumberToObject(total, "beyond_2_expected", v->expected_beyond);
  if (v->largest >= 0) cJSON_AddItemToObject(total, "largest", json_row(v, &v->row[v->largest]));
}

cJSON *cli_validate_json(const exset_validation_t *v) {
  cJSON *root = cJSON_CreateObject();
  char *remark = cli_validate_remark(v);
  cJSON *rows = cJSON_AddArrayToObject(root, "rows");
  for (int i = 0; i < v->n_rows; i++) cJSON_AddItemToArray(rows, json_row(v, &v->row[i]));
  json_total(root, v);
  if (remark) cJSON_AddStringToObject(root, "remark", remark);
  free(remark);
  json_kinds(root, v);
  cJSON_AddNumberToObject(root, "max_lag", v->max_lag);
  if (v->twin[0] > 0) {
    const double twin[3] = {(double)v->twin[0], (double)v->twin[1], (double)v->twin[2]};
    cJSON_AddItemToObject(root, "twin_size", cli_json_reals(3, twin));
  }
  cJSON *curves = cJSON_AddArrayToObject(root, "curves");
  for (int i = 0; i < v->n_curves; i++) cJSON_AddItemToArray(curves, json_curve(v, &v->curve[i]));
  cJSON *seconds = cJSON_AddObjectToObject(root, "seconds");
  cJSON_AddNumberToObject(seconds, "sections", v->seconds_sections);
  cJSON_AddNumberToObject(seconds, "reference", v->seconds_reference);
  return root;
}

/* ---- words ------------------------------------------------------------------------------------ */

/* Figures that say the same kind of thing. */
typedef struct {
  const char *begins, *words;
} family_t;
static const family_t families[] = {{"fraction", "fractions"},
                                    {"coverage_3d", "3D coverage functions"},
                                    {"coverage", "coverage functions"},
                                    {"chord", "chord lengths"},
                                    {"boundary", "boundary lengths"},
                                    {"clusters", "numbers of clusters"},
                                    {"", "connectivity"}};
enum { FAMILIES = sizeof families / sizeof *families };
/* Root mean square z of a family beyond which it does not fit: its rows are correlated, so that chance reaches 2 now and then. */
static const double family_limit = 2.5;

static int family_of(const char *figure) {
  int f = 0;
  while (strncmp(figure, families[f].begins, strlen(families[f].begins)) != 0) f++;
  return f;
}

/* Root mean square z of each family; NaN where it has no rows. */
static void family_scores(const exset_validation_t *v, double score[FAMILIES]) {
  int count[FAMILIES] = {0};
  memset(score, 0, FAMILIES * sizeof *score);
  for (int i = 0; i < v->n_rows; i++) {
    if (isnan(v->row[i].z)) continue;
    const int f = family_of(v->row[i].figure);
    score[f] += v->row[i].z * v->row[i].z;
    count[f]++;
  }
  for (int f = 0; f < FAMILIES; f++) score[f] = count[f] > 0 ? sqrt(score[f] / count[f]) : NAN;
}

/* Names of the families that fit, or do not; returns how many. */
static int list_families(FILE *out, const double score[FAMILIES], bool fit) {
  int n = 0;
  for (int f = 0; f < FAMILIES; f++) {
    if (isnan(score[f]) || (score[f] <= family_limit) != fit) continue;
    fprintf(out, "%s%s", n++ ? ", " : "", families[f].words);
    if (!fit) fprintf(out, " (RMS z %.1f)", score[f]);
  }
  return n;
}

static void print_largest(FILE *out, const exset_validation_t *v) {
  const exset_validate_row_t *row = &v->row[v->largest];
  char name[32];
  fprintf(out, "largest: %s of %s %s, %s: data %.4g, model %.4g +- %.2g, z %.1f", row->figure,
          row->other < 0 ? "phase" : "phases",
          phase_name(v->n_phases, row->phase, row->other, name), row->orientation, row->data,
          row->model, row->sd, row->z);
}

char *cli_validate_remark(const exset_validation_t *v) {
  char *text = NULL;
  size_t size = 0;
  double score[FAMILIES];
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  family_scores(v, score);
  int misfits = 0;
  for (int f = 0; f < FAMILIES; f++) misfits += score[f] > family_limit;
  if (misfits == 0) {
    fputs("the data may well be of this model: all figures agree within its scatter", out);
  } else {
    fputs("not within the model's scatter: ", out);
    list_families(out, score, false);
    fputs("; within: ", out);
    if (list_families(out, score, true) == 0) fputs("nothing", out);
  }
  if (v->largest >= 0) {
    fputs("; ", out);
    print_largest(out, v);
  }
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

/* ---- table ------------------------------------------------------------------------------------ */

static bool same_line(const exset_validate_row_t *a, const exset_validate_row_t *b) {
  return strcmp(a->figure, b->figure) == 0 && strcmp(a->orientation, b->orientation) == 0 &&
         (a->other < 0) == (b->other < 0);
}

/* One figure, z for each phase or pair. */
static void print_line(const exset_ctx_t *ctx, const exset_validation_t *v, int first, int last) {
  exset_print(ctx, "  %-21s", v->row[first].figure);
  for (int i = first; i < last; i++) {
    char name[32];
    const exset_validate_row_t *row = &v->row[i];
    phase_name(v->n_phases, row->phase, row->other, name);
    if (isnan(row->z)) exset_print(ctx, "%4s      -", name);
    else exset_print(ctx, "%4s %6.2f", name, row->z);
  }
  exset_print(ctx, "\n");
}

static void print_title(const exset_ctx_t *ctx, const exset_validation_t *v, const char *name) {
  for (int k = 0; k < EXSET_VALIDATE_KINDS; k++)
    if (v->orientation[k] && strcmp(v->orientation[k], name) == 0)
      exset_print(ctx, "%s: %d sections, %d of the model\n", name, v->n_sections[k],
                  v->realisations[k]);
  if (strcmp(name, "volume") == 0) exset_print(ctx, "reference volume\n");
}

void cli_validate_print(const exset_ctx_t *ctx, const exset_validation_t *v) {
  exset_print(ctx, "(data - model) / scatter, by phase or pair of phases\n");
  for (int i = 0; i < v->n_rows;) {
    int last = i + 1;
    while (last < v->n_rows && same_line(&v->row[i], &v->row[last])) last++;
    if (i == 0 || strcmp(v->row[i].orientation, v->row[i - 1].orientation) != 0)
      print_title(ctx, v, v->row[i].orientation);
    print_line(ctx, v, i, last);
    i = last;
  }
  exset_print(ctx, "RMS %.2f over %d figures (1 by chance); %d beyond 2 (%.1f by chance)\n",
              v->rms_z, v->n_scored, v->n_beyond, v->expected_beyond);
  char *remark = cli_validate_remark(v);
  if (remark) exset_print(ctx, "remark: %s\n", remark);
  free(remark);
}

/* ---- pictures --------------------------------------------------------------------------------- */

enum { GAP = 8, WHITE = 255, DARKEST = 40, LIGHTEST = 225 };

/* Phases evenly from dark to light, masked pixels black, white between the sections. */
static void paint(const uint8_t *label, int64_t rows, int64_t cols, int n_phases, uint8_t *out,
                  int64_t stride) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < cols; c++) {
      const int p = label[r * cols + c];
      out[r * stride + c] =
          (uint8_t)(p == 0 ? 0 : DARKEST + (LIGHTEST - DARKEST) * (p - 1) / (n_phases - 1));
    }
}

int cli_validate_picture(exset_ctx_t *ctx, const char *path, int n_phases,
                         const exset_validate_picture_t *p) {
  const int64_t stride = 2 * p->cols + GAP, rows = p->n * (p->rows + GAP) - GAP;
  const int64_t cells = p->rows * p->cols;
  uint8_t *value;
  EXSET_TRY(exset_alloc(ctx, rows * stride, 1, &value));
  memset(value, WHITE, (size_t)(rows * stride));
  for (int k = 0; k < p->n; k++) {
    uint8_t *top = value + k * (p->rows + GAP) * stride;
    paint(p->data + k * cells, p->rows, p->cols, n_phases, top, stride);
    paint(p->model + k * cells, p->rows, p->cols, n_phases, top + p->cols + GAP, stride);
  }
  const int err = exset_image_write_png(ctx, path, rows, stride, value);
  free(value);
  return err;
}
