/*
 * proxy/typed/dynamic_look.c: what a message has, for those who do not know.
 *
 * A gateway that meets a schema for the first time asks for the fields one
 * after the other, and for what a path leads to. Names are copied, for they lie
 * in the unit.
 *
 * Threads: any; a message is one thread's at a time.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "compiler/json/value.h"

static const mayfly_array *array_of(const mf_place *p)
{
    return p->in ? mf_field_in(p->in, p->field) : NULL;
}

int mayfly_dynamic_has(const mayfly_dynamic *m, const char *path, bool *ret_has,
                       mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    if (!ret_has)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the value");
    int code = mf_dynamic_walk(m, path, MF_WALK_LOOK, &plan, &p, err);
    if (code != 0)
        return code;
    *ret_has = mf_place_is_set(plan, &p);
    mf_dynamic_leave(m);
    return 0;
}

int mayfly_dynamic_count(const mayfly_dynamic *m, const char *path,
                         size_t *ret_n, mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_n, &plan, &p, err);
    if (code != 0)
        return code;
    const mayfly_array *a = array_of(&p);
    if (mf_place_is_single(&p))
        code = mf_error_set(err, MAYFLY_EINVAL,
                            "the field is neither repeated nor a map");
    else
        *ret_n = a ? a->n : 0;
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

/* Copies a name; an empty one where there is none. */
static int copy_name(mayfly_arena *arena, const char *name, mayfly_str *ret,
                     mayfly_error *err)
{
    *ret = mayfly_arena_str(arena, name ? name : "", name ? strlen(name) : 0);
    return ret->ptr ? 0 : mf_arena_nomem(arena, "a field's name", err);
}

static int describe(const mayfly_dynamic *m, const mf_plan *plan,
                    const mf_place *p, mayfly_dynamic_field *ret,
                    mayfly_error *err)
{
    const mf_plan_field *f = p->field;
    const mf_enum *e = f->descriptor ? f->descriptor->enumeration : NULL;
    mayfly_dynamic_field field = {.number = f->number,
                                  .type = f->type,
                                  .cardinality = p->is_element ? MAYFLY_SINGULAR
                                                               : f->cardinality,
                                  .is_set = mf_place_is_set(plan, p)};
    const mayfly_array *a = mf_place_is_single(p) ? NULL : array_of(p);
    field.n = a ? a->n : 0;
    int code = copy_name(m->arena, f->name, &field.name, err);
    if (code == 0)
        code = copy_name(m->arena,
                         mf_field_is_message(f)
                             ? plan->messages[f->message].full_name
                         : e ? e->full_name
                             : NULL,
                         &field.type_name, err);
    if (code == 0)
        *ret = field;
    return code;
}

int mayfly_dynamic_describe(const mayfly_dynamic *m, const char *path,
                            mayfly_dynamic_field *ret_field, mayfly_error *err)
{
    const mf_plan *plan;
    mf_place p;
    int code = mf_dynamic_look(m, path, ret_field, &plan, &p, err);
    if (code != 0)
        return code;
    code = describe(m, plan, &p, ret_field, err);
    mf_dynamic_leave(m);
    return mf_dynamic_told(code, path, err);
}

int mayfly_dynamic_field_at(const mayfly_dynamic *m, size_t index,
                            mayfly_dynamic_field *ret_field, mayfly_error *err)
{
    const mf_plan *plan;
    if (!ret_field)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the field");
    int code = mf_dynamic_enter(m, &plan, err);
    if (code != 0)
        return code;
    const mf_plan_message *message = &plan->messages[m->message];
    if (index < message->n_fields) {
        mf_place p = {.message = message,
                      .field = &message->fields[index],
                      .in = m->data};
        code = describe(m, plan, &p, ret_field, err);
    } else {
        code = mf_error_set(err, MAYFLY_ENOTFOUND, "%s has %u fields",
                            message->full_name, message->n_fields);
    }
    mf_dynamic_leave(m);
    return code;
}
