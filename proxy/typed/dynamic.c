/*
 * proxy/typed/dynamic.c: messages without a header.
 *
 * A dynamic message is the struct that the context's own plan gives its type,
 * with a note of which context and which message that is. It is encoded and
 * decoded by the context's compiled code, as typed messages are; what takes the
 * place of the header is the plan, which dynamic_path.c walks.
 *
 * What stays true: the plan is looked at under a lease only. A message that a
 * handler was given is covered by the lease of its call; every other takes one
 * for the length of each function, so it may outlive the context. Nothing that
 * is handed out lies in the unit: names are copied.
 *
 * Threads: any; a message is one thread's at a time.
 */
#include "proxy/typed/dynamic.h"

#include "base/error.h"
#include "compiler/json/json.h"
#include "proxy/typed/message.h"

int mf_dynamic_enter(const mayfly_dynamic *m, const mf_plan **ret,
                     mayfly_error *err)
{
    if (!m)
        return mf_error_set(err, MAYFLY_EINVAL, "no message");
    int code = m->is_held ? 0 : mf_lease_take(m->context, err);
    if (code == 0)
        *ret = ((const mf_unit *)mf_context_unit(m->context))->plan;
    return code;
}

void mf_dynamic_leave(const mayfly_dynamic *m)
{
    if (!m->is_held)
        mf_lease_drop(m->context);
}

mayfly_dynamic *mf_dynamic_wrap(mayfly_context *context, uint32_t message,
                                mayfly_arena *arena, void *data, int is_held)
{
    const mf_unit *unit = mf_context_unit(context);
    mayfly_dynamic *m = mf_arena_alloc(arena, sizeof *m);
    if (!data)
        data = mf_arena_alloc(arena, unit->plan->messages[message].size);
    if (!m || !data)
        return NULL;
    *m = (mayfly_dynamic){.context = context,
                          .arena = arena,
                          .data = data,
                          .message = message,
                          .is_held = is_held != 0};
    return m;
}

int mf_dynamic_check_type(const mayfly_dynamic *m,
                          const mayfly_context *context, uint32_t index,
                          mayfly_error *err)
{
    const mf_unit *unit = mf_context_unit(context);
    const char *wanted = unit->plan->messages[index].full_name;
    if (m->context != context)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "the message is of another context than the call");
    if (m->message != index)
        return mf_error_set(err, MAYFLY_EINVAL, "the message is a %s, not a %s",
                            unit->plan->messages[m->message].full_name, wanted);
    return 0;
}

int mf_dynamic_write(const mayfly_dynamic *m, size_t head, mayfly_arena *arena,
                     mayfly_bytes *ret, mayfly_error *err)
{
    const mf_unit *unit = mf_context_unit(m->context);
    return mf_encode(unit->entry->encode[m->message], m->data, head, arena, ret,
                     err);
}

int mf_dynamic_read(mayfly_context *context, uint32_t message,
                    mayfly_arena *arena, mayfly_bytes wire, int is_held,
                    mayfly_dynamic **ret, mayfly_error *err)
{
    const mf_unit *unit = mf_context_unit(context);
    void *data;
    int code =
        mf_decode(unit->tables, message, wire.ptr, wire.len, arena, &data, err);
    if (code != 0)
        return code;
    mayfly_dynamic *m = mf_dynamic_wrap(context, message, arena, data, is_held);
    if (!m)
        return mf_arena_nomem(arena, "a message", err);
    *ret = m;
    return 0;
}

/* --- public ------------------------------------------------------------------
 */

static int check(const mayfly_context *context, const void *name,
                 const mayfly_arena *arena, const void *ret, mayfly_error *err)
{
    if (!context || !name || !arena || !ret)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a message needs a context, a type and an arena");
    return 0;
}

static int make(mayfly_context *context, uint32_t message, mayfly_arena *arena,
                mayfly_dynamic **ret, mayfly_error *err)
{
    mayfly_dynamic *m = mf_dynamic_wrap(context, message, arena, NULL, 0);
    if (!m)
        return mf_arena_nomem(arena, "a message", err);
    *ret = m;
    return 0;
}

int mayfly_dynamic_new(mayfly_context *context, const char *type,
                       mayfly_arena *arena, mayfly_dynamic **ret_message,
                       mayfly_error *err)
{
    int code = check(context, type, arena, ret_message, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_unit *unit = mf_context_unit(context);
    const mf_plan_message *m = mf_plan_find(unit->plan, type);
    code =
        m ? make(context, m->index, arena, ret_message, err)
          : mf_error_set(err, MAYFLY_ENOTFOUND, "no message \"%.200s\"", type);
    mf_lease_drop(context);
    return code;
}

int mayfly_dynamic_new_for(mayfly_context *context, const char *method,
                           enum mayfly_direction direction, mayfly_arena *arena,
                           mayfly_dynamic **ret_message, mayfly_error *err)
{
    int code = check(context, method, arena, ret_message, err);
    if (code == 0)
        code = mf_lease_take(context, err);
    if (code != 0)
        return code;
    const mf_unit *unit = mf_context_unit(context);
    const mf_plan_method *m = mf_plan_find_method(unit->plan, method);
    if (m)
        code = make(context,
                    direction == MAYFLY_REQUEST ? m->request : m->response,
                    arena, ret_message, err);
    else
        code =
            mf_error_set(err, MAYFLY_ENOTFOUND, "no method \"%.200s\"", method);
    mf_lease_drop(context);
    return code;
}

int mayfly_dynamic_decode(mayfly_dynamic *message, mayfly_bytes wire,
                          mayfly_error *err)
{
    const mf_plan *plan;
    int code = mf_dynamic_enter(message, &plan, err);
    if (code != 0)
        return code;
    const mf_unit *unit = mf_context_unit(message->context);
    void *data;
    code = mf_decode(unit->tables, message->message, wire.ptr, wire.len,
                     message->arena, &data, err);
    if (code == 0) /* in place: whoever has a view of it sees the new fields */
        memcpy(message->data, data, plan->messages[message->message].size);
    mf_dynamic_leave(message);
    return code;
}

int mayfly_dynamic_encode(const mayfly_dynamic *message, mayfly_bytes *ret_wire,
                          mayfly_error *err)
{
    const mf_plan *plan;
    if (!ret_wire)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the bytes");
    int code = mf_dynamic_enter(message, &plan, err);
    if (code != 0)
        return code;
    code = mf_dynamic_write(message, 0, message->arena, ret_wire, err);
    mf_dynamic_leave(message);
    return code;
}

int mayfly_dynamic_from_json(mayfly_dynamic *message, mayfly_str json,
                             mayfly_error *err)
{
    const mf_plan *plan;
    int code = mf_dynamic_enter(message, &plan, err);
    if (code != 0)
        return code;
    mf_json_codec codec = mf_message_codec(mf_context_unit(message->context));
    mayfly_str copy = mayfly_arena_str(message->arena, json.ptr, json.len);
    void *data;
    if (!copy.ptr)
        code = mf_arena_nomem(message->arena, "a message from JSON", err);
    if (code == 0)
        code = mf_json_parse(plan, message->message, copy, 0, &codec,
                             message->arena, &data, err);
    if (code == 0)
        memcpy(message->data, data, plan->messages[message->message].size);
    mf_dynamic_leave(message);
    return code;
}

int mayfly_dynamic_to_json(const mayfly_dynamic *message, int pretty,
                           mayfly_str *ret_json, mayfly_error *err)
{
    const mf_plan *plan;
    if (!ret_json)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the JSON");
    int code = mf_dynamic_enter(message, &plan, err);
    if (code != 0)
        return code;
    code =
        mf_message_print(mf_context_unit(message->context), message->message,
                         message->data, pretty, message->arena, ret_json, err);
    mf_dynamic_leave(message);
    return code;
}

int mayfly_dynamic_type(const mayfly_dynamic *message, mayfly_str *ret_type,
                        mayfly_error *err)
{
    const mf_plan *plan;
    if (!ret_type)
        return mf_error_set(err, MAYFLY_EINVAL, "nowhere to put the name");
    int code = mf_dynamic_enter(message, &plan, err);
    if (code != 0)
        return code;
    const char *name = plan->messages[message->message].full_name;
    mayfly_str copy = mayfly_arena_str(message->arena, name, strlen(name));
    if (copy.ptr)
        *ret_type = copy;
    else
        code = mf_arena_nomem(message->arena, "a type's name", err);
    mf_dynamic_leave(message);
    return code;
}
