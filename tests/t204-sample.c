/* test: np="1 2 3 4 6" time=60 */
/*
 * Realisations on small odd, even and flat boxes: Hermitian noise, the field as a naive Fourier sum, and equality, to the
 * bit, of what all ranks draw together on any process grid with what one rank draws alone.
 */
#include "exset/label.h"
#include "test_modes.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static exset_model_t three_phases(void) {
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 2;
  model.field[0] = (exset_field_t){EXSET_FIELD_GAUSSIAN, 1, false, 0.3, 0, {0}};
  model.field[1] = (exset_field_t){EXSET_FIELD_CHI_SQUARE, 3, true, 0.6, 0, {0}};
  for (int f = 0; f < 2; f++) {
    model.field[f].spectrum.n_terms = 1;
    model.field[f].spectrum.term[0] =
        (exset_term_t){f ? EXSET_FAMILY_GAUSSIAN : EXSET_FAMILY_MATERN, 1, 2, 1.5, 1.5, 0};
    model.field[f].spectrum.nugget = 0.05 * f;
  }
  return model;
}

static const float complex *mode_at(const float *all, const int64_t n[3], int64_t z, int64_t y,
                                    int64_t x) {
  return (const float complex *)all + (y * n[0] + z) * (n[2] / 2 + 1) + x;
}

/* On the planes k_x = 0 and nx/2 each mode is the conjugate of its mirror image. */
static void check_hermitian(const int64_t n[3], const float *all) {
  int wrong = 0;
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t z = 0; z < n[0]; z++)
      for (int64_t x = 0; x <= n[2] / 2; x++) {
        if (x > 0 && 2 * x != n[2]) continue;
        const float complex a = *mode_at(all, n, z, y, x);
        const float complex b = *mode_at(all, n, (n[0] - z) % n[0], (n[1] - y) % n[1], x);
        wrong += !(crealf(a) == crealf(b) && cimagf(a) == -cimagf(b));
      }
  CHECK_MSG(wrong == 0, "%d modes are not the conjugates of their mirror images", wrong);
}

static double naive_field(const int64_t n[3], const float *all, int64_t z, int64_t y, int64_t x) {
  double sum = 0;
  for (int64_t ky = 0; ky < n[1]; ky++)
    for (int64_t kz = 0; kz < n[0]; kz++)
      for (int64_t kx = 0; kx <= n[2] / 2; kx++) {
        const double angle = 2 * M_PI *
                             ((double)(kz * z) / (double)n[0] + (double)(ky * y) / (double)n[1] +
                              (double)(kx * x) / (double)n[2]);
        const double part = creal(*mode_at(all, n, kz, ky, kx) * cexp(I * angle));
        sum += kx == 0 || 2 * kx == n[2] ? part : 2 * part;
      }
  return sum;
}

typedef struct {
  exset_grid_t grid;
  exset_sampler_t *sampler;
  uint8_t *phase;
  float *field[2];
} twin_t;

static void twin_create(exset_ctx_t *ctx, const int64_t n[3],
                        const exset_sampler_options_t *options, twin_t *t) {
  const double voxel[3] = {0.6, 0.5, 0.4};
  MUST(ctx, exset_grid_init(ctx, n, voxel, &t->grid));
  MUST(ctx, exset_sampler_create(ctx, &t->grid, options, &t->sampler));
  const int64_t cells = exset_grid_cells_local(&t->grid);
  MUST(ctx, exset_alloc(ctx, cells, 1, &t->phase));
  for (int f = 0; f < 2; f++) MUST(ctx, exset_alloc(ctx, cells, sizeof(float), &t->field[f]));
}

static void twin_clear(twin_t *t) {
  exset_sampler_destroy(&t->sampler);
  free(t->phase);
  free(t->field[0]);
  free(t->field[1]);
}

/* Spectrum of field 1, its checks, and its transform. */
static void check_spectrum(exset_ctx_t *ctx, const exset_model_t *model, twin_t *all) {
  const int64_t *n = all->grid.n;
  const exset_draw_t draw = {11, 3, 0};
  exset_amplitude_t *a;
  float complex *modes;
  float *real;
  MUST(ctx, exset_amplitude_create(ctx, n, all->grid.voxel, &model->field[0].spectrum, &a));
  MUST(ctx, exset_alloc(ctx, n[0] * n[1] * (n[2] / 2 + 1), sizeof *modes, &modes));
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(&all->grid), sizeof *real, &real));
  test_modes(ctx, a, n, draw, 0, modes);
  exset_amplitude_destroy(&a);
  check_hermitian(n, (const float *)modes);
  MUST(ctx, exset_sampler_values(ctx, all->sampler, &model->field[0], draw, real));
  double worst = 0;
  for (int64_t z = 0; z < all->grid.nz_local; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++)
        worst = fmax(worst, fabs(real[(z * n[1] + y) * n[2] + x] -
                                 naive_field(n, (const float *)modes, all->grid.z0 + z, y, x)));
  CHECK_MSG(worst < 4e-6, "field differs from the Fourier sum by %g", worst);
  free(modes);
  free(real);
}

/* Phases and fields of all ranks against those of one rank. */
static void check_labels(exset_ctx_t *ctx, exset_ctx_t *alone, const exset_model_t *model,
                         twin_t *all, twin_t *one) {
  const int64_t cells = exset_grid_cells_local(&all->grid);
  const int64_t start = all->grid.z0 * all->grid.n[1] * all->grid.n[2];
  MUST(ctx, exset_label_volume(ctx, all->sampler, model, 5, 2, all->phase, all->field, NULL));
  MUST(alone, exset_label_volume(alone, one->sampler, model, 5, 2, one->phase, one->field, NULL));
  int64_t differ = 0, wrong = 0;
  const double l1 = exset_field_threshold(&model->field[0]);
  const double l2 = exset_field_threshold(&model->field[1]);
  for (int64_t i = 0; i < cells; i++) {
    const double x1 = all->field[0][i], x2 = all->field[1][i];
    differ += all->phase[i] != one->phase[start + i];
    differ += x1 != one->field[0][start + i] || x2 != one->field[1][start + i];
    wrong += all->phase[i] != (x1 >= (float)l1 ? 1 : x2 <= (float)l2 ? 2 : 3);
  }
  CHECK(wrong == 0);
  CHECK_MSG(differ == 0, "%lld cells differ from those of one rank", (long long)differ);
}

static void check_box(exset_ctx_t *ctx, exset_ctx_t *alone, int64_t nz, int64_t ny, int64_t nx) {
  const int64_t n[3] = {nz, ny, nx};
  const exset_model_t model = three_phases();
  twin_t all, one;
  twin_create(alone, n, NULL, &one);
  for (int q = 1; q <= ctx->size; q++) {
    if (ctx->size % q) continue;
    const exset_sampler_options_t options = {{ctx->size / q, q}, false};
    twin_create(ctx, n, &options, &all);
    check_spectrum(ctx, &model, &all);
    check_labels(ctx, alone, &model, &all, &one);
    twin_clear(&all);
  }
  twin_clear(&one);
}

/*
 * E |W|^2 = 1 and E W = 0 for each mode, real ones included; E W^2 = 0 for complex ones, 1 for real ones. Bounds: 5 standard
 * errors for each of about 800 figures; a correct generator fails with probability 5e-4, once for all.
 */
static void check_variance(exset_ctx_t *alone, int64_t nz, int64_t ny, int64_t nx) {
  enum { DRAWS = 2000 };
  const int64_t n[3] = {nz, ny, nx}, modes = nz * ny * (nx / 2 + 1);
  const double voxel[3] = {1, 1, 1};
  exset_spectrum_t white;
  memset(&white, 0, sizeof white);
  exset_amplitude_t *a;
  float complex *mode;
  double complex *sum;
  MUST(alone, exset_amplitude_create(alone, n, voxel, &white, &a));
  MUST(alone, exset_alloc(alone, 3 * modes, sizeof *sum, &sum));
  MUST(alone, exset_alloc(alone, modes, sizeof *mode, &mode));
  const double scale = sqrt((double)(nz * ny * nx)); /* 1 / a */
  for (int r = 0; r < DRAWS; r++) {
    test_modes(alone, a, n, (exset_draw_t){3, (uint64_t)r, 0}, 0, mode);
    for (int64_t i = 0; i < modes; i++) {
      const double complex w = scale * (double complex)mode[i];
      sum[3 * i] += w / DRAWS;
      sum[3 * i + 1] += w * w / DRAWS;
      sum[3 * i + 2] += w * conj(w) / DRAWS;
    }
  }
  const double se = 1 / sqrt(DRAWS);
  for (int64_t y = 0; y < ny; y++)
    for (int64_t z = 0; z < nz; z++)
      for (int64_t x = 0; x <= nx / 2; x++) {
        const double complex *s = sum + 3 * ((y * nz + z) * (nx / 2 + 1) + x);
        const bool real = 2 * z % nz == 0 && 2 * y % ny == 0 && 2 * x % nx == 0;
        CHECK_NEAR(cabs(s[0]), 0, 5 * se);
        CHECK_NEAR(cabs(s[1]), real ? 1 : 0, 5 * se * (real ? M_SQRT2 : 1));
        CHECK_NEAR(creal(s[2]), 1, 5 * se * (real ? M_SQRT2 : 1));
      }
  free(sum);
  free(mode);
  exset_amplitude_destroy(&a);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv), *alone;
  MUST(ctx, exset_ctx_create(MPI_COMM_SELF, &alone));
  check_box(ctx, alone, 8, 6, 10);
  check_box(ctx, alone, 7, 9, 5);
  check_box(ctx, alone, 6, 5, 12);
  check_box(ctx, alone, 3, 4, 7);
  check_box(ctx, alone, 1, 12, 8);
  check_box(ctx, alone, 16, 1, 9);
  check_box(ctx, alone, 2, 2, 2);
  check_box(ctx, alone, 5, 4, 1);
  check_box(ctx, alone, 3, 2, 259); /* more than one batch in a row */
  check_box(ctx, alone, 131, 2, 4); /* and in a column */
  if (ctx->rank == 0) check_variance(alone, 4, 6, 4);
  if (ctx->rank == 0) check_variance(alone, 5, 4, 3);
  exset_ctx_destroy(&alone);
  return test_end(ctx);
}
