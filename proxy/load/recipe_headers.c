/*
 * proxy/load/recipe_headers.c: headers as part of a recipe.
 *
 * A version comes back the same as it was, and a file that was changed is a new
 * version; so the text of what its source includes has to be known before it is
 * compiled. It is found here as the compiler will find it
 * (compiler/arena/includes.c): beside the file that asks, by the callback
 * alone; then by the callback and in the folders. mayfly's own headers and the
 * system's are not text of a recipe.
 *
 * Lines are read, conditions are not: what is found may be more than what is
 * reached. A name that a macro makes is not found; the compiler asks for it
 * when it comes to it.
 *
 * Threads: any; the callback is the user's.
 */
#include "proxy/load/recipe_headers.h"

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"

#include <stdio.h>
#include <string.h>

enum {
    HEADERS_MAX = 10000,
    HEADER_BYTES_MAX = 64 << 20,
    NAME_BYTES_MAX = 1024 /* of libtcc's own */
};

/* A file that is looked through. */
typedef struct text {
    struct text *next;
    const char *bytes;
    size_t len;
    char *own;        /* the same, where it was read here */
    int in_root;      /* it was found as if by <>: in the folders as well */
    const char *name; /* behind this struct, but for a source */
} text;

typedef struct search {
    mf_alloc *alloc;
    const mayfly_load_options *options;
    mf_header_fn found;
    void *state;
    mf_map *seen; /* names, with in_root in front */
    text *first;  /* still to be looked through */
    text **last;
} search;

/* --- lines --- */

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* What the line at `*at` includes; moves on to the next line. */
static int read_line(const char **at, const char *end, const char **ret_name,
                     size_t *ret_len, int *ret_quoted)
{
    static const char word[] = "include";
    const size_t n = sizeof word - 1;
    const char *p = *at;
    const char *line_end = memchr(p, '\n', (size_t)(end - p));
    line_end = line_end ? line_end : end;
    *at = line_end < end ? line_end + 1 : end;
    p = skip_blanks(p, line_end);
    if (p == line_end || *p != '#')
        return 0;
    p = skip_blanks(p + 1, line_end);
    if ((size_t)(line_end - p) <= n || memcmp(p, word, n) != 0)
        return 0;
    p = skip_blanks(p + n, line_end);
    if (p == line_end || (*p != '"' && *p != '<'))
        return 0;
    *ret_quoted = *p == '"';
    const char *close =
        memchr(p + 1, *ret_quoted ? '"' : '>', (size_t)(line_end - p - 1));
    if (!close)
        return 0;
    *ret_name = p + 1;
    *ret_len = (size_t)(close - p - 1);
    return 1;
}

/* --- files --- */

/* 1: it is new. 0, or ENOMEM. */
static int note_seen(search *s, const char *name, int in_root)
{
    char key[NAME_BYTES_MAX + 2];
    int n = snprintf(key, sizeof key, "%d%s", in_root, name);
    if (n < 0 || (size_t)n >= sizeof key || mf_map_get(s->seen, key, (size_t)n))
        return 0;
    return mf_map_put(s->seen, key, (size_t)n, s) == 0 ? 1 : MAYFLY_ENOMEM;
}

static int add(search *s, const char *name, int in_root, const char *bytes,
               size_t len, char *own, mayfly_error *err)
{
    size_t n = strlen(name) + 1;
    int is_new = mf_map_count(s->seen) < HEADERS_MAX
                     ? note_seen(s, name, in_root)
                     : MAYFLY_ELIMIT;
    text *t = is_new == 1 ? mf_alloc_zero(s->alloc, sizeof *t + n) : NULL;
    if (t) {
        *t = (text){.bytes = bytes,
                    .len = len,
                    .own = own,
                    .in_root = in_root,
                    .name = memcpy(t + 1, name, n)};
        *s->last = t;
        s->last = &t->next;
        return 0;
    }
    mf_alloc_free(s->alloc, own);
    if (is_new == 0)
        return 0;
    return is_new == MAYFLY_ELIMIT
               ? mf_error_set(err, is_new, "includes: too many files")
               : mf_error_nomem(err, "the headers of a source");
}

static int read_at(search *s, const char *path, const char *name,
                   mayfly_error *err)
{
    char *own;
    size_t len;
    int code = mf_file_read(s->alloc, path, HEADER_BYTES_MAX, &own, &len, err);
    if (code == MAYFLY_EIO || code == MAYFLY_ELIMIT) /* to the compiler it is */
        return MAYFLY_ENOTFOUND;                     /* not there either */
    return code == 0 ? add(s, name, 1, own, len, own, err) : code;
}

/* 0: found; ENOTFOUND: not there. */
static int look(search *s, const char *name, int in_root, mayfly_error *err)
{
    const mayfly_load_options *o = s->options;
    size_t len = 0;
    const char *bytes =
        o->include ? o->include(o->include_state, name, &len) : NULL;
    if (bytes)
        return add(s, name, in_root, bytes, len ? len : strlen(bytes), NULL,
                   err);
    if (name[0] == '/' && o->n_header_dirs)
        return read_at(s, name, name, err);
    int code = MAYFLY_ENOTFOUND;
    for (size_t i = 0;
         in_root && code == MAYFLY_ENOTFOUND && i < o->n_header_dirs; i++) {
        char path[NAME_BYTES_MAX + 256];
        int n = snprintf(path, sizeof path, "%s/%s", o->header_dirs[i], name);
        if (n > 0 && (size_t)n < sizeof path)
            code = read_at(s, path, name, err);
    }
    return code;
}

/* Beside the file that asks, then as <>. */
static int look_for(search *s, const text *asks, const char *name, size_t n,
                    int quoted, mayfly_error *err)
{
    char path[NAME_BYTES_MAX];
    const char *slash = strrchr(asks->name, '/');
    size_t folder = quoted && slash && n && name[0] != '/'
                        ? (size_t)(slash + 1 - asks->name)
                        : 0;
    int code = MAYFLY_ENOTFOUND;
    if (n == 0 || folder + n >= sizeof path || memchr(name, '\0', n))
        return 0;
    if (quoted) {
        memcpy(path, asks->name, folder);
        memcpy(path + folder, name, n);
        path[folder + n] = '\0';
        code = look(s, path, asks->in_root, err);
    }
    if (code == MAYFLY_ENOTFOUND) {
        memcpy(path, name, n);
        path[n] = '\0';
        code = look(s, path, 1, err);
    }
    return code == MAYFLY_ENOTFOUND ? 0 : code;
}

static int look_through(search *s, const text *t, mayfly_error *err)
{
    const char *at = t->bytes, *end = t->bytes + t->len, *name;
    size_t n;
    int quoted, code = 0;
    while (code == 0 && at < end)
        if (read_line(&at, end, &name, &n, &quoted))
            code = look_for(s, t, name, n, quoted, err);
    return code;
}

/* --- all of them --- */

/* The sources themselves are looked through, and not told. */
static int look_through_sources(search *s, mayfly_error *err)
{
    const mayfly_load_options *o = s->options;
    int code = 0;
    for (size_t i = 0; code == 0 && i < o->n_handlers; i++) {
        const mayfly_source *source = &o->handlers[i];
        text t = {.bytes = source->text ? source->text : "",
                  .len = source->len,
                  .name = source->name ? source->name : ""};
        if (t.len == 0)
            t.len = strlen(t.bytes);
        code = look_through(s, &t, err);
    }
    return code;
}

int mf_headers_find(mf_alloc *alloc, const mayfly_load_options *options,
                    mf_header_fn found, void *state, mayfly_error *err)
{
    search s = {
        .alloc = alloc, .options = options, .found = found, .state = state};
    if (!options->n_handlers || (!options->include && !options->n_header_dirs))
        return 0;
    s.last = &s.first;
    s.seen = mf_map_new(alloc);
    if (!s.seen)
        return mf_error_nomem(err, "the headers of a source");
    int code = look_through_sources(&s, err);
    while (s.first) {
        text *t = s.first;
        if (code == 0) {
            s.found(s.state, t->name, t->bytes, t->len);
            code = look_through(&s, t, err);
        }
        s.first = t->next;
        if (!s.first)
            s.last = &s.first;
        mf_alloc_free(alloc, t->own);
        mf_alloc_free(alloc, t);
    }
    mf_map_free(s.seen);
    return code;
}
