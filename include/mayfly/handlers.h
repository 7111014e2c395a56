/*
 * mayfly/handlers.h: what source in a context says of itself, for that source.
 *
 * Handler source (mayfly_load_options) and any other source that is loaded may
 * define the two functions below. With them a unit keeps a state, and a new
 * version of it goes on with the state of the old one, while that still serves:
 *
 *     int mayfly_on_load(const mayfly_handover *from, void **ret_state,
 *                        mayfly_error *err)
 *     {
 *         counter *c = from->state ? from->state : calloc(1, sizeof *c);
 *         if (!c)
 *             return MAYFLY_ENOMEM;
 *         *ret_state = c;
 *         return 0;
 *     }
 *
 *     void mayfly_on_unload(void *state, int in_use)
 *     {
 *         if (!in_use)
 *             free(state);
 *     }
 *
 * The state is what the unit's handlers get as their `state`, where
 * mayfly_server_add_context was given none.
 *
 * Both versions are alive at the same time: the old one's handlers still run and
 * use the state while the new one's mayfly_on_load looks at it, and until the
 * last call of the old one is done. So the state has its own lock, or changes by
 * atomic steps; and it must not point to functions, variables or literals of the
 * version that made it, for they go with that version (mayfly_why names such a
 * pointer). A version that needs the state in another shape makes one of its own
 * and copies.
 */
#ifndef MAYFLY_HANDLERS_H
#define MAYFLY_HANDLERS_H

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

/* What a new version finds. All of it is good while mayfly_on_load runs. */
typedef struct mayfly_handover {
    mayfly_context *context;    /* the new one: COMPILING until it is accepted */
    mayfly_context *previous;   /* the version it is to follow, as it was given
                                   to the load, and held meanwhile; NULL: this
                                   is the first */
    const char *previous_name;  /* its name and number; NULL and 0 */
    uint64_t previous_version;
    void *state; /* its state; NULL: there is none */
} mayfly_handover;

/*
 * Defined by source, or not. Runs once, on the thread that loads, after the
 * constructors (which then run at load too) and before the context is live: no
 * call reaches it yet. It may start threads and timers.
 *
 * 0 accepts, with a state or NULL in `ret_state`. A state that is the very
 * pointer it was offered is then shared by both versions. Anything else, exit,
 * abort and pthread_exit refuse: the load fails with MAYFLY_EREFUSED, the number
 * and what was written to `err->message`; mayfly_on_unload is not called, all
 * else (exit handlers, destructors, wrappers' records) is undone as at an
 * unload. A thread that was started and goes on running keeps the memory until
 * it ends.
 */
int mayfly_on_load(const mayfly_handover *from, void **ret_state,
                   mayfly_error *err);

/*
 * Defined by source, or not. Runs once, when the context is unloaded: after the
 * last lease (so no handler, thread or timer of it runs), before exit handlers,
 * destructors and the memory. `in_use`: another version that is loaded has this
 * state; leave it alone, the last of them is told 0. Versions that have one
 * state end one after the other, whatever order they go in: where a new version
 * is unloaded first, the old one keeps the state. Runs on the thread that gives
 * the memory back (MAYFLY_ON_UNLOADED tells which); must not block.
 */
void mayfly_on_unload(void *state, int in_use);

/* The context that the calling source is loaded into. Every source has it; the
 * library exports no such function. Borrowed: mayfly_context_ref keeps the
 * handle. */
mayfly_context *mayfly_self(void);

MAYFLY_END

#endif
