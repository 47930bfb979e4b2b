/* Building a group's run: classes of sections, their model planes, shares of the batch, discriminators. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate_train_impl.h"
#include "exset/fft_serial.h"

/* ---- classes ---- */

int view_kinds(const exset_sections_t *sections, const exset_calibrate_options_t *options,
               view_kind_t kind[MAX_VIEWS]) {
  const double *voxel = options->voxel;
  const bool square = fabs(voxel[EXSET_AXIS_Z] - voxel[EXSET_AXIS_X]) <= 1e-9 * voxel[EXSET_AXIS_X];
  unsigned met = 0;
  for (int s = 0; s < sections->n; s++)
    met |= 1u << (sections->section[s].orient == EXSET_ORIENT_XY ? PLANES_XY : PLANES_Z);
  if (!options->cylindrical && (square || met == 1u << PLANES_XY)) {
    kind[0] = (view_kind_t){"all", met, EXSET_AXIS_Z, SYMMETRIES_ALL};
    return 1;
  }
  int n = 0;
  if (met >> PLANES_XY & 1)
    kind[n++] = (view_kind_t){"xy", 1u << PLANES_XY, EXSET_AXIS_Z, SYMMETRIES_ALL};
  if (met >> PLANES_Z & 1)
    kind[n++] = (view_kind_t){"z", 1u << PLANES_Z, EXSET_AXIS_Y, SYMMETRIES_FLIPS};
  return n;
}

/* Even and fast to transform. */
static int64_t even_good_size(int64_t n) {
  int64_t size = exset_fft_good_size(n);
  while (size % 2) size = exset_fft_good_size(size + 1);
  return size;
}

/* The box asked for, as long along z as along x; else the grid of the closed forms, which is wide enough for the
 * correlations, and room for four patches. */
void group_run_box(const group_run_t *run, int64_t box[3]) {
  const exset_train_options_t *train = run->train;
  const double *voxel = run->options->voxel;
  for (int d = 0; d < 3; d++) {
    const int64_t same_length =
        (int64_t)ceil((double)train->box * voxel[EXSET_AXIS_X] / voxel[d] - 1e-9);
    const int64_t wide = run->fit.grid[d] > 2 * train->patch ? run->fit.grid[d] : 2 * train->patch;
    const int64_t least = same_length > train->patch ? same_length : train->patch;
    box[d] = even_good_size(train->box > 0 ? least : wide);
  }
}

/* Where a rank's block of a step's sections begins. The first rank, which writes the checkpoints, always has one. */
static int block_begin(int sections, const exset_ctx_t *ctx, int rank) {
  return (int)(((int64_t)sections * rank + ctx->size - 1) / ctx->size);
}

/* This rank's block of a step's sections, and the patches that are cut from them. */
static void share_out(const group_run_t *run, view_t *view) {
  const exset_ctx_t *ctx = run->ctx;
  const int n_crops = view->tiling.n_crops, batch = run->train->batch;
  const int sections = step_count(run, &view->tiling);
  const int begin = block_begin(sections, ctx, ctx->rank);
  view->first_section = begin;
  view->n_sections = block_begin(sections, ctx, ctx->rank + 1) - begin;
  const int first = begin * n_crops, end = first + view->n_sections * n_crops;
  view->first_patch = first;
  view->n_patches = (end < batch ? end : batch) - first;
  if (view->n_patches < 0) view->n_patches = 0;
  const int most = (sections + ctx->size - 1) / ctx->size * n_crops;
  view->capacity = most < batch ? most : batch;
}

static int view_buffers(exset_ctx_t *ctx, bool networks, view_t *view) {
  const tiling_t *tiling = &view->tiling;
  const int64_t plane = tiling->n_phases * tiling->rows * tiling->cols;
  const int64_t image = (int64_t)tiling->n_phases * tiling->patch * tiling->patch;
  const int64_t images = networks ? view->capacity * image : 0;
  const int64_t kept = view->keeps && view->n_sections > 1 ? view->n_sections : 1;
  EXSET_TRY(exset_alloc(ctx, kept * plane, sizeof(double), &view->phase));
  EXSET_TRY(exset_alloc(ctx, plane, sizeof(double), &view->d_phase));
  EXSET_TRY(exset_alloc(ctx, images, sizeof(float), &view->real));
  EXSET_TRY(exset_alloc(ctx, images, sizeof(float), &view->fake));
  EXSET_TRY(exset_alloc(ctx, images, sizeof(float), &view->d_image));
  EXSET_TRY(exset_alloc(ctx, view->capacity, sizeof(float), &view->score));
  return exset_alloc(ctx, view->capacity, sizeof(float), &view->d_score);
}

static int view_create(group_run_t *run, int number, const view_kind_t *kind, view_t *view) {
  const exset_train_options_t *train = run->train;
  const int normal = kind->normal, patch = train->patch;
  int64_t box[3];
  *view = (view_t){.number = number, .kind = *kind, .reduction = MPI_REQUEST_NULL};
  EXSET_TRY(
      crops_create(run->ctx, run->sections, kind->kinds, patch, kind->n_symmetries, &view->crops));
  group_run_box(run, box);
  const int64_t rows = normal == EXSET_AXIS_Z ? box[EXSET_AXIS_Y] : box[EXSET_AXIS_Z];
  view->tiling =
      tiling_create(rows, box[EXSET_AXIS_X], patch, run->fit.n_phases, kind->n_symmetries);
  share_out(run, view);
  view->keeps = needs_sampled(train, &run->fit.model) && has_coverage(train);
  const int slots = view->n_sections > 0 ? view->n_sections : 1;
  EXSET_TRY(exset_plane_create(run->ctx, &run->fit.model, box, run->options->voxel, normal, slots,
                               &view->plane));
  return view_buffers(run->ctx, has_networks(train), view);
}

static void view_clear(view_t *view) {
  crops_clear(&view->crops);
  exset_plane_destroy(&view->plane);
  exset_nn_destroy(&view->network);
  double *planes[] = {view->phase, view->d_phase};
  float *images[] = {view->real, view->fake, view->d_image, view->score, view->d_score};
  for (int i = 0; i < 2; i++) free(planes[i]);
  for (int i = 0; i < 5; i++) free(images[i]);
}

/* ---- discriminators ---- */

/* Convolutions that halve the image and double the maps, each with its LeakyReLU; the mean of each map, since what is judged is
 * stationary; one score. Returns the number of layers. */
int network_layers(const exset_train_options_t *train, exset_nn_layer_t *layer) {
  int n = 0;
  for (int i = 0; i < train->layers; i++) {
    layer[n++] = (exset_nn_layer_t){.kind = EXSET_NN_CONV,
                                    .channels = train->width << i,
                                    .kernel = 4,
                                    .stride = 2,
                                    .pad = 1,
                                    .spectral = train->spectral};
    layer[n++] = (exset_nn_layer_t){.kind = EXSET_NN_LEAKY_RELU, .slope = 0.2};
  }
  layer[n++] = (exset_nn_layer_t){.kind = EXSET_NN_MEAN};
  layer[n++] =
      (exset_nn_layer_t){.kind = EXSET_NN_DENSE, .channels = 1, .spectral = train->spectral};
  return n;
}

int group_run_networks(group_run_t *run, uint64_t seed) {
  exset_nn_layer_t layer[EXSET_NN_MAX_LAYERS];
  if (!has_networks(run->train)) return EXSET_OK;
  const int n = network_layers(run->train, layer), patch = run->train->patch;
  const int input[3] = {run->fit.n_phases, patch, patch};
  for (int c = 0; c < run->n_views; c++) {
    view_t *view = &run->view[c];
    exset_nn_destroy(&view->network);
    EXSET_TRY(exset_nn_create(run->ctx, input, view->capacity, n, layer, seed, (uint32_t)c,
                              &view->network));
    if (exset_nn_size(view->network) > INT_MAX) /* MPI counts with int */
      return exset_fail(run->ctx, EXSET_ERR_INPUT,
                        "train_width is %d and train_layers %d: that makes %lld weights, allowed "
                        "are at most %d",
                        run->train->width, run->train->layers,
                        (long long)exset_nn_size(view->network), INT_MAX);
  }
  return EXSET_OK;
}

/* ---- the run ---- */

static int run_create(group_run_t *run, const exset_model_t *model) {
  exset_ctx_t *ctx = run->ctx;
  view_kind_t kind[MAX_VIEWS];
  EXSET_TRY(fit_create(ctx, run->data, model, run->options, true, &run->fit));
  if (run->fit.n_free == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "calibrate_fix holds every parameter: leave at least one to be trained");
  EXSET_TRY(exset_alloc(ctx, run->fit.n_free, sizeof *run->start, &run->start));
  EXSET_TRY(exset_alloc(ctx, 2 * run->fit.n_free + N_SUMS, sizeof *run->packed, &run->packed));
  fit_get_theta(&run->fit, run->start);
  const int n_views = view_kinds(run->sections, run->options, kind);
  for (int c = 0; c < n_views; c++) {
    run->n_views = c + 1;
    EXSET_TRY(view_create(run, c, &kind[c], &run->view[c]));
  }
  return needs_sampled(run->train, model) ? sampled_prepare(run) : EXSET_OK;
}

int group_run_create(exset_ctx_t *ctx, const exset_sections_t *sections, const data_t *data,
                     const exset_calibrate_options_t *options, const exset_train_options_t *train,
                     const exset_model_t *model, group_run_t *run) {
  *run = (group_run_t){
      .ctx = ctx, .sections = sections, .data = data, .options = options, .train = train};
  return exset_agree(ctx, run_create(run, model));
}

void group_run_clear(group_run_t *run) {
  for (int c = 0; c < run->n_views; c++) view_clear(&run->view[c]);
  sampled_destroy(&run->sampled);
  fit_clear(&run->fit);
  free(run->start);
  free(run->packed);
  *run = (group_run_t){0};
}
