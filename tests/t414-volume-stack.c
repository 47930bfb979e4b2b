/* test: np="1 3" time=30 */
/* A real TIFF stack: size and the fractions stated with the data, also after writing it in other formats. */
#include "exset/volume.h"
#include "test.h"

#include <stdio.h>

static void check(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                  uint64_t *checksum) {
  exset_volume_t v;
  double fraction[EXSET_MAX_PHASES];
  MUST(ctx, exset_volume_read(ctx, path, options, &v));
  CHECK(v.grid.n[0] == 100 && v.grid.n[1] == 100 && v.grid.n[2] == 100 && v.n_phases == 3);
  MUST(ctx, exset_volume_fractions(ctx, &v, fraction));
  CHECK_NEAR(fraction[0], 0.375, 0.0005);
  CHECK_NEAR(fraction[1], 0.238, 0.0005);
  CHECK_NEAR(fraction[2], 0.387, 0.0005);
  MUST(ctx, exset_volume_checksum(ctx, &v, checksum));
  exset_volume_clear(&v);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const char *stack = test_data("sofc/stack.tif");
  if (!stack) return test_skip(ctx, "no ../shared/data");
  uint64_t sum[2];
  check(ctx, stack, NULL, &sum[0]);
  const exset_volume_options_t listed = {.labels = {.n_labels = 3, .label = {0, 127, 254}}};
  check(ctx, stack, &listed, &sum[1]);
  CHECK(sum[0] == sum[1]);

  /* phases in another order, one value left out, voxel size given */
  const exset_volume_options_t other = {
      .labels = {.n_labels = 2, .label = {254, 0}, .n_masked = 1, .masked = {127}},
      .voxel = {0.1, 0.2, 0.3}};
  exset_volume_t v;
  double fraction[EXSET_MAX_PHASES];
  MUST(ctx, exset_volume_read(ctx, stack, &other, &v));
  CHECK(v.n_phases == 2 && v.grid.voxel[0] == 0.1 && v.grid.voxel[2] == 0.3);
  MUST(ctx, exset_volume_fractions(ctx, &v, fraction));
  CHECK_NEAR(fraction[0], 0.387 / (0.387 + 0.375), 0.001);
  exset_volume_clear(&v);

  const char *endings[] = {"vtkhdf", "tif", "raw"};
  MUST(ctx, exset_volume_read(ctx, stack, NULL, &v));
  for (int e = 0; e < 3; e++) {
    char path[1100];
    snprintf(path, sizeof path, "%s/stack.%s", test_tmp(), endings[e]);
    MUST(ctx, exset_volume_write(ctx, path, &v, NULL));
    const exset_volume_options_t options = {
        .raw_size = {e == 2 ? 100 : 0, e == 2 ? 100 : 0, e == 2 ? 100 : 0}};
    check(ctx, path, &options, &sum[1]);
    CHECK(sum[0] == sum[1]);
  }
  exset_volume_clear(&v);
  return test_end(ctx);
}
