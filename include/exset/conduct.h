/**
 * conduct: effective conductivity of labelled volumes. Effective diffusivity, thermal conductivity and permittivity
 * are the same problem.
 *
 * Voxel finite volumes for div(sigma grad u) = 0: one unknown for each conducting cell, harmonic mean
 * of the conductivities on faces. Two boundary conditions:
 * - electrodes: two opposite outer faces, u = 1 at the low face, u = 0 at the high face, half a cell outside the
 *   first centres, no flux elsewhere;
 * - periodic in all directions, with a mean gradient of 1 per length along one axis: a solve gives one column of
 *   the tensor of conductivity, which is symmetric.
 * Phases of conductivity 0 and masked cells (phase 0) do not conduct. Components that do not touch both
 * electrodes, or do not wind round a periodic box, carry no mean current and are left out, which is exact.
 * See doc/theory/conductivity.md.
 */
#ifndef EXSET_CONDUCT_H
#define EXSET_CONDUCT_H

#include "exset/volume.h"

typedef enum { EXSET_BOUNDARY_ELECTRODES, EXSET_BOUNDARY_PERIODIC } exset_boundary_t;

/* A volume with conductivities, and what does not depend on the direction. */
typedef struct exset_conduct_s exset_conduct_t;

/* Zero-initialise for the defaults. */
typedef struct {
  double rtol;         /* accuracy of sigma_eff, relative: ends the iteration; 0: 1e-4 */
  const char *pc_type; /* PETSc's name; NULL: voxelmg. The option -conduct_pc_type goes before. */
} exset_conduct_options_t;

/* Bounds of the effective conductivity from the volume fractions, masked cells counting as sigma = 0. */
typedef struct {
  double wiener_low,
      wiener_high;        /* layers across and along the current: hold for every structure */
  double hs_low, hs_high; /* Hashin-Shtrikman: hold for isotropic structures */
} exset_conduct_bounds_t;

/* Results for one direction. */
typedef struct {
  int axis;
  double
      sigma_eff; /* in the units of sigma; from the dissipated power (error ~ that of u squared) */
  double current[3]; /* periodic: mean current density along z, y, x, a column of the tensor;
                               electrodes: sigma_eff at axis, else NaN */
  double m_factor;   /* sigma_eff / mean conductivity of the conducting cells */
  double
      tortuosity_factor; /* fraction of the conducting phases / m_factor; infinite without a path */
  double
      bruggeman; /* exponent a of m_factor = fraction^a; NaN for fractions 0 and 1, infinite without a path */
  double flux_in,
      flux_out; /* sigma_eff from the currents through the two outer faces (error ~ that of u) */
  double
      error; /* estimated relative error of sigma_eff by the solver, from the energy that is left;
                NaN: not known (methods other than cg) */
  double mismatch; /* larger of |flux_in - sigma_eff| and |flux_out - sigma_eff|, / sigma_eff */
  double conducting_fraction;       /* conducting cells / all cells */
  double percolating_fraction;      /* cells of components that percolate along axis / all cells */
  double percolating_share;         /* the same cells / conducting cells; 0 when there are none */
  double contact_low, contact_high; /* part of the two outer faces that percolating cells cover */
  int64_t clusters, clusters_removed; /* components of conducting cells; those that are left out */
  int64_t unknowns;                   /* cells solved for */
  int iterations;
  double residual; /* |b - A u| / |b| at the end */
  double seconds_setup, seconds_solve;
  char preconditioner[32]; /* PETSc's name of its type */
} exset_conduct_run_t;

/**
 * Prepare: label the components of conducting cells.
 * Collective. sigma[n_phases]: conductivity of phases 1..n_phases, any unit.
 * Ownership: volume is borrowed and must outlive the handle.
 * Errors: EXSET_ERR_INPUT (negative or not finite, all 0, positive values that span more than 10^15),
 * EXSET_ERR_RUN (memory).
 */
int exset_conduct_create(exset_ctx_t *ctx, const exset_volume_t *volume, exset_boundary_t boundary,
                         const double *sigma, exset_conduct_t **conduct);
/**
 * Other conductivities of the same volume: what was labelled is kept as long as the same phases conduct.
 * Collective. Errors: as exset_conduct_create.
 */
int exset_conduct_change(exset_conduct_t *conduct, const double *sigma);
/** NULL is fine. Collective. */
int exset_conduct_destroy(exset_conduct_t **conduct);

/** Bounds from the volume fractions. Local. */
void exset_conduct_bounds(const exset_conduct_t *conduct, exset_conduct_bounds_t *bounds);

/**
 * Solve for the current along one axis. PETSc must be running; its options with the prefix "conduct_"
 * apply. Preconditioners: voxelmg (geometric multigrid, no matrix is assembled) or any of PETSc's,
 * for which the matrix of the percolating cells is assembled. The iteration ends when the estimated error of
 * sigma_eff is below rtol and the mismatch below 10 rtol.
 *
 * Collective. potential: NULL or [nz_local][ny][nx], NaN in cells without current; electrodes: u in [0, 1]; periodic:
 * what is left of u, in units of length, when the mean gradient is taken off.
 * current: NULL or [nz_local][ny][nx][3], components x, y, z of the cell's mean current density for a
 * mean gradient of 1 per length (its z, y or x mean over the box is sigma_eff), 0 in cells without current.
 * No path between the electrodes: sigma_eff = 0, EXSET_OK.
 * Errors: EXSET_ERR_INPUT (preconditioner unknown; options that PETSc refuses; too many unknowns for PETSc's
 * integers; more than 2^21 cells along an axis, 2^30 cells in a plane), EXSET_ERR_RUN (no convergence, memory,
 * library failure).
 */
int exset_conduct_solve(exset_conduct_t *conduct, int axis, const exset_conduct_options_t *options,
                        float *potential, float *current, exset_conduct_run_t *run);

#endif
