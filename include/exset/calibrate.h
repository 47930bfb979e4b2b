/**
 * calibrate: find the parameters of an excursion-set model whose two-point coverage functions are
 * nearest to those of micrographs. Method `coverage` with the evaluator `analytic`: closed forms, exact gradients,
 * bounded quasi-Newton (PETSc TAO). Theory: doc/theory/calibration.md.
 */
#ifndef EXSET_CALIBRATE_H
#define EXSET_CALIBRATE_H

#include "exset/coverage.h"

typedef struct {
  double voxel
      [3]; /* pixel edges of the sections in micrometres: z, y, x; y = x; z: that of x if all are in x-y */
  double max_lag;     /* micrometres; 0: from the decay of the data */
  bool cylindrical;   /* length_z free; else tied to length_xy (isotropic) */
  int starts;         /* number of starts, >= 1, shared out over the ranks */
  uint64_t seed;      /* of the starts after the first */
  int max_iterations; /* of the optimiser, for each start */
  int n_fixed;        /* parameters to hold: names such as "field1_nu" */
  const char *const *fixed;
  double smoothness;   /* weight of the penalty on second differences of log knots, >= 0 */
  bool no_uncertainty; /* leave out the jackknife */
} exset_calibrate_options_t;

/* One calibrated number. */
typedef struct {
  char name[48];    /* "field1_length_xy"; with several terms "field1_length_xy_2" */
  double value, sd; /* sd: delete-one-section jackknife, NaN if there is none */
  double low, high; /* bounds */
  bool fixed;
  int at_bound; /* -1: at low, 1: at high, 0 */
} exset_parameter_t;

/* Coverage functions of one kind of sections, data against model, for the report. Sections in x-y, and all of an
 * isotropic model: means over directions, |h| in h_r, h_z = 0. Else lags across z (h_z = 0), then along z (h_r = 0). */
typedef struct {
  const char *orientation; /* "xy", "xz", "yz", "xz and yz" */
  int64_t n_lags;
  double *h_r, *h_z; /* [n_lags] micrometres */
  double *data, *data_se,
      *model; /* [n_phases * n_phases][n_lags]; data_se NaN for a single section */
} exset_calibrate_curve_t;

/* Result; clear with exset_calibration_clear. Equal on all ranks. */
typedef struct {
  int n_phases;
  int n_parameters;
  exset_parameter_t *parameter;
  double loss;       /* sum over i <= j of squared distances, mean over lags weighted by pairs */
  double loss_start; /* at the first start */
  double misfit[EXSET_MAX_PHASES * EXSET_MAX_PHASES]; /* RMS over lags of C_ij, data - model */
  double sampling[EXSET_MAX_PHASES *
                  EXSET_MAX_PHASES]; /* RMS standard error of the data's C_ij, or NaN */
  bool misfit_exceeds;               /* a C_ij has a misfit larger than twice its sampling error */
  double fraction_data[EXSET_MAX_PHASES], fraction_ci95[EXSET_MAX_PHASES],
      fraction_model[EXSET_MAX_PHASES];
  double max_lag;  /* micrometres, in force */
  int64_t grid[3]; /* calibration grid: z, y, x */
  int iterations;  /* of the best start */
  int n_history;
  double *history; /* loss after each iteration of the best start */
  int n_starts;
  double *start_loss; /* loss each start ended with */
  int evaluations;    /* of loss and gradient, all starts, ranks and jackknife */
  int n_curves;
  exset_calibrate_curve_t curve[2];
  double seconds_data, seconds_fit, seconds_sd;
} exset_calibration_t;

/**
 * Calibrate a model to sections by coverage functions.
 *
 * Collective; every rank passes the same arguments and gets the same result, whatever the number of ranks.
 * model: in: types, families, and start values where positive (a number of 0 is derived from the data; a field
 * without terms and knots gets the default spline spectrum); out: the optimum. Needs n_phases - 1 fields, no coupling.
 * Needs PETSc to be running (exset_config_create).
 * Determinism: the starts depend on the seed only.
 * Errors: EXSET_ERR_INPUT (phases and fields do not fit, unknown name in fixed, a held length of 0, cylindrical without sections
 * containing z, sections too small); EXSET_ERR_RUN (optimiser, memory).
 */
int exset_calibrate_coverage(exset_ctx_t *ctx, const exset_sections_t *sections,
                             const exset_calibrate_options_t *options, exset_model_t *model,
                             exset_calibration_t *result);
/** Do model, options and sections fit together? What exset_calibrate_coverage refuses before it looks at pixels. Local, the
 *  same on all ranks. Errors: EXSET_ERR_INPUT. */
int exset_calibrate_check(exset_ctx_t *ctx, const exset_sections_t *sections,
                          const exset_calibrate_options_t *options, const exset_model_t *model);
void exset_calibration_clear(exset_calibration_t *result);

#endif
