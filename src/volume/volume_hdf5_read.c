/* Reading VTKHDF ImageData and plain HDF5 data sets: rank 0 looks at the file, all ranks read it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "volume_hdf5.h"

/* ---- head: rank 0 --------------------------------------------------------------------------- */

/* n numbers of an attribute; false when it is absent or of another size. */
static bool get_attribute(hid_t where, const char *name, hid_t memory_type, int n, void *value) {
  if (H5Aexists(where, name) <= 0) return false;
  const hid_t attribute = H5Aopen(where, name, H5P_DEFAULT);
  const hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
  const H5T_class_t class = H5Tget_class(type);
  const bool ok = (class == H5T_INTEGER || class == H5T_FLOAT) &&
                  H5Sget_simple_extent_npoints(space) == n &&
                  H5Aread(attribute, memory_type, value) >= 0;
  exset_h5_close(type);
  exset_h5_close(space);
  exset_h5_close(attribute);
  return ok;
}

/* Spacing and origin of VTKHDF, x, y, z there; the extent's first point counts for the origin. */
static void read_geometry(hid_t group, exset_volume_head_t *head) {
  double spacing[3] = {0}, origin[3] = {0};
  int64_t extent[6] = {0};
  get_attribute(group, "Spacing", H5T_NATIVE_DOUBLE, 3, spacing);
  get_attribute(group, "Origin", H5T_NATIVE_DOUBLE, 3, origin);
  get_attribute(group, "WholeExtent", H5T_NATIVE_INT64, 6, extent);
  for (int a = 0; a < 3; a++) {
    const int x = 2 - a;
    head->voxel[a] = spacing[x];
    head->origin[a] = origin[x] + (double)extent[2 * x] * spacing[x];
  }
}

typedef struct {
  char text[200];
} names_t;

static herr_t add_name(hid_t file, const char *name, const H5O_info_t *info, void *user) {
  (void)file;
  names_t *names = user;
  const size_t used = strlen(names->text);
  if (info->type == H5O_TYPE_DATASET && used + strlen(name) + 3 < sizeof names->text)
    snprintf(names->text + used, sizeof names->text - used, "%s%s", used ? ", " : "", name);
  return 0;
}

static int no_dataset(const exset_h5_job_t *job, hid_t file, const char *dataset) {
  names_t names = {""};
  H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, add_name, &names, H5O_INFO_BASIC);
  return exset_fail(job->ctx, EXSET_ERR_INPUT,
                    "%s has no data set %s; name one with volume_dataset (found: %s)", job->path,
                    dataset, names.text[0] ? names.text : "none");
}

/* Does a path exist? H5Lexists wants every step to exist. */
static bool exists(hid_t file, const char *path) {
  char step[512];
  snprintf(step, sizeof step, "%s", path);
  for (char *slash = strchr(step + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (H5Lexists(file, step, H5P_DEFAULT) <= 0) return false;
    *slash = '/';
  }
  return H5Lexists(file, step, H5P_DEFAULT) > 0 && H5Oexists_by_name(file, step, H5P_DEFAULT) > 0;
}

static int check_dataset(const exset_h5_job_t *job, hid_t dataset, exset_volume_head_t *head) {
  const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  const int rank = H5Sget_simple_extent_ndims(space);
  const H5T_class_t class = H5Tget_class(type);
  const bool bytes = H5Tget_size(type) == 1;
  hsize_t n[H5S_MAX_RANK] = {0};
  if (rank > 0) H5Sget_simple_extent_dims(space, n, NULL);
  exset_h5_close(space);
  exset_h5_close(type);
  if (rank != 3)
    return exset_fail(job->ctx, EXSET_ERR_INPUT,
                      "%s: data set %s has %d dimensions; a volume has 3 (z, y, x)", job->path,
                      head->dataset, rank);
  if (class != H5T_INTEGER)
    return exset_fail(job->ctx, EXSET_ERR_INPUT,
                      "%s: data set %s does not hold integers; allowed: gray values or phases",
                      job->path, head->dataset);
  for (int a = 0; a < 3; a++) head->n[a] = (int64_t)n[a];
  if (head->n[0] < 1 || head->n[1] < 1 || head->n[2] < 1)
    return exset_fail(job->ctx, EXSET_ERR_INPUT, "%s: data set %s is empty", job->path,
                      head->dataset);
  int64_t n_phases = 0;
  if (!bytes || !get_attribute(dataset, "n_phases", H5T_NATIVE_INT64, 1, &n_phases))
    return EXSET_OK;
  if (n_phases < 1 || n_phases > EXSET_MAX_PHASES)
    return exset_fail(job->ctx, EXSET_ERR_INPUT,
                      "%s: data set %s says it has %lld phases; allowed: 1 to %d", job->path,
                      head->dataset, (long long)n_phases, EXSET_MAX_PHASES);
  head->n_phases = (int)n_phases;
  return EXSET_OK;
}

static int read_dataset_head(const exset_h5_job_t *job, hid_t file, exset_volume_head_t *head) {
  if (!exists(file, head->dataset)) return no_dataset(job, file, head->dataset);
  const hid_t dataset = H5Dopen2(file, head->dataset, H5P_DEFAULT);
  if (dataset < 0) return no_dataset(job, file, head->dataset);
  const int err = check_dataset(job, dataset, head);
  exset_h5_close(dataset);
  return err;
}

int exset_volume_hdf5_head(exset_ctx_t *ctx, const char *path, const char *dataset,
                           exset_volume_head_t *head) {
  const exset_h5_job_t job = {.ctx = ctx, .path = path, .reading = true};
  const char *name = dataset ? dataset : "/VTKHDF/CellData/phase";
  if (!name[0] || strlen(name) + 2 > sizeof head->dataset)
    return exset_fail(ctx, EXSET_ERR_INPUT, "volume_dataset \"%.60s\" is not a name", name);
  snprintf(head->dataset, sizeof head->dataset, "%s%s", name[0] == '/' ? "" : "/", name);
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  hid_t file;
  int err = exset_h5_open(&job, &file);
  if (!err) err = read_dataset_head(&job, file, head);
  if (!err && strncmp(head->dataset, "/VTKHDF/", 8) == 0) {
    const hid_t group = H5Gopen2(file, "/VTKHDF", H5P_DEFAULT);
    if (group >= 0) read_geometry(group, head);
    exset_h5_close(group);
  }
  exset_h5_close(file);
  exset_h5_quiet_end(&quiet);
  return err;
}

/* ---- values: all ranks ---------------------------------------------------------------------- */

/* Any integers, a few planes at a time; gray values must lie in 0..65535. */
static int read_gray(const exset_h5_job_t *job, hid_t dataset, const exset_grid_t *grid,
                     uint16_t *gray) {
  const int64_t limit = 64 << 20, cell = sizeof(int32_t);
  const int64_t count = exset_pieces(job->ctx, grid, cell, limit);
  int32_t *buffer;
  const exset_piece_t widest = exset_piece(grid, cell, limit, 0);
  EXSET_TRY(exset_alloc_all(job->ctx, exset_piece_cells(grid, &widest), sizeof *buffer, &buffer));
  int err = EXSET_OK;
  for (int64_t i = 0; i < count; i++) {
    const exset_piece_t p = exset_piece(grid, cell, limit, i);
    const int piece_err =
        exset_h5_transfer_piece(job, dataset, grid, &p, H5T_NATIVE_INT32, 1, buffer);
    err = err ? err : piece_err;
    uint16_t *out = gray + exset_piece_start(grid, &p);
    const int64_t n = exset_piece_cells(grid, &p);
    for (int64_t c = 0; !err && c < n; c++) {
      if (buffer[c] < 0 || buffer[c] > 65535)
        err = exset_fail(job->ctx, EXSET_ERR_INPUT,
                         "%s: the value %ld is not a gray value (0 to 65535)", job->path,
                         (long)buffer[c]);
      out[c] = (uint16_t)buffer[c];
    }
  }
  free(buffer);
  return err;
}

int exset_volume_hdf5_values(exset_ctx_t *ctx, const char *path, const exset_volume_head_t *head,
                             const exset_grid_t *grid, uint16_t *gray, uint8_t *phase) {
  const exset_h5_job_t job = {.ctx = ctx, .path = path, .reading = true, .parallel = true};
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  hid_t file = -1, dataset = -1;
  int err = exset_agree(ctx, exset_h5_open(&job, &file));
  if (!err) {
    dataset = H5Dopen2(file, head->dataset, H5P_DEFAULT);
    err = exset_agree(ctx, dataset >= 0 ? EXSET_OK : exset_h5_fail(&job, EXSET_ERR_RUN));
  }
  if (!err)
    err =
        exset_agree(ctx, phase ? exset_h5_transfer(&job, dataset, grid, H5T_NATIVE_UINT8, 1, phase)
                               : read_gray(&job, dataset, grid, gray));
  exset_h5_close(dataset);
  exset_h5_close(file);
  exset_h5_quiet_end(&quiet);
  return err;
}
