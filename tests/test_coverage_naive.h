/* Coverage functions by counting pairs, for the tests. Sections and volumes: n[3] = z, y, x (sections: n[0] = 1). */
#ifndef EXSET_TEST_COVERAGE_NAIVE_H
#define EXSET_TEST_COVERAGE_NAIVE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  double pairs, r, c[9][9]; /* ordered pairs h and -h; sum of |h_r|; pairs by phases */
} naive_bin_t;

/* Where a lag (cells: z, y, x) goes: bin, or -1, and its distance along r. */
typedef int64_t (*naive_place_t)(const void *user, const int64_t h[3], double *r);

/* All ordered pairs with lags up to m[3], each put into bin[place(h)]. periodic wraps all axes. */
static inline void naive_coverage(const int64_t n[3], const uint8_t *phase, const int64_t m[3],
                                  int periodic, naive_place_t place, const void *user,
                                  naive_bin_t *bin) {
  int64_t h[3];
  for (h[0] = -m[0]; h[0] <= m[0]; h[0]++)
    for (h[1] = -m[1]; h[1] <= m[1]; h[1]++)
      for (h[2] = -m[2]; h[2] <= m[2]; h[2]++) {
        double r;
        const int64_t b = place(user, h, &r);
        if (b < 0) continue;
        for (int64_t i = 0; i < n[0] * n[1] * n[2]; i++) {
          int64_t x[3] = {i / n[2] / n[1] + h[0], i / n[2] % n[1] + h[1], i % n[2] + h[2]};
          int inside = 1;
          for (int a = 0; a < 3; a++) {
            if (periodic) x[a] = (x[a] + 2 * n[a]) % n[a];
            inside &= x[a] >= 0 && x[a] < n[a];
          }
          if (!inside) continue;
          const int p = phase[i], q = phase[(x[0] * n[1] + x[1]) * n[2] + x[2]];
          if (p == 0 || q == 0) continue;
          bin[b].pairs += 1;
          bin[b].r += r;
          bin[b].c[p - 1][q - 1] += 1;
        }
      }
}

#endif
