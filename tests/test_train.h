/* Cases for the tests of training: small models, sections drawn from them, options. */
#ifndef EXSET_TEST_TRAIN_H
#define EXSET_TEST_TRAIN_H

#include <stdlib.h>

#include "exset/train.h"
#include "test.h"

/* A Gaussian field with lengths 6 (z: 6 * aspect) and a chi-square one with 4. */
static exset_model_t train_model(double aspect) {
  exset_model_t model = {.n_fields = 2};
  model.field[0] = (exset_field_t){.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = 0.40};
  model.field[1] = (exset_field_t){.type = EXSET_FIELD_CHI_SQUARE, .dof = 2, .fraction = 0.30};
  model.field[0].spectrum.n_terms = model.field[1].spectrum.n_terms = 1;
  model.field[0].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_GAUSSIAN, 1, 6, 6 * aspect, 1, 1};
  model.field[1].spectrum.term[0] = (exset_term_t){EXSET_FAMILY_MATERN, 1, 4, 4 * aspect, 1.5, 1};
  return model;
}

/* Append n x n sections that the plane module draws. */
static void train_sections(exset_ctx_t *ctx, const exset_model_t *model, int64_t n, int normal,
                           int count, uint64_t seed, exset_sections_t *sections) {
  const int64_t box[3] = {n, n, n};
  const double voxel[3] = {1, 1, 1};
  exset_plane_t *plane;
  MUST(ctx, exset_plane_create(ctx, model, box, voxel, normal, 1, &plane));
  MUST(ctx, exset_plane_model(plane, model));
  sections->n_phases = model->n_fields + 1;
  sections->section =
      realloc(sections->section, (size_t)(sections->n + count) * sizeof *sections->section);
  for (int s = 0; s < count; s++) {
    exset_section_t section = {.rows = n, .cols = n};
    section.orient = normal == EXSET_AXIS_Z ? EXSET_ORIENT_XY : EXSET_ORIENT_XZ;
    MUST(ctx, exset_alloc(ctx, n * n, 1, &section.phase));
    MUST(ctx, exset_plane_labels(plane, seed, (uint64_t)s, section.phase));
    sections->section[sections->n++] = section;
  }
  exset_plane_destroy(&plane);
}

/* Options of a small, quick training. */
static exset_train_options_t train_options(exset_method_t method) {
  return (exset_train_options_t){.method = method,
                                 .start_given = true,
                                 .steps = 15,
                                 .weight = 1,
                                 .patch = 32,
                                 .batch = 8,
                                 .box = 64,
                                 .temperature = 0.2,
                                 .temperature_end = 0.2,
                                 .width = 16,
                                 .layers = 3,
                                 .rate_network = 5e-4,
                                 .rate_model = 1e-2,
                                 .rate_end = 1,
                                 .ensemble = 1};
}

static const exset_calibrate_options_t train_defaults = {.voxel = {1, 1, 1},
                                                         .max_lag = 16,
                                                         .starts = 1,
                                                         .seed = 3,
                                                         .max_iterations = 500,
                                                         .smoothness = 1e-3};

#endif
