/* Coverage functions of realisations in training: those of a step, with gradients; many of them for the loss and curves of a result. */
#include <stdlib.h>
#include <string.h>

#include "calibrate_train_impl.h"

enum { MANY = 64 }; /* realisations for a result's loss and curves */

/* Numbers of realisations that no step uses. */
static const uint64_t apart = UINT64_C(1) << 48;

/* The view whose sections stand for plane p of the fit. */
static int view_of(const group_run_t *run, int p) {
  int c = 0;
  while (!(run->view[c].kind.kinds >> run->fit.plane[p].group->kind & 1)) c++;
  return c;
}

int sampled_prepare(group_run_t *run) {
  int64_t shape[MAX_GROUPS][2];
  for (int p = 0; p < run->fit.n_planes; p++) {
    const tiling_t *tiling = &run->view[view_of(run, p)].tiling;
    shape[p][0] = tiling->rows;
    shape[p][1] = tiling->cols;
  }
  return sampled_create(&run->fit, (const int64_t(*)[2])shape, &run->sampled);
}

/* ---- one step ---- */

/* Halves of a step's realisations: by the parity of their numbers in it. */
static int half_of(const view_t *view, int section) {
  return (view->first_section + section) % 2;
}

static int sum_and_loss(group_run_t *run, double *loss) {
  int64_t count;
  double *sums = sampled_sums(run->sampled, &count);
  EXSET_TRY(EXSET_MPI(run->ctx, MPI_Allreduce(MPI_IN_PLACE, sums, (int)count, MPI_DOUBLE, MPI_SUM,
                                              run->ctx->comm)));
  return sampled_loss(run->sampled, loss);
}

int sampled_collect(group_run_t *run, double *loss) {
  sampled_begin(run->sampled);
  for (int p = 0; p < run->fit.n_planes; p++) {
    const view_t *view = &run->view[view_of(run, p)];
    for (int s = 0; s < view->n_sections; s++)
      sampled_add(run->sampled, p, half_of(view, s), view_phase(view, s));
  }
  return sum_and_loss(run, loss);
}

/* All planes that a view stands for, one realisation. */
static int return_section(group_run_t *run, int c, int section) {
  view_t *view = &run->view[c];
  const tiling_t *tiling = &view->tiling;
  const double *phase = view_phase(view, section);
  memset(view->d_phase, 0,
         (size_t)(tiling->n_phases * tiling->rows * tiling->cols) * sizeof *view->d_phase);
  for (int p = 0; p < run->fit.n_planes; p++)
    if (view_of(run, p) == c)
      sampled_gradient(run->sampled, p, half_of(view, section), 1, phase, view->d_phase);
  return exset_plane_backward(view->plane, section, view->d_phase);
}

int sampled_return(group_run_t *run) {
  for (int c = 0; c < run->n_views; c++) {
    for (int s = 0; s < run->view[c].n_sections; s++) EXSET_TRY(return_section(run, c, s));
    EXSET_TRY(exset_plane_gradient(run->view[c].plane, &run->fit.grad));
  }
  return EXSET_OK;
}

/* ---- many realisations ---- */

/* This rank's part of them, for all planes that a view stands for. */
static int add_many(group_run_t *run, int c) {
  view_t *view = &run->view[c];
  EXSET_TRY(exset_plane_model(view->plane, &run->fit.model));
  exset_plane_threshold(view->plane, EXSET_THRESHOLD_STRAIGHT_THROUGH, 1);
  for (int s = run->ctx->rank; s < MANY; s += run->ctx->size) {
    EXSET_TRY(
        exset_plane_draw(view->plane, 0, run->options->seed, apart + (uint64_t)s, view->phase));
    for (int p = 0; p < run->fit.n_planes; p++)
      if (view_of(run, p) == c) sampled_add(run->sampled, p, s % 2, view->phase);
  }
  return EXSET_OK;
}

int sampled_plain_loss(group_run_t *run, double *loss) {
  int err = EXSET_OK;
  sampled_begin(run->sampled);
  for (int c = 0; !err && c < run->n_views; c++) err = add_many(run, c);
  const int failed = sum_and_loss(run, loss);
  return exset_agree(run->ctx, err ? err : failed);
}

/* Labels of many realisations of a view. */
static int draw_sections(group_run_t *run, view_t *view, exset_sections_t *sections) {
  const tiling_t *tiling = &view->tiling;
  sections->n_phases = tiling->n_phases;
  EXSET_TRY(exset_alloc(run->ctx, MANY, sizeof *sections->section, &sections->section));
  EXSET_TRY(exset_plane_model(view->plane, &run->fit.model));
  for (int s = 0; s < MANY; s++) {
    exset_section_t *section = &sections->section[sections->n++];
    section->orient = EXSET_ORIENT_XZ;
    section->rows = tiling->rows;
    section->cols = tiling->cols;
    EXSET_TRY(exset_alloc(run->ctx, tiling->rows * tiling->cols, 1, &section->phase));
    EXSET_TRY(
        exset_plane_labels(view->plane, run->options->seed, apart + (uint64_t)s, section->phase));
  }
  return EXSET_OK;
}

static int report_plane(group_run_t *run, int p) {
  exset_sections_t sections = {0};
  exset_coverage_t pooled = {0};
  plane_t *plane = &run->fit.plane[p];
  int err = exset_agree(run->ctx, draw_sections(run, &run->view[view_of(run, p)], &sections));
  if (!err) err = data_pool(run->ctx, &sections, plane->group->pixel, run->data->max_lag, &pooled);
  free(plane->drawn);
  plane->drawn = pooled.c;
  pooled.c = NULL;
  exset_coverage_clear(&pooled);
  exset_sections_clear(&sections);
  return err;
}

int sampled_report(group_run_t *run) {
  for (int p = 0; p < run->fit.n_planes; p++) EXSET_TRY(report_plane(run, p));
  return EXSET_OK;
}
