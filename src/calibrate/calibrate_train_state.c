/* Checkpoints: everything a member needs to go on as if nothing had happened, and a description of the case it belongs to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calibrate_train_impl.h"
#include "exset/archive.h"

char *exset_train_checkpoint_path(const exset_train_options_t *train, int member) {
  const char *name = train->checkpoint, *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
  const size_t size = strlen(name) + 16;
  char *path = malloc(size);
  if (!path) return NULL;
  if (train->ensemble == 1) {
    snprintf(path, size, "%s", name);
  } else {
    const bool ending = dot && dot > name && (!slash || dot > slash + 1);
    const int stem = (int)(ending ? (size_t)(dot - name) : strlen(name));
    snprintf(path, size, "%.*s_%d%s", stem, name, member + 1, ending ? dot : "");
  }
  return path;
}

/* ---- the case ---- */

/* FNV-1a over all pixels. */
static uint64_t checksum(const exset_sections_t *sections) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (int s = 0; s < sections->n; s++) {
    const exset_section_t *section = &sections->section[s];
    for (int64_t k = 0; k < section->rows * section->cols; k++)
      hash = (hash ^ section->phase[k]) * UINT64_C(1099511628211);
  }
  return hash;
}

static void describe_options(FILE *out, const group_run_t *run, const member_t *member) {
  const exset_train_options_t *t = run->train;
  const exset_calibrate_options_t *o = run->options;
  fprintf(out, "seed %llu\n", (unsigned long long)member->seed);
  fprintf(out, "method %d\nevaluator %d\nweight %.17g\n", t->method, t->evaluator, t->weight);
  fprintf(out, "patch %d\nbatch %d\nbox %lld\n", t->patch, t->batch, (long long)t->box);
  fprintf(out, "threshold %d\ntemperature %.17g\ntemperature_end %.17g\n", t->threshold,
          t->temperature, t->temperature_end);
  fprintf(out, "warm_up %d\n", t->warm_up);
  fprintf(out, "width %d\nlayers %d\nspectral %d\nscore %d\nsmoothing %.17g\n", t->width, t->layers,
          t->spectral, t->score, t->smoothing);
  fprintf(out, "rate_network %.17g\nrate_model %.17g\nrate_end %.17g\n", t->rate_network,
          t->rate_model, t->rate_end);
  fprintf(out, "start_given %d\nscatter %.17g\n", t->start_given, t->scatter);
  fprintf(out, "voxel_size %.17g, %.17g, %.17g\nmax_lag %.17g\n", o->voxel[0], o->voxel[1],
          o->voxel[2], run->data->max_lag);
  fprintf(out, "cylindrical %d\nsmoothness %.17g\n", o->cylindrical, o->smoothness);
}

static void describe_model(FILE *out, const group_run_t *run) {
  for (int a = 0; a < run->fit.model.n_fields; a++) {
    const exset_field_t *field = &run->fit.model.field[a];
    fprintf(out, "field%d type %d, dof %d, below %d, terms", a + 1, field->type, field->dof,
            field->below);
    for (int t = 0; t < field->spectrum.n_terms; t++)
      fprintf(out, " %d", field->spectrum.term[t].family);
    fprintf(out, ", knots to %g, %g\n", field->spectrum.knots_max_r, field->spectrum.knots_max_z);
  }
  for (int i = 0; i < run->fit.n_params; i++) {
    const free_t *param = &run->fit.param[i];
    if (param->fixed) fprintf(out, "%s held at %.9g\n", param->name, *param->value);
    else fprintf(out, "%s from %.9g to %.9g\n", param->name, param->low, param->high);
  }
  for (int i = 0; run->train->start_given && i < run->fit.n_free; i++)
    fprintf(out, "%s starts at theta %.9g\n", run->fit.param[run->fit.free_index[i]].name,
            run->start[i]);
}

/* All that a trajectory depends on but for the number of steps, line by line. New string; NULL: out of memory. */
static char *fingerprint(const group_run_t *run, const member_t *member) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  describe_options(out, run, member);
  fprintf(out, "sections %d, phases %d, checksum %016llx\n", run->sections->n,
          run->sections->n_phases, (unsigned long long)checksum(run->sections));
  describe_model(out, run);
  const bool failed = ferror(out);
  if (fclose(out) == 0 && !failed) return text;
  free(text);
  return NULL;
}

/* Name the first line that differs. */
static int compare(exset_ctx_t *ctx, const char *path, const char *was, const char *is) {
  while (*was && *was == *is && strcmp(was, is) != 0) {
    const size_t a = strcspn(was, "\n"), b = strcspn(is, "\n");
    if (a != b || strncmp(was, is, a) != 0) break;
    was += a + (was[a] == '\n');
    is += b + (is[b] == '\n');
  }
  if (strcmp(was, is) == 0) return EXSET_OK;
  const int a = (int)strcspn(was, "\n"), b = (int)strcspn(is, "\n");
  return exset_fail(ctx, EXSET_ERR_INPUT,
                    "checkpoint %s belongs to another case: \"%.*s\" there, \"%.*s\" now", path, a,
                    was, b, is);
}

/* ---- writing ---- */

static int put_doubles(exset_archive_t *archive, const char *name, int64_t n, const double *value) {
  return exset_archive_put(archive, name, EXSET_ARCHIVE_DOUBLE, 1, &n, value);
}

/* Steps and counters in the order of get_counters. */
static int put_counters(exset_archive_t *archive, const member_t *member) {
  const int64_t counter[] = {member->step, member->end, member->n_rare, member->n_perfect}, n = 4;
  const int64_t numbers = member->n;
  EXSET_TRY(exset_archive_put(archive, "counters", EXSET_ARCHIVE_INT64, 1, &n, counter));
  return exset_archive_put(archive, "at_bound", EXSET_ARCHIVE_INT64, 1, &numbers, member->at_bound);
}

static int put_member(const group_run_t *run, exset_archive_t *archive, const member_t *member) {
  const int64_t shape[] = {member->step, member->n_columns};
  EXSET_TRY(put_counters(archive, member));
  EXSET_TRY(exset_archive_put_text(archive, "reason", member->reason));
  EXSET_TRY(put_doubles(archive, "theta", member->n, member->theta));
  EXSET_TRY(put_doubles(archive, "adam_m", member->n, member->m));
  EXSET_TRY(put_doubles(archive, "adam_v", member->n, member->v));
  if (member->n_metric > 0)
    EXSET_TRY(put_doubles(archive, "metric", member->n_metric, member->metric));
  EXSET_TRY(put_doubles(archive, "adversarial", member->n, member->adversarial));
  EXSET_TRY(exset_archive_put(archive, "trace", EXSET_ARCHIVE_DOUBLE, 2, shape, member->trace));
  for (int c = 0; c < run->n_views; c++) {
    char name[32];
    if (!run->view[c].network) continue; /* realisations for the coverage term alone */
    snprintf(name, sizeof name, "network_%s", run->view[c].kind.name);
    EXSET_TRY(exset_nn_save(run->view[c].network, archive, name));
  }
  return EXSET_OK;
}

static int write_file(const group_run_t *run, const member_t *member, const char *path) {
  exset_archive_t *archive = NULL;
  char *text = fingerprint(run, member);
  int err = text ? EXSET_OK : exset_fail(run->ctx, EXSET_ERR_LOCAL, "out of memory");
  if (!err) err = exset_archive_create(run->ctx, path, &archive);
  if (!err) err = exset_archive_put_text(archive, "case", text);
  if (!err) err = put_member(run, archive, member);
  if (!err) err = exset_archive_commit(&archive);
  exset_archive_close(&archive);
  free(text);
  return err;
}

int checkpoint_write(group_run_t *run, const member_t *member) {
  int err = EXSET_OK;
  if (!run->train->checkpoint) return EXSET_OK;
  if (run->ctx->rank == 0) {
    char *path = exset_train_checkpoint_path(run->train, member->index);
    err = path ? write_file(run, member, path)
               : exset_fail(run->ctx, EXSET_ERR_LOCAL, "out of memory");
    free(path);
  }
  return exset_agree(run->ctx, err);
}

/* ---- reading ---- */

static int get_doubles(exset_archive_t *archive, const char *name, int64_t n, double *value) {
  return exset_archive_get(archive, name, EXSET_ARCHIVE_DOUBLE, n, value);
}

static int get_counters(exset_archive_t *archive, member_t *member) {
  int64_t counter[4];
  EXSET_TRY(exset_archive_get(archive, "counters", EXSET_ARCHIVE_INT64, 4, counter));
  EXSET_TRY(
      exset_archive_get(archive, "at_bound", EXSET_ARCHIVE_INT64, member->n, member->at_bound));
  member->step = (int)counter[0];
  member->end = (int)counter[1];
  member->n_rare = (int)counter[2];
  member->n_perfect = (int)counter[3];
  return EXSET_OK;
}

static int get_reason(exset_archive_t *archive, member_t *member) {
  char *text;
  EXSET_TRY(exset_archive_get_text(archive, "reason", &text));
  snprintf(member->reason, sizeof member->reason, "%s", text);
  free(text);
  return EXSET_OK;
}

static int get_member(group_run_t *run, exset_archive_t *archive, member_t *member) {
  EXSET_TRY(get_counters(archive, member));
  EXSET_TRY(get_reason(archive, member));
  EXSET_TRY(get_doubles(archive, "theta", member->n, member->theta));
  EXSET_TRY(get_doubles(archive, "adam_m", member->n, member->m));
  EXSET_TRY(get_doubles(archive, "adam_v", member->n, member->v));
  if (member->n_metric > 0)
    EXSET_TRY(get_doubles(archive, "metric", member->n_metric, member->metric));
  EXSET_TRY(get_doubles(archive, "adversarial", member->n, member->adversarial));
  if (member->step > run->train->steps)
    return exset_fail(run->ctx, EXSET_ERR_INPUT,
                      "the checkpoint is at step %d, beyond train_steps, %d: ask for more steps",
                      member->step, run->train->steps);
  EXSET_TRY(get_doubles(archive, "trace", member->step * member->n_columns, member->trace));
  for (int c = 0; c < run->n_views; c++) {
    char name[32];
    if (!run->view[c].network) continue; /* realisations for the coverage term alone */
    snprintf(name, sizeof name, "network_%s", run->view[c].kind.name);
    EXSET_TRY(exset_nn_load(run->view[c].network, archive, name));
  }
  return EXSET_OK;
}

static int check_case(const group_run_t *run, exset_archive_t *archive, const member_t *member,
                      const char *path) {
  char *was = NULL;
  EXSET_TRY(exset_archive_get_text(archive, "case", &was));
  char *is = fingerprint(run, member);
  const int err = is ? compare(run->ctx, path, was, is)
                     : exset_fail(run->ctx, EXSET_ERR_LOCAL, "out of memory");
  free(was);
  free(is);
  return err;
}

static int read_file(group_run_t *run, member_t *member, const char *path) {
  exset_archive_t *archive;
  EXSET_TRY(exset_archive_open(run->ctx, path, &archive));
  int err = check_case(run, archive, member, path);
  if (!err) err = get_member(run, archive, member);
  exset_archive_close(&archive);
  return err;
}

/* Does the member's checkpoint, if there is one, belong to this case? */
static int check_file(const group_run_t *run, const member_t *member) {
  exset_archive_t *archive;
  char *path = exset_train_checkpoint_path(run->train, member->index);
  if (!path) return exset_fail(run->ctx, EXSET_ERR_LOCAL, "out of memory");
  int err = EXSET_OK;
  if (access(path, F_OK) == 0) {
    err = exset_archive_open(run->ctx, path, &archive);
    if (!err) {
      err = check_case(run, archive, member, path);
      exset_archive_close(&archive);
    }
  }
  free(path);
  return err;
}

int checkpoint_check(const group_run_t *run, const member_t *member) {
  if (!run->train->restart || !run->train->checkpoint) return EXSET_OK;
  return exset_agree(run->ctx, run->ctx->rank == 0 ? check_file(run, member) : EXSET_OK);
}

int checkpoint_read(group_run_t *run, member_t *member) {
  exset_ctx_t *ctx = run->ctx;
  if (!run->train->checkpoint) return EXSET_OK;
  char *path = exset_train_checkpoint_path(run->train, member->index);
  int err = exset_agree(ctx, path ? EXSET_OK : exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory"));
  int there = path && access(path, F_OK) == 0; /* as the first rank sees it */
  if (!err) err = EXSET_MPI(ctx, MPI_Bcast(&there, 1, MPI_INT, 0, ctx->comm));
  if (!err && there) {
    err = exset_agree(ctx, read_file(run, member, path));
    if (!err) exset_info(ctx, "goes on from %s, step %d", path, member->step);
  }
  free(path);
  return err;
}
