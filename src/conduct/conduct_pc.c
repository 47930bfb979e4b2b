/* The geometric multigrid as a preconditioner type of PETSc (which needs PETSc's header for implementers). */
#include <petsc/private/pcimpl.h>

#include "conduct_mg.h"

static PetscErrorCode reset(PC pc) {
  conduct_mg_t *mg = pc->data;
  PetscFunctionBegin;
  conduct_mg_destroy(&mg);
  pc->data = NULL;
  PetscFunctionReturn(0);
}

static PetscErrorCode set_up(PC pc) {
  conduct_system_t *s;
  conduct_mg_t *mg;
  PetscBool shell;
  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)pc->pmat, MATSHELL, &shell));
  PetscCheck(shell, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_WRONG,
             "%s needs the matrix-free operator", CONDUCT_VOXELMG);
  PetscCall(reset(pc));
  PetscCall(MatShellGetContext(pc->pmat, &s));
  PetscCheck(!conduct_mg_create(s, &mg), PetscObjectComm((PetscObject)pc), PETSC_ERR_LIB, "%s",
             s->ctx->message);
  pc->data = mg;
  PetscFunctionReturn(0);
}

static PetscErrorCode apply(PC pc, Vec r, Vec z) {
  const PetscScalar *pr;
  PetscScalar *pz;
  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(r, &pr));
  PetscCall(VecGetArrayWrite(z, &pz));
  PetscCheck(!conduct_mg_apply(pc->data, pr, pz), PETSC_COMM_SELF, PETSC_ERR_LIB,
             "exchange between levels failed");
  PetscCall(VecRestoreArrayWrite(z, &pz));
  PetscCall(VecRestoreArrayRead(r, &pr));
  PetscFunctionReturn(0);
}

static PetscErrorCode create(PC pc) {
  PetscFunctionBegin;
  pc->data = NULL;
  pc->ops->setup = set_up;
  pc->ops->reset = reset;
  pc->ops->destroy = reset;
  pc->ops->apply = apply;
  pc->ops->applytranspose = apply;
  PetscFunctionReturn(0);
}

PetscErrorCode conduct_pc_register(void) {
  PetscErrorCode (*known)(PC) = NULL;
  PetscFunctionBegin;
  PetscCall(PCInitializePackage());
  PetscCall(PetscFunctionListFind(PCList, CONDUCT_VOXELMG, &known));
  if (!known) PetscCall(PCRegister(CONDUCT_VOXELMG, create));
  PetscFunctionReturn(0);
}
