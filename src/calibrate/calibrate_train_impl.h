/* Shared inside the training part of the calibrate module. */
#ifndef EXSET_CALIBRATE_TRAIN_IMPL_H
#define EXSET_CALIBRATE_TRAIN_IMPL_H

#include "calibrate_impl.h"
#include "calibrate_sampled.h"
#include "exset/nn.h"
#include "exset/rng.h"
#include "exset/train.h"

/* ---- patches (calibrate_train_patch.c) ---- */

/* Symmetries of a square patch: numbers below 4 are flips, those from 4 also exchange rows and columns. */
enum { SYMMETRIES_FLIPS = 4, SYMMETRIES_ALL = 8 };

/* Neighbouring columns of a row of a section where a patch without masked pixels can have its first pixel. */
typedef struct {
  const exset_section_t *section;
  int64_t row, col;
  int64_t before; /* places in the runs before this one */
} run_t;

/* Micrographs to take patches from; all places are equally likely. */
typedef struct {
  int patch, n_phases, n_symmetries;
  int64_t n_runs, n_places;
  run_t *run;
} crops_t;

/* One drawn patch of a micrograph. */
typedef struct {
  const exset_section_t *section;
  int64_t row, col;
  int symmetry;
} place_t;

/** Key of all draws of a class in a step. Local. */
exset_rng_key_t patch_key(uint64_t seed, int64_t step, int view);
/** Places in the sections whose kinds are set in `kinds` (bits PLANES_XY, PLANES_Z); the sections are borrowed. Local. */
int crops_create(exset_ctx_t *ctx, const exset_sections_t *sections, unsigned kinds, int patch,
                 int n_symmetries, crops_t *crops);
void crops_clear(crops_t *crops);
/** Patch `number` under a key: where it is, its labels[patch][patch], and as image[n_phases][patch][patch], 1 in the phase's
 *  plane. Local. */
void crops_place(const crops_t *crops, exset_rng_key_t key, uint32_t number, place_t *place);
void crops_labels(const crops_t *crops, const place_t *place, uint8_t *label);
void crops_image(const crops_t *crops, exset_rng_key_t key, uint32_t number, float *image);

/* How periodic model sections are cut: a raster of n_crops patches that do not overlap, at a drawn offset. */
typedef struct {
  int64_t rows, cols;
  int patch, n_phases, n_symmetries;
  int across, n_crops;
} tiling_t;

typedef struct {
  int64_t row, col;
  int symmetry;
} crop_t;

tiling_t tiling_create(int64_t rows, int64_t cols, int patch, int n_phases, int n_symmetries);
/** Crop `number` < n_crops of a step's section `section` (counted over all ranks). Local. */
crop_t tiling_crop(const tiling_t *tiling, exset_rng_key_t key, uint32_t section, int number);
/** image[n_phases][patch][patch] from phase[n_phases][rows][cols]; the adjoint adds to d_phase; the same for labels. Local. */
void tiling_image(const tiling_t *tiling, const crop_t *crop, const double *phase, float *image);
void tiling_adjoint(const tiling_t *tiling, const crop_t *crop, const float *d_image,
                    double *d_phase);
void tiling_labels(const tiling_t *tiling, const crop_t *crop, const uint8_t *section,
                   uint8_t *label);

/* ---- classes of sections (calibrate_train_view.c) ---- */

enum { MAX_VIEWS = 2 };

/* Sections that one discriminator looks at, and what a rank needs for its share of a step's batch. */
typedef struct {
  const char *name;
  unsigned kinds; /* of data sections: bits PLANES_XY, PLANES_Z */
  int normal, n_symmetries;
} view_kind_t;

typedef struct {
  int number;
  view_kind_t kind;
  crops_t crops;
  tiling_t tiling;
  exset_plane_t *plane;
  exset_nn_t *network;           /* NULL: none in use */
  int first_section, n_sections; /* of the step's sections, this rank's */
  int first_patch, n_patches;    /* of the batch, this rank's */
  int capacity;                  /* batch of the network: that of the busiest rank, equal on all */
  double *phase;   /* [n_kept][n_phases][rows][cols]: one section, or all of this rank's */
  double *d_phase; /* [n_phases][rows][cols] */
  bool keeps;      /* all sections' phases are kept during a step */
  float *real, *fake,
      *d_image;           /* [capacity][n_phases][patch][patch]; images beyond n_patches are 0 */
  float *score, *d_score; /* [capacity] */
  MPI_Request reduction;  /* of the network's gradient */
} view_t;

/** The classes of a case: kind[MAX_VIEWS]; returns how many. Local. */
int view_kinds(const exset_sections_t *sections, const exset_calibrate_options_t *options,
               view_kind_t kind[MAX_VIEWS]);

/* ---- one group of ranks ---- */

/* Sums over all patches of a step and all ranks. */
typedef enum {
  SUM_LOSS_NETWORK, /* mean over real and fake patches and classes */
  SUM_LOSS_MODEL,
  SUM_LOSS_COVERAGE, /* in units of fit->unit */
  SUM_RIGHT_REAL,    /* shares of patches */
  SUM_RIGHT_FAKE,
  SUM_SIGNALS, /* ranks that saw a signal */
  SUM_ERRORS,  /* ranks with an error of their own */
  N_SUMS
} sum_t;

typedef struct {
  exset_ctx_t *ctx; /* of the group */
  const exset_sections_t *sections;
  const exset_calibrate_options_t *options;
  const exset_train_options_t *train;
  const data_t *data;
  fit_t fit;
  double *start; /* [n_free] theta of the first member */
  int n_views;
  view_t view[MAX_VIEWS];
  sampled_t *sampled; /* coverage functions of realisations, NULL: closed forms */
  double *packed;     /* [2 * n_free + N_SUMS]: adversarial gradient, coverage gradient, sums */
  double seconds_realise, seconds_network, seconds_coverage, seconds_reduce, flops;
} group_run_t;

/** Is there a discriminator; a coverage term; are there both? Local. */
static inline bool has_networks(const exset_train_options_t *train) {
  return train->method != EXSET_METHOD_COVERAGE;
}
static inline bool has_coverage(const exset_train_options_t *train) {
  return train->method != EXSET_METHOD_ADVERSARIAL;
}
static inline bool is_combined(const exset_train_options_t *train) {
  return train->method == EXSET_METHOD_COMBINED;
}

/** Is the coverage loss that of realisations, asked for or because closed forms do not cover coupling? Local. */
static inline bool needs_sampled(const exset_train_options_t *train, const exset_model_t *model) {
  return exset_model_coupled(model) ||
         (has_coverage(train) && train->evaluator == EXSET_EVALUATOR_SAMPLED);
}

/** Everything of a group but the members' state; model: where training starts. Collective over ctx. */
int group_run_create(exset_ctx_t *ctx, const exset_sections_t *sections, const data_t *data,
                     const exset_calibrate_options_t *options, const exset_train_options_t *train,
                     const exset_model_t *model, group_run_t *run);
void group_run_clear(group_run_t *run);
/** The table of a discriminator: layer[EXSET_NN_MAX_LAYERS]; returns how many. Local. */
int network_layers(const exset_train_options_t *train, exset_nn_layer_t *layer);
/** New networks from a member's seed. Local. */
int group_run_networks(group_run_t *run, uint64_t seed);
/** Edges of the model's box in cells. Local. */
void group_run_box(const group_run_t *run, int64_t box[3]);

/* ---- members ---- */

/* One row for each step. */
enum {
  TRACE_LOSS_NETWORK,
  TRACE_LOSS_MODEL,
  TRACE_LOSS_COVERAGE,
  TRACE_ACCURACY_REAL,
  TRACE_ACCURACY_FAKE,
  TRACE_THETA /* and the n_free - 1 after it */
};

enum { MEMBER_RUNS = -1 };

/* The state of one member: with the networks, all that a checkpoint holds. */
typedef struct {
  int index;
  uint64_t seed;
  int step;                        /* steps made */
  int end;                         /* MEMBER_RUNS or exset_train_end_t */
  char reason[EXSET_TRAIN_REASON]; /* diverged: "at step 7: " and what happened */
  int n;                           /* free parameters */
  double *theta, *m, *v;           /* [n] point, Adam's moments */
  int64_t n_metric;
  double *metric;        /* [n_metric]: [n][n] of the coverage term, empty unless combined */
  double *adversarial;   /* [n] running mean of the squared adversarial gradient */
  int64_t *at_bound;     /* [n] steps a parameter has been at its bound */
  int n_rare, n_perfect; /* steps a phase was all but gone; the discriminator made no mistake */
  int64_t n_columns;
  double *trace;        /* [steps][n_columns] */
  double *result, loss; /* [n] what training came to, its coverage loss in the data's own unit */
} member_t;

int member_create(const group_run_t *run, int index, member_t *member);
void member_clear(member_t *member);
/** Train a member to its end, or to a signal. Collective over the group. Errors: EXSET_ERR_RUN (signal: after a
 *  checkpoint), EXSET_ERR_INPUT (checkpoint of another case). */
int member_train(group_run_t *run, member_t *member);
/** theta[n]: the mean over the last share of the steps made. Local. */
void member_result(const group_run_t *run, const member_t *member, double *theta);

/**
 * One step's draws, discriminators and gradients (calibrate_train_step.c): run->packed gets the sums over all ranks,
 * the discriminators have been moved on. theta is not. Collective over the group. Errors: EXSET_ERR_RUN.
 */
int step_run(group_run_t *run, const member_t *member);
/** Phases of this rank's realisation `section`. Local. */
static inline double *view_phase(const view_t *view, int section) {
  const tiling_t *t = &view->tiling;
  return view->phase + (view->keeps ? section * t->n_phases * t->rows * t->cols : 0);
}
/** Number of a step's first realisation, over all steps and ranks. Local. */
uint64_t step_sections(const group_run_t *run, const view_t *view, int step);
/** Realisations in a step over all ranks: enough for the batch, two at least for their coverage functions. Local. */
int step_count(const group_run_t *run, const tiling_t *tiling);
/** Draw this rank's realisations of a step at the fit's model; images: also their patches. Local. */
int step_draw(group_run_t *run, const member_t *member, view_t *view, bool images);
/** Value at a step of something that runs geometrically from first to last; that falls as a cosine from 1 to last. Local. */
double step_temperature(const exset_train_options_t *train, int step);
double step_rate(const exset_train_options_t *train, int step);

/* ---- coverage term (calibrate_train_coverage.c, calibrate_train_sampled.c) ---- */

/**
 * Loss (units of fit->unit) of the coverage term at member->theta, on the first rank, 0 on the others, and what its gradient
 * needs. The fit is at theta, and the step's realisations have been drawn. Collective over the group, also after an error.
 */
int term_begin(group_run_t *run, const member_t *member, double *loss, double *gradient);
/** This rank's part of gradient[n_free], what there is besides of the loss. The fit's derivatives by the model's numbers are
 *  used for it. Local. */
int term_finish(group_run_t *run, double *loss, double *gradient);

/** Realisations for coverage functions, run->sampled. Local. */
int sampled_prepare(group_run_t *run);
/** Coverage functions of the step's realisations, their loss on all ranks. Collective over the group, also after an error. */
int sampled_collect(group_run_t *run, double *loss);
/** Adds the derivatives of the loss by the model's numbers to run->fit.grad: this rank's part. Local. */
int sampled_return(group_run_t *run);
/** Loss of many realisations at the fit's model, units of fit->unit, equal on all ranks. Collective over the group. */
int sampled_plain_loss(group_run_t *run, double *loss);
/** Coverage functions of many realisations in place of the closed forms of the fit's model, for the report. Collective over
 *  the group. */
int sampled_report(group_run_t *run);

#define SLOPE_STEP 0.1 /* log, logit or linear units: 10 % */
/** slope[n_free]: RMS change of each component of the coverage gradient when theta moves by 10 % in all numbers. Collective over
 *  the group. */
int term_slope(group_run_t *run, const member_t *member, double *slope);

/**
 * metric[n_free][n_free], symmetric: times the coverage gradient (units of fit->unit), about the displacement of theta from the
 * coverage optimum (calibrate_train_metric.c). Equal on all ranks. Collective over the group.
 */
int term_metric(group_run_t *run, const member_t *member, double *metric);

/** Coverage loss at theta in the data's own unit, equal on all ranks. Collective over the group. */
int term_loss(group_run_t *run, const double *theta, double *loss);

/* ---- results (calibrate_train_result.c) ---- */

/** Members, their statistics, the choice. Local. Errors: EXSET_ERR_RUN (all diverged). */
int training_members(group_run_t *run, const member_t *member, exset_training_t *training);
/** Losses at the start and at the chosen member's result, where the fit is left. Collective over the group. */
int training_losses(group_run_t *run, const member_t *chosen, exset_calibration_t *result);
/** Everything else about the chosen member, where the fit is. Local. */
int training_describe(group_run_t *run, const member_t *chosen, exset_calibration_t *result,
                      exset_training_t *training);
/** Traces of all members to train->history. Local: one rank alone. */
int history_write(group_run_t *run, int n_members, const member_t *member, int chosen);

/* ---- files (calibrate_train_state.c) ---- */

/** Write the member's checkpoint, where one is wanted. Collective over the group. Errors: EXSET_ERR_RUN. */
int checkpoint_write(group_run_t *run, const member_t *member);
/** Is the member's checkpoint, where one is to be gone on from, one of this case? Collective over the group. Errors: EXSET_ERR_INPUT. */
int checkpoint_check(const group_run_t *run, const member_t *member);
/** Go on from the member's checkpoint, where there is one. Collective over the group. Errors: EXSET_ERR_INPUT. */
int checkpoint_read(group_run_t *run, member_t *member);
#endif
