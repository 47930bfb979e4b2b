/*
 * The loss and its exact gradient. For each group of sections, with S_2 the spectra's projection on a section of the
 * calibration grid: rho(h_1, h_2) = sum over modes of multiplicity * S_2 * cos(k_1 h_1) cos(k_2 h_2), two
 * small matrix products; then the closed forms of C_ij and the squared distance to the data. The
 * gradient runs the same steps backwards.
 */
#include "calibrate_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAGS_WANTED = 4000 }; /* more are thinned out beyond NEAR pixels */
enum { NEAR = 12 };

/* c[n][m] = a[n][k] b[k][m] */
static void matrix_product(int64_t n, int64_t k, int64_t m, const double *a, const double *b,
                           double *restrict c) {
  for (int64_t i = 0; i < n; i++) {
    double *restrict row = c + i * m;
    memset(row, 0, (size_t)m * sizeof *row);
    for (int64_t l = 0; l < k; l++) {
      const double factor = a[i * k + l];
      const double *b_row = b + l * m;
      for (int64_t j = 0; j < m; j++) row[j] += factor * b_row[j];
    }
  }
}

/* ---- building ---- */

/* cos(2 pi k h / n) for lags h < n_lags and modes k < n_modes, and its transpose. */
static int cosine_table(exset_ctx_t *ctx, int64_t n_lags, int64_t n_modes, int64_t n,
                        double **table, double **transpose) {
  EXSET_TRY(exset_alloc(ctx, n_lags * n_modes, sizeof(double), table));
  EXSET_TRY(exset_alloc(ctx, n_lags * n_modes, sizeof(double), transpose));
  for (int64_t h = 0; h < n_lags; h++) {
    for (int64_t k = 0; k < n_modes; k++) {
      const double value = cos(2 * M_PI * (double)(h * k % n) / (double)n);
      (*table)[h * n_modes + k] = (*transpose)[k * n_lags + h] = value;
    }
  }
  return EXSET_OK;
}

/* Which product lags enter the loss: |h| <= max_lag; of many, those far out are thinned to every
 * stride-th in both directions, which stand for the ones left out. */
static int choose_lags(exset_ctx_t *ctx, plane_t *plane, double max_lag) {
  const group_t *g = plane->group;
  const int64_t n = g->size[0] * g->size[1];
  const int64_t stride = (int64_t)ceil(sqrt((double)n / LAGS_WANTED));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plane->lag, &plane->lag));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plane->share, &plane->share));
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plane->weight, &plane->weight));
  for (int64_t k = 0; k < n; k++) {
    const int64_t i = k / g->size[1], j = k % g->size[1];
    const double h = hypot((double)i * g->pixel[0], (double)j * g->pixel[1]);
    const bool near = i <= NEAR && j <= NEAR;
    if (h > max_lag * (1 + 1e-9) || (!near && (i % stride || j % stride))) continue;
    plane->lag[plane->n_lags] = k;
    plane->share[plane->n_lags++] = near ? 1 : (double)(stride * stride);
  }
  return EXSET_OK;
}

static int plane_create(exset_ctx_t *ctx, const data_t *data, int n_fields, const int64_t grid[3],
                        const double voxel[3], const group_t *group, plane_t *plane) {
  *plane = (plane_t){.group = group};
  const bool xy = group->kind == PLANES_XY;
  const int64_t n[2] = {grid[xy ? EXSET_AXIS_Y : EXSET_AXIS_Z], grid[EXSET_AXIS_X]};
  for (int a = 0; a < n_fields; a++)
    EXSET_TRY(exset_projection_create(ctx, grid, voxel, xy ? EXSET_AXIS_Z : EXSET_AXIS_Y,
                                      &plane->projection[a]));
  exset_projection_shape(plane->projection[0], &plane->rows, &plane->cols, &plane->multiplicity);
  const int64_t modes = plane->rows * plane->cols, all = group->size[0] * group->size[1];
  EXSET_TRY(cosine_table(ctx, group->size[0], plane->rows, n[0], &plane->cos1, &plane->cos1_t));
  EXSET_TRY(cosine_table(ctx, group->size[1], plane->cols, n[1], &plane->cos2, &plane->cos2_t));
  EXSET_TRY(choose_lags(ctx, plane, data->max_lag));
  const int64_t functions = (int64_t)data->n_phases * data->n_phases;
  EXSET_TRY(exset_alloc(ctx, n_fields * modes, sizeof(double), &plane->s2));
  EXSET_TRY(exset_alloc(ctx, n_fields * all, sizeof(double), &plane->rho));
  EXSET_TRY(exset_alloc(ctx, n_fields * all, sizeof(double), &plane->d_rho));
  EXSET_TRY(exset_alloc(ctx, functions * plane->n_lags, sizeof(double), &plane->data));
  EXSET_TRY(exset_alloc(ctx, functions * all, sizeof(double), &plane->c));
  EXSET_TRY(exset_alloc(ctx, functions * plane->n_lags, sizeof(double), &plane->d_c));
  const int64_t side = (plane->rows + group->size[0]) * (plane->cols + group->size[1]);
  EXSET_TRY(exset_alloc(ctx, side, sizeof(double), &plane->work));
  return exset_alloc(ctx, side, sizeof(double), &plane->square);
}

static void plane_clear(plane_t *plane) {
  for (int a = 0; a < EXSET_MAX_FIELDS; a++) exset_projection_destroy(&plane->projection[a]);
  double *arrays[] = {plane->share,  plane->cos1, plane->cos1_t, plane->cos2,  plane->cos2_t,
                      plane->weight, plane->data, plane->s2,     plane->rho,   plane->d_rho,
                      plane->c,      plane->d_c,  plane->work,   plane->square};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
  free(plane->lag);
  free(plane->drawn);
}

static bool has_ring(const exset_model_t *model) {
  for (int a = 0; a < model->n_fields; a++)
    for (int t = 0; t < model->field[a].spectrum.n_terms; t++)
      if (model->field[a].spectrum.term[t].family == EXSET_FAMILY_RING) return true;
  return false;
}

/* A grid on which a field of the data's range does not feel its periodic images. The oscillations of a narrow ring
 * outlast the lags. */
static void choose_grid(const data_t *data, const exset_model_t *model, const double voxel[3],
                        int64_t grid[3]) {
  const double edge = (has_ring(model) ? 6.4 : 3.2) * data->max_lag;
  for (int d = 0; d < 3; d++) {
    const int64_t n = (int64_t)ceil(edge / voxel[d]);
    grid[d] = (n < 32 ? 32 : n) + n % 2;
  }
}

int fit_create(exset_ctx_t *ctx, const data_t *data, const exset_model_t *model,
               const exset_calibrate_options_t *options, bool strict, fit_t *fit) {
  *fit = (fit_t){.ctx = ctx, .n_phases = data->n_phases, .smoothness = options->smoothness};
  EXSET_TRY(exset_model_copy(ctx, model, &fit->model));
  EXSET_TRY(exset_model_copy(ctx, model, &fit->grad));
  choose_grid(data, model, options->voxel, fit->grid);
  for (int kind = 0; kind < MAX_GROUPS; kind++) {
    const group_t *group = &data->group[kind];
    if (group->n_sections == 0) continue;
    fit->extent = fmax(fit->extent, group->extent);
    EXSET_TRY(plane_create(ctx, data, model->n_fields, fit->grid, options->voxel, group,
                           &fit->plane[fit->n_planes++]));
  }
  EXSET_TRY(fit_params_create(fit, options, strict));
  return fit_set_data(fit, data, 0, -1);
}

void fit_clear(fit_t *fit) {
  for (int p = 0; p < fit->n_planes; p++) plane_clear(&fit->plane[p]);
  exset_model_clear(&fit->model);
  exset_model_clear(&fit->grad);
  free(fit->param);
  free(fit->free_index);
  *fit = (fit_t){0};
}

/* Weights: pairs at each lag, times the number of lags it stands for. */
static void plane_take(plane_t *plane, const exset_coverage_t *c, double *total, double *signal) {
  const int n = c->n_phases;
  for (int64_t l = 0; l < plane->n_lags; l++) {
    const int64_t k = plane->lag[l];
    plane->weight[l] = c->pairs[k] * plane->share[l];
    *total += plane->weight[l];
    for (int a = 0; a < n; a++) {
      for (int b = 0; b < n; b++) {
        const double value = c->c[exset_coverage_index(c, a, b) + k];
        plane->data[(a * n + b) * plane->n_lags + l] = value;
        const double far =
            c->c[exset_coverage_index(c, a, a)] * c->c[exset_coverage_index(c, b, b)];
        if (b >= a) *signal += plane->weight[l] * (value - far) * (value - far);
      }
    }
  }
}

int fit_set_data(fit_t *fit, const data_t *data, int g, int skip) {
  double total = 0, signal = 0;
  for (int p = 0; p < fit->n_planes; p++) {
    const group_t *group = fit->plane[p].group;
    if (skip < 0 || group != &data->group[g]) {
      plane_take(&fit->plane[p], &group->pooled, &total, &signal);
      continue;
    }
    exset_coverage_t pooled = {0};
    EXSET_TRY(exset_coverage_pool(fit->ctx, group->n_sections, group->section, skip, &pooled));
    plane_take(&fit->plane[p], &pooled, &total, &signal);
    exset_coverage_clear(&pooled);
  }
  fit->total_weight = total;
  fit->unit = signal / total;
  return EXSET_OK;
}

/* ---- evaluating ---- */

/* rho of all fields at all product lags. */
static int correlations(fit_t *fit, plane_t *plane) {
  const int64_t modes = plane->rows * plane->cols;
  const int64_t n1 = plane->group->size[0], n2 = plane->group->size[1];
  for (int a = 0; a < fit->model.n_fields; a++) {
    double *s2 = plane->s2 + a * modes, *rho = plane->rho + a * n1 * n2;
    EXSET_TRY(exset_projection_apply(plane->projection[a], &fit->model.field[a].spectrum, s2));
    for (int64_t k = 0; k < modes; k++) s2[k] *= plane->multiplicity[k];
    matrix_product(n1, plane->rows, plane->cols, plane->cos1, s2, plane->work);
    matrix_product(n1, plane->cols, n2, plane->work, plane->cos2_t, rho);
    for (int64_t k = 0; k < n1 * n2; k++) rho[k] = fmax(-1, fmin(1, rho[k]));
    rho[0] = 1; /* normalised: exact at lag 0 */
  }
  return EXSET_OK;
}

/* The lags in use from all product lags, for each field: in place, n_lags apart. */
static void gather(const plane_t *plane, int n_fields, double *rho) {
  const int64_t all = plane->group->size[0] * plane->group->size[1];
  for (int a = 0; a < n_fields; a++)
    for (int64_t l = 0; l < plane->n_lags; l++)
      rho[a * plane->n_lags + l] = rho[a * all + plane->lag[l]];
}

/* From d_rho at the lags in use to the spectrum's numbers. */
static int correlations_adjoint(fit_t *fit, plane_t *plane, int a) {
  const int64_t n1 = plane->group->size[0], n2 = plane->group->size[1];
  const int64_t modes = plane->rows * plane->cols;
  double *full = plane->square, *d_s2 = plane->square + n1 * n2;
  memset(full, 0, (size_t)(n1 * n2) * sizeof *full);
  for (int64_t l = 0; l < plane->n_lags; l++)
    full[plane->lag[l]] = plane->d_rho[a * plane->n_lags + l];
  full[0] = 0; /* rho(0) is 1 whatever the parameters */
  matrix_product(n1, n2, plane->cols, full, plane->cos2, plane->work);
  matrix_product(plane->rows, n1, plane->cols, plane->cos1_t, plane->work, d_s2);
  for (int64_t k = 0; k < modes; k++) d_s2[k] *= plane->multiplicity[k];
  return exset_projection_adjoint(plane->projection[a], &fit->model.field[a].spectrum, d_s2,
                                  &fit->grad.field[a].spectrum);
}

/* Squared distance of one group, and d_c. */
static double distance(const fit_t *fit, plane_t *plane) {
  const int n = fit->n_phases;
  double sum = 0;
  memset(plane->d_c, 0, (size_t)(n * n * plane->n_lags) * sizeof *plane->d_c);
  for (int i = 0; i < n; i++) {
    for (int j = i; j < n; j++) {
      const int64_t at = (i * n + j) * plane->n_lags;
      for (int64_t l = 0; l < plane->n_lags; l++) {
        const double r = plane->c[at + l] - plane->data[at + l], w = plane->weight[l];
        sum += w * r * r;
        plane->d_c[at + l] = 2 * w * r;
      }
    }
  }
  return sum;
}

static int plane_loss(fit_t *fit, plane_t *plane, exset_pair_t *const *pair, bool with_gradient,
                      double *loss) {
  const int n_fields = fit->model.n_fields;
  double fraction[EXSET_MAX_FIELDS], d_fraction[EXSET_MAX_FIELDS] = {0};
  for (int a = 0; a < n_fields; a++) fraction[a] = fit->model.field[a].fraction;
  EXSET_TRY(correlations(fit, plane));
  gather(plane, n_fields, plane->rho);
  exset_coverage_model(n_fields, pair, fraction, plane->n_lags, plane->rho, plane->c);
  *loss += distance(fit, plane);
  if (!with_gradient) return EXSET_OK;
  memset(plane->d_rho, 0, (size_t)(n_fields * plane->n_lags) * sizeof(double));
  exset_coverage_model_adjoint(n_fields, pair, fraction, plane->n_lags, plane->rho, plane->d_c,
                               plane->d_rho, d_fraction);
  for (int a = 0; a < n_fields; a++) {
    EXSET_TRY(correlations_adjoint(fit, plane, a));
    fit->grad.field[a].fraction += d_fraction[a];
  }
  return EXSET_OK;
}

/* Mean square of the second differences of log c along one axis; adds to the gradient by log c. */
static double roughness(int n, int64_t step, const double *c, double share, double *grad) {
  double sum = 0;
  for (int j = 1; j + 1 < n; j++) {
    const double second = log(c[(j - 1) * step] * c[(j + 1) * step] / (c[j * step] * c[j * step]));
    sum += share * second * second;
    grad[(j - 1) * step] += 2 * share * second / c[(j - 1) * step];
    grad[(j + 1) * step] += 2 * share * second / c[(j + 1) * step];
    grad[j * step] -= 4 * share * second / c[j * step];
  }
  return sum;
}

double fit_penalty(fit_t *fit, double scale) {
  double sum = 0;
  for (int a = 0; a < fit->model.n_fields; a++) {
    const exset_spectrum_t *s = &fit->model.field[a].spectrum;
    double *grad = fit->grad.field[a].spectrum.knots;
    if (s->knots_r == 0) continue;
    const int nz = s->knots_z > 0 ? s->knots_z : 1;
    const double share = scale / ((double)s->knots_r * nz);
    for (int z = 0; z < nz; z++) sum += roughness(s->knots_r, nz, s->knots + z, share, grad + z);
    for (int r = 0; r < s->knots_r; r++)
      sum += roughness(nz, 1, s->knots + r * nz, share, grad + r * nz);
  }
  return sum;
}

void fit_zero_gradient(fit_t *fit) {
  for (int a = 0; a < fit->grad.n_fields; a++) {
    exset_spectrum_t *s = &fit->grad.field[a].spectrum;
    fit->grad.field[a].fraction = fit->grad.field[a].coupling = s->nugget = 0;
    for (int t = 0; t < s->n_terms; t++) {
      exset_term_t *term = &s->term[t];
      term->weight = term->length_xy = term->length_z = term->nu = term->width = 0;
    }
    const int n = exset_spectrum_knots(s);
    for (int j = 0; j < n; j++) s->knots[j] = 0;
  }
}

int fit_loss(fit_t *fit, const double *theta, double *loss, double *gradient) {
  fit_set_theta(fit, theta);
  fit_zero_gradient(fit);
  fit->evaluations++;
  exset_pair_t *pair[EXSET_MAX_FIELDS] = {NULL};
  int err = EXSET_OK;
  double sum = 0;
  for (int a = 0; !err && a < fit->model.n_fields; a++)
    err = exset_pair_create(fit->ctx, &fit->model.field[a], &pair[a]);
  for (int p = 0; !err && p < fit->n_planes; p++)
    err = plane_loss(fit, &fit->plane[p], pair, gradient != NULL, &sum);
  for (int a = 0; a < fit->model.n_fields; a++) exset_pair_destroy(&pair[a]);
  EXSET_TRY(err);
  const double unit = fit->total_weight * fit->unit;
  sum += fit_penalty(fit, fit->smoothness * unit);
  *loss = sum / unit;
  if (gradient) fit_theta_gradient(fit, 1 / unit, gradient);
  return EXSET_OK;
}

int fit_plain_loss(fit_t *fit, double *loss) {
  double *theta;
  EXSET_TRY(exset_alloc(fit->ctx, fit->n_free, sizeof *theta, &theta));
  const double smoothness = fit->smoothness;
  fit->smoothness = 0;
  fit_get_theta(fit, theta);
  const int err = fit_loss(fit, theta, loss, NULL);
  fit->smoothness = smoothness;
  *loss *= fit->unit;
  free(theta);
  return err;
}

int fit_model_coverage(fit_t *fit, int p, double *c) {
  plane_t *plane = &fit->plane[p];
  const int n_fields = fit->model.n_fields;
  const int64_t size =
      (int64_t)fit->n_phases * fit->n_phases * plane->group->size[0] * plane->group->size[1];
  if (plane->drawn) {
    memcpy(c, plane->drawn, (size_t)size * sizeof *c);
    return EXSET_OK;
  }
  exset_pair_t *pair[EXSET_MAX_FIELDS] = {NULL};
  double fraction[EXSET_MAX_FIELDS];
  int err = EXSET_OK;
  for (int a = 0; !err && a < n_fields; a++) {
    fraction[a] = fit->model.field[a].fraction;
    err = exset_pair_create(fit->ctx, &fit->model.field[a], &pair[a]);
  }
  if (!err) err = correlations(fit, plane);
  if (!err)
    exset_coverage_model(n_fields, pair, fraction, plane->group->size[0] * plane->group->size[1],
                         plane->rho, c);
  for (int a = 0; a < n_fields; a++) exset_pair_destroy(&pair[a]);
  return err;
}
