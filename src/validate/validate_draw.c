/* Records of sections: those of the data, and those of the model's realisations, shared out over the ranks. */
#include "validate_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exset/plane.h"

/* ---- one record ------------------------------------------------------------------------------- */

/* A figure and its weight: what its denominator adds up to over sections. */
static double scalar_value(const exset_section_figures_t *f, scalar_t s, double *weight) {
  const int i = s.phase;
  const double pixels = (double)f->pixels;
  *weight = pixels;
  switch (s.figure) {
    case FIGURE_FRACTION:
      return f->fraction[i];
    case FIGURE_BOUNDARY:
      return f->boundary[i];
    case FIGURE_BOUNDARY_PAIR:
      return f->boundary_pair[i][s.other];
    case FIGURE_CLUSTERS:
      return f->clusters[i];
    case FIGURE_CHORD_0:
      *weight = (double)f->chord_count[0][i];
      return f->chord_mean[0][i];
    case FIGURE_CHORD_1:
      *weight = (double)f->chord_count[1][i];
      return f->chord_mean[1][i];
    case FIGURE_LARGEST:
      *weight = pixels * f->fraction[i];
      return f->largest[i];
    case FIGURE_SPANNING:
      *weight = pixels * f->fraction[i];
      return f->spanning[i];
  }
  return NAN;
}

static int record_figures(const kind_t *kind, const exset_section_t *section, double *record) {
  exset_section_figures_t f;
  EXSET_TRY(exset_section_figures(kind->ctx, section, kind->n_phases, kind->pixel, &f));
  for (int k = 0; k < kind->n_scalars; k++) {
    double weight;
    const double value = scalar_value(&f, kind->scalar[k], &weight);
    if (!(weight > 0)) continue; /* no such figure: NaN */
    record[k] = value;
    record[kind->n_scalars + k] = weight;
  }
  for (int d = 0; d < 2; d++)
    for (int64_t b = 0; b < (int64_t)kind->n_phases * EXSET_CHORD_BINS; b++)
      record[kind_chords(kind, d, 0) + b] = (double)f.chord[d][b];
  exset_section_figures_clear(&f);
  return EXSET_OK;
}

/* The lags of an estimate that lie on a line: the first n_r across z, or every n_r-th along it. */
static void record_line(const kind_t *kind, int line, const exset_coverage_t *c, int64_t n_r,
                        double *record) {
  const int64_t step = line == 0 ? 1 : n_r, n = kind->n_lags[line];
  double *pairs = record + kind_line(kind, line), *lag = pairs + n, *value = lag + n;
  for (int64_t k = 0; k < n && k * step < c->n_lags; k++) {
    pairs[k] = c->pairs[k * step];
    lag[k] = line == 0 ? c->h_r[k * step] : c->h_z[k * step];
    for (int i = 0; i < kind->n_phases; i++)
      for (int j = i; j < kind->n_phases; j++)
        value[pair_place(kind->n_phases, i, j) * n + k] =
            c->c[exset_coverage_index(c, i, j) + k * step];
  }
}

static int record_coverage(const kind_t *kind, const exset_section_t *section, double *record) {
  exset_coverage_t c;
  EXSET_TRY(exset_coverage_section(kind->ctx, section, kind->n_phases, kind->pixel,
                                   kind->options.max_lag,
                                   kind->contains_z ? EXSET_LAGS_RZ : EXSET_LAGS_RADIAL, &c));
  int64_t n_r = 1;
  while (n_r < c.n_lags && c.h_z[n_r] == 0) n_r++;
  for (int line = 0; line < kind->n_lines; line++) record_line(kind, line, &c, n_r, record);
  exset_coverage_clear(&c);
  return EXSET_OK;
}

static int make_record(const kind_t *kind, const exset_section_t *section, double *record) {
  EXSET_TRY(record_figures(kind, section, record));
  return record_coverage(kind, section, record);
}

/* ---- sections of the model -------------------------------------------------------------------- */

static int make_plane(const kind_t *kind, exset_plane_t **plane) {
  return exset_plane_create(kind->ctx, kind->model, kind->box, kind->options.voxel,
                            kind->contains_z ? EXSET_AXIS_Y : EXSET_AXIS_Z, 0, plane);
}

/* Realisation r with the window and mask of a section of the data. */
static int draw_section(const kind_t *kind, exset_plane_t *plane, int64_t r, uint8_t *label,
                        exset_section_t *section) {
  const exset_section_t *data = &kind->section[r % kind->n_sections];
  EXSET_TRY(exset_plane_labels(plane, kind->options.seed, (uint64_t)r, label));
  section->rows = data->rows;
  section->cols = data->cols;
  section->orient = data->orient;
  const int64_t row = kind->box[EXSET_AXIS_X];
  for (int64_t i = 0; i < data->rows; i++)
    for (int64_t j = 0; j < data->cols; j++)
      section->phase[i * data->cols + j] = data->phase[i * data->cols + j] ? label[i * row + j] : 0;
  return EXSET_OK;
}

/* A plane with room for its labels and for a section. */
typedef struct {
  exset_plane_t *plane;
  uint8_t *label;
  exset_section_t section;
} drawer_t;

static int drawer_create(const kind_t *kind, drawer_t *drawer) {
  *drawer = (drawer_t){.plane = NULL};
  const int rows = kind->contains_z ? EXSET_AXIS_Z : EXSET_AXIS_Y;
  EXSET_TRY(exset_alloc(kind->ctx, kind->box[rows] * kind->box[EXSET_AXIS_X], 1, &drawer->label));
  EXSET_TRY(exset_alloc(kind->ctx, kind->window[0] * kind->window[1], 1, &drawer->section.phase));
  return make_plane(kind, &drawer->plane);
}

static void drawer_clear(drawer_t *drawer) {
  exset_plane_destroy(&drawer->plane);
  free(drawer->label);
  free(drawer->section.phase);
}

/* ---- all records ------------------------------------------------------------------------------ */

/* This rank's share: items are the sections, then the realisations. */
static int make_share(const kind_t *kind, drawer_t *drawer) {
  const exset_ctx_t *ctx = kind->ctx;
  const int64_t n = kind->n_sections;
  for (int64_t i = ctx->rank; i < n + kind->realisations; i += ctx->size) {
    if (i < n) {
      EXSET_TRY(make_record(kind, &kind->section[i], kind->data + i * kind->record));
      continue;
    }
    EXSET_TRY(draw_section(kind, drawer->plane, i - n, drawer->label, &drawer->section));
    EXSET_TRY(make_record(kind, &drawer->section, kind->draw + (i - n) * kind->record));
  }
  return EXSET_OK;
}

/* One rank has a record, the others hold zeros: sums are exact. */
static int share_records(exset_ctx_t *ctx, int64_t n, int64_t record, double *value) {
  for (int64_t i = 0; i < n; i++)
    EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, value + i * record, (int)record,
                                           MPI_DOUBLE, MPI_SUM, ctx->comm)));
  return EXSET_OK;
}

int kind_records(kind_t *kind) {
  drawer_t drawer;
  int err = drawer_create(kind, &drawer);
  if (!err) err = make_share(kind, &drawer);
  drawer_clear(&drawer);
  EXSET_TRY(exset_agree(kind->ctx, err));
  EXSET_TRY(share_records(kind->ctx, kind->n_sections, kind->record, kind->data));
  return share_records(kind->ctx, kind->realisations, kind->record, kind->draw);
}

/* ---- picture ---------------------------------------------------------------------------------- */

enum { MOST_SHOWN = 3 };

/* The first sections, as many as have the first one's size. */
static int count_shown(const kind_t *kind) {
  int n = 1;
  while (n < kind->n_sections && n < kind->realisations && n < MOST_SHOWN &&
         kind->section[n].rows == kind->section[0].rows &&
         kind->section[n].cols == kind->section[0].cols)
    n++;
  return n;
}

int kind_picture(const kind_t *kind, exset_validate_picture_t *picture) {
  const int64_t rows = kind->section[0].rows, cols = kind->section[0].cols, cells = rows * cols;
  *picture = (exset_validate_picture_t){.n = count_shown(kind), .rows = rows, .cols = cols};
  EXSET_TRY(exset_alloc(kind->ctx, picture->n * cells, 1, &picture->data));
  EXSET_TRY(exset_alloc(kind->ctx, picture->n * cells, 1, &picture->model));
  drawer_t drawer;
  int err = drawer_create(kind, &drawer);
  for (int k = 0; k < picture->n && !err; k++) {
    err = draw_section(kind, drawer.plane, k, drawer.label, &drawer.section);
    if (err) break;
    memcpy(picture->data + k * cells, kind->section[k].phase, (size_t)cells);
    memcpy(picture->model + k * cells, drawer.section.phase, (size_t)cells);
  }
  drawer_clear(&drawer);
  return err;
}
