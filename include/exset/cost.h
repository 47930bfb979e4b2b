/**
 * cost: what a twin costs on a machine: time of its parts, bytes of memory, messages (doc/scaling.md derives the model).
 *
 * All functions here are local: nothing is allocated or measured, so that a cluster can be planned on a laptop.
 * Ranks are placed as batch systems do: rank r on node r / ranks.
 */
#ifndef EXSET_COST_H
#define EXSET_COST_H

#include "exset/label.h"

/* A machine, and how it is used. Rates are of one thread unless said otherwise. */
typedef struct {
  int64_t nodes;
  int ranks, threads; /* of each node, of each rank */
  double
      fft; /* flop/s of 1D transforms, 5 n log2 n for n complex numbers, with moving them to and from planes */
  double noise;     /* seconds for each mode: amplitude and noise */
  double amplitude; /* seconds for each mode that the normalisation of a spectrum looks at */
  double row;       /* seconds for each voxel of a component: square, threshold */
  double figures;   /* seconds of a rank for each voxel: fractions and checksum */
  double sweep;     /* bytes/s that the memory of a node delivers */
  double shared;    /* bytes/s that a rank sends to others on its node, while they do so, too */
  double network;   /* bytes/s that a node sends in an all-to-all exchange */
  double
      network_share; /* of the bandwidth of a link that such an exchange reaches (not used by exset_cost_twin) */
  double message;    /* seconds of a rank for each message */
  double files;      /* bytes/s of the file system, of all nodes together */
  double files_node; /* bytes/s to files of one node */
} exset_machine_t;

/** One node with one rank: rates fitted and assumed as doc/scaling.md says. */
void exset_machine_default(exset_machine_t *machine);

/* Seconds of one twin (the busiest rank's), and what they come from. */
typedef struct {
  int p, q;                        /* process grid */
  double noise, fft, row;          /* work of the cores */
  double memory;                   /* sweeps through memory, hidden behind the work if shorter */
  double shared, network, message; /* exchanges: on the node, between nodes, latency */
  double figures, write;           /* fractions and checksum, files */
  double total;
  double network_bytes; /* sent by a node over the network, all components */
  double messages;      /* sent by a rank, all components */
  double message_bytes; /* of one, on average; 0: none */
  double rank_bytes;    /* memory of the busiest rank, libraries not counted */
} exset_cost_t;

/**
 * Cost of one twin of a grid of n cells. n_arrays: fields written beside the labels, or -1: no file at all. options: NULL for
 * the defaults. Errors: EXSET_ERR_INPUT (as exset_transform_layout, for the machine's number of ranks; too many ranks).
 */
int exset_cost_twin(exset_ctx_t *ctx, const exset_grid_t *grid, const exset_model_t *model,
                    const exset_sampler_options_t *options, int n_arrays,
                    const exset_machine_t *machine, exset_cost_t *cost);

#endif
