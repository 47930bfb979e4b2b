/* test: np="1 3" time=30 */
/* Case files and command line: precedence, types, lists, paths, numbered keys; what is refused. */
#include "exset/config.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

static void write_case(exset_ctx_t *ctx, char *path, size_t size, const char *name,
                       const char *text) {
  snprintf(path, size, "%s/%s", test_tmp(), name);
  MUST(ctx, exset_outfile_text(ctx, path, text));
}

static void check_values(exset_ctx_t *ctx) {
  char path[1024], typed[] = "-seed", seven[] = "7", flag[] = "--dry_run", input[] = "a.tif";
  char petsc[] = "-conduct_ksp_rtol", rtol[] = "-1e-3";
  write_case(ctx, path, sizeof path, "good.yaml",
             "seed: 3\nsize: [4, 5, 6]\nsections_xy: b.tif, /c.tif\n"
             "field2: {length_xy: [1.5, 2.25e-1], below: yes, family: [ring, matern]}\n");
  char *argv[] = {path, typed, seven, input, petsc, rtol, flag};
  exset_config_t *config;
  MUST(ctx, exset_config_create(ctx, "calibrate", 7, argv, &config));
  int64_t seed, size[3];
  int n, family[MOST];
  bool below, dry;
  double length[MOST];
  MUST(ctx, exset_config_int(config, "seed", &seed));
  CHECK(seed == 7); /* typed wins over the file */
  MUST(ctx, exset_config_int_list(config, "size", 3, size, &n));
  CHECK(n == 3 && size[0] == 4 && size[2] == 6);
  MUST(ctx, exset_config_real_list(config, "field2_length_xy", MOST, length, &n));
  CHECK(n == 2 && length[0] == 1.5 && length[1] == 0.225);
  MUST(ctx, exset_config_choice_list(config, "field2_family", MOST, family, &n));
  CHECK(n == 2 && family[0] == 2 && family[1] == 1);
  MUST(ctx, exset_config_bool(config, "field2_below", &below));
  MUST(ctx, exset_config_bool(config, "dry_run", &dry));
  CHECK(below && dry);
  MUST(ctx, exset_config_real_list(config, "field1_length_z", MOST, length, &n));
  CHECK(n == 0 && !exset_config_given(config, "field1_length_z"));
  char expected[1100], *item = exset_config_string_item(config, "sections_xy", 0);
  snprintf(expected, sizeof expected, "%s/b.tif", test_tmp());
  CHECK_MSG(item && strcmp(item, expected) == 0, "path is %s", item ? item : "absent");
  free(item);
  item = exset_config_string_item(config, "sections_xy", 1);
  CHECK(item && strcmp(item, "/c.tif") == 0);
  free(item);
  CHECK(exset_config_string_item(config, "sections_xy", 2) == NULL);
  CHECK(exset_config_inputs(config) == 1 && strcmp(exset_config_input(config, 0), "a.tif") == 0);
  CHECK(strcmp(exset_config_case(config, 0), path) == 0);
  double missing;
  CHECK(exset_config_real(config, "field1_fraction", &missing) == EXSET_ERR_INPUT);
  CHECK(strstr(ctx->message, "-field1_fraction is needed"));
  ctx->message[0] = '\0';
  MUST(ctx, exset_config_destroy(&config));
}

/* One bad argument pair: exit code 2 and the expected words, the same on every rank. */
static void check_refused(const char *key, const char *value, const char *words) {
  char name[64], text[64];
  snprintf(name, sizeof name, "%s", key);
  snprintf(text, sizeof text, "%s", value);
  /* a context of its own: the first message stays */
  exset_ctx_t *own;
  CHECK(exset_ctx_create(MPI_COMM_WORLD, &own) == EXSET_OK);
  char *argv[] = {name, text};
  exset_config_t *config = NULL;
  const int err = exset_config_create(own, "generate", 2, argv, &config);
  CHECK_MSG(err == EXSET_ERR_INPUT && strstr(own->message, words), "%s %s: code %d, message %s",
            key, value, err, own->message);
  CHECK(config == NULL);
  exset_ctx_destroy(&own);
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  check_values(ctx);
  check_refused("-seeed", "3", "nearest known key is -seed");
  check_refused("-field12_lenght_xy", "3", "nearest known key is -field12_length_xy");
  check_refused("-qqqqqqqqqqqq", "3", "unknown key -qqqqqqqqqqqq");
  check_refused("-conduct_rtoll", "3", "unknown key");
  check_refused("-seed", "1.5", "an integer in [0,inf)");
  check_refused("-seed", "99999999999999999999", "an integer");
  check_refused("-size", "1", "[2,inf)");
  check_refused("-size", "4,4,4,4", "at most 3");
  check_refused("-size", "4,,4", "is \"\"");
  check_refused("-field1_fraction", "1", "(0,1)");
  check_refused("-field1_fraction", "0", "(0,1)");
  check_refused("-field1_fraction", "nan", "a finite number");
  check_refused("-field1_fraction", "0.4x", "a finite number");
  check_refused("-field1_type", "normal", "gaussian,chi_square");
  check_refused("-field0_type", "gaussian", "unknown key");
  check_refused("-image_labels", "3", "not a key of exset generate");
  check_refused("--", "3", "not an option");
  char path[1024];
  write_case(ctx, path, sizeof path, "unknown.yaml", "field1: {fractoin: 0.3}\n");
  check_refused(path, "-dry_run", "nearest known key is -field1_fraction");
  write_case(ctx, path, sizeof path, "broken.yaml", "a: [1, 2\nb: }\n");
  check_refused(path, "-dry_run", "not valid YAML");
  write_case(ctx, path, sizeof path, "value.yaml", "field1: {fraction: 0.3 -seed 7}\n");
  check_refused(path, "-dry_run", "\"0.3 -seed 7\": allowed is a finite number");
  check_refused("nowhere.yaml", "-dry_run", "cannot read case file nowhere.yaml");
  return test_end(ctx);
}
