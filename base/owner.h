/* base/owner.h: from a member to the struct that it lies in. */
#ifndef MF_BASE_OWNER_H
#define MF_BASE_OWNER_H

#include <stddef.h>

/* The `type` whose `member` is at `pointer`. */
#define MF_OWNER(pointer, type, member)                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
