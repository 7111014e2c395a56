/*
 * compiler/schema/check.c: the rules for files, messages and fields.
 *
 * These are protoc's rules for proto3, as far as they need resolved names or
 * all of a message. Stricter than protoc 3.21 are three, as later versions of
 * it are: two fields may not have the same JSON name by their json_name
 * options, the option map_entry may not be written, a range may not end before
 * it begins.
 *
 * All errors are told; a field without a type was told of by the linker, and
 * the rules about types pass over it.
 */
#include "compiler/schema/check.h"

#include "compiler/schema/set.h"

#include <stdio.h>
#include <string.h>

void mf_check_error(mf_build *b, mf_draft_file *file, int line, int column,
                    const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mf_build_error(b, file, MAYFLY_ESCHEMA, (mf_place){line, column}, "%s",
                   text);
}

bool mf_check_number(mf_build *b, mf_draft_file *file, const mf_draft_field *d)
{
    uint32_t number = d->made->number;
    int line = d->number_at.line, column = d->number_at.column;
    if (number == 0)
        mf_check_error(b, file, line, column, "field numbers begin with 1");
    else if (number > MF_FIELD_MAX)
        mf_check_error(b, file, line, column, "field numbers end with %d",
                       MF_FIELD_MAX);
    else if (number >= MF_FIELD_RESERVED_FIRST &&
             number <= MF_FIELD_RESERVED_LAST)
        mf_check_error(b, file, line, column,
                       "the field numbers %d to %d are protobuf's own",
                       MF_FIELD_RESERVED_FIRST, MF_FIELD_RESERVED_LAST);
    else
        return true;
    return false;
}

static void check_numbers(mf_build *b, mf_draft_file *file,
                          const mf_draft_message *m)
{
    mf_set seen;
    if (!mf_set_init(b, &seen, m->fields.n))
        return;
    for (mf_draft_field *d = m->fields.first; d; d = d->next) {
        if (!mf_check_number(b, file, d))
            continue;
        const mf_draft_field *other =
            mf_set_add(&seen, &d->made->number, sizeof d->made->number, d);
        if (other)
            mf_check_error(b, file, d->number_at.line, d->number_at.column,
                           "the field number %u is taken by \"%s\"",
                           d->made->number, other->made->name);
    }
}

/* Names that become one when case and underscores are left out: JSON cannot
 * tell them apart. */
static void check_json_defaults(mf_build *b, mf_draft_file *file,
                                const mf_draft_message *m)
{
    mf_set seen;
    if (!mf_set_init(b, &seen, m->fields.n))
        return;
    for (mf_draft_field *d = m->fields.first; d; d = d->next) {
        size_t n = 0;
        char *key = mf_build_scratch(b, strlen(d->made->name) + 1);
        if (!key)
            return;
        for (const char *c = d->made->name; *c; c++) {
            if (*c != '_')
                key[n++] = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        }
        const mf_draft_field *other = mf_set_add(&seen, key, n, d);
        if (other && strcmp(other->made->name, d->made->name) != 0)
            mf_check_error(b, file, d->made->line, d->made->column,
                           "\"%s\" and \"%s\" are the same name in JSON",
                           other->made->name, d->made->name);
    }
}

static void check_json_names(mf_build *b, mf_draft_file *file,
                             const mf_draft_message *m)
{
    bool given = false;
    mf_set seen;
    for (mf_draft_field *d = m->fields.first; d; d = d->next)
        given = given || d->json_given;
    if (!given || !mf_set_init(b, &seen, m->fields.n))
        return;
    for (mf_draft_field *d = m->fields.first; d; d = d->next) {
        const char *json = d->made->json_name;
        const mf_draft_field *other = mf_set_add(&seen, json, strlen(json), d);
        if (other && (other->json_given || d->json_given))
            mf_check_error(b, file, d->made->line, d->made->column,
                           "\"%s\" and \"%s\" have the same JSON name \"%s\"",
                           other->made->name, d->made->name, json);
    }
}

/* `a` before `b`: by number, then by the order of the text. */
static bool is_before(const mf_draft_range *a, const mf_draft_range *b)
{
    return a->first < b->first ||
           (a->first == b->first &&
            (a->at.line < b->at.line ||
             (a->at.line == b->at.line && a->at.column < b->at.column)));
}

/* One step of a heap sort: sinks item `i` of `n` to its place. */
static void sink(const mf_draft_range **items, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && is_before(items[child], items[child + 1]))
            child++;
        if (!is_before(items[i], items[child]))
            return;
        const mf_draft_range *t = items[i];
        items[i] = items[child];
        items[child] = t;
    }
}

bool mf_check_ranges(mf_build *b, mf_draft_file *file,
                     const mf_range_list *ranges, mf_range_index *ret)
{
    uint32_t n = 0;
    ret->n = ranges->n;
    ret->items = mf_build_scratch(b, ranges->n * sizeof(void *));
    if (!ret->items)
        return false;
    for (const mf_draft_range *r = ranges->first; r; r = r->next)
        ret->items[n++] = r;
    for (uint32_t i = n / 2; i-- > 0;)
        sink(ret->items, i, n);
    for (uint32_t i = n; i-- > 1;) {
        const mf_draft_range *t = ret->items[0];
        ret->items[0] = ret->items[i];
        ret->items[i] = t;
        sink(ret->items, 0, i);
    }
    for (uint32_t i = 1; i < n; i++) {
        const mf_draft_range *r = ret->items[i];
        if (ret->items[i - 1]->last >= r->first)
            mf_check_error(b, file, r->at.line, r->at.column,
                           "the number %lld is reserved twice",
                           (long long)r->first);
    }
    return true;
}

bool mf_range_has(const mf_range_index *index, int64_t number)
{
    uint32_t low = 0, high = index->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->items[middle]->first <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && index->items[low - 1]->last >= number;
}

static void check_reserved(mf_build *b, mf_draft_file *file,
                           const mf_draft_message *m)
{
    mf_range_index index;
    mf_set names;
    if (!m->reserved.n && !m->reserved_names.n)
        return;
    if (!mf_check_ranges(b, file, &m->reserved, &index) ||
        !mf_set_init(b, &names, m->reserved_names.n + m->fields.n))
        return;
    if (index.n && index.items[0]->first < 1)
        mf_check_error(b, file, index.items[0]->at.line,
                       index.items[0]->at.column,
                       "reserved field numbers begin with 1");
    for (mf_draft_name *r = m->reserved_names.first; r; r = r->next) {
        if (mf_set_add(&names, r->name, strlen(r->name), r))
            mf_check_error(b, file, r->at.line, r->at.column,
                           "the name \"%s\" is reserved twice", r->name);
    }
    for (mf_draft_field *d = m->fields.first; d; d = d->next) {
        if (mf_range_has(&index, d->made->number))
            mf_check_error(b, file, d->number_at.line, d->number_at.column,
                           "the field number %u is reserved", d->made->number);
        if (mf_set_add(&names, d->made->name, strlen(d->made->name), d))
            mf_check_error(b, file, d->made->line, d->made->column,
                           "the field name \"%s\" is reserved", d->made->name);
    }
}

static void check_map_key(mf_build *b, mf_draft_file *file,
                          const mf_draft_field *key)
{
    switch (key->made->type) {
    case 0:
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_INT32:
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_BOOL:
    case MAYFLY_TYPE_STRING:
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_SFIXED32:
    case MAYFLY_TYPE_SFIXED64:
    case MAYFLY_TYPE_SINT32:
    case MAYFLY_TYPE_SINT64:
        return;
    default:
        mf_check_error(b, file, key->type_at.line, key->type_at.column,
                       "the key of a map is an integer, a bool or a string");
    }
}

static void check_fields(mf_build *b, mf_draft_file *file,
                         const mf_draft_message *m)
{
    for (mf_draft_field *d = m->fields.first; d; d = d->next) {
        const mf_field *f = d->made;
        mf_check_field_options(b, file, f);
        if (f->enumeration && !file->proto2 &&
            strcmp(f->enumeration->file->syntax, "proto3") != 0)
            mf_check_error(b, file, d->type_at.line, d->type_at.column,
                           "\"%s\" is a proto2 enum; a proto3 message cannot "
                           "hold it",
                           f->enumeration->full_name);
    }
}

static void check_oneofs(mf_build *b, mf_draft_file *file,
                         const mf_draft_message *m)
{
    uint32_t i = 0;
    for (mf_draft_oneof *o = m->oneofs.first; o; o = o->next) {
        if (m->made->oneofs[i++].n_fields == 0)
            mf_check_error(b, file, o->at.line, o->at.column,
                           "the oneof \"%s\" has no fields", o->name);
    }
}

static void check_message(mf_build *b, mf_draft_file *file,
                          const mf_draft_message *m)
{
    const mf_option *o =
        mf_options_find(m->made->options, MF_OPTION_MESSAGE_MAP_ENTRY);
    if (o)
        mf_check_error(b, file, o->line, o->column,
                       "map_entry is not for writing; write a map field");
    o = mf_options_find(m->made->options, MF_OPTION_MESSAGE_SET);
    if (o && o->value.u64 && !file->proto2)
        mf_check_error(b, file, o->line, o->column,
                       "proto3 has no message sets");
    check_numbers(b, file, m);
    check_reserved(b, file, m);
    check_fields(b, file, m);
    if (!file->partial)
        check_oneofs(b, file, m);
    if (m->made->is_map_entry) {
        check_map_key(b, file, m->fields.first);
    } else if (m->fields.n > 1 && !file->proto2) {
        check_json_defaults(b, file, m);
        check_json_names(b, file, m);
    }
}

static bool is_lite(const mf_file *f)
{
    const mf_option *o =
        mf_options_find(f->options, MF_OPTION_FILE_OPTIMIZE_FOR);
    return o && o->value.u64 == 3;
}

static void check_lite(mf_build *b, mf_draft_file *file)
{
    if (is_lite(file->made)) {
        mf_file *f = file->made;
        const mf_option *cc =
            mf_options_find(f->options, MF_OPTION_FILE_CC_SERVICES);
        if (!cc || !cc->value.u64)
            cc = mf_options_find(f->options, MF_OPTION_FILE_JAVA_SERVICES);
        if (f->n_services && cc && cc->value.u64)
            mf_check_error(b, file, cc->line, cc->column,
                           "a LITE_RUNTIME file has no generic services");
        return;
    }
    for (mf_draft_import *i = file->imports.first; i; i = i->next) {
        if (is_lite(i->file->made))
            mf_check_error(b, file, i->at.line, i->at.column,
                           "\"%s\" is optimized for LITE_RUNTIME; this file, "
                           "which imports it, is not",
                           i->name);
    }
}

void mf_check_file(mf_build *b, mf_draft_file *file)
{
    check_lite(b, file);
    for (mf_draft_message *m = file->messages.first; m; m = m->next) {
        check_message(b, file, m);
        for (mf_draft_field *d = m->extensions.first; d; d = d->next)
            mf_check_extension(b, file, d);
    }
    for (mf_draft_enum *e = file->enums.first; e && !file->partial; e = e->next)
        mf_check_enum(b, file, e);
    for (mf_draft_field *d = file->extensions.first; d; d = d->next)
        mf_check_extension(b, file, d);
}
