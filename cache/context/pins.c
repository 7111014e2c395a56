/*
 * cache/context/pins.c: leases that users ask for, with their names on.
 *
 * Whoever keeps pointers into a context says so with a pin. A pin that is never
 * given back is the classic reason why something does not unload, so each one
 * remembers who took it, where, on which thread and when; an unload that cannot
 * go on shows them.
 *
 * Who owns what: a pin holds a reference to the handle and a lease. Its strings
 * are copies, for the code that passed them may lie in the very context.
 *
 * Threads: any. After fork() a pin of the parent is left as it is.
 */
#include "cache/context/internal.h"

#include "base/error.h"
#include "base/guest.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { LISTED_MAX = 8 };

static void pin_release(mf_alloc *alloc, mayfly_pin *pin)
{
    mf_counts_drop(pin->count);
    mf_alloc_free(alloc, pin->owner);
    mf_alloc_free(alloc, pin->file);
    mf_alloc_free(alloc, pin);
}

static void link_pin(mayfly_context *c, mayfly_pin *pin)
{
    pthread_mutex_lock(&c->lock);
    pin->next = c->pins;
    if (c->pins)
        c->pins->prev = pin;
    c->pins = pin;
    c->n_pins++;
    pthread_mutex_unlock(&c->lock);
}

static void unlink_pin(mayfly_context *c, mayfly_pin *pin)
{
    pthread_mutex_lock(&c->lock);
    if (pin->prev)
        pin->prev->next = pin->next;
    else
        c->pins = pin->next;
    if (pin->next)
        pin->next->prev = pin->prev;
    c->n_pins--;
    pthread_mutex_unlock(&c->lock);
}

void mf_pins_list(const mayfly_context *c, mf_buf *out)
{
    uint64_t now = mf_clock_ns();
    size_t shown = 0;
    mf_buf_printf(out, "%zu pin%s: ", c->n_pins, c->n_pins == 1 ? "" : "s");
    for (const mayfly_pin *p = c->pins; p; p = p->next) {
        if (shown == LISTED_MAX) {
            mf_buf_printf(out, ", and %zu more", c->n_pins - shown);
            break;
        }
        mf_buf_printf(out, "%s%s (%s:%d, thread %ld, %llu ms)",
                      shown ? ", " : "", p->owner, p->file, p->line, p->thread,
                      (unsigned long long)((now - p->at_ns) / 1000000));
        shown++;
    }
}

int mayfly_pin_new(mayfly_context *context, const char *owner, const char *file,
                   int line, mayfly_pin **ret_pin, mayfly_error *err)
{
    if (!context || !ret_pin)
        return mf_error_set(err, MAYFLY_EINVAL, "no context to pin");
    int code = mf_lease_take(context, err);
    if (code != 0)
        return code;

    mf_alloc *alloc = context->options.alloc;
    mayfly_pin *pin = mf_alloc_zero(alloc, sizeof *pin);
    if (pin) {
        pin->owner = mf_alloc_strdup(alloc, owner ? owner : "(no name)");
        pin->file = mf_alloc_strdup(alloc, file ? file : "?");
    }
    if (!pin || !pin->owner || !pin->file ||
        mf_counts_add(context->options.counts, "pin", pin->owner,
                      &pin->count) != 0) {
        if (pin)
            pin_release(alloc, pin);
        mf_lease_drop(context);
        return mf_error_nomem(err, "a pin");
    }
    pin->context = mayfly_context_ref(context);
    pin->line = line;
    pin->thread = syscall(SYS_gettid);
    pin->at_ns = mf_clock_ns();
    link_pin(context, pin);
    *ret_pin = pin;
    return 0;
}

void mayfly_pin_free(mayfly_pin *pin)
{
    if (!pin || mf_fork_check(pin->context->options.fork_generation, NULL) != 0)
        return;
    mayfly_context *c = pin->context;
    unlink_pin(c, pin);
    pin_release(c->options.alloc, pin);
    mf_lease_drop(c);
    mayfly_context_unref(c);
}

int mayfly_pin_symbol(const mayfly_pin *pin, const char *name,
                      void **ret_address, mayfly_error *err)
{
    if (!pin || !name || !ret_address)
        return mf_error_set(err, MAYFLY_EINVAL, "no pin or no name");
    const mf_payload *p = &pin->context->payload;
    void *address = p->symbol ? p->symbol(p->unit, name) : NULL;
    if (!address)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "context \"%s\" defines no symbol \"%s\"",
                            pin->context->options.name, name);
    const char *trouble = p->trouble ? p->trouble(p->unit, name) : NULL;
    if (trouble)
        return mf_error_set(err, MAYFLY_EUNSUPPORTED, "%s", trouble);
    *ret_address = address;
    return 0;
}
