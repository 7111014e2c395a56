/* proxy/message.h: JSON to wire bytes and back, for message.c and calljson.c.
 * Under a lease. */
#ifndef MF_PROXY_MESSAGE_H
#define MF_PROXY_MESSAGE_H

#include "compiler/unit.h"

#include <mayfly/message.h>

/* `message` is an index of the unit's plan; `head` as in mf_encode. */
int mf_message_from_json(const mf_unit *unit, uint32_t message, mayfly_str json,
                         size_t head, mayfly_arena *arena,
                         mayfly_bytes *ret_wire, mayfly_error *err);
int mf_message_to_json(const mf_unit *unit, uint32_t message, mayfly_bytes wire,
                       int pretty, mayfly_arena *arena, mayfly_str *ret_json,
                       mayfly_error *err);

#endif
