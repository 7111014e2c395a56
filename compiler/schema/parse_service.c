/*
 * compiler/schema/parse_service.c: services and their methods, of all four
 * kinds.
 */
#include "compiler/schema/parse.h"

/* "(stream a.Type)" */
static bool parse_side(mf_parser *p, bool *ret_stream, const char **ret_type,
                       mf_place *ret_at)
{
    if (!mf_parser_expect(p, "("))
        return false;
    *ret_stream = mf_parser_accept(p, "stream");
    *ret_at = p->token.at;
    return mf_parse_message_type(p, "a message type", ret_type) &&
           mf_parser_expect(p, ")");
}

static bool method_statement(mf_parser *p, void *of)
{
    mf_draft_method *m = of;
    if (mf_parser_accept(p, ";"))
        return true;
    if (mf_parser_accept(p, "option"))
        return mf_parse_option_statement(p, &m->method.options);
    return mf_parser_unexpected(p, "an option");
}

static bool parse_method(mf_parser *p, mf_draft_service *s)
{
    mf_token name;
    mf_draft_method *m = mf_build_scratch(p->b, sizeof *m);
    if (!m || !mf_parser_ident(p, "the name of a method", &name) ||
        !mf_parser_name(p, s->service.full_name, &name, &m->method.full_name,
                        &m->method.name))
        return false;
    m->method.line = name.at.line;
    m->method.column = name.at.column;
    if (!parse_side(p, &m->method.client_streaming, &m->request,
                    &m->request_at) ||
        !mf_parser_expect(p, "returns") ||
        !parse_side(p, &m->method.server_streaming, &m->response,
                    &m->response_at))
        return false;
    MF_LIST_ADD(&s->methods, m);
    if (mf_parser_at(p, "{")) {
        /* protoc writes options, be they empty, for a method with a body */
        m->method.options = mf_build_keep(p->b, sizeof *m->method.options);
        return m->method.options &&
               mf_parser_block(p, "the method", NULL, method_statement, m);
    }
    return mf_parser_expect(p, ";");
}

static bool service_statement(mf_parser *p, void *of)
{
    mf_draft_service *s = of;
    if (mf_parser_accept(p, ";"))
        return true;
    if (mf_parser_accept(p, "option"))
        return mf_parse_option_statement(p, &s->service.options);
    if (mf_parser_accept(p, "rpc"))
        return parse_method(p, s);
    return mf_parser_unexpected(p, "rpc or option");
}

bool mf_parse_service(mf_parser *p)
{
    mf_token name;
    mf_draft_service *s = mf_build_scratch(p->b, sizeof *s);
    if (!s || !mf_parser_ident(p, "the name of a service", &name) ||
        !mf_parser_name(p, p->file->made->package, &name, &s->service.full_name,
                        &s->service.name))
        return false;
    s->service.file = p->file->made;
    s->service.line = name.at.line;
    s->service.column = name.at.column;
    MF_LIST_ADD(&p->file->services, s);
    bool ok = mf_parser_block(p, "the service", NULL, service_statement, s);
    s->service.methods =
        mf_build_keep(p->b, s->methods.n * sizeof *s->service.methods);
    if (!s->service.methods)
        return false;
    for (mf_draft_method *m = s->methods.first; m; m = m->next) {
        m->made = &s->service.methods[s->service.n_methods++];
        *m->made = m->method;
    }
    return ok;
}
