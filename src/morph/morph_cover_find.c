/* Centres of balls that no neighbour makes needless (doc/theory/morphology.md has the proof). */
#include "exset/simd.h"
#include "morph_cover_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What stands for cells outside of the volume: below all values. */
static const float OUTSIDE = -1;

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
EXSET_CLONES_UNJAMMED static void compare_row(const float *const row[3][3], float least, int64_t nx,
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

/* Bin of a square in the tables. */
static inline int32_t bin_of(float s, float bins_per_unit, float last) {
  const float at = s * bins_per_unit, capped = at < last ? at : last;
  const int32_t whole = (int32_t)capped;
  return whole + ((float)whole < capped);
}

/* Drop balls that one round a neighbour holds. */
EXSET_CLONES_UNJAMMED static void drop_held(const float *restrict s, const float *restrict v,
                                            const float *restrict held, const cover_metric_t *m,
                                            int64_t nx, uint8_t *restrict keep) {
  const float last = (float)(m->n_bins - 1), bins_per_unit = (float)(1 / m->width);
  for (int64_t x = 0; x < nx; x++)
    keep[x] &= (uint8_t) !(v[x] > held[bin_of(s[x], bins_per_unit, last)]);
}

static void filter_row(const cover_metric_t *m, window_t *w, int64_t nx) {
  static const int step[KINDS] = {1, 4, 16, 5, 17, 20, 21}; /* x, y, z, yx, zx, zy, zyx */
  compare_row(w->row, m->least, nx, w->largest, w->keep);
  for (int k = 0; k < KINDS; k++)
    drop_held(w->row[1][1] + 1, w->largest[k], m->held + step[k] * m->n_bins, m, nx, w->keep);
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

/* Part of a volume of which the balls are sought. */
typedef struct {
  const exset_grid_t *grid;
  const cover_metric_t *metric;
  const float *squared; /* its slab */
} slab_t;

/* Whether a ball round the cell by steps z, y, x, in the slab, holds the one round the cell at. */
static bool held_by(const slab_t *slab, const int64_t at[3], const int step[3], int32_t bin) {
  const int64_t *n = slab->grid->n, size[3] = {slab->grid->nz_local, n[1], n[2]};
  int64_t place = 0, table = 0;
  for (int a = 0; a < 3; a++) {
    const int64_t k = at[a] + step[a];
    if (k < 0 || k >= size[a]) return false;
    place = place * size[a] + k;
    table = table * 4 + abs(step[a]);
  }
  return slab->squared[place] > slab->metric->held[table * slab->metric->n_bins + bin];
}

/* The same for cells up to three steps away in the direction in which squares grow: the medial axis is there. */
static bool held_afar(const slab_t *slab, const float *const row[3][3], const int64_t at[3]) {
  const cover_metric_t *m = slab->metric;
  const int64_t x = at[2] + 1;
  const float s = row[1][1][x];
  const float ends[3][2] = {{row[0][1][x], row[2][1][x]},
                            {row[1][0][x], row[1][2][x]},
                            {row[1][1][x - 1], row[1][1][x + 1]}};
  float slope[3], most = 0;
  for (int a = 0; a < 3; a++) {
    const float low = ends[a][0] < 0 ? s : ends[a][0], high = ends[a][1] < 0 ? s : ends[a][1];
    slope[a] = (high - low) / m->weight[a];
    most = larger(most, fabsf(slope[a]));
  }
  if (!(most > 0) || !(most < INFINITY)) return false;
  const int32_t bin = bin_of(s, (float)(1 / m->width), (float)(m->n_bins - 1));
  for (int length = 2; length <= 3; length++) {
    int step[3];
    for (int a = 0; a < 3; a++) step[a] = (int)lrintf(slope[a] / most * (float)length);
    if (held_by(slab, at, step, bin)) return true;
  }
  return false;
}

static int find_in_row(exset_ctx_t *ctx, const slab_t *slab, window_t *w, int64_t z, int64_t y,
                       cover_balls_t *balls) {
  const int64_t ny = slab->grid->n[1], nx = slab->grid->n[2];
  const int64_t place = ((slab->grid->z0 + z) * ny + y) * nx;
  filter_row(slab->metric, w, nx);
  for (int64_t x = 0; x < nx; x++) {
    if (!w->keep[x] || held_afar(slab, w->row, (int64_t[]){z, y, x})) continue;
    const cover_ball_t ball = {place + x, w->row[1][1][x + 1], directions_of(w->row, x)};
    EXSET_TRY(add(ctx, balls, ball));
  }
  return EXSET_OK;
}

static int find_in_planes(exset_ctx_t *ctx, const exset_grid_t *g, const cover_metric_t *m,
                          const float *squared, const float *below, const float *above,
                          cover_balls_t *balls) {
  const int64_t ny = g->n[1], nx = g->n[2], plane = ny * nx;
  const slab_t slab = {g, m, squared};
  window_t w = {0};
  int err = window_init(ctx, nx, &w);
  for (int64_t z = 0; !err && z < g->nz_local; z++) {
    const float *own = squared + z * plane;
    const float *const planes[3] = {z > 0 ? own - plane : below, own,
                                    z < g->nz_local - 1 ? own + plane : above};
    for (int64_t y = 0; !err && y < ny; y++) {
      window_move(&w, g, planes, y);
      err = find_in_row(ctx, &slab, &w, z, y, balls);
    }
  }
  window_clear(&w);
  return err;
}

int cover_find(exset_ctx_t *ctx, const exset_grid_t *grid, const cover_metric_t *metric,
               const float *squared, const float *below, const float *above, cover_balls_t *balls) {
  return find_in_planes(ctx, grid, metric, squared, below, above, balls);
}
