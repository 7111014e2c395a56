/*
 * tests/tools/codec.c: decodes and encodes t.Everything, for a peer to judge.
 *
 * Usage: codec [--plain] < frames > answers. A frame is a little-endian
 * uint32_t length and the bytes of a message. An answer is a byte, 0 for
 * accepted, the same kind of length, and the message encoded again or the
 * error's text. Inputs lie in blocks of exactly their size, so that
 * AddressSanitizer sees reads past the end.
 *
 * The unit is compiled by libtcc, as in use. With --plain it is the golden file
 * as the system compiler made it, and the decode loop that every processor can
 * run.
 */
#include "compiler/kernel/tables.h"
#include "tests/support/plan.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden/unit/everything.c"

struct tool {
    mf_alloc alloc;
    mf_compiler compiler;
    mf_unit *unit;
    mf_buf plain_tables;
    const void *tables;
    mf_encode_fn encode;
    uint32_t message;
};

static void answer(int refused, const void *bytes, size_t n)
{
    uint32_t len = (uint32_t)n;

    putchar(refused);
    fwrite(&len, 4, 1, stdout);
    fwrite(bytes, 1, n, stdout);
}

static void one(struct tool *t, const uint8_t *in, size_t len)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_arena arena;
    mayfly_bytes out;
    void *message;

    mf_arena_init(&arena, &t->alloc, 0, (size_t)64 << 20);
    if (mf_decode(t->tables, t->message, in, len, &arena, &message, &err) ==
            0 &&
        mf_encode(t->encode, message, 0, &arena, &out, &err) == 0)
        answer(0, out.ptr, out.len);
    else
        answer(1, err.message, strlen(err.message));
    mf_arena_done(&arena);
}

static int run(struct tool *t)
{
    uint32_t len;

    while (fread(&len, 4, 1, stdin) == 1) {
        uint8_t *in = malloc(len ? len : 1);

        if (!in || fread(in, 1, len, stdin) != len)
            return 1;
        one(t, in, len);
        free(in);
    }
    return fflush(stdout) != 0;
}

static int prepare(struct tool *t, int plain, mayfly_error *err)
{
    static const mf_cc_limits limits;
    static const mf_log log;
    int code = mf_compiler_init(&t->compiler, &t->alloc, &log, &limits, 0, err);

    if (code == 0)
        code = test_unit(&t->compiler, "tests/golden/unit", "everything.proto",
                         &t->unit, NULL, err);
    if (code == 0)
        code = mf_tables_build(t->unit->plan, &t->plain_tables, err);
    if (code != 0)
        return code;
    ((mf_tables *)(void *)t->plain_tables.ptr)->variant = MF_VARIANT_PLAIN;
    t->message = mf_plan_find(t->unit->plan, "t.Everything")->index;
    t->tables = plain ? t->plain_tables.ptr : t->unit->tables;
    t->encode = (plain ? &mf_unit_entry : t->unit->entry)->encode[t->message];
    return 0;
}

int main(int argc, char **argv)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    struct tool t = {0};
    int code;

    mf_alloc_init(&t.alloc, NULL);
    mf_buf_init(&t.plain_tables, &t.alloc, 0);
    code = prepare(&t, argc > 1 && strcmp(argv[1], "--plain") == 0, &err);
    if (code == 0)
        code = run(&t);
    else
        fprintf(stderr, "%s\n", err.message);
    mf_buf_done(&t.plain_tables);
    mf_unit_free(t.unit);
    mf_compiler_done(&t.compiler);
    return code != 0;
}
