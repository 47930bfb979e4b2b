/* test: np="1 2 3 5" time=60 */
/* All descriptors of random volumes of odd shapes, with empty and masked phases: the same to the last bit as on one rank; those of
 * a volume whose axes are exchanged are the same with axes exchanged; shares within their bounds. Arguments: volumes, first seed. */
#include "test_surface.h"

#include <stdio.h>
#include <string.h>

#include "exset/morph.h"

enum { MOST = 20000 };

typedef struct {
  int64_t n[3];
  double voxel[3];
  int phases;
  uint8_t *all; /* [n[0]][n[1]][n[2]] */
} solid_t;

typedef struct {
  int n;
  char name[MOST][64];
  double value[MOST];
} list_t;

static int collect(void *user, const char *name, double value) {
  list_t *list = user;
  if (list->n == MOST) return EXSET_OK;
  snprintf(list->name[list->n], sizeof list->name[0], "%s", name);
  list->value[list->n++] = value;
  return EXSET_OK;
}

static unsigned below(uint64_t *state, unsigned n) {
  return (unsigned)(surface_uniform(state) * n);
}

/* Blocks of some cells' size, of a few of the phases, with or without masked cells. */
static solid_t solid_make(uint64_t *state) {
  static const int many[] = {1, 2, 2, 3, 3, 3, 4, 5, 8, 9, 12, 16};
  static const double edge[] = {1, 1, 1, 0.5, 0.3, 2.7, 40};
  solid_t s = {.phases = many[below(state, sizeof many / sizeof *many)]};
  const bool cubes = below(state, 2);
  for (int a = 0; a < 3; a++) {
    s.n[a] = 1 + below(state, below(state, 4) == 0 ? 3 : a == 2 ? 40 : 14);
    s.voxel[a] = cubes ? 0.25 : edge[below(state, sizeof edge / sizeof *edge)];
  }
  const int used = 1 + (int)below(state, (unsigned)s.phases), first = s.phases - used;
  const unsigned block = 1 + below(state, 6), masked_of = below(state, 2) ? 0 : 2 + below(state, 8);
  s.all = surface_random(s.n, (unsigned)used, masked_of, block,
                         (unsigned)(surface_uniform(state) * 1e9));
  for (int64_t i = 0; i < s.n[0] * s.n[1] * s.n[2]; i++)
    if (s.all[i]) s.all[i] = (uint8_t)(s.all[i] + first);
  return s;
}

/* Axis a of the result is axis order[a] of s. */
static solid_t solid_turned(const solid_t *s, const int order[3]) {
  solid_t t = {.phases = s->phases};
  const int64_t stride[3] = {s->n[1] * s->n[2], s->n[2], 1};
  int64_t k = 0;
  for (int a = 0; a < 3; a++) {
    t.n[a] = s->n[order[a]];
    t.voxel[a] = s->voxel[order[a]];
  }
  t.all = malloc((size_t)(t.n[0] * t.n[1] * t.n[2]));
  for (int64_t z = 0; z < t.n[0]; z++)
    for (int64_t y = 0; y < t.n[1]; y++)
      for (int64_t x = 0; x < t.n[2]; x++)
        t.all[k++] = s->all[z * stride[order[0]] + y * stride[order[1]] + x * stride[order[2]]];
  return t;
}

/* False where all cells are masked. */
static bool describe(exset_ctx_t *ctx, const solid_t *s, exset_morph_t *m, list_t *list) {
  const exset_volume_t v = surface_view(ctx, s->n, s->voxel, s->phases, s->all);
  exset_morph_options_t options = {.axis = {true, true, true}};
  for (int g = 0; g < EXSET_MORPH_GROUPS; g++) options.group[g] = true;
  const int err = exset_morph(ctx, &v, &options, m);
  list->n = 0;
  if (err == EXSET_ERR_INPUT) {
    ctx->message[0] = '\0';
    return false;
  }
  MUST(ctx, err);
  MUST(ctx, exset_morph_figures(m, &options, collect, list));
  return true;
}

static bool same(double a, double b, double share) {
  return (isnan(a) && isnan(b)) || fabs(a - b) <= share * fabs(b);
}

static void check_same(const list_t *a, const list_t *b, const solid_t *s, unsigned seed) {
  int wrong = a->n != b->n, first = -1;
  for (int i = 0; i < a->n && i < b->n; i++)
    if (!same(a->value[i], b->value[i], 0)) {
      if (first < 0) first = i;
      wrong++;
    }
  CHECK_MSG(wrong == 0,
            "seed %u, %lld x %lld x %lld, %d phases: %d figures differ from one rank: %s %.9g %.9g",
            seed, (long long)s->n[0], (long long)s->n[1], (long long)s->n[2], s->phases, wrong,
            first < 0 ? "" : a->name[first], first < 0 ? 0 : a->value[first],
            first < 0 ? 0 : b->value[first]);
}

static void check_turned(const exset_morph_t *m, const exset_morph_t *t, const int order[3],
                         unsigned seed) {
  for (int p = 0; p < m->n_phases; p++)
    for (const exset_morph_field_t *f = exset_morph_fields(); f->name; f++) {
      for (int a = 0; a < (f->along ? 3 : 1); a++) {
        const double was = exset_morph_value(&m->phase[p], f, order[a]);
        const double is = exset_morph_value(&t->phase[p], f, a);
        const bool ok = same(is, was, 1e-5) || fabs(is - was) < 1e-5;
        CHECK_MSG(ok, "seed %u, order %d %d %d: %s of phase %d along %d: %.9g instead of %.9g",
                  seed, order[0], order[1], order[2], f->name, p + 1, order[a], is, was);
      }
    }
  for (int i = 0; i < m->n_phases * m->n_phases; i++)
    CHECK(same(t->interface_area[i], m->interface_area[i], 1e-9));
  for (int i = 0; i < 1 + exset_surface_triples(m->n_phases); i++)
    CHECK(same(t->boundary_length[i], m->boundary_length[i], 1e-3));
}

static bool share(double x) {
  return isnan(x) || (x >= 0 && x <= 1);
}

static void check_bounds(const exset_morph_t *m) {
  double all = 0;
  for (int p = 0; p < m->n_phases; p++) {
    const exset_morph_phase_t *f = &m->phase[p];
    all += f->volume_fraction;
    for (int a = 0; a < 3; a++) {
      const double sum =
          f->percolating_fraction[a] + f->dead_end_fraction[a] + f->isolated_fraction[a];
      CHECK(isnan(sum) || fabs(sum - 1) < 1e-12);
      CHECK(share(f->percolating_fraction[a]) && share(f->geodesic_reach[a]));
      CHECK(isnan(f->geodesic_tortuosity[a]) || f->geodesic_tortuosity[a] >= 1);
      CHECK(share(f->constrictivity[a]) && !(f->r_min[a] > f->r_max));
      CHECK(isnan(f->chord_mean[a]) || f->chord_mean[a] > 0);
      CHECK(!(f->percolating_fraction[a] > 0) || f->geodesic_reach[a] > 0);
    }
  }
  CHECK_NEAR(all, 1, 1e-12);
}

static void check_volume(exset_ctx_t *ctx, exset_ctx_t *alone, unsigned seed) {
  static const int orders[4][3] = {{1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}};
  static list_t list, one;
  uint64_t state = seed * 7919u + 1;
  exset_morph_t m, n, t;
  solid_t s = solid_make(&state);
  const int *order = orders[below(&state, 4)];
  solid_t turned = solid_turned(&s, order);
  const bool any = describe(ctx, &s, &m, &list);
  if (any) {
    CHECK(describe(alone, &s, &n, &one));
    check_same(&list, &one, &s, seed);
    CHECK(describe(ctx, &turned, &t, &list));
    check_turned(&m, &t, order, seed);
    check_bounds(&m);
    exset_morph_clear(&n);
    exset_morph_clear(&t);
  }
  exset_morph_clear(&m);
  free(s.all);
  free(turned.all);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv), *alone;
  const unsigned volumes = argc > 1 ? (unsigned)atoi(argv[1]) : 12;
  const unsigned first = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
  MUST(ctx, exset_ctx_create(MPI_COMM_SELF, &alone));
  ctx->verbosity = alone->verbosity = 0;
  for (unsigned seed = first; seed < first + volumes; seed++) check_volume(ctx, alone, seed);
  MUST(ctx, exset_ctx_destroy(&alone));
  return test_end(ctx);
}
