/* Private to the program: inputs from keys, the same way for every command (cli_inputs.c). */
#ifndef EXSET_CLI_INPUTS_H
#define EXSET_CLI_INPUTS_H

#include "exset/config.h"
#include "exset/volume.h"

/** Keys image_labels, image_mask; empty lists where not given. Local, the same on all ranks. Errors: EXSET_ERR_INPUT. */
int cli_labels(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels);
/** Key voxel_size: z, y, x in micrometres; 0 where not given. Local, the same on all ranks. Errors: EXSET_ERR_INPUT (2 values). */
int cli_voxel(exset_ctx_t *ctx, const exset_config_t *config, double voxel[3]);
/** The box of twins, keys size and voxel_size (1 where not given), cut over the ranks of ctx. Local, the same on all ranks. Errors:
 *  EXSET_ERR_INPUT, and those of exset_grid_init. */
int cli_grid(exset_ctx_t *ctx, const exset_config_t *config, exset_grid_t *grid);
/** Labels, voxel_size, volume_dataset (borrowed), raw_size. Local, the same on all ranks. Errors: EXSET_ERR_INPUT. */
int cli_volume_options(exset_ctx_t *ctx, const exset_config_t *config,
                       exset_volume_options_t *options);
/** Keys compression and io_hints of a volume to be written, with these arrays (borrowed) and no attributes. Local, the same on
 *  all ranks. Errors: EXSET_ERR_INPUT. */
int cli_volume_extras(const exset_config_t *config, int n_arrays, const exset_cellarray_t *arrays,
                      exset_volume_extras_t *extras);
/** Is the file a volume for commands that take sections as well: HDF5, or any file with raw_size given? TIFF files are
 *  sections, each page one. Collective. Errors: EXSET_ERR_INPUT (missing, folder, empty). */
int cli_is_volume(exset_ctx_t *ctx, const exset_config_t *config, const char *path, bool *volume);
/** A key with the choices x,y,z,all: axes in the user's order, x, y, z for all. Local, the same on all ranks. Errors:
 *  EXSET_ERR_INPUT (an axis twice, all with others). */
int cli_axes(exset_ctx_t *ctx, const exset_config_t *config, const char *key, int axis[3], int *n);
/** The line of a plan that tells the volume's size. Local. */
void cli_volume_print(const exset_ctx_t *ctx, const char *path, const exset_grid_t *grid);

/**
 * Sections with rows along z where they contain it, appended to sections (zeroed before); labels from
 * cli_labels, filled from the first file where empty.
 * cli_sections_inputs: the inputs of the command line with key orientation (one for all, or one for
 * each). cli_sections_keys: keys sections_xy, sections_xz, sections_yz; at least one file. cli_sections_data: key data, then
 * the inputs, with key orientation; without either as cli_sections_keys.
 * Collective. Errors: EXSET_ERR_INPUT (number of orientations, no file, see exset_sections_read), EXSET_ERR_RUN.
 */
int cli_sections_inputs(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels,
                        exset_sections_t *sections);
int cli_sections_keys(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels,
                      exset_sections_t *sections);
int cli_sections_data(exset_ctx_t *ctx, const exset_config_t *config, exset_labels_t *labels,
                      exset_sections_t *sections);
/** Edge lengths (rows, columns) of a pixel of a section in micrometres; voxel as from cli_voxel, 0 becomes 1. Local. */
void cli_section_pixel(const double voxel[3], exset_orient_t orient, double pixel[2]);

#endif
