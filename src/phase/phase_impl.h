/* Shared inside the phase module. */
#ifndef EXSET_PHASE_IMPL_H
#define EXSET_PHASE_IMPL_H

#include "exset/phase.h"

/** Threshold l with P(X >= l) = p for the field's marginal, whatever its set. Local. */
double exset_phase_quantile(const exset_field_t *field, double p);

#endif
