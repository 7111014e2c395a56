/*
 * tests/unit/gen/layout_of.h: the tables that a plan's headers would carry, all
 * in one layout, made at run time and open to damage.
 */
#ifndef TESTS_UNIT_GEN_LAYOUT_OF_H
#define TESTS_UNIT_GEN_LAYOUT_OF_H

#include "tests/unit/gen/gen.h"

typedef struct layout_of {
    mayfly_layout layout;
    mayfly_message_layout messages[32];
    mayfly_field_layout fields[32][32];
    mayfly_service_layout services[4];
    mayfly_method_layout methods[4][8];
} layout_of;

static inline void layout_fields(layout_of *l, const mf_plan_message *m)
{
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_plan_field *f = &m->fields[i];
        l->fields[m->index][i] = (mayfly_field_layout){
            .number = f->number,
            .offset = f->offset,
            .presence = f->presence,
            .message = f->message == MF_NO_MESSAGE ? 0 : f->message,
            .type = f->type,
            .cardinality = f->cardinality,
            .presence_kind = f->presence_kind,
            .flags = f->flags,
            .name = f->name,
            .c_name = f->c_name,
        };
    }
}

/* Borrows the plan's texts. */
static inline void layout_make(layout_of *l, const mf_plan *plan)
{
    memset(l, 0, sizeof *l);
    assert_true(plan->n_messages <= 32 && plan->n_services <= 4);
    l->layout = (mayfly_layout){
        MAYFLY_LAYOUT_ABI, plan->n_messages, plan->n_services, 0,
        "a.proto",         l->messages,      l->services,      NULL};
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        const mf_plan_message *m = &plan->messages[i];
        l->messages[i] =
            (mayfly_message_layout){m->full_name, m->c_name,       m->size,
                                    m->unknown,   m->has_words,    m->n_fields,
                                    l->fields[i], m->is_map_entry, 0};
        assert_true(m->n_fields <= 32);
        layout_fields(l, m);
    }
    for (uint32_t i = 0; i < plan->n_services; i++) {
        const mf_plan_service *s = &plan->services[i];
        assert_true(s->n_methods <= 8);
        l->services[i] = (mayfly_service_layout){s->full_name, s->n_methods, 0,
                                                 l->methods[i]};
        for (uint32_t j = 0; j < s->n_methods; j++)
            l->methods[i][j] = (mayfly_method_layout){
                .name = s->methods[j].name,
                .request = s->methods[j].request,
                .response = s->methods[j].response,
                .client_streaming = s->methods[j].client_streaming,
                .server_streaming = s->methods[j].server_streaming,
            };
    }
}

#endif
