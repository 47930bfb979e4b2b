/* test: np="1" time=60 */
/*
 * The same box at half the voxel size is the same microstructure: equal noise mode by mode up to the coarse grid's
 * Nyquist wavenumber, fields and labels that agree where cells coincide, equal covariance in micrometres.
 */
#include "exset/label.h"
#include "test_modes.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t fine_index(int64_t i,
                          int64_t n) { /* of the same signed wavenumber, n cells to 2 n */
  return 2 * i <= n ? i : i + n;
}

/* a W / a of each coarse mode below Nyquist equals that of the fine grid's mode. Serial. */
static void check_modes(exset_ctx_t *ctx, const exset_spectrum_t *spectrum, const int64_t n[3],
                        const double voxel[3]) {
  const int64_t m[3] = {2 * n[0], 2 * n[1], 2 * n[2]};
  const double half[3] = {voxel[0] / 2, voxel[1] / 2, voxel[2] / 2};
  exset_amplitude_t *a[2];
  float *column[2];
  float complex *modes[2];
  for (int g = 0; g < 2; g++) {
    const int64_t *size = g ? m : n;
    MUST(ctx, exset_amplitude_create(ctx, size, g ? half : voxel, spectrum, &a[g]));
    MUST(ctx, exset_alloc(ctx, exset_amplitude_column_size(a[g]), sizeof(float), &column[g]));
    MUST(ctx, exset_alloc(ctx, size[0] * size[1] * (size[2] / 2 + 1), sizeof **modes, &modes[g]));
    test_modes(ctx, a[g], size, (exset_draw_t){9, 0, 1}, 2, modes[g]);
  }
  double worst = 0;
  for (int64_t y = 0; y < n[1]; y++)
    for (int64_t x = 0; 2 * x < n[2]; x++) {
      if (2 * y == n[1]) continue;
      const int64_t fy = fine_index(y, n[1]);
      exset_amplitude_column(a[0], x, y, column[0]);
      exset_amplitude_column(a[1], x, fy, column[1]);
      for (int64_t z = 0; z < n[0]; z++) {
        if (2 * z == n[0]) continue;
        const int64_t fz = fine_index(z, n[0]), low = z < n[0] - z ? z : n[0] - z;
        const float complex w = modes[0][(y * n[0] + z) * (n[2] / 2 + 1) + x] / column[0][low];
        const float complex v = modes[1][(fy * m[0] + fz) * (m[2] / 2 + 1) + x] / column[1][low];
        worst = fmax(worst, cabsf(w - v));
      }
    }
  CHECK_MSG(worst < 2e-6, "noise differs by %g", worst);
  for (int g = 0; g < 2; g++) {
    exset_amplitude_destroy(&a[g]);
    free(column[g]);
    free(modes[g]);
  }
}

typedef struct {
  exset_grid_t grid;
  float *field;
  uint8_t *phase;
} twin_t;

static void make_twin(exset_ctx_t *ctx, const exset_model_t *model, const int64_t n[3],
                      const double voxel[3], twin_t *t) {
  exset_sampler_t *sampler;
  const exset_sampler_options_t measured = {{0, 0}, true};
  MUST(ctx, exset_grid_init(ctx, n, voxel, &t->grid));
  MUST(ctx, exset_sampler_create(ctx, &t->grid, &measured, &sampler));
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(&t->grid), sizeof(float), &t->field));
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(&t->grid), 1, &t->phase));
  MUST(ctx, exset_label_volume(ctx, sampler, model, 4, 1, t->phase, &t->field, NULL));
  exset_sampler_destroy(&sampler);
}

/* Cells stand for points at multiples of the voxel size, so every second fine cell coincides with a
 * coarse one. */
static void check_twins(exset_ctx_t *ctx, const exset_model_t *model, const int64_t n[3],
                        const double voxel[3]) {
  const int64_t m[3] = {2 * n[0], 2 * n[1], 2 * n[2]};
  const double half[3] = {voxel[0] / 2, voxel[1] / 2, voxel[2] / 2};
  twin_t coarse, fine;
  make_twin(ctx, model, n, voxel, &coarse);
  make_twin(ctx, model, m, half, &fine);
  double square = 0, covariance[2] = {0, 0}, count = 0, equal = 0;
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) {
        const int64_t i = (z * n[1] + y) * n[2], j = (2 * z * m[1] + 2 * y) * m[2];
        const double u = coarse.field[i + x], v = fine.field[j + 2 * x];
        square += (u - v) * (u - v);
        covariance[0] += u * coarse.field[i + (x + 1) % n[2]];
        covariance[1] += v * fine.field[j + (2 * x + 2) % m[2]];
        equal += coarse.phase[i + x] == fine.phase[j + 2 * x];
        count++;
      }
  /* the modes beyond Nyquist hold little of the variance of this smooth field */
  const double lost = exset_spectrum_lost(&model->field[0].spectrum, voxel);
  CHECK_MSG(lost > 1e-6 && lost < 1e-3, "share beyond Nyquist %g", lost);
  CHECK_MSG(square / count < 4 * lost, "mean square difference %g, share beyond Nyquist %g",
            square / count, lost);
  CHECK_MSG(equal / count > 0.98, "only %g of the labels agree", equal / count);
  CHECK_NEAR(covariance[0] / count, covariance[1] / count, 2e-3);
  free(coarse.field);
  free(coarse.phase);
  free(fine.field);
  free(fine.phase);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv), *alone;
  MUST(ctx, exset_ctx_create(MPI_COMM_SELF, &alone));
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 1;
  model.field[0] = (exset_field_t){EXSET_FIELD_GAUSSIAN, 1, false, 0.4, 0, {0}};
  model.field[0].spectrum.n_terms = 1;
  model.field[0].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1, 2.4, 2, 2, 0};
  check_modes(alone, &model.field[0].spectrum, (const int64_t[3]){12, 10, 16},
              (const double[3]){0.5, 0.6, 0.4});
  check_modes(alone, &model.field[0].spectrum, (const int64_t[3]){9, 7, 11},
              (const double[3]){0.5, 0.6, 0.4});
  check_twins(alone, &model, (const int64_t[3]){24, 20, 32}, (const double[3]){0.4, 0.5, 0.4});
  exset_ctx_destroy(&alone);
  return test_end(ctx);
}
