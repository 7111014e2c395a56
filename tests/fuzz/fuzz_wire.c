/* Any bytes as a message on the wire: an error, or a struct of which JSON can
 * be made. */
#include "tests/fuzz/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    message *m = message_get();
    mayfly_arena arena;
    void *decoded = NULL;
    mf_buf json;

    mf_arena_init(&arena, &m->alloc, 0, 64 << 20);
    if (mf_decode(m->tables.ptr, m->index, bytes, n, &arena, &decoded, NULL) ==
        0) {
        mf_buf_init(&json, &m->alloc, 64 << 20);
        mf_json_print(m->plan, m->index, decoded, MF_JSON_PRETTY, NULL, &json,
                      NULL);
        mf_buf_done(&json);
    }
    mf_arena_done(&arena);
    return 0;
}
