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

static int round_up(int n) {
  return (n + EXSET_RNG_QUANTUM - 1) / EXSET_RNG_QUANTUM * EXSET_RNG_QUANTUM;
}

/* ---- columns in pairs ------------------------------------------------------------------------ */

/* Signed k_z of the modes first, first + 1, ... of a column. */
EXSET_CLONES static void signed_kz(int n, int32_t first, int32_t nz, uint32_t *kz) {
  for (int i = 0; i < n; i++) {
    const int32_t iz = first + i;
    kz[i] = (uint32_t)(iz <= nz / 2 ? iz : iz - nz);
  }
}

/* Amplitudes of the modes first, first + 1, ... of the upper half of a column: at_first, and the ones before it. */
EXSET_CLONES static void turn_round(int n, const float *at_first, float *restrict to) {
  for (int i = 0; i < n; i++) to[i] = at_first[-i];
}

/* Modes from .. to - 1, of one half of the column, of the column(s) 2 pair and 2 pair + 1 (second NULL: not wanted). */
static void fill_half(const plane_t *plane, int64_t pair, int64_t from, int64_t to,
                      float *const amplitude[2], float *const column[2]) {
  const int64_t nz = plane->n[EXSET_AXIS_Z];
  const uint32_t word[3] = {(uint32_t)pair,
                            (uint32_t)exset_signed_index(plane->iy, plane->n[EXSET_AXIS_Y]),
                            plane->component};
  uint32_t kz[EXSET_RNG_RUN] __attribute__((aligned(64)));
  float turned[2][EXSET_RNG_RUN] __attribute__((aligned(64))) = {{0}};
  for (int64_t first = from; first < to; first += EXSET_RNG_RUN) {
    const int n = (int)(to - first < EXSET_RNG_RUN ? to - first : EXSET_RNG_RUN);
    const float *a[2] = {turned[0], turned[1]};
    float *const out[2] = {column[0] + 2 * first, column[1] ? column[1] + 2 * first : NULL};
    signed_kz(round_up(n), (int32_t)first, (int32_t)nz, kz);
    for (int c = 0; c < 2 && column[c]; c++) {
      if (from == 0) a[c] = amplitude[c] + first;
      else turn_round(n, amplitude[c] + nz - first, turned[c]);
    }
    exset_rng_modes(plane->key, word, n, kz, a, out);
  }
}

/* ---- columns that hold mirror images ----------------------------------------------------------- */

/* The column k_x, 0 or nx/2, at a k_y whose mirror image has a lower array index, or the same. */
static void fill_edge(const plane_t *plane, int64_t kx, const float *amplitude, float *column) {
  const int64_t nz = plane->n[EXSET_AXIS_Z], ny = plane->n[EXSET_AXIS_Y];
  const int64_t my = (ny - plane->iy) % ny;
  const bool above = plane->iy > my;
  const uint32_t word[3] = {(uint32_t)(kx / 2), (uint32_t)exset_signed_index(my, ny),
                            plane->component};
  uint32_t kz[EXSET_RNG_RUN] __attribute__((aligned(64)));
  float a[EXSET_RNG_RUN] __attribute__((aligned(64))) = {0};
  for (int64_t first = 0; first < nz; first += EXSET_RNG_RUN) {
    const int n = (int)(nz - first < EXSET_RNG_RUN ? nz - first : EXSET_RNG_RUN);
    float *const start = column + 2 * first;
    float *const out[2] = {kx % 2 ? NULL : start, kx % 2 ? start : NULL};
    for (int i = 0; i < round_up(n); i++) {
      const int64_t iz = i < n ? first + i : 0, mz = iz > 0 ? nz - iz : 0;
      kz[i] = (uint32_t)exset_signed_index(above || iz > mz ? mz : iz, nz);
      a[i] = amplitude[iz < mz ? iz : mz];
    }
    exset_rng_modes(plane->key, word, n, kz, (const float *[2]){a, a}, out);
    for (int i = 0; i < n; i++) {
      const int64_t iz = first + i, mz = iz > 0 ? nz - iz : 0;
      if (above || iz > mz) start[2 * i + 1] = -start[2 * i + 1];
      else if (iz == mz) {
        start[2 * i] *= (float)M_SQRT2;
        start[2 * i + 1] = 0;
      }
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
    fill_half(&plane, (kx + j) / 2, 0, (nz + 1) / 2, a, out);
    fill_half(&plane, (kx + j) / 2, (nz + 1) / 2, nz, a, out);
    for (int c = 0; c < 2 && out[c]; c++)
      if (is_edge(&plane, kx + j + c)) fill_edge(&plane, kx + j + c, a[c], out[c]);
  }
}
