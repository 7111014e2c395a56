/*
 * A payload that knows whether it is alive, and a host that counts, for the
 * tests of the cache.
 */
#ifndef TEST_CACHE_FAKE_H
#define TEST_CACHE_FAKE_H

#include "base/guest.h"
#include "cache/context/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct fake_host {
    mf_alloc alloc;
    mf_registry *registry;
    atomic_int refs;
    atomic_int destroyed;
    atomic_int cancels;
    atomic_size_t arena_bytes;
    int on_loop;
    void (*on_cancel)(struct fake_host *h, mayfly_context *c);
} fake_host;

enum { FAKE_ALIVE = 0x11ea5e };

typedef struct fake_unit {
    fake_host *host;
    size_t bytes;
    size_t leaks; /* bytes that destroy forgets to give back */
    int alive;
} fake_unit;

static inline void fake_destroy(void *unit)
{
    fake_unit *u = unit;
    assert_int_equal(u->alive, FAKE_ALIVE);
    u->alive = 0;
    atomic_fetch_add(&u->host->destroyed, 1);
    atomic_fetch_sub(&u->host->arena_bytes, u->bytes - u->leaks);
    free(u);
}

static inline void fake_census(const void *unit, mf_census *c)
{
    const fake_unit *u = unit;
    mf_census_add(c, "code", "text", 1, u->bytes);
}

static inline void *fake_symbol(const void *unit, const char *name)
{
    return strcmp(name, "there") == 0 ? (void *)(uintptr_t)unit : NULL;
}

static inline void fake_ref(void *host)
{
    atomic_fetch_add(&((fake_host *)host)->refs, 1);
}

static inline void fake_unref(void *host)
{
    atomic_fetch_sub(&((fake_host *)host)->refs, 1);
}

static inline void fake_cancel(void *host, mayfly_context *c)
{
    fake_host *h = host;
    atomic_fetch_add(&h->cancels, 1);
    if (h->on_cancel)
        h->on_cancel(h, c);
}

static inline void fake_list(void *host, mayfly_context *c, mf_buf *out)
{
    (void)host;
    (void)c;
    mf_buf_puts(out, "call /a.B/C from 127.0.0.1:1");
}

static inline int fake_on_loop(void *host)
{
    return ((fake_host *)host)->on_loop;
}

static inline size_t fake_arena_bytes(void *host)
{
    return atomic_load(&((fake_host *)host)->arena_bytes);
}

static inline void fake_host_init(fake_host *h)
{
    memset(h, 0, sizeof *h);
    mf_alloc_init(&h->alloc, NULL);
    h->registry = mf_registry_new(&h->alloc);
    assert_non_null(h->registry);
}

/* Every handle and receipt is gone, and so is every byte. */
static inline void fake_host_done(fake_host *h)
{
    mf_registry_free(h->registry);
    assert_int_equal(atomic_load(&h->refs), 0);
    assert_int_equal(atomic_load(&h->alloc.blocks), 0);
}

static inline fake_unit *fake_unit_new(fake_host *h, size_t bytes)
{
    fake_unit *u = calloc(1, sizeof *u);
    assert_non_null(u);
    u->host = h;
    u->bytes = bytes;
    u->alive = FAKE_ALIVE;
    atomic_fetch_add(&h->arena_bytes, bytes);
    return u;
}

static inline mf_payload fake_payload(fake_unit *u)
{
    return (mf_payload){.unit = u,
                        .destroy = fake_destroy,
                        .census = fake_census,
                        .symbol = fake_symbol};
}

static inline mayfly_context *fake_compiling(fake_host *h, int measure)
{
    mf_context_options o = {.alloc = &h->alloc,
                            .name = "greeter",
                            .registry = h->registry,
                            .measure_process = measure,
                            .host = h,
                            .ref_host = fake_ref,
                            .unref_host = fake_unref,
                            .list_calls = fake_list,
                            .cancel_calls = fake_cancel,
                            .on_loop = fake_on_loop,
                            .arena_bytes = fake_arena_bytes,
                            .fork_generation = mf_fork_generation()};
    mayfly_context *c = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    assert_int_equal(mf_context_new(&o, &c, &err), 0);
    return c;
}

static inline mayfly_context *fake_live(fake_host *h, size_t bytes)
{
    mayfly_context *c = fake_compiling(h, 0);
    mf_payload p = fake_payload(fake_unit_new(h, bytes));
    mf_load_report report = {
        .load_ns = 5000, .generate_ns = 2000, .compile_ns = 3000};
    mf_census_add(&report.compiling, "compile", "token symbols", 3, 4096);
    mf_context_publish(c, &p, &report);
    return c;
}

#endif
