/* Sweeps in both precisions. */
#include "conduct_sweep.h"

#include <stdlib.h>
#include <string.h>

/* Sums of conductances of a packed row; row: [half] room for them. z: -1..nz. */
static const float *conduct_diagonal_f32(const conduct_system_t *s, int colour, int64_t z,
                                         int64_t y, float *row) {
  (void)row;
  return s->d[colour] + z * s->packed + y * s->half;
}

const double *conduct_diagonal_f64(const conduct_system_t *s, int colour, int64_t z, int64_t y,
                                   double *row) {
  const int64_t k = z * s->packed + y * s->half;
  if (s->dd[colour]) return s->dd[colour] + k;
  for (int64_t i = 0; i < s->half; i++) row[i] = s->d[colour][k + i];
  return row;
}

#define REAL float
#define NAME(name, end) name##_f32##end
#define MPI_REAL_TYPE MPI_FLOAT
#include "conduct_sweep_real.h"
#undef REAL
#undef NAME
#undef MPI_REAL_TYPE

#define REAL double
#define NAME(name, end) name##_f64##end
#define MPI_REAL_TYPE MPI_DOUBLE
#include "conduct_sweep_real.h"
