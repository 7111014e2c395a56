/*
 * compiler/gen/bind.c: the plan of a header's structs against a loaded schema.
 *
 * A header was made from some version of a schema; the schema that is loaded
 * may be another one. The bound plan has the header's messages, fields and
 * places, and beside each field the schema's field of that number, if it has
 * one. What follows from that is written in mayfly/layout.h.
 *
 * First all messages that the header's service reaches are collected, checked,
 * and made into a plan as they are. Then header messages are paired with schema
 * messages, from the methods' requests and replies on: a field that both have
 * must agree, and where it is a message its two types are a further pair. One
 * header message may meet several schema messages; each pair is looked at once.
 * A message keeps the descriptor that it met first.
 *
 * Nothing here recurses; the number of pairs is bounded.
 */
#include "compiler/gen/bind.h"

#include "base/error.h"
#include "compiler/gen/layout.h"
#include "compiler/gen/names.h"

#include <inttypes.h>
#include <string.h>

enum { PAIRS_MAX = 1 << 20, MESSAGES_MAX = 1 << 20 };

/* A message of the header's layouts. */
typedef struct source {
    const mayfly_layout *layout;
    uintptr_t index;
} source;

/* A message of the plan and one of the schema that must agree. */
typedef struct pair {
    uint32_t message; /* of the plan */
    uint32_t schema_message;
} pair;

typedef struct binder {
    mf_plan *plan;
    mf_schema *schema;
    mf_map *known;   /* source -> plan index + 1 */
    mf_map *c_names; /* C names of the messages, which must differ */
    mf_map *paired;  /* pair -> not NULL */
    mf_buf sources;  /* source[], by plan index */
    mf_buf pairs;    /* pair[], a queue */
    mayfly_error *err;
} binder;

static int nomem(binder *b)
{
    return mf_error_nomem(b->err, "binding a header");
}

static source source_at(const binder *b, size_t i)
{
    source s;

    memcpy(&s, b->sources.ptr + i * sizeof s, sizeof s);
    return s;
}

static const mayfly_message_layout *table_of(source s)
{
    return &s.layout->messages[s.index];
}

/* The plan index of a header's message; it is added when it is new. */
static int reach(binder *b, const mayfly_layout *layout, uint32_t import,
                 uint32_t index, uint32_t *ret)
{
    source s = {layout, index};
    const char *c_name;
    uintptr_t number;
    int code;

    if (import > layout->n_imports)
        return mf_error_set(b->err, MAYFLY_EINVAL,
                            "a layout refers to an import that it lacks");
    if (import) {
        s.layout = layout->imports[import - 1];
        code = mf_bind_check_layout(s.layout, b->err);
        if (code)
            return code;
    }
    if (index >= s.layout->n_messages)
        return mf_error_set(b->err, MAYFLY_EINVAL,
                            "a layout refers to a message that it lacks");
    number = (uintptr_t)mf_map_get(b->known, &s, sizeof s);
    if (!number) {
        code = mf_bind_check_message(table_of(s), b->err);
        if (code)
            return code;
        c_name = table_of(s)->c_name;
        if (mf_map_get_str(b->c_names, c_name))
            return mf_error_set(b->err, MAYFLY_EINVAL,
                                "two layouts are called %s", c_name);
        number = b->sources.len / sizeof s + 1;
        if (number > MESSAGES_MAX)
            return mf_error_set(b->err, MAYFLY_ELIMIT, "too many messages");
        mf_buf_put(&b->sources, &s, sizeof s);
        if (b->sources.failed || mf_map_put_str(b->c_names, c_name, b) ||
            mf_map_put(b->known, &s, sizeof s, (void *)number))
            return nomem(b);
    }
    *ret = (uint32_t)number - 1;
    return 0;
}

/* Everything that the messages known so far refer to. */
static int reach_rest(binder *b)
{
    uint32_t index;
    int code = 0;

    for (size_t i = 0; !code && i < b->sources.len / sizeof(source); i++) {
        source s = source_at(b, i);
        const mayfly_message_layout *m = table_of(s);
        for (uint32_t j = 0; !code && j < m->n_fields; j++) {
            const mayfly_field_layout *f = &m->fields[j];
            if (mf_layout_is_message(f->type))
                code = reach(b, s.layout, f->import, f->message, &index);
        }
    }
    return code;
}

static int fill_field(binder *b, source s, const mayfly_field_layout *f,
                      mf_plan_field *out)
{
    int code;

    out->number = f->number;
    out->offset = f->offset;
    out->presence = f->presence;
    out->message = MF_NO_MESSAGE;
    out->type = f->type;
    out->cardinality = f->cardinality;
    out->presence_kind = f->presence_kind;
    out->flags = f->flags;
    out->name = f->name;
    out->c_name = f->c_name;
    if (f->presence_kind == MAYFLY_ONEOF) {
        out->case_name = mf_arena_printf(&b->plan->arena,
                                         "mayfly_case_%" PRIu32, f->presence);
        if (!out->case_name)
            return nomem(b);
    }
    if (!mf_layout_is_message(f->type))
        return 0;
    code = reach(b, s.layout, f->import, f->message, &out->message);
    if (code || f->cardinality != MAYFLY_MAP)
        return code;
    if (!table_of(source_at(b, out->message))->is_map_entry)
        return mf_error_set(b->err, MAYFLY_EINVAL,
                            "the layout of a map is not one of its entries");
    return 0;
}

static int fill_message(binder *b, uint32_t index)
{
    source s = source_at(b, index);
    const mayfly_message_layout *table = table_of(s);
    mf_plan_message *m = &b->plan->messages[index];
    mayfly_arena scratch;
    mf_members members;
    int code = 0;

    m->full_name = table->full_name;
    m->c_name = table->c_name;
    m->index = index;
    m->size = table->size;
    m->unknown = table->unknown;
    m->has_words = table->has_words;
    m->n_fields = table->n_fields;
    m->is_map_entry = table->is_map_entry != 0;
    m->fields = mf_arena_alloc(&b->plan->arena,
                               (table->n_fields + 1) * sizeof *m->fields);
    if (!m->fields || mf_map_put_str(b->plan->names, m->full_name, m))
        return nomem(b);
    for (uint32_t i = 0; !code && i < m->n_fields; i++)
        code = fill_field(b, s, &table->fields[i], &m->fields[i]);
    if (code)
        return code;
    mf_arena_init(&scratch, b->plan->arena.alloc, 0, 0);
    code = mf_layout_members(m, &scratch, &members, b->err);
    mf_arena_done(&scratch);
    return code;
}

static int fill_messages(binder *b)
{
    uint32_t n = (uint32_t)(b->sources.len / sizeof(source));
    int code = 0;

    b->plan->messages =
        mf_arena_alloc(&b->plan->arena, (n + 1) * sizeof(mf_plan_message));
    if (!b->plan->messages)
        return nomem(b);
    b->plan->n_messages = n;
    for (uint32_t i = 0; !code && i < n; i++)
        code = fill_message(b, i);
    return code;
}

static int add_pair(binder *b, uint32_t message,
                    const mf_message *schema_message)
{
    pair p = {message, schema_message->index};

    if (mf_map_get(b->paired, &p, sizeof p))
        return 0;
    if (b->pairs.len / sizeof p >= PAIRS_MAX)
        return mf_error_set(b->err, MAYFLY_ELIMIT,
                            "too many messages to compare");
    mf_buf_put(&b->pairs, &p, sizeof p);
    if (b->pairs.failed || mf_map_put(b->paired, &p, sizeof p, b))
        return nomem(b);
    return 0;
}

static int compare_pair(binder *b, pair p)
{
    mf_plan_message *m = &b->plan->messages[p.message];
    const mf_message *schema_message = b->schema->messages[p.schema_message];
    bool first = !m->descriptor;
    int code = 0;

    if (first)
        m->descriptor = schema_message;
    for (uint32_t i = 0; !code && i < m->n_fields; i++) {
        mf_plan_field *f = &m->fields[i];
        const mf_field *d = mf_message_field(schema_message, f->number);
        if (!d)
            continue;
        code = mf_bind_check_field(m, f, d, b->err);
        if (!code && f->message != MF_NO_MESSAGE)
            code = add_pair(b, f->message, d->message);
        if (!first)
            continue;
        f->descriptor = d;
        if (f->cardinality != MAYFLY_SINGULAR && d->label == MF_REPEATED)
            f->flags = (uint8_t)((f->flags & ~MAYFLY_FIELD_PACKED) |
                                 (d->packed ? MAYFLY_FIELD_PACKED : 0));
    }
    return code;
}

static int compare_pairs(binder *b)
{
    int code = 0;

    for (size_t i = 0; !code && i < b->pairs.len / sizeof(pair); i++) {
        pair p;
        memcpy(&p, b->pairs.ptr + i * sizeof p, sizeof p);
        code = compare_pair(b, p);
    }
    return code;
}

static const mf_method *find_method(const mf_service *s, const char *name)
{
    for (uint32_t i = 0; i < s->n_methods; i++) {
        if (strcmp(s->methods[i].name, name) == 0)
            return &s->methods[i];
    }
    return NULL;
}

static const char *streaming_text(bool client, bool server)
{
    if (client)
        return server ? "streams both ways" : "a client's stream";
    return server ? "a server's stream" : "unary";
}

/* A method by itself, before its messages are compared. */
static int fill_method(binder *b, const mayfly_layout *layout,
                       const mf_plan_service *s,
                       const mayfly_method_layout *table, mf_plan_method *m)
{
    mayfly_arena *arena = &b->plan->arena;
    bool client = table->client_streaming != 0;
    bool server = table->server_streaming != 0;
    int code;

    if (!table->name || !mf_name_valid(table->name))
        return mf_error_set(b->err, MAYFLY_EINVAL,
                            "a method's name is not an identifier");
    m->name = table->name;
    m->path = mf_arena_printf(arena, "/%s/%s", s->full_name, m->name);
    m->c_name = mf_arena_printf(arena, "%s_%s", s->c_name, m->name);
    m->handler_name = mf_arena_printf(arena, "%s_on_%s", s->c_name, m->name);
    if (!m->path || !m->c_name || !m->handler_name)
        return nomem(b);
    m->client_streaming = client;
    m->server_streaming = server;
    m->descriptor = find_method(s->descriptor, m->name);
    if (m->descriptor && (m->descriptor->client_streaming != client ||
                          m->descriptor->server_streaming != server))
        return mf_error_set(b->err, MAYFLY_EINCOMPATIBLE,
                            "%s.%s: header has %s, schema has %s", s->full_name,
                            m->name, streaming_text(client, server),
                            streaming_text(m->descriptor->client_streaming,
                                           m->descriptor->server_streaming));
    code = reach(b, layout, table->request_import, table->request, &m->request);
    if (code)
        return code;
    return reach(b, layout, table->response_import, table->response,
                 &m->response);
}

static int fill_service(binder *b, const mayfly_layout *layout,
                        const mayfly_service_layout *table)
{
    mf_plan_service *s =
        mf_arena_alloc(&b->plan->arena, sizeof *b->plan->services);
    const mf_service *d;
    char *c_name;
    int code = 0;

    if (!table->full_name || !mf_name_full_valid(table->full_name) ||
        (table->n_methods && !table->methods))
        return mf_error_set(b->err, MAYFLY_EINVAL,
                            "the layout of a service lacks its parts");
    d = mf_schema_service(b->schema, table->full_name);
    if (!d)
        return mf_error_set(b->err, MAYFLY_ENOTFOUND,
                            "the schema has no service %s", table->full_name);
    c_name = mf_arena_strdup(&b->plan->arena, table->full_name);
    if (!s || !c_name)
        return nomem(b);
    for (char *c = c_name; *c; c++) {
        if (*c == '.')
            *c = '_';
    }
    s->full_name = table->full_name;
    s->c_name = c_name;
    s->descriptor = d;
    s->n_methods = table->n_methods;
    s->methods = mf_arena_alloc(&b->plan->arena,
                                (s->n_methods + 1) * sizeof *s->methods);
    if (!s->methods)
        return nomem(b);
    for (uint32_t i = 0; !code && i < s->n_methods; i++)
        code = fill_method(b, layout, s, &table->methods[i], &s->methods[i]);
    b->plan->services = s;
    b->plan->n_services = 1;
    return code;
}

/* The pairs to start from. */
static int pair_methods(binder *b)
{
    const mf_plan_service *s = b->plan->services;
    int code = 0;

    for (uint32_t i = 0; !code && i < s->n_methods; i++) {
        const mf_plan_method *m = &s->methods[i];
        if (!m->descriptor)
            continue;
        code = add_pair(b, m->request, m->descriptor->request);
        if (!code)
            code = add_pair(b, m->response, m->descriptor->response);
    }
    return code;
}

static int bind_message(binder *b, const mayfly_layout *layout,
                        uint32_t message)
{
    const mf_message *d;
    uint32_t index;
    int code = reach(b, layout, 0, message, &index);

    if (!code)
        code = reach_rest(b);
    if (!code)
        code = fill_messages(b);
    if (code)
        return code;
    d = mf_schema_message(b->schema, b->plan->messages[index].full_name);
    if (!d)
        return mf_error_set(b->err, MAYFLY_ENOTFOUND,
                            "the schema has no message %s",
                            b->plan->messages[index].full_name);
    return add_pair(b, index, d);
}

static int bind_service(binder *b, const mayfly_layout *layout,
                        uint32_t service)
{
    int code;

    if (service >= layout->n_services)
        return mf_error_set(b->err, MAYFLY_EINVAL,
                            "the layout has no service number %" PRIu32,
                            service);
    code = fill_service(b, layout, &layout->services[service]);
    if (!code)
        code = reach_rest(b);
    if (!code)
        code = fill_messages(b);
    return code ? code : pair_methods(b);
}

int mf_plan_bind(mf_alloc *alloc, mf_schema *schema,
                 const mayfly_layout *layout, uint32_t service,
                 uint32_t message, mf_plan **ret_plan, mayfly_error *err)
{
    binder b = {.schema = schema, .err = err};
    int code = mf_bind_check_layout(layout, err);

    if (!code)
        code = mf_plan_new(alloc, schema, &b.plan, err);
    if (code)
        return code;
    b.known = mf_map_new(alloc);
    b.c_names = mf_map_new(alloc);
    b.paired = mf_map_new(alloc);
    mf_buf_init(&b.sources, alloc, 0);
    mf_buf_init(&b.pairs, alloc, 0);
    if (!b.known || !b.c_names || !b.paired)
        code = nomem(&b);
    else if (service == MF_NO_MESSAGE)
        code = bind_message(&b, layout, message);
    else
        code = bind_service(&b, layout, service);
    if (!code)
        code = compare_pairs(&b);
    mf_buf_done(&b.pairs);
    mf_buf_done(&b.sources);
    mf_map_free(b.paired);
    mf_map_free(b.c_names);
    mf_map_free(b.known);
    if (code)
        mf_plan_free(b.plan);
    else
        *ret_plan = b.plan;
    return code;
}
