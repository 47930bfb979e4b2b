/* Private to the program: the plan of exset section. Indices are voxels of the file, counted from 0. */
#ifndef EXSET_CLI_SECTION_H
#define EXSET_CLI_SECTION_H

#include "cli.h"
#include "exset/volume.h"

/* Planes first, first + step, ... below end, across an axis (EXSET_AXIS_...). */
typedef struct {
  int axis;
  int64_t first, end, step;
} section_range_t;

/* How phases look in a picture. */
typedef struct {
  bool colours;                   /* else gray values */
  int gray[EXSET_MAX_PHASES + 1]; /* of phase 1, 2, ...; [0]: of masked cells */
} section_look_t;

typedef struct {
  const char *input;
  exset_volume_options_t options; /* of reading the whole */
  exset_volume_t whole;           /* without cells */
  char *path;                     /* main output */
  bool tiff;                      /* sections as pages; else PNG */
  int n_ranges;                   /* 0: crop */
  section_range_t *range;
  int64_t crop[3][2]; /* z, y, x */
  section_look_t look;
} section_plan_t;

static const char section_axis_name[3] = {'z', 'y', 'x'};

/** Number of planes of a range. Local. */
static inline int64_t section_count(const section_range_t *r) {
  return (r->end - r->first + r->step - 1) / r->step;
}

/* ---- cli_section_plan.c ---- */

/**
 * Keys and the head of the file. Collective. Errors: EXSET_ERR_INPUT (syntax, unknown axis, plane or box outside the volume or
 * empty, gray values, ending), and those of exset_volume_look. Clear with section_plan_clear, also after errors.
 */
int section_plan_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                      section_plan_t *plan);
void section_plan_clear(section_plan_t *plan);

#endif
