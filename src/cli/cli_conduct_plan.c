/* exset conduct: what to solve, from the keys. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_conduct.h"
#include "cli_inputs.h"
#include "exset/memory.h"

/*
 * Memory of the default solver for each cell of the box when all conduct, the phases included, measured: with one
 * conductivity besides 0, and with several, whose faces differ. See doc/performance.md.
 */
#define BYTES_PER_CELL_ONE 60.0
#define BYTES_PER_CELL_SEVERAL 90.0
/* Of each solve with fields: potential and current density. */
#define BYTES_PER_CELL_FIELDS 16.0

/* ---- keys ----------------------------------------------------------------------------------------- */

/* One conductivity; moves text behind it. */
static int read_value(exset_ctx_t *ctx, const char **text, double *value) {
  const size_t length = strcspn(*text, ",/");
  char item[64], *end = item;
  snprintf(item, sizeof item, "%.*s", (int)(length < sizeof item ? length : sizeof item - 1),
           *text);
  *value = strtod(item, &end);
  while (*end == ' ') end++;
  if (end == item || *end || !isfinite(*value) || *value < 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-conduct_sigma has \"%s\" for a conductivity: allowed is a finite number in "
                      "[0,inf)",
                      item);
  *text += length;
  return EXSET_OK;
}

/* "1,0,0/0,1,0": sets of equal length. */
static int read_sigma(exset_ctx_t *ctx, const exset_config_t *config, conduct_plan_t *plan) {
  const char *text;
  int n = 1, in_set = 0;
  EXSET_TRY(exset_config_string(config, "conduct_sigma", &text));
  for (const char *c = text; *c; c++) n += *c == ',' || *c == '/';
  EXSET_TRY(exset_alloc(ctx, n, sizeof *plan->given, &plan->given));
  plan->given_sets = 1;
  for (;; text++) {
    EXSET_TRY(read_value(ctx, &text, &plan->given[plan->n_given++]));
    in_set++;
    if (*text == ',') continue;
    if (in_set * plan->given_sets != plan->n_given)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "-conduct_sigma: set %d has %d value%s, the first has %d: all need one for "
                        "each phase",
                        plan->given_sets, in_set, in_set == 1 ? "" : "s",
                        (plan->n_given - in_set) / (plan->given_sets - 1));
    if (!*text) return EXSET_OK;
    plan->given_sets++;
    in_set = 0;
  }
}

static int read_phases(exset_ctx_t *ctx, const exset_config_t *config, conduct_plan_t *plan) {
  EXSET_TRY(exset_config_choice_list(config, "conduct_phases", EXSET_MAX_PHASES, plan->alone,
                                     &plan->n_alone));
  for (int i = 0; i < plan->n_alone; i++) {
    if (plan->alone[i] == CONDUCT_PHASE_ALL && plan->n_alone > 1)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "-conduct_phases: all stands alone, or list numbers of phases");
    for (int k = 0; k < i; k++)
      if (plan->alone[k] == plan->alone[i])
        return exset_fail(ctx, EXSET_ERR_INPUT, "-conduct_phases names %d twice", plan->alone[i]);
  }
  return EXSET_OK;
}

int conduct_plan_problem(exset_ctx_t *ctx, const exset_config_t *config, conduct_plan_t *plan) {
  int boundary;
  const bool alone = exset_config_given(config, "conduct_phases");
  if (alone && exset_config_given(config, "conduct_sigma"))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "both -conduct_sigma and -conduct_phases: -conduct_sigma is needed, a "
                      "conductivity for each phase, 0 for insulators, or -conduct_phases all, each "
                      "phase alone");
  EXSET_TRY(alone ? read_phases(ctx, config, plan) : read_sigma(ctx, config, plan));
  EXSET_TRY(cli_axes(ctx, config, "conduct_axis", plan->axis, &plan->n_axes));
  EXSET_TRY(exset_config_choice(config, "conduct_boundary", &boundary));
  plan->boundary = (exset_boundary_t)boundary; /* in the order of the key's choices */
  return exset_config_real(config, "conduct_rtol", &plan->options.rtol);
}

static int read_keys(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                     conduct_plan_t *plan) {
  if (exset_config_inputs(config) != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "%d inputs given; one volume is needed: exset conduct twin.vtkhdf "
                      "-conduct_sigma 1,0,0",
                      exset_config_inputs(config));
  plan->input = exset_config_input(config, 0);
  EXSET_TRY(cli_volume_options(ctx, config, &plan->reading));
  if (!exset_config_given(config, "conduct_phases") && !exset_config_given(config, "conduct_sigma"))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "nothing to solve for: -conduct_sigma is needed, a conductivity for each "
                      "phase, 0 for insulators, or -conduct_phases all, each phase alone");
  EXSET_TRY(conduct_plan_problem(ctx, config, plan));
  EXSET_TRY(exset_config_bool(config, "conduct_fields", &plan->fields));
  EXSET_TRY(exset_config_bool(config, "dry_run", &plan->dry_run));
  if (!plan->fields) return EXSET_OK;
  plan->fields_path = cli_path(config, default_name, ".vtkhdf");
  return plan->fields_path ? EXSET_OK : exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
}

/* ---- sets ----------------------------------------------------------------------------------------- */

static int wrong_number(exset_ctx_t *ctx, const conduct_plan_t *plan, int n_phases) {
  const int values = plan->n_given / plan->given_sets;
  const char *of_set = plan->given_sets > 1 ? " in each set" : "";
  return exset_fail(
      ctx, EXSET_ERR_INPUT,
      "-conduct_sigma has %d value%s%s; the volume has %d phase%s: %d value%s needed, "
      "one for each; / parts sets",
      values, values == 1 ? "" : "s", of_set, n_phases, n_phases == 1 ? "" : "s", n_phases,
      n_phases == 1 ? " is" : "s are");
}

/* What the library would refuse, before the volume is read. */
static int check_set(exset_ctx_t *ctx, const conduct_plan_t *plan, int set) {
  char text[256];
  double low = INFINITY, high = 0;
  for (int p = 0; p < plan->n_phases; p++) {
    const double sigma = conduct_sigma_of(plan, set)[p];
    if (sigma > 0) low = fmin(low, sigma);
    high = fmax(high, sigma);
  }
  conduct_set_text(plan, set, sizeof text, text);
  if (high == 0)
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "-conduct_sigma %s: all conductivities are 0; at least one phase must conduct", text);
  if (low >= 1e-15 * high) return EXSET_OK;
  return exset_fail(
      ctx, EXSET_ERR_INPUT,
      "-conduct_sigma %s: %g and %g differ by more than a factor 10^15; take the lower "
      "one as 0",
      text, low, high);
}

/* Each phase alone, with conductivity 1. */
static int sets_alone(exset_ctx_t *ctx, conduct_plan_t *plan, int n_phases) {
  const bool all = plan->alone[0] == CONDUCT_PHASE_ALL;
  plan->n_sets = all ? n_phases : plan->n_alone;
  EXSET_TRY(exset_alloc(ctx, (int64_t)plan->n_sets * n_phases, sizeof *plan->sigma, &plan->sigma));
  for (int set = 0; set < plan->n_sets; set++) {
    const int phase = all ? set + 1 : plan->alone[set];
    if (phase > n_phases)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "-conduct_phases names phase %d; the volume has the phases 1 to %d", phase,
                        n_phases);
    plan->sigma[set * n_phases + phase - 1] = 1;
  }
  return EXSET_OK;
}

int conduct_plan_sets(exset_ctx_t *ctx, conduct_plan_t *plan, int n_phases) {
  free(plan->sigma);
  plan->sigma = NULL;
  plan->n_phases = n_phases;
  if (plan->n_alone > 0) return sets_alone(ctx, plan, n_phases);
  const bool parted = plan->given_sets > 1;
  if (parted ? plan->n_given != plan->given_sets * n_phases : plan->n_given % n_phases != 0)
    return wrong_number(ctx, plan, n_phases);
  plan->n_sets = plan->n_given / n_phases;
  EXSET_TRY(exset_alloc(ctx, plan->n_given, sizeof *plan->sigma, &plan->sigma));
  memcpy(plan->sigma, plan->given, (size_t)plan->n_given * sizeof *plan->sigma);
  for (int set = 0; set < plan->n_sets; set++) EXSET_TRY(check_set(ctx, plan, set));
  return EXSET_OK;
}

bool conduct_same_phases(const conduct_plan_t *plan, int set, int other) {
  const double *a = conduct_sigma_of(plan, set), *b = conduct_sigma_of(plan, other);
  for (int p = 0; p < plan->n_phases; p++)
    if ((a[p] > 0) != (b[p] > 0)) return false;
  return true;
}

void conduct_order_sets(const conduct_plan_t *plan, int *order) {
  int n = 0;
  for (int set = 0; set < plan->n_sets; set++) {
    bool first = true; /* of those with its phases */
    for (int k = 0; k < set; k++) first = first && !conduct_same_phases(plan, k, set);
    for (int other = set; first && other < plan->n_sets; other++)
      if (conduct_same_phases(plan, set, other)) order[n++] = other;
  }
}

void conduct_set_text(const conduct_plan_t *plan, int set, size_t size, char *text) {
  size_t used = 0;
  text[0] = '\0';
  for (int p = 0; p < plan->n_phases && used < size; p++)
    used += (size_t)snprintf(text + used, size - used, "%s%g", p > 0 ? "," : "",
                             conduct_sigma_of(plan, set)[p]);
}

/* ---- the plan ------------------------------------------------------------------------------------- */

/* A current needs two voxels to flow between; a volume of one plane is the section of one. */
static int check_axes(exset_ctx_t *ctx, const conduct_plan_t *plan) {
  const int64_t *n = plan->whole.grid.n;
  for (int i = 0; i < plan->n_axes; i++)
    if (n[plan->axis[i]] < 2)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "%s is one voxel thick along %c (%" PRId64 " x %" PRId64 " x %" PRId64
                        " voxels, z, y, x): a current along %c needs 2 or more; -conduct_axis "
                        "chooses others",
                        plan->input, conduct_axis_name[plan->axis[i]], n[0], n[1], n[2],
                        conduct_axis_name[plan->axis[i]]);
  return EXSET_OK;
}

/* The box that is solved: periodic ones are doubled along axes with an odd number of voxels. */
static bool solved_size(const conduct_plan_t *plan, int64_t n[3]) {
  bool doubled = false;
  for (int a = 0; a < 3; a++) {
    const bool odd = plan->boundary == EXSET_BOUNDARY_PERIODIC && plan->whole.grid.n[a] % 2;
    n[a] = plan->whole.grid.n[a] * (odd ? 2 : 1);
    doubled = doubled || odd;
  }
  return doubled;
}

/* The solver's limits, before anything is read. */
static int check_size(exset_ctx_t *ctx, const conduct_plan_t *plan) {
  const int64_t most = 1 << 21, most_plane = 1 << 30;
  int64_t n[3];
  solved_size(plan, n);
  if (n[0] <= most && n[1] <= most && n[2] <= most && n[1] * n[2] < most_plane) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "%s is too large: %" PRId64 " x %" PRId64 " x %" PRId64
                    " voxels (z, y, x; odd numbers doubled when periodic); allowed are 2^21 along "
                    "an axis and less than 2^30 in a plane across z",
                    plan->input, n[0], n[1], n[2]);
}

int conduct_plan_read(exset_ctx_t *ctx, const exset_config_t *config, const char *default_name,
                      conduct_plan_t *plan) {
  memset(plan, 0, sizeof *plan);
  EXSET_TRY(exset_agree(ctx, read_keys(ctx, config, default_name, plan)));
  EXSET_TRY(exset_volume_look(ctx, plan->input, &plan->reading, &plan->whole));
  EXSET_TRY(check_axes(ctx, plan));
  EXSET_TRY(check_size(ctx, plan));
  int n_phases = plan->whole.n_phases; /* where the cells alone tell: as many as a set has values */
  if (n_phases == 0 && plan->given_sets > 1) n_phases = plan->n_given / plan->given_sets;
  return exset_agree(ctx, n_phases > 0 ? conduct_plan_sets(ctx, plan, n_phases) : EXSET_OK);
}

void conduct_plan_clear(conduct_plan_t *plan) {
  exset_volume_clear(&plan->whole);
  free(plan->given);
  free(plan->sigma);
  free(plan->fields_path);
}

/* ---- the plan in words ---------------------------------------------------------------------------- */

static void print_sets(const exset_ctx_t *ctx, const conduct_plan_t *plan) {
  char text[256];
  if (plan->n_sets == 0)
    exset_print(ctx,
                "sigma       sets follow from the number of phases, which only all of %s tells; "
                "-image_labels would say it\n",
                plan->input);
  for (int set = 0; set < plan->n_sets; set++) {
    conduct_set_text(plan, set, sizeof text, text);
    exset_print(ctx, "sigma       %s%s\n", text,
                plan->n_sets > 1 && set == 0 ? "  (a set in each line)" : "");
  }
}

static void print_solves(const exset_ctx_t *ctx, const conduct_plan_t *plan) {
  char axes[3 * CONDUCT_MAX_AXES] = "";
  size_t used = 0;
  for (int i = 0; i < plan->n_axes; i++)
    used += (size_t)snprintf(axes + used, sizeof axes - used, "%s%c", i > 0 ? ", " : "",
                             conduct_axis_name[plan->axis[i]]);
  if (plan->n_sets == 0) exset_print(ctx, "solves      for each set along %s\n", axes);
  else
    exset_print(ctx, "solves      %d: %d set%s along %s\n", conduct_solves(plan), plan->n_sets,
                plan->n_sets == 1 ? "" : "s", axes);
}

/* Of the most expensive set. Sets not known: several conductivities. */
static double bytes_of_solver(const conduct_plan_t *plan) {
  bool several = plan->n_sets == 0;
  for (int set = 0; set < plan->n_sets; set++) {
    const double *sigma = conduct_sigma_of(plan, set);
    double one = 0;
    for (int p = 0; p < plan->n_phases; p++) {
      several = several || (one > 0 && sigma[p] > 0 && sigma[p] != one);
      if (sigma[p] > 0) one = sigma[p];
    }
  }
  return several ? BYTES_PER_CELL_SEVERAL : BYTES_PER_CELL_ONE;
}

/* Sets not known: one. */
static double bytes_of_fields(const conduct_plan_t *plan) {
  const int n_solves = plan->n_sets > 0 ? conduct_solves(plan) : plan->n_axes;
  return plan->fields ? BYTES_PER_CELL_FIELDS * n_solves : 0;
}

double conduct_bytes(const conduct_plan_t *plan, int64_t planes) {
  const exset_grid_t *grid = &plan->whole.grid;
  const double plane = (double)grid->n[1] * (double)grid->n[2];
  int64_t n[3];
  solved_size(plan, n);
  const double larger = (double)n[0] * (double)n[1] * (double)n[2] / ((double)grid->n[0] * plane);
  return (bytes_of_solver(plan) * larger + bytes_of_fields(plan)) * plane * (double)planes;
}

static int fit_of(exset_ctx_t *ctx, const conduct_plan_t *plan, exset_memory_fit_t *fit) {
  return exset_memory_fit(ctx, conduct_bytes(plan, plan->whole.grid.nz_local), fit);
}

static int print_memory(exset_ctx_t *ctx, const conduct_plan_t *plan) {
  const exset_grid_t *grid = &plan->whole.grid; /* no rank has more planes than rank 0 */
  const int64_t all = exset_grid_cells(grid);
  int64_t n[3];
  exset_memory_fit_t fit;
  EXSET_TRY(fit_of(ctx, plan, &fit));
  exset_print(ctx,
              "unknowns    at most %" PRId64 ", the cells that carry current; %" PRId64
              " on the busiest of %d rank%s\n",
              all, exset_grid_cells_local(grid), ctx->size, ctx->size == 1 ? "" : "s");
  exset_print(ctx,
              "memory      at most about %.3g GB on the busiest rank, %.3g GB on all%s (default "
              "solver)\n",
              conduct_bytes(plan, grid->nz_local) / 1e9, conduct_bytes(plan, grid->n[0]) / 1e9,
              plan->fields ? ", fields included" : "");
  if (isfinite(fit.available))
    exset_print(ctx, "            %.3g GB %s%s\n", fit.available / 1e9, fit.limit,
                fit.needed > fit.available ? ": too little, should all of them conduct" : "");
  if (solved_size(plan, n))
    exset_print(ctx,
                "            periodic boxes are doubled along axes with an odd number of "
                "voxels: even ones take less\n");
  if (plan->fields)
    exset_print(ctx, "fields      %.3g GB in memory and in %s%s\n",
                bytes_of_fields(plan) * (double)all / 1e9, plan->fields_path,
                plan->n_sets == 0 ? ", for each set" : "");
  return EXSET_OK;
}

int conduct_plan_print(exset_ctx_t *ctx, const conduct_plan_t *plan) {
  cli_volume_print(ctx, plan->input, &plan->whole.grid);
  print_sets(ctx, plan);
  print_solves(ctx, plan);
  return print_memory(ctx, plan);
}

int conduct_plan_memory(exset_ctx_t *ctx, const conduct_plan_t *plan) {
  exset_memory_fit_t fit;
  EXSET_TRY(fit_of(ctx, plan, &fit));
  if (fit.needed > fit.available)
    exset_warn(ctx, "up to %.3g GB may be needed in %d process%s, and %.3g GB %s", fit.needed / 1e9,
               fit.processes, fit.processes == 1 ? "" : "es", fit.available / 1e9, fit.limit);
  return EXSET_OK;
}
