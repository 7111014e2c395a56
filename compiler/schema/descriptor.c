/*
 * compiler/schema/descriptor.c: a schema as a FileDescriptorSet.
 *
 * Writes what protoc writes with --include_imports --descriptor_set_out: files
 * in the schema's order, json_name always, synthetic oneofs last, `syntax` only
 * for proto3. Fields go out in the order of their numbers. The numbers are
 * those of google/protobuf/descriptor.proto; each function names the message it
 * writes.
 *
 * A nested message's length is known only after it is written: its bytes are
 * then moved to make room for the length. Depth is that of the schema, which
 * the parser has bounded.
 */
#include "compiler/schema/options.h"
#include "compiler/schema/schema.h"

#include <math.h>
#include <string.h>

static size_t varint_size(uint64_t value)
{
    size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

static void put_varint(mf_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        mf_buf_put_byte(out, (unsigned)(value & 0x7f) | 0x80);
    mf_buf_put_byte(out, (unsigned)value);
}

static void put_int(mf_buf *out, uint32_t number, int64_t value)
{
    put_varint(out, (uint64_t)number << 3);
    put_varint(out, (uint64_t)value);
}

static void put_bytes(mf_buf *out, uint32_t number, const void *bytes,
                      size_t len)
{
    put_varint(out, (uint64_t)number << 3 | 2);
    put_varint(out, len);
    mf_buf_put(out, bytes, len);
}

static void put_text(mf_buf *out, uint32_t number, const char *text)
{
    put_bytes(out, number, text, strlen(text));
}

/* Begins a nested message; what it returns goes to end(). */
static size_t begin(mf_buf *out, uint32_t number)
{
    put_varint(out, (uint64_t)number << 3 | 2);
    return out->len;
}

static void end(mf_buf *out, size_t start)
{
    size_t len = out->len - start;
    size_t n = varint_size(len);
    if (out->failed || !mf_buf_room(out, n))
        return;
    memmove(out->ptr + start + n, out->ptr + start, len);
    out->len = start;
    put_varint(out, len);
    out->len += len;
}

/* "." and a full name */
static void put_type_name(mf_buf *out, uint32_t number, const char *full_name)
{
    put_varint(out, (uint64_t)number << 3 | 2);
    put_varint(out, strlen(full_name) + 1);
    mf_buf_put_byte(out, '.');
    mf_buf_puts(out, full_name);
}

/* UninterpretedOption */
static void put_uninterpreted(mf_buf *out, const mf_option *o)
{
    uint64_t bits;
    for (uint32_t i = 0; i < o->n_parts; i++) {
        size_t part = begin(out, 2);
        put_text(out, 1, o->parts[i].name);
        put_int(out, 2, o->parts[i].is_extension);
        end(out, part);
    }
    switch ((enum mf_option_kind)o->kind) {
    case MF_OPTION_IDENT:
        put_bytes(out, 3, o->text.ptr, o->text.len);
        break;
    case MF_OPTION_UINT:
        put_int(out, 4, o->value.i64);
        break;
    case MF_OPTION_NEGATIVE:
        put_int(out, 5, o->value.i64);
        break;
    case MF_OPTION_DOUBLE:
        memcpy(&bits, &o->value.f64, sizeof bits);
        put_varint(out, 6 << 3 | 1);
        for (int i = 0; i < 8; i++, bits >>= 8)
            mf_buf_put_byte(out, (unsigned)(bits & 0xff));
        break;
    case MF_OPTION_STRING:
        put_bytes(out, 7, o->text.ptr, o->text.len);
        break;
    case MF_OPTION_AGGREGATE:
        put_bytes(out, 8, o->text.ptr, o->text.len);
        break;
    }
}

/* FileOptions, MessageOptions, ...; `number` is the field that holds them. */
static void put_options(mf_buf *out, uint32_t number, const mf_options *options,
                        bool map_entry)
{
    if (!options && !map_entry)
        return;
    size_t start = begin(out, number);
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
            put_bytes(out, last, next->text.ptr, next->text.len);
        else
            put_int(out, last, next->value.i64);
    }
    if (map_entry)
        put_int(out, MF_OPTION_MESSAGE_MAP_ENTRY, 1);
    for (const mf_option *o = options ? options->first : NULL; o; o = o->next) {
        if (o->number)
            continue;
        size_t one = begin(out, 999);
        put_uninterpreted(out, o);
        end(out, one);
    }
    end(out, start);
}

/* FieldDescriptorProto */
static void put_field(mf_buf *out, uint32_t number, const mf_field *f)
{
    size_t start = begin(out, number);
    put_text(out, 1, f->name);
    if (f->is_extension)
        put_type_name(out, 2, f->parent->full_name);
    put_int(out, 3, f->number);
    put_int(out, 4, f->label);
    put_int(out, 5, f->type);
    if (f->message)
        put_type_name(out, 6, f->message->full_name);
    if (f->enumeration)
        put_type_name(out, 6, f->enumeration->full_name);
    if (f->default_value)
        put_text(out, 7, f->default_value);
    put_options(out, 8, f->options, false);
    if (f->oneof)
        put_int(out, 9, f->oneof - f->parent->oneofs);
    put_text(out, 10, f->json_name);
    if (f->proto3_optional)
        put_int(out, 17, 1);
    end(out, start);
}

/* EnumDescriptorProto */
static void put_enum(mf_buf *out, uint32_t number, const mf_enum *e)
{
    size_t start = begin(out, number);
    put_text(out, 1, e->name);
    for (uint32_t i = 0; i < e->n_values; i++) {
        size_t value = begin(out, 2);
        put_text(out, 1, e->values[i].name);
        put_int(out, 2, e->values[i].number);
        put_options(out, 3, e->values[i].options, false);
        end(out, value);
    }
    put_options(out, 3, e->options, false);
    for (uint32_t i = 0; i < e->n_reserved_ranges; i++) {
        size_t range = begin(out, 4);
        put_int(out, 1, e->reserved_ranges[i].start);
        put_int(out, 2, e->reserved_ranges[i].end);
        end(out, range);
    }
    for (uint32_t i = 0; i < e->n_reserved_names; i++)
        put_text(out, 5, e->reserved_names[i]);
    end(out, start);
}

static void put_ranges(mf_buf *out, uint32_t number, const mf_range *ranges,
                       uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        size_t range = begin(out, number);
        put_int(out, 1, ranges[i].start);
        put_int(out, 2, ranges[i].end);
        end(out, range);
    }
}

/* DescriptorProto */
static void put_message(mf_buf *out, uint32_t number, const mf_message *m)
{
    size_t start = begin(out, number);
    put_text(out, 1, m->name);
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
        size_t oneof = begin(out, 8);
        put_text(out, 1, m->oneofs[i].name);
        put_options(out, 2, m->oneofs[i].options, false);
        end(out, oneof);
    }
    put_ranges(out, 9, m->reserved_ranges, m->n_reserved_ranges);
    for (uint32_t i = 0; i < m->n_reserved_names; i++)
        put_text(out, 10, m->reserved_names[i]);
    end(out, start);
}

/* ServiceDescriptorProto */
static void put_service(mf_buf *out, uint32_t number, const mf_service *s)
{
    size_t start = begin(out, number);
    put_text(out, 1, s->name);
    for (uint32_t i = 0; i < s->n_methods; i++) {
        const mf_method *m = &s->methods[i];
        size_t method = begin(out, 2);
        put_text(out, 1, m->name);
        put_type_name(out, 2, m->request->full_name);
        put_type_name(out, 3, m->response->full_name);
        put_options(out, 4, m->options, false);
        if (m->client_streaming)
            put_int(out, 5, 1);
        if (m->server_streaming)
            put_int(out, 6, 1);
        end(out, method);
    }
    put_options(out, 3, s->options, false);
    end(out, start);
}

/* FileDescriptorProto */
static void put_file(mf_buf *out, uint32_t number, const mf_file *f)
{
    size_t start = begin(out, number);
    put_text(out, 1, f->name);
    if (f->package[0])
        put_text(out, 2, f->package);
    for (uint32_t i = 0; i < f->n_imports; i++)
        put_text(out, 3, f->imports[i]->name);
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
            put_int(out, 10, i);
    }
    for (uint32_t i = 0; i < f->n_imports; i++) {
        if (f->import_kinds[i] == MF_IMPORT_WEAK)
            put_int(out, 11, i);
    }
    if (strcmp(f->syntax, "proto2") != 0)
        put_text(out, 12, f->syntax);
    end(out, start);
}

int mf_schema_to_descriptor_set(const mf_schema *schema, mf_buf *out,
                                mayfly_error *err)
{
    for (uint32_t i = 0; i < schema->n_files; i++)
        put_file(out, 1, schema->files[i]);
    return mf_buf_check(out, "the descriptor set", err);
}
