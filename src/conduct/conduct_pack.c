/* Diagonals and conductances in the order of the sweeps. */
#include <math.h>

#include "conduct_sweep.h"

conduct_rows_t conduct_rows(const conduct_system_t *s, int64_t z, int64_t y) {
  const uint8_t *own = s->code + z * s->plane + y * s->nx;
  const int64_t back = s->periodic ? (s->ny - 1) * s->nx : 0; /* from the first row to the last */
  conduct_rows_t r = {.own = own, .z = {own - s->plane, own + s->plane}};
  r.y[0] = y > 0 ? own - s->nx : s->periodic ? own + back : s->none;
  r.y[1] = y < s->ny - 1 ? own + s->nx : s->periodic ? own - back : s->none;
  return r;
}

/* Conductances of a cell's faces and to electrodes; their sum. */
static double cell_faces(const conduct_system_t *s, const conduct_rows_t *r, int64_t z, int64_t y,
                         int64_t x, double g[6]) {
  const uint8_t code = r->own[x];
  uint8_t neighbour[6];
  double sum = 0;
  conduct_neighbours(s, r, x, neighbour);
  for (int f = 0; f < 6; f++) {
    g[f] = conduct_g(s, f / 2, code, neighbour[f]);
    sum += g[f];
  }
  for (int side = 0; side < 2; side++) sum += conduct_electrode(s, side, z, y, x, code);
  return sum;
}

static void pack_row(conduct_system_t *s, int colour, int64_t z, int64_t y) {
  const conduct_rows_t r = conduct_rows(s, z, y);
  const int shift = conduct_shift(s, z, y, colour);
  const int64_t k = z * s->packed + y * s->half;
  const int64_t padded = z * sweep_plane(s) + sweep_row(s, y);
  double g[6];
  for (int64_t i = 0; i < s->half; i++) {
    const int64_t x = 2 * i + shift;
    if (x >= s->nx || !r.own[x]) {
      s->d[colour][k + i] = INFINITY;
      if (s->dd[0]) s->dd[colour][k + i] = INFINITY;
      continue;
    }
    const double sum = cell_faces(s, &r, z, y, x, g);
    s->d[colour][k + i] = (float)sum;
    if (s->dd[0]) s->dd[colour][k + i] = sum;
    if (colour == RED && s->g[0])
      for (int f = 0; f < 6; f++) s->g[f][padded + i] = (float)g[f];
  }
}

/* Copies beyond the ends of rows and planes, as the sweeps' planes have them. */
static void pad_planes(conduct_system_t *s) {
  for (int f = 0; f < 6 && s->g[0] && s->periodic; f++)
    for (int64_t z = -1; z <= s->nz; z++) sweep_pad_f32(s, s->g[f] + z * sweep_plane(s));
}

int conduct_pack(conduct_system_t *s) {
  exset_ctx_t *ctx = s->ctx;
  const bool uniform = s->n_classes == 2;
  const bool exact = uniform && s->edge[0] == s->edge[1] && s->edge[1] == s->edge[2];
  s->half = (s->nx + 1) / 2;
  s->packed = s->ny * s->half;
  for (int a = 0; a < 3; a++) s->c[a] = (float)conduct_g(s, a, 1, 1);
  int err = EXSET_OK;
  for (int c = 0; c < 2 && !err; c++) {
    err = conduct_alloc_slab(ctx, s->nz, s->packed, 1, sizeof(float), &s->d[c]);
    if (!err && !exact)
      err = conduct_alloc_slab(ctx, s->nz, s->packed, 1, sizeof(double), &s->dd[c]);
  }
  for (int f = 0; f < 6 && !err && !uniform; f++)
    err = conduct_alloc_slab(ctx, s->nz, sweep_plane(s), 1, sizeof(float), &s->g[f]);
  for (int64_t z = -1; !err && s->nz > 0 && z <= s->nz; z++)
    for (int64_t y = 0; y < s->ny; y++) {
      pack_row(s, RED, z, y);
      pack_row(s, BLACK, z, y);
    }
  if (!err && s->nz > 0) pad_planes(s);
  return err;
}
