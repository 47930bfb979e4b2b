/*
 * The coverage term by realisations: coverage functions of drawn sections at the lags of the loss, their squared distance to
 * the data, and its derivatives by the sections' phases.
 *
 * The squared distance of a noisy mean is too large by the mean's variance, which depends on theta. So the realisations of a
 * step are dealt to two halves a and b, independent of each other, and the loss is
 *   sum over groups, i <= j and lags of weight (C_a - data) (C_b - data) / (total weight unit),
 * weights and unit as in fit_loss: its expectation is fit_loss's without the penalty, and so is that of its gradient, where the
 * half a is driven by the residual of b and the other way round. (It may be negative.)
 *
 * One step:
 *   sampled_begin
 *   for each own realisation: sampled_add             p, half: see there
 *   sampled_sums, MPI_Allreduce (MPI_SUM) of them      one reduction, the same on all ranks afterwards
 *   sampled_loss
 *   for each own realisation: sampled_gradient        with the p, half and phases of sampled_add
 * All functions are local.
 */
#ifndef EXSET_CALIBRATE_SAMPLED_H
#define EXSET_CALIBRATE_SAMPLED_H

#include "calibrate_impl.h"

typedef struct sampled_s sampled_t;

/**
 * shape[fit->n_planes]: rows and columns of the periodic sections that stand for each fit->plane[p]: sections of its kind
 * (PLANES_XY: normal z; PLANES_Z: rows along z, normal x or y), with its pixels. Lags beyond half a section's rows or
 * columns are left out. fit is borrowed: its weights, data and unit are used as they are at each step. Errors:
 * EXSET_ERR_LOCAL (memory, FFT).
 */
int sampled_create(const fit_t *fit, const int64_t (*shape)[2], sampled_t **sampled);
void sampled_destroy(sampled_t **sampled);

/** Forget the step before. */
void sampled_begin(sampled_t *sampled);
/** Count a realisation for plane p, half 0 or 1 (the same on every number of ranks: by the parity of its global number).
 *  phase[n_phases][rows][cols] must sum to 1 in each cell. Each half of each plane needs one at least, on some rank. */
void sampled_add(sampled_t *sampled, int p, int half, const double *phase);
/** What has been added: count doubles, to be summed over the ranks in place. No more may be added then. */
double *sampled_sums(sampled_t *sampled, int64_t *count);
/** Loss of the sums, and preparation of the gradient. Errors: EXSET_ERR_LOCAL (a half without realisations). */
int sampled_loss(sampled_t *sampled, double *loss);
/** Add scale times the derivatives of the loss by this realisation's phases to d_phase[n_phases][rows][cols]. As phases sum to
 *  1, only differences between the phases' derivatives matter: those of the last phase are 0 here. */
void sampled_gradient(sampled_t *sampled, int p, int half, double scale, const double *phase,
                      double *d_phase);

#endif
