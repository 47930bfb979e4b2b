#ifndef EXSET_CONDUCT_SIMD_H
#define EXSET_CONDUCT_SIMD_H

/* Versions of a hot function for newer vector units, chosen when the program starts. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define CONDUCT_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CONDUCT_SIMD
#endif

#endif
