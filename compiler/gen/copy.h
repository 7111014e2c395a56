/* compiler/gen/copy.h: copying a message of a header without its schema. */
#ifndef MF_GEN_COPY_H
#define MF_GEN_COPY_H

#include "base/arena.h"

#include <mayfly/layout.h>

/* A copy of a struct of message number `message`, with all that it points to,
 * in `arena`. Errors: ELIMIT (nested too deeply), ENOMEM. */
int mf_layout_copy(mayfly_arena *arena, const mayfly_layout *layout,
                   uint32_t message, const void *from, void **ret_copy,
                   mayfly_error *err);

#endif
