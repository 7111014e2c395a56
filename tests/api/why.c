/*
 * What holds a context: each kind of holder is planted and found, with its
 * name; where nothing is planted, nothing is found.
 */
#include "why.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char source[] =
    "#include \"hello.mf.h\"\n"
    "int counter = 7;\n"
    "void *slot;\n"
    "const char label[] = \"a label\";\n"
    "void callback(void) { counter++; }\n"
    "int spin(volatile int *told, volatile int *stop)\n"
    "{\n"
    "    *told = 1;\n"
    "    while (!*stop)\n"
    "        ;\n"
    "    return counter;\n"
    "}\n"
    "int call_out(int (*f)(void *), void *arg)\n"
    "{\n"
    "    int n = f(arg);\n"
    "    return n + counter;\n"
    "}\n"
    "int hello_Greeter_on_SayHello(void *state, mayfly_call *call,\n"
    "    const hello_Request *q, hello_Reply *r)\n"
    "{\n"
    "    r->message = q->name;\n"
    "    return 0;\n"
    "}\n";

typedef void (*callback_fn)(void);

/* Where things are planted. */
static void *volatile kept_global;
static _Thread_local void *volatile kept_thread_local;
static struct node {
    struct node *next;
    volatile callback_fn run;
} * callbacks;

typedef struct world {
    mayfly_host *host;
    mayfly_context *context;
} world;

static int begin(void **state)
{
    static world w;
    w.host = hello_host();
    w.context = hello_load_source(w.host, HELLO_V1, source);
    kept_global = NULL;
    kept_thread_local = NULL;
    callbacks = NULL;
    *state = &w;
    return 0;
}

static int end(void **state)
{
    world *w = *state;
    mayfly_context_unref(w->context);
    mayfly_host_free(w->host);
    return 0;
}

/* The address, in a form that is not found itself. */
static uintptr_t hidden(mayfly_context *context, const char *name)
{
    mayfly_pin *pin = NULL;
    void *volatile address = NULL;
    must(mayfly_pin_take(context, "test", &pin, &err));
    must(mayfly_pin_symbol(pin, name, (void **)(uintptr_t)&address, &err));
    mayfly_pin_free(pin);
    uintptr_t inverted = ~(uintptr_t)address;
    address = NULL;
    return inverted;
}

static void *shown(uintptr_t inverted)
{
    return (void *)~inverted;
}

/* --- nothing ----------------------------------------------------------------
 */

static void use(world *w)
{
    hello_pair pair = hello_connect(w->host);
    hello_Greeter *greeter = NULL;
    must(mayfly_server_add_context(pair.server, w->context, NULL, NULL, &err));
    must(hello_Greeter_new(w->context, pair.channel, &greeter, &err));
    for (int i = 0; i < 20; i++) {
        hello_Request q = {.name = MAYFLY_STR("ada")};
        hello_Reply *r = NULL;
        mayfly_call *call = hello_call(w->host);
        must(hello_Greeter_SayHello(greeter, call, &q, &r, &err));
        mayfly_call_free(call);
    }
    hello_Greeter_free(greeter);
    hello_close(&pair);
}

static void test_nothing_planted(void **state)
{
    world *w = *state;
    use(w);
    mayfly_why_report *r = ask(w->context);
    if (mayfly_why_total(r, MAYFLY_WHY_DEFINITE) ||
        mayfly_why_total(r, MAYFLY_WHY_LIKELY) ||
        mayfly_why_count(r, MAYFLY_WHY_GLOBAL) ||
        mayfly_why_count(r, MAYFLY_WHY_THREAD_LOCAL) ||
        mayfly_why_count(r, MAYFLY_WHY_CONTEXT) ||
        (!TEST_TSAN && mayfly_why_count(r, MAYFLY_WHY_HEAP)))
        fail_msg("found:\n%s", mayfly_why_text(r));
    print_message("%s", mayfly_why_text(r));
    mayfly_why_free(r);
}

/* --- the classic four -------------------------------------------------------
 */

static void test_global(void **state)
{
    world *w = *state;
    uintptr_t at = hidden(w->context, "callback");
    kept_global = shown(at);
    mayfly_why_report *r = ask(w->context);
    must_find(r, MAYFLY_WHY_GLOBAL, "callback", "why: kept_global+0x0");
    must_count(r, MAYFLY_WHY_GLOBAL, 1);
    assert_int_equal(mayfly_why_total(r, MAYFLY_WHY_DEFINITE), 0);
    const mayfly_why_holder *h =
        find(r, MAYFLY_WHY_GLOBAL, "callback", "kept_global");
    assert_true(h->address == (const void *)&kept_global);
    assert_int_equal(h->certainty, MAYFLY_WHY_POSSIBLE);
    assert_int_equal(h->target_offset, 0);
    assert_non_null(strstr(mayfly_why_text(r), "why: kept_global+0x0"));
    assert_non_null(strstr(mayfly_why_json(r), "\"kind\": \"global\""));

    /* a report that is kept is not a holder */
    kept_global = NULL;
    mayfly_why_report *again = ask(w->context);
    must_count(again, MAYFLY_WHY_GLOBAL, 0);
    must_count(again, MAYFLY_WHY_HEAP, 0);
    mayfly_why_free(r);
    mayfly_why_free(again);
}

typedef struct parked {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int in, out; /* is there; may go */
    uintptr_t at;
    long tid;
    int (*call_out)(int (*f)(void *), void *arg);
} parked;

static int park(void *arg)
{
    parked *p = arg;
    pthread_mutex_lock(&p->lock);
    p->tid = gettid();
    p->in = 1;
    pthread_cond_broadcast(&p->changed);
    while (!p->out)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return 0;
}

static void await(parked *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->in)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void release(parked *p, pthread_t thread)
{
    pthread_mutex_lock(&p->lock);
    p->out = 1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(thread, NULL);
}

static parked new_parked(void)
{
    parked p = {.in = 0};
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.changed, NULL);
    return p;
}

/* What is found while a thread that runs `run` is parked. */
static mayfly_why_report *ask_while(world *w, void *(*run)(void *), parked *p)
{
    pthread_t thread;
    pthread_create(&thread, NULL, run, p);
    await(p);
    mayfly_why_report *r = ask(w->context);
    release(p, thread);
    need_threads(r);
    return r;
}

static void *with_local(void *arg)
{
    parked *p = arg;
    void *volatile local = shown(p->at);
    park(p);
    return local == NULL ? p : NULL;
}

static void test_local_of_a_live_frame(void **state)
{
    world *w = *state;
    parked p = new_parked();
    p.at = hidden(w->context, "callback");
    mayfly_why_report *r = ask_while(w, with_local, &p);
    char whose[64];
    snprintf(whose, sizeof whose, "thread %ld (", p.tid);
    must_find(r, MAYFLY_WHY_LOCAL, "callback", whose);
    assert_int_equal(find(r, MAYFLY_WHY_LOCAL, "callback", whose)->thread,
                     p.tid);
    mayfly_why_free(r);
}

static void test_local_of_the_caller(void **state)
{
    world *w = *state;
    void *volatile local = shown(hidden(w->context, "counter"));
    mayfly_why_report *r = ask(w->context);
    char whose[64];
    snprintf(whose, sizeof whose, "thread %ld (", (long)gettid());
    must_find(r, MAYFLY_WHY_LOCAL, "counter", whose);
    assert_non_null(local);
    mayfly_why_free(r);
}

static void test_callback_never_removed(void **state)
{
    world *w = *state;
    for (int i = 0; i < 3; i++) {
        struct node *n = malloc(sizeof *n);
        assert_non_null(n);
        n->next = callbacks;
        n->run =
            i == 1
                ? (callback_fn)(uintptr_t)shown(hidden(w->context, "callback"))
                : NULL;
        callbacks = n;
    }
    mayfly_why_report *r = ask(w->context);
    must_find(r, MAYFLY_WHY_HEAP, "callback", "");
    int found = 0;
    mayfly_why_holder h;
    for (size_t i = 0; mayfly_why_get(r, i, &h) == 0; i++)
        found |= h.address == (const void *)&callbacks->next->run;
    assert_true(found);
    mayfly_why_free(r);
    while (callbacks) {
        struct node *next = callbacks->next;
        callbacks->run = NULL;
        free(callbacks);
        callbacks = next;
    }
}

typedef struct spinning {
    int (*spin)(volatile int *told, volatile int *stop);
    volatile int told, stop;
} spinning;

static void *spin_inside(void *arg)
{
    spinning *s = arg;
    int (*spin)(volatile int *, volatile int *) = s->spin;
    s->spin = NULL;
    spin(&s->told, &s->stop);
    return NULL;
}

static void test_thread_still_inside(void **state)
{
    world *w = *state;
    spinning s = {.told = 0};
    pthread_t thread;
    uintptr_t at = hidden(w->context, "spin");
    *(void **)(uintptr_t)&s.spin = shown(at);
    pthread_create(&thread, NULL, spin_inside, &s);
    while (!s.told)
        usleep(1000);
    mayfly_why_report *r = ask(w->context);
    s.stop = 1;
    pthread_join(thread, NULL);
    need_threads(r);
    must_find(r, MAYFLY_WHY_THREAD, "spin", "is running in it");
    assert_int_equal(
        find(r, MAYFLY_WHY_THREAD, "spin", "is running")->certainty,
        MAYFLY_WHY_LIKELY);
    assert_non_null(strstr(mayfly_why_text(r), "likely\n  spin\n"));
    mayfly_why_free(r);
}

static void *through_call_out(void *arg)
{
    parked *p = arg;
    int (*out)(int (*f)(void *), void *arg) = p->call_out;
    p->call_out = NULL;
    out(park, p);
    return NULL;
}

static void test_thread_that_will_return(void **state)
{
    world *w = *state;
    parked p = new_parked();
    *(void **)(uintptr_t)&p.call_out = shown(hidden(w->context, "call_out"));
    mayfly_why_report *r = ask_while(w, through_call_out, &p);
    must_find(r, MAYFLY_WHY_THREAD, "call_out", "will return to it");
    mayfly_why_free(r);
}

static int ask_below(void *arg)
{
    world *w = arg;
    mayfly_why_report *r = ask(w->context);
    char whose[64];
    snprintf(whose, sizeof whose, "thread %ld (why) will return to it",
             (long)gettid());
    must_find(r, MAYFLY_WHY_THREAD, "call_out", whose);
    mayfly_why_free(r);
    return 0;
}

static void test_asked_from_inside(void **state)
{
    int (*out)(int (*f)(void *), void *arg);
    *(void **)(uintptr_t)&out =
        shown(hidden(((world *)*state)->context, "call_out"));
    out(ask_below, *state);
}

static void test_signal_handler(void **state)
{
    world *w = *state;
    struct sigaction action = {.sa_flags = 0}, before;
    if (TEST_TSAN)
        skip(); /* which puts a handler of its own in front */
    *(void **)(void *)&action.sa_handler =
        shown(hidden(w->context, "callback"));
    sigaction(SIGUSR2, &action, &before);
    action.sa_handler = SIG_DFL;
    mayfly_why_report *r = ask(w->context);
    sigaction(SIGUSR2, &before, NULL);
    must_find(r, MAYFLY_WHY_SIGNAL, "callback",
              "the process's handler of signal 12, SIGUSR2");
    must_count(r, MAYFLY_WHY_SIGNAL, 1);
    assert_null(find(r, MAYFLY_WHY_SIGNAL, "callback", "")->address);
    mayfly_why_free(r);
}

/* --- other places, other targets ---------------------------------------------
 */

static void test_data_and_tables(void **state)
{
    world *w = *state;
    kept_global = shown(hidden(w->context, "counter"));
    mayfly_why_report *r = ask(w->context);
    must_find(r, MAYFLY_WHY_GLOBAL, "counter", "kept_global");
    mayfly_why_free(r);

    kept_global = (char *)shown(hidden(w->context, "label")) + 2;
    r = ask(w->context);
    must_find(r, MAYFLY_WHY_GLOBAL, "label", "kept_global");
    assert_int_equal(
        find(r, MAYFLY_WHY_GLOBAL, "label", "kept_global")->target_offset, 2);
    mayfly_why_free(r);

    /* decode tables are in front of the code, on the unit's first page */
    uintptr_t page = ~hidden(w->context, "callback") & ~(uintptr_t)4095;
    int found = 0;
    for (int i = 0; i < 4 && !found; i++, page -= 4096) {
        kept_global = (void *)(page + 16);
        r = ask(w->context);
        found = find(r, MAYFLY_WHY_GLOBAL, "tables", "kept_global") != NULL;
        mayfly_why_free(r);
    }
    assert_true(found);
    kept_global = NULL;
}

/* A variable of a shared library, which its dynamic symbols name. */
static void test_global_of_a_library(void **state)
{
    world *w = *state;
    void *volatile *handler =
        dlsym(RTLD_DEFAULT, "obstack_alloc_failed_handler");
    if (!handler)
        skip();
    void *before = *handler;
    *handler = shown(hidden(w->context, "callback"));
    mayfly_why_report *r = ask(w->context);
    *handler = before;
    must_find(r, MAYFLY_WHY_GLOBAL, "callback",
              "libc.so.6: obstack_alloc_failed_handler+0x0");
    mayfly_why_free(r);
}

static void *with_thread_local(void *arg)
{
    parked *p = arg;
    kept_thread_local = shown(p->at);
    park(p);
    kept_thread_local = NULL;
    return NULL;
}

static void test_thread_local(void **state)
{
    world *w = *state;
    parked p = new_parked();
    p.at = hidden(w->context, "callback");
    mayfly_why_report *r = ask_while(w, with_thread_local, &p);
    char whose[64];
    snprintf(whose, sizeof whose,
             "thread %ld (why): why: kept_thread_local+0x0", p.tid);
    must_find(r, MAYFLY_WHY_THREAD_LOCAL, "callback", whose);
    mayfly_why_free(r);

    kept_thread_local = shown(p.at);
    r = ask(w->context);
    must_find(r, MAYFLY_WHY_THREAD_LOCAL, "callback", "kept_thread_local+0x0");
    kept_thread_local = NULL;
    mayfly_why_free(r);
}

static void *with_specific(void *arg)
{
    parked *p = arg;
    pthread_key_t key;
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, shown(p->at));
    park(p);
    pthread_key_delete(key);
    return NULL;
}

static void test_thread_specific(void **state)
{
    world *w = *state;
    parked p = new_parked();
    p.at = hidden(w->context, "callback");
    mayfly_why_report *r = ask_while(w, with_specific, &p);
    must_find(r, MAYFLY_WHY_THREAD_LOCAL, "callback", "thread-specific value");
    mayfly_why_free(r);
}

static void test_other_context(void **state)
{
    world *w = *state;
    mayfly_context *other = hello_load_source(w->host, HELLO_V1, source);
    void **slot = shown(hidden(other, "slot"));
    *slot = shown(hidden(w->context, "callback"));
    mayfly_why_report *r = ask(w->context);
    must_find(r, MAYFLY_WHY_CONTEXT, "callback", "context \"hello\": slot+0x0");
    mayfly_why_free(r);

    /* and the other way round there is nothing but this frame's `slot` */
    r = ask(other);
    must_count(r, MAYFLY_WHY_CONTEXT, 0);
    must_count(r, MAYFLY_WHY_GLOBAL, 0);
    mayfly_why_free(r);
    mayfly_context_unref(other);
}

static void test_mapped_memory_and_stacks_at_rest(void **state)
{
    world *w = *state;
    size_t page = 4096;
    char *m = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(m, MAP_FAILED);
    void **word = (void **)(void *)(m + 5 * page + 64);
    *word = shown(hidden(w->context, "callback"));
    mayfly_why_report *r = ask(w->context);
    must_find(r, MAYFLY_WHY_HEAP, "callback", "mapped memory");
    mayfly_why_free(r);

    /* with a guard below it is what a coroutine's stack looks like */
    mprotect(m, page, PROT_NONE);
    r = ask(w->context);
    must_find(r, MAYFLY_WHY_STACK, "callback", "a stack that no");
    mayfly_why_free(r);
    munmap(m, 8 * page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_planted, begin, end),
        cmocka_unit_test_setup_teardown(test_global, begin, end),
        cmocka_unit_test_setup_teardown(test_local_of_a_live_frame, begin, end),
        cmocka_unit_test_setup_teardown(test_local_of_the_caller, begin, end),
        cmocka_unit_test_setup_teardown(test_callback_never_removed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_thread_still_inside, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_that_will_return, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_asked_from_inside, begin, end),
        cmocka_unit_test_setup_teardown(test_signal_handler, begin, end),
        cmocka_unit_test_setup_teardown(test_global_of_a_library, begin, end),
        cmocka_unit_test_setup_teardown(test_data_and_tables, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_local, begin, end),
        cmocka_unit_test_setup_teardown(test_thread_specific, begin, end),
        cmocka_unit_test_setup_teardown(test_other_context, begin, end),
        cmocka_unit_test_setup_teardown(test_mapped_memory_and_stacks_at_rest,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
