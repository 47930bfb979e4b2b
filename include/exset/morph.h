/**
 * morph: geometric descriptors of labelled volumes, per phase and, where it applies, per axis.
 *
 * Axes are numbered as arrays are: 0 z, 1 y, 2 x. What was not asked for, or has no value (no cell of the phase, no
 * path), is NaN. Radii are those of balls between interfaces (distance.h). See doc/theory/morphology.md.
 */
#ifndef EXSET_MORPH_H
#define EXSET_MORPH_H

#include "exset/histogram.h"
#include "exset/volume.h"

/* Groups of descriptors that are computed together, and timed. */
typedef enum {
  EXSET_MORPH_FRACTION,    /* volume fractions with 95 % intervals */
  EXSET_MORPH_SURFACE,     /* specific surface areas, interface areas */
  EXSET_MORPH_LINES,       /* length of three-phase boundaries */
  EXSET_MORPH_PERCOLATION, /* percolating, dead-end, isolated */
  EXSET_MORPH_TORTUOSITY,  /* geodesic tortuosity */
  EXSET_MORPH_SIZE,        /* continuous phase-size distribution, r_max */
  EXSET_MORPH_INTRUSION,   /* mercury intrusion, r_min, constrictivity; computes SIZE, too */
  EXSET_MORPH_CHORD,       /* chord lengths */
  EXSET_MORPH_CONTACT,     /* spherical contact distribution */
  EXSET_MORPH_GROUPS
} exset_morph_group_t;

typedef struct {
  double volume_fraction, volume_fraction_ci95; /* half width of the 95 % interval */
  bool
      ci95_narrow; /* the coverage function has not decayed within half of the volume: the interval may be too narrow */
  double specific_surface_area; /* 1/um: area of all its interfaces per volume */
  /* Shares of the phase's cells along each axis: of clusters that touch both outer faces, one of them, none. */
  double percolating_fraction[3], dead_end_fraction[3], isolated_fraction[3];
  /* Over the cells of the first plane from which the phase leads to the last: path length / distance of the planes. */
  double geodesic_tortuosity[3], geodesic_tortuosity_sd[3];
  double
      geodesic_reach[3]; /* share of the phase's cells in the first plane that have such a path */
  double r_max;          /* um: largest radius for which balls cover half of the phase */
  double r_min
      [3]; /* um: largest radius for which balls from the two faces, in the mean, fill half of the phase; 0: none */
  double constrictivity[3];        /* (r_min / r_max)^2 */
  double chord_mean[3];            /* um; see exset_surface_chord_mean */
  double contact_mean;             /* um: mean distance of the other phases' points to this phase */
  exset_histogram_t tortuosity[3]; /* of path length / distance; 100 and more in one bin */
  exset_histogram_t size;          /* local thickness as radius, um; counts are cells */
  exset_histogram_t
      intrusion[3]; /* radius, um, at which a cell is filled; mean count of the two faces */
  exset_histogram_t chord[3]; /* in voxels along the axis */
  exset_histogram_t contact;  /* distance, um, of cells outside the phase to it */
} exset_morph_phase_t;

typedef struct {
  int n_phases;
  exset_morph_phase_t *phase; /* [n_phases] */
  double *interface_area;     /* [n_phases][n_phases], 1/um */
  double *
      boundary_length; /* [1 + exset_surface_triples()], 1/um^2: three-phase boundary, all and each triple */
  double seconds[EXSET_MORPH_GROUPS];
} exset_morph_t;

typedef struct {
  bool group[EXSET_MORPH_GROUPS]; /* what to compute */
  bool axis[3];                   /* along which axes: z, y, x */
} exset_morph_options_t;

/** Name of a group on the command line and in results: "fraction", ... Local. */
const char *exset_morph_group_name(exset_morph_group_t group);
/**
 * Compute descriptors of a volume. Collective; equal on all ranks, and for any number of ranks.
 * Ownership: clear with exset_morph_clear, also after an error.
 * Errors: EXSET_ERR_INPUT (no cell that is not masked), EXSET_ERR_RUN (memory), EXSET_ERR_LOCAL (MPI).
 */
int exset_morph(exset_ctx_t *ctx, const exset_volume_t *volume,
                const exset_morph_options_t *options, exset_morph_t *morph);
/** Free what it holds. Local. */
void exset_morph_clear(exset_morph_t *morph);

/* One figure of a phase: its name in results, and where it lies. */
typedef struct {
  const char *name; /* "volume_fraction", ... */
  exset_morph_group_t group;
  bool along;    /* one for each axis */
  size_t offset; /* in exset_morph_phase_t */
} exset_morph_field_t;
/** The figures of a phase, in the order of tables, ended by a NULL name. Local. */
const exset_morph_field_t *exset_morph_fields(void);
/** Value of a field; axis is not used where there is one for all. Local. */
double exset_morph_value(const exset_morph_phase_t *phase, const exset_morph_field_t *field,
                         int axis);
/** Was the group computed? Those asked for, and SIZE with INTRUSION. Local. */
bool exset_morph_computed(const exset_morph_options_t *options, exset_morph_group_t group);
/** "12", or "1_12" with ten and more phases: what names of interfaces (k = -1) and lines end on; i, j, k from 0. Local. */
void exset_morph_pair_name(int n_phases, int i, int j, int k, char name[40]);

/* One number with its name: "phase2_constrictivity_z", "interface_area_12", "boundary_length", ... */
typedef int (*exset_morph_visit_t)(void *user, const char *name, double value);
/** Call visit for each figure that was computed, always in the same order, axes x, y, z: tables and sweeps. boundary_length is
 *  all lines; those of each triple follow with more than three phases. Local. Errors: those of visit. */
int exset_morph_figures(const exset_morph_t *morph, const exset_morph_options_t *options,
                        exset_morph_visit_t visit, void *user);
/** Bytes that one rank needs besides the volume. Local. */
double exset_morph_bytes(const exset_ctx_t *ctx, const exset_grid_t *grid,
                         const exset_morph_options_t *options);

#endif
