/* Context, errors, allocation, logging. */
#include "exset/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* As OpenMP reads it, but 1 rather than all cores when nothing is said: ranks share a node. */
static int threads_wanted(void) {
  const char *text = getenv("OMP_NUM_THREADS");
  const long n = text ? strtol(text, NULL, 10) : 1;
  enum { MOST = 4096 };
#ifndef _OPENMP
  return 1;
#endif
  return n < 1 ? 1 : n > MOST ? MOST : (int)n;
}

int exset_ctx_create(MPI_Comm comm, exset_ctx_t **ctx_out) {
  exset_ctx_t *ctx = calloc(1, sizeof *ctx);
  *ctx_out = ctx;
  if (!ctx) return EXSET_ERR_LOCAL;
  ctx->verbosity = 1;
  ctx->threads = threads_wanted();
  ctx->comm = MPI_COMM_NULL;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_dup(comm, &ctx->comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_set_errhandler(ctx->comm, MPI_ERRORS_RETURN)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_rank(ctx->comm, &ctx->rank)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_size(ctx->comm, &ctx->size)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&ctx->threads, 1, MPI_INT, 0, ctx->comm)));
  ctx->start = MPI_Wtime();
  return EXSET_OK;
}

int exset_ctx_destroy(exset_ctx_t **ctx) {
  if (!*ctx) return EXSET_OK;
  int err = EXSET_OK;
  if ((*ctx)->comm != MPI_COMM_NULL && MPI_Comm_free(&(*ctx)->comm) != MPI_SUCCESS)
    err = EXSET_ERR_LOCAL;
  free(*ctx);
  *ctx = NULL;
  return err;
}

int exset_group_of(const exset_ctx_t *ctx, int n_groups, int rank) {
  return (int)((int64_t)rank * n_groups / ctx->size);
}

int exset_group_first(const exset_ctx_t *ctx, int n_groups, int group) {
  return (int)(((int64_t)group * ctx->size + n_groups - 1) / n_groups);
}

int exset_ctx_split(exset_ctx_t *ctx, int n_groups, exset_ctx_t **group) {
  MPI_Comm comm;
  const int color = exset_group_of(ctx, n_groups, ctx->rank);
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_split(ctx->comm, color, ctx->rank, &comm)));
  const int err = exset_ctx_create(comm, group);
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_free(&comm)));
  if (err) return exset_fail(ctx, err, "cannot set up a group of ranks");
  (*group)->start = ctx->start;
  (*group)->threads = ctx->threads;
  (*group)->verbosity = color == 0 ? ctx->verbosity : 0;
  return EXSET_OK;
}

int exset_thread(void) {
#ifdef _OPENMP
  return omp_get_thread_num();
#else
  return 0;
#endif
}

int exset_fail(exset_ctx_t *ctx, int code, const char *format, ...) {
  if (ctx->message[0]) return code;
  va_list args;
  va_start(args, format);
  vsnprintf(ctx->message, sizeof ctx->message, format, args);
  va_end(args);
  return code;
}

int exset_mpi_check(exset_ctx_t *ctx, int mpi_code, const char *file, int line) {
  if (mpi_code == MPI_SUCCESS) return EXSET_OK;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(mpi_code, text, &length);
  return exset_fail(ctx, EXSET_ERR_LOCAL, "MPI: %s (%s:%d, rank %d)", text, file, line, ctx->rank);
}

int exset_agree(exset_ctx_t *ctx, int code) {
  int first = code == EXSET_OK ? ctx->size : ctx->rank;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, ctx->comm)));
  if (first == ctx->size) return EXSET_OK;
  struct {
    int code;
    char message[sizeof ctx->message];
  } verdict = {code < 0 ? EXSET_ERR_RUN : code, ""};
  if (ctx->rank == first) memcpy(verdict.message, ctx->message, sizeof verdict.message);
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&verdict, sizeof verdict, MPI_BYTE, first, ctx->comm)));
  memcpy(ctx->message, verdict.message, sizeof ctx->message);
  return verdict.code;
}

int exset_agree_groups(exset_ctx_t *ctx, const exset_ctx_t *group, int code) {
  if (code && group && group->message[0]) exset_fail(ctx, code, "%s", group->message);
  return exset_agree(ctx, code);
}

int64_t exset_mul3(int64_t a, int64_t b, int64_t c) {
  int64_t ab, abc;
  if (__builtin_mul_overflow(a, b, &ab) || __builtin_mul_overflow(ab, c, &abc)) return -1;
  return abc;
}

/* Aligned memory for so many bytes and a few more, or NULL. Large pages, where the system leaves them to the program, take a
 * third of the time at the first touch. */
static void *aligned_bytes(int64_t bytes, size_t *rounded) {
  enum { LINE = 64, HUGE_PAGE = 1 << 21, LARGE = 1 << 23 };
  if (bytes < 0 || bytes >= INT64_MAX - HUGE_PAGE) return NULL;
  const size_t alignment = bytes < LARGE ? LINE : HUGE_PAGE;
  *rounded = ((size_t)bytes / alignment + 1) * alignment;
  void *p = aligned_alloc(alignment, *rounded);
  if (p && alignment == HUGE_PAGE) madvise(p, *rounded, MADV_HUGEPAGE);
  return p;
}

static int allocate(exset_ctx_t *ctx, int64_t count, size_t item_size, bool zero,
                    void *pointer_out) {
  size_t rounded;
  void *p = aligned_bytes(exset_mul3(count, (int64_t)item_size, 1), &rounded);
  if (p && zero) memset(p, 0, rounded);
  memcpy(pointer_out, &p, sizeof p);
  if (p) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_LOCAL,
                    "out of memory on rank %d: asked for %.3g GB; use more nodes or a smaller size",
                    ctx->rank, (double)count * (double)item_size / 1e9);
}

int exset_alloc(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out) {
  return allocate(ctx, count, item_size, true, pointer_out);
}

int exset_alloc_all(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out) {
  return exset_agree(ctx, exset_alloc(ctx, count, item_size, pointer_out));
}

int exset_alloc_unset(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out) {
  return allocate(ctx, count, item_size, false, pointer_out);
}

int exset_alloc_unset_all(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out) {
  return exset_agree(ctx, exset_alloc_unset(ctx, count, item_size, pointer_out));
}

void exset_number_text(double value, char text[EXSET_NUMBER_TEXT]) {
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, EXSET_NUMBER_TEXT, "%.*g", digits, value);
    if (strtod(text, NULL) == value) return;
  }
}

void exset_print(const exset_ctx_t *ctx, const char *format, ...) {
  if (ctx->rank != 0) return;
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  fflush(stdout);
}

void exset_info(const exset_ctx_t *ctx, const char *format, ...) {
  if (ctx->rank != 0 || ctx->verbosity < 1) return;
  fprintf(stderr, "[%7.1f s] ", MPI_Wtime() - ctx->start);
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
}

void exset_warn(const exset_ctx_t *ctx, const char *format, ...) {
  if (ctx->rank != 0) return;
  fputs("warning: ", stderr);
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
}

int64_t exset_peak_bytes(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

int exset_processors(void) {
#ifdef _OPENMP
  return omp_get_num_procs();
#else
  return 0;
#endif
}
