/*
 * tests/unit/kernel/fixture.h: t.Everything, its tables and functions, an
 * arena.
 *
 * The functions are those of the golden unit, compiled with the test.
 */
#ifndef TESTS_UNIT_KERNEL_FIXTURE_H
#define TESTS_UNIT_KERNEL_FIXTURE_H

#include "compiler/kernel/codec.h"
#include "compiler/kernel/tables.h"
#include "tests/support/fault.h"
#include "tests/support/plan.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/golden/unit/everything.c"

struct fixture {
    mf_alloc alloc;
    mf_plan *plan;
    mf_buf tables;
    mayfly_arena arena;
    mayfly_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    mf_alloc_init(&f->alloc, NULL);
    mf_buf_init(&f->tables, &f->alloc, 0);
    mf_arena_init(&f->arena, &f->alloc, 0, 0);
    *state = f;
    if (test_plan(&f->alloc, "tests/golden/unit", "everything.proto", &f->plan,
                  &f->err) != 0)
        return -1;
    return mf_tables_build(f->plan, &f->tables, &f->err);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    size_t left;

    mf_arena_done(&f->arena);
    mf_buf_done(&f->tables);
    mf_plan_free(f->plan);
    left = atomic_load(&f->alloc.blocks);
    free(f);
    return left != 0;
}

static uint32_t index_of(struct fixture *f, const char *name)
{
    return mf_plan_find(f->plan, name)->index;
}

/* Decodes from a block of exactly the input's size. */
static int decode(struct fixture *f, const char *type, const char *in,
                  size_t len, void *ret)
{
    uint8_t *copy = mf_arena_raw(&f->arena, len ? len : 1);

    memcpy(copy, in, len);
    memset(&f->err, 0, sizeof(f->err));
    return mf_decode(f->tables.ptr, index_of(f, type), copy, len, &f->arena,
                     ret, &f->err);
}

#define DECODE(f, type, wire, ret)                                             \
    assert_int_equal(decode(f, type, wire, sizeof(wire) - 1, ret), 0)

static mayfly_bytes encode(struct fixture *f, const char *type,
                           const void *message, size_t head)
{
    mayfly_bytes out = {NULL, 0};

    assert_int_equal(mf_encode(mf_unit_entry.encode[index_of(f, type)], message,
                               head, &f->arena, &out, &f->err),
                     0);
    return out;
}

static void check_wire(mayfly_bytes out, const char *want, size_t n)
{
    assert_int_equal(out.len, n);
    assert_memory_equal(out.ptr, want, n);
}

#define CHECK(out, want) check_wire(out, want, sizeof(want) - 1)

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
