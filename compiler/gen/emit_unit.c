/*
 * compiler/gen/emit_unit.c: the C of a unit, as libtcc compiles it.
 *
 * A unit is: the structs, an encode function per message (emit_encode.c), four
 * stub functions per method, and one table that the host finds by its name,
 * mf_unit_entry. Nothing else of it is visible.
 *
 *   send, reply    encode a request, a reply, with the message's function
 *   receive        decodes a reply
 *   serve          decodes a request, makes a zeroed reply, calls the handler
 *
 * The code has no writable data and calls only what stub.h declares. Everything
 * named at file scope begins with mf_, which no symbol of a schema does, and
 * the names of locals have no underscore, which every lower-case name from a
 * schema has; so neither can meet the other.
 *
 * Several units can be emitted as parts of one source. Then what they call is
 * called by its address in this process, for a table of addresses that the
 * linker makes would be shared by all of them; and what is not code lies behind
 * it in the same section. See cc.h.
 *
 * Threads: any.
 */
#include "compiler/gen/emit.h"

#include "base/error.h"
#include "compiler/gen/emit_encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART_LIBC "mf_libc_"

/* How a unit is written: alone, or as a part. */
typedef struct style {
    const char *placed; /* behind the names of objects */
    const char *number; /* behind the entry's */
    const char *libc; /* in front of libc's functions, which members of structs
                         may be called like */
} style;

static void put_prototypes(const mf_plan *plan, mf_buf *out)
{
    mf_buf_puts(out, "\n");
    for (uint32_t i = 0; i < plan->n_messages; i++)
        mf_buf_printf(out,
                      "static uint8_t *mf_encode_%s(mf_writer *w, uint8_t *p, "
                      "const void *message);\n",
                      plan->messages[i].c_name);
}

static void put_client_stubs(const mf_plan *plan, const mf_plan_method *m,
                             mf_buf *out)
{
    mf_buf_printf(out,
                  "\n/* %s */\n"
                  "static int mf_send_%s(mf_stub_io *io, const void *request)\n"
                  "{\n"
                  "    return mf_stub_encode(io, mf_encode_%s, request);\n"
                  "}\n",
                  m->c_name, m->c_name, plan->messages[m->request].c_name);
    mf_buf_printf(out,
                  "\nstatic int mf_receive_%s(mf_stub_io *io, void **reply)\n"
                  "{\n"
                  "    return mf_stub_decode(io, %uu, reply);\n"
                  "}\n",
                  m->c_name, m->response);
}

/* The handler is taken from `io` whether it is a function of the host or of
 * source that was compiled with the unit. */
static void put_server_stubs(const mf_plan *plan, const mf_plan_method *m,
                             const style *s, mf_buf *out)
{
    const char *request = plan->messages[m->request].c_name;
    const char *response = plan->messages[m->response].c_name;

    if (!m->client_streaming && !m->server_streaming)
        mf_buf_printf(
            out,
            "\nstatic int mf_serve_%s(mf_stub_io *io)\n"
            "{\n"
            "    int (*handler)(void *, struct mayfly_call *, const %s *,\n"
            "                   %s *);\n"
            "    void *request;\n"
            "    int code = mf_stub_decode(io, %uu, &request);\n"
            "\n"
            "    if (code == 0)\n"
            "        code = mf_stub_new(io, sizeof(%s));\n"
            "    if (code != 0)\n"
            "        return code;\n"
            "    %smemcpy(&handler, &io->handler, sizeof(handler));\n"
            "    return handler(io->state, io->call, request, io->reply);\n"
            "}\n",
            m->c_name, request, response, m->request, response, s->libc);
    mf_buf_printf(
        out,
        "\nstatic int mf_reply_%s(mf_stub_io *io, const void *reply)\n"
        "{\n"
        "    return mf_stub_encode(io, mf_encode_%s, reply);\n"
        "}\n",
        m->c_name, response);
}

static void put_method_row(const mf_plan_method *m, mf_buf *out)
{
    bool unary = !m->client_streaming && !m->server_streaming;

    mf_buf_printf(out, "    { mf_send_%s, mf_receive_%s,\n      ", m->c_name,
                  m->c_name);
    if (unary)
        mf_buf_printf(out, "mf_serve_%s", m->c_name);
    else
        mf_buf_puts(out, "NULL");
    mf_buf_printf(out, ", mf_reply_%s },\n", m->c_name);
}

static void put_table(const mf_plan *plan, const style *s, mf_buf *out)
{
    uint32_t n_methods = 0;

    if (plan->n_messages) {
        mf_buf_printf(out, "\nstatic const mf_encode_fn mf_encoders[]%s = {\n",
                      s->placed);
        for (uint32_t i = 0; i < plan->n_messages; i++)
            mf_buf_printf(out, "    mf_encode_%s,\n", plan->messages[i].c_name);
        mf_buf_puts(out, "};\n");
    }
    for (uint32_t i = 0; i < plan->n_services; i++)
        n_methods += plan->services[i].n_methods;
    if (n_methods) {
        mf_buf_printf(out, "\nstatic const mf_method_stub mf_methods[]%s = {\n",
                      s->placed);
        for (uint32_t i = 0; i < plan->n_services; i++)
            for (uint32_t k = 0; k < plan->services[i].n_methods; k++)
                put_method_row(&plan->services[i].methods[k], out);
        mf_buf_puts(out, "};\n");
    }
    mf_buf_printf(out,
                  "\nextern const mf_unit_table mf_unit_entry%s;\n"
                  "const mf_unit_table mf_unit_entry%s%s = { %uu, %uu, %s, %s "
                  "};\n",
                  s->number, s->number, s->placed, plan->n_messages, n_methods,
                  plan->n_messages ? "mf_encoders" : "NULL",
                  n_methods ? "mf_methods" : "NULL");
}

static int put_unit(const mf_plan *plan, const style *s, mf_buf *out,
                    mayfly_error *err)
{
    int code = mf_emit_structs(plan, NULL, out, err);

    if (code != 0)
        return code;
    put_prototypes(plan, out);
    for (uint32_t i = 0; i < plan->n_messages; i++) {
        code = mf_emit_encode(plan, &plan->messages[i], out, err);
        if (code != 0)
            return code;
    }
    for (uint32_t i = 0; i < plan->n_services; i++) {
        for (uint32_t k = 0; k < plan->services[i].n_methods; k++) {
            put_client_stubs(plan, &plan->services[i].methods[k], out);
            put_server_stubs(plan, &plan->services[i].methods[k], s, out);
        }
    }
    put_table(plan, s, out);
    return mf_buf_check(out, "the generated C", err);
}

int mf_emit_unit(const mf_plan *plan, mf_buf *out, mayfly_error *err)
{
    static const style alone = {"", "", ""};

    mf_buf_puts(out, "/* Made by mayfly. */\n#include <mayfly/stub.h>\n\n");
    return put_unit(plan, &alone, out, err);
}

void mf_emit_parts(const mayfly_symbol *symbols, size_t n, mf_buf *out)
{
    mf_buf_puts(out, "#include <mayfly/stub.h>\n");
    for (size_t i = 0; i < n; i++) {
        const char *name = symbols[i].name;
        const char *prefix = strncmp(name, "mf_", 3) == 0 ? "" : PART_LIBC;
        mf_buf_printf(out,
                      "typedef __typeof__(%s) *mf_fn%zu;\n"
                      "#define %s%s ((mf_fn%zu)%" PRIuPTR "UL)\n",
                      name, i, prefix, name, i, (uintptr_t)symbols[i].address);
    }
}

int mf_emit_part(const mf_plan *plan, uint32_t number, size_t table_bytes,
                 mf_buf *out, mayfly_error *err)
{
    char text[16];
    style s = {" __attribute__((section(\".text\")))", text, PART_LIBC};

    snprintf(text, sizeof text, "_%u", (unsigned)number);
    mf_buf_printf(out,
                  "#pragma comment(option, \"part\")\n"
                  "extern const char mf_tables%s[];\n"
                  "const char mf_tables%s[%zu] __attribute__((aligned(4096), "
                  "section(\".text\"))) = { 0 };\n",
                  text, text, table_bytes);
    return put_unit(plan, &s, out, err);
}
