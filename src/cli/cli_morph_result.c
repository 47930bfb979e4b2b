/* exset morph: results as tables for people and as JSON for scripts. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli_morph.h"

static const char axis_name[3] = {'z', 'y', 'x'};

/* ---- tables --------------------------------------------------------------------------------------- */

/* Headings of the columns, as short as tables need them; fields are in the same order. */
static const char *heading(const exset_morph_field_t *field) {
  static const char *const of[][2] = {{"volume_fraction", "fraction"},
                                      {"volume_fraction_ci95", "+-95%"},
                                      {"specific_surface_area", "area 1/um"},
                                      {"percolating_fraction", "percolating"},
                                      {"dead_end_fraction", "dead-end"},
                                      {"isolated_fraction", "isolated"},
                                      {"geodesic_tortuosity", "tortuosity"},
                                      {"geodesic_tortuosity_sd", "+-sd"},
                                      {"geodesic_reach", "reach"},
                                      {"r_max", "r_max um"},
                                      {"r_min", "r_min um"},
                                      {"constrictivity", "constrictivity"},
                                      {"chord_mean", "chord um"},
                                      {"contact_mean", "contact um"}};
  for (size_t i = 0; i < sizeof of / sizeof *of; i++)
    if (strcmp(of[i][0], field->name) == 0) return of[i][1];
  return field->name;
}

static int width_of(const exset_morph_field_t *field) {
  const int width = (int)strlen(heading(field));
  return width > 8 ? width : 8;
}

/* The columns that stand once for each phase, or for each axis. */
static bool in_table(const exset_morph_options_t *options, const exset_morph_field_t *field,
                     bool along) {
  return field->along == along && exset_morph_computed(options, field->group);
}

static bool print_head(const exset_ctx_t *ctx, const exset_morph_options_t *options, bool along) {
  bool any = false;
  for (const exset_morph_field_t *f = exset_morph_fields(); f->name; f++) {
    if (!in_table(options, f, along)) continue;
    if (!any) exset_print(ctx, along ? "phase axis" : "phase");
    exset_print(ctx, "  %*s", width_of(f), heading(f));
    any = true;
  }
  if (any) exset_print(ctx, "\n");
  return any;
}

/* "-" for what has no value. */
static void print_row(const exset_ctx_t *ctx, const exset_morph_options_t *options,
                      const exset_morph_phase_t *phase, bool along, int axis) {
  for (const exset_morph_field_t *f = exset_morph_fields(); f->name; f++) {
    if (!in_table(options, f, along)) continue;
    const double value = exset_morph_value(phase, f, axis);
    if (isfinite(value)) exset_print(ctx, "  %*.5g", width_of(f), value);
    else exset_print(ctx, "  %*s", width_of(f), "-");
  }
  exset_print(ctx, "\n");
}

static void print_phases(const exset_ctx_t *ctx, const exset_morph_options_t *options,
                         const exset_morph_t *morph) {
  if (print_head(ctx, options, false))
    for (int p = 0; p < morph->n_phases; p++) {
      exset_print(ctx, "%5d", p + 1);
      print_row(ctx, options, &morph->phase[p], false, 0);
    }
  if (!print_head(ctx, options, true)) return;
  for (int p = 0; p < morph->n_phases; p++)
    for (int a = EXSET_AXIS_X; a >= EXSET_AXIS_Z; a--) {
      if (!options->axis[a]) continue;
      exset_print(ctx, "%5d %4c", p + 1, axis_name[a]);
      print_row(ctx, options, &morph->phase[p], true, a);
    }
}

void morph_result_print(const exset_ctx_t *ctx, const exset_morph_options_t *options,
                        const exset_morph_t *morph) {
  const int n = morph->n_phases;
  char name[40];
  print_phases(ctx, options, morph);
  for (int i = 0; i < n && exset_morph_computed(options, EXSET_MORPH_SURFACE); i++)
    for (int j = i + 1; j < n; j++) {
      exset_morph_pair_name(n, i, j, -1, name);
      exset_print(ctx, "interface %s: %.5g 1/um\n", name, morph->interface_area[i * n + j]);
    }
  if (exset_morph_computed(options, EXSET_MORPH_LINES) && n > 2)
    exset_print(ctx, "three-phase boundary: %.5g 1/um^2\n", morph->boundary_length[0]);
}

/* ---- JSON: figures -------------------------------------------------------------------------------- */

/* {"x": .., "y": .., "z": ..}: of the axes asked for. */
static cJSON *json_axes(const exset_morph_options_t *options, const exset_morph_phase_t *phase,
                        const exset_morph_field_t *field) {
  cJSON *object = cJSON_CreateObject();
  for (int a = EXSET_AXIS_X; a >= EXSET_AXIS_Z; a--) {
    const char axis[2] = {axis_name[a], 0};
    if (options->axis[a]) cJSON_AddNumberToObject(object, axis, exset_morph_value(phase, field, a));
  }
  return object;
}

static cJSON *json_phase(const exset_morph_options_t *options, const exset_morph_phase_t *phase,
                         int number) {
  cJSON *object = cJSON_CreateObject();
  cJSON_AddNumberToObject(object, "phase", number);
  for (const exset_morph_field_t *f = exset_morph_fields(); f->name; f++) {
    if (!exset_morph_computed(options, f->group)) continue;
    if (f->along) cJSON_AddItemToObject(object, f->name, json_axes(options, phase, f));
    else cJSON_AddNumberToObject(object, f->name, exset_morph_value(phase, f, 0));
  }
  return object;
}

static cJSON *json_areas(const exset_morph_t *morph) {
  const int n = morph->n_phases;
  cJSON *object = cJSON_CreateObject();
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++) {
      char name[40];
      exset_morph_pair_name(n, i, j, -1, name);
      cJSON_AddNumberToObject(object, name, morph->interface_area[i * n + j]);
    }
  return object;
}

static cJSON *json_lines(const exset_morph_t *morph) {
  const int n = morph->n_phases;
  cJSON *object = cJSON_CreateObject();
  int at = 0;
  cJSON_AddNumberToObject(object, "all", morph->boundary_length[at++]);
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++)
      for (int k = j + 1; k < n; k++) {
        char name[40];
        exset_morph_pair_name(n, i, j, k, name);
        cJSON_AddNumberToObject(object, name, morph->boundary_length[at++]);
      }
  return object;
}

/* ---- JSON: distributions -------------------------------------------------------------------------- */

/* How a distribution is written: scale: from the histogram's values to those of the file; whole: what shares relate to. */
typedef struct {
  double scale, whole;
  bool
      at_least; /* the cumulative curve users expect: share with at least this value, not below it */
} form_t;

/* Bins from the first to the last that hold something; null: nothing was counted. */
static cJSON *json_histogram(const exset_histogram_t *h, form_t form) {
  int64_t first = 0, n = h->n;
  while (first < h->n && h->count[first] == 0) first++;
  while (n > first && h->count[n - 1] == 0) n--;
  if (n == first || !(form.whole > 0)) return cJSON_CreateNull();
  cJSON *object = cJSON_CreateObject();
  cJSON *edges = cJSON_AddArrayToObject(object, "edges");
  cJSON *counts = cJSON_AddArrayToObject(object, "counts");
  cJSON *shares = cJSON_AddArrayToObject(object, "shares");
  cJSON *curve = cJSON_AddArrayToObject(object, form.at_least ? "at_least" : "below");
  double sum = form.at_least ? exset_histogram_total(h) : 0;
  for (int64_t i = first; i <= n; i++) {
    cJSON_AddItemToArray(edges, cJSON_CreateNumber((double)i * h->width * form.scale));
    cJSON_AddItemToArray(curve, cJSON_CreateNumber(sum / form.whole));
    if (i == n) break;
    cJSON_AddItemToArray(counts, cJSON_CreateNumber(h->count[i]));
    cJSON_AddItemToArray(shares, cJSON_CreateNumber(h->count[i] / form.whole));
    sum += form.at_least ? -h->count[i] : h->count[i];
  }
  return object;
}

static form_t form_of(const exset_histogram_t *h) {
  return (form_t){1, exset_histogram_total(h), false};
}

static cJSON *json_along(const exset_morph_options_t *options, const exset_histogram_t h[3],
                         const form_t form[3]) {
  cJSON *object = cJSON_CreateObject();
  for (int a = EXSET_AXIS_X; a >= EXSET_AXIS_Z; a--) {
    const char axis[2] = {axis_name[a], 0};
    if (options->axis[a]) cJSON_AddItemToObject(object, axis, json_histogram(&h[a], form[a]));
  }
  return object;
}

static cJSON *json_distributions(const exset_morph_options_t *options, const exset_grid_t *grid,
                                 const exset_morph_phase_t *phase, int number) {
  const form_t balls = {1, exset_histogram_total(&phase->size), true};
  const form_t filled[3] = {balls, balls, balls};
  form_t paths[3], chords[3];
  for (int a = 0; a < 3; a++) {
    paths[a] = form_of(&phase->tortuosity[a]);
    chords[a] = form_of(&phase->chord[a]);
    chords[a].scale = grid->voxel[a];
  }
  cJSON *object = cJSON_CreateObject();
  cJSON_AddNumberToObject(object, "phase", number);
  if (exset_morph_computed(options, EXSET_MORPH_TORTUOSITY))
    cJSON_AddItemToObject(object, "geodesic_tortuosity",
                          json_along(options, phase->tortuosity, paths));
  if (exset_morph_computed(options, EXSET_MORPH_SIZE))
    cJSON_AddItemToObject(object, "size", json_histogram(&phase->size, balls));
  if (exset_morph_computed(options, EXSET_MORPH_INTRUSION))
    cJSON_AddItemToObject(object, "intrusion", json_along(options, phase->intrusion, filled));
  if (exset_morph_computed(options, EXSET_MORPH_CHORD))
    cJSON_AddItemToObject(object, "chord", json_along(options, phase->chord, chords));
  if (exset_morph_computed(options, EXSET_MORPH_CONTACT))
    cJSON_AddItemToObject(object, "contact",
                          json_histogram(&phase->contact, form_of(&phase->contact)));
  return object;
}

cJSON *morph_result_json(const exset_morph_options_t *options, const exset_grid_t *grid,
                         const exset_morph_t *morph) {
  const double size[3] = {(double)grid->n[0], (double)grid->n[1], (double)grid->n[2]};
  cJSON *root = cJSON_CreateObject();
  cJSON_AddItemToObject(root, "size", cli_json_reals(3, size));
  cJSON_AddItemToObject(root, "voxel_size", cli_json_reals(3, grid->voxel));
  cJSON *phases = cJSON_AddArrayToObject(root, "phases");
  for (int p = 0; p < morph->n_phases; p++)
    cJSON_AddItemToArray(phases, json_phase(options, &morph->phase[p], p + 1));
  if (exset_morph_computed(options, EXSET_MORPH_SURFACE))
    cJSON_AddItemToObject(root, "interface_area", json_areas(morph));
  if (exset_morph_computed(options, EXSET_MORPH_LINES))
    cJSON_AddItemToObject(root, "boundary_length", json_lines(morph));
  cJSON *distributions = cJSON_AddArrayToObject(root, "distributions");
  for (int p = 0; p < morph->n_phases; p++)
    cJSON_AddItemToArray(distributions, json_distributions(options, grid, &morph->phase[p], p + 1));
  return root;
}
