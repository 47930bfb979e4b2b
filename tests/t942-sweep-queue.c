/* test: np="1 2 3 5" time=60 */
/* The queue of sweeps: each item once, whatever the groups; the slow are helped; nothing after a stop. */
#include <stdlib.h>
#include <time.h>

#include "exset/sweep.h"
#include "test.h"

static void pause_ms(int ms) {
  const struct timespec t = {.tv_nsec = 1000000L * ms};
  nanosleep(&t, NULL);
}

/* taken[n]: by how many groups each item was taken, on all ranks. slow: group whose items take 5 ms; stop_at: its item after which it ends
 * all work, or -1. Returns the items of this rank's group. */
static int64_t empty_queue(exset_ctx_t *ctx, int n_groups, int64_t n, int slow, int64_t stop_at,
                           int *taken) {
  exset_ctx_t *group;
  exset_queue_t *queue;
  int64_t item, own = 0;
  const int number = exset_group_of(ctx, n_groups, ctx->rank);
  MUST(ctx, exset_ctx_split(ctx, n_groups, &group));
  MUST(ctx, exset_queue_create(ctx, n_groups, n, &queue));
  for (;;) {
    MUST(ctx, exset_queue_next(queue, group, &item));
    if (item < 0) break;
    CHECK(item < n);
    if (item >= n) break;
    taken[item] += group->rank == 0;
    own++;
    if (number == slow) pause_ms(5);
    if (item == stop_at && group->rank == 0) MUST(ctx, exset_queue_stop(queue));
  }
  MUST(ctx, exset_queue_destroy(&queue));
  MUST(ctx, exset_ctx_destroy(&group));
  if (n > 0)
    MUST(ctx,
         EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, taken, (int)n, MPI_INT, MPI_SUM, ctx->comm)));
  return own;
}

static void check_each_once(exset_ctx_t *ctx) {
  for (int n_groups = 1; n_groups <= ctx->size; n_groups++)
    for (int64_t n = 0; n <= 200; n = 3 * n + 1) {
      int taken[200] = {0};
      empty_queue(ctx, n_groups, n, -1, -1, taken);
      for (int64_t i = 0; i < n; i++)
        CHECK_MSG(taken[i] == 1, "%d groups, item %lld of %lld taken %d times", n_groups,
                  (long long)i, (long long)n, taken[i]);
    }
}

/* A group that takes 5 ms for an item leaves most of its share to the others. */
static void check_slow(exset_ctx_t *ctx) {
  enum { N = 60 };
  if (ctx->size == 1) return;
  for (int slow = 0; slow < ctx->size; slow++) {
    int taken[N] = {0};
    const int64_t own = empty_queue(ctx, ctx->size, N, slow, -1, taken);
    for (int i = 0; i < N; i++) CHECK(taken[i] == 1);
    if (ctx->rank == slow) CHECK_MSG(own < N / ctx->size, "%lld of %d", (long long)own, N);
  }
}

static void check_stop(exset_ctx_t *ctx) {
  enum { N = 100000 };
  int *taken;
  MUST(ctx, exset_alloc(ctx, N, sizeof *taken, &taken));
  int64_t sum = 0;
  empty_queue(ctx, ctx->size, N, -1, 0, taken); /* item 0 is the first of group 0 */
  for (int i = 0; i < N; i++) {
    CHECK_MSG(taken[i] <= 1, "item %d taken %d times", i, taken[i]);
    sum += taken[i];
  }
  CHECK_MSG(sum < N && taken[0] == 1, "%lld items after the stop", (long long)sum);
  free(taken);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_each_once(ctx);
  check_slow(ctx);
  check_stop(ctx);
  return test_end(ctx);
}
