/* Private to the validate command: what it found, as JSON, as a table and as pictures. */
#ifndef EXSET_CLI_VALIDATE_H
#define EXSET_CLI_VALIDATE_H

#include "cli.h"
#include "exset/validate.h"

/** All results; NULL: out of memory. Local. */
cJSON *cli_validate_json(const exset_validation_t *validation);
/** The short table for people. Local: rank 0 prints. */
void cli_validate_print(const exset_ctx_t *ctx, const exset_validation_t *validation);
/** What fits and what does not, in words; new string, NULL: out of memory. Local. */
char *cli_validate_remark(const exset_validation_t *validation);
/** Data left, model right, one pair below the other. Local. Errors (this rank only): EXSET_ERR_RUN, EXSET_ERR_LOCAL. */
int cli_validate_picture(exset_ctx_t *ctx, const char *path, int n_phases,
                         const exset_validate_picture_t *picture);

#endif
