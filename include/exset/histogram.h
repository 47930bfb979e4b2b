/**
 * histogram: counts in bins of equal width, added up over ranks: distributions of lengths and radii.
 */
#ifndef EXSET_HISTOGRAM_H
#define EXSET_HISTOGRAM_H

#include "exset/core.h"

/* Bin i holds the values in [i width, (i + 1) width). Zero-initialise before exset_histogram_init. */
typedef struct {
  double width;
  int64_t n;     /* bins */
  double *count; /* [n]: number of values, or the sum of their weights */
} exset_histogram_t;

/** Empty histogram of n >= 1 bins. Local. Errors: EXSET_ERR_LOCAL (memory). */
int exset_histogram_init(exset_ctx_t *ctx, double width, int64_t n, exset_histogram_t *histogram);
/** Free the counts. Local. */
void exset_histogram_clear(exset_histogram_t *histogram);
/** Add up the counts of all ranks, which may have different n, and cut off empty bins at the end. Collective.
 *  Errors: EXSET_ERR_RUN (memory), EXSET_ERR_LOCAL (MPI). */
int exset_histogram_reduce(exset_ctx_t *ctx, exset_histogram_t *histogram);
/** Sum of all counts. Local. */
double exset_histogram_total(const exset_histogram_t *histogram);

#endif
