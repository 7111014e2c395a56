/*
 * cache/context/explain.c: a fault at a tombstone, in words.
 *
 * May run in a signal handler that interrupted anything, so it writes its text
 * by itself: the standard library's formatting is not promised to be safe
 * there.
 *
 * Threads: any; no lock, no memory.
 */
#include "cache/context/tombs.h"

#include <mayfly/fault.h>

#include <errno.h>

/* What does not fit is left out. */
typedef struct text {
    char *to;
    size_t size; /* with the zero; not 0 */
    size_t len;
} text;

static void put(text *t, const char *s)
{
    while (*s && t->len + 1 < t->size)
        t->to[t->len++] = *s++;
}

/* A name that was given by somebody: no control bytes. */
static void put_name(text *t, const char *s)
{
    for (; *s && t->len + 1 < t->size; s++)
        t->to[t->len++] = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
}

static void put_number(text *t, uint64_t n, unsigned base, unsigned digits)
{
    char s[24];
    size_t at = sizeof s;
    s[--at] = 0;
    do {
        s[--at] = "0123456789abcdef"[n % base];
        n /= base;
        if (digits)
            digits--;
    } while (n || digits);
    put(t, s + at);
}

static void put_view(text *t, const mf_tomb_view *v)
{
    put(t, "context \"");
    put_name(t, v->context);
    put(t, "\" version ");
    put_number(t, v->version, 10, 0);
    put(t, ", unloaded ");
    put_number(t, v->age_ns / 1000000000, 10, 0);
    put(t, ".");
    put_number(t, v->age_ns / 1000000 % 1000, 10, 3);
    put(t, " s ago: ");
    if (v->name[0]) {
        put(t, v->name[0]);
        put_name(t, v->name[1]);
        put(t, v->may_be_other ? "?+0x" : "+0x");
        put_number(t, v->offset, 16, 0);
        put(t, " (");
        put(t, v->what);
        put(t, ")");
    } else {
        put(t, v->what);
        put(t, "+0x");
        put_number(t, v->offset, 16, 0);
    }
}

size_t mayfly_explain_fault(const void *address, char *buf, size_t size)
{
    char none[1];
    text t = {buf && size ? buf : none, buf && size ? size : 1, 0};
    mf_tomb_view v;
    int saved = errno;
    int found = mf_tomb_enter(address, &v);
    if (found) {
        put(&t, "0x");
        put_number(&t, (uintptr_t)address, 16, 0);
        put(&t, ": ");
        put_view(&t, &v);
    }
    mf_tomb_leave();
    t.to[t.len] = 0;
    errno = saved;
    return t.len;
}
