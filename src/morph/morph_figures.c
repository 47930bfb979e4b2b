/* Names and values of the descriptors, for tables. */
#include <stdio.h>

#include "morph_run.h"

#define FIELD(name, group, along) \
  { #name, EXSET_MORPH_##group, along, offsetof(exset_morph_phase_t, name) }

static const exset_morph_field_t fields[] = {
    FIELD(volume_fraction, FRACTION, false),
    FIELD(volume_fraction_ci95, FRACTION, false),
    FIELD(specific_surface_area, SURFACE, false),
    FIELD(percolating_fraction, PERCOLATION, true),
    FIELD(dead_end_fraction, PERCOLATION, true),
    FIELD(isolated_fraction, PERCOLATION, true),
    FIELD(geodesic_tortuosity, TORTUOSITY, true),
    FIELD(geodesic_tortuosity_sd, TORTUOSITY, true),
    FIELD(geodesic_reach, TORTUOSITY, true),
    FIELD(r_max, SIZE, false),
    FIELD(r_min, INTRUSION, true),
    FIELD(constrictivity, INTRUSION, true),
    FIELD(chord_mean, CHORD, true),
    FIELD(contact_mean, CONTACT, false),
    {NULL, EXSET_MORPH_GROUPS, false, 0},
};

const exset_morph_field_t *exset_morph_fields(void) {
  return fields;
}

double exset_morph_value(const exset_morph_phase_t *phase, const exset_morph_field_t *field,
                         int axis) {
  const double *value = (const double *)((const char *)phase + field->offset);
  return value[field->along ? axis : 0];
}

bool exset_morph_computed(const exset_morph_options_t *options, exset_morph_group_t group) {
  return options->group[group] ||
         (group == EXSET_MORPH_SIZE && options->group[EXSET_MORPH_INTRUSION]);
}

void exset_morph_pair_name(int n_phases, int i, int j, int k, char name[40]) {
  const char *between = n_phases < 10 ? "" : "_";
  const int used = snprintf(name, 40, "%d%s%d", i + 1, between, j + 1);
  if (k >= 0) snprintf(name + used, 40 - (size_t)used, "%s%d", between, k + 1);
}

/* ---- flat names --------------------------------------------------------------------------------- */

typedef struct {
  const exset_morph_t *morph;
  const exset_morph_options_t *options;
  exset_morph_visit_t visit;
  void *user;
} figures_t;

static int give_field(const figures_t *f, int phase, const exset_morph_field_t *field) {
  static const char letter[3] = {'z', 'y', 'x'};
  char name[64];
  const exset_morph_phase_t *of = &f->morph->phase[phase];
  for (int a = EXSET_AXIS_X; a >= EXSET_AXIS_Z; a--) {
    if (field->along ? !f->options->axis[a] : a != EXSET_AXIS_Z) continue;
    const int used = snprintf(name, sizeof name, "phase%d_%s", phase + 1, field->name);
    if (field->along) snprintf(name + used, sizeof name - (size_t)used, "_%c", letter[a]);
    EXSET_TRY(f->visit(f->user, name, exset_morph_value(of, field, a)));
  }
  return EXSET_OK;
}

static int give_areas(const figures_t *f) {
  const int n = f->morph->n_phases;
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++) {
      char name[64], pair[40];
      exset_morph_pair_name(n, i, j, -1, pair);
      snprintf(name, sizeof name, "interface_area_%s", pair);
      EXSET_TRY(f->visit(f->user, name, f->morph->interface_area[i * n + j]));
    }
  return EXSET_OK;
}

/* With three phases there is one triple, which is all. */
static int give_lines(const figures_t *f) {
  const int n = f->morph->n_phases;
  int at = 1;
  EXSET_TRY(f->visit(f->user, "boundary_length", f->morph->boundary_length[0]));
  for (int i = 0; i < n && n > 3; i++)
    for (int j = i + 1; j < n; j++)
      for (int k = j + 1; k < n; k++) {
        char name[64], triple[40];
        exset_morph_pair_name(n, i, j, k, triple);
        snprintf(name, sizeof name, "boundary_length_%s", triple);
        EXSET_TRY(f->visit(f->user, name, f->morph->boundary_length[at++]));
      }
  return EXSET_OK;
}

int exset_morph_figures(const exset_morph_t *morph, const exset_morph_options_t *options,
                        exset_morph_visit_t visit, void *user) {
  const figures_t f = {morph, options, visit, user};
  for (int p = 0; p < morph->n_phases; p++)
    for (const exset_morph_field_t *field = fields; field->name; field++)
      if (exset_morph_computed(options, field->group)) EXSET_TRY(give_field(&f, p, field));
  if (exset_morph_computed(options, EXSET_MORPH_SURFACE)) EXSET_TRY(give_areas(&f));
  return exset_morph_computed(options, EXSET_MORPH_LINES) ? give_lines(&f) : EXSET_OK;
}
