/* Inside the volume module: HDF5 handles, quiet errors, transfer of slabs. */
#ifndef EXSET_VOLUME_HDF5_H
#define EXSET_VOLUME_HDF5_H

#include <hdf5.h>

#include "volume_impl.h"

/* HDF5 prints its error stack unless told not to: off between begin and end. */
typedef struct {
  H5E_auto2_t function;
  void *user;
} exset_h5_quiet_t;
void exset_h5_quiet_begin(exset_h5_quiet_t *quiet);
void exset_h5_quiet_end(const exset_h5_quiet_t *quiet);

/* Which file is at work and what for: the beginning of messages. */
typedef struct {
  exset_ctx_t *ctx;
  const char *path;
  bool reading;
  bool parallel; /* opened by all ranks of ctx together */
} exset_h5_job_t;

/** Record "cannot read <path>: <reason>" with HDF5's innermost message of its last failure (each call of HDF5
 *  forgets the one before) and return code. Local. */
int exset_h5_fail(const exset_h5_job_t *job, int code);
/** Close any handle (a negative one is no handle); false on failure. Collective for parallel files. */
bool exset_h5_close(hid_t id);
/** Access properties of the job's file, or a negative number. Local. */
hid_t exset_h5_access(const exset_h5_job_t *job);
/** Open an existing file. Collective for parallel files. Errors: EXSET_ERR_RUN, EXSET_ERR_INPUT (reading). */
int exset_h5_open(const exset_h5_job_t *job, hid_t *file);

/**
 * Move this rank's slab, or one piece of it, between memory and a data set [nz][ny][nx] or
 * [nz][ny][nx][components]. data: the slab, or the piece. Collective; every rank makes the same
 * calls, also after a failure. Errors (this rank only): EXSET_ERR_RUN.
 */
int exset_h5_transfer(const exset_h5_job_t *job, hid_t dataset, const exset_grid_t *grid,
                      hid_t type, int components, void *data);
int exset_h5_transfer_piece(const exset_h5_job_t *job, hid_t dataset, const exset_grid_t *grid,
                            const exset_piece_t *piece, hid_t type, int components, void *data);

#endif
