/*
 * compiler/gen/members.c: the names of struct members.
 *
 * Members have a space of names per struct. A field keeps its own name unless
 * C, C++ or a standard macro has it, or it is the struct's own name; changed
 * names and the cases of oneofs then step aside for the fields that kept
 * theirs. So a new field changes no other member, except one that was made up
 * and is now taken.
 */
#include "compiler/gen/names.h"

#include "base/error.h"

#include <string.h>

static const char *free_member(mayfly_arena *arena, const mf_map *taken,
                               const char *name)
{
    const char *at = name;

    for (unsigned number = 2; at && mf_map_get_str(taken, at); number++)
        at = mf_arena_printf(arena, "%s_%u", name, number);
    return at;
}

/* Fields that may not keep their name, then the cases. */
static int name_rest(mayfly_arena *arena, mf_map *taken, mf_plan_message *m)
{
    for (uint32_t i = 0; i < m->n_fields; i++) {
        mf_plan_field *f = &m->fields[i];
        const char *name;
        if (f->c_name)
            continue;
        name = strcmp(f->name, m->c_name) == 0
                   ? mf_arena_printf(arena, "%s_", f->name)
                   : mf_name_member(arena, f->name);
        f->c_name = name ? free_member(arena, taken, name) : NULL;
        if (!f->c_name || mf_map_put_str(taken, f->c_name, m))
            return -1;
    }
    for (uint32_t i = 0; i < m->n_fields; i++) {
        mf_plan_field *f = &m->fields[i];
        const mf_oneof *oneof = f->descriptor->oneof;
        const char *name;
        if (f->presence_kind != MAYFLY_ONEOF || f->case_name)
            continue;
        name = mf_arena_printf(arena, "%s_case", oneof->name);
        name = name ? mf_name_member(arena, name) : NULL;
        name = name ? free_member(arena, taken, name) : NULL;
        if (!name || mf_map_put_str(taken, name, m))
            return -1;
        for (uint32_t j = 0; j < oneof->n_fields; j++) {
            const mf_plan_field *o =
                mf_plan_field_of(m, oneof->fields[j]->number);
            m->fields[o - m->fields].case_name = name;
        }
    }
    return 0;
}

int mf_names_members(mf_alloc *alloc, mayfly_arena *arena, mf_plan_message *m,
                     mayfly_error *err)
{
    mf_map *taken;
    bool all = true;
    int code = 0;

    for (uint32_t i = 0; i < m->n_fields; i++) {
        mf_plan_field *f = &m->fields[i];
        const char *name = mf_name_member(arena, f->name);
        if (!name)
            return mf_error_nomem(err, "names");
        f->case_name = NULL;
        f->c_name = strcmp(name, f->name) == 0 && strcmp(name, m->c_name) != 0
                        ? f->name
                        : NULL;
        all = all && f->c_name && f->presence_kind != MAYFLY_ONEOF;
    }
    if (all)
        return 0;
    taken = mf_map_new(mf_alloc_scratch(alloc));
    if (!taken)
        return mf_error_nomem(err, "names");
    code = mf_map_put_str(taken, m->c_name, m); /* whatever comes to it */
    for (uint32_t i = 0; !code && i < m->n_fields; i++) {
        if (m->fields[i].c_name)
            code = mf_map_put_str(taken, m->fields[i].c_name, m);
    }
    if (!code)
        code = name_rest(arena, taken, m);
    mf_map_free(taken);
    return code ? mf_error_nomem(err, "names") : 0;
}
