/*
 * The rules of gRPC that need no connection to be told: so they can be tested
 * byte by byte, and both sides share them.
 *
 * What stays true: all input here is a peer's, so nothing is read past its
 * length, no number overflows, and memory is taken only for bytes that have
 * arrived.
 */
#include "proxy/transport/grpc.h"

#include <mayfly/call.h>

#include <limits.h>

/* --- deadlines --- */

static const struct {
    char unit;
    uint64_t ns;
} units[] = {
    {'n', 1},          {'u', 1000},        {'m', 1000000},
    {'S', 1000000000}, {'M', 60000000000}, {'H', 3600000000000},
};

enum { N_UNITS = sizeof units / sizeof units[0] };

size_t mf_timeout_format(uint64_t ns, char out[MF_TIMEOUT_TEXT])
{
    size_t u = 0;
    uint64_t value = ns;
    while (value > 99999999 && u + 1 < N_UNITS) {
        u++;
        value = ns / units[u].ns + (ns % units[u].ns != 0);
    }
    if (value > 99999999)
        value = 99999999;
    char digits[8];
    size_t n = 0, len = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n)
        out[len++] = digits[--n];
    out[len++] = units[u].unit;
    return len;
}

int mf_timeout_parse(mayfly_str text, uint64_t *ret_ns)
{
    if (text.len < 2 || text.len > 9)
        return -1;
    uint64_t value = 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    for (size_t u = 0; u < N_UNITS; u++) {
        if (units[u].unit != text.ptr[text.len - 1])
            continue;
        *ret_ns =
            value > UINT64_MAX / units[u].ns ? UINT64_MAX : value * units[u].ns;
        return 0;
    }
    return -1;
}

/* --- texts --- */

/* What may stay as it is. A space may not at the ends, where HTTP/2 strips or
 * refuses it. */
static int is_plain(mayfly_str text, size_t i)
{
    char c = text.ptr[i];
    return c >= 0x20 && c <= 0x7e && c != '%' &&
           (c != ' ' || (i > 0 && i + 1 < text.len));
}

size_t mf_percent_size(mayfly_str text)
{
    size_t n = text.len;
    for (size_t i = 0; i < text.len; i++)
        if (!is_plain(text, i))
            n += 2;
    return n;
}

size_t mf_percent_encode(mayfly_str text, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_plain(text, i)) {
            out[n++] = text.ptr[i];
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    return n;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

size_t mf_percent_decode(mayfly_str text, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%' && text.len - i > 2) {
            int high = hex_value(text.ptr[i + 1]);
            int low = hex_value(text.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                out[n++] = (char)(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out[n++] = text.ptr[i];
    }
    return n;
}

/* --- what is allowed --- */

int mf_path_ok(const char *path, size_t len)
{
    if (len < 4 || len > 4096 || path[0] != '/')
        return 0;
    size_t slash = 0;
    for (size_t i = 1; i < len; i++) {
        if (path[i] <= 0x20 || path[i] > 0x7e)
            return 0;
        if (path[i] == '/')
            slash = i;
    }
    return slash > 1 && slash + 1 < len;
}

static int str_is(mayfly_str s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

int mf_key_is_reserved(mayfly_str key)
{
    if (key.len == 0 || key.ptr[0] == ':' ||
        (key.len >= 5 && memcmp(key.ptr, "grpc-", 5) == 0))
        return 1;
    static const char *const names[] = {
        "te",         "content-type", "content-length",   "host",
        "connection", "keep-alive",   "proxy-connection", "transfer-encoding",
        "upgrade",    "user-agent"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_is(key, names[i]))
            return 1;
    return 0;
}

int mf_key_ok(mayfly_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_' || c == '.'))
            return 0;
    }
    return !mf_key_is_reserved(key);
}

int mf_key_is_bin(mayfly_str key)
{
    return key.len > 4 && memcmp(key.ptr + key.len - 4, "-bin", 4) == 0;
}

int mf_value_ok(mayfly_str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
            return 0;
    /* HTTP/2 strips or refuses white space at the ends */
    return value.len == 0 ||
           (value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' ');
}

int mf_content_type_ok(mayfly_str value)
{
    static const char grpc[] = "application/grpc";
    size_t n = sizeof grpc - 1;
    return value.len >= n && memcmp(value.ptr, grpc, n) == 0 &&
           (value.len == n || value.ptr[n] == '+' || value.ptr[n] == ';');
}

/* --- status --- */

int mf_status_parse(mayfly_str text)
{
    if (text.len == 0 || text.len > 9)
        return -1;
    int value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value;
}

int mf_status_of_code(int code)
{
    switch (code) {
    case MAYFLY_EUNLOADED:
        return MAYFLY_STATUS_UNAVAILABLE;
    case MAYFLY_ETIMEDOUT:
        return MAYFLY_STATUS_DEADLINE_EXCEEDED;
    case MAYFLY_ENOMEM:
    case MAYFLY_ELIMIT:
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    default:
        return MAYFLY_STATUS_INTERNAL;
    }
}

int mf_status_of_http(int http_status)
{
    switch (http_status) {
    case 400:
        return MAYFLY_STATUS_INTERNAL;
    case 401:
        return MAYFLY_STATUS_UNAUTHENTICATED;
    case 403:
        return MAYFLY_STATUS_PERMISSION_DENIED;
    case 404:
        return MAYFLY_STATUS_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return MAYFLY_STATUS_UNAVAILABLE;
    default:
        return MAYFLY_STATUS_UNKNOWN;
    }
}

int mf_status_of_reset(uint32_t http2_code)
{
    switch (http2_code) {
    case 7: /* REFUSED_STREAM */
        return MAYFLY_STATUS_UNAVAILABLE;
    case 8: /* CANCEL */
        return MAYFLY_STATUS_CANCELLED;
    case 11: /* ENHANCE_YOUR_CALM */
        return MAYFLY_STATUS_RESOURCE_EXHAUSTED;
    case 12: /* INADEQUATE_SECURITY */
        return MAYFLY_STATUS_PERMISSION_DENIED;
    default:
        return MAYFLY_STATUS_INTERNAL;
    }
}

const char *mayfly_status_name(int status)
{
    static const char *const names[] = {"OK",
                                        "CANCELLED",
                                        "UNKNOWN",
                                        "INVALID_ARGUMENT",
                                        "DEADLINE_EXCEEDED",
                                        "NOT_FOUND",
                                        "ALREADY_EXISTS",
                                        "PERMISSION_DENIED",
                                        "RESOURCE_EXHAUSTED",
                                        "FAILED_PRECONDITION",
                                        "ABORTED",
                                        "OUT_OF_RANGE",
                                        "UNIMPLEMENTED",
                                        "INTERNAL",
                                        "UNAVAILABLE",
                                        "DATA_LOSS",
                                        "UNAUTHENTICATED"};
    if (status < 0 || status > MAYFLY_STATUS_UNAUTHENTICATED)
        return "UNKNOWN";
    return names[status];
}

/* --- framing --- */

void mf_prefix_write(uint8_t head[5], size_t message_len)
{
    head[0] = 0;
    head[1] = (uint8_t)(message_len >> 24);
    head[2] = (uint8_t)(message_len >> 16);
    head[3] = (uint8_t)(message_len >> 8);
    head[4] = (uint8_t)message_len;
}

/* What a message may take before its bytes have arrived. */
enum { FIRST_ROOM = 256 * 1024 };

/* Reads the prefix once its five bytes are there. */
static int read_prefix(mf_gather *g, mayfly_arena *arena)
{
    if (g->head[0] > 1)
        return MF_GATHER_BROKEN;
    size_t len = (size_t)g->head[1] << 24 | (size_t)g->head[2] << 16 |
                 (size_t)g->head[3] << 8 | g->head[4];
    if (len > g->max)
        return MF_GATHER_LIMIT;
    if (g->head[0] == 1)
        return MF_GATHER_PACKED;
    g->len = len;
    g->room = len < FIRST_ROOM ? len : FIRST_ROOM;
    g->bytes = mf_arena_raw(arena, g->room);
    return g->bytes ? MF_GATHER_MORE : MF_GATHER_NOMEM;
}

static int make_room(mf_gather *g, mayfly_arena *arena, size_t need)
{
    if (need <= g->room)
        return MF_GATHER_MORE;
    size_t room = need > g->len / 4 ? g->len : need * 4;
    uint8_t *bytes = mf_arena_resize(arena, g->bytes, g->room, room);
    if (!bytes)
        return MF_GATHER_NOMEM;
    g->bytes = bytes;
    g->room = room;
    return MF_GATHER_MORE;
}

int mf_gather_feed(mf_gather *g, mayfly_arena *arena, const uint8_t *bytes,
                   size_t n)
{
    int had_prefix = g->have == 5;
    while (g->have < 5 && n) {
        g->head[g->have++] = *bytes++;
        n--;
        if (g->have == 5) {
            int rc = read_prefix(g, arena);
            if (rc != MF_GATHER_MORE) {
                g->len = SIZE_MAX; /* never whole */
                return rc;
            }
        }
    }
    if (g->have < 5)
        return MF_GATHER_MORE;
    if (n > g->len - g->at)
        return MF_GATHER_SECOND;
    if (n) {
        int rc = make_room(g, arena, g->at + n);
        if (rc != MF_GATHER_MORE)
            return rc;
        memcpy(g->bytes + g->at, bytes, n);
        g->at += n;
    }
    if (g->at == g->len)
        return MF_GATHER_WHOLE;
    return had_prefix ? MF_GATHER_MORE : MF_GATHER_PREFIX;
}

int mf_gather_is_empty(const mf_gather *g)
{
    return g->have == 0;
}

int mf_gather_is_whole(const mf_gather *g)
{
    return g->have == 5 && g->at == g->len;
}
