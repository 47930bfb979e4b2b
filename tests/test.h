/* Checks for the test programs. Each rank's failures count; rank 0 prints. A program that makes no check fails. */
#ifndef EXSET_TEST_H
#define EXSET_TEST_H

#include "exset/core.h"

/** Start MPI and a context. */
exset_ctx_t *test_begin(int *argc, char ***argv);
/** Reduce over ranks, print "checks N" or the failures, stop MPI; the program's exit code. */
int test_end(exset_ctx_t *ctx);

/* Count a check; on failure print where and what. */
#define CHECK(condition) test_check((condition), __FILE__, __LINE__, "%s", #condition)
#define CHECK_MSG(condition, ...) test_check((condition), __FILE__, __LINE__, __VA_ARGS__)
/* |value - expected| <= tolerance; NaN fails. */
#define CHECK_NEAR(value, expected, tolerance) \
  test_near((value), (expected), (tolerance), #value, __FILE__, __LINE__)
/* The call returns EXSET_OK; otherwise the test ends here with the context's message. */
#define MUST(ctx, call) test_must((ctx), (call), #call, __FILE__, __LINE__)

void test_check(bool ok, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void test_near(double value, double expected, double tolerance, const char *what, const char *file,
               int line);
void test_must(exset_ctx_t *ctx, int code, const char *what, const char *file, int line);

/** A folder for this test's files, made by the runner (TEST_TMP), or "/tmp". */
const char *test_tmp(void);
/** Path of a real data file under ../shared/data, or NULL where it is absent. */
const char *test_data(const char *name);
/** Print "skipped: reason" (the runner counts it) and return the exit code for main(). */
int test_skip(exset_ctx_t *ctx, const char *reason);

#endif
