/* Attributes of output files: where they come from. */
#include "cli_provenance.h"

#include <stdlib.h>
#include <string.h>

int cli_provenance_set(exset_ctx_t *ctx, cli_provenance_t *p, const char *name, const char *text) {
  int i = 0;
  while (i < p->n && strcmp(p->attribute[i].name, name) != 0) i++;
  char *copy = text ? strdup(text) : NULL;
  if (!copy || i == CLI_PROVENANCE_MAX)
    return exset_fail(ctx, EXSET_ERR_LOCAL, "no room for attribute %s", name);
  if (i == p->n) p->n++;
  else free((void *)p->attribute[i].text);
  p->attribute[i] = (exset_attribute_t){name, copy};
  return EXSET_OK;
}

static int set_json(exset_ctx_t *ctx, cli_provenance_t *p, const char *name, cJSON *tree) {
  char *text = tree ? cJSON_Print(tree) : NULL;
  const int err = cli_provenance_set(ctx, p, name, text);
  cJSON_free(text);
  cJSON_Delete(tree);
  return err;
}

int cli_provenance_create(exset_ctx_t *ctx, const exset_config_t *config, const char *command,
                          cli_provenance_t *p) {
  memset(p, 0, sizeof *p);
  EXSET_TRY(cli_provenance_set(ctx, p, "command", command));
  EXSET_TRY(set_json(ctx, p, "parameters", cli_json_used(config)));
  EXSET_TRY(set_json(ctx, p, "versions", cli_versions()));
  return cli_provenance_set(ctx, p, "git_state", cli_git_state());
}

static int copy_from(exset_ctx_t *ctx, cli_provenance_t *p, const char *path) {
  static const char *const name[] = {"model", "seed", "realisation"};
  int err = EXSET_OK;
  for (size_t i = 0; i < sizeof name / sizeof *name && !err; i++) {
    char *text;
    EXSET_TRY(exset_volume_attribute(ctx, path, name[i], &text));
    if (text) err = cli_provenance_set(ctx, p, name[i], text);
    free(text);
  }
  return err;
}

int cli_provenance_source(exset_ctx_t *ctx, cli_provenance_t *p, const char *path) {
  int err = cli_provenance_set(ctx, p, "source", path);
  if (!err && ctx->rank == 0) err = copy_from(ctx, p, path);
  return exset_agree(ctx, err);
}

void cli_provenance_clear(cli_provenance_t *p) {
  for (int i = 0; i < p->n; i++) free((void *)p->attribute[i].text);
  p->n = 0;
}
