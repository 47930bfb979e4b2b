/* test: np="1 3" time=60 */
/*
 * Columns of modes: amplitude times the complex normal variate of the mode's counter, against the formulas in double
 * precision on small odd, even and flat boxes; Hermitian symmetry to the bit; tiles of any size and place have the same bits.
 */
#include "exset/sample.h"
#include "test.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const exset_draw_t DRAW = {0x123456789abcdefULL, 5, 2};
static const uint32_t COMPONENT = 3;

static int64_t signed_index(int64_t i, int64_t n) {
  return i <= n / 2 ? i : i - n;
}

/* W at array indices that are the canonical ones of their pair, or have none. */
static double complex canonical(exset_rng_key_t key, const int64_t n[3], int64_t z, int64_t y,
                                int64_t x) {
  const uint32_t counter[4] = {(uint32_t)(x / 2), (uint32_t)signed_index(y, n[1]),
                               (uint32_t)signed_index(z, n[0]), COMPONENT};
  uint32_t word[4];
  exset_rng_one(key, counter, word);
  const uint32_t *w = word + (x % 2 ? 2 : 0);
  const double u = (floor(w[0] / 2.0) + 0.5) * 0x1p-31;
  return sqrt(-log(u)) * cexp(I * 2 * M_PI * w[1] * 0x1p-32);
}

static double complex naive_noise(exset_rng_key_t key, const int64_t n[3], int64_t z, int64_t y,
                                  int64_t x) {
  if (x > 0 && 2 * x != n[2]) return canonical(key, n, z, y, x);
  const int64_t mz = (n[0] - z) % n[0], my = (n[1] - y) % n[1];
  if (mz == z && my == y) return M_SQRT2 * creal(canonical(key, n, z, y, x));
  if (y > my || (y == my && z > mz)) return conj(canonical(key, n, mz, my, x));
  return canonical(key, n, z, y, x);
}

/* All modes, [kx][ky][kz], column by column in tiles of the given width; columns lie a little apart, and what is
 * between them must stay. */
static void fill_all(exset_ctx_t *ctx, const exset_amplitude_t *a, const int64_t n[3], int64_t tile,
                     float complex *all) {
  const int64_t stride = 2 * n[0] + 2, columns = n[2] / 2 + 1;
  float *column, *scratch;
  MUST(ctx, exset_alloc(ctx, tile * stride, sizeof *column, &column));
  MUST(ctx, exset_alloc(ctx, 2 * exset_amplitude_column_size(a), sizeof *scratch, &scratch));
  int touched = 0;
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t x = 0; x < columns; x += tile) {
      const int64_t count = columns - x < tile ? columns - x : tile;
      for (int64_t i = 0; i < tile * stride; i++) column[i] = 77;
      exset_modes_fill(a, DRAW, COMPONENT, y, x, count, column, stride, scratch);
      for (int64_t j = 0; j < count; j++)
        memcpy(all + ((x + j) * n[1] + y) * n[0], column + j * stride, (size_t)n[0] * sizeof *all);
      for (int64_t j = 0; j < tile; j++)
        for (int64_t i = j < count ? 2 * n[0] : 0; i < stride; i++)
          touched += column[j * stride + i] != 77;
    }
  CHECK_MSG(touched == 0, "%d numbers outside the columns were written", touched);
  free(column);
  free(scratch);
}

static exset_spectrum_t spectrum_of(int which) {
  exset_spectrum_t s;
  memset(&s, 0, sizeof s); /* 0: white */
  s.n_terms = which;
  s.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1, 2, 1.5, 0.7, 0};
  s.term[1] = (exset_term_t){EXSET_FAMILY_RING, 1, 0.7, 0.7, 0, 0.3};
  s.nugget = which == 2 ? 0.1 : 0;
  return s;
}

/* The naive S of the two-term spectrum needs sums over the grid; here amplitudes come from exset_amplitude_column, which
 * t203 compares with the formulas. */
static void check_formula(exset_ctx_t *ctx, const exset_amplitude_t *a, const int64_t n[3],
                          const float complex *all) {
  const exset_rng_key_t key =
      exset_rng_key(DRAW.seed, EXSET_STREAM_VOLUME, DRAW.realisation, DRAW.field);
  float *amplitude;
  MUST(ctx, exset_alloc(ctx, exset_amplitude_column_size(a), sizeof *amplitude, &amplitude));
  double worst = 0;
  int wrong = 0;
  for (int64_t x = 0; x <= n[2] / 2; x++)
    for (int64_t y = 0; y < n[1]; y++) {
      exset_amplitude_column(a, x, y, amplitude);
      for (int64_t z = 0; z < n[0]; z++) {
        const int64_t mz = (n[0] - z) % n[0], my = (n[1] - y) % n[1];
        const double scale = amplitude[z < mz ? z : mz];
        const float complex w = all[(x * n[1] + y) * n[0] + z];
        worst = fmax(worst, cabs(w - scale * naive_noise(key, n, z, y, x)) / scale);
        if (x > 0 && 2 * x != n[2]) continue;
        const float complex m = all[(x * n[1] + my) * n[0] + mz];
        wrong += crealf(m) != crealf(w) || cimagf(m) != -cimagf(w);
      }
    }
  CHECK_MSG(worst < 2e-6, "modes of %lld,%lld,%lld differ from the formula by %g", (long long)n[0],
            (long long)n[1], (long long)n[2], worst);
  CHECK_MSG(wrong == 0, "%d modes are not the conjugates of their mirror images", wrong);
  free(amplitude);
}

static void check_box(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx) {
  const int64_t n[3] = {nz, ny, nx}, modes = nz * ny * (nx / 2 + 1);
  const double voxel[3] = {0.5, 0.4, 0.3};
  float complex *all, *other;
  MUST(ctx, exset_alloc(ctx, modes, sizeof *all, &all));
  MUST(ctx, exset_alloc(ctx, modes, sizeof *other, &other));
  for (int which = 0; which < 3; which++) {
    const exset_spectrum_t spectrum = spectrum_of(which);
    exset_amplitude_t *a;
    MUST(ctx, exset_amplitude_create(ctx, n, voxel, &spectrum, &a));
    fill_all(ctx, a, n, 16, all);
    check_formula(ctx, a, n, all);
    for (int64_t tile = 2; tile <= 10; tile += 4) {
      fill_all(ctx, a, n, tile, other);
      CHECK(memcmp(all, other, (size_t)modes * sizeof *all) == 0);
    }
    exset_amplitude_destroy(&a);
  }
  free(all);
  free(other);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_box(ctx, 8, 6, 10);
  check_box(ctx, 7, 9, 5);
  check_box(ctx, 6, 5, 12);
  check_box(ctx, 3, 4, 7);
  check_box(ctx, 1, 12, 8);
  check_box(ctx, 16, 1, 9);
  check_box(ctx, 2, 2, 2);
  check_box(ctx, 5, 4, 1);
  check_box(ctx, 34, 3, 70);
  check_box(ctx, 259, 2, 6); /* more than one batch in a column */
  check_box(ctx, 384, 4, 4);
  return test_end(ctx);
}
