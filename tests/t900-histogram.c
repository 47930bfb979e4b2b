/* test: np="1 2 3 5" time=30 */
/* Histograms of different lengths added up over ranks. */
#include "exset/histogram.h"
#include "test.h"

#include <math.h>

/* Rank r has n bins of which the first used hold r + 1 each. */
static void check(exset_ctx_t *ctx, int64_t n, int64_t used) {
  exset_histogram_t h;
  int64_t longest = 1;
  double total = 0;
  MUST(ctx, exset_histogram_init(ctx, 0.25, n, &h));
  for (int64_t i = 0; i < used; i++) h.count[i] = ctx->rank + 1;
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(&used, &longest, 1, MPI_INT64_T, MPI_MAX, ctx->comm)));
  const double own = (double)used * (ctx->rank + 1);
  CHECK(exset_histogram_total(&h) == own);
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(&own, &total, 1, MPI_DOUBLE, MPI_SUM, ctx->comm)));
  MUST(ctx, exset_histogram_reduce(ctx, &h));
  CHECK(h.n == (longest > 0 ? longest : 1) && h.width == 0.25);
  CHECK(exset_histogram_total(&h) == total);
  for (int64_t i = 0; i < h.n; i++) { /* rank r counts here where its bins reach so far */
    double expected = 0;
    for (int r = 0; r < ctx->size; r++)
      if (i < (used - ctx->rank) + r) expected += r + 1;
    if (longest > 0) CHECK(h.count[i] == expected);
  }
  exset_histogram_clear(&h);
  CHECK(h.count == NULL && h.n == 0);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check(ctx, 20, 4 + ctx->rank);             /* equal room */
  check(ctx, 4 + ctx->rank, 4 + ctx->rank);  /* room that grows with the rank */
  check(ctx, 40 - ctx->rank, 7 + ctx->rank); /* and that shrinks */
  exset_histogram_t empty;
  MUST(ctx, exset_histogram_init(ctx, 1, 3 + ctx->rank, &empty));
  MUST(ctx, exset_histogram_reduce(ctx, &empty));
  CHECK(empty.n == 1 && empty.count[0] == 0 && exset_histogram_total(&empty) == 0);
  exset_histogram_clear(&empty);
  return test_end(ctx);
}
