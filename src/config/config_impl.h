/* Private to config. */
#ifndef EXSET_CONFIG_IMPL_H
#define EXSET_CONFIG_IMPL_H

#include "exset/config.h"

/* One value given by the user. */
typedef struct {
  char *name, *text;      /* concrete key name; text "" for an option without a value */
  char *folder;           /* where relative paths start: "" for the command line */
  bool typed;             /* on the command line: wins over files */
  const exset_key_t *key; /* NULL: meant for PETSc */
} config_entry_t;

struct exset_config_s {
  exset_ctx_t *ctx;
  char *command;
  int n_entries;
  config_entry_t *entry;
  int n_inputs;
  char **input;
  int n_cases;
  char **case_file;
  bool petsc_started;
};

/* config_key.c: names against the table. */
const exset_key_t *config_find_key(const char *name); /* key of "field2_dof", or NULL */
bool config_key_of(const exset_key_t *key, const char *command);
bool config_is_petsc(const char *name); /* passed on to PETSc as it is */
int config_unknown_key(exset_ctx_t *ctx, const char *name, const char *where); /* EXSET_ERR_INPUT */

/* config_value.c: texts to values. Items are those of a comma-separated list, trimmed, new strings. */
int config_check_value(exset_ctx_t *ctx, const exset_key_t *key, const char *name,
                       const char *text);       /* type, range, length: EXSET_ERR_INPUT */
char *config_item(const char *text, int index); /* NULL beyond the end */
int config_count_items(const char *text);
bool config_parse_int(const char *text, int64_t *value);
bool config_parse_real(const char *text, double *value);
bool config_parse_bool(const char *text, bool *value);
int config_choice_index(const char *choices, const char *word); /* place in "a,b,c", or -1 */

/* config_get.c: the entry in force, or NULL. */
const config_entry_t *config_entry_of(const exset_config_t *config, const char *name);

#endif
