/*
 * compiler/schema/check_field.c: the rules for a field's options and for
 * extensions.
 *
 * proto3 has extensions for one purpose only: to define custom options.
 */
#include "compiler/schema/check.h"

#include <string.h>

static const mf_option *option_true(const mf_field *f, uint32_t number)
{
    const mf_option *o = mf_options_find(f->options, number);
    return o && o->value.u64 ? o : NULL;
}

static bool is_64_bit_integer(const mf_field *f)
{
    return f->type == MAYFLY_TYPE_INT64 || f->type == MAYFLY_TYPE_UINT64 ||
           f->type == MAYFLY_TYPE_SINT64 || f->type == MAYFLY_TYPE_FIXED64 ||
           f->type == MAYFLY_TYPE_SFIXED64;
}

void mf_check_field_options(mf_build *b, mf_draft_file *file, const mf_field *f)
{
    const mf_option *o;
    if (!f->options || !f->type)
        return;
    if ((o = option_true(f, MF_OPTION_FIELD_PACKED)) &&
        !mf_field_is_packable(f))
        mf_check_error(b, file, o->line, o->column,
                       "only repeated numbers, bools and enums are packed");
    if (((o = option_true(f, MF_OPTION_FIELD_LAZY)) ||
         (o = option_true(f, MF_OPTION_FIELD_UNVERIFIED_LAZY))) &&
        f->type != MAYFLY_TYPE_MESSAGE)
        mf_check_error(b, file, o->line, o->column,
                       "only fields of a message type are lazy");
    if ((o = option_true(f, MF_OPTION_FIELD_JSTYPE)) && !is_64_bit_integer(f))
        mf_check_error(b, file, o->line, o->column,
                       "jstype is for 64-bit integers only");
}

static bool is_options_message(const mf_message *m)
{
    static const char *const names[] = {
        "FileOptions", "MessageOptions",   "FieldOptions",   "OneofOptions",
        "EnumOptions", "EnumValueOptions", "ServiceOptions", "MethodOptions",
    };
    if (strcmp(m->file->package, "google.protobuf") != 0 || m->parent)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(m->name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool has_extension_number(const mf_message *m, uint32_t number)
{
    for (uint32_t i = 0; i < m->n_extension_ranges; i++) {
        if (number >= (uint32_t)m->extension_ranges[i].start &&
            number < (uint32_t)m->extension_ranges[i].end)
            return true;
    }
    return false;
}

/* One number of one message is one extension's, in all of the schema. */
static void check_taken(mf_build *b, mf_draft_file *file,
                        const mf_draft_field *d)
{
    struct {
        const mf_message *extendee;
        uint64_t number;
    } key = {d->made->parent, d->made->number};
    if (!b->extensions)
        b->extensions = mf_map_new(mf_alloc_scratch(b->schema->alloc));
    const mf_field *other =
        b->extensions ? mf_map_get(b->extensions, &key, sizeof key) : NULL;
    if (other)
        mf_check_error(b, file, d->number_at.line, d->number_at.column,
                       "the extension number %u of \"%s\" is taken by \"%s\"",
                       d->made->number, d->made->parent->full_name,
                       other->full_name);
    else if (!b->extensions ||
             mf_map_put(b->extensions, &key, sizeof key, d->made) != 0)
        mf_build_fatal(b, MAYFLY_ENOMEM, "the extensions of the schema");
}

void mf_check_extension(mf_build *b, mf_draft_file *file,
                        const mf_draft_field *d)
{
    const mf_message *extendee = d->made->parent;
    bool numbered = mf_check_number(b, file, d);
    mf_check_field_options(b, file, d->made);
    if (!extendee)
        return;
    if (!is_options_message(extendee))
        mf_check_error(b, file, d->extendee_at.line, d->extendee_at.column,
                       "proto3 extends only the options of descriptor.proto, "
                       "not \"%s\"",
                       extendee->full_name);
    else if (numbered && !has_extension_number(extendee, d->made->number))
        mf_check_error(b, file, d->number_at.line, d->number_at.column,
                       "\"%s\" has no extension number %u", extendee->full_name,
                       d->made->number);
    else if (numbered)
        check_taken(b, file, d);
}
