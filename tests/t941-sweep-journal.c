/* test: np="1" time=30 */
/* Journals of sweeps: what is written is read, torn and damaged lines, locks; tables of what they tell. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exset/sweep.h"
#include "test.h"

static const char *const figure[] = {"volume_fraction", "m_factor", "tortuosity"};
enum { FIGURES = 3 };

static exset_unit_t unit_of(const char *id, int64_t realisation, double value) {
  static double values[FIGURES];
  for (int i = 0; i < FIGURES; i++) values[i] = value * (i + 1);
  return (exset_unit_t){.id = exset_digest_unit(exset_digest(id), realisation),
                        .realisation = realisation,
                        .done = true,
                        .seconds = 0.5,
                        .message = "",
                        .n = FIGURES,
                        .name = figure,
                        .value = values};
}

static exset_unit_t failed_of(const char *id, int64_t realisation, const char *message) {
  exset_unit_t unit = unit_of(id, realisation, 0);
  unit.done = false;
  unit.message = message;
  unit.n = 0;
  return unit;
}

static void folder_of(exset_ctx_t *ctx, const char *name, char path[4096]) {
  snprintf(path, 4096, "%s/%s", test_tmp(), name);
  MUST(ctx, exset_journal_folder(ctx, path));
}

static exset_journal_t *open_journal(exset_ctx_t *ctx, const char *folder, int group) {
  exset_journal_t *journal;
  bool locked;
  MUST(ctx, exset_journal_open(ctx, folder, 3, group, "made by a test", &journal, &locked));
  CHECK(locked);
  return journal;
}

static exset_results_t *read_all(exset_ctx_t *ctx, const char *folder) {
  exset_results_t *results;
  MUST(ctx, exset_results_create(ctx, &results));
  MUST(ctx, exset_results_read(results, folder));
  return results;
}

static void check_unit(const exset_results_t *results, const char *id, int64_t realisation,
                       double value) {
  const exset_unit_t *u =
      exset_results_find(results, exset_digest_unit(exset_digest(id), realisation));
  CHECK_MSG(u != NULL, "%s, realisation %lld: not there", id, (long long)realisation);
  if (!u) return;
  CHECK(u->done && u->realisation == realisation && u->seconds == 0.5 && u->n == FIGURES);
  for (int i = 0; i < u->n; i++)
    CHECK_MSG(strcmp(u->name[i], figure[i]) == 0 &&
                  (u->value[i] == value * (i + 1) || (isnan(value) && isnan(u->value[i]))),
              "%s %.17g", u->name[i], u->value[i]);
}

/* ---- reading what was written --------------------------------------------------------------------- */

static void check_read(exset_ctx_t *ctx) {
  char folder[4096];
  folder_of(ctx, "read", folder);
  const double value[] = {1.0 / 3, -1e-300, 4e300, INFINITY, NAN, 0};
  exset_journal_t *journal = open_journal(ctx, folder, 0), *other = open_journal(ctx, folder, 12);
  exset_results_t *growing = read_all(ctx, folder);
  for (int i = 0; i < 6; i++) {
    const exset_unit_t unit = unit_of("a", i + 1, value[i]);
    MUST(ctx, exset_journal_add(i % 2 ? journal : other, &unit));
    MUST(ctx, exset_results_read(growing, folder)); /* what was added since */
    CHECK(exset_results_units(growing) == i + 1);
  }
  const exset_unit_t bad = failed_of("b", 1, "no convergence,\tsaid \"it\"\n; at all");
  MUST(ctx, exset_journal_add(journal, &bad));
  exset_journal_close(&journal);
  exset_journal_close(&other);
  exset_results_t *results = read_all(ctx, folder);
  CHECK(exset_results_units(results) == 7 && exset_results_damaged(results) == 0 &&
        exset_results_repeated(results) == 0);
  for (int i = 0; i < 6; i++) {
    check_unit(results, "a", i + 1, value[i]);
    check_unit(growing, "a", i + 1, value[i]);
  }
  const exset_unit_t *u = exset_results_find(results, bad.id);
  CHECK(u && !u->done && u->n == 0 &&
        strcmp(u->message, "no convergence, said \"it\" ; at all") == 0);
  CHECK(exset_results_find(results, exset_digest("else")) == NULL);
  exset_results_destroy(&results);
  exset_results_destroy(&growing);
  results = read_all(ctx, "/nowhere");
  CHECK(exset_results_units(results) == 0);
  exset_results_destroy(&results);
}

/* Many units, for the hash table to grow. */
static void check_many(exset_ctx_t *ctx) {
  enum { MANY = 600 };
  char folder[4096];
  folder_of(ctx, "many", folder);
  exset_journal_t *journal = open_journal(ctx, folder, 0);
  for (int i = 0; i < MANY; i++) {
    const exset_unit_t unit = unit_of("many", i + 1, i);
    MUST(ctx, exset_journal_add(journal, &unit));
  }
  exset_journal_close(&journal);
  exset_results_t *results = read_all(ctx, folder);
  CHECK(exset_results_units(results) == MANY);
  for (int i = 0; i < MANY; i += 7) check_unit(results, "many", i + 1, i);
  exset_results_destroy(&results);
}

/* ---- torn and damaged ----------------------------------------------------------------------------- */

/* The end of the process at each byte of the last line; then another run goes on. */
static void check_torn(exset_ctx_t *ctx) {
  char folder[4096], path[4200];
  folder_of(ctx, "torn", folder);
  snprintf(path, sizeof path, "%s/task0003-group0000.txt", folder);
  struct stat before, after;
  exset_journal_t *journal = open_journal(ctx, folder, 0);
  const exset_unit_t first = unit_of("t", 1, 0.1);
  MUST(ctx, exset_journal_add(journal, &first));
  CHECK(stat(path, &before) == 0);
  const exset_unit_t second = unit_of("t", 2, 0.2);
  MUST(ctx, exset_journal_add(journal, &second));
  exset_journal_close(&journal);
  CHECK(stat(path, &after) == 0 && after.st_size > before.st_size);
  CHECK(truncate(path, after.st_size - 1) == 0); /* the end of the line alone is missing */
  journal = open_journal(ctx, folder, 0);
  exset_journal_close(&journal);
  exset_results_t *whole = read_all(ctx, folder);
  CHECK(exset_results_units(whole) == 2 && exset_results_damaged(whole) == 0);
  check_unit(whole, "t", 2, 0.2);
  exset_results_destroy(&whole);
  for (off_t size = after.st_size - 2; size > before.st_size; size -= 7) {
    CHECK(truncate(path, size) == 0);
    exset_results_t *results = read_all(ctx, folder);
    CHECK_MSG(exset_results_units(results) == 1, "%lld bytes: %lld units", (long long)size,
              (long long)exset_results_units(results));
    journal = open_journal(ctx, folder, 0); /* the torn line ends, but is not taken for whole */
    const exset_unit_t third = unit_of("t", 3, 0.3);
    MUST(ctx, exset_journal_add(journal, &third));
    exset_journal_close(&journal);
    MUST(ctx, exset_results_read(results, folder));
    CHECK(exset_results_units(results) == 2 && exset_results_damaged(results) == 1);
    check_unit(results, "t", 1, 0.1);
    check_unit(results, "t", 3, 0.3);
    exset_results_destroy(&results);
    CHECK(truncate(path, size) == 0); /* the same start for the next size */
  }
}

/* A byte that is not what was written. */
static void check_damaged(exset_ctx_t *ctx) {
  char folder[4096], path[4200];
  folder_of(ctx, "damaged", folder);
  snprintf(path, sizeof path, "%s/task0003-group0000.txt", folder);
  exset_journal_t *journal = open_journal(ctx, folder, 0);
  const exset_unit_t unit = unit_of("d", 1, 0.125);
  MUST(ctx, exset_journal_add(journal, &unit));
  exset_journal_close(&journal);
  struct stat info;
  CHECK(stat(path, &info) == 0);
  const int fd = open(path, O_RDWR);
  const off_t start = (off_t)strlen("# made by a test\n");
  for (off_t at = start; at + 1 < info.st_size; at += 3) {
    char byte, wrong;
    CHECK(pread(fd, &byte, 1, at) == 1);
    wrong = byte == '1' ? '2' : '1';
    CHECK(pwrite(fd, &wrong, 1, at) == 1);
    exset_results_t *results = read_all(ctx, folder);
    CHECK_MSG(exset_results_units(results) == 0 && exset_results_damaged(results) == 1,
              "byte %lld, '%c'", (long long)at, byte);
    exset_results_destroy(&results);
    CHECK(pwrite(fd, &byte, 1, at) == 1);
  }
  exset_results_t *results = read_all(ctx, folder);
  check_unit(results, "d", 1, 0.125);
  exset_results_destroy(&results);
  CHECK(close(fd) == 0);
}

static void check_lock(exset_ctx_t *ctx) {
  char folder[4096];
  folder_of(ctx, "lock", folder);
  exset_journal_t *journal = open_journal(ctx, folder, 0), *second;
  bool locked;
  CHECK(exset_journal_open(ctx, folder, 3, 0, "", &second, &locked) == EXSET_ERR_INPUT && !second);
  CHECK_MSG(strstr(ctx->message, "another run is writing"), "%s", ctx->message);
  ctx->message[0] = '\0';
  exset_journal_t *other = open_journal(ctx, folder, 1); /* another group's */
  exset_journal_close(&other);
  exset_journal_close(&journal);
  journal = open_journal(ctx, folder, 0);
  exset_journal_close(&journal);
  CHECK(exset_journal_open(ctx, "/nowhere", 0, 0, "", &second, &locked) == EXSET_ERR_INPUT);
  ctx->message[0] = '\0';
  CHECK(exset_journal_folder(ctx, "/nowhere/at/all") == EXSET_ERR_INPUT);
  ctx->message[0] = '\0';
}

/* ---- tables --------------------------------------------------------------------------------------- */

enum { SAMPLES = 6 };

/* Samples: a has 2 units done, b one done and one failed that was tried again, c 1 missing, d cannot be made, e is equal to a, f has
 * one done and one failed; and a unit of no sample. */
static void write_units(exset_ctx_t *ctx, const char *folder) {
  exset_journal_t *journal = open_journal(ctx, folder, 0);
  const double no_path[FIGURES] = {0.5, 0, INFINITY};
  exset_unit_t unit = unit_of("a", 1, 1);
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = unit_of("a", 2, 0);
  unit.value = no_path;
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = unit_of("a", 1, 99); /* again: the first one counts */
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = failed_of("b", 2, "first try");
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = unit_of("b", 2, 3);
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = unit_of("b", 1, 5);
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = unit_of("c", 1, 7);
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = failed_of("f", 1, "no convergence, alas");
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = unit_of("f", 2, 11);
  MUST(ctx, exset_journal_add(journal, &unit));
  unit = unit_of("z", 1, 1);
  MUST(ctx, exset_journal_add(journal, &unit));
  exset_journal_close(&journal);
}

static void check_row(const exset_sweep_table_t *t, int row, const double mean[FIGURES],
                      const double sd[FIGURES]) {
  for (int f = 0; f < FIGURES; f++) {
    const double m = t->mean[row * t->n_figures + f], s = t->sd[row * t->n_figures + f];
    CHECK_MSG(fabs(m - mean[f]) < 1e-14 || (isnan(m) && isnan(mean[f])), "row %d: mean %g", row, m);
    CHECK_MSG(fabs(s - sd[f]) < 1e-14 || (isnan(s) && isnan(sd[f])), "row %d: sd %g", row, s);
  }
}

static void check_text(const exset_samples_t *samples, const exset_sweep_table_t *t) {
  char *text = exset_sweep_table_csv(samples, t);
  static const char header[] =
      "sample,status,realisations,size,volume_fraction,volume_fraction_sd,m_factor,m_factor_sd,"
      "tortuosity,tortuosity_sd,seconds,seed,message\n";
  const char *const expected[] = {
      header, "1,done,2,24,0.75,0.3535533905932738,1,1.4142135623730951,3,nan,1,100,\n",
      "\n4,failed,0,27,nan,nan,nan,nan,nan,nan,0,103,\"a, \"\"b\"\"\"\n",
      "\n6,failed,1,29,11,nan,22,nan,33,nan,0.5,105,\"no convergence, alas\"\n"};
  for (int i = 0; i < 4; i++)
    CHECK_MSG(text && strstr(text, expected[i]), "no \"%s\" in %s", expected[i], text ? text : "");
  free(text);
}

static void check_table(exset_ctx_t *ctx) {
  char folder[4096];
  const char *const id[SAMPLES] = {"a", "b", "c", "d", "a", "f"}, *const key[] = {"size"};
  const char *const failure[SAMPLES] = {NULL, NULL, NULL, "a, \"b\"", NULL, NULL};
  double value[SAMPLES];
  uint64_t seed[SAMPLES];
  exset_digest_t digest[SAMPLES];
  for (int i = 0; i < SAMPLES; i++) {
    value[i] = 24 + i;
    seed[i] = 100 + (uint64_t)i;
    digest[i] = exset_digest(id[i]);
  }
  const exset_samples_t samples = {SAMPLES, 2, 1, key, value, seed, failure, digest};
  folder_of(ctx, "table", folder);
  write_units(ctx, folder);
  exset_results_t *results = read_all(ctx, folder);
  exset_sweep_table_t t;
  MUST(ctx, exset_sweep_table(ctx, &samples, results, &t));
  CHECK(t.n_rows == 5 && t.n_done == 3 && t.n_failed == 2 && t.n_figures == FIGURES);
  CHECK(t.sample[0] == 0 && t.sample[2] == 3 && t.sample[3] == 4 && t.sample[4] == 5);
  CHECK(t.units_done == 8 && t.units_failed == 1 && t.units_missing == 1);
  CHECK(t.stale == 1 && exset_results_repeated(results) == 1);
  CHECK_NEAR(t.seconds, 0.5, 1e-15);
  CHECK_NEAR(t.row_seconds[0], 1, 1e-15);
  const double root = sqrt(2), mean[] = {0.75, 1, 3}, sd[] = {0.25 * root, root, NAN};
  check_row(&t, 0, mean, sd);
  check_row(&t, 3, mean, sd);
  check_row(&t, 1, (const double[]){4, 8, 12}, (const double[]){root, 2 * root, 3 * root});
  check_row(&t, 2, (const double[]){NAN, NAN, NAN}, (const double[]){NAN, NAN, NAN});
  check_row(&t, 4, (const double[]){11, 22, 33}, (const double[]){NAN, NAN, NAN});
  CHECK(t.realisations[0] == 2 && t.realisations[2] == 0 && t.realisations[4] == 1);
  check_text(&samples, &t);
  exset_sweep_table_clear(&t);
  exset_results_destroy(&results);
}

/* ---- identities ----------------------------------------------------------------------------------- */

static void check_digest(void) {
  char a[EXSET_DIGEST_TEXT], b[EXSET_DIGEST_TEXT];
  exset_digest_text(exset_digest("field1_fraction 0.3"), a);
  exset_digest_text(exset_digest("field1_fraction 0.4"), b);
  int same = 0;
  for (int i = 0; i < 32; i++) same += a[i] == b[i];
  CHECK_MSG(strlen(a) == 32 && same < 12, "%s %s", a, b); /* 2 of 32 expected */
  CHECK(memcmp(a, a + 16, 16) != 0);
  exset_digest_text(exset_digest_unit(exset_digest("x"), 1), a);
  exset_digest_text(exset_digest_unit(exset_digest("x"), 11), b);
  CHECK(strcmp(a, b) != 0);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_digest();
  check_read(ctx);
  check_many(ctx);
  check_torn(ctx);
  check_damaged(ctx);
  check_lock(ctx);
  check_table(ctx);
  return test_end(ctx);
}
