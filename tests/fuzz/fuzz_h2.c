/* Any bytes as a peer's HTTP/2, a client's or a server's: the session ends or
 * goes on, each stream is closed once, every block is given back.
 *
 * The first byte chooses: bit 0, what a peer says first is said for it; bit 7,
 * we are the client and have requests under way; the rest, how large the pieces
 * are that the bytes come in. */
#include "proxy/transport/h2.h"

#include <stdlib.h>
#include <string.h>

enum { STREAMS = 32, REQUESTS = 3, OUT = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

typedef struct stream {
    mf_h2_stream h2; /* first */
    int is_open;
    int is_request; /* of ours */
} stream;

typedef struct peer {
    stream streams[STREAMS];
    size_t n;
} peer;

static const uint8_t body[1000];
static const mf_h2_field fields[] = {
    {MAYFLY_STR(":status"), MAYFLY_STR("200")},
    {MAYFLY_STR("content-type"), MAYFLY_STR("application/grpc")},
};
static const mf_h2_field trailers[] = {
    {MAYFLY_STR("grpc-status"), MAYFLY_STR("0")}};
static const mf_h2_field request[] = {
    {MAYFLY_STR(":method"), MAYFLY_STR("POST")},
    {MAYFLY_STR(":scheme"), MAYFLY_STR("http")},
    {MAYFLY_STR(":path"), MAYFLY_STR("/a.B/C")},
    {MAYFLY_STR(":authority"), MAYFLY_STR("d")},
    {MAYFLY_STR("content-type"), MAYFLY_STR("application/grpc")},
};

static mf_h2_stream *on_begin(void *owner)
{
    peer *p = owner;
    if (p->n == STREAMS)
        return NULL;
    p->streams[p->n].is_open = 1;
    return &p->streams[p->n++].h2;
}

static int on_field(mf_h2_stream *s, mayfly_str name, mayfly_str value)
{
    (void)s;
    return name.len == 3 && value.len == 3 ? -1
                                           : 0; /* now and then out of memory */
}

static void on_fields_end(mf_h2_stream *s)
{
    (void)s;
}

static void on_data(mf_h2_stream *s, const uint8_t *bytes, size_t n)
{
    if (n && bytes[0] == 0xee)
        mf_h2_reset(s, MF_H2_CANCEL);
}

static void on_end(mf_h2_stream *s)
{
    if (!((stream *)(void *)s)->is_request)
        mf_h2_respond(s, fields, 2, body, sizeof body, trailers, 1);
}

static void on_closed(mf_h2_stream *s, uint32_t code)
{
    stream *of = (stream *)(void *)s;
    (void)code;
    if (!of->is_open)
        __builtin_trap();
    of->is_open = 0;
}

static const mf_h2_events events = {.begin = on_begin,
                                    .field = on_field,
                                    .fields_end = on_fields_end,
                                    .data = on_data,
                                    .end = on_end,
                                    .closed = on_closed};

/* Feeds in pieces of at most `piece` bytes, draining after each. */
static void talk(mf_h2 *h2, const uint8_t *bytes, size_t n, size_t piece)
{
    static uint8_t out[OUT];
    uint64_t now = 1000;
    size_t len;

    for (size_t at = 0; at < n; at += piece) {
        size_t part = n - at < piece ? n - at : piece;
        int code = mf_h2_feed(h2, bytes + at, part, now++, NULL);
        if (mf_h2_drain(h2, out, sizeof out, &len, NULL) != 0 || code != 0)
            return;
    }
}

/* What is under way when the server begins to speak. */
static void ask(mf_h2 *h2, peer *p)
{
    static uint8_t out[OUT];
    size_t len;

    for (int i = 0; i < REQUESTS; i++) {
        stream *s = &p->streams[p->n];
        if (mf_h2_request(h2, &s->h2, request,
                          sizeof request / sizeof request[0], body, sizeof body,
                          NULL) == 0) {
            s->is_open = s->is_request = 1;
            p->n++;
        }
    }
    mf_h2_drain(h2, out, sizeof out, &len, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    mf_h2_options options = {.is_server = 1,
                             .streams_max = 16,
                             .field_bytes_max = 4096,
                             .window = 1 << 20};
    peer *p = calloc(1, sizeof *p);
    mf_alloc alloc;
    mf_pool pool;
    mf_h2 *h2;

    if (!p || n < 2)
        goto out;
    options.is_server = !(bytes[0] & 0x80);
    mf_alloc_init(&alloc, NULL);
    mf_pool_init(&pool, &alloc, 4096);
    if (mf_h2_new(&pool, &options, &events, p, &h2, NULL) == 0) {
        if (!options.is_server)
            ask(h2, p);
        if (bytes[0] & 1 && options.is_server)
            talk(h2, (const uint8_t *)preface, sizeof preface - 1, 100);
        else if (bytes[0] & 1)
            talk(h2, settings, sizeof settings, 100);
        talk(h2, bytes + 1, n - 1, (size_t)(bytes[0] >> 1 & 63) * 8 + 1);
        mf_h2_free(h2);
    }
    mf_pool_done(&pool);
    if (atomic_load(&alloc.blocks) != 0)
        __builtin_trap();
    for (size_t i = 0; i < p->n; i++)
        if (p->streams[i].is_open)
            __builtin_trap();
out:
    free(p);
    return 0;
}
