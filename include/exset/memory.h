/**
 * memory: how much memory is left to this run, and whether a plan fits.
 *
 * Three things can limit it: the free memory of a node (Linux: MemAvailable), shared by all processes there; the limit of
 * the control group (cgroup, version 1 or 2: batch systems and containers set it), shared by the processes inside; the
 * limit of the address space of each process (RLIMIT_AS, `ulimit -v`). All figures are bytes that can be taken in
 * addition to what is in use already. INFINITY: no limit, or none that this system tells of.
 */
#ifndef EXSET_MEMORY_H
#define EXSET_MEMORY_H

#include "exset/core.h"

typedef struct {
  double node;    /* all processes of this node together */
  double group;   /* all processes of this process's control group together */
  double process; /* this process alone */
} exset_memory_t;

/** What is left now. Local. */
void exset_memory_left(exset_memory_t *left);
/**
 * What the control groups of a process leave: the least of limit - use over its group and those around it; pages of
 * files that the kernel can drop at once are not counted as used. self: text of /proc/self/cgroup; mount: folder where
 * the hierarchies are mounted (/sys/fs/cgroup). folder (NULL: not wanted) gets the name of the limiting group. Local.
 */
double exset_memory_cgroup(const char *self, const char *mount, char *folder, size_t size);

/* A plan against what is left, where it is tightest. */
typedef struct {
  double needed, available; /* bytes, of all processes that share the limit */
  char limit[64];           /* the limit, in words that follow the figure: "are free on the node" */
  int processes;            /* so many share it */
} exset_memory_fit_t;

/**
 * Each rank plans to take `bytes` more. Compares the sums over the ranks of each node and of each control group, and each
 * rank's own, with what is left; the worst one is returned on all ranks: it fits when needed <= available.
 * Collective. Errors: EXSET_ERR_LOCAL (MPI).
 */
int exset_memory_fit(exset_ctx_t *ctx, double bytes, exset_memory_fit_t *fit);

/** Resident memory of this process in bytes, now. Local. 0 where the system does not tell. */
int64_t exset_memory_resident(void);

#endif
