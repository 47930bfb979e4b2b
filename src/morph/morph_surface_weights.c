/* Directions to the neighbours of a cell, and their shares in the sphere. */
#include <math.h>
#include <string.h>

#include "morph_surface_impl.h"

const int surface_step[SURFACE_DIRECTIONS][3] = {
    {0, 0, 1}, {0, 1, 0},  {1, 0, 0}, {0, 1, 1},  {0, 1, -1}, {1, 0, 1},  {1, 0, -1},
    {1, 1, 0}, {1, -1, 0}, {1, 1, 1}, {1, 1, -1}, {1, -1, 1}, {1, -1, -1}};

void surface_lengths(const double edge[3], double length[SURFACE_DIRECTIONS]) {
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    const int *s = surface_step[d];
    length[d] = sqrt(pow(s[0] * edge[0], 2) + pow(s[1] * edge[1], 2) + pow(s[2] * edge[2], 2));
  }
}

static double dot(const double a[3], const double b[3]) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double out[3]) {
  for (int k = 0; k < 3; k++)
    out[k] = a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3];
}

/* ---- the cell of a direction: a convex polygon in the plane that touches the sphere there ------- */

typedef struct {
  int n;
  double at[32][3];
} polygon_t;

/* Square around u that holds its cell: the axes alone leave no direction farther than 54.8 degrees from them. */
static polygon_t square(const double u[3]) {
  const int least = fabs(u[0]) <= fabs(u[1]) && fabs(u[0]) <= fabs(u[2]) ? 0
                    : fabs(u[1]) <= fabs(u[2])                           ? 1
                                                                         : 2;
  double axis[3] = {0, 0, 0}, a[3], b[3];
  axis[least] = 1;
  cross(u, axis, a);
  const double norm = sqrt(dot(a, a));
  for (int k = 0; k < 3; k++) a[k] *= 2 / norm;
  cross(u, a, b);
  polygon_t p = {4, {{0}}};
  const int side[4][2] = {{1, 1}, {-1, 1}, {-1, -1}, {1, -1}};
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < 3; k++) p.at[i][k] = u[k] + side[i][0] * a[k] + side[i][1] * b[k];
  return p;
}

/* Keep what is on the side of normal (Sutherland and Hodgman). */
static void clip(polygon_t *p, const double normal[3]) {
  polygon_t out = {0, {{0}}};
  for (int i = 0; i < p->n; i++) {
    const double *a = p->at[i], *b = p->at[(i + 1) % p->n];
    const double in_a = dot(a, normal), in_b = dot(b, normal), t = in_a / (in_a - in_b);
    if (in_a >= 0) memcpy(out.at[out.n++], a, sizeof out.at[0]);
    if ((in_a >= 0) == (in_b >= 0)) continue;
    for (int k = 0; k < 3; k++) out.at[out.n][k] = a[k] + t * (b[k] - a[k]);
    out.n++;
  }
  *p = out;
}

/* Solid angle of the triangle a, b, c seen from 0 (van Oosterom and Strackee 1983). */
static double solid_angle(const double a[3], const double b[3], const double c[3]) {
  double bc[3];
  cross(b, c, bc);
  const double la = sqrt(dot(a, a)), lb = sqrt(dot(b, b)), lc = sqrt(dot(c, c));
  return 2 *
         atan2(fabs(dot(a, bc)), la * lb * lc + dot(a, b) * lc + dot(a, c) * lb + dot(b, c) * la);
}

void surface_weights(const double edge[3], double weight[SURFACE_DIRECTIONS]) {
  double u[2 * SURFACE_DIRECTIONS][3], length[SURFACE_DIRECTIONS];
  surface_lengths(edge, length);
  for (int d = 0; d < SURFACE_DIRECTIONS; d++)
    for (int k = 0; k < 3; k++) {
      u[d][k] = surface_step[d][k] * edge[k] / length[d];
      u[d + SURFACE_DIRECTIONS][k] = -u[d][k];
    }
  for (int d = 0; d < SURFACE_DIRECTIONS; d++) {
    polygon_t cell = square(u[d]);
    for (int k = 0; k < 2 * SURFACE_DIRECTIONS; k++) {
      const double nearer[3] = {u[d][0] - u[k][0], u[d][1] - u[k][1], u[d][2] - u[k][2]};
      if (k != d) clip(&cell, nearer);
    }
    weight[d] = 0;
    for (int i = 0; i < cell.n; i++)
      weight[d] += solid_angle(u[d], cell.at[i], cell.at[(i + 1) % cell.n]);
    weight[d] *= 2 / (16 * atan(1.0));
  }
}
