/* What memory is left: /proc, control groups, resource limits. */
#include "exset/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, TEXT_SIZE = 16384 };

/* The beginning of a small file; "" where there is none. */
static void read_text(const char *path, char *text, size_t size) {
  FILE *file = fopen(path, "r");
  size_t n = 0;
  if (file) {
    n = fread(text, 1, size - 1, file);
    fclose(file);
  }
  text[n] = '\0';
}

/* The number behind a word at the beginning of a line, or -1. */
static double number_after(const char *text, const char *word) {
  for (const char *line = text; line; line = strchr(line, '\n')) {
    while (*line == '\n') line++;
    if (strncmp(line, word, strlen(word)) == 0) return strtod(line + strlen(word), NULL);
  }
  return -1;
}

static double node_left(void) {
  char text[TEXT_SIZE];
  read_text("/proc/meminfo", text, sizeof text);
  const double kilobytes = number_after(text, "MemAvailable:");
  return kilobytes >= 0 ? 1024 * kilobytes : INFINITY;
}

/* Size of this process in pages: whole (field 0) or resident (field 1); -1: not known. */
static double pages(int field) {
  char text[256];
  double size[2];
  read_text("/proc/self/statm", text, sizeof text);
  return sscanf(text, "%lf %lf", &size[0], &size[1]) == 2 ? size[field] : -1;
}

static double process_left(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return INFINITY;
  const double used = fmax(pages(0), 0) * (double)sysconf(_SC_PAGESIZE);
  return fmax((double)limit.rlim_cur - used, 0);
}

/* ---- control groups ---------------------------------------------------------------------------- */

/* Names of the files of one version. */
typedef struct {
  const char *root, *limit, *use, *cache[2];
} hierarchy_t;

static const hierarchy_t versions[] = {
    {"", "memory.max", "memory.current", {"inactive_file ", "active_file "}},
    {"/unified", "memory.max", "memory.current", {"inactive_file ", "active_file "}},
    {"/memory",
     "memory.limit_in_bytes",
     "memory.usage_in_bytes",
     {"total_inactive_file ", "total_active_file "}},
};

/* The number in folder/name; -1: no such file, or no number ("max"). */
static double read_number(const char *folder, const char *name) {
  char path[PATH_SIZE + 64], text[64], *end;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  read_text(path, text, sizeof text);
  const double value = strtod(text, &end);
  return end > text && value >= 0 ? value : -1;
}

static double folder_left(const hierarchy_t *h, const char *folder) {
  const double unlimited = 0x1p60; /* version 1 writes a number near 2^63 */
  const double limit = read_number(folder, h->limit), use = read_number(folder, h->use);
  if (limit < 0 || limit >= unlimited || use < 0) return INFINITY;
  char path[PATH_SIZE + 64], text[TEXT_SIZE];
  snprintf(path, sizeof path, "%s/memory.stat", folder);
  read_text(path, text, sizeof text);
  double cache = 0;
  for (int i = 0; i < 2; i++) cache += fmax(number_after(text, h->cache[i]), 0);
  return fmax(limit - fmax(use - cache, 0), 0);
}

/* A group and all those around it, up to the root of the hierarchy. Seen from inside a container, the path may be one
 * of the host: folders that do not exist are passed over. */
static double branch_left(const hierarchy_t *h, const char *mount, const char *group,
                          char *tightest, size_t size) {
  char path[PATH_SIZE];
  double least = INFINITY;
  const int length = snprintf(path, sizeof path, "%s%s%s", mount, h->root, group);
  if (length < 0 || (size_t)length >= sizeof path) return least;
  const size_t root = strlen(mount) + strlen(h->root);
  for (size_t end = (size_t)length;; end--) {
    if (end == root || (path[end] == '/' && end > root) || path[end] == '\0') {
      path[end] = '\0';
      const double left = folder_left(h, path);
      if (left < least && tightest) snprintf(tightest, size, "%s", path);
      least = fmin(least, left);
    }
    if (end == root) return least;
  }
}

/* The group's path in a line "number:controllers:path" of version 2 (no controllers) or 1 (memory among them), or NULL. */
static char *group_of_line(char *line, bool *unified) {
  char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!path) return NULL;
  *path++ = '\0';
  *unified = controllers[1] == '\0';
  for (char *save, *word = strtok_r(controllers + 1, ",", &save); word;
       word = strtok_r(NULL, ",", &save))
    if (strcmp(word, "memory") == 0) return path;
  return *unified ? path : NULL;
}

double exset_memory_cgroup(const char *self, const char *mount, char *folder, size_t size) {
  char text[TEXT_SIZE], name[PATH_SIZE];
  double least = INFINITY;
  if (folder && size > 0) folder[0] = '\0';
  snprintf(text, sizeof text, "%s", self);
  for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    bool unified;
    const char *group = group_of_line(line, &unified);
    for (size_t v = 0; group && v < sizeof versions / sizeof *versions; v++) {
      if (unified == (strcmp(versions[v].root, "/memory") == 0)) continue;
      const double left = branch_left(&versions[v], mount, group, name, sizeof name);
      if (left < least && folder) snprintf(folder, size, "%s", name);
      least = fmin(least, left);
    }
  }
  return least;
}

static double group_left(char *folder, size_t size) {
  char text[TEXT_SIZE];
  read_text("/proc/self/cgroup", text, sizeof text);
  return exset_memory_cgroup(text, "/sys/fs/cgroup", folder, size);
}

void exset_memory_left(exset_memory_t *left) {
  *left = (exset_memory_t){node_left(), group_left(NULL, 0), process_left()};
}

int64_t exset_memory_resident(void) {
  return (int64_t)fmax(pages(1), 0) * sysconf(_SC_PAGESIZE);
}

/* ---- does it fit? ------------------------------------------------------------------------------ */

/* Worse: the larger part of what is left is needed. */
static double burden(const exset_memory_fit_t *fit) {
  return fit->available > 0 ? fit->needed / fit->available : fit->needed > 0 ? INFINITY : 0;
}

static void keep_worse(const exset_memory_fit_t *other, exset_memory_fit_t *worst) {
  if (burden(other) > burden(worst)) *worst = *other;
}

/* Sum over the ranks of comm against the least that any of them sees. */
static int compare_shared(exset_ctx_t *ctx, MPI_Comm comm, double bytes, double left,
                          const char *limit, exset_memory_fit_t *worst) {
  exset_memory_fit_t fit = {bytes, left, "", 1};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &fit.needed, 1, MPI_DOUBLE, MPI_SUM, comm)));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &fit.available, 1, MPI_DOUBLE, MPI_MIN, comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_size(comm, &fit.processes)));
  snprintf(fit.limit, sizeof fit.limit, "%s", limit);
  keep_worse(&fit, worst);
  return EXSET_OK;
}

/* Equal names, equal colours; other names seldom share one, which errs on the safe side. */
static int colour_of(const char *name) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (; *name; name++) hash = (hash ^ (uint8_t)*name) * 16777619u;
  return (int)(hash >> 1);
}

static int compare_on_node(exset_ctx_t *ctx, MPI_Comm node, double bytes,
                           exset_memory_fit_t *worst) {
  char folder[PATH_SIZE];
  MPI_Comm group;
  const double left = group_left(folder, sizeof folder);
  EXSET_TRY(compare_shared(ctx, node, bytes, node_left(), "are free on the node", worst));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_split(node, colour_of(folder), ctx->rank, &group)));
  EXSET_TRY(
      compare_shared(ctx, group, bytes, left, "are left by the limit of the control group", worst));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_free(&group)));
  const exset_memory_fit_t own = {bytes, process_left(),
                                  "are left by the limit of a process (ulimit -v)", 1};
  keep_worse(&own, worst);
  return EXSET_OK;
}

int exset_memory_fit(exset_ctx_t *ctx, double bytes, exset_memory_fit_t *fit) {
  MPI_Comm node;
  *fit = (exset_memory_fit_t){0, INFINITY, "are free on the node", 1};
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Comm_split_type(ctx->comm, MPI_COMM_TYPE_SHARED, ctx->rank, MPI_INFO_NULL, &node)));
  EXSET_TRY(compare_on_node(ctx, node, bytes, fit));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Comm_free(&node)));
  struct {
    double value;
    int rank;
  } worst = {burden(fit), ctx->rank};
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_DOUBLE_INT, MPI_MAXLOC, ctx->comm)));
  return EXSET_MPI(ctx, MPI_Bcast(fit, sizeof *fit, MPI_BYTE, worst.rank, ctx->comm));
}
