/*
 * Amplitudes a(k) = sqrt(S(k)) in single precision, one column of k_z at a time, and the sums that normalise S.
 *
 * A term enters as exp(log density + offset): the exponents are put together before the exponential is
 * taken, so that nothing overflows and nothing underflows to zero (1.6e-38 is the least).
 */
#include "exset/sample.h"
#include "exset/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUANTUM = 16, CHUNK = 512 };

struct exset_amplitude_s {
  int64_t n[3];
  int64_t column;                 /* nz/2 + 1 rounded up to the quantum */
  double base[3];                 /* spacing of the wavenumbers, 2 pi / (n voxel) */
  float *kz2;                     /* [column] k_z^2; 0 in the padding */
  exset_spectrum_t spectrum;      /* without coefficients */
  double offset[EXSET_MAX_TERMS]; /* log of the factor that gives each term its share */
  double white;                   /* nugget / modes */
  /* isotropic knots: a cubic polynomial on each interval of |k| */
  int intervals;
  double step;       /* distance of the knots */
  float (*piece)[4]; /* [intervals + 1]; the last is 0 */
  /* knots in (k_r, k_z): sum over the splines in k_z, for each spline in k_r */
  float *along_z; /* [knots_r][column] */
};

/* One term along a column: exponent c0 - s kz2 (gaussian),
 * c0 - c1 log(1 + b + s kz2) (matern), c0 - c1 (sqrt(b + s kz2) - 1)^2 (ring); at least `least`. */
typedef struct {
  exset_family_t family;
  float b, s, c0, c1, least;
} term_column_t;

EXSET_CLONES static void eval_term(const term_column_t *term, int64_t n, const float *restrict kz2,
                                   float *restrict out) {
  const float b = term->b, s = term->s, c0 = term->c0, c1 = term->c1, least = term->least;
  switch (term->family) {
    case EXSET_FAMILY_GAUSSIAN:
      for (int64_t i = 0; i < n; i++) {
        const float e = c0 - s * kz2[i];
        out[i] = exset_expf(e > least ? e : least);
      }
      break;
    case EXSET_FAMILY_MATERN:
      for (int64_t i = 0; i < n; i++) {
        const float e = c0 - c1 * exset_log1pf(b + s * kz2[i]);
        out[i] = exset_expf(e > least ? e : least);
      }
      break;
    case EXSET_FAMILY_RING:
      for (int64_t i = 0; i < n; i++) {
        const float d = sqrtf(b + s * kz2[i]) - 1.0f;
        const float e = c0 - c1 * (d * d);
        out[i] = exset_expf(e > least ? e : least);
      }
      break;
  }
}

/* Isotropic knots along a column: the piece at k / step, k^2 = b + kz2. */
EXSET_CLONES static void eval_knots(int intervals, const float (*restrict piece)[4], float b,
                                    float per_step, int64_t n, const float *restrict kz2,
                                    float *restrict out) {
  const float end = (float)intervals;
  for (int64_t i = 0; i < n; i++) {
    float u = sqrtf(b + kz2[i]) * per_step;
    u = u < end ? u : end;
    const int32_t j = (int32_t)u;
    const float t = u - (float)j;
    const float v = ((piece[j][3] * t + piece[j][2]) * t + piece[j][1]) * t + piece[j][0];
    out[i] = v > 0.0f ? v : 0.0f;
  }
}

EXSET_CLONES static void add_column(int64_t n, const float *restrict from, float *restrict to) {
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

EXSET_CLONES static void root_column(int64_t n, float white, float *restrict column) {
  for (int64_t i = 0; i < n; i++) column[i] = sqrtf(column[i] + white);
}

/* Sum in double precision, in an order that no instruction set changes. */
EXSET_CLONES static double sum_column(int64_t n, const float *column) {
  double part[QUANTUM] = {0};
  for (int64_t i = 0; i < n; i += QUANTUM)
    for (int j = 0; j < QUANTUM; j++) part[j] += (double)column[i + j];
  double sum = 0;
  for (int j = 0; j < QUANTUM; j++) sum += part[j];
  return sum;
}

static double signed_wavenumber(const exset_amplitude_t *a, int axis, int64_t i) {
  return a->base[axis] * (double)exset_signed_index(i, a->n[axis]);
}

static double square(double x) {
  return x * x;
}

/* ---- columns ------------------------------------------------------------------------------- */

/* A column is made in pieces of at most CHUNK modes, from k_z = from on, so that threads need no memory of their own. */
typedef struct {
  double kr2; /* k_x^2 + k_y^2 */
  int64_t from, count;
} part_t;

/* half: 1 for the density, 1/2 for its square root. Densities below exp(-87) are raised to it: roots around 1e-19 are nothing
 * beside the others, while smaller ones would, times noise, leave the range of normal numbers, which processors are slow with. */
static void term_along_column(const exset_amplitude_t *a, int t, const part_t *part, double half,
                              float *out) {
  const exset_term_t *term = &a->spectrum.term[t];
  /* q^2 = b + s k_z^2 */
  const double b = square(term->length_xy) * part->kr2, s = square(term->length_z);
  const double c0 = half * a->offset[t];
  term_column_t column = {term->family, (float)b, (float)s, (float)c0, 0, (float)(-87 * half)};
  switch (term->family) {
    case EXSET_FAMILY_GAUSSIAN:
      column.c0 = (float)(c0 - half * b / 4);
      column.s = (float)(half * s / 4);
      break;
    case EXSET_FAMILY_MATERN:
      column.b = (float)(b / (2 * term->nu));
      column.s = (float)(s / (2 * term->nu));
      column.c1 = (float)(half * (term->nu + 1.5));
      break;
    case EXSET_FAMILY_RING:
      column.c1 = (float)(half / (2 * term->width * term->width));
      break;
  }
  eval_term(&column, part->count, a->kz2 + part->from, out);
}

EXSET_CLONES static void scale_column(int64_t n, float factor, const float *restrict from,
                                      float *restrict to) {
  for (int64_t i = 0; i < n; i++) to[i] = factor * from[i];
}

EXSET_CLONES static void add_scaled(int64_t n, float factor, const float *restrict from,
                                    float *restrict to) {
  for (int64_t i = 0; i < n; i++) to[i] += factor * from[i];
}

/* At most four splines in k_r are not zero along a column. */
static void knots_along_column(const exset_amplitude_t *a, const part_t *part, float *out) {
  if (!a->along_z) {
    eval_knots(a->intervals, (const float(*)[4])a->piece, (float)part->kr2, (float)(1 / a->step),
               part->count, a->kz2 + part->from, out);
    return;
  }
  int index[4];
  double value[4];
  const int splines = exset_knots_basis(a->spectrum.knots_r, a->spectrum.knots_max_r,
                                        sqrt(part->kr2), index, value);
  if (splines == 0) memset(out, 0, (size_t)part->count * sizeof *out);
  for (int i = 0; i < splines; i++) {
    const float *from = a->along_z + index[i] * a->column + part->from;
    if (i == 0) scale_column(part->count, (float)value[i], from, out);
    else add_scaled(part->count, (float)value[i], from, out);
  }
}

/* Sum of the parts of the spectrum, then the root. */
static void mixture_along_column(const exset_amplitude_t *a, const part_t *part, float *out) {
  float more[CHUNK] __attribute__((aligned(64)));
  const int n_terms = a->spectrum.n_terms;
  if (a->piece || a->along_z) knots_along_column(a, part, out);
  else if (n_terms > 0) term_along_column(a, 0, part, 1, out);
  else memset(out, 0, (size_t)part->count * sizeof *out);
  for (int t = 1; t < n_terms; t++) {
    term_along_column(a, t, part, 1, more);
    add_column(part->count, more, out);
  }
  root_column(part->count, (float)a->white, out);
}

static double kr2_of(const exset_amplitude_t *a, int64_t kx, int64_t iy) {
  return square(a->base[EXSET_AXIS_X] * (double)kx) +
         square(signed_wavenumber(a, EXSET_AXIS_Y, iy));
}

void exset_amplitude_column(const exset_amplitude_t *a, int64_t kx, int64_t iy, float *column) {
  part_t part = {kr2_of(a, kx, iy), 0, a->column};
  if (a->spectrum.n_terms == 1 && a->white == 0) {
    term_along_column(a, 0, &part, 0.5, column);
    return;
  }
  for (; part.from < a->column; part.from += CHUNK) {
    part.count = a->column - part.from < CHUNK ? a->column - part.from : CHUNK;
    mixture_along_column(a, &part, column + part.from);
  }
}

int64_t exset_amplitude_column_size(const exset_amplitude_t *a) {
  return a->column;
}

const int64_t *exset_amplitude_cells(const exset_amplitude_t *a) {
  return a->n;
}

/* ---- normalisation ------------------------------------------------------------------------- */

/* How many modes share index i's |k| along an axis of n. */
static double multiplicity(int64_t i, int64_t n) {
  return i == 0 || 2 * i == n ? 1 : 2;
}

/* Sum of a term (t >= 0) or of the knots (t = -1) over all modes of the plane k_y of index iy; where x and y are alike, over
 * k_x >= k_y only, which then count for both. */
static double plane_sum(const exset_amplitude_t *a, int t, int64_t iy, float *column) {
  const int64_t nz = a->n[EXSET_AXIS_Z], nx = a->n[EXSET_AXIS_X];
  const bool alike = nx == a->n[EXSET_AXIS_Y] && a->base[EXSET_AXIS_X] == a->base[EXSET_AXIS_Y];
  double sum = 0;
  for (int64_t kx = alike ? iy : 0; kx <= nx / 2; kx++) {
    const part_t part = {kr2_of(a, kx, iy), 0, a->column};
    if (t < 0) knots_along_column(a, &part, column);
    else term_along_column(a, t, &part, 1, column);
    for (int64_t i = nz / 2 + 1; i < a->column; i++) column[i] = 0;
    const double once = (double)column[0] + (nz % 2 == 0 ? (double)column[nz / 2] : 0);
    sum += (alike && kx > iy ? 2 : 1) * multiplicity(kx, nx) *
           (2 * sum_column(a->column, column) - once);
  }
  return multiplicity(iy, a->n[EXSET_AXIS_Y]) * sum;
}

/* Planes are summed by different ranks and threads but added in the order of k_y. */
static int grid_sum(exset_ctx_t *ctx, const exset_amplitude_t *a, int t, double *sum) {
  const int64_t planes = a->n[EXSET_AXIS_Y] / 2 + 1;
  double *part = NULL;
  float *column = NULL;
  int err = exset_alloc_all(ctx, planes, sizeof *part, &part);
  if (!err) err = exset_alloc_all(ctx, ctx->threads * a->column, sizeof *column, &column);
  if (!err) {
#pragma omp parallel for schedule(dynamic) num_threads(ctx->threads)
    for (int64_t iy = ctx->rank; iy < planes; iy += ctx->size)
      part[iy] = plane_sum(a, t, iy, column + exset_thread() * a->column);
    err = EXSET_MPI(ctx,
                    MPI_Allreduce(MPI_IN_PLACE, part, (int)planes, MPI_DOUBLE, MPI_SUM, ctx->comm));
  }
  *sum = 0;
  for (int64_t iy = 0; iy < planes && !err; iy++) *sum += part[iy];
  free(part);
  free(column);
  return err;
}

/* Largest exponent over the modes, in double precision: only needed where a ring falls between modes. */
static int largest_exponent(exset_ctx_t *ctx, const exset_amplitude_t *a, int t, double *largest) {
  const exset_term_t *term = &a->spectrum.term[t];
  const double top = term->family == EXSET_FAMILY_MATERN ? exset_term_log_density(term, 0, 0) : 0;
  *largest = -INFINITY;
  for (int64_t iy = ctx->rank; iy <= a->n[EXSET_AXIS_Y] / 2; iy += ctx->size)
    for (int64_t iz = 0; iz <= a->n[EXSET_AXIS_Z] / 2; iz++)
      for (int64_t ix = 0; ix <= a->n[EXSET_AXIS_X] / 2; ix++) {
        const double kx = a->base[EXSET_AXIS_X] * (double)ix;
        const double ky = a->base[EXSET_AXIS_Y] * (double)iy;
        const double kz = a->base[EXSET_AXIS_Z] * (double)iz;
        const double e = exset_term_log_density(term, kx * kx + ky * ky, kz * kz) - top;
        if (e > *largest) *largest = e;
      }
  return EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, largest, 1, MPI_DOUBLE, MPI_MAX, ctx->comm));
}

static int normalise_terms(exset_ctx_t *ctx, exset_amplitude_t *a) {
  double weights = 0, sum;
  for (int t = 0; t < a->spectrum.n_terms; t++) weights += a->spectrum.term[t].weight;
  for (int t = 0; t < a->spectrum.n_terms; t++) {
    const exset_term_t *term = &a->spectrum.term[t];
    a->offset[t] = 0; /* exponents are relative to their supremum */
    EXSET_TRY(grid_sum(ctx, a, t, &sum));
    if (sum < 1e-6) {
      double largest;
      EXSET_TRY(largest_exponent(ctx, a, t, &largest));
      a->offset[t] = -largest;
      EXSET_TRY(grid_sum(ctx, a, t, &sum));
    }
    a->offset[t] += log((1 - a->spectrum.nugget) * term->weight / weights) - log(sum);
  }
  return EXSET_OK;
}

/* Cubic through the values at 0, 1/3, 2/3, 1 of an interval. */
static void fit_piece(const double f[4], double scale, float piece[4]) {
  piece[0] = (float)(scale * f[0]);
  piece[1] = (float)(scale * (-5.5 * f[0] + 9 * f[1] - 4.5 * f[2] + f[3]));
  piece[2] = (float)(scale * (9 * f[0] - 22.5 * f[1] + 18 * f[2] - 4.5 * f[3]));
  piece[3] = (float)(scale * (-4.5 * f[0] + 13.5 * f[1] - 13.5 * f[2] + 4.5 * f[3]));
}

/* Isotropic: cubics between the knots. */
static void tabulate_r(exset_amplitude_t *a, const exset_spectrum_t *spectrum, double scale) {
  for (int j = 0; j < a->intervals; j++) {
    double f[4];
    for (int i = 0; i < 4; i++) f[i] = exset_knots_density(spectrum, a->step * (j + i / 3.0), 0);
    fit_piece(f, scale, a->piece[j]);
  }
}

/* Tensor products: the splines in k_z put together at each mode of a column. */
static void tabulate_z(exset_amplitude_t *a, const exset_spectrum_t *spectrum, double scale) {
  for (int64_t kz = 0; kz <= a->n[EXSET_AXIS_Z] / 2; kz++) {
    int index[4];
    double value[4];
    const int splines = exset_knots_basis(spectrum->knots_z, spectrum->knots_max_z,
                                          a->base[EXSET_AXIS_Z] * (double)kz, index, value);
    for (int r = 0; r < spectrum->knots_r; r++) {
      double sum = 0;
      for (int i = 0; i < splines; i++)
        sum += value[i] * spectrum->knots[r * spectrum->knots_z + index[i]];
      a->along_z[r * a->column + kz] = (float)(scale * sum);
    }
  }
}

static void tabulate(exset_amplitude_t *a, const exset_spectrum_t *spectrum, double scale) {
  if (a->along_z) tabulate_z(a, spectrum, scale);
  else tabulate_r(a, spectrum, scale);
}

static int create_tables(exset_ctx_t *ctx, exset_amplitude_t *a, const exset_spectrum_t *spectrum) {
  if (spectrum->knots_z > 0)
    return exset_alloc_all(ctx, spectrum->knots_r * a->column, sizeof *a->along_z, &a->along_z);
  a->intervals = spectrum->knots_r + 1; /* the last spline reaches two steps beyond its centre */
  a->step = spectrum->knots_max_r / (spectrum->knots_r - 1);
  return exset_alloc_all(ctx, a->intervals + 1, sizeof *a->piece, &a->piece);
}

static int normalise_knots(exset_ctx_t *ctx, exset_amplitude_t *a,
                           const exset_spectrum_t *spectrum) {
  const int n = exset_spectrum_knots(spectrum);
  double largest = 0, sum;
  for (int i = 0; i < n; i++) largest = fmax(largest, spectrum->knots[i]);
  EXSET_TRY(create_tables(ctx, a, spectrum));
  if (largest > 0) tabulate(a, spectrum, 1 / largest);
  EXSET_TRY(grid_sum(ctx, a, -1, &sum));
  if (!(sum > 0))
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "the spectrum's knots are zero at all wavenumbers of a grid of %lld,%lld,%lld cells",
        (long long)a->n[0], (long long)a->n[1], (long long)a->n[2]);
  tabulate(a, spectrum, (1 - spectrum->nugget) / (largest * sum));
  return EXSET_OK;
}

int exset_amplitude_create(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3],
                           const exset_spectrum_t *spectrum, exset_amplitude_t **out) {
  *out = NULL;
  exset_amplitude_t *a;
  EXSET_TRY(exset_alloc_all(ctx, 1, sizeof *a, &a));
  int err;
  a->spectrum = *spectrum;
  a->spectrum.knots = NULL;
  a->column = (n[EXSET_AXIS_Z] / 2 + QUANTUM) / QUANTUM * QUANTUM;
  for (int axis = 0; axis < 3; axis++) {
    a->n[axis] = n[axis];
    a->base[axis] = 2 * M_PI / ((double)n[axis] * voxel[axis]);
  }
  EXSET_TRY_GOTO(err, fail, exset_alloc_all(ctx, a->column, sizeof *a->kz2, &a->kz2));
  for (int64_t i = 0; i <= n[EXSET_AXIS_Z] / 2; i++)
    a->kz2[i] = (float)square(a->base[EXSET_AXIS_Z] * (double)i);
  const bool plain = spectrum->n_terms == 0 && spectrum->knots_r == 0;
  a->white = (plain ? 1 : spectrum->nugget) / ((double)n[0] * (double)n[1] * (double)n[2]);
  if (spectrum->knots_r > 0) EXSET_TRY_GOTO(err, fail, normalise_knots(ctx, a, spectrum));
  else EXSET_TRY_GOTO(err, fail, normalise_terms(ctx, a));
  *out = a;
  return EXSET_OK;
fail:
  exset_amplitude_destroy(&a);
  return err;
}

void exset_amplitude_destroy(exset_amplitude_t **a) {
  if (!*a) return;
  free((*a)->kz2);
  free((*a)->along_z);
  free((*a)->piece);
  free(*a);
  *a = NULL;
}
