/**
 * core: the run's context, error codes, logging, checked allocation, output files.
 *
 * Errors.  Every fallible function returns one of the codes below; the text is kept in the context.
 * The sign says who knows: positive codes have been agreed by all ranks of the context, so every
 * rank may unwind and the program ends in order; EXSET_ERR_LOCAL is known to this rank alone, and
 * the only safe end is MPI_Abort, which only main() calls.  A function marked "Collective" returns
 * the same non-negative code on every rank, and EXSET_ERR_LOCAL where MPI itself fails; one marked "Local" may fail on one
 * rank, and its caller either passes the result through exset_agree() or treats it as the end of the run.
 */
#ifndef EXSET_CORE_H
#define EXSET_CORE_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  EXSET_OK = 0,
  EXSET_ERR_RUN = 1,    /* failure at run time: file system, solver, memory (exit code 1) */
  EXSET_ERR_INPUT = 2,  /* bad usage or bad input: the user can mend it (exit code 2) */
  EXSET_ERR_LOCAL = -1, /* failure on this rank alone, not agreed: abort the run */
};

enum { EXSET_AXIS_Z = 0, EXSET_AXIS_Y = 1, EXSET_AXIS_X = 2 }; /* order of array dimensions */

typedef struct {
  MPI_Comm comm;  /* own duplicate; errors are returned, never fatal */
  int rank, size; /* in comm */
  int threads; /* of each rank in parallel loops: OMP_NUM_THREADS of rank 0, or 1 where it is not set */
  int verbosity;      /* 0: results only, 1: progress (default), 2: details */
  double start;       /* MPI_Wtime() at creation */
  char message[1024]; /* text of the first error on this rank, "" if none */
} exset_ctx_t;

/** Duplicate comm and set up a context. Collective on comm. Errors: EXSET_ERR_LOCAL. */
int exset_ctx_create(MPI_Comm comm, exset_ctx_t **ctx);
/** Free a context (NULL is fine) and null the handle. Collective on its communicator. */
int exset_ctx_destroy(exset_ctx_t **ctx);
/**
 * Contexts of n_groups groups of neighbouring ranks, 1 <= n_groups <= size: rank r is in group r n_groups / size. They
 * have the settings and the start of ctx, but progress is reported by the first group alone. Collective on ctx.
 * Errors: EXSET_ERR_LOCAL.
 */
int exset_ctx_split(exset_ctx_t *ctx, int n_groups, exset_ctx_t **group);
/** The group of a rank of ctx, and the first rank of a group. Local. */
int exset_group_of(const exset_ctx_t *ctx, int n_groups, int rank);
int exset_group_first(const exset_ctx_t *ctx, int n_groups, int group);

/** Record a message (the first one stays) and return code. Local. */
int exset_fail(exset_ctx_t *ctx, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/**
 * Make all ranks agree on success or failure: returns EXSET_OK if code is EXSET_OK on every rank,
 * else the positive code of the lowest failing rank (EXSET_ERR_LOCAL counts as EXSET_ERR_RUN)
 * with its message copied to every rank. Collective.
 */
int exset_agree(exset_ctx_t *ctx, int code);
/** The same for all ranks of ctx after work in groups: group's message is passed on (NULL: none). Collective on ctx. */
int exset_agree_groups(exset_ctx_t *ctx, const exset_ctx_t *group, int code);
/** Translate an MPI return code: EXSET_OK, or EXSET_ERR_LOCAL with MPI's own text. Local. */
int exset_mpi_check(exset_ctx_t *ctx, int mpi_code, const char *file, int line);

/* Return on failure; jump to a label of the caller on failure (err must be an int in scope). */
#define EXSET_TRY(call)            \
  do {                             \
    const int try_err_ = (call);   \
    if (try_err_) return try_err_; \
  } while (0)
#define EXSET_TRY_GOTO(err, label, call) \
  do {                                   \
    (err) = (call);                      \
    if (err) goto label;                 \
  } while (0)
/* Checked MPI call: an int error code to be used with EXSET_TRY or EXSET_TRY_GOTO. */
#define EXSET_MPI(ctx, call) exset_mpi_check((ctx), (call), __FILE__, __LINE__)

/** Zeroed memory for count items, 64-byte aligned; overflow is checked; count 0 gives a valid
 *  pointer. Release with free(). Local. Errors: EXSET_ERR_LOCAL (says how much was asked for). */
int exset_alloc(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out);
/** As exset_alloc, and all ranks agree. Collective. Errors: EXSET_ERR_RUN. */
int exset_alloc_all(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out);
/** As exset_alloc, but not zeroed: pages are first touched by whoever fills them. Local. Errors: EXSET_ERR_LOCAL. */
int exset_alloc_unset(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out);
/** As exset_alloc_unset, and all ranks agree. Collective. Errors: EXSET_ERR_RUN. */
int exset_alloc_unset_all(exset_ctx_t *ctx, int64_t count, size_t item_size, void *pointer_out);
/** a * b * c for non-negative factors, or -1 when it exceeds INT64_MAX. Local. */
int64_t exset_mul3(int64_t a, int64_t b, int64_t c);

/** Number of the calling thread in a parallel loop, 0 .. threads - 1. Local. */
int exset_thread(void);

/** Results for people: rank 0's stdout. Local. */
void exset_print(const exset_ctx_t *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Progress: rank 0's stderr at verbosity >= 1, with the time since start. Local. */
void exset_info(const exset_ctx_t *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** A warning: rank 0's stderr, one line beginning "warning: ". Local. */
void exset_warn(const exset_ctx_t *ctx, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum { EXSET_NUMBER_TEXT = 32 };
/** The shortest text of 15, 16 or 17 digits that reads back as the same number. Local. */
void exset_number_text(double value, char text[EXSET_NUMBER_TEXT]);

/** Peak resident memory of this process in bytes. Local. */
int64_t exset_peak_bytes(void);
/** Processors that the threads of this process may run on, as mpirun or the batch system has bound it; 0: not known. Local. */
int exset_processors(void);

/**
 * Output files appear under their final name only when complete: write to the temporary name, then
 * commit. Opening checks that the folder exists and takes files before any work is done.
 *
 * exset_outfile_open: Collective. temp gets "<path>.part" (size bytes incl. NUL). Errors:
 * EXSET_ERR_INPUT when the folder is missing or takes no files, or path is a folder or device.
 * exset_outfile_commit: Collective; call after the file is closed; flushes to disk and renames.
 * exset_outfile_discard: Collective; removes the temporary file, if any. Never fails.
 */
int exset_outfile_open(exset_ctx_t *ctx, const char *path, char *temp, size_t size);
int exset_outfile_commit(exset_ctx_t *ctx, const char *path);
void exset_outfile_discard(exset_ctx_t *ctx, const char *path);
/** Check only that path could be written (see above), leaving nothing behind. Collective. */
int exset_outfile_check(exset_ctx_t *ctx, const char *path);
/** Write text to path through a temporary file. Collective; rank 0 writes. */
int exset_outfile_text(exset_ctx_t *ctx, const char *path, const char *text);

#endif
