/* Volumes in memory: slabs, pieces, fractions, checksum. */
#include "exset/simd.h"
#include "volume_impl.h"

#include <stdlib.h>
#include <string.h>

int64_t exset_pieces(const exset_ctx_t *ctx, const exset_grid_t *grid, int64_t cell_bytes,
                     int64_t limit) {
  int64_t z0, most; /* rank 0 has the most planes */
  exset_grid_slab(ctx, grid, 0, &z0, &most);
  const exset_grid_t widest = {.n = {grid->n[0], grid->n[1], grid->n[2]}, .nz_local = most};
  int64_t count = 0;
  for (exset_piece_t p = exset_piece(&widest, cell_bytes, limit, 0); p.nz > 0;)
    p = exset_piece(&widest, cell_bytes, limit, ++count);
  return count;
}

exset_piece_t exset_piece(const exset_grid_t *grid, int64_t cell_bytes, int64_t limit, int64_t i) {
  const int64_t row = grid->n[2] * cell_bytes, plane = grid->n[1] * row;
  const int64_t planes = plane < limit ? limit / plane : 1;
  const int64_t rows = plane <= limit ? grid->n[1] : row < limit ? limit / row : 1;
  const int64_t y_steps = (grid->n[1] + rows - 1) / rows;
  exset_piece_t p = {.z = i / y_steps * planes, .y = i % y_steps * rows};
  const int64_t left = grid->nz_local - p.z, rows_left = grid->n[1] - p.y;
  if (left <= 0) return (exset_piece_t){0};
  p.nz = left < planes ? left : planes;
  p.ny = rows_left < rows ? rows_left : rows;
  return p;
}

/* Number of cells from `at` on to the next multiple of step, or to the end. */
static int64_t run_length(int64_t at, int64_t step, int64_t end) {
  const int64_t next = (at / step + 1) * step;
  return (next < end ? next : end) - at;
}

exset_piece_t exset_piece_next(const exset_volume_source_t *source, const int64_t step[2],
                               const exset_piece_t *last) {
  const exset_grid_t *g = source->grid;
  const int64_t z_file = source->first[0] + g->z0, y_file = source->first[1];
  exset_piece_t p = {.z = last->z, .y = last->y + last->ny};
  if (last->ny > 0 && p.y == g->n[1]) p = (exset_piece_t){.z = last->z + last->nz};
  if (p.z == g->nz_local) return (exset_piece_t){0};
  p.nz = run_length(z_file + p.z, step[0], z_file + g->nz_local);
  p.ny = run_length(y_file + p.y, step[1], y_file + g->n[1]);
  return p;
}

void exset_piece_columns(const exset_volume_source_t *source, const exset_piece_t *piece,
                         int64_t cell_bytes, const void *rows, void *slab) {
  const exset_grid_t *g = source->grid;
  const int64_t row = source->head->n[2] * cell_bytes, n = g->n[2] * cell_bytes;
  const char *from = (const char *)rows + source->first[2] * cell_bytes;
  for (int64_t z = piece->z; z < piece->z + piece->nz; z++) {
    char *to = (char *)slab + (z * g->n[1] + piece->y) * n;
    for (int64_t y = 0; y < piece->ny; y++, from += row, to += n) memcpy(to, from, (size_t)n);
  }
}

/* One "name=value" from the text's beginning; returns what follows, NULL where it is none. */
static const char *next_hint(const char *text, char name[], char value[], size_t size) {
  const size_t length = strcspn(text, ","), equals = strcspn(text, "=");
  if (equals == 0 || equals + 1 >= length || equals >= size || length - equals > size) return NULL;
  memcpy(name, text, equals);
  name[equals] = 0;
  memcpy(value, text + equals + 1, length - equals - 1);
  value[length - equals - 1] = 0;
  return text + length + (text[length] == ',');
}

int exset_volume_hints(exset_ctx_t *ctx, const char *hints, MPI_Info *info) {
  char name[MPI_MAX_INFO_KEY], value[MPI_MAX_INFO_KEY]; /* the shorter of MPI's two limits */
  *info = MPI_INFO_NULL;
  if (!hints || !hints[0]) return EXSET_OK;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Info_create(info)));
  int err = EXSET_OK;
  for (const char *rest = hints; !err && rest[0];) {
    rest = next_hint(rest, name, value, sizeof name);
    if (!rest) {
      err = exset_fail(ctx, EXSET_ERR_INPUT,
                       "MPI-IO hints \"%.200s\" are not name=value,name=value,...", hints);
      break;
    }
    err = EXSET_MPI(ctx, MPI_Info_set(*info, name, value));
  }
  if (err) exset_volume_hints_free(info);
  return err;
}

void exset_volume_hints_free(MPI_Info *info) {
  if (*info != MPI_INFO_NULL) MPI_Info_free(info);
}

int exset_volume_init(exset_ctx_t *ctx, const exset_grid_t *grid, int n_phases,
                      exset_volume_t *volume) {
  memset(volume, 0, sizeof *volume);
  volume->grid = *grid;
  volume->n_phases = n_phases;
  return exset_alloc_all(ctx, exset_grid_cells_local(grid), 1, &volume->phase);
}

void exset_volume_clear(exset_volume_t *volume) {
  free(volume->phase);
  memset(volume, 0, sizeof *volume);
}

enum { LANES = 64, ROUNDS = 255 }; /* bytes counted side by side, as often as a byte can count */

/* Cells with a label among at most LANES ROUNDS cells. */
EXSET_CLONES static int64_t count_label(int64_t n, const uint8_t *phase, uint8_t label) {
  uint8_t lane[LANES] = {0};
  int64_t i = 0, found = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] = (uint8_t)(lane[j] + (phase[i + j] == label));
  for (; i < n; i++) found += phase[i] == label;
  for (int j = 0; j < LANES; j++) found += lane[j];
  return found;
}

/* Cells of each phase, added to count[0 .. n_phases - 1]: a pass for each phase over what is in the cache, since bytes that
 * are compared make vector code and a histogram does not. */
static void count_phases(int64_t n, const uint8_t *phase, int n_phases, int64_t *count) {
  const int64_t block = LANES * ROUNDS;
  for (int64_t first = 0; first < n; first += block)
    for (int p = 0; p < n_phases; p++)
      count[p] +=
          count_label(n - first < block ? n - first : block, phase + first, (uint8_t)(p + 1));
}

int exset_volume_fractions(exset_ctx_t *ctx, const exset_volume_t *volume, double *fraction) {
  int64_t count[EXSET_MAX_PHASES] = {0}, cells = 0;
  const int n = volume->n_phases;
  count_phases(exset_grid_cells_local(&volume->grid), volume->phase, n, count);
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, count, n, MPI_INT64_T, MPI_SUM, ctx->comm)));
  for (int p = 0; p < n; p++) cells += count[p];
  for (int p = 0; p < n; p++) fraction[p] = cells > 0 ? (double)count[p] / (double)cells : 0;
  return EXSET_OK;
}

/* Finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit moves every output bit. */
static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/* Words of 8 cells of one row, number `row` of the volume; the last word is filled up with zeros. */
static uint64_t row_sum(int64_t n, const uint8_t *phase, uint64_t row) {
  const uint64_t words = (uint64_t)(n + 7) / 8, step = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t sum = 0, place = mix(row + step);
  for (uint64_t w = 0; w < words; w++, place += step) {
    const int64_t left = n - 8 * (int64_t)w;
    uint64_t word = 0;
    memcpy(&word, phase + 8 * w, left < 8 ? (size_t)left : 8);
    sum += mix(word ^ place);
  }
  return sum;
}

int exset_volume_checksum(exset_ctx_t *ctx, const exset_volume_t *volume, uint64_t *checksum) {
  const exset_grid_t *g = &volume->grid;
  const int64_t rows = g->nz_local * g->n[1], first = g->z0 * g->n[1];
  *checksum = 0;
  for (int64_t r = 0; r < rows; r++)
    *checksum += row_sum(g->n[2], volume->phase + r * g->n[2], (uint64_t)(first + r));
  return EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, checksum, 1, MPI_UINT64_T, MPI_SUM, ctx->comm));
}
