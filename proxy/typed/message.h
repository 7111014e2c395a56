/* proxy/typed/message.h: JSON to wire bytes and back, for message.c, calljson.c
 * and the files of dynamic messages. Under a lease. */
#ifndef MF_PROXY_MESSAGE_H
#define MF_PROXY_MESSAGE_H

#include "compiler/json/json.h"
#include "compiler/unit.h"

#include <mayfly/message.h>

/* `message` is an index of the unit's plan; `head` as in mf_encode. */
int mf_message_from_json(const mf_unit *unit, uint32_t message, mayfly_str json,
                         size_t head, mayfly_arena *arena,
                         mayfly_bytes *ret_wire, mayfly_error *err);
int mf_message_to_json(const mf_unit *unit, uint32_t message, mayfly_bytes wire,
                       int pretty, mayfly_arena *arena, mayfly_str *ret_json,
                       mayfly_error *err);

/* A struct of the native plan as JSON. */
int mf_message_print(const mf_unit *unit, uint32_t message, const void *m,
                     int pretty, mayfly_arena *arena, mayfly_str *ret_json,
                     mayfly_error *err);

/* How JSON looks into an Any: through the unit. */
mf_json_codec mf_message_codec(const mf_unit *unit);

#endif
