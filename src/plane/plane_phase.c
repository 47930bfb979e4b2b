/*
 * From Gaussian components to phases, and back, in blocks of cells that stay in the cache. With h_a the indicator of
 * set a (hard or soft) and r_a the share that no earlier set covers (r_1 = 1):
 *   phase_a = r_a h_a,  r_(a+1) = r_a (1 - h_a),  the last phase is what remains.
 * Backwards, with e the derivative by r_(a+1), beginning with that by the last phase:
 *   by h_a: r_a (d_a - e),  by r_a: h_a d_a + (1 - h_a) e.
 */
#include "exset/simd.h"
#include "plane_impl.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 512 };

typedef struct {
  double level, slope; /* u = slope (X - level); slope < 0 with below; |slope| = 1 / (T spread) */
  bool below;
} set_t;

static set_t set_of(const plane_field_t *field, double temperature) {
  const double slope = 1 / (temperature * field->spread);
  return (set_t){field->level, field->below ? -slope : slope, field->below};
}

/* ---- kernels ---- */

EXSET_CLONES static void add_squares(int n, const double *restrict z, double *restrict x) {
  for (int i = 0; i < n; i++) x[i] += z[i] * z[i];
}

EXSET_CLONES static void couple(int n, double by_own, double by_first, const double *restrict z,
                                const double *restrict first, double *restrict x) {
  for (int i = 0; i < n; i++) x[i] = by_own * z[i] + by_first * first[i];
}

EXSET_CLONES static void hard(int n, set_t set, const double *restrict x, double *restrict h) {
  if (set.below)
    for (int i = 0; i < n; i++) h[i] = x[i] <= set.level ? 1.0 : 0.0;
  else
    for (int i = 0; i < n; i++) h[i] = x[i] >= set.level ? 1.0 : 0.0;
}

EXSET_CLONES static void soft(int n, set_t set, const double *restrict x, double *restrict s) {
  for (int i = 0; i < n; i++) s[i] = 1 / (1 + exset_exp(-set.slope * (x[i] - set.level)));
}

/* ds/dX, from exp(-|u|): it has no large numbers. */
EXSET_CLONES static void soft_slope(int n, set_t set, const double *restrict x,
                                    double *restrict slope) {
  for (int i = 0; i < n; i++) {
    const double e = exset_exp(-fabs(set.slope * (x[i] - set.level)));
    slope[i] = set.slope * e / ((1 + e) * (1 + e));
  }
}

EXSET_CLONES static void split(int n, const double *restrict h, double *restrict rest,
                               double *restrict phase) {
  for (int i = 0; i < n; i++) {
    phase[i] = rest[i] * h[i];
    rest[i] *= 1 - h[i];
  }
}

EXSET_CLONES static void remaining(int n, const double *restrict h, const double *restrict rest,
                                   double *restrict next) {
  for (int i = 0; i < n; i++) next[i] = rest[i] * (1 - h[i]);
}

EXSET_CLONES static void split_adjoint(int n, const double *restrict h, const double *restrict rest,
                                       const double *restrict slope, const double *restrict d_phase,
                                       double *restrict d_rest, double *restrict d_x) {
  for (int i = 0; i < n; i++) {
    d_x[i] = rest[i] * (d_phase[i] - d_rest[i]) * slope[i];
    d_rest[i] = h[i] * d_phase[i] + (1 - h[i]) * d_rest[i];
  }
}

EXSET_CLONES static void couple_adjoint(int n, double by_own, double by_first, double *restrict d_x,
                                        double *restrict d_first) {
  for (int i = 0; i < n; i++) {
    d_first[i] += by_first * d_x[i];
    d_x[i] *= by_own;
  }
}

/* Lanes, so that the sums vectorise without reordering by the compiler. */
enum { LANES = 8 };
EXSET_CLONES static double sum_of(int n, const double *restrict a) {
  double part[LANES] = {0}, sum = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) part[l] += a[i + l];
  for (; i < n; i++) sum += a[i];
  for (int l = 0; l < LANES; l++) sum += part[l];
  return sum;
}

EXSET_CLONES static double dot(int n, const double *restrict a, const double *restrict b) {
  double part[LANES] = {0}, sum = 0;
  int i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) part[l] += a[i + l] * b[i + l];
  for (; i < n; i++) sum += a[i] * b[i];
  for (int l = 0; l < LANES; l++) sum += part[l];
  return sum;
}

/* ---- one block ---- */

typedef struct {
  const exset_plane_t *plane;
  const plane_slot_t *slot;
  int64_t at; /* first cell */
  int n;      /* cells */
} block_t;

static const double *component(block_t b, int c) {
  return b.slot->z + c * b.plane->stride + b.at;
}

/* X of a field on the block: its Gaussian component itself, or values put into buffer. */
static const double *field_values(block_t b, int f, double *buffer) {
  const plane_field_t *field = &b.plane->field[f];
  const double *z = component(b, field->first);
  if (field->squared) {
    memset(buffer, 0, (size_t)b.n * sizeof *buffer);
    for (int c = 0; c < field->components; c++)
      add_squares(b.n, component(b, field->first + c), buffer);
    return buffer;
  }
  if (field->coupling == 0) return z;
  const double own = 1 / sqrt(1 + field->coupling * field->coupling);
  couple(b.n, own, own * field->coupling, z, component(b, 0), buffer);
  return buffer;
}

static void indicator(block_t b, set_t set, const double *x, double *h) {
  if (b.slot->mode == EXSET_THRESHOLD_SOFT) soft(b.n, set, x, h);
  else hard(b.n, set, x, h);
}

static block_t block_at(const exset_plane_t *plane, const plane_slot_t *slot, int64_t at) {
  const int64_t left = plane->cells - at;
  return (block_t){plane, slot, at, (int)(left < BLOCK ? left : BLOCK)};
}

/* The last phase serves as the share that is left. */
static void block_phases(block_t b, double *phase) {
  double buffer[BLOCK], h[BLOCK], *rest = phase + b.plane->n_fields * b.plane->cells + b.at;
  for (int i = 0; i < b.n; i++) rest[i] = 1;
  for (int f = 0; f < b.plane->n_fields; f++) {
    const double *x = field_values(b, f, buffer);
    indicator(b, set_of(&b.plane->field[f], b.slot->temperature), x, h);
    split(b.n, h, rest, phase + f * b.plane->cells + b.at);
  }
}

static void block_labels(block_t b, uint8_t *label) {
  double buffer[BLOCK], h[BLOCK];
  memset(label, b.plane->n_fields + 1, (size_t)b.n);
  for (int f = b.plane->n_fields - 1; f >= 0; f--) {
    const double *x = field_values(b, f, buffer);
    hard(b.n, set_of(&b.plane->field[f], 1), x, h);
    for (int i = 0; i < b.n; i++) label[i] = h[i] > 0 ? (uint8_t)(f + 1) : label[i];
  }
}

/* Coupled fields: dX'/dc = X_1 / sqrt(1 + c^2) - X' c / (1 + c^2). Returns the derivative by c. */
static double block_coupling(block_t b, int f, const double *x, double *d_x, double *d_first) {
  const double c = b.plane->field[f].coupling, own = 1 / sqrt(1 + c * c);
  const double d_c = own * dot(b.n, d_x, component(b, 0)) - c * own * own * dot(b.n, d_x, x);
  couple_adjoint(b.n, own, own * c, d_x, d_first);
  return d_c;
}

static void block_adjoint(exset_plane_t *plane, block_t b, const double *d_phase) {
  double x_buffer[EXSET_MAX_FIELDS][BLOCK], h[EXSET_MAX_FIELDS][BLOCK];
  double rest[EXSET_MAX_FIELDS + 1][BLOCK], slope[BLOCK], d_rest[BLOCK];
  const double *x[EXSET_MAX_FIELDS];
  const int n_fields = plane->n_fields;
  for (int i = 0; i < b.n; i++) rest[0][i] = 1;
  for (int f = 0; f < n_fields; f++) {
    x[f] = field_values(b, f, x_buffer[f]);
    indicator(b, set_of(&plane->field[f], b.slot->temperature), x[f], h[f]);
    remaining(b.n, h[f], rest[f], rest[f + 1]);
  }
  memcpy(d_rest, d_phase + n_fields * plane->cells + b.at, (size_t)b.n * sizeof *d_rest);
  for (int f = n_fields - 1; f >= 0; f--) {
    double *d_x = plane->d_x + f * plane->stride + b.at;
    soft_slope(b.n, set_of(&plane->field[f], b.slot->temperature), x[f], slope);
    split_adjoint(b.n, h[f], rest[f], slope, d_phase + f * plane->cells + b.at, d_rest, d_x);
    plane->field[f].d_level -= sum_of(b.n, d_x);
  }
  for (int f = 1; f < n_fields; f++) /* couplings to the first field, once its own are known */
    if (!plane->field[f].squared && !plane->field[0].squared)
      plane->field[f].d_coupling +=
          block_coupling(b, f, x[f], plane->d_x + f * plane->stride + b.at, plane->d_x + b.at);
}

/* ---- whole sections ---- */

void plane_phases(const exset_plane_t *plane, const plane_slot_t *slot, double *phase) {
  for (int64_t at = 0; at < plane->cells; at += BLOCK)
    block_phases(block_at(plane, slot, at), phase);
}

void plane_phase_labels(const exset_plane_t *plane, const plane_slot_t *slot, uint8_t *label) {
  for (int64_t at = 0; at < plane->cells; at += BLOCK)
    block_labels(block_at(plane, slot, at), label + at);
}

void plane_phases_adjoint(exset_plane_t *plane, const plane_slot_t *slot, const double *d_phase) {
  for (int64_t at = 0; at < plane->cells; at += BLOCK)
    block_adjoint(plane, block_at(plane, slot, at), d_phase);
}
