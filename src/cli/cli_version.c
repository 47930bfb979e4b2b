/* Versions of the program and of its libraries. */
#include "cli.h"

#include "exset/nn.h"
#include "exset/transform.h"

#include <string.h>

#ifndef EXSET_GIT_STATE
#define EXSET_GIT_STATE "unknown"
#endif

const char *cli_git_state(void) {
  return EXSET_GIT_STATE;
}

cJSON *cli_versions(void) {
  cJSON *versions = cJSON_CreateObject();
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  if (!versions || MPI_Get_library_version(mpi, &length) != MPI_SUCCESS) {
    cJSON_Delete(versions);
    return NULL;
  }
  mpi[strcspn(mpi, ",\n")] = '\0';
  cJSON_AddStringToObject(versions, "exset", cli_git_state());
  cJSON_AddStringToObject(versions, "mpi", mpi);
  cJSON_AddStringToObject(versions, "fftw", exset_transform_library());
  cJSON_AddStringToObject(versions, "petsc", exset_config_petsc_version());
  cJSON_AddStringToObject(versions, "onednn", exset_nn_version());
  cJSON_AddStringToObject(versions, "cjson", cJSON_Version());
  cJSON_AddStringToObject(versions, "compiler", __VERSION__);
  return versions;
}

int exset_cli_info(exset_ctx_t *ctx, exset_config_t *config) {
  bool parameters = false;
  EXSET_TRY(exset_config_bool(config, "parameters", &parameters));
  if (parameters) {
    cli_help_parameters(ctx);
    return EXSET_OK;
  }
  cJSON *versions = cli_versions();
  if (!versions) return exset_fail(ctx, EXSET_ERR_LOCAL, "out of memory");
  for (const cJSON *item = versions->child; item; item = item->next)
    exset_print(ctx, "%-10s %s\n", item->string, item->valuestring);
  exset_print(ctx, "%-10s %d\n", "ranks", ctx->size);
  cJSON_Delete(versions);
  return EXSET_OK;
}
