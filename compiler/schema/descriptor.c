/*
 * compiler/schema/descriptor.c: a schema as a FileDescriptorSet.
 *
 * Writes what protoc writes with --include_imports --descriptor_set_out: files
 * in the schema's order, json_name always, synthetic oneofs last, `syntax` only
 * for proto3. Fields go out in the order of their numbers. The numbers are
 * those of google/protobuf/descriptor.proto; each function names the message it
 * writes.
 * Depth is that of the schema, which the parser has bounded.
 */
#include "compiler/schema/options.h"
#include "compiler/schema/schema.h"
#include "compiler/schema/wire.h"

#include <string.h>

/* "." and a full name */
static void put_type_name(mf_buf *out, uint32_t number, const char *full_name)
{
    mf_wire_tag(out, number, MF_WIRE_BYTES);
    mf_wire_varint(out, strlen(full_name) + 1);
    mf_buf_put_byte(out, '.');
    mf_buf_puts(out, full_name);
}

/* UninterpretedOption */
static void put_uninterpreted(mf_buf *out, const mf_option *o)
{
    uint64_t bits;
    for (uint32_t i = 0; i < o->n_parts; i++) {
        size_t part = mf_wire_begin(out, 2);
        mf_wire_text(out, 1, o->parts[i].name);
        mf_wire_int(out, 2, o->parts[i].is_extension);
        mf_wire_end(out, part);
    }
    switch ((enum mf_option_kind)o->kind) {
    case MF_OPTION_IDENT:
        mf_wire_bytes(out, 3, o->text.ptr, o->text.len);
        break;
    case MF_OPTION_UINT:
        mf_wire_int(out, 4, o->value.i64);
        break;
    case MF_OPTION_NEGATIVE:
        mf_wire_int(out, 5, o->value.i64);
        break;
    case MF_OPTION_DOUBLE:
        memcpy(&bits, &o->value.f64, sizeof bits);
        mf_wire_tag(out, 6, MF_WIRE_64);
        mf_wire_fixed(out, bits, 8);
        break;
    case MF_OPTION_STRING:
        mf_wire_bytes(out, 7, o->text.ptr, o->text.len);
        break;
    case MF_OPTION_AGGREGATE:
        mf_wire_bytes(out, 8, o->text.ptr, o->text.len);
        break;
    }
}

/* FileOptions, MessageOptions, ...; `number` is the field that holds them. */
static void put_options(mf_buf *out, uint32_t number, const mf_options *options,
                        bool map_entry)
{
    if (!options && !map_entry)
        return;
    size_t start = mf_wire_begin(out, number);
    uint32_t last = 0;
    for (;;) { /* known ones by number */
        const mf_option *next = NULL;
        for (const mf_option *o = options ? options->first : NULL; o;
             o = o->next) {
            if (o->number > last && (!next || o->number < next->number))
                next = o;
        }
        if (!next)
            break;
        last = next->number;
        if (next->type == MAYFLY_TYPE_STRING)
            mf_wire_bytes(out, last, next->text.ptr, next->text.len);
        else
            mf_wire_int(out, last, next->value.i64);
    }
    if (map_entry)
        mf_wire_int(out, MF_OPTION_MESSAGE_MAP_ENTRY, 1);
    for (const mf_option *o = options ? options->first : NULL; o; o = o->next) {
        if (o->wire.ptr)
            mf_buf_put(out, o->wire.ptr, o->wire.len);
        if (o->number || o->wire.ptr)
            continue;
        size_t one = mf_wire_begin(out, 999);
        put_uninterpreted(out, o);
        mf_wire_end(out, one);
    }
    mf_wire_end(out, start);
}

/* FieldDescriptorProto */
static void put_field(mf_buf *out, uint32_t number, const mf_field *f)
{
    size_t start = mf_wire_begin(out, number);
    mf_wire_text(out, 1, f->name);
    if (f->is_extension)
        put_type_name(out, 2, f->parent->full_name);
    mf_wire_int(out, 3, f->number);
    mf_wire_int(out, 4, f->label);
    mf_wire_int(out, 5, f->type);
    if (f->message)
        put_type_name(out, 6, f->message->full_name);
    if (f->enumeration)
        put_type_name(out, 6, f->enumeration->full_name);
    if (f->default_value)
        mf_wire_text(out, 7, f->default_value);
    put_options(out, 8, f->options, false);
    if (f->oneof)
        mf_wire_int(out, 9, f->oneof - f->parent->oneofs);
    mf_wire_text(out, 10, f->json_name);
    if (f->proto3_optional)
        mf_wire_int(out, 17, 1);
    mf_wire_end(out, start);
}

/* EnumDescriptorProto */
static void put_enum(mf_buf *out, uint32_t number, const mf_enum *e)
{
    size_t start = mf_wire_begin(out, number);
    mf_wire_text(out, 1, e->name);
    for (uint32_t i = 0; i < e->n_values; i++) {
        size_t value = mf_wire_begin(out, 2);
        mf_wire_text(out, 1, e->values[i].name);
        mf_wire_int(out, 2, e->values[i].number);
        put_options(out, 3, e->values[i].options, false);
        mf_wire_end(out, value);
    }
    put_options(out, 3, e->options, false);
    for (uint32_t i = 0; i < e->n_reserved_ranges; i++) {
        size_t range = mf_wire_begin(out, 4);
        mf_wire_int(out, 1, e->reserved_ranges[i].start);
        mf_wire_int(out, 2, e->reserved_ranges[i].end);
        mf_wire_end(out, range);
    }
    for (uint32_t i = 0; i < e->n_reserved_names; i++)
        mf_wire_text(out, 5, e->reserved_names[i]);
    mf_wire_end(out, start);
}

static void put_ranges(mf_buf *out, uint32_t number, const mf_range *ranges,
                       uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        size_t range = mf_wire_begin(out, number);
        mf_wire_int(out, 1, ranges[i].start);
        mf_wire_int(out, 2, ranges[i].end);
        mf_wire_end(out, range);
    }
}

/* DescriptorProto */
static void put_message(mf_buf *out, uint32_t number, const mf_message *m)
{
    size_t start = mf_wire_begin(out, number);
    mf_wire_text(out, 1, m->name);
    for (uint32_t i = 0; i < m->n_fields; i++)
        put_field(out, 2, &m->fields[i]);
    for (uint32_t i = 0; i < m->n_messages; i++)
        put_message(out, 3, m->messages[i]);
    for (uint32_t i = 0; i < m->n_enums; i++)
        put_enum(out, 4, m->enums[i]);
    put_ranges(out, 5, m->extension_ranges, m->n_extension_ranges);
    for (uint32_t i = 0; i < m->n_extensions; i++)
        put_field(out, 6, &m->extensions[i]);
    put_options(out, 7, m->options, m->is_map_entry);
    for (uint32_t i = 0; i < m->n_oneofs; i++) {
        size_t oneof = mf_wire_begin(out, 8);
        mf_wire_text(out, 1, m->oneofs[i].name);
        put_options(out, 2, m->oneofs[i].options, false);
        mf_wire_end(out, oneof);
    }
    put_ranges(out, 9, m->reserved_ranges, m->n_reserved_ranges);
    for (uint32_t i = 0; i < m->n_reserved_names; i++)
        mf_wire_text(out, 10, m->reserved_names[i]);
    mf_wire_end(out, start);
}

/* ServiceDescriptorProto */
static void put_service(mf_buf *out, uint32_t number, const mf_service *s)
{
    size_t start = mf_wire_begin(out, number);
    mf_wire_text(out, 1, s->name);
    for (uint32_t i = 0; i < s->n_methods; i++) {
        const mf_method *m = &s->methods[i];
        size_t method = mf_wire_begin(out, 2);
        mf_wire_text(out, 1, m->name);
        put_type_name(out, 2, m->request->full_name);
        put_type_name(out, 3, m->response->full_name);
        put_options(out, 4, m->options, false);
        if (m->client_streaming)
            mf_wire_int(out, 5, 1);
        if (m->server_streaming)
            mf_wire_int(out, 6, 1);
        mf_wire_end(out, method);
    }
    put_options(out, 3, s->options, false);
    mf_wire_end(out, start);
}

/* FileDescriptorProto */
static void put_file(mf_buf *out, uint32_t number, const mf_file *f)
{
    size_t start = mf_wire_begin(out, number);
    mf_wire_text(out, 1, f->name);
    if (f->package[0])
        mf_wire_text(out, 2, f->package);
    for (uint32_t i = 0; i < f->n_imports; i++)
        mf_wire_text(out, 3, f->imports[i]->name);
    for (uint32_t i = 0; i < f->n_messages; i++)
        put_message(out, 4, f->messages[i]);
    for (uint32_t i = 0; i < f->n_enums; i++)
        put_enum(out, 5, f->enums[i]);
    for (uint32_t i = 0; i < f->n_services; i++)
        put_service(out, 6, &f->services[i]);
    for (uint32_t i = 0; i < f->n_extensions; i++)
        put_field(out, 7, &f->extensions[i]);
    put_options(out, 8, f->options, false);
    for (uint32_t i = 0; i < f->n_imports; i++) {
        if (f->import_kinds[i] == MF_IMPORT_PUBLIC)
            mf_wire_int(out, 10, i);
    }
    for (uint32_t i = 0; i < f->n_imports; i++) {
        if (f->import_kinds[i] == MF_IMPORT_WEAK)
            mf_wire_int(out, 11, i);
    }
    if (strcmp(f->syntax, "proto2") != 0)
        mf_wire_text(out, 12, f->syntax);
    mf_wire_end(out, start);
}

int mf_schema_to_descriptor_set(const mf_schema *schema, mf_buf *out,
                                mayfly_error *err)
{
    for (uint32_t i = 0; i < schema->n_files; i++)
        put_file(out, 1, schema->files[i]);
    return mf_buf_check(out, "the descriptor set", err);
}
