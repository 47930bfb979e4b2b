/*
 * Speed of the preconditioners on a structure of overlapping spheres: phase 1 spheres, phase 2 a shell around
 * them, phase 3 the rest. Arguments: size n of the cube or a volume, then preconditioners (PETSc's names);
 * without: voxelmg against hypre on 96^3.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "test_conduct.h"

static double draw(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) * 0x1p-53;
}

/* Spheres of radius 8 to 12 cells, centres anywhere; a shell of 2 cells. */
static void fill(exset_volume_t *v) {
  const int64_t n = v->grid.n[0];
  for (int64_t i = 0; i < exset_grid_cells_local(&v->grid); i++) v->phase[i] = 3;
  const int64_t spheres = (int64_t)(0.65 * (double)(n * n * n) / 4200);
  uint64_t state = 42;
  for (int64_t k = 0; k < spheres; k++) {
    double c[3], r = 8 + 4 * draw(&state);
    for (int a = 0; a < 3; a++) c[a] = draw(&state) * (double)n;
    const double out = r + 2;
    for (int64_t z = (int64_t)fmax(c[0] - out, (double)v->grid.z0);
         z <= c[0] + out && z < v->grid.z0 + v->grid.nz_local; z++)
      for (int64_t y = (int64_t)fmax(c[1] - out, 0); y <= c[1] + out && y < n; y++)
        for (int64_t x = (int64_t)fmax(c[2] - out, 0); x <= c[2] + out && x < n; x++) {
          const double dz = (double)z - c[0], dy = (double)y - c[1], dx = (double)x - c[2];
          const double d = sqrt(dz * dz + dy * dy + dx * dx);
          uint8_t *phase = &v->phase[((z - v->grid.z0) * n + y) * n + x];
          if (d < r) *phase = 1;
          else if (d < out && *phase == 3) *phase = 2;
        }
  }
}

static double measure(exset_ctx_t *ctx, const exset_volume_t *v, const double *sigma,
                      const char *pc) {
  exset_conduct_t *c;
  exset_conduct_run_t run;
  const exset_conduct_options_t options = {.pc_type = pc};
  const double start = MPI_Wtime();
  MUST(ctx, exset_conduct_create(ctx, v, EXSET_BOUNDARY_ELECTRODES, sigma, &c));
  const double ready = MPI_Wtime();
  MUST(ctx, exset_conduct_solve(c, EXSET_AXIS_Z, &options, NULL, NULL, &run));
  exset_conduct_destroy(&c);
  exset_print(ctx, "%-10s %4.2g,%4.2g,%4.2g  %9.6f %8.1e %9lld %6.3f %5d %7.1e %7.2f %7.2f %7.2f\n",
              pc, sigma[0], sigma[1], sigma[2], run.sigma_eff,
              fabs(run.flux_in - run.flux_out) / run.sigma_eff, (long long)run.unknowns,
              run.percolating_fraction, run.iterations, run.residual, ready - start,
              run.seconds_setup, run.seconds_solve);
  return run.seconds_setup + run.seconds_solve;
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  exset_config_t *config = case_begin(ctx);
  exset_volume_t v = {0};
  const exset_volume_options_t options = {0};
  const int64_t size = argc > 1 ? atoll(argv[1]) : 96, n[3] = {size, size, size};
  const double voxel[3] = {1, 1, 1};
  exset_grid_t grid;
  if (size > 0) {
    MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
    MUST(ctx, exset_volume_init(ctx, &grid, 3, &v));
    fill(&v);
  } else {
    MUST(ctx, exset_volume_read(ctx, argv[1], &options, &v));
  }
  const double sets[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0.01, 1e-4}};
  const char *const defaults[] = {"voxelmg", "hypre"};
  double seconds[2] = {0};
  exset_print(ctx, "%-10s %-14s  %9s %8s %9s %6s %5s %7s %7s %7s %7s\n", "pc", "sigma", "sigma_eff",
              "mismatch", "unknowns", "share", "its", "residual", "label s", "setup s", "solve s");
  for (int k = 0; k < (argc > 2 ? argc - 2 : 2); k++)
    for (int set = 0; set < 4; set++)
      seconds[k > 0] += measure(ctx, &v, sets[set], argc > 2 ? argv[k + 2] : defaults[k]);
  if (argc <= 2)
    exset_print(ctx, "ratio conduct-voxelmg-to-hypre %.2f 0.5\n", seconds[0] / seconds[1]);
  exset_volume_clear(&v);
  exset_config_destroy(&config);
  return test_end(ctx);
}
