/*
 * Amplitude times Hermitian noise, in columns of k_z.
 *
 * A mode's counter is (k_x div 2, k_y, k_z, component) with signed indices; one draw of four words serves the
 * modes k_x = 2p and 2p + 1. On the planes k_x = 0 and, for even nx, k_x = nx/2 the mirror image of a
 * mode is stored as well: of the two the canonical one is drawn, the other is its conjugate, and a mode that is
 * its own mirror image is real.
 */
#include "exset/sample.h"
#include "exset/simd.h"

#include <math.h>

/* What the columns of a call share. */
typedef struct {
  const int64_t *n;
  exset_rng_key_t key;
  uint32_t component;
  int64_t iy; /* array index of k_y */
} plane_t;

static int64_t signed_index(int64_t i, int64_t n) {
  return i <= n / 2 ? i : i - n;
}

static int round_up(int n) {
  return (n + EXSET_RNG_QUANTUM - 1) / EXSET_RNG_QUANTUM * EXSET_RNG_QUANTUM;
}

/* ---- columns in pairs ------------------------------------------------------------------------ */

/* Counters of the modes first, first + 1, ... of a column; those above nz/2 have negative k_z. */
EXSET_CLONES static void column_counters(int n, uint32_t pair, uint32_t ky, int32_t first,
                                         int32_t nz, uint32_t component, exset_rng_batch_t *batch) {
  for (int i = 0; i < n; i++) {
    const int32_t iz = first + i;
    batch->word[0][i] = pair;
    batch->word[1][i] = ky;
    batch->word[2][i] = (uint32_t)(iz <= nz / 2 ? iz : iz - nz);
    batch->word[3][i] = component;
  }
}

/* Amplitudes of the modes first, first + 1, ... of the upper half of a column: at_first, and the ones before it. */
EXSET_CLONES static void turn_round(int n, const float *at_first, float *restrict to) {
  for (int i = 0; i < n; i++) to[i] = at_first[-i];
}

EXSET_CLONES static void store_modes(int n, const float *restrict amplitude,
                                     const float *restrict re, const float *restrict im,
                                     float *restrict out) {
  for (int i = 0; i < n; i++) {
    out[2 * i] = amplitude[i] * re[i];
    out[2 * i + 1] = amplitude[i] * im[i];
  }
}

/* Modes from .. to - 1, of one half of the column, of the column(s) 2 pair and 2 pair + 1 (second NULL: not wanted). */
static void fill_half(const plane_t *plane, int64_t pair, int64_t from, int64_t to,
                      const float *const amplitude[2], float *const column[2]) {
  const int64_t nz = plane->n[EXSET_AXIS_Z];
  const bool upper = from > 0;
  exset_rng_batch_t words;
  exset_normal_batch_t w;
  float turned[EXSET_RNG_BATCH] __attribute__((aligned(64)));
  for (int64_t first = from; first < to; first += EXSET_RNG_BATCH) {
    const int n = (int)(to - first < EXSET_RNG_BATCH ? to - first : EXSET_RNG_BATCH);
    column_counters(round_up(n), (uint32_t)pair,
                    (uint32_t)signed_index(plane->iy, plane->n[EXSET_AXIS_Y]), (int32_t)first,
                    (int32_t)nz, plane->component, &words);
    exset_rng_words(plane->key, n, &words);
    exset_rng_normals(n, &words, &w);
    for (int c = 0; c < 2 && column[c]; c++) {
      const float *a = amplitude[c] + first;
      if (upper) {
        turn_round(n, amplitude[c] + nz - first, turned);
        a = turned;
      }
      store_modes(n, a, w.value[2 * c], w.value[2 * c + 1], column[c] + 2 * first);
    }
  }
}

/* ---- columns that hold mirror images ----------------------------------------------------------- */

/* The column k_x, 0 or nx/2, at a k_y whose mirror image has a lower array index, or the same. */
static void fill_edge(const plane_t *plane, int64_t kx, const float *amplitude, float *column) {
  const int64_t nz = plane->n[EXSET_AXIS_Z], ny = plane->n[EXSET_AXIS_Y];
  const int64_t iy = plane->iy, my = (ny - iy) % ny;
  const int value = 2 * (int)(kx % 2);
  exset_rng_batch_t words;
  exset_normal_batch_t w;
  for (int64_t first = 0; first < nz; first += EXSET_RNG_BATCH) {
    const int n = (int)(nz - first < EXSET_RNG_BATCH ? nz - first : EXSET_RNG_BATCH);
    for (int i = 0; i < round_up(n); i++) {
      const int64_t iz = i < n ? first + i : 0, mz = (nz - iz) % nz;
      const bool mirror = iy > my || iz > mz;
      words.word[0][i] = (uint32_t)(kx / 2);
      words.word[1][i] = (uint32_t)signed_index(my, ny);
      words.word[2][i] = (uint32_t)signed_index(mirror ? mz : iz, nz);
      words.word[3][i] = plane->component;
    }
    exset_rng_words(plane->key, n, &words);
    exset_rng_normals(n, &words, &w);
    for (int i = 0; i < n; i++) {
      const int64_t iz = first + i, mz = (nz - iz) % nz;
      const bool mirror = iy > my || iz > mz, self = iy == my && iz == mz;
      const float a = amplitude[iz <= mz ? iz : mz];
      const float re = w.value[value][i], im = w.value[value + 1][i];
      column[2 * iz] = a * (self ? (float)M_SQRT2 * re : re);
      column[2 * iz + 1] = self ? 0.0f : a * (mirror ? -im : im);
    }
  }
}

static bool is_edge(const plane_t *plane, int64_t kx) {
  const int64_t ny = plane->n[EXSET_AXIS_Y], nx = plane->n[EXSET_AXIS_X];
  return (kx == 0 || 2 * kx == nx) && plane->iy >= (ny - plane->iy) % ny;
}

void exset_modes_fill(const exset_amplitude_t *amplitude, exset_draw_t draw, uint32_t component,
                      int64_t ky, int64_t kx, int64_t count, float *column, int64_t stride,
                      float *scratch) {
  const plane_t plane = {
      exset_amplitude_cells(amplitude),
      exset_rng_key(draw.seed, EXSET_STREAM_VOLUME, draw.realisation, draw.field), component, ky};
  const int64_t nz = plane.n[EXSET_AXIS_Z];
  for (int64_t j = 0; j < count; j += 2) {
    float *const out[2] = {column + j * stride, j + 1 < count ? column + (j + 1) * stride : NULL};
    float *const a[2] = {scratch, scratch + exset_amplitude_column_size(amplitude)};
    for (int c = 0; c < 2 && out[c]; c++) exset_amplitude_column(amplitude, kx + j + c, ky, a[c]);
    fill_half(&plane, (kx + j) / 2, 0, (nz + 1) / 2, (const float *const *)a, out);
    fill_half(&plane, (kx + j) / 2, (nz + 1) / 2, nz, (const float *const *)a, out);
    for (int c = 0; c < 2 && out[c]; c++)
      if (is_edge(&plane, kx + j + c)) fill_edge(&plane, kx + j + c, a[c], out[c]);
  }
}
