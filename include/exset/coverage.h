/**
 * coverage: two-point coverage functions C_ij(h) = P(o in phase i, h in phase j): estimators for
 * sections and volumes, and the closed forms of excursion-set models.
 */
#ifndef EXSET_COVERAGE_H
#define EXSET_COVERAGE_H

#include "exset/image.h"
#include "exset/phase.h"
#include "exset/volume.h"

/* How lags are averaged over directions. */
typedef enum {
  EXSET_LAGS_RADIAL, /* bins of one pixel in |h| (sections in x-y; isotropic data of any orientation, volumes) */
  EXSET_LAGS_RZ, /* (h_r, h_z): sections containing z by |h_x|, |h_z|; volumes by bins in h_r and |h_z| */
} exset_lags_t;

/* Estimated coverage functions. Lag 0 comes first (index 0). C is symmetrised: (C_ij(h) + C_ij(-h))/2. */
typedef struct {
  int n_phases;
  exset_lags_t lags;
  int64_t n_lags;
  double *h_r,
      *h_z; /* [n_lags] micrometres: mean over the pairs of the bin; radial: |h| in h_r, h_z = 0 */
  double *pairs; /* [n_lags] number of pixel pairs */
  double *c;     /* [n_phases * n_phases][n_lags], C_ij at index i * n_phases + j, i, j from 0 */
} exset_coverage_t;

/** Free the lists. Local. */
void exset_coverage_clear(exset_coverage_t *coverage);
/** Offset into c of C_ij, i and j from 0. Local. */
static inline int64_t exset_coverage_index(const exset_coverage_t *coverage, int i, int j) {
  return ((int64_t)i * coverage->n_phases + j) * coverage->n_lags;
}

/**
 * Coverage of one section by FFT, zero-padded, divided by the number of unmasked pixel pairs at each lag;
 * pair counts are exact integers. Local. pixel: micrometres (rows, columns).
 * Radial: bins of one pixel (the larger edge) in |h|: bin b holds the lags with |h| / pixel rounded to b, up to
 * b = max_lag / pixel rounded down; lag 0 is alone in its bin. rz: sections containing z have the lags
 * (|h_r|, |h_z|) of the pixel grid up to max_lag each, h_r fastest; sections in x-y have radial bins and h_z = 0.
 * Lags without pairs (beyond the image) have pairs = 0 and C = 0.
 * Errors: EXSET_ERR_LOCAL (memory, FFT).
 */
int exset_coverage_section(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                           const double pixel[2], double max_lag, exset_lags_t lags,
                           exset_coverage_t *coverage);
/**
 * The same for all sections, part[sections->n], with the work shared by the ranks: every rank gets
 * everything, identical for any number of ranks. voxel: z, y, x in micrometres; the radial bins are as wide as the
 * largest pixel edge in use. Collective. Errors: EXSET_ERR_RUN (memory, FFT).
 */
int exset_coverage_sections(exset_ctx_t *ctx, const exset_sections_t *sections,
                            const double voxel[3], double max_lag, exset_lags_t lags,
                            exset_coverage_t *part);
/** Pool several estimates with equal lags, weighted by pairs; skip: index to leave out (jackknife) or -1. Local. */
int exset_coverage_pool(exset_ctx_t *ctx, int n, const exset_coverage_t *part, int skip,
                        exset_coverage_t *pooled);
/**
 * Coverage of a distributed volume, periodic (no padding; lags to half the box) or unbiased (padded, divided by the
 * number of pairs of unmasked cells), by streaming transforms in single precision.
 * Volumes up to some 10^6 cells are exact, of larger ones the fractions (lag 0) and, unless masked, the pairs; errors of C
 * are some 1e-8. The same bits for any number of ranks and threads, except for the last digits of h_r of masked volumes
 * and of sums beyond 2^53.
 * Collective; every rank gets the result. Errors: EXSET_ERR_INPUT (too large for the ranks), EXSET_ERR_RUN (memory, no
 * plan), EXSET_ERR_LOCAL (MPI).
 */
int exset_coverage_volume(exset_ctx_t *ctx, const exset_volume_t *volume, bool periodic,
                          double max_lag, exset_lags_t lags, exset_coverage_t *coverage);

/* What an estimate will take. */
typedef struct {
  int64_t size[3];    /* of the transforms (sections: 1, rows, columns) */
  int64_t tiles;      /* sections: so many pieces of this size are transformed */
  double bytes;       /* memory of one rank beside the image or volume */
  double voxel_bytes; /* volumes: of all ranks beside the volume, for each voxel */
} exset_coverage_plan_t;
/** Plan of one section. Local. */
void exset_coverage_section_plan(const exset_section_t *section, int n_phases,
                                 const double pixel[2], double max_lag, exset_lags_t lags,
                                 exset_coverage_plan_t *plan);
/** Plan of a volume, bytes of the busiest rank. Collective. Errors: EXSET_ERR_INPUT (too large for the ranks). */
int exset_coverage_volume_plan(exset_ctx_t *ctx, const exset_volume_t *volume, bool periodic,
                               double max_lag, exset_lags_t lags, exset_coverage_plan_t *plan);

/**
 * Integral range of a phase in cells: A = sum over lags of (C_ii - p^2) / (p - p^2), so that the variance of
 * an observed fraction is p (1 - p) A / |W|. The sum stops where its mean over shells of lags first falls to zero;
 * decayed tells whether it is below 0.05 there (if not, max_lag is too short and A too small); the bias from p being estimated
 * is corrected. dof: independent values behind A (|W| over the cells of lags used).
 * coverage: radial or rz lags, of sections (dimension 2) or a volume (3), or pooled; phase_number: from 0; pixel: cell
 * edges (the first `dimension`), micrometres; window: |W| in cells, masked ones left out, all sections. Local.
 */
double exset_coverage_integral_range(const exset_coverage_t *coverage, int phase_number,
                                     int dimension, const double pixel[3], double window,
                                     double *dof, bool *decayed);
/**
 * 95 % half-width of a phase fraction from the integral range, with the quantile of Student's t with
 * dof degrees of freedom. NaN when the phase is absent or alone. Arguments as above. Local.
 */
double exset_coverage_fraction_ci95(const exset_coverage_t *coverage, int phase_number,
                                    int dimension, const double pixel[3], double window);

/**
 * Coverage functions of a model without coupling, from the fields' correlations rho[n_fields][n_lags]:
 * c[n_phases * n_phases][n_lags] as above. pair[n_fields]: the fields' tables. Local.
 */
void exset_coverage_model(int n_fields, exset_pair_t *const *pair, const double *fraction,
                          int64_t n_lags, const double *rho, double *c);
/** Reverse mode of exset_coverage_model: adds to d_rho[n_fields][n_lags] and d_fraction[n_fields] the derivatives
 *  of a loss, given its derivatives d_c (layout of c). Local. */
void exset_coverage_model_adjoint(int n_fields, exset_pair_t *const *pair, const double *fraction,
                                  int64_t n_lags, const double *rho, const double *d_c,
                                  double *d_rho, double *d_fraction);

#endif
