/* After training: members compared, the chosen one described, traces, patches for the report, the history file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate_train_impl.h"
#include "exset/archive.h"

enum { SHOWN = 16 }; /* patches of each kind */

void exset_training_clear(exset_training_t *training) {
  exset_train_trace_t *trace = &training->trace;
  for (int m = 0; training->member && m < training->n_members; m++) free(training->member[m].value);
  for (int c = 0; c < MAX_VIEWS; c++) {
    free(training->real[c]);
    free(training->fake[c]);
  }
  double *arrays[] = {training->mean,       training->spread,     trace->loss_network,
                      trace->loss_model,    trace->loss_coverage, trace->accuracy_real,
                      trace->accuracy_fake, trace->value};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
  free(training->member);
  free(trace->step);
  *training = (exset_training_t){0};
}

/* ---- members ---- */

/* All parameters in natural units at theta. */
static void values_at(fit_t *fit, const double *theta, double *value) {
  fit_set_theta(fit, theta);
  for (int i = 0; i < fit->n_params; i++) value[i] = *fit->param[i].value;
}

/* Mean of a trace's column over its last quarter. */
static double late_mean(const member_t *member, int column) {
  const int first = member->step - (member->step + 3) / 4;
  double sum = 0;
  for (int k = first; k < member->step; k++) sum += member->trace[k * member->n_columns + column];
  return sum / (member->step - first);
}

static int describe_member(group_run_t *run, const member_t *member, exset_train_member_t *out) {
  *out = (exset_train_member_t){.end = (exset_train_end_t)member->end,
                                .seed = member->seed,
                                .steps = member->step,
                                .loss_coverage = member->loss};
  snprintf(out->reason, sizeof out->reason, "%s", member->reason);
  out->accuracy =
      (late_mean(member, TRACE_ACCURACY_REAL) + late_mean(member, TRACE_ACCURACY_FAKE)) / 2;
  EXSET_TRY(exset_alloc(run->ctx, run->fit.n_params, sizeof(double), &out->value));
  values_at(&run->fit, member->result, out->value);
  return EXSET_OK;
}

/* Mean and standard deviation over the members that came to an end of their own. */
static void statistics(exset_training_t *training) {
  for (int i = 0; i < training->n_parameters; i++) {
    double sum = 0, squares = 0;
    int n = 0;
    for (int m = 0; m < training->n_members; m++) {
      if (training->member[m].end == EXSET_TRAIN_DIVERGED) continue;
      sum += training->member[m].value[i];
      n++;
    }
    const double mean = sum / n;
    for (int m = 0; m < training->n_members; m++)
      if (training->member[m].end != EXSET_TRAIN_DIVERGED)
        squares += pow(training->member[m].value[i] - mean, 2);
    training->mean[i] = mean;
    training->spread[i] = n > 1 ? sqrt(squares / (n - 1)) : NAN;
  }
}

/* Is loss a better than b, where either may not be a number? */
static bool is_better(double a, double b) {
  return isnan(b) || a < b;
}

/* The lowest coverage loss among the members that did not diverge. */
static int choose(exset_ctx_t *ctx, const member_t *member, exset_training_t *training) {
  training->chosen = -1;
  for (int m = 0; m < training->n_members; m++) {
    if (member[m].end == EXSET_TRAIN_DIVERGED) continue;
    if (training->chosen < 0 || is_better(member[m].loss, member[training->chosen].loss))
      training->chosen = m;
  }
  if (training->chosen >= 0) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_RUN, "training diverged %s%s",
                    training->n_members > 1 ? "in every member; the first " : "", member[0].reason);
}

int training_members(group_run_t *run, const member_t *member, exset_training_t *training) {
  exset_ctx_t *ctx = run->ctx;
  const int n = training->n_members;
  EXSET_TRY(exset_alloc(ctx, n, sizeof *training->member, &training->member));
  EXSET_TRY(exset_alloc(ctx, run->fit.n_params, sizeof(double), &training->mean));
  EXSET_TRY(exset_alloc(ctx, run->fit.n_params, sizeof(double), &training->spread));
  training->n_parameters = run->fit.n_params;
  for (int m = 0; m < n; m++) EXSET_TRY(describe_member(run, &member[m], &training->member[m]));
  statistics(training);
  return choose(ctx, member, training);
}

/* ---- traces ---- */

static void copy_column(const member_t *member, int column, double *to) {
  for (int k = 0; k < member->step; k++) to[k] = member->trace[k * member->n_columns + column];
}

static int describe_trace(group_run_t *run, const member_t *member, exset_train_trace_t *trace) {
  double **column[] = {&trace->loss_network, &trace->loss_model, &trace->loss_coverage,
                       &trace->accuracy_real, &trace->accuracy_fake}; /* order of TRACE_... */
  const int n = member->step, n_params = run->fit.n_params;
  *trace = (exset_train_trace_t){.n = n, .n_parameters = n_params};
  for (int c = 0; c < TRACE_THETA; c++) {
    EXSET_TRY(exset_alloc(run->ctx, n, sizeof(double), column[c]));
    copy_column(member, c, *column[c]);
  }
  EXSET_TRY(exset_alloc(run->ctx, n, sizeof *trace->step, &trace->step));
  EXSET_TRY(exset_alloc(run->ctx, (int64_t)n * n_params, sizeof(double), &trace->value));
  for (int k = 0; k < n; k++) {
    trace->step[k] = k + 1;
    values_at(&run->fit, member->trace + k * member->n_columns + TRACE_THETA,
              trace->value + (int64_t)k * n_params);
  }
  return EXSET_OK;
}

static void trace_clear(exset_train_trace_t *trace) {
  exset_training_t only = {.trace = *trace};
  exset_training_clear(&only);
}

/* ---- patches ---- */

/* Draws no training step has made: those of the step after the last. */
static void show_real(const group_run_t *run, const member_t *member, const view_t *view,
                      uint8_t *label) {
  const exset_rng_key_t key = patch_key(member->seed, run->train->steps, view->number);
  for (int i = 0; i < SHOWN; i++) {
    place_t place;
    crops_place(&view->crops, key, (uint32_t)i, &place);
    crops_labels(&view->crops, &place, label + i * view->crops.patch * view->crops.patch);
  }
}

static int show_fake(group_run_t *run, const member_t *member, view_t *view, uint8_t *label) {
  const tiling_t *tiling = &view->tiling;
  const exset_rng_key_t key = patch_key(member->seed, run->train->steps, view->number);
  const uint64_t first = step_sections(run, view, run->train->steps);
  uint8_t *section;
  EXSET_TRY(exset_alloc(run->ctx, tiling->rows * tiling->cols, 1, &section));
  int err = exset_plane_model(view->plane, &run->fit.model);
  for (int i = 0; !err && i < SHOWN; i++) {
    const int s = i / tiling->n_crops, number = i % tiling->n_crops;
    if (number == 0)
      err = exset_plane_labels(view->plane, member->seed, first + (uint64_t)s, section);
    if (err) break;
    const crop_t crop = tiling_crop(tiling, key, (uint32_t)s, number);
    tiling_labels(tiling, &crop, section, label + i * tiling->patch * tiling->patch);
  }
  free(section);
  return err;
}

static int show_patches(group_run_t *run, const member_t *member, exset_training_t *training) {
  const int patch = run->train->patch;
  if (!has_networks(run->train)) return EXSET_OK;
  training->n_classes = run->n_views;
  training->patch = patch;
  training->n_shown = SHOWN;
  fit_set_theta(&run->fit, member->result);
  for (int c = 0; c < run->n_views; c++) {
    view_t *view = &run->view[c];
    training->class_name[c] = view->kind.name;
    EXSET_TRY(exset_alloc(run->ctx, SHOWN * patch * patch, 1, &training->real[c]));
    EXSET_TRY(exset_alloc(run->ctx, SHOWN * patch * patch, 1, &training->fake[c]));
    show_real(run, member, view, training->real[c]);
    EXSET_TRY(show_fake(run, member, view, training->fake[c]));
  }
  return EXSET_OK;
}

/* ---- the calibration's result ---- */

static int describe_calibration(group_run_t *run, const member_t *member,
                                const exset_training_t *training, exset_calibration_t *result) {
  fit_t *fit = &run->fit;
  fit_set_theta(fit, member->result);
  EXSET_TRY(result_parameters(fit, result));
  for (int i = 0; i < fit->n_params; i++)
    if (!fit->param[i].fixed) result->parameter[i].sd = training->spread[i];
  EXSET_TRY(result_describe(run->ctx, run->data, run->options->cylindrical, fit, result));

  result->iterations = member->step;
  if (!has_coverage(run->train)) return EXSET_OK;
  EXSET_TRY(exset_alloc(run->ctx, member->step, sizeof *result->history, &result->history));
  copy_column(member, TRACE_LOSS_COVERAGE, result->history);
  result->n_history = member->step;
  return EXSET_OK;
}

int training_losses(group_run_t *run, const member_t *chosen, exset_calibration_t *result) {
  EXSET_TRY(term_loss(run, run->start, &result->loss_start));
  result->loss = chosen->loss;
  fit_set_theta(&run->fit, chosen->result);
  return exset_model_coupled(&run->fit.model) ? sampled_report(run) : EXSET_OK;
}

int training_describe(group_run_t *run, const member_t *chosen, exset_calibration_t *result,
                      exset_training_t *training) {
  EXSET_TRY(describe_trace(run, chosen, &training->trace));
  EXSET_TRY(show_patches(run, chosen, training));
  return describe_calibration(run, chosen, training, result);
}

/* ---- the history file ---- */

static const char *unit_of(const char *name) {
  return strstr(name, "_length_") ? "um" : "1";
}

/* Names of the parameters or their units, one in a line. New string; NULL: out of memory. */
static char *list_text(const fit_t *fit, bool units) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  for (int i = 0; i < fit->n_params; i++)
    fprintf(out, "%s%s", i ? "\n" : "", units ? unit_of(fit->param[i].name) : fit->param[i].name);
  const bool failed = ferror(out);
  if (fclose(out) == 0 && !failed) return text;
  free(text);
  return NULL;
}

static int put_list(group_run_t *run, exset_archive_t *archive, const char *name, bool units) {
  char *text = list_text(&run->fit, units);
  const int err = text ? exset_archive_put_text(archive, name, text)
                       : exset_fail(run->ctx, EXSET_ERR_LOCAL, "out of memory");
  free(text);
  return err;
}

static int put_column(exset_archive_t *archive, int member, const char *name, int64_t n,
                      const double *value, const char *meaning) {
  char path[64];
  snprintf(path, sizeof path, "member_%d/%s", member + 1, name);
  EXSET_TRY(exset_archive_put(archive, path, EXSET_ARCHIVE_DOUBLE, 1, &n, value));
  return exset_archive_describe(archive, path, "meaning", meaning);
}

static int put_numbers(exset_archive_t *archive, const member_t *member,
                       const exset_train_trace_t *trace) {
  char path[64];
  const int64_t shape[] = {trace->n, trace->n_parameters}, one = 1;
  const int64_t state[] = {member->end, (int64_t)member->seed};
  snprintf(path, sizeof path, "member_%d/value", member->index + 1);
  EXSET_TRY(exset_archive_put(archive, path, EXSET_ARCHIVE_DOUBLE, 2, shape, trace->value));
  EXSET_TRY(exset_archive_describe(archive, path, "meaning",
                                   "parameters after each step, in the order of /parameters"));
  snprintf(path, sizeof path, "member_%d/end", member->index + 1);
  EXSET_TRY(exset_archive_put(archive, path, EXSET_ARCHIVE_INT64, 1, &one, &state[0]));
  EXSET_TRY(exset_archive_describe(archive, path, "meaning",
                                   "0: all steps made, 1: parameters flat, 2: diverged"));
  snprintf(path, sizeof path, "member_%d/seed", member->index + 1);
  return exset_archive_put(archive, path, EXSET_ARCHIVE_INT64, 1, &one, &state[1]);
}

static int put_trace(exset_archive_t *archive, const member_t *member,
                     const exset_train_trace_t *trace) {
  const struct {
    const char *name, *meaning;
    const double *value;
  } column[] = {
      {"loss_network", "discriminators, mean over real and model patches", trace->loss_network},
      {"loss_model", "model patches against the discriminators", trace->loss_model},
      {"loss_coverage", "squared distance of coverage functions", trace->loss_coverage},
      {"accuracy_real", "share of real patches taken for real", trace->accuracy_real},
      {"accuracy_fake", "share of model patches taken for model", trace->accuracy_fake},
  };
  for (size_t i = 0; i < sizeof column / sizeof *column; i++)
    EXSET_TRY(put_column(archive, member->index, column[i].name, trace->n, column[i].value,
                         column[i].meaning));
  return put_numbers(archive, member, trace);
}

static int put_member(group_run_t *run, exset_archive_t *archive, const member_t *member) {
  exset_train_trace_t trace;
  int err = describe_trace(run, member, &trace);
  if (!err) err = put_trace(archive, member, &trace);
  trace_clear(&trace);
  return err;
}

int history_write(group_run_t *run, int n_members, const member_t *member, int chosen) {
  exset_archive_t *archive;
  const int64_t one = 1, number = chosen + 1;
  EXSET_TRY(exset_archive_create(run->ctx, run->train->history, &archive));
  int err = put_list(run, archive, "parameters", false);
  if (!err) err = put_list(run, archive, "units", true);
  if (!err) err = exset_archive_put(archive, "chosen", EXSET_ARCHIVE_INT64, 1, &one, &number);
  for (int m = 0; !err && m < n_members; m++) err = put_member(run, archive, &member[m]);
  if (!err) return exset_archive_commit(&archive);
  exset_archive_close(&archive);
  return err;
}
