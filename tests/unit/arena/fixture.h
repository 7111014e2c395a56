/*
 * tests/unit/arena/fixture.h: a zone, a compiler, and one-line compiles.
 */
#ifndef TESTS_ARENA_FIXTURE_H
#define TESTS_ARENA_FIXTURE_H

#include "base/error.h"
#include "compiler/arena/cc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    mf_alloc alloc;
    mf_zone *zone;
    mf_cc *cc;
    mf_cc_input in; /* options for the next compile */
    mayfly_error err;
    mf_image image;
    mf_cc_report report;
} fixture;

static inline void fixture_init(fixture *f)
{
    memset(f, 0, sizeof *f);
    mf_alloc_init(&f->alloc, NULL);
    assert_int_equal(mf_zone_new(&f->alloc, 0, &f->zone, &f->err), 0);
    assert_int_equal(mf_cc_new(&f->alloc, f->zone, &f->cc, &f->err), 0);
}

static inline void fixture_done(fixture *f)
{
    mf_cc_free(f->cc);
    assert_int_equal(mf_zone_used(f->zone), 0);
    mf_zone_free(f->zone);
    assert_int_equal(f->alloc.blocks, 0);
}

/* Compiles one source named "t.c"; the address of `want` goes to `ret`. */
static inline int fixture_compile(fixture *f, const char *text,
                                  const char *want, void **ret)
{
    mayfly_source source = {"t.c", text, 0};
    mf_cc_input in = f->in;
    in.sources = &source;
    in.n_sources = 1;
    in.wanted = &want;
    in.n_wanted = want ? 1 : 0;
    in.ret_addresses = ret;
    memset(&f->err, 0, sizeof f->err);
    return mf_cc_compile(f->cc, &in, &f->image, &f->report, &f->err);
}

/* Compiles `text`, which must be good, calls `int f(int)` and unloads it. */
static inline int fixture_run(fixture *f, const char *text, int argument)
{
    void *at = NULL;
    int code = fixture_compile(f, text, "f", &at);
    if (code != 0)
        fail_msg("%s: %s", mayfly_error_name(code), f->err.message);
    assert_non_null(at);
    int value = ((int (*)(int))(uintptr_t)at)(argument);
    mf_cc_release(f->cc, &f->image);
    return value;
}

#endif
