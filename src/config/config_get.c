/* Access to values: given, or default. */
#include "config_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int exset_config_inputs(const exset_config_t *config) {
  return config->n_inputs;
}

const char *exset_config_input(const exset_config_t *config, int i) {
  return i >= 0 && i < config->n_inputs ? config->input[i] : NULL;
}

const char *exset_config_case(const exset_config_t *config, int i) {
  return i >= 0 && i < config->n_cases ? config->case_file[i] : NULL;
}

const char *exset_config_command(const exset_config_t *config) {
  return config->command;
}

const config_entry_t *config_entry_of(const exset_config_t *config, const char *name) {
  const config_entry_t *found = NULL;
  for (int i = 0; i < config->n_entries; i++) {
    const config_entry_t *entry = &config->entry[i];
    if (strcmp(entry->name, name) == 0 && (!found || entry->typed >= found->typed)) found = entry;
  }
  return found;
}

bool exset_config_given(const exset_config_t *config, const char *name) {
  return config_entry_of(config, name) != NULL;
}

/* Text in force (NULL: neither given nor a default) and its key. */
static int find_text(const exset_config_t *config, const char *name, const exset_key_t **key,
                     const char **text) {
  *text = NULL;
  *key = config_find_key(name);
  if (!*key) return exset_fail(config->ctx, EXSET_ERR_LOCAL, "key -%s is not in the table", name);
  const config_entry_t *entry = config_entry_of(config, name);
  *text = entry ? entry->text : (*key)->value;
  return EXSET_OK;
}

static int need_text(const exset_config_t *config, const char *name, const exset_key_t **key,
                     const char **text) {
  EXSET_TRY(find_text(config, name, key, text));
  if (*text) return EXSET_OK;
  return exset_fail(config->ctx, EXSET_ERR_INPUT, "-%s is needed: %s", name, (*key)->help);
}

int exset_config_bool(const exset_config_t *config, const char *name, bool *value) {
  const exset_key_t *key;
  const char *text;
  EXSET_TRY(need_text(config, name, &key, &text));
  config_parse_bool(text, value);
  return EXSET_OK;
}

int exset_config_string(const exset_config_t *config, const char *name, const char **value) {
  const exset_key_t *key;
  return need_text(config, name, &key, value);
}

/* Where a list's values go; the member is chosen by the key's type. */
typedef union {
  int64_t *integer;
  double *real;
  int *choice;
} list_target_t;

static int read_list(const exset_config_t *config, const char *name, int max, list_target_t target,
                     int *n) {
  const exset_key_t *key;
  const char *text;
  EXSET_TRY(find_text(config, name, &key, &text));
  *n = config_count_items(text);
  if (*n > max)
    return exset_fail(config->ctx, EXSET_ERR_INPUT, "-%s has %d values: at most %d allowed", name,
                      *n, max);
  for (int i = 0; i < *n; i++) {
    char *item = config_item(text, 0);
    if (!item) return exset_fail(config->ctx, EXSET_ERR_LOCAL, "out of memory");
    if (key->type == EXSET_KEY_INT) config_parse_int(item, &target.integer[i]);
    else if (key->type == EXSET_KEY_REAL) config_parse_real(item, &target.real[i]);
    else target.choice[i] = config_choice_index(key->range, item);
    free(item);
    text += strcspn(text, ",") + 1; /* not used after the last item */
  }
  return EXSET_OK;
}

static int read_one(const exset_config_t *config, const char *name, list_target_t target) {
  const exset_key_t *key;
  const char *text;
  int n;
  EXSET_TRY(need_text(config, name, &key, &text));
  return read_list(config, name, 1, target, &n);
}

int exset_config_int(const exset_config_t *config, const char *name, int64_t *value) {
  return read_one(config, name, (list_target_t){.integer = value});
}

int exset_config_real(const exset_config_t *config, const char *name, double *value) {
  return read_one(config, name, (list_target_t){.real = value});
}

int exset_config_choice(const exset_config_t *config, const char *name, int *index) {
  return read_one(config, name, (list_target_t){.choice = index});
}

int exset_config_int_list(const exset_config_t *config, const char *name, int max, int64_t *value,
                          int *n) {
  return read_list(config, name, max, (list_target_t){.integer = value}, n);
}

int exset_config_real_list(const exset_config_t *config, const char *name, int max, double *value,
                           int *n) {
  return read_list(config, name, max, (list_target_t){.real = value}, n);
}

int exset_config_choice_list(const exset_config_t *config, const char *name, int max, int *index,
                             int *n) {
  return read_list(config, name, max, (list_target_t){.choice = index}, n);
}

char *exset_config_string_item(const exset_config_t *config, const char *name, int i) {
  const exset_key_t *key = config_find_key(name);
  const config_entry_t *entry = config_entry_of(config, name);
  char *item = config_item(entry ? entry->text : key ? key->value : NULL, i);
  if (!item || !entry || !key || key->type != EXSET_KEY_FILE || item[0] == '/') return item;
  char *path = NULL;
  if (asprintf(&path, "%s%s", entry->folder, item) < 0) path = NULL;
  free(item);
  return path;
}

int exset_config_used(const exset_config_t *config, exset_config_visit_t visit, void *user) {
  for (const exset_key_t *key = exset_config_keys(); key->name; key++) {
    if (!config_key_of(key, config->command)) continue;
    if (!strchr(key->name, '#')) {
      const config_entry_t *entry = config_entry_of(config, key->name);
      const char *value = entry ? entry->text : key->value;
      if (value) EXSET_TRY(visit(user, key, key->name, value));
      continue;
    }
    for (int i = 0; i < config->n_entries; i++) { /* numbered keys: those that were given */
      const config_entry_t *entry = &config->entry[i];
      if (entry->key == key && config_entry_of(config, entry->name) == entry)
        EXSET_TRY(visit(user, key, entry->name, entry->text));
    }
  }
  return EXSET_OK;
}
