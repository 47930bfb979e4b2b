/*
 * Speed of writing and reading a VTKHDF volume against plain MPI-IO of the same bytes, in one run:
 * 512^3 bytes on 2 ranks by default (argument: edge in voxels). Both write to a new file and flush
 * it to the disk; best of several turns, taken alternately. Prints "ratio NAME VALUE BOUND (...)", and figures of compressed
 * labels without a bound: they depend on the labels.
 */
#include "exset/volume.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TURNS = 6 };

/* MPI-IO in one call: what a count of int holds. */
static int slab_bytes(exset_ctx_t *ctx, const exset_grid_t *g) {
  const int64_t bytes = exset_grid_cells_local(g);
  MUST(ctx, bytes <= INT32_MAX
                ? EXSET_OK
                : exset_fail(ctx, EXSET_ERR_LOCAL, "more than 2^31 bytes a rank: use more ranks"));
  return (int)bytes;
}

static double plain_write(exset_ctx_t *ctx, const char *path, const exset_volume_t *v) {
  const exset_grid_t *g = &v->grid;
  const int64_t plane = g->n[1] * g->n[2];
  MPI_File file;
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  MUST(ctx, EXSET_MPI(ctx, MPI_File_open(ctx->comm, path, MPI_MODE_CREATE | MPI_MODE_WRONLY,
                                         MPI_INFO_NULL, &file)));
  MUST(ctx, EXSET_MPI(ctx, MPI_File_write_at_all(file, g->z0 * plane, v->phase, slab_bytes(ctx, g),
                                                 MPI_BYTE, MPI_STATUS_IGNORE)));
  MUST(ctx, EXSET_MPI(ctx, MPI_File_sync(file)));
  MUST(ctx, EXSET_MPI(ctx, MPI_File_close(&file)));
  MPI_Barrier(ctx->comm);
  return MPI_Wtime() - start;
}

static double plain_read(exset_ctx_t *ctx, const char *path, const exset_grid_t *g) {
  const int64_t plane = g->n[1] * g->n[2];
  MPI_File file;
  uint8_t *data;
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  MUST(ctx, exset_alloc(ctx, g->nz_local * plane, 1, &data));
  MUST(ctx, EXSET_MPI(ctx, MPI_File_open(ctx->comm, path, MPI_MODE_RDONLY, MPI_INFO_NULL, &file)));
  MUST(ctx, EXSET_MPI(ctx, MPI_File_read_at_all(file, g->z0 * plane, data, slab_bytes(ctx, g),
                                                MPI_BYTE, MPI_STATUS_IGNORE)));
  MUST(ctx, EXSET_MPI(ctx, MPI_File_close(&file)));
  free(data);
  MPI_Barrier(ctx->comm);
  return MPI_Wtime() - start;
}

static double our_write(exset_ctx_t *ctx, const char *path, const exset_volume_t *v) {
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  MUST(ctx, exset_volume_write(ctx, path, v, NULL));
  MPI_Barrier(ctx->comm);
  return MPI_Wtime() - start;
}

static double our_read(exset_ctx_t *ctx, const char *path) {
  exset_volume_t v;
  MPI_Barrier(ctx->comm);
  const double start = MPI_Wtime();
  MUST(ctx, exset_volume_read(ctx, path, NULL, &v));
  exset_volume_clear(&v);
  MPI_Barrier(ctx->comm);
  return MPI_Wtime() - start;
}

static void keep_best(double seconds, double *best) {
  if (*best == 0 || seconds < *best) *best = seconds;
}

/* Labels in blobs of about 8 voxels, as those of a twin. */
static void fill_blobs(exset_volume_t *v) {
  const exset_grid_t *g = &v->grid;
  uint8_t *p = v->phase;
  for (int64_t z = g->z0; z < g->z0 + g->nz_local; z++)
    for (int64_t y = 0; y < g->n[1]; y++)
      for (int64_t x = 0; x < g->n[2]; x++) {
        const uint64_t blob =
            (uint64_t)(((z + x / 5) / 8 * 4096 + (y + z / 3) / 8) * 4096 + (x + y / 4) / 8);
        *p++ = (uint8_t)(1 + (blob * UINT64_C(0x9e3779b97f4a7c15) >> 40) % 3);
      }
}

static void bench_compressed(exset_ctx_t *ctx, const char *path, exset_volume_t *v) {
  const exset_volume_extras_t extras = {.compression = EXSET_COMPRESSION_GZIP};
  const double megabytes = (double)exset_grid_cells(&v->grid) / 1e6;
  double write = 0, read = 0;
  struct stat info = {0};
  fill_blobs(v);
  for (int turn = 0; turn < TURNS / 2; turn++) {
    MPI_Barrier(ctx->comm);
    const double start = MPI_Wtime();
    MUST(ctx, exset_volume_write(ctx, path, v, &extras));
    keep_best(MPI_Wtime() - start, &write);
    keep_best(our_read(ctx, path), &read);
  }
  CHECK(stat(path, &info) == 0);
  exset_print(ctx,
              "compressed to 1/%.1f: writing %.0f MB/s, reading %.0f MB/s for each of %d ranks\n",
              1e6 * megabytes / (double)info.st_size, megabytes / write / ctx->size,
              megabytes / read / ctx->size, ctx->size);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t edge = argc > 1 ? atoll(argv[1]) : 512, n[3] = {edge, edge, edge};
  const double voxel[3] = {1, 1, 1}, bound = 1.25; /* 0.8 of the throughput */
  exset_grid_t grid;
  exset_volume_t v;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 3, &v));
  const int64_t cells = exset_grid_cells_local(&grid);
  for (int64_t i = 0; i < cells; i++)
    v.phase[i] = (uint8_t)((i * INT64_C(2654435761) >> 13) % 3 + 1);
  char ours[1100], plain[1100];
  snprintf(ours, sizeof ours, "%s/bench-io.vtkhdf", test_tmp());
  snprintf(plain, sizeof plain, "%s/bench-io.raw", test_tmp());
  double write[2] = {0, 0}, read[2] = {0, 0}; /* ours, plain */
  for (int turn = 0; turn < TURNS; turn++) {
    if (ctx->rank == 0) unlink(ours), unlink(plain);
    keep_best(plain_write(ctx, plain, &v), &write[1]);
    keep_best(our_write(ctx, ours, &v), &write[0]);
    keep_best(plain_read(ctx, plain, &grid), &read[1]);
    keep_best(our_read(ctx, ours), &read[0]);
  }
  if (ctx->rank == 0) {
    const double megabytes = (double)exset_grid_cells(&grid) / 1e6;
    printf("ratio io-write %.3f %.2f (%lld^3 bytes, %d ranks: %.0f MB/s, plain %.0f MB/s)\n",
           write[0] / write[1], bound, (long long)edge, ctx->size, megabytes / write[0],
           megabytes / write[1]);
    printf("ratio io-read %.3f %.2f (from memory: %.0f MB/s, plain %.0f MB/s)\n", read[0] / read[1],
           bound, megabytes / read[0], megabytes / read[1]);
  }
  bench_compressed(ctx, ours, &v);
  MPI_Barrier(ctx->comm);
  if (ctx->rank == 0) unlink(ours), unlink(plain);
  exset_volume_clear(&v);
  return test_end(ctx);
}
