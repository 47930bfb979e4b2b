/*
 * Coverage functions of realisations, and their squared distance to the data.
 *
 * With F_i the transforms of the phases, the periodic estimate is c_ij(h) = sum over modes of conj(F_i) F_j exp(i k h) / N^2,
 * and its mean over the four lags (+-h_1, +-h_2) needs the real parts only: those are added up over the realisations, and
 * transformed once in a step. Backwards, a derivative G by the mean at (h_1, h_2) is spread over the four lags; its
 * transform H (real) gives the derivatives by the phases as the inverse transforms of sum_j (1 + delta_ij) H_ij F_j.
 * Phases sum to 1, so that the last one needs no transform.
 */
#include "calibrate_sampled.h"
#include "exset/fft_serial.h"
#include "exset/simd.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const plane_t *plane;
  int64_t rows, cols, cells;
  int64_t modes;  /* of a transform */
  int64_t stride; /* from one F to the next: modes, rounded up to what transforms want */
  exset_fft_serial_t *fft;
  int64_t n_lags;      /* in use here */
  int64_t *lag;        /* [n_lags] their places among plane->lag */
  int64_t *place;      /* [n_lags][4] cells of (+-h_1, +-h_2) */
  double *spectrum[2]; /* [half][pairs][modes] sums of Re(conj(F_i) F_j); later H */
  double *sums
      [2]; /* [half]: count of realisations, then C[pairs][n_lags] summed over them; in all sums */
  double complex *f; /* scratch: [n_phases][stride] */
  double complex *modes_work;
  double *work; /* scratch: [cells] */
} section_t;

struct sampled_s {
  const fit_t *fit;
  int n_phases, n_pairs;
  section_t section[MAX_GROUPS];
  double *sums;
  int64_t n_sums;
};

/* ---- set-up ---- */

/* Lags within half a section. */
static int choose(exset_ctx_t *ctx, section_t *s) {
  const plane_t *plane = s->plane;
  EXSET_TRY(exset_alloc(ctx, plane->n_lags, sizeof *s->lag, &s->lag));
  EXSET_TRY(exset_alloc(ctx, plane->n_lags, 4 * sizeof *s->place, &s->place));
  for (int64_t l = 0; l < plane->n_lags; l++) {
    const int64_t h1 = plane->lag[l] / plane->group->size[1];
    const int64_t h2 = plane->lag[l] % plane->group->size[1];
    if (2 * h1 > s->rows || 2 * h2 > s->cols) continue;
    const int64_t row[2] = {h1, (s->rows - h1) % s->rows}, col[2] = {h2, (s->cols - h2) % s->cols};
    for (int k = 0; k < 4; k++) s->place[4 * s->n_lags + k] = row[k / 2] * s->cols + col[k % 2];
    s->lag[s->n_lags++] = l;
  }
  return EXSET_OK;
}

static int section_create(exset_ctx_t *ctx, const sampled_t *sampled, const int64_t shape[2],
                          section_t *s) {
  s->rows = shape[0];
  s->cols = shape[1];
  s->cells = s->rows * s->cols;
  EXSET_TRY(exset_fft_serial_create(ctx, 2, shape, EXSET_FFT_SERIAL_ESTIMATE, &s->fft));
  s->modes = exset_fft_serial_modes(s->fft);
  s->stride = (s->modes + 3) / 4 * 4;
  EXSET_TRY(choose(ctx, s));
  for (int half = 0; half < 2; half++)
    EXSET_TRY(exset_alloc(ctx, sampled->n_pairs * s->modes, sizeof(double), &s->spectrum[half]));
  EXSET_TRY(exset_alloc(ctx, sampled->n_phases * s->stride, sizeof *s->f, &s->f));
  EXSET_TRY(exset_alloc(ctx, s->modes, sizeof *s->modes_work, &s->modes_work));
  return exset_alloc(ctx, s->cells, sizeof(double), &s->work);
}

static void section_clear(section_t *s) {
  exset_fft_serial_destroy(&s->fft);
  free(s->lag);
  free(s->place);
  free(s->spectrum[0]);
  free(s->spectrum[1]);
  free(s->f);
  free(s->modes_work);
  free(s->work);
}

/* All sums in one array, by section and half. */
static int share_out_sums(exset_ctx_t *ctx, sampled_t *sampled) {
  for (int p = 0; p < sampled->fit->n_planes; p++)
    sampled->n_sums += 2 * (1 + sampled->n_pairs * sampled->section[p].n_lags);
  EXSET_TRY(exset_alloc(ctx, sampled->n_sums, sizeof(double), &sampled->sums));
  double *next = sampled->sums;
  for (int p = 0; p < sampled->fit->n_planes; p++)
    for (int half = 0; half < 2; half++) {
      sampled->section[p].sums[half] = next;
      next += 1 + sampled->n_pairs * sampled->section[p].n_lags;
    }
  return EXSET_OK;
}

int sampled_create(const fit_t *fit, const int64_t (*shape)[2], sampled_t **out) {
  exset_ctx_t *ctx = fit->ctx;
  EXSET_TRY(exset_alloc(ctx, 1, sizeof **out, out));
  sampled_t *sampled = *out;
  sampled->fit = fit;
  sampled->n_phases = fit->n_phases;
  sampled->n_pairs = fit->n_phases * (fit->n_phases + 1) / 2;
  int err = EXSET_OK;
  for (int p = 0; !err && p < fit->n_planes; p++) {
    sampled->section[p].plane = &fit->plane[p];
    err = section_create(ctx, sampled, shape[p], &sampled->section[p]);
  }
  if (!err) err = share_out_sums(ctx, sampled);
  if (err) sampled_destroy(out);
  return err;
}

void sampled_destroy(sampled_t **sampled) {
  if (!*sampled) return;
  for (int p = 0; p < MAX_GROUPS; p++) section_clear(&(*sampled)->section[p]);
  free((*sampled)->sums);
  free(*sampled);
  *sampled = NULL;
}

/* ---- kernels over modes, pairs (re, im) ---- */

EXSET_CLONES static void add_products(int64_t n, const double *restrict a, const double *restrict b,
                                      double *restrict sum) {
  for (int64_t k = 0; k < n; k++) sum[k] += a[2 * k] * b[2 * k] + a[2 * k + 1] * b[2 * k + 1];
}

EXSET_CLONES static void add_filtered(int64_t n, double factor, const double *restrict h,
                                      const double *restrict f, double *restrict sum) {
  for (int64_t k = 0; k < n; k++) {
    sum[2 * k] += factor * h[k] * f[2 * k];
    sum[2 * k + 1] += factor * h[k] * f[2 * k + 1];
  }
}

EXSET_CLONES static void subtract(int64_t n, const double *restrict a, double *restrict from) {
  for (int64_t k = 0; k < n; k++) from[k] -= a[k];
}

EXSET_CLONES static void add_scaled(int64_t n, double scale, const double *restrict a,
                                    double *restrict sum) {
  for (int64_t i = 0; i < n; i++) sum[i] += scale * a[i];
}

/* Place of C_ij among the pairs i <= j. */
static int pair_of(int n_phases, int i, int j) {
  const int low = i < j ? i : j, high = i < j ? j : i;
  return low * n_phases - low * (low - 1) / 2 + high - low;
}

static void copy_cells(const section_t *s, const double *from) {
  memcpy(s->work, from, (size_t)s->cells * sizeof *from);
}

/* F_i of all phases; the last from the others. */
static void transform(const section_t *s, int n_phases, const double *phase) {
  double complex *last = s->f + (n_phases - 1) * s->stride;
  memset(last, 0, (size_t)s->modes * sizeof *last);
  last[0] = (double)s->cells;
  for (int i = 0; i < n_phases - 1; i++) {
    double complex *f = s->f + i * s->stride;
    copy_cells(s, phase + i * s->cells); /* aligned as planned */
    exset_fft_serial_forward(s->fft, s->work, f);
    subtract(2 * s->modes, (const double *)f, (double *)last);
  }
}

/* ---- one step ---- */

void sampled_begin(sampled_t *sampled) {
  memset(sampled->sums, 0, (size_t)sampled->n_sums * sizeof(double));
  for (int p = 0; p < sampled->fit->n_planes; p++)
    for (int half = 0; half < 2; half++)
      memset(sampled->section[p].spectrum[half], 0,
             (size_t)(sampled->n_pairs * sampled->section[p].modes) * sizeof(double));
}

void sampled_add(sampled_t *sampled, int p, int half, const double *phase) {
  const section_t *s = &sampled->section[p];
  const int n = sampled->n_phases;
  transform(s, n, phase);
  for (int i = 0; i < n; i++)
    for (int j = i; j < n; j++)
      add_products(s->modes, (const double *)(s->f + i * s->stride),
                   (const double *)(s->f + j * s->stride),
                   s->spectrum[half] + pair_of(n, i, j) * s->modes);
  s->sums[half][0] += 1;
}

/* C at the lags in use from one sum of real parts. */
static void correlate(const section_t *s, const double *spectrum, double *c) {
  const double scale = 0.25 / ((double)s->cells * (double)s->cells);
  for (int64_t k = 0; k < s->modes; k++) s->modes_work[k] = spectrum[k];
  exset_fft_serial_inverse(s->fft, s->modes_work, s->work);
  for (int64_t l = 0; l < s->n_lags; l++) {
    const int64_t *at = s->place + 4 * l;
    c[l] = scale * (s->work[at[0]] + s->work[at[1]] + s->work[at[2]] + s->work[at[3]]);
  }
}

double *sampled_sums(sampled_t *sampled, int64_t *count) {
  for (int p = 0; p < sampled->fit->n_planes; p++) {
    const section_t *s = &sampled->section[p];
    for (int half = 0; half < 2; half++)
      for (int k = 0; k < sampled->n_pairs; k++)
        correlate(s, s->spectrum[half] + k * s->modes, s->sums[half] + 1 + k * s->n_lags);
  }
  *count = sampled->n_sums;
  return sampled->sums;
}

/* The inverse of correlate for derivatives: H from G at the lags in use. */
static void spread(const section_t *s, const double *g, double *h) {
  const double scale = 0.25 / ((double)s->cells * (double)s->cells);
  memset(s->work, 0, (size_t)s->cells * sizeof *s->work);
  for (int64_t l = 0; l < s->n_lags; l++)
    for (int k = 0; k < 4; k++) s->work[s->place[4 * l + k]] += scale * g[l];
  exset_fft_serial_forward(s->fft, s->work, s->modes_work);
  for (int64_t k = 0; k < s->modes; k++) h[k] = creal(s->modes_work[k]);
}

/* Weighted product of both halves' residuals of C_ij; their sums are replaced by the derivatives by each realisation's C. */
static double distance(const section_t *s, int64_t data_at, int64_t sums_at) {
  const double n_a = s->sums[0][0], n_b = s->sums[1][0];
  double *a = s->sums[0] + sums_at, *b = s->sums[1] + sums_at, sum = 0;
  for (int64_t l = 0; l < s->n_lags; l++) {
    const double data = s->plane->data[data_at + s->lag[l]], w = s->plane->weight[s->lag[l]];
    const double r_a = a[l] / n_a - data, r_b = b[l] / n_b - data;
    sum += w * r_a * r_b;
    a[l] = w * r_b / n_a;
    b[l] = w * r_a / n_b;
  }
  return sum;
}

static double weight_in_use(const sampled_t *sampled) {
  double sum = 0;
  for (int p = 0; p < sampled->fit->n_planes; p++)
    for (int64_t l = 0; l < sampled->section[p].n_lags; l++)
      sum += sampled->section[p].plane->weight[sampled->section[p].lag[l]];
  return sum;
}

/* Distance of one section, and its H in units of the loss. */
static double section_loss(const sampled_t *sampled, section_t *s, double unit) {
  const int n = sampled->n_phases;
  double sum = 0;
  for (int i = 0; i < n; i++)
    for (int j = i; j < n; j++)
      sum += distance(s, (i * n + j) * s->plane->n_lags, 1 + pair_of(n, i, j) * s->n_lags);
  for (int half = 0; half < 2; half++)
    for (int k = 0; k < sampled->n_pairs; k++) {
      double *g = s->sums[half] + 1 + k * s->n_lags;
      for (int64_t l = 0; l < s->n_lags; l++) g[l] /= unit;
      spread(s, g, s->spectrum[half] + k * s->modes);
    }
  return sum / unit;
}

int sampled_loss(sampled_t *sampled, double *loss) {
  const double unit = weight_in_use(sampled) * sampled->fit->unit;
  *loss = 0;
  for (int p = 0; p < sampled->fit->n_planes; p++) {
    section_t *s = &sampled->section[p];
    if (s->sums[0][0] < 1 || s->sums[1][0] < 1)
      return exset_fail(sampled->fit->ctx, EXSET_ERR_LOCAL,
                        "coverage by realisations: %g and %g %s sections in the halves of a step, "
                        "each needs 1 at least",
                        s->sums[0][0], s->sums[1][0], s->plane->group->orientation);
    *loss += section_loss(sampled, s, unit);
  }
  return EXSET_OK;
}

/* sum_j (1 + delta_ij) H_ij F_j, added */
static void add_row(const section_t *s, int n_phases, int half, int i, double sign, double *sum) {
  for (int j = 0; j < n_phases; j++)
    add_filtered(s->modes, i == j ? 2 * sign : sign,
                 s->spectrum[half] + pair_of(n_phases, i, j) * s->modes,
                 (const double *)(s->f + j * s->stride), sum);
}

void sampled_gradient(sampled_t *sampled, int p, int half, double scale, const double *phase,
                      double *d_phase) {
  const section_t *s = &sampled->section[p];
  const int n = sampled->n_phases;
  transform(s, n, phase);
  for (int i = 0; i < n - 1; i++) {
    memset(s->modes_work, 0, (size_t)s->modes * sizeof *s->modes_work);
    add_row(s, n, half, i, 1, (double *)s->modes_work);
    add_row(s, n, half, n - 1, -1, (double *)s->modes_work);
    exset_fft_serial_inverse(s->fft, s->modes_work, s->work);
    add_scaled(s->cells, scale, s->work, d_phase + i * s->cells);
  }
}
