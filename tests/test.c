/* Checks for the test programs: counting, reduction over ranks. */
#include "test.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A test program is one process with one purpose: its counters may be file-local. */
static long checks, failures;
static int rank;

exset_ctx_t *test_begin(int *argc, char ***argv) {
  exset_ctx_t *ctx = NULL;
  if (MPI_Init(argc, argv) != MPI_SUCCESS || exset_ctx_create(MPI_COMM_WORLD, &ctx)) {
    fprintf(stderr, "cannot start MPI\n");
    exit(1);
  }
  ctx->verbosity = 0;
  rank = ctx->rank;
  return ctx;
}

void test_check(bool ok, const char *file, int line, const char *format, ...) {
  checks++;
  if (ok) return;
  if (++failures > 10) return;
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fprintf(stderr, "%s:%d: rank %d: failed: %s\n", file, line, rank, text);
}

void test_near(double value, double expected, double tolerance, const char *what, const char *file,
               int line) {
  test_check(fabs(value - expected) <= tolerance, file, line, "%s = %.10g, expected %.10g +- %.3g",
             what, value, expected, tolerance);
}

void test_must(exset_ctx_t *ctx, int code, const char *what, const char *file, int line) {
  checks++;
  if (code == EXSET_OK) return;
  fprintf(stderr, "%s:%d: rank %d: %s returned %d: %s\n", file, line, rank, what, code,
          ctx->message);
  MPI_Abort(ctx->comm, 1);
}

int test_end(exset_ctx_t *ctx) {
  long sum[2] = {checks, failures};
  MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_LONG, MPI_SUM, ctx->comm);
  if (rank == 0) printf("checks %ld, failed %ld\n", sum[0], sum[1]);
  exset_ctx_destroy(&ctx);
  MPI_Finalize();
  return sum[0] == 0 || sum[1] != 0;
}

const char *test_tmp(void) {
  const char *folder = getenv("TEST_TMP");
  return folder ? folder : "/tmp";
}

const char *test_data(const char *name) {
  static char path[1024];
  const char *root = getenv("EXSET_DATA");
  snprintf(path, sizeof path, "%s/%s", root ? root : "../shared/data", name);
  return access(path, R_OK) == 0 ? path : NULL;
}

int test_skip(exset_ctx_t *ctx, const char *reason) {
  if (rank == 0) printf("skipped: %s\n", reason);
  exset_ctx_destroy(&ctx);
  MPI_Finalize();
  return 0;
}
