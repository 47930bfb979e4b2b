/* Results as JSON beside the main output. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cli_path(const exset_config_t *config, const char *default_name, const char *ending) {
  const char *name = default_name;
  if (exset_config_given(config, "o") && exset_config_string(config, "o", &name)) return NULL;
  const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
  const bool has_ending = dot && (!slash || dot > slash + 1);
  const int stem = (int)(ending && has_ending ? (size_t)(dot - name) : strlen(name));
  char *path = NULL;
  return asprintf(&path, "%.*s%s", stem, name, ending ? ending : "") < 0 ? NULL : path;
}

cJSON *cli_json_reals(int64_t n, const double *value) {
  cJSON *list = cJSON_CreateArray();
  for (int64_t i = 0; list && i < n; i++) /* cJSON writes NaN and infinity as null */
    if (!cJSON_AddItemToArray(list, cJSON_CreateNumber(value[i]))) {
      cJSON_Delete(list);
      return NULL;
    }
  return list;
}

/* ---- what may be written ---------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b) {
  char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
  const bool same = real_a && real_b && strcmp(real_a, real_b) == 0;
  free(real_a);
  free(real_b);
  return same;
}

static int check_no_input(exset_ctx_t *ctx, const exset_config_t *config, const char *path) {
  const char *same = NULL;
  for (int i = 0; !same && exset_config_case(config, i); i++)
    if (same_file(exset_config_case(config, i), path)) same = exset_config_case(config, i);
  for (int i = 0; !same && i < exset_config_inputs(config); i++)
    if (same_file(exset_config_input(config, i), path)) same = exset_config_input(config, i);
  if (!same) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "the output would replace the input %s: choose another -o", same);
}

int cli_output_check(exset_ctx_t *ctx, const exset_config_t *config, const char *path) {
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? check_no_input(ctx, config, path) : EXSET_OK));
  return exset_outfile_check(ctx, path);
}

/* The text of a file, or NULL; to be freed. */
static char *read_text(const char *path) {
  FILE *file = fopen(path, "r");
  char *text = NULL;
  size_t size = 0;
  if (!file) return NULL;
  if (getdelim(&text, &size, '\0', file) < 0) {
    free(text);
    text = NULL;
  }
  fclose(file);
  return text;
}

/* Results of another command are not replaced: twin.json of generate by conduct -o twin.json. */
static int check_no_results(exset_ctx_t *ctx, const exset_config_t *config, const char *path) {
  char *text = read_text(path);
  cJSON *found = text ? cJSON_Parse(text) : NULL;
  const char *command = cJSON_GetStringValue(cJSON_GetObjectItem(found, "command"));
  int err = EXSET_OK;
  if (command && strcmp(command, exset_config_command(config)) != 0)
    err = exset_fail(ctx, EXSET_ERR_INPUT,
                     "%s holds results of exset %s, which would be lost: choose another -o", path,
                     command);
  cJSON_Delete(found);
  free(text);
  return err;
}

int cli_json_check(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name) {
  char *path = cli_path(config, default_name, ".json");
  int err = path ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
  if (!err && ctx->rank == 0) err = check_no_results(ctx, config, path);
  err = exset_agree(ctx, err);
  if (!err) err = cli_output_check(ctx, config, path);
  free(path);
  return err;
}

/* ---- results ------------------------------------------------------------------------------------ */

static int add_used(void *user, const exset_key_t *key, const char *name, const char *value) {
  (void)key;
  return cJSON_AddStringToObject(user, name, value) ? EXSET_OK : EXSET_ERR_LOCAL;
}

cJSON *cli_json_used(const exset_config_t *config) {
  cJSON *used = cJSON_CreateObject();
  if (used && exset_config_used(config, add_used, used)) {
    cJSON_Delete(used);
    return NULL;
  }
  return used;
}

static bool add_record(const exset_config_t *config, cJSON *results) {
  cJSON *inputs = cJSON_AddArrayToObject(results, "inputs");
  for (int i = 0; inputs && exset_config_case(config, i); i++)
    cJSON_AddItemToArray(inputs, cJSON_CreateString(exset_config_case(config, i)));
  for (int i = 0; inputs && i < exset_config_inputs(config); i++)
    cJSON_AddItemToArray(inputs, cJSON_CreateString(exset_config_input(config, i)));
  return inputs && cJSON_AddStringToObject(results, "command", exset_config_command(config)) &&
         cJSON_AddItemToObject(results, "used_parameters", cli_json_used(config)) &&
         cJSON_AddItemToObject(results, "versions", cli_versions());
}

int cli_json_write(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                   cJSON *results) {
  char *path = cli_path(config, default_name, ".json");
  char *text = results && path && add_record(config, results) ? cJSON_Print(results) : NULL;
  int err = exset_agree(ctx, text ? EXSET_OK : exset_fail(ctx, EXSET_ERR_RUN, "out of memory"));
  if (!err) err = exset_outfile_text(ctx, path, text);
  cJSON_Delete(results);
  cJSON_free(text);
  free(path);
  return err;
}
