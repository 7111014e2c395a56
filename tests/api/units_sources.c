/*
 * What a version is made of: headers that its source includes are part of it,
 * whatever becomes of them afterwards; and which files a load has read.
 */
#include "units.h"

#include <sys/stat.h>

/* Two headers, the first of which includes the second. */
typedef struct headers {
    const char *word, *deep;
    int asked; /* for either */
} headers;

static const char *give(void *state, const char *name, size_t *ret_len)
{
    headers *h = state;
    (void)ret_len;
    if (strcmp(name, "src/hello.mf.h") == 0)
        return "#error a header that was made long ago\n";
    h->asked += strstr(name, "word.h") || strstr(name, "deep.h");
    return strcmp(name, "src/word.h") == 0   ? h->word
           : strcmp(name, "src/deep.h") == 0 ? h->deep
                                             : NULL;
}

static const char says_word[] =
    "#include \"hello.mf.h\"\n"
    "# include \"word.h\"\n"
    "#if 0\n#include \"nowhere.h\"\n#endif\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{ r->message = mayfly_str_of(WORD); return 0; }\n";

static mayfly_load_options with(headers *h, const mayfly_source *source)
{
    return *MAYFLY_LOAD_OPTIONS(.handlers = source, .n_handlers = 1,
                                .include = give, .include_state = h);
}

static uint64_t load_with(mayfly_host *host, const mayfly_load_options *options,
                          mayfly_unit **ret_unit)
{
    const mayfly_source text = {"hello.proto", HELLO_V1, 0};
    uint64_t version = 0;
    must(mayfly_unit_load(host, "hello",
                          MAYFLY_RECIPE(.schema = &text, .load = options),
                          ret_unit, &version, &err));
    return version;
}

static void headers_make_a_version(void **state)
{
    (void)state;
    const mayfly_source source = {"src/handlers.c", says_word, 0};
    headers h = {"#include \"deep.h\"\n", "#define WORD \"one\"\n", 0};
    const mayfly_load_options options = with(&h, &source);
    world w = {.host = hello_host()};
    mayfly_unit *again;
    w.pair = hello_connect(w.host);
    assert_int_equal(load_with(w.host, &options, &w.unit), 1);
    assert_true(h.asked > 0);
    must(mayfly_unit_serve_source(w.unit, w.pair.server, NULL, NULL, &err));
    must(hello_Greeter_follow(w.unit, w.pair.channel, &w.greeter, &err));
    assert_string_equal(say(w.host, w.greeter), "one");

    h.deep = "#define WORD \"two\"\n";
    assert_int_equal(load_with(w.host, &options, &again), 2);
    mayfly_unit_unref(again);
    must(mayfly_unit_evict(w.unit, 1, &err));
    h.asked = 0;
    assert_string_equal(say(w.host, w.greeter), "one"); /* as it was */
    assert_int_equal(h.asked, 0);

    must(
        mayfly_unit_use(w.unit, 2, MAYFLY_SWAP_OPTIONS(.keep = 1), NULL, &err));
    assert_string_equal(say(w.host, w.greeter), "two");
    h.deep = "#define WORD \"one\"\n";
    assert_int_equal(load_with(w.host, &options, &again), 1); /* is there */
    mayfly_unit_unref(again);
    assert_int_equal(stats_of(w.host).versions, 2);
    end(&w);
}

/* Such a name is not known before the compiler asks for it. */
static void a_macro_names_a_header(void **state)
{
    (void)state;
    const mayfly_source source = {"src/handlers.c",
                                  "#define FILE_OF(x) \"word.h\"\n#include "
                                  "FILE_OF(1)\nint word = WORD;\n",
                                  0};
    headers h = {"#define WORD 7\n", NULL, 0};
    const mayfly_load_options options = with(&h, &source);
    mayfly_host *host = hello_host();
    mayfly_unit *unit;
    mayfly_context *context;
    mayfly_pin *pin;
    void *at;
    load_with(host, &options, &unit);
    must(mayfly_unit_context(unit, 0, 0, &context, &err));
    must(mayfly_pin_take(context, "a test", &pin, &err));
    must(mayfly_pin_symbol(pin, "word", &at, &err));
    assert_int_equal(*(int *)at, 7);
    mayfly_pin_free(pin);
    mayfly_context_unref(context);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

static void options_make_a_version(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_unit *unit;
    assert_int_equal(load_with(host, NULL, &unit), 1);
    mayfly_unit_unref(unit);
    assert_int_equal(
        load_with(host, MAYFLY_LOAD_OPTIONS(.strict_presence = 1), &unit), 2);
    mayfly_unit_unref(unit);
    assert_int_equal(load_with(host, MAYFLY_LOAD_OPTIONS(.resident = 1), &unit),
                     3);
    mayfly_unit_unref(unit);
    assert_int_equal(load_with(host, MAYFLY_LOAD_OPTIONS(.resident = 0), &unit),
                     1);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

/* --- on disk --- */

static char top[] = "/tmp/mayfly-units-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void folders_of_headers(void **state)
{
    (void)state;
    const mayfly_source source = {"handlers.c", says_word, 0};
    const char *dirs[] = {"/nowhere", top};
    const mayfly_load_options *options =
        MAYFLY_LOAD_OPTIONS(.handlers = &source, .n_handlers = 1,
                            .header_dirs = dirs, .n_header_dirs = 2);
    world w = {.host = hello_host()};
    mayfly_unit *again;
    w.pair = hello_connect(w.host);
    mkdir(path_of("sub"), 0700);
    write_file("word.h", "#include \"sub/deep.h\"\n");
    write_file("sub/deep.h", "#include \"last.h\"\n");
    write_file("sub/last.h", "#define WORD \"one\"\n");
    assert_int_equal(load_with(w.host, options, &w.unit), 1);
    must(mayfly_unit_serve_source(w.unit, w.pair.server, NULL, NULL, &err));
    must(hello_Greeter_follow(w.unit, w.pair.channel, &w.greeter, &err));
    assert_int_equal(load_with(w.host, options, &again), 1);
    mayfly_unit_unref(again);
    write_file("sub/last.h", "#define WORD \"two\"\n");
    assert_int_equal(load_with(w.host, options, &again), 2);
    mayfly_unit_unref(again);
    unlink(path_of("sub/last.h"));
    unlink(path_of("word.h"));
    must(mayfly_unit_evict(w.unit, 0, &err));
    assert_string_equal(say(w.host, w.greeter), "one");
    must(mayfly_unit_use(w.unit, 2, NULL, NULL, &err));
    assert_string_equal(say(w.host, w.greeter), "two");
    unlink(path_of("sub/deep.h"));
    rmdir(path_of("sub"));
    end(&w);
}

static void note_path(void *state, const char *path)
{
    char *all = state;
    assert_int_equal(strncmp(path, top, strlen(top)), 0);
    strcat(all, path + strlen(top));
    strcat(all, " ");
}

static void files_are_told(void **state)
{
    (void)state;
    char told[1000] = "", first[300], second[300], a[300], b[300];
    const char *dirs[] = {first, second};
    mayfly_host *host = hello_host();
    mayfly_unit *unit;
    snprintf(first, sizeof first, "%s/1", top);
    snprintf(second, sizeof second, "%s/2", top);
    mkdir(first, 0700);
    mkdir(second, 0700);
    write_file("1/a.proto", "syntax = \"proto3\";\nimport \"b.proto\";\n");
    write_file("2/b.proto", "syntax = \"proto3\";\n");
    snprintf(a, sizeof a, "%s/1/a.proto", top);
    snprintf(b, sizeof b, "%s/2/b.proto", top);
    const mayfly_load_options *options =
        MAYFLY_LOAD_OPTIONS(.include_dirs = dirs, .n_include_dirs = 2,
                            .file = note_path, .file_state = told);
    must(mayfly_unit_load(host, "a", MAYFLY_RECIPE(.path = a, .load = options),
                          &unit, NULL, &err));
    assert_string_equal(told, "/1/a.proto /1/b.proto /2/b.proto ");
    told[0] = '\0';
    must(mayfly_unit_evict(unit, 0, &err));
    mayfly_context *context;
    must(mayfly_unit_context(unit, 0, 0, &context, &err));
    mayfly_context_unref(context);
    assert_string_equal(told, ""); /* from memory, and nobody is told later */
    unlink(b);
    must_fail(mayfly_unit_swap(unit, MAYFLY_RECIPE(.path = a, .load = options),
                               NULL, NULL, &err),
              MAYFLY_ENOTFOUND, "b.proto");
    assert_string_equal(told, "/1/a.proto /1/b.proto /2/b.proto ");
    unlink(a);
    rmdir(first);
    rmdir(second);
    mayfly_unit_unref(unit);
    mayfly_host_free(host);
}

static int make_top(void **state)
{
    (void)state;
    return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
    (void)state;
    return rmdir(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_make_a_version),
        cmocka_unit_test(a_macro_names_a_header),
        cmocka_unit_test(options_make_a_version),
        cmocka_unit_test(folders_of_headers),
        cmocka_unit_test(files_are_told),
    };
    return cmocka_run_group_tests(tests, make_top, remove_top);
}
