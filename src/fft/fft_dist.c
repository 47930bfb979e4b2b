/* Distributed 3D transforms: plans and buffers of FFTW-MPI. */
#include "exset/fft.h"

#include <fftw3-mpi.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct exset_fft_s {
  exset_fft_layout_t layout;
  float *data;
  fftwf_plan forward, backward;
};

/* FFTW-MPI passes the size of a block between two ranks to MPI as an int. */
static bool blocks_fit(const exset_ctx_t *ctx, const int64_t n[3]) {
  if (ctx->size == 1) return true;
  const int64_t floats = exset_mul3((n[0] + ctx->size - 1) / ctx->size,
                                    (n[1] + ctx->size - 1) / ctx->size, 2 * (n[2] / 2 + 1));
  return floats >= 0 && floats <= INT_MAX;
}

int exset_fft_layout(exset_ctx_t *ctx, const int64_t n[3], exset_fft_layout_t *layout) {
  const int64_t modes_x = n[2] / 2 + 1;
  if (n[0] > INT_MAX || n[1] > INT_MAX || n[2] > INT_MAX - 2 ||
      exset_mul3(n[0] * n[1], modes_x, 2 * (int64_t)sizeof(float)) < 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "grid size %lld,%lld,%lld is too large: at most 2^31 cells along an axis and "
                      "2^60 in all",
                      (long long)n[0], (long long)n[1], (long long)n[2]);
  if (!blocks_fit(ctx, n))
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "grid size %lld,%lld,%lld is too large for %d ranks: ranks would exchange blocks of "
        "more than 2^31 numbers; use more ranks (or one)",
        (long long)n[0], (long long)n[1], (long long)n[2], ctx->size);
  fftwf_mpi_init(); /* does nothing when called again */
  ptrdiff_t nz, z0, ny, y0;
  const ptrdiff_t count =
      fftwf_mpi_local_size_3d_transposed(n[0], n[1], modes_x, ctx->comm, &nz, &z0, &ny, &y0);
  memcpy(layout->n, n, sizeof layout->n);
  layout->nz_local = nz;
  layout->z0 = nz > 0 ? z0 : n[0];
  layout->ny_local = ny;
  layout->y0 = ny > 0 ? y0 : n[1];
  layout->modes_x = modes_x;
  layout->row = 2 * modes_x;
  layout->buffer_bytes = (int64_t)count * (int64_t)sizeof(fftwf_complex);
  return EXSET_OK;
}

/* Not zeroed: the pages are first touched by whoever fills them. Large pages spare the strided passes
 * of a transform most of their address translation. */
static int buffer_create(exset_ctx_t *ctx, int64_t bytes, float **data) {
  const size_t page = (size_t)1 << 21, size = (((size_t)bytes + page) / page) * page;
  *data = aligned_alloc(page, size);
  if (!*data)
    return exset_fail(
        ctx, EXSET_ERR_RUN,
        "out of memory on rank %d: asked for %.3g GB; use more nodes or a smaller size", ctx->rank,
        (double)bytes / 1e9);
#ifdef MADV_HUGEPAGE
  (void)madvise(*data, size, MADV_HUGEPAGE); /* a hint: refusal does no harm */
#endif
  return EXSET_OK;
}

int exset_fft_create(exset_ctx_t *ctx, const int64_t n[3], int flags, exset_fft_t **fft_out) {
  *fft_out = NULL;
  exset_fft_layout_t layout;
  EXSET_TRY(exset_fft_layout(ctx, n, &layout));
  exset_fft_t *fft = calloc(1, sizeof *fft);
  int err = fft ? buffer_create(ctx, layout.buffer_bytes, &fft->data)
                : exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
  EXSET_TRY_GOTO(err, fail, exset_agree(ctx, err));
  fft->layout = layout;
  const unsigned effort = flags & EXSET_FFT_MEASURE ? FFTW_MEASURE : FFTW_ESTIMATE;
  const bool transposed = flags & EXSET_FFT_TRANSPOSED;
  fftwf_complex *spectrum = (fftwf_complex *)fft->data;
  if (flags & EXSET_FFT_FORWARD) {
    fft->forward = fftwf_mpi_plan_dft_r2c_3d(n[0], n[1], n[2], fft->data, spectrum, ctx->comm,
                                             effort | (transposed ? FFTW_MPI_TRANSPOSED_OUT : 0));
    if (!fft->forward) err = EXSET_ERR_RUN;
  }
  if (flags & EXSET_FFT_BACKWARD) {
    fft->backward = fftwf_mpi_plan_dft_c2r_3d(n[0], n[1], n[2], spectrum, fft->data, ctx->comm,
                                              effort | (transposed ? FFTW_MPI_TRANSPOSED_IN : 0));
    if (!fft->backward) err = EXSET_ERR_RUN;
  }
  if (err)
    exset_fail(ctx, err, "no plan for a transform of size %lld,%lld,%lld", (long long)n[0],
               (long long)n[1], (long long)n[2]);
  EXSET_TRY_GOTO(err, fail, exset_agree(ctx, err));
  *fft_out = fft;
  return EXSET_OK;
fail:
  exset_fft_destroy(&fft);
  return err;
}

void exset_fft_destroy(exset_fft_t **fft) {
  if (!*fft) return;
  if ((*fft)->forward) fftwf_destroy_plan((*fft)->forward);
  if ((*fft)->backward) fftwf_destroy_plan((*fft)->backward);
  free((*fft)->data);
  free(*fft);
  *fft = NULL;
}

const exset_fft_layout_t *exset_fft_shape(const exset_fft_t *fft) {
  return &fft->layout;
}

float *exset_fft_data(exset_fft_t *fft) {
  return fft->data;
}

void exset_fft_forward(exset_fft_t *fft) {
  fftwf_execute(fft->forward);
}

void exset_fft_backward(exset_fft_t *fft) {
  fftwf_execute(fft->backward);
}

int exset_fft_wisdom_load(exset_ctx_t *ctx, const char *path) {
  fftwf_mpi_init();
  int err = EXSET_OK;
  if (ctx->rank == 0 && access(path, F_OK) == 0 && !fftwf_import_wisdom_from_filename(path))
    err = exset_fail(ctx, EXSET_ERR_INPUT, "%s is not a wisdom file of %s", path, fftwf_version);
  EXSET_TRY(exset_agree(ctx, err));
  fftwf_mpi_broadcast_wisdom(ctx->comm);
  return EXSET_OK;
}

int exset_fft_wisdom_save(exset_ctx_t *ctx, const char *path) {
  fftwf_mpi_init();
  fftwf_mpi_gather_wisdom(ctx->comm);
  char *text = ctx->rank == 0 ? fftwf_export_wisdom_to_string() : NULL;
  int err = EXSET_OK;
  if (ctx->rank == 0 && !text) err = exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
  err = exset_agree(ctx, err);
  if (!err) err = exset_outfile_text(ctx, path, text);
  if (text) fftwf_free(text);
  return err;
}

const char *exset_fft_version(void) {
  return fftwf_version;
}
