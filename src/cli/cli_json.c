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
  if (exset_config_case(config))
    cJSON_AddItemToArray(inputs, cJSON_CreateString(exset_config_case(config)));
  for (int i = 0; inputs && i < exset_config_inputs(config); i++)
    cJSON_AddItemToArray(inputs, cJSON_CreateString(exset_config_input(config, i)));
  return inputs && cJSON_AddItemToObject(results, "used_parameters", cli_json_used(config)) &&
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
