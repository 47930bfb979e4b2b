/* Private to the calibrate command: what it found, as JSON and as a table. */
#ifndef EXSET_CLI_CALIBRATE_H
#define EXSET_CLI_CALIBRATE_H

#include "cli.h"
#include "exset/calibrate.h"

/** All results; NULL: out of memory. Local. */
cJSON *cli_calibrate_json(const exset_calibration_t *result, const char *method,
                          const char *evaluator, bool cylindrical, double seconds);
/** The short table for people. Local: rank 0 prints. */
void cli_calibrate_print(const exset_ctx_t *ctx, const exset_calibration_t *result);
/** Its parts: parameters with their standard deviations; fractions and misfit. Local: rank 0 prints. */
void cli_calibrate_print_parameters(const exset_ctx_t *ctx, const exset_calibration_t *result);
void cli_calibrate_print_fit(const exset_ctx_t *ctx, const exset_calibration_t *result);
/** What the misfit says of the model, one sentence. Local. */
const char *cli_calibrate_remark(const exset_calibration_t *result);

#endif
