/* Private to validate. */
#ifndef EXSET_VALIDATE_IMPL_H
#define EXSET_VALIDATE_IMPL_H

#include "exset/validate.h"

/* validate_clusters.c: clusters, largest and spanning shares. Local. Errors: EXSET_ERR_LOCAL. */
int section_clusters(exset_ctx_t *ctx, const exset_section_t *section, const double pixel[2],
                     exset_section_figures_t *figures);

#endif
