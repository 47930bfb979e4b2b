/* Exact Euclidean distances: one pass along each axis. */
#include "exset/distance.h"
#include "exset/simd.h"
#include "morph_distance_impl.h"

#include <math.h>
#include <stdlib.h>

double exset_distance_unit(const exset_grid_t *grid) {
  return fmin(grid->voxel[0], fmin(grid->voxel[1], grid->voxel[2]));
}

void distance_weights(const exset_grid_t *grid, float weight[3]) {
  for (int a = 0; a < 3; a++) {
    const double edge = grid->voxel[a] / exset_distance_unit(grid);
    weight[a] = (float)(edge * edge);
  }
}

double exset_distance_radius(const exset_grid_t *grid, float squared) {
  const double radius = sqrt((double)squared) - 0.5;
  return radius > 0 ? radius * exset_distance_unit(grid) : 0;
}

enum { FAR = 1 << 30 }; /* more steps than any row has */

/* Squared distances within a row. near[nx]: work space. */
EXSET_CLONES_UNJAMMED static void scan_row(const uint8_t *row, int64_t nx, int phase, float weight,
                                           int32_t *restrict near, float *restrict squared) {
  int32_t steps = FAR;
  for (int64_t x = 0; x < nx; x++) {
    steps = (steps + 1) & -(int32_t)(row[x] != phase);
    near[x] = steps;
  }
  steps = FAR;
  for (int64_t x = nx - 1; x >= 0; x--) {
    steps = (steps + 1) & -(int32_t)(row[x] != phase);
    near[x] = steps < near[x] ? steps : near[x];
  }
  for (int64_t x = 0; x < nx; x++)
    squared[x] = near[x] < FAR ? distance_of_steps(weight, (float)near[x]) : INFINITY;
}

/* Along x and y, plane by plane: it stays in the cache from one pass to the other. */
static void passes_in_planes(exset_ctx_t *ctx, const exset_volume_t *volume, int phase,
                             int32_t *near, distance_work_t *work, float *squared) {
  const exset_grid_t *g = &volume->grid;
  const int64_t ny = g->n[1], nx = g->n[2];
  float weight[3];
  distance_weights(g, weight);
#pragma omp parallel for num_threads(ctx->threads)
  for (int64_t z = 0; z < g->nz_local; z++) {
    const int thread = exset_thread();
    for (int64_t row = z * ny; row < (z + 1) * ny; row++)
      scan_row(volume->phase + row * nx, nx, phase, weight[2], near + thread * nx,
               squared + row * nx);
    distance_columns(squared + z * ny * nx, nx, ny, nx, weight[1], &work[thread]);
  }
}

/* Along z, in a box that holds all planes of some rows: [nz][rows][nx]. */
static void pass_across(exset_ctx_t *ctx, const exset_grid_t *g, int64_t rows,
                        distance_work_t *work, float *box) {
  const int64_t nx = g->n[2];
  float weight[3];
  distance_weights(g, weight);
#pragma omp parallel for num_threads(ctx->threads)
  for (int64_t y = 0; y < rows; y++)
    distance_columns(box + y * nx, nx, g->n[0], rows * nx, weight[0], &work[exset_thread()]);
}

/* The box is moved to the ranks in slabs normal to y, and back; one rank has it already. */
static int pass_between_planes(exset_ctx_t *ctx, const exset_grid_t *g, distance_work_t *work,
                               float *squared) {
  if (ctx->size == 1) {
    pass_across(ctx, g, g->n[1], work, squared);
    return EXSET_OK;
  }
  const int64_t row_bytes = g->n[2] * (int64_t)sizeof(float);
  exset_grid_t turned;
  EXSET_TRY(exset_grid_turned(ctx, g, &turned));
  const exset_rows_t slab = {g->z0, g->nz_local, 0, g->n[1]};
  const exset_rows_t column = {0, g->n[0], turned.z0, turned.nz_local};
  float *box;
  EXSET_TRY(exset_alloc_unset_all(ctx, exset_grid_cells_local(&turned), (size_t)sizeof *box, &box));
  int err = exset_grid_move_rows(ctx, row_bytes, slab, squared, column, box);
  if (!err) {
    pass_across(ctx, g, turned.nz_local, work, box);
    err = exset_grid_move_rows(ctx, row_bytes, column, box, slab, squared);
  }
  free(box);
  return err;
}

static int alloc_work(exset_ctx_t *ctx, const exset_grid_t *g, int32_t **near,
                      distance_work_t **work) {
  const int64_t m = g->n[0] > g->n[1] ? g->n[0] : g->n[1];
  if (g->n[2] >= FAR)
    return exset_fail(ctx, EXSET_ERR_RUN, "distances in rows of %lld cells: at most %d are allowed",
                      (long long)g->n[2], FAR - 1);
  EXSET_TRY(exset_alloc_unset(ctx, ctx->threads * g->n[2], sizeof **near, near));
  EXSET_TRY(exset_alloc(ctx, ctx->threads, sizeof **work, work));
  for (int t = 0; t < ctx->threads; t++) EXSET_TRY(distance_work_init(ctx, m, &(*work)[t]));
  return EXSET_OK;
}

int exset_distance_phase(exset_ctx_t *ctx, const exset_volume_t *volume, int phase,
                         float *squared) {
  int32_t *near = NULL;
  distance_work_t *work = NULL;
  int err = exset_agree(ctx, alloc_work(ctx, &volume->grid, &near, &work));
  if (!err) {
    passes_in_planes(ctx, volume, phase, near, work, squared);
    err = pass_between_planes(ctx, &volume->grid, work, squared);
  }
  for (int t = 0; work && t < ctx->threads; t++) distance_work_clear(&work[t]);
  free(work);
  free(near);
  return err;
}

EXSET_CLONES_UNJAMMED static void lessen(const uint8_t *restrict own, int64_t n, int phase,
                                         const float *restrict squared, float *restrict inside) {
  for (int64_t i = 0; i < n; i++) {
    const float other = own[i] != phase && squared[i] < inside[i] ? squared[i] : inside[i];
    inside[i] = other;
  }
}

int exset_distance_inside(exset_ctx_t *ctx, const exset_volume_t *volume, float *inside,
                          exset_distance_fn visit, void *user) {
  const int64_t cells = exset_grid_cells_local(&volume->grid);
  float *squared;
  EXSET_TRY(exset_alloc_unset_all(ctx, cells, sizeof *squared, &squared));
  for (int64_t i = 0; i < cells; i++) inside[i] = volume->phase[i] ? INFINITY : 0;
  int err = EXSET_OK;
  for (int p = 1; !err && p <= volume->n_phases; p++) {
    err = exset_distance_phase(ctx, volume, p, squared);
    if (err) break;
    lessen(volume->phase, cells, p, squared, inside);
    if (visit) err = exset_agree(ctx, visit(user, p, squared));
  }
  free(squared);
  return err;
}
