/* Centres of balls that no neighbour makes needless (doc/theory/morphology.md has the proof). */
#include "morph_cover_impl.h"
#include "morph_simd.h"

#include <stdlib.h>
#include <string.h>

/* What stands for cells outside of the volume: below all values. */
static const float OUTSIDE = -1;
/* Share of a square by which a ball has to be larger than one that it holds: beyond rounding. */
static const float MARGIN = 1e-5F;

/* Kinds of neighbours: by steps along x, y, z, yx, zx, zy, zyx. */
enum { KINDS = 7 };

/* Three rows of each of three planes, with a cell more at both ends: row y + 1 of plane z + 1 is row[z][y]. */
typedef struct {
  float *data;
  const float *row[3][3]; /* at x = -1 */
  float *largest[KINDS];  /* [nx]: value of neighbours of each kind */
  uint8_t *keep;          /* [nx] */
} window_t;

static int window_init(exset_ctx_t *ctx, int64_t nx, window_t *w) {
  EXSET_TRY(exset_alloc(ctx, 9 * (nx + 2), sizeof *w->data, &w->data));
  for (int k = 0; k < KINDS; k++)
    EXSET_TRY(exset_alloc(ctx, nx, sizeof **w->largest, &w->largest[k]));
  return exset_alloc(ctx, nx, sizeof *w->keep, &w->keep);
}

static void window_clear(window_t *w) {
  free(w->data);
  for (int k = 0; k < KINDS; k++) free(w->largest[k]);
  free(w->keep);
}

/* Rows y - 1, y, y + 1 from three planes; those of the row before are there already, unless y = 0. */
static void window_move(window_t *w, const exset_grid_t *g, const float *const plane[3],
                        int64_t y) {
  const int64_t nx = g->n[2], ny = g->n[1];
  for (int p = 0; p < 3; p++)
    for (int64_t k = y > 0 ? y + 1 : -1; k <= y + 1; k++) {
      float *row = w->data + (p * 3 + (k + 3) % 3) * (nx + 2);
      row[0] = row[nx + 1] = OUTSIDE;
      if (plane[p] && k >= 0 && k < ny)
        memcpy(row + 1, plane[p] + k * nx, (size_t)nx * sizeof *row);
      else
        for (int64_t x = 1; x <= nx; x++) row[x] = OUTSIDE;
    }
  for (int p = 0; p < 3; p++)
    for (int k = 0; k < 3; k++) w->row[p][k] = w->data + (p * 3 + (y + k + 2) % 3) * (nx + 2);
}

static inline float larger(float a, float b) {
  return a > b ? a : b;
}

static inline int is_lower(float neighbour, float s) {
  return (neighbour < s) & (neighbour >= 0);
}

/* The largest neighbours of each kind, and which cells have a lower one through a face. */
MORPH_SIMD static void compare_row(const float *const row[3][3], float least, int64_t nx,
                                   float *const largest[KINDS], uint8_t *restrict keep) {
  const float *a0 = row[0][0], *a1 = row[0][1], *a2 = row[0][2];
  const float *b0 = row[1][0], *b1 = row[1][1], *b2 = row[1][2];
  const float *c0 = row[2][0], *c1 = row[2][1], *c2 = row[2][2];
  float *restrict by_x = largest[0], *restrict by_y = largest[1], *restrict by_z = largest[2];
  float *restrict by_yx = largest[3], *restrict by_zx = largest[4], *restrict by_zy = largest[5];
  float *restrict by_zyx = largest[6];
  for (int64_t l = 0; l < nx; l++) { /* l, x, r: left, here, right */
    const int64_t x = l + 1, r = l + 2;
    const float s = b1[x];
    by_x[l] = larger(b1[l], b1[r]);
    by_y[l] = larger(b0[x], b2[x]);
    by_z[l] = larger(a1[x], c1[x]);
    by_yx[l] = larger(larger(b0[l], b0[r]), larger(b2[l], b2[r]));
    by_zx[l] = larger(larger(a1[l], a1[r]), larger(c1[l], c1[r]));
    by_zy[l] = larger(larger(a0[x], a2[x]), larger(c0[x], c2[x]));
    by_zyx[l] = larger(larger(larger(a0[l], a0[r]), larger(a2[l], a2[r])),
                       larger(larger(c0[l], c0[r]), larger(c2[l], c2[r])));
    keep[l] =
        (uint8_t)((s > least) & (is_lower(a1[x], s) | is_lower(c1[x], s) | is_lower(b0[x], s) |
                                 is_lower(b2[x], s) | is_lower(b1[l], s) | is_lower(b1[r], s)));
  }
}

/* Drop balls that one round a neighbour, e away, holds: sqrt v >= sqrt s + e. */
MORPH_SIMD static void drop_held(const float *restrict s, const float *restrict v, float e_squared,
                                 int64_t nx, uint8_t *restrict keep) {
  for (int64_t x = 0; x < nx; x++) {
    const float more = v[x] - s[x] - e_squared - MARGIN * v[x];
    keep[x] &= (uint8_t) !((more > 0) & (more * more >= 4 * e_squared * s[x]));
  }
}

/* The same for cubes, where the table goes by cells. */
MORPH_SIMD static void drop_held_cubes(const float *restrict s, const float *const largest[KINDS],
                                       const cover_metric_t *m, int64_t nx,
                                       uint8_t *restrict keep) {
  const float *by_face = m->contains[0], *by_edge = m->contains[1], *by_corner = m->contains[2];
  const float *v0 = largest[0], *v1 = largest[1], *v2 = largest[2], *v3 = largest[3],
              *v4 = largest[4], *v5 = largest[5], *v6 = largest[6];
  const float last = (float)(m->n_contains - 1); /* its entries: nothing holds larger balls */
  for (int64_t x = 0; x < nx; x++) {
    const float capped = s[x] < last - 1 ? s[x] : last - 1;
    const int32_t whole = (int32_t)capped, entry = whole + ((float)whole < s[x]);
    const float face = larger(larger(v0[x], v1[x]), v2[x]);
    const float edge = larger(larger(v3[x], v4[x]), v5[x]);
    keep[x] &=
        (uint8_t)((face < by_face[entry]) & (edge < by_edge[entry]) & (v6[x] < by_corner[entry]));
  }
}

static void filter_row(const cover_metric_t *m, window_t *w, int64_t nx) {
  const float *s = w->row[1][1] + 1, wz = m->weight[0], wy = m->weight[1], wx = m->weight[2];
  const float e_squared[KINDS] = {wx, wy, wz, wy + wx, wz + wx, wz + wy, wz + wy + wx};
  compare_row(w->row, m->least, nx, w->largest, w->keep);
  if (m->n_contains > 0) drop_held_cubes(s, (const float *const *)w->largest, m, nx, w->keep);
  else
    for (int k = 0; k < KINDS; k++) drop_held(s, w->largest[k], e_squared[k], nx, w->keep);
}

/* The directions of which the parts without x, without y, without z are there, too. */
static uint32_t with_parts(uint32_t bits) {
  const uint32_t no_step[3] = {0x2492492, 0xe07038, 0x3fe00}; /* along x, y, z */
  for (int a = 0, shift = 1; a < 3; a++, shift *= 3) {
    const uint32_t parts = bits & no_step[a];
    bits &= parts | parts << shift | parts >> shift;
  }
  return bits;
}

/* Directions that matter: where all neighbours on the way to the cells, by some of its steps, are lower. */
static uint32_t directions_of(const float *const row[3][3], int64_t x) {
  const float s = row[1][1][x + 1];
  uint32_t lower = 0;
  for (int k = 0; k < 27; k++)
    lower |= (uint32_t)is_lower(row[k / 9][k / 3 % 3][x + k % 3], s) << k;
  return with_parts(lower | 1U << 13); /* the centre itself does not count */
}

static int add(exset_ctx_t *ctx, cover_balls_t *balls, cover_ball_t ball) {
  if (balls->n == balls->room) {
    const int64_t room = balls->room ? 2 * balls->room : 4096;
    cover_ball_t *item = realloc(balls->item, (size_t)room * sizeof *item);
    if (!item) return exset_fail(ctx, EXSET_ERR_LOCAL, "no memory for %lld balls", (long long)room);
    balls->item = item;
    balls->room = room;
  }
  balls->item[balls->n++] = ball;
  return EXSET_OK;
}

static int find_in_row(exset_ctx_t *ctx, const cover_metric_t *m, window_t *w, int64_t nx,
                       int64_t place, cover_balls_t *balls) {
  filter_row(m, w, nx);
  for (int64_t x = 0; x < nx; x++) {
    if (!w->keep[x]) continue;
    const cover_ball_t ball = {place + x, w->row[1][1][x + 1], directions_of(w->row, x)};
    EXSET_TRY(add(ctx, balls, ball));
  }
  return EXSET_OK;
}

static int find_in_planes(exset_ctx_t *ctx, const exset_grid_t *g, const cover_metric_t *m,
                          const float *squared, const float *below, const float *above,
                          cover_balls_t *balls) {
  const int64_t ny = g->n[1], nx = g->n[2], plane = ny * nx;
  window_t w = {0};
  int err = window_init(ctx, nx, &w);
  for (int64_t z = 0; !err && z < g->nz_local; z++) {
    const float *own = squared + z * plane;
    const float *const planes[3] = {z > 0 ? own - plane : below, own,
                                    z < g->nz_local - 1 ? own + plane : above};
    for (int64_t y = 0; !err && y < ny; y++) {
      window_move(&w, g, planes, y);
      err = find_in_row(ctx, m, &w, nx, ((g->z0 + z) * ny + y) * nx, balls);
    }
  }
  window_clear(&w);
  return err;
}

int cover_find(exset_ctx_t *ctx, const exset_grid_t *grid, const cover_metric_t *metric,
               const float *squared, const float *below, const float *above, cover_balls_t *balls) {
  return find_in_planes(ctx, grid, metric, squared, below, above, balls);
}
