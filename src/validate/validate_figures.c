/* Figures of one section: fractions, boundary lengths, chords; clusters are in validate_clusters.c. */
#include "validate_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = EXSET_MAX_PHASES + 1 }; /* phases and mask */

/* ---- boundaries ------------------------------------------------------------------------------- */

/* Pairs of pixels one step apart, by their phases: pairs[a][b]. */
typedef struct {
  int64_t pairs[KINDS][KINDS];
} steps_t;

static void count_steps(const exset_section_t *s, int64_t down, int64_t right, steps_t *steps) {
  memset(steps, 0, sizeof *steps);
  const int64_t first = right < 0 ? -right : 0, last = s->cols - (right > 0 ? right : 0);
  for (int64_t r = 0; r + down < s->rows; r++) {
    const uint8_t *a = s->phase + r * s->cols, *b = a + down * s->cols + right;
    for (int64_t c = first; c < last; c++) steps->pairs[a[c]][b[c]]++;
  }
}

static double count_unmasked(const steps_t *steps) {
  double sum = 0;
  for (int a = 1; a < KINDS; a++)
    for (int b = 1; b < KINDS; b++) sum += (double)steps->pairs[a][b];
  return sum;
}

/*
 * Boundary length by area is pi/2 times the mean over directions of the crossings by length. Directions: along the columns' axis,
 * the rows' axis, and both diagonals; each stands for the angles that are nearest to it.
 */
static void add_boundaries(const exset_section_t *section, const double pixel[2],
                           exset_section_figures_t *f) {
  static const int step[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
  const double diagonal = atan2(pixel[0], pixel[1]) / M_PI; /* angles in parts of a half turn */
  const double share[4] = {diagonal, 0.5 - diagonal, 0.25, 0.25};
  for (int d = 0; d < 4; d++) {
    steps_t steps;
    count_steps(section, step[d][0], step[d][1], &steps);
    const double length = hypot(step[d][0] * pixel[0], step[d][1] * pixel[1]);
    const double all = count_unmasked(&steps);
    if (all == 0) continue;
    const double by_crossing = M_PI_2 * share[d] / (all * length);
    for (int a = 0; a < f->n_phases; a++)
      for (int b = 0; b < f->n_phases; b++)
        if (b != a)
          f->boundary_pair[a][b] +=
              by_crossing * (double)(steps.pairs[a + 1][b + 1] + steps.pairs[b + 1][a + 1]);
  }
  for (int a = 0; a < f->n_phases; a++)
    for (int b = 0; b < f->n_phases; b++) f->boundary[a] += f->boundary_pair[a][b];
}

/* ---- chords ----------------------------------------------------------------------------------- */

/* What the chords of one direction add up to, in pixels. */
typedef struct {
  int64_t *bins;  /* [n_phases][EXSET_CHORD_BINS] */
  int64_t *count; /* [n_phases] */
  int64_t length[EXSET_MAX_PHASES];
} chords_t;

static void add_chord(chords_t *chords, int phase, int64_t length) {
  const int64_t bin = length < EXSET_CHORD_BINS ? length - 1 : EXSET_CHORD_BINS - 1;
  chords->bins[phase * EXSET_CHORD_BINS + bin]++;
  chords->count[phase]++;
  chords->length[phase] += length;
}

/* The runs of one line of n pixels, stride apart, that have other phases at both ends. */
static void add_line(const uint8_t *line, int64_t n, int64_t stride, chords_t *chords) {
  int64_t start = -1; /* of a run whose beginning was seen */
  for (int64_t i = 1; i < n; i++) {
    const int here = line[i * stride], before = line[(i - 1) * stride];
    if (here == before) continue;
    if (start >= 0 && here > 0) add_chord(chords, before - 1, i - start);
    start = here > 0 && before > 0 ? i : -1;
  }
}

static void add_chords(const exset_section_t *s, int direction, const double pixel[2],
                       exset_section_figures_t *f) {
  chords_t chords = {f->chord[direction], f->chord_count[direction], {0}};
  const bool down = direction == 0;
  for (int64_t k = 0; k < (down ? s->cols : s->rows); k++) {
    if (down) add_line(s->phase + k, s->rows, s->cols, &chords);
    else add_line(s->phase + k * s->cols, s->cols, 1, &chords);
  }
  f->chord_bin[direction] = pixel[direction];
  for (int i = 0; i < f->n_phases; i++)
    f->chord_mean[direction][i] =
        chords.count[i] > 0 ? pixel[direction] * (double)chords.length[i] / (double)chords.count[i]
                            : NAN;
}

/* ---- all -------------------------------------------------------------------------------------- */

static void add_fractions(const exset_section_t *s, exset_section_figures_t *f) {
  int64_t count[KINDS] = {0};
  for (int64_t i = 0; i < s->rows * s->cols; i++) count[s->phase[i]]++;
  f->pixels = s->rows * s->cols - count[0];
  for (int i = 0; i < f->n_phases && f->pixels > 0; i++)
    f->fraction[i] = (double)count[i + 1] / (double)f->pixels;
}

int exset_section_figures(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                          const double pixel[2], exset_section_figures_t *figures) {
  memset(figures, 0, sizeof *figures);
  figures->n_phases = n_phases;
  int err = EXSET_OK;
  for (int d = 0; d < 2 && !err; d++)
    err =
        exset_alloc(ctx, (int64_t)n_phases * EXSET_CHORD_BINS, sizeof(int64_t), &figures->chord[d]);
  if (!err) err = section_clusters(ctx, section, pixel, figures);
  if (err) {
    exset_section_figures_clear(figures);
    return err;
  }
  add_fractions(section, figures);
  add_boundaries(section, pixel, figures);
  for (int d = 0; d < 2; d++) add_chords(section, d, pixel, figures);
  return EXSET_OK;
}

void exset_section_figures_clear(exset_section_figures_t *figures) {
  for (int d = 0; d < 2; d++) free(figures->chord[d]);
  memset(figures, 0, sizeof *figures);
}
