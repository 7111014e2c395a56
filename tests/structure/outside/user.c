/*
 * A program outside the tree, built against the installed library: loads a
 * schema, turns JSON into wire bytes and back, unloads. With WITH_LIBTCC it
 * also links Debian's own libtcc and compiles with both, in turns.
 *
 * Its own names are chosen to meet the library's internal ones.
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <stdlib.h>

int mf_hash(void);
int mf_alloc_new(void);
int mf_tcc_new(void);
int mf_hash(void)
{
    return 1;
}
int mf_alloc_new(void)
{
    return 2;
}
int mf_tcc_new(void)
{
    return 3;
}

#ifdef WITH_LIBTCC
#include <libtcc.h>

static void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "own libtcc: %s failed\n", what);
        exit(1);
    }
}

/* Compiles `int f(void) { return value; }` with the program's own libtcc and
 * runs it. */
static void own_compile(int value)
{
    char text[80];
    int (*f)(void);
    TCCState *s = tcc_new();

    must(s != NULL, "tcc_new");
    tcc_set_options(s, "-nostdlib");
    tcc_set_output_type(s, TCC_OUTPUT_MEMORY);
    snprintf(text, sizeof text, "int f(void) { return %d; }", value);
    must(tcc_compile_string(s, text) == 0, "tcc_compile_string");
    must(tcc_relocate(s, TCC_RELOCATE_AUTO) == 0, "tcc_relocate");
    *(void **)&f = tcc_get_symbol(s, "f");
    must(f != NULL && f() == value, "the compiled function");
    tcc_delete(s);
}
#else
static void own_compile(int value)
{
    (void)value;
}
#endif

static const char schema[] =
    "syntax = \"proto3\";\n"
    "package outside;\n"
    "message Point { int32 x = 1; string name = 2; }\n"
    "service Plane { rpc Move(Point) returns (Point); }\n";

static int cycle(mayfly_host *host, mayfly_error *err)
{
    const mayfly_source source = {"point.proto", schema, 0};
    const mayfly_str json = MAYFLY_STR("{\"x\": -3, \"name\": \"here\"}");
    mayfly_context *context = NULL;
    mayfly_receipt *receipt = NULL;
    mayfly_arena *arena = NULL;
    mayfly_bytes wire = {NULL, 0};
    mayfly_str text = {NULL, 0};
    int code;

    code = mayfly_arena_new(host, 0, &arena, err);
    if (code == 0)
        code = mayfly_load_text(host, "plane", &source, NULL, &context, err);
    own_compile(7);
    if (code == 0)
        code = mayfly_json_encode(context, "outside.Point", json, arena, &wire,
                                  err);
    if (code == 0)
        code = mayfly_json_decode(context, "outside.Point", wire, 0, arena,
                                  &text, err);
    if (code == 0)
        printf("%zu bytes, %.*s\n", wire.len, (int)text.len, text.ptr);
    if (code == 0)
        code = mayfly_unload(context, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 1000),
                             &receipt, err);
    if (code == 0 && mayfly_receipt_retained(receipt) != 0) {
        fprintf(stderr, "retained %zu bytes\n",
                mayfly_receipt_retained(receipt));
        code = 1;
    }
    mayfly_receipt_free(receipt);
    mayfly_context_unref(context);
    mayfly_arena_free(arena);
    return code;
}

int main(void)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = NULL;
    int code = 0;

    own_compile(1);
    if (mayfly_host_new(NULL, &host, &err) != 0)
        code = 1;
    for (int i = 0; i < 3 && code == 0; i++) {
        own_compile(10 + i);
        code = cycle(host, &err);
    }
    mayfly_host_free(host);
    own_compile(2);
    if (code != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return mf_hash() + mf_alloc_new() + mf_tcc_new() == 6 ? 0 : 1;
}
