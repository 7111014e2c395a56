/*
 * compiler/gen/emit_structs.c: the structs of a plan as C.
 *
 * The header and the unit both get their structs here, so a program and the
 * code that mayfly compiles see the same ones. Members are written in the order
 * of their offsets, whichever way the plan was made, and layout.c has checked
 * that a compiler gives them these offsets.
 *
 * Structs refer to each other through pointers and arrays only, so one typedef
 * of each in front is all the order they need. Types of members are written
 * with `struct`, because in C++ a member may be called like a type only then.
 */
#include "compiler/gen/emit.h"

#include "base/error.h"
#include "compiler/gen/layout.h"

static bool in_file(const mf_plan_message *m, const mf_file *file)
{
    return !file || (m->descriptor && m->descriptor->file == file);
}

const char *mf_emit_scalar(unsigned type)
{
    switch (type) {
    case MAYFLY_TYPE_DOUBLE:
        return "double";
    case MAYFLY_TYPE_FLOAT:
        return "float";
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_SINT64:
    case MAYFLY_TYPE_SFIXED64:
        return "int64_t";
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_FIXED64:
        return "uint64_t";
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_FIXED32:
        return "uint32_t";
    case MAYFLY_TYPE_BOOL:
        return "bool";
    case MAYFLY_TYPE_STRING:
        return "mayfly_str";
    case MAYFLY_TYPE_BYTES:
        return "mayfly_bytes";
    default: /* the signed ones of 4 bytes, and enums */
        return "int32_t";
    }
}

/* The name of the array type that mayfly/types.h has for a scalar. */
static const char *scalar_array(unsigned type)
{
    switch (type) {
    case MAYFLY_TYPE_DOUBLE:
        return "mayfly_double_array";
    case MAYFLY_TYPE_FLOAT:
        return "mayfly_float_array";
    case MAYFLY_TYPE_INT64:
    case MAYFLY_TYPE_SINT64:
    case MAYFLY_TYPE_SFIXED64:
        return "mayfly_int64_array";
    case MAYFLY_TYPE_UINT64:
    case MAYFLY_TYPE_FIXED64:
        return "mayfly_uint64_array";
    case MAYFLY_TYPE_UINT32:
    case MAYFLY_TYPE_FIXED32:
        return "mayfly_uint32_array";
    case MAYFLY_TYPE_BOOL:
        return "mayfly_bool_array";
    case MAYFLY_TYPE_STRING:
        return "mayfly_str_array";
    case MAYFLY_TYPE_BYTES:
        return "mayfly_bytes_array";
    default:
        return "mayfly_int32_array";
    }
}

static void put_field(const mf_plan *plan, const mf_plan_field *f,
                      const char *indent, mf_buf *out)
{
    bool message = mf_layout_is_message(f->type);
    const char *type = message ? plan->messages[f->message].c_name : NULL;

    mf_buf_puts(out, indent);
    if (message && f->cardinality != MAYFLY_SINGULAR)
        mf_buf_printf(out, "struct %s_array %s;\n", type, f->c_name);
    else if (message)
        mf_buf_printf(out, "struct %s *%s;\n", type, f->c_name);
    else if (f->cardinality != MAYFLY_SINGULAR)
        mf_buf_printf(out, "%s %s;\n", scalar_array(f->type), f->c_name);
    else
        mf_buf_printf(out, "%s %s;\n", mf_emit_scalar(f->type), f->c_name);
}

static void put_member(const mf_plan *plan, const mf_members *list,
                       const mf_member *member, mf_buf *out)
{
    switch (member->kind) {
    case MF_MEMBER_FIELD:
        put_field(plan, list->order[member->first], "    ", out);
        break;
    case MF_MEMBER_CASE:
        mf_buf_printf(out, "    uint32_t %s;\n", member->case_name);
        break;
    case MF_MEMBER_UNION:
        mf_buf_puts(out, "    union {\n");
        for (uint32_t i = 0; i < member->n; i++)
            put_field(plan, list->order[member->first + i], "        ", out);
        mf_buf_puts(out, "    };\n");
        break;
    }
}

static int put_struct(const mf_plan *plan, const mf_plan_message *m,
                      mf_buf *out, mayfly_error *err)
{
    mayfly_arena scratch;
    mf_members list;
    int code;

    mf_arena_init(&scratch, out->alloc, 0, 0);
    code = mf_layout_members(m, &scratch, &list, err);
    if (!code) {
        mf_buf_printf(out, "\nstruct %s {\n", m->c_name);
        if (m->has_words)
            mf_buf_printf(out, "    uint64_t " MF_HAS_MEMBER "[%u];\n",
                          m->has_words);
        for (uint32_t i = 0; i < list.n; i++)
            put_member(plan, &list, &list.members[i], out);
        mf_buf_puts(out, "    mayfly_unknown " MF_UNKNOWN_MEMBER ";\n};\n");
    }
    mf_arena_done(&scratch);
    return code;
}

int mf_emit_structs(const mf_plan *plan, const mf_file *file, mf_buf *out,
                    mayfly_error *err)
{
    int code = 0;

    for (uint32_t i = 0; i < plan->n_messages; i++) {
        const char *name = plan->messages[i].c_name;
        if (in_file(&plan->messages[i], file))
            mf_buf_printf(out,
                          "typedef struct %s %s;\n"
                          "MAYFLY_ARRAY_OF(%s, %s_array);\n",
                          name, name, name, name);
    }
    for (uint32_t i = 0; !code && i < plan->n_messages; i++) {
        if (in_file(&plan->messages[i], file))
            code = put_struct(plan, &plan->messages[i], out, err);
    }
    return code ? code : mf_buf_check(out, "the structs", err);
}
