/*
 * Geometric multigrid on slabs, in single precision: aggregates of 2 x 2 x 2 cells, one red-black
 * Gauss-Seidel sweep before and its mirror image after the coarse correction. See
 * doc/theory/conductivity.md.
 */
#ifndef EXSET_CONDUCT_MG_H
#define EXSET_CONDUCT_MG_H

#include "conduct_impl.h"

/*
 * One level on this rank. Slab arrays have a plane before and after, as in conduct_system_t.
 * A level is made from this rank's aggregates (part_nz planes) of the finer one; where slabs become
 * thin, the parts of `members` ranks are merged on the first of them (the leader), which then holds nz
 * planes, its own part first. The others keep their part of x and b and wait while the leader works.
 */
typedef struct {
  int64_t nz, ny, nx, plane; /* nz = 0 on ranks that only hold a part, or nothing */
  int64_t part_nz;
  int64_t z0;       /* number of the first plane: parity of the colouring */
  int down, up;     /* ranks that hold the neighbouring slabs, or MPI_PROC_NULL */
  int leader;       /* rank that works for this rank's part */
  int members;      /* on the leader: ranks merged, incl. itself */
  int stride;       /* their distance */
  int64_t *parts;   /* on the leader: [members] planes of each */
  float *g[3];      /* level 0: borrowed from the system */
  float *inverse;   /* 1 / diagonal, 0 in inactive cells; slab array */
  float *x, *b;     /* slab arrays */
  float step;       /* > 0: two steps of the iteration at this level, see conduct_mg_create */
  float *x0, *b0;   /* [nz][ny][nx] where step > 0 */
  float *electrode; /* there: conductances to the electrodes */
  float *stripe;    /* 0, 1, 0, 1 ... [nx + 2] */
  float *row, *sum; /* [nx + 1] work */
} mg_level_t;

typedef struct {
  exset_ctx_t *ctx;
  const conduct_system_t *system;
  const double *r; /* during an application */
  double *z;
  int n_levels;
  mg_level_t *level;
} conduct_mg_t;

/**
 * Build the levels. The first ones below the finest make two steps x += step B (b - A x), B: cycle; two
 * steps are positive definite as long as step times the largest eigenvalue of B A is below 2.
 * Collective.
 */
int conduct_mg_create(conduct_system_t *s, conduct_mg_t **mg);
int conduct_mg_destroy(conduct_mg_t **mg);
/** z = M r for vectors of active cells, M symmetric positive definite. Collective. */
int conduct_mg_apply(conduct_mg_t *mg, const double *r, double *z);
/** Repeat no level from now on: slower, but positive definite without any estimate. Was any repeated? Local,
 *  the same on all ranks. */
bool conduct_mg_single(conduct_mg_t *mg);
/** Largest eigenvalue of B A at a level, from below, by the power method in single precision. Collective. */
int conduct_mg_largest(const conduct_mg_t *mg, int k, double *eigenvalue);

#endif
