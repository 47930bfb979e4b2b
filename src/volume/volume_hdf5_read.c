/* Reading VTKHDF ImageData and plain HDF5 data sets: rank 0 looks at the file, all ranks read it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "volume_hdf5.h"

/* ---- head: rank 0 --------------------------------------------------------------------------- */

/* n numbers of an attribute; false when it is absent or of another size. */
static bool get_attribute(hid_t where, const char *name, hid_t memory_type, int n, void *value) {
  if (H5Aexists(where, name) <= 0) return false;
  const hid_t attribute = H5Aopen(where, name, H5P_DEFAULT);
  const hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
  const H5T_class_t class = H5Tget_class(type);
  const bool ok = (class == H5T_INTEGER || class == H5T_FLOAT) &&
                  H5Sget_simple_extent_npoints(space) == n &&
                  H5Aread(attribute, memory_type, value) >= 0;
  exset_h5_close(type);
  exset_h5_close(space);
  exset_h5_close(attribute);
  return ok;
}

/* Spacing and origin of VTKHDF, x, y, z there; the extent's first point counts for the origin. */
static void read_geometry(hid_t group, exset_volume_head_t *head) {
  double spacing[3] = {0}, origin[3] = {0};
  int64_t extent[6] = {0};
  get_attribute(group, "Spacing", H5T_NATIVE_DOUBLE, 3, spacing);
  get_attribute(group, "Origin", H5T_NATIVE_DOUBLE, 3, origin);
  get_attribute(group, "WholeExtent", H5T_NATIVE_INT64, 6, extent);
  for (int a = 0; a < 3; a++) {
    const int x = 2 - a;
    head->voxel[a] = spacing[x];
    head->origin[a] = origin[x] + (double)extent[2 * x] * spacing[x];
  }
}

typedef struct {
  char text[200];
} names_t;

static herr_t add_name(hid_t file, const char *name, const H5O_info_t *info, void *user) {
  (void)file;
  names_t *names = user;
  const size_t used = strlen(names->text);
  if (info->type == H5O_TYPE_DATASET && used + strlen(name) + 3 < sizeof names->text)
    snprintf(names->text + used, sizeof names->text - used, "%s%s", used ? ", " : "", name);
  return 0;
}

static int no_dataset(const exset_h5_job_t *job, hid_t file, const char *dataset) {
  names_t names = {""};
  H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, add_name, &names, H5O_INFO_BASIC);
  return exset_fail(job->ctx, EXSET_ERR_INPUT,
                    "%s has no data set %s; name one with volume_dataset (found: %s)", job->path,
                    dataset, names.text[0] ? names.text : "none");
}

/* Does a path exist? H5Lexists wants every step to exist. */
static bool exists(hid_t file, const char *path) {
  char step[512];
  snprintf(step, sizeof step, "%s", path);
  for (char *slash = strchr(step + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (H5Lexists(file, step, H5P_DEFAULT) <= 0) return false;
    *slash = '/';
  }
  return H5Lexists(file, step, H5P_DEFAULT) > 0 && H5Oexists_by_name(file, step, H5P_DEFAULT) > 0;
}

static void read_chunk(hid_t dataset, exset_volume_head_t *head) {
  hsize_t chunk[3] = {0};
  const hid_t create = H5Dget_create_plist(dataset);
  if (H5Pget_layout(create) != H5D_CHUNKED || H5Pget_chunk(create, 3, chunk) != 3)
    memset(chunk, 0, sizeof chunk);
  exset_h5_close(create);
  for (int a = 0; a < 3; a++) head->chunk[a] = (int64_t)chunk[a];
}

static int check_dataset(const exset_h5_job_t *job, hid_t dataset, exset_volume_head_t *head) {
  const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  const int rank = H5Sget_simple_extent_ndims(space);
  const H5T_class_t class = H5Tget_class(type);
  const bool bytes = H5Tget_size(type) == 1;
  hsize_t n[H5S_MAX_RANK] = {0};
  if (rank > 0) H5Sget_simple_extent_dims(space, n, NULL);
  exset_h5_close(space);
  exset_h5_close(type);
  if (rank != 3)
    return exset_fail(job->ctx, EXSET_ERR_INPUT,
                      "%s: data set %s has %d dimensions; a volume has 3 (z, y, x)", job->path,
                      head->dataset, rank);
  if (class != H5T_INTEGER)
    return exset_fail(job->ctx, EXSET_ERR_INPUT,
                      "%s: data set %s does not hold integers; allowed: gray values or phases",
                      job->path, head->dataset);
  for (int a = 0; a < 3; a++) head->n[a] = (int64_t)n[a];
  read_chunk(dataset, head);
  if (head->n[0] < 1 || head->n[1] < 1 || head->n[2] < 1)
    return exset_fail(job->ctx, EXSET_ERR_INPUT, "%s: data set %s is empty", job->path,
                      head->dataset);
  int64_t n_phases = 0;
  if (!bytes || !get_attribute(dataset, "n_phases", H5T_NATIVE_INT64, 1, &n_phases))
    return EXSET_OK;
  if (n_phases < 1 || n_phases > EXSET_MAX_PHASES)
    return exset_fail(job->ctx, EXSET_ERR_INPUT,
                      "%s: data set %s says it has %lld phases; allowed: 1 to %d", job->path,
                      head->dataset, (long long)n_phases, EXSET_MAX_PHASES);
  head->n_phases = (int)n_phases;
  return EXSET_OK;
}

static int read_dataset_head(const exset_h5_job_t *job, hid_t file, exset_volume_head_t *head) {
  if (!exists(file, head->dataset)) return no_dataset(job, file, head->dataset);
  const hid_t dataset = H5Dopen2(file, head->dataset, H5P_DEFAULT);
  if (dataset < 0) return no_dataset(job, file, head->dataset);
  const int err = check_dataset(job, dataset, head);
  exset_h5_close(dataset);
  return err;
}

int exset_volume_hdf5_head(exset_ctx_t *ctx, const char *path, const char *dataset,
                           exset_volume_head_t *head) {
  const exset_h5_job_t job = {.ctx = ctx, .path = path, .reading = true};
  const char *name = dataset ? dataset : "/VTKHDF/CellData/phase";
  if (!name[0] || strlen(name) + 2 > sizeof head->dataset)
    return exset_fail(ctx, EXSET_ERR_INPUT, "volume_dataset \"%.60s\" is not a name", name);
  snprintf(head->dataset, sizeof head->dataset, "%s%s", name[0] == '/' ? "" : "/", name);
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  hid_t file;
  int err = exset_h5_open(&job, &file);
  if (!err) err = read_dataset_head(&job, file, head);
  if (!err && strncmp(head->dataset, "/VTKHDF/", 8) == 0) {
    const hid_t group = H5Gopen2(file, "/VTKHDF", H5P_DEFAULT);
    if (group >= 0) read_geometry(group, head);
    exset_h5_close(group);
  }
  exset_h5_close(file);
  exset_h5_quiet_end(&quiet);
  return err;
}

/* ---- attributes: one rank ------------------------------------------------------------------- */

/* One string of any length, as exset writes them; others are passed over. */
static int read_text(const exset_h5_job_t *job, hid_t attribute, char **text) {
  char *found = NULL;
  const hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
  int err = EXSET_OK;
  if (H5Tis_variable_str(type) > 0 && H5Sget_simple_extent_npoints(space) == 1) {
    if (H5Aread(attribute, type, &found) < 0) err = exset_h5_fail(job, EXSET_ERR_INPUT);
    if (found && !(*text = strdup(found)))
      err = exset_fail(job->ctx, EXSET_ERR_RUN, "out of memory");
    if (found) H5Dvlen_reclaim(type, space, H5P_DEFAULT, &found);
  }
  exset_h5_close(type);
  exset_h5_close(space);
  return err;
}

int exset_volume_hdf5_attribute(exset_ctx_t *ctx, const char *path, const char *name, char **text) {
  const exset_h5_job_t job = {.ctx = ctx, .path = path, .reading = true};
  exset_h5_quiet_t quiet;
  hid_t file, attribute = -1;
  exset_h5_quiet_begin(&quiet);
  int err = exset_h5_open(&job, &file);
  if (!err && exists(file, "/VTKHDF") && H5Aexists_by_name(file, "/VTKHDF", name, H5P_DEFAULT) > 0)
    attribute = H5Aopen_by_name(file, "/VTKHDF", name, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute >= 0) err = read_text(&job, attribute, text);
  exset_h5_close(attribute);
  exset_h5_close(file);
  exset_h5_quiet_end(&quiet);
  return err;
}

/* ---- values: all ranks ---------------------------------------------------------------------- */

/* Reading of one data set, piece by piece: whole rows of a contiguous one (its disk blocks would be read anyway), the
 * box's part of the chunks otherwise. Each rank goes its own way. */
typedef struct {
  exset_h5_job_t job;
  const exset_volume_source_t *source;
  hid_t file, dataset;
  hid_t type;      /* in memory */
  int64_t x0, nx;  /* columns read */
  int64_t step[2]; /* planes and rows of a piece */
  int64_t most;    /* cells of a piece */
} reader_t;

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t at_least_1(int64_t a) {
  return a > 1 ? a : 1;
}

/* Pieces that stay in the cache while they are looked at; of chunks no less than a row of them where memory allows. */
static void plan_pieces(reader_t *r) {
  const int64_t *chunk = r->source->head->chunk, *box = r->source->grid->n;
  const int64_t small = INT64_C(1) << 20, large = INT64_C(1) << 26;
  const bool chunked = chunk[0] > 0;
  r->nx = chunked ? box[2] : r->source->head->n[2];
  r->x0 = chunked ? r->source->first[2] : 0;
  if (chunked && chunk[0] <= at_least_1(large / r->nx)) {
    r->step[0] = chunk[0];
    r->step[1] = least(chunk[1], at_least_1(large / r->nx / chunk[0]));
  } else {
    r->step[1] = least(box[1], at_least_1(small / r->nx));
    r->step[0] = r->step[1] == box[1] ? at_least_1(small / r->nx / box[1]) : 1;
  }
  r->most = least(r->step[0], box[0]) * least(r->step[1], box[1]) * r->nx;
}

/* A cache that holds a row of chunks: no chunk is decompressed twice. */
static hid_t dataset_access(const exset_volume_head_t *head) {
  enum { SLOTS = 1009, CELL_BYTES = 8 };
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  if (access < 0 || head->chunk[0] == 0) return access;
  const int64_t *c = head->chunk, across = (head->n[2] + c[2] - 1) / c[2];
  const int64_t cells = exset_mul3(c[0], c[1], c[2]);
  const int64_t bytes = exset_mul3(cells, across, CELL_BYTES), limit = INT64_C(1) << 28;
  H5Pset_chunk_cache(access, SLOTS, (size_t)(bytes < 0 ? limit : least(bytes, limit)), 1);
  return access;
}

static int reader_open(exset_ctx_t *ctx, const exset_volume_source_t *source, hid_t type,
                       reader_t *r) {
  const bool chunked = source->head->chunk[0] > 0;
  *r = (reader_t){.source = source, .file = -1, .dataset = -1, .type = type};
  r->job = (exset_h5_job_t){ctx, source->path, true, true, chunked, MPI_INFO_NULL};
  plan_pieces(r);
  EXSET_TRY(exset_agree(ctx, exset_volume_hints(ctx, source->hints, &r->job.info)));
  EXSET_TRY(exset_agree(ctx, exset_h5_open(&r->job, &r->file)));
  const hid_t access = dataset_access(source->head);
  r->dataset = H5Dopen2(r->file, source->head->dataset, access);
  const int err = r->dataset >= 0 ? EXSET_OK : exset_h5_fail(&r->job, EXSET_ERR_RUN);
  exset_h5_close(access);
  return exset_agree(ctx, err);
}

static void reader_close(reader_t *r) {
  exset_h5_close(r->dataset);
  exset_h5_close(r->file);
  exset_volume_hints_free(&r->job.info);
}

/* The piece's rows, columns x0 to x0 + nx, one after the other. */
static int read_rows(const reader_t *r, const exset_piece_t *p, void *rows) {
  const exset_volume_source_t *s = r->source;
  const hsize_t start[3] = {(hsize_t)(s->first[0] + s->grid->z0 + p->z),
                            (hsize_t)(s->first[1] + p->y), (hsize_t)r->x0};
  const hsize_t count[3] = {(hsize_t)p->nz, (hsize_t)p->ny, (hsize_t)r->nx};
  /* of the same shape as in the file: HDF5 would go cell by cell otherwise */
  const hid_t memory = H5Screate_simple(3, count, NULL), space = H5Dget_space(r->dataset);
  int err = EXSET_OK;
  if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
      H5Dread(r->dataset, r->type, memory, space, H5P_DEFAULT, rows) < 0)
    err = exset_h5_fail(&r->job, EXSET_ERR_RUN);
  exset_h5_close(space);
  exset_h5_close(memory);
  return err;
}

/* Rows of a piece to their places in the slab. */
static void place_rows(const reader_t *r, const exset_piece_t *p, int64_t cell_bytes,
                       const void *rows, void *slab) {
  const exset_grid_t *g = r->source->grid;
  if (r->nx > g->n[2]) {
    exset_piece_columns(r->source, p, cell_bytes, rows, slab);
    return;
  }
  const int64_t row = g->n[2] * cell_bytes;
  for (int64_t z = 0; z < p->nz; z++)
    memcpy((char *)slab + ((p->z + z) * g->n[1] + p->y) * row, (const char *)rows + z * p->ny * row,
           (size_t)(p->ny * row));
}

/* Gray values must lie in 0..65535. */
static int narrow(const exset_h5_job_t *job, int64_t n, const int32_t *wide, uint16_t *gray) {
  for (int64_t i = 0; i < n; i++) {
    if (wide[i] < 0 || wide[i] > 65535)
      return exset_fail(job->ctx, EXSET_ERR_INPUT,
                        "%s: the value %ld is not a gray value (0 to 65535)", job->path,
                        (long)wide[i]);
    gray[i] = (uint16_t)wide[i];
  }
  return EXSET_OK;
}

/* Pieces that are whole rows of the box, next to each other in the slab, need no buffer. */
static bool in_place(const reader_t *r, const exset_piece_t *p) {
  const exset_grid_t *g = r->source->grid;
  return r->nx == g->n[2] && (p->ny == g->n[1] || p->nz == 1);
}

static int gray_pieces(const reader_t *r, int32_t *wide, uint16_t *buffer, uint16_t *value) {
  int err = EXSET_OK;
  exset_piece_t p = {0};
  while (!err && (p = exset_piece_next(r->source, r->step, &p)).nz > 0) {
    const bool direct = in_place(r, &p);
    uint16_t *gray = direct ? value + exset_piece_start(r->source->grid, &p) : buffer;
    err = read_rows(r, &p, wide);
    if (!err) err = narrow(&r->job, p.nz * p.ny * r->nx, wide, gray);
    if (!direct && !err) place_rows(r, &p, sizeof *gray, gray, value);
  }
  return err;
}

static int read_gray(const reader_t *r, uint16_t *value) {
  int32_t *wide = NULL;
  uint16_t *buffer = NULL;
  int err = exset_alloc(r->job.ctx, r->most, sizeof *wide, &wide);
  if (!err) err = exset_alloc(r->job.ctx, r->most, sizeof *buffer, &buffer);
  if (!err) err = gray_pieces(r, wide, buffer, value);
  free(buffer);
  free(wide);
  return err;
}

static uint8_t largest(int64_t n, const uint8_t *phase, uint8_t most) {
  for (int64_t i = 0; i < n; i++) most = phase[i] > most ? phase[i] : most;
  return most;
}

static int read_phases(const reader_t *r, uint8_t *phase, uint8_t *most) {
  uint8_t *buffer;
  EXSET_TRY(exset_alloc(r->job.ctx, r->most, 1, &buffer));
  int err = EXSET_OK;
  exset_piece_t p = {0};
  while (!err && (p = exset_piece_next(r->source, r->step, &p)).nz > 0) {
    const bool direct = in_place(r, &p);
    uint8_t *rows = direct ? phase + exset_piece_start(r->source->grid, &p) : buffer;
    err = read_rows(r, &p, rows);
    if (!direct && !err) place_rows(r, &p, 1, rows, phase);
    if (!err) *most = largest(p.nz * p.ny * r->nx, rows, *most);
  }
  free(buffer);
  return err;
}

int exset_volume_hdf5_gray(exset_ctx_t *ctx, const exset_volume_source_t *source, uint16_t *value) {
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  reader_t r;
  int err = reader_open(ctx, source, H5T_NATIVE_INT32, &r);
  if (!err) err = exset_agree(ctx, read_gray(&r, value));
  reader_close(&r);
  exset_h5_quiet_end(&quiet);
  return err;
}

int exset_volume_hdf5_phases(exset_ctx_t *ctx, const exset_volume_source_t *source, uint8_t *phase,
                             int *most) {
  exset_h5_quiet_t quiet;
  exset_h5_quiet_begin(&quiet);
  reader_t r;
  uint8_t found = 0;
  int err = reader_open(ctx, source, H5T_NATIVE_UINT8, &r);
  if (!err) err = exset_agree(ctx, read_phases(&r, phase, &found));
  reader_close(&r);
  exset_h5_quiet_end(&quiet);
  EXSET_TRY(err);
  *most = found;
  return EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, most, 1, MPI_INT, MPI_MAX, ctx->comm));
}
