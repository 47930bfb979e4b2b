/**
 * config: one table of keys behind the case files (YAML), the command line, --help, the parameter
 * page and the record of used parameters. Storage is PETSc's options database.
 */
#ifndef EXSET_CONFIG_H
#define EXSET_CONFIG_H

#include "exset/core.h"

typedef enum {
  EXSET_KEY_BOOL,
  EXSET_KEY_INT,
  EXSET_KEY_REAL,
  EXSET_KEY_STRING,
  EXSET_KEY_FILE,   /* a path; from a case file: relative to that file's folder */
  EXSET_KEY_CHOICE, /* one of a list of words */
} exset_key_type_t;

/* One key. In names '#' stands for a number from 1. */
typedef struct {
  const char *name;
  exset_key_type_t type;
  int max_values;    /* 1: a single value; more: a list with up to so many, separated by commas */
  const char *range; /* INT, REAL: "[2,inf)", "(0,1)"; CHOICE: "a,b,c"; else "" */
  const char *unit;  /* "um", "rad/um", ... or "" */
  const char *value; /* default as it would be typed, or NULL: none */
  const char *commands; /* ",generate,calibrate," : which commands read it; ",all," */
  const char *help;
} exset_key_t;

typedef struct exset_config_s exset_config_t;

/** The table, ended by a NULL name, and what a command may pass on to PETSc: prefixes such as "conduct_ksp_". Local. */
const exset_key_t *exset_config_keys(void);

/**
 * Read `argc` arguments after the command's name: case files (*.yaml, *.yml), other inputs, and
 * "-key value"; later ones override earlier ones and the command line overrides files. Starts PETSc (stopped by
 * destroy) with the options meant for it. A command with the key "model" reads the file it names as a last case file, whose fields
 * (field#_*) stand instead of those of the others. Every value given is checked against the table, used or not.
 * Collective. Errors: EXSET_ERR_INPUT: unknown key (names the nearest), wrong type, out of range, missing or damaged file.
 */
int exset_config_create(exset_ctx_t *ctx, const char *command, int argc, char **argv,
                        exset_config_t **config);
/** Also warns of options passed on to PETSc that nothing read. Collective. */
int exset_config_destroy(exset_config_t **config);

/** Inputs that are neither options nor case files. Local, borrowed. */
int exset_config_inputs(const exset_config_t *config);
const char *exset_config_input(const exset_config_t *config, int i);
/** Case file i, in the order given, or NULL beyond the last. Local, borrowed. */
const char *exset_config_case(const exset_config_t *config, int i);
/** The command's name. Local, borrowed. */
const char *exset_config_command(const exset_config_t *config);

/** Was the key given (file or command line)? Local. */
bool exset_config_given(const exset_config_t *config, const char *name);
/*
 * Values, given or default; name is concrete ("field1_fraction"). Local, but the same on all ranks.
 * Errors: EXSET_ERR_INPUT when the key has no default and was not given ("-size is needed: ...").
 */
int exset_config_bool(const exset_config_t *config, const char *name, bool *value);
int exset_config_int(const exset_config_t *config, const char *name, int64_t *value);
int exset_config_real(const exset_config_t *config, const char *name, double *value);
int exset_config_string(const exset_config_t *config, const char *name,
                        const char **value); /* also CHOICE */
int exset_config_choice(const exset_config_t *config, const char *name,
                        int *index); /* place in the range's list */
/* Lists: at most max values, n gets the number (0 when not given and without default). Local. */
int exset_config_int_list(const exset_config_t *config, const char *name, int max, int64_t *value,
                          int *n);
int exset_config_real_list(const exset_config_t *config, const char *name, int max, double *value,
                           int *n);
int exset_config_choice_list(const exset_config_t *config, const char *name, int max, int *index,
                             int *n);
/** File or string lists: item i as a new string (free it), NULL beyond the end. FILE paths are resolved. Local. */
char *exset_config_string_item(const exset_config_t *config, const char *name, int i);

/** All keys of this command with the values in force, for the record: calls visit for each. Local. */
typedef int (*exset_config_visit_t)(void *user, const exset_key_t *key, const char *name,
                                    const char *value);
int exset_config_used(const exset_config_t *config, exset_config_visit_t visit, void *user);

/** The key of a concrete name, "field1_fraction". Local, the same on all ranks. Errors: EXSET_ERR_INPUT (unknown: names the nearest;
 *  not of this command). */
int exset_config_key(const exset_config_t *config, const char *name, const exset_key_t **key);
/**
 * Give a key another value, which goes before all given so far, until it is undone: exset_config_rewind forgets what was set
 * since exset_config_mark returned this mark. Local: ranks may differ, as long as each of them asks alone or in groups that do not.
 * Errors: EXSET_ERR_INPUT (unknown key, wrong type, out of range; nothing is changed), EXSET_ERR_LOCAL (memory).
 */
int exset_config_set(exset_config_t *config, const char *name, const char *text);
int exset_config_mark(const exset_config_t *config);
void exset_config_rewind(exset_config_t *config, int mark);

/** PETSc's version, "3.18.5". Local. */
const char *exset_config_petsc_version(void);

/** Nearest of the words to name by edit distance, or NULL if none is near. Local, borrowed. */
const char *exset_config_nearest(const char *name, int n, const char *const *words);

/** Translate a PETSc error code: EXSET_OK, or EXSET_ERR_LOCAL with PETSc's own text (kept when the error arose). Local. */
int exset_petsc_check(exset_ctx_t *ctx, int petsc_code, const char *file, int line);
#define EXSET_PETSC(ctx, call) exset_petsc_check((ctx), (int)(call), __FILE__, __LINE__)
/** The same for calls in which the user's options take effect: EXSET_ERR_INPUT where PETSc refuses an option, which it does
 *  on all ranks that make the call. Local. */
int exset_petsc_check_options(exset_ctx_t *ctx, int petsc_code, const char *file, int line);
#define EXSET_PETSC_OPTIONS(ctx, call) \
  exset_petsc_check_options((ctx), (int)(call), __FILE__, __LINE__)

#endif
