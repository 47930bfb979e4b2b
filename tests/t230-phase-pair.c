/* test: np="1" time=30 */
/* Pair probabilities of excursion sets against the Laguerre series, quadrature, closed forms and check values. */
#include "exset/phase.h"
#include "test.h"

#include <math.h>

static exset_field_t make_field(exset_field_type_t type, int dof, double fraction, bool below) {
  exset_field_t field = {.type = type, .dof = dof, .fraction = fraction, .below = below};
  return field;
}

static double upper_tail(double l) {
  return 0.5 * erfc(l / sqrt(2));
}

/* G(l, rho) = P(Z_1 >= l, Z_2 >= l) = integral over x of phi(x) Q((l - rho x)/sqrt(1 - rho^2)), by the trapezoidal rule
 * after a double-exponential substitution of x in [l, l + 12]. */
static double gaussian_naive(double l, double rho) {
  if (rho >= 1) return upper_tail(l);
  if (rho <= -1) return l < 0 ? 1 - 2 * upper_tail(-l) : 0;
  const double h = 1e-3, half = 6;
  double sum = 0;
  for (int i = -4500; i <= 4500; i++) {
    const double q = M_PI / 2 * sinh(i * h);
    const double offset = half * (1 + tanh(q)), w = half * M_PI / 2 * cosh(i * h) / pow(cosh(q), 2);
    const double x = l + offset;
    const double inner = (l * (1 - rho) - rho * offset) / sqrt(1 - rho * rho);
    sum += w * exp(-x * x / 2) / sqrt(2 * M_PI) * upper_tail(inner);
  }
  return sum * h;
}

/* The Laguerre (Hardy-Hille) series of L in rho^2, u = threshold/2, with its derivative by rho. */
static double laguerre_naive(double p, double u, int dof, double rho, double *d_rho) {
  const double beta = dof / 2.0, r = rho * rho;
  double before = 0, polynomial = 1, sum = p * p, power = 1; /* L_{n-1}^{(beta)}(u) */
  *d_rho = 0;
  for (int n = 1; n < 40000; n++) {
    const double log_norm = lgamma(n + 1) + lgamma(beta) - lgamma(n + beta);
    const double root = exp(beta * log(u) - u - lgamma(beta) + log_norm / 2) / n * polynomial;
    *d_rho += n * power * root * root * 2 * rho;
    power *= r;
    sum += root * root * power;
    const double next = ((2 * n - 1 + beta - u) * polynomial - (n - 1 + beta) * before) / n;
    before = polynomial;
    polynomial = next;
    if (power * n < 1e-18) break;
  }
  return sum;
}

static void check_gaussian(exset_ctx_t *ctx, double p) {
  const exset_field_t field = make_field(EXSET_FIELD_GAUSSIAN, 1, p, false);
  const double l = exset_field_threshold(&field), phi = exp(-l * l / 2) / sqrt(2 * M_PI);
  CHECK_NEAR(upper_tail(l), p, 1e-14);
  exset_pair_t *pair;
  MUST(ctx, exset_pair_create(ctx, &field, &pair));
  for (int i = -50; i <= 50; i++) {
    const double rho = sin(M_PI / 2 * i / 50.0);
    double value, d_rho, d_p;
    exset_pair_eval(pair, rho, &value, &d_rho, &d_p);
    CHECK_NEAR(value, gaussian_naive(l, rho), 1e-11);
    if (fabs(rho) > 0.9999) continue;
    const double by_rho = exp(-l * l / (1 + rho)) / (2 * M_PI * sqrt(1 - rho * rho));
    const double by_p = 2 * phi * upper_tail(l * sqrt((1 - rho) / (1 + rho))) / phi;
    CHECK_NEAR(d_rho, by_rho, 1e-10 * fmax(1, by_rho));
    CHECK_NEAR(d_p, by_p, 1e-10);
  }
  exset_pair_destroy(&pair);
}

static void check_chi_square(exset_ctx_t *ctx, int dof, double p) {
  const exset_field_t field = make_field(EXSET_FIELD_CHI_SQUARE, dof, p, false);
  const double u = exset_field_threshold(&field) / 2;
  exset_pair_t *pair;
  MUST(ctx, exset_pair_create(ctx, &field, &pair));
  double value, d_rho, d_p, even;
  for (int i = 0; i <= 45; i++) {
    const double rho = sin(M_PI / 2 * i / 46.0);
    exset_pair_eval(pair, -rho, &even, &d_rho, &d_p);
    exset_pair_eval(pair, rho, &value, &d_rho, &d_p);
    double by_rho;
    CHECK_NEAR(value, laguerre_naive(p, u, dof, rho, &by_rho), 1e-10);
    CHECK_NEAR(d_rho, by_rho, 1e-8 * fmax(1, by_rho));
    CHECK(value == even);
    if (dof == 1) { /* {Z^2 >= 2u}: both points in the upper or lower tail */
      const double l = sqrt(2 * u);
      CHECK_NEAR(value, 2 * (gaussian_naive(l, rho) + gaussian_naive(l, -rho)), 1e-11);
    }
  }
  exset_pair_eval(pair, 1, &value, &d_rho, &d_p);
  CHECK_NEAR(value, p, 1e-10);
  CHECK_NEAR(d_p, 1, 1e-9);
  CHECK(isfinite(d_rho) && d_rho > 0);
  exset_pair_destroy(&pair);
}

/* Derivative by the fraction against central differences, and the complement's identity. */
static void check_fraction(exset_ctx_t *ctx, exset_field_type_t type, int dof, double p) {
  const double h = 1e-5;
  exset_pair_t *pair[4];
  const double shifted[4] = {p, p - h, p + h, 1 - p};
  for (int i = 0; i < 4; i++) {
    const exset_field_t field = make_field(type, dof, shifted[i], i == 3);
    MUST(ctx, exset_pair_create(ctx, &field, &pair[i]));
  }
  for (int i = -19; i <= 20; i++) {
    const double rho = i / 20.0;
    double v[4], d_rho[4], d_p[4];
    for (int k = 0; k < 4; k++) exset_pair_eval(pair[k], rho, &v[k], &d_rho[k], &d_p[k]);
    CHECK_NEAR(d_p[0], (v[2] - v[1]) / (2 * h), 2e-7);
    /* {X < l} has fraction 1 - p: both outside = 1 - 2p + both inside */
    CHECK_NEAR(v[3], 1 - 2 * p + v[0], 1e-12);
    CHECK_NEAR(d_rho[3], d_rho[0], 1e-12 * fmax(1, fabs(d_rho[0])));
    CHECK_NEAR(d_p[3], 2 - d_p[0], 1e-12);
  }
  for (int i = 0; i < 4; i++) exset_pair_destroy(&pair[i]);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_pair_t *pair;
  double value, d_rho, d_p;

  exset_field_t field = make_field(EXSET_FIELD_GAUSSIAN, 1, upper_tail(0.4), false);
  MUST(ctx, exset_pair_create(ctx, &field, &pair));
  exset_pair_eval(pair, 0.6, &value, &d_rho, &d_p);
  CHECK_NEAR(value, 0.20919, 5e-6);
  exset_pair_destroy(&pair);
  field = make_field(EXSET_FIELD_CHI_SQUARE, 1, 2 * upper_tail(sqrt(0.7)), false);
  CHECK_NEAR(exset_field_threshold(&field), 0.7, 1e-13);
  MUST(ctx, exset_pair_create(ctx, &field, &pair));
  exset_pair_eval(pair, 0.6, &value, &d_rho, &d_p);
  CHECK_NEAR(value, 0.20960, 5e-6);
  exset_pair_destroy(&pair);

  const double fraction[] = {0.5, 0.50001, 0.3, 0.9, 0.03, 0.001, 0.999};
  const int dof[] = {1, 2, 3, 4, 7, 20, 60};
  for (size_t i = 0; i < sizeof fraction / sizeof *fraction; i++) {
    check_gaussian(ctx, fraction[i]);
    for (size_t m = 0; m < sizeof dof / sizeof *dof; m++)
      check_chi_square(ctx, dof[m], fraction[i]);
  }
  check_fraction(ctx, EXSET_FIELD_GAUSSIAN, 1, 0.35);
  check_fraction(ctx, EXSET_FIELD_GAUSSIAN, 1, 0.5);
  for (int m = 1; m <= 6; m++) {
    check_fraction(ctx, EXSET_FIELD_CHI_SQUARE, m, 0.3);
    check_fraction(ctx, EXSET_FIELD_CHI_SQUARE, m, 0.8);
  }
  return test_end(ctx);
}
