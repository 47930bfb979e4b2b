/* Calibration by coverage functions: several starts shared out over the ranks, the best kept, the jackknife. */
#include "exset/calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate_impl.h"

void exset_calibration_clear(exset_calibration_t *result) {
  free(result->parameter);
  free(result->history);
  free(result->start_loss);
  for (int i = 0; i < result->n_curves; i++) {
    exset_calibrate_curve_t *curve = &result->curve[i];
    double *arrays[] = {curve->h_r, curve->h_z, curve->data, curve->data_se, curve->model};
    for (int k = 0; k < 5; k++) free(arrays[k]);
  }
  *result = (exset_calibration_t){0};
}

/* ---- checks ---- */

static bool contain_z(const exset_sections_t *sections) {
  for (int s = 0; s < sections->n; s++)
    if (sections->section[s].orient != EXSET_ORIENT_XY) return true;
  return false;
}

static int check_voxel(exset_ctx_t *ctx, const double voxel[3]) {
  if (fabs(voxel[EXSET_AXIS_X] - voxel[EXSET_AXIS_Y]) > 1e-9 * voxel[EXSET_AXIS_X])
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "voxel_size is %g along y and %g along x: calibrate needs them equal",
                      voxel[EXSET_AXIS_Y], voxel[EXSET_AXIS_X]);
  return EXSET_OK;
}

static int check_phases(exset_ctx_t *ctx, const exset_sections_t *sections,
                        const exset_model_t *model) {
  if (model->n_fields != sections->n_phases - 1)
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "the sections have %d phases and the model has %d fields: needed are %d fields "
        "(one fewer than phases)",
        sections->n_phases, model->n_fields, sections->n_phases - 1);
  return EXSET_OK;
}

static int check_uncoupled(exset_ctx_t *ctx, const exset_model_t *model) {
  for (int a = 0; a < model->n_fields; a++)
    if (model->field[a].coupling != 0)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "field%d_coupling is %g: closed forms need 0; take evaluator sampled, or "
                        "method adversarial",
                        a + 1, model->field[a].coupling);
  return EXSET_OK;
}

static bool is_fixed(const exset_calibrate_options_t *options, const char *name) {
  for (int i = 0; i < options->n_fixed; i++)
    if (strcmp(options->fixed[i], name) == 0) return true;
  return false;
}

/* Is the number of term t (from 0) held, by its own name or that of all terms? */
static bool term_fixed(const exset_calibrate_options_t *options, const char *name, int t) {
  char numbered[64];
  snprintf(numbered, sizeof numbered, "%s_%d", name, t + 1);
  return is_fixed(options, name) || is_fixed(options, numbered);
}

/* A length that is held must be given: one guessed from the data would look like a known one. */
static int check_fixed_lengths(exset_ctx_t *ctx, const exset_calibrate_options_t *options,
                               const exset_model_t *model) {
  static const char *const what[] = {"length_xy", "length_z"};
  for (int a = 0; a < model->n_fields; a++) {
    const exset_spectrum_t *s = &model->field[a].spectrum;
    for (int t = 0; t < s->n_terms; t++) {
      const double length[] = {s->term[t].length_xy, s->term[t].length_z};
      for (int d = 0; d < (options->cylindrical ? 2 : 1); d++) {
        char name[48];
        snprintf(name, sizeof name, "field%d_%s", a + 1, what[d]);
        if (length[d] > 0 || !term_fixed(options, name, t)) continue;
        return exset_fail(ctx, EXSET_ERR_INPUT,
                          "calibrate_fix holds %s, which has no value: give -%s in um", name, name);
      }
    }
  }
  return EXSET_OK;
}

/* Sections in x-y say nothing of lengths along z; an isotropic model has no splines in (k_r, k_z). */
static int check_symmetry(exset_ctx_t *ctx, const exset_sections_t *sections,
                          const exset_calibrate_options_t *options, const exset_model_t *model) {
  for (int a = 0; a < model->n_fields; a++)
    if (!options->cylindrical && model->field[a].spectrum.knots_z > 0)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "field%d_knots_shape has two values, but the model is isotropic: one value "
                        "(splines in |k|), or calibrate_symmetry cylindrical",
                        a + 1);
  if (!options->cylindrical || contain_z(sections)) return EXSET_OK;
  for (int a = 0; a < model->n_fields; a++) {
    char name[48];
    const int n_terms = model->field[a].spectrum.n_terms;
    bool held = n_terms > 0;
    snprintf(name, sizeof name, "field%d_length_z", a + 1);
    for (int t = 0; t < n_terms; t++) held &= term_fixed(options, name, t);
    if (!held)
      return exset_fail(
          ctx, EXSET_ERR_INPUT,
          "calibrate_symmetry is cylindrical, but there are no sections containing z: give "
          "sections_xz or sections_yz, or hold every length_z by calibrate_fix");
  }
  return EXSET_OK;
}

int case_check(exset_ctx_t *ctx, const exset_sections_t *sections,
               const exset_calibrate_options_t *options, const exset_model_t *model) {
  EXSET_TRY(check_phases(ctx, sections, model));
  EXSET_TRY(check_voxel(ctx, options->voxel));
  EXSET_TRY(check_fixed_lengths(ctx, options, model));
  return check_symmetry(ctx, sections, options, model);
}

int exset_calibrate_check(exset_ctx_t *ctx, const exset_sections_t *sections,
                          const exset_calibrate_options_t *options, const exset_model_t *model) {
  EXSET_TRY(check_phases(ctx, sections, model));
  EXSET_TRY(check_uncoupled(ctx, model));
  return case_check(ctx, sections, options, model);
}

exset_calibrate_options_t case_settle_voxel(const exset_sections_t *sections,
                                            const exset_calibrate_options_t *given) {
  exset_calibrate_options_t options = *given;
  if (!contain_z(sections)) options.voxel[EXSET_AXIS_Z] = options.voxel[EXSET_AXIS_X];
  return options;
}

/* ---- starts ---- */

/* Start s: the first as it is, the others scattered about it, inside the bounds. */
static void start_theta(const fit_t *fit, const double *first, uint64_t seed, int s,
                        double *theta) {
  const exset_rng_key_t key =
      exset_rng_key(seed, EXSET_STREAM_START, (uint64_t)s, START_PART_DESCENT);
  memcpy(theta, first, (size_t)fit->n_free * sizeof *theta);
  if (s > 0) fit_scatter(fit, key, 0, theta);
}

/* Descents of this rank's starts; keeps the best: theta, descent. loss[n_starts] of the others stays infinite. */
static int descend(fit_t *fit, const exset_calibrate_options_t *options, int n_starts,
                   const double *first, double *loss, double *theta, descent_t *best) {
  exset_ctx_t *ctx = fit->ctx;
  double *trial = NULL, *history = NULL;
  int err = exset_alloc(ctx, fit->n_free, sizeof *trial, &trial);
  if (!err) err = exset_alloc(ctx, best->capacity, sizeof *history, &history);
  best->loss = INFINITY;
  for (int s = ctx->rank; !err && s < n_starts; s += ctx->size) {
    descent_t descent = {.history = history, .capacity = best->capacity};
    start_theta(fit, first, options->seed, s, trial);
    err = fit_minimise(fit, options->max_iterations, trial, &descent);
    if (err) break;
    loss[s] = descent.loss;
    exset_info(ctx, "start %d of %d: loss %.4g after %d iterations%s", s + 1, n_starts,
               descent.loss * fit->unit, descent.iterations,
               descent.converged ? "" : " (not converged)");
    if (!(descent.loss < best->loss)) continue;
    memcpy(theta, trial, (size_t)fit->n_free * sizeof *theta);
    memcpy(best->history, history, (size_t)descent.n_history * sizeof *history);
    descent.history = best->history;
    *best = descent;
  }
  free(trial);
  free(history);
  return err;
}

/* The best of all ranks to all ranks: its theta, history and counts. */
static int share_best(fit_t *fit, int n_starts, double *loss, double *theta, descent_t *best) {
  exset_ctx_t *ctx = fit->ctx;
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, loss, n_starts, MPI_DOUBLE, MPI_MIN, ctx->comm)));
  int winner = 0;
  for (int s = 1; s < n_starts; s++)
    if (loss[s] < loss[winner]) winner = s;
  const int owner = winner % ctx->size;
  int counts[3] = {best->iterations, best->n_history, best->converged};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(counts, 3, MPI_INT, owner, ctx->comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(theta, fit->n_free, MPI_DOUBLE, owner, ctx->comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(best->history, counts[1], MPI_DOUBLE, owner, ctx->comm)));
  best->iterations = counts[0];
  best->n_history = counts[1];
  best->converged = counts[2];
  best->loss = loss[winner];
  fit_set_theta(fit, theta);
  return EXSET_OK;
}

static void warn_of_early_end(const exset_ctx_t *ctx, const descent_t *best, int max_iterations) {
  if (best->converged) return;
  if (best->iterations >= max_iterations)
    exset_warn(ctx, "not converged after %d iterations: raise calibrate_iterations",
               best->iterations);
  else
    exset_warn(ctx,
               "the optimiser found no further descent after %d iterations, before its criterion "
               "was met: compare with other starts (calibrate_starts)",
               best->iterations);
}

/* Minimise from n_starts starts; the fit is left at the optimum. Fills starts, history, losses of result. */
static int multi_start(fit_t *fit, const exset_calibrate_options_t *options, int n_starts,
                       exset_calibration_t *result) {
  exset_ctx_t *ctx = fit->ctx;
  descent_t best = {.capacity = options->max_iterations + 2};
  double *first = NULL, *theta = NULL, *loss = NULL;
  int err = exset_alloc(ctx, fit->n_free, sizeof *first, &first);
  if (!err) err = exset_alloc(ctx, fit->n_free, sizeof *theta, &theta);
  if (!err) err = exset_alloc(ctx, n_starts, sizeof *loss, &loss);
  if (!err) err = exset_alloc(ctx, best.capacity, sizeof *best.history, &best.history);
  for (int s = 0; !err && s < n_starts; s++) loss[s] = INFINITY;
  if (!err) fit_get_theta(fit, first);
  if (!err) err = descend(fit, options, n_starts, first, loss, theta, &best);
  err = exset_agree(ctx, err);
  if (!err) err = share_best(fit, n_starts, loss, theta, &best);
  if (!err && !isfinite(best.loss))
    err = exset_fail(ctx, EXSET_ERR_RUN, "calibration: the loss is not finite from any start");
  if (!err) {
    warn_of_early_end(ctx, &best, options->max_iterations);
    for (int s = 0; s < n_starts; s++) loss[s] *= fit->unit;
    for (int k = 0; k < best.n_history; k++) best.history[k] *= fit->unit;
    free(result->start_loss);
    free(result->history);
    result->n_starts = n_starts;
    result->start_loss = loss;
    result->iterations = best.iterations;
    result->n_history = best.n_history;
    result->history = best.history;
    loss = best.history = NULL;
  }
  free(first);
  free(theta);
  free(loss);
  free(best.history);
  return err;
}

/* ---- stages ---- */

/* Stage 1: every open spline spectrum is a Matern term. fit is left at the optimum. */
static int low_parametric(exset_ctx_t *ctx, const data_t *data,
                          const exset_calibrate_options_t *options, const exset_model_t *model,
                          fit_t *fit, exset_calibration_t *result) {
  exset_model_t stage = {0};
  bool strict = true; /* names of spline coefficients are not known before stage 2 */
  int err = exset_model_copy(ctx, model, &stage);
  for (int a = 0; !err && a < stage.n_fields; a++) {
    exset_spectrum_t *s = &stage.field[a].spectrum;
    if (!start_is_open(s)) continue;
    strict = false;
    free(s->knots);
    *s = (exset_spectrum_t){.n_terms = 1, .term = {{.family = EXSET_FAMILY_MATERN}}};
  }
  if (!err) err = start_fill(ctx, data, options, &stage);
  if (!err) err = fit_create(ctx, data, &stage, options, strict, fit);
  exset_model_clear(&stage);
  err = exset_agree(ctx, err);
  if (!err) err = multi_start(fit, options, options->starts, result);
  return err;
}

/* Stage 2: splines that begin at the low-parametric optimum. */
static int high_parametric(exset_ctx_t *ctx, const data_t *data,
                           const exset_calibrate_options_t *options, const exset_model_t *model,
                           fit_t *fit, exset_calibration_t *result) {
  exset_model_t stage = {0};
  int err = exset_model_copy(ctx, &fit->model, &stage);
  for (int a = 0; !err && a < model->n_fields; a++) {
    const exset_spectrum_t *asked = &model->field[a].spectrum;
    if (!start_is_open(asked)) continue;
    exset_spectrum_t *s = &stage.field[a].spectrum;
    *s = *asked;
    s->knots = NULL;
    err = start_knots(ctx, options, &fit->model.field[a].spectrum, s);
  }
  fit_clear(fit);
  if (!err) err = fit_create(ctx, data, &stage, options, true, fit);
  exset_model_clear(&stage);
  err = exset_agree(ctx, err);
  if (!err) err = multi_start(fit, options, 1, result);
  return err;
}

bool optimum_has_splines(const exset_model_t *model) {
  for (int a = 0; a < model->n_fields; a++)
    if (model->field[a].spectrum.n_terms == 0) return true;
  return false;
}

int optimum_find(exset_ctx_t *ctx, const data_t *data, const exset_calibrate_options_t *options,
                 const exset_model_t *model, fit_t *fit, exset_calibration_t *result) {
  bool open = false;
  for (int a = 0; a < model->n_fields; a++) open |= start_is_open(&model->field[a].spectrum);
  EXSET_TRY(low_parametric(ctx, data, options, model, fit, result));
  return open ? high_parametric(ctx, data, options, model, fit, result) : EXSET_OK;
}

static int calibrate(exset_ctx_t *ctx, const data_t *data, const exset_calibrate_options_t *options,
                     exset_model_t *model, fit_t *fit, exset_calibration_t *result) {
  const bool splines = optimum_has_splines(model);
  const double begin = MPI_Wtime();
  EXSET_TRY(optimum_find(ctx, data, options, model, fit, result));
  EXSET_TRY(exset_agree(ctx, fit_plain_loss(fit, &result->loss)));
  result->seconds_fit = MPI_Wtime() - begin;
  EXSET_TRY(exset_agree(ctx, result_parameters(fit, result)));
  EXSET_TRY(exset_agree(ctx, result_take_model(fit, model)));
  EXSET_TRY(exset_agree(ctx, result_describe(ctx, data, options->cylindrical, fit, result)));
  if (!splines && !options->no_uncertainty)
    EXSET_TRY(uncertainty(ctx, data, fit, options->max_iterations, result));
  result->seconds_sd = MPI_Wtime() - begin - result->seconds_fit;
  result_warn_of_bounds(ctx, result);
  return EXSET_OK;
}

int exset_calibrate_coverage(exset_ctx_t *ctx, const exset_sections_t *sections,
                             const exset_calibrate_options_t *given, exset_model_t *model,
                             exset_calibration_t *result) {
  const exset_calibrate_options_t settled = case_settle_voxel(sections, given), *options = &settled;
  *result = (exset_calibration_t){.n_phases = sections->n_phases};
  EXSET_TRY(exset_calibrate_check(ctx, sections, options, model));
  const double begin = MPI_Wtime();
  data_t data = {0};
  fit_t fit = {0};
  int err = data_create(ctx, sections, options->voxel, options->max_lag, &data);
  result->max_lag = data.max_lag;
  result->seconds_data = MPI_Wtime() - begin;
  if (!err) err = calibrate(ctx, &data, options, model, &fit, result);
  int64_t evaluations = fit.evaluations;
  if (!err)
    err = EXSET_MPI(ctx,
                    MPI_Allreduce(MPI_IN_PLACE, &evaluations, 1, MPI_INT64_T, MPI_SUM, ctx->comm));
  result->evaluations = (int)evaluations;
  fit_clear(&fit);
  data_clear(&data);
  if (err) exset_calibration_clear(result);
  return err;
}
