/**
 * fft: distributed 3D transforms in single precision, in place, on slabs (FFTW-MPI).
 *
 * A plan owns one buffer that holds the real array or its spectrum:
 *   real      [nz_local][ny][row]        floats, row = 2 (nx/2 + 1): the last 1 or 2 of a row are padding
 *   spectrum  [nz_local][ny][nx/2 + 1]   complex, planes z0...       (plain)
 *             [ny_local][nz][nx/2 + 1]   complex, planes y0...       (transposed: saves one exchange)
 * as pairs (re, im). The real slabs are those of exset_grid_init for the same ranks, the transposed ones
 * blocks of ceil(ny / ranks) planes; ranks may hold no plane. Transforms are not normalised: forward
 * then backward multiplies by the number of cells.
 *   forward   F(k) = sum_r X(r) exp(-i k r)        backward  X(r) = sum_k F(k) exp(+i k r)
 */
#ifndef EXSET_FFT_H
#define EXSET_FFT_H

#include "exset/core.h"

enum {
  EXSET_FFT_FORWARD = 1,    /* plan real to spectrum */
  EXSET_FFT_BACKWARD = 2,   /* plan spectrum to real */
  EXSET_FFT_TRANSPOSED = 4, /* the spectrum is [ny_local][nz][nx/2 + 1] */
  EXSET_FFT_MEASURE = 8,    /* time several algorithms while planning, instead of guessing */
};

typedef struct {
  int64_t n[3];         /* z, y, x */
  int64_t z0, nz_local; /* real planes of this rank */
  int64_t row;          /* floats from row to row of the real array */
  int64_t modes_x;      /* nx/2 + 1 */
  int64_t y0, ny_local; /* transposed spectrum: its planes of this rank */
  int64_t buffer_bytes; /* of the plan's buffer */
} exset_fft_layout_t;

typedef struct exset_fft_s exset_fft_t;

/**
 * The layout a plan would have, without making one. Collective.
 * Errors: EXSET_ERR_INPUT when the blocks two ranks exchange would exceed MPI's 2^31 items (use more ranks).
 */
int exset_fft_layout(exset_ctx_t *ctx, const int64_t n[3], exset_fft_layout_t *layout);
/**
 * Plan the transforms that flags ask for and allocate their buffer (contents undefined afterwards). Collective.
 * Errors: as exset_fft_layout; EXSET_ERR_RUN (memory, no plan).
 */
int exset_fft_create(exset_ctx_t *ctx, const int64_t n[3], int flags, exset_fft_t **fft);
/** Free plans and buffer (NULL is fine) and null the handle. Local. */
void exset_fft_destroy(exset_fft_t **fft);
/** The layout, borrowed, and the buffer, valid until destroy. Local. */
const exset_fft_layout_t *exset_fft_shape(const exset_fft_t *fft);
float *exset_fft_data(exset_fft_t *fft);
/** Transform the buffer in place, as planned. Collective. */
void exset_fft_forward(exset_fft_t *fft);
void exset_fft_backward(exset_fft_t *fft);

/**
 * Planning experience ("wisdom") of all ranks, kept in a text file for later runs of the same sizes. Collective.
 * load: a missing file is fine. Errors: EXSET_ERR_INPUT (load: not a wisdom file), EXSET_ERR_RUN (save).
 */
int exset_fft_wisdom_load(exset_ctx_t *ctx, const char *path);
int exset_fft_wisdom_save(exset_ctx_t *ctx, const char *path);
/** Name and version of the library behind this module. Local, static text. */
const char *exset_fft_version(void);

#endif
