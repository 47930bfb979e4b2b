/* Reading arguments and case files; PETSc's start and end. */
#include "config_impl.h"

#include <ctype.h>
#include <errno.h>
#include <petscsys.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int exset_petsc_check(exset_ctx_t *ctx, int petsc_code, const char *file, int line) {
  if (petsc_code == 0) return EXSET_OK;
  const char *text = NULL;
  if (PetscErrorMessage((PetscErrorCode)petsc_code, &text, NULL) || !text) text = "unknown error";
  while (*text == ' ') text++;
  return exset_fail(ctx, EXSET_ERR_LOCAL, "PETSc: %s (%s:%d, rank %d)", text, file, line,
                    ctx->rank);
}

int exset_petsc_check_options(exset_ctx_t *ctx, int petsc_code, const char *file, int line) {
  const int err = exset_petsc_check(ctx, petsc_code, file, line);
  switch (petsc_code) {
    case PETSC_ERR_ARG_UNKNOWN_TYPE:
    case PETSC_ERR_ARG_OUTOFRANGE:
    case PETSC_ERR_ARG_WRONG:
    case PETSC_ERR_ARG_INCOMP:
    case PETSC_ERR_MISSING_FACTOR:
    case PETSC_ERR_SUP:
    case PETSC_ERR_USER:
    case PETSC_ERR_USER_INPUT:
      return EXSET_ERR_INPUT;
    default:
      return err;
  }
}

#define TEXT_OF(number) #number
#define VERSION_TEXT(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *exset_config_petsc_version(void) {
  return VERSION_TEXT(PETSC_VERSION_MAJOR, PETSC_VERSION_MINOR, PETSC_VERSION_SUBMINOR);
}

static int no_memory(exset_ctx_t *ctx) {
  return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory for the options");
}

/* Append a copy of text to a list of strings. */
static int add_string(exset_ctx_t *ctx, const char *text, int *n, char ***list) {
  char **grown = realloc(*list, sizeof *grown * (size_t)(*n + 1));
  if (!grown) return no_memory(ctx);
  *list = grown;
  grown[*n] = strdup(text);
  return grown[(*n)++] ? EXSET_OK : no_memory(ctx);
}

/* Check and keep one "-name text". folder and where are "" and typed is true for the command line. */
static int add_entry(exset_config_t *config, const char *name, const char *text, const char *folder,
                     const char *where) {
  exset_ctx_t *ctx = config->ctx;
  const bool typed = !folder[0];
  const exset_key_t *key = config_find_key(name);
  if (!key && !config_is_petsc(name)) return config_unknown_key(ctx, name, where);
  if (key && typed && !config_key_of(key, config->command))
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s is not a key of exset %s; see exset %s --help",
                      name, config->command, config->command);
  if (key && !text && key->type == EXSET_KEY_BOOL) text = "true";
  if (!text) text = "";
  if (key) EXSET_TRY(config_check_value(ctx, key, name, text));
  config_entry_t *grown = realloc(config->entry, sizeof *grown * (size_t)(config->n_entries + 1));
  if (!grown) return no_memory(ctx);
  config->entry = grown;
  config_entry_t *entry = &grown[config->n_entries++];
  *entry = (config_entry_t){strdup(name), strdup(text), strdup(folder), typed, key};
  return entry->name && entry->text && entry->folder ? EXSET_OK : no_memory(ctx);
}

static bool is_case_file(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* An option begins with '-' or '--' and a letter, so "-1" is a value. NULL: not an option. */
static const char *option_name(const char *argument) {
  if (!argument || argument[0] != '-') return NULL;
  argument += argument[1] == '-' ? 2 : 1;
  return isalpha((unsigned char)argument[0]) ? argument : NULL;
}

/* Does the argument after an option belong to it? */
static bool takes_value(const char *name, const char *next) {
  if (!next || option_name(next)) return false;
  const exset_key_t *key = config_find_key(name);
  bool flag;
  return !key || key->type != EXSET_KEY_BOOL || config_parse_bool(next, &flag);
}

static int read_arguments(exset_config_t *config, int argc, char **argv) {
  exset_ctx_t *ctx = config->ctx;
  for (int i = 0; i < argc; i++) {
    const char *name = option_name(argv[i]);
    if (name) {
      const bool value = takes_value(name, i + 1 < argc ? argv[i + 1] : NULL);
      EXSET_TRY(add_entry(config, name, value ? argv[i + 1] : NULL, "", ""));
      i += value;
    } else if (argv[i][0] == '-') {
      return exset_fail(ctx, EXSET_ERR_INPUT, "\"%.60s\" is not an option: use -key value",
                        argv[i]);
    } else if (is_case_file(argv[i])) {
      EXSET_TRY(add_string(ctx, argv[i], &config->n_cases, &config->case_file));
    } else {
      EXSET_TRY(add_string(ctx, argv[i], &config->n_inputs, &config->input));
    }
  }
  return EXSET_OK;
}

static int check_readable(exset_ctx_t *ctx, const char *path) {
  struct stat info;
  FILE *file = fopen(path, "r");
  if (!file)
    return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read case file %s: %s", path, strerror(errno));
  const bool regular = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode);
  fclose(file);
  if (regular) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT, "cannot read case file %s: not a file", path);
}

/* All of a fresh database: nothing has been used yet. */
static int add_case_entries(exset_config_t *config, const char *path, PetscOptions options) {
  exset_ctx_t *ctx = config->ctx;
  const char *slash = strrchr(path, '/');
  PetscInt n = 0;
  char **names = NULL, **values = NULL;
  char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");
  int err =
      folder ? EXSET_PETSC(ctx, PetscOptionsLeftGet(options, &n, &names, &values)) : no_memory(ctx);
  for (PetscInt i = 0; !err && i < n; i++)
    err = add_entry(config, names[i], values[i], folder, path);
  free(folder);
  const int err_end = EXSET_PETSC(ctx, PetscOptionsLeftRestore(options, &n, &names, &values));
  return err ? err : err_end;
}

/* Collective. */
static int read_case_file(exset_config_t *config, const char *path) {
  exset_ctx_t *ctx = config->ctx;
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? check_readable(ctx, path) : EXSET_OK));
  PetscOptions options = NULL;
  EXSET_TRY(EXSET_PETSC(ctx, PetscOptionsCreate(&options)));
  int err = EXSET_OK;
  if (PetscOptionsInsertFileYAML(ctx->comm, options, path, PETSC_TRUE)) {
    ctx->message[0] = '\0'; /* PETSc's words name neither the file nor what is wrong */
    err = exset_fail(ctx, EXSET_ERR_INPUT, "%s is not valid YAML (maps of keys and values)", path);
  }
  if (!err) err = add_case_entries(config, path, options);
  const int err_end = EXSET_PETSC(ctx, PetscOptionsDestroy(&options));
  return exset_agree(ctx, err ? err : err_end);
}

static void free_entry(config_entry_t *entry) {
  free(entry->name);
  free(entry->text);
  free(entry->folder);
}

int exset_config_key(const exset_config_t *config, const char *name, const exset_key_t **key) {
  *key = config_find_key(name);
  if (!*key) return config_unknown_key(config->ctx, name, "");
  if (config_key_of(*key, config->command)) return EXSET_OK;
  return exset_fail(config->ctx, EXSET_ERR_INPUT, "-%s is not a key of exset %s", name,
                    config->command);
}

int exset_config_set(exset_config_t *config, const char *name, const char *text) {
  const exset_key_t *key;
  EXSET_TRY(exset_config_key(config, name, &key));
  return add_entry(config, name, text, "", "");
}

int exset_config_mark(const exset_config_t *config) {
  return config->n_entries;
}

void exset_config_rewind(exset_config_t *config, int mark) {
  while (config->n_entries > mark) free_entry(&config->entry[--config->n_entries]);
}

/* Forget the fields of case files: two models do not mix. */
static void drop_fields(exset_config_t *config) {
  int kept = 0;
  for (int i = 0; i < config->n_entries; i++) {
    config_entry_t *entry = &config->entry[i];
    if (entry->typed || !entry->key || strncmp(entry->key->name, "field#_", 7) != 0)
      config->entry[kept++] = *entry;
    else free_entry(entry);
  }
  config->n_entries = kept;
}

/* The file that the key "model" names is one more case file. Collective. */
static int read_model(exset_config_t *config) {
  if (!config_key_of(config_find_key("model"), config->command) ||
      !exset_config_given(config, "model"))
    return EXSET_OK;
  char *path = exset_config_string_item(config, "model", 0);
  if (!path) return exset_fail(config->ctx, EXSET_ERR_INPUT, "-model is empty: name a file");
  drop_fields(config);
  int err = add_string(config->ctx, path, &config->n_cases, &config->case_file);
  if (!err) err = read_case_file(config, path);
  free(path);
  return err;
}

/* PETSc's own words on a failure become the message: its codes alone say little. */
static PetscErrorCode keep_message(MPI_Comm comm, int line, const char *function, const char *file,
                                   PetscErrorCode code, PetscErrorType type, const char *text,
                                   void *user) {
  exset_ctx_t *ctx = user;
  (void)comm, (void)line, (void)function, (void)file;
  if (type != PETSC_ERROR_INITIAL || !text || !text[0] || ctx->message[0]) return code;
  exset_fail(ctx, EXSET_ERR_LOCAL, "PETSc: %s", text);
  for (char *c = ctx->message; *c; c++)
    if (*c == '\n') *c = ' ';
  return code;
}

/* PETSc sees the typed options meant for it as its own command line. Collective. */
static int start_petsc(exset_config_t *config) {
  exset_ctx_t *ctx = config->ctx;
  char program[] = "exset";
  int argc = 0, err = EXSET_OK;
  char **argv = calloc((size_t)config->n_entries * 2 + 2, sizeof *argv);
  char **dashed = calloc((size_t)config->n_entries + 1, sizeof *dashed);
  if (!argv || !dashed) err = no_memory(ctx);
  if (!err) argv[argc++] = program;
  for (int i = 0; !err && i < config->n_entries; i++) {
    const config_entry_t *entry = &config->entry[i];
    if (entry->key) continue;
    if (asprintf(&dashed[i], "-%s", entry->name) < 0) err = no_memory(ctx);
    argv[argc++] = dashed[i];
    if (entry->text[0]) argv[argc++] = entry->text;
  }
  if (!err) err = EXSET_PETSC(ctx, PetscInitialize(&argc, &argv, NULL, NULL));
  config->petsc_started = !err;
  /* every code is checked where it is returned: no traces, no signal handlers */
  if (!err) err = EXSET_PETSC(ctx, PetscPushErrorHandler(keep_message, ctx));
  if (!err) err = EXSET_PETSC(ctx, PetscPopSignalHandler());
  for (int i = 0; dashed && i < config->n_entries; i++) free(dashed[i]);
  free(dashed);
  free(argv);
  return err;
}

/* Options for PETSc from case files, unless typed. */
static int pass_on(exset_config_t *config) {
  for (int i = 0; i < config->n_entries; i++) {
    const config_entry_t *entry = &config->entry[i];
    if (entry->key || entry->typed || config_entry_of(config, entry->name) != entry) continue;
    char *dashed = NULL;
    if (asprintf(&dashed, "-%s", entry->name) < 0) return no_memory(config->ctx);
    const char *value = entry->text[0] ? entry->text : NULL;
    const int err = EXSET_PETSC(config->ctx, PetscOptionsSetValue(NULL, dashed, value));
    free(dashed);
    EXSET_TRY(err);
  }
  return EXSET_OK;
}

static int read_all(exset_config_t *config, int argc, char **argv) {
  EXSET_TRY(read_arguments(config, argc, argv));
  EXSET_TRY(start_petsc(config));
  for (int i = 0; i < config->n_cases; i++) EXSET_TRY(read_case_file(config, config->case_file[i]));
  EXSET_TRY(read_model(config));
  EXSET_TRY(pass_on(config));
  int64_t verbosity;
  EXSET_TRY(exset_config_int(config, "verbosity", &verbosity));
  config->ctx->verbosity = (int)verbosity;
  return EXSET_OK;
}

int exset_config_create(exset_ctx_t *ctx, const char *command, int argc, char **argv,
                        exset_config_t **config_out) {
  exset_config_t *config = calloc(1, sizeof *config);
  *config_out = config;
  if (!config) return no_memory(ctx);
  config->ctx = ctx;
  config->command = strdup(command);
  int err = config->command ? read_all(config, argc, argv) : no_memory(ctx);
  if (!err) return EXSET_OK;
  const int err_end = exset_config_destroy(config_out);
  return err_end ? err_end : err;
}

static int warn_unused(const exset_config_t *config) {
  PetscInt n = 0;
  char **names = NULL, **values = NULL;
  EXSET_TRY(EXSET_PETSC(config->ctx, PetscOptionsLeftGet(NULL, &n, &names, &values)));
  for (PetscInt i = 0; i < n; i++)
    exset_warn(config->ctx, "-%s was passed on to PETSc, but nothing read it", names[i]);
  return EXSET_PETSC(config->ctx, PetscOptionsLeftRestore(NULL, &n, &names, &values));
}

int exset_config_destroy(exset_config_t **config) {
  exset_config_t *c = *config;
  if (!c) return EXSET_OK;
  int err = EXSET_OK;
  if (c->petsc_started) {
    if (!c->ctx->message[0]) err = warn_unused(c);
    const int err_end = EXSET_PETSC(c->ctx, PetscFinalize());
    if (!err) err = err_end;
  }
  for (int i = 0; i < c->n_entries; i++) free_entry(&c->entry[i]);
  for (int i = 0; i < c->n_inputs; i++) free(c->input[i]);
  for (int i = 0; i < c->n_cases; i++) free(c->case_file[i]);
  free(c->entry);
  free(c->input);
  free(c->case_file);
  free(c->command);
  free(c);
  *config = NULL;
  return err;
}
