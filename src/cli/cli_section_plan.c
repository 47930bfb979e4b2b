/* exset section: what to cut, from the keys. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli_inputs.h"
#include "cli_section.h"

enum { MAX_RANGES = 256 }; /* as many as the key takes */

/* ---- numbers -------------------------------------------------------------------------------- */

/* A number, or nothing (value stays); moves text behind it. None is so large that sums of a few overflow. */
static bool read_number(const char **text, int64_t *value) {
  const int64_t most = INT64_C(1) << 56;
  const char *c = *text;
  if (*c < '0' || *c > '9') return true;
  int64_t v = 0;
  for (; *c >= '0' && *c <= '9'; c++) {
    v = 10 * v + (*c - '0');
    if (v > most) return false;
  }
  *value = v;
  *text = c;
  return true;
}

/* "first:end:step", parts may be missing; without a colon: one index. Moves text behind it. */
static bool read_range(const char **text, int64_t *first, int64_t *end, int64_t *step) {
  const char *begin = *text;
  if (!read_number(text, first)) return false;
  if (**text != ':') {
    *end = *first + 1;
    return *text > begin;
  }
  ++*text;
  if (!read_number(text, end)) return false;
  if (!step || **text != ':') return true;
  ++*text;
  return read_number(text, step) && *step > 0;
}

/* ---- planes --------------------------------------------------------------------------------- */

static int check_range(exset_ctx_t *ctx, const section_plan_t *plan, const char *text,
                       const section_range_t *r) {
  const int64_t n = plan->whole.grid.n[r->axis];
  if (r->first < r->end && r->end <= n) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "-section_plane %.60s is %s: %s has the planes %c=0 to %c=%" PRId64, text,
                    r->first >= r->end && r->end <= n ? "empty" : "outside the volume", plan->input,
                    section_axis_name[r->axis], section_axis_name[r->axis], n - 1);
}

static int parse_plane(exset_ctx_t *ctx, const section_plan_t *plan, const char *text,
                       section_range_t *r) {
  const char *axis = text[0] ? memchr(section_axis_name, text[0], sizeof section_axis_name) : NULL;
  if (axis && text[1] == '=') {
    const char *rest = text + 2;
    *r = (section_range_t){.axis = (int)(axis - section_axis_name), .step = 1};
    r->end = plan->whole.grid.n[r->axis];
    if (read_range(&rest, &r->first, &r->end, &r->step) && !*rest)
      return check_range(ctx, plan, text, r);
  }
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "-section_plane \"%.60s\" is no plane; allowed: z=12, y=0:400:50 "
                    "(first:end:step), x=::10; axes z, y, x",
                    text);
}

static int read_planes(exset_ctx_t *ctx, const exset_config_t *config, section_plan_t *plan) {
  EXSET_TRY(exset_alloc(ctx, MAX_RANGES, sizeof *plan->range, &plan->range));
  char *text;
  for (int i = 0; i < MAX_RANGES && (text = exset_config_string_item(config, "section_plane", i));
       i++) {
    const int err = parse_plane(ctx, plan, text, &plan->range[plan->n_ranges]);
    free(text);
    EXSET_TRY(err);
    plan->n_ranges++;
  }
  return EXSET_OK;
}

static int no_labels(exset_ctx_t *ctx, const section_plan_t *plan) {
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "%s holds gray values: -image_labels is needed, those of phases 1, 2, ...",
                    plan->input);
}

/* ---- box ------------------------------------------------------------------------------------ */

static int read_crop(exset_ctx_t *ctx, const exset_config_t *config, section_plan_t *plan) {
  const char *text, *rest;
  EXSET_TRY(exset_config_string(config, "section_crop", &text));
  rest = text;
  bool ok = true;
  for (int a = 0; a < 3; a++) {
    plan->crop[a][0] = 0;
    plan->crop[a][1] = plan->whole.grid.n[a];
    ok = ok && read_range(&rest, &plan->crop[a][0], &plan->crop[a][1], NULL);
    ok = ok && (a < 2 ? *rest++ == ',' : !*rest);
  }
  if (!ok)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-section_crop \"%.80s\" is no box; allowed: z0:z1,y0:y1,x0:x1 (ends not "
                      "included, missing numbers: from the first, to the last)",
                      text);
  bool part = false;
  for (int a = 0; a < 3; a++) {
    const int64_t *b = plan->crop[a], n = plan->whole.grid.n[a];
    part |= b[1] - b[0] < n;
    if (b[0] < b[1] && b[1] <= n) continue;
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-section_crop %.80s is %s along %c: %s has the voxels 0:%" PRId64 " there",
                      text, b[0] >= b[1] && b[1] <= n ? "empty" : "outside the volume",
                      section_axis_name[a], plan->input, n);
  }
  return part && plan->whole.n_phases == 0 ? no_labels(ctx, plan) : EXSET_OK;
}

/* ---- looks ---------------------------------------------------------------------------------- */

static int bad_gray(exset_ctx_t *ctx, const char *key, int gray) {
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "gray value %d of %s does not fit 8 bit, or stands for two things; name others "
                    "by -section_grays",
                    gray, key);
}

/* -section_grays, else the labels the volume is read by, else 255 i / n; masked cells likewise, else 0. */
static int read_grays(exset_ctx_t *ctx, const exset_config_t *config, section_plan_t *plan) {
  const exset_labels_t *labels = &plan->options.labels;
  int64_t given[EXSET_MAX_PHASES];
  int n, n_phases = plan->whole.n_phases, *gray = plan->look.gray;
  EXSET_TRY(exset_config_int_list(config, "section_grays", EXSET_MAX_PHASES, given, &n));
  if (n > 0 && n != n_phases)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-section_grays has %d values; the volume has %d phases: %d are needed", n,
                      n_phases, n_phases);
  gray[0] = n == 0 && labels->n_masked > 0 ? labels->masked[0] : 0;
  const char *key = n > 0 ? "-section_grays" : "-image_labels";
  for (int p = 1; p <= n_phases; p++) {
    gray[p] = n > 0                  ? (int)given[p - 1]
              : labels->n_labels > 0 ? labels->label[p - 1]
                                     : 255 * p / n_phases;
    if (gray[p] > 255) return bad_gray(ctx, key, gray[p]);
    for (int q = 1; q < p; q++)
      if (gray[q] == gray[p]) return bad_gray(ctx, key, gray[p]);
  }
  return gray[0] > 255 ? bad_gray(ctx, "-image_mask", gray[0]) : EXSET_OK;
}

static bool has_ending(const char *path, const char *ending) {
  const char *dot = strrchr(path, '.');
  return dot && strcasecmp(dot, ending) == 0;
}

static int read_looks(exset_ctx_t *ctx, const exset_config_t *config, section_plan_t *plan) {
  if (plan->whole.n_phases == 0) return no_labels(ctx, plan);
  EXSET_TRY(exset_config_bool(config, "section_colours", &plan->look.colours));
  if (plan->look.colours && exset_config_given(config, "section_grays"))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-section_grays and -section_colours true: pictures are gray or in colours");
  if (!plan->look.colours) EXSET_TRY(read_grays(ctx, config, plan));
  plan->tiff = has_ending(plan->path, ".tif") || has_ending(plan->path, ".tiff");
  if (!plan->tiff && !has_ending(plan->path, ".png"))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "cannot write sections to %s; allowed endings: .png, .tif, .tiff",
                      plan->path);
  if (plan->tiff && plan->look.colours)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-section_colours needs PNG: %s has another ending",
                      plan->path);
  return EXSET_OK;
}

/* ---- the plan ------------------------------------------------------------------------------- */

/* What the whole plan is about; the same on all ranks. */
static int read_cuts(exset_ctx_t *ctx, const exset_config_t *config, bool crop,
                     const char *default_name, section_plan_t *plan) {
  plan->path = cli_path(config, default_name, NULL);
  if (!plan->path) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  if (crop) return read_crop(ctx, config, plan);
  EXSET_TRY(read_planes(ctx, config, plan));
  return read_looks(ctx, config, plan);
}

int section_plan_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                      section_plan_t *plan) {
  const int n_inputs = exset_config_inputs(config);
  const bool crop = exset_config_given(config, "section_crop");
  memset(plan, 0, sizeof *plan);
  if (n_inputs != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%d inputs given; one volume is needed: exset section twin.vtkhdf "
                      "-section_plane z=12",
                      n_inputs);
  if (crop == exset_config_given(config, "section_plane"))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s: -section_plane (pictures) or -section_crop (a volume) is needed",
                      crop ? "both given" : "nothing to do");
  plan->input = exset_config_input(config, 0);
  EXSET_TRY(cli_volume_options(ctx, config, &plan->options));
  EXSET_TRY(exset_volume_look(ctx, plan->input, &plan->options, &plan->whole));
  return exset_agree(ctx, read_cuts(ctx, config, crop, default_name, plan));
}

void section_plan_clear(section_plan_t *plan) {
  exset_volume_clear(&plan->whole);
  free(plan->path);
  free(plan->range);
}
