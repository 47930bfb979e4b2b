/* Private to the program: what output files carry about their origin. */
#ifndef EXSET_CLI_PROVENANCE_H
#define EXSET_CLI_PROVENANCE_H

#include "cli.h"
#include "exset/volume.h"

enum { CLI_PROVENANCE_MAX = 8 };
typedef struct {
  int n;
  exset_attribute_t attribute[CLI_PROVENANCE_MAX];
} cli_provenance_t;

/**
 * Attributes "command", "parameters" (JSON: all in force), "versions" (JSON) and "git_state". Local.
 * Errors: EXSET_ERR_LOCAL (memory).
 */
int cli_provenance_create(exset_ctx_t *ctx, const exset_config_t *config, const char *command,
                          cli_provenance_t *provenance);
/** Add or replace an attribute (name is kept, text is copied). Local. Errors: EXSET_ERR_LOCAL. */
int cli_provenance_set(exset_ctx_t *ctx, cli_provenance_t *provenance, const char *name,
                       const char *text);
void cli_provenance_clear(cli_provenance_t *provenance);

#endif
