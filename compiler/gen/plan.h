/*
 * compiler/gen/plan.h: how each message lies in memory, and what a unit holds.
 *
 * The plan is the one thing that everything after the schema works on: C
 * emission, the header, decode tables, JSON. It is made in one of two ways:
 *
 *   native   from a schema, by mayfly's own layout rules
 * (docs/architecture.md); bound    from a header's layout tables, checked
 * against a schema. Offsets and types are the header's; see mayfly/layout.h for
 * what may differ.
 *
 * A bound plan of a header that was made from this very schema equals the
 * native plan (mf_plan_fits), and the native unit's code serves it.
 *
 * Immutable once made; lives in its own arena and references the schema.
 */
#ifndef MF_GEN_PLAN_H
#define MF_GEN_PLAN_H

#include "compiler/schema/schema.h"

#include <mayfly/layout.h>

#define MF_NO_MESSAGE UINT32_MAX

/* Members of every struct that are not fields: uint64_t
 * MF_HAS_MEMBER[has_words], the first one if there are any, and mayfly_unknown
 * MF_UNKNOWN_MEMBER, the last. Bit b of a field is word b / 64, bit b % 64. */
#define MF_HAS_MEMBER "mayfly_has"
#define MF_UNKNOWN_MEMBER "mayfly_unknown_fields"

typedef struct mf_names mf_names; /* compiler/gen/names.h */

typedef struct mf_plan_field {
    uint32_t number;
    uint32_t offset;
    uint32_t presence;     /* has-bit number, or offset of the oneof's case */
    uint32_t message;      /* index into plan->messages, or MF_NO_MESSAGE */
    uint8_t type;          /* enum mayfly_type */
    uint8_t cardinality;   /* enum mayfly_cardinality */
    uint8_t presence_kind; /* enum mayfly_presence */
    uint8_t flags;         /* enum mayfly_field_flags */
    const char *name;
    const char *c_name; /* the member */
    const char
        *case_name; /* ONEOF: the member that holds the case; else NULL */
    const mf_field *descriptor; /* NULL: only the header has it */
} mf_plan_field;

typedef struct mf_plan_message {
    const char *full_name;
    const char *c_name;
    uint32_t index; /* in plan->messages */
    uint32_t size;
    uint32_t unknown;
    uint32_t has_words;
    uint32_t n_fields;
    mf_plan_field *fields; /* sorted by number */
    bool is_map_entry;
    const mf_message *descriptor; /* NULL: only the header has it */
} mf_plan_message;

typedef struct mf_plan_method {
    const char *name;
    const char *path;           /* "/helloworld.Greeter/SayHello" */
    const char *c_name;         /* "helloworld_Greeter_SayHello" */
    const char *handler_name;   /* "helloworld_Greeter_on_SayHello" */
    uint32_t request, response; /* indexes into plan->messages */
    bool client_streaming, server_streaming;
    const mf_method *descriptor; /* NULL: the schema has lost it */
} mf_plan_method;

typedef struct mf_plan_service {
    const char *full_name;
    const char *c_name;
    uint32_t n_methods;
    mf_plan_method *methods;
    const mf_service *descriptor;
} mf_plan_service;

typedef struct mf_plan {
    mf_schema *schema; /* a reference */
    mayfly_arena arena;
    uint32_t n_messages, n_services;
    mf_plan_message *messages;
    mf_plan_service *services;
    mf_map *names;     /* message full name -> mf_plan_message * */
    mf_names *c_names; /* of the schema's symbols; NULL in a bound plan */
} mf_plan;

/* All messages of the schema's files (of a built-in file all or, if nothing
 * else reaches any, none) and all services of its root files. Errors: ENOMEM,
 * ELIMIT. */
int mf_plan_native(mf_alloc *alloc, mf_schema *schema, mf_plan **ret_plan,
                   mayfly_error *err);

/* The messages that service number `service` of the layout reaches, and that
 * one service. Errors: ENOTFOUND (no such service in the schema),
 * EINCOMPATIBLE, EINVAL (tables that contradict themselves), ENOMEM. With
 * `service` == MF_NO_MESSAGE: message number `message` and what it reaches, no
 * service. */
int mf_plan_bind(mf_alloc *alloc, mf_schema *schema,
                 const mayfly_layout *layout, uint32_t service,
                 uint32_t message, mf_plan **ret_plan, mayfly_error *err);

/* Whether code made for `native` also serves `bound`: every message of `bound`
 * is there under its name with the same fields at the same places. */
bool mf_plan_fits(const mf_plan *native, const mf_plan *bound);

/* An empty plan, for the two that fill one. Errors: ENOMEM. */
int mf_plan_new(mf_alloc *alloc, mf_schema *schema, mf_plan **ret_plan,
                mayfly_error *err);

void mf_plan_free(mf_plan *plan); /* NULL is allowed */

const mf_plan_message *mf_plan_find(const mf_plan *plan, const char *full_name);

/* By "helloworld.Greeter/SayHello", with or without a slash in front; NULL: there
 * is none. */
const mf_plan_method *mf_plan_find_method(const mf_plan *plan,
                                          const char *method);
const mf_plan_field *mf_plan_field_of(const mf_plan_message *m,
                                      uint32_t number);

#endif
