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

static void apply_row(const row_t *r, int64_t nx, double *restrict y) {
  y[0] = row_cell(r, 0);
  for (int64_t x = 1; x < nx; x++) y[x] = row_cell(r, x) + r->gx[x - 1] * (r->u[x] - r->u[x - 1]);
  for (int64_t x = 0; x < nx - 1; x++) y[x] += r->gx[x] * (r->u[x] - r->u[x + 1]);
}

static void apply_face(const conduct_face_t *f, const double *u, double *y) {
  for (int64_t i = 0; i < f->n[0]; i++)
    for (int64_t j = 0; j < f->n[1]; j++) {
      const int64_t k = conduct_face_cell(f, i, j);
      y[k] += f->g[i * f->n[1] + j] * u[k];
    }
}

int conduct_apply(conduct_system_t *s, const double *u, double *y) {
  const int64_t nx = s->nx, end = s->nz * s->plane;
  if (s->nz == 0) return EXSET_OK;
  EXSET_TRY(conduct_halo(s->ctx, s->down, s->up, MPI_DOUBLE, s->plane, u, u + end - s->plane,
                         s->below, s->above));
  for (int64_t z = 0; z < s->nz; z++) {
    const double *here = u + z * s->plane;
    const double *below = z > 0 ? here - s->plane : s->below;
    const double *above = z < s->nz - 1 ? here + s->plane : s->above;
    for (int64_t row = 0; row < s->ny; row++) {
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
      apply_row(&r, nx, y + i);
    }
  }
  apply_face(&s->low, u, y);
  apply_face(&s->high, u, y);
  return EXSET_OK;
}
