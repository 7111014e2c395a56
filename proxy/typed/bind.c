/*
 * proxy/typed/bind.c: making bindings, once each.
 *
 * A header's tables are compared with the schema (mf_plan_bind). When the
 * header was made from this very schema, the plan that comes out fits the
 * context's own, whose code then serves: nothing is compiled. Otherwise a unit
 * is built for the header's layout, and belongs to the binding.
 *
 * What stays true: every binding is made, found and used under a lease, so the
 * context's own unit, which a binding points into, is there. Two threads that
 * bind the same at once may both build; the cache keeps one.
 *
 * Keys: the layout's address and an index, messages apart from services by the
 * top bit. Threads: any.
 */
#include "proxy/typed/bind.h"

#include "base/error.h"
#include "proxy/call/call.h"

#include <string.h>

#define MESSAGE_KEY 0x80000000u

static void bound_free(mf_bound *b)
{
    for (uint32_t i = 0; i < b->n_methods; i++)
        mf_alloc_free(b->alloc, b->methods[i].lost);
    mf_unit_free(b->own);
    mf_alloc_wipe(b->alloc, b);
}

static void destroy_bound(void *bound)
{
    bound_free(bound);
}

/* The compiler's words for a unit's parts, as the cache's. */
typedef struct parts {
    mf_part_fn add;
    void *state;
} parts;

static void add_part(void *state, enum mf_unit_part part, const void *at,
                     size_t bytes)
{
    static const enum mf_part as[] = {
        [MF_UNIT_TEXT] = MF_PART_TEXT,
        [MF_UNIT_TABLES] = MF_PART_TABLES,
        [MF_UNIT_CONSTANTS] = MF_PART_CONSTANTS,
        [MF_UNIT_DATA] = MF_PART_DATA,
        [MF_UNIT_OWN] = MF_PART_OWN,
    };
    const parts *p = state;
    p->add(p->state, as[part], at, bytes);
}

static void census_bound(const void *bound, mf_census *c)
{
    const mf_bound *b = bound;
    if (b->own)
        mf_unit_census(b->own, c);
}

static void destroy_unit(void *unit)
{
    mf_unit_free(unit);
}

static void census_unit(const void *unit, mf_census *c)
{
    mf_unit_census(unit, c);
}

static void *symbol_in_unit(const void *unit, const char *name)
{
    return mf_unit_symbol(unit, name);
}

static const char *trouble_in_unit(const void *unit, const char *name)
{
    return mf_unit_trouble(unit, name);
}

static void parts_of_bound(const void *bound, mf_part_fn add, void *state)
{
    const mf_bound *b = bound;
    add(state, MF_PART_OWN, b, mf_alloc_size(b));
    if (b->own)
        mf_unit_parts(b->own, add_part, &(parts){add, state});
}

static const void *name_in_bound(const void *bound, const void *address,
                                 char *out, size_t size)
{
    const mf_bound *b = bound;
    return b->own ? mf_unit_name_at(b->own, address, out, size) : NULL;
}

static void parts_of_unit(const void *unit, mf_part_fn add, void *state)
{
    mf_unit_parts(unit, add_part, &(parts){add, state});
}

static const void *name_in_unit(const void *unit, const void *address,
                                char *out, size_t size)
{
    return mf_unit_name_at(unit, address, out, size);
}

static void names_of_unit(const void *unit,
                          void (*each)(void *state, const char *prefix,
                                       const char *text, const void *address),
                          void *state)
{
    mf_unit_names(unit, each, state);
}

static void names_of_bound(const void *bound,
                           void (*each)(void *state, const char *prefix,
                                        const char *text, const void *address),
                           void *state)
{
    const mf_bound *b = bound;
    if (b->own)
        mf_unit_names(b->own, each, state);
}

mf_payload mf_unit_payload(mf_unit *unit)
{
    return (mf_payload){.unit = unit,
                        .destroy = destroy_unit,
                        .census = census_unit,
                        .symbol = symbol_in_unit,
                        .trouble = trouble_in_unit,
                        .parts = parts_of_unit,
                        .name = name_in_unit,
                        .names = names_of_unit};
}

/* The number of a service in a plan, by name; MF_NO_MESSAGE: there is none. */
static uint32_t find_service(const mf_plan *plan, const char *full_name)
{
    for (uint32_t i = 0; i < plan->n_services; i++)
        if (strcmp(plan->services[i].full_name, full_name) == 0)
            return i;
    return MF_NO_MESSAGE;
}

/* The stub of a method, by name, in a unit that has the service. */
static const mf_method_stub *find_stub(const mf_unit *unit, uint32_t service,
                                       const char *name)
{
    const mf_plan_service *s = &unit->plan->services[service];
    for (uint32_t m = 0; m < s->n_methods; m++)
        if (strcmp(s->methods[m].name, name) == 0)
            return &unit->entry
                        ->methods[mf_unit_method(unit->plan, service, m)];
    return NULL;
}

/* The path of a method, in a form that lives as long as the unit. A method that
 * the native unit lacks has no path in it, and no stub either. */
static const char *find_path(const mf_unit *unit, uint32_t service,
                             const char *name)
{
    const mf_plan_service *s = &unit->plan->services[service];
    for (uint32_t m = 0; m < s->n_methods; m++)
        if (strcmp(s->methods[m].name, name) == 0)
            return s->methods[m].path;
    return NULL;
}

/* Fills in the methods of `wanted`, in its order, from the unit's code. */
static int link_methods(mf_bound *b, const mf_plan_service *wanted,
                        mayfly_error *err)
{
    uint32_t service = find_service(b->unit->plan, wanted->full_name);
    if (service == MF_NO_MESSAGE)
        return mf_error_set(err, MAYFLY_ENOTFOUND,
                            "the context serves no \"%s\"", wanted->full_name);
    for (uint32_t i = 0; i < wanted->n_methods; i++) {
        const mf_plan_method *m = &wanted->methods[i];
        if (!m->descriptor) {
            b->methods[i].lost = mf_alloc_strdup(b->alloc, m->name);
            if (!b->methods[i].lost)
                return mf_error_nomem(err, "a binding");
            continue;
        }
        b->methods[i].stub = find_stub(b->unit, service, m->name);
        b->methods[i].path = find_path(b->unit, service, m->name);
    }
    return 0;
}

/* Builds a unit for the bound plan, under the limits of the context's own.
 * Takes heap and plan over on success. */
static int build_own(const mf_unit *native, mf_heap *heap, mf_plan *plan,
                     mf_unit **ret_unit, mayfly_error *err)
{
    mf_unit_input input = {.heap = heap,
                           .plan = plan,
                           .strict = native->strict,
                           .limits = native->limits};
    return mf_unit_build(native->compiler, &input, ret_unit, NULL, err);
}

static int serves_plan(void *plan, const void *bound)
{
    const mf_bound *b = bound;
    return b->own && mf_plan_fits(b->own->plan, plan);
}

/* A unit of this context whose code serves the plan: its own, or one that was
 * built for the same header in another source file of the program. NULL: there
 * is none. */
static const mf_unit *find_unit(mayfly_context *context, mf_plan *plan)
{
    const mf_unit *native = mf_context_unit(context);
    if (mf_plan_fits(native->plan, plan))
        return native;
    const mf_bound *b = mf_context_find_binding(context, serves_plan, plan);
    return b ? b->own : NULL;
}

/* A binding from a bound plan. Heap and plan are gone or taken over afterwards.
 */
static int bound_from_plan(mayfly_context *context, mf_heap *heap,
                           mf_plan *plan, mf_bound **ret_bound,
                           mayfly_error *err)
{
    const mf_unit *found = find_unit(context, plan);
    const mf_unit *native = mf_context_unit(context);
    mf_compiler *c = native->compiler;
    int service = plan->n_services != 0;
    uint32_t n = service ? plan->services[0].n_methods : 0;
    mf_unit *own = NULL;
    int code = 0;
    if (!found)
        code = build_own(native, heap, plan, &own, err);
    mf_bound *b = NULL;
    if (code == 0) {
        b = mf_alloc_zero(c->alloc, sizeof *b + n * sizeof(mf_bound_method));
        if (!b)
            code = mf_error_nomem(err, "a binding");
    }
    if (b) {
        *b = (mf_bound){.alloc = c->alloc,
                        .own = own,
                        .unit = own ? own : found,
                        .n_methods = n};
        if (service)
            code = link_methods(b, &plan->services[0], err);
    }
    if (!own) { /* else the unit has them */
        mf_plan_free(plan);
        mf_heap_free(heap);
    }
    if (code == 0) {
        *ret_bound = b;
        return 0;
    }
    if (b)
        bound_free(b);
    else
        mf_unit_free(own);
    return code;
}

/* Message number `message` of the layout, in the unit that serves it. */
static int link_message(mf_bound *b, const char *full_name, mayfly_error *err)
{
    const mf_plan_message *m = mf_plan_find(b->unit->plan, full_name);
    if (!m)
        return mf_error_set(err, MAYFLY_ENOTFOUND, "no message \"%s\"",
                            full_name);
    b->message = m->index;
    return 0;
}

static int make(mayfly_context *context, const mayfly_layout *layout,
                uint32_t service, uint32_t message, mf_bound **ret_bound,
                mayfly_error *err)
{
    const mf_unit *native = mf_context_unit(context);
    mf_compiler *c = native->compiler;
    mf_heap *heap = mf_heap_new(c->alloc, c->through);
    if (!heap)
        return mf_error_nomem(err, "a binding");
    mf_plan *plan;
    int code = mf_plan_bind(mf_heap_alloc(heap), native->plan->schema, layout,
                            service, message, &plan, err);
    if (code != 0) {
        mf_heap_free(heap);
        return code;
    }
    mf_bound *b;
    code = bound_from_plan(context, heap, plan, &b, err);
    if (code == 0 && service == MF_NO_MESSAGE) {
        code = link_message(b, layout->messages[message].full_name, err);
        if (code != 0)
            bound_free(b);
    }
    if (code == 0)
        *ret_bound = b;
    return code;
}

static int bind_as(mayfly_context *context, const mayfly_layout *layout,
                   uint32_t service, uint32_t message, uint32_t key,
                   const mf_bound **ret_bound, mayfly_error *err)
{
    const mf_bound *known = mf_context_binding(context, layout, key);
    if (known) {
        *ret_bound = known;
        return 0;
    }
    mf_bound *b = NULL;
    int code = make(context, layout, service, message, &b, err);
    if (code != 0)
        return code;
    mf_host_touch(mf_context_host(context));
    mf_payload payload = {.unit = b,
                          .destroy = destroy_bound,
                          .census = census_bound,
                          .parts = parts_of_bound,
                          .name = name_in_bound,
                          .names = names_of_bound};
    known = mf_context_add_binding(context, layout, key, &payload, err);
    if (!known)
        return MAYFLY_ENOMEM;
    *ret_bound = known;
    return 0;
}

static int check_layout(const mayfly_layout *layout, mayfly_error *err)
{
    if (!layout)
        return mf_error_set(err, MAYFLY_EINVAL, "no layout");
    if (layout->abi != MAYFLY_LAYOUT_ABI)
        return mf_error_set(err, MAYFLY_EINCOMPATIBLE,
                            "the header of %s has tables of version %u, this "
                            "mayfly reads version %u",
                            layout->file ? layout->file : "?", layout->abi,
                            MAYFLY_LAYOUT_ABI);
    return 0;
}

int mf_bind_service(mayfly_context *context, const mayfly_layout *layout,
                    uint32_t service, const mf_bound **ret_bound,
                    mayfly_error *err)
{
    int code = check_layout(layout, err);
    if (code != 0)
        return code;
    if (service >= layout->n_services)
        return mf_error_set(err, MAYFLY_EINVAL, "no service number %u",
                            service);
    return bind_as(context, layout, service, MF_NO_MESSAGE, service, ret_bound,
                   err);
}

int mf_bind_message(mayfly_context *context, const mayfly_layout *layout,
                    uint32_t message, const mf_bound **ret_bound,
                    mayfly_error *err)
{
    int code = check_layout(layout, err);
    if (code != 0)
        return code;
    if (message >= layout->n_messages)
        return mf_error_set(err, MAYFLY_EINVAL, "no message number %u",
                            message);
    return bind_as(context, layout, MF_NO_MESSAGE, message,
                   message | MESSAGE_KEY, ret_bound, err);
}

void mf_stub_io_init(mf_stub_io *io, const mf_unit *unit, mf_writer *writer,
                     mayfly_call *call, mayfly_error *err)
{
    mayfly_arena *arena = mayfly_call_arena(call);
    memset(io, 0, sizeof *io);
    if (writer)
        mf_writer_init(writer, arena, MF_MESSAGE_HEAD);
    io->tables = unit->tables;
    io->writer = writer;
    io->arena = arena;
    io->call = call;
    io->error = err;
}
