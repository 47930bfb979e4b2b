/*
 * Projection of spectra on sections, and its adjoint.
 *
 * A term's density depends on q^2 = (in-plane part) + (l_n k_n)^2 only, so that its sum over the
 * normal index is a function G of the in-plane q alone. Gaussian terms have it in closed form; for
 * the others log G is tabulated over u = asinh(q) and interpolated with cubic Lagrange polynomials.
 * The nodes are fixed, so that the derivatives of the interpolated values are exact too.
 * Knots spectra are linear in their coefficients: the projection is one matrix, made once.
 */
#include "exset/field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct exset_projection_s {
  exset_ctx_t *ctx;
  bool normal_is_z;
  int64_t rows, cols, n_normal; /* quadrant of the section; non-negative indices along the normal */
  double plane_modes;           /* modes of the whole section */
  double *k2_row, *k2_col, *k2_normal; /* squared wavenumbers */
  double *mult_normal;                 /* 1 or 2 */
  double *multiplicity;                /* [rows][cols] */
  /* knots matrix of the last shape seen: [rows * cols][knots], and its sums over the section */
  int knots_r, knots_z;
  double knots_max_r, knots_max_z;
  double *matrix, *matrix_sum;
};

static double index_multiplicity(int64_t i, int64_t n) {
  return i == 0 || 2 * i == n ? 1 : 2;
}

static int make_axis(exset_ctx_t *ctx, int64_t n, double voxel, int64_t *count, double **k2) {
  *count = n / 2 + 1;
  EXSET_TRY(exset_alloc(ctx, *count, sizeof(double), k2));
  for (int64_t i = 0; i < *count; i++) {
    const double k = exset_wavenumber(i, n, voxel);
    (*k2)[i] = k * k;
  }
  return EXSET_OK;
}

static int setup(exset_projection_t *p, const int64_t n[3], const double voxel[3], int normal) {
  const int row = normal == EXSET_AXIS_Z ? EXSET_AXIS_Y : EXSET_AXIS_Z;
  const int col = normal == EXSET_AXIS_X ? EXSET_AXIS_Y : EXSET_AXIS_X;
  p->normal_is_z = normal == EXSET_AXIS_Z;
  p->plane_modes = (double)n[row] * (double)n[col];
  EXSET_TRY(make_axis(p->ctx, n[row], voxel[row], &p->rows, &p->k2_row));
  EXSET_TRY(make_axis(p->ctx, n[col], voxel[col], &p->cols, &p->k2_col));
  EXSET_TRY(make_axis(p->ctx, n[normal], voxel[normal], &p->n_normal, &p->k2_normal));
  EXSET_TRY(exset_alloc(p->ctx, p->n_normal, sizeof(double), &p->mult_normal));
  EXSET_TRY(exset_alloc(p->ctx, p->rows * p->cols, sizeof(double), &p->multiplicity));
  for (int64_t i = 0; i < p->n_normal; i++) p->mult_normal[i] = index_multiplicity(i, n[normal]);
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t j = 0; j < p->cols; j++)
      p->multiplicity[i * p->cols + j] =
          index_multiplicity(i, n[row]) * index_multiplicity(j, n[col]);
  return EXSET_OK;
}

int exset_projection_create(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3], int normal,
                            exset_projection_t **projection) {
  EXSET_TRY(exset_alloc(ctx, 1, sizeof **projection, projection));
  (*projection)->ctx = ctx;
  const int err = setup(*projection, n, voxel, normal);
  if (err) exset_projection_destroy(projection);
  return err;
}

int exset_projection_destroy(exset_projection_t **projection) {
  exset_projection_t *p = *projection;
  if (!p) return EXSET_OK;
  double *const owned[] = {p->k2_row,       p->k2_col, p->k2_normal, p->mult_normal,
                           p->multiplicity, p->matrix, p->matrix_sum};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
  free(p);
  *projection = NULL;
  return EXSET_OK;
}

void exset_projection_shape(const exset_projection_t *projection, int64_t *rows, int64_t *cols,
                            const double **multiplicity) {
  *rows = projection->rows;
  *cols = projection->cols;
  *multiplicity = projection->multiplicity;
}

/* ---- one term: log G over the section ---- */

typedef struct {
  double step;     /* of u; 0: closed form (Gaussian), one value `constant` */
  int64_t n;       /* nodes */
  double *log_g;   /* [n] */
  double constant; /* Gaussian: log of the sum over the normal */
} table_t;

/* Lengths by direction: rows, columns, normal. */
typedef struct {
  double row, col, normal;
} lengths_t;

static lengths_t lengths_of(const exset_projection_t *p, const exset_term_t *term) {
  if (p->normal_is_z) return (lengths_t){term->length_xy, term->length_xy, term->length_z};
  return (lengths_t){term->length_z, term->length_xy, term->length_xy};
}

static double in_plane_q2(const exset_projection_t *p, lengths_t l, int64_t i, int64_t j) {
  return l.row * l.row * p->k2_row[i] + l.col * l.col * p->k2_col[j];
}

/* log f at q^2: the term with unit lengths. */
static double log_density(const exset_term_t *term, double q2) {
  exset_term_t unit = *term;
  unit.length_xy = 1;
  return exset_term_log_density(&unit, q2, 0);
}

/* log of sum over the normal index of f(q2 + (l_n k_n)^2); weight[n_normal] gets each share if wanted. */
static double log_normal_sum(const exset_projection_t *p, const exset_term_t *term, double l_normal,
                             double q2, double *weight) {
  double highest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < p->n_normal; i++) {
    weight[i] = log_density(term, q2 + l_normal * l_normal * p->k2_normal[i]);
    if (weight[i] > highest) highest = weight[i];
  }
  for (int64_t i = 0; i < p->n_normal; i++) {
    weight[i] = p->mult_normal[i] * exp(weight[i] - highest);
    sum += weight[i];
  }
  for (int64_t i = 0; i < p->n_normal; i++) weight[i] /= sum;
  return highest + log(sum);
}

/* Node spacing in u: rings are sharper than Matern spectra. */
static double table_step(exset_family_t family) {
  switch (family) {
    case EXSET_FAMILY_GAUSSIAN:
      return 0;
    case EXSET_FAMILY_MATERN:
      return 0.02;
    case EXSET_FAMILY_RING:
      return 0.004;
  }
  return 0.004;
}

static int make_table(const exset_projection_t *p, const exset_term_t *term, table_t *table) {
  const lengths_t l = lengths_of(p, term);
  double *weight;
  *table = (table_t){.step = table_step(term->family)};
  EXSET_TRY(exset_alloc(p->ctx, p->n_normal, sizeof(double), &weight));
  int err = EXSET_OK;
  if (table->step == 0) {
    table->constant = log_normal_sum(p, term, l.normal, 0, weight);
  } else {
    const double u_max = asinh(sqrt(in_plane_q2(p, l, p->rows - 1, p->cols - 1)));
    table->n = (int64_t)(u_max / table->step) + 4;
    err = exset_alloc(p->ctx, table->n, sizeof(double), &table->log_g);
    for (int64_t j = 0; !err && j < table->n; j++) {
      const double q = sinh((double)j * table->step);
      table->log_g[j] = log_normal_sum(p, term, l.normal, q * q, weight);
    }
  }
  free(weight);
  return err;
}

/* First of the four nodes around u, the four Lagrange weights and their derivatives by u. */
static int64_t lagrange(const table_t *table, double u, double w[4], double dw[4]) {
  const double per_step = 1 / table->step, position = u * per_step;
  int64_t first = (int64_t)position - 1;
  if (first < 0) first = 0;
  if (first > table->n - 4) first = table->n - 4;
  const double x = position - (double)first, sixth = per_step / 6, half = per_step / 2;
  const double a = x, b = x - 1, c = x - 2, d = x - 3;
  w[0] = -b * c * d / 6;
  w[1] = a * c * d / 2;
  w[2] = -a * b * d / 2;
  w[3] = a * b * c / 6;
  dw[0] = -(c * d + b * d + b * c) * sixth;
  dw[1] = (c * d + a * d + a * c) * half;
  dw[2] = -(b * d + a * d + a * b) * half;
  dw[3] = (b * c + a * c + a * b) * sixth;
  return first;
}

static double table_value(const table_t *table, double q2) {
  if (table->step == 0) return table->constant - q2 / 4;
  double w[4], dw[4];
  const double *g = table->log_g + lagrange(table, asinh(sqrt(q2)), w, dw);
  return w[0] * g[0] + w[1] * g[1] + w[2] * g[2] + w[3] * g[3];
}

/* Normalised projection of one term, part[rows][cols]: sums to 1 with multiplicities. */
static void term_part(const exset_projection_t *p, const exset_term_t *term, const table_t *table,
                      double *part) {
  const lengths_t l = lengths_of(p, term);
  double highest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t j = 0; j < p->cols; j++) {
      const double log_g = table_value(table, in_plane_q2(p, l, i, j));
      part[i * p->cols + j] = log_g;
      if (log_g > highest) highest = log_g;
    }
  const int64_t modes = p->rows * p->cols;
  for (int64_t m = 0; m < modes; m++) {
    part[m] = exp(part[m] - highest);
    sum += p->multiplicity[m] * part[m];
  }
  for (int64_t m = 0; m < modes; m++) part[m] /= sum;
}

static double total_weight(const exset_spectrum_t *spectrum) {
  double sum = 0;
  for (int t = 0; t < spectrum->n_terms; t++) sum += spectrum->term[t].weight;
  return sum;
}

/* ---- knots ---- */

static bool matrix_fits(const exset_projection_t *p, const exset_spectrum_t *s) {
  return p->matrix && p->knots_r == s->knots_r && p->knots_z == s->knots_z &&
         p->knots_max_r == s->knots_max_r && p->knots_max_z == s->knots_max_z;
}

/* Add the splines at (k_r, k_z) times mult to one row of the matrix. */
static void add_splines(const exset_spectrum_t *s, double kr2, double kz2, double mult,
                        double *row) {
  int ir[4], iz[4];
  double br[4], bz[4];
  if (s->knots_z == 0) {
    const int n = exset_knots_basis(s->knots_r, s->knots_max_r, sqrt(kr2 + kz2), ir, br);
    for (int a = 0; a < n; a++) row[ir[a]] += mult * br[a];
    return;
  }
  const int nr = exset_knots_basis(s->knots_r, s->knots_max_r, sqrt(kr2), ir, br);
  const int nz = exset_knots_basis(s->knots_z, s->knots_max_z, sqrt(kz2), iz, bz);
  for (int a = 0; a < nr; a++)
    for (int b = 0; b < nz; b++) row[ir[a] * s->knots_z + iz[b]] += mult * br[a] * bz[b];
}

static int make_matrix(exset_projection_t *p, const exset_spectrum_t *s) {
  if (matrix_fits(p, s)) return EXSET_OK;
  const int n = exset_spectrum_knots(s);
  free(p->matrix);
  free(p->matrix_sum);
  p->matrix = p->matrix_sum = NULL;
  EXSET_TRY(exset_alloc(p->ctx, p->rows * p->cols, sizeof(double) * (size_t)n, &p->matrix));
  EXSET_TRY(exset_alloc(p->ctx, n, sizeof(double), &p->matrix_sum));
  p->knots_r = s->knots_r;
  p->knots_z = s->knots_z;
  p->knots_max_r = s->knots_max_r;
  p->knots_max_z = s->knots_max_z;
  for (int64_t i = 0; i < p->rows; i++)
    for (int64_t j = 0; j < p->cols; j++) {
      const int64_t mode = i * p->cols + j;
      double *row = p->matrix + mode * n;
      for (int64_t k = 0; k < p->n_normal; k++) {
        const double k2 = p->k2_normal[k];
        if (p->normal_is_z) add_splines(s, p->k2_row[i] + p->k2_col[j], k2, p->mult_normal[k], row);
        else add_splines(s, p->k2_col[j] + k2, p->k2_row[i], p->mult_normal[k], row);
      }
      for (int c = 0; c < n; c++) p->matrix_sum[c] += p->multiplicity[mode] * row[c];
    }
  return EXSET_OK;
}

/* Several partial sums, so that the loop vectorises without reordering by the compiler. */
static double dot(int64_t n, const double *a, const double *b) {
  enum { LANES = 8 };
  double part[LANES] = {0}, sum = 0;
  const int64_t whole = n - n % LANES;
  for (int64_t i = 0; i < whole; i += LANES)
    for (int l = 0; l < LANES; l++) part[l] += a[i + l] * b[i + l];
  for (int64_t i = whole; i < n; i++) sum += a[i] * b[i];
  for (int l = 0; l < LANES; l++) sum += part[l];
  return sum;
}

/* Normalised projection of the splines, part[rows][cols]. */
static void knots_part(const exset_projection_t *p, const exset_spectrum_t *s, double *part) {
  const int n = exset_spectrum_knots(s);
  const double norm = dot(n, s->knots, p->matrix_sum);
  for (int64_t m = 0; m < p->rows * p->cols; m++)
    part[m] = dot(n, s->knots, p->matrix + m * n) / norm;
}

/* ---- apply ---- */

int exset_projection_apply(exset_projection_t *p, const exset_spectrum_t *spectrum, double *s2) {
  const int64_t modes = p->rows * p->cols;
  const double colored = 1 - spectrum->nugget, weights = total_weight(spectrum);
  double *part;
  EXSET_TRY(exset_alloc(p->ctx, modes, sizeof(double), &part));
  int err = EXSET_OK;
  for (int64_t m = 0; m < modes; m++) s2[m] = spectrum->nugget / p->plane_modes;
  if (spectrum->knots_r > 0) {
    err = make_matrix(p, spectrum);
    if (!err) knots_part(p, spectrum, part);
    for (int64_t m = 0; !err && m < modes; m++) s2[m] += colored * part[m];
  }
  for (int t = 0; !err && t < spectrum->n_terms; t++) {
    const exset_term_t *term = &spectrum->term[t];
    const double share = colored * term->weight / weights;
    table_t table = {0};
    err = make_table(p, term, &table);
    if (!err) term_part(p, term, &table, part);
    for (int64_t m = 0; !err && m < modes; m++) s2[m] += share * part[m];
    free(table.log_g);
  }
  free(part);
  return err;
}

/* ---- adjoint ---- */

/* d log f / d q^2, d nu, d width at q^2. */
static void log_density_derivatives(const exset_term_t *term, double q2, double *d_q2, double *d_nu,
                                    double *d_width) {
  *d_q2 = *d_nu = *d_width = 0;
  switch (term->family) {
    case EXSET_FAMILY_GAUSSIAN:
      *d_q2 = -0.25;
      return;
    case EXSET_FAMILY_MATERN: {
      const double base = 2 * term->nu + q2;
      *d_q2 = -(term->nu + 1.5) / base;
      *d_nu = -log(base) - 2 * (term->nu + 1.5) / base;
      return;
    }
    case EXSET_FAMILY_RING: {
      const double q = sqrt(q2), w = term->width;
      *d_q2 = q > 0 ? -(q - 1) / (w * w) / (2 * q) : 0;
      *d_width = (q - 1) * (q - 1) / (w * w * w);
      return;
    }
  }
}

/* Derivatives through one table node, given the loss's derivative by its log G. */
static void node_adjoint(const exset_projection_t *p, const exset_term_t *term, double l_normal,
                         double q2, double loss_node, double *weight, double *loss_normal,
                         exset_term_t *grad) {
  log_normal_sum(p, term, l_normal, q2, weight);
  for (int64_t i = 0; i < p->n_normal; i++) {
    double d_q2, d_nu, d_width;
    const double k2 = p->k2_normal[i];
    log_density_derivatives(term, q2 + l_normal * l_normal * k2, &d_q2, &d_nu, &d_width);
    *loss_normal += loss_node * weight[i] * d_q2 * 2 * l_normal * k2;
    grad->nu += loss_node * weight[i] * d_nu;
    grad->width += loss_node * weight[i] * d_width;
  }
}

/* Derivative of the interpolated log G by q^2, adding the loss to the nodes it came from. */
static double spread_to_nodes(const table_t *table, double q2, double loss, double *loss_node) {
  if (table->step == 0) {
    loss_node[0] += loss;
    return -0.25;
  }
  double w[4], dw[4];
  const double q = sqrt(q2);
  const int64_t first = lagrange(table, asinh(q), w, dw);
  double slope = 0;
  for (int a = 0; a < 4; a++) {
    loss_node[first + a] += loss * w[a];
    slope += dw[a] * table->log_g[first + a];
  }
  return q > 0 ? slope / sqrt(1 + q2) / (2 * q) : 0;
}

/* loss[rows][cols]: derivatives by the term's log G at each mode. */
static int term_adjoint(const exset_projection_t *p, const exset_term_t *term, const table_t *table,
                        const double *loss, exset_term_t *grad) {
  const lengths_t l = lengths_of(p, term);
  lengths_t d = {0, 0, 0};
  const int64_t nodes = table->step == 0 ? 1 : table->n;
  double *loss_node = NULL, *weight = NULL;
  int err = exset_alloc(p->ctx, nodes, sizeof(double), &loss_node);
  if (!err) err = exset_alloc(p->ctx, p->n_normal, sizeof(double), &weight);
  for (int64_t i = 0; !err && i < p->rows; i++)
    for (int64_t j = 0; j < p->cols; j++) {
      const double h = loss[i * p->cols + j];
      const double by_q2 = h * spread_to_nodes(table, in_plane_q2(p, l, i, j), h, loss_node);
      d.row += by_q2 * 2 * l.row * p->k2_row[i];
      d.col += by_q2 * 2 * l.col * p->k2_col[j];
    }
  for (int64_t j = 0; !err && j < nodes; j++) {
    const double q = sinh((double)j * table->step);
    node_adjoint(p, term, l.normal, q * q, loss_node[j], weight, &d.normal, grad);
  }
  if (p->normal_is_z) {
    grad->length_xy += d.row + d.col;
    grad->length_z += d.normal;
  } else {
    grad->length_z += d.row;
    grad->length_xy += d.col + d.normal;
  }
  free(loss_node);
  free(weight);
  return err;
}

static void knots_adjoint(const exset_projection_t *p, const exset_spectrum_t *s, double share,
                          const double *part, const double *loss_s2, double *grad) {
  const int n = exset_spectrum_knots(s);
  const double norm = dot(n, s->knots, p->matrix_sum);
  const double mean = dot(p->rows * p->cols, loss_s2, part);
  for (int64_t m = 0; m < p->rows * p->cols; m++)
    for (int c = 0; c < n; c++) grad[c] += share / norm * loss_s2[m] * p->matrix[m * n + c];
  for (int c = 0; c < n; c++) grad[c] -= share / norm * mean * p->matrix_sum[c];
}

int exset_projection_adjoint(exset_projection_t *p, const exset_spectrum_t *spectrum,
                             const double *loss_s2, exset_spectrum_t *grad) {
  const int64_t modes = p->rows * p->cols;
  const double colored = 1 - spectrum->nugget, weights = total_weight(spectrum);
  double *part, mean[EXSET_MAX_TERMS] = {0}, colored_mean = 0;
  EXSET_TRY(exset_alloc(p->ctx, modes, sizeof(double), &part));
  int err = EXSET_OK;
  for (int64_t m = 0; m < modes; m++) grad->nugget += loss_s2[m] / p->plane_modes;
  if (spectrum->knots_r > 0) {
    err = make_matrix(p, spectrum);
    if (!err) {
      knots_part(p, spectrum, part);
      colored_mean = dot(modes, loss_s2, part);
      knots_adjoint(p, spectrum, colored, part, loss_s2, grad->knots);
    }
  }
  for (int t = 0; !err && t < spectrum->n_terms; t++) {
    const exset_term_t *term = &spectrum->term[t];
    table_t table = {0};
    err = make_table(p, term, &table);
    if (!err) {
      term_part(p, term, &table, part);
      mean[t] = dot(modes, loss_s2, part);
      colored_mean += term->weight / weights * mean[t];
      const double share = colored * term->weight / weights;
      for (int64_t m = 0; m < modes; m++) /* by log G, through the normalisation */
        part[m] *= share * (loss_s2[m] - p->multiplicity[m] * mean[t]);
      err = term_adjoint(p, term, &table, part, &grad->term[t]);
    }
    free(table.log_g);
  }
  for (int t = 0; t < spectrum->n_terms; t++)
    grad->term[t].weight += colored / weights * (mean[t] - colored_mean);
  grad->nugget -= colored_mean;
  free(part);
  return err;
}
