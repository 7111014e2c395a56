/*
 * cache/units/units.c: the names, and how calls get from a name to code.
 *
 * A unit is found in a table that is read without a lock, and is itself read
 * without one: two loads lead to the context of its current version, and a
 * lease is taken before the section ends. So a call that finds everything there
 * writes nothing but its processor's own counts and, every few milliseconds,
 * when the content was used.
 *
 * Where the context is not there, the call is cold: it takes the slow way,
 * which builds, or waits for who does (content.c). A lease is refused as well
 * while a content is being evicted; that is cold, too, and ends with a context.
 *
 * Who owns what: the table has a reference to each unit, a unit has its
 * versions and a reference to the host. A unit that was removed is a handle
 * that answers EUNLOADED.
 *
 * Threads: any.
 */
#include "base/error.h"
#include "base/sync.h"
#include "cache/units/units_own.h"

#include <string.h>
#include <time.h>

enum { NAME_MAX_BYTES = 200 };

uint64_t mf_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int mf_units_check(const mf_units *units, mayfly_error *err)
{
    return mf_fork_check(units->o.fork_generation, err);
}

int mf_units_may_wait(const mf_units *units, mayfly_error *err)
{
    int code = mf_units_check(units, err);
    if (code == 0 && units->o.on_loop && units->o.on_loop(units->o.host))
        code = mf_error_set(err, MAYFLY_EONLOOP,
                            "building or waiting on a loop thread");
    return code;
}

/* --- the cache of a host --- */

static int init_sync(mf_units *u)
{
    if (mf_sync_init(&u->lock, &u->changed) != 0)
        return -1;
    pthread_mutex_init(&u->past_lock, NULL);
    return 0;
}

mf_units *mf_units_new(const mf_units_options *options)
{
    mf_alloc *alloc = options->alloc;
    mf_units *u = mf_alloc_zero(alloc, sizeof *u);
    if (!u || init_sync(u) != 0) {
        mf_alloc_free(alloc, u);
        return NULL;
    }
    u->o = *options;
    u->budget = (mayfly_cache_budget){.size = sizeof u->budget,
                                      .failure_ms = MF_FAILURE_MS,
                                      .receipts = MF_RECEIPTS};
    u->names = mf_table_new(alloc, options->grace);
    u->contents = mf_map_new(alloc);
    if (!u->names || !u->contents) {
        mf_units_free(u);
        return NULL;
    }
    return u;
}

void mf_units_free(mf_units *u)
{
    if (!u)
        return;
    mf_table_free(u->names);
    mf_map_free(u->contents);
    pthread_cond_destroy(&u->changed);
    pthread_mutex_destroy(&u->lock);
    pthread_mutex_destroy(&u->past_lock);
    mf_alloc_free(u->o.alloc, u);
}

/* All there are, in a list, each with a reference. */
static int list_unit(void *state, void *value)
{
    mayfly_unit **first = state, *unit = mayfly_unit_ref(value);
    unit->closing = *first;
    *first = unit;
    return 0;
}

void mf_units_close(mf_units *units)
{
    mayfly_unit *first = NULL;
    pthread_mutex_lock(&units->lock);
    int before = units->closed;
    units->closed = 1; /* none is added from now on */
    unsigned side = mf_grace_enter(units->o.grace);
    if (!before)
        mf_table_each(units->names, list_unit, &first);
    mf_grace_leave(units->o.grace, side);
    pthread_mutex_unlock(&units->lock);
    mf_units_close_past(units); /* its handles keep the host */
    while (first) {
        mayfly_unit *next = first->closing;
        int unused;
        mf_unit_take_out(first, 0, &unused, NULL);
        mayfly_unit_unref(first);
        first = next;
    }
}

/* --- one unit --- */

static void free_unit(mf_alloc *alloc, mayfly_unit *unit)
{
    pthread_mutex_destroy(&unit->changing);
    pthread_mutex_destroy(&unit->following);
    mf_alloc_free(alloc, unit->name);
    mf_alloc_free(alloc, unit);
}

/* A thread that changes the unit while it changes it is told so. */
static void init_changing(mayfly_unit *unit)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&unit->changing, &attr);
    pthread_mutexattr_destroy(&attr);
}

/* Two references: the table's and the caller's. */
static mayfly_unit *new_unit(mf_units *units, const char *name)
{
    mf_alloc *alloc = units->o.alloc;
    mayfly_unit *unit = mf_alloc_zero(alloc, sizeof *unit);
    char *copy = mf_alloc_strdup(alloc, name);
    if (!unit || !copy) {
        mf_alloc_free(alloc, copy);
        mf_alloc_free(alloc, unit);
        return NULL;
    }
    init_changing(unit);
    pthread_mutex_init(&unit->following, NULL);
    unit->units = units;
    unit->name = copy;
    atomic_init(&unit->refs, 2);
    if (units->o.ref_host)
        units->o.ref_host(units->o.host);
    if (mf_table_add(units->names, copy, strlen(copy), unit) != 0) {
        free_unit(alloc, unit);
        if (units->o.unref_host)
            units->o.unref_host(units->o.host);
        return NULL;
    }
    return unit;
}

mayfly_unit *mayfly_unit_ref(mayfly_unit *unit)
{
    if (unit)
        atomic_fetch_add(&unit->refs, 1);
    return unit;
}

void mayfly_unit_unref(mayfly_unit *unit)
{
    if (!unit || mf_units_check(unit->units, NULL) != 0 ||
        atomic_fetch_sub(&unit->refs, 1) != 1)
        return;
    mf_units_options o = unit->units->o;
    free_unit(o.alloc, unit);
    if (o.unref_host)
        o.unref_host(o.host); /* the cache may go with it */
}

const char *mayfly_unit_name(const mayfly_unit *unit)
{
    return unit->name;
}

void *mf_unit_host(const mayfly_unit *unit)
{
    return unit->units->o.host;
}

mayfly_unit *mf_units_lookup(mf_units *units, const char *name)
{
    unsigned side = mf_grace_enter(units->o.grace);
    mayfly_unit *unit = mf_table_find(units->names, name, strlen(name));
    mayfly_unit_ref(unit); /* the table's own is dropped after a grace */
    mf_grace_leave(units->o.grace, side);
    return unit;
}

int mf_units_find(mf_units *units, const char *name, mayfly_unit **ret_unit,
                  mayfly_error *err)
{
    mayfly_unit *unit = mf_units_lookup(units, name);
    if (!unit ||
        mayfly_unit_version(unit) == 0) { /* its first is being built */
        mayfly_unit_unref(unit);
        return mf_error_set(err, MAYFLY_ENOTFOUND, "no unit \"%.200s\"", name);
    }
    *ret_unit = unit;
    return 0;
}

int mf_units_find_or_add(mf_units *units, const char *name,
                         mayfly_unit **ret_unit, mayfly_error *err)
{
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_BYTES || strchr(name, '@'))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a unit's name has 1 to %d bytes and no \"@\"",
                            NAME_MAX_BYTES);
    mayfly_unit *unit = mf_units_lookup(units, name);
    pthread_mutex_lock(&units->lock);
    int closed = units->closed;
    if (!unit && !closed) { /* another thread may have been first */
        unit = mf_units_lookup(units, name);
        if (!unit)
            unit = new_unit(units, name);
    }
    pthread_mutex_unlock(&units->lock);
    if (closed) {
        mayfly_unit_unref(unit);
        return mf_error_set(err, MAYFLY_ECANCELLED, "the host is being freed");
    }
    if (!unit)
        return mf_error_nomem(err, "a unit");
    *ret_unit = unit;
    return 0;
}

uint64_t mayfly_unit_version(const mayfly_unit *unit)
{
    mf_grace *grace = unit->units->o.grace;
    unsigned side = mf_grace_enter(grace);
    const mf_version *v = atomic_load(&unit->current);
    uint64_t number = v ? v->number : 0;
    mf_grace_leave(grace, side);
    return number;
}

/* --- leases --- */

int mf_unit_try_lease(mayfly_unit *unit, mayfly_context **ret_context)
{
    mf_grace *grace = unit->units->o.grace;
    unsigned side = mf_grace_enter(grace);
    const mf_version *v = atomic_load(&unit->current);
    int code = v ? mf_content_try_lease(v->content, ret_context) : MF_UNIT_COLD;
    mf_grace_leave(grace, side);
    return code;
}

/* A reference to the content of a version; 0: the current one. */
static int content_of(mayfly_unit *unit, uint64_t number, mf_content **ret,
                      mayfly_error *err)
{
    *ret = NULL;
    pthread_mutex_lock(&unit->units->lock);
    const mf_version *v = number ? unit->versions : atomic_load(&unit->current);
    while (number && v && v->number != number)
        v = v->next;
    int removed = unit->removed;
    if (v) {
        *ret = v->content;
        v->content->refs++;
    }
    pthread_mutex_unlock(&unit->units->lock);
    if (v)
        return 0;
    if (!removed && number)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "unit \"%s\" has no version %llu", unit->name,
                            (unsigned long long)number);
    return mf_error_set(err, MAYFLY_EUNLOADED, "unit \"%s\" %s", unit->name,
                        removed ? "was removed" : "has no version yet");
}

static int lease_version(mayfly_unit *unit, uint64_t number,
                         uint64_t deadline_ns, mayfly_context **ret_context,
                         mayfly_error *err)
{
    mf_content *c;
    int code = mf_units_may_wait(unit->units, err);
    if (code == 0)
        code = content_of(unit, number, &c, err);
    if (code != 0)
        return code;
    /* nobody is bound to a version that is not current */
    code = mf_content_lease(c, number ? NULL : unit, NULL, deadline_ns,
                            ret_context, err);
    mf_content_put(c);
    return code;
}

int mf_unit_lease(mayfly_unit *unit, uint64_t deadline_ns,
                  mayfly_context **ret_context, mayfly_error *err)
{
    int code = mf_units_check(unit->units, err);
    if (code != 0)
        return code;
    if (mf_unit_try_lease(unit, ret_context) == 0)
        return 0;
    return lease_version(unit, 0, deadline_ns, ret_context, err);
}

int mayfly_unit_context(mayfly_unit *unit, uint64_t version, unsigned wait_ms,
                        mayfly_context **ret_context, mayfly_error *err)
{
    mayfly_context *context;
    if (!unit || !ret_context)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no unit or nowhere to put the context");
    uint64_t deadline =
        wait_ms ? mf_clock_ns() + (uint64_t)wait_ms * 1000000 : 0;
    int code = version ? lease_version(unit, version, deadline, &context, err)
                       : mf_unit_lease(unit, deadline, &context, err);
    if (code != 0)
        return code;
    *ret_context = mayfly_context_ref(context);
    mf_lease_drop(context);
    return 0;
}

/* --- who is bound to a unit --- */

int mf_unit_prepare(mayfly_unit *unit, mayfly_context *context,
                    mayfly_error *err)
{
    int code = 0;
    for (mf_follower *f = unit->followers; f && code == 0; f = f->next)
        code = f->prepare(f, context, err);
    return code;
}

static int is_current(mayfly_unit *unit, const mayfly_context *context)
{
    mf_grace *grace = unit->units->o.grace;
    unsigned side = mf_grace_enter(grace);
    const mf_version *v = atomic_load(&unit->current);
    int same = v && atomic_load(&v->content->context) == context;
    mf_grace_leave(grace, side);
    return same;
}

int mf_unit_is_unbuilt(mayfly_unit *unit)
{
    pthread_mutex_lock(&unit->units->lock);
    const mf_version *v = atomic_load(&unit->current);
    const mf_content *c = v ? v->content : NULL;
    int unbuilt = c && !c->builds && !c->building && !atomic_load(&c->context);
    pthread_mutex_unlock(&unit->units->lock);
    return unbuilt;
}

int mf_unit_each_method(mayfly_unit *unit, mf_method_fn each, void *state,
                        mayfly_error *err)
{
    const mf_units_options *o = &unit->units->o;
    mf_content *c;
    int code = content_of(unit, 0, &c, err);
    if (code != 0)
        return code;
    code = o->each_method(o->host, c->made, each, state, err);
    mf_content_put(c);
    return code;
}

/* `following` is held. */
static void link_follower(mayfly_unit *unit, mf_follower *follower)
{
    follower->next = unit->followers;
    follower->link = &unit->followers;
    if (follower->next)
        follower->next->link = &follower->next;
    unit->followers = follower;
}

/* Who builds it takes `following` when it has begun to, so it finds this one.
 */
static int follow_unbuilt(mayfly_unit *unit, mf_follower *follower)
{
    pthread_mutex_lock(&unit->following);
    int done = mf_unit_is_unbuilt(unit);
    if (done)
        link_follower(unit, follower);
    pthread_mutex_unlock(&unit->following);
    return done;
}

int mf_unit_follow(mayfly_unit *unit, mf_follower *follower, mayfly_error *err)
{
    if (follower->waits && mf_units_check(unit->units, NULL) == 0 &&
        follow_unbuilt(unit, follower))
        return 0;
    for (;;) {
        mayfly_context *context;
        int code = mf_unit_lease(unit, 0, &context, err);
        if (code != 0)
            return code;
        pthread_mutex_lock(&unit->following);
        int done = is_current(unit, context); /* no swap comes in between */
        if (done)
            code = follower->prepare(follower, context, err);
        if (done && code == 0)
            link_follower(unit, follower);
        pthread_mutex_unlock(&unit->following);
        mf_lease_drop(context);
        if (done)
            return code;
    }
}

void mf_unit_unfollow_within(mf_follower *follower)
{
    *follower->link = follower->next;
    if (follower->next)
        follower->next->link = follower->link;
    follower->link = NULL;
}

void mf_unit_unfollow(mayfly_unit *unit, mf_follower *follower)
{
    if (mf_units_check(unit->units, NULL) != 0)
        return;
    pthread_mutex_lock(&unit->following); /* its neighbours change the link */
    if (follower->link)
        mf_unit_unfollow_within(follower);
    pthread_mutex_unlock(&unit->following);
}
