/*
 * Options structs of callers that were compiled against another mayfly: smaller
 * ones, larger ones, and some that are none. Every function that takes options
 * is called with each size that a caller may have.
 */
#include "hello.h"

#include <sys/mman.h>
#include <unistd.h>

typedef struct world {
    mayfly_host *host;
    mayfly_context *context;
    mayfly_server *server;
} world;

/* One call with the options; what it makes is freed again. */
typedef int (*attempt_fn)(world *w, const void *options, mayfly_error *err);

static int try_host(world *w, const void *options, mayfly_error *err)
{
    mayfly_host *host;
    (void)w;
    int code = mayfly_host_new(options, &host, err);
    if (code == 0)
        mayfly_host_free(host);
    return code;
}

static int try_limits(world *w, const void *options, mayfly_error *err)
{
    return mayfly_host_set_limits(w->host, options, err);
}

static int try_limits_of_host(world *w, const void *options, mayfly_error *err)
{
    return try_host(w, MAYFLY_HOST_OPTIONS(.limits = options), err);
}

static int loaded(int code, mayfly_context *context, mayfly_error *err)
{
    if (code != 0)
        return code;
    code = mayfly_unload(context, NULL, NULL, err);
    mayfly_context_unref(context);
    return code;
}

static int try_load(world *w, const void *options, mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    mayfly_context *context = NULL;
    int code = mayfly_load_text(w->host, "x", &schema, options, &context, err);
    return loaded(code, context, err);
}

static int try_limits_of_load(world *w, const void *options, mayfly_error *err)
{
    return try_load(w, MAYFLY_LOAD_OPTIONS(.limits = options), err);
}

static int try_load_file(world *w, const void *options, mayfly_error *err)
{
    mayfly_context *context = NULL;
    int code = mayfly_load_file(w->host, "x", "tests/api/hello.proto", options,
                                &context, err);
    return loaded(code, context, err);
}

static int try_emit(world *w, const void *options, mayfly_error *err)
{
    const char *path = "tests/api/hello.proto";
    mayfly_output *output;
    int code = mayfly_emit(w->host, MAYFLY_EMIT_LIST, &path, 1, NULL, options,
                           &output, err);
    if (code == 0)
        mayfly_output_free(output);
    return code;
}

static int try_source(world *w, const void *options, mayfly_error *err)
{
    const mayfly_source file = {"x.c", "int x;", 0};
    mayfly_context *context = NULL;
    int code =
        mayfly_load_source(w->host, "x", &file, 1, options, &context, err);
    return loaded(code, context, err);
}

static int try_unload(world *w, const void *options, mayfly_error *err)
{
    mayfly_context *c = hello_load(w->host, HELLO_V1, NULL);
    int code = mayfly_unload(c, options, NULL, err);
    mayfly_context_unref(c);
    return code;
}

static int try_why(world *w, const void *options, mayfly_error *err)
{
    mayfly_why_report *report;
    int code = mayfly_why(w->context, options, &report, err);
    if (code == 0)
        mayfly_why_free(report);
    return code;
}

static int try_memory(world *w, const void *options, mayfly_error *err)
{
    mayfly_memory_report *report;
    int code = mayfly_memory_report_host(w->host, options, &report, err);
    if (code == 0)
        mayfly_memory_report_free(report);
    return code;
}

static int try_admin(world *w, const void *options, mayfly_error *err)
{
    char path[64];
    mayfly_admin *admin;
    snprintf(path, sizeof path, "/tmp/mayfly-options-%d.sock", (int)getpid());
    int code = mayfly_admin_listen(w->host, path, options, &admin, err);
    if (code == 0)
        mayfly_admin_close(admin);
    return code;
}

static int try_fault(world *w, const void *options, mayfly_error *err)
{
    (void)w;
    int code = mayfly_fault_handler_install(options, err);
    return code == 0 ? mayfly_fault_handler_remove(err) : code;
}

static int try_call(world *w, const void *options, mayfly_error *err)
{
    mayfly_call *call;
    int code = mayfly_call_new(w->host, options, &call, err);
    if (code == 0)
        mayfly_call_free(call);
    return code;
}

static int try_dial(world *w, const void *options, mayfly_error *err)
{
    mayfly_channel *channel;
    int code = mayfly_dial(w->host, "127.0.0.1:1", options, &channel, err);
    if (code == 0)
        mayfly_channel_unref(channel);
    return code;
}

static int try_pool(world *w, const void *options, mayfly_error *err)
{
    mayfly_pool *pool;
    int code = mayfly_pool_new_buffers(w->host, options, &pool, err);
    if (code == 0)
        mayfly_pool_free(pool);
    return code;
}

static int try_server(world *w, const void *options, mayfly_error *err)
{
    mayfly_server *server;
    int code = mayfly_server_new(w->host, options, &server, err);
    if (code == 0)
        mayfly_server_free(server, 0);
    return code;
}

static int nothing(void *state, mayfly_call *call, mayfly_bytes request)
{
    (void)state, (void)call, (void)request;
    return MAYFLY_STATUS_UNIMPLEMENTED;
}

/* Read as they are, they name nothing to load. */
static int try_recipe(world *w, const void *options, mayfly_error *err)
{
    mayfly_unit *unit;
    mayfly_error local = MAYFLY_ERROR_INIT;
    int code = mayfly_unit_load(w->host, "x", options, &unit, NULL, &local);
    *err = local;
    return strstr(local.message, "without a schema") ? 0 : code;
}

static int try_swap(world *w, const void *options, mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_recipe *recipe = MAYFLY_RECIPE(.schema = &schema);
    mayfly_unit *unit;
    int code = mayfly_unit_load(w->host, "swap", recipe, &unit, NULL, err);
    if (code != 0)
        return code;
    code = mayfly_unit_swap(unit, recipe, options, NULL, err);
    mayfly_unit_unref(unit);
    return code;
}

static int try_budget(world *w, const void *options, mayfly_error *err)
{
    return mayfly_cache_set_budget(w->host, options, err);
}

static int try_bulk(world *w, const void *options, mayfly_error *err)
{
    mayfly_bulk *bulk;
    int code = mayfly_bulk_load(w->host, options, &bulk, err);
    if (code == 0)
        mayfly_bulk_free(bulk);
    return code;
}

static int try_raw(world *w, const void *options, mayfly_error *err)
{
    static unsigned number;
    char path[64];
    snprintf(path, sizeof path, "/x.X/M%u", number++);
    return mayfly_server_add_raw(w->server, path, nothing, NULL, options, err);
}

static int try_serve(world *w, const void *options, mayfly_error *err)
{
    const hello_Greeter_handlers on = {NULL, NULL};
    mayfly_server *server;
    int code = mayfly_server_new(w->host, NULL, &server, err);
    if (code != 0)
        return code;
    code = hello_Greeter_serve(server, w->context, &on, NULL, options, err);
    mayfly_server_free(server, 0);
    return code;
}

static void on_time(void *unused)
{
    (void)unused;
}

static int try_timer(world *w, const void *options, mayfly_error *err)
{
    mayfly_timer *timer = NULL;
    int code =
        mayfly_context_timer(w->context, options, on_time, NULL, &timer, err);
    mayfly_timer_free(timer);
    return code;
}

static int try_interceptor(world *w, const void *options, mayfly_error *err)
{
    uint64_t id;
    int code = mayfly_server_intercept(w->server, options, NULL, &id, err);
    return code == 0 ? mayfly_server_unintercept(w->server, id, err) : code;
}

static int try_intercept(world *w, const void *options, mayfly_error *err)
{
    uint64_t id;
    int code = mayfly_server_intercept(
        w->server, MAYFLY_INTERCEPTOR(.memory_bytes = 1), options, &id, err);
    return code == 0 ? mayfly_server_unintercept(w->server, id, err) : code;
}

static const struct {
    const char *name;
    size_t size;
    attempt_fn attempt;
} functions[] = {
    {"host", sizeof(mayfly_host_options), try_host},
    {"limits", sizeof(mayfly_limits), try_limits},
    {"limits of a host", sizeof(mayfly_limits), try_limits_of_host},
    {"limits of a load", sizeof(mayfly_limits), try_limits_of_load},
    {"load", sizeof(mayfly_load_options), try_load},
    {"load a file", sizeof(mayfly_load_options), try_load_file},
    {"emit", sizeof(mayfly_load_options), try_emit},
    {"source", sizeof(mayfly_source_options), try_source},
    {"unload", sizeof(mayfly_unload_options), try_unload},
    {"why", sizeof(mayfly_why_options), try_why},
    {"memory", sizeof(mayfly_memory_options), try_memory},
    {"admin", sizeof(mayfly_admin_options), try_admin},
    {"fault handler", sizeof(mayfly_fault_options), try_fault},
    {"call", sizeof(mayfly_call_options), try_call},
    {"channel", sizeof(mayfly_channel_options), try_dial},
    {"pool", sizeof(mayfly_pool_options), try_pool},
    {"server", sizeof(mayfly_server_options), try_server},
    {"raw route", sizeof(mayfly_service_options), try_raw},
    {"service", sizeof(mayfly_service_options), try_serve},
    {"recipe", sizeof(mayfly_recipe), try_recipe},
    {"swap", sizeof(mayfly_swap_options), try_swap},
    {"budget", sizeof(mayfly_cache_budget), try_budget},
    {"bulk", sizeof(mayfly_bulk_options), try_bulk},
    {"timer", sizeof(mayfly_timer_options), try_timer},
    {"interceptor", sizeof(mayfly_interceptor), try_interceptor},
    {"intercept", sizeof(mayfly_intercept_options), try_intercept},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0], MORE = 24 };

/* Options of `size` bytes, all else 0, that end where memory ends. */
static char *page_end;

static void *options_of(size_t size)
{
    long page = sysconf(_SC_PAGESIZE);
    if (!page_end) {
        char *two = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(two != MAP_FAILED);
        page_end = two + page;
        assert_int_equal(mprotect(page_end, (size_t)page, PROT_NONE), 0);
    }
    memset(page_end - size, 0, size);
    memcpy(page_end - size, &size, sizeof size);
    return page_end - size;
}

static void begin(world *w)
{
    w->host = hello_host();
    w->context = hello_load(w->host, HELLO_V1, NULL);
    must(mayfly_server_new(w->host, NULL, &w->server, &err));
}

static void end(world *w)
{
    mayfly_server_free(w->server, 0);
    must(mayfly_unload(w->context, NULL, NULL, &err));
    mayfly_context_unref(w->context);
    mayfly_host_free(w->host);
}

static void test_older_and_newer(void **state)
{
    (void)state;
    world w;
    begin(&w);
    for (size_t i = 0; i < FUNCTIONS; i++) {
        for (size_t size = sizeof size; size <= functions[i].size + MORE;
             size += sizeof size) {
            mayfly_error err = MAYFLY_ERROR_INIT;
            if (functions[i].attempt(&w, options_of(size), &err) != 0)
                fail_msg("%s, %zu bytes instead of %zu: %s", functions[i].name,
                         size, functions[i].size, err.message);
        }
    }
    end(&w);
}

static void test_refused(void **state)
{
    (void)state;
    world w;
    begin(&w);
    for (size_t i = 0; i < FUNCTIONS; i++) {
        char said[64];
        size_t size = functions[i].size + MORE;
        char *options = options_of(size);
        options[size - 1] = 1;
        snprintf(said, sizeof said, " of %zu bytes", size);
        must_fail(functions[i].attempt(&w, options, &err), MAYFLY_EINVAL, said);
        options[size - 1] = 0;
        options[functions[i].size] = 1;
        must_fail(functions[i].attempt(&w, options, &err), MAYFLY_EINVAL, said);
        options = options_of(sizeof size); /* only the size, and none at that */
        memset(options, 0, sizeof size);
        must_fail(functions[i].attempt(&w, options, &err), MAYFLY_EINVAL,
                  " of 0 bytes");
    }
    end(&w);
}

/* What an older caller does set is heard. */
static void test_heard(void **state)
{
    (void)state;
    mayfly_limits all = {.size = sizeof all};
    mayfly_host *host = hello_host();
    must(mayfly_host_set_limits(
        host, MAYFLY_LIMITS(.source_bytes = 7, .code_bytes = 1 << 20), &err));
    size_t size = offsetof(mayfly_limits, compile_bytes);
    mayfly_limits *older = options_of(size);
    older->source_bytes = 9;
    must(mayfly_host_set_limits(host, older, &err));
    mayfly_host_get_limits(host, &all);
    assert_int_equal(all.size, sizeof all);
    assert_int_equal(all.source_bytes, 9);
    assert_int_equal(all.code_bytes, 0); /* the default */

    older = options_of(size);
    mayfly_host_get_limits(host, older); /* writes no more than there is */
    assert_int_equal(older->source_bytes, 9);

    mayfly_cache_stats stats = {.size = offsetof(mayfly_cache_stats, loaded),
                                .loaded = 77};
    mayfly_cache_get_stats(host, &stats);
    assert_int_equal(stats.loaded, 77);
    stats.size = sizeof(mayfly_cache_stats);
    mayfly_cache_get_stats(host, &stats);
    assert_int_equal(stats.loaded, 0);

    struct newer {
        mayfly_limits known;
        size_t added;
    } newer = {.known = {.size = sizeof newer}, .added = 5};
    mayfly_host_get_limits(host, &newer.known);
    assert_int_equal(newer.known.source_bytes, 9);
    assert_int_equal(newer.added, 0);
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older_and_newer),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
