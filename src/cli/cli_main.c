/* exset: the program. Finds the command, runs it, turns error codes into one line and an exit code. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const cli_command_t commands[] = {
    {"coverage", "exset coverage a.tif b.tif ... -orientation xy -voxel_size um [-o coverage.json]",
     "two-point coverage functions of sections or a volume, fractions with error bars",
     "TIFF and PNG files are sections, each page one. An HDF5 file (.vtkhdf), a file with "
     "-raw_size, or a\n"
     "TIFF file with -coverage_volume true is a volume: one at a time.",
     exset_cli_coverage},
    {"generate", "exset generate model.yaml -size nz,ny,nx -voxel_size um [-o twin.vtkhdf]",
     "periodic 3D twins of a model, any size",
     "The same seed gives the same twin for any number of ranks; at half the voxel size in the "
     "same box\n"
     "it gives the same microstructure, refined. Realisation 1 of several is that of a single one.",
     exset_cli_generate},
    {"conduct",
     "exset conduct twin.vtkhdf -conduct_sigma s1,s2,... [-conduct_axis z] [-o conduct.json]",
     "effective conductivity, M-factor and tortuosity factor of a volume",
     "Effective diffusivity, thermal conductivity and permittivity are the same problem: give "
     "those "
     "of the\n"
     "phases as conduct_sigma. sigma_eff has its units. m_factor = sigma_eff / mean of sigma over "
     "the "
     "conducting\n"
     "cells; tortuosity_factor = volume fraction / m_factor; bruggeman: a of m_factor = "
     "fraction^a.\n"
     "error: estimated, relative, of sigma_eff by the solver; mismatch: of the currents at the "
     "electrodes.\n"
     "-conduct_boundary periodic, for twins, gives the full tensor and its principal "
     "directions.\n\n"
     "  ionic, electrolyte phase 3 of pore, active material, electrolyte:  -conduct_sigma 0,0,0.1\n"
     "  that, and electronic through active material, phase 2:             -conduct_sigma "
     "0,0,0.1/0,2.5,0\n"
     "  D_eff / D_0 of a gas in the pores, phase 1:                        -conduct_sigma 1,0,0\n"
     "  M-factors of all phases, one after the other:                      -conduct_phases all\n\n"
     "Volumes: .vtkhdf, HDF5, TIFF stacks, raw. Solver: PETSc's options behind -conduct_ksp_ and "
     "-conduct_pc_, such as\n"
     "-conduct_ksp_monitor or -conduct_pc_type voxelmg (default), hypre, gamg, ml, bjacobi, icc, "
     "...",
     exset_cli_conduct},
    {"morph",
     "exset morph twin.vtkhdf [-morph_descriptors fraction,tortuosity] [-morph_axis z] [-o "
     "morph.json]",
     "geometric descriptors of a volume: tortuosity, constrictivity, areas, sizes",
     "For each phase, and each axis where it applies:\n"
     "  fraction     volume_fraction, volume_fraction_ci95: half the width of its 95 % interval\n"
     "  surface      specific_surface_area (1/um), interface_area of pairs of phases\n"
     "  lines        boundary_length (1/um^2): lines on which three phases meet\n"
     "  percolation  percolating_fraction, dead_end_fraction, isolated_fraction of the phase's "
     "cells\n"
     "  tortuosity   geodesic_tortuosity: shortest path through the phase / thickness of the "
     "volume\n"
     "  size         r_max (um): balls of this radius cover half of the phase\n"
     "  intrusion    r_min (um): balls of this radius, pushed in from the faces, fill half of it;\n"
     "               constrictivity = (r_min / r_max)^2\n"
     "  chord        chord_mean (um)\n"
     "  contact      contact_mean (um): distance of the other phases' points to this phase\n"
     "The results (morph.json) have the distributions as well. Volumes: .vtkhdf, HDF5, TIFF "
     "stacks, "
     "raw. Outer faces are\n"
     "those of a window, not periodic. Definitions and errors: doc/theory/morphology.md.",
     exset_cli_morph},
    {"calibrate", "exset calibrate case.yaml -o model.yaml",
     "find a model's parameters from sections",
     "The case names the sections (sections_xy, sections_xz, sections_yz) and for each field "
     "its\n"
     "type and family; numbers left out are started from the data. Writes the model "
     "(model.yaml)\n"
     "and the results (model.json). -method adversarial and combined train a discriminator: keys "
     "train_*.",
     exset_cli_calibrate},
    {"validate",
     "exset validate -model model.yaml -data a.tif,b.tif -voxel_size um [-reference v.vtkhdf]",
     "a model against sections, on figures that calibration did not see",
     "Chords, boundary lengths, clusters, coverage functions: data, the model's mean over "
     "realisations, "
     "and the\n"
     "difference in units of its expected scatter (z). Sections: -data, or those of a case file "
     "given "
     "as well.\n"
     "Writes the results (validate.json) and pictures of sections, data left and model right "
     "(validate_sections_*.png).",
     exset_cli_validate},
    {"sweep", "exset sweep case.yaml [-o sweep.csv]",
     "virtual materials testing: twins of many parameter samples, measured in memory, as a table",
     "The case holds a model, a box, what to vary (sweep_parameter1_key, _range, ...) and what to "
     "measure\n"
     "(morph_descriptors; conduct_sigma or conduct_phases). Each sample gives a row: means and "
     "standard "
     "deviations over\n"
     "its realisations. What is finished is kept in <output>.units: the same command again goes on "
     "where a\n"
     "run has ended, however it did. Job arrays share the work: -sweep_task k -sweep_tasks n, "
     "then -merge.",
     exset_cli_sweep},
    {"section",
     "exset section twin.vtkhdf -section_plane z=12,y=::50 [-o section.png]\n"
     "  exset section twin.vtkhdf -section_crop 0:100,:,200:400 [-o section.vtkhdf]",
     "planes of a volume as pictures, or a box of it as a volume",
     "Indices are voxels, counted from 0, ends of ranges not included. Only what is wanted is "
     "read. PNG: a "
     "file for each plane,\n"
     "section_z12.png where there are several; TIFF: a page for each plane, a file for each axis. "
     "Rows run "
     "along z (y\n"
     "across z). Gray values of phases: -section_grays, else -image_labels, else 255 i / n for "
     "phase i "
     "of n; masked: 0.\n"
     "-section_crop writes .vtkhdf, .tif or .raw; the origin (micrometres) moves with the box.",
     exset_cli_section},
    {"regress", "exset regress sweep.csv [-regress_form power,eps_tau] [-o regress.json]",
     "laws between structure and properties, fitted to the table of a sweep",
     "Rows: samples, their phases and axes. Named forms of M = m_factor (or regress_target), eps = "
     "volume_fraction,\n"
     "beta = constrictivity, tau = geodesic_tortuosity:\n\n"
     "  power         k eps^a beta^b / tau^c     power1    eps^a beta^b / tau^c\n"
     "  stenzel_beta  eps beta^b / tau^c         eps_tau   eps^a / tau^c\n"
     "  eps_beta      eps^a beta^b               tau       eps / tau^c\n"
     "  archie        k eps^a                    eps       eps^a\n"
     "  predictors    k x1^a1 x2^a2 ..., -regress_predictors x1,x2,...\n\n"
     "Published: bruggeman eps^1.5; tau2 eps / tau^2; stenzel2016 eps beta^0.36 / tau^5.17; "
     "stenzel2016_eps\n"
     "eps^1.15 beta^0.37 / tau^4.39. Each form is fitted twice: to log M, and from there to M "
     "itself "
     "(regress_residuals).\n"
     "Writes the results (regress.json) and predicted beside simulated values (regress.csv).",
     exset_cli_regress},
    {"info", "exset info", "version, libraries, MPI", "", exset_cli_info},
    {NULL, NULL, NULL, NULL, NULL},
};

const cli_command_t *cli_commands(void) {
  return commands;
}

static const cli_command_t *find_command(const char *name) {
  for (const cli_command_t *c = commands; c->name; c++)
    if (strcmp(c->name, name) == 0) return c;
  return NULL;
}

static int unknown_command(exset_ctx_t *ctx, const char *name) {
  const char *words[sizeof commands / sizeof *commands];
  int n = 0;
  for (const cli_command_t *c = commands; c->name; c++) words[n++] = c->name;
  const char *nearest = exset_config_nearest(name, n, words);
  return exset_fail(ctx, EXSET_ERR_INPUT, "unknown command \"%.60s\"; %s%s", name,
                    nearest ? "the nearest is " : "see exset --help", nearest ? nearest : "");
}

static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-help") == 0 || strcmp(word, "-h") == 0;
}

static int run(exset_ctx_t *ctx, int argc, char **argv) {
  if (argc < 2) return exset_fail(ctx, EXSET_ERR_INPUT, "no command given; see exset --help");
  if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
    cli_help_general(ctx);
    return EXSET_OK;
  }
  const cli_command_t *command = find_command(argv[1]);
  if (!command) return unknown_command(ctx, argv[1]);
  for (int i = 2; i < argc; i++) {
    if (!is_help(argv[i])) continue;
    cli_help_command(ctx, command);
    return EXSET_OK;
  }
  exset_config_t *config = NULL;
  EXSET_TRY(exset_config_create(ctx, command->name, argc - 2, argv + 2, &config));
  const int err = command->run(ctx, config);
  if (err < 0) return err; /* this rank alone: nothing collective may follow */
  const int err_end = exset_config_destroy(&config);
  return err ? err : err_end;
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = NULL;
  int level; /* threads leave MPI to the first one, as all implementations allow */
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
    return EXSET_ERR_RUN;
  int err = exset_ctx_create(MPI_COMM_WORLD, &ctx);
  if (!err) err = run(ctx, argc, argv);
  const char *message = ctx && ctx->message[0] ? ctx->message : "failed without a message";
  if (err < 0) {
    fprintf(stderr, "exset: %s\n", message);
    MPI_Abort(MPI_COMM_WORLD, EXSET_ERR_RUN);
  }
  if (err && ctx->rank == 0) fprintf(stderr, "exset: %s\n", message);
  exset_ctx_destroy(&ctx);
  if (MPI_Finalize() != MPI_SUCCESS && !err) err = EXSET_ERR_RUN;
  return err;
}
