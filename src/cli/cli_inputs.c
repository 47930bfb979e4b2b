/* Labels, voxel sizes, volumes and sections from the keys and inputs of a command. */
#include "cli_inputs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int read_values(const exset_config_t *config, const char *name, int *n, int *value) {
  int64_t list[EXSET_MAX_PHASES];
  EXSET_TRY(exset_config_int_list(config, name, EXSET_MAX_PHASES, list, n));
  for (int i = 0; i < *n; i++) value[i] = (int)list[i]; /* the key's range is 0..65535 */
  return EXSET_OK;
}

int cli_labels(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels) {
  memset(labels, 0, sizeof *labels);
  EXSET_TRY(read_values(config, "image_labels", &labels->n_labels, labels->label));
  EXSET_TRY(read_values(config, "image_mask", &labels->n_masked, labels->masked));
  return exset_labels_check(ctx, labels);
}

int cli_voxel(exset_ctx_t *ctx, const exset_config_t *config, double voxel[3]) {
  int n;
  for (int a = 0; a < 3; a++) voxel[a] = 0;
  EXSET_TRY(exset_config_real_list(config, "voxel_size", 3, voxel, &n));
  if (n == 2)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-voxel_size has 2 values: one number, or three (z,y,x) are allowed");
  if (n == 1) voxel[2] = voxel[1] = voxel[0];
  if (n == 0) return EXSET_OK;
  exset_grid_t grid; /* it knows which voxels are allowed */
  const int64_t one[3] = {1, 1, 1};
  return exset_grid_init(ctx, one, voxel, &grid);
}

int cli_grid(exset_ctx_t *ctx, const exset_config_t *config, exset_grid_t *grid) {
  int64_t size[3];
  double voxel[3];
  int n;
  EXSET_TRY(exset_config_int_list(config, "size", 3, size, &n));
  if (n == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-size is needed: voxels nz,ny,nx, or one number");
  if (n == 2)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-size has 2 values; allowed: 1 or 3 (nz,ny,nx)");
  if (n == 1) size[1] = size[2] = size[0];
  EXSET_TRY(cli_voxel(ctx, config, voxel));
  for (int a = 0; a < 3; a++)
    if (voxel[a] == 0) voxel[a] = 1;
  return exset_grid_init(ctx, size, voxel, grid);
}

int cli_volume_options(exset_ctx_t *ctx, const exset_config_t *config,
                       exset_volume_options_t *options) {
  int n;
  memset(options, 0, sizeof *options);
  EXSET_TRY(cli_labels(ctx, config, &options->labels));
  EXSET_TRY(cli_voxel(ctx, config, options->voxel));
  EXSET_TRY(exset_config_int_list(config, "raw_size", 3, options->raw_size, &n));
  if (n != 0 && n != 3)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-raw_size has %d values: three (nz,ny,nx) are needed",
                      n);
  if (exset_config_given(config, "io_hints"))
    EXSET_TRY(exset_config_string(config, "io_hints", &options->hints));
  return exset_config_given(config, "volume_dataset")
             ? exset_config_string(config, "volume_dataset", &options->dataset)
             : EXSET_OK;
}

int cli_volume_extras(const exset_config_t *config, int n_arrays, const exset_cellarray_t *arrays,
                      exset_volume_extras_t *extras) {
  int compression;
  *extras = (exset_volume_extras_t){.n_arrays = n_arrays, .arrays = arrays};
  EXSET_TRY(exset_config_choice(config, "compression", &compression));
  extras->compression = (exset_compression_t)compression; /* in the order of the key's choices */
  return exset_config_given(config, "io_hints")
             ? exset_config_string(config, "io_hints", &extras->hints)
             : EXSET_OK;
}

int cli_is_volume(exset_ctx_t *ctx, const exset_config_t *config, const char *path, bool *volume) {
  exset_file_kind_t kind = EXSET_FILE_OTHER;
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? exset_file_kind(ctx, path, &kind, NULL) : EXSET_OK));
  int is_volume = kind == EXSET_FILE_HDF5 || exset_config_given(config, "raw_size");
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&is_volume, 1, MPI_INT, 0, ctx->comm)));
  *volume = is_volume;
  return EXSET_OK;
}

int cli_axes(exset_ctx_t *ctx, const exset_config_t *config, const char *key, int axis[3], int *n) {
  static const char letter[3] = {'z', 'y', 'x'};
  int choice[4], given;
  *n = 0;
  EXSET_TRY(exset_config_choice_list(config, key, 3, choice, &given));
  for (int i = 0; i < given; i++) {
    if (choice[i] == 3) { /* all */
      if (given > 1)
        return exset_fail(ctx, EXSET_ERR_INPUT, "-%s: all stands alone, or list some of x,y,z",
                          key);
      for (*n = 0; *n < 3; (*n)++) axis[*n] = EXSET_AXIS_X - *n; /* x, y, z */
      return EXSET_OK;
    }
    axis[(*n)++] = EXSET_AXIS_X - choice[i];
    for (int k = 0; k < i; k++)
      if (choice[k] == choice[i])
        return exset_fail(ctx, EXSET_ERR_INPUT, "-%s names %c twice", key, letter[axis[i]]);
  }
  return EXSET_OK;
}

void cli_volume_print(const exset_ctx_t *ctx, const char *path, const exset_grid_t *grid) {
  exset_print(ctx,
              "volume      %s: %" PRId64 " x %" PRId64 " x %" PRId64
              " voxels of %g x %g x %g um (z, y, x)\n",
              path, grid->n[0], grid->n[1], grid->n[2], grid->voxel[0], grid->voxel[1],
              grid->voxel[2]);
}

/* ---- sections ---- */

enum { MAX_FILES = 1024 }; /* as many as the keys take */

static int read_sections(exset_ctx_t *ctx, const exset_config_t *config, const char *path,
                         exset_orient_t orient, exset_labels_t *labels,
                         exset_sections_t *sections) {
  int columns; /* place in "rows,columns" */
  EXSET_TRY(exset_config_choice(config, "z_axis", &columns));
  const bool transpose = columns && orient != EXSET_ORIENT_XY;
  return exset_sections_read(ctx, path, orient, transpose, labels, sections);
}

/* Files in the planes that the key orientation names: one for all, or one for each. */
static int read_oriented(exset_ctx_t *ctx, const exset_config_t *config, int n_files,
                         const char *const *path, exset_labels_t *labels,
                         exset_sections_t *sections) {
  int orient[MAX_FILES], n;
  EXSET_TRY(exset_config_choice_list(config, "orientation", MAX_FILES, orient, &n));
  if (n != 1 && n != n_files)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-orientation has %d values for %d images: one for all, or one for each", n,
                      n_files);
  for (int i = 0; i < n_files; i++)
    EXSET_TRY(read_sections(ctx, config, path[i], (exset_orient_t)orient[n == 1 ? 0 : i], labels,
                            sections));
  return exset_sections_check(ctx, labels, sections);
}

int cli_sections_inputs(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels,
                        exset_sections_t *sections) {
  const char *path[MAX_FILES];
  const int n = exset_config_inputs(config);
  if (n == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "no image given: one or more TIFF or PNG files");
  if (n > MAX_FILES)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%d images: at most %d are allowed", n, MAX_FILES);
  for (int i = 0; i < n; i++) path[i] = exset_config_input(config, i);
  return read_oriented(ctx, config, n, path, labels, sections);
}

int cli_sections_data(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels,
                      exset_sections_t *sections) {
  const int n_inputs = exset_config_inputs(config);
  char *data[MAX_FILES];
  const char *path[MAX_FILES];
  int n_data = 0, n = 0;
  while (n_data < MAX_FILES && (data[n_data] = exset_config_string_item(config, "data", n_data)))
    path[n++] = data[n_data++];
  for (int i = 0; i < n_inputs && n < MAX_FILES; i++) path[n++] = exset_config_input(config, i);
  int err;
  if (n_data + n_inputs > n)
    err = exset_fail(ctx, EXSET_ERR_INPUT, "%d images: at most %d are allowed", n_data + n_inputs,
                     MAX_FILES);
  else if (n > 0) err = read_oriented(ctx, config, n, path, labels, sections);
  else err = cli_sections_keys(ctx, config, labels, sections);
  for (int i = 0; i < n_data; i++) free(data[i]);
  return err;
}

int cli_sections_keys(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels,
                      exset_sections_t *sections) {
  const char *key[] = {"sections_xy", "sections_xz", "sections_yz"}; /* order of exset_orient_t */
  for (int o = 0; o < 3; o++) {
    char *path;
    for (int i = 0; (path = exset_config_string_item(config, key[o], i)); i++) {
      const int err = read_sections(ctx, config, path, (exset_orient_t)o, labels, sections);
      free(path);
      EXSET_TRY(err);
    }
  }
  if (sections->n > 0) return exset_sections_check(ctx, labels, sections);
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "no section given: one of -sections_xy, -sections_xz, -sections_yz is needed");
}

void cli_section_pixel(const double voxel[3], exset_orient_t orient, double pixel[2]) {
  const int rows = orient == EXSET_ORIENT_XY ? EXSET_AXIS_Y : EXSET_AXIS_Z;
  const int cols = orient == EXSET_ORIENT_YZ ? EXSET_AXIS_Y : EXSET_AXIS_X;
  pixel[0] = voxel[rows] > 0 ? voxel[rows] : 1;
  pixel[1] = voxel[cols] > 0 ? voxel[cols] : 1;
}
