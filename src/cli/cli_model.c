/* Models from keys field#_*, and back to YAML. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 64, KNOTS_FAMILY = 3 }; /* place of "knots" in the key's list of choices */

/* "field<number>_<what>" in a caller's buffer. */
static const char *key_name(char name[NAME_SIZE], int number, const char *what) {
  snprintf(name, NAME_SIZE, "field%d_%s", number, what);
  return name;
}

/* One number for each term: a list as long as the terms, or one number for all; absent: `missing`. */
static int read_per_term(exset_ctx_t *ctx, const exset_config_t *config, const char *name,
                         int n_terms, double missing, double *value) {
  int n;
  EXSET_TRY(exset_config_real_list(config, name, EXSET_MAX_TERMS, value, &n));
  if (n == 0) value[n++] = missing;
  if (n != n_terms && n != 1)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-%s has %d values: needed is 1 or %d, one for each term of the family list",
                      name, n, n_terms);
  for (int i = n; i < n_terms; i++) value[i] = value[0];
  return EXSET_OK;
}

static int read_terms(exset_ctx_t *ctx, const exset_config_t *config, int number, bool start,
                      const int *family, int n_terms, exset_spectrum_t *spectrum) {
  double weight[EXSET_MAX_TERMS], xy[EXSET_MAX_TERMS], z[EXSET_MAX_TERMS], nu[EXSET_MAX_TERMS],
      width[EXSET_MAX_TERMS];
  char name[NAME_SIZE];
  EXSET_TRY(read_per_term(ctx, config, key_name(name, number, "weight"), n_terms, 1, weight));
  EXSET_TRY(read_per_term(ctx, config, key_name(name, number, "nu"), n_terms, 0, nu));
  EXSET_TRY(read_per_term(ctx, config, key_name(name, number, "width"), n_terms, 0, width));
  EXSET_TRY(read_per_term(ctx, config, key_name(name, number, "length_z"), n_terms, 0, z));
  EXSET_TRY(read_per_term(ctx, config, key_name(name, number, "length_xy"), n_terms, 0, xy));
  if (!start && xy[0] == 0)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s is needed: correlation length in um",
                      key_name(name, number, "length_xy"));
  spectrum->n_terms = n_terms;
  for (int t = 0; t < n_terms; t++)
    spectrum->term[t] = (exset_term_t){(exset_family_t)family[t], weight[t], xy[t],
                                       z[t] > 0 ? z[t] : xy[t],   nu[t],     width[t]};
  return EXSET_OK;
}

static int read_knots(exset_ctx_t *ctx, const exset_config_t *config, int number, bool start,
                      exset_spectrum_t *spectrum) {
  int64_t shape[2] = {0, 0};
  double k_max[2] = {0, 0};
  int n_shape, n_max, n;
  char name[NAME_SIZE];
  EXSET_TRY(
      exset_config_int_list(config, key_name(name, number, "knots_shape"), 2, shape, &n_shape));
  EXSET_TRY(exset_config_real_list(config, key_name(name, number, "knots_max"), 2, k_max, &n_max));
  if (start && n_shape == 0) return EXSET_OK;
  if (n_shape == 0 || (!start && n_max == 0) || (n_max > 0 && n_max != n_shape))
    return exset_fail(
        ctx, EXSET_ERR_INPUT,
        "field%d has knots: it needs knots_shape and knots_max with 1 or 2 values each "
        "(|k|, or k_r,k_z), not %d and %d",
        number, n_shape, n_max);
  spectrum->knots_r = (int)shape[0];
  spectrum->knots_z = (int)shape[1];
  spectrum->knots_max_r = k_max[0];
  spectrum->knots_max_z = k_max[1];
  const int wanted = exset_spectrum_knots(spectrum);
  EXSET_TRY(exset_alloc(ctx, wanted, sizeof(double), &spectrum->knots));
  key_name(name, number, "knots");
  if (start && !exset_config_given(config, name)) return EXSET_OK;
  double *value;
  EXSET_TRY(exset_alloc(ctx, 65536, sizeof(double), &value));
  int err = exset_config_real_list(config, name, 65536, value, &n);
  if (!err && n != wanted)
    err = exset_fail(ctx, EXSET_ERR_INPUT, "-%s has %d coefficients: knots_shape asks for %d", name,
                     n, wanted);
  double sum = 0;
  for (int i = 0; !err && i < n; i++) sum += spectrum->knots[i] = value[i];
  if (!err && sum <= 0)
    err = exset_fail(ctx, EXSET_ERR_INPUT, "-%s are all 0: at least one must be positive", name);
  free(value);
  return err;
}

static int read_spectrum(exset_ctx_t *ctx, const exset_config_t *config, int number, bool start,
                         exset_spectrum_t *spectrum) {
  int family[EXSET_MAX_TERMS], n = 0, n_knots = 0;
  char name[NAME_SIZE];
  EXSET_TRY(exset_config_real(config, key_name(name, number, "nugget"), &spectrum->nugget));
  EXSET_TRY(exset_config_choice_list(config, key_name(name, number, "family"), EXSET_MAX_TERMS,
                                     family, &n));
  for (int i = 0; i < n; i++) n_knots += family[i] == KNOTS_FAMILY;
  if (n_knots == 0) return read_terms(ctx, config, number, start, family, n, spectrum);
  if (n > 1)
    return exset_fail(ctx, EXSET_ERR_INPUT, "-%s: knots stands alone, not in a list", name);
  return read_knots(ctx, config, number, start, spectrum);
}

static int read_field(exset_ctx_t *ctx, const exset_config_t *config, int number, bool start,
                      exset_field_t *field) {
  char name[NAME_SIZE];
  int type;
  int64_t dof;
  EXSET_TRY(exset_config_choice(config, key_name(name, number, "type"), &type));
  EXSET_TRY(exset_config_int(config, key_name(name, number, "dof"), &dof));
  field->type = (exset_field_type_t)type;
  field->dof = type == EXSET_FIELD_CHI_SQUARE ? (int)dof : 1;
  EXSET_TRY(exset_config_bool(config, key_name(name, number, "below"), &field->below));
  EXSET_TRY(exset_config_real(config, key_name(name, number, "coupling"), &field->coupling));
  if (field->coupling != 0 && (number == 1 || type != EXSET_FIELD_GAUSSIAN))
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "-%s is %g: only Gaussian fields after the first can be coupled", name,
                      field->coupling);
  key_name(name, number, "fraction");
  if (!start || exset_config_given(config, name))
    EXSET_TRY(exset_config_real(config, name, &field->fraction));
  return read_spectrum(ctx, config, number, start, &field->spectrum);
}

/* Highest number of a field that has any key given. */
static int count_visit(void *user, const exset_key_t *key, const char *name, const char *value) {
  (void)key, (void)value;
  int number, *highest = user;
  if (sscanf(name, "field%d_", &number) == 1 && number > *highest) *highest = number;
  return EXSET_OK;
}

int cli_model_read(exset_ctx_t *ctx, const exset_config_t *config, bool start,
                   exset_model_t *model) {
  int n = 0;
  EXSET_TRY(exset_config_used(config, count_visit, &n));
  if (n < 1 || n > EXSET_MAX_FIELDS)
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "the model has %d fields (keys field1_..., field2_...): allowed are 1 to %d; "
                      "give a %s",
                      n, EXSET_MAX_FIELDS,
                      start ? "case file with one fewer than phases" : "model.yaml");
  model->n_fields = n;
  for (int i = 0; i < n; i++) EXSET_TRY(read_field(ctx, config, i + 1, start, &model->field[i]));
  return EXSET_OK;
}

/* ---- writing ---- */

static void write_number(FILE *out, double value) {
  char text[EXSET_NUMBER_TEXT];
  exset_number_text(value, text);
  fputs(text, out);
}

static void write_entry(FILE *out, const char *name, double value) {
  fprintf(out, "  %s: ", name);
  write_number(out, value);
  fputc('\n', out);
}

static void write_list(FILE *out, const char *name, int n, const double *value) {
  fprintf(out, "  %s: [", name);
  for (int i = 0; i < n; i++) {
    if (i > 0) fputs(", ", out);
    write_number(out, value[i]);
  }
  fputs("]\n", out);
}

static void write_terms(FILE *out, const exset_spectrum_t *spectrum) {
  static const char *const names[] = {"gaussian", "matern", "ring"};
  double column[5][EXSET_MAX_TERMS] = {{0}};
  const int n = spectrum->n_terms;
  bool nu = false, width = false;
  fputs("  family: [", out);
  for (int t = 0; t < n; t++) {
    const exset_term_t *term = &spectrum->term[t];
    fprintf(out, "%s%s", t ? ", " : "", names[term->family]);
    column[0][t] = term->length_xy;
    column[1][t] = term->length_z;
    column[2][t] = term->weight;
    column[3][t] = term->nu > 0 ? term->nu : 1;
    column[4][t] = term->width > 0 ? term->width : 1;
    nu |= term->family == EXSET_FAMILY_MATERN;
    width |= term->family == EXSET_FAMILY_RING;
  }
  fputs("]\n", out);
  write_list(out, "length_xy", n, column[0]);
  write_list(out, "length_z", n, column[1]);
  if (n > 1) write_list(out, "weight", n, column[2]);
  if (nu) write_list(out, "nu", n, column[3]);
  if (width) write_list(out, "width", n, column[4]);
}

static void write_knots(FILE *out, const exset_spectrum_t *spectrum) {
  const double k_max[2] = {spectrum->knots_max_r, spectrum->knots_max_z};
  const int axes = spectrum->knots_z > 0 ? 2 : 1;
  fputs("  family: knots\n", out);
  if (axes == 2) fprintf(out, "  knots_shape: [%d, %d]\n", spectrum->knots_r, spectrum->knots_z);
  else fprintf(out, "  knots_shape: %d\n", spectrum->knots_r);
  write_list(out, "knots_max", axes, k_max);
  write_list(out, "knots", exset_spectrum_knots(spectrum), spectrum->knots);
}

char *cli_model_text(const exset_model_t *model) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  for (int i = 0; i < model->n_fields; i++) {
    const exset_field_t *field = &model->field[i];
    const bool chi = field->type == EXSET_FIELD_CHI_SQUARE;
    fprintf(out, "field%d:\n  type: %s\n", i + 1, chi ? "chi_square" : "gaussian");
    if (chi) fprintf(out, "  dof: %d\n", field->dof);
    if (field->below) fputs("  below: true\n", out);
    write_entry(out, "fraction", field->fraction);
    if (field->coupling != 0) write_entry(out, "coupling", field->coupling);
    if (field->spectrum.knots_r > 0) write_knots(out, &field->spectrum);
    else write_terms(out, &field->spectrum);
    if (field->spectrum.nugget > 0) write_entry(out, "nugget", field->spectrum.nugget);
  }
  const bool failed = ferror(out);
  if (fclose(out) != 0 || failed) {
    free(text);
    return NULL;
  }
  return text;
}
