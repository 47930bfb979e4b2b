/* Private to the program: descriptors of volumes, their keys and their results. */
#ifndef EXSET_CLI_MORPH_H
#define EXSET_CLI_MORPH_H

#include "cli.h"
#include "exset/morph.h"

/** Keys morph_descriptors and morph_axis. Local, the same on all ranks. Errors: EXSET_ERR_INPUT (a word twice, all with others). */
int cli_morph_options(exset_ctx_t *ctx, const exset_config_t *config,
                      exset_morph_options_t *options);

typedef struct {
  const char *input;
  exset_volume_options_t reading;
  exset_volume_t whole; /* without cells */
  exset_morph_options_t options;
  bool dry_run;
} morph_plan_t;

/* ---- cli_morph_result.c ---- */

/** Tables for people. Local. */
void morph_result_print(const exset_ctx_t *ctx, const exset_morph_options_t *options,
                        const exset_morph_t *morph);
/** Results for scripts, as documented in doc/formats.md; without size, times and memory. Local. */
cJSON *morph_result_json(const exset_morph_options_t *options, const exset_grid_t *grid,
                         const exset_morph_t *morph);

#endif
