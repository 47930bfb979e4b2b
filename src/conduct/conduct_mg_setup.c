/* Building the levels of the multigrid: aggregates, their conductances, merging of thin slabs. */
#include <stdlib.h>
#include <string.h>

#include "conduct_mg.h"

/* Aggregates join what walls inside them divide, so coarse levels conduct too well; the correction is scaled up. */
static const double SCALE = 0.8; /* of coarse conductances; measured, see doc/performance.md */

enum { MERGE_CELLS = 32 * 32 * 32, MAX_LEVELS = 48, LAST_REPEATED = 3 };

/* What only the construction needs: edges of the cells (fine cells = 1), electrode conductances. */
typedef struct {
  double *edge[3]; /* [n + 2] with one before and one after */
  float *electrode;
} shape_t;

static void shape_clear(shape_t *shape) {
  for (int a = 0; a < 3; a++) {
    free(shape->edge[a]);
    shape->edge[a] = NULL;
  }
  free(shape->electrode);
  shape->electrode = NULL;
}

static int alloc_edges(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx, shape_t *shape) {
  const int64_t n[3] = {nz, ny, nx};
  for (int a = 0; a < 3; a++)
    EXSET_TRY(exset_alloc(ctx, n[a] + 2, sizeof(double), &shape->edge[a]));
  return exset_alloc(ctx, exset_mul3(nz, ny, nx), sizeof(float), &shape->electrode);
}

/* Work arrays of a level with nz planes; inverse diagonal from conductances. */
static int finish_level(exset_ctx_t *ctx, mg_level_t *l, const shape_t *shape) {
  const int64_t planes = l->nz > l->part_nz ? l->nz : l->part_nz;
  EXSET_TRY(conduct_alloc_slab(ctx, planes, l->plane, sizeof(float), &l->x));
  EXSET_TRY(conduct_alloc_slab(ctx, planes, l->plane, sizeof(float), &l->b));
  EXSET_TRY(conduct_alloc_slab(ctx, l->nz, l->plane, sizeof(float), &l->inverse));
  EXSET_TRY(exset_alloc(ctx, l->nx + 2, sizeof(float), &l->stripe));
  EXSET_TRY(exset_alloc(ctx, l->nx + 1, sizeof(float), &l->row));
  EXSET_TRY(exset_alloc(ctx, l->nx + 1, sizeof(float), &l->sum));
  for (int64_t i = 0; i < l->nx + 2; i++) l->stripe[i] = (float)(i % 2);
  const float *gz = l->g[0], *gy = l->g[1], *gx = l->g[2];
  for (int64_t i = 0; i < l->nz * l->plane; i++) {
    const float sum =
        gz[i] + gz[i - l->plane] + gy[i] + gy[i - l->nx] + gx[i] + gx[i - 1] + shape->electrode[i];
    l->inverse[i] = sum > 0 ? 1 / sum : 0;
  }
  return EXSET_OK;
}

static int halo(exset_ctx_t *ctx, const mg_level_t *l, float *v) {
  if (l->nz == 0) return EXSET_OK;
  const int64_t end = l->nz * l->plane;
  return conduct_halo(ctx, l->down, l->up, MPI_FLOAT, l->plane, v, v + end - l->plane, v - l->plane,
                      v + end);
}

static void add_electrode(const conduct_face_t *f, float *electrode) {
  for (int64_t i = 0; i < f->n[0]; i++)
    for (int64_t j = 0; j < f->n[1]; j++)
      electrode[conduct_face_cell(f, i, j)] += f->g[i * f->n[1] + j];
}

static int first_level(conduct_system_t *s, mg_level_t *l, shape_t *shape) {
  exset_ctx_t *ctx = s->ctx;
  *l = (mg_level_t){.nz = s->nz, .ny = s->ny, .nx = s->nx, .plane = s->plane, .part_nz = s->nz};
  l->z0 = s->grid->z0;
  l->down = s->down;
  l->up = s->up;
  l->leader = ctx->rank;
  l->members = l->stride = 1;
  for (int a = 0; a < 3; a++) l->g[a] = s->g[a];
  EXSET_TRY(alloc_edges(ctx, l->nz, l->ny, l->nx, shape));
  const int64_t n[3] = {l->nz, l->ny, l->nx};
  for (int a = 0; a < 3; a++)
    for (int64_t i = 0; i < n[a] + 2; i++) shape->edge[a][i] = 1;
  add_electrode(&s->low, shape->electrode);
  add_electrode(&s->high, shape->electrode);
  return finish_level(ctx, l, shape);
}

/* Edges of aggregates of two; the neighbours' at both ends are filled in by the caller along z. */
static void pair_edges(int64_t n, const double *fine, double *coarse) {
  for (int64_t k = 0; 2 * k < n; k++)
    coarse[1 + k] = fine[1 + 2 * k] + (2 * k + 1 < n ? fine[2 + 2 * k] : 0);
}

static int edge_halo(exset_ctx_t *ctx, const mg_level_t *fine, int64_t nz, double *edge) {
  if (fine->nz == 0) return EXSET_OK;
  return conduct_halo(ctx, fine->down, fine->up, MPI_DOUBLE, 1, edge + 1, edge + nz, edge,
                      edge + nz + 1);
}

/* Fine conductances along axis a, added up: across the faces of aggregates, and inside them. */
static void add_up(const mg_level_t *fine, int a, const mg_level_t *coarse, float *across,
                   float *inside) {
  const int64_t n[3] = {fine->nz, fine->ny, fine->nx};
  for (int64_t z = a == EXSET_AXIS_Z ? -1 : 0; z < fine->nz; z++)
    for (int64_t y = 0; y < fine->ny; y++) {
      const float *g = fine->g[a] + z * fine->plane + y * fine->nx;
      const int64_t to = (z < 0 ? -1 : z / 2) * coarse->plane + y / 2 * coarse->nx;
      if (a == EXSET_AXIS_X) {
        for (int64_t x = 0; x < fine->nx; x++)
          (x % 2 == 0 && x + 1 < fine->nx ? inside : across)[to + x / 2] += g[x];
      } else {
        const int64_t at = a == EXSET_AXIS_Z ? z : y;
        float *sum = (at % 2 == 0 && at + 1 < n[a] ? inside : across) + to;
        for (int64_t x = 0; x < fine->nx; x++) sum[x / 2] += g[x];
      }
    }
}

/*
 * Resistance between a face of an aggregate's fine cells and its centre, relative to that of the face: from
 * what conducts inside, at most that of a uniform medium. edge: of the aggregate; fine: of its cell at the
 * face; d: distance of fine centres across the face.
 */
static double half_resistance(double edge, double fine, double d, double across, double inside) {
  const double rest = 0.5 * (edge - fine);
  if (rest <= 0) return 0;
  const double uniform = rest / d, own = inside > 0 ? 2 * rest / edge * across / inside : uniform;
  return own < uniform ? own : uniform;
}

/* Conductances of the aggregates along axis a: face and halves of both sides in series. Collective. */
static int coarsen_axis(exset_ctx_t *ctx, const mg_level_t *fine, const shape_t *fs,
                        const mg_level_t *coarse, const shape_t *cs, int a, float *inside) {
  const int64_t n[3] = {fine->nz, fine->ny, fine->nx}, end = coarse->part_nz * coarse->plane;
  const int64_t step[3] = {coarse->plane, coarse->nx, 1};
  const int64_t m[3] = {coarse->part_nz, coarse->ny, coarse->nx};
  for (int64_t i = -coarse->plane; i < end + coarse->plane; i++) inside[i] = 0;
  add_up(fine, a, coarse, coarse->g[a], inside);
  if (fine->nz > 0)
    EXSET_TRY(conduct_halo(ctx, fine->down, fine->up, MPI_FLOAT, coarse->plane, inside,
                           inside + end - coarse->plane, inside - coarse->plane, inside + end));
  for (int64_t i = a == EXSET_AXIS_Z ? -coarse->plane : 0; i < end; i++) {
    const double g = coarse->g[a][i];
    if (g == 0) continue;
    const int64_t k = i < 0 ? -1 : i / step[a] % m[a];
    const int64_t at = k < 0 ? -1 : 2 * k + 1 < n[a] ? 2 * k + 1 : n[a] - 1;
    const double *fe = fs->edge[a] + 1 + at, *ce = cs->edge[a] + 1 + k, d = 0.5 * (fe[0] + fe[1]);
    const double halves = half_resistance(ce[0], fe[0], d, g, inside[i]) +
                          half_resistance(ce[1], fe[1], d, g, inside[i + step[a]]);
    coarse->g[a][i] = (float)(SCALE * g / (1 + halves));
  }
  return EXSET_OK;
}

static void coarsen_electrode(const mg_level_t *fine, const shape_t *fs, const mg_level_t *coarse,
                              const shape_t *cs, int axis) {
  for (int64_t z = 0; z < fine->nz; z++)
    for (int64_t y = 0; y < fine->ny; y++)
      for (int64_t x = 0; x < fine->nx; x++) {
        const float e = fs->electrode[z * fine->plane + y * fine->nx + x];
        if (e == 0) continue;
        const int64_t at[3] = {z, y, x}, k = at[axis];
        const double factor = fs->edge[axis][1 + k] / cs->edge[axis][1 + k / 2];
        cs->electrode[z / 2 * coarse->plane + y / 2 * coarse->nx + x / 2] += (float)factor * e;
      }
}

/* How many of the ranks that hold a slab are merged, and who leads. Collective. */
static int plan_merge(exset_ctx_t *ctx, int stride, mg_level_t *l) {
  int64_t sum[2] = {l->part_nz, l->part_nz > 0}; /* planes, ranks that hold some */
  int64_t least = l->part_nz > 0 ? l->part_nz : INT64_MAX;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_INT64_T, MPI_SUM, ctx->comm)));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &least, 1, MPI_INT64_T, MPI_MIN, ctx->comm)));
  const int ranks = (int)sum[1];
  int group = 1;
  if (ranks > 1 && sum[0] * l->plane <= MERGE_CELLS) group = ranks;
  else if (ranks > 1 && least < 2) group = 2;
  const bool holds = l->part_nz > 0;
  const int place = ctx->rank / stride; /* among the ranks that hold a slab */
  const int first = place / group * group;
  l->stride = stride;
  l->leader = holds ? first * stride : ctx->rank;
  const bool leads = holds && l->leader == ctx->rank;
  l->members = leads ? (first + group < ranks ? group : ranks - first) : 1;
  l->nz = leads ? l->part_nz : 0;
  l->down = leads && first > 0 ? (first - group) * stride : MPI_PROC_NULL;
  l->up = leads && first + group < ranks ? (first + group) * stride : MPI_PROC_NULL;
  EXSET_TRY(exset_alloc(ctx, l->members, sizeof *l->parts, &l->parts));
  l->parts[0] = l->part_nz;
  return EXSET_OK;
}

enum { TAG_PLANES = 21, TAG_DATA };

/* The number of planes of each member. */
static int gather_parts(exset_ctx_t *ctx, mg_level_t *l) {
  if (l->leader != ctx->rank)
    return EXSET_MPI(ctx, MPI_Send(&l->part_nz, 1, MPI_INT64_T, l->leader, TAG_PLANES, ctx->comm));
  for (int m = 1; m < l->members; m++) {
    EXSET_TRY(EXSET_MPI(ctx, MPI_Recv(&l->parts[m], 1, MPI_INT64_T, ctx->rank + m * l->stride,
                                      TAG_PLANES, ctx->comm, MPI_STATUS_IGNORE)));
    l->nz += l->parts[m];
  }
  return EXSET_OK;
}

/* Collect items of `bytes` for each plane on the leader; data is the leader's array for all planes. */
static int gather_planes(exset_ctx_t *ctx, const mg_level_t *l, MPI_Datatype type, int64_t count,
                         size_t item, void *data) {
  const size_t step = (size_t)count * item;
  if (l->leader != ctx->rank) {
    for (int64_t z = 0; z < l->part_nz; z++)
      EXSET_TRY(EXSET_MPI(ctx, MPI_Send((char *)data + (size_t)z * step, (int)count, type,
                                        l->leader, TAG_DATA, ctx->comm)));
    return EXSET_OK;
  }
  char *to = (char *)data + (size_t)l->part_nz * step;
  for (int m = 1; m < l->members; m++)
    for (int64_t z = 0; z < l->parts[m]; z++, to += step)
      EXSET_TRY(EXSET_MPI(ctx, MPI_Recv(to, (int)count, type, ctx->rank + m * l->stride, TAG_DATA,
                                        ctx->comm, MPI_STATUS_IGNORE)));
  return EXSET_OK;
}

/* Collect the coarse level on the leaders. The arrays have room for nz planes there. */
static int merge(exset_ctx_t *ctx, mg_level_t *l, shape_t *shape) {
  for (int a = 0; a < 3; a++)
    EXSET_TRY(gather_planes(ctx, l, MPI_FLOAT, l->plane, sizeof(float), l->g[a]));
  EXSET_TRY(gather_planes(ctx, l, MPI_FLOAT, l->plane, sizeof(float), shape->electrode));
  EXSET_TRY(gather_planes(ctx, l, MPI_DOUBLE, 1, sizeof(double), shape->edge[0] + 1));
  if (l->nz == 0) return EXSET_OK;
  return conduct_halo(ctx, l->down, l->up, MPI_DOUBLE, 1, shape->edge[0] + 1,
                      shape->edge[0] + l->nz, shape->edge[0], shape->edge[0] + l->nz + 1);
}

/* The next coarser level; stride: distance of the ranks that hold slabs. Collective. */
static int next_level(exset_ctx_t *ctx, const mg_level_t *fine, const shape_t *fs, int axis,
                      int *stride, mg_level_t *l, shape_t *cs) {
  *l = (mg_level_t){.part_nz = (fine->nz + 1) / 2};
  l->ny = (fine->ny + 1) / 2;
  l->nx = (fine->nx + 1) / 2;
  l->plane = l->ny * l->nx;
  EXSET_TRY(exset_agree(ctx, plan_merge(ctx, *stride, l)));
  if (l->part_nz > 0) EXSET_TRY(gather_parts(ctx, l));
  const int64_t planes = l->nz > 0 ? l->nz : l->part_nz;
  int err = EXSET_OK;
  for (int a = 0; a < 3 && !err; a++)
    err = conduct_alloc_slab(ctx, planes, l->plane, sizeof(float), &l->g[a]);
  if (!err) err = alloc_edges(ctx, planes, l->ny, l->nx, cs);
  EXSET_TRY(exset_agree(ctx, err));
  pair_edges(fine->ny, fs->edge[1], cs->edge[1]);
  pair_edges(fine->nx, fs->edge[2], cs->edge[2]);
  pair_edges(fine->nz, fs->edge[0], cs->edge[0]);
  EXSET_TRY(edge_halo(ctx, fine, l->part_nz, cs->edge[0]));
  float *inside = NULL;
  EXSET_TRY(exset_agree(ctx, conduct_alloc_slab(ctx, planes, l->plane, sizeof *inside, &inside)));
  for (int a = 0; a < 3 && !err; a++) err = coarsen_axis(ctx, fine, fs, l, cs, a, inside);
  conduct_free_slab(inside, l->plane, sizeof *inside);
  EXSET_TRY(err);
  coarsen_electrode(fine, fs, l, cs, axis);
  if (l->part_nz > 0) EXSET_TRY(merge(ctx, l, cs));
  int64_t before = 0;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Exscan(&l->nz, &before, 1, MPI_INT64_T, MPI_SUM, ctx->comm)));
  l->z0 = ctx->rank == 0 ? 0 : before;
  int factor = l->members; /* the first leader has a full group */
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&factor, 1, MPI_INT, 0, ctx->comm)));
  *stride *= factor;
  EXSET_TRY(exset_agree(ctx, finish_level(ctx, l, cs)));
  return halo(ctx, l, l->inverse);
}

static int build(conduct_system_t *s, conduct_mg_t *mg, shape_t *fine, shape_t *coarse) {
  exset_ctx_t *ctx = s->ctx;
  int stride = 1;
  EXSET_TRY(exset_agree(ctx, first_level(s, &mg->level[0], fine)));
  EXSET_TRY(halo(ctx, &mg->level[0], mg->level[0].inverse));
  mg->n_levels = 1;
  for (;;) {
    mg_level_t *l = &mg->level[mg->n_levels - 1];
    int64_t planes = l->nz;
    EXSET_TRY(
        EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &planes, 1, MPI_INT64_T, MPI_SUM, ctx->comm)));
    if ((planes == 1 && l->plane == 1) || mg->n_levels == MAX_LEVELS) return EXSET_OK;
    mg->n_levels++;
    EXSET_TRY(next_level(ctx, l, fine, s->axis, &stride, l + 1, coarse));
    if (l > mg->level && l <= mg->level + LAST_REPEATED) {
      l->electrode = fine->electrode;
      fine->electrode = NULL;
    }
    shape_clear(fine);
    *fine = *coarse;
    *coarse = (shape_t){0};
  }
}

/* Steps of the levels that are repeated, from the coarsest of them. Collective. */
static int choose_steps(conduct_mg_t *mg) {
  exset_ctx_t *ctx = mg->ctx;
  const int coarsest = mg->n_levels - 2; /* the last one is solved exactly */
  for (int k = LAST_REPEATED < coarsest ? LAST_REPEATED : coarsest; k > 0; k--) {
    mg_level_t *l = &mg->level[k];
    double eigenvalue;
    int err = exset_alloc(ctx, l->nz * l->plane, sizeof *l->x0, &l->x0);
    if (!err) err = exset_alloc(ctx, l->nz * l->plane, sizeof *l->b0, &l->b0);
    EXSET_TRY(exset_agree(ctx, err));
    EXSET_TRY(conduct_mg_largest(mg, k, &eigenvalue));
    l->step = (float)(eigenvalue > 1.6 ? 1.6 / eigenvalue : 1); /* the estimate may be 25 % low */
  }
  return EXSET_OK;
}

int conduct_mg_create(conduct_system_t *s, conduct_mg_t **mg_out) {
  conduct_mg_t *mg = NULL;
  shape_t fine = {0}, coarse = {0};
  int err = exset_alloc(s->ctx, 1, sizeof *mg, &mg);
  if (!err) err = exset_alloc(s->ctx, MAX_LEVELS, sizeof *mg->level, &mg->level);
  err = exset_agree(s->ctx, err);
  if (mg) mg->ctx = s->ctx;
  if (mg) mg->system = s;
  if (!err) err = build(s, mg, &fine, &coarse);
  if (!err) err = choose_steps(mg);
  shape_clear(&fine);
  shape_clear(&coarse);
  if (err) conduct_mg_destroy(&mg);
  *mg_out = mg;
  return err;
}

int conduct_mg_destroy(conduct_mg_t **mg_in) {
  conduct_mg_t *mg = *mg_in;
  if (!mg) return EXSET_OK;
  for (int k = 0; k < mg->n_levels; k++) {
    mg_level_t *l = &mg->level[k];
    for (int a = 0; a < 3 && k > 0; a++) conduct_free_slab(l->g[a], l->plane, sizeof(float));
    conduct_free_slab(l->x, l->plane, sizeof(float));
    conduct_free_slab(l->b, l->plane, sizeof(float));
    conduct_free_slab(l->inverse, l->plane, sizeof(float));
    free(l->x0);
    free(l->b0);
    free(l->electrode);
    free(l->stripe);
    free(l->row);
    free(l->sum);
    free(l->parts);
  }
  free(mg->level);
  free(mg);
  *mg_in = NULL;
  return EXSET_OK;
}
