/*
 * Spectral normalisation (Miyato et al. 2018): the weights of a stage as a matrix W [out][in * kernel * kernel],
 * divided by sigma = u^T W v. u and v follow its first singular vectors by one step of the power iteration
 * at a time; in the gradient they are constants:
 *   dL/dW = (D - <D, W / sigma> u v^T) / sigma  with  D = dL/d(W / sigma).
 */
#include "nn_impl.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void normalise(int64_t n, float *x) {
  const float norm = sqrtf(nn_dot(n, x, x));
  nn_scale(n, 1.0f / fmaxf(norm, FLT_MIN), x, x);
}

/* v = W^T u / |W^T u|; u, if iterating, W v / |W v|; sigma. W u is kept in no array of its own. */
static void iterate_v(nn_spectral_t *s, const float *matrix) {
  memset(s->v, 0, (size_t)s->cols * sizeof *s->v);
  for (int64_t r = 0; r < s->rows; r++) nn_axpy(s->cols, s->u[r], matrix + r * s->cols, s->v);
  normalise(s->cols, s->v);
}

static void iterate_u(nn_spectral_t *s, const float *matrix) {
  for (int64_t r = 0; r < s->rows; r++) s->u[r] = nn_dot(s->cols, matrix + r * s->cols, s->v);
  normalise(s->rows, s->u);
}

static void compute_sigma(nn_spectral_t *s, const float *matrix) {
  double sum = 0;
  for (int64_t r = 0; r < s->rows; r++)
    sum += (double)s->u[r] * (double)nn_dot(s->cols, matrix + r * s->cols, s->v);
  s->sigma = sum != 0 ? (float)sum : 1; /* weights that are all 0 stay so */
}

static int update_stage(exset_nn_t *nn, nn_stage_t *stage, bool iterate) {
  nn_spectral_t *s = &stage->spectral;
  const float *weights = nn->parameter + stage->at_weights;
  EXSET_TRY(nn_weights_unpack(nn, stage, weights, nn->canonical));
  if (iterate) {
    iterate_v(s, nn->canonical);
    iterate_u(s, nn->canonical);
  }
  compute_sigma(s, nn->canonical);
  nn_scale(stage->padded, 1.0f / s->sigma, weights, nn->effective + stage->at_weights);
  stage->by_data_stale = true;
  return EXSET_OK;
}

int nn_spectral_update(exset_nn_t *nn, bool iterate) {
  if (!iterate && !nn->stale) return EXSET_OK;
  for (int s = 0; s < nn->n_stages; s++)
    if (nn->stage[s].layer.spectral) EXSET_TRY(update_stage(nn, &nn->stage[s], iterate));
  nn->stale = false;
  return EXSET_OK;
}

int nn_spectral_gradient(exset_nn_t *nn, nn_stage_t *stage) {
  const nn_spectral_t *s = &stage->spectral;
  float *d = nn->scratch, *outer = nn->scratch + nn->scratch_size;
  const float along = nn_dot(stage->padded, d, nn->effective + stage->at_weights);
  for (int64_t r = 0; r < s->rows; r++)
    nn_scale(s->cols, -along * s->u[r] / s->sigma, s->v, nn->canonical + r * s->cols);
  EXSET_TRY(nn_weights_pack(nn, stage, nn->canonical, outer));
  nn_scale(stage->padded, 1.0f / s->sigma, d, d);
  nn_add(stage->padded, outer, d);
  return EXSET_OK;
}
