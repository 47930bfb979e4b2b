/* test: np="1 2 3 5" time=60 */
/* Areas of interfaces: weights of the directions, pairs of cells one by one on random volumes, balls, slabs of all
 * orientations, cylinders. */
#include "../src/morph/morph_surface_impl.h"
#include "test_surface.h"

#include <string.h>

/* ---- weights ----------------------------------------------------------------------------------- */

/* Shares of the sphere by points even in (cos polar angle, azimuth): each one to the nearest direction. */
static void weights_naive(const double edge[3], double weight[SURFACE_DIRECTIONS]) {
  enum { N = 600, M = 1200 };
  double length[SURFACE_DIRECTIONS];
  surface_lengths(edge, length);
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) weight[d] = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < M; j++) {
      const double c = (i + 0.5) / N, s = sqrt(1 - c * c),
                   phi = (j + fmod(0.618034 * i, 1)) * 2 * M_PI / M;
      const double u[3] = {c, s * sin(phi), s * cos(phi)};
      double best = -1;
      int nearest = 0;
      for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
        double cosine = 0;
        for (int k = 0; k < 3; k++) cosine += u[k] * surface_step[d][k] * edge[k] / length[d];
        if (fabs(cosine) > best) best = fabs(cosine), nearest = d;
      }
      weight[nearest] += 1.0 / ((double)N * M);
    }
}

static void check_weights(void) {
  const double cubic[3] = {0.3, 0.3, 0.3};
  const double known[4] = {0, 0.045778, 0.036981, 0.035196}; /* Ohser and Muecklich 2000 */
  const double edges[4][3] = {{1, 1, 1}, {2, 1, 1}, {0.5, 1, 1.7}, {30, 7, 1}};
  double weight[SURFACE_DIRECTIONS], naive[SURFACE_DIRECTIONS];
  surface_weights(cubic, weight);
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    const int *s = surface_step[d];
    CHECK_NEAR(weight[d] / 2, known[abs(s[0]) + abs(s[1]) + abs(s[2])], 1e-6);
  }
  for (int e = 0; e < 4; e++) {
    double sum = 0;
    surface_weights(edges[e], weight);
    weights_naive(edges[e], naive);
    for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
      CHECK_NEAR(weight[d], naive[d], 2e-4);
      sum += weight[d];
    }
    CHECK_NEAR(sum, 1, 1e-12);
  }
}

/* ---- every pair of cells ------------------------------------------------------------------------- */

static bool inside(const int64_t n[3], const int64_t at[3]) {
  for (int k = 0; k < 3; k++)
    if (at[k] < 0 || at[k] >= n[k]) return false;
  return true;
}

/* Changes and pairs of one direction. changes[256][256] */
static int64_t direction_naive(const int64_t n[3], const uint8_t *all, const int step[3],
                               int64_t (*changes)[256]) {
  int64_t pairs = 0, at[3];
  for (at[0] = 0; at[0] < n[0]; at[0]++)
    for (at[1] = 0; at[1] < n[1]; at[1]++)
      for (at[2] = 0; at[2] < n[2]; at[2]++) {
        const int64_t to[3] = {at[0] + step[0], at[1] + step[1], at[2] + step[2]};
        if (!inside(n, to)) continue;
        const uint8_t a = all[(at[0] * n[1] + at[1]) * n[2] + at[2]];
        const uint8_t b = all[(to[0] * n[1] + to[1]) * n[2] + to[2]];
        pairs += a && b;
        changes[a][b] += a && b && a != b;
      }
  return pairs;
}

static void areas_naive(const int64_t n[3], const double voxel[3], const uint8_t *all, int n_phases,
                        double *area) {
  int64_t(*changes)[256] = malloc(256 * sizeof *changes);
  double weight[SURFACE_DIRECTIONS], sum = 0;
  surface_weights(voxel, weight);
  for (int i = 0; i < n_phases * n_phases; i++) area[i] = 0;
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    const int *s = surface_step[d];
    memset(changes, 0, 256 * sizeof *changes);
    const int64_t pairs = direction_naive(n, all, s, changes);
    if (pairs == 0) continue;
    const double step =
        sqrt(pow(s[0] * voxel[0], 2) + pow(s[1] * voxel[1], 2) + pow(s[2] * voxel[2], 2));
    sum += weight[d];
    for (int p = 0; p < n_phases; p++)
      for (int q = 0; q < n_phases; q++)
        area[p * n_phases + q] += 2 * weight[d] *
                                  (double)(changes[p + 1][q + 1] + changes[q + 1][p + 1]) /
                                  ((double)pairs * step);
  }
  for (int i = 0; i < n_phases * n_phases; i++) area[i] /= sum;
  free(changes);
}

/* One rank gets the same bits. */
static void check_alone(exset_ctx_t *ctx, const exset_volume_t *v, uint8_t *all,
                        const double *area) {
  exset_ctx_t *alone;
  const exset_volume_t whole = surface_alone(ctx, v, all, &alone);
  const size_t bytes = (size_t)(v->n_phases * v->n_phases) * sizeof *area;
  double *same = malloc(bytes);
  MUST(alone, exset_surface_areas(alone, &whole, same));
  CHECK(memcmp(same, area, bytes) == 0);
  MUST(alone, exset_ctx_destroy(&alone));
  free(same);
}

static void check_random(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3], int phases,
                         unsigned masked_of, unsigned block) {
  uint8_t *all = surface_random(n, (unsigned)phases, masked_of, block, 7 + (uint64_t)phases);
  const exset_volume_t v = surface_view(ctx, n, voxel, phases, all);
  const int pairs = phases * phases;
  double *area = malloc((size_t)pairs * sizeof *area);
  double *expected = malloc((size_t)pairs * sizeof *expected);
  MUST(ctx, exset_surface_areas(ctx, &v, area));
  check_alone(ctx, &v, all, area);
  areas_naive(n, voxel, all, phases, expected);
  int wrong = 0;
  for (int i = 0; i < pairs; i++) {
    const bool none = isnan(expected[i]) && isnan(area[i]);
    wrong += !(none || fabs(area[i] - expected[i]) <= 1e-12 * fabs(expected[i]));
  }
  CHECK_MSG(wrong == 0, "%d phases, %lld x %lld x %lld: %d pairs differ", phases, (long long)n[0],
            (long long)n[1], (long long)n[2], wrong);
  free(area);
  free(expected);
  free(all);
}

static void check_pairs(exset_ctx_t *ctx) {
  const double cubic[3] = {0.5, 0.5, 0.5}, flat[3] = {3, 1, 1.3};
  const int64_t sizes[5][3] = {{20, 20, 20}, {3, 11, 40}, {7, 5, 3}, {1, 8, 9}, {9, 1, 1}};
  for (int s = 0; s < 5; s++)
    for (int phases = 1; phases <= 5; phases++) {
      check_random(ctx, sizes[s], cubic, phases, 0, 1);
      check_random(ctx, sizes[s], flat, phases, 5, 2);
    }
  const int many[] = {8, 9, 255};
  for (int k = 0; k < 3; k++) check_random(ctx, sizes[0], flat, many[k], 6, 3);
  const int64_t wide[3] = {4, 90, 200}; /* more than 255 steps of a vector */
  check_random(ctx, wide, cubic, 3, 0, 1);
  check_random(ctx, wide, cubic, 3, 9, 1);
}

/* All cells masked, or one cell only: there is no pair. */
static void check_nothing(exset_ctx_t *ctx) {
  const double voxel[3] = {1, 1, 1};
  const int64_t n[3] = {6, 5, 4}, one[3] = {1, 1, 1};
  uint8_t all[120] = {0}, cell[1] = {1};
  double area[4];
  exset_volume_t v = surface_view(ctx, n, voxel, 2, all);
  MUST(ctx, exset_surface_areas(ctx, &v, area));
  for (int i = 0; i < 4; i++) CHECK_MSG(isnan(area[i]), "area %g of masked cells", area[i]);
  v = surface_view(ctx, one, voxel, 1, cell);
  MUST(ctx, exset_surface_areas(ctx, &v, area));
  CHECK_MSG(isnan(area[0]), "area %g of one cell", area[0]);
}

/* ---- shapes ------------------------------------------------------------------------------------- */

/* A box of cells of phase 2 with those of phase 1 inside a ball, or a cylinder along an axis. */
typedef struct {
  int64_t n[3];
  double edge[3], at[3], radius; /* at: from the middle of the box, um */
  int axis;                      /* of the cylinder; -1: a ball */
} shape_t;

static double interface_of(exset_ctx_t *ctx, const shape_t *s) {
  const int64_t *n = s->n, cells = n[0] * n[1] * n[2];
  uint8_t *all = malloc((size_t)cells);
  for (int64_t i = 0; i < cells; i++) {
    const int64_t at[3] = {i / (n[1] * n[2]), i / n[2] % n[1], i % n[2]};
    double r2 = 0;
    for (int k = 0; k < 3; k++) {
      const double from = ((double)at[k] + 0.5 - 0.5 * (double)n[k]) * s->edge[k] - s->at[k];
      if (k != s->axis) r2 += from * from;
    }
    all[i] = r2 <= s->radius * s->radius ? 1 : 2;
  }
  const exset_volume_t v = surface_view(ctx, n, s->edge, 2, all);
  double area[4];
  MUST(ctx, exset_surface_areas(ctx, &v, area));
  free(all);
  return area[1];
}

/*
 * What lines give that see every crossing: changes along u are the integral of |u m| over the surface with normals m, 1/2
 * of it for a ball and 2 / pi times the part of u across the axis for a cylinder; pairs are fewer than cells.
 */
static double interface_expected(const shape_t *s) {
  double weight[SURFACE_DIRECTIONS], length[SURFACE_DIRECTIONS], sum = 0;
  surface_weights(s->edge, weight);
  surface_lengths(s->edge, length);
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    double volume = 1, across = 0, area = 4 * M_PI * s->radius * s->radius;
    for (int k = 0; k < 3; k++) {
      const int step = abs(surface_step[d][k]);
      const double side = (double)(s->n[k] - step) * s->edge[k];
      volume *= side;
      if (k == s->axis) area = 2 * M_PI * s->radius * side;
      else across += pow(step * s->edge[k] / length[d], 2);
    }
    sum += 2 * weight[d] * area / volume * (s->axis < 0 ? 0.5 : sqrt(across) * 2 / M_PI);
  }
  return sum;
}

/* The mean over places of the middle, against the closed form. */
static void check_shape(exset_ctx_t *ctx, const double edge[3], double radius, int axis,
                        double within) {
  enum { TIMES = 5 };
  uint64_t state = 3;
  double ratio = 0;
  for (int i = 0; i < TIMES; i++) {
    shape_t s = {.radius = radius, .axis = axis};
    for (int k = 0; k < 3; k++) {
      s.edge[k] = edge[k];
      s.at[k] = (surface_uniform(&state) - 0.5) * edge[k];
      s.n[k] = k == axis ? 5 : (int64_t)ceil(2 * radius / edge[k]) + 4;
    }
    ratio += interface_of(ctx, &s) / interface_expected(&s) / TIMES;
  }
  CHECK_MSG(fabs(ratio - 1) <= within, "radius %g, axis %d: %.5f of the closed form", radius, axis,
            ratio);
}

static void check_shapes(exset_ctx_t *ctx) {
  const double edges[3][3] = {{1, 1, 1}, {2, 1, 1}, {1, 1.5, 0.75}};
  for (int e = 0; e < 3; e++) {
    check_shape(ctx, edges[e], 6, -1, 0.02);
    check_shape(ctx, edges[e], 12, -1, 0.005);
    for (int axis = 0; axis < 3; axis++) check_shape(ctx, edges[e], 12, axis, 0.01);
  }
}

/*
 * Layers of H planes of cells whose normal a is one of the 13 directions. A line along a step s changes phase at a share
 * |a s| / H of its pairs, just so in a box of 6 H + 1 cells: the estimate is the area times 2 sum_d w_d |cos(a, s_d)|.
 */
static void check_layers(exset_ctx_t *ctx, const int a[3], double *least) {
  enum { H = 5, N = 6 * H + 1 };
  const double edge[3] = {1, 1, 1};
  const int64_t n[3] = {N, N, N};
  static uint8_t all[N][N][N];
  for (int z = 0; z < N; z++)
    for (int y = 0; y < N; y++)
      for (int x = 0; x < N; x++)
        all[z][y][x] = (uint8_t)(1 + (a[0] * z + a[1] * y + a[2] * x + 100 * H) / H % 2);
  const exset_volume_t v = surface_view(ctx, n, edge, 2, &all[0][0][0]);
  double area[4], weight[SURFACE_DIRECTIONS], length[SURFACE_DIRECTIONS], ratio = 0;
  surface_weights(edge, weight);
  surface_lengths(edge, length);
  const double normal = sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    const int *s = surface_step[d];
    ratio += 2 * weight[d] * abs(a[0] * s[0] + a[1] * s[1] + a[2] * s[2]) / (normal * length[d]);
  }
  MUST(ctx, exset_surface_areas(ctx, &v, area));
  CHECK_NEAR(area[1], ratio * normal / H, 1e-12);
  CHECK_NEAR(area[1], area[2], 0);
  if (ratio < *least) *least = ratio;
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  if (ctx->size == 1) check_weights();
  check_pairs(ctx);
  check_nothing(ctx);
  if (ctx->size == 1) check_shapes(ctx); /* others get the same bits */
  double least = 1;
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) check_layers(ctx, surface_step[d], &least);
  CHECK_NEAR(least, 0.9266,
             1e-4); /* planes normal to an axis; the mean over all orientations is 1 */
  return test_end(ctx);
}
