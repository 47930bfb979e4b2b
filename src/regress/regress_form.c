/* Named laws, published ones, and powers of chosen columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "exset/regress.h"

/* Exponents of eps, beta, tau: a number, or one of these. */
#define FREE NAN
#define NONE INFINITY

typedef struct {
  const char *name, *formula;
  bool free_k;
  double exponent[EXSET_REGRESS_NAMED];
} named_t;

static const named_t named[] = {
    {"power", "k eps^a beta^b / tau^c", true, {FREE, FREE, FREE}},
    {"power1", "eps^a beta^b / tau^c", false, {FREE, FREE, FREE}},
    {"stenzel_beta", "eps beta^b / tau^c", false, {1, FREE, FREE}},
    {"eps_tau", "eps^a / tau^c", false, {FREE, NONE, FREE}},
    {"eps_beta", "eps^a beta^b", false, {FREE, FREE, NONE}},
    {"tau", "eps / tau^c", false, {1, NONE, FREE}},
    {"archie", "k eps^a", true, {FREE, NONE, NONE}},
    {"eps", "eps^a", false, {FREE, NONE, NONE}},
    {"bruggeman", "eps^1.5", false, {1.5, NONE, NONE}},
    {"tau2", "eps / tau^2", false, {1, NONE, 2}},
    {"stenzel2016", "eps beta^0.36 / tau^5.17", false, {1, 0.36, 5.17}},
    {"stenzel2016_eps", "eps^1.15 beta^0.37 / tau^4.39", false, {1.15, 0.37, 4.39}},
};
enum { N_NAMED = sizeof named / sizeof *named };

const char *exset_regress_form_name(int i) {
  return i >= 0 && i < N_NAMED ? named[i].name : NULL;
}

static void add_factor(exset_regress_form_t *form, int predictor, double exponent) {
  static const char *const letter[EXSET_REGRESS_NAMED] = {"a", "b", "c"};
  if (isinf(exponent)) return;
  exset_regress_factor_t *f = &form->factor[form->n_factors++];
  *f = (exset_regress_factor_t){.predictor = predictor,
                                .sign = predictor == EXSET_REGRESS_TAU ? -1 : 1,
                                .free = isnan(exponent),
                                .value = isnan(exponent) ? 0 : exponent};
  strcpy(f->name, letter[predictor]);
}

bool exset_regress_form_named(const char *name, exset_regress_form_t *form) {
  const named_t *found = NULL;
  for (int i = 0; i < N_NAMED && !found; i++)
    if (strcmp(named[i].name, name) == 0) found = &named[i];
  memset(form, 0, sizeof *form);
  if (!found) return false;
  strcpy(form->name, found->name);
  strcpy(form->formula, found->formula);
  form->free_k = found->free_k;
  for (int p = 0; p < EXSET_REGRESS_NAMED; p++) add_factor(form, p, found->exponent[p]);
  form->published = exset_regress_parameters(form) == 0;
  return true;
}

void exset_regress_form_powers(int n, const char *const *names, exset_regress_form_t *form) {
  size_t used = 1;
  *form = (exset_regress_form_t){.name = "predictors", .formula = "k", .free_k = true};
  for (int j = 0; j < n; j++) {
    exset_regress_factor_t *f = &form->factor[form->n_factors++];
    *f = (exset_regress_factor_t){.predictor = j, .sign = 1, .free = true};
    snprintf(f->name, sizeof f->name, "%s", names[j]);
    if (used < sizeof form->formula)
      used += (size_t)snprintf(form->formula + used, sizeof form->formula - used, " %s^a%d",
                               names[j], j + 1);
  }
}

int exset_regress_parameters(const exset_regress_form_t *form) {
  int n = form->free_k;
  for (int j = 0; j < form->n_factors; j++) n += form->factor[j].free;
  return n;
}

const char *exset_regress_parameter(const exset_regress_form_t *form, int i) {
  if (form->free_k && i-- == 0) return "k";
  for (int j = 0; j < form->n_factors; j++)
    if (form->factor[j].free && i-- == 0) return form->factor[j].name;
  return "";
}

bool exset_regress_uses(const exset_regress_form_t *form, int predictor) {
  for (int j = 0; j < form->n_factors; j++)
    if (form->factor[j].predictor == predictor) return true;
  return false;
}
