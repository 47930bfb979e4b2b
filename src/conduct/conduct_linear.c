/* The linear system as PETSc sees it: a shell around the operator, or an assembled matrix. */
#include "conduct_impl.h"

/* u = 1 at the low face, 0 at the high face. */
static PetscErrorCode right_hand_side(const conduct_system_t *s, conduct_linear_t *l) {
  const int64_t n[3] = {s->nz, s->ny, s->nx}, cells = s->nz * s->plane;
  const int64_t stride[3] = {s->plane, s->nx, 1};
  const conduct_face_t *f = &s->low;
  PetscScalar *b;
  PetscFunctionBeginUser;
  PetscCall(MatCreateVecs(l->mat, &l->x, &l->b));
  PetscCall(VecSet(l->b, 0));
  PetscCall(VecGetArray(l->b, &b));
  int64_t row = 0, face = 0;
  for (int64_t i = 0; f->n[0] > 0 && i < cells; i++) {
    const bool low = i / stride[s->axis] % n[s->axis] == 0;
    if (s->code[i]) b[row++] = low ? f->g[face] : 0;
    face += low; /* cells come in the order of the face's array */
  }
  PetscCall(VecRestoreArray(l->b, &b));
  PetscFunctionReturn(0);
}

static PetscErrorCode check_size(const conduct_system_t *s, int64_t rows) {
  PetscFunctionBeginUser;
  PetscCheck(rows <= PETSC_MAX_INT, s->ctx->comm, PETSC_ERR_ARG_OUTOFRANGE,
             "%lld unknowns exceed PETSc's %d-bit integers", (long long)rows,
             (int)(8 * sizeof(PetscInt)));
  PetscFunctionReturn(0);
}

/* ---- matrix-free ---------------------------------------------------------------------------- */

static PetscErrorCode shell_mult(Mat mat, Vec u, Vec y) {
  conduct_system_t *s;
  const PetscScalar *pu;
  PetscScalar *py;
  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(mat, &s));
  PetscCall(VecGetArrayRead(u, &pu));
  PetscCall(VecGetArrayWrite(y, &py));
  PetscCheck(!conduct_apply(s, pu, py), PETSC_COMM_SELF, PETSC_ERR_LIB, "halo exchange failed");
  PetscCall(VecRestoreArrayWrite(y, &py));
  PetscCall(VecRestoreArrayRead(u, &pu));
  PetscFunctionReturn(0);
}

PetscErrorCode conduct_linear_shell(conduct_system_t *s, conduct_linear_t *l) {
  PetscFunctionBeginUser;
  PetscCall(check_size(s, s->unknowns));
  const PetscInt n = (PetscInt)s->start[s->nz];
  PetscCall(MatCreateShell(s->ctx->comm, n, n, PETSC_DETERMINE, PETSC_DETERMINE, s, &l->mat));
  PetscCall(MatShellSetOperation(l->mat, MATOP_MULT, (void (*)(void))shell_mult));
  PetscCall(MatSetOption(l->mat, MAT_SPD, PETSC_TRUE));
  PetscCall(right_hand_side(s, l));
  PetscFunctionReturn(0);
}

/* ---- assembled ------------------------------------------------------------------------------ */

/* Global numbers of the active cells: a plane before and after the slab, -1 where there is none. */
typedef struct {
  PetscInt *row;
  PetscInt begin, n; /* this rank's rows */
} numbering_t;

static PetscErrorCode number_cells(conduct_system_t *s, numbering_t *num) {
  const int64_t cells = s->nz * s->plane;
  int64_t n = s->start[s->nz], begin = 0;
  PetscFunctionBeginUser;
  PetscCheck(!exset_agree(s->ctx,
                          conduct_alloc_slab(s->ctx, s->nz, s->plane, sizeof *num->row, &num->row)),
             s->ctx->comm, PETSC_ERR_MEM, "numbering the unknowns");
  PetscCallMPI(MPI_Exscan(&n, &begin, 1, MPI_INT64_T, MPI_SUM, s->ctx->comm));
  num->begin = s->ctx->rank == 0 ? 0 : (PetscInt)begin;
  num->n = (PetscInt)n;
  PetscInt next = num->begin;
  for (int64_t i = 0; i < cells; i++) num->row[i] = s->code[i] ? next++ : -1;
  PetscCheck(s->nz == 0 ||
                 !conduct_halo(s->ctx, s->down, s->up, MPIU_INT, s->plane, num->row,
                               num->row + cells - s->plane, num->row - s->plane, num->row + cells),
             PETSC_COMM_SELF, PETSC_ERR_LIB, "halo exchange failed");
  PetscFunctionReturn(0);
}

/* Off-diagonal entries of the row of cell i: columns and conductances; their number. */
static int row_entries(const conduct_system_t *s, const PetscInt *row, int64_t i, PetscInt *column,
                       double *g) {
  const int64_t step[3] = {s->plane, s->nx, 1};
  int n = 0;
  for (int a = 0; a < 3; a++)
    for (int up = 0; up < 2; up++) {
      const double conductance = s->g[a][up ? i : i - step[a]];
      if (conductance == 0) continue;
      column[n] = row[up ? i + step[a] : i - step[a]];
      g[n++] = conductance;
    }
  return n;
}

static PetscErrorCode preallocate(const conduct_system_t *s, const numbering_t *num, Mat mat) {
  PetscInt *own, *other, column[6];
  double g[6];
  PetscFunctionBeginUser;
  PetscCall(PetscCalloc2(num->n, &own, num->n, &other));
  for (int64_t i = 0; i < s->nz * s->plane; i++) {
    if (num->row[i] < 0) continue;
    const PetscInt row = num->row[i] - num->begin;
    const int n = row_entries(s, num->row, i, column, g);
    own[row] = 1;
    for (int k = 0; k < n; k++) {
      const bool here = column[k] >= num->begin && column[k] < num->begin + num->n;
      *(here ? &own[row] : &other[row]) += 1;
    }
  }
  PetscCall(MatSeqAIJSetPreallocation(mat, 0, own));
  PetscCall(MatMPIAIJSetPreallocation(mat, 0, own, 0, other));
  PetscCall(PetscFree2(own, other));
  PetscFunctionReturn(0);
}

static PetscErrorCode add_face(const conduct_face_t *f, const numbering_t *num, Mat mat) {
  PetscFunctionBeginUser;
  for (int64_t i = 0; i < f->n[0]; i++)
    for (int64_t j = 0; j < f->n[1]; j++) {
      const PetscInt row = num->row[conduct_face_cell(f, i, j)];
      if (row >= 0) PetscCall(MatSetValue(mat, row, row, f->g[i * f->n[1] + j], ADD_VALUES));
    }
  PetscFunctionReturn(0);
}

static PetscErrorCode fill(const conduct_system_t *s, const numbering_t *num, Mat mat) {
  PetscInt column[7];
  double g[7];
  PetscFunctionBeginUser;
  for (int64_t i = 0; i < s->nz * s->plane; i++) {
    const PetscInt row = num->row[i];
    if (row < 0) continue;
    const int n = row_entries(s, num->row, i, column, g);
    double sum = 0;
    for (int k = 0; k < n; k++) {
      sum += g[k];
      g[k] = -g[k];
    }
    column[n] = row;
    g[n] = sum;
    PetscCall(MatSetValues(mat, 1, &row, n + 1, column, g, ADD_VALUES));
  }
  PetscCall(add_face(&s->low, num, mat));
  PetscCall(add_face(&s->high, num, mat));
  PetscCall(MatAssemblyBegin(mat, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(mat, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

PetscErrorCode conduct_linear_assemble(conduct_system_t *s, conduct_linear_t *l) {
  numbering_t num = {0};
  PetscFunctionBeginUser;
  PetscCall(check_size(s, s->unknowns));
  PetscCall(number_cells(s, &num));
  PetscCall(MatCreate(s->ctx->comm, &l->mat));
  PetscCall(MatSetSizes(l->mat, num.n, num.n, PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetType(l->mat, MATAIJ));
  PetscCall(preallocate(s, &num, l->mat));
  PetscCall(fill(s, &num, l->mat));
  PetscCall(MatSetOption(l->mat, MAT_SPD, PETSC_TRUE));
  conduct_free_slab(num.row, s->plane, sizeof *num.row);
  PetscCall(right_hand_side(s, l));
  PetscFunctionReturn(0);
}

PetscErrorCode conduct_linear_clear(conduct_linear_t *l) {
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&l->x));
  PetscCall(VecDestroy(&l->b));
  PetscCall(MatDestroy(&l->mat));
  PetscFunctionReturn(0);
}
