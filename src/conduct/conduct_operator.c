/* The operator on black cells, without a matrix, and what leads from there to all cells and back. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conduct_sweep.h"

/* ---- S x = d_b x_b - sum g x_r ------------------------------------------------------------------ */

typedef struct {
  const conduct_system_t *s;
  const double *x;
  double *y, *diagonal;
} apply_t;

static void apply_fetch(void *user, int64_t z, int64_t y, double *row) {
  const apply_t *p = user;
  memcpy(row, p->x + z * p->s->packed + y * p->s->half, (size_t)p->s->half * sizeof *row);
}

CONDUCT_SIMD static void difference(int64_t n, const double *restrict d, const double *restrict x,
                                    const double *restrict sum, double *restrict y) {
  for (int64_t i = 0; i < n; i++) {
    const double value = d[i] * x[i] - sum[i];
    y[i] = d[i] < INFINITY ? value : 0;
  }
}

static void apply_take(void *user, int64_t z, int64_t y, const double *sum) {
  const apply_t *p = user;
  const int64_t k = z * p->s->packed + y * p->s->half;
  const double *d = conduct_diagonal_f64(p->s, BLACK, z, y, p->diagonal);
  difference(p->s->half, d, p->x + k, sum, p->y + k);
}

int conduct_apply(conduct_system_t *s, const double *x, double *y) {
  apply_t apply = {.s = s, .x = x, .y = y};
  const sweep_f64_t sweep = {.fetch = apply_fetch, .take = apply_take, .user = &apply};
  EXSET_TRY(exset_alloc(s->ctx, s->half, sizeof *apply.diagonal, &apply.diagonal));
  const int err = sweep_f64(s, &sweep);
  free(apply.diagonal);
  return err;
}

/* ---- right-hand sides ----------------------------------------------------------------------------- */

void conduct_rhs_row(const conduct_system_t *s, int64_t z, int64_t y, double *row) {
  const conduct_rows_t r = conduct_rows(s, z, y);
  uint8_t neighbour[6];
  memset(row, 0, (size_t)s->nx * sizeof *row);
  if (!s->periodic) { /* u = 1 at the low electrode */
    const bool across = s->axis == EXSET_AXIS_X;
    if (across || (s->axis == EXSET_AXIS_Y ? y : s->grid.z0 + z) == 0)
      for (int64_t x = 0; x < (across ? 1 : s->nx); x++) row[x] = s->electrode[r.own[x]];
    return;
  }
  for (int64_t x = 0; x < s->nx; x++) {
    const uint8_t code = r.own[x];
    if (!code) continue;
    conduct_neighbours(s, &r, x, neighbour);
    row[x] = s->edge[s->axis] * (conduct_g(s, s->axis, code, neighbour[2 * s->axis + FACE_LOW]) -
                                 conduct_g(s, s->axis, code, neighbour[2 * s->axis + FACE_HIGH]));
  }
}

typedef struct {
  const conduct_system_t *s;
  const double *x; /* NULL: 0 */
  double *b;       /* of black cells, or NULL */
  double *u;       /* of all cells, or NULL */
  double *row;     /* [nx] */
  conduct_visit_t visit;
  void *user;
} both_t;

static void both_fetch(void *user, int64_t z, int64_t y, double *row) {
  const both_t *p = user;
  const size_t bytes = (size_t)p->s->half * sizeof *row;
  if (p->x) memcpy(row, p->x + z * p->s->packed + y * p->s->half, bytes);
  else memset(row, 0, bytes);
}

static void both_red(void *user, int64_t z, int64_t y, double *row) {
  const both_t *p = user;
  const int shift = conduct_shift(p->s, z, y, RED);
  conduct_rhs_row(p->s, z, y, p->row);
  for (int64_t i = 0; i < p->s->half; i++)
    row[i] = 2 * i + shift < p->s->nx ? p->row[2 * i + shift] : 0;
}

static void both_take(void *user, int64_t z, int64_t y, const double *sum) {
  const both_t *p = user;
  const conduct_system_t *s = p->s;
  const int64_t k = z * s->packed + y * s->half;
  const int shift = conduct_shift(s, z, y, BLACK);
  conduct_rhs_row(s, z, y, p->row);
  for (int64_t i = 0; i < s->half; i++)
    p->b[k + i] = s->d[BLACK][k + i] < INFINITY ? p->row[2 * i + shift] + sum[i] : 0;
}

static void both_take_red(void *user, int64_t z, int64_t y, const double *red,
                          const double *const neighbour[6]) {
  const both_t *p = user;
  const conduct_system_t *s = p->s;
  const double *black = p->x + z * s->packed + y * s->half;
  (void)neighbour;
  double *u = p->u + z * s->plane + y * s->nx;
  for (int colour = 0; colour < 2; colour++) {
    const int shift = conduct_shift(s, z, y, colour);
    for (int64_t i = 0; 2 * i + shift < s->nx; i++)
      u[2 * i + shift] = colour == RED ? red[i] : black[i];
  }
}

static void both_visit(void *user, int64_t z, int64_t y, const double *red,
                       const double *const neighbour[6]) {
  const both_t *p = user;
  p->visit(p->user, z, y, red, neighbour);
}

static int both(conduct_system_t *s, both_t *p) {
  const sweep_f64_t sweep = {.fetch = both_fetch,
                             .red = both_red,
                             .take = p->b ? both_take : NULL,
                             .take_red = p->u       ? both_take_red
                                         : p->visit ? both_visit
                                                    : NULL,
                             .user = p};
  EXSET_TRY(exset_alloc(s->ctx, s->nx, sizeof *p->row, &p->row));
  const int err = sweep_f64(s, &sweep);
  free(p->row);
  return err;
}

int conduct_right_hand_side(conduct_system_t *s, double *b) {
  both_t p = {.s = s, .b = b};
  return both(s, &p);
}

int conduct_recover(conduct_system_t *s, const double *x, double *u) {
  both_t p = {.s = s, .x = x, .u = u};
  return both(s, &p);
}

int conduct_visit(conduct_system_t *s, const double *x, conduct_visit_t visit, void *user) {
  both_t p = {.s = s, .x = x, .visit = visit, .user = user};
  return both(s, &p);
}
