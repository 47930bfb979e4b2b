/* Texts to values: parsing and checks against the key table. */
#include "config_impl.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int config_count_items(const char *text) {
  if (!text || !text[0]) return 0;
  int n = 1;
  for (const char *p = text; *p; p++) n += *p == ',';
  return n;
}

char *config_item(const char *text, int index) {
  if (!text || !text[0]) return NULL;
  for (int i = 0; i < index; i++) {
    text = strchr(text, ',');
    if (!text) return NULL;
    text++;
  }
  const char *end = text + strcspn(text, ",");
  while (text < end && isspace((unsigned char)*text)) text++;
  while (end > text && isspace((unsigned char)end[-1])) end--;
  return strndup(text, (size_t)(end - text));
}

bool config_parse_int(const char *text, int64_t *value) {
  char *end;
  errno = 0;
  const long long v = strtoll(text, &end, 10);
  if (end == text || *end || errno == ERANGE) return false;
  *value = v;
  return true;
}

bool config_parse_real(const char *text, double *value) {
  char *end;
  const double v = strtod(text, &end);
  if (end == text || *end || !isfinite(v)) return false;
  *value = v;
  return true;
}

bool config_parse_bool(const char *text, bool *value) {
  static const char *const words[2][4] = {{"false", "no", "off", "0"}, {"true", "yes", "on", "1"}};
  for (int truth = 0; truth < 2; truth++)
    for (int i = 0; i < 4; i++)
      if (strcasecmp(text, words[truth][i]) == 0) {
        *value = truth;
        return true;
      }
  return false;
}

int config_choice_index(const char *choices, const char *word) {
  for (int i = 0;; i++) {
    char *choice = config_item(choices, i);
    if (!choice) return -1;
    const bool same = strcmp(choice, word) == 0;
    free(choice);
    if (same) return i;
  }
}

/* Ranges look like "[2,inf)", "(0,1)". */
static bool in_range(const char *range, double value) {
  double low, high;
  char open, close;
  if (sscanf(range, "%c%lf,%lf%c", &open, &low, &high, &close) != 4) return true;
  return (open == '[' ? value >= low : value > low) &&
         (close == ']' ? value <= high : value < high);
}

static bool item_fits(const exset_key_t *key, const char *item) {
  int64_t integer;
  double real;
  bool flag;
  switch (key->type) {
    case EXSET_KEY_BOOL:
      return config_parse_bool(item, &flag);
    case EXSET_KEY_INT:
      return config_parse_int(item, &integer) && in_range(key->range, (double)integer);
    case EXSET_KEY_REAL:
      return config_parse_real(item, &real) && in_range(key->range, real);
    case EXSET_KEY_CHOICE:
      return config_choice_index(key->range, item) >= 0;
    case EXSET_KEY_STRING:
    case EXSET_KEY_FILE:
      return item[0] != '\0';
  }
  return false;
}

static const char *expected(const exset_key_t *key) {
  switch (key->type) {
    case EXSET_KEY_BOOL:
      return "true or false";
    case EXSET_KEY_INT:
      return "an integer in ";
    case EXSET_KEY_REAL:
      return "a finite number in ";
    case EXSET_KEY_CHOICE:
      return "one of ";
    default:
      return "a non-empty text";
  }
}

int config_check_value(exset_ctx_t *ctx, const exset_key_t *key, const char *name,
                       const char *text) {
  const bool plain = key->max_values == 1 && key->type == EXSET_KEY_STRING; /* may hold commas */
  const int n = plain ? text[0] != '\0' : config_count_items(text);
  if (n > key->max_values)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s has %d values (%.60s): at most %d allowed", name,
                      n, text, key->max_values);
  if (n == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s needs a value: %s%s", name, expected(key),
                      key->range);
  if (plain) return EXSET_OK;
  for (int i = 0; i < n; i++, text += strcspn(text, ",") + (i < n)) {
    char *item = config_item(text, 0);
    const bool fits = item ? item_fits(key, item) : false;
    if (!fits)
      exset_fail(ctx, EXSET_ERR_INPUT, "-%s is \"%.100s\": allowed is %s%s", name, item ? item : "",
                 expected(key), key->range);
    free(item);
    if (!fits) return EXSET_ERR_INPUT;
  }
  return EXSET_OK;
}
