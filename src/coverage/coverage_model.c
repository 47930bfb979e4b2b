/*
 * Coverage functions of excursion-set models in closed form. Phase i is the set of field i outside
 * the sets of the fields before it, so with independent fields C_ij is a product over the fields:
 * both points outside set b (b < i), then one in set i (or both), and so on; phase n is what no set covers.
 */
#include "exset/coverage.h"

/* One factor of a product and its derivatives with respect to L_b and p_b. */
typedef struct {
  double value, by_l, by_p;
} factor_t;

/* Factors of C_ij (i <= j), one for each of the fields 0 .. min(j, n_fields - 1); returns how many. */
static int factors(int n_fields, int i, int j, const double *p, const double *l, factor_t *f) {
  int count = 0;
  for (int b = 0; b < n_fields && b <= j; b++) {
    factor_t *g = &f[count++];
    if (b < i) {
      *g = (factor_t){1 - 2 * p[b] + l[b], 1, -2};
    } else if (b == i && i == j) {
      *g = (factor_t){l[b], 1, 0};
    } else if (b == i) {
      *g = (factor_t){p[b] - l[b], -1, 1};
    } else if (b < j) {
      *g = (factor_t){1 - p[b], 0, -1};
    } else {
      *g = (factor_t){p[b], 0, 1};
    }
  }
  return count;
}

void exset_coverage_model(int n_fields, exset_pair_t *const *pair, const double *fraction,
                          int64_t n_lags, const double *rho, double *c) {
  const int n = n_fields + 1;
  for (int64_t lag = 0; lag < n_lags; lag++) {
    double l[EXSET_MAX_FIELDS];
    for (int a = 0; a < n_fields; a++) {
      double by_rho, by_p;
      exset_pair_eval(pair[a], rho[a * n_lags + lag], &l[a], &by_rho, &by_p);
    }
    for (int i = 0; i < n; i++) {
      for (int j = i; j < n; j++) {
        factor_t f[EXSET_MAX_FIELDS];
        const int count = factors(n_fields, i, j, fraction, l, f);
        double product = 1;
        for (int b = 0; b < count; b++) product *= f[b].value;
        c[(i * n + j) * n_lags + lag] = c[(j * n + i) * n_lags + lag] = product;
      }
    }
  }
}

void exset_coverage_model_adjoint(int n_fields, exset_pair_t *const *pair, const double *fraction,
                                  int64_t n_lags, const double *rho, const double *d_c,
                                  double *d_rho, double *d_fraction) {
  const int n = n_fields + 1;
  for (int64_t lag = 0; lag < n_lags; lag++) {
    double l[EXSET_MAX_FIELDS], l_rho[EXSET_MAX_FIELDS], l_p[EXSET_MAX_FIELDS];
    double d_l[EXSET_MAX_FIELDS] = {0};
    for (int a = 0; a < n_fields; a++)
      exset_pair_eval(pair[a], rho[a * n_lags + lag], &l[a], &l_rho[a], &l_p[a]);
    for (int i = 0; i < n; i++) {
      for (int j = i; j < n; j++) {
        double d = d_c[(i * n + j) * n_lags + lag];
        if (j > i) d += d_c[(j * n + i) * n_lags + lag];
        factor_t f[EXSET_MAX_FIELDS];
        const int count = factors(n_fields, i, j, fraction, l, f);
        double before[EXSET_MAX_FIELDS + 1] = {1}, after = d;
        for (int b = 0; b < count; b++) before[b + 1] = before[b] * f[b].value;
        for (int b = count - 1; b >= 0; b--) {
          d_l[b] += before[b] * after * f[b].by_l;
          d_fraction[b] += before[b] * after * f[b].by_p;
          after *= f[b].value;
        }
      }
    }
    for (int a = 0; a < n_fields; a++) {
      d_rho[a * n_lags + lag] += d_l[a] * l_rho[a];
      d_fraction[a] += d_l[a] * l_p[a];
    }
  }
}
