/*
 * Patches: crops of micrographs as one-hot images, crops of periodic model sections and their adjoint. Every draw is a
 * function of (seed, step, view, patch or section number), so that it does not depend on who makes it.
 */
#include <stdlib.h>
#include <string.h>

#include "calibrate_train_impl.h"

/* What a counter's second word says the draw is for. */
enum { DRAW_REAL = 0, DRAW_FAKE = 1, DRAW_OFFSET = 2 };

static void draw(exset_rng_key_t key, uint32_t number, uint32_t purpose, uint32_t word[4]) {
  const uint32_t counter[4] = {number, purpose, 0, 0};
  exset_rng_one(key, counter, word);
}

exset_rng_key_t patch_key(uint64_t seed, int64_t step, int view) {
  return exset_rng_key(seed, EXSET_STREAM_PATCH, (uint64_t)step, (uint32_t)view);
}

/* ---- symmetries ---- */

/* Where pixel (i, j) of the turned patch comes from: flips of rows (1) and columns (2), after a transposition (4). */
static inline void source_of(int symmetry, int patch, int i, int j, int *row, int *col) {
  const int a = symmetry & 4 ? j : i, b = symmetry & 4 ? i : j;
  *row = symmetry & 1 ? patch - 1 - a : a;
  *col = symmetry & 2 ? patch - 1 - b : b;
}

/* ---- micrographs ---- */

/* above[col]: masked pixels of rows [row, row + patch). Adds the runs of columns where a patch has none; without a list they
 * are only counted. */
static void add_runs(const exset_section_t *section, int64_t row, const int64_t *above,
                     crops_t *crops) {
  const int patch = crops->patch;
  int64_t masked = 0;
  bool open = false;
  for (int64_t col = 0; col < section->cols; col++) {
    masked += above[col] - (col >= patch ? above[col - patch] : 0);
    if (col < patch - 1) continue;
    if (masked == 0 && !open) {
      if (crops->run)
        crops->run[crops->n_runs] = (run_t){section, row, col - patch + 1, crops->n_places};
      crops->n_runs++;
    }
    open = masked == 0;
    crops->n_places += open;
  }
}

static int add_section(exset_ctx_t *ctx, const exset_section_t *section, crops_t *crops) {
  const int patch = crops->patch;
  if (section->rows < patch || section->cols < patch) return EXSET_OK;
  int64_t *above;
  EXSET_TRY(exset_alloc(ctx, section->cols, sizeof *above, &above));
  for (int64_t row = 0; row < section->rows; row++) {
    for (int64_t col = 0; col < section->cols; col++) {
      above[col] += section->phase[row * section->cols + col] == 0;
      if (row >= patch) above[col] -= section->phase[(row - patch) * section->cols + col] == 0;
    }
    if (row >= patch - 1) add_runs(section, row - patch + 1, above, crops);
  }
  free(above);
  return EXSET_OK;
}

/* All runs of the sections of these kinds: counted, or listed. */
static int add_sections(exset_ctx_t *ctx, const exset_sections_t *sections, unsigned kinds,
                        crops_t *crops) {
  crops->n_runs = crops->n_places = 0;
  for (int s = 0; s < sections->n; s++) {
    const int kind = sections->section[s].orient == EXSET_ORIENT_XY ? PLANES_XY : PLANES_Z;
    if (kinds >> kind & 1) EXSET_TRY(add_section(ctx, &sections->section[s], crops));
  }
  return EXSET_OK;
}

int crops_create(exset_ctx_t *ctx, const exset_sections_t *sections, unsigned kinds, int patch,
                 int n_symmetries, crops_t *crops) {
  *crops = (crops_t){.patch = patch, .n_phases = sections->n_phases, .n_symmetries = n_symmetries};
  EXSET_TRY(add_sections(ctx, sections, kinds, crops));
  EXSET_TRY(exset_alloc(ctx, crops->n_runs, sizeof *crops->run, &crops->run));
  return add_sections(ctx, sections, kinds, crops);
}

void crops_clear(crops_t *crops) {
  free(crops->run);
  *crops = (crops_t){0};
}

/* The run that holds a place: the last one that begins at or before it. */
static const run_t *find_run(const crops_t *crops, int64_t place) {
  int64_t low = 0, high = crops->n_runs;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (crops->run[middle].before <= place) low = middle;
    else high = middle;
  }
  return &crops->run[low];
}

void crops_place(const crops_t *crops, exset_rng_key_t key, uint32_t number, place_t *place) {
  uint32_t word[4];
  draw(key, number, DRAW_REAL, word);
  const uint64_t wide = (uint64_t)word[1] << 32 | word[0];
  const int64_t at = (int64_t)(wide % (uint64_t)crops->n_places);
  const run_t *run = find_run(crops, at);
  *place = (place_t){.section = run->section,
                     .row = run->row,
                     .col = run->col + at - run->before,
                     .symmetry = (int)(word[2] % (uint32_t)crops->n_symmetries)};
}

void crops_labels(const crops_t *crops, const place_t *place, uint8_t *label) {
  const int patch = crops->patch;
  for (int i = 0; i < patch; i++) {
    for (int j = 0; j < patch; j++) {
      int row, col;
      source_of(place->symmetry, patch, i, j, &row, &col);
      *label++ =
          place->section->phase[(place->row + row) * place->section->cols + place->col + col];
    }
  }
}

void crops_image(const crops_t *crops, exset_rng_key_t key, uint32_t number, float *image) {
  const int patch = crops->patch, pixels = patch * patch;
  place_t place;
  crops_place(crops, key, number, &place);
  const exset_section_t *section = place.section;
  memset(image, 0, (size_t)(crops->n_phases * pixels) * sizeof *image);
  for (int i = 0; i < patch; i++) {
    for (int j = 0; j < patch; j++) {
      int row, col;
      source_of(place.symmetry, patch, i, j, &row, &col);
      const int phase = section->phase[(place.row + row) * section->cols + place.col + col] - 1;
      image[phase * pixels + i * patch + j] = 1;
    }
  }
}

/* ---- model sections ---- */

tiling_t tiling_create(int64_t rows, int64_t cols, int patch, int n_phases, int n_symmetries) {
  tiling_t tiling = {.rows = rows,
                     .cols = cols,
                     .patch = patch,
                     .n_phases = n_phases,
                     .n_symmetries = n_symmetries};
  tiling.across = (int)(cols / patch);
  tiling.n_crops = (int)(rows / patch) * tiling.across;
  return tiling;
}

crop_t tiling_crop(const tiling_t *tiling, exset_rng_key_t key, uint32_t section, int number) {
  uint32_t offset[4], own[4];
  draw(key, section, DRAW_OFFSET, offset);
  draw(key, section * (uint32_t)tiling->n_crops + (uint32_t)number, DRAW_FAKE, own);
  const int64_t down = number / tiling->across, across = number % tiling->across;
  return (crop_t){
      .row = ((int64_t)(offset[0] % (uint64_t)tiling->rows) + down * tiling->patch) % tiling->rows,
      .col =
          ((int64_t)(offset[1] % (uint64_t)tiling->cols) + across * tiling->patch) % tiling->cols,
      .symmetry = (int)(own[0] % (uint32_t)tiling->n_symmetries)};
}

/* Place in a periodic section of the pixel that becomes (i, j) of the patch. */
static inline int64_t pixel_of(const tiling_t *tiling, const crop_t *crop, int i, int j) {
  int a, b;
  source_of(crop->symmetry, tiling->patch, i, j, &a, &b);
  int64_t row = crop->row + a, col = crop->col + b;
  if (row >= tiling->rows) row -= tiling->rows;
  if (col >= tiling->cols) col -= tiling->cols;
  return row * tiling->cols + col;
}

void tiling_image(const tiling_t *tiling, const crop_t *crop, const double *phase, float *image) {
  const int64_t plane = tiling->rows * tiling->cols;
  const int patch = tiling->patch, pixels = patch * patch;
  for (int i = 0; i < patch; i++) {
    for (int j = 0; j < patch; j++) {
      const int64_t from = pixel_of(tiling, crop, i, j);
      for (int f = 0; f < tiling->n_phases; f++)
        image[f * pixels + i * patch + j] = (float)phase[f * plane + from];
    }
  }
}

void tiling_adjoint(const tiling_t *tiling, const crop_t *crop, const float *d_image,
                    double *d_phase) {
  const int64_t plane = tiling->rows * tiling->cols;
  const int patch = tiling->patch, pixels = patch * patch;
  for (int i = 0; i < patch; i++) {
    for (int j = 0; j < patch; j++) {
      const int64_t to = pixel_of(tiling, crop, i, j);
      for (int f = 0; f < tiling->n_phases; f++)
        d_phase[f * plane + to] += d_image[f * pixels + i * patch + j];
    }
  }
}

void tiling_labels(const tiling_t *tiling, const crop_t *crop, const uint8_t *section,
                   uint8_t *label) {
  for (int i = 0; i < tiling->patch; i++)
    for (int j = 0; j < tiling->patch; j++) *label++ = section[pixel_of(tiling, crop, i, j)];
}
