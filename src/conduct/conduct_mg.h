/*
 * Multigrid for the Schur complement on black cells, in single precision: one red-black Gauss-Seidel sweep before and
 * its mirror image after the coarse correction on the finest level, whose aggregates are the connected pieces of 2 x 2 x 2 cells;
 * a graph multigrid below it. See doc/theory/conductivity.md.
 */
#ifndef EXSET_CONDUCT_MG_H
#define EXSET_CONDUCT_MG_H

#include "conduct_graph.h"
#include "conduct_impl.h"

/* Collective. The system must outlive it. Errors: EXSET_ERR_RUN (memory, library failure). */
typedef struct conduct_mg_s conduct_mg_t;
int conduct_mg_create(conduct_system_t *s, conduct_mg_t **mg);
int conduct_mg_destroy(conduct_mg_t **mg);
/** z = M r for packed vectors of black cells, M symmetric positive definite (semidefinite when periodic). Collective. */
int conduct_mg_apply(conduct_mg_t *mg, const double *r, double *z);
/** The graph below the finest level. Local. */
const conduct_graph_mg_t *conduct_mg_graph(const conduct_mg_t *mg);

/**
 * Pieces of 2 x 2 x 2 cells as a graph, and the node of each black cell: parent[nz] packed planes, graph->n where there is no
 * unknown. Collective. Ownership: clear both. Errors: EXSET_ERR_RUN.
 */
int conduct_pieces(const conduct_system_t *s, conduct_graph_t *graph, uint32_t **parent);

#endif
