/*
 * compiler/schema/build.c: memory, names and errors while a schema is made.
 *
 * The first error's text goes to the caller's mayfly_error when all is done;
 * each error goes to the caller's callback at once. After MF_FILE_ERRORS_MAX
 * errors of a file no more of its errors are told, nor counted.
 */
#include "compiler/schema/build.h"

#include <stdio.h>
#include <string.h>

void mf_build_fatal(mf_build *b, int code, const char *what)
{
    if (b->fatal)
        return;
    b->fatal = code;
    if (code == MAYFLY_ENOMEM)
        mf_error_nomem(&b->first, what);
    else
        mf_error_set(&b->first, code, "%s", what);
}

void mf_build_work(mf_build *b, size_t amount)
{
    b->work += amount;
    if (b->work / 16 > b->limits.total_bytes)
        mf_build_fatal(b, MAYFLY_ELIMIT, "the schema takes too long to link");
}

static void *take(mf_build *b, mayfly_arena *arena, size_t size)
{
    void *p = b->fatal ? NULL : mf_arena_alloc(arena, size);
    if (!p && !b->fatal)
        mf_build_fatal(b, arena->code,
                       arena->code == MAYFLY_ELIMIT
                           ? "the schema takes more memory than it may"
                           : "the schema");
    return p;
}

void *mf_build_keep(mf_build *b, size_t size)
{
    return take(b, &b->schema->arena, size);
}

void *mf_build_scratch(mf_build *b, size_t size)
{
    return take(b, &b->scratch, size);
}

char *mf_build_text(mf_build *b, const char *ptr, size_t len)
{
    char *text = mf_build_keep(b, len + 1);
    if (text)
        memcpy(text, ptr, len);
    return text;
}

const char *mf_build_full_name(mf_build *b, const char *scope, const char *name,
                               size_t len, const char **ret_name)
{
    size_t n = strlen(scope);
    size_t start = n ? n + 1 : 0;
    char *full = mf_build_keep(b, start + len + 1);
    if (!full)
        return NULL;
    memcpy(full, scope, n);
    if (n)
        full[n] = '.';
    memcpy(full + start, name, len);
    *ret_name = full + start;
    return full;
}

const char *mf_build_json_name(mf_build *b, const char *field_name)
{
    bool up = false;
    size_t n = 0;
    if (!strchr(field_name, '_'))
        return field_name;
    char *json = mf_build_keep(b, strlen(field_name) + 1);
    if (!json)
        return NULL;
    for (const char *c = field_name; *c; c++) {
        if (*c == '_') {
            up = true;
            continue;
        }
        json[n++] = up && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        up = false;
    }
    return json;
}

void mf_build_error(mf_build *b, mf_draft_file *file, int code, mf_place at,
                    const char *format, ...)
{
    char text[700];
    va_list args;
    if (b->fatal || file->n_errors >= MF_FILE_ERRORS_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?'; /* names in strings may hold what moves a cursor */
    }
    file->n_errors++;
    file->failed = true;
    if (b->n_errors++ == 0)
        mf_error_at(&b->first, code, file->shown, at.line, at.column, "%s",
                    text);
    if (b->diagnostic) {
        mayfly_diagnostic d = {.file = file->shown,
                               .line = at.line,
                               .column = at.column,
                               .text = text};
        b->diagnostic(b->diagnostic_state, &d);
    }
}
