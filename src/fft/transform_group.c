/* What synthesis and analysis share. */
#include "transform_impl.h"

void transform_columns(const exset_transform_t *t, const worker_t *w, fftwf_plan plan, int64_t n) {
  for (int64_t j = 0; j < n; j++)
    fftwf_execute_dft(plan, w->tile[0] + j * t->distance, w->tile[1] + j * t->distance);
}

row_run_t transform_row_run(const exset_transform_t *t, int64_t entry, int64_t end) {
  const int64_t low = t->l.rows[0], block_end = (entry / t->block.y + 1) * t->block.y;
  if (entry < low && low < end) end = low;
  if (block_end < end) end = block_end;
  return (row_run_t){entry, exset_transform_y(&t->l, entry), end - entry};
}

void transform_add_seconds(exset_transform_t *t, double total, double exchange,
                           exset_transform_seconds_t *seconds) {
  double columns = 0, rows = 0;
  for (int w = 0; w < t->threads; w++) {
    columns += t->worker[w].columns / t->threads;
    rows += t->worker[w].rows / t->threads;
    t->worker[w].columns = t->worker[w].rows = 0;
  }
  if (!seconds) return;
  seconds->columns += columns;
  seconds->rows += rows;
  seconds->exchange += exchange;
  seconds->fft += total - columns - rows - exchange;
}
