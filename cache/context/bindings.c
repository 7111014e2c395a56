/*
 * cache/context/bindings.c: further units of one context.
 *
 * A program's header may lay its structs out otherwise than the loaded schema
 * would; the unit built for that header is a binding of the context, made on
 * first use, found again by the header's layout table and an index, and gone
 * with the context. The list only grows while the context lives, so a reader
 * walks it without a lock; writers take the context's.
 *
 * Threads: any, under a lease (which is what keeps the list).
 */
#include "cache/context/internal.h"

#include "base/error.h"

static mf_binding *find(const mayfly_context *c, const void *key1,
                        uint32_t key2)
{
    mf_binding *b = atomic_load_explicit(&c->bindings, memory_order_acquire);
    while (b && (b->key1 != key1 || b->key2 != key2))
        b = b->next;
    return b;
}

void mf_bindings_destroy(mayfly_context *c,
                         void (*destroy)(mayfly_context *c,
                                         const mf_payload *payload))
{
    mf_binding *b = atomic_exchange(&c->bindings, NULL);
    while (b) {
        mf_binding *next = b->next;
        destroy(c, &b->payload);
        mf_counts_drop(b->count);
        mf_alloc_free(c->options.alloc, b);
        b = next;
    }
}

void mf_bindings_census(const mayfly_context *c, mf_census *census)
{
    const mf_binding *b =
        atomic_load_explicit(&c->bindings, memory_order_acquire);
    for (; b; b = b->next)
        if (b->payload.census)
            b->payload.census(b->payload.unit, census);
}

void *mf_context_binding(const mayfly_context *context, const void *key1,
                         uint32_t key2)
{
    mf_binding *b = find(context, key1, key2);
    return b ? b->payload.unit : NULL;
}

void *mf_context_find_binding(const mayfly_context *context,
                              int (*match)(void *state, const void *unit),
                              void *state)
{
    const mf_binding *b =
        atomic_load_explicit(&context->bindings, memory_order_acquire);
    while (b && !match(state, b->payload.unit))
        b = b->next;
    return b ? b->payload.unit : NULL;
}

void *mf_context_add_binding(mayfly_context *context, const void *key1,
                             uint32_t key2, const mf_payload *payload,
                             mayfly_error *err)
{
    mf_binding *b = mf_alloc_zero(context->options.alloc, sizeof *b);
    if (!b || mf_counts_add(context->options.counts, "binding",
                            context->options.name, &b->count) != 0) {
        mf_alloc_free(context->options.alloc, b);
        payload->destroy(payload->unit);
        mf_error_nomem(err, "a binding");
        return NULL;
    }
    b->key1 = key1;
    b->key2 = key2;
    b->payload = *payload;
    mf_tombs_clear(mf_registry_tombs(context->options.registry), payload);

    pthread_mutex_lock(&context->lock);
    mf_binding *first = find(context, key1, key2);
    if (!first) {
        b->next =
            atomic_load_explicit(&context->bindings, memory_order_relaxed);
        atomic_store_explicit(&context->bindings, b, memory_order_release);
    }
    pthread_mutex_unlock(&context->lock);

    if (!first)
        return payload->unit;
    payload->destroy(payload->unit);
    mf_counts_drop(b->count);
    mf_alloc_free(context->options.alloc, b);
    return first->payload.unit;
}
