/*
 * Writing VTKHDF ImageData. Rank 0 lays the file out by itself (groups, attributes, data sets with
 * their space allocated, not filled); then all ranks open it and write their slabs collectively. So
 * attributes may be of any kind and length, and need not be the same on all ranks.
 */
#include <string.h>
#include <sys/stat.h>

#include "volume_hdf5.h"

/* ---- layout: rank 0 ------------------------------------------------------------------------- */

static bool put_attribute(hid_t where, const char *name, hid_t file_type, hid_t memory_type, int n,
                          const void *value) {
  const hsize_t size = (hsize_t)n;
  const hid_t space = n == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, NULL);
  const hid_t attribute = H5Acreate2(where, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
  const bool ok = attribute >= 0 && H5Awrite(attribute, memory_type, value) >= 0;
  if (!ok) return false; /* the handles end with the file; HDF5's reason is kept */
  return exset_h5_close(attribute) && exset_h5_close(space);
}

static bool put_ints(hid_t where, const char *name, int n, const int64_t *value) {
  return put_attribute(where, name, H5T_STD_I64LE, H5T_NATIVE_INT64, n, value);
}

/* z, y, x here; x, y, z in the file */
static bool put_vector(hid_t where, const char *name, const double zyx[3]) {
  const double xyz[3] = {zyx[2], zyx[1], zyx[0]};
  return put_attribute(where, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 3, xyz);
}

static bool put_string(hid_t where, const char *name, const char *text, bool fixed_length) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  if (type < 0) return false;
  if (fixed_length) { /* VTK takes the type from a fixed-length ASCII string only */
    if (H5Tset_size(type, strlen(text)) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0)
      return false;
    if (!put_attribute(where, name, type, type, 1, text)) return false;
  } else {
    if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0) return false;
    if (!put_attribute(where, name, type, type, 1, &text)) return false;
  }
  return exset_h5_close(type);
}

static bool put_head(hid_t group, const exset_volume_t *volume, int n_attributes,
                     const exset_attribute_t *attributes) {
  const exset_grid_t *g = &volume->grid;
  const int64_t version[2] = {1, 0}; /* ImageData is as in 1.0 ever since */
  const int64_t extent[6] = {0, g->n[2], 0, g->n[1], 0, g->n[0]};
  const double direction[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  if (!put_ints(group, "Version", 2, version) || !put_string(group, "Type", "ImageData", true) ||
      !put_ints(group, "WholeExtent", 6, extent) || !put_vector(group, "Origin", volume->origin) ||
      !put_vector(group, "Spacing", g->voxel) ||
      !put_attribute(group, "Direction", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 9, direction))
    return false;
  for (int i = 0; i < n_attributes; i++)
    if (!put_string(group, attributes[i].name, attributes[i].text, false)) return false;
  return true;
}

/* A data set without fill values, its space allocated. */
static hid_t new_dataset(hid_t group, const char *name, hid_t type, const exset_grid_t *g,
                         int components) {
  const hsize_t size[4] = {(hsize_t)g->n[0], (hsize_t)g->n[1], (hsize_t)g->n[2],
                           (hsize_t)components};
  const hid_t space = H5Screate_simple(components > 1 ? 4 : 3, size, NULL);
  const hid_t create = H5Pcreate(H5P_DATASET_CREATE);
  if (space < 0 || create < 0 || H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY) < 0 ||
      H5Pset_fill_time(create, H5D_FILL_TIME_NEVER) < 0)
    return -1;
  const hid_t dataset = H5Dcreate2(group, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (dataset < 0) return -1;
  return exset_h5_close(space) && exset_h5_close(create) ? dataset : -1;
}

static bool put_phase(hid_t cells, const exset_volume_t *volume) {
  const int64_t n_phases = volume->n_phases;
  const hid_t dataset = new_dataset(cells, "phase", H5T_STD_U8LE, &volume->grid, 1);
  return dataset >= 0 && put_ints(dataset, "n_phases", 1, &n_phases) &&
         put_string(dataset, "unit", "1", false) &&
         put_string(dataset, "description", "phase of the cell, from 1; 0: masked", false) &&
         exset_h5_close(dataset);
}

static bool put_array(hid_t cells, const exset_grid_t *grid, const exset_cellarray_t *a) {
  const hid_t dataset = new_dataset(cells, a->name, H5T_IEEE_F32LE, grid, a->components);
  return dataset >= 0 && put_string(dataset, "unit", a->unit ? a->unit : "", false) &&
         put_string(dataset, "description", a->description ? a->description : "", false) &&
         exset_h5_close(dataset);
}

static bool put_all(hid_t file, const exset_volume_t *volume, int n_attributes,
                    const exset_attribute_t *attributes, int n_arrays,
                    const exset_cellarray_t *arrays) {
  const hid_t group = H5Gcreate2(file, "VTKHDF", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0 || !put_head(group, volume, n_attributes, attributes)) return false;
  const hid_t cells = H5Gcreate2(group, "CellData", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (cells < 0 || !put_phase(cells, volume)) return false;
  for (int i = 0; i < n_arrays; i++)
    if (!put_array(cells, &volume->grid, &arrays[i])) return false;
  return exset_h5_close(cells) && exset_h5_close(group);
}

static int lay_out(const exset_h5_job_t *job, const exset_volume_t *volume, int n_attributes,
                   const exset_attribute_t *attributes, int n_arrays,
                   const exset_cellarray_t *arrays) {
  const hid_t access = exset_h5_access(job);
  const hid_t file = H5Fcreate(job->path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  int err = EXSET_OK;
  if (file < 0 || !put_all(file, volume, n_attributes, attributes, n_arrays, arrays))
    err = exset_h5_fail(job, EXSET_ERR_RUN);
  if (!exset_h5_close(file) && !err) err = exset_h5_fail(job, EXSET_ERR_RUN);
  exset_h5_close(access);
  struct stat info; /* the file has its full size, but nothing in most places yet */
  if (!err && stat(job->path, &info) == 0)
    err = exset_volume_reserve(job->ctx, job->path, info.st_size);
  return err;
}

/* ---- values: all ranks ---------------------------------------------------------------------- */

static int write_dataset(const exset_h5_job_t *job, hid_t cells, const char *name,
                         const exset_grid_t *grid, hid_t type, int components, const void *data) {
  const hid_t dataset = H5Dopen2(cells, name, H5P_DEFAULT);
  int err = dataset >= 0 ? EXSET_OK : exset_h5_fail(job, EXSET_ERR_RUN);
  err = exset_agree(job->ctx, err);
  /* one function moves both ways; this way it leaves the data as they are */
  if (!err) err = exset_h5_transfer(job, dataset, grid, type, components, (void *)(uintptr_t)data);
  if (!exset_h5_close(dataset) && !err) err = exset_h5_fail(job, EXSET_ERR_RUN);
  return exset_agree(job->ctx, err);
}

static int write_values(const exset_h5_job_t *job, hid_t file, const exset_volume_t *volume,
                        int n_arrays, const exset_cellarray_t *arrays) {
  const hid_t cells = H5Gopen2(file, "/VTKHDF/CellData", H5P_DEFAULT);
  int err = cells >= 0 ? EXSET_OK : exset_h5_fail(job, EXSET_ERR_RUN);
  err = exset_agree(job->ctx, err);
  if (!err)
    err = write_dataset(job, cells, "phase", &volume->grid, H5T_NATIVE_UINT8, 1, volume->phase);
  for (int i = 0; !err && i < n_arrays; i++)
    err = write_dataset(job, cells, arrays[i].name, &volume->grid, H5T_NATIVE_FLOAT,
                        arrays[i].components, arrays[i].value);
  exset_h5_close(cells);
  return err;
}

int exset_volume_hdf5_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume,
                            int n_attributes, const exset_attribute_t *attributes, int n_arrays,
                            const exset_cellarray_t *arrays) {
  exset_h5_job_t job = {.ctx = ctx, .path = temp};
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  int err = EXSET_OK;
  if (ctx->rank == 0) err = lay_out(&job, volume, n_attributes, attributes, n_arrays, arrays);
  err = exset_agree(ctx, err);
  hid_t file = -1;
  job.parallel = true;
  if (!err) err = exset_agree(ctx, exset_h5_open(&job, &file));
  if (!err) err = write_values(&job, file, volume, n_arrays, arrays);
  if (!exset_h5_close(file) && !err) err = exset_h5_fail(&job, EXSET_ERR_RUN);
  exset_h5_quiet_end(&quiet);
  return exset_agree(ctx, err);
}
