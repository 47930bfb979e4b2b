/* test: np="1 2 3 5" time=30 */
/* Contexts: equal numbers of threads on all ranks, groups of ranks, and agreement on errors. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ranks that are given different numbers of threads take those of rank 0: blocks of transforms depend on them. */
static void check_threads(const exset_ctx_t *world) {
  char text[16];
  exset_ctx_t *ctx;
  snprintf(text, sizeof text, "%d", 2 + world->rank);
  setenv("OMP_NUM_THREADS", text, 1);
  CHECK(exset_ctx_create(world->comm, &ctx) == EXSET_OK);
#ifdef _OPENMP
  CHECK(ctx->threads == 2);
#else
  CHECK(ctx->threads == 1);
#endif
  CHECK(exset_ctx_destroy(&ctx) == EXSET_OK && ctx == NULL);
}

/* Groups are neighbouring ranks of nearly equal numbers, and errors of one reach all. */
static void check_groups(exset_ctx_t *ctx, int n_groups) {
  exset_ctx_t *group;
  MUST(ctx, exset_ctx_split(ctx, n_groups, &group));
  const int own = exset_group_of(ctx, n_groups, ctx->rank);
  CHECK(group->rank == ctx->rank - exset_group_first(ctx, n_groups, own));
  CHECK(group->size == exset_group_first(ctx, n_groups, own + 1) - (ctx->rank - group->rank));
  CHECK(group->threads == ctx->threads);
  int err = EXSET_OK;
  if (own == n_groups - 1) err = exset_fail(group, EXSET_ERR_INPUT, "group %d", own);
  char expected[32];
  snprintf(expected, sizeof expected, "group %d", n_groups - 1);
  CHECK(exset_agree_groups(ctx, group, err) == EXSET_ERR_INPUT);
  CHECK(strcmp(ctx->message, expected) == 0);
  ctx->message[0] = 0;
  CHECK(exset_ctx_destroy(&group) == EXSET_OK);
}

/* The lowest failing rank is heard, local failures are failures of the run. */
static void check_agreement(exset_ctx_t *ctx) {
  CHECK(exset_agree(ctx, EXSET_OK) == EXSET_OK && !ctx->message[0]);
  int err = EXSET_OK;
  if (ctx->rank >= ctx->size / 2)
    err = exset_fail(ctx, ctx->rank == ctx->size / 2 ? EXSET_ERR_LOCAL : EXSET_ERR_INPUT, "rank %d",
                     ctx->rank);
  char expected[32];
  snprintf(expected, sizeof expected, "rank %d", ctx->size / 2);
  CHECK(exset_agree(ctx, err) == EXSET_ERR_RUN);
  CHECK(strcmp(ctx->message, expected) == 0);
  ctx->message[0] = 0;
  void *memory;
  CHECK(exset_alloc_all(ctx, ctx->rank == 0 ? INT64_MAX : 8, 8, &memory) == EXSET_ERR_RUN);
  CHECK(strstr(ctx->message, "out of memory on rank 0"));
  free(memory);
  ctx->message[0] = 0;
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_threads(ctx);
  for (int n = 1; n <= ctx->size; n++) check_groups(ctx, n);
  check_agreement(ctx);
  return test_end(ctx);
}
