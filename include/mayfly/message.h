/*
 * mayfly/message.h: messages as bytes, structs and JSON.
 *
 * Typed messages are structs of a generated header; the functions that take a
 * `layout` and an index are what that header's inline functions call. Untyped
 * messages go by their full name and JSON (the proto3 JSON mapping,
 * https://protobuf.dev/programming-guides/json/).
 *
 * Errors of all functions: EUNLOADED, EFORKED, ENOTFOUND (no such message),
 * EINCOMPATIBLE (layout against schema), ENOMEM, ELIMIT (arena bound, a message
 * past 2^31 - 1 bytes, nesting past 100), and as said with each.
 *
 * Threads: any; the arena is used by one thread at a time.
 */
#ifndef MAYFLY_MESSAGE_H
#define MAYFLY_MESSAGE_H

#include <mayfly/arena.h>
#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/layout.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

/* Encodes the struct `message` into `arena`. EENCODE: a string is not UTF-8; in a
 * context with strict_presence: a value is not set. */
MAYFLY_API int mayfly_encode(mayfly_context *context,
                             const mayfly_layout *layout, uint32_t index,
                             const void *message, mayfly_arena *arena,
                             mayfly_bytes *ret_wire, mayfly_error *err);

/* Decodes into a new struct in `arena`. Its strings point into `wire`, which must
 * live as long as the message. EDECODE: malformed, or a string is not UTF-8. */
MAYFLY_API int mayfly_decode(mayfly_context *context,
                             const mayfly_layout *layout, uint32_t index,
                             mayfly_bytes wire, mayfly_arena *arena,
                             void **ret_message, mayfly_error *err);

/* JSON to wire bytes of the message `type` ("helloworld.HelloRequest"). EJSON
 * with line and column. */
MAYFLY_API int mayfly_json_encode(mayfly_context *context, const char *type,
                                  mayfly_str json, mayfly_arena *arena,
                                  mayfly_bytes *ret_wire, mayfly_error *err);

/* Wire bytes to JSON: one line, or indented by two spaces when `pretty`. EDECODE;
 * EJSON where a value has no JSON form (a Timestamp out of range). */
MAYFLY_API int mayfly_json_decode(mayfly_context *context, const char *type,
                                  mayfly_bytes wire, int pretty,
                                  mayfly_arena *arena, mayfly_str *ret_json,
                                  mayfly_error *err);

MAYFLY_END

#endif
