/* test: np="1 3" time=60 */
/*
 * Realisations have the covariance, the marginals and the phase fractions of their model. Estimates are means over
 * independent realisations; each must lie within 4.5 standard errors (from their spread) of the closed value:
 * with about 60 checks a correct program fails with probability 1e-3, once for all as seeds are fixed.
 */
#include "exset/label.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REALISATIONS = 40, LAGS = 7 };
static const int64_t n[3] = {20, 32, 27};
static const double voxel[3] = {0.6, 0.5, 0.4};
static const int64_t lag[LAGS][3] = {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {1, 0, 0},
                                     {2, 1, 3}, {0, 5, 0}, {4, 0, 2}};

/* rho(h) = sum of S cos(k h), naive, from double-precision densities of one-term spectra. */
static double correlation(const exset_spectrum_t *s, const int64_t h[3]) {
  double sum = 0, all = 0;
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) {
        const double kz = exset_wavenumber(z, n[0], voxel[0]);
        const double ky = exset_wavenumber(y, n[1], voxel[1]);
        const double kx = exset_wavenumber(x, n[2], voxel[2]);
        const double f = exp(exset_term_log_density(&s->term[0], kx * kx + ky * ky, kz * kz));
        all += f;
        sum += f * cos(kz * voxel[0] * (double)h[0] + ky * voxel[1] * (double)h[1] +
                       kx * voxel[2] * (double)h[2]);
      }
  const double at_zero = h[0] == 0 && h[1] == 0 && h[2] == 0;
  return (1 - s->nugget) * sum / all + s->nugget * at_zero;
}

typedef struct {
  double sum, square;
} mean_t;

static void add(mean_t *m, double value) {
  m->sum += value;
  m->square += value * value;
}

static void check_mean(const mean_t *m, double expected, const char *what, int i) {
  const double mean = m->sum / REALISATIONS;
  const double variance = (m->square / REALISATIONS - mean * mean) / (REALISATIONS - 1);
  const double se = sqrt(fmax(variance, 0));
  CHECK_MSG(fabs(mean - expected) <= 4.5 * se + 1e-6, "%s %d: %g, expected %g, standard error %g",
            what, i, mean, expected, se);
}

/* One rank holds the whole field: gather by sums of zero-padded copies. */
static void share(exset_ctx_t *ctx, const exset_grid_t *grid, const float *part, float *all) {
  const int64_t plane = n[1] * n[2], cells = n[0] * plane;
  memset(all, 0, (size_t)cells * sizeof *all);
  memcpy(all + grid->z0 * plane * (grid->nz_local > 0), part,
         (size_t)(grid->nz_local * plane) * sizeof *all);
  MPI_Allreduce(MPI_IN_PLACE, all, (int)cells, MPI_FLOAT, MPI_SUM, ctx->comm);
}

static double lag_mean(const float *x, const int64_t h[3]) {
  double sum = 0;
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t i = 0; i < n[2]; i++) {
        const int64_t other = (((z + h[0]) % n[0]) * n[1] + (y + h[1]) % n[1]) * n[2];
        sum += (double)x[(z * n[1] + y) * n[2] + i] * x[other + (i + h[2]) % n[2]];
      }
  return sum / (double)(n[0] * n[1] * n[2]);
}

static exset_model_t make_model(int dof, double coupling) {
  exset_model_t model;
  memset(&model, 0, sizeof model);
  model.n_fields = 2;
  const exset_term_t term[2] = {{EXSET_FAMILY_MATERN, 1, 1.2, 0.9, 1.5, 0},
                                {EXSET_FAMILY_RING, 1, 0.5, 0.7, 0, 0.3}};
  for (int f = 0; f < 2; f++) {
    model.field[f].dof = 1;
    model.field[f].fraction = f ? 0.55 : 0.35;
    model.field[f].spectrum.n_terms = 1;
    model.field[f].spectrum.term[0] = term[f];
    model.field[f].spectrum.nugget = f ? 0.08 : 0;
  }
  if (dof > 0) {
    model.field[1].type = EXSET_FIELD_CHI_SQUARE;
    model.field[1].dof = dof;
  }
  model.field[1].coupling = coupling;
  return model;
}

static void check_model(exset_ctx_t *ctx, int dof, double coupling) {
  const exset_model_t model = make_model(dof, coupling);
  static const double level[3] = {0.1, 0.5, 0.9};
  exset_grid_t grid;
  exset_sampler_t *sampler;
  uint8_t *phase;
  float *field[2], *all;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_sampler_create(ctx, &grid, NULL, &sampler));
  const int64_t cells = exset_grid_cells_local(&grid), total = exset_grid_cells(&grid);
  MUST(ctx, exset_alloc(ctx, cells, 1, &phase));
  for (int f = 0; f < 2; f++) MUST(ctx, exset_alloc(ctx, cells, sizeof(float), &field[f]));
  MUST(ctx, exset_alloc(ctx, total, sizeof *all, &all));

  mean_t covariance[2][LAGS] = {{{0, 0}}}, marginal[3] = {{0, 0}}, fraction[3] = {{0, 0}};
  mean_t cross = {0, 0};
  for (int r = 0; r < REALISATIONS; r++) {
    MUST(ctx, exset_label_volume(ctx, sampler, &model, 42, (uint64_t)r, phase, field, NULL));
    double count[3] = {0}, products = 0;
    for (int64_t i = 0; i < cells; i++) {
      count[phase[i] - 1]++;
      products += (double)field[0][i] * field[1][i];
    }
    MPI_Allreduce(MPI_IN_PLACE, count, 3, MPI_DOUBLE, MPI_SUM, ctx->comm);
    MPI_Allreduce(MPI_IN_PLACE, &products, 1, MPI_DOUBLE, MPI_SUM, ctx->comm);
    for (int p = 0; p < 3; p++) add(&fraction[p], count[p] / (double)total);
    add(&cross, products / (double)total);
    for (int f = 0; f < 2; f++) {
      share(ctx, &grid, field[f], all);
      for (int h = 0; h < LAGS; h++) add(&covariance[f][h], lag_mean(all, lag[h]));
    }
    for (int l = 0; l < 3; l++) { /* all holds the second field */
      exset_field_t at = model.field[1];
      at.fraction = level[l];
      const double threshold = exset_field_threshold(&at);
      double above = 0;
      for (int64_t i = 0; i < total; i++) above += all[i] >= threshold;
      add(&marginal[l], above / (double)total);
    }
  }
  double expected[3];
  exset_model_fractions(&model, expected);
  for (int p = 0; p < 3; p++) check_mean(&fraction[p], expected[p], "fraction of phase", p + 1);
  for (int l = 0; l < 3; l++) check_mean(&marginal[l], level[l], "marginal", l);
  const double c = coupling, shared = c / sqrt(1 + c * c);
  check_mean(&cross, shared, "correlation of the fields", 0);
  for (int h = 0; h < LAGS; h++) {
    const double r1 = correlation(&model.field[0].spectrum, lag[h]);
    const double r2 = correlation(&model.field[1].spectrum, lag[h]);
    check_mean(&covariance[0][h], r1, "covariance of field 1, lag", h);
    /* E X X' = m^2 + 2 m rho^2 for chi-square fields */
    check_mean(&covariance[1][h],
               dof > 0 ? (double)dof * dof + 2 * dof * r2 * r2 : (r2 + c * c * r1) / (1 + c * c),
               "covariance of field 2, lag", h);
  }
  free(all);
  free(field[0]);
  free(field[1]);
  free(phase);
  exset_sampler_destroy(&sampler);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_model(ctx, 0, 0);
  check_model(ctx, 0, 0.8);
  check_model(ctx, 1, 0);
  check_model(ctx, 4, 0);
  return test_end(ctx);
}
