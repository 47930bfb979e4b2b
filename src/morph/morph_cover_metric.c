/* Squares of lengths for unions of balls. */
#include "morph_cover_impl.h"
#include "morph_distance_impl.h"

#include <math.h>
#include <stdlib.h>

/* Steps of the tables of balls that hold others; wider ones, which tell less, where squares are very large. */
static const double BINS_MAX = 65536;
/* Squares up to which the cells of balls are enumerated for the tables. */
static const double ENUMERATED = 4096;

static int fill_half(exset_ctx_t *ctx, cover_metric_t *m) {
  EXSET_TRY(exset_alloc(ctx, COVER_HALF, sizeof *m->half, &m->half));
  int64_t d = 0;
  for (int64_t k = 1; k < COVER_HALF; k++) {
    if ((d + 1) * (d + 1) < k) d++;
    m->half[k] = (uint8_t)d;
  }
  return EXSET_OK;
}

/* Squared distances of cells from the centre and, at worst among their mirror images, from a neighbour. */
static void enter_cells(const cover_metric_t *m, const int step[3], int64_t n, double margin,
                        float *held) {
  const double wz = (double)m->weight[0], wy = (double)m->weight[1], wx = (double)m->weight[2];
  const double end = (double)(n - 1) * m->width * (1 + 2 * margin);
  for (int64_t z = 0; wz * (double)(z * z) < end; z++)
    for (int64_t y = 0; wz * (double)(z * z) + wy * (double)(y * y) < end; y++)
      for (int64_t x = 0;; x++) {
        const double square = wz * (double)(z * z) + wy * (double)(y * y) + wx * (double)(x * x);
        const int64_t bin = (int64_t)(square * (1 - margin) / m->width) + 1;
        if (bin >= n) break;
        const int64_t a = z + step[0], b = y + step[1], c = x + step[2];
        const double far = wz * (double)(a * a) + wy * (double)(b * b) + wx * (double)(c * c);
        held[bin] = fmaxf(held[bin], (float)(far * (1 + margin)));
      }
}

/* Bins of small squares by their cells, others by the lengths alone; nothing holds what is in the last bin. */
static void fill_steps(const cover_metric_t *m, const int step[3], double margin, float *held) {
  const int64_t n = (int64_t)fmin((double)m->n_bins, ENUMERATED / m->width + 1);
  double e = 0;
  for (int a = 0; a < 3; a++) e += (double)m->weight[a] * step[a] * step[a];
  enter_cells(m, step, n, margin, held);
  for (int64_t bin = 1; bin < n; bin++) held[bin] = fmaxf(held[bin], held[bin - 1]);
  for (int64_t bin = n; bin < m->n_bins; bin++)
    held[bin] = (float)(pow(sqrt((double)bin * m->width) + sqrt(e), 2) * (1 + 1e-6));
  held[m->n_bins - 1] = INFINITY;
}

static int fill_held(exset_ctx_t *ctx, cover_metric_t *m, double margin) {
  EXSET_TRY(exset_alloc(ctx, COVER_STEPS * m->n_bins, sizeof *m->held, &m->held));
  for (int k = 1; k < COVER_STEPS; k++)
    fill_steps(m, (int[]){k / 16, k / 4 % 4, k % 4}, margin, m->held + k * m->n_bins);
  return EXSET_OK;
}

int cover_metric_init(exset_ctx_t *ctx, const exset_grid_t *grid, float largest,
                      cover_metric_t *m) {
  distance_weights(grid, m->weight);
  m->least = fminf(m->weight[0], fminf(m->weight[1], m->weight[2]));
  const bool cubes = m->weight[0] == 1 && m->weight[1] == 1 && m->weight[2] == 1;
  m->width = fmax(cubes ? 1 : 0.25, ceil((double)largest / BINS_MAX));
  m->n_bins = (int64_t)((double)largest / m->width) + 3;
  if (cubes) EXSET_TRY(fill_half(ctx, m));
  return fill_held(ctx, m, cubes ? 0 : 1e-6);
}

void cover_metric_clear(cover_metric_t *m) {
  free(m->half);
  free(m->held);
}
