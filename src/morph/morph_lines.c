/*
 * Lengths of the lines on which three phases meet. Squares of four cells in the planes of the lattice show where such a line
 * passes, and which way; the sum over a small window is the vector from one end of the line in it to the other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/simd.h"
#include "morph_surface_impl.h"

enum {
  WINDOW = 2,       /* blocks along an edge of a window */
  WINDOW_MOST = 16, /* likewise */
  PIECE = 64,       /* blocks of a row at a time; those without all three phases are passed over */
  STRIP = 1 << 14,  /* windows of a plane at a time, more or less */
  STRIP_LEAST = 16, /* rows of them */
  UNITS = 4,   /* a passage counts so much: two diagonals of a square, two squares of a block */
  FIXED = 4096 /* lengths are added up as whole numbers of parts of this size */
};
/* Mean of estimate / length on straight lines in random directions between random wedges (doc/theory/morphology.md). */
static const double BIAS = 1.08;

/* The same for all threads and triples. */
typedef struct {
  const exset_volume_t *v;
  const uint8_t *above; /* [n_above][ny][nx] */
  int64_t n_above;
  int64_t ny, nx;    /* cells */
  int64_t window[3]; /* blocks of 2 x 2 x 2 cells along z, y, x */
  int64_t wy, wx;    /* windows that hold blocks, along y and x */
  int64_t pieces;    /* of a row of blocks */
  int64_t strip;     /* rows of windows that are worked on at a time, to stay in the cache */
  float edge[3];     /* of a cell, longest = FIXED */
  const uint64_t (
      *holds)[4]; /* [nz_local + n_above]: phases that occur in a plane, bits; NULL: all */
} lines_t;

/* Of one thread, for a strip of windows. A block is named after its first cell. */
typedef struct {
  int64_t w0, w1;      /* rows of windows first .. last - 1 */
  int64_t b0, b1;      /* and of the blocks that they hold */
  uint8_t *code[2];    /* [rows][nx]: codes of two planes */
  uint8_t *bits[2];    /* [rows][pieces]: codes that occur in the cells of the blocks of a piece */
  int16_t *ring, *sum; /* [window][3][strip][wx]: block planes; [3][strip][wx] all of them */
  bool *filled;        /* [window]: block planes in the ring that are not 0 */
} scratch_t;

/* ---- squares and blocks ----------------------------------------------------------------------- */

/* Codes of the phases of a triple in cyclic order; of others, and of masked cells. */
enum { CODE_I = 1, CODE_J = 2, CODE_K = 4, CODE_ALL = 7, CODE_OTHER = 8, CODE_MASKED = 0 };

/* 1 where p, q, r are the three phases in cyclic order, -1 in reverse, 0 where they are not all three. */
EXSET_INLINE int8_t turn_of(uint8_t p, uint8_t q, uint8_t r) {
  const uint8_t next = (uint8_t)(((p + p) & CODE_ALL) | (p == CODE_K ? CODE_I : 0));
  const int8_t turn = q == next ? 1 : -1;
  return (p | q | r) == CODE_ALL ? turn : 0;
}

/* Squares with corners a, b, c, d in a row: twice how often the three phases follow each other round it, as the sum over the
 * triangles of both diagonals. */
EXSET_CLONES static void squares(const uint8_t *a, const uint8_t *b, const uint8_t *c,
                                 const uint8_t *d, int64_t n, int8_t *restrict face) {
  for (int64_t i = 0; i < n; i++)
    face[i] = (int8_t)(turn_of(a[i], b[i], c[i]) + turn_of(a[i], c[i], d[i]) +
                       turn_of(a[i], b[i], d[i]) + turn_of(b[i], c[i], d[i]));
}

/* The least of four cells in a square. */
EXSET_INLINE uint8_t least4(const uint8_t *a, int64_t stride) {
  const uint8_t p = a[0] < a[1] ? a[0] : a[1], *b = a + stride;
  const uint8_t q = b[0] < b[1] ? b[0] : b[1];
  return p < q ? p : q;
}

/* Sums of two opposite squares where no cell of the block is masked. */
EXSET_CLONES static void join_squares(const uint8_t *lo, const uint8_t *hi, int64_t stride,
                                      int64_t n, const int8_t *one, const int8_t *two,
                                      int16_t *restrict row) {
  for (int64_t i = 0; i < n; i++) {
    const uint8_t lower = least4(lo + i, stride), upper = least4(hi + i, stride);
    const int16_t sum = (int16_t)(one[i] + two[i]);
    row[i] = lower != 0 && upper != 0 ? sum : 0;
  }
}

/* Squares of the blocks between the rows of cells that begin at lo and hi: two normal to z, to y, to x. */
static void piece_squares(const uint8_t *lo, const uint8_t *hi, int64_t up, int64_t n,
                          int8_t face[6][PIECE]) {
  squares(lo, lo + 1, lo + up + 1, lo + up, n, face[0]);
  squares(hi, hi + 1, hi + up + 1, hi + up, n, face[1]);
  squares(lo, hi, hi + 1, lo + 1, n, face[2]);
  squares(lo + up, hi + up, hi + up + 1, lo + up + 1, n, face[3]);
  squares(lo, lo + up, hi + up, hi, n, face[4]);
  squares(lo + 1, lo + up + 1, hi + up + 1, hi + 1, n, face[5]);
}

/* ---- windows -------------------------------------------------------------------------------- */

EXSET_CLONES static void sum_along(const int16_t *row, int64_t n, int64_t window,
                                   int16_t *restrict sums) {
  memcpy(sums, row, (size_t)n * sizeof *sums);
  for (int64_t k = 1; k < window; k++)
    for (int64_t i = 0; i < n; i++) sums[i] = (int16_t)(sums[i] + row[i + k]);
}

EXSET_CLONES static void add_to(int16_t *restrict to, const int16_t *from, int64_t n, int sign) {
  for (int64_t i = 0; i < n; i++) to[i] = (int16_t)(to[i] + sign * from[i]);
}

/* Add n blocks from (row, x) on to the windows that hold them. */
static void add_piece(const lines_t *l, int64_t block, int64_t x, int64_t n, scratch_t *s,
                      int16_t *sums) {
  const int64_t lead = l->window[2] - 1, end = block + l->window[1], size = l->strip * l->wx;
  const uint8_t *lo = s->code[0] + (block - s->b0) * l->nx + x;
  const uint8_t *hi = s->code[1] + (block - s->b0) * l->nx + x;
  int8_t face[6][PIECE];
  int16_t row[PIECE + 2 * WINDOW_MOST] = {0}, along[PIECE + WINDOW_MOST];
  piece_squares(lo, hi, l->nx, n, face);
  for (int a = 0; a < 3; a++) {
    join_squares(lo, hi, l->nx, n, face[2 * a], face[2 * a + 1], row + lead);
    sum_along(row, n + lead, l->window[2], along);
    for (int64_t w = block > s->w0 ? block : s->w0; w < end && w < s->w1; w++)
      add_to(sums + a * size + (w - s->w0) * l->wx + x, along, n + lead, 1);
  }
}

/* The blocks between the two planes of codes: sums over windows in the plane. Returns false where all are 0. */
static bool block_plane(const lines_t *l, scratch_t *s, int16_t *sums) {
  bool any = false;
  for (int64_t b = s->b0; b < s->b1; b++)
    for (int64_t k = 0; k < l->pieces; k++) {
      const int64_t row = (b - s->b0) * l->pieces + k, x = k * PIECE, left = l->nx - 1 - x;
      const uint8_t *lo = s->bits[0] + row, *hi = s->bits[1] + row;
      if (((lo[0] | lo[l->pieces] | hi[0] | hi[l->pieces]) & CODE_ALL) != CODE_ALL) continue;
      if (!any) memset(sums, 0, (size_t)(3 * l->strip * l->wx) * sizeof *sums);
      any = true;
      add_piece(l, b, x, left < PIECE ? left : PIECE, s, sums);
    }
  return any;
}

/* Are 4 numbers 0? */
static bool zero4(const int16_t *a) {
  uint64_t word;
  memcpy(&word, a, sizeof word);
  return word == 0;
}

/* Sum of the lengths of vectors, each rounded to a whole number. */
static int64_t add_lengths(const int16_t *z, const int16_t *y, const int16_t *x, int64_t n,
                           const float edge[3]) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (i + 4 <= n && zero4(z + i) && zero4(y + i) && zero4(x + i)) {
      i += 3;
      continue;
    }
    const float vz = edge[0] * z[i], vy = edge[1] * y[i], vx = edge[2] * x[i];
    sum += (int64_t)(sqrtf(vz * vz + vy * vy + vx * vx) + 0.5f);
  }
  return sum;
}

/* ---- one triple ------------------------------------------------------------------------------ */

static const uint8_t *cell_plane(const lines_t *l, int64_t z) {
  const int64_t cells = l->ny * l->nx, nz = l->v->grid.nz_local;
  return z < nz ? l->v->phase + z * cells : l->above + (z - nz) * cells;
}

EXSET_CLONES static uint8_t code_cells(const uint8_t *restrict phase, int64_t n,
                                       const int triple[3], uint8_t *restrict code) {
  const uint8_t i = (uint8_t)triple[0], j = (uint8_t)triple[1], k = (uint8_t)triple[2];
  uint8_t bits = 0;
  for (int64_t x = 0; x < n; x++) {
    const uint8_t p = phase[x];
    uint8_t c = p == i ? CODE_I : CODE_OTHER;
    c = p == j ? CODE_J : c;
    c = p == k ? CODE_K : c;
    code[x] = p == 0 ? CODE_MASKED : c;
    bits |= code[x];
  }
  return bits;
}

/* The codes of a row of cells; the last cell of a piece is the first one of the next. */
static void code_row(const lines_t *l, const uint8_t *phase, const int triple[3], uint8_t *code,
                     uint8_t *bits) {
  for (int64_t k = 0, x = 0; k < l->pieces; k++, x += PIECE) {
    const int64_t left = l->nx - x, n = left < PIECE + 1 ? left : PIECE + 1;
    bits[k] = code_cells(phase + x, n, triple, code + x);
  }
}

static void code_plane(const lines_t *l, const int triple[3], int64_t z, const scratch_t *s,
                       int which) {
  const uint8_t *phase = cell_plane(l, z) + s->b0 * l->nx;
  for (int64_t y = 0; y <= s->b1 - s->b0; y++)
    code_row(l, phase + y * l->nx, triple, s->code[which] + y * l->nx,
             s->bits[which] + y * l->pieces);
}

/* May the blocks between planes z and z + 1 of the slab hold the triple? */
static bool may_hold(const lines_t *l, const int triple[3], int64_t z) {
  if (z < 0 || z + 1 >= l->v->grid.nz_local + l->n_above) return false;
  for (int k = 0; l->holds && k < 3; k++) {
    const int word = triple[k] / 64;
    if (!((l->holds[z][word] | l->holds[z + 1][word]) >> triple[k] % 64 & 1)) return false;
  }
  return true;
}

/* The blocks above plane z of the slab take the place of the oldest ones in the ring. */
static void enter(const lines_t *l, const int triple[3], int64_t z, int64_t *coded, scratch_t *s) {
  const int64_t size = 3 * l->strip * l->wx, slot = (z + l->window[0]) % l->window[0];
  int16_t *sums = s->ring + slot * size;
  if (s->filled[slot]) add_to(s->sum, sums, size, -1);
  s->filled[slot] = false;
  if (!may_hold(l, triple, z)) return;
  if (*coded == z) { /* the upper plane of the last blocks is the lower one of these */
    uint8_t *const code = s->code[0], *const bits = s->bits[0];
    s->code[0] = s->code[1], s->code[1] = code;
    s->bits[0] = s->bits[1], s->bits[1] = bits;
  } else {
    code_plane(l, triple, z, s, 0);
  }
  code_plane(l, triple, z + 1, s, 1);
  *coded = z + 1;
  s->filled[slot] = block_plane(l, s, sums);
  if (s->filled[slot]) add_to(s->sum, sums, size, 1);
}

/* Windows of the strip that begin at the planes first .. last - 1 of the slab. */
static int64_t length_of(const lines_t *l, const int triple[3], int64_t first, int64_t last,
                         scratch_t *s) {
  const int64_t size = l->strip * l->wx, window = l->window[0], used = (s->w1 - s->w0) * l->wx;
  int64_t length = 0, coded = -1;
  memset(s->sum, 0, (size_t)(3 * size) * sizeof *s->sum);
  memset(s->filled, 0, (size_t)window * sizeof *s->filled);
  for (int64_t z = first; z < last + window - 1; z++) {
    bool any = false;
    enter(l, triple, z, &coded, s);
    for (int64_t k = 0; k < window; k++) any = any || s->filled[k];
    if (any && z >= first + window - 1)
      length += add_lengths(s->sum, s->sum + size, s->sum + 2 * size, used, l->edge);
  }
  return length;
}

/* ---- the slab -------------------------------------------------------------------------------- */

static void scratch_clear(scratch_t *s) {
  for (int k = 0; k < 2; k++) {
    free(s->code[k]);
    free(s->bits[k]);
  }
  free(s->ring);
  free(s->sum);
  free(s->filled);
}

static int scratch_alloc(exset_ctx_t *ctx, const lines_t *l, scratch_t *s) {
  const int64_t size = 3 * l->strip * l->wx, rows = l->strip + l->window[1];
  for (int k = 0; k < 2; k++) {
    EXSET_TRY(exset_alloc(ctx, rows * l->nx, 1, &s->code[k]));
    EXSET_TRY(exset_alloc(ctx, rows * l->pieces, 1, &s->bits[k]));
  }
  EXSET_TRY(exset_alloc(ctx, size * l->window[0], sizeof *s->ring, &s->ring));
  EXSET_TRY(exset_alloc(ctx, size, sizeof *s->sum, &s->sum));
  return exset_alloc(ctx, l->window[0], sizeof *s->filled, &s->filled);
}

/* Places where no cell of the block is masked. */
EXSET_CLONES static int64_t count_whole(const uint8_t *lo, const uint8_t *hi, int64_t stride,
                                        int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0, end; i < n; i = end) {
    uint8_t some = 0; /* of 255 at most */
    end = i + 255 < n ? i + 255 : n;
    for (int64_t k = i; k < end; k++) {
      const uint8_t lower = least4(lo + k, stride), upper = least4(hi + k, stride);
      some = (uint8_t)(some + (lower != 0 && upper != 0));
    }
    count += some;
  }
  return count;
}

/* Blocks without a masked cell that begin in a plane of the slab. */
static int64_t blocks_above(const lines_t *l, int64_t z) {
  const int64_t ny = l->ny, nx = l->nx;
  int64_t count = 0;
  if (z + 1 >= l->v->grid.nz_local + l->n_above) return 0;
  for (int64_t y = 0; y + 1 < ny; y++)
    count += count_whole(cell_plane(l, z) + y * nx, cell_plane(l, z + 1) + y * nx, nx, nx - 1);
  return count;
}

/* All triples in a strip of the planes first .. last - 1. sum[triples] */
static void measure_strip(const lines_t *l, int64_t first, int64_t last, scratch_t *s,
                          int64_t *sum) {
  const int n = l->v->n_phases;
  int p[3];
  for (p[0] = 1; p[0] <= n; p[0]++)
    for (p[1] = p[0] + 1; p[1] <= n; p[1]++)
      for (p[2] = p[1] + 1; p[2] <= n; p[2]++) *sum++ += length_of(l, p, first, last, s);
}

/* The share of thread t: its planes. sum[triples + 1]: lengths, blocks. */
static void share_of(const lines_t *l, int t, int threads, scratch_t *s, int64_t *sum) {
  const int64_t nz = l->v->grid.nz_local, first = nz * t / threads, last = nz * (t + 1) / threads;
  const int64_t before = l->v->grid.z0 == 0 && first == 0 ? l->window[0] - 1 : 0;
  for (s->w0 = 0; s->w0 < l->wy && first < last; s->w0 += l->strip) {
    const int64_t lowest = s->w0 - l->window[1] + 1;
    s->w1 = s->w0 + l->strip < l->wy ? s->w0 + l->strip : l->wy;
    s->b0 = lowest > 0 ? lowest : 0;
    s->b1 = s->w1 < l->ny - 1 ? s->w1 : l->ny - 1;
    measure_strip(l, first - before, last, s, sum);
  }
  for (int64_t z = first; z < last; z++)
    sum[exset_surface_triples(l->v->n_phases)] += blocks_above(l, z);
}

static int measure_slab(exset_ctx_t *ctx, const lines_t *l, int64_t *sum) {
  const int threads = ctx->threads;
  const int64_t size = exset_surface_triples(l->v->n_phases) + 1;
  scratch_t *scratch = NULL;
  int64_t *sums = NULL;
  int err = exset_alloc(ctx, threads, sizeof *scratch, &scratch);
  if (!err) err = exset_alloc(ctx, threads * size, sizeof *sums, &sums);
  for (int t = 0; t < threads && !err; t++) err = scratch_alloc(ctx, l, &scratch[t]);
  if (!err) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) share_of(l, t, threads, &scratch[t], sums + t * size);
    for (int t = 0; t < threads; t++)
      for (int64_t i = 0; i < size; i++) sum[i] += sums[t * size + i];
  }
  for (int t = 0; scratch && t < threads; t++) scratch_clear(&scratch[t]);
  free(scratch);
  free(sums);
  return err;
}

/* Which phases occur in each plane. */
static int find_phases(exset_ctx_t *ctx, lines_t *l, uint64_t (**holds)[4]) {
  const int64_t planes = l->v->grid.nz_local + l->n_above, cells = l->ny * l->nx;
  EXSET_TRY(exset_alloc(ctx, planes, sizeof **holds, holds));
  for (int64_t z = 0; z < planes; z++) {
    const uint8_t *phase = cell_plane(l, z);
    bool seen[256] = {false};
    for (int64_t i = 0; i < cells; i++) seen[phase[i]] = true;
    for (int p = 0; p < 256; p++) (*holds)[z][p / 64] |= (uint64_t)seen[p] << p % 64;
  }
  l->holds = (const uint64_t(*)[4]) * holds;
  return EXSET_OK;
}

/*
 * Sizes of windows: where edges differ, between equal numbers of cells and equal lengths. Lines are then too long by much the
 * same factor for all shapes of voxels, and windows are no larger than that takes.
 */
static lines_t plan(const exset_volume_t *v) {
  lines_t l = {.v = v, .ny = v->grid.n[1], .nx = v->grid.n[2]};
  double longest = 0;
  for (int a = 0; a < 3; a++) longest = fmax(longest, v->grid.voxel[a]);
  for (int a = 0; a < 3; a++) {
    const double cells = round(WINDOW * sqrt(longest / v->grid.voxel[a]));
    l.window[a] = cells < WINDOW_MOST ? (int64_t)cells : WINDOW_MOST;
    l.edge[a] = (float)(FIXED * v->grid.voxel[a] / longest);
  }
  l.pieces = (l.nx - 1 + PIECE - 1) / PIECE;
  l.wy = l.ny + l.window[1] - 2;
  l.wx = l.nx + l.window[2] - 2;
  l.strip = STRIP / l.wx > STRIP_LEAST ? STRIP / l.wx : STRIP_LEAST;
  if (l.strip > l.wy) l.strip = l.wy;
  return l;
}

static void lengths(const lines_t *l, const int64_t *sum, double *length) {
  const double *voxel = l->v->grid.voxel;
  const int triples = exset_surface_triples(l->v->n_phases);
  const double longest = fmax(voxel[0], fmax(voxel[1], voxel[2])) / ((double)FIXED * UNITS);
  const double windows = (double)(l->window[0] * l->window[1] * l->window[2]);
  const double volume = (double)sum[triples] * voxel[0] * voxel[1] * voxel[2]; /* 0: NaN */
  length[0] = 0;
  for (int t = 0; t < triples; t++) {
    length[1 + t] = (double)sum[t] * longest / (windows * volume * BIAS);
    length[0] += length[1 + t];
  }
}

int exset_surface_triples(int n_phases) {
  return n_phases * (n_phases - 1) * (n_phases - 2) / 6;
}

int exset_surface_lines(exset_ctx_t *ctx, const exset_volume_t *volume, double *length) {
  const int size = exset_surface_triples(volume->n_phases) + 1;
  lines_t l = plan(volume);
  uint64_t(*holds)[4] = NULL;
  uint8_t *above = NULL;
  int64_t *sum = NULL;
  int err = surface_planes_above(ctx, volume, l.window[0], &above, &l.n_above);
  l.above = above;
  if (!err) err = exset_alloc_all(ctx, size, sizeof *sum, &sum);
  if (!err && volume->n_phases > 3) err = exset_agree(ctx, find_phases(ctx, &l, &holds));
  if (!err) err = exset_agree(ctx, measure_slab(ctx, &l, sum));
  if (!err)
    err = EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, sum, size, MPI_INT64_T, MPI_SUM, ctx->comm));
  if (!err) lengths(&l, sum, length);
  free(holds);
  free(above);
  free(sum);
  return err;
}
