/* test: np="1" time=60 */
/*
 * Areas, three-phase boundaries and chords of realisations of two Gaussian fields. Means over independent realisations lie
 * within 5 standard errors (from their spread) of the closed forms for the lattice, and these close to those of the continuous
 * structure: with about 60 checks a correct program fails with probability 0.01, once for all as seeds are fixed.
 */
#include "../src/morph/morph_surface_impl.h"
#include "exset/label.h"
#include "test_surface.h"

enum { PHASES = 3 };
static const double LENGTH = 2; /* um: covariance exp(-(h / LENGTH)^2) */

/* Sums over realisations of what was estimated. */
typedef struct {
  int n;
  double area[PHASES][PHASES], area2[PHASES][PHASES], line, line2;
  double chord[3][PHASES], chord2[3][PHASES]; /* mean in cells */
} sums_t;

static exset_model_t model_of(void) {
  exset_model_t model = {.n_fields = 2};
  for (int i = 0; i < 2; i++) {
    exset_field_t *f = &model.field[i];
    *f = (exset_field_t){.type = EXSET_FIELD_GAUSSIAN, .dof = 1, .fraction = i == 0 ? 0.3 : 0.5};
    f->spectrum.n_terms = 1;
    f->spectrum.term[0] = (exset_term_t){
        .family = EXSET_FAMILY_GAUSSIAN, .weight = 1, .length_xy = LENGTH, .length_z = LENGTH};
  }
  return model;
}

/* ---- closed forms ------------------------------------------------------------------------------- */

/* P(one point in phase a, another at distance h in phase b), a != b: products of the fields' pair probabilities. */
static double coverage(const exset_model_t *model, exset_pair_t *const pair[2], double h, int a,
                       int b) {
  double l[2], unused;
  const double p1 = model->field[0].fraction, p2 = model->field[1].fraction;
  for (int i = 0; i < 2; i++)
    exset_pair_eval(pair[i], exp(-pow(h / LENGTH, 2)), &l[i], &unused, &unused);
  if (a + b == 3) return (p1 - l[0]) * p2;
  if (a + b == 4) return (p1 - l[0]) * (1 - p2);
  return (1 - 2 * p1 + l[0]) * (p2 - l[1]);
}

/* Mean of the estimate of area a, b on a lattice: its lines miss what changes twice between two cells. */
static double area_lattice(const exset_model_t *model, exset_pair_t *const pair[2],
                           const double voxel[3], int a, int b) {
  double weight[SURFACE_DIRECTIONS], length[SURFACE_DIRECTIONS], sum = 0;
  surface_weights(voxel, weight);
  surface_lengths(voxel, length);
  for (int d = 0; d < SURFACE_DIRECTIONS; d++)
    sum += 2 * weight[d] * 2 * coverage(model, pair, length[d], a, b) / length[d];
  return sum;
}

/* Specific surface of {X >= l}: (2 / pi) sqrt(-rho''(0)) exp(-l^2 / 2), rho = exp(-(h / LENGTH)^2). */
static double surface_of(const exset_field_t *field) {
  return 2 / M_PI * sqrt(2.0) / LENGTH * exp(-0.5 * pow(exset_field_threshold(field), 2));
}

static double area_continuous(const exset_model_t *model, int a, int b) {
  const double s1 = surface_of(&model->field[0]), s2 = surface_of(&model->field[1]);
  const double p1 = model->field[0].fraction, p2 = model->field[1].fraction;
  return a + b == 3 ? s1 * p2 : a + b == 4 ? s1 * (1 - p2) : s2 * (1 - p1);
}

/* ---- estimates ---------------------------------------------------------------------------------- */

static void add(double value, double *sum, double *sum2) {
  *sum += value;
  *sum2 += value * value;
}

static void add_realisation(exset_ctx_t *ctx, const exset_volume_t *v, sums_t *sums) {
  double area[PHASES * PHASES], line[2];
  exset_histogram_t chords[PHASES], lines;
  MUST(ctx, exset_surface_areas(ctx, v, area));
  MUST(ctx, exset_surface_lines(ctx, v, line));
  for (int a = 0; a < PHASES; a++)
    for (int b = 0; b < PHASES; b++)
      add(area[a * PHASES + b], &sums->area[a][b], &sums->area2[a][b]);
  add(line[0], &sums->line, &sums->line2);
  for (int axis = 0; axis < 3; axis++) {
    MUST(ctx, exset_surface_chords(ctx, v, axis, chords, &lines));
    for (int p = 0; p < PHASES; p++) {
      add(exset_surface_chord_mean(&chords[p], &lines), &sums->chord[axis][p],
          &sums->chord2[axis][p]);
      exset_histogram_clear(&chords[p]);
    }
    exset_histogram_clear(&lines);
  }
  sums->n++;
}

static sums_t realise(exset_ctx_t *ctx, const exset_model_t *model, const int64_t n[3],
                      const double voxel[3], int times) {
  sums_t sums = {0};
  exset_volume_t v;
  exset_grid_t grid;
  exset_sampler_t *sampler;
  MUST(ctx, exset_grid_init(ctx, n, voxel, &grid));
  MUST(ctx, exset_volume_init(ctx, &grid, PHASES, &v));
  MUST(ctx, exset_sampler_create(ctx, &grid, NULL, &sampler));
  for (int r = 0; r < times; r++) {
    MUST(ctx, exset_label_volume(ctx, sampler, model, 12, (uint64_t)r, v.phase, NULL, NULL));
    add_realisation(ctx, &v, &sums);
  }
  exset_sampler_destroy(&sampler);
  exset_volume_clear(&v);
  return sums;
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* The mean is within 5 standard errors, and a share `beside` of it, of the closed form. */
static void check_mean(int n, double sum, double sum2, double expected, double beside,
                       const char *what) {
  const double mean = sum / n, se = sqrt((sum2 / n - mean * mean) / (n - 1));
  CHECK_MSG(fabs(mean - expected) <= 5 * se + beside * expected,
            "%s: %g, expected %g (%+.2f %%), standard error %.2f %%", what, mean, expected,
            100 * (mean / expected - 1), 100 * se / expected);
}

static void check_chords(const exset_model_t *model, exset_pair_t *const pair[2],
                         const double voxel[3], const sums_t *s) {
  double fraction[PHASES];
  exset_model_fractions(model, fraction);
  for (int axis = 0; axis < 3; axis++)
    for (int p = 1; p <= PHASES; p++) {
      double ends = 0, surface = 0; /* runs that end per cell; area */
      for (int q = 1; q <= PHASES; q++) {
        if (q == p) continue;
        ends += coverage(model, pair, voxel[axis], p, q);
        surface += area_continuous(model, p, q);
      }
      const double lattice = fraction[p - 1] / ends;
      check_mean(s->n, s->chord[axis][p - 1], s->chord2[axis][p - 1], lattice, 0, "mean chord");
      /* in the continuous structure 4 times the volume over the area (Cauchy) */
      CHECK_NEAR(lattice * voxel[axis] * surface / (4 * fraction[p - 1]), 1, 0.12 * voxel[axis]);
    }
}

/*
 * lost[2]: the largest shares of an area that the lattice may miss, of the first phase's interfaces and of the other one; line: how
 * much the length of lines may be off. Pairs of cells on two sides of a three-phase line miss the interface between them.
 */
static void check_fields(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3], int times,
                         const double lost[2], double line) {
  const exset_model_t model = model_of();
  exset_pair_t *pair[2];
  for (int i = 0; i < 2; i++) MUST(ctx, exset_pair_create(ctx, &model.field[i], &pair[i]));
  const sums_t s = realise(ctx, &model, n, voxel, times);
  for (int a = 1; a <= PHASES; a++)
    for (int b = a + 1; b <= PHASES; b++) {
      const double lattice = area_lattice(&model, pair, voxel, a, b);
      const double continuous = area_continuous(&model, a, b);
      check_mean(s.n, s.area[a - 1][b - 1], s.area2[a - 1][b - 1], lattice, 0, "area");
      CHECK_MSG(lattice < continuous && lattice > (1 - lost[a - 1]) * continuous,
                "area %d %d: the lattice sees %.4f", a, b, lattice / continuous);
    }
  const double expected = M_PI / 4 * surface_of(&model.field[0]) * surface_of(&model.field[1]);
  check_mean(s.n, s.line, s.line2, expected, line, "three-phase boundary");
  check_chords(&model, pair, voxel, &s);
  for (int i = 0; i < 2; i++) exset_pair_destroy(&pair[i]);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t coarse[3] = {64, 64, 64}, fine[3] = {128, 128, 128}, uneven[3] = {40, 64, 54};
  const double v8[3] = {0.25, 0.25, 0.25}, v16[3] = {0.125, 0.125, 0.125};
  const double flat[3] = {0.5, 0.25, 0.3};
  const double lost8[2] = {0.006, 0.054}, lost16[2] = {0.0016, 0.026},
               lost_flat[2] = {0.012, 0.076};
  check_fields(ctx, coarse, v8, 60, lost8, 0.03);
  check_fields(ctx, fine, v16, 10, lost16, 0.03);
  check_fields(ctx, uneven, flat, 60, lost_flat, 0.03);
  return test_end(ctx);
}
