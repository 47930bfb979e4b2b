/* The operator A u on slabs, without a matrix. */
#include "conduct_impl.h"

/* Rows around one row of cells; conductances to the lower neighbours come from the rows below. */
typedef struct {
  const double *u, *y0, *y1, *z0, *z1; /* this row, its neighbours along y and z */
  const float *gx, *gy0, *gy1, *gz0, *gz1;
} row_t;

static inline double row_cell(const row_t *r, int64_t x) {
  const double u = r->u[x];
  return r->gy1[x] * (u - r->y1[x]) + r->gy0[x] * (u - r->y0[x]) + r->gz1[x] * (u - r->z1[x]) +
         r->gz0[x] * (u - r->z0[x]);
}

CONDUCT_SIMD static void apply_row(const row_t *r, int64_t nx, double *restrict y) {
  y[0] = row_cell(r, 0);
  for (int64_t x = 1; x < nx; x++) y[x] = row_cell(r, x) + r->gx[x - 1] * (r->u[x] - r->u[x - 1]);
  for (int64_t x = 0; x < nx - 1; x++) y[x] += r->gx[x] * (r->u[x] - r->u[x + 1]);
}

/* What flows to an electrode at u = 0 from the cells of one row. edge: the electrode's cells along the axis. */
static void add_electrode(const conduct_system_t *s, const conduct_face_t *f, int64_t edge,
                          int64_t z, int64_t row, const double *u, double *y) {
  if (f->n[0] == 0) return;
  if (s->axis == EXSET_AXIS_X) {
    y[edge] += f->g[z * s->ny + row] * u[edge];
  } else if ((s->axis == EXSET_AXIS_Z ? z : row) == edge) {
    const float *g = f->g + (s->axis == EXSET_AXIS_Z ? row : z) * s->nx;
    for (int64_t x = 0; x < s->nx; x++) y[x] += g[x] * u[x];
  }
}

void conduct_expand(const conduct_system_t *s, const double *v, int64_t z, double *plane) {
  const uint8_t *code = s->code + z * s->plane;
  const int64_t end = s->start[z + 1];
  int64_t i = 0;
  for (int64_t k = s->start[z]; k < end; i++) { /* no branch in the loop */
    const bool active = code[i] != 0;
    plane[i] = active ? v[k] : 0;
    k += active;
  }
  for (; i < s->plane; i++) plane[i] = 0;
}

/* One plane of A u from u there and beside, to the vector y. */
static void apply_plane(const conduct_system_t *s, int64_t z, const double *below,
                        const double *here, const double *above, double *y) {
  const int64_t nx = s->nx, last[3] = {s->nz - 1, s->ny - 1, s->nx - 1};
  const int64_t end = s->start[z + 1];
  int64_t to = s->start[z];
  for (int64_t row = 0; row < s->ny && to < end; row++) {
    const int64_t k = row * nx, i = z * s->plane + k;
    const row_t r = {.u = here + k,
                     .y0 = here + (row > 0 ? k - nx : k), /* at the outer faces g = 0 */
                     .y1 = here + (row < s->ny - 1 ? k + nx : k),
                     .z0 = below + k,
                     .z1 = above + k,
                     .gx = s->g[2] + i,
                     .gy0 = s->g[1] + i - nx,
                     .gy1 = s->g[1] + i,
                     .gz0 = s->g[0] + i - s->plane,
                     .gz1 = s->g[0] + i};
    apply_row(&r, nx, s->row);
    add_electrode(s, &s->low, 0, z, row, r.u, s->row);
    add_electrode(s, &s->high, last[s->axis], z, row, r.u, s->row);
    const uint8_t *code = s->code + i;
    for (int64_t x = 0; x < nx && to < end; x++) {
      y[to] = s->row[x];
      to += code[x] != 0;
    }
  }
}

int conduct_apply(conduct_system_t *s, const double *u, double *y) {
  if (s->nz == 0) return EXSET_OK;
  conduct_expand(s, u, s->nz - 1, s->work[1]);
  conduct_expand(s, u, 0, s->work[0]);
  EXSET_TRY(conduct_halo(s->ctx, s->down, s->up, MPI_DOUBLE, s->plane, s->work[0], s->work[1],
                         s->below, s->above));
  const double *below = s->below;
  for (int64_t z = 0; z < s->nz; z++) {
    double *here = s->work[z % 3], *next = s->work[(z + 1) % 3];
    if (z + 1 < s->nz) conduct_expand(s, u, z + 1, next);
    apply_plane(s, z, below, here, z + 1 < s->nz ? next : s->above, y);
    below = here;
  }
  return EXSET_OK;
}
