/* Made by mayfly. Do not edit; make it again instead. */
#ifndef MAYFLY_H_greeter
#define MAYFLY_H_greeter

#include <mayfly/mayfly.h>

MAYFLY_BEGIN

typedef struct helloworld_HelloRequest helloworld_HelloRequest;
MAYFLY_ARRAY_OF(helloworld_HelloRequest, helloworld_HelloRequest_array);
typedef struct helloworld_HelloReply helloworld_HelloReply;
MAYFLY_ARRAY_OF(helloworld_HelloReply, helloworld_HelloReply_array);

struct helloworld_HelloRequest {
    mayfly_str name;
    mayfly_unknown mayfly_unknown_fields;
};

struct helloworld_HelloReply {
    mayfly_str message;
    mayfly_unknown mayfly_unknown_fields;
};

static const mayfly_field_layout mayfly_fields_helloworld_HelloRequest[1] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(helloworld_HelloRequest, name), 0, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "name", "name" },
};

static const mayfly_field_layout mayfly_fields_helloworld_HelloReply[1] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(helloworld_HelloReply, message), 0, 0, 0,
      MAYFLY_TYPE_STRING, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, MAYFLY_FIELD_UTF8, { 0, 0 }, "message", "message" },
};

static const mayfly_message_layout mayfly_messages_greeter[2] MAYFLY_UNUSED = {
    { "helloworld.HelloRequest", "helloworld_HelloRequest", (uint32_t)sizeof(helloworld_HelloRequest),
      (uint32_t)offsetof(helloworld_HelloRequest, mayfly_unknown_fields), 0, 1, mayfly_fields_helloworld_HelloRequest, 0, 0 },
    { "helloworld.HelloReply", "helloworld_HelloReply", (uint32_t)sizeof(helloworld_HelloReply),
      (uint32_t)offsetof(helloworld_HelloReply, mayfly_unknown_fields), 0, 1, mayfly_fields_helloworld_HelloReply, 0, 0 },
};

static const mayfly_method_layout mayfly_methods_helloworld_Greeter[1] MAYFLY_UNUSED = {
    { "SayHello", 0, 1, 0, 0, 0, 0, { 0, 0 } },
};

static const mayfly_service_layout mayfly_services_greeter[1] MAYFLY_UNUSED = {
    { "helloworld.Greeter", 1, 0, mayfly_methods_helloworld_Greeter },
};

static const mayfly_layout mayfly_layout_greeter MAYFLY_UNUSED = {
    1, 2, 1, 0,
    "greeter.proto",
    mayfly_messages_greeter,
    mayfly_services_greeter,
    NULL,
};

static inline int helloworld_HelloRequest_encode(
    mayfly_context *context, const helloworld_HelloRequest *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_greeter, 0, m, arena,
                         ret_wire, err);
}

static inline int helloworld_HelloRequest_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    helloworld_HelloRequest **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_greeter, 0, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (helloworld_HelloRequest *)message;
    return code;
}

static inline int helloworld_HelloReply_encode(
    mayfly_context *context, const helloworld_HelloReply *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_greeter, 1, m, arena,
                         ret_wire, err);
}

static inline int helloworld_HelloReply_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    helloworld_HelloReply **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_greeter, 1, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (helloworld_HelloReply *)message;
    return code;
}

/* A proxy: see mayfly_proxy_new. */
typedef struct helloworld_Greeter helloworld_Greeter;

static inline int helloworld_Greeter_new(
    mayfly_context *context, mayfly_channel *channel, helloworld_Greeter **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_proxy_new(context, &mayfly_layout_greeter, 0, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (helloworld_Greeter *)proxy;
    return code;
}

/* The same of a unit's current version: see mayfly_unit_proxy_new. */
static inline int helloworld_Greeter_follow(
    mayfly_unit *unit, mayfly_channel *channel, helloworld_Greeter **ret_proxy,
    mayfly_error *err)
{
    mayfly_proxy *proxy = NULL;
    int code = mayfly_unit_proxy_new(unit, &mayfly_layout_greeter, 0, channel,
                           &proxy, err);

    if (code == 0)
        *ret_proxy = (helloworld_Greeter *)proxy;
    return code;
}

static inline void helloworld_Greeter_free(helloworld_Greeter *proxy)
{
    mayfly_proxy_free((mayfly_proxy *)proxy);
}

static inline int helloworld_Greeter_SayHello(
    helloworld_Greeter *proxy, mayfly_call *call, const helloworld_HelloRequest *request,
    helloworld_HelloReply **ret_reply, mayfly_error *err)
{
    void *reply = NULL;
    int code = mayfly_proxy_call((mayfly_proxy *)proxy, 0, call, request,
                                 &reply, err);

    if (code == 0)
        *ret_reply = (helloworld_HelloReply *)reply;
    return code;
}

/* The reply that `done` gets is a helloworld_HelloReply. */
static inline int helloworld_Greeter_SayHello_start(
    helloworld_Greeter *proxy, mayfly_call *call, const helloworld_HelloRequest *request,
    mayfly_proxy_done_fn done, void *state, mayfly_error *err)
{
    return mayfly_proxy_start((mayfly_proxy *)proxy, 0, call, request,
                              done, state, err);
}

/* Defined by handler source, if at all. */
int helloworld_Greeter_on_SayHello(void *state, mayfly_call *call,
    const helloworld_HelloRequest *request, helloworld_HelloReply *reply);

/* Completes a call that its handler has deferred. */
static inline int helloworld_Greeter_SayHello_reply(
    mayfly_call *call, const helloworld_HelloReply *reply, mayfly_error *err)
{
    return mayfly_call_reply_typed(call, &mayfly_layout_greeter, 0, 0, reply,
                                   err);
}

typedef struct helloworld_Greeter_handlers {
    int (*SayHello)(void *state, mayfly_call *call,
        const helloworld_HelloRequest *request, helloworld_HelloReply *reply);
} helloworld_Greeter_handlers;

static inline int helloworld_Greeter_serve(
    mayfly_server *server, mayfly_context *context,
    const helloworld_Greeter_handlers *handlers, void *state,
    const mayfly_service_options *options, mayfly_error *err)
{
    const mayfly_handler_fn table[] = {
        (mayfly_handler_fn)handlers->SayHello,
    };

    return mayfly_server_add(server, context, &mayfly_layout_greeter, 0,
                             table, state, options, err);
}

static inline int helloworld_Greeter_serve_unit(
    mayfly_unit *unit, mayfly_server *server,
    const helloworld_Greeter_handlers *handlers, void *state,
    const mayfly_service_options *options, mayfly_error *err)
{
    const mayfly_handler_fn table[] = {
        (mayfly_handler_fn)handlers->SayHello,
    };

    return mayfly_unit_serve(unit, server, &mayfly_layout_greeter, 0,
                             table, state, options, err);
}

MAYFLY_END

#endif
