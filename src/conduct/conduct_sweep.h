/*
 * Sweeps: from numbers x_b of the black cells to the red ones, x_r = (b_r + sum g x_b) / d_r, and back to the sums
 * S_b = sum g x_r, plane by plane, so that each array is read from memory once. In double precision (the operator) and in
 * single precision (the finest level of the multigrid).
 *
 * Planes of sweeps: ny + 2 rows of half + 2 numbers, the first and the last of which stand for the neighbours beyond the outer
 * faces: 0, or copies of the other end when periodic.
 */
#ifndef EXSET_CONDUCT_SWEEP_H
#define EXSET_CONDUCT_SWEEP_H

#include "conduct_impl.h"

static inline int64_t sweep_stride(const conduct_system_t *s) {
  return s->half + 2;
}
static inline int64_t sweep_plane(const conduct_system_t *s) {
  return (s->ny + 2) * (s->half + 2);
}
/* Position of the first cell of row y in a plane. */
static inline int64_t sweep_row(const conduct_system_t *s, int64_t y) {
  return (y + 1) * (s->half + 2) + 1;
}

/*
 * What is swept. Rows are [half]; z is local, and fetch is asked for planes of the slab alone, each at most four times.
 * fetch: x_b. red: b_r, also for z = -1 and nz; NULL: 0. take: S_b; NULL: not needed. take_red: x_r of the
 * slab, with their six neighbours by face; NULL: not needed.
 */
#define SWEEP_TYPES(REAL, SUFFIX)                                                      \
  typedef struct {                                                                     \
    void (*fetch)(void *user, int64_t z, int64_t y, REAL *row);                        \
    void (*red)(void *user, int64_t z, int64_t y, REAL *row);                          \
    void (*take)(void *user, int64_t z, int64_t y, const REAL *sum);                   \
    void (*take_red)(void *user, int64_t z, int64_t y, const REAL *row,                \
                     const REAL *const neighbour[6]);                                  \
    void *user;                                                                        \
  } sweep_##SUFFIX##_t;                                                                \
  /* Collective over ranks with planes. Errors: EXSET_ERR_LOCAL (memory, MPI). */      \
  int sweep_##SUFFIX(const conduct_system_t *s, const sweep_##SUFFIX##_t *sweep);      \
  /* Fill the first and last rows and numbers of a plane from the other end. Local. */ \
  void sweep_pad_##SUFFIX(const conduct_system_t *s, REAL *plane);

/* Sums of conductances of a packed row of the slab; row: [half] room for them. Local. */
const double *conduct_diagonal_f64(const conduct_system_t *s, int colour, int64_t z, int64_t y,
                                   double *row);

SWEEP_TYPES(float, f32)
SWEEP_TYPES(double, f64)

#endif
