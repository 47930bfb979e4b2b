/**
 * sweep: parameter samples, the queue that shares out their realisations, journals of what is finished, the table.
 *
 * A unit of work is one realisation of one sample. Its identity is a digest of everything that determines its result, so that
 * what is finished is known again whatever the order and number of samples. See doc/formats.md for journals and tables.
 */
#ifndef EXSET_SWEEP_H
#define EXSET_SWEEP_H

#include "exset/archive.h"
#include "exset/core.h"

/* ---- designs -------------------------------------------------------------------------------- */

/* What one parameter may be: one of n_values values, or a range when n_values is 0. */
typedef struct {
  double low, high; /* low <= high */
  bool log;         /* even in the logarithm; 0 < low */
  int n_values;
  const double *values; /* borrowed */
} exset_factor_t;

/* Samples: value[n][n_factors]. */
typedef struct {
  int64_t n;
  int n_factors;
  double *value;
} exset_design_t;

enum { EXSET_SOBOL_FACTORS = 40, EXSET_DESIGN_SAMPLES = 10000000 };

/** All combinations of the factors' values, the last factor fastest. Local. Errors: EXSET_ERR_INPUT (factor without values, more
 *  than EXSET_DESIGN_SAMPLES), EXSET_ERR_LOCAL (memory). Clear all designs with exset_design_clear. */
int exset_design_factorial(exset_ctx_t *ctx, int n_factors, const exset_factor_t *factor,
                           exset_design_t *design);
/**
 * Latin hypercube of n samples: each factor has one sample in each of n equal shares of its range. Of `candidates` hypercubes (1: plain; fewer
 * where n is large) the one whose closest two samples are farthest apart. Determined by seed. Local. Errors: EXSET_ERR_INPUT
 * (number of samples), EXSET_ERR_LOCAL (memory).
 */
int exset_design_latin_hypercube(exset_ctx_t *ctx, int n_factors, const exset_factor_t *factor,
                                 int64_t n, uint64_t seed, int candidates, exset_design_t *design);
/**
 * The first n points of the Sobol sequence (GSL's, which leaves out the origin); with seed > 0 its digits are shifted at random. The first points
 * of a longer design are those of a shorter one. Local. Errors: EXSET_ERR_INPUT (more than EXSET_SOBOL_FACTORS, number of
 * samples), EXSET_ERR_LOCAL (memory).
 */
int exset_design_sobol(exset_ctx_t *ctx, int n_factors, const exset_factor_t *factor, int64_t n,
                       uint64_t seed, exset_design_t *design);
/**
 * Samples from a CSV file: a header of names, then a row of numbers for each sample; empty lines and lines that begin with #
 * are skipped. names: n_factors new strings in a new array. Collective; rank 0 reads. Errors: EXSET_ERR_INPUT (missing file,
 * a field that is no number, rows of unequal length, a name twice, no rows), EXSET_ERR_RUN (memory).
 */
int exset_design_table(exset_ctx_t *ctx, const char *path, exset_design_t *design, char ***names);
void exset_design_clear(exset_design_t *design);

/* ---- identity ------------------------------------------------------------------------------- */

/* 128 bits. */
typedef struct {
  uint64_t word[2];
} exset_digest_t;
enum { EXSET_DIGEST_TEXT = 33 };

/** Digest of a text. Local. */
exset_digest_t exset_digest(const char *text);
/** Identity of realisation r (from 1) of a sample: digest of (the sample's digest, r). Local. */
exset_digest_t exset_digest_unit(exset_digest_t sample, int64_t realisation);
/** 32 hexadecimal digits. Local. */
void exset_digest_text(exset_digest_t digest, char text[EXSET_DIGEST_TEXT]);

/* ---- queue ---------------------------------------------------------------------------------- */

/*
 * Items 0 .. n - 1 for groups of ranks (exset_ctx_split). Item i belongs to group i mod n_groups; a group that has come
 * to the end of its own takes from the others'. The counters are in windows of the groups' first ranks and move by atomic
 * operations of passive target: in shared memory and on networks with atomics nobody waits; elsewhere a rank serves others
 * only while it is inside MPI, so that groups wait for one another not before they run out of items of their own.
 */
typedef struct exset_queue_s exset_queue_t;

/** Collective on ctx. Errors: EXSET_ERR_LOCAL (MPI), EXSET_ERR_RUN (memory). */
int exset_queue_create(exset_ctx_t *ctx, int n_groups, int64_t n, exset_queue_t **queue);
/** The next item of this rank's group, or -1: none is left. Collective on group. Errors: EXSET_ERR_LOCAL (MPI). */
int exset_queue_next(exset_queue_t *queue, exset_ctx_t *group, int64_t *item);
/** From now on no group gets another item. Local. Errors: EXSET_ERR_LOCAL (MPI). */
int exset_queue_stop(exset_queue_t *queue);
/** NULL is fine. Collective on ctx. Errors: EXSET_ERR_LOCAL (MPI). */
int exset_queue_destroy(exset_queue_t **queue);

/* ---- journals ------------------------------------------------------------------------------- */

/* One finished unit. Texts are borrowed. */
typedef struct {
  exset_digest_t id;
  int64_t realisation;
  bool done; /* else failed */
  double seconds;
  const char *message; /* why it failed, "" if it did not */
  int n;               /* figures */
  const char *const *name;
  const double *value;
} exset_unit_t;

typedef struct exset_journal_s exset_journal_t;

/** The folder of journals, made if it is not there. Collective; rank 0 acts. Errors: EXSET_ERR_INPUT. */
int exset_journal_folder(exset_ctx_t *ctx, const char *folder);
/**
 * Open folder/task<task>-group<group>.txt for more lines, and keep other processes from doing so until it is closed or this one
 * ends; begins with a comment line. locked: false where the file system knows no locks. Local. Errors (this rank only):
 * EXSET_ERR_INPUT (another process has it open, folder), EXSET_ERR_RUN (file system).
 */
int exset_journal_open(exset_ctx_t *ctx, const char *folder, int64_t task, int group,
                       const char *comment, exset_journal_t **journal, bool *locked);
/** Add a line and have it on disk: a line that is cut short by the end of the process is known by its checksum. Local. Errors (this
 *  rank only): EXSET_ERR_RUN. */
int exset_journal_add(exset_journal_t *journal, const exset_unit_t *unit);
/** NULL is fine. Local. */
void exset_journal_close(exset_journal_t **journal);

/* ---- results -------------------------------------------------------------------------------- */

/* What all journals of a folder tell, each unit once: the first line that says done, else the last that says failed. */
typedef struct exset_results_s exset_results_t;

/** Nothing known yet. Local. Errors (this rank only): EXSET_ERR_RUN (memory). */
int exset_results_create(exset_ctx_t *ctx, exset_results_t **results);
void exset_results_destroy(exset_results_t **results);
/** Read what was added to the journals since the last time; a folder that is not there holds none. Local. Errors (this rank only):
 *  EXSET_ERR_INPUT (not a folder), EXSET_ERR_RUN. */
int exset_results_read(exset_results_t *results, const char *folder);
/** The unit of that identity, or NULL. Valid until the next exset_results_read. Local, borrowed. */
const exset_unit_t *exset_results_find(const exset_results_t *results, exset_digest_t id);
/** Number of units, of lines of units that were there already, of damaged lines (torn at the end of a process). Local. */
int64_t exset_results_units(const exset_results_t *results);
int64_t exset_results_repeated(const exset_results_t *results);
int64_t exset_results_damaged(const exset_results_t *results);

/* ---- table ---------------------------------------------------------------------------------- */

/* The samples of a sweep. All borrowed. */
typedef struct {
  int64_t n, realisations;
  int n_keys;
  const char *const *key;
  const double *value;          /* [n][n_keys] */
  const uint64_t *seed;         /* [n] */
  const char *const *failure;   /* [n]: why a sample cannot be made, or NULL */
  const exset_digest_t *digest; /* [n] */
} exset_samples_t;

/* Rows: samples whose units are all finished, or one of which failed when all are finished; in the order of samples. */
typedef struct {
  int64_t n_rows, n_done, n_failed;
  int64_t units_done, units_failed, units_missing; /* of the samples that can be made */
  int64_t stale;  /* units in journals that belong to no sample: of another case */
  double seconds; /* mean of the units done; NaN: none */
  int n_figures;
  char **figure;         /* [n_figures] */
  int64_t *sample;       /* [n_rows], from 0 */
  bool *done;            /* [n_rows] */
  int64_t *realisations; /* [n_rows]: that are done */
  double *mean,
      *sd; /* [n_rows][n_figures]: over the finite values; NaN without any (sd: fewer than two) */
  double *row_seconds;  /* [n_rows]: sum over the realisations */
  const char **message; /* [n_rows], borrowed from samples and results */
} exset_sweep_table_t;

/** Join results to rows. Local. Errors (this rank only): EXSET_ERR_RUN (memory). Clear with exset_sweep_table_clear, also after errors. */
int exset_sweep_table(exset_ctx_t *ctx, const exset_samples_t *samples,
                      const exset_results_t *results, exset_sweep_table_t *table);
void exset_sweep_table_clear(exset_sweep_table_t *table);
/** As CSV, see doc/formats.md: new string, NULL: out of memory. Local. */
char *exset_sweep_table_csv(const exset_samples_t *samples, const exset_sweep_table_t *table);
/** Into a new archive, one array under "table/" for each column. Local. Errors (this rank only): EXSET_ERR_RUN. */
int exset_sweep_table_put(exset_ctx_t *ctx, const exset_samples_t *samples,
                          const exset_sweep_table_t *table, exset_archive_t *archive);

#endif
