/* Components within one slab: runs of equal class along x, joined where they overlap in neighbouring rows. */
#include "morph_components_impl.h"

#include <stdlib.h>

/* Two runs of neighbouring rows that overlap. */
typedef struct {
  uint32_t a, b;
} pair_t;

/* Runs of cells of equal class, not 0, row after row; sets of runs, of which the first run is the root. */
typedef struct {
  int64_t *of_row; /* [rows + 1]: the first run of each row */
  uint32_t *start,
      *end; /* [n + 1]: cells start .. end - 1 of its row; the last entry is for loops that write one too many */
  uint32_t
      *parent;  /* [n]: an earlier run of the set, or itself; in the end the number of the piece */
  pair_t *pair; /* [nx + 1]: work space */
} runs_t;

static void runs_clear(runs_t *runs) {
  free(runs->of_row);
  free(runs->start);
  free(runs->end);
  free(runs->parent);
  free(runs->pair);
}

static int64_t count_row(const uint8_t *row, int64_t nx) {
  int64_t n = row[0] != 0;
  for (int64_t x = 1; x < nx; x++) n += (row[x] != row[x - 1]) & (row[x] != 0);
  return n;
}

static int runs_alloc(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                      runs_t *runs) {
  const int64_t nx = grid->n[2], rows = grid->nz_local * grid->n[1];
  EXSET_TRY(exset_alloc(ctx, rows + 1, sizeof *runs->of_row, &runs->of_row));
  for (int64_t r = 0; r < rows; r++)
    runs->of_row[r + 1] = runs->of_row[r] + count_row(cell_class + r * nx, nx);
  const int64_t n = runs->of_row[rows];
  if (nx > UINT32_MAX || n >= UINT32_MAX)
    return exset_fail(ctx, EXSET_ERR_RUN,
                      "rank %d has %lld rows of %lld cells with %lld runs of equal class: below "
                      "2^32 are allowed: use more ranks",
                      ctx->rank, (long long)rows, (long long)nx, (long long)n);
  EXSET_TRY(exset_alloc_unset(ctx, n + 1, sizeof *runs->start, &runs->start));
  EXSET_TRY(exset_alloc_unset(ctx, n + 1, sizeof *runs->end, &runs->end));
  EXSET_TRY(exset_alloc_unset(ctx, nx + 1, sizeof *runs->pair, &runs->pair));
  return exset_alloc_unset(ctx, n, sizeof *runs->parent, &runs->parent);
}

/* The loops over cells and runs decide by arithmetic: branches would be mispredicted at every edge of the structure. */
static void find_runs(const uint8_t *row, int64_t nx, uint32_t *start, uint32_t *end) {
  int64_t starts = 0, ends = 0;
  uint8_t before = 0;
  for (int64_t x = 0; x < nx; x++) {
    const uint8_t here = row[x];
    start[starts] = end[ends] = (uint32_t)x;
    starts += (here != before) & (here != 0);
    ends += (here != before) & (before != 0);
    before = here;
  }
  if (before) end[ends] = (uint32_t)nx;
}

static uint32_t root_of(uint32_t *parent, uint32_t run) {
  while (parent[run] != run) {
    parent[run] = parent[parent[run]];
    run = parent[run];
  }
  return run;
}

static void join(uint32_t *parent, pair_t pair) {
  if (parent[pair.a] == parent[pair.b]) return;
  const uint32_t a = root_of(parent, pair.a), b = root_of(parent, pair.b), first = a < b ? a : b;
  parent[a] = parent[b] = parent[pair.a] = parent[pair.b] = first;
}

/* Join the runs of two neighbouring rows that overlap and have the same class. */
static void join_rows(const runs_t *runs, const uint8_t *cell_class, int64_t nx, int64_t row,
                      int64_t earlier) {
  const uint32_t *start = runs->start, *end = runs->end;
  const uint8_t *class_a = cell_class + row * nx, *class_b = cell_class + earlier * nx;
  const int64_t last_a = runs->of_row[row + 1], last_b = runs->of_row[earlier + 1];
  int64_t a = runs->of_row[row], b = runs->of_row[earlier], pairs = 0;
  while (a < last_a && b < last_b) {
    runs->pair[pairs] = (pair_t){(uint32_t)a, (uint32_t)b};
    pairs += (start[a] < end[b]) & (start[b] < end[a]) & (class_a[start[a]] == class_b[start[b]]);
    const bool ends_first = end[a] < end[b]; /* then it meets no further run of the other row */
    a += ends_first;
    b += !ends_first;
  }
  for (int64_t k = 0; k < pairs; k++) join(runs->parent, runs->pair[k]);
}

static void join_runs(const exset_grid_t *grid, const uint8_t *cell_class, runs_t *runs) {
  const int64_t nx = grid->n[2], ny = grid->n[1], rows = grid->nz_local * ny;
  for (int64_t r = 0; r < rows; r++) {
    const int64_t first = runs->of_row[r];
    find_runs(cell_class + r * nx, nx, runs->start + first, runs->end + first);
    for (int64_t k = first; k < runs->of_row[r + 1]; k++) runs->parent[k] = (uint32_t)k;
    if (r % ny > 0) join_rows(runs, cell_class, nx, r, r - 1);
    if (r >= ny) join_rows(runs, cell_class, nx, r, r - ny);
  }
}

/* Pieces 1..n_local in order of their first cells, named after them. */
static int number_pieces(exset_ctx_t *ctx, const exset_grid_t *grid, runs_t *runs,
                         exset_components_t *c) {
  const int64_t nx = grid->n[2], rows = grid->nz_local * grid->n[1];
  int64_t pieces = 0;
  uint32_t *number = runs->parent;
  for (int64_t k = 0; k < runs->of_row[rows]; k++) pieces += runs->parent[k] == k;
  EXSET_TRY(exset_alloc(ctx, pieces + 1, sizeof *c->name, &c->name));
  for (int64_t r = 0; r < rows; r++)
    for (int64_t k = runs->of_row[r]; k < runs->of_row[r + 1]; k++) {
      if (runs->parent[k] == k) {
        c->name[++c->n_local] = c->first + r * nx + runs->start[k];
        number[k] = (uint32_t)c->n_local;
      } else {
        number[k] = number[runs->parent[k]]; /* an earlier run, so it has its number */
      }
    }
  return EXSET_OK;
}

enum { CHUNK = 8 };
/* piece[start .. end - 1] = value, in whole chunks: what is written too far is written over by what follows. */
static void fill(uint32_t *piece, int64_t start, int64_t end, uint32_t value) {
  for (int64_t x = start; x < end; x += CHUNK)
    for (int i = 0; i < CHUNK; i++) piece[x + i] = value;
}

static void fill_row(uint32_t *piece, int64_t nx, const runs_t *runs, int64_t row) {
  int64_t x = 0;
  for (int64_t k = runs->of_row[row]; k < runs->of_row[row + 1]; k++) {
    fill(piece, x, runs->start[k], 0);
    fill(piece, runs->start[k], runs->end[k], runs->parent[k]);
    x = runs->end[k];
  }
  fill(piece, x, nx, 0);
}

static int label(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                 runs_t *runs, exset_components_t *c) {
  const int64_t nx = grid->n[2], rows = grid->nz_local * grid->n[1];
  EXSET_TRY(runs_alloc(ctx, grid, cell_class, runs));
  join_runs(grid, cell_class, runs);
  EXSET_TRY(number_pieces(ctx, grid, runs, c));
  EXSET_TRY(exset_alloc_unset(ctx, rows * nx + CHUNK, sizeof *c->piece, &c->piece));
  for (int64_t r = 0; r < rows; r++) fill_row(c->piece + r * nx, nx, runs, r);
  return EXSET_OK;
}

int components_label_slab(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *cell_class,
                          exset_components_t *c) {
  runs_t runs = {0};
  c->first = grid->z0 * grid->n[1] * grid->n[2] + 1;
  const int err = label(ctx, grid, cell_class, &runs, c);
  runs_clear(&runs);
  return err;
}
