/*
 * A service that is replaced while it is called, and goes back again.
 *
 *     live samples/live
 *
 * One process serves shop.Prices from source, and calls it from several threads
 * through a proxy that is bound to the header of version 1. Meanwhile version 2
 * is swapped in, whose messages have other fields; a source that does not
 * compile and one that fails its own test are refused; then version 1 comes
 * back. No call fails, and each answer says which version has made it.
 *
 * In a real program server and client are two, and each has a unit of its own.
 */
#include <mayfly/mayfly.h>

#include "prices.mf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CALLERS = 3,
    VERSIONS = 3, /* 1 and 2 */
    MOMENTS = 8,  /* at which it is told who answers */
    ENOUGH = 50,  /* answers, to tell */
    PATH_BYTES = 500,
    TEXT_BYTES = 4000
};

typedef struct app {
    mayfly_host *host;
    mayfly_server *server;
    mayfly_channel *channel;
    mayfly_unit *unit;
    shop_Prices *prices;
    atomic_int is_over;
    atomic_uint moment;
    /* calls that began and ended in a moment, by the version that answered */
    atomic_ulong answered[MOMENTS][VERSIONS];
    atomic_ulong failed;
} app;

static int fail(const char *what, const mayfly_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

/* --- who calls --- */

static void ask(app *a)
{
    const shop_Question question = {.item = MAYFLY_STR("tea")};
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_call *call = NULL;
    shop_Price *price = NULL;
    unsigned moment = atomic_load(&a->moment);
    int code = mayfly_call_new(a->host, MAYFLY_CALL_OPTIONS(.timeout_ms = 5000),
                               &call, &err);
    if (code == 0)
        code = shop_Prices_Ask(a->prices, call, &question, &price, &err);
    if (code != 0)
        fail("a call", &err);
    if (code != 0 || price->version < 1 || price->version >= VERSIONS)
        atomic_fetch_add(&a->failed, 1);
    else if (moment == atomic_load(&a->moment))
        atomic_fetch_add(&a->answered[moment][price->version], 1);
    mayfly_call_free(call); /* with the price */
}

static void *keep_asking(void *state)
{
    app *a = state;
    while (!atomic_load(&a->is_over))
        ask(a);
    return NULL;
}

/* Who answers the calls that begin now. */
static void tell(app *a, const char *when)
{
    unsigned moment = atomic_fetch_add(&a->moment, 1) + 1;
    unsigned long one = 0, two = 0;
    while (one + two < ENOUGH && !atomic_load(&a->failed)) {
        usleep(1000);
        one = atomic_load(&a->answered[moment][1]);
        two = atomic_load(&a->answered[moment][2]);
    }
    printf("  %-28s %s\n", when,
           one && two ? "both answer"
           : two      ? "version 2 answers"
                      : "version 1 answers");
}

/* --- who swaps --- */

/* Runs what a version says of itself, before anybody calls it. */
static int check(void *unused, mayfly_context *context, mayfly_error *err)
{
    mayfly_pin *pin;
    void *symbol;
    (void)unused;
    int code = mayfly_pin_take(context, "the check", &pin, err);
    if (code != 0)
        return code;
    code = mayfly_pin_symbol(pin, "self_test", &symbol, err);
    if (code == 0) {
        int (*self_test)(void);
        *(void **)&self_test = symbol;
        if (!self_test()) {
            code = MAYFLY_EREFUSED;
            snprintf(err->message, sizeof err->message,
                     "%s: its own test has failed",
                     mayfly_context_name(context));
        }
    }
    mayfly_pin_free(pin);
    return code;
}

/* The text of a file, cut where it is too long. */
static int read_file(const char *path, char *text)
{
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, TEXT_BYTES - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = '\0';
    if (n == 0)
        fprintf(stderr, "%s: cannot be read\n", path);
    return n == 0;
}

/* Makes a unit of a schema and a source, or swaps them in. 0; 1: it was
 * refused; 2: something else is wrong. */
static int use(app *a, const char *folder, const char *schema,
               const char *source)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    char schema_path[PATH_BYTES], path[PATH_BYTES], text[TEXT_BYTES];
    snprintf(schema_path, sizeof schema_path, "%s/%s", folder, schema);
    snprintf(path, sizeof path, "%s/%s", folder, source);
    if (read_file(path, text) != 0)
        return 2;
    const mayfly_source handlers = {source, text, 0};
    const mayfly_recipe *recipe =
        MAYFLY_RECIPE(.path = schema_path,
                      .load = MAYFLY_LOAD_OPTIONS(.handlers = &handlers,
                                                  .n_handlers = 1));
    if (!a->unit)
        return mayfly_unit_load(a->host, "prices", recipe, &a->unit, NULL,
                                &err) == 0
                   ? 0
                   : fail(path, &err);
    mayfly_swap swap;
    /* the version before stays, to go back to */
    if (mayfly_unit_swap(a->unit, recipe,
                         MAYFLY_SWAP_OPTIONS(.check = check, .keep = 1), &swap,
                         &err) != 0) {
        printf("%s is refused:\n  %s\n", source, err.message);
        return 1;
    }
    printf("%s is version %d\n", source, (int)swap.to);
    return 0;
}

/* Back to version 1, and version 2 is given up. */
static int go_back(app *a)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_swap swap;
    if (mayfly_unit_use(a->unit, 1, MAYFLY_SWAP_OPTIONS(.wait_ms = 5000), &swap,
                        &err) != 0)
        return fail("going back", &err);
    printf("back to version %d\n", (int)swap.to);
    if (swap.receipt)
        printf("  version %d is gone: %zu bytes retained\n", (int)swap.from,
               mayfly_receipt_retained(swap.receipt));
    mayfly_receipt_free(swap.receipt);
    return 0;
}

static int replace(app *a, const char *folder)
{
    tell(a, "to begin with");
    if (use(a, folder, "versions/2/prices.proto", "versions/2/2.c") != 0)
        return 1;
    tell(a, "after the swap");
    if (use(a, folder, "prices.proto", "versions/broken.c") != 1)
        return 1;
    if (use(a, folder, "prices.proto", "versions/wrong.c") != 1)
        return 1;
    tell(a, "after two that are no good");
    if (go_back(a) != 0)
        return 1;
    tell(a, "after going back");
    return 0;
}

/* --- the program --- */

static int set_up(app *a, const char *folder)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    char target[64];
    int port = 0;
    if (mayfly_host_new(NULL, &a->host, &err) != 0)
        return fail("no host", &err);
    if (use(a, folder, "prices.proto", "versions/1.c") != 0)
        return 1;
    if (mayfly_server_new(a->host, NULL, &a->server, &err) != 0 ||
        mayfly_unit_serve_source(a->unit, a->server, NULL, NULL, &err) != 0 ||
        mayfly_server_listen(a->server, "127.0.0.1:0", &port, &err) != 0)
        return fail("cannot serve", &err);
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    if (mayfly_dial(a->host, target, NULL, &a->channel, &err) != 0 ||
        shop_Prices_follow(a->unit, a->channel, &a->prices, &err) != 0)
        return fail("cannot call", &err);
    return 0;
}

static int run(app *a, const char *folder)
{
    pthread_t callers[CALLERS];
    int n = 0;
    while (n < CALLERS &&
           pthread_create(&callers[n], NULL, keep_asking, a) == 0)
        n++;
    int code = replace(a, folder);
    atomic_store(&a->is_over, 1);
    for (int i = 0; i < n; i++)
        pthread_join(callers[i], NULL);
    printf("%lu calls have failed\n", atomic_load(&a->failed));
    return code != 0 || atomic_load(&a->failed) != 0;
}

int main(int argc, char **argv)
{
    static app a;
    if (argc != 2) {
        fprintf(stderr, "usage: live FOLDER (samples/live)\n");
        return 2;
    }
    int code = set_up(&a, argv[1]);
    if (code == 0)
        code = run(&a, argv[1]);
    shop_Prices_free(a.prices);
    mayfly_channel_unref(a.channel);
    mayfly_server_free(a.server, 1000);
    mayfly_unit_unref(a.unit);
    mayfly_host_free(a.host);
    return code;
}
