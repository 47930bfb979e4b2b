/**
 * signal: SIGTERM and SIGUSR1 (batch systems send them some time before they kill) noted instead of deadly, so that
 * long work can end in order. All functions here are local.
 */
#ifndef EXSET_SIGNAL_H
#define EXSET_SIGNAL_H

#include <signal.h>

#include "exset/core.h"

/* The handlers, and their stack, that were in place before. */
typedef struct {
  struct sigaction term, usr1;
  stack_t stack;
} exset_signal_t;

/** From now on take note of both signals; nothing has been seen yet. before: for exset_signal_restore. Errors: EXSET_ERR_LOCAL. */
int exset_signal_watch(exset_ctx_t *ctx, exset_signal_t *before);
/** The last signal seen on this rank since exset_signal_watch, or 0. */
int exset_signal_seen(void);
/** Put back the handlers that were there before. Never fails. */
void exset_signal_restore(const exset_signal_t *before);

#endif
