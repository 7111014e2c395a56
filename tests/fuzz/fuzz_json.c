/* Any text as JSON of a message. What is accepted can be printed, and what is
 * printed is accepted again and printed the same. */
#include "tests/fuzz/message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* 1 when the text was accepted; then `out` has it printed. */
static int round_trip(message *m, mayfly_str text, mayfly_arena *arena,
                      mf_buf *out)
{
    void *parsed = NULL;

    if (mf_json_parse(m->plan, m->index, text, 0, NULL, arena, &parsed, NULL) !=
        0)
        return 0;
    return mf_json_print(m->plan, m->index, parsed, 0, NULL, out, NULL) == 0;
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
