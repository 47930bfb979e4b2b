/* The multigrid cycle. Planes are worked on in waves, so that each is read from memory once on the way down and once up. */
#include <math.h>

#include "conduct_mg.h"

/* ---- kernels on one plane; colour 0: cells with an even sum of coordinates -------------------- */

/* 1 where the cells of a row have the colour, from its first cell on. */
static const float *row_stripe(const mg_level_t *l, int64_t z, int64_t y, int colour) {
  return l->stripe + ((l->z0 + z + y + colour + 1) & 1);
}

CONDUCT_SIMD static void first_row(int64_t n, const float *restrict m, const float *restrict d,
                                   const float *restrict b, float *restrict x) {
  for (int64_t i = 0; i < n; i++) x[i] = m[i] * d[i] * b[i];
}

/* First half sweep from x = 0. */
static void first_colour(const mg_level_t *l, int64_t z) {
  for (int64_t y = 0; y < l->ny; y++) {
    const int64_t k = z * l->plane + y * l->nx;
    first_row(l->nx, row_stripe(l, z, y, 0), l->inverse + k, l->b + k, l->x + k);
  }
}

/* What the neighbours bring to the cells of one row: sum of conductance times x. */
CONDUCT_SIMD static void gather_row(const mg_level_t *l, int64_t k, float *restrict sum) {
  const int64_t n = l->nx, plane = l->plane;
  const float *restrict gx = l->g[2] + k, *restrict gx0 = gx - 1, *restrict gy = l->g[1] + k,
                        *restrict gy0 = gy - n, *restrict gz = l->g[0] + k,
                        *restrict gz0 = gz - plane;
  const float *restrict x = l->x + k, *restrict x0 = x - 1, *restrict x1 = x + 1,
                        *restrict y0 = x - n, *restrict y1 = x + n, *restrict z0 = x - plane,
                        *restrict z1 = x + plane;
  for (int64_t i = 0; i < n; i++)
    sum[i] = gx[i] * x1[i] + gx0[i] * x0[i] + gy[i] * y1[i] + gy0[i] * y0[i] + gz[i] * z1[i] +
             gz0[i] * z0[i];
}

CONDUCT_SIMD static void update_row(int64_t n, const float *restrict m, const float *restrict d,
                                    const float *restrict b, const float *restrict sum,
                                    float *restrict x) {
  for (int64_t i = 0; i < n; i++) x[i] += m[i] * (d[i] * (b[i] + sum[i]) - x[i]);
}

CONDUCT_SIMD static void add_row(int64_t n, const float *restrict m, const float *restrict sum,
                                 float *restrict to) {
  for (int64_t i = 0; i < n; i++) to[i] += m[i] * sum[i];
}

/* Gauss-Seidel on the cells of one colour: their neighbours have the other one and stay. */
static void relax(const mg_level_t *l, int64_t z, int colour) {
  for (int64_t y = 0; y < l->ny; y++) {
    const int64_t k = z * l->plane + y * l->nx;
    gather_row(l, k, l->sum);
    update_row(l->nx, row_stripe(l, z, y, colour), l->inverse + k, l->b + k, l->sum, l->x + k);
  }
}

/*
 * Add the residual of one row to `to`. After a sweep from x = 0 it vanishes on the second colour; on the
 * first b - d x = 0 was set before the second came, so that what the neighbours bring is all.
 */
static void add_residual(const mg_level_t *l, int64_t z, int64_t y, float *to) {
  gather_row(l, z * l->plane + y * l->nx, l->sum);
  add_row(l->nx, row_stripe(l, z, y, 0), l->sum, to);
}

/* Right-hand side of one coarse plane: residuals of the aggregates, added. */
static void restrict_plane(const mg_level_t *l, const mg_level_t *coarse, int64_t cz) {
  for (int64_t cy = 0; cy < coarse->ny; cy++) {
    float *row = l->row, *b = coarse->b + cz * coarse->plane + cy * coarse->nx;
    for (int64_t i = 0; i < l->nx + 1; i++) row[i] = 0;
    for (int64_t z = 2 * cz; z < 2 * cz + 2 && z < l->nz; z++)
      for (int64_t y = 2 * cy; y < 2 * cy + 2 && y < l->ny; y++) add_residual(l, z, y, row);
    for (int64_t i = 0; i < coarse->nx; i++) b[i] = row[2 * i] + row[2 * i + 1];
  }
}

/* Add the coarse correction to one plane; cz: its aggregates' plane. */
CONDUCT_SIMD static void prolong_plane(const mg_level_t *l, const mg_level_t *coarse, int64_t z,
                                       int64_t cz) {
  for (int64_t y = 0; y < l->ny; y++) {
    const float *restrict c = coarse->x + cz * coarse->plane + y / 2 * coarse->nx;
    float *restrict x = l->x + z * l->plane + y * l->nx;
    const int64_t half = l->nx / 2;
    for (int64_t i = 0; i < half; i++) {
      x[2 * i] += c[i];
      x[2 * i + 1] += c[i];
    }
    if (l->nx % 2) x[l->nx - 1] += c[half];
  }
}

/* ---- the cycle ------------------------------------------------------------------------------ */

static int halo(exset_ctx_t *ctx, const mg_level_t *l, int64_t nz, float *v) {
  const int64_t end = nz * l->plane;
  return conduct_halo(ctx, l->down, l->up, MPI_FLOAT, l->plane, v, v + end - l->plane, v - l->plane,
                      v + end);
}

/* Move the parts of b to the leaders or those of x back. */
static int move_parts(exset_ctx_t *ctx, const mg_level_t *l, float *v, bool to_leader) {
  enum { TAG = 31 };
  const int n = (int)l->plane;
  if (l->leader != ctx->rank) {
    for (int64_t z = 0; z < l->part_nz; z++) {
      float *plane = v + z * l->plane;
      EXSET_TRY(EXSET_MPI(ctx, to_leader ? MPI_Send(plane, n, MPI_FLOAT, l->leader, TAG, ctx->comm)
                                         : MPI_Recv(plane, n, MPI_FLOAT, l->leader, TAG, ctx->comm,
                                                    MPI_STATUS_IGNORE)));
    }
    return EXSET_OK;
  }
  float *plane = v + l->part_nz * l->plane;
  for (int m = 1; m < l->members; m++) {
    const int member = ctx->rank + m * l->stride;
    for (int64_t z = 0; z < l->parts[m]; z++, plane += l->plane)
      EXSET_TRY(EXSET_MPI(
          ctx, to_leader ? MPI_Recv(plane, n, MPI_FLOAT, member, TAG, ctx->comm, MPI_STATUS_IGNORE)
                         : MPI_Send(plane, n, MPI_FLOAT, member, TAG, ctx->comm)));
  }
  return EXSET_OK;
}

/* Right-hand side of level 0, one plane; other levels have theirs. */
static void load_plane(const conduct_mg_t *mg, const mg_level_t *l, int64_t z) {
  if (l != mg->level) return;
  const conduct_system_t *s = mg->system;
  const uint8_t *code = s->code + z * s->plane;
  const int64_t end = s->start[z + 1];
  float *b = l->b + z * l->plane;
  int64_t i = 0;
  for (int64_t k = s->start[z]; k < end; i++) {
    const bool active = code[i] != 0;
    b[i] = active ? (float)mg->r[k] : 0;
    k += active;
  }
  for (; i < l->plane; i++) b[i] = 0;
}

/* The result of level 0, one plane. */
static void store_plane(const conduct_mg_t *mg, const mg_level_t *l, int64_t z) {
  if (l != mg->level) return;
  const conduct_system_t *s = mg->system;
  const uint8_t *code = s->code + z * s->plane;
  const int64_t end = s->start[z + 1];
  const float *x = l->x + z * l->plane;
  int64_t i = 0;
  for (int64_t k = s->start[z]; k < end; i++) {
    mg->z[k] = x[i];
    k += code[i] != 0;
  }
}

/* Down: sweep from x = 0, residual to the coarse level. */
static int descend(const conduct_mg_t *mg, const mg_level_t *l, const mg_level_t *coarse) {
  const int64_t nz = l->nz, last = coarse->part_nz - 1;
  load_plane(mg, l, 0);
  if (nz > 1) load_plane(mg, l, nz - 1);
  EXSET_TRY(halo(mg->ctx, l, nz, l->b));
  for (int64_t z = -1; z <= nz; z++) { /* planes -1 and nz: what the neighbours do */
    if (z > 0 && z < nz - 1) load_plane(mg, l, z);
    first_colour(l, z);
    if (z >= 1) relax(l, z - 1, 1);
    const int64_t done = z - 2; /* its neighbours up to z - 1 are swept */
    if (done >= 0 && done % 2 == 1 && done / 2 > 0 && done / 2 < last)
      restrict_plane(l, coarse, done / 2);
  }
  EXSET_TRY(halo(mg->ctx, l, nz, l->x));
  restrict_plane(l, coarse, 0);
  if (last > 0) restrict_plane(l, coarse, last);
  return EXSET_OK;
}

/* Up: coarse correction and the mirrored sweep. */
static int ascend(const conduct_mg_t *mg, const mg_level_t *l, const mg_level_t *coarse) {
  const int64_t nz = l->nz;
  if (l->down != MPI_PROC_NULL) prolong_plane(l, coarse, -1, -1);
  if (l->up != MPI_PROC_NULL) prolong_plane(l, coarse, nz, coarse->part_nz);
  prolong_plane(l, coarse, 0, 0);
  for (int64_t z = 0; z < nz; z++) {
    if (z + 1 < nz) prolong_plane(l, coarse, z + 1, (z + 1) / 2);
    relax(l, z, 1);
    if (z < 2) continue;
    relax(l, z - 1, 0);
    store_plane(mg, l, z - 1);
  }
  EXSET_TRY(halo(mg->ctx, l, nz, l->x));
  relax(l, 0, 0);
  store_plane(mg, l, 0);
  if (nz == 1) return EXSET_OK;
  relax(l, nz - 1, 0);
  store_plane(mg, l, nz - 1);
  return EXSET_OK;
}

static int solve_level(const conduct_mg_t *mg, int k);

/* x = B b, one cycle from level k downwards. Ranks that lead at this level. */
static int cycle(const conduct_mg_t *mg, int k) {
  exset_ctx_t *ctx = mg->ctx;
  const mg_level_t *l = &mg->level[k], *coarse = l + 1;
  if (k == mg->n_levels - 1) { /* one cell */
    load_plane(mg, l, 0);
    l->x[0] = l->inverse[0] * l->b[0];
    store_plane(mg, l, 0);
    return EXSET_OK;
  }
  EXSET_TRY(descend(mg, l, coarse));
  EXSET_TRY(move_parts(ctx, coarse, coarse->b, true));
  EXSET_TRY(solve_level(mg, k + 1));
  EXSET_TRY(move_parts(ctx, coarse, coarse->x, false));
  const mg_level_t part = {.down = l->down, .up = l->up, .plane = coarse->plane};
  EXSET_TRY(halo(ctx, &part, coarse->part_nz, coarse->x));
  return ascend(mg, l, coarse);
}

/* One row of b0 - A x. Differences first: strong conductances do not drown weak ones. */
CONDUCT_SIMD static void residual_row(const mg_level_t *l, int64_t k, const float *restrict b0,
                                      float *restrict b) {
  const int64_t n = l->nx, plane = l->plane;
  const float *restrict gx = l->g[2] + k, *restrict gx0 = gx - 1, *restrict gy = l->g[1] + k,
                        *restrict gy0 = gy - n, *restrict gz = l->g[0] + k,
                        *restrict gz0 = gz - plane, *restrict e = l->electrode + k;
  const float *restrict x = l->x + k, *restrict x0 = x - 1, *restrict x1 = x + 1,
                        *restrict y0 = x - n, *restrict y1 = x + n, *restrict z0 = x - plane,
                        *restrict z1 = x + plane;
  for (int64_t i = 0; i < n; i++)
    b[i] = b0[i] + gx[i] * (x1[i] - x[i]) + gx0[i] * (x0[i] - x[i]) + gy[i] * (y1[i] - x[i]) +
           gy0[i] * (y0[i] - x[i]) + gz[i] * (z1[i] - x[i]) + gz0[i] * (z0[i] - x[i]) - e[i] * x[i];
}

/* b = b0 - A x; exchanges the halo of x. */
static int residual(const conduct_mg_t *mg, const mg_level_t *l) {
  EXSET_TRY(halo(mg->ctx, l, l->nz, l->x));
  for (int64_t k = 0; k < l->nz * l->plane; k += l->nx) residual_row(l, k, l->b0 + k, l->b + k);
  return EXSET_OK;
}

/* Two damped steps x += step B (b - A x) from x = 0 where the level has a step, else x = B b. */
static int solve_level(const conduct_mg_t *mg, int k) {
  const mg_level_t *l = &mg->level[k];
  if (l->nz == 0) return EXSET_OK;
  if (l->step == 0) return cycle(mg, k);
  const int64_t cells = l->nz * l->plane;
  for (int64_t i = 0; i < cells; i++) l->b0[i] = l->b[i];
  EXSET_TRY(cycle(mg, k));
  for (int64_t i = 0; i < cells; i++) l->x0[i] = l->x[i] *= l->step;
  EXSET_TRY(residual(mg, l));
  EXSET_TRY(cycle(mg, k));
  for (int64_t i = 0; i < cells; i++) l->x[i] = l->x0[i] + l->step * l->x[i];
  return EXSET_OK;
}

int conduct_mg_apply(conduct_mg_t *mg, const double *r, double *z) {
  mg->r = r;
  mg->z = z;
  return mg->level[0].nz > 0 ? cycle(mg, 0) : EXSET_OK;
}

bool conduct_mg_single(conduct_mg_t *mg) {
  bool repeated = false;
  for (int k = 0; k < mg->n_levels; k++) {
    repeated |= mg->level[k].step > 0;
    mg->level[k].step = 0;
  }
  return repeated;
}

int conduct_mg_largest(const conduct_mg_t *mg, int k, double *eigenvalue) {
  enum { STEPS = 12 };
  const mg_level_t *l = &mg->level[k];
  const int64_t cells = l->nz * l->plane, first = l->z0 * l->plane;
  for (int64_t i = 0; i < cells; i++) /* rough and the same for any number of ranks */
    l->x[i] = (float)((uint64_t)(first + i) * 0x9E3779B97F4A7C15u >> 40) * 0x1p-23f - 1;
  for (int64_t i = 0; i < cells; i++) l->x[i] *= l->inverse[i] > 0;
  for (int step = 0; step <= STEPS; step++) {
    double energy = 0; /* x' A x */
    if (l->nz > 0) EXSET_TRY(residual(mg, l));
    for (int64_t i = 0; i < cells; i++) energy -= (double)l->x[i] * l->b[i];
    EXSET_TRY(EXSET_MPI(
        mg->ctx, MPI_Allreduce(MPI_IN_PLACE, &energy, 1, MPI_DOUBLE, MPI_SUM, mg->ctx->comm)));
    *eigenvalue = step > 0 ? sqrt(energy) : 0;
    if (energy <= 0) return EXSET_OK;
    if (step == STEPS) break;
    const float scale = (float)(-1 / sqrt(energy));
    for (int64_t i = 0; i < cells; i++) l->b[i] *= scale;
    if (l->nz > 0) EXSET_TRY(cycle(mg, k));
  }
  return EXSET_OK;
}
