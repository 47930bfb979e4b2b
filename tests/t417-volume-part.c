/* test: np="1 2 3 5" time=60 */
/* Boxes of files in every format, compressed or not, hold the cells that they should, cut over any number of ranks; compressed
 * files come back whole. */
#include "exset/volume.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double voxel[3] = {0.5, 0.25, 0.125}, origin[3] = {3, -2, 1};

/* 1..3 in blobs of a few cells */
static uint8_t phase_at(int64_t z, int64_t y, int64_t x) {
  const uint64_t i = (uint64_t)((z / 3 * 1000 + y / 5) * 1000 + (x + z) / 4);
  return (uint8_t)(1 + (i * UINT64_C(0x9e3779b97f4a7c15) >> 40) % 3);
}

static void make_volume(exset_ctx_t *ctx, const int64_t n[3], exset_volume_t *v) {
  exset_grid_t g;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &g));
  MUST(ctx, exset_volume_init(ctx, &g, 3, v));
  memcpy(v->origin, origin, sizeof origin);
  uint8_t *p = v->phase;
  for (int64_t z = g.z0; z < g.z0 + g.nz_local; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) *p++ = phase_at(z, y, x);
}

static void write_volume(exset_ctx_t *ctx, const char *path, const exset_volume_t *v) {
  float *field;
  const int64_t cells = exset_grid_cells_local(&v->grid), plane = v->grid.n[1] * v->grid.n[2];
  MUST(ctx, exset_alloc(ctx, cells, sizeof *field, &field));
  for (int64_t i = 0; i < cells; i++) field[i] = (float)(v->grid.z0 * plane + i);
  const exset_attribute_t note = {"note", "text"};
  const exset_cellarray_t array = {"number", "1", "cell", 1, field};
  exset_volume_extras_t extras = {.n_attributes = 1, .attributes = &note};
  if (strstr(path, "gzip")) extras.compression = EXSET_COMPRESSION_GZIP;
  if (strstr(path, "fields")) extras.n_arrays = 1, extras.arrays = &array;
  MUST(ctx, exset_volume_write(ctx, path, v, &extras));
  free(field);
}

static exset_volume_options_t options_for(const char *path, const int64_t n[3]) {
  exset_volume_options_t options = {0};
  if (strstr(path, ".raw")) memcpy(options.raw_size, n, sizeof options.raw_size);
  if (!strstr(path, ".vtkhdf"))
    options.labels = (exset_labels_t){.n_labels = 3, .label = {1, 2, 3}};
  return options;
}

static void check_box(exset_ctx_t *ctx, const char *path, const int64_t n[3],
                      const int64_t box[3][2]) {
  exset_volume_options_t options = options_for(path, n);
  memcpy(options.box, box, sizeof options.box);
  exset_volume_t v;
  MUST(ctx, exset_volume_read(ctx, path, &options, &v));
  const exset_grid_t *g = &v.grid;
  CHECK(v.n_phases == 3);
  for (int a = 0; a < 3; a++) {
    CHECK(g->n[a] == box[a][1] - box[a][0]);
    const double h = strstr(path, ".vtkhdf") ? voxel[a] : 1;
    const double start = strstr(path, ".vtkhdf") ? origin[a] : 0;
    CHECK_NEAR(v.origin[a], start + (double)box[a][0] * h, 1e-12);
  }
  int64_t wrong = 0;
  const uint8_t *p = v.phase;
  for (int64_t z = g->z0; z < g->z0 + g->nz_local; z++)
    for (int64_t y = 0; y < g->n[1]; y++)
      for (int64_t x = 0; x < g->n[2]; x++)
        wrong += *p++ != phase_at(box[0][0] + z, box[1][0] + y, box[2][0] + x);
  CHECK_MSG(wrong == 0, "%s: %lld cells differ", path, (long long)wrong);
  exset_volume_clear(&v);
}

static void check_boxes(exset_ctx_t *ctx, const char *path, const int64_t n[3]) {
  const int64_t whole[3][2] = {{0, n[0]}, {0, n[1]}, {0, n[2]}};
  check_box(ctx, path, n, whole);
  for (int a = 0; a < 3; a++) { /* planes, and a box that touches no face */
    int64_t plane[3][2];
    memcpy(plane, whole, sizeof plane);
    plane[a][0] = n[a] - 1;
    check_box(ctx, path, n, plane);
    plane[a][0] = n[a] / 2;
    plane[a][1] = n[a] / 2 + 1;
    check_box(ctx, path, n, plane);
  }
  if (n[0] < 3) return;
  const int64_t inside[3][2] = {{1, n[0] - 1}, {2, n[1] - 1}, {3, n[2] - 2}};
  check_box(ctx, path, n, inside);
}

/* Every rank for itself reads what all have written. */
static void check_alone(exset_ctx_t *ctx, const char *path, const int64_t n[3]) {
  exset_ctx_t *alone;
  CHECK(exset_ctx_create(MPI_COMM_SELF, &alone) == EXSET_OK);
  check_boxes(alone, path, n);
  exset_ctx_destroy(&alone);
  MPI_Barrier(ctx->comm);
}

static const char *path_of(const char *name) {
  static char path[1100];
  snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
  return path;
}

/* Chunks of less than the whole along every axis: 2 or more of up to 2^20 cells. */
static void check_compressed(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx) {
  const int64_t n[3] = {nz, ny, nx};
  const char *path = path_of("large-gzip.vtkhdf");
  exset_volume_t v, back;
  uint64_t sum[2];
  make_volume(ctx, n, &v);
  write_volume(ctx, path, &v);
  MUST(ctx, exset_volume_read(ctx, path, NULL, &back));
  MUST(ctx, exset_volume_checksum(ctx, &v, &sum[0]));
  MUST(ctx, exset_volume_checksum(ctx, &back, &sum[1]));
  CHECK(sum[0] == sum[1]);
  struct stat info;
  CHECK(stat(path, &info) == 0);
  CHECK_MSG(info.st_size < nz * ny * nx / 3, "%lld bytes", (long long)info.st_size);
  exset_volume_clear(&back);
  exset_volume_clear(&v);
  const int64_t inside[3][2] = {{1, nz}, {ny / 3, ny - 1}, {7, nx / 2}};
  check_box(ctx, path, n, inside);
}

/* Planes that are read in several pieces. */
static void check_wide(exset_ctx_t *ctx) {
  const int64_t n[3] = {3, 2100, 2050};
  const int64_t box[3][2] = {{1, 3}, {5, 2090}, {0, n[2]}},
                narrow[3][2] = {{0, 3}, {7, 2099}, {3, 5}};
  static const char *const name[] = {"wide.vtkhdf", "wide.raw"};
  exset_volume_t v;
  make_volume(ctx, n, &v);
  for (int i = 0; i < 2; i++) {
    const char *path = path_of(name[i]);
    write_volume(ctx, path, &v);
    check_box(ctx, path, n, box);
    check_box(ctx, path, n, narrow);
  }
  exset_volume_clear(&v);
}

/* Damaged in the middle, or cut short: refused on all ranks, also where one alone meets the damage. */
static void check_damaged(exset_ctx_t *ctx) {
  const char *path = path_of("large-gzip.vtkhdf");
  exset_volume_t v;
  struct stat info;
  CHECK(stat(path, &info) == 0);
  MPI_Barrier(ctx->comm);
  if (ctx->rank == 0) {
    FILE *file = fopen(path, "r+b");
    const char junk[64] = "no deflated data";
    CHECK(file && fseek(file, (long)info.st_size * 3 / 4, SEEK_SET) == 0);
    CHECK(fwrite(junk, sizeof junk, 1, file) == 1 && fclose(file) == 0);
  }
  MPI_Barrier(ctx->comm);
  const int err = exset_volume_read(ctx, path, NULL, &v);
  CHECK_MSG(err == EXSET_ERR_RUN || err == EXSET_ERR_INPUT, "code %d", err);
  CHECK_MSG(strstr(ctx->message, "large-gzip.vtkhdf"), "%s", ctx->message);
  ctx->message[0] = 0;
  MPI_Barrier(ctx->comm);
  if (ctx->rank == 0) CHECK(truncate(path, info.st_size / 2) == 0);
  MPI_Barrier(ctx->comm);
  CHECK(exset_volume_read(ctx, path, NULL, &v) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, "large-gzip.vtkhdf"), "%s", ctx->message);
  ctx->message[0] = 0;
}

static void check_size(exset_ctx_t *ctx, int64_t nz, int64_t ny, int64_t nx) {
  const int64_t n[3] = {nz, ny, nx};
  static const char *const name[] = {"p.vtkhdf",        "p-gzip.vtkhdf", "p-gzip-fields.vtkhdf",
                                     "p-fields.vtkhdf", "p.tif",         "p.raw"};
  exset_volume_t v;
  make_volume(ctx, n, &v);
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    const char *path = path_of(name[i]);
    write_volume(ctx, path, &v);
    check_boxes(ctx, path, n);
    if (nz > 4) check_alone(ctx, path, n);
  }
  exset_volume_clear(&v);
}

static void expect(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                   const char *words) {
  exset_volume_t v;
  CHECK(exset_volume_read(ctx, path, options, &v) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, words), "\"%s\" is in \"%s\"", words, ctx->message);
  ctx->message[0] = 0;
  MPI_Barrier(ctx->comm);
}

static void check_mistakes(exset_ctx_t *ctx) {
  const int64_t n[3] = {6, 5, 7};
  exset_volume_t v;
  make_volume(ctx, n, &v);
  const char *path = path_of("m.vtkhdf");
  write_volume(ctx, path, &v);
  exset_volume_options_t options = {.box = {{0, 7}, {0, 5}, {0, 7}}};
  expect(ctx, path, &options, "range 0:7 along z is outside the volume");
  options.box[0][1] = 6;
  options.box[1][0] = -1;
  expect(ctx, path, &options, "range -1:5 along y is outside the volume");
  options.box[1][0] = 5;
  expect(ctx, path, &options, "range 5:5 along y is empty");
  options.box[1][0] = 0;
  options.hints = "cb_nodes";
  expect(ctx, path, &options, "hints \"cb_nodes\"");
  options.hints = "cb_nodes=1,striping_factor=4";
  exset_volume_t back;
  MUST(ctx, exset_volume_read(ctx, path, &options, &back));
  exset_volume_clear(&back);
  path = path_of("m.tif");
  write_volume(ctx, path, &v);
  MUST(ctx, exset_volume_read(ctx, path, &options, &back)); /* all of it */
  exset_volume_clear(&back);
  options.box[2][1] = 6;
  expect(ctx, path, &options, "image_labels");
  exset_volume_extras_t extras = {.compression = EXSET_COMPRESSION_GZIP};
  CHECK(exset_volume_write(ctx, path, &v, &extras) == EXSET_ERR_INPUT);
  CHECK(strstr(ctx->message, "m.tif cannot be compressed"));
  ctx->message[0] = 0;
  /* hints, also where the file is made anew for them */
  extras.hints = "striping_factor=2";
  path = path_of("h-gzip.vtkhdf");
  MUST(ctx, exset_volume_write(ctx, path, &v, &extras));
  check_boxes(ctx, path, n);
  exset_volume_clear(&v);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_size(ctx, 13, 7,
             9); /* blocks of 13, 7, 5 and 3: slabs of uneven size, a last one shorter */
  check_size(ctx, 4, 9, 11); /* at 5 ranks and at 3 (blocks of 2): a rank without planes */
  check_size(ctx, 1, 6, 8);
  check_compressed(ctx, 67, 200, 190);  /* 67 is prime */
  check_compressed(ctx, 2, 1100, 1500); /* wide planes */
  check_damaged(ctx);
  check_wide(ctx);
  check_mistakes(ctx);
  return test_end(ctx);
}
