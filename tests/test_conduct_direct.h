/*
 * Small random boxes, hard on purpose, solved by exset and by elimination (test_conduct_network.h): sizes 1 to 7, up
 * to four phases of any contrast, insulators and masked cells, voxels that are no cubes. A case that
 * fails is cut down as far as it goes on failing and printed.
 */
#ifndef EXSET_TEST_CONDUCT_DIRECT_H
#define EXSET_TEST_CONDUCT_DIRECT_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "test_conduct_clusters.h"
#include "test_conduct_network.h"

enum { DIRECT_PHASES = 4 };
typedef struct {
  box_t b;
  exset_boundary_t boundary;
  double sigma[DIRECT_PHASES];
} direct_case_t;

/** The case of a seed; conductivities 0 or 10^-decades to 10^decades. */
static inline direct_case_t direct_draw(uint64_t seed, exset_boundary_t boundary, double decades) {
  uint64_t state = seed;
  int64_t n[3];
  double voxel[3];
  direct_case_t c = {.boundary = boundary};
  const bool cubes = box_draw_int(&state, 3) == 0;
  for (int a = 0; a < 3; a++) {
    n[a] = 1 + box_draw_int(&state, 7);
    voxel[a] = cubes ? 1 : box_draw_real(&state, 0.5, 2);
  }
  const int n_phases = 1 + (int)box_draw_int(&state, DIRECT_PHASES);
  bool conducts = false;
  for (int p = 0; p < n_phases; p++) {
    const double value = pow(10, box_draw_real(&state, -decades, decades));
    c.sigma[p] = box_draw_int(&state, 4) == 0 ? 0 : value;
    conducts = conducts || c.sigma[p] > 0;
  }
  if (!conducts) c.sigma[0] = 1;
  c.b = box_create(n, voxel, n_phases);
  const int first = (int)box_draw_int(&state, 2);
  box_fill(&c.b, first, &state);
  /* Sometimes one phase takes most of the cells: near its percolation threshold, and far above it. */
  const int64_t more = box_draw_int(&state, 4);
  const uint8_t favourite = (uint8_t)(1 + box_draw_int(&state, n_phases));
  for (int64_t i = 0; i < box_cells(&c.b); i++)
    if (box_draw_int(&state, 4) < more) c.b.phase[i] = favourite;
  return c;
}

static inline void direct_print(const direct_case_t *c) {
  const int64_t *n = c->b.n;
  fprintf(stderr, "%s, %lld x %lld x %lld cells of %.17g x %.17g x %.17g, sigma",
          c->boundary == EXSET_BOUNDARY_PERIODIC ? "periodic" : "electrodes", (long long)n[0],
          (long long)n[1], (long long)n[2], c->b.voxel[0], c->b.voxel[1], c->b.voxel[2]);
  for (int p = 0; p < c->b.n_phases; p++) fprintf(stderr, " %.17g", c->sigma[p]);
  fprintf(stderr, ", phases (planes of rows along x):\n");
  for (int64_t i = 0; i < box_cells(&c->b); i++)
    fprintf(stderr, "%d%s", c->b.phase[i],
            (i + 1) % (n[1] * n[2]) == 0 ? "\n"
            : (i + 1) % n[2] == 0        ? " / "
                                         : " ");
}

/* Tensor by elimination; electrodes: the diagonal, the rest NaN. */
static inline void direct_exact(const direct_case_t *c, double tensor[3][3]) {
  if (c->boundary == EXSET_BOUNDARY_PERIODIC) {
    network_periodic(&c->b, c->sigma, tensor);
    return;
  }
  for (int a = 0; a < 3; a++)
    for (int d = 0; d < 3; d++)
      tensor[a][d] = a == d ? network_electrodes(&c->b, c->sigma, a) : NAN;
}

/* |a - b| / b; 0 when both are 0. */
static inline double direct_relative(double value, double exact) {
  return exact == 0 ? (value == 0 ? 0 : INFINITY) : fabs(value - exact) / exact;
}

/** Largest relative error of sigma_eff along the three axes; infinite if a call fails. Collective. */
static inline double direct_error(exset_ctx_t *ctx, const direct_case_t *c, double rtol,
                                  const double tensor[3][3], exset_conduct_run_t run[3]) {
  exset_volume_t v = box_volume(ctx, &c->b);
  exset_conduct_t *conduct = NULL;
  const exset_conduct_options_t options = {.rtol = rtol};
  int err = exset_conduct_create(ctx, &v, c->boundary, c->sigma, &conduct);
  double worst = 0;
  for (int a = 0; a < 3 && !err; a++) {
    err = case_quietly(conduct, a, &options, NULL, NULL, &run[a]);
    const double error = direct_relative(run[a].sigma_eff, tensor[a][a]);
    if (!(error <= worst)) worst = error; /* also NaN, which stays */
  }
  if (err < 0) MUST(ctx, err);
  static int said;
  if (err && ctx->rank == 0 && said++ < 3) fprintf(stderr, "%s\n", ctx->message);
  ctx->message[0] = 0;
  exset_conduct_destroy(&conduct);
  free(v.phase);
  return err ? INFINITY : worst;
}

static inline bool direct_fails(exset_ctx_t *ctx, const direct_case_t *c, double rtol,
                                double tolerance) {
  double tensor[3][3];
  exset_conduct_run_t run[3];
  direct_exact(c, tensor);
  return !(direct_error(ctx, c, rtol, (const double(*)[3])tensor, run) <= tolerance);
}

/* The case without one plane across an axis. */
static inline direct_case_t direct_without(const direct_case_t *c, int axis, int64_t plane) {
  const int64_t *n = c->b.n, stride[3] = {n[1] * n[2], n[2], 1};
  direct_case_t out = *c;
  int64_t size[3] = {n[0], n[1], n[2]}, k = 0;
  size[axis]--;
  out.b = box_create(size, c->b.voxel, c->b.n_phases);
  for (int64_t i = 0; i < box_cells(&c->b); i++)
    if (i / stride[axis] % n[axis] != plane) out.b.phase[k++] = c->b.phase[i];
  return out;
}

/** Take planes and cells away as long as the case fails. Collective. */
static inline void direct_shrink(exset_ctx_t *ctx, direct_case_t *c, double rtol,
                                 double tolerance) {
  for (int a = 0; a < 3; a++)
    for (int64_t plane = 0; plane < c->b.n[a] && c->b.n[a] > 1;) {
      direct_case_t less = direct_without(c, a, plane);
      const bool fails = direct_fails(ctx, &less, rtol, tolerance);
      box_free(fails ? &c->b : &less.b);
      if (fails) *c = less;
      else plane++;
    }
  for (int64_t i = 0; i < box_cells(&c->b); i++) {
    const uint8_t kept = c->b.phase[i];
    c->b.phase[i] = 0;
    if (!direct_fails(ctx, c, rtol, tolerance)) c->b.phase[i] = kept;
  }
}

/** The case of a seed fails: print it, cut down. Collective. */
static inline void direct_report(exset_ctx_t *ctx, const direct_case_t *c, double rtol,
                                 double tolerance) {
  static int reported;
  if (reported++ > 0) return;
  direct_case_t less = *c;
  double tensor[3][3];
  exset_conduct_run_t run[3] = {{0}};
  less.b = box_create(c->b.n, c->b.voxel, c->b.n_phases);
  memcpy(less.b.phase, c->b.phase, (size_t)box_cells(&c->b));
  direct_shrink(ctx, &less, rtol, tolerance);
  direct_exact(&less, tensor);
  const double error = direct_error(ctx, &less, rtol, (const double(*)[3])tensor, run);
  if (ctx->rank == 0) {
    fprintf(stderr, "cut down, error %.3g: ", error);
    direct_print(&less);
    for (int a = 0; a < 3; a++)
      fprintf(stderr, "along %c: sigma_eff %.12g, expected %.12g, residual %.2g, %d iterations\n",
              "zyx"[a], run[a].sigma_eff, tensor[a][a], run[a].residual, run[a].iterations);
  }
  box_free(&less.b);
}

/** What the run says of components, against a flood fill. Nothing is solved where nothing percolates along the axis. */
static inline void direct_check_clusters(const direct_case_t *c, const exset_conduct_run_t run[3],
                                         uint64_t seed) {
  const clusters_t k = clusters_of(&c->b, c->sigma, c->boundary == EXSET_BOUNDARY_PERIODIC);
  const double all = (double)box_cells(&c->b);
  for (int a = 0; a < 3; a++) {
    const exset_conduct_run_t *r = &run[a];
    const double face = all / (double)c->b.n[a];
    const int64_t removed = k.all - k.kept[a];
    CHECK_MSG(r->clusters == k.all && r->clusters_removed == removed,
              "seed %llu along %c: %lld clusters, %lld removed, expected %lld and %lld",
              (unsigned long long)seed, "zyx"[a], (long long)r -> clusters,
              (long long)r -> clusters_removed, (long long)k.all, (long long)removed);
    CHECK_MSG(k.cells[a] == 0 ? r->iterations == 0 : r->unknowns == k.kept_cells[a],
              "seed %llu along %c: %lld unknowns, expected %lld", (unsigned long long)seed,
              "zyx"[a], (long long)r -> unknowns, (long long)k.kept_cells[a]);
    CHECK_NEAR(r->conducting_fraction, (double)k.conducting / all, 1e-14);
    CHECK_NEAR(r->percolating_fraction, (double)k.cells[a] / all, 1e-14);
    CHECK_NEAR(r->percolating_share, k.conducting ? (double)k.cells[a] / (double)k.conducting : 0,
               1e-14);
    CHECK_NEAR(r->contact_low, (double)k.low[a] / face, 1e-14);
    CHECK_NEAR(r->contact_high, (double)k.high[a] / face, 1e-14);
  }
}

#endif
