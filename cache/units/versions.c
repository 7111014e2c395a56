/*
 * cache/units/versions.c: versions of a unit, from a recipe to the last byte.
 *
 * A version is a number, a label and a content. It is in its unit's list or, as
 * long as it is being made or has been taken out, with one thread alone. A unit
 * has one version of a content.
 *
 * Here units come and go as well: with their first version, and with all of
 * them. Which version is current is swap.c's.
 *
 * Threads: any that may wait. Changes of a unit happen one after the other,
 * under its `changing`; the list is changed under the units' lock too, so
 * either is enough to read it.
 */
#include "base/error.h"
#include "base/sync.h"
#include "cache/context/internal.h"
#include "cache/units/units_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX_BYTES = 100, NUMBER_BYTES = 24, CONTEXT_NAME_BYTES = 400 };

/* --- one change at a time --- */

int mf_unit_lock(mayfly_unit *unit, uint64_t deadline_ns, mayfly_error *err)
{
    struct timespec until = mf_sync_until(deadline_ns);
    int number = deadline_ns ? pthread_mutex_clocklock(&unit->changing,
                                                       CLOCK_MONOTONIC, &until)
                             : pthread_mutex_lock(&unit->changing);
    if (number == 0)
        return 0;
    if (number == EDEADLK)
        return mf_error_set(err, MAYFLY_EINSIDE,
                            "unit \"%s\" is being changed by this very thread",
                            unit->name);
    return mf_error_set(err, MAYFLY_ETIMEDOUT,
                        "unit \"%s\" is still being changed by another thread",
                        unit->name);
}

int mf_unit_check(const mayfly_unit *unit, mayfly_error *err)
{
    if (!unit->removed) /* written under `changing` */
        return 0;
    return mf_error_set(err, MAYFLY_EUNLOADED, "unit \"%s\" was removed",
                        unit->name);
}

/* --- versions --- */

static void free_version(mf_units *units, mf_version *v)
{
    mf_alloc_free(units->o.alloc, v->label);
    mf_alloc_free(units->o.alloc, v);
}

/* NULL: there is none. `changing` or the units' lock is held. */
mf_version *mf_version_find(const mayfly_unit *unit, uint64_t number)
{
    mf_version *v = unit->versions;
    while (v && v->number != number)
        v = v->next;
    return v;
}

static mf_version *find_label(const mayfly_unit *unit, const char *label)
{
    mf_version *v = unit->versions;
    while (v && strcmp(v->label, label) != 0)
        v = v->next;
    return v;
}

static mf_version *find_content(const mayfly_unit *unit,
                                const mf_content *content)
{
    mf_version *v = unit->versions;
    while (v && v->content != content)
        v = v->next;
    return v;
}

/* Lock held. */
void mf_version_link(mayfly_unit *unit, mf_version *v)
{
    v->next = unit->versions;
    unit->versions = v;
    unit->numbers = v->number;
    unit->units->n_versions++;
    v->content->pinned += unit->pinned != 0;
}

/* Lock held. */
void mf_version_unlink(mayfly_unit *unit, mf_version *v)
{
    mf_version **at = &unit->versions;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    unit->units->n_versions--;
    v->content->pinned -= unit->pinned != 0;
    mayfly_context *context = atomic_load(&v->content->context);
    if (context) /* the rest follows when it is gone */
        mf_tally_take(context, &v->content->calls);
    mf_tally_merge(&unit->gone, &v->content->calls);
    v->content->calls = (mayfly_call_counts){0};
}

/* Frees a version that nobody can see any more. As mf_content_drop. */
int mf_version_end(mf_units *units, mf_version *v, uint64_t deadline_ns,
                   mayfly_context **ret_context)
{
    int gone = mf_content_drop(v->content, deadline_ns, ret_context);
    free_version(units, v);
    return gone;
}

int mf_version_check_label(const char *label, mayfly_error *err)
{
    size_t n = strlen(label);
    if (n > 0 && n <= LABEL_MAX_BYTES && !strpbrk(label, "@\n\r\t"))
        return 0;
    return mf_error_set(err, MAYFLY_EINVAL,
                        "a version has 1 to %d bytes, without \"@\" and line "
                        "breaks",
                        LABEL_MAX_BYTES);
}

/* A version that is not linked, or the unit's own of that content. The recipe
 * is taken over. */
int mf_version_make(mayfly_unit *unit, const mf_recipe *recipe,
                    mf_version **ret_version, int *ret_known, mayfly_error *err)
{
    mf_units *units = unit->units;
    char number[NUMBER_BYTES], name[CONTEXT_NAME_BYTES];
    snprintf(number, sizeof number, "%llu",
             (unsigned long long)unit->numbers + 1);
    const char *label = recipe->label ? recipe->label : number;
    snprintf(name, sizeof name, "%s@%s", unit->name, label);
    mf_version *v = mf_alloc_zero(units->o.alloc, sizeof *v);
    if (v)
        v->label = mf_alloc_strdup(units->o.alloc, label);
    if (!v || !v->label) {
        mf_alloc_free(units->o.alloc, v);
        units->o.free_recipe(units->o.host, recipe->made);
        return mf_error_nomem(err, "a version");
    }
    v->number = unit->numbers + 1;
    v->added_ms = mf_now_ms();
    v->content = mf_content_get(units, recipe, name);
    mf_version *known = v->content ? find_content(unit, v->content) : NULL;
    int code = 0;
    if (!v->content)
        code = mf_error_nomem(err, "a version");
    else if (!known && find_label(unit, label))
        code = mf_error_set(err, MAYFLY_EEXIST,
                            "unit \"%s\" has another version \"%s\"",
                            unit->name, label);
    if (code == 0 && !known) {
        *ret_version = v;
        *ret_known = 0;
        return 0;
    }
    if (v->content)
        mf_content_drop(v->content, 0, NULL);
    free_version(units, v);
    *ret_version = known;
    *ret_known = 1;
    return code;
}

/* Has a version's context there. 0 with a lease. What the current one hands
 * over is held meanwhile. */
int mf_version_lease(mayfly_unit *unit, const mf_version *v,
                     uint64_t deadline_ns, mayfly_context **ret_context,
                     mayfly_error *err)
{
    const mf_version *current = atomic_load(&unit->current);
    mayfly_context *previous = NULL;
    if (current && current != v)
        mf_content_lease_there(current->content, deadline_ns, &previous);
    int code = mf_content_lease(v->content, NULL, previous, deadline_ns,
                                ret_context, err);
    if (previous)
        mf_lease_drop(previous);
    return code;
}

/* --- units without versions --- */

/* Takes the name out. `changing` is held, and `removed` was just set. */
static void take_out_name(mayfly_unit *unit)
{
    mf_table_remove(unit->units->names, unit->name, strlen(unit->name));
    mayfly_unit_unref(unit); /* the table's; the caller has one */
}

static void set_removed(mayfly_unit *unit, mf_version **ret_versions)
{
    pthread_mutex_lock(&unit->units->lock);
    unit->removed = 1;
    *ret_versions = unit->versions;
    for (mf_version *v = unit->versions; v; v = v->next) {
        unit->units->n_versions--;
        v->content->pinned -= unit->pinned != 0;
    }
    unit->versions = NULL;
    atomic_store(&unit->current, NULL);
    pthread_mutex_unlock(&unit->units->lock);
}

/* After a first load that failed. */
static void take_out_empty(mayfly_unit *unit)
{
    mf_version *none;
    pthread_mutex_lock(&unit->changing);
    if (!unit->versions && !unit->removed) {
        set_removed(unit, &none);
        take_out_name(unit);
    }
    pthread_mutex_unlock(&unit->changing);
}

/* --- loading --- */

/* Under `changing`. */
static int add(mayfly_unit *unit, const mf_recipe *recipe, uint64_t *ret_number,
               mayfly_error *err)
{
    mf_units *units = unit->units;
    mf_version *v;
    int known;
    int code = mf_version_make(unit, recipe, &v, &known, err);
    if (code != 0)
        return code;
    if (!known && !recipe->lazy) {
        mayfly_context *context;
        code = mf_version_lease(unit, v, recipe->deadline_ns, &context, err);
        if (code != 0) {
            mf_version_end(units, v, 0, NULL);
            return code;
        }
        mf_lease_drop(context);
    }
    pthread_mutex_lock(&units->lock);
    if (known)
        units->counted.hits++;
    else
        mf_version_link(unit, v);
    if (!atomic_load(&unit->current))
        atomic_store(&unit->current, v);
    pthread_mutex_unlock(&units->lock);
    *ret_number = v->number;
    return 0;
}

int mf_units_load(mf_units *units, const char *name, const mf_recipe *recipe,
                  mayfly_unit **ret_unit, uint64_t *ret_version,
                  mayfly_error *err)
{
    mayfly_unit *unit = NULL;
    uint64_t number = 0;
    int code = mf_units_may_wait(units, err);
    if (code == 0 && recipe->label)
        code = mf_version_check_label(recipe->label, err);
    while (code == 0) {
        code = mf_units_find_or_add(units, name, &unit, err);
        if (code == 0)
            code = mf_unit_lock(unit, recipe->deadline_ns, err);
        if (code != 0 || !unit->removed)
            break;
        pthread_mutex_unlock(&unit->changing); /* found just before that */
        mayfly_unit_unref(unit);
        unit = NULL;
    }
    if (code != 0) {
        units->o.free_recipe(units->o.host, recipe->made);
        mayfly_unit_unref(unit);
        return code;
    }
    code = add(unit, recipe, &number, err);
    int is_empty = unit->versions == NULL;
    pthread_mutex_unlock(&unit->changing);
    if (code != 0) {
        if (is_empty)
            take_out_empty(unit);
        mayfly_unit_unref(unit);
        return code;
    }
    *ret_unit = unit;
    if (ret_version)
        *ret_version = number;
    return 0;
}

int mayfly_unit_find_version(mayfly_unit *unit, const char *label,
                             uint64_t *ret_version, mayfly_error *err)
{
    if (!unit || !label || !ret_version)
        return mf_error_set(err, MAYFLY_EINVAL, "no unit or no label");
    int code = mf_units_check(unit->units, err);
    if (code != 0)
        return code;
    pthread_mutex_lock(&unit->units->lock);
    const mf_version *v = find_label(unit, label);
    uint64_t number = v ? v->number : 0;
    pthread_mutex_unlock(&unit->units->lock);
    if (!number)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "unit \"%s\" has no version \"%.100s\"", unit->name,
                            label);
    *ret_version = number;
    return 0;
}

/* --- going --- */

int mayfly_unit_drop(mayfly_unit *unit, uint64_t version, mayfly_error *err)
{
    if (!unit)
        return mf_error_set(err, MAYFLY_EINVAL, "no unit");
    mf_units *units = unit->units;
    int code = mf_units_may_wait(units, err);
    if (code == 0)
        code = mf_unit_lock(unit, 0, err);
    if (code != 0)
        return code;
    mf_version *v = mf_version_find(unit, version);
    if (!v)
        code = mf_error_set(err, MAYFLY_ENOTFOUND,
                            "unit \"%s\" has no version %llu", unit->name,
                            (unsigned long long)version);
    else if (v == atomic_load(&unit->current))
        code = mf_error_set(err, MAYFLY_EBUSY,
                            "version %llu of unit \"%s\" is current",
                            (unsigned long long)version, unit->name);
    if (code == 0) {
        pthread_mutex_lock(&units->lock);
        mf_version_unlink(unit, v);
        pthread_mutex_unlock(&units->lock);
        mf_version_end(units, v, 0, NULL);
    }
    pthread_mutex_unlock(&unit->changing);
    return code;
}

int mf_unit_take_out(mayfly_unit *unit, uint64_t deadline_ns, int *ret_gone,
                     mayfly_error *err)
{
    mf_version *versions;
    int code = mf_unit_lock(unit, 0, err);
    if (code == 0) {
        code = mf_unit_check(unit, err);
        if (code != 0)
            pthread_mutex_unlock(&unit->changing);
    }
    if (code != 0)
        return code;
    set_removed(unit, &versions);
    take_out_name(unit); /* waits until nobody sees the versions */
    *ret_gone = 1;
    while (versions) {
        mf_version *next = versions->next;
        mayfly_context *context;
        *ret_gone &=
            mf_version_end(unit->units, versions, deadline_ns, &context);
        mayfly_context_unref(context);
        versions = next;
    }
    pthread_mutex_unlock(&unit->changing);
    return 0;
}

int mayfly_unit_remove(mayfly_unit *unit, unsigned wait_ms, mayfly_error *err)
{
    if (!unit)
        return mf_error_set(err, MAYFLY_EINVAL, "no unit");
    int gone = 0;
    int code = mf_units_may_wait(unit->units, err);
    if (code == 0)
        code = mf_unit_take_out(
            unit, mf_clock_ns() + (uint64_t)wait_ms * 1000000, &gone, err);
    if (code == 0 && !gone)
        code = mf_error_set(err, MAYFLY_EBUSY,
                            "unit \"%s\" is removed; a context of it is still "
                            "in use, and goes with its last lease",
                            unit->name);
    return code;
}
