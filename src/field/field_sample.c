/*
 * Realisations: amplitude times Hermitian noise, filled plane by plane of k_y in the transposed layout
 * [ny_local][nz][nx/2 + 1], and transformed in place.
 *
 * A mode's counter is (k_x div 2, k_y, k_z, component) with signed indices; one draw of four words serves the
 * modes k_x = 2p and 2p + 1. On the planes k_x = 0 and, for even nx, k_x = nx/2 the mirror image of a
 * mode is stored as well: of the two the canonical one is drawn, the other is its conjugate.
 */
#include "exset/fft.h"
#include "exset/sample.h"
#include "exset/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct exset_sampler_s {
  exset_grid_t grid;
  exset_fft_t *fft;
  exset_fft_layout_t layout;
  float *amplitude; /* one row */
  float *edge[2];   /* amplitudes at k_x = 0 and nx/2 for all k_z of a plane */
};

int exset_sampler_create(exset_ctx_t *ctx, const exset_grid_t *grid, bool measure,
                         exset_sampler_t **out) {
  *out = NULL;
  exset_sampler_t *s;
  int err;
  EXSET_TRY(exset_alloc_all(ctx, 1, sizeof *s, &s));
  s->grid = *grid;
  const int flags = EXSET_FFT_BACKWARD | EXSET_FFT_TRANSPOSED | (measure ? EXSET_FFT_MEASURE : 0);
  EXSET_TRY_GOTO(err, fail, exset_fft_create(ctx, grid->n, flags, &s->fft));
  s->layout = *exset_fft_shape(s->fft);
  const int64_t nz = grid->n[EXSET_AXIS_Z];
  EXSET_TRY_GOTO(err, fail,
                 exset_alloc_all(ctx, s->layout.modes_x + 32, sizeof(float), &s->amplitude));
  for (int e = 0; e < 2; e++)
    EXSET_TRY_GOTO(err, fail, exset_alloc_all(ctx, nz, sizeof(float), &s->edge[e]));
  *out = s;
  return EXSET_OK;
fail:
  exset_sampler_destroy(&s);
  return err;
}

void exset_sampler_destroy(exset_sampler_t **s) {
  if (!*s) return;
  exset_fft_destroy(&(*s)->fft);
  free((*s)->amplitude);
  free((*s)->edge[0]);
  free((*s)->edge[1]);
  free(*s);
  *s = NULL;
}

const exset_grid_t *exset_sampler_grid(const exset_sampler_t *s) {
  return &s->grid;
}

static int64_t signed_index(int64_t i, int64_t n) {
  return i <= n / 2 ? i : i - n;
}

/* ---- noise times amplitude ------------------------------------------------------------------- */

/* Counters of the pairs first, first + 1, ... of a row. */
EXSET_CLONES static void row_counters(int n, uint32_t first, uint32_t ky, uint32_t kz,
                                      uint32_t component, exset_rng_batch_t *batch) {
  for (int i = 0; i < n; i++) {
    batch->word[0][i] = first + (uint32_t)i;
    batch->word[1][i] = ky;
    batch->word[2][i] = kz;
    batch->word[3][i] = component;
  }
}

/* Pairs of modes 2p and 2p + 1: (re, im) each. */
EXSET_CLONES static void store_pairs(int n, const float *restrict amplitude,
                                     const exset_normal_batch_t *restrict w, float *restrict out) {
  for (int i = 0; i < n; i++) {
    const float even = amplitude[2 * i], odd = amplitude[2 * i + 1];
    out[4 * i] = even * w->value[0][i];
    out[4 * i + 1] = even * w->value[1][i];
    out[4 * i + 2] = odd * w->value[2][i];
    out[4 * i + 3] = odd * w->value[3][i];
  }
}

static int round_up(int n) {
  return (n + EXSET_RNG_QUANTUM - 1) / EXSET_RNG_QUANTUM * EXSET_RNG_QUANTUM;
}

/* The modes k_x = 0..modes - 1 of one row. */
static void fill_row(exset_rng_key_t key, uint32_t component, int64_t ky, int64_t kz, int64_t modes,
                     const float *amplitude, float *row) {
  exset_rng_batch_t words;
  exset_normal_batch_t normals;
  const int64_t pairs = (modes + 1) / 2;
  for (int64_t first = 0; first < pairs; first += EXSET_RNG_BATCH) {
    const int n = (int)(pairs - first < EXSET_RNG_BATCH ? pairs - first : EXSET_RNG_BATCH);
    row_counters(round_up(n), (uint32_t)first, (uint32_t)ky, (uint32_t)kz, component, &words);
    exset_rng_words(key, n, &words);
    exset_rng_normals(n, &words, &normals);
    const int whole = 2 * (first + n) <= modes ? n : n - 1; /* the last mode may lack a partner */
    store_pairs(whole, amplitude + 2 * first, &normals, row + 4 * first);
    if (whole < n) {
      row[4 * (first + whole)] = amplitude[2 * (first + whole)] * normals.value[0][whole];
      row[4 * (first + whole) + 1] = amplitude[2 * (first + whole)] * normals.value[1][whole];
    }
  }
}

/*
 * The modes of one plane k_y (array index iy) with k_x = 0 or k_x = nx/2, over all k_z. modes points to
 * the first, stride floats apart.
 */
static void fill_edge(const int64_t n[3], exset_rng_key_t key, uint32_t component, int64_t kx,
                      int64_t iy, const float *amplitude, int64_t stride, float *modes) {
  const int64_t nz = n[EXSET_AXIS_Z], ny = n[EXSET_AXIS_Y], my = (ny - iy) % ny;
  const int value = 2 * (int)(kx % 2);
  exset_rng_batch_t words;
  exset_normal_batch_t normals;
  memset(&words, 0, sizeof words);
  for (int64_t first = 0; first < nz; first += EXSET_RNG_BATCH) {
    const int count = (int)(nz - first < EXSET_RNG_BATCH ? nz - first : EXSET_RNG_BATCH);
    for (int i = 0; i < count; i++) {
      const int64_t iz = first + i, mz = (nz - iz) % nz;
      const bool mirror = iy > my || (iy == my && iz > mz);
      words.word[0][i] = (uint32_t)(kx / 2);
      words.word[1][i] = (uint32_t)signed_index(mirror ? my : iy, ny);
      words.word[2][i] = (uint32_t)signed_index(mirror ? mz : iz, nz);
      words.word[3][i] = component;
    }
    exset_rng_words(key, count, &words);
    exset_rng_normals(count, &words, &normals);
    for (int i = 0; i < count; i++) {
      const int64_t iz = first + i, mz = (nz - iz) % nz;
      const bool mirror = iy > my || (iy == my && iz > mz), self = iy == my && iz == mz;
      const float re = normals.value[value][i], im = normals.value[value + 1][i];
      float *mode = modes + iz * stride;
      mode[0] = amplitude[iz] * (self ? (float)M_SQRT2 * re : re);
      mode[1] = self ? 0.0f : amplitude[iz] * (mirror ? -im : im);
    }
  }
}

static void fill_plane(exset_sampler_t *s, const exset_amplitude_t *amplitude, exset_rng_key_t key,
                       uint32_t component, int64_t iy, float *plane) {
  const int64_t *n = s->grid.n, nz = n[EXSET_AXIS_Z], nx = n[EXSET_AXIS_X];
  const int64_t row = s->layout.row, inner = (nx + 1) / 2; /* modes other than k_x = nx/2 */
  const int64_t ky = signed_index(iy, n[EXSET_AXIS_Y]);
  for (int64_t iz = 0; iz <= nz / 2; iz++) {
    const int64_t mz = (nz - iz) % nz; /* of equal amplitude */
    exset_amplitude_row(amplitude, iy, iz, s->amplitude);
    s->edge[0][iz] = s->edge[0][mz] = s->amplitude[0];
    s->edge[1][iz] = s->edge[1][mz] = s->amplitude[nx / 2];
    fill_row(key, component, ky, signed_index(iz, nz), inner, s->amplitude, plane + iz * row);
    if (mz != iz)
      fill_row(key, component, ky, signed_index(mz, nz), inner, s->amplitude, plane + mz * row);
  }
  fill_edge(n, key, component, 0, iy, s->edge[0], row, plane);
  if (nx % 2 == 0) fill_edge(n, key, component, nx / 2, iy, s->edge[1], row, plane + 2 * (nx / 2));
}

void exset_sampler_modes(exset_sampler_t *s, const exset_amplitude_t *amplitude, exset_draw_t draw,
                         uint32_t component) {
  const exset_rng_key_t key =
      exset_rng_key(draw.seed, EXSET_STREAM_VOLUME, draw.realisation, draw.field);
  float *data = exset_fft_data(s->fft);
  for (int64_t y = 0; y < s->layout.ny_local; y++)
    fill_plane(s, amplitude, key, component, s->layout.y0 + y,
               data + y * s->grid.n[EXSET_AXIS_Z] * s->layout.row);
}

const float *exset_sampler_spectrum(const exset_sampler_t *s, int64_t *y0, int64_t *ny_local) {
  *y0 = s->layout.y0;
  *ny_local = s->layout.ny_local;
  return exset_fft_data(s->fft);
}

/* ---- fields ---------------------------------------------------------------------------------- */

float *exset_sampler_real(exset_sampler_t *s, int64_t *row) {
  *row = s->layout.row;
  return exset_fft_data(s->fft);
}

void exset_sampler_copy(exset_sampler_t *s, float *out) {
  const int64_t nx = s->grid.n[EXSET_AXIS_X], rows = s->layout.nz_local * s->grid.n[EXSET_AXIS_Y];
  const float *data = exset_fft_data(s->fft);
  for (int64_t r = 0; r < rows; r++)
    memcpy(out + r * nx, data + r * s->layout.row, (size_t)nx * sizeof *out);
}

EXSET_CLONES static void add_squares(int64_t n, const float *restrict z, float *restrict sum) {
  for (int64_t i = 0; i < n; i++) sum[i] += z[i] * z[i];
}

EXSET_CLONES static void finish_squares(int64_t n, const float *restrict sum, float *restrict z) {
  for (int64_t i = 0; i < n; i++) z[i] = sum[i] + z[i] * z[i];
}

EXSET_CLONES static void squares(int64_t n, float *z) {
  for (int64_t i = 0; i < n; i++) z[i] *= z[i];
}

/* Sum of squares: components but the last are added up in sum, the last is completed in the buffer.
 * Padding goes through the same arithmetic. */
static void accumulate(exset_sampler_t *s, const exset_field_t *field, int component, float *sum) {
  const int64_t cells = s->layout.nz_local * s->grid.n[EXSET_AXIS_Y] * s->layout.row;
  float *data = exset_fft_data(s->fft);
  if (field->dof == 1) squares(cells, data);
  else if (component == field->dof - 1) finish_squares(cells, sum, data);
  else add_squares(cells, data, sum);
}

int exset_sampler_field(exset_ctx_t *ctx, exset_sampler_t *s, const exset_field_t *field,
                        exset_draw_t draw, exset_seconds_t *seconds) {
  const bool squared = field->type == EXSET_FIELD_CHI_SQUARE;
  const int components = squared ? field->dof : 1;
  exset_amplitude_t *amplitude;
  float *sum = NULL;
  double t = MPI_Wtime();
  EXSET_TRY(exset_amplitude_create(ctx, s->grid.n, s->grid.voxel, &field->spectrum, &amplitude));
  int err = EXSET_OK;
  if (components > 1)
    err = exset_alloc_all(ctx, s->layout.nz_local * s->grid.n[EXSET_AXIS_Y] * s->layout.row,
                          sizeof *sum, &sum);
  for (int c = 0; c < components && !err; c++) {
    exset_sampler_modes(s, amplitude, draw, (uint32_t)c);
    const double filled = MPI_Wtime();
    if (seconds) seconds->noise += filled - t;
    exset_fft_backward(s->fft);
    if (seconds) seconds->fft += MPI_Wtime() - filled;
    t = MPI_Wtime();
    if (squared) accumulate(s, field, c, sum);
  }
  if (seconds) seconds->noise += MPI_Wtime() - t;
  free(sum);
  exset_amplitude_destroy(&amplitude);
  return err;
}
