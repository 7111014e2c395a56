/*
 * compiler/gen/text.c: which text may appear in C, and in what form.
 *
 * The last gate before generated code: identifiers are checked here, whatever
 * the lexer let through, since names can also come from a descriptor set or a
 * header's tables; file names and literals are escaped. All of it looks at
 * bytes, in no locale.
 */
#include "compiler/gen/names.h"

#include <string.h>

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_word(char c)
{
    return is_lower(c) || is_upper(c) || (c >= '0' && c <= '9') || c == '_';
}

bool mf_name_all_upper(const char *s)
{
    bool some = false;

    for (; *s; s++) {
        if (is_lower(*s))
            return false;
        some = some || is_upper(*s);
    }
    return some;
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

const char *mf_name_prefix(const char *s)
{
    static const char *const foreign[] = {"mayfly_", "MAYFLY_",  "mf_",
                                          "MF_",     "pthread_", "posix_"};

    if (*s == '_')
        return "x";
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (has_prefix(s, foreign[i]))
            return "x_";
    }
    return "";
}

const char *mf_name_member(mayfly_arena *arena, const char *name)
{
    const char *prefix = mf_name_prefix(name);
    bool change = *prefix || mf_name_all_upper(name) || mf_name_reserved(name);
    const char *suffix = *prefix ? "" : "_";

    return change ? mf_arena_printf(arena, "%s%s%s", prefix, name, suffix)
                  : name;
}

bool mf_name_valid(const char *s)
{
    if (!is_word(*s) || (*s >= '0' && *s <= '9'))
        return false;
    while (is_word(*s))
        s++;
    return *s == 0;
}

bool mf_name_full_valid(const char *s)
{
    bool start = true;

    for (; *s; s++) {
        bool digit = *s >= '0' && *s <= '9';
        if (start ? !is_word(*s) || digit : !is_word(*s) && *s != '.')
            return false;
        start = *s == '.';
    }
    return !start;
}

void mf_name_file(mf_buf *out, const char *file)
{
    static const char proto[] = ".proto";
    size_t n = strlen(file), tail = sizeof proto - 1;
    bool usual = n > tail && strcmp(file + n - tail, proto) == 0;

    if (usual)
        n -= tail;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)file[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= '0' && c <= '9'))
            mf_buf_put_byte(out, c);
        else
            mf_buf_printf(out, "_%02x", c);
    }
    if (!usual)
        mf_buf_put_byte(out, '_');
}

void mf_name_literal(mf_buf *out, const char *text)
{
    mf_buf_put_byte(out, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '?' &&
            c != '*')
            mf_buf_put_byte(out, c);
        else
            mf_buf_printf(out, "\\%03o", c);
    }
    mf_buf_put_byte(out, '"');
}
