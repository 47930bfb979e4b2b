/*
 * How far a spectrum reaches: the share beyond a grid's wavenumbers, and correlation lengths, by
 * quadrature over k_r and k_z. A term is integrated in q = (l_xy k_r, l_z k_z), in cells that are
 * even near the origin and grow geometrically beyond.
 */
#include "exset/sample.h"

#include <math.h>

enum { EVEN_CELLS = 256, CELLS = 448 };
static const double even_until = 4; /* in q */

/* Cell i of an axis that ends at reach >= even_until: its middle and width. */
static void graded_cell(int i, double reach, double *middle, double *width) {
  const double step = even_until / EVEN_CELLS;
  double low = step * i, high = low + step;
  if (i >= EVEN_CELLS) {
    const double growth = log(reach / even_until) / (CELLS - EVEN_CELLS);
    low = even_until * exp(growth * (i - EVEN_CELLS));
    high = low * exp(growth);
  }
  *middle = 0.5 * (low + high);
  *width = high - low;
}

/* Part of the circle |k| = kr that lies within |k_x| <= limit_x, |k_y| <= limit_y. */
static double circle_inside(double kr, double limit_x, double limit_y) {
  const double from = kr > limit_x ? acos(limit_x / kr) : 0;
  const double to = kr > limit_y ? asin(limit_y / kr) : M_PI_2;
  return to > from ? (to - from) / M_PI_2 : 0;
}

/* Integrals over k of a density: everything, the part inside limit (z, y, x), k_r^2 and k_z^2. */
typedef struct {
  double all, inside, kr2, kz2;
} moments_t;

static void add_cell(const double limit[3], double kr, double kz, double mass, moments_t *m) {
  m->all += mass;
  if (kz <= limit[EXSET_AXIS_Z])
    m->inside += mass * circle_inside(kr, limit[EXSET_AXIS_X], limit[EXSET_AXIS_Y]);
  m->kr2 += mass * kr * kr;
  m->kz2 += mass * kz * kz;
}

static moments_t term_moments(const exset_term_t *term, const double limit[3]) {
  moments_t m = {0, 0, 0, 0};
  /* ten times beyond the limits; densities that fall faster have ended before */
  double reach = 10 * even_until;
  reach = fmax(reach, 10 * term->length_z * limit[EXSET_AXIS_Z]);
  reach = fmax(reach, 10 * term->length_xy * fmax(limit[EXSET_AXIS_X], limit[EXSET_AXIS_Y]));
  const double top = term->family == EXSET_FAMILY_MATERN ? exset_term_log_density(term, 0, 0)
                                                         : 0; /* largest exponent */
  for (int j = 0; j < CELLS; j++) {
    double qz, dz;
    graded_cell(j, reach, &qz, &dz);
    const double kz = qz / term->length_z;
    for (int i = 0; i < CELLS; i++) {
      double qr, dr;
      graded_cell(i, reach, &qr, &dr);
      const double kr = qr / term->length_xy;
      const double e = exset_term_log_density(term, kr * kr, kz * kz) - top;
      add_cell(limit, kr, kz, exp(e) * qr * dr * dz, &m);
    }
  }
  return m;
}

static moments_t knots_moments(const exset_spectrum_t *spectrum, const double limit[3]) {
  moments_t m = {0, 0, 0, 0};
  const bool tensor = spectrum->knots_z > 0;
  const double end_r = spectrum->knots_max_r * (spectrum->knots_r + 1) / (spectrum->knots_r - 1);
  const double end_z =
      tensor ? spectrum->knots_max_z * (spectrum->knots_z + 1) / (spectrum->knots_z - 1) : end_r;
  for (int j = 0; j < CELLS; j++)
    for (int i = 0; i < CELLS; i++) {
      const double kr = end_r * (i + 0.5) / CELLS, kz = end_z * (j + 0.5) / CELLS;
      add_cell(limit, kr, kz, exset_knots_density(spectrum, kr, kz) * kr, &m);
    }
  return m;
}

double exset_spectrum_lost(const exset_spectrum_t *spectrum, const double voxel[3]) {
  double limit[3], weights = 0, lost = 0;
  for (int a = 0; a < 3; a++) limit[a] = M_PI / voxel[a];
  if (spectrum->knots_r > 0) {
    const moments_t m = knots_moments(spectrum, limit);
    return m.all > 0 ? (1 - spectrum->nugget) * (1 - m.inside / m.all) : 0;
  }
  for (int t = 0; t < spectrum->n_terms; t++) {
    const exset_term_t *term = &spectrum->term[t];
    const moments_t m = term_moments(term, limit);
    weights += term->weight;
    lost += term->weight * (1 - m.inside / m.all);
  }
  return weights > 0 ? (1 - spectrum->nugget) * lost / weights : 0;
}

void exset_spectrum_lengths(const exset_spectrum_t *spectrum, double *xy, double *z) {
  *xy = *z = 0;
  for (int t = 0; t < spectrum->n_terms; t++) {
    *xy = fmax(*xy, spectrum->term[t].length_xy);
    *z = fmax(*z, spectrum->term[t].length_z);
  }
  if (spectrum->knots_r > 0) {
    const double everywhere[3] = {INFINITY, INFINITY, INFINITY};
    const moments_t m = knots_moments(spectrum, everywhere);
    if (m.kr2 > 0) *xy = sqrt(4 * m.all / m.kr2);
    if (m.kz2 > 0) *z = sqrt(2 * m.all / m.kz2);
  }
}
