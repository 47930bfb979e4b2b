/* Planning experience: from rank 0 to all ranks, from and to files. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transform_impl.h"

int transform_share_wisdom(exset_ctx_t *ctx) {
  char *text = ctx->rank == 0 ? fftwf_export_wisdom_to_string() : NULL;
  int64_t size = text ? (int64_t)strlen(text) + 1 : 0;
  int err = EXSET_MPI(ctx, MPI_Bcast(&size, 1, MPI_INT64_T, 0, ctx->comm));
  int known = 1;
  char *copy = NULL;
  if (!err && size > 0 && size <= INT_MAX) {
    err = exset_alloc_all(ctx, size, 1, &copy);
    if (!err && text) memcpy(copy, text, (size_t)size);
    if (!err) err = EXSET_MPI(ctx, MPI_Bcast(copy, (int)size, MPI_CHAR, 0, ctx->comm));
    if (!err && ctx->rank > 0) known = fftwf_import_wisdom_from_string(copy);
    free(copy);
  }
  if (!err)
    err = EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, &known, 1, MPI_INT, MPI_MIN, ctx->comm));
  if (!err && !known) exset_warn(ctx, "processors differ: ranks cannot use the plans of rank 0");
  if (text) fftwf_free(text);
  return err;
}

int exset_transform_wisdom_load(exset_ctx_t *ctx, const char *path) {
  int err = EXSET_OK;
  if (ctx->rank == 0 && access(path, F_OK) == 0 && !fftwf_import_wisdom_from_filename(path))
    err = exset_fail(ctx, EXSET_ERR_INPUT, "%s is not a wisdom file of %s", path, fftwf_version);
  EXSET_TRY(exset_agree(ctx, err));
  return transform_share_wisdom(ctx);
}

int exset_transform_wisdom_save(exset_ctx_t *ctx, const char *path) {
  char *text = ctx->rank == 0 ? fftwf_export_wisdom_to_string() : NULL;
  int err = EXSET_OK;
  if (ctx->rank == 0 && !text) err = exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
  err = exset_agree(ctx, err);
  if (!err) err = exset_outfile_text(ctx, path, text);
  if (text) fftwf_free(text);
  return err;
}

const char *exset_transform_library(void) {
  return fftwf_version;
}
