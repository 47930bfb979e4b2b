/**
 * fft_serial: double-precision real transforms on one rank (sections, tiles, small volumes).
 * Distributed single-precision transforms are in fft.h.
 *
 * Conventions: forward  X_k = sum_x x exp(-2 pi i k x / n),  inverse the same sum with +, neither
 * is scaled: inverse(forward(x)) = n_1 n_2 ... x. Real arrays are [n_1][n_2].. row-major; modes are
 * [n_1]..[n_last/2 + 1], pairs (re, im) of doubles.
 */
#ifndef EXSET_FFT_SERIAL_H
#define EXSET_FFT_SERIAL_H

#include <complex.h>

#include "exset/core.h"

typedef struct exset_fft_serial_s exset_fft_serial_t;

/* MEASURE times several algorithms while planning, for plans used hundreds of times; the choice, and
 * with it the rounding, may then differ from run to run. IN_PLACE: real and modes are one array, rows
 * are padded to 2 (n_last/2 + 1) doubles. */
enum {
  EXSET_FFT_SERIAL_ESTIMATE = 0,
  EXSET_FFT_SERIAL_MEASURE = 1,
  EXSET_FFT_SERIAL_IN_PLACE = 2,
};

/**
 * Plan both directions for an array of n_dims (1 to 3) dimensions n[].
 * flags: sum of the values above. Local.
 * Errors: EXSET_ERR_LOCAL (memory, a size beyond 2^31 - 1, no plan).
 */
int exset_fft_serial_create(exset_ctx_t *ctx, int n_dims, const int64_t *n, int flags,
                            exset_fft_serial_t **plan);
int exset_fft_serial_destroy(exset_fft_serial_t **plan);

/** Doubles in the real array (with the padding of an in-place plan), and complex modes. Local. */
int64_t exset_fft_serial_reals(const exset_fft_serial_t *plan);
int64_t exset_fft_serial_modes(const exset_fft_serial_t *plan);

/** Forward transform; real is kept (unless in place). Arrays must come from exset_alloc. Local. */
void exset_fft_serial_forward(const exset_fft_serial_t *plan, double *real, double complex *modes);
/** Inverse transform; modes are overwritten. Only modes with Hermitian symmetry make sense. Local. */
void exset_fft_serial_inverse(const exset_fft_serial_t *plan, double complex *modes, double *real);

/** Smallest size >= n whose only prime factors are 2, 3, 5 and 7. Local. */
int64_t exset_fft_good_size(int64_t n);

#endif
