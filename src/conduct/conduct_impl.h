/* Inside the conduct module: problem, linear system, solvers. */
#ifndef EXSET_CONDUCT_IMPL_H
#define EXSET_CONDUCT_IMPL_H

#include <petscksp.h>

#include "exset/components.h"
#include "exset/conduct.h"

struct exset_conduct_s {
  exset_ctx_t *ctx;
  const exset_volume_t *volume;
  exset_boundary_t boundary;
  double *sigma;    /* [n_phases + 1], divided by sigma_max; 0 for masked cells */
  double *fraction; /* [n_phases + 1] of all cells */
  double sigma_max;
  double mean;                   /* of sigma over the conducting cells */
  double conducting;             /* fraction of conducting cells */
  uint8_t *mask;                 /* [nz_local][ny][nx]: 1 conducting */
  exset_components_t components; /* of mask */
};

/* An outer face normal to an axis: cell(i, j) = first + i * stride[0] + j * stride[1]; n = 0 elsewhere. */
typedef struct {
  int64_t n[2], stride[2], first;
  float *g; /* [n[0]][n[1]]: conductance to the electrode */
} conduct_face_t;

/*
 * The linear system of one direction, on this rank's slab. Lengths are in units of the geometric mean
 * edge, conductivities in units of sigma_max. g[a][i] is the conductance between cell i and its upper
 * neighbour along a, 0 at outer faces and inactive cells. Each array has a zeroed plane before and
 * after the slab; g[EXSET_AXIS_Z] holds the faces to the slab below in the former.
 */
typedef struct {
  exset_ctx_t *ctx;
  const exset_grid_t *grid;
  int64_t nz, ny, nx, plane; /* local */
  int axis, down, up;        /* neighbouring ranks or MPI_PROC_NULL */
  uint8_t *code;             /* phase of percolating cells, else 0; a plane before and after */
  int64_t *start;            /* [nz + 1]: number of active cells before each plane of the slab */
  float *g[3];
  conduct_face_t low, high;
  double *below, *above; /* [plane] halo of u */
  double *work[3];       /* [plane] */
  double *row;           /* [nx] */
  int64_t unknowns;      /* global */
  double length, area;   /* of the box, along and across the axis */
} conduct_system_t;

/* Arrays with one extra plane on either side: the pointer is to the slab. */
int conduct_alloc_slab(exset_ctx_t *ctx, int64_t nz, int64_t plane, size_t item, void *pointer_out);
void conduct_free_slab(void *pointer, int64_t plane, size_t item);

/* Collective. Percolating cells and conductances. unknowns = 0: no path, nothing else is set. */
int conduct_system_create(exset_conduct_t *conduct, int axis, conduct_system_t *s);
void conduct_system_clear(conduct_system_t *s);
/* Cell number of position (i, j) of a face. */
static inline int64_t conduct_face_cell(const conduct_face_t *f, int64_t i, int64_t j) {
  return f->first + i * f->stride[0] + j * f->stride[1];
}
/* Exchange a plane of items with the neighbouring slabs. Collective over the ranks with planes. */
int conduct_halo(exset_ctx_t *ctx, int down, int up, MPI_Datatype type, int64_t plane,
                 const void *first, const void *last, void *below, void *above);

/*
 * Vectors hold the active cells of the slab alone, in the order of the slab: s->start[nz] values.
 * conduct_expand: plane z of a vector as [plane], 0 in other cells. Local.
 */
void conduct_expand(const conduct_system_t *s, const double *v, int64_t z, double *plane);
/* y = A u for vectors; exchanges the halo of u. Collective. */
int conduct_apply(conduct_system_t *s, const double *u, double *y);
/* PETSc's side: A x = b. */
typedef struct {
  Mat mat;
  Vec b, x;
} conduct_linear_t;
/* Collective. Whatever was made before a failure is in l. */
PetscErrorCode conduct_linear_shell(conduct_system_t *s, conduct_linear_t *l);
PetscErrorCode conduct_linear_assemble(conduct_system_t *s, conduct_linear_t *l);
PetscErrorCode conduct_linear_clear(conduct_linear_t *l);

/* PETSc's name of the geometric multigrid preconditioner, for matrices of conduct_linear_shell. */
#define CONDUCT_VOXELMG "voxelmg"
/* Make it known to PETSc, once. */
PetscErrorCode conduct_pc_register(void);
/* Make it positive definite without doubt, see conduct_mg_single; changed: there was something to do. */
PetscErrorCode conduct_pc_single(PC pc, bool *changed);

/* From the solution u as slab array: power, electrode currents. Collective. */
int conduct_measure(conduct_system_t *s, const double *u, double *power, double *in, double *out);
/* Fields for output, see exset_conduct_solve. Collective. */
int conduct_fields(exset_conduct_t *conduct, conduct_system_t *s, const double *u, float *potential,
                   float *current);

/* Versions of a hot function for newer vector units, chosen when the program starts. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define CONDUCT_SIMD __attribute__((target_clones("avx2", "default")))
#else
#define CONDUCT_SIMD
#endif

#endif
