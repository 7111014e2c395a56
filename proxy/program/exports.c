/*
 * proxy/program/exports.c: names that a host exports to all source that is
 * loaded.
 *
 * A list is one block that never changes: exporting makes a new one of the old
 * and what is added, and publishes it. A load takes a reference to the list
 * that there is when it begins, so it needs no lock while it links, and what is
 * exported or taken back meanwhile is not seen by it.
 *
 * Owned by the host; each load that is under way has a reference.
 *
 * Threads: any; the host's lock guards which list is the current one.
 */
#include "proxy/program/exports.h"

#include "base/error.h"

#include <ctype.h>
#include <string.h>

static mf_exports *get(mayfly_host *host)
{
    mf_exports *e = host->exports;
    if (e)
        atomic_fetch_add(&e->refs, 1);
    return e;
}

mf_exports *mf_exports_get(mayfly_host *host)
{
    pthread_mutex_lock(&host->lock);
    mf_exports *e = get(host);
    pthread_mutex_unlock(&host->lock);
    return e;
}

void mf_exports_unref(mf_exports *exports)
{
    if (exports && atomic_fetch_sub(&exports->refs, 1) == 1)
        mf_alloc_free(exports->alloc, exports);
}

/* Whether the list has a later word on this name. */
static int named(const char *name, const mayfly_symbol *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return 1;
    return 0;
}

typedef struct writer {
    mf_exports *to; /* NULL: only counts */
    size_t n;
    size_t bytes; /* of names */
    char *names;
} writer;

static void write_one(writer *w, const mayfly_symbol *s)
{
    size_t len = strlen(s->name) + 1;
    if (w->to) {
        char *name = w->names + w->bytes;
        memcpy(name, s->name, len);
        w->to->symbols[w->n] = (mayfly_symbol){name, s->address};
    }
    w->n++;
    w->bytes += len;
}

/* The old ones that stay, then the new ones that are not taken back. */
static void write_all(writer *w, const mf_exports *old,
                      const mayfly_symbol *more, size_t n)
{
    for (size_t i = 0; old && i < old->n; i++)
        if (!named(old->symbols[i].name, more, n))
            write_one(w, &old->symbols[i]);
    for (size_t i = 0; i < n; i++)
        if (more[i].address && !named(more[i].name, more + i + 1, n - i - 1))
            write_one(w, &more[i]);
}

static mf_exports *merge(mf_alloc *alloc, const mf_exports *old,
                         const mayfly_symbol *more, size_t n)
{
    writer count = {0};
    write_all(&count, old, more, n);
    mf_exports *e = mf_alloc_zero(
        alloc, sizeof *e + count.n * sizeof e->symbols[0] + count.bytes);
    if (!e)
        return NULL;
    atomic_init(&e->refs, 1);
    e->alloc = alloc;
    e->n = count.n;
    writer w = {.to = e, .names = (char *)&e->symbols[count.n]};
    write_all(&w, old, more, n);
    return e;
}

static int is_identifier(const char *name)
{
    if (!name || !(isalpha((unsigned char)*name) || *name == '_'))
        return 0;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return *name == '\0';
}

int mayfly_host_export(mayfly_host *host, const mayfly_symbol *symbols,
                       size_t n, mayfly_error *err)
{
    if (!host || (n && !symbols))
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no symbols");
    int code = mf_host_check(host, err);
    if (code != 0)
        return code;
    for (size_t i = 0; i < n; i++)
        if (!is_identifier(symbols[i].name))
            return mf_error_set(err, MAYFLY_EINVAL,
                                "symbol %zu has no name that C source could "
                                "use",
                                i);
    pthread_mutex_lock(&host->lock);
    mf_exports *old = host->exports;
    mf_exports *e = merge(&host->alloc, old, symbols, n);
    if (e)
        host->exports = e;
    pthread_mutex_unlock(&host->lock);
    if (!e)
        return mf_error_nomem(err, "the exported symbols");
    mf_exports_unref(old);
    return 0;
}
