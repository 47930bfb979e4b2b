/*
 * Pair probabilities L(rho) of an excursion set as tables of Chebyshev polynomials.
 *
 * With rho = sin t both kinds of field have dL/dt bounded and smooth (doc/theory/coverage.md). Near |rho| = 1 there may
 * be a layer of width `grade`; panels are equally wide in s, theta = pi/2 - |t| = grade sinh(b s), which resolves it.
 * On each panel the integrand's Chebyshev interpolant is integrated exactly, so that value and derivative belong together.
 */
#include "exset/phase.h"
#include "phase_impl.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_bessel.h>
#include <math.h>
#include <stdlib.h>

enum { PANELS = 24, NODES = 14 };

/* L on one sign of rho. Panel j covers s in [j, j+1]/PANELS; s = 0 is |rho| = 1, s = 1 is rho = 0. */
typedef struct {
  double grade, b;
  double value[PANELS][NODES + 1]; /* L as a series of degree NODES */
  double slope[PANELS][NODES];     /* dL/ds on the panel's own interval [-1, 1] */
  double by_p[PANELS][NODES + 1];  /* dL/dp, p = P(X >= threshold) */
} branch_t;

struct exset_pair_s {
  bool below;       /* the set is the complement of {X >= threshold} */
  bool even;        /* L(-rho) = L(rho): only branch 0 is used */
  double p;         /* P(X >= threshold) */
  branch_t part[2]; /* rho >= 0, rho < 0 */
};

/* What the integrand needs. */
typedef struct {
  const exset_field_t *field;
  double p;       /* P(X >= threshold) */
  double l;       /* threshold: Gaussian; half the threshold: chi-square */
  double density; /* -dp/dl */
} kernel_t;

/* dL/dt at t = sign (pi/2 - theta), and its derivative with respect to l. */
static void gaussian_kernel(const kernel_t *k, double theta, double sign, double *f, double *f_l) {
  /* 1 + sin t = 2 cos^2(theta/2) for t > 0, 2 sin^2(theta/2) for t < 0: no cancellation */
  const double root = sign > 0 ? cos(theta / 2) : sin(theta / 2);
  const double one_plus = 2 * root * root;
  *f = exp(-k->l * k->l / one_plus) / (2 * M_PI);
  *f_l = *f > 0 ? -2 * k->l / one_plus * *f : 0;
}

/*
 * exp(-z) I_beta(z) as exp(log_scale) * factor, and z (I_{beta+1}(z)/I_beta(z) - 1).
 * Returns a GSL error code.
 */
static int scaled_bessel(double beta, double z, double *log_scale, double *factor, double *ratio) {
  if (z * z < 10 * (beta + 1)) { /* power series: all terms positive */
    const double q = z * z / 4;
    double term = 1, sum = 1, next = 1, sum_next = 1;
    for (int i = 1; term > 1e-17 * sum; i++) {
      term *= q / (i * (beta + i));
      next *= q / (i * (beta + 1 + i));
      sum += term;
      sum_next += next;
    }
    *log_scale = beta * log(z / 2) - lgamma(beta + 1) - z;
    *factor = sum;
    *ratio = z * (z / (2 * (beta + 1)) * sum_next / sum - 1);
    return GSL_SUCCESS;
  }
  *log_scale = 0;
  if (z > 20 * (1 + beta * beta)) { /* Hankel's expansions, subtracted term by term */
    const double mu = 4 * beta * beta, mu_upper = 4 * (beta + 1) * (beta + 1);
    double term = 1, term_upper = 1, sum = 1, difference = 0;
    for (int k = 1; k < 20 && fabs(term_upper) > 1e-18; k++) {
      const double odd = (2 * k - 1) * (2 * k - 1);
      term *= -(mu - odd) / (8 * k * z);
      term_upper *= -(mu_upper - odd) / (8 * k * z);
      sum += term;
      difference += term_upper - term;
    }
    *factor = sum / sqrt(2 * M_PI * z);
    *ratio = z * difference / sum;
    return GSL_SUCCESS;
  }
  gsl_sf_result value, upper;
  const int error = gsl_sf_bessel_Inu_scaled_e(beta, z, &value);
  if (error) return error;
  *factor = value.val;
  *ratio = 0;
  const int error_upper = gsl_sf_bessel_Inu_scaled_e(beta + 1, z, &upper);
  if (error_upper) return error_upper;
  *ratio = z * (upper.val / value.val - 1);
  return GSL_SUCCESS;
}

/* As gaussian_kernel, for chi-square fields with any dof: the closed form of the Laguerre series' derivative. */
static int chi_square_kernel(const kernel_t *k, double theta, double *f, double *f_l) {
  const double beta = k->field->dof / 2.0, u = k->l;
  const double c = sin(theta), rho = cos(theta); /* c = cos t */
  const double z = 2 * u * rho / (c * c);
  double log_scale, factor, ratio;
  const int error = scaled_bessel(beta, z, &log_scale, &factor, &ratio);
  if (error) return error;
  const double log_rest = beta * log(u / rho) - 2 * u / (1 + rho) - lgamma(beta);
  *f = 2 * rho / c * factor * exp(log_scale + log_rest);
  *f_l = *f * (2 * beta / u - 2 / (1 + rho) + ratio / u);
  return GSL_SUCCESS;
}

/* Chebyshev coefficients (c_0 already halved) from values at the nodes cos(pi (i + 1/2) / NODES). */
static void chebyshev_fit(const double *value, double *c) {
  for (int j = 0; j < NODES; j++) {
    double sum = 0;
    for (int i = 0; i < NODES; i++) sum += value[i] * cos(M_PI * j * (i + 0.5) / NODES);
    c[j] = sum * (j ? 2.0 : 1.0) / NODES;
  }
}

/* Integral from -1 of the series c, degree NODES - 1: out of degree NODES. */
static void chebyshev_integrate(const double *c, double *out) {
  double at_minus_one = 0;
  for (int j = 1; j <= NODES; j++) {
    const double before = (j == 1 ? 2 : 1) * c[j - 1], after = j + 1 < NODES ? c[j + 1] : 0;
    out[j] = (before - after) / (2.0 * j);
    at_minus_one += (j % 2 ? -1 : 1) * out[j];
  }
  out[0] = -at_minus_one;
}

static double chebyshev_sum(const double *c, int degree, double x) {
  double b1 = 0, b2 = 0;
  for (int j = degree; j > 0; j--) {
    const double b0 = 2 * x * b1 - b2 + c[j];
    b2 = b1;
    b1 = b0;
  }
  return x * b1 - b2 + c[0];
}

/* Fill one branch: integrate from rho = 0 (s = 1), where L = p^2, towards s = 0. */
static int tabulate(const kernel_t *k, double sign, double grade, branch_t *part) {
  part->grade = grade;
  part->b = asinh(M_PI / 2 / grade);
  double value = k->p * k->p, by_p = 2 * k->p;
  for (int panel = PANELS - 1; panel >= 0; panel--) {
    double f[NODES], f_p[NODES], c[NODES];
    for (int i = 0; i < NODES; i++) {
      const double s = (panel + 0.5 + 0.5 * cos(M_PI * (i + 0.5) / NODES)) / PANELS;
      const double theta = grade * sinh(part->b * s);
      double by_t, by_t_l;
      if (k->field->type == EXSET_FIELD_GAUSSIAN) {
        gaussian_kernel(k, theta, sign, &by_t, &by_t_l);
      } else if (chi_square_kernel(k, theta, &by_t, &by_t_l)) {
        return EXSET_ERR_LOCAL;
      }
      /* dt = -sign dtheta */
      const double jacobian = -sign * part->b * sqrt(grade * grade + theta * theta) / (2 * PANELS);
      f[i] = by_t * jacobian;
      f_p[i] = -by_t_l / k->density * jacobian;
      if (!isfinite(f[i]) || !isfinite(f_p[i])) return EXSET_ERR_LOCAL;
    }
    chebyshev_fit(f, part->slope[panel]);
    chebyshev_integrate(part->slope[panel], part->value[panel]);
    chebyshev_fit(f_p, c);
    chebyshev_integrate(c, part->by_p[panel]);
    /* the integral so far is known at the panel's upper end */
    part->value[panel][0] += value - chebyshev_sum(part->value[panel], NODES, 1);
    part->by_p[panel][0] += by_p - chebyshev_sum(part->by_p[panel], NODES, 1);
    value = chebyshev_sum(part->value[panel], NODES, -1);
    by_p = chebyshev_sum(part->by_p[panel], NODES, -1);
  }
  return EXSET_OK;
}

int exset_pair_create(exset_ctx_t *ctx, const exset_field_t *field, exset_pair_t **pair) {
  *pair = NULL;
  exset_pair_t *self;
  EXSET_TRY(exset_alloc(ctx, 1, sizeof *self, &self));
  const bool gaussian = field->type == EXSET_FIELD_GAUSSIAN;
  kernel_t k = {.field = field, .p = field->below ? 1 - field->fraction : field->fraction};
  const double threshold = exset_phase_quantile(field, k.p);
  k.l = gaussian ? threshold : threshold / 2;
  k.density =
      gaussian ? gsl_ran_ugaussian_pdf(threshold) : 2 * gsl_ran_chisq_pdf(threshold, field->dof);
  self->below = field->below;
  self->even = !gaussian;
  self->p = k.p;
  const double layer = fmin(1, fmax(1e-6, gaussian ? fabs(k.l) : sqrt(k.l)));
  gsl_error_handler_t *handler = gsl_set_error_handler_off();
  int err = tabulate(&k, 1, gaussian ? 1 : layer, &self->part[0]);
  if (!err && gaussian) err = tabulate(&k, -1, layer, &self->part[1]);
  gsl_set_error_handler(handler);
  if (err) {
    free(self);
    return exset_fail(ctx, EXSET_ERR_LOCAL,
                      "pair probabilities: quadrature failed (fraction %g, dof %d)",
                      field->fraction, field->dof);
  }
  *pair = self;
  return EXSET_OK;
}

int exset_pair_destroy(exset_pair_t **pair) {
  free(*pair);
  *pair = NULL;
  return EXSET_OK;
}

void exset_pair_eval(const exset_pair_t *pair, double rho, double *value, double *d_rho,
                     double *d_fraction) {
  const double size = fmin(fabs(rho), 1);
  const branch_t *part = &pair->part[!pair->even && rho < 0];
  const double theta = acos(size);
  const double s = fmin(asinh(theta / part->grade) / part->b, 1);
  const int panel = (int)fmin(s * PANELS, PANELS - 1);
  const double x = 2 * (s * PANELS - panel) - 1;
  double l = chebyshev_sum(part->value[panel], NODES, x);
  double by_p = chebyshev_sum(part->by_p[panel], NODES, x);
  /* drho = -+ sqrt(1 - rho^2) dtheta */
  const double theta_min = 1.4142135623730951e-6; /* |rho| = 1 - 1e-12 */
  const double by_theta = 2 * PANELS * chebyshev_sum(part->slope[panel], NODES - 1, x) /
                          (part->b * sqrt(part->grade * part->grade + theta * theta));
  *d_rho = (rho < 0 ? 1 : -1) * by_theta / sin(fmax(theta, theta_min));
  if (pair->below) {
    l = 1 - 2 * pair->p + l;
    by_p = 2 - by_p;
  }
  *value = l;
  *d_fraction = by_p;
}
