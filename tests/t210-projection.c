/* test: np="1" time=60 */
/* Projection of spectra on sections: against direct sums over the grid; adjoint against finite differences. */
#include "exset/field.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t size[3] = {20, 30, 27};
static const double voxel[3] = {0.8, 0.5, 0.7};

static double density(const exset_spectrum_t *s, int term, double kr2, double kz2) {
  return term < 0 ? exset_knots_density(s, sqrt(kr2), sqrt(kz2))
                  : exp(exset_term_log_density(&s->term[term], kr2, kz2));
}

/* Direct: share of each term over all modes of the 3D grid, summed onto the section's quadrant. */
static void naive(exset_ctx_t *ctx, const exset_spectrum_t *s, int normal, double *s2) {
  const int row = normal == EXSET_AXIS_Z ? EXSET_AXIS_Y : EXSET_AXIS_Z;
  const int col = normal == EXSET_AXIS_X ? EXSET_AXIS_Y : EXSET_AXIS_X;
  const int64_t cols = size[col] / 2 + 1, rows = size[row] / 2 + 1;
  double weights = 0, *sum;
  MUST(ctx, exset_alloc(ctx, rows * cols, sizeof(double), &sum));
  for (int64_t m = 0; m < rows * cols; m++) s2[m] = s->nugget / (double)(size[row] * size[col]);
  for (int t = 0; t < s->n_terms; t++) weights += s->term[t].weight;
  for (int t = s->knots_r > 0 ? -1 : 0; t < s->n_terms; t++) {
    double total = 0;
    memset(sum, 0, sizeof(double) * (size_t)(rows * cols));
    for (int64_t z = 0; z < size[0]; z++)
      for (int64_t y = 0; y < size[1]; y++)
        for (int64_t x = 0; x < size[2]; x++) {
          const int64_t i[3] = {z, y, x};
          const double kz = exset_wavenumber(z, size[0], voxel[0]);
          const double ky = exset_wavenumber(y, size[1], voxel[1]);
          const double kx = exset_wavenumber(x, size[2], voxel[2]);
          const double f = density(s, t, kx * kx + ky * ky, kz * kz);
          total += f;
          if (i[row] < rows && i[col] < cols) sum[i[row] * cols + i[col]] += f;
        }
    const double share = (1 - s->nugget) * (t < 0 ? 1 : s->term[t].weight / weights);
    for (int64_t m = 0; m < rows * cols; m++) s2[m] += share * sum[m] / total;
  }
  free(sum);
}

/* A smooth loss of s2 with weights that differ from mode to mode. */
static double loss_of(exset_projection_t *p, const exset_spectrum_t *s, double *s2, double *grad) {
  int64_t rows, cols;
  const double *mult;
  double loss = 0;
  exset_projection_shape(p, &rows, &cols, &mult);
  if (exset_projection_apply(p, s, s2)) return NAN;
  for (int64_t m = 0; m < rows * cols; m++) {
    const double a = sin(1.0 + 0.37 * (double)m), scale = 50;
    loss += a * scale * s2[m] + 0.5 * scale * scale * s2[m] * s2[m];
    if (grad) grad[m] = a * scale + scale * scale * s2[m];
  }
  return loss;
}

static void check_derivative(exset_projection_t *p, exset_spectrum_t *s, double *number,
                             double derivative, double *s2, const char *what) {
  const double x = *number, h = 1e-5 * (x > 0.1 ? x : 0.1);
  *number = x + h;
  const double up = loss_of(p, s, s2, NULL);
  *number = x - h;
  const double down = loss_of(p, s, s2, NULL);
  *number = x;
  const double expected = (up - down) / (2 * h);
  CHECK_MSG(fabs(derivative - expected) <= 1e-6 * fabs(expected) + 1e-7,
            "%s: %.10g, by differences %.10g", what, derivative, expected);
}

static void check_spectrum(exset_ctx_t *ctx, exset_spectrum_t *s, int normal, double tolerance) {
  exset_projection_t *p;
  int64_t rows, cols;
  const double *mult;
  double *s2, *oracle, *loss_s2, sum = 0, worst = 0, highest = 0;
  MUST(ctx, exset_projection_create(ctx, size, voxel, normal, &p));
  exset_projection_shape(p, &rows, &cols, &mult);
  MUST(ctx, exset_alloc(ctx, rows * cols, sizeof(double), &s2));
  MUST(ctx, exset_alloc(ctx, rows * cols, sizeof(double), &oracle));
  MUST(ctx, exset_alloc(ctx, rows * cols, sizeof(double), &loss_s2));
  MUST(ctx, exset_projection_apply(p, s, s2));
  naive(ctx, s, normal, oracle);
  for (int64_t m = 0; m < rows * cols; m++) {
    sum += mult[m] * s2[m];
    highest = fmax(highest, oracle[m]);
    worst = fmax(worst, fabs(s2[m] - oracle[m]));
  }
  CHECK_NEAR(sum, 1, 1e-12);
  CHECK_MSG(worst <= tolerance * highest, "family %d normal %d: error %.3g of %.3g",
            s->term[0].family, normal, worst, highest);

  const int n_knots = exset_spectrum_knots(s);
  exset_spectrum_t grad = *s;
  memset(grad.term, 0, sizeof grad.term);
  grad.nugget = 0;
  if (n_knots > 0) MUST(ctx, exset_alloc(ctx, n_knots, sizeof(double), &grad.knots));
  loss_of(p, s, s2, loss_s2);
  MUST(ctx, exset_projection_adjoint(p, s, loss_s2, &grad));
  check_derivative(p, s, &s->nugget, grad.nugget, s2, "nugget");
  for (int t = 0; t < s->n_terms; t++) {
    exset_term_t *term = &s->term[t];
    const exset_term_t *g = &grad.term[t];
    check_derivative(p, s, &term->length_xy, g->length_xy, s2, "length_xy");
    check_derivative(p, s, &term->length_z, g->length_z, s2, "length_z");
    check_derivative(p, s, &term->weight, g->weight, s2, "weight");
    if (term->family == EXSET_FAMILY_MATERN) check_derivative(p, s, &term->nu, g->nu, s2, "nu");
    if (term->family == EXSET_FAMILY_RING)
      check_derivative(p, s, &term->width, g->width, s2, "width");
  }
  for (int c = 0; c < n_knots; c += 5)
    check_derivative(p, s, &s->knots[c], grad.knots[c], s2, "knot");
  if (n_knots > 0) free(grad.knots);
  free(s2);
  free(oracle);
  free(loss_s2);
  MUST(ctx, exset_projection_destroy(&p));
  CHECK(p == NULL);
}

static void check_knots(exset_ctx_t *ctx, int nr, int nz, int normal) {
  exset_spectrum_t s = {
      .knots_r = nr, .knots_z = nz, .knots_max_r = 5, .knots_max_z = 3, .nugget = 0.02};
  const int n = exset_spectrum_knots(&s);
  MUST(ctx, exset_alloc(ctx, n, sizeof(double), &s.knots));
  for (int i = 0; i < n; i++) s.knots[i] = 1.5 + sin(0.7 * i);
  check_spectrum(ctx, &s, normal, 1e-12);
  free(s.knots);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const exset_term_t term[] = {
      {EXSET_FAMILY_GAUSSIAN, 1, 2.0, 1.2, 0, 0},  {EXSET_FAMILY_MATERN, 0.5, 1.5, 2.0, 1.5, 0},
      {EXSET_FAMILY_MATERN, 2, 0.9, 0.9, 0.4, 0},  {EXSET_FAMILY_RING, 0.7, 1.1, 0.8, 0, 0.25},
      {EXSET_FAMILY_RING, 0.7, 1.6, 1.6, 0, 0.08},
  };
  for (int normal = 0; normal < 3; normal++) {
    exset_spectrum_t sum = {.n_terms = 3, .term = {term[0], term[1], term[3]}, .nugget = 0.05};
    check_spectrum(ctx, &sum, normal, 1e-6);
    for (int t = 0; t < 5; t++) {
      exset_spectrum_t one = {.n_terms = 1, .term = {term[t]}, .nugget = 0.01};
      check_spectrum(ctx, &one, normal, t == 4 ? 1e-5 : 1e-6);
    }
    check_knots(ctx, 9, 0, normal);
    check_knots(ctx, 6, 5, normal);
  }
  /* long lengths: amplitudes far below the smallest double are still finite */
  exset_spectrum_t wide = {.n_terms = 1, .term = {{EXSET_FAMILY_GAUSSIAN, 1, 60, 60, 0, 0}}};
  check_spectrum(ctx, &wide, EXSET_AXIS_Z, 1e-12);
  return test_end(ctx);
}
