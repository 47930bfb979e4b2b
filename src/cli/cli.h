/* Private to the program: its commands and what they share. */
#ifndef EXSET_CLI_H
#define EXSET_CLI_H

#include <cjson/cJSON.h>

#include "exset/config.h"
#include "exset/field.h"

/* One command. run is collective and returns an error code of core.h. */
typedef struct {
  const char *name, *usage, *summary;
  const char *details; /* further help, "" if none */
  int (*run)(exset_ctx_t *ctx, exset_config_t *config);
} cli_command_t;

/* The commands, ended by a NULL name (cli_main.c). */
const cli_command_t *cli_commands(void);

int exset_cli_coverage(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_generate(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_conduct(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_morph(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_calibrate(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_validate(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_sweep(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_section(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_regress(exset_ctx_t *ctx, exset_config_t *config);
int exset_cli_info(exset_ctx_t *ctx, exset_config_t *config);

/* Help texts, from the key table (cli_help.c). Rank 0 prints. */
void cli_help_general(const exset_ctx_t *ctx);
void cli_help_command(const exset_ctx_t *ctx, const cli_command_t *command);
void cli_help_parameters(const exset_ctx_t *ctx); /* doc/parameters.md */

/* Versions (cli_version.c). */
const char *cli_git_state(void);
cJSON *cli_versions(void); /* {"exset": ..., "mpi": ..., ...}; NULL: out of memory */

/*
 * JSON results (cli_json.c). cli_path: new string: -o or the default name, its ending replaced by
 * `ending` unless that is NULL. cli_json_write: adds "inputs", "used_parameters" and "versions" to
 * results, writes <-o or default_name with .json> and deletes results, also on failure. Collective; every rank
 * passes a tree (or NULL, taken as out of memory). Errors: EXSET_ERR_INPUT (folder), EXSET_ERR_RUN.
 */
/*
 * Before any work: cli_output_check: the path's folder takes files and the path is none of the inputs. cli_json_check: the
 * same for the results' JSON, which must not hold the results of another command either. Collective. Errors: EXSET_ERR_INPUT.
 */
int cli_output_check(exset_ctx_t *ctx, const exset_config_t *config, const char *path);
int cli_json_check(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name);
char *cli_path(const exset_config_t *config, const char *default_name, const char *ending);
int cli_json_write(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                   cJSON *results);
cJSON *cli_json_reals(int64_t n, const double *value); /* NaN becomes null */
cJSON *cli_json_used(const exset_config_t *config);    /* {key: text}: parameters in force */

/*
 * The model given by the keys field#_*, zeroed before. Local, the same on all ranks. Errors: EXSET_ERR_INPUT
 * (lists of unequal length, missing fraction or length, no field1_...), EXSET_ERR_LOCAL.
 * With `start` numbers may be missing: they are left 0 for calibrate to fill in.
 * cli_model_text: the model as YAML, full precision; new string, NULL: out of memory.
 */
int cli_model_read(exset_ctx_t *ctx, const exset_config_t *config, bool start,
                   exset_model_t *model);
char *cli_model_text(const exset_model_t *model);

#endif
