/*
 * Many units as one job: folders and files, what is wrong among them, names,
 * cancelling, handlers beside schemas; by one thread and by several.
 */
#include "bulk.h"

static void find_tree(tree *t)
{
    tree_make(t);
    tree_put(t, "a.proto", schema_of("a"));
    tree_put(t, "b/bad.proto", WRONG);
    tree_put(t, "b/good.proto", schema_of("b"));
    tree_put(t, "c.txt", "not a schema");
    tree_put(t, "c/d/e.proto", schema_of("e"));
    tree_put(t, "c/proto", "no suffix");
    tree_put(t, "c/empty.proto", "");
    tree_put(t, ".hidden.proto", "this is wrong");
    tree_put(t, ".git/x.proto", "so is this");
    tree_put(t, "z.proto/f.proto", schema_of("f")); /* a folder, so called */
    tree_link(t, "c/up", "..");
    tree_link(t, "c/self", ".");
    tree_link(t, "loop", "loop");
    tree_link(t, "linked.proto", "c/d/e.proto");
    tree_link(t, "lost.proto", "nowhere");
    tree_link(t, "again", "c/d");
}

static void a_folder_is_looked_through(void **state)
{
    (void)state;
    static const char *const found[] = {"a",      "again/e",  "b/bad",
                                        "b/good", "c/empty",  "linked",
                                        "lost",   "z.proto/f"};
    enum { N = sizeof found / sizeof found[0] };
    tree t;
    find_tree(&t);
    mayfly_host *host = hello_host();
    mayfly_bulk *bulk = NULL;
    told seen = told_here();
    const char *top = t.top;
    must(mayfly_bulk_load(
        host,
        MAYFLY_BULK_OPTIONS(.paths = &top, .n_paths = 1, .progress = tell,
                            .progress_state = &seen,
                            .load =
                                MAYFLY_LOAD_OPTIONS(.diagnostic = tell_finding,
                                                    .diagnostic_state = &seen)),
        &bulk, &err));
    size_t n;
    const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
    assert_int_equal(n, N);
    for (size_t i = 0; i < N; i++)
        assert_string_equal(r[i].unit, found[i]);
    assert_int_equal(seen.calls, N);
    assert_int_equal(seen.total, N);
    assert_string_equal(seen.last, tree_path(&t, "z.proto/f.proto"));

    const mayfly_bulk_result *bad = result_of(bulk, "b/bad");
    assert_int_equal(bad->code, MAYFLY_ESCHEMA);
    assert_int_equal(bad->line, 2);
    assert_non_null(strstr(bad->message, "Missing"));
    assert_non_null(strstr(bad->message, "b/bad.proto"));
    assert_int_equal(bad->n_findings, 2);
    assert_int_equal(bad->findings[1].line, 3);
    assert_string_equal(bad->findings[0].file, bad->path);
    assert_int_equal(seen.findings, 4); /* and one in two others */
    assert_non_null(strstr(seen.finding, "bad.proto:2: "));
    const mayfly_bulk_result *lost = result_of(bulk, "lost");
    assert_int_equal(lost->code, MAYFLY_ENOTFOUND);
    assert_non_null(strstr(lost->message, "lost.proto"));

    assert_int_equal(result_of(bulk, "c/empty")->code, MAYFLY_EUNSUPPORTED);

    mayfly_bulk_info info = info_of(bulk);
    assert_int_equal(info.loaded, N - 3);
    assert_int_equal(info.failed, 3);
    assert_int_equal(info.left_out, 0);
    assert_int_equal(info.is_cancelled, 0);
    assert_int_equal(units_of(host), N - 3);
    uses(host, "a", "a.Key");
    uses(host, "again/e", "e.Key");
    uses(host, "linked", "e.Key");
    assert_int_equal(result_of(bulk, "a")->version, 1);
    mayfly_bulk_free(bulk);
    mayfly_bulk_free(NULL);
    mayfly_host_free(host);
    tree_remove(&t);
}

/* With several threads it is the same. */
static void threads_share_the_work(void **state)
{
    (void)state;
    enum { N = 60, BAD = 7 };
    tree t;
    mayfly_host *host = hello_host();
    tree_make(&t);
    for (int i = 0; i < N; i++) {
        char name[32], package[16];
        snprintf(package, sizeof package, "p%d", i);
        snprintf(name, sizeof name, "d%d/s%02d.proto", i % 4, i);
        tree_put(&t, name, i % BAD == 3 ? WRONG : schema_of(package));
    }
    const char *top = t.top;
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        mayfly_bulk *bulk = NULL;
        told seen = told_here();
        must(mayfly_bulk_load(
            host,
            MAYFLY_BULK_OPTIONS(.paths = &top, .n_paths = 1, .threads = threads,
                                .progress = tell, .progress_state = &seen,
                                .load = MAYFLY_LOAD_OPTIONS(.diagnostic =
                                                                tell_finding,
                                                            .diagnostic_state =
                                                                &seen)),
            &bulk, &err));
        size_t n;
        const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
        assert_int_equal(n, N);
        assert_int_equal(seen.calls, N);
        assert_int_equal(seen.findings, 2 * info_of(bulk).failed);
        assert_int_equal(info_of(bulk).failed, (N + 3) / BAD);
        assert_int_equal(info_of(bulk).threads, threads);
        for (size_t i = 0; i < n; i++) {
            assert_true(!i || strcmp(r[i - 1].path, r[i].path) < 0);
            assert_int_equal(r[i].code != 0, r[i].n_findings == 2);
        }
        assert_int_equal(units_of(host), info_of(bulk).loaded);
        uses(host, "d0/s00", "p0.Key");
        uses(host, "d2/s58", "p58.Key");
        mayfly_bulk_free(bulk); /* the next one finds the same contents */
    }
    mayfly_cache_stats stats = {.size = sizeof stats};
    mayfly_cache_get_stats(host, &stats);
    assert_int_equal(stats.builds, stats.units);
    mayfly_host_free(host);
    tree_remove(&t);
}

static void a_job_can_be_cancelled(void **state)
{
    (void)state;
    enum { N = 100, AFTER = 5 };
    tree t;
    tree_make(&t);
    for (int i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%02d.proto", i);
        tree_put(&t, name, i == 2 ? WRONG : schema_of("same"));
    }
    const char *top = t.top;
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        mayfly_host *host = hello_host();
        mayfly_bulk *bulk = NULL;
        told seen = told_here();
        seen.cancel_at = AFTER;
        must(mayfly_bulk_load(
            host,
            MAYFLY_BULK_OPTIONS(.paths = &top, .n_paths = 1, .threads = threads,
                                .progress = tell, .progress_state = &seen),
            &bulk, &err));
        mayfly_bulk_info info = info_of(bulk);
        size_t n, begun = 0;
        const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
        assert_int_equal(n, N);
        assert_int_equal(info.is_cancelled, 1);
        assert_true(seen.calls >= AFTER);
        if (threads == 1) /* the others may have been quick */
            assert_true(seen.calls < N);
        for (size_t i = 0; i < n; i++) {
            begun += r[i].code != MAYFLY_ECANCELLED;
            assert_true(r[i].path[0] && r[i].unit[0]);
        }
        assert_int_equal(begun, seen.calls);
        assert_int_equal(info.loaded, begun - 1);
        assert_int_equal(info.failed, N - begun + 1);
        assert_int_equal(units_of(host), begun - 1); /* what is loaded stays */
        if (begun < N)
            assert_non_null(strstr(r[n - 1].message, "cancelled"));
        mayfly_bulk_free(bulk);
        mayfly_host_free(host);
    }
    tree_remove(&t);
}

/* --- names --- */

static void recipes_have_names_or_get_one(void **state)
{
    (void)state;
    char one[1000], two[1000];
    snprintf(one, sizeof one, "%s", schema_of("one"));
    snprintf(two, sizeof two, "%s", schema_of("two"));
    const mayfly_source first = {"dir/first.proto", one, 0},
                        second = {"second", two, 0}, none = {NULL, one, 0};
    const mayfly_source c = {"c.c", "int seven(void) { return 7; }", 0};
    const mayfly_load_options *with_c =
        MAYFLY_LOAD_OPTIONS(.handlers = &c, .n_handlers = 1);
    const mayfly_bulk_item items[] = {
        {NULL, MAYFLY_RECIPE(.schema = &first)},
        {NULL, MAYFLY_RECIPE(.schema = &second, .version = "blue")},
        {"named", MAYFLY_RECIPE(.path = "tests/api/hello.proto")},
        {NULL, MAYFLY_RECIPE(.path = "tests/api/hello.proto")},
        {"lazy", MAYFLY_RECIPE(.schema = &first, .lazy = 1)},
        {"c", MAYFLY_RECIPE(.load = with_c)},
        {NULL, MAYFLY_RECIPE(.load = with_c)},
        {"dir/first", MAYFLY_RECIPE(.schema = &second)},
        {NULL, MAYFLY_RECIPE(.schema = &none)},
        {"a@b", MAYFLY_RECIPE(.schema = &first)},
        {"", MAYFLY_RECIPE(.schema = &first)},
        {"both", MAYFLY_RECIPE(.schema = &first, .path = "x.proto")},
    };
    static const struct {
        const char *unit;
        int code;
    } want[] = {{"dir/first", 0},    {"second", 0},
                {"named", 0},        {"hello", 0},
                {"lazy", 0},         {"c", 0},
                {"", MAYFLY_EINVAL}, {"dir/first", MAYFLY_EEXIST},
                {"", MAYFLY_EINVAL}, {"a@b", MAYFLY_EINVAL},
                {"", MAYFLY_EINVAL}, {"both", MAYFLY_EINVAL}};
    enum { N = sizeof items / sizeof items[0] };
    mayfly_host *host = hello_host();
    mayfly_bulk *bulk = NULL;
    must(mayfly_bulk_load(
        host, MAYFLY_BULK_OPTIONS(.items = items, .n_items = N), &bulk, &err));
    size_t n;
    const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
    assert_int_equal(n, N);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(r[i].unit, want[i].unit);
        if (r[i].code != want[i].code)
            fail_msg("%zu: %s: %s", i, mayfly_error_name(r[i].code),
                     r[i].message);
        assert_int_equal(r[i].code != 0, r[i].message[0] != '\0');
    }
    uses(host, "dir/first", "one.Key");
    uses(host, "named", "hello.Request");
    uint64_t blue = 0;
    mayfly_unit *unit = NULL;
    must(mayfly_unit_find(host, "second", &unit, &err));
    must(mayfly_unit_find_version(unit, "blue", &blue, &err));
    mayfly_unit_unref(unit);
    uses(host, "lazy", "one.Key");
    mayfly_bulk_free(bulk);
    mayfly_host_free(host);
}

/* Imports are found by the folders that were given, and below the one that is
 * loaded; names are below whichever holds the file. */
static void imports_and_include_folders(void **state)
{
    (void)state;
    tree t;
    tree_make(&t);
    tree_put(&t, "other/types.proto",
             "syntax = \"proto3\"; package t; message T { string name = 1; }");
    tree_put(&t, "top/sub/own.proto",
             "syntax = \"proto3\"; package o; message O { string name = 1; }");
    tree_put(&t, "top/sub/both.proto",
             "syntax = \"proto3\"; package b;\n"
             "import \"types.proto\"; import \"sub/own.proto\";\n"
             "service S { rpc A (t.T) returns (o.O); }\n");
    tree_put(&t, "top/no.proto",
             "syntax = \"proto3\"; import \"absent.proto\";");
    char top[TREE_PATH], other[TREE_PATH], file[TREE_PATH];
    snprintf(top, sizeof top, "%s/", tree_path(&t, "top")); /* with a slash */
    snprintf(other, sizeof other, "%s", tree_path(&t, "other"));
    snprintf(file, sizeof file, "%s", tree_path(&t, "other/types.proto"));
    const char *paths[] = {top, file}, *dirs[] = {other};
    mayfly_host *host = hello_host();
    mayfly_bulk *bulk = NULL;
    must(mayfly_bulk_load(
        host,
        MAYFLY_BULK_OPTIONS(.paths = paths, .n_paths = 2, .only_services = 1,
                            .load = MAYFLY_LOAD_OPTIONS(.include_dirs = dirs,
                                                        .n_include_dirs = 1)),
        &bulk, &err));
    assert_int_equal(info_of(bulk).loaded, 2);
    assert_int_equal(info_of(bulk).failed, 1);
    assert_int_equal(info_of(bulk).left_out, 1);
    assert_int_equal(result_of(bulk, "sub/own")->is_left_out, 1);
    assert_int_equal(result_of(bulk, "sub/own")->code, 0);
    assert_int_equal(result_of(bulk, "types")->is_left_out, 0); /* by itself */
    assert_non_null(strstr(result_of(bulk, "no")->message, "absent.proto"));
    assert_int_equal(units_of(host), 2);
    uses(host, "sub/both", "t.T");
    mayfly_bulk_free(bulk);

    /* one that is below no include folder */
    const char *outside = tree_path(&t, "top/no.proto");
    must(mayfly_bulk_load(
        host,
        MAYFLY_BULK_OPTIONS(.paths = &outside, .n_paths = 1,
                            .load = MAYFLY_LOAD_OPTIONS(.include_dirs = dirs,
                                                        .n_include_dirs = 1)),
        &bulk, &err));
    size_t n;
    const mayfly_bulk_result *r = mayfly_bulk_results(bulk, &n);
    assert_int_equal(n, 1);
    assert_int_equal(r->code, MAYFLY_EINVAL);
    assert_string_equal(r->unit, "");
    mayfly_bulk_free(bulk);
    mayfly_host_free(host);
    tree_remove(&t);
}

/* --- handlers --- */

static void handlers_beside_schemas(void **state)
{
    (void)state;
    tree t;
    tree_make(&t);
    tree_put(&t, "x/hello.proto", HELLO_V1);
    tree_put(
        &t, "x/hello.c",
        "#include \"x/hello.mf.h\"\n"
        "int hello_Greeter_on_SayHello(void *s, mayfly_call *c,\n"
        "    const hello_Request *q, hello_Reply *r)\n"
        "{ r->message.ptr = \"beside\"; r->message.len = 6; return 0; }\n");
    tree_put(&t, "x/wrong.proto", schema_of("w"));
    tree_put(&t, "x/wrong.c", "int f(void) { return nothing; }\n");
    tree_put(&t, "x/plain.proto", schema_of("plain"));
    tree_put(&t, "x/folder.proto", schema_of("folder"));
    tree_folder(&t, "x/folder.c");
    tree_put(&t, "x/alone.c", "this is nobody's");
    const char *top = t.top;
    mayfly_host *host = hello_host();
    mayfly_bulk *bulk = NULL;
    must(mayfly_bulk_load(
        host, MAYFLY_BULK_OPTIONS(.paths = &top, .n_paths = 1, .handlers = 1),
        &bulk, &err));
    assert_int_equal(info_of(bulk).loaded, 2);
    const mayfly_bulk_result *wrong = result_of(bulk, "x/wrong");
    assert_int_equal(wrong->code, MAYFLY_ECOMPILE);
    assert_non_null(strstr(wrong->message, "wrong.c"));
    assert_true(wrong->n_findings >= 1);
    assert_int_equal(wrong->findings[0].line, 1);
    assert_int_equal(result_of(bulk, "x/folder")->code, MAYFLY_EIO);

    mayfly_unit *unit = NULL;
    hello_Greeter *greeter = NULL;
    hello_pair pair = hello_connect(host);
    must(mayfly_unit_find(host, "x/hello", &unit, &err));
    must(mayfly_unit_serve_source(unit, pair.server, NULL, NULL, &err));
    must(hello_Greeter_follow(unit, pair.channel, &greeter, &err));
    mayfly_call *call = hello_call(host);
    hello_Request q = {.name = MAYFLY_STR("ada")};
    hello_Reply *reply = NULL;
    must(hello_Greeter_SayHello(greeter, call, &q, &reply, &err));
    assert_true(is_text(reply->message, "beside"));
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    mayfly_unit_unref(unit);
    hello_close(&pair);
    mayfly_bulk_free(bulk);
    mayfly_host_free(host);
    tree_remove(&t);
}

/* --- what is no job --- */

/* A handler, which runs on the loop's thread. */
static int load_on_loop(void *state, mayfly_call *call, const hello_Request *q,
                        hello_Reply *r)
{
    mayfly_bulk *bulk = NULL;
    (void)call, (void)q;
    r->number = mayfly_bulk_load(state, NULL, &bulk, NULL);
    return 0;
}

static void not_on_a_loop(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_context *context = hello_load(host, HELLO_V1, NULL);
    hello_pair pair = hello_connect(host);
    hello_Greeter_handlers on = {.SayHello = load_on_loop};
    hello_Greeter *greeter = NULL;
    hello_Request q = {.number = 1};
    hello_Reply *reply = NULL;
    must(hello_Greeter_serve(pair.server, context, &on, host, NULL, &err));
    must(hello_Greeter_new(context, pair.channel, &greeter, &err));
    mayfly_call *call = hello_call(host);
    must(hello_Greeter_SayHello(greeter, call, &q, &reply, &err));
    assert_int_equal(reply->number, MAYFLY_EONLOOP);
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&pair);
    mayfly_context_unref(context);
    mayfly_host_free(host);
}

static void errors_of_the_job(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    mayfly_bulk *bulk = NULL;
    const char *paths[] = {"tests/api/absent.proto", NULL};
    const mayfly_bulk_item item = {"x", NULL};
    must_fail(mayfly_bulk_load(NULL, NULL, &bulk, &err), MAYFLY_EINVAL, "host");
    must_fail(mayfly_bulk_load(host, NULL, NULL, &err), MAYFLY_EINVAL,
              "results");
    must_fail(
        mayfly_bulk_load(host, MAYFLY_BULK_OPTIONS(.n_paths = 1), &bulk, &err),
        MAYFLY_EINVAL, "list");
    must_fail(
        mayfly_bulk_load(host, MAYFLY_BULK_OPTIONS(.n_items = 1), &bulk, &err),
        MAYFLY_EINVAL, "list");
    must_fail(mayfly_bulk_load(
                  host, MAYFLY_BULK_OPTIONS(.paths = paths, .n_paths = 2),
                  &bulk, &err),
              MAYFLY_EINVAL, "path");
    must_fail(mayfly_bulk_load(
                  host, MAYFLY_BULK_OPTIONS(.items = &item, .n_items = 1),
                  &bulk, &err),
              MAYFLY_EINVAL, "recipe");
    must_fail(
        mayfly_bulk_load(host, MAYFLY_BULK_OPTIONS(.threads = 65), &bulk, &err),
        MAYFLY_EINVAL, "threads");
    assert_null(bulk);
    must(mayfly_bulk_load(host, NULL, &bulk, &err)); /* nothing to do */
    assert_int_equal(info_of(bulk).failed + info_of(bulk).loaded, 0);
    mayfly_bulk_free(bulk);
    must(mayfly_bulk_load(
        host, MAYFLY_BULK_OPTIONS(.paths = paths, .n_paths = 1), &bulk, &err));
    assert_int_equal(result_of(bulk, "absent")->code, MAYFLY_ENOTFOUND);
    mayfly_bulk_free(bulk);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_looked_through),
        cmocka_unit_test(threads_share_the_work),
        cmocka_unit_test(a_job_can_be_cancelled),
        cmocka_unit_test(recipes_have_names_or_get_one),
        cmocka_unit_test(imports_and_include_folders),
        cmocka_unit_test(handlers_beside_schemas),
        cmocka_unit_test(errors_of_the_job),
        cmocka_unit_test(not_on_a_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
