/* test: np="2" time=60 */
/*
 * From model to twin to coverage functions: the estimate of a periodic 3D twin against the closed form of its model;
 * planes of the twin as sections against the twin as a volume; periodic against not.
 * The twin holds about 20000 correlation volumes, so fractions and C_ij have standard deviations below 0.004; allowed
 * are 0.016, more than 4 of them (fixed seed).
 */
#include "exset/coverage.h"
#include "exset/label.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EDGE = 160, PHASES = 3 };
static const double length_xy[2] = {1.0, 1.2}, length_z[2] = {0.75, 0.9}; /* micrometres */
static const double voxel[3] = {0.25, 0.25, 0.25};

static exset_model_t make_model(void) {
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 2;
  for (int f = 0; f < 2; f++) {
    exset_field_t *field = &model.field[f];
    field->type = f == 0 ? EXSET_FIELD_GAUSSIAN : EXSET_FIELD_CHI_SQUARE;
    field->dof = f == 0 ? 1 : 2;
    field->below = f == 1;
    field->fraction = f == 0 ? 0.3 : 0.6;
    field->spectrum.n_terms = 1;
    field->spectrum.term[0] =
        (exset_term_t){EXSET_FAMILY_GAUSSIAN, 1.0, length_xy[f], length_z[f], 1.5, 0.3};
  }
  return model;
}

static void check_closed_form(exset_ctx_t *ctx, const exset_model_t *model,
                              const exset_coverage_t *c) {
  double *rho, *expected, fraction[2];
  exset_pair_t *pair[2];
  MUST(ctx, exset_alloc(ctx, 2 * c->n_lags, sizeof *rho, &rho));
  MUST(ctx, exset_alloc(ctx, PHASES * PHASES * c->n_lags, sizeof *expected, &expected));
  for (int f = 0; f < 2; f++) {
    MUST(ctx, exset_pair_create(ctx, &model->field[f], &pair[f]));
    fraction[f] = model->field[f].fraction;
    for (int64_t lag = 0; lag < c->n_lags; lag++) {
      const double r = c->h_r[lag] / length_xy[f], z = c->h_z[lag] / length_z[f];
      rho[f * c->n_lags + lag] = exp(-r * r - z * z);
    }
  }
  exset_coverage_model(2, pair, fraction, c->n_lags, rho, expected);
  double worst = 0, sum = 0;
  for (int64_t k = 0; k < PHASES * PHASES * c->n_lags; k++) {
    worst = fmax(worst, fabs(c->c[k] - expected[k]));
    sum += c->c[k];
  }
  CHECK_NEAR(worst, 0, 0.016);
  CHECK_NEAR(sum / (double)c->n_lags, 1, 1e-9); /* all pairs of phases at each lag */
  for (int f = 0; f < 2; f++) exset_pair_destroy(&pair[f]);
  free(rho);
  free(expected);
}

/* This rank's planes as sections: their pairs are those of the volume at h_z = 0. */
static void check_planes(exset_ctx_t *ctx, const exset_volume_t *volume, const exset_coverage_t *c,
                         double max_lag) {
  const int64_t plane = volume->grid.n[1] * volume->grid.n[2], n = volume->grid.nz_local;
  exset_coverage_t *part, pooled;
  int64_t n_r = 1;
  while (n_r < c->n_lags && c->h_z[n_r] == 0) n_r++;
  MUST(ctx, exset_alloc(ctx, n, sizeof *part, &part));
  double *sum; /* [PHASES * PHASES + 1][n_r] */
  MUST(ctx, exset_alloc(ctx, (PHASES * PHASES + 1) * n_r, sizeof *sum, &sum));
  for (int64_t z = 0; z < n; z++) {
    const exset_section_t section = {volume->grid.n[1], volume->grid.n[2],
                                     volume->phase + z * plane, EXSET_ORIENT_XY};
    MUST(ctx, exset_coverage_section(ctx, &section, PHASES, voxel + 1, max_lag, EXSET_LAGS_RADIAL,
                                     &part[z]));
  }
  MUST(ctx, exset_coverage_pool(ctx, (int)n, part, -1, &pooled));
  CHECK(pooled.n_lags == n_r);
  for (int64_t r = 0; r < n_r; r++) {
    sum[PHASES * PHASES * n_r + r] = pooled.pairs[r];
    for (int k = 0; k < PHASES * PHASES; k++)
      sum[k * n_r + r] = pooled.pairs[r] * pooled.c[k * n_r + r];
  }
  MUST(ctx, exset_mpi_check(ctx,
                            MPI_Allreduce(MPI_IN_PLACE, sum, (PHASES * PHASES + 1) * (int)n_r,
                                          MPI_DOUBLE, MPI_SUM, ctx->comm),
                            __FILE__, __LINE__));
  double worst = 0;
  for (int64_t r = 0; r < n_r; r++) {
    const double pairs = sum[PHASES * PHASES * n_r + r];
    CHECK_NEAR(c->pairs[r] / pairs, 1, 1e-12);
    for (int k = 0; k < PHASES * PHASES; k++)
      worst = fmax(worst, fabs(sum[k * n_r + r] / pairs - c->c[k * c->n_lags + r]));
  }
  CHECK_NEAR(worst, 0, 1e-12); /* counts are rounded; sections in double precision */
  for (int64_t z = 0; z < n; z++) exset_coverage_clear(&part[z]);
  exset_coverage_clear(&pooled);
  free(part);
  free(sum);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t n[3] = {EDGE, EDGE, EDGE};
  exset_grid_t grid;
  exset_volume_t volume;
  exset_sampler_t *sampler;
  exset_model_t model = make_model();
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, PHASES, &volume));
  MUST(ctx, exset_sampler_create(ctx, &grid, NULL, &sampler));
  MUST(ctx, exset_label_volume(ctx, sampler, &model, 5, 0, volume.phase, NULL, NULL));
  exset_sampler_destroy(&sampler);
  exset_coverage_t rz, radial, open;
  MUST(ctx, exset_coverage_volume(ctx, &volume, true, 4, EXSET_LAGS_RZ, &rz));
  check_closed_form(ctx, &model, &rz);
  MUST(ctx, exset_coverage_volume(ctx, &volume, false, 4, EXSET_LAGS_RZ, &open));
  check_closed_form(ctx, &model, &open);
  check_planes(ctx, &volume, &open, 4);
  MUST(ctx, exset_coverage_volume(ctx, &volume, true, 4, EXSET_LAGS_RADIAL, &radial));
  CHECK_NEAR(radial.c[0], rz.c[0], 1e-7);
  for (int i = 0; i < PHASES; i++) {
    double fraction[PHASES];
    exset_model_fractions(&model, fraction);
    const double half = exset_coverage_fraction_ci95(&radial, i, 3, voxel, radial.pairs[0]);
    CHECK(half > 0.001 && half < 0.02);
    CHECK_NEAR(radial.c[exset_coverage_index(&radial, i, i)], fraction[i], 2 * half);
  }
  exset_coverage_clear(&rz);
  exset_coverage_clear(&radial);
  exset_coverage_clear(&open);
  exset_volume_clear(&volume);
  exset_model_clear(&model);
  return test_end(ctx);
}
