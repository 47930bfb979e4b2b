/*
 * Networks of conductances solved by eliminating node after node (star-mesh transformation): nothing is ever
 * subtracted from a conductance, so that results keep nearly all digits for every contrast, and parts without
 * connection need no care.
 */
#ifndef EXSET_TEST_CONDUCT_NETWORK_H
#define EXSET_TEST_CONDUCT_NETWORK_H

#include "test_conduct_box.h"

/* Between nodes i and j flows the current g (u_i - u_j + E.w), w: the way from i to j, E: the mean field. */
typedef struct {
  double g, w[3];
} network_edge_t;

typedef struct {
  int64_t n;
  network_edge_t *edge; /* [n][n], i < j only */
  double power[3][3];   /* E.power.E: what is dissipated whatever the potentials are */
} network_t;

static inline network_t network_create(int64_t n) {
  return (network_t){.n = n, .edge = case_alloc(n * n, sizeof(network_edge_t))};
}

static inline void network_free(network_t *net) {
  free(net->edge);
  *net = (network_t){0};
}

static inline void network_power(network_t *net, double g, const double w[3]) {
  for (int a = 0; a < 3; a++)
    for (int b = 0; b < 3; b++) net->power[a][b] += g * w[a] * w[b];
}

/**
 * One more conductance between two nodes. Beside another one:
 * g (d + E.w)^2 + g' (d + E.w')^2 = (g + g') (d + E.v)^2 + g g' / (g + g') (E.(w - w'))^2, v the weighted mean.
 */
static inline void network_add(network_t *net, int64_t i, int64_t j, double g, const double w[3]) {
  if (g == 0) return;
  if (i == j) {
    network_power(net, g, w);
    return;
  }
  network_edge_t *e = &net->edge[i < j ? i * net->n + j : j * net->n + i];
  const double sum = e->g + g;
  double d[3];
  for (int a = 0; a < 3; a++) d[a] = (i < j ? w[a] : -w[a]) - e->w[a];
  network_power(net, e->g * (g / sum), d);
  for (int a = 0; a < 3; a++) e->w[a] += g / sum * d[a];
  e->g = sum;
}

/** Replace the last node by conductances g_i g_j / sum g between its neighbours. */
static inline void network_eliminate(network_t *net, int64_t k, int64_t *near) {
  const int64_t n = net->n;
  int64_t count = 0;
  double sum = 0;
  for (int64_t i = 0; i < k; i++)
    if (net->edge[i * n + k].g > 0) near[count++] = i, sum += net->edge[i * n + k].g;
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = i + 1; j < count; j++) {
      const network_edge_t *to = &net->edge[near[i] * n + k], *from = &net->edge[near[j] * n + k];
      const double w[3] = {to->w[0] - from->w[0], to->w[1] - from->w[1], to->w[2] - from->w[2]};
      network_add(net, near[i], near[j], to->g / sum * from->g, w);
    }
}

/** Eliminate all nodes but the first ones. */
static inline void network_reduce(network_t *net, int64_t keep) {
  int64_t *near = case_alloc(net->n, sizeof *near);
  for (int64_t k = net->n - 1; k >= keep; k--) network_eliminate(net, k, near);
  free(near);
}

static inline double network_face(double s, double t) {
  return s > 0 && t > 0 ? 2 / (1 / s + 1 / t) : 0;
}

/*
 * The faces of a box between cells, node = first + cell; periodic: also those of opposite outer faces, which alone have a
 * w: how often it winds round the box. Whole numbers, so that what does not wind carries exactly nothing.
 */
static inline void network_box(network_t *net, const box_t *b, const double *s, int64_t first,
                               bool periodic) {
  const int64_t *n = b->n, stride[3] = {n[1] * n[2], n[2], 1};
  const double volume = b->voxel[0] * b->voxel[1] * b->voxel[2];
  for (int64_t i = 0; i < box_cells(b); i++)
    for (int a = 0; a < 3; a++) {
      const int64_t at = i / stride[a] % n[a];
      const bool turn = at + 1 == n[a];
      const int64_t k = turn ? i - at * stride[a] : i + stride[a];
      const double g = volume / (b->voxel[a] * b->voxel[a]) * network_face(s[i], s[k]);
      double w[3] = {0};
      w[a] = turn;
      if (!turn || periodic) network_add(net, first + i, first + k, g, w);
    }
}

/** sigma_eff between electrodes. */
static inline double network_electrodes(const box_t *b, const double *sigma, int axis) {
  const int64_t cells = box_cells(b), *n = b->n, stride[3] = {n[1] * n[2], n[2], 1};
  const double h = b->voxel[axis], volume = b->voxel[0] * b->voxel[1] * b->voxel[2];
  const double length = (double)n[axis] * h, area = (double)cells * volume / length, w[3] = {0};
  double *s = box_sigma(b, sigma);
  network_t net = network_create(cells + 2);
  network_box(&net, b, s, 2, false);
  for (int64_t i = 0; i < cells; i++) {
    const int64_t at = i / stride[axis] % n[axis];
    if (at == 0) network_add(&net, 0, 2 + i, 2 * s[i] * volume / (h * h), w);
    if (at == n[axis] - 1) network_add(&net, 1, 2 + i, 2 * s[i] * volume / (h * h), w);
  }
  network_reduce(&net, 2);
  const double g = net.edge[1].g;
  network_free(&net);
  free(s);
  return g * length / area;
}

/** Tensor of conductivity of a periodic box. */
static inline void network_periodic(const box_t *b, const double *sigma, double tensor[3][3]) {
  const double volume = b->voxel[0] * b->voxel[1] * b->voxel[2];
  double *s = box_sigma(b, sigma);
  network_t net = network_create(box_cells(b));
  network_box(&net, b, s, 0, true);
  network_reduce(&net, 0);
  for (int a = 0; a < 3; a++)
    for (int c = 0; c < 3; c++)
      tensor[a][c] = net.power[a][c] * (double)(b->n[a] * b->n[c]) * b->voxel[a] * b->voxel[c] /
                     ((double)box_cells(b) * volume);
  network_free(&net);
  free(s);
}

#endif
