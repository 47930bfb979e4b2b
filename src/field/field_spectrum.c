/* Spectral densities and models: formulas in double precision, copies. */
#include "exset/field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

int exset_spectrum_knots(const exset_spectrum_t *spectrum) {
  return spectrum->knots_r * (spectrum->knots_z > 0 ? spectrum->knots_z : 1);
}

void exset_model_clear(exset_model_t *model) {
  for (int i = 0; i < EXSET_MAX_FIELDS; i++) free(model->field[i].spectrum.knots);
  memset(model, 0, sizeof *model);
}

int exset_model_copy(exset_ctx_t *ctx, const exset_model_t *from, exset_model_t *to) {
  *to = *from;
  for (int i = 0; i < EXSET_MAX_FIELDS; i++) to->field[i].spectrum.knots = NULL;
  for (int i = 0; i < from->n_fields; i++) {
    const exset_spectrum_t *source = &from->field[i].spectrum;
    const int n = exset_spectrum_knots(source);
    if (n == 0) continue;
    EXSET_TRY(exset_alloc(ctx, n, sizeof(double), &to->field[i].spectrum.knots));
    memcpy(to->field[i].spectrum.knots, source->knots, sizeof(double) * (size_t)n);
  }
  return EXSET_OK;
}

double exset_wavenumber(int64_t i, int64_t n, double voxel) {
  return 2 * pi * (double)exset_signed_index(i, n) / ((double)n * voxel);
}

double exset_term_log_density(const exset_term_t *term, double kr2, double kz2) {
  const double q2 = term->length_xy * term->length_xy * kr2 + term->length_z * term->length_z * kz2;
  switch (term->family) {
    case EXSET_FAMILY_GAUSSIAN:
      return -q2 / 4;
    case EXSET_FAMILY_MATERN:
      return -(term->nu + 1.5) * log(2 * term->nu + q2);
    case EXSET_FAMILY_RING: {
      const double x = (sqrt(q2) - 1) / term->width;
      return -x * x / 2;
    }
  }
  return -INFINITY;
}

/* Cubic B-spline on [-2, 2]. */
static double bspline(double x) {
  x = fabs(x);
  if (x >= 2) return 0;
  if (x >= 1) return (2 - x) * (2 - x) * (2 - x) / 6;
  return 2.0 / 3 - x * x * (1 - x / 2);
}

int exset_knots_basis(int n, double k_max, double k, int index[4], double value[4]) {
  const double x = k / k_max * (n - 1);
  if (!(x < n + 1)) return 0;
  int count = 0;
  for (int j = (int)floor(x) - 1; j <= (int)floor(x) + 2; j++) {
    if (j < 0 || j >= n) continue;
    double b = bspline(x - j);
    if (j > 0) b += bspline(x + j); /* the mirror image at -j */
    index[count] = j;
    value[count++] = b;
  }
  return count;
}

double exset_knots_density(const exset_spectrum_t *spectrum, double kr, double kz) {
  int ir[4], iz[4];
  double br[4], bz[4], sum = 0;
  if (spectrum->knots_z == 0) {
    const int n = exset_knots_basis(spectrum->knots_r, spectrum->knots_max_r,
                                    sqrt(kr * kr + kz * kz), ir, br);
    for (int a = 0; a < n; a++) sum += br[a] * spectrum->knots[ir[a]];
    return sum;
  }
  const int nr = exset_knots_basis(spectrum->knots_r, spectrum->knots_max_r, kr, ir, br);
  const int nz = exset_knots_basis(spectrum->knots_z, spectrum->knots_max_z, kz, iz, bz);
  for (int a = 0; a < nr; a++)
    for (int b = 0; b < nz; b++)
      sum += br[a] * bz[b] * spectrum->knots[ir[a] * spectrum->knots_z + iz[b]];
  return sum;
}
