/* test: np="1 2 3 5" time=60 */
/* Widest paths through bottles with one neck and with two, by distances to the walls; through a serpentine that crosses all slabs
 * again and again, with widths that fall and that rise on the way. */
#include "exset/distance.h"
#include "test_paths.h"

typedef struct {
  box_t box;
  exset_volume_t volume;
  int axis;
  float *squared, *widest; /* [local cells] */
} case_t;

static case_t case_create(exset_ctx_t *ctx, int axis, int64_t along, int64_t across, int64_t high) {
  case_t c = {.axis = axis};
  int64_t n[3];
  n[axis] = along;
  n[(axis + 1) % 3] = across;
  n[(axis + 2) % 3] = high;
  box_init(&c.box, n, 1);
  c.volume = box_volume(ctx, &c.box);
  const size_t cells = (size_t)exset_grid_cells_local(&c.volume.grid) + 1;
  c.squared = malloc(cells * sizeof(float));
  c.widest = malloc(cells * sizeof(float));
  return c;
}

static void case_clear(case_t *c) {
  free(c->box.phase);
  free(c->squared);
  free(c->widest);
}

/* ---- bottles ----------------------------------------------------------------------------------- */

enum { LONG = 30, HALF = 8, WIDE = 2 * HALF + 1 };
typedef int (*profile_fn)(int64_t u); /* half the width of the square section, less than HALF */

static int one_neck(int64_t u) {
  return u < 9 ? 2 : 6;
}

static int two_necks(int64_t u) {
  if (u >= 4 && u < 8) return 3;
  if (u >= 15 && u < 19) return 1;
  return u < 4 ? 5 : u < 15 ? 7 : 6;
}

/* Half the width of the narrowest section on the straight way to u from the low or the high face. */
static int narrowest(profile_fn profile, int64_t u, bool high) {
  int least = HALF;
  for (int64_t v = high ? LONG - 1 : 0; v != u; v += high ? -1 : 1)
    if (profile(v) < least) least = profile(v);
  return profile(u) < least ? profile(u) : least;
}

/* A ball fits through a neck of half the width b if it fits at its centre, b + 1 from the walls. */
static void check_bottle(exset_ctx_t *ctx, int axis, profile_fn profile) {
  case_t c = case_create(ctx, axis, LONG, WIDE, WIDE);
  for (int64_t i = 0; i < box_cells(&c.box); i++) {
    const int64_t u = box_at(&c.box, i, axis), v = box_at(&c.box, i, (axis + 1) % 3) - HALF;
    const int64_t w = box_at(&c.box, i, (axis + 2) % 3) - HALF;
    c.box.phase[i] = llabs(v) <= profile(u) && llabs(w) <= profile(u) ? 1 : 2;
  }
  MUST(ctx, exset_distance_inside(ctx, &c.volume, c.squared, NULL, NULL));
  for (int high = 0; high < 2; high++) {
    MUST(ctx, exset_geodesic_widest(ctx, &c.volume, axis, high, c.squared, c.widest));
    int64_t wrong = 0, first = box_first(&c.volume);
    for (int64_t i = 0; i < exset_grid_cells_local(&c.volume.grid); i++) {
      if (c.box.phase[first + i] != 1) continue;
      const int half = narrowest(profile, box_at(&c.box, first + i, axis), high);
      const float most = (float)((half + 1) * (half + 1));
      wrong += c.widest[i] != (c.squared[i] < most ? c.squared[i] : most);
    }
    CHECK_MSG(wrong == 0, "axis %d, %s face: %lld widths in the bottle are not as known", axis,
              high ? "high" : "low", (long long)wrong);
  }
  case_clear(&c);
}

/* A box all of one width: one bucket holds every cell. */
static void check_open(exset_ctx_t *ctx, int axis) {
  case_t c = case_create(ctx, axis, 46, 32, 33);
  int64_t wrong = 0;
  for (int64_t i = 0; i < box_cells(&c.box); i++) c.box.phase[i] = 1;
  for (int64_t i = 0; i < exset_grid_cells_local(&c.volume.grid); i++) c.squared[i] = 7;
  MUST(ctx, exset_geodesic_widest(ctx, &c.volume, axis, true, c.squared, c.widest));
  for (int64_t i = 0; i < exset_grid_cells_local(&c.volume.grid); i++) wrong += c.widest[i] != 7;
  CHECK_MSG(wrong == 0, "axis %d: %lld widths in the box are not 7", axis, (long long)wrong);
  case_clear(&c);
}

/* ---- serpentine -------------------------------------------------------------------------------- */

/* Number of a cell along the way through corridors along v at even u, joined at alternating ends; -1 in the walls. */
static int64_t serpentine(const int64_t n_v, int64_t u, int64_t v) {
  const int64_t corridor = u / 2 * (n_v + 1), up = u / 2 % 2 == 0;
  if (u % 2 == 0) return corridor + (up ? v : n_v - 1 - v);
  return v == (up ? n_v - 1 : 0) ? corridor + n_v : -1;
}

static void check_serpentine(exset_ctx_t *ctx, int axis, int64_t along, int64_t across,
                             bool rises) {
  case_t c = case_create(ctx, axis, along, across, 1);
  const int64_t first = box_first(&c.volume), cells = exset_grid_cells_local(&c.volume.grid);
  const int64_t total = (along + 1) / 2 * (across + 1);
  for (int64_t i = 0; i < box_cells(&c.box); i++) {
    const int64_t u = box_at(&c.box, i, axis), v = box_at(&c.box, i, (axis + 1) % 3);
    const int64_t way = serpentine(across, u, v);
    c.box.phase[i] = way >= 0 ? 1 : 2;
    if (i >= first && i < first + cells)
      c.squared[i - first] = way < 0 ? 1 : (float)(rises ? 1 + way : total - way);
  }
  MUST(ctx, exset_geodesic_widest(ctx, &c.volume, axis, false, c.squared, c.widest));
  int64_t wrong = 0;
  for (int64_t i = 0; i < cells; i++) {
    const int64_t u = box_at(&c.box, first + i, axis);
    if (c.box.phase[first + i] != 1) continue;
    /* the first corridor lies in the face; from there on widths fall, or that at its end is the narrowest */
    const float most = rises && u > 0 ? (float)across : c.squared[i];
    wrong += c.widest[i] != most;
  }
  CHECK_MSG(wrong == 0, "axis %d: %lld widths in the serpentine are not as known", axis,
            (long long)wrong);
  case_clear(&c);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  for (int axis = 0; axis < 3; axis++) {
    check_open(ctx, axis);
    check_bottle(ctx, axis, one_neck);
    check_bottle(ctx, axis, two_necks);
    for (int rises = 0; rises < 2; rises++) {
      check_serpentine(ctx, axis, 41, 23, rises);
      check_serpentine(ctx, axis, 161, 40, rises);
    }
  }
  return test_end(ctx);
}
