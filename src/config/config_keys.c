/* The one table of keys. Blocks follow the modules; within a block, the order of the help text. */
#include "exset/config.h"

#include <stddef.h>

#define ALL ",all,"
#define SECTIONS ",coverage,calibrate,validate,"
#define PLANES ",calibrate,validate,"
#define IMAGES ",coverage,calibrate,conduct,morph,validate,section,"
#define VOLUMES ",coverage,conduct,morph,validate,section,"
#define FILES ",coverage,generate,conduct,morph,validate,section,"
#define MORPH ",morph,sweep,"
#define MODEL ",generate,calibrate,validate,sweep,"
#define TWIN ",generate,sweep,"
#define SOLVE ",conduct,sweep,"

/* name, type, most values, range, unit, default, commands, help */
static const exset_key_t keys[] = {
    /* ---- every command ---- */
    {"o", EXSET_KEY_STRING, 1, "", "", NULL, ALL,
     "main output file; results as JSON go beside it, with the ending .json"},
    {"verbosity", EXSET_KEY_INT, 1, "[0,2]", "", "1", ALL,
     "0: results only, 1: progress, 2: details"},
    {"dry_run", EXSET_KEY_BOOL, 1, "", "", "false", ALL,
     "check everything, print the plan (memory, sizes) and stop"},

    /* ---- micrographs and volumes in ---- */
    {"image_labels", EXSET_KEY_INT, 16, "[0,65535]", "", NULL, IMAGES,
     "gray values of phase 1, 2, ...; default: the values found, ascending"},
    {"image_mask", EXSET_KEY_INT, 16, "[0,65535]", "", NULL, IMAGES,
     "gray values of pixels to leave out (cracks, frame)"},
    {"voxel_size", EXSET_KEY_REAL, 3, "(0,inf)", "um", NULL,
     ",coverage,calibrate,generate,conduct,morph,validate,section,sweep,",
     "edge length of a pixel or voxel: one number, or z,y,x; default: the file's, or 1"},
    {"orientation", EXSET_KEY_CHOICE, 1024, "xy,xz,yz", "", "xy", ",coverage,validate,",
     "plane of the sections: one for all inputs, or one for each"},
    {"z_axis", EXSET_KEY_CHOICE, 1, "rows,columns", "", "rows", SECTIONS,
     "sections containing z: does z run down the rows or along the columns of the image"},
    {"sections_xy", EXSET_KEY_FILE, 1024, "", "", NULL, PLANES,
     "images of sections in the x-y plane (normal to z, the axis of symmetry)"},
    {"sections_xz", EXSET_KEY_FILE, 1024, "", "", NULL, PLANES,
     "images of sections in the x-z plane"},
    {"sections_yz", EXSET_KEY_FILE, 1024, "", "", NULL, PLANES,
     "images of sections in the y-z plane"},
    {"max_lag", EXSET_KEY_REAL, 1, "(0,inf)", "um", NULL, SECTIONS,
     "largest lag; default: from the image size (coverage), the data's decay (calibrate), the "
     "model's "
     "lengths (validate)"},
    {"volume_dataset", EXSET_KEY_STRING, 1, "", "", NULL, VOLUMES,
     "data set of an HDF5 volume; default: VTKHDF cell data \"phase\""},
    {"raw_size", EXSET_KEY_INT, 3, "[1,inf)", "", NULL, VOLUMES,
     "nz,ny,nx of a raw volume (8 bit, or 16 bit little endian by the file's length)"},

    {"io_hints", EXSET_KEY_STRING, 1, "", "", NULL, FILES,
     "hints to MPI-IO for volumes, name=value,name=value, such as striping_factor=16; see "
     "doc/performance.md"},
    {"compression", EXSET_KEY_CHOICE, 1, "none,gzip", "", "none", ",generate,conduct,section,",
     "labels of volumes written (.vtkhdf): as they are, or compressed, to about a tenth, at the "
     "cost of time; "
     "fields are never compressed"},

    /* ---- model ---- */
    {"field#_type", EXSET_KEY_CHOICE, 1, "gaussian,chi_square", "", "gaussian", MODEL,
     "kind of the field whose excursion set is phase #"},
    {"field#_dof", EXSET_KEY_INT, 1, "[1,100]", "", "1", MODEL,
     "degrees of freedom of a chi-square field"},
    {"field#_below", EXSET_KEY_BOOL, 1, "", "", "false", MODEL,
     "the set is {X <= threshold} instead of {X >= threshold}"},
    {"field#_fraction", EXSET_KEY_REAL, 1, "(0,1)", "", NULL, MODEL,
     "probability of the field's set (phase 2: of what phase 1 leaves over)"},
    {"field#_coupling", EXSET_KEY_REAL, 1, "[-100,100]", "", "0", MODEL,
     "c of (X + c X_1)/sqrt(1 + c^2), Gaussian fields after the first: one phase coats another; "
     "calibrate finds it where it is not 0"},
    {"field#_family", EXSET_KEY_CHOICE, 8, "gaussian,matern,ring,knots", "", "gaussian", MODEL,
     "family of each term of the spectrum (a list makes a sum), or knots alone"},
    {"field#_weight", EXSET_KEY_REAL, 8, "(0,inf)", "", NULL, MODEL,
     "relative share of each term in the variance; default: equal"},
    {"field#_length_xy", EXSET_KEY_REAL, 8, "(0,inf)", "um", NULL, MODEL,
     "correlation length of each term across z"},
    {"field#_length_z", EXSET_KEY_REAL, 8, "(0,inf)", "um", NULL, MODEL,
     "correlation length of each term along z; default: length_xy (isotropic)"},
    {"field#_nu", EXSET_KEY_REAL, 8, "(0,100]", "", "1.5", MODEL,
     "smoothness: one for each term, or one for all (matern; others ignore it)"},
    {"field#_width", EXSET_KEY_REAL, 8, "(0,10]", "", "0.3", MODEL,
     "relative width: one for each term, or one for all (ring; others ignore it)"},
    {"field#_nugget", EXSET_KEY_REAL, 1, "[0,1)", "", "0", MODEL,
     "white share of the variance (depends on the voxel size)"},
    {"field#_knots_shape", EXSET_KEY_INT, 2, "[2,1024]", "", NULL, MODEL,
     "number of splines in |k|, or in k_r,k_z"},
    {"field#_knots_max", EXSET_KEY_REAL, 2, "(0,inf)", "rad/um", NULL, MODEL,
     "wavenumber of the last spline's centre, in |k|, or in k_r,k_z"},
    {"field#_knots", EXSET_KEY_REAL, 65536, "[0,inf)", "", NULL, MODEL,
     "spline coefficients, k_z fastest"},

    /* ---- generate ---- */
    {"size", EXSET_KEY_INT, 3, "[2,inf)", "", NULL, TWIN,
     "voxels of the twin: nz,ny,nx, or one number for a cube"},
    {"seed", EXSET_KEY_INT, 1, "[0,inf)", "", "1", MODEL, "seed of the random numbers"},
    {"realisations", EXSET_KEY_INT, 1, "[1,1000000]", "", "1", TWIN,
     "number of independent twins; sweep: of each sample"},
    {"realisation_groups", EXSET_KEY_INT, 1, "[0,1000000]", "", "0", ",generate,",
     "groups of ranks that make realisations side by side, a divisor of the number of ranks; 0: as "
     "many as memory and the number of realisations allow"},
    {"output", EXSET_KEY_CHOICE, 1, "labels,fields,none", "", "labels", ",generate,",
     "what to write: labels, labels and fields, or nothing (figures only)"},
    {"fft_grid", EXSET_KEY_INT, 2, "[1,1000000000]", "", NULL, ",generate,",
     "process grid P,Q of the transforms: P ranks share the planes, Q the rows of each; P Q is the "
     "number of "
     "ranks of a group; Q = 1 is chosen unless there are many ranks"},
    {"plan_nodes", EXSET_KEY_INT, 1, "[0,1000000]", "", "0", ",generate,",
     "with dry_run: estimate time and memory for a cluster with so many nodes; 0: for the ranks at "
     "hand alone"},
    {"plan_ranks", EXSET_KEY_INT, 1, "[1,4096]", "", "64", ",generate,",
     "ranks on each node of plan_nodes"},
    {"plan_threads", EXSET_KEY_INT, 1, "[1,4096]", "", "1", ",generate,",
     "threads of each rank there"},
    {"plan_network", EXSET_KEY_REAL, 1, "(0,inf)", "Gbit/s", "200", ",generate,",
     "network of each node there"},
    {"plan_files", EXSET_KEY_REAL, 1, "(0,inf)", "GB/s", "20", ",generate,",
     "speed of the file system there"},
    {"fft_plan", EXSET_KEY_CHOICE, 1, "estimate,measure", "", "estimate", ",generate,",
     "how transforms are planned; measure takes 0.1 to some seconds, gains little, and may move "
     "single "
     "voxels"},
    {"fft_wisdom", EXSET_KEY_STRING, 1, "", "", NULL, ",generate,",
     "file of planning experience: read if it is there, written after planning"},

    /* ---- conduct ---- */
    {"conduct_sigma", EXSET_KEY_STRING, 1, "", "", NULL, SOLVE,
     "conductivity of phase 1, 2, ..., each in [0,inf) in any unit, 0 for insulators: 1,0,0; / "
     "parts "
     "sets, which "
     "are solved one after the other: 1,0,0/0,1,0.1 (without it as many values as two sets have "
     "are "
     "two sets)"},
    {"conduct_phases", EXSET_KEY_CHOICE, 16, "all,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "", NULL,
     SOLVE,
     "instead of conduct_sigma: each of these phases alone, with conductivity 1, the others "
     "insulating"},
    {"conduct_axis", EXSET_KEY_CHOICE, 3, "x,y,z,all", "", "all", SOLVE,
     "directions of the current; z is that of the pages, y of rows, x of columns"},
    {"conduct_boundary", EXSET_KEY_CHOICE, 1, "electrodes,periodic", "", "electrodes", SOLVE,
     "electrodes: on two opposite faces, half a voxel outside the first centres, no flux "
     "elsewhere; "
     "periodic: opposite faces meet, mean gradient of 1; three axes give the full tensor"},
    {"conduct_rtol", EXSET_KEY_REAL, 1, "(0,1)", "", "1e-4", SOLVE,
     "relative accuracy of sigma_eff: the iteration ends when its estimated error is smaller"},
    {"conduct_fields", EXSET_KEY_BOOL, 1, "", "", "false", ",conduct,",
     "write potential and current density to a .vtkhdf file beside the results"},

    /* ---- morph ---- */
    {"morph_descriptors", EXSET_KEY_CHOICE, 10,
     "fraction,surface,lines,percolation,tortuosity,size,intrusion,chord,contact,all", "", "all",
     MORPH,
     "groups of descriptors: volume fractions; interface areas; three-phase boundaries; "
     "percolating, "
     "dead-end and isolated shares; geodesic tortuosity; phase sizes, r_max; mercury intrusion, "
     "r_min and constrictivity (with size); chords; spherical contact distances"},
    {"morph_axis", EXSET_KEY_CHOICE, 3, "x,y,z,all", "", "all", MORPH,
     "axes along which percolation, tortuosity, intrusion and chords are found; z is that of the "
     "pages, y of rows, x of columns"},

    /* ---- coverage ---- */
    {"coverage_lags", EXSET_KEY_CHOICE, 1, "radial,rz", "", "radial", ",coverage,",
     "mean over all directions, or apart along and across z (sections containing z, volumes)"},
    {"coverage_volume", EXSET_KEY_BOOL, 1, "", "", "false", ",coverage,",
     "take a TIFF file as a volume, its pages stacked along z, instead of as sections"},
    {"periodic", EXSET_KEY_BOOL, 1, "", "", "false", ",coverage,",
     "volumes: opposite faces meet, as in twins; otherwise no pair crosses a face"},

    /* ---- calibrate ---- */
    {"method", EXSET_KEY_CHOICE, 1, "coverage,adversarial,combined", "", "coverage", ",calibrate,",
     "what is compared: two-point coverage functions, patches of sections by a discriminator, or "
     "both"},
    {"evaluator", EXSET_KEY_CHOICE, 1, "analytic,sampled", "", "analytic", ",calibrate,",
     "how the model's coverage functions are found: closed forms, or realisations (fields with "
     "coupling need them)"},
    {"ensemble", EXSET_KEY_INT, 1, "[1,10000]", "", "1", ",calibrate,",
     "trainings with seeds of their own, shared out over groups of ranks: the one of least "
     "coverage "
     "loss is kept, the spread is the parameters' uncertainty"},
    {"calibrate_symmetry", EXSET_KEY_CHOICE, 1, "isotropic,cylindrical", "", NULL, ",calibrate,",
     "cylindrical: length_z is free, z the axis; default: cylindrical when there are sections in "
     "x-y and sections containing z, else isotropic"},
    {"calibrate_fix", EXSET_KEY_STRING, 256, "", "", NULL, ",calibrate,",
     "parameters to hold at their given values, such as field1_nu,field2_fraction"},
    {"calibrate_starts", EXSET_KEY_INT, 1, "[1,10000]", "", "4", ",calibrate,",
     "number of starts, shared out over the ranks; the best is kept"},
    {"calibrate_iterations", EXSET_KEY_INT, 1, "[1,1000000]", "", "2000", ",calibrate,",
     "most iterations of the optimiser from each start"},
    {"calibrate_smoothness", EXSET_KEY_REAL, 1, "[0,inf)", "", "1e-3", ",calibrate,",
     "knots: weight of the mean squared second difference of log coefficients, relative to the "
     "data's signal"},
    {"calibrate_uncertainty", EXSET_KEY_BOOL, 1, "", "", "true", ",calibrate,",
     "standard deviations of the parameters by leaving out one section at a time (not for knots)"},

    /* ---- calibrate: methods adversarial and combined, evaluator sampled ---- */
    {"train_steps", EXSET_KEY_INT, 1, "[1,10000000]", "", "400", ",calibrate,",
     "steps of the training"},
    {"train_warm_up", EXSET_KEY_INT, 1, "[0,10000000]", "", "50", ",calibrate,",
     "first of these steps, in which the discriminator alone learns; fewer than train_steps"},
    {"train_start", EXSET_KEY_CHOICE, 1, "coverage,given", "", "coverage", ",calibrate,",
     "parameters to begin with: the optimum of the coverage functions, or the case's own"},
    {"train_weight", EXSET_KEY_REAL, 1, "[0,inf)", "", "4", ",calibrate,",
     "combined: weight w of the coverage functions: as strong as the discriminator when parameters "
     "are 10 % / w "
     "away from their optimum"},
    {"train_patch", EXSET_KEY_INT, 1, "[8,4096]", "pixels", "64", ",calibrate,",
     "edge of the square patches that the discriminator sees"},
    {"train_batch", EXSET_KEY_INT, 1, "[1,65536]", "", "16", ",calibrate,",
     "real patches in a step, and as many of the model, over all ranks of a member"},
    {"train_box", EXSET_KEY_INT, 1, "[8,16384]", "pixels", NULL, ",calibrate,",
     "edge of the periodic box of the realisations; default: from patch and correlation lengths"},
    {"train_threshold", EXSET_KEY_CHOICE, 1, "straight_through,soft", "", "straight_through",
     ",calibrate,", "phases of the realisations: hard with the derivative of soft ones, or soft"},
    {"train_temperature", EXSET_KEY_REAL, 2, "(0,100]", "", "0.1", ",calibrate,",
     "softness of the thresholds in standard deviations of the field; two values: at the first and "
     "at the last step"},
    {"train_width", EXSET_KEY_INT, 1, "[1,1024]", "", "16", ",calibrate,",
     "feature maps of the discriminator's first convolution; each further one has twice as many"},
    {"train_layers", EXSET_KEY_INT, 1, "[1,12]", "", "4", ",calibrate,",
     "convolutions of the discriminator, each halving the patch"},
    {"train_spectral", EXSET_KEY_BOOL, 1, "", "", "false", ",calibrate,",
     "spectral normalisation of the discriminator's weights"},
    {"train_score", EXSET_KEY_CHOICE, 1, "bce,hinge", "", "bce", ",calibrate,",
     "loss of the discriminator: binary cross-entropy, or hinge"},
    {"train_smoothing", EXSET_KEY_REAL, 1, "[0,0.5)", "", "0.1", ",calibrate,",
     "bce: real patches have the target 1 - smoothing"},
    {"train_rate_network", EXSET_KEY_REAL, 1, "(0,1]", "", "2e-3", ",calibrate,",
     "learning rate of the discriminator (Adam)"},
    {"train_rate_model", EXSET_KEY_REAL, 1, "(0,1]", "", "2e-2", ",calibrate,",
     "learning rate of the model's parameters (Adam, on their logarithms)"},
    {"train_rate_end", EXSET_KEY_REAL, 1, "[0,1]", "", "1", ",calibrate,",
     "rates at the last step, relative to the first; a cosine in between"},
    {"train_average", EXSET_KEY_REAL, 1, "[0,1]", "", "0.3", ",calibrate,",
     "the result is the mean of the parameters (of their logarithms) over this last share of the "
     "steps after the warm-up; 0: the last step"},
    {"train_tolerance", EXSET_KEY_REAL, 1, "[0,inf)", "", "0", ",calibrate,",
     "stop early when no parameter's mean over a window moved by more than this, relatively; 0: "
     "never"},
    {"train_window", EXSET_KEY_INT, 1, "[2,10000000]", "", "100", ",calibrate,",
     "steps of a window of train_tolerance"},
    {"train_scatter", EXSET_KEY_REAL, 1, "[0,3]", "", "0.2", ",calibrate,",
     "ensemble: members after the first start at the parameters times exp(r), r uniform within "
     "+-scatter; 0: all start alike"},
    {"train_checkpoint", EXSET_KEY_INT, 1, "[0,10000000]", "", "100", ",calibrate,",
     "steps from one checkpoint to the next, also at SIGTERM and SIGUSR1; 0: none"},
    {"train_restart", EXSET_KEY_BOOL, 1, "", "", "false", ",calibrate,",
     "go on from the checkpoint beside the model, or begin where there is none"},

    /* ---- validate ---- */
    {"model", EXSET_KEY_FILE, 1, "", "", NULL, ",validate,",
     "the model, as calibrate writes it: read last, its fields stand instead of a case's"},
    {"data", EXSET_KEY_FILE, 1024, "", "", NULL, ",validate,",
     "images of sections in the planes that orientation names; the sections of a case are left "
     "aside "
     "then"},
    {"reference", EXSET_KEY_FILE, 1, "", "", NULL, ",validate,",
     "volume whose coverage functions are compared as well"},
    {"validate_realisations", EXSET_KEY_INT, 1, "[4,100000]", "", NULL, ",validate,",
     "sections of the model for each kind of sections (x-y, containing z); default: 32, or as many "
     "as there are in the data"},
    {"validate_twins", EXSET_KEY_INT, 1, "[4,1000]", "", "12", ",validate,",
     "volumes of the model for the bands of a reference volume"},

    /* ---- section ---- */
    {"section_plane", EXSET_KEY_STRING, 256, "", "voxels", NULL, ",section,",
     "planes to be pictured: axis=index, or axis=first:end:step (end not included, missing "
     "numbers: "
     "0, all, 1), such as z=12,y=::50"},
    {"section_crop", EXSET_KEY_STRING, 1, "", "voxels", NULL, ",section,",
     "box to be written as a volume: z0:z1,y0:y1,x0:x1 (ends not included, missing numbers: from "
     "the first, to the last)"},
    {"section_grays", EXSET_KEY_INT, 16, "[0,255]", "", NULL, ",section,",
     "gray values of phase 1, 2, ... in pictures; default: image_labels, or 255 i / n for phase i "
     "of n"},
    {"section_colours", EXSET_KEY_BOOL, 1, "", "", "false", ",section,",
     "pictures (PNG) in colours for people; as images they hold the numbers of the phases"},

    /* ---- sweep ---- */
    {"sweep_design", EXSET_KEY_CHOICE, 1, "table,factorial,latin_hypercube,sobol", "", "sobol",
     ",sweep,",
     "samples: rows of sweep_table; all combinations of the parameters' values; one sample in each "
     "share of each "
     "range; or a sequence that fills the ranges evenly and can be continued"},
    {"sweep_samples", EXSET_KEY_INT, 1, "[1,10000000]", "", NULL, ",sweep,",
     "number of samples (latin_hypercube, sobol)"},
    {"sweep_seed", EXSET_KEY_INT, 1, "[0,inf)", "", "0", ",sweep,",
     "seed of the design: another Latin hypercube; another shift of the Sobol sequence, 0: none"},
    {"sweep_candidates", EXSET_KEY_INT, 1, "[1,100000]", "", "100", ",sweep,",
     "latin_hypercube: the one of so many whose closest samples are farthest apart; 1: the first"},
    {"sweep_table", EXSET_KEY_FILE, 1, "", "", NULL, ",sweep,",
     "table: CSV file, a header of keys, then a row of numbers for each sample"},
    {"sweep_parameter#_key", EXSET_KEY_STRING, 16, "", "", NULL, ",sweep,",
     "key that this parameter sets, or several that get the same value: keys of the model, size, "
     "voxel_size"},
    {"sweep_parameter#_range", EXSET_KEY_REAL, 2, "(-inf,inf)", "", NULL, ",sweep,",
     "lowest and highest value (latin_hypercube, sobol)"},
    {"sweep_parameter#_values", EXSET_KEY_REAL, 4096, "(-inf,inf)", "", NULL, ",sweep,",
     "instead of a range: the values to choose from; factorial designs need them"},
    {"sweep_parameter#_scale", EXSET_KEY_CHOICE, 1, "linear,log", "", "linear", ",sweep,",
     "ranges: samples are even in the value, or in its logarithm"},
    {"sweep_parameter#_relative", EXSET_KEY_BOOL, 1, "", "", "false", ",sweep,",
     "values are factors of what the case gives"},
    {"sweep_noise", EXSET_KEY_CHOICE, 1, "independent,common", "", "independent", ",sweep,",
     "random numbers: each sample its own, or the same for all, so that samples differ by their "
     "parameters alone"},
    {"sweep_ranks", EXSET_KEY_INT, 1, "[0,1000000]", "", "0", ",sweep,",
     "ranks that make a twin together; the groups take realisations in turn; 0: as few as memory "
     "allows"},
    {"sweep_task", EXSET_KEY_INT, 1, "[0,999999]", "", NULL, ",sweep,",
     "job arrays: this process is task k of sweep_tasks, from 0; default: from "
     "SLURM_ARRAY_TASK_ID"},
    {"sweep_tasks", EXSET_KEY_INT, 1, "[1,1000000]", "", NULL, ",sweep,",
     "job arrays: number of tasks; default: SLURM_ARRAY_TASK_COUNT, or 1"},
    {"sweep_interval", EXSET_KEY_REAL, 1, "[0,inf)", "s", "60", ",sweep,",
     "least time between two tables of a sweep at work; they never take more than a fiftieth of "
     "it"},
    {"sweep_merge", EXSET_KEY_BOOL, 1, "", "", "false", ",sweep,",
     "make the table from what is finished, and no twin (also -merge)"},
    {"sweep_retry", EXSET_KEY_BOOL, 1, "", "", "false", ",sweep,",
     "try again what has failed in earlier runs"},
    {"merge", EXSET_KEY_BOOL, 1, "", "", "false", ",sweep,", "the same as sweep_merge"},

    /* ---- regress ---- */
    {"regress_form", EXSET_KEY_CHOICE, 9,
     "power,power1,stenzel_beta,eps_tau,eps_beta,tau,archie,eps,predictors", "", NULL, ",regress,",
     "laws to fit; default: power, power1, stenzel_beta, eps_tau, eps, as far as the table has "
     "their "
     "columns, or predictors where regress_predictors is given"},
    {"regress_predictors", EXSET_KEY_STRING, 12, "", "", NULL, ",regress,",
     "figures or columns of the law k x1^a1 x2^a2 ...: contact_mean stands for "
     "phase#_contact_mean, "
     "field1_length_xy for that column"},
    {"regress_target", EXSET_KEY_STRING, 1, "", "", "m_factor", ",regress,",
     "figure to be explained; m_factor stands for phase#_m_factor_x, ..._y, ..._z"},
    {"regress_phase", EXSET_KEY_INT, 16, "[1,16]", "", NULL, ",regress,",
     "phases; default: all that the target has columns for"},
    {"regress_axis", EXSET_KEY_CHOICE, 3, "x,y,z", "", NULL, ",regress,",
     "axes; default: all that the target has columns for"},
    {"regress_groups", EXSET_KEY_CHOICE, 3, "pooled,phase,axis", "", "pooled", ",regress,",
     "fits to all rows, to those of each phase, to those of each axis"},
    {"regress_published", EXSET_KEY_BOOL, 1, "", "", "true", ",regress,",
     "published laws of the M-factor beside the fits"},
    {"regress_percolation", EXSET_KEY_REAL, 1, "[0,1]", "", "0.9", ",regress,",
     "rows with a smaller percolating_fraction are left out: laws of powers do not hold near the "
     "percolation threshold"},
    {"regress_residuals", EXSET_KEY_CHOICE, 1, "absolute,relative", "", "absolute", ",regress,",
     "what the second, nonlinear fit makes small: prediction - M, or prediction / M - 1"},
    {"regress_intervals", EXSET_KEY_CHOICE, 1, "sample,rows", "", "sample", ",regress,",
     "95 % intervals: the rows of a sample depend on each other (samples left out one at a time), "
     "or all rows are independent"},
    {"regress_folds", EXSET_KEY_INT, 1, "[0,1000000]", "", "10", ",regress,",
     "folds of the cross-validation, of whole samples; as many as samples leave out one at a time; "
     "0 or 1: none"},
    {"regress_seed", EXSET_KEY_INT, 1, "[0,inf)", "", "1", ",regress,",
     "seed that shares the samples out among the folds"},

    /* ---- info ---- */
    {"parameters", EXSET_KEY_BOOL, 1, "", "", "false", ",info,",
     "print the parameter page of the documentation"},
    {NULL, EXSET_KEY_BOOL, 0, NULL, NULL, NULL, NULL, NULL},
};

const exset_key_t *exset_config_keys(void) {
  return keys;
}
