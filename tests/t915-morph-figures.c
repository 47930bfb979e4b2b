/* test: np="1 2 3 5" time=60 */
/* Descriptors through the library: names in their order, what was not asked for, fractions and percolation of a laminate, volumes
 * without cells. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exset/morph.h"
#include "test.h"

enum { NZ = 12, NY = 10, NX = 8 };

/* Layers across z of 3, 3 and 6 planes; the first row of each plane masked. */
static void make_laminate(exset_ctx_t *ctx, exset_volume_t *v) {
  const int64_t n[3] = {NZ, NY, NX};
  const double voxel[3] = {0.5, 0.25, 1};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 3, v));
  for (int64_t z = 0; z < grid.nz_local; z++)
    for (int64_t y = 1; y < NY; y++)
      for (int64_t x = 0; x < NX; x++) {
        const int64_t at = grid.z0 + z;
        v->phase[(z * NY + y) * NX + x] = at < 3 ? 1 : at < 6 ? 2 : 3;
      }
}

typedef struct {
  int n;
  char name[512][64];
  double value[512];
} list_t;

static int collect(void *user, const char *name, double value) {
  list_t *list = user;
  snprintf(list->name[list->n], sizeof list->name[0], "%s", name);
  list->value[list->n++] = value;
  return EXSET_OK;
}

static double value_of(const list_t *list, const char *name) {
  for (int i = 0; i < list->n; i++)
    if (strcmp(list->name[i], name) == 0) return list->value[i];
  CHECK_MSG(false, "no figure %s", name);
  return NAN;
}

static void check_laminate(exset_ctx_t *ctx) {
  exset_volume_t v = {0};
  exset_morph_t m;
  list_t list = {0};
  exset_morph_options_t options = {.axis = {true, false, true}};
  options.group[EXSET_MORPH_FRACTION] = options.group[EXSET_MORPH_PERCOLATION] = true;
  make_laminate(ctx, &v);
  MUST(ctx, exset_morph(ctx, &v, &options, &m));
  MUST(ctx, exset_morph_figures(&m, &options, collect, &list));
  CHECK_MSG(list.n == 3 * (2 + 3 * 2), "%d figures", list.n);
  CHECK(strcmp(list.name[0], "phase1_volume_fraction") == 0);
  CHECK(strcmp(list.name[2], "phase1_percolating_fraction_x") == 0);
  CHECK(strcmp(list.name[3], "phase1_percolating_fraction_z") == 0);
  CHECK_NEAR(value_of(&list, "phase3_volume_fraction"), 0.5, 0);
  CHECK_NEAR(value_of(&list, "phase1_percolating_fraction_x"), 1, 0);
  CHECK_NEAR(value_of(&list, "phase1_percolating_fraction_z"), 0, 0);
  CHECK_NEAR(value_of(&list, "phase1_dead_end_fraction_z"), 1, 0);
  CHECK_NEAR(value_of(&list, "phase2_isolated_fraction_z"), 1, 0);
  const double ci95 = value_of(&list, "phase2_volume_fraction_ci95");
  CHECK_MSG(ci95 > 0.05 && ci95 < 1, "interval %g", ci95);
  CHECK(m.phase[1].ci95_narrow);
  CHECK(isnan(m.phase[0].percolating_fraction[EXSET_AXIS_Y]) && isnan(m.phase[0].r_max));
  CHECK(isnan(m.interface_area[1]) && isnan(m.boundary_length[0]) && isnan(m.phase[2].r_min[0]));
  CHECK(m.seconds[EXSET_MORPH_FRACTION] > 0 && m.seconds[EXSET_MORPH_SIZE] == 0);
  exset_morph_clear(&m);
  exset_volume_clear(&v);
}

/* All groups: names of all kinds, with and without triples of their own. */
static void check_names(exset_ctx_t *ctx) {
  exset_morph_options_t options = {.axis = {true, true, true}};
  for (int g = 0; g < EXSET_MORPH_GROUPS; g++) options.group[g] = true;
  for (int n = 1; n <= 7; n++) {
    exset_morph_t m = {.n_phases = n};
    list_t *list = calloc(1, sizeof *list);
    MUST(ctx, exset_alloc(ctx, n, sizeof *m.phase, &m.phase));
    MUST(ctx, exset_alloc(ctx, n * n, sizeof(double), &m.interface_area));
    MUST(ctx, exset_alloc(ctx, 1 + n * n * n, sizeof(double), &m.boundary_length));
    const int phases = n * (5 + 3 * 9), pairs = n * (n - 1) / 2, triples = pairs * (n - 2) / 3;
    MUST(ctx, exset_morph_figures(&m, &options, collect, list));
    CHECK_MSG(list->n == phases + pairs + 1 + (n > 3 ? triples : 0), "%d phases: %d figures", n,
              list->n);
    value_of(list, "boundary_length");
    if (n > 1) value_of(list, "interface_area_12");
    if (n > 3) value_of(list, "boundary_length_234");
    free(list);
    exset_morph_clear(&m);
  }
  char name[40];
  exset_morph_pair_name(12, 0, 11, -1, name);
  CHECK_MSG(strcmp(name, "1_12") == 0, "%s", name);
  exset_morph_pair_name(12, 0, 1, 11, name);
  CHECK_MSG(strcmp(name, "1_2_12") == 0, "%s", name);
}

static void check_empty(exset_ctx_t *ctx) {
  exset_volume_t v = {0};
  exset_morph_t m;
  const exset_morph_options_t options = {.group = {[EXSET_MORPH_FRACTION] = true}};
  make_laminate(ctx, &v);
  memset(v.phase, 0, (size_t)exset_grid_cells_local(&v.grid));
  CHECK(exset_morph(ctx, &v, &options, &m) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, "not masked") != NULL, "%s", ctx->message);
  ctx->message[0] = '\0';
  exset_morph_clear(&m);
  exset_volume_clear(&v);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_laminate(ctx);
  check_names(ctx);
  check_empty(ctx);
  return test_end(ctx);
}
