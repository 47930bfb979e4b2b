/* test: np="1 2 3 5" time=60 */
/* Spherical contact distribution outside of balls in a simple cubic lattice, counted while distances inside phases are computed. */
#include "exset/histogram.h"
#include "test_distance.h"

static const double WIDTH = 0.25;

typedef struct {
  exset_ctx_t *ctx;
  const exset_volume_t *volume;
  exset_histogram_t outside; /* of distances to phase 1, in voxels */
} contact_t;

static int count(void *user, int phase, const float *squared) {
  contact_t *c = user;
  if (phase != 1) return EXSET_OK;
  for (int64_t i = 0; i < exset_grid_cells_local(&c->volume->grid); i++)
    if (c->volume->phase[i] != phase) {
      const double distance = exset_distance_radius(&c->volume->grid, squared[i]);
      c->outside.count[(int64_t)(distance / WIDTH)] += 1;
    }
  return EXSET_OK;
}

/* The histogram of two periods in each direction, with a ball in the middle of each: the faces are planes of symmetry. */
static exset_histogram_t measure(exset_ctx_t *ctx, int period, double radius) {
  const int64_t n[3] = {2 * period, 2 * period, 2 * period};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  exset_volume_t v;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 2, &v));
  const int64_t cells = exset_grid_cells_local(&grid);
  for (int64_t i = 0; i < cells; i++) {
    const int64_t k = test_first(&grid) + i, at[3] = {k / n[2] / n[1], k / n[2] % n[1], k % n[2]};
    double square = 0;
    for (int a = 0; a < 3; a++) square += pow((double)(at[a] % period) + 0.5 - period / 2.0, 2);
    v.phase[i] = square < radius * radius ? 1 : 2;
  }
  contact_t c = {.ctx = ctx, .volume = &v};
  MUST(ctx, exset_histogram_init(ctx, WIDTH, (int64_t)(period / WIDTH), &c.outside));
  float *inside = malloc((size_t)cells * sizeof *inside + 1);
  MUST(ctx, exset_distance_inside(ctx, &v, inside, count, &c));
  MUST(ctx, exset_histogram_reduce(ctx, &c.outside));
  free(inside);
  exset_volume_clear(&v);
  return c.outside;
}

/* Share of a cube of edge 1 within r of its centre, r <= 1 / sqrt 2: a ball less six caps. */
static double share(double r) {
  const double h = fmax(r - 0.5, 0);
  return 4 * M_PI / 3 * r * r * r - 2 * M_PI * h * h * (3 * r - h);
}

/* Largest difference of the distribution function at the ends of bins. */
static double error_of(const exset_histogram_t *h, int period, double radius) {
  double sum = 0, error = 0;
  const double total = exset_histogram_total(h), ball = share(radius / period);
  for (int64_t i = 0; i < h->n; i++) {
    const double r = (radius + (double)(i + 1) * WIDTH) / period;
    sum += h->count[i];
    if (r > sqrt(0.5)) break;
    error = fmax(error, fabs(sum / total - (share(r) - ball) / (1 - ball)));
  }
  return error;
}

static void check_lattice(exset_ctx_t *ctx, int period, double radius, double tolerance) {
  exset_ctx_t *own;
  exset_histogram_t h = measure(ctx, period, radius);
  MUST(ctx, exset_ctx_split(ctx, ctx->size, &own));
  exset_histogram_t alone = measure(own, period, radius);
  CHECK(h.n == alone.n);
  for (int64_t i = 0; i < h.n && i < alone.n; i++) CHECK(h.count[i] == alone.count[i]);
  const double error = error_of(&h, period, radius);
  CHECK_MSG(error < tolerance, "period %d, radius %g: error %.4f of the distribution", period,
            radius, error);
  exset_histogram_clear(&h);
  exset_histogram_clear(&alone);
  MUST(ctx, exset_ctx_destroy(&own));
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_lattice(ctx, 16, 4, 0.08);
  check_lattice(ctx, 32, 8, 0.04);
  check_lattice(ctx, 33, 11, 0.04);
  return test_end(ctx);
}
