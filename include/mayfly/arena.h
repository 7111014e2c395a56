/*
 * mayfly/arena.h: memory that is given back as a whole.
 *
 * Messages, calls and schemas keep their parts in an arena. Nothing in it is freed
 * by itself; freeing the arena frees all of it. A call has an arena of its own
 * (mayfly_call_arena); make one yourself to encode, decode or build messages
 * outside a call.
 *
 * An arena is used by one thread at a time.
 */
#ifndef MAYFLY_ARENA_H
#define MAYFLY_ARENA_H

#include <mayfly/error.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

typedef struct mayfly_host mayfly_host;
typedef struct mayfly_arena mayfly_arena;

/* Makes an arena that takes its memory from the host's allocator. `max_bytes`
 * bounds what it may take in all; 0 is no bound. Free it with mayfly_arena_free
 * before the host. Errors: ENOMEM. */
MAYFLY_API int mayfly_arena_new(mayfly_host *host, size_t max_bytes,
                                mayfly_arena **ret_arena, mayfly_error *err);

/* Gives all memory back. NULL is allowed. */
MAYFLY_API void mayfly_arena_free(mayfly_arena *arena);

/* `size` bytes, zeroed, aligned to 16; NULL when memory is out or the bound is
 * reached. A size of 0 gives a pointer that may not be read. */
MAYFLY_API void *mayfly_arena_alloc(mayfly_arena *arena, size_t size);

/* A copy of `len` bytes; `ret->ptr` is NULL when memory is out. */
MAYFLY_API mayfly_str mayfly_arena_str(mayfly_arena *arena, const char *ptr,
                                       size_t len);

/* printf into the arena: the text, zero-terminated behind its `len` bytes; `ptr`
 * is NULL when memory is out. */
MAYFLY_API mayfly_str mayfly_arena_printf(mayfly_arena *arena,
                                          const char *format, ...)
    MAYFLY_PRINTF(2, 3);

/*
 * Adds one zeroed element of `item_size` bytes to a repeated field and returns it;
 * NULL when memory is out (the array is then as before). Generated headers wrap
 * this with the element's type: helloworld_HelloRequest_add_tags(&m, arena).
 */
MAYFLY_API void *mayfly_arena_add(mayfly_arena *arena, mayfly_array *array,
                                  size_t item_size);

/* Bytes taken from the allocator so far. */
MAYFLY_API size_t mayfly_arena_bytes(const mayfly_arena *arena);

MAYFLY_END

#endif
