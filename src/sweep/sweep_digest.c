/* Identities of units of work. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sweep_impl.h"

/* FNV-1a (Fowler, Noll, Vo), and the finaliser of MurmurHash3. */
uint64_t sweep_hash(const char *text, size_t n, uint64_t start) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (start * UINT64_C(0x9e3779b97f4a7c15));
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
  h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
  h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
  return h ^ (h >> 33);
}

exset_digest_t exset_digest(const char *text) {
  const size_t n = strlen(text);
  return (exset_digest_t){{sweep_hash(text, n, 1), sweep_hash(text, n, 2)}};
}

exset_digest_t exset_digest_unit(exset_digest_t sample, int64_t realisation) {
  char text[EXSET_DIGEST_TEXT + 32], digits[EXSET_DIGEST_TEXT];
  exset_digest_text(sample, digits);
  snprintf(text, sizeof text, "%s/%" PRId64, digits, realisation);
  return exset_digest(text);
}

void exset_digest_text(exset_digest_t digest, char text[EXSET_DIGEST_TEXT]) {
  snprintf(text, EXSET_DIGEST_TEXT, "%016" PRIx64 "%016" PRIx64, digest.word[0], digest.word[1]);
}

bool sweep_digest_parse(const char *text, exset_digest_t *digest) {
  if (strspn(text, "0123456789abcdef") != 2 * 16) return false;
  return sscanf(text, "%16" SCNx64 "%16" SCNx64, &digest->word[0], &digest->word[1]) == 2;
}
