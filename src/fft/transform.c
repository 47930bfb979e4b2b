/* Streaming transforms: process grid, blocks, buffers, plans. */
#include "transform_impl.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64, LINE = CACHE_LINE / (int)sizeof(complex_t) };

/* ---- layout ---------------------------------------------------------------------------------------- */

static int64_t divide_up(int64_t n, int64_t by) {
  return (n + by - 1) / by;
}

/* Pairs of rows and of k_x stay together. */
static int64_t even_share(int64_t n, int64_t by) {
  return by == 1 ? n : 2 * divide_up(divide_up(n, by), 2);
}

static int64_t whole_lines(int64_t n) {
  return divide_up(n, LINE) * LINE;
}

static blocks_t blocks_of(const exset_transform_layout_t *l, int threads) {
  blocks_t b = {.modes_x = l->n[EXSET_AXIS_X] / 2 + 1};
  const int64_t rows = l->rows[0] + l->rows[1];
  b.slots = divide_up(l->n[EXSET_AXIS_Y], l->p);
  b.z = divide_up(l->planes, l->p);
  b.y = even_share(rows, l->q);
  b.x = even_share(b.modes_x, l->q);
  b.lead = whole_lines(b.x);
  /* enough tiles for the threads, messages of some size, but no more than the scratch may cost */
  const int64_t message = 32 << 10, most = 8 << 20;
  const int64_t enough = divide_up(4 * (int64_t)threads, divide_up(b.x, EXSET_TILE));
  const int64_t block_y = b.z * b.lead * (int64_t)sizeof(complex_t);
  const int64_t block_z = (l->q > 1 ? b.y : b.slots) * b.lead * (int64_t)sizeof(complex_t);
  const int peers_z = l->q > 1 ? l->q : l->p;
  const int64_t want_y = transform_min(divide_up(message, block_y), most / (block_y * l->p));
  const int64_t want_z = transform_min(divide_up(message, block_z), most / (block_z * peers_z));
  b.group_y = transform_min(b.slots, want_y > enough ? want_y : enough);
  b.group_z = transform_min(b.z, want_z > enough ? want_z : enough);
  return b;
}

static int64_t largest3(const int64_t n[3]) {
  const int64_t m = n[0] > n[1] ? n[0] : n[1];
  return m > n[2] ? m : n[2];
}

/* An odd number of cache lines, so that the same places of different columns fall into different sets. */
static int64_t column_distance(const int64_t n[3]) {
  return (divide_up(largest3(n), LINE) | 1) * LINE;
}

typedef struct {
  int64_t buffer, widest;                /* complex numbers: of this rank, of the rank with most */
  int64_t column_plane, row_plane, tile; /* complex numbers: of one each */
  int n_column_planes, n_row_planes;
} sizes_t;

static sizes_t sizes_of(const exset_transform_layout_t *l, const blocks_t *b) {
  sizes_t s = {.tile = EXSET_TILE * column_distance(l->n)};
  s.buffer = l->p * b->slots * b->z * whole_lines(l->kx_local);
  s.widest = l->p * b->slots * b->z * b->lead;
  const int64_t out = l->p * b->group_y * b->z * b->lead;
  const int64_t in = l->p * b->group_z * b->slots * b->lead;
  s.column_plane = out > in ? out : in;
  s.row_plane = l->q * b->group_z * b->y * b->lead;
  s.n_column_planes = l->p > 1 ? 2 : 0;
  s.n_row_planes = l->q > 1 ? 4 : 1;
  return s;
}

static int64_t scratch_bytes(const sizes_t *s, int threads) {
  return (int64_t)sizeof(complex_t) * (s->n_column_planes * s->column_plane +
                                       s->n_row_planes * s->row_plane + 2 * threads * s->tile);
}

/* Fill in what follows from n, planes, rows, p and q. */
static void place_rank(const exset_ctx_t *ctx, exset_transform_layout_t *l) {
  l->my_p = ctx->rank / l->q;
  l->my_q = ctx->rank % l->q;
  const blocks_t b = blocks_of(l, ctx->threads);
  const int64_t rows = l->rows[0] + l->rows[1], ny = l->n[EXSET_AXIS_Y];
  l->z0 = transform_min(b.z * l->my_p, l->planes);
  l->nz_local = transform_min(b.z, l->planes - l->z0);
  l->row0 = transform_min(b.y * l->my_q, rows);
  l->rows_local = transform_min(b.y, rows - l->row0);
  l->kx0 = transform_kx0(&b, l->my_q);
  l->kx_local = transform_kx_count(&b, l->my_q);
  l->ky_local = l->my_p < ny ? (ny - l->my_p - 1) / l->p + 1 : 0;
  const sizes_t s = sizes_of(l, &b);
  l->buffer_bytes = s.buffer * (int64_t)sizeof(complex_t);
  l->scratch_bytes = scratch_bytes(&s, ctx->threads);
  l->exchanges[0] =
      l->p > 1 ? divide_up(b.slots, b.group_y) : 0; /* synthesis; analysis: planes for slots */
  l->exchanges[1] = l->q > 1 ? divide_up(b.z, b.group_z) : 0;
}

/*
 * The fewest columns of the process grid, Q, that give work to all ranks, or almost, and whose scratch is small, or else the
 * least: slabs for few ranks, pencils for many. Small Q keep messages and runs of k_x long, and rows within a node. All ranks
 * must choose the same, so this looks at blocks only, never at what this rank holds.
 */
static void choose_grid(const exset_ctx_t *ctx, exset_transform_layout_t *l) {
  const int64_t ny = l->n[EXSET_AXIS_Y], little = ctx->threads * (INT64_C(64) << 20);
  const int64_t most_p = l->planes < ny ? l->planes : ny, modes_x = l->n[EXSET_AXIS_X] / 2 + 1;
  const int64_t rows = l->rows[0] + l->rows[1], most_q = modes_x < rows ? modes_x : rows;
  int64_t least = INT64_MAX;
  int best = 1;
  for (int q = 1; q <= ctx->size; q++) {
    if (ctx->size % q) continue;
    const int p = ctx->size / q;
    if (q > 1 && q > most_q / 2) break;
    if (p > most_p) {
      best = q;
      continue;
    }
    l->p = p;
    l->q = q;
    const blocks_t b = blocks_of(l, ctx->threads);
    const sizes_t s = sizes_of(l, &b);
    const int64_t scratch = scratch_bytes(&s, ctx->threads);
    const bool small = scratch <= little || scratch <= s.widest * (int64_t)sizeof(complex_t) / 16;
    if (small || scratch < least) best = q;
    if (small) break;
    least = transform_min(least, scratch);
  }
  l->q = best;
  l->p = ctx->size / best;
}

static int check_sizes(exset_ctx_t *ctx, const exset_transform_layout_t *l) {
  const int64_t *n = l->n;
  for (int a = 0; a < 3; a++)
    if (n[a] < 1 || n[a] > INT_MAX - CACHE_LINE)
      return exset_fail(ctx, EXSET_ERR_INPUT,
                        "no transform of size %lld: allowed are 1 to 2^31 - 65", (long long)n[a]);
  /* bytes, with all that blocks round up: slots and rows of the ranks, k_x to cache lines */
  if (exset_mul3(n[0], n[1] + 2 * (int64_t)ctx->size, 8 * (n[2] / 2 + 2 * LINE)) < 0)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "grid size %lld,%lld,%lld is too large: at most 2^60 cells", (long long)n[0],
                      (long long)n[1], (long long)n[2]);
  if (l->planes < 0 || l->planes > n[0] || l->rows[0] < 0 || l->rows[1] < 0 ||
      l->rows[0] + l->rows[1] > n[1])
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "a transform cannot hold %lld planes of %lld + %lld rows",
                      (long long)l->planes, (long long)l->rows[0], (long long)l->rows[1]);
  return EXSET_OK;
}

/* MPI counts the numbers of a block in an int. */
static int check_blocks(exset_ctx_t *ctx, const exset_transform_layout_t *l, const blocks_t *b) {
  const int64_t y = exset_mul3(b->group_y, b->z, b->lead);
  const int64_t z = exset_mul3(b->group_z, b->slots, b->lead);
  const int64_t x = exset_mul3(b->group_z, b->y, b->lead);
  const bool fits = (l->p == 1 || (y <= INT_MAX && z <= INT_MAX)) && (l->q == 1 || x <= INT_MAX);
  if (fits) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "grid size %lld,%lld,%lld is too large for %d ranks: use more ranks",
                    (long long)l->n[0], (long long)l->n[1], (long long)l->n[2], ctx->size);
}

int exset_transform_layout(exset_ctx_t *ctx, const exset_transform_options_t *options,
                           exset_transform_layout_t *l) {
  memset(l, 0, sizeof *l);
  memcpy(l->n, options->n, sizeof l->n);
  l->planes = options->planes ? options->planes : l->n[EXSET_AXIS_Z];
  memcpy(l->rows, options->rows, sizeof l->rows);
  if (l->rows[0] == 0 && l->rows[1] == 0) l->rows[0] = l->n[EXSET_AXIS_Y];
  EXSET_TRY(check_sizes(ctx, l));
  if (options->grid[0] == 0) {
    choose_grid(ctx, l);
  } else if (options->grid[0] < 1 || options->grid[1] < 1 ||
             (int64_t)options->grid[0] * options->grid[1] != ctx->size) {
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "a process grid of %d x %d is not allowed: the product is the number of ranks, %d",
        options->grid[0], options->grid[1], ctx->size);
  } else {
    l->p = options->grid[0];
    l->q = options->grid[1];
  }
  place_rank(ctx, l);
  const blocks_t b = blocks_of(l, ctx->threads);
  return check_blocks(ctx, l, &b);
}

/* ---- buffers --------------------------------------------------------------------------------------- */

static int alloc_all(exset_ctx_t *ctx, exset_transform_t *t) {
  const sizes_t s = sizes_of(&t->l, &t->block);
  EXSET_TRY(exset_alloc_unset(ctx, s.buffer, sizeof(complex_t), &t->buffer));
  for (int i = 0; i < 2 && s.n_column_planes; i++) /* places without a mode are sent along */
    EXSET_TRY(exset_alloc(ctx, s.column_plane, sizeof(complex_t), &t->column_plane[i]));
  for (int i = 0; i < 2; i++) {
    if (i < s.n_row_planes)
      EXSET_TRY(exset_alloc(ctx, s.row_plane, sizeof(complex_t), &t->row_plane[i]));
    if (s.n_row_planes > 1)
      EXSET_TRY(exset_alloc(ctx, s.row_plane, sizeof(complex_t), &t->row_got[i]));
  }
  EXSET_TRY(exset_alloc(ctx, t->threads, sizeof *t->worker, &t->worker));
  for (int w = 0; w < t->threads; w++)
    for (int i = 0; i < 2; i++)
      EXSET_TRY(exset_alloc(ctx, s.tile, sizeof(complex_t), &t->worker[w].tile[i]));
  EXSET_TRY(exset_alloc(ctx, t->l.n[EXSET_AXIS_Y], sizeof(int64_t), &t->mode_place));
  return exset_alloc(ctx, t->l.planes, sizeof(int64_t), &t->plane_place);
}

/* Where things lie in the buffer. */
static void set_places(exset_transform_t *t) {
  const blocks_t *b = &t->block;
  const int64_t p = t->l.p, width = t->width;
  for (int64_t ky = 0; ky < t->l.n[EXSET_AXIS_Y]; ky++) {
    const int64_t slot = ky / p, first = slot / b->group_y * b->group_y;
    const int64_t group = transform_min(b->group_y, b->slots - first);
    t->mode_place[ky] = (first * p + ky % p * group + slot - first) * b->z * width;
  }
  for (int64_t z = 0; z < t->l.planes; z++) {
    const int64_t own = z % b->z, first = own / b->group_z * b->group_z;
    const int64_t group = transform_min(b->group_z, b->z - first);
    t->plane_place[z] = (first * p + z / b->z * group + own - first) * b->slots * width;
  }
}

/* ---- plans ----------------------------------------------------------------------------------------- */

static int make_plans(exset_ctx_t *ctx, exset_transform_t *t, bool measure) {
  complex_t *const *tile = t->worker[0].tile;
  const unsigned effort = measure ? FFTW_MEASURE : FFTW_ESTIMATE;
  for (int a = 0; a < 3; a++) {
    const int n = (int)t->l.n[a];
    t->forward[a] = fftwf_plan_dft_1d(n, tile[0], tile[1], FFTW_FORWARD, effort);
    t->backward[a] = fftwf_plan_dft_1d(n, tile[0], tile[1], FFTW_BACKWARD, effort);
    if (!t->forward[a] || !t->backward[a])
      return exset_fail(ctx, EXSET_ERR_RUN, "no plan for a transform of size %d", n);
  }
  return EXSET_OK;
}

/* Rank 0 alone measures, so that all have the same plans. */
static int plan_all(exset_ctx_t *ctx, exset_transform_t *t, bool measure) {
  if (!measure) return exset_agree(ctx, make_plans(ctx, t, false));
  EXSET_TRY(exset_agree(ctx, ctx->rank == 0 ? make_plans(ctx, t, true) : EXSET_OK));
  EXSET_TRY(transform_share_wisdom(ctx));
  return exset_agree(ctx, ctx->rank > 0 ? make_plans(ctx, t, true) : EXSET_OK);
}

int exset_transform_create(exset_ctx_t *ctx, const exset_transform_options_t *options,
                           exset_transform_t **out) {
  *out = NULL;
  exset_transform_layout_t layout;
  EXSET_TRY(exset_agree(ctx, exset_transform_layout(ctx, options, &layout)));
  exset_transform_t *t;
  int err;
  EXSET_TRY(exset_alloc_all(ctx, 1, sizeof *t, &t));
  t->l = layout;
  t->threads = ctx->threads;
  t->block = blocks_of(&t->l, t->threads);
  t->distance = column_distance(t->l.n);
  t->width = whole_lines(t->l.kx_local);
  t->column = t->row = MPI_COMM_NULL;
  EXSET_TRY_GOTO(err, fail, exset_agree(ctx, alloc_all(ctx, t)));
  EXSET_TRY_GOTO(err, fail,
                 EXSET_MPI(ctx, MPI_Comm_split(ctx->comm, t->l.my_q, t->l.my_p, &t->column)));
  EXSET_TRY_GOTO(err, fail,
                 EXSET_MPI(ctx, MPI_Comm_split(ctx->comm, t->l.my_p, t->l.my_q, &t->row)));
  EXSET_TRY_GOTO(err, fail, plan_all(ctx, t, options->measure));
  set_places(t);
  *out = t;
  return EXSET_OK;
fail:
  exset_transform_destroy(&t);
  return err;
}

void exset_transform_destroy(exset_transform_t **out) {
  exset_transform_t *t = *out;
  if (!t) return;
  for (int a = 0; a < 3; a++) {
    if (t->forward[a]) fftwf_destroy_plan(t->forward[a]);
    if (t->backward[a]) fftwf_destroy_plan(t->backward[a]);
  }
  for (int i = 0; i < 2; i++) {
    free(t->column_plane[i]);
    free(t->row_plane[i]);
    free(t->row_got[i]);
    for (int w = 0; t->worker && w < t->threads; w++) free(t->worker[w].tile[i]);
  }
  free(t->worker);
  free(t->mode_place);
  free(t->plane_place);
  free(t->buffer);
  if (t->column != MPI_COMM_NULL) MPI_Comm_free(&t->column);
  if (t->row != MPI_COMM_NULL) MPI_Comm_free(&t->row);
  free(t);
  *out = NULL;
}

const exset_transform_layout_t *exset_transform_shape(const exset_transform_t *t) {
  return &t->l;
}

int64_t exset_transform_stride(const exset_transform_t *t) {
  return 2 * t->distance;
}
