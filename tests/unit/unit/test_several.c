/*
 * Units that are parts of one compile: each does what it does when it was
 * compiled alone, lies in pages of its own and goes by itself; and what fails
 * takes nothing.
 */
#include "base/error.h"
#include "compiler/schema/files.h"
#include "compiler/unit.h"
#include "tests/support/fault.h"
#include "tests/support/plan.h"
#include "tests/support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, PAGE = 4096, DEEP = 3, MESSAGES_PER_TYPE = 4 };

typedef struct fixture {
    mf_alloc alloc;
    mf_compiler compiler;
} fixture;

static int begin(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    mf_alloc_init(&f.alloc, NULL);
    mf_log log = {0};
    mf_cc_limits limits = {0};
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mf_compiler_init(&f.compiler, &f.alloc, &log, &limits, 0, &err) != 0)
        return -1;
    *state = &f;
    return 0;
}

/* Nothing that a test made is left. */
static int end(void **state)
{
    fixture *f = *state;
    int used = mf_zone_used(f->compiler.zone) != 0;
    mf_compiler_done(&f->compiler);
    return used || atomic_load(&f->alloc.blocks) != 0;
}

static mf_unit_input input_of(fixture *f, const char *dir, const char *name)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_unit_input in = {.heap = mf_heap_new(&f->alloc, f->compiler.through)};
    if (test_plan(mf_heap_alloc(in.heap), dir, name, &in.plan, &err) != 0)
        fail_msg("%s", err.message);
    return in;
}

static void drop_input(mf_unit_input *in)
{
    mf_plan_free(in->plan);
    mf_heap_free(in->heap);
}

static mf_unit *alone(fixture *f, const char *dir, const char *name)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_unit_input in = input_of(f, dir, name);
    mf_unit *unit = NULL;
    if (mf_unit_build(&f->compiler, &in, &unit, NULL, &err) != 0)
        fail_msg("%s", err.message);
    return unit;
}

static void several(fixture *f, mf_unit_input *in, size_t n, mf_unit **units)
{
    static mf_unit_report reports[MOST];
    mayfly_error err = MAYFLY_ERROR_INIT;
    if (mf_unit_build_several(&f->compiler, in, n, units, reports, &err) != 0)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < n; i++) {
        assert_true(reports[i].source_bytes > 50);
        assert_true(mf_census_bytes(&reports[i].cc.census, "compile") > 10000);
    }
}

/* --- messages with something in every field --- */

typedef struct filling {
    mf_alloc *alloc;
    const mf_plan *plan;
    uint64_t random;
} filling;

static uint64_t next_random(filling *g)
{
    g->random =
        g->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return g->random >> 33;
}

static void put_varint(mf_buf *out, uint64_t value)
{
    for (; value > 127; value >>= 7)
        mf_buf_put_byte(out, (unsigned)(value & 127) | 128u);
    mf_buf_put_byte(out, (unsigned)value);
}

static void fill(filling *g, uint32_t message, int depth, mf_buf *out);

static void fill_field(filling *g, const mf_plan_field *f, int depth,
                       mf_buf *out)
{
    uint64_t bits = next_random(g) * next_random(g);
    uint64_t tag = (uint64_t)f->number << 3;
    mf_buf inner;
    switch (f->type) {
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
    case MAYFLY_TYPE_DOUBLE:
        put_varint(out, tag | 1);
        mf_buf_put(out, &bits, 8);
        break;
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_SFIXED32:
    case MAYFLY_TYPE_FLOAT:
        put_varint(out, tag | 5);
        mf_buf_put(out, &bits, 4);
        break;
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_BYTES:
        put_varint(out, tag | 2);
        put_varint(out, bits % 9);
        mf_buf_put(out, "abcdefghi", bits % 9);
        break;
    case MAYFLY_TYPE_MESSAGE:
        mf_buf_init(&inner, g->alloc, 0);
        if (depth < DEEP)
            fill(g, f->message, depth + 1, &inner);
        put_varint(out, tag | 2);
        put_varint(out, inner.len);
        mf_buf_put(out, inner.ptr, inner.len);
        mf_buf_done(&inner);
        break;
    default:
        put_varint(out, tag);
        put_varint(out, bits);
    }
}

static void fill(filling *g, uint32_t message, int depth, mf_buf *out)
{
    const mf_plan_message *m = &g->plan->messages[message];
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_plan_field *f = &m->fields[i];
        uint64_t times = next_random(g) % 3;
        if (f->cardinality == MAYFLY_SINGULAR && times > 1)
            times = 1;
        while (times--)
            fill_field(g, f, depth, out);
    }
    put_varint(out, 536870911u << 3); /* one that it does not know */
    put_varint(out, 5);
}

/* The tables of one decode as those of the other, and so its code encodes. */
static void are_alike(fixture *f, const mf_unit *one, const mf_unit *other)
{
    filling g = {&f->alloc, one->plan, 1};
    mayfly_error err = MAYFLY_ERROR_INIT;
    assert_int_equal(one->entry->n_messages, other->entry->n_messages);
    assert_int_equal(one->entry->n_methods, other->entry->n_methods);
    for (uint32_t m = 0; m < one->entry->n_messages; m++) {
        for (int k = 0; k < MESSAGES_PER_TYPE; k++) {
            mayfly_arena arena;
            mf_buf wire;
            void *a, *b;
            mayfly_bytes back_a, back_b;
            mf_arena_init(&arena, &f->alloc, 0, 0);
            mf_buf_init(&wire, &f->alloc, 0);
            fill(&g, m, 0, &wire);
            if (mf_decode(one->tables, m, wire.ptr, wire.len, &arena, &a,
                          &err) != 0 ||
                mf_decode(other->tables, m, wire.ptr, wire.len, &arena, &b,
                          &err) != 0 ||
                mf_encode(one->entry->encode[m], a, 0, &arena, &back_a, &err) !=
                    0 ||
                mf_encode(other->entry->encode[m], b, 0, &arena, &back_b,
                          &err) != 0)
                fail_msg("%s: %s", one->plan->messages[m].full_name,
                         err.message);
            assert_int_equal(back_a.len, back_b.len);
            assert_memory_equal(back_a.ptr, back_b.ptr, back_a.len);
            mf_buf_done(&wire);
            mf_arena_done(&arena);
        }
    }
}

/* --- tests --- */

static int is_corpus(const struct dirent *e)
{
    return strncmp(e->d_name, "y_", 2) == 0;
}

static void parts_do_what_units_do(void **state)
{
    fixture *f = *state;
    static mf_unit_input in[MOST];
    static mf_unit *units[MOST], *others[MOST];
    struct dirent **files;
    int n = scandir("tests/corpus", &files, is_corpus, alphasort);
    assert_true(n > 30 && n < MOST - 2);
    for (int i = 0; i < n; i++)
        in[i] = input_of(f, "tests/corpus", files[i]->d_name);
    in[n] = input_of(f, "tests/corpus", files[0]->d_name); /* the same again */
    in[n + 1] = input_of(f, "samples/greeter", "greeter.proto");
    for (int i = 0; i < n; i++)
        others[i] = alone(f, "tests/corpus", files[i]->d_name);
    others[n] = alone(f, "tests/corpus", files[0]->d_name);
    others[n + 1] = alone(f, "samples/greeter", "greeter.proto");
    size_t all = (size_t)n + 2, before = mf_zone_used(f->compiler.zone);
    several(f, in, all, units);

    size_t pages = 0;
    for (size_t i = 0; i < all; i++) {
        const mf_image *image = &units[i]->image;
        assert_int_equal((uintptr_t)image->span.base % PAGE, 0);
        assert_int_equal(image->span.code_bytes % PAGE, 0);
        assert_int_equal(image->span.data_bytes, 0);
        assert_true(image->table_bytes + image->text_bytes +
                        image->const_bytes <=
                    image->span.code_bytes);
        assert_true(image->const_bytes >= sizeof(mf_unit_table));
        pages += image->span.code_bytes;
        are_alike(f, units[i], others[i]);
    }
    assert_int_equal(mf_zone_used(f->compiler.zone), before + pages);

    /* in no order, and what is left goes on working */
    uint64_t random = 3;
    for (size_t left = all; left; left--) {
        random = random * UINT64_C(6364136223846793005) + 1;
        size_t k = (random >> 33) % left;
        pages -= units[k]->image.span.code_bytes;
        mf_unit_free(units[k]);
        mf_unit_free(others[k]);
        units[k] = units[left - 1];
        others[k] = others[left - 1];
        if (left > 1)
            are_alike(f, units[0], others[0]);
    }
    assert_int_equal(pages, 0);
    for (int i = 0; i < n; i++)
        free(files[i]);
    free(files);
}

/* Names are found by address as in any unit. */
static void parts_have_names(void **state)
{
    fixture *f = *state;
    mf_unit_input in[2] = {input_of(f, "samples/greeter", "greeter.proto"),
                           input_of(f, "samples/greeter", "greeter.proto")};
    mf_unit *units[2];
    several(f, in, 2, units);
    for (int i = 0; i < 2; i++) {
        char name[200];
        const mf_method_stub *stub = &units[i]->entry->methods[0];
        const void *serve = (const void *)(uintptr_t)stub->serve;
        assert_ptr_equal(mf_unit_name_at(units[i], serve, name, sizeof name),
                         serve);
        assert_string_equal(name, "mf_serve_helloworld_Greeter_SayHello");
        assert_null(mf_unit_name_at(units[1 - i], serve, name, sizeof name));
    }
    mf_unit_free(units[0]);
    mf_unit_free(units[1]);
}

/* Where the compile fails, the inputs are as they were. */
static void all_or_none(void **state)
{
    fixture *f = *state;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_unit *units[2];
    mf_unit_report reports[2];
    mf_unit_input in[2] = {input_of(f, "samples/greeter", "greeter.proto"),
                           input_of(f, "tests/corpus", "y_scalars.proto")};
    mf_cc_limits small = {.arena_bytes = 1 << 20}, none = {0};
    mf_cc_set_limits(f->compiler.cc, &small);
    assert_int_equal(
        mf_unit_build_several(&f->compiler, in, 2, units, reports, &err),
        MAYFLY_ELIMIT);
    assert_null(units[0]);
    assert_int_equal(mf_zone_used(f->compiler.zone), 0);
    mf_cc_set_limits(f->compiler.cc, &none);
    several(f, in, 2, units);
    mf_unit_free(units[0]);
    mf_unit_free(units[1]);
}

/* Through the user's allocator each allocation of a build fails in turn. */
static void lack_of_memory(void **state)
{
    fixture *f = *state;
    int done = 0;
    f->compiler.through = 1;
    for (int n = 1; n < 2000 && !done; n++) {
        mayfly_allocator kept = f->alloc.table;
        mayfly_error err = MAYFLY_ERROR_INIT;
        mf_unit *units[3];
        mf_unit_report reports[3];
        mf_unit_input in[3];
        fault failing;
        fault_init(&failing, 0, n % 2);
        f->alloc.table = fault_table(&failing);
        for (int i = 0; i < 3; i++)
            in[i] = input_of(f, "samples/greeter", "greeter.proto");
        failing.fail_at = failing.seen + n;
        int code =
            mf_unit_build_several(&f->compiler, in, 3, units, reports, &err);
        failing.fail_at = 0;
        done = code == 0 && atomic_load(&failing.refused) == 0;
        for (int i = 0; i < 3; i++) {
            if (code == 0)
                mf_unit_free(units[i]);
            else
                drop_input(&in[i]);
        }
        if (code != 0 && code != MAYFLY_ENOMEM && code != MAYFLY_ELIMIT)
            fail_msg("%d: %d %s", n, code, err.message);
        mf_cc_trim(f->compiler.cc, 0);
        assert_int_equal(mf_zone_used(f->compiler.zone), 0);
        f->alloc.table = kept;
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_do_what_units_do, begin, end),
        cmocka_unit_test_setup_teardown(parts_have_names, begin, end),
        cmocka_unit_test_setup_teardown(all_or_none, begin, end),
        cmocka_unit_test_setup_teardown(lack_of_memory, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
