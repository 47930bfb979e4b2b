/* Private to sweep. */
#ifndef EXSET_SWEEP_IMPL_H
#define EXSET_SWEEP_IMPL_H

#include "exset/sweep.h"

/* sweep_digest.c: FNV-1a of the first n characters of a text, from a start of its own, well mixed at the end. */
uint64_t sweep_hash(const char *text, size_t n, uint64_t start);
/* 32 hexadecimal digits back to a digest; false: they are not. */
bool sweep_digest_parse(const char *text, exset_digest_t *digest);

#endif
