/* Private to the program: what output files carry about their origin. */
#ifndef EXSET_CLI_PROVENANCE_H
#define EXSET_CLI_PROVENANCE_H

#include "cli.h"
#include "exset/volume.h"

enum { CLI_PROVENANCE_MAX = 12 };
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
/**
 * Attribute "source", the volume that the file is made from, and those of the source that say how it was made itself: "model",
 * "seed", "realisation", as far as it has them. Collective: rank 0 looks, and alone has the latter. Errors: EXSET_ERR_RUN,
 * EXSET_ERR_INPUT (damaged source).
 */
int cli_provenance_source(exset_ctx_t *ctx, cli_provenance_t *provenance, const char *path);
void cli_provenance_clear(cli_provenance_t *provenance);

#endif
