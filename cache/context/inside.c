/*
 * cache/context/inside.c: whether a thread runs code of a context.
 *
 * Unloading a context from inside its own code cannot work: the code would wait
 * for itself, or return to memory that is gone. It is refused, and found out in
 * two ways. Whoever calls into a context on behalf of a user (a server's
 * dispatcher; the callbacks of an unload) leaves a note on its stack, which its
 * thread finds; so a host's own handler that runs under the context's lease is
 * known too. And the stack is unwound, because a function whose address came by
 * a pin is called without mayfly: generated code keeps frame pointers and is
 * known to the unwinder. The second way ends at a frame that the unwinder
 * cannot pass, such as a caller compiled without unwind tables.
 *
 * Owns one pointer per thread, to the innermost note.
 */
#include "cache/context/internal.h"

#include "base/error.h"

#include <unwind.h>

enum { FRAMES_MAX = 256 };

static _Thread_local mf_inside *innermost;

void mf_inside_enter(mf_inside *note, const mayfly_context *context)
{
    note->context = context;
    note->outer = innermost;
    innermost = note;
}

void mf_inside_leave(const mf_inside *note)
{
    innermost = note->outer;
}

typedef struct frames {
    size_t n;
    uintptr_t at[FRAMES_MAX];
} frames;

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *frame, void *state)
{
    frames *f = state;
    uintptr_t at = (uintptr_t)_Unwind_GetIP(frame);
    if (!at || f->n == FRAMES_MAX)
        return _URC_END_OF_STACK;
    f->at[f->n++] = at;
    return _URC_NO_REASON;
}

typedef struct looking {
    const frames *frames;
    int found;
} looking;

static void look(void *state, enum mf_part part, const void *at, size_t bytes)
{
    looking *l = state;
    uintptr_t base = (uintptr_t)at;
    if (part != MF_PART_TEXT)
        return;
    for (size_t i = 0; i < l->frames->n; i++)
        if (l->frames->at[i] >= base && l->frames->at[i] - base < bytes)
            l->found = 1;
}

/* Whether one of the addresses is in the text of the context. Lock held. */
static int any_in_text(const mayfly_context *c, const frames *f)
{
    looking l = {f, 0};
    if (!mf_context_is_there(c))
        return 0;
    if (c->payload.parts)
        c->payload.parts(c->payload.unit, look, &l);
    for (mf_binding *b = atomic_load(&c->bindings); b; b = b->next)
        if (b->payload.parts)
            b->payload.parts(b->payload.unit, look, &l);
    return l.found;
}

int mf_inside_holds(const mayfly_context *c, uintptr_t address)
{
    const frames one = {.n = 1, .at = {address}};
    return any_in_text(c, &one);
}

/* Whether a frame of this thread's stack is. */
static int in_frames(mayfly_context *c)
{
    frames f = {0};
    _Unwind_Backtrace(add_frame, &f);
    pthread_mutex_lock(&c->lock);
    int found = any_in_text(c, &f);
    pthread_mutex_unlock(&c->lock);
    return found;
}

int mf_inside_check(mayfly_context *c, mayfly_error *err)
{
    const mf_inside *note = innermost;
    while (note && note->context != c)
        note = note->outer;
    if (!note && !in_frames(c))
        return 0;
    return mf_error_set(err, MAYFLY_EINSIDE,
                        "context \"%s\" cannot be unloaded from inside its own "
                        "code",
                        c->options.name);
}
