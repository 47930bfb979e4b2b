/* All-to-all exchanges of groups, one on its way at a time. */
#include "transform_impl.h"

exchange_t transform_exchange_none(exset_ctx_t *ctx, MPI_Comm comm) {
  return (exchange_t){.ctx = ctx, .comm = comm, .request = MPI_REQUEST_NULL};
}

static void note(exchange_t *e, int mpi_code) {
  const int err = EXSET_MPI(e->ctx, mpi_code);
  if (!e->err) e->err = err;
}

int transform_exchange_end(exchange_t *e) {
  const double start = MPI_Wtime();
  note(e, MPI_Wait(&e->request, MPI_STATUS_IGNORE));
  e->seconds += MPI_Wtime() - start;
  return e->err;
}

void transform_exchange(exchange_t *e, int64_t block, const complex_t *send, complex_t *receive) {
  if (transform_exchange_end(e)) return;
  const double start = MPI_Wtime();
  note(e, MPI_Ialltoall(send, (int)block, MPI_C_FLOAT_COMPLEX, receive, (int)block,
                        MPI_C_FLOAT_COMPLEX, e->comm, &e->request));
  e->seconds += MPI_Wtime() - start;
}

void transform_exchange_progress(exchange_t *e) {
  int done;
  if (e->request != MPI_REQUEST_NULL) note(e, MPI_Test(&e->request, &done, MPI_STATUS_IGNORE));
}
