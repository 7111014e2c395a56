/*
 * Loading and unloading through the public API: files and text, what is refused
 * and where, limits, receipts, what an output is.
 */
#include "hello.h"

#include <stdlib.h>
#include <unistd.h>

static void test_load_and_unload(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load(host, HELLO_V1, NULL);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    assert_string_equal(mayfly_context_name(c), "hello");

    mayfly_receipt *live = NULL, *gone = NULL;
    must(mayfly_context_receipt(c, &live, &err));
    assert_true(mayfly_receipt_retained(live) > 4096);
    must(mayfly_unload(c, NULL, &gone, &err));
    assert_int_equal(mayfly_receipt_retained(gone), 0);
    assert_non_null(strstr(mayfly_receipt_text(gone), "arena dropped"));
    assert_non_null(strstr(mayfly_receipt_json(gone), "\"token"));
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    must_fail(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EUNLOADED, "hello");

    mayfly_arena *arena;
    mayfly_bytes wire;
    must(mayfly_arena_new(host, 0, &arena, &err));
    hello_Request request = {.name = MAYFLY_STR("ada")};
    must_fail(hello_Request_encode(c, &request, arena, &wire, &err),
              MAYFLY_EUNLOADED, "hello");
    mayfly_arena_free(arena);
    mayfly_receipt_free(live);
    mayfly_context_unref(c);
    mayfly_host_free(host);
    assert_non_null(strstr(mayfly_receipt_text(gone), "unloaded"));
    mayfly_receipt_free(gone); /* a handle of its own */
}

static void test_handles_outlive_the_host(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c = hello_load(host, HELLO_V1, NULL);
    mayfly_pin *pin;
    must(mayfly_pin_take(c, "late", &pin, &err));
    mayfly_host_free(host);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADING);
    must_fail(mayfly_pin_take(c, "later", &pin, &err), MAYFLY_EUNLOADED, "");
    mayfly_pin_free(pin);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_UNLOADED);
    mayfly_context_unref(c);
}

static void test_versions_side_by_side(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c[40];
    for (int i = 0; i < 40; i++) {
        c[i] = hello_load(host, HELLO_V1, NULL);
        assert_int_equal(mayfly_context_version(c[i]), i + 1);
    }
    for (int i = 0; i < 40; i += 2)
        must(mayfly_unload(c[i], NULL, NULL, &err));
    for (int i = 1; i < 40; i += 2)
        assert_int_equal(mayfly_context_get_state(c[i]), MAYFLY_LIVE);
    mayfly_host_free(host); /* unloads the rest */
    for (int i = 0; i < 40; i++) {
        assert_int_equal(mayfly_context_get_state(c[i]), MAYFLY_UNLOADED);
        mayfly_context_unref(c[i]);
    }
}

typedef struct findings {
    int n;
    int line, column;
    char text[200];
} findings;

static void on_finding(void *state, const mayfly_diagnostic *d)
{
    findings *f = state;
    if (f->n++ == 0) {
        f->line = d->line;
        f->column = d->column;
        snprintf(f->text, sizeof f->text, "%s", d->text);
    }
}

static void refuse_schema(mayfly_host *host, const char *text, int code,
                          const char *part)
{
    const mayfly_source schema = {"bad.proto", text, 0};
    mayfly_context *c = NULL;
    must_fail(mayfly_load_text(host, "bad", &schema, NULL, &c, &err), code,
              part);
    assert_null(c);
}

static void test_bad_schemas_have_a_place(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    refuse_schema(host, "syntax = \"proto3\";\nmessage M {\n  Nope x = 1;\n}\n",
                  MAYFLY_ESCHEMA, "bad.proto:3:");
    refuse_schema(host, "syntax = \"proto2\";\n", MAYFLY_EUNSUPPORTED,
                  "proto2");
    refuse_schema(host, "syntax = \"proto3\";\nimport \"gone.proto\";\n",
                  MAYFLY_ENOTFOUND, "bad.proto:2:");

    findings f = {0};
    const mayfly_source schema = {
        "two.proto", "syntax = \"proto3\";\nmessage M { A a = 1;\n B b = 2; }",
        0};
    mayfly_context *c;
    must_fail(mayfly_load_text(host, "two", &schema,
                               MAYFLY_LOAD_OPTIONS(.diagnostic = on_finding,
                                                   .diagnostic_state = &f),
                               &c, &err),
              MAYFLY_ESCHEMA, "two.proto:2:");
    assert_int_equal(f.n, 2);
    assert_int_equal(f.line, 2);
    assert_true(f.column > 0);
    mayfly_host_free(host);
}

static void refuse_source(mayfly_host *host, const char *source, int code,
                          const char *part)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source handlers[] = {{"h.c", source, 0}};
    mayfly_context *c = NULL;
    must_fail(mayfly_load_text(
                  host, "hello", &schema,
                  MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1),
                  &c, &err),
              code, part);
    assert_null(c);
}

static void test_bad_handlers_have_a_place(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    refuse_source(host, "\nint f(void) { return gone; }\nint g;\n",
                  MAYFLY_ECOMPILE, "h.c:2");
    refuse_source(host, "int gone(void); int f(void) { return gone(); }\n",
                  MAYFLY_ELINK, "gone");
    refuse_source(host, "#error \"stop here\"\n", MAYFLY_ECOMPILE, "stop here");
    refuse_source(host, "#include \"gone.h\"\n", MAYFLY_ECOMPILE, "gone.h");
    mayfly_context_unref(hello_load(host, HELLO_V1, NULL));
    mayfly_host_free(host);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    mayfly_load_options odd = {.size = 5};
    mayfly_context *c;
    must_fail(mayfly_load_text(NULL, "x", &schema, NULL, &c, &err),
              MAYFLY_EINVAL, "");
    must_fail(mayfly_load_text(host, NULL, &schema, NULL, &c, &err),
              MAYFLY_EINVAL, "");
    must_fail(mayfly_load_text(host, "x", NULL, NULL, &c, &err), MAYFLY_EINVAL,
              "");
    must_fail(mayfly_load_text(host, "x", &schema, &odd, &c, &err),
              MAYFLY_EINVAL, "5 bytes");
    must_fail(mayfly_load_file(host, "x", NULL, NULL, &c, &err), MAYFLY_EINVAL,
              "");
    must_fail(
        mayfly_load_file(host, "x", "/nowhere/gone.proto", NULL, &c, &err),
        MAYFLY_ENOTFOUND, "/nowhere/gone.proto");
    mayfly_host_free(host);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/mayfly-load-XXXXXX", path[128], other[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.proto", dir);
    snprintf(other, sizeof other, "%s/b.proto", dir);
    write_file(other, "syntax = \"proto3\";\npackage t;\nmessage B {}\n");
    write_file(path, "syntax = \"proto3\";\npackage t;\n"
                     "import \"b.proto\"; message A { B b = 1; int32 n = 2; }");

    mayfly_host *host = hello_host();
    mayfly_context *c;
    const char *dirs[] = {"/nowhere", dir};
    must(mayfly_load_file(host, "a", path, NULL, &c, &err));
    mayfly_context_unref(c);
    must(mayfly_load_file(
        host, "a", path,
        MAYFLY_LOAD_OPTIONS(.include_dirs = dirs, .n_include_dirs = 2), &c,
        &err));
    mayfly_arena *arena;
    mayfly_bytes wire;
    must(mayfly_arena_new(host, 0, &arena, &err));
    must(mayfly_json_encode(c, "t.A", mayfly_str_of("{\"n\": 5, \"b\": {}}"),
                            arena, &wire, &err));
    assert_int_equal(wire.len, 4);
    mayfly_str json;
    must(mayfly_json_decode(c, "t.A", wire, 0, arena, &json, &err));
    assert_non_null(strstr(json.ptr, "\"n\""));
    must_fail(
        mayfly_json_encode(c, "t.C", mayfly_str_of("{}"), arena, &wire, &err),
        MAYFLY_ENOTFOUND, "t.C");
    mayfly_arena_free(arena);
    mayfly_context_unref(c);

    mayfly_output *out;
    const char *paths[] = {path};
    must(mayfly_emit(host, MAYFLY_EMIT_HEADER, paths, 1, NULL, NULL, &out,
                     &err));
    mayfly_bytes bytes = mayfly_output_bytes(out);
    assert_non_null(strstr((const char *)bytes.ptr, "struct t_A"));
    assert_int_equal(strlen((const char *)bytes.ptr), bytes.len);
    mayfly_output_free(out);
    must(mayfly_emit(host, MAYFLY_EMIT_C, paths, 1, NULL, NULL, &out, &err));
    bytes = mayfly_output_bytes(out);
    assert_non_null(strstr((const char *)bytes.ptr, "mf_unit_entry"));
    mayfly_output_free(out);
    must(mayfly_emit(host, MAYFLY_EMIT_DESCRIPTOR, paths, 1, NULL, NULL, &out,
                     &err));
    assert_true(mayfly_output_bytes(out).len > 20);
    mayfly_output_free(out);
    must_fail(
        mayfly_emit(host, MAYFLY_EMIT_C, paths, 0, NULL, NULL, &out, &err),
        MAYFLY_EINVAL, "");
    mayfly_host_free(host);
    unlink(path);
    unlink(other);
    rmdir(dir);
}

/* Each limit of the host is enforced, and named. */
static void test_limits(void **state)
{
    (void)state;
    static const char endless[] =
        "#define A(x) x x x x x x x x x x\n"
        "#define B(x) A(x) A(x) A(x) A(x) A(x) A(x) A(x) A(x)\n"
        "#define C(x) B(x) B(x) B(x) B(x) B(x) B(x) B(x) B(x)\n"
        "#define D(x) C(x) C(x) C(x) C(x) C(x) C(x) C(x) C(x)\n"
        "int f(int n) { D(D(n++;)) return n; }\n";
    mayfly_host *host;
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.source_bytes_max = 1000), &host,
                         &err));
    refuse_source(host, "int x;\n", MAYFLY_ELIMIT, "source");
    mayfly_host_free(host);
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.compile_bytes_max = 1 << 20),
                         &host, &err));
    refuse_source(host, endless, MAYFLY_ELIMIT, "arena");
    mayfly_host_free(host);
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.compile_ms_max = 50), &host,
                         &err));
    refuse_source(host, endless, MAYFLY_ELIMIT, "");
    mayfly_context_unref(hello_load(host, HELLO_V1, NULL));
    mayfly_host_free(host);
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.code_bytes_max = 64 << 10), &host,
                         &err));
    refuse_source(host, "char big[1 << 20];\n", MAYFLY_ELIMIT, "code");
    mayfly_context_unref(hello_load(host, HELLO_V1, NULL));
    mayfly_host_free(host);
}

static void test_measured_receipt(void **state)
{
    (void)state;
    mayfly_host *host;
    must(mayfly_host_new(MAYFLY_HOST_OPTIONS(.measure_process = 2), &host,
                         &err));
    mayfly_receipt *r = NULL;
    for (int i = 0; i < 3; i++) {
        mayfly_receipt_free(r);
        mayfly_context *c = hello_load(host, HELLO_V1, NULL);
        must(mayfly_unload(c, NULL, &r, &err));
        mayfly_context_unref(c);
    }
    const char *json = mayfly_receipt_json(r);
    assert_non_null(strstr(json, "\"cycles\": 3"));
    assert_null(strstr(json, "null"));
    assert_int_equal(mayfly_receipt_retained(r), 0);
    mayfly_receipt_free(r);
    mayfly_host_free(host);
}

/* A resident context keeps the compile arena, and says so. */
static void test_resident(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *c =
        hello_load(host, HELLO_V1, MAYFLY_LOAD_OPTIONS(.resident = 1));
    mayfly_receipt *r;
    must(mayfly_context_receipt(c, &r, &err));
    assert_true(mayfly_receipt_retained(r) > 100000);
    assert_non_null(strstr(mayfly_receipt_json(r), "\"resident\": true"));
    mayfly_receipt_free(r);
    must(mayfly_unload(c, NULL, &r, &err));
    assert_int_equal(mayfly_receipt_retained(r), 0);
    mayfly_receipt_free(r);
    mayfly_context_unref(c);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_and_unload),
        cmocka_unit_test(test_handles_outlive_the_host),
        cmocka_unit_test(test_versions_side_by_side),
        cmocka_unit_test(test_bad_schemas_have_a_place),
        cmocka_unit_test(test_bad_handlers_have_a_place),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_measured_receipt),
        cmocka_unit_test(test_resident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
