/* test: np="1 2 3 5" time=60 */
/* Lengths of three-phase boundaries: the definition cell by cell on random volumes with masked cells, for all triples; straight
 * lines in random directions between wedges, circles on balls, voxels of several shapes. */
#include "test_surface.h"

#include <string.h>

/* ---- the definition ---------------------------------------------------------------------------- */

typedef struct {
  const int64_t *n;
  const uint8_t *all;
  int triple[3];
  int64_t window[3];
  double voxel[3];
} naive_t;

static int label(const naive_t *t, int64_t z, int64_t y, int64_t x) {
  return t->all[(z * t->n[1] + y) * t->n[2] + x];
}

/* Sign of the permutation that three labels make of the triple; 0: no permutation. */
static int sign_of(const naive_t *t, int a, int b, int c) {
  static const int order[6][4] = {{0, 1, 2, 1},  {1, 2, 0, 1},  {2, 0, 1, 1},
                                  {0, 2, 1, -1}, {2, 1, 0, -1}, {1, 0, 2, -1}};
  for (int k = 0; k < 6; k++)
    if (a == t->triple[order[k][0]] && b == t->triple[order[k][1]] && c == t->triple[order[k][2]])
      return order[k][3];
  return 0;
}

/* Passages through a square of corners in a row: mean of both ways to cut it into triangles. */
static double passages(const naive_t *t, const int corner[4]) {
  const int *c = corner;
  return 0.5 * (sign_of(t, c[0], c[1], c[2]) + sign_of(t, c[0], c[2], c[3]) +
                sign_of(t, c[0], c[1], c[3]) + sign_of(t, c[1], c[2], c[3]));
}

/* Vector of the block that begins at a cell, in cells; false where a cell is masked or it is not in the box. */
static bool block(const naive_t *t, const int64_t at[3], double vector[3]) {
  for (int k = 0; k < 3; k++)
    if (at[k] < 0 || at[k] + 1 >= t->n[k]) return false;
  for (int k = 0; k < 8; k++)
    if (!label(t, at[0] + (k >> 2), at[1] + (k >> 1 & 1), at[2] + (k & 1))) return false;
  for (int a = 0; a < 3; a++) {
    const int b = (a + 1) % 3,
              c = (a + 2) % 3; /* right-handed in the order x, y, z = 2, 1, 0: c before b */
    vector[a] = 0;
    for (int side = 0; side < 2; side++) {
      int corner[4];
      for (int k = 0; k < 4; k++) {
        int64_t cell[3] = {at[0], at[1], at[2]};
        cell[a] += side;
        cell[c] += k == 1 || k == 2;
        cell[b] += k >= 2;
        corner[k] = label(t, cell[0], cell[1], cell[2]);
      }
      vector[a] += 0.5 * passages(t, corner);
    }
  }
  return true;
}

static double window_naive(const naive_t *t, const int64_t at[3]) {
  double sum[3] = {0}, vector[3];
  for (int64_t z = at[0]; z < at[0] + t->window[0]; z++)
    for (int64_t y = at[1]; y < at[1] + t->window[1]; y++)
      for (int64_t x = at[2]; x < at[2] + t->window[2]; x++) {
        const int64_t cell[3] = {z, y, x};
        if (!block(t, cell, vector)) continue;
        for (int k = 0; k < 3; k++) sum[k] += vector[k] * t->voxel[k];
      }
  return sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
}

/* Length per volume, but for the factor that corrects the mean of random lines. */
static double length_naive(const naive_t *t) {
  double sum = 0, vector[3];
  int64_t blocks = 0, at[3];
  const int64_t *w = t->window;
  for (at[0] = 1 - w[0]; at[0] < t->n[0]; at[0]++)
    for (at[1] = 1 - w[1]; at[1] < t->n[1]; at[1]++)
      for (at[2] = 1 - w[2]; at[2] < t->n[2]; at[2]++) {
        sum += window_naive(t, at);
        blocks += block(t, at, vector);
      }
  return sum / (double)(w[0] * w[1] * w[2]) /
         ((double)blocks * t->voxel[0] * t->voxel[1] * t->voxel[2]);
}

/* One rank gets the same bits. */
static void check_alone(exset_ctx_t *ctx, const exset_volume_t *v, uint8_t *all,
                        const double *length) {
  exset_ctx_t *alone;
  const exset_volume_t whole = surface_alone(ctx, v, all, &alone);
  double same[11];
  MUST(alone, exset_surface_lines(alone, &whole, same));
  CHECK(memcmp(same, length, (size_t)(1 + exset_surface_triples(v->n_phases)) * sizeof *same) == 0);
  MUST(alone, exset_ctx_destroy(&alone));
}

static void check_random(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3],
                         const int64_t window[3], int phases, unsigned masked_of, unsigned size) {
  uint8_t *all = surface_random(n, (unsigned)phases, masked_of, size, 5 + (uint64_t)phases);
  const exset_volume_t v = surface_view(ctx, n, voxel, phases, all);
  double length[11], sum = 0;
  naive_t t = {.n = n, .all = all};
  memcpy(t.window, window, sizeof t.window);
  memcpy(t.voxel, voxel, sizeof t.voxel);
  MUST(ctx, exset_surface_lines(ctx, &v, length));
  check_alone(ctx, &v, all, length);
  int at = 1;
  for (int i = 1; i <= phases; i++)
    for (int j = i + 1; j <= phases; j++)
      for (int k = j + 1; k <= phases; k++) {
        t.triple[0] = i, t.triple[1] = j, t.triple[2] = k;
        const double expected = length_naive(&t) / 1.08;
        if (isnan(expected)) CHECK(isnan(length[at]));
        else CHECK_NEAR(length[at], expected, 2e-4 * expected);
        sum += length[at++];
      }
  if (!isnan(sum)) CHECK_NEAR(length[0], sum, 1e-12 * sum);
}

static void check_definition(exset_ctx_t *ctx) {
  const double voxels[3][3] = {{0.5, 0.5, 0.5}, {3, 1, 1.3}, {1, 2, 2}};
  const int64_t windows[3][3] = {{2, 2, 2}, {2, 3, 3}, {3, 2, 2}};
  const int64_t sizes[5][3] = {{11, 12, 13}, {3, 9, 17}, {9, 5, 2}, {1, 8, 9}, {7, 3, 1}};
  const int64_t wide[3] = {2, 37, 1030}; /* several strips of rows */
  check_random(ctx, wide, voxels[1], windows[1], 3, 60, 2);
  for (int e = 0; e < 3; e++)
    for (int s = 0; s < 5; s++)
      for (int phases = 2; phases <= 5; phases++) {
        if (e > 0 && phases > 3) continue;
        check_random(ctx, sizes[s], voxels[e], windows[e], phases, 0, 1);
        check_random(ctx, sizes[s], voxels[e], windows[e], phases, 40, 2);
        check_random(ctx, sizes[s], voxels[e], windows[e], phases, 60, 3);
      }
}

/* ---- lines and circles --------------------------------------------------------------------------- */

static void random_direction(uint64_t *state, double u[3]) {
  const double c = 2 * surface_uniform(state) - 1, phi = 2 * M_PI * surface_uniform(state);
  u[0] = c, u[1] = sqrt(1 - c * c) * sin(phi), u[2] = sqrt(1 - c * c) * cos(phi);
}

/* Two directions across u and across each other. */
static void across(const double u[3], double a[3], double b[3]) {
  const int k = fabs(u[0]) < 0.6 ? 0 : 1;
  double norm = 0;
  for (int i = 0; i < 3; i++) a[i] = (i == k) - u[k] * u[i];
  for (int i = 0; i < 3; i++) norm += a[i] * a[i];
  for (int i = 0; i < 3; i++) a[i] /= sqrt(norm);
  for (int i = 0; i < 3; i++)
    b[i] = u[(i + 1) % 3] * a[(i + 2) % 3] - u[(i + 2) % 3] * a[(i + 1) % 3];
}

/* Sides of a box of the middles of cells. */
enum { SIDE = 26 };

typedef struct {
  int64_t n[3];
  double voxel[3];
  uint8_t *all;
} box_t;

static box_t box_of(const double voxel[3]) {
  box_t b;
  int64_t cells = 1;
  for (int k = 0; k < 3; k++) {
    b.voxel[k] = voxel[k];
    b.n[k] = (int64_t)ceil(SIDE / voxel[k]);
    cells *= b.n[k];
  }
  b.all = malloc((size_t)cells);
  return b;
}

static void middle_of(const box_t *b, int64_t i, double where[3]) {
  const int64_t at[3] = {i / (b->n[1] * b->n[2]), i / b->n[2] % b->n[1], i % b->n[2]};
  for (int k = 0; k < 3; k++)
    where[k] = ((double)at[k] - 0.5 * (double)(b->n[k] - 1)) * b->voxel[k];
}

/* Length found in the box. */
static double length_in(exset_ctx_t *ctx, const box_t *b) {
  const exset_volume_t v = surface_view(ctx, b->n, b->voxel, 3, b->all);
  double length[2], volume = 1;
  for (int k = 0; k < 3; k++) volume *= (double)(b->n[k] - 1) * b->voxel[k];
  MUST(ctx, exset_surface_lines(ctx, &v, length));
  return length[0] * volume;
}

/* A straight line through the box, between wedges of angles pi, angle, pi - angle (or all 2 pi / 3). */
static double line_ratio(exset_ctx_t *ctx, box_t *b, double angle, uint64_t *state) {
  double u[3], a[3], c[3], at[3], from = -1e9, to = 1e9;
  const double turn = 2 * M_PI * surface_uniform(state);
  const bool even = angle > 2;
  random_direction(state, u);
  across(u, a, c);
  for (int k = 0; k < 3; k++) {
    at[k] = 4 * (surface_uniform(state) - 0.5);
    const double half = 0.5 * (double)(b->n[k] - 1) * b->voxel[k];
    from = fmax(from, fmin((half - at[k]) / u[k], (-half - at[k]) / u[k]));
    to = fmin(to, fmax((half - at[k]) / u[k], (-half - at[k]) / u[k]));
  }
  for (int64_t i = 0; i < b->n[0] * b->n[1] * b->n[2]; i++) {
    double where[3], pa = 0, pc = 0;
    middle_of(b, i, where);
    for (int k = 0; k < 3; k++) {
      pa += (where[k] - at[k]) * a[k];
      pc += (where[k] - at[k]) * c[k];
    }
    const double phi = fmod(atan2(pc, pa) + turn + 2 * M_PI, 2 * M_PI);
    const double first = even ? angle : M_PI, second = first + angle;
    b->all[i] = phi < first ? 1 : phi < second ? 2 : 3;
  }
  return length_in(ctx, b) / (to - from);
}

/* Mean over random lines. angle < 0: the angle at which two random surfaces meet, density 2/pi sin^2. */
static void check_line(exset_ctx_t *ctx, const double voxel[3], double angle, int times,
                       double expected, double within) {
  box_t b = box_of(voxel);
  uint64_t state = 9;
  double sum = 0;
  for (int i = 0; i < times; i++) {
    double theta = angle;
    if (angle < 0) do
        theta = M_PI * surface_uniform(&state);
      while (surface_uniform(&state) > pow(sin(theta), 2));
    sum += line_ratio(ctx, &b, theta, &state) / times;
  }
  CHECK_MSG(fabs(sum - expected) <= within, "voxel %g %g %g, angle %g: %.4f, expected %.4f +- %g",
            voxel[0], voxel[1], voxel[2], angle, sum, expected, within);
  free(b.all);
}

/* A ball of phase 1 half above and half below a random plane through its middle: a circle. */
static void check_circle(exset_ctx_t *ctx, double radius, int times, double within) {
  const double voxel[3] = {1, 1, 1};
  box_t b = box_of(voxel);
  uint64_t state = 4;
  double sum = 0;
  for (int j = 0; j < times; j++) {
    double u[3], at[3];
    random_direction(&state, u);
    for (int k = 0; k < 3; k++) at[k] = surface_uniform(&state) - 0.5;
    for (int64_t i = 0; i < b.n[0] * b.n[1] * b.n[2]; i++) {
      double where[3], r2 = 0, height = 0;
      middle_of(&b, i, where);
      for (int k = 0; k < 3; k++) {
        r2 += pow(where[k] - at[k], 2);
        height += (where[k] - at[k]) * u[k];
      }
      b.all[i] = r2 < radius * radius ? 1 : height > 0 ? 2 : 3;
    }
    sum += length_in(ctx, &b) / (2 * M_PI * radius) / times;
  }
  CHECK_MSG(fabs(sum - 1) <= within, "circle of radius %g: %.4f of its length", radius, sum);
  free(b.all);
}

/* Closed forms; a number as argument measures more closely. */
static void check_lengths(exset_ctx_t *ctx, int times) {
  const double cubic[3] = {1, 1, 1}, flat[3] = {2, 1, 1};
  /* single lines scatter by 3 %, so that these means are within 5 standard deviations */
  check_line(ctx, cubic, 2 * M_PI / 3, times, 0.993, 0.015);
  check_line(ctx, cubic, M_PI / 2, times, 0.995, 0.02);
  check_line(ctx, cubic, M_PI / 3, times, 1.000, 0.02);
  check_line(ctx, cubic, M_PI / 4, times, 1.013, 0.025);
  check_line(ctx, cubic, M_PI / 6, times, 1.053, 0.04);
  check_line(ctx, cubic, -1, times, 1.004, 0.025);
  check_line(ctx, flat, -1, times, 0.995, 0.03);
  check_circle(ctx, 5, 10, 0.035);
  check_circle(ctx, 10, 10, 0.02);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_definition(ctx);
  if (ctx->size == 1)
    check_lengths(ctx, argc > 1 ? atoi(argv[1]) : 40); /* others get the same bits */
  return test_end(ctx);
}
