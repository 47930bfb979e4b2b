/* test: np="1 3" time=60 */
/* Archives: every type and number of dimensions comes back; a file appears by commit only; errors are clean. Each rank
 * works alone on files of its own. */
#include "exset/archive.h"
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char file[1200], part[1300];
} names_t;

static names_t name_files(const exset_ctx_t *ctx, const char *name) {
  names_t n;
  snprintf(n.file, sizeof n.file, "%s/%s_%d.h5", test_tmp(), name, ctx->rank);
  snprintf(n.part, sizeof n.part, "%s.part", n.file);
  return n;
}

static bool there(const char *path) {
  return access(path, F_OK) == 0;
}

/* The failure and a part of its message; the context is as before afterwards. */
static void check_error(exset_ctx_t *ctx, int code, int expected, const char *part) {
  CHECK_MSG(code == expected, "code %d, not %d: %s", code, expected, ctx->message);
  CHECK_MSG(strstr(ctx->message, part) != NULL, "\"%s\" has no \"%s\"", ctx->message, part);
  CHECK_MSG(strchr(ctx->message, '\n') == NULL, "one line: %s", ctx->message);
  ctx->message[0] = '\0';
}

/* ---- what goes in comes out ----------------------------------------------------------------- */

enum { COUNT = 2 * 3 * 4 * 5 };
static const int64_t size[4] = {2, 3, 4, 5};
static const char *const text = "a: 1\nlength: 2 \xc2\xb5m\n";

typedef struct {
  int64_t i[COUNT];
  float f[COUNT];
  double d[COUNT];
  uint8_t u[COUNT];
} values_t;

static void fill(values_t *v, int rank) {
  for (int k = 0; k < COUNT; k++) {
    v->i[k] = INT64_MIN + k + rank;
    v->f[k] = 1.0f / (float)(3 + k);
    v->d[k] = (k % 2 ? -1 : 1) * 1e-300 * (1 + k) / 7;
    v->u[k] = (uint8_t)(255 - k);
  }
  v->d[COUNT - 1] = 1.0 / 3;
}

static void put_all(exset_ctx_t *ctx, exset_archive_t *a, const values_t *v) {
  for (int n = 0; n <= 4; n++) {
    char name[4][64];
    const char *const kind[4] = {"int", "deep/er/float", "deep/double", "byte"};
    for (int k = 0; k < 4; k++) snprintf(name[k], sizeof name[k], "%s%d", kind[k], n);
    MUST(ctx, exset_archive_put(a, name[0], EXSET_ARCHIVE_INT64, n, size, v->i));
    MUST(ctx, exset_archive_put(a, name[1], EXSET_ARCHIVE_FLOAT, n, size, v->f));
    MUST(ctx, exset_archive_put(a, name[2], EXSET_ARCHIVE_DOUBLE, n, size, v->d));
    MUST(ctx, exset_archive_put(a, name[3], EXSET_ARCHIVE_UINT8, n, size, v->u));
  }
  const int64_t none[2] = {0, 3};
  MUST(ctx, exset_archive_put(a, "none", EXSET_ARCHIVE_DOUBLE, 2, none, v->d));
  MUST(ctx, exset_archive_put_text(a, "text/model", text));
  MUST(ctx, exset_archive_put_text(a, "text/empty", ""));
  MUST(ctx, exset_archive_describe(a, "deep/double3", "unit", "\xc2\xb5m"));
}

static void check_array(exset_ctx_t *ctx, exset_archive_t *a, const char *name, int n,
                        exset_archive_type_t type, size_t item, const void *expected) {
  unsigned char got[COUNT * sizeof(double)];
  int64_t dims[4], count = 1;
  int n_dims;
  CHECK(exset_archive_has(a, name));
  MUST(ctx, exset_archive_shape(a, name, &n_dims, dims));
  CHECK(n_dims == n);
  for (int d = 0; d < n; d++) {
    CHECK(dims[d] == size[d]);
    count *= size[d];
  }
  MUST(ctx, exset_archive_get(a, name, type, count, got));
  CHECK_MSG(memcmp(got, expected, (size_t)count * item) == 0, "values of %s", name);
}

static void check_arrays(exset_ctx_t *ctx, exset_archive_t *a, const values_t *v) {
  for (int n = 0; n <= 4; n++) {
    char name[64];
    snprintf(name, sizeof name, "int%d", n);
    check_array(ctx, a, name, n, EXSET_ARCHIVE_INT64, sizeof v->i[0], v->i);
    snprintf(name, sizeof name, "deep/er/float%d", n);
    check_array(ctx, a, name, n, EXSET_ARCHIVE_FLOAT, sizeof v->f[0], v->f);
    snprintf(name, sizeof name, "deep/double%d", n);
    check_array(ctx, a, name, n, EXSET_ARCHIVE_DOUBLE, sizeof v->d[0], v->d);
    snprintf(name, sizeof name, "byte%d", n);
    check_array(ctx, a, name, n, EXSET_ARCHIVE_UINT8, sizeof v->u[0], v->u);
  }
}

static void check_others(exset_ctx_t *ctx, exset_archive_t *a) {
  int n_dims;
  int64_t dims[4];
  double unused = 7;
  char *got;
  MUST(ctx, exset_archive_shape(a, "none", &n_dims, dims));
  CHECK(n_dims == 2 && dims[0] == 0 && dims[1] == 3);
  MUST(ctx, exset_archive_get(a, "none", EXSET_ARCHIVE_DOUBLE, 0, &unused));
  CHECK(unused == 7);
  MUST(ctx, exset_archive_get_text(a, "text/model", &got));
  CHECK(strcmp(got, text) == 0);
  free(got);
  MUST(ctx, exset_archive_get_text(a, "text/empty", &got));
  CHECK(got[0] == '\0');
  free(got);
  CHECK(exset_archive_has(a, "text/model"));
  CHECK(!exset_archive_has(a, "text") && !exset_archive_has(a, "no/such") &&
        !exset_archive_has(a, "deep/float"));
  double wide[2];
  MUST(ctx, exset_archive_get(a, "deep/er/float1", EXSET_ARCHIVE_DOUBLE, 2, wide));
  CHECK(wide[0] == (double)(1.0f / 3));
}

static void check_misuse(exset_ctx_t *ctx, exset_archive_t *a) {
  int n_dims;
  int64_t dims[4], i[COUNT];
  float f[COUNT];
  char *got;
  check_error(ctx, exset_archive_get(a, "no", EXSET_ARCHIVE_INT64, 1, i), EXSET_ERR_INPUT,
              "cannot read no in ");
  check_error(ctx, exset_archive_shape(a, "no/such", &n_dims, dims), EXSET_ERR_INPUT, "no/such");
  check_error(ctx, exset_archive_get(a, "int1", EXSET_ARCHIVE_INT64, 3, i), EXSET_ERR_INPUT,
              "it has 2 numbers, not 3");
  check_error(ctx, exset_archive_get(a, "deep/double1", EXSET_ARCHIVE_FLOAT, 2, f), EXSET_ERR_INPUT,
              "another type");
  check_error(ctx, exset_archive_get(a, "deep/double1", EXSET_ARCHIVE_INT64, 2, i), EXSET_ERR_INPUT,
              "another type");
  check_error(ctx, exset_archive_get(a, "text/model", EXSET_ARCHIVE_UINT8, 1, i), EXSET_ERR_INPUT,
              "another type");
  check_error(ctx, exset_archive_get(a, "deep", EXSET_ARCHIVE_UINT8, 1, i), EXSET_ERR_INPUT,
              "cannot read deep in ");
  check_error(ctx, exset_archive_get_text(a, "int1", &got), EXSET_ERR_INPUT, "not a text");
  CHECK(got == NULL);
  check_error(ctx, exset_archive_get_text(a, "no", &got), EXSET_ERR_INPUT, "cannot read no in ");
}

static void check_roundtrip(exset_ctx_t *ctx) {
  const names_t n = name_files(ctx, "all");
  values_t v;
  exset_archive_t *a;
  fill(&v, ctx->rank);
  MUST(ctx, exset_archive_create(ctx, n.file, &a));
  put_all(ctx, a, &v);
  CHECK(!there(n.file) && there(n.part));
  MUST(ctx, exset_archive_commit(&a));
  CHECK(a == NULL && there(n.file) && !there(n.part));
  MUST(ctx, exset_archive_open(ctx, n.file, &a));
  check_arrays(ctx, a, &v);
  check_others(ctx, a);
  check_misuse(ctx, a);
  check_arrays(ctx, a, &v); /* errors have left it usable */
  MUST(ctx, exset_archive_close(&a));
  CHECK(a == NULL);
  MUST(ctx, exset_archive_close(&a));
}

/* ---- files ---------------------------------------------------------------------------------- */

static void write_number(exset_ctx_t *ctx, const char *file, int64_t value, bool commit) {
  exset_archive_t *a;
  MUST(ctx, exset_archive_create(ctx, file, &a));
  MUST(ctx, exset_archive_put(a, "value", EXSET_ARCHIVE_INT64, 0, NULL, &value));
  MUST(ctx, commit ? exset_archive_commit(&a) : exset_archive_close(&a));
  CHECK(a == NULL);
}

static int64_t read_number(exset_ctx_t *ctx, const char *file) {
  exset_archive_t *a;
  int64_t value = -1;
  MUST(ctx, exset_archive_open(ctx, file, &a));
  MUST(ctx, exset_archive_get(a, "value", EXSET_ARCHIVE_INT64, 1, &value));
  MUST(ctx, exset_archive_close(&a));
  return value;
}

static void check_commit(exset_ctx_t *ctx) {
  const names_t n = name_files(ctx, "commit");
  exset_archive_t *a;
  const int64_t second = 2;
  write_number(ctx, n.file, 1, false);
  CHECK(!there(n.file) && !there(n.part));
  write_number(ctx, n.file, 1, true);
  write_number(ctx, n.file, 5, false);
  CHECK(read_number(ctx, n.file) == 1 && !there(n.part));
  MUST(ctx, exset_archive_create(ctx, n.file, &a));
  MUST(ctx, exset_archive_put(a, "value", EXSET_ARCHIVE_INT64, 0, NULL, &second));
  CHECK(read_number(ctx, n.file) == 1); /* untouched until commit */
  MUST(ctx, exset_archive_commit(&a));
  CHECK(read_number(ctx, n.file) == 2);
}

/* A name twice, an attribute of nothing, too many dimensions: nothing is committed then. */
static void check_failed_put(exset_ctx_t *ctx) {
  const names_t n = name_files(ctx, "failed");
  const int64_t value = 3;
  exset_archive_t *a;
  MUST(ctx, exset_archive_create(ctx, n.file, &a));
  MUST(ctx, exset_archive_put(a, "value", EXSET_ARCHIVE_INT64, 0, NULL, &value));
  check_error(ctx, exset_archive_put(a, "value", EXSET_ARCHIVE_INT64, 0, NULL, &value),
              EXSET_ERR_RUN, "cannot write value in ");
  check_error(ctx, exset_archive_describe(a, "no", "unit", "m"), EXSET_ERR_RUN, "no in ");
  check_error(ctx, exset_archive_commit(&a), EXSET_ERR_RUN, "not complete");
  CHECK(a == NULL && !there(n.file) && !there(n.part));
  MUST(ctx, exset_archive_create(ctx, n.file, &a));
  check_error(ctx, exset_archive_put(a, "many", EXSET_ARCHIVE_INT64, 5, size, &value),
              EXSET_ERR_RUN, "5 dimensions");
  check_error(ctx, exset_archive_commit(&a), EXSET_ERR_RUN, "not complete");
}

static void write_bytes(const char *path, const char *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  if (!file) return;
  CHECK(fwrite(bytes, 1, count, file) == count);
  CHECK(fclose(file) == 0);
}

static void check_bad_files(exset_ctx_t *ctx) {
  const names_t n = name_files(ctx, "bad");
  exset_archive_t *a;
  check_error(ctx, exset_archive_open(ctx, n.file, &a), EXSET_ERR_INPUT, "No such file");
  check_error(ctx, exset_archive_open(ctx, test_tmp(), &a), EXSET_ERR_INPUT, "it is a folder");
  write_bytes(n.file, "this is no archive", 18);
  check_error(ctx, exset_archive_open(ctx, n.file, &a), EXSET_ERR_INPUT, "not an HDF5 file");
  CHECK(a == NULL);
  check_error(ctx, exset_archive_create(ctx, "/no/such/folder/a.h5", &a), EXSET_ERR_INPUT,
              "the folder must exist");
  check_error(ctx, exset_archive_create(ctx, test_tmp(), &a), EXSET_ERR_INPUT, "it is a folder");
  check_error(ctx, exset_archive_create(ctx, "", &a), EXSET_ERR_INPUT, "empty");
  CHECK(a == NULL);
}

/* Cut anywhere: opening says so, as no part of the file's end may be missing. */
static void check_truncated(exset_ctx_t *ctx) {
  const names_t n = name_files(ctx, "cut");
  values_t v;
  exset_archive_t *a;
  struct stat info;
  fill(&v, 0);
  MUST(ctx, exset_archive_create(ctx, n.file, &a));
  put_all(ctx, a, &v);
  MUST(ctx, exset_archive_commit(&a));
  CHECK(stat(n.file, &info) == 0);
  const off_t cut[4] = {info.st_size - 1, info.st_size / 2, 100, 8};
  for (int k = 0; k < 4; k++) {
    CHECK(truncate(n.file, cut[k]) == 0);
    check_error(ctx, exset_archive_open(ctx, n.file, &a), EXSET_ERR_INPUT, n.file);
    CHECK(a == NULL);
  }
}

/* Write more than fits: a limit on file sizes stands for a full disk. */
static void write_too_much(exset_ctx_t *ctx, const char *file) {
  enum { LARGE = 1 << 16 };
  const int64_t count = LARGE;
  exset_archive_t *a;
  double *value;
  MUST(ctx, exset_alloc(ctx, LARGE, sizeof *value, &value));
  MUST(ctx, exset_archive_create(ctx, file, &a));
  MUST(ctx, exset_archive_put(a, "large", EXSET_ARCHIVE_DOUBLE, 1, &count, value));
  check_error(ctx, exset_archive_commit(&a), EXSET_ERR_RUN, "File too large");
  CHECK(a == NULL);
  free(value);
}

static void check_full_disk(exset_ctx_t *ctx) {
  const names_t n = name_files(ctx, "full");
  struct rlimit limit;
  write_number(ctx, n.file, 1, true);
  signal(SIGXFSZ, SIG_IGN);
  CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const struct rlimit small = {1 << 15, limit.rlim_max};
  CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
  write_too_much(ctx, n.file);
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK(read_number(ctx, n.file) == 1 && !there(n.part));
  write_number(ctx, n.file, 2, true);
  CHECK(read_number(ctx, n.file) == 2);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_roundtrip(ctx);
  check_commit(ctx);
  check_failed_put(ctx);
  check_bad_files(ctx);
  check_truncated(ctx);
  check_full_disk(ctx);
  return test_end(ctx);
}
