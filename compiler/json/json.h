/*
 * compiler/json/json.h: messages to and from JSON, by the proto3 JSON mapping
 * (https://protobuf.dev/programming-guides/json/).
 *
 * Works on the native structs of a plan. The well-known types have their
 * special forms; Any needs the type it holds in the same schema.
 */
#ifndef MF_JSON_JSON_H
#define MF_JSON_JSON_H

#include "base/buf.h"
#include "compiler/gen/plan.h"

/* Any holds wire bytes, so JSON needs a codec to look inside. */
typedef struct mf_json_codec {
    int (*decode)(void *state, uint32_t message, mayfly_bytes wire,
                  mayfly_arena *arena, void **ret, mayfly_error *err);
    int (*encode)(void *state, uint32_t message, const void *m,
                  mayfly_arena *arena, mayfly_bytes *ret, mayfly_error *err);
    void *state;
} mf_json_codec;

enum {
    MF_JSON_IGNORE_UNKNOWN = 1u
                             << 0, /* parse: skip members not in the schema */
    MF_JSON_PRETTY = 1u << 1,      /* print: two-space indents */
    MF_JSON_DEFAULTS = 1u << 2,    /* print: implicit fields at zero too */
    MF_JSON_PROTO_NAMES = 1u << 3  /* print: field names as in the schema */
};

/* Makes the message in the arena; its strings may point into `json`, which must
 * live as long. Text stays within these bounds: messages nest to 100, the arena
 * has its own. Errors: EJSON (with line and column; the message begins
 * "json:LINE:COLUMN: "), ELIMIT, ENOMEM. */
int mf_json_parse(const mf_plan *plan, uint32_t message, mayfly_str json,
                  unsigned flags, const mf_json_codec *codec,
                  mayfly_arena *arena, void **ret_message, mayfly_error *err);

/* What printing may take beside the text, for what Anys hold. */
enum { MF_JSON_PRINT_ARENA_MAX = 256 * 1024 * 1024 };

/* Appends to `out`, or leaves it at its length. Errors: EJSON (a value without
 * a JSON form), EDECODE (inside an Any), ELIMIT, ENOMEM. */
int mf_json_print(const mf_plan *plan, uint32_t message, const void *m,
                  unsigned flags, const mf_json_codec *codec, mf_buf *out,
                  mayfly_error *err);

#endif
