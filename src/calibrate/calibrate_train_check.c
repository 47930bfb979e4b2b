/* What training refuses before any work is done. */
#include <math.h>
#include <stdio.h>

#include "calibrate_train_impl.h"

/* ---- numbers ---- */

typedef struct {
  const char *name;
  double value, low, high;
} bounded_t;

static int check_ranges(exset_ctx_t *ctx, const exset_train_options_t *t) {
  const double many = 1e9;
  const bounded_t number[] = {
      {"train_steps", t->steps, 1, many},
      {"train_weight", t->weight, 0, many},
      {"train_patch", t->patch, 4, 8192},
      {"train_warm_up", t->warm_up, 0, many},
      {"train_batch", t->batch, 1, 65536},
      {"train_temperature", t->temperature, 1e-6, many},
      {"train_temperature (the second)", t->temperature_end, 1e-6, many},
      {"train_width", t->width, 1, 65536},
      {"train_layers", t->layers, 1, (EXSET_NN_MAX_LAYERS - 2) / 2},
      {"train_smoothing", t->smoothing, 0, 0.5},
      {"train_rate_network", t->rate_network, 0, INFINITY},
      {"train_rate_model", t->rate_model, 0, INFINITY},
      {"train_rate_end", t->rate_end, 0, 1},
      {"train_average", t->average, 0, 1},
      {"train_tolerance", t->tolerance, 0, many},
      {"train_window", t->window, t->tolerance > 0 ? 1 : 0, many},
      {"train_checkpoint", t->checkpoint_steps, 0, many},
      {"train_scatter", t->scatter, 0, 10},
      {"ensemble", t->ensemble, 1, 1e6},
  };
  for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
    const bounded_t *n = &number[i];
    if (n->value >= n->low && n->value <= n->high) continue;
    return exset_fail(ctx, EXSET_ERR_INPUT, "%s is %g: allowed is %g to %g", n->name, n->value,
                      n->low, n->high);
  }
  return EXSET_OK;
}

/* The warm-up must leave steps for the model. */
static int check_warm_up(exset_ctx_t *ctx, const exset_train_options_t *train) {
  if (!has_networks(train) || train->warm_up < train->steps) return EXSET_OK;
  return exset_fail(
      ctx, EXSET_ERR_INPUT,
      "train_warm_up is %d and train_steps is %d: the discriminator's warm-up must be "
      "shorter than the training, at most %d",
      train->warm_up, train->steps, train->steps - 1);
}

/* ---- sizes ---- */

static int check_depth(exset_ctx_t *ctx, const exset_train_options_t *train) {
  int deepest = 0;
  while (train->patch >> (deepest + 2) > 0 && train->patch / (1 << (deepest + 1)) >= 2) deepest++;
  if (train->layers <= deepest) return EXSET_OK;
  return exset_fail(
      ctx, EXSET_ERR_INPUT,
      "train_layers is %d: each halves the patch of %d pixels, which allows at most %d",
      train->layers, train->patch, deepest);
}

static int check_box(exset_ctx_t *ctx, const exset_train_options_t *train) {
  if (train->box == 0 || (train->box >= train->patch && train->box <= 16384)) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "train_box is %lld: allowed is from train_patch, %d, to 16384 pixels",
                    (long long)train->box, train->patch);
}

/* Every class needs somewhere to take patches from. */
static int check_places(exset_ctx_t *ctx, const exset_sections_t *sections,
                        const exset_calibrate_options_t *options,
                        const exset_train_options_t *train) {
  view_kind_t kind[MAX_VIEWS];
  const int n = view_kinds(sections, options, kind);
  for (int c = 0; c < n; c++) {
    crops_t crops;
    int err = crops_create(ctx, sections, kind[c].kinds, train->patch, 1, &crops);
    if (!err && crops.n_places == 0)
      err = exset_fail(ctx, EXSET_ERR_INPUT,
                       "train_patch is %d: no section%s%s has a patch of that size without masked "
                       "pixels",
                       train->patch, n > 1 ? " of the planes " : "",
                       n == 1                             ? ""
                       : kind[c].kinds == 1u << PLANES_XY ? "in x-y"
                                                          : "containing z");
    crops_clear(&crops);
    EXSET_TRY(err);
  }
  return EXSET_OK;
}

/* ---- model ---- */

static int check_coupling(exset_ctx_t *ctx, const exset_train_options_t *train,
                          const exset_model_t *model) {
  for (int a = 0; a < model->n_fields; a++) {
    if (model->field[a].coupling == 0) continue;
    if (model->field[a].type != EXSET_FIELD_GAUSSIAN ||
        model->field[0].type != EXSET_FIELD_GAUSSIAN)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "field%d_coupling is %g: both fields must be gaussian", a + 1,
                        model->field[a].coupling);
    if (has_coverage(train) && train->evaluator == EXSET_EVALUATOR_ANALYTIC)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "field%d_coupling is %g: closed forms need 0; use evaluator sampled, or "
                        "method adversarial",
                        a + 1, model->field[a].coupling);
  }
  return EXSET_OK;
}

static int is_given(exset_ctx_t *ctx, int field, const char *name, double value) {
  if (value > 0) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT, "train_start is given, but field%d_%s has no value",
                    field + 1, name);
}

static int check_field_given(exset_ctx_t *ctx, int a, bool cylindrical,
                             const exset_field_t *field) {
  const exset_spectrum_t *s = &field->spectrum;
  EXSET_TRY(is_given(ctx, a, "fraction", field->fraction));
  if (start_is_open(s)) return is_given(ctx, a, "knots", 0);
  for (int t = 0; t < s->n_terms; t++) {
    EXSET_TRY(is_given(ctx, a, "length_xy", s->term[t].length_xy));
    if (cylindrical) EXSET_TRY(is_given(ctx, a, "length_z", s->term[t].length_z));
  }
  return EXSET_OK;
}

static int check_start(exset_ctx_t *ctx, const exset_calibrate_options_t *options,
                       const exset_train_options_t *train, const exset_model_t *model) {
  for (int a = 0; train->start_given && a < model->n_fields; a++)
    EXSET_TRY(check_field_given(ctx, a, options->cylindrical, &model->field[a]));
  return EXSET_OK;
}

int exset_train_check(exset_ctx_t *ctx, const exset_sections_t *sections,
                      const exset_calibrate_options_t *given, const exset_train_options_t *train,
                      const exset_model_t *model) {
  const exset_calibrate_options_t options = case_settle_voxel(sections, given);
  if (train->method == EXSET_METHOD_COVERAGE && train->evaluator == EXSET_EVALUATOR_ANALYTIC)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "method coverage with evaluator analytic needs no training");
  EXSET_TRY(check_ranges(ctx, train));
  EXSET_TRY(check_warm_up(ctx, train));
  EXSET_TRY(check_box(ctx, train));
  EXSET_TRY(case_check(ctx, sections, &options, model));
  EXSET_TRY(check_coupling(ctx, train, model));
  EXSET_TRY(check_start(ctx, &options, train, model));
  if (!has_networks(train)) return EXSET_OK;
  EXSET_TRY(check_depth(ctx, train));
  return check_places(ctx, sections, &options, train);
}
