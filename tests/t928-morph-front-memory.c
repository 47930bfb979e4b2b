/* test: np="1 2 3 5" time=60 */
/* Memory that ends on one rank in the middle of a front: all ranks learn of it and return the same error; no rank waits for ever. */
#include <stdlib.h>

static int left; /* so many times there is more memory */
static void *scarce(void *old, size_t size) {
  return left-- > 0 ? realloc(old, size) : NULL;
}
#define realloc scarce
#include "../src/morph/morph_geodesic_front.c"
#undef realloc

#include "test_surface.h"

enum { PLENTY = 1 << 30 };

static void check_front(exset_ctx_t *ctx, const exset_volume_t *v, int axis, int poor, int times) {
  const int64_t cells = exset_grid_cells_local(&v->grid);
  float *squared = malloc((size_t)(cells + 1) * sizeof *squared);
  float *result = malloc((size_t)(cells + 1) * sizeof *result);
  for (int64_t i = 0; i < cells; i++) squared[i] = (float)(1 + i % 97);
  for (int kind = 0; kind < 2; kind++) {
    left = ctx->rank == poor ? times : PLENTY;
    const int err = kind == 0 ? exset_geodesic_length(ctx, v, axis, result)
                              : exset_geodesic_widest(ctx, v, axis, false, squared, result);
    int ended = left < 0, any;
    MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(&ended, &any, 1, MPI_INT, MPI_LOR, ctx->comm)));
    CHECK_MSG(err == (any ? EXSET_ERR_RUN : EXSET_OK), "axis %d, rank %d, %d times, kind %d: %d",
              axis, poor, times, kind, err);
    CHECK(!any || strncmp(ctx->message, "no memory for a front", 21) == 0);
    CHECK(any || times > 0 || cells == 0 || ctx->rank != poor);
    ctx->message[0] = '\0';
  }
  free(squared);
  free(result);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t n[3] = {20, 18, 40};
  const double voxel[3] = {1, 1, 1};
  uint8_t *all = surface_random(n, 2, 0, 3, 5);
  const exset_volume_t v = surface_view(ctx, n, voxel, 2, all);
  for (int axis = 0; axis < 3; axis++)
    for (int poor = 0; poor < ctx->size; poor++)
      for (int times = 0; times < 24; times = 2 * times + 1)
        check_front(ctx, &v, axis, poor, times);
  free(all);
  return test_end(ctx);
}
