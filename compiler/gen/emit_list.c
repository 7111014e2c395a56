/*
 * compiler/gen/emit_list.c: a schema as text for people.
 *
 * Close to .proto, with all names in full, so that what is read here can be
 * typed into a command. Map entries are shown as maps. Built-in files are
 * listed only when they were asked for, or by symbol.
 */
#include "compiler/gen/emit.h"

#include "base/error.h"
#include "compiler/gen/layout.h"

#include <inttypes.h>

static const char *field_type(const mf_field *f)
{
    if (f->message && mf_layout_is_message(f->type))
        return f->message->full_name;
    if (f->enumeration)
        return f->enumeration->full_name;
    return mf_layout_type_text(f->type);
}

static void put_field(const mf_field *f, const char *indent, mf_buf *out)
{
    mf_buf_puts(out, indent);
    if (f->is_map)
        mf_buf_printf(out, "map<%s, %s>", field_type(&f->message->fields[0]),
                      field_type(&f->message->fields[1]));
    else
        mf_buf_printf(out, "%s%s",
                      f->label == MF_REPEATED   ? "repeated "
                      : f->label == MF_REQUIRED ? "required "
                      : f->proto3_optional      ? "optional "
                                                : "",
                      field_type(f));
    mf_buf_printf(out, " %s = %" PRIu32 ";\n", f->name, f->number);
}

/* The fields in the order of declaration; a oneof stands where its first member
 * does. */
static void put_message(const mf_message *m, mf_buf *out)
{
    mf_buf_printf(out, "message %s {\n", m->full_name);
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_field *f = &m->fields[i];
        const mf_oneof *oneof = f->oneof;
        if (!oneof || oneof->synthetic) {
            put_field(f, "  ", out);
            continue;
        }
        if (oneof->fields[0] != f)
            continue;
        mf_buf_printf(out, "  oneof %s {\n", oneof->name);
        for (uint32_t j = 0; j < oneof->n_fields; j++)
            put_field(oneof->fields[j], "    ", out);
        mf_buf_puts(out, "  }\n");
    }
    mf_buf_puts(out, "}\n");
}

static void put_enum(const mf_enum *e, mf_buf *out)
{
    mf_buf_printf(out, "enum %s {\n", e->full_name);
    for (uint32_t i = 0; i < e->n_values; i++)
        mf_buf_printf(out, "  %s = %d;\n", e->values[i].name,
                      (int)e->values[i].number);
    mf_buf_puts(out, "}\n");
}

static void put_method(const mf_method *m, const char *name, mf_buf *out)
{
    mf_buf_printf(out, "rpc %s(%s%s) returns (%s%s);\n", name,
                  m->client_streaming ? "stream " : "", m->request->full_name,
                  m->server_streaming ? "stream " : "", m->response->full_name);
}

static void put_service(const mf_service *s, mf_buf *out)
{
    mf_buf_printf(out, "service %s {\n", s->full_name);
    for (uint32_t i = 0; i < s->n_methods; i++) {
        mf_buf_puts(out, "  ");
        put_method(&s->methods[i], s->methods[i].name, out);
    }
    mf_buf_puts(out, "}\n");
}

static bool is_listed(const mf_file *file)
{
    return file->is_root || !file->is_builtin;
}

/* An empty line between one and the next. */
static void put_gap(size_t start, mf_buf *out)
{
    if (out->len > start)
        mf_buf_puts(out, "\n");
}

static void put_all(const mf_schema *schema, mf_buf *out)
{
    size_t start = out->len;

    for (uint32_t i = 0; i < schema->n_files; i++) {
        const mf_file *file = schema->files[i];
        for (uint32_t j = 0; is_listed(file) && j < file->n_services; j++) {
            put_gap(start, out);
            put_service(&file->services[j], out);
        }
    }
    for (uint32_t i = 0; i < schema->n_messages; i++) {
        const mf_message *m = schema->messages[i];
        if (m->is_map_entry || !is_listed(m->file))
            continue;
        put_gap(start, out);
        put_message(m, out);
    }
    for (uint32_t i = 0; i < schema->n_enums; i++) {
        if (!is_listed(schema->enums[i]->file))
            continue;
        put_gap(start, out);
        put_enum(schema->enums[i], out);
    }
}

int mf_emit_list(const mf_schema *schema, const char *symbol, mf_buf *out,
                 mayfly_error *err)
{
    const mf_symbol *found = symbol ? mf_schema_find(schema, symbol) : NULL;

    if (!symbol)
        put_all(schema, out);
    else if (found && found->kind == MF_SYMBOL_SERVICE)
        put_service(found->of, out);
    else if (found && found->kind == MF_SYMBOL_METHOD)
        put_method(found->of, ((const mf_method *)found->of)->full_name, out);
    else if (found && found->kind == MF_SYMBOL_MESSAGE)
        put_message(found->of, out);
    else if (found && found->kind == MF_SYMBOL_ENUM)
        put_enum(found->of, out);
    else
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "the schema has no service, method, message or "
                            "enum called %.200s",
                            symbol);
    return mf_buf_check(out, "the list", err);
}
