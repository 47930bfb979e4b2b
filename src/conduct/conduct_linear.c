/* The linear system as PETSc sees it: a shell around the operator, or an assembled matrix. */
#include <stdlib.h>

#include "conduct_impl.h"
#include "exset/config.h"

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
  PetscCheck(!conduct_apply(s, pu, py), PETSC_COMM_SELF, PETSC_ERR_LIB, "%s", s->ctx->message);
  PetscCall(VecRestoreArrayWrite(y, &py));
  PetscCall(VecRestoreArrayRead(u, &pu));
  PetscFunctionReturn(0);
}

PetscErrorCode conduct_linear_shell(conduct_system_t *s, conduct_linear_t *l) {
  const int64_t rows = s->nz * s->packed;
  PetscFunctionBeginUser;
  PetscCall(check_size(s, s->grid.n[0] * s->packed));
  PetscCall(MatCreateShell(s->ctx->comm, (PetscInt)rows, (PetscInt)rows, PETSC_DETERMINE,
                           PETSC_DETERMINE, s, &l->mat));
  PetscCall(MatShellSetOperation(l->mat, MATOP_MULT, (void (*)(void))shell_mult));
  PetscCall(MatSetOption(l->mat, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(MatCreateVecs(l->mat, &l->x, &l->b));
  PetscCall(conduct_linear_rhs(s, l));
  PetscFunctionReturn(0);
}

/* ---- assembled ------------------------------------------------------------------------------ */

/* Global numbers of the active cells: CONDUCT_HALO planes before and after the slab, -1 where there is none. */
typedef struct {
  PetscInt *row;
  PetscInt begin, n, all; /* this rank's rows; those of all ranks */
} numbering_t;

static PetscErrorCode number_cells(conduct_system_t *s, numbering_t *num) {
  const int64_t cells = s->nz * s->plane, last = s->nz > 1 ? s->nz - 2 : 0;
  int64_t n = 0, begin = 0, all = 0;
  PetscFunctionBeginUser;
  for (int64_t i = 0; i < cells; i++) n += s->code[i] != 0;
  PetscCallMPI(MPI_Allreduce(&n, &all, 1, MPI_INT64_T, MPI_SUM, s->ctx->comm));
  PetscCall(check_size(s, all));
  PetscCheck(!exset_agree(s->ctx, conduct_alloc_slab(s->ctx, s->nz, s->plane, CONDUCT_HALO,
                                                     sizeof *num->row, &num->row)),
             s->ctx->comm, PETSC_ERR_MEM, "numbering the unknowns");
  PetscCallMPI(MPI_Exscan(&n, &begin, 1, MPI_INT64_T, MPI_SUM, s->ctx->comm));
  num->begin = s->ctx->rank == 0 ? 0 : (PetscInt)begin;
  num->n = (PetscInt)n;
  num->all = (PetscInt)all;
  PetscInt next = num->begin;
  for (int64_t i = 0; i < cells; i++) num->row[i] = s->code[i] ? next++ : -1;
  PetscCheck(!conduct_halo(s, MPIU_INT, s->plane, num->row, num->row + last * s->plane,
                           num->row - CONDUCT_HALO * s->plane, num->row + cells),
             PETSC_COMM_SELF, PETSC_ERR_LIB, "halo exchange failed");
  PetscFunctionReturn(0);
}

/* Called for each row of cells. */
typedef PetscErrorCode (*row_action_t)(void *user, PetscInt row, int n, const PetscInt *column,
                                       const double *g, double electrode);

/* Off-diagonal entries of every active cell: columns and conductances; neighbours may occur twice in periodic problems. */
static PetscErrorCode for_rows(const conduct_system_t *s, const numbering_t *num,
                               row_action_t action, void *user) {
  PetscFunctionBeginUser;
  for (int64_t z = 0; z < s->nz; z++)
    for (int64_t y = 0; y < s->ny; y++) {
      const conduct_rows_t r = conduct_rows(s, z, y);
      for (int64_t x = 0; x < s->nx; x++) {
        const int64_t to[6][3] = {{z - 1, y, x}, {z + 1, y, x}, {z, y - 1, x},
                                  {z, y + 1, x}, {z, y, x - 1}, {z, y, x + 1}};
        PetscInt column[6];
        double g[6];
        uint8_t neighbour[6];
        int n = 0;
        if (!r.own[x]) continue;
        conduct_neighbours(s, &r, x, neighbour);
        for (int f = 0; f < 6; f++) {
          if (!neighbour[f]) continue;
          const int64_t cy = (to[f][1] + s->ny) % s->ny, cx = (to[f][2] + s->nx) % s->nx;
          g[n] = conduct_g(s, f / 2, r.own[x], neighbour[f]);
          column[n++] = num->row[to[f][0] * s->plane + cy * s->nx + cx];
        }
        const double electrode = conduct_electrode(s, FACE_LOW, z, y, x, r.own[x]) +
                                 conduct_electrode(s, FACE_HIGH, z, y, x, r.own[x]);
        const PetscInt row = num->row[z * s->plane + y * s->nx + x];
        PetscCall(action(user, row, n, column, g, electrode));
      }
    }
  PetscFunctionReturn(0);
}

typedef struct {
  const numbering_t *num;
  PetscInt *own, *other;
  Mat mat;
} assembly_t;

static PetscErrorCode count_row(void *user, PetscInt row, int n, const PetscInt *column,
                                const double *g, double electrode) {
  const assembly_t *a = user;
  const numbering_t *num = a->num;
  PetscFunctionBeginUser;
  (void)g, (void)electrode;
  row -= num->begin;
  a->own[row] = 1;
  for (int k = 0; k < n; k++) {
    const bool here = column[k] >= num->begin && column[k] < num->begin + num->n;
    *(here ? &a->own[row] : &a->other[row]) += 1;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode fill_row(void *user, PetscInt row, int n, const PetscInt *column,
                               const double *g, double electrode) {
  const assembly_t *a = user;
  PetscInt columns[7] = {row};
  double value[7] = {electrode};
  PetscFunctionBeginUser;
  for (int k = 0; k < n; k++) {
    value[0] += g[k];
    value[k + 1] = -g[k];
    columns[k + 1] = column[k];
  }
  PetscCall(MatSetValues(a->mat, 1, &row, n + 1, columns, value, ADD_VALUES));
  PetscFunctionReturn(0);
}

/* b of the active cells. */
static PetscErrorCode fill_vector(const conduct_system_t *s, Vec b) {
  PetscScalar *value;
  PetscInt k = 0;
  double *row;
  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(s->nx, &row));
  PetscCall(VecGetArrayWrite(b, &value));
  for (int64_t z = 0; z < s->nz; z++)
    for (int64_t y = 0; y < s->ny; y++) {
      conduct_rhs_row(s, z, y, row);
      const uint8_t *code = s->code + z * s->plane + y * s->nx;
      for (int64_t x = 0; x < s->nx; x++)
        if (code[x]) value[k++] = row[x];
    }
  PetscCall(VecRestoreArrayWrite(b, &value));
  PetscCall(PetscFree(row));
  PetscFunctionReturn(0);
}

static PetscErrorCode assemble(const conduct_system_t *s, const numbering_t *num, Mat mat) {
  assembly_t a = {.num = num, .mat = mat};
  PetscFunctionBeginUser;
  PetscCall(PetscCalloc2(num->n, &a.own, num->n, &a.other));
  PetscCall(for_rows(s, num, count_row, &a));
  for (PetscInt i = 0; i < num->n; i++) { /* a neighbour that occurs twice has one column */
    a.own[i] = PetscMin(a.own[i], num->n);
    a.other[i] = PetscMin(a.other[i], num->all - num->n);
  }
  PetscCall(MatSeqAIJSetPreallocation(mat, 0, a.own));
  PetscCall(MatMPIAIJSetPreallocation(mat, 0, a.own, 0, a.other));
  PetscCall(PetscFree2(a.own, a.other));
  PetscCall(for_rows(s, num, fill_row, &a));
  PetscCall(MatAssemblyBegin(mat, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(mat, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* Constants are a solution of the periodic problem without a gradient (of each component: told to PETSc for one). */
static PetscErrorCode set_properties(const conduct_system_t *s, Mat mat) {
  MatNullSpace constants;
  PetscFunctionBeginUser;
  PetscCall(MatSetOption(mat, MAT_SYMMETRIC, PETSC_TRUE));
  if (!s->periodic) {
    PetscCall(MatSetOption(mat, MAT_SPD, PETSC_TRUE));
    PetscFunctionReturn(0);
  }
  PetscCall(MatNullSpaceCreate(s->ctx->comm, PETSC_TRUE, 0, NULL, &constants));
  PetscCall(MatSetNullSpace(mat, constants));
  PetscCall(MatNullSpaceDestroy(&constants));
  PetscFunctionReturn(0);
}

PetscErrorCode conduct_linear_assemble(conduct_system_t *s, conduct_linear_t *l) {
  numbering_t num = {0};
  PetscFunctionBeginUser;
  l->assembled = true;
  PetscCall(number_cells(s, &num));
  PetscCall(MatCreate(s->ctx->comm, &l->mat));
  PetscCall(MatSetSizes(l->mat, num.n, num.n, PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetType(l->mat, MATAIJ));
  PetscCall(assemble(s, &num, l->mat));
  conduct_free_slab(num.row, s->plane, CONDUCT_HALO, sizeof *num.row);
  PetscCall(set_properties(s, l->mat));
  PetscCall(MatCreateVecs(l->mat, &l->x, &l->b));
  PetscCall(conduct_linear_rhs(s, l));
  PetscFunctionReturn(0);
}

/* ---- both ------------------------------------------------------------------------------------ */

PetscErrorCode conduct_linear_rhs(conduct_system_t *s, conduct_linear_t *l) {
  PetscScalar *b;
  PetscFunctionBeginUser;
  if (l->assembled) {
    PetscCall(fill_vector(s, l->b));
    PetscFunctionReturn(0);
  }
  PetscCall(VecGetArrayWrite(l->b, &b));
  PetscCheck(!conduct_right_hand_side(s, b), PETSC_COMM_SELF, PETSC_ERR_LIB, "%s", s->ctx->message);
  PetscCall(VecRestoreArrayWrite(l->b, &b));
  PetscFunctionReturn(0);
}

PetscErrorCode conduct_linear_guess(const conduct_system_t *s, conduct_linear_t *l) {
  PetscScalar *value;
  PetscInt k = 0;
  PetscFunctionBeginUser;
  PetscCall(VecSet(l->x, 0));
  if (s->periodic) PetscFunctionReturn(0);
  PetscCall(VecGetArray(l->x, &value));
  for (int64_t z = 0; z < s->nz; z++)
    for (int64_t y = 0; y < s->ny; y++) {
      const uint8_t *code = s->code + z * s->plane + y * s->nx;
      const int shift = conduct_shift(s, z, y, BLACK);
      if (!l->assembled) k = (PetscInt)(z * s->packed + y * s->half);
      for (int64_t x = 0; x < s->nx; x++) {
        const int64_t at[3] = {s->grid.z0 + z, y, x};
        const double u = 1 - ((double)at[s->axis] + 0.5) / (double)s->grid.n[s->axis];
        if (l->assembled && code[x]) value[k++] = u;
        if (!l->assembled && code[x] && x % 2 == shift) value[k + x / 2] = u;
      }
    }
  PetscCall(VecRestoreArray(l->x, &value));
  PetscFunctionReturn(0);
}

int conduct_linear_black(const conduct_system_t *s, const conduct_linear_t *l, Vec x,
                         const double **black) {
  const PetscScalar *value;
  double *own;
  int64_t k = 0;
  EXSET_TRY(EXSET_PETSC(s->ctx, VecGetArrayRead(x, &value)));
  *black = value;
  if (!l->assembled) return EXSET_OK;
  const int err = exset_alloc(s->ctx, s->nz * s->packed, sizeof *own, &own);
  for (int64_t i = 0; !err && i < s->nz * s->plane; i++) {
    const int64_t z = i / s->plane, y = i % s->plane / s->nx, column = i % s->nx;
    if (!s->code[i]) continue;
    if (column % 2 == conduct_shift(s, z, y, BLACK))
      own[z * s->packed + y * s->half + column / 2] = value[k];
    k++;
  }
  *black = own;
  const int restored = EXSET_PETSC(s->ctx, VecRestoreArrayRead(x, &value));
  return err ? err : restored;
}

int conduct_linear_release(const conduct_system_t *s, const conduct_linear_t *l, Vec x,
                           const double **black) {
  if (!l->assembled) return EXSET_PETSC(s->ctx, VecRestoreArrayRead(x, black));
  free((void *)*black);
  *black = NULL;
  return EXSET_OK;
}

PetscErrorCode conduct_linear_clear(conduct_linear_t *l) {
  PetscFunctionBeginUser;
  PetscCall(VecDestroy(&l->x));
  PetscCall(VecDestroy(&l->b));
  PetscCall(MatDestroy(&l->mat));
  l->assembled = false;
  PetscFunctionReturn(0);
}
