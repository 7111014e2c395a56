/*
 * compiler/gen/plan.c: the native plan of a schema.
 *
 * Which messages are in it, under which index, and how each lies (layout.c) and
 * is called (names.c). Of mayfly's built-in files only those that something
 * else reaches are in it, so that importing one costs nothing by itself.
 *
 * A plan owns its arena, its maps and a reference to the schema, and is not
 * changed once it is made.
 */
#include "compiler/gen/plan.h"

#include "base/error.h"
#include "compiler/gen/layout.h"
#include "compiler/gen/names.h"
#include "compiler/gen/sort.h"

#include <string.h>

/* Messages reached so far: a flag each, and a stack of those still to be looked
 * at. A message is pushed once. */
typedef struct reach {
    mf_schema *schema;
    bool *reached;
    uint32_t *stack;
    uint32_t n;
    uint32_t count;
    const mf_file *last_builtin; /* whose messages all are reached */
} reach;

static void reach_message(reach *r, const mf_message *m)
{
    if (!m || r->reached[m->index])
        return;
    r->reached[m->index] = true;
    r->stack[r->n++] = m->index;
    r->count++;
}

/* A file's header has all of its messages or none, since the headers of others
 * refer to them by number. */
static void reach_builtin(reach *r, const mf_file *file)
{
    if (r->last_builtin == file)
        return;
    r->last_builtin = file;
    for (uint32_t i = 0; i < r->schema->n_messages; i++) {
        if (r->schema->messages[i]->file == file)
            reach_message(r, r->schema->messages[i]);
    }
}

static void reach_all(reach *r)
{
    for (uint32_t i = 0; i < r->schema->n_messages; i++) {
        const mf_message *m = r->schema->messages[i];
        if (m->file->is_root || !m->file->is_builtin)
            reach_message(r, m);
    }
    for (uint32_t i = 0; i < r->schema->n_files; i++) {
        const mf_file *file = r->schema->files[i];
        for (uint32_t j = 0; file->is_root && j < file->n_services; j++) {
            const mf_service *s = &file->services[j];
            for (uint32_t k = 0; k < s->n_methods; k++) {
                reach_message(r, s->methods[k].request);
                reach_message(r, s->methods[k].response);
            }
        }
    }
    while (r->n) {
        const mf_message *m = r->schema->messages[r->stack[--r->n]];
        if (m->file->is_builtin)
            reach_builtin(r, m->file);
        for (uint32_t i = 0; i < m->n_fields; i++)
            reach_message(r, m->fields[i].message);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const mf_plan_field *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* Everything about a field but where it lies. */
static void describe_field(const mf_plan *plan, const mf_message *m,
                           const mf_field *f, mf_plan_field *out)
{
    bool message = mf_layout_is_message(f->type);

    out->number = f->number;
    out->type = f->type;
    out->name = f->name;
    out->descriptor = f;
    out->message = MF_NO_MESSAGE;
    if (message)
        out->message = mf_plan_find(plan, f->message->full_name)->index;
    out->cardinality = MAYFLY_SINGULAR;
    if (f->label == MF_REPEATED)
        out->cardinality = f->is_map ? MAYFLY_MAP : MAYFLY_REPEATED;
    if (out->cardinality != MAYFLY_SINGULAR)
        out->presence_kind = MAYFLY_IMPLICIT;
    else if (f->oneof && !f->oneof->synthetic)
        out->presence_kind = MAYFLY_ONEOF;
    else if (message)
        out->presence_kind = MAYFLY_POINTER;
    else if (f->has_presence && !m->is_map_entry)
        out->presence_kind = MAYFLY_HASBIT;
    if (f->packed)
        out->flags |= MAYFLY_FIELD_PACKED;
    if (f->type == MAYFLY_TYPE_STRING && strcmp(m->file->syntax, "proto3") == 0)
        out->flags |= MAYFLY_FIELD_UTF8;
}

static int fill_message(mf_plan *plan, mf_plan_message *m, mayfly_error *err)
{
    const mf_message *d = m->descriptor;
    int code;

    m->n_fields = d->n_fields;
    m->fields =
        mf_arena_alloc(&plan->arena, (d->n_fields + 1) * sizeof *m->fields);
    if (!m->fields)
        return mf_error_nomem(err, "the plan");
    for (uint32_t i = 0; i < d->n_fields; i++)
        describe_field(plan, d, &d->fields[i], &m->fields[i]);
    mf_sort(m->fields, m->n_fields, sizeof *m->fields, compare_numbers);
    code = mf_layout_native(m, &plan->arena, err);
    if (code)
        return code;
    return mf_names_members(plan->schema->alloc, &plan->arena, m, err);
}

static int fill_messages(mf_plan *plan, const bool *reached, uint32_t count,
                         mayfly_error *err)
{
    mf_schema *schema = plan->schema;
    int code = 0;

    plan->messages =
        mf_arena_alloc(&plan->arena, (count + 1) * sizeof *plan->messages);
    if (!plan->messages)
        return mf_error_nomem(err, "the plan");
    for (uint32_t i = 0; i < schema->n_messages; i++) {
        const mf_message *d = schema->messages[i];
        mf_plan_message *m = &plan->messages[plan->n_messages];
        if (!reached[i])
            continue;
        m->full_name = d->full_name;
        m->c_name = mf_names_type(plan->c_names, d->full_name);
        m->index = plan->n_messages++;
        m->is_map_entry = d->is_map_entry;
        m->descriptor = d;
        if (mf_map_put_str(plan->names, d->full_name, m))
            return mf_error_nomem(err, "the plan");
    }
    for (uint32_t i = 0; !code && i < plan->n_messages; i++)
        code = fill_message(plan, &plan->messages[i], err);
    return code;
}

static int fill_service(mf_plan *plan, const mf_service *d, mf_plan_service *s,
                        mayfly_error *err)
{
    s->full_name = d->full_name;
    s->c_name = mf_names_type(plan->c_names, d->full_name);
    s->descriptor = d;
    s->n_methods = d->n_methods;
    s->methods =
        mf_arena_alloc(&plan->arena, (d->n_methods + 1) * sizeof *s->methods);
    if (!s->methods)
        return mf_error_nomem(err, "the plan");
    for (uint32_t i = 0; i < d->n_methods; i++) {
        const mf_method *dm = &d->methods[i];
        mf_plan_method *m = &s->methods[i];
        const char *stem =
            mf_names_stem(plan->c_names, MF_NAME_METHOD, dm, dm->name);
        m->name = dm->name;
        m->path =
            mf_arena_printf(&plan->arena, "/%s/%s", d->full_name, dm->name);
        m->c_name = mf_arena_printf(&plan->arena, "%s_%s", s->c_name, stem);
        m->handler_name =
            mf_arena_printf(&plan->arena, "%s_on_%s", s->c_name, stem);
        if (!m->path || !m->c_name || !m->handler_name)
            return mf_error_nomem(err, "the plan");
        m->request = mf_plan_find(plan, dm->request->full_name)->index;
        m->response = mf_plan_find(plan, dm->response->full_name)->index;
        m->client_streaming = dm->client_streaming;
        m->server_streaming = dm->server_streaming;
        m->descriptor = dm;
    }
    return 0;
}

static int fill_services(mf_plan *plan, mayfly_error *err)
{
    mf_schema *schema = plan->schema;
    uint32_t n = 0;
    int code = 0;

    for (uint32_t i = 0; i < schema->n_files; i++)
        n += schema->files[i]->is_root ? schema->files[i]->n_services : 0;
    plan->services =
        mf_arena_alloc(&plan->arena, (n + 1) * sizeof *plan->services);
    if (!plan->services)
        return mf_error_nomem(err, "the plan");
    for (uint32_t i = 0; i < schema->n_files; i++) {
        const mf_file *file = schema->files[i];
        for (uint32_t j = 0; !code && file->is_root && j < file->n_services;
             j++)
            code = fill_service(plan, &file->services[j],
                                &plan->services[plan->n_services++], err);
    }
    return code;
}

static int fill_plan(mf_plan *plan, mf_alloc *alloc, mayfly_error *err)
{
    size_t n = plan->schema->n_messages;
    mf_alloc *scratch = mf_alloc_scratch(alloc);
    reach r = {.schema = plan->schema};
    int code =
        mf_names_make(alloc, &plan->arena, plan->schema, &plan->c_names, err);

    if (code)
        return code;
    r.reached = mf_alloc_zero(scratch, (n + 1) * sizeof *r.reached);
    r.stack = mf_alloc_new(scratch, (n + 1) * sizeof *r.stack);
    if (!r.reached || !r.stack) {
        code = mf_error_nomem(err, "the plan");
    } else {
        reach_all(&r);
        code = fill_messages(plan, r.reached, r.count, err);
    }
    mf_alloc_free(scratch, r.reached);
    mf_alloc_free(scratch, r.stack);
    return code ? code : fill_services(plan, err);
}

int mf_plan_native(mf_alloc *alloc, mf_schema *schema, mf_plan **ret_plan,
                   mayfly_error *err)
{
    mf_plan *plan;
    int code = mf_plan_new(alloc, schema, &plan, err);

    if (code)
        return code;
    code = fill_plan(plan, alloc, err);
    if (code)
        mf_plan_free(plan);
    else
        *ret_plan = plan;
    return code;
}

int mf_plan_new(mf_alloc *alloc, mf_schema *schema, mf_plan **ret_plan,
                mayfly_error *err)
{
    mf_plan *plan = mf_alloc_zero(alloc, sizeof *plan);
    mf_map *names = plan ? mf_map_new(alloc) : NULL;

    if (!names) {
        mf_alloc_free(alloc, plan);
        return mf_error_nomem(err, "the plan");
    }
    mf_arena_init(&plan->arena, alloc, 0, 0);
    plan->names = names;
    plan->schema = mf_schema_ref(schema);
    *ret_plan = plan;
    return 0;
}

void mf_plan_free(mf_plan *plan)
{
    mf_alloc *alloc;

    if (!plan)
        return;
    alloc = plan->arena.alloc;
    mf_names_free(plan->c_names);
    mf_map_free(plan->names);
    mf_arena_done(&plan->arena);
    mf_schema_unref(plan->schema);
    mf_alloc_free(alloc, plan);
}

const mf_plan_message *mf_plan_find(const mf_plan *plan, const char *full_name)
{
    return mf_map_get_str(plan->names, full_name);
}

const mf_plan_method *mf_plan_find_method(const mf_plan *plan,
                                          const char *method)
{
    if (*method == '/')
        method++;
    for (uint32_t s = 0; s < plan->n_services; s++) {
        const mf_plan_service *service = &plan->services[s];
        size_t n = strlen(service->full_name);
        if (strncmp(service->full_name, method, n) != 0 || method[n] != '/')
            continue;
        for (uint32_t m = 0; m < service->n_methods; m++)
            if (strcmp(service->methods[m].name, method + n + 1) == 0)
                return &service->methods[m];
    }
    return NULL;
}

const mf_plan_field *mf_plan_field_of(const mf_plan_message *m, uint32_t number)
{
    uint32_t low = 0, high = m->n_fields;

    while (low < high) {
        uint32_t at = low + (high - low) / 2;
        if (m->fields[at].number == number)
            return &m->fields[at];
        if (m->fields[at].number < number)
            low = at + 1;
        else
            high = at;
    }
    return NULL;
}
