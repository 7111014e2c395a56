/* Any bytes as t.Everything: both builds of the decode loop must agree, and
 * what was accepted must come back the same when it is encoded and decoded
 * again. */
#include "compiler/kernel/codec.h"
#include "compiler/kernel/tables.h"
#include "tests/support/plan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/golden/unit/everything.c"

typedef struct codec {
    mf_alloc alloc;
    mf_plan *plan;
    mf_buf tables, plain;
    uint32_t index;
} codec;

/* Made once; libFuzzer keeps it reachable. */
static codec *codec_get(void)
{
    static codec *made;
    codec *c;

    if (made)
        return made;
    c = calloc(1, sizeof(*c));
    mf_alloc_init(&c->alloc, NULL);
    mf_buf_init(&c->tables, &c->alloc, 0);
    mf_buf_init(&c->plain, &c->alloc, 0);
    if (test_plan(&c->alloc, "tests/golden/unit", "everything.proto", &c->plan,
                  NULL) != 0 ||
        mf_tables_build(c->plan, &c->tables, NULL) != 0 ||
        mf_tables_build(c->plan, &c->plain, NULL) != 0)
        abort();
    ((mf_tables *)(void *)c->plain.ptr)->variant = MF_VARIANT_PLAIN;
    c->index = mf_plan_find(c->plan, "t.Everything")->index;
    return made = c;
}

/* Decodes and encodes; false: refused. What was accepted can be encoded. */
static int again(codec *c, const void *tables, mayfly_bytes in,
                 mayfly_arena *arena, mayfly_bytes *ret)
{
    void *message;
    int code =
        mf_decode(tables, c->index, in.ptr, in.len, arena, &message, NULL);

    if (code == 0)
        code = mf_encode(mf_unit_entry.encode[c->index], message, 0, arena, ret,
                         NULL);
    if (code != 0 && code != MAYFLY_EDECODE && code != MAYFLY_ELIMIT)
        abort();
    return code == 0;
}

static int equal(mayfly_bytes a, mayfly_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    codec *c = codec_get();
    mayfly_bytes in = {bytes, n}, one, two;
    mayfly_arena arena;
    int accepted;

    mf_arena_init(&arena, &c->alloc, 0, 0);
    accepted = again(c, c->tables.ptr, in, &arena, &one);
    if (again(c, c->plain.ptr, in, &arena, &two) != accepted ||
        (accepted && !equal(one, two)))
        abort();
    if (accepted &&
        (!again(c, c->tables.ptr, one, &arena, &two) || !equal(one, two)))
        abort();
    mf_arena_done(&arena);
    return 0;
}
