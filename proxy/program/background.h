/*
 * proxy/program/background.h: what timers and threads of a context have in
 * common.
 *
 * Each is a record of the context's (cache/context/owned.h) in a block of its
 * own, which is counted: the context has a reference until the record is taken
 * out, the user one by the handle, and whatever is under way one. The block
 * keeps the memory of the context's handle, so that the record can be taken out
 * at any time.
 */
#ifndef MF_PROXY_BACKGROUND_H
#define MF_PROXY_BACKGROUND_H

#include "cache/context/owned.h"
#include "proxy/host/host.h"

/* Checks what a user gives; its host in `ret_host`. */
int mf_background_check(mayfly_context *context, int has_function,
                        mayfly_host **ret_host, mayfly_error *err);

/* The record's name: the one that is given, or what is at the address. Under a
 * lease. */
void mf_background_name(mayfly_context *context, mf_owned *o, const char *name,
                        const void *function);

/* Calls into the context, whose lease is held. 1 when exit has ended it. */
int mf_background_call(mayfly_context *context, void (*call)(void *state),
                       void *state);

#endif
