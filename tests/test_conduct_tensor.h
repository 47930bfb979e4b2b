/* The tensor of conductivity of periodic boxes, and what tests compare it with. */
#ifndef EXSET_TEST_CONDUCT_TENSOR_H
#define EXSET_TEST_CONDUCT_TENSOR_H

#include <math.h>

#include "test_conduct_box.h"

typedef struct {
  double at[3][3]; /* [row][column]: current along z, y, x of a mean gradient along z, y, x */
} tensor_t;

/** Three solves; also checks sigma_eff against the diagonal. Collective. */
static inline tensor_t tensor_solve(exset_ctx_t *ctx, const box_t *b, const double *sigma,
                                    double rtol) {
  tensor_t t;
  exset_conduct_run_t run[3];
  box_solve(ctx, b, EXSET_BOUNDARY_PERIODIC, sigma, rtol, run);
  for (int column = 0; column < 3; column++) {
    for (int row = 0; row < 3; row++) t.at[row][column] = run[column].current[row];
    CHECK_NEAR(run[column].sigma_eff, t.at[column][column], 1e-6 * run[column].sigma_eff);
  }
  return t;
}

/* The size that entries are compared by: sqrt(T_aa T_cc) bounds |T_ac|. Along axes without path: the larger one. */
static inline double tensor_size(const tensor_t *t, int a, int c) {
  const double product = t->at[a][a] * t->at[c][c];
  return product > 0 ? sqrt(product) : fmax(t->at[a][a], t->at[c][c]);
}

/** Largest difference of two tensors, relative to the sizes of b's entries. */
static inline double tensor_difference(const tensor_t *t, const tensor_t *b) {
  double worst = 0;
  for (int a = 0; a < 3; a++)
    for (int c = 0; c < 3; c++) {
      const double d = fabs(t->at[a][c] - b->at[a][c]), size = tensor_size(b, a, c);
      const double relative = d == 0 ? 0 : d / size;
      if (!(relative <= worst)) worst = relative; /* also NaN */
    }
  return worst;
}

#define CHECK_TENSOR(t, expected, tolerance)                                                     \
  CHECK_MSG(tensor_difference((t), (expected)) <= (tolerance), "tensors differ by %.3g: %s, %s", \
            tensor_difference((t), (expected)), tensor_text((t), (char[200]){0}),                \
            tensor_text((expected), (char[200]){0}))

static inline const char *tensor_text(const tensor_t *t, char *text) {
  snprintf(text, 200, "zz %.9g yy %.9g xx %.9g zy %.9g zx %.9g yx %.9g", t->at[0][0], t->at[1][1],
           t->at[2][2], t->at[0][1], t->at[0][2], t->at[1][2]);
  return text;
}

/** t - b + slack diag(t) is positive definite (Cholesky's criterion), apart from axes along which neither has a path. */
static inline bool tensor_at_least(const tensor_t *t, const tensor_t *b, double slack) {
  double m[3][3];
  for (int a = 0; a < 3; a++)
    for (int c = 0; c < 3; c++)
      m[a][c] = t->at[a][c] - b->at[a][c] + (a == c ? slack * fabs(t->at[a][a]) : 0);
  for (int k = 0; k < 3; k++) {
    if (t->at[k][k] == 0 && b->at[k][k] == 0) continue; /* no path: the whole row is 0 */
    if (!(m[k][k] > 0)) return false;
    for (int a = k + 1; a < 3; a++)
      for (int c = k + 1; c < 3; c++) m[a][c] -= m[a][k] * m[k][c] / m[k][k];
  }
  return true;
}

#endif
