/* test: np="1 3" time=90 */
/* Each mistake with a volume gives one clear line on every rank, no rank waits for ever, no half file stays. */
#include "exset/volume.h"
#include "test.h"
#include "test_image.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t size[3] = {6, 5, 7};
enum { CELLS = 6 * 5 * 7 };

static const char *file(const char *name) {
  static char path[4][1100];
  static int turn;
  char *p = path[turn++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", test_tmp(), name);
  return p;
}

static void check_message(exset_ctx_t *ctx, const char *words) {
  CHECK_MSG(!strchr(ctx->message, '\n'), "one line: %s", ctx->message);
  char list[256];
  snprintf(list, sizeof list, "%s", words);
  for (char *rest = NULL, *w = strtok_r(list, "|", &rest); w; w = strtok_r(NULL, "|", &rest))
    CHECK_MSG(strstr(ctx->message, w), "\"%s\" is in \"%s\"", w, ctx->message);
  ctx->message[0] = 0;
  MPI_Barrier(ctx->comm);
}

static void expect_read(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                        int code, const char *words) {
  exset_volume_t v;
  MPI_Barrier(ctx->comm);
  const int err = exset_volume_read(ctx, path, options, &v);
  CHECK_MSG(err == code, "code %d for %s: %s", err, path, ctx->message);
  CHECK(v.phase == NULL);
  check_message(ctx, words);
}

static void expect_write(exset_ctx_t *ctx, const char *path, const exset_volume_t *v,
                         const exset_cellarray_t *array, int code, const char *words) {
  MPI_Barrier(ctx->comm);
  const exset_volume_extras_t extras = {.n_arrays = array != NULL, .arrays = array};
  const int err = exset_volume_write(ctx, path, v, &extras);
  CHECK_MSG(err == code, "code %d for %s: %s", err, path, ctx->message);
  MPI_Barrier(ctx->comm);
  char part[1200];
  snprintf(part, sizeof part, "%s.part", path);
  CHECK_MSG(access(part, F_OK) != 0, "%s is gone", part);
  check_message(ctx, words);
}

static void make_volume(exset_ctx_t *ctx, exset_volume_t *v) {
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  MUST(ctx, exset_grid_init(ctx, size, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 3, v));
  const int64_t first = grid.z0 * size[1] * size[2], n = exset_grid_cells_local(&grid);
  for (int64_t i = 0; i < n; i++) v->phase[i] = (uint8_t)((first + i) % 3 + 1);
}

static void check_paths(exset_ctx_t *ctx) {
  expect_read(ctx, file("absent.vtkhdf"), NULL, EXSET_ERR_INPUT, "absent.vtkhdf|No such file");
  expect_read(ctx, test_tmp(), NULL, EXSET_ERR_INPUT, "folder");
  if (ctx->rank == 0) fclose(fopen(file("empty.h5"), "wb"));
  expect_read(ctx, file("empty.h5"), NULL, EXSET_ERR_INPUT, "empty.h5|empty");
  if (ctx->rank == 0) {
    const uint16_t pixel[4] = {0, 1, 1, 0};
    make_png(file("picture.png"), 2, 2, 8, 0, pixel, 0, NULL);
    FILE *text = fopen(file("text.vtkhdf"), "wb");
    fputs("not a volume\n", text);
    fclose(text);
  }
  expect_read(ctx, file("picture.png"), NULL, EXSET_ERR_INPUT, "picture.png|PNG image|VTKHDF");
  expect_read(ctx, file("text.vtkhdf"), NULL, EXSET_ERR_INPUT, "text.vtkhdf|raw_size");
}

static void check_hdf5(exset_ctx_t *ctx, const exset_volume_t *v) {
  const char *path = file("good.h5");
  const exset_cellarray_t vector = {"flux", "A", "", 3, NULL};
  exset_cellarray_t with_values = vector;
  float *value;
  MUST(ctx, exset_alloc(ctx, exset_grid_cells_local(&v->grid) * 3, sizeof *value, &value));
  with_values.value = value;
  const exset_volume_extras_t extras = {.n_arrays = 1, .arrays = &with_values};
  MUST(ctx, exset_volume_write(ctx, path, v, &extras));
  free(value);
  exset_volume_options_t options = {.dataset = "nothing/here"};
  expect_read(ctx, path, &options, EXSET_ERR_INPUT,
              "good.h5|no data set /nothing/here|VTKHDF/CellData/phase");
  options.dataset = "VTKHDF/CellData";
  expect_read(ctx, path, &options, EXSET_ERR_INPUT, "/VTKHDF/CellData|VTKHDF/CellData/phase");
  options.dataset = "/VTKHDF/CellData/flux";
  expect_read(ctx, path, &options, EXSET_ERR_INPUT, "good.h5|flux|4 dimensions");
  options.dataset = "";
  expect_read(ctx, path, &options, EXSET_ERR_INPUT, "volume_dataset");
  const exset_volume_options_t few = {.labels = {.n_labels = 2, .label = {1, 2}}};
  expect_read(ctx, path, &few, EXSET_ERR_INPUT, "good.h5|gray value 3|labels 1, 2|1, 2, 3");
  const exset_volume_options_t absent = {.labels = {.n_labels = 4, .label = {1, 2, 3, 9}}};
  expect_read(ctx, path, &absent, EXSET_ERR_INPUT, "label 9 does not occur|good.h5|1, 2, 3");
  const exset_volume_options_t twice = {.labels = {.n_labels = 2, .label = {1, 1}}};
  expect_read(ctx, path, &twice, EXSET_ERR_INPUT, "label 1|twice");
}

/* Cut anywhere, the file is refused on all ranks. */
static void check_truncated(exset_ctx_t *ctx, const exset_volume_t *v) {
  const char *endings[] = {"cut.vtkhdf", "cut.tif"};
  for (int e = 0; e < 2; e++) {
    const char *path = file(endings[e]);
    MUST(ctx, exset_volume_write(ctx, path, v, NULL));
    struct stat info;
    CHECK(stat(path, &info) == 0);
    MPI_Barrier(ctx->comm);
    for (long keep = (long)info.st_size - 1; keep > 9; keep -= (long)info.st_size / 13 + 1) {
      if (ctx->rank == 0) CHECK(truncate(path, keep) == 0);
      expect_read(ctx, path, NULL, EXSET_ERR_INPUT, endings[e]);
    }
  }
}

static void check_raw(exset_ctx_t *ctx, const exset_volume_t *v) {
  const char *path = file("good.raw");
  MUST(ctx, exset_volume_write(ctx, path, v, NULL));
  exset_volume_options_t options = {.raw_size = {6, 5, 8}};
  expect_read(ctx, path, &options, EXSET_ERR_INPUT, "good.raw|210 bytes|6,5,8|240|480");
  options.raw_size[2] = 0;
  expect_read(ctx, path, &options, EXSET_ERR_INPUT, "6,5,0|at least 1");
  for (int a = 0; a < 3; a++) options.raw_size[a] = INT64_C(1) << 40;
  expect_read(ctx, path, &options, EXSET_ERR_INPUT, "good.raw|210 bytes");
  /* 16 bit: the same cells, each value 300 larger */
  if (ctx->rank == 0) {
    bytes_t b = {0};
    for (int i = 0; i < CELLS; i++) put_number(&b, (uint32_t)(i % 3 + 301), 2, false);
    save_bytes(&b, file("wide.raw"));
  }
  MPI_Barrier(ctx->comm);
  memcpy(options.raw_size, size, sizeof size);
  exset_volume_t wide;
  uint64_t sum[2];
  MUST(ctx, exset_volume_read(ctx, file("wide.raw"), &options, &wide));
  MUST(ctx, exset_volume_checksum(ctx, v, &sum[0]));
  MUST(ctx, exset_volume_checksum(ctx, &wide, &sum[1]));
  CHECK(sum[0] == sum[1] && wide.n_phases == 3);
  exset_volume_clear(&wide);
  options.labels = (exset_labels_t){.n_labels = 2, .label = {301, 303}};
  expect_read(ctx, file("wide.raw"), &options, EXSET_ERR_INPUT, "wide.raw|302");
}

static void check_write_mistakes(exset_ctx_t *ctx, const exset_volume_t *v) {
  expect_write(ctx, file("volume.vti"), v, NULL, EXSET_ERR_INPUT, "volume.vti|.vtkhdf|.tif|.raw");
  expect_write(ctx, file("volume"), v, NULL, EXSET_ERR_INPUT, "volume|endings");
  expect_write(ctx, file("no/folder.vtkhdf"), v, NULL, EXSET_ERR_INPUT, "no/folder.vtkhdf|folder");
  if (ctx->rank == 0) mkdir(file("folder.tif"), 0777);
  expect_write(ctx, file("folder.tif"), v, NULL, EXSET_ERR_INPUT, "folder.tif|is a folder");
  exset_cellarray_t array = {"u", "V", "", 1, NULL};
  expect_write(ctx, file("volume.tif"), v, &array, EXSET_ERR_INPUT, "volume.tif|cell arrays|u");
  array.components = 2;
  expect_write(ctx, file("volume.h5"), v, &array, EXSET_ERR_INPUT, "u|2 components");
  array.components = 1;
  array.name = "phase";
  expect_write(ctx, file("volume.h5"), v, &array, EXSET_ERR_INPUT, "\"phase\"");
  const exset_attribute_t twice[2] = {{"seed", "1"}, {"seed", "2"}};
  const exset_volume_extras_t extras = {.n_attributes = 2, .attributes = twice};
  CHECK(exset_volume_write(ctx, file("twice.h5"), v, &extras) == EXSET_ERR_RUN);
  check_message(ctx, "twice.h5|already exists");
}

/* Files cannot grow beyond a small size, as on a full disk: an earlier file stays, half of a new one does not. */
static void check_full_disk(exset_ctx_t *ctx, const exset_volume_t *v) {
  const int64_t big[3] = {40, 64, 64};
  const char *endings[] = {"full.vtkhdf", "full.tif", "full.raw"};
  exset_grid_t grid;
  exset_volume_t large;
  MUST(ctx, exset_grid_init(ctx, big, v->grid.voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, 1, &large));
  signal(SIGXFSZ, SIG_IGN);
  for (int e = 0; e < 3; e++) {
    const char *path = file(endings[e]);
    MUST(ctx, exset_volume_write(ctx, path, v, NULL));
    struct stat before, after;
    CHECK(stat(path, &before) == 0);
    struct rlimit limit, small;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    small = limit;
    small.rlim_cur = 50000;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    expect_write(ctx, path, &large, NULL, EXSET_ERR_RUN, endings[e]);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(stat(path, &after) == 0 && before.st_ino == after.st_ino);
    MPI_Barrier(ctx->comm);
  }
  exset_volume_clear(&large);
}

/* The last rank can open no file, as on a node that does not see it: the others do not wait for it. */
static void check_one_rank(exset_ctx_t *ctx, const exset_volume_t *v) {
  static const char *const name[] = {"one.vtkhdf", "packed.vtkhdf", "one.raw", "one.tif"};
  for (int i = 0; i < 4; i++) {
    const char *path = file(name[i]);
    exset_volume_options_t options = {0};
    if (i == 2) memcpy(options.raw_size, size, sizeof size);
    const exset_volume_extras_t extras = {.compression = i == 1 ? EXSET_COMPRESSION_GZIP
                                                                : EXSET_COMPRESSION_NONE};
    MUST(ctx, exset_volume_write(ctx, path, v, &extras));
    struct rlimit limit, none;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = limit;
    const int next = dup(0);
    CHECK(next >= 0 && close(next) == 0);
    none.rlim_cur = (rlim_t)next;
    if (ctx->rank == ctx->size - 1) CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    exset_volume_t back;
    int err = exset_volume_read(ctx, path, &options, &back);
    CHECK_MSG(err == EXSET_ERR_INPUT || err == EXSET_ERR_RUN, "code %d: %s", err, ctx->message);
    check_message(ctx, name[i]);
    if (i < 3) { /* planes of TIFF files go through rank 0 */
      err = exset_volume_write(ctx, path, v, &extras);
      CHECK_MSG(err == EXSET_ERR_RUN, "code %d: %s", err, ctx->message);
      check_message(ctx, name[i]);
    }
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    MPI_Barrier(ctx->comm);
    MUST(ctx, exset_volume_read(ctx, path, &options, &back)); /* the earlier file is still there */
    exset_volume_clear(&back);
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_volume_t v;
  make_volume(ctx, &v);
  check_paths(ctx);
  check_hdf5(ctx, &v);
  check_truncated(ctx, &v);
  check_raw(ctx, &v);
  check_write_mistakes(ctx, &v);
  check_full_disk(ctx, &v);
  if (ctx->size > 1) check_one_rank(ctx, &v);
  exset_volume_clear(&v);
  return test_end(ctx);
}
