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
 * Threads: any.
 */
#include "compiler/gen/emit.h"

#include "base/error.h"
#include "compiler/gen/emit_encode.h"

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
                             mf_buf *out)
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
            "    memcpy(&handler, &io->handler, sizeof(handler));\n"
            "    return handler(io->state, io->call, request, io->reply);\n"
            "}\n",
            m->c_name, request, response, m->request, response);
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

static void put_table(const mf_plan *plan, mf_buf *out)
{
    uint32_t n_methods = 0;

    if (plan->n_messages) {
        mf_buf_puts(out, "\nstatic const mf_encode_fn mf_encoders[] = {\n");
        for (uint32_t i = 0; i < plan->n_messages; i++)
            mf_buf_printf(out, "    mf_encode_%s,\n", plan->messages[i].c_name);
        mf_buf_puts(out, "};\n");
    }
    for (uint32_t i = 0; i < plan->n_services; i++)
        n_methods += plan->services[i].n_methods;
    if (n_methods) {
        mf_buf_puts(out, "\nstatic const mf_method_stub mf_methods[] = {\n");
        for (uint32_t i = 0; i < plan->n_services; i++)
            for (uint32_t k = 0; k < plan->services[i].n_methods; k++)
                put_method_row(&plan->services[i].methods[k], out);
        mf_buf_puts(out, "};\n");
    }
    mf_buf_printf(out,
                  "\nextern const mf_unit_table mf_unit_entry;\n"
                  "const mf_unit_table mf_unit_entry = { %uu, %uu, %s, %s };\n",
                  plan->n_messages, n_methods,
                  plan->n_messages ? "mf_encoders" : "NULL",
                  n_methods ? "mf_methods" : "NULL");
}

int mf_emit_unit(const mf_plan *plan, mf_buf *out, mayfly_error *err)
{
    int code;

    mf_buf_puts(out, "/* Made by mayfly. */\n#include <mayfly/stub.h>\n\n");
    code = mf_emit_structs(plan, NULL, out, err);
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
            put_server_stubs(plan, &plan->services[i].methods[k], out);
        }
    }
    put_table(plan, out);
    return mf_buf_check(out, "the generated C", err);
}
