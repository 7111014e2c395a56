/*
 * tests/api/background.h: a context whose source has timers and threads, and
 * what they tell their test.
 */
#ifndef TESTS_API_BACKGROUND_H
#define TESTS_API_BACKGROUND_H

#include "why.h"

#include <mayfly/background.h>
#include <mayfly/handlers.h>

#include <pthread.h>
#include <unistd.h>

/* What source and test have in common; numbers only go up. */
typedef struct board {
    atomic_int ticks;   /* a timer was called */
    atomic_int begun;   /* a thread's function was */
    atomic_int ended;   /* ... and returned */
    atomic_int entered; /* something waits for `go_on` */
    atomic_int go_on;
} board;

static board it;

static void tick(void)
{
    atomic_fetch_add(&it.ticks, 1);
}

static void begun(void)
{
    atomic_fetch_add(&it.begun, 1);
}

static void ended(void)
{
    atomic_fetch_add(&it.ended, 1);
}

static void block(void)
{
    atomic_fetch_add(&it.entered, 1);
    while (!atomic_load(&it.go_on))
        usleep(500);
}

static const mayfly_symbol board_symbols[] = {
    MAYFLY_SYMBOL(tick), MAYFLY_SYMBOL(begun), MAYFLY_SYMBOL(ended),
    MAYFLY_SYMBOL(block)};

/* Waits until an event has happened; a test that fails ends by its time limit.
 */
static inline void wait_for(atomic_int *what, int at_least)
{
    while (atomic_load(what) < at_least)
        usleep(500);
}

#define BOARD                                                                  \
    "#include \"hello.mf.h\"\n"                                                \
    "#include <mayfly/handlers.h>\n#include <mayfly/background.h>\n"           \
    "#include <stdlib.h>\n#include <pthread.h>\n"                              \
    "void tick(void), begun(void), ended(void), block(void);\n"

#define BOARD_LOAD                                                             \
    "int mayfly_on_load(const mayfly_handover *from, void **ret_state,\n"      \
    "    mayfly_error *err)\n"

/* A timer that ticks. */
#define TICKS                                                                  \
    BOARD "static void on_tick(void *a) { tick(); }\n" BOARD_LOAD              \
          "{ return mayfly_context_timer(mayfly_self(),\n"                     \
          "    MAYFLY_TIMER_OPTIONS(.every_ms = 1), on_tick, 0, 0, err); }\n"

/* A thread that ends when it is told to. */
#define WAITS                                                                  \
    BOARD "static void work(mayfly_thread *t, void *a)\n"                      \
          "{ begun(); while (!mayfly_thread_wait(t, 60000)) ; ended(); "       \
          "}\n" BOARD_LOAD                                                     \
          "{ return mayfly_context_thread(mayfly_self(), \"waiter\", work,\n"  \
          "    0, 0, err); }\n"

static inline int board_try(mayfly_host *host, const char *source,
                            mayfly_context **ret, mayfly_error *err)
{
    const mayfly_source schema = {"hello.proto", HELLO_V1, 0};
    const mayfly_source handlers[] = {{"handlers.c", source, 0}};
    return mayfly_load_text(
        host, "hello", &schema,
        MAYFLY_LOAD_OPTIONS(.handlers = handlers, .n_handlers = 1,
                            .symbols = board_symbols, .n_symbols = 4),
        ret, err);
}

static inline mayfly_context *board_load(mayfly_host *host, const char *source)
{
    mayfly_context *c = NULL;
    memset(&it, 0, sizeof it);
    must(board_try(host, source, &c, &err));
    return c;
}

/* Every byte is back. */
static inline void board_unload(mayfly_context *c)
{
    mayfly_receipt *receipt = NULL;
    must(mayfly_unload(c, MAYFLY_UNLOAD_OPTIONS(.wait_ms = 60000), &receipt,
                       &err));
    assert_int_equal(mayfly_receipt_retained(receipt), 0);
    mayfly_receipt_free(receipt);
    mayfly_context_unref(c);
}

typedef struct counted {
    const char *owner, *kind;
    size_t n;
} counted;

static inline void count_one(void *state, const mayfly_registration *r)
{
    counted *c = state;
    if (strcmp(r->owner, c->owner) == 0 && strcmp(r->kind, c->kind) == 0)
        c->n = r->count;
}

/* How many of a kind the host counts under the context's name. */
static inline size_t registered(mayfly_host *host, const char *kind)
{
    counted c = {"hello", kind, 0};
    must(mayfly_host_each_registration(host, count_one, &c, &err));
    return c.n;
}

#endif
