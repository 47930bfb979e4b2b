/*
 * test: np="1 2 3 5" time=20
 * Memory that is left: control groups of both versions in a folder made up here, the limit of the address space, sums
 * over the ranks of a node.
 */
#include "exset/memory.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char mount[512];

/* A file below the folder, with its text; folders on the way are made. */
static void put(const char *path, const char *text) {
  char name[1024];
  snprintf(name, sizeof name, "%s/%s", mount, path);
  for (char *slash = strchr(name + strlen(mount) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(name, 0755);
    *slash = '/';
  }
  FILE *file = fopen(name, "w");
  CHECK(file && fputs(text, file) >= 0);
  if (file) fclose(file);
}

static void check_group(const char *self, double expected, const char *where) {
  char folder[1024] = "?", wanted[1024] = "";
  const double left = exset_memory_cgroup(self, mount, folder, sizeof folder);
  if (where) snprintf(wanted, sizeof wanted, "%s%s", mount, where);
  CHECK_MSG(left == expected, "%s: %g left, expected %g", self, left, expected);
  CHECK_MSG(strcmp(folder, wanted) == 0, "%s: limited by %s, expected %s", self, folder, wanted);
}

static void test_version_2(void) {
  put("job/memory.max", "1000000\n");
  put("job/memory.current", "700000\n");
  put("job/memory.stat", "anon 500000\nfile 200000\ninactive_file 150000\nactive_file 50000\n");
  put("job/step/memory.max", "max\n");
  put("job/step/memory.current", "600000\n");
  put("job/tight/memory.max", "90000\n");
  put("job/tight/memory.current", "100000\n");
  check_group("0::/job/step\n", 500000, "/job"); /* the limit of the group around it */
  check_group("0::/job\n", 500000, "/job");
  check_group("0::/job/tight\n", 0, "/job/tight"); /* in use already: not less than nothing */
  check_group("0::/job/of/the/host\n", 500000, "/job");
  check_group("0::/elsewhere\n", INFINITY, NULL);
  check_group("0::/\n", INFINITY, NULL);
  check_group("", INFINITY, NULL);
  check_group("garbage\n", INFINITY, NULL);
}

static void test_version_1(void) {
  put("memory/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
  put("memory/memory.usage_in_bytes", "1000\n");
  put("memory/slurm/job_1/memory.limit_in_bytes", "4000000000\n");
  put("memory/slurm/job_1/memory.usage_in_bytes", "1000000000\n");
  put("memory/slurm/job_1/memory.stat",
      "inactive_file 7\ntotal_inactive_file 200000000\ntotal_active_file 300000000\n");
  const char *self = "5:cpu,cpuacct:/other\n4:hugetlb,memory:/slurm/job_1/step_0/task_3\n0::/\n";
  check_group(self, 3.5e9, "/memory/slurm/job_1");
  check_group("4:memory:/\n", INFINITY, NULL);
  check_group("4:cpu:/slurm/job_1\n", INFINITY, NULL);
  put("unified/job_2/memory.max", "100\n"); /* both mounted, the memory in version 2 */
  put("unified/job_2/memory.current", "40\n");
  check_group("4:cpu:/\n0::/job_2\n", 60, "/unified/job_2");
}

/* Sums over the ranks: all are on one node here. */
static void test_fit(exset_ctx_t *ctx) {
  exset_memory_t left;
  exset_memory_fit_t fit;
  exset_memory_left(&left);
  CHECK(left.node > 1e6 && left.group > 0 && left.process > 0);
  MUST(ctx, exset_memory_fit(ctx, 1e18 / ctx->size, &fit));
  CHECK_MSG(fabs(fit.needed - 1e18) < 1e6, "needed %g", fit.needed);
  CHECK(fit.available < fit.needed && fit.processes == ctx->size);
  MUST(ctx, exset_memory_fit(ctx, 1e3, &fit));
  CHECK(fit.needed <= fit.available);
}

/* One rank has little address space: it decides, on all ranks. */
static void test_process(exset_ctx_t *ctx) {
  const double room = 1e9;
  exset_memory_t left;
  exset_memory_fit_t fit;
  struct rlimit before, limit;
  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  limit = before;
  if (ctx->rank == ctx->size - 1) {
    FILE *file = fopen("/proc/self/statm", "r");
    double used = 0;
    CHECK(file && fscanf(file, "%lf", &used) == 1);
    if (file) fclose(file);
    limit.rlim_cur = (rlim_t)((double)sysconf(_SC_PAGESIZE) * used + room);
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    exset_memory_left(&left);
    CHECK_NEAR(left.process, room, 1e6);
  }
  MUST(ctx, exset_memory_fit(ctx, ctx->rank == ctx->size - 1 ? 1.5 * room : 0, &fit));
  CHECK(fit.needed == 1.5 * room && fit.processes == 1 && strstr(fit.limit, "ulimit"));
  CHECK_NEAR(fit.available, room, 1e7);
  CHECK(setrlimit(RLIMIT_AS, &before) == 0);
}

static void test_resident(exset_ctx_t *ctx) {
  enum { BYTES = 64 << 20 };
  char *block;
  const int64_t before = exset_memory_resident();
  MUST(ctx, exset_alloc(ctx, BYTES, 1, &block));
  CHECK(block[BYTES - 1] == 0);
  CHECK_NEAR((double)(exset_memory_resident() - before), BYTES, 5e6); /* large pages */
  free(block);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  snprintf(mount, sizeof mount, "%s/cgroup-%d", test_tmp(), ctx->rank);
  CHECK(mkdir(mount, 0755) == 0);
  test_version_2();
  test_version_1();
  test_fit(ctx);
  test_resident(ctx);
  test_process(ctx);
  return test_end(ctx);
}
