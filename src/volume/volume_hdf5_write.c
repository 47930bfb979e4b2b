/*
 * Writing VTKHDF ImageData. Rank 0 lays the file out by itself (groups, attributes, data sets with
 * their space allocated, not filled); then all ranks open it and write their slabs collectively, or their compressed
 * chunks where they belong. So attributes may be of any kind and length, and need not be the same on all ranks.
 */
#include <stdlib.h>
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

/* What is written, and what its layout tells. */
typedef struct {
  const exset_volume_t *volume;
  const exset_volume_extras_t *extras;
  MPI_Info info;
  bool compressed;
  exset_h5_chunks_t chunks;
  uint32_t *bytes;  /* rank 0: of each chunk */
  int64_t *address; /* rank 0: where it belongs */
} work_t;

static bool put_head(hid_t group, const exset_volume_t *volume,
                     const exset_volume_extras_t *extras) {
  const exset_grid_t *g = &volume->grid;
  const int64_t version[2] = {1, 0}; /* ImageData is as in 1.0 ever since */
  const int64_t extent[6] = {0, g->n[2], 0, g->n[1], 0, g->n[0]};
  const double direction[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  if (!put_ints(group, "Version", 2, version) || !put_string(group, "Type", "ImageData", true) ||
      !put_ints(group, "WholeExtent", 6, extent) || !put_vector(group, "Origin", volume->origin) ||
      !put_vector(group, "Spacing", g->voxel) ||
      !put_attribute(group, "Direction", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 9, direction))
    return false;
  for (int i = 0; i < extras->n_attributes; i++)
    if (!put_string(group, extras->attributes[i].name, extras->attributes[i].text, false))
      return false;
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

/* A data set of compressed chunks: each gets room of its size, in HDF5's index; nothing is written (see the driver). */
static hid_t new_compressed(hid_t group, const char *name, const work_t *w,
                            exset_h5_layout_t *layout) {
  const exset_h5_chunks_t *c = &w->chunks;
  hsize_t size[3], chunk[3];
  for (int a = 0; a < 3; a++) {
    size[a] = (hsize_t)w->volume->grid.n[a];
    chunk[a] = (hsize_t)c->size[a];
  }
  const hid_t space = H5Screate_simple(3, size, NULL), create = H5Pcreate(H5P_DATASET_CREATE);
  if (space < 0 || create < 0 || H5Pset_chunk(create, 3, chunk) < 0 ||
      H5Pset_deflate(create, 1) < 0 || H5Pset_fill_time(create, H5D_FILL_TIME_NEVER) < 0)
    return -1;
  const hid_t dataset =
      H5Dcreate2(group, name, H5T_STD_U8LE, space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (dataset < 0) return -1;
  const int64_t row = c->count[2], layer = row * c->count[1], all = layer * c->count[0];
  for (int64_t i = 0; i < all; i++) {
    const hsize_t at[3] = {(hsize_t)(i / layer) * chunk[0],
                           (hsize_t)(i / row % c->count[1]) * chunk[1],
                           (hsize_t)(i % row) * chunk[2]};
    layout->place = HADDR_UNDEF;
    if (H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, at, w->bytes[i], layout->nothing) < 0 ||
        layout->place == HADDR_UNDEF)
      return -1;
    w->address[i] = (int64_t)layout->place;
  }
  return exset_h5_close(space) && exset_h5_close(create) ? dataset : -1;
}

static bool put_phase(hid_t cells, const work_t *w, exset_h5_layout_t *layout) {
  const int64_t n_phases = w->volume->n_phases;
  const hid_t dataset = w->compressed
                            ? new_compressed(cells, "phase", w, layout)
                            : new_dataset(cells, "phase", H5T_STD_U8LE, &w->volume->grid, 1);
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

static bool put_all(hid_t file, const work_t *w, exset_h5_layout_t *layout) {
  const hid_t group = H5Gcreate2(file, "VTKHDF", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0 || !put_head(group, w->volume, w->extras)) return false;
  const hid_t cells = H5Gcreate2(group, "CellData", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (cells < 0 || !put_phase(cells, w, layout)) return false;
  for (int i = 0; i < w->extras->n_arrays; i++)
    if (!put_array(cells, &w->volume->grid, &w->extras->arrays[i])) return false;
  return exset_h5_close(cells) && exset_h5_close(group);
}

/* Large arrays begin at whole stripes of parallel file systems; indices of many chunks do not part the chunks too often. */
static bool set_places(hid_t access, const work_t *w) {
  const hsize_t large = 64 << 20, stripe = 4 << 20;
  int64_t index = exset_mul3(w->chunks.count[0], w->chunks.count[1], w->chunks.count[2]) * 64;
  index = index < 2048 ? 2048 : index > (1 << 20) ? 1 << 20 : index;
  return H5Pset_alignment(access, large, stripe) >= 0 &&
         H5Pset_meta_block_size(access, (hsize_t)index) >= 0;
}

static int lay_out(const exset_h5_job_t *job, const work_t *w) {
  exset_h5_layout_t layout = {w, HADDR_UNDEF, 0}; /* any address that HDF5 has no business with */
  const hid_t access = exset_h5_access(job), driver = exset_h5_layout_driver(access, &layout);
  hid_t file = -1;
  int err = EXSET_OK;
  if (driver < 0 || !set_places(access, w) ||
      (file = H5Fcreate(job->path, H5F_ACC_TRUNC, H5P_DEFAULT, access)) < 0 ||
      !put_all(file, w, &layout))
    err = layout.why ? EXSET_ERR_RUN : exset_h5_fail(job, EXSET_ERR_RUN);
  if (!exset_h5_close(file) && !err) err = exset_h5_fail(job, EXSET_ERR_RUN);
  exset_h5_close(access);
  if (driver >= 0) H5FDunregister(driver);
  if (layout.why)
    err =
        exset_fail(job->ctx, EXSET_ERR_RUN, "cannot write %s: %s", job->path, strerror(layout.why));
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
  if (!err) err = exset_h5_write_slab(job, dataset, grid, type, components, data);
  if (!exset_h5_close(dataset) && !err) err = exset_h5_fail(job, EXSET_ERR_RUN);
  return exset_agree(job->ctx, err);
}

/* Contiguous data sets. */
static int write_values(const exset_h5_job_t *job, hid_t file, const work_t *w) {
  const exset_grid_t *grid = &w->volume->grid;
  const hid_t cells = H5Gopen2(file, "/VTKHDF/CellData", H5P_DEFAULT);
  int err = cells >= 0 ? EXSET_OK : exset_h5_fail(job, EXSET_ERR_RUN);
  err = exset_agree(job->ctx, err);
  if (!err && !w->compressed)
    err = write_dataset(job, cells, "phase", grid, H5T_NATIVE_UINT8, 1, w->volume->phase);
  for (int i = 0; !err && i < w->extras->n_arrays; i++) {
    const exset_cellarray_t *a = &w->extras->arrays[i];
    err = write_dataset(job, cells, a->name, grid, H5T_NATIVE_FLOAT, a->components, a->value);
  }
  exset_h5_close(cells);
  return err;
}

static int write_contiguous(exset_ctx_t *ctx, const char *temp, const work_t *w) {
  const exset_h5_job_t job = {.ctx = ctx, .path = temp, .parallel = true, .info = w->info};
  hid_t file = -1;
  int err = exset_agree(ctx, exset_h5_open(&job, &file));
  if (!err) err = write_values(&job, file, w);
  if (!exset_h5_close(file) && !err) err = exset_h5_fail(&job, EXSET_ERR_RUN);
  return exset_agree(ctx, err);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Chunks in memory, their sizes on rank 0 and room there for their addresses. */
static int compress(exset_ctx_t *ctx, work_t *w) {
  exset_h5_chunks_t *c = &w->chunks;
  EXSET_TRY(exset_h5_chunks_make(ctx, &w->volume->grid, w->volume->phase, c));
  EXSET_TRY(exset_h5_chunks_sizes(ctx, c, &w->bytes));
  const int64_t all = exset_mul3(c->count[0], c->count[1], c->count[2]);
  return exset_alloc_all(ctx, ctx->rank == 0 ? all : 0, sizeof *w->address, &w->address);
}

static int write_work(exset_ctx_t *ctx, const char *temp, work_t *w) {
  const exset_h5_job_t job = {.ctx = ctx, .path = temp};
  if (w->compressed) EXSET_TRY(compress(ctx, w));
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? lay_out(&job, w) : EXSET_OK));
  if (w->compressed) EXSET_TRY(exset_h5_chunks_write(ctx, temp, w->info, &w->chunks, w->address));
  if (w->compressed && w->extras->n_arrays == 0) return EXSET_OK;
  return write_contiguous(ctx, temp, w);
}

int exset_volume_hdf5_write(exset_ctx_t *ctx, const char *temp, const exset_volume_t *volume,
                            const exset_volume_extras_t *extras) {
  exset_h5_quiet_t quiet;
  work_t w = {.volume = volume,
              .extras = extras,
              .compressed = extras->compression != EXSET_COMPRESSION_NONE};
  EXSET_TRY(exset_agree(ctx, exset_volume_hints(ctx, extras->hints, &w.info)));
  exset_h5_quiet_begin(&quiet);
  const int err = write_work(ctx, temp, &w);
  exset_h5_quiet_end(&quiet);
  exset_volume_hints_free(&w.info);
  exset_h5_chunks_clear(&w.chunks);
  free(w.bytes);
  free(w.address);
  return err;
}
