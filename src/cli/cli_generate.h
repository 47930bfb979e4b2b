/* Private to the program: the plan of exset generate and its parts. */
#ifndef EXSET_CLI_GENERATE_H
#define EXSET_CLI_GENERATE_H

#include "cli.h"
#include "exset/label.h"
#include "exset/volume.h"

enum {
  GENERATE_LABELS,
  GENERATE_FIELDS,
  GENERATE_NONE
}; /* key output, in the order of its choices */

/* A machine to plan for. */
typedef struct {
  int64_t nodes; /* 0: none */
  int ranks, threads;
  double network, files;           /* bytes/s */
  exset_sampler_options_t sampler; /* process grid there */
} generate_planned_t;

/* What to make. */
typedef struct {
  exset_model_t model;
  exset_grid_t grid; /* of a twin, cut over the ranks of a group */
  int64_t seed, realisations;
  int n_groups; /* of ranks; they take the realisations in turn. 0: to be chosen */
  generate_planned_t planned;
  int output;
  exset_sampler_options_t sampler; /* process grid: of a group */
  int process_grid[2];             /* the one in force; 0: none is possible here (dry run) */
  char *wisdom;                    /* file, or NULL */
  char *path;                      /* main output */
  int n_arrays;                    /* fields written beside the labels */
  exset_cellarray_t array[EXSET_MAX_FIELDS];
  char array_name[EXSET_MAX_FIELDS][24];
  exset_volume_extras_t extras; /* of the main output, without attributes and values of arrays */
} generate_plan_t;

/* Of one realisation. */
typedef struct {
  double fraction[EXSET_MAX_FIELDS + 1];
  uint64_t checksum;
  exset_seconds_t seconds;
  double figures; /* seconds for fractions and checksum */
} generate_result_t;

/* ---- cli_generate_plan.c: memory, groups, estimates ---- */

/**
 * Settle plan->n_groups: the number given, or the most for which each group can hold a twin in the memory left and no
 * more than a fifth of the ranks' time is lost by groups without work. All have the same number of ranks. Collective.
 * Errors: EXSET_ERR_INPUT (number that does not divide the ranks; not enough memory, unless it is a dry run: a warning).
 */
int generate_choose_groups(exset_ctx_t *ctx, generate_plan_t *plan, bool dry_run);
/** Print the plan, with estimates of peak memory and time here and on the machine planned for. group: of this rank.
 *  Collective on ctx. Errors: EXSET_ERR_INPUT (the planned machine), EXSET_ERR_LOCAL (MPI). */
int generate_print_plan(exset_ctx_t *ctx, const exset_ctx_t *group, const generate_plan_t *plan);

/* ---- cli_generate_run.c ---- */

/**
 * Make and write the twins; result[realisations] is then known to all ranks. A failure in one group ends the others after
 * the twin they are at. Collective on ctx. Errors: EXSET_ERR_INPUT (wisdom), EXSET_ERR_RUN, EXSET_ERR_LOCAL.
 */
int generate_run(exset_ctx_t *ctx, exset_ctx_t *group, const exset_config_t *config,
                 const generate_plan_t *plan, generate_result_t *result);
/** The file of a realisation, from 1: "twin.vtkhdf", or "twin-0001.vtkhdf" where there are several; new string, NULL: out of
 *  memory. Local. */
char *generate_path(const generate_plan_t *plan, int64_t number);

#endif
