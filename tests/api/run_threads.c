/*
 * Threads and thread keys of a program: its threads hold it, are named, joined
 * and cancelled; its keys go with it.
 */
#include "program.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD                                                                   \
    "void note(const char *);\n"                                               \
    "#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n"         \
    "#include <stdio.h>\n"

/* Two pipes: the program reads from one, tells on the other. */
static int go[2], told[2];

static int pipe_end(int which)
{
    return which ? told[1] : go[0];
}

static int load_with_pipes(program *p, const char *text)
{
    static const mayfly_symbol symbols[] = {
        {"note", (const void *)(uintptr_t)program_note},
        {"pipe_end", (const void *)(uintptr_t)pipe_end}};
    mayfly_source_options o =
        *MAYFLY_SOURCE_OPTIONS(.symbols = symbols, .n_symbols = 2);
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(told), 0);
    return program_try(p, text, &o);
}

static void close_pipes(void)
{
    for (int i = 0; i < 2; i++) {
        close(go[i]);
        close(told[i]);
    }
}

static void wait_told(void)
{
    char byte;
    assert_int_equal(read(told[0], &byte, 1), 1);
}

static size_t count_threads(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_join(void **state)
{
    program p;
    (void)state;
    program_begin(&p);
    assert_int_equal(
        program_whole(
            &p, HEAD "static void *worker(void *a) { return (char *)a + 1; }\n"
                     "static void *leaver(void *a) { pthread_exit(a); }\n"
                     "static void *ender(void *a) { exit(7); return a; }\n"
                     "int main(void) { pthread_t t[3]; void *r; long sum = 0;\n"
                     " pthread_create(t, 0, worker, (void *)10);\n"
                     " pthread_create(t + 1, 0, leaver, (void *)20);\n"
                     " pthread_join(t[0], &r); sum += (long)r;\n"
                     " pthread_join(t[1], &r); sum += (long)r;\n"
                     " pthread_create(t + 2, 0, ender, 0);\n"
                     " pthread_join(t[2], &r);\n"
                     " note(sum == 31 && !r ? \"good\" : \"bad\");\n"
                     " return 1; }"),
        7); /* exit on a thread is the run's */
    assert_string_equal(p.log, "good");
    program_end(&p);
}

/* Not joined, or detached: nothing is left of them. */
static void test_left(void **state)
{
    program p;
    (void)state;
    program_begin(&p);
    size_t before = count_threads();
    assert_int_equal(
        program_whole(
            &p, HEAD
            "static void *worker(void *a) { return a; }\n"
            "int main(void) { pthread_t t; pthread_attr_t a; int bad = 0;\n"
            " pthread_attr_init(&a);\n"
            " pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);\n"
            " for (int i = 0; i < 50; i++) {\n"
            "  bad |= pthread_create(&t, 0, worker, 0);\n"
            "  if (i % 2) bad |= pthread_detach(t);\n"
            "  bad |= pthread_create(&t, &a, worker, 0); }\n"
            " pthread_attr_destroy(&a);\n"
            " pthread_exit(0); return 1; }"), /* waits for them */
        0);
    /* A detached one may be about to vanish. */
    for (int i = 0; i < 1000 && count_threads() != before; i++)
        usleep(5000);
    assert_int_equal(count_threads(), before);
    program_end(&p);
}

static const char waits[] =
    HEAD "int pipe_end(int);\n"
         "static void *worker(void *a) { char c;\n"
         " write(pipe_end(1), \"x\", 1);\n"
         " while (read(pipe_end(0), &c, 1) != 1) ; return a; }\n"
         "void *(*first)(void *) = worker;\n"
         "void *background(void *a) { return first(a); }\n"
         "int main(void) { pthread_t t;\n"
         " return pthread_create(&t, 0, background, 0); }";

static void test_named(void **state)
{
    program p;
    char *argv[] = {NULL};
    (void)state;
    program_begin(&p);
    assert_int_equal(load_with_pipes(&p, waits), 0);
    assert_int_equal(program_run(&p, 0, argv), 0);
    wait_told();
    assert_int_equal(mayfly_unload(p.context, NULL, NULL, &p.err),
                     MAYFLY_EBUSY);
    assert_non_null(strstr(p.err.message, "1 thread: background (thread "));
    assert_int_equal(mayfly_context_get_state(p.context), MAYFLY_LIVE);
    assert_int_equal(write(go[1], "x", 1), 1);
    program_unload(&p, 10000); /* waits for it */
    close_pipes();
    program_end(&p);
}

static void test_cancelled(void **state)
{
    program p;
    char *argv[] = {NULL};
    mayfly_receipt *receipt;
    (void)state;
    program_begin(&p);
    size_t before = count_threads();
    assert_int_equal(load_with_pipes(&p, waits), 0);
    assert_int_equal(program_run(&p, 0, argv), 0);
    wait_told();
    assert_int_equal(
        mayfly_unload(p.context,
                      MAYFLY_UNLOAD_OPTIONS(.wait_ms = 10000, .force = 1),
                      &receipt, &p.err),
        0);
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    mayfly_receipt_free(receipt);
    mayfly_context_unref(p.context);
    assert_int_equal(count_threads(), before);
    close_pipes();
    p.context = NULL;
    program_end(&p);
}

/* A thread that is left by a forced unload which does not wait: it ends the
 * context when it ends, on itself. */
static void test_last(void **state)
{
    program p;
    char *argv[] = {NULL};
    static const char text[] =
        HEAD "int pipe_end(int);\n"
             "static void bye(void) { write(pipe_end(1), \"b\", 1); }\n"
             "static void *worker(void *a) { char c; int old;\n"
             " pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);\n"
             " write(pipe_end(1), \"x\", 1); read(pipe_end(0), &c, 1);\n"
             " note(pthread_create(a, 0, worker, 0) ? \"refused\" : \"?\");\n"
             " atexit(bye); return a; }\n"
             "static pthread_t t, u;\n"
             "int main(void) { return pthread_create(&t, 0, worker, &u); }";
    (void)state;
    program_begin(&p);
    assert_int_equal(load_with_pipes(&p, text), 0);
    assert_int_equal(program_run(&p, 0, argv), 0);
    wait_told();
    assert_int_equal(mayfly_unload(p.context, MAYFLY_UNLOAD_OPTIONS(.force = 1),
                                   NULL, &p.err),
                     MAYFLY_EBUSY);
    assert_int_equal(mayfly_context_get_state(p.context), MAYFLY_UNLOADING);
    assert_int_equal(write(go[1], "x", 1), 1);
    wait_told(); /* the handler, at unload */
    for (int i = 0; i < 2000; i++) {
        if (mayfly_context_get_state(p.context) == MAYFLY_UNLOADED)
            break;
        usleep(5000);
    }
    assert_int_equal(mayfly_context_get_state(p.context), MAYFLY_UNLOADED);
    assert_string_equal(p.log, "refused");
    mayfly_context_unref(p.context);
    close_pipes();
    p.context = NULL;
    program_end(&p);
}

static void count_key(void *state, const mayfly_registration *r)
{
    if (strcmp(r->owner, "program") == 0 && strcmp(r->kind, "thread key") == 0)
        *(size_t *)state = r->count;
}

static void test_keys(void **state)
{
    program p;
    char *argv[] = {NULL};
    pthread_key_t *key;
    mayfly_pin *pin;
    void *at;
    (void)state;
    program_begin(&p);
    program_load(
        &p,
        HEAD "pthread_key_t key; static pthread_key_t other;\n"
             "static void *again;\n"
             "static void destroy(void *v) { note(v); if (v != again)\n"
             "  pthread_setspecific(other, again);\n"
             " if (v == again) pthread_exit(0);\n"
             " exit(0); }\n"
             "static void *worker(void *a) { pthread_setspecific(key, a);\n"
             " exit(0); return 0; }\n"
             "int main(void) { pthread_t t; again = \" again\";\n"
             " if (pthread_key_create(&key, destroy)) return 1;\n"
             " if (pthread_key_create(&other, destroy)) return 2;\n"
             " pthread_create(&t, 0, worker, \"value\"); pthread_join(t, 0);\n"
             " pthread_setspecific(key, \"of the host's thread\");\n"
             " return 0; }");
    assert_int_equal(program_run(&p, 0, argv), 0);
    assert_string_equal(p.log, "value again");
    size_t keys = 0;
    assert_int_equal(
        mayfly_host_each_registration(p.host, count_key, &keys, &p.err), 0);
    assert_int_equal(keys, 2);
    assert_int_equal(mayfly_pin_take(p.context, "test", &pin, &p.err), 0);
    assert_int_equal(mayfly_pin_symbol(pin, "key", &at, &p.err), 0);
    key = at;
    pthread_key_t number = *key;
    assert_non_null(pthread_getspecific(number));
    mayfly_pin_free(pin);
    program_unload(&p, 0);
    assert_int_not_equal(pthread_key_delete(number), 0); /* is deleted */
    program_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),  cmocka_unit_test(test_left),
        cmocka_unit_test(test_named), cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_last),  cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
