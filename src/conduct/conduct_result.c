/* From potentials to conductivities: dissipated power, currents, current densities, bounds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conduct_impl.h"

/* ---- conductivities -------------------------------------------------------------------------- */

typedef struct {
  const conduct_system_t *s;
  const double *x; /* black cells */
  double power, in, out, current[3];
} sums_t;

/* Which sum a current along the axis through plane k of faces, before cell k, belongs to; NULL: none. */
static double *plane_sum(sums_t *m, int64_t k) {
  const int64_t n = m->s->grid.n[m->s->axis];
  if (k == 0 || (m->s->periodic && k == n)) return &m->in;
  if (k == (m->s->periodic ? n / 2 : n)) return &m->out;
  return NULL;
}

/* The faces of one red cell. */
static void add_faces(sums_t *m, int64_t at, uint8_t code, const uint8_t neighbour[6], double u,
                      const double other[6]) {
  const conduct_system_t *s = m->s;
  for (int f = 0; f < 6; f++) {
    const int axis = f / 2, side = f % 2;
    const double g = conduct_g(s, axis, code, neighbour[f]);
    if (g == 0) continue;
    double drop = side == FACE_LOW ? other[f] - u : u - other[f];
    if (s->periodic && axis == s->axis) drop += s->edge[axis];
    m->power += g * drop * drop;
    m->current[axis] += g * drop * s->edge[axis];
    double *sum = axis == s->axis ? plane_sum(m, at + side) : NULL;
    if (sum) *sum += g * drop;
  }
}

/* What flows between an electrode and the cells of a row, of both colours. */
static void add_electrodes(sums_t *m, int64_t z, int64_t y, const double *red) {
  const conduct_system_t *s = m->s;
  const uint8_t *code = s->code + z * s->plane + y * s->nx;
  const double *black = m->x + z * s->packed + y * s->half;
  const int64_t n = s->grid.n[s->axis], at = s->axis == EXSET_AXIS_Z ? s->grid.z0 + z : y;
  const bool across = s->axis == EXSET_AXIS_X; /* only the row's ends touch electrodes */
  const int shift = conduct_shift(s, z, y, RED);
  if (s->periodic || (!across && at > 0 && at < n - 1)) return;
  for (int64_t x = 0; x < s->nx; x += across && x == 0 && s->nx > 1 ? s->nx - 1 : 1) {
    const double u = (x % 2 == shift ? red : black)[x / 2];
    for (int side = 0; side < 2; side++) {
      const double g = conduct_electrode(s, side, z, y, x, code[x]);
      const double drop = side == FACE_LOW ? 1 - u : u;
      m->power += g * drop * drop;
      *(side == FACE_LOW ? &m->in : &m->out) += g * drop;
    }
  }
}

static void add_row(void *user, int64_t z, int64_t y, const double *red,
                    const double *const neighbour[6]) {
  sums_t *m = user;
  const conduct_system_t *s = m->s;
  sums_t row = {.s = s, .x = m->x};
  const conduct_rows_t code = conduct_rows(s, z, y);
  const int shift = conduct_shift(s, z, y, RED);
  for (int64_t x = shift; x < s->nx; x += 2) {
    const int64_t at[3] = {s->grid.z0 + z, y, x};
    uint8_t beside[6];
    double other[6];
    if (!code.own[x]) continue;
    conduct_neighbours(s, &code, x, beside);
    for (int f = 0; f < 6; f++) other[f] = neighbour[f][x / 2];
    add_faces(&row, at[s->axis], code.own[x], beside, red[x / 2], other);
  }
  add_electrodes(&row, z, y, red);
  m->power += row.power;
  m->in += row.in;
  m->out += row.out;
  for (int a = 0; a < 3; a++) m->current[a] += row.current[a];
}

int conduct_measure(conduct_system_t *s, const double *x, conduct_measure_t *m) {
  sums_t own = {.s = s, .x = x};
  EXSET_TRY(conduct_visit(s, x, add_row, &own));
  double sum[6] = {own.power, own.in, own.out, own.current[0], own.current[1], own.current[2]};
  EXSET_TRY(
      EXSET_MPI(s->ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 6, MPI_DOUBLE, MPI_SUM, s->ctx->comm)));
  const double cells = (double)exset_grid_cells(&s->grid);
  const double length = (double)s->grid.n[s->axis] * s->edge[s->axis];
  const double gradient = s->periodic ? 1 : 1 / length, area = cells / length;
  m->per_energy = 1 / cells / (gradient * gradient);
  m->power = sum[0] * m->per_energy;
  m->in = sum[1] / area / gradient;
  m->out = sum[2] / area / gradient;
  for (int a = 0; a < 3; a++) m->current[a] = sum[3 + a] / cells / gradient;
  return EXSET_OK;
}

/* ---- fields ------------------------------------------------------------------------------------ */

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
  double current[6];
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
  flow_t flow = {{0}};
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
  }
  return flow;
}

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
    flow_t flow = {{0}};
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
