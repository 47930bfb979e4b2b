/* Neighbours of equal phase as bits. */
#include <stdlib.h>
#include <string.h>

#include "morph_geodesic_impl.h"

int sides_get(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase, sides_t *sides) {
  const int64_t plane = grid->n[1] * grid->n[2];
  const int64_t top = grid->nz_local > 0 ? (grid->nz_local - 1) * plane : 0;
  *sides = (sides_t){{NULL, NULL}};
  int err = exset_alloc(ctx, plane, 1, &sides->side[0]);
  if (!err) err = exset_alloc(ctx, plane, 1, &sides->side[1]);
  EXSET_TRY(exset_agree(ctx, err));
  return exset_grid_halo(ctx, grid, (size_t)plane, phase, phase + top, sides->side[0],
                         sides->side[1], false);
}

void sides_clear(sides_t *sides) {
  free(sides->side[0]);
  free(sides->side[1]);
}

/* The bits of a row in four rows of bytes, for the vector units: 8 bits of each cell in the first, ... */
typedef struct {
  int64_t nx;
  uint8_t *part[4];
} bits_t;

/* Bits k, k + 1, k + 2: the cells of another row at x - 1, x, x + 1 have the phase of the cell. */
static void compare_rows(const uint8_t *restrict row, const uint8_t *restrict other, int k,
                         const bits_t *bits) {
  for (int dx = -1; dx <= 1; dx++, k++) {
    uint8_t *restrict part = bits->part[k / 8];
    const uint8_t bit = (uint8_t)(1 << k % 8);
    const int64_t begin = dx < 0, end = bits->nx - (dx > 0);
    for (int64_t x = begin; x < end; x++)
      part[x] = (uint8_t)(part[x] | (row[x] == other[x + dx] ? bit : 0));
  }
}

static void join_bits(const uint8_t *restrict row, const bits_t *bits, uint32_t *restrict link) {
  const uint8_t *a = bits->part[0], *b = bits->part[1], *c = bits->part[2], *d = bits->part[3];
  for (int64_t x = 0; x < bits->nx; x++) {
    const uint32_t all = a[x] | (uint32_t)b[x] << 8 | (uint32_t)c[x] << 16 | (uint32_t)d[x] << 24;
    link[x] = row[x] ? all & ~(1u << LINK_SELF) : 0;
  }
}

static const uint8_t *plane_at(const exset_grid_t *grid, const uint8_t *phase, const sides_t *sides,
                               int64_t z) {
  if (z < 0) return sides->side[0];
  return z < grid->nz_local ? phase + z * grid->n[1] * grid->n[2] : sides->side[1];
}

static void link_row(const exset_grid_t *grid, const uint8_t *phase, const sides_t *sides,
                     int64_t z, int64_t y, const bits_t *bits, uint32_t *link) {
  const int64_t nx = grid->n[2], ny = grid->n[1];
  const uint8_t *row = plane_at(grid, phase, sides, z) + y * nx;
  for (int p = 0; p < 4; p++) memset(bits->part[p], 0, (size_t)nx);
  for (int dz = -1; dz <= 1; dz++)
    for (int dy = -1; dy <= 1; dy++)
      if (y + dy >= 0 && y + dy < ny)
        compare_rows(row, plane_at(grid, phase, sides, z + dz) + (y + dy) * nx,
                     9 * (dz + 1) + 3 * (dy + 1), bits);
  join_bits(row, bits, link + (z * ny + y) * nx);
}

int links_get(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase, uint32_t *link) {
  const int64_t nx = grid->n[2];
  sides_t sides;
  bits_t bits = {nx, {NULL}};
  int err = sides_get(ctx, grid, phase, &sides);
  if (!err) err = exset_alloc_all(ctx, exset_mul3(4, nx, 1), 1, &bits.part[0]);
  if (!err) {
    for (int p = 1; p < 4; p++) bits.part[p] = bits.part[0] + p * nx;
    for (int64_t z = 0; z < grid->nz_local; z++)
      for (int64_t y = 0; y < grid->n[1]; y++) link_row(grid, phase, &sides, z, y, &bits, link);
  }
  sides_clear(&sides);
  free(bits.part[0]);
  return err;
}
