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
  bool apart;    /* parallel: each rank looks up metadata by itself, as chunks need it */
  MPI_Info info; /* hints; MPI_INFO_NULL where not parallel */
} exset_h5_job_t;

/** Record "cannot read <path>: <reason>" with HDF5's innermost message of its last failure (each call of HDF5
 *  forgets the one before) and return code. Local. */
int exset_h5_fail(const exset_h5_job_t *job, int code);
/** Close any handle (a negative one is no handle); false on failure. Collective for parallel files. */
bool exset_h5_close(hid_t id);
/** Access properties of the job's file, or a negative number. Local. */
hid_t exset_h5_access(const exset_h5_job_t *job);
/** Open an existing file; file: -1 after errors. Collective for parallel files. Errors: EXSET_ERR_RUN, EXSET_ERR_INPUT
 *  (reading). */
int exset_h5_open(const exset_h5_job_t *job, hid_t *file);

/**
 * Write this rank's slab of a contiguous data set [nz][ny][nx] or [nz][ny][nx][components].
 * Collective; every rank makes the same calls, also after a failure. Errors (this rank only): EXSET_ERR_RUN.
 */
int exset_h5_write_slab(const exset_h5_job_t *job, hid_t dataset, const exset_grid_t *grid,
                        hid_t type, int components, const void *data);

/*
 * The driver by which rank 0 alone lays a file out. Data written from `nothing` go nowhere: HDF5 makes room for them, and the
 * ranks write there what belongs. A write that fails is remembered and HDF5 told of success: it cannot close a file
 * whose metadata do not reach the disk, and crashes when the program ends.
 */
typedef struct {
  const void *nothing;
  haddr_t place; /* of the last data from there, HADDR_UNDEF before */
  int why;       /* errno of the first write that failed, 0 */
} exset_h5_layout_t;
/** Make access properties use the driver, which is to be unregistered by H5FDunregister after the file is closed;
 *  negative on failure. layout must live as long as the file. Local. */
hid_t exset_h5_layout_driver(hid_t access, exset_h5_layout_t *layout);

/* Chunks of a compressed data set, planes within the slabs of the ranks, each compressed by one of them. */
typedef struct {
  int64_t size[3], count[3]; /* cells of a chunk; chunks along z, y, x */
  int64_t n;                 /* this rank's, in the order z, y, x, as those of all ranks are */
  uint32_t *bytes;           /* [n] */
  uint8_t *data;             /* one after the other */
  int64_t used;              /* bytes of data */
} exset_h5_chunks_t;
/** Compress this rank's slab. Collective. Errors: EXSET_ERR_RUN (memory). Clear with exset_h5_chunks_clear, also after
 *  errors. */
int exset_h5_chunks_make(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase,
                         exset_h5_chunks_t *chunks);
/** Sizes of all chunks on rank 0 (new array, NULL elsewhere). Collective. Errors: EXSET_ERR_RUN, EXSET_ERR_LOCAL. */
int exset_h5_chunks_sizes(exset_ctx_t *ctx, const exset_h5_chunks_t *chunks, uint32_t **bytes);
/** Write the chunks to their addresses, known to rank 0, in a file that is laid out. Collective. Errors: EXSET_ERR_RUN. */
int exset_h5_chunks_write(exset_ctx_t *ctx, const char *path, MPI_Info info,
                          const exset_h5_chunks_t *chunks, const int64_t *address);
void exset_h5_chunks_clear(exset_h5_chunks_t *chunks);

#endif
