/*
 * Coverage functions of realisations, and their squared distance to the data.
 *
 * With F_i the transforms of the phases, the periodic estimate is c_ij(h) = sum over modes of conj(F_i) F_j exp(i k h) / N^2,
 * and its mean over the four lags (+-h_1, +-h_2) needs the real parts only: those are added up over the realisations, and
 * transformed once in a step. Phases sum to 1, so that the pairs i <= j < n of n phases and the fractions p_i are enough:
 *   C_in = p_i - sum_j C_ij,   C_nn = 1 - 2 sum_i p_i + sum_ij C_ij   (sums over i, j < n).
 * Backwards, the derivatives G by all C_ij, i <= j, are brought to these,
 *   by C_ii: G_ii - G_in + G_nn,  by C_ij: G_ij - G_in - G_jn + 2 G_nn,  by p_i: sum over lags of G_in - 2 G_nn,
 * and spread over the four lags; with their transforms H (real) the derivatives by the phases are the inverse transforms of
 * sum_j (1 + delta_ij) H_ij F_j, plus those by p_i / N.
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
  double *sums[2];     /* [half] in sampled_s.sums: see share_out_sums; later derivatives */
  double complex *f;   /* scratch: [n][stride] */
  double complex *modes_work;
  double *work; /* scratch: [cells] */
} section_t;

struct sampled_s {
  const fit_t *fit;
  int n, n_pairs; /* phases but the last, their pairs i <= j */
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
  EXSET_TRY(exset_alloc(ctx, sampled->n * s->stride, sizeof *s->f, &s->f));
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

/* All sums in one array, by section and half: count of realisations, then summed over them p[n] and C[pairs][n_lags]. */
static int share_out_sums(exset_ctx_t *ctx, sampled_t *sampled) {
  for (int p = 0; p < sampled->fit->n_planes; p++)
    sampled->n_sums += 2 * (1 + sampled->n + sampled->n_pairs * sampled->section[p].n_lags);
  EXSET_TRY(exset_alloc(ctx, sampled->n_sums, sizeof(double), &sampled->sums));
  double *next = sampled->sums;
  for (int p = 0; p < sampled->fit->n_planes; p++)
    for (int half = 0; half < 2; half++) {
      sampled->section[p].sums[half] = next;
      next += 1 + sampled->n + sampled->n_pairs * sampled->section[p].n_lags;
    }
  return EXSET_OK;
}

int sampled_create(const fit_t *fit, const int64_t (*shape)[2], sampled_t **out) {
  exset_ctx_t *ctx = fit->ctx;
  EXSET_TRY(exset_alloc(ctx, 1, sizeof **out, out));
  sampled_t *sampled = *out;
  sampled->fit = fit;
  sampled->n = fit->n_phases - 1;
  sampled->n_pairs = sampled->n * (sampled->n + 1) / 2;
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

EXSET_CLONES static void add_scaled(int64_t n, double scale, const double *restrict a, double shift,
                                    double *restrict sum) {
  for (int64_t i = 0; i < n; i++) sum[i] += scale * (a[i] + shift);
}

/* Place of i, j < n among the pairs i <= j. */
static int pair_of(int n, int i, int j) {
  const int low = i < j ? i : j, high = i < j ? j : i;
  return low * n - low * (low - 1) / 2 + high - low;
}

/* Values at all lags of a pair in the sums of a half. */
static double *pair_sums(const section_t *s, int n, int half, int pair) {
  return s->sums[half] + 1 + n + pair * s->n_lags;
}

/* F_i of all phases but the last. */
static void transform(const section_t *s, int n, const double *phase) {
  for (int i = 0; i < n; i++) {
    memcpy(s->work, phase + i * s->cells, (size_t)s->cells * sizeof *phase); /* aligned */
    exset_fft_serial_forward(s->fft, s->work, s->f + i * s->stride);
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
  const int n = sampled->n;
  transform(s, n, phase);
  s->sums[half][0] += 1;
  for (int i = 0; i < n; i++) {
    s->sums[half][1 + i] += creal(s->f[i * s->stride]) / (double)s->cells;
    for (int j = i; j < n; j++)
      add_products(s->modes, (const double *)(s->f + i * s->stride),
                   (const double *)(s->f + j * s->stride),
                   s->spectrum[half] + pair_of(n, i, j) * s->modes);
  }
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
        correlate(s, s->spectrum[half] + k * s->modes, pair_sums(s, sampled->n, half, k));
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

/* Functions of all pairs of phases at one lag, [i][j] with i <= j. */
typedef double table_t[EXSET_MAX_PHASES][EXSET_MAX_PHASES];

/* Means of a half at lag l, those with the last phase from the others. */
static void complete(const section_t *s, int n, int half, int64_t l, table_t c) {
  const double *sums = s->sums[half], scale = 1 / sums[0];
  c[n][n] = 1;
  for (int i = 0; i < n; i++) {
    c[i][n] = sums[1 + i] * scale;
    c[n][n] -= 2 * c[i][n];
  }
  for (int i = 0; i < n; i++)
    for (int j = i; j < n; j++) {
      c[i][j] = pair_sums(s, n, half, pair_of(n, i, j))[l] * scale;
      c[i][n] -= c[i][j];
      if (j > i) c[j][n] -= c[i][j];
      c[n][n] += (j > i ? 2 : 1) * c[i][j];
    }
}

/* Derivatives g by all means to those by a half's sums at lag l, which they replace; by_p: those by p[n], added. */
static void reduce(const section_t *s, int n, int half, int64_t l, const table_t g, double *by_p) {
  for (int i = 0; i < n; i++) {
    by_p[i] += g[i][n] - 2 * g[n][n];
    for (int j = i; j < n; j++)
      pair_sums(s, n, half, pair_of(n, i, j))[l] =
          j > i ? g[i][j] - g[i][n] - g[j][n] + 2 * g[n][n] : g[i][i] - g[i][n] + g[n][n];
  }
}

/* Weighted products of both halves' residuals, summed over the functions, at lag l. factor: of the weight. */
static double distance(const section_t *s, int n, int64_t l, double factor,
                       double by_p[2][EXSET_MAX_PHASES]) {
  const plane_t *plane = s->plane;
  const double w = factor * plane->weight[s->lag[l]];
  const double w_a = w / s->sums[0][0], w_b = w / s->sums[1][0];
  double sum = 0;
  table_t c[2], g[2];
  for (int half = 0; half < 2; half++) complete(s, n, half, l, c[half]);
  for (int i = 0; i <= n; i++)
    for (int j = i; j <= n; j++) {
      const double data = plane->data[(i * (n + 1) + j) * plane->n_lags + s->lag[l]];
      const double r_a = c[0][i][j] - data, r_b = c[1][i][j] - data;
      sum += w * r_a * r_b;
      g[0][i][j] = w_a * r_b;
      g[1][i][j] = w_b * r_a;
    }
  for (int half = 0; half < 2; half++)
    reduce(s, n, half, l, (const double(*)[EXSET_MAX_PHASES])g[half], by_p[half]);
  return sum;
}

static double weight_in_use(const sampled_t *sampled) {
  double sum = 0;
  for (int p = 0; p < sampled->fit->n_planes; p++)
    for (int64_t l = 0; l < sampled->section[p].n_lags; l++)
      sum += sampled->section[p].plane->weight[sampled->section[p].lag[l]];
  return sum;
}

/* Distance of one section; its sums become derivatives by each realisation's p / N and C, its spectra H. */
static double section_loss(const sampled_t *sampled, section_t *s, double factor) {
  const int n = sampled->n;
  double sum = 0, by_p[2][EXSET_MAX_PHASES] = {{0}};
  for (int64_t l = 0; l < s->n_lags; l++) sum += distance(s, n, l, factor, by_p);
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < n; i++) s->sums[half][1 + i] = by_p[half][i] / (double)s->cells;
    for (int k = 0; k < sampled->n_pairs; k++)
      spread(s, pair_sums(s, n, half, k), s->spectrum[half] + k * s->modes);
  }
  return sum;
}

int sampled_loss(sampled_t *sampled, double *loss) {
  const double factor = 1 / (weight_in_use(sampled) * sampled->fit->unit);
  *loss = 0;
  for (int p = 0; p < sampled->fit->n_planes; p++) {
    section_t *s = &sampled->section[p];
    if (s->sums[0][0] < 1 || s->sums[1][0] < 1)
      return exset_fail(sampled->fit->ctx, EXSET_ERR_LOCAL,
                        "coverage by realisations: %g and %g %s sections in the halves of a step, "
                        "each needs 1 at least",
                        s->sums[0][0], s->sums[1][0], s->plane->group->orientation);
    *loss += section_loss(sampled, s, factor);
  }
  return EXSET_OK;
}

void sampled_gradient(sampled_t *sampled, int p, int half, double scale, const double *phase,
                      double *d_phase) {
  const section_t *s = &sampled->section[p];
  const int n = sampled->n;
  transform(s, n, phase);
  for (int i = 0; i < n; i++) {
    memset(s->modes_work, 0, (size_t)s->modes * sizeof *s->modes_work);
    for (int j = 0; j < n; j++)
      add_filtered(s->modes, i == j ? 2 : 1, s->spectrum[half] + pair_of(n, i, j) * s->modes,
                   (const double *)(s->f + j * s->stride), (double *)s->modes_work);
    exset_fft_serial_inverse(s->fft, s->modes_work, s->work);
    add_scaled(s->cells, scale, s->work, s->sums[half][1 + i], d_phase + i * s->cells);
  }
}
