/* Performance model of a twin (doc/scaling.md). */
#include "exset/cost.h"

#include <limits.h>
#include <math.h>

enum { COMPLEX_BYTES = 8, REAL_BYTES = 4, LABEL_BYTES = 1 };

void exset_machine_default(exset_machine_t *machine) {
  *machine = (exset_machine_t){.nodes = 1,
                               .ranks = 1,
                               .threads = 1,
                               .fft = 17e9,
                               .noise = 3.8e-9,
                               .amplitude = 2.2e-9,
                               .row = 0.35e-9,
                               .figures = 0.55e-9,
                               .sweep = 300e9,
                               .shared = 5e9,
                               .network = 0.6 * 25e9,
                               .network_share = 0.6,
                               .message = 1e-6,
                               .files = 20e9,
                               .files_node = 2e9};
}

/* ---- what is to be done -------------------------------------------------------------------------- */

/* Of the busiest rank, for one component unless said otherwise. */
typedef struct {
  const exset_machine_t *machine;
  exset_transform_layout_t l;
  double components, fields, squares; /* of the model; components that are added up */
  double modes, voxels;               /* held */
  double planes_sent, rows_sent;      /* bytes in the exchange against k_y, and against k_x */
} job_t;

static void count_components(const exset_model_t *model, job_t *job) {
  for (int f = 0; f < model->n_fields; f++) {
    const exset_field_t *field = &model->field[f];
    job->components += field->dof;
    job->fields++;
    if (field->type == EXSET_FIELD_CHI_SQUARE && field->dof > 1) job->squares += field->dof;
  }
}

static double log2_of(int64_t n) {
  return log2((double)n);
}

/* Flops of the columns along z and y, and of rows two at a time. */
static double flops(const job_t *job) {
  const int64_t *n = job->l.n;
  return 5 * (job->modes * log2_of(n[EXSET_AXIS_Z]) +
              (double)(job->l.nz_local * job->l.kx_local) * (double)n[EXSET_AXIS_Y] *
                  log2_of(n[EXSET_AXIS_Y]) +
              0.5 * job->voxels * log2_of(n[EXSET_AXIS_X]));
}

/*
 * Bytes through the memory: modes are written to the buffer (with the lines that this fetches) and read again; where they are
 * exchanged, also read from the scratch and written to it, unless that is in the cache, which it is made to fit. Sums of
 * squares are read and written, labels too.
 */
static double sweeps(const job_t *job) {
  const double buffer = 3 * COMPLEX_BYTES * job->modes * job->components;
  const double sums = 2 * REAL_BYTES * job->voxels * job->squares;
  return buffer + sums + 2 * LABEL_BYTES * job->voxels * job->fields;
}

/* ---- exchanges --------------------------------------------------------------------------------- */

/* How many of the ranks that exchange planes, and rows, with a rank are on its node, itself included. Ranks of equal q are Q
 * apart. */
static double planes_near(const job_t *job) {
  return fmin(fmax((double)job->machine->ranks / job->l.q, 1), job->l.p);
}

static double rows_near(const job_t *job) {
  return fmin(job->machine->ranks, job->l.q);
}

/* Bytes on their way from shares of planes to slabs, once for each twin: within rows of the process grid. */
static double slabs_sent(const job_t *job, int n_arrays) {
  const double bytes = LABEL_BYTES + (n_arrays > 0 ? REAL_BYTES * n_arrays : 0);
  return job->l.q > 1 ? job->voxels * bytes : 0;
}

static void cost_of_exchanges(const job_t *job, int n_arrays, exset_cost_t *cost) {
  const exset_machine_t *m = job->machine;
  const double p = job->l.p, q = job->l.q, near_p = planes_near(job), near_q = rows_near(job);
  const double planes = job->components * job->planes_sent;
  const double rows = job->components * job->rows_sent + slabs_sent(job, n_arrays);
  const double stay = planes * (near_p - 1) / p + rows * (near_q - 1) / q;
  const double leave = planes * (1 - near_p / p) + rows * (1 - near_q / q);
  cost->network_bytes = leave * m->ranks;
  cost->messages = job->components *
                   ((double)job->l.exchanges[0] * (p - 1) + (double)job->l.exchanges[1] * (q - 1));
  cost->message_bytes = cost->messages > 0 ? (stay + leave) / cost->messages : 0;
  /* the last of the copies is read, fetched and written; what comes before stays in the cache */
  cost->shared = fmax(stay / m->shared, 3 * stay * m->ranks / m->sweep);
  cost->network = cost->network_bytes / m->network;
  cost->message = cost->messages * m->message;
}

/* ---- all together ---------------------------------------------------------------------------- */

/* Modes at which the normalisation evaluates each field, by the rank that has most planes k_y, of which there are ny/2 + 1. */
static double normalisation(const job_t *job, double ranks) {
  const int64_t *n = job->l.n;
  const double planes = ceil((double)(n[EXSET_AXIS_Y] / 2 + 1) / ranks);
  return planes * (double)(n[EXSET_AXIS_Z] / 2 + 1) * (double)(n[EXSET_AXIS_X] / 2 + 1);
}

static void cost_of_work(const job_t *job, exset_cost_t *cost) {
  const exset_machine_t *m = job->machine;
  const double threads = m->threads, ranks = (double)m->nodes * m->ranks;
  cost->noise = (job->components * job->modes * m->noise +
                 job->fields * normalisation(job, ranks) * m->amplitude) /
                threads;
  cost->fft = job->components * flops(job) / m->fft / threads;
  cost->row = job->components * job->voxels * m->row / threads;
  cost->memory = sweeps(job) * m->ranks / m->sweep;
  cost->figures = job->voxels * m->figures;
}

static void cost_of_files(const job_t *job, int n_arrays, exset_cost_t *cost) {
  const exset_machine_t *m = job->machine;
  const int64_t *n = job->l.n;
  const double cells = (double)n[0] * (double)n[1] * (double)n[2];
  const double bytes = n_arrays < 0 ? 0 : cells * (LABEL_BYTES + REAL_BYTES * n_arrays);
  cost->write = bytes / fmin(m->files, (double)m->nodes * m->files_node);
}

static int describe(exset_ctx_t *place, const exset_grid_t *grid,
                    const exset_sampler_options_t *options, job_t *job) {
  const exset_transform_options_t transform = exset_sampler_transform(grid, options);
  EXSET_TRY(exset_transform_layout(place, &transform, &job->l));
  const exset_transform_layout_t *l = &job->l;
  job->modes = (double)(l->ky_local * l->kx_local) * (double)l->n[EXSET_AXIS_Z];
  job->voxels = (double)(l->nz_local * l->rows_local) * (double)l->n[EXSET_AXIS_X];
  job->planes_sent = COMPLEX_BYTES * job->modes;
  job->rows_sent = COMPLEX_BYTES * (double)(l->nz_local * l->kx_local) * (double)l->n[EXSET_AXIS_Y];
  return EXSET_OK;
}

int exset_cost_twin(exset_ctx_t *ctx, const exset_grid_t *grid, const exset_model_t *model,
                    const exset_sampler_options_t *options, int n_arrays,
                    const exset_machine_t *machine, exset_cost_t *cost) {
  const double ranks = (double)machine->nodes * machine->ranks;
  if (ranks > INT_MAX / 2)
    return exset_fail(ctx, EXSET_ERR_INPUT, "%.0f ranks are not allowed: at most 2^30", ranks);
  /* the first rank of such a run: none has more to do */
  exset_ctx_t place = {.comm = MPI_COMM_NULL, .size = (int)ranks, .threads = machine->threads};
  job_t job = {.machine = machine};
  exset_label_memory_t memory;
  exset_grid_t cut;
  *cost = (exset_cost_t){0};
  count_components(model, &job);
  int err = exset_grid_init(&place, grid->n, grid->voxel, &cut);
  if (!err) err = describe(&place, &cut, options, &job);
  if (!err) err = exset_label_memory(&place, &cut, model, options, n_arrays > 0, &memory);
  if (err) return exset_fail(ctx, err, "%s", place.message);
  cost->p = job.l.p;
  cost->q = job.l.q;
  cost->rank_bytes = exset_label_bytes(&memory);
  cost_of_work(&job, cost);
  cost_of_exchanges(&job, n_arrays, cost);
  cost_of_files(&job, n_arrays, cost);
  cost->total = fmax(cost->noise + cost->fft + cost->row, cost->memory) + cost->shared +
                cost->network + cost->message + cost->figures + cost->write;
  return EXSET_OK;
}
