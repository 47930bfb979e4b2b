/*
 * How sure a phase fraction is: the variance of an observed fraction is
 *   var = (1/|W|^2) sum_h (C(h) - p^2) N(h),   N(h): pairs of cells of the window |W| at lag h,
 * which is p (1 - p) A / |W| with the integral range A = sum_h rho(h) N(h)/|W|, rho = (C - p^2)/(p - p^2). The bins'
 * numbers of pairs are the N(h), so that the shape of the window, masks and pooling are accounted for.
 *
 * The sum over all lags of an estimate would vanish, as p is estimated from the same data: it must stop. It stops
 * where the mean of rho over shells first falls to zero, which is on the safe side for a structure that
 * oscillates (its negative lobe is left out). Two corrections matter for windows of few ranges. An estimate of
 * C - p^2 is too low by var on average; with K = sum of N(h)/|W| over the lags used this makes A too small by the factor
 * 1 - K/|W|. And A itself is uncertain, as a spectral density estimated from |W|/K modes is: the normal
 * quantile becomes that of Student's t with |W|/K degrees of freedom.
 */
#include <math.h>

#include "coverage_impl.h"

/* Mean of rho over the last shell that counts as decayed. */
#define SMALL_RHO 0.05
/* Cells of lags used at most, as a share of the window: beyond, noise that stays positive by chance would count. */
#define MOST_CELLS 0.25

/* 97.5 % quantile of Student's t: Cornish-Fisher series, within 2 % for nu >= 2. */
static double student_quantile(double nu) {
  const double z = 1.959963984540054, z2 = z * z;
  const double c1 = z * (z2 + 1) / 4, c2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
  const double c3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
  const double c4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
  const double x = 1 / fmax(nu, 1);
  return z + x * (c1 + x * (c2 + x * (c3 + x * c4)));
}

static double correlation(const exset_coverage_t *coverage, int i, int64_t lag) {
  const double *c = coverage->c + exset_coverage_index(coverage, i, i), p = c[0];
  return (c[lag] - p * p) / (p - p * p);
}

/* Lag at which rho falls to 1/2 along the bins first, first + step, ... (n of them), or 0. */
static double half_length(const exset_coverage_t *coverage, int i, const double *h, int64_t step,
                          int64_t n) {
  for (int64_t k = 1; k < n; k++) {
    const double a = correlation(coverage, i, (k - 1) * step),
                 b = correlation(coverage, i, k * step);
    if (b > 0.5) continue;
    const double h0 = h[(k - 1) * step];
    return h0 + (h[k * step] - h0) * (a - 0.5) / (a - b);
  }
  return 0;
}

/* Factor on h_z that makes rho about isotropic: ratio of the lengths along r and z. 1 for radial lags. */
static double aspect(const exset_coverage_t *coverage, int i) {
  int64_t n_r = 1;
  while (n_r < coverage->n_lags && coverage->h_z[n_r] == 0) n_r++;
  const int64_t n_z = coverage->n_lags / n_r;
  if (n_z < 2 || n_r < 2) return 1;
  const double r = half_length(coverage, i, coverage->h_r, 1, n_r);
  const double z = half_length(coverage, i, coverage->h_z, n_r, n_z);
  return r > 0 && z > 0 ? r / z : 1;
}

/* Cells of the window, pairs of h and -h counted both, at bin `lag`: N(h)/|W| summed over the bin. */
static double weight(const exset_coverage_t *coverage, int64_t lag, double window) {
  return (lag == 0 ? 1 : 2) * coverage->pairs[lag] / window;
}

double exset_coverage_integral_range(const exset_coverage_t *coverage, int phase_number,
                                     int dimension, const double pixel[3], double window,
                                     double *dof, bool *decayed) {
  double width = 0, range = 0, cells = 0;
  for (int a = 0; a < dimension; a++) width = fmax(width, pixel[a]);
  const double stretch = aspect(coverage, phase_number);
  *decayed = false;
  for (int64_t shell = 0, more = 1; more && cells < MOST_CELLS * window; shell++) {
    double sum = 0, count = 0;
    more = 0;
    for (int64_t lag = 0; lag < coverage->n_lags; lag++) {
      const double h = hypot(coverage->h_r[lag], coverage->h_z[lag] * stretch);
      const int64_t place = llround(h / width);
      more |= place > shell;
      if (place != shell) continue;
      count += weight(coverage, lag, window);
      sum += weight(coverage, lag, window) * correlation(coverage, phase_number, lag);
    }
    if (count > 0) *decayed = sum < SMALL_RHO * count;
    if (sum < 0 || (sum == 0 && count > 0)) break;
    range += sum;
    cells += count;
  }
  *dof = window / cells;
  return range / (1 - fmin(cells / window, MOST_CELLS));
}

double exset_coverage_fraction_ci95(const exset_coverage_t *coverage, int phase_number,
                                    int dimension, const double pixel[3], double window) {
  const double p = coverage->c[exset_coverage_index(coverage, phase_number, phase_number)];
  if (!(p > 0 && p < 1)) return NAN;
  double dof;
  bool decayed;
  const double range = exset_coverage_integral_range(coverage, phase_number, dimension, pixel,
                                                     window, &dof, &decayed);
  return student_quantile(dof) * sqrt(p * (1 - p) * range / window);
}
