/*
 * cache/units/swap.c: which version is current.
 *
 * A swap prepares everything while the old version serves: the new one is read,
 * compiled, looked at, bound to every header that is in use. Then one pointer
 * is stored. When the grace period that follows is over, nobody can take a
 * lease on the old version through the unit any more; it is closed, and its
 * last lease unloads it.
 *
 * What stays true: whatever fails before the store leaves the unit as it was. A
 * follower is bound either to the version that was current or, because the
 * followers' lock is held from the binding to the store, to the new one too.
 *
 * Threads: any that may wait.
 */
#include "base/error.h"
#include "base/options.h"
#include "cache/units/units_own.h"

/* --- which one is current --- */

typedef struct swapping {
    mayfly_unit *unit;
    const mayfly_swap_options *options;
    mf_version *to;
    int known;          /* it is linked */
    uint64_t stored_ns; /* when it became current */
    mayfly_swap result;
} swapping;

/* Stores the pointer; `ret_old` is out of the unit unless it is kept. */
static void publish(swapping *s, mf_version **ret_old)
{
    mayfly_unit *unit = s->unit;
    pthread_mutex_lock(&unit->units->lock);
    mf_version *old = atomic_load(&unit->current);
    if (!s->known)
        mf_version_link(unit, s->to);
    s->stored_ns = mf_clock_ns();
    atomic_store(&unit->current, s->to);
    if (old && !s->options->keep)
        mf_version_unlink(unit, old);
    unit->units->counted.swaps++;
    pthread_mutex_unlock(&unit->units->lock);
    *ret_old = old;
}

/* Binds the new version, makes it current, and shows it to who follows. */
static int bind_and_publish(swapping *s, mayfly_context *context,
                            mf_version **ret_old, mayfly_error *err)
{
    mayfly_unit *unit = s->unit;
    pthread_mutex_lock(&unit->following);
    int code = mf_unit_prepare(unit, context, err);
    if (code == 0) {
        publish(s, ret_old);
        for (mf_follower *f = unit->followers, *next; f; f = next) {
            next = f->next; /* it may end to follow */
            if (f->publish)
                f->publish(f, context);
        }
    }
    pthread_mutex_unlock(&unit->following);
    return code;
}

/* Lets the old version go. */
static void retire(swapping *s, mf_version *old)
{
    mf_units *units = s->unit->units;
    mayfly_context *context = NULL;
    mf_grace_wait(units->o.grace);
    s->result.swap_us = (mf_clock_ns() - s->stored_ns) / 1000;
    pthread_mutex_lock(&units->lock);
    units->counted.swap_us += s->result.swap_us;
    pthread_mutex_unlock(&units->lock);
    if (s->options->keep || !old)
        return;
    uint64_t deadline = s->stored_ns + (uint64_t)s->options->wait_ms * 1000000;
    s->result.gone = mf_version_end(units, old, deadline, &context);
    if (s->result.gone && context &&
        mayfly_context_receipt(context, &s->result.receipt, NULL) != 0)
        s->result.receipt = NULL;
    mayfly_context_unref(context);
}

/* Under `changing`. */
static int swap_to(swapping *s, uint64_t deadline_ns, mayfly_error *err)
{
    mf_version *old = atomic_load(&s->unit->current);
    s->result.from = old ? old->number : 0;
    s->result.to = s->to->number;
    if (old == s->to)
        return 0;
    mayfly_context *context;
    uint64_t start = mf_clock_ns();
    int code = mf_version_lease(s->unit, s->to, deadline_ns, &context, err);
    if (code != 0)
        return code;
    mayfly_error refused = MAYFLY_ERROR_INIT;
    if (s->options->check &&
        (code = s->options->check(s->options->check_state, context,
                                  &refused)) != 0) {
        refused.code = code;
        mf_error_copy(err, &refused);
        if (!refused.message[0])
            mf_error_set(err, code, "\"%s\" was refused by the check",
                         mayfly_context_name(context));
    }
    if (code == 0)
        code = bind_and_publish(s, context, &old, err);
    s->result.build_us =
        ((code == 0 ? s->stored_ns : mf_clock_ns()) - start) / 1000;
    mf_lease_drop(context);
    if (code == 0)
        retire(s, old);
    return code;
}

static void count_refused(mf_units *units)
{
    pthread_mutex_lock(&units->lock);
    units->counted.refused_swaps++;
    pthread_mutex_unlock(&units->lock);
}

static int read_options(mayfly_unit *unit, const mayfly_swap_options *given,
                        mayfly_swap_options *ret, mayfly_error *err)
{
    *ret = (mayfly_swap_options){.size = sizeof *ret};
    if (!unit)
        return mf_error_set(err, MAYFLY_EINVAL, "no unit");
    int code = mf_options_read(ret, sizeof *ret, given, "swap options", err);
    return code == 0 ? mf_units_may_wait(unit->units, err) : code;
}

static void tell(const swapping *s, mayfly_swap *ret_swap)
{
    if (ret_swap)
        *ret_swap = s->result;
    else
        mayfly_receipt_free(s->result.receipt);
}

int mf_unit_swap(mayfly_unit *unit, const mf_recipe *recipe,
                 const mayfly_swap_options *options, mayfly_swap *ret_swap,
                 mayfly_error *err)
{
    mf_units *units = unit->units;
    swapping s = {.unit = unit};
    mayfly_swap_options o;
    int code = read_options(unit, options, &o, err);
    if (code == 0 && recipe->label)
        code = mf_version_check_label(recipe->label, err);
    if (code == 0)
        code = mf_unit_lock(unit, recipe->deadline_ns, err);
    if (code != 0) {
        units->o.free_recipe(units->o.host, recipe->made);
        return code;
    }
    s.options = &o;
    code = mf_unit_check(unit, err);
    if (code != 0)
        units->o.free_recipe(units->o.host, recipe->made);
    else
        code = mf_version_make(unit, recipe, &s.to, &s.known, err);
    if (code == 0) {
        code = swap_to(&s, recipe->deadline_ns, err);
        if (code != 0 && !s.known)
            mf_version_end(units, s.to, 0, NULL);
    }
    if (code != 0)
        count_refused(units);
    pthread_mutex_unlock(&unit->changing);
    if (code == 0)
        tell(&s, ret_swap);
    return code;
}

int mayfly_unit_use(mayfly_unit *unit, uint64_t version,
                    const mayfly_swap_options *options, mayfly_swap *ret_swap,
                    mayfly_error *err)
{
    swapping s = {.unit = unit, .known = 1};
    mayfly_swap_options o;
    int code = read_options(unit, options, &o, err);
    if (code == 0)
        code = mf_unit_lock(unit, 0, err);
    if (code != 0)
        return code;
    s.options = &o;
    code = mf_unit_check(unit, err);
    s.to = code == 0 ? mf_version_find(unit, version) : NULL;
    if (code == 0 && !s.to)
        code = mf_error_set(err, MAYFLY_ENOTFOUND,
                            "unit \"%s\" has no version %llu", unit->name,
                            (unsigned long long)version);
    if (code == 0) {
        code = swap_to(&s, 0, err);
        if (code != 0)
            count_refused(unit->units);
    }
    pthread_mutex_unlock(&unit->changing);
    if (code == 0)
        tell(&s, ret_swap);
    return code;
}
