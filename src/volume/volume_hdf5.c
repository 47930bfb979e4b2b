/* HDF5 handles, quiet errors, transfer of slabs. */
#include "volume_hdf5.h"

#include <stdio.h>
#include <string.h>

void exset_h5_quiet_begin(exset_h5_quiet_t *quiet) {
  if (H5Eget_auto2(H5E_DEFAULT, &quiet->function, &quiet->user) < 0) quiet->function = NULL;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void exset_h5_quiet_end(const exset_h5_quiet_t *quiet) {
  H5Eset_auto2(H5E_DEFAULT, quiet->function, quiet->user);
}

typedef struct {
  char text[240];
} reason_t;

static herr_t keep_first(unsigned n, const H5E_error2_t *error, void *user) {
  reason_t *reason = user;
  if (n > 0 || !error->desc) return 0;
  snprintf(reason->text, sizeof reason->text, ": %s", error->desc);
  for (char *c = reason->text; *c; c++)
    if (*c == '\n') *c = ' ';
  return 0;
}

int exset_h5_fail(const exset_h5_job_t *job, int code) {
  reason_t reason = {""};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
  return exset_fail(job->ctx, code, "cannot %s %s%s", job->reading ? "read" : "write", job->path,
                    reason.text);
}

bool exset_h5_close(hid_t id) {
  if (id < 0) return true;
  return H5Iget_type(id) == H5I_FILE ? H5Fclose(id) >= 0 : H5Idec_ref(id) >= 0;
}

hid_t exset_h5_access(const exset_h5_job_t *job) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0) return access;
  bool ok = H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0;
  /* some parallel file systems know no locks */
  ok = ok && H5Pset_file_locking(access, true, true) >= 0;
  if (job->parallel)
    ok = ok && H5Pset_fapl_mpio(access, job->ctx->comm, job->info) >= 0 &&
         H5Pset_all_coll_metadata_ops(access, !job->apart) >= 0;
  if (ok) return access;
  exset_h5_close(access);
  return -1;
}

int exset_h5_open(const exset_h5_job_t *job, hid_t *file) {
  *file = -1;
  if (job->parallel) EXSET_TRY(exset_volume_reach(job->ctx, job->path, job->reading));
  const hid_t access = exset_h5_access(job);
  *file = H5Fopen(job->path, job->reading ? H5F_ACC_RDONLY : H5F_ACC_RDWR, access);
  const int err =
      *file >= 0 ? EXSET_OK : exset_h5_fail(job, job->reading ? EXSET_ERR_INPUT : EXSET_ERR_RUN);
  exset_h5_close(access);
  return err;
}

/* Selections of one piece: the same cells in memory and in the file, none for an empty piece. */
static bool select_piece(hid_t memory, hid_t space, const exset_grid_t *grid,
                         const exset_piece_t *p, int components) {
  if (p->nz == 0) return H5Sselect_none(memory) >= 0 && H5Sselect_none(space) >= 0;
  const hsize_t start[4] = {(hsize_t)(grid->z0 + p->z), (hsize_t)p->y, 0, 0};
  const hsize_t count[4] = {(hsize_t)p->nz, (hsize_t)p->ny, (hsize_t)grid->n[2],
                            (hsize_t)components};
  return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
}

/*
 * Called by all ranks together, but each writes its own range: a slab is one contiguous range of
 * the file, which aggregation by MPI-IO could only slow down; and Open MPI's aggregation reports
 * success on a full disk.
 */
static int write_piece(const exset_h5_job_t *job, hid_t dataset, const exset_grid_t *grid,
                       const exset_piece_t *p, hid_t type, int components, const void *data) {
  const int64_t values = exset_piece_cells(grid, p) * components;
  const hsize_t size = (hsize_t)(values > 0 ? values : 1);
  const hid_t memory = H5Screate_simple(1, &size, NULL), space = H5Dget_space(dataset);
  const hid_t collective = H5Pcreate(H5P_DATASET_XFER);
  int err = EXSET_OK;
  if (H5Pset_dxpl_mpio(collective, H5FD_MPIO_COLLECTIVE) < 0 ||
      H5Pset_dxpl_mpio_collective_opt(collective, H5FD_MPIO_INDIVIDUAL_IO) < 0 ||
      !select_piece(memory, space, grid, p, components)) {
    err = exset_h5_fail(job, EXSET_ERR_RUN);
    H5Sselect_none(memory); /* and take part all the same: the others wait */
    H5Sselect_none(space);
  }
  if (H5Dwrite(dataset, type, memory, space, collective, data) < 0 && !err)
    err = exset_h5_fail(job, EXSET_ERR_RUN);
  exset_h5_close(collective);
  exset_h5_close(space);
  exset_h5_close(memory);
  return err;
}

int exset_h5_write_slab(const exset_h5_job_t *job, hid_t dataset, const exset_grid_t *grid,
                        hid_t type, int components, const void *data) {
  const int64_t cell_bytes = (int64_t)H5Tget_size(type) * components;
  const int64_t count = exset_pieces(job->ctx, grid, cell_bytes, EXSET_PIECE_BYTES);
  int err = EXSET_OK;
  for (int64_t i = 0; i < count; i++) {
    const exset_piece_t p = exset_piece(grid, cell_bytes, EXSET_PIECE_BYTES, i);
    const char *piece = (const char *)data + exset_piece_start(grid, &p) * cell_bytes;
    const int piece_err = write_piece(job, dataset, grid, &p, type, components, piece);
    err = err ? err : piece_err;
  }
  return err;
}
