/**
 * regress: structure-property laws, products of powers, fitted to tables of samples.
 *
 * A law is y = k prod_j x_j^(e_j), some of k and e_j free, the others given: M = k eps^a beta^b / tau^c. Its logarithm is linear in
 * log k and the exponents; fits are by least squares of log y (method LOG, by singular values), or from there of y itself or of the
 * relative error (Levenberg-Marquardt). See doc/theory/regression.md for formulas and sources.
 *
 * Rows of one sample (its phases and axes) are not independent: intervals come from leaving out one sample at a time, in its
 * linearised closed form (cluster jackknife, CR3), with t quantiles of n_samples - 1 degrees of freedom; cross-validation
 * leaves out whole samples.
 *
 * Everything here but reading is small work that each rank does alike: all functions here are local but exset_regress_table_read.
 */
#ifndef EXSET_REGRESS_H
#define EXSET_REGRESS_H

#include "exset/table.h"

enum {
  EXSET_REGRESS_MAX_PREDICTORS = 12,
  EXSET_REGRESS_MAX_PARAMETERS = EXSET_REGRESS_MAX_PREDICTORS + 1,
  EXSET_REGRESS_NAME = 64 /* bytes of a name, its NUL included */
};

/* ---- forms -------------------------------------------------------------------------------------- */

/* Predictors of named forms, in this order. */
enum { EXSET_REGRESS_EPS, EXSET_REGRESS_BETA, EXSET_REGRESS_TAU, EXSET_REGRESS_NAMED };

/* One factor x^(sign a). */
typedef struct {
  int predictor;                 /* column of the data */
  double sign;                   /* 1, or -1: the law divides by x^a */
  bool free;                     /* a is to be found */
  double value;                  /* a, where it is given */
  char name[EXSET_REGRESS_NAME]; /* of a, in results */
} exset_regress_factor_t;

typedef struct {
  char name[EXSET_REGRESS_NAME], formula[256];
  bool published; /* nothing is free */
  bool free_k;    /* k = 1 where it is not */
  int n_factors;
  exset_regress_factor_t factor[EXSET_REGRESS_MAX_PREDICTORS];
} exset_regress_form_t;

/** Name of the i-th named form, from 0: those to fit first, then the published ones; NULL: there are no more. */
const char *exset_regress_form_name(int i);
/** A named form over the predictors eps, beta, tau (columns 0, 1, 2). Errors: false when there is no such name. */
bool exset_regress_form_named(const char *name, exset_regress_form_t *form);
/** The form y = k prod x_j^a_j, named "predictors", over n <= EXSET_REGRESS_MAX_PREDICTORS columns of these names. */
void exset_regress_form_powers(int n, const char *const *names, exset_regress_form_t *form);
/** Number of free parameters: k first where it is free, then exponents in the order of the factors. */
int exset_regress_parameters(const exset_regress_form_t *form);
/** Name of a free parameter: borrowed. */
const char *exset_regress_parameter(const exset_regress_form_t *form, int i);
/** Does the form use a predictor? */
bool exset_regress_uses(const exset_regress_form_t *form, int predictor);

/* ---- data --------------------------------------------------------------------------------------- */

typedef struct {
  int64_t n_rows;
  int n_predictors, n_samples;
  double *target;    /* [n_rows], > 0 */
  double *predictor; /* [n_rows][n_predictors], > 0 where a form uses it */
  int *sample;       /* [n_rows], 0 .. n_samples - 1, each of them occurs */
} exset_regress_data_t;

void exset_regress_data_clear(exset_regress_data_t *data);

/* ---- fits --------------------------------------------------------------------------------------- */

typedef enum {
  EXSET_REGRESS_LOG,      /* sum (log prediction - log y)^2 */
  EXSET_REGRESS_ABSOLUTE, /* sum (prediction - y)^2 */
  EXSET_REGRESS_RELATIVE  /* sum (prediction / y - 1)^2 */
} exset_regress_method_t;

typedef enum {
  EXSET_REGRESS_DONE,
  EXSET_REGRESS_TOO_FEW,   /* not more rows than parameters */
  EXSET_REGRESS_COLLINEAR, /* the predictors do not determine the parameters */
  EXSET_REGRESS_DIVERGED   /* the iteration did not converge */
} exset_regress_status_t;

typedef struct {
  exset_regress_method_t method;
  bool by_sample; /* intervals: of samples left out; else of independent rows with equal scatter */
  double confidence; /* of the intervals, 0.95 */
} exset_regress_options_t;

typedef struct {
  exset_regress_status_t status; /* no values but with DONE */
  int n_parameters;
  double value[EXSET_REGRESS_MAX_PARAMETERS], sd[EXSET_REGRESS_MAX_PARAMETERS];
  /* that of k is symmetric in log k; NaN where leaving out one sample leaves a parameter open */
  double low[EXSET_REGRESS_MAX_PARAMETERS], high[EXSET_REGRESS_MAX_PARAMETERS];
  double degrees; /* degrees of freedom of the t quantile */
  /* Condition number of the matrix of log predictors (and 1 for k), columns scaled to unit length (Belsley, Kuh and Welsch 1980);
   * involved: parameters that the smallest singular value's direction mixes. */
  double condition;
  bool involved[EXSET_REGRESS_MAX_PARAMETERS];
  int iterations;
} exset_regress_fit_t;

/* From this condition number on predictors count as collinear, and from that one on nothing is fitted. */
#define EXSET_REGRESS_CONDITION_WARN 30.0
#define EXSET_REGRESS_CONDITION_MOST 1e8

/**
 * Fit a form. fit->status says whether there is a result.
 * Errors: EXSET_ERR_LOCAL (memory, GSL).
 */
int exset_regress_fit(exset_ctx_t *ctx, const exset_regress_data_t *data,
                      const exset_regress_form_t *form, const exset_regress_options_t *options,
                      exset_regress_fit_t *fit);
/** Values of a law, prediction[n_rows], for values of its free parameters (NULL where there are none). */
void exset_regress_predict(const exset_regress_data_t *data, const exset_regress_form_t *form,
                           const double *value, double *prediction);

/* How well a law does; NaN where a prediction is missing. */
typedef struct {
  double r2;     /* 1 - sum (prediction - y)^2 / sum (y - mean)^2 */
  double r2_log; /* the same of log y */
  double mape;   /* mean of |prediction - y| / y */
  double rmse;   /* root of the mean of (prediction - y)^2 */
} exset_regress_quality_t;

void exset_regress_quality(int64_t n, const double *target, const double *prediction,
                           exset_regress_quality_t *quality);
/**
 * Folds of the samples, fold[n_samples] in 0 .. n - 1, sizes as equal as can be, drawn from the seed; n_folds >= n_samples leaves out
 * one at a time. Returns their number n, 0 when n_folds < 2 or there are fewer than 2 samples. Errors: -1 (memory).
 */
int exset_regress_folds(exset_ctx_t *ctx, uint64_t seed, int n_folds, int n_samples, int *fold);
/**
 * Cross-validation: each fold's rows are predicted by the fit to all others; prediction[n_rows] is NaN where that fit fails.
 * Errors: EXSET_ERR_LOCAL.
 */
int exset_regress_cross_validate(exset_ctx_t *ctx, const exset_regress_data_t *data,
                                 const exset_regress_form_t *form,
                                 const exset_regress_options_t *options, int n_folds,
                                 const int *fold, double *prediction);

/* ---- rows of a table ---------------------------------------------------------------------------- */

/* Why rows are left out; from EXSET_REGRESS_OUT_PREDICTOR on by the predictor that is missing or not positive. */
enum {
  EXSET_REGRESS_OUT_FAILED, /* the sample's status is not "done" */
  EXSET_REGRESS_OUT_TARGET, /* the target is missing */
  EXSET_REGRESS_OUT_ZERO,   /* the target is not positive: no path */
  EXSET_REGRESS_OUT_BARELY, /* percolating_fraction below the threshold */
  EXSET_REGRESS_OUT_PREDICTOR,
  EXSET_REGRESS_OUT_KINDS = EXSET_REGRESS_OUT_PREDICTOR + EXSET_REGRESS_MAX_PREDICTORS
};

/*
 * What to take from a table. A figure "m_factor" is looked for as phase<p>_m_factor_<axis>, phase<p>_m_factor, m_factor; the target
 * says which of these there are rows for, predictors may be of the same or of a coarser kind.
 */
typedef struct {
  const char *target;
  int n_predictors;
  const char *predictor[EXSET_REGRESS_MAX_PREDICTORS];
  int n_phases, phase[16]; /* 0: all that there are columns for */
  int n_axes, axis[3];     /* EXSET_AXIS_*; 0: all */
  double
      percolation; /* least percolating_fraction; 0: any. Not looked at where there is no such column */
} exset_regress_selection_t;

typedef struct {
  exset_regress_data_t data;
  int64_t *row;                         /* [n_rows]: row of the table */
  int *phase;                           /* [n_rows]: 1, ...; 0: the target has none */
  int *axis;                            /* [n_rows]: EXSET_AXIS_*; -1: the target has none */
  int64_t samples;                      /* of the table, with those that are left out */
  int64_t out[EXSET_REGRESS_OUT_KINDS]; /* rows left out */
  bool percolation_known;               /* is there a column percolating_fraction? */
} exset_regress_rows_t;

/**
 * Read a table of exset sweep, CSV or HDF5 (.h5, .hdf5: data sets under /table). Collective. Clear with exset_table_clear, also
 * after errors. Errors: EXSET_ERR_INPUT (missing, damaged), EXSET_ERR_RUN, EXSET_ERR_LOCAL.
 */
int exset_regress_table_read(exset_ctx_t *ctx, const char *path, exset_table_t *table);
/** Has the table a figure, for any phase and axis? */
bool exset_regress_has(const exset_table_t *table, const char *figure);
/**
 * Rows of a table. A row is left out for the first reason that holds, in the order of EXSET_REGRESS_OUT_*. Clear with
 * exset_regress_rows_clear, also after errors.
 * Errors: EXSET_ERR_INPUT (no sample is done; no such column: names the nearest; a field that is no number), EXSET_ERR_LOCAL (memory).
 */
int exset_regress_rows(exset_ctx_t *ctx, const exset_table_t *table,
                       const exset_regress_selection_t *selection, exset_regress_rows_t *rows);
/** Those of one phase (0: all) and one axis (-1: all); counts of rows left out stay 0. Errors: EXSET_ERR_LOCAL (memory). */
int exset_regress_rows_of(exset_ctx_t *ctx, const exset_regress_rows_t *all, int phase, int axis,
                          exset_regress_rows_t *part);
void exset_regress_rows_clear(exset_regress_rows_t *rows);

#endif
