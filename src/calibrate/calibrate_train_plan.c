/* What a training will be, told before it begins. */
#include <math.h>

#include "calibrate_train_impl.h"

/* Weights and biases of a discriminator, and the numbers that its convolutions make of one patch. */
static void measure(const exset_train_options_t *train, int n_phases, double *weights,
                    double *maps) {
  exset_nn_layer_t layer[EXSET_NN_MAX_LAYERS];
  const int n = network_layers(train, layer);
  double channels = n_phases, edge = train->patch;
  *weights = *maps = 0;
  for (int i = 0; i < n; i++) {
    const exset_nn_layer_t *l = &layer[i];
    const double area = l->kind == EXSET_NN_CONV ? l->kernel * l->kernel : edge * edge;
    if (l->kind == EXSET_NN_MEAN) edge = 1;
    if (l->kind != EXSET_NN_CONV && l->kind != EXSET_NN_DENSE) continue;
    *weights += l->channels * (channels * area + 1);
    channels = l->channels;
    edge = l->kind == EXSET_NN_CONV ? floor((edge + 2 * l->pad - l->kernel) / l->stride) + 1 : 1;
    *maps += channels * edge * edge;
  }
}

/* Sections that a step's batch is cut from, at most: a box has room for four patches, or what train_box allows. */
static int most_sections(const exset_train_options_t *train) {
  const int64_t along = train->box > 0 ? train->box / train->patch : 2;
  const int64_t crops = along > 1 ? along * along : 1;
  return (int)((train->batch + crops - 1) / crops);
}

void exset_train_plan(const exset_sections_t *sections, const exset_calibrate_options_t *given,
                      const exset_train_options_t *train, exset_train_plan_t *plan) {
  const exset_calibrate_options_t options = case_settle_voxel(sections, given);
  view_kind_t kind[MAX_VIEWS];
  *plan = (exset_train_plan_t){.most_ranks = most_sections(train)};
  if (!has_networks(train)) return;
  plan->n_classes = view_kinds(sections, &options, kind);
  for (int c = 0; c < plan->n_classes; c++) plan->class_name[c] = kind[c].name;
  double maps;
  measure(train, sections->n_phases, &plan->weights, &maps);
  const double images = (double)sections->n_phases * train->patch * train->patch * train->batch;
  /* how often each is held, with moments, gradients, work space of the layers and a checkpoint being written: measured */
  plan->bytes =
      plan->n_classes * sizeof(float) * (15 * plan->weights + 3 * maps * train->batch + 3 * images);
}
