/* Areas of interfaces: changes of phase along lines of cells in 13 directions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/simd.h"
#include "morph_surface_impl.h"

/* Changes and pairs in each direction; of the whole volume after the sum over ranks. */
typedef struct {
  int n;        /* phases + 1 */
  int64_t *all; /* the memory of both, in one piece for the sum */
  int64_t *changes,
      *pairs; /* [direction][n][n]: from one phase to another; [direction]: of two cells not masked */
} counts_t;

/* ---- counting -------------------------------------------------------------------------------- */

enum { LANES = 32, BLOCK = 255 * LANES }; /* 255: what a lane can count to */
typedef uint8_t lanes_t __attribute__((vector_size(LANES), aligned(1), may_alias));

EXSET_INLINE int64_t lanes_sum(const lanes_t *count) {
  int64_t sum = 0;
  for (int k = 0; k < LANES; k++) sum += (*count)[k];
  return sum;
}

/* Places where the bits of a and b together are code. */
EXSET_CLONES static int64_t count_code(const uint8_t *a, const uint8_t *b, int64_t n,
                                       uint8_t code) {
  int64_t sum = 0, i = 0;
  while (i + LANES <= n) {
    lanes_t count = {0};
    const int64_t end = n - i < BLOCK ? n : i + BLOCK;
    for (; i + LANES <= end; i += LANES)
      count -= (lanes_t)((*(const lanes_t *)(a + i) | *(const lanes_t *)(b + i)) == code);
    sum += lanes_sum(&count);
  }
  for (; i < n; i++) sum += (a[i] | b[i]) == code;
  return sum;
}

/* Places where neither is 0. */
EXSET_CLONES static int64_t count_both(const uint8_t *a, const uint8_t *b, int64_t n) {
  int64_t sum = 0, i = 0;
  while (i + LANES <= n) {
    lanes_t count = {0};
    const int64_t end = n - i < BLOCK ? n : i + BLOCK;
    for (; i + LANES <= end; i += LANES)
      count -= (lanes_t)((*(const lanes_t *)(a + i) != 0) & (*(const lanes_t *)(b + i) != 0));
    sum += lanes_sum(&count);
  }
  for (; i < n; i++) sum += a[i] && b[i];
  return sum;
}

/* Changes between any phases: words of 8 cells that are equal hold none. */
static void count_table(const uint8_t *a, const uint8_t *b, int64_t n, int64_t *changes, int row) {
  for (int64_t i = 0, end; i < n; i = end) {
    uint64_t wa, wb;
    end = i + 8;
    if (end <= n) {
      memcpy(&wa, a + i, sizeof wa);
      memcpy(&wb, b + i, sizeof wb);
      if (wa == wb) continue;
    }
    for (int64_t k = i; k < end && k < n; k++) changes[a[k] * row + b[k]] += a[k] != b[k];
  }
}

/* Phases that fit the bits of a byte are told apart by them, all pairs of a phase at once. */
enum { MOST_BITS = 8 };

static void count_pair(const uint8_t *a, const uint8_t *b, int64_t length, int d, counts_t *c) {
  int64_t *changes = c->changes + (int64_t)d * c->n * c->n;
  c->pairs[d] += count_both(a, b, length);
  if (c->n - 1 > MOST_BITS) {
    count_table(a, b, length, changes, c->n);
    return;
  }
  for (int p = 1; p < c->n; p++)
    for (int q = p + 1; q < c->n; q++)
      changes[p * c->n + q] += count_code(a, b, length, (uint8_t)(1 << (p - 1) | 1 << (q - 1)));
}

/* Cells of plane z with their neighbours in it and in the next one, if there is. */
static void count_plane(const surface_plane_t *plane, const uint8_t *here, const uint8_t *next,
                        counts_t *c) {
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    const int *s = surface_step[d];
    const uint8_t *other = s[0] ? next : here;
    if (!other) continue;
    count_pair(here + plane->start, other + plane->start + s[1] * plane->stride + s[2],
               plane->ny * plane->stride, d, c);
  }
}

/* Planes first .. last - 1 of the slab. padded: two planes of zeros. */
static void count_planes(const exset_volume_t *v, const uint8_t *above, int64_t first, int64_t last,
                         uint8_t *padded, counts_t *c) {
  const surface_plane_t plane = surface_plane(&v->grid);
  const int64_t cells = plane.ny * plane.nx;
  const int phases = v->n_phases;
  const bool code = phases <= MOST_BITS;
  uint8_t *here = padded, *next = padded + plane.size;
  if (first < last) surface_pad(&plane, v->phase + first * cells, phases, code, here);
  for (int64_t z = first; z < last; z++) {
    const uint8_t *up = z + 1 < v->grid.nz_local ? v->phase + (z + 1) * cells : above;
    if (up) surface_pad(&plane, up, phases, code, next);
    count_plane(&plane, here, up ? next : NULL, c);
    uint8_t *const swap = here;
    here = next;
    next = swap;
  }
}

/* ---- threads and ranks ------------------------------------------------------------------------ */

static int64_t counts_size(int n) {
  return SURFACE_DIRECTIONS * ((int64_t)n * n + 1);
}

static counts_t counts_at(int64_t *memory, int n) {
  return (counts_t){n, memory, memory, memory + SURFACE_DIRECTIONS * (int64_t)n * n};
}

/* Each thread counts a share of the planes. Local. */
static int count_slab(exset_ctx_t *ctx, const exset_volume_t *v, const uint8_t *above,
                      counts_t *c) {
  const int threads = ctx->threads, n = c->n;
  const int64_t nz = v->grid.nz_local, padded_size = 2 * surface_plane(&v->grid).size;
  const int64_t size = counts_size(n);
  uint8_t *padded = NULL;
  int64_t *counts = NULL;
  int err = exset_alloc(ctx, threads * padded_size, 1, &padded);
  if (!err) err = exset_alloc(ctx, threads * size, sizeof *counts, &counts);
  if (!err) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) {
      counts_t own = counts_at(counts + t * size, n);
      count_planes(v, above, nz * t / threads, nz * (t + 1) / threads, padded + t * padded_size,
                   &own);
    }
    for (int t = 0; t < threads; t++)
      for (int64_t i = 0; i < size; i++) c->all[i] += counts[t * size + i];
  }
  free(padded);
  free(counts);
  return err;
}

/* Mean over the directions that have pairs. */
static void crofton(const exset_volume_t *v, const counts_t *c, double *area) {
  const int n = v->n_phases, row = c->n;
  double weight[SURFACE_DIRECTIONS], length[SURFACE_DIRECTIONS], sum = 0;
  surface_weights(v->grid.voxel, weight);
  surface_lengths(v->grid.voxel, length);
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) sum += c->pairs[d] > 0 ? weight[d] : 0;
  for (int i = 0; i < n * n; i++) area[i] = sum > 0 ? 0 : NAN;
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    if (c->pairs[d] == 0) continue;
    const int64_t *change = c->changes + (int64_t)d * row * row;
    const double scale = 2 * weight[d] / sum / ((double)c->pairs[d] * length[d]);
    for (int p = 1; p <= n; p++)
      for (int q = 1; q <= n; q++)
        if (p != q)
          area[(p - 1) * n + q - 1] += scale * (double)(change[p * row + q] + change[q * row + p]);
  }
}

int exset_surface_areas(exset_ctx_t *ctx, const exset_volume_t *volume, double *area) {
  const int64_t size = counts_size(volume->n_phases + 1);
  uint8_t *above = NULL;
  int64_t *all = NULL;
  int64_t has = 0;
  int err = surface_planes_above(ctx, volume, 1, &above, &has);
  if (!err) err = exset_alloc_all(ctx, size, sizeof *all, &all);
  if (!err) {
    counts_t c = counts_at(all, volume->n_phases + 1);
    err = exset_agree(ctx, count_slab(ctx, volume, has > 0 ? above : NULL, &c));
    if (!err)
      err = EXSET_MPI(ctx,
                      MPI_Allreduce(MPI_IN_PLACE, all, (int)size, MPI_INT64_T, MPI_SUM, ctx->comm));
    if (!err) crofton(volume, &c, area);
  }
  free(above);
  free(all);
  return err;
}
