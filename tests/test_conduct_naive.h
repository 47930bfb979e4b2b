/* Effective conductivity the plain way: the whole volume, neighbours looked up, conjugate gradients. */
#ifndef EXSET_TEST_CONDUCT_NAIVE_H
#define EXSET_TEST_CONDUCT_NAIVE_H

#include "test_conduct.h"

typedef struct {
  const int64_t *n;
  const double *voxel;
  const double *s; /* conductivity of each cell */
  int axis;
} naive_t;

/* y = A u; b (if given): currents from the electrode at u = 1. */
static inline void naive_apply(const naive_t *p, const double *u, double *y, double *b) {
  const int64_t *n = p->n, stride[3] = {n[1] * n[2], n[2], 1};
  const double volume = p->voxel[0] * p->voxel[1] * p->voxel[2];
  for (int64_t i = 0; i < n[0] * n[1] * n[2]; i++) {
    y[i] = 0;
    for (int a = 0; a < 3; a++)
      for (int d = -1; d <= 1; d += 2) {
        const int64_t at = i / stride[a] % n[a] + d, k = i + d * stride[a];
        const double area_by_h = volume / (p->voxel[a] * p->voxel[a]);
        if (at >= 0 && at < n[a]) {
          const double sum = p->s[i] + p->s[k];
          if (sum > 0) y[i] += area_by_h * 2 * p->s[i] * p->s[k] / sum * (u[i] - u[k]);
        } else if (a == p->axis) {
          y[i] += area_by_h * 2 * p->s[i] * u[i];
          if (b && d < 0) b[i] = area_by_h * 2 * p->s[i];
        }
      }
  }
}

static inline double naive_dot(int64_t n, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* Plain conjugate gradients from u = 0 for the b that apply gives, until |r|^2 is `goal` of |b|^2. */
typedef void (*naive_apply_t)(const naive_t *p, const double *u, double *y, double *b);
static inline void naive_solve(const naive_t *problem, naive_apply_t apply, double goal, double *u,
                               double *b) {
  const int64_t cells = problem->n[0] * problem->n[1] * problem->n[2];
  double *r = case_alloc(3 * cells, sizeof *r), *p = r + cells, *q = p + cells;
  apply(problem, u, q, b);
  for (int64_t i = 0; i < cells; i++) p[i] = r[i] = b[i];
  double rr = naive_dot(cells, r, r);
  goal *= rr;
  for (int it = 0; it < 20000 && rr > goal; it++) {
    apply(problem, p, q, NULL);
    const double alpha = rr / naive_dot(cells, p, q), old = rr;
    for (int64_t i = 0; i < cells; i++) u[i] += alpha * p[i];
    for (int64_t i = 0; i < cells; i++) r[i] -= alpha * q[i];
    rr = naive_dot(cells, r, r);
    for (int64_t i = 0; i < cells; i++) p[i] = r[i] + rr / old * p[i];
  }
  free(r);
}

/** sigma_eff along axis of cells of conductivity s. Local. */
static inline double naive_cells(const int64_t n[3], const double voxel[3], const double *s,
                                 int axis) {
  const int64_t cells = n[0] * n[1] * n[2];
  double *u = case_alloc(2 * cells, sizeof *u), *b = u + cells;
  const naive_t problem = {n, voxel, s, axis};
  naive_solve(&problem, naive_apply, 1e-24, u, b);
  double current = 0; /* through the electrode at u = 1 */
  for (int64_t i = 0; i < cells; i++) current += b[i] * (1 - u[i]);
  const double length = (double)n[axis] * voxel[axis];
  const double area = (double)cells * voxel[0] * voxel[1] * voxel[2] / length;
  free(u);
  return current * length / area;
}

/** The same of cells phase(z, y, x). */
static inline double naive_conductivity(const int64_t n[3], const double voxel[3],
                                        case_phase_t phase, const double *sigma, int axis) {
  const int64_t cells = n[0] * n[1] * n[2];
  double *s = case_alloc(cells, sizeof *s);
  for (int64_t i = 0; i < cells; i++) {
    const int k = phase(i / (n[1] * n[2]), i / n[2] % n[1], i % n[2], n);
    s[i] = k > 0 ? sigma[k - 1] : 0;
  }
  const double value = naive_cells(n, voxel, s, axis);
  free(s);
  return value;
}

/* y = A u in a periodic box; b (if given): currents into the cells of a mean field 1 along axis, potentials being 0. */
static inline void naive_apply_periodic(const naive_t *p, const double *u, double *y, double *b) {
  const int64_t *n = p->n, stride[3] = {n[1] * n[2], n[2], 1};
  const double volume = p->voxel[0] * p->voxel[1] * p->voxel[2];
  for (int64_t i = 0; i < n[0] * n[1] * n[2]; i++) {
    y[i] = 0;
    for (int a = 0; a < 3; a++)
      for (int d = -1; d <= 1; d += 2) {
        const int64_t at = i / stride[a] % n[a], to = (at + d + n[a]) % n[a];
        const int64_t k = i + (to - at) * stride[a];
        if (!(p->s[i] > 0 && p->s[k] > 0)) continue;
        const double g = volume / (p->voxel[a] * p->voxel[a]) * 2 / (1 / p->s[i] + 1 / p->s[k]);
        y[i] += g * (u[i] - u[k]);
        if (b && a == p->axis) b[i] -= d * g * p->voxel[a];
      }
  }
}

/* Mean current density along each axis. */
static inline void naive_mean_current(const naive_t *p, const double *u, double current[3]) {
  const int64_t *n = p->n, stride[3] = {n[1] * n[2], n[2], 1}, cells = n[0] * n[1] * n[2];
  for (int a = 0; a < 3; a++) {
    current[a] = 0;
    for (int64_t i = 0; i < cells; i++) {
      const int64_t at = i / stride[a] % n[a], k = i + ((at + 1) % n[a] - at) * stride[a];
      if (!(p->s[i] > 0 && p->s[k] > 0)) continue;
      const double drop = u[i] - u[k] + (a == p->axis ? p->voxel[a] : 0);
      current[a] += 2 / (1 / p->s[i] + 1 / p->s[k]) * drop / p->voxel[a] / (double)cells;
    }
  }
}

/** Tensor of conductivity of a periodic box of cells of conductivity s: tensor[a] for a mean field along a. Local. */
static inline void naive_tensor(const int64_t n[3], const double voxel[3], const double *s,
                                double tensor[3][3]) {
  const int64_t cells = n[0] * n[1] * n[2];
  for (int axis = 0; axis < 3; axis++) {
    double *u = case_alloc(2 * cells, sizeof *u), *b = u + cells;
    const naive_t problem = {n, voxel, s, axis};
    naive_solve(&problem, naive_apply_periodic, 1e-26, u, b);
    naive_mean_current(&problem, u, tensor[axis]);
    free(u);
  }
}

#endif
