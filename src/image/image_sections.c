/* Sections: read by rank 0, held by all ranks. */
#include "exset/image.h"

#include <stdlib.h>
#include <string.h>

/* One file, its pages as they are stored. */
typedef struct {
  int64_t pages, rows, cols;
  exset_labels_t labels;
  uint8_t *phase; /* [pages][rows][cols] */
} load_t;

static int map_pages(exset_ctx_t *ctx, const char *path, load_t *load, const uint16_t *value) {
  const int64_t n = load->pages * load->rows * load->cols;
  uint8_t seen[65536] = {0};
  for (int64_t i = 0; i < n; i++) seen[value[i]] = 1;
  if (load->labels.n_labels == 0) EXSET_TRY(exset_labels_complete(ctx, &load->labels, seen, path));
  if (load->labels.n_labels < 2)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s: gray value %d is the only phase; a section needs at least 2 phases",
                      path, load->labels.label[0]);
  if (exset_alloc(ctx, n, 1, &load->phase)) return EXSET_ERR_RUN;
  return exset_labels_map(ctx, &load->labels, n, value, load->phase, NULL, path);
}

/* Local: rank 0. */
static int load_file(exset_ctx_t *ctx, const char *path, load_t *load) {
  exset_image_info_t info;
  EXSET_TRY(exset_labels_check(ctx, &load->labels));
  EXSET_TRY(exset_image_info(ctx, path, &info));
  if (info.rows < 2 || info.cols < 2)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%s has %lld x %lld pixels; a section has at least 2 x 2", path,
                      (long long)info.rows, (long long)info.cols);
  load->pages = info.pages;
  load->rows = info.rows;
  load->cols = info.cols;
  uint16_t *value = NULL;
  if (exset_alloc(ctx, exset_mul3(info.pages, info.rows, info.cols), sizeof *value, &value))
    return EXSET_ERR_RUN;
  int err = exset_image_read_pages(ctx, path, 0, info.pages, value);
  if (!err) err = map_pages(ctx, path, load, value);
  free(value);
  return err;
}

static int send_bytes(exset_ctx_t *ctx, uint8_t *data, int64_t bytes) {
  const int64_t chunk = INT64_C(1) << 30; /* counts stay within int */
  for (int64_t i = 0; i < bytes; i += chunk) {
    const int n = (int)(bytes - i < chunk ? bytes - i : chunk);
    EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(data + i, n, MPI_BYTE, 0, ctx->comm)));
  }
  return EXSET_OK;
}

/* Rank 0's file to all ranks. */
static int share(exset_ctx_t *ctx, load_t *load) {
  int64_t size[3] = {load->pages, load->rows, load->cols};
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(size, 3, MPI_INT64_T, 0, ctx->comm)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&load->labels, sizeof load->labels, MPI_BYTE, 0, ctx->comm)));
  load->pages = size[0];
  load->rows = size[1];
  load->cols = size[2];
  const int64_t bytes = size[0] * size[1] * size[2];
  EXSET_TRY(exset_agree(ctx, ctx->rank ? exset_alloc(ctx, bytes, 1, &load->phase) : EXSET_OK));
  return send_bytes(ctx, load->phase, bytes);
}

/* A page in the orientation wanted: rows along z. */
static int make_section(exset_ctx_t *ctx, const load_t *load, const uint8_t *page, bool transpose,
                        exset_section_t *section) {
  section->rows = transpose ? load->cols : load->rows;
  section->cols = transpose ? load->rows : load->cols;
  EXSET_TRY(exset_alloc(ctx, section->rows * section->cols, 1, &section->phase));
  if (!transpose) {
    memcpy(section->phase, page, (size_t)(load->rows * load->cols));
    return EXSET_OK;
  }
  for (int64_t r = 0; r < load->rows; r++)
    for (int64_t c = 0; c < load->cols; c++)
      section->phase[c * section->cols + r] = page[r * load->cols + c];
  return EXSET_OK;
}

static int append(exset_ctx_t *ctx, const load_t *load, exset_orient_t orient, bool transpose,
                  exset_sections_t *sections) {
  const int64_t n = sections->n + load->pages;
  exset_section_t *grown =
      n > INT32_MAX ? NULL : realloc(sections->section, (size_t)n * sizeof *grown);
  if (!grown)
    return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory for %lld sections", (long long)n);
  sections->section = grown;
  sections->n_phases = load->labels.n_labels;
  for (int64_t p = 0; p < load->pages; p++) {
    exset_section_t *section = &sections->section[sections->n];
    *section = (exset_section_t){.orient = orient};
    EXSET_TRY(
        make_section(ctx, load, load->phase + p * load->rows * load->cols, transpose, section));
    sections->n++;
  }
  return EXSET_OK;
}

int exset_sections_read(exset_ctx_t *ctx, const char *path, exset_orient_t orient, bool transpose,
                        exset_labels_t *labels, exset_sections_t *sections) {
  load_t load = {.labels = *labels};
  int err = EXSET_OK;
  if (orient == EXSET_ORIENT_XY && transpose)
    err = exset_fail(ctx, EXSET_ERR_INPUT, "%s: sections in x-y do not contain the z axis", path);
  else if (ctx->rank == 0) err = load_file(ctx, path, &load);
  err = exset_agree(ctx, err);
  if (!err) err = share(ctx, &load);
  if (!err) err = exset_agree(ctx, append(ctx, &load, orient, transpose, sections));
  if (!err) *labels = load.labels;
  free(load.phase);
  return err;
}

int exset_sections_check(exset_ctx_t *ctx, const exset_labels_t *labels,
                         const exset_sections_t *sections) {
  for (int i = 0; i < labels->n_labels; i++) {
    bool found = false;
    for (int s = 0; !found && s < sections->n; s++) {
      const exset_section_t *section = &sections->section[s];
      found = memchr(section->phase, i + 1, (size_t)(section->rows * section->cols)) != NULL;
    }
    if (!found)
      return exset_fail(ctx, EXSET_ERR_INPUT, "label %d does not occur in any of the %d sections",
                        labels->label[i], sections->n);
  }
  return EXSET_OK;
}

void exset_sections_clear(exset_sections_t *sections) {
  for (int i = 0; i < sections->n; i++) free(sections->section[i].phase);
  free(sections->section);
  memset(sections, 0, sizeof *sections);
}
