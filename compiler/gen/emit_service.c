/*
 * compiler/gen/emit_service.c: what a header has for a service.
 *
 * For callers an opaque proxy type with one function per unary method; for
 * implementers a struct of handlers, the function that serves them, and
 * prototypes of the handlers that source compiled into a context may define, so
 * that such source is checked against them.
 *
 * Handlers are kept by mayfly as one general function type and are called, in
 * generated code, as the type they have: the cast to and fro is what C allows.
 * The callback of a call that does not wait takes its reply as void pointer,
 * because mayfly itself calls it, as the type it was declared with.
 *
 * Streaming methods have rows in the tables and no functions yet.
 */
#include "compiler/gen/header.h"

#include "compiler/gen/names.h"

#include <inttypes.h>

static bool is_unary(const mf_plan_method *m)
{
    return !m->client_streaming && !m->server_streaming;
}

/* `name`(`of`, channel): a proxy by `function`. */
static void put_new(mf_header *h, const mf_plan_service *s, uint32_t index,
                    const char *name, const char *of, const char *function)
{
    mf_buf_printf(
        h->out,
        "\nstatic inline int %s_%s(\n"
        "    %s, mayfly_channel *channel, %s **ret_proxy,\n"
        "    mayfly_error *err)\n"
        "{\n"
        "    mayfly_proxy *proxy = NULL;\n"
        "    int code = %s, &mayfly_layout_%s, %" PRIu32 ", channel,\n"
        "                           &proxy, err);\n"
        "\n"
        "    if (code == 0)\n"
        "        *ret_proxy = (%s *)proxy;\n"
        "    return code;\n"
        "}\n",
        s->c_name, name, of, s->c_name, function, h->ident, index, s->c_name);
}

static void put_proxy(mf_header *h, const mf_plan_service *s, uint32_t index)
{
    mf_buf_printf(h->out,
                  "\n/* A proxy: see mayfly_proxy_new. */\n"
                  "typedef struct %s %s;\n",
                  s->c_name, s->c_name);
    put_new(h, s, index, "new", "mayfly_context *context",
            "mayfly_proxy_new(context");
    mf_buf_puts(h->out, "\n/* The same of a unit's current version: see "
                        "mayfly_unit_proxy_new. */");
    put_new(h, s, index, "follow", "mayfly_unit *unit",
            "mayfly_unit_proxy_new(unit");
    mf_buf_printf(h->out,
                  "\nstatic inline void %s_free(%s *proxy)\n"
                  "{\n"
                  "    mayfly_proxy_free((mayfly_proxy *)proxy);\n"
                  "}\n",
                  s->c_name, s->c_name);
}

static void put_calls(mf_header *h, const mf_plan_service *s,
                      const mf_plan_method *m, uint32_t number)
{
    const char *request = h->plan->messages[m->request].c_name;
    const char *reply = h->plan->messages[m->response].c_name;

    mf_buf_printf(
        h->out,
        "\nstatic inline int %s(\n"
        "    %s *proxy, mayfly_call *call, const %s *request,\n"
        "    %s **ret_reply, mayfly_error *err)\n"
        "{\n"
        "    void *reply = NULL;\n"
        "    int code = mayfly_proxy_call((mayfly_proxy *)proxy, %" PRIu32
        ", call, request,\n"
        "                                 &reply, err);\n"
        "\n"
        "    if (code == 0)\n"
        "        *ret_reply = (%s *)reply;\n"
        "    return code;\n"
        "}\n",
        m->c_name, s->c_name, request, reply, number, reply);
    mf_buf_printf(
        h->out,
        "\n/* The reply that `done` gets is a %s. */\n"
        "static inline int %s_start(\n"
        "    %s *proxy, mayfly_call *call, const %s *request,\n"
        "    mayfly_proxy_done_fn done, void *state, mayfly_error *err)\n"
        "{\n"
        "    return mayfly_proxy_start((mayfly_proxy *)proxy, %" PRIu32
        ", call, request,\n"
        "                              done, state, err);\n"
        "}\n",
        reply, m->c_name, s->c_name, request, number);
}

static void put_handler(mf_header *h, const mf_plan_method *m, uint32_t service,
                        uint32_t number)
{
    const char *request = h->plan->messages[m->request].c_name;
    const char *reply = h->plan->messages[m->response].c_name;

    mf_buf_printf(
        h->out,
        "\n/* Defined by handler source, if at all. */\n"
        "int %s(void *state, mayfly_call *call,\n"
        "    const %s *request, %s *reply);\n"
        "\n/* Completes a call that its handler has deferred. */\n"
        "static inline int %s_reply(\n"
        "    mayfly_call *call, const %s *reply, mayfly_error *err)\n"
        "{\n"
        "    return mayfly_call_reply_typed(call, &mayfly_layout_%s, %" PRIu32
        ", %" PRIu32 ", reply,\n"
        "                                   err);\n"
        "}\n",
        m->handler_name, request, reply, m->c_name, reply, h->ident, service,
        number);
}

/* The name of a method's member in the struct of handlers. */
static const char *handler_member(mf_header *h, const mf_plan_method *m)
{
    const char *stem =
        mf_names_stem(h->plan->c_names, MF_NAME_METHOD, m->descriptor, m->name);
    const char *name = mf_name_member(h->scratch, stem);

    if (!name)
        h->out->failed = MAYFLY_ENOMEM;
    return name ? name : "";
}

/* `name`(`of`, handlers): the service by `function`. */
static void put_serve(mf_header *h, const mf_plan_service *s, uint32_t index,
                      const char *name, const char *of, const char *function)
{
    mf_buf_printf(h->out,
                  "\nstatic inline int %s_%s(\n"
                  "    %s,\n"
                  "    const %s_handlers *handlers, void *state,\n"
                  "    const mayfly_service_options *options, "
                  "mayfly_error *err)\n"
                  "{\n"
                  "    const mayfly_handler_fn table[] = {\n",
                  s->c_name, name, of, s->c_name);
    for (uint32_t i = 0; i < s->n_methods; i++) {
        const mf_plan_method *m = &s->methods[i];
        if (is_unary(m))
            mf_buf_printf(h->out, "        (mayfly_handler_fn)handlers->%s,\n",
                          handler_member(h, m));
        else
            mf_buf_puts(h->out, "        NULL,\n");
    }
    mf_buf_printf(h->out,
                  "    };\n"
                  "\n"
                  "    return %s, &mayfly_layout_%s, %" PRIu32 ",\n"
                  "                             table, state, options, err);\n"
                  "}\n",
                  function, h->ident, index);
}

static void put_handlers(mf_header *h, const mf_plan_service *s, uint32_t index)
{
    mf_buf *out = h->out;

    mf_buf_printf(out, "\ntypedef struct %s_handlers {\n", s->c_name);
    for (uint32_t i = 0; i < s->n_methods; i++) {
        const mf_plan_method *m = &s->methods[i];
        if (is_unary(m))
            mf_buf_printf(out,
                          "    int (*%s)(void *state, mayfly_call *call,\n"
                          "        const %s *request, %s *reply);\n",
                          handler_member(h, m),
                          h->plan->messages[m->request].c_name,
                          h->plan->messages[m->response].c_name);
    }
    mf_buf_printf(out, "} %s_handlers;\n", s->c_name);
    put_serve(h, s, index, "serve",
              "mayfly_server *server, mayfly_context *context",
              "mayfly_server_add(server, context");
    put_serve(h, s, index, "serve_unit",
              "mayfly_unit *unit, mayfly_server *server",
              "mayfly_unit_serve(unit, server");
}

void mf_header_put_service(mf_header *h, const mf_plan_service *s,
                           uint32_t index)
{
    uint32_t unary = 0;

    put_proxy(h, s, index);
    for (uint32_t i = 0; i < s->n_methods; i++) {
        const mf_plan_method *m = &s->methods[i];
        if (!is_unary(m)) {
            mf_buf_printf(h->out, "\n/* %s: streaming methods come later. */\n",
                          m->c_name);
            continue;
        }
        unary++;
        put_calls(h, s, m, i);
        put_handler(h, m, index, i);
    }
    if (unary)
        put_handlers(h, s, index);
}
