/* Chords: runs of cells of one phase along an axis. */
#include <stdlib.h>
#include <string.h>

#include "morph_surface_impl.h"

/* Are 8 cells equal to 8 others? */
static bool same8(const uint8_t *a, const uint8_t *b) {
  uint64_t wa, wb;
  memcpy(&wa, a, sizeof wa);
  memcpy(&wb, b, sizeof wb);
  return wa == wb;
}

/* A run of a phase that began at cell `first` (< 0: cut off) and ends before cell `end`, where another one begins. Returns
 * the first cell of the new run, < 0 where it is cut off. */
static int64_t end_run(int old, int new, int64_t first, int64_t end, exset_histogram_t *chords) {
  if (first >= 0 && old && new) chords[old - 1].count[end - first]++;
  return old ? end : -1;
}

static void chords_x(const uint8_t *phase, int64_t rows, int64_t nx, exset_histogram_t *chords) {
  for (int64_t r = 0; r < rows; r++) {
    const uint8_t *p = phase + r * nx;
    int64_t first = -1;
    for (int64_t x = 1; x < nx; x++) {
      if (x + 8 <= nx && same8(p + x, p + x - 1)) x += 7;
      else if (p[x] != p[x - 1]) first = end_run(p[x - 1], p[x], first, x, chords);
    }
  }
}

/* Along the second dimension of phase[planes][ny][nx]. first[nx]: scratch. */
static void chords_y(const uint8_t *phase, int64_t planes, int64_t ny, int64_t nx, int64_t *first,
                     exset_histogram_t *chords) {
  for (int64_t z = 0; z < planes; z++) {
    for (int64_t x = 0; x < nx; x++) first[x] = -1;
    for (int64_t y = 1; y < ny; y++) {
      const uint8_t *p = phase + (z * ny + y) * nx, *before = p - nx;
      for (int64_t x = 0; x < nx; x++) {
        if (x + 8 <= nx && same8(p + x, before + x)) x += 7;
        else if (p[x] != before[x]) first[x] = end_run(before[x], p[x], first[x], y, chords);
      }
    }
  }
}

/* Lines of cells that are not masked along the middle dimension of phase[planes][n][nx]. length[nx]: scratch. */
static void count_lines(const uint8_t *phase, int64_t planes, int64_t n, int64_t nx,
                        int64_t *length, double *count) {
  for (const uint8_t *p = phase, *end = phase + planes * n * nx; p < end; p += n * nx) {
    if (!memchr(p, 0, (size_t)(n * nx))) {
      count[n] += (double)nx;
      continue;
    }
    memset(length, 0, (size_t)nx * sizeof *length);
    for (int64_t k = 0; k < n * nx; k++) {
      int64_t *line = &length[k % nx];
      if (!p[k]) count[*line]++;
      *line = p[k] ? *line + 1 : 0;
    }
    for (int64_t x = 0; x < nx; x++) count[length[x]]++;
  }
  count[0] = 0;
}

static int chords_in_slab(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase,
                          int axis, exset_histogram_t *chords, exset_histogram_t *lines) {
  const int64_t nz = grid->nz_local, ny = grid->n[1], nx = grid->n[2];
  int64_t *scratch;
  EXSET_TRY(exset_alloc_all(ctx, nx, sizeof *scratch, &scratch));
  if (axis == EXSET_AXIS_X) {
    chords_x(phase, nz * ny, nx, chords);
    count_lines(phase, nz * ny, nx, 1, scratch, lines->count);
  } else {
    chords_y(phase, nz, ny, nx, scratch, chords);
    count_lines(phase, nz, ny, nx, scratch, lines->count);
  }
  free(scratch);
  return EXSET_OK;
}

/* The z axis is the second one of the turned grid. Collective. */
static int chords_turned(exset_ctx_t *ctx, const exset_volume_t *v, exset_histogram_t *chords,
                         exset_histogram_t *lines) {
  exset_grid_t turned;
  uint8_t *phase;
  EXSET_TRY(exset_grid_turned(ctx, &v->grid, &turned));
  EXSET_TRY(exset_alloc_unset_all(ctx, exset_grid_cells_local(&turned), 1, &phase));
  int err = exset_grid_turn(ctx, &v->grid, 1, v->phase, &turned, phase);
  if (!err) err = chords_in_slab(ctx, &turned, phase, EXSET_AXIS_Y, chords, lines);
  free(phase);
  return err;
}

int exset_surface_chords(exset_ctx_t *ctx, const exset_volume_t *volume, int axis,
                         exset_histogram_t *chords, exset_histogram_t *lines) {
  *lines = (exset_histogram_t){0};
  for (int p = 0; p < volume->n_phases; p++) chords[p] = (exset_histogram_t){0};
  int err = exset_histogram_init(ctx, 1, volume->grid.n[axis] + 1, lines);
  for (int p = 0; p < volume->n_phases && !err; p++)
    err = exset_histogram_init(ctx, 1, volume->grid.n[axis] + 1, &chords[p]);
  err = exset_agree(ctx, err);
  if (!err && axis == EXSET_AXIS_Z) err = chords_turned(ctx, volume, chords, lines);
  else if (!err) err = chords_in_slab(ctx, &volume->grid, volume->phase, axis, chords, lines);
  if (!err) err = exset_histogram_reduce(ctx, lines);
  for (int p = 0; p < volume->n_phases && !err; p++) err = exset_histogram_reduce(ctx, &chords[p]);
  for (int p = 0; p < volume->n_phases && err; p++) exset_histogram_clear(&chords[p]);
  if (err) exset_histogram_clear(lines);
  return err;
}

/* From the longest line down: a line of n cells has n - k - 1 places for a whole run of k, one more than for a run of k + 1. */
double exset_surface_chord_mean(const exset_histogram_t *chords, const exset_histogram_t *lines) {
  double longer = 0, places = 0, runs = 0, cells = 0; /* longer: lines of k + 2 cells or more */
  for (int64_t k = lines->n - 3; k > 0; k--) {
    longer += lines->count[k + 2];
    places += longer;
    if (k >= chords->n || chords->count[k] == 0) continue;
    runs += chords->count[k] / places;
    cells += chords->count[k] / places * (double)k;
  }
  return cells / runs;
}
