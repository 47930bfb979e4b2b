/*
 * Start values. Field by field, the data's pair probability is divided out of C_ii: L_1 = C_11,
 * L_2 = C_22/M_1 and so on; inverted, it gives the field's correlation at each lag, and the lag at which
 * that has fallen to one half gives a length for each family.
 */
#include "calibrate_impl.h"

#include <math.h>
#include <stdlib.h>

enum { KNOTS_ISOTROPIC = 32, KNOTS_CYLINDRICAL = 16 };

bool start_is_open(const exset_spectrum_t *spectrum) {
  if (spectrum->n_terms > 0) return false;
  double sum = 0;
  const int n = exset_spectrum_knots(spectrum);
  for (int j = 0; spectrum->knots && j < n; j++) sum += spectrum->knots[j];
  return !(sum > 0);
}

/* ---- fractions ---- */

void start_fractions(const data_t *data, double *fraction) {
  double pairs = 0;
  for (int i = 0; i < data->n_phases; i++) fraction[i] = 0;
  for (int g = 0; g < MAX_GROUPS; g++) {
    const exset_coverage_t *c = &data->group[g].pooled;
    if (data->group[g].n_sections == 0) continue;
    pairs += c->pairs[0];
    for (int i = 0; i < data->n_phases; i++)
      fraction[i] += c->pairs[0] * c->c[exset_coverage_index(c, i, i)];
  }
  for (int i = 0; i < data->n_phases; i++) fraction[i] /= pairs;
}

/* ---- lengths ---- */

/* Correlation in [0, 1] at which the pair probability is l: bisection on a rising function. */
static double invert(const exset_pair_t *pair, double l) {
  double low = 0, high = 1;
  for (int step = 0; step < 40; step++) {
    const double rho = (low + high) / 2;
    double value, by_rho, by_p;
    exset_pair_eval(pair, rho, &value, &by_rho, &by_p);
    if (value < l) low = rho;
    else high = rho;
  }
  return (low + high) / 2;
}

/* Lag at which a field's correlation has fallen to 1/2, from its pair probabilities along a curve. */
static double half_lag(const exset_pair_t *pair, int64_t n, const double *lag, const double *l) {
  double before = 1;
  for (int64_t k = 1; k < n; k++) {
    const double rho = invert(pair, l[k]);
    if (rho < 0.5) return lag[k - 1] + (lag[k] - lag[k - 1]) * (before - 0.5) / (before - rho);
    before = rho;
  }
  return lag[n - 1];
}

/* half[n_fields]: half-decay lags along one direction of a group. */
static int half_lags(exset_ctx_t *ctx, const data_t *data, const group_t *group, along_t along,
                     exset_pair_t *const *pair, const double *p, double *half) {
  const int n = data->n_phases;
  const int64_t capacity = curve_capacity(group);
  double *lag, *c, *outside;
  EXSET_TRY(exset_alloc(ctx, capacity, sizeof *lag, &lag));
  EXSET_TRY(exset_alloc(ctx, (n * n + 1) * capacity, sizeof *c, &c));
  EXSET_TRY(exset_alloc(ctx, capacity, sizeof *outside, &outside));
  const int64_t bins = curve_average(group, data->max_lag, along, group->pooled.pairs, n * n,
                                     group->pooled.c, lag, c);
  for (int64_t k = 0; k < bins; k++) outside[k] = 1;
  for (int a = 0; a < n - 1; a++) {
    double *l = c + (int64_t)(a * n + a) * bins;
    for (int64_t k = 0; k < bins; k++) l[k] /= outside[k];
    half[a] = half_lag(pair[a], bins, lag, l);
    for (int64_t k = 0; k < bins; k++) outside[k] *= fmax(1 - 2 * p[a] + l[k], 1e-3);
  }
  free(lag);
  free(c);
  free(outside);
  return EXSET_OK;
}

/* Length of a family from the half-decay lag: exact for gaussian, near enough for the others. */
static double length_of(exset_family_t family, double half) {
  if (family == EXSET_FAMILY_GAUSSIAN) return half / 0.8326; /* exp(-(h/l)^2) = 1/2 */
  if (family == EXSET_FAMILY_RING) return half / 1.8955;     /* sin(q)/q = 1/2 */
  return half / 0.97;                                        /* Matern, nu = 1.5 */
}

/* Fill in lengths of 0; several terms get lengths a factor 3 apart. */
static void fill_terms(exset_spectrum_t *s, bool cylindrical, double half_xy, double half_z) {
  for (int t = 0; t < s->n_terms; t++) {
    exset_term_t *term = &s->term[t];
    const double factor = pow(3, (s->n_terms - 1) / 2.0 - t);
    if (term->length_xy == 0) term->length_xy = factor * length_of(term->family, half_xy);
    if (!cylindrical) term->length_z = term->length_xy;
    if (term->length_z == 0) term->length_z = factor * length_of(term->family, half_z);
    if (term->weight == 0) term->weight = 1;
    if (term->nu == 0) term->nu = 1.5;
    if (term->width == 0) term->width = 0.3;
  }
}

int start_fill(exset_ctx_t *ctx, const data_t *data, const exset_calibrate_options_t *options,
               exset_model_t *model) {
  const int n_fields = model->n_fields;
  double fraction[EXSET_MAX_PHASES], p[EXSET_MAX_FIELDS], rest = 1;
  start_fractions(data, fraction);
  exset_pair_t *pair[EXSET_MAX_FIELDS] = {NULL};
  int err = EXSET_OK;
  for (int a = 0; !err && a < n_fields; a++) {
    p[a] = fmin(fmax(fraction[a] / rest, 1e-4), 1 - 1e-4);
    rest *= 1 - p[a];
    exset_field_t field = model->field[a];
    field.fraction = p[a];
    err = exset_pair_create(ctx, &field, &pair[a]);
    if (model->field[a].fraction == 0) model->field[a].fraction = p[a];
  }
  const group_t *xy = &data->group[PLANES_XY], *z = &data->group[PLANES_Z];
  double half_xy[EXSET_MAX_FIELDS], half_z[EXSET_MAX_FIELDS];
  const along_t across = options->cylindrical ? ALONG_COLS : ALONG_RADIAL;
  if (!err)
    err = xy->n_sections > 0 ? half_lags(ctx, data, xy, ALONG_RADIAL, pair, p, half_xy)
                             : half_lags(ctx, data, z, across, pair, p, half_xy);
  for (int a = 0; a < n_fields; a++) half_z[a] = half_xy[a];
  if (!err && options->cylindrical && z->n_sections > 0)
    err = half_lags(ctx, data, z, ALONG_ROWS, pair, p, half_z);
  for (int a = 0; a < n_fields; a++) exset_pair_destroy(&pair[a]);
  EXSET_TRY(err);
  for (int a = 0; a < n_fields; a++) {
    exset_spectrum_t *s = &model->field[a].spectrum;
    fill_terms(s, options->cylindrical, half_xy[a], half_z[a]);
  }
  return EXSET_OK;
}

/* ---- splines ---- */

/* Default range: 0.6 rad in units of 1/length between centres resolves a spectrum of that length. */
static double default_range(int n, double length, double voxel) {
  return fmin(M_PI / voxel, 0.6 * (n - 1) / length);
}

int start_knots(exset_ctx_t *ctx, const exset_calibrate_options_t *options,
                const exset_spectrum_t *like, exset_spectrum_t *spectrum) {
  exset_spectrum_t *s = spectrum;
  const exset_term_t *term = &like->term[0];
  if (s->knots_r == 0) {
    s->knots_r = options->cylindrical ? KNOTS_CYLINDRICAL : KNOTS_ISOTROPIC;
    s->knots_z = options->cylindrical ? KNOTS_CYLINDRICAL : 0;
  }
  if (s->knots_max_r == 0) {
    s->knots_max_r = default_range(s->knots_r, term->length_xy, options->voxel[EXSET_AXIS_X]);
    if (s->knots_z > 0)
      s->knots_max_z = default_range(s->knots_z, term->length_z, options->voxel[EXSET_AXIS_Z]);
  }
  free(s->knots);
  s->knots = NULL;
  EXSET_TRY(exset_alloc(ctx, exset_spectrum_knots(s), sizeof(double), &s->knots));
  const int nz = s->knots_z > 0 ? s->knots_z : 1;
  const double peak = exset_term_log_density(term, 0, 0);
  for (int r = 0; r < s->knots_r; r++) {
    for (int z = 0; z < nz; z++) {
      const double kr = s->knots_max_r * r / (s->knots_r - 1);
      const double kz = nz > 1 ? s->knots_max_z * z / (nz - 1) : 0;
      s->knots[r * nz + z] = exp(fmax(exset_term_log_density(term, kr * kr, kz * kz) - peak, -20));
    }
  }
  return EXSET_OK;
}
