/* Models of all kinds, their numbers one by one, and fields found back from soft phases, for the plane tests. */
#ifndef EXSET_TEST_PLANE_H
#define EXSET_TEST_PLANE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/plane.h"
#include "test.h"

static const exset_term_t plane_terms[3] = {{EXSET_FAMILY_MATERN, 1.0, 2.0, 1.4, 1.5, 0},
                                            {EXSET_FAMILY_GAUSSIAN, 0.6, 1.5, 2.0, 0, 0},
                                            {EXSET_FAMILY_RING, 0.8, 1.2, 0.9, 0, 0.3}};

static inline exset_field_t plane_field_of(int dof, bool below, double fraction) {
  exset_field_t field = {.dof = dof > 0 ? dof : 1, .below = below, .fraction = fraction};
  field.type = dof > 0 ? EXSET_FIELD_CHI_SQUARE : EXSET_FIELD_GAUSSIAN;
  return field;
}

/* first, first + 1, ...: terms by number, cyclic */
static inline void plane_use_terms(exset_field_t *field, int first, int n, double nugget) {
  field->spectrum.n_terms = n;
  field->spectrum.nugget = nugget;
  for (int t = 0; t < n; t++) field->spectrum.term[t] = plane_terms[(first + t) % 3];
}

static inline void plane_use_knots(exset_ctx_t *ctx, exset_field_t *field, int nr, int nz) {
  exset_spectrum_t *s = &field->spectrum;
  *s = (exset_spectrum_t){
      .knots_r = nr, .knots_z = nz, .knots_max_r = 5, .knots_max_z = 4, .nugget = 0.02};
  MUST(ctx, exset_alloc(ctx, exset_spectrum_knots(s), sizeof(double), &s->knots));
  for (int j = 0; j < exset_spectrum_knots(s); j++) s->knots[j] = 1.2 + sin(0.9 * j);
}

/* One number of a model, and its derivative. */
typedef struct {
  char name[48];
  double *value, *grad;
} plane_number_t;

static inline void plane_add(plane_number_t *list, int *n, int f, const char *what, int i,
                             double *value, double *grad) {
  snprintf(list[*n].name, sizeof list->name, "field%d_%s_%d", f + 1, what, i + 1);
  list[*n].value = value;
  list[(*n)++].grad = grad;
}

/* Every number that the model has; returns how many. list has room for 400. */
static inline int plane_numbers(exset_model_t *m, exset_model_t *g, plane_number_t *list) {
  int n = 0;
  for (int f = 0; f < m->n_fields; f++) {
    exset_spectrum_t *s = &m->field[f].spectrum, *gs = &g->field[f].spectrum;
    plane_add(list, &n, f, "fraction", 0, &m->field[f].fraction, &g->field[f].fraction);
    if (m->field[f].coupling != 0)
      plane_add(list, &n, f, "coupling", 0, &m->field[f].coupling, &g->field[f].coupling);
    if (s->nugget > 0) plane_add(list, &n, f, "nugget", 0, &s->nugget, &gs->nugget);
    for (int t = 0; t < s->n_terms; t++) {
      exset_term_t *term = &s->term[t], *gt = &gs->term[t];
      plane_add(list, &n, f, "length_xy", t, &term->length_xy, &gt->length_xy);
      plane_add(list, &n, f, "length_z", t, &term->length_z, &gt->length_z);
      if (s->n_terms > 1) plane_add(list, &n, f, "weight", t, &term->weight, &gt->weight);
      if (term->family == EXSET_FAMILY_MATERN) plane_add(list, &n, f, "nu", t, &term->nu, &gt->nu);
      if (term->family == EXSET_FAMILY_RING)
        plane_add(list, &n, f, "width", t, &term->width, &gt->width);
    }
    for (int j = 0; j < exset_spectrum_knots(s); j++)
      plane_add(list, &n, f, "knot", j, &s->knots[j], &gs->knots[j]);
  }
  return n;
}

/* A model for derivatives: the same shape, all numbers 0. */
static inline void plane_zero_gradient(exset_ctx_t *ctx, const exset_model_t *m, exset_model_t *g) {
  plane_number_t list[400];
  memset(g, 0, sizeof *g);
  MUST(ctx, exset_model_copy(ctx, m, g));
  exset_model_t copy = *m; /* its knots are m's, only read */
  const int n = plane_numbers(&copy, g, list);
  for (int i = 0; i < n; i++) *list[i].grad = 0;
}

/* (X - l) / spread, signs turned with below, of all fields from soft phases of temperature 1: u[n_fields][cells]. */
static inline void plane_fields(const exset_model_t *m, int64_t cells, const double *phase,
                                double *u) {
  for (int64_t i = 0; i < cells; i++) {
    for (int f = 0; f < m->n_fields; f++) {
      const double own = phase[f * cells + i];
      double others = 0; /* not 1 - s: that would lose digits */
      for (int b = f + 1; b <= m->n_fields; b++) others += phase[b * cells + i];
      u[f * cells + i] = log(own / others);
    }
  }
}

/* Uniform in (-1, 1), a function of i. */
static inline double plane_random(uint64_t i) {
  uint64_t h = (i + 1) * 0x9E3779B97F4A7C15u;
  h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
  h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
  return (double)(h >> 11) * 0x1p-52 - 1;
}

/* Mean and standard error over realisations. */
typedef struct {
  double sum, square;
  int n;
} plane_mean_t;

static inline void plane_count(plane_mean_t *m, double value) {
  m->sum += value;
  m->square += value * value;
  m->n++;
}

/* Within 4.5 standard errors and a known bias of the expected value. */
static inline void plane_check_mean(const plane_mean_t *m, double expected, double bias,
                                    const char *what, int i) {
  const double mean = m->sum / m->n;
  const double se = sqrt(fmax(m->square / m->n - mean * mean, 0) / (m->n - 1));
  CHECK_MSG(fabs(mean - expected) <= 4.5 * se + bias, "%s %d: %g, expected %g, standard error %g",
            what, i, mean, expected, se);
}

#endif
