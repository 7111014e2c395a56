/*
 * mayfly/dynamic.h: messages without a header.
 *
 * A dynamic message is a message of a loaded schema that a program has no struct
 * for: its fields are read and set by their path.
 *
 *     mayfly_dynamic *m;
 *     mayfly_dynamic_new(ctx, "shop.Order", arena, &m, &err);
 *     mayfly_dynamic_set_str(m, "customer.name", mayfly_str_of("ada"), &err);
 *     mayfly_dynamic_set_int(m, "items[0].count", 3, &err);
 *     mayfly_dynamic_set_double(m, "prices[\"eu\"]", 9.5, &err);
 *
 * A path is field names with points between them, as the schema has them (or
 * their JSON names). Behind a repeated field stands an index, from 0, behind a map
 * a key: tags[2], counts[-5], flags[true], labels["a.b"]. A key that is a string
 * is in quotes, with \" and \\ for those two, or bare up to the bracket. An entry
 * of a map is the value; map entries themselves: mayfly_dynamic_entry.
 *
 * Reading. A field that is not set has its type's zero, also inside a message
 * that is not set. An element or a key that is not there is ENOTFOUND.
 *
 * Setting makes what is missing on the way: sub-messages, entries of maps, and the
 * element behind the last one (tags[n] where there are n). One member of a oneof
 * clears the others. What fails leaves the message as it was, except for lack of
 * memory.
 *
 * Everything of a message is in the arena that it was made in; what it hands out
 * lives as long. It refers to its context without a reference: keep yours as long
 * as you use the message. Once the context is unloaded each function answers
 * EUNLOADED; messages of a handler stay usable until the call is answered, for the
 * call holds the context.
 *
 * Errors of all functions, beside those said with each; the message begins with
 * the path: EINVAL (no such form of path; a value of another type than the
 * field's, or out of its range), ENOTFOUND (no such field, element or key),
 * EUNLOADED, EFORKED, ENOMEM, ELIMIT (the arena's bound).
 *
 * Threads: any; one at a time uses a message or another one of the same arena.
 */
#ifndef MAYFLY_DYNAMIC_H
#define MAYFLY_DYNAMIC_H

#include <mayfly/arena.h>
#include <mayfly/cache.h>
#include <mayfly/call.h>
#include <mayfly/channel.h>
#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/server.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_dynamic mayfly_dynamic;

/* --- making, encoding, decoding ------------------------------------------- */

/* An empty message of type `type` ("shop.Order"). ENOTFOUND: the schema has no
 * such message. */
MAYFLY_API int mayfly_dynamic_new(mayfly_context *context, const char *type,
                                  mayfly_arena *arena,
                                  mayfly_dynamic **ret_message,
                                  mayfly_error *err);

/* An empty request or reply of a method, "shop.Shop/Order" or its path. ENOTFOUND:
 * no such method. */
MAYFLY_API int mayfly_dynamic_new_for(mayfly_context *context,
                                      const char *method,
                                      enum mayfly_direction direction,
                                      mayfly_arena *arena,
                                      mayfly_dynamic **ret_message,
                                      mayfly_error *err);

/* Replaces what the message holds by what `wire` says. Strings point into `wire`,
 * which must live as long. EDECODE. */
MAYFLY_API int mayfly_dynamic_decode(mayfly_dynamic *message,
                                     mayfly_bytes wire, mayfly_error *err);

/* The message as wire bytes, in its arena. EENCODE. */
MAYFLY_API int mayfly_dynamic_encode(const mayfly_dynamic *message,
                                     mayfly_bytes *ret_wire,
                                     mayfly_error *err);

/* The same with JSON (docs/json.md). EJSON. */
MAYFLY_API int mayfly_dynamic_from_json(mayfly_dynamic *message,
                                        mayfly_str json, mayfly_error *err);
MAYFLY_API int mayfly_dynamic_to_json(const mayfly_dynamic *message, int pretty,
                                      mayfly_str *ret_json, mayfly_error *err);

/* The full name of its type, zero-terminated. */
MAYFLY_API int mayfly_dynamic_type(const mayfly_dynamic *message,
                                   mayfly_str *ret_type, mayfly_error *err);

/* --- reading --------------------------------------------------------------- */

/* Every integer type, and the number of an enum value. EINVAL also where the
 * value does not fit into the result. */
MAYFLY_API int mayfly_dynamic_get_int(const mayfly_dynamic *message,
                                      const char *path, int64_t *ret_value,
                                      mayfly_error *err);
MAYFLY_API int mayfly_dynamic_get_uint(const mayfly_dynamic *message,
                                       const char *path, uint64_t *ret_value,
                                       mayfly_error *err);

/* float and double */
MAYFLY_API int mayfly_dynamic_get_double(const mayfly_dynamic *message,
                                         const char *path, double *ret_value,
                                         mayfly_error *err);
MAYFLY_API int mayfly_dynamic_get_bool(const mayfly_dynamic *message,
                                       const char *path, bool *ret_value,
                                       mayfly_error *err);
MAYFLY_API int mayfly_dynamic_get_str(const mayfly_dynamic *message,
                                      const char *path, mayfly_str *ret_value,
                                      mayfly_error *err);
MAYFLY_API int mayfly_dynamic_get_bytes(const mayfly_dynamic *message,
                                        const char *path,
                                        mayfly_bytes *ret_value,
                                        mayfly_error *err);

/* An enum value's name; its number as text where the schema has no name for it. */
MAYFLY_API int mayfly_dynamic_get_enum(const mayfly_dynamic *message,
                                       const char *path, mayfly_str *ret_name,
                                       mayfly_error *err);

/* A sub-message as a message of its own, in the same arena. ENOTFOUND also where
 * it is not set. Elements of repeated fields lie in their array by value: a view
 * of one is good until something is added to or removed from that array. */
MAYFLY_API int mayfly_dynamic_get_message(const mayfly_dynamic *message,
                                          const char *path,
                                          const mayfly_dynamic **ret_message,
                                          mayfly_error *err);

/* Whether a field is set, a repeated field or map not empty, an element or key
 * there. A field without presence of its own is set when it is not zero. */
MAYFLY_API int mayfly_dynamic_has(const mayfly_dynamic *message,
                                  const char *path, bool *ret_has,
                                  mayfly_error *err);

/* How many elements or entries a repeated field or map has. */
MAYFLY_API int mayfly_dynamic_count(const mayfly_dynamic *message,
                                    const char *path, size_t *ret_n,
                                    mayfly_error *err);

/* Entry number `index` of a map, as a message with the fields `key` and `value`,
 * in no order that means anything. As a view of an element. */
MAYFLY_API int mayfly_dynamic_entry(const mayfly_dynamic *message,
                                    const char *path, size_t index,
                                    const mayfly_dynamic **ret_entry,
                                    mayfly_error *err);

/* --- setting --------------------------------------------------------------- */

/* Every integer type; of an enum the number, named in the schema or not. */
MAYFLY_API int mayfly_dynamic_set_int(mayfly_dynamic *message,
                                      const char *path, int64_t value,
                                      mayfly_error *err);
MAYFLY_API int mayfly_dynamic_set_uint(mayfly_dynamic *message,
                                       const char *path, uint64_t value,
                                       mayfly_error *err);
MAYFLY_API int mayfly_dynamic_set_double(mayfly_dynamic *message,
                                         const char *path, double value,
                                         mayfly_error *err);
MAYFLY_API int mayfly_dynamic_set_bool(mayfly_dynamic *message,
                                       const char *path, bool value,
                                       mayfly_error *err);

/* Both are copied. EINVAL: a string that is not UTF-8. */
MAYFLY_API int mayfly_dynamic_set_str(mayfly_dynamic *message,
                                      const char *path, mayfly_str value,
                                      mayfly_error *err);
MAYFLY_API int mayfly_dynamic_set_bytes(mayfly_dynamic *message,
                                        const char *path, mayfly_bytes value,
                                        mayfly_error *err);

/* By name. ENOTFOUND: the enum has no such value. */
MAYFLY_API int mayfly_dynamic_set_enum(mayfly_dynamic *message,
                                       const char *path, const char *name,
                                       mayfly_error *err);

/* A sub-message to be filled in, made and set where there is none. A view as with
 * mayfly_dynamic_get_message. `ret_message` may be NULL. */
MAYFLY_API int mayfly_dynamic_set_message(mayfly_dynamic *message,
                                          const char *path,
                                          mayfly_dynamic **ret_message,
                                          mayfly_error *err);

/* Makes a field unset, a repeated field or map empty; takes an element or entry
 * out, the later ones move up. What is not there is left at that. */
MAYFLY_API int mayfly_dynamic_clear(mayfly_dynamic *message, const char *path,
                                    mayfly_error *err);

/* --- what there is ---------------------------------------------------------- */

typedef struct mayfly_dynamic_field {
    mayfly_str name;      /* as in the schema; zero-terminated */
    mayfly_str type_name; /* full name of a message or enum; else empty */
    uint32_t number;
    int type;        /* enum mayfly_type, of layout.h */
    int cardinality; /* enum mayfly_cardinality; of an element: singular */
    int is_set;      /* as mayfly_dynamic_has */
    size_t n;        /* elements or entries, of a repeated field or map */
} mayfly_dynamic_field;

/* The field, element or map value that a path leads to. */
MAYFLY_API int mayfly_dynamic_describe(const mayfly_dynamic *message,
                                       const char *path,
                                       mayfly_dynamic_field *ret_field,
                                       mayfly_error *err);

/* Field number `index` of the message, from 0, in the order of their numbers in
 * the schema. ENOTFOUND: there are no more. */
MAYFLY_API int mayfly_dynamic_field_at(const mayfly_dynamic *message,
                                       size_t index,
                                       mayfly_dynamic_field *ret_field,
                                       mayfly_error *err);

/* --- calling ---------------------------------------------------------------- */

/* A unary call with a request made in the call's arena (or another that lives as
 * long as this function). `method` is "shop.Shop/Order" or its path. The reply is
 * in the call's arena. Errors: those of mayfly_channel_call; EINVAL (a request of
 * another type or context), EENCODE, EDECODE, ENOTFOUND (no such method),
 * EUNSUPPORTED (it streams). */
MAYFLY_API int mayfly_dynamic_call(mayfly_context *context,
                                   mayfly_channel *channel, const char *method,
                                   mayfly_call *call,
                                   const mayfly_dynamic *request,
                                   mayfly_dynamic **ret_reply,
                                   mayfly_error *err);

/* `reply` is NULL unless `code` is 0. Called once, on a loop thread. */
typedef void (*mayfly_dynamic_done_fn)(void *state, mayfly_call *call, int code,
                                       mayfly_dynamic *reply);

/* The same without waiting. */
MAYFLY_API int mayfly_dynamic_start(mayfly_context *context,
                                    mayfly_channel *channel,
                                    const char *method, mayfly_call *call,
                                    const mayfly_dynamic *request,
                                    mayfly_dynamic_done_fn done, void *state,
                                    mayfly_error *err);

/* --- serving ---------------------------------------------------------------- */

/*
 * A handler with messages as dynamic ones. `reply` is empty; what is returned, and
 * deferring, is as with a typed handler (server.h).
 */
typedef int (*mayfly_dynamic_handler_fn)(void *state, mayfly_call *call,
                                         const mayfly_dynamic *request,
                                         mayfly_dynamic *reply);

/*
 * Serves a method of a loaded context, "shop.Shop/Order", or each of a service,
 * "shop.Shop": mayfly_call_path tells which one was called; methods that stream
 * answer UNIMPLEMENTED. `state` is borrowed as with mayfly_server_add; each call
 * holds a lease on the context. Errors: EINVAL (also context and server of
 * different hosts), ENOTFOUND (no such method or service), EEXIST (served
 * already; nothing is added then), EUNSUPPORTED (the method streams), EUNLOADED,
 * ENOMEM, EFORKED.
 */
MAYFLY_API int mayfly_server_add_dynamic(mayfly_server *server,
                                         mayfly_context *context,
                                         const char *method,
                                         mayfly_dynamic_handler_fn handler,
                                         void *state,
                                         const mayfly_service_options *options,
                                         mayfly_error *err);

/*
 * The same for the version of a unit that is current at each call (cache.h): the
 * messages are of that version. Methods of a service that a later version has and
 * this one lacks are served from then on; those that it has not any more answer
 * UNIMPLEMENTED. Errors: as above, and those of building.
 */
MAYFLY_API int mayfly_unit_serve_dynamic(mayfly_unit *unit,
                                         mayfly_server *server,
                                         const char *method,
                                         mayfly_dynamic_handler_fn handler,
                                         void *state,
                                         const mayfly_service_options *options,
                                         mayfly_error *err);

/* Completes a deferred call with its reply message or another one of its type.
 * Errors: as mayfly_call_reply; EINVAL (not deferred, not a dynamic handler's, a
 * message of another type), EENCODE. */
MAYFLY_API int mayfly_call_reply_dynamic(mayfly_call *call,
                                         const mayfly_dynamic *reply,
                                         mayfly_error *err);

/* A handler with messages as JSON. `*ret_reply` is empty, which stands for `{}`;
 * the handler sets it to text that lives as long as the call. Return value and
 * deferring are as with a typed handler. */
typedef int (*mayfly_json_handler_fn)(void *state, mayfly_call *call,
                                      mayfly_str request,
                                      mayfly_str *ret_reply);

/* Serves a method or service as mayfly_server_add_dynamic does. A reply that is
 * no JSON of its type ends the call with INTERNAL and says where. */
MAYFLY_API int mayfly_server_add_json(mayfly_server *server,
                                      mayfly_context *context,
                                      const char *method,
                                      mayfly_json_handler_fn handler,
                                      void *state,
                                      const mayfly_service_options *options,
                                      mayfly_error *err);

/* The same for a unit, as mayfly_unit_serve_dynamic. */
MAYFLY_API int mayfly_unit_serve_json(mayfly_unit *unit, mayfly_server *server,
                                      const char *method,
                                      mayfly_json_handler_fn handler,
                                      void *state,
                                      const mayfly_service_options *options,
                                      mayfly_error *err);

/* Completes a deferred call with JSON. Errors: as mayfly_call_reply_dynamic;
 * EJSON: the call is then still open. */
MAYFLY_API int mayfly_call_reply_json(mayfly_call *call, mayfly_str reply,
                                      mayfly_error *err);

MAYFLY_END

#endif
