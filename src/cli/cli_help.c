/* Help texts and the parameter page, from the key table. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static bool serves(const exset_key_t *key, const char *command) {
  char word[64];
  snprintf(word, sizeof word, ",%s,", command);
  return strstr(key->commands, word) != NULL;
}

static bool for_all(const exset_key_t *key) {
  return strcmp(key->commands, ",all,") == 0;
}

static const char *type_word(const exset_key_t *key) {
  static const char *const words[] = {"true/false", "integer", "number", "text", "file", ""};
  return words[key->type];
}

void cli_help_general(const exset_ctx_t *ctx) {
  exset_print(ctx,
              "exset: calibrated 3D twins of multi-phase materials from 2D micrographs\n\n"
              "  exset <command> [case.yaml] [-key value ...]\n"
              "  mpirun -n N exset <command> ...\n\ncommands\n");
  for (const cli_command_t *c = cli_commands(); c->name; c++)
    exset_print(ctx, "  %-10s %s\n", c->name, c->summary);
  exset_print(
      ctx,
      "\n  exset <command> --help lists the command's keys.\n"
      "  A case file holds the same keys, nested maps joined by '_'; the command line wins.\n"
      "  Lengths are in micrometres. Exit codes: 0 done, 1 failure, 2 bad usage or input.\n");
}

static void print_key(const exset_ctx_t *ctx, const exset_key_t *key) {
  char kind[160];
  const bool choice = key->type == EXSET_KEY_CHOICE;
  snprintf(kind, sizeof kind, "%s%s%s%s%s%s", type_word(key), choice ? "" : " ", key->range,
           key->unit[0] ? " " : "", key->unit, key->max_values > 1 ? ", list" : "");
  exset_print(ctx, "  -%-20s %s%s%s%s\n  %-21s   %s\n", key->name, kind,
              key->value ? " [default: " : "", key->value ? key->value : "", key->value ? "]" : "",
              "", key->help);
}

void cli_help_command(const exset_ctx_t *ctx, const cli_command_t *command) {
  exset_print(ctx, "%s\n\n  %s\n", command->summary, command->usage);
  if (command->details[0]) exset_print(ctx, "\n%s\n", command->details);
  exset_print(ctx, "\nkeys (# stands for a number from 1)\n");
  for (const exset_key_t *key = exset_config_keys(); key->name; key++)
    if (serves(key, command->name)) print_key(ctx, key);
  exset_print(ctx, "\nkeys of every command\n");
  for (const exset_key_t *key = exset_config_keys(); key->name; key++)
    if (for_all(key)) print_key(ctx, key);
}

static void print_table(const exset_ctx_t *ctx, const char *command) {
  exset_print(ctx,
              "| key | type | allowed | unit | default | meaning |\n|---|---|---|---|---|---|\n");
  for (const exset_key_t *key = exset_config_keys(); key->name; key++) {
    if (command ? !serves(key, command) : !for_all(key)) continue;
    exset_print(ctx, "| `%s` | %s%s | %s | %s | %s | %s |\n", key->name,
                key->type == EXSET_KEY_CHOICE ? "choice" : type_word(key),
                key->max_values > 1 ? " list" : "", key->range, key->unit,
                key->value ? key->value : "", key->help);
  }
}

void cli_help_parameters(const exset_ctx_t *ctx) {
  exset_print(ctx,
              "# Parameters\n\nMade by `make docs` from the program's key table; do not edit.\n"
              "`#` stands for a number from 1. In case files nested maps join with `_`.\n\n"
              "## Every command\n\n");
  print_table(ctx, NULL);
  for (const cli_command_t *c = cli_commands(); c->name; c++) {
    exset_print(ctx, "\n## %s\n\n%s\n\n    %s\n\n", c->name, c->summary, c->usage);
    print_table(ctx, c->name);
  }
}
