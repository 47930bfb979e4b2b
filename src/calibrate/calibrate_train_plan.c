/* What a training will be, told before it begins. */
#include "calibrate_train_impl.h"

/* Weights of one discriminator: convolutions that double the maps from one to the next, then the inner product. */
static double network_weights(const exset_train_options_t *train, int n_phases) {
  const double edge = train->patch >> train->layers;
  double weights = 0, from = n_phases, to = train->width;
  for (int l = 0; l < train->layers; l++, from = to, to *= 2) weights += from * to * 16 + to;
  return weights + from * edge * edge + 1;
}

/* Numbers that come out of the convolutions for one patch. */
static double network_maps(const exset_train_options_t *train) {
  double maps = 0;
  for (int l = 0; l < train->layers; l++) {
    const double edge = train->patch >> (l + 1);
    maps += (double)(train->width << l) * edge * edge;
  }
  return maps;
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
  plan->weights = network_weights(train, sections->n_phases);
  const double images = (double)sections->n_phases * train->patch * train->patch * train->batch;
  /* how often each is held, with moments, gradients, work space of the layers and a checkpoint being written: measured */
  plan->bytes = plan->n_classes * sizeof(float) *
                (15 * plan->weights + 3 * network_maps(train) * train->batch + 3 * images);
}
