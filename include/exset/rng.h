/**
 * rng: counter-based random numbers (Philox4x32-10) and normal variates.
 *
 * A draw is a pure function of (seed, stream, index, part) -- hashed into a key -- and of a counter
 * of four 32-bit words that names what the number is for (a mode, a weight, a patch). It depends neither on the
 * rank, nor on the order of calls, nor on the instruction set: the code is compiled without fused operations
 * and uses its own logarithm, sine and cosine.
 */
#ifndef EXSET_RNG_H
#define EXSET_RNG_H

#include "exset/core.h"

/* Purposes; each has keys of its own. Append only: numbers are part of the reproducible results. */
typedef enum {
  EXSET_STREAM_VOLUME = 1,  /* modes of 3D realisations: index = realisation, part = field */
  EXSET_STREAM_SECTION = 2, /* modes of 2D sections during calibration */
  EXSET_STREAM_PATCH = 3,   /* places of image patches */
  EXSET_STREAM_NETWORK = 4, /* initial weights */
  EXSET_STREAM_START = 5,   /* starting points of ensembles */
  EXSET_STREAM_DESIGN = 6,  /* parameter samples of sweeps */
  EXSET_STREAM_CHOICE = 7,  /* random choices among realisations: index = choice, part = what for */
  EXSET_STREAM_END
} exset_stream_t;

typedef struct {
  uint32_t word[2];
} exset_rng_key_t;

/** Key of a stream: Philox of the counter (index, part, stream) under the seed. Local. */
exset_rng_key_t exset_rng_key(uint64_t seed, exset_stream_t stream, uint64_t index, uint32_t part);

/* Draws are made in batches of counters, word by word. */
enum { EXSET_RNG_BATCH = 64, EXSET_RNG_QUANTUM = 16 };
typedef struct {
  uint32_t word[4][EXSET_RNG_BATCH] __attribute__((aligned(64)));
} exset_rng_batch_t;
typedef struct {
  float value[4][EXSET_RNG_BATCH] __attribute__((aligned(64)));
} exset_normal_batch_t;

/** Replace the first n counters (at most EXSET_RNG_BATCH, rounded up to the quantum) by their random words.
 *  Local. */
void exset_rng_words(exset_rng_key_t key, int n, exset_rng_batch_t *batch);
/**
 * Normal variates from random words (Box-Muller): words 0 and 1 give values 0 and 1, words 2 and 3
 * give values 2 and 3. Mean 0, variance 1/2: a pair is a complex normal variate w with E|w|^2 = 1. |value| < 4.8. Local.
 */
void exset_rng_normals(int n, const exset_rng_batch_t *words, exset_normal_batch_t *normals);

/**
 * Noise of two columns of modes: for i < n <= EXSET_RNG_RUN the four words of the counter (word[0], word[1], third[i], word[2]) give two
 * complex normal variates as above; out[v][2 i], out[v][2 i + 1] = amplitude[v][i] times the v-th of them, v = 0, 1.
 * Either of out may be NULL: not wanted. third and amplitude must be readable up to n rounded up to the quantum. Local.
 */
enum { EXSET_RNG_RUN = 256 };
void exset_rng_modes(exset_rng_key_t key, const uint32_t word[3], int n, const uint32_t *third,
                     const float *const amplitude[2], float *const out[2]);

/** One counter's four random words, and uniform numbers in (0, 1) from a word: for draws that are few. Local. */
void exset_rng_one(exset_rng_key_t key, const uint32_t counter[4], uint32_t word[4]);
static inline double exset_rng_uniform(uint32_t word) {
  return ((double)word + 0.5) * 0x1p-32;
}

#endif
