/* Sections of a model made in the tests: one c2r transform in double precision for each Gaussian
 * component, with the projected spectrum (section theorem). Serial, the same on every rank. */
#ifndef EXSET_TEST_SECTIONS_H
#define EXSET_TEST_SECTIONS_H

#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "exset/fft_serial.h"
#include "exset/image.h"
#include "exset/phase.h"
#include "test.h"

static double test_uniform(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
}

static double test_normal(uint64_t *state) {
  const double u = test_uniform(state);
  return sqrt(-2 * log(u)) * cos(2 * M_PI * test_uniform(state));
}

/* One realisation of a unit-variance Gaussian field on the section's periodic n x n grid. */
static void test_gaussian(const exset_fft_serial_t *plan, int64_t n, const double *s2, int64_t cols,
                          uint64_t *state, double complex *modes, double *z) {
  for (int64_t k = 0; k < n * n; k++) z[k] = test_normal(state);
  exset_fft_serial_forward(plan, z, modes);
  for (int64_t i = 0; i < n; i++) {
    const int64_t row = i <= n / 2 ? i : n - i;
    for (int64_t j = 0; j < cols; j++) modes[i * cols + j] *= sqrt(s2[row * cols + j]) / (double)n;
  }
  exset_fft_serial_inverse(plan, modes, z);
}

/* Append `count` n x n sections of a model without coupling. */
static void test_sections(exset_ctx_t *ctx, const exset_model_t *model, int64_t n,
                          const double voxel[3], exset_orient_t orient, int count, uint64_t seed,
                          exset_sections_t *sections) {
  const int64_t grid[3] = {n, n, n}, shape[2] = {n, n};
  exset_projection_t *projection;
  MUST(ctx,
       exset_projection_create(
           ctx, grid, voxel, orient == EXSET_ORIENT_XY ? EXSET_AXIS_Z : EXSET_AXIS_Y, &projection));
  int64_t rows, cols;
  const double *multiplicity;
  exset_projection_shape(projection, &rows, &cols, &multiplicity);
  exset_fft_serial_t *plan;
  MUST(ctx, exset_fft_serial_create(ctx, 2, shape, EXSET_FFT_SERIAL_ESTIMATE, &plan));
  double *s2[EXSET_MAX_FIELDS], *z, *x;
  double complex *modes;
  MUST(ctx, exset_alloc(ctx, n * n, sizeof(double), &z));
  MUST(ctx, exset_alloc(ctx, n * n, sizeof(double), &x));
  MUST(ctx, exset_alloc(ctx, n * cols, sizeof *modes, &modes));
  for (int a = 0; a < model->n_fields; a++) {
    MUST(ctx, exset_alloc(ctx, rows * cols, sizeof(double), &s2[a]));
    MUST(ctx, exset_projection_apply(projection, &model->field[a].spectrum, s2[a]));
  }
  uint64_t state = seed;
  sections->n_phases = model->n_fields + 1;
  sections->section =
      realloc(sections->section, (size_t)(sections->n + count) * sizeof(exset_section_t));
  for (int s = 0; s < count; s++) {
    exset_section_t section = {.rows = n, .cols = n, .orient = orient};
    MUST(ctx, exset_alloc(ctx, n * n, 1, &section.phase));
    for (int a = 0; a < model->n_fields; a++) {
      const exset_field_t *field = &model->field[a];
      const double threshold = exset_field_threshold(field);
      for (int64_t k = 0; k < n * n; k++) x[k] = 0;
      for (int m = 0; m < field->dof; m++) {
        test_gaussian(plan, n, s2[a], cols, &state, modes, z);
        for (int64_t k = 0; k < n * n; k++)
          x[k] += field->type == EXSET_FIELD_CHI_SQUARE ? z[k] * z[k] : z[k];
      }
      for (int64_t k = 0; k < n * n; k++)
        if (section.phase[k] == 0 && (field->below ? x[k] <= threshold : x[k] >= threshold))
          section.phase[k] = (uint8_t)(a + 1);
    }
    for (int64_t k = 0; k < n * n; k++)
      if (section.phase[k] == 0) section.phase[k] = (uint8_t)(model->n_fields + 1);
    sections->section[sections->n++] = section;
  }
  for (int a = 0; a < model->n_fields; a++) free(s2[a]);
  free(z);
  free(x);
  free(modes);
  exset_fft_serial_destroy(&plan);
  exset_projection_destroy(&projection);
}

#endif
