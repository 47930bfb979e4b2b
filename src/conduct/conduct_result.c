/* From potentials to conductivities: dissipated power, currents, current densities, bounds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conduct_impl.h"

/* The solution with the neighbouring planes. */
typedef struct {
  const double *u;
  double *below, *above; /* [CONDUCT_HALO][plane] */
} field_t;

static void field_clear(field_t *f) {
  free(f->below);
  free(f->above);
}

static int field_halo(const conduct_system_t *s, const double *u, field_t *f) {
  const int64_t last = s->nz > 1 ? s->nz - 2 : 0;
  *f = (field_t){.u = u};
  int err = exset_alloc(s->ctx, CONDUCT_HALO * s->plane, sizeof(double), &f->below);
  if (!err) err = exset_alloc(s->ctx, CONDUCT_HALO * s->plane, sizeof(double), &f->above);
  err = exset_agree(s->ctx, err);
  if (!err) err = conduct_halo(s, MPI_DOUBLE, s->plane, u, u + last * s->plane, f->below, f->above);
  if (err) field_clear(f);
  return err;
}

static const double *field_row(const conduct_system_t *s, const field_t *f, int64_t z, int64_t y) {
  y = (y + s->ny) % s->ny; /* beyond outer faces that are not periodic nothing conducts */
  if (z < 0) return f->below + (z + CONDUCT_HALO) * s->plane + y * s->nx;
  if (z >= s->nz) return f->above + (z - s->nz) * s->plane + y * s->nx;
  return f->u + z * s->plane + y * s->nx;
}

/* What flows in the direction of the axes through the six faces of a cell. */
typedef struct {
  double current[6], power[6];
} flow_t;

/* Rows of classes and potentials around a row. */
typedef struct {
  conduct_rows_t code;
  const double *u[6]; /* rows of the neighbours by face; [4] and [5]: its own */
} around_t;

static around_t around_row(const conduct_system_t *s, const field_t *f, int64_t z, int64_t y) {
  around_t r = {.code = conduct_rows(s, z, y)};
  const double *own = field_row(s, f, z, y);
  for (int side = 0; side < 2; side++) {
    r.u[side] = field_row(s, f, z + 2 * side - 1, y);
    r.u[2 + side] = field_row(s, f, z, y + 2 * side - 1);
    r.u[4 + side] = own;
  }
  return r;
}

static flow_t cell_flow(const conduct_system_t *s, const around_t *r, int64_t z, int64_t y,
                        int64_t x) {
  const uint8_t code = r->code.own[x];
  const double u = r->u[4][x];
  uint8_t neighbour[6];
  flow_t flow = {{0}, {0}};
  conduct_neighbours(s, &r->code, x, neighbour);
  for (int face = 0; face < 6; face++) {
    const int axis = face / 2, side = face % 2;
    const int64_t at = axis == EXSET_AXIS_X ? (x + 2 * side - 1 + s->nx) % s->nx : x;
    double g = conduct_g(s, axis, code, neighbour[face]), drop = 0;
    if (g > 0) {
      drop = side == FACE_LOW ? r->u[face][at] - u : u - r->u[face][at];
      if (s->periodic && axis == s->axis) drop += s->edge[axis];
    } else if (axis == s->axis) {
      g = conduct_electrode(s, side, z, y, x, code);
      drop = side == FACE_LOW ? 1 - u : u;
    }
    flow.current[face] = g * drop;
    flow.power[face] = g * drop * drop;
  }
  return flow;
}

/* Add one cell: faces at its high sides; those at its low sides only where they are electrodes. */
static void add_cell(const conduct_system_t *s, const flow_t *flow, int64_t at, double sum[6]) {
  const int a = s->axis;
  for (int axis = 0; axis < 3; axis++) {
    sum[0] += flow->power[2 * axis + FACE_HIGH];
    sum[3 + axis] += flow->current[2 * axis + FACE_HIGH] * s->edge[axis];
  }
  if (at == 0) sum[1] += flow->current[2 * a + FACE_LOW];
  if (at == 0 && !s->periodic) sum[0] += flow->power[2 * a + FACE_LOW];
  const int64_t out = s->periodic ? s->grid.n[a] / 2 : s->grid.n[a] - 1;
  if (at == out) sum[2] += flow->current[2 * a + FACE_HIGH];
}

int conduct_measure(conduct_system_t *s, const double *u, conduct_measure_t *m) {
  double sum[6] = {0}; /* power, in, out, mean currents */
  field_t f;
  EXSET_TRY(field_halo(s, u, &f));
  for (int64_t z = 0; z < s->nz; z++)
    for (int64_t y = 0; y < s->ny; y++) {
      const around_t r = around_row(s, &f, z, y);
      double row[6] = {0};
      for (int64_t x = 0; x < s->nx; x++) {
        if (!r.code.own[x]) continue;
        const flow_t flow = cell_flow(s, &r, z, y, x);
        const int64_t at[3] = {s->grid.z0 + z, y, x};
        add_cell(s, &flow, at[s->axis], row);
      }
      for (int k = 0; k < 6; k++) sum[k] += row[k];
    }
  field_clear(&f);
  EXSET_TRY(
      EXSET_MPI(s->ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 6, MPI_DOUBLE, MPI_SUM, s->ctx->comm)));
  const double cells = (double)exset_grid_cells(&s->grid);
  const double length = (double)s->grid.n[s->axis] * s->edge[s->axis];
  const double gradient = s->periodic ? 1 : 1 / length, area = cells / length;
  m->power = sum[0] / cells / (gradient * gradient);
  m->in = sum[1] / area / gradient;
  m->out = sum[2] / area / gradient;
  for (int a = 0; a < 3; a++) m->current[a] = sum[3 + a] / cells / gradient;
  return EXSET_OK;
}

/* ---- fields ------------------------------------------------------------------------------------ */

/* Potential and current density of one row of the system; NULL: not wanted. */
static void field_values(const exset_conduct_t *conduct, const conduct_system_t *s,
                         const field_t *f, int64_t z, int64_t y, int64_t nx, float *potential,
                         float *current) {
  const double *h = s->grid.voxel, unit = s->periodic ? h[s->axis] / s->edge[s->axis] : 1;
  const double length = (double)s->grid.n[s->axis] * s->edge[s->axis];
  const double scale = 0.5 * conduct->sigma_max * (s->periodic ? 1 : length);
  const around_t r = around_row(s, f, z, y);
  for (int64_t x = 0; x < nx; x++) {
    const bool active = r.code.own[x] != 0;
    if (potential) potential[x] = active ? (float)(unit * r.u[4][x]) : NAN;
    if (!current) continue;
    flow_t flow = {{0}, {0}};
    if (active) flow = cell_flow(s, &r, z, y, x);
    for (int a = 0; a < 3; a++) /* the mean of both faces; components x, y, z */
      current[3 * x + 2 - a] =
          (float)(scale * s->edge[a] * (flow.current[2 * a] + flow.current[2 * a + 1]));
  }
}

/* Values of the system's rows that are the volume's, moved to the volume's slabs. Collective. */
static int move_back(const exset_conduct_t *conduct, const conduct_system_t *s, int64_t planes,
                     int64_t row_bytes, const void *own, void *out) {
  const exset_grid_t *v = &conduct->volume->grid;
  const exset_rows_t from = {planes > 0 ? s->grid.z0 : 0, planes, 0, v->n[1]};
  const exset_rows_t to = {v->z0, v->nz_local, 0, v->n[1]};
  return exset_grid_move_rows(s->ctx, row_bytes, from, own, to, out);
}

int conduct_fields(exset_conduct_t *conduct, conduct_system_t *s, const double *u, float *potential,
                   float *current) {
  if (!potential && !current) return EXSET_OK;
  const exset_grid_t *v = &conduct->volume->grid;
  const int64_t left = v->n[0] - s->grid.z0;
  const int64_t planes = left < 0 ? 0 : left < s->nz ? left : s->nz, plane = v->n[1] * v->n[2];
  float *own[2] = {NULL, NULL}, *wanted[2] = {potential, current};
  field_t f;
  EXSET_TRY(field_halo(s, u, &f));
  int err = EXSET_OK;
  for (int k = 0; k < 2 && !err; k++)
    if (wanted[k]) err = exset_alloc(s->ctx, planes * plane * (k ? 3 : 1), sizeof(float), &own[k]);
  err = exset_agree(s->ctx, err);
  for (int64_t z = 0; !err && z < planes; z++)
    for (int64_t y = 0; y < v->n[1]; y++) {
      const int64_t k = z * plane + y * v->n[2];
      field_values(conduct, s, &f, z, y, v->n[2], own[0] ? own[0] + k : NULL,
                   own[1] ? own[1] + 3 * k : NULL);
    }
  for (int k = 0; k < 2; k++) {
    const int64_t bytes = v->n[2] * (int64_t)sizeof(float) * (k ? 3 : 1);
    if (!err && wanted[k]) err = move_back(conduct, s, planes, bytes, own[k], wanted[k]);
    free(own[k]);
  }
  field_clear(&f);
  return err;
}

/* ---- bounds ------------------------------------------------------------------------------------ */
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
