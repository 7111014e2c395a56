/*
 * compiler/schema/parse_reserved.c: reserved numbers and names.
 *
 *     reserved 2, 9 to 11, 40 to max;
 *     reserved "foo", "bar";
 */
#include "compiler/schema/parse.h"

#include <string.h>

/* One end of a range; an enum's may be negative. */
static bool parse_end(mf_parser *p, bool is_enum, int64_t *ret)
{
    uint64_t number;
    bool negative = is_enum && mf_parser_accept(p, "-");
    if (!mf_parser_integer(p, "a number",
                           negative ? (uint64_t)INT32_MAX + 1 : INT32_MAX,
                           &number))
        return false;
    *ret = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static bool parse_ranges(mf_parser *p, bool is_enum, mf_range_list *ranges)
{
    do {
        mf_draft_range *range = mf_build_scratch(p->b, sizeof *range);
        if (!range)
            return false;
        range->at = p->token.at;
        if (!parse_end(p, is_enum, &range->first))
            return false;
        range->last = range->first;
        if (mf_parser_accept(p, "to")) {
            if (mf_parser_accept(p, "max"))
                range->last = is_enum ? INT32_MAX : MF_FIELD_MAX;
            else if (!parse_end(p, is_enum, &range->last))
                return false;
        }
        if (range->last < range->first)
            mf_parser_error(p, range->at, "the range ends before it begins");
        else
            MF_LIST_ADD(ranges, range);
    } while (mf_parser_accept(p, ","));
    return true;
}

static bool parse_names(mf_parser *p, mf_name_list *names)
{
    do {
        mayfly_bytes text;
        mf_draft_name *name = mf_build_scratch(p->b, sizeof *name);
        if (!name)
            return false;
        name->at = p->token.at;
        if (!mf_parser_string(p, "a name in quotes", &text))
            return false;
        if (strlen((const char *)text.ptr) != text.len)
            mf_parser_error(p, name->at, "the name holds a zero byte");
        name->name = mf_build_text(p->b, (const char *)text.ptr, text.len);
        if (!name->name)
            return false;
        MF_LIST_ADD(names, name);
    } while (mf_parser_accept(p, ","));
    return true;
}

bool mf_parse_reserved(mf_parser *p, bool is_enum, mf_range_list *ranges,
                       mf_name_list *names)
{
    bool ok;
    if (names && p->token.kind == MF_TOKEN_STRING)
        ok = parse_names(p, names);
    else if (p->token.kind == MF_TOKEN_INT || (is_enum && mf_parser_at(p, "-")))
        ok = parse_ranges(p, is_enum, ranges);
    else
        return mf_parser_unexpected(p, names ? "numbers, or names in quotes"
                                             : "numbers");
    return ok && mf_parser_expect(p, ";");
}

mf_range *mf_draft_ranges_keep(mf_build *b, const mf_range_list *ranges,
                               bool is_enum)
{
    uint32_t n = 0;
    mf_range *kept = mf_build_keep(b, ranges->n * sizeof *kept);
    if (!kept)
        return NULL;
    for (const mf_draft_range *r = ranges->first; r; r = r->next, n++) {
        kept[n].start = (int32_t)r->first;
        kept[n].end =
            (int32_t)(is_enum || r->last == INT32_MAX ? r->last : r->last + 1);
    }
    return kept;
}

const char **mf_draft_names_keep(mf_build *b, const mf_name_list *names)
{
    uint32_t n = 0;
    const char **kept = mf_build_keep(b, names->n * sizeof *kept);
    if (!kept)
        return NULL;
    for (const mf_draft_name *name = names->first; name; name = name->next)
        kept[n++] = name->name;
    return kept;
}
