/* Sections of one kind: which, how they are compared, and the box the model's are cut from. */
#include "validate_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/fft_serial.h"
#include "exset/sample.h"

enum { DRAWS = 32 };        /* realisations by default, or as many as there are sections */
enum { MARGIN = 5 };        /* correlation lengths that a box is larger than the window */
enum { NORMAL_REACH = 10 }; /* and its extent normal to the section */

/* ---- box -------------------------------------------------------------------------------------- */

/* A ring's covariance oscillates under exp(-(width h / length)^2 / 2), one of splines under the transform of a single spline,
 * which ends at 2 pi by their distance. */
static void spectrum_reach(const exset_spectrum_t *s, double *xy, double *z) {
  exset_spectrum_lengths(s, xy, z);
  for (int t = 0; t < s->n_terms; t++) {
    const exset_term_t *term = &s->term[t];
    if (term->family != EXSET_FAMILY_RING) continue;
    *xy = fmax(*xy, term->length_xy * fmax(1 / term->width, 1));
    *z = fmax(*z, term->length_z * fmax(1 / term->width, 1));
  }
  if (s->knots_r == 0) return;
  const double by_spline = 2 * M_PI / MARGIN;
  const double r = by_spline * (s->knots_r - 1) / s->knots_max_r;
  *xy = fmax(*xy, r);
  *z = fmax(*z, s->knots_z > 0 ? by_spline * (s->knots_z - 1) / s->knots_max_z : r);
}

void model_reach(const exset_model_t *model, double *xy, double *z) {
  *xy = *z = 0;
  for (int f = 0; f < model->n_fields; f++) {
    double own_xy, own_z;
    spectrum_reach(&model->field[f].spectrum, &own_xy, &own_z);
    *xy = fmax(*xy, own_xy);
    *z = fmax(*z, own_z);
  }
}

int64_t box_size(double cells) {
  int64_t n = exset_fft_good_size((int64_t)ceil(cells));
  while (n % 2) n = exset_fft_good_size(n + 1);
  return n;
}

static void choose_box(kind_t *kind) {
  enum { LEAST = 64 };
  const double *voxel = kind->options.voxel;
  double xy, z;
  model_reach(kind->model, &xy, &z);
  const int rows = kind->contains_z ? EXSET_AXIS_Z : EXSET_AXIS_Y;
  const int normal = kind->contains_z ? EXSET_AXIS_Y : EXSET_AXIS_Z;
  const double reach[3] = {z / voxel[0], xy / voxel[1], xy / voxel[2]};
  kind->box[rows] = box_size((double)kind->window[0] + MARGIN * reach[rows]);
  kind->box[EXSET_AXIS_X] = box_size((double)kind->window[1] + MARGIN * reach[EXSET_AXIS_X]);
  kind->box[normal] = box_size(fmax(LEAST, NORMAL_REACH * reach[normal]));
}

/* ---- what is compared ------------------------------------------------------------------------- */

static void list_scalars(kind_t *kind) {
  static const figure_t single[] = {FIGURE_FRACTION, FIGURE_CHORD_0,  FIGURE_CHORD_1,
                                    FIGURE_BOUNDARY, FIGURE_CLUSTERS, FIGURE_LARGEST,
                                    FIGURE_SPANNING};
  const int n = kind->n_phases;
  for (size_t f = 0; f < sizeof single / sizeof *single; f++) {
    if (single[f] == FIGURE_BOUNDARY && n == 2) continue; /* that of the pair */
    for (int i = 0; i < n; i++) kind->scalar[kind->n_scalars++] = (scalar_t){single[f], i, -1};
  }
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++)
      kind->scalar[kind->n_scalars++] = (scalar_t){FIGURE_BOUNDARY_PAIR, i, j};
}

static int64_t count_lags(double max_lag, double width) { /* those of the coverage module */
  return (int64_t)(max_lag / width * (1 + 1e-12)) + 1;
}

static void choose_lines(kind_t *kind) {
  const double lag = kind->options.max_lag;
  if (!kind->contains_z) {
    kind->n_lines = 1;
    kind->line_name[0] = "radial";
    kind->n_lags[0] = count_lags(lag, fmax(kind->pixel[0], kind->pixel[1]));
    return;
  }
  kind->n_lines = 2;
  kind->line_name[0] = "r";
  kind->line_name[1] = "z";
  kind->n_lags[0] = count_lags(lag, kind->pixel[1]);
  kind->n_lags[1] = count_lags(lag, kind->pixel[0]);
}

int64_t kind_line(const kind_t *kind, int line) {
  int64_t at = 2 * kind->n_scalars;
  for (int l = 0; l < line; l++) at += (2 + pair_count(kind->n_phases)) * kind->n_lags[l];
  return at;
}

int64_t kind_chords(const kind_t *kind, int direction, int phase) {
  return kind_line(kind, kind->n_lines) +
         ((int64_t)direction * kind->n_phases + phase) * EXSET_CHORD_BINS;
}

const char *kind_axis(const kind_t *kind, int direction) {
  static const char *const axes[2][2] = {{"y", "x"}, {"z", "r"}};
  return axes[kind->contains_z][direction];
}

/* ---- making one ------------------------------------------------------------------------------- */

static void take_sections(const exset_sections_t *sections, kind_t *kind) {
  static const char *const names[] = {"", "xy", "xz", "", "yz", "", "xz and yz"};
  int met = 0; /* xy 1, xz 2, yz 4 */
  for (int s = 0; s < sections->n; s++) {
    const exset_section_t *section = &sections->section[s];
    if ((section->orient != EXSET_ORIENT_XY) != kind->contains_z) continue;
    met |= 1 << section->orient;
    kind->section[kind->n_sections++] = *section;
    if (section->rows > kind->window[0]) kind->window[0] = section->rows;
    if (section->cols > kind->window[1]) kind->window[1] = section->cols;
  }
  kind->orientation = names[met];
}

static int count_realisations(const kind_t *kind) {
  if (kind->options.realisations > 0) return kind->options.realisations;
  const int n = kind->n_sections;
  return n * (n < DRAWS ? (DRAWS + n - 1) / n : 1); /* each window equally often */
}

int kind_create(exset_ctx_t *ctx, const exset_sections_t *sections, const exset_model_t *model,
                const exset_validate_options_t *options, bool contains_z, kind_t *kind) {
  *kind = (kind_t){.ctx = ctx,
                   .model = model,
                   .options = *options,
                   .contains_z = contains_z,
                   .n_phases = sections->n_phases};
  const int n = sections->n_phases, figures = 8 * n + pair_count(n);
  EXSET_TRY(exset_alloc(ctx, sections->n, sizeof *kind->section, &kind->section));
  EXSET_TRY(exset_alloc(ctx, figures, sizeof *kind->scalar, &kind->scalar));
  take_sections(sections, kind);
  if (kind->n_sections == 0) return EXSET_OK;
  kind->pixel[0] = options->voxel[contains_z ? EXSET_AXIS_Z : EXSET_AXIS_Y];
  kind->pixel[1] = options->voxel[EXSET_AXIS_X];
  kind->realisations = count_realisations(kind);
  choose_box(kind);
  list_scalars(kind);
  choose_lines(kind);
  kind->record = kind_chords(kind, 2, 0);
  EXSET_TRY(
      exset_alloc(ctx, exset_mul3(kind->n_sections, kind->record, 1), sizeof(double), &kind->data));
  return exset_alloc(ctx, exset_mul3(kind->realisations, kind->record, 1), sizeof(double),
                     &kind->draw);
}

void kind_clear(kind_t *kind) {
  free(kind->section);
  free(kind->scalar);
  free(kind->data);
  free(kind->draw);
  *kind = (kind_t){0};
}
