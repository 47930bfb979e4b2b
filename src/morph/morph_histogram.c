/* Histograms, added up over ranks. */
#include "exset/histogram.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int exset_histogram_init(exset_ctx_t *ctx, double width, int64_t n, exset_histogram_t *histogram) {
  *histogram = (exset_histogram_t){.width = width, .n = n};
  return exset_alloc(ctx, n, sizeof *histogram->count, &histogram->count);
}

void exset_histogram_clear(exset_histogram_t *histogram) {
  free(histogram->count);
  *histogram = (exset_histogram_t){0};
}

/* Make room for n bins. */
static int lengthen(exset_ctx_t *ctx, exset_histogram_t *histogram, int64_t n) {
  double *count = NULL;
  if (n == histogram->n) return EXSET_OK;
  if (n > INT_MAX)
    return exset_fail(ctx, EXSET_ERR_RUN,
                      "a histogram of %lld bins: at most %d can be added up over ranks",
                      (long long)n, INT_MAX);
  EXSET_TRY(exset_alloc(ctx, n, sizeof *count, &count));
  memcpy(count, histogram->count, (size_t)histogram->n * sizeof *count);
  free(histogram->count);
  histogram->count = count;
  histogram->n = n;
  return EXSET_OK;
}

int exset_histogram_reduce(exset_ctx_t *ctx, exset_histogram_t *histogram) {
  int64_t n = 0, used = histogram->n;
  while (used > 1 && histogram->count[used - 1] == 0) used--;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(&used, &n, 1, MPI_INT64_T, MPI_MAX, ctx->comm)));
  if (n < histogram->n) histogram->n = n;
  EXSET_TRY(exset_agree(ctx, lengthen(ctx, histogram, n)));
  return EXSET_MPI(
      ctx, MPI_Allreduce(MPI_IN_PLACE, histogram->count, (int)n, MPI_DOUBLE, MPI_SUM, ctx->comm));
}

double exset_histogram_total(const exset_histogram_t *histogram) {
  double total = 0;
  for (int64_t i = 0; i < histogram->n; i++) total += histogram->count[i];
  return total;
}
