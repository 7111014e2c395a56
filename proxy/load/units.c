/*
 * proxy/load/units.c: the cache of a host, joined to the compiler and to a
 * clock.
 *
 * The cache knows recipes as opaque pointers; here they are read and built
 * (recipe.c). What was idle for too long is looked for on a worker, which a
 * timer of the first loop wakes once in a while, as long as the budget asks for
 * it.
 *
 * Threads: any.
 */
#include "proxy/load/units.h"

#include "proxy/program/program.h"
#include "proxy/load/recipe.h"

#include "base/error.h"
#include "base/owner.h"

#include <string.h>

enum { TICK_MS_MIN = 10 };

/* --- the clock --- */

struct mf_units_clock {
    mayfly_host *host;
    mf_task arm; /* to the loop */
    mf_timer timer;
    mf_task work; /* to a worker */
    atomic_int is_armed;
    atomic_uint next_ms;
};

static void arm_clock(struct mf_units_clock *clock, unsigned ms)
{
    if (atomic_exchange(&clock->is_armed, 1))
        return;
    atomic_store(&clock->next_ms, ms < TICK_MS_MIN ? TICK_MS_MIN : ms);
    if (mf_loop_post(clock->host->loops[0], &clock->arm) != 0)
        atomic_store(&clock->is_armed, 0); /* the host is being freed */
}

static void on_timer(mf_timer *timer)
{
    struct mf_units_clock *clock =
        MF_OWNER(timer, struct mf_units_clock, timer);
    if (mf_workers_push(clock->host->workers, &clock->work) != 0)
        atomic_store(&clock->is_armed, 0);
}

static void run_arm(mf_task *task)
{
    struct mf_units_clock *clock = MF_OWNER(task, struct mf_units_clock, arm);
    mf_loop *loop = clock->host->loops[0];
    mf_loop_set_timer(loop, &clock->timer,
                      loop->now_ms + atomic_load(&clock->next_ms), on_timer);
}

static void run_work(mf_task *task)
{
    struct mf_units_clock *clock = MF_OWNER(task, struct mf_units_clock, work);
    mayfly_host *host = clock->host;
    unsigned next = mf_units_tick(host->units);
    atomic_store(&clock->is_armed, 0);
    if (next == 0) { /* the budget may have been changed just now */
        mayfly_cache_budget b = {.size = sizeof b};
        mf_units_get_budget(host->units, &b);
        next = b.idle_ms;
    }
    if (next)
        arm_clock(clock, next);
}

/* --- the host's part --- */

static void ref_host(void *host)
{
    mf_host_ref(host);
}

static void unref_host(void *host)
{
    mf_host_unref(host);
}

static int on_loop(void *host)
{
    (void)host;
    return mf_loop_on_any();
}

/* What the source's mayfly_on_load has made. */
static int has_state(void *host, mayfly_context *context)
{
    const mf_unit *unit = mf_context_unit(context);
    (void)host;
    return unit->user && mf_program_state(unit->user) != NULL;
}

int mf_units_begin(mayfly_host *host, mayfly_error *err)
{
    mf_units_options o = {.alloc = &host->alloc,
                          .grace = host->grace,
                          .host = host,
                          .ref_host = ref_host,
                          .unref_host = unref_host,
                          .fork_generation = host->made_under,
                          .build = mf_recipe_build,
                          .each_method = mf_recipe_each_method,
                          .free_recipe = mf_recipe_free,
                          .has_state = has_state,
                          .on_loop = on_loop};
    host->clock = mf_alloc_zero(&host->alloc, sizeof *host->clock);
    host->units = mf_units_new(&o);
    if (!host->units || !host->clock)
        return mf_error_nomem(err, "the cache");
    host->clock->host = host;
    host->clock->arm.run = run_arm;
    host->clock->work.run = run_work;
    return 0;
}

void mf_units_stop(mayfly_host *host)
{
    if (host->units)
        mf_units_close(host->units);
}

void mf_units_done(mayfly_host *host)
{
    mf_units_free(host->units);
    mf_alloc_free(&host->alloc, host->clock);
    host->units = NULL;
    host->clock = NULL;
}

/* --- mayfly/cache.h --- */

static int check(mayfly_host *host, mayfly_error *err)
{
    return host ? mf_host_check(host, err)
                : mf_error_set(err, MAYFLY_EINVAL, "no host");
}

int mayfly_unit_load(mayfly_host *host, const char *name,
                     const mayfly_recipe *recipe, mayfly_unit **ret_unit,
                     uint64_t *ret_version, mayfly_error *err)
{
    mf_recipe r;
    if (!name || !recipe || !ret_unit)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no name, no recipe or nowhere to put the unit");
    int code = check(host, err);
    if (code == 0)
        code = mf_recipe_read(host, name, recipe, &r, err);
    if (code == 0)
        code = mf_units_load(host->units, name, &r, ret_unit, ret_version, err);
    return code;
}

int mayfly_unit_find(mayfly_host *host, const char *name,
                     mayfly_unit **ret_unit, mayfly_error *err)
{
    if (!name || !ret_unit)
        return mf_error_set(err, MAYFLY_EINVAL, "no name of a unit");
    int code = check(host, err);
    if (code == 0)
        code = mf_units_find(host->units, name, ret_unit, err);
    return code;
}

int mayfly_unit_swap(mayfly_unit *unit, const mayfly_recipe *recipe,
                     const mayfly_swap_options *options, mayfly_swap *ret_swap,
                     mayfly_error *err)
{
    mf_recipe r;
    if (!unit || !recipe)
        return mf_error_set(err, MAYFLY_EINVAL, "no unit or no recipe");
    mayfly_host *host = mf_unit_host(unit);
    int code = check(host, err);
    if (code == 0)
        code = mf_recipe_read(host, mayfly_unit_name(unit), recipe, &r, err);
    if (code == 0)
        code = mf_unit_swap(unit, &r, options, ret_swap, err);
    return code;
}

int mayfly_cache_set_budget(mayfly_host *host,
                            const mayfly_cache_budget *budget,
                            mayfly_error *err)
{
    int code = check(host, err);
    if (code == 0)
        code = mf_units_set_budget(host->units, budget, err);
    if (code != 0)
        return code;
    mayfly_cache_budget now = {.size = sizeof now};
    mf_units_get_budget(host->units, &now);
    if (now.idle_ms)
        arm_clock(host->clock, now.idle_ms / 4);
    return 0;
}

void mayfly_cache_get_budget(mayfly_host *host, mayfly_cache_budget *ret_budget)
{
    if (ret_budget && check(host, NULL) == 0)
        mf_units_get_budget(host->units, ret_budget);
}

void mayfly_cache_get_stats(mayfly_host *host, mayfly_cache_stats *ret_stats)
{
    if (ret_stats && check(host, NULL) == 0)
        mf_units_get_stats(host->units, ret_stats);
}

int mayfly_cache_each(mayfly_host *host, mayfly_unit *unit,
                      mayfly_version_fn each, void *state, mayfly_error *err)
{
    int code = check(host, err);
    if (code == 0 && !each)
        code = mf_error_set(err, MAYFLY_EINVAL, "nobody to tell");
    if (code == 0)
        mf_units_each(host->units, unit, each, state);
    return code;
}

int mayfly_cache_each_receipt(mayfly_host *host, mayfly_history_fn each,
                              void *state, mayfly_error *err)
{
    int code = check(host, err);
    if (code == 0 && !each)
        code = mf_error_set(err, MAYFLY_EINVAL, "nobody to tell");
    if (code == 0)
        code = mf_units_each_receipt(host->units, each, state, err);
    return code;
}
