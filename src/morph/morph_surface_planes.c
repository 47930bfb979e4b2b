/* Planes of cells with a border of masked ones. */
#include <string.h>

#include "exset/simd.h"
#include "morph_surface_impl.h"

surface_plane_t surface_plane(const exset_grid_t *grid) {
  const int64_t ny = grid->n[1], nx = grid->n[2], stride = nx + 1;
  return (surface_plane_t){ny, nx, stride, 1 + stride, 2 + (ny + 2) * stride};
}

EXSET_CLONES static void code_row(const uint8_t *restrict phase, int64_t n, int n_phases,
                                  uint8_t *restrict code) {
  memset(code, 0, (size_t)n);
  for (int p = 0; p < n_phases; p++)
    for (int64_t x = 0; x < n; x++) code[x] = (uint8_t)(code[x] | (phase[x] == p + 1 ? 1 << p : 0));
}

void surface_pad(const surface_plane_t *plane, const uint8_t *phase, int n_phases, bool code,
                 uint8_t *padded) {
  for (int64_t y = 0; y < plane->ny; y++) {
    uint8_t *row = padded + plane->start + y * plane->stride;
    if (code) code_row(phase + y * plane->nx, plane->nx, n_phases, row);
    else memcpy(row, phase + y * plane->nx, (size_t)plane->nx);
  }
}

int surface_planes_above(exset_ctx_t *ctx, const exset_volume_t *volume, int64_t depth,
                         uint8_t **above, int64_t *count) {
  const exset_grid_t *grid = &volume->grid;
  const int64_t plane = grid->n[1] * grid->n[2], nz = grid->nz_local;
  const int64_t left = grid->n[0] - grid->z0 - nz;
  *count = nz == 0 ? 0 : left < depth ? left : depth;
  EXSET_TRY(exset_alloc_unset_all(ctx, exset_mul3(depth + 1, plane, 1), 1, above));
  uint8_t *below = *above + depth * plane; /* not wanted */
  for (int64_t r = 0; r < depth; r++) {
    const uint8_t *first = r < nz ? volume->phase + r * plane : *above + (r - nz) * plane;
    EXSET_TRY(
        exset_grid_halo(ctx, grid, (size_t)plane, first, first, below, *above + r * plane, false));
  }
  return EXSET_OK;
}
