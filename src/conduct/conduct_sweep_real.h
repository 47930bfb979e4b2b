/* Sweeps for one precision: conduct_sweep.c includes this with REAL, NAME and MPI_REAL_TYPE. */

/* Buffers of a sweep. Planes of sweeps in turn: plane z is number (z + 3) % 3. */
typedef struct {
  const conduct_system_t *s;
  const NAME(sweep, _t) * sweep;
  REAL *black[3], *red[3];
  REAL *first, *last;   /* [2][packed]: the slab's first and last planes, to be sent */
  REAL *below, *above;  /* [2][packed]: those of the neighbours */
  REAL *sum, *diagonal; /* [half] */
} NAME(work, _t);

static REAL *NAME(ring, )(REAL *const plane[3], int64_t z) {
  return plane[(z + 3) % 3];
}

static void NAME(clear, )(NAME(work, _t) * w) {
  for (int k = 0; k < 3; k++) {
    free(w->black[k]);
    free(w->red[k]);
  }
  free(w->first);
  free(w->last);
  free(w->below);
  free(w->above);
  free(w->sum);
  free(w->diagonal);
}

static int NAME(prepare, )(NAME(work, _t) * w) {
  const conduct_system_t *s = w->s;
  exset_ctx_t *ctx = s->ctx;
  for (int k = 0; k < 3; k++) {
    EXSET_TRY(exset_alloc(ctx, sweep_plane(s), sizeof(REAL), &w->black[k]));
    EXSET_TRY(exset_alloc(ctx, sweep_plane(s), sizeof(REAL), &w->red[k]));
  }
  EXSET_TRY(exset_alloc(ctx, 2 * s->packed, sizeof(REAL), &w->first));
  EXSET_TRY(exset_alloc(ctx, 2 * s->packed, sizeof(REAL), &w->last));
  EXSET_TRY(exset_alloc(ctx, 2 * s->packed, sizeof(REAL), &w->below));
  EXSET_TRY(exset_alloc(ctx, 2 * s->packed, sizeof(REAL), &w->above));
  EXSET_TRY(exset_alloc(ctx, s->half, sizeof(REAL), &w->sum));
  return exset_alloc(ctx, s->half, sizeof(REAL), &w->diagonal);
}

void NAME(sweep_pad, )(const conduct_system_t *s, REAL *plane) {
  const int64_t stride = sweep_stride(s);
  for (int64_t y = 0; y < s->ny; y++) {
    REAL *row = plane + sweep_row(s, y);
    row[-1] = row[s->half - 1];
    row[s->half] = row[0];
  }
  memcpy(plane, plane + s->ny * stride, (size_t)stride * sizeof *plane);
  memcpy(plane + (s->ny + 1) * stride, plane + stride, (size_t)stride * sizeof *plane);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Numbers of the six neighbours of a row's cells, by face, and for several classes the conductances to them. */
typedef struct {
  const REAL *x[6];
  const float *g[6];
} NAME(stencil, _t);

/* from: planes of the other colour. */
static NAME(stencil, _t) NAME(stencil, )(const conduct_system_t *s, REAL *const from[3], int colour,
                                         int64_t z, int64_t y) {
  const int64_t row = sweep_row(s, y), stride = sweep_stride(s), plane = sweep_plane(s);
  const int64_t shift = conduct_shift(s, z, y, colour);
  const int64_t at[6] = {row, row, row - stride, row + stride, row - 1 + shift, row + shift};
  NAME(stencil, _t) t = {{0}, {0}};
  for (int f = 0; f < 6; f++) {
    const int64_t level = f == 0 ? z - 1 : f == 1 ? z + 1 : z;
    t.x[f] = NAME(ring, )(from, level) + at[f];
    if (!s->g[0]) continue;
    /* faces belong to red cells: the neighbour's opposite face is ours */
    t.g[f] = colour == RED ? s->g[f] + z * plane + row : s->g[f ^ 1] + level * plane + at[f];
  }
  return t;
}

CONDUCT_SIMD static void NAME(sum_uniform, )(int64_t n, const float c[3],
                                             const NAME(stencil, _t) * t, REAL *restrict sum) {
  const REAL *restrict z0 = t->x[0], *restrict z1 = t->x[1], *restrict y0 = t->x[2];
  const REAL *restrict y1 = t->x[3], *restrict x0 = t->x[4], *restrict x1 = t->x[5];
  const REAL cz = c[0], cy = c[1], cx = c[2];
  for (int64_t i = 0; i < n; i++)
    sum[i] = cz * (z0[i] + z1[i]) + cy * (y0[i] + y1[i]) + cx * (x0[i] + x1[i]);
}

CONDUCT_SIMD static void NAME(sum_faces, )(int64_t n, const NAME(stencil, _t) * t,
                                           REAL *restrict sum) {
  const REAL *restrict z0 = t->x[0], *restrict z1 = t->x[1], *restrict y0 = t->x[2];
  const REAL *restrict y1 = t->x[3], *restrict x0 = t->x[4], *restrict x1 = t->x[5];
  const float *restrict a = t->g[0], *restrict b = t->g[1], *restrict c = t->g[2];
  const float *restrict d = t->g[3], *restrict e = t->g[4], *restrict f = t->g[5];
  for (int64_t i = 0; i < n; i++)
    sum[i] =
        a[i] * z0[i] + b[i] * z1[i] + c[i] * y0[i] + d[i] * y1[i] + e[i] * x0[i] + f[i] * x1[i];
}

static void NAME(sum_row, )(const conduct_system_t *s, REAL *const from[3], int colour, int64_t z,
                            int64_t y, REAL *sum) {
  const NAME(stencil, _t) t = NAME(stencil, )(s, from, colour, z, y);
  if (s->g[0]) NAME(sum_faces, )(s->half, &t, sum);
  else NAME(sum_uniform, )(s->half, s->c, &t, sum);
}

CONDUCT_SIMD static void NAME(divide, )(int64_t n, const REAL *restrict sum, const REAL *restrict d,
                                        REAL *restrict x) {
  for (int64_t i = 0; i < n; i++) x[i] = sum[i] / d[i];
}

CONDUCT_SIMD static void NAME(add, )(int64_t n, const REAL *restrict from, REAL *restrict sum) {
  for (int64_t i = 0; i < n; i++) sum[i] += from[i];
}

/* ---- planes ---------------------------------------------------------------------------------- */

static void NAME(fetch_plane, )(NAME(work, _t) * w, int64_t z) {
  const conduct_system_t *s = w->s;
  REAL *plane = NAME(ring, )(w->black, z);
  const REAL *far = z < 0 ? w->below + (z + 2) * s->packed : w->above + (z - s->nz) * s->packed;
  for (int64_t y = 0; y < s->ny; y++) {
    REAL *row = plane + sweep_row(s, y);
    if (z >= 0 && z < s->nz) w->sweep->fetch(w->sweep->user, z, y, row);
    else memcpy(row, far + y * s->half, (size_t)s->half * sizeof *row);
  }
  if (s->periodic) NAME(sweep_pad, )(s, plane);
}

static void NAME(red_plane, )(NAME(work, _t) * w, int64_t z, bool own) {
  const conduct_system_t *s = w->s;
  const NAME(sweep, _t) *sweep = w->sweep;
  REAL *plane = NAME(ring, )(w->red, z);
  for (int64_t y = 0; y < s->ny; y++) {
    REAL *row = plane + sweep_row(s, y);
    const REAL *d = NAME(conduct_diagonal, )(s, RED, z, y, w->diagonal);
    NAME(sum_row, )(s, w->black, RED, z, y, w->sum);
    if (sweep->red) {
      sweep->red(sweep->user, z, y, row);
      NAME(add, )(s->half, row, w->sum);
    }
    NAME(divide, )(s->half, w->sum, d, row);
    if (!own || !sweep->take_red) continue;
    const NAME(stencil, _t) t = NAME(stencil, )(s, w->black, RED, z, y);
    sweep->take_red(sweep->user, z, y, row, t.x);
  }
  if (s->periodic) NAME(sweep_pad, )(s, plane);
}

static void NAME(take_plane, )(NAME(work, _t) * w, int64_t z) {
  const conduct_system_t *s = w->s;
  for (int64_t y = 0; y < s->ny && w->sweep->take; y++) {
    NAME(sum_row, )(s, w->red, BLACK, z, y, w->sum);
    w->sweep->take(w->sweep->user, z, y, w->sum);
  }
}

/* Planes z0..z1-1 of the slab. */
static void NAME(sweep_planes, )(NAME(work, _t) * w, int64_t z0, int64_t z1) {
  if (z0 >= z1) return;
  NAME(fetch_plane, )(w, z0 - 2);
  NAME(fetch_plane, )(w, z0 - 1);
  for (int64_t z = z0 - 1; z <= z1; z++) {
    NAME(fetch_plane, )(w, z + 1);
    NAME(red_plane, )(w, z, z >= z0 && z < z1);
    if (z > z0) NAME(take_plane, )(w, z - 1);
  }
}

static void NAME(pack_plane, )(const NAME(work, _t) * w, int64_t z, REAL *to) {
  for (int64_t y = 0; y < w->s->ny; y++) w->sweep->fetch(w->sweep->user, z, y, to + y * w->s->half);
}

/* With planes enough everywhere: the inner planes while those at the rims are on their way. */
static int NAME(sweep_overlapped, )(NAME(work, _t) * w) {
  enum { TAG_UP = 13, TAG_DOWN = 14 };
  const conduct_system_t *s = w->s;
  exset_ctx_t *ctx = s->ctx;
  const int n = (int)(2 * s->packed);
  MPI_Request request[4];
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Irecv(w->below, n, MPI_REAL_TYPE, s->down, TAG_UP, ctx->comm, &request[0])));
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Irecv(w->above, n, MPI_REAL_TYPE, s->up, TAG_DOWN, ctx->comm, &request[1])));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Isend(w->last, n, MPI_REAL_TYPE, s->up, TAG_UP, ctx->comm, &request[2])));
  EXSET_TRY(EXSET_MPI(
      ctx, MPI_Isend(w->first, n, MPI_REAL_TYPE, s->down, TAG_DOWN, ctx->comm, &request[3])));
  const bool alone = s->down == MPI_PROC_NULL && s->up == MPI_PROC_NULL;
  const int64_t low = alone ? 0 : 2, high = alone ? s->nz : s->nz - 2;
  NAME(sweep_planes, )(w, low, high);
  EXSET_TRY(EXSET_MPI(ctx, MPI_Waitall(4, request, MPI_STATUSES_IGNORE)));
  if (low > high) { /* two or three planes */
    NAME(sweep_planes, )(w, 0, s->nz);
    return EXSET_OK;
  }
  NAME(sweep_planes, )(w, 0, low);
  NAME(sweep_planes, )(w, high, s->nz);
  return EXSET_OK;
}

static int NAME(run, )(NAME(work, _t) * w) {
  const conduct_system_t *s = w->s;
  const int64_t second = s->nz > 1 ? 1 : 0;
  NAME(pack_plane, )(w, 0, w->first);
  if (second) NAME(pack_plane, )(w, 1, w->first + s->packed);
  NAME(pack_plane, )(w, s->nz - 1 - second, w->last);
  if (second) NAME(pack_plane, )(w, s->nz - 1, w->last + s->packed);
  if (!s->thin) return NAME(sweep_overlapped, )(w);
  EXSET_TRY(conduct_halo(s, MPI_REAL_TYPE, s->packed, w->first, w->last, w->below, w->above));
  NAME(sweep_planes, )(w, 0, s->nz);
  return EXSET_OK;
}

int NAME(sweep, )(const conduct_system_t *s, const NAME(sweep, _t) * sweep) {
  NAME(work, _t) w = {.s = s, .sweep = sweep};
  if (s->nz == 0) return EXSET_OK;
  int err = NAME(prepare, )(&w);
  if (!err) err = NAME(run, )(&w);
  NAME(clear, )(&w);
  return err;
}
