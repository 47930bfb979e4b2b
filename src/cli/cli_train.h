/* Private to the calibrate command: training with realisations: its keys, its plan, its results. */
#ifndef EXSET_CLI_TRAIN_H
#define EXSET_CLI_TRAIN_H

#include "cli.h"
#include "exset/train.h"

/* Keys method, evaluator, ensemble and train_*, and the files beside the model. Clear with cli_train_clear. */
typedef struct {
  exset_train_options_t options; /* checkpoint and history point to the strings below */
  char *checkpoint, *history;
  char *picture[2]; /* of real and model patches, one for each class, once written */
} cli_train_t;

/** Is it anything but coverage functions in closed form? Local. */
bool cli_train_wanted(const cli_train_t *train);
/** Local, the same on all ranks. Errors: EXSET_ERR_INPUT, EXSET_ERR_LOCAL (memory). */
int cli_train_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                   cli_train_t *train);
void cli_train_clear(cli_train_t *train);
/** May the history and the checkpoints be written? The checkpoint of an unfinished run is not written over unless it is
 *  gone on from. Collective. Errors: EXSET_ERR_INPUT. */
int cli_train_check_files(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                          const cli_train_t *train);

/** "coverage", "analytic", "straight_through": the words of the keys. Local, static. */
const char *cli_train_method(const exset_train_options_t *options);
const char *cli_train_evaluator(const exset_train_options_t *options);
const char *cli_train_threshold(const exset_train_options_t *options);

/** What the training will be, and a warning where ranks would idle. Local: rank 0 prints. */
void cli_train_plan(const exset_ctx_t *ctx, const exset_sections_t *sections,
                    const exset_calibrate_options_t *options, const exset_train_options_t *train);
/** Add what the training found to the results. false: out of memory. Local. */
bool cli_train_json(cJSON *json, const cli_train_t *train, const exset_calibration_t *result,
                    const exset_training_t *training);
/** Members, spread, accuracy: the short table for people. Local: rank 0 prints. */
void cli_train_print(const exset_ctx_t *ctx, const exset_calibration_t *result,
                     const exset_training_t *training);
/** Pictures of real (left) and model patches (right), one for each class, beside the model. Collective.
 *  Errors: EXSET_ERR_RUN (memory, file system). */
int cli_train_pictures(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                       int n_phases, const exset_training_t *training, cli_train_t *train);

#endif
