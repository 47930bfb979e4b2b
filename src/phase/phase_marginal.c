/* Marginal distributions: thresholds of the sets, volume fractions of the phases. */
#include "exset/phase.h"
#include "phase_impl.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>

/* Upper-tail quantile of the chi-square distribution: Newton steps on the smaller tail's logarithm,
 * kept inside a bracket (the library's own inverse may give up). */
static double chi_square_quantile(double p, double dof) {
  const bool upper = p <= 0.5;
  const double target = log(upper ? p : 1 - p);
  double low = 0, high = dof + 10;
  while (gsl_cdf_chisq_Q(high, dof) > p) high *= 2;
  double x =
      fmin(fmax(dof * pow(1 - 2 / (9 * dof) + gsl_cdf_ugaussian_Qinv(p) * sqrt(2 / (9 * dof)), 3),
                1e-3 * high),
           high);
  for (int step = 0; step < 200; step++) {
    const double tail = upper ? gsl_cdf_chisq_Q(x, dof) : gsl_cdf_chisq_P(x, dof);
    const double error = log(tail) - target; /* falls with x for the upper tail, else rises */
    if ((error > 0) == upper) {
      low = x;
    } else {
      high = x;
    }
    const double slope = (upper ? -1 : 1) * gsl_ran_chisq_pdf(x, dof) / tail;
    double next = x - error / slope;
    if (!(next > low && next < high)) next = low > 0 ? sqrt(low * high) : 0.01 * high;
    const double change = fabs(next - x);
    x = next;
    if (change <= 1e-15 * x || high - low <= 1e-15 * high) break;
  }
  return x;
}

double exset_phase_quantile(const exset_field_t *field, double p) {
  return field->type == EXSET_FIELD_GAUSSIAN ? gsl_cdf_ugaussian_Qinv(p)
                                             : chi_square_quantile(p, field->dof);
}

double exset_field_threshold(const exset_field_t *field) {
  return exset_phase_quantile(field, field->below ? 1 - field->fraction : field->fraction);
}

double exset_field_density(const exset_field_t *field, double x) {
  return field->type == EXSET_FIELD_GAUSSIAN ? gsl_ran_ugaussian_pdf(x)
                                             : gsl_ran_chisq_pdf(x, field->dof);
}

bool exset_model_coupled(const exset_model_t *model) {
  for (int f = 1; f < model->n_fields; f++)
    if (model->field[f].coupling != 0) return true;
  return false;
}

int exset_model_check_coupling(exset_ctx_t *ctx, const exset_model_t *model) {
  for (int f = 1; f < model->n_fields; f++)
    if (model->field[f].coupling != 0 && (model->field[0].type != EXSET_FIELD_GAUSSIAN ||
                                          model->field[f].type != EXSET_FIELD_GAUSSIAN))
      return exset_fail(
          ctx, EXSET_ERR_INPUT,
          "field%d_coupling is %g: coupling needs Gaussian fields (field 1 and field %d)", f + 1,
          model->field[f].coupling, f + 1);
  return EXSET_OK;
}

/* P(point in the set of field a | X_1 = x). */
static double conditional(const exset_field_t *field, double threshold, double x) {
  if (field->coupling == 0) return field->fraction;
  const double c = field->coupling;
  const double above = gsl_cdf_ugaussian_Q(threshold * sqrt(1 + c * c) - c * x);
  return field->below ? 1 - above : above;
}

/* Coupled fields are independent given X_1: integrate over X_1 outside the first set. */
static void coupled_fractions(const exset_model_t *model, double *fraction) {
  static const double node[4] = {0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                 0.9602898564975363};
  static const double weight[4] = {0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                   0.1012285362903763}; /* Gauss-Legendre, 8 points */
  const exset_field_t *first = &model->field[0];
  const int n = model->n_fields;
  double threshold[EXSET_MAX_FIELDS], c_max = 0;
  for (int a = 0; a < n; a++) {
    threshold[a] = exset_field_threshold(&model->field[a]);
    c_max = fmax(c_max, fabs(model->field[a].coupling));
    fraction[a + 1] = 0;
  }
  fraction[0] = first->fraction;
  const double begin = first->below ? threshold[0] : -10, end = first->below ? 10 : threshold[0];
  const int panels = (int)ceil((end - begin) * 4 * sqrt(1 + c_max * c_max));
  const double half = (end - begin) / (2 * panels);
  for (int k = 0; k < 8 * panels; k++) {
    const int i = k % 8 / 2;
    const double x = begin + half * (2 * (double)(k / 8) + 1 + (k % 2 ? node[i] : -node[i]));
    double rest = weight[i] * half * gsl_ran_ugaussian_pdf(x);
    for (int a = 1; a < n; a++) {
      const double p = conditional(&model->field[a], threshold[a], x);
      fraction[a] += rest * p;
      rest *= 1 - p;
    }
    fraction[n] += rest;
  }
}

void exset_model_fractions(const exset_model_t *model, double *fraction) {
  if (exset_model_coupled(model)) {
    coupled_fractions(model, fraction);
    return;
  }
  double rest = 1;
  for (int a = 0; a < model->n_fields; a++) {
    fraction[a] = rest * model->field[a].fraction;
    rest *= 1 - model->field[a].fraction;
  }
  fraction[model->n_fields] = rest;
}
