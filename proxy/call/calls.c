/*
 * What a loop keeps for its calls: a list of those under way, and a pool.
 *
 * The list is how the host can say what holds a context, and end it: every call
 * is in the list of its loop. A lock of its own guards it, uncontended but
 * while somebody looks. The pool saves a server's call its allocations: a call
 * that ends keeps the first chunk of its arena for the next. Idle time empties
 * it.
 *
 * What stays true: a call in the list has a path and a peer that can be read
 * under the lock. Only the loop touches the pool.
 */
#include "proxy/call/call.h"
#include "proxy/call/intercept.h"

#include "base/census.h"

enum {
    POOL_ARENA_MAX = 8192 /* a larger arena is not kept */
};

struct mf_calls {
    mayfly_host *host;
    pthread_mutex_t lock; /* for `first` and the links */
    mayfly_call *first;
    mayfly_call *pool; /* linked by `next` */
    unsigned n_pool;
};

mf_calls *mf_calls_new(mayfly_host *host)
{
    mf_calls *s = mf_alloc_zero(&host->alloc, sizeof *s);
    if (!s)
        return NULL;
    s->host = host;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void mf_calls_trim(mf_calls *s)
{
    while (s->pool) {
        mayfly_call *c = s->pool;
        s->pool = c->next;
        mf_arena_done(&c->arena);
        mf_alloc_free(&s->host->alloc, c);
    }
    s->n_pool = 0;
}

mayfly_host *mf_calls_host(const mf_calls *s)
{
    return s->host;
}

void mf_calls_free(mf_calls *s)
{
    if (!s)
        return;
    mf_calls_trim(s);
    pthread_mutex_destroy(&s->lock);
    mf_alloc_free(&s->host->alloc, s);
}

void mf_calls_add(mf_calls *s, mayfly_call *c)
{
    pthread_mutex_lock(&s->lock);
    c->calls = s;
    c->next = s->first;
    c->link = &s->first;
    if (c->next)
        c->next->link = &c->next;
    s->first = c;
    pthread_mutex_unlock(&s->lock);
}

void mf_calls_remove(mayfly_call *c)
{
    mf_calls *s = c->calls;
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->calls = NULL;
    pthread_mutex_unlock(&s->lock);
}

void mf_calls_set_context(mayfly_call *c, void *context)
{
    mf_calls *s = c->calls;
    if (s)
        pthread_mutex_lock(&s->lock);
    c->context = context;
    if (s)
        pthread_mutex_unlock(&s->lock);
}

void mf_calls_set_holding(mayfly_call *c, struct mf_intercept *holding)
{
    mf_calls *s = c->calls;
    if (s)
        pthread_mutex_lock(&s->lock);
    c->holding = holding;
    if (s)
        pthread_mutex_unlock(&s->lock);
}

int mf_call_holds(const mf_call_info *info, const void *context)
{
    const struct mf_intercept *x = info->call->holding;
    if (!context || info->context == context)
        return context != NULL;
    for (size_t i = 0; x && i < x->chain->n; i++)
        if (atomic_load(&x->at[i].leased) == context)
            return 1;
    return 0;
}

mayfly_call *mf_calls_take(mf_calls *s)
{
    mayfly_call *c = s->pool;
    if (c) {
        s->pool = c->next;
        s->n_pool--;
    }
    return c;
}

int mf_calls_give(mf_calls *s, mayfly_call *c)
{
    if (s->n_pool >= s->host->tuning.calls_kept ||
        c->arena.bytes > POOL_ARENA_MAX)
        return -1;
    mf_arena_reset(&c->arena);
    c->next = s->pool;
    s->pool = c;
    s->n_pool++;
    return 0;
}

void mf_calls_each(mayfly_host *host,
                   void (*each)(void *state, const mf_call_info *info),
                   void *state)
{
    uint64_t now = mf_clock_ns();
    for (unsigned i = 0; i < host->n_loops; i++) {
        mf_calls *s = host->loops[i]->user;
        pthread_mutex_lock(&s->lock);
        for (mayfly_call *c = s->first; c; c = c->next) {
            mf_call_info info = {
                .call = c,
                .path = mayfly_call_path(c),
                .peer = mayfly_call_peer(c),
                .age_ns = now > c->started_ns ? now - c->started_ns : 0,
                .context = c->context,
                .is_server = c->is_server};
            each(state, &info);
        }
        pthread_mutex_unlock(&s->lock);
    }
}
