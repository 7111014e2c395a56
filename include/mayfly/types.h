/*
 * mayfly/types.h: the small value types every other header speaks.
 *
 * Nothing here allocates, locks or fails. The types have public layouts because
 * generated headers embed them in message structs; everything else in mayfly is
 * an opaque handle.
 */
#ifndef MAYFLY_TYPES_H
#define MAYFLY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define MAYFLY_BEGIN extern "C" {
#define MAYFLY_END }
#else
#define MAYFLY_BEGIN
#define MAYFLY_END
#endif

/* Marks the functions that the shared library exports; all else is hidden. */
#if defined(__GNUC__)
#define MAYFLY_API __attribute__((visibility("default")))
#define MAYFLY_UNUSED __attribute__((unused))
#define MAYFLY_PRINTF(text, args) \
    __attribute__((format(printf, text, args)))
#else
#define MAYFLY_API
#define MAYFLY_UNUSED
#define MAYFLY_PRINTF(text, args)
#endif

#define MAYFLY_VERSION_MAJOR 0
#define MAYFLY_VERSION_MINOR 1
#define MAYFLY_VERSION_PATCH 0

MAYFLY_BEGIN

/* "0.1.0": of the library that the program runs with; the numbers above are of the
 * headers that it was compiled against (docs/versions.md). Static. Any thread. */
MAYFLY_API const char *mayfly_version(void);

/*
 * Text: UTF-8 bytes and their count, no terminating zero. Borrowed: the owner of
 * the bytes is whoever the function that handed it out says (for a message in a
 * call, the call).
 */
typedef struct mayfly_str {
    const char *ptr;
    size_t len;
} mayfly_str;

/* Any bytes. The same rules as mayfly_str. */
typedef struct mayfly_bytes {
    const uint8_t *ptr;
    size_t len;
} mayfly_bytes;

/* An initialiser for a mayfly_str from a string literal:
 *     helloworld_HelloRequest request = {.name = MAYFLY_STR("ada")};          */
#define MAYFLY_STR(literal) { (literal), sizeof(literal) - 1 }

/* The same as a value, from any zero-terminated string; NULL gives the empty
 * string. The bytes are borrowed, not copied. */
static inline mayfly_str mayfly_str_of(const char *zero_terminated)
{
    mayfly_str s = { zero_terminated, 0 };
    if (zero_terminated)
        s.len = strlen(zero_terminated);
    return s;
}

/*
 * Repeated fields. `items` holds `n` elements; `cap` is how many fit before the
 * array must move, and is 0 for items that mayfly did not allocate (an array on
 * your stack): adding to such an array copies it first.
 */
#define MAYFLY_ARRAY_OF(type, name) \
    typedef struct name {           \
        type *items;                \
        size_t n;                   \
        size_t cap;                 \
    } name

MAYFLY_ARRAY_OF(void, mayfly_array);
MAYFLY_ARRAY_OF(bool, mayfly_bool_array);
MAYFLY_ARRAY_OF(int32_t, mayfly_int32_array);
MAYFLY_ARRAY_OF(int64_t, mayfly_int64_array);
MAYFLY_ARRAY_OF(uint32_t, mayfly_uint32_array);
MAYFLY_ARRAY_OF(uint64_t, mayfly_uint64_array);
MAYFLY_ARRAY_OF(float, mayfly_float_array);
MAYFLY_ARRAY_OF(double, mayfly_double_array);
MAYFLY_ARRAY_OF(mayfly_str, mayfly_str_array);
MAYFLY_ARRAY_OF(mayfly_bytes, mayfly_bytes_array);

/* An initialiser (C only) for a repeated field from elements written in place:
 *     .titles = MAYFLY_ITEMS(mayfly_str, MAYFLY_STR("a"), MAYFLY_STR("b"))
 * The elements live as long as the block they are written in. */
#define MAYFLY_ITEMS(type, ...)                    \
    {                                              \
        (type[]){ __VA_ARGS__ },                   \
        sizeof((type[]){ __VA_ARGS__ }) / sizeof(type), 0 \
    }

/*
 * Fields that this program's layout does not know, kept as the wire bytes they
 * arrived in, tag included, in order of arrival. They are written again when the
 * message is encoded.
 */
typedef mayfly_bytes mayfly_unknown;

MAYFLY_END

#endif
