/* What a training found: JSON, the table for people, pictures of patches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_calibrate.h"
#include "cli_train.h"
#include "exset/image.h"

enum { TRACE_ROWS = 400 }; /* of the JSON at most; the history has all */

static const char *end_word(exset_train_end_t end) {
  static const char *const words[] = {"steps", "flat", "diverged"};
  return words[end];
}

/* Spline coefficients are left to the model file and the history: they are too many to look at. */
static bool is_spline(const exset_parameter_t *parameter) {
  return strstr(parameter->name, "_knots_") != NULL;
}

/* ---- JSON ---- */

/* {name: value}: one number for each parameter, null where there is none. */
static void add_values(cJSON *parent, const char *name, const exset_calibration_t *result,
                       const double *value) {
  cJSON *object = cJSON_AddObjectToObject(parent, name);
  for (int i = 0; object && i < result->n_parameters; i++)
    cJSON_AddNumberToObject(object, result->parameter[i].name, value[i]);
}

static void add_members(cJSON *json, const exset_calibration_t *result,
                        const exset_training_t *training) {
  cJSON *members = cJSON_AddArrayToObject(json, "members");
  for (int m = 0; m < training->n_members; m++) {
    const exset_train_member_t *member = &training->member[m];
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(members, object);
    cJSON_AddNumberToObject(object, "seed", (double)member->seed);
    cJSON_AddNumberToObject(object, "steps", member->steps);
    cJSON_AddStringToObject(object, "end", end_word(member->end));
    if (member->reason[0]) cJSON_AddStringToObject(object, "reason", member->reason);
    add_values(object, "parameters", result, member->value);
    cJSON_AddNumberToObject(object, "accuracy", member->accuracy);
    cJSON_AddNumberToObject(object, "loss_coverage", member->loss_coverage);
  }
}

/* Row r of the thinned trace: equally spaced, the first and the last among them. */
static int trace_row(const exset_train_trace_t *trace, int rows, int r) {
  return rows < 2 ? 0 : (int)((int64_t)r * (trace->n - 1) / (rows - 1));
}

static void add_column(cJSON *parent, const char *name, const exset_train_trace_t *trace, int rows,
                       const double *value, int stride) {
  cJSON *list = cJSON_AddArrayToObject(parent, name);
  for (int r = 0; list && r < rows; r++)
    cJSON_AddItemToArray(list,
                         cJSON_CreateNumber(value[(int64_t)trace_row(trace, rows, r) * stride]));
}

static void add_trace(cJSON *json, const exset_calibration_t *result,
                      const exset_train_trace_t *trace) {
  const int rows = trace->n < TRACE_ROWS ? trace->n : TRACE_ROWS;
  cJSON *object = cJSON_AddObjectToObject(json, "trace"),
        *step = cJSON_AddArrayToObject(object, "step");
  for (int r = 0; step && r < rows; r++)
    cJSON_AddItemToArray(step, cJSON_CreateNumber(trace->step[trace_row(trace, rows, r)]));
  add_column(object, "loss_network", trace, rows, trace->loss_network, 1);
  add_column(object, "loss_model", trace, rows, trace->loss_model, 1);
  add_column(object, "loss_coverage", trace, rows, trace->loss_coverage, 1);
  add_column(object, "accuracy_real", trace, rows, trace->accuracy_real, 1);
  add_column(object, "accuracy_fake", trace, rows, trace->accuracy_fake, 1);
  cJSON *parameters = cJSON_AddObjectToObject(object, "parameters");
  for (int i = 0; i < trace->n_parameters; i++)
    if (!is_spline(&result->parameter[i]))
      add_column(parameters, result->parameter[i].name, trace, rows, trace->value + i,
                 trace->n_parameters);
}

static void add_seconds(cJSON *json, const exset_training_t *training) {
  cJSON *parts = cJSON_GetObjectItem(json, "seconds_parts");
  cJSON_AddNumberToObject(parts, "training", training->seconds);
  cJSON_AddNumberToObject(parts, "training_realise", training->seconds_realise);
  cJSON_AddNumberToObject(parts, "training_network", training->seconds_network);
  cJSON_AddNumberToObject(parts, "training_coverage", training->seconds_coverage);
  cJSON_AddNumberToObject(parts, "training_reduce", training->seconds_reduce);
  if (training->seconds_network > 0)
    cJSON_AddNumberToObject(json, "network_gflops",
                            training->flops / training->seconds_network / 1e9);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int gray_of(int phase, int n_phases) {
  return n_phases > 1 ? 200 * (phase - 1) / (n_phases - 1) : 0;
}

/* [{"class", "file", "edge", "gray": [of phase 1, 2, ...]}] */
static void add_patches(cJSON *json, const cli_train_t *train, int n_phases,
                        const exset_training_t *training) {
  cJSON *list = cJSON_AddArrayToObject(json, "patches");
  for (int c = 0; c < training->n_classes; c++) {
    if (!train->picture[c]) continue;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(list, object);
    cJSON_AddStringToObject(object, "class", training->class_name[c]);
    cJSON_AddStringToObject(object, "file", base_name(train->picture[c]));
    cJSON_AddNumberToObject(object, "edge", training->patch);
    cJSON_AddNumberToObject(object, "shown", training->n_shown);
    cJSON *gray = cJSON_AddArrayToObject(object, "gray");
    for (int p = 1; p <= n_phases; p++)
      cJSON_AddItemToArray(gray, cJSON_CreateNumber(gray_of(p, n_phases)));
  }
}

/* Steps before those whose parameters the result is the mean of. */
static double averaged_from(const exset_train_options_t *o, int steps) {
  const int moved = o->method == EXSET_METHOD_COVERAGE ? steps : steps - o->warm_up;
  return moved > 0 ? (double)(steps - lround(o->average * moved)) : steps;
}

bool cli_train_json(cJSON *json, const cli_train_t *train, const exset_calibration_t *result,
                    const exset_training_t *training) {
  const exset_train_options_t *o = &train->options;
  const exset_train_member_t *chosen = &training->member[training->chosen];
  const double temperature[2] = {o->temperature, o->temperature_end};
  cJSON_AddStringToObject(json, "threshold", cli_train_threshold(o));
  cJSON_AddItemToObject(json, "temperature", cli_json_reals(2, temperature));
  cJSON_AddNumberToObject(json, "steps", chosen->steps);
  cJSON_AddNumberToObject(json, "averaged_from", averaged_from(o, chosen->steps));
  add_members(json, result, training);
  cJSON_AddNumberToObject(json, "chosen", training->chosen);
  add_values(json, "parameters_mean", result, training->mean);
  add_values(json, "parameters_spread", result, training->spread);
  cJSON_AddNumberToObject(json, "discriminator_accuracy", chosen->accuracy);
  add_trace(json, result, &training->trace);
  add_patches(json, train, result->n_phases, training);
  add_seconds(json, training);
  return cJSON_AddStringToObject(json, "history_file", base_name(train->history)) != NULL;
}

/* ---- table ---- */

/* In each line one parameter: the chosen member's value, mean and spread over the members. */
static void print_spread(const exset_ctx_t *ctx, const exset_calibration_t *result,
                         const exset_training_t *training) {
  exset_print(ctx, "\n%-24s %12s %12s %12s\n", "parameter", "chosen", "mean", "spread");
  for (int i = 0; i < result->n_parameters; i++) {
    const exset_parameter_t *p = &result->parameter[i];
    if (p->fixed || is_spline(p)) continue;
    char spread[32] = "-";
    if (!isnan(training->spread[i])) snprintf(spread, sizeof spread, "%.2g", training->spread[i]);
    exset_print(ctx, "%-24s %12.5g %12.5g %12s\n", p->name, p->value, training->mean[i], spread);
  }
}

static void print_members(const exset_ctx_t *ctx, const exset_training_t *training) {
  exset_print(ctx, "\n%-8s %20s %8s %10s %10s %14s\n", "member", "seed", "steps", "ended by",
              "accuracy", "coverage loss");
  for (int m = 0; m < training->n_members; m++) {
    const exset_train_member_t *member = &training->member[m];
    char accuracy[32] = "-";
    if (!isnan(member->accuracy)) snprintf(accuracy, sizeof accuracy, "%.3f", member->accuracy);
    exset_print(ctx, "%-8d %20llu %8d %10s %10s %14.4g%s\n", m + 1,
                (unsigned long long)member->seed, member->steps, end_word(member->end), accuracy,
                member->loss_coverage, m == training->chosen ? "  chosen" : "");
    if (member->reason[0]) exset_print(ctx, "%8s %s\n", "", member->reason);
  }
}

void cli_train_print(const exset_ctx_t *ctx, const exset_calibration_t *result,
                     const exset_training_t *training) {
  const double accuracy = training->member[training->chosen].accuracy;
  if (training->n_members > 1) print_spread(ctx, result, training);
  else cli_calibrate_print_parameters(ctx, result);
  cli_calibrate_print_fit(ctx, result);
  print_members(ctx, training);
  exset_print(ctx, "\nloss %.4g; training took %.1f s\n", result->loss, training->seconds);
  if (!isnan(accuracy))
    exset_print(
        ctx,
        "accuracy of the discriminator %.3f: 0.5 when real and model patches cannot be told "
        "apart, 1 when they always can\n",
        accuracy);
  exset_print(ctx, "%s\n", cli_calibrate_remark(result));
}

/* ---- pictures ---- */

/* Patches in two blocks side by side, real left and model right, each of `columns` columns. */
typedef struct {
  int edge, shown, columns, rows, gap, middle; /* gap between patches, between the blocks */
  int64_t height, width, half;                 /* half: from the left block to the right one */
} layout_t;

static layout_t layout_of(int edge, int shown) {
  layout_t l = {.edge = edge, .shown = shown, .gap = 2, .middle = edge / 4 > 8 ? edge / 4 : 8};
  l.columns = (int)ceil(sqrt(shown));
  while (shown % l.columns != 0 && l.columns * l.columns < 2 * shown) l.columns++; /* full rows */
  l.rows = (shown + l.columns - 1) / l.columns;
  l.half = (int64_t)l.columns * (edge + l.gap) - l.gap + l.middle;
  l.width = 2 * l.half - l.middle;
  l.height = (int64_t)l.rows * (edge + l.gap) - l.gap;
  return l;
}

/* Patch number i of a block whose left edge is at `left`; masked pixels stay white. */
static void paint(const layout_t *l, int i, int64_t left, int n_phases, const uint8_t *label,
                  uint8_t *picture) {
  const int64_t step = l->edge + l->gap;
  uint8_t *corner = picture + (i / l->columns) * step * l->width + (i % l->columns) * step + left;
  for (int r = 0; r < l->edge; r++)
    for (int c = 0; c < l->edge; c++) {
      const int phase = label[r * l->edge + c];
      if (phase > 0) corner[r * l->width + c] = (uint8_t)gray_of(phase, n_phases);
    }
}

static int write_picture(exset_ctx_t *ctx, const char *path, int n_phases,
                         const exset_training_t *training, int class) {
  const layout_t l = layout_of(training->patch, training->n_shown);
  const int64_t pixels = (int64_t)l.edge * l.edge;
  uint8_t *picture;
  EXSET_TRY(exset_alloc(ctx, l.height * l.width, 1, &picture));
  memset(picture, 255, (size_t)(l.height * l.width));
  for (int i = 0; i < l.shown; i++) {
    paint(&l, i, 0, n_phases, training->real[class] + i * pixels, picture);
    paint(&l, i, l.half, n_phases, training->fake[class] + i * pixels, picture);
  }
  const int err = exset_image_write_png(ctx, path, l.height, l.width, picture);
  free(picture);
  return err;
}

/* "_patches_<class>.png", blanks of the class's name as '_'. */
static char *picture_path(const exset_config_t *config, const char *default_name,
                          const char *class_name) {
  char ending[64];
  snprintf(ending, sizeof ending, "_patches_%s.png", class_name);
  for (char *c = ending; *c; c++)
    if (*c == ' ' || *c == '/') *c = '_';
  return cli_path(config, default_name, ending);
}

int cli_train_pictures(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                       int n_phases, const exset_training_t *training, cli_train_t *train) {
  int err = EXSET_OK;
  for (int c = 0; !err && c < training->n_classes && training->n_shown > 0; c++) {
    train->picture[c] = picture_path(config, default_name, training->class_name[c]);
    if (!train->picture[c]) err = exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
    else if (ctx->rank == 0) err = write_picture(ctx, train->picture[c], n_phases, training, c);
  }
  return exset_agree(ctx, err);
}
