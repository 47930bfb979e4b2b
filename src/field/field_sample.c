/*
 * Realisations: amplitudes times Hermitian noise go into a streaming transform, whose rows are taken as they come.
 * Of a sum of squares only the components so far are kept.
 */
#include "exset/sample.h"
#include "exset/simd.h"

#include <stdlib.h>
#include <string.h>

struct exset_sampler_s {
  exset_grid_t grid;
  exset_transform_t *transform;
  exset_transform_layout_t l;
  float *scratch; /* [threads][scratch_size] for amplitudes */
  int64_t scratch_size;
  float *sum; /* of squares, this rank's share, once a field needs it */
};

exset_transform_options_t exset_sampler_transform(const exset_grid_t *grid,
                                                  const exset_sampler_options_t *options) {
  exset_transform_options_t t = {.n = {grid->n[0], grid->n[1], grid->n[2]}};
  if (!options) return t;
  t.grid[0] = options->grid[0];
  t.grid[1] = options->grid[1];
  t.measure = options->measure;
  return t;
}

int exset_sampler_create(exset_ctx_t *ctx, const exset_grid_t *grid,
                         const exset_sampler_options_t *options, exset_sampler_t **out) {
  *out = NULL;
  exset_sampler_t *s;
  int err;
  EXSET_TRY(exset_alloc_all(ctx, 1, sizeof *s, &s));
  s->grid = *grid;
  const exset_transform_options_t t = exset_sampler_transform(grid, options);
  EXSET_TRY_GOTO(err, fail, exset_transform_create(ctx, &t, &s->transform));
  s->l = *exset_transform_shape(s->transform);
  const int64_t column = grid->n[EXSET_AXIS_Z] / 2 + 1, quantum = 64;
  s->scratch_size = 2 * ((column + quantum - 1) / quantum * quantum);
  EXSET_TRY_GOTO(
      err, fail,
      exset_alloc_all(ctx, s->scratch_size * ctx->threads, sizeof *s->scratch, &s->scratch));
  *out = s;
  return EXSET_OK;
fail:
  exset_sampler_destroy(&s);
  return err;
}

void exset_sampler_destroy(exset_sampler_t **s) {
  if (!*s) return;
  exset_transform_destroy(&(*s)->transform);
  free((*s)->scratch);
  free((*s)->sum);
  free(*s);
  *s = NULL;
}

const exset_grid_t *exset_sampler_grid(const exset_sampler_t *s) {
  return &s->grid;
}

const exset_transform_layout_t *exset_sampler_shape(const exset_sampler_t *s) {
  return &s->l;
}

int64_t exset_sampler_cells(const exset_sampler_t *s) {
  return s->l.nz_local * s->l.rows_local * s->l.n[EXSET_AXIS_X];
}

int64_t exset_sampler_place(const exset_sampler_t *s, int64_t z, int64_t y) {
  return ((z - s->l.z0) * s->l.rows_local + y - s->l.row0) * s->l.n[EXSET_AXIS_X];
}

bool exset_sampler_in_slabs(const exset_sampler_t *s) {
  return s->l.q == 1;
}

int exset_sampler_to_slabs(exset_ctx_t *ctx, const exset_sampler_t *s, int64_t cell_bytes,
                           const void *share, void *slab) {
  const exset_rows_t from = {s->l.z0, s->l.nz_local, s->l.row0, s->l.rows_local};
  const exset_rows_t to = {s->grid.z0, s->grid.nz_local, 0, s->grid.n[EXSET_AXIS_Y]};
  return exset_grid_move_rows(ctx, cell_bytes * s->l.n[EXSET_AXIS_X], from, share, to, slab);
}

/* ---- fields ---------------------------------------------------------------------------------- */

EXSET_CLONES static void add_squares(int64_t n, bool first, const float *restrict z,
                                     float *restrict sum) {
  if (first)
    for (int64_t i = 0; i < n; i++) sum[i] = z[i] * z[i];
  else
    for (int64_t i = 0; i < n; i++) sum[i] += z[i] * z[i];
}

EXSET_CLONES static void finish_squares(int64_t n, const float *restrict sum, float *restrict z) {
  if (sum)
    for (int64_t i = 0; i < n; i++) z[i] = sum[i] + z[i] * z[i];
  else
    for (int64_t i = 0; i < n; i++) z[i] *= z[i];
}

/* One component of a field on its way through the transform. */
typedef struct {
  const exset_sampler_t *sampler;
  const exset_amplitude_t *amplitude;
  exset_draw_t draw;
  int component, components;
  bool squared;
  float *sum; /* of squares so far, this rank's share, or NULL */
  exset_rows_fn take;
  void *user;
} component_t;

static void fill(void *user, int thread, int64_t ky, int64_t kx, int64_t count, float *column,
                 int64_t stride) {
  const component_t *c = user;
  exset_modes_fill(c->amplitude, c->draw, (uint32_t)c->component, ky, kx, count, column, stride,
                   c->sampler->scratch + thread * c->sampler->scratch_size);
}

static void take(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                 int64_t stride) {
  const component_t *c = user;
  const int64_t n_x = c->sampler->l.n[EXSET_AXIS_X];
  const bool last = c->component == c->components - 1;
  float *sum = c->sum ? c->sum + exset_sampler_place(c->sampler, z, y) : NULL;
  for (int64_t i = 0; c->squared && i < count; i++) {
    float *own = sum ? sum + i * n_x : NULL;
    if (last) finish_squares(n_x, own, row + i * stride);
    else add_squares(n_x, c->component == 0, row + i * stride, own);
  }
  if (last) c->take(c->user, thread, z, y, count, row, stride);
}

int exset_sampler_field(exset_ctx_t *ctx, exset_sampler_t *s, const exset_field_t *field,
                        exset_draw_t draw, exset_rows_fn take_rows, void *user,
                        exset_seconds_t *seconds) {
  component_t c = {.sampler = s, .draw = draw, .take = take_rows, .user = user};
  c.squared = field->type == EXSET_FIELD_CHI_SQUARE;
  c.components = c.squared ? field->dof : 1;
  exset_amplitude_t *amplitude;
  exset_transform_seconds_t spent = {0, 0, 0, 0};
  const double start = MPI_Wtime();
  EXSET_TRY(exset_amplitude_create(ctx, s->grid.n, s->grid.voxel, &field->spectrum, &amplitude));
  c.amplitude = amplitude;
  const double prepared = MPI_Wtime() - start;
  int err = EXSET_OK;
  if (c.components > 1 && !s->sum)
    err = exset_alloc_unset_all(ctx, exset_sampler_cells(s), sizeof *s->sum, &s->sum);
  if (c.components > 1) c.sum = s->sum;
  for (; c.component < c.components && !err; c.component++)
    err = exset_transform_synthesis(ctx, s->transform, fill, take, &c, &spent);
  if (seconds) {
    seconds->noise += prepared + spent.columns;
    seconds->fft += spent.fft + spent.exchange;
    seconds->threshold += spent.rows;
  }
  exset_amplitude_destroy(&amplitude);
  return err;
}

/* ---- values ---------------------------------------------------------------------------------- */

typedef struct {
  const exset_sampler_t *sampler;
  float *share;
} values_t;

static void copy_rows(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                      int64_t stride) {
  const values_t *v = user;
  (void)thread;
  const int64_t n_x = v->sampler->l.n[EXSET_AXIS_X];
  float *out = v->share + exset_sampler_place(v->sampler, z, y);
  for (int64_t i = 0; i < count; i++)
    memcpy(out + i * n_x, row + i * stride, (size_t)n_x * sizeof *out);
}

int exset_sampler_values(exset_ctx_t *ctx, exset_sampler_t *s, const exset_field_t *field,
                         exset_draw_t draw, float *value) {
  values_t v = {s, value};
  const bool move = !exset_sampler_in_slabs(s);
  if (move)
    EXSET_TRY(exset_alloc_unset_all(ctx, exset_sampler_cells(s), sizeof *v.share, &v.share));
  int err = exset_sampler_field(ctx, s, field, draw, copy_rows, &v, NULL);
  if (!err && move) err = exset_sampler_to_slabs(ctx, s, sizeof *value, v.share, value);
  if (move) free(v.share);
  return err;
}
