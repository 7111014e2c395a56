/*
 * A unit from schema to running code: generated code alone, with handler
 * source, resident, refused; and whether it all goes back.
 */
#include "base/error.h"
#include "compiler/schema/files.h"
#include "compiler/unit.h"
#include "tests/support/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char greeter[] =
    "syntax = \"proto3\";\n"
    "package hello;\n"
    "service Greeter { rpc SayHello (Request) returns (Reply); }\n"
    "service Second { rpc A (Request) returns (Reply);"
    " rpc B (Reply) returns (Request); }\n"
    "message Request { string name = 1; repeated int32 numbers = 2; }\n"
    "message Reply { string message = 1; }\n";

typedef struct fixture {
    mf_alloc alloc;
    mf_compiler compiler;
    int findings;
    char first[200];
} fixture;

static void on_finding(void *state, const mayfly_diagnostic *d)
{
    fixture *f = state;
    if (f->findings++ == 0)
        snprintf(f->first, sizeof f->first, "%s:%d:%s", d->file, d->line,
                 d->text);
}

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
    mf_cc_trim(f->compiler.cc, 0);
    used |= mf_cc_arena_bytes(f->compiler.cc) != 0;
    mf_compiler_done(&f->compiler);
    return used || atomic_load(&f->alloc.blocks) != 0;
}

static mf_unit_input plan_input(fixture *f, const char *text)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_unit_input in = {.heap = mf_heap_new(&f->alloc, f->compiler.through)};
    assert_non_null(in.heap);
    mf_alloc *a = mf_heap_alloc(in.heap);
    mayfly_source memory = {.name = "greeter.proto", .text = text};
    mf_files files = {.alloc = a, .memory = &memory, .n_memory = 1};
    mf_schema_source source = mf_files_source(&files);
    const char *name = "greeter.proto";
    mf_schema *schema;
    if (mf_schema_parse(a, &source, &name, 1, NULL, NULL, NULL, &schema,
                        &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(mf_plan_native(a, schema, &in.plan, &err), 0);
    mf_schema_unref(schema);
    in.diagnostic = on_finding;
    in.diagnostic_state = f;
    return in;
}

static void drop_input(mf_unit_input *in)
{
    mf_plan_free(in->plan);
    mf_heap_free(in->heap);
}

static mf_unit *build(fixture *f, mf_unit_input *in, mf_unit_report *report)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_unit *unit = NULL;
    if (mf_unit_build(&f->compiler, in, &unit, report, &err) != 0)
        fail_msg("%s", err.message);
    return unit;
}

/* hello.Request as gcc lays it out. */
typedef struct request {
    mayfly_int32_array numbers;
    mayfly_str name;
    mayfly_unknown unknown;
} request;

static void test_generated(void **state)
{
    fixture *f = *state;
    mf_unit_report report;
    mf_unit_input in = plan_input(f, greeter);
    mf_unit *u = build(f, &in, &report);
    assert_int_equal(u->n_methods, 3);
    assert_int_equal(u->entry->n_methods, 3);
    assert_null(u->handlers);
    assert_int_equal(u->image.span.data_bytes, 0);
    assert_true(report.source_bytes > 100);
    assert_true(mf_census_bytes(&report.cc.census, "compile") > 10000);

    const mf_plan_message *m = mf_plan_find(u->plan, "hello.Request");
    assert_non_null(m);
    assert_int_equal(m->size, sizeof(request));
    int32_t numbers[] = {1, 300};
    request r = {.name = MAYFLY_STR("ada"), .numbers = {numbers, 2, 0}};
    mayfly_arena arena;
    mf_arena_init(&arena, &f->alloc, 0, 0);
    mayfly_bytes wire;
    void *back;
    mayfly_error err = MAYFLY_ERROR_INIT;
    assert_int_equal(
        mf_encode(u->entry->encode[m->index], &r, 0, &arena, &wire, &err), 0);
    static const uint8_t expected[] = "\x0a\x03"
                                      "ada\x12\x03\x01\xac\x02";
    assert_int_equal(wire.len, sizeof expected - 1);
    assert_memory_equal(wire.ptr, expected, wire.len);
    assert_int_equal(
        mf_decode(u->tables, m->index, wire.ptr, wire.len, &arena, &back, &err),
        0);
    assert_int_equal(((request *)back)->numbers.items[1], 300);
    mf_arena_done(&arena);

    mf_census census = {0};
    mf_unit_census(u, &census);
    assert_true(mf_census_bytes(&census, "code") > 0);
    assert_true(mf_census_bytes(&census, "schema") > 0);
    assert_int_equal(mf_census_bytes(&census, "compile"), 0);
    mf_unit_free(u);
    mf_unit_free(NULL);
}

static int twice(int n)
{
    return 2 * n;
}

static void test_handler_source(void **state)
{
    fixture *f = *state;
    mf_unit_input in = plan_input(f, greeter);
    static const char text[] =
        "#include \"greeter.mf.h\"\n"
        "#include <string.h>\n"
        "int twice(int);\n"
        "int answer(void);\n"
        "int calls;\n"
        "static int hidden = 5;\n"
        "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
        "    const hello_Request *req, hello_Reply *reply)\n"
        "{ calls++; reply->message = req->name; return hidden; }\n"
        "int hello_Second_on_B(void *state, mayfly_call *call,\n"
        "    const hello_Reply *req, hello_Request *reply)\n"
        "{ return twice(21) + (int)strlen(\"\") + answer(); }\n";
    static const char more[] = "int answer(void) { return 1; }\n";
    mayfly_source handlers[] = {{.name = "h.c", .text = text},
                                {.name = "more.c", .text = more}};
    mayfly_symbol symbols[] = {{"twice", (const void *)(uintptr_t)twice}};
    in.handlers = handlers;
    in.n_handlers = 2;
    in.symbols = symbols;
    in.n_symbols = 1;
    mf_unit *u = build(f, &in, NULL);
    assert_int_equal(f->findings, 0);
    assert_non_null(u->handlers[mf_unit_method(u->plan, 0, 0)]);
    assert_null(u->handlers[mf_unit_method(u->plan, 1, 0)]);
    void *b = u->handlers[mf_unit_method(u->plan, 1, 1)];
    assert_non_null(b);
    int (*on_b)(void *, void *, const void *, void *) =
        (int (*)(void *, void *, const void *, void *))(uintptr_t)b;
    assert_int_equal(on_b(NULL, NULL, NULL, NULL), 43);

    int *calls = mf_unit_symbol(u, "calls");
    assert_non_null(calls);
    *calls = 7; /* its data can be written */
    assert_ptr_equal(mf_unit_symbol(u, "hello_Second_on_B"), b);
    assert_non_null(mf_unit_symbol(u, "answer"));
    assert_null(mf_unit_symbol(u, "hidden"));
    assert_null(mf_unit_symbol(u, "twice"));
    assert_null(mf_unit_symbol(u, "mf_unit_entry"));
    mf_unit_free(u);
}

static void refuse(fixture *f, const char *name, const char *text, int code,
                   const char *part)
{
    mf_unit_input in = plan_input(f, greeter);
    mayfly_source handlers[] = {{.name = name, .text = text}};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_unit *u;
    in.handlers = handlers;
    in.n_handlers = 1;
    f->findings = 0;
    assert_int_equal(mf_unit_build(&f->compiler, &in, &u, NULL, &err), code);
    assert_int_equal(err.code, code);
    if (!strstr(err.message, part))
        fail_msg("no \"%s\" in \"%s\"", part, err.message);
    drop_input(&in);
}

static void test_bad_handler_source(void **state)
{
    fixture *f = *state;
    refuse(f, "h.c", "int a;\nint f(void) { return b; }\nint c;\n",
           MAYFLY_ECOMPILE, "h.c:2");
    assert_true(f->findings > 0);
    assert_non_null(strstr(f->first, "h.c:2"));
    refuse(f, "h.c", "int nowhere(void); int f(void) { return nowhere(); }\n",
           MAYFLY_ELINK, "nowhere");
    refuse(f, "h.c", "#include \"other.mf.h\"\n", MAYFLY_ECOMPILE,
           "other.mf.h");
    /* and the next one is as if these had not been */
    mf_unit_input in = plan_input(f, greeter);
    mf_unit_free(build(f, &in, NULL));
}

/* What a user's source warns of is passed on, not refused. */
static void test_warnings_of_handler_source(void **state)
{
    fixture *f = *state;
    mf_unit_input in = plan_input(f, greeter);
    mayfly_source handlers[] = {
        {.name = "h.c",
         .text = "int f(void) { int *p = 5; return p == (int *)1; }\n"}};
    in.handlers = handlers;
    in.n_handlers = 1;
    f->findings = 0;
    mf_unit *u = build(f, &in, NULL);
    assert_true(f->findings > 0);
    mf_unit_free(u);
}

static void test_resident(void **state)
{
    fixture *f = *state;
    mf_unit_input in = plan_input(f, greeter);
    in.resident = 1;
    mf_unit *u = build(f, &in, NULL);
    mf_census census = {0};
    mf_unit_census(u, &census);
    assert_true(mf_census_bytes(&census, "compile") > 100000);
    assert_true(mf_cc_arena_bytes(f->compiler.cc) > 100000);
    mf_unit_free(u);
}

/* A schema of thousands of messages, and each of its functions compiled. */
static void test_large(void **state)
{
    fixture *f = *state;
    enum { MESSAGES = 1500 };
    mf_buf text;
    mf_buf_init(&text, &f->alloc, 0);
    mf_buf_puts(&text, "syntax = \"proto3\";\npackage big;\n");
    for (int i = 0; i < MESSAGES; i++)
        mf_buf_printf(&text,
                      "message M%d { string a = 1; int64 b = 2; M%d c = 3;"
                      " repeated M%d d = 4; }\n",
                      i, (i + 1) % MESSAGES, i / 2);
    mf_unit_input in = plan_input(f, mf_buf_text(&text));
    mf_unit *u = build(f, &in, NULL);
    assert_int_equal(u->entry->n_messages, MESSAGES);
    mf_unit_free(u);
    mf_buf_done(&text);
}

/* Through the user's allocator each allocation of a build fails in turn. */
static void test_lack_of_memory(void **state)
{
    fixture *f = *state;
    int done = 0;
    f->compiler.through = 1;
    for (int n = 1; n < 2000 && !done; n++) {
        mayfly_allocator kept = f->alloc.table;
        fault failing;
        fault_init(&failing, 0, 1);
        f->alloc.table = fault_table(&failing);
        mf_unit_input in = plan_input(f, greeter);
        mayfly_source handlers[] = {{.name = "h.c", .text = "int x;"}};
        in.handlers = handlers;
        in.n_handlers = 1;
        size_t heap = atomic_load(&mf_heap_alloc(in.heap)->blocks);
        mf_unit *u = NULL;
        mayfly_error err = MAYFLY_ERROR_INIT;
        failing.fail_at = failing.seen + n;
        int code = mf_unit_build(&f->compiler, &in, &u, NULL, &err);
        failing.fail_at = 0;
        done = code == 0;
        if (code != 0) {
            /* the zone cannot tell lack of memory from lack of room */
            if (code != MAYFLY_ENOMEM && code != MAYFLY_ELIMIT)
                fail_msg("%d: %d %s", n, code, err.message);
            assert_int_equal(atomic_load(&mf_heap_alloc(in.heap)->blocks),
                             heap);
            drop_input(&in);
        } else {
            mf_unit_free(u);
        }
        mf_cc_trim(f->compiler.cc, 0);
        f->alloc.table = kept;
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_generated, begin, end),
        cmocka_unit_test_setup_teardown(test_handler_source, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_handler_source, begin, end),
        cmocka_unit_test_setup_teardown(test_warnings_of_handler_source, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_resident, begin, end),
        cmocka_unit_test_setup_teardown(test_large, begin, end),
        cmocka_unit_test_setup_teardown(test_lack_of_memory, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
