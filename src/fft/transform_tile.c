/* Tiles: transposition between columns and lines, and two real rows in one complex transform. */
#include "exset/simd.h"
#include "transform_impl.h"

/* A complex number as one word: loops then move numbers, not parts. */
typedef uint64_t __attribute__((may_alias)) word_t;

enum { BLOCK = 8 };

/* A block of numbers, transposed: in[c][l] to out[l][c]. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define EXSET_SHUFFLE __builtin_shufflevector
#endif
#endif
#ifdef EXSET_SHUFFLE
typedef uint64_t block_t __attribute__((vector_size(64), aligned(8), may_alias));

EXSET_INLINE void transpose_block(const word_t *const in[BLOCK], word_t *const out[BLOCK]) {
  block_t a[BLOCK], b[BLOCK];
  for (int i = 0; i < BLOCK; i += 2) { /* pairs */
    const block_t even = *(const block_t *)in[i], odd = *(const block_t *)in[i + 1];
    a[i] = EXSET_SHUFFLE(even, odd, 0, 8, 2, 10, 4, 12, 6, 14);
    a[i + 1] = EXSET_SHUFFLE(even, odd, 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < BLOCK; i += 4) /* fours: b[i + l] has lines l and l + 4 */
    for (int l = 0; l < 2; l++) {
      b[i + l] = EXSET_SHUFFLE(a[i + l], a[i + l + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + l + 2] = EXSET_SHUFFLE(a[i + l], a[i + l + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int l = 0; l < 4; l++) {
    *(block_t *)out[l] = EXSET_SHUFFLE(b[l], b[l + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    *(block_t *)out[l + 4] = EXSET_SHUFFLE(b[l], b[l + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}
#else
EXSET_INLINE void transpose_block(const word_t *const in[BLOCK], word_t *const out[BLOCK]) {
  word_t block[BLOCK][BLOCK];
  for (int c = 0; c < BLOCK; c++)
    for (int l = 0; l < BLOCK; l++) block[l][c] = in[c][l];
  for (int l = 0; l < BLOCK; l++)
    for (int c = 0; c < BLOCK; c++) out[l][c] = block[l][c];
}
#endif

EXSET_CLONES void transform_scatter(int64_t columns, int64_t distance, const complex_t *from,
                                    int64_t lines, int64_t lead, complex_t *to) {
  const word_t *in = (const word_t *)from;
  word_t *out = (word_t *)to;
  int64_t i = 0;
  if (columns == EXSET_TILE)
    for (; i + BLOCK <= lines; i += BLOCK)
      for (int64_t j = 0; j < EXSET_TILE; j += BLOCK) {
        const word_t *column[BLOCK];
        word_t *line[BLOCK];
        for (int b = 0; b < BLOCK; b++) column[b] = in + (j + b) * distance + i;
        for (int b = 0; b < BLOCK; b++) line[b] = out + (i + b) * lead + j;
        transpose_block(column, line);
      }
  for (; i < lines; i++)
    for (int64_t j = 0; j < columns; j++) out[i * lead + j] = in[j * distance + i];
}

void transform_scatter_every(int64_t columns, int64_t distance, const complex_t *from,
                             int64_t first, int64_t every, int64_t end, int64_t lead,
                             complex_t *to) {
  if (every == 1) {
    transform_scatter(columns, distance, from + first, end - first, lead, to);
    return;
  }
  const word_t *in = (const word_t *)from;
  word_t *out = (word_t *)to;
  for (int64_t i = first; i < end; i += every, out += lead)
    for (int64_t j = 0; j < columns; j++) out[j] = in[j * distance + i];
}

EXSET_CLONES void transform_gather(int64_t columns, int64_t distance, int64_t lines,
                                   const int64_t *place, const complex_t *from, complex_t *to) {
  const word_t *in = (const word_t *)from;
  word_t *out = (word_t *)to;
  int64_t i = 0;
  if (columns == EXSET_TILE)
    for (; i + BLOCK <= lines; i += BLOCK)
      for (int64_t j = 0; j < EXSET_TILE; j += BLOCK) {
        const word_t *line[BLOCK];
        word_t *column[BLOCK];
        for (int b = 0; b < BLOCK; b++) line[b] = in + place[i + b] + j;
        for (int b = 0; b < BLOCK; b++) column[b] = out + (j + b) * distance + i;
        transpose_block(line, column);
      }
  for (; i < lines; i++)
    for (int64_t j = 0; j < columns; j++) out[j * distance + i] = in[place[i] + j];
}

void transform_gather_lines(int64_t columns, int64_t distance, int64_t lines, int64_t lead,
                            const complex_t *from, complex_t *to) {
  int64_t place[BLOCK * BLOCK];
  for (int64_t i = 0; i < lines; i += BLOCK * BLOCK) {
    const int64_t n = transform_min(BLOCK * BLOCK, lines - i);
    for (int64_t k = 0; k < n; k++) place[k] = (i + k) * lead;
    transform_gather(columns, distance, n, place, from, to + i);
  }
}

/* Parts that must be real, k = 0 and n/2, lose the rounding in their imaginary part. */
static bool own_mirror(int64_t n_x, int64_t k) {
  return k == 0 || 2 * k == n_x;
}

EXSET_CLONES void transform_pair(int64_t n_x, int64_t first, int64_t n, const complex_t *restrict a,
                                 const complex_t *restrict b, complex_t *restrict pair) {
  complex_t *restrict low = pair + first, *restrict high = pair + (n_x - first);
  const int64_t mirrored = transform_min(n, (n_x + 1) / 2 - first); /* n_x/2 is low's */
  for (int64_t i = 0; i < n; i++) {
    low[i][0] = a[i][0] - b[i][1];
    low[i][1] = a[i][1] + b[i][0];
  }
  for (int64_t i = first == 0; i < mirrored; i++) {
    high[-i][0] = a[i][0] + b[i][1];
    high[-i][1] = b[i][0] - a[i][1];
  }
  const int64_t ends[2] = {0, n - 1};
  for (int e = 0; e < 2 && n > 0; e++) {
    const int64_t i = ends[e];
    if (own_mirror(n_x, first + i)) {
      low[i][0] = a[i][0];
      low[i][1] = b[i][0];
    }
  }
}

EXSET_CLONES void transform_unpair(int64_t n_x, int64_t first, int64_t n,
                                   const complex_t *restrict pair, complex_t *restrict a,
                                   complex_t *restrict b) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t k = first + i, m = k == 0 ? 0 : n_x - k;
    const float re = pair[k][0], im = pair[k][1], mirror_re = pair[m][0], mirror_im = pair[m][1];
    a[i][0] = 0.5f * (re + mirror_re);
    a[i][1] = 0.5f * (im - mirror_im);
    b[i][0] = 0.5f * (im + mirror_im);
    b[i][1] = 0.5f * (mirror_re - re);
  }
}

EXSET_CLONES void transform_join(int64_t n, const float *restrict a, const float *restrict b,
                                 complex_t *restrict pair) {
  if (b)
    for (int64_t i = 0; i < n; i++) {
      pair[i][0] = a[i];
      pair[i][1] = b[i];
    }
  else
    for (int64_t i = 0; i < n; i++) {
      pair[i][0] = a[i];
      pair[i][1] = 0;
    }
}

EXSET_CLONES void transform_split(int64_t n, const complex_t *restrict pair, float *restrict a,
                                  float *restrict b) {
  if (b)
    for (int64_t i = 0; i < n; i++) {
      a[i] = pair[i][0];
      b[i] = pair[i][1];
    }
  else
    for (int64_t i = 0; i < n; i++) a[i] = pair[i][0];
}
