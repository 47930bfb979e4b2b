/* exset section: pictures of planes of a volume, or a box of it as a volume. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inputs.h"
#include "cli_provenance.h"
#include "cli_section.h"

/* Those of postprocess/colours.py; masked cells are white. */
static const uint8_t colours[EXSET_MAX_PHASES + 1][3] = {
    {255, 255, 255}, {32, 36, 46},    {230, 159, 0},   {143, 208, 245}, {240, 228, 66},
    {0, 158, 115},   {213, 94, 0},    {204, 121, 167}, {0, 114, 178},   {120, 124, 134},
    {245, 207, 128}, {171, 218, 244}, {248, 242, 161}, {128, 207, 185}, {234, 175, 128},
    {230, 188, 211}, {128, 185, 217},
};

/* One plane across an axis. Rows run along z, or along y across z; columns along x, or along y across x. */
typedef struct {
  int axis;
  int64_t index;
  int64_t rows, cols;
  uint8_t *value;               /* rank 0: [rows][cols] */
  const section_range_t *range; /* it is one of these */
  exset_volume_t slab;          /* what was read for it, and for planes that follow */
  int64_t first;                /* plane of the slab */
  uint8_t *own;                 /* across y and x: this rank's rows */
} section_t;

static int row_axis(int axis) {
  return axis == EXSET_AXIS_Z ? EXSET_AXIS_Y : EXSET_AXIS_Z;
}

static int col_axis(int axis) {
  return axis == EXSET_AXIS_X ? EXSET_AXIS_Y : EXSET_AXIS_X;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* This rank's rows of the plane, from the planes of its slab. */
static const uint8_t *own_rows(section_t *section) {
  const exset_grid_t *g = &section->slab.grid;
  const int64_t at = section->index - section->first, cols = section->cols;
  const int64_t planes = g->n[section->axis], rows = g->nz_local;
  const uint8_t *phase = section->slab.phase;
  if (section->axis == EXSET_AXIS_Z)
    return at < g->z0 || at >= g->z0 + g->nz_local ? phase
                                                   : phase + (at - g->z0) * section->rows * cols;
  if (planes == 1) return phase;
  if (section->axis == EXSET_AXIS_Y)
    for (int64_t z = 0; z < rows; z++)
      memcpy(section->own + z * cols, phase + (z * planes + at) * cols, (size_t)cols);
  else
    for (int64_t i = 0; i < rows * cols; i++) section->own[i] = phase[i * planes + at];
  return section->own;
}

/* Rows of the plane that a rank has, and the first of them. Across z one rank has all, else each plane of a slab is a row. */
static void rows_of(const exset_ctx_t *ctx, const section_t *section, int rank, int *count,
                    int *before) {
  const exset_grid_t *g = &section->slab.grid;
  int64_t z0, nz;
  exset_grid_slab(ctx, g, rank, &z0, &nz);
  if (section->axis == EXSET_AXIS_Z) {
    const bool owner = exset_grid_owner(ctx, g, section->index - section->first) == rank;
    nz = owner ? section->rows : 0;
    z0 = 0;
  }
  *count = (int)nz;
  *before = (int)(nz > 0 ? z0 : 0);
}

/* Rows of all ranks to rank 0. */
static int gather_rows(exset_ctx_t *ctx, section_t *section) {
  const uint8_t *own = own_rows(section);
  int own_count, own_before;
  rows_of(ctx, section, ctx->rank, &own_count, &own_before);
  int *count = NULL, err;
  MPI_Datatype row;
  EXSET_TRY(
      exset_alloc_all(ctx, ctx->rank == 0 ? 2 * (int64_t)ctx->size : 0, sizeof *count, &count));
  for (int r = 0; ctx->rank == 0 && r < ctx->size; r++)
    rows_of(ctx, section, r, &count[r], &count[ctx->size + r]);
  EXSET_TRY_GOTO(err, done,
                 EXSET_MPI(ctx, MPI_Type_contiguous((int)section->cols, MPI_UINT8_T, &row)));
  err = EXSET_MPI(ctx, MPI_Type_commit(&row));
  if (!err)
    err = EXSET_MPI(ctx, MPI_Gatherv(own, own_count, row, section->value, count,
                                     ctx->rank == 0 ? count + ctx->size : NULL, row, 0, ctx->comm));
  if (!err) err = EXSET_MPI(ctx, MPI_Type_free(&row));
done:
  free(count);
  return err;
}

/* Neighbouring planes are read many at a time, as each alone would take whole chunks; those across x in any case, as they take
 * all rows of the file. */
static int64_t planes_at_once(const exset_ctx_t *ctx, const section_t *section) {
  const double cells = 1 << 26; /* of a rank */
  if (section->axis != EXSET_AXIS_X && section->range->step > 1) return 1;
  const double planes = cells * ctx->size / ((double)section->rows * (double)section->cols);
  return planes > 1 ? (int64_t)planes : 1;
}

static int read_slab(exset_ctx_t *ctx, const section_plan_t *plan, section_t *section) {
  exset_volume_options_t options = plan->options;
  const section_range_t *r = section->range;
  int64_t end = section->index + planes_at_once(ctx, section);
  if (end > r->end) end = r->end;
  for (int a = 0; a < 3; a++) options.box[a][1] = plan->whole.grid.n[a];
  options.box[section->axis][0] = section->index;
  options.box[section->axis][1] = end - (end - section->index - 1) % r->step; /* behind a plane */
  section->first = section->index;
  exset_volume_clear(&section->slab);
  return exset_volume_read(ctx, plan->input, &options, &section->slab);
}

static int read_section(exset_ctx_t *ctx, const section_plan_t *plan, section_t *section) {
  const int64_t at = section->index - section->first, n = section->slab.grid.n[section->axis];
  if (at < 0 || at >= n) EXSET_TRY(read_slab(ctx, plan, section)); /* n = 0: nothing read yet */
  return gather_rows(ctx, section);
}

/* ---- writing: rank 0 ------------------------------------------------------------------------- */

/* Phases to gray values. */
static int paint(exset_ctx_t *ctx, const section_plan_t *plan, section_t *section) {
  const int *gray = plan->look.gray;
  int masked_like = 0; /* a phase with the gray value of masked cells */
  for (int p = 1; p <= plan->whole.n_phases; p++)
    if (gray[p] == gray[0]) masked_like = p;
  for (int64_t i = 0; i < section->rows * section->cols; i++) {
    if (section->value[i] == 0 && masked_like)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "masked cells are shown as gray value %d, which is that of phase %d; name "
                        "others by -section_grays",
                        gray[0], masked_like);
    section->value[i] = (uint8_t)gray[section->value[i]];
  }
  return EXSET_OK;
}

static int write_png(exset_ctx_t *ctx, const section_plan_t *plan, const char *path,
                     section_t *section) {
  if (plan->look.colours)
    return exset_image_write_png_colours(ctx, path, section->rows, section->cols, section->value,
                                         plan->whole.n_phases + 1, colours);
  EXSET_TRY(paint(ctx, plan, section));
  return exset_image_write_png(ctx, path, section->rows, section->cols, section->value);
}

/* ---- files ------------------------------------------------------------------------------------ */

static int64_t planes_across(const section_plan_t *plan, int axis) {
  int64_t n = 0;
  for (int i = 0; i < plan->n_ranges; i++)
    if (plan->range[i].axis == axis) n += section_count(&plan->range[i]);
  return n;
}

static int64_t count_files(const section_plan_t *plan) {
  int64_t n = 0;
  for (int axis = 0; axis < 3; axis++) {
    const int64_t planes = planes_across(plan, axis);
    n += plan->tiff ? planes > 0 : planes;
  }
  return n;
}

/* The name given for a single file; else "section_z12.png", "section_z.tif". New string. */
static char *file_name(const section_plan_t *plan, int axis, int64_t index) {
  if (count_files(plan) == 1) return strdup(plan->path);
  const char *dot = strrchr(plan->path, '.'); /* there is an ending */
  const int stem = (int)(dot - plan->path);
  char *name = NULL;
  const int length =
      plan->tiff ? asprintf(&name, "%.*s_%c%s", stem, plan->path, section_axis_name[axis], dot)
                 : asprintf(&name, "%.*s_%c%" PRId64 "%s", stem, plan->path,
                            section_axis_name[axis], index, dot);
  return length < 0 ? NULL : name;
}

static void report(const exset_ctx_t *ctx, const section_plan_t *plan, const char *file,
                   int64_t page, const section_t *s, cJSON *list) {
  const exset_grid_t *g = &plan->whole.grid;
  const double position =
      plan->whole.origin[s->axis] + ((double)s->index + 0.5) * g->voxel[s->axis];
  const double size[2] = {(double)s->rows, (double)s->cols};
  const double pixel[2] = {g->voxel[row_axis(s->axis)], g->voxel[col_axis(s->axis)]};
  const char axis[2] = {section_axis_name[s->axis], 0};
  exset_print(ctx, "%4s %8" PRId64 "  %12.6g  %s", axis, s->index, position, file);
  if (plan->tiff) exset_print(ctx, ", page %" PRId64, page + 1);
  exset_print(ctx, "\n");
  cJSON *item = cJSON_CreateObject();
  cJSON_AddStringToObject(item, "file", file);
  cJSON_AddNumberToObject(item, "page", (double)page);
  cJSON_AddStringToObject(item, "axis", axis);
  cJSON_AddNumberToObject(item, "index", (double)s->index);
  cJSON_AddNumberToObject(item, "position", position);
  cJSON_AddItemToObject(item, "size", cli_json_reals(2, size));
  cJSON_AddItemToObject(item, "pixel_size", cli_json_reals(2, pixel));
  cJSON_AddItemToArray(list, item);
}

static section_t new_section(const section_plan_t *plan, int axis) {
  const int64_t *n = plan->whole.grid.n;
  return (section_t){.axis = axis, .rows = n[row_axis(axis)], .cols = n[col_axis(axis)]};
}

/* ---- PNG: a file for each plane -------------------------------------------------------------- */

static int make_picture(exset_ctx_t *ctx, const exset_config_t *config, const section_plan_t *plan,
                        section_t *section, cJSON *list) {
  char *file = file_name(plan, section->axis, section->index);
  int err = exset_agree(ctx, file ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory"));
  if (!err) err = cli_output_check(ctx, config, file);
  if (!err) err = read_section(ctx, plan, section);
  if (!err) err = exset_agree(ctx, ctx->rank == 0 ? write_png(ctx, plan, file, section) : EXSET_OK);
  if (!err) report(ctx, plan, file, 0, section, list);
  free(file);
  return err;
}

/* ---- TIFF: a file for each axis, a page for each plane ---------------------------------------- */

static int make_page(exset_ctx_t *ctx, const section_plan_t *plan, exset_tiff_writer_t *writer,
                     section_t *section) {
  EXSET_TRY(read_section(ctx, plan, section));
  int err = EXSET_OK;
  if (ctx->rank == 0) err = paint(ctx, plan, section);
  if (ctx->rank == 0 && !err) err = exset_tiff_writer_page(ctx, writer, section->value);
  return exset_agree(ctx, err);
}

static int make_pages(exset_ctx_t *ctx, const section_plan_t *plan, const char *file,
                      const char *temp, section_t *section, cJSON *list) {
  const int64_t pages = planes_across(plan, section->axis);
  exset_tiff_writer_t *writer = NULL;
  int err = EXSET_OK;
  if (ctx->rank == 0)
    err = exset_tiff_writer_create(ctx, temp, pages, section->rows, section->cols, &writer);
  err = exset_agree(ctx, err);
  int64_t page = 0;
  for (int i = 0; !err && i < plan->n_ranges; i++) {
    const section_range_t *r = &plan->range[i];
    if (r->axis != section->axis) continue;
    section->range = r;
    for (section->index = r->first; !err && section->index < r->end; section->index += r->step) {
      err = make_page(ctx, plan, writer, section);
      if (!err) report(ctx, plan, file, page++, section, list);
    }
  }
  const int closed = writer ? exset_tiff_writer_close(ctx, &writer) : EXSET_OK;
  return exset_agree(ctx, err ? err : closed);
}

static int make_stack(exset_ctx_t *ctx, const exset_config_t *config, const section_plan_t *plan,
                      section_t *section, cJSON *list) {
  char temp[4096], *file = file_name(plan, section->axis, 0);
  int err = exset_agree(ctx, file ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory"));
  if (!err) err = cli_output_check(ctx, config, file);
  if (!err) err = exset_outfile_open(ctx, file, temp, sizeof temp);
  if (!err) {
    err = make_pages(ctx, plan, file, temp, section, list);
    if (!err) err = exset_outfile_commit(ctx, file);
    if (err) exset_outfile_discard(ctx, file);
  }
  free(file);
  return err;
}

/* ---- all of it -------------------------------------------------------------------------------- */

static int make_sections_across(exset_ctx_t *ctx, const exset_config_t *config,
                                const section_plan_t *plan, int axis, cJSON *list) {
  section_t section = new_section(plan, axis);
  const exset_grid_t *g = &plan->whole.grid;
  int err = exset_alloc(ctx, ctx->rank == 0 ? section.rows * section.cols : 0, 1, &section.value);
  if (!err)
    err = exset_alloc(ctx, axis == EXSET_AXIS_Z ? 0 : g->nz_local * section.cols, 1, &section.own);
  err = exset_agree(ctx, err);
  if (plan->tiff && !err) err = make_stack(ctx, config, plan, &section, list);
  for (int i = 0; !plan->tiff && !err && i < plan->n_ranges; i++) {
    const section_range_t *r = &plan->range[i];
    if (r->axis != axis) continue;
    section.range = r;
    for (section.index = r->first; !err && section.index < r->end; section.index += r->step)
      err = make_picture(ctx, config, plan, &section, list);
  }
  exset_volume_clear(&section.slab);
  free(section.own);
  free(section.value);
  return err;
}

static int make_sections(exset_ctx_t *ctx, const exset_config_t *config, const section_plan_t *plan,
                         cJSON *results) {
  const int n = plan->whole.n_phases;
  double gray[EXSET_MAX_PHASES + 1];
  for (int p = 0; p <= n; p++) gray[p] = plan->look.colours ? p : plan->look.gray[p];
  cJSON_AddItemToObject(results, "gray", cli_json_reals(n, gray + 1));
  cJSON_AddNumberToObject(results, "gray_masked", gray[0]);
  cJSON *list = cJSON_AddArrayToObject(results, "sections");
  exset_print(ctx, "axis    index  position/um  file\n");
  for (int axis = 0; axis < 3; axis++)
    if (planes_across(plan, axis) > 0)
      EXSET_TRY(make_sections_across(ctx, config, plan, axis, list));
  exset_print(ctx, "gray values of phases 1 to %d:", n);
  for (int p = 1; p <= n; p++) exset_print(ctx, "%c%g", p > 1 ? ',' : ' ', gray[p]);
  exset_print(ctx, "\n");
  return EXSET_OK;
}

static int write_box(exset_ctx_t *ctx, const exset_config_t *config, const section_plan_t *plan,
                     const exset_volume_t *volume) {
  exset_volume_extras_t extras;
  cli_provenance_t provenance;
  char box[160];
  const int64_t(*b)[2] = plan->crop;
  snprintf(box, sizeof box, "%" PRId64 ":%" PRId64 ",%" PRId64 ":%" PRId64 ",%" PRId64 ":%" PRId64,
           b[0][0], b[0][1], b[1][0], b[1][1], b[2][0], b[2][1]);
  EXSET_TRY(cli_volume_extras(config, 0, NULL, &extras));
  int err = cli_provenance_create(ctx, config, "section", &provenance);
  if (!err) err = cli_provenance_set(ctx, &provenance, "source_box", box);
  err = exset_agree(ctx, err);
  if (!err) err = cli_provenance_source(ctx, &provenance, plan->input);
  extras.n_attributes = provenance.n;
  extras.attributes = provenance.attribute;
  exset_info(ctx, "writing %s", plan->path);
  if (!err) err = exset_volume_write(ctx, plan->path, volume, &extras);
  cli_provenance_clear(&provenance);
  return err;
}

static int make_crop(exset_ctx_t *ctx, const exset_config_t *config, const section_plan_t *plan,
                     cJSON *results) {
  exset_volume_options_t options = plan->options;
  exset_volume_t v;
  double fraction[256], size[3];
  memcpy(options.box, plan->crop, sizeof options.box);
  EXSET_TRY(exset_volume_read(ctx, plan->input, &options, &v));
  int err = exset_volume_fractions(ctx, &v, fraction);
  if (!err) err = write_box(ctx, config, plan, &v);
  for (int a = 0; a < 3; a++) size[a] = (double)v.grid.n[a];
  cJSON_AddStringToObject(results, "file", plan->path);
  cJSON_AddItemToObject(results, "size", cli_json_reals(3, size));
  cJSON_AddItemToObject(results, "voxel_size", cli_json_reals(3, v.grid.voxel));
  cJSON_AddItemToObject(results, "origin", cli_json_reals(3, v.origin));
  cJSON_AddItemToObject(results, "volume_fractions", cli_json_reals(v.n_phases, fraction));
  if (!err) {
    exset_print(ctx, "%s: %g x %g x %g voxels (z, y, x), origin %g,%g,%g um\n", plan->path, size[0],
                size[1], size[2], v.origin[0], v.origin[1], v.origin[2]);
    exset_print(ctx, "phase  fraction\n");
    for (int p = 0; p < v.n_phases; p++) exset_print(ctx, "%5d  %.6f\n", p + 1, fraction[p]);
  }
  exset_volume_clear(&v);
  return err;
}

/* What could go wrong with the output goes wrong now. */
static int check_output(exset_ctx_t *ctx, const exset_config_t *config, const section_plan_t *plan,
                        const char *default_name) {
  exset_volume_extras_t extras;
  if (plan->n_ranges == 0) {
    EXSET_TRY(cli_volume_extras(config, 0, NULL, &extras));
    EXSET_TRY(exset_volume_write_check(ctx, plan->path, &extras));
  }
  EXSET_TRY(cli_output_check(ctx, config, plan->path));
  return cli_json_check(ctx, config, default_name);
}

static void print_plan(const exset_ctx_t *ctx, const section_plan_t *plan) {
  const int64_t *n = plan->whole.grid.n;
  const int64_t(*b)[2] = plan->crop;
  exset_print(ctx, "%s: %" PRId64 " x %" PRId64 " x %" PRId64 " voxels (z, y, x)", plan->input,
              n[0], n[1], n[2]);
  if (plan->whole.n_phases > 0) exset_print(ctx, ", %d phases", plan->whole.n_phases);
  exset_print(ctx, "\n");
  if (plan->n_ranges > 0)
    exset_print(
        ctx, "planes across z, y, x: %" PRId64 ", %" PRId64 ", %" PRId64 " in %" PRId64 " files\n",
        planes_across(plan, 0), planes_across(plan, 1), planes_across(plan, 2), count_files(plan));
  else
    exset_print(ctx, "box of %" PRId64 " x %" PRId64 " x %" PRId64 " voxels\n", b[0][1] - b[0][0],
                b[1][1] - b[1][0], b[2][1] - b[2][0]);
}

int exset_cli_section(exset_ctx_t *ctx, exset_config_t *config) {
  const char *name = exset_config_given(config, "section_crop") ? "section.vtkhdf" : "section.png";
  section_plan_t plan;
  bool dry_run = false;
  cJSON *results = NULL;
  int err;
  EXSET_TRY_GOTO(err, done, section_plan_read(ctx, config, name, &plan));
  EXSET_TRY_GOTO(err, done, exset_config_bool(config, "dry_run", &dry_run));
  EXSET_TRY_GOTO(err, done, check_output(ctx, config, &plan, name));
  if (dry_run || ctx->verbosity > 1) print_plan(ctx, &plan);
  if (dry_run) goto done;
  results = cJSON_CreateObject();
  err = plan.n_ranges > 0 ? make_sections(ctx, config, &plan, results)
                          : make_crop(ctx, config, &plan, results);
  if (!err) {
    err = cli_json_write(ctx, config, name, results);
    results = NULL;
  }
done:
  cJSON_Delete(results);
  section_plan_clear(&plan);
  return err;
}
