/**
 * sample: amplitudes of spectra on distributed grids, Hermitian noise, realisations of fields.
 *
 * A realisation is X(r) = sum_k a(k) W(k) exp(i k r), a = sqrt(S), with W complex white noise of E|W|^2 = 1 that
 * is Hermitian, W(-k) = conj W(k): modes that are their own mirror image (k = 0 included) are real. S
 * sums to 1 over the modes of the grid, so the variance is 1; the mean of one realisation is not subtracted.
 * W(k) depends on (seed, realisation, field, component) and on the signed indices of the mode only. Hence
 * it is the same for every number of ranks, and grids of equal box and different voxels share their low modes.
 */
#ifndef EXSET_SAMPLE_H
#define EXSET_SAMPLE_H

#include "exset/field.h"
#include "exset/grid.h"
#include "exset/rng.h"
#include "exset/transform.h"

/* ---- amplitudes ---------------------------------------------------------------------------- */

/* Amplitudes of a normalised spectrum on a grid, column by column in single precision. */
typedef struct exset_amplitude_s exset_amplitude_t;

/**
 * Normalise spectrum on a grid: n cells, voxel in micrometres (z, y, x). Collective; the sums do not depend on the
 * number of ranks. The spectrum is not kept. Errors: EXSET_ERR_INPUT (knots that are 0 at all wavenumbers of the grid),
 * EXSET_ERR_RUN (memory).
 */
int exset_amplitude_create(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3],
                           const exset_spectrum_t *spectrum, exset_amplitude_t **amplitude);
void exset_amplitude_destroy(exset_amplitude_t **amplitude);

/** Number of cells n (z, y, x) of the grid. Local, borrowed. */
const int64_t *exset_amplitude_cells(const exset_amplitude_t *amplitude);
/** Floats that exset_amplitude_column writes: nz/2 + 1 rounded up to 16. Local. */
int64_t exset_amplitude_column_size(const exset_amplitude_t *amplitude);
/**
 * a = sqrt(S) at all indices kz = 0..nz/2 of the column (kx, ky): column[kz], the same at -kz; values beyond nz/2 are
 * padding. kx in [0, nx/2]; ky: array index in [0, ny). Local, for any number of threads at a time. Errors relative to
 * double precision about 1e-6.
 */
void exset_amplitude_column(const exset_amplitude_t *amplitude, int64_t kx, int64_t ky,
                            float *column);

/**
 * Share of a spectrum's variance at wavenumbers that a grid of this voxel size cannot hold, |k_i| > pi / voxel_i,
 * by quadrature over all wavenumbers (the nugget, white at any voxel size, is left out). Local.
 */
double exset_spectrum_lost(const exset_spectrum_t *spectrum, const double voxel[3]);
/**
 * Correlation lengths in micrometres (in the plane, along z): the longest of the terms' lengths; for
 * knots, sqrt(2 d / <k^2>) over the d directions. 0 for a white spectrum. Local.
 */
void exset_spectrum_lengths(const exset_spectrum_t *spectrum, double *xy, double *z);

/* ---- realisations -------------------------------------------------------------------------- */

/* Which random numbers: equal arguments give equal noise. */
typedef struct {
  uint64_t seed, realisation;
  uint32_t field; /* from 0 */
} exset_draw_t;

/**
 * a(k) W(k) of one Gaussian component (from 0) in the columns kx .. kx + count - 1 at ky: mode kz of column j, array index in
 * [0, nz), becomes the pair column[j stride + 2 kz], column[j stride + 2 kz + 1]. kx: even, kx + count <= nx/2 + 1;
 * ky: array index in [0, ny). scratch: 2 exset_amplitude_column_size floats. Local, for any number of threads at a time with a
 * scratch each.
 */
void exset_modes_fill(const exset_amplitude_t *amplitude, exset_draw_t draw, uint32_t component,
                      int64_t ky, int64_t kx, int64_t count, float *column, int64_t stride,
                      float *scratch);

/* Wall-clock seconds, added up. */
typedef struct {
  double plan, noise, fft, threshold, write;
} exset_seconds_t;

/* Process grid of the transform (0: chosen), and whether to time several algorithms while planning. */
typedef struct {
  int grid[2];
  bool measure;
} exset_sampler_options_t;

/*
 * A grid's streaming transform. Fields come row by row: rank (p, q) of the process grid makes the rows y of block q
 * of the planes z of block p, its share [nz][rows][nx] of the grid. With q = 1 that is the rank's slab. Memory: the transform's,
 * and 4 bytes for each cell of the share once a chi-square field with several components was drawn.
 */
typedef struct exset_sampler_s exset_sampler_t;

/** options: NULL for the defaults. Collective. Errors: EXSET_ERR_INPUT (process grid, too large for so few
 *  ranks), EXSET_ERR_RUN (memory). */
int exset_sampler_create(exset_ctx_t *ctx, const exset_grid_t *grid,
                         const exset_sampler_options_t *options, exset_sampler_t **sampler);
void exset_sampler_destroy(exset_sampler_t **sampler);
const exset_grid_t *exset_sampler_grid(const exset_sampler_t *sampler);
/** Who holds what. Local, borrowed. */
const exset_transform_layout_t *exset_sampler_shape(const exset_sampler_t *sampler);
/** The transform's options for such a grid. Local. */
exset_transform_options_t exset_sampler_transform(const exset_grid_t *grid,
                                                  const exset_sampler_options_t *options);

/** Cells of this rank's share, and the place in it of cell x = 0 of the row (z, y), which it holds. Local. */
int64_t exset_sampler_cells(const exset_sampler_t *sampler);
int64_t exset_sampler_place(const exset_sampler_t *sampler, int64_t z, int64_t y);
/** Is the share the rank's slab on every rank? Local. */
bool exset_sampler_in_slabs(const exset_sampler_t *sampler);
/** Move values of all shares, cell_bytes each, to slabs [nz_local][ny][nx]. Collective. Errors: EXSET_ERR_RUN
 *  (memory), EXSET_ERR_LOCAL (MPI). */
int exset_sampler_to_slabs(exset_ctx_t *ctx, const exset_sampler_t *sampler, int64_t cell_bytes,
                           const void *share, void *slab);

/**
 * Draw one field X, a Gaussian field or a chi-square field as the sum of its squared components, and hand its rows
 * to take (see exset_rows_fn: from all threads). Coupling is not applied here. seconds: NULL, or noise, fft
 * and threshold (in take) are added. Collective. Errors: as exset_amplitude_create; EXSET_ERR_LOCAL (MPI).
 */
int exset_sampler_field(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_field_t *field,
                        exset_draw_t draw, exset_rows_fn take, void *user,
                        exset_seconds_t *seconds);
/** The same into an array, this rank's slab [nz_local][ny][nx]. Collective. Errors: the same. */
int exset_sampler_values(exset_ctx_t *ctx, exset_sampler_t *sampler, const exset_field_t *field,
                         exset_draw_t draw, float *value);

#endif
