/*
 * compiler/gen/emit_tables.c: a header's constant tables, and the typed forms
 * of encode and decode.
 *
 * The tables are what a program tells mayfly about the structs it was compiled
 * with: all offsets and sizes in them are the user's compiler's own. They are
 * initialised by position, bottom up, because C++ has neither designated
 * initialisers nor tentative definitions.
 */
#include "compiler/gen/header.h"

#include "compiler/gen/names.h"

#include <inttypes.h>

static const char *type_name(unsigned type)
{
    static const char *const names[] = {
        [MAYFLY_TYPE_DOUBLE] = "DOUBLE",
        [MAYFLY_TYPE_FLOAT] = "FLOAT",
        [MAYFLY_TYPE_INT64] = "INT64",
        [MAYFLY_TYPE_UINT64] = "UINT64",
        [MAYFLY_TYPE_INT32] = "INT32",
        [MAYFLY_TYPE_FIXED64] = "FIXED64",
        [MAYFLY_TYPE_FIXED32] = "FIXED32",
        [MAYFLY_TYPE_BOOL] = "BOOL",
        [MAYFLY_TYPE_STRING] = "STRING",
        [MAYFLY_TYPE_GROUP] = "GROUP",
        [MAYFLY_TYPE_MESSAGE] = "MESSAGE",
        [MAYFLY_TYPE_BYTES] = "BYTES",
        [MAYFLY_TYPE_UINT32] = "UINT32",
        [MAYFLY_TYPE_ENUM] = "ENUM",
        [MAYFLY_TYPE_SFIXED32] = "SFIXED32",
        [MAYFLY_TYPE_SFIXED64] = "SFIXED64",
        [MAYFLY_TYPE_SINT32] = "SINT32",
        [MAYFLY_TYPE_SINT64] = "SINT64",
    };

    return names[type];
}

static const char *const cardinalities[] = {
    [MAYFLY_SINGULAR] = "MAYFLY_SINGULAR",
    [MAYFLY_REPEATED] = "MAYFLY_REPEATED",
    [MAYFLY_MAP] = "MAYFLY_MAP",
};

static const char *const presences[] = {
    [MAYFLY_IMPLICIT] = "MAYFLY_IMPLICIT",
    [MAYFLY_HASBIT] = "MAYFLY_HASBIT",
    [MAYFLY_ONEOF] = "MAYFLY_ONEOF",
    [MAYFLY_POINTER] = "MAYFLY_POINTER",
};

static const char *const flag_names[] = {
    "0",
    "MAYFLY_FIELD_PACKED",
    "MAYFLY_FIELD_UTF8",
    "MAYFLY_FIELD_PACKED | MAYFLY_FIELD_UTF8",
};

/* The number of the layout that a message is in. */
static uint32_t import_of(const mf_header *h, uint32_t message)
{
    return h->imports[h->file_of[message]].number;
}

static void put_field_row(mf_header *h, const mf_plan_message *m,
                          const mf_plan_field *f)
{
    mf_buf *out = h->out;
    bool message = f->message != MF_NO_MESSAGE;

    mf_buf_printf(out, "    { %" PRIu32 ", (uint32_t)offsetof(%s, %s), ",
                  f->number, m->c_name, f->c_name);
    if (f->presence_kind == MAYFLY_ONEOF)
        mf_buf_printf(out, "(uint32_t)offsetof(%s, %s)", m->c_name,
                      f->case_name);
    else
        mf_buf_printf(out, "%" PRIu32, f->presence);
    mf_buf_printf(out,
                  ", %" PRIu32 ", %" PRIu32 ",\n      MAYFLY_TYPE_%s, %s, %s, "
                  "%s, { 0, 0 }, ",
                  message ? h->index_of[f->message] : 0,
                  message ? import_of(h, f->message) : 0, type_name(f->type),
                  cardinalities[f->cardinality], presences[f->presence_kind],
                  flag_names[f->flags & 3]);
    mf_name_literal(out, f->name);
    mf_buf_puts(out, ", ");
    mf_name_literal(out, f->c_name);
    mf_buf_puts(out, " },\n");
}

static void put_field_tables(mf_header *h)
{
    for (uint32_t i = 0; i < h->plan->n_messages; i++) {
        const mf_plan_message *m = &h->plan->messages[i];
        if (!mf_header_owns(h, m) || !m->n_fields)
            continue;
        mf_buf_printf(h->out,
                      "\nstatic const mayfly_field_layout "
                      "mayfly_fields_%s[%" PRIu32 "] MAYFLY_UNUSED = {\n",
                      m->c_name, m->n_fields);
        for (uint32_t j = 0; j < m->n_fields; j++)
            put_field_row(h, m, &m->fields[j]);
        mf_buf_puts(h->out, "};\n");
    }
}

static void put_message_table(mf_header *h)
{
    mf_buf *out = h->out;

    if (!h->n_messages)
        return;
    mf_buf_printf(out,
                  "\nstatic const mayfly_message_layout "
                  "mayfly_messages_%s[%" PRIu32 "] MAYFLY_UNUSED = {\n",
                  h->ident, h->n_messages);
    for (uint32_t i = 0; i < h->plan->n_messages; i++) {
        const mf_plan_message *m = &h->plan->messages[i];
        if (!mf_header_owns(h, m))
            continue;
        mf_buf_puts(out, "    { ");
        mf_name_literal(out, m->full_name);
        mf_buf_puts(out, ", ");
        mf_name_literal(out, m->c_name);
        mf_buf_printf(out,
                      ", (uint32_t)sizeof(%s),\n      "
                      "(uint32_t)offsetof(%s, " MF_UNKNOWN_MEMBER "), %" PRIu32
                      ", %" PRIu32 ", ",
                      m->c_name, m->c_name, m->has_words, m->n_fields);
        if (m->n_fields)
            mf_buf_printf(out, "mayfly_fields_%s", m->c_name);
        else
            mf_buf_puts(out, "NULL");
        mf_buf_printf(out, ", %d, 0 },\n", m->is_map_entry);
    }
    mf_buf_puts(out, "};\n");
}

static void put_method_row(mf_header *h, const mf_plan_method *m)
{
    mf_buf_puts(h->out, "    { ");
    mf_name_literal(h->out, m->name);
    mf_buf_printf(h->out,
                  ", %" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32
                  ", %d, %d, { 0, 0 } },\n",
                  h->index_of[m->request], h->index_of[m->response],
                  import_of(h, m->request), import_of(h, m->response),
                  m->client_streaming, m->server_streaming);
}

static void put_service_tables(mf_header *h)
{
    mf_buf *out = h->out;

    for (uint32_t i = 0; i < h->plan->n_services; i++) {
        const mf_plan_service *s = &h->plan->services[i];
        if (!mf_header_owns_service(h, s) || !s->n_methods)
            continue;
        mf_buf_printf(out,
                      "\nstatic const mayfly_method_layout "
                      "mayfly_methods_%s[%" PRIu32 "] MAYFLY_UNUSED = {\n",
                      s->c_name, s->n_methods);
        for (uint32_t j = 0; j < s->n_methods; j++)
            put_method_row(h, &s->methods[j]);
        mf_buf_puts(out, "};\n");
    }
    if (!h->n_services)
        return;
    mf_buf_printf(out,
                  "\nstatic const mayfly_service_layout "
                  "mayfly_services_%s[%" PRIu32 "] MAYFLY_UNUSED = {\n",
                  h->ident, h->n_services);
    for (uint32_t i = 0; i < h->plan->n_services; i++) {
        const mf_plan_service *s = &h->plan->services[i];
        if (!mf_header_owns_service(h, s))
            continue;
        mf_buf_puts(out, "    { ");
        mf_name_literal(out, s->full_name);
        mf_buf_printf(out, ", %" PRIu32 ", 0, ", s->n_methods);
        if (s->n_methods)
            mf_buf_printf(out, "mayfly_methods_%s },\n", s->c_name);
        else
            mf_buf_puts(out, "NULL },\n");
    }
    mf_buf_puts(out, "};\n");
}

static void put_import_table(mf_header *h)
{
    mf_buf *out = h->out;

    if (!h->n_imports)
        return;
    mf_buf_printf(out,
                  "\nstatic const mayfly_layout *const "
                  "mayfly_imports_%s[%" PRIu32 "] MAYFLY_UNUSED = {\n",
                  h->ident, h->n_imports);
    for (uint32_t number = 1; number <= h->n_imports; number++) {
        for (uint32_t i = 0; i < h->n_files; i++) {
            if (h->imports[i].number != number)
                continue;
            mf_buf_puts(out, "    &mayfly_layout_");
            mf_name_file(out, h->imports[i].file->name);
            mf_buf_puts(out, ",\n");
        }
    }
    mf_buf_puts(out, "};\n");
}

/* "mayfly_messages_greeter", or NULL for an empty table. */
static void put_table_name(mf_header *h, const char *name, uint32_t n)
{
    if (n)
        mf_buf_printf(h->out, "    mayfly_%s_%s,\n", name, h->ident);
    else
        mf_buf_puts(h->out, "    NULL,\n");
}

void mf_header_put_tables(mf_header *h)
{
    mf_buf *out = h->out;

    put_field_tables(h);
    put_message_table(h);
    put_service_tables(h);
    put_import_table(h);
    mf_buf_printf(out,
                  "\nstatic const mayfly_layout mayfly_layout_%s "
                  "MAYFLY_UNUSED = {\n    %u, %" PRIu32 ", %" PRIu32
                  ", %" PRIu32 ",\n    ",
                  h->ident, MAYFLY_LAYOUT_ABI, h->n_messages, h->n_services,
                  h->n_imports);
    mf_name_literal(out, h->file->name);
    mf_buf_puts(out, ",\n");
    put_table_name(h, "messages", h->n_messages);
    put_table_name(h, "services", h->n_services);
    put_table_name(h, "imports", h->n_imports);
    mf_buf_puts(out, "};\n");
}

void mf_header_put_codec(mf_header *h, const mf_plan_message *m)
{
    const char *name = m->c_name;
    uint32_t index = h->index_of[m->index];

    if (m->is_map_entry)
        return;
    mf_buf_printf(
        h->out,
        "\nstatic inline int %s_encode(\n"
        "    mayfly_context *context, const %s *m, mayfly_arena *arena,\n"
        "    mayfly_bytes *ret_wire, mayfly_error *err)\n"
        "{\n"
        "    return mayfly_encode(context, &mayfly_layout_%s, %" PRIu32
        ", m, arena,\n"
        "                         ret_wire, err);\n"
        "}\n",
        name, name, h->ident, index);
    mf_buf_printf(
        h->out,
        "\nstatic inline int %s_decode(\n"
        "    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,\n"
        "    %s **ret_message, mayfly_error *err)\n"
        "{\n"
        "    void *message = NULL;\n"
        "    int code = mayfly_decode(context, &mayfly_layout_%s, %" PRIu32
        ", wire,\n"
        "                             arena, &message, err);\n"
        "\n"
        "    if (code == 0)\n"
        "        *ret_message = (%s *)message;\n"
        "    return code;\n"
        "}\n",
        name, name, h->ident, index, name);
}
