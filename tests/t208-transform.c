/* test: np="1 2 3 4 5 6" time=60 */
/*
 * Streaming transforms against a naive DFT: odd, even and flat boxes, every process grid of the ranks, parts of the planes
 * and rows, several groups of planes, 1 to 3 threads, more ranks than planes; both have the same bits on all process grids. All
 * ranks of many choose the same process grid and share all planes, rows and columns.
 */
#include "exset/transform.h"
#include "test.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 128, MANY_PLANES = 97 }; /* cells along an axis */

typedef struct {
  exset_transform_t *transform;
  exset_transform_layout_t l;
  double *real;          /* [nz][ny][nx] what all ranks have together */
  double complex *modes; /* [ny][nx/2 + 1][nz], its naive transform */
  float *got;            /* [nz][ny][nx]: rows taken, NAN elsewhere */
  int *row_calls;        /* [nz][ny] */
  int *column_calls;     /* [ny][nx/2 + 1] */
  int misplaced;         /* calls for what this rank does not hold */
  uint64_t bits[2];      /* checksums of rows and modes of all ranks */
} case_t;

static bool row_held(const exset_transform_layout_t *l, int64_t y) {
  return y < l->rows[0] || y >= l->n[1] - l->rows[1];
}

/* Any function of the cell; 0 where nothing is held. */
static void set_signal(case_t *c) {
  const int64_t *n = c->l.n;
  for (int64_t z = 0; z < n[0]; z++)
    for (int64_t y = 0; y < n[1]; y++)
      for (int64_t x = 0; x < n[2]; x++) {
        const bool held = z < c->l.planes && row_held(&c->l, y);
        c->real[(z * n[1] + y) * n[2] + x] =
            held ? sin(1.7 * (double)z + 0.3 * (double)(y * y) + 2.9 * (double)x) +
                       0.25 * (double)(x == y)
                 : 0;
      }
}

/* Sums along one axis of n numbers: number k of out is sum_r in[r] exp(-2 pi i k r / n). */
static void naive_axis(int64_t n, int64_t apart, const double complex *in, int64_t n_out,
                       int64_t out_apart, double complex *out) {
  double complex root[MOST];
  for (int64_t j = 0; j < n; j++) root[j] = cexp(-2 * M_PI * I * (double)j / (double)n);
  for (int64_t k = 0; k < n_out; k++) {
    double complex sum = 0;
    for (int64_t r = 0; r < n; r++) sum += in[r * apart] * root[k * r % n];
    out[k * out_apart] = sum;
  }
}

/* One axis after the other: rows along x, then y, then z. */
static void naive_modes(exset_ctx_t *ctx, case_t *c) {
  const int64_t *n = c->l.n, nz = n[0], ny = n[1], nx = n[2], mx = nx / 2 + 1;
  double complex row[MOST], *along_x, *along_y; /* [nz][ny][mx] */
  MUST(ctx, exset_alloc(ctx, nz * ny * mx, sizeof *along_x, &along_x));
  MUST(ctx, exset_alloc(ctx, nz * ny * mx, sizeof *along_y, &along_y));
  for (int64_t i = 0; i < nz * ny; i++) {
    for (int64_t x = 0; x < nx; x++) row[x] = c->real[i * nx + x];
    naive_axis(nx, 1, row, mx, 1, along_x + i * mx);
  }
  for (int64_t z = 0; z < nz; z++)
    for (int64_t kx = 0; kx < mx; kx++) {
      const int64_t i = z * ny * mx + kx;
      naive_axis(ny, mx, along_x + i, ny, mx, along_y + i);
    }
  for (int64_t i = 0; i < ny * mx; i++)
    naive_axis(nz, ny * mx, along_y + i, nz, 1, c->modes + i * nz);
  free(along_x);
  free(along_y);
}

/* ---- callbacks -------------------------------------------------------------------------------------- */

static void fill(void *user, int thread, int64_t ky, int64_t kx, int64_t count, float *column,
                 int64_t stride) {
  case_t *c = user;
  const int64_t mx = c->l.n[2] / 2 + 1, nz = c->l.n[0];
  if (ky % c->l.p != c->l.my_p || kx < c->l.kx0 || kx + count > c->l.kx0 + c->l.kx_local ||
      count > EXSET_TILE || thread < 0 || thread >= 3)
    c->misplaced++;
  for (int64_t j = 0; j < count; j++) {
    c->column_calls[ky * mx + kx + j]++;
    for (int64_t kz = 0; kz < nz; kz++) {
      const double complex mode = c->modes[(ky * mx + kx + j) * nz + kz];
      column[j * stride + 2 * kz] = (float)creal(mode);
      column[j * stride + 2 * kz + 1] = (float)cimag(mode);
    }
  }
}

static void check_rows(case_t *c, int64_t z, int64_t y, int64_t count) {
  if (z < c->l.z0 || z >= c->l.z0 + c->l.nz_local || count > EXSET_TILE) c->misplaced++;
  for (int64_t i = 0; i < count; i++) {
    bool own = false;
    for (int64_t e = c->l.row0; e < c->l.row0 + c->l.rows_local; e++)
      own |= exset_transform_y(&c->l, e) == y + i;
    if (!own) c->misplaced++;
    c->row_calls[z * c->l.n[1] + y + i]++;
  }
}

static void take(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                 int64_t stride) {
  case_t *c = user;
  (void)thread;
  check_rows(c, z, y, count);
  for (int64_t i = 0; i < count; i++)
    memcpy(c->got + (z * c->l.n[1] + y + i) * c->l.n[2], row + i * stride,
           (size_t)c->l.n[2] * sizeof *row);
}

static void give(void *user, int thread, int64_t z, int64_t y, int64_t count, float *row,
                 int64_t stride) {
  case_t *c = user;
  (void)thread;
  check_rows(c, z, y, count);
  for (int64_t i = 0; i < count; i++)
    for (int64_t x = 0; x < c->l.n[2]; x++)
      row[i * stride + x] = (float)c->real[((z * c->l.n[1]) + y + i) * c->l.n[2] + x];
}

/* ---- checks ------------------------------------------------------------------------------------------ */

static void sum_calls(exset_ctx_t *ctx, int64_t count, int *calls) {
  MUST(ctx,
       EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, calls, (int)count, MPI_INT, MPI_SUM, ctx->comm)));
}

/* All rows held were visited once, by their ranks, and all columns `times` times. */
static void check_calls(exset_ctx_t *ctx, case_t *c, int times) {
  const int64_t ny = c->l.n[1], rows = c->l.n[0] * ny, columns = ny * (c->l.n[2] / 2 + 1);
  int wrong = 0;
  sum_calls(ctx, rows, c->row_calls);
  sum_calls(ctx, columns, c->column_calls);
  sum_calls(ctx, 1, &c->misplaced);
  for (int64_t i = 0; i < rows; i++)
    wrong += c->row_calls[i] != (i / ny < c->l.planes && row_held(&c->l, i % ny));
  for (int64_t i = 0; i < columns; i++) wrong += c->column_calls[i] != times;
  CHECK_MSG(wrong == 0, "%d rows and columns were not visited as often as they should", wrong);
  CHECK_MSG(c->misplaced == 0, "%d were visited by other ranks", c->misplaced);
  memset(c->row_calls, 0, (size_t)rows * sizeof *c->row_calls);
  memset(c->column_calls, 0, (size_t)columns * sizeof *c->column_calls);
}

/* A number's part of a checksum of bits that does not depend on who has which numbers. */
static uint64_t bits_of(float value, int64_t place) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits * (2 * (uint64_t)place + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static void sum_bits(exset_ctx_t *ctx, uint64_t *sum) {
  MUST(ctx, EXSET_MPI(ctx, MPI_Allreduce(MPI_IN_PLACE, sum, 1, MPI_UINT64_T, MPI_SUM, ctx->comm)));
}

static void check_analysis(exset_ctx_t *ctx, case_t *c) {
  const int64_t nz = c->l.n[0], mx = c->l.n[2] / 2 + 1;
  exset_transform_seconds_t seconds = {0, 0, 0, 0};
  MUST(ctx, exset_transform_analysis(ctx, c->transform, give, c, &seconds));
  CHECK(seconds.fft >= 0 && seconds.rows >= 0 && seconds.columns == 0);
  check_calls(ctx, c, 0);
  const int64_t stride = exset_transform_stride(c->transform);
  float *column;
  MUST(ctx, exset_alloc(ctx, EXSET_TILE * stride, sizeof *column, &column));
  double worst = 0;
  for (int64_t ky = c->l.my_p; ky < c->l.n[1]; ky += c->l.p)
    for (int64_t k = 0; k < c->l.kx_local; k += EXSET_TILE) {
      const int64_t count = c->l.kx_local - k < EXSET_TILE ? c->l.kx_local - k : EXSET_TILE;
      exset_transform_columns(c->transform, 0, ky, c->l.kx0 + k, count, column);
      for (int64_t j = 0; j < count; j++)
        for (int64_t kz = 0; kz < nz; kz++) {
          const int64_t place = (ky * mx + c->l.kx0 + k + j) * nz + kz;
          const float *own = column + j * stride + 2 * kz;
          worst = fmax(worst, cabs(own[0] + I * (double)own[1] - c->modes[place]));
          c->bits[1] += bits_of(own[0], 2 * place) + bits_of(own[1], 2 * place + 1);
        }
    }
  const double tolerance = 4e-7 * (double)(nz * c->l.n[1] * c->l.n[2]) + 1e-6;
  CHECK_MSG(worst < tolerance, "analysis: error %g", worst);
  sum_bits(ctx, &c->bits[1]);
  free(column);
}

static void check_synthesis(exset_ctx_t *ctx, case_t *c) {
  const int64_t *n = c->l.n, cells = n[0] * n[1] * n[2];
  MUST(ctx, exset_transform_synthesis(ctx, c->transform, fill, take, c, NULL));
  check_calls(ctx, c, 1);
  double worst = 0;
  int64_t taken = 0;
  for (int64_t i = 0; i < cells; i++) {
    if (isnan(c->got[i])) continue;
    taken++;
    worst = fmax(worst, fabs(c->got[i] / (double)cells - c->real[i]));
    c->bits[0] += bits_of(c->got[i], i);
  }
  CHECK(taken == c->l.nz_local * c->l.rows_local * n[2]);
  CHECK_MSG(worst < 1e-6, "synthesis: error %g", worst);
  sum_bits(ctx, &c->bits[0]);
}

static void case_create(exset_ctx_t *ctx, const exset_transform_options_t *options, case_t *c) {
  MUST(ctx, exset_transform_layout(ctx, options, &c->l));
  const int64_t *n = c->l.n, cells = n[0] * n[1] * n[2], columns = n[1] * (n[2] / 2 + 1);
  MUST(ctx, exset_alloc(ctx, cells, sizeof *c->real, &c->real));
  MUST(ctx, exset_alloc(ctx, columns * n[0], sizeof *c->modes, &c->modes));
  MUST(ctx, exset_alloc(ctx, cells, sizeof *c->got, &c->got));
  MUST(ctx, exset_alloc(ctx, n[0] * n[1], sizeof *c->row_calls, &c->row_calls));
  MUST(ctx, exset_alloc(ctx, columns, sizeof *c->column_calls, &c->column_calls));
  set_signal(c);
  naive_modes(ctx, c);
}

static void case_clear(case_t *c) {
  free(c->real), free(c->modes), free(c->got);
  free(c->row_calls), free(c->column_calls);
}

static void check_box(exset_ctx_t *ctx, const exset_transform_options_t *options, case_t *c) {
  MUST(ctx, exset_transform_create(ctx, options, &c->transform));
  c->l = *exset_transform_shape(c->transform);
  c->bits[0] = c->bits[1] = 0;
  for (int64_t i = 0; i < c->l.n[0] * c->l.n[1] * c->l.n[2]; i++) c->got[i] = NAN;
  check_analysis(ctx, c);
  check_synthesis(ctx, c);
  exset_transform_destroy(&c->transform);
  CHECK(c->transform == NULL);
}

static void check_grids(exset_ctx_t *ctx, exset_transform_options_t options) {
  case_t c = {.misplaced = 0};
  case_create(ctx, &options, &c);
  check_box(ctx, &options, &c);
  const uint64_t bits[2] = {c.bits[0], c.bits[1]};
  for (int q = 1; q <= ctx->size; q++) {
    if (ctx->size % q) continue;
    options.grid[0] = ctx->size / q;
    options.grid[1] = q;
    for (ctx->threads = 1; ctx->threads <= 3; ctx->threads += 2) {
      check_box(ctx, &options, &c);
      CHECK_MSG(c.bits[0] == bits[0] && c.bits[1] == bits[1],
                "%d x %d ranks, %d threads: other bits", options.grid[0], q, ctx->threads);
      if (c.l.n[0] == MANY_PLANES &&
          ctx->threads == 1) /* several groups are what these boxes are for */
        CHECK((c.l.exchanges[0] != 1 || c.l.p == 6) && c.l.exchanges[1] != 1);
    }
    ctx->threads = 1;
  }
  case_clear(&c);
}

/* ---- layouts ------------------------------------------------------------------------------------------ */

/* What all ranks of a run hold together. */
static void check_layout(exset_ctx_t *ctx, const int64_t n[3], int size) {
  exset_ctx_t rank = *ctx;
  exset_transform_layout_t first, l;
  const exset_transform_options_t options = {.n = {n[0], n[1], n[2]}};
  int64_t cells = 0, columns = 0;
  int differ = 0;
  rank.size = size;
  for (rank.rank = 0; rank.rank < size; rank.rank++) {
    rank.message[0] = 0;
    const int err = exset_transform_layout(&rank, &options, &l);
    if (rank.rank == 0) first = l;
    differ += l.p != first.p || l.q != first.q || err != EXSET_OK;
    cells += l.nz_local * l.rows_local * n[2];
    columns += l.ky_local * l.kx_local;
  }
  CHECK_MSG(differ == 0, "%lld,%lld,%lld: %d of %d ranks do not choose %d x %d", (long long)n[0],
            (long long)n[1], (long long)n[2], differ, size, first.p, first.q);
  CHECK(cells == n[0] * n[1] * n[2] && columns == n[1] * (n[2] / 2 + 1));
}

static void check_layouts(exset_ctx_t *ctx) {
  static const int64_t n[][3] = {{512, 512, 512}, {2048, 2048, 2048}, {8192, 8192, 8192},
                                 {7, 4001, 9000}, {9000, 11, 4000},   {100, 100, 90000}};
  static const int size[] = {1, 7, 16, 60, 96, 127, 384};
  for (size_t i = 0; i < sizeof n / sizeof *n; i++)
    for (size_t s = 0; s < sizeof size / sizeof *size; s++)
      for (ctx->threads = 1; ctx->threads <= 4; ctx->threads += 3) check_layout(ctx, n[i], size[s]);
  /* here the last block of k_x is so much smaller than the others that it would pay for another process grid */
  static const struct {
    int64_t n[3];
    int size, threads;
  } uneven[] = {{{62196, 1002, 3287}, 356, 1},
                {{10296, 16251, 1687}, 309, 1},
                {{9598, 51072, 917}, 512, 2},
                {{13396, 51731, 1323}, 267, 5}};
  for (size_t i = 0; i < sizeof uneven / sizeof *uneven; i++) {
    ctx->threads = uneven[i].threads;
    check_layout(ctx, uneven[i].n, uneven[i].size);
  }
  ctx->threads = 1;
}

static void check_errors(exset_ctx_t *ctx) {
  exset_transform_layout_t l;
  exset_transform_options_t options = {.n = {8, 8, 8}, .grid = {ctx->size + 1, 1}};
  CHECK(exset_transform_layout(ctx, &options, &l) == EXSET_ERR_INPUT);
  ctx->message[0] = 0;
  options = (exset_transform_options_t){.n = {8, 0, 8}};
  CHECK(exset_transform_layout(ctx, &options, &l) == EXSET_ERR_INPUT);
  ctx->message[0] = 0;
  options = (exset_transform_options_t){.n = {8, 8, 8}, .planes = 9};
  CHECK(exset_transform_layout(ctx, &options, &l) == EXSET_ERR_INPUT);
  ctx->message[0] = 0;
  /* sizes are refused where a number of bytes would leave 64 bits */
  for (int64_t edge = 1; edge <= 8; edge++) {
    const int64_t most = INT64_C(1) << 29;
    options = (exset_transform_options_t){.n = {most, most, edge}};
    const int err = exset_transform_layout(ctx, &options, &l);
    CHECK(err == EXSET_ERR_INPUT || (!err && l.buffer_bytes / 4 >= most / ctx->size * most * edge));
    ctx->message[0] = 0;
  }
  options = (exset_transform_options_t){.n = {8192, 8192, 8192}};
  MUST(ctx, exset_transform_layout(ctx, &options, &l));
  CHECK(l.buffer_bytes >= INT64_C(4) * 8192 * 8192 * 8192 / ctx->size);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  const exset_transform_options_t box[] = {
      {.n = {4, 6, 8}},
      {.n = {5, 3, 7}},
      {.n = {3, 18, 4}, .measure = true},
      {.n = {1, 8, 5}},
      {.n = {7, 1, 2}},
      {.n = {2, 2, 1}},
      {.n = {20, 17, 3}},
      {.n = {3, 5, 37}},
      {.n = {9, 8, 40}, .planes = 4},
      {.n = {6, 11, 34}, .planes = 5, .rows = {3, 2}},
      {.n = {6, 40, 9}, .rows = {19, 18}},
      {.n = {MANY_PLANES, 34, 70}},
      {.n = {MANY_PLANES, 45, 60}, .planes = 89, .rows = {21, 20}},
  };
  for (size_t i = 0; i < sizeof box / sizeof *box; i++) check_grids(ctx, box[i]);
  if (ctx->rank == 0) check_layouts(ctx);
  check_errors(ctx);
  return test_end(ctx);
}
