/* test: np="1 2 3 5" time=60 */
/* Lengths of shortest paths against sweeps over the whole volume until nothing changes, bit for bit: random phases, all axes,
 * voxels of many shapes, slabs of one plane, ranks without planes. */
#include "test_paths.h"

typedef struct {
  double unit;
  float step[27];
  double exact[27];
} steps_t;

static steps_t steps_of(const double h[3]) {
  steps_t steps = {.unit = fmin(h[0], fmin(h[1], h[2]))};
  for (int k = 0; k < 27; k++) {
    const double z = (k / 9 - 1) * (h[0] / steps.unit), y = (k / 3 % 3 - 1) * (h[1] / steps.unit);
    const double x = (k % 3 - 1) * (h[2] / steps.unit);
    steps.exact[k] = sqrt(z * z + y * y + x * x);
    steps.step[k] = (float)steps.exact[k];
  }
  return steps;
}

/* One sweep forwards or backwards; the number of cells that changed. */
static int64_t sweep(const box_t *box, const steps_t *steps, bool forwards, float *value,
                     double *exact) {
  const int64_t cells = box_cells(box);
  int64_t changed = 0;
  for (int64_t c = 0; c < cells; c++) {
    const int64_t i = forwards ? c : cells - 1 - c;
    for (int k = 0; k < 27; k++) {
      const int64_t other = box_neighbour(box, i, k);
      if (other < 0) continue;
      const float through = value[other] + steps->step[k];
      const double exactly = exact[other] + steps->exact[k];
      changed += through < value[i] || exactly < exact[i];
      if (through < value[i]) value[i] = through;
      if (exactly < exact[i]) exact[i] = exactly;
    }
  }
  return changed;
}

static void naive(const box_t *box, int axis, float *value, double *exact) {
  const steps_t steps = steps_of(box->voxel);
  for (int64_t i = 0; i < box_cells(box); i++) {
    const bool last = box_at(box, i, axis) == box->n[axis] - 1;
    exact[i] = value[i] = box->phase[i] && last ? 0 : INFINITY;
  }
  int64_t changed = 1;
  for (int count = 0; changed > 0; count++)
    changed = sweep(box, &steps, count % 2 > 0, value, exact);
  for (int64_t i = 0; i < box_cells(box); i++) {
    value[i] = (float)(steps.unit * value[i]);
    exact[i] *= steps.unit;
  }
}

static void check_axis(exset_ctx_t *ctx, const box_t *box, int axis) {
  const size_t cells = (size_t)box_cells(box);
  const exset_volume_t volume = box_volume(ctx, box);
  const int64_t local = exset_grid_cells_local(&volume.grid), first = box_first(&volume);
  float *value = malloc(cells * sizeof *value);
  double *exact = malloc(cells * sizeof *exact);
  float *length = malloc((size_t)(local + 1) * sizeof *length);
  naive(box, axis, value, exact);
  MUST(ctx, exset_geodesic_length(ctx, &volume, axis, length));
  int64_t wrong = 0;
  double error = 0;
  for (int64_t i = 0; i < local; i++) {
    wrong += length[i] != value[first + i];
    if (isfinite(exact[first + i]) && exact[first + i] > 0)
      error = fmax(error, fabs(length[i] / exact[first + i] - 1));
  }
  CHECK_MSG(wrong == 0, "axis %d of %lld,%lld,%lld: %lld lengths differ", axis,
            (long long)box->n[0], (long long)box->n[1], (long long)box->n[2], (long long)wrong);
  CHECK_MSG(error < 1e-6, "axis %d: a length is off by %g", axis, error);
  free(value);
  free(exact);
  free(length);
}

static void check_random(exset_ctx_t *ctx, const int64_t n[3], const double voxel[3],
                         unsigned phases, unsigned masked, uint64_t seed) {
  box_t box;
  box_init(&box, n, 1);
  for (int a = 0; a < 3; a++) box.voxel[a] = voxel[a];
  box_random(&box, phases, masked, &seed);
  for (int axis = 0; axis < 3; axis++) check_axis(ctx, &box, axis);
  free(box.phase);
}

/* Slabs of few planes, narrow boxes, voxels of any shape. */
static void check_small(exset_ctx_t *ctx, int volumes) {
  uint64_t state = 5;
  for (int v = 0; v < volumes; v++) {
    int64_t n[3];
    double voxel[3];
    for (int a = 0; a < 3; a++) {
      n[a] = 1 + draw(&state, 9);
      voxel[a] = v % 2 ? 0.05 : pow(2, draw(&state, 100) / 25.);
    }
    check_random(ctx, n, voxel, 1 + draw(&state, 3), draw(&state, 3), (uint64_t)(1000 + v));
  }
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const int64_t cube[3] = {20, 19, 21}, flat[3] = {2, 16, 17}, plate[3] = {24, 1, 25};
  const double unit[3] = {1, 1, 1}, fine[3] = {0.065, 0.065, 0.065}, slices[3] = {3.7, 1, 1};
  const double bricks[3] = {0.3, 1, 7}, plates[3] = {1, 5000, 2};
  const int64_t stack[3] = {3, 30, 4};
  const double leaves[3] = {1, 1e6, 1.5}; /* beyond 2^24 edges steps are lost in rounding */
  check_random(ctx, cube, unit, 2, 0, 1);
  check_random(ctx, cube, fine, 3, 1, 2);
  check_random(ctx, cube, unit, 4, 0, 3); /* near the threshold of paths through 26 neighbours */
  check_random(ctx, cube, slices, 3, 1, 4);
  check_random(ctx, cube, bricks, 2, 1, 5);
  check_random(ctx, cube, plates, 1, 2, 6);
  check_random(ctx, flat, unit, 3, 1, 7); /* fewer planes than ranks */
  check_random(ctx, plate, unit, 2, 0, 8);
  check_random(ctx, stack, leaves, 1, 1, 9);
  check_small(ctx, 60);
  return test_end(ctx);
}
