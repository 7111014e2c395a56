/*
 * compiler/unit_parts.c: where a unit lies, and what is where in it.
 *
 * Whoever asks what holds a unit needs its ranges by kind, the names of what is
 * in them, and where mayfly's own records of it are, which point into it
 * without holding it. The image's order is [tables][text][constants][data].
 *
 * Names cost nothing to keep: generated functions are found through the unit's
 * table of entries and named from the plan; what handler source defines is in
 * the unit's list. The nearest one at or before an address is its name.
 *
 * Threads: any that keeps the unit; nothing is changed.
 */
#include "compiler/unit.h"

#include "compiler/arena/carena.h"

#include <stdio.h>

enum { TABLE_ALIGN = 64 };

typedef void (*part_fn)(void *state, enum mf_unit_part part, const void *at,
                        size_t bytes);

typedef struct own {
    part_fn add;
    void *state;
} own;

static void add_own(void *state, const void *at, size_t bytes)
{
    const own *o = state;
    if (at && bytes)
        o->add(o->state, MF_UNIT_OWN, at, bytes);
}

static void add_block(own *o, const void *block)
{
    if (block)
        add_own(o, block, mf_alloc_size(block));
}

static size_t tables_end(const mf_image *image)
{
    return (image->table_bytes + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN;
}

void mf_unit_parts(const mf_unit *unit, part_fn add, void *state)
{
    const mf_image *image = &unit->image;
    const uint8_t *at = image->span.base;
    size_t code = image->span.code_bytes;
    size_t tables = tables_end(image);
    size_t text_end = tables + image->text_bytes;
    if (tables > code)
        tables = code;
    if (text_end > code)
        text_end = code;
    if (tables)
        add(state, MF_UNIT_TABLES, at, tables);
    if (text_end > tables)
        add(state, MF_UNIT_TEXT, at + tables, text_end - tables);
    if (code > text_end)
        add(state, MF_UNIT_CONSTANTS, at + text_end, code - text_end);
    if (image->span.data_bytes)
        add(state, MF_UNIT_DATA, at + code, image->span.data_bytes);

    own o = {add, state};
    add_block(&o, unit);
    add_block(&o, unit->names);
    add_block(&o, unit->handlers);
    mf_heap_each(unit->heap, add_own, &o);
    if (unit->work)
        mf_heap_each(unit->work, add_own, &o);
    if (image->resident) {
        const void *arena;
        size_t bytes;
        mf_carena_range(image->resident, &arena, &bytes);
        add_own(&o, arena, bytes);
    }
}

/* The nearest name so far; its text is in two pieces. */
typedef struct nearest {
    uintptr_t wanted, low;
    uintptr_t at; /* 0: none yet */
    const char *prefix, *text;
} nearest;

static void consider(void *state, const char *prefix, const char *text,
                     const void *address)
{
    nearest *n = state;
    uintptr_t at = (uintptr_t)address;
    if (at > n->wanted || at < n->low || at <= n->at || !text)
        return;
    n->at = at;
    n->prefix = prefix;
    n->text = text;
}

void mf_unit_names(const mf_unit *u, mf_unit_name_fn each, void *state)
{
    const mf_unit_table *t = u->entry;
    const mf_plan *plan = u->plan;
    for (size_t i = 0; i < u->n_names; i++)
        each(state, "", u->names[i].name, u->names[i].address);
    for (uint32_t i = 0; i < t->n_messages && i < plan->n_messages; i++)
        each(state, "mf_encode_", plan->messages[i].c_name,
             (const void *)(uintptr_t)t->encode[i]);
    const mf_method_stub *stub = t->methods;
    for (uint32_t i = 0; i < plan->n_services; i++) {
        for (uint32_t k = 0; k < plan->services[i].n_methods; k++, stub++) {
            const char *name = plan->services[i].methods[k].c_name;
            each(state, "mf_send_", name, (const void *)(uintptr_t)stub->send);
            each(state, "mf_receive_", name,
                 (const void *)(uintptr_t)stub->receive);
            each(state, "mf_serve_", name,
                 (const void *)(uintptr_t)stub->serve);
            each(state, "mf_reply_", name,
                 (const void *)(uintptr_t)stub->reply);
        }
    }
}

const void *mf_unit_name_at(const mf_unit *unit, const void *address, char *out,
                            size_t size)
{
    const mf_image *image = &unit->image;
    uintptr_t base = (uintptr_t)image->span.base;
    uintptr_t text = base + tables_end(image);
    uintptr_t data = base + image->span.code_bytes;
    uintptr_t at = (uintptr_t)address;
    if (at < text || at >= data + image->span.data_bytes)
        return NULL; /* tables have no names of their own */
    uintptr_t rest = text + image->text_bytes;
    nearest n = {.wanted = at,
                 .low = at >= data   ? data
                        : at >= rest ? rest
                                     : text};
    mf_unit_names(unit, consider, &n);
    if (!n.at)
        return NULL;
    snprintf(out, size, "%s%s", n.prefix, n.text);
    return (const void *)n.at;
}
