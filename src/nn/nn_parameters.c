/* Parameters in canonical order: initial values, get and set, archives. */
#include "nn_impl.h"

#include "exset/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- flat and canonical ---------------------------------------------------------------------- */

static int to_canonical(exset_nn_t *nn, const float *flat, float *value) {
  int err = EXSET_OK;
  const int threads = nn_threads_one();
  for (int s = 0; s < nn->n_stages && !err; s++) {
    nn_stage_t *stage = &nn->stage[s];
    float *to = value + stage->at_canonical;
    err = nn_weights_unpack(nn, stage, flat + stage->at_weights, to);
    memcpy(to + stage->n_weights, flat + stage->at_bias, (size_t)stage->out[0] * sizeof *to);
  }
  nn_threads_restore(threads);
  return err;
}

static int from_canonical(exset_nn_t *nn, const float *value, float *flat) {
  int err = EXSET_OK;
  const int threads = nn_threads_one();
  for (int s = 0; s < nn->n_stages && !err; s++) {
    nn_stage_t *stage = &nn->stage[s];
    const float *from = value + stage->at_canonical;
    err = nn_weights_pack(nn, stage, from, flat + stage->at_weights);
    memcpy(flat + stage->at_bias, from + stage->n_weights, (size_t)stage->out[0] * sizeof *flat);
  }
  nn_threads_restore(threads);
  return err;
}

int exset_nn_get(exset_nn_t *nn, float *value) {
  return to_canonical(nn, nn->parameter, value);
}

int exset_nn_get_gradient(exset_nn_t *nn, float *value) {
  return to_canonical(nn, nn->gradient, value);
}

int exset_nn_set(exset_nn_t *nn, const float *value) {
  nn_parameters_changed(nn);
  return from_canonical(nn, value, nn->parameter);
}

/* ---- initial values -------------------------------------------------------------------------- */

enum { PURPOSE_WEIGHTS, PURPOSE_VECTOR };

/* Normal numbers of a given spread, by their own index: four from each counter (index, purpose). */
static void draw(exset_rng_key_t key, uint32_t purpose, double spread, int64_t n, float *value) {
  const float scale = (float)(spread * M_SQRT2); /* of normals with variance 1/2 */
  for (int64_t start = 0; start < n; start += 4 * EXSET_RNG_BATCH) {
    exset_rng_batch_t words;
    exset_normal_batch_t normals;
    for (int i = 0; i < EXSET_RNG_BATCH; i++) {
      const uint64_t at = (uint64_t)(start / 4 + i);
      words.word[0][i] = (uint32_t)at;
      words.word[1][i] = (uint32_t)(at >> 32);
      words.word[2][i] = purpose;
      words.word[3][i] = 0;
    }
    exset_rng_words(key, EXSET_RNG_BATCH, &words);
    exset_rng_normals(EXSET_RNG_BATCH, &words, &normals);
    for (int64_t i = start; i < n && i < start + 4 * EXSET_RNG_BATCH; i++)
      value[i] = scale * normals.value[i % 4][(i - start) / 4];
  }
}

int nn_initialise(exset_nn_t *nn, uint64_t seed, uint32_t network) {
  enum { ITERATIONS = 10 }; /* the vectors are near the singular ones before the first step */
  float *value;
  EXSET_TRY(exset_alloc(nn->ctx, nn->n_parameters, sizeof *value, &value));
  for (int s = 0; s < nn->n_stages; s++) {
    nn_stage_t *stage = &nn->stage[s];
    const exset_rng_key_t key =
        exset_rng_key(seed, EXSET_STREAM_NETWORK, network, (uint32_t)(stage->number - 1));
    const double slope = stage->active ? (double)stage->slope : 1;
    const double fan_in = (double)(stage->n_weights / stage->out[0]);
    draw(key, PURPOSE_WEIGHTS, sqrt(2 / ((1 + slope * slope) * fan_in)), stage->n_weights,
         value + stage->at_canonical);
    if (stage->layer.spectral) draw(key, PURPOSE_VECTOR, 1, stage->out[0], stage->spectral.u);
  }
  int err = exset_nn_set(nn, value);
  free(value);
  for (int i = 0; i < ITERATIONS && !err; i++) err = nn_spectral_update(nn, true);
  return err;
}

/* ---- archives -------------------------------------------------------------------------------- */

enum { COLUMNS = 6, NAME_SIZE = 512 };

typedef struct {
  exset_nn_t *nn;
  exset_archive_t *archive;
  const char *name;
} file_t;

static const char *path(const file_t *file, const char *item, char text[NAME_SIZE]) {
  snprintf(text, NAME_SIZE, "%s/%s", file->name, item);
  return text;
}

static int put(const file_t *file, const char *item, exset_archive_type_t type, int64_t n,
               const void *data) {
  char text[NAME_SIZE];
  return exset_archive_put(file->archive, path(file, item, text), type, 1, &n, data);
}

static int get(const file_t *file, const char *item, exset_archive_type_t type, int64_t n,
               void *data) {
  char text[NAME_SIZE];
  return exset_archive_get(file->archive, path(file, item, text), type, n, data);
}

/* The table as numbers: one row for each layer, what its kind does not use is 0; the input before them. */
static int64_t table_numbers(const exset_nn_t *nn, double *number) {
  for (int a = 0; a < 3; a++) number[a] = nn->input[a];
  for (int i = 0; i < nn->n_layers; i++) {
    const exset_nn_layer_t *layer = &nn->layer[i];
    const bool relu = layer->kind == EXSET_NN_LEAKY_RELU, conv = layer->kind == EXSET_NN_CONV;
    double *row = number + 3 + i * COLUMNS;
    row[0] = layer->kind;
    row[1] = relu ? 0 : layer->channels;
    row[2] = conv ? layer->kernel : 0;
    row[3] = conv ? layer->stride : 0;
    row[4] = conv ? layer->pad : 0;
    row[5] = relu ? layer->slope : layer->spectral;
  }
  return 3 + (int64_t)nn->n_layers * COLUMNS;
}

static int put_flat(const file_t *file, const char *item, const float *flat, float *work) {
  EXSET_TRY(to_canonical(file->nn, flat, work));
  return put(file, item, EXSET_ARCHIVE_FLOAT, file->nn->n_parameters, work);
}

static int get_flat(const file_t *file, const char *item, float *flat, float *work) {
  EXSET_TRY(get(file, item, EXSET_ARCHIVE_FLOAT, file->nn->n_parameters, work));
  return from_canonical(file->nn, work, flat);
}

typedef int vector_action_t(const file_t *file, const char *item, int64_t n, float *vector);

static int put_vector(const file_t *file, const char *item, int64_t n, float *vector) {
  return put(file, item, EXSET_ARCHIVE_FLOAT, n, vector);
}

static int get_vector(const file_t *file, const char *item, int64_t n, float *vector) {
  return get(file, item, EXSET_ARCHIVE_FLOAT, n, vector);
}

static int each_vector(const file_t *file, vector_action_t *action) {
  for (int s = 0; s < file->nn->n_stages; s++) {
    const nn_stage_t *stage = &file->nn->stage[s];
    char item[64];
    if (!stage->layer.spectral) continue;
    snprintf(item, sizeof item, "spectral_u_%d", stage->number);
    EXSET_TRY(action(file, item, stage->spectral.rows, stage->spectral.u));
    snprintf(item, sizeof item, "spectral_v_%d", stage->number);
    EXSET_TRY(action(file, item, stage->spectral.cols, stage->spectral.v));
  }
  return EXSET_OK;
}

static int save_all(const file_t *file, float *work) {
  exset_nn_t *nn = file->nn;
  double table[3 + EXSET_NN_MAX_LAYERS * COLUMNS];
  const int64_t numbers = table_numbers(nn, table);
  EXSET_TRY(put(file, "table", EXSET_ARCHIVE_DOUBLE, numbers, table));
  EXSET_TRY(put(file, "steps", EXSET_ARCHIVE_INT64, 1, &nn->steps));
  EXSET_TRY(put_flat(file, "parameters", nn->parameter, work));
  EXSET_TRY(put_flat(file, "moment1", nn->moment1, work));
  EXSET_TRY(put_flat(file, "moment2", nn->moment2, work));
  return each_vector(file, put_vector);
}

/* Is the table in the file this network's? Says where they differ. */
static int check_table(const file_t *file) {
  exset_nn_t *nn = file->nn;
  char text[NAME_SIZE];
  double here[3 + EXSET_NN_MAX_LAYERS * COLUMNS], there[3 + EXSET_NN_MAX_LAYERS * COLUMNS];
  int n_dims = 0;
  int64_t dims[4] = {0};
  const int64_t numbers = table_numbers(nn, here);
  EXSET_TRY(exset_archive_shape(file->archive, path(file, "table", text), &n_dims, dims));
  if (n_dims != 1 || dims[0] != numbers)
    return exset_fail(nn->ctx, EXSET_ERR_INPUT,
                      "%s is a network of %lld layers, wanted is one of %d", file->name,
                      (long long)(dims[0] - 3) / COLUMNS, nn->n_layers);
  EXSET_TRY(get(file, "table", EXSET_ARCHIVE_DOUBLE, numbers, there));
  if (memcmp(here, there, 3 * sizeof *here) != 0)
    return exset_fail(nn->ctx, EXSET_ERR_INPUT,
                      "%s is a network for images of %g channels, %g x %g pixels, not %g, %g x %g",
                      file->name, there[0], there[1], there[2], here[0], here[1], here[2]);
  for (int64_t i = 3; i < numbers; i++)
    if (here[i] != there[i])
      return exset_fail(nn->ctx, EXSET_ERR_INPUT, "%s is a network with another layer %lld",
                        file->name, (long long)(i - 3) / COLUMNS + 1);
  return EXSET_OK;
}

static int load_all(const file_t *file, float *work) {
  exset_nn_t *nn = file->nn;
  nn_parameters_changed(nn);
  EXSET_TRY(get(file, "steps", EXSET_ARCHIVE_INT64, 1, &nn->steps));
  EXSET_TRY(get_flat(file, "parameters", nn->parameter, work));
  EXSET_TRY(get_flat(file, "moment1", nn->moment1, work));
  EXSET_TRY(get_flat(file, "moment2", nn->moment2, work));
  return each_vector(file, get_vector);
}

int exset_nn_save(exset_nn_t *nn, exset_archive_t *archive, const char *name) {
  const file_t file = {nn, archive, name};
  float *work;
  EXSET_TRY(exset_alloc(nn->ctx, nn->n_parameters, sizeof *work, &work));
  const int err = save_all(&file, work);
  free(work);
  return err;
}

int exset_nn_load(exset_nn_t *nn, exset_archive_t *archive, const char *name) {
  const file_t file = {nn, archive, name};
  float *work;
  EXSET_TRY(check_table(&file));
  EXSET_TRY(exset_alloc(nn->ctx, nn->n_parameters, sizeof *work, &work));
  const int err = load_all(&file, work);
  free(work);
  return err;
}
