/*
 * proxy/admin/admin_request.c: a request, read.
 *
 * One object on one line. Each member has a row in a table: its kind, where it
 * goes, and which commands take it. What no row tells is refused, so that a
 * word that is misspelt, or that another mayfly knows, is not passed over.
 *
 * The line is somebody's who may ask, but is read as if it were anybody's:
 * texts have no zero bytes within, lists have bounds, paths are absolute (the
 * process has a folder of its own, and it is not the asker's).
 *
 * Threads: any; an arena is one thread's.
 */
#include "proxy/admin/admin.h"

#include "base/error.h"
#include "compiler/json/scan.h"
#include "proxy/transport/grpc.h"

#include <string.h>

enum { LIST_MAX = 4096, PATH_BYTES_MAX = 4096, NAME_BYTES_MAX = 512 };

#define A(command) (1u << (command))
enum {
    ANY = (1u << MF_ADMIN_COMMANDS) - 1,
    BUILDS = A(MF_ADMIN_LOAD) | A(MF_ADMIN_SWAP),
    TELLS = ANY & ~A(MF_ADMIN_STAT)
};

enum kind { PROTOCOL, COMMAND, NAME, BOOL, NUMBER, SCHEMA, SOURCES, PATHS };

typedef struct member {
    const char *name;
    enum kind kind;
    unsigned commands; /* bits: who takes it */
    size_t at;         /* in the request */
} member;

#define AT(member) offsetof(mf_admin_request, member)
static const member members[] = {
    {"mayfly", PROTOCOL, ANY, 0},
    {"command", COMMAND, ANY, AT(command)},
    {"unit", NAME, TELLS, AT(unit)},
    {"version", NAME, BUILDS, AT(version)},
    {"schema", SCHEMA, BUILDS, 0},
    {"files", SOURCES, BUILDS, AT(files)},
    {"include_dirs", PATHS, BUILDS, AT(include_dirs)},
    {"handlers", SOURCES, BUILDS, AT(handlers)},
    {"header_dirs", PATHS, BUILDS, AT(header_dirs)},
    {"wait_ms", NUMBER, A(MF_ADMIN_SWAP) | A(MF_ADMIN_UNLOAD), AT(wait_ms)},
    {"force", BOOL, A(MF_ADMIN_UNLOAD), AT(force)},
    {"keep", BOOL, A(MF_ADMIN_SWAP), AT(keep)},
    {"text", BOOL, TELLS, AT(text)},
};
enum { N_MEMBERS = sizeof members / sizeof members[0] };

const char *mf_admin_command_name(enum mf_admin_command command)
{
    static const char *const names[MF_ADMIN_COMMANDS] = {"stat", "why", "load",
                                                         "swap", "unload"};
    return names[command];
}

/* --- values; the scanner stands on the first token, and is left on the last
 * ---
 */

static int wrong(const mf_scan *s, const char *wanted, mayfly_error *err)
{
    return mf_scan_fail(s, err, MAYFLY_EINVAL, "expected %s, found %s", wanted,
                        mf_scan_token_name(s));
}

static int read_text(mf_scan *s, size_t max, const char **ret, size_t *ret_len,
                     mayfly_error *err)
{
    if (s->token != MF_TOKEN_STRING)
        return wrong(s, "a string", err);
    if (s->text.len > max)
        return mf_scan_fail(s, err, MAYFLY_ELIMIT,
                            "a string of %zu bytes: %zu at the most",
                            s->text.len, max);
    if (s->text.len && memchr(s->text.ptr, 0, s->text.len))
        return mf_scan_fail(s, err, MAYFLY_EINVAL, "a zero byte in a string");
    *ret = mf_arena_strndup(s->arena, s->text.ptr, s->text.len);
    if (!*ret)
        return mf_arena_nomem(s->arena, "a request", err);
    if (ret_len)
        *ret_len = s->text.len;
    return 0;
}

static int read_name(mf_scan *s, const char **ret, mayfly_error *err)
{
    int code = read_text(s, NAME_BYTES_MAX, ret, NULL, err);
    if (code == 0 && !**ret)
        code = mf_scan_fail(s, err, MAYFLY_EINVAL, "an empty name");
    return code;
}

static int read_path(mf_scan *s, const char **ret, mayfly_error *err)
{
    int code = read_text(s, PATH_BYTES_MAX, ret, NULL, err);
    if (code == 0 && **ret != '/')
        code =
            mf_scan_fail(s, err, MAYFLY_EINVAL, "a path that is not absolute");
    return code;
}

static int read_bool(mf_scan *s, int *ret, mayfly_error *err)
{
    if (s->token != MF_TOKEN_TRUE && s->token != MF_TOKEN_FALSE)
        return wrong(s, "true or false", err);
    *ret = s->token == MF_TOKEN_TRUE;
    return 0;
}

static int read_number(mf_scan *s, uint64_t max, uint64_t *ret,
                       mayfly_error *err)
{
    uint64_t n = 0;
    size_t at = 0;
    if (s->token != MF_TOKEN_NUMBER)
        return wrong(s, "a number", err);
    while (at < s->text.len && s->text.ptr[at] >= '0' &&
           s->text.ptr[at] <= '9' && n <= max)
        n = n * 10 + (uint64_t)(s->text.ptr[at++] - '0');
    if (at < s->text.len || n > max)
        return mf_scan_fail(s, err, MAYFLY_EINVAL,
                            "a whole number from 0 to %llu is wanted",
                            (unsigned long long)max);
    *ret = n;
    return 0;
}

/* {"name": ..., "text": ...}, or with `ret_path`, {"path": ...}. */
static int read_source(mf_scan *s, mayfly_source *ret, const char **ret_path,
                       mayfly_error *err)
{
    mayfly_str key;
    bool first = true;
    int code;
    const char *path = NULL;
    mayfly_source source = {NULL, NULL, 0};
    if (s->token != '{')
        return wrong(s, "an object", err);
    while ((code = mf_scan_member(s, &first, &key, err)) > 0) {
        if (MF_STR_IS(key, "name"))
            code = read_name(s, &source.name, err);
        else if (MF_STR_IS(key, "text"))
            code = read_text(s, SIZE_MAX, &source.text, &source.len, err);
        else if (ret_path && MF_STR_IS(key, "path"))
            code = read_path(s, &path, err);
        else
            code = mf_scan_fail_key(s, err, "a source has no such member");
        if (code != 0)
            return code;
    }
    if (code != 0)
        return code;
    if (path ? source.name || source.text : !source.name || !source.text)
        return mf_scan_fail(s, err, MAYFLY_EINVAL,
                            "a source has a name and a text%s",
                            ret_path ? ", or a path" : "");
    *ret = source;
    if (ret_path)
        *ret_path = path;
    return 0;
}

/* Room for one more in a list in the arena: twice as much when it is full. */
static int make_room(mf_scan *s, void *items, size_t n, size_t size, void **ret,
                     mayfly_error *err)
{
    *ret = items;
    if (n >= LIST_MAX)
        return mf_scan_fail(s, err, MAYFLY_ELIMIT, "a list of more than %d",
                            LIST_MAX);
    if (n & (n - 1)) /* not a power of two, nor 0 */
        return 0;
    *ret = mf_arena_resize(s->arena, items, n * size, (n ? 2 * n : 1) * size);
    return *ret ? 0 : mf_arena_nomem(s->arena, "a request", err);
}

static int read_listed_source(mf_scan *s, void *to, mayfly_error *err)
{
    return read_source(s, to, NULL, err);
}

static int read_listed_path(mf_scan *s, void *to, mayfly_error *err)
{
    return read_path(s, to, err);
}

static int read_list(mf_scan *s, size_t size,
                     int (*read_one)(mf_scan *s, void *to, mayfly_error *err),
                     void **ret_items, size_t *ret_n, mayfly_error *err)
{
    bool first = true;
    int code;
    void *items = NULL;
    size_t n = 0;
    if (s->token != '[')
        return wrong(s, "an array", err);
    while ((code = mf_scan_element(s, &first, err)) > 0) {
        code = make_room(s, items, n, size, &items, err);
        if (code == 0)
            code = read_one(s, (char *)items + n++ * size, err);
        if (code != 0)
            return code;
    }
    if (code == 0) {
        *ret_items = items;
        *ret_n = n;
    }
    return code;
}

static int read_sources(mf_scan *s, mf_admin_sources *ret, mayfly_error *err)
{
    void *items;
    int code = read_list(s, sizeof *ret->items, read_listed_source, &items,
                         &ret->n, err);
    if (code == 0)
        ret->items = items;
    return code;
}

static int read_paths(mf_scan *s, mf_admin_texts *ret, mayfly_error *err)
{
    void *items;
    int code = read_list(s, sizeof *ret->items, read_listed_path, &items,
                         &ret->n, err);
    if (code == 0)
        ret->items = items;
    return code;
}

static int read_command(mf_scan *s, enum mf_admin_command *ret,
                        mayfly_error *err)
{
    const char *name;
    int code = read_name(s, &name, err);
    for (int i = 0; code == 0 && i < MF_ADMIN_COMMANDS; i++)
        if (strcmp(name, mf_admin_command_name((enum mf_admin_command)i)) ==
            0) {
            *ret = (enum mf_admin_command)i;
            return 0;
        }
    return code ? code
                : mf_scan_fail(s, err, MAYFLY_EINVAL, "no command \"%.50s\"",
                               name);
}

static int read_protocol(mf_scan *s, mayfly_error *err)
{
    uint64_t protocol;
    int code = read_number(s, INT32_MAX, &protocol, err);
    if (code == 0 && protocol != MF_ADMIN_PROTOCOL)
        code = mf_error_set(err, MAYFLY_EUNSUPPORTED,
                            "this host speaks version %d of the protocol, not "
                            "%llu",
                            MF_ADMIN_PROTOCOL, (unsigned long long)protocol);
    return code;
}

/* --- a request ---------------------------------------------------------------
 */

static int read_value(mf_scan *s, const member *m, mf_admin_request *q,
                      mayfly_error *err)
{
    void *to = (char *)q + m->at;
    switch (m->kind) {
    case PROTOCOL:
        return read_protocol(s, err);
    case COMMAND:
        return read_command(s, &q->command, err);
    case NAME:
        return read_name(s, to, err);
    case BOOL:
        return read_bool(s, to, err);
    case NUMBER:
        q->has_wait = 1; /* the only one */
        return read_number(s, MF_ADMIN_WAIT_MS_MAX, to, err);
    case SCHEMA:
        return read_source(s, &q->schema, &q->path, err);
    case SOURCES:
        return read_sources(s, to, err);
    default:
        return read_paths(s, to, err);
    }
}

static const member *find_member(mayfly_str key)
{
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (strlen(members[i].name) == key.len &&
            memcmp(members[i].name, key.ptr, key.len) == 0)
            return &members[i];
    return NULL;
}

/* `ret_seen` gets a bit for each member that is there. */
static int read_members(mf_scan *s, mf_admin_request *q, unsigned *ret_seen,
                        mayfly_error *err)
{
    mayfly_str key;
    bool first = true;
    int code;
    if (s->token != '{')
        return wrong(s, "an object", err);
    while ((code = mf_scan_member(s, &first, &key, err)) > 0) {
        const member *m = find_member(key);
        if (!m)
            return mf_scan_fail_key(s, err, "a request has no such member");
        unsigned bit = 1u << (m - members);
        if (*ret_seen & bit)
            return mf_scan_fail_key(s, err, "the same member again");
        *ret_seen |= bit;
        code = read_value(s, m, q, err);
        if (code != 0)
            return code;
    }
    return code ? code : mf_scan_end(s, err);
}

static int has(unsigned seen, const char *name)
{
    const member *m = find_member(mayfly_str_of(name));
    return (seen >> (m - members) & 1) != 0;
}

static int check(const mf_admin_request *q, unsigned seen, mayfly_error *err)
{
    const char *command = mf_admin_command_name(q->command);
    if (!has(seen, "mayfly") || !has(seen, "command"))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a request has \"mayfly\": %d and \"command\"",
                            MF_ADMIN_PROTOCOL);
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (seen >> i & 1 && !(members[i].commands & A(q->command)))
            return mf_error_set(err, MAYFLY_EINVAL, "\"%s\" takes no \"%s\"",
                                command, members[i].name);
    if (q->command != MF_ADMIN_STAT && !q->unit)
        return mf_error_set(err, MAYFLY_EINVAL, "\"%s\" needs a \"unit\"",
                            command);
    int builds = q->path || q->schema.text || q->handlers.n;
    if (q->command == MF_ADMIN_LOAD && !builds)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"load\" needs a \"schema\" or \"handlers\"");
    if (q->command == MF_ADMIN_SWAP && !builds && !q->version)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "\"swap\" needs a \"schema\", \"handlers\" or a "
                            "\"version\" that is there");
    return 0;
}

int mf_admin_request_read(mayfly_str line, mayfly_arena *arena,
                          mf_admin_request *ret, mayfly_error *err)
{
    mf_scan s;
    mf_admin_request q = {.command = MF_ADMIN_STAT};
    unsigned seen = 0;
    int code = mf_scan_start(&s, line, arena, err);
    if (code == 0)
        code = read_members(&s, &q, &seen, err);
    if (code == 0)
        code = check(&q, seen, err);
    if (code == 0)
        *ret = q;
    return code;
}
