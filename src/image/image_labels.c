/* Gray values to phases. */
#include "exset/image.h"

#include <stdio.h>
#include <string.h>

enum { GRAYS = 65536, UNLISTED = 255 };

/* "0, 85, 170" of the values marked in seen; "..." where there are more than fit. */
static const char *list_values(const uint8_t *seen, char *text, size_t size) {
  size_t used = 0;
  const size_t room = 13; /* ", 65535, ..." and the end */
  text[0] = 0;
  for (int v = 0; v < GRAYS; v++) {
    if (!seen[v]) continue;
    if (used + room > size) {
      snprintf(text + used, size - used, ", ...");
      break;
    }
    used += (size_t)snprintf(text + used, size - used, "%s%d", used ? ", " : "", v);
  }
  return text;
}

static int check_value(exset_ctx_t *ctx, int value, uint8_t *used) {
  if (value < 0 || value >= GRAYS)
    return exset_fail(ctx, EXSET_ERR_INPUT, "label %d is not allowed: gray values are 0 to 65535",
                      value);
  if (used[value])
    return exset_fail(ctx, EXSET_ERR_INPUT, "label %d is given twice; each gray value is one phase",
                      value);
  used[value] = 1;
  return EXSET_OK;
}

int exset_labels_check(exset_ctx_t *ctx, const exset_labels_t *labels) {
  uint8_t used[GRAYS] = {0};
  const int most = labels->n_labels > labels->n_masked ? labels->n_labels : labels->n_masked;
  if (most > EXSET_MAX_PHASES)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%d labels are too many: at most %d", most,
                      EXSET_MAX_PHASES);
  for (int i = 0; i < labels->n_labels; i++) EXSET_TRY(check_value(ctx, labels->label[i], used));
  for (int i = 0; i < labels->n_masked; i++) EXSET_TRY(check_value(ctx, labels->masked[i], used));
  return EXSET_OK;
}

static int fill_labels(exset_ctx_t *ctx, exset_labels_t *labels, const uint8_t *seen,
                       const char *path) {
  uint8_t is_phase[GRAYS];
  memcpy(is_phase, seen, GRAYS);
  for (int i = 0; i < labels->n_masked; i++) is_phase[labels->masked[i]] = 0;
  int n = 0;
  for (int v = 0; v < GRAYS; v++) {
    if (!is_phase[v]) continue;
    if (n < EXSET_MAX_PHASES) labels->label[n] = v;
    n++;
  }
  if (n == 0) return exset_fail(ctx, EXSET_ERR_INPUT, "%s holds masked values only", path);
  if (n <= EXSET_MAX_PHASES) {
    labels->n_labels = n;
    return EXSET_OK;
  }
  char found[80];
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "%s has %d gray values (%s), more than %d phases: it must be segmented, each "
                    "phase one gray value",
                    path, n, list_values(is_phase, found, sizeof found), EXSET_MAX_PHASES);
}

int exset_labels_complete(exset_ctx_t *ctx, exset_labels_t *labels, const uint8_t *seen,
                          const char *path) {
  if (labels->n_labels == 0) return fill_labels(ctx, labels, seen, path);
  char found[160];
  for (int i = 0; i < labels->n_labels; i++)
    if (!seen[labels->label[i]])
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "label %d does not occur in %s; the gray values found are %s",
                        labels->label[i], path, list_values(seen, found, sizeof found));
  return EXSET_OK;
}

static int unlisted(exset_ctx_t *ctx, const exset_labels_t *labels, int64_t n,
                    const uint16_t *value, int bad, const char *path) {
  uint8_t all[GRAYS] = {0}, given[GRAYS] = {0};
  for (int64_t i = 0; i < n; i++) all[value[i]] = 1;
  for (int i = 0; i < labels->n_labels; i++) given[labels->label[i]] = 1;
  char found[160], listed[160];
  return exset_fail(
      ctx, EXSET_ERR_INPUT,
      "%s has gray value %d, which is not among the labels %s; the gray values found are %s", path,
      bad, list_values(given, listed, sizeof listed), list_values(all, found, sizeof found));
}

int exset_labels_map(exset_ctx_t *ctx, const exset_labels_t *labels, int64_t n,
                     const uint16_t *value, uint8_t *phase, uint8_t *seen, const char *path) {
  uint8_t map[GRAYS];
  memset(map, UNLISTED, sizeof map);
  for (int i = 0; i < labels->n_masked; i++) map[labels->masked[i]] = 0;
  for (int i = 0; i < labels->n_labels; i++) map[labels->label[i]] = (uint8_t)(i + 1);
  for (int64_t i = 0; i < n; i++) {
    if (map[value[i]] == UNLISTED) return unlisted(ctx, labels, n, value, value[i], path);
    phase[i] = map[value[i]];
  }
  if (seen)
    for (int64_t i = 0; i < n; i++) seen[value[i]] = 1;
  return EXSET_OK;
}
