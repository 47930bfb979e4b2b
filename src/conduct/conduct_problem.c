/* The problem: phases to conductivities, percolation, face conductances, electrodes. */
#include "conduct_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int check_sigma(exset_ctx_t *ctx, int n_phases, const double *sigma, double *max) {
  double low = INFINITY, high = 0;
  for (int p = 0; p < n_phases; p++) {
    if (!(sigma[p] >= 0) || isinf(sigma[p]))
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "conductivity %g of phase %d is not allowed: finite and at least 0",
                        sigma[p], p + 1);
    if (sigma[p] > 0) low = fmin(low, sigma[p]);
    high = fmax(high, sigma[p]);
  }
  if (high == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "all conductivities are 0: at least one phase must conduct");
  if (low < 1e-15 * high)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "conductivities %g and %g differ by more than a factor 10^15: take the lower "
                      "one as 0",
                      low, high);
  *max = high;
  return EXSET_OK;
}

/* Mask of conducting cells and fractions of the phases; checks that phases are in range. Collective. */
static int classify(exset_ctx_t *ctx, exset_conduct_t *c) {
  const exset_volume_t *v = c->volume;
  const int64_t cells = exset_grid_cells_local(&v->grid);
  int64_t count[257] = {0};
  c->conducting = 0;
  for (int64_t i = 0; i < cells; i++) count[v->phase[i]]++;
  for (int p = v->n_phases + 1; p < 256; p++) count[256] += count[p];
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, count, 257, MPI_INT64_T, MPI_SUM, ctx->comm)));
  if (count[256])
    return exset_fail(ctx, EXSET_ERR_INPUT, "the volume holds %lld cells of phases beyond %d",
                      (long long)count[256], v->n_phases);
  const double all = (double)exset_grid_cells(&v->grid);
  for (int p = 0; p <= v->n_phases; p++) {
    c->fraction[p] = (double)count[p] / all;
    if (c->sigma[p] > 0) c->conducting += c->fraction[p];
  }
  for (int64_t i = 0; i < cells; i++) c->mask[i] = c->sigma[v->phase[i]] > 0;
  return EXSET_OK;
}

/* Do the same phases conduct as before? */
static bool same_phases(const exset_conduct_t *c, const double *sigma) {
  for (int p = 1; p <= c->volume->n_phases; p++)
    if ((c->sigma[p] > 0) != (sigma[p - 1] > 0)) return false;
  return true;
}

int exset_conduct_change(exset_conduct_t *c, const double *sigma) {
  const int n_phases = c->volume->n_phases;
  double max = 0;
  EXSET_TRY(check_sigma(c->ctx, n_phases, sigma, &max));
  const bool labelled = c->sigma_max > 0 && same_phases(c, sigma);
  c->sigma_max = max;
  for (int p = 1; p <= n_phases; p++) c->sigma[p] = sigma[p - 1] / max;
  if (!labelled) EXSET_TRY(classify(c->ctx, c));
  c->mean = 0;
  for (int p = 1; p <= n_phases; p++) c->mean += c->fraction[p] * c->sigma[p];
  if (c->conducting > 0) c->mean /= c->conducting;
  if (labelled) return EXSET_OK;
  exset_components_clear(&c->components);
  return exset_components_label(c->ctx, &c->volume->grid, c->mask, &c->components);
}

int exset_conduct_create(exset_ctx_t *ctx, const exset_volume_t *volume, exset_boundary_t boundary,
                         const double *sigma, exset_conduct_t **conduct) {
  *conduct = NULL;
  exset_conduct_t *c = NULL;
  int err = exset_alloc(ctx, 1, sizeof *c, &c);
  if (!err) err = exset_alloc(ctx, volume->n_phases + 1, sizeof *c->sigma, &c->sigma);
  if (!err) err = exset_alloc(ctx, volume->n_phases + 1, sizeof *c->fraction, &c->fraction);
  if (!err) err = exset_alloc(ctx, exset_grid_cells_local(&volume->grid), 1, &c->mask);
  EXSET_TRY_GOTO(err, fail, exset_agree(ctx, err));
  c->ctx = ctx;
  c->volume = volume;
  c->boundary = boundary;
  EXSET_TRY_GOTO(err, fail, exset_conduct_change(c, sigma));
  *conduct = c;
  return EXSET_OK;
fail:
  exset_conduct_destroy(&c);
  return err;
}

int exset_conduct_destroy(exset_conduct_t **conduct) {
  exset_conduct_t *c = *conduct;
  if (!c) return EXSET_OK;
  exset_components_clear(&c->components);
  free(c->sigma);
  free(c->fraction);
  free(c->mask);
  free(c);
  *conduct = NULL;
  return EXSET_OK;
}

int conduct_alloc_slab(exset_ctx_t *ctx, int64_t nz, int64_t plane, size_t item,
                       void *pointer_out) {
  char *base;
  EXSET_TRY(exset_alloc(ctx, exset_mul3(nz + 2, plane, 1), item, &base));
  base += (size_t)plane * item;
  memcpy(pointer_out, &base, sizeof base);
  return EXSET_OK;
}

void conduct_free_slab(void *pointer, int64_t plane, size_t item) {
  if (pointer) free((char *)pointer - (size_t)plane * item);
}

int conduct_halo(exset_ctx_t *ctx, int down, int up, MPI_Datatype type, int64_t plane,
                 const void *first, const void *last, void *below, void *above) {
  enum { TAG_UP = 11, TAG_DOWN = 12 };
  const int n = (int)plane; /* at most 2^31 - 1, see system_shape */
  EXSET_TRY(EXSET_MPI(ctx, MPI_Sendrecv(last, n, type, up, TAG_UP, below, n, type, down, TAG_UP,
                                        ctx->comm, MPI_STATUS_IGNORE)));
  return EXSET_MPI(ctx, MPI_Sendrecv(first, n, type, down, TAG_DOWN, above, n, type, up, TAG_DOWN,
                                     ctx->comm, MPI_STATUS_IGNORE));
}

/* Sizes, neighbours and arrays. Collective. */
static int system_shape(exset_conduct_t *conduct, int axis, conduct_system_t *s) {
  exset_ctx_t *ctx = conduct->ctx;
  const exset_grid_t *g = &conduct->volume->grid;
  *s = (conduct_system_t){.ctx = ctx, .grid = g, .axis = axis, .nz = g->nz_local};
  s->ny = g->n[1];
  s->nx = g->n[2];
  s->plane = s->ny * s->nx;
  if (s->plane > INT32_MAX)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "planes of %lld x %lld cells are too large: at most 2^31 - 1 cells",
                      (long long)s->ny, (long long)s->nx);
  const bool empty = s->nz == 0;
  s->down = empty || g->z0 == 0 ? MPI_PROC_NULL : ctx->rank - 1;
  s->up = empty || g->z0 + s->nz == g->n[0] ? MPI_PROC_NULL : ctx->rank + 1;
  int err = conduct_alloc_slab(ctx, s->nz, s->plane, 1, &s->code);
  for (int a = 0; a < 3 && !err; a++)
    err = conduct_alloc_slab(ctx, s->nz, s->plane, sizeof(float), &s->g[a]);
  if (!err) err = exset_alloc(ctx, s->plane, sizeof(double), &s->below);
  if (!err) err = exset_alloc(ctx, s->plane, sizeof(double), &s->above);
  for (int k = 0; k < 3 && !err; k++) err = exset_alloc(ctx, s->plane, sizeof(double), &s->work[k]);
  if (!err) err = exset_alloc(ctx, s->nx, sizeof(double), &s->row);
  if (!err) err = exset_alloc(ctx, s->nz + 1, sizeof *s->start, &s->start);
  return exset_agree(ctx, err);
}

/* Phases of the cells that carry current, with the neighbouring planes; counts them. Collective. */
static int system_percolate(exset_conduct_t *conduct, conduct_system_t *s) {
  exset_ctx_t *ctx = s->ctx;
  const exset_components_t *c = &conduct->components;
  uint8_t *touches = NULL;
  EXSET_TRY(exset_alloc_all(ctx, c->n_local + 1, 1, &touches));
  const int err = exset_components_touch(ctx, s->grid, conduct->mask, c, s->axis, touches);
  const uint8_t both = EXSET_TOUCHES_LOW | EXSET_TOUCHES_HIGH;
  for (int64_t z = 0; !err && z < s->nz; z++) {
    s->start[z] = s->unknowns;
    for (int64_t i = z * s->plane; i < (z + 1) * s->plane; i++)
      if (touches[c->piece[i]] == both) {
        s->code[i] = conduct->volume->phase[i];
        s->unknowns++;
      }
  }
  s->start[s->nz] = s->unknowns;
  free(touches);
  if (err) return err;
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Allreduce(MPI_IN_PLACE, &s->unknowns, 1, MPI_INT64_T, MPI_SUM, ctx->comm)));
  const int64_t end = s->nz * s->plane;
  if (s->nz == 0) return EXSET_OK;
  return conduct_halo(ctx, s->down, s->up, MPI_BYTE, s->plane, s->code, s->code + end - s->plane,
                      s->code - s->plane, s->code + end);
}

/* Conductances of the faces along one axis from a table of phase pairs. */
static void fill_axis(conduct_system_t *s, int a, int m, const float *table) {
  const int64_t step = a == EXSET_AXIS_Z ? s->plane : a == EXSET_AXIS_Y ? s->nx : 1;
  const int64_t begin = a == EXSET_AXIS_Z ? -1 : 0; /* also the faces to the slab below */
  const int64_t ny = a == EXSET_AXIS_Y ? s->ny - 1 : s->ny;
  const int64_t nx = a == EXSET_AXIS_X ? s->nx - 1 : s->nx;
  for (int64_t z = begin; z < s->nz; z++)
    for (int64_t y = 0; y < ny; y++) {
      const uint8_t *code = s->code + z * s->plane + y * s->nx;
      float *g = s->g[a] + z * s->plane + y * s->nx;
      for (int64_t x = 0; x < nx; x++) g[x] = table[code[x] * m + code[x + step]];
    }
}

/* One electrode. Local. */
static int fill_face(exset_conduct_t *conduct, conduct_system_t *s, bool high, double geometry,
                     conduct_face_t *f) {
  const int64_t n[3] = {s->nz, s->ny, s->nx}, stride[3] = {s->plane, s->nx, 1};
  const int axis = s->axis, a = axis == EXSET_AXIS_Z ? 1 : 0, b = axis == EXSET_AXIS_X ? 1 : 2;
  const bool here =
      s->nz > 0 && (axis != EXSET_AXIS_Z || (high ? s->up : s->down) == MPI_PROC_NULL);
  *f = (conduct_face_t){.n = {here ? n[a] : 0, n[b]}, .stride = {stride[a], stride[b]}};
  f->first = high ? (n[axis] - 1) * stride[axis] : 0;
  EXSET_TRY(exset_alloc(s->ctx, f->n[0] * f->n[1], sizeof *f->g, &f->g));
  for (int64_t i = 0; i < f->n[0]; i++)
    for (int64_t j = 0; j < f->n[1]; j++)
      f->g[i * f->n[1] + j] =
          (float)(2 * geometry * conduct->sigma[s->code[conduct_face_cell(f, i, j)]]);
  return EXSET_OK;
}

static int system_fill(exset_conduct_t *conduct, conduct_system_t *s) {
  const exset_grid_t *grid = s->grid;
  const int m = conduct->volume->n_phases + 1;
  const double unit = cbrt(grid->voxel[0] * grid->voxel[1] * grid->voxel[2]);
  float *table;
  EXSET_TRY(exset_alloc(s->ctx, (int64_t)m * m, sizeof *table, &table));
  for (int a = 0; a < 3; a++) {
    const double h = grid->voxel[a] / unit, geometry = 1 / (h * h); /* area / h, cell volume 1 */
    for (int p = 0; p < m * m; p++) {
      const double s1 = conduct->sigma[p / m], s2 = conduct->sigma[p % m];
      table[p] = s1 > 0 && s2 > 0 ? (float)(geometry * 2 / (1 / s1 + 1 / s2)) : 0;
    }
    fill_axis(s, a, m, table);
    if (a != s->axis) continue;
    s->length = (double)grid->n[a] * h;
    s->area = (double)exset_grid_cells(grid) / s->length;
    int err = fill_face(conduct, s, false, geometry, &s->low);
    if (!err) err = fill_face(conduct, s, true, geometry, &s->high);
    if (err) {
      free(table);
      return err;
    }
  }
  free(table);
  return EXSET_OK;
}

int conduct_system_create(exset_conduct_t *conduct, int axis, conduct_system_t *s) {
  int err = system_shape(conduct, axis, s);
  if (!err) err = system_percolate(conduct, s);
  if (!err && s->unknowns > 0) err = exset_agree(s->ctx, system_fill(conduct, s));
  if (err) conduct_system_clear(s);
  return err;
}

void conduct_system_clear(conduct_system_t *s) {
  conduct_free_slab(s->code, s->plane, 1);
  for (int a = 0; a < 3; a++) conduct_free_slab(s->g[a], s->plane, sizeof(float));
  free(s->low.g);
  free(s->high.g);
  free(s->below);
  free(s->above);
  for (int k = 0; k < 3; k++) free(s->work[k]);
  free(s->row);
  free(s->start);
  *s = (conduct_system_t){0};
}
