/* Geodesic tortuosity: lengths of shortest paths from the cells of the first plane, over the distance of the planes. */
#include <math.h>
#include <stdlib.h>

#include "exset/geodesic.h"
#include "morph_run.h"

#define BIN_WIDTH 0.01
#define MOST_RATIO 100 /* and more are in one bin: flat voxels in thin volumes know no bound */

/* The cells of the first plane in this rank's slab. */
typedef struct {
  int64_t n;
  int32_t *z; /* [n]: plane of the slab */
  uint8_t *phase;
  float *ratio; /* path length / distance of the planes, INFINITY: no path */
} starts_t;

static void starts_clear(starts_t *s) {
  free(s->z);
  free(s->phase);
  free(s->ratio);
}

static int starts_alloc(exset_ctx_t *ctx, const exset_grid_t *grid, int axis, starts_t *s) {
  const int64_t most = exset_grid_cells_local(grid) / (axis == EXSET_AXIS_Z ? 1 : grid->n[axis]);
  EXSET_TRY(exset_alloc_unset(ctx, most, sizeof *s->z, &s->z));
  EXSET_TRY(exset_alloc_unset(ctx, most, sizeof *s->phase, &s->phase));
  return exset_alloc_unset(ctx, most, sizeof *s->ratio, &s->ratio);
}

static void starts_fill(const exset_volume_t *v, int axis, const float *length, starts_t *s) {
  const exset_grid_t *g = &v->grid;
  const double thickness = (double)(g->n[axis] - 1) * g->voxel[axis];
  const int64_t nz = axis == EXSET_AXIS_Z ? g->z0 == 0 && g->nz_local > 0 : g->nz_local;
  const int64_t ny = axis == EXSET_AXIS_Y ? 1 : g->n[1], nx = axis == EXSET_AXIS_X ? 1 : g->n[2];
  for (int64_t z = 0; z < nz; z++)
    for (int64_t y = 0; y < ny; y++)
      for (int64_t x = 0; x < nx; x++) {
        const int64_t i = (z * g->n[1] + y) * g->n[2] + x;
        if (v->phase[i] == 0) continue;
        s->z[s->n] = (int32_t)z;
        s->phase[s->n] = v->phase[i];
        s->ratio[s->n++] = (float)fmax(length[i] / thickness, 1); /* less by rounding alone */
      }
}

static int find_starts(morph_run_t *run, int axis, starts_t *starts) {
  const exset_grid_t *grid = &run->volume->grid;
  float *length = NULL;
  EXSET_TRY(exset_alloc_unset_all(run->ctx, exset_grid_cells_local(grid), sizeof *length, &length));
  int err = exset_geodesic_length(run->ctx, run->volume, axis, length);
  if (!err) err = exset_agree(run->ctx, starts_alloc(run->ctx, grid, axis, starts));
  if (!err) starts_fill(run->volume, axis, length, starts);
  free(length);
  return err;
}

/* ---- moments ------------------------------------------------------------------------------------ */

/* Per phase and plane of the volume, so that sums have one order whatever the number of ranks. */
typedef struct {
  int n_phases;
  int64_t nz;
  double *sum; /* [n_phases][nz] */
} sums_t;

/* Adds up and clears. Collective. */
static int sums_total(exset_ctx_t *ctx, sums_t *s, double *total) {
  for (int p = 0; p < s->n_phases; p++) {
    double *sum = s->sum + p * s->nz;
    EXSET_TRY(EXSET_MPI(
        ctx, MPI_Allreduce(MPI_IN_PLACE, sum, (int)s->nz, MPI_DOUBLE, MPI_SUM, ctx->comm)));
    total[p] = 0;
    for (int64_t z = 0; z < s->nz; z++) {
      total[p] += sum[z];
      sum[z] = 0;
    }
  }
  return EXSET_OK;
}

/* Mean and standard deviation over the cells that have a path, and their share. Collective. */
static int moments(morph_run_t *run, int axis, const starts_t *starts, sums_t *sums) {
  const int64_t z0 = run->volume->grid.z0, nz = sums->nz;
  double all[EXSET_MAX_PHASES], with[EXSET_MAX_PHASES], mean[EXSET_MAX_PHASES],
      square[EXSET_MAX_PHASES];
  for (int64_t i = 0; i < starts->n; i++)
    sums->sum[(starts->phase[i] - 1) * nz + z0 + starts->z[i]] += 1;
  EXSET_TRY(sums_total(run->ctx, sums, all));
  for (int64_t i = 0; i < starts->n; i++)
    sums->sum[(starts->phase[i] - 1) * nz + z0 + starts->z[i]] += isfinite(starts->ratio[i]);
  EXSET_TRY(sums_total(run->ctx, sums, with));
  for (int64_t i = 0; i < starts->n; i++)
    if (isfinite(starts->ratio[i]))
      sums->sum[(starts->phase[i] - 1) * nz + z0 + starts->z[i]] += starts->ratio[i];
  EXSET_TRY(sums_total(run->ctx, sums, mean));
  for (int p = 0; p < sums->n_phases; p++) mean[p] /= with[p]; /* no path: NaN */
  for (int64_t i = 0; i < starts->n; i++) {
    const double off = starts->ratio[i] - mean[starts->phase[i] - 1];
    if (isfinite(starts->ratio[i]))
      sums->sum[(starts->phase[i] - 1) * nz + z0 + starts->z[i]] += off * off;
  }
  EXSET_TRY(sums_total(run->ctx, sums, square));
  for (int p = 0; p < sums->n_phases; p++) {
    exset_morph_phase_t *phase = &run->morph->phase[p];
    phase->geodesic_tortuosity[axis] = mean[p];
    phase->geodesic_tortuosity_sd[axis] = sqrt(square[p] / with[p]);
    phase->geodesic_reach[axis] = with[p] / all[p];
  }
  return EXSET_OK;
}

/* ---- distribution ------------------------------------------------------------------------------- */

static int64_t bin_of(double ratio) {
  const double most = fmin(ratio, MOST_RATIO);
  return (int64_t)(most / BIN_WIDTH * (1 + 1e-6)); /* a value on an edge is in the bin above */
}

static int distribution(morph_run_t *run, int axis, const starts_t *starts, int p) {
  exset_histogram_t *h = &run->morph->phase[p].tortuosity[axis];
  float most = 0;
  for (int64_t i = 0; i < starts->n; i++)
    if (starts->phase[i] == p + 1 && isfinite(starts->ratio[i]))
      most = fmaxf(most, starts->ratio[i]);
  EXSET_TRY(exset_agree(run->ctx, exset_histogram_init(run->ctx, BIN_WIDTH, bin_of(most) + 1, h)));
  for (int64_t i = 0; i < starts->n; i++)
    if (starts->phase[i] == p + 1 && isfinite(starts->ratio[i]))
      h->count[bin_of(starts->ratio[i])] += 1;
  return exset_histogram_reduce(run->ctx, h);
}

int morph_tortuosity(morph_run_t *run, int axis) {
  starts_t starts = {0};
  sums_t sums = {run->volume->n_phases, run->volume->grid.n[0], NULL};
  int err;
  EXSET_TRY_GOTO(err, done, find_starts(run, axis, &starts));
  EXSET_TRY_GOTO(err, done,
                 exset_alloc_all(run->ctx, sums.n_phases * sums.nz, sizeof(double), &sums.sum));
  EXSET_TRY_GOTO(err, done, moments(run, axis, &starts, &sums));
  for (int p = 0; p < sums.n_phases; p++)
    EXSET_TRY_GOTO(err, done, distribution(run, axis, &starts, p));
done:
  free(sums.sum);
  starts_clear(&starts);
  return err;
}
