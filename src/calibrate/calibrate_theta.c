/* The numbers to be calibrated: names, bounds, transforms to the unbounded theta. */
#include "calibrate_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COUPLING = 20 }; /* beyond, a field is the first one but for rounding: 1/(1 + c^2) */

double free_to_theta(const free_t *param, double value) {
  const double v = fmin(fmax(value, param->low), param->high);
  if (param->scale == SCALE_LINEAR) return v;
  return param->scale == SCALE_LOG ? log(v) : log(v / (1 - v));
}

static double free_to_value(const free_t *param, double theta) {
  if (param->scale == SCALE_LINEAR) return theta;
  return param->scale == SCALE_LOG ? exp(theta) : 1 / (1 + exp(-theta));
}

/* dvalue/dtheta, from the value. */
static double free_slope(const free_t *param, double value) {
  if (param->scale == SCALE_LINEAR) return 1;
  return param->scale == SCALE_LOG ? value : value * (1 - value);
}

void fit_get_theta(const fit_t *fit, double *theta) {
  for (int i = 0; i < fit->n_free; i++) {
    const free_t *param = &fit->param[fit->free_index[i]];
    theta[i] = free_to_theta(param, *param->value);
  }
}

void fit_set_theta(fit_t *fit, const double *theta) {
  for (int i = 0; i < fit->n_free; i++) {
    const free_t *param = &fit->param[fit->free_index[i]];
    *param->value = free_to_value(param, theta[i]);
    if (param->tied) *param->tied = *param->value;
  }
}

void fit_theta_gradient(const fit_t *fit, double scale, double *gradient) {
  for (int i = 0; i < fit->n_free; i++) {
    const free_t *param = &fit->param[fit->free_index[i]];
    const double by_value = *param->grad + (param->grad_tied ? *param->grad_tied : 0);
    gradient[i] = scale * by_value * free_slope(param, *param->value);
  }
}

/* Uniform in (-1, 1), a function of its arguments alone. */
static double uniform(exset_rng_key_t key, int index) {
  const uint32_t counter[4] = {(uint32_t)index, 0, 0, 0};
  uint32_t word[4];
  exset_rng_one(key, counter, word);
  return 2 * exset_rng_uniform(word[0]) - 1;
}

void fit_scatter(const fit_t *fit, exset_rng_key_t key, double spread, double *theta) {
  for (int i = 0; i < fit->n_free; i++) {
    const double own = fit->param[fit->free_index[i]].spread;
    theta[i] += (spread > 0 ? spread : own) * uniform(key, i);
  }
  fit_clip(fit, theta);
}

void fit_clip(const fit_t *fit, double *theta) {
  for (int i = 0; i < fit->n_free; i++) {
    const free_t *param = &fit->param[fit->free_index[i]];
    const double low = free_to_theta(param, param->low), high = free_to_theta(param, param->high);
    theta[i] = fmin(fmax(theta[i], low), high);
  }
}

/* ---- the list ---- */

/* Bounds of lengths, the same for all fields. */
typedef struct {
  double low, high;
} range_t;

static void add(fit_t *fit, const free_t *param) {
  fit->param[fit->n_params++] = *param;
}

/* "field<number>_<what>", with the term's number when there are several. */
static free_t make(scale_t scale, double *value, double *grad, double low, double high,
                   double spread, int number, const char *what, int term, int n_terms) {
  free_t param = {
      .scale = scale, .value = value, .grad = grad, .low = low, .high = high, .spread = spread};
  if (n_terms > 1) {
    snprintf(param.name, sizeof param.name, "field%d_%s_%d", number, what, term + 1);
  } else {
    snprintf(param.name, sizeof param.name, "field%d_%s", number, what);
  }
  return param;
}

static void add_term(fit_t *fit, int number, int t, bool cylindrical, range_t length,
                     exset_spectrum_t *s, exset_spectrum_t *g) {
  exset_term_t *term = &s->term[t], *grad = &g->term[t];
  const int n = s->n_terms;
  free_t xy = make(SCALE_LOG, &term->length_xy, &grad->length_xy, length.low, length.high, 0.7,
                   number, "length_xy", t, n);
  if (!cylindrical) {
    xy.tied = &term->length_z;
    xy.grad_tied = &grad->length_z;
  }
  add(fit, &xy);
  if (cylindrical) {
    const free_t z = make(SCALE_LOG, &term->length_z, &grad->length_z, length.low, length.high, 0.7,
                          number, "length_z", t, n);
    add(fit, &z);
  }
  if (term->family == EXSET_FAMILY_MATERN) {
    const free_t nu = make(SCALE_LOG, &term->nu, &grad->nu, 0.3, 10, 0.7, number, "nu", t, n);
    add(fit, &nu);
  }
  if (term->family == EXSET_FAMILY_RING) {
    const free_t width =
        make(SCALE_LOG, &term->width, &grad->width, 0.02, 3, 0.5, number, "width", t, n);
    add(fit, &width);
  }
  if (t > 0) { /* relative to the first term */
    const double one = s->term[0].weight;
    const free_t weight = make(SCALE_LOG, &term->weight, &grad->weight, 1e-4 * one, 1e4 * one, 0.7,
                               number, "weight", t, n);
    add(fit, &weight);
  }
}

static void add_field(fit_t *fit, int a, bool cylindrical, range_t length) {
  exset_field_t *field = &fit->model.field[a], *grad = &fit->grad.field[a];
  const free_t fraction = make(SCALE_LOGIT, &field->fraction, &grad->fraction, 1e-4, 1 - 1e-4, 0,
                               a + 1, "fraction", 0, 1);
  add(fit, &fraction);
  if (field->coupling != 0) {
    const free_t coupling = make(SCALE_LINEAR, &field->coupling, &grad->coupling, -MAX_COUPLING,
                                 MAX_COUPLING, 0.5, a + 1, "coupling", 0, 1);
    add(fit, &coupling);
  }
  exset_spectrum_t *s = &field->spectrum, *g = &grad->spectrum;
  for (int t = 0; t < s->n_terms; t++) add_term(fit, a + 1, t, cylindrical, length, s, g);
  if (s->nugget > 0) {
    const free_t nugget =
        make(SCALE_LOGIT, &s->nugget, &g->nugget, 1e-6, 0.9, 0.5, a + 1, "nugget", 0, 1);
    add(fit, &nugget);
  }
  const int n = exset_spectrum_knots(s);
  double most = 0;
  for (int j = 0; j < n; j++) most = fmax(most, s->knots[j]);
  for (int j = 0; j < n; j++) {
    const free_t knot = make(SCALE_LOG, &s->knots[j], &g->knots[j], 1e-12 * most, 1e3 * most, 0.3,
                             a + 1, "knots", j, 2);
    add(fit, &knot);
  }
}

static bool is_named(const free_t *param, const char *name) {
  const size_t n = strlen(name);
  if (strncmp(param->name, name, n) != 0) return false;
  return param->name[n] == '\0' ||
         (param->name[n] == '_' &&
          strspn(param->name + n + 1, "0123456789") == strlen(param->name + n + 1));
}

static int fix_named(fit_t *fit, const char *name, bool strict) {
  int found = 0;
  for (int i = 0; i < fit->n_params; i++) {
    if (!is_named(&fit->param[i], name)) continue;
    fit->param[i].fixed = true;
    found++;
  }
  if (found || !strict) return EXSET_OK;
  char list[512] = "";
  for (int i = 0; i < fit->n_params && strlen(list) < sizeof list - 64; i++)
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "",
             fit->param[i].name);
  return exset_fail(fit->ctx, EXSET_ERR_INPUT,
                    "calibrate_fix names \"%.60s\": the parameters are %s", name, list);
}

int fit_params_create(fit_t *fit, const exset_calibrate_options_t *options, bool strict) {
  int most = 0;
  for (int a = 0; a < fit->model.n_fields; a++)
    most += 3 + 5 * EXSET_MAX_TERMS + exset_spectrum_knots(&fit->model.field[a].spectrum);
  EXSET_TRY(exset_alloc(fit->ctx, most, sizeof *fit->param, &fit->param));
  EXSET_TRY(exset_alloc(fit->ctx, most, sizeof *fit->free_index, &fit->free_index));
  const double *voxel = options->voxel;
  const range_t length = {0.2 * fmin(voxel[0], voxel[2]), fit->extent};
  for (int a = 0; a < fit->model.n_fields; a++) add_field(fit, a, options->cylindrical, length);
  for (int i = 0; i < options->n_fixed; i++) EXSET_TRY(fix_named(fit, options->fixed[i], strict));
  for (int i = 0; i < fit->n_params; i++) {
    free_t *param = &fit->param[i];
    if (param->fixed) { /* held where it is, even beyond the bounds */
      param->low = fmin(param->low, *param->value);
      param->high = fmax(param->high, *param->value);
    } else {
      fit->free_index[fit->n_free++] = i;
    }
  }
  return EXSET_OK;
}
