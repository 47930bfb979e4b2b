/* test: np="1 2 3 5" time=60 */
/* Volumes written by all ranks come back unchanged, read by all ranks, by some of them and by one.
 * For the tests in Python: `write FILE` writes one VTKHDF volume, `read FILE DATASET...` prints what
 * each data set holds, or the message. */
#include "exset/volume.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double voxel[3] = {0.5, 0.25, 0.125}, origin[3] = {3, -2, 1};

/* 1..3, in no order that a wrong stride would keep */
static uint8_t phase_at(const int64_t n[3], int64_t z, int64_t y, int64_t x) {
  const uint64_t i = (uint64_t)((z * n[1] + y) * n[2] + x);
  return (uint8_t)(1 + (i * UINT64_C(0x9e3779b97f4a7c15) >> 40) % 3);
}

static float value_at(const int64_t n[3], int64_t z, int64_t y, int64_t x, int c) {
  return (float)(((z * n[1] + y) * n[2] + x) * 3 + c);
}

static void fill(exset_volume_t *v) {
  const exset_grid_t *g = &v->grid;
  uint8_t *p = v->phase;
  for (int64_t z = g->z0; z < g->z0 + g->nz_local; z++)
    for (int64_t y = 0; y < g->n[1]; y++)
      for (int64_t x = 0; x < g->n[2]; x++) *p++ = phase_at(g->n, z, y, x);
}

static void check_values(const exset_volume_t *v, const int64_t n[3]) {
  const exset_grid_t *g = &v->grid;
  CHECK(g->n[0] == n[0] && g->n[1] == n[1] && g->n[2] == n[2]);
  const uint8_t *p = v->phase;
  int64_t wrong = 0;
  for (int64_t z = g->z0; z < g->z0 + g->nz_local; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) wrong += *p++ != phase_at(n, z, y, x);
  CHECK_MSG(wrong == 0, "%lld cells differ", (long long)wrong);
}

/* Fractions by counting the formula. */
static void check_fractions(exset_ctx_t *ctx, const exset_volume_t *v) {
  const int64_t *n = v->grid.n;
  double fraction[3], count[4] = {0};
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) count[phase_at(n, z, y, x)]++;
  MUST(ctx, exset_volume_fractions(ctx, v, fraction));
  for (int p = 0; p < 3; p++)
    CHECK_NEAR(fraction[p], count[p + 1] / (double)(n[0] * n[1] * n[2]), 1e-15);
}

static void check_read(exset_ctx_t *ctx, const char *path, const int64_t n[3], bool geometry,
                       uint64_t checksum) {
  exset_volume_t v;
  uint64_t sum;
  exset_volume_options_t options = {0};
  if (strstr(path, ".raw")) memcpy(options.raw_size, n, sizeof options.raw_size);
  MUST(ctx, exset_volume_read(ctx, path, &options, &v));
  check_values(&v, n);
  CHECK(v.n_phases == 3);
  for (int a = 0; a < 3; a++) {
    CHECK(v.grid.voxel[a] == (geometry ? voxel[a] : 1));
    CHECK(v.origin[a] == (geometry ? origin[a] : 0));
  }
  MUST(ctx, exset_volume_checksum(ctx, &v, &sum));
  CHECK(sum == checksum);
  exset_volume_clear(&v);
  CHECK(v.phase == NULL);
}

/* The same file read by groups of other sizes: halves, and every rank for itself. */
static void check_groups(exset_ctx_t *ctx, const char *path, const int64_t n[3], bool geometry,
                         uint64_t checksum) {
  for (int alone = 0; alone < 2; alone++) {
    MPI_Comm comm;
    exset_ctx_t *part;
    MPI_Comm_split(ctx->comm, alone ? ctx->rank : ctx->rank % 2, ctx->rank, &comm);
    CHECK(exset_ctx_create(comm, &part) == EXSET_OK);
    check_read(part, path, n, geometry, checksum);
    exset_ctx_destroy(&part);
    MPI_Comm_free(&comm);
  }
}

/* With a scalar and a vector beside the phases, and attributes. */
static void write_volume(exset_ctx_t *ctx, const char *path, const exset_volume_t *v) {
  const exset_grid_t *g = &v->grid;
  const int64_t cells = exset_grid_cells_local(g);
  float *field[2] = {NULL};
  MUST(ctx, exset_alloc(ctx, cells, sizeof(float), &field[0]));
  MUST(ctx, exset_alloc(ctx, cells * 3, sizeof(float), &field[1]));
  for (int64_t i = 0; i < cells; i++) {
    field[0][i] = -value_at(g->n, g->z0, 0, i, 0);
    for (int c = 0; c < 3; c++) field[1][3 * i + c] = value_at(g->n, g->z0, 0, i, c);
  }
  const exset_cellarray_t arrays[2] = {{"potential", "V", "electric potential", 1, field[0]},
                                       {"current", "A/m2", "current density", 3, field[1]}};
  /* attributes need not be equal on all ranks: rank 0's are stored */
  char own[64];
  snprintf(own, sizeof own, "rank %d", ctx->rank);
  const exset_attribute_t attributes[2] = {{"model", "a: 1\nb: \xc2\xb5m"}, {"who", own}};
  const bool hdf5 = strstr(path, ".vtkhdf") || strstr(path, ".h5");
  const exset_volume_extras_t extras = {
      .n_attributes = 2, .attributes = attributes, .n_arrays = hdf5 ? 2 : 0, .arrays = arrays};
  MUST(ctx, exset_volume_write(ctx, path, v, &extras));
  free(field[0]);
  free(field[1]);
}

static void make_volume(exset_ctx_t *ctx, const int64_t n[3], exset_volume_t *v) {
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 3, v));
  memcpy(v->origin, origin, sizeof origin);
  fill(v);
}

static void check_size(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx) {
  const int64_t n[3] = {nz, ny, nx};
  exset_volume_t v;
  uint64_t checksum, changed;
  make_volume(ctx, n, &v);
  check_fractions(ctx, &v);
  MUST(ctx, exset_volume_checksum(ctx, &v, &checksum));
  const char *endings[] = {".vtkhdf", ".h5", ".tif", ".TIFF", ".raw"};
  for (int e = 0; e < 5; e++) {
    char path[1100], part[1200];
    snprintf(path, sizeof path, "%s/%lld_%lld%s", test_tmp(), (long long)nz, (long long)ny,
             endings[e]);
    write_volume(ctx, path, &v);
    snprintf(part, sizeof part, "%s.part", path);
    CHECK_MSG(access(part, F_OK) != 0, "%s is gone", part);
    check_read(ctx, path, n, e < 2, checksum);
    check_groups(ctx, path, n, e < 2, checksum);
    MPI_Barrier(ctx->comm);
  }
  if (v.grid.nz_local > 0 && v.grid.z0 == 0) v.phase[0] = v.phase[0] % 3 + 1;
  MUST(ctx, exset_volume_checksum(ctx, &v, &changed));
  CHECK(changed != checksum);
  exset_volume_clear(&v);
}

static void print_dataset(exset_ctx_t *ctx, const char *path, const char *dataset) {
  const exset_volume_options_t options = {.dataset = dataset};
  exset_volume_t v;
  double fraction[EXSET_MAX_PHASES];
  const int err = exset_volume_read(ctx, path, &options, &v);
  CHECK(!err || err == EXSET_ERR_INPUT);
  if (err) {
    exset_print(ctx, "%s\n", ctx->message);
    ctx->message[0] = 0;
    return;
  }
  MUST(ctx, exset_volume_fractions(ctx, &v, fraction));
  exset_print(ctx, "size %lld %lld %lld voxel %g %g %g origin %g %g %g fractions",
              (long long)v.grid.n[0], (long long)v.grid.n[1], (long long)v.grid.n[2],
              v.grid.voxel[0], v.grid.voxel[1], v.grid.voxel[2], v.origin[0], v.origin[1],
              v.origin[2]);
  for (int p = 0; p < v.n_phases; p++) exset_print(ctx, " %.6f", fraction[p]);
  exset_print(ctx, "\n");
  exset_volume_clear(&v);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  if (argc > 2 && strcmp(argv[1], "write") == 0) {
    exset_volume_t v;
    make_volume(ctx, (const int64_t[3]){9, 7, 5}, &v);
    write_volume(ctx, argv[2], &v);
    exset_volume_clear(&v);
    return test_end(ctx);
  }
  for (int i = 3; i < argc; i++) print_dataset(ctx, argv[2], argv[i]);
  if (argc > 1) return test_end(ctx);
  check_size(ctx, 9, 7, 5);
  check_size(ctx, 4, 3, 11); /* at 5 ranks and at 3 (blocks of 2): a rank without planes */
  check_size(ctx, 1, 6, 4);
  return test_end(ctx);
}
