/* Inside the conduct module: problem, linear system, solvers. */
#ifndef EXSET_CONDUCT_IMPL_H
#define EXSET_CONDUCT_IMPL_H

#include <petscksp.h>

#include "conduct_simd.h"
#include "exset/components.h"
#include "exset/conduct.h"

/* What a cell does: it conducts; its component percolates along axis z (CURRENT), y (CURRENT << 1), x. */
enum { CONDUCTS = 1, CURRENT = 2, ANY_CURRENT = 7 * CURRENT };

struct exset_conduct_s {
  exset_ctx_t *ctx;
  const exset_volume_t *volume;
  exset_boundary_t boundary;
  double *sigma;    /* [n_phases + 1], divided by sigma_max; 0 for masked cells */
  double *fraction; /* [n_phases + 1] of all cells */
  double sigma_max;
  double mean;                   /* of sigma over the conducting cells */
  double conducting;             /* fraction of conducting cells */
  bool labelled;                 /* mask and clusters are those of the phases that conduct */
  uint8_t *mask;                 /* [nz_local][ny][nx]: CONDUCTS and CURRENT << axis, see there */
  int64_t clusters;              /* components of the whole volume, joined across periodic faces */
  int64_t clusters_kept[3];      /* those that carry current along an axis */
  struct conduct_solver_s *kept; /* of the last periodic solve, or NULL */
};

/*
 * The linear system of one direction, on this rank's slab. Lengths are in units of the geometric mean
 * edge, conductivities in units of sigma_max: a cell has volume 1.
 *
 * Its grid is the volume's; in periodic problems an odd number of cells along an axis is doubled (the volume is repeated once
 * along it), so that cells have two colours: red where z + y + x is even, black where it is odd, neighbours have
 * different ones. Red cells are eliminated: x_r = (b_r + sum g x_b) / d_r. What is solved is the Schur
 * complement on black cells.
 *
 * Packed rows hold the cells of one colour of a row: number i is x = 2 i + (z + y + colour) % 2; `half` = (nx + 1) / 2 numbers.
 */
enum { RED, BLACK };
enum { FACE_LOW, FACE_HIGH }; /* faces of a cell: 2 * axis + one of them */
enum { CONDUCT_HALO = 2 };    /* planes */
typedef struct {
  exset_ctx_t *ctx;
  exset_grid_t grid; /* of the system */
  bool periodic;
  int axis;
  int64_t nz, ny, nx, plane; /* local */
  int down, up;              /* neighbouring ranks or MPI_PROC_NULL; a ring when periodic */
  bool thin;                 /* some slab has one plane */
  uint8_t *
      code; /* [nz][ny][nx], CONDUCT_HALO planes before and after: class of percolating cells, else 0 */
  uint8_t *none;       /* [nx]: classes of cells that do not exist */
  int n_classes;       /* of equal conductivity; class 0 does not conduct */
  double *table;       /* [3][n_classes][n_classes]: conductance of a face along z, y, x */
  double *electrode;   /* [n_classes]: conductance to an electrode, 0 when periodic */
  int64_t unknowns;    /* cells of the volume that carry current, global */
  int64_t percolating; /* those whose component percolates along the axis */
  double contact[2];   /* part of the low and high face that they cover */
  double edge[3];      /* of a cell */
  /* what the sweeps need, see conduct_pack */
  int64_t half, packed; /* numbers of a packed row, of a packed plane */
  float c[3];           /* one conducting class: conductance of faces along z, y, x */
  float *d
      [2]; /* packed: sum of conductances, infinite where there is no unknown; red: a plane before and after */
  double *dd[2]; /* the same, where single precision is not exact; else NULL */
  float *g
      [6]; /* several classes: conductances of the red cells' faces, as the planes of sweeps (conduct_sweep.h); */
           /* a plane before and after; else NULL */
} conduct_system_t;

/* Arrays with extra planes on either side: the pointer is to the slab. */
int conduct_alloc_slab(exset_ctx_t *ctx, int64_t nz, int64_t plane, int64_t halo, size_t item,
                       void *pointer_out);
void conduct_free_slab(void *pointer, int64_t plane, int64_t halo, size_t item);

/* Collective. Percolating cells and conductances. unknowns = 0: no path, nothing else is set. */
int conduct_system_create(const exset_conduct_t *conduct, int axis, conduct_system_t *s);
/* The same system with the mean gradient along another axis, for periodic ones. Collective. */
int conduct_system_turn(const exset_conduct_t *conduct, int axis, conduct_system_t *s);
void conduct_system_clear(conduct_system_t *s);
/* Diagonals and conductances for the sweeps. Local. */
int conduct_pack(conduct_system_t *s);

/* Rows of classes around a row: its own and its neighbours' along y and z. */
typedef struct {
  const uint8_t *own, *y[2], *z[2];
} conduct_rows_t;
/* z: -1..nz. Local. */
conduct_rows_t conduct_rows(const conduct_system_t *s, int64_t z, int64_t y);
/* Classes of the six neighbours of cell x of the row, by face. */
static inline void conduct_neighbours(const conduct_system_t *s, const conduct_rows_t *r, int64_t x,
                                      uint8_t neighbour[6]) {
  neighbour[0] = r->z[0][x];
  neighbour[1] = r->z[1][x];
  neighbour[2] = r->y[0][x];
  neighbour[3] = r->y[1][x];
  neighbour[4] = x > 0 ? r->own[x - 1] : s->periodic ? r->own[s->nx - 1] : 0;
  neighbour[5] = x < s->nx - 1 ? r->own[x + 1] : s->periodic ? r->own[0] : 0;
}
static inline double conduct_g(const conduct_system_t *s, int axis, uint8_t a, uint8_t b) {
  return s->table[(axis * s->n_classes + a) * s->n_classes + b];
}
/* What leads from cell (z, y, x) to the electrode at its low or high face along the axis; z local. */
static inline double conduct_electrode(const conduct_system_t *s, int side, int64_t z, int64_t y,
                                       int64_t x, uint8_t code) {
  const int64_t at = s->axis == EXSET_AXIS_Z ? z + s->grid.z0 : s->axis == EXSET_AXIS_Y ? y : x;
  return at == (side == FACE_LOW ? 0 : s->grid.n[s->axis] - 1) ? s->electrode[code] : 0;
}
/* Colour of a row's packed cells: x = 2 i + conduct_shift. z local. */
static inline int conduct_shift(const conduct_system_t *s, int64_t z, int64_t y, int colour) {
  return (int)((s->grid.z0 + z + y + colour) & 1);
}

/*
 * Exchange two planes of n items with the neighbouring slabs: below gets the two planes before the slab (z = -2, -1), above
 * those after it (nz, nz + 1); what does not exist is left as it was. first, last: the slab's first and last two planes, or
 * its only one. Collective over ranks with planes. Errors: EXSET_ERR_LOCAL (MPI).
 */
int conduct_halo(const conduct_system_t *s, MPI_Datatype type, int64_t n, const void *first,
                 const void *last, void *below, void *above);

/* PETSc's side: A x = b, for black cells (matrix-free) or for all active cells (assembled). */
typedef struct {
  Mat mat;
  Vec b, x;
  bool assembled;
} conduct_linear_t;
/* Collective. Whatever was made before a failure is in l. */
PetscErrorCode conduct_linear_shell(conduct_system_t *s, conduct_linear_t *l);
PetscErrorCode conduct_linear_assemble(conduct_system_t *s, conduct_linear_t *l);
PetscErrorCode conduct_linear_clear(conduct_linear_t *l);
/* b anew, for a system that was turned. Collective. */
PetscErrorCode conduct_linear_rhs(conduct_system_t *s, conduct_linear_t *l);
/* Set x to a linear decrease between the electrodes, 0 when periodic. Collective. */
PetscErrorCode conduct_linear_guess(const conduct_system_t *s, conduct_linear_t *l);
/* Packed black cells of a vector like l->x; ends with conduct_linear_release. Local. */
int conduct_linear_black(const conduct_system_t *s, const conduct_linear_t *l, Vec x,
                         const double **black);
int conduct_linear_release(const conduct_system_t *s, const conduct_linear_t *l, Vec x,
                           const double **black);

/* System, matrix and solver of one direction. */
typedef struct conduct_solver_s {
  conduct_system_t s;
  conduct_linear_t linear;
  KSP ksp;
  char type[32]; /* of the preconditioner */
} conduct_solver_t;
/* NULL is fine. Collective. */
int conduct_solver_destroy(exset_ctx_t *ctx, conduct_solver_t **solver);

/*
 * The next four are collective; a failure (EXSET_ERR_LOCAL) is one of this rank alone, whose neighbours may be waiting for
 * its planes: it ends the run, there is nothing to agree on.
 */
/* y = S x for black cells, [nz] packed planes; 0 in cells without an unknown. */
int conduct_apply(conduct_system_t *s, const double *x, double *y);
/* b of the black cells when the red ones are eliminated. */
int conduct_right_hand_side(conduct_system_t *s, double *b);
/* All cells from the black ones: u[nz][ny][nx]. */
int conduct_recover(conduct_system_t *s, const double *x, double *u);

/* The red cells of a row, packed, and their six neighbours by face. */
typedef void (*conduct_visit_t)(void *user, int64_t z, int64_t y, const double *red,
                                const double *const neighbour[6]);
/* Visit all rows of the slab, red cells being made from the black ones. */
int conduct_visit(conduct_system_t *s, const double *x, conduct_visit_t visit, void *user);

/* Right-hand side of all cells: one row, [nx]. Local. */
void conduct_rhs_row(const conduct_system_t *s, int64_t z, int64_t y, double *row);

/* PETSc's name of the geometric multigrid preconditioner, for matrices of conduct_linear_shell. */
#define CONDUCT_VOXELMG "voxelmg"
/* Make it known to PETSc, once. */
PetscErrorCode conduct_pc_register(void);

/*
 * From black cells, packed, all as conductivities in units of sigma_max: mean dissipated power, currents through two
 * planes normal to the axis (the electrodes; periodic: the outer face and the middle), mean current densities along z,
 * y, x for a mean gradient of 1 (periodic). Red cells are made from the black ones.
 */
typedef struct {
  double power, in, out, current[3];
  double per_energy; /* power is this times the sum of g (difference of u)^2 */
} conduct_measure_t;
int conduct_measure(conduct_system_t *s, const double *x, conduct_measure_t *m); /* Collective. */
/* Fields for output, see exset_conduct_solve. Collective. */
int conduct_fields(exset_conduct_t *conduct, conduct_system_t *s, const double *u, float *potential,
                   float *current);

#endif
