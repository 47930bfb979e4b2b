/* Shared inside the calibrate module. */
#ifndef EXSET_CALIBRATE_IMPL_H
#define EXSET_CALIBRATE_IMPL_H

#include "exset/calibrate.h"
#include "exset/rng.h"

/* Parts of the stream of starts. */
enum { START_PART_DESCENT = 0, START_PART_MEMBER = 1, START_PART_SLOPE = 2 };

enum { PLANES_XY = 0, PLANES_Z = 1, MAX_GROUPS = 2 };

/* Sections of one kind: x-y planes, or planes containing z. Their lags are the products (rows, columns) of |h| up to
 * max_lag: size[0] * size[1] of them, columns fastest. */
typedef struct {
  int kind; /* PLANES_XY or PLANES_Z */
  const char *orientation;
  int n_sections;            /* 0: no such sections */
  double pixel[2];           /* rows, columns, micrometres */
  int64_t size[2];           /* lags along rows and columns */
  double window;             /* unmasked pixels of all sections */
  double extent;             /* longest edge of a section, micrometres */
  exset_coverage_t *section; /* [n_sections], product lags */
  exset_coverage_t pooled;
} group_t;

/* What a model is calibrated to. */
typedef struct {
  int n_phases;
  double max_lag;
  group_t group[MAX_GROUPS];
} data_t;

/** Coverage functions of all sections, shared out over the ranks and made known to all. Collective. */
int data_create(exset_ctx_t *ctx, const exset_sections_t *sections, const double voxel[3],
                double max_lag, data_t *data);
void data_clear(data_t *data);
/** Coverage functions of sections of one kind, all presented as x-z ones, pooled on product lags. Collective. */
int data_pool(exset_ctx_t *ctx, const exset_sections_t *sections, const double pixel[2],
              double max_lag, exset_coverage_t *pooled);

/* How product lags are averaged to a curve. */
typedef enum { ALONG_RADIAL, ALONG_ROWS, ALONG_COLS } along_t;
/** Most lags a curve of the group has. Local. */
int64_t curve_capacity(const group_t *group);
/**
 * Average values c[n_functions][size[0] * size[1]] on product lags to a curve: weighted by pairs.
 * lag[n], curve[n_functions][n] with n = the returned number of lags <= capacity; curve has room for
 * (n_functions + 1) * capacity. Local.
 */
int64_t curve_average(const group_t *group, double max_lag, along_t along, const double *pairs,
                      int n_functions, const double *c, double *lag, double *curve);

/* A free number of the model and its transform to theta. */
typedef enum { SCALE_LOG, SCALE_LOGIT, SCALE_LINEAR } scale_t;
typedef struct {
  char name[48];
  scale_t scale;
  double *value, *tied; /* in the fit's model; tied follows value (NULL: none) */
  double *grad, *grad_tied;
  double low, high; /* natural units */
  bool fixed;
  double spread; /* factor by which further starts vary it: exp(+-spread) */
} free_t;

/* The part of the loss from one group. */
typedef struct {
  const group_t *group;
  exset_projection_t
      *projection[EXSET_MAX_FIELDS]; /* one for each: each keeps its own spline matrix */
  int64_t rows, cols;                /* modes of the quadrant */
  const double *multiplicity;        /* [rows][cols] */
  double *cos1, *cos1_t;             /* [size[0]][rows], [rows][size[0]] */
  double *cos2, *cos2_t;             /* [size[1]][cols], [cols][size[1]] */
  int64_t n_lags;                    /* product lags in use */
  int64_t *lag;                      /* [n_lags] their places among the product lags */
  double *share;                     /* [n_lags] how many lags each stands for */
  double *weight;                    /* [n_lags] share times pairs */
  double *data;                      /* [n_phases * n_phases][n_lags] */
  double *s2;                        /* [n_fields][rows * cols] */
  double *rho;                       /* [n_fields][n_lags] */
  double *
      drawn; /* NULL, or [n_phases * n_phases][all product lags]: coverage functions of realisations of the model, which
                    are reported in place of closed forms */
  double *d_rho, *c, *d_c, *work, *square; /* scratch */
} plane_t;

typedef struct {
  exset_ctx_t *ctx;
  int n_phases;
  exset_model_t model, grad;
  int n_planes;
  plane_t plane[MAX_GROUPS];
  int n_params, n_free;
  free_t *param;   /* [n_params] */
  int *free_index; /* [n_free] places among param */
  double total_weight,
      unit; /* loss is divided by both for the optimiser; unit: the data's own signal */
  double smoothness;
  double extent; /* largest section, micrometres */
  int64_t grid[3];
  int evaluations;
  int error; /* of the last evaluation inside the optimiser */
} fit_t;

/** Build the loss for the model (its numbers all positive). strict: every name in options->fixed must be known. Local. */
int fit_create(exset_ctx_t *ctx, const data_t *data, const exset_model_t *model,
               const exset_calibrate_options_t *options, bool strict, fit_t *fit);
void fit_clear(fit_t *fit);
/** Take data without one section (group g, section skip) or with all (skip -1). Local. */
int fit_set_data(fit_t *fit, const data_t *data, int g, int skip);
/** Present model to theta[n_free], and back. Local. */
void fit_get_theta(const fit_t *fit, double *theta);
void fit_set_theta(fit_t *fit, const double *theta);
double free_to_theta(const free_t *param, double value);
/** Set the derivatives by the model's numbers, fit->grad, to 0; and bring them to theta: gradient[n_free], times scale. Local. */
void fit_zero_gradient(fit_t *fit);
void fit_theta_gradient(const fit_t *fit, double scale, double *gradient);
/** Add to each theta a number uniform within +-spread (0: the parameter's own), inside the bounds. Local. */
void fit_scatter(const fit_t *fit, exset_rng_key_t key, double spread, double *theta);
/** Bring theta back inside the bounds. Local. */
void fit_clip(const fit_t *fit, double *theta);
/** loss (in units of fit->unit, with the penalty) and its gradient (NULL: not wanted). Local. */
int fit_loss(fit_t *fit, const double *theta, double *loss, double *gradient);
/** Penalty on rough spline spectra: returns scale times it, adds its derivatives to fit->grad. Local. */
double fit_penalty(fit_t *fit, double scale);
/** The loss at the fit's model in the data's own unit, without the penalty on splines. Local. */
int fit_plain_loss(fit_t *fit, double *loss);
/** Model coverage of plane p at the fit's model, c[n_phases * n_phases][all product lags]. Local. */
int fit_model_coverage(fit_t *fit, int p, double *c);

/** Numbers of the model to be calibrated (calibrate_theta.c). Local. Errors: EXSET_ERR_INPUT: unknown fixed name. */
int fit_params_create(fit_t *fit, const exset_calibrate_options_t *options, bool strict);

/** What exset_calibrate_check refuses, but for coupling. Local. */
int case_check(exset_ctx_t *ctx, const exset_sections_t *sections,
               const exset_calibrate_options_t *options, const exset_model_t *model);
/** Sections in x-y have no voxel edge along z, and a coarse one would cut the spectrum off: that of x is taken. Local. */
exset_calibrate_options_t case_settle_voxel(const exset_sections_t *sections,
                                            const exset_calibrate_options_t *given);

/** Fill in what the model leaves open, from the data (calibrate_start.c). Local. */
int start_fill(exset_ctx_t *ctx, const data_t *data, const exset_calibrate_options_t *options,
               exset_model_t *model);
/** Volume fractions of the data, fraction[n_phases]: C_ii(0), pooled over all sections. Local. */
void start_fractions(const data_t *data, double *fraction);
/** Is it a spline spectrum without coefficients? Local. */
bool start_is_open(const exset_spectrum_t *spectrum);
/** Spline coefficients that follow the low-parametric spectrum `like`; shape and range of `spectrum` where given. Local. */
int start_knots(exset_ctx_t *ctx, const exset_calibrate_options_t *options,
                const exset_spectrum_t *like, exset_spectrum_t *spectrum);

/* Run of the optimiser. */
typedef struct {
  double loss; /* in units of fit->unit */
  int iterations, n_history;
  double *history; /* [capacity], the caller's */
  int capacity;
  bool converged;
} descent_t;
/** Minimise from theta (in, out). Local. Errors: EXSET_ERR_LOCAL. */
int fit_minimise(fit_t *fit, int max_iterations, double *theta, descent_t *descent);

/** The optimum by coverage functions of a model without coupling: builds the fit and leaves it there; fills starts and
 *  history of result. Collective. */
int optimum_find(exset_ctx_t *ctx, const data_t *data, const exset_calibrate_options_t *options,
                 const exset_model_t *model, fit_t *fit, exset_calibration_t *result);
/** Has a field a spline spectrum? Local. */
bool optimum_has_splines(const exset_model_t *model);

/** Jackknife over sections of one group, sections left out in turn: fills sd of result. Collective. */
int uncertainty(exset_ctx_t *ctx, const data_t *data, fit_t *fit, int max_iterations,
                exset_calibration_t *result);

/** The fit's numbers as a list of parameters, without sd. Local. */
int result_parameters(const fit_t *fit, exset_calibration_t *result);
/** Name parameters at a bound, but for those of splines. Local. */
void result_warn_of_bounds(const exset_ctx_t *ctx, const exset_calibration_t *result);
/** The fit's model, in place of the one that was there. Local. */
int result_take_model(const fit_t *fit, exset_model_t *model);
/** Curves, misfit, sampling error and fractions for the report (calibrate_result.c). Local. */
int result_describe(exset_ctx_t *ctx, const data_t *data, bool cylindrical, fit_t *fit,
                    exset_calibration_t *result);

#endif
