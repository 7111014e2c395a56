/*
 * A client whose calls go through three interceptors, which its own code does not
 * know of:
 *
 *     timing   outermost: how long each call took
 *     cache    answers Describe from what came before
 *     token    innermost: what the server wants to see
 *
 *     market_client market.proto 127.0.0.1:50051 TOKEN SYMBOL...
 *
 * Prints what it learned of each stock, and then how the calls went. A failed
 * call's status goes to standard error, and 64 plus the status is the exit code.
 */
#include <mayfly/mayfly.h>

#include "market.mf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const char describe_path[] = "/market.Market/Describe";

/* --- token: one metadata entry for each call --- */

static int add_token(void *state, void *memory, mayfly_call *call)
{
    (void)memory;
    return mayfly_intercept_add(call, MAYFLY_REQUEST_METADATA, "token",
                                mayfly_str_of(state), NULL);
}

/* --- cache: the reply to a request, as bytes, to the same request again --- */

typedef struct kept {
    struct kept *next;
    mayfly_bytes request, reply; /* behind the struct */
} kept;

typedef struct cache {
    pthread_mutex_t lock; /* calls may come from several threads */
    kept *first;
} cache;

static const kept *find(const cache *c, mayfly_bytes request)
{
    const kept *k = c->first;

    while (k && (k->request.len != request.len ||
                 memcmp(k->request.ptr, request.ptr, request.len) != 0))
        k = k->next;
    return k;
}

static void keep(cache *c, mayfly_bytes request, mayfly_bytes reply)
{
    kept *k = malloc(sizeof(*k) + request.len + reply.len);
    uint8_t *bytes = (uint8_t *)(k + 1);

    if (!k)
        return; /* asked again next time */
    memcpy(bytes, request.ptr, request.len);
    memcpy(bytes + request.len, reply.ptr, reply.len);
    k->request = (mayfly_bytes){ bytes, request.len };
    k->reply = (mayfly_bytes){ bytes + request.len, reply.len };
    pthread_mutex_lock(&c->lock);
    k->next = c->first;
    c->first = k;
    pthread_mutex_unlock(&c->lock);
}

/* `memory` is a mayfly_bytes, the request: it lies in the call's arena as long as
 * the call is there. */
static int look_into_cache(void *state, void *memory, mayfly_call *call,
                           enum mayfly_direction direction,
                           mayfly_bytes *message)
{
    cache *c = state;
    mayfly_bytes *request = memory;
    const kept *k;

    if (strcmp(mayfly_call_path(call), describe_path) != 0)
        return 0;
    if (direction == MAYFLY_REPLY) { /* it came from the server */
        keep(c, *request, *message);
        return 0;
    }
    *request = *message;
    pthread_mutex_lock(&c->lock);
    k = find(c, *message);
    pthread_mutex_unlock(&c->lock);
    if (!k)
        return 0;
    mayfly_intercept_add(call, MAYFLY_REPLY_METADATA, "from",
                         mayfly_str_of("cache"), NULL);
    /* with that the call has ended: the server does not hear of it */
    return mayfly_intercept_reply(call, k->reply, NULL) ? MAYFLY_STATUS_INTERNAL
                                                        : 0;
}

static void forget(cache *c)
{
    while (c->first) {
        kept *k = c->first;
        c->first = k->next;
        free(k);
    }
}

/* --- timing: at the end of each call --- */

typedef struct times {
    pthread_mutex_t lock;
    int calls, cached, failed;
    uint64_t fastest_ns, slowest_ns;
} times;

static void count_call(void *state, void *memory, mayfly_call *call)
{
    times *t = state;
    uint64_t begun, ended;

    (void)memory;
    mayfly_intercept_times(call, &begun, &ended);
    pthread_mutex_lock(&t->lock);
    if (t->calls++ == 0 || ended - begun < t->fastest_ns)
        t->fastest_ns = ended - begun;
    if (ended - begun > t->slowest_ns)
        t->slowest_ns = ended - begun;
    t->cached += mayfly_call_find(call, "from").ptr != NULL;
    t->failed += mayfly_call_status(call) != MAYFLY_STATUS_OK;
    pthread_mutex_unlock(&t->lock);
}

/* --- what the program is about --- */

/* 0, or the exit code. */
static int ask(mayfly_host *host, market_Market *market, const char *symbol)
{
    market_Stock stock = { .symbol = mayfly_str_of(symbol) };
    market_About *about;
    market_Quote *quote;
    mayfly_call *first = NULL, *second = NULL;
    mayfly_error err = MAYFLY_ERROR_INIT;
    int code = mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 5000),
                               &first, &err);

    if (code == 0)
        code = mayfly_call_new(host, MAYFLY_CALL_OPTIONS(.timeout_ms = 5000),
                               &second, &err);
    if (code == 0)
        code = market_Market_Describe(market, first, &stock, &about, &err);
    if (code == 0)
        code = market_Market_Price(market, second, &stock, &quote, &err);
    if (code == 0) {
        printf("%s: %.*s: %lld\n", symbol, (int)about->name.len,
               about->name.ptr, (long long)quote->cents);
    } else {
        fprintf(stderr, "%s: %s\n", symbol, err.message);
        code = code != MAYFLY_ESTATUS      ? 1
               : mayfly_call_status(first) ? 64 + mayfly_call_status(first)
                                           : 64 + mayfly_call_status(second);
    }
    mayfly_call_free(first);
    mayfly_call_free(second);
    return code;
}

/* In this order: outermost first. */
static int install(mayfly_channel *channel, times *t, cache *c, char *token,
                   mayfly_error *err)
{
    if (mayfly_channel_intercept(channel,
                                 MAYFLY_INTERCEPTOR(.end = count_call),
                                 MAYFLY_INTERCEPT_OPTIONS(.state = t), NULL,
                                 err) ||
        mayfly_channel_intercept(
            channel,
            MAYFLY_INTERCEPTOR(.message = look_into_cache,
                               .memory_bytes = sizeof(mayfly_bytes)),
            MAYFLY_INTERCEPT_OPTIONS(.state = c), NULL, err))
        return -1;
    return mayfly_channel_intercept(channel,
                                    MAYFLY_INTERCEPTOR(.begin = add_token),
                                    MAYFLY_INTERCEPT_OPTIONS(.state = token),
                                    NULL, err);
}

int main(int argc, char **argv)
{
    static times t = { .lock = PTHREAD_MUTEX_INITIALIZER };
    static cache c = { .lock = PTHREAD_MUTEX_INITIALIZER };
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = NULL;
    mayfly_context *context = NULL;
    mayfly_channel *channel = NULL;
    market_Market *market = NULL;
    int status = 1, i;

    if (argc < 5) {
        fprintf(stderr, "usage: market_client SCHEMA TARGET TOKEN SYMBOL...\n");
        return 2;
    }
    if (mayfly_host_new(NULL, &host, &err) ||
        mayfly_load_file(host, "market", argv[1], NULL, &context, &err) ||
        mayfly_dial(host, argv[2], NULL, &channel, &err) ||
        install(channel, &t, &c, argv[3], &err) ||
        market_Market_new(context, channel, &market, &err)) {
        fprintf(stderr, "%s\n", err.message);
    } else {
        status = 0;
        for (i = 4; i < argc && status == 0; i++)
            status = ask(host, market, argv[i]);
        printf("%d calls: %d from the cache, %d failed; from %.1f to %.1f us\n",
               t.calls, t.cached, t.failed, (double)t.fastest_ns / 1e3,
               (double)t.slowest_ns / 1e3);
    }
    market_Market_free(market);
    mayfly_channel_unref(channel);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    forget(&c);
    return status;
}
