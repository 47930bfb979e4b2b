/* Names of keys: patterns, commands, the nearest known name. */
#include "config_impl.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* '#' in a pattern matches a number from 1. */
static bool name_matches(const char *pattern, const char *name) {
  for (; *pattern; pattern++) {
    if (*pattern == '#') {
      if (*name < '1' || *name > '9') return false;
      while (isdigit((unsigned char)*name)) name++;
    } else if (*pattern != *name++) {
      return false;
    }
  }
  return *name == '\0';
}

const exset_key_t *config_find_key(const char *name) {
  for (const exset_key_t *key = exset_config_keys(); key->name; key++)
    if (name_matches(key->name, name)) return key;
  return NULL;
}

bool config_key_of(const exset_key_t *key, const char *command) {
  char word[64];
  snprintf(word, sizeof word, ",%s,", command);
  return strstr(key->commands, ",all,") || strstr(key->commands, word);
}

bool config_is_petsc(const char *name) {
  static const char *const prefixes[] = {"conduct_ksp_", "conduct_pc_", "conduct_mat_",
                                         "conduct_vec_", "conduct_mg_", "calibrate_tao_",
                                         "log_",         "malloc",      "options_left",
                                         "options_view", "memory_view", "info"};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return true;
  return false;
}

/* Edit distance (Levenshtein) of two short words. */
static int edit_distance(const char *a, const char *b) {
  enum { LONGEST = 64 };
  const int n = (int)strlen(a), m = (int)strlen(b);
  if (n >= LONGEST || m >= LONGEST) return LONGEST;
  int row[LONGEST];
  for (int j = 0; j <= m; j++) row[j] = j;
  for (int i = 1; i <= n; i++) {
    int corner = row[0];
    row[0] = i;
    for (int j = 1; j <= m; j++) {
      const int above = row[j];
      int best = corner + (a[i - 1] != b[j - 1]);
      if (above + 1 < best) best = above + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      corner = above;
      row[j] = best;
    }
  }
  return row[m];
}

const char *exset_config_nearest(const char *name, int n, const char *const *words) {
  const char *nearest = NULL;
  int least = 2 + (int)strlen(name) / 3;
  for (int i = 0; i < n; i++) {
    const int d = edit_distance(name, words[i]);
    if (d < least) {
      least = d;
      nearest = words[i];
    }
  }
  return nearest;
}

/* Every run of digits as '#': how the table writes names. */
static void to_pattern(const char *name, char *pattern, size_t size) {
  size_t length = 0;
  while (*name && length + 1 < size) {
    const size_t run = strspn(name, "0123456789");
    pattern[length++] = run ? '#' : *name;
    name += run ? run : 1;
  }
  pattern[length] = '\0';
}

/* The table's name with '#' replaced by the number in the name that was given. */
static void to_concrete(const char *pattern, const char *given, char *name, size_t size) {
  static const char digits[] = "0123456789";
  const char *number = given + strcspn(given, digits), *mark = strchr(pattern, '#');
  const int width = (int)strspn(number, digits);
  if (mark && width > 0)
    snprintf(name, size, "%.*s%.*s%s", (int)(mark - pattern), pattern, width, number, mark + 1);
  else snprintf(name, size, "%s", pattern);
}

int config_unknown_key(exset_ctx_t *ctx, const char *name, const char *where) {
  enum { MOST = 512 };
  const char *words[MOST];
  char pattern[64];
  int n = 0;
  for (const exset_key_t *key = exset_config_keys(); key->name && n < MOST; key++)
    words[n++] = key->name;
  to_pattern(name, pattern, sizeof pattern);
  const char *nearest = exset_config_nearest(pattern, n, words);
  const char *in = where[0] ? " in " : "";
  if (!nearest)
    return exset_fail(ctx, EXSET_ERR_INPUT, "unknown key -%.60s%s%s; see exset <command> --help",
                      name, in, where);
  char concrete[128];
  to_concrete(nearest, name, concrete, sizeof concrete);
  return exset_fail(ctx, EXSET_ERR_INPUT, "unknown key -%.60s%s%s; the nearest known key is -%s",
                    name, in, where, concrete);
}
