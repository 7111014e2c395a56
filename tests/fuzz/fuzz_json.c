/* Any text as JSON of a message. What is accepted can be printed, and what is
 * printed is accepted again and printed the same. */
#include "tests/fuzz/message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* An Any holds bytes of a message; here they are the address of one. */
static int to_any(void *state, uint32_t index, const void *m,
                  mayfly_arena *arena, mayfly_bytes *ret, mayfly_error *err)
{
    void *bytes = mf_arena_raw(arena, sizeof(m));
    (void)state, (void)index, (void)err;
    if (!bytes)
        return MAYFLY_ENOMEM;
    memcpy(bytes, &m, sizeof(m));
    *ret = (mayfly_bytes){bytes, sizeof(m)};
    return 0;
}

static int from_any(void *state, uint32_t index, mayfly_bytes wire,
                    mayfly_arena *arena, void **ret, mayfly_error *err)
{
    (void)state, (void)index, (void)arena, (void)err;
    memcpy(ret, wire.ptr, sizeof(*ret));
    return 0;
}

static const mf_json_codec codec = {from_any, to_any, NULL};

/* 1 when the text was accepted; then `out` has it printed. */
static int round_trip(message *m, mayfly_str text, mayfly_arena *arena,
                      mf_buf *out)
{
    void *parsed = NULL;

    if (mf_json_parse(m->plan, m->index, text, 0, &codec, arena, &parsed,
                      NULL) != 0)
        return 0;
    return mf_json_print(m->plan, m->index, parsed, 0, &codec, out, NULL) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    message *m = message_get();
    mayfly_str text = {(const char *)bytes, n};
    mayfly_arena arena;
    mf_buf first, second;

    mf_arena_init(&arena, &m->alloc, 0, 64 << 20);
    mf_buf_init(&first, &m->alloc, 64 << 20);
    mf_buf_init(&second, &m->alloc, 64 << 20);
    if (round_trip(m, text, &arena, &first)) {
        text = (mayfly_str){(const char *)first.ptr, first.len};
        if (!round_trip(m, text, &arena, &second) || first.len != second.len ||
            memcmp(first.ptr, second.ptr, first.len) != 0)
            __builtin_trap();
    }
    mf_buf_done(&first);
    mf_buf_done(&second);
    mf_arena_done(&arena);
    return 0;
}
