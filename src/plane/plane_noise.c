/*
 * Hermitian noise of sections. A mode's counter is (k_col div 2, k_row, 0, component) with signed indices; one draw of
 * four words serves the modes k_col = 2p and 2p + 1. In the columns 0 and, for even cols, cols/2 the mirror image of a
 * mode is stored as well: of the two the one in the lower row is drawn, the other is its conjugate, and a mode that is
 * its own mirror image is real.
 */
#include "plane_impl.h"

#include <math.h>
#include <string.h>

/* Normal variates of the first n counters. */
static void draw(exset_rng_key_t key, int n, exset_rng_batch_t *words,
                 exset_normal_batch_t *normals) {
  exset_rng_words(key, n, words);
  exset_rng_normals(n, words, normals);
}

/* Columns 0 .. 2 ceil(row_modes / 2) - 1 of a row; those beyond row_modes are dropped. */
static void fill_row(exset_rng_key_t key, uint32_t component, int64_t k_row, int64_t row_modes,
                     float *row) {
  exset_rng_batch_t words;
  exset_normal_batch_t w;
  const int64_t pairs = (row_modes + 1) / 2;
  for (int64_t first = 0; first < pairs; first += EXSET_RNG_BATCH) {
    const int n = (int)(pairs - first < EXSET_RNG_BATCH ? pairs - first : EXSET_RNG_BATCH);
    for (int i = 0; i < EXSET_RNG_BATCH; i++) {
      words.word[0][i] = (uint32_t)first + (uint32_t)i;
      words.word[1][i] = (uint32_t)k_row;
      words.word[2][i] = 0;
      words.word[3][i] = component;
    }
    draw(key, n, &words, &w);
    const int whole = 2 * (first + n) <= row_modes ? n : n - 1;
    float *out = row + 4 * first;
    for (int i = 0; i < whole; i++)
      for (int v = 0; v < 4; v++) out[4 * i + v] = w.value[v][i];
    for (int v = 0; v < 2 && whole < n; v++) out[4 * whole + v] = w.value[v][whole];
  }
}

/* Column k_col, 0 or cols/2, of all rows. */
static void fill_edge(const exset_plane_t *plane, exset_rng_key_t key, uint32_t component,
                      int64_t k_col, float *noise) {
  const int64_t rows = plane->rows, drawn = rows / 2 + 1; /* rows 0 .. rows/2 are the lower ones */
  const int value = 2 * (int)(k_col % 2);
  exset_rng_batch_t words;
  exset_normal_batch_t w;
  memset(&words, 0, sizeof words);
  for (int64_t first = 0; first < drawn; first += EXSET_RNG_BATCH) {
    const int n = (int)(drawn - first < EXSET_RNG_BATCH ? drawn - first : EXSET_RNG_BATCH);
    for (int i = 0; i < n; i++) {
      words.word[0][i] = (uint32_t)(k_col / 2);
      words.word[1][i] = (uint32_t)exset_signed_index(first + i, rows);
      words.word[2][i] = 0;
      words.word[3][i] = component;
    }
    draw(key, n, &words, &w);
    for (int i = 0; i < n; i++) {
      const int64_t row = first + i, mirror = (rows - row) % rows;
      float re = w.value[value][i], im = w.value[value + 1][i];
      if (mirror == row) {
        re *= (float)M_SQRT2;
        im = 0;
      }
      float *mode = noise + 2 * (row * plane->row_modes + k_col);
      float *conjugate = noise + 2 * (mirror * plane->row_modes + k_col);
      conjugate[0] = re;
      conjugate[1] = -im;
      mode[0] = re;
      mode[1] = im;
    }
  }
}

void plane_noise(const exset_plane_t *plane, exset_rng_key_t key, uint32_t component,
                 float *noise) {
  const int64_t cols = plane->cols, inner = (cols + 1) / 2; /* modes other than cols/2 */
  for (int64_t i = 0; i < plane->rows; i++)
    fill_row(key, component, exset_signed_index(i, plane->rows), inner,
             noise + 2 * i * plane->row_modes);
  fill_edge(plane, key, component, 0, noise);
  if (cols % 2 == 0) fill_edge(plane, key, component, cols / 2, noise);
}
