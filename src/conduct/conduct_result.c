/* From a solution to numbers and fields: power, electrode currents, current densities, bounds. */
#include "conduct_impl.h"

#include <math.h>

static double sum_square(const float *g, const double *u, const double *v, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += g[i] * (u[i] - v[i]) * (u[i] - v[i]);
  return sum;
}

/* Currents and power at one electrode of potential u0. */
static void measure_face(const conduct_face_t *f, const double *u, double u0, double *current,
                         double *power) {
  for (int64_t i = 0; i < f->n[0]; i++)
    for (int64_t j = 0; j < f->n[1]; j++) {
      const double drop = u0 - u[conduct_face_cell(f, i, j)], g = f->g[i * f->n[1] + j];
      *current += g * drop;
      *power += g * drop * drop;
    }
}

static int halo_of(conduct_system_t *s, const double *u) {
  if (s->nz == 0) return EXSET_OK;
  return conduct_halo(s->ctx, s->down, s->up, MPI_DOUBLE, s->plane, u, u + (s->nz - 1) * s->plane,
                      s->below, s->above);
}

int conduct_measure(conduct_system_t *s, const double *u, double *power, double *in, double *out) {
  double sum[3] = {0}; /* power, in, out */
  EXSET_TRY(halo_of(s, u));
  for (int64_t z = 0; z < s->nz; z++) {
    const double *here = u + z * s->plane;
    const double *above = z < s->nz - 1 ? here + s->plane : s->above;
    for (int64_t y = 0; y < s->ny; y++) {
      const int64_t k = y * s->nx, i = z * s->plane + k;
      sum[0] += sum_square(s->g[0] + i, here + k, above + k, s->nx);
      if (y < s->ny - 1) sum[0] += sum_square(s->g[1] + i, here + k, here + k + s->nx, s->nx);
      sum[0] += sum_square(s->g[2] + i, here + k, here + k + 1, s->nx - 1);
    }
  }
  measure_face(&s->low, u, 1, &sum[1], &sum[0]);
  measure_face(&s->high, u, 0, &sum[2], &sum[0]);
  EXSET_TRY(
      EXSET_MPI(s->ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 3, MPI_DOUBLE, MPI_SUM, s->ctx->comm)));
  *power = sum[0];
  *in = sum[1];
  *out = -sum[2];
  return EXSET_OK;
}

/* Half the current through the electrode faces goes to the cells there. */
static void current_face(const conduct_face_t *f, const double *u, double u0, double scale,
                         float *current) {
  for (int64_t i = 0; i < f->n[0]; i++)
    for (int64_t j = 0; j < f->n[1]; j++) {
      const int64_t k = conduct_face_cell(f, i, j);
      current[3 * k] += (float)(scale * f->g[i * f->n[1] + j] * (u0 - u[k]));
    }
}

static void current_density(const conduct_system_t *s, const double *u, double scale,
                            float *current) {
  const int64_t step[3] = {s->plane, s->nx, 1}, cells = s->nz * s->plane;
  const double unit = cbrt(s->grid->voxel[0] * s->grid->voxel[1] * s->grid->voxel[2]);
  for (int64_t i = 0; i < 3 * cells; i++) current[i] = 0;
  for (int a = 0; a < 3; a++) {
    float *j = current + (2 - a); /* components in the order x, y, z */
    const double factor = 0.5 * scale * s->grid->voxel[a] / unit; /* half a face current / area */
    for (int64_t i = a == EXSET_AXIS_Z ? -s->plane : 0; i < cells; i++) {
      const double g = s->g[a][i];
      if (g == 0) continue;
      const int64_t k = i + step[a];
      const double low = i < 0 ? s->below[i + s->plane] : u[i];
      const double high = k < cells ? u[k] : s->above[k - cells];
      const float flux = (float)(factor * g * (low - high));
      if (i >= 0) j[3 * i] += flux;
      if (k < cells) j[3 * k] += flux;
    }
    if (a != s->axis) continue;
    current_face(&s->low, u, 1, factor, j);
    current_face(&s->high, u, 0, -factor, j);
  }
}

int conduct_fields(exset_conduct_t *conduct, conduct_system_t *s, const double *u, float *potential,
                   float *current) {
  const int64_t cells = s->nz * s->plane;
  for (int64_t i = 0; potential && i < cells; i++) potential[i] = s->code[i] ? (float)u[i] : NAN;
  if (!current) return EXSET_OK;
  EXSET_TRY(halo_of(s, u));
  current_density(s, u, s->length * conduct->sigma_max, current);
  return EXSET_OK;
}

/* (sum f / (sigma + 2 sigma0))^-1 - 2 sigma0: the Hashin-Shtrikman form for reference sigma0. */
static double hashin_shtrikman(const exset_conduct_t *c, double sigma0) {
  double sum = 0;
  for (int p = 0; p <= c->volume->n_phases; p++)
    if (c->fraction[p] > 0) sum += c->fraction[p] / (c->sigma[p] + 2 * sigma0);
  return 1 / sum - 2 * sigma0; /* sigma0 = 0 = some sigma: 1 / inf = 0 */
}

void exset_conduct_bounds(const exset_conduct_t *c, exset_conduct_bounds_t *bounds) {
  double mean = 0, resistance = 0, low = INFINITY, high = 0;
  for (int p = 0; p <= c->volume->n_phases; p++) {
    if (c->fraction[p] == 0) continue;
    mean += c->fraction[p] * c->sigma[p];
    resistance += c->fraction[p] / c->sigma[p];
    low = fmin(low, c->sigma[p]);
    high = fmax(high, c->sigma[p]);
  }
  *bounds = (exset_conduct_bounds_t){0};
  if (high == 0) return;
  bounds->wiener_low = c->sigma_max / resistance;
  bounds->wiener_high = c->sigma_max * mean;
  bounds->hs_low = c->sigma_max * hashin_shtrikman(c, low);
  bounds->hs_high = c->sigma_max * hashin_shtrikman(c, high);
}
