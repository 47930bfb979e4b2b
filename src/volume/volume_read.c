/* Reading: kind of file, its head on all ranks, this rank's values, labels. */
#include "exset/memory.h"
#include "volume_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- head ----------------------------------------------------------------------------------- */

/* Rank 0. Raw sizes say that the file is raw, whatever its first bytes are. */
static int read_head(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                     exset_file_kind_t *kind, exset_volume_head_t *head) {
  int64_t bytes;
  MPI_Info info;
  EXSET_TRY(exset_labels_check(ctx, &options->labels));
  EXSET_TRY(exset_volume_hints(ctx, options->hints, &info)); /* mistakes show before any work */
  exset_volume_hints_free(&info);
  EXSET_TRY(exset_file_kind(ctx, path, kind, &bytes));
  const int64_t *size = options->raw_size;
  if (size[0] || size[1] || size[2]) {
    *kind = EXSET_FILE_OTHER;
    return exset_volume_raw_head(ctx, path, size, bytes, head);
  }
  if (*kind == EXSET_FILE_HDF5) return exset_volume_hdf5_head(ctx, path, options->dataset, head);
  if (*kind == EXSET_FILE_TIFF) return exset_volume_tiff_head(ctx, path, head);
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "cannot read %s as a volume: it is %s; allowed: VTKHDF, HDF5, TIFF stack, or "
                    "raw with its size given (raw_size)",
                    path, *kind == EXSET_FILE_PNG ? "a PNG image" : "neither HDF5 nor TIFF");
}

static int share_head(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                      exset_file_kind_t *kind, exset_volume_head_t *head) {
  struct {
    exset_file_kind_t kind;
    exset_volume_head_t head;
  } both;
  memset(&both, 0, sizeof both);
  EXSET_TRY(exset_agree(
      ctx, ctx->rank == 0 ? read_head(ctx, path, options, &both.kind, &both.head) : EXSET_OK));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&both, sizeof both, MPI_BYTE, 0, ctx->comm)));
  *kind = both.kind;
  *head = both.head;
  return EXSET_OK;
}

static bool has_box(const exset_volume_options_t *options) {
  for (int a = 0; a < 3; a++)
    if (options->box[a][0] != 0 || options->box[a][1] != 0) return true;
  return false;
}

/* Phases before the cells have been looked at; 0: as many as there are gray values. */
static int count_phases(const exset_volume_head_t *head, const exset_labels_t *labels) {
  if (labels->n_labels > 0) return labels->n_labels;
  return labels->n_masked > 0 ? 0 : head->n_phases;
}

static int check_box(exset_ctx_t *ctx, const exset_volume_source_t *source,
                     const exset_volume_options_t *options) {
  static const char axis_name[3] = {'z', 'y', 'x'};
  bool part = false;
  for (int a = 0; a < 3; a++) {
    const int64_t *b = options->box[a], n = source->head->n[a];
    part |= b[0] > 0 || b[1] < n;
    if (b[0] >= 0 && b[0] < b[1] && b[1] <= n) continue;
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the box's range %lld:%lld along %c is %s; %s has the voxels 0:%lld there",
                      (long long)b[0], (long long)b[1], axis_name[a],
                      b[0] >= b[1] ? "empty" : "outside the volume", source->path, (long long)n);
  }
  if (!part || count_phases(source->head, &options->labels) > 0) return EXSET_OK;
  return exset_fail(
      ctx, EXSET_ERR_INPUT,
      "%s holds gray values: a part of it needs image_labels, those of phases 1, 2, ...",
      source->path);
}

/* Cells, origin and voxel edges: as given, as the file says, or 1. */
static int make_grid(exset_ctx_t *ctx, const exset_volume_options_t *options,
                     exset_volume_source_t *source, exset_volume_t *volume) {
  const exset_volume_head_t *head = source->head;
  double voxel[3];
  int64_t n[3];
  const bool box = has_box(options);
  if (box) EXSET_TRY(check_box(ctx, source, options));
  for (int a = 0; a < 3; a++) {
    source->first[a] = box ? options->box[a][0] : 0;
    n[a] = box ? options->box[a][1] - options->box[a][0] : head->n[a];
    voxel[a] = options->voxel[a] > 0 ? options->voxel[a] : head->voxel[a] != 0 ? head->voxel[a] : 1;
    volume->origin[a] = head->origin[a] + (double)source->first[a] * voxel[a];
  }
  return exset_grid_init(ctx, n, voxel, &volume->grid);
}

/* ---- values --------------------------------------------------------------------------------- */

static bool is_part(const exset_volume_source_t *source) {
  return exset_grid_cells(source->grid) <
         exset_mul3(source->head->n[0], source->head->n[1], source->head->n[2]);
}

static int read_gray(exset_ctx_t *ctx, exset_file_kind_t kind, const exset_volume_source_t *source,
                     uint16_t *value) {
  if (kind == EXSET_FILE_HDF5) return exset_volume_hdf5_gray(ctx, source, value);
  if (kind == EXSET_FILE_TIFF) return exset_agree(ctx, exset_volume_tiff_gray(ctx, source, value));
  return exset_volume_raw_gray(ctx, source, value);
}

/* Labels from what all ranks have seen, then phases. A part of a file need not hold all labels. */
static int map_gray(exset_ctx_t *ctx, const exset_volume_source_t *source,
                    const exset_labels_t *given, const uint16_t *value, exset_volume_t *volume) {
  enum { GRAYS = 65536 };
  const int64_t n = exset_grid_cells_local(&volume->grid);
  uint8_t seen[GRAYS] = {0};
  exset_labels_t labels = *given;
  if (given->n_labels == 0 || !is_part(source)) {
    for (int64_t i = 0; i < n; i++) seen[value[i]] = 1;
    EXSET_TRY(
        EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, seen, GRAYS, MPI_UINT8_T, MPI_MAX, ctx->comm)));
    EXSET_TRY(exset_agree(ctx, exset_labels_complete(ctx, &labels, seen, source->path)));
  }
  volume->n_phases = labels.n_labels;
  return exset_agree(ctx,
                     exset_labels_map(ctx, &labels, n, value, volume->phase, NULL, source->path));
}

static int read_labelled(exset_ctx_t *ctx, exset_file_kind_t kind,
                         const exset_volume_source_t *source, const exset_labels_t *labels,
                         exset_volume_t *volume) {
  uint16_t *value = NULL;
  int err =
      exset_alloc_unset_all(ctx, exset_grid_cells_local(&volume->grid), sizeof *value, &value);
  if (!err) err = read_gray(ctx, kind, source, value);
  if (!err) err = map_gray(ctx, source, labels, value, volume);
  free(value);
  return err;
}

/* A file of phases: they are taken as they are. */
static int read_phases(exset_ctx_t *ctx, const exset_volume_source_t *source,
                       exset_volume_t *volume) {
  int most = 0;
  EXSET_TRY(exset_volume_hdf5_phases(ctx, source, volume->phase, &most));
  volume->n_phases = source->head->n_phases;
  if (most == 0 && !is_part(source))
    return exset_fail(ctx, EXSET_ERR_INPUT, "%s holds masked cells only", source->path);
  if (most <= volume->n_phases) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "%s is damaged: it has a cell of phase %d, but says it has %d phases",
                    source->path, most, volume->n_phases);
}

/* What does not fit is refused before it is allocated: many systems promise memory that they do not have. */
static int check_memory(exset_ctx_t *ctx, const exset_volume_source_t *source, size_t cell_bytes) {
  const double small = 1 << 28; /* bytes of all ranks that are not worth the questions */
  const exset_grid_t *g = source->grid;
  exset_memory_fit_t fit;
  if ((double)exset_grid_cells(g) * (double)cell_bytes < small) return EXSET_OK;
  EXSET_TRY(exset_memory_fit(ctx, (double)exset_grid_cells_local(g) * (double)cell_bytes, &fit));
  if (fit.needed <= fit.available) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "reading %" PRId64 " x %" PRId64 " x %" PRId64
                    " voxels of %s needs %.3g GB in %d process%s, and %.3g GB %s; use more nodes",
                    g->n[0], g->n[1], g->n[2], source->path, fit.needed / 1e9, fit.processes,
                    fit.processes == 1 ? "" : "es", fit.available / 1e9, fit.limit);
}

int exset_volume_read(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                      exset_volume_t *volume) {
  const exset_volume_options_t defaults = {0};
  if (!options) options = &defaults;
  memset(volume, 0, sizeof *volume);
  exset_file_kind_t kind;
  exset_volume_head_t head;
  EXSET_TRY(share_head(ctx, path, options, &kind, &head));
  exset_volume_t v = {0};
  exset_volume_source_t source = {path, &head, &v.grid, {0}, options->hints};
  EXSET_TRY(make_grid(ctx, options, &source, &v));
  const bool relabel = options->labels.n_labels > 0 || options->labels.n_masked > 0;
  const bool phases = head.n_phases > 0 && !relabel;
  EXSET_TRY(check_memory(ctx, &source, phases ? 1 : 1 + sizeof(uint16_t)));
  int err = exset_alloc_unset_all(ctx, exset_grid_cells_local(&v.grid), 1, &v.phase);
  if (!err)
    err = phases ? read_phases(ctx, &source, &v)
                 : read_labelled(ctx, kind, &source, &options->labels, &v);
  if (err) exset_volume_clear(&v);
  else *volume = v;
  return err;
}

int exset_volume_look(exset_ctx_t *ctx, const char *path, const exset_volume_options_t *options,
                      exset_volume_t *volume) {
  const exset_volume_options_t defaults = {0};
  if (!options) options = &defaults;
  exset_file_kind_t kind;
  exset_volume_head_t head;
  memset(volume, 0, sizeof *volume);
  EXSET_TRY(share_head(ctx, path, options, &kind, &head));
  exset_volume_source_t source = {path, &head, &volume->grid, {0}, options->hints};
  EXSET_TRY(make_grid(ctx, options, &source, volume));
  volume->n_phases = count_phases(&head, &options->labels);
  return EXSET_OK;
}

int exset_volume_attribute(exset_ctx_t *ctx, const char *path, const char *name, char **text) {
  exset_file_kind_t kind;
  *text = NULL;
  EXSET_TRY(exset_file_kind(ctx, path, &kind, NULL));
  return kind == EXSET_FILE_HDF5 ? exset_volume_hdf5_attribute(ctx, path, name, text) : EXSET_OK;
}
