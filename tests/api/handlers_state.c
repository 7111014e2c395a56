/*
 * mayfly_on_load and mayfly_on_unload: a unit that accepts or refuses to be
 * loaded, and the state that goes from one version to the next while both are
 * alive.
 */
#include "why.h"

#include <mayfly/handlers.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOG = 2048 };

static char notes[LOG];
static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int go_on; /* a thread of the source's waits for it */
static mayfly_context *seen_self;
static mayfly_context *seen_previous;

/* What the source tells its test by. */
static void note(const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&notes_lock);
    size_t used = strlen(notes);
    va_start(args, format);
    vsnprintf(notes + used, LOG - used, format, args);
    va_end(args);
    pthread_mutex_unlock(&notes_lock);
}

static void saw(mayfly_context *self, mayfly_context *previous)
{
    seen_self = self;
    seen_previous = previous;
}

static int may_go_on(void)
{
    return atomic_load(&go_on);
}

static const mayfly_symbol symbols[] = {
    {"note", (const void *)(uintptr_t)note},
    {"saw", (const void *)(uintptr_t)saw},
    {"may_go_on", (const void *)(uintptr_t)may_go_on}};

#define HEAD                                                                   \
    "#include \"hello.mf.h\"\n"                                                \
    "#include <mayfly/handlers.h>\n"                                           \
    "#include <pthread.h>\n"                                                   \
    "#include <stdio.h>\n"                                                     \
    "#include <stdlib.h>\n"                                                    \
    "#include <unistd.h>\n"                                                    \
    "void note(const char *format, ...);\n"                                    \
    "void saw(mayfly_context *self, mayfly_context *previous);\n"              \
    "int may_go_on(void);\n"

#define ON_LOAD                                                                \
    "int mayfly_on_load(const mayfly_handover *from, void **ret_state,\n"      \
    "    mayfly_error *err)\n"

/* Counts its calls in the state, which it takes over, or makes and frees. */
#define COUNTS                                                                 \
    HEAD                                                                       \
        "struct counter { int n; };\n" ON_LOAD                                 \
        "{ struct counter *c = from->state ? from->state : calloc(1, 4);\n"    \
        "  note(\"load %s %d %d;\", from->previous_name ? from->previous_name" \
        "\n    : \"first\", (int)from->previous_version, from->state != 0);\n" \
        "  saw(mayfly_self(), from->previous);\n"                              \
        "  if (from->context != mayfly_self()) return 1;\n"                    \
        "  if (mayfly_context_get_state(from->context) != MAYFLY_COMPILING)\n" \
        "    return 2;\n"                                                      \
        "  *ret_state = c; return c ? 0 : MAYFLY_ENOMEM; }\n"                  \
        "void mayfly_on_unload(void *state, int in_use)\n"                     \
        "{ note(\"unload %d;\", in_use); if (!in_use) free(state); }\n"        \
        "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"      \
        "    const hello_Request *q, hello_Reply *r)\n"                        \
        "{ struct counter *c = state; r->number = ++c->n; return 0; }\n"

static int try_load(mayfly_host *host, const char *source,
                    mayfly_context *previous, mayfly_context **ret,
                    mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    return mayfly_load_text(
        host, "hello", &schema,
        MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1,
                            .symbols = symbols, .n_symbols = 3,
                            .previous = previous),
        ret, err);
}

static mayfly_context *load(mayfly_host *host, const char *source,
                            mayfly_context *previous)
{
    mayfly_context *c = NULL;
    must(try_load(host, source, previous, &c, &err));
    return c;
}

#define must_refuse(host, source, part)                                        \
    do {                                                                       \
        mayfly_context *none_ = NULL;                                          \
        must_fail(try_load(host, source, NULL, &none_, &err), MAYFLY_EREFUSED, \
                  part);                                                       \
        assert_null(none_);                                                    \
    } while (0)

static void unload(mayfly_context *c)
{
    mayfly_receipt *receipt = NULL;
    must(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000), &receipt,
                       &err));
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    mayfly_receipt_free(receipt);
    mayfly_context_unref(c);
}

/* What a call to the context's own handlers answers. */
static int count(mayfly_host *host, mayfly_context *c, void *state)
{
    hello_pair pair = hello_connect(host);
    hello_Greeter *greeter = NULL;
    must(mayfly_server_add_context(pair.server, c, state, NULL, &err));
    must(hello_Greeter_new(c, pair.channel, &greeter, &err));
    hello_Request q = {.times = 1};
    hello_Reply *r = NULL;
    mayfly_call *call = hello_call(host);
    must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
    int n = (int)r->number;
    mayfly_call_free(call);
    hello_Greeter_free(greeter);
    hello_close(&pair);
    return n;
}

static void test_first(void **state)
{
    (void)state;
    int given = 40;
    notes[0] = '\0';
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host, COUNTS, NULL);
    assert_ptr_equal(seen_self, c);
    assert_null(seen_previous);
    assert_int_equal(mayfly_context_get_state(c), MAYFLY_LIVE);
    assert_int_equal(count(host, c, NULL), 1);
    assert_int_equal(count(host, c, NULL), 2);
    assert_int_equal(count(host, c, &given), 41); /* the server's own */
    assert_int_equal(count(host, c, NULL), 3);
    unload(c);
    assert_string_equal(notes, "load first 0 0;unload 0;");
    mayfly_host_free(host);
}

/* The state is one while both are alive; the last of them frees it. */
static void test_handed_over(void **state)
{
    (void)state;
    for (int newest_first = 0; newest_first < 2; newest_first++) {
        notes[0] = '\0';
        mayfly_host *host = hello_host();
        mayfly_context *one = load(host, COUNTS, NULL);
        assert_int_equal(count(host, one, NULL), 1);
        mayfly_context *two = load(host, COUNTS, one);
        assert_ptr_equal(seen_self, two);
        assert_ptr_equal(seen_previous, one);
        assert_int_equal(count(host, two, NULL), 2);
        assert_int_equal(count(host, one, NULL), 3);
        mayfly_context *three = load(host, COUNTS, two);
        unload(newest_first ? three : one);
        unload(two);
        mayfly_context *left = newest_first ? one : three;
        assert_int_equal(count(host, left, NULL), 4);
        unload(left);
        assert_string_equal(notes, "load first 0 0;load hello 1 1;"
                                   "load hello 2 1;unload 1;unload 1;"
                                   "unload 0;");
        mayfly_host_free(host);
    }
}

/* A version that needs another shape makes its own. */
static void test_another_shape(void **state)
{
    (void)state;
    static const char other[] = HEAD ON_LOAD
        "{ long *c = calloc(2, sizeof *c); if (!c) return MAYFLY_ENOMEM;\n"
        "  c[0] = 1000 + *(int *)from->state; *ret_state = c; return 0; }\n"
        "void mayfly_on_unload(void *state, int in_use)\n"
        "{ note(\"other %d;\", in_use); if (!in_use) free(state); }\n"
        "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
        "    const hello_Request *q, hello_Reply *r)\n"
        "{ r->number = ++*(long *)state; return 0; }\n";
    notes[0] = '\0';
    mayfly_host *host = hello_host();
    mayfly_context *one = load(host, COUNTS, NULL);
    assert_int_equal(count(host, one, NULL), 1);
    mayfly_context *two = load(host, other, one);
    assert_int_equal(count(host, two, NULL), 1002);
    assert_int_equal(count(host, one, NULL), 2);
    unload(one);
    assert_int_equal(count(host, two, NULL), 1003);
    unload(two);
    assert_string_equal(notes, "load first 0 0;unload 0;other 0;");
    mayfly_host_free(host);
}

/* A refused version leaves the one before as it was, and nothing of itself. */
static void test_refused(void **state)
{
    (void)state;
    static const char text[] = HEAD
        "static void at_exit(void) { note(\"atexit;\"); }\n"
        "__attribute__((destructor)) static void end(void)\n"
        "{ note(\"destructor;\"); }\n" ON_LOAD
        "{ atexit(at_exit); *ret_state = from->state;\n"
        "  snprintf(err->message, sizeof err->message, \"no room\");\n"
        "  return -17; }\n"
        "void mayfly_on_unload(void *state, int in_use) { note(\"no;\"); }\n";
    notes[0] = '\0';
    mayfly_host *host = hello_host();
    must(mayfly_host_set_limits(host, MAYFLY_LIMITS(.contexts = 2), &err));
    mayfly_context *one = load(host, COUNTS, NULL);
    mayfly_context *two = NULL;
    for (int i = 0; i < 5; i++)
        must_fail(try_load(host, text, one, &two, &err), MAYFLY_EREFUSED,
                  "mayfly_on_load of context \"hello\" answered -17: no room");
    assert_int_equal(count(host, one, NULL), 1);
    two = load(host, COUNTS, one); /* none of the five counts as loaded */
    unload(one);
    unload(two);
    assert_string_equal(notes, "load first 0 0;"
                               "atexit;destructor;atexit;destructor;"
                               "atexit;destructor;atexit;destructor;"
                               "atexit;destructor;load hello 1 1;"
                               "unload 1;unload 0;");
    mayfly_host_free(host);
}

static void test_left(void **state)
{
    (void)state;
    mayfly_host *host = hello_host();
    must_refuse(host, HEAD ON_LOAD "{ exit(0); }\n",
                "mayfly_on_load of context \"hello\" called exit");
    must_refuse(host, HEAD ON_LOAD "{ _exit(1); }\n", "called exit");
    must_refuse(host, HEAD ON_LOAD "{ pthread_exit(0); }\n", "called exit");
    must_refuse(host, HEAD ON_LOAD "{ abort(); }\n", "called abort");
    must_refuse(host,
                HEAD "__attribute__((constructor)) static void begin(void)\n"
                     "{ exit(3); }\n",
                "a constructor of context \"hello\" called exit");
    mayfly_host_free(host);
}

/* Constructors come first, once, and also without mayfly_on_load. */
static void test_constructors(void **state)
{
    (void)state;
    char *argv[] = {NULL};
    int status = 0;
    notes[0] = '\0';
    mayfly_host *host = hello_host();
    mayfly_context *c =
        load(host,
             HEAD "__attribute__((constructor)) static void begin(void)\n"
                  "{ note(\"constructor;\"); }\n" ON_LOAD
                  "{ note(\"load;\"); return 0; }\n"
                  "int main(void) { note(\"main;\"); return 7; }\n",
             NULL);
    must(mayfly_context_run(c, 0, argv, &status, &err));
    assert_int_equal(status, 7);
    unload(c);
    c = load(host,
             HEAD "__attribute__((constructor)) static void begin(void)\n"
                  "{ note(\"begin;\"); }\n"
                  "void mayfly_on_unload(void *state, int in_use)\n"
                  "{ note(\"end %d %d;\", state != 0, in_use); }\n",
             NULL);
    unload(c);
    assert_string_equal(notes, "constructor;load;main;begin;end 0 0;");
    mayfly_host_free(host);
}

/* Source without a schema has both, too. */
static void test_plain_source(void **state)
{
    (void)state;
    const mayfly_source source = {
        "plain.c",
        "#include <mayfly/handlers.h>\n"
        "void note(const char *format, ...);\n" ON_LOAD
        "{ note(\"load %d;\", from->state != 0); *ret_state = (void *)5;\n"
        "  return 0; }\n"
        "void mayfly_on_unload(void *state, int in_use)\n"
        "{ note(\"unload %d %d;\", (int)(long)state, in_use); }\n",
        0};
    mayfly_context *one = NULL, *two = NULL;
    notes[0] = '\0';
    mayfly_host *host = hello_host();
    must(mayfly_load_source(
        host, "plain", &source, 1,
        MAYFLY_SOURCE_OPTIONS(.symbols = symbols, .n_symbols = 3), &one, &err));
    must(mayfly_load_source(host, "plain", &source, 1,
                            MAYFLY_SOURCE_OPTIONS(.symbols = symbols,
                                                  .n_symbols = 3,
                                                  .previous = one),
                            &two, &err));
    unload(one);
    unload(two);
    assert_string_equal(notes, "load 0;load 1;unload 5 1;unload 5 0;");
    mayfly_host_free(host);
}

static void test_previous_is_checked(void **state)
{
    (void)state;
    mayfly_host *host = hello_host(), *other = hello_host();
    mayfly_context *bare = hello_load(host, HELLO_V1, NULL), *c = NULL;
    must_fail(try_load(other, COUNTS, bare, &c, &err), MAYFLY_EINVAL,
              "another host");
    notes[0] = '\0';
    c = load(host, COUNTS, bare); /* it has no state, for it has no source */
    assert_string_equal(notes, "load hello 1 0;");
    unload(c);
    must(mayfly_unload(bare, NULL, NULL, &err));
    must_fail(try_load(host, COUNTS, bare, &c, &err), MAYFLY_EUNLOADED,
              "the version before");
    mayfly_context_unref(bare);
    mayfly_host_free(host);
    mayfly_host_free(other);
}

/* In mayfly_on_load the context can be pinned and can have threads, but it
 * cannot be unloaded. */
static void test_at_work(void **state)
{
    (void)state;
    static const char text[] = HEAD
        "static void *work(void *argument)\n"
        "{ while (!may_go_on()) usleep(1000); note(\"worked;\"); return 0; "
        "}\n" ON_LOAD "{ pthread_t t; mayfly_pin *pin;\n"
        "  if (mayfly_pin_take(from->context, \"load\", &pin, err)) return 1;\n"
        "  mayfly_pin_free(pin);\n"
        "  if (mayfly_unload(from->context, 0, 0, err) != MAYFLY_EINSIDE)\n"
        "    return 2;\n"
        "  err->message[0] = 0;\n"
        "  if (pthread_create(&t, 0, work, 0) || pthread_detach(t)) return 3;\n"
        "  return 0; }\n"
        "void mayfly_on_unload(void *state, int in_use) { note(\"end;\"); }\n";
    notes[0] = '\0';
    atomic_store(&go_on, 0);
    mayfly_host *host = hello_host();
    mayfly_context *c = load(host, text, NULL);
    must_fail(mayfly_unload(c, NULL, NULL, &err), MAYFLY_EBUSY, "1 thread");
    atomic_store(&go_on, 1);
    unload(c);
    assert_string_equal(notes, "worked;end;");
    mayfly_host_free(host);
}

/* What was started before it refused goes on; its memory goes when it ends. */
static void test_refused_with_a_thread(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "static void *work(void *argument)\n"
             "{ while (!may_go_on()) usleep(1000); note(\"worked;\"); return "
             "0; }\n" ON_LOAD
             "{ pthread_t t; pthread_create(&t, 0, work, 0); return 9; }\n";
    notes[0] = '\0';
    atomic_store(&go_on, 0);
    mayfly_host *host = hello_host();
    must(mayfly_host_set_limits(host, MAYFLY_LIMITS(.contexts = 1), &err));
    mayfly_context *c = NULL;
    must_refuse(host, text, "answered 9");
    must_fail(try_load(host, COUNTS, NULL, &c, &err), MAYFLY_ELIMIT,
              "contexts");
    atomic_store(&go_on, 1);
    mayfly_error err = MAYFLY_ERROR_INIT;
    for (int i = 0; i < 20000 && !c; i++) {
        if (try_load(host, "int none;", NULL, &c, &err) != 0)
            usleep(1000);
    }
    assert_non_null(c);
    assert_string_equal(notes, "worked;");
    unload(c);
    mayfly_host_free(host);
}

/* A version that keeps a pointer into the one before is named as its holder. */
static void test_pointer_kept(void **state)
{
    (void)state;
    static const char one[] =
        HEAD "struct s { const char *name; } shared;\n"
             "const char label[] = \"of one\";\n" ON_LOAD
             "{ shared.name = label; *ret_state = &shared; return 0; }\n";
    static const char two[] =
        HEAD "struct s { const char *name; };\n"
             "const char *kept;\n" ON_LOAD
             "{ kept = ((struct s *)from->state)->name; return 0; }\n";
    mayfly_host *host = hello_host();
    mayfly_context *a = load(host, one, NULL);
    mayfly_context *b = load(host, two, a);
    mayfly_why_report *report = ask(a);
    must_find(report, MAYFLY_WHY_CONTEXT, "label", "kept");
    mayfly_why_free(report);
    unload(b);
    unload(a);
    mayfly_host_free(host);
}

static void *unload_in_thread(void *context)
{
    unload(context);
    return NULL;
}

/* Whatever ends at the same time, exactly the last one is told so. */
static void test_unloaded_at_once(void **state)
{
    (void)state;
    enum { VERSIONS = 4 };
    mayfly_host *host = hello_host();
    for (int round = 0; round < 20; round++) {
        mayfly_context *c[VERSIONS];
        pthread_t threads[VERSIONS];
        notes[0] = '\0';
        for (int i = 0; i < VERSIONS; i++)
            c[i] = load(host, COUNTS, i ? c[i - 1] : NULL);
        notes[0] = '\0';
        for (int i = 0; i < VERSIONS; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, unload_in_thread, c[i]), 0);
        for (int i = 0; i < VERSIONS; i++)
            pthread_join(threads[i], NULL);
        assert_string_equal(notes, "unload 1;unload 1;unload 1;unload 0;");
    }
    mayfly_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_handed_over),
        cmocka_unit_test(test_another_shape),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_left),
        cmocka_unit_test(test_constructors),
        cmocka_unit_test(test_plain_source),
        cmocka_unit_test(test_previous_is_checked),
        cmocka_unit_test(test_at_work),
        cmocka_unit_test(test_refused_with_a_thread),
        cmocka_unit_test(test_pointer_kept),
        cmocka_unit_test(test_unloaded_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
