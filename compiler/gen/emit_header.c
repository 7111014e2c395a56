/*
 * compiler/gen/emit_header.c: the header that user programs include.
 *
 * One per .proto file. It holds constants for enums and oneofs, structs,
 * constant tables that say where each field lies (mayfly/layout.h), short
 * inline functions, and typed forms of the calls that a service has. All of it
 * is valid C11 and C++17, and C that libtcc reads: handler source includes the
 * same header.
 *
 *     this file          guard, includes, constants, order
 *     emit_fields.c      setters, adders
 *     emit_tables.c      layout tables, encode and decode
 *     emit_service.c     proxies and handlers
 *     emit_structs.c     structs
 *
 * A header includes the headers of those files whose messages or enums it uses,
 * and of its public imports; other imports leave no trace, so nobody has to
 * make a header for a file that only defines options.
 */
#include "compiler/gen/emit.h"

#include "base/error.h"
#include "compiler/gen/header.h"
#include "compiler/gen/layout.h"
#include "compiler/gen/names.h"

#include <string.h>

const char *mf_header_name(mayfly_arena *arena, const char *import_name)
{
    static const char proto[] = ".proto";
    size_t n = strlen(import_name), tail = sizeof proto - 1, at = 0;
    char *name = mf_arena_alloc(arena, 3 * n + sizeof ".mf.h");

    if (!name)
        return NULL;
    if (n > tail && strcmp(import_name + n - tail, proto) == 0)
        n -= tail;
    for (size_t i = 0; i < n; i++) {
        static const char digits[] = "0123456789abcdef";
        unsigned char c = (unsigned char)import_name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                     c == '-' || (c == '/' && i && import_name[i - 1] != '/');
        if (plain) {
            name[at++] = (char)c;
            continue;
        }
        name[at++] = '_';
        name[at++] = digits[c >> 4];
        name[at++] = digits[c & 15];
    }
    memcpy(name + at, ".mf.h", sizeof ".mf.h");
    return name;
}

bool mf_header_owns(const mf_header *h, const mf_plan_message *m)
{
    return m->descriptor && m->descriptor->file == h->file;
}

bool mf_header_owns_service(const mf_header *h, const mf_plan_service *s)
{
    return s->descriptor && s->descriptor->file == h->file;
}

/* Which file each message is of, and as which of its messages. */
static int number_messages(mf_header *h, mf_map *files)
{
    uint32_t n = h->plan->n_messages;
    uint32_t *counts =
        mf_arena_alloc(h->scratch, (h->n_files + 1) * sizeof *counts);

    h->file_of = mf_arena_alloc(h->scratch, (n + 1) * sizeof *h->file_of);
    h->index_of = mf_arena_alloc(h->scratch, (n + 1) * sizeof *h->index_of);
    if (!counts || !h->file_of || !h->index_of)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        const mf_file *file = h->plan->messages[i].descriptor->file;
        uintptr_t at = (uintptr_t)mf_map_get(files, &file, sizeof file);
        h->file_of[i] = (uint32_t)at - 1;
        h->index_of[i] = counts[at - 1]++;
        h->n_messages += file == h->file;
    }
    return 0;
}

static void use_message(mf_header *h, uint32_t message)
{
    mf_header_import *import = &h->imports[h->file_of[message]];

    if (import->file == h->file || import->number)
        return;
    import->included = true;
    import->number = ++h->n_imports;
}

static void use_file(mf_header *h, const mf_map *files, const mf_file *file)
{
    uintptr_t at = (uintptr_t)mf_map_get(files, &file, sizeof file);

    if (at && file != h->file)
        h->imports[at - 1].included = true;
}

/* Finds what the file's messages and methods use of other files. */
static void find_imports(mf_header *h, const mf_map *files)
{
    const mf_plan *plan = h->plan;

    for (uint32_t i = 0; i < plan->n_messages; i++) {
        const mf_plan_message *m = &plan->messages[i];
        if (!mf_header_owns(h, m))
            continue;
        for (uint32_t j = 0; j < m->n_fields; j++) {
            const mf_plan_field *f = &m->fields[j];
            if (f->message != MF_NO_MESSAGE)
                use_message(h, f->message);
            if (f->descriptor->enumeration)
                use_file(h, files, f->descriptor->enumeration->file);
        }
    }
    for (uint32_t i = 0; i < plan->n_services; i++) {
        const mf_plan_service *s = &plan->services[i];
        if (!mf_header_owns_service(h, s))
            continue;
        h->n_services++;
        for (uint32_t j = 0; j < s->n_methods; j++) {
            use_message(h, s->methods[j].request);
            use_message(h, s->methods[j].response);
        }
    }
    for (uint32_t i = 0; i < h->file->n_imports; i++) {
        if (h->file->import_kinds[i] == MF_IMPORT_PUBLIC)
            use_file(h, files, h->file->imports[i]);
    }
}

static int prepare(mf_header *h)
{
    const mf_schema *schema = h->plan->schema;
    mf_map *files = mf_map_new(h->out->alloc);
    mf_buf ident;
    int code = -1;

    mf_buf_init(&ident, h->out->alloc, 0);
    mf_name_file(&ident, h->file->name);
    h->ident = mf_buf_text(&ident)
                   ? mf_arena_strdup(h->scratch, (const char *)ident.ptr)
                   : NULL;
    mf_buf_done(&ident);
    h->n_files = schema->n_files;
    h->imports =
        mf_arena_alloc(h->scratch, (h->n_files + 1) * sizeof *h->imports);
    if (!files || !h->ident || !h->imports)
        goto done;
    for (uint32_t i = 0; i < h->n_files; i++) {
        uintptr_t number = (uintptr_t)i + 1;
        h->imports[i].file = schema->files[i];
        if (mf_map_put(files, &schema->files[i], sizeof schema->files[i],
                       (void *)number))
            goto done;
    }
    if (number_messages(h, files))
        goto done;
    find_imports(h, files);
    code = 0;
done:
    mf_map_free(files);
    return code;
}

static void put_enum(mf_header *h, const mf_enum *e)
{
    const mf_names *names = h->plan->c_names;
    const char *owner = mf_names_type(names, e->full_name);

    mf_buf_printf(h->out, "\n/* %s */\nenum {\n", owner);
    for (uint32_t i = 0; i < e->n_values; i++) {
        const mf_enum_value *v = &e->values[i];
        mf_buf_printf(h->out, "    %s_%s = ", owner,
                      mf_names_stem(names, MF_NAME_VALUE, v, v->name));
        if (v->number == INT32_MIN)
            mf_buf_puts(h->out, "-INT32_C(2147483647) - 1");
        else
            mf_buf_printf(h->out, "%d", (int)v->number);
        mf_buf_puts(h->out, i + 1 < e->n_values ? ",\n" : "\n");
    }
    mf_buf_puts(h->out, "};\n");
}

static void put_includes(mf_header *h)
{
    mf_buf_puts(h->out, "#include <mayfly/mayfly.h>\n");
    for (uint32_t i = 0; i < h->n_files; i++) {
        const char *name;
        if (!h->imports[i].included)
            continue;
        name = mf_header_name(h->scratch, h->imports[i].file->name);
        if (!name)
            h->out->failed = MAYFLY_ENOMEM;
        else
            mf_buf_printf(h->out, "#include \"%s\"\n", name);
    }
}

static int put_all(mf_header *h, mayfly_error *err)
{
    const mf_plan *plan = h->plan;
    uint32_t service = 0;
    int code;

    mf_buf_printf(h->out,
                  "/* Made by mayfly. Do not edit; make it again instead. */\n"
                  "#ifndef MAYFLY_H_%s\n#define MAYFLY_H_%s\n\n",
                  h->ident, h->ident);
    put_includes(h);
    mf_buf_puts(h->out, "\nMAYFLY_BEGIN\n");
    for (uint32_t i = 0; i < plan->schema->n_enums; i++) {
        if (plan->schema->enums[i]->file == h->file)
            put_enum(h, plan->schema->enums[i]);
    }
    mf_buf_puts(h->out, "\n");
    code = mf_emit_structs(plan, h->file, h->out, err);
    if (code)
        return code;
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        if (mf_header_owns(h, &plan->messages[i]))
            mf_header_put_cases(h, &plan->messages[i]);
    }
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        if (mf_header_owns(h, &plan->messages[i]))
            mf_header_put_fields(h, &plan->messages[i]);
    }
    mf_header_put_tables(h);
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        if (mf_header_owns(h, &plan->messages[i]))
            mf_header_put_codec(h, &plan->messages[i]);
    }
    for (uint32_t i = 0; i < plan->n_services; i++) {
        if (mf_header_owns_service(h, &plan->services[i]))
            mf_header_put_service(h, &plan->services[i], service++);
    }
    mf_buf_puts(h->out, "\nMAYFLY_END\n\n#endif\n");
    return mf_buf_check(h->out, "the header", err);
}

int mf_emit_header(const mf_plan *plan, const mf_file *file, mf_buf *out,
                   mayfly_error *err)
{
    mayfly_arena scratch;
    mf_header h = {.plan = plan, .file = file, .out = out, .scratch = &scratch};
    int code;

    if (!plan->c_names)
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a header is made from a schema only");
    mf_arena_init(&scratch, out->alloc, 0, 0);
    code = prepare(&h) ? mf_error_nomem(err, "the header") : put_all(&h, err);
    mf_arena_done(&scratch);
    return code;
}
