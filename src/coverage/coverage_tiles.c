/*
 * Pair counts of a section at all lags up to m, by FFT of overlapping tiles. With T the indicator of set a
 * inside a tile and D that of set b inside the tile grown by m, the correlation of T and D counts the
 * pairs that begin in the tile; it fits a frame of tile + m rows and tile + 2 m columns without
 * wrapping round. All tiles share the frame, so their cross spectra add up and one inverse
 * transform for each pair of sets gives the counts: integers, recovered exactly by rounding. Memory
 * depends on the lags, not on the size of the image.
 * A window without masked pixels is a rectangle: its pairs are counted from sums over rectangles instead.
 */
#include <stdlib.h>
#include <string.h>

#include "coverage_impl.h"
#include "exset/fft_serial.h"

typedef struct {
  const exset_section_t *section;
  int n_phases,
      n_fft; /* sets transformed: the phases but the last, and the window where it is masked */
  int64_t m[2], tile[2], tiles[2], frame[2];
  exset_fft_serial_t *plan;
  double complex *inside, **grown, **product; /* spectra: one, [n_fft], [pairs of n_fft] */
} worker_t;

/* Tile size along one axis of n pixels cut in t tiles, and the frame it needs. */
static void cut(int64_t n, int64_t t, int64_t margin, int64_t *tile, int64_t *frame) {
  *tile = (n + t - 1) / t;
  *frame = exset_fft_good_size(*tile + margin);
}

/* Choose the tiling of least cost: transforms times points times a factor for log and cache misses. */
static void choose_tiles(worker_t *w) {
  const int64_t n[2] = {w->section->rows, w->section->cols};
  double best = -1;
  for (int64_t t0 = 1; t0 <= n[0]; t0 = t0 < 8 ? t0 + 1 : t0 + t0 / 4) {
    for (int64_t t1 = 1; t1 <= n[1]; t1 = t1 < 8 ? t1 + 1 : t1 + t1 / 4) {
      int64_t tile[2], frame[2];
      cut(n[0], t0, w->m[0], &tile[0], &frame[0]);
      cut(n[1], t1, 2 * w->m[1], &tile[1], &frame[1]);
      const double points = (double)frame[0] * (double)frame[1];
      const double transforms = 2.0 * w->n_fft * (double)(t0 * t1) + (double)basis_pairs(w->n_fft);
      const double cost = transforms * points * fmax(4, log2(points) - 14);
      if (best >= 0 && cost >= best) continue;
      best = cost;
      memcpy(w->tile, tile, sizeof tile);
      memcpy(w->frame, frame, sizeof frame);
      for (int a = 0; a < 2; a++) w->tiles[a] = (n[a] + tile[a] - 1) / tile[a];
    }
  }
}

static void worker_clear(worker_t *w) {
  exset_fft_serial_destroy(&w->plan);
  free(w->inside);
  for (int a = 0; w->grown && a < w->n_fft; a++) free(w->grown[a]);
  for (int64_t p = 0; w->product && p < basis_pairs(w->n_fft); p++) free(w->product[p]);
  free(w->grown);
  free(w->product);
}

static int worker_init(exset_ctx_t *ctx, worker_t *w) {
  EXSET_TRY(exset_fft_serial_create(ctx, 2, w->frame, EXSET_FFT_SERIAL_IN_PLACE, &w->plan));
  const int64_t modes = exset_fft_serial_modes(w->plan);
  EXSET_TRY(exset_alloc(ctx, w->n_fft, sizeof *w->grown, &w->grown));
  EXSET_TRY(exset_alloc(ctx, basis_pairs(w->n_fft), sizeof *w->product, &w->product));
  EXSET_TRY(exset_alloc(ctx, modes, sizeof *w->inside, &w->inside));
  for (int a = 0; a < w->n_fft; a++)
    EXSET_TRY(exset_alloc(ctx, modes, sizeof *w->inside, &w->grown[a]));
  for (int64_t p = 0; p < basis_pairs(w->n_fft); p++)
    EXSET_TRY(exset_alloc(ctx, modes, sizeof *w->inside, &w->product[p]));
  return EXSET_OK;
}

static int64_t clip(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

/* Spectrum of set a inside rows [begin[0], end[0]) and columns [begin[1], end[1]), in the frame at origin. */
static void transform_set(const worker_t *w, int a, const int64_t origin[2], const int64_t begin[2],
                          const int64_t end[2], double complex *spectrum) {
  const exset_section_t *s = w->section;
  const int64_t stride = 2 * (w->frame[1] / 2 + 1);
  double *real = (double *)spectrum;
  memset(real, 0, (size_t)(w->frame[0] * stride) * sizeof *real);
  const int64_t c0 = clip(begin[1], 0, s->cols), c1 = clip(end[1], 0, s->cols);
  for (int64_t r = clip(begin[0], 0, s->rows); r < clip(end[0], 0, s->rows); r++) {
    const uint8_t *phase = s->phase + r * s->cols;
    double *row = real + (r - origin[0]) * stride - origin[1];
    if (a < w->n_phases - 1)
      for (int64_t c = c0; c < c1; c++) row[c] = phase[c] == a + 1;
    else
      for (int64_t c = c0; c < c1; c++) row[c] = phase[c] != 0;
  }
  exset_fft_serial_forward(w->plan, real, spectrum);
}

/* sum += conj(a) b. Real arithmetic: the complex product would check for infinities. */
static void add_product(int64_t modes, const double complex *a, const double complex *b,
                        double complex *sum) {
  const double *u = (const double *)a, *v = (const double *)b;
  double *out = (double *)sum;
  for (int64_t k = 0; k < 2 * modes; k += 2) {
    out[k] += u[k] * v[k] + u[k + 1] * v[k + 1];
    out[k + 1] += u[k] * v[k + 1] - u[k + 1] * v[k];
  }
}

static void do_tile(worker_t *w, int64_t number) {
  const int64_t r0 = number / w->tiles[1] * w->tile[0], c0 = number % w->tiles[1] * w->tile[1];
  const int64_t r1 = r0 + w->tile[0], c1 = c0 + w->tile[1];
  const int64_t origin[2] = {r0, c0 - w->m[1]}, begin[2] = {r0, c0}, end[2] = {r1, c1};
  const int64_t far[2] = {r1 + w->m[0], c1 + w->m[1]};
  for (int a = 0; a < w->n_fft; a++) transform_set(w, a, origin, origin, far, w->grown[a]);
  const int64_t modes = exset_fft_serial_modes(w->plan);
  for (int a = 0; a < w->n_fft; a++) {
    transform_set(w, a, origin, begin, end, w->inside);
    for (int b = 0; b < w->n_fft; b++)
      add_product(modes, w->inside, w->grown[b], w->product[basis_pair(w->n_fft, a, b)]);
  }
}

/* Counts of all pairs of transformed sets from the summed cross spectra. */
static void add_counts(worker_t *w, int64_t *count) {
  const int64_t stride = 2 * (w->frame[1] / 2 + 1), width = 2 * w->m[1] + 1;
  const double scale = 1.0 / ((double)w->frame[0] * (double)w->frame[1]);
  for (int a = 0; a < w->n_fft; a++) {
    for (int b = a; b < w->n_fft; b++) {
      double complex *spectrum = w->product[basis_pair(w->n_fft, a, b)];
      double *real = (double *)spectrum;
      exset_fft_serial_inverse(w->plan, spectrum, real);
      int64_t *out = count + basis_pair(w->n_phases, a, b) * (w->m[0] + 1) * width;
      for (int64_t h0 = 0; h0 <= w->m[0]; h0++)
        for (int64_t h1 = -w->m[1]; h1 <= w->m[1]; h1++) {
          const int64_t column = h1 < 0 ? h1 + w->frame[1] : h1;
          /* with a != b the product holds both orders of the pair already */
          out[h0 * width + h1 + w->m[1]] +=
              llround(real[h0 * stride + column] * scale) * (a == b ? 2 : 1);
        }
    }
  }
}

/* ---- rectangular windows: pairs with the window -------------------------------------------------- */

/* Cells of an axis of n pixels that keep apart the m pixels at either end; boundary b (b <= m or
 * b >= n - m) lies before cell edge_cell(b). */
static int64_t edge_cells(int64_t n, int64_t m) {
  return 2 * m >= n ? n : 2 * m + 1;
}
static int64_t edge_cell(int64_t n, int64_t m, int64_t b) {
  return 2 * m >= n || b <= m ? b : b < n - m ? m : b - (n - 2 * m - 1);
}

/* table[r][c]: pixels of phase number a in the first r row cells and c column cells. */
static void fill_table(const worker_t *w, int a, int64_t cells0, int64_t cells1, int64_t *table) {
  const exset_section_t *s = w->section;
  memset(table, 0, (size_t)((cells0 + 1) * (cells1 + 1)) * sizeof *table);
  for (int64_t r = 0; r < s->rows; r++) {
    int64_t *row = table + (edge_cell(s->rows, w->m[0], r) + 1) * (cells1 + 1) + 1;
    for (int64_t c = 0; c < s->cols; c++)
      row[edge_cell(s->cols, w->m[1], c)] += s->phase[r * s->cols + c] == a + 1;
  }
  for (int64_t r = 1; r <= cells0; r++)
    for (int64_t c = 1; c <= cells1; c++)
      table[r * (cells1 + 1) + c] += table[(r - 1) * (cells1 + 1) + c] +
                                     table[r * (cells1 + 1) + c - 1] -
                                     table[(r - 1) * (cells1 + 1) + c - 1];
}

/* Pairs of phase a with the window: pixels of a in the window moved by -h, and by h. */
static int add_phase_window(exset_ctx_t *ctx, const worker_t *w, int a, int64_t *out) {
  const int64_t rows = w->section->rows, cols = w->section->cols, *m = w->m;
  const int64_t cells0 = edge_cells(rows, m[0]), cells1 = edge_cells(cols, m[1]);
  int64_t *table;
  EXSET_TRY(exset_alloc(ctx, (cells0 + 1) * (cells1 + 1), sizeof *table, &table));
  fill_table(w, a, cells0, cells1, table);
  for (int64_t h0 = 0; h0 <= m[0]; h0++) {
    for (int64_t h1 = -m[1]; h1 <= m[1]; h1++) {
      const int64_t row[2][2] = {{0, rows - h0}, {h0, rows}};
      const int64_t near[2] = {0, cols - llabs(h1)}, far[2] = {llabs(h1), cols};
      for (int side = 0; side < 2; side++) {
        const int64_t *col = (side == 0) == (h1 >= 0) ? near : far;
        const int64_t *low = table + edge_cell(rows, m[0], row[side][0]) * (cells1 + 1);
        const int64_t *high = table + edge_cell(rows, m[0], row[side][1]) * (cells1 + 1);
        const int64_t c0 = edge_cell(cols, m[1], col[0]), c1 = edge_cell(cols, m[1], col[1]);
        *out += high[c1] - high[c0] - low[c1] + low[c0];
      }
      out++;
    }
  }
  free(table);
  return EXSET_OK;
}

static int add_window(exset_ctx_t *ctx, const worker_t *w, int64_t *count) {
  const int n = w->n_phases;
  const int64_t width = 2 * w->m[1] + 1, lags = (w->m[0] + 1) * width;
  for (int a = 0; a < n - 1; a++)
    EXSET_TRY(add_phase_window(ctx, w, a, count + basis_pair(n, a, n - 1) * lags));
  int64_t *out = count + basis_pair(n, n - 1, n - 1) * lags;
  for (int64_t h0 = 0; h0 <= w->m[0]; h0++)
    for (int64_t h1 = -w->m[1]; h1 <= w->m[1]; h1++)
      *out++ += 2 * (w->section->rows - h0) * (w->section->cols - llabs(h1));
  return EXSET_OK;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* The worker with its tiling, without transforms. */
static worker_t plan_worker(const exset_section_t *section, int n_phases, const int64_t m[2]) {
  worker_t w = {.section = section, .n_phases = n_phases, .m = {m[0], m[1]}};
  w.n_fft = n_phases - 1;
  if (memchr(section->phase, 0, (size_t)(section->rows * section->cols))) w.n_fft++;
  choose_tiles(&w);
  return w;
}

void section_plan(const exset_section_t *section, int n_phases, const int64_t m[2],
                  exset_coverage_plan_t *plan) {
  const worker_t w = plan_worker(section, n_phases, m);
  const double modes = (double)w.frame[0] * (double)(w.frame[1] / 2 + 1);
  const double lags = (double)(m[0] + 1) * (double)(2 * m[1] + 1);
  *plan = (exset_coverage_plan_t){{1, w.frame[0], w.frame[1]}, w.tiles[0] * w.tiles[1], 0, 0};
  plan->bytes = modes * sizeof(double complex) * (double)(1 + w.n_fft + basis_pairs(w.n_fft)) +
                lags * sizeof(int64_t) * (double)basis_pairs(n_phases);
}

int section_counts(exset_ctx_t *ctx, const exset_section_t *section, int n_phases,
                   const int64_t m[2], share_t *share, int64_t *count, bool *worked) {
  worker_t w = plan_worker(section, n_phases, m);
  const bool masked = w.n_fft == n_phases;
  const int64_t tiles = w.tiles[0] * w.tiles[1], first = share->tile;
  share->tile += tiles;
  *worked = false;
  int err = EXSET_OK;
  for (int64_t t = 0; t < tiles && !err; t++) {
    if ((first + t) % share->workers != share->worker) continue;
    if (!*worked) err = worker_init(ctx, &w);
    *worked = true;
    if (!err) do_tile(&w, t);
    if (!err && t == 0 && !masked) err = add_window(ctx, &w, count);
  }
  if (!err && *worked) add_counts(&w, count);
  worker_clear(&w);
  return err;
}
