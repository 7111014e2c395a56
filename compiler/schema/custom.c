/*
 * compiler/schema/custom.c: custom options.
 *
 *     option (my.option).part.(other.extension) = value;
 *
 * The name is a path: an extension of the options message, then fields of the
 * message it holds. The value becomes the last field's wire bytes, wrapped in
 * one message per step of the path, as protoc does it: each option is a field
 * of the options message of its own, and readers merge those of one number.
 *
 * An option whose extension no file at hand defines stays uninterpreted. protoc
 * refuses it; here the schema is what counts, and the files that define a
 * tool's options are often not there.
 */
#include "compiler/schema/custom.h"

#include "compiler/schema/symbols.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_MAX = 64 }; /* as many as the parser lets through */

typedef struct steps {
    const mf_field *fields[STEPS_MAX];
    uint32_t n;
} steps;

static void tell(mf_build *b, mf_draft_file *file, const mf_option *o,
                 const char *format, const char *name)
{
    char text[300];
    snprintf(text, sizeof text, format, name);
    mf_build_error(b, file, MAYFLY_ESCHEMA, (mf_place){o->line, o->column},
                   "the option (%.200s): %s", o->parts[0].name, text);
}

/* An extension by its name in the text; NULL when it is not defined, or, told,
 * when it is something else. */
static const mf_field *find_extension(mf_build *b, mf_draft_file *file,
                                      const char *scope, const mf_option *o,
                                      const char *name)
{
    mf_draft_file *hidden;
    const mf_draft_symbol *s =
        mf_symbols_resolve(b, file, scope, name, false, &hidden);
    if (!s && hidden)
        tell(b, file, o, "it is defined in \"%.200s\", which is not imported",
             hidden->made->name);
    if (!s)
        return NULL;
    const mf_field *f = s->symbol.kind == MF_SYMBOL_FIELD ? s->symbol.of : NULL;
    if (f && f->is_extension)
        return f;
    tell(b, file, o, "\"%.200s\" is not an extension", name);
    return NULL;
}

static const mf_field *find_field(mf_build *b, const mf_message *m,
                                  const char *name)
{
    mf_build_work(b, 16 * (size_t)m->n_fields);
    for (uint32_t i = 0; i < m->n_fields; i++) {
        if (strcmp(m->fields[i].name, name) == 0)
            return &m->fields[i];
    }
    return NULL;
}

/* The path's fields; false when it leads nowhere. */
static bool find_steps(mf_build *b, mf_draft_file *file, const char *message,
                       const char *scope, const mf_option *o, steps *ret)
{
    const mf_field *f = find_extension(b, file, scope, o, o->parts[0].name);
    if (!f || !f->parent || !f->type)
        return false;
    if (strcmp(f->parent->full_name + strlen("google.protobuf."), message) !=
        0) {
        tell(b, file, o, "it is no option of this, but one of %.200s",
             f->parent->full_name);
        return false;
    }
    ret->fields[0] = f;
    for (ret->n = 1; ret->n < o->n_parts; ret->n++) {
        const mf_option_part *part = &o->parts[ret->n];
        if (f->type != MAYFLY_TYPE_MESSAGE || f->label == MF_REPEATED) {
            tell(b, file, o, "\"%.200s\" has no parts", f->name);
            return false;
        }
        const mf_message *m = f->message;
        f = part->is_extension ? find_extension(b, file, scope, o, part->name)
                               : find_field(b, m, part->name);
        if (!f || f->parent != m || !f->type) {
            tell(b, file, o, "it has no part \"%.200s\"", part->name);
            return false;
        }
        ret->fields[ret->n] = f;
    }
    return true;
}

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Whether the bytes (ours, so they are right) set the field at the path's end.
 */
static bool is_set(mayfly_bytes wire, const steps *path, uint32_t step)
{
    const uint8_t *at = wire.ptr, *end = at + wire.len;
    uint64_t tag, value;
    while (at < end && read_varint(&at, end, &tag)) {
        mayfly_bytes inner = {at, 0};
        if ((tag & 7) == MF_WIRE_64) {
            at += 8;
        } else if ((tag & 7) == MF_WIRE_32) {
            at += 4;
        } else if (!read_varint(&at, end, &value)) {
            return false;
        } else if ((tag & 7) == MF_WIRE_BYTES) {
            inner = (mayfly_bytes){at, (size_t)value};
            at += value;
        }
        if (tag >> 3 != path->fields[step]->number)
            continue;
        if (step + 1 == path->n || is_set(inner, path, step + 1))
            return true;
    }
    return false;
}

static bool is_set_before(mf_build *b, const mf_options *all,
                          const mf_option *o, const steps *path)
{
    if (path->fields[path->n - 1]->label == MF_REPEATED)
        return false;
    for (const mf_option *e = all->first; e != o; e = e->next) {
        mf_build_work(b, sizeof *e + e->wire.len);
        if (e->wire.ptr && is_set(e->wire, path, 0))
            return true;
    }
    return false;
}

/* The value with the last field's tag. */
static bool put_value(mf_build *b, mf_draft_file *file, const mf_option *o,
                      const mf_field *f, mf_buf *out)
{
    mf_scalar scalar;
    const char *wanted;
    if (f->type == MAYFLY_TYPE_MESSAGE) {
        if (o->kind == MF_OPTION_AGGREGATE) {
            size_t start = mf_wire_begin(out, f->number);
            bool ok = mf_aggregate(b, file, f->message, o, out);
            mf_wire_end(out, start);
            return ok;
        }
        wanted = "{ ... }";
    } else {
        mf_build_work(b, f->enumeration ? 16 * (size_t)f->enumeration->n_values
                                        : 0);
        wanted = mf_scalar_of(f, o, false, &scalar);
    }
    if (wanted) {
        mf_build_error(
            b, file, MAYFLY_ESCHEMA, (mf_place){o->value_line, o->value_column},
            "the option (%.200s) takes %s", o->parts[0].name, wanted);
        return false;
    }
    mf_wire_tag(out, f->number, mf_scalar_wire_type(f));
    mf_scalar_put(out, f, &scalar);
    return true;
}

void mf_resolve_custom(mf_build *b, mf_draft_file *file, const char *message,
                       const char *scope, const mf_options *all, mf_option *o)
{
    steps path;
    mf_buf out;
    size_t starts[STEPS_MAX];
    if (!find_steps(b, file, message, scope, o, &path))
        return;
    if (is_set_before(b, all, o, &path)) {
        tell(b, file, o, "\"%.200s\" is set twice",
             path.fields[path.n - 1]->name);
        return;
    }
    mf_buf_init(&out, b->schema->alloc, b->limits.total_bytes);
    for (uint32_t i = 0; i + 1 < path.n; i++)
        starts[i] = mf_wire_begin(&out, path.fields[i]->number);
    bool ok = put_value(b, file, o, path.fields[path.n - 1], &out);
    for (uint32_t i = path.n - 1; i-- > 0;)
        mf_wire_end(&out, starts[i]);
    if (out.failed)
        mf_build_fatal(b, out.failed, "the value of an option");
    if (ok && !out.failed) {
        o->wire.ptr =
            (const uint8_t *)mf_build_text(b, (const char *)out.ptr, out.len);
        o->wire.len = out.len;
    }
    mf_buf_done(&out);
}
