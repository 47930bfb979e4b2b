#ifndef EXSET_MORPH_SIMD_H
#define EXSET_MORPH_SIMD_H

/* Versions of a hot function for newer vector units, chosen when the program starts. Jammed loops are not made vector code. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define MORPH_SIMD \
  __attribute__((target_clones("avx512f", "avx2", "default"), optimize("no-loop-unroll-and-jam")))
#else
#define MORPH_SIMD
#endif

#endif
