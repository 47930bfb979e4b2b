/* Private to the program: parts of exset sweep. */
#ifndef EXSET_CLI_SWEEP_H
#define EXSET_CLI_SWEEP_H

#include "cli_conduct.h"
#include "cli_morph.h"
#include "exset/label.h"
#include "exset/sweep.h"

enum { SWEEP_TABLE, SWEEP_FACTORIAL, SWEEP_LATIN, SWEEP_SOBOL }; /* choices of sweep_design */
enum { SWEEP_INDEPENDENT, SWEEP_COMMON };                        /* choices of sweep_noise */

enum { SWEEP_LENGTHS = 10 };

/* One key that the samples set: a column of the table. */
typedef struct {
  char *name;
  int parameter; /* column of the design */
  bool integer;
  int n_base; /* relative: the case's own values, base[n_base]; else 0 */
  double *base;
} sweep_key_t;

/* What to do. */
typedef struct {
  exset_config_t *config; /* borrowed */
  /* samples */
  int design_kind, n_parameters; /* 0 parameters: the design is a table */
  exset_factor_t *factor;        /* [n_parameters], values owned */
  exset_design_t design;
  int n_keys;
  sweep_key_t *key;
  const char **key_name; /* [n_keys], borrowed from key */
  double *value;         /* [n][n_keys]: values in force; of lists the first */
  uint64_t *seed;        /* [n] */
  char **failure;        /* [n]: why the sample cannot be made, or NULL */
  exset_digest_t *digest;
  exset_samples_t samples; /* all of it, as the library wants it */
  /* each unit */
  int noise;
  int64_t base_seed, realisations;
  bool solving;           /* conductivities are asked for */
  conduct_plan_t conduct; /* whole.grid: the largest box */
  bool describing;        /* descriptors are asked for */
  exset_morph_options_t morph;
  int n_fields;    /* of the largest model */
  int64_t n_small; /* samples whose box is shorter than SWEEP_LENGTHS correlation lengths */
  /* the run */
  int64_t task, n_tasks;
  int n_groups;    /* of ranks */
  double interval; /* seconds between tables */
  bool merge, retry, dry_run;
  char *folder, *csv, *h5;
} sweep_plan_t;

/* ---- cli_sweep_plan.c: all that is asked for ---- */

/** All keys, and what each sample comes to. Collective. Errors: EXSET_ERR_INPUT (keys, the design, no sample that can be made),
 *  EXSET_ERR_RUN, EXSET_ERR_LOCAL. Clear with sweep_plan_clear, also after errors. */
int sweep_plan_read(exset_ctx_t *ctx, exset_config_t *config, const char *default_name,
                    sweep_plan_t *plan);
void sweep_plan_clear(sweep_plan_t *plan);
/** The first message of either context, which forget it, cut to size. Local. */
void sweep_take_message(exset_ctx_t *ctx, exset_ctx_t *other, size_t size, char *text);

/* ---- cli_sweep_design.c: keys and their values ---- */

/** Parameters and the keys that they set; of a table none, it names keys itself. Local, the same on all ranks. Errors:
 *  EXSET_ERR_INPUT, EXSET_ERR_LOCAL. */
int sweep_read_parameters(exset_ctx_t *ctx, sweep_plan_t *plan);
/** Values of the parameters for each sample; of a table also the keys. Collective. Errors: EXSET_ERR_INPUT, EXSET_ERR_RUN. */
int sweep_make_design(exset_ctx_t *ctx, sweep_plan_t *plan);

/* ---- cli_sweep_sample.c: samples ---- */

/** What each sample of the design comes to. Local, the same on all ranks. Errors: EXSET_ERR_INPUT (no sample can be made),
 *  EXSET_ERR_LOCAL. */
int sweep_resolve(exset_ctx_t *ctx, sweep_plan_t *plan);
/** Give the keys of a sample their values, until exset_config_rewind. Local, the same on all ranks that do it. Errors:
 *  EXSET_ERR_INPUT (a value that its key does not allow), EXSET_ERR_LOCAL. */
int sweep_apply(const sweep_plan_t *plan, int64_t sample);

/* ---- cli_sweep_groups.c: memory and groups ---- */

/** Settle plan->n_groups: of sweep_ranks ranks, or as many as memory allows. Collective. Errors: EXSET_ERR_INPUT (not
 *  enough memory; dry run: a warning). */
int sweep_choose_groups(exset_ctx_t *ctx, sweep_plan_t *plan);
/** Print the plan. table: of what is done already, on rank 0. Collective. Errors: EXSET_ERR_LOCAL. */
int sweep_print_plan(exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_sweep_table_t *table);

/* ---- cli_sweep_unit.c: one unit ---- */

/* What a group keeps from unit to unit. */
typedef struct {
  exset_ctx_t *ctx; /* the group's */
  exset_ctx_t *all;
  const sweep_plan_t *plan;
  exset_sampler_t *sampler;
  exset_volume_t volume;
  /* figures of the unit at hand */
  int n, room;
  char **name;
  double *value;
} sweep_worker_t;

/** Make and measure one realisation (from 1) of a sample. Collective on the group. Errors: EXSET_ERR_INPUT, EXSET_ERR_RUN (this unit
 *  fails; text in one of the worker's contexts), EXSET_ERR_LOCAL (the run ends). */
int sweep_unit(sweep_worker_t *worker, int64_t sample, int64_t realisation);
void sweep_worker_clear(sweep_worker_t *worker);

/* ---- cli_sweep_run.c: all units ---- */

typedef struct {
  int64_t units, failed; /* by all groups of this process */
  int signal;            /* that ended the work early, or 0 */
  double seconds;
} sweep_done_t;

/** Work on item[n] (units: sample realisations + realisation - 1), with journals, tables and progress. results: on rank
 *  0, NULL elsewhere. Collective. Errors: EXSET_ERR_INPUT (journals), EXSET_ERR_RUN, EXSET_ERR_LOCAL. */
int sweep_run(exset_ctx_t *ctx, const sweep_plan_t *plan, exset_results_t *results, int64_t n,
              const int64_t *item, sweep_done_t *done);

/* ---- cli_sweep_result.c: tables ---- */

/** The lock of the table's files: an open descriptor to be closed; -1: in use by another process (wait: not after two minutes); -2: the
 *  file system knows no locks. Local. */
int sweep_lock(const sweep_plan_t *plan, bool wait);
/** Read journals, and write CSV and HDF5 files under a lock that is held. Local, on rank 0. Errors (this rank only): EXSET_ERR_RUN. */
int sweep_write_table(exset_ctx_t *ctx, const sweep_plan_t *plan, exset_results_t *results,
                      exset_sweep_table_t *table);
/** Summary for people, and for scripts as documented in doc/formats.md. Local. */
void sweep_print(const exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_results_t *results,
                 const exset_sweep_table_t *table, const sweep_done_t *done);
cJSON *sweep_json(const exset_ctx_t *ctx, const sweep_plan_t *plan, const exset_results_t *results,
                  const exset_sweep_table_t *table, const sweep_done_t *done);

#endif
