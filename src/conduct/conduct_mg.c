/* The finest level of the multigrid. */
#include "conduct_mg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conduct_sweep.h"

struct conduct_mg_s {
  conduct_system_t *s;
  conduct_graph_mg_t *graph;
  uint32_t *parent; /* node of each black cell, packed */
  const double *r;  /* during an application */
  double *z;
  double mean;  /* of r, taken off when periodic */
  int64_t n;    /* nodes of the graph */
  float *b, *x; /* [n + 1] of the graph */
};

static int64_t position(const conduct_system_t *s, int64_t z, int64_t y) {
  return z * s->packed + y * s->half;
}

CONDUCT_SIMD static void divide_row(int64_t n, double mean, const double *restrict r,
                                    const float *restrict d, float *restrict x) {
  for (int64_t i = 0; i < n; i++) x[i] = (float)(r[i] - mean) / d[i];
}

CONDUCT_SIMD static void correct_row(int64_t n, double mean, const double *restrict r,
                                     const float *restrict d, const uint32_t *restrict parent,
                                     const float *restrict coarse, float *restrict x) {
  for (int64_t i = 0; i < n; i++) x[i] = (float)(r[i] - mean) / d[i] + coarse[parent[i]];
}

CONDUCT_SIMD static void relax_row(int64_t n, double mean, const double *restrict r,
                                   const float *restrict sum, const float *restrict d,
                                   double *restrict z) {
  for (int64_t i = 0; i < n; i++) z[i] = ((float)(r[i] - mean) + sum[i]) / d[i];
}

/* Down: black cells from zero. */
static void down_fetch(void *user, int64_t z, int64_t y, float *row) {
  const conduct_mg_t *mg = user;
  const int64_t k = position(mg->s, z, y);
  divide_row(mg->s->half, mg->mean, mg->r + k, mg->s->d[BLACK] + k, row);
}

/* After the red ones: their residual is 0, and that of black cells is what the red neighbours bring. */
static void down_take(void *user, int64_t z, int64_t y, const float *sum) {
  const conduct_mg_t *mg = user;
  const uint32_t *parent = mg->parent + position(mg->s, z, y);
  for (int64_t i = 0; i < mg->s->half; i++) mg->b[parent[i]] += sum[i];
}

/* Up: black cells with the coarse correction, then red ones, then black ones again. */
static void up_fetch(void *user, int64_t z, int64_t y, float *row) {
  const conduct_mg_t *mg = user;
  const int64_t k = position(mg->s, z, y);
  correct_row(mg->s->half, mg->mean, mg->r + k, mg->s->d[BLACK] + k, mg->parent + k, mg->x, row);
}

static void up_take(void *user, int64_t z, int64_t y, const float *sum) {
  const conduct_mg_t *mg = user;
  const int64_t k = position(mg->s, z, y);
  relax_row(mg->s->half, mg->mean, mg->r + k, sum, mg->s->d[BLACK] + k, mg->z + k);
}

/* Mean over the black cells that are solved for; v is 0 in others. Collective over all ranks. */
static int mean_value(const conduct_system_t *s, const double *v, double *mean) {
  const float *d = s->d[BLACK];
  double sum[2] = {0, 0}; /* of v, of cells */
  for (int64_t i = 0; i < s->nz * s->packed; i++) {
    sum[0] += v[i];
    sum[1] += d[i] < INFINITY;
  }
  EXSET_TRY(
      EXSET_MPI(s->ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_DOUBLE, MPI_SUM, s->ctx->comm)));
  *mean = sum[1] > 0 ? sum[0] / sum[1] : 0;
  return EXSET_OK;
}

static int take_off_mean(const conduct_system_t *s, double *v) {
  const float *d = s->d[BLACK];
  double mean;
  EXSET_TRY(mean_value(s, v, &mean));
  for (int64_t i = 0; i < s->nz * s->packed; i++)
    if (d[i] < INFINITY) v[i] -= mean;
  return EXSET_OK;
}

int conduct_mg_apply(conduct_mg_t *mg, const double *r, double *z) {
  const sweep_f32_t down = {.fetch = down_fetch, .take = down_take, .user = mg};
  const sweep_f32_t up = {.fetch = up_fetch, .take = up_take, .user = mg};
  mg->r = r;
  mg->z = z;
  mg->mean = 0;
  /* a periodic problem determines z up to a constant: what single precision leaves of it would feed itself */
  if (mg->s->periodic) EXSET_TRY(mean_value(mg->s, r, &mg->mean));
  memset(mg->b, 0, (size_t)(mg->n + 1) * sizeof *mg->b);
  EXSET_TRY(sweep_f32(mg->s, &down));
  EXSET_TRY(conduct_graph_mg_apply(mg->graph));
  EXSET_TRY(sweep_f32(mg->s, &up));
  return mg->s->periodic ? take_off_mean(mg->s, z) : EXSET_OK;
}

int conduct_mg_create(conduct_system_t *s, conduct_mg_t **mg_out) {
  conduct_mg_t *mg = NULL;
  conduct_graph_t graph = {0};
  *mg_out = NULL;
  EXSET_TRY(exset_alloc_all(s->ctx, 1, sizeof *mg, &mg));
  mg->s = s;
  int err = conduct_pieces(s, &graph, &mg->parent);
  mg->n = graph.n;
  if (!err) err = conduct_graph_mg_create(s->ctx, &graph, &mg->graph);
  conduct_graph_clear(&graph);
  if (err) {
    conduct_mg_destroy(&mg);
    return err;
  }
  mg->b = conduct_graph_mg_b(mg->graph);
  mg->x = conduct_graph_mg_x(mg->graph);
  *mg_out = mg;
  return EXSET_OK;
}

int conduct_mg_destroy(conduct_mg_t **mg_in) {
  conduct_mg_t *mg = *mg_in;
  if (!mg) return EXSET_OK;
  conduct_graph_mg_destroy(&mg->graph);
  free(mg->parent);
  free(mg);
  *mg_in = NULL;
  return EXSET_OK;
}

const conduct_graph_mg_t *conduct_mg_graph(const conduct_mg_t *mg) {
  return mg->graph;
}
