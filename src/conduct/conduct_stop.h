/* When to stop: the error of sigma_eff from the energy that is left, the mismatch of the currents, the residual. */
#ifndef EXSET_CONDUCT_STOP_H
#define EXSET_CONDUCT_STOP_H

#include "conduct_impl.h"

enum { CONDUCT_STOP_NORMS = 4, CONDUCT_STOP_RITZ = 3 };

/* The least Ritz value of the preconditioned operator after some iterations. */
typedef struct {
  PetscInt it;
  double value;
} conduct_ritz_t;

/* One solve. power(x) = power(solution) + per_energy (x - solution)' A (x - solution), A: the matrix. */
typedef struct {
  conduct_system_t *s;
  const conduct_linear_t *l;
  KSP ksp;
  bool energy; /* conjugate gradients in the natural norm: the energy that is left is known */
  double rtol; /* asked for, of sigma_eff */
  double goal, norm_b;   /* asked for, of |b - A x|, 0: nothing; |b| */
  double started, shown; /* seconds */
  /* the iteration; norm: KSP's, see energy */
  PetscInt it;
  double first, norm;
  double last[CONDUCT_STOP_NORMS]; /* norm of iteration it at it % CONDUCT_STOP_NORMS */
  double least;                    /* norm so far, to a factor of 2, of iteration */
  PetscInt least_it;
  double weight;                          /* sum over iterations i of (norm / norm_i)^2 */
  conduct_ritz_t ritz[CONDUCT_STOP_RITZ]; /* the latest first; value 0: none */
  PetscInt tried;                         /* iteration of the latest, whether of use or not */
  double left; /* energy that is left, (x - solution)' A (x - solution); NaN: not known */
  double due;  /* norm that calls for a measurement */
  /* the last measurement */
  conduct_measure_t m;
  double mismatch, residual; /* |b - A x| */
  double checked, lack;      /* norm then; how far from what is asked for, as a factor */
  bool limited;              /* rounding errors prevent more */
} conduct_stop_t;

/*
 * Take charge of ksp, which is set up. rtol: of sigma_eff. PETSc's tolerances of ksp for the residual, where they are
 * positive, are asked for besides. Collective. stop must live as long as ksp is used.
 */
PetscErrorCode conduct_stop_begin(conduct_system_t *s, const conduct_linear_t *l, KSP ksp,
                                  double rtol, conduct_stop_t *stop);
/* After KSPSolve: measure x; reason may change. Collective. */
PetscErrorCode conduct_stop_end(conduct_stop_t *stop, Vec x, KSPConvergedReason *reason);
/* Relative error of sigma_eff that is left; NaN: not known. Local. */
double conduct_stop_error(const conduct_stop_t *stop);
/* The last norms, relative to the first. Local. */
void conduct_stop_history(const conduct_stop_t *stop, char *text, size_t size);

#endif
