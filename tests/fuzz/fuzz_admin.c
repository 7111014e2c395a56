/* Any line as a request of an admin socket. What is accepted keeps what the
 * commands rely on, and is no larger than its arena may be. */
#include "base/error.h"
#include "proxy/admin/admin.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(int holds)
{
    if (!holds)
        __builtin_trap();
}

static void check_sources(const mf_admin_sources *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const mayfly_source *s = &list->items[i];
        must(s->name[0] && strlen(s->text) == s->len);
    }
}

static void check(const mf_admin_request *q)
{
    must(mf_admin_command_name(q->command)[0]);
    must(q->command == MF_ADMIN_STAT ? !q->unit : q->unit && q->unit[0]);
    must(q->wait_ms <= MF_ADMIN_WAIT_MS_MAX);
    must(!q->path || (q->path[0] == '/' && !q->schema.text));
    must(!q->schema.text || q->schema.name[0]);
    for (size_t i = 0; i < q->include_dirs.n; i++)
        must(q->include_dirs.items[i][0] == '/');
    for (size_t i = 0; i < q->header_dirs.n; i++)
        must(q->header_dirs.items[i][0] == '/');
    check_sources(&q->files);
    check_sources(&q->handlers);
    if (q->command == MF_ADMIN_LOAD)
        must(q->path || q->schema.text || q->handlers.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static mf_alloc alloc;
    static int is_ready;
    mayfly_arena arena;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mf_admin_request q;
    mf_buf out;
    if (!is_ready)
        mf_alloc_init(&alloc, NULL);
    is_ready = 1;
    mf_arena_init(&arena, &alloc, 0, 3 * n + (1 << 20));
    mf_buf_init(&out, &alloc, 0);
    int code = mf_admin_request_read((mayfly_str){(const char *)bytes, n},
                                     &arena, &q, &err);
    if (code == 0) {
        check(&q);
    } else {
        must(code == err.code && err.message[0]);
        mf_admin_write_error(&err, &out);
        must(!out.failed && !memchr(out.ptr, '\n', out.len));
    }
    mf_buf_done(&out);
    mf_arena_done(&arena);
    return 0;
}
