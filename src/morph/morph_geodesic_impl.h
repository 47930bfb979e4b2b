/* Inside the shortest and widest paths: fronts of cells that all ranks move bucket by bucket. */
#ifndef EXSET_GEODESIC_IMPL_H
#define EXSET_GEODESIC_IMPL_H

#include "exset/geodesic.h"

/* Cells of the slab with a plane below and one above it: cell i of the slab is i + plane here. */

typedef struct {
  int64_t *cell;
  int64_t n, capacity;
} cells_t;

/* A better value for a cell of a neighbouring slab: its number within the plane that the two slabs share. */
typedef struct {
  int64_t cell;
  float value, unused;
} arrival_t;

typedef struct {
  arrival_t *item;
  int64_t n, capacity;
} arrivals_t;

typedef struct {
  exset_ctx_t *ctx;
  int64_t plane, cells;     /* cells of a plane, of the slab */
  int64_t bucket;           /* the one at work, the same on all ranks; -1: none left */
  int64_t slots;            /* a power of two: as many buckets at a time may hold cells */
  cells_t *slot;            /* [slots]: bucket b is in slot b mod slots */
  int rank[2];              /* neighbours below and above, or MPI_PROC_NULL */
  arrivals_t out[2], in[2]; /* in: room for a plane, so that no message finds no memory */
  MPI_Datatype arrival;
  int64_t stride; /* buckets from one reduction to the next, 1 at first: see front_next */
  int64_t known;  /* the first bucket that needs a reduction */
  int err;        /* of this rank since the last reduction */
} front_t;

/* buckets: how many from the one at work onward may hold cells. Local. */
int front_init(exset_ctx_t *ctx, const exset_grid_t *grid, int64_t buckets, front_t *front);
void front_clear(front_t *front);
/**
 * After the work on a bucket: exchange what has arrived in the planes below and above the slab (entries that are
 * not the value of their cell any more are left out). value: [cells + 2 plane]. Collective. Errors: EXSET_ERR_LOCAL.
 */
int front_exchange(front_t *front, const float *value);
/**
 * Find the next bucket that holds cells on any rank; arrivals in the one at work bring it back. With a stride above 1, for which
 * nothing may arrive in the bucket at work, a reduction finds a bucket and the next ones follow without any, whether they hold
 * cells or not. Collective. Errors: EXSET_ERR_RUN (memory on any rank since the last reduction), EXSET_ERR_LOCAL.
 */
int front_next(front_t *front);
/* Room for one more; false when there is no memory, which front_next will report. Local. */
bool front_grow_cells(front_t *front, cells_t *list);
bool front_grow_arrivals(front_t *front, arrivals_t *list);

static inline cells_t *front_slot(const front_t *front, int64_t bucket) {
  return &front->slot[bucket & (front->slots - 1)];
}

static inline void front_push(front_t *front, int64_t cell, int64_t bucket) {
  cells_t *list = front_slot(front, bucket);
  if (list->n == list->capacity && !front_grow_cells(front, list)) return;
  list->cell[list->n++] = cell;
}

static inline bool front_inside(const front_t *front, int64_t cell) {
  return (uint64_t)(cell - front->plane) < (uint64_t)front->cells;
}

/* For a cell of the plane below or above the slab. */
static inline void front_send(front_t *front, int64_t cell, float value) {
  const bool above = cell >= front->plane;
  arrivals_t *list = &front->out[above];
  if (list->n == list->capacity && !front_grow_arrivals(front, list)) return;
  const int64_t start = above ? front->plane + front->cells : 0;
  list->item[list->n++] = (arrival_t){cell - start, value, 0};
}

/* The cell of this slab that an arrival from below (0) or above (1) is for. */
static inline int64_t front_cell(const front_t *front, int side, int64_t i) {
  return front->in[side].item[i].cell + (side ? front->cells : front->plane);
}

/* Phases of the planes next to the slab, 0 where there is none: side[0] below, side[1] above. */
typedef struct {
  uint8_t *side[2];
} sides_t;
/* Collective. */
int sides_get(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase, sides_t *sides);
void sides_clear(sides_t *sides);

/**
 * Neighbours of equal phase: bit 9 (dz + 1) + 3 (dy + 1) + dx + 1 of link[nz_local][ny][nx] for the neighbour at
 * (dz, dy, dx), none of masked cells. The bits above are 0. Collective.
 */
enum { LINK_BITS = 27, LINK_SELF = 13 };
int links_get(exset_ctx_t *ctx, const exset_grid_t *grid, const uint8_t *phase, uint32_t *link);

#endif
