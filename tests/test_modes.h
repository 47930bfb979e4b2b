/* All modes of a small grid as an array [ny][nz][nx/2 + 1]. */
#ifndef TEST_MODES_H
#define TEST_MODES_H

#include "exset/sample.h"
#include "test.h"

#include <complex.h>
#include <stdlib.h>

static inline void test_modes(exset_ctx_t *ctx, const exset_amplitude_t *a, const int64_t n[3],
                              exset_draw_t draw, uint32_t component, float complex *modes) {
  const int64_t mx = n[2] / 2 + 1, stride = 2 * n[0];
  float *column, *scratch;
  MUST(ctx, exset_alloc(ctx, 2 * stride, sizeof *column, &column));
  MUST(ctx, exset_alloc(ctx, 2 * exset_amplitude_column_size(a), sizeof *scratch, &scratch));
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t x = 0; x < mx; x += 2) {
      const int64_t count = mx - x < 2 ? mx - x : 2;
      exset_modes_fill(a, draw, component, y, x, count, column, stride, scratch);
      for (int64_t j = 0; j < count; j++)
        for (int64_t z = 0; z < n[0]; z++)
          modes[(y * n[0] + z) * mx + x + j] =
              column[j * stride + 2 * z] + I * column[j * stride + 2 * z + 1];
    }
  free(column);
  free(scratch);
}

#endif
