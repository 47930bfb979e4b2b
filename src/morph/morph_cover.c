/* Unions of balls: each rank finds the balls of its slab, and paints its own and those that reach into it. */
#include "exset/distance.h"
#include "morph_cover_impl.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Balls that a rank sends at once. */
static const int64_t PIECE = 1 << 18;

/* The planes next to the slab; NULL where there is none. */
typedef struct {
  float *data, *below, *above;
} halo_t;

static int halo_init(exset_ctx_t *ctx, const exset_grid_t *g, const float *squared, halo_t *halo) {
  const int64_t plane = g->n[1] * g->n[2];
  EXSET_TRY(exset_alloc_unset_all(ctx, 2 * plane, sizeof *halo->data, &halo->data));
  halo->below = g->nz_local && g->z0 > 0 ? halo->data : NULL;
  halo->above = g->z0 + g->nz_local < g->n[0] ? halo->data + plane : NULL;
  const float *last = squared + (g->nz_local ? g->nz_local - 1 : 0) * plane;
  return exset_grid_halo(ctx, g, (size_t)plane * sizeof *squared, squared, last, halo->data,
                         halo->data + plane, false);
}

/* Ranks with planes that the ball reaches in a direction that matters: first .. last, this one among them. */
static void ranks_of(const exset_ctx_t *ctx, const exset_grid_t *g, const cover_metric_t *m,
                     const cover_ball_t *ball, int *first, int *last) {
  const int64_t z = ball->place / (g->n[1] * g->n[2]);
  const int64_t reach = cover_reach(m, g, ball->squared);
  const int64_t low = ball->directions & 511 ? z - reach : z;
  const int64_t high = ball->directions >> 18 & 511 ? z + reach : z;
  *first = low < g->z0 ? exset_grid_owner(ctx, g, low > 0 ? low : 0) : ctx->rank;
  *last = high >= g->z0 + g->nz_local
              ? exset_grid_owner(ctx, g, high < g->n[0] ? high : g->n[0] - 1)
              : ctx->rank;
}

/* Balls to, or from, each rank. */
typedef struct {
  int *count, *place; /* [size] */
  cover_ball_t *ball;
} parcel_t;

static int parcel_init(exset_ctx_t *ctx, parcel_t *p) {
  EXSET_TRY(exset_alloc(ctx, ctx->size, sizeof *p->count, &p->count));
  return exset_alloc(ctx, ctx->size, sizeof *p->place, &p->place);
}

static void parcel_clear(parcel_t *p) {
  free(p->count);
  free(p->place);
  free(p->ball);
}

/* Places from counts, and room for the balls. Number of balls. */
static int parcel_room(exset_ctx_t *ctx, parcel_t *p, int64_t *total) {
  *total = 0;
  for (int r = 0; r < ctx->size; r++) {
    p->place[r] = (int)*total;
    *total += p->count[r];
  }
  free(p->ball);
  p->ball = NULL;
  if (*total > INT_MAX)
    return exset_fail(ctx, EXSET_ERR_LOCAL, "%lld balls at once: at most %d are allowed",
                      (long long)*total, INT_MAX);
  return exset_alloc_unset(ctx, *total, sizeof *p->ball, &p->ball);
}

/* The balls that follow those that are sent already. */
typedef struct {
  const exset_grid_t *grid;
  const cover_metric_t *metric;
  cover_balls_t balls;
  int64_t sent;
  parcel_t out, in;
  MPI_Datatype type;
} post_t;

/* The next balls that reach other slabs: about PIECE of them. */
static int pack(exset_ctx_t *ctx, post_t *p) {
  int64_t next = p->sent, total = 0;
  int first, last;
  for (int r = 0; r < ctx->size; r++) p->out.count[r] = 0;
  for (; next < p->balls.n && total < PIECE; next++) {
    ranks_of(ctx, p->grid, p->metric, &p->balls.item[next], &first, &last);
    for (int r = first; r <= last; r++) p->out.count[r] += r != ctx->rank;
    total += last - first;
  }
  EXSET_TRY(parcel_room(ctx, &p->out, &total));
  for (; p->sent < next; p->sent++) {
    ranks_of(ctx, p->grid, p->metric, &p->balls.item[p->sent], &first, &last);
    for (int r = first; r <= last; r++)
      if (r != ctx->rank) p->out.ball[p->out.place[r]++] = p->balls.item[p->sent];
  }
  for (int r = 0; r < ctx->size; r++) p->out.place[r] -= p->out.count[r];
  return EXSET_OK;
}

/* Send and receive one piece, and paint what comes. */
static int exchange(exset_ctx_t *ctx, post_t *p, float *cover) {
  int64_t n = 0;
  EXSET_TRY(exset_agree(ctx, pack(ctx, p)));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Alltoall(p->out.count, 1, MPI_INT, p->in.count, 1, MPI_INT, ctx->comm)));
  EXSET_TRY(exset_agree(ctx, parcel_room(ctx, &p->in, &n)));
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Alltoallv(p->out.ball, p->out.count, p->out.place, p->type, p->in.ball,
                                   p->in.count, p->in.place, p->type, ctx->comm)));
  cover_paint(ctx, p->grid, p->metric, p->in.ball, n, cover);
  return EXSET_OK;
}

static int exchange_all(exset_ctx_t *ctx, post_t *p, float *cover) {
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_contiguous((int)sizeof(cover_ball_t), MPI_BYTE, &p->type)));
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_commit(&p->type)));
  int left = ctx->size > 1;
  int err = EXSET_OK;
  while (left && !err) {
    err = exchange(ctx, p, cover);
    const int own = p->sent < p->balls.n;
    if (!err) err = EXSET_MPI(ctx, MPI_Allreduce(&own, &left, 1, MPI_INT, MPI_LOR, ctx->comm));
  }
  EXSET_TRY(EXSET_MPI(ctx, MPI_Type_free(&p->type)));
  return err;
}

static int paint_all(exset_ctx_t *ctx, post_t *p, const float *squared, float *cover) {
  halo_t halo = {0};
  int err = halo_init(ctx, p->grid, squared, &halo);
  if (!err)
    err = exset_agree(
        ctx, cover_find(ctx, p->grid, p->metric, squared, halo.below, halo.above, &p->balls));
  free(halo.data);
  if (!err) err = exset_agree(ctx, parcel_init(ctx, &p->out));
  if (!err) err = exset_agree(ctx, parcel_init(ctx, &p->in));
  if (err) return err;
  memcpy(cover, squared, (size_t)exset_grid_cells_local(p->grid) * sizeof *cover);
  cover_paint(ctx, p->grid, p->metric, p->balls.item, p->balls.n, cover);
  return exchange_all(ctx, p, cover);
}

int exset_ball_cover(exset_ctx_t *ctx, const exset_grid_t *grid, const float *squared,
                     float *cover) {
  cover_metric_t metric = {0};
  post_t post = {.grid = grid, .metric = &metric};
  const int64_t cells = exset_grid_cells_local(grid);
  float largest = 0;
  for (int64_t i = 0; i < cells; i++)
    largest = squared[i] > largest && squared[i] < INFINITY ? squared[i] : largest;
  int err = exset_agree(ctx, cover_metric_init(ctx, grid, largest, &metric));
  if (!err) err = paint_all(ctx, &post, squared, cover);
  free(post.balls.item);
  parcel_clear(&post.out);
  parcel_clear(&post.in);
  cover_metric_clear(&metric);
  return err;
}
