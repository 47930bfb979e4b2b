/* test: np="1 3" time=30 */
/* Values set for a while: they go before files and the command line, are checked, and are forgotten again. */
#include <stdio.h>
#include <string.h>

#include "exset/config.h"
#include "test.h"

static void expect(exset_ctx_t *ctx, const exset_config_t *config, double fraction, int64_t dof) {
  double value;
  int64_t number;
  MUST(ctx, exset_config_real(config, "field1_fraction", &value));
  MUST(ctx, exset_config_int(config, "field1_dof", &number));
  CHECK_MSG(value == fraction && number == dof, "%g %lld", value, (long long)number);
}

static void refuse(exset_ctx_t *ctx, exset_config_t *config, const char *name, const char *text,
                   const char *words) {
  const int mark = exset_config_mark(config);
  CHECK(exset_config_set(config, name, text) == EXSET_ERR_INPUT);
  CHECK_MSG(strstr(ctx->message, words), "\"%s\" without \"%s\"", ctx->message, words);
  CHECK(exset_config_mark(config) == mark);
  ctx->message[0] = '\0';
}

int main(int argc, char **argv) {
  exset_ctx_t *ctx = test_begin(&argc, &argv);
  char path[1024], typed[] = "-field1_fraction", half[] = "0.5";
  snprintf(path, sizeof path, "%s/case.yaml", test_tmp());
  MUST(ctx, exset_outfile_text(ctx, path, "field1: {fraction: 0.3, dof: 4}\n"));
  char *arguments[] = {path, typed, half};
  exset_config_t *config;
  MUST(ctx, exset_config_create(ctx, "sweep", 3, arguments, &config));
  expect(ctx, config, 0.5, 4);
  const int mark = exset_config_mark(config);
  char text[32];
  snprintf(text, sizeof text, "0.%d", ctx->rank + 1); /* each rank its own */
  MUST(ctx, exset_config_set(config, "field1_fraction", text));
  MUST(ctx, exset_config_set(config, "field1_dof", "9"));
  MUST(ctx, exset_config_set(config, "field2_length_xy", "1.5,2"));
  expect(ctx, config, (ctx->rank + 1) / 10.0, 9);
  CHECK(exset_config_given(config, "field2_length_xy"));
  const int inner = exset_config_mark(config);
  MUST(ctx, exset_config_set(config, "field1_dof", "11"));
  expect(ctx, config, (ctx->rank + 1) / 10.0, 11);
  exset_config_rewind(config, inner);
  expect(ctx, config, (ctx->rank + 1) / 10.0, 9);
  exset_config_rewind(config, mark);
  expect(ctx, config, 0.5, 4);
  CHECK(!exset_config_given(config, "field2_length_xy"));
  refuse(ctx, config, "field1_fraction", "1.5", "allowed is a finite number in (0,1)");
  refuse(ctx, config, "field1_dof", "2.5", "an integer in [1,100]");
  refuse(ctx, config, "field1_fractio", "0.5", "the nearest known key is -field1_fraction");
  refuse(ctx, config, "train_steps", "5", "is not a key of exset sweep");
  const exset_key_t *key;
  MUST(ctx, exset_config_key(config, "field12_length_z", &key));
  CHECK(strcmp(key->name, "field#_length_z") == 0 && key->type == EXSET_KEY_REAL);
  expect(ctx, config, 0.5, 4);
  MUST(ctx, exset_config_destroy(&config));
  return test_end(ctx);
}
