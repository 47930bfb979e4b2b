/* Items for groups of ranks: counters in windows, moved by atomic operations. */
#include <stdlib.h>

#include "exset/sweep.h"

struct exset_queue_s {
  exset_ctx_t *ctx;
  int n_groups;
  int64_t n;
  int64_t *counter; /* this rank's, in the window: items of its group that were taken */
  MPI_Win window;
  int group;  /* this rank's */
  int victim; /* group from which items are taken now */
};

static int open_window(exset_queue_t *queue) {
  exset_ctx_t *ctx = queue->ctx;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Win_allocate(sizeof(int64_t), sizeof(int64_t), MPI_INFO_NULL,
                                            ctx->comm, &queue->counter, &queue->window)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Win_set_errhandler(queue->window, MPI_ERRORS_RETURN)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Win_lock_all(MPI_MODE_NOCHECK, queue->window)));
  *queue->counter = 0;
  EXSET_TRY(EXSET_MPI(ctx, MPI_Win_sync(queue->window)));
  return EXSET_MPI(ctx, MPI_Barrier(ctx->comm));
}

int exset_queue_create(exset_ctx_t *ctx, int n_groups, int64_t n, exset_queue_t **queue_out) {
  exset_queue_t *queue;
  *queue_out = NULL;
  EXSET_TRY(exset_alloc_all(ctx, 1, sizeof *queue, &queue));
  *queue = (exset_queue_t){.ctx = ctx, .n_groups = n_groups, .n = n, .window = MPI_WIN_NULL};
  queue->group = queue->victim = exset_group_of(ctx, n_groups, ctx->rank);
  *queue_out = queue;
  return open_window(queue);
}

int exset_queue_destroy(exset_queue_t **queue) {
  exset_queue_t *q = *queue;
  int err = EXSET_OK;
  if (!q) return err;
  if (q->window != MPI_WIN_NULL) {
    err = EXSET_MPI(q->ctx, MPI_Win_unlock_all(q->window));
    const int err_end = EXSET_MPI(q->ctx, MPI_Win_free(&q->window));
    if (!err) err = err_end;
  }
  free(q);
  *queue = NULL;
  return err;
}

/* Add to the counter of a group; before: what it was. Sums alone: MPI promises nothing of different operations at once. */
static int add(exset_queue_t *queue, int group, int64_t amount, int64_t *before) {
  const int rank = exset_group_first(queue->ctx, queue->n_groups, group);
  EXSET_TRY(EXSET_MPI(
      queue->ctx, MPI_Fetch_and_op(&amount, before, MPI_INT64_T, rank, 0, MPI_SUM, queue->window)));
  return EXSET_MPI(queue->ctx, MPI_Win_flush(rank, queue->window));
}

/* -1: none left. On the first rank of the group. */
static int take(exset_queue_t *queue, int64_t *item) {
  for (int tried = 0; tried < queue->n_groups; tried++) {
    int64_t count;
    EXSET_TRY(add(queue, queue->victim, 1, &count));
    *item = queue->victim + count * queue->n_groups;
    if (*item < queue->n) return EXSET_OK;
    queue->victim = (queue->victim + 1) % queue->n_groups; /* for good: counters never fall */
  }
  *item = -1;
  return EXSET_OK;
}

int exset_queue_next(exset_queue_t *queue, exset_ctx_t *group, int64_t *item) {
  *item = -1;
  if (group->rank == 0) EXSET_TRY(take(queue, item));
  return EXSET_MPI(group, MPI_Bcast(item, 1, MPI_INT64_T, 0, group->comm));
}

int exset_queue_stop(exset_queue_t *queue) {
  for (int group = 0; group < queue->n_groups; group++) {
    int64_t before;
    EXSET_TRY(add(queue, group, queue->n, &before));
  }
  return EXSET_OK;
}
