/*
 * compiler/gen/emit_encode.c: the encode function of one message as C.
 *
 * Fields are written in the order of their numbers, each by one call of a
 * kernel that the library brings (compiler/kernel/stub.h); libtcc's own code is
 * too slow for more than deciding what to call. Scalars that follow each other
 * share one check for room and are written without a branch, whether they are
 * set or not:
 *
 *     if (!(p = MF_ROOM(w, p, 48)))
 *         return NULL;
 *     p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->id);
 *
 * Members of a oneof whose numbers follow each other become a switch on its
 * case. A map entry writes its key and value whatever they are. Unknown fields
 * come last.
 *
 * Threads: any.
 */
#include "compiler/gen/emit_encode.h"

#include "base/error.h"

enum { SCALAR_ROOM = 16, SLACK = 16 }; /* MF_SCALAR_ROOM, MF_SLACK of stub.h */

static bool is_text(const mf_plan_field *f)
{
    return f->type == MAYFLY_TYPE_STRING || f->type == MAYFLY_TYPE_BYTES;
}

static bool is_scalar(const mf_plan_field *f)
{
    return f->cardinality == MAYFLY_SINGULAR && !is_text(f) &&
           f->type != MAYFLY_TYPE_MESSAGE;
}

/* A scalar's kernel behind "mf_put_". `implicit`: set when it is not zero. */
static const char *kernel_of(unsigned type, bool implicit)
{
    switch (type) {
    case MAYFLY_TYPE_DOUBLE:
        return implicit ? "precise" : "fixed64";
    case MAYFLY_TYPE_FLOAT:
        return implicit ? "real" : "fixed32";
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
        return "fixed64";
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_SFIXED32:
        return "fixed32";
    case MAYFLY_TYPE_SINT32:
    case MAYFLY_TYPE_SINT64:
        return "zigzag";
    default:
        return "varint";
    }
}

static unsigned wire_type_of(const mf_plan_field *f)
{
    if (is_text(f) || f->type == MAYFLY_TYPE_MESSAGE ||
        f->flags & MAYFLY_FIELD_PACKED)
        return 2;
    switch (f->type) {
    case MAYFLY_TYPE_DOUBLE:
    case MAYFLY_TYPE_FIXED64:
    case MAYFLY_TYPE_SFIXED64:
        return 1;
    case MAYFLY_TYPE_FLOAT:
    case MAYFLY_TYPE_FIXED32:
    case MAYFLY_TYPE_SFIXED32:
        return 5;
    default:
        return 0;
    }
}

/* MF_TAG(2, 0x0182): the bytes on the wire, the first one lowest. */
static void put_tag(const mf_plan_field *f, mf_buf *out)
{
    uint32_t tag = f->number << 3 | wire_type_of(f);
    uint64_t bytes = 0;
    unsigned n = 0;

    for (; tag >= 0x80; tag >>= 7)
        bytes |= (uint64_t)((tag & 0x7f) | 0x80) << 8 * n++;
    bytes |= (uint64_t)tag << 8 * n++;
    mf_buf_printf(out, n > 4 ? "MF_TAG(%u, 0x%0*llxu)" : "MF_TAG(%u, 0x%0*llx)",
                  n, (int)n * 2, (unsigned long long)bytes);
}

/* Whether it is set, as it stands in an if; false: it needs no test. */
static bool put_condition(const mf_plan_message *m, const mf_plan_field *f,
                          bool in_case, mf_buf *out)
{
    if (f->cardinality != MAYFLY_SINGULAR) {
        mf_buf_printf(out, "m->%s.n", f->c_name);
    } else if (m->is_map_entry || in_case) {
        return false;
    } else if (f->presence_kind == MAYFLY_HASBIT) {
        mf_buf_printf(out, "m->" MF_HAS_MEMBER "[%u] >> %u & 1",
                      f->presence / 64, f->presence % 64);
    } else if (is_text(f)) {
        mf_buf_printf(out, "m->%s.len", f->c_name);
    } else if (f->type == MAYFLY_TYPE_FLOAT || f->type == MAYFLY_TYPE_DOUBLE) {
        return false; /* the kernel looks at its bits */
    } else {
        mf_buf_printf(out, "m->%s", f->c_name);
    }
    return true;
}

/* One scalar; there is room. */
static void put_scalar(const mf_plan_message *m, const mf_plan_field *f,
                       bool in_case, const char *indent, mf_buf *out)
{
    bool implicit = f->presence_kind == MAYFLY_IMPLICIT && !m->is_map_entry;
    const char *kernel = kernel_of(f->type, implicit);
    size_t before = out->len;

    mf_buf_printf(out, "%sif (", indent);
    if (put_condition(m, f, in_case, out))
        mf_buf_puts(out, ")\n    ");
    else if (!out->failed)
        out->len = before;
    mf_buf_printf(out, "%sp = mf_put_%s(p, ", indent, kernel);
    put_tag(f, out);
    mf_buf_printf(out, ", %sm->%s); /* %u */\n",
                  kernel[0] == 'v'   ? "(uint64_t)"
                  : kernel[0] == 'z' ? ""
                                     : "&",
                  f->c_name, f->number);
}

static void put_room(uint32_t n_scalars, const char *indent, mf_buf *out)
{
    mf_buf_printf(out,
                  "%sif (!(p = MF_ROOM(w, p, %u)))\n"
                  "%s    return NULL;\n",
                  indent, n_scalars * SCALAR_ROOM + SLACK, indent);
}

/* The name and the arguments of the kernel for anything but a singular scalar:
 * "mf_put_string(w, p, MF_TAG(1, 0x0a), &m->name)". */
static void put_call(const mf_plan *plan, const mf_plan_field *f, mf_buf *out)
{
    bool single = f->cardinality == MAYFLY_SINGULAR;
    bool message = f->type == MAYFLY_TYPE_MESSAGE;

    if (message)
        mf_buf_puts(out, single ? "mf_put_message" : "mf_put_messages");
    else if (f->type == MAYFLY_TYPE_STRING)
        mf_buf_puts(out, single ? "mf_put_string" : "mf_put_strings");
    else if (f->type == MAYFLY_TYPE_BYTES)
        mf_buf_puts(out, single ? "mf_put_bytes" : "mf_put_byteses");
    else
        mf_buf_puts(out, f->flags & MAYFLY_FIELD_PACKED ? "mf_put_packed"
                                                        : "mf_put_repeated");
    mf_buf_puts(out, "(w, p, ");
    put_tag(f, out);
    if (message)
        mf_buf_printf(out, ", mf_encode_%s", plan->messages[f->message].c_name);
    else if (!is_text(f))
        mf_buf_printf(out, ", %u", f->type);
    mf_buf_printf(out, ", %sm->%s", single && message ? "" : "&", f->c_name);
    if (message && !single)
        mf_buf_printf(out, ", sizeof(%s)", plan->messages[f->message].c_name);
    mf_buf_puts(out, ")");
}

/* Anything but a singular scalar. */
static void put_other(const mf_plan *plan, const mf_plan_message *m,
                      const mf_plan_field *f, bool in_case, const char *indent,
                      mf_buf *out)
{
    bool shift = f->cardinality == MAYFLY_SINGULAR &&
                 f->presence_kind == MAYFLY_HASBIT && !m->is_map_entry;

    mf_buf_printf(out, "%sif (%s", indent, shift ? "(" : "");
    if (put_condition(m, f, in_case, out))
        mf_buf_puts(out, shift ? ") && " : " && ");
    mf_buf_puts(out, "!(p = ");
    put_call(plan, f, out);
    mf_buf_printf(out, ")) /* %u */\n%s    return NULL;\n", f->number, indent);
}

/* Members of one oneof, `n` of them. */
static void put_switch(const mf_plan *plan, const mf_plan_message *m,
                       const mf_plan_field *f, uint32_t n, mf_buf *out)
{
    mf_buf_printf(out, "    switch (m->%s) {\n", f->case_name);
    for (uint32_t i = 0; i < n; i++) {
        mf_buf_printf(out, "    case %u:\n", f[i].number);
        if (is_scalar(&f[i])) {
            put_room(1, "        ", out);
            put_scalar(m, &f[i], true, "        ", out);
        } else {
            put_other(plan, m, &f[i], true, "        ", out);
        }
        mf_buf_puts(out, "        break;\n");
    }
    mf_buf_puts(out, "    }\n");
}

/* How many fields from f on belong together: members of one oneof, or scalars.
 */
static uint32_t run_of(const mf_plan_field *f, const mf_plan_field *end)
{
    const mf_plan_field *next = f + 1;

    if (f->presence_kind == MAYFLY_ONEOF) {
        while (next < end && next->presence_kind == MAYFLY_ONEOF &&
               next->presence == f->presence)
            next++;
    } else if (is_scalar(f)) {
        while (next < end && next->presence_kind != MAYFLY_ONEOF &&
               is_scalar(next))
            next++;
    }
    return (uint32_t)(next - f);
}

int mf_emit_encode(const mf_plan *plan, const mf_plan_message *m, mf_buf *out,
                   mayfly_error *err)
{
    const mf_plan_field *f = m->fields, *end = f + m->n_fields;

    mf_buf_printf(out,
                  "\nstatic uint8_t *mf_encode_%s(mf_writer *w, uint8_t *p, "
                  "const void *message)\n"
                  "{\n"
                  "    const %s *m = message;\n\n",
                  m->c_name, m->c_name);
    while (f < end) {
        uint32_t n = run_of(f, end);

        if (f->type == MAYFLY_TYPE_GROUP)
            return mf_error_set(err, MAYFLY_EUNSUPPORTED,
                                "field %s.%s: groups are not supported",
                                m->full_name, f->name);
        if (f->presence_kind == MAYFLY_ONEOF) {
            put_switch(plan, m, f, n, out);
        } else if (is_scalar(f)) {
            put_room(n, "    ", out);
            for (uint32_t i = 0; i < n; i++)
                put_scalar(m, &f[i], false, "    ", out);
        } else {
            put_other(plan, m, f, false, "    ", out);
        }
        f += n;
    }
    if (m->is_map_entry)
        mf_buf_puts(out, "    return p;\n}\n");
    else
        mf_buf_puts(out, "    return m->" MF_UNKNOWN_MEMBER ".len ? "
                         "mf_put_unknown(w, p, &m->" MF_UNKNOWN_MEMBER
                         ") : p;\n}\n");
    return 0;
}
