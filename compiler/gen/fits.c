/*
 * compiler/gen/fits.c: whether the native unit's code serves a header.
 *
 * It does when the header was made from the schema that is loaded, or from one
 * that differs in nothing that the header's structs show. Then no second unit
 * has to be compiled for the binding, which is the usual case.
 */
#include "compiler/gen/plan.h"

#include <string.h>

static bool same_message_name(const mf_plan *native, uint32_t a,
                              const mf_plan *bound, uint32_t b)
{
    if (a == MF_NO_MESSAGE || b == MF_NO_MESSAGE)
        return a == b;
    return strcmp(native->messages[a].full_name,
                  bound->messages[b].full_name) == 0;
}

static bool same_field(const mf_plan *native, const mf_plan_field *a,
                       const mf_plan *bound, const mf_plan_field *b)
{
    return a->number == b->number && a->offset == b->offset &&
           a->presence == b->presence && a->type == b->type &&
           a->cardinality == b->cardinality &&
           a->presence_kind == b->presence_kind && a->flags == b->flags &&
           same_message_name(native, a->message, bound, b->message);
}

static bool same_message(const mf_plan *native, const mf_plan *bound,
                         const mf_plan_message *b)
{
    const mf_plan_message *a = mf_plan_find(native, b->full_name);

    if (!a || a->size != b->size || a->unknown != b->unknown ||
        a->has_words != b->has_words || a->n_fields != b->n_fields ||
        a->is_map_entry != b->is_map_entry ||
        (b->descriptor && b->descriptor != a->descriptor))
        return false;
    for (uint32_t i = 0; i < a->n_fields; i++) {
        if (!same_field(native, &a->fields[i], bound, &b->fields[i]))
            return false;
    }
    return true;
}

static bool same_service(const mf_plan *native, const mf_plan *bound,
                         const mf_plan_service *b)
{
    const mf_plan_service *a = NULL;

    for (uint32_t i = 0; !a && i < native->n_services; i++) {
        if (strcmp(native->services[i].full_name, b->full_name) == 0)
            a = &native->services[i];
    }
    if (!a || a->n_methods != b->n_methods)
        return false;
    for (uint32_t i = 0; i < a->n_methods; i++) {
        const mf_plan_method *x = &a->methods[i], *y = &b->methods[i];
        if (strcmp(x->name, y->name) != 0 ||
            x->client_streaming != y->client_streaming ||
            x->server_streaming != y->server_streaming ||
            !same_message_name(native, x->request, bound, y->request) ||
            !same_message_name(native, x->response, bound, y->response))
            return false;
    }
    return true;
}

bool mf_plan_fits(const mf_plan *native, const mf_plan *bound)
{
    for (uint32_t i = 0; i < bound->n_messages; i++) {
        if (!same_message(native, bound, &bound->messages[i]))
            return false;
    }
    for (uint32_t i = 0; i < bound->n_services; i++) {
        if (!same_service(native, bound, &bound->services[i]))
            return false;
    }
    return true;
}
