/**
 * train: calibration by realisations, with stochastic gradients: a discriminator that compares sections of
 * realisations with micrographs (adversarial), the coverage functions of realisations (sampled), or a discriminator and coverage
 * functions together (combined). Theory: doc/theory/adversarial.md.
 */
#ifndef EXSET_TRAIN_H
#define EXSET_TRAIN_H

#include "exset/calibrate.h"
#include "exset/plane.h"

typedef enum {
  EXSET_METHOD_COVERAGE,
  EXSET_METHOD_ADVERSARIAL,
  EXSET_METHOD_COMBINED
} exset_method_t;
typedef enum { EXSET_EVALUATOR_ANALYTIC, EXSET_EVALUATOR_SAMPLED } exset_evaluator_t;
typedef enum { EXSET_SCORE_BCE, EXSET_SCORE_HINGE } exset_score_t;

typedef struct {
  exset_method_t method;
  exset_evaluator_t evaluator; /* of the coverage term; models with coupling need sampled */
  bool
      start_given; /* begin at the model's own numbers (all positive) instead of the coverage optimum */
  int steps;       /* most steps */
  int warm_up; /* first of the steps, fewer than these, in which the discriminators alone learn; unused without any */
  double
      weight; /* combined: w of the coverage functions, which pull back as strongly as the discriminators pull when a
                 number is 10 % / w away from their optimum (theory page); 0: none */

  int patch; /* edge of the patches, pixels */
  int batch; /* patches of each kind in a step, over all ranks of a member; without a discriminator it still says how
                  many sections are drawn: as many as hold that many patches, two at least */
  int64_t
      box; /* edge of the realisations' box in pixels of x; at least patch, at most 16384; 0: from patch and correlation
                  lengths */
  exset_threshold_t threshold;
  double temperature, temperature_end; /* geometric schedule over the steps */

  int width, layers; /* feature maps of the first convolution, doubling; number of convolutions */
  bool spectral;     /* spectral normalisation of the discriminator */
  exset_score_t score;
  double smoothing;                /* target of real patches is 1 - smoothing (bce) */
  double rate_network, rate_model; /* of Adam */
  double
      rate_end; /* rates at the last step, relative to the first (cosine from one to the other) */
  double
      average; /* the result is the mean of theta (log, logit or linear units) over this last share of the steps after
                     the warm-up; 0: the last step's */

  double
      tolerance; /* stop when no parameter's mean over a window has moved by more than this (log or logit
                        units) against the window before; 0: never */
  int window; /* steps */

  int ensemble; /* members, >= 1, with seeds of their own (seed, seed + 1, ...); shared out over groups of ranks */
  double
      scatter; /* members after the first start at theta plus numbers uniform within +-scatter; 0: all at the same */

  const char *
      checkpoint; /* file of the checkpoints ("_<member>" goes before the ending for an ensemble); NULL: none */
  int checkpoint_steps; /* steps from one checkpoint to the next; also at SIGTERM and SIGUSR1 */
  bool restart;         /* go on from the checkpoint, where there is one */
  const char *history;  /* HDF5 file for the traces of all members; NULL: none */
} exset_train_options_t;

enum { EXSET_TRAIN_REASON = 256 };

/* Why a member's training ended. */
typedef enum { EXSET_TRAIN_STEPS, EXSET_TRAIN_FLAT, EXSET_TRAIN_DIVERGED } exset_train_end_t;

/* Traces of the chosen member, one row for each recorded step. */
typedef struct {
  int n, n_parameters;
  int *step;
  double *loss_network, *loss_model,
      *loss_coverage; /* mean over patches and classes; NaN where not in use */
  double *accuracy_real,
      *accuracy_fake; /* share of patches the discriminator takes for what they are */
  double *value;      /* [n][n_parameters] natural units */
} exset_train_trace_t;

typedef struct {
  exset_train_end_t end;
  char reason[EXSET_TRAIN_REASON]; /* diverged: "at step 7: " and what happened; else "" */
  uint64_t seed;
  int steps;
  double *value;        /* [n_parameters] natural units */
  double accuracy;      /* of the discriminators over the last quarter of the steps, NaN without */
  double loss_coverage; /* at value; what the choice goes by */
} exset_train_member_t;

/* Clear with exset_training_clear. Equal on all ranks. */
typedef struct {
  int n_parameters; /* those of the calibration's parameter list, in its order */
  int n_members, chosen;
  exset_train_member_t *member;
  double *mean,
      *spread; /* [n_parameters] over the members that did not diverge; spread NaN for a single one */
  exset_train_trace_t trace;
  int n_classes; /* discriminators: 1, or x-y planes and planes containing z */
  const char *class_name[2];
  int patch, n_shown;         /* patches for the report: */
  uint8_t *real[2], *fake[2]; /* [n_shown][patch][patch] labels 1..n_phases */
  double seconds;             /* whole training */
  double seconds_realise, seconds_network, seconds_coverage, seconds_reduce; /* of the first rank */
  double flops; /* of the networks on the first rank */
} exset_training_t;

/**
 * Calibrate a model to sections by training.
 *
 * Collective; every rank passes the same arguments and gets the same result; up to rounding it does not depend on the number of
 * ranks in a member's group. model: as for exset_calibrate_coverage (open numbers are filled from the data), out: the chosen
 * member's. result: parameters (sd: the spread over members, NaN for one), loss and curves at the optimum.
 * The ranks of `ctx` are split into min(ensemble, ranks) groups that take the members in turn.
 * SIGTERM and SIGUSR1 end the run after a checkpoint with EXSET_ERR_RUN and a line that says how to go on.
 * Errors: EXSET_ERR_INPUT (see exset_train_check, a checkpoint that belongs to another case); EXSET_ERR_RUN (every member diverged:
 * what, and at which step; memory, file system).
 */
int exset_calibrate_train(exset_ctx_t *ctx, const exset_sections_t *sections,
                          const exset_calibrate_options_t *options,
                          const exset_train_options_t *train, exset_model_t *model,
                          exset_calibration_t *result, exset_training_t *training);
/** Do options, sections and model fit together (patch against section sizes, masks, network depth, coupling)? Local, the same on all
 *  ranks. Errors: EXSET_ERR_INPUT. */
int exset_train_check(exset_ctx_t *ctx, const exset_sections_t *sections,
                      const exset_calibrate_options_t *options, const exset_train_options_t *train,
                      const exset_model_t *model);
void exset_training_clear(exset_training_t *training);
/** Path of the checkpoint of a member, from 0: new string, NULL without memory. Local. */
char *exset_train_checkpoint_path(const exset_train_options_t *train, int member);

/* What a training will be. */
typedef struct {
  int n_classes; /* discriminators, 0: none */
  const char *class_name[2];
  double weights; /* numbers of each discriminator */
  double bytes;   /* memory of the discriminators on one rank that has the whole batch, about */
  int most_ranks; /* of one member that find work: sections a step's batch is cut from, at most */
} exset_train_plan_t;
/** The plan of a case that exset_train_check finds well. Local. */
void exset_train_plan(const exset_sections_t *sections, const exset_calibrate_options_t *options,
                      const exset_train_options_t *train, exset_train_plan_t *plan);

#endif
