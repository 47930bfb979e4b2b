/* What journals tell: each finished unit once. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_impl.h"

typedef struct {
  char *name;
  int64_t offset; /* where the next line begins */
} source_t;

struct exset_results_s {
  exset_ctx_t *ctx;
  int64_t n, room;
  exset_unit_t *unit; /* texts and values owned, names shared */
  int64_t n_slots;    /* power of 2, or 0 */
  int64_t *slot;      /* hash table: place of a unit + 1, 0: free */
  int n_names, name_room;
  char **name; /* of all figures met */
  int n_sources;
  source_t *source;
  int64_t repeated, damaged;
};

static int no_memory(exset_ctx_t *ctx) {
  return exset_fail(ctx, EXSET_ERR_RUN, "out of memory for the results of the sweep");
}

int exset_results_create(exset_ctx_t *ctx, exset_results_t **results) {
  *results = calloc(1, sizeof **results);
  if (!*results) return no_memory(ctx);
  (*results)->ctx = ctx;
  return EXSET_OK;
}

static void free_unit(exset_unit_t *unit) {
  free((void *)unit->message);
  free((void *)unit->name);
  free((void *)unit->value);
}

void exset_results_destroy(exset_results_t **results) {
  exset_results_t *r = *results;
  if (!r) return;
  for (int64_t i = 0; i < r->n; i++) free_unit(&r->unit[i]);
  for (int i = 0; i < r->n_names; i++) free(r->name[i]);
  for (int i = 0; i < r->n_sources; i++) free(r->source[i].name);
  free(r->unit);
  free(r->slot);
  free(r->name);
  free(r->source);
  free(r);
  *results = NULL;
}

int64_t exset_results_units(const exset_results_t *results) {
  return results->n;
}

int64_t exset_results_repeated(const exset_results_t *results) {
  return results->repeated;
}

int64_t exset_results_damaged(const exset_results_t *results) {
  return results->damaged;
}

/* ---- the hash table ----------------------------------------------------------------------------- */

static bool same(exset_digest_t a, exset_digest_t b) {
  return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

/* The slot of a unit, or the free one where it belongs. */
static int64_t slot_of(const exset_results_t *r, exset_digest_t id) {
  int64_t s = (int64_t)(id.word[0] & (uint64_t)(r->n_slots - 1));
  while (r->slot[s] != 0 && !same(r->unit[r->slot[s] - 1].id, id)) s = (s + 1) & (r->n_slots - 1);
  return s;
}

const exset_unit_t *exset_results_find(const exset_results_t *results, exset_digest_t id) {
  if (results->n_slots == 0) return NULL;
  const int64_t place = results->slot[slot_of(results, id)];
  return place > 0 ? &results->unit[place - 1] : NULL;
}

static int grow(exset_results_t *r) {
  const int64_t room = r->room > 0 ? 2 * r->room : 256;
  exset_unit_t *unit = realloc(r->unit, (size_t)room * sizeof *unit);
  if (!unit) return no_memory(r->ctx);
  r->unit = unit;
  int64_t *slot = calloc((size_t)(4 * room), sizeof *slot);
  if (!slot) return no_memory(r->ctx);
  free(r->slot);
  r->slot = slot;
  r->room = room;
  r->n_slots = 4 * room;
  for (int64_t i = 0; i < r->n; i++) r->slot[slot_of(r, r->unit[i].id)] = i + 1;
  return EXSET_OK;
}

/* unit's texts and values are kept or freed. */
static int keep(exset_results_t *r, exset_unit_t *unit) {
  int err = r->n == r->room ? grow(r) : EXSET_OK;
  if (err) {
    free_unit(unit);
    return err;
  }
  const int64_t s = slot_of(r, unit->id);
  if (r->slot[s] == 0) {
    r->unit[r->n++] = *unit;
    r->slot[s] = r->n;
    return EXSET_OK;
  }
  exset_unit_t *old = &r->unit[r->slot[s] - 1];
  r->repeated += old->done;
  if (old->done) {
    free_unit(unit);
  } else { /* tried again */
    free_unit(old);
    *old = *unit;
  }
  return EXSET_OK;
}

/* ---- lines -------------------------------------------------------------------------------------- */

/* The one copy of a figure's name; `near`: where to look first. */
static const char *shared_name(exset_results_t *r, const char *name, int near) {
  if (near < r->n_names && strcmp(r->name[near], name) == 0) return r->name[near];
  for (int i = 0; i < r->n_names; i++)
    if (strcmp(r->name[i], name) == 0) return r->name[i];
  if (r->n_names == r->name_room) {
    const int room = 2 * r->name_room + 64;
    char **grown = realloc(r->name, (size_t)room * sizeof *grown);
    if (!grown) return NULL;
    r->name = grown;
    r->name_room = room;
  }
  char *copy = strdup(name);
  if (copy) r->name[r->n_names++] = copy;
  return copy;
}

/* Cut the next field, ended by a tab, from text; NULL after the last one. */
static char *next_field(char **text) {
  char *field = *text;
  if (!field) return NULL;
  char *tab = strchr(field, '\t');
  if (tab) *tab = '\0';
  *text = tab ? tab + 1 : NULL;
  return field;
}

/* The line without its checksum, or NULL: damaged. */
static char *checked(char *line) {
  char *tab = strrchr(line, '\t'), *end;
  if (!tab) return NULL;
  const uint64_t sum = strtoull(tab + 1, &end, 16);
  if (end != tab + 17 || *end || sum != sweep_hash(line, (size_t)(tab - line), 0)) return NULL;
  *tab = '\0';
  return line;
}

/* "name=value" fields. false: not of that form. */
static bool read_figures(exset_results_t *r, char *text, exset_unit_t *unit, int *err) {
  int n = text ? 1 : 0;
  for (const char *c = text; c && *c; c++) n += *c == '\t';
  const char **name = malloc((size_t)(n + 1) * sizeof *name);
  double *value = malloc((size_t)(n + 1) * sizeof *value);
  unit->name = name;
  unit->value = value;
  if (!name || !value) {
    *err = no_memory(r->ctx);
    return true;
  }
  for (char *field, *end; (field = next_field(&text)); unit->n++) {
    char *sign = strchr(field, '=');
    if (!sign) return false;
    *sign = '\0';
    name[unit->n] = shared_name(r, field, unit->n);
    value[unit->n] = strtod(sign + 1, &end);
    if (end == sign + 1 || *end) return false;
    if (!name[unit->n]) *err = no_memory(r->ctx);
  }
  return true;
}

/* false: not a unit's line. */
static bool parse(exset_results_t *r, char *text, exset_unit_t *unit, int *err) {
  const char *id = next_field(&text), *realisation = next_field(&text), *status = next_field(&text),
             *seconds = next_field(&text), *message;
  if (!seconds || !text || !sweep_digest_parse(id, &unit->id)) return false;
  message = next_field(&text);
  unit->realisation = strtoll(realisation, NULL, 10);
  unit->done = strcmp(status, "done") == 0;
  unit->seconds = strtod(seconds, NULL);
  unit->message = strdup(message);
  if (!unit->message) *err = no_memory(r->ctx);
  return read_figures(r, text, unit, err);
}

static int take_line(exset_results_t *r, char *line) {
  if (line[0] == '\0' || line[0] == '#') return EXSET_OK;
  exset_unit_t unit = {0};
  char *text = checked(line);
  int err = EXSET_OK;
  const bool whole = text && parse(r, text, &unit, &err);
  if (!err && whole) return keep(r, &unit);
  free_unit(&unit);
  r->damaged += !whole;
  return err;
}

/* ---- files -------------------------------------------------------------------------------------- */

/* Whole lines from where the last reading ended; the rest of a line may still come. */
static int read_source(exset_results_t *r, const char *folder, source_t *source) {
  char *path = NULL, *line = NULL;
  size_t size = 0;
  if (asprintf(&path, "%s/%s", folder, source->name) < 0) return no_memory(r->ctx);
  FILE *file = fopen(path, "r");
  int err = EXSET_OK;
  if (!file || fseeko(file, source->offset, SEEK_SET) != 0)
    err =
        exset_fail(r->ctx, EXSET_ERR_RUN, "cannot read the journal %s: %s", path, strerror(errno));
  for (ssize_t length; !err && (length = getline(&line, &size, file)) > 0;) {
    if (line[length - 1] != '\n') break;
    source->offset += length;
    line[length - 1] = '\0';
    err = take_line(r, line);
  }
  if (file) fclose(file);
  free(line);
  free(path);
  return err;
}

static int source_named(exset_results_t *r, const char *name) {
  for (int i = 0; i < r->n_sources; i++)
    if (strcmp(r->source[i].name, name) == 0) return EXSET_OK;
  source_t *grown = realloc(r->source, (size_t)(r->n_sources + 1) * sizeof *grown);
  if (!grown) return no_memory(r->ctx);
  r->source = grown;
  grown[r->n_sources] = (source_t){strdup(name), 0};
  return grown[r->n_sources++].name ? EXSET_OK : no_memory(r->ctx);
}

static int is_journal(const struct dirent *entry) {
  const char *dot = strrchr(entry->d_name, '.');
  return strncmp(entry->d_name, "task", 4) == 0 && dot && strcmp(dot, ".txt") == 0;
}

int exset_results_read(exset_results_t *results, const char *folder) {
  struct dirent **entry = NULL;
  const int n = scandir(folder, &entry, is_journal, alphasort);
  if (n < 0 && errno == ENOENT) return EXSET_OK;
  if (n < 0)
    return exset_fail(results->ctx, errno == ENOTDIR ? EXSET_ERR_INPUT : EXSET_ERR_RUN,
                      "cannot read journals in %s: %s", folder, strerror(errno));
  int err = EXSET_OK;
  for (int i = 0; i < n; i++) {
    if (!err) err = source_named(results, entry[i]->d_name);
    free(entry[i]);
  }
  free(entry);
  for (int i = 0; !err && i < results->n_sources; i++)
    err = read_source(results, folder, &results->source[i]);
  return err;
}
