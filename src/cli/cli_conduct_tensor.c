/* exset conduct: the tensor of three solves. */
#include <math.h>
#include <string.h>

#include "cli_conduct.h"

/*
 * Principal values and directions of a symmetric matrix by Jacobi's method: rotations in the planes of its largest
 * elements off the diagonal, until these are nothing beside the diagonal.
 */
static void principal(const double matrix[3][3], double value[3], double direction[3][3]) {
  double a[3][3], v[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}; /* v: rows are directions */
  memcpy(a, matrix, sizeof a);
  for (int step = 0; step < 100; step++) {
    int p = 0, q = 1;
    if (fabs(a[0][2]) > fabs(a[p][q])) q = 2;
    if (fabs(a[1][2]) > fabs(a[p][q])) {
      p = 1;
      q = 2;
    }
    if (fabs(a[p][q]) <= 1e-16 * (fabs(a[0][0]) + fabs(a[1][1]) + fabs(a[2][2]))) break;
    const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < 3; k++) { /* columns, then rows */
      const double kp = a[k][p], kq = a[k][q];
      a[k][p] = c * kp - s * kq;
      a[k][q] = s * kp + c * kq;
    }
    for (int k = 0; k < 3; k++) {
      const double pk = a[p][k], qk = a[q][k], vp = v[p][k], vq = v[q][k];
      a[p][k] = c * pk - s * qk;
      a[q][k] = s * pk + c * qk;
      v[p][k] = c * vp - s * vq;
      v[q][k] = s * vp + c * vq;
    }
  }
  bool taken[3] = {false};
  for (int i = 0; i < 3;
       i++) { /* the largest first; the largest component of a direction is positive */
    int best = -1, big = 0;
    for (int k = 0; k < 3; k++)
      if (!taken[k] && (best < 0 || a[k][k] > a[best][best])) best = k;
    taken[best] = true;
    value[i] = a[best][best];
    for (int k = 1; k < 3; k++)
      if (fabs(v[best][k]) > fabs(v[best][big]) + 1e-9) big = k;
    for (int k = 0; k < 3; k++) direction[i][k] = copysign(1, v[best][big]) * v[best][k];
  }
}

/* Mean of opposite elements, and the largest difference between them. */
static void symmetrise(conduct_tensor_t *t) {
  double gap = 0, largest = 0;
  for (int r = 0; r < 3; r++)
    for (int c = 0; c < r; c++) {
      gap = fmax(gap, fabs(t->value[r][c] - t->value[c][r]));
      t->value[r][c] = t->value[c][r] = 0.5 * (t->value[r][c] + t->value[c][r]);
    }
  for (int r = 0; r < 3; r++) largest = fmax(largest, fabs(t->value[r][r]));
  t->defect = largest > 0 ? gap / largest : 0;
}

bool conduct_tensor(const conduct_plan_t *plan, const exset_conduct_run_t *run,
                    conduct_tensor_t *t) {
  for (int i = 0; i < 9; i++) {
    t->value[i / 3][i % 3] = t->direction[i / 3][i % 3] = t->principal[i % 3] = NAN;
  }
  t->defect = NAN;
  if (plan->n_axes < 3) return false;
  const bool full = plan->boundary == EXSET_BOUNDARY_PERIODIC;
  for (int a = 0; a < 3; a++) {
    const int column = EXSET_AXIS_X - run[a].axis;
    for (int row = 0; row < 3; row++)
      if (full) t->value[row][column] = run[a].current[EXSET_AXIS_X - row];
    t->value[column][column] = run[a].sigma_eff;
  }
  if (!full) return true;
  symmetrise(t);
  principal((const double(*)[3])t->value, t->principal, t->direction);
  return true;
}
