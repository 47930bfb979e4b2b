/* Losses of real/fake decisions. */
#include "exset/nn.h"

#include <math.h>

/* softplus(s) = log(1 + e^s) = max(s, 0) + log(1 + e^-|s|); its derivative, the sigmoid, by e^-|s|, too. */
double exset_nn_loss_bce(int n, const float *score, double target, float *d_score) {
  double loss = 0;
  for (int i = 0; i < n; i++) {
    const double s = (double)score[i], e = exp(-fabs(s));
    const double sigmoid = s >= 0 ? 1 / (1 + e) : e / (1 + e);
    loss += fmax(s, 0) + log1p(e) - target * s;
    d_score[i] = (float)(sigmoid - target);
  }
  return loss;
}

double exset_nn_loss_hinge(int n, const float *score, double sign, float *d_score) {
  double loss = 0;
  for (int i = 0; i < n; i++) {
    const double gap = 1 - sign * (double)score[i];
    loss += fmax(gap, 0);
    d_score[i] = gap > 0 ? (float)-sign : 0.0f;
  }
  return loss;
}
