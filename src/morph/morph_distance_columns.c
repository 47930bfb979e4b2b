/* Distances along columns of cells: a search with a bound, and lower envelopes where it would be long. */
#include "exset/simd.h"
#include "morph_distance_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = DISTANCE_LANES };
/* Steps of the search for each row, in the mean, beyond which lower envelopes are faster. */
static const int64_t STEPS_MAX = 384;

int distance_work_init(exset_ctx_t *ctx, int64_t m, distance_work_t *work) {
  EXSET_TRY(exset_alloc_unset(ctx, m * LANES, sizeof *work->column, &work->column));
  EXSET_TRY(exset_alloc_unset(ctx, m + 1, sizeof *work->border, &work->border));
  return exset_alloc_unset(ctx, m, sizeof *work->vertex, &work->vertex);
}

void distance_work_clear(distance_work_t *work) {
  free(work->column);
  free(work->border);
  free(work->vertex);
}

/* Columns side by side in rows of LANES; missing ones are 0, which needs no search. False where nothing is finite. */
static bool pack(const float *first, int64_t lanes, int64_t m, int64_t stride, float *column) {
  float least[LANES];
  for (int i = 0; i < LANES; i++) least[i] = INFINITY;
  for (int64_t k = 0; k < m; k++, first += stride, column += LANES) {
    if (lanes == LANES) {
      memcpy(column, first, LANES * sizeof *column);
    } else {
      for (int64_t i = 0; i < LANES; i++) column[i] = i < lanes ? first[i] : 0;
    }
    for (int i = 0; i < LANES; i++) least[i] = column[i] < least[i] ? column[i] : least[i];
  }
  for (int64_t i = 0; i < lanes; i++)
    if (least[i] < INFINITY) return true;
  return false;
}

/* One row of the search: the nearest below and above, up to so many steps away. */
EXSET_CLONES_UNJAMMED static void search_row(const float *restrict row, int64_t below,
                                             int64_t above, float weight, float *restrict out) {
  const int64_t both = below < above ? below : above;
  float least[LANES];
  for (int i = 0; i < LANES; i++) least[i] = row[i];
  for (int64_t d = 1; d <= both; d++) {
    const float *down = row - d * LANES, *up = row + d * LANES;
    const float steps = distance_of_steps(weight, (float)d);
    for (int i = 0; i < LANES; i++) {
      const float f = (down[i] < up[i] ? down[i] : up[i]) + steps;
      least[i] = f < least[i] ? f : least[i];
    }
  }
  const int64_t way = below < above ? LANES : -LANES, rest = below < above ? above : below;
  for (int64_t d = both + 1; d <= rest; d++) {
    const float *side = row + d * way, steps = distance_of_steps(weight, (float)d);
    for (int i = 0; i < LANES; i++) {
      const float f = side[i] + steps;
      least[i] = f < least[i] ? f : least[i];
    }
  }
  for (int i = 0; i < LANES; i++) out[i] = least[i];
}

/* The largest: bits of numbers >= 0 are in their order, and maxima of integers are vector code. */
static float most_of(const float *lane) {
  int32_t bits[LANES], most = 0;
  float value;
  memcpy(bits, lane, sizeof bits);
  for (int i = 0; i < LANES; i++) most = bits[i] > most ? bits[i] : most;
  memcpy(&value, &most, sizeof value);
  return value;
}

/* From one row to the next the root of the result grows by at most one step, which bounds the steps to its minimum. */
static int64_t next_reach(const float *out, int64_t m, double steps_per_unit) {
  const double reach = sqrt((double)most_of(out)) * steps_per_unit * (1 + 1e-6) + 1.001;
  return reach < (double)m ? (int64_t)reach : m;
}

/* False where it takes too long; the rest of the columns is then left as it was. */
static bool search(const float *column, int64_t lanes, int64_t m, int64_t stride, float weight,
                   float *first) {
  const double steps_per_unit = 1 / sqrt((double)weight);
  float out[LANES];
  int64_t reach = m, steps = 0;
  for (int64_t k = 0; k < m && steps <= STEPS_MAX * m; k++) {
    const int64_t below = reach < k ? reach : k, above = reach < m - 1 - k ? reach : m - 1 - k;
    search_row(column + k * LANES, below, above, weight, out);
    for (int64_t i = 0; i < lanes; i++) first[k * stride + i] = out[i];
    reach = next_reach(out, m, steps_per_unit);
    steps += below + above;
  }
  return steps <= STEPS_MAX * m;
}

/* Where the parabola of vertex b falls below that of a < b. */
static double crossing(const float *column, int64_t a, int64_t b, double weight) {
  const double fa = column[a * LANES], fb = column[b * LANES];
  return ((fb - fa) / weight + (double)(b * b) - (double)(a * a)) / (2.0 * (double)(b - a));
}

/* Felzenszwalb and Huttenlocher 2012: parabolas of the lower envelope in order of their vertices. */
static int64_t find_envelope(const float *column, int64_t m, double weight, distance_work_t *work) {
  int64_t n = 0;
  for (int64_t k = 0; k < m; k++) {
    if (column[k * LANES] == INFINITY) continue;
    double border = -INFINITY;
    while (n > 0) {
      border = crossing(column, work->vertex[n - 1], k, weight);
      if (border > work->border[n - 1]) break;
      n--;
    }
    work->border[n] = n > 0 ? border : -INFINITY;
    work->vertex[n++] = k;
  }
  work->border[n] = INFINITY;
  return n;
}

static void envelope(const float *column, int64_t m, int64_t stride, float weight,
                     distance_work_t *work, float *first) {
  if (find_envelope(column, m, (double)weight, work) == 0)
    return; /* all is infinite, and remains so */
  int64_t n = 0;
  for (int64_t k = 0; k < m; k++) {
    while (work->border[n + 1] < (double)k) n++;
    const int64_t at = work->vertex[n];
    first[k * stride] = column[at * LANES] + distance_of_steps(weight, (float)(k - at));
  }
}

void distance_columns(float *first, int64_t lanes, int64_t m, int64_t stride, float weight,
                      distance_work_t *work) {
  for (int64_t i = 0; i < lanes; i += LANES) {
    const int64_t n = lanes - i < LANES ? lanes - i : LANES;
    if (!pack(first + i, n, m, stride, work->column)) continue;
    if (search(work->column, n, m, stride, weight, first + i)) continue;
    for (int64_t lane = 0; lane < n; lane++)
      envelope(work->column + lane, m, stride, weight, work, first + i + lane);
  }
}
