/* Private to the program: the plan of exset conduct, and its results as table and JSON. */
#ifndef EXSET_CLI_CONDUCT_H
#define EXSET_CLI_CONDUCT_H

#include "cli.h"
#include "exset/conduct.h"

enum { CONDUCT_MAX_AXES = 3, CONDUCT_PHASE_ALL = 0 };
static const char conduct_axis_name[3] = {'z', 'y', 'x'};

typedef struct {
  const char *input;
  exset_volume_options_t reading;
  exset_volume_t whole; /* without cells; n_phases 0: the cells tell */
  exset_boundary_t boundary;
  int n_axes, axis[CONDUCT_MAX_AXES];
  /* what is asked for: values of conduct_sigma, or phases one by one (CONDUCT_PHASE_ALL or numbers) */
  int n_given,
      given_sets; /* sets as parted by '/'; 1: one, or as many as the number of phases makes of it */
  double *given;
  int n_alone, alone[EXSET_MAX_PHASES + 1];
  /* what that comes to, by conduct_plan_sets */
  int n_sets, n_phases; /* n_sets = 0: not known yet */
  double *sigma;        /* [n_sets][n_phases] */
  bool fields, dry_run;
  char *fields_path; /* NULL: none */
  exset_conduct_options_t options;
} conduct_plan_t;

typedef struct {
  double seconds_read;
  double *fraction;               /* [n_phases] */
  exset_conduct_run_t *run;       /* [n_sets][n_axes] */
  exset_conduct_bounds_t *bounds; /* [n_sets] */
} conduct_result_t;

/** Number of solves. Local. */
static inline int conduct_solves(const conduct_plan_t *plan) {
  return plan->n_sets * plan->n_axes;
}
/** Conductivities of a set, [n_phases]. Local. */
static inline const double *conduct_sigma_of(const conduct_plan_t *plan, int set) {
  return plan->sigma + set * plan->n_phases;
}
/** Do the same phases conduct in both sets? Local. */
bool conduct_same_phases(const conduct_plan_t *plan, int set, int other);

/* ---- cli_conduct_plan.c ---- */

/**
 * Keys and the head of the file, and as far as these tell everything that could be wrong with them. Collective.
 * Errors: EXSET_ERR_INPUT (keys, axes along which the volume has one voxel, conduct_plan_sets where the number of phases is
 * known), and those of exset_volume_look. Clear with conduct_plan_clear, also after errors.
 */
int conduct_plan_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                      conduct_plan_t *plan);
/** The keys of the problem alone: what is asked for, axes, boundary, accuracy. plan zeroed before. Local, the same on all ranks. Errors:
 *  EXSET_ERR_INPUT, EXSET_ERR_LOCAL. */
int conduct_plan_problem(exset_ctx_t *ctx, const exset_config_t *config, conduct_plan_t *plan);
/** The sets for a volume of so many phases. Local, the same on all ranks. Errors: EXSET_ERR_INPUT (number of values, phases that
 *  there are not, conductivities all 0 or too far apart), EXSET_ERR_LOCAL. */
int conduct_plan_sets(exset_ctx_t *ctx, conduct_plan_t *plan, int n_phases);
/** The plan for people, with memory. Collective. Errors: EXSET_ERR_LOCAL (MPI). */
int conduct_plan_print(exset_ctx_t *ctx, const conduct_plan_t *plan);
/** A warning when the memory left may not do. Collective. Errors: EXSET_ERR_LOCAL (MPI). */
int conduct_plan_memory(exset_ctx_t *ctx, const conduct_plan_t *plan);
void conduct_plan_clear(conduct_plan_t *plan);
/** Bytes that a rank with so many planes of plan->whole.grid takes at most, phases included, with the default solver. Local. */
double conduct_bytes(const conduct_plan_t *plan, int64_t planes);
/** Numbers of the sets, order[n_sets], in the order of solving: those in which the same phases conduct follow each other, for what is
 *  labelled then stays. Local. */
void conduct_order_sets(const conduct_plan_t *plan, int *order);
/** "0,1,0", cut to fit. Local. */
void conduct_set_text(const conduct_plan_t *plan, int set, size_t size, char *text);

/* ---- cli_conduct_tensor.c ---- */

/* Rows and columns x, y, z; electrodes tell the diagonal alone, and the rest is NaN. */
typedef struct {
  double value[3][3]; /* symmetric: the mean of opposite elements */
  double defect; /* largest difference of opposite elements, / largest element of the diagonal */
  double principal[3];    /* principal values, the largest first */
  double direction[3][3]; /* their directions, one in each row: x, y, z, unit length */
} conduct_tensor_t;
/** The tensor of a set from its runs, run[n_axes]; false, and all NaN, when there are fewer than three. Local. */
bool conduct_tensor(const conduct_plan_t *plan, const exset_conduct_run_t *run,
                    conduct_tensor_t *tensor);

/* ---- cli_conduct_result.c ---- */

/** Table for people. Local. */
void conduct_result_print(const exset_ctx_t *ctx, const conduct_plan_t *plan,
                          const conduct_result_t *result);
/** Results for scripts, as documented in doc/formats.md. Local. */
cJSON *conduct_result_json(const exset_ctx_t *ctx, const conduct_plan_t *plan,
                           const conduct_result_t *result);

#endif
