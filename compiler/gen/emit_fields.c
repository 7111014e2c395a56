/*
 * compiler/gen/emit_fields.c: inline functions and constants for fields.
 *
 * Only fields that a plain assignment does not serve get functions: explicit
 * presence and members of oneofs (set, has, clear), sub-messages (new),
 * repeated fields and maps (add). Which a field gets is decided in names.c,
 * where their names are claimed.
 */
#include "compiler/gen/header.h"

#include "compiler/gen/emit.h"
#include "compiler/gen/layout.h"
#include "compiler/gen/names.h"

#include <inttypes.h>

/* One function's field: what all of them are written from. */
typedef struct field_text {
    mf_header *h;
    const mf_plan_message *m;
    const mf_plan_field *f;
    const char *type; /* of the value */
} field_text;

static const char *stem(const field_text *t, enum mf_name_op op)
{
    return mf_names_stem(t->h->plan->c_names, op, t->f->descriptor, t->f->name);
}

static void put_set(const field_text *t)
{
    mf_buf *out = t->h->out;

    mf_buf_printf(out,
                  "\nstatic inline void %s_set_%s(%s *m, %s %svalue)\n{\n"
                  "    m->%s = value;\n",
                  t->m->c_name, stem(t, MF_NAME_SET), t->m->c_name, t->type,
                  t->f->message == MF_NO_MESSAGE ? "" : "*", t->f->c_name);
    if (t->f->presence_kind == MAYFLY_ONEOF)
        mf_buf_printf(out, "    m->%s = %" PRIu32 ";\n}\n", t->f->case_name,
                      t->f->number);
    else
        mf_buf_printf(out,
                      "    m->" MF_HAS_MEMBER "[%" PRIu32
                      "] |= UINT64_C(1) << %" PRIu32 ";\n}\n",
                      t->f->presence / 64, t->f->presence % 64);
}

static void put_has(const field_text *t)
{
    mf_buf *out = t->h->out;

    mf_buf_printf(out, "\nstatic inline bool %s_has_%s(const %s *m)\n{\n",
                  t->m->c_name, stem(t, MF_NAME_HAS), t->m->c_name);
    if (t->f->presence_kind == MAYFLY_ONEOF)
        mf_buf_printf(out, "    return m->%s == %" PRIu32 ";\n}\n",
                      t->f->case_name, t->f->number);
    else
        mf_buf_printf(out,
                      "    return (m->" MF_HAS_MEMBER "[%" PRIu32
                      "] >> %" PRIu32 " & 1) != 0;\n}\n",
                      t->f->presence / 64, t->f->presence % 64);
}

static void put_clear(const field_text *t)
{
    mf_buf *out = t->h->out;
    const char *member = t->f->c_name;

    mf_buf_printf(out, "\nstatic inline void %s_clear_%s(%s *m)\n{\n",
                  t->m->c_name, stem(t, MF_NAME_CLEAR), t->m->c_name);
    if (t->f->presence_kind == MAYFLY_ONEOF) {
        mf_buf_printf(out,
                      "    if (m->%s == %" PRIu32 ")\n        m->%s = 0;\n}\n",
                      t->f->case_name, t->f->number, t->f->case_name);
        return;
    }
    if (t->f->type == MAYFLY_TYPE_STRING || t->f->type == MAYFLY_TYPE_BYTES)
        mf_buf_printf(out, "    m->%s.ptr = NULL;\n    m->%s.len = 0;\n",
                      member, member);
    else
        mf_buf_printf(out, "    m->%s = 0;\n", member);
    mf_buf_printf(out,
                  "    m->" MF_HAS_MEMBER "[%" PRIu32
                  "] &= ~(UINT64_C(1) << %" PRIu32 ");\n}\n",
                  t->f->presence / 64, t->f->presence % 64);
}

static void put_new(const field_text *t)
{
    mf_buf *out = t->h->out;
    bool one_of = t->f->presence_kind == MAYFLY_ONEOF;

    mf_buf_printf(out,
                  "\n/* A new, zeroed one in the arena; NULL: no memory. */\n"
                  "static inline %s *%s_new_%s(%s *m, mayfly_arena *arena)\n"
                  "{\n"
                  "    %s *child = (%s *)mayfly_arena_alloc(arena, "
                  "sizeof *child);\n"
                  "\n"
                  "    if (child)%s\n"
                  "        m->%s = child;\n",
                  t->type, t->m->c_name, stem(t, MF_NAME_NEW), t->m->c_name,
                  t->type, t->type, one_of ? " {" : "", t->f->c_name);
    if (one_of)
        mf_buf_printf(out, "        m->%s = %" PRIu32 ";\n    }\n",
                      t->f->case_name, t->f->number);
    mf_buf_puts(out, "    return child;\n}\n");
}

/* The array is passed as a copy: it is a struct of another type than
 * mayfly_array, which C does not let a function look at through a pointer. */
static void put_add(const field_text *t)
{
    const char *member = t->f->c_name;

    mf_buf_printf(
        t->h->out,
        "\n/* One more element, zeroed; NULL: no memory. */\n"
        "static inline %s *%s_add_%s(%s *m, mayfly_arena *arena)\n"
        "{\n"
        "    mayfly_array array = { m->%s.items, m->%s.n, m->%s.cap };\n"
        "    %s *item = (%s *)mayfly_arena_add(arena, &array, sizeof *item);\n"
        "\n"
        "    m->%s.items = (%s *)array.items;\n"
        "    m->%s.n = array.n;\n"
        "    m->%s.cap = array.cap;\n"
        "    return item;\n"
        "}\n",
        t->type, t->m->c_name, stem(t, MF_NAME_ADD), t->m->c_name, member,
        member, member, t->type, t->type, member, t->type, member, member);
}

void mf_header_put_fields(mf_header *h, const mf_plan_message *m)
{
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_plan_field *f = &m->fields[i];
        unsigned ops = mf_name_field_ops(f->descriptor);
        field_text t = {.h = h, .m = m, .f = f};
        t.type = f->message == MF_NO_MESSAGE
                     ? mf_emit_scalar(f->type)
                     : h->plan->messages[f->message].c_name;
        if (ops & 1u << MF_NAME_SET)
            put_set(&t);
        if (ops & 1u << MF_NAME_HAS)
            put_has(&t);
        if (ops & 1u << MF_NAME_CLEAR)
            put_clear(&t);
        if (ops & 1u << MF_NAME_NEW)
            put_new(&t);
        if (ops & 1u << MF_NAME_ADD)
            put_add(&t);
    }
}

void mf_header_put_cases(mf_header *h, const mf_plan_message *m)
{
    bool some = false;

    for (uint32_t i = 0; i < m->n_fields; i++) {
        const mf_plan_field *f = &m->fields[i];
        if (f->presence_kind != MAYFLY_ONEOF)
            continue;
        mf_buf_puts(h->out, some ? ",\n" : "\nenum {\n");
        some = true;
        mf_buf_printf(h->out, "    %s_case_%s = %" PRIu32, m->c_name,
                      mf_names_stem(h->plan->c_names, MF_NAME_CASE,
                                    f->descriptor, f->name),
                      f->number);
    }
    if (some)
        mf_buf_puts(h->out, "\n};\n");
}
