/* exset generate: realisations by groups of ranks. */
#include "cli_generate.h"
#include "cli_provenance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a group works with. */
typedef struct {
  exset_ctx_t *ctx; /* of the group */
  const generate_plan_t *plan;
  int index, n_groups;
  exset_sampler_t *sampler;
  cli_provenance_t provenance;
  exset_volume_t volume;
  float *field[EXSET_MAX_FIELDS];
  exset_cellarray_t array[EXSET_MAX_FIELDS]; /* plan's, with values */
  double plan_seconds;
} worker_t;

/* ---- one realisation --------------------------------------------------------------------------- */

char *generate_path(const generate_plan_t *plan, int64_t number) {
  if (plan->realisations == 1) return strdup(plan->path);
  const char *slash = strrchr(plan->path, '/'), *dot = strrchr(plan->path, '.');
  if (!dot || (slash && dot < slash)) dot = plan->path + strlen(plan->path);
  char *path = NULL;
  const int stem = (int)(dot - plan->path);
  return asprintf(&path, "%.*s-%04" PRId64 "%s", stem, plan->path, number, dot) < 0 ? NULL : path;
}

static int set_number(exset_ctx_t *ctx, cli_provenance_t *p, const char *name, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%" PRId64, value);
  return cli_provenance_set(ctx, p, name, text);
}

static int write_twin(worker_t *w, int64_t number, const char *path) {
  EXSET_TRY(exset_agree(w->ctx, set_number(w->ctx, &w->provenance, "realisation", number)));
  exset_info(w->ctx, "writing %s", path);
  exset_volume_extras_t extras = w->plan->extras;
  extras.n_attributes = w->provenance.n;
  extras.attributes = w->provenance.attribute;
  extras.arrays = w->array;
  return exset_volume_write(w->ctx, path, &w->volume, &extras);
}

static int write_numbered(worker_t *w, int64_t number) {
  char *path = generate_path(w->plan, number);
  int err = path ? EXSET_OK : exset_fail(w->ctx, EXSET_ERR_LOCAL, "out of memory");
  err = exset_agree(w->ctx, err);
  if (!err) err = write_twin(w, number, path);
  free(path);
  return err;
}

static int make_twin(worker_t *w, int64_t number, generate_result_t *result) {
  exset_ctx_t *ctx = w->ctx;
  exset_seconds_t *s = &result->seconds;
  EXSET_TRY(exset_label_volume(ctx, w->sampler, &w->plan->model, (uint64_t)w->plan->seed,
                               (uint64_t)(number - 1), w->volume.phase,
                               w->plan->n_arrays ? w->field : NULL, s));
  const double made = MPI_Wtime();
  EXSET_TRY(exset_volume_fractions(ctx, &w->volume, result->fraction));
  EXSET_TRY(exset_volume_checksum(ctx, &w->volume, &result->checksum));
  const double start = MPI_Wtime();
  if (w->plan->output != GENERATE_NONE) {
    EXSET_TRY(write_numbered(w, number));
    s->write = MPI_Wtime() - start;
  }
  double seconds[5] = {s->noise, s->fft, s->threshold, s->write, start - made};
  EXSET_TRY(
      EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, seconds, 5, MPI_DOUBLE, MPI_MAX, ctx->comm)));
  *s = (exset_seconds_t){w->plan_seconds, seconds[0], seconds[1], seconds[2], seconds[3]};
  result->figures = seconds[4];
  return EXSET_OK;
}

/* ---- a group's means --------------------------------------------------------------------------- */

static int provenance_of(exset_ctx_t *ctx, const exset_config_t *config,
                         const generate_plan_t *plan, cli_provenance_t *provenance) {
  EXSET_TRY(cli_provenance_create(ctx, config, "generate", provenance));
  char *text = cli_model_text(&plan->model);
  int err = cli_provenance_set(ctx, provenance, "model", text);
  free(text);
  if (!err) err = set_number(ctx, provenance, "seed", plan->seed);
  return err;
}

/* Wisdom of equal groups is equal: the first one keeps it. */
static int make_sampler(worker_t *w) {
  const generate_plan_t *plan = w->plan;
  const double start = MPI_Wtime();
  if (plan->wisdom) EXSET_TRY(exset_transform_wisdom_load(w->ctx, plan->wisdom));
  EXSET_TRY(exset_sampler_create(w->ctx, &plan->grid, &plan->sampler, &w->sampler));
  if (plan->wisdom && w->index == 0) EXSET_TRY(exset_transform_wisdom_save(w->ctx, plan->wisdom));
  w->plan_seconds = MPI_Wtime() - start;
  return EXSET_OK;
}

static int worker_create(worker_t *w, const exset_config_t *config) {
  const generate_plan_t *plan = w->plan;
  exset_ctx_t *ctx = w->ctx;
  EXSET_TRY(exset_agree(ctx, provenance_of(ctx, config, plan, &w->provenance)));
  EXSET_TRY(make_sampler(w));
  EXSET_TRY(exset_volume_init(ctx, &plan->grid, plan->model.n_fields + 1, &w->volume));
  for (int f = 0; f < plan->n_arrays; f++) {
    EXSET_TRY(
        exset_alloc_all(ctx, exset_grid_cells_local(&plan->grid), sizeof(float), &w->field[f]));
    w->array[f] = plan->array[f];
    w->array[f].value = w->field[f];
  }
  return EXSET_OK;
}

static void worker_clear(worker_t *w) {
  for (int f = 0; f < EXSET_MAX_FIELDS; f++) free(w->field[f]);
  exset_volume_clear(&w->volume);
  exset_sampler_destroy(&w->sampler);
  cli_provenance_clear(&w->provenance);
}

/* ---- all groups --------------------------------------------------------------------------------- */

/* What the groups tell each other after each round. It is read one round later, so that nobody waits for the slowest. */
typedef struct {
  int failed, any_failed;
  MPI_Request request;
} news_t;

static int send_news(exset_ctx_t *ctx, bool failed, news_t *news) {
  news->failed = failed;
  return EXSET_MPI(ctx, MPI_Iallreduce(&news->failed, &news->any_failed, 1, MPI_INT, MPI_MAX,
                                       ctx->comm, &news->request));
}

static int read_news(exset_ctx_t *ctx, news_t *news) {
  return EXSET_MPI(ctx, MPI_Wait(&news->request, MPI_STATUS_IGNORE));
}

/* elapsed: seconds since the first round began. */
static void tell_progress(const worker_t *w, int64_t number, int64_t round, int64_t n_rounds,
                          double elapsed) {
  const int64_t all = w->plan->realisations;
  const double left = elapsed / (double)(round + 1) * (double)(n_rounds - round - 1);
  if (all > 1 && w->n_groups == 1)
    exset_info(w->ctx, "realisation %" PRId64 " of %" PRId64 " done, %.0f s left", number, all,
               left);
  if (w->n_groups > 1)
    exset_info(w->ctx,
               "realisation %" PRId64 " of %" PRId64 " done by the first of %d groups, %.0f s left",
               number, all, w->n_groups, left);
}

/* Group g makes the realisations g + 1, g + 1 + groups, ... Every rank takes part in the news of every round. */
static int run_rounds(exset_ctx_t *ctx, worker_t *w, generate_result_t *result) {
  const int64_t all = w->plan->realisations, n_rounds = (all + w->n_groups - 1) / w->n_groups;
  news_t news[2] = {{0, 0, MPI_REQUEST_NULL}, {0, 0, MPI_REQUEST_NULL}};
  const double start = MPI_Wtime();
  int err = EXSET_OK;
  bool stop = false;
  for (int64_t round = 0; round < n_rounds && !stop; round++) {
    const int64_t number = round * w->n_groups + w->index + 1;
    if (!err && number <= all) err = make_twin(w, number, &result[number - 1]);
    if (err < 0) return err;
    if (!err) tell_progress(w, number, round, n_rounds, MPI_Wtime() - start);
    news_t *now = &news[round % 2], *before = &news[(round + 1) % 2];
    EXSET_TRY(send_news(ctx, err != EXSET_OK, now));
    EXSET_TRY(read_news(ctx, before));
    stop = before->any_failed;
  }
  for (int i = 0; i < 2; i++) EXSET_TRY(read_news(ctx, &news[i]));
  return err;
}

static int share_results(exset_ctx_t *ctx, const worker_t *w, generate_result_t *result) {
  for (int64_t r = 0; r < w->plan->realisations; r++) {
    const int root = exset_group_first(ctx, w->n_groups, (int)(r % w->n_groups));
    EXSET_TRY(EXSET_MPI(ctx, MPI_Bcast(&result[r], sizeof result[r], MPI_BYTE, root, ctx->comm)));
  }
  return EXSET_OK;
}

int generate_run(exset_ctx_t *ctx, exset_ctx_t *group, const exset_config_t *config,
                 const generate_plan_t *plan, generate_result_t *result) {
  worker_t w = {.ctx = group, .plan = plan, .n_groups = plan->n_groups};
  w.index = exset_group_of(ctx, plan->n_groups, ctx->rank);
  int err = w.index < plan->realisations ? worker_create(&w, config) : EXSET_OK;
  if (err >= 0) err = exset_agree_groups(ctx, group, err);
  if (!err) err = run_rounds(ctx, &w, result);
  if (err < 0) return exset_fail(ctx, err, "%s", group->message); /* this rank alone */
  err = exset_agree_groups(ctx, group, err);
  if (!err) err = share_results(ctx, &w, result);
  worker_clear(&w);
  return err;
}
